/* shm/lane.h - the rings there and back between this process and one neighbour, and what to do when
 * the neighbour writes what cannot be.
 *
 *     lane_open(&l, &topo, &in, TOPO_VNS_IN, &out, TOPO_VNS_OUT, ROUTER_DETACHED);   once joined
 *     each turn, between batches:
 *         if (lane_look(&l)) { say l.text, "" when all is well, in the role's text }
 *         if (lane_down(&l)) { what waits for this neighbour waits for its restart }
 *
 * A ring that is bad (ring.h) reads as empty and takes nothing: the neighbour is detached.  That is
 * logged once, with its name, the file and the cure, and counted.  Once the neighbour has been
 * started again and its halves hold together, the rings are used again, and that is logged.  A
 * neighbour that only seems to have been started again is taken up less and less often. */
#ifndef SHM_LANE_H
#define SHM_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/counter.h"
#include "shm/ring.h"
#include "shm/topo.h"

struct lane {
    const char *neighbour;
    const struct bell *bell; /* its doorbell */
    struct ring_rx *rx;
    struct ring_tx *tx;
    enum topo_ring rx_ring, tx_ring;
    enum counter detached;
    bool down;
    uint64_t mended_ns, patience_ns; /* the last time that it was taken up; how long to wait */
    char text[112];                  /* for people; "" while it is up */
};

void lane_open(struct lane *l, struct topo *t, struct ring_rx *rx, enum topo_ring rx_ring,
               struct ring_tx *tx, enum topo_ring tx_ring, enum counter detached);
/* True if 'down' has changed, or is so from the start. */
bool lane_look(struct lane *l);
static inline bool lane_down(const struct lane *l)
{
    return l->down;
}

#endif
