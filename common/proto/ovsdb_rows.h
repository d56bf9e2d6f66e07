/* common/proto/ovsdb_rows.h - the rows of a monitored database, and the changes that a server
 * tells.
 *
 *     ovsdb_rows_open(&rows);
 *     requests = ovsdb_rows_ask(&rows, schema, wanted);     what to monitor, of what the schema has
 *     ovsdb_rows_update2(&rows, updates, why, size);        monitor_cond(_since): differences
 *     ovsdb_rows_update(&rows, updates, why, size);         monitor of RFC 7047: whole rows
 *     row = ovsdb_rows_find(&rows, "Bridge", uuid);
 *     ovsdb_rows_close(&rows);
 *
 * A value is as in RFC 7047, 5.1: an atom, ["uuid", U], ["set", [...]], ["map", [[k, v], ...]]; a
 * set of one may be the bare atom.  A column that is missing has its type's default: nothing, or
 * empty. The readers below take any JSON, since it is a peer's, and say "nothing" of what does not
 * fit. */
#ifndef COMMON_PROTO_OVSDB_ROWS_H
#define COMMON_PROTO_OVSDB_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define OVSDB_KEPT (64u << 20) /* most bytes of rows kept, as JSON; each row counts 64 more */

struct ovsdb_rows {
    json_t *tables; /* {table: {uuid: {column: value}}} */
    json_t *many;   /* {table: {column: true or false}}: can it hold more than one element? */
    size_t n, bytes;
};

void ovsdb_rows_open(struct ovsdb_rows *r);
void ovsdb_rows_close(struct ovsdb_rows *r);
/* Forgets the rows. */
void ovsdb_rows_clear(struct ovsdb_rows *r);

/* 'wanted' is {table: [column, ...]}.  Returns the monitor-requests {table: [{"columns": [...]}]}
 * of those that 'schema', a server's answer to get_schema, has; a new reference.  Rows kept from
 * another schema, where these columns are of other types, are forgotten. */
json_t *ovsdb_rows_ask(struct ovsdb_rows *r, const json_t *schema, const json_t *wanted);
/* Has the server's table this column?  Known after ovsdb_rows_ask. */
bool ovsdb_rows_has(const struct ovsdb_rows *r, const char *table, const char *column);

/* Apply what a server tells.  False, with what is wrong in 'why': the rows are not to be relied on,
 * and are to be asked for anew. */
bool ovsdb_rows_update2(struct ovsdb_rows *r, const json_t *updates, char *why, size_t size);
bool ovsdb_rows_update(struct ovsdb_rows *r, const json_t *updates, char *why, size_t size);

/* Borrowed; NULL: there is none.  ovsdb_rows_table is {uuid: row}. */
json_t *ovsdb_rows_table(const struct ovsdb_rows *r, const char *table);
json_t *ovsdb_rows_find(const struct ovsdb_rows *r, const char *table, const char *uuid);

/* ---- values -------------------------------------------------------------------------------- */

/* Elements of a set (or the one atom); pairs of a map.  A missing value has none. */
size_t ovsdb_set_size(const json_t *value);
const json_t *ovsdb_set_at(const json_t *value, size_t i);
/* Of a set of uuids, the i-th; NULL: it is none. */
const char *ovsdb_set_uuid(const json_t *value, size_t i);
bool ovsdb_set_has(const json_t *value, const char *text);
/* The text of a key of a map; NULL: not there. */
const char *ovsdb_map_text(const json_t *value, const char *key);
/* The one text, number or truth of a column; "", 'otherwise' or false where there is none. */
const char *ovsdb_text(const json_t *row, const char *column);
json_int_t ovsdb_number(const json_t *row, const char *column, json_int_t otherwise);
bool ovsdb_truth(const json_t *row, const char *column);

#endif
