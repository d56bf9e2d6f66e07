/* `causeway bench`: each kind of wrong frame is found, and no right one is called wrong. */
#include <criterion/criterion.h>
#include <string.h>

#include "common/proto/of10.h"
#include "ctl/bench_flight.h"
#include "ctl/bench_frame.h"

TestSuite(bench, .timeout = 20);

#define LONGEST (OF13_PACKET_OUT_HEAD + 16 + BENCH_LONGEST) /* of a message, either way */

static const struct bench_shape shape = {.of13 = true,
                                         .size = 64,
                                         .in_port = 3,
                                         .port = 1,
                                         .src = 0x0a000164,
                                         .dst = 0xc6120000,
                                         .destinations = 1000,
                                         .host_mac = {2, 0xee, 0, 0, 0, 3},
                                         .in_mac = {2, 0xca, 0, 0, 0, 3},
                                         .out_mac = {2, 0xca, 0, 0, 0, 1},
                                         .next_mac = {2, 0xee, 0, 0, 0, 1}};

/* What a router makes of the frame in a PACKET_IN: a PACKET_OUT.  Returns its length; *frame is
 * where the frame is in it. */
static size_t routed(const struct bench_stream *s, const uint8_t *in, size_t len, uint8_t *out,
                     uint8_t **frame)
{
    const struct bench_shape *h = &s->shape;
    size_t head = h->of13 ? OF13_PACKET_OUT_HEAD : OF10_PACKET_OUT_HEAD, size = len - s->head_len;

    if (h->of13) {
        of13_packet_out_head(out, 7, h->port, size);
    } else {
        of10_packet_out_head(out, 7, (uint16_t)h->port, size);
    }
    *frame = out + head;
    memcpy(*frame, in + s->head_len, size);
    if (!h->same) {
        memcpy(*frame, h->next_mac, 6);
        memcpy(*frame + 6, h->out_mac, 6);
        pkt_ip_set_ttl((void *)(*frame + PKT_ETH_LEN), BENCH_SENT_TTL - 1);
    }
    return head + size;
}

/* A frame of stream 's', as it comes back. */
static size_t returned(const struct bench_stream *s, uint64_t seq, uint8_t *out, uint8_t **frame)
{
    uint8_t in[LONGEST];

    return routed(s, in, bench_fill(s, in, seq), out, frame);
}

static void open_stream(struct bench_stream *s, bool v13, unsigned size, bool same)
{
    struct bench_shape h = shape;

    h.of13 = v13;
    h.size = size;
    h.same = same;
    bench_stream_open(s, &h);
    bench_stream_id(s, 0x01020300);
}

Test(bench, frames_that_are_right_are_good_whatever_their_size_and_number)
{
    static const unsigned sizes[] = {BENCH_SHORTEST, 64, 65, 128, 512, 1500, BENCH_LONGEST};
    struct bench_stream s;
    uint8_t out[LONGEST], *frame;

    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0] * 4; i++) {
        open_stream(&s, i & 1, sizes[i / 4], i & 2);
        for (uint64_t seq = 0; seq < 300000; seq += seq < 2000 ? 1 : 9973) {
            size_t len = returned(&s, seq, out, &frame);
            uint64_t got;

            cr_assert_eq(bench_check(&s, out, len, &got), BENCH_GOOD, "size %u number %llu",
                         sizes[i / 4], (unsigned long long)seq);
            cr_assert_eq(got, seq);
        }
    }
}

Test(bench, a_frame_is_a_packet_in_that_ofproxy_takes)
{
    struct bench_stream s;
    uint8_t in[LONGEST];

    for (unsigned v13 = 0; v13 < 2; v13++) {
        struct tree_fault fault;
        struct bench_stream *p = &s;
        size_t len;

        open_stream(p, v13, 64, false);
        len = bench_fill(p, in, 1);
        cr_expect_eq(len, bench_message(p));
        cr_expect(of_read(v13 ? &of13 : &of10, in, len, NULL, &fault), "%s", fault.what);
        cr_expect_eq(s.head_len, v13 ? 42 : 18, "the frame is at %u", s.head_len);
        cr_expect_eq(pkt_fold(pkt_sum(0, in + s.head_len + PKT_ETH_LEN, PKT_IP_LEN)), 0xffff);
    }
}

