/* ctl/bench_flight.h - which frames are out, since when, and in which order they return.
 *
 *     flight_open(&f, places, lanes);
 *     seq = flight_send(&f, lane, when_ns);
 *     fault = flight_back(&f, lane, seq, now_ns, &latency_ns);
 *     flight_give_up(&f, now_ns - LIMIT);      what is out since before then is lost
 *
 * A lane is one way from a port to a port: order is kept on it.  'when' is the time from which a
 * frame's latency counts: at a fixed rate that is when it should have been sent, whenever it was. A
 * frame that was given up and comes after all is late, and no longer lost.  Of more frames than
 * there are places, the oldest are given up. */
#ifndef CTL_BENCH_FLIGHT_H
#define CTL_BENCH_FLIGHT_H

#include <stdint.h>

#include "ctl/bench_frame.h"

#define FLIGHT_LANES 1024

/* A frame: when, in ns after the flight's start (3 days), 0: it is not out. */
struct flight_place {
    uint64_t when : 48, lane : 15, lost : 1;
};

struct flight_lane {
    uint64_t highest; /* the highest number that returned, plus 1 */
    uint64_t out;
};

struct flight {
    struct flight_place *place; /* by number, modulo 'places' */
    struct flight_lane *lane;
    uint64_t places, lanes, start_ns;
    uint64_t next, oldest;    /* numbers: of the next frame, and of the first that may be out */
    uint64_t out, lost, late; /* frames */
};

/* 'places' is rounded up to a power of two.  Returns 0 or -ENOMEM; flight_close frees. */
int flight_open(struct flight *f, uint64_t places, unsigned lanes, uint64_t now_ns);
void flight_close(struct flight *f);
/* Forgets what is out, and begins at number 0. */
void flight_reset(struct flight *f);

uint64_t flight_send(struct flight *f, unsigned lane, uint64_t when_ns);
/* BENCH_GOOD, BENCH_ORDER, BENCH_DOUBLED or BENCH_UNSENT; the latency is set for the first two. */
enum bench_fault flight_back(struct flight *f, unsigned lane, uint64_t seq, uint64_t now_ns,
                             uint64_t *latency_ns);
void flight_give_up(struct flight *f, uint64_t before_ns);

#endif
