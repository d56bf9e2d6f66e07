/* shm/view/switch_parts.c - groups, meters, ports, queues and tables: each is made of two answers
 * of the switch, what there is and what it counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/board.h"
#include "shm/view/switch.h"

#define LINE 8192
#define ALL UINT32_C(0xffffffff)

/* Where an answer goes to, and what is wrong with it so far. */
struct asked {
    const char *run_dir;
    const json_t *s; /* the switch */
    char *why;
    size_t size;
    bool whole;
};

/* One more sentence of what is missing. */
static void lacks(struct asked *a, const char *sentence)
{
    size_t used = a->whole ? 0 : strlen(a->why);

    snprintf(a->why + used, a->size - used, "%s%s", used ? "; " : "", sentence);
    a->whole = false;
}

/* Asks for statistics. */
static bool ask(struct asked *a, const char *message, unsigned type, const void *body, size_t len,
                struct replies *r)
{
    char why[600];

    if (switch_ask(a->run_dir, a->s, message, type, body, len, r, why, sizeof why) ==
        SWITCH_ANSWERED) {
        return true;
    }
    lacks(a, why);
    return false;
}

/* Ends an answer. */
static void finish(struct asked *a, struct replies *r)
{
    char why[200];

    if (r->cut || r->wrong) {
        snprintf(why, sizeof why,
                 "not all of the switch's answer is shown: %s: look at the switch's log",
                 r->wrong ? r->wrong : "it is larger than ofproxy keeps");
        lacks(a, why);
    }
    replies_free(r);
}

static enum switch_shown shown(const struct asked *a)
{
    return a->whole ? SWITCH_WHOLE : SWITCH_PARTLY;
}

/* A counter: -1 says that the switch does not know. */
static json_t *counter(const struct tree_node *n, const char *field)
{
    uint64_t v = entry_number(n, field);

    return !entry_has(n, field) || v == UINT64_MAX ? json_null() : json_integer((json_int_t)v);
}

static double duration(const struct tree_node *n)
{
    return (double)entry_number(n, "duration_sec") + (double)entry_number(n, "duration_nsec") / 1e9;
}

static json_t *text_of(const struct tree_node *n, const char *field)
{
    char text[64] = "";

    for (unsigned i = 0; i < n->desc->n_fields; i++) {
        const struct wire_field *f = &n->desc->fields[i];

        if (f->name && strcmp(f->name, field) == 0) {
            wire_print_field(text, sizeof text, f, tree_host(n));
        }
    }
    board_text(text, sizeof text);
    return json_string(text);
}

/* The row of 'rows' since 'from' whose key is that number, or NULL.  A switch tells both of its
 * answers in one order, mostly: the search begins after the row found last, '*last'. */
static json_t *row_of(json_t *rows, size_t from, size_t *last, const char *key, uint64_t number)
{
    size_t n = json_array_size(rows) - from;

    for (size_t i = 0; i < n; i++) {
        size_t at = from + (*last + 1 + i) % n;
        json_t *row = json_array_get(rows, at);

        if ((uint64_t)json_integer_value(json_object_get(row, key)) == number) {
            *last = at - from;
            return row;
        }
    }
    return NULL;
}

static json_t *new_row(const json_t *s)
{
    char name[64];

    return json_pack("{s:s s:O}", "switch", switch_name(s, name, sizeof name), "dpid",
                     json_object_get(s, "dpid"));
}

/* ---- groups and meters: a line, and what was counted below it -------------------------------- */

static const struct pair {
    const char *topic, *key, *what;
    unsigned config, stats;
} pairs[] = {{"groups", "group_id", "group", OF13_MULTIPART_GROUP_DESC, OF13_MULTIPART_GROUP},
             {"meters", "meter_id", "meter", OF13_MULTIPART_METER_CONFIG, OF13_MULTIPART_METER}};

