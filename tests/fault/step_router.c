/* tests/fault/step_router.c - vnsbridge, ofproxy and the hosts, played for a router. */
#include <stdio.h>
#include <string.h>

#include "common/counter.h"
#include "common/loop.h"
#include "common/proto/pkt.h"
#include "router/hold.h"
#include "shm/fault.h"
#include "shm/topo.h"
#include "tests/fault/image.h"
#include "tests/fault/step.h"

#define HOSTS 3
#define NUMBER_AT                                                                                  \
    (PKT_ETH_LEN + 4) /* the IP header's identification carries the frame's number                 \
                       */

enum kind { TO_KNOWN, TO_UNKNOWN, TTL_OVER, ECHO, BAD_CHECKSUM, ARP_REQUEST, ARP_REPLY };

static struct state {
    struct topo bridge, ofproxy;
    struct ring_tx vns_in;
    struct ring_rx vns_out;
    struct board_writer interfaces, leases;
    struct arena arena;
    struct step_account account;
    unsigned fed;      /* the last number given */
    unsigned asked;    /* host that is warmed up */
    bool forwarded;    /* a frame came out without being held */
    uint64_t answered; /* ARP requests */
    char dir[96];
} s;

static const uint32_t host_ip[HOSTS + 1] = {0, 0xc0a80202, 0xac40030a, 0x0a000164};
static const uint32_t router_ip[HOSTS + 1] = {0, 0xc0a80201, 0xac400301, 0x0a000101};

static void mac_of(uint8_t mac[6], uint8_t kind, unsigned row)
{
    memcpy(mac, (const uint8_t[]){2, kind, 0, 0, 0, (uint8_t)row}, 6);
}

static void open_world(const char *run_dir)
{
    struct lease_row lease = {.vhost = "vrhost", .owner = LEASE_RING, .state = LEASE_READY};

    snprintf(s.dir, sizeof s.dir, "%s", run_dir);
    topo_open(&s.bridge, run_dir, TOPO_VNSBRIDGE);
    topo_open(&s.ofproxy, run_dir, TOPO_OFPROXY);
    topo_tx(&s.bridge, &s.vns_in, TOPO_VNS_IN);
    topo_rx(&s.bridge, &s.vns_out, TOPO_VNS_OUT);
    topo_board_writer(&s.bridge, &s.interfaces, TOPO_INTERFACES);
    topo_board_writer(&s.bridge, &s.leases, TOPO_LEASES);
    topo_arena(&s.ofproxy, &s.arena);
    for (unsigned row = 1; row <= HOSTS; row++) {
        struct interface_row r = {.vhost = "vrhost",
                                  .ip = router_ip[row],
                                  .mask = 0xffffffff,
                                  .port = row,
                                  .known = 1,
                                  .up = 1};

        snprintf(r.name, sizeof r.name, "eth%u", row);
        mac_of(r.mac, 0, row);
        board_put(&s.interfaces, row, &r);
    }
    board_publish(&s.interfaces);
    board_put(&s.leases, 0, &lease);
    board_publish(&s.leases);
}

/* ---- frames to the router ----------------------------------------------------------------- */

static void send(unsigned row, const uint8_t *frame, unsigned len, unsigned must_come)
{
    unsigned number = ++s.fed;
    struct record r = {.seq = number, .ticket = number, .dpid = 1, .port = row};
    uint8_t *head;

    r.head_len = len < RECORD_INLINE ? len : RECORD_INLINE;
    r.tail_len = len - r.head_len;
    head = ring_reserve(&s.vns_in, r.head_len);
    if (!head || number >= STEP_FRAMES) {
        s.account.strange++;
        return;
    }
    memcpy(head, frame, r.head_len);
    if (r.tail_len > 0) {
        uint8_t *tail = arena_chunk_data(&s.arena, number % ARENA_CHUNKS);

        memcpy(tail, frame + r.head_len, r.tail_len);
        r.tail_off = arena_offset(&s.arena, tail);
    }
    ring_commit(&s.vns_in, &r);
    ring_publish(&s.vns_in);
    s.account.must_settle[number] = 1;
    s.account.must_come[number] = (unsigned char)must_come;
}

