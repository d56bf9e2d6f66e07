/* ofproxy/of_nx.c - Nicira's messages, which Open vSwitch knows in every version: roles and flow
 * statistics for 1.0, formats of packet-ins, the controller's number. */
#include <string.h>

#include "common/counter.h"
#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"
#include "ofproxy/packet_in.h"

#define NICIRA 0x00002320u
#define PAD8(len) (((len) + 7u) & ~(size_t)7)
#define ACTION_CONTROLLER 20
#define ONF 0x4f4e4600u /* its role status, 1.4's, is sent by Open vSwitch in 1.3 */
#define ONF_ROLE_STATUS 1911
#define HEAD 8 /* vendor and subtype, after the header of the message */

enum subtype {
    ROLE_REQUEST = 10,
    ROLE_REPLY = 11,
    FLOW_MOD = 13,
    FLOW_REMOVED = 14,
    SET_PACKET_IN_FORMAT = 16,
    PACKET_IN = 17,
    SET_CONTROLLER_ID = 20,
    FLOW_MONITOR_PAUSED = 22,
    FLOW_MONITOR_RESUMED = 23,
    PACKET_IN2 = 30
};

static struct wire_out begin(uint8_t *body, size_t size, uint32_t subtype)
{
    wire_store_uint32(body, NICIRA);
    wire_store_uint32(body + 4, subtype);
    return (struct wire_out){body + HEAD, body + size, false};
}

/* ---- what is asked for -------------------------------------------------------------------- */

static void on_role(struct of_conn *c, const struct of_answer *a, void *context)
{
    struct of_answer other = {.news = ASK_LATE};
    bool reply =
        a->news == ASK_LAST && a->len >= HEAD + 4 && wire_load_uint32(a->body + 4) == ROLE_REPLY;

    of_role_answered(c, reply || a->news != ASK_LAST ? a : &other, context);
}

bool nx_ask_role(struct of_conn *c, enum of_role role)
{
    static const uint32_t numbers[] = {0, 1, 2};
    uint8_t body[HEAD + 4];

    begin(body, sizeof body, ROLE_REQUEST);
    wire_store_uint32(body + HEAD, numbers[role]);
    return conn_ask(c, OF10_TYPE_VENDOR, OF10_TYPE_VENDOR, body, sizeof body, on_role, NULL);
}

/* Flows that send frames to "the controller" mean those of number 0: ours has to name us. */
size_t nx_put_controller(uint8_t *action, uint16_t controller_id, uint16_t max_len)
{
    memset(action, 0, NX_CONTROLLER);
    wire_store_uint16(action, 0xffff);
    wire_store_uint16(action + 2, NX_CONTROLLER);
    wire_store_uint32(action + 4, NICIRA);
    wire_store_uint16(action + 8, ACTION_CONTROLLER);
    wire_store_uint16(action + 10, max_len);
    wire_store_uint16(action + 12, controller_id);
    return NX_CONTROLLER; /* reason 0: no other flow took it */
}

void nx_configure(struct of_conn *c)
{
    const struct ofproxy *p = c->proxy;
    uint8_t body[HEAD + 8] = {0};

    if (p->packet_in_format > 0) {
        begin(body, sizeof body, SET_PACKET_IN_FORMAT);
        wire_store_uint32(body + HEAD, p->packet_in_format);
        conn_send(c, OF10_TYPE_VENDOR, conn_xid(c), body, HEAD + 4);
    }
    if (p->controller_id > 0) {
        memset(body, 0, sizeof body);
        begin(body, sizeof body, SET_CONTROLLER_ID);
        wire_store_uint16(body + HEAD + 6, p->controller_id);
        conn_send(c, OF10_TYPE_VENDOR, conn_xid(c), body, sizeof body);
    }
}

/* ---- flows of ours ------------------------------------------------------------------------ */

