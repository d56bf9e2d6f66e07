/* tests/fuzz/router_rig.h - the rig of the router's unit tests, started once and put back to how it
 * began after each input. */
#ifndef TESTS_FUZZ_ROUTER_RIG_H
#define TESTS_FUZZ_ROUTER_RIG_H

#include "tests/unit/router_rig.h"

/* Lets the threads talk, and shows what leaves meanwhile ('seen' may be NULL). */
static inline void rig_pass(void (*seen)(const struct rig_out *o))
{
    rig.n_out = 0;
    rig_turn();
    for (unsigned i = 0; seen && i < rig.n_out; i++) {
        seen(&rig.out[i]);
    }
    rig.n_out = 0;
}

/* Time goes by until nothing waits and nobody is known any more, then its two neighbours are. */
static inline void rig_settle(void (*seen)(const struct rig_out *o))
{
    for (unsigned s = 0; s < NEIGH_REQUESTS + 3; s++) {
        rig.now += SECOND;
        rig_pass(seen);
    }
    fuzz_check(rig.r.hold.n_free == HOLD_SLOTS && rig.r.hold.n_hops == 0,
               "%u slots are free, %u next hops are waited for", rig.r.hold.n_free,
               rig.r.hold.n_hops);
    neigh_flush(&rig.keeper.neigh, IFACE_NONE);
    rig_turn();
    rig_knows(ETH3, CLIENT, CLIENT_MAC);
    rig_knows(ETH1, SERVER1, SERVER1_MAC);
    rig.n_out = 0;
    rig.r.ip_id = 0;
}

#endif
