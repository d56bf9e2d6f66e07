/* shm/wait.c - sleep, or while frame follows on frame look on for a bounded time before. */
#include "shm/wait.h"

#include <assert.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define LOOK_EVERY 8     /* busy turns between two looks at descriptors and timers */
#define NET_MS 250       /* longest sleep: a net under a producer killed between publish and bell */
#define SLICE_NS 1000000 /* a yield of more went to somebody who computes */
#define CROWDED_NS 70000000 /* for so long nothing is yielded then: longer than TRIAL_EVERY_NS */
#define KNOWN_NS 1000000000 /* for so long after the last frame it counts where the switch was */
#define SPIN_NS 4000        /* between two yields where nobody wants the core */
#define LOOK_NS 8000        /* between two looks at descriptors while lingering */
#define PAID_OPEN 3         /* so much must speak for the window */
#define PAID_MOST 64        /* and cannot speak louder */
#define BULK 8              /* so many frames after each wait are many at once */
#define LOUDEST 8           /* windows: how loud one wait can be */
#define TRIAL_EVERY_NS 65536000 /* so often it is tried ... */
#define TRIAL_NS 1000000        /* ... for so long */
#define BELL_EVENTS (EPOLLIN | EPOLLET)
#define DRAIN_EVERY 1024 /* bells */
#define IDLE_BELLS 64    /* in a row: no honest neighbour rings so often for nothing */
#define DEAF_MS 1
#define BLOCKED_MS 1 /* how long a full way out is left alone */

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    sched_yield();
#endif
}

bool wait_policy_parse(const char *word, enum wait_policy *policy)
{
    static const char *const names[] = {"auto", "yield", "poll", "sleep"};

    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(word, names[i]) == 0) {
            *policy = (enum wait_policy)i;
            return true;
        }
    }
    return false;
}

/* Heard by its edge, and the FIFO drained now and then: what is in it does not matter, each write
 * is an event, also one that finds it full (bell_ring). */
static void on_bell(struct loop_fd *self, uint32_t events)
{
    struct waiter *w = (struct waiter *)(void *)((char *)self - offsetof(struct waiter, bell_fd));

    (void)events;
    w->rung = true;
    if (++w->rings_heard % DRAIN_EVERY == 0) {
        bell_drain(w->bell);
    }
}

/* What a yield costs that gives the core to nobody. */
static uint64_t cheapest_yield(void)
{
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < 16; i++) {
        uint64_t start = loop_now_ns(), took;

        sched_yield();
        took = loop_now_ns() - start;
        least = took < least ? took : least;
    }
    return least;
}

int wait_open(struct waiter *w, struct loop *loop, enum wait_policy policy, uint64_t window_us,
              const struct bell *own)
{
    *w = (struct waiter){.loop = loop, .bell = own, .policy = policy, .near_fd = -1, .cpu = -1};
    w->window_ns = window_us * 1000;
    affinity_open(&w->affinity);
    if (policy == WAIT_AUTO) {
        /* spin only where each of the three processes and its peers can have a core */
        w->policy = sysconf(_SC_NPROCESSORS_ONLN) >= 6 ? WAIT_POLL : WAIT_YIELD;
    }
    if (w->policy == WAIT_YIELD) {
        w->yield_ns = cheapest_yield();
    }
    w->bell_fd = (struct loop_fd){.fd = own->fd, .ready = on_bell};
    return loop_add(loop, &w->bell_fd, BELL_EVENTS);
}

void wait_ring(struct waiter *w, struct ring_rx *rx)
{
    assert(w->n_rings < sizeof w->rings / sizeof w->rings[0]);
    w->rings[w->n_rings++] = rx;
}

static bool something(const struct waiter *w)
{
    for (unsigned i = 0; i < w->n_rings; i++) {
        if (!ring_rx_empty(w->rings[i])) {
            return true;
        }
    }
    return false;
}

/* Yields.  One that cost a whole time slice is the last one for a while.  Returns the time. */
static uint64_t yield(struct waiter *w, uint64_t now)
{
    uint64_t after;

    sched_yield();
    after = loop_now_ns();
    w->alone = after - now < 2 * w->yield_ns;
    if (after - now > SLICE_NS) {
        w->crowded_ns = after + CROWDED_NS;
    }
    return after;
}

/* Looks for work without sleeping, for the window.  True if some came.  Where a yield gave the core
 * to somebody, it is given again at once: that may be who has our work in hand.  Where nobody wants
 * it, a look is all that a moment takes, and no system call. */
static bool linger(struct waiter *w, uint64_t now)
{
    uint64_t end = w->edge ? now + w->window_ns : w->told_until_ns, looked = now, yielded = 0;

    do {
        if (w->policy == WAIT_YIELD && now - yielded >= (w->alone ? SPIN_NS : 0)) {
            yielded = now = yield(w, now);
        } else {
            relax();
            now = loop_now_ns();
        }
        if (something(w)) {
            return true;
        }
        if (now - looked >= LOOK_NS || (w->edge && !w->alone)) {
            if (loop_poll(w->loop, 0) > 0) {
                return true;
            }
            looked = now = w->loop->now_ns;
        }
    } while (now < end && now >= w->crowded_ns && loop_running(w->loop));
    return false;
}

/* Work came 'waited' after the last.  A long wait speaks louder than a short one, the louder the
 * longer: a process whose waits are short and long by turns (for the answer, for the next frame)
 * shall sleep. */
static void learn(struct waiter *w, uint64_t waited)
{
    uint64_t windows = w->window_ns > 0 ? waited / w->window_ns : LOUDEST;
    unsigned against = 2 * (unsigned)(windows < LOUDEST ? windows : LOUDEST);

    if (windows == 0) {
        w->paid += w->paid < PAID_MOST;
    } else {
        w->paid = w->paid > against ? w->paid - against : 0;
    }
}

