/* ofproxy/of10_session.c - OpenFlow 1.0's words for the steps of of_session.c. */
#include <string.h>

#include "common/counter.h"
#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"

#define MISS_SEND_LEN 65535   /* whole frames, none kept in the switch */
#define INVALID_TTL (1u << 2) /* a flag of Open vSwitch: frames whose TTL runs out come to us */
#define TABLES_ALL 0xff
#define STATS_FLOW 1
#define DELETE_STRICT 4

/* ---- ports -------------------------------------------------------------------------------- */

static struct port_news news_of(const struct of10_phy_port *port)
{
    struct port_news news = {.port = port->port_no, .speed = of10_speed(port->curr)};

    news.up = !(port->config & OF10_PORT_CONFIG_DOWN) && !(port->state & OF10_PORT_STATE_LINK_DOWN);
    memcpy(news.mac, port->hw_addr, sizeof news.mac);
    port_name(news.name, port->name);
    return news;
}

void on_FEATURES_REPLY(struct of_conn *c, const struct of_msg *m)
{
    struct wire_in in = session_body(m);
    struct of10_switch_features f;
    struct of10_phy_port port;
    bool first = !c->known;

    of10_switch_features_get(&in, &f);
    if (!session_features(c, m, f.datapath_id, 0)) {
        return;
    }
    c->n_tables = f.n_tables;
    while (wire_left(&in) > 0 && of10_phy_port_get(&in, &port)) {
        struct port_news news = news_of(&port);

        port_put(c, &news);
    }
    if (first) { /* what an earlier session had announced goes; a later reply finds none of it */
        ports_told(c);
        of_role_ask(c);
    }
    ports_publish(&c->proxy->ports);
    ask_reply(c, m); /* of an operator's, view.h */
}

void on_PORT_STATUS(struct of_conn *c, const struct of_msg *m)
{
    struct wire_in in = {m->bytes + OF_HEADER + 8, m->bytes + m->h.length, false};
    struct of10_phy_port port;
    struct port_news news;

    counter_add(OFPROXY_PORT_STATUS, 1);
    of10_phy_port_get(&in, &port);
    if (c->known) { /* else FEATURES_REPLY, still to come, tells the same */
        news = news_of(&port);
        port_changed(c, &news, m->bytes[OF_HEADER] == OF10_PORT_DELETE);
    }
}

/* ---- set-up ------------------------------------------------------------------------------- */

static void configure(struct of_conn *c)
{
    uint8_t body[4];
    struct wire_out out = {body, body + sizeof body, false};

    if (c->role != OF_ROLE_SLAVE) {
        of10_switch_config_put(&out, &(struct of10_switch_config){INVALID_TTL, MISS_SEND_LEN});
        conn_send(c, OF10_TYPE_SET_CONFIG, conn_xid(c), body, sizeof body);
    }
}

/* 1.0 has no roles, Nicira has. */
static bool ask_role(struct of_conn *c, enum of_role role, uint64_t generation)
{
    (void)generation;
    return nx_ask_role(c, role);
}

/* Every frame that no other flow takes goes to the controller, whole.  OpenFlow 1.0 does that on a
 * miss by itself (3.4), but Open vSwitch keeps what it decided on a miss without a controller
 * (drop) for as long as the traffic lasts; a change of the flow table makes it decide again. */
static bool add_miss_flow(struct of_conn *c, uint64_t cookie, bool metered)
{
    uint8_t body[64 + NX_CONTROLLER];
    struct wire_out out = {body, body + sizeof body, false};

    (void)metered;
    of10_flow_mod_put(&out, &(struct of10_flow_mod){.wildcards = OF10_WILDCARDS_ALL,
                                                    .cookie = cookie,
                                                    .buffer_id = OF_NO_BUFFER,
                                                    .out_port = OF10_PORT_NONE});
    if (c->proxy->controller_id != 0) {
        out.p += nx_put_controller(out.p, c->proxy->controller_id, MISS_SEND_LEN);
    } else {
        of10_action_output_put(&out,
                               &(struct of10_action_output){OF10_ACTION_TYPE_OUTPUT, 8,
                                                            OF10_PORT_CONTROLLER, MISS_SEND_LEN});
    }
    return conn_tell(c, OF10_TYPE_FLOW_MOD, body, (size_t)(out.p - body), flows_added, NULL);
}

