/* vnsbridge/bridge.c - taking the process's place in the run directory, and its turn. */
#include "vnsbridge/bridge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "vnsbridge/lease.h"
#include "vnsbridge/session.h"

#define LOG_LINES 20
#define LOG_PERIOD_NS 10000000000ull

bool bridge_may_log(struct bridge *b)
{
    uint64_t now = loop_now_ns();

    if (now - b->log_period_ns > LOG_PERIOD_NS) {
        b->log_period_ns = now;
        b->log_left = LOG_LINES;
    }
    if (b->log_left == 0) {
        return false;
    }
    if (--b->log_left == 0) {
        log_warn("more lines of this kind are left out for some seconds");
    }
    return true;
}

/* ---- interfaces that change ---------------------------------------------------------------- */

static const char *link_word(const struct bind_entry *e)
{
    return e->row.up ? "up" : e->present ? "down" : "gone";
}

static void on_changed(void *context, uint32_t row, const struct interface_row *old)
{
    struct bridge *b = context;
    const struct bind_entry *e = &b->bind.entry[row];
    const struct interface_row *now = &e->row;
    bool new_mac = old->known && memcmp(old->mac, now->mac, sizeof old->mac) != 0;
    struct vhost *h;

    if (!e->spec) {
        return;
    }
    if (new_mac && bridge_may_log(b)) {
        log_warn("interface has changed its MAC vhost=%s interface=%s dpid=%016" PRIx64
                 " port=%u: a "
                 "VNS client cannot be told, and is closed",
                 now->vhost, now->name, now->dpid, now->port);
    } else if (bridge_may_log(b)) {
        log_info("interface vhost=%s interface=%s link=%s dpid=%016" PRIx64 " port=%u", now->vhost,
                 now->name, link_word(e), now->dpid, now->port);
    }
    h = &b->vhosts.list[e->vhost];
    if (h->client) {
        session_interface(h->client, old, now);
    }
}

static void on_done(void *context)
{
    struct bridge *b = context;

    for (unsigned i = 0; i < b->vhosts.n; i++) {
        if (b->vhosts.list[i].client) {
            session_ports(b->vhosts.list[i].client);
        }
    }
    lease_publish(b);
}

/* ---- start --------------------------------------------------------------------------------- */

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void step_over(struct ring_rx *rx, enum topo_ring ring, uint64_t position)
{
    if (!ring_rx_skip(rx, position) && !ring_rx_bad(rx)) {
        log_warn("%s has no record that ends at position %" PRIu64 ", up to which it was settled: "
                 "its files were replaced, or are started anew; going on at position %" PRIu64,
                 topo_ring_name(ring), position, ring_position(rx));
    }
}

/* Steps over what the predecessor has settled: nothing is lost, nothing done twice. */
static void go_on(struct bridge *b)
{
    uint64_t in = larger(ring_settled(&b->vns_in, BRIDGE_FROM_PKT_IN),
                         ring_settled(&b->pkt_out, BRIDGE_FROM_PKT_IN));
    uint64_t out = ring_settled(&b->pkt_out, BRIDGE_FROM_VNS_OUT);

    step_over(&b->pkt_in, TOPO_PKT_IN, in);
    step_over(&b->vns_out, TOPO_VNS_OUT, out);
    ring_release(&b->pkt_in);
    ring_release(&b->vns_out);
}

