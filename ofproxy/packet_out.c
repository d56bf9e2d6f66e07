/* ofproxy/packet_out.c */
#include "ofproxy/packet_out.h"

#include <string.h>

#include "common/counter.h"
#include "common/log.h"
#include "common/probe.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"
#include "ofproxy/packet_in.h"

#define ETHERNET_HEADER 14
#define EXPIRE_AFTER ARENA_TIME(60000000000ull)
#define EXPIRE_SLICE 2048 /* tickets looked at in a tick: all of them in 7 seconds */
#define PAUSE_NS 1000000000ull

/* ---- checks ------------------------------------------------------------------------------- */

static bool carries_frame(const struct record *r)
{
    return r->head_len + r->tail_len > 0 &&
           (r->verdict == VERDICT_FORWARDED || r->verdict == VERDICT_ANSWERED ||
            r->verdict == VERDICT_ORIGINATED);
}

/* The tail must lie in the chunk that the frame was received into: only that is sure to hold
 * still. */
static bool tail_holds(const struct ofproxy *p, const struct record *r,
                       const struct arena_flight *flight)
{
    if (r->tail_len == 0) {
        return true;
    }
    return flight && r->tail_off / ARENA_CHUNK == flight->chunk &&
           arena_span(&p->arena, r->tail_off, r->tail_len);
}

static bool frame_holds(const struct ofproxy *p, const struct record *r,
                        const struct arena_flight *flight)
{
    uint64_t len = (uint64_t)r->head_len + r->tail_len;

    return tail_holds(p, r, flight) && len >= ETHERNET_HEADER && len <= OF10_FRAME_MAX &&
           r->port > 0;
}

/* Has this ticket had its verdict in this batch already?  Notes it. */
static bool take_ticket(struct packet_out *o, uint32_t ticket)
{
    uint64_t bit = 1ull << (ticket % 64);
    bool had = (o->taken[ticket / 64] & bit) != 0;

    o->taken[ticket / 64] |= bit;
    return !had;
}

/* A frame of the router's own that was dropped, and counted, on its way here. */
static bool says_nothing(const struct record *r)
{
    return r->ticket == RECORD_NO_TICKET && r->verdict == VERDICT_DROPPED;
}

/* The flight that a record settles.  False: it settles none, and should. */
static bool find_flight(struct ofproxy *p, const struct record *r,
                        const struct arena_flight **flight)
{
    *flight = NULL;
    if (r->ticket == RECORD_NO_TICKET) {
        return says_nothing(r) || (r->verdict == VERDICT_ORIGINATED && r->head_len > 0);
    }
    *flight = arena_flight(&p->arena, r->ticket, r->seq);
    return *flight && take_ticket(&p->out, r->ticket);
}

/* ---- sending ------------------------------------------------------------------------------ */

static void add_iov(struct out_frame *f, const void *bytes, size_t len)
{
    if (len > 0) {
        f->iov[f->n_iov++] = (struct iovec){(void *)(uintptr_t)bytes, len};
        f->len += len;
    }
}

static void queue_frame(struct ofproxy *p, struct out_frame *f, const struct record *r,
                        const uint8_t *head)
{
    struct of_conn *c = conn_find(p, r->dpid);
    size_t len = (size_t)r->head_len + r->tail_len;
    const struct of_dialect *d;

    if (!c || c->role == OF_ROLE_SLAVE) {
        f->outcome = c ? DROP_SLAVE : DROP_SWITCH_GONE;
        return;
    }
    d = c->dialect;
    if (r->port > d->last_port || d->out_head + len > OF_LONGEST) {
        f->outcome = DROP_BAD_RECORD;
        return;
    }
    f->n_iov = 0;
    f->len = 0;
    d->put_out_head(f->head, (uint32_t)r->seq & 0x7fffffffu, r->port, len);
    add_iov(f, f->head, d->out_head);
    add_iov(f, head, r->head_len);
    if (r->tail_len > 0) {
        add_iov(f, arena_span(&p->arena, r->tail_off, r->tail_len), r->tail_len);
    }
    of_out_frame(c, f);
}

