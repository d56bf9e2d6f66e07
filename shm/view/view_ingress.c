/* shm/view/view_ingress.c - what ofproxy takes in: a row for each class, then one for each port and
 * class that a frame came by.  Read from boards and counters, whoever is alive. */
#include <stdio.h>
#include <string.h>

#include "shm/account.h"
#include "shm/view/topics.h"

static const struct {
    const char *name, *text;
} classes[CLASSES] = {
#define K(NAME, name, share, part, text) {name, text},
#include "common/classes.def"
#undef K
};

const char *view_class_name(unsigned k)
{
    return k < CLASSES ? classes[k].name : "?";
}

static json_t *row_of(unsigned k, uint64_t rate, uint32_t in_flight, uint64_t admitted,
                      uint64_t metered, uint64_t crowded)
{
    return json_pack("{s:s s:o s:I s:I s:I s:I}", "class", classes[k].name, "rate",
                     rate > 0 ? json_integer((json_int_t)rate) : json_null(), "in_flight",
                     (json_int_t)in_flight, "admitted", (json_int_t)admitted, "metered",
                     (json_int_t)metered, "crowded", (json_int_t)crowded);
}

static json_t *class_json(unsigned k, const struct class_row *row, const struct counter_snapshot *s)
{
    json_t *o =
        row_of(k, row->rate, row->in_flight, counter_snapshot_get(s, OFPROXY_ADMITTED_CONTROL + k),
               counter_snapshot_get(s, OFPROXY_METERED_CONTROL + k),
               counter_snapshot_get(s, OFPROXY_CROWDED_CONTROL + k));

    json_object_set_new(o, "port", json_string("all"));
    json_object_set_new(o, "share", json_integer(row->share));
    json_object_set_new(o, "text", json_string(classes[k].text));
    return o;
}

/* The port's name, if the same port still has the row of the ports board. */
static void put_port(json_t *o, const struct traffic_row *row, const struct board_reader *ports,
                     unsigned at)
{
    struct port_row port;
    char text[64];

    view_put_dpid(o, row->dpid);
    json_object_set_new(o, "number", json_integer((json_int_t)row->port));
    if (board_get(ports, at, &port) && port.dpid == row->dpid && port.port == row->port) {
        snprintf(text, sizeof text, "%s", board_text(port.name, sizeof port.name));
    } else {
        snprintf(text, sizeof text, "%u", row->port);
    }
    json_object_set_new(o, "port", json_string(text));
}

static void add_port(json_t *list, const struct traffic_row *row, const struct class_row *rates,
                     const struct board_reader *ports, unsigned at)
{
    for (unsigned k = 0; k < CLASSES; k++) {
        json_t *o;

        if (row->by[k].admitted + row->by[k].metered + row->by[k].crowded == 0) {
            continue;
        }
        o = row_of(k, rates[k].port_rate, row->in_flight[k], row->by[k].admitted,
                   row->by[k].metered, row->by[k].crowded);
        put_port(o, row, ports, at);
        json_array_append_new(list, o);
    }
}

static void add_ports(json_t *list, const struct class_row *rates, const struct board_reader *ports,
                      const struct board_reader *traffic)
{
    struct traffic_row row;

    for (unsigned i = 0; i < board_used(traffic); i++) {
        if (board_get(traffic, i, &row)) {
            add_port(list, &row, rates, ports, i);
        }
    }
}

static json_t *collect(const struct counter_snapshot *counters, const struct board_reader *board,
                       const struct board_reader *traffic, const struct board_reader *ports)
{
    struct class_row rates[CLASSES] = {0};
    json_t *list = json_array();

    for (unsigned k = 0; k < CLASSES; k++) {
        board_get(board, k, &rates[k]);
        json_array_append_new(list, class_json(k, &rates[k], counters));
    }
    add_ports(list, rates, ports, traffic);
    return list;
}

json_t *view_ingress(const char *run_dir, const json_t *params, char *why, size_t size)
{
    static const enum topo_board names[] = {TOPO_CLASSES, TOPO_TRAFFIC, TOPO_PORTS};
    struct board_reader board[3];
    struct counter_snapshot counters;
    json_t *list = NULL;
    unsigned n = 0;

    (void)params;
    while (n < 3 && topo_board_look(run_dir, &board[n], names[n]) == 0) {
        n++;
    }
    if (n == 3 && account_read(run_dir, COUNTER_OF_OFPROXY, &counters) == 0) {
        list = collect(&counters, &board[0], &board[1], &board[2]);
    } else {
        view_never_ran(run_dir, "ofproxy", why, size);
    }
    while (n > 0) {
        board_read_leave(&board[--n]);
    }
    return list;
}
