/* ctl/bench.h - `causeway bench`: switches that send frames through the stack, and hold what comes
 * back against what they sent.
 *
 *     bench_options      words                  -> settings          (bench_options.c)
 *     bench_routes       settings               -> routes            (bench_route.c)
 *     bench_connect      settings               -> switches, ready   (bench_connect.c)
 *     bench_measure      a load for some time   -> a result          (bench_run.c)
 *     bench_ramp         loads, by search       -> a result          (bench_ramp.c)
 *     bench_say, ...     a result               -> text, JSON, files (bench_say.c, ...)
 *
 * One thread.  All memory is taken at the start; a frame is made in the buffer that is sent, and
 * checked in the buffer that was received. */
#ifndef CTL_BENCH_H
#define CTL_BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/endpoint.h"
#include "common/histogram.h"
#include "common/loop.h"
#include "ctl/bench_flight.h"
#include "ctl/bench_frame.h"
#include "ctl/bench_switch.h"
#include "ctl/ctl.h"

#define BENCH_IN_PORT 3    /* frames of a switch come in by it, */
#define BENCH_OUT_PORT 1   /* and leave by this one; */
#define BENCH_STORM_PORT 2 /* a storm comes in by the third */
#define BENCH_ARP 60       /* bytes of a host's ARP frame */
#define BENCH_SWITCHES 256 /* most */
#define BENCH_ROUTED 21    /* most for a router: a virtual host has 42 interfaces */
#define BENCH_SLICES 600   /* of a load's time, for plots; 50 ms or more each */
#define BENCH_STEPS 64     /* most rates that a ramp tries */
#define BENCH_FILES 8
#define BENCH_LOST_NS 1000000000ull /* a frame that is out for longer is lost, or late */

enum bench_mode { BENCH_LATENCY, BENCH_WINDOW, BENCH_RATE, BENCH_STORM, BENCH_RAMP, BENCH_MODES };
enum bench_wait { BENCH_SLEEP, BENCH_SPIN };

struct bench_settings {
    enum bench_mode mode;
    enum bench_wait wait;
    char connect[ENDPOINT_TEXT]; /* a word */
    struct endpoint to;
    bool of13, same;
    bool arp;       /* the storm is of ARP requests, not of broadcasts */
    bool config;    /* nothing is measured: say what has to be configured */
    bool addressed; /* source or destination were given */
    bool timed;     /* the duration was given */
    unsigned switches, size, window;
    uint64_t rate; /* frames a second, of all switches */
    double duration_s, warmup_s, timeout_s;
    double interval_s; /* of ping, between two frames; and how many */
    unsigned count;
    uint64_t dpid;
    uint32_t src, dst, destinations;
    uint64_t storm_rate;           /* frames a second; 0: as many as go */
    const char *file[BENCH_FILES]; /* to write the result to; of a kind by its ending */
    unsigned files;
};

struct bench_slice {
    uint64_t frames, sum_ns, max_ns; /* that came back in it, and their latencies */
};

/* A rate that a ramp tried. */
struct bench_step {
    uint64_t rate, lost;
    bool held;
    double p50_us, p99_us;
};

/* What one load brought. */
struct bench_result {
    uint64_t sent, good, late, lost;
    uint64_t faults[BENCH_FAULTS];    /* by reason */
    uint64_t unsent;                  /* at a rate: so far behind that they were given up */
    uint64_t others;                  /* frames that were not the benchmark's */
    uint64_t storm;                   /* frames of a storm */
    double seconds;                   /* from the first frame to the last that came back */
    double asked_s;                   /* how long frames were to be sent */
    double cpu;                       /* cores that the benchmark took */
    double stack_cpu[TOPO_PROCESSES]; /* and each process of the stack; below 0: not known */
    struct histogram latency;         /* of what came back right, or in another order */
    struct histogram behind;          /* at a rate: how long after its time each frame was sent */
    uint64_t slice_ns;
    unsigned slices;
    struct bench_slice slice[BENCH_SLICES];
    unsigned steps; /* of a ramp, as they were tried */
    struct bench_step step[BENCH_STEPS];
};

struct bench {
    const struct ctl *c;
    struct bench_settings set;
    struct bench_switch *sw;     /* set.switches */
    struct bench_stream *stream; /* one of each switch */
    struct flight flight;        /* its lanes are the switches */
    struct bench_result *result;
    uint32_t run;               /* tells the frames of this load from those of others */
    unsigned turn;              /* switch whose turn it is to send */
    int poll;                   /* epoll */
    uint64_t now_ns;            /* when what is handled now was received */
    uint64_t start_ns, said_ns; /* of the load; of the last line of progress */
    unsigned n_latencies;
    uint64_t latencies[512]; /* not yet in the histogram */
    uint8_t storm[128];      /* a message */
    size_t storm_len;
    unsigned routes; /* made for the benchmark, to be taken away */
    char why[400];
};

