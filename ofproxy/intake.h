/* ofproxy/intake.h - where the bytes of the connections are received: chunks of the arena.
 *
 * All connections receive into one current chunk, one after the other.  Whole messages stay where
 * they lie.  A connection that is left with a part of a message keeps the room for all of it, and
 * receives the rest just there; a part too short to tell its length (under 8 bytes) is put by.  So
 * an idle connection holds no chunk, and no message is ever moved.
 *
 *     n = intake_room(in, part, iov)          iov[0]: the rest of the kept message, if any;
 *     got = readv(fd, iov, n)                 then the current chunk
 *     whole = intake_kept(in, part, &got)     the kept message, if it is whole now
 *     ... use it ...; intake_drop(in, part)
 *     bytes = intake_fresh(in, part, &got)    new bytes, 'got' of them
 *     ... use the whole messages ...
 *     intake_done(in, part, used, got, need)  'need': length of the message that is cut, 0: unknown
 *
 * While few chunks are free, frames_welcome is false: long frames are dropped instead of keeping
 * their chunk, so that there is always room to receive what is not a frame.  The classes that need
 * less leave room for those that matter more. */
#ifndef OFPROXY_INTAKE_H
#define OFPROXY_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "shm/arena.h"
#include "shm/record.h"

/* A message that starts below this fits its chunk whatever its length; nothing starts above. */
#define INTAKE_LIMIT (ARENA_CHUNK - 65535)
#define INTAKE_LEAST 4096 /* with less room than this below the limit, the next chunk is taken */
#define INTAKE_RESERVE 32 /* free chunks that frames may not use up */
#define INTAKE_RESERVE_BULK 96 /* nor those of the classes forward and rest */

struct intake {
    struct arena *arena;
    int chunk;                    /* the current one, or -1 */
    uint32_t cursor;              /* next byte to receive into */
    uint16_t users[ARENA_CHUNKS]; /* parts kept in a chunk, plus one while it is current */
};

/* A connection's share. */
struct intake_part {
    uint32_t chunk, off; /* the kept message; need > 0 */
    uint32_t have, need;
    uint8_t put_by[8];
    uint8_t n_put_by;
};

void intake_open(struct intake *in, struct arena *a);
void intake_close(struct intake *in);
/* Where to receive: returns the number of iovecs, or 0: no chunk is free now. */
int intake_room(struct intake *in, struct intake_part *part, struct iovec iov[2]);
/* Counts 'got' bytes to the kept message first, and takes them off it.  Returns the message once it
 * is whole, else NULL. */
const uint8_t *intake_kept(const struct intake *in, struct intake_part *part, size_t *got);
/* The bytes after it, with those put by in front; 'got' becomes their number. */
const uint8_t *intake_fresh(struct intake *in, struct intake_part *part, size_t *got);
void intake_done(struct intake *in, struct intake_part *part, size_t used, size_t got, size_t need);
/* Gives up the kept message and what was put by. */
void intake_drop(struct intake *in, struct intake_part *part);

static inline bool intake_frames_welcome(const struct intake *in, enum ingress_class k)
{
    bool bulk = k == CLASS_FORWARD || k == CLASS_REST;

    return in->arena->n_free_chunk >= (bulk ? INTAKE_RESERVE_BULK : INTAKE_RESERVE);
}

#endif