Test(bench, every_byte_that_is_not_right_is_found)
{
    struct bench_stream s;
    uint8_t out[LONGEST], *frame;
    uint64_t got;

    for (unsigned v13 = 0; v13 < 2; v13++) {
        open_stream(&s, v13, 128, false);
        for (size_t at = 0; at < 128; at++) {
            size_t len = returned(&s, 77, out, &frame);

            frame[at] ^= 0x10;
            cr_expect_neq(bench_check(&s, out, len, &got), BENCH_GOOD, "byte %zu", at);
        }
    }
}

/* With its checksum put right. */
static void set_byte(uint8_t *frame, unsigned at, uint8_t value)
{
    frame[at] = value;
    memset(frame + PKT_ETH_LEN + 10, 0, 2);
    pkt_put16(frame + PKT_ETH_LEN + 10, pkt_checksum(frame + PKT_ETH_LEN, PKT_IP_LEN));
}

Test(bench, the_reason_is_named)
{
    struct bench_stream s;
    uint8_t out[LONGEST + 8], *f;
    uint64_t got;
    size_t len;

#define WRONG(fault, change)                                                                       \
    open_stream(&s, true, 128, false);                                                             \
    len = returned(&s, 77, out, &f);                                                               \
    change;                                                                                        \
    cr_expect_eq(bench_check(&s, out, len, &got), fault, "%s: %s", #change,                        \
                 bench_fault_name(bench_check(&s, out, len, &got)))

    WRONG(BENCH_TTL, set_byte(f, PKT_ETH_LEN + 8, BENCH_SENT_TTL));
    WRONG(BENCH_TTL, set_byte(f, PKT_ETH_LEN + 8, BENCH_SENT_TTL - 2));
    WRONG(BENCH_CHECKSUM, f[PKT_ETH_LEN + 10] ^= 1);
    WRONG(BENCH_MAC, f[0] ^= 1);
    WRONG(BENCH_MAC, f[11] ^= 1);
    WRONG(BENCH_HEADER, set_byte(f, PKT_ETH_LEN + 15, 9));
    WRONG(BENCH_HEADER, f[PKT_ETH_LEN + PKT_IP_LEN] ^= 1);
    WRONG(BENCH_PAYLOAD, f[127] ^= 1);
    WRONG(BENCH_PAYLOAD, f[BENCH_PATTERN_AT] ^= 1);
    WRONG(BENCH_LENGTH, len -= 1);
    WRONG(BENCH_LENGTH, len += 1);
    WRONG(BENCH_PORT, out[31] = 2);
    WRONG(BENCH_ACTION, out[25] = 22);
    WRONG(BENCH_OTHER, f[BENCH_ID_AT] ^= 1);
    WRONG(BENCH_OTHER, f[13] = 6);
    WRONG(BENCH_OTHER, len = 20);
    WRONG(BENCH_GOOD, f[0] += 0);
#undef WRONG
}

/* A tail of another frame, as a wrong span of the arena would make. */
Test(bench, the_payload_belongs_to_the_number)
{
    struct bench_stream s;
    uint8_t one[LONGEST], two[LONGEST], *a, *b;
    uint64_t got;
    size_t len;

    open_stream(&s, true, 1500, false);
    len = returned(&s, 41, one, &a);
    returned(&s, 42, two, &b);
    memcpy(a + 128, b + 128, 1500 - 128);
    cr_expect_eq(bench_check(&s, one, len, &got), BENCH_PAYLOAD);
}

Test(bench, both_forms_of_a_checksum_of_zero_are_right)
{
    struct bench_shape h = shape;
    struct bench_stream s;
    uint8_t out[LONGEST], *frame;
    unsigned found = 0;

    h.destinations = 1;
    for (h.dst = 0x0a000001; h.dst < 0x0a040001; h.dst++) {
        uint64_t got;
        size_t len;

        bench_stream_open(&s, &h);
        len = returned(&s, 0, out, &frame);
        if (pkt_get16(frame + PKT_ETH_LEN + 10) == 0 ||
            pkt_get16(frame + PKT_ETH_LEN + 10) == 0xffff) {
            pkt_put16(frame + PKT_ETH_LEN + 10, 0);
            cr_assert_eq(bench_check(&s, out, len, &got), BENCH_GOOD);
            pkt_put16(frame + PKT_ETH_LEN + 10, 0xffff);
            cr_assert_eq(bench_check(&s, out, len, &got), BENCH_GOOD);
            found++;
        }
    }
    cr_expect_geq(found, 1);
}

