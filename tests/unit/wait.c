/* tests/unit/wait.c - what a process without work does with its core. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
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
        wait_told(&t.w, RECORD_SOON);
        bell_ring(&t.bell);
        wait_turn(&t.w, 0);
        stayed = t.w.sleeps == sleeps;
    }
    cr_expect(stayed);
    close_world();
}

/* ---- where it stands on two cores --------------------------------------------------------------
 */

static int core[2];

static void use(const int *cores, unsigned n)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    for (unsigned i = 0; i < n; i++) {
        CPU_SET((size_t)cores[i], &set);
    }
    cr_assert(sched_setaffinity(0, sizeof set, &set) == 0);
}

/* The two first cores there are, and no others. */
static void use_two_cores(void)
{
    cpu_set_t all;
    unsigned n = 0;

    cr_assert(sched_getaffinity(0, sizeof all, &all) == 0);
    for (int i = 0; i < CPU_SETSIZE && n < 2; i++) {
        if (CPU_ISSET((size_t)i, &all)) {
            core[n++] = i;
        }
    }
    if (n < 2) {
        cr_skip("it needs two cores");
    }
    use(core, 2);
}

/* On which of the two it is, and nowhere else; -1: on both. */
static int stands(void)
{
    cpu_set_t now;

    cr_assert(sched_getaffinity(0, sizeof now, &now) == 0);
    return CPU_COUNT(&now) > 1 ? -1 : CPU_ISSET((size_t)core[1], &now);
}

static void tcp_pair(int fd[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(bind(listener, (struct sockaddr *)&a, len) == 0 && listen(listener, 1) == 0);
    cr_assert(getsockname(listener, (struct sockaddr *)&a, &len) == 0);
    cr_assert(connect(fd[0], (struct sockaddr *)&a, len) == 0);
    fd[1] = accept(listener, NULL, NULL);
    cr_assert(fd[1] >= 0);
    close(listener);
}

/* A switch that sends from one of the two cores. */
static void send_from(unsigned which, int fd)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        use(&core[which], 1);
        _exit(write(fd, "x", 1) == 1 ? 0 : 1);
    }
    cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

/* Until it has not slept, for once: others may want the core now and then. */
static void stay_awake(void)
{
    for (unsigned i = 0; i < 1000; i++) {
        t.w.paid = 16;
        t.w.crowded_ns = 0;
        t.w.looked = 0; /* long ago */
        bell_ring(&t.bell);
        wait_turn(&t.w, 0);
        if (t.w.hot) {
            return;
        }
    }
    cr_assert(false, "it always slept");
}

Test(wait, the_edge_stands_where_the_switch_is)
{
    int fd[2];

    use_two_cores();
    open_world(WAIT_YIELD);
    tcp_pair(fd);
    t.w.edge = true;
    t.w.near_fd = fd[1];
    for (unsigned i = 0; i < 4; i++) {
        send_from(i % 2, fd[0]);
        stay_awake();
        cr_expect(eq(int, stands(), (int)i % 2), "frame %u", i);
        cr_expect(eq(u32, wait_flags(&t.w), RECORD_SOON | (i % 2 ? RECORD_SECOND : RECORD_FIRST)));
    }
    close(fd[0]);
    close(fd[1]);
    close_world();
}

/* Where one stands that was told 'flags'. */
static int told(unsigned flags)
{
    wait_told(&t.w, flags);
    t.w.crowded_ns = 0;
    bell_ring(&t.bell);
    wait_turn(&t.w, 0);
    return stands();
}

Test(wait, the_others_stand_on_the_other_core_until_they_sleep)
{
    use_two_cores();
    open_world(WAIT_YIELD);
    cr_expect(eq(int, told(0), -1), "nobody knows where the switch is");
    cr_expect(eq(int, told(RECORD_SOON), 1), "the edge is on the first, then");
    for (unsigned i = 0; i < 4; i++) {
        cr_expect(eq(int, told(RECORD_SOON | RECORD_SECOND), 0));
        t.w.told_until_ns = 0;
        cr_expect(eq(int, told(RECORD_SECOND), 1), "asleep it is with the switch");
        cr_expect(eq(int, told(RECORD_FIRST), 0), "asleep it is with the switch");
        cr_expect(eq(int, told(0), -1), "nobody knows any more, or it does not matter");
        cr_expect(eq(int, told(RECORD_SOON | RECORD_FIRST), 1));
        t.w.told_until_ns = 0;
    }
    t.w.beside = true;
    cr_expect(eq(int, told(RECORD_SOON | RECORD_SECOND), 1));
    cr_expect(eq(int, told(RECORD_SOON | RECORD_FIRST), 0));
    close_world();
}

