/* tests/unit/wait.c - what a process without work does with its core. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/wait.h"

#pragma GCC diagnostic ignored "-Wconversion" /* Criterion's own macros */

TestSuite(wait, .timeout = 20);

static struct world {
    struct loop loop;
    struct bell bell;
    struct ring_tx tx;
    struct ring_rx rx;
    struct waiter w;
    char path[64];
} t;

static void open_world(enum wait_policy policy)
{
    char why[200];

    snprintf(t.path, sizeof t.path, "/dev/shm/wait-test-%d.bell", (int)getpid());
    cr_assert(eq(int, bell_open(&t.bell, t.path, why, sizeof why), 0), "%s", why);
    cr_assert(loop_open(&t.loop) == 0 && ring_private(&t.tx, &t.rx, 4096) == 0);
    cr_assert(eq(int, wait_open(&t.w, &t.loop, policy, 20, &t.bell), 0));
    wait_ring(&t.w, &t.rx);
}

static void close_world(void)
{
    loop_close(&t.loop);
    bell_close(&t.bell);
    unlink(t.path);
    ring_private_free(&t.tx, &t.rx);
}

/* A process that wants the core on which we are for itself. */
static pid_t stranger(void)
{
    unsigned here = (unsigned)sched_getcpu();
    cpu_set_t one;
    pid_t pid;

    CPU_ZERO(&one);
    CPU_SET((size_t)here, &one);
    cr_assert(sched_setaffinity(0, sizeof one, &one) == 0);
    pid = fork();
    for (volatile unsigned n = 0; pid == 0; n++) {
    }
    cr_assert(pid > 0);
    return pid;
}

Test(wait, a_yield_that_cost_a_time_slice_is_the_last_for_a_while)
{
    uint64_t end = loop_now_ns() + 10000000000ull;
    unsigned sleeps;
    pid_t pid;

    open_world(WAIT_YIELD);
    t.w.edge = true;
    pid = stranger();
    while (t.w.crowded_ns == 0 && loop_now_ns() < end) {
        t.w.paid = 16;      /* it pays not to sleep */
        bell_ring(&t.bell); /* never sleeps for long */
        wait_turn(&t.w, 0);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    cr_assert(t.w.crowded_ns > 0, "no yield was long");
    t.w.crowded_ns = loop_now_ns() + 5000000000ull;
    t.w.paid = 16;
    sleeps = t.w.sleeps;
    bell_ring(&t.bell);
    wait_turn(&t.w, 0);
    cr_expect(eq(u32, t.w.sleeps, sleeps + 1), "it lingered");
    close_world();
}

/* Each ring of a doorbell makes an event, also where nobody has emptied its FIFO for long. */
Test(wait, a_doorbell_that_is_full_is_heard)
{
    static const char old[4096];

    open_world(WAIT_SLEEP);
    while (write(t.bell.fd, old, sizeof old) > 0) {
    }
    wait_turn(&t.w, 0);
    for (unsigned i = 0; i < 3; i++) {
        t.w.rung = false;
        bell_ring(&t.bell);
        wait_turn(&t.w, 0);
        cr_expect(t.w.rung, "ring %u made no sound", i);
    }
    close_world();
}

Test(wait, who_was_told_that_more_comes_soon_does_not_sleep)
{
    bool stayed = false;

    open_world(WAIT_YIELD);
    bell_ring(&t.bell);
    wait_turn(&t.w, 0);
    cr_expect(eq(u32, t.w.sleeps, 1), "nobody told it");
    for (unsigned i = 0; i < 1000 && !stayed; i++) { /* others may want the core now and then */
        unsigned sleeps = t.w.sleeps;

        t.w.idle = 0;
        t.w.crowded_ns = 0;
        wait_told(&t.w);
        bell_ring(&t.bell);
        wait_turn(&t.w, 0);
        stayed = t.w.sleeps == sleeps;
    }
    cr_expect(stayed);
    close_world();
}
