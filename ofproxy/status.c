/* ofproxy/status.c */
#include "ofproxy/status.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/control.h"
#include "common/counter.h"
#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/of_mirror.h"
#include "ofproxy/ofproxy.h"
#include "ofproxy/ovsdb_client.h"
#include "ofproxy/view.h"

struct switch_status {
    uint64_t dpid;
    bool known;
    enum conn_state state;
    enum of_role role;
    unsigned aux_id;
    char peer[ENDPOINT_TEXT];
    const char *state_name; /* of a switch that is dialled, and not connected */
    bool dialled;
    const char *version;
    uint64_t errors, error_time;
    char error[120];
    uint64_t since, rtt_ns, rx_messages, rx_bytes, tx_messages, tx_bytes;
    unsigned queued;
    struct of_description description;
};

struct status {
    pthread_mutex_t lock;
    struct control_method methods[7];
    struct ovsdb_client *ovsdb;
    struct view *view;
    struct board_reader ports; /* the control thread's */
    const char *listening, *connecting;
    unsigned n, connections, switches, in_flight, free_chunks;
    uint64_t seq;
    struct switch_status row[]; /* max_conns, and n_dials */
};

static json_t *description_of(const struct of_description *d)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s}", "manufacturer", d->manufacturer, "hardware",
                     d->hardware, "software", d->software, "serial", d->serial, "datapath",
                     d->datapath);
}

/* Sets "ports" (their number) and "port_list" from the board, as any reader would. */
static void add_ports(json_t *object, const struct board_reader *board, uint64_t dpid)
{
    static const char *const states[] = {"empty", "up", "down", "gone"};
    json_t *list = json_array();
    struct port_row row;
    char mac[18];

    for (unsigned i = 0; i < board_used(board); i++) {
        if (!board_get(board, i, &row) || row.dpid != dpid ||
            (row.state != PORT_UP && row.state != PORT_DOWN)) {
            continue;
        }
        snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", row.mac[0], row.mac[1],
                 row.mac[2], row.mac[3], row.mac[4], row.mac[5]);
        board_text(row.name, sizeof row.name);
        json_array_append_new(list,
                              json_pack("{s:I,s:s,s:s,s:s,s:I,s:i}", "port", (json_int_t)row.port,
                                        "name", row.name, "state", states[row.state], "mac", mac,
                                        "speed", (json_int_t)row.speed, "flaps", (int)row.flaps));
    }
    json_object_set_new(object, "ports", json_integer((json_int_t)json_array_size(list)));
    json_object_set_new(object, "port_list", list);
}

static json_t *switch_of(const struct switch_status *s)
{
    char dpid[20];

    snprintf(dpid, sizeof dpid, "0x%016" PRIx64, s->dpid);
    return json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:I,s:f,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:I,s:o}", "dpid",
        dpid, "peer", s->peer, "opened_by", s->dialled ? "ofproxy" : "switch", "version",
        s->version, "state", s->state_name ? s->state_name : conn_state_name(s->state), "role",
        s->aux_id ? "auxiliary" : of_role_name(s->role), "auxiliary", (int)s->aux_id, "since",
        (json_int_t)s->since, "rtt_ms", (double)s->rtt_ns / 1e6, "rtt_us",
        (json_int_t)(s->rtt_ns / 1000), "rx_messages", (json_int_t)s->rx_messages, "tx_messages",
        (json_int_t)s->tx_messages, "rx_bytes", (json_int_t)s->rx_bytes, "tx_bytes",
        (json_int_t)s->tx_bytes, "queued_bytes", (json_int_t)s->queued, "errors",
        (json_int_t)s->errors, "last_error", s->error, "last_error_at", (json_int_t)s->error_time,
        "description", description_of(&s->description));
}

static json_t *on_switches(void *context, json_t *params, char *why, size_t why_size)
{
    struct status *s = context;
    json_t *list = json_array();

    (void)params, (void)why, (void)why_size;
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->n; i++) {
        json_t *one = switch_of(&s->row[i]);

        if (one && s->row[i].known) {
            add_ports(one, &s->ports, s->row[i].dpid);
        }
        json_array_append_new(list, one);
    }
    pthread_mutex_unlock(&s->lock);
    return list;
}

static json_t *on_status(void *context, json_t *params, char *why, size_t why_size)
{
    struct status *s = context;
    json_t *answer;

    (void)params, (void)why, (void)why_size;
    pthread_mutex_lock(&s->lock);
    answer =
        json_pack("{s:s,s:s,s:i,s:i,s:I,s:i,s:i,s:i}", "listen", s->listening, "connect",
                  s->connecting, "connections", (int)s->connections, "switches", (int)s->switches,
                  "last_seq", (json_int_t)s->seq, "in_flight", (int)s->in_flight,
                  "arena_chunks_free", (int)s->free_chunks, "arena_chunks", ARENA_CHUNKS);
    pthread_mutex_unlock(&s->lock);
    return answer;
}

