/* router/port_ring.c - frames over VNS_IN and VNS_OUT; interfaces and the lease from their boards.
 *
 * The router works only while the lease of its virtual host names the ring and is ready.  At any
 * other time frames that are still in the ring get the verdict "dropped: no router", and the router
 * has no interfaces, so it sends nothing of its own. */
#include "router/port_ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "shm/lane.h"
#include "shm/topo.h"
#include "shm/wait.h"

#define INPUT_VNS_IN 0

struct port_ring {
    struct port port; /* first */
    struct port_events events;
    struct ring_rx in;
    struct ring_tx out;
    struct arena arena;
    struct board_writer session;
    struct board_reader interfaces, leases;
    struct session_row wanted;
    struct waiter *wait;
    uint64_t batch_ns; /* when this batch began; 0: it has not */
    bool last;         /* no frame before the next flush: one that killed is alone in its batch */
    bool mine;         /* the lease says: the ring, and ready */
    bool again;        /* the boards are to be read, changed or not */
    struct lane lane;
    enum role_state told;
    char told_text[256];
};

/* ---- boards ------------------------------------------------------------------------------- */

static bool same_vhost(const struct port_ring *p, const char vhost[32])
{
    return strncmp(p->wanted.vhost, vhost, sizeof p->wanted.vhost) == 0;
}

static void tell(struct port_ring *p, enum role_state state, const char *text)
{
    if (p->told != state || (state != ROLE_READY && strcmp(p->told_text, text) != 0)) {
        p->told = state;
        snprintf(p->told_text, sizeof p->told_text, "%s", text);
        p->events.state(p->events.context, state, text);
    }
}

static bool is_mask(uint32_t mask)
{
    return (~mask & (~mask + 1)) == 0;
}

/* The interface of a row; none if it is another virtual host's, or empty (now). */
static struct iface iface_of(const struct port_ring *p, struct interface_row *row)
{
    struct iface now = {0};

    if (!same_vhost(p, row->vhost)) {
        return now;
    }
    now.present = p->mine && row->known && is_mask(row->mask);
    now.up = now.present && row->up;
    now.dpid = row->dpid;
    now.port = row->port;
    now.ip = row->ip;
    now.mask = row->mask;
    now.speed = row->speed;
    memcpy(now.mac, row->mac, sizeof now.mac);
    snprintf(now.name, sizeof now.name, "%s", board_text(row->name, sizeof row->name));
    return now;
}

static void read_interfaces(struct port_ring *p)
{
    for (unsigned i = 0; i < IFACES; i++) {
        struct interface_row row = {0};
        struct iface now;

        if (i < board_used(&p->interfaces) && !board_get(&p->interfaces, i, &row)) {
            continue; /* its writer changes it faster than it can be read, and rings again */
        }
        now = iface_of(p, &row);
        p->events.iface(p->events.context, i, &now);
    }
}

static bool find_lease(const struct port_ring *p, struct lease_row *lease)
{
    for (unsigned i = 0; i < board_used(&p->leases); i++) {
        if (board_get(&p->leases, i, lease) && lease->vhost[0] && same_vhost(p, lease->vhost)) {
            return true;
        }
    }
    return false;
}

static void read_lease(struct port_ring *p, char *text, size_t size)
{
    struct lease_row lease;
    const char *vhost = p->wanted.vhost;

    p->mine = false;
    if (!find_lease(p, &lease) || lease.owner == LEASE_NOBODY) {
        snprintf(text, size, "waiting for vnsbridge to let it be %.31s", vhost);
    } else if (lease.owner == LEASE_CLIENT) {
        snprintf(text, size, "stand-by: %.31s is served by a VNS client %.63s", vhost,
                 board_text(lease.peer, sizeof lease.peer));
    } else if (lease.state != LEASE_READY) {
        snprintf(text, size, "waiting for vnsbridge's interfaces%s%.111s",
                 lease.text[0] ? ": " : "", board_text(lease.text, sizeof lease.text));
    } else {
        p->mine = true;
    }
}

