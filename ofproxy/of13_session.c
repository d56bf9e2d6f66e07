/* ofproxy/of13_session.c - OpenFlow 1.3's words for the steps of of_session.c. */
#include <string.h>

#include "common/counter.h"
#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"
#include "ofproxy/packet_in.h"

#define PAD8(len) (((len) + 7u) & ~(size_t)7)

/* ---- ports -------------------------------------------------------------------------------- */

static struct port_news news_of(const struct of13_port *port)
{
    struct port_news news = {.port = port->port_no, .speed = port->curr_speed / 1000};

    if (news.speed == 0) {
        news.speed = of10_speed(port->curr); /* its bits have the same meaning up to 10 Gbit/s */
    }
    news.up = !(port->config & OF13_PORT_CONFIG_DOWN) && !(port->state & OF13_PORT_STATE_LINK_DOWN);
    memcpy(news.mac, port->hw_addr, sizeof news.mac);
    port_name(news.name, port->name);
    return news;
}

void on13_FEATURES_REPLY(struct of_conn *c, const struct of_msg *m)
{
    struct wire_in in = session_body(m);
    struct of13_switch_features f;
    bool first = !c->known;

    of13_switch_features_get(&in, &f);
    if (session_features(c, m, f.datapath_id, f.auxiliary_id)) {
        c->n_tables = f.n_tables;
        if (first) {
            of_role_ask(c);
        }
        ask_reply(c, m); /* of an operator's, view.h */
    }
}

static void no_ports(struct of_conn *c, const struct of_answer *a)
{
    peer_log(c->proxy, LOG_WARN,
             "ports unknown %s cause=\"%s\"; only those that it sends PORT_STATUS for are used",
             conn_name(c),
             a->news == ASK_LATE ? "it did not answer a request for their descriptions"
                                 : "it refused a request for their descriptions");
    ports_told(c);
    session_ready(c);
}

static void on_ports(struct of_conn *c, const struct of_answer *a, void *context)
{
    struct wire_in in = {a->body, a->body + a->len, false};
    struct of13_port port;

    (void)context;
    if (a->news == ASK_GONE) {
        return;
    }
    if (a->news != ASK_PART && a->news != ASK_LAST) {
        no_ports(c, a);
        return;
    }
    while (wire_left(&in) > 0 && of13_port_get(&in, &port)) {
        struct port_news news = news_of(&port);

        port_put(c, &news);
    }
    if (in.bad) {
        session_fault(c, a->m, OF13_BAD_REQUEST_BAD_LEN, "a port in its descriptions is cut");
    } else if (a->news == ASK_LAST) {
        ports_told(c);
        session_ready(c);
    }
}

static void ask_ports(struct of_conn *c)
{
    conn_ask_stats(c, OF13_MULTIPART_PORT_DESC, NULL, 0, on_ports, NULL);
}

void on13_PORT_STATUS(struct of_conn *c, const struct of_msg *m)
{
    struct wire_in in = {m->bytes + OF_HEADER + 8, m->bytes + m->h.length, false};
    struct of_conn *owner = c->main ? c->main : c;
    struct of13_port port;
    struct port_news news;

    counter_add(OFPROXY_PORT_STATUS, 1);
    of13_port_get(&in, &port);
    if (owner->known) { /* else the descriptions, still to come, tell the same */
        news = news_of(&port);
        port_changed(owner, &news, m->bytes[OF_HEADER] == OF13_PORT_DELETE);
    }
}

/* ---- set-up ------------------------------------------------------------------------------- */

static bool ask_role(struct of_conn *c, enum of_role role, uint64_t generation)
{
    static const uint32_t numbers[] = {OF13_ROLE_EQUAL, OF13_ROLE_MASTER, OF13_ROLE_SLAVE};
    uint8_t body[16];
    struct wire_out out = {body, body + sizeof body, false};

    of13_role_put(&out, &(struct of13_role){numbers[role], generation});
    return conn_ask(c, OF13_TYPE_ROLE_REQUEST, OF13_TYPE_ROLE_REPLY, body, sizeof body,
                    of_role_answered, NULL);
}

/* A slave gets port status alone. */
static void configure(struct of_conn *c)
{
    const uint32_t ports = 1u << OF13_PORT_ADD | 1u << OF13_PORT_DELETE | 1u << OF13_PORT_MODIFY;
    const uint32_t frames = 1u << OF13_PACKET_IN_NO_MATCH | 1u << OF13_PACKET_IN_ACTION |
                            1u << OF13_PACKET_IN_INVALID_TTL;
    uint8_t body[24];
    struct wire_out out = {body, body + sizeof body, false};

    if (c->role != OF_ROLE_SLAVE) {
        of13_switch_config_put(&out, &(struct of13_switch_config){0, OF13_MAX_LEN_NO_BUFFER});
        conn_send(c, OF13_TYPE_SET_CONFIG, conn_xid(c), body, 4);
        out.p = body;
    }
    of13_async_config_put(&out, &(struct of13_async_config){frames, 0, ports, ports, 0, 0});
    conn_send(c, OF13_TYPE_SET_ASYNC, conn_xid(c), body, sizeof body);
}

static bool set_meter(struct of_conn *c, bool exists)
{
    static bool again = true;
    uint8_t body[24];
    struct wire_out out = {body, body + sizeof body, false};

    of13_meter_mod_put(&out, &(struct of13_meter_mod){exists ? OF13_METER_MODIFY : OF13_METER_ADD,
                                                      OF13_METER_PKTPS, METER_ID});
    of13_meter_band_drop_put(&out, &(struct of13_meter_band_drop){OF13_METER_BAND_TYPE_DROP, 16,
                                                                  c->proxy->meter_rate, 0});
    return conn_tell(c, OF13_TYPE_METER_MOD, body, sizeof body, flows_metered,
                     exists ? &again : NULL);
}

