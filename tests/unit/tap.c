/* The spectator of a ring. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/tap.h"

TestSuite(tap, .timeout = 20);

#define SIZE (64 * 1024)

static char dir[] = "/tmp/tap-XXXXXX";
static struct ring_tx tx;
static struct ring_rx rx;
static struct tap t;
static struct tap_frame frame;
static char why[400];

static const char *path(const char *name)
{
    static char text[100];

    snprintf(text, sizeof text, "%s/%s", dir, name);
    return text;
}

static void open_all(void)
{
    cr_assert(mkdtemp(dir));
    cr_assert_eq(ring_tx_join(&tx, path("PKT_IN"), SIZE, why, sizeof why), 0, "%s", why);
    cr_assert_eq(ring_rx_join(&rx, path("PKT_IN"), SIZE, why, sizeof why), 0, "%s", why);
}

static void close_all(void)
{
    static const char *const files[] = {"PKT_IN.tx", "PKT_IN.rx", "ofproxy.arena",
                                        "ofproxy.counters"};

    tap_close(&t);
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
        unlink(path(files[i]));
    }
    cr_assert_eq(rmdir(dir), 0);
}

static void watch(void)
{
    cr_assert_eq(tap_open(&t, dir, TOPO_PKT_IN, why, sizeof why), 0, "%s", why);
}

/* Writes a record of 'len' bytes of 'fill', and reads it at the other end. */
static void pass(uint64_t seq, uint8_t fill, uint32_t len)
{
    struct record r = {.seq = seq, .head_len = len, .ticket = RECORD_NO_TICKET};
    uint8_t *head = ring_reserve(&tx, len);
    const uint8_t *there;

    cr_assert(head);
    memset(head, fill, len);
    ring_commit(&tx, &r);
    ring_publish(&tx);
    cr_assert(ring_peek(&rx, &r, &there));
    ring_next(&rx);
    ring_release(&rx);
}

Test(tap, sees_each_frame_that_passes_after_it_was_opened, .init = open_all, .fini = close_all)
{
    pass(1, 'a', 60);
    watch();
    cr_expect(!tap_next(&t, &frame));
    for (unsigned n = 2; n < 50; n++) {
        pass(n, (uint8_t)n, 40 + n);
        cr_assert(tap_next(&t, &frame), "record %u", n);
        cr_expect_eq(frame.record.seq, n);
        cr_expect_eq(frame.len, 40 + n);
        cr_expect_eq(frame.whole_len, frame.len);
        cr_expect_eq(frame.bytes[0], n);
        cr_expect_eq(frame.bytes[frame.len - 1], n);
    }
    cr_expect(!tap_next(&t, &frame));
    cr_expect_eq(tap_missed(&t), 0);
}

Test(tap, steps_over_bare_verdicts_without_missing_them, .init = open_all, .fini = close_all)
{
    watch();
    pass(1, 0, 0);
    pass(2, 'x', 14);
    pass(3, 0, 0);
    cr_assert(tap_next(&t, &frame));
    cr_expect_eq(frame.record.seq, 2);
    cr_expect(!tap_next(&t, &frame));
    cr_expect_eq(tap_missed(&t), 0);
}

Test(tap, counts_what_was_overwritten_and_goes_on, .init = open_all, .fini = close_all)
{
    unsigned seen = 0;

    watch();
    for (unsigned n = 1; n <= 1000; n++) {
        pass(n, 'm', 200);
    }
    while (tap_next(&t, &frame)) {
        seen++;
    }
    cr_expect_lt(seen, 1000);
    pass(1001, 'z', 100);
    cr_assert(tap_next(&t, &frame));
    cr_expect_eq(frame.record.seq, 1001);
    cr_expect_eq(tap_missed(&t) + seen, 1000);
}

Test(tap, gives_nothing_that_the_writer_may_be_overwriting, .init = open_all, .fini = close_all)
{
    watch();
    for (unsigned n = 1; n <= 150;
         n++) { /* 42 kB of 64: what is staged next may lie over the first */
        pass(n, 'm', 200);
    }
    cr_expect(!tap_next(&t, &frame));
    cr_expect_eq(tap_missed(&t), 150);
}

Test(tap, steps_over_what_waits_and_says_how_much, .init = open_all, .fini = close_all)
{
    watch();
    pass(1, 'a', 60);
    cr_assert(tap_next(&t, &frame));
    for (unsigned n = 2; n <= 8; n++) {
        pass(n, 'b', 60);
    }
    tap_skip(&t);
    cr_expect_eq(t.lost, 7);
    cr_expect(!tap_next(&t, &frame));
    pass(9, 'c', 60);
    cr_assert(tap_next(&t, &frame));
    cr_expect_eq(frame.record.seq, 9);
    tap_skip(&t);
    cr_expect_eq(t.lost, 7);
    for (unsigned n = 10; n <= 1000; n++) {
        pass(n, 'm', 200);
    }
    while (tap_next(&t, &frame)) {
    }
    cr_expect_eq(t.lost, 7 + 991 - (t.seen - 2), "what was overwritten counts, too");
    cr_expect_eq(t.lost, tap_missed(&t));
}