/* Interfaces first, then the news that the router is ready with them.  True: there was news. */
static bool read_boards(struct port_ring *p)
{
    bool changed = board_changed(&p->leases);
    char text[256] = "";

    if (lane_down(&p->lane)) {
        p->again = true; /* what it says is read when it is back */
    } else if (board_changed(&p->interfaces) || changed || p->again) {
        p->again = false;
        read_lease(p, text, sizeof text);
        read_interfaces(p);
        tell(p, p->mine ? ROLE_READY : ROLE_WAITING, text);
        return true;
    }
    return false;
}

/* ---- frames ------------------------------------------------------------------------------- */

/* A vnsbridge that lies is detached, and taken up again when it has been restarted. */
static void look_for_liar(struct port_ring *p)
{
    if (!lane_look(&p->lane)) {
        return;
    }
    if (lane_down(&p->lane)) {
        tell(p, ROLE_WAITING, p->lane.text);
    } else {
        p->again = true;
    }
}

/* Takes the frame in hand; false: not before the next flush.  One that a predecessor died of goes
 * alone: what is staged is published before it, and nothing comes after it. */
static bool take(struct port_ring *p, unsigned deaths)
{
    if (p->last || (deaths > 0 && p->out.staged != p->out.tail)) {
        return false;
    }
    p->last = deaths > 0;
    if (deaths < FAULT_DEATHS) {
        ring_hand(&p->in);
    }
    return true;
}

static uint64_t batch_time(struct port_ring *p)
{
    p->batch_ns = p->batch_ns ? p->batch_ns : loop_now_ns();
    return p->batch_ns;
}

static bool next(struct port *port, struct frame_in *in)
{
    struct port_ring *p = (struct port_ring *)port;
    struct record *r = &in->record;

    if (ring_room(&p->out, PORT_ROOM) < PORT_ROOM) {
        /* what waits in VNS_IN must not keep it from sleeping */
        if (lane_down(&p->lane)) {
            wait_stuck(p->wait);
        } else {
            wait_blocked(p->wait);
        }
        return false;
    }
    /* what was published before the frame comes first: else it is dropped for want of a lease that
     * it followed */
    if (!ring_peek(&p->in, r, &in->head) || read_boards(p)) {
        return false;
    }
    wait_told(p->wait, r->flags);
    in->deaths = ring_deaths(&p->in);
    in->signal = p->in.note.signal;
    if (!take(p, in->deaths)) {
        return false;
    }
    in->head_len = r->head_len;
    in->tail_len = r->tail_len;
    in->tail = r->tail_len > 0 ? arena_span(&p->arena, r->tail_off, r->tail_len) : NULL;
    in->iface = r->port;
    in->rx_ns = r->rx_ns;
    in->position = ring_position(&p->in) + r->size;
    in->refuse = DROP_NONE;
    if (r->tail_len > 0 && !in->tail) {
        in->refuse = DROP_BAD_RECORD;
    } else if (!p->mine) {
        in->refuse = DROP_NO_ROUTER;
    } else if (record_stale(r, batch_time(p))) {
        in->refuse = DROP_STALE;
    }
    return true;
}

static uint8_t *room(struct port *port, size_t size)
{
    return ring_reserve(&((struct port_ring *)port)->out, size);
}

static void send(struct port *port, const struct frame_in *in, const struct frame_out *out)
{
    struct port_ring *p = (struct port_ring *)port;
    struct record r = {.ticket = RECORD_NO_TICKET};

    if (out->verdict != VERDICT_ORIGINATED) {
        r = in->record;
        r.src = in->position;
    }
    r.rx_ns = in ? in->rx_ns : 0;
    r.verdict = (uint8_t)out->verdict;
    r.reason = (uint8_t)out->reason;
    r.port = out->iface;
    r.head_len = out->head_len;
    r.tail_len = out->tail_len;
    r.tail_off = out->tail_len > 0 ? r.tail_off : 0;
    r.hold = out->hold;
    ring_commit(&p->out, &r);
    if (out->verdict != VERDICT_ORIGINATED) {
        ring_next(&p->in);
        ring_settle(&p->out, INPUT_VNS_IN, in->position);
    }
}

