/* common/counter.h - the counters of a process, in a file that anyone may map and read.
 *
 *     counter_open(run_dir, COUNTER_OF_ROUTER);     once, in the owner
 *     counter_add(ROUTER_RECEIVED, n);              any one thread for each counter
 *     counter_drop(DROP_NO_ROUTE, 1);               also the process's total "dropped"
 *
 * Values are totals since the run directory was made: a restarted process goes on from them.  Until
 * counter_open they live in private memory, so unit tests need no file. */
#ifndef COMMON_COUNTER_H
#define COMMON_COUNTER_H

#include <stddef.h>
#include <stdint.h>

enum counter_process {
    COUNTER_OF_OFPROXY,
    COUNTER_OF_VNSBRIDGE,
    COUNTER_OF_ROUTER,
    COUNTER_PROCESSES
};

/* OFPROXY_RECEIVED, ROUTER_HELD, ...: one enumeration for all; each process uses its own. */
enum counter {
#define C(PROCESS, NAME, name, text) PROCESS##_##NAME,
#include "common/counters.def"
#undef C
    COUNTERS
};

enum drop {
#define D(NAME, name, text) DROP_##NAME,
#include "common/drops.def"
#undef D
    DROPS
};

#define COUNTER_WORDS (COUNTERS + DROPS)

/* Maps <run_dir>/<process>.counters, making it if it is missing.  Returns 0 or -errno (-EPROTO: the
 * file is of another build). */
int counter_open(const char *run_dir, enum counter_process who);
/* The same at start: a failure is one sentence and the process's end. */
void counter_start(const char *run_dir, enum counter_process who);
void counter_add(enum counter c, uint64_t n);
uint64_t counter_get(enum counter c);
/* Counts 'n' frames dropped for 'why', and in the process's DROPPED counter. */
void counter_drop(enum drop why, uint64_t n);
uint64_t counter_dropped(enum drop why);

/* ---- counts that become visible with what they count ---------------------------------------
 *
 * A process whose commit point is the tail of a ring counts a batch in a tally and makes both
 * visible as one, so that no kill between the two leaves sums that do not add up:
 *
 *     tally.count[ROUTER_FORWARDED]++;  tally.dropped[DROP_NO_ROUTE]++;
 *     counter_prepare(&tally, output, tail);   notes in the file what the counters will be
 *     ring_publish(...);                       its tail is now 'tail'
 *     counter_commit();                        and they are it
 *
 * A successor calls counter_recover for each of its outputs, before it counts anything: what a
 * predecessor published and did not get to count is counted then, once. */
struct counter_tally {
    uint64_t count[COUNTERS], dropped[DROPS]; /* 'dropped' is also added to the total */
};
/* Takes the tally's counts, which are then zero.  'output': a number for the ring. */
void counter_prepare(struct counter_tally *t, unsigned output, uint64_t tail);
void counter_commit(void);
void counter_recover(unsigned output, uint64_t tail);

const char *counter_name(enum counter c);
const char *counter_text(enum counter c);
enum counter_process counter_owner(enum counter c);
const char *drop_name(enum drop why);
const char *drop_text(enum drop why);

/* A reader's view of another process's file.  Returns 0 or -errno. */
struct counter_view {
    const uint64_t *words;
    size_t size;
};
int counter_view_open(struct counter_view *v, const char *run_dir, const char *process);
void counter_view_close(struct counter_view *v);
uint64_t counter_view_get(const struct counter_view *v, enum counter c);
uint64_t counter_view_dropped(const struct counter_view *v, enum drop why);

#endif