static void take(struct ofproxy *p, unsigned i, const uint8_t *head)
{
    const struct record *r = &p->out.records[i];
    struct out_frame *f = &p->out.frames[i];
    const struct arena_flight *flight;

    f->outcome = DROP_NONE;
    p->out.bad[i] = !find_flight(p, r, &flight);
    if (p->out.bad[i]) {
        return;
    }
    if (r->verdict == VERDICT_NONE || r->verdict > VERDICT_ORIGINATED ||
        (flight && r->verdict == VERDICT_ORIGINATED) ||
        (carries_frame(r) && !frame_holds(p, r, flight))) {
        f->outcome = DROP_BAD_RECORD;
    } else if (carries_frame(r)) {
        queue_frame(p, f, r, head);
    }
}

/* ---- settling ----------------------------------------------------------------------------- */

static void count_settled(struct ofproxy *p, const struct record *r, enum drop outcome)
{
    struct counter_tally *t = &p->tally;

    counter_tally(t, OFPROXY_SETTLED, 1);
    counter_tally(t, OFPROXY_IN_FLIGHT, -1);
    if (outcome != DROP_NONE) {
        packet_in_dropped(p, outcome);
    } else if (r->verdict == VERDICT_FORWARDED) {
        counter_tally(t, OFPROXY_FORWARDED, 1);
    } else if (r->verdict == VERDICT_ANSWERED) {
        counter_tally(t, OFPROXY_ANSWERED, 1);
    } else if (r->verdict == VERDICT_HELD) {
        counter_tally(t, OFPROXY_HELD, 1);
    } else if (r->reason > DROP_NONE && r->reason < DROPS) {
        counter_tally_drop(t, COUNTER_DROPPED, (enum drop)r->reason);
    } else {
        packet_in_dropped(p, DROP_BAD_RECORD);
    }
}

/* A verdict for no frame in flight: a lie, or of a frame that was given up. */
static void count_bad(struct ofproxy *p, const struct record *r)
{
    bool late = r->ticket != RECORD_NO_TICKET && arena_was_given_up(&p->arena, r->ticket, r->seq);

    counter_tally(&p->tally, late ? OFPROXY_LATE_VERDICTS : OFPROXY_BAD_VERDICTS, 1);
    counter_tally(&p->tally, OFPROXY_STRAY, 1);
}

static void count(struct ofproxy *p, const struct record *r, enum drop outcome, bool bad)
{
    struct counter_tally *t = &p->tally;

    if (says_nothing(r)) {
        return;
    }
    counter_tally(t, OFPROXY_RETURNED, 1);
    counter_tally(t, OFPROXY_BAD_VERDICTS, !bad && outcome == DROP_BAD_RECORD);
    if (bad) {
        count_bad(p, r);
    } else if (r->ticket != RECORD_NO_TICKET) {
        count_settled(p, r, outcome);
    } else if (outcome == DROP_NONE) {
        counter_tally(t, OFPROXY_ORIGINATED, 1);
    } else {
        counter_tally_drop(t, COUNTER_UNSENT, outcome);
    }
}

/* The flight is over; the ticket is free already. */
static void leave(struct ofproxy *p, const struct arena_flight *f)
{
    ingress_leave(&p->ingress, (enum ingress_class)f->klass, f->row);
    packet_in_release(p, f->dpid, f->buffer_id);
}

/* How long the frame was in the stack, for the histogram.  The record brings the time back, and a
 * neighbour may write anything there: it must agree with what the flight knows of it. */
static void measure(struct packet_out *o, const struct record *r, const struct arena_flight *f,
                    uint64_t now_ns)
{
    if (ARENA_TIME(r->rx_ns) == f->since && r->rx_ns <= now_ns) {
        o->waited_ns[o->n_waited++] = now_ns - r->rx_ns;
    }
}

/* Frees the record's ticket, if it has one.  A record that a predecessor counted may be one that it
 * refused: any number may stand in it. */
static void settle(struct ofproxy *p, const struct record *r, uint64_t now_ns)
{
    const struct arena_flight *flight = arena_flight(&p->arena, r->ticket, r->seq);
    struct arena_flight f;

    if (flight) {
        f = *flight;
        measure(&p->out, r, &f, now_ns);
        p->out.taken[r->ticket / 64] = 0;
        arena_settle(&p->arena, r->ticket, r->seq);
        leave(p, &f);
    }
}

