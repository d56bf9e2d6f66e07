/* ctl/trace_report.c */
#include "ctl/trace_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shm/record.h"
#include "shm/topo.h"
#include "shm/view/topics.h"
#include "shm/view/view.h"

enum kind { KIND_FRAME, KIND_CALL, KIND_CORE };

static const struct {
    const char *key, *text;
    enum kind kind;
} rows[TRACE_ROWS] = {
#define H(NAME, key, text) {key, text, KIND_FRAME},
#define S(NAME, key, text) {key, text, KIND_CALL},
#define C(NAME, key, text) {key, text, KIND_CORE},
#include "ctl/trace.def"
};

_Static_assert((unsigned)TRACE_PROCESSES == (unsigned)TOPO_ROUTER + 1 &&
                   (unsigned)TRACE_RINGS == (unsigned)TOPO_RINGS,
               "trace.h counts processes and rings as topo.def does");
_Static_assert(TRACE_VERDICTS == VERDICT_ORIGINATED + 1, "record.h");

const char *trace_row_key(enum trace_row row)
{
    return rows[row].key;
}

const char *trace_row_text(enum trace_row row)
{
    return rows[row].text;
}

const char *trace_time(char text[TRACE_TIME], double ns)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    unsigned unit = 0;

    while (unit < 3 && ns >= 999.5) {
        ns /= 1000;
        unit++;
    }
    if (ns >= 99999) {
        ns = 99999;
    }
    snprintf(text, TRACE_TIME, "%.*f %s",
             unit == 0 || ns >= 99.95 ? 0
             : ns >= 9.995            ? 1
                                      : 2,
             ns, units[unit]);
    return text;
}

/* The strip's column of a value: its power of two. */
static unsigned column_of(uint64_t ns)
{
    unsigned n = 0;

    for (uint64_t limit = 256; ns >= limit && n < TRACE_STRIP - 1; limit *= 2) {
        n++;
    }
    return n;
}

const char *trace_strip(char text[TRACE_STRIP + 1], const struct histogram_snapshot *s)
{
    uint64_t count[TRACE_STRIP] = {0};

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (s->bucket[i] > 0) {
            count[column_of(histogram_low(i))] += s->bucket[i];
        }
    }
    for (unsigned n = 0; n < TRACE_STRIP; n++) {
        double share = s->count > 0 ? (double)count[n] / (double)s->count : 0;

        text[n] = count[n] == 0  ? ' '
                  : share < 0.02 ? '.'
                  : share < 0.1  ? ':'
                  : share < 0.3  ? '+'
                                 : '#';
    }
    text[TRACE_STRIP] = '\0';
    return text;
}

/* ---- text --------------------------------------------------------------------------------- */

static void print_title(const char *title, const char *things)
{
    printf("%-16s %10s %9s %9s %9s %9s   %-*s\n", title, things, "MEAN", "50 %", "99 %", "MOST",
           TRACE_STRIP, "  1us       1ms       1s");
}

static void print_row(const struct trace_report *r, enum trace_row row)
{
    const struct histogram_snapshot *s = &r->rows[row];
    char mean[TRACE_TIME], half[TRACE_TIME], most99[TRACE_TIME], most[TRACE_TIME];
    char strip[TRACE_STRIP + 1];

    if (s->count == 0) {
        printf("%-16s %10s %9s %9s %9s %9s  |%*s|\n", rows[row].key,
               row == TRACE_SOCKET && !r->tcp ? "unknown" : "0", "-", "-", "-", "-", TRACE_STRIP,
               "");
        return;
    }
    printf("%-16s %10" PRIu64 " %9s %9s %9s %9s  |%s|\n", rows[row].key, s->count,
           trace_time(mean, histogram_mean(s)),
           trace_time(half, (double)histogram_percentile(s, 50)),
           trace_time(most99, (double)histogram_percentile(s, 99)),
           trace_time(most, (double)s->max), trace_strip(strip, s));
}

static void print_rows(const struct trace_report *r, enum kind kind)
{
    for (unsigned row = 0; row < TRACE_ROWS; row++) {
        if (rows[row].kind == kind) {
            print_row(r, (enum trace_row)row);
        }
    }
}

