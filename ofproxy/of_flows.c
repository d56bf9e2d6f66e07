/* ofproxy/of_flows.c - installing, then sweeping. */
#include "ofproxy/of_flows.h"

#include <time.h>

#include "common/counter.h"
#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"

#define SLACK_S 2 /* a switch's clock and ours may tick apart by this */

/* ---- epochs ------------------------------------------------------------------------------- */

static uint64_t cookie_of(const struct ofproxy *p)
{
    return (uint64_t)FLOWS_PREFIX << 32 | p->epoch;
}

/* Kept in the run directory at once; no other count goes with it. */
static void set_epoch(struct ofproxy *p, uint32_t epoch)
{
    struct counter_tally none = {0};

    p->epoch = epoch;
    counter_apply(&none, MARK_EPOCH, epoch);
}

void flows_open(struct ofproxy *p, unsigned meter_rate)
{
    uint64_t now = (uint64_t)time(NULL), last = counter_mark(MARK_EPOCH);

    p->started_ns = loop_now_ns();
    p->meter_rate = meter_rate;
    set_epoch(p, (uint32_t)(last >= now && last < UINT32_MAX ? last + 1 : now));
    p->generation = p->epoch;
}

/* ---- installing --------------------------------------------------------------------------- */

static void add(struct of_conn *c, bool metered)
{
    if (c->role == OF_ROLE_SLAVE) { /* since the meter was asked for */
        c->settled = true;
        session_ready(c);
        return;
    }
    c->sweep.metered = metered;
    c->dialect->add_miss_flow(c, cookie_of(c->proxy), metered);
}

static void on_slave_settled(struct of_conn *c, const struct of_answer *a, void *context)
{
    (void)context;
    if (a->news == ASK_LAST || a->news == ASK_ERROR) {
        c->settled = true;
        session_ready(c);
    }
}

static void install(struct of_conn *c)
{
    if (c->proxy->meter_rate > 0 && c->dialect->set_meter && !c->sweep.no_meter) {
        c->dialect->set_meter(c, false);
    } else {
        add(c, false);
    }
}

void flows_install(struct of_conn *c)
{
    const struct of_dialect *d = c->dialect;

    if (c->role == OF_ROLE_SLAVE) {
        conn_ask(c, d->barrier, d->barrier + 1, NULL, 0, on_slave_settled, NULL);
    } else {
        c->sweep.begun = true;
        d->ask_flows(c, true); /* answered before they are replaced */
        install(c);
    }
}

static void do_without_meter(struct of_conn *c, const struct of_answer *a, const char *what)
{
    const struct of_version *v = c->dialect->version;

    c->sweep.no_meter = true;
    session_note_error(c, a->type, a->code);
    peer_log(
        c->proxy, LOG_WARN,
        "no meter in the switch %s cause=\"it refused %s: %s: %s\"; all frames come; the rates "
        "of the ingress classes hold here",
        conn_name(c), what, of_error_type(v, a->type), of_error_code(v, a->type, a->code));
    add(c, false);
}

void flows_metered(struct of_conn *c, const struct of_answer *a, void *context)
{
    const bool *exists = context;

    if (a->news == ASK_LAST) {
        add(c, true);
    } else if (a->news == ASK_ERROR && !exists && a->type == OF13_METER_MOD_FAILED &&
               a->code == OF13_METER_MOD_FAILED_METER_EXISTS) {
        c->dialect->set_meter(c, true); /* a predecessor's: its rate is set, and its flow stays */
    } else if (a->news == ASK_ERROR) {
        do_without_meter(c, a, "it");
    }
}

void flows_added(struct of_conn *c, const struct of_answer *a, void *context)
{
    const struct of_version *v = c->dialect->version;

    (void)context;
    if (a->news == ASK_ERROR && c->sweep.metered) {
        do_without_meter(c, a, "a flow with it");
        return;
    }
    /* (not: it knows no barriers, as may be in 1.0) */
    if (a->news == ASK_ERROR && (a->type != OF10_BAD_REQUEST || c->dialect != &of_dialect10)) {
        session_note_error(c, a->type, a->code);
        peer_log(c->proxy, LOG_WARN,
                 "flow refused %s type=\"%s\" code=\"%s\"; frames come only where other flows send "
                 "them here",
                 conn_name(c), of_error_type(v, a->type), of_error_code(v, a->type, a->code));
    }
    if (a->news == ASK_LAST || a->news == ASK_ERROR) {
        c->settled = true;
        if (c->state == CONN_READY) {
            flows_sweep(c); /* it was a newer epoch's set */
        } else {
            session_ready(c);
        }
    }
}

/* ---- sweeping ----------------------------------------------------------------------------- */