Test(bench, no_length_of_a_message_is_read_past_its_end)
{
    struct bench_stream s;
    uint8_t out[LONGEST], *frame;
    uint64_t got;

    for (unsigned v13 = 0; v13 < 2; v13++) {
        open_stream(&s, v13, 128, false);
        for (size_t len = returned(&s, 5, out, &frame); len > 0; len--) {
            uint8_t *copy = malloc(len - 1); /* for the sanitizer */

            memcpy(copy, out, len - 1);
            cr_expect_neq(bench_check(&s, copy, len - 1, &got), BENCH_GOOD, "cut to %zu", len - 1);
            free(copy);
        }
    }
}

Test(bench, actions_are_within_their_message)
{
    struct bench_stream s;
    uint8_t out[LONGEST], *made;

    for (unsigned v13 = 0; v13 < 2; v13++) {
        size_t at = v13 ? 24 : 16, len;

        open_stream(&s, v13, 128, false);
        len = returned(&s, 5, out, &made);
        for (unsigned actions = 0; actions < 300; actions++) {
            const uint8_t *frame;
            size_t frame_len;
            uint32_t port;

            pkt_put16(out + (v13 ? 16 : 14), actions);
            cr_expect_eq(bench_frame_of(v13, out, len, &frame, &frame_len, &port),
                         at + actions < len, "%u bytes of actions", actions);
        }
    }
}

Test(bench, all_destinations_are_taken)
{
    struct bench_stream s;
    uint8_t in[LONGEST], taken[1000] = {0};
    unsigned n = 0;

    open_stream(&s, false, 64, false);
    for (uint64_t seq = 0; seq < 1000; seq++) {
        bench_fill(&s, in, seq);
        n += !taken[pkt_get32(in + s.head_len + PKT_ETH_LEN + 16) - shape.dst]++;
    }
    cr_expect_eq(n, 1000, "%u of 1000", n);
}

/* ---- order, twice, never ------------------------------------------------------------------- */

Test(bench, order_doubles_and_losses_are_found)
{
    struct flight f;
    uint64_t ns = 0;

    cr_assert_eq(flight_open(&f, 64, 2, 1000), 0);
    for (unsigned i = 0; i < 6; i++) {
        cr_expect_eq(flight_send(&f, i % 2, 1000 + i), i);
    }
    cr_expect_eq(flight_back(&f, 0, 0, 1500, &ns), BENCH_GOOD);
    cr_expect_eq(ns, 500);
    cr_expect_eq(flight_back(&f, 0, 0, 1600, &ns), BENCH_DOUBLED);
    cr_expect_eq(flight_back(&f, 0, 4, 1600, &ns), BENCH_GOOD);
    cr_expect_eq(flight_back(&f, 0, 2, 1700, &ns), BENCH_ORDER);
    cr_expect_eq(ns, 698);
    cr_expect_eq(flight_back(&f, 1, 1, 1700, &ns), BENCH_GOOD, "another lane's order is its own");
    cr_expect_eq(flight_back(&f, 1, 6, 1700, &ns), BENCH_UNSENT);
    cr_expect_eq(f.out, 2);
    cr_expect_eq(f.lane[1].out, 2);
    flight_give_up(&f, 1005);
    cr_expect_eq(f.lost, 1, "only what was sent before");
    flight_give_up(&f, UINT64_MAX);
    cr_expect_eq(f.lost, 2);
    cr_expect_eq(f.out + f.lane[1].out, 0);
    cr_expect_eq(flight_back(&f, 1, 5, 9999, &ns), BENCH_GOOD, "late is not lost");
    cr_expect_eq(f.lost, 1);
    cr_expect_eq(f.late, 1);
    flight_close(&f);
}

Test(bench, more_frames_than_places_are_lost_not_forgotten)
{
    struct flight f;
    uint64_t ns;

    cr_assert_eq(flight_open(&f, 64, 1, 0), 0);
    for (unsigned i = 0; i < 1000; i++) {
        flight_send(&f, 0, 1 + i);
    }
    cr_expect_eq(f.out, 64);
    cr_expect_eq(f.lost, 936);
    cr_expect_eq(flight_back(&f, 0, 3, 2000, &ns), BENCH_DOUBLED);
    flight_give_up(&f, UINT64_MAX);
    cr_expect_eq(f.lost, 1000);
    flight_reset(&f);
    cr_expect_eq(f.next + f.lost + f.out, 0);
    flight_close(&f);
}
