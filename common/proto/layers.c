/* common/proto/layers.c - walks through a frame: which layer follows which. */
#include "common/proto/layers.h"

#include <string.h>

#include "common/proto/layer_parts.h"

static void show_ip(struct layer_walk *w, bool quoted);

static const struct {
    uint8_t type, rest;
    bool quote;
} icmp_kinds[] = {
#define NONE false
#define QUOTE true
#define KIND(type, name, layer, quote) {type, layer, quote},
    LAYER_ICMP_KINDS(KIND)};

const char *layers_icmp_type(unsigned type)
{
    return wire_name(&wire_form_LAYER_ICMP_TYPE, type);
}

const char *layers_icmp_code(unsigned type, unsigned code)
{
    static const struct {
        uint8_t type, code;
        const char *name;
    } codes[] = {
#define CODE(type, code, name) {type, code, name},
        LAYER_ICMP_CODES(CODE)};

    for (unsigned i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].type == type && codes[i].code == code) {
            return codes[i].name;
        }
    }
    return NULL;
}

const char *layers_ip_proto(unsigned proto)
{
    return wire_name(&wire_form_LAYER_IP_PROTO, proto);
}

static void show_icmp(struct layer_walk *w, bool whole)
{
    const uint8_t *start = w->p;
    struct layer_sum sum = {0};
    const char *name;
    unsigned i = 0;

    if (whole && w->missing == 0 && layer_left(w) >= 4) {
        sum = layer_sum(0, start, layer_left(w), 2);
        sum.should = sum.is == 0xffff && sum.should == 0 ? 0xffff : sum.should;
    }
    if (!layer_show(w, ICMP, &sum)) {
        return;
    }
    name = layers_icmp_code(start[0], start[1]);
    if (name) {
        layer_say(w, "meaning", "%s", name);
    }
    while (i < sizeof icmp_kinds / sizeof icmp_kinds[0] && icmp_kinds[i].type != start[0]) {
        i++;
    }
    if (i == sizeof icmp_kinds / sizeof icmp_kinds[0]) {
        layer_data(w, "Data");
        return;
    }
    if (!layer_show(w,
                    start[0] == PKT_UNREACHABLE && start[1] == PKT_FRAGMENT
                        ? ICMP_MTU
                        : (enum layer_id)icmp_kinds[i].rest,
                    NULL)) {
        return;
    }
    if (icmp_kinds[i].quote && w->depth < LAYERS_DEEP && layer_left(w) > 0) {
        w->depth++;
        show_ip(w, true);
    } else {
        layer_data(w, "Data");
    }
}

static void show_udp(struct layer_walk *w, const struct layer_pseudo *ip)
{
    const uint8_t *start = w->p;
    size_t n = layer_left(w);
    struct layer_sum sum = {0};
    unsigned a, b;

    if (ip->known && n >= PKT_UDP_LEN && w->missing == 0 && pkt_get16(start + 6) != 0 &&
        pkt_get16(start + 4) >= PKT_UDP_LEN && pkt_get16(start + 4) <= n) {
        sum = layer_transport_sum(ip, start, pkt_get16(start + 4), 6, PKT_UDP_PROTO);
        sum.should = sum.should == 0 ? 0xffff : sum.should;
    }
    if (!layer_show(w, UDP, &sum)) {
        return;
    }
    if (pkt_get16(start + 6) == 0) {
        layer_say(w, "note", "the sender made no checksum");
    }
    if (pkt_get16(start + 4) >= PKT_UDP_LEN) {
        layer_limit(w, pkt_get16(start + 4) - (size_t)PKT_UDP_LEN);
    }
    a = pkt_get16(start);
    b = pkt_get16(start + 2);
    layer_data(w, a == 53 || b == 53                             ? "DNS"
                  : (a == 67 || a == 68) && (b == 67 || b == 68) ? "DHCP"
                                                                 : "Data");
}

static void show_tcp(struct layer_walk *w, const struct layer_pseudo *ip)
{
    const uint8_t *start = w->p;
    struct layer_sum sum = {0};

    if (ip->known && layer_left(w) >= PKT_TCP_LEN && w->missing == 0) {
        sum = layer_transport_sum(ip, start, layer_left(w), 16, PKT_TCP_PROTO);
    }
    if (layer_show(w, TCP, &sum) && layer_tcp_options(w, (size_t)(start[12] >> 4) * 4)) {
        layer_data(w, "Data");
    }
}

