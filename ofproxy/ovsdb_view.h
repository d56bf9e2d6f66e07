/* ofproxy/ovsdb_view.h - what the database says of bridges, for people; and the packet-ins that
 * switches dropped before they reached us. */
#ifndef OFPROXY_OVSDB_VIEW_H
#define OFPROXY_OVSDB_VIEW_H

#include <stdint.h>

#include "ofproxy/ovsdb_tend.h"

/* Packet-ins that Open vSwitch held back, and those of them that it dropped: its columns count from
 * when the switch last connected, these only ever grow. */
struct view_drops {
    json_t *seen; /* {uuid of a controller's row: [dropped, queued]} */
    bool begun;   /* what was there before us is not counted */
    uint64_t dropped, queued;
    char where[64]; /* the bridge that last had some dropped */
};

void view_drops_open(struct view_drops *d);
void view_drops_close(struct view_drops *d);
/* Rows have changed: adds what is new, of the controllers that are us. */
void view_drops_count(struct view_drops *d, const struct tend_wish *w,
                      const struct ovsdb_rows *rows);

/* A new array, one object a bridge: "bridge", "dpid", "ports", "port_list", "controllers", ... */
json_t *view_bridges(const struct tend_wish *w, const struct ovsdb_rows *rows);

#endif
