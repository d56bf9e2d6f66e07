/* ctl/ping.c */
#include "ctl/ping.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/counter.h"

const struct ping_hop ping_hop[PING_HOPS] = {
    {PING_SENT, PING_RECEIVED, "to_ofproxy", "TCP to ofproxy"},
    {PING_RECEIVED, PING_RING + TOPO_PKT_IN, "ofproxy", "ofproxy"},
    {PING_RING + TOPO_PKT_IN, PING_RING + TOPO_VNS_IN, "vnsbridge_up", "vnsbridge"},
    {PING_RING + TOPO_VNS_IN, PING_RING + TOPO_VNS_OUT, "router", "router"},
    {PING_RING + TOPO_VNS_OUT, PING_RING + TOPO_PKT_OUT, "vnsbridge_down", "vnsbridge"},
    {PING_RING + TOPO_PKT_OUT, PING_BACK, "back", "ofproxy, TCP"}};

struct ping {
    struct bench b;
    struct bench_result result;
    struct ring_view view[TOPO_RINGS];
    uint64_t at[TOPO_RINGS]; /* next record of each ring */
    unsigned rings;          /* that are open */
    bool alone;              /* one core: the loop lets others run */
};

bool ping_ns(const struct ping_trip *t, enum ping_point from, enum ping_point to, uint64_t *ns)
{
    *ns = t->ns[to] > t->ns[from] ? t->ns[to] - t->ns[from] : 0; /* seen in one turn of the loop */
    return t->ns[from] != 0 && t->ns[to] != 0;
}

void ping_verdict(const struct ping_trip *t, char *text, size_t size)
{
    static const char *const names[] = {"none", "forwarded", "answered",
                                        "held", "dropped",   "sent later"};
    unsigned last = PING_POINTS;

    if (t->verdict != VERDICT_NONE && t->verdict < sizeof names / sizeof names[0]) {
        bool dropped = t->verdict == VERDICT_DROPPED && t->reason < DROPS;

        snprintf(text, size, "%s%s%s%s", names[t->verdict], dropped ? " (" : "",
                 dropped ? drop_name((enum drop)t->reason) : "", dropped ? ")" : "");
        return;
    }
    while (last > 0 && t->ns[last - 1] == 0) {
        last--;
    }
    snprintf(text, size, "last seen %s%s",
             last <= PING_RECEIVED ? "leaving for ofproxy, which refused it or never got it"
                                   : "in ring ",
             last <= PING_RECEIVED || last > PING_BACK
                 ? ""
                 : topo_ring_name((enum topo_ring)(last - 1 - PING_RING)));
}

/* ---- looking into the rings ----------------------------------------------------------------- */

static bool is_ours(const struct ping *p, const struct record *r, const uint8_t *head, uint64_t seq)
{
    const uint8_t *id = head + BENCH_ID_AT;

    return r->head_len >= BENCH_PATTERN_AT && pkt_get32(id) == p->b.stream[0].id &&
           pkt_get32(id + 4) == (uint32_t)(seq >> 32) && pkt_get32(id + 8) == (uint32_t)seq;
}

static void note(struct ping *p, enum topo_ring ring, const struct record *r, const uint8_t *head,
                 uint64_t seq, uint64_t now, struct ping_trip *t)
{
    if (ring == TOPO_PKT_IN && t->journey == 0 && is_ours(p, r, head, seq)) {
        t->journey = r->seq;
        t->ns[PING_RECEIVED] = r->rx_ns;
    }
    if (t->journey != 0 && r->seq == t->journey && t->ns[PING_RING + ring] == 0) {
        t->ns[PING_RING + ring] = now;
        t->verdict = r->verdict;
        t->reason = r->reason;
    }
}

/* What is new in a ring, up to 'tail', which was read at 'now'. */
static void take(struct ping *p, enum topo_ring ring, uint64_t tail, uint64_t seq, uint64_t now,
                 struct ping_trip *t)
{
    static uint8_t head[RECORD_HEAD_MAX];
    struct record r;

    while (p->at[ring] != tail) {
        if (!ring_view_copy(&p->view[ring], p->at[ring], tail, &r, head)) {
            p->at[ring] = tail; /* overrun by others' frames */
            return;
        }
        p->at[ring] += r.size;
        note(p, ring, &r, head, seq, now, t);
    }
}

/* The last ring is looked at first: what is in it is in those before it by then, whose records tell
 * the journey's number. */
static void look(struct ping *p, uint64_t seq, struct ping_trip *t)
{
    uint64_t tail[TOPO_RINGS], records, now;
    bool some = false;

    for (unsigned r = TOPO_RINGS; r-- > 0;) {
        tail[r] = ring_view_tail(&p->view[r], &records);
        some |= tail[r] != p->at[r];
    }
    if (!some) {
        return;
    }
    now = loop_now_ns();
    now = t->ns[PING_BACK] != 0 && t->ns[PING_BACK] < now ? t->ns[PING_BACK] : now;
    for (unsigned r = 0; r < TOPO_RINGS; r++) {
        take(p, (enum topo_ring)r, tail[r], seq, now, t);
    }
}

