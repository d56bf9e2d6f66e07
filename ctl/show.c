/* ctl/show.c - one table a topic.  Routes, neighbours and switches are asked of their process;
 * interfaces, virtual hosts, rings and counters are read from shared memory, whoever is alive. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/control.h"
#include "common/counter.h"
#include "common/proto/pkt.h"
#include "ctl/ctl.h"
#include "ctl/switch.h"
#include "shm/account.h"

/* ---- from processes ----------------------------------------------------------------------- */

static json_t *routes(const struct ctl *c)
{
    return stack_call(c, "router", "routes", NULL);
}

static json_t *neighbours(const struct ctl *c)
{
    return stack_call(c, "router", "arp", NULL);
}

static void put_dpid(json_t *o, uint64_t dpid)
{
    char text[20];

    snprintf(text, sizeof text, "0x%016llx", (unsigned long long)dpid);
    json_object_set_new(o, "dpid", json_string(text));
}

/* What ofproxy last said of its switches' ports, when it does not answer. */
static json_t *switches_from_board(const struct ctl *c)
{
    struct board_reader board;
    json_t *list = json_array(), *one = NULL;
    struct port_row row;
    uint64_t last = 0;

    if (topo_board_look(c->run_dir, &board, TOPO_PORTS) != 0) {
        return list;
    }
    for (unsigned i = 0; i < board_used(&board); i++) {
        if (!board_get(&board, i, &row) || (row.state != PORT_UP && row.state != PORT_DOWN)) {
            continue;
        }
        if (!one || row.dpid != last) {
            one = json_pack("{s:s s:i}", "state", "unknown", "ports", 0);
            put_dpid(one, row.dpid);
            json_array_append_new(list, one);
            last = row.dpid;
        }
        json_object_set_new(one, "ports",
                            json_integer(json_integer_value(json_object_get(one, "ports")) + 1));
    }
    board_read_leave(&board);
    return list;
}

static json_t *bridges(const struct ctl *c)
{
    return stack_call(c, "ofproxy", "bridges", NULL);
}

static json_t *switches(const struct ctl *c)
{
    char why[512];
    json_t *list =
        control_call(c->run_dir, "ofproxy", "switches", NULL, CTL_ANSWER_MS, why, sizeof why);

    if (!list) {
        ctl_fail("%s; these are the switches it had", why);
        list = switches_from_board(c);
    }
    return list;
}

/* ---- from boards -------------------------------------------------------------------------- */

/* Opens a board for reading; says why not. */
static bool board_of(const struct ctl *c, struct board_reader *r, enum topo_board which)
{
    if (topo_board_look(c->run_dir, r, which) == 0) {
        return true;
    }
    ctl_fail("vnsbridge has not run in %s, or was of another build: start the stack with 'causeway "
             "up'",
             c->run_dir);
    return false;
}

static json_t *interface_json(const struct interface_row *r, unsigned row)
{
    char ip[PKT_IP_TEXT], mac[PKT_MAC_TEXT];
    json_t *o =
        json_pack("{s:i s:s s:s s:s s:i s:s s:s s:b s:I s:I}", "row", (int)row, "vhost", r->vhost,
                  "name", r->name, "address", pkt_ip_text(ip, r->ip), "prefix_len",
                  __builtin_popcount(r->mask), "state",
                  !r->known ? "unbound"
                  : r->up   ? "up"
                            : "down",
                  "mac", r->known ? pkt_mac_text(mac, r->mac) : "", "known", (int)r->known, "port",
                  (json_int_t)(r->known ? r->port : 0), "speed_mbps", (json_int_t)r->speed);

    if (o && r->known) {
        put_dpid(o, r->dpid);
    }
    return o;
}

static json_t *interfaces(const struct ctl *c)
{
    struct interface_row row;
    struct board_reader r;
    json_t *list;

    if (!board_of(c, &r, TOPO_INTERFACES)) {
        return NULL;
    }
    list = json_array();
    for (unsigned i = 0; i < board_used(&r); i++) {
        if (board_get(&r, i, &row) && row.vhost[0]) {
            board_text(row.vhost, sizeof row.vhost);
            board_text(row.name, sizeof row.name);
            json_array_append_new(list, interface_json(&row, i));
        }
    }
    board_read_leave(&r);
    return list;
}

