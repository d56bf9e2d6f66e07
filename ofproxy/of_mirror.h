/* ofproxy/of_mirror.h - copies of the OpenFlow messages, for whoever looks (shm/mirror.h).
 *
 *     of_mirror_open(p);                       the mirror OPENFLOW
 *     of_mirror_turn(p)     each turn          one load while nobody asks
 *     of_mirror_tick(p)     a few times a second: ends it when nobody has asked for a while
 *     if (of_mirrored(c)) { of_mirror_up(c, ...); }     where a message is counted
 *
 * What is handed to a handler or to the kernel is recorded, message by message and whole; what
 * was refused for its header is not, but the ERROR that answers it is.  A message is numbered by
 * the counters rx_messages and tx_messages, so a reader knows what it missed while nobody asked. */
#ifndef OFPROXY_OF_MIRROR_H
#define OFPROXY_OF_MIRROR_H

#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"

void of_mirror_open(struct ofproxy *p);
void of_mirror_tick(struct ofproxy *p);
/* For the control thread: records shall be made from now on, for a while. */
void of_mirror_ask(struct ofproxy *p);
/* A message from the switch. */
void of_mirror_up(const struct of_conn *c, const void *bytes, size_t len);
/* A message to it, in two parts, of which the second may be empty. */
void of_mirror_down(const struct of_conn *c, const void *a, size_t a_len, const void *b,
                    size_t b_len);
/* The frames of a batch that were sent, or wait to be. */
void of_mirror_frames(const struct of_conn *c, const struct out_frame *first);

static inline void of_mirror_turn(struct ofproxy *p)
{
    if (mirror_asked(&p->mirror)) {
        of_mirror_tick(p);
    }
}

static inline bool of_mirrored(const struct of_conn *c)
{
    return c->proxy->mirror.on;
}

#endif