static void send_ip(enum kind kind, unsigned from, unsigned to, unsigned len)
{
    uint8_t frame[1514] = {0};
    struct pkt_eth_wire *eth = (void *)frame;
    struct pkt_ip_wire *ip = (void *)(frame + PKT_ETH_LEN);

    mac_of(eth->dst, 0, from);
    mac_of(eth->src, 0xee, from);
    pkt_put16(eth->type, PKT_TYPE_IP);
    ip->version_ihl[0] = 0x45;
    pkt_put16(ip->total_len, len - PKT_ETH_LEN);
    pkt_put16(ip->id, s.fed + 1);
    ip->ttl[0] = kind == TTL_OVER ? 1 : 64;
    ip->proto[0] = kind == ECHO ? PKT_ICMP_PROTO : PKT_UDP_PROTO;
    pkt_put32(ip->src, host_ip[from]);
    pkt_put32(ip->dst, kind == ECHO ? router_ip[from] : host_ip[to]);
    pkt_put16(ip->checksum, pkt_checksum(ip, PKT_IP_LEN) ^ (kind == BAD_CHECKSUM ? 1u : 0u));
    if (kind == ECHO) {
        uint8_t *icmp = frame + PKT_ETH_LEN + PKT_IP_LEN;

        icmp[0] = PKT_ECHO;
        pkt_put16(icmp + 2, pkt_checksum(icmp, len - PKT_ETH_LEN - PKT_IP_LEN));
    }
    send(from, frame, len, kind != BAD_CHECKSUM);
}

static void send_arp(enum kind kind, unsigned row)
{
    uint8_t frame[60] = {0};
    struct pkt_eth_wire *eth = (void *)frame;
    struct pkt_arp_wire *a = (void *)(frame + PKT_ETH_LEN);

    mac_of(eth->dst, 0, row);
    mac_of(eth->src, 0xee, row);
    pkt_put16(eth->type, PKT_TYPE_ARP);
    pkt_put16(a->htype, 1);
    pkt_put16(a->ptype, PKT_TYPE_IP);
    a->hlen[0] = 6;
    a->plen[0] = 4;
    pkt_put16(a->op, kind == ARP_REQUEST ? PKT_ARP_REQUEST : PKT_ARP_REPLY);
    mac_of(a->sha, 0xee, row);
    pkt_put32(a->spa, host_ip[row]);
    mac_of(a->tha, 0, row);
    pkt_put32(a->tpa, router_ip[row]);
    send(row, frame, sizeof frame, kind == ARP_REQUEST);
}

/* ---- frames from the router --------------------------------------------------------------- */

/* A frame of the router's own: an ARP request is answered; else it is a held frame, or the error
 * about one, and its number tells which. */
static void take_own(const struct record *r, const uint8_t *head)
{
    const struct pkt_arp_wire *a = (const void *)(head + PKT_ETH_LEN);
    unsigned number = pkt_get16(head + NUMBER_AT);

    if (pkt_get16(head + 12) == PKT_TYPE_ARP) {
        if (r->port <= HOSTS && pkt_get32(a->tpa) == host_ip[r->port]) {
            s.answered++;
            send_arp(ARP_REPLY, r->port);
        }
    } else if (r->head_len >= PKT_ETH_LEN + PKT_IP_LEN && head[PKT_ETH_LEN + 9] == PKT_UDP_PROTO &&
               number < STEP_FRAMES) {
        s.account.came_out[number]++;
    } else {
        s.account.strange++;
    }
}

