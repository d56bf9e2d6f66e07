/* ofproxy/ovsdb_tend.c - what is, compared with what is wished; the difference as operations. */
#include "ofproxy/ovsdb_tend.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"

#define MARK "causeway"        /* key of external_ids */
#define CALM_NS 60000000000ull /* after this long without a change, the next is made at once */
#define FIRST_PAUSE_NS 1000000000ull
#define LONGEST_PAUSE_NS 60000000000ull

struct plan {
    const struct tend_wish *wish;
    const struct ovsdb_rows *rows;
    json_t *operations;
    char *what;
    size_t size, len;
    unsigned named; /* names given to new rows */
};

static void say(struct plan *p, const char *bridge, const char *what)
{
    int n =
        snprintf(p->what + p->len, p->size - p->len, "%s%s: %s", p->len ? "; " : "", bridge, what);

    p->len += n > 0 ? (size_t)n : 0;
    p->len = p->len < p->size ? p->len : p->size - 1;
}

static void add(struct plan *p, json_t *operation)
{
    json_array_append_new(p->operations, operation);
}

static json_t *uuid_is(const char *uuid)
{
    return json_pack("[[s,s,[s,s]]]", "_uuid", "==", "uuid", uuid);
}

/* The row's columns are still what 'row' says. */
static void expect(struct plan *p, const char *table, const char *uuid, const json_t *row,
                   const json_t *columns)
{
    json_t *seen = json_object(), *names = json_array(), *unused;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)columns, name, unused)
    {
        json_t *value = json_object_get(row, name);

        json_array_append_new(names, json_string(name));
        json_object_set_new(seen, name, value ? json_incref(value) : json_pack("[s,[]]", "set"));
    }
    add(p, json_pack("{s:s,s:s,s:i,s:o,s:o,s:s,s:[o]}", "op", "wait", "table", table, "timeout", 0,
                     "where", uuid_is(uuid), "columns", names, "until", "==", "rows", seen));
}

/* Sets columns of a row, if they are still what they were. */
static void update(struct plan *p, const char *table, const char *uuid, const json_t *row,
                   json_t *columns)
{
    expect(p, table, uuid, row, columns);
    add(p, json_pack("{s:s,s:s,s:o,s:o}", "op", "update", "table", table, "where", uuid_is(uuid),
                     "row", columns));
}

static void add_to_set(struct plan *p, const char *table, const char *uuid, const char *column,
                       json_t *set)
{
    json_t *where = uuid ? uuid_is(uuid) : json_array();

    add(p, json_pack("{s:s,s:s,s:o,s:[[s,s,o]]}", "op", "mutate", "table", table, "where", where,
                     "mutations", column, "insert", set));
}

/* ---- the controller -------------------------------------------------------------------------- */

bool tend_is_ours(const json_t *controller)
{
    return ovsdb_map_text(json_object_get(controller, "external_ids"), MARK) != NULL;
}

/* In-band control is for a controller that is reached through the bridge itself. */
static bool is_local(const char *target)
{
    return strncmp(target, "unix:", 5) == 0 || strstr(target, ":127.") || strstr(target, ":[::1]");
}

static void number(const struct ovsdb_rows *rows, json_t *columns, const char *name, long value)
{
    if (ovsdb_rows_has(rows, "Controller", name)) {
        json_object_set_new(columns, name,
                            value ? json_integer(value) : json_pack("[s,[]]", "set"));
    }
}

static json_t *wished_controller(const struct tend_wish *w, const struct ovsdb_rows *rows)
{
    json_t *c = json_pack("{s:s}", "target", w->controller);

    number(rows, c, "max_backoff", w->max_backoff_ms);
    json_object_set_new(c, "inactivity_probe", json_integer(w->probe_ms)); /* 0 means none */
    number(rows, c, "controller_rate_limit", w->rate);
    number(rows, c, "controller_burst_limit", w->rate ? w->burst : 0);
    number(rows, c, "controller_queue_size", w->queue);
    if (is_local(w->controller)) {
        json_object_set_new(c, "connection_mode", json_string("out-of-band"));
    }
    return c;
}

/* A set of none, of one as an atom, or as a set: the same value has more than one spelling. */
static bool same(const json_t *a, const json_t *b)
{
    return ovsdb_set_size(a) == ovsdb_set_size(b) && ovsdb_set_size(a) <= 1 &&
           (ovsdb_set_size(a) == 0 || json_equal(ovsdb_set_at(a, 0), ovsdb_set_at(b, 0)));
}

/* Returns the named-uuid of the new row, for its bridge to refer to. */
static json_t *new_controller(struct plan *p)
{
    json_t *row = wished_controller(p->wish, p->rows);
    char name[24];

    snprintf(name, sizeof name, "controller%u", p->named++);
    json_object_set_new(row, "external_ids", json_pack("[s,[[s,s]]]", "map", MARK, "ofproxy"));
    add(p, json_pack("{s:s,s:s,s:o,s:s}", "op", "insert", "table", "Controller", "row", row,
                     "uuid-name", name));
    return json_pack("[s,s]", "named-uuid", name);
}

