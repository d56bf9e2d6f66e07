/* shm/arena.h - the memory that ofproxy receives TCP streams into; others map it read-only.
 *
 * The arena is cut into chunks.  ofproxy receives into a chunk, cuts messages, and gives every
 * frame a ticket; the frame's bytes stay in place until the ticket is settled, in any order.  A
 * chunk is used again once none of its frames is in flight and nobody receives into it.  Tickets
 * are kept in the file, so a restarted ofproxy knows which chunks are still in use, and no verdict
 * can be settled twice.
 *
 * A frame that is all head (record.h) has no bytes here once its record is made: its ticket names
 * no chunk, so many small frames that wait long keep no memory from others.
 *
 * A verdict that does not come keeps a ticket and a chunk; arena_give_up takes them back.  The
 * ticket is then used last, and remembers the frame, so that a verdict that comes after all is
 * known to be late, not false (arena_was_given_up).
 *
 * Owner: arena_join; arena_chunk / arena_chunk_done; arena_ticket; arena_settle.  Others:
 * arena_map, arena_span.  One thread. */
#ifndef SHM_ARENA_H
#define SHM_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARENA_CHUNK (128 * 1024) /* bytes; a message (65535) that starts in the first half fits */
#define ARENA_CHUNKS 256
#define ARENA_NO_CHUNK ARENA_CHUNKS
#define ARENA_TICKETS 65536
/* Time in units of 1.07 seconds, from CLOCK_MONOTONIC in nanoseconds; comes round in 19 hours. */
#define ARENA_TIME(ns) ((uint16_t)((ns) >> 30))

struct arena_flight { /* in the file; written by the owner alone */
    uint64_t seq;     /* of the frame; 0: the ticket is free */
    uint64_t dpid;    /* switch that it came from */
    uint32_t port;
    uint32_t buffer_id; /* of the switch's own copy, to be released; UINT32_MAX: none */
    uint16_t chunk;     /* that holds its tail, or ARENA_NO_CHUNK */
    uint16_t row;       /* of its port on the ports board */
    uint16_t since;     /* ARENA_TIME of its receipt */
    uint8_t klass;      /* enum ingress_class */
    uint8_t zero;
};
_Static_assert(sizeof(struct arena_flight) == 32, "part of the shared-memory ABI");

struct arena {
    struct arena_shared *shared;
    const uint8_t *data;  /* ARENA_CHUNKS * ARENA_CHUNK bytes */
    uint8_t *own_data;    /* the same, writable; NULL for readers */
    uint32_t *refs;       /* by chunk: frames in flight, plus one while it is received into */
    uint16_t *free_chunk; /* stack, last used first */
    unsigned n_free_chunk;
    uint32_t *free_ticket;
    unsigned n_free_ticket;
    unsigned n_given_up; /* so many were, in this process's time */
    int fd, guard;
};

int arena_join(struct arena *a, const char *path, char *why, size_t why_size);
/* Read-only view; waits for nothing: makes the file if the owner has not yet. */
int arena_map(struct arena *a, const char *path, char *why, size_t why_size);
void arena_leave(struct arena *a);

/* A chunk to receive into, referenced once; -ENOBUFS when all are in use. */
int arena_chunk(struct arena *a);
/* Takes back that reference. */
void arena_chunk_done(struct arena *a, unsigned chunk);
uint8_t *arena_chunk_data(const struct arena *a, unsigned chunk);
static inline uint64_t arena_offset(const struct arena *a, const uint8_t *p)
{
    return (uint64_t)(p - a->data);
}

/* A ticket for a frame in 'f->chunk', or RECORD_NO_TICKET when all are out.  Takes a reference to
 * the chunk, if there is one.  To be called before the frame's record is published. */
uint32_t arena_ticket(struct arena *a, const struct arena_flight *f);
/* The flight that a verdict with this ticket and seq settles, or NULL: there is none such in flight
 * (settled already, or a peer that lies). */
const struct arena_flight *arena_flight(const struct arena *a, uint32_t ticket, uint64_t seq);
/* Frees the ticket and the chunk reference.  False: no such flight; nothing changed. */
bool arena_settle(struct arena *a, uint32_t ticket, uint64_t seq);
/* The flight that has this ticket now, or NULL. */
const struct arena_flight *arena_at(const struct arena *a, uint32_t ticket);
/* Frees ticket and reference of a flight whose verdict has not come. */
void arena_give_up(struct arena *a, uint32_t ticket);
/* True, once, for the verdict of a frame that was given up. */
bool arena_was_given_up(struct arena *a, uint32_t ticket, uint64_t seq);
unsigned arena_in_flight(const struct arena *a);
/* After a restart: calls 'seen' for each flight that the predecessor left. */
void arena_each(const struct arena *a,
                void (*seen)(void *context, uint32_t ticket, const struct arena_flight *f),
                void *context);

/* The bytes of a span, or NULL if it is not within one chunk of the arena, or the file was cut
 * short (guard.h) and is so still. */
const uint8_t *arena_span(const struct arena *a, uint64_t off, uint32_t len);

#endif
