/* webterm/packets_names.h - what ports are called, from the boards of ofproxy and vnsbridge.
 *
 * Boards may be long, and packets come fast: an answer is remembered until a board has changed. */
#ifndef WEBTERM_PACKETS_NAMES_H
#define WEBTERM_PACKETS_NAMES_H

#include "shm/topo.h"

#define NAMES_KEPT 64

struct packet_place {
    char port[26];  /* of the switch: "sw0-eth3", or "port 3" while it is unknown */
    char iface[16]; /* of the router: "eth3"; "": none */
};

struct packets_names {
    struct board_reader ports, interfaces;
    bool have_ports, have_interfaces;
    struct {
        bool known, by_row;
        uint64_t dpid;
        uint32_t port;
        struct packet_place place;
    } kept[NAMES_KEPT];
};

/* Boards that are not there yet are looked for again by the next call. */
void packets_names_open(struct packets_names *n, const char *run_dir);
void packets_names_close(struct packets_names *n);
/* Forgets what it remembers if a board has changed; once a turn. */
void packets_names_look(struct packets_names *n);
/* Of a switch's port; or, 'by_row', of a row of the interfaces. */
const struct packet_place *packets_name(struct packets_names *n, bool by_row, uint64_t dpid,
                                        uint32_t port);

#endif
