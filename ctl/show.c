/* ctl/show.c - one table a topic, of what view_show says (shm/view). */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "shm/view/view.h"

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
static const struct column session_columns[] = {
    {"session", "SESSION", true}, {"name", "NAME", false}, {"state", "STATE", false},
    {"pid", "PID", true},         {"size", "SIZE", true},  {"since", "SINCE", true},
    {"command", "", false},       {NULL, NULL, false}};
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
    const struct column *columns; /* NULL: show_switch.c has it, or verdicts.c, or latency.c */
} topics[] = {{"arp", arp_columns},
              {"bridges", bridge_columns},
              {"counters", counter_columns},
              {"flows", NULL},
              {"groups", NULL},
              {"ingress", ingress_columns},
              {"interfaces", interface_columns},
              {"latency", NULL},
              {"meters", NULL},
              {"ports", NULL},
              {"queues", NULL},
              {"rings", ring_columns},
              {"routes", route_columns},
              {"sessions", session_columns},
              {"switches", switch_columns},
              {"tables", NULL},
              {"verdicts", NULL},
              {"vhosts", vhost_columns}};
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

static bool is(const struct topic *t, const char *name)
{
    return strcmp(t->name, name) == 0;
}

/* How long each session has run, in words. */
static void say_ages(json_t *rows)
{
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        char text[40];

        ctl_duration(text, sizeof text, json_real_value(json_object_get(row, "age_s")));
        json_object_set_new(row, "since", json_string(text));
    }
}

json_t *show_rows(const struct ctl *c, const char *topic, json_t *params)
{
    char why[900];
    json_t *rows = view_show(c->run_dir, topic, params, why, sizeof why);

    if (why[0]) {
        ctl_fail("%s", why);
    }
    json_decref(params);
    return rows;
}

static int show_one(struct ctl *c)
{
    const struct topic *t = find(c->argv[1]);
    json_t *rows;

    if (is(t, "verdicts")) {
        return verdicts_show(c);
    }
    if (is(t, "latency")) {
        return latency_show(c);
    }
    rows = show_rows(c, t->name, json_pack("{s:b}", "rows", (int)!c->json));
    if (!rows) {
        return 1;
    }
    if (c->json) {
        ctl_print_json(c, rows);
        return 0;
    }
    if (is(t, "sessions")) {
        say_ages(rows);
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

    if (t && !t->columns && !is(t, "verdicts") && !is(t, "latency")) {
        return switch_show(c, t->name);
    }
    c->all = c->argc == 3 && t && is(t, "verdicts") && strcmp(c->argv[2], "--all") == 0;
    if (!t || (c->argc != 2 && !c->all)) {
        return ctl_usage(
            c,
            "show needs one topic: arp, bridges, counters, flows, groups, ingress, interfaces, "
            "latency, meters, ports, queues, rings, routes, sessions, switches, tables, verdicts "
            "or "
            "vhosts%s%s%s",
            c->argc > 1 ? ", not '" : "", c->argc > 1 ? c->argv[1] : "", c->argc > 1 ? "'" : "");
    }
    return ctl_watch(c, show_one);
}