/* Reads the words, of `ping` as well.  Returns 0, or the exit status after a sentence. */
int bench_options(struct ctl *c, struct bench_settings *set);
const char *bench_mode_name(enum bench_mode m);

/* Frames go out at times, not by a window. */
static inline bool bench_timed(const struct bench_settings *set)
{
    return set->mode == BENCH_RATE || set->mode == BENCH_STORM || set->mode == BENCH_RAMP;
}

/* How many frames of a switch may be out, where they do not go out at times. */
static inline unsigned bench_window(const struct bench_settings *set)
{
    return set->mode == BENCH_WINDOW ? set->window : 1;
}

/* To be asked where nothing comes back. */
#define BENCH_WHY_NOT                                                                              \
    "is the stack routing (causeway status), are its interfaces another switch's (causeway show "  \
    "interfaces; lab/lab down), has it a route to the destination (causeway route list)?"

/* ---- connecting (bench_connect.c) ----------------------------------------------------------- */

/* Connects all switches and waits until a frame of each comes back.  Returns 0, or -1 with a
 * sentence in b->why. */
int bench_connect(struct bench *b);
void bench_disconnect(struct bench *b);

/* ---- addresses, routes (bench_route.c) ------------------------------------------------------ */

/* Addresses of each switch, and in the router the routes to them, where there is more than one
 * destination or switch.  Returns 0, or -1 with a sentence in b->why. */
int bench_routes(struct bench *b);
/* Takes those routes away. */
void bench_unroute(struct bench *b);
/* Source and destination of a switch's frames. */
void bench_addresses(const struct bench_settings *set, unsigned number, uint32_t *src,
                     uint32_t *dst);
/* `bench config`: the virtual host that so many switches need. */
int bench_print_config(const struct bench_settings *set);

/* ---- a load (bench_run.c) ------------------------------------------------------------------- */

/* One load of the settings' mode for 'seconds', then waits for what is still out.  Returns 0, or -1
 * with a sentence in b->why.  A signal ends it early. */
int bench_measure(struct bench *b, struct bench_result *r, double seconds);
/* The highest rate at which nothing is lost, by search; 'r' is its result. */
int bench_ramp(struct bench *b, struct bench_result *r);
void bench_catch_signals(void);
/* The steps of a load, for bench_connect.c: see bench_run.c. */
void bench_begin(struct bench *b, struct bench_result *r);
int bench_drain(struct bench *b);
int bench_flush(struct bench *b);
int bench_receive(struct bench *b, struct bench_switch *s);
int bench_await(struct bench *b, uint64_t now, uint64_t until_ns);
bool bench_put_frame(struct bench *b, unsigned number, uint64_t when_ns);
void bench_watch(struct bench *b, struct bench_switch *s, int op);
/* The storm's frames (bench_storm.c): made once; as many as are due, or as the socket takes; until
 * when the next may wait, if not later than 'until'. */
void bench_storm_open(struct bench *b);
void bench_storm_send(struct bench *b, uint64_t now);
uint64_t bench_storm_wake_ns(const struct bench *b, uint64_t now, uint64_t until_ns);
/* Frames that came back wrong, twice or never, or could not be sent. */
uint64_t bench_wrong(const struct bench_result *r);
/* Were frames sent, and received, as fast as was asked for? */
bool bench_kept_up(const struct bench_result *r);

/* ---- CPU time (bench_cpu.c) ----------------------------------------------------------------- */

struct bench_cpu {
    double self;
    double stack[TOPO_PROCESSES]; /* below 0: not known */
};
/* Seconds that have been used so far. */
void bench_cpu_take(const struct ctl *c, struct bench_cpu *cpu);

/* ---- what is said (bench_say.c, bench_file.c, bench_html.c) --------------------------------- */

json_t *bench_json(const struct bench_settings *set, const struct bench_result *r);
void bench_say(const struct bench_settings *set, const struct bench_result *r);
/* "window: 1 switch, OpenFlow 1.3, 64 bytes, ..." */
void bench_say_load(const struct bench_settings *set, char *text, size_t size);
/* A line that is written over, on a terminal. */
void bench_progress(struct bench *b, uint64_t now);
void bench_progress_end(const struct bench *b);
/* Can a result be written to a file of that name? */
bool bench_file_known(const char *name);
/* Writes one.  Returns 0, or -errno. */
int bench_file_write(const char *name, const struct bench_settings *set,
                     const struct bench_result *r);
void bench_html(FILE *f, const struct bench_settings *set, const struct bench_result *r);

#endif