static json_t *vhosts(const struct ctl *c)
{
    static const char *const owners[] = {"nobody", "ring", "client"};
    static const char *const states[] = {"-", "waiting", "ready"};
    struct lease_row row;
    struct board_reader r;
    json_t *list;

    if (!board_of(c, &r, TOPO_LEASES)) {
        return NULL;
    }
    list = json_array();
    for (unsigned i = 0; i < board_used(&r); i++) {
        if (!board_get(&r, i, &row) || !row.vhost[0]) {
            continue;
        }
        json_array_append_new(list, json_pack("{s:s s:s s:s s:s s:s}", "vhost",
                                              board_text(row.vhost, sizeof row.vhost), "owner",
                                              row.owner < 3 ? owners[row.owner] : "-", "state",
                                              row.state < 3 ? states[row.state] : "-", "peer",
                                              board_text(row.peer, sizeof row.peer), "text",
                                              board_text(row.text, sizeof row.text)));
    }
    board_read_leave(&r);
    return list;
}

/* ---- from shared memory ------------------------------------------------------------------- */

static const char *const ring_texts[] = {
#define R(NAME, WRITER, READER, size, text) text,
#include "shm/topo.def"
};

static json_t *ring_json(enum topo_ring r, const struct ring_stats *s)
{
    return json_pack("{s:s s:s s:s s:f s:I s:I s:I s:I s:I s:I s:I s:I s:I s:s}", "ring",
                     topo_ring_name(r), "from", topo_process_name(topo_ring_writer(r)), "to",
                     topo_process_name(topo_ring_reader(r)), "fill_percent",
                     s->size ? 100.0 * (double)s->used / (double)s->size : 0.0, "used_bytes",
                     (json_int_t)s->used, "size_bytes", (json_int_t)s->size, "records",
                     (json_int_t)s->records, "publishes", (json_int_t)s->publishes, "full",
                     (json_int_t)s->full, "bells", (json_int_t)s->bells, "sleeps",
                     (json_int_t)s->wakes, "writer_starts", (json_int_t)s->tx_attaches,
                     "reader_starts", (json_int_t)s->rx_attaches, "text", ring_texts[r]);
}

json_t *rings_json(const struct ctl *c)
{
    json_t *list = json_array();

    for (unsigned r = 0; r < TOPO_RINGS; r++) {
        struct ring_stats s = {0};

        if (topo_ring_stats(c->run_dir, (enum topo_ring)r, &s) == 0) {
            /* the two halves are read one after the other, so a busy ring may seem overfull */
            s.used = s.used <= s.size ? s.used : s.size;
            json_array_append_new(list, ring_json((enum topo_ring)r, &s));
        }
    }
    return list;
}

static json_t *rings(const struct ctl *c)
{
    json_t *list = rings_json(c);

    if (json_array_size(list) == 0) {
        ctl_fail("there are no rings in %s: start the stack with 'causeway up'", c->run_dir);
        json_decref(list);
        return NULL;
    }
    return list;
}

static void counters_by_reason(const struct counter_snapshot *s, const char *process,
                               enum counter_kind k, bool all, json_t *rows)
{
    char name[80];

    for (unsigned d = DROP_NONE + 1; d < DROPS; d++) {
        json_int_t n = (json_int_t)counter_snapshot_drop(s, k, d);

        if (n > 0 || all) {
            snprintf(name, sizeof name, "%s_%s", counter_kind_name(k), drop_name(d));
            json_array_append_new(rows,
                                  json_pack("{s:s s:s s:I s:s}", "process", process, "counter",
                                            name, "value", n, "text", drop_text(d)));
        }
    }
}

