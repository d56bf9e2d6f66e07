/* ctl/bench_html.c - the result as a page of its own: no script, nothing that is fetched; plots are
 * SVG in it. */
#include <math.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "ctl/bench.h"

#define WIDTH 760
#define HEIGHT 260
#define LEFT 70
#define BOTTOM 40
#define TOP 12
#define RIGHT 14

/* ---- a plot ------------------------------------------------------------------------------- */

/* Values to places in the picture; a logarithmic axis has the logarithms of its ends. */
struct axis {
    double low, high;
    bool log;
};
struct plot {
    FILE *f;
    struct axis x, y;
};

static double part(const struct axis *a, double v)
{
    double low = a->log ? log10(a->low) : a->low, high = a->log ? log10(a->high) : a->high;

    v = a->log ? log10(v > a->low ? v : a->low) : v;
    return high > low ? (v - low) / (high - low) : 0;
}

static double at_x(const struct plot *p, double v)
{
    return LEFT + part(&p->x, v) * (WIDTH - LEFT - RIGHT);
}

static double at_y(const struct plot *p, double v)
{
    return HEIGHT - BOTTOM - part(&p->y, v) * (HEIGHT - BOTTOM - TOP);
}

static void print_number(FILE *f, double v)
{
    fprintf(f,
            v >= 1e6   ? "%.3gM"
            : v >= 1e3 ? "%.3gk"
                       : "%.3g",
            v >= 1e6   ? v / 1e6
            : v >= 1e3 ? v / 1e3
                       : v);
}

static void grid_line(const struct plot *p, bool x, double v)
{
    double at = x ? at_x(p, v) : at_y(p, v);

    if (x) {
        fprintf(p->f, "<line class=\"g\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>", at, at,
                TOP, HEIGHT - BOTTOM);
        fprintf(p->f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", at,
                HEIGHT - BOTTOM + 15);
    } else {
        fprintf(p->f, "<line class=\"g\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT,
                WIDTH - RIGHT, at, at);
        fprintf(p->f, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 6, at + 4);
    }
    print_number(p->f, v);
    fprintf(p->f, "</text>\n");
}

/* A step of 1, 2 or 5 times a power of ten, so that five or so fit. */
static double step_of(double range)
{
    double step = pow(10, floor(log10(range / 5)));

    return range / step > 25 ? step * 5 : range / step > 10 ? step * 2 : step;
}

static void grid(const struct plot *p, bool x)
{
    const struct axis *a = x ? &p->x : &p->y;

    if (a->log) {
        for (double v = pow(10, ceil(log10(a->low) - 1e-9)); v <= a->high * 1.0001; v *= 10) {
            grid_line(p, x, v);
        }
    } else {
        double step = step_of(a->high - a->low);

        for (unsigned i = 0; a->low + step * i <= a->high * 1.0001 && i < 30; i++) {
            grid_line(p, x, a->low + step * i);
        }
    }
}

static void open_plot(const struct plot *p, const char *title, const char *x, const char *y)
{
    fprintf(p->f,
            "<h2>%s</h2>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n"
            "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n"
            "<text x=\"14\" y=\"%d\" text-anchor=\"middle\" transform=\"rotate(-90 14 "
            "%d)\">%s</text>\n",
            title, WIDTH, HEIGHT, title, WIDTH - RIGHT, HEIGHT - 6, x, HEIGHT / 2, HEIGHT / 2, y);
    grid(p, true);
    grid(p, false);
}

static void close_plot(const struct plot *p)
{
    fprintf(p->f, "</svg>\n");
}

/* From the power of ten below to that above. */
static struct axis decades(double low, double high)
{
    low = low > 0.001 ? low : 0.001;
    high = high > low ? high : low;
    return (struct axis){pow(10, floor(log10(low))), pow(10, ceil(log10(high * 1.0001))), true};
}

/* ---- the plots ---------------------------------------------------------------------------- */

static void plot_percentiles(FILE *f, const struct histogram_snapshot *s)
{
    double nines = ceil(log10((double)s->count > 10 ? (double)s->count : 10));
    struct plot p = {
        f, {1, pow(10, nines), true}, decades((double)s->min / 1e3, (double)s->max / 1e3)};

    open_plot(&p, "Latency by percentile",
              "1 in so many is slower: 10 is 90 %, 100 is 99 %, 1k is 99.9 %", "µs");
    fprintf(f, "<path class=\"l\" d=\"");
    for (double e = 0; e <= nines + 1e-9; e += 0.02) {
        double us = (double)histogram_percentile(s, 100 - 100 / pow(10, e)) / 1e3;

        fprintf(f, "%s%.1f %.1f", e > 0 ? "L" : "M", at_x(&p, pow(10, e)), at_y(&p, us));
    }
    fprintf(f, "\"/>\n");
    close_plot(&p);
}

