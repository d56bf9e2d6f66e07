/* ofproxy/of_session.c - the handshake, echoes, ports, and what a switch tells of itself.
 *
 *     HELLO both ways; FEATURES_REQUEST, SET_CONFIG, GET_CONFIG_REQUEST, STATS_REQUEST (DESC),
 *     FLOW_MOD (the miss flow), BARRIER_REQUEST in one write; ready when FEATURES_REPLY and
 *     BARRIER_REPLY are there. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/counter.h"
#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/of_dial.h"
#include "ofproxy/ofproxy.h"

#define MISS_SEND_LEN 65535               /* whole frames, none kept in the switch */
#define FLOW_COOKIE 0x4361757365776179ull /* "Causeway": marks the flows that are ours */
#define PATIENCE 3                        /* ECHO_REQUESTs that may stay unanswered */

static struct wire_in body_of(const struct of_msg *m)
{
    return (struct wire_in){m->bytes + OF_HEADER, m->bytes + m->h.length, false};
}

static void fault(struct of_conn *c, const struct of_msg *m, enum of10_error_number code,
                  const char *why)
{
    conn_fault(c, OF10_BAD_REQUEST, (uint16_t)code, m->bytes, m->h.length, why);
}

/* ---- handshake ---------------------------------------------------------------------------- */

void session_start(struct of_conn *c)
{
    conn_send(c, OF10_TYPE_HELLO, conn_xid(c), NULL, 0);
}

/* Every frame that no other flow takes goes to the controller, whole.  OpenFlow 1.0 does that on a
 * miss by itself (3.4), but Open vSwitch keeps what it decided on a miss without a controller
 * (drop) for as long as the traffic lasts; a change of the flow table makes it decide again.  An
 * ADD of a flow that is there replaces it (4.6), so nothing is flushed and a restart does no harm.
 */
static void send_miss_flow(struct of_conn *c)
{
    uint8_t body[72];
    struct wire_out out = {body, body + sizeof body, false};

    of10_flow_mod_put(&out, &(struct of10_flow_mod){.wildcards = OF10_WILDCARDS_ALL,
                                                    .cookie = FLOW_COOKIE,
                                                    .buffer_id = OF_NO_BUFFER,
                                                    .out_port = OF10_PORT_NONE});
    of10_action_output_put(&out, &(struct of10_action_output){OF10_ACTION_TYPE_OUTPUT, 8,
                                                              OF10_PORT_CONTROLLER, MISS_SEND_LEN});
    conn_send(c, OF10_TYPE_FLOW_MOD, conn_xid(c), body, sizeof body);
}

void session_ask(struct of_conn *c)
{
    uint8_t config[4], stats[4];
    struct wire_out config_out = {config, config + sizeof config, false};
    struct wire_out stats_out = {stats, stats + sizeof stats, false};

    of10_switch_config_put(&config_out, &(struct of10_switch_config){0, MISS_SEND_LEN});
    of10_stats_request_put(&stats_out, &(struct of10_stats_request){OF10_STATS_DESC, 0});
    conn_send(c, OF10_TYPE_FEATURES_REQUEST, conn_xid(c), NULL, 0);
    conn_send(c, OF10_TYPE_SET_CONFIG, conn_xid(c), config, sizeof config);
    conn_send(c, OF10_TYPE_GET_CONFIG_REQUEST, conn_xid(c), NULL, 0);
    conn_send(c, OF10_TYPE_STATS_REQUEST, conn_xid(c), stats, sizeof stats);
    send_miss_flow(c);
    c->barrier_xid = conn_xid(c);
    conn_send(c, OF10_TYPE_BARRIER_REQUEST, c->barrier_xid, NULL, 0);
}

void on_HELLO(struct of_conn *c, const struct of_msg *m)
{
    const struct of_version *v = c->dialect->version;
    bool bad = false;
    char text[160];

    if (c->state != CONN_HELLO) {
        fault(c, m, OF10_BAD_REQUEST_BAD_TYPE, "a second HELLO");
        return;
    }
    if (m->h.version == 0 || !of_hello_allows(m->bytes, m->h.length, v->version, &bad)) {
        snprintf(text, sizeof text,
                 bad ? "its HELLO has an element that is cut; expected elements of 4 bytes or more"
                     : "no version in common: its HELLO says %u, %s (wire version %u) is spoken "
                       "here; allow it in the switch (ovs-vsctl set bridge NAME "
                       "protocols=OpenFlow10)",
                 m->h.version, v->name, v->version);
        conn_hello_failed(c, text);
        return;
    }
    c->state = CONN_FEATURES;
    session_ask(c);
}

static void become_ready(struct of_conn *c)
{
    c->state = CONN_READY;
    c->ready_time = (uint64_t)time(NULL);
    c->proxy->changed = true;
    of_dial_news(c->dial, "");
    peer_log(c->proxy, LOG_INFO, "switch ready %s version=\"%s\" ports=%u", conn_name(c),
             c->dialect->version->name, ports_count(&c->proxy->ports, c->dpid));
    c->asked_ns = 0; /* the first ECHO_REQUEST goes out with the next tick: it measures */
}

