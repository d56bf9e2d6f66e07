/* shm/of_pcap.c - headers around messages. */
#include "shm/of_pcap.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/endpoint.h"
#include "common/proto/pkt.h"

#define OF_PORT 6653
#define OF_OLD_PORT 6633
#define TYPE_IPV6 0x86dd
#define IPV6_LEN 40
#define TCP_LEN ((unsigned)sizeof(struct pkt_tcp_wire))
#define SEGMENT 65000 /* bytes of a message in one packet; a longer one takes two */
#define TCP_ACK_PUSH 0x5018
#define TTL 64

enum { SWITCH, CONTROLLER };

struct of_pcap_link {
    uint64_t session;
    char peer[sizeof((struct openflow_meta *)0)->peer];
    bool known; /* its interface has the switch's name */
    uint32_t interface;
    bool v6;
    uint8_t address[2][16]; /* SWITCH, CONTROLLER; of IPv4 the first four bytes */
    uint16_t port[2];
    uint32_t seq[2]; /* next byte of each */
    uint8_t mac[2][6];
};

/* "tcp:1.2.3.4:5" or "ssl:[::1]:5".  False: it is neither. */
static bool parse_peer(struct of_pcap_link *l)
{
    char host[sizeof l->peer], *end;
    const char *peer = endpoint_address(l->peer), *colon = strrchr(peer, ':');
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
    size_t len = colon ? (size_t)(colon - peer) : 0;

    if (!colon || *end || port == 0 || port > 65535) {
        return false;
    }
    l->port[SWITCH] = (uint16_t)port;
    l->v6 = len > 2 && peer[0] == '[' && peer[len - 1] == ']';
    memcpy(host, peer + l->v6, len);
    host[l->v6 ? len - 2 : len] = '\0';
    host[strcspn(host, "%")] = '\0';
    return inet_pton(l->v6 ? AF_INET6 : AF_INET, host, l->address[SWITCH]) == 1;
}

static void set_addresses(struct of_pcap_link *l)
{
    uint32_t n = (uint32_t)l->session & 0x7fffff;

    l->port[CONTROLLER] = OF_PORT;
    if (!parse_peer(l)) { /* a Unix socket: a peer of the same number, in the other half */
        l->v6 = false;
        l->port[SWITCH] = OF_OLD_PORT;
        pkt_put32(l->address[SWITCH], 0x7f800000u + n);
    }
    if (l->v6) {
        l->address[CONTROLLER][0] = 1; /* 100::/64 is for what goes nowhere (RFC 6666) */
        pkt_put32(l->address[CONTROLLER] + 12, (uint32_t)l->session);
    } else {
        pkt_put32(l->address[CONTROLLER], 0x7f000000u + n);
    }
    if (l->port[SWITCH] == OF_PORT) {
        l->port[CONTROLLER] = OF_OLD_PORT; /* we called it: its port says what is spoken */
    }
}

static void name_interface(struct of_pcap *f, struct of_pcap_link *l, const struct openflow_meta *m)
{
    char name[sizeof l->peer + 40], what[sizeof l->peer + 100];

    if (m->known) {
        snprintf(name, sizeof name, "0x%016" PRIx64 " %s", m->dpid, l->peer);
    } else {
        snprintf(name, sizeof name, "%s", l->peer);
    }
    snprintf(what, sizeof what, "OpenFlow connection %" PRIu64 " of ofproxy, from %s", l->session,
             l->peer);
    l->interface = pcapng_interface(&f->file, name, what);
    l->known = m->known;
}

/* A connection that was not seen before.  NULL: no memory. */
static struct of_pcap_link *add_link(struct of_pcap *f, const struct openflow_meta *m)
{
    struct of_pcap_link *l;

    if (f->n == f->room) {
        size_t room = f->room > 0 ? f->room * 2 : 64;
        struct of_pcap_link *more = realloc(f->links, room * sizeof *more);

        if (!more) {
            return NULL;
        }
        f->links = more;
        f->room = room;
    }
    l = &f->links[f->n++];
    *l = (struct of_pcap_link){.session = m->session, .seq = {1, 1}};
    memcpy(l->peer, m->peer, sizeof l->peer);
    set_addresses(l);
    memcpy(l->mac[SWITCH], (const uint8_t[]){2, 0x0f, 0, 0, 0, 1}, 6);
    memcpy(l->mac[CONTROLLER], (const uint8_t[]){2, 0x0f, 0, 0, 0, 2}, 6);
    name_interface(f, l, m);
    return l;
}

/* The newest are the likeliest. */
static struct of_pcap_link *find_link(struct of_pcap *f, const struct openflow_meta *m)
{
    struct of_pcap_link *l;

