/* What webterm makes of the stack's memory: texts, rates, lines of metrics; and how much may wait.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/counter.h"
#include "common/log.h"
#include "common/loop.h"
#include "shm/topo.h"
#include "webterm/collect.h"
#include "webterm/metrics.h"

TestSuite(webterm_collect, .timeout = 20);

static char run_dir[] = "/dev/shm/cw-unit-XXXXXX";

static void remove_dir(void)
{
    char command[60];

    snprintf(command, sizeof command, "rm -rf %s", run_dir);
    cr_assert(system(command) == 0);
}

Test(webterm_collect, texts_that_are_the_same_have_one_tag)
{
    struct collect_text *a = collect_text(json_pack("[i]", 1), 503, "");
    struct collect_text *b = collect_text(json_pack("[i]", 1), 503, "some are missing");
    struct collect_text *c = collect_text(json_pack("[i]", 2), 503, "");
    struct collect_text *none = collect_text(NULL, 504, "router did not answer");

    cr_expect(a->status == 200 && strcmp(a->body, "[1]") == 0 && a->len == 3);
    cr_expect_str_eq(a->etag, b->etag);
    cr_expect_str_eq(b->lacks, "some are missing");
    cr_expect_str_neq(a->etag, c->etag);
    cr_expect(none->status == 504 && strcmp(none->body, "router did not answer") == 0);
    free(a), free(b), free(c), free(none);
}

Test(webterm_collect, a_family_is_named_as_each_format_wants)
{
    char text[600];
    struct metrics m = {0};

    text_open(&m.text, text, sizeof text);
    metrics_family(&m, "x", "counter", "a \"b\" \\ c");
    m.open = true;
    metrics_family(&m, "x", "counter", "a \"b\" \\ c");
    metrics_family(&m, "y", "gauge", "d");
    cr_expect_str_eq(text,
                     "# HELP causeway_x_total a \"b\" \\\\ c\n# TYPE causeway_x_total counter\n"
                     "# HELP causeway_x a \\\"b\\\" \\\\ c\n# TYPE causeway_x counter\n"
                     "# HELP causeway_y d\n# TYPE causeway_y gauge\n");
}

static double rate_of(const json_t *stack, const char *what)
{
    return json_real_value(json_object_get(json_object_get(stack, "rates"), what));
}

Test(webterm_collect, rates_are_what_two_looks_differ_by)
{
    static const bool silent[TOPO_PROCESSES] = {[TOPO_OFPROXY] = true};
    uint64_t before_first, after_first, before_second, after_second;
    struct stack_sample *sample = NULL;
    struct topo t;
    json_t *first, *second, *row;

    log_set_level(LOG_ERROR);
    cr_assert(mkdtemp(run_dir));
    topo_open(&t, run_dir, TOPO_OFPROXY);
    counter_start(run_dir, COUNTER_OF_OFPROXY);
    counter_add(OFPROXY_RECEIVED, 1000);
    counter_add(OFPROXY_FORWARDED, 1000);
    before_first = loop_now_ns();
    first = collect_stack(run_dir, silent, &sample);
    after_first = loop_now_ns();
    cr_expect_eq(rate_of(first, "received"), 0, "of one look there is no rate");
    cr_expect(json_is_true(json_object_get(first, "holds")));
    counter_add(OFPROXY_RECEIVED, 50);
    nanosleep(&(struct timespec){0, 100000000}, NULL); /* that they are of different times */
    before_second = loop_now_ns();
    second = collect_stack(run_dir, silent, &sample);
    after_second = loop_now_ns();
    cr_expect(rate_of(second, "received") > 5 && rate_of(second, "received") <= 500, "%f",
              rate_of(second, "received"));
    cr_expect(rate_of(second, "received") >= 50e9 / (double)(after_second - before_first) &&
                  rate_of(second, "received") <= 50e9 / (double)(before_second - after_first),
              "%f", rate_of(second, "received"));
    cr_expect_eq(rate_of(second, "forwarded"), 0);
    cr_expect_str_eq(
        json_string_value(json_object_get(json_object_get(second, "totals"), "received")), "1050");
    cr_expect(json_is_false(json_object_get(second, "holds")), "50 frames have no verdict");
    row = json_array_get(json_object_get(second, "processes"), TOPO_OFPROXY);
    cr_expect_str_eq(json_string_value(json_object_get(row, "state")), "silent");
    cr_expect(json_is_null(json_object_get(second, "latency")));
    json_decref(first), json_decref(second);
    free(sample);
    topo_close(&t);
    remove_dir();
}

static void nothing(struct collect_job *j)
{
    (void)j;
}

/* Its threads are not started: what is asked for waits. */
Test(webterm_collect, no_more_than_so_many_jobs_wait_for_one_worker)
{
    static const struct http_settings settings = {.listen = "none", .run_dir = "/nowhere"};
    static struct collect_job jobs[COLLECT_JOBS + 2];
    struct collect *c;
    struct http *h;
    char why[200];

    cr_assert(http_open(&h, &settings, why, sizeof why) == 0, "%s", why);
    c = collect_open(h, "/nowhere", why, sizeof why);
    cr_assert(c);
    for (unsigned i = 0; i < COLLECT_JOBS + 2; i++) {
        jobs[i] = (struct collect_job){.worker = WORKER_ROUTER, .work = nothing, .done = nothing};
    }
    for (unsigned i = 0; i < COLLECT_JOBS; i++) {
        cr_assert(collect_do(c, &jobs[i]));
    }
    cr_expect(!collect_do(c, &jobs[COLLECT_JOBS]));
    jobs[COLLECT_JOBS + 1].worker = WORKER_OFPROXY;
    cr_expect(collect_do(c, &jobs[COLLECT_JOBS + 1]), "another's have room");
    collect_stop(c);
    http_close(h);
    collect_close(c);
}
