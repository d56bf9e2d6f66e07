/* tests/fuzz/webterm_headers.c - what webterm reads in headers, and writes of them into its audit
 * log.
 *
 * An input is up to three texts, each ended by a NUL: a header, and two that it is held against. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/fuzz/fuzz.h"
#include "webterm/audit.h"
#include "webterm/auth.h"
#include "webterm/http_text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return 0;
}

/* A text in memory of just its size. */
static char *next_text(struct fuzz *f)
{
    size_t len = strnlen((const char *)f->p, f->left);
    char *text = malloc(len + 1);

    memcpy(text, f->p, len);
    text[len] = '\0';
    f->p += len;
    f->left -= len;
    if (f->left > 0) {
        f->p++;
        f->left--;
    }
    return text;
}

static void check_host(const char *host, const char *origins)
{
    char name[HTTP_NAME_MAX], again[HTTP_NAME_MAX];

    if (!http_host_name(host, name)) {
        return;
    }
    fuzz_check(strlen(name) > 0 && strlen(name) < sizeof name);
    for (const char *c = name; *c; c++) {
        fuzz_check(!isupper((unsigned char)*c) && *c > ' ' && *c < 0x7f && *c != '/' && *c != '@');
    }
    if (!strchr(name, ':')) {
        fuzz_check(http_host_name(name, again));
    }
    fuzz_check(!http_host_listed(name, ""));
    fuzz_check(!http_host_listed(name, origins) || strcasestr(origins, name));
}

static void check_origin(const char *origin, const char *host, const char *origins)
{
    for (int tls = 0; tls < 2; tls++) {
        const char *scheme = tls ? "https://" : "http://";
        size_t len = strlen(scheme);
        bool same =
            host[0] && strncmp(origin, scheme, len) == 0 && strcasecmp(origin + len, host) == 0;

        fuzz_check(http_origin_may(origin, host, tls == 1, "") == same);
        fuzz_check(!http_origin_may(origin, host, tls == 1, origins) || same ||
                   strcasestr(origins, origin));
    }
}

static void check_cookie(const char *cookies, const char *name)
{
    char value[40];

    if (name[0] && !strpbrk(name, "; \t=") && http_cookie(cookies, name, value, sizeof value)) {
        fuzz_check(strlen(value) < sizeof value && !strchr(value, ';'));
        fuzz_check(strstr(cookies, value) && strstr(cookies, name));
    }
}

static void check_lists(const char *list, const char *word)
{
    char quoted[80];

    snprintf(quoted, sizeof quoted, "\"%.60s\"", word);
    fuzz_check(!http_etag_matches(list, quoted) || strstr(list, quoted) || strchr(list, '*'));
    fuzz_check(!word[0] || !http_accepts_coding(list, word) || strcasestr(list, word));
}

static void check_audit(const char *text)
{
    for (size_t size = 1; size < 40; size += 13) {
        char *line = malloc(size);

        audit_escape(line, size, text);
        fuzz_check(strlen(line) < size);
        for (const char *c = line; *c; c++) {
            fuzz_check((unsigned char)*c >= ' ' && *c != 0x7f);
        }
        free(line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    char *header = next_text(&f), *one = next_text(&f), *two = next_text(&f), key[64];

    check_host(header, one);
    check_origin(header, one, two);
    check_cookie(header, one);
    check_lists(header, one);
    check_audit(header);
    auth_peer_key(header, key, sizeof key);
    fuzz_check(strlen(key) < sizeof key);
    free(header);
    free(one);
    free(two);
    return 0;
}