/* To be asked for again within the time that the answer tells. */
static json_t *on_mirror_start(void *context, json_t *params, char *why, size_t why_size)
{
    (void)params, (void)why, (void)why_size;
    of_mirror_ask(context);
    return json_pack("{s:s,s:i}", "mirror", "OPENFLOW", "lease_ms",
                     (int)(MIRROR_LEASE_NS / 1000000));
}

/* The connection of the datapath that a bridge is, if it has one: its peer, version and state. */
static void add_switch(const struct status *s, json_t *bridge)
{
    const char *dpid = json_string_value(json_object_get(bridge, "dpid"));

    for (unsigned i = 0; i < s->n; i++) {
        const struct switch_status *row = &s->row[i];

        if (row->known && dpid && dpid[0] && strtoull(dpid, NULL, 16) == row->dpid) {
            json_object_set_new(bridge, "peer", json_string(row->peer));
            json_object_set_new(bridge, "version", json_string(row->version));
            json_object_set_new(bridge, "state", json_string(conn_state_name(row->state)));
        }
    }
}

static json_t *on_bridges(void *context, json_t *params, char *why, size_t why_size)
{
    struct status *s = context;
    json_t *list = ovsdb_bridges(s->ovsdb, why, why_size), *one;
    size_t i;

    (void)params;
    pthread_mutex_lock(&s->lock);
    json_array_foreach(list, i, one)
    {
        add_switch(s, one);
    }
    pthread_mutex_unlock(&s->lock);
    return list;
}

static void copy_conn(struct switch_status *to, const struct of_conn *c)
{
    *to = (struct switch_status){
        .dpid = c->dpid,
        .known = c->known,
        .dialled = c->dial != NULL,
        .state = c->state,
        .role = c->role,
        .aux_id = c->aux_id,
        .version = c->dialect->version->name,
        .errors = c->errors,
        .error_time = c->error_time,
        .since = c->ready_time,
        .rtt_ns = c->rtt_ns,
        .rx_messages = c->rx_messages,
        .rx_bytes = c->rx_bytes,
        .tx_messages = c->tx_messages,
        .tx_bytes = c->tx_bytes,
        .queued = c->out.used,
        .description = c->description,
    };
    memcpy(to->peer, c->peer, sizeof to->peer);
    memcpy(to->error, c->error, sizeof to->error);
}

/* A switch to connect to, while there is no connection. */
static void copy_dial(struct switch_status *to, const struct of_dial *d)
{
    *to = (struct switch_status){.state_name = of_dial_state(d), .dialled = true, .version = ""};
    memcpy(to->peer, d->peer, sizeof to->peer);
    snprintf(to->error, sizeof to->error, "%.119s", d->cause);
}

void status_refresh(struct ofproxy *p)
{
    struct status *s = p->status;

    if (!s || pthread_mutex_trylock(&s->lock) != 0) {
        return;
    }
    s->n = 0;
    for (unsigned i = 0; i < p->max_conns && s->n < p->n_conns; i++) {
        if (p->conns[i].state != CONN_FREE) {
            copy_conn(&s->row[s->n++], &p->conns[i]);
        }
    }
    for (unsigned i = 0; i < p->n_dials; i++) {
        if (p->dials[i].state != DIAL_CONNECTED) {
            copy_dial(&s->row[s->n++], &p->dials[i]);
        }
    }
    s->connections = p->n_conns;
    s->switches = p->n_switches;
    s->seq = p->seq;
    s->in_flight = arena_in_flight(&p->arena);
    s->free_chunks = p->arena.n_free_chunk;
    pthread_mutex_unlock(&s->lock);
}

void status_open(struct ofproxy *p)
{
    struct status *s = calloc(1, sizeof *s + (p->max_conns + p->n_dials) * sizeof s->row[0]);

    if (!s) {
        die("no memory for the status of %u switches: lower max-switches", p->max_conns);
    }
    pthread_mutex_init(&s->lock, NULL);
    s->methods[0] = (struct control_method){"switches", on_switches, s};
    s->methods[1] = (struct control_method){"status", on_status, s};
    s->methods[2] = (struct control_method){"mirror.start", on_mirror_start, p};
    s->methods[3] = (struct control_method){"bridges", on_bridges, s};
    s->ovsdb = p->ovsdb;
    s->view = view_open(p);
    s->methods[4] = (struct control_method){"switch.ask", view_ask, s->view};
    s->methods[5] = (struct control_method){"switch.answer", view_answer, s->view};
    control_idle(view_look, s->view);
    topo_board_reader(&p->topo, &s->ports, TOPO_PORTS);
    s->listening = p->listening ? p->listening : "";
    s->connecting = p->connecting ? p->connecting : "";
    p->status = s;
    status_refresh(p);
    control_start(p->topo.run_dir, "ofproxy", s->methods);
}

void status_close(struct ofproxy *p)
{
    if (p->status) {
        control_stop();
        view_close(p->status->view);
        board_read_leave(&p->status->ports);
        pthread_mutex_destroy(&p->status->lock);
        free(p->status);
        p->status = NULL;
    }
}