/* What the edge says after 'turns' waits, 'frames' coming after each. */
static unsigned says_after(unsigned turns, unsigned frames)
{
    for (unsigned i = 0; i < turns; i++) {
        bell_ring(&t.bell);
        wait_turn(&t.w, 0);
        wait_turn(&t.w, frames);
    }
    t.w.looked = 0; /* long ago */
    bell_ring(&t.bell);
    wait_turn(&t.w, 0);
    return wait_flags(&t.w);
}

Test(wait, where_many_frames_come_at_once_sleepers_stand_anywhere)
{
    int fd[2];

    use_two_cores();
    open_world(WAIT_SLEEP);
    tcp_pair(fd);
    t.w.edge = true;
    t.w.near_fd = fd[1];
    send_from(1, fd[0]);
    cr_expect(eq(u32, says_after(10, 1), RECORD_SECOND), "one by one");
    cr_expect(eq(int, stands(), 1));
    cr_expect(eq(u32, says_after(10, 64), 0), "64 at once");
    cr_expect(eq(int, stands(), -1));
    close(fd[0]);
    close(fd[1]);
    close_world();
}

Test(wait, nobody_stands_anywhere_by_choice_where_others_compute)
{
    use_two_cores();
    open_world(WAIT_YIELD);
    cr_expect(eq(int, told(RECORD_SOON | RECORD_SECOND), 0));
    t.w.crowded_ns = loop_now_ns() + 10000000000ull;
    bell_ring(&t.bell);
    wait_turn(&t.w, 0);
    cr_expect(eq(int, stands(), -1));
    close_world();
}

Test(wait, whoever_says_meanwhile_where_it_may_run_is_heard)
{
    use_two_cores();
    open_world(WAIT_YIELD);
    cr_expect(eq(int, told(RECORD_SOON | RECORD_SECOND), 0));
    use(core, 2);
    cr_expect(eq(int, told(RECORD_SOON | RECORD_FIRST), 1));
    use(core, 2);
    cr_expect(eq(int, told(RECORD_SOON | RECORD_FIRST), -1), "nothing has changed for it");
    use(core, 1);
    for (unsigned i = 0; i < 4; i++) {
        cr_expect(eq(int, told(i % 2 ? RECORD_FIRST : RECORD_SECOND), 0), "it may use that alone");
    }
    close_world();
}

/* ---- what speaks for not sleeping --------------------------------------------------------------
 */

Test(wait, a_long_wait_speaks_louder_than_a_short_one)
{
    open_world(WAIT_YIELD);
    t.w.edge = true;
    t.w.window_ns = 1000000000; /* so that a busy machine makes no short wait long */
    t.w.paid = 20;
    t.w.since_ns = loop_now_ns();
    wait_turn(&t.w, 1);
    cr_expect(eq(u32, t.w.paid, 21), "a short one");
    t.w.since_ns = loop_now_ns() - 2500000000;
    wait_turn(&t.w, 1);
    cr_expect(eq(u32, t.w.paid, 17), "one of two windows");
    t.w.since_ns = loop_now_ns() - 3600000000000;
    wait_turn(&t.w, 1);
    cr_expect(eq(u32, t.w.paid, 1), "one of an hour");
    wait_turn(&t.w, 1);
    cr_expect(eq(u32, t.w.paid, 1), "it did not wait");
    close_world();
}

Test(wait, a_doorbell_without_work_speaks_for_nothing)
{
    open_world(WAIT_YIELD);
    t.w.edge = true;
    t.w.window_ns = 1000000000;
    t.w.paid = 20;
    for (unsigned i = 0; i < 10; i++) {
        bell_ring(&t.bell);
        t.w.crowded_ns = 0;
        wait_turn(&t.w, 0);
    }
    cr_expect(eq(u32, t.w.paid, 20));
    cr_expect(t.w.since_ns > 0, "it waits since");
    close_world();
}
