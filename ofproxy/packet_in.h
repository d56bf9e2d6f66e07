/* ofproxy/packet_in.h - frames from switches to PKT_IN.
 *
 * on_PACKET_IN (of_conn.h) gives a frame its number and its ticket and stages a record: its first
 * RECORD_INLINE bytes are copied, the rest stays where it was received.  A frame that cannot go on
 * is dropped for a named reason; the connection is read on in any case. */
#ifndef OFPROXY_PACKET_IN_H
#define OFPROXY_PACKET_IN_H

#include <stdint.h>

struct ofproxy;

/* At start: numbers go on after the last one published; frames that a predecessor took in and did
 * not publish are given up (DROP_RESTART). */
void packet_in_resume(struct ofproxy *p);
/* Makes what was staged visible. */
void packet_in_publish(struct ofproxy *p);
/* Has the switch drop its copy of a frame, if it kept one (5.3.6). */
void packet_in_release(struct ofproxy *p, uint64_t dpid, uint32_t buffer_id);

#endif
