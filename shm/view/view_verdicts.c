/* shm/view/view_verdicts.c - what became of every frame, and does it add up: what must hold in each
 * process at every moment, what the rings between them carry, and who dropped how many frames for
 * which reason.  All of it is data of shm/accounts.def and drops.def. */
#include "shm/account.h"
#include "shm/record.h"
#include "shm/view/topics.h"

const char *view_verdict_name(unsigned verdict)
{
    static const char *const names[] = {
        [VERDICT_NONE] = "none yet",     [VERDICT_FORWARDED] = "forwarded",
        [VERDICT_ANSWERED] = "answered", [VERDICT_HELD] = "held",
        [VERDICT_DROPPED] = "dropped",   [VERDICT_ORIGINATED] = "originated"};

    return verdict < sizeof names / sizeof names[0] ? names[verdict] : "?";
}

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

json_t *view_verdicts(const char *run_dir, const json_t *params, char *why, size_t size)
{
    struct account_look look;
    json_t *processes, *rings, *drops;

    if (account_look(run_dir, &look) != 0 ||
        !(look.there[COUNTER_OF_OFPROXY] || look.there[COUNTER_OF_VNSBRIDGE] ||
          look.there[COUNTER_OF_ROUTER])) {
        view_no_counters(run_dir, why, size);
        return NULL;
    }
    processes = accounts_json(&look);
    rings = rings_under_way(&look);
    drops = drops_json(&look, json_is_true(json_object_get(params, "all")));
    return json_pack("{s:b s:o s:o s:o}", "holds",
                     all_hold(processes) && all_hold(rings) && all_hold(drops), "accounts",
                     processes, "rings", rings, "drops", drops);
}
