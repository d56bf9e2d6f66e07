/* router/arp.h - address resolution (RFC 826, RFC 5227): requests answered, replies learned.
 *
 * The router answers for the address of the interface that the request came in by, and for no
 * other.  It learns from requests and replies that are addressed to it; an announcement (sender and
 * target the same) changes an entry that is there, and makes none. */
#ifndef ROUTER_ARP_H
#define ROUTER_ARP_H

#include <stdbool.h>
#include <stdint.h>

struct router;
struct packet;

void arp_frame(struct packet *p);
/* Sends a request for 'ip' by the interface; to ff:ff:ff:ff:ff:ff, or to one station to see whether
 * it is there still.  False: no room now. */
bool arp_request(struct router *r, uint32_t iface, uint32_t ip, const uint8_t to[6]);
/* Announces the interface's own address.  False: no room now. */
bool arp_announce(struct router *r, uint32_t iface);

#endif