/* A bar, and all that it counts; of the width that they have in the picture. */
static void bar(const struct plot *p, double low, double high, uint64_t n)
{
    fprintf(p->f,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>%.4g to %.4g µs: "
            "%llu</title></rect>\n",
            at_x(p, low), at_y(p, (double)n), at_x(p, high) - at_x(p, low),
            HEIGHT - BOTTOM - at_y(p, (double)n), low, high, (unsigned long long)n);
}

/* Goes through the bars, each 6 % wide, so that they are equal in the picture.  Returns the
 * longest; draws none where 'p' is NULL. */
static uint64_t bars(const struct plot *p, const struct histogram_snapshot *s)
{
    uint64_t most = 0, n = 0;
    double low = 0;

    for (unsigned i = histogram_bucket(s->min); i <= histogram_bucket(s->max); i++) {
        double high = (double)(histogram_high(i) + 1) / 1e3;

        low = low > 0 ? low : (double)histogram_low(i > 0 ? i : 1) / 1e3;
        n += s->bucket[i];
        if (high >= low * 1.0624 || i == histogram_bucket(s->max)) {
            most = n > most ? n : most;
            if (p && n > 0) {
                bar(p, low, high, n);
            }
            low = high;
            n = 0;
        }
    }
    return most;
}

static void plot_histogram(FILE *f, const struct histogram_snapshot *s)
{
    struct plot p = {f, decades((double)s->min / 1e3, (double)s->max / 1e3), {0, 1, false}};

    p.y.high = s->count > 0 ? (double)bars(NULL, s) : 1;
    open_plot(&p, "How often each latency came", "µs", "frames");
    bars(&p, s);
    close_plot(&p);
}

static void plot_slices(FILE *f, const struct bench_result *r, bool rate)
{
    double seconds = (double)r->slice_ns / 1e9, most = 0;
    struct plot p = {f, {0, r->asked_s, false}, {0, 1, false}};
    unsigned n = (unsigned)(r->asked_s / seconds + 1e-9); /* whole ones */

    n = n < r->slices ? n : r->slices;
    for (unsigned i = 0; i < n; i++) {
        double v = rate ? (double)r->slice[i].frames / seconds : (double)r->slice[i].max_ns / 1e3;

        most = v > most ? v : most;
    }
    p.y.high = most > 0 ? most : 1;
    open_plot(&p, rate ? "Frames a second, as time went" : "The slowest frame, as time went", "s",
              rate ? "a second" : "µs");
    fprintf(f, "<path class=\"l\" d=\"");
    for (unsigned i = 0; i < n; i++) {
        double v = rate ? (double)r->slice[i].frames / seconds : (double)r->slice[i].max_ns / 1e3;

        fprintf(f, "%s%.1f %.1f", i ? "L" : "M", at_x(&p, (i + 0.5) * seconds), at_y(&p, v));
    }
    fprintf(f, "\"/>\n");
    close_plot(&p);
}

static void plot_steps(FILE *f, const struct bench_result *r)
{
    double low = 1e12, high = 1, slow = 1, fast = 1e12;
    struct plot p = {.f = f};

    for (unsigned i = 0; i < r->steps; i++) {
        const struct bench_step *s = &r->step[i];

        low = (double)s->rate < low ? (double)s->rate : low;
        high = (double)s->rate > high ? (double)s->rate : high;
        slow = s->p99_us > slow ? s->p99_us : slow;
        fast = s->p99_us < fast ? s->p99_us : fast;
    }
    p.x = decades(low, high);
    p.y = decades(fast, slow);
    open_plot(&p, "Rates that were tried: full where all came back, empty where not", "a second",
              "99 %, µs");
    for (unsigned i = 0; i < r->steps; i++) {
        const struct bench_step *s = &r->step[i];

        fprintf(f,
                "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>%llu a second: %llu "
                "lost</title></circle>\n",
                s->held ? "y" : "n", at_x(&p, (double)s->rate), at_y(&p, s->p99_us),
                (unsigned long long)s->rate, (unsigned long long)s->lost);
    }
    close_plot(&p);
}

/* ---- the page ----------------------------------------------------------------------------- */