/* Puts our own row right where it is not. */
static void tend_ours(struct plan *p, const char *bridge, const char *uuid, const json_t *row)
{
    json_t *columns = wished_controller(p->wish, p->rows), *value;
    const char *name;
    void *next;

    json_object_foreach_safe(columns, next, name, value)
    {
        if (same(json_object_get(row, name), value)) {
            json_object_del(columns, name);
        }
    }
    if (json_object_size(columns) > 0) {
        update(p, "Controller", uuid, row, columns);
        say(p, bridge, "our controller is put right");
    } else {
        json_decref(columns);
    }
}

static void tend_controller(struct plan *p, const char *uuid, const json_t *bridge)
{
    const json_t *set = json_object_get(bridge, "controller");
    const char *name = ovsdb_text(bridge, "name");
    json_t *columns;

    for (size_t i = 0; i < ovsdb_set_size(set); i++) {
        const char *id = ovsdb_set_uuid(set, i);
        const json_t *row = ovsdb_rows_find(p->rows, "Controller", id);

        if (row && tend_is_ours(row)) {
            tend_ours(p, name, id, row);
            return;
        }
    }
    for (size_t i = 0; i < ovsdb_set_size(set); i++) {
        const json_t *row = ovsdb_rows_find(p->rows, "Controller", ovsdb_set_uuid(set, i));

        if (strcmp(ovsdb_text(row, "target"), p->wish->controller) == 0) {
            return; /* somebody else set it */
        }
    }
    columns = json_pack("{s:n}", "controller");
    expect(p, "Bridge", uuid, bridge, columns);
    json_decref(columns);
    add_to_set(p, "Bridge", uuid, "controller", json_pack("[s,[o]]", "set", new_controller(p)));
    say(p, name, "controller set");
}

/* ---- the bridge ------------------------------------------------------------------------------ */

static void tend_bridge(struct plan *p, const char *uuid, const json_t *bridge)
{
    const json_t *protocols = json_object_get(bridge, "protocols");
    const char *name = ovsdb_text(bridge, "name");

    if (strcmp(ovsdb_text(bridge, "fail_mode"), "secure") != 0) {
        update(p, "Bridge", uuid, bridge, json_pack("{s:s}", "fail_mode", "secure"));
        say(p, name, "fail_mode is secure");
    }
    if (ovsdb_set_size(protocols) > 0 &&
        (!ovsdb_set_has(protocols, "OpenFlow10") || !ovsdb_set_has(protocols, "OpenFlow13"))) {
        add_to_set(p, "Bridge", uuid, "protocols",
                   json_pack("[s,[s,s]]", "set", "OpenFlow10", "OpenFlow13"));
        say(p, name, "OpenFlow10 and OpenFlow13 are allowed");
    }
    if (p->wish->controller[0]) {
        tend_controller(p, uuid, bridge);
    }
}

/* The bridge, its own port and that port's interface; nobody else has made one meanwhile. */
static void new_bridge(struct plan *p, const char *name)
{
    json_t *row =
        json_pack("{s:s,s:s,s:s,s:[s,[s,s]],s:[s,[[s,s]]]}", "name", name, "datapath_type",
                  p->wish->datapath_type, "fail_mode", "secure", "protocols", "set", "OpenFlow10",
                  "OpenFlow13", "external_ids", "map", MARK, "ofproxy");
    char port[24], interface[24], bridge[24];

    snprintf(port, sizeof port, "port%u", p->named);
    snprintf(interface, sizeof interface, "interface%u", p->named);
    snprintf(bridge, sizeof bridge, "bridge%u", p->named);
    p->named++;
    json_object_set_new(row, "ports", json_pack("[s,s]", "named-uuid", port));
    add(p, json_pack("{s:s,s:s,s:i,s:[[s,s,s]],s:[s],s:s,s:[]}", "op", "wait", "table", "Bridge",
                     "timeout", 0, "where", "name", "==", name, "columns", "name", "until",
                     "==", "rows"));
    if (p->wish->controller[0]) {
        json_object_set_new(row, "controller", new_controller(p));
    }
    add(p, json_pack("{s:s,s:s,s:{s:s,s:s},s:s}", "op", "insert", "table", "Interface", "row",
                     "name", name, "type", "internal", "uuid-name", interface));
    add(p, json_pack("{s:s,s:s,s:{s:s,s:[s,s]},s:s}", "op", "insert", "table", "Port", "row",
                     "name", name, "interfaces", "named-uuid", interface, "uuid-name", port));
    add(p, json_pack("{s:s,s:s,s:o,s:s}", "op", "insert", "table", "Bridge", "row", row,
                     "uuid-name", bridge));
    add_to_set(p, "Open_vSwitch", NULL, "bridges",
               json_pack("[s,[[s,s]]]", "set", "named-uuid", bridge));
    say(p, name, p->wish->controller[0] ? "bridge made, with its controller" : "bridge made");
}