static void print_verdicts(const struct trace_seen *s)
{
    printf("verdicts so far:");
    for (unsigned p = 0; p < TRACE_PROCESSES; p++) {
        const char *before = "";

        printf("%s %s ", p > 0 ? ";" : "", topo_process_name((enum topo_process)p));
        for (unsigned v = 0; v < TRACE_VERDICTS; v++) {
            if (s->verdicts[p][v] > 0) {
                printf("%s%s %" PRIu64, before, view_verdict_name(v), s->verdicts[p][v]);
                before = ", ";
            }
        }
        printf("%s", before[0] ? "" : "none");
    }
    printf("\n");
}

static void print_missed(const struct trace_seen *s)
{
    for (unsigned i = 0; i < TRACE_RINGS; i++) {
        if (s->unmatched[i] > 0) {
            printf("%s: %" PRIu64 " records were published before trace saw it; only their time in "
                   "the processes is counted\n",
                   topo_ring_name((enum topo_ring)i), s->unmatched[i]);
        }
    }
    if (s->lost > 0) {
        printf("%" PRIu64 " records of long batches are not counted in the processes\n", s->lost);
    }
}

static void print_legend(const struct trace_report *r)
{
    printf("\n");
    for (unsigned row = 0; row < TRACE_ROWS; row++) {
        printf("%-16s %s\n", rows[row].key, rows[row].text);
    }
    if (!r->tcp) {
        printf("socket: this kernel has no tracepoint tcp_probe\n");
    }
}

void trace_print(const struct trace_report *r)
{
    printf("%s%.1f s", r->whole ? "whole: " : "", r->seconds);
    for (unsigned p = 0; p < TRACE_PROCESSES; p++) {
        const char *name = topo_process_name((enum topo_process)p);

        if (r->pid[p] == 0) {
            printf(", no %s", name);
        } else if (r->restarts[p] == 0) {
            printf(", %s PID %u", name, r->pid[p]);
        } else {
            printf(", %s PID %u (restarted %u)", name, r->pid[p], r->restarts[p]);
        }
    }
    printf("\n\n");
    print_title("A FRAME'S WAY", "FRAMES");
    print_rows(r, KIND_FRAME);
    print_title("A CALL", "CALLS");
    print_rows(r, KIND_CALL);
    print_title("THE CORE", "TIMES");
    print_rows(r, KIND_CORE);
    print_verdicts(&r->seen);
    print_missed(&r->seen);
    if (r->whole) {
        print_legend(r);
    }
}

/* ---- JSON --------------------------------------------------------------------------------- */

static json_t *rows_json(const struct trace_report *r)
{
    static const char *const kinds[] = {"frame", "call", "core"};
    json_t *list = json_array();

    for (unsigned row = 0; row < TRACE_ROWS; row++) {
        json_t *o = view_latency_json(&r->rows[row]);

        json_object_set_new(o, "key", json_string(rows[row].key));
        json_object_set_new(o, "text", json_string(rows[row].text));
        json_object_set_new(o, "of", json_string(kinds[rows[row].kind]));
        json_object_set_new(o, "sum_us", json_real((double)r->rows[row].sum / 1e3));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *processes_json(const struct trace_report *r)
{
    json_t *list = json_array();

    for (unsigned p = 0; p < TRACE_PROCESSES; p++) {
        json_t *verdicts = json_object();

        for (unsigned v = 1; v < TRACE_VERDICTS; v++) {
            json_object_set_new(verdicts, view_verdict_name(v),
                                json_integer((json_int_t)r->seen.verdicts[p][v]));
        }
        json_array_append_new(list, json_pack("{s:s s:i s:i s:o}", "process",
                                              topo_process_name((enum topo_process)p), "pid",
                                              (int)r->pid[p], "restarts", (int)r->restarts[p],
                                              "verdicts", verdicts));
    }
    return list;
}

json_t *trace_json(const struct trace_report *r)
{
    json_t *unmatched = json_object();

    for (unsigned i = 0; i < TRACE_RINGS; i++) {
        json_object_set_new(unmatched, topo_ring_name((enum topo_ring)i),
                            json_integer((json_int_t)r->seen.unmatched[i]));
    }
    return json_pack("{s:f s:b s:b s:o s:o s:o s:I}", "seconds", r->seconds, "whole", (int)r->whole,
                     "tcp", (int)r->tcp, "processes", processes_json(r), "rows", rows_json(r),
                     "unmatched", unmatched, "lost", (json_int_t)r->seen.lost);
}