Test(tap, sees_that_its_file_was_replaced, .init = open_all, .fini = close_all)
{
    char aside[100];

    watch();
    cr_expect(!tap_replaced(&t));
    snprintf(aside, sizeof aside, "%s", path("PKT_IN.tx"));
    cr_assert_eq(rename(aside, path("aside")), 0);
    cr_expect(!tap_replaced(&t), "it is away, and none has taken its place");
    cr_assert_eq(symlink("/dev/null", aside), 0);
    cr_expect(tap_replaced(&t));
    cr_assert_eq(unlink(aside), 0);
    cr_assert_eq(rename(path("aside"), aside), 0);
}

Test(tap, is_no_end_of_the_ring, .init = open_all, .fini = close_all)
{
    struct ring_stats before, after;

    watch();
    pass(1, 'a', 60);
    cr_assert_eq(ring_stats(path("PKT_IN"), &before), 0);
    cr_assert(tap_next(&t, &frame));
    cr_assert_eq(ring_stats(path("PKT_IN"), &after), 0);
    cr_expect_eq(memcmp(&before, &after, sizeof before), 0);
}

Test(tap, says_which_ring_is_missing)
{
    cr_assert(mkdtemp(dir));
    cr_expect_lt(tap_open(&t, dir, TOPO_PKT_IN, why, sizeof why), 0);
    cr_expect(strstr(why, "PKT_IN") && strstr(why, "causeway up"), "%s", why);
    cr_assert_eq(rmdir(dir), 0);
}

/* ---- tails -------------------------------------------------------------------------------- */

static struct arena arena;
static int chunk;
static uint32_t ticket;

/* Publishes a frame with 14 bytes of head and 1000 of tail, received now. */
static void pass_long(uint64_t seq)
{
    struct arena_flight f = {.seq = seq, .dpid = 1, .port = 1, .buffer_id = UINT32_MAX};
    struct record r = {.seq = seq, .head_len = 14, .tail_len = 1000};
    uint8_t *head, *tail;

    chunk = arena_chunk(&arena);
    cr_assert_geq(chunk, 0);
    tail = arena_chunk_data(&arena, (unsigned)chunk) + 100;
    memset(tail, 'T', 1000);
    counter_add(OFPROXY_RX_BYTES, 1100);
    f.chunk = (uint16_t)chunk;
    ticket = r.ticket = arena_ticket(&arena, &f);
    r.tail_off = arena_offset(&arena, tail);
    head = ring_reserve(&tx, 14);
    cr_assert(head);
    memset(head, 'H', 14);
    ring_commit(&tx, &r);
    ring_publish(&tx);
}

static void open_long(void)
{
    open_all();
    cr_assert_eq(arena_join(&arena, path("ofproxy.arena"), why, sizeof why), 0, "%s", why);
    cr_assert_eq(counter_open(dir, COUNTER_OF_OFPROXY), 0);
    watch();
}

static void close_long(void)
{
    arena_leave(&arena);
    close_all();
}

Test(tap, gives_the_whole_of_a_long_frame_in_flight, .init = open_long, .fini = close_long)
{
    pass_long(1);
    counter_add(OFPROXY_RX_BYTES, 1 << 20);
    cr_assert(tap_next(&t, &frame));
    cr_expect_eq(frame.len, 1014);
    cr_expect_eq(frame.bytes[13], 'H');
    cr_expect_eq(frame.bytes[14], 'T');
    cr_expect_eq(frame.bytes[1013], 'T');
}

Test(tap, gives_the_whole_of_a_settled_frame_while_nothing_came_after_it, .init = open_long,
     .fini = close_long)
{
    pass_long(1);
    cr_assert(arena_settle(&arena, ticket, 1));
    cr_assert(tap_next(&t, &frame));
    cr_expect_eq(frame.len, 1014);
}

Test(tap, cuts_a_frame_whose_memory_may_have_been_used_again, .init = open_long, .fini = close_long)
{
    pass_long(1);
    cr_assert(arena_settle(&arena, ticket, 1));
    counter_add(OFPROXY_RX_BYTES, 5000);
    cr_assert(tap_next(&t, &frame));
    cr_expect_eq(frame.len, 14);
    cr_expect_eq(frame.whole_len, 1014);
}
