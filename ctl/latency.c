/* ctl/latency.c - `show latency`: how long frames are in the stack. */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "shm/view/view.h"

#define BAR 40

static void text_us(char *text, size_t size, double us)
{
    if (us < 1000) {
        snprintf(text, size, "%.1f us", us);
    } else if (us < 1e6) {
        snprintf(text, size, "%.1f ms", us / 1e3);
    } else {
        snprintf(text, size, "%.1f s", us / 1e6);
    }
}

static void print_figures(const json_t *v)
{
    static const struct {
        const char *key, *title;
    } rows[] = {{"min_us", "least"},     {"mean_us", "mean"}, {"p50_us", "50 %"},
                {"p90_us", "90 %"},      {"p99_us", "99 %"},  {"p999_us", "99.9 %"},
                {"p9999_us", "99.99 %"}, {"max_us", "most"}};
    char text[40];

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        text_us(text, sizeof text, json_real_value(json_object_get(v, rows[i].key)));
        printf("  %7s  %10s\n", rows[i].title, text);
    }
}

/* The power of two microseconds, halves and less too, below which a value lies. */
static int octave(double us)
{
    int n = -10;

    for (double limit = 1.0 / 1024; us >= limit && n < 32; limit *= 2) {
        n++;
    }
    return n;
}

static double limit_us(int n)
{
    return n > 0 ? (double)(1ull << (n - 1)) : 1.0 / (double)(1ull << (1 - n));
}

void latency_bars(const json_t *v)
{
    const json_t *bucket;
    double count[64] = {0}, highest = 0, all = 0;
    int first = 64, last = -1;
    size_t i;

    json_array_foreach(json_object_get(v, "buckets"), i, bucket)
    {
        int n = octave(json_real_value(json_array_get(bucket, 0))) + 10;

        count[n] += (double)(uint64_t)json_integer_value(json_array_get(bucket, 1));
        first = n < first ? n : first;
        last = n > last ? n : last;
    }
    for (int n = first; n <= last; n++) {
        highest = count[n] > highest ? count[n] : highest;
        all += count[n];
    }
    for (int n = first; n <= last; n++) {
        int width = (int)(count[n] / highest * BAR + 0.5);
        char text[40];

        text_us(text, sizeof text, limit_us(n - 10 + 1));
        printf("  < %9s  %-*.*s %5.1f %%  %.0f\n", text, BAR,
               width > 0 || count[n] == 0 ? width : 1, "########################################",
               100 * count[n] / all, count[n]);
    }
}

int latency_show(struct ctl *c)
{
    static struct histogram_snapshot before, now, shown;
    static uint64_t before_ms;
    char why[900];
    json_t *v;

    if (view_latency_take(c->run_dir, &now, why, sizeof why) != 0) {
        return ctl_fail("%s", why);
    }
    shown = now;
    histogram_since(&shown, &before);
    v = view_latency_json(&shown);
    if (c->json) {
        ctl_print_json(c, v);
    } else if (shown.count == 0) {
        printf("no frame %s\n", before_ms ? "since the last look" : "so far");
        json_decref(v);
    } else {
        printf("%llu frames", (unsigned long long)shown.count);
        if (before_ms) {
            printf(" in the last %.1f s", (double)(ctl_now_ms() - before_ms) / 1e3);
        }
        printf(", from their arrival in ofproxy to their verdict's leaving\n\n");
        print_figures(v);
        printf("\n");
        latency_bars(v);
        json_decref(v);
    }
    before = now;
    before_ms = ctl_now_ms();
    return 0;
}
