/* ofproxy/of_out.h - what waits to be sent to one switch.
 *
 * Messages of our own (HELLO, echoes, errors, barriers) are copied into the connection's out
 * buffer; frames are lists of iovecs that point into the ring and the arena.  Once a batch, one
 * sendmsg sends the buffer and then the frames.  What the socket does not take of a frame that has
 * begun is copied behind the buffer; frames not begun too, up to OUT_FRAMES bytes, and past that
 * they are dropped (SWITCH_SLOW).  The ring's memory is free again when of_out_flush returns. */
#ifndef OFPROXY_OF_OUT_H
#define OFPROXY_OF_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/counter.h"
#include "ofproxy/of_dialect.h"

#define OUT_SIZE (256 * 1024)  /* bytes of a connection's out buffer */
#define OUT_FRAMES (96 * 1024) /* frames are not put behind more than this */
#define OUT_BATCH 128          /* frames of one batch, for all switches */

struct ofproxy;
struct of_conn;

struct out_frame {
    struct out_frame *next;
    struct iovec iov[3];
    unsigned n_iov;
    size_t len;        /* of all iovecs */
    enum drop outcome; /* set by of_out_flush when it could not be sent */
    uint8_t head[OF_DIALECT_HEAD];
};

struct out_queue {
    uint8_t *data; /* OUT_SIZE bytes, the connection's for life */
    uint32_t off, used;
    bool blocked;       /* the socket is full: wait for EPOLLOUT */
    uint64_t moving_ns; /* when it last took something, or became full; 0: it is not full */
    struct out_frame *first, **last;
};

void of_out_open(struct out_queue *q, uint8_t *data);
/* Queues a message of 'a' and 'b' (which may be empty), to leave with the next flush.  When there
 * is no room the switch does not read its answers: the connection is doomed (of_conn.h). */
void of_out_put(struct of_conn *c, const void *a, size_t a_len, const void *b, size_t b_len);
/* Queues a frame for this batch. */
void of_out_frame(struct of_conn *c, struct out_frame *f);
/* Sends to every connection that has something; closes those that fail or are doomed. */
void of_out_flush(struct ofproxy *p);

#endif
