/* shm/view/view_boards.c - interfaces, virtual hosts and switches, as their processes published
 * them: read from boards, whoever is alive. */
#include <stdio.h>

#include "common/proto/pkt.h"
#include "shm/view/topics.h"

/* ---- vnsbridge's -------------------------------------------------------------------------- */

/* Opens a board for reading; says why not. */
static bool board_of(const char *run_dir, struct board_reader *r, enum topo_board which, char *why,
                     size_t size)
{
    if (topo_board_look(run_dir, r, which) == 0) {
        return true;
    }
    view_never_ran(run_dir, "vnsbridge", why, size);
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
        view_put_dpid(o, r->dpid);
    }
    return o;
}

json_t *view_interfaces(const char *run_dir, const json_t *params, char *why, size_t size)
{
    struct interface_row row;
    struct board_reader r;
    json_t *list;

    (void)params;
    if (!board_of(run_dir, &r, TOPO_INTERFACES, why, size)) {
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

json_t *view_vhosts(const char *run_dir, const json_t *params, char *why, size_t size)
{
    static const char *const owners[] = {"nobody", "ring", "client"};
    static const char *const states[] = {"-", "waiting", "ready"};
    struct lease_row row;
    struct board_reader r;
    json_t *list;

    (void)params;
    if (!board_of(run_dir, &r, TOPO_LEASES, why, size)) {
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

/* ---- ofproxy's ---------------------------------------------------------------------------- */

/* What ofproxy last said of its switches' ports, when it does not answer. */
static json_t *switches_from_board(const char *run_dir)
{
    struct board_reader board;
    json_t *list = json_array(), *one = NULL;
    struct port_row row;
    uint64_t last = 0;

    if (topo_board_look(run_dir, &board, TOPO_PORTS) != 0) {
        return list;
    }
    for (unsigned i = 0; i < board_used(&board); i++) {
        if (!board_get(&board, i, &row) || (row.state != PORT_UP && row.state != PORT_DOWN)) {
            continue;
        }
        if (!one || row.dpid != last) {
            one = json_pack("{s:s s:i}", "state", "unknown", "ports", 0);
            view_put_dpid(one, row.dpid);
            json_array_append_new(list, one);
            last = row.dpid;
        }
        json_object_set_new(one, "ports",
                            json_integer(json_integer_value(json_object_get(one, "ports")) + 1));
    }
    board_read_leave(&board);
    return list;
}

json_t *view_switches(const char *run_dir, const json_t *params, char *why, size_t size)
{
    char told[500] = "";
    json_t *list = view_call(run_dir, "ofproxy", "switches", NULL, told, sizeof told);

    (void)params;
    if (!list) {
        snprintf(why, size, "%s; these are the switches it had", told);
        list = switches_from_board(run_dir);
    }
    return list;
}
