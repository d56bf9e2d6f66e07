/* common/histogram.c - buckets by the leading bits of a value; single writer, relaxed words. */
#include "common/histogram.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#define LINEAR_BITS 8 /* values of so many bits have a bucket each */
#define HALF (1u << (LINEAR_BITS - 1))

_Static_assert(HISTOGRAM_BUCKETS == 2 * HALF + (42 - LINEAR_BITS) * HALF, "one for each value");
_Static_assert(sizeof(struct histogram) == (8 + HISTOGRAM_BUCKETS) * sizeof(uint64_t), "no holes");

static uint64_t get(const uint64_t *word)
{
    return atomic_load_explicit((const _Atomic uint64_t *)word, memory_order_relaxed);
}

static void set(uint64_t *word, uint64_t value)
{
    atomic_store_explicit((_Atomic uint64_t *)word, value, memory_order_relaxed);
}

static uint64_t bounded(uint64_t value)
{
    return value < HISTOGRAM_MOST ? value : HISTOGRAM_MOST;
}

/* The leading eight bits, and how many more follow them; no branch. */
static uint64_t bucket_of(uint64_t value)
{
    uint64_t top = 63 ^ (uint64_t)__builtin_clzll(value | (2 * HALF - 1));
    uint64_t shift = top - (LINEAR_BITS - 1);

    return shift * HALF + (value >> shift);
}

unsigned histogram_bucket(uint64_t value)
{
    return (unsigned)bucket_of(bounded(value));
}

static unsigned shift_of(unsigned bucket)
{
    return bucket < 2 * HALF ? 0 : bucket / HALF - 1;
}

uint64_t histogram_low(unsigned bucket)
{
    unsigned shift = shift_of(bucket);

    return (uint64_t)(bucket - shift * HALF) << shift;
}

uint64_t histogram_high(unsigned bucket)
{
    return histogram_low(bucket) + (1ull << shift_of(bucket)) - 1;
}

void histogram_add(struct histogram *h, const uint64_t *values, unsigned n)
{
    uint64_t sum = 0, max = 0, above_min = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t value = bounded(values[i]), *word = &h->bucket[bucket_of(value)];

        set(word, get(word) + 1);
        sum += value;
        max = value > max ? value : max;
        above_min = UINT64_MAX - value > above_min ? UINT64_MAX - value : above_min;
    }
    set(&h->sum, get(&h->sum) + sum);
    if (max > get(&h->max)) {
        set(&h->max, max);
    }
    if (above_min > get(&h->above_min)) {
        set(&h->above_min, above_min);
    }
}

void histogram_clear(struct histogram *h)
{
    set(&h->sum, 0);
    set(&h->max, 0);
    set(&h->above_min, 0);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        set(&h->bucket[i], 0);
    }
}

/* Count, and the first and last bucket that has any.  False: none has. */
static bool look(struct histogram_snapshot *s, unsigned *first, unsigned *last)
{
    s->count = 0;
    *first = HISTOGRAM_BUCKETS;
    *last = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (s->bucket[i] > 0) {
            s->count += s->bucket[i];
            *first = *first < i ? *first : i;
            *last = i;
        }
    }
    return *first < HISTOGRAM_BUCKETS;
}

static uint64_t between(uint64_t value, unsigned bucket)
{
    uint64_t low = histogram_low(bucket), high = histogram_high(bucket);

    return value < low ? low : value > high ? high : value;
}

/* Min and max lie in the first and last bucket, whatever was read of them. */
static void settle(struct histogram_snapshot *s)
{
    unsigned first, last;

    if (look(s, &first, &last)) {
        s->min = between(s->min, first);
        s->max = between(s->max, last);
    } else {
        s->min = s->max = s->sum = 0;
    }
}

void histogram_snapshot(const struct histogram *h, struct histogram_snapshot *s)
{
    s->sum = get(&h->sum);
    s->max = get(&h->max);
    s->min = UINT64_MAX - get(&h->above_min);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        s->bucket[i] = get(&h->bucket[i]);
    }
    settle(s);
}

void histogram_merge(struct histogram_snapshot *s, const struct histogram_snapshot *more)
{
    if (more->count == 0) {
        return;
    }
    s->min = s->count == 0 || more->min < s->min ? more->min : s->min;
    s->max = more->max > s->max ? more->max : s->max;
    s->sum += more->sum;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        s->bucket[i] += more->bucket[i];
    }
    settle(s);
}

void histogram_since(struct histogram_snapshot *s, const struct histogram_snapshot *before)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (s->bucket[i] < before->bucket[i]) {
            return; /* cleared */
        }
    }
    if (before->count == 0) {
        return;
    }
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        s->bucket[i] -= before->bucket[i];
    }
    s->sum -= s->sum < before->sum ? s->sum : before->sum;
    /* the extremes of all: settle brings them into the first and last bucket that are left */
    settle(s);
}

uint64_t histogram_percentile(const struct histogram_snapshot *s, double percent)
{
    double rank = percent * (double)s->count / 100;
    uint64_t seen = 0;

    if (s->count == 0 || percent <= 0) {
        return s->min;
    }
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += s->bucket[i];
        if (s->bucket[i] > 0 && (double)seen >= rank) {
            uint64_t high = histogram_high(i);

            return high < s->max ? high : s->max;
        }
    }
    return s->max;
}

double histogram_mean(const struct histogram_snapshot *s)
{
    return s->count ? (double)s->sum / (double)s->count : 0;
}
