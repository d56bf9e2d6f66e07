/* common/proto/ovsdb_rows.c - rows are kept as JSON, as they come. */
#include "common/proto/ovsdb_rows.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ovsdb_rows_open(struct ovsdb_rows *r)
{
    *r = (struct ovsdb_rows){.tables = json_object(), .many = json_object()};
}

void ovsdb_rows_close(struct ovsdb_rows *r)
{
    json_decref(r->tables);
    json_decref(r->many);
    *r = (struct ovsdb_rows){0};
}

void ovsdb_rows_clear(struct ovsdb_rows *r)
{
    json_object_clear(r->tables);
    r->n = r->bytes = 0;
}

/* ---- what to ask for ----------------------------------------------------------------------- */

/* A type is a word, or {"key": ..., "max": N or "unlimited"}; the most is 1 where it is not said.
 */
static bool holds_many(const json_t *type)
{
    const json_t *max = json_object_get(type, "max");

    return json_is_string(max) || json_integer_value(max) > 1;
}

/* Of the wanted columns those there are; NULL: the schema has no such table. */
static json_t *ask_table(const json_t *schema, const char *table, const json_t *wanted,
                         json_t *many)
{
    const json_t *columns =
        json_object_get(json_object_get(json_object_get(schema, "tables"), table), "columns");
    json_t *list, *name;
    size_t i;

    if (!json_is_object(columns)) {
        return NULL;
    }
    list = json_array();
    json_array_foreach(wanted, i, name)
    {
        const json_t *column = json_object_get(columns, json_string_value(name));

        if (column) {
            json_array_append(list, name);
            json_object_set_new(many, json_string_value(name),
                                json_boolean(holds_many(json_object_get(column, "type"))));
        }
    }
    return json_pack("[{s:o}]", "columns", list);
}

json_t *ovsdb_rows_ask(struct ovsdb_rows *r, const json_t *schema, const json_t *wanted)
{
    json_t *requests = json_object(), *many = json_object(), *columns;
    const char *table;

    json_object_foreach((json_t *)(uintptr_t)wanted, table, columns)
    {
        json_t *of_table = json_object(), *request = ask_table(schema, table, columns, of_table);

        if (request) {
            json_object_set_new(requests, table, request);
            json_object_set(many, table, of_table);
        }
        json_decref(of_table);
    }
    if (!json_equal(many, r->many)) {
        ovsdb_rows_clear(r);
    }
    json_decref(r->many);
    r->many = many;
    return requests;
}

bool ovsdb_rows_has(const struct ovsdb_rows *r, const char *table, const char *column)
{
    return json_object_get(json_object_get(r->many, table), column) != NULL;
}

/* ---- differences --------------------------------------------------------------------------- */

static const json_t *elements(const json_t *value, const char *tag)
{
    const char *word = json_string_value(json_array_get(value, 0));

    return json_array_size(value) == 2 && word && strcmp(word, tag) == 0 ? json_array_get(value, 1)
                                                                         : NULL;
}

/* Elements found by their text, so that a long list costs no more for each than a short one. */
static json_t *by_text(const json_t *value, bool map)
{
    size_t n = map ? json_array_size(elements(value, "map")) : ovsdb_set_size(value);
    json_t *found = json_object();

    for (size_t i = 0; i < n; i++) {
        const json_t *e = map ? json_array_get(elements(value, "map"), i) : ovsdb_set_at(value, i);
        char *text = json_dumps(map ? json_array_get(e, 0) : e, JSON_COMPACT | JSON_ENCODE_ANY);

        if (text) {
            json_object_set(found, text, (json_t *)(uintptr_t)e);
        }
        free(text);
    }
    return found;
}

/* What is in one of the two only; of a pair with another value, the new one. */
static json_t *differ(const json_t *old, const json_t *change)
{
    bool map = elements(change, "map") != NULL;
    json_t *all = by_text(old, map), *changes = by_text(change, map), *list = json_array(), *e;
    const char *text;

    json_object_foreach(changes, text, e)
    {
        json_t *before = json_object_get(all, text);

        if (before && (!map || json_equal(before, e))) {
            json_object_del(all, text);
        } else {
            json_object_set(all, text, e);
        }
    }
    json_object_foreach(all, text, e)
    {
        json_array_append(list, e);
    }
    json_decref(all);
    json_decref(changes);
    return json_pack("[s,o]", map ? "map" : "set", list);
}

static void modify(const struct ovsdb_rows *r, const char *table, json_t *row, json_t *changes)
{
    const json_t *many = json_object_get(r->many, table);
    const char *column;
    json_t *value;

    json_object_foreach(changes, column, value)
    {
        if (json_is_true(json_object_get(many, column))) {
            json_object_set_new(row, column, differ(json_object_get(row, column), value));
        } else {
            json_object_set(row, column, value);
        }
    }
}

static bool fault(char *why, size_t size, const char *table, const char *uuid, const char *what)
{
    snprintf(why, size, "table %.40s, row %.40s: %s", table, uuid, what);
    return false;
}

/* What a row takes; whatever a server says, all of them have a bound. */
static size_t weight(const json_t *row)
{
    return row ? 64 + json_dumpb(row, NULL, 0, JSON_COMPACT) : 0;
}

static void delete_row(struct ovsdb_rows *r, json_t *rows, const char *uuid)
{
    r->bytes -= weight(json_object_get(rows, uuid));
    if (json_object_del(rows, uuid) == 0) {
        r->n--;
    }
}

