/* What `causeway trace` prints. */
#include <criterion/criterion.h>
#include <string.h>

#include "ctl/trace_report.h"

TestSuite(trace, .timeout = 10);

/* What the program in the kernel has counted of these times. */
static void count(struct histogram_snapshot *s, const uint64_t *ns, unsigned n)
{
    static struct histogram h;

    histogram_clear(&h);
    histogram_add(&h, ns, n);
    histogram_snapshot(&h, s);
}

Test(trace, times_have_three_digits_and_fit)
{
    static const struct {
        double ns;
        const char *text;
    } cases[] = {
        {0, "0 ns"},         {980.4, "980 ns"},   {999.5, "1.00 us"}, {1234, "1.23 us"},
        {9994, "9.99 us"},   {9996, "10.0 us"},   {12345, "12.3 us"}, {99960, "100 us"},
        {999600, "1.00 ms"}, {4.56e6, "4.56 ms"}, {1.2e9, "1.20 s"},  {3.6e12, "3600 s"},
        {1e30, "99999 s"},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[TRACE_TIME];

        cr_expect_str_eq(trace_time(text, cases[i].ns), cases[i].text);
        cr_expect(strlen(text) <= 8, "%s", text);
    }
}

Test(trace, a_strip_has_a_column_for_each_power_of_two)
{
    static struct histogram_snapshot s;
    char strip[TRACE_STRIP + 1];
    uint64_t ns[1000];

    count(&s, ns, 0);
    cr_expect_str_eq(trace_strip(strip, &s), "                        ");
    for (unsigned i = 0; i < 1000; i++) {
        ns[i] = i < 10 ? 255 : i < 60 ? 256 : i < 260 ? 1024 : i < 999 ? 1u << 20 : 1ull << 40;
    }
    count(&s, ns, 1000);
    cr_expect_str_eq(trace_strip(strip, &s), ".: +         #         .");
}

Test(trace, json_has_every_row_once_with_its_sentence)
{
    static struct trace_report r = {.seconds = 1.5, .whole = true, .tcp = true};
    static const uint64_t ns[] = {1000, 2000, 3000};
    json_t *o, *rows, *row;
    size_t i;

    count(&r.rows[TRACE_ROUTER], ns, 3);
    r.seen.unmatched[2] = 7;
    o = trace_json(&r);
    rows = json_object_get(o, "rows");
    cr_assert(json_array_size(rows) == TRACE_ROWS);
    json_array_foreach(rows, i, row)
    {
        const char *key = json_string_value(json_object_get(row, "key"));

        cr_expect_str_eq(key, trace_row_key((enum trace_row)i));
        cr_expect(strlen(trace_row_text((enum trace_row)i)) > 10, "%s", key);
        cr_expect(json_integer_value(json_object_get(row, "count")) == (i == TRACE_ROUTER ? 3 : 0));
        for (size_t j = 0; j < i; j++) {
            cr_expect_str_neq(key, trace_row_key((enum trace_row)j));
        }
    }
    row = json_array_get(rows, TRACE_ROUTER);
    cr_expect_float_eq(json_real_value(json_object_get(row, "sum_us")), 6, 1e-9);
    cr_expect_float_eq(json_real_value(json_object_get(row, "mean_us")), 2, 1e-9);
    cr_expect(json_integer_value(json_object_get(json_object_get(o, "unmatched"), "VNS_OUT")) == 7);
    json_decref(o);
}