static void flush(struct port *port)
{
    struct port_ring *p = (struct port_ring *)port;

    p->batch_ns = 0;
    ring_publish(&p->out);
    ring_release(&p->in);
    p->last = false;
    look_for_liar(p);
    read_boards(p);
}

/* ---- opening ------------------------------------------------------------------------------ */

static void say_session(struct port_ring *p, enum session_state state)
{
    p->wanted.state = state;
    board_put(&p->session, 0, &p->wanted);
    board_publish(&p->session);
}

static void close_ring(struct port *port)
{
    struct port_ring *p = (struct port_ring *)port;

    /* the session stays open: frames wait in VNS_IN for the next router, as after a crash */
    board_write_leave(&p->session);
    board_read_leave(&p->interfaces);
    board_read_leave(&p->leases);
    arena_leave(&p->arena);
    ring_rx_leave(&p->in);
    ring_tx_leave(&p->out);
    free(p);
}

static uint64_t tail(const struct port *port)
{
    return ((const struct port_ring *)port)->out.staged;
}

static const struct port_ops ops = {next, room, send, flush, close_ring, tail};

/* Steps over what the predecessor has settled.  Where that is not known, VNS_IN's own head stands
 * for it: held frames (hold.c) belong to what was settled. */
static void resume(struct port_ring *p)
{
    uint64_t settled = ring_settled(&p->out, INPUT_VNS_IN);

    if (!ring_rx_skip(&p->in, settled) && !ring_rx_bad(&p->in)) {
        log_warn("VNS_IN has no record that ends at position %llu, up to which it was settled: its "
                 "files were replaced, or are started anew; going on at position %llu",
                 (unsigned long long)settled, (unsigned long long)ring_position(&p->in));
    }
    if (ring_position(&p->in) != settled) {
        ring_settle(&p->out, INPUT_VNS_IN, ring_position(&p->in));
    }
    ring_release(&p->in);
}

struct port *port_ring_open(const struct port_ring_config *c, const struct port_events *events)
{
    struct port_ring *p = calloc(1, sizeof *p);

    if (!p) {
        die("no memory for the ring port");
    }
    p->port.ops = &ops;
    p->events = *events;
    topo_tx(c->topo, &p->out, TOPO_VNS_OUT);
    topo_rx(c->topo, &p->in, TOPO_VNS_IN);
    lane_open(&p->lane, c->topo, &p->in, TOPO_VNS_IN, &p->out, TOPO_VNS_OUT, ROUTER_DETACHED);
    topo_arena(c->topo, &p->arena);
    topo_board_reader(c->topo, &p->interfaces, TOPO_INTERFACES);
    topo_board_reader(c->topo, &p->leases, TOPO_LEASES);
    topo_board_writer(c->topo, &p->session, TOPO_SESSION);
    resume(p);
    fault_watch(&p->in.note);
    counter_recover(TOPO_VNS_OUT, p->out.tail);
    p->wait = c->wait;
    wait_ring(c->wait, &p->in);
    snprintf(p->wanted.vhost, sizeof p->wanted.vhost, "%s", c->vhost);
    snprintf(p->wanted.user, sizeof p->wanted.user, "%s", c->user);
    p->wanted.topology = c->topology;
    p->wanted.start = c->topo->role.row.starts;
    say_session(p, SESSION_OPEN);
    read_boards(p);
    return &p->port;
}

uint64_t port_ring_settled(const struct port *port)
{
    return ring_settled(&((const struct port_ring *)port)->out, INPUT_VNS_IN);
}

void port_ring_last_batch(const struct port *port,
                          void (*seen)(void *context, const struct record *r), void *context)
{
    ring_last_batch(&((const struct port_ring *)port)->out, seen, context);
}
