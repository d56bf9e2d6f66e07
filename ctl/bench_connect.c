/* ctl/bench_connect.c - switches that are ready, and a way through the stack for each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ctl/bench.h"

#define PLACES (1u << 20)       /* frames at a rate that may be out: a second of a million */
#define PROBE_NS 20000000ull    /* between two frames that ask whether the way is open */
#define FOREIGN_NS 100000000ull /* a controller that has asked for nothing more is ready */

static void shape(const struct bench *b, unsigned number, struct bench_shape *h)
{
    const struct bench_switch *s = &b->sw[number];

    *h = (struct bench_shape){.of13 = b->set.of13,
                              .same = b->set.same,
                              .size = b->set.size,
                              .in_port = BENCH_IN_PORT,
                              .port = b->set.same ? 0 : BENCH_OUT_PORT,
                              .destinations = b->set.destinations};
    bench_addresses(&b->set, number, &h->src, &h->dst);
    bench_switch_host_mac(s, BENCH_IN_PORT, h->host_mac);
    bench_switch_port_mac(s, BENCH_IN_PORT, h->in_mac);
    bench_switch_port_mac(s, BENCH_OUT_PORT, h->out_mac);
    bench_switch_host_mac(s, BENCH_OUT_PORT, h->next_mac);
}

static int open_all(struct bench *b)
{
    uint64_t places =
        bench_timed(&b->set) ? PLACES : (uint64_t)b->set.window * 16 * b->set.switches;

    b->sw = calloc(b->set.switches, sizeof *b->sw);
    b->stream = calloc(b->set.switches, sizeof *b->stream);
    b->poll = epoll_create1(EPOLL_CLOEXEC);
    if (!b->sw || !b->stream || b->poll < 0 ||
        flight_open(&b->flight, places, b->set.switches, loop_now_ns()) != 0) {
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
        bench_watch(b, s, EPOLL_CTL_ADD);
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
                bench_put_frame(b, i, now);
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
                                : BENCH_WHY_NOT);
}

static int open_way(struct bench *b)
{
    uint64_t now = loop_now_ns(), end = now + (uint64_t)(b->set.timeout_s * 1e9), next = 0;

    for (; now < end && !ctl_stopped(); now = loop_now_ns()) {
        if (now >= next) {
            next = now + PROBE_NS;
            if (probe(b, now)) {
                return bench_drain(b);
            }
        }
        if (bench_flush(b) != 0 || bench_await(b, now, next) < 0) {
            return -1;
        }
        if (b->flight.out == 0) {
            next = 0;
        }
    }
    if (ctl_stopped()) {
        snprintf(b->why, sizeof b->why, "stopped before the first frame came back");
    } else {
        say_no_way(b);
    }
    return -1;
}

int bench_connect(struct bench *b)
{
    static struct bench_result unused;

    prctl(PR_SET_TIMERSLACK, 1);
    b->run = (uint32_t)(loop_now_ns() >> 10) & 0x7fffff;
    if (open_all(b) != 0) {
        return -1;
    }
    bench_storm_open(b);
    bench_begin(b, &unused);
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
