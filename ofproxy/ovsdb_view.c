/* ofproxy/ovsdb_view.c */
#include "ofproxy/ovsdb_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- packet-ins dropped before us ------------------------------------------------------------ */

/* Both kinds: of a table miss, and of an action. */
static json_int_t packet_ins(const json_t *controller, const char *what)
{
    static const char *const kinds[] = {"miss", "action"};
    const json_t *status = json_object_get(controller, "status");
    json_int_t sum = 0;
    char key[48];

    for (unsigned k = 0; k < 2; k++) {
        const char *text;

        snprintf(key, sizeof key, "packet-in-%s-%s", kinds[k], what);
        text = ovsdb_map_text(status, key);
        sum += text ? strtoll(text, NULL, 10) : 0;
    }
    return sum < 0 ? 0 : sum;
}

/* Is it us that this row leads the switch to? */
static bool is_us(const struct tend_wish *w, const json_t *controller)
{
    return !w->controller[0] || tend_is_ours(controller) ||
           strcmp(ovsdb_text(controller, "target"), w->controller) == 0;
}

/* Since the last look; a switch that connects again counts from 0 again. */
static uint64_t grown(const json_t *before, size_t i, json_int_t now)
{
    json_int_t was = json_integer_value(json_array_get(before, i));

    return (uint64_t)(now >= was ? now - was : now);
}

static void count_row(struct view_drops *d, json_t *now_seen, const char *bridge, const char *uuid,
                      const json_t *controller)
{
    json_int_t dropped = packet_ins(controller, "dropped"),
               queued = packet_ins(controller, "queued");
    const json_t *before = json_object_get(d->seen, uuid);

    if (d->begun) {
        uint64_t more = grown(before, 0, dropped);

        d->dropped += more;
        d->queued += grown(before, 1, queued);
        if (more > 0) {
            snprintf(d->where, sizeof d->where, "%s", bridge);
        }
    }
    json_object_set_new(now_seen, uuid, json_pack("[I,I]", dropped, queued));
}

void view_drops_count(struct view_drops *d, const struct tend_wish *w,
                      const struct ovsdb_rows *rows)
{
    json_t *now_seen = json_object(), *bridge;
    const char *uuid;

    json_object_foreach(ovsdb_rows_table(rows, "Bridge"), uuid, bridge)
    {
        const json_t *set = json_object_get(bridge, "controller");

        for (size_t i = 0; i < ovsdb_set_size(set); i++) {
            const char *id = ovsdb_set_uuid(set, i);
            const json_t *controller = ovsdb_rows_find(rows, "Controller", id);

            if (controller && is_us(w, controller)) {
                count_row(d, now_seen, ovsdb_text(bridge, "name"), id, controller);
            }
        }
    }
    json_decref(d->seen);
    d->seen = now_seen;
    d->begun = true;
}

void view_drops_open(struct view_drops *d)
{
    *d = (struct view_drops){.seen = json_object()};
}

void view_drops_close(struct view_drops *d)
{
    json_decref(d->seen);
}

/* ---- ports ----------------------------------------------------------------------------------- */

/* The numbers of 'statistics' that every kind of interface has. */
static void add_statistics(json_t *o, const json_t *interface)
{
    static const char *const names[] = {"rx_packets", "rx_bytes", "rx_dropped", "rx_errors",
                                        "tx_packets", "tx_bytes", "tx_dropped", "tx_errors"};
    const json_t *map = json_array_get(json_object_get(interface, "statistics"), 1);
    json_t *pair;
    size_t i;

    json_array_foreach(map, i, pair)
    {
        const char *name = json_string_value(json_array_get(pair, 0));
        json_t *value = json_array_get(pair, 1);

        for (unsigned n = 0; n < sizeof names / sizeof names[0]; n++) {
            if (name && strcmp(name, names[n]) == 0 && json_is_integer(value)) {
                json_object_set_new(o, name, json_integer(json_integer_value(value)));
            }
        }
    }
}

static json_t *interface_of(const json_t *port, const json_t *i)
{
    json_t *o =
        json_pack("{s:s,s:s,s:I,s:s,s:s,s:s,s:s,s:I,s:s}", "name", ovsdb_text(port, "name"),
                  "interface", ovsdb_text(i, "name"), "port", ovsdb_number(i, "ofport", -1), "type",
                  ovsdb_text(i, "type"), "mac", ovsdb_text(i, "mac_in_use"), "link",
                  ovsdb_text(i, "link_state"), "admin", ovsdb_text(i, "admin_state"), "speed_mbps",
                  ovsdb_number(i, "link_speed", 0) / 1000000, "error", ovsdb_text(i, "error"));

    if (o) {
        add_statistics(o, i);
    }
    return o;
}