static const char style[] =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:800px;margin:2em auto;padding:0 1em;"
    "color:#1d232b;background:#fff}h1{font-size:1.5em}h2{font-size:1.05em;margin:2em 0 .3em}"
    "svg{width:100%;height:auto}svg text{font-size:11px;fill:#5a6572}.g{stroke:#dfe4ea}"
    ".l{fill:none;stroke:#0b63ce;stroke-width:1.6;stroke-linejoin:round}rect,.y{fill:#0b63ce}"
    ".n{fill:none;stroke:#c22f2f;stroke-width:1.5}table{border-collapse:collapse}"
    "td{padding:.15em 1.2em .15em 0}td+td{text-align:right;font-variant-numeric:tabular-nums}"
    ".bad{color:#c22f2f;font-weight:600}@media(prefers-color-scheme:dark){body{background:#14181d;"
    "color:#dfe4ea}svg text{fill:#98a4b1}.g{stroke:#2b323a}.l{stroke:#6aa9f7}rect,.y{fill:#6aa9f7}"
    ".n{stroke:#ff7b72}.bad{color:#ff7b72}}";

static void row(FILE *f, const char *name, double value, const char *unit)
{
    fprintf(f, "<tr><td>%s</td><td>%.*f %s</td></tr>\n", name, unit[0] == 'f' ? 0 : 1, value, unit);
}

static void tables(FILE *f, const struct bench_result *r, const struct histogram_snapshot *s)
{
    static const double percents[] = {50, 90, 99, 99.9, 99.99};
    char name[40];

    fprintf(f, "<table>\n");
    row(f, "sent", (double)r->sent, "frames");
    row(f, "came back as they must", (double)r->good, "frames");
    row(f, "a second", (double)r->good / r->seconds, "frames");
    row(f, "least", (double)s->min / 1e3, "µs");
    row(f, "mean", histogram_mean(s) / 1e3, "µs");
    for (unsigned i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        snprintf(name, sizeof name, "%g %%", percents[i]);
        row(f, name, (double)histogram_percentile(s, percents[i]) / 1e3, "µs");
    }
    row(f, "most", (double)s->max / 1e3, "µs");
    row(f, "CPU of the benchmark", 100 * r->cpu, "% of a core");
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        if (r->stack_cpu[p] >= 0 && stack_routes((enum topo_process)p)) {
            snprintf(name, sizeof name, "CPU of %s", topo_process_name((enum topo_process)p));
            row(f, name, 100 * r->stack_cpu[p], "% of a core");
        }
    }
    fprintf(f, "</table>\n");
}

static void wrongs(FILE *f, const struct bench_result *r)
{
    if (r->lost + r->unsent > 0) {
        fprintf(f, "<p class=\"bad\">%llu did not come back, %llu could not be sent</p>\n",
                (unsigned long long)r->lost, (unsigned long long)r->unsent);
    }
    for (unsigned i = 1; i < BENCH_FAULTS; i++) {
        if (r->faults[i] > 0) {
            fprintf(f, "<p class=\"bad\">%llu %s: %s</p>\n", (unsigned long long)r->faults[i],
                    bench_fault_name((enum bench_fault)i), bench_fault_text((enum bench_fault)i));
        }
    }
}

static void head(FILE *f, const struct bench_settings *set)
{
    char load[300], when[40];
    struct utsname u = {0};
    time_t now = time(NULL);
    struct tm tm;

    uname(&u);
    bench_say_load(set, load, sizeof load);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &tm));
    fprintf(f,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
            "<meta name=\"viewport\" content=\"width=device-width\">"
            "<title>causeway bench</title><style>%s</style></head><body>\n"
            "<h1>causeway bench</h1>\n<p>%s</p>\n<p>%s, Linux %s, %s, %ld cores, Causeway %s</p>\n",
            style, load, when, u.release, u.machine, sysconf(_SC_NPROCESSORS_ONLN),
            CAUSEWAY_VERSION);
}

void bench_html(FILE *f, const struct bench_settings *set, const struct bench_result *r)
{
    struct histogram_snapshot s;

    histogram_snapshot(&r->latency, &s);
    head(f, set);
    wrongs(f, r);
    tables(f, r, &s);
    if (r->steps > 0) {
        plot_steps(f, r);
    }
    plot_percentiles(f, &s);
    plot_histogram(f, &s);
    plot_slices(f, r, true);
    plot_slices(f, r, false);
    fprintf(f, "</body></html>\n");
}
