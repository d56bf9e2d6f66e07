/* ofproxy/ovsdb_client.h - what OpenFlow cannot tell, from the database of Open vSwitch.
 *
 *     db = ovsdb_open(&config);      NULL: none is configured; a mistake in the settings ends us
 *     sandbox_enter(&box, ... | ovsdb_needs(db));
 *     ovsdb_serve(db);               the thread
 *     ovsdb_count(db);               by the packet thread, a few times a second
 *     ovsdb_bridges(db, why, size);  by the control thread
 *     ovsdb_close(db);
 *
 * All of it runs in a thread of its own, which allocates as it likes.  The packet thread takes its
 * counts when nobody else is looking, and never waits for it.  All take NULL for "none". */
#ifndef OFPROXY_OVSDB_CLIENT_H
#define OFPROXY_OVSDB_CLIENT_H

#include <jansson.h>

#include "common/config.h"

struct ovsdb_client;

struct ovsdb_client *ovsdb_open(const struct config *c);
/* What it does beyond rings (common/sandbox.h). */
unsigned ovsdb_needs(const struct ovsdb_client *o);
void ovsdb_serve(struct ovsdb_client *o);
void ovsdb_count(struct ovsdb_client *o);
void ovsdb_close(struct ovsdb_client *o);

/* A new array, one object a bridge (ovsdb_view.h), each with "ovsdb": "connected", or since when
 * not. NULL, with a sentence in 'why': nothing is known. */
json_t *ovsdb_bridges(struct ovsdb_client *o, char *why, size_t size);

#endif
