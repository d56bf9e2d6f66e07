/* common/proto/frame_info.c - headers by the tables of pkt.def, in a few words. */
#include "common/proto/frame_info.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/proto/layers.h"
#include "common/proto/pkt.h"
#include "common/text.h"

/* Two kinds of words: a terminal's line, which has said the protocol already, and a list's, which
 * has columns for it, and tells a little more. */
struct words {
    struct frame_info *f;
    struct text t;
    bool line;
    const char *label; /* "ICMP": what a line has before the words; "": none */
    bool cut;          /* of what the label names, not all is there */
};

static void add(struct words *w, enum frame_proto p)
{
    w->f->protos |= 1u << p;
    w->f->proto = p;
}

/* "cut off", after what a line has named already. */
static void say_cut(struct words *w)
{
    w->cut = true;
    text_say(&w->t, "cut off");
}

static void say_arp(struct words *w, struct wire_in *in)
{
    char from[PKT_IP_TEXT], to[PKT_IP_TEXT], mac[PKT_MAC_TEXT];
    struct pkt_arp a;

    add(w, FRAME_ARP);
    w->label = "ARP";
    if (!pkt_arp_get(in, &a)) {
        say_cut(w);
        return;
    }
    w->f->has_ip = true;
    w->f->src = a.spa;
    w->f->dst = a.tpa;
    if (a.op == PKT_ARP_REQUEST) {
        text_say(&w->t, "who has %s? tell %s", pkt_ip_text(to, a.tpa), pkt_ip_text(from, a.spa));
    } else if (a.op == PKT_ARP_REPLY) {
        text_say(&w->t, "%s is at %s", pkt_ip_text(from, a.spa), pkt_mac_text(mac, a.sha));
    } else {
        text_say(&w->t, "operation %u", a.op);
    }
}

/* The packet that an ICMP error is about. */
static void say_quoted(struct words *w, struct wire_in *in)
{
    char from[PKT_IP_TEXT], to[PKT_IP_TEXT];
    const char *name;
    struct pkt_ip h;

    if (w->line || !pkt_ip_get(in, &h)) {
        return;
    }
    name = layers_ip_proto(h.proto);
    text_say(&w->t, ", of %s > %s ", pkt_ip_text(from, h.src), pkt_ip_text(to, h.dst));
    if (name) {
        text_say(&w->t, "%s", name);
    } else {
        text_say(&w->t, "protocol %u", h.proto);
    }
}

static void say_icmp_by_name(struct words *w, const struct pkt_icmp *i)
{
    const char *type = layers_icmp_type(i->type), *code = layers_icmp_code(i->type, i->code);

    if (w->line || !type) {
        text_say(&w->t, "type %u code %u", i->type, i->code);
    } else if (code) {
        text_say(&w->t, "%s, %s", type, code);
    } else {
        text_say(&w->t, "%s", type);
    }
}

static void say_icmp(struct words *w, struct wire_in *in)
{
    static const char *const unreachable[] = {"net", "host", "protocol", "port"};
    struct pkt_icmp i;

    add(w, FRAME_ICMP);
    w->label = "ICMP";
    if (!pkt_icmp_get(in, &i)) {
        say_cut(w);
    } else if (i.type == PKT_ECHO || i.type == PKT_ECHO_REPLY) {
        text_say(&w->t, "echo %s id %u seq %u", i.type == PKT_ECHO ? "request" : "reply",
                 i.rest >> 16, i.rest & 0xffff);
    } else if (i.type == PKT_UNREACHABLE && i.code <= PKT_PORT) {
        text_say(&w->t, "destination %s unreachable", unreachable[i.code]);
        say_quoted(w, in);
    } else if (i.type == PKT_UNREACHABLE && i.code == PKT_FRAGMENT) {
        text_say(&w->t, "fragmentation needed, MTU %u", i.rest & 0xffff);
        say_quoted(w, in);
    } else if (i.type == PKT_TIME_EXCEEDED) {
        text_say(&w->t, "time exceeded");
        say_quoted(w, in);
    } else {
        say_icmp_by_name(w, &i);
    }
}

static void say_tcp(struct words *w, struct wire_in *in)
{
    static const char letters[] = "FSRPAU";
    struct pkt_tcp h;

    add(w, FRAME_TCP);
    w->label = "TCP";
    if (!pkt_tcp_get(in, &h)) {
        say_cut(w);
        return;
    }
    w->f->has_ports = true;
    w->f->sport = h.sport;
    w->f->dport = h.dport;
    text_say(&w->t, "%u > %u [", h.sport, h.dport);
    for (unsigned i = 0; i < 6; i++) {
        if (h.flags & 1u << i) {
            text_char(&w->t, letters[i]);
        }
    }
    text_say(&w->t, "] seq %u ack %u", h.seq, h.ack);
}

static void say_udp(struct words *w, struct wire_in *in)
{
    struct pkt_udp u;

    add(w, FRAME_UDP);
    w->label = "UDP";
    if (!pkt_udp_get(in, &u)) {
        say_cut(w);
        return;
    }
    w->f->has_ports = true;
    w->f->sport = u.sport;
    w->f->dport = u.dport;
    text_say(&w->t, "%u > %u", u.sport, u.dport);
    if (u.sport == 53 || u.dport == 53) {
        add(w, FRAME_DNS);
    } else if ((u.sport == 67 || u.sport == 68) && (u.dport == 67 || u.dport == 68)) {
        add(w, FRAME_DHCP);
    }
    if (!w->line) {
        text_say(&w->t, " len %u", u.len);
    }
}

