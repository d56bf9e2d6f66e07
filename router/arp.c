/* router/arp.c - ARP packets in and out. */
#include "router/arp.h"

#include <string.h>

#include "common/log.h"
#include "router/router.h"

#define CONFLICT_NS (10 * NEIGH_SECOND) /* RFC 5227, DEFEND_INTERVAL */

static const uint8_t everyone[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t nobody[6];

static bool well_formed(const struct pkt_arp_wire *a, uint32_t spa)
{
    uint16_t op = pkt_get16(a->op);

    return pkt_get16(a->htype) == 1 && pkt_get16(a->ptype) == PKT_TYPE_IP && a->hlen[0] == 6 &&
           a->plen[0] == 4 && (op == PKT_ARP_REQUEST || op == PKT_ARP_REPLY) &&
           (a->sha[0] & 1) == 0 && memcmp(a->sha, nobody, 6) != 0 &&
           (spa == 0 || (spa >> 24 != 0 && spa >> 24 != 127 && spa >> 28 < 14));
}

/* A full ring to the control thread loses what is learned; the neighbour will speak again. */
static void learn(struct packet *p, const struct pkt_arp_wire *a, bool create)
{
    struct talk_message m = {
        .type = TALK_LEARNED, .iface = p->in->iface, .ip = pkt_get32(a->spa), .create = create};

    memcpy(m.mac, a->sha, 6);
    if (neigh_is_news(p->r->neigh, m.ip, m.iface, m.mac, p->r->now_ns)) {
        talk_up(p->r->talk, &m, NULL, 0);
    }
}

static void put_arp(uint8_t *frame, const struct iface *from, const uint8_t to[6], uint16_t op,
                    const uint8_t tha[6], uint32_t tpa)
{
    struct pkt_eth_wire *eth = (void *)frame;
    struct pkt_arp_wire *a = (void *)(frame + PKT_ETH_LEN);

    memcpy(eth->dst, to, 6);
    memcpy(eth->src, from->mac, 6);
    pkt_put16(eth->type, PKT_TYPE_ARP);
    pkt_put16(a->htype, 1);
    pkt_put16(a->ptype, PKT_TYPE_IP);
    a->hlen[0] = 6;
    a->plen[0] = 4;
    pkt_put16(a->op, op);
    memcpy(a->sha, from->mac, 6);
    pkt_put32(a->spa, from->ip);
    memcpy(a->tha, tha, 6);
    pkt_put32(a->tpa, tpa);
}

static void reply(struct packet *p, const struct pkt_arp_wire *a)
{
    uint8_t asker[6];
    uint32_t ip = pkt_get32(a->spa);

    memcpy(asker, a->sha, 6); /* 'a' is where the reply is written */
    put_arp(p->head, p->from, asker, PKT_ARP_REPLY, asker, ip);
    p->head_len = PKT_ETH_LEN + PKT_ARP_LEN;
    p->tail_len = 0;
    router_count(p->r, ROUTER_ARP_REPLIES);
    packet_leave(p, VERDICT_ANSWERED, p->in->iface);
}

/* Another station uses one of the router's addresses: say so, and announce the right owner, once in
 * ten seconds (RFC 5227, 2.4). */
static void conflict(struct packet *p, const struct pkt_arp_wire *a)
{
    char ip[PKT_IP_TEXT], mac[PKT_MAC_TEXT];
    struct router *r = p->r;

    if (memcmp(a->sha, p->from->mac, 6) != 0 &&
        (r->conflict_ns == 0 || r->now_ns - r->conflict_ns >= CONFLICT_NS)) {
        r->conflict_ns = r->now_ns;
        log_warn("address conflict: %s at %.16s is the router's, and %s uses it too: give that "
                 "host another address",
                 pkt_ip_text(ip, pkt_get32(a->spa)), p->from->name, pkt_mac_text(mac, a->sha));
        packet_drop(p, DROP_ARP_OTHER);
        arp_announce(r, p->in->iface);
        return;
    }
    packet_drop(p, DROP_ARP_OTHER);
}

/* Is the reply for this interface?  The target may be left empty by lazy stations. */
static bool addressed(const struct packet *p, const struct pkt_arp_wire *a)
{
    return pkt_get32(a->tpa) == p->from->ip && (memcmp(a->tha, p->from->mac, 6) == 0 || p->unicast);
}

void arp_frame(struct packet *p)
{
    struct pkt_arp_wire *a = (void *)(p->head + PKT_ETH_LEN);
    uint32_t spa, tpa;

    if (p->head_len < PKT_ETH_LEN + PKT_ARP_LEN) {
        packet_drop(p, DROP_ARP_BAD);
        return;
    }
    spa = pkt_get32(a->spa);
    tpa = pkt_get32(a->tpa);
    if (!well_formed(a, spa)) {
        packet_drop(p, DROP_ARP_BAD);
    } else if (iface_of_ip(&p->r->ifaces, spa) != IFACE_NONE) {
        conflict(p, a);
    } else if (spa != 0 && spa == tpa) {
        learn(p, a, false);
        packet_taken(p);
    } else if (pkt_get16(a->op) == PKT_ARP_REPLY) {
        if (spa != 0 && addressed(p, a)) {
            learn(p, a, true);
            packet_taken(p);
        } else {
            packet_drop(p, DROP_ARP_OTHER);
        }
    } else if (tpa != p->from->ip) {
        packet_drop(p, DROP_ARP_OTHER);
    } else {
        if (spa != 0) { /* 0: a probe, whose sender does not have the address yet */
            learn(p, a, true);
        }
        reply(p, a);
    }
}

bool arp_request(struct router *r, uint32_t iface, uint32_t ip, const uint8_t to[6])
{
    const struct iface *i = iface_at(&r->ifaces, iface);
    uint8_t *frame = port_room(r->port, PORT_HEAD);

    if (!i || !i->up) {
        return true; /* nothing to send by; the control thread counts the seconds */
    }
    if (!frame) {
        return false;
    }
    put_arp(frame, i, to, PKT_ARP_REQUEST, nobody, ip);
    router_count(r, ROUTER_ARP_REQUESTS);
    router_originate(r, NULL, iface, frame, PKT_ETH_LEN + PKT_ARP_LEN, 0);
    return true;
}

bool arp_announce(struct router *r, uint32_t iface)
{
    const struct iface *i = iface_at(&r->ifaces, iface);

    return !i || arp_request(r, iface, i->ip, everyone);
}
