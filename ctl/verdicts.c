/* ctl/verdicts.c - `causeway show verdicts`: what became of every frame, and does it add up.
 *
 * Three tables: what must hold in each process at every moment, what the rings between them carry,
 * and who dropped how many frames for which reason.  All of it is data of shm/accounts.def and
 * drops.def.  Exit status 1 if something does not hold. */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "shm/account.h"

/* ---- the accounts of a process ------------------------------------------------------------- */

static json_t *parts_json(const struct counter_snapshot *s, const struct account *a)
{
    json_t *parts = json_object();

    for (const enum counter *c = a->part; *c != COUNTERS; c++) {
        json_object_set_new(parts, counter_name(*c),
                            json_integer((json_int_t)counter_snapshot_get(s, *c)));
    }
    return parts;
}

static void add_account(json_t *list, const struct counter_snapshot *s, const struct account *a)
{
    json_int_t off = account_sum(s, a);

    json_array_append_new(list, json_pack("{s:s s:s s:s s:I s:o s:I s:b s:s}", "process",
                                          topo_process_name((enum topo_process)a->owner), "account",
                                          a->name, "whole", counter_name(a->whole), "value",
                                          (json_int_t)counter_snapshot_get(s, a->whole), "parts",
                                          parts_json(s, a), "off", off, "holds", off == 0, "text",
                                          a->text));
}

/* A total and its reasons: one more account each, whose parts only --all shows. */
static void add_reasons(json_t *list, const struct counter_snapshot *s, enum counter_process p,
                        enum counter_kind k)
{
    enum counter total = counter_total(p, k);
    json_int_t off = account_reasons(s, p, k);
    json_t *parts = json_object();

    if (total == COUNTERS) {
        json_decref(parts);
        return;
    }
    for (unsigned d = 0; d < DROPS; d++) {
        json_int_t n = (json_int_t)counter_snapshot_drop(s, k, d);

        if (n > 0) {
            json_object_set_new(parts, drop_name(d), json_integer(n));
        }
    }
    json_array_append_new(list, json_pack("{s:s s:s s:s s:I s:o s:I s:b s:s}", "process",
                                          topo_process_name((enum topo_process)p), "account",
                                          "reasons", "whole", counter_name(total), "value",
                                          (json_int_t)counter_snapshot_get(s, total), "parts",
                                          parts, "off", off, "holds", off == 0, "text",
                                          "Each of them has a reason."));
}

static json_t *accounts_json(const struct account_look *look)
{
    json_t *list = json_array();

    for (unsigned p = 0; p < COUNTER_PROCESSES; p++) {
        const struct counter_snapshot *s = &look->later[p];

        for (size_t i = 0; look->there[p] && i < n_accounts; i++) {
            if (accounts[i].owner == p) {
                add_account(list, s, &accounts[i]);
            }
        }
        for (unsigned k = 0; look->there[p] && k < COUNTER_KINDS; k++) {
            add_reasons(list, s, (enum counter_process)p, (enum counter_kind)k);
        }
    }
    return list;
}

/* ---- between processes --------------------------------------------------------------------- */

static json_t *rings_under_way(const struct account_look *look)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n_account_rings; i++) {
        enum topo_ring r = account_rings[i].ring;
        json_int_t n = account_under_way(look, &account_rings[i]);

        json_array_append_new(
            list, json_pack("{s:s s:s s:s s:I s:I s:I s:b}", "ring", topo_ring_name(r), "from",
                            topo_process_name(topo_ring_writer(r)), "to",
                            topo_process_name(topo_ring_reader(r)), "in",
                            (json_int_t)account_counted_in(look, &account_rings[i]), "out",
                            (json_int_t)account_counted_out(look, &account_rings[i]), "under_way",
                            n, "holds", n >= 0));
    }
    return list;
}

static json_t *drops_json(const struct account_look *look, bool all)
{
    json_t *list = json_array();

    for (unsigned d = DROP_NONE + 1; d < DROPS; d++) {
        const struct counter_snapshot *s = look->later;
        uint64_t total = counter_snapshot_drop(&s[COUNTER_OF_OFPROXY], COUNTER_DROPPED, d);
        uint64_t own = counter_snapshot_drop(&s[COUNTER_OF_OFPROXY], COUNTER_DECIDED, d);
        uint64_t bridge = counter_snapshot_drop(&s[COUNTER_OF_VNSBRIDGE], COUNTER_DROPPED, d);
        uint64_t router = counter_snapshot_drop(&s[COUNTER_OF_ROUTER], COUNTER_DECIDED, d);
        json_int_t n = account_drops_under_way(look, d);

        if (all || (total | own | bridge | router) != 0) {
            json_array_append_new(
                list, json_pack("{s:s s:I s:I s:I s:I s:I s:b s:s}", "reason", drop_name(d),
                                "dropped", (json_int_t)total, "ofproxy", (json_int_t)own,
                                "vnsbridge", (json_int_t)bridge, "router", (json_int_t)router,
                                "under_way", n, "holds", n >= 0, "text", drop_text(d)));
        }
    }
    return list;
}