static const char *find_bridge(const struct ovsdb_rows *rows, const char *name, json_t **found)
{
    const char *uuid;

    json_object_foreach(ovsdb_rows_table(rows, "Bridge"), uuid, *found)
    {
        if (strcmp(ovsdb_text(*found, "name"), name) == 0) {
            return uuid;
        }
    }
    return NULL;
}

json_t *tend_plan(const struct tend_wish *w, const struct ovsdb_rows *rows, char *what, size_t size)
{
    struct plan p = {w, rows, json_array(), what, size, 0, 0};

    what[0] = '\0';
    /* its one row is made by 'ovs-vsctl init', or by ovs-vswitchd; without it no bridge is kept */
    for (unsigned i = 0; i < w->n && json_object_size(ovsdb_rows_table(rows, "Open_vSwitch")) > 0;
         i++) {
        json_t *bridge;
        const char *uuid = find_bridge(rows, w->bridge[i], &bridge);

        if (uuid) {
            tend_bridge(&p, uuid, bridge);
        } else {
            new_bridge(&p, w->bridge[i]);
        }
    }
    if (json_array_size(p.operations) == 0) {
        json_decref(p.operations);
        return NULL;
    }
    add(&p, json_pack("{s:s,s:s}", "op", "comment", "comment", "causeway ofproxy"));
    return p.operations;
}

uint64_t tend_paced(struct tend_pace *p, uint64_t now)
{
    if (p->last_ns == 0 || now - p->last_ns > CALM_NS + p->pause_ns) {
        p->pause_ns = FIRST_PAUSE_NS;
    } else {
        p->pause_ns = p->pause_ns * 2 < LONGEST_PAUSE_NS ? p->pause_ns * 2 : LONGEST_PAUSE_NS;
    }
    p->last_ns = now;
    p->next_ns = now + p->pause_ns;
    return p->pause_ns;
}

/* ---- settings -------------------------------------------------------------------------------- */

static void take_bridge(struct tend_wish *w, const char *name)
{
    if (strlen(name) >= TEND_NAME || !config_is_name(name, TEND_NAME - 1) || strchr(name, '/')) {
        die_usage(
            "ovsdb-bridge: '%s' is no name for a bridge: expected at most %d ASCII characters "
            "without '/', as in sw0",
            name, TEND_NAME - 1);
    }
    if (w->n == TEND_BRIDGES) {
        die_usage("ovsdb-bridge: more than %d bridges: leave some out", TEND_BRIDGES);
    }
    strcpy(w->bridge[w->n++], name);
}

/* Open vSwitch's own bounds; it refuses a transaction with less. */
static void check_least(const char *key, long value, long least)
{
    if (value != 0 && value < least) {
        die_usage("%s is %ld, expected 0, for Open vSwitch's own, or at least %ld", key, value,
                  least);
    }
}

static void check_controller(const char *target)
{
    if (strncmp(target, "tcp:", 4) != 0 && strncmp(target, "ssl:", 4) != 0 &&
        strncmp(target, "unix:/", 6) != 0) {
        die_usage("ovsdb-controller: '%s' is no controller: expected tcp:ADDRESS:PORT, "
                  "ssl:ADDRESS:PORT or unix:/PATH, as in tcp:127.0.0.1:6633",
                  target);
    }
}

void tend_config(struct tend_wish *w, const struct config *c)
{
    char names[512], *save = NULL;

    *w = (struct tend_wish){
        .datapath_type = config_str(c, CONFIG_OFPROXY_OVSDB_DATAPATH),
        .controller = config_str(c, CONFIG_OFPROXY_OVSDB_CONTROLLER),
        .rate = config_int(c, CONFIG_OFPROXY_OVSDB_RATE_LIMIT),
        .burst = config_int(c, CONFIG_OFPROXY_OVSDB_BURST_LIMIT),
        .queue = config_int(c, CONFIG_OFPROXY_OVSDB_QUEUE_SIZE),
        .max_backoff_ms = config_int(c, CONFIG_OFPROXY_OVSDB_MAX_BACKOFF),
        .probe_ms = config_int(c, CONFIG_OFPROXY_OVSDB_PROBE),
    };
    snprintf(names, sizeof names, "%s", config_str(c, CONFIG_OFPROXY_OVSDB_BRIDGE));
    for (char *n = strtok_r(names, " \t,", &save); n; n = strtok_r(NULL, " \t,", &save)) {
        take_bridge(w, n);
    }
    if (w->controller[0]) {
        check_controller(w->controller);
    }
    check_least("ovsdb-rate-limit", w->rate, 100);
    check_least("ovsdb-burst-limit", w->burst, 25);
}
