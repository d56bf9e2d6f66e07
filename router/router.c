/* router/router.c - one turn of the packet thread, and the verdicts. */
#include "router/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/probe.h"
#include "router/arp.h"
#include "router/forward.h"
#include "shm/topo.h"

#define LOG_LINES 1000 /* each interface that there may be, once */
#define LOG_PERIOD_NS 10000000000ull

enum chore { CHORE_SAY = 1, CHORE_ANNOUNCE = 2 };

void router_open(struct router *r, struct fib *fib, struct talk *talk, struct neigh *neigh,
                 const char *held)
{
    char why[256];

    memset(r, 0, sizeof *r);
    r->fib = fib;
    r->talk = talk;
    r->neigh = neigh;
    r->quarantine.fd = -1;
    if (hold_open(&r->hold, held, why, sizeof why) != 0) {
        die("%s", why);
    }
}

void router_close(struct router *r)
{
    hold_close(&r->hold);
    quarantine_close(&r->quarantine);
    free(r->rtable);
}

/* ---- verdicts ----------------------------------------------------------------------------- */

static void verdict(struct packet *p, const struct frame_out *out, enum counter c)
{
    router_count(p->r, ROUTER_RECEIVED);
    router_count(p->r, c);
    PROBE3(verdict, p->in->record.seq, out->verdict, out->reason);
    port_send(p->r->port, p->in, out);
}

void packet_drop(struct packet *p, enum drop reason)
{
    struct frame_out out = {.verdict = VERDICT_DROPPED, .reason = reason, .iface = p->in->iface};

    counter_tally_drop(&p->r->tally, COUNTER_DROPPED, reason);
    if (port_has_ring(p->r->port)) {
        counter_tally_drop(&p->r->tally, COUNTER_DECIDED, reason);
    }
    router_count(p->r, ROUTER_RECEIVED);
    PROBE3(verdict, p->in->record.seq, VERDICT_DROPPED, reason);
    port_send(p->r->port, p->in, &out);
}

void packet_leave(struct packet *p, enum verdict v, uint32_t iface)
{
    struct frame_out out = {
        .verdict = v, .iface = iface, .head_len = p->head_len, .tail_len = p->tail_len};

    pcap_frame(&p->r->pcap, p->head, p->head_len, p->in->tail, p->tail_len);
    verdict(p, &out, v == VERDICT_FORWARDED ? ROUTER_FORWARDED : ROUTER_ANSWERED);
}

void packet_taken(struct packet *p)
{
    struct frame_out out = {.verdict = VERDICT_ANSWERED, .iface = p->in->iface};

    verdict(p, &out, ROUTER_ANSWERED);
}

void packet_held(struct packet *p)
{
    struct frame_out out = {.verdict = VERDICT_HELD, .iface = p->in->iface};

    router_count(p->r, ROUTER_HOLDING);
    verdict(p, &out, ROUTER_HELD);
}

void router_originate(struct router *r, const struct frame_in *cause, uint32_t iface,
                      const uint8_t *head, uint32_t len, uint64_t hold)
{
    struct frame_out out = {
        .verdict = VERDICT_ORIGINATED, .iface = iface, .head_len = len, .hold = hold};

    pcap_frame(&r->pcap, head, len, NULL, 0);
    router_count(r, ROUTER_ORIGINATED);
    port_send(r->port, cause, &out);
}

/* ---- events of the port ------------------------------------------------------------------- */

static void add_chore(struct router *r, uint32_t row, enum chore c)
{
    r->n_chores += r->chore[row] == 0;
    r->chore[row] |= (uint8_t)c;
}

/* Frames wait until the control thread has bound the routes to the interfaces as they are now. */
static void await_routes(struct router *r)
{
    r->say_ready = true;
    r->ready++;
    r->binding = true;
}

/* Lines that a neighbour can cause: so many in so long. */
static bool may_log(struct router *r)
{
    uint64_t now = loop_now_ns();

    if (now - r->log_period_ns > LOG_PERIOD_NS) {
        r->log_period_ns = now;
        r->log_left = LOG_LINES;
    }
    if (r->log_left == 0) {
        return false;
    }
    if (--r->log_left == 0) {
        log_warn("more lines of this kind are left out for some seconds");
    }
    return true;
}

