/* vnsbridge/up.c - frames from switches: port -> interface, to whoever serves its virtual host.
 *
 * Each PKT_IN record causes exactly one record: the frame on VNS_IN, or a verdict on PKT_OUT
 * (dropped here, or forwarded: a VNS client has it).  Settled positions must grow over both
 * outputs, so an output is published before the other is written (shm/ring.h); and a verdict is
 * published only after the frames before it have left for the clients' sockets, for then their
 * memory is free. */
#include "vnsbridge/bridge.h"

#include <string.h>

#include "common/probe.h"
#include "vnsbridge/lease.h"

static void publish_last(struct bridge *b)
{
    if (!b->up_last) {
        return;
    }
    if (b->clients.n_batch > 0) {
        clients_flush(b);
    }
    ring_settle(b->up_last, BRIDGE_FROM_PKT_IN, ring_position(&b->pkt_in));
    bridge_publish(b, b->up_last);
    b->up_last = NULL;
}

static void turn_to(struct bridge *b, struct ring_tx *to)
{
    if (b->up_last != to) {
        if (b->up_last) {
            ring_let_go(&b->pkt_in); /* what may fail now is not this frame's */
            publish_last(b);
            ring_hand(&b->pkt_in);
        }
        b->up_last = to;
    }
}

/* A record without bytes on PKT_OUT: what became of the frame. */
static void settle(struct bridge *b, const struct record *in, enum verdict verdict,
                   enum drop reason)
{
    struct record r = *in;

    turn_to(b, &b->pkt_out);
    if (!ring_reserve(&b->pkt_out, 0)) {
        return; /* bridge_up made sure of the room: the ring is bad, and nothing goes that way */
    }
    r.verdict = (uint8_t)verdict;
    r.reason = (uint8_t)reason;
    r.src = ring_position(&b->pkt_in) + in->size;
    r.head_len = r.tail_len = 0;
    r.tail_off = 0;
    PROBE3(verdict, r.seq, r.verdict, r.reason);
    ring_commit(&b->pkt_out, &r);
}

static void drop(struct bridge *b, const struct record *in, enum drop reason)
{
    settle(b, in, VERDICT_DROPPED, reason);
    /* after: it may publish what was before this frame */
    counter_tally_drop(&b->tally, COUNTER_DROPPED, reason);
    counter_tally(&b->tally, VNSBRIDGE_UP_DROPPED, 1);
}

static void to_ring(struct bridge *b, const struct record *in, const uint8_t *head, uint32_t row)
{
    uint8_t *to = ring_reserve(&b->vns_in, in->head_len);
    struct record r = *in;

    if (!to) {
        drop(b, in, DROP_RING_FULL);
        return;
    }
    turn_to(b, &b->vns_in);
    memcpy(to, head, in->head_len);
    r.port = row;
    r.src = ring_position(&b->pkt_in) + in->size;
    ring_commit(&b->vns_in, &r);
    counter_tally(&b->tally, VNSBRIDGE_TO_RING, 1);
}

static void to_client(struct bridge *b, const struct record *in, const uint8_t *head,
                      const struct bind_entry *e)
{
    struct client *c = b->vhosts.list[e->vhost].client;
    const uint8_t *tail = in->tail_len ? arena_span(&b->arena, in->tail_off, in->tail_len) : NULL;
    enum drop reason;

    if (in->tail_len && !tail) {
        drop(b, in, DROP_BAD_RECORD);
        return;
    }
    if (record_stale(in, loop_now_ns())) {
        drop(b, in, DROP_STALE);
        return;
    }
    reason = client_frame(c, e->row.name, head, in->head_len, tail, in->tail_len);
    if (reason != DROP_NONE) {
        drop(b, in, reason);
        return;
    }
    settle(b, in, VERDICT_FORWARDED, DROP_NONE);
    counter_tally(&b->tally, VNSBRIDGE_TO_CLIENTS, 1);
}

static void pass(struct bridge *b, const struct record *in, const uint8_t *head)
{
    uint32_t row = bind_row(&b->bind, in->dpid, in->port);
    uint64_t len = (uint64_t)in->head_len + in->tail_len;
    const struct bind_entry *e;

    if (row == BIND_NO_ROW) {
        drop(b, in, DROP_UNKNOWN_PORT);
        return;
    }
    if (len < VNS_FRAME_MIN || len > VNS_FRAME_MAX) {
        drop(b, in, len < VNS_FRAME_MIN ? DROP_FRAME_TOO_SHORT : DROP_FRAME_TOO_LONG);
        return;
    }
    e = &b->bind.entry[row];
    switch (lease_owner(&b->vhosts.list[e->vhost])) {
    case LEASE_RING:
        to_ring(b, in, head, row);
        break;
    case LEASE_CLIENT:
        to_client(b, in, head, e);
        break;
    default:
        drop(b, in, DROP_NO_ROUTER);
        break;
    }
}

unsigned bridge_up(struct bridge *b, uint64_t end)
{
    const uint8_t *head;
    struct record in;
    unsigned n = 0, deaths;

    while (n < BRIDGE_BURST && ring_position(&b->pkt_in) != end &&
           ring_peek(&b->pkt_in, &in, &head)) {
        deaths = ring_deaths(&b->pkt_in);
        if (deaths > 0 && n > 0) {
            break; /* it goes alone */
        }
        /* room for any verdict first: what cannot be settled must not be taken */
        if (ring_room(&b->pkt_out, sizeof in) < sizeof in) {
            b->blocked = true;
            break;
        }
        if (deaths >= FAULT_DEATHS) {
            bridge_quarantine(b, &b->pkt_in, &in, head);
            drop(b, &in, DROP_POISON);
        } else {
            ring_hand(&b->pkt_in);
            pass(b, &in, head);
        }
        wait_told(&b->wait, in.flags);
        counter_tally(&b->tally, VNSBRIDGE_RECEIVED, 1);
        ring_next(&b->pkt_in);
        n++;
        if (deaths > 0) {
            break;
        }
    }
    if (n > 0) {
        publish_last(b);
        ring_release(&b->pkt_in);
    }
    return n;
}