#define STATS_VENDOR 0xffff
#define STATS_HEAD 12            /* vendor, subtype (0: flows), padding; of a request and a reply */
#define NXM_COOKIE 0x00013c08u   /* the field of a cookie; its value has 8 bytes */
#define NXM_COOKIE_W 0x00013d10u /* the same with a mask */
#define FLOW_FIXED 48            /* bytes of a flow before its match */

static bool one_flow(struct of_conn *c, struct wire_in *in, bool look)
{
    const uint8_t *p = in->p;
    size_t left = wire_left(in), length, match_len;

    if (left < FLOW_FIXED) {
        return false;
    }
    length = wire_load_uint16(p);
    match_len = wire_load_uint16(p + 18);
    if (length > left || FLOW_FIXED + PAD8(match_len) > length) {
        return false;
    }
    flows_found(c, look,
                &(struct of_old_flow){.cookie = wire_load_uint64(p + 24),
                                      .seconds = wire_load_uint32(p + 4),
                                      .priority = wire_load_uint16(p + 12),
                                      .table = p[2],
                                      .match = p + FLOW_FIXED,
                                      .match_len = match_len});
    in->p += length;
    return true;
}

static void on_flows(struct of_conn *c, const struct of_answer *a, void *context)
{
    flows_read(c, a, context != NULL, STATS_HEAD, one_flow);
}

bool nx_ask_flows(struct of_conn *c, bool look)
{
    uint8_t body[STATS_HEAD + 8 + 24] = {0};
    uint8_t *p = body + STATS_HEAD;

    wire_store_uint32(body, NICIRA);
    wire_store_uint16(p, OF10_PORT_NONE);
    wire_store_uint16(p + 2, 20); /* bytes of the match */
    p[4] = 0xff;                  /* all tables */
    wire_store_uint32(p + 8, NXM_COOKIE_W);
    wire_store_uint64(p + 12, (uint64_t)FLOWS_PREFIX << 32);
    wire_store_uint64(p + 20, FLOWS_MASK);
    return conn_ask_stats(c, STATS_VENDOR, body, sizeof body, on_flows, look ? c : NULL);
}

/* The cookie is a part of the match: a flow of somebody else's with the same match stays. */
void nx_delete_flow(struct of_conn *c, const struct of_old_flow *f)
{
    static uint8_t body[OF_LONGEST];
    struct wire_out out = begin(body, sizeof body - OF_HEADER, FLOW_MOD);
    size_t match_len = f->match_len + 12;

    wire_put_zero(&out, 32);
    wire_store_uint16(body + HEAD + 8, 4); /* delete strictly */
    wire_store_uint16(body + HEAD + 14, f->priority);
    wire_store_uint32(body + HEAD + 16, OF_NO_BUFFER);
    wire_store_uint16(body + HEAD + 20, OF10_PORT_NONE);
    wire_store_uint16(body + HEAD + 24, (uint16_t)match_len);
    wire_put_bytes(&out, f->match, f->match_len);
    wire_put_zero(&out, 12 + PAD8(match_len) - match_len);
    if (!out.bad) {
        wire_store_uint32(body + HEAD + 32 + f->match_len, NXM_COOKIE);
        wire_store_uint64(body + HEAD + 36 + f->match_len, f->cookie);
        conn_send(c, OF10_TYPE_VENDOR, conn_xid(c), body, (size_t)(out.p - body));
    }
}

/* ---- packet-ins --------------------------------------------------------------------------- */

static void on_packet_in(struct of_conn *c, const struct of_msg *m)
{
    const uint8_t *p = m->bytes + OF_HEADER + HEAD;
    struct packet_in in = {0};

    if (m->h.length < OF_HEADER + HEAD + 24) {
        session_fault(c, m, OF10_BAD_REQUEST_BAD_LEN, "its nxt_packet_in is cut");
        return;
    }
    in.buffer_id = wire_load_uint32(p);
    in.len = wire_load_uint16(p + 4);
    packet_in_matched(c, m, &in, p + 24, wire_load_uint16(p + 16), 0);
}

enum property {
    PROPERTY_PACKET = 0,
    PROPERTY_FULL_LEN = 1,
    PROPERTY_BUFFER = 2,
    PROPERTY_METADATA = 6
};

