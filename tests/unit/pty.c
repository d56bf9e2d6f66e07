/* tests/unit/pty.c - the two files of a terminal session: what is read, what is lost, what a killed
 * end leaves, and what a liar can do. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/fault.h"
#include "shm/file.h"
#include "shm/pty.h"

#define BEGUN 128 /* in the file: shm/pty.c, struct pty_host_shared */
#define END 136
#define TYPED 128 /* and pty_web_shared */
#define SIZE 272

static char dir[] = "/dev/shm/cw-pty-XXXXXX";
static char why[400];
static struct pty_host p;
static struct pty_web w;
static uint8_t bytes[PTY_OUTPUT];

static void open_host(void)
{
    cr_assert_eq(pty_host_open(&p, dir, 0, why, sizeof why), 0, "%s", why);
}

static void open_web(void)
{
    cr_assert_eq(pty_web_open(&w, dir, 0, why, sizeof why), 0, "%s", why);
}

static void open_all(void)
{
    cr_assert(mkdtemp(dir));
    open_host();
    open_web();
}

static void close_all(void)
{
    char path[80];

    pty_host_close(&p);
    pty_web_close(&w);
    snprintf(path, sizeof path, "%s/pty.0.host", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/pty.0.web", dir);
    unlink(path);
    cr_assert_eq(rmdir(dir), 0);
}

TestSuite(pty, .timeout = 20, .init = open_all, .fini = close_all);

/* The byte at each position tells where it is. */
static uint8_t byte_at(uint64_t at)
{
    return (uint8_t)(at * 131 + at / 251 + at / 65537);
}

static void put(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bytes[i] = byte_at(p.end + i);
    }
    pty_put(&p, bytes, n);
}

static bool right(uint64_t from, ssize_t n)
{
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] != byte_at(from + (uint64_t)i)) {
            return false;
        }
    }
    return true;
}

static void poke(const char *half, off_t at, uint64_t value)
{
    char path[80];
    int fd;

    snprintf(path, sizeof path, "%s/pty.0.%s", dir, half);
    fd = open(path, O_WRONLY);
    cr_assert(fd >= 0 && pwrite(fd, &value, sizeof value, at) == sizeof value);
    close(fd);
}

Test(pty, every_byte_of_output_is_read_once_whatever_the_lengths)
{
    uint64_t at = 0;

    for (size_t n = 1; p.end < 3 * (uint64_t)PTY_OUTPUT; n = n * 3 % 70001 + 1) {
        ssize_t got;

        put(n);
        while ((got = pty_read(&w, at, bytes, n / 2 + 7)) > 0) {
            cr_assert(right(at, got), "at %lu", at);
            at += (uint64_t)got;
        }
        cr_assert_eq(got, 0);
        cr_assert_eq(at, p.end);
    }
}

Test(pty, output_that_the_kernel_puts_there_is_read_as_the_same)
{
    uint64_t at = 0;
    int pipes[2];

    cr_assert_eq(pipe(pipes), 0);
    for (size_t n = 1; p.end < 2 * (uint64_t)PTY_OUTPUT; n = n * 5 % 40009 + 1) {
        struct iovec piece[2];
        int pieces = pty_room(&p, PTY_ROOM, piece);

        for (size_t i = 0; i < n; i++) {
            bytes[i] = byte_at(p.end + i);
        }
        cr_assert_eq(write(pipes[1], bytes, n), (ssize_t)n);
        cr_assert_eq(readv(pipes[0], piece, pieces), (ssize_t)n);
        pty_commit(&p, n);
        cr_assert_eq(pty_read(&w, at, bytes, sizeof bytes), (ssize_t)n);
        cr_assert(right(at, (ssize_t)n));
        at += n;
    }
    close(pipes[0]);
    close(pipes[1]);
}

Test(pty, a_reader_that_was_overtaken_is_told_and_finds_the_oldest)
{
    struct pty_look l;
    ssize_t n;

    put(1000);
    put(PTY_OUTPUT / 2);
    put(PTY_OUTPUT / 2 - 1000);
    cr_expect_gt(pty_read(&w, 0, bytes, 100), 0, "nothing is lost yet");
    put(1);
    cr_expect_eq(pty_read(&w, 0, bytes, 100), -1);
    pty_look(&w, &l);
    cr_expect(l.start > 0 && l.end - l.start >= PTY_OUTPUT - PTY_ROOM);
    n = pty_read(&w, l.start, bytes, 100);
    cr_expect(n == 100 && right(l.start, n));
    cr_expect_eq(pty_read(&w, l.end + 1, bytes, 100), -1, "never was");
}

