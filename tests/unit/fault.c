/* tests/unit/fault.c - which deaths are evidence against the frame in hand, and which are not. */
#include "shm/fault.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/ring.h"

#pragma GCC diagnostic ignored "-Wconversion" /* Criterion's own macros */

TestSuite(fault, .timeout = 30);

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1 /* its own handler follows ours, and ends the process in its own way */
#else
#define SANITIZED 0
#endif
#define UNCHECKED __attribute__((noinline, no_sanitize("undefined", "address")))
#define PLACE 4096

static volatile int zero;
static volatile uintptr_t nowhere = 16;

UNCHECKED static void segv(void)
{
    *(volatile int *)nowhere = 1;
}

UNCHECKED static void divide(void)
{
    zero = (int)nowhere / zero;
}

static void illegal(void)
{
    __builtin_trap();
}

static void bus(void)
{
    int fd = memfd_create("short", MFD_CLOEXEC);
    volatile char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

    zero = *p;
}

UNCHECKED static int overflow(volatile int *above)
{
    volatile int here[256] = {*above};

    return zero == 0 ? overflow(here) + here[zero] : 0;
}

static void deep(void)
{
    zero = overflow(&zero);
}

static void raised(void)
{
    raise(SIGSEGV);
}

static void *fault_of_thread(void *unused)
{
    (void)unused;
    segv();
    return NULL;
}

static void other_thread(void)
{
    pthread_t t;

    pthread_create(&t, NULL, fault_of_thread, NULL);
    pthread_join(t, NULL);
}

static void wait_for_signal(void)
{
    for (;;) {
        pause();
    }
}

/* From outside: the parent sends these. */
static void by_kill(pid_t child, int signal)
{
    kill(child, signal);
}

static void by_queue(pid_t child, int signal)
{
    sigqueue(child, signal, (union sigval){0});
}

static void by_tgkill(pid_t child, int signal)
{
    syscall(SYS_tgkill, child, child, signal);
}

struct death {
    const char *name;
    void (*die)(void);
    void (*from_outside)(pid_t, int); /* NULL: of its own */
    int signal;
    uint64_t deaths;
};

static const struct death deaths[] = {
    {"segv", segv, NULL, SIGSEGV, 1},
    {"divide by zero", divide, NULL, SIGFPE, 1},
    {"illegal instruction", illegal, NULL, SIGILL, 1},
    {"bus", bus, NULL, SIGBUS, 1},
    {"stack overflow", deep, NULL, SIGSEGV, 1},
    {"abort", abort, NULL, SIGABRT, 1},
    {"raise", raised, NULL, SIGSEGV, 1},
    {"fault in another thread", other_thread, NULL, SIGSEGV, 0},
    {"kill -SEGV", wait_for_signal, by_kill, SIGSEGV, 0},
    {"kill -ABRT", wait_for_signal, by_kill, SIGABRT, 0},
    {"sigqueue of SIGSEGV", wait_for_signal, by_queue, SIGSEGV, 0},
    {"tgkill of SIGSEGV", wait_for_signal, by_tgkill, SIGSEGV, 0},
    {"kill -KILL", wait_for_signal, by_kill, SIGKILL, 0},
    {"kill -TERM", wait_for_signal, by_kill, SIGTERM, 0},
};
#define DEATHS (sizeof deaths / sizeof deaths[0])

static struct fault_evidence *kept; /* shared with the children */

