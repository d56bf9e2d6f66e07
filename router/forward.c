/* router/forward.c - checks, lookup, rewrite. */
#include "router/forward.h"

#include <string.h>

#include "router/arp.h"
#include "router/fragment.h"
#include "router/ipcheck.h"
#include "router/router.h"

/* ---- the way out -------------------------------------------------------------------------- */

static void hold(struct packet *p, uint32_t next_hop, uint32_t out)
{
    struct hold_slot what = {.position = p->in->position,
                             .held_ns = p->r->now_ns,
                             .rx_ns = p->in->rx_ns,
                             .next_hop = next_hop,
                             .out_iface = out,
                             .in_iface = p->in->iface};
    bool held;

    if (p->ip_len > IFACE_MTU) {
        held = fragment_hold(p, &what);
    } else {
        held = hold_put(&p->r->hold, &what, p->head, p->head_len, p->in->tail, p->tail_len);
    }
    if (held) {
        packet_held(p);
    } else {
        packet_drop(p, DROP_HOLD_FULL);
    }
}

/* To a next hop on an interface that is up. */
static void deliver(struct packet *p, uint32_t next_hop, uint32_t out)
{
    struct neigh_node *n = neigh_lookup(p->r->neigh, next_hop, out);

    pkt_ip_set_ttl(p->ip, (uint8_t)(p->ip->ttl[0] - 1));
    if (!n) {
        hold(p, next_hop, out);
        return;
    }
    neigh_used(n, p->r->now_ns);
    memcpy(p->eth->dst, n->mac, 6);
    memcpy(p->eth->src, p->r->ifaces.row[out].mac, 6);
    if (p->ip_len > IFACE_MTU) {
        fragment_send(p, VERDICT_FORWARDED, out);
    } else {
        packet_leave(p, VERDICT_FORWARDED, out);
    }
}

/* The order of RFC 1812, 5.2.1: the route first, then the TTL, then the size. */
static void route_packet(struct packet *p)
{
    const struct route *route = fib_lookup(p->r->fib, p->dst);
    const struct iface *out = route ? iface_at(&p->r->ifaces, route->iface) : NULL;
    bool whole = (pkt_get16(p->ip->frag) & PKT_IP_DF) != 0;

    if (!out) {
        icmp_error(p, PKT_UNREACHABLE, PKT_NET, 0, DROP_NO_ROUTE);
    } else if (!out->up) {
        icmp_error(p, PKT_UNREACHABLE, PKT_NET, 0, DROP_INTERFACE_DOWN);
    } else if (p->ip->ttl[0] <= 1) {
        icmp_error(p, PKT_TIME_EXCEEDED, 0, 0, DROP_TTL_EXPIRED);
    } else if (p->ip_len > IFACE_MTU && whole) {
        icmp_error(p, PKT_UNREACHABLE, PKT_FRAGMENT, IFACE_MTU, DROP_NEEDS_FRAGMENT);
    } else {
        deliver(p, route->gateway ? route->gateway : p->dst, route->iface);
    }
}

/* ---- IPv4 --------------------------------------------------------------------------------- */

static void ip_frame(struct packet *p)
{
    enum drop bad = ipcheck_header(p);
    uint32_t at;

    if (bad == DROP_NONE) {
        bad = ipcheck_source(p);
    }
    if (bad != DROP_NONE) {
        packet_drop(p, bad);
        return;
    }
    if (p->ihl > PKT_IP_LEN) {
        bad = ipcheck_options(p, &at);
        if (bad != DROP_NONE) { /* RFC 1812, 4.3.3.5: the pointer names the byte */
            icmp_error(p, PKT_PARAMETER, 0, at << 24, bad);
            return;
        }
    }
    if (iface_of_ip(&p->r->ifaces, p->dst) != IFACE_NONE) {
        icmp_local(p);
    } else if (p->dst == 0xffffffff) {
        packet_drop(p, DROP_NO_LISTENER); /* for the router too, which listens to nothing */
    } else if (ipcheck_destination(p) != DROP_NONE) {
        packet_drop(p, DROP_MARTIAN_DESTINATION);
    } else if (p->ihl > PKT_IP_LEN && ipcheck_source_routed(p)) {
        icmp_error(p, PKT_UNREACHABLE, PKT_SOURCE_ROUTE, 0, DROP_IP_BAD_OPTION);
    } else {
        route_packet(p);
    }
}

/* ---- Ethernet ----------------------------------------------------------------------------- */

static enum drop frame_check(struct packet *p, uint64_t len)
{
    if (p->in->refuse != DROP_NONE) {
        return p->in->refuse;
    }
    if (len < PKT_ETH_LEN) {
        return DROP_FRAME_TOO_SHORT;
    }
    if (len > PORT_FRAME_MAX) {
        return DROP_FRAME_TOO_LONG;
    }
    if (p->head_len < RECORD_INLINE && p->tail_len > 0) {
        return DROP_BAD_RECORD;
    }
    if (!p->from) {
        return DROP_UNKNOWN_INTERFACE;
    }
    return p->from->up ? DROP_NONE : DROP_INTERFACE_DOWN;
}

void forward(struct router *r, const struct frame_in *in)
{
    struct packet p = {.r = r,
                       .in = in,
                       .from = iface_at(&r->ifaces, in->iface),
                       .head_len = in->head_len,
                       .tail_len = in->tail_len};
    enum drop bad = frame_check(&p, (uint64_t)in->head_len + in->tail_len);

    if (bad != DROP_NONE) {
        packet_drop(&p, bad);
        return;
    }
    p.head = port_room(r->port, in->head_len > PORT_HEAD ? in->head_len : PORT_HEAD);
    memcpy(p.head, in->head, in->head_len);
    p.eth = (void *)p.head;
    p.unicast = memcmp(p.eth->dst, p.from->mac, 6) == 0;
    if (!p.unicast && (p.eth->dst[0] & 1) == 0) {
        packet_drop(&p, DROP_NOT_FOR_US);
    } else if ((p.eth->src[0] & 1) != 0) {
        packet_drop(&p, DROP_MARTIAN_SOURCE);
    } else if (pkt_get16(p.eth->type) == PKT_TYPE_IP) {
        ip_frame(&p);
    } else if (pkt_get16(p.eth->type) == PKT_TYPE_ARP) {
        arp_frame(&p);
    } else {
        packet_drop(&p, DROP_ETHERTYPE);
    }
}
