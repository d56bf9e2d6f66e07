/* tests/fault/tracee_check.c - does tests/fault/tracee.h keep its word, with threads beside the
 * main one?
 *
 *   tracee_check            a program of two threads that both go where the main one is to stop,
 *                           each time the other first, and the main one waits for it
 *   tracee_check hang       a stop that never comes: a sentence within 1 s, and exit status 2
 *
 * Exit status 0: it does. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "tests/fault/tracee.h"

#define ROUNDS 50
#define STEPS 40

enum { MAIN_THREAD = 1, OTHER_THREAD = 2 };

/* ---- the traced program ------------------------------------------------------------------- */

static struct {
    sem_t ask, done;
    unsigned crossed[OTHER_THREAD + 1];
} victim;

__attribute__((noinline)) void crossing(int who);
__attribute__((noinline)) void leg(void);
__attribute__((noinline)) void nowhere(void);

void crossing(int who)
{
    victim.crossed[who]++;
    __asm__ volatile("" ::: "memory");
}

void nowhere(void)
{
    __asm__ volatile("");
}

/* The other thread comes to the crossing while the main one, which must come there next, waits. */
void leg(void)
{
    sem_post(&victim.ask);
    while (sem_wait(&victim.done) != 0) {
    }
    crossing(MAIN_THREAD);
}

static void *other(void *nothing)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        while (sem_wait(&victim.ask) != 0) {
        }
        crossing(OTHER_THREAD);
        sem_post(&victim.done);
    }
    return nothing;
}

static int be_victim(const char *how)
{
    pthread_t thread;

    if (strcmp(how, "hang") == 0) {
        for (;;) {
            pause();
        }
    }
    sem_init(&victim.ask, 0, 0);
    sem_init(&victim.done, 0, 0);
    if (pthread_create(&thread, NULL, other, NULL) != 0) {
        return 1;
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        leg();
    }
    pthread_join(thread, NULL);
    printf("crossed %u %u\n", victim.crossed[MAIN_THREAD], victim.crossed[OTHER_THREAD]);
    if (victim.crossed[0] != 0) {
        nowhere();
    }
    return 0;
}

/* ---- the tracer --------------------------------------------------------------------------- */

static void must(bool holds, const char *what, unsigned round)
{
    if (!holds) {
        fprintf(stderr, "tracee_check: round %u: %s\n", round, what);
        exit(1);
    }
}

static void one_round(struct tracee *t, unsigned round)
{
    uint64_t leg_at = tracee_address(t, "leg"), back;
    long text;

    must(t->rip == leg_at || tracee_run_to(t, "leg"), "it ended before 'leg'", round);
    must(t->rip == leg_at, "it stands elsewhere than at 'leg'", round);
    must(tracee_run_to(t, "crossing"), "it ended before 'crossing'", round);
    must(t->rip == tracee_address(t, "crossing"), "it stands elsewhere than at 'crossing'", round);
    must(t->regs.rdi == MAIN_THREAD, "it is another thread's call", round);
    text = ptrace(PTRACE_PEEKTEXT, t->pid, t->rip, 0);
    must(memcmp(&text, (const void *)(uintptr_t)crossing, sizeof text) == 0, "the text is changed",
         round);
    back = tracee_return_address(t);
    must(tracee_run_until(t, &back, 1) && t->rip == back, "it did not return", round);
    for (unsigned i = 0; i < STEPS && t->rip != leg_at; i++) {
        must(tracee_step(t), "it ended while it was stepped", round);
    }
}

static char log_path[] = "/tmp/cw-tracee-XXXXXX"; /* what the program prints */

static void remove_log(void)
{
    unlink(log_path);
}

static void check(char *const *argv)
{
    unsigned ours = 0, others = 0;
    struct tracee t;
    FILE *f;

    tracee_start(&t, argv, log_path);
    for (unsigned i = 0; i < ROUNDS; i++) {
        one_round(&t, i);
    }
    must(!tracee_run_to(&t, "nowhere"), "it came to where it does not go", ROUNDS);
    f = fopen(log_path, "re");
    must(f && fscanf(f, "crossed %u %u", &ours, &others) == 2, "it did not end well", ROUNDS);
    fclose(f);
    must(ours == ROUNDS && others == ROUNDS, "a thread has been lost", ROUNDS);
    printf("crossed %u %u\n", ours, others);
}

int main(int argc, char **argv)
{
    char self[] = "/proc/self/exe", as[] = "victim";
    char *const words[] = {self, as, argc > 1 ? argv[1] : as, NULL};
    struct tracee t;
    int fd;

    if (argc == 3 && strcmp(argv[1], "victim") == 0) {
        return be_victim(argv[2]);
    }
    if (argc > 1) {
        tracee_patience_s = 1;
        tracee_start(&t, words, "/dev/null");
        tracee_run_to(&t, "nowhere");
        return 1;
    }
    fd = mkstemp(log_path);
    must(fd >= 0, "no file in /tmp for its output", 0);
    close(fd);
    atexit(remove_log);
    check(words);
    return 0;
}
