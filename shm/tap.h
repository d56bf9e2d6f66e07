/* shm/tap.h - a spectator of a ring: reads the frames that pass, without being an end of it.
 *
 *     tap_open(&t, run_dir, TOPO_PKT_IN, why, sizeof why);
 *     while (...) { while (tap_next(&t, &frame)) use frame;  sleep a little; }
 *     tap_missed(&t)
 *
 * It maps the writer's half and the arena read-only; neither end can tell that it is there, so
 * neither waits for it.  That makes it lossy: what the writer overwrote before it was read is
 * skipped and counted.  The later bytes of a long frame are in the arena, which ofproxy uses again
 * once the frame is settled; they are given only where they surely are the frame's still.  One
 * thread; tap_open allocates nothing but mappings. */
#ifndef SHM_TAP_H
#define SHM_TAP_H

#include "common/counter.h"
#include "shm/arena.h"
#include "shm/ring.h"
#include "shm/topo.h"

#define TAP_FRAME_MAX (RECORD_HEAD_MAX + 65536)

struct tap {
    struct ring_view view;
    struct arena arena;
    bool have_arena;
    struct counter_view counters; /* ofproxy's: how much it received */
    int counters_guard;
    bool outgoing;          /* its frames leave: they are as new as the look, not as rx_ns */
    uint64_t at;            /* next record */
    uint64_t records;       /* written before the tap was opened */
    uint64_t seen;          /* read since */
    uint64_t lost;          /* stepped over since, unread */
    uint64_t tail;          /* at the last look */
    uint64_t received;      /* bytes that ofproxy had received before that look */
    uint64_t received_then; /* and before the look before it */
    int64_t clock_ns;       /* CLOCK_REALTIME minus CLOCK_MONOTONIC */
    char path[256];
};

struct tap_frame {
    struct record record;
    uint64_t time_ns;   /* CLOCK_REALTIME */
    uint32_t len;       /* bytes there are */
    uint32_t whole_len; /* bytes the frame has; more than 'len' when its tail was not to be had */
    uint8_t bytes[TAP_FRAME_MAX];
};

/* Starts with the next record to be written.  Returns 0, or -errno with a sentence in 'why'. */
int tap_open(struct tap *t, const char *run_dir, enum topo_ring ring, char *why, size_t why_size);
void tap_close(struct tap *t);
/* The next frame; records without bytes (bare verdicts) are stepped over.  False: none yet. */
bool tap_next(struct tap *t, struct tap_frame *f);
/* Records written since tap_open that tap_next never saw. */
uint64_t tap_missed(const struct tap *t);
/* Goes on with what is written from now on; what was unread counts as lost (t->lost). */
void tap_skip(struct tap *t);
/* Has another file taken the place of the writer's half? */
bool tap_replaced(const struct tap *t);

#endif