    for (size_t i = f->n; i-- > 0;) {
        l = &f->links[i];
        if (l->session == m->session && strcmp(l->peer, m->peer) == 0) {
            if (m->known && !l->known) {
                name_interface(f, l, m);
            }
            return l;
        }
    }
    return add_link(f, m);
}

/* Of the addresses, the protocol and the length (RFC 9293, 3.1). */
static uint32_t pseudo_sum(const struct of_pcap_link *l, size_t len)
{
    size_t n = l->v6 ? 16 : 4;
    uint8_t rest[4] = {0, PKT_TCP_PROTO, (uint8_t)(len >> 8), (uint8_t)len};

    return pkt_sum(pkt_sum(pkt_sum(0, l->address[0], n), l->address[1], n), rest, sizeof rest);
}

static size_t put_ip(const struct of_pcap_link *l, uint8_t *at, unsigned from, size_t len)
{
    struct pkt_ip_wire *ip = (void *)at;

    if (l->v6) {
        memset(at, 0, IPV6_LEN);
        at[0] = 0x60;
        pkt_put16(at + 4, (uint32_t)len);
        at[6] = PKT_TCP_PROTO;
        at[7] = TTL;
        memcpy(at + 8, l->address[from], 16);
        memcpy(at + 24, l->address[!from], 16);
        return IPV6_LEN;
    }
    memset(ip, 0, sizeof *ip);
    ip->version_ihl[0] = 0x45;
    pkt_put16(ip->total_len, (uint32_t)(sizeof *ip + len));
    pkt_put16(ip->frag, PKT_IP_DF);
    ip->ttl[0] = TTL;
    ip->proto[0] = PKT_TCP_PROTO;
    memcpy(ip->src, l->address[from], 4);
    memcpy(ip->dst, l->address[!from], 4);
    pkt_put16(ip->checksum, pkt_checksum(ip, sizeof *ip));
    return sizeof *ip;
}

/* Bytes of a message as a packet of one segment; returns its length. */
static size_t put_segment(struct of_pcap_link *l, uint8_t *packet, unsigned from,
                          const uint8_t *bytes, size_t len)
{
    struct pkt_eth_wire *eth = (void *)packet;
    uint8_t *ip = packet + sizeof *eth;
    struct pkt_tcp_wire *tcp;

    memcpy(eth->dst, l->mac[!from], 6);
    memcpy(eth->src, l->mac[from], 6);
    pkt_put16(eth->type, l->v6 ? TYPE_IPV6 : PKT_TYPE_IP);
    tcp = (void *)(ip + put_ip(l, ip, from, TCP_LEN + len));
    memset(tcp, 0, sizeof *tcp);
    pkt_put16(tcp->sport, l->port[from]);
    pkt_put16(tcp->dport, l->port[!from]);
    pkt_put32(tcp->seq, l->seq[from]);
    pkt_put32(tcp->ack, l->seq[!from]);
    pkt_put16(tcp->flags, TCP_ACK_PUSH);
    pkt_put16(tcp->window, UINT16_MAX);
    memcpy(tcp + 1, bytes, len);
    pkt_put16(tcp->checksum,
              (uint16_t)~pkt_fold(pkt_sum(pseudo_sum(l, TCP_LEN + len), tcp, TCP_LEN + len)));
    l->seq[from] += (uint32_t)len;
    return (size_t)((uint8_t *)(tcp + 1) - packet) + len;
}

void of_pcap_open(struct of_pcap *f, pcapng_write *write, void *context)
{
    f->links = NULL;
    f->n = f->room = 0;
    pcapng_open(&f->file, write, context);
}

bool of_pcap_message(struct of_pcap *f, const struct of_pcap_message *m)
{
    struct of_pcap_link *l = find_link(f, m->meta);
    unsigned from = m->meta->down ? CONTROLLER : SWITCH;
    struct pcapng_packet p = {.time_ns = m->time_ns,
                              .way = m->meta->down ? PCAPNG_OUT : PCAPNG_IN,
                              .dropped = m->missed,
                              .bytes = f->packet};
    char comment[100];

    if (!l) {
        return false;
    }
    if (m->missed > 0) {
        snprintf(comment, sizeof comment, "%" PRIu64 " messages missed before this one", m->missed);
        p.comment = comment;
    }
    for (size_t at = 0; at < m->len; at += SEGMENT) {
        p.len = put_segment(l, f->packet, from, m->bytes + at,
                            m->len - at < SEGMENT ? m->len - at : SEGMENT);
        pcapng_packet(&f->file, l->interface, &p);
        p.dropped = 0;
        p.comment = NULL;
    }
    return true;
}

void of_pcap_close(struct of_pcap *f)
{
    free(f->links);
    f->links = NULL;
}
