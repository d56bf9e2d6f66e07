/* ofproxy/of_session.c - the steps of a session, the same for every version.
 *
 *     HELLO both ways            the version is agreed (of_hello.c)
 *     FEATURES_REQUEST           whose datapath-id it is (of_claim.c), or whose auxiliary
 * (of_aux.c) role                       only where the configuration asks for one (of_role.c) in
 * one write: what Nicira adds, SET_CONFIG, asynchronous messages, GET_CONFIG_REQUEST, DESC, the
 * ports, our flows (of_flows.c), BARRIER_REQUEST READY                      ports and barrier are
 * there; old flows are looked for
 *
 * A slave sends nothing that changes the switch: of the write there is what concerns its own
 * connection. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/counter.h"
#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/of_dial.h"
#include "ofproxy/ofproxy.h"

#define MISS_SEND_LEN 65535 /* whole frames, none kept in the switch */
#define PATIENCE 3          /* ECHO_REQUESTs that may stay unanswered */

void session_text(char *to, size_t size, const uint8_t *from, size_t len)
{
    size_t n = 0;

    for (; n < len && n < size - 1 && from[n] != 0; n++) {
        to[n] = from[n] >= 0x20 && from[n] < 0x7f && from[n] != '"' ? (char)from[n] : '?';
    }
    to[n] = '\0';
}

/* ---- handshake ---------------------------------------------------------------------------- */

void session_start(struct of_conn *c)
{
    hello_send(c);
}

void session_ask(struct of_conn *c)
{
    conn_send(c, OF10_TYPE_FEATURES_REQUEST, conn_xid(c), NULL, 0);
}

void on_HELLO(struct of_conn *c, const struct of_msg *m)
{
    const struct of_dialect *d;
    char why[200];

    if (c->state != CONN_HELLO) {
        session_fault(c, m, OF10_BAD_REQUEST_BAD_TYPE, "a second HELLO");
        return;
    }
    d = hello_agree(c, m, why, sizeof why);
    if (!d) {
        conn_hello_failed(c, m->h.version, why);
        return;
    }
    c->dialect = d;
    c->state = CONN_FEATURES;
    session_ask(c);
}

bool session_features(struct of_conn *c, const struct of_msg *m, uint64_t dpid, unsigned aux_id)
{
    if ((c->known || c->main) && dpid != c->dpid) {
        session_fault(c, m, OF10_BAD_REQUEST_EPERM, "its datapath-id changed on a live connection");
        return false;
    }
    if (c->state != CONN_FEATURES) {
        return c->known;
    }
    if (aux_id != 0) {
        aux_tie(c, m, dpid, aux_id);
        return false;
    }
    if (!claim_dpid(c, m, dpid)) {
        return false;
    }
    c->state = CONN_BARRIER;
    return true;
}

static void on_description(struct of_conn *c, const struct of_answer *a, void *context)
{
    struct wire_in in = {a->body, a->body + a->len, false};
    struct of_description *d = &c->description;
    struct of10_desc_stats desc; /* the same in every version */

    (void)context;
    if ((a->news != ASK_PART && a->news != ASK_LAST) || !of10_desc_stats_get(&in, &desc)) {
        return;
    }
    session_text(d->manufacturer, sizeof d->manufacturer, desc.mfr_desc, sizeof desc.mfr_desc);
    session_text(d->hardware, sizeof d->hardware, desc.hw_desc, sizeof desc.hw_desc);
    session_text(d->software, sizeof d->software, desc.sw_desc, sizeof desc.sw_desc);
    session_text(d->serial, sizeof d->serial, desc.serial_num, sizeof desc.serial_num);
    session_text(d->datapath, sizeof d->datapath, desc.dp_desc, sizeof desc.dp_desc);
}

void session_configure(struct of_conn *c)
{
    nx_configure(c);
    c->dialect->configure(c);
    conn_send(c, OF10_TYPE_GET_CONFIG_REQUEST, conn_xid(c), NULL, 0);
    conn_ask_stats(c, OF10_STATS_DESC, NULL, 0, on_description, NULL);
    c->ports_told = c->dialect->ask_ports == NULL;
    if (c->dialect->ask_ports) {
        c->dialect->ask_ports(c);
    }
    flows_install(c);
}

void session_ready(struct of_conn *c)
{
    if (c->state != CONN_BARRIER || !c->ports_told || !c->settled) {
        return;
    }
    c->state = CONN_READY;
    c->ready_time = (uint64_t)time(NULL);
    c->proxy->changed = true;
    of_dial_news(c->dial, "");
    peer_log(c->proxy, LOG_INFO, "switch ready %s version=\"%s\" ports=%u role=%s", conn_name(c),
             c->dialect->version->name, ports_count(&c->proxy->ports, c->dpid),
             of_role_name(c->role));
    c->asked_ns = 0; /* the first ECHO_REQUEST goes out with the next tick: it measures */
    flows_sweep(c);
}

/* ---- echoes ------------------------------------------------------------------------------- */

void on_ECHO_REQUEST(struct of_conn *c, const struct of_msg *m)
{
    counter_add(OFPROXY_ECHO_REQUESTS, 1);
    conn_send(c, OF10_TYPE_ECHO_REPLY, m->h.xid, m->bytes + OF_HEADER, m->h.length - OF_HEADER);
}