static int open_rings(struct ping *p)
{
    char path[PATH_MAX + 32], why[400];

    for (; p->rings < TOPO_RINGS; p->rings++) {
        snprintf(path, sizeof path, "%s/%s", p->b.c->run_dir,
                 topo_ring_name((enum topo_ring)p->rings));
        if (ring_view_open(&p->view[p->rings], path, why, sizeof why) != 0) {
            return ctl_fail("ping: %s", why);
        }
    }
    return 0;
}

/* ---- a trip --------------------------------------------------------------------------------- */

/* Has it come back?  An answer of the router's is no frame of ours. */
static bool is_back(const struct ping *p, const struct ping_trip *t)
{
    const struct bench_result *r = &p->result;
    uint64_t n = 0;

    for (unsigned i = 0; i < BENCH_FAULTS; i++) {
        n += r->faults[i];
    }
    return n > 0 || (t->verdict == VERDICT_ANSWERED && r->others > 0);
}

/* Looks until the frame is back, dropped, or lost.  Returns 0, or -1 when the connection ended. */
static int follow(struct ping *p, uint64_t seq, struct ping_trip *t)
{
    struct bench *b = &p->b;
    uint64_t start = t->ns[PING_SENT], before = loop_now_ns(), now = before;
    bool dropped = false;

    while (t->ns[PING_BACK] == 0 && !dropped && now - start < BENCH_LOST_NS && !ctl_stopped()) {
        if (bench_receive(b, &b->sw[0]) < 0 || bench_flush(b) != 0) {
            return -1;
        }
        if (is_back(p, t)) {
            t->ns[PING_BACK] = b->now_ns;
        }
        look(p, seq, t);
        dropped = t->verdict == VERDICT_DROPPED && t->ns[PING_RING + TOPO_PKT_OUT] != 0;
        if (p->alone) {
            sched_yield();
        }
        now = loop_now_ns();
        t->blind_ns = now - before > t->blind_ns ? now - before : t->blind_ns;
        before = now;
    }
    return 0;
}

/* Returns 0, or -1 when the connection ended. */
static int trip(struct ping *p, struct ping_trip *t)
{
    struct bench *b = &p->b;
    uint64_t records, seq;

    memset(t, 0, sizeof *t);
    bench_begin(b, &p->result);
    for (unsigned r = 0; r < TOPO_RINGS; r++) {
        p->at[r] = ring_view_tail(&p->view[r], &records);
    }
    seq = b->flight.next;
    t->ns[PING_SENT] = loop_now_ns();
    if (!bench_put_frame(b, 0, t->ns[PING_SENT]) || bench_flush(b) != 0) {
        return -1;
    }
    if (follow(p, seq, t) != 0) {
        return -1;
    }
    t->wrong = p->result.faults[BENCH_GOOD] == 0 && t->ns[PING_BACK] != 0;
    return 0;
}

/* The switch stays connected between two frames. */
static int rest(struct ping *p, double seconds)
{
    uint64_t now = loop_now_ns(), end = now + (uint64_t)(seconds * 1e9);

    for (; now < end && !ctl_stopped(); now = loop_now_ns()) {
        if (bench_await(&p->b, now, end) < 0 || bench_flush(&p->b) != 0) {
            return -1;
        }
    }
    return 0;
}

static int trips(struct ping *p, struct ping_trip *list, unsigned *n)
{
    for (*n = 0; *n < p->b.set.count && !ctl_stopped(); (*n)++) {
        if ((*n > 0 && rest(p, p->b.set.interval_s) != 0) ||
            (!ctl_stopped() && trip(p, &list[*n]) != 0)) {
            return ctl_fail("ping: %s", p->b.why);
        }
        if (ctl_stopped()) {
            break;
        }
        if (!p->b.c->json) {
            ping_say_trip(&list[*n], *n + 1);
            fflush(stdout);
        }
    }
    return 0;
}

static int report(const struct ping *p, const struct ping_trip *list, unsigned n)
{
    int status = n > 0 ? 0 : 1;

    if (p->b.c->json) {
        ctl_print_json(p->b.c, ping_json(&p->b.set, list, n));
    } else {
        ping_say(list, n);
    }
    for (unsigned i = 0; i < n; i++) {
        status |= list[i].ns[PING_BACK] == 0 || list[i].wrong;
    }
    return status;
}

/* A way that is not open is what ping is for: the frames tell where it ends. */
static int connect_switch(struct ping *p)
{
    if (bench_connect(&p->b) != 0 && !(p->b.sw && p->b.sw[0].featured)) {
        return ctl_fail("ping: %s", p->b.why);
    }
    return 0;
}

int cmd_ping(struct ctl *c)
{
    static struct ping p;
    struct ping_trip *list = NULL;
    unsigned n = 0;
    int status = bench_options(c, &p.b.set);

    if (status != 0) {
        return status;
    }
    p.b.c = c;
    p.alone = sysconf(_SC_NPROCESSORS_ONLN) < 2;
    bench_catch_signals();
    list = calloc(p.b.set.count, sizeof *list);
    status = list ? open_rings(&p) : ctl_fail("ping: there is no memory for so many frames");
    if (status == 0) {
        status = connect_switch(&p);
    }
    if (status == 0) {
        status = trips(&p, list, &n);
        status |= report(&p, list, n);
    }
    bench_disconnect(&p.b);
    while (p.rings > 0) {
        ring_view_close(&p.view[--p.rings]);
    }
    free(list);
    return status;
}
