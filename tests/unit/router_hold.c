/* tests/unit/router_hold.c - held frames over a restart of the router. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "router/hold.h"

#pragma GCC diagnostic ignored "-Wconversion" /* Criterion's own macros */

static char path[64], why[256];
static struct hold h;

static void make_path(void)
{
    strcpy(path, "/dev/shm/cw-held-XXXXXX");
    close(mkstemp(path));
    cr_assert(zero(int, hold_open(&h, path, why, sizeof why)), "%s", why);
}

static void remove_path(void)
{
    unlink(path);
}

TestSuite(router_hold, .timeout = 20, .init = make_path, .fini = remove_path);

static const uint8_t BYTES[100] = {1, 2, 3};

static bool put(uint32_t hop, uint64_t position, uint64_t now)
{
    struct hold_slot what = {
        .position = position, .held_ns = now, .next_hop = hop, .out_iface = 2, .in_iface = 1};
    uint8_t frame[100];

    memcpy(frame, BYTES, sizeof frame);
    frame[99] = (uint8_t)position;
    return hold_put(&h, &what, frame, 60, frame + 60, 40);
}

/* The router dies without a word, and another takes its place. */
static unsigned restart(uint64_t settled, uint64_t now, unsigned *old)
{
    hold_close(&h);
    cr_assert(zero(int, hold_open(&h, path, why, sizeof why)));
    return hold_restore(&h, settled, now, old);
}

static uint64_t pop(uint8_t *last)
{
    struct hold_hop *hop;
    const struct hold_slot *s = hold_ready(&h, &hop);
    uint64_t serial = s ? s->serial : 0;

    if (s) {
        *last = s->frame[99];
        cr_expect(zero(int, memcmp(s->frame, BYTES, 99)));
        cr_expect(eq(u16, s->len, 100));
        hold_leave(&h, hop);
    }
    return serial;
}

/* Evidence is by serial: of a frame that is settled and has not left, or of none. */
Test(router_hold, a_frame_that_killed_twice_is_named_to_the_successor)
{
    struct hold_slot left = {.serial = 2};
    unsigned old;

    for (uint64_t p = 10; p <= 40; p += 10) {
        cr_assert(put(7, p, 1000));
    }
    for (uint64_t deaths = 1; deaths <= 3; deaths++) {
        *h.note.kept = (struct fault_evidence){2, deaths, 11};
        cr_expect(eq(u32, restart(30, 1000, &old), 3));
        cr_expect(eq(u32, hold_deaths(&h, &left), deaths));
        cr_expect(eq(int, hold_poison(&h, 30) != NULL, deaths >= 2), "%u", (unsigned)deaths);
    }
    cr_expect(eq(u64, hold_poison(&h, 30)->position, 20));
    cr_expect(hold_poison(&h, 10) == NULL, "not settled: it will be handled again");
    hold_left(&h, 2);
    cr_expect(hold_poison(&h, 30) == NULL, "given up");
    cr_expect(eq(u32, restart(30, 1000, &old), 2));
}

Test(router_hold, a_successor_has_what_was_settled_and_not_what_was_not)
{
    unsigned old, at = 0;
    uint8_t last;

    for (uint64_t p = 10; p <= 50; p += 10) {
        cr_assert(put(7, p, 1000));
    }
    cr_expect(eq(u32, restart(30, 1000, &old), 3), "40 and 50 will be handled again");
    cr_expect(zero(u32, old));
    cr_assert(hold_unasked(&h, &at) != NULL, "the next hop is asked for again");
    hold_resolved(&h, 7, 2, BYTES);
    for (uint8_t want = 10; want <= 30; want = (uint8_t)(want + 10)) {
        cr_assert(ne(u64, pop(&last), 0));
        cr_expect(eq(u8, last, want), "in the old order");
    }
    cr_expect(zero(u64, pop(&last)));
    hold_flushed(&h);
    cr_expect(zero(u32, restart(30, 1000, &old)));
    cr_expect(eq(u32, h.n_free, HOLD_SLOTS));
}

Test(router_hold, what_left_in_the_last_batch_does_not_leave_again)
{
    uint64_t first, second;
    unsigned old;
    uint8_t last;

    for (uint64_t p = 10; p <= 40; p += 10) {
        cr_assert(put(7, p, 1000));
    }
    hold_resolved(&h, 7, 2, BYTES);
    first = pop(&last);
    second = pop(&last);
    /* published, and killed before hold_flushed */
    hold_close(&h);
    cr_assert(zero(int, hold_open(&h, path, why, sizeof why)));
    hold_left(&h, first);
    hold_left(&h, second);
    cr_expect(eq(u32, hold_restore(&h, 100, 1000, &old), 2));
    hold_resolved(&h, 7, 2, BYTES);
    cr_assert(ne(u64, pop(&last), 0));
    cr_expect(eq(u8, last, 30));
}

Test(router_hold, serials_go_on_after_a_restart)
{
    unsigned old;
    uint64_t before, after;
    uint8_t last;

    cr_assert(put(7, 10, 1000));
    hold_resolved(&h, 7, 2, BYTES);
    before = pop(&last);
    hold_flushed(&h);
    restart(10, 1000, &old);
    cr_assert(put(7, 20, 1000));
    hold_resolved(&h, 7, 2, BYTES);
    after = pop(&last);
    cr_expect(gt(u64, after, before));
}

