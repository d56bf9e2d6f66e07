/* ctl/bench_say.c - the result of a benchmark as text and as JSON. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/bench.h"
#include "shm/view/view.h"

#define SAY_NS 250000000ull /* between two lines of progress */

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

static json_t *histogram_json(const struct histogram *h)
{
    struct histogram_snapshot s;
    json_t *v = json_object(), *buckets = json_array();

    histogram_snapshot(h, &s);
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

static json_t *cpu_json(const struct bench_result *r)
{
    json_t *v = json_pack("{s:f}", "bench", r->cpu);

    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        if (r->stack_cpu[p] >= 0) {
            json_object_set_new(v, topo_process_name((enum topo_process)p),
                                json_real(r->stack_cpu[p]));
        }
    }
    return v;
}

static json_t *steps_json(const struct bench_result *r)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < r->steps; i++) {
        const struct bench_step *s = &r->step[i];

        json_array_append_new(list, json_pack("{s:I s:b s:I s:f s:f}", "rate", (json_int_t)s->rate,
                                              "held", (int)s->held, "lost", (json_int_t)s->lost,
                                              "p50_us", s->p50_us, "p99_us", s->p99_us));
    }
    return list;
}

static json_t *slices_json(const struct bench_result *r)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < r->slices; i++) {
        const struct bench_slice *s = &r->slice[i];

        json_array_append_new(
            list, json_pack("[f,I,f,f]", (double)(i * r->slice_ns) / 1e9, (json_int_t)s->frames,
                            s->frames ? us(s->sum_ns) / (double)s->frames : 0.0, us(s->max_ns)));
    }
    return list;
}

static void add_load(json_t *v, const struct bench_settings *set, const struct bench_result *r)
{
    if (bench_timed(set)) {
        json_object_set_new(v, "rate", json_integer((json_int_t)set->rate));
        json_object_set_new(v, "behind_us", histogram_json(&r->behind));
    } else {
        json_object_set_new(v, "window", json_integer((json_int_t)bench_window(set)));
    }
    if (set->mode == BENCH_STORM) {
        json_object_set_new(v, "storm", json_string(set->arp ? "arp" : "broadcast"));
        json_object_set_new(v, "storm_per_second", json_real(per_second(r, r->storm)));
    }
    if (set->mode == BENCH_RAMP) {
        json_object_set_new(v, "steps", steps_json(r));
    }
}

json_t *bench_json(const struct bench_settings *set, const struct bench_result *r)
{
    const struct {
        const char *key;
        uint64_t n;
    } counts[] = {
        {"switches", set->switches}, {"size", set->size},   {"destinations", set->destinations},
        {"sent", r->sent},           {"verified", r->good}, {"lost", r->lost},
        {"unsent", r->unsent},       {"late", r->late},     {"others", r->others}};
    json_t *v =
        json_pack("{s:s s:s s:s s:b}", "mode", bench_mode_name(set->mode), "connect", set->connect,
                  "openflow", set->of13 ? "1.3" : "1.0", "ok", bench_wrong(r) == 0);

    add_load(v, set, r);
    json_object_set_new(v, "seconds", json_real(r->seconds));
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        json_object_set_new(v, counts[i].key, json_integer((json_int_t)counts[i].n));
    }
    json_object_set_new(v, "wrong", faults_json(r));
    json_object_set_new(v, "per_second", json_real(per_second(r, r->good)));
    json_object_set_new(v, "mbit_per_second",
                        json_real(per_second(r, r->good) * set->size * 8 / 1e6));
    json_object_set_new(v, "cpu", cpu_json(r));
    json_object_set_new(v, "latency_us", histogram_json(&r->latency));
    json_object_set_new(v, "slices", slices_json(r));
    return v;
}

/* ---- text --------------------------------------------------------------------------------- */

void bench_say_load(const struct bench_settings *set, char *text, size_t size)
{
    char how[100];

    if (bench_timed(set)) {
        snprintf(how, sizeof how, "%llu a second%s", (unsigned long long)set->rate,
                 set->mode != BENCH_STORM ? ""
                 : set->arp               ? ", beside a storm of ARP requests"
                                          : ", beside a storm of broadcasts");
    } else {
        snprintf(how, sizeof how, "%u outstanding%s", bench_window(set),
                 set->switches > 1 ? " each" : "");
    }
    snprintf(text, size, "%s: %u switch%s, OpenFlow %s, %u bytes, %u destination%s, %s",
             bench_mode_name(set->mode), set->switches, set->switches > 1 ? "es" : "",
             set->of13 ? "1.3" : "1.0", set->size, set->destinations,
             set->destinations > 1 ? "s" : "", how);
}

