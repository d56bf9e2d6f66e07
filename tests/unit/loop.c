/* tests/unit/loop.c - descriptors, timers and signals of one loop; counters; log lines. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/counter.h"
#include "common/log.h"
#include "common/loop.h"

TestSuite(loop, .timeout = 10);

static char order[16];
static size_t n_order;

struct named {
    struct loop_timer timer;
    char name;
};

static void on_timer(struct loop_timer *t)
{
    order[n_order++] = ((struct named *)(void *)t)->name;
}

Test(loop, is_stopped_by_a_signal_that_came_before_it_was_open)
{
    struct loop l;

    loop_hold_signals();
    raise(SIGTERM);
    cr_assert(loop_open(&l) == 0 && loop_catch_signals(&l) == 0 && loop_running(&l));
    loop_poll(&l, 1000);
    cr_expect(!loop_running(&l));
    loop_close(&l);
}

Test(loop, timers_fire_in_the_order_of_their_times_and_a_cancelled_one_never)
{
    struct loop l;
    struct named a = {{.fire = on_timer}, 'a'}, b = {{.fire = on_timer}, 'b'},
                 c = {{.fire = on_timer}, 'c'};

    cr_assert(loop_open(&l) == 0);
    loop_timer_set(&l, &a.timer, 30);
    loop_timer_set(&l, &b.timer, 10);
    loop_timer_set(&l, &c.timer, 20);
    loop_timer_set(&l, &b.timer, 40); /* set again: moves */
    loop_timer_cancel(&l, &c.timer);
    while (n_order < 2) {
        loop_poll(&l, -1);
    }
    cr_assert(strcmp(order, "ab") == 0, "%s", order);
    cr_assert(loop_poll(&l, 30) == 0);
    loop_close(&l);
}

struct end {
    struct loop_fd f;
    struct loop *l;
    struct end *other;
    unsigned calls;
};

static void remove_both(struct loop_fd *f, uint32_t events)
{
    struct end *e = (struct end *)(void *)f;

    (void)events;
    e->calls++;
    loop_remove(e->l, &e->f);
    loop_remove(e->l, &e->other->f);
    memset(&e->other->f, 0xff, sizeof e->other->f); /* as if freed */
}

Test(loop, a_descriptor_removed_by_another_in_the_same_batch_is_not_called)
{
    struct loop l;
    struct end a, b;
    int pipe_a[2], pipe_b[2];

    cr_assert(loop_open(&l) == 0 && pipe(pipe_a) == 0 && pipe(pipe_b) == 0);
    a = (struct end){{.fd = pipe_a[0], .ready = remove_both}, &l, &b, 0};
    b = (struct end){{.fd = pipe_b[0], .ready = remove_both}, &l, &a, 0};
    cr_assert(loop_add(&l, &a.f, EPOLLIN) == 0 && loop_add(&l, &b.f, EPOLLIN) == 0);
    cr_assert(write(pipe_a[1], "x", 1) == 1 && write(pipe_b[1], "x", 1) == 1);
    cr_assert(loop_poll(&l, 1000) == 1);
    cr_assert(a.calls + b.calls == 1);
    loop_close(&l);
}

Test(loop, sigterm_stops_the_loop)
{
    struct loop l;

    cr_assert(loop_open(&l) == 0 && loop_catch_signals(&l) == 0);
    kill(getpid(), SIGTERM);
    cr_assert(loop_running(&l));
    loop_poll(&l, 1000);
    cr_assert(!loop_running(&l));
    loop_close(&l);
}

Test(loop, counters_go_on_after_a_restart_and_can_be_read_by_others)
{
    int fd;
    char dir[] = "/dev/shm/cw-counter-XXXXXX", path[100];
    struct counter_tally t = {0};
    struct counter_snapshot s;
    struct counter_view v;

    cr_assert(mkdtemp(dir) != NULL);
    cr_assert(counter_view_open(&v, dir, "router") == -ENOENT);
    cr_assert(counter_open(dir, COUNTER_OF_ROUTER) == 0);
    counter_add(ROUTER_RECEIVED, 5);
    counter_tally_drop(&t, COUNTER_DROPPED, DROP_NO_ROUTE);
    counter_tally_drop(&t, COUNTER_DROPPED, DROP_NO_ROUTE);
    counter_apply(&t, 0, 77);
    cr_assert(counter_open(dir, COUNTER_OF_ROUTER) == 0);
    counter_add(ROUTER_RECEIVED, 1);
    cr_assert(counter_view_open(&v, dir, "router") == 0);
    cr_expect(counter_view_get(&v, ROUTER_RECEIVED) == 6);
    cr_expect(counter_view_get(&v, ROUTER_DROPPED) == 2);
    cr_assert(counter_view_snapshot(&v, &s));
    cr_expect(counter_snapshot_drop(&s, COUNTER_DROPPED, DROP_NO_ROUTE) == 2);
    cr_expect(counter_mark(0) == 77);
    cr_expect(counter_dropped(DROP_POISON) == 0);
    counter_view_close(&v);
    snprintf(path, sizeof path, "%s/router.counters", dir);
    cr_assert(truncate(path, 100) == 0);
    cr_expect(counter_open(dir, COUNTER_OF_ROUTER) == 0 && counter_get(ROUTER_RECEIVED) == 0,
              "damage stops its owner");
    fd = open(path, O_WRONLY);
    cr_assert(fd >= 0 && pwrite(fd, &(uint32_t){7}, 4, 0) == 4); /* words of another build */
    close(fd);
    cr_expect(counter_open(dir, COUNTER_OF_ROUTER) == -EPROTO);
    unlink(path);
    rmdir(dir);
}

