/* router/fragment.h - packets longer than the way out takes (RFC 791, 3.2).
 *
 * Fragments are copies.  Payload is copied in three places of the router and no other: here, in
 * hold.c (a frame that waits), and in icmp.c (at most 548 bytes that an error quotes). */
#ifndef ROUTER_FRAGMENT_H
#define ROUTER_FRAGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/record.h"

struct packet;
struct hold_slot;

/* Sends p (Ethernet and IP header, and the first 8 bytes of payload, are those to leave with) in
 * fragments; the last one carries the verdict. */
void fragment_send(struct packet *p, enum verdict verdict, uint32_t out);
/* Holds all fragments; false: not even the first fits. */
bool fragment_hold(struct packet *p, const struct hold_slot *what);

#endif
