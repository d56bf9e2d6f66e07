/* vnsbridge/down.c - the router's verdicts and frames: interface -> port, to ofproxy.
 *
 * The router's word is checked before it is passed on: its record must name an interface of the
 * virtual host that the ring serves.  A record that does not is turned into a drop, so that the
 * frame that it was to settle is settled all the same. */
#include "vnsbridge/bridge.h"

#include <string.h>

#include "common/probe.h"
#include "vnsbridge/lease.h"

/* Why the bytes of 'r' may not leave, or DROP_NONE. */
static enum drop refuse(const struct bridge *b, const struct record *r)
{
    const struct bind_entry *e = bind_at(&b->bind, r->port);
    uint64_t len = (uint64_t)r->head_len + r->tail_len;
    bool sends = r->verdict == VERDICT_FORWARDED || r->verdict == VERDICT_ANSWERED ||
                 r->verdict == VERDICT_ORIGINATED;

    if (!sends || r->head_len < VNS_FRAME_MIN || len > VNS_FRAME_MAX) {
        return DROP_BAD_RECORD;
    }
    if (r->verdict == VERDICT_ORIGINATED && r->tail_len) {
        return DROP_BAD_RECORD; /* a frame of its own has no bytes in the arena */
    }
    if (!e || lease_owner(&b->vhosts.list[e->vhost]) != LEASE_RING) {
        return DROP_UNKNOWN_INTERFACE;
    }
    return DROP_NONE;
}

/* What must not be passed on.  A frame of the router's own settles no ticket, and its drop goes on
 * all the same: a batch without a record would have no commit point. */
static void make_drop(struct bridge *b, struct record *r, enum drop reason)
{
    bool settles = r->ticket != RECORD_NO_TICKET;

    counter_tally_drop(&b->tally, settles ? COUNTER_DROPPED : COUNTER_UNSENT, reason);
    counter_tally(&b->tally, settles ? VNSBRIDGE_DOWN_DROPPED : VNSBRIDGE_DOWN_UNSENT, 1);
    PROBE3(verdict, r->seq, VERDICT_DROPPED, reason);
    r->verdict = VERDICT_DROPPED;
    r->reason = (uint8_t)reason;
    r->head_len = r->tail_len = 0;
    r->tail_off = 0;
}

/* Why the record may not be passed on, or DROP_NONE. */
static enum drop check(const struct bridge *b, const struct record *r)
{
    bool own = r->ticket == RECORD_NO_TICKET;

    if (r->verdict == VERDICT_NONE || r->verdict > VERDICT_ORIGINATED ||
        own != (r->verdict == VERDICT_ORIGINATED) ||
        (r->verdict == VERDICT_DROPPED && (r->reason == DROP_NONE || r->reason >= DROPS))) {
        return DROP_BAD_RECORD;
    }
    return r->head_len > 0 || r->tail_len > 0 || own ? refuse(b, r) : DROP_NONE;
}

/* Checks and rewrites the record for PKT_OUT. */
static void translate(struct bridge *b, struct record *r)
{
    enum drop reason = check(b, r);

    if (reason != DROP_NONE) {
        make_drop(b, r, reason);
        return;
    }
    counter_tally(
        &b->tally,
        r->verdict == VERDICT_ORIGINATED ? VNSBRIDGE_DOWN_FRAMES : VNSBRIDGE_DOWN_VERDICTS, 1);
    if (r->head_len > 0) {
        const struct bind_entry *e = &b->bind.entry[r->port];

        r->dpid = e->row.dpid;
        r->port = e->row.port;
    }
}

/* As translate.  What killed two predecessors is not looked at: its frame is dropped. */
static void handle(struct bridge *b, struct record *r, const uint8_t *head, unsigned deaths)
{
    if (deaths >= FAULT_DEATHS) {
        bridge_quarantine(b, &b->vns_out, r, head);
        make_drop(b, r, DROP_POISON);
        return;
    }
    ring_hand(&b->vns_out);
    translate(b, r);
}

unsigned bridge_down(struct bridge *b)
{
    const uint8_t *head;
    struct record r;
    unsigned n = 0, deaths;

    while (n < BRIDGE_BURST && ring_peek(&b->vns_out, &r, &head)) {
        uint8_t *to;

        deaths = ring_deaths(&b->vns_out);
        if (deaths > 0 && n > 0) {
            break; /* it goes alone */
        }
        to = ring_reserve(&b->pkt_out, r.head_len);
        if (!to) {
            b->blocked = true;
            break;
        }
        r.src = ring_position(&b->vns_out) + r.size;
        handle(b, &r, head, deaths);
        memcpy(to, head, r.head_len);
        ring_commit(&b->pkt_out, &r);
        ring_next(&b->vns_out);
        n++;
        if (deaths > 0) {
            break;
        }
    }
    if (n > 0) {
        ring_settle(&b->pkt_out, BRIDGE_FROM_VNS_OUT, ring_position(&b->vns_out));
        counter_tally(&b->tally, VNSBRIDGE_FROM_RING, n);
        bridge_publish(b, &b->pkt_out);
        ring_release(&b->vns_out);
    }
    return n;
}
