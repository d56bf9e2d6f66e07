/* shm/wait.h - what a process does between two turns of its loop.
 *
 *     wait_open(&w, &loop, policy, window_us, &topo.bell[topo.me]);
 *     w.edge = true;                          at the edge: its records bear wait_flags(&w), and
 *     w.near_fd = fd;                         this says by which socket the last one came
 *     wait_ring(&w, &rx);                     each ring that it reads
 *     while (loop_running(&loop)) {
 *         unsigned work = up(&b) + down(&b);  elsewhere: wait_told(&w, r.flags) for each record
 *         wait_turn(&w, work);
 *     }
 *
 * Boards need no place here: board_publish always rings the doorbell.
 *
 * After a turn with work: looks at descriptors and timers every few turns without sleeping.  After
 * a turn without: says on each ring that it is about to sleep, looks once more, and sleeps in epoll
 * until a doorbell, descriptor or timer.  While frame follows on frame (hot) it first looks on for
 * a window, and yields or polls meanwhile.  Whether that pays, the process at the edge finds out;
 * it tells the others by RECORD_SOON in its records.
 *
 * A doorbell that is rung on and on for nothing is heard once a millisecond.  Where others want the
 * core for themselves it is not yielded (docs/decisions/waiting.md). */
#ifndef SHM_WAIT_H
#define SHM_WAIT_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/loop.h"
#include "shm/affinity.h"
#include "shm/bell.h"
#include "shm/ring.h"

enum wait_policy { WAIT_AUTO, WAIT_YIELD, WAIT_POLL, WAIT_SLEEP };

struct waiter {
    struct loop *loop;
    struct loop_fd bell_fd;
    const struct bell *bell;
    enum wait_policy policy;
    uint64_t window_ns;
    uint64_t yield_ns; /* what a yield costs at least */
    uint64_t told_until_ns;
    bool heard, told;  /* since the last wait: of the edge, and not to sleep */
    unsigned paid;     /* how much the last waits speak for not sleeping */
    uint64_t since_ns; /* since when it is without work, when it was hot then; else 0 */
    bool hot;          /* it does not sleep, for the window */
    bool alone;        /* the last yield gave the core to nobody */
    bool edge;         /* most of its work comes by descriptors */
    int near_fd;       /* of the edge: the socket that its last frame came by; -1: none */
    int cpu;           /* of the edge: where the switch is; else where the edge is; -1: not known */
    struct affinity affinity;
    uint64_t known_until_ns; /* 'cpu' counts no longer, when one sleeps */
    uint64_t frames, waits;  /* since 'looked' */
    bool waited;             /* since the last frame */
    bool bulk;               /* many frames came after each wait */
    uint64_t looked;         /* when the edge last looked around, in TRIAL_EVERY_NS */
    uint64_t crowded_ns;     /* until when nothing is yielded */
    struct ring_rx *rings[8];
    unsigned n_rings, turns, rings_heard;
    /* e.g. rcu_thread_offline and _online; the loop's functions are called between the two */
    void (*before_sleep)(void *context);
    void (*after_sleep)(void *context);
    void *context;
    uint64_t sleeps;
    int blocked_ms; /* how long to leave a way out alone; 0: it is free */
    bool rung;      /* since the last turn */
    unsigned idle;  /* turns in a row that a doorbell caused and that had nothing to do */
};

/* "auto", "yield", "poll", "sleep"; false for any other word. */
bool wait_policy_parse(const char *word, enum wait_policy *policy);
int wait_open(struct waiter *w, struct loop *loop, enum wait_policy policy, uint64_t window_us,
              const struct bell *own);
void wait_ring(struct waiter *w, struct ring_rx *rx);
/* Called in a turn that left a frame where it was because its way out is full: the next wait_turn
 * without work sleeps a millisecond at most, and does not take the waiting frame for work. */
void wait_blocked(struct waiter *w);
/* The same when its way out is a neighbour's that is detached (lane.h): until a doorbell rings. */
void wait_stuck(struct waiter *w);
/* What the edge process says to the others in a record's flags: whether to sleep, and where it is.
 */
unsigned wait_flags(const struct waiter *w);
/* A record's flags came: when they say RECORD_SOON, this one does not sleep either, for a while;
 * and it stands accordingly at its next wait. */
void wait_told(struct waiter *w, unsigned flags);
/* 'work': frames handled in this turn.  Returns after descriptors and timers that were due had
 * their functions called. */
void wait_turn(struct waiter *w, unsigned work);

#endif