void on_BARRIER_REPLY(struct of_conn *c, const struct of_msg *m)
{
    if (c->state == CONN_BARRIER && m->h.xid == c->barrier_xid) {
        become_ready(c);
    } else if (c->state == CONN_FEATURES && m->h.xid == c->barrier_xid) {
        fault(c, m, OF10_BAD_REQUEST_BAD_TYPE,
              "BARRIER_REPLY before FEATURES_REPLY, which was asked for first");
    }
}

/* ---- ports -------------------------------------------------------------------------------- */

static void take_name(char name[26], const uint8_t wire[16])
{
    size_t len = strnlen((const char *)wire, 16);

    memset(name, 0, 26);
    for (size_t i = 0; i < len; i++) {
        name[i] = wire[i] > 0x20 && wire[i] < 0x7f && wire[i] != '"' ? (char)wire[i] : '?';
    }
}

/* Only a port that a frame can be sent to by number has a row: not LOCAL, not 0. */
static bool is_real(unsigned port)
{
    return port > 0 && port < OF10_PORT_MAX;
}

static void put_port(struct of_conn *c, const struct of10_phy_port *port)
{
    struct port_news news = {.port = port->port_no, .speed = of10_speed(port->curr)};

    news.up = !(port->config & OF10_PORT_CONFIG_DOWN) && !(port->state & OF10_PORT_STATE_LINK_DOWN);
    memcpy(news.mac, port->hw_addr, sizeof news.mac);
    take_name(news.name, port->name);
    if (!ports_put(&c->proxy->ports, c->dpid, c->session, &news)) {
        peer_log(c->proxy, LOG_WARN,
                 "port ignored %s port=%u cause=\"all %d rows of the ports board are in use\"",
                 conn_name(c), port->port_no, PORTS_ROWS);
    }
}

/* What an earlier session had announced goes with the first reply; a later one finds none of it. */
static void put_ports(struct of_conn *c, struct wire_in *in, bool first)
{
    struct of10_phy_port port;

    while (wire_left(in) > 0 && of10_phy_port_get(in, &port)) {
        if (is_real(port.port_no)) {
            put_port(c, &port);
        }
    }
    if (first) {
        ports_sweep(&c->proxy->ports, c->dpid, c->session);
    }
    ports_publish(&c->proxy->ports);
}

void on_FEATURES_REPLY(struct of_conn *c, const struct of_msg *m)
{
    struct wire_in in = body_of(m);
    struct of10_switch_features f;
    bool first = !c->known;

    of10_switch_features_get(&in, &f);
    if (c->known && f.datapath_id != c->dpid) {
        fault(c, m, OF10_BAD_REQUEST_EPERM, "its datapath-id changed on a live connection");
        return;
    }
    if (first) {
        if (c->state == CONN_CLAIM || !claim_dpid(c, m, f.datapath_id)) {
            return;
        }
        c->state = CONN_BARRIER;
    }
    put_ports(c, &in, first);
}

static void tell_port(struct of_conn *c, const struct of10_port_status *s)
{
    bool up = !(s->config & OF10_PORT_CONFIG_DOWN) && !(s->state & OF10_PORT_STATE_LINK_DOWN);
    char name[26];

    take_name(name, s->name);
    peer_log(c->proxy, LOG_INFO, "port changed %s port=%u name=%s state=%s", conn_name(c),
             s->port_no, name,
             s->reason == OF10_PORT_DELETE ? "gone"
             : up                          ? "up"
                                           : "down");
}

