/* ctl/bench_run.c - sending, receiving, waiting.
 *
 * A turn receives what there is, sends what is due, and if neither was anything sleeps until a
 * frame is due or comes.  What is due: with a window, as many frames as it has room for; at a rate,
 * those whose time has come, however late it is: none is skipped, and its latency counts from its
 * time. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ctl/bench.h"

#define BATCH 2048   /* frames of one turn */
#define NAP_NS 30000 /* what is due sooner is not slept for: waking takes as long */
#define EVENTS 64    /* switches that are heard in one call */
#define TICK_NS 50000000ull

void bench_catch_signals(void)
{
    ctl_catch_signals(0);
    signal(SIGPIPE, SIG_IGN);
}

uint64_t bench_wrong(const struct bench_result *r)
{
    uint64_t n = r->lost + r->unsent;

    for (unsigned i = 1; i < BENCH_FAULTS; i++) {
        n += r->faults[i];
    }
    return n;
}

bool bench_kept_up(const struct bench_result *r)
{
    return r->seconds <= r->asked_s * 1.02 + 0.02;
}

/* ---- receiving ---------------------------------------------------------------------------- */

/* The slice of the load's time in which it is now; the last one takes what comes later. */
static struct bench_slice *slice(struct bench *b)
{
    struct bench_result *r = b->result;
    uint64_t i = r->slice_ns ? (b->now_ns - b->start_ns) / r->slice_ns : 0;

    i = i < BENCH_SLICES ? i : BENCH_SLICES - 1;
    r->slices = i + 1 > r->slices ? (unsigned)i + 1 : r->slices;
    return &r->slice[i];
}

static void count_latencies(struct bench *b)
{
    struct bench_slice *s;

    if (b->n_latencies == 0) {
        return;
    }
    s = slice(b);
    for (unsigned i = 0; i < b->n_latencies; i++) {
        s->sum_ns += b->latencies[i];
        s->max_ns = b->latencies[i] > s->max_ns ? b->latencies[i] : s->max_ns;
    }
    s->frames += b->n_latencies;
    histogram_add(&b->result->latency, b->latencies, b->n_latencies);
    b->n_latencies = 0;
}

static void on_frame(void *context, struct bench_switch *s, const uint8_t *message, size_t len)
{
    struct bench *b = context;
    enum bench_fault fault, order;
    uint64_t seq, latency;

    fault = bench_check(&b->stream[s->number], message, len, &seq);
    if (fault == BENCH_OTHER) {
        const uint8_t *frame;
        size_t frame_len;
        uint32_t port;

        if (bench_frame_of(s->of13, message, len, &frame, &frame_len, &port)) {
            bench_switch_arp(s, port, frame, frame_len);
        }
        b->result->others++;
        return;
    }
    order = flight_back(&b->flight, s->number, seq, b->now_ns, &latency);
    fault = fault == BENCH_GOOD ? order : fault;
    b->result->faults[fault]++;
    if (fault == BENCH_GOOD || fault == BENCH_ORDER) {
        b->latencies[b->n_latencies++] = latency;
        if (b->n_latencies == sizeof b->latencies / sizeof b->latencies[0]) {
            count_latencies(b);
        }
    }
}

/* Receives what one switch has.  Returns as bench_switch_read. */
int bench_receive(struct bench *b, struct bench_switch *s)
{
    int n = bench_switch_read(s, &b->now_ns, on_frame, b, b->why, sizeof b->why);

    count_latencies(b);
    return n;
}

/* ---- sending ------------------------------------------------------------------------------ */

/* Puts one frame of a switch into its buffer.  False: there is no room. */
bool bench_put_frame(struct bench *b, unsigned number, uint64_t when_ns)
{
    struct bench_switch *s = &b->sw[number];
    const struct bench_stream *stream = &b->stream[number];
    uint8_t *to = bench_switch_room(s, bench_message(stream));

    if (!to) {
        return false;
    }
    bench_switch_put(s, bench_fill(stream, to, flight_send(&b->flight, number, when_ns)));
    return true;
}

/* Fills each switch's window. */
static void send_window(struct bench *b, uint64_t now)
{
    unsigned window = bench_window(&b->set), n = 0;

    for (unsigned i = 0; i < b->set.switches; i++) {
        while (b->flight.lane[i].out < window && n < BATCH * b->set.switches &&
               bench_put_frame(b, i, now)) {
            n++;
        }
    }
}

