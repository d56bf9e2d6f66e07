/* ctl/bench_frame.c */
#include "ctl/bench_frame.h"

#include <string.h>

#include "common/proto/of10.h"

#define UDP_PORT 9 /* discard: a host that gets one throws it away */

static uint8_t pattern[BENCH_PATTERN + BENCH_LONGEST];

static const struct {
    const char *name, *text;
} faults[] = {
    {"good", "it is as it must be"},
#define B(NAME, name, text) {name, text},
#include "ctl/bench_faults.def"
#undef B
    {"other", "it is not one of the benchmark's"},
};

const char *bench_fault_name(enum bench_fault f)
{
    return faults[f].name;
}

const char *bench_fault_text(enum bench_fault f)
{
    return faults[f].text;
}

/* ---- making ------------------------------------------------------------------------------- */

static void make_pattern(void)
{
    uint32_t x = 0x9e3779b9;

    for (size_t i = 0; i < sizeof pattern; i++) {
        x = x * 1664525u + 1013904223u;
        pattern[i] = (uint8_t)(x >> 24);
    }
}

/* The pattern after a frame's number: which piece of it, the number tells. */
static const uint8_t *pattern_of(uint64_t seq)
{
    return pattern + (seq * 2654435761u >> 7) % BENCH_PATTERN;
}

static uint32_t destination(const struct bench_shape *shape, uint64_t seq)
{
    uint32_t n = shape->destinations;

    return shape->dst + (n > 1 ? (uint32_t)(seq * 2654435761u % n) : 0);
}

static void put_dst(uint8_t *ip, uint32_t dst, uint32_t sum)
{
    pkt_put32(ip + 16, dst);
    pkt_put16(ip + 10, (uint16_t)~pkt_fold(sum + (dst >> 16) + (dst & 0xffff)));
}

static void put_headers(uint8_t *to, const struct bench_shape *shape, bool back)
{
    struct pkt_eth_wire *eth = (void *)to;
    struct pkt_ip_wire *ip = (void *)(to + PKT_ETH_LEN);
    struct pkt_udp_wire *udp = (void *)(to + PKT_ETH_LEN + PKT_IP_LEN);
    unsigned ip_len = shape->size - PKT_ETH_LEN;

    memset(to, 0, BENCH_HEADERS);
    memcpy(eth->dst, back ? shape->next_mac : shape->in_mac, 6);
    memcpy(eth->src, back ? shape->out_mac : shape->host_mac, 6);
    pkt_put16(eth->type, PKT_TYPE_IP);
    ip->version_ihl[0] = 0x45;
    pkt_put16(ip->total_len, ip_len);
    pkt_put16(ip->frag, PKT_IP_DF);
    ip->ttl[0] = back ? BENCH_SENT_TTL - 1 : BENCH_SENT_TTL;
    ip->proto[0] = PKT_UDP_PROTO;
    pkt_put32(ip->src, shape->src);
    pkt_put16(udp->sport, UDP_PORT);
    pkt_put16(udp->dport, UDP_PORT);
    pkt_put16(udp->len, ip_len - PKT_IP_LEN);
}

void bench_put_packet_in(struct wire_out *out, bool v13, unsigned port, size_t len)
{
    if (v13) {
        of13_packet_in_put(
            out, &(struct of13_packet_in){.buffer_id = OF_NO_BUFFER, .total_len = (uint16_t)len});
        of13_match_put(out, &(struct of13_match){OF13_MATCH_TYPE_OXM, 12});
        wire_put_bytes(out,
                       (const uint8_t[]){0x80, 0, 0, 4, 0, 0, (uint8_t)(port >> 8), (uint8_t)port,
                                         0, 0, 0, 0, 0, 0},
                       14); /* OXM in_port, zeros to a multiple of 8, and the gap of 2 */
    } else {
        of10_packet_in_put(
            out, &(struct of10_packet_in){OF_NO_BUFFER, (uint16_t)len, (uint16_t)port, 0});
    }
}

void bench_stream_open(struct bench_stream *s, const struct bench_shape *shape)
{
    struct wire_out header = {s->head, s->head + OF_HEADER, false};
    struct wire_out body = {s->head + OF_HEADER, s->head + sizeof s->head, false};

    make_pattern();
    memset(s, 0, sizeof *s);
    s->shape = *shape;
    bench_put_packet_in(&body, shape->of13, shape->in_port, shape->size);
    s->head_len = (unsigned)(body.p - s->head);
    of_header_put(&header, &(struct of_header){shape->of13 ? OF13_VERSION : OF10_VERSION,
                                               OF10_TYPE_PACKET_IN,
                                               (uint16_t)(s->head_len + shape->size), 0});
    put_headers(s->head + s->head_len, shape, false);
    put_headers(s->back, shape, !shape->same);
    s->sum = pkt_sum(0, s->head + s->head_len + PKT_ETH_LEN, PKT_IP_LEN);
    s->back_sum = pkt_sum(0, s->back + PKT_ETH_LEN, PKT_IP_LEN);
}

