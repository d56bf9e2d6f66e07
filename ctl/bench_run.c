/* ctl/bench_run.c - sending, receiving, waiting.
 *
 * A turn receives what there is, sends what is due, and if neither was anything sleeps until a
 * frame is due or comes.  What is due: with a window, as many frames as it has room for; at a rate,
 * those whose time has come, however late it is: none is skipped, and its latency counts from its
 * time. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "ctl/bench.h"

#define BATCH 2048              /* frames of one turn */
#define NAP_NS 30000            /* what is due sooner is not slept for: waking takes as long */
#define PROBE_NS 20000000ull    /* between two frames that ask whether the way is open */
#define FOREIGN_NS 100000000ull /* a controller that has asked for nothing more is ready */
#define TICK_NS 50000000ull

uint64_t bench_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t bench_wrong(const struct bench_result *r)
{
    uint64_t n = r->lost + r->unsent;

    for (unsigned i = 1; i < BENCH_FAULTS; i++) {
        n += r->faults[i];
    }
    return n;
}

/* ---- receiving ---------------------------------------------------------------------------- */

static void count_latencies(struct bench *b)
{
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
static int receive(struct bench *b, struct bench_switch *s)
{
    int n = bench_switch_read(s, &b->now_ns, on_frame, b, b->why, sizeof b->why);

    count_latencies(b);
    return n;
}

/* ---- sending ------------------------------------------------------------------------------ */

/* Puts one frame of a switch into its buffer.  False: there is no room. */
static bool put_frame(struct bench *b, unsigned number, uint64_t when_ns)
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
static unsigned send_window(struct bench *b, unsigned window, uint64_t now)
{
    unsigned n = 0;

    for (unsigned i = 0; i < b->set.switches; i++) {
        while (b->flight.lane[i].out < window && n < BATCH * b->set.switches &&
               put_frame(b, i, now)) {
            n++;
        }
    }
    return n;
}

/* When frame 'n' of a load at a rate is due. */
static uint64_t due_ns(const struct bench *b, uint64_t start_ns, uint64_t n)
{
    return start_ns + (uint64_t)((double)n * 1e9 / (double)b->set.rate);
}

static unsigned send_due(struct bench *b, uint64_t start_ns, uint64_t end_ns, uint64_t now)
{
    unsigned n = 0;

    while (n < BATCH) {
        uint64_t when = due_ns(b, start_ns, b->flight.next);

        if (when > now || when >= end_ns || !put_frame(b, b->turn, when)) {
            break;
        }
        b->result->behind_ns =
            now - when > b->result->behind_ns ? now - when : b->result->behind_ns;
        b->turn = b->turn + 1 < b->set.switches ? b->turn + 1 : 0;
        n++;
    }
    return n;
}

static int flush(struct bench *b)
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
static void watch(struct bench *b, struct bench_switch *s, int op)
{
    struct epoll_event e = {.events = EPOLLIN | (s->blocked ? (uint32_t)EPOLLOUT : 0),
                            .data.ptr = s};

    epoll_ctl(b->poll, op, s->fd, &e);
}

/* Waits until 'until_ns' or until a switch has something, and receives it.  Returns the messages
 * received, or -1. */
static int await(struct bench *b, uint64_t now, uint64_t until_ns)
{
    uint64_t ns = until_ns > now ? until_ns - now : 0;
    struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    struct epoll_event e[64];
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
            watch(b, &b->sw[i], EPOLL_CTL_MOD);
            blocked = true;
        }
    }
    n = epoll_pwait2(b->poll, e, sizeof e / sizeof e[0], &t, NULL);
    for (int i = 0; i < n; i++) {
        struct bench_switch *s = e[i].data.ptr;
        int got = e[i].events & ~(uint32_t)EPOLLOUT ? receive(b, s) : 0;

        if (got < 0) {
            return -1;
        }
        all += got;
    }
    for (unsigned i = 0; blocked && i < b->set.switches; i++) {
        if (b->sw[i].blocked) {
            b->sw[i].blocked = false;
            watch(b, &b->sw[i], EPOLL_CTL_MOD);
        }
    }
    return all;
}

