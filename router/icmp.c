/* router/icmp.c - errors, echo replies, and the limit. */
#include "router/icmp.h"

#include <string.h>

#include "router/fragment.h"
#include "router/router.h"

/* ---- when (RFC 1812, 4.3.2.7 and 4.3.2.8) ------------------------------------------------- */

/* Takes 1/rate of a second from a bucket that holds one second's worth. */
static bool bucket_has(const struct icmp_bucket *b, uint64_t now, uint64_t rate)
{
    return b->full_ns + NEIGH_SECOND / rate <= now + NEIGH_SECOND;
}

static void bucket_take(struct icmp_bucket *b, uint64_t now, uint64_t rate)
{
    b->full_ns = (b->full_ns > now ? b->full_ns : now) + NEIGH_SECOND / rate;
}

static bool within_limit(struct router *r, uint32_t iface)
{
    struct icmp_bucket *own = &r->limit.iface[iface];

    if (!bucket_has(&r->limit.all, r->now_ns, ICMP_RATE) ||
        !bucket_has(own, r->now_ns, ICMP_RATE_IFACE)) {
        router_count(r, ROUTER_ICMP_SUPPRESSED);
        return false;
    }
    bucket_take(&r->limit.all, r->now_ns, ICMP_RATE);
    bucket_take(own, r->now_ns, ICMP_RATE_IFACE);
    return true;
}

/* Only the queries and replies of RFC 792, 950 and 1256 may be answered with an error. */
static bool is_icmp_query(uint8_t type)
{
    return type == PKT_ECHO_REPLY || (type >= PKT_ECHO && type < PKT_TIME_EXCEEDED) ||
           (type > PKT_PARAMETER && type <= PKT_MASK_REPLY);
}

/* 'len' bytes of the packet are readable at 'ip'.  Its source was found good when it came in. */
static bool may_have_error(const struct router *r, const uint8_t *ip, uint32_t len)
{
    const struct pkt_ip_wire *h = (const void *)ip;
    uint32_t ihl = (h->version_ihl[0] & 15u) * 4, dst = pkt_get32(h->dst);

    if ((pkt_get16(h->frag) & PKT_IP_OFFSET) != 0 || dst >> 28 >= 14 ||
        iface_is_broadcast(&r->ifaces, dst)) {
        return false;
    }
    return h->proto[0] != PKT_ICMP_PROTO || (len > ihl && is_icmp_query(ip[ihl]));
}

/* ---- what --------------------------------------------------------------------------------- */

struct error {
    uint32_t iface; /* row that the packet came in by, and the error leaves by */
    uint8_t type, code;
    uint32_t rest;
    const uint8_t *ip; /* the packet; may lie within the frame to be built */
    uint32_t len;      /* readable there */
    const uint8_t *tail;
    uint32_t tail_len;
};

static void put_ip(struct router *r, struct pkt_ip_wire *ip, uint32_t len, uint32_t src,
                   uint32_t dst)
{
    memset(ip, 0, sizeof *ip);
    ip->version_ihl[0] = 0x45;
    ip->tos[0] = ICMP_TOS;
    pkt_put16(ip->total_len, len);
    pkt_put16(ip->id, r->ip_id++);
    ip->ttl[0] = ICMP_TTL;
    ip->proto[0] = PKT_ICMP_PROTO;
    pkt_put32(ip->src, src);
    pkt_put32(ip->dst, dst);
    pkt_put16(ip->checksum, pkt_checksum(ip, sizeof *ip));
}

/* Builds the frame of an error; returns its length. */
static uint32_t build(struct router *r, uint8_t *frame, const uint8_t to[6], const struct error *e)
{
    const struct iface *from = &r->ifaces.row[e->iface];
    uint32_t most = ICMP_MAX - PKT_IP_LEN - PKT_ICMP_LEN;
    uint32_t head = e->len < most ? e->len : most;
    uint32_t tail = e->tail_len < most - head ? e->tail_len : most - head;
    uint32_t icmp_len = (uint32_t)PKT_ICMP_LEN + head + tail;
    struct pkt_eth_wire eth = {.type = {PKT_TYPE_IP >> 8, PKT_TYPE_IP & 255}};
    uint8_t *at = frame + PKT_ETH_LEN + PKT_IP_LEN;
    struct pkt_icmp_wire *icmp = (void *)at;
    uint32_t dst = pkt_get32(((const struct pkt_ip_wire *)(const void *)e->ip)->src);

    memcpy(eth.dst, to, 6);
    memcpy(eth.src, from->mac, 6);
    memmove(at + PKT_ICMP_LEN, e->ip, head);
    if (tail > 0) {
        memcpy(at + PKT_ICMP_LEN + head, e->tail, tail);
    }
    memset(icmp, 0, sizeof *icmp);
    icmp->type[0] = e->type;
    icmp->code[0] = e->code;
    pkt_put32(icmp->rest, e->rest);
    pkt_put16(icmp->checksum, pkt_checksum(icmp, icmp_len));
    put_ip(r, (void *)(frame + PKT_ETH_LEN), PKT_IP_LEN + icmp_len, from->ip, dst);
    memcpy(frame, &eth, sizeof eth);
    return (uint32_t)(PKT_ETH_LEN + PKT_IP_LEN) + icmp_len;
}