static void on_iface(void *context, uint32_t row, const struct iface *now)
{
    struct router *r = context;
    struct iface was = row < IFACES ? r->ifaces.row[row] : (struct iface){0};
    const char *word = !now->present ? "gone" : (now->up ? "up" : "down");
    char ip[PKT_IP_TEXT], mac[PKT_MAC_TEXT], served[116];

    if (!iface_put(&r->ifaces, row, now)) {
        return;
    }
    add_chore(r, row, CHORE_SAY);
    if (iface_moved(&was, now)) {
        word = "moved to another switch port";
    }
    if (now->present && now->up && (!was.present || !was.up || iface_moved(&was, now))) {
        add_chore(r, row, CHORE_ANNOUNCE);
        await_routes(r); /* its routes lead nowhere until then */
    }
    if (may_log(r)) {
        log_info("interface %s name=%.16s ip=%s mac=%s", word, now->name[0] ? now->name : was.name,
                 pkt_ip_text(ip, now->ip), pkt_mac_text(mac, now->mac));
    }
    if (r->serving && r->role) {
        role_state(r->role, ROLE_READY, "%s", iface_print(&r->ifaces, served, sizeof served));
    }
}

static void on_rtable(void *context, const char *text, size_t len)
{
    struct router *r = context;

    if (len > RECORD_HEAD_MAX - sizeof(struct talk_message)) {
        log_warn("routing table of the VNS server ignored: %zu bytes, more than a VNS message",
                 len);
        return;
    }
    free(r->rtable);
    r->rtable = malloc(len + 1);
    r->rtable_len = len;
    if (r->rtable) {
        memcpy(r->rtable, text, len);
        r->rtable[len] = '\0';
    }
}

static void on_state(void *context, enum role_state state, const char *text)
{
    struct router *r = context;
    char served[116];

    r->serving = state == ROLE_READY;
    if (r->serving) {
        text = iface_print(&r->ifaces, served, sizeof served);
        r->say_inactive = true;
        await_routes(r);
    } else {
        r->binding = false;
    }
    if (may_log(r)) {
        log_info("%s %s", r->serving ? "ready:" : "not ready:", text);
    }
    if (r->role) {
        role_state(r->role, state, "%s", text);
    }
}

struct port_events router_events(struct router *r)
{
    return (struct port_events){r, on_iface, on_rtable, on_state};
}

/* ---- one turn ----------------------------------------------------------------------------- */

/* What the control thread must learn of interfaces before anything else, and announcements.
 * Whatever finds no room stays to be done.  Returns how many announcements were made. */
static unsigned chores(struct router *r)
{
    struct talk_message ready = {.type = TALK_READY, .ip = r->ready, .create = r->say_inactive},
                        rtable = {.type = TALK_RTABLE};
    unsigned n = 0;

    for (uint32_t i = 0; r->n_chores > 0 && i < r->ifaces.used; i++) {
        struct talk_message m = {.type = TALK_IFACE, .iface = i};

        if (r->chore[i] == 0) {
            continue;
        }
        if ((r->chore[i] & CHORE_SAY) &&
            talk_up(r->talk, &m, &r->ifaces.row[i], sizeof r->ifaces.row[i])) {
            r->chore[i] &= (uint8_t)~CHORE_SAY;
        }
        if ((r->chore[i] & CHORE_ANNOUNCE) && arp_announce(r, i)) {
            r->chore[i] &= (uint8_t)~CHORE_ANNOUNCE;
            n++;
        }
        r->n_chores -= r->chore[i] == 0;
    }
    if (r->rtable && talk_up(r->talk, &rtable, r->rtable, r->rtable_len)) {
        free(r->rtable);
        r->rtable = NULL;
    }
    if (r->say_ready && r->n_chores == 0 && talk_up(r->talk, &ready, NULL, 0)) {
        r->say_ready = r->say_inactive = false;
    }
    return n;
}

static unsigned orders(struct router *r)
{
    struct talk_message m;
    unsigned n = 0;

    while (n < ROUTER_BATCH && talk_down_next(r->talk, &m)) {
        if (m.type == TALK_REQUEST) {
            arp_request(r, m.iface, m.ip, m.mac); /* no room: the next second's may have */
        } else if (m.type == TALK_RESOLVED) {
            hold_resolved(&r->hold, m.ip, m.iface, m.mac);
        } else if (m.type == TALK_FAILED) {
            hold_failed(&r->hold, m.ip, m.iface);
        } else if (m.type == TALK_BOUND) {
            r->binding = r->binding && m.ip != r->ready;
        }
        n++;
    }
    return n;
}

/* Tells the control thread of next hops that frames wait for.  A restarted router has frames before
 * it has interfaces: they wait for these, too, but not for ever. */