/* Looks at once, and only if there is nothing waits: with one switch that saves a call a turn. */
static int receive_or_wait(struct bench *b, uint64_t now, uint64_t until_ns)
{
    if (b->set.switches == 1) {
        int n = receive(b, &b->sw[0]);

        if (n != 0) {
            return n;
        }
    }
    return await(b, now, until_ns);
}

/* ---- a load ------------------------------------------------------------------------------- */

/* Until when to sleep: the next frame at a rate, a tick, or the end. */
static uint64_t wake_ns(const struct bench *b, uint64_t start_ns, uint64_t end_ns, uint64_t now)
{
    uint64_t until = now + TICK_NS < end_ns || now > end_ns ? now + TICK_NS : end_ns;

    if (b->set.mode == BENCH_RATE && due_ns(b, start_ns, b->flight.next) < until) {
        until = due_ns(b, start_ns, b->flight.next);
    }
    return until;
}

/* Receives until nothing is out, or for as long as a frame may take. */
static int drain(struct bench *b)
{
    uint64_t now = bench_now_ns(), end = now + BENCH_LOST_NS;

    while (b->flight.out > 0 && now < end) {
        if (flush(b) != 0 || receive_or_wait(b, now, now + TICK_NS) < 0) {
            return -1;
        }
        now = bench_now_ns();
    }
    flight_give_up(&b->flight, UINT64_MAX);
    return 0;
}

/* Are frames still to be sent whose time came before the end?  As long again is given for them. */
static bool owes(struct bench *b, uint64_t start_ns, uint64_t end_ns, uint64_t now)
{
    bool some = b->set.mode == BENCH_RATE && due_ns(b, start_ns, b->flight.next) < end_ns;

    if (some && now > end_ns + (end_ns - start_ns)) {
        b->result->unsent = (uint64_t)((double)(end_ns - start_ns) * (double)b->set.rate / 1e9) +
                            1 - b->flight.next;
        some = false;
    }
    return some;
}

static int load(struct bench *b, uint64_t start_ns, uint64_t end_ns)
{
    uint64_t now = start_ns, tick = start_ns;

    while (now < end_ns || owes(b, start_ns, end_ns, now)) {
        if (b->set.mode == BENCH_RATE) {
            send_due(b, start_ns, end_ns, now);
        } else {
            send_window(b, b->set.mode == BENCH_WINDOW ? b->set.window : 1, now);
        }
        if (flush(b) != 0 || receive_or_wait(b, now, wake_ns(b, start_ns, end_ns, now)) < 0) {
            return -1;
        }
        now = bench_now_ns();
        if (now - tick > TICK_NS) {
            flight_give_up(&b->flight, now - BENCH_LOST_NS);
            tick = now;
        }
    }
    return 0;
}

