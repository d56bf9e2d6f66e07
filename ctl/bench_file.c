/* ctl/bench_file.c - the result of a benchmark in files: .hgrm, .csv, .json, .html.
 *
 * .hgrm is what HdrHistogram's outputPercentileDistribution writes, and its plotter reads:
 * microseconds, and a line for ever smaller steps towards 100 %.  .csv has a line for each bucket.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ctl/bench.h"

#define TICKS 5 /* lines for each halving of what is left to 100 % */

static bool ends(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n > m && strcmp(name + n - m, end) == 0;
}

bool bench_file_known(const char *name)
{
    return ends(name, ".hgrm") || ends(name, ".csv") || ends(name, ".json") || ends(name, ".html");
}

static double deviation_us(const struct histogram_snapshot *s)
{
    double mean = histogram_mean(s), sum = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && s->count > 0; i++) {
        double middle = ((double)histogram_low(i) + (double)histogram_high(i)) / 2;

        sum += (double)s->bucket[i] * (middle - mean) * (middle - mean);
    }
    return s->count ? sqrt(sum / (double)s->count) / 1e3 : 0;
}

/* How many values do not exceed this one, as well as buckets tell. */
static uint64_t up_to(const struct histogram_snapshot *s, uint64_t value)
{
    uint64_t n = 0;

    for (unsigned i = 0; i <= histogram_bucket(value); i++) {
        n += s->bucket[i];
    }
    return n;
}

static void write_hgrm(FILE *f, const struct bench_result *r)
{
    struct histogram_snapshot s;
    double percent = 0;
    uint64_t seen = 0;

    histogram_snapshot(&r->latency, &s);
    fprintf(f, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    while (seen < s.count) {
        uint64_t value = histogram_percentile(&s, percent);

        seen = up_to(&s, value);
        if (seen < s.count) {
            fprintf(f, "%12.3f %2.12f %10llu %14.2f\n", (double)value / 1e3, percent / 100,
                    (unsigned long long)seen, 1 / (1 - percent / 100));
        }
        percent += 100 / (TICKS * pow(2, floor(log2(100 / (100 - percent))) + 1));
    }
    fprintf(f, "%12.3f %2.12f %10llu\n", (double)s.max / 1e3, 1.0, (unsigned long long)s.count);
    fprintf(f, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", histogram_mean(&s) / 1e3,
            deviation_us(&s));
    fprintf(f, "#[Max     = %12.3f, Total count    = %12llu]\n", (double)s.max / 1e3,
            (unsigned long long)s.count);
    fprintf(f, "#[Buckets = %12d, SubBuckets     = %12d]\n", 35, 256);
}

static void write_csv(FILE *f, const struct bench_result *r)
{
    struct histogram_snapshot s;
    uint64_t seen = 0;

    histogram_snapshot(&r->latency, &s);
    fprintf(f, "from_us,below_us,frames,percentile\n");
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (s.bucket[i] > 0) {
            seen += s.bucket[i];
            fprintf(f, "%.3f,%.3f,%llu,%.6f\n", (double)histogram_low(i) / 1e3,
                    (double)(histogram_high(i) + 1) / 1e3, (unsigned long long)s.bucket[i],
                    100 * (double)seen / (double)s.count);
        }
    }
}

int bench_file_write(const char *name, const struct bench_settings *set,
                     const struct bench_result *r)
{
    FILE *f = fopen(name, "we");
    bool bad;

    if (!f) {
        return -errno;
    }
    if (ends(name, ".hgrm")) {
        write_hgrm(f, r);
    } else if (ends(name, ".csv")) {
        write_csv(f, r);
    } else if (ends(name, ".html")) {
        bench_html(f, set, r);
    } else {
        json_t *v = bench_json(set, r);

        json_dumpf(v, f, JSON_INDENT(2));
        json_decref(v);
    }
    bad = ferror(f) != 0;
    errno = EIO;
    return fclose(f) != 0 || bad ? -errno : 0;
}
