/* common/histogram.h - how often each value came: times in nanoseconds, from 1 ns to over an hour,
 * in 37 KB of fixed size.
 *
 *     writer                                 readers, at any moment
 *     histogram_add(h, ns, n);               histogram_snapshot(h, &s);
 *                                            histogram_since(&s, &before);
 *                                            histogram_percentile(&s, 99.9)
 *
 * Log-linear, as HdrHistogram: values up to 255 have a bucket each, and of every larger power of
 * two there are 128 of equal width, so that a value is known to 1/128 of itself (0.8 %, better than
 * two digits).  A value over HISTOGRAM_MOST counts as that.
 *
 * 'struct histogram' holds no pointer and needs no preparation but zeroes: it may lie in shared
 * memory, and outlive its writer.  One thread writes.  Readers need no lock and hinder nobody; a
 * snapshot taken while values come may have some of them and lack others.  What it finds need not
 * be true, if its writer is out of its mind; no number makes a function here fail. */
#ifndef COMMON_HISTOGRAM_H
#define COMMON_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS 4608
#define HISTOGRAM_MOST ((1ull << 42) - 1) /* 73 minutes */

struct histogram {
    uint64_t sum;
    uint64_t max;
    uint64_t above_min; /* UINT64_MAX - min, so that zeroes are an empty histogram */
    uint64_t unused[5];
    uint64_t bucket[HISTOGRAM_BUCKETS];
};

struct histogram_snapshot {
    uint64_t count, sum, min, max; /* min and max are 0 while there is no value */
    uint64_t bucket[HISTOGRAM_BUCKETS];
};

/* Counts 'n' values. */
void histogram_add(struct histogram *h, const uint64_t *values, unsigned n);
void histogram_clear(struct histogram *h);

void histogram_snapshot(const struct histogram *h, struct histogram_snapshot *s);
/* Adds what 'more' has. */
void histogram_merge(struct histogram_snapshot *s, const struct histogram_snapshot *more);
/* Leaves in 's' what came after 'before' was taken of the same histogram; all of it, if it was
 * cleared since.  Min and max are then known as well as any value. */
void histogram_since(struct histogram_snapshot *s, const struct histogram_snapshot *before);

/* The least value that so many percent of all do not exceed: as well as it is known, never below
 * the true one, never above max.  0 while there is no value. */
uint64_t histogram_percentile(const struct histogram_snapshot *s, double percent);
double histogram_mean(const struct histogram_snapshot *s);

/* Which bucket a value falls into, and the values that fall into a bucket: low up to high. */
unsigned histogram_bucket(uint64_t value);
uint64_t histogram_low(unsigned bucket);
uint64_t histogram_high(unsigned bucket);

#endif