static void take_property(struct packet_in *in, unsigned type, const uint8_t *value, size_t len)
{
    if (type == PROPERTY_PACKET) {
        in->frame = value;
        in->there = (uint32_t)len;
        in->len = in->len > len ? in->len : (uint32_t)len;
    } else if (type == PROPERTY_FULL_LEN && len >= 4) {
        in->len = wire_load_uint32(value);
    } else if (type == PROPERTY_BUFFER && len >= 4) {
        in->buffer_id = wire_load_uint32(value);
    } else if (type == PROPERTY_METADATA) {
        in->port = packet_in_port(value, len);
    }
}

static void on_packet_in2(struct of_conn *c, const struct of_msg *m)
{
    struct wire_in all = {m->bytes + OF_HEADER + HEAD, m->bytes + m->h.length, false};
    struct packet_in in = {.buffer_id = OF_NO_BUFFER};

    while (wire_left(&all) > 0) {
        const uint8_t *p = all.p;
        size_t left = wire_left(&all), len = left < 4 ? 0 : wire_load_uint16(p + 2);

        if (len < 4 || len > left) {
            session_fault(c, m, OF10_BAD_REQUEST_BAD_LEN,
                          "a property of its nxt_packet_in2 is cut");
            return;
        }
        take_property(&in, wire_load_uint16(p), p + 4, len - 4);
        all.p = PAD8(len) < left ? p + PAD8(len) : all.end;
    }
    packet_in_take(c, m, &in);
}

static void ignored(struct of_conn *c, const struct of_msg *m)
{
    (void)c, (void)m; /* not asked for, so it is somebody else's */
}

static const struct {
    uint32_t subtype;
    of_handler *handler;
} handlers[] = {
    {ROLE_REPLY, ignored}, /* who asked has it */
    {FLOW_REMOVED, ignored},         {PACKET_IN, on_packet_in},   {FLOW_MONITOR_PAUSED, ignored},
    {FLOW_MONITOR_RESUMED, ignored}, {PACKET_IN2, on_packet_in2},
};

static of_handler *handler_of(uint32_t subtype)
{
    for (unsigned i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (handlers[i].subtype == subtype) {
            return handlers[i].handler;
        }
    }
    return NULL;
}

static void on_role_status(struct of_conn *c, const struct of_msg *m)
{
    if (m->h.length >= OF_HEADER + HEAD + 4 &&
        wire_load_uint32(m->bytes + OF_HEADER + HEAD) == OF13_ROLE_SLAVE) {
        of_role_taken(c);
    }
}

static void refuse(struct of_conn *c, const struct of_msg *m, uint16_t code, uint32_t vendor,
                   uint32_t subtype)
{
    peer_log(c->proxy, LOG_INFO, "vendor message refused %s vendor=0x%08x type=%u", conn_name(c),
             vendor, subtype);
    conn_send_error(c, m->h.xid, OF10_BAD_REQUEST, code, m->bytes,
                    m->h.length < OF_ERROR_DATA ? m->h.length : OF_ERROR_DATA);
}

void on_VENDOR(struct of_conn *c, const struct of_msg *m)
{
    struct wire_in in = session_body(m);
    struct of10_vendor v; /* 1.3's experimenter: the same */
    uint32_t subtype;
    of_handler *handler;

    of10_vendor_get(&in, &v);
    subtype = wire_left(&in) >= 4 ? wire_load_uint32(in.p) : 0;
    handler = handler_of(subtype);
    if (v.vendor == ONF && subtype == ONF_ROLE_STATUS) {
        on_role_status(c, m);
    } else if (v.vendor != NICIRA) {
        refuse(c, m, OF10_BAD_REQUEST_BAD_VENDOR, v.vendor, subtype);
    } else if (ask_reply(c, m)) {
        return;
    } else if (handler) {
        handler(c, m);
    } else {
        refuse(c, m, OF10_BAD_REQUEST_BAD_SUBTYPE, v.vendor, subtype);
    }
}