size_t bench_fill(const struct bench_stream *s, uint8_t *to, uint64_t seq)
{
    uint8_t *frame = to + s->head_len;
    uint64_t number = __builtin_bswap64(seq);

    memcpy(to, s->head, s->head_len + BENCH_HEADERS);
    put_dst(frame + PKT_ETH_LEN, destination(&s->shape, seq), s->sum);
    pkt_put32(frame + BENCH_ID_AT, s->id);
    memcpy(frame + BENCH_NUMBER_AT, &number, 8);
    memcpy(frame + BENCH_PATTERN_AT, pattern_of(seq), s->shape.size - BENCH_PATTERN_AT);
    return s->head_len + s->shape.size;
}

/* ---- checking ----------------------------------------------------------------------------- */

bool bench_frame_of(bool v13, const uint8_t *message, size_t len, const uint8_t **frame,
                    size_t *frame_len, uint32_t *port)
{
    size_t at = v13 ? 24 : 16, action = v13 ? 16 : 8, actions;

    if (len < at) {
        return false;
    }
    actions = pkt_get16(message + (v13 ? 16 : 14));
    if (actions > len - at) {
        return false;
    }
    *port = 0;
    if (actions == action && pkt_get16(message + at) == OF10_ACTION_TYPE_OUTPUT) {
        *port = v13 ? pkt_get32(message + at + 4) : pkt_get16(message + at + 4);
    }
    *frame = message + at + actions;
    *frame_len = len - at - actions;
    return *frame_len > 0;
}

static bool is_ours(const struct bench_stream *s, const uint8_t *frame, size_t len)
{
    return len >= BENCH_PATTERN_AT && pkt_get32(frame + BENCH_ID_AT) == s->id &&
           frame[PKT_ETH_LEN + 9] == PKT_UDP_PROTO && pkt_get16(frame + 12) == PKT_TYPE_IP;
}

/* Which part of the headers is not as it must be. */
static enum bench_fault headers_fault(const uint8_t *frame, const uint8_t *right)
{
    const struct pkt_ip_wire *ip = (const void *)(frame + PKT_ETH_LEN);
    const struct pkt_ip_wire *want = (const void *)(right + PKT_ETH_LEN);
    uint8_t rest[BENCH_HEADERS];

    if (memcmp(frame, right, 12) != 0) {
        return BENCH_MAC;
    }
    if (ip->ttl[0] != want->ttl[0]) {
        return BENCH_TTL;
    }
    if (pkt_fold(pkt_sum(0, ip, PKT_IP_LEN)) != 0xffff) {
        return BENCH_CHECKSUM;
    }
    memcpy(rest, frame, sizeof rest);
    memcpy(rest + PKT_ETH_LEN + 10, want->checksum, 2); /* 0x0000 for 0xffff */
    return memcmp(rest, right, sizeof rest) == 0 ? BENCH_GOOD : BENCH_HEADER;
}

enum bench_fault bench_check(const struct bench_stream *s, const uint8_t *message, size_t len,
                             uint64_t *seq)
{
    uint8_t right[BENCH_HEADERS];
    const uint8_t *frame;
    size_t frame_len;
    uint32_t port;

    if (!bench_frame_of(s->shape.of13, message, len, &frame, &frame_len, &port) ||
        !is_ours(s, frame, frame_len)) {
        return BENCH_OTHER;
    }
    memcpy(seq, frame + BENCH_NUMBER_AT, 8);
    *seq = __builtin_bswap64(*seq);
    if (frame_len != s->shape.size) {
        return BENCH_LENGTH;
    }
    if (s->shape.port != 0 && port != s->shape.port) {
        return port == 0 ? BENCH_ACTION : BENCH_PORT;
    }
    memcpy(right, s->back, sizeof right);
    put_dst(right + PKT_ETH_LEN, destination(&s->shape, *seq), s->back_sum);
    if (memcmp(frame, right, sizeof right) != 0) {
        enum bench_fault fault = headers_fault(frame, right);

        if (fault != BENCH_GOOD) {
            return fault;
        }
    }
    return memcmp(frame + BENCH_PATTERN_AT, pattern_of(*seq), frame_len - BENCH_PATTERN_AT) == 0
               ? BENCH_GOOD
               : BENCH_PAYLOAD;
}
