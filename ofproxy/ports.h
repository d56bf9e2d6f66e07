/* ofproxy/ports.h - the ports of the connected switches, on the PORTS board.
 *
 * A port's row is found by (dpid, port); a switch that comes back finds the rows it had.  When all
 * rows have been used, those of ports that are gone are used again.  ports_publish once a batch. */
#ifndef OFPROXY_PORTS_H
#define OFPROXY_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/board.h"
#include "shm/rows.h"
#include "shm/topo.h"

#define PORTS_ROWS 8192
#define PORTS_BUCKETS 4096

/* What a switch says of a port, in no version's words. */
struct port_news {
    uint32_t port;
    bool up;
    uint32_t speed; /* Mbit/s, 0 unknown */
    uint8_t mac[6];
    char name[26];
};

struct ports {
    struct board_writer board;
    struct port_row row[PORTS_ROWS]; /* as on the board */
    int16_t bucket[PORTS_BUCKETS];   /* first row, -1 none */
    int16_t next[PORTS_ROWS];
    unsigned used, live; /* rows ever used; those of ports that are there */
    unsigned at;         /* where the search for a row to use again goes on */
    bool changed;
};

/* Takes the board; every port that a predecessor left is gone until its switch comes back. */
void ports_open(struct ports *p, struct topo *t);
void ports_close(struct ports *p);
/* The largest session number on the board. */
uint64_t ports_last_session(const struct ports *p);

/* The row of a port, or -1. */
int ports_row(const struct ports *p, uint64_t dpid, uint32_t port);
static inline bool ports_has_row(const struct ports *p, unsigned row, uint64_t dpid, uint32_t port)
{
    return p->row[row].port == port && p->row[row].dpid == dpid;
}
/* A port is there, or has changed.  False: no row is free. */
bool ports_put(struct ports *p, uint64_t dpid, uint64_t session, const struct port_news *news);
/* A port was deleted.  False: it was not there. */
bool ports_gone(struct ports *p, uint64_t dpid, uint32_t port);
/* The switch left: all its ports are gone. */
void ports_all_gone(struct ports *p, uint64_t dpid);
/* The ports of 'dpid' that a session before 'session' announced are gone. */
void ports_sweep(struct ports *p, uint64_t dpid, uint64_t session);
unsigned ports_count(const struct ports *p, uint64_t dpid);
void ports_publish(struct ports *p);

#endif
