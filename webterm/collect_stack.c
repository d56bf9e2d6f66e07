/* webterm/collect_stack.c - the topic "stack": processes, rings, counts, and how fast they grow. */
#include <stdlib.h>

#include "common/histogram.h"
#include "common/loop.h"
#include "common/notify.h"
#include "shm/account.h"
#include "shm/view/topics.h"
#include "webterm/collect.h"

#define OLD_S 5.0 /* a rate over longer than this says nothing of now */
#define RESTARTING_NS 10000000000ull

struct stack_sample {
    uint64_t time_ns;
    bool there[TOPO_RINGS];
    struct ring_stats ring[TOPO_RINGS];
    struct account_look look;
    bool measured;
    struct histogram_snapshot latency;
    uint64_t alive_ns[TOPO_PROCESSES]; /* when it was last seen alive */
};

/* How long ago the last look was, in seconds; 0: there was none that counts. */
static double since(const struct stack_sample *before, const struct stack_sample *now)
{
    double s = before ? (double)(now->time_ns - before->time_ns) / 1e9 : 0;

    return s > 0.001 && s < OLD_S ? s : 0;
}

static double rate(uint64_t now, uint64_t before, double seconds)
{
    return seconds > 0 && now > before ? (double)(now - before) / seconds : 0;
}

/* ---- sums of counters --------------------------------------------------------------------- */

#define SUM_TERMS 5

static uint64_t sum(const struct stack_sample *s, const enum counter *part)
{
    uint64_t n = 0;

    for (; s && *part != COUNTERS; part++) {
        n += counter_snapshot_get(&s->look.later[counter_owner(*part)], *part);
    }
    return n;
}

static double rate_of(const struct stack_sample *now, const struct stack_sample *before,
                      const enum counter *part)
{
    return rate(sum(now, part), sum(before, part), since(before, now));
}

/* Frames that come to a process, and those that leave it. */
static const struct {
    enum counter in[SUM_TERMS], out[SUM_TERMS];
} flows[TOPO_PROCESSES] = {
    [TOPO_OFPROXY] = {{OFPROXY_RECEIVED, COUNTERS},
                      {OFPROXY_FORWARDED, OFPROXY_ANSWERED, OFPROXY_ORIGINATED, COUNTERS}},
    [TOPO_VNSBRIDGE] = {{VNSBRIDGE_RECEIVED, VNSBRIDGE_FROM_CLIENTS, COUNTERS},
                        {VNSBRIDGE_DOWN_VERDICTS, VNSBRIDGE_DOWN_FRAMES, VNSBRIDGE_CLIENTS_FRAMES,
                         COUNTERS}},
    [TOPO_ROUTER] = {{ROUTER_RECEIVED, COUNTERS},
                     {ROUTER_FORWARDED, ROUTER_ANSWERED, ROUTER_ORIGINATED, COUNTERS}},
    [TOPO_PTYHOST] = {{COUNTERS}, {COUNTERS}},
    [TOPO_WEBTERM] = {{COUNTERS}, {COUNTERS}}};

/* ---- the parts ---------------------------------------------------------------------------- */

/* One that was alive a moment ago, and that somebody starts again: webterm's supervisor, it is
 * supposed, has the others, too. */
static void say_restarting(json_t *o, struct stack_sample *now, const struct stack_sample *before,
                           unsigned p)
{
    uint64_t seen = before ? before->alive_ns[p] : 0;
    bool alive = json_is_true(json_object_get(o, "alive"));

    now->alive_ns[p] = alive ? now->time_ns : seen;
    if (!alive && seen > 0 && now->time_ns - seen < RESTARTING_NS && notify_supervised()) {
        json_object_set_new(o, "state", json_string("restarting"));
    }
}