static void ask_for_hops(struct router *r)
{
    struct hold_hop *hop;

    for (unsigned at = 0; (hop = hold_unasked(&r->hold, &at)); at++) {
        struct talk_message m = {.type = TALK_NEEDED, .iface = hop->iface, .ip = hop->ip};
        const struct iface *out = iface_at(&r->ifaces, hop->iface);

        if (out && out->up) {
            if (talk_up(r->talk, &m, NULL, 0)) {
                hold_asked(&r->hold, hop);
            }
        } else if (r->now_ns - hold_since(&r->hold, hop) > HOLD_OLD_NS) {
            hold_failed(&r->hold, hop->ip, hop->iface);
        }
    }
}

static bool send_held(struct router *r, const struct hold_slot *s, const struct hold_hop *hop)
{
    const struct iface *out = iface_at(&r->ifaces, hop->iface);
    uint8_t *frame = port_room(r->port, PORT_HEAD);

    if (!frame) {
        return false;
    }
    if (!out || !out->up) {
        return icmp_held_expired(r, s);
    }
    memcpy(frame, s->frame, s->len);
    memcpy(frame, hop->mac, 6);
    memcpy(frame + 6, out->mac, 6);
    router_originate(r, NULL, hop->iface, frame, s->len, s->serial);
    router_count_left(r, s, ROUTER_HELD_SENT);
    return true;
}

static unsigned release_held(struct router *r)
{
    const struct hold_slot *s;
    struct hold_hop *hop;
    unsigned n = 0;

    while (n < ROUTER_BATCH && !r->alone && (s = hold_ready(&r->hold, &hop))) {
        bool done;

        if (hold_deaths(&r->hold, s) > 0) {
            if (port_tail(r->port) != r->flushed) {
                break;
            }
            r->alone = true;
        }
        hold_hand(&r->hold, s);
        done = hop->state == HOLD_RESOLVED ? send_held(r, s, hop) : icmp_held_expired(r, s);
        hold_let_go(&r->hold);
        if (!done) {
            break;
        }
        hold_leave(&r->hold, hop);
        n++;
    }
    return n;
}

static void quarantine(struct router *r, struct frame_in *in)
{
    const struct iface *from = iface_at(&r->ifaces, in->iface);
    char where[40];

    snprintf(where, sizeof where, "interface=%.16s", from ? from->name : "unknown");
    quarantine_put(&r->quarantine,
                   &(struct quarantine_frame){.head = in->head,
                                              .head_len = in->head_len,
                                              .tail = in->tail,
                                              .tail_len = in->tail ? in->tail_len : 0,
                                              .seq = in->record.seq,
                                              .where = where,
                                              .deaths = in->deaths,
                                              .signal = in->signal});
    router_count(r, ROUTER_QUARANTINED);
    in->refuse = DROP_POISON;
}

/* The turn's counts become visible with its frames: their sums hold. */
static void flush(struct router *r)
{
    struct counter_tally *t = &r->tally;

    if (counter_tally_empty(t)) {
        port_flush(r->port);
    } else if (port_has_ring(r->port)) {
        counter_tally(t, ROUTER_RING_RECEIVED, (int64_t)t->more[ROUTER_RECEIVED]);
        counter_tally(t, ROUTER_RING_ORIGINATED, (int64_t)t->more[ROUTER_ORIGINATED]);
        counter_prepare(t, TOPO_VNS_OUT, port_tail(r->port));
        port_flush(r->port);
        counter_commit();
    } else {
        port_flush(r->port);
        counter_apply(t, 0, 0);
    }
}

unsigned router_turn(struct router *r, uint64_t now)
{
    struct frame_in in;
    unsigned n = 0, frames = 0;

    r->now_ns = now;
    r->alone = false;
    n += chores(r);
    n += orders(r);
    n += release_held(r);
    while (frames < ROUTER_BATCH && !r->binding && !r->alone && port_next(r->port, &in)) {
        if (in.deaths >= FAULT_DEATHS) {
            quarantine(r, &in); /* which has its bytes; the capture may be what they kill */
        } else {
            pcap_frame(&r->pcap, in.head, in.head_len, in.tail, in.tail_len);
        }
        forward(r, &in);
        frames++;
    }
    ask_for_hops(r);
    flush(r);
    r->flushed = port_tail(r->port);
    hold_flushed(&r->hold);
    talk_up_flush(r->talk);
    return n + frames;
}
