/* ofproxy/ingress.h - which frames are taken in: classes, meters and shares.
 *
 * A frame belongs to a class (common/classes.def).  Two things bound what a class takes of the
 * stack, so that a storm of one kind cannot take the place of another:
 *
 * Its meters bound frames a second: a bucket for the class, and one for each of its ports, with
 * half the rate.  Both hold what 100 ms bring (INGRESS_BURST_NS), at least one frame.  The last
 * half of the class's bucket is kept for ports that are far from their own limit, so that any
 * number of ports that storm leave room for one that does not.
 *
 * Its share bounds frames in flight, from PACKET_IN to verdict, wherever they wait.  Each frame
 * returns as one verdict, so a class never fills more than its share of any ring.  Of a share, a
 * port may have as much as it leaves free (a dynamic threshold, Choudhury and Hahne 1998, alpha 1):
 * one port alone at most half, two a third each.
 *
 *     who.klass = ingress_classify(&g, frame, len);
 *     who.row = row of the port (ports.h)
 *     why = ingress_enter(&g, &who, now);           DROP_NONE: it is in
 *     ... give it its ticket and stage its record; when that fails: ingress_undo(&g, &who)
 *     ingress_leave(&g, klass, row)                 its verdict came, or it was given up
 *
 * Frames are counted here by class (in the caller's tally) and port; drops by reason, the caller
 * counts.  Nothing allocates but ingress_open. */
#ifndef OFPROXY_INGRESS_H
#define OFPROXY_INGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/counter.h"
#include "ofproxy/ports.h"
#include "shm/arena.h"
#include "shm/board.h"
#include "shm/record.h"
#include "shm/rows.h"
#include "shm/topo.h"

#define INGRESS_BURST_NS 100000000ull
#define INGRESS_PER_CORE 75000 /* frames a second; docs/decisions/ingress.md says why */
#define INGRESS_ADDRESSES 2048 /* places for the interfaces' addresses; twice the board's rows */

/* All the frames in flight fit into the rings that they wait in, PKT_IN and VNS_IN: neither is ever
 * full, unless a reader stands still until frames are given up.  (The two rings of verdicts may be:
 * then their writers wait, and lose nothing.) */
enum {
    INGRESS_SHARES = 0
#define K(NAME, name, share, part, text) +(share)
#include "common/classes.def"
#undef K
};
#define INGRESS_RING (2u << 20)
_Static_assert(INGRESS_SHARES *(sizeof(struct record) + RECORD_INLINE) <= INGRESS_RING,
               "a ring has room for every frame in flight");
_Static_assert(INGRESS_SHARES <= ARENA_TICKETS, "and there is a ticket for each");

/* A bucket: how long after now it will be full again, as a time.  A frame takes 'interval' from it,
 * and may if that leaves it at most 'depth' from full (ITU-T I.371, annex A: the virtual scheduling
 * form of the generic cell rate algorithm). */
struct ingress_class_state {
    uint64_t full_ns, interval_ns; /* interval 0: not metered */
    uint64_t rate;
    uint32_t share, in_flight;
};

struct ingress_port {
    struct traffic_row row;
    uint64_t full_ns[CLASSES];
    bool changed; /* since its row was put on the board */
};

struct ingress {
    struct ingress_class_state klass[CLASSES];
    struct counter_tally *tally;
    struct ingress_port *port; /* PORTS_ROWS */
    uint16_t *changed;         /* rows of them */
    unsigned n_changed;
    struct board_writer traffic, classes;
    struct board_reader interfaces;
    uint32_t address[INGRESS_ADDRESSES]; /* hashed; 0: none */
};

/* A frame that asks to come in. */
struct ingress_frame {
    enum ingress_class klass;
    unsigned row;
    uint64_t dpid;
    uint32_t port;
};

/* Takes its boards; the counts of a predecessor go on.  'tally' is the caller's. */
void ingress_open(struct ingress *g, struct topo *t, const struct config *c,
                  struct counter_tally *tally);
void ingress_close(struct ingress *g);
/* At start: a frame that a predecessor left in flight. */
void ingress_resume(struct ingress *g, enum ingress_class klass, unsigned row);

/* Reads the interfaces' addresses again if they have changed. */
void ingress_look(struct ingress *g);
/* The class of a frame of at least 14 bytes. */
enum ingress_class ingress_classify(const struct ingress *g, const uint8_t *frame, size_t len);

/* Lets a frame in, and charges its meters: DROP_NONE.  Or refuses it: DROP_METERED, DROP_CLASS_FULL
 * or DROP_PORT_FULL.  'now' in CLOCK_MONOTONIC. */
enum drop ingress_enter(struct ingress *g, const struct ingress_frame *f, uint64_t now_ns);
/* There was no memory for a frame that was let in: it was refused after all, as crowded. */
void ingress_undo(struct ingress *g, const struct ingress_frame *f);
void ingress_leave(struct ingress *g, enum ingress_class klass, unsigned row);

/* Puts on the boards what has changed; a few times a second. */
void ingress_publish(struct ingress *g);

#endif
