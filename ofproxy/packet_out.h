/* ofproxy/packet_out.h - verdicts from PKT_OUT: frames to switches, and the end of each frame.
 *
 * A batch: every record is checked and its frame queued; one sendmsg a connection (of_out_flush);
 * then the records are counted by verdict, their tickets settled, and the ring is released.  How
 * long each frame was here goes into the histogram LATENCY: all that were settled, whatever their
 * verdict. */
#ifndef OFPROXY_PACKET_OUT_H
#define OFPROXY_PACKET_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "ofproxy/of_out.h"
#include "shm/arena.h"
#include "shm/record.h"

struct ofproxy;

struct packet_out {
    struct out_frame frames[OUT_BATCH];
    struct record records[OUT_BATCH];
    bool bad[OUT_BATCH];
    uint64_t taken[ARENA_TICKETS / 64]; /* tickets of this batch: none may come twice */
    uint32_t look_at;                   /* ticket to look at next: is it too old? */
    uint64_t looked_ns;
    uint64_t waited_ns[OUT_BATCH]; /* of this batch's frames, from receipt to now */
    unsigned n_waited;
};

/* At start: settles what a predecessor had begun to send, so that nothing is sent twice. */
void packet_out_resume(struct ofproxy *p);
/* Gives up frames whose verdict has not come for a minute (DROP_EXPIRED); to be called on each
 * tick, it looks at a slice of the tickets. */
void packet_out_expire(struct ofproxy *p, uint64_t now_ns);
/* Takes a batch, and sends everything that waits.  Returns the number of records. */
unsigned send_packet_out(struct ofproxy *p);

#endif
