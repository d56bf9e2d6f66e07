/* router/icmp.h - what the router says of packets, and answers to those for itself.
 *
 * Errors follow RFC 1812, 4.3.2 and RFC 1122, 3.2.2: none about an ICMP error, a fragment that is
 * not the first, a broadcast or multicast (of the link or of IP), or a source that names no single
 * host.  They quote as much of the packet as fits 576 bytes, have the precedence 6 (internetwork
 * control), carry the address of the interface by which the packet came in, and leave by it, to the
 * station that the frame came from.  A limit keeps a flood of bad packets from being doubled. */
#ifndef ROUTER_ICMP_H
#define ROUTER_ICMP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/counter.h"
#include "router/iface.h"

#define ICMP_MAX 576 /* bytes of IP packet (RFC 1812, 4.3.2.3) */
#define ICMP_TTL 64
#define ICMP_TOS 0xc0
#define ICMP_RATE 1000      /* errors a second in all, and as many at once */
#define ICMP_RATE_IFACE 500 /* by interface that they leave by */

struct icmp_bucket {
    uint64_t full_ns; /* when it is full again (a token bucket kept as one time) */
};
struct icmp_limit {
    struct icmp_bucket all, iface[IFACES];
};

struct router;
struct packet;
struct hold_slot;

/* Answers the packet with an error, or drops it: for 'otherwise' where a rule forbids the error,
 * for DROP_ICMP_RATE when there were too many.  'rest' is the second word of the ICMP header. */
void icmp_error(struct packet *p, uint8_t type, uint8_t code, uint32_t rest, enum drop otherwise);
/* The same about a held frame: host unreachable, sent as a frame of the router's own.  False: no
 * room now, nothing was done. */
bool icmp_held_expired(struct router *r, const struct hold_slot *s);
/* A packet for one of the router's own addresses. */
void icmp_local(struct packet *p);

#endif
