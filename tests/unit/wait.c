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

/* A turn without work that never sleeps for long. */
static void wait_with_bell(void)
{
    bell_ring(&t.bell);
    wait_turn(&t.w, 0);
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
    wait_with_bell();
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
        wait_with_bell();
        cr_expect(t.w.rung, "ring %u made no sound", i);
    }
    close_world();
}

Test(wait, who_was_told_that_more_comes_soon_does_not_sleep)
{
    bool stayed = false;

    open_world(WAIT_YIELD);
    wait_with_bell();
    cr_expect(eq(u32, t.w.sleeps, 1), "nobody told it");
    for (unsigned i = 0; i < 1000 && !stayed; i++) { /* others may want the core now and then */
        unsigned sleeps = t.w.sleeps;

        t.w.idle = 0;
        t.w.crowded_ns = 0;
        wait_told(&t.w, RECORD_SOON);
        wait_with_bell();
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

/* A switch that sends from one of the two cores, and has been heard. */
static void send_from(unsigned which, const int fd[2])
{
    pid_t pid = fork();
    int status;
    char byte;

    if (pid == 0) {
        cpu_set_t one;

        CPU_ZERO(&one);
        CPU_SET((size_t)core[which], &one);
        _exit(sched_setaffinity(0, sizeof one, &one) == 0 && write(fd[0], "x", 1) == 1 ? 0 : 1);
    }
    cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
    cr_assert(recv(fd[1], &byte, 1, 0) == 1);
}

/* Whoever looks on finds something at the first look, however long others take the core. */
static void put_work(void)
{
    struct record r = {.verdict = VERDICT_NONE};

    cr_assert(ring_reserve(&t.tx, 0) != NULL);
    ring_commit(&t.tx, &r);
    ring_publish(&t.tx);
}

/* An edge with a switch. */
static void open_edge(int fd[2])
{
    use_two_cores();
    open_world(WAIT_YIELD);
    tcp_pair(fd);
    t.w.edge = true;
    t.w.near_fd = fd[1];
    put_work();
}

static void close_edge(const int fd[2])
{
    close(fd[0]);
    close(fd[1]);
    close_world();
}

/* One wait of an edge that shall or shall not sleep, after a frame: again while it tries. */
static void edge_waits(bool awake)
{
    for (unsigned i = 0; i < 1000; i++) {
        t.w.paid = awake ? 16 : 0;
        t.w.crowded_ns = 0;
        t.w.looked = 0; /* long ago */
        t.w.frames = 1;
        t.w.waits = 1;
        wait_with_bell();
        if (t.w.hot == awake) {
            return;
        }
    }
    cr_assert(false, "it never was so");
}

Test(wait, the_edge_stands_where_the_switch_is)
{
    int fd[2];

    open_edge(fd);
    for (unsigned i = 0; i < 4; i++) {
        send_from(i % 2, fd);
        edge_waits(true);
        cr_expect(eq(int, stands(), (int)i % 2), "frame %u", i);
        cr_expect(eq(u32, wait_flags(&t.w), RECORD_SOON | RECORD_CPU(core[i % 2])));
        edge_waits(false);
        cr_expect(eq(int, stands(), (int)i % 2), "frame %u, asleep", i);
        cr_expect(eq(u32, wait_flags(&t.w), RECORD_CPU(core[i % 2])));
    }
    t.w.known_until_ns = 0;
    wait_with_bell();
    cr_expect(eq(int, stands(), t.w.hot ? 1 : -1), "no frame for long");
    close_edge(fd);
}

Test(wait, an_edge_that_does_not_know_where_the_switch_is_says_where_it_stands)
{
    int fd[2];

    open_edge(fd);
    t.w.near_fd = -1;
    edge_waits(true);
    cr_expect(eq(int, stands(), 0));
    cr_expect(eq(u32, wait_flags(&t.w), RECORD_SOON | RECORD_CPU(core[0])));
    edge_waits(false);
    cr_expect(eq(int, stands(), -1));
    cr_expect(eq(u32, wait_flags(&t.w), 0));
    close_edge(fd);
}

Test(wait, where_others_compute_the_edge_leaves_and_calls_nobody_there)
{
    int fd[2];

    open_edge(fd);
    send_from(1, fd);
    edge_waits(false);
    t.w.crowded_ns = loop_now_ns() + 10000000000ull;
    wait_with_bell();
    cr_expect(eq(int, stands(), -1));
    cr_expect(eq(u32, wait_flags(&t.w), 0));
    close_edge(fd);
}

Test(wait, where_many_frames_come_at_once_sleepers_stand_anywhere)
{
    int fd[2];

    open_edge(fd);
    send_from(1, fd);
    for (unsigned frames = 1; frames <= 64; frames += 63) {
        do { /* again while it tries */
            t.w.paid = 0;
            t.w.crowded_ns = 0;
            t.w.frames = t.w.waits = 0;
            for (unsigned i = 0; i < 3; i++) {
                wait_with_bell();
                wait_turn(&t.w, frames);
                t.w.paid = 0;
            }
            t.w.looked = 0; /* long ago */
            t.w.crowded_ns = 0;
            wait_with_bell();
        } while (t.w.hot);
        cr_expect(eq(int, stands(), frames == 1 ? 1 : -1), "%u at once", frames);
        cr_expect(eq(u32, wait_flags(&t.w), frames == 1 ? RECORD_CPU(core[1]) : 0));
    }
    close_edge(fd);
}

Test(wait, who_was_told_to_sleep_by_policy_stands_where_the_kernel_chooses)
{
    use_two_cores();
    open_world(WAIT_SLEEP);
    wait_told(&t.w, RECORD_SOON | RECORD_CPU(core[1]));
    wait_with_bell();
    cr_expect(eq(int, stands(), -1));
    close_world();
}

/* Where one stands that was told 'flags', when its turn has slept or lingered. */
static int told(unsigned flags)
{
    wait_told(&t.w, flags);
    t.w.crowded_ns = 0;
    t.w.told_until_ns = 0;
    wait_with_bell();
    return stands();
}

Test(wait, the_others_stand_on_the_other_core_until_they_sleep)
{
    use_two_cores();
    open_world(WAIT_YIELD);
    cr_expect(eq(int, told(0), -1), "nobody knows where the switch is");
    cr_expect(eq(int, told(RECORD_SOON), -1), "nor where the edge is");
    for (unsigned i = 0; i < 4; i++) {
        cr_expect(eq(int, told(RECORD_CPU(core[1])), 1), "asleep it is with the switch");
        cr_expect(eq(int, told(RECORD_CPU(core[0])), 0), "asleep it is with the switch");
        cr_expect(eq(int, told(0), -1), "it does not matter any more");
        t.w.window_ns = 1; /* so it looks on for a moment, and falls asleep for want of a bell */
        wait_told(&t.w, RECORD_SOON | RECORD_CPU(core[1]));
        t.w.crowded_ns = 0;
        wait_turn(&t.w, 0);
        cr_expect(eq(int, stands(), t.w.crowded_ns > 0 ? -1 : 1), "it fell asleep");
        t.w.window_ns = 10000000000; /* it lingers, until there is something */
        put_work();
        cr_expect(eq(int, told(RECORD_SOON | RECORD_CPU(core[1])), 0), "awake");
        cr_expect(eq(int, told(RECORD_SOON | RECORD_CPU(core[0])), 1), "awake");
        ring_rx_skip(&t.rx, ring_rx_look(&t.rx));
        ring_release(&t.rx);
    }
    cr_expect(eq(int, told(RECORD_CPU(core[1])), 1));
    t.w.known_until_ns = 0;
    wait_with_bell();
    cr_expect(eq(int, stands(), -1), "no frame for long");
    close_world();
}

Test(wait, whoever_says_meanwhile_where_it_may_run_is_heard)
{
    use_two_cores();
    open_world(WAIT_YIELD);
    cr_expect(eq(int, told(RECORD_CPU(core[0])), 0));
    use(core, 2);
    cr_expect(eq(int, told(RECORD_CPU(core[1])), 1));
    use(core, 2);
    cr_expect(eq(int, told(RECORD_CPU(core[1])), -1), "nothing has changed for it");
    use(core, 1);
    for (unsigned i = 0; i < 4; i++) {
        cr_expect(eq(int, told(RECORD_CPU(core[i % 2])), 0), "it may use that alone");
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

Test(wait, a_wait_that_goes_on_speaks_before_it_ends)
{
    int fd[2];

    open_edge(fd);
    t.w.paid = 64;
    t.w.since_ns = loop_now_ns() - 1000 * t.w.window_ns;
    wait_with_bell();
    cr_expect(eq(u32, t.w.paid, 48));
    close_edge(fd);
}