void bridge_attach(struct bridge *b)
{
    struct bind_events events = {b, on_changed, on_done};
    char why[400];

    topo_rx(&b->topo, &b->pkt_in, TOPO_PKT_IN);
    topo_tx(&b->topo, &b->vns_in, TOPO_VNS_IN);
    topo_rx(&b->topo, &b->vns_out, TOPO_VNS_OUT);
    topo_tx(&b->topo, &b->pkt_out, TOPO_PKT_OUT);
    lane_open(&b->ofproxy, &b->topo, &b->pkt_in, TOPO_PKT_IN, &b->pkt_out, TOPO_PKT_OUT,
              VNSBRIDGE_DETACHED);
    lane_open(&b->router, &b->topo, &b->vns_out, TOPO_VNS_OUT, &b->vns_in, TOPO_VNS_IN,
              VNSBRIDGE_DETACHED);
    topo_board_reader(&b->topo, &b->ports, TOPO_PORTS);
    topo_board_reader(&b->topo, &b->session, TOPO_SESSION);
    topo_board_writer(&b->topo, &b->interfaces, TOPO_INTERFACES);
    topo_board_writer(&b->topo, &b->leases, TOPO_LEASES);
    topo_arena(&b->topo, &b->arena);
    quarantine_open(&b->quarantine, b->topo.run_dir, "vnsbridge");
    counter_recover(TOPO_VNS_IN, b->vns_in.tail);
    counter_recover(TOPO_PKT_OUT, b->pkt_out.tail);
    go_on(b);
    fault_watch(&b->pkt_in.note);
    fault_watch(&b->vns_out.note);
    if (bind_open(&b->bind, &b->vhosts, &b->ports, &b->interfaces, &events, why, sizeof why) != 0) {
        die("%s", why);
    }
    board_changed(&b->ports);
    board_changed(&b->session);
    lease_open(b);
    bind_update(&b->bind);
    lease_publish(b);
    topo_ring_all(&b->topo);
}

void bridge_detach(struct bridge *b)
{
    quarantine_close(&b->quarantine);
    arena_leave(&b->arena);
    board_read_leave(&b->ports);
    board_read_leave(&b->session);
    board_write_leave(&b->interfaces);
    board_write_leave(&b->leases);
    ring_rx_leave(&b->pkt_in);
    ring_rx_leave(&b->vns_out);
    ring_tx_leave(&b->vns_in);
    ring_tx_leave(&b->pkt_out);
}

void bridge_publish(struct bridge *b, struct ring_tx *to)
{
    counter_prepare(&b->tally, to == &b->pkt_out ? TOPO_PKT_OUT : TOPO_VNS_IN, to->staged);
    ring_publish(to);
    counter_commit();
}

void bridge_quarantine(struct bridge *b, const struct ring_rx *from, const struct record *r,
                       const uint8_t *head)
{
    const uint8_t *tail = r->tail_len ? arena_span(&b->arena, r->tail_off, r->tail_len) : NULL;
    char where[64];

    if (from == &b->pkt_in) {
        snprintf(where, sizeof where, "dpid=%016" PRIx64 " port=%u", r->dpid, r->port);
    } else {
        snprintf(where, sizeof where, "router's frame for row=%u of the interfaces", r->port);
    }
    quarantine_put(&b->quarantine, &(struct quarantine_frame){.head = head,
                                                              .head_len = r->head_len,
                                                              .tail = tail,
                                                              .tail_len = tail ? r->tail_len : 0,
                                                              .seq = r->seq,
                                                              .where = where,
                                                              .deaths = ring_deaths(from),
                                                              .signal = from->note.signal});
    counter_tally(&b->tally, VNSBRIDGE_QUARANTINED, 1);
}

/* ---- a turn -------------------------------------------------------------------------------- */

static void look_at_boards(struct bridge *b)
{
    if (board_changed(&b->ports) || bind_again(&b->bind)) {
        bind_update(&b->bind);
    }
    if (board_changed(&b->session)) {
        lease_session(b);
    }
}

/* A neighbour that lies is detached, and taken up again when it has been restarted. */
static void look_for_liars(struct bridge *b)
{
    bool changed = lane_look(&b->ofproxy);

    changed |= lane_look(&b->router);
    if (changed) {
        lease_publish(b);
    }
}

void bridge_turn(struct bridge *b)
{
    unsigned work = 0;
    uint64_t end;

    b->blocked = false;
    clients_reap(b);
    end = ring_rx_look(&b->pkt_in); /* first: a port is announced before its frames */
    look_at_boards(b);
    work += bridge_up(b, end);
    work += bridge_down(b);
    work += clients_resume(b);
    look_for_liars(b);
    if (b->blocked && lane_down(&b->ofproxy)) {
        wait_stuck(&b->wait);
    } else if (b->blocked) {
        wait_blocked(&b->wait); /* PKT_OUT is full, and nobody rings when it empties */
    }
    wait_turn(&b->wait, work);
}
