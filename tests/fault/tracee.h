/* tests/fault/tracee.h - a program that is run one instruction at a time (x86-64, ptrace).
 *
 *     tracee_start(&t, argv, log);            stands before its first instruction
 *     tracee_run(&t);                         at full speed, as long as it is looked after:
 *     ... tracee_tend(&t); ...
 *     tracee_stop(&t);
 *     tracee_run_to(&t, "router_turn");       runs until the function is called, and stands there
 *     while (tracee_step(&t)) { t.rip }       one instruction of the main thread; t.rip is the next
 *     tracee_kill(&t);                        SIGKILL, as at this instant
 *
 * Only the main thread, which handles frames, is stepped; the others run.  A repeated string
 * instruction is one for each repetition.
 *
 * Where it is to stop, a breakpoint (int3) stands in its text, and only while the main thread runs
 * there: the processor's own breakpoints, which would be a thread's own, do not work in every
 * virtual machine.  So all threads are traced; another that comes upon one is helped over it, the
 * main one being stopped meanwhile.  A stop that does not come in time ends us with a sentence. */
#ifndef TESTS_FAULT_TRACEE_H
#define TESTS_FAULT_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#define TRACEE_POINTS 4  /* places that it can be stopped at */
#define TRACEE_THREADS 8 /* that may wait at one of them */

struct tracee {
    pid_t pid;
    uint64_t rip; /* the next instruction */
    struct user_regs_struct regs;
    uint64_t base; /* what the kernel added to the file's addresses */
    const char *program;
    struct tracee_point {
        uint64_t at;
        long text;          /* the word that was there */
    } point[TRACEE_POINTS]; /* in its text now */
    unsigned n_points;
    pid_t waiting[TRACEE_THREADS]; /* other threads that came upon one */
    unsigned n_waiting;
    bool told_to_stop; /* for their sake: the main one has, or will get, a SIGSTOP */
};
/* No instruction, no call of a library, no end of a killed process takes longer (60). */
extern unsigned tracee_patience_s;

/* Starts a program with its output appended to 'log', and its end bound to ours. */
pid_t program_start(char *const *argv, const char *log);
/* SIGKILL, and waits until nothing is left of it. */
void program_kill(pid_t pid);
/* SIGTERM, and waits until it has stopped by itself. */
void program_stop(pid_t pid);

/* The program must exist; a fault of ptrace itself ends us with a sentence. */
void tracee_start(struct tracee *t, char *const *argv, const char *log);
uint64_t tracee_address(const struct tracee *t, const char *function);
/* The same, but 0 if there is no such function: the compiler made it part of its callers. */
uint64_t tracee_find(const struct tracee *t, const char *function);
void tracee_run(struct tracee *t);
void tracee_tend(struct tracee *t);
void tracee_stop(struct tracee *t);
/* False: the program ended before the function was called. */
bool tracee_run_to(struct tracee *t, const char *function);
bool tracee_step(struct tracee *t);
/* At full speed to one of up to TRACEE_POINTS addresses of the program's, which it does not stand
 * at. */
bool tracee_run_until(struct tracee *t, const uint64_t *at, unsigned n);
/* At a function's first instruction: where it returns to. */
uint64_t tracee_return_address(const struct tracee *t);
/* In its own text, not a library's? */
bool tracee_in_program(const struct tracee *t);
/* Having just left its own text: is this a call of a function that is given no memory of the run
 * directory to write to?  (The first argument is what a library writes to.) */
bool tracee_at_library_call(const struct tracee *t);
void tracee_kill(struct tracee *t);
/* "ring_publish+0x1c", or the bare address for a library's; valid until the next call. */
const char *tracee_where(const struct tracee *t, uint64_t rip);

#endif
