/* shm/ring.h - records from one process to one other, without a lock.
 *
 * A ring has one writer and one reader for life; topo.def names them.  Each maps its own half
 * writable and the peer's half read-only.  The two ends are two types, so passing the wrong end
 * does not compile.
 *
 *     writer                               reader
 *     head = ring_reserve(&tx, size)       while (ring_peek(&rx, &r, &head)) {
 *     fill head, fill r                        use r, a checked private copy, and the bytes at head
 *     ring_commit(&tx, &r)                     ring_next(&rx);
 *     ... more of the batch ...            }
 *     ring_settle(&tx, input, position)    ring_release(&rx);     once a batch
 *     ring_publish(&tx)    once a batch
 *
 * Exactly once: what the writer commits is invisible until ring_publish stores the tail, which is
 * the one commit point.  The tail selects one of two commit blocks; a block says, for each of the
 * writer's inputs, up to which position that input is settled.  A process that takes over a ring
 * end after a death asks every output for ring_settled(input), skips its input to the largest with
 * ring_rx_skip, and goes on: nothing is lost, nothing is done twice.  A process with several
 * outputs must publish one before it commits to another, so that the largest is exact.
 *
 * What is staged is at most half of the ring: so the last batch stays readable for a successor
 * (ring_last_batch) though its records were released and a next batch was being written.
 *
 * Trust: each end copies a word of the other's half once, then checks it.  A record, tail or head
 * that cannot be makes the ring 'bad': it reads as empty, or takes nothing, until the other end is
 * attached anew and its half is whole (ring_rx_mend, ring_tx_mend; lane.h does both).  The bytes at
 * head may still be changed by a hostile writer while they are read: copy them to memory of your
 * own before you parse them.
 *
 * Damage: whoever joins puts its own half in order, and only that.  A writer's half that does not
 * hold together starts anew at the reader's head: what was published and unread is lost, and
 * nothing is known of what was settled, so the frames of the batch that was settled last may be
 * handled again.  A reader's half starts anew where the outputs say that its owner was
 * (ring_rx_skip), or else at the tail: what is unread is then lost.  Its writer is told where by
 * the first ring_release, not before: it would write over what is yet to be read.
 *
 * Memory: lane files are mapped by topo.c (or ring_private for tests and threads of one process);
 * nothing here allocates per record. */
#ifndef SHM_RING_H
#define SHM_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/fault.h"
#include "shm/record.h"

#define RING_INPUTS 4 /* inputs that one writer may settle in a ring */

struct bell;
struct ring_tx_shared; /* the writer's half: tail, commit blocks, data */
struct ring_rx_shared; /* the reader's half: head, begun, event index */

struct ring_stats {
    uint64_t tail;               /* position up to which is published */
    uint64_t used, size;         /* bytes between head and tail; bytes in all */
    uint64_t records, publishes; /* written since the file was made */
    uint64_t full, bells, wakes; /* reserve refused; doorbells rung; sleeps of the reader */
    uint64_t tx_attaches, rx_attaches;
};

struct ring_tx {
    struct ring_tx_shared *own;
    const struct ring_rx_shared *peer;
    uint8_t *data; /* 'size' bytes, mapped twice in a row */
    uint64_t size, mask;
    uint64_t staged;    /* next byte to write; what is past 'tail' is not visible yet */
    uint64_t tail;      /* published */
    uint64_t peer_head; /* cached */
    uint64_t settled[RING_INPUTS];
    uint64_t n_staged;
    struct bell *bell;   /* the reader's; NULL: the reader never sleeps on this ring */
    unsigned commit_at;  /* the commit block that 'tail' selects */
    bool bad;            /* the reader's half holds what cannot be */
    bool anew;           /* joined: the predecessor's half did not hold together */
    char why[96];        /* what was wrong, when bad */
    uint64_t peer_epoch; /* of the other half, when it was last found in order */
    int fd, peer_fd, guard;
    unsigned number; /* row of topo.def, from 1, for the probes; 0: of no run directory */
};

struct ring_rx {
    struct ring_rx_shared *own;
    const struct ring_tx_shared *peer;
    const uint8_t *data;
    uint64_t size, mask;
    uint64_t at;            /* next record to peek */
    uint64_t head;          /* released */
    uint64_t peer_tail;     /* cached */
    uint32_t peeked;        /* size of the record at 'at', once checked */
    struct fault_note note; /* of the record in hand, by its position */
    bool bad;
    bool anew;           /* joined: the predecessor's half did not hold together; until released */
    char why[96];        /* what was wrong, when bad */
    uint64_t peer_epoch; /* of the other half, when it was last found in order */
    int fd, peer_fd, guard;
    unsigned number; /* row of topo.def, from 1, for the probes; 0: of no run directory */
};

/* Room for a record with 'head_size' bytes of head, or NULL: full, or half of the ring is staged
 * (counted as full), or bad.  The same room is returned until ring_commit; committing less than
 * reserved is fine. */
uint8_t *ring_reserve(struct ring_tx *tx, size_t head_size);
/* Stages the record whose head was filled in; 'r' is copied, size is computed from r->head_len. */
void ring_commit(struct ring_tx *tx, const struct record *r);
/* With the next publish, 'input' counts as settled up to 'position' (a ring_position).  Positions
 * only grow. */
