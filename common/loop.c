/* common/loop.c - epoll, a sorted list of timers, a signalfd. */
#include "common/loop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t loop_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t loop_real_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

int loop_open(struct loop *l)
{
    *l = (struct loop){.signals = {.fd = -1}};
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->now_ns = loop_now_ns();
    return l->epoll < 0 ? -errno : 0;
}

void loop_close(struct loop *l)
{
    if (l->signals.fd >= 0) {
        close(l->signals.fd);
    }
    close(l->epoll);
}

static void on_signal(struct loop_fd *self, uint32_t events)
{
    struct loop *l = (struct loop *)(void *)((char *)self - offsetof(struct loop, signals));
    struct signalfd_siginfo info;

    (void)events;
    if (read(self->fd, &info, sizeof info) > 0) {
        l->stop = true;
    }
}

static void block(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigprocmask(SIG_BLOCK, set, NULL);
}

void loop_hold_signals(void)
{
    sigset_t set;

    block(&set);
}

int loop_catch_signals(struct loop *l)
{
    sigset_t set;

    block(&set);
    signal(SIGPIPE, SIG_IGN);
    l->signals.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (l->signals.fd < 0) {
        return -errno;
    }
    l->signals.ready = on_signal;
    return loop_add(l, &l->signals, EPOLLIN);
}

int loop_add(struct loop *l, struct loop_fd *f, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = f};

    f->events = events;
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, f->fd, &e) == 0 ? 0 : -errno;
}

int loop_set(struct loop *l, struct loop_fd *f, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = f};

    if (f->events == events) {
        return 0;
    }
    f->events = events;
    return epoll_ctl(l->epoll, EPOLL_CTL_MOD, f->fd, &e) == 0 ? 0 : -errno;
}

void loop_remove(struct loop *l, struct loop_fd *f)
{
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, f->fd, NULL);
    for (int i = l->at; i < l->n_batch; i++) {
        if (l->batch[i].data.ptr == f) {
            l->batch[i].data.ptr = NULL; /* its owner may be gone before its turn comes */
        }
    }
}

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
    if (t->due_ns == 0) {
        return;
    }
    t->due_ns = 0;
    for (struct loop_timer **at = &l->timers; *at; at = &(*at)->next) {
        if (*at == t) {
            *at = t->next;
            return;
        }
    }
}

void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t after_ms)
{
    struct loop_timer **at = &l->timers;

    loop_timer_cancel(l, t);
    t->due_ns = loop_now_ns() + after_ms * 1000000u;
    while (*at && (*at)->due_ns <= t->due_ns) {
        at = &(*at)->next;
    }
    t->next = *at;
    *at = t;
}

static unsigned run_timers(struct loop *l)
{
    unsigned n = 0;

    while (l->timers && l->timers->due_ns <= l->now_ns) {
        struct loop_timer *t = l->timers;

        l->timers = t->next;
        t->due_ns = 0;
        t->fire(t);
        n++;
    }
    return n;
}

/* Rounded up, so that a timer is due when the wait ends. */
static int until_timer(const struct loop *l, int timeout_ms)
{
    uint64_t now = loop_now_ns(), ms;

    if (!l->timers) {
        return timeout_ms;
    }
    ms = l->timers->due_ns <= now ? 0 : (l->timers->due_ns - now + 999999) / 1000000;
    if (ms > INT_MAX) {
        ms = INT_MAX;
    }
    return timeout_ms < 0 || (int)ms < timeout_ms ? (int)ms : timeout_ms;
}

unsigned loop_poll(struct loop *l, int timeout_ms)
{
    unsigned called = 0;
    int n = epoll_wait(l->epoll, l->batch, LOOP_EVENTS,
                       timeout_ms == 0 ? 0 : until_timer(l, timeout_ms));

    l->now_ns = loop_now_ns();
    l->n_batch = n < 0 ? 0 : n;
    for (l->at = 0; l->at < l->n_batch;) {
        struct epoll_event *e = &l->batch[l->at++];
        struct loop_fd *f = e->data.ptr;

        if (f) {
            f->ready(f, e->events);
            called++;
        }
    }
    l->n_batch = 0;
    return called + run_timers(l);
}

void loop_stop(struct loop *l)
{
    l->stop = true;
}
