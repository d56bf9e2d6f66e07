/* tests/unit/webterm_text.c - what peers write in headers, as http_text.c, auth.c and audit.c see
 * it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "webterm/audit.h"
#include "webterm/auth.h"
#include "webterm/http_text.h"

TestSuite(webterm_text, .timeout = 20);

Test(webterm_text, a_host_is_its_name_in_small_letters)
{
    static const struct {
        const char *host, *name; /* NULL: no host */
    } rows[] = {
        {"localhost", "localhost"},
        {"LOCALHOST:8070", "localhost"},
        {"localhost.:8070", "localhost"},
        {"127.0.0.1:8070", "127.0.0.1"},
        {"[::1]:8070", "::1"},
        {"[::1]", "::1"},
        {"lab.example.org", "lab.example.org"},
        {"", NULL},
        {":8070", NULL},
        {"a b", NULL},
        {"localhost,evil.example", NULL},
        {"localhost:8070x", NULL},
        {"localhost:123456", NULL},
        {"[::1", NULL},
        {"[]", NULL},
        {"[::1]x", NULL},
        {"evil.example/localhost", NULL},
        {"user@localhost", NULL},
        {"::1", NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[HTTP_NAME_MAX] = "";
        bool is = http_host_name(rows[i].host, name);

        cr_expect(is == (rows[i].name != NULL), "%s", rows[i].host);
        cr_expect(!is || (rows[i].name && strcmp(name, rows[i].name) == 0), "%s: %s", rows[i].host,
                  name);
    }
}

Test(webterm_text, a_host_longer_than_a_name_is_none)
{
    char host[400], name[HTTP_NAME_MAX];

    memset(host, 'a', sizeof host);
    for (size_t len = 1; len < sizeof host; len++) {
        host[len] = '\0';
        cr_expect(http_host_name(host, name) == (len < HTTP_NAME_MAX), "%zu", len);
        host[len] = 'a';
    }
}

Test(webterm_text, only_names_of_this_machine_are_local)
{
    static const char *const local[] = {"localhost", "127.0.0.1", "::1"};
    static const char *const other[] = {
        "localhost.evil.example", "evil.example", "127.0.0.1.evil", "0.0.0.0", "127.0.0.2", ""};

    for (size_t i = 0; i < 3; i++) {
        cr_expect(http_host_is_local(local[i]), "%s", local[i]);
    }
    for (size_t i = 0; i < 6; i++) {
        cr_expect(!http_host_is_local(other[i]), "%s", other[i]);
    }
}

Test(webterm_text, a_host_may_be_listed_by_its_origin)
{
    const char *list = "https://lab.example.org  http://[2001:db8::1]:8070 nonsense";

    cr_expect(http_host_listed("lab.example.org", list));
    cr_expect(http_host_listed("2001:db8::1", list));
    cr_expect(!http_host_listed("example.org", list));
    cr_expect(!http_host_listed("nonsense", list));
    cr_expect(!http_host_listed("lab.example.org", ""));
}

