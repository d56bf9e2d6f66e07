/* router/port_ring.h - what only the router on the ring has: a predecessor. */
#ifndef ROUTER_PORT_RING_H
#define ROUTER_PORT_RING_H

#include <stdint.h>

#include "router/port.h"

/* Position up to which the input is settled; calls 'seen' for each record of the last batch that
 * was published.  Before the first port_next. */
uint64_t port_ring_settled(const struct port *p);
void port_ring_last_batch(const struct port *p, void (*seen)(void *context, const struct record *r),
                          void *context);

#endif