Test(pty, what_is_about_to_be_overwritten_is_not_read)
{
    struct iovec piece[2];

    put(PTY_OUTPUT / 2);
    put(PTY_OUTPUT / 2);
    cr_expect_eq(pty_read(&w, 0, bytes, 1), 1);
    pty_room(&p, 100, piece);
    cr_expect_eq(pty_read(&w, 0, bytes, 1), -1);
    cr_expect_eq(pty_read(&w, 99, bytes, 1), -1);
    cr_expect_eq(pty_read(&w, 100, bytes, 1), 1);
    pty_host_close(&p); /* killed: its successor cannot know what the kernel has put there */
    open_host();
    pty_commit(&p, 0);
    cr_expect_eq(pty_read(&w, 99, bytes, 1), -1);
}

Test(pty, a_new_session_starts_where_the_last_one_ended)
{
    struct pty_look l;

    pty_look(&w, &l);
    cr_expect(l.epoch == 0 && l.start == 0 && l.end == 0);
    pty_begin(&p, 77);
    put(500);
    pty_begin(&p, 78);
    pty_look(&w, &l);
    cr_expect(l.epoch == 78 && l.start == 500 && l.end == 500);
    cr_expect_eq(pty_read(&w, 100, bytes, 10), -1, "of another session");
    put(5);
    cr_expect_eq(pty_read(&w, 500, bytes, 10), 5);
}

Test(pty, what_is_typed_is_taken_once_and_the_rest_is_refused)
{
    uint64_t typed = 0, taken = 0;

    for (size_t n = 1; taken < 20 * (uint64_t)PTY_INPUT; n = n * 7 % 90001 + 1) {
        size_t accepted, got;

        for (size_t i = 0; i < n; i++) {
            bytes[i] = byte_at(typed + i);
        }
        accepted = pty_type(&w, bytes, n);
        typed += accepted;
        cr_assert(typed - taken <= PTY_INPUT);
        cr_assert(accepted == n || typed - taken == PTY_INPUT);
        got = pty_input(&p, bytes, n % 3000 + 1);
        cr_assert(right(taken, (ssize_t)got));
        pty_took(&p, got);
        taken += got;
    }
}

Test(pty, killed_ends_go_on_where_they_were)
{
    put(700);
    cr_expect_eq(pty_type(&w, "abcdef", 6), 6);
    cr_expect_eq(pty_input(&p, bytes, 2), 2);
    pty_took(&p, 2);
    pty_web_close(&w);
    put(300);
    open_web();
    cr_expect_eq(pty_read(&w, 600, bytes, sizeof bytes), 400);
    cr_expect(right(600, 400));
    cr_expect_eq(pty_type(&w, "gh", 2), 2);
    cr_expect_eq(pty_input(&p, bytes, sizeof bytes), 6);
    cr_expect_eq(memcmp(bytes, "cdefgh", 6), 0);
    pty_host_close(&p);
    open_host();
    cr_expect_eq(pty_input(&p, bytes, sizeof bytes), 6, "accepted, and lost");
    cr_expect_eq(p.end, 1000);
    cr_expect_str_empty(why);
    pty_took(&p, 6);
    cr_expect_eq(pty_type(&w, bytes, sizeof bytes), PTY_INPUT);
}

Test(pty, more_input_than_there_can_be_is_no_news)
{
    pty_type(&w, "abc", 3);
    poke("web", TYPED, PTY_INPUT + 1);
    cr_expect_eq(pty_input(&p, bytes, 100), 0);
    poke("web", TYPED, 3);
    cr_expect_eq(pty_input(&p, bytes, 100), 3);
}

Test(pty, an_end_is_one_process_s)
{
    struct pty_host second;
    struct pty_web other;

    cr_expect_eq(pty_host_open(&second, dir, 0, why, sizeof why), -EBUSY);
    cr_expect(strstr(why, "another process has this end"), "%s", why);
    cr_expect_eq(pty_web_open(&other, dir, 0, why, sizeof why), -EBUSY);
}

Test(pty, ptyhost_waits_at_the_window_and_is_rung_for_what_is_released)
{
    cr_expect(!pty_release(&w, 0));
    put(PTY_WINDOW - 1);
    cr_expect(!pty_waits(&p));
    put(1);
    cr_expect(pty_waits(&p));
    cr_expect(pty_release(&w, 1), "it waits, and nobody rings");
    cr_expect(!pty_waits(&p));
    cr_expect(!pty_release(&w, 2));
    put(PTY_OUTPUT / 2);
    cr_expect(pty_waits(&p));
    cr_expect(pty_release(&w, PTY_NOBODY));
    cr_expect(!pty_waits(&p));
}

Test(pty, webterm_is_rung_once_for_what_comes_after_it_armed)
{
    cr_expect(!pty_heard(&p));
    put(10);
    pty_heard(&p); /* for position 0 of a file that is new */
    cr_expect(pty_arm(&w, 5), "there is more");
    cr_expect(!pty_arm(&w, 10));
    cr_expect(!pty_heard(&p));
    put(1);
    cr_expect(pty_heard(&p));
    put(1);
    cr_expect(!pty_heard(&p), "rung twice");
    cr_expect(!pty_arm(&w, 12));
    put(1);
    cr_expect(pty_heard(&p));
}

