/* ctl/bench_ramp.c - the highest rate at which nothing is lost, by search: doubled until a rate
 * does not hold, then halved between the two to 2 %.
 *
 * A rate holds when each frame came back right within the time of the load, and a little more.  One
 * that did not is tried again: a machine's hiccup is not the stack's limit. */
#include <stdio.h>

#include "ctl/bench.h"

#define HIGHEST 50000000u
#define LOWEST 100
#define PRECISION 1.02

static void note_step(struct bench_result *best, const struct bench_step *steps, unsigned n)
{
    best->steps = n;
    for (unsigned i = 0; i < n; i++) {
        best->step[i] = steps[i];
    }
}

/* One attempt.  Returns 1 if the rate held, 0 if not, -1 on failure. */
static int attempt(struct bench *b, struct bench_result *r, struct bench_step *step)
{
    struct histogram_snapshot s;

    if (bench_measure(b, r, b->set.duration_s) != 0) {
        return -1;
    }
    histogram_snapshot(&r->latency, &s);
    *step = (struct bench_step){
        b->set.rate, r->lost + r->unsent, bench_wrong(r) == 0 && r->late == 0 && bench_kept_up(r),
        (double)histogram_percentile(&s, 50) / 1e3, (double)histogram_percentile(&s, 99) / 1e3};
    return step->held;
}

int bench_ramp(struct bench *b, struct bench_result *best)
{
    static struct bench_result r;
    struct bench_step steps[BENCH_STEPS];
    uint64_t low = 0, high = 0;
    unsigned n = 0;
    int held = 0;

    while (n < BENCH_STEPS && !ctl_stopped() && b->set.rate >= LOWEST && b->set.rate <= HIGHEST &&
           (low == 0 || high == 0 || (double)high > (double)low * PRECISION)) {
        for (unsigned try = 0; try < 2 && n < BENCH_STEPS && !ctl_stopped(); try++) {
            held = attempt(b, &r, &steps[n]);
            if (held != 0) {
                break;
            }
            n++;
        }
        if (held < 0) {
            return -1;
        }
        n += held > 0;
        if (held > 0) {
            low = b->set.rate;
            *best = r;
        } else {
            high = b->set.rate;
        }
        b->set.rate = high == 0 ? b->set.rate * 2 : low == 0 ? high / 2 : (low + high) / 2;
    }
    if (low == 0) {
        *best = r; /* which says what was wrong */
        low = high;
    }
    b->set.rate = low;
    note_step(best, steps, n);
    return 0;
}