/* As after a kill on either side of the commit point: the file is opened again. */
Test(loop, prepared_counts_are_counted_once_and_only_if_their_batch_was_published)
{
    char dir[] = "/dev/shm/cw-counter-XXXXXX", path[100];
    struct counter_tally t = {0};

    cr_assert(mkdtemp(dir) != NULL);
    cr_assert(counter_open(dir, COUNTER_OF_ROUTER) == 0);
    for (unsigned published = 0; published < 2; published++) {
        counter_tally(&t, ROUTER_RECEIVED, 5);
        counter_tally(&t, ROUTER_FORWARDED, 3);
        counter_tally_drop(&t, COUNTER_DROPPED, DROP_NO_ROUTE);
        counter_tally_drop(&t, COUNTER_DROPPED, DROP_NO_ROUTE);
        counter_prepare(&t, 1, 1000);
        cr_expect(counter_tally_empty(&t) && t.more[ROUTER_RECEIVED] == 0);
        cr_expect(counter_get(ROUTER_RECEIVED) == 0, "not yet");
        cr_assert(counter_open(dir, COUNTER_OF_ROUTER) == 0);
        counter_recover(0, 5000); /* another output's tail says nothing of this one's */
        cr_expect(counter_get(ROUTER_RECEIVED) == 0);
        counter_recover(1, published ? 1000 : 992);
        counter_recover(1, 1000); /* and a second restart */
        cr_expect(counter_get(ROUTER_RECEIVED) == (published ? 5 : 0));
    }
    cr_expect(counter_get(ROUTER_FORWARDED) == 3);
    cr_expect(counter_get(ROUTER_DROPPED) == 2 && counter_dropped(DROP_NO_ROUTE) == 2);
    counter_tally(&t, ROUTER_RECEIVED, 1);
    counter_prepare(&t, 0, 8);
    counter_commit();
    counter_recover(0, 8);
    cr_expect(counter_get(ROUTER_RECEIVED) == 6);
    snprintf(path, sizeof path, "%s/router.counters", dir);
    unlink(path);
    rmdir(dir);
}

static void logged(enum log_format format, char *line, size_t size)
{
    int ends[2], saved = dup(STDERR_FILENO);
    ssize_t n;

    cr_assert(pipe(ends) == 0);
    dup2(ends[1], STDERR_FILENO);
    log_open("test", format);
    log_info("peer said \"%s\"", "a\x1b[2J\n\\b\xc2\x9b\xff");
    dup2(saved, STDERR_FILENO);
    n = read(ends[0], line, size - 1);
    line[n > 0 ? n : 0] = '\0';
}

Test(loop, a_logger_that_stands_still_stops_nobody)
{
    int ends[2], was = dup(STDERR_FILENO);
    char text[PIPE_BUF], last[PIPE_BUF + 1] = "";
    unsigned written = 0;
    ssize_t n;

    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    dup2(ends[1], STDERR_FILENO);
    log_open("test", LOG_TEXT);
    for (unsigned i = 0; i < 3000; i++) { /* a pipe holds 64 KiB: some hundred lines */
        log_info("line number %u of many that together are more than a pipe takes", i);
    }
    while (poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 0) > 0 &&
           (n = read(ends[0], text, sizeof text)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            written += text[i] == '\n';
        }
    }
    cr_expect_gt(written, 100u);
    cr_expect_lt(written, 3000u);
    log_info("taken again");
    n = read(ends[0], last, PIPE_BUF);
    dup2(was, STDERR_FILENO);
    cr_assert_gt(n, 0);
    snprintf(text, sizeof text, "left out count=%u", 3000 - written);
    cr_expect_not_null(strstr(last, "taken again"));
    cr_expect_not_null(strstr(last, text), "no '%s' in: %s", text, last);
    close(ends[0]);
    close(ends[1]);
}

Test(loop, a_log_line_is_one_line_whatever_a_peer_sent)
{
    char line[500];

    logged(LOG_TEXT, line, sizeof line);
    cr_expect(strstr(line, " test info peer said \"a\\x1b[2J\\x0a\\b\\xc2\\x9b\\xff\"\n"), "%s",
              line);
    logged(LOG_JSON, line, sizeof line);
    cr_expect(
        strstr(line,
               "\"message\":\"peer said \\\"a\\u001b[2J\\u000a\\\\b\\u00c2\\u009b\\u00ff\\\"\"}\n"),
        "%s", line);
}
