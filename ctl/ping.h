/* ctl/ping.h - `causeway ping`: a frame at a time through the stack, and when it was where.
 *
 * It is sent as a switch's (bench_switch.h), and looked for in the four rings from outside
 * (ring_view, shm/ring.h): no process knows of it.  PKT_IN's record also tells when ofproxy
 * received the frame.  What is seen in a ring is seen within a turn of the loop that looks, which
 * has a core of its own for as long: half a microsecond or so. */
#ifndef CTL_PING_H
#define CTL_PING_H

#include "ctl/bench.h"
#include "shm/record.h"
#include "shm/ring.h"

enum ping_point {
    PING_SENT,
    PING_RECEIVED, /* by ofproxy */
    PING_RING,     /* published in PKT_IN, VNS_IN, VNS_OUT, PKT_OUT */
    PING_BACK = PING_RING + TOPO_RINGS,
    PING_POINTS
};

/* One frame. */
struct ping_trip {
    uint64_t ns[PING_POINTS]; /* CLOCK_MONOTONIC; 0: it was not seen there */
    uint64_t journey;         /* ofproxy's number for it */
    uint8_t verdict, reason;  /* the last that was seen; VERDICT_NONE: none */
    bool wrong;               /* it came back, but not as it must */
    uint64_t blind_ns;        /* the longest that nobody looked meanwhile */
};

/* The way between two points, and who has the frame on it. */
struct ping_hop {
    enum ping_point from, to;
    const char *key, *name;
};
#define PING_HOPS 6
extern const struct ping_hop ping_hop[PING_HOPS];

/* Nanoseconds of a hop, or of the whole way (from PING_SENT to PING_BACK).  False: it was not seen
 * at one of the two ends. */
bool ping_ns(const struct ping_trip *t, enum ping_point from, enum ping_point to, uint64_t *ns);
/* "forwarded", "dropped (no_route: ...)"; what is known of a frame that did not come back. */
void ping_verdict(const struct ping_trip *t, char *text, size_t size);

/* ping_say.c */
json_t *ping_json(const struct bench_settings *set, const struct ping_trip *trips, unsigned n);
void ping_say_trip(const struct ping_trip *t, unsigned number);
void ping_say(const struct ping_trip *trips, unsigned n);

#endif
