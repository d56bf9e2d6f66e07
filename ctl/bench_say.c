/* ctl/bench_say.c - the result of a benchmark as text and as JSON. */
#include <stdio.h>
#include <string.h>

#include "ctl/bench.h"

static const struct {
    const char *key, *title;
    double percent;
} points[] = {{"p50", "50 %", 50},
              {"p90", "90 %", 90},
              {"p99", "99 %", 99},
              {"p999", "99.9 %", 99.9},
              {"p9999", "99.99 %", 99.99}};

static double us(uint64_t ns)
{
    return (double)ns / 1e3;
}

static double per_second(const struct bench_result *r, uint64_t n)
{
    return r->seconds > 0 ? (double)n / r->seconds : 0;
}

static json_t *latency_json(const struct bench_result *r)
{
    struct histogram_snapshot s;
    json_t *v = json_object(), *buckets = json_array();

    histogram_snapshot(&r->latency, &s);
    json_object_set_new(v, "count", json_integer((json_int_t)s.count));
    json_object_set_new(v, "min", json_real(us(s.min)));
    json_object_set_new(v, "mean", json_real(histogram_mean(&s) / 1e3));
    for (unsigned i = 0; i < sizeof points / sizeof points[0]; i++) {
        json_object_set_new(v, points[i].key,
                            json_real(us(histogram_percentile(&s, points[i].percent))));
    }
    json_object_set_new(v, "max", json_real(us(s.max)));
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (s.bucket[i] > 0) {
            json_array_append_new(buckets,
                                  json_pack("[f,f,I]", us(histogram_low(i)),
                                            us(histogram_high(i) + 1), (json_int_t)s.bucket[i]));
        }
    }
    json_object_set_new(v, "buckets", buckets);
    return v;
}

static json_t *faults_json(const struct bench_result *r)
{
    json_t *v = json_object();

    for (unsigned i = 1; i < BENCH_FAULTS; i++) {
        json_object_set_new(v, bench_fault_name((enum bench_fault)i),
                            json_integer((json_int_t)r->faults[i]));
    }
    return v;
}

json_t *bench_json(const struct bench_settings *set, const struct bench_result *r)
{
    json_t *v = json_pack("{s:s s:s s:s s:b s:I s:I s:I}", "mode", bench_mode_name(set->mode),
                          "connect", set->connect, "openflow", set->of13 ? "1.3" : "1.0", "ok",
                          bench_wrong(r) == 0, "switches", (json_int_t)set->switches, "size",
                          (json_int_t)set->size, "destinations", (json_int_t)set->destinations);

    if (set->mode == BENCH_RATE) {
        json_object_set_new(v, "rate", json_integer((json_int_t)set->rate));
        json_object_set_new(v, "behind_us", json_real(us(r->behind_ns)));
    } else {
        json_object_set_new(v, "window",
                            json_integer(set->mode == BENCH_WINDOW ? (json_int_t)set->window : 1));
    }
    json_object_set_new(v, "seconds", json_real(r->seconds));
    json_object_set_new(v, "sent", json_integer((json_int_t)r->sent));
    json_object_set_new(v, "verified", json_integer((json_int_t)r->good));
    json_object_set_new(v, "lost", json_integer((json_int_t)r->lost));
    json_object_set_new(v, "unsent", json_integer((json_int_t)r->unsent));
    json_object_set_new(v, "late", json_integer((json_int_t)r->late));
    json_object_set_new(v, "wrong", faults_json(r));
    json_object_set_new(v, "others", json_integer((json_int_t)r->others));
    json_object_set_new(v, "per_second", json_real(per_second(r, r->good)));
    json_object_set_new(v, "mbit_per_second",
                        json_real(per_second(r, r->good) * set->size * 8 / 1e6));
    json_object_set_new(v, "cpu",
                        json_pack("{s:f}", "bench", r->cpu_s / (r->seconds > 0 ? r->seconds : 1)));
    json_object_set_new(v, "latency_us", latency_json(r));
    return v;
}

static void say_latency(const struct bench_result *r)
{
    struct histogram_snapshot s;

    histogram_snapshot(&r->latency, &s);
    printf("\n  %8s  %10.1f us\n  %8s  %10.1f us\n", "least", us(s.min), "mean",
           histogram_mean(&s) / 1e3);
    for (unsigned i = 0; i < sizeof points / sizeof points[0]; i++) {
        printf("  %8s  %10.1f us\n", points[i].title,
               us(histogram_percentile(&s, points[i].percent)));
    }
    printf("  %8s  %10.1f us\n", "most", us(s.max));
}

static void say_load(const struct bench_settings *set)
{
    printf("%s: %u switch%s, OpenFlow %s, %u bytes, %u destination%s", bench_mode_name(set->mode),
           set->switches, set->switches > 1 ? "es" : "", set->of13 ? "1.3" : "1.0", set->size,
           set->destinations, set->destinations > 1 ? "s" : "");
    if (set->mode == BENCH_RATE) {
        printf(", %llu a second", (unsigned long long)set->rate);
    } else {
        printf(", %u outstanding%s", set->mode == BENCH_WINDOW ? set->window : 1,
               set->switches > 1 ? " each" : "");
    }
    printf("\n");
}

void bench_say(const struct bench_settings *set, const struct bench_result *r)
{
    say_load(set);
    printf("%llu sent, %llu came back as they must in %.2f s: %.0f a second, %.1f Mbit/s; %.0f %% "
           "of a core for the benchmark itself\n",
           (unsigned long long)r->sent, (unsigned long long)r->good, r->seconds,
           per_second(r, r->good), per_second(r, r->good) * set->size * 8 / 1e6,
           100 * r->cpu_s / (r->seconds > 0 ? r->seconds : 1));
    if (r->late > 0) {
        printf("%llu took over %g s\n", (unsigned long long)r->late, BENCH_LOST_NS / 1e9);
    }
    if (r->unsent > 0) {
        printf("WRONG: %llu could not be sent: the stack took no more\n",
               (unsigned long long)r->unsent);
    }
    if (r->lost > 0) {
        printf("WRONG: %llu did not come back\n", (unsigned long long)r->lost);
    }
    for (unsigned i = 1; i < BENCH_FAULTS; i++) {
        if (r->faults[i] > 0) {
            printf("WRONG: %llu %s: %s\n", (unsigned long long)r->faults[i],
                   bench_fault_name((enum bench_fault)i), bench_fault_text((enum bench_fault)i));
        }
    }
    say_latency(r);
}