void icmp_error(struct packet *p, uint8_t type, uint8_t code, uint32_t rest, enum drop otherwise)
{
    struct error e = {
        p->in->iface, type,       code, rest, (const uint8_t *)p->ip, p->head_len - PKT_ETH_LEN,
        p->in->tail,  p->tail_len};

    if (!p->unicast || !may_have_error(p->r, e.ip, e.len)) {
        packet_drop(p, otherwise);
        return;
    }
    if (!within_limit(p->r, p->in->iface)) {
        packet_drop(p, DROP_ICMP_RATE);
        return;
    }
    router_count(p->r, ROUTER_ICMP_ERRORS);
    p->head_len = build(p->r, p->head, p->eth->src, &e);
    p->tail_len = 0;
    packet_leave(p, VERDICT_ANSWERED, p->in->iface);
}

bool icmp_held_expired(struct router *r, const struct hold_slot *s)
{
    const struct pkt_eth_wire *eth = (const void *)s->frame;
    struct error e = {s->in_iface,
                      PKT_UNREACHABLE,
                      PKT_HOST,
                      0,
                      s->frame + PKT_ETH_LEN,
                      (uint32_t)s->len - PKT_ETH_LEN,
                      NULL,
                      0};
    const struct iface *back = iface_at(&r->ifaces, s->in_iface);
    uint8_t *frame = port_room(r->port, PORT_HEAD);

    if (!frame) {
        return false;
    }
    /* the further fragments of a frame are no first fragments, so the frame has one error */
    if (back && back->up && may_have_error(r, e.ip, e.len) && within_limit(r, s->in_iface)) {
        uint32_t len = build(r, frame, eth->src, &e);

        router_count(r, ROUTER_ICMP_ERRORS);
        router_originate(r, NULL, s->in_iface, frame, len, s->serial);
    }
    router_count_left(r, s, ROUTER_HELD_EXPIRED);
    return true;
}

/* ---- packets for the router --------------------------------------------------------------- */

/* Turns a request into its reply where it lies: only addresses, TTL and one byte change, so both
 * checksums are adjusted and the tail is not looked at.  A big request comes in fragments; each is
 * turned round by itself, and the sender puts the reply together. */
static void echo_reply(struct packet *p, struct pkt_icmp_wire *icmp)
{
    memcpy(p->eth->dst, p->eth->src, 6);
    memcpy(p->eth->src, p->from->mac, 6);
    pkt_put32(p->ip->src, p->dst);
    pkt_put32(p->ip->dst, p->src);
    pkt_ip_set_ttl(p->ip, ICMP_TTL);
    if (icmp) {
        pkt_icmp_set_type(icmp, PKT_ECHO_REPLY);
        router_count(p->r, ROUTER_ICMP_ECHO_REPLIES);
    }
    if (p->ip_len > IFACE_MTU) { /* the reply is ours, so it may be cut */
        pkt_put16(p->ip->frag, pkt_get16(p->ip->frag) & ~(unsigned)PKT_IP_DF);
        fragment_send(p, VERDICT_ANSWERED, p->in->iface);
    } else {
        packet_leave(p, VERDICT_ANSWERED, p->in->iface);
    }
}

static void local_icmp(struct packet *p)
{
    struct pkt_icmp_wire *icmp = (void *)((uint8_t *)p->ip + p->ihl);

    if ((pkt_get16(p->ip->frag) & PKT_IP_OFFSET) != 0) {
        echo_reply(p, NULL);
    } else if (p->ip_len < p->ihl + PKT_ICMP_LEN) {
        packet_drop(p, DROP_IP_BAD_LENGTH);
    } else if (p->head_len < PKT_ETH_LEN + p->ihl + PKT_ICMP_LEN) {
        packet_drop(p, DROP_BAD_RECORD);
    } else if (icmp->type[0] != PKT_ECHO) {
        packet_drop(p, DROP_ICMP_IGNORED);
    } else {
        echo_reply(p, icmp);
    }
}

void icmp_local(struct packet *p)
{
    switch (p->ip->proto[0]) {
    case PKT_ICMP_PROTO:
        if (p->unicast) {
            local_icmp(p);
        } else {
            packet_drop(p, DROP_ICMP_IGNORED);
        }
        break;
    case PKT_TCP_PROTO:
    case PKT_UDP_PROTO:
        icmp_error(p, PKT_UNREACHABLE, PKT_PORT, 0, DROP_NO_LISTENER);
        break;
    default:
        icmp_error(p, PKT_UNREACHABLE, PKT_PROTOCOL, 0, DROP_NO_LISTENER);
        break;
    }
}
