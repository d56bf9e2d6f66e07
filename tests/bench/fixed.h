/* tests/bench/fixed.h - all that a router does to a frame, by a table that never changes: the least
 * work that any router has.
 *
 *     port = fixed_forward(&table, in_port, frame, len);    0: not to be forwarded
 *
 * Checks addresses, version, length and checksum, looks the destination up, and rewrites addresses,
 * time to live and checksum in place.  No ICMP, no options, no fragments, no neighbours to wait
 * for, no counters. */
#ifndef TESTS_BENCH_FIXED_H
#define TESTS_BENCH_FIXED_H

#include <string.h>

#include "common/proto/pkt.h"

#define FIXED_PORTS 3

struct fixed_route {
    uint32_t dest, mask;
    unsigned port;
};

struct fixed {
    uint8_t mac[FIXED_PORTS + 1][6];      /* of the router's ports, from 1 */
    uint8_t next_mac[FIXED_PORTS + 1][6]; /* of the one neighbour behind each */
    struct fixed_route route[4];          /* the longest first; the last takes all */
};

#define FIXED_IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

/* The lab's networks: 192.168.2.0/24, 172.64.3.0/24, 10.0.1.0/24, and the rest by the first. */
static inline void fixed_open(struct fixed *t)
{
    memset(t, 0, sizeof *t);
    t->route[0] = (struct fixed_route){FIXED_IP(192, 168, 2, 0), 0xffffff00, 1};
    t->route[1] = (struct fixed_route){FIXED_IP(172, 64, 3, 0), 0xffffff00, 2};
    t->route[2] = (struct fixed_route){FIXED_IP(10, 0, 1, 0), 0xffffff00, 3};
    t->route[3] = (struct fixed_route){0, 0, 1};
}

static inline unsigned fixed_forward(const struct fixed *t, unsigned in_port, uint8_t *frame,
                                     size_t len)
{
    struct pkt_eth_wire *eth = (void *)frame;
    struct pkt_ip_wire *ip = (void *)(frame + PKT_ETH_LEN);
    const struct fixed_route *r = t->route;
    uint32_t dst;

    if (len < PKT_ETH_LEN + PKT_IP_LEN || in_port < 1 || in_port > FIXED_PORTS ||
        memcmp(eth->dst, t->mac[in_port], 6) != 0 || pkt_get16(eth->type) != PKT_TYPE_IP ||
        ip->version_ihl[0] != 0x45 || pkt_get16(ip->total_len) > len - PKT_ETH_LEN ||
        pkt_fold(pkt_sum(0, ip, PKT_IP_LEN)) != 0xffff || ip->ttl[0] <= 1) {
        return 0;
    }
    dst = pkt_get32(ip->dst);
    while ((dst & r->mask) != r->dest) {
        r++;
    }
    memcpy(eth->dst, t->next_mac[r->port], 6);
    memcpy(eth->src, t->mac[r->port], 6);
    pkt_ip_set_ttl(ip, (uint8_t)(ip->ttl[0] - 1));
    return r->port;
}

#endif