static void put_empty_match(struct wire_out *out)
{
    of13_match_put(out, &(struct of13_match){OF13_MATCH_TYPE_OXM, 4});
    wire_put_zero(out, 4);
}

/* Every frame that no other flow takes goes to the controller, whole: in 1.3 a miss is dropped
 * unless a flow of priority 0 says otherwise (5.4). */
static bool add_miss_flow(struct of_conn *c, uint64_t cookie, bool metered)
{
    uint8_t body[80];
    struct wire_out out = {body, body + sizeof body, false};

    of13_flow_mod_put(&out, &(struct of13_flow_mod){.cookie = cookie,
                                                    .buffer_id = OF_NO_BUFFER,
                                                    .out_port = OF13_PORT_ANY,
                                                    .out_group = OF13_GROUP_ANY});
    put_empty_match(&out);
    if (metered) {
        of13_instruction_meter_put(
            &out, &(struct of13_instruction_meter){OF13_INSTRUCTION_TYPE_METER, 8, METER_ID});
    }
    of13_instruction_actions_put(
        &out, &(struct of13_instruction_actions){OF13_INSTRUCTION_TYPE_APPLY_ACTIONS, 8 + 16});
    if (c->proxy->controller_id != 0) {
        out.p += nx_put_controller(out.p, c->proxy->controller_id, OF13_MAX_LEN_NO_BUFFER);
    } else {
        of13_action_output_put(&out, &(struct of13_action_output){OF13_ACTION_TYPE_OUTPUT, 16,
                                                                  OF13_PORT_CONTROLLER,
                                                                  OF13_MAX_LEN_NO_BUFFER});
    }
    return conn_tell(c, OF13_TYPE_FLOW_MOD, body, (size_t)(out.p - body), flows_added, NULL);
}

/* ---- old flows ---------------------------------------------------------------------------- */

static bool one_flow(struct of_conn *c, struct wire_in *in, bool look)
{
    const uint8_t *start = in->p;
    struct of13_flow_stats f;
    struct of13_match match;
    size_t left = wire_left(in);

    if (!of13_flow_stats_get(in, &f) || f.length > left || !of13_match_get(in, &match) ||
        match.length < 4 || 48 + PAD8(match.length) > f.length) {
        return false;
    }
    flows_found(c, look,
                &(struct of_old_flow){.cookie = f.cookie,
                                      .seconds = f.duration_sec,
                                      .priority = f.priority,
                                      .table = f.table_id,
                                      .match = start + 48,
                                      .match_len = match.length});
    in->p = start + f.length;
    return true;
}

static void on_flows(struct of_conn *c, const struct of_answer *a, void *context)
{
    flows_read(c, a, context != NULL, 0, one_flow);
}

static bool ask_flows(struct of_conn *c, bool look)
{
    uint8_t body[40];
    struct wire_out out = {body, body + sizeof body, false};

    of13_flow_stats_request_put(
        &out, &(struct of13_flow_stats_request){.table_id = OF13_TABLE_ALL,
                                                .out_port = OF13_PORT_ANY,
                                                .out_group = OF13_GROUP_ANY,
                                                .cookie = (uint64_t)FLOWS_PREFIX << 32,
                                                .cookie_mask = FLOWS_MASK});
    put_empty_match(&out);
    return conn_ask_stats(c, OF13_MULTIPART_FLOW, body, sizeof body, on_flows, look ? c : NULL);
}

/* With its cookie: if somebody has put another flow in its place, that stays. */
static void delete_flow(struct of_conn *c, const struct of_old_flow *f)
{
    static uint8_t body[OF_LONGEST];
    struct wire_out out = {body, body + sizeof body - OF_HEADER, false};

    of13_flow_mod_put(&out, &(struct of13_flow_mod){.cookie = f->cookie,
                                                    .cookie_mask = UINT64_MAX,
                                                    .table_id = f->table,
                                                    .command = OF13_FLOW_DELETE_STRICT,
                                                    .priority = f->priority,
                                                    .buffer_id = OF_NO_BUFFER,
                                                    .out_port = OF13_PORT_ANY,
                                                    .out_group = OF13_GROUP_ANY});
    wire_put_bytes(&out, f->match, f->match_len);
    wire_put_zero(&out, PAD8(f->match_len) - f->match_len);
    conn_send(c, OF13_TYPE_FLOW_MOD, conn_xid(c), body, (size_t)(out.p - body));
}

/* ---- the dialect -------------------------------------------------------------------------- */

#define ROW_UP(NAME) on13_##NAME
#define ROW_BOTH(NAME) on13_##NAME
#define ROW_DOWN(NAME) NULL
#define ROW(code, NAME, name, direction, body, step) [code] = ROW_##direction(NAME),
static of_handler *const handlers[] = {OF13_MESSAGES(ROW)};

const struct of_dialect of_dialect13 = {
    .version = &of13,
    .handlers = handlers,
    .stats = OF13_TYPE_MULTIPART_REQUEST,
    .barrier = OF13_TYPE_BARRIER_REQUEST,
    .stats_head = 8,
    .last_port = OF13_PORT_MAX,
    .out_head = OF13_PACKET_OUT_HEAD,
    .out_release = OF13_RELEASE,
    .put_out_head = of13_packet_out_head,
    .put_release = of13_release,
    .ask_role = ask_role,
    .configure = configure,
    .ask_ports = ask_ports,
    .set_meter = set_meter,
    .add_miss_flow = add_miss_flow,
    .ask_flows = ask_flows,
    .delete_flow = delete_flow,
};
