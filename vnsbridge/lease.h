/* vnsbridge/lease.h - who serves each virtual host: a VNS client, the router on the ring, nobody.
 *
 * A TCP client that opens a virtual host gets it at once; when it leaves, the router on the ring
 * has it again, if that asks for it.  The ring keeps a lease while its router is dead: what waits
 * in the ring is served after the restart. */
#ifndef VNSBRIDGE_LEASE_H
#define VNSBRIDGE_LEASE_H

#include "shm/rows.h"
#include "vnsbridge/vhost.h"

struct bridge;

static inline enum lease_owner lease_owner(const struct vhost *h)
{
    return h->client ? LEASE_CLIENT : h->ring ? LEASE_RING : LEASE_NOBODY;
}

/* Clears what a predecessor left of virtual hosts that are no more, and takes in the session:
 * before anything is published, or a router that never went away would be told that it has lost its
 * lease.
 */
void lease_open(struct bridge *b);
/* What the router on the ring asks for has changed. */
void lease_session(struct bridge *b);
/* Publishes the leases, and the process's own readiness, as they are now. */
void lease_publish(struct bridge *b);

#endif
