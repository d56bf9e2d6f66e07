/* vnsbridge/bind.h - which switch port is which interface, from the PORTS board.
 *
 *     bind_open(&b, &vhosts, &ports, &interfaces, &events, why, size);   rows for every interface
 *     bind_update(&b);                  after board_changed(ports), and while bind_again(&b)
 *     row = bind_row(&b, dpid, port);   a frame's way up
 *     at = bind_at(&b, row);            a frame's way down
 *
 * An interface, once bound, stays 'known' with its MAC while its switch is away: it is then down.
 * A port that comes back keeps its interface.  One thread. */
#ifndef VNSBRIDGE_BIND_H
#define VNSBRIDGE_BIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/board.h"
#include "shm/rows.h"
#include "vnsbridge/vhost.h"

#define BIND_PORTS 8192 /* rows of the ports board */
#define BIND_HASH 4096  /* slots; a quarter full at most */
#define BIND_NO_ROW UINT32_MAX

struct bind_entry {
    struct interface_row row;
    struct vhost_interface *spec; /* NULL: no interface of this configuration */
    uint16_t vhost;               /* index */
    bool present;                 /* the switch announces the port now */
};

/* Called once for each row that changed, when all are in place. */
struct bind_events {
    void *context;
    void (*changed)(void *context, uint32_t row, const struct interface_row *old);
    /* After the last 'changed' of an update, if there was any. */
    void (*done)(void *context);
};

struct bind_slot {
    uint64_t dpid;
    uint32_t port;
    uint32_t row;
};

/* An interface's place among its kind, sorted, to be found by what a switch calls the port. */
struct bind_name {
    const struct vhost_interface *spec;
    uint32_t row;
};

struct bind {
    struct bind_entry entry[VHOST_ROWS];
    struct bind_slot slot[BIND_HASH]; /* by (dpid, port), linear probing */
    struct bind_name by_name[VHOST_ROWS], by_number[VHOST_ROWS];
    unsigned n_by_name, n_by_number;
    struct port_row port[BIND_PORTS];     /* the last good copy of each */
    uint32_t best[VHOST_ROWS];            /* scratch: port row chosen for each interface row */
    struct interface_row old[VHOST_ROWS]; /* scratch: before the update */
    bool was_present[VHOST_ROWS];
    unsigned n_ports;
    uint64_t adopted; /* datapath whose ports VHOST_BY_SUFFIX takes; 0 none */
    bool torn;        /* a port row could not be read: look again soon */
    bool contested;   /* a port was claimed twice; said once */
    struct vhosts *vhosts;
    struct board_reader *ports;
    struct board_writer *interfaces;
    struct bind_events events;
};

/* Gives each configured interface its row, the predecessor's where it had one, and publishes them.
 * Returns 0, or -ENOSPC with a sentence in 'why'. */
int bind_open(struct bind *b, struct vhosts *v, struct board_reader *ports,
              struct board_writer *interfaces, const struct bind_events *events, char *why,
              size_t why_size);
void bind_update(struct bind *b);
static inline bool bind_again(const struct bind *b)
{
    return b->torn;
}
/* Does any switch announce any port? */
bool bind_any_port(const struct bind *b);

static inline uint32_t bind_hash(uint64_t dpid, uint32_t port)
{
    return (uint32_t)(((dpid ^ ((uint64_t)port << 40)) * 0x9e3779b97f4a7c15u) >> 52);
}

/* The row that (dpid, port) is bound to, or BIND_NO_ROW. */
static inline uint32_t bind_row(const struct bind *b, uint64_t dpid, uint32_t port)
{
    for (uint32_t i = bind_hash(dpid, port);; i = (i + 1) & (BIND_HASH - 1)) {
        const struct bind_slot *s = &b->slot[i];

        if (s->row == BIND_NO_ROW || (s->dpid == dpid && s->port == port)) {
            return s->row;
        }
    }
}

/* The entry of a row that is bound, or NULL; 'row' may come from a peer. */
static inline const struct bind_entry *bind_at(const struct bind *b, uint32_t row)
{
    return row < VHOST_ROWS && b->entry[row].spec && b->entry[row].row.known ? &b->entry[row]
                                                                             : NULL;
}

/* Every interface of the virtual host has been announced; with 'now', and is so at present.  Writes
 * the names of those that were not to 'missing'. */
bool bind_complete(const struct bind *b, const struct vhost *h, bool now, char *missing,
                   size_t size);

#endif
