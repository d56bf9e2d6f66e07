/* tests/unit/router_rig.h - a whole router without threads: a fake port, and a clock that the test
 * turns.
 *
 *     eth1 (row 0) 192.168.2.1/24  02:00:00:00:00:01    server1 192.168.2.2     known neighbour
 *     eth2 (row 1) 172.64.3.1/32   02:00:00:00:00:02    server2 172.64.3.10     not known
 *     eth3 (row 2) 10.0.1.1/24     02:00:00:00:00:03    client  10.0.1.100      known neighbour
 *     routes: 192.168.2.0/24 eth1; 172.64.3.10/32 eth2; 10.0.1.0/24 eth3; 10.9.0.0/16 via client */
#ifndef TESTS_UNIT_ROUTER_RIG_H
#define TESTS_UNIT_ROUTER_RIG_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "common/log.h"
#include "router/keeper.h"
#include "router/router.h"

#pragma GCC diagnostic ignored "-Wconversion" /* Criterion's own macros */

enum { ETH1, ETH2, ETH3 };

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define CLIENT IP(10, 0, 1, 100)
#define SERVER1 IP(192, 168, 2, 2)
#define SERVER2 IP(172, 64, 3, 10)
#define SECOND NEIGH_SECOND

static const uint8_t CLIENT_MAC[6] = {0x0a, 0, 0, 0, 0, 3};
static const uint8_t SERVER1_MAC[6] = {0x0a, 0, 0, 0, 0, 1};
static const uint8_t SERVER2_MAC[6] = {0x0a, 0, 0, 0, 0, 2};
static const uint8_t ALL_MAC[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

struct rig_in {
    uint8_t head[PORT_FRAME_MAX + 64], tail[PORT_FRAME_MAX + 64];
    struct frame_in f;
};
struct rig_out {
    struct frame_out o;
    uint8_t bytes[2 * PORT_FRAME_MAX];
    uint32_t len;
    const uint8_t *tail; /* where the tail that left lay */
};
#define RIG_FRAMES 600

static struct rig {
    struct port port; /* first */
    struct router r;
    struct keeper keeper;
    struct talk talk;
    struct fib *fib;
    uint64_t now, position;
    struct rig_in in;
    bool full, waiting;
    uint8_t room[PORT_FRAME_MAX + 64];
    struct rig_out out[RIG_FRAMES];
    unsigned n_out;
} rig;

static inline bool rig_next(struct port *p, struct frame_in *in)
{
    (void)p;
    if (rig.full || !rig.waiting) {
        return false;
    }
    *in = rig.in.f;
    return true;
}

static inline uint8_t *rig_room(struct port *p, size_t size)
{
    (void)p;
    cr_assert(le(sz, size, sizeof rig.room));
    return rig.full ? NULL : rig.room;
}

static inline void rig_send(struct port *p, const struct frame_in *in, const struct frame_out *out)
{
    struct rig_out *o = &rig.out[rig.n_out++];

    (void)p;
    cr_assert(le(u32, rig.n_out, RIG_FRAMES));
    o->o = *out;
    o->len = out->head_len + out->tail_len;
    o->tail = in ? in->tail : NULL;
    memcpy(o->bytes, rig.room, out->head_len);
    if (out->tail_len > 0) {
        cr_assert(in != NULL && out->tail_len <= in->tail_len);
        memcpy(o->bytes + out->head_len, in->tail, out->tail_len);
    }
    memset(rig.room, 0xee, sizeof rig.room);
    if (out->verdict != VERDICT_ORIGINATED) {
        cr_assert(rig.waiting, "a second verdict for one frame");
        rig.waiting = false;
    }
}

static inline void rig_flush(struct port *p)
{
    (void)p;
}

static inline uint64_t rig_tail(const struct port *p)
{
    (void)p;
    return rig.n_out;
}

static const struct port_ops rig_ops = {rig_next, rig_room, rig_send, rig_flush, NULL, rig_tail};

/* One turn of each thread, until neither has anything to do. */
static inline void rig_turn(void)
{
    for (unsigned i = 0; i < 20; i++) {
        bool idle = router_turn(&rig.r, rig.now) == 0;

        keeper_pass(&rig.keeper, rig.now);
        if (idle && ring_rx_empty(&rig.talk.down_rx)) {
            return;
        }
    }
}

static inline void rig_iface(unsigned row, const char *name, uint32_t ip, uint32_t mask, bool up)
{
    struct port_events e = router_events(&rig.r);
    struct iface i = {
        .mac = {2, 0, 0, 0, 0, (uint8_t)(row + 1)}, .present = 1, .up = up, .ip = ip, .mask = mask};

    strncpy(i.name, name, sizeof i.name - 1);
    e.iface(e.context, row, &i);
}

static inline void rig_route(uint32_t dest, uint32_t len, uint32_t gateway, unsigned row)
{
    struct route r = {dest, len, gateway, row, "eth0"};

    r.name[3] = (char)('1' + row);
    cr_assert(zero(int, fib_add(rig.fib, &r)));
}

static inline void rig_knows(unsigned row, uint32_t ip, const uint8_t mac[6])
{
    struct talk_message m = {.type = TALK_LEARNED, .iface = row, .ip = ip, .create = 1};

    memcpy(m.mac, mac, 6);
    neigh_hear(&rig.keeper.neigh, &m, rig.now);
    rig_turn();
}

/* Every packet that the router received so far has had one verdict. */
static inline void rig_sums_hold(void)
{
    cr_expect(eq(u64, counter_get(ROUTER_RECEIVED),
                 counter_get(ROUTER_FORWARDED) + counter_get(ROUTER_ANSWERED) +
                     counter_get(ROUTER_HELD) + counter_get(ROUTER_DROPPED)));
}

static inline void rig_start(void)
{
    log_set_level(LOG_ERROR); /* the tests change states often */
    rig.now = 1000 * SECOND;
    rig.position = 8;
    cr_assert(zero(int, fib_open(&rig.fib)));
    cr_assert(zero(int, talk_open(&rig.talk, NULL)));
    cr_assert(zero(int, keeper_open(&rig.keeper, rig.fib, &rig.talk)));
    router_open(&rig.r, rig.fib, &rig.talk, &rig.keeper.neigh, NULL);
    rig.keeper.hold = &rig.r.hold;
    rig.port.ops = &rig_ops;
    rig.r.port = &rig.port;
    rig_iface(ETH1, "eth1", IP(192, 168, 2, 1), 0xffffff00, true);
    rig_iface(ETH2, "eth2", IP(172, 64, 3, 1), 0xffffffff, true);
    rig_iface(ETH3, "eth3", IP(10, 0, 1, 1), 0xffffff00, true);
    rig_route(IP(192, 168, 2, 0), 24, 0, ETH1);
    rig_route(SERVER2, 32, SERVER2, ETH2);
    rig_route(IP(10, 0, 1, 0), 24, 0, ETH3);
    rig_route(IP(10, 9, 0, 0), 16, CLIENT, ETH3);
    rig_turn();
    rig_knows(ETH3, CLIENT, CLIENT_MAC);
    rig_knows(ETH1, SERVER1, SERVER1_MAC);
    rig.n_out = 0;
}

/* Gives the router one frame as ofproxy does: 128 bytes of head, the rest as tail. */
static inline struct rig_out *rig_frame(unsigned row, const uint8_t *bytes, size_t len)
{
    size_t head = len < RECORD_INLINE ? len : RECORD_INLINE;
    unsigned before = rig.n_out;

    memcpy(rig.in.head, bytes, head);
    memcpy(rig.in.tail, bytes + head, len - head);
    rig.position += 208;
    rig.in.f = (struct frame_in){.head = rig.in.head,
                                 .head_len = (uint32_t)head,
                                 .tail = len > head ? rig.in.tail : NULL,
                                 .tail_len = (uint32_t)(len - head),
                                 .iface = row,
                                 .position = rig.position};
    rig.waiting = true;
    router_turn(&rig.r, rig.now);
    cr_assert(not(rig.waiting), "no verdict");
    rig_sums_hold();
    for (unsigned i = before; i < rig.n_out; i++) {
        if (rig.out[i].o.verdict != VERDICT_ORIGINATED) {
            return &rig.out[i];
        }
    }
    cr_fatal("no verdict");
    return NULL;
}

/* ---- frames ------------------------------------------------------------------------------- */

struct spec {
    uint32_t src, dst;
    uint8_t proto, ttl, tos;
    uint16_t id, frag;
    const uint8_t *options; /* multiple of 4 bytes */
    size_t options_len;
    const uint8_t *eth_dst, *eth_src; /* NULL: eth3's address, the client's */
    size_t payload;                   /* bytes after the IP header */
    uint8_t icmp_type;                /* proto 1 */
};

static inline uint32_t ihl_of(const uint8_t *frame)
{
    return (frame[PKT_ETH_LEN] & 15u) * 4;
}

static inline void fix_ip_checksum(uint8_t *frame)
{
    struct pkt_ip_wire *ip = (void *)(frame + PKT_ETH_LEN);

    pkt_put16(ip->checksum, 0);
    pkt_put16(ip->checksum, pkt_checksum(ip, ihl_of(frame)));
}

/* A frame of the client's.  Payload bytes are a pattern; ICMP gets a header and a right checksum,
 * UDP ports 1000 to 2000.  Returns its length. */
static inline size_t make(uint8_t *frame, const struct spec *s)
{
    struct pkt_eth_wire *eth = (void *)frame;
    struct pkt_ip_wire *ip = (void *)(frame + PKT_ETH_LEN);
    size_t ihl = PKT_IP_LEN + s->options_len;
    uint8_t *payload = frame + PKT_ETH_LEN + ihl;

    memcpy(eth->dst, s->eth_dst ? s->eth_dst : (const uint8_t[]){2, 0, 0, 0, 0, 3}, 6);
    memcpy(eth->src, s->eth_src ? s->eth_src : CLIENT_MAC, 6);
    pkt_put16(eth->type, PKT_TYPE_IP);
    memset(ip, 0, sizeof *ip);
    ip->version_ihl[0] = (uint8_t)(0x40 | ihl / 4);
    ip->tos[0] = s->tos;
    pkt_put16(ip->total_len, (uint32_t)(ihl + s->payload));
    pkt_put16(ip->id, s->id);
    pkt_put16(ip->frag, s->frag);
    ip->ttl[0] = s->ttl;
    ip->proto[0] = s->proto;
    pkt_put32(ip->src, s->src);
    pkt_put32(ip->dst, s->dst);
    if (s->options_len) {
        memcpy(ip + 1, s->options, s->options_len);
    }
    fix_ip_checksum(frame);
    for (size_t i = 0; i < s->payload; i++) {
        payload[i] = (uint8_t)(i * 7 + 3);
    }
    if (s->proto == PKT_ICMP_PROTO && s->payload >= PKT_ICMP_LEN) {
        struct pkt_icmp_wire *icmp = (void *)payload;

        icmp->type[0] = s->icmp_type;
        icmp->code[0] = 0;
        pkt_put16(icmp->checksum, 0);
        pkt_put16(icmp->checksum, pkt_checksum(icmp, s->payload));
    } else if (s->payload >= 4) {
        pkt_put16(payload, 1000);
        pkt_put16(payload + 2, 2000);
    }
    return PKT_ETH_LEN + ihl + s->payload;
}

/* An ARP frame of 42 bytes. */
static inline size_t make_arp(uint8_t *frame, const uint8_t eth_dst[6], uint16_t op,
                              const uint8_t sha[6], uint32_t spa, const uint8_t tha[6],
                              uint32_t tpa)
{
    struct pkt_eth_wire *eth = (void *)frame;
    struct pkt_arp_wire *a = (void *)(frame + PKT_ETH_LEN);

    memcpy(eth->dst, eth_dst, 6);
    memcpy(eth->src, sha, 6);
    pkt_put16(eth->type, PKT_TYPE_ARP);
    pkt_put16(a->htype, 1);
    pkt_put16(a->ptype, PKT_TYPE_IP);
    a->hlen[0] = 6;
    a->plen[0] = 4;
    pkt_put16(a->op, op);
    memcpy(a->sha, sha, 6);
    pkt_put32(a->spa, spa);
    memcpy(a->tha, tha, 6);
    pkt_put32(a->tpa, tpa);
    return PKT_ETH_LEN + PKT_ARP_LEN;
}

/* ---- looking at what left ----------------------------------------------------------------- */

static inline const struct pkt_ip_wire *ip_of(const struct rig_out *o)
{
    return (const void *)(o->bytes + PKT_ETH_LEN);
}

static inline const struct pkt_icmp_wire *icmp_of(const struct rig_out *o)
{
    return (const void *)(o->bytes + PKT_ETH_LEN + ihl_of(o->bytes));
}

static inline bool sums_are_right(const struct rig_out *o)
{
    const struct pkt_ip_wire *ip = ip_of(o);
    uint32_t ihl = ihl_of(o->bytes), len = pkt_get16(ip->total_len);

    return o->len == PKT_ETH_LEN + len && pkt_fold(pkt_sum(0, ip, ihl)) == 0xffff &&
           (ip->proto[0] != PKT_ICMP_PROTO ||
            (pkt_get16(ip->frag) & (PKT_IP_MF | PKT_IP_OFFSET)) != 0 ||
            pkt_fold(pkt_sum(0, icmp_of(o), len - ihl)) == 0xffff);
}

/* The ICMP error that a frame must get: from the address of the interface it came in by, to its
 * sender, with the packet quoted. */
static inline void expect_error(const struct rig_out *o, const char *what, uint8_t type,
                                uint8_t code, unsigned row, const uint8_t *frame, size_t len)
{
    size_t quote = len - PKT_ETH_LEN < 548 ? len - PKT_ETH_LEN : 548;

    cr_assert(ge(u32, o->len, 14 + 20 + 8), "%s: %u bytes, verdict %d reason %s", what, o->len,
              o->o.verdict, drop_name(o->o.reason));
    cr_expect(eq(u8, icmp_of(o)->type[0], type), "%s", what);
    cr_expect(eq(u8, icmp_of(o)->code[0], code), "%s", what);
    cr_expect(eq(u32, o->o.iface, row), "%s", what);
    cr_expect(sums_are_right(o), "%s", what);
    cr_expect(zero(int, memcmp(o->bytes, frame + 6, 6)), "%s: to the frame's sender", what);
    cr_expect(zero(int, memcmp(o->bytes + 6, rig.r.ifaces.row[row].mac, 6)), "%s", what);
    cr_expect(eq(u32, pkt_get32(ip_of(o)->src), rig.r.ifaces.row[row].ip), "%s", what);
    cr_expect(zero(int, memcmp(ip_of(o)->dst, frame + PKT_ETH_LEN + 12, 4)), "%s", what);
    cr_expect(eq(u8, ip_of(o)->tos[0], 0xc0), "%s", what);
    cr_assert(eq(u32, o->len, (uint32_t)(42 + quote)), "%s: quotes what fits 576 bytes", what);
    struct cr_mem quoted = {o->bytes + 42 + 20, quote - 20};
    struct cr_mem sent = {frame + PKT_ETH_LEN + 20, quote - 20};
    cr_expect(eq(mem, quoted, sent), "%s", what);
}

#endif
