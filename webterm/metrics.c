/* webterm/metrics.c - what the stack counts, for Prometheus: text format 0.0.4, or OpenMetrics 1.0.
 *
 * Of both the lines are the same, but that a counter's family has "_total" in its name in the first
 * and not in the second.  Names: causeway_*, base units, _total. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/histogram.h"
#include "common/text.h"
#include "shm/account.h"
#include "shm/view/topics.h"
#include "webterm/collect.h"
#include "webterm/metrics.h"

#define ROOM (512u << 10)

void metrics_family(struct metrics *m, const char *name, const char *type, const char *help)
{
    const char *suffix = strcmp(type, "counter") == 0 && !m->open ? "_total" : "";

    text_say(&m->text, "# HELP causeway_%s%s ", name, suffix);
    for (; *help; help++) {
        if (*help == '\\' || (*help == '"' && m->open)) {
            text_char(&m->text, '\\');
        }
        text_char(&m->text, *help);
    }
    text_say(&m->text, "\n# TYPE causeway_%s%s %s\n", name, suffix, type);
}

static void counter_line(struct metrics *m, const char *name, const char *labels, uint64_t v)
{
    text_say(&m->text, "causeway_%s_total%s %llu\n", name, labels, (unsigned long long)v);
}

/* ---- processes ---------------------------------------------------------------------------- */

struct seen {
    struct role_row row;
    bool alive, known;
};

static double start_time(const struct role_row *row)
{
    struct timespec boot, real;

    clock_gettime(CLOCK_BOOTTIME, &boot);
    clock_gettime(CLOCK_REALTIME, &real);
    return (double)real.tv_sec - (double)boot.tv_sec + (double)(real.tv_nsec - boot.tv_nsec) / 1e9 +
           (double)row->start_ns / 1e9;
}

/* 'which': 0 up, 1 ready, 2 start time, 3 restarts. */
static void process_lines(struct metrics *m, const struct seen *seen, const char *name,
                          unsigned which)
{
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        const struct seen *s = &seen[p];

        if (!s->known || (which == 2 && !s->alive)) {
            continue;
        }
        text_say(&m->text, "causeway_%s{process=\"%s\"} ", name,
                 topo_process_name((enum topo_process)p));
        if (which == 2) {
            text_say(&m->text, "%.3f\n", start_time(&s->row));
        } else {
            text_say(&m->text, "%llu\n",
                     which == 0   ? (unsigned long long)s->alive
                     : which == 1 ? (unsigned long long)(s->alive && s->row.state == ROLE_READY)
                                  : (unsigned long long)(s->row.starts - (s->row.starts > 0)));
        }
    }
}

static void put_processes(struct metrics *m, const char *run_dir)
{
    struct seen seen[TOPO_PROCESSES] = {0};

    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        seen[p].known = role_look(run_dir, topo_process_name((enum topo_process)p), &seen[p].row,
                                  &seen[p].alive);
    }
    metrics_family(m, "process_up", "gauge", "Does the process run?");
    process_lines(m, seen, "process_up", 0);
    metrics_family(m, "process_ready", "gauge", "Does the process say that it is ready?");
    process_lines(m, seen, "process_ready", 1);
    metrics_family(m, "process_start_time_seconds", "gauge",
                   "When the process started, since the epoch.");
    process_lines(m, seen, "process_start_time_seconds", 2);
    metrics_family(m, "process_restarts", "counter",
                   "Times that the process was started again in this run directory.");
    process_lines(m, seen, "process_restarts_total", 3);
}

/* ---- rings -------------------------------------------------------------------------------- */

static void put_rings(struct metrics *m, const char *run_dir)
{
    static const struct {
        const char *name, *help;
        size_t at;
        bool gauge;
    } rows[] = {
        {"ring_used_bytes", "Bytes in the ring, now.", offsetof(struct ring_stats, used), true},
        {"ring_size_bytes", "Room of the ring.", offsetof(struct ring_stats, size), true},
        {"ring_records", "Records written.", offsetof(struct ring_stats, records), false},
        {"ring_batches", "Batches that records were written in.",
         offsetof(struct ring_stats, publishes), false},
        {"ring_refused", "Times that the ring was full.", offsetof(struct ring_stats, full), false},
        {"ring_doorbells", "Times that the reader was woken.", offsetof(struct ring_stats, bells),
         false}};
    struct ring_stats stats[TOPO_RINGS];
    bool there[TOPO_RINGS];

    for (unsigned r = 0; r < TOPO_RINGS; r++) {
        there[r] = topo_ring_stats(run_dir, (enum topo_ring)r, &stats[r]) == 0;
    }
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        metrics_family(m, rows[i].name, rows[i].gauge ? "gauge" : "counter", rows[i].help);
        for (unsigned r = 0; r < TOPO_RINGS; r++) {
            uint64_t v;

            if (there[r]) {
                memcpy(&v, (const char *)&stats[r] + rows[i].at, sizeof v);
                text_say(&m->text, "causeway_%s%s{ring=\"%s\"} %llu\n", rows[i].name,
                         rows[i].gauge ? "" : "_total", topo_ring_name((enum topo_ring)r),
                         (unsigned long long)v);
            }
        }
    }
}

/* ---- counters ----------------------------------------------------------------------------- */

/* Counters that are one for each ingress class. */
static const struct {
    const char *verdict;
    enum counter first;
} by_class[] = {{"admitted", OFPROXY_ADMITTED_CONTROL},
                {"metered", OFPROXY_METERED_CONTROL},
                {"crowded", OFPROXY_CROWDED_CONTROL}};
#define N_BY_CLASS (sizeof by_class / sizeof by_class[0])

