/* ctl/decode.c - headers by the tables of pkt.def, one line. */
#include "ctl/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/proto/pkt.h"

struct text {
    char *at;
    size_t left;
};

static void say(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct text *t, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    if (n > 0) {
        size_t used = (size_t)n < t->left ? (size_t)n : t->left - 1;

        t->at += used;
        t->left -= used;
    }
}

static void say_arp(struct text *t, struct wire_in *in)
{
    char from[PKT_IP_TEXT], to[PKT_IP_TEXT], mac[PKT_MAC_TEXT];
    struct pkt_arp a;

    if (!pkt_arp_get(in, &a)) {
        say(t, "ARP, cut off");
    } else if (a.op == PKT_ARP_REQUEST) {
        say(t, "ARP who has %s? tell %s", pkt_ip_text(to, a.tpa), pkt_ip_text(from, a.spa));
    } else if (a.op == PKT_ARP_REPLY) {
        say(t, "ARP %s is at %s", pkt_ip_text(from, a.spa), pkt_mac_text(mac, a.sha));
    } else {
        say(t, "ARP operation %u", a.op);
    }
}

static void say_icmp(struct text *t, struct wire_in *in)
{
    static const char *const unreachable[] = {"net", "host", "protocol", "port"};
    struct pkt_icmp i;

    if (!pkt_icmp_get(in, &i)) {
        say(t, "ICMP, cut off");
    } else if (i.type == PKT_ECHO || i.type == PKT_ECHO_REPLY) {
        say(t, "ICMP echo %s id %u seq %u", i.type == PKT_ECHO ? "request" : "reply", i.rest >> 16,
            i.rest & 0xffff);
    } else if (i.type == PKT_UNREACHABLE && i.code <= PKT_PORT) {
        say(t, "ICMP destination %s unreachable", unreachable[i.code]);
    } else if (i.type == PKT_UNREACHABLE && i.code == PKT_FRAGMENT) {
        say(t, "ICMP fragmentation needed, MTU %u", i.rest & 0xffff);
    } else if (i.type == PKT_TIME_EXCEEDED) {
        say(t, "ICMP time exceeded");
    } else {
        say(t, "ICMP type %u code %u", i.type, i.code);
    }
}

static void say_tcp(struct text *t, struct wire_in *in)
{
    static const char letters[] = "FSRPAU";
    struct pkt_tcp h;

    if (!pkt_tcp_get(in, &h)) {
        say(t, "TCP, cut off");
        return;
    }
    say(t, "TCP %u > %u [", h.sport, h.dport);
    for (unsigned i = 0; i < 6; i++) {
        if (h.flags & 1u << i) {
            say(t, "%c", letters[i]);
        }
    }
    say(t, "] seq %u ack %u", h.seq, h.ack);
}

static void say_ip(struct text *t, struct wire_in *in)
{
    char from[PKT_IP_TEXT], to[PKT_IP_TEXT];
    struct pkt_ip h;
    struct pkt_udp u;
    size_t ihl;

    if (!pkt_ip_get(in, &h)) {
        say(t, "IPv4, cut off");
        return;
    }
    say(t, "%s > %s ttl %u ", pkt_ip_text(from, h.src), pkt_ip_text(to, h.dst), h.ttl);
    ihl = (size_t)(h.version_ihl & 15) * 4;
    if (ihl > PKT_IP_LEN && !wire_bytes(in, ihl - PKT_IP_LEN)) {
        say(t, "options, cut off");
    } else if (h.frag & PKT_IP_OFFSET) {
        say(t, "fragment at %u, protocol %u", (unsigned)(h.frag & PKT_IP_OFFSET) * 8, h.proto);
    } else if (h.proto == PKT_ICMP_PROTO) {
        say_icmp(t, in);
    } else if (h.proto == PKT_TCP_PROTO) {
        say_tcp(t, in);
    } else if (h.proto == PKT_UDP_PROTO) {
        if (pkt_udp_get(in, &u)) {
            say(t, "UDP %u > %u", u.sport, u.dport);
        } else {
            say(t, "UDP, cut off");
        }
    } else {
        say(t, "protocol %u", h.proto);
    }
}

void decode_frame(char *text, size_t size, const uint8_t *frame, size_t len)
{
    struct wire_in in = {frame, frame + len, false};
    struct text t = {text, size};
    char from[PKT_MAC_TEXT], to[PKT_MAC_TEXT];
    struct pkt_eth e;

    text[0] = '\0';
    if (!pkt_eth_get(&in, &e)) {
        say(&t, "cut off");
        return;
    }
    say(&t, "%s > %s ", pkt_mac_text(from, e.src), pkt_mac_text(to, e.dst));
    if (e.type == PKT_TYPE_ARP) {
        say_arp(&t, &in);
    } else if (e.type == PKT_TYPE_IP) {
        say_ip(&t, &in);
    } else {
        say(&t, "ethertype 0x%04x", e.type);
    }
}