static void say_ip(struct words *w, struct wire_in *in)
{
    struct pkt_ip h;
    size_t ihl;

    add(w, FRAME_IP);
    if (!pkt_ip_get(in, &h)) {
        text_say(&w->t, w->line ? "IPv4, cut off" : "cut off");
        return;
    }
    w->f->has_ip = true;
    w->f->src = h.src;
    w->f->dst = h.dst;
    w->f->ttl = h.ttl;
    ihl = (size_t)(h.version_ihl & 15) * 4;
    if (ihl > PKT_IP_LEN && !wire_bytes(in, ihl - PKT_IP_LEN)) {
        text_say(&w->t, "options, cut off");
    } else if (h.frag & PKT_IP_OFFSET) {
        text_say(&w->t, "fragment at %u, protocol %u", (unsigned)(h.frag & PKT_IP_OFFSET) * 8,
                 h.proto);
    } else if (h.proto == PKT_ICMP_PROTO) {
        say_icmp(w, in);
    } else if (h.proto == PKT_TCP_PROTO) {
        say_tcp(w, in);
    } else if (h.proto == PKT_UDP_PROTO) {
        say_udp(w, in);
    } else if (!w->line && layers_ip_proto(h.proto)) {
        text_say(&w->t, "%s", layers_ip_proto(h.proto));
    } else {
        text_say(&w->t, "protocol %u", h.proto);
    }
    if (!w->line) {
        text_say(&w->t, " ttl %u", h.ttl);
    }
}

static void say_ipv6(struct words *w, struct wire_in *in)
{
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
    const uint8_t *h = wire_bytes(in, 40);
    const char *name = h ? layers_ip_proto(h[6]) : NULL;

    add(w, FRAME_IPV6);
    if (!h) {
        text_say(&w->t, "cut off");
        return;
    }
    text_say(&w->t, "%s > %s ", inet_ntop(AF_INET6, h + 8, from, sizeof from),
             inet_ntop(AF_INET6, h + 24, to, sizeof to));
    if (name) {
        text_say(&w->t, "%s", name);
    } else {
        text_say(&w->t, "protocol %u", h[6]);
    }
}

static void say_type(struct words *w, struct wire_in *in, unsigned type)
{
    const uint8_t *p;

    for (unsigned tags = 0; !w->line && (type == 0x8100 || type == 0x88a8) && tags < 4; tags++) {
        add(w, FRAME_VLAN);
        p = wire_bytes(in, 4);
        if (!p) {
            text_say(&w->t, "cut off");
            return;
        }
        text_say(&w->t, "VLAN %u ", pkt_get16(p) & 0xfffu);
        type = pkt_get16(p + 2);
    }
    if (type == PKT_TYPE_ARP) {
        say_arp(w, in);
    } else if (type == PKT_TYPE_IP) {
        say_ip(w, in);
    } else if (type == 0x86dd && !w->line) {
        say_ipv6(w, in);
    } else {
        p = wire_left(in) >= 2 ? in->p : NULL;
        text_say(&w->t, type < 0x600 && !w->line ? "length %u" : "ethertype 0x%04x", type);
        if (type == PKT_TYPE_LLDP) {
            add(w, FRAME_LLDP);
        } else if (type < 0x600 && p && p[0] == 0x42 && p[1] == 0x42) {
            add(w, FRAME_STP);
        }
    }
}

static void read_frame(struct words *w, const uint8_t *frame, size_t len)
{
    struct wire_in in = {frame, frame + len, false};
    struct pkt_eth e;

    text_open(&w->t, w->f->info, sizeof w->f->info);
    add(w, FRAME_ETHERNET);
    if (!pkt_eth_get(&in, &e)) {
        text_say(&w->t, "cut off");
        return;
    }
    w->f->has_macs = true;
    memcpy(w->f->mac_src, e.src, 6);
    memcpy(w->f->mac_dst, e.dst, 6);
    say_type(w, &in, e.type);
}

const char *frame_proto_name(enum frame_proto p)
{
    static const char *const names[] = {
#define X(NAME, name) name,
        FRAME_PROTOS(X)
#undef X
    };

    return p < FRAME_N_PROTOS ? names[p] : "?";
}

void frame_info(struct frame_info *f, const uint8_t *frame, size_t len)
{
    struct words w = {.f = f, .label = ""};

    *f = (struct frame_info){0};
    read_frame(&w, frame, len);
}

void frame_line(char *text, size_t size, const uint8_t *frame, size_t len)
{
    char from[PKT_MAC_TEXT], to[PKT_MAC_TEXT], src[PKT_IP_TEXT], dst[PKT_IP_TEXT];
    struct frame_info f = {0};
    struct words w = {.f = &f, .label = "", .line = true};
    struct text t;

    read_frame(&w, frame, len);
    text_open(&t, text, size);
    if (f.has_macs) {
        text_say(&t, "%s > %s ", pkt_mac_text(from, f.mac_src), pkt_mac_text(to, f.mac_dst));
    }
    if (f.has_ip && f.protos & 1u << FRAME_IP) {
        text_say(&t, "%s > %s ttl %u ", pkt_ip_text(src, f.src), pkt_ip_text(dst, f.dst), f.ttl);
    }
    text_say(&t, "%s%s%s%s", w.label, w.cut ? "," : "", w.label[0] ? " " : "", f.info);
}