void flows_sweep(struct of_conn *c)
{
    c->sweep.round = 0;
    if (c->role != OF_ROLE_SLAVE) {
        c->dialect->ask_flows(c, false);
    }
}

/* A flow that is older than this process is not its own, whatever its cookie says: the clock went
 * back, and the run directory was new.  Once our epoch cannot be raised any more, what has it
 * stays.
 */
static bool is_ours(const struct of_conn *c, const struct of_old_flow *f)
{
    uint64_t up = (loop_now_ns() - c->proxy->started_ns) / 1000000000u;

    return (uint32_t)f->cookie == c->proxy->epoch &&
           (f->seconds <= up + SLACK_S || c->proxy->raised == EPOCHS_MOST);
}

void flows_found(struct of_conn *c, bool look, const struct of_old_flow *f)
{
    struct ofproxy *p = c->proxy;
    uint32_t epoch = (uint32_t)f->cookie;

    if (f->cookie >> 32 != FLOWS_PREFIX || is_ours(c, f)) {
        return;
    }
    if (epoch >= p->epoch && epoch != UINT32_MAX) {
        p->newest = epoch > p->newest ? epoch : p->newest;
    }
    if (!look && c->role != OF_ROLE_SLAVE && c->sweep.round < SWEEP_MOST) {
        c->sweep.round++;
        c->sweep.deleted++;
        c->dialect->delete_flow(c, f);
    }
}

/* Flows of a later epoch than ours were found: ours becomes later still, and every switch that has
 * it gets it anew.  But a switch that shows a later one each time is not followed for ever: every
 * other switch would work for it, too. */
static void overtake(struct ofproxy *p)
{
    log_info("epoch raised found=%u was=%u", p->newest, p->epoch);
    if (++p->raised == EPOCHS_MOST) {
        log_warn("epoch stays from now on raised=%u cause=\"switches show ever newer epochs\"; "
                 "such flows are removed as old ones are",
                 p->raised);
    }
    set_epoch(p, p->newest + 1);
    for (unsigned i = 0; i < p->max_conns; i++) {
        struct of_conn *c = &p->conns[i];

        if ((c->state == CONN_READY || c->state == CONN_BARRIER) && c->sweep.begun &&
            c->role != OF_ROLE_SLAVE) {
            install(c);
        }
    }
}

static void on_round(struct of_conn *c, const struct of_answer *a, void *context)
{
    (void)context;
    if (a->news == ASK_LAST) {
        flows_sweep(c);
    }
}

static void end_round(struct of_conn *c)
{
    struct of_sweep *s = &c->sweep;

    if (s->round == SWEEP_MOST && ++s->rounds < SWEEP_ROUNDS) {
        conn_ask(c, c->dialect->barrier, c->dialect->barrier + 1, NULL, 0, on_round, NULL);
        return;
    }
    if (s->deleted > 0 && !s->foreign) {
        peer_log(c->proxy, LOG_INFO, "old flows removed %s count=%u", conn_name(c), s->deleted);
    }
    s->deleted = s->rounds = 0;
}

static void flows_end(struct of_conn *c, bool look, const struct of_answer *a)
{
    struct ofproxy *p = c->proxy;

    if (a->news == ASK_LAST && p->newest >= p->epoch && p->raised < EPOCHS_MOST) {
        overtake(p);
    } else if (a->news == ASK_ERROR && c->dialect == &of_dialect10 && !c->sweep.plain) {
        c->sweep.plain = true; /* it does not know Nicira's */
        if (!look) {
            flows_sweep(c);
        }
    } else if (!look && (a->news == ASK_ERROR || a->news == ASK_LATE)) {
        peer_log(p, LOG_WARN,
                 "old flows not looked for %s cause=\"%s\"; what an earlier ofproxy installed may "
                 "stay",
                 conn_name(c),
                 a->news == ASK_LATE ? "it did not answer a request for its flows"
                                     : "it refused a request for its flows");
    } else if (!look && a->news == ASK_LAST) {
        end_round(c);
    }
}

void flows_read(struct of_conn *c, const struct of_answer *a, bool look, size_t head,
                flow_reader *one)
{
    struct wire_in in = {a->body, a->body + a->len, false};

    if (a->news != ASK_PART && a->news != ASK_LAST) {
        flows_end(c, look, a);
        return;
    }
    wire_bytes(&in, head);
    while (!in.bad && wire_left(&in) > 0) {
        in.bad = !one(c, &in, look);
    }
    if (in.bad) {
        session_fault(c, a->m, OF10_BAD_REQUEST_BAD_LEN, "a flow in its statistics is cut");
    } else if (a->news == ASK_LAST) {
        flows_end(c, look, a);
    }
}