static void entry_line(char line[LINE], const struct replies *r, const struct tree_node *n)
{
    struct text text;

    text_open(&text, line, LINE);
    of_text_entry(&text, &r->tree, n);
    board_text(line, LINE);
}

static void numbers_of(json_t *row, const struct tree_node *n)
{
    static const char *const names[] = {"ref_count",  "packet_count",    "byte_count",
                                        "flow_count", "packet_in_count", "byte_in_count"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (entry_has(n, names[i])) {
            json_object_set_new(row, names[i], counter(n, names[i]));
        }
    }
    json_object_set_new(row, "duration_s", json_real(duration(n)));
}

/* What was counted: of each its line, by its number. */
static void add_stats(struct replies *r, const struct pair *p, json_t *rows)
{
    const struct tree_node *n;
    size_t last = 0;
    char line[LINE];

    while ((n = replies_next(r))) {
        json_t *row = row_of(rows, 0, &last, p->key, entry_number(n, p->key));

        if (row) {
            entry_line(line, r, n);
            json_object_set_new(row, "stats", json_string(line));
            numbers_of(row, n);
        }
    }
}

enum switch_shown switch_pairs(const char *run_dir, const struct switch_words *w, const json_t *s,
                               json_t *rows, char *why, size_t size)
{
    const struct pair *p = &pairs[strcmp(w->topic, "meters") == 0];
    struct asked a = {run_dir, s, why, size, true};
    json_t *found = json_array();
    const struct tree_node *n;
    struct replies r;
    uint8_t every[8] = {0xff, 0xff, 0xff, 0xff};
    char line[LINE], name[64];

    every[3] = p->config == OF13_MULTIPART_GROUP_DESC ? 0xfc : 0xff; /* OFPG_ALL, OFPM_ALL */
    if (!switch_is13(s)) {
        snprintf(line, sizeof line,
                 "switch %s speaks OpenFlow 1.0, which has no %ss: let it speak OpenFlow 1.3",
                 switch_name(s, name, sizeof name), p->what);
        lacks(&a, line);
    } else if (ask(&a, "statistics", p->config, every,
                   p->config == OF13_MULTIPART_GROUP_DESC ? 0 : sizeof every, &r)) {
        while ((n = replies_next(&r))) {
            entry_line(line, &r, n);
            json_array_append_new(
                found,
                json_pack("{s:I s:s}", p->key, (json_int_t)entry_number(n, p->key), "text", line));
        }
        finish(&a, &r);
        if (ask(&a, "statistics", p->stats, every, sizeof every, &r)) {
            add_stats(&r, p, found);
            finish(&a, &r);
        }
    }
    json_array_extend(rows, found);
    json_decref(found);
    return shown(&a);
}

/* ---- ports -------------------------------------------------------------------------------- */

static json_int_t port_number(const struct tree_node *n, const char *field)
{
    uint64_t port = entry_number(n, field);

    return (json_int_t)(port >= 0xff00 && port <= 0xffff ? port | 0xffff0000u : port);
}

static void put_port(json_t *row, const char *key, uint64_t port)
{
    char text[24];

    if (port == 0xfffffffe) {
        snprintf(text, sizeof text, "LOCAL");
    } else {
        snprintf(text, sizeof text, "%llu", (unsigned long long)port);
    }
    json_object_set_new(row, key, json_string(text));
}

/* What is told of a port: its description. */
static json_t *port_row(const json_t *s, const struct tree_node *n)
{
    uint64_t config = entry_number(n, "config"), state = entry_number(n, "state");
    uint64_t speed = entry_number(n, "curr_speed") / 1000;
    json_t *row = new_row(s);

    if (speed == 0) {
        speed = of10_speed((uint32_t)entry_number(n, "curr"));
    }
    json_object_set_new(row, "number", json_integer(port_number(n, "port_no")));
    put_port(row, "port", (uint64_t)port_number(n, "port_no"));
    json_object_set_new(row, "name", text_of(n, "name"));
    json_object_set_new(row, "mac", text_of(n, "hw_addr"));
    json_object_set_new(row, "state", json_string(config & 1 ? "off" : state & 1 ? "down" : "up"));
    json_object_set_new(row, "config", text_of(n, "config"));
    json_object_set_new(row, "state_flags", text_of(n, "state"));
    json_object_set_new(row, "current", text_of(n, "curr"));
    json_object_set_new(row, "speed_mbps", speed ? json_integer((json_int_t)speed) : json_null());
    return row;
}

