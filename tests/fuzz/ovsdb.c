/* OVSDB's JSON-RPC: an input is a stream, cut at places that its first bytes choose. */
#include "common/proto/ovsdb.h"

#include <stdlib.h>
#include <string.h>

#include "common/proto/ovsdb_rows.h"
#include "tests/fuzz/fuzz.h"

#define LONGEST 4096
#define DEEPEST 12
#define CUTS 4

static json_t *schema, *wanted;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    json_object_seed(1);
    schema = json_loads("{\"tables\":{\"B\":{\"columns\":{\"n\":{\"type\":\"string\"},\"s\":{"
                        "\"type\":{\"key\":\"uuid\",\"max\":\"unlimited\"}}}}}}",
                        0, NULL);
    wanted = json_loads("{\"B\":[\"n\",\"s\"]}", 0, NULL);
    return 0;
}

/* What every reader of values must stand, and how many rows there are in truth. */
static void check_rows(const struct ovsdb_rows *r)
{
    json_t *rows = ovsdb_rows_table(r, "B"), *row;
    const char *uuid;
    size_t bytes = 0;

    json_object_foreach(rows, uuid, row)
    {
        bytes += 64 + json_dumpb(row, NULL, 0, JSON_COMPACT);
    }
    fuzz_check(r->n == json_object_size(rows) && r->bytes == bytes);
    json_object_foreach(rows, uuid, row)
    {
        const json_t *s = json_object_get(row, "s");

        fuzz_check(ovsdb_text(row, "n") != NULL);
        ovsdb_number(row, "n", 0);
        ovsdb_truth(row, "n");
        ovsdb_set_has(s, "x");
        ovsdb_map_text(s, "x");
        for (size_t i = 0; i <= ovsdb_set_size(s); i++) {
            ovsdb_set_uuid(s, i);
        }
    }
}

static void apply(struct ovsdb_rows *r, const struct ovsdb_msg *m)
{
    char why[100] = "";
    const json_t *updates = json_array_get(m->params, json_array_size(m->params) - 1);
    bool ok = json_array_size(m->params) % 2 ? ovsdb_rows_update2(r, updates, why, sizeof why)
                                             : ovsdb_rows_update(r, updates, why, sizeof why);

    fuzz_check(ok == !why[0]);
    check_rows(r);
}

/* Everything that is cut out, one after the other, as it would be sent again. */
static char *hear(const uint8_t *bytes, size_t len, const size_t *cuts, unsigned n, char *why)
{
    struct ovsdb_rows rows;
    struct ovsdb_msg m;
    struct ovsdb_in in;
    json_t *all = json_array();
    size_t from = 0;
    char *text;

    ovsdb_rows_open(&rows);
    json_decref(ovsdb_rows_ask(&rows, schema, wanted));
    ovsdb_in_open(&in, LONGEST, DEEPEST);
    for (unsigned i = 0; i <= n; i++) {
        size_t to = i < n ? cuts[i] : len;

        ovsdb_in_put(&in, bytes + from, to - from);
        while (ovsdb_in_get(&in, &m)) {
            fuzz_check(m.kind == OVSDB_RESPONSE ? m.result || m.error : json_is_array(m.params));
            json_array_append(all, m.json);
            if (m.kind == OVSDB_NOTIFICATION) {
                apply(&rows, &m);
            }
            ovsdb_msg_free(&m);
        }
        from = to;
    }
    memcpy(why, in.why, sizeof in.why);
    fuzz_check(in.room <= 4 * (LONGEST + OVSDB_PIECE));
    ovsdb_in_close(&in);
    ovsdb_rows_close(&rows);
    text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    fuzz_check(text != NULL);
    return text;
}

static int by_place(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    char why[2][sizeof(((struct ovsdb_in *)0)->why)], *said[2];
    size_t cuts[CUTS], len;
    const uint8_t *bytes;

    for (unsigned i = 0; i < CUTS; i++) {
        cuts[i] = fuzz_u16(&f);
    }
    len = f.left;
    bytes = fuzz_bytes(&f, &len);
    for (unsigned i = 0; i < CUTS; i++) {
        cuts[i] = cuts[i] % (len + 1);
    }
    qsort(cuts, CUTS, sizeof cuts[0], by_place);
    said[0] = hear(bytes, len, cuts, 0, why[0]);
    said[1] = hear(bytes, len, cuts, CUTS, why[1]);
    fuzz_check(strcmp(said[0], said[1]) == 0, "%s, or in pieces %s", said[0], said[1]);
    fuzz_check(strcmp(why[0], why[1]) == 0, "%s, or in pieces %s", why[0], why[1]);
    free(said[0]);
    free(said[1]);
    return 0;
}
