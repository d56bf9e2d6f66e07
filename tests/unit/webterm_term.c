/* tests/unit/webterm_term.c - the parts of the terminal that need no browser: whom its program
 * waits for, its text, its recordings. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "webterm/record.h"
#include "webterm/term_pace.h"
#include "webterm/term_text.h"

TestSuite(webterm_term, .timeout = 20);

#define MS 1000000ull

/* ---- whom the program waits for ------------------------------------------------------------ */

Test(webterm_term, a_client_that_lacks_little_keeps_up_whatever_it_takes)
{
    struct pace p;

    pace_start(&p, 0, 1000);
    for (uint64_t t = 0; t < 20000 * MS; t += 100 * MS) {
        cr_assert(!pace_step(&p, t, 1000, 1000 + PACE_LAG - 1));
        cr_assert(!p.slow);
    }
    cr_expect_eq(pace_least(PTY_NOBODY, &p, 1000), 1000);
    cr_expect_eq(pace_least(500, &p, 1000), 500);
}

Test(webterm_term, one_that_lags_and_takes_too_little_is_not_waited_for_until_it_takes_more)
{
    uint64_t end = 100 << 20, acked = 0, t;
    struct pace p;

    pace_start(&p, 0, 0);
    for (t = 0; t < 990 * MS; t += 10 * MS) {
        cr_assert(pace_step(&p, t, acked, end) && !p.slow, "not before a second is over");
    }
    cr_expect(pace_step(&p, 1000 * MS, acked, end) && p.slow);
    cr_expect_eq(pace_least(PTY_NOBODY, &p, acked), PTY_NOBODY);
    for (; t < 5000 * MS; t += 100 * MS, acked += PACE_LEAST / 10 + 100) {
        pace_step(&p, t, acked, end);
    }
    cr_expect(!p.slow);
    for (; t < 9000 * MS; t += 100 * MS, acked += PACE_LEAST / 10 - 1000) {
        pace_step(&p, t, acked, end);
    }
    cr_expect(p.slow);
    cr_expect(!pace_step(&p, t, end - 10, end) && !p.slow, "it has caught up");
}

/* A simulation: a program without end, a page that takes so much a second. */
static uint64_t run(uint64_t rate, uint64_t ms, uint64_t *lost)
{
    uint64_t end = 0, acked = 0, sent = 0;
    struct pace p;

    *lost = 0;
    pace_start(&p, 0, 0);
    for (uint64_t t = 0; t < ms; t++) {
        uint64_t least, room;

        pace_step(&p, t * MS, acked, end);
        least = pace_least(PTY_NOBODY, &p, acked);
        room = least == PTY_NOBODY ? 50000 : least + PTY_WINDOW - end;
        end += room < 50000 ? room : 50000; /* 50 MB/s */
        if (end - sent > PTY_OUTPUT) {
            *lost += end - PTY_OUTPUT - sent;
            acked = sent = end - PTY_OUTPUT;
        }
        acked += rate / 1000 < end - acked ? rate / 1000 : end - acked;
        sent = acked;
    }
    return end;
}

Test(webterm_term, a_program_goes_as_fast_as_who_keeps_up_and_nothing_is_lost)
{
    uint64_t lost, end = run(1000000, 20000, &lost);

    cr_expect(lost == 0 && end < 20 * 1000000 + 2 * PTY_WINDOW && end > 19 * 1000000);
    end = run(100000, 20000, &lost);
    cr_expect(lost > 0 && end > 19 * 49000000ull, "%lu %lu", end, lost);
}

/* ---- text ---------------------------------------------------------------------------------- */

static void expect_text(const char *in, const char *out)
{
    uint8_t bytes[300];
    size_t n = strlen(in);

    memcpy(bytes, in, n);
    n = term_text(bytes, n);
    cr_expect(n == strlen(out) && memcmp(bytes, out, n) == 0, "'%.*s', expected '%s'", (int)n,
              bytes, out);
}

Test(webterm_term, text_is_what_was_to_be_read)
{
    expect_text("plain\r\ntext\n", "plain\ntext\n");
    expect_text("\033[1;31mred\033[0m \033]0;a title\007here\033]8;;http://x\033\\link\033(B",
                "red herelink");
    expect_text("ab\b \bc", "ac");
    expect_text("gr\xc3\xbc\b\bx", "gx");
    expect_text("\r\n 10%\r 20%\r100%\r\n", "\n100%\n");
    expect_text("\033P1$r0m\033\\after\033[?25h\033M!\001\x7f\xff", "after!\xff");
    expect_text("cut \033[38;5", "cut ");
    expect_text("\033]0;no end", "");
    expect_text("a\n\b\bb", "a\nb");
}

/* ---- recordings ---------------------------------------------------------------------------- */

static uint8_t cut[4];
static size_t cut_len;

static const char *event(const char *bytes, size_t len)
{
    static char to[4096];
    size_t n = record_event(to, 1.5, (const uint8_t *)bytes, len, cut, &cut_len);

    to[n] = '\0';
    return to;
}

#define EVENT(text) "[1.500000, \"o\", \"" text "\"]\n"
#define BAD "\xef\xbf\xbd"

