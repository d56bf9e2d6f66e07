/* Histograms beside a sorted list of the same values. */
#include "common/histogram.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(histogram, .timeout = 20);

#define MANY 20000

static uint64_t state = 88172645463325252ull;
static uint64_t any(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Values of every size, short ones as often as long ones. */
static void fill(uint64_t *values, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        values[i] = any() >> (22 + any() % 42);
    }
}

static int by_size(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void take(const uint64_t *values, unsigned n, struct histogram_snapshot *s)
{
    static struct histogram h;

    histogram_clear(&h);
    histogram_add(&h, values, n);
    histogram_snapshot(&h, s);
}

Test(histogram, buckets_hold_all_values_without_gap_or_overlap)
{
    uint64_t next = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t low = histogram_low(i), high = histogram_high(i);

        cr_assert(low == next && high >= low, "bucket %u", i);
        cr_assert(histogram_bucket(low) == i && histogram_bucket(high) == i, "bucket %u", i);
        cr_assert((high - low) * 128 <= low, "bucket %u is too wide", i);
        next = high + 1;
    }
    cr_expect_eq(next, HISTOGRAM_MOST + 1);
    cr_expect_eq(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

Test(histogram, percentiles_are_those_of_the_sorted_values)
{
    static const double percents[] = {0.01, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 100};
    static uint64_t values[MANY];
    static struct histogram_snapshot s;
    uint64_t sum = 0;

    for (unsigned n = 1; n <= MANY; n = n * 3 + 1) {
        fill(values, n);
        take(values, n, &s);
        qsort(values, n, sizeof *values, by_size);
        for (unsigned i = 0; i < sizeof percents / sizeof percents[0]; i++) {
            double rank = percents[i] * n / 100;
            unsigned at = (unsigned)rank + ((unsigned)rank < rank);
            uint64_t want = values[at - 1], got = histogram_percentile(&s, percents[i]);

            cr_expect(got >= want && got - want <= want / 128, "%g%% of %u: %lu for %lu",
                      percents[i], n, got, want);
        }
        sum = 0;
        for (unsigned i = 0; i < n; i++) {
            sum += values[i];
        }
        cr_expect(s.count == n && s.min == values[0] && s.max == values[n - 1] && s.sum == sum);
        cr_expect_float_eq(histogram_mean(&s), (double)sum / n, 1e-3);
        cr_expect(histogram_percentile(&s, 0) == s.min && histogram_percentile(&s, 100) == s.max);
    }
}

Test(histogram, an_empty_one_has_nothing_but_zeroes)
{
    static struct histogram_snapshot s, t;

    take(NULL, 0, &s);
    cr_expect(s.count == 0 && s.min == 0 && s.max == 0 && s.sum == 0);
    cr_expect(histogram_percentile(&s, 50) == 0 && histogram_mean(&s) == 0);
    take((const uint64_t[]){7}, 1, &t);
    histogram_merge(&s, &t);
    cr_expect(s.count == 1 && s.min == 7 && s.max == 7);
    take(NULL, 0, &s);
    histogram_merge(&t, &s);
    cr_expect(t.count == 1 && t.min == 7 && t.max == 7);
}

Test(histogram, what_is_too_long_counts_as_the_most)
{
    static struct histogram_snapshot s;

    take((const uint64_t[]){0, UINT64_MAX, HISTOGRAM_MOST + 1}, 3, &s);
    cr_expect(s.count == 3 && s.min == 0 && s.max == HISTOGRAM_MOST);
    cr_expect_eq(histogram_percentile(&s, 99), HISTOGRAM_MOST);
    cr_expect_eq(histogram_percentile(&s, 30), 0);
}

Test(histogram, two_merged_are_one_of_all_values)
{
    static uint64_t values[MANY];
    static struct histogram_snapshot a, b, all;

    fill(values, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        values[i] += (1ull << 40) + i; /* no bucket tells the extremes, and they differ */
    }
    take(values, MANY / 3, &a);
    take(values + MANY / 3, MANY - MANY / 3, &b);
    take(values, MANY, &all);
    histogram_merge(&a, &b);
    cr_expect_eq(memcmp(&a, &all, sizeof all), 0);
}

Test(histogram, the_difference_of_two_looks_is_what_came_between)
{
    static uint64_t values[MANY];
    static struct histogram h;
    static struct histogram_snapshot before, now, between;

    fill(values, MANY);
    histogram_add(&h, values, MANY / 2);
    histogram_snapshot(&h, &before);
    histogram_add(&h, values + MANY / 2, MANY / 2);
    histogram_snapshot(&h, &now);
    take(values + MANY / 2, MANY / 2, &between);
    histogram_since(&now, &before);
    cr_expect(now.count == between.count && now.sum == between.sum);
    cr_expect_eq(memcmp(now.bucket, between.bucket, sizeof now.bucket), 0);
    cr_expect_eq(histogram_bucket(now.min), histogram_bucket(between.min));
    cr_expect_eq(histogram_bucket(now.max), histogram_bucket(between.max));
    histogram_snapshot(&h, &now);
    before = now;
    histogram_since(&now, &before);
    cr_expect(now.count == 0 && now.min == 0 && now.max == 0 && now.sum == 0);
}

Test(histogram, one_that_was_cleared_between_two_looks_is_taken_whole)
{
    static struct histogram h;
    static struct histogram_snapshot before, now;

    histogram_add(&h, (const uint64_t[]){5, 5, 900}, 3);
    histogram_snapshot(&h, &before);
    histogram_clear(&h);
    histogram_add(&h, (const uint64_t[]){5, 70}, 2);
    histogram_snapshot(&h, &now);
    histogram_since(&now, &before);
    cr_expect(now.count == 2 && now.min == 5 && now.max == 70);
}

/* Whatever a writer out of its mind leaves there. */
Test(histogram, no_number_makes_a_reader_fail)
{
    static struct histogram h;
    static struct histogram_snapshot s, t;

    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = 0; i < sizeof h / 8; i++) {
            uint64_t word = any() % 3 ? 0 : any() % 2 ? any() : UINT64_MAX;

            memcpy((uint8_t *)&h + 8 * i, &word, 8);
        }
        histogram_snapshot(&h, &s);
        cr_expect(s.min <= s.max && s.max <= HISTOGRAM_MOST);
        for (double p = -5; p < 110; p += 2.5) {
            uint64_t v = histogram_percentile(&s, p);

            cr_expect(v >= s.min && v <= s.max);
        }
        histogram_since(&s, &t);
        histogram_merge(&s, &t);
        cr_expect(s.min <= s.max && histogram_mean(&s) >= 0);
        t = s;
    }
}

/* One process writes, another reads meanwhile, through different addresses. */
Test(histogram, a_reader_beside_the_writer_sees_counts_that_only_grow)
{
    struct histogram *h =
        mmap(NULL, sizeof *h, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    static struct histogram_snapshot s, before;
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        for (unsigned i = 0; i < 300000; i++) {
            histogram_add(h, (const uint64_t[]){i % 1000, 1u << (i % 30)}, 2);
        }
        _exit(0);
    }
    do {
        histogram_snapshot(h, &s);
        for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
            cr_assert(s.bucket[i] >= before.bucket[i]);
        }
        before = s;
    } while (waitpid(pid, &status, WNOHANG) == 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    histogram_snapshot(h, &s);
    cr_expect(s.count == 600000 && s.max == 1u << 29 && s.min == 0);
}