void on_ECHO_REPLY(struct of_conn *c, const struct of_msg *m)
{
    if (c->echo_xid != 0 && m->h.xid == c->echo_xid) {
        c->rtt_ns = m->rx_ns - c->asked_ns;
        c->echo_xid = 0;
    }
}

void session_echo(struct of_conn *c, uint64_t now_ns)
{
    c->echo_xid = conn_xid(c);
    c->asked_ns = now_ns;
    conn_send(c, OF10_TYPE_ECHO_REQUEST, c->echo_xid, NULL, 0);
}

/* Silence counts from the last whole message: a switch that dribbles bytes is as good as silent,
 * and one that talks but takes nothing for as long as a silent one is let go, too. */
static void keep_alive(struct of_conn *c, uint64_t now_ns)
{
    uint64_t every = c->proxy->echo_ns, moving = c->out.moving_ns;

    if (moving != 0 && now_ns - moving >= (PATIENCE + 1) * every) {
        conn_doom(c, "it reads nothing of what it is sent");
        return;
    }
    if (now_ns - c->asked_ns < every) {
        return;
    }
    if (now_ns - c->heard_ns >= every) {
        if (c->unanswered == PATIENCE) {
            conn_doom(c, "three ECHO_REQUESTs went unanswered");
            return;
        }
        c->unanswered++;
    }
    session_echo(c, now_ns);
}

static const char *what_is_late(const struct of_conn *c)
{
    return c->state == CONN_HELLO      ? "no HELLO in time"
           : c->state == CONN_FEATURES ? "no FEATURES_REPLY in time"
           : c->state == CONN_CLAIM    ? "its datapath-id is another connection's"
           : !c->ports_told            ? "no list of its ports in time"
                                       : "no BARRIER_REPLY in time";
}

void session_tick(struct of_conn *c, uint64_t now_ns)
{
    if (c->paused) {
        c->paused = false;
        conn_watch(c);
        stream_resume(c);
    }
    if (c->state == CONN_FREE) {
        return; /* what was left behind was its end */
    }
    ask_tick(c, now_ns);
    if (c->state == CONN_READY) {
        keep_alive(c, now_ns);
    } else if (c->state == CONN_CLOSING) {
        if (now_ns >= c->close_ns) {
            conn_close(c, "refused");
        }
    } else if (now_ns - c->opened_ns >= c->proxy->handshake_ns) {
        conn_doom(c, what_is_late(c));
    } else if (c->state == CONN_CLAIM) {
        claim_tick(c, now_ns);
    }
}

/* ---- the rest ----------------------------------------------------------------------------- */

void session_note_error(struct of_conn *c, uint16_t type, uint16_t code)
{
    const struct of_version *v = c->dialect->version;

    c->errors++;
    c->error_time = (uint64_t)time(NULL);
    snprintf(c->error, sizeof c->error, "%s: %s", of_error_type(v, type),
             of_error_code(v, type, code));
}

void on_ERROR(struct of_conn *c, const struct of_msg *m)
{
    const struct of_version *v = c->dialect->version;
    struct wire_in in = session_body(m);
    struct of10_error e; /* the same in every version */
    char text[120] = "";

    counter_add(OFPROXY_ERRORS_RX, 1);
    of10_error_get(&in, &e);
    if (e.type == OF10_HELLO_FAILED) {
        session_text(text, sizeof text, in.p, wire_left(&in));
    } else if (of_role_lost(c, m, e.type, e.code) || ask_error(c, m, e.type, e.code)) {
        return; /* who asked says it */
    } else if (wire_left(&in) >= OF_HEADER) {
        of_print(v, in.p, wire_left(&in), text, sizeof text);
    }
    session_note_error(c, e.type, e.code);
    peer_log(c->proxy, LOG_WARN,
             "error received %s type=\"%s\" code=\"%s\" numbers=%u/%u about=\"%s\"", conn_name(c),
             of_error_type(v, e.type), of_error_code(v, e.type, e.code), e.type, e.code, text);
    if (e.type == OF10_HELLO_FAILED) {
        conn_doom(c, "it refused our HELLO");
    }
}

void on_GET_CONFIG_REPLY(struct of_conn *c, const struct of_msg *m)
{
    struct wire_in in = session_body(m);
    struct of10_switch_config config; /* the same in every version */

    of10_switch_config_get(&in, &config);
    if (config.miss_send_len != MISS_SEND_LEN && c->role != OF_ROLE_SLAVE) {
        peer_log(c->proxy, LOG_WARN,
                 "switch sends cut frames %s miss_send_len=%u asked=%u; longer ones are dropped",
                 conn_name(c), config.miss_send_len, MISS_SEND_LEN);
    }
}

void on_STATS_REPLY(struct of_conn *c, const struct of_msg *m)
{
    ask_stats_reply(c, m); /* not asked for: ignored */
}

void on_BARRIER_REPLY(struct of_conn *c, const struct of_msg *m)
{
    ask_reply(c, m);
}

void on_QUEUE_GET_CONFIG_REPLY(struct of_conn *c, const struct of_msg *m)
{
    ask_reply(c, m);
}

void on_FLOW_REMOVED(struct of_conn *c, const struct of_msg *m)
{
    (void)c, (void)m; /* ours ask for no such message, so it is somebody else's */
}