/* ---- old flows ---------------------------------------------------------------------------- */

static bool one_flow(struct of_conn *c, struct wire_in *in, bool look)
{
    const uint8_t *start = in->p;
    struct of10_flow_stats f;

    if (!of10_flow_stats_get(in, &f) || f.length < 88 || f.length > (size_t)(in->end - start)) {
        return false;
    }
    flows_found(c, look,
                &(struct of_old_flow){.cookie = f.cookie,
                                      .seconds = f.duration_sec,
                                      .priority = f.priority,
                                      .table = f.table_id,
                                      .match = start + 4,
                                      .match_len = 40});
    in->p = start + f.length;
    return true;
}

static void on_flows(struct of_conn *c, const struct of_answer *a, void *context)
{
    flows_read(c, a, context != NULL, 0, one_flow);
}

static bool ask_flows(struct of_conn *c, bool look)
{
    uint8_t body[44];
    struct wire_out out = {body, body + sizeof body, false};

    if (!c->sweep.plain) {
        return nx_ask_flows(c, look);
    }
    of10_flow_stats_request_put(&out,
                                &(struct of10_flow_stats_request){.wildcards = OF10_WILDCARDS_ALL,
                                                                  .table_id = TABLES_ALL,
                                                                  .out_port = OF10_PORT_NONE});
    return conn_ask_stats(c, STATS_FLOW, body, sizeof body, on_flows, look ? c : NULL);
}

/* A strict delete names neither table nor cookie: with one table it can only mean this flow. */
static void delete_flow(struct of_conn *c, const struct of_old_flow *f)
{
    uint8_t body[64];
    struct wire_out out = {body + 40, body + sizeof body, false};

    if (!c->sweep.plain) {
        nx_delete_flow(c, f);
    } else if (c->n_tables > 1) {
        if (!c->sweep.foreign) {
            c->sweep.foreign = true;
            peer_log(c->proxy, LOG_WARN,
                     "old flows stay %s cause=\"in OpenFlow 1.0 a flow of one of several tables "
                     "cannot be deleted by itself\" cure=\"let the switch speak OpenFlow 1.3\"",
                     conn_name(c));
        }
    } else {
        memcpy(body, f->match, 40);
        wire_put_zero(&out, 24);
        wire_store_uint16(body + 48, DELETE_STRICT);
        wire_store_uint16(body + 54, f->priority);
        wire_store_uint32(body + 56, OF_NO_BUFFER);
        wire_store_uint16(body + 60, OF10_PORT_NONE);
        conn_send(c, OF10_TYPE_FLOW_MOD, conn_xid(c), body, sizeof body);
    }
}

/* ---- the dialect -------------------------------------------------------------------------- */

static void put_out_head(uint8_t *head, uint32_t xid, uint32_t port, size_t len)
{
    of10_packet_out_head(head, xid, (uint16_t)port, len);
}

#define ROW_UP(NAME) on_##NAME
#define ROW_BOTH(NAME) on_##NAME
#define ROW_DOWN(NAME) NULL
#define ROW(code, NAME, name, direction, body, step) [code] = ROW_##direction(NAME),
static of_handler *const handlers[] = {OF10_MESSAGES(ROW)};

const struct of_dialect of_dialect10 = {
    .version = &of10,
    .handlers = handlers,
    .stats = OF10_TYPE_STATS_REQUEST,
    .barrier = OF10_TYPE_BARRIER_REQUEST,
    .stats_head = 4,
    .last_port = OF10_PORT_MAX - 1,
    .out_head = OF10_PACKET_OUT_HEAD,
    .out_release = OF10_RELEASE,
    .put_out_head = put_out_head,
    .put_release = of10_release,
    .ask_role = ask_role,
    .configure = configure,
    .add_miss_flow = add_miss_flow,
    .ask_flows = ask_flows,
    .delete_flow = delete_flow,
};