static void share(void)
{
    kept = mmap(NULL, sizeof *kept, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(ne(ptr, kept, MAP_FAILED));
}

static _Noreturn void child(const struct death *d, uint64_t place, int ready)
{
    const struct rlimit none = {0, 0};
    struct fault_note note;

    setrlimit(RLIMIT_CORE, &none);
    if (SANITIZED && freopen("/dev/null", "w", stderr) == NULL) {
        _exit(99);
    }
    fault_open();
    fault_note_open(&note, kept);
    fault_watch(&note);
    fault_hand(&note, place);
    if (write(ready, "", 1) == 1) {
        d->die();
    }
    _exit(99);
}

/* A child dies so with 'place' in hand; returns its wait status. */
static int die_with(const struct death *d, uint64_t place)
{
    int status, ready[2];
    char byte;
    pid_t pid;

    cr_assert(zero(int, pipe(ready)));
    pid = fork();
    if (pid == 0) {
        child(d, place, ready[1]);
    }
    cr_assert(eq(int, (int)read(ready[0], &byte, 1), 1));
    if (d->from_outside) {
        d->from_outside(pid, d->signal);
    }
    cr_assert(eq(int, waitpid(pid, &status, 0), pid));
    close(ready[0]);
    close(ready[1]);
    return status;
}

Test(fault, only_a_fault_of_its_own_is_evidence, .init = share)
{
    for (size_t i = 0; i < DEATHS; i++) {
        const struct death *d = &deaths[i];
        int status;

        *kept = (struct fault_evidence){0};
        status = die_with(d, PLACE);
        cr_expect(SANITIZED || (WIFSIGNALED(status) && WTERMSIG(status) == d->signal),
                  "%s: died with status %#x, as without a handler", d->name, status);
        cr_expect(eq(u64, kept->deaths, d->deaths), "%s", d->name);
        cr_expect(eq(u64, kept->place, d->deaths ? PLACE : 0), "%s", d->name);
        cr_expect(eq(int, (int)kept->signal, d->deaths ? d->signal : 0), "%s", d->name);
    }
}

Test(fault, deaths_are_counted_in_a_row_at_one_place, .init = share)
{
    static const struct {
        size_t how;
        uint64_t place, deaths;
    } steps[] = {{0, 8, 1}, {5, 8, 2}, {1, 8, 3}, {0, 16, 1}, {8, 16, 1}, {0, 16, 2}, {0, 8, 1}};
    struct fault_note note;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        die_with(&deaths[steps[i].how], steps[i].place);
        fault_note_open(&note, kept);
        cr_expect(eq(u64, note.deaths, steps[i].deaths), "step %zu", i);
        cr_expect(eq(u64, fault_deaths(&note, steps[i].place), steps[i].deaths), "step %zu", i);
        cr_expect(zero(u32, fault_deaths(&note, steps[i].place + 1)), "step %zu", i);
    }
}

Test(fault, nothing_in_hand_is_no_evidence, .init = share)
{
    struct fault_note note;

    die_with(&deaths[0], FAULT_NONE);
    cr_expect(zero(u64, kept->deaths));
    fault_note_open(&note, kept);
    cr_expect(zero(u32, fault_deaths(&note, FAULT_NONE)));
    cr_expect(zero(u32, fault_deaths(&note, 0)));
}

static void *page;

static bool cure(int signal, void *address)
{
    return signal == SIGSEGV && address == page &&
           mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0;
}

static void cured_then_dead(void)
{
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fault_set_repair(cure);
    for (int i = 0; i < 3; i++) {
        *(volatile int *)page = i;
        mprotect(page, 4096, PROT_NONE);
    }
    cr_assert(kept->deaths == 0);
    segv();
}

Test(fault, a_fault_that_is_cured_is_none, .init = share)
{
    static const struct death d = {"cured", cured_then_dead, NULL, SIGSEGV, 1};
    int status = die_with(&d, PLACE);

    cr_expect(SANITIZED || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV), "%#x", status);
    cr_expect(eq(u64, kept->deaths, 1));
}

/* What a ring's reader hands to its successor is the record in hand, not the one before or after.
 */
Test(fault, a_ring_names_the_record_in_hand)
{
    char path[] = "/dev/shm/cw-fault-XXXXXX", ring[64], why[200], command[100];
    struct record r = {.verdict = VERDICT_HELD};
    const uint8_t *head;
    struct ring_tx tx;
    struct ring_rx rx;
    int status;

    cr_assert(mkdtemp(path) != NULL);
    snprintf(ring, sizeof ring, "%s/R", path);
    cr_assert(zero(int, ring_tx_join(&tx, ring, 1 << 16, why, sizeof why)), "%s", why);
    for (unsigned i = 0; i < 3; i++) {
        r.head_len = i;
        cr_assert(ring_reserve(&tx, i) != NULL);
        ring_commit(&tx, &r);
    }
    ring_publish(&tx);
    if (fork() == 0) {
        const struct rlimit none = {0, 0};

        setrlimit(RLIMIT_CORE, &none);
        fault_open();
        if (ring_rx_join(&rx, ring, 1 << 16, why, sizeof why) == 0 && ring_peek(&rx, &r, &head)) {
            fault_watch(&rx.note);
            ring_hand(&rx);
            ring_next(&rx);
            if (ring_peek(&rx, &r, &head)) {
                ring_hand(&rx);
                abort();
            }
        }
        _exit(99);
    }
    cr_assert(gt(int, wait(&status), 0));
    cr_assert(eq(int, status & 0x7f, SIGABRT));
    cr_assert(zero(int, ring_rx_join(&rx, ring, 1 << 16, why, sizeof why)), "%s", why);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(ring_peek(&rx, &r, &head));
        cr_expect(eq(u32, r.head_len, i));
        cr_expect(eq(u32, ring_deaths(&rx), i == 1 ? 1 : 0), "record %u", i);
        ring_next(&rx);
    }
    snprintf(command, sizeof command, "rm -r %s", path);
    cr_assert(zero(int, system(command)));
}
