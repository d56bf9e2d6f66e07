/* ctl/bench_storm.c - frames that nobody asked for, beside those that are measured: broadcasts, or
 * ARP requests, from a third port of the first switch. */
#include <string.h>

#include "common/proto/of10.h"
#include "ctl/bench.h"

#define SIZE 60
#define EXPERIMENTAL 0x88b5 /* IEEE 802: for local experiments */
#define BURST 256
#define AHEAD (16u * 1024) /* bytes of it that may stand before a frame that is measured */

static void make_frame(const struct bench *b, uint8_t frame[SIZE])
{
    struct pkt_eth_wire *eth = (void *)frame;
    struct pkt_arp_wire *a = (void *)(frame + PKT_ETH_LEN);

    memset(frame, 0, SIZE);
    memset(eth->dst, 0xff, 6);
    bench_switch_host_mac(&b->sw[0], BENCH_STORM_PORT, eth->src);
    pkt_put16(eth->type, b->set.arp ? PKT_TYPE_ARP : EXPERIMENTAL);
    if (b->set.arp) {
        pkt_put16(a->htype, 1);
        pkt_put16(a->ptype, PKT_TYPE_IP);
        a->hlen[0] = 6;
        a->plen[0] = 4;
        pkt_put16(a->op, PKT_ARP_REQUEST);
        memcpy(a->sha, eth->src, 6);
        pkt_put32(a->spa, 0xac40030a); /* the lab's server2 */
        pkt_put32(a->tpa, 0xac400301);
    }
}

void bench_storm_open(struct bench *b)
{
    uint8_t frame[SIZE];
    struct bench_switch s = {.of13 = b->set.of13, .out = b->storm};

    make_frame(b, frame);
    bench_switch_frame_in(&s, BENCH_STORM_PORT, frame, sizeof frame);
    b->storm_len = s.queued;
}

/* Frames that should have been sent by now. */
static uint64_t due(const struct bench *b, uint64_t now)
{
    return b->set.storm_rate == 0
               ? UINT64_MAX
               : (uint64_t)((double)(now - b->start_ns) * (double)b->set.storm_rate / 1e9);
}

void bench_storm_send(struct bench *b, uint64_t now)
{
    struct bench_switch *s = &b->sw[0];
    uint64_t most = due(b, now);

    for (unsigned n = 0; n < BURST && b->result->storm < most && s->queued - s->sent < AHEAD; n++) {
        uint8_t *to = bench_switch_room(s, b->storm_len);

        if (!to) {
            return;
        }
        memcpy(to, b->storm, b->storm_len);
        bench_switch_put(s, b->storm_len);
        b->result->storm++;
    }
}

uint64_t bench_storm_wake_ns(const struct bench *b, uint64_t now, uint64_t until_ns)
{
    uint64_t next = now;

    if (b->sw[0].blocked) {
        return until_ns;
    }
    if (b->set.storm_rate > 0) {
        next = b->start_ns +
               (uint64_t)((double)(b->result->storm + 1) * 1e9 / (double)b->set.storm_rate);
    }
    return next < until_ns ? next : until_ns;
}