/* After a pause of our own, verdicts may wait that are not late at all: they are read first.  (A
 * flight is over before it is counted: whoever dies in between has a successor that misses it, and
 * counts it as DROP_RESTART.) */
void packet_out_expire(struct ofproxy *p, uint64_t now_ns)
{
    struct packet_out *o = &p->out;
    bool paused = now_ns - o->looked_ns > PAUSE_NS;

    o->looked_ns = now_ns;
    for (unsigned i = 0; !paused && i < EXPIRE_SLICE; i++) {
        uint32_t ticket = o->look_at++ % ARENA_TICKETS;
        const struct arena_flight *flight = arena_at(&p->arena, ticket);
        struct arena_flight f;

        if (flight && (uint16_t)(ARENA_TIME(now_ns) - flight->since) > EXPIRE_AFTER) {
            f = *flight;
            arena_give_up(&p->arena, ticket);
            packet_in_given_up(p, DROP_EXPIRED, 1);
            leave(p, &f);
        }
    }
    if (!counter_tally_empty(&p->tally)) {
        counter_apply(&p->tally, MARK_PKT_OUT, counter_mark(MARK_PKT_OUT));
    }
}

/* Ends a batch of records: counts them, then frees their tickets, then the ring.  The mark makes
 * the count the one moment that decides: a successor counts what lies behind it, and frees the rest
 * without. */
static void end_batch(struct ofproxy *p, unsigned n)
{
    struct packet_out *o = &p->out;
    uint64_t now_ns = loop_now_ns();

    PROBE1(settle, n);
    for (unsigned i = 0; i < n; i++) {
        count(p, &o->records[i], o->frames[i].outcome, o->bad[i]);
    }
    counter_apply(&p->tally, MARK_PKT_OUT, ring_position(&p->pkt_out));
    o->n_waited = 0;
    for (unsigned i = 0; i < n; i++) {
        if (!o->bad[i]) {
            settle(p, &o->records[i], now_ns);
        }
    }
    histogram_add(p->latency.histogram, o->waited_ns, o->n_waited);
    ring_release(&p->pkt_out);
}

/* A batch that a predecessor had counted, and perhaps not settled. */
static void settle_counted(struct ofproxy *p)
{
    uint64_t counted = counter_mark(MARK_PKT_OUT), now_ns = loop_now_ns();
    const uint8_t *head;
    struct record r;

    while (ring_position(&p->pkt_out) < counted && ring_peek(&p->pkt_out, &r, &head)) {
        p->out.n_waited = 0;
        settle(p, &r, now_ns);
        histogram_add(p->latency.histogram, p->out.waited_ns, p->out.n_waited);
        ring_next(&p->pkt_out);
    }
    ring_release(&p->pkt_out);
}

void packet_out_resume(struct ofproxy *p)
{
    uint64_t begun = ring_begun(&p->pkt_out);
    struct packet_out *o = &p->out;
    const uint8_t *head;
    unsigned n = 0;

    if (counter_mark(MARK_PKT_OUT) <= begun) {
        settle_counted(p);
    }
    while (n < OUT_BATCH && ring_position(&p->pkt_out) < begun &&
           ring_peek(&p->pkt_out, &o->records[n], &head)) {
        const struct arena_flight *flight;

        o->bad[n] = !find_flight(p, &o->records[n], &flight);
        o->frames[n].outcome = DROP_NONE;
        ring_next(&p->pkt_out);
        n++;
    }
    if (n > 0) {
        end_batch(p, n);
    }
    ring_release(&p->pkt_out);
}

unsigned send_packet_out(struct ofproxy *p)
{
    struct packet_out *o = &p->out;
    const uint8_t *head;
    unsigned n = 0;

    while (n < OUT_BATCH && ring_peek(&p->pkt_out, &o->records[n], &head)) {
        take(p, n, head);
        ring_next(&p->pkt_out);
        n++;
    }
    if (n > 0) {
        ring_begin(&p->pkt_out);
    }
    of_out_flush(p);
    if (n > 0) {
        end_batch(p, n);
    }
    p->changed |= lane_look(&p->vnsbridge);
    return n;
}