static bool is_of_class(unsigned c)
{
    for (unsigned i = 0; i < N_BY_CLASS; i++) {
        if (c >= by_class[i].first && c < by_class[i].first + CLASSES) {
            return true;
        }
    }
    return false;
}

static void put_counters(struct metrics *m, enum counter_process p,
                         const struct counter_snapshot *s)
{
    char name[80];

    for (unsigned c = 0; c < COUNTERS; c++) {
        bool gauge = strstr(counter_text(c), " now.") != NULL;

        if (counter_owner(c) != p || is_of_class(c)) {
            continue;
        }
        snprintf(name, sizeof name, "%s_%s", topo_process_name((enum topo_process)p),
                 counter_name(c));
        metrics_family(m, name, gauge ? "gauge" : "counter", counter_text(c));
        if (gauge) {
            text_say(&m->text, "causeway_%s %llu\n", name,
                     (unsigned long long)counter_snapshot_get(s, c));
        } else {
            counter_line(m, name, "", counter_snapshot_get(s, c));
        }
    }
}

static void put_classes(struct metrics *m, const struct counter_snapshot *s)
{
    char labels[80];

    metrics_family(m, "ingress_frames", "counter",
                   "Frames by ingress class: taken in, over a rate, or without a place.");
    for (unsigned i = 0; i < N_BY_CLASS; i++) {
        for (unsigned k = 0; k < CLASSES; k++) {
            snprintf(labels, sizeof labels, "{class=\"%s\",verdict=\"%s\"}", view_class_name(k),
                     by_class[i].verdict);
            counter_line(m, "ingress_frames", labels,
                         counter_snapshot_get(s, by_class[i].first + k));
        }
    }
}

/* By reason: for each kind that a process counts. */
static void put_drops(struct metrics *m, const struct counter_snapshot *s, const bool *there)
{
    static const char *const help[COUNTER_KINDS] = {
        "Received frames whose verdict is dropped, by reason.",
        "Those of them that this process decided on, by reason.",
        "Frames that settle no received frame and could not be sent, by reason."};
    char name[40], labels[120];

    for (unsigned k = 0; k < COUNTER_KINDS; k++) {
        snprintf(name, sizeof name, "%s_frames", counter_kind_name(k));
        metrics_family(m, name, "counter", help[k]);
        for (unsigned p = 0; p < COUNTER_PROCESSES; p++) {
            for (unsigned d = DROP_NONE + 1; d < DROPS; d++) {
                if (there[p] && counter_total(p, k) < COUNTERS) {
                    snprintf(labels, sizeof labels, "{process=\"%s\",reason=\"%s\"}",
                             topo_process_name((enum topo_process)p), drop_name(d));
                    counter_line(m, name, labels, counter_snapshot_drop(&s[p], k, d));
                }
            }
        }
    }
}

/* ---- latency ------------------------------------------------------------------------------ */

static uint64_t up_to(const struct histogram_snapshot *s, uint64_t ns)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && histogram_high(i) <= ns; i++) {
        n += s->bucket[i];
    }
    return n;
}

/* 1, 2, 5 of each power of ten, from 1 us to 10 s. */
static void put_latency(struct metrics *m, const char *run_dir)
{
    static const unsigned steps[] = {1, 2, 5};
    struct histogram_snapshot *s = malloc(sizeof *s);
    char why[400];

    if (s && view_latency_take(run_dir, s, why, sizeof why) == 0) {
        metrics_family(m, "frame_latency_seconds", "histogram",
                       "From a frame's arrival in ofproxy to its verdict's leaving.");
        for (uint64_t power = 1000; power <= 1000000000u; power *= 10) {
            for (unsigned i = 0; i < 3; i++) {
                text_say(&m->text, "causeway_frame_latency_seconds_bucket{le=\"%g\"} %llu\n",
                         (double)power * steps[i] / 1e9,
                         (unsigned long long)up_to(s, power * steps[i]));
            }
        }
        text_say(&m->text,
                 "causeway_frame_latency_seconds_bucket{le=\"+Inf\"} %llu\n"
                 "causeway_frame_latency_seconds_sum %.9f\n"
                 "causeway_frame_latency_seconds_count %llu\n",
                 (unsigned long long)s->count, (double)s->sum / 1e9, (unsigned long long)s->count);
    }
    free(s);
}

/* ---- together ----------------------------------------------------------------------------- */

struct collect_text *collect_metrics(const char *run_dir, bool open_metrics)
{
    struct counter_snapshot *s = calloc(COUNTER_PROCESSES, sizeof *s);
    char *buffer = malloc(ROOM);
    struct metrics m = {.open = open_metrics};
    struct collect_text *made = NULL;
    bool there[COUNTER_PROCESSES];

    if (s && buffer) {
        text_open(&m.text, buffer, ROOM);
        metrics_family(&m, "build_info", "gauge", "The version of webterm.");
        text_say(&m.text, "causeway_build_info{version=\"%s\"} 1\n", CAUSEWAY_VERSION);
        put_processes(&m, run_dir);
        put_rings(&m, run_dir);
        for (unsigned p = 0; p < COUNTER_PROCESSES; p++) {
            there[p] = account_read(run_dir, (enum counter_process)p, &s[p]) == 0;
            if (there[p]) {
                put_counters(&m, (enum counter_process)p, &s[p]);
            }
        }
        if (there[COUNTER_OF_OFPROXY]) {
            put_classes(&m, &s[COUNTER_OF_OFPROXY]);
        }
        put_drops(&m, s, there);
        put_latency(&m, run_dir);
        made = collect_text_raw(buffer, strlen(buffer), 200);
    }
    free(buffer);
    free(s);
    return made;
}
