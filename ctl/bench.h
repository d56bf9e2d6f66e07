/* ctl/bench.h - `causeway bench`: switches that send frames through the stack, and hold what comes
 * back against what they sent.
 *
 *     bench_options      words                  -> settings          (bench_options.c)
 *     bench_connect      settings               -> switches, ready   (bench_run.c)
 *     bench_measure      a load for some time   -> a result          (bench_run.c)
 *     bench_say, ...     a result               -> text, JSON, files (bench_say.c, ...)
 *
 * One thread.  All memory is taken at the start; a frame is made in the buffer that is sent, and
 * checked in the buffer that was received. */
#ifndef CTL_BENCH_H
#define CTL_BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/endpoint.h"
#include "common/histogram.h"
#include "ctl/bench_flight.h"
#include "ctl/bench_frame.h"
#include "ctl/bench_switch.h"
#include "ctl/ctl.h"

#define BENCH_ARP 60                /* bytes of a host's ARP frame */
#define BENCH_SWITCHES 256          /* most */
#define BENCH_LOST_NS 1000000000ull /* a frame that is out for longer is lost, or late */

enum bench_mode { BENCH_LATENCY, BENCH_WINDOW, BENCH_RATE, BENCH_MODES };
enum bench_wait { BENCH_SLEEP, BENCH_SPIN };

struct bench_settings {
    enum bench_mode mode;
    enum bench_wait wait;
    char connect[ENDPOINT_TEXT]; /* a word */
    struct endpoint to;
    bool of13, same;
    unsigned switches, size, window;
    uint64_t rate; /* frames a second, of all switches */
    double duration_s, warmup_s, timeout_s;
    uint64_t dpid;
    uint32_t src, dst, destinations;
};

/* What one load brought. */
struct bench_result {
    uint64_t sent, good, late, lost;
    uint64_t faults[BENCH_FAULTS]; /* by reason */
    uint64_t unsent;               /* at a rate: so far behind that they were given up */
    uint64_t others;               /* frames that were not the benchmark's */
    uint64_t behind_ns;            /* at a rate: the longest that a frame left after its time */
    double seconds;                /* from the first frame to the last that came back */
    double cpu_s;                  /* CPU time of ours */
    struct histogram latency;      /* of what came back right, or in another order */
};

struct bench {
    const struct ctl *c;
    struct bench_settings set;
    struct bench_switch *sw;     /* set.switches */
    struct bench_stream *stream; /* one of each switch */
    struct flight flight;        /* its lanes are the switches */
    struct bench_result *result;
    uint32_t run;    /* tells the frames of this load from those of others */
    unsigned turn;   /* switch whose turn it is to send */
    int poll;        /* epoll */
    uint64_t now_ns; /* when what is handled now was received */
    unsigned n_latencies;
    uint64_t latencies[512]; /* not yet in the histogram */
    char why[400];
};

uint64_t bench_now_ns(void); /* CLOCK_MONOTONIC */

/* Reads the words.  Returns 0, or the exit status after a sentence. */
int bench_options(struct ctl *c, struct bench_settings *set);
const char *bench_mode_name(enum bench_mode m);

/* Connects all switches and waits until a frame of each comes back.  Returns 0, or -1 with a
 * sentence in b->why. */
int bench_connect(struct bench *b);
void bench_disconnect(struct bench *b);
/* One load of the settings' mode for 'seconds', then waits for what is still out.  Returns 0, or -1
 * with a sentence in b->why. */
int bench_measure(struct bench *b, struct bench_result *r, double seconds);
/* Frames that came back wrong, twice or never, or could not be sent. */
uint64_t bench_wrong(const struct bench_result *r);

json_t *bench_json(const struct bench_settings *set, const struct bench_result *r);
void bench_say(const struct bench_settings *set, const struct bench_result *r);

#endif
