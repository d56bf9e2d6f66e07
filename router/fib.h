/* router/fib.h - the forwarding table: longest-prefix match that never waits for a change.
 *
 *     packet thread (registered with liburcu's QSBR)      any other thread
 *     r = fib_lookup(fib, dst)                            fib_add(fib, &route)
 *     ... use *r ...                                      fib_del(fib, dest, len)
 *     rcu_quiescent_state()  at the foot of its loop      fib_rebind(fib, resolve, context)
 *
 * A lookup reads one to three words of a trie (16, 8 and 8 bits of the address) and then the route:
 * no lock, no atomic read-modify-write.  Each word is published by itself, so while a change is on
 * its way a lookup gives the old answer or the new one for each address, never another.  What a
 * change takes out is used again after a grace period, which liburcu's own thread waits for.
 *
 * Changes may come from any thread, one after another (a mutex); a change of a short prefix in a
 * big table takes milliseconds, so the packet thread makes none.
 *
 * Routes whose 'iface' is ROUTE_NO_IFACE are kept and listed, and lookups do not see them: the
 * shorter prefix around them answers.  Bits of 'dest' beyond the mask are ignored and listed as 0.
 *
 * Memory: address space is reserved at fib_open (1.4 GB); what the routes do not need stays
 * untouched.  Any FIB_ROUTES routes fit: 1 million of 24 bits in 110 MB, even scattered ones. */
#ifndef ROUTER_FIB_H
#define ROUTER_FIB_H

#include <stddef.h>
#include <stdint.h>

#include "router/route.h"

#define FIB_ROUTES (1u << 20)

struct fib;

/* Return 0 or -errno. */
int fib_open(struct fib **f);
/* Starts liburcu's thread, which gives back what changes took out; without it the first change that
 * takes something out does.  All signals are blocked in it. */
void fib_start(void);
/* No reader may be left.  Waits for a grace period. */
void fib_close(struct fib *f);

/* Adds a route; a route of the same destination and mask length is replaced.  Returns 0, -EINVAL
 * (length over 32, name not terminated), -ENOSPC (FIB_ROUTES are in), -EAGAIN (too many changes
 * wait for a packet thread that does not come round), -ENOMEM.  On an error nothing has changed. */
int fib_add(struct fib *f, const struct route *r);
/* Returns 0, -ENOENT or -EINVAL, -EAGAIN, -ENOMEM. */
int fib_del(struct fib *f, uint32_t dest, uint32_t mask_len);
/* Makes the table hold these routes and no others (of two with the same prefix, the last).  Routes
 * that stay the same are not touched, and no address loses its route in between.  Returns 0 or as
 * fib_add; -ENOSPC and -EINVAL change nothing, after others the table holds a part of the change,
 * and the call may be made again. */
int fib_replace_all(struct fib *f, const struct route *routes, size_t n);
/* Asks 'resolve' for the interface row of each route's name.  Returns 0 or as fib_replace_all. */
int fib_rebind(struct fib *f, uint32_t (*resolve)(void *context, const char *name), void *context);

/* The active route of the longest prefix, or NULL.  Valid until the caller's next quiescent state.
 */
const struct route *fib_lookup(const struct fib *f, uint32_t dst);

/* Copies up to 'room' routes, in order of destination, then length.  Returns how many there are. */
size_t fib_list(struct fib *f, struct route *out, size_t room);
size_t fib_count(struct fib *f);

#endif