/* When frame 'n' of a load at a rate is due. */
static uint64_t due_ns(const struct bench *b, uint64_t start_ns, uint64_t n)
{
    return start_ns + (uint64_t)((double)n * 1e9 / (double)b->set.rate);
}

static void send_due(struct bench *b, uint64_t start_ns, uint64_t end_ns, uint64_t now)
{
    uint64_t behind[BATCH];
    unsigned n = 0;

    while (n < BATCH) {
        uint64_t when = due_ns(b, start_ns, b->flight.next);

        if (when > now || when >= end_ns || !bench_put_frame(b, b->turn, when)) {
            break;
        }
        behind[n] = now - when;
        b->turn = b->turn + 1 < b->set.switches ? b->turn + 1 : 0;
        n++;
    }
    histogram_add(&b->result->behind, behind, n);
}

int bench_flush(struct bench *b)
{
    for (unsigned i = 0; i < b->set.switches; i++) {
        if (b->sw[i].queued > b->sw[i].sent && !bench_switch_flush(&b->sw[i])) {
            snprintf(b->why, sizeof b->why, "the connection of switch %u ended: %s", i,
                     strerror(errno));
            return -1;
        }
    }
    return 0;
}

/* ---- waiting ------------------------------------------------------------------------------ */

/* Listens for room, too, where a socket was full. */
void bench_watch(struct bench *b, struct bench_switch *s, int op)
{
    struct epoll_event e = {.events = EPOLLIN | (s->blocked ? (uint32_t)EPOLLOUT : 0),
                            .data.ptr = s};

    epoll_ctl(b->poll, op, s->fd, &e);
}

/* Waits until 'until_ns' or until a switch has something, and receives it.  Returns the messages
 * received, or -1. */
int bench_await(struct bench *b, uint64_t now, uint64_t until_ns)
{
    uint64_t ns = until_ns > now ? until_ns - now : 0;
    struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    struct epoll_event e[EVENTS];
    int n, all = 0;
    bool blocked = false;

    if (b->set.wait == BENCH_SPIN || (ns > 0 && ns < NAP_NS)) {
        if (b->set.wait == BENCH_SLEEP) {
            sched_yield();
        }
        t = (struct timespec){0};
    }
    for (unsigned i = 0; i < b->set.switches; i++) {
        if (b->sw[i].blocked) {
            bench_watch(b, &b->sw[i], EPOLL_CTL_MOD);
            blocked = true;
        }
    }
    n = epoll_pwait2(b->poll, e, EVENTS, &t, NULL);
    if (n < 0 && errno == ENOSYS) { /* valgrind's kernel: it waits by the millisecond */
        n = epoll_wait(b->poll, e, EVENTS, (int)(t.tv_sec * 1000 + t.tv_nsec / 1000000));
    }
    for (int i = 0; i < n; i++) {
        struct bench_switch *s = e[i].data.ptr;
        int got = e[i].events & ~(uint32_t)EPOLLOUT ? bench_receive(b, s) : 0;

        if (got < 0) {
            return -1;
        }
        all += got;
    }
    for (unsigned i = 0; blocked && i < b->set.switches; i++) {
        if (b->sw[i].blocked) {
            b->sw[i].blocked = false;
            bench_watch(b, &b->sw[i], EPOLL_CTL_MOD);
        }
    }
    return all;
}

/* Looks at once, and only if there is nothing waits: with one switch that saves a call a turn. */
static int receive_or_wait(struct bench *b, uint64_t now, uint64_t until_ns)
{
    if (b->set.switches == 1) {
        int n = bench_receive(b, &b->sw[0]);

        if (n != 0) {
            return n;
        }
    }
    return bench_await(b, now, until_ns);
}

/* ---- a load ------------------------------------------------------------------------------- */

/* Until when to sleep: the next frame at a rate, a tick, or the end. */
static uint64_t wake_ns(const struct bench *b, uint64_t start_ns, uint64_t end_ns, uint64_t now)
{
    uint64_t until = now + TICK_NS < end_ns || now > end_ns ? now + TICK_NS : end_ns;

    if (bench_timed(&b->set) && due_ns(b, start_ns, b->flight.next) < until) {
        until = due_ns(b, start_ns, b->flight.next);
    }
    return b->set.mode == BENCH_STORM ? bench_storm_wake_ns(b, now, until) : until;
}