/* Rows for the table; in text, drop reasons that never struck are left out. */
static void counters_of(const struct counter_snapshot *s, enum counter_process p, bool all,
                        json_t *rows)
{
    const char *process = topo_process_name((enum topo_process)p);

    for (unsigned i = 0; i < COUNTERS; i++) {
        if (counter_owner(i) == p) {
            json_array_append_new(rows, json_pack("{s:s s:s s:I s:s}", "process", process,
                                                  "counter", counter_name(i), "value",
                                                  (json_int_t)counter_snapshot_get(s, i), "text",
                                                  counter_text(i)));
        }
    }
    for (unsigned k = 0; k < COUNTER_KINDS; k++) {
        if (counter_total(p, k) < COUNTERS) {
            counters_by_reason(s, process, k, all, rows);
        }
    }
}

static json_t *counters(const struct ctl *c)
{
    json_t *rows = json_array();
    bool any = false;

    for (unsigned p = 0; p < COUNTER_PROCESSES; p++) {
        struct counter_snapshot s;

        if (account_read(c->run_dir, (enum counter_process)p, &s) == 0) {
            counters_of(&s, (enum counter_process)p, c->json, rows);
            any = true;
        }
    }
    if (!any) {
        ctl_fail("there are no counters in %s, or they are of another build: start the stack with "
                 "'causeway up'",
                 c->run_dir);
        json_decref(rows);
        return NULL;
    }
    return rows;
}

/* {"router": {"received": 1, ...}, ...} and the sentences apart: easier to use than rows. */
static json_t *by_process(json_t *rows)
{
    json_t *all = json_object(), *sentences = json_object(), *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const char *process = json_string_value(json_object_get(row, "process"));
        const char *name = json_string_value(json_object_get(row, "counter"));
        char key[120];

        if (!json_object_get(all, process)) {
            json_object_set_new(all, process, json_object());
        }
        json_object_set(json_object_get(all, process), name, json_object_get(row, "value"));
        snprintf(key, sizeof key, "%s.%s", process, name);
        json_object_set(sentences, key, json_object_get(row, "text"));
    }
    json_object_set_new(all, "sentences", sentences);
    json_decref(rows);
    return all;
}

/* ---- the topics --------------------------------------------------------------------------- */

static const struct column route_columns[] = {{"destination", "DESTINATION", false},
                                              {"gateway", "GATEWAY", false},
                                              {"interface", "INTERFACE", false},
                                              {"state", "STATE", false},
                                              {NULL, NULL, false}};
static const struct column arp_columns[] = {{"address", "ADDRESS", false},
                                            {"mac", "MAC", false},
                                            {"interface", "INTERFACE", false},
                                            {"state", "STATE", false},
                                            {"age_s", "AGE s", true},
                                            {"held", "HELD", true},
                                            {NULL, NULL, false}};
static const struct column interface_columns[] = {
    {"vhost", "VHOST", false},   {"name", "INTERFACE", false}, {"address", "ADDRESS", false},
    {"prefix_len", "/", true},   {"state", "STATE", false},    {"mac", "MAC", false},
    {"dpid", "DATAPATH", false}, {"port", "PORT", true},       {"speed_mbps", "Mbit/s", true},
    {NULL, NULL, false}};
static const struct column switch_columns[] = {{"dpid", "DATAPATH", false},
                                               {"state", "STATE", false},
                                               {"peer", "PEER", false},
                                               {"version", "VERSION", false},
                                               {"role", "ROLE", false},
                                               {"ports", "PORTS", true},
                                               {"rtt_ms", "RTT ms", true},
                                               {"rx_messages", "RECEIVED", true},
                                               {"tx_messages", "SENT", true},
                                               {"errors", "ERRORS", true},
                                               {"last_error", "LAST ERROR", false},
                                               {NULL, NULL, false}};
static const struct column bridge_columns[] = {
    {"bridge", "BRIDGE", false},  {"dpid", "DATAPATH", false},
    {"type", "TYPE", false},      {"ports", "PORTS", true},
    {"state", "STATE", false},    {"controller", "CONTROLLER", false},
    {"connection", "", false},    {"queued", "QUEUED", true},
    {"dropped", "DROPPED", true}, {"last_error", "LAST ERROR", false},
    {"ovsdb", "DATABASE", false}, {NULL, NULL, false}};
static const struct column vhost_columns[] = {
    {"vhost", "VHOST", false}, {"owner", "SERVED BY", false}, {"state", "STATE", false},
    {"peer", "PEER", false},   {"text", "", false},           {NULL, NULL, false}};