Test(webterm_text, an_origin_is_ours_by_scheme_name_and_port)
{
    static const struct {
        const char *origin, *host;
        bool tls, may;
    } rows[] = {
        {"http://localhost:8070", "localhost:8070", false, true},
        {"HTTP://localhost:8070", "localhost:8070", false, false},
        {"http://LocalHost:8070", "localhost:8070", false, true},
        {"https://localhost:8070", "localhost:8070", true, true},
        {"http://localhost:8070", "localhost:8070", true, false},
        {"https://localhost:8070", "localhost:8070", false, false},
        {"http://localhost:8071", "localhost:8070", false, false},
        {"http://localhost", "localhost:8070", false, false},
        {"http://localhost:8070.evil.example", "localhost:8070", false, false},
        {"http://evil.example", "localhost:8070", false, false},
        {"null", "localhost:8070", false, false},
        {"", "localhost:8070", false, false},
        {"http://", "", false, false},
        {"https://lab.example.org", "127.0.0.1:8070", false, true}, /* listed */
        {"https://lab.example.org:444", "127.0.0.1:8070", false, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool may = http_origin_may(rows[i].origin, rows[i].host, rows[i].tls,
                                   "https://other.example https://lab.example.org");

        cr_expect(may == rows[i].may, "%s at %s", rows[i].origin, rows[i].host);
    }
}

Test(webterm_text, a_cookie_is_found_by_its_whole_name)
{
    char value[8];

    cr_assert(http_cookie("a=1; causeway=xyz;b=2", "causeway", value, sizeof value));
    cr_expect_str_eq(value, "xyz");
    cr_assert(http_cookie("b=;a=12345 67", "b", value, sizeof value));
    cr_expect_str_eq(value, "");
    cr_expect(!http_cookie("xcauseway=1; causewayx=2; causeway", "causeway", value, sizeof value));
    cr_expect(!http_cookie("a=12345678", "a", value, sizeof value), "no room for it");
    cr_expect(!http_cookie("", "a", value, sizeof value));
}

Test(webterm_text, an_etag_matches_in_a_list_and_weakly)
{
    cr_expect(http_etag_matches("\"abc\"", "\"abc\""));
    cr_expect(http_etag_matches("\"x\", W/\"abc\"", "\"abc\""));
    cr_expect(http_etag_matches("*", "\"abc\""));
    cr_expect(!http_etag_matches("\"abcd\"", "\"abc\""));
    cr_expect(!http_etag_matches("", "\"abc\""));
}

Test(webterm_text, a_coding_is_taken_unless_its_quality_is_zero)
{
    cr_expect(http_accepts_coding("gzip, deflate, br", "br"));
    cr_expect(http_accepts_coding("GZIP;q=0.5", "gzip"));
    cr_expect(http_accepts_coding("br;q=1.0, gzip;q=0", "br"));
    cr_expect(!http_accepts_coding("br;q=1.0, gzip;q=0", "gzip"));
    cr_expect(!http_accepts_coding("br;q=0.000", "br"));
    cr_expect(!http_accepts_coding("brotli", "br"));
    cr_expect(!http_accepts_coding("", "br"));
}

/* ---- wrong tries -------------------------------------------------------------------------- */

Test(webterm_text, five_tries_at_once_and_then_one_in_ten_seconds)
{
    struct auth_bucket b = {0};
    uint64_t now = 1000000;
    int taken = 0;

    for (int i = 0; i < 20; i++) {
        taken += auth_bucket_take(&b, now, 5, 0.1);
    }
    cr_expect_eq(taken, 5);
    cr_expect(!auth_bucket_take(&b, now + 9000, 5, 0.1));
    cr_expect(auth_bucket_take(&b, now + 10000, 5, 0.1));
    cr_expect(!auth_bucket_take(&b, now + 10000, 5, 0.1));
    taken = 0;
    for (int i = 0; i < 20; i++) {
        taken += auth_bucket_take(&b, now + 10000000, 5, 0.1);
    }
    cr_expect_eq(taken, 5, "it is never fuller than full");
}

Test(webterm_text, a_peer_is_its_address_and_of_ipv6_its_network)
{
    static const char *const rows[][2] = {
        {"192.168.2.7:4711", "192.168.2.7"},
        {"[2001:db8:1:2:3:4:5:6]:80", "[2001:db8:1:2"},
        {"[2001:db8:1:2:ffff::6]:80", "[2001:db8:1:2"},
        {"[::1]:80", "[::1"},
        {"unix", "unix"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char key[64];

        auth_peer_key(rows[i][0], key, sizeof key);
        cr_expect_str_eq(key, (char *)rows[i][1]);
    }
}

/* ---- files of secrets --------------------------------------------------------------------- */

static char *secret_file(const char *text, mode_t mode)
{
    static char path[64];
    int fd;

    snprintf(path, sizeof path, "/tmp/webterm_text.XXXXXX");
    fd = mkstemp(path);
    cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    fchmod(fd, mode);
    close(fd);
    return path;
}

static int open_with(const char *text, mode_t mode, char why[400])
{
    struct auth_settings set = {
        .password_file = "", .viewer_password_file = "", .token_file = "", .idle_s = 60};
    struct auth *a;
    int err;

    set.password_file = secret_file(text, mode);
    err = auth_open(&a, &set, why, 400);
    if (err == 0) {
        cr_expect(auth_asks(a));
        auth_close(a);
    }
    unlink(set.password_file);
    return err;
}

Test(webterm_text, a_password_file_is_for_its_owner_and_long_enough)
{
    char why[400];

    cr_expect_eq(open_with("long enough\n", 0600, why), 0);
    cr_expect_eq(open_with("long enough", 0640, why), 0);
    cr_expect_eq(open_with("long enough\n", 0644, why), -EINVAL);
    cr_expect(strstr(why, "chmod o="), "%s", why);
    cr_expect_eq(open_with("short\nbut a long second line\n", 0600, why), -EINVAL);
    cr_expect(strstr(why, "fewer than 8"), "%s", why);
    cr_expect_eq(open_with("", 0600, why), -EINVAL);
}

/* ---- the audit log ------------------------------------------------------------------------ */

Test(webterm_text, what_is_typed_makes_no_lines_of_its_own)
{
    char text[64], small[8];

    audit_escape(text, sizeof text, "a\nb\x1b[2J\x7f\\ \xc3\xa4");
    cr_expect_str_eq(text, "a\\x0ab\\x1b[2J\\x7f\\\\ \xc3\xa4");
    audit_escape(small, sizeof small, "\n\n\n\n\n");
    cr_expect(strlen(small) < sizeof small);
}

Test(webterm_text, an_audit_file_is_appended_to_and_its_owners)
{
    char path[] = "/tmp/webterm_audit.XXXXXX", why[400], text[400] = "";
    struct audit a;
    struct stat st;
    int fd = mkstemp(path);

    close(fd);
    unlink(path);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(audit_open(&a, path, why, sizeof why), 0);
        audit_line(&a, "1.2.3.4:5", i, "typed %s", "ls\n");
        audit_close(&a);
    }
    stat(path, &st);
    cr_expect_eq((int)(st.st_mode & 0777), 0600);
    fd = open(path, O_RDONLY);
    cr_assert(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    unlink(path);
    cr_expect(strstr(text, "Z peer=1.2.3.4:5 session=0 typed ls\\x0a\n"), "%s", text);
    cr_expect(strstr(text, "Z peer=1.2.3.4:5 session=1 typed ls\\x0a\n"), "%s", text);
}
