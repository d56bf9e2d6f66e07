/* shm/lane.c - detaching a neighbour, and taking it up again. */
#include "shm/lane.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/loop.h"
#include "shm/bell.h"

#define PATIENCE_LEAST_NS 100000000ull
#define PATIENCE_MOST_NS 10000000000ull

void lane_open(struct lane *l, struct topo *t, struct ring_rx *rx, enum topo_ring rx_ring,
               struct ring_tx *tx, enum topo_ring tx_ring, enum counter detached)
{
    enum topo_process peer = topo_ring_writer(rx_ring);

    *l = (struct lane){.neighbour = topo_process_name(peer),
                       .bell = &t->bell[peer],
                       .rx = rx,
                       .tx = tx,
                       .rx_ring = rx_ring,
                       .tx_ring = tx_ring,
                       .detached = detached};
}

static void detach(struct lane *l, bool rx_bad)
{
    const char *ring = topo_ring_name(rx_bad ? l->rx_ring : l->tx_ring);

    l->down = true;
    counter_add(l->detached, 1);
    snprintf(l->text, sizeof l->text, "%s wrote what cannot be to %s.%s: restart %s", l->neighbour,
             ring, rx_bad ? "tx" : "rx", l->neighbour);
    log_error("%s is detached: it wrote what cannot be to %s.%s (%s): restart it alone (causeway "
              "restart %s)",
              l->neighbour, ring, rx_bad ? "tx" : "rx", rx_bad ? l->rx->why : l->tx->why,
              l->neighbour);
}

/* Twice as long for each time that it was bad again soon. */
static void take_up(struct lane *l, uint64_t now)
{
    uint64_t longer = l->patience_ns ? l->patience_ns * 2 : PATIENCE_LEAST_NS;

    if (now - l->mended_ns > PATIENCE_MOST_NS) {
        longer = PATIENCE_LEAST_NS;
    }
    l->patience_ns = longer < PATIENCE_MOST_NS ? longer : PATIENCE_MOST_NS;
    l->mended_ns = now;
    l->down = false;
    l->text[0] = '\0';
    bell_ring(l->bell);
    log_info("%s is attached again", l->neighbour);
}

bool lane_look(struct lane *l)
{
    bool rx_bad = ring_rx_bad(l->rx), tx_bad = ring_tx_bad(l->tx);
    uint64_t now;

    if (!l->down) {
        if (rx_bad || tx_bad) {
            detach(l, rx_bad);
        }
        return l->down;
    }
    now = loop_now_ns();
    if (now - l->mended_ns < l->patience_ns) {
        return false;
    }
    rx_bad = rx_bad && !ring_rx_mend(l->rx);
    tx_bad = tx_bad && !ring_tx_mend(l->tx);
    if (!rx_bad && !tx_bad) {
        take_up(l, now);
        return true;
    }
    return false;
}
