/* router/forward.h - the decision about one frame (RFC 1812, section 5).
 *
 * Reads in->head once, into the outgoing record, checks and rewrites it there, and ends in one
 * verdict.  No lock, no system call, no allocation. */
#ifndef ROUTER_FORWARD_H
#define ROUTER_FORWARD_H

struct router;
struct frame_in;

void forward(struct router *r, const struct frame_in *in);

#endif
