/* webterm/packets_names.c */
#include "webterm/packets_names.h"

#include <stdio.h>
#include <string.h>

void packets_names_open(struct packets_names *n, const char *run_dir)
{
    n->have_ports = n->have_ports || topo_board_look(run_dir, &n->ports, TOPO_PORTS) == 0;
    n->have_interfaces =
        n->have_interfaces || topo_board_look(run_dir, &n->interfaces, TOPO_INTERFACES) == 0;
}

void packets_names_close(struct packets_names *n)
{
    if (n->have_ports) {
        board_read_leave(&n->ports);
    }
    if (n->have_interfaces) {
        board_read_leave(&n->interfaces);
    }
    n->have_ports = n->have_interfaces = false;
    memset(n->kept, 0, sizeof n->kept);
}

void packets_names_look(struct packets_names *n)
{
    bool changed = n->have_ports && board_changed(&n->ports);

    changed = (n->have_interfaces && board_changed(&n->interfaces)) || changed;
    if (changed) {
        memset(n->kept, 0, sizeof n->kept);
    }
}

static bool find_interface(const struct packets_names *n, uint64_t dpid, uint32_t port,
                           struct interface_row *row)
{
    for (unsigned i = 0; n->have_interfaces && i < board_used(&n->interfaces); i++) {
        if (board_get(&n->interfaces, i, row) && row->known && row->dpid == dpid &&
            row->port == port) {
            return true;
        }
    }
    return false;
}

static void find_port(const struct packets_names *n, uint64_t dpid, uint32_t port,
                      struct packet_place *place)
{
    struct port_row row;

    snprintf(place->port, sizeof place->port, "port %u", port);
    for (unsigned i = 0; n->have_ports && i < board_used(&n->ports); i++) {
        if (board_get(&n->ports, i, &row) && row.state != PORT_EMPTY && row.state != PORT_GONE &&
            row.dpid == dpid && row.port == port) {
            memcpy(place->port, board_text(row.name, sizeof row.name), sizeof place->port);
            return;
        }
    }
}

const struct packet_place *packets_name(struct packets_names *n, bool by_row, uint64_t dpid,
                                        uint32_t port)
{
    unsigned at = (unsigned)((dpid * 31 + port * 2 + by_row) % NAMES_KEPT);
    struct packet_place *place = &n->kept[at].place;
    struct interface_row row;
    bool known;

    if (n->kept[at].known && n->kept[at].by_row == by_row && n->kept[at].dpid == dpid &&
        n->kept[at].port == port) {
        return place;
    }
    n->kept[at].known = true;
    n->kept[at].by_row = by_row;
    n->kept[at].dpid = dpid;
    n->kept[at].port = port;
    *place = (struct packet_place){0};
    known = by_row ? n->have_interfaces && board_get(&n->interfaces, port, &row)
                   : find_interface(n, dpid, port, &row);
    if (known) {
        memcpy(place->iface, board_text(row.name, sizeof row.name), sizeof place->iface);
        dpid = row.dpid;
        port = row.port;
    }
    if (!by_row || known) {
        find_port(n, dpid, port, place);
    }
    return place;
}