Test(router_hold, a_successor_gives_up_what_is_too_old)
{
    unsigned old;

    cr_assert(put(7, 10, 1000));
    cr_assert(put(8, 20, 1000 + HOLD_OLD_NS));
    cr_expect(eq(u32, restart(100, 1001 + HOLD_OLD_NS, &old), 1));
    cr_expect(eq(u32, old, 1));
    cr_expect(eq(u32, hold_count(&h, 8, 2), 1));
    cr_expect(zero(u32, hold_count(&h, 7, 2)));
}

Test(router_hold, a_torn_or_foreign_file_holds_nothing)
{
    FILE *f;
    unsigned old;

    cr_assert(put(7, 10, 1000));
    hold_close(&h);
    f = fopen(path, "r+");
    cr_assert(f != NULL);
    cr_assert(eq(int, fputs("another build's store", f) >= 0, true));
    fclose(f);
    cr_assert(zero(int, hold_open(&h, path, why, sizeof why)));
    cr_expect(zero(u32, hold_restore(&h, 100, 1000, &old)));
    cr_expect(eq(u32, h.n_free, HOLD_SLOTS));
    hold_close(&h);
    cr_assert(zero(int, truncate(path, 5000)));
    cr_assert(zero(int, hold_open(&h, path, why, sizeof why)));
    cr_expect(zero(u32, hold_restore(&h, 100, 1000, &old)));
}

/* A damaged file may say so; the second of them was neither kept nor free, for ever. */
Test(router_hold, two_slots_with_one_serial_lose_no_slot)
{
    unsigned old, at = 0;
    int fd = open(path, O_RDWR);
    off_t first, size = lseek(fd, 0, SEEK_END);
    uint64_t serial = 0;

    first = size - (off_t)(HOLD_SLOTS * sizeof(struct hold_slot));
    cr_assert(put(7, 10, 1000));
    cr_assert(put(8, 20, 1000));
    while (serial == 0) {
        cr_assert(
            eq(int, (int)pread(fd, &serial, 8, first + at++ * (off_t)sizeof(struct hold_slot)), 8));
    }
    for (unsigned i = 0; i < HOLD_SLOTS; i++) {
        cr_assert(
            eq(int, (int)pwrite(fd, &serial, 8, first + i * (off_t)sizeof(struct hold_slot)), 8));
    }
    close(fd);
    cr_expect(eq(u32, restart(100, 1000, &old) + h.n_free, HOLD_SLOTS));
}

Test(router_hold, a_frame_longer_than_a_slot_is_refused)
{
    static uint8_t big[HOLD_FRAME + 1];
    struct hold_slot what = {.position = 8, .next_hop = 7};

    cr_expect(hold_put(&h, &what, big, 128, big + 128, HOLD_FRAME - 128));
    cr_expect(not(hold_put(&h, &what, big, 128, big + 128, HOLD_FRAME - 127)));
}

/* Writes a word of the file: the serial last given, or that of a slot. */
static void poke_serial(int slot, uint64_t value)
{
    int fd = open(path, O_RDWR);
    struct stat st;
    off_t at;

    cr_assert(fd >= 0 && fstat(fd, &st) == 0);
    at = st.st_size - (off_t)((HOLD_SLOTS - (size_t)slot) * sizeof(struct hold_slot));
    at = slot < 0 ? 24 : at + (off_t)offsetof(struct hold_slot, serial);
    cr_assert(pwrite(fd, &value, sizeof value, at) == sizeof value);
    close(fd);
}

/* A predecessor out of its mind wrote its own file, too. */
Test(router_hold, serials_that_cannot_be_hold_nothing_and_stop_nothing)
{
    uint8_t last;
    unsigned old;

    for (unsigned i = 0; i < 5; i++) {
        cr_assert(put(100 + i, 8, 1000));
    }
    poke_serial(1, 1);
    poke_serial(2, UINT64_MAX);
    poke_serial(3, 1ull << 62);
    poke_serial(-1, UINT64_MAX);
    cr_expect(eq(u32, restart(8, 2000, &old), 2));
    cr_expect(eq(u32, h.n_free, HOLD_SLOTS - 2), "a slot is lost for ever");
    cr_assert(put(300, 8, 2000));
    hold_resolved(&h, 300, 2, BYTES);
    cr_expect(eq(u64, pop(&last), 6), "a serial after those that are there");
}

Test(router_hold, says_what_is_wrong_with_its_file)
{
    struct hold other;

    cr_expect(eq(int, hold_open(&other, "/nonexistent/router.held", why, sizeof why), -ENOENT));
    cr_expect(strstr(why, "/nonexistent/router.held") != NULL);
    cr_expect(strstr(why, "No such file") != NULL);
}

Test(router_hold, every_slot_comes_back)
{
    uint8_t last;

    for (unsigned round = 0; round < 50; round++) {
        unsigned n = 0;

        while (put(n / HOLD_PER_HOP, 8, 1000)) {
            n++;
        }
        cr_assert(eq(u32, n, HOLD_SLOTS));
        for (uint32_t hop = 0; hop < (HOLD_SLOTS + HOLD_PER_HOP - 1) / HOLD_PER_HOP; hop++) {
            if (round % 2) {
                hold_failed(&h, hop, 2);
            } else {
                hold_resolved(&h, hop, 2, BYTES);
            }
        }
        while (pop(&last) != 0) {
            n--;
        }
        hold_flushed(&h);
        cr_assert(zero(u32, n));
        cr_assert(eq(u32, h.n_free, HOLD_SLOTS));
        cr_assert(zero(u32, h.n_hops));
        cr_assert(zero(u32, h.n_ready));
        cr_assert(zero(u32, h.n_unasked));
    }
}
