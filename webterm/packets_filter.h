/* webterm/packets_filter.h - which packets a viewer wants: "icmp host 10.0.1.100 and not on
 * sw0-eth1". docs/packet-view.md has the language.
 *
 *     if (packets_filter(&f, text, why, sizeof why) != 0) { say why }     once
 *     packets_match(&f, &key)                                            for each packet
 *
 * A filter is a row of steps in postfix order, worked through with a stack; matching touches no
 * memory but the filter and the key. */
#ifndef WEBTERM_PACKETS_FILTER_H
#define WEBTERM_PACKETS_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/topo.h"

#define FILTER_TEXT 512 /* bytes of a filter */
#define FILTER_STEPS 128
#define FILTER_DEEP 16 /* parentheses and 'not' within each other */

/* A ring, by enum topo_ring, or the OpenFlow connections. */
#define PACKET_OPENFLOW TOPO_RINGS
#define PACKET_WHERES (TOPO_RINGS + 1)

const char *packet_where_name(unsigned where);
/* PACKET_WHERES: there is none of that name. */
unsigned packet_where_find(const char *name);

/* What a filter asks of a packet. */
struct packet_key {
    uint32_t protos; /* frame_info.h */
    uint32_t src, dst, len;
    uint16_t sport, dport;
    bool has_ip, has_ports;
    uint8_t where;
    const char *message; /* name of an OpenFlow message, one of the tables'; NULL: none */
    const char *port;    /* of the switch: "sw0-eth3"; "": none */
    const char *iface;   /* of the router: "eth3"; "": none */
    const char *line;    /* what is shown of it */
};

enum filter_what {
    FILTER_AND,
    FILTER_OR,
    FILTER_NOT,
    FILTER_PROTO,   /* number: the protocol */
    FILTER_MESSAGE, /* text: the message's name, in the tables */
    FILTER_HOST,
    FILTER_SRC,
    FILTER_DST,
    FILTER_PORT, /* of UDP or TCP */
    FILTER_WHERE,
    FILTER_ON, /* text: a name in 'words' */
    FILTER_LEN_OVER,
    FILTER_LEN_UNDER,
    FILTER_LEN_IS,
    FILTER_SAYS /* text: part of the line, in 'words' */
};
struct filter_step {
    enum filter_what what;
    uint32_t number, mask;
    uint16_t at; /* text: offset in 'words' */
    const char *name;
};
struct packets_filter {
    unsigned n; /* 0: every packet */
    struct filter_step steps[FILTER_STEPS];
    char words[FILTER_TEXT + 1];
    size_t words_len;
};

/* Compiles.  Returns 0, or -EINVAL with a sentence in 'why' that names the word and what was
 * expected in its place. */
int packets_filter(struct packets_filter *f, const char *text, char *why, size_t why_size);
bool packets_match(const struct packets_filter *f, const struct packet_key *k);

#endif