static json_t *ports_of(const struct ovsdb_rows *rows, const json_t *bridge)
{
    const json_t *set = json_object_get(bridge, "ports");
    json_t *list = json_array();

    for (size_t p = 0; p < ovsdb_set_size(set); p++) {
        const json_t *port = ovsdb_rows_find(rows, "Port", ovsdb_set_uuid(set, p));
        const json_t *interfaces = json_object_get(port, "interfaces");

        for (size_t i = 0; i < ovsdb_set_size(interfaces); i++) {
            const json_t *one = ovsdb_rows_find(rows, "Interface", ovsdb_set_uuid(interfaces, i));

            if (one) {
                json_array_append_new(list, interface_of(port, one));
            }
        }
    }
    return list;
}

/* ---- controllers ----------------------------------------------------------------------------- */

static json_t *controller_of(const struct tend_wish *w, const json_t *row)
{
    const json_t *status = json_object_get(row, "status");
    const char *state = ovsdb_map_text(status, "state");
    const char *error = ovsdb_map_text(status, "last_error");

    return json_pack("{s:s,s:b,s:s,s:b,s:b,s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "target",
                     ovsdb_text(row, "target"), "connected", ovsdb_truth(row, "is_connected"),
                     "role", ovsdb_text(row, "role"), "ours", tend_is_ours(row), "us",
                     is_us(w, row), "state", state ? state : "", "last_error", error ? error : "",
                     "rate_limit", ovsdb_number(row, "controller_rate_limit", 0), "bypassed",
                     packet_ins(row, "bypassed"), "queued", packet_ins(row, "queued"), "dropped",
                     packet_ins(row, "dropped"), "backlog", packet_ins(row, "backlog"));
}

static json_t *controllers_of(const struct tend_wish *w, const struct ovsdb_rows *rows,
                              const json_t *bridge)
{
    const json_t *set = json_object_get(bridge, "controller");
    json_t *list = json_array();

    for (size_t i = 0; i < ovsdb_set_size(set); i++) {
        const json_t *row = ovsdb_rows_find(rows, "Controller", ovsdb_set_uuid(set, i));

        if (row) {
            json_array_append_new(list, controller_of(w, row));
        }
    }
    return list;
}

/* ---- bridges --------------------------------------------------------------------------------- */

/* One controller stands for all in a table: us, or else the first. */
static void add_summary(json_t *o, const json_t *controllers)
{
    const json_t *one = json_array_get(controllers, 0);
    json_t *other;
    size_t i;

    json_array_foreach(controllers, i, other)
    {
        if (json_is_true(json_object_get(other, "us"))) {
            one = other;
            break;
        }
    }
    if (one) {
        bool connected = json_is_true(json_object_get(one, "connected"));
        const char *state = json_string_value(json_object_get(one, "state"));

        json_object_set(o, "controller", json_object_get(one, "target"));
        json_object_set_new(o, "connection",
                            json_string(connected ? "connected"
                                        : state   ? state
                                                  : ""));
        json_object_set(o, "dropped", json_object_get(one, "dropped"));
        json_object_set(o, "queued", json_object_get(one, "queued"));
        json_object_set(o, "last_error", json_object_get(one, "last_error"));
    }
}

static json_t *protocols_of(const json_t *bridge)
{
    const json_t *set = json_object_get(bridge, "protocols");
    json_t *list = json_array();

    for (size_t i = 0; i < ovsdb_set_size(set); i++) {
        const char *name = json_string_value(ovsdb_set_at(set, i));

        json_array_append_new(list, json_string(name ? name : ""));
    }
    return list;
}

static json_t *bridge_of(const struct tend_wish *w, const struct ovsdb_rows *rows,
                         const json_t *bridge)
{
    const char *type = ovsdb_text(bridge, "datapath_type");
    json_t *ports = ports_of(rows, bridge), *controllers = controllers_of(w, rows, bridge), *o;
    char dpid[24] = "";

    if (ovsdb_text(bridge, "datapath_id")[0]) {
        snprintf(dpid, sizeof dpid, "0x%.16s", ovsdb_text(bridge, "datapath_id"));
    }
    o = json_pack("{s:s,s:s,s:s,s:s,s:o,s:I}", "bridge", ovsdb_text(bridge, "name"), "dpid", dpid,
                  "type", type[0] ? type : "system", "fail_mode", ovsdb_text(bridge, "fail_mode"),
                  "protocols", protocols_of(bridge), "ports", (json_int_t)json_array_size(ports));
    add_summary(o, controllers);
    json_object_set_new(o, "port_list", ports);
    json_object_set_new(o, "controllers", controllers);
    return o;
}

json_t *view_bridges(const struct tend_wish *w, const struct ovsdb_rows *rows)
{
    json_t *list = json_array(), *bridge;
    const char *uuid;

    json_object_foreach(ovsdb_rows_table(rows, "Bridge"), uuid, bridge)
    {
        json_array_append_new(list, bridge_of(w, rows, bridge));
    }
    return list;
}
