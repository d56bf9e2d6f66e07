/* shm/view/view_latency.c - how long frames were in the stack: percentiles and buckets. */
#include "shm/view/topics.h"

static json_t *buckets_json(const struct histogram_snapshot *s)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (s->bucket[i] > 0) {
            json_array_append_new(
                list, json_pack("[f,I]", (double)histogram_low(i) / 1e3, (json_int_t)s->bucket[i]));
        }
    }
    return list;
}

json_t *view_latency_json(const struct histogram_snapshot *s)
{
    static const struct {
        const char *key;
        double percent;
    } shown[] = {
        {"p50_us", 50}, {"p90_us", 90}, {"p99_us", 99}, {"p999_us", 99.9}, {"p9999_us", 99.99}};
    json_t *o = json_pack("{s:I s:f s:f s:f}", "count", (json_int_t)s->count, "min_us",
                          (double)s->min / 1e3, "mean_us", histogram_mean(s) / 1e3, "max_us",
                          (double)s->max / 1e3);

    for (unsigned i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        json_object_set_new(o, shown[i].key,
                            json_real((double)histogram_percentile(s, shown[i].percent) / 1e3));
    }
    json_object_set_new(o, "buckets", buckets_json(s));
    return o;
}

int view_latency_take(const char *run_dir, struct histogram_snapshot *s, char *why, size_t size)
{
    struct measure_reader r;
    int err = topo_measure_look(run_dir, &r, TOPO_MEASURE_LATENCY, why, size);

    if (err == 0) {
        measure_take(&r, s);
        measure_read_leave(&r);
    }
    return err;
}

json_t *view_latency(const char *run_dir, const json_t *params, char *why, size_t size)
{
    struct histogram_snapshot s;

    (void)params;
    return view_latency_take(run_dir, &s, why, size) == 0 ? view_latency_json(&s) : NULL;
}
