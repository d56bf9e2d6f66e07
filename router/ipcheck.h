/* router/ipcheck.h - is this an IPv4 packet that a router may handle? (RFC 1812, 5.2.2 and 5.3.7)
 *
 * Each returns DROP_NONE, or the reason to drop the packet. */
#ifndef ROUTER_IPCHECK_H
#define ROUTER_IPCHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/counter.h"

struct packet;

/* Sets p->ip, ihl, ip_len, src and dst, and cuts off the Ethernet padding. */
enum drop ipcheck_header(struct packet *p);
/* A source that names no single host elsewhere. */
enum drop ipcheck_source(const struct packet *p);
/* A destination that is not to be forwarded: multicast, a link-local or loopback address, a
 * directed broadcast (RFC 2644), or any unicast address in a frame that was sent to all (RFC
 * 1812, 5.3.4). */
enum drop ipcheck_destination(const struct packet *p);
/* The form of all options.  *at: the byte of the IP header that is wrong. */
enum drop ipcheck_options(const struct packet *p, uint32_t *at);
/* A source route that has not come to its end; such packets are refused (RFC 7126, 4.3 and 4.4). */
bool ipcheck_source_routed(const struct packet *p);

#endif