Test(pty, the_wanted_size_is_told_once_and_only_if_it_can_be)
{
    uint16_t cols, rows;

    cr_expect(!pty_wants(&p, &cols, &rows));
    pty_want(&w, 132, 43);
    cr_expect(pty_wants(&p, &cols, &rows) && cols == 132 && rows == 43);
    cr_expect(!pty_wants(&p, &cols, &rows));
    pty_want(&w, 0, 43);
    cr_expect(!pty_wants(&p, &cols, &rows));
    pty_want(&w, 2000, 43);
    cr_expect(!pty_wants(&p, &cols, &rows));
    poke("web", SIZE, 1ull << 32 | 43 << 16 | 80);
    cr_expect(!pty_wants(&p, &cols, &rows));
}

Test(pty, an_own_half_that_was_lost_goes_on_where_the_other_is)
{
    put(100);
    cr_expect_eq(pty_type(&w, "abc", 3), 3);
    cr_expect_eq(pty_input(&p, bytes, 10), 3);
    pty_took(&p, 3);
    pty_web_close(&w);
    poke("web", 0, 0); /* its magic */
    poke("web", TYPED, 1ull << 50);
    open_web();
    cr_expect(strstr(why, "not a file of Causeway's"), "%s", why);
    cr_expect_eq(pty_type(&w, "def", 3), 3);
    cr_expect_eq(pty_input(&p, bytes, 10), 3);
    cr_expect_eq(memcmp(bytes, "def", 3), 0);
    pty_host_close(&p);
    poke("host", END, 1ull << 60);
    open_host();
    cr_expect(strstr(why, "do not hold together"), "%s", why);
    cr_expect_eq(pty_type(&w, "ghi", 3), 3);
    cr_expect_eq(pty_input(&p, bytes, 10), 3);
    cr_expect_eq(memcmp(bytes, "ghi", 3), 0);
    cr_expect_eq(pty_read(&w, 0, bytes, 10), 0);
}

static uint64_t state = 88172645463325252ull;

static uint64_t noise(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* Whatever stands in the other's half: no crash, and nothing out of bounds. */
Test(pty, a_liar_cannot_harm_the_other_end)
{
    static const uint64_t odd[] = {
        0,          1,          7,          PTY_INPUT,      PTY_INPUT + 1,
        PTY_OUTPUT, 1ull << 32, 1ull << 63, UINT64_MAX - 7, UINT64_MAX};
    uint64_t *host = mmap(NULL, FILE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, p.fd, 0);
    uint64_t *web = mmap(NULL, FILE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, w.fd, 0);
    uint16_t cols, rows;
    unsigned read = 0, input = 0;

    cr_assert(host != MAP_FAILED && web != MAP_FAILED);
    put(5000);
    for (unsigned i = 0; i < 200000; i++) {
        uint64_t lie = noise() % 2   ? odd[noise() % 10]
                       : noise() % 2 ? noise()
                                     : p.taken + noise() % (2 * PTY_INPUT);
        struct pty_look l;
        ssize_t n;

        *(noise() % 2 ? &host[8 + noise() % 48] : &web[8 + noise() % 48]) = lie;
        pty_look(&w, &l);
        cr_assert(l.start <= l.end);
        n = pty_read(&w, noise() % 2 ? l.start : noise(), bytes, 100);
        cr_assert(n <= 100);
        read += n > 0;
        n = (ssize_t)pty_input(&p, bytes, 100);
        cr_assert(n <= 100);
        input += n > 0;
        cr_assert(pty_type(&w, bytes, 100) <= 100);
        cr_assert(!pty_wants(&p, &cols, &rows) || (cols <= 1000 && rows <= 1000 && cols && rows));
        pty_heard(&p);
        pty_waits(&p);
    }
    cr_expect(read > 100 && input > 100, "the lies were never believed");
    munmap(host, FILE_PAGE);
    munmap(web, FILE_PAGE);
}

Test(pty, a_file_cut_short_has_no_news_until_it_is_whole_again)
{
    struct pty_look l;

    fault_open();
    put(5000);
    pty_type(&w, "abc", 3);
    cr_assert_eq(ftruncate(p.fd, 0), 0);
    cr_assert_eq(ftruncate(w.fd, 0), 0);
    pty_look(&w, &l);
    cr_expect(pty_read(&w, 0, bytes, 100) <= 0);
    cr_expect_eq(pty_input(&p, bytes, 100), 0);
    cr_assert_eq(ftruncate(p.fd, FILE_PAGE + PTY_OUTPUT), 0);
    cr_assert_eq(ftruncate(w.fd, FILE_PAGE + PTY_INPUT), 0);
    put(10);
    cr_expect_eq(pty_read(&w, p.end - 10, bytes, 100), 10);
    pty_type(&w, "abc", 3);
    cr_expect_eq(pty_input(&p, bytes, 100), 6);
}
