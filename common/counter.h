/* common/counter.h - the counters of a process, in a file that anyone may map and read.
 *
 *     counter_open(run_dir, COUNTER_OF_ROUTER);     once, in the owner
 *     counter_add(ROUTER_ARP_REQUESTS, n);          a count that stands alone, at once
 *
 * Values are totals since the run directory was made: a restarted process goes on from them.  A
 * counter that its sentence calls "now" goes down, too.  Until counter_open they live in private
 * memory, so unit tests need no file.  One thread.
 *
 * Counts that must add up with others (shm/accounts.def) are made in a tally, and applied as one:
 * see below.  A reader's snapshot (counter_view_snapshot) never shows a part of a tally. */
#ifndef COMMON_COUNTER_H
#define COMMON_COUNTER_H

#include <stdbool.h>
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

/* Each process counts each reason of drops.def three times; each has its total as a counter. */
enum counter_kind {
    COUNTER_DROPPED, /* received frames whose verdict is dropped */
    COUNTER_DECIDED, /* those of them whose verdict, for ofproxy, was this process's decision */
    COUNTER_UNSENT,  /* frames that settle no received frame, and could not be sent */
    COUNTER_KINDS
};

/* Two words that a process applies with its counts, to know after a restart what was counted. */
#define COUNTER_MARKS 3
#define COUNTER_WORDS (COUNTERS + COUNTER_KINDS * DROPS + COUNTER_MARKS)

/* Maps <run_dir>/<process>.counters, making it if it is missing, and ends what a predecessor was
 * applying when it died.  Returns 0 or -errno (-EPROTO: the file is of another build). */
int counter_open(const char *run_dir, enum counter_process who);
/* The same at start: a failure is one sentence and the process's end. */
void counter_start(const char *run_dir, enum counter_process who);
void counter_add(enum counter c, uint64_t n);
uint64_t counter_get(enum counter c);
uint64_t counter_dropped(enum drop why);
uint64_t counter_unsent(enum drop why);

/* ---- counts that become visible together ---------------------------------------------------
 *
 * A tally that balances keeps every sum right at every moment, whatever instruction the process is
 * killed at.  A process whose commit point is the tail of a ring makes both visible as one:
 *
 *     counter_tally(&t, ROUTER_FORWARDED, 1);  counter_tally_drop(&t, COUNTER_DROPPED, why);
 *     counter_prepare(&t, output, tail);       notes in the file what the counters will be
 *     ring_publish(...);                       its tail is now 'tail'
 *     counter_commit();                        and they are it
 *
 * A successor calls counter_recover for each of its outputs, before it counts anything: what a
 * predecessor published and did not get to count is counted then, once.  A reader does the same
 * with its snapshot.
 *
 * Without a ring, counter_apply is the commit point.  'mark' is set to 'value' in the same instant:
 * a successor sees by it (counter_mark) how far its predecessor had counted. */
struct counter_tally {
    uint64_t more[COUNTER_WORDS];
    uint64_t touched[(COUNTER_WORDS + 63) / 64]; /* bit by word of 'more' */
    uint64_t drops[COUNTER_KINDS];               /* of all reasons, for the totals */
};

static inline void counter_tally_word(struct counter_tally *t, unsigned word, int64_t n)
{
    t->more[word] += (uint64_t)n;
    t->touched[word / 64] |= 1ull << (word % 64);
}
static inline void counter_tally(struct counter_tally *t, enum counter c, int64_t n)
{
    counter_tally_word(t, (unsigned)c, n);
}
/* So many frames for this reason; the kind's total is added by itself. */
static inline void counter_tally_drops(struct counter_tally *t, enum counter_kind k, enum drop why,
                                       uint64_t n)
{
    t->drops[k] += n;
    counter_tally_word(t, COUNTERS + (unsigned)k * DROPS + (unsigned)why, (int64_t)n);
}
static inline void counter_tally_drop(struct counter_tally *t, enum counter_kind k, enum drop why)
{
    counter_tally_drops(t, k, why, 1);
}
bool counter_tally_empty(const struct counter_tally *t);

/* Takes the tally's counts, which are then zero.  'output': a number for the ring. */
void counter_prepare(struct counter_tally *t, unsigned output, uint64_t tail);
void counter_commit(void);
void counter_recover(unsigned output, uint64_t tail);
void counter_apply(struct counter_tally *t, unsigned mark, uint64_t value);
uint64_t counter_mark(unsigned mark);

const char *counter_name(enum counter c);
const char *counter_text(enum counter c);
enum counter_process counter_owner(enum counter c);
const char *drop_name(enum drop why);
const char *drop_text(enum drop why);
/* "dropped", "decided", "unsent" */
const char *counter_kind_name(enum counter_kind k);
/* The counter that has the sum over all reasons; COUNTERS: the process counts no such frames. */
enum counter counter_total(enum counter_process p, enum counter_kind k);

/* ---- a reader's view of another process's file (counter_view.c) ---------------------------- */

/* The mapping is of a file that its owner may cut short: a touch is SIGBUS then.  Who does not
 * trust the owner registers 'map', 'size' bytes, with shm/guard.h, as shm/account.c does. */
struct counter_view {
    const uint64_t *words; /* in 'map' */
    const void *map;
    size_t size;
};
/* All words of a process at one moment, and the note of a batch that may or may not be published at
 * that moment: counter_snapshot_settle tells. */
struct counter_snapshot {
    uint64_t word[COUNTER_WORDS];
    unsigned n_note;
    uint64_t output, tail;
    uint64_t note[2 * COUNTER_WORDS];
};

/* Returns 0 or -errno. */
int counter_view_open(struct counter_view *v, const char *run_dir, const char *process);
void counter_view_close(struct counter_view *v);
/* One word, as it is now: no two of these belong together. */
uint64_t counter_view_get(const struct counter_view *v, enum counter c);
/* Never waits for the owner, which may be stopped, or dead in the middle of anything.  False: it
 * changed its words all the while, which no honest process can. */
bool counter_view_snapshot(const struct counter_view *v, struct counter_snapshot *s);
/* As counter_recover: 'tail' of the ring 'output' was read after the snapshot was taken.  What was
 * published by then counts. */
void counter_snapshot_settle(struct counter_snapshot *s, unsigned output, uint64_t tail);
uint64_t counter_snapshot_get(const struct counter_snapshot *s, enum counter c);
uint64_t counter_snapshot_drop(const struct counter_snapshot *s, enum counter_kind k,
                               enum drop why);

#endif
