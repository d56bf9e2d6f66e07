/* router/fragment.h - packets longer than the way out takes (RFC 791, 3.2).
 *
 * The only place in the router that copies payload: no test of the lab makes it run, as its hosts
 * send what an interface takes. */
#ifndef ROUTER_FRAGMENT_H
#define ROUTER_FRAGMENT_H

#include <stdbool.h>
#include <stdint.h>

struct packet;
struct hold_slot;

/* Sends p (Ethernet header and TTL are those to leave with) in fragments; the last one carries the
 * verdict. */
void fragment_send(struct packet *p, uint32_t out);
/* Holds all fragments; false: not even the first fits. */
bool fragment_hold(struct packet *p, const struct hold_slot *what);

#endif