static bool put_row(struct ovsdb_rows *r, json_t *rows, const char *uuid, json_t *row)
{
    delete_row(r, rows, uuid);
    r->bytes += weight(row);
    if (r->bytes > OVSDB_KEPT || json_object_set(rows, uuid, row) != 0) {
        r->bytes -= weight(row);
        return false;
    }
    r->n++;
    return true;
}

static bool row_update2(struct ovsdb_rows *r, const char *table, json_t *rows, const char *uuid,
                        const json_t *update, char *why, size_t size)
{
    json_t *row = json_object_get(update, "initial"), *there;

    row = row ? row : json_object_get(update, "insert");
    if (json_is_object(row)) {
        return put_row(r, rows, uuid, row) || fault(why, size, table, uuid, "more than is kept");
    }
    if (json_object_get(update, "delete")) {
        delete_row(r, rows, uuid);
        return true;
    }
    row = json_object_get(update, "modify");
    there = json_object_get(rows, uuid);
    if (!json_is_object(row)) {
        return fault(why, size, table, uuid, "neither insert, delete nor modify");
    }
    if (!there) {
        return fault(why, size, table, uuid, "modified, but never inserted");
    }
    r->bytes -= weight(there);
    modify(r, table, there, row);
    r->bytes += weight(there);
    return r->bytes <= OVSDB_KEPT || fault(why, size, table, uuid, "more than is kept");
}

static bool row_update(struct ovsdb_rows *r, const char *table, json_t *rows, const char *uuid,
                       const json_t *update, char *why, size_t size)
{
    json_t *row = json_object_get(update, "new");

    if (json_is_object(row)) {
        return put_row(r, rows, uuid, row) || fault(why, size, table, uuid, "more than is kept");
    }
    if (!json_object_get(update, "old")) {
        return fault(why, size, table, uuid, "neither old nor new");
    }
    delete_row(r, rows, uuid);
    return true;
}

typedef bool row_fn(struct ovsdb_rows *r, const char *table, json_t *rows, const char *uuid,
                    const json_t *update, char *why, size_t size);

static bool every_row(struct ovsdb_rows *r, const json_t *updates, row_fn *apply, char *why,
                      size_t size)
{
    const char *table, *uuid;
    json_t *of_table, *update, *rows;

    if (!json_is_object(updates)) {
        snprintf(why, size, "updates that are no object");
        return false;
    }
    json_object_foreach((json_t *)(uintptr_t)updates, table, of_table)
    {
        if (!json_object_get(r->many, table) || !json_is_object(of_table)) {
            return fault(why, size, table, "-", "a table that was not asked for");
        }
        rows = json_object_get(r->tables, table);
        if (!rows) {
            rows = json_object();
            json_object_set_new(r->tables, table, rows);
        }
        json_object_foreach(of_table, uuid, update)
        {
            if (!apply(r, table, rows, uuid, update, why, size)) {
                return false;
            }
        }
    }
    return true;
}

bool ovsdb_rows_update2(struct ovsdb_rows *r, const json_t *updates, char *why, size_t size)
{
    return every_row(r, updates, row_update2, why, size);
}

bool ovsdb_rows_update(struct ovsdb_rows *r, const json_t *updates, char *why, size_t size)
{
    return every_row(r, updates, row_update, why, size);
}

json_t *ovsdb_rows_table(const struct ovsdb_rows *r, const char *table)
{
    return json_object_get(r->tables, table);
}

json_t *ovsdb_rows_find(const struct ovsdb_rows *r, const char *table, const char *uuid)
{
    return uuid ? json_object_get(ovsdb_rows_table(r, table), uuid) : NULL;
}

/* ---- values -------------------------------------------------------------------------------- */

size_t ovsdb_set_size(const json_t *value)
{
    const json_t *set = elements(value, "set");

    return set ? json_array_size(set) : value && !elements(value, "map");
}

const json_t *ovsdb_set_at(const json_t *value, size_t i)
{
    const json_t *set = elements(value, "set");

    return set ? json_array_get(set, i) : i == 0 ? value : NULL;
}

const char *ovsdb_set_uuid(const json_t *value, size_t i)
{
    return json_string_value(elements(ovsdb_set_at(value, i), "uuid"));
}

bool ovsdb_set_has(const json_t *value, const char *text)
{
    for (size_t i = 0; i < ovsdb_set_size(value); i++) {
        const char *one = json_string_value(ovsdb_set_at(value, i));

        if (one && strcmp(one, text) == 0) {
            return true;
        }
    }
    return false;
}

const char *ovsdb_map_text(const json_t *value, const char *key)
{
    const json_t *map = elements(value, "map");
    json_t *pair;
    size_t i;

    json_array_foreach(map, i, pair)
    {
        const char *name = json_string_value(json_array_get(pair, 0));

        if (name && strcmp(name, key) == 0) {
            return json_string_value(json_array_get(pair, 1));
        }
    }
    return NULL;
}

const char *ovsdb_text(const json_t *row, const char *column)
{
    const char *text = json_string_value(ovsdb_set_at(json_object_get(row, column), 0));

    return text ? text : "";
}

json_int_t ovsdb_number(const json_t *row, const char *column, json_int_t otherwise)
{
    const json_t *value = ovsdb_set_at(json_object_get(row, column), 0);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool ovsdb_truth(const json_t *row, const char *column)
{
    return json_is_true(ovsdb_set_at(json_object_get(row, column), 0));
}
