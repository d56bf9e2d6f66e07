/* shm/view/view_memory.c - rings and counters, read from shared memory, whoever is alive. */
#include <stdio.h>
#include <string.h>

#include "shm/account.h"
#include "shm/view/topics.h"

/* ---- rings -------------------------------------------------------------------------------- */

static const char *const ring_texts[] = {
#define R(NAME, WRITER, READER, size, text) text,
#include "shm/topo.def"
};

static json_t *ring_json(enum topo_ring r, const struct ring_stats *s)
{
    return json_pack("{s:s s:s s:s s:f s:I s:I s:I s:I s:I s:I s:I s:I s:I s:s}", "ring",
                     topo_ring_name(r), "from", topo_process_name(topo_ring_writer(r)), "to",
                     topo_process_name(topo_ring_reader(r)), "fill_percent",
                     s->size ? 100.0 * (double)s->used / (double)s->size : 0.0, "used_bytes",
                     (json_int_t)s->used, "size_bytes", (json_int_t)s->size, "records",
                     (json_int_t)s->records, "publishes", (json_int_t)s->publishes, "full",
                     (json_int_t)s->full, "bells", (json_int_t)s->bells, "sleeps",
                     (json_int_t)s->wakes, "writer_starts", (json_int_t)s->tx_attaches,
                     "reader_starts", (json_int_t)s->rx_attaches, "text", ring_texts[r]);
}

json_t *view_rings(const char *run_dir, const json_t *params, char *why, size_t size)
{
    json_t *list = json_array();

    (void)params;
    for (unsigned r = 0; r < TOPO_RINGS; r++) {
        struct ring_stats s = {0};

        if (topo_ring_stats(run_dir, (enum topo_ring)r, &s) == 0) {
            /* the two halves are read one after the other, so a busy ring may seem overfull */
            s.used = s.used <= s.size ? s.used : s.size;
            json_array_append_new(list, ring_json((enum topo_ring)r, &s));
        }
    }
    if (json_array_size(list) == 0) {
        snprintf(why, size, "there are no rings in %s: start the stack with 'causeway up'",
                 run_dir);
        json_decref(list);
        return NULL;
    }
    return list;
}

/* ---- counters ----------------------------------------------------------------------------- */

static void counters_by_reason(const struct counter_snapshot *s, const char *process,
                               enum counter_kind k, bool all, json_t *rows)
{
    char name[80];

    for (unsigned d = DROP_NONE + 1; d < DROPS; d++) {
        json_int_t n = (json_int_t)counter_snapshot_drop(s, k, d);

        if (n > 0 || all) {
            snprintf(name, sizeof name, "%s_%s", counter_kind_name(k), drop_name(d));
            json_array_append_new(rows,
                                  json_pack("{s:s s:s s:I s:s}", "process", process, "counter",
                                            name, "value", n, "text", drop_text(d)));
        }
    }
}

/* Rows for the table; in text, drop reasons that never struck are left out. */
static void counters_of(const struct counter_snapshot *s, enum counter_process p, bool all,
                        json_t *rows)
{
    const char *process = topo_process_name((enum topo_process)p);

    for (unsigned i = 0; i < COUNTERS; i++) {
        if (counter_owner(i) == p) {
            json_array_append_new(rows, json_pack("{s:s s:s s:I s:s}", "process", process,
                                                  "counter", counter_name(i), "value",
                                                  (json_int_t)counter_snapshot_get(s, i), "text",
                                                  counter_text(i)));
        }
    }
    for (unsigned k = 0; k < COUNTER_KINDS; k++) {
        if (counter_total(p, k) < COUNTERS) {
            counters_by_reason(s, process, k, all, rows);
        }
    }
}

/* {"router": {"received": 1, ...}, ...} and the sentences apart: easier to use than rows. */
static json_t *by_process(json_t *rows)
{
    json_t *all = json_object(), *sentences = json_object(), *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const char *process = json_string_value(json_object_get(row, "process"));
        const char *name = json_string_value(json_object_get(row, "counter"));
        char key[120];

        if (!json_object_get(all, process)) {
            json_object_set_new(all, process, json_object());
        }
        json_object_set(json_object_get(all, process), name, json_object_get(row, "value"));
        snprintf(key, sizeof key, "%s.%s", process, name);
        json_object_set(sentences, key, json_object_get(row, "text"));
    }
    json_object_set_new(all, "sentences", sentences);
    json_decref(rows);
    return all;
}

json_t *view_counters(const char *run_dir, const json_t *params, char *why, size_t size)
{
    bool as_rows = json_is_true(json_object_get(params, "rows"));
    bool all = !as_rows || json_is_true(json_object_get(params, "all"));
    json_t *rows = json_array();
    bool any = false;

    for (unsigned p = 0; p < COUNTER_PROCESSES; p++) {
        struct counter_snapshot s;

        if (account_read(run_dir, (enum counter_process)p, &s) == 0) {
            counters_of(&s, (enum counter_process)p, all, rows);
            any = true;
        }
    }
    if (!any) {
        view_no_counters(run_dir, why, size);
        json_decref(rows);
        return NULL;
    }
    return as_rows ? rows : by_process(rows);
}