Test(webterm_term, characters_are_whole_in_every_event)
{
    static const char text[] = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80z";

    cr_expect_str_eq(event("plain \"q\" \\ \033[0m\r\n", 18),
                     EVENT("plain \\\"q\\\" \\\\ \\u001b[0m\\u000d\\u000a"));
    for (size_t at = 0; at < sizeof text; at++) {
        char both[200] = "";

        cut_len = 0;
        for (unsigned i = 0; i < 2; i++) {
            const char *one = i == 0 ? event(text, at) : event(text + at, sizeof text - 1 - at);
            size_t n = strlen(one);

            if (n > 0) {
                strncat(both, one + strlen("[1.500000, \"o\", \""),
                        n - strlen("[1.500000, \"o\", \"") - strlen("\"]\n"));
            }
        }
        cr_expect_str_eq(both, text, "cut at %zu", at);
        cr_expect_eq(cut_len, 0);
    }
}

Test(webterm_term, what_is_no_utf8_is_replaced)
{
    static const struct {
        const char *in, *out;
    } rows[] = {{"\xff", BAD},          {"a\x80z", "a" BAD "z"},
                {"\xc0\xaf", BAD BAD},  {"\xed\xa0\x80", BAD BAD BAD},
                {"\xe2\x82z", BAD "z"}, {"\xf4\x90\x80\x80", BAD BAD BAD BAD}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char expected[100];

        cut_len = 0;
        snprintf(expected, sizeof expected, EVENT("%s"), rows[i].out);
        cr_expect_str_eq(event(rows[i].in, strlen(rows[i].in)), expected, "row %zu", i);
    }
    cut_len = 0;
    cr_expect_str_eq(event("\xe2\x82", 2), "");
    cr_expect_str_eq(event("z", 1), EVENT(BAD "z"));
    cr_expect_str_eq(event("\xe2", 1), "");
    cr_expect_str_eq(event("\x82", 1), "");
    cr_expect_str_eq(event("\xac!", 2), EVENT("\xe2\x82\xac!"));
}

Test(webterm_term, a_recording_is_a_file_that_players_read_and_is_bounded)
{
    char dir[] = "/dev/shm/cw-record-XXXXXX", why[300], path[200];
    static uint8_t flood[1 << 20];
    struct recording r;
    json_t *list, *head;
    json_error_t at;
    int folder, fd;
    FILE *f;

    cr_assert(mkdtemp(dir));
    folder = open(dir, O_RDONLY | O_DIRECTORY);
    cr_assert_eq(
        record_start(&r, folder, dir, "../l\"ab", 80, 24, 1700000000123456789, why, sizeof why), 0,
        "%s", why);
    cr_expect_str_eq(r.name, "---l-ab-20231114-221320.123.cast");
    cr_expect(record_output(&r, (const uint8_t *)"hi\r\n", 4, 1700000001123456789));
    cr_expect(record_size(&r, 100, 30, 1700000002123456789));
    snprintf(path, sizeof path, "%s/%s", dir, r.name);
    f = fopen(path, "r");
    head = json_loadf(f, JSON_DISABLE_EOF_CHECK, &at);
    cr_expect(json_integer_value(json_object_get(head, "version")) == 2 &&
              json_integer_value(json_object_get(head, "width")) == 80);
    json_decref(head);
    fclose(f);
    memset(flood, 'x', sizeof flood);
    for (unsigned i = 0; i < 40 && record_output(&r, flood, sizeof flood, 1700000003123456789);
         i++) {
    }
    cr_expect(r.failed && r.size <= RECORD_MOST && r.size > RECORD_MOST - 10000);
    record_stop(&r);
    list = json_object_get(record_list(folder), "recordings");
    cr_assert_eq(json_array_size(list), 1);
    cr_expect_float_eq(json_real_value(json_object_get(json_array_get(list, 0), "started")),
                       1700000000.123, 0.001);
    cr_expect_lt(record_open(folder, "none.cast"), 0);
    fd = record_open(folder, strrchr(path, '/') + 1);
    cr_expect_geq(fd, 0);
    unlink(path);
    rmdir(dir);
}

/* All these are there. */
Test(webterm_term, only_a_recording_is_opened_and_nothing_outside_its_folder, .timeout = 20)
{
    static const char *const files[] = {"in/..cast", "in/a_b.cast", "in/a.txt", "in/.cast",
                                        "out.cast"};
    char dir[] = "/dev/shm/cw-record-XXXXXX", path[100];
    int folder;

    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/in", dir);
    cr_assert_eq(mkdir(path, 0700), 0);
    folder = open(path, O_RDONLY | O_DIRECTORY);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        cr_assert_geq(open(path, O_WRONLY | O_CREAT, 0600), 0);
    }
    cr_assert_eq(symlinkat("../out.cast", folder, "link.cast"), 0);
    cr_expect_lt(record_open(folder, "../../../etc/passwd"), 0);
    cr_expect_lt(record_open(folder, "../out.cast"), 0);
    cr_expect_lt(record_open(folder, "link.cast"), 0);
    cr_assert_eq(mkfifoat(folder, "fifo.cast", 0600), 0);
    cr_assert_eq(mkdirat(folder, "folder.cast", 0700), 0);
    cr_expect_eq(record_open(folder, "fifo.cast"), -ENOENT); /* and does not wait */
    cr_expect_eq(record_open(folder, "folder.cast"), -ENOENT);
    unlinkat(folder, "fifo.cast", 0);
    unlinkat(folder, "folder.cast", AT_REMOVEDIR);
    for (size_t i = 0; i < sizeof files / sizeof files[0] - 1; i++) {
        cr_expect_lt(record_open(folder, files[i] + strlen("in/")), 0, "%s", files[i]);
    }
    unlinkat(folder, "link.cast", 0);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/in", dir);
    rmdir(path);
    cr_expect_eq(rmdir(dir), 0);
}
