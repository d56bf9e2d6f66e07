/* router/ipcheck.c - the checks, in the order of RFC 1812, 5.2.2. */
#include "router/ipcheck.h"

#include "router/router.h"

enum { OPT_RECORD_ROUTE = 7, OPT_TIMESTAMP = 68 };

enum drop ipcheck_header(struct packet *p)
{
    uint32_t frame_len = p->head_len + p->tail_len, room = frame_len - PKT_ETH_LEN;
    struct pkt_ip_wire *ip = (void *)(p->head + PKT_ETH_LEN);

    if (room < PKT_IP_LEN) {
        return DROP_IP_BAD_LENGTH;
    }
    if (ip->version_ihl[0] >> 4 != 4) {
        return DROP_IP_BAD_VERSION;
    }
    p->ip = ip;
    p->ihl = (ip->version_ihl[0] & 15u) * 4;
    p->ip_len = pkt_get16(ip->total_len);
    if (p->ihl < PKT_IP_LEN || p->ip_len < p->ihl || p->ip_len > room) {
        return DROP_IP_BAD_LENGTH;
    }
    if (pkt_fold(pkt_sum(0, ip, p->ihl)) != 0xffff) {
        return DROP_IP_BAD_CHECKSUM;
    }
    /* no part of any datagram; were it cut, the offsets would run over into the flags */
    if ((pkt_get16(ip->frag) & PKT_IP_OFFSET) * 8u + p->ip_len > PKT_IP_DATAGRAM) {
        return DROP_IP_BAD_LENGTH;
    }
    if (p->head_len >= PKT_ETH_LEN + p->ip_len) {
        p->head_len = PKT_ETH_LEN + p->ip_len;
        p->tail_len = 0;
    } else {
        p->tail_len = PKT_ETH_LEN + p->ip_len - p->head_len;
    }
    p->src = pkt_get32(ip->src);
    p->dst = pkt_get32(ip->dst);
    return DROP_NONE;
}

static bool is_link_local(uint32_t ip)
{
    return ip >> 16 == 0xa9fe; /* 169.254/16, RFC 3927, 2.7 */
}

enum drop ipcheck_source(const struct packet *p)
{
    const struct ifaces *t = &p->r->ifaces;

    if (p->src >> 24 == 0 || p->src >> 24 == 127 || p->src >> 28 >= 14 ||
        iface_of_ip(t, p->src) != IFACE_NONE || iface_is_broadcast(t, p->src)) {
        return DROP_MARTIAN_SOURCE;
    }
    if (is_link_local(p->src) && iface_of_ip(t, p->dst) == IFACE_NONE) {
        return DROP_MARTIAN_SOURCE;
    }
    return DROP_NONE;
}

enum drop ipcheck_destination(const struct packet *p)
{
    if (!p->unicast || p->dst >> 24 == 0 || p->dst >> 24 == 127 || p->dst >> 28 >= 14 ||
        is_link_local(p->dst) || iface_is_broadcast(&p->r->ifaces, p->dst)) {
        return DROP_MARTIAN_DESTINATION;
    }
    return DROP_NONE;
}

/* The least length of an option, and the least value of its pointer; 0: it has none. */
static void option_form(uint8_t type, uint32_t *min_len, uint32_t *min_pointer)
{
    *min_len = 2;
    *min_pointer = 0;
    if (type == PKT_OPT_LSRR || type == PKT_OPT_SSRR || type == OPT_RECORD_ROUTE) {
        *min_len = 3;
        *min_pointer = 4;
    } else if (type == OPT_TIMESTAMP) {
        *min_len = 4;
        *min_pointer = 5;
    }
}

/* Steps to the next option at or after *at; 0: the end; its length otherwise, 1 for a lone byte.
 * 'bad' is set, and *at the byte that is wrong, where the form is broken. */
static uint32_t option_next(const struct packet *p, uint32_t *at, bool *bad)
{
    const uint8_t *ip = (const uint8_t *)p->ip;
    uint32_t len, min_len, min_pointer;

    *bad = false;
    while (*at < p->ihl && ip[*at] == PKT_OPT_NOP) {
        ++*at;
    }
    if (*at >= p->ihl || ip[*at] == PKT_OPT_END) {
        return 0;
    }
    option_form(ip[*at], &min_len, &min_pointer);
    len = *at + 1 < p->ihl ? ip[*at + 1] : 0;
    if (len < min_len || len > p->ihl - *at) {
        *at += *at + 1 < p->ihl;
        *bad = true;
    } else if (min_pointer > 0 && ip[*at + 2] < min_pointer) {
        *at += 2;
        *bad = true;
    }
    return len;
}

enum drop ipcheck_options(const struct packet *p, uint32_t *at)
{
    uint32_t len;
    bool bad;

    *at = PKT_IP_LEN;
    while ((len = option_next(p, at, &bad)) > 0 && !bad) {
        *at += len;
    }
    return bad ? DROP_IP_BAD_OPTION : DROP_NONE;
}

bool ipcheck_source_routed(const struct packet *p)
{
    const uint8_t *ip = (const uint8_t *)p->ip;
    uint32_t at = PKT_IP_LEN, len;
    bool bad;

    while ((len = option_next(p, &at, &bad)) > 0 && !bad) {
        if (ip[at] == PKT_OPT_LSRR || ip[at] == PKT_OPT_SSRR) {
            return true;
        }
        at += len;
    }
    return false;
}