void ring_settle(struct ring_tx *tx, unsigned input, uint64_t position);
uint64_t ring_settled(const struct ring_tx *tx, unsigned input);
/* Makes all that is staged visible, with one store, and rings the reader's doorbell if it sleeps.
 * Does nothing when nothing is staged (a ring_settle alone waits for the next record). */
void ring_publish(struct ring_tx *tx);
/* Drops what is staged and not published. */
void ring_abandon(struct ring_tx *tx);
/* Bytes that may be staged now, as the writer last knew or, when that is less than 'want', as it
 * is. */
uint64_t ring_room(struct ring_tx *tx, uint64_t want);
/* Calls 'seen' for each record of the last published batch, oldest first: after a restart, what the
 * dead writer made visible last.  'hold' and 'src' in them say what it had done. */
void ring_last_batch(const struct ring_tx *tx, void (*seen)(void *context, const struct record *r),
                     void *context);

/* Looks at the writer's tail.  Returns the position up to which there are records now: one who then
 * reads the boards, and handles records up to there, has what was published before any of them. */
uint64_t ring_rx_look(struct ring_rx *rx);
/* The next record and its head, both valid until ring_release (r is the caller's copy).  False:
 * empty or bad. */
bool ring_peek(struct ring_rx *rx, struct record *r, const uint8_t **head);
/* How many predecessors in a row died with the record that ring_peek returned in hand (fault.h). */
unsigned ring_deaths(const struct ring_rx *rx);
/* That record is in hand from now until ring_next or ring_let_go: if the process dies of a fault,
 * it is the record's.  Not while something else is done: publishing, boards, sleeping. */
void ring_hand(struct ring_rx *rx);
void ring_let_go(struct ring_rx *rx);
/* Steps over the record that ring_peek returned. */
void ring_next(struct ring_rx *rx);
/* Position after the last record stepped over: what ring_settle and ring_rx_skip take. */
uint64_t ring_position(const struct ring_rx *rx);
/* Gives all that was stepped over back to the writer.  To be called once after each join, when the
 * place to go on at is found. */
void ring_release(struct ring_rx *rx);
/* Notes durably that everything stepped over is about to leave for the outside (a socket): a
 * successor will not send it again.  Follow with the send, then ring_release. */
void ring_begin(struct ring_rx *rx);
/* Where a predecessor's ring_begin had come to; at least the head. */
uint64_t ring_begun(const struct ring_rx *rx);
/* Steps over records without a look, up to 'position', if it is ahead.  False: no record ends
 * there. When rx->anew, 'position' may also lie behind: the records from there are read again. */
bool ring_rx_skip(struct ring_rx *rx, uint64_t position);
/* Bad?  Then rx->why says what was wrong. */
bool ring_rx_bad(struct ring_rx *rx);
bool ring_tx_bad(struct ring_tx *tx);
/* For a bad ring, between batches: takes it up again if the other end has been attached anew since,
 * and its half can be believed.  A reader whose writer began again elsewhere goes there, unread
 * records are lost.  True: it is no longer bad; wake the other end. */
bool ring_rx_mend(struct ring_rx *rx);
bool ring_tx_mend(struct ring_tx *tx);
bool ring_rx_empty(const struct ring_rx *rx);
/* Going to sleep: says so; true if a record came in the meantime, so do not sleep. */
bool ring_rx_arm(struct ring_rx *rx);

/* A ring in private memory for two threads or a test; 'size' a power of two, at least 4096. */
int ring_private(struct ring_tx *tx, struct ring_rx *rx, size_t size);
void ring_private_free(struct ring_tx *tx, struct ring_rx *rx);

/* Two files, <path>.tx and <path>.rx.  Each join makes what is missing (aside, then linked into
 * place), checks both halves, and takes the end's lock.  Its own half, if damaged, is started anew;
 * with the other's damaged, the ring starts out bad.  Returns 0, with a sentence for the log in
 * 'why' if its own half was damaged, or -errno with one that names the file: -EPROTO another
 * build's, -EBUSY owned. */
int ring_tx_join(struct ring_tx *tx, const char *path, size_t size, char *why, size_t why_size);
int ring_rx_join(struct ring_rx *rx, const char *path, size_t size, char *why, size_t why_size);
void ring_tx_leave(struct ring_tx *tx);
void ring_rx_leave(struct ring_rx *rx);
/* Reads both halves without joining.  Returns 0 or -errno. */
int ring_stats(const char *path, struct ring_stats *s);

/* A spectator's view of the writer's half (tap.c): read-only, and no end of the ring, so nobody
 * waits for it and what it reads may be overwritten at any time. */
struct ring_view {
    const struct ring_tx_shared *tx;
    const uint8_t *data;
    uint64_t size;
    int fd, guard;
};
int ring_view_open(struct ring_view *v, const char *path, char *why, size_t why_size);
void ring_view_close(struct ring_view *v);
/* The published tail, and how many records were written up to it. */
uint64_t ring_view_tail(const struct ring_view *v, uint64_t *records);
/* Copies the record at 'at', of those up to 'tail', and its head (room for RECORD_HEAD_MAX). False:
 * the writer has come round to it, or may have. */
bool ring_view_copy(const struct ring_view *v, uint64_t at, uint64_t tail, struct record *r,
                    uint8_t *head);

#endif