/* What a packet carries; 'quoted': it need not be whole. */
static void show_transport(struct layer_walk *w, const uint8_t *ip, bool quoted)
{
    const uint16_t frag = pkt_get16(ip + 6);
    const struct layer_pseudo pseudo = {!quoted && !(frag & (PKT_IP_OFFSET | PKT_IP_MF)), ip + 12};
    const char *name = layers_ip_proto(ip[9]);

    if (frag & PKT_IP_OFFSET) {
        layer_data(w, "Fragment");
    } else if (ip[9] == PKT_ICMP_PROTO) {
        show_icmp(w, pseudo.known);
    } else if (ip[9] == PKT_UDP_PROTO) {
        show_udp(w, &pseudo);
    } else if (ip[9] == PKT_TCP_PROTO) {
        show_tcp(w, &pseudo);
    } else {
        layer_data(w, name ? name : "Data");
    }
}

static void show_ip(struct layer_walk *w, bool quoted)
{
    const uint8_t *start = w->p;
    size_t header = layer_left(w) > 0 ? (size_t)(*start & 15) * 4 : 0;
    struct layer_sum sum = {0};

    if (header >= PKT_IP_LEN && header <= layer_left(w)) {
        sum = layer_sum(0, start, header, 10);
    }
    if (!layer_show(w, IPV4, &sum) || !layer_ip_options(w, header)) {
        return;
    }
    if (pkt_get16(start + 2) >= header) {
        layer_limit(w, pkt_get16(start + 2) - header);
    }
    show_transport(w, start, quoted);
}

static void show_arp(struct layer_walk *w)
{
    const uint8_t *start = w->p;

    if (!layer_show(w, ARP, NULL)) {
        return;
    }
    if (pkt_get16(start) == 1 && pkt_get16(start + 2) == PKT_TYPE_IP && start[4] == 6 &&
        start[5] == 4) {
        layer_limit(w, layer_bytes(ARP_IPV4));
        layer_show(w, ARP_IPV4, NULL);
    } else {
        layer_data(w, "Data");
    }
}

/* A frame whose type is a length: LLC, and what it carries. */
static void show_llc(struct layer_walk *w, size_t len)
{
    const uint8_t *start;

    layer_limit(w, len);
    start = w->p;
    if (layer_show(w, LLC, NULL)) {
        layer_data(w, start[0] == 0x42 && start[1] == 0x42 ? "STP" : "Data");
    }
}

static void show_type(struct layer_walk *w, unsigned type)
{
    const uint8_t *start = w->p;

    if ((type == 0x8100 || type == 0x88a8) && w->depth < LAYERS_DEEP) {
        w->depth++;
        if (layer_show(w, VLAN, NULL)) {
            show_type(w, pkt_get16(start + 2));
        }
    } else if (type < 0x600) {
        show_llc(w, type);
    } else if (type == PKT_TYPE_ARP) {
        show_arp(w);
    } else if (type == PKT_TYPE_IP) {
        show_ip(w, false);
    } else if (type == 0x86dd) {
        if (layer_show(w, IPV6, NULL)) {
            const char *name = layers_ip_proto(start[6]);

            layer_limit(w, pkt_get16(start + 4));
            layer_data(w, name ? name : "Data");
        }
    } else {
        layer_data(w, type == PKT_TYPE_LLDP ? "LLDP" : "Data");
    }
}

void layers_frame(const struct layers *to, const uint8_t *frame, size_t len, size_t whole_len)
{
    struct layer_walk w = {to, frame, frame + len, whole_len > len ? whole_len - len : 0, 0};
    bool length = len >= PKT_ETH_LEN && pkt_get16(frame + 12) < 0x600;

    if (!layer_show(&w, length ? ETHERNET_LENGTH : ETHERNET, NULL)) {
        return;
    }
    show_type(&w, pkt_get16(frame + 12));
    if (w.end < frame + len || (whole_len > len && w.missing == 0)) {
        w.p = w.end;
        w.end = frame + len;
        w.missing = whole_len > len ? whole_len - len : 0;
        layer_data(&w, "Padding");
    }
}