void on_PORT_STATUS(struct of_conn *c, const struct of_msg *m)
{
    struct wire_in in = body_of(m);
    struct of10_port_status s;
    struct of10_phy_port port;
    bool known;

    counter_add(OFPROXY_PORT_STATUS, 1);
    of10_port_status_get(&in, &s);
    if (!c->known) {
        return; /* FEATURES_REPLY, still to come, tells the same */
    }
    known = is_real(s.port_no);
    if (known && s.reason == OF10_PORT_DELETE) {
        known = ports_gone(&c->proxy->ports, c->dpid, s.port_no);
    } else if (known) {
        in = (struct wire_in){m->bytes + OF_HEADER + 8, m->bytes + m->h.length, false};
        of10_phy_port_get(&in, &port);
        put_port(c, &port);
    }
    if (c->proxy->ports.changed) {
        tell_port(c, &s);
    }
    ports_publish(&c->proxy->ports);
    if (!known && s.port_no < OF10_PORT_MAX) {
        peer_log(c->proxy, LOG_WARN, "port status ignored %s port=%u cause=\"no such port\"",
                 conn_name(c), s.port_no);
    }
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

void session_tick(struct of_conn *c, uint64_t now_ns)
{
    static const char *const late[] = {
        [CONN_HELLO] = "no HELLO in time",
        [CONN_FEATURES] = "no FEATURES_REPLY in time",
        [CONN_BARRIER] = "no BARRIER_REPLY in time",
        [CONN_CLAIM] = "its datapath-id is another connection's",
    };

    if (c->paused) {
        c->paused = false;
        conn_watch(c);
        stream_resume(c);
    }
    if (c->state == CONN_FREE) {
        return; /* what was left behind was its end */
    }
    if (c->state == CONN_READY) {
        keep_alive(c, now_ns);
    } else if (c->state == CONN_CLOSING) {
        if (now_ns >= c->close_ns) {
            conn_close(c, "refused");
        }
    } else if (now_ns - c->opened_ns >= c->proxy->handshake_ns) {
        conn_doom(c, late[c->state]);
    } else if (c->state == CONN_CLAIM) {
        claim_tick(c, now_ns);
    }
}

/* ---- the rest ----------------------------------------------------------------------------- */

void on_ERROR(struct of_conn *c, const struct of_msg *m)
{
    const struct of_version *v = c->dialect->version;
    struct wire_in in = body_of(m);
    struct of10_error e;
    char text[120] = "";

    counter_add(OFPROXY_ERRORS_RX, 1);
    of10_error_get(&in, &e);
    if (e.type == OF10_HELLO_FAILED) {
        for (size_t i = 0; i < wire_left(&in) && i < sizeof text - 1; i++) {
            text[i] = in.p[i] >= 0x20 && in.p[i] < 0x7f && in.p[i] != '"' ? (char)in.p[i] : '?';
        }
    } else if (wire_left(&in) >= OF_HEADER) {
        of_print(v, in.p, wire_left(&in), text, sizeof text);
    }
    c->errors++;
    c->error_time = (uint64_t)time(NULL);
    snprintf(c->error, sizeof c->error, "%s: %s", of_error_type(v, e.type),
             of_error_code(v, e.type, e.code));
    peer_log(c->proxy, LOG_WARN,
             "error received %s type=\"%s\" code=\"%s\" numbers=%u/%u about=\"%s\"", conn_name(c),
             of_error_type(v, e.type), of_error_code(v, e.type, e.code), e.type, e.code, text);
    if (e.type == OF10_HELLO_FAILED) {
        conn_doom(c, "it refused our HELLO");
    } else if (m->h.xid == c->barrier_xid && c->state == CONN_BARRIER) {
        become_ready(c); /* it knows no barriers, and answers in order all the same */
    }
}

void on_VENDOR(struct of_conn *c, const struct of_msg *m)
{
    struct wire_in in = body_of(m);
    struct of10_vendor v;

    of10_vendor_get(&in, &v);
    peer_log(c->proxy, LOG_INFO, "vendor message refused %s vendor=0x%08x", conn_name(c), v.vendor);
    conn_send_error(c, m->h.xid, OF10_BAD_REQUEST, OF10_BAD_REQUEST_BAD_VENDOR, m->bytes,
                    m->h.length < OF_ERROR_DATA ? m->h.length : OF_ERROR_DATA);
}

void on_GET_CONFIG_REPLY(struct of_conn *c, const struct of_msg *m)
{
    struct wire_in in = body_of(m);
    struct of10_switch_config config;

    of10_switch_config_get(&in, &config);
    if (config.miss_send_len != MISS_SEND_LEN) {
        peer_log(c->proxy, LOG_WARN,
                 "switch sends cut frames %s miss_send_len=%u asked=%u; longer ones are dropped",
                 conn_name(c), config.miss_send_len, MISS_SEND_LEN);
    }
}

static void take_text(char *to, size_t size, const uint8_t *from)
{
    size_t len = strnlen((const char *)from, size - 1);

    for (size_t i = 0; i < len; i++) {
        to[i] = from[i] >= 0x20 && from[i] < 0x7f ? (char)from[i] : '?';
    }
    to[len] = '\0';
}

void on_STATS_REPLY(struct of_conn *c, const struct of_msg *m)
{
    struct wire_in in = body_of(m);
    struct of_description *d = &c->description;
    struct of10_desc_stats desc;
    struct of10_stats_reply s;

    of10_stats_reply_get(&in, &s);
    if (s.type != OF10_STATS_DESC || !of10_desc_stats_get(&in, &desc)) {
        return; /* not asked for */
    }
    take_text(d->manufacturer, sizeof d->manufacturer, desc.mfr_desc);
    take_text(d->hardware, sizeof d->hardware, desc.hw_desc);
    take_text(d->software, sizeof d->software, desc.sw_desc);
    take_text(d->serial, sizeof d->serial, desc.serial_num);
    take_text(d->datapath, sizeof d->datapath, desc.dp_desc);
}

void on_FLOW_REMOVED(struct of_conn *c, const struct of_msg *m)
{
    (void)c, (void)m; /* ours ask for no such message, so it is somebody else's */
}

void on_QUEUE_GET_CONFIG_REPLY(struct of_conn *c, const struct of_msg *m)
{
    (void)c, (void)m; /* not asked for */
}
