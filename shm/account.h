/* shm/account.h - what must add up: within each process at every moment, and between neighbours.
 *
 *     account_read(run_dir, process, &s)    all counters of a process at one moment
 *     account_sum(&s, &accounts[i])         0: the account holds
 *     account_look(run_dir, &look)                   the whole stack, so that rings can be compared
 *     account_under_way(&look, &account_rings[i])    records counted in and not yet out
 *
 * A snapshot is exact for its process, also of one that is stopped, or was killed at whatever
 * instruction: counts whose batch is published are counted, as its successor will do (counter.h).
 *
 * Two processes cannot be read in the same moment.  So account_look reads ofproxy, vnsbridge, the
 * router, then vnsbridge and ofproxy again, and a ring's reader is taken as it was first, its
 * writer as it was later: what was counted in and not out is in the ring, or came between the two
 * looks; it is never negative.  Once nothing moves it is 0, and drops by reason agree
 * (account_drops_under_way). */
#ifndef SHM_ACCOUNT_H
#define SHM_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/counter.h"
#include "shm/topo.h"

#define ACCOUNT_TERMS 8

/* 'whole' equals the sum of 'part', which ends with COUNTERS. */
struct account {
    enum counter_process owner;
    const char *name, *text;
    enum counter whole;
    enum counter part[ACCOUNT_TERMS];
};
extern const struct account accounts[];
extern const size_t n_accounts;

/* What the writer counted into a ring, and what the reader counted out of it. */
struct account_ring {
    enum topo_ring ring;
    enum counter in[ACCOUNT_TERMS], out[ACCOUNT_TERMS];
};
extern const struct account_ring account_rings[];
extern const size_t n_account_rings;

struct account_look {
    struct counter_snapshot first[COUNTER_PROCESSES], later[COUNTER_PROCESSES];
    bool there[COUNTER_PROCESSES]; /* false: it never ran, and all its counters are 0 */
};

/* Returns 0 or -errno: -ENOENT when it never ran, -EPROTO when the file is damaged or another
 * build's. */
int account_read(const char *run_dir, enum counter_process p, struct counter_snapshot *s);
/* What is missing from the parts; negative: they are too many. */
int64_t account_sum(const struct counter_snapshot *s, const struct account *a);
/* The same for a kind's total and its reasons. */
int64_t account_reasons(const struct counter_snapshot *s, enum counter_process p,
                        enum counter_kind k);
/* Returns 0, or -errno of the process that could not be read; one that never ran is no error. */
int account_look(const char *run_dir, struct account_look *look);
/* Does all of it add up? */
bool account_holds(const struct account_look *look);
uint64_t account_counted_in(const struct account_look *look, const struct account_ring *r);
uint64_t account_counted_out(const struct account_look *look, const struct account_ring *r);
int64_t account_under_way(const struct account_look *look, const struct account_ring *r);
/* Drops for this reason that someone decided and ofproxy has not yet counted as a verdict; never
 * negative, 0 once nothing moves. */
int64_t account_drops_under_way(const struct account_look *look, enum drop why);

#endif