static void port_counters(json_t *row, const struct tree_node *n)
{
    static const char *const names[] = {"rx_packets",   "tx_packets",  "rx_bytes",   "tx_bytes",
                                        "rx_dropped",   "tx_dropped",  "rx_errors",  "tx_errors",
                                        "rx_frame_err", "rx_over_err", "rx_crc_err", "collisions"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_object_set_new(row, names[i], counter(n, names[i]));
    }
    if (entry_has(n, "duration_sec")) {
        json_object_set_new(row, "duration_s", json_real(duration(n)));
    }
}

enum switch_shown switch_ports(const char *run_dir, const struct switch_words *w, const json_t *s,
                               json_t *rows, char *why, size_t size)
{
    struct asked a = {run_dir, s, why, size, true};
    bool is13 = switch_is13(s);
    size_t from = json_array_size(rows), last = 0;
    const struct tree_node *n;
    struct replies r;
    uint8_t every[8] = {0xff, 0xff, 0xff, 0xff}; /* 1.0: OFPP_NONE and padding */

    (void)w;
    every[2] = every[3] = is13 ? 0xff : 0;
    if (!ask(&a, is13 ? "statistics" : "features", is13 ? OF13_MULTIPART_PORT_DESC : 0, NULL, 0,
             &r)) {
        return shown(&a);
    }
    while ((n = replies_next(&r))) {
        if (entry_has(n, "port_no")) {
            json_array_append_new(rows, port_row(s, n));
        }
    }
    finish(&a, &r);
    if (!ask(&a, "statistics", OF13_MULTIPART_PORT, every, sizeof every, &r)) {
        return shown(&a);
    }
    while ((n = replies_next(&r))) {
        json_t *row = row_of(rows, from, &last, "number", (uint64_t)port_number(n, "port_no"));

        if (row) {
            port_counters(row, n);
        }
    }
    finish(&a, &r);
    return shown(&a);
}

/* ---- queues ------------------------------------------------------------------------------- */

/* Rates of a queue, in tenths of a percent of its port's: its properties are parts of its entry. */
static void add_rates(const struct replies *r, json_t *rows, size_t from, uint64_t port,
                      const struct tree_node *queue)
{
    char line[LINE], *at;
    json_t *row = NULL;

    for (size_t i = from; i < json_array_size(rows) && !row; i++) {
        json_t *one = json_array_get(rows, i);

        if ((uint64_t)json_integer_value(json_object_get(one, "number")) == port &&
            (uint64_t)json_integer_value(json_object_get(one, "queue")) ==
                entry_number(queue, "queue_id")) {
            row = one;
        }
    }
    entry_line(line, r, queue);
    at = row ? strstr(line, "min_rate:") : NULL;
    if (at) {
        json_object_set_new(row, "min_rate", json_integer(strtol(at + 9, NULL, 10)));
    }
    at = row ? strstr(line, "max_rate:") : NULL;
    if (at) {
        json_object_set_new(row, "max_rate", json_integer(strtol(at + 9, NULL, 10)));
    }
}

/* Not every switch tells how its queues are set up: what they counted is shown anyway. */
static void queue_rates(const char *run_dir, const json_t *s, json_t *rows, size_t from)
{
    uint8_t every[8] = {0xff, 0xff, 0xff, 0xff};
    const struct tree_node *n;
    struct replies r;
    char why[600];

    if (!switch_is13(s) || json_array_size(rows) == from ||
        switch_ask(run_dir, s, "queues", 0, every, sizeof every, &r, why, sizeof why) !=
            SWITCH_ANSWERED) {
        return;
    }
    while ((n = replies_next(&r))) {
        if (entry_has(n, "queue_id")) {
            add_rates(&r, rows, from, entry_number(n, "port"), n);
        }
    }
    replies_free(&r);
}