/* Receives until nothing is out, or for as long as a frame may take; a ramp, which has found out
 * what it wants to know, does not wait when nothing comes any more. */
int bench_drain(struct bench *b)
{
    uint64_t now = loop_now_ns(), end = now + BENCH_LOST_NS;

    while (b->flight.out > 0 && now < end) {
        if (bench_flush(b) != 0 || receive_or_wait(b, now, now + TICK_NS) < 0) {
            return -1;
        }
        if (b->set.mode == BENCH_RAMP && now - b->now_ns > BENCH_LOST_NS / 10) {
            break;
        }
        now = loop_now_ns();
    }
    flight_give_up(&b->flight, UINT64_MAX);
    return 0;
}

/* Are frames still to be sent whose time came before the end?  As long again is given for them. */
static bool owes(struct bench *b, uint64_t start_ns, uint64_t end_ns, uint64_t now)
{
    bool some = bench_timed(&b->set) && due_ns(b, start_ns, b->flight.next) < end_ns;

    if (some && now > end_ns + (end_ns - start_ns)) {
        b->result->unsent = (uint64_t)((double)(end_ns - start_ns) * (double)b->set.rate / 1e9) +
                            1 - b->flight.next;
        some = false;
    }
    return some;
}

static void send_all(struct bench *b, uint64_t start_ns, uint64_t end_ns, uint64_t now)
{
    if (bench_timed(&b->set)) {
        send_due(b, start_ns, end_ns, now);
    } else {
        send_window(b, now);
    }
    if (b->set.mode == BENCH_STORM) {
        bench_storm_send(b, now);
    }
}

static int load(struct bench *b, uint64_t start_ns, uint64_t end_ns)
{
    uint64_t now = start_ns, tick = start_ns;

    while (!ctl_stopped() && (now < end_ns || owes(b, start_ns, end_ns, now))) {
        send_all(b, start_ns, end_ns, now);
        if (bench_flush(b) != 0 || receive_or_wait(b, now, wake_ns(b, start_ns, end_ns, now)) < 0) {
            return -1;
        }
        now = loop_now_ns();
        if (now - tick > TICK_NS) {
            flight_give_up(&b->flight, now - BENCH_LOST_NS);
            bench_progress(b, now);
            tick = now;
        }
    }
    return 0;
}

/* A load of its own: frames of the last one are not taken for its. */
void bench_begin(struct bench *b, struct bench_result *r)
{
    memset(r, 0, sizeof *r);
    b->result = r;
    b->run++;
    b->now_ns = b->start_ns = loop_now_ns();
    flight_reset(&b->flight);
    for (unsigned i = 0; i < b->set.switches; i++) {
        bench_stream_id(&b->stream[i], b->run << 8 | i);
    }
}

static void note_cpu(struct bench_result *r, const struct bench_cpu *before,
                     const struct bench_cpu *after)
{
    r->cpu = (after->self - before->self) / r->seconds;
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        bool known = before->stack[p] >= 0 && after->stack[p] >= before->stack[p];

        r->stack_cpu[p] = known ? (after->stack[p] - before->stack[p]) / r->seconds : -1;
    }
}

int bench_measure(struct bench *b, struct bench_result *r, double seconds)
{
    struct bench_cpu before, after;

    bench_begin(b, r);
    r->asked_s = seconds;
    r->slice_ns = (uint64_t)(seconds * 1e9 / (BENCH_SLICES - 1));
    r->slice_ns = r->slice_ns > TICK_NS ? r->slice_ns : TICK_NS;
    bench_cpu_take(b->c, &before);
    b->now_ns = b->start_ns = loop_now_ns();
    if (load(b, b->start_ns, b->start_ns + (uint64_t)(seconds * 1e9)) != 0 || bench_drain(b) != 0) {
        return -1;
    }
    bench_cpu_take(b->c, &after);
    r->seconds = (double)(b->now_ns - b->start_ns) / 1e9;
    r->seconds = r->seconds > 0 ? r->seconds : 1e-9;
    note_cpu(r, &before, &after);
    r->sent = b->flight.next;
    r->lost = b->flight.lost;
    r->late = b->flight.late;
    r->good = r->faults[BENCH_GOOD];
    return 0;
}
