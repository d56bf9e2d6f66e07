/* shm/wait.c - yield for a bounded time that adapts, then sleep. */
#include "shm/wait.h"

#include <assert.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define LOOK_EVERY 8 /* busy turns between two looks at descriptors and timers */
#define NET_MS 250   /* longest sleep: a net under a producer killed between publish and bell */
#define WINDOW_MIN_NS 500
#define SLICE_NS 1000000    /* a yield of more went to somebody who computes */
#define CROWDED_NS 50000000 /* for so long nothing is yielded then */
#define IDLE_BELLS 64       /* in a row: no honest neighbour rings so often for nothing */
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

/* The doorbell is drained before the rings are looked at, never after. */
static void on_bell(struct loop_fd *self, uint32_t events)
{
    struct waiter *w = (struct waiter *)(void *)((char *)self - offsetof(struct waiter, bell_fd));

    (void)events;
    w->rung = true;
    bell_drain(w->bell);
}

int wait_open(struct waiter *w, struct loop *loop, enum wait_policy policy, uint64_t window_us,
              const struct bell *own)
{
    *w = (struct waiter){.loop = loop, .bell = own, .policy = policy};
    w->window_max_ns = window_us * 1000;
    w->window_ns = w->window_max_ns;
    if (policy == WAIT_AUTO) {
        /* spin only where each of the three processes and its peers can have a core */
        w->policy = sysconf(_SC_NPROCESSORS_ONLN) >= 6 ? WAIT_POLL : WAIT_YIELD;
    }
    w->bell_fd = (struct loop_fd){.fd = own->fd, .ready = on_bell};
    return loop_add(loop, &w->bell_fd, EPOLLIN);
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

/* Yields; a yield that cost a whole time slice is the last one for a while. */
static void yield(struct waiter *w, uint64_t now)
{
    uint64_t after;

    sched_yield();
    after = loop_now_ns();
    if (after - now > SLICE_NS) {
        w->crowded_ns = after + CROWDED_NS;
    }
}

/* Looks for work without sleeping, for the window.  True if some came. */
static bool linger(struct waiter *w)
{
    uint64_t now = loop_now_ns(), end = now + w->window_ns;

    if (w->policy == WAIT_SLEEP || w->window_ns < WINDOW_MIN_NS || now < w->crowded_ns) {
        return false;
    }
    do {
        if (w->policy == WAIT_YIELD) {
            yield(w, now);
        } else {
            relax();
        }
        if (something(w) || loop_poll(w->loop, 0) > 0) {
            return true;
        }
        now = loop_now_ns();
    } while (now < end && loop_running(w->loop));
    return false;
}

/* A window that pays grows, one that does not shrinks to nothing; after a sleep that was short, it
 * is tried again. */
static void adapt(struct waiter *w, bool paid)
{
    if (paid) {
        w->window_ns = w->window_ns < WINDOW_MIN_NS ? WINDOW_MIN_NS : w->window_ns * 2;
        if (w->window_ns > w->window_max_ns) {
            w->window_ns = w->window_max_ns;
        }
    } else {
        w->window_ns /= 2;
    }
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

/* Leaves a full way out alone for a moment; descriptors are looked at meanwhile. */
static void sleep_blocked(struct waiter *w)
{
    int ms = w->blocked_ms;

    w->blocked_ms = 0;
    if (w->before_sleep) {
        w->before_sleep(w->context);
    }
    loop_poll(w->loop, ms);
    if (w->after_sleep) {
        w->after_sleep(w->context);
    }
}

static void sleep_now(struct waiter *w)
{
    uint64_t slept = loop_now_ns();
    bool busy = false;

    for (unsigned i = 0; i < w->n_rings; i++) {
        busy |= ring_rx_arm(w->rings[i]);
    }
    if (busy) {
        loop_poll(w->loop, 0);
        return;
    }
    w->sleeps++;
    if (w->before_sleep) {
        w->before_sleep(w->context);
    }
    loop_poll(w->loop, NET_MS);
    if (w->after_sleep) {
        w->after_sleep(w->context);
    }
    slept = w->loop->now_ns - slept;
    if (slept < w->window_max_ns * 2) {
        w->window_ns = w->window_max_ns; /* work came soon after: the window would have paid */
    }
}

/* A neighbour out of its mind rings for nothing: it gets a hearing once in a while. */
static void cover_ears(struct waiter *w)
{
    loop_set(w->loop, &w->bell_fd, 0);
    w->blocked_ms = DEAF_MS;
    sleep_blocked(w);
    loop_set(w->loop, &w->bell_fd, EPOLLIN);
}

void wait_turn(struct waiter *w, unsigned work)
{
    w->idle = work > 0 ? 0 : w->idle + w->rung;
    w->rung = false;
    if (work > 0) {
        w->blocked_ms = 0;
        if (++w->turns % LOOK_EVERY == 0) {
            loop_poll(w->loop, 0);
        }
        return;
    }
    if (w->idle > IDLE_BELLS) {
        cover_ears(w);
        return;
    }
    if (w->blocked_ms > 0) {
        sleep_blocked(w);
        return;
    }
    if (w->window_ns >= WINDOW_MIN_NS && w->policy != WAIT_SLEEP) {
        bool paid = linger(w);

        adapt(w, paid);
        if (paid) {
            return;
        }
    }
    sleep_now(w);
}