enum switch_shown switch_queues(const char *run_dir, const struct switch_words *w, const json_t *s,
                                json_t *rows, char *why, size_t size)
{
    struct asked a = {run_dir, s, why, size, true};
    static const uint8_t every13[8] = {255, 255, 255, 255, 255, 255, 255, 255};
    static const uint8_t every10[8] = {0xff, 0xfc, 0, 0, 255, 255, 255, 255};
    size_t from = json_array_size(rows);
    const struct tree_node *n;
    struct replies r;

    (void)w;
    if (!ask(&a, "statistics", OF13_MULTIPART_QUEUE, switch_is13(s) ? every13 : every10, 8, &r)) {
        return shown(&a);
    }
    while ((n = replies_next(&r))) {
        json_t *row = new_row(s);

        json_object_set_new(row, "number", json_integer(port_number(n, "port_no")));
        put_port(row, "port", (uint64_t)port_number(n, "port_no"));
        json_object_set_new(row, "queue", json_integer((json_int_t)entry_number(n, "queue_id")));
        json_object_set_new(row, "tx_bytes", counter(n, "tx_bytes"));
        json_object_set_new(row, "tx_packets", counter(n, "tx_packets"));
        json_object_set_new(row, "tx_errors", counter(n, "tx_errors"));
        if (entry_has(n, "duration_sec") && entry_number(n, "duration_sec") != ALL) {
            json_object_set_new(row, "duration_s", json_real(duration(n)));
        }
        json_array_append_new(rows, row);
    }
    finish(&a, &r);
    queue_rates(run_dir, s, rows, from);
    return shown(&a);
}

/* ---- tables ------------------------------------------------------------------------------- */

static void add_features(struct asked *a, json_t *rows, size_t from)
{
    const struct tree_node *n;
    size_t last = 0;
    struct replies r;

    if (!ask(a, "statistics", OF13_MULTIPART_TABLE_FEATURES, NULL, 0, &r)) {
        return;
    }
    while ((n = replies_next(&r))) {
        json_t *row = row_of(rows, from, &last, "table", entry_number(n, "table_id"));

        if (row) {
            json_object_set_new(row, "name", text_of(n, "name"));
            json_object_set_new(row, "max_entries", counter(n, "max_entries"));
        }
    }
    finish(a, &r);
}

/* Without w->all, tables that nobody uses are left out. */
enum switch_shown switch_tables(const char *run_dir, const struct switch_words *w, const json_t *s,
                                json_t *rows, char *why, size_t size)
{
    struct asked a = {run_dir, s, why, size, true};
    size_t from = json_array_size(rows);
    const struct tree_node *n;
    struct replies r;

    if (!ask(&a, "statistics", OF13_MULTIPART_TABLE, NULL, 0, &r)) {
        return shown(&a);
    }
    while ((n = replies_next(&r))) {
        json_t *row;

        if (!w->all && entry_number(n, "active_count") == 0 &&
            entry_number(n, "lookup_count") == 0) {
            continue;
        }
        row = new_row(s);
        json_object_set_new(row, "table", counter(n, "table_id"));
        json_object_set_new(row, "active", counter(n, "active_count"));
        json_object_set_new(row, "lookups", counter(n, "lookup_count"));
        json_object_set_new(row, "matched", counter(n, "matched_count"));
        if (entry_has(n, "max_entries")) {
            json_object_set_new(row, "name", text_of(n, "name"));
            json_object_set_new(row, "max_entries", counter(n, "max_entries"));
        }
        json_array_append_new(rows, row);
    }
    finish(&a, &r);
    if (w->all && switch_is13(s)) {
        add_features(&a, rows, from);
    }
    return shown(&a);
}