static const struct column ring_columns[] = {
    {"ring", "RING", false},          {"from", "FROM", false},      {"to", "TO", false},
    {"fill_percent", "FILL %", true}, {"records", "RECORDS", true}, {"publishes", "BATCHES", true},
    {"full", "REFUSED", true},        {"bells", "BELLS", true},     {"sleeps", "SLEEPS", true},
    {"text", "CARRIES", false},       {NULL, NULL, false}};
static const struct column ingress_columns[] = {
    {"class", "CLASS", false},      {"dpid", "DATAPATH", false},
    {"port", "PORT", false},        {"rate", "RATE/s", true},
    {"share", "SHARE", true},       {"in_flight", "IN FLIGHT", true},
    {"admitted", "ADMITTED", true}, {"metered", "METERED", true},
    {"crowded", "CROWDED", true},   {NULL, NULL, false}};
static const struct column counter_columns[] = {{"process", "PROCESS", false},
                                                {"counter", "COUNTER", false},
                                                {"value", "VALUE", true},
                                                {"text", "", false},
                                                {NULL, NULL, false}};

static const struct topic {
    const char *name;
    json_t *(*get)(const struct ctl *c);
    const struct column *columns;
    bool of_switch; /* show_switch.c has it */
} topics[] = {{"arp", neighbours, arp_columns, false},
              {"bridges", bridges, bridge_columns, false},
              {"counters", counters, counter_columns, false},
              {"flows", NULL, NULL, true},
              {"groups", NULL, NULL, true},
              {"ingress", ingress_json, ingress_columns, false},
              {"interfaces", interfaces, interface_columns, false},
              {"meters", NULL, NULL, true},
              {"ports", NULL, NULL, true},
              {"queues", NULL, NULL, true},
              {"rings", rings, ring_columns, false},
              {"routes", routes, route_columns, false},
              {"switches", switches, switch_columns, false},
              {"tables", NULL, NULL, true},
              {"verdicts", NULL, NULL, false}, /* verdicts.c */
              {"vhosts", vhosts, vhost_columns, false}};
#define N_TOPICS (sizeof topics / sizeof topics[0])

static const struct topic *find(const char *word)
{
    const struct topic *found = NULL;

    for (unsigned i = 0; i < N_TOPICS; i++) {
        if (strncmp(topics[i].name, word, strlen(word)) == 0) {
            if (found) {
                return NULL;
            }
            found = &topics[i];
        }
    }
    return found;
}

static int show_one(struct ctl *c)
{
    const struct topic *t = find(c->argv[1]);
    json_t *rows;

    if (!t->get) {
        return verdicts_show(c);
    }
    rows = t->get(c);
    if (!rows) {
        return 1;
    }
    if (c->json) {
        ctl_print_json(c, t->get == counters ? by_process(rows) : rows);
        return 0;
    }
    ctl_table(c, rows, t->columns);
    json_decref(rows);
    return 0;
}

int show_topic(struct ctl *c, const char *topic)
{
    char *words[] = {c->argv[0], (char *)(uintptr_t)topic, NULL};
    char **before = c->argv;
    int status;

    c->argv = words;
    status = show_one(c);
    c->argv = before;
    return status;
}

int cmd_show(struct ctl *c)
{
    const struct topic *t = c->argc > 1 && c->argv[1][0] ? find(c->argv[1]) : NULL;

    if (t && t->of_switch) {
        return switch_show(c, t->name);
    }
    c->all = c->argc == 3 && t && !t->get && strcmp(c->argv[2], "--all") == 0;
    if (!t || (c->argc != 2 && !c->all)) {
        return ctl_usage(
            c,
            "show needs one topic: arp, bridges, counters, flows, groups, ingress, interfaces, "
            "meters, ports, queues, rings, routes, switches, tables, verdicts or "
            "vhosts%s%s%s",
            c->argc > 1 ? ", not '" : "", c->argc > 1 ? c->argv[1] : "", c->argc > 1 ? "'" : "");
    }
    return ctl_watch(c, show_one);
}
