/* common/loop.h - one epoll loop a process (or a thread): descriptors, timers, SIGTERM.
 *
 *     loop_open(&l);
 *     loop_catch_signals(&l);            main thread only
 *     loop_add(&l, &conn->fd, EPOLLIN);  conn->fd.fd and .ready set before
 *     while (loop_running(&l)) loop_poll(&l, timeout_ms);
 *     loop_close(&l);
 *
 * struct loop_fd and struct loop_timer live inside their owner; nothing here allocates.  A ready
 * function may remove and free any loop_fd, its own included, if it calls loop_remove first. */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop_fd {
    int fd;
    void (*ready)(struct loop_fd *self, uint32_t events); /* EPOLLIN | EPOLLOUT | ... */
    uint32_t events;                                      /* what loop_add or loop_set asked for */
};

struct loop_timer {
    uint64_t due_ns; /* CLOCK_MONOTONIC; 0: not set */
    void (*fire)(struct loop_timer *self);
    struct loop_timer *next; /* the loop's list, soonest first */
};

#define LOOP_EVENTS 64

struct loop {
    int epoll;
    bool stop;
    struct loop_fd signals;
    struct loop_timer *timers;
    struct epoll_event batch[LOOP_EVENTS];
    int n_batch, at; /* events of the running loop_poll; loop_remove clears what is left of one */
    uint64_t now_ns; /* CLOCK_MONOTONIC, read once for each loop_poll */
};

/* Returns 0 or -errno. */
int loop_open(struct loop *l);
void loop_close(struct loop *l);
/* First in main: SIGTERM and SIGINT wait until loop_catch_signals, so that a process that is told
 * to stop while it starts stops in order, too. */
void loop_hold_signals(void);
/* SIGTERM and SIGINT stop the loop, SIGPIPE is ignored.  Blocks them for threads started later. */
int loop_catch_signals(struct loop *l);
int loop_add(struct loop *l, struct loop_fd *f, uint32_t events);
/* Changes the events; no system call when they are the same already. */
int loop_set(struct loop *l, struct loop_fd *f, uint32_t events);
/* Forgets 'f'; does not close the descriptor. */
void loop_remove(struct loop *l, struct loop_fd *f);
/* (Re)starts a timer, to fire once, 'after_ms' from now. */
void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t after_ms);
void loop_timer_cancel(struct loop *l, struct loop_timer *t);
/* Waits at most 'timeout_ms' (-1: until something happens; never past the first timer), then calls
 * every ready function and timer that is due.  Returns how many it called. */
unsigned loop_poll(struct loop *l, int timeout_ms);
static inline bool loop_running(const struct loop *l)
{
    return !l->stop;
}
void loop_stop(struct loop *l);
/* CLOCK_MONOTONIC, and CLOCK_REALTIME. */
uint64_t loop_now_ns(void);
static inline uint64_t loop_now_ms(void)
{
    return loop_now_ns() / 1000000;
}
uint64_t loop_real_ns(void);

#endif