/* ---- both together ------------------------------------------------------------------------- */

static bool all_hold(const json_t *list)
{
    const json_t *row;
    size_t i;

    json_array_foreach(list, i, row)
    {
        if (!json_is_true(json_object_get(row, "holds"))) {
            return false;
        }
    }
    return true;
}

static json_t *verdicts_json(const struct ctl *c)
{
    struct account_look look;
    json_t *processes, *rings, *drops;

    if (account_look(c->run_dir, &look) != 0 ||
        !(look.there[COUNTER_OF_OFPROXY] || look.there[COUNTER_OF_VNSBRIDGE] ||
          look.there[COUNTER_OF_ROUTER])) {
        ctl_fail("there are no counters in %s, or they are of another build: start the stack with "
                 "'causeway up'",
                 c->run_dir);
        return NULL;
    }
    processes = accounts_json(&look);
    rings = rings_under_way(&look);
    drops = drops_json(&look, c->all);
    return json_pack("{s:b s:o s:o s:o}", "holds",
                     all_hold(processes) && all_hold(rings) && all_hold(drops), "accounts",
                     processes, "rings", rings, "drops", drops);
}

static const char *word_of(const json_t *row)
{
    return json_is_true(json_object_get(row, "holds")) ? "holds" : "DOES NOT HOLD";
}

/* "10 received = 7 forwarded + 3 dropped"; a part that is 0 is left out unless 'all'. */
static void print_sum(const json_t *row, bool all)
{
    const char *name, *plus = "=";
    json_t *part;

    printf("  %lld %s", (long long)json_integer_value(json_object_get(row, "value")),
           json_string_value(json_object_get(row, "whole")));
    json_object_foreach(json_object_get(row, "parts"), name, part)
    {
        if (all || json_integer_value(part) != 0) {
            printf(" %s %lld %s", plus, (long long)json_integer_value(part), name);
            plus = "+";
        }
    }
    printf(": %s\n", word_of(row));
}

static void print_accounts(const json_t *list, bool all)
{
    const char *before = "";
    const json_t *row;
    size_t i;

    json_array_foreach(list, i, row)
    {
        const char *process = json_string_value(json_object_get(row, "process"));

        if (strcmp(process, before) != 0) {
            printf("%s%s\n", i > 0 ? "\n" : "", process);
            before = process;
        }
        if (all || json_integer_value(json_object_get(row, "value")) != 0 ||
            !json_is_true(json_object_get(row, "holds"))) {
            print_sum(row, all);
        }
    }
}

static void print_verdicts(const struct ctl *c, const json_t *v)
{
    static const struct column ring_columns[] = {
        {"ring", "RING", false},    {"from", "FROM", false},      {"to", "TO", false},
        {"in", "COUNTED IN", true}, {"out", "COUNTED OUT", true}, {"under_way", "UNDER WAY", true},
        {NULL, NULL, false}};
    static const struct column drop_columns[] = {{"reason", "DROPPED FOR", false},
                                                 {"dropped", "FRAMES", true},
                                                 {"ofproxy", "BY OFPROXY", true},
                                                 {"vnsbridge", "VNSBRIDGE", true},
                                                 {"router", "ROUTER", true},
                                                 {"under_way", "UNDER WAY", true},
                                                 {"text", "", false},
                                                 {NULL, NULL, false}};

    print_accounts(json_object_get(v, "accounts"), c->all);
    printf("\n");
    ctl_table(c, json_object_get(v, "rings"), ring_columns);
    if (json_array_size(json_object_get(v, "drops")) > 0) {
        printf("\n");
        ctl_table(c, json_object_get(v, "drops"), drop_columns);
    }
    printf("\n%s\n", json_is_true(json_object_get(v, "holds"))
                         ? "All of it adds up."
                         : "SOMETHING DOES NOT ADD UP: that is a bug; please keep this output.");
}

int verdicts_show(struct ctl *c)
{
    json_t *v = verdicts_json(c);
    bool holds;

    if (!v) {
        return 1;
    }
    holds = json_is_true(json_object_get(v, "holds"));
    if (c->json) {
        ctl_print_json(c, v);
    } else {
        print_verdicts(c, v);
        json_decref(v);
    }
    return holds ? 0 : 1;
}