static double cpu_s(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* A load of its own: frames of the last one are not taken for its. */
static void begin(struct bench *b, struct bench_result *r)
{
    memset(r, 0, sizeof *r);
    b->result = r;
    b->run++;
    flight_reset(&b->flight);
    for (unsigned i = 0; i < b->set.switches; i++) {
        bench_stream_id(&b->stream[i], b->run << 8 | i);
    }
}

int bench_measure(struct bench *b, struct bench_result *r, double seconds)
{
    uint64_t start;
    double cpu;

    begin(b, r);
    cpu = cpu_s();
    start = bench_now_ns();
    b->now_ns = start;
    if (load(b, start, start + (uint64_t)(seconds * 1e9)) != 0 || drain(b) != 0) {
        return -1;
    }
    r->seconds = (double)(b->now_ns - start) / 1e9;
    r->cpu_s = cpu_s() - cpu;
    r->sent = b->flight.next;
    r->lost = b->flight.lost;
    r->late = b->flight.late;
    r->good = r->faults[BENCH_GOOD];
    return 0;
}

/* ---- connecting --------------------------------------------------------------------------- */

static void shape(const struct bench *b, unsigned number, struct bench_shape *h)
{
    const struct bench_switch *s = &b->sw[number];

    *h = (struct bench_shape){.of13 = b->set.of13,
                              .same = b->set.same,
                              .size = b->set.size,
                              .in_port = 3,
                              .port = b->set.same ? 0 : 1,
                              .src = b->set.src,
                              .dst = b->set.dst,
                              .destinations = b->set.destinations};
    bench_switch_host_mac(s, 3, h->host_mac);
    bench_switch_port_mac(s, 3, h->in_mac);
    bench_switch_port_mac(s, 1, h->out_mac);
    bench_switch_host_mac(s, 1, h->next_mac);
}

static int open_all(struct bench *b)
{
    uint64_t places = b->set.mode == BENCH_RATE ? 1 << 20 : (uint64_t)b->set.window * 16;

    b->sw = calloc(b->set.switches, sizeof *b->sw);
    b->stream = calloc(b->set.switches, sizeof *b->stream);
    b->poll = epoll_create1(EPOLL_CLOEXEC);
    if (!b->sw || !b->stream || b->poll < 0 ||
        flight_open(&b->flight, places * b->set.switches, b->set.switches, bench_now_ns()) != 0) {
        snprintf(b->why, sizeof b->why, "there is no memory for %u switches", b->set.switches);
        return -1;
    }
    for (unsigned i = 0; i < b->set.switches; i++) {
        b->sw[i].fd = -1;
    }
    for (unsigned i = 0; i < b->set.switches; i++) {
        struct bench_switch *s = &b->sw[i];
        struct bench_shape h;

        s->number = i;
        s->dpid = b->set.dpid + i;
        s->of13 = b->set.of13;
        if (bench_switch_open(s, &b->set.to, b->set.connect, b->why, sizeof b->why) != 0) {
            return -1;
        }
        shape(b, i, &h);
        bench_stream_open(&b->stream[i], &h);
        watch(b, s, EPOLL_CTL_ADD);
    }
    return 0;
}

static bool ready(const struct bench_switch *s, uint64_t now)
{
    return s->ready || (s->featured && now - s->featured_ns > FOREIGN_NS);
}

/* Has a frame of each switch come back?  Sends one where none has, and where the handshake is done.
 */
static bool probe(struct bench *b, uint64_t now)
{
    bool all = true;

    for (unsigned i = 0; i < b->set.switches; i++) {
        if (b->flight.lane[i].highest == 0) {
            all = false;
            if (ready(&b->sw[i], now)) {
                put_frame(b, i, now);
            }
        }
    }
    return all;
}

static void say_no_way(struct bench *b)
{
    unsigned i = 0;

    while (i + 1 < b->set.switches && b->flight.lane[i].highest > 0) {
        i++;
    }
    snprintf(b->why, sizeof b->why, "no frame of switch %u came back within %g s: %s", i,
             b->set.timeout_s,
             !b->sw[i].featured ? "its handshake was not finished; is that an OpenFlow controller?"
             : b->sw[i].errors  ? b->sw[i].error
                                : "is the stack routing (causeway status), are its interfaces "
                                  "another switch's (causeway show interfaces; lab/lab down), has "
                                  "it a route to the destination (causeway route list)?");
}

static int open_way(struct bench *b)
{
    uint64_t now = bench_now_ns(), end = now + (uint64_t)(b->set.timeout_s * 1e9), next = 0;

    for (; now < end; now = bench_now_ns()) {
        if (now >= next) {
            next = now + PROBE_NS;
            if (probe(b, now)) {
                return drain(b);
            }
        }
        if (flush(b) != 0 || await(b, now, next) < 0) {
            return -1;
        }
        if (b->flight.out == 0) {
            next = 0;
        }
    }
    say_no_way(b);
    return -1;
}

int bench_connect(struct bench *b)
{
    static struct bench_result unused;

    prctl(PR_SET_TIMERSLACK, 1);
    b->run = (uint32_t)(bench_now_ns() >> 10) & 0x7fffff;
    if (open_all(b) != 0) {
        return -1;
    }
    begin(b, &unused);
    return open_way(b);
}

void bench_disconnect(struct bench *b)
{
    for (unsigned i = 0; b->sw && i < b->set.switches; i++) {
        bench_switch_close(&b->sw[i]);
    }
    free(b->sw);
    free(b->stream);
    flight_close(&b->flight);
    if (b->poll > 0) {
        close(b->poll);
    }
}