static void say_latency(const struct histogram *h)
{
    struct histogram_snapshot s;
    json_t *v;

    histogram_snapshot(h, &s);
    printf("\n  %8s  %10.1f us\n  %8s  %10.1f us\n", "least", us(s.min), "mean",
           histogram_mean(&s) / 1e3);
    for (unsigned i = 0; i < sizeof points / sizeof points[0]; i++) {
        printf("  %8s  %10.1f us\n", points[i].title,
               us(histogram_percentile(&s, points[i].percent)));
    }
    printf("  %8s  %10.1f us\n\n", "most", us(s.max));
    v = view_latency_json(&s);
    latency_bars(v);
    json_decref(v);
}

static void say_cpu(const struct bench_result *r)
{
    printf("CPU, in cores: benchmark %.2f", r->cpu);
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        if (r->stack_cpu[p] >= 0 && stack_routes((enum topo_process)p)) {
            printf(", %s %.2f", topo_process_name((enum topo_process)p), r->stack_cpu[p]);
        }
    }
    printf("\n");
}

static void say_wrong(const struct bench_result *r)
{
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
}

static void say_steps(const struct bench_result *r)
{
    printf("%10s  %5s  %9s  %9s  %9s\n", "rate", "holds", "lost", "50 % us", "99 % us");
    for (unsigned i = 0; i < r->steps; i++) {
        const struct bench_step *s = &r->step[i];

        printf("%10llu  %5s  %9llu  %9.1f  %9.1f\n", (unsigned long long)s->rate,
               s->held ? "yes" : "no", (unsigned long long)s->lost, s->p50_us, s->p99_us);
    }
}

void bench_say(const struct bench_settings *set, const struct bench_result *r)
{
    char load[300];

    if (r->steps > 0) {
        say_steps(r);
    }
    bench_say_load(set, load, sizeof load);
    printf("%s\n%llu sent, %llu came back as they must in %.2f s: %.0f a second, %.1f Mbit/s\n",
           load, (unsigned long long)r->sent, (unsigned long long)r->good, r->seconds,
           per_second(r, r->good), per_second(r, r->good) * set->size * 8 / 1e6);
    if (set->mode == BENCH_STORM) {
        printf("beside them %.0f frames of the storm a second\n", per_second(r, r->storm));
    }
    say_wrong(r);
    say_cpu(r);
    if (bench_timed(set)) {
        struct histogram_snapshot s;

        histogram_snapshot(&r->behind, &s);
        printf("each sent %.1f us after its time (50 %%), %.1f us (99 %%); latency counts from its "
               "time\n",
               us(histogram_percentile(&s, 50)), us(histogram_percentile(&s, 99)));
    }
    say_latency(&r->latency);
}

void bench_progress(struct bench *b, uint64_t now)
{
    static struct histogram_snapshot s;
    const struct bench_result *r = b->result;
    double seconds = (double)(now - b->start_ns) / 1e9;

    if (b->c->json || !isatty(STDERR_FILENO) || now - b->said_ns < SAY_NS) {
        return;
    }
    b->said_ns = now;
    histogram_snapshot(&r->latency, &s);
    fprintf(stderr, "\r%6.1f s  ", seconds);
    if (bench_timed(&b->set)) {
        fprintf(stderr, "at %llu  ", (unsigned long long)b->set.rate);
    }
    fprintf(stderr, "%.0f a second, 50 %% %.1f us, 99 %% %.1f us, %llu lost\033[K",
            (double)r->faults[BENCH_GOOD] / seconds, us(histogram_percentile(&s, 50)),
            us(histogram_percentile(&s, 99)), (unsigned long long)b->flight.lost);
}

void bench_progress_end(const struct bench *b)
{
    if (b->said_ns != 0) {
        fprintf(stderr, "\r\033[K");
    }
}