/* The edge is without work.  A wait that has become as loud as one can be counts before it ends. */
static void keep_score(struct waiter *w, uint64_t now)
{
    if (!w->edge) {
        return;
    }
    if (w->since_ns == 0) {
        w->since_ns = now;
    } else if (now - w->since_ns > LOUDEST * w->window_ns) {
        learn(w, now - w->since_ns);
        w->since_ns = now;
    }
}

/* The edge looks where the switch is, and how its frames come. */
static void look_around(struct waiter *w, uint64_t now)
{
    if (w->looked == now / TRIAL_EVERY_NS) {
        return;
    }
    w->looked = now / TRIAL_EVERY_NS;
    affinity_look(&w->affinity);
    w->cpu = affinity_incoming(w->near_fd);
    w->bulk = w->frames > BULK * w->waits;
    if (w->frames > 0) {
        w->known_until_ns = now + KNOWN_NS;
    }
    w->frames = w->waits = 0;
}

/* Asleep, all stand where the switch is, so that nobody wakes another core; but where many frames
 * come at once, both cores are worth more than what that costs.  Who does not sleep takes no turns
 * on a core with a neighbour: the edge is where the switch is, the others are on the other core.
 * -1: the kernel shall choose. */
static int best_place(struct waiter *w, bool on, uint64_t now)
{
    int at;

    if (w->edge) {
        look_around(w, now);
    }
    at = affinity_index(&w->affinity, w->cpu);
    if (now < w->crowded_ns || (!on && (w->bulk || now >= w->known_until_ns))) {
        return -1;
    }
    if (on && w->edge) {
        return at < 0 ? 0 : at;
    }
    return on && at >= 0 ? 1 - at : at;
}

/* Is it better not to sleep?  How long the waits are depends on that.  So the process at the edge
 * tries now and then how it is without, with all whom its frames pass, and goes on while it pays.
 */
static bool hot(struct waiter *w, uint64_t now)
{
    bool on =
        w->edge ? w->paid >= PAID_OPEN || now % TRIAL_EVERY_NS < TRIAL_NS : now < w->told_until_ns;

    on = on && w->policy != WAIT_SLEEP && now >= w->crowded_ns;
    if (w->policy == WAIT_YIELD) {
        affinity_take(&w->affinity, best_place(w, on, now));
    }
    w->hot = on;
    return on;
}

unsigned wait_flags(const struct waiter *w)
{
    int cpu = affinity_cpu(&w->affinity);

    return (w->hot ? RECORD_SOON : 0u) | (cpu < RECORD_CPUS ? RECORD_CPU(cpu) : 0u);
}

void wait_told(struct waiter *w, unsigned flags)
{
    w->heard = true;
    w->told |= (flags & RECORD_SOON) != 0;
    w->cpu = RECORD_CPU_OF(flags);
}

void wait_blocked(struct waiter *w)
{
    w->blocked_ms = BLOCKED_MS;
}

void wait_stuck(struct waiter *w)
{
    if (w->blocked_ms == 0) {
        w->blocked_ms = NET_MS;
    }
}

static void sleep_most(struct waiter *w, int ms)
{
    if (w->before_sleep) {
        w->before_sleep(w->context);
    }
    loop_poll(w->loop, ms);
    if (w->after_sleep) {
        w->after_sleep(w->context);
    }
}

/* Leaves a full way out alone for a moment; descriptors are looked at meanwhile. */
static void sleep_blocked(struct waiter *w)
{
    int ms = w->blocked_ms;

    w->blocked_ms = 0;
    sleep_most(w, ms);
}

static void sleep_now(struct waiter *w)
{
    bool busy = false;

    for (unsigned i = 0; i < w->n_rings; i++) {
        busy |= ring_rx_arm(w->rings[i]);
    }
    if (busy) {
        loop_poll(w->loop, 0);
    } else {
        w->sleeps++;
        sleep_most(w, NET_MS);
    }
}

/* A neighbour out of its mind rings for nothing: it gets a hearing once in a while. */
static void cover_ears(struct waiter *w)
{
    loop_set(w->loop, &w->bell_fd, 0);
    w->blocked_ms = DEAF_MS;
    sleep_blocked(w);
    bell_drain(w->bell); /* else the next line makes a bell of what is old */
    loop_set(w->loop, &w->bell_fd, BELL_EVENTS);
}

void wait_turn(struct waiter *w, unsigned work)
{
    uint64_t now;

    w->idle = work > 0 ? 0 : w->idle + w->rung;
    w->rung = false;
    if (work > 0) {
        w->blocked_ms = 0;
        w->frames += work;
        w->waits += w->waited;
        w->waited = false;
        if (w->since_ns > 0) {
            learn(w, loop_now_ns() - w->since_ns);
            w->since_ns = 0;
        }
        if (++w->turns % LOOK_EVERY == 0) {
            loop_poll(w->loop, 0);
        }
        return;
    }
    w->waited = true;
    if (w->idle > IDLE_BELLS) {
        cover_ears(w);
        return;
    }
    if (w->blocked_ms > 0) {
        sleep_blocked(w);
        return;
    }
    now = loop_now_ns();
    if (w->heard) {
        w->known_until_ns = now + KNOWN_NS;
        w->told_until_ns = w->told ? now + 4 * w->window_ns : w->told_until_ns;
        w->heard = w->told = false;
    }
    if (hot(w, now)) {
        keep_score(w, now);
        if (linger(w, now)) {
            return;
        }
        hot(w, loop_now_ns()); /* it may be time to stand where sleepers stand */
    }
    sleep_now(w);
}