static void take(const struct record *r, const uint8_t *head)
{
    if (r->verdict == VERDICT_ORIGINATED) {
        take_own(r, head);
    } else if (r->ticket >= STEP_FRAMES || r->seq != r->ticket) {
        s.account.strange++;
    } else {
        s.account.verdicts[r->ticket]++;
        s.account.came_out[r->ticket] =
            (unsigned char)(s.account.came_out[r->ticket] + (r->head_len > 0));
        s.forwarded |= r->verdict == VERDICT_FORWARDED;
    }
}

static bool pump(void)
{
    const uint8_t *head;
    struct record r;

    while (ring_peek(&s.vns_out, &r, &head)) {
        take(&r, head);
        ring_next(&s.vns_out);
    }
    ring_release(&s.vns_out);
    s.account.strange += s.vns_out.at > STEP_RING; /* past what is kept of a ring */
    return step_drained(&s.vns_in) && step_complete(&s.account);
}

static void wake(void)
{
    topo_ring_all(&s.bridge);
}

/* Full work: it has answered, and forwards without asking for the next hop. */
static bool warm(void)
{
    if (!pump()) {
        return false;
    }
    if (s.fed == 0 || s.asked < 2) {
        s.asked++;
        send_arp(ARP_REQUEST, s.asked == 1 ? 3 : 1);
        return false;
    }
    if (!s.forwarded) {
        send_ip(TO_KNOWN, 3, 1, 64);
    }
    return s.forwarded;
}

static void feed(void)
{
    for (unsigned i = 0; i < 2; i++) {
        send_ip(TO_KNOWN, 3, 1, 64);
        send_ip(TO_KNOWN, 3, 1, 1514);
        send_ip(TO_UNKNOWN, 3, 2, 200);
        send_ip(TTL_OVER, 3, 1, 90);
        send_arp(ARP_REQUEST, 3);
        send_ip(TO_UNKNOWN, 3, 2, 1514);
        send_ip(ECHO, 3, 3, 98);
        send_ip(BAD_CHECKSUM, 3, 1, 64);
        send_ip(TO_KNOWN, 3, 1, 300);
    }
}

static bool check(char *why, size_t size)
{
    struct counter_view v;
    uint64_t received, settled, held;

    if (!step_exact(&s.account, why, size)) {
        return false;
    }
    if (counter_view_open(&v, s.dir, "router") != 0) {
        snprintf(why, size, "its counters cannot be read");
        return false;
    }
    received = counter_view_get(&v, ROUTER_RECEIVED);
    held = counter_view_get(&v, ROUTER_HELD);
    settled = counter_view_get(&v, ROUTER_FORWARDED) + counter_view_get(&v, ROUTER_ANSWERED) +
              counter_view_get(&v, ROUTER_DROPPED) + held;
    snprintf(why, size, "counters: fed=%u received=%lu settled=%lu held=%lu held_sent=%lu", s.fed,
             received, settled, held, counter_view_get(&v, ROUTER_HELD_SENT));
    received = received == s.fed && settled == s.fed;
    held = counter_view_get(&v, ROUTER_HELD_SENT) == held;
    counter_view_close(&v);
    return received && held;
}

/* Held frames are given up after 30 s, which a tester of thousands of instants takes. */
static void freshen(struct image *m)
{
    struct image_file *f = image_find(m, "router.held");
    uint64_t now = loop_now_ns();

    for (size_t at = 4 * sizeof(uint64_t) + sizeof(struct fault_evidence);
         f && at + sizeof(struct hold_slot) <= f->len; at += sizeof(struct hold_slot)) {
        memcpy(f->live + at + offsetof(struct hold_slot, held_ns), &now, sizeof now);
    }
}

const struct step_world step_router = {
    .program = "router",
    .turn = "router_turn",
    .state = &s,
    .state_size = sizeof s,
    .open = open_world,
    .warm = warm,
    .wake = wake,
    .feed = feed,
    .pump = pump,
    .check = check,
    .freshen = freshen,
};
