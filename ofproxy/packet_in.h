/* ofproxy/packet_in.h - frames from switches to PKT_IN.
 *
 * on_PACKET_IN (of_conn.h) gives a frame its number and its ticket and stages a record: its first
 * RECORD_INLINE bytes are copied, the rest stays where it was received.  A frame that cannot go on
 * is dropped for a named reason; the connection is read on in any case. */
#ifndef OFPROXY_PACKET_IN_H
#define OFPROXY_PACKET_IN_H

#include <stddef.h>
#include <stdint.h>

#include "common/counter.h"

struct ofproxy;
struct of_conn;
struct of_msg;

/* A frame that a switch sent, in no version's words. */
struct packet_in {
    uint32_t buffer_id;
    uint32_t port;       /* 0: none that there is */
    uint32_t len, there; /* of the frame; bytes of it that were sent */
    const uint8_t *frame;
};

/* At start, after packet_out_resume: numbers go on after the last one published; frames that a
 * predecessor took in and did not publish are given up (DROP_RESTART). */
void packet_in_resume(struct ofproxy *p);
/* Takes a frame in, or drops it. */
void packet_in_take(struct of_conn *c, const struct of_msg *m, const struct packet_in *in);
/* The port that the fields of a match name (OXM or NXM), 0: none. */
uint32_t packet_in_port(const uint8_t *fields, size_t len);
/* Takes a frame that stands behind a match: 'len' bytes of fields at 'fields', which 'before' bytes
 * of the match come before; then zeros up to a multiple of 8 bytes, 2 more, the frame. */
void packet_in_matched(struct of_conn *c, const struct of_msg *m, struct packet_in *p,
                       const uint8_t *fields, size_t len, size_t before);
/* Makes what was staged visible, and counts it with what was dropped. */
void packet_in_publish(struct ofproxy *p);
/* Tallies a received frame that ofproxy itself drops. */
void packet_in_dropped(struct ofproxy *p, enum drop why);
/* The same for 'n' that are in flight, and whose verdicts will not be waited for. */
void packet_in_given_up(struct ofproxy *p, enum drop why, uint64_t n);
/* Has the switch drop its copy of a frame, if it kept one (5.3.6). */
void packet_in_release(struct ofproxy *p, uint64_t dpid, uint32_t buffer_id);

#endif