static json_t *processes(const char *run_dir, const bool *silent, struct stack_sample *now,
                         const struct stack_sample *before)
{
    json_t *list = json_array();

    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        json_t *o = view_process_as(run_dir, (enum topo_process)p, silent[p]);

        say_restarting(o, now, before, p);
        json_object_set_new(o, "in_rate", json_real(rate_of(now, before, flows[p].in)));
        json_object_set_new(o, "out_rate", json_real(rate_of(now, before, flows[p].out)));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *text_of(uint64_t n)
{
    return json_sprintf("%llu", (unsigned long long)n);
}

static json_t *rings(const struct stack_sample *now, const struct stack_sample *before)
{
    json_t *list = json_array();

    for (unsigned r = 0; r < TOPO_RINGS; r++) {
        const struct ring_stats *s = &now->ring[r];
        uint64_t used = s->used <= s->size ? s->used : s->size;

        if (!now->there[r]) {
            continue;
        }
        json_array_append_new(
            list, json_pack("{s:s s:s s:s s:f s:I s:I s:o s:f s:o}", "ring",
                            topo_ring_name((enum topo_ring)r), "from",
                            topo_process_name(topo_ring_writer((enum topo_ring)r)), "to",
                            topo_process_name(topo_ring_reader((enum topo_ring)r)), "fill_percent",
                            s->size ? 100.0 * (double)used / (double)s->size : 0.0, "used_bytes",
                            (json_int_t)used, "size_bytes", (json_int_t)s->size, "records",
                            text_of(s->records), "rate",
                            before && before->there[r]
                                ? rate(s->records, before->ring[r].records, since(before, now))
                                : 0.0,
                            "full", text_of(s->full)));
    }
    return list;
}

static const enum counter totals[] = {OFPROXY_RECEIVED, OFPROXY_FORWARDED, OFPROXY_ANSWERED,
                                      OFPROXY_HELD, OFPROXY_DROPPED};
#define N_TOTALS (sizeof totals / sizeof totals[0])

static void put_totals(json_t *value, const struct stack_sample *now,
                       const struct stack_sample *before)
{
    json_t *counts = json_object(), *rates = json_object();

    for (unsigned i = 0; i < N_TOTALS; i++) {
        const enum counter one[] = {totals[i], COUNTERS};

        json_object_set_new(counts, counter_name(totals[i]), text_of(sum(now, one)));
        json_object_set_new(rates, counter_name(totals[i]), json_real(rate_of(now, before, one)));
    }
    json_object_set_new(counts, "in_flight",
                        json_integer((json_int_t)counter_snapshot_get(
                            &now->look.later[COUNTER_OF_OFPROXY], OFPROXY_IN_FLIGHT)));
    json_object_set_new(value, "totals", counts);
    json_object_set_new(value, "rates", rates);
}

static json_t *drops(const struct stack_sample *now, const struct stack_sample *before)
{
    /* what each process decided on; of vnsbridge's all are its own */
    static const enum counter_kind kinds[COUNTER_PROCESSES] = {COUNTER_DECIDED, COUNTER_DROPPED,
                                                               COUNTER_DECIDED};
    json_t *list = json_array();

    for (unsigned p = 0; p < COUNTER_PROCESSES; p++) {
        for (unsigned d = DROP_NONE + 1; d < DROPS; d++) {
            uint64_t n = counter_snapshot_drop(&now->look.later[p], kinds[p], d);
            uint64_t was = before ? counter_snapshot_drop(&before->look.later[p], kinds[p], d) : 0;

            if (n > 0) {
                json_array_append_new(
                    list,
                    json_pack("{s:s s:s s:o s:f s:s}", "reason", drop_name(d), "process",
                              topo_process_name((enum topo_process)p), "total", text_of(n), "rate",
                              rate(n, was, since(before, now)), "text", drop_text(d)));
            }
        }
    }
    return list;
}

/* ---- together ----------------------------------------------------------------------------- */

/* Of the time since the last look. */
static json_t *latency(const struct stack_sample *now, const struct stack_sample *before)
{
    struct histogram_snapshot *s = now->measured ? malloc(sizeof *s) : NULL;
    json_t *o;

    if (!s) {
        return json_null();
    }
    *s = now->latency;
    if (before && before->measured) {
        histogram_since(s, &before->latency);
    }
    o = view_latency_json(s);
    json_object_set_new(o, "count", text_of(s->count));
    free(s);
    return o;
}

static void take(struct stack_sample *s, const char *run_dir)
{
    char why[400];

    s->measured = view_latency_take(run_dir, &s->latency, why, sizeof why) == 0;
    account_look(run_dir, &s->look); /* of one that cannot be read, all are 0 */
    for (unsigned r = 0; r < TOPO_RINGS; r++) {
        s->there[r] = topo_ring_stats(run_dir, (enum topo_ring)r, &s->ring[r]) == 0;
    }
    s->time_ns = loop_now_ns();
}

json_t *collect_stack(const char *run_dir, const bool *silent, struct stack_sample **last)
{
    struct stack_sample *now = calloc(1, sizeof *now), *before = *last;
    json_t *value;

    if (!now) {
        return NULL;
    }
    take(now, run_dir);
    value = json_pack("{s:o s:o}", "processes", processes(run_dir, silent, now, before), "rings",
                      rings(now, before));
    put_totals(value, now, before);
    json_object_set_new(value, "drops", drops(now, before));
    json_object_set_new(value, "holds", json_boolean(account_holds(&now->look)));
    json_object_set_new(value, "latency", latency(now, before));
    free(before);
    *last = now;
    return value;
}
