/* tests/fault/tracee.c - ptrace. */
#include "tests/fault/tracee.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fault/tracee_symbols.h"

#define INT3 0xcc /* the instruction of one byte that is a breakpoint */

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "step: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* ---- programs ----------------------------------------------------------------------------- */

unsigned tracee_patience_s = 60;

static void on_alarm(int signal)
{
    (void)signal;
}

/* waitpid, for a child that may never do what is waited for: what that is, for the sentence. */
static pid_t await(pid_t pid, int *status, const char *what)
{
    pid_t got;

    alarm(tracee_patience_s);
    got = waitpid(pid, status, __WALL);
    alarm(0);
    if (got < 0 && errno == EINTR) {
        fprintf(stderr, "step: %s within %u s: it hangs, or the machine is much too busy\n", what,
                tracee_patience_s);
        exit(2);
    }
    if (got < 0) {
        fail("waitpid");
    }
    return got;
}

static bool ended(int status)
{
    return WIFEXITED(status) || WIFSIGNALED(status);
}

static _Noreturn void become(char *const *argv, const char *log, bool traced)
{
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    if (traced && ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
        _exit(126);
    }
    execv(argv[0], argv);
    _exit(127);
}

static pid_t start(char *const *argv, const char *log, bool traced)
{
    pid_t pid;

    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL); /* ends waitpid */
    pid = fork();
    if (pid < 0) {
        fail("fork");
    }
    if (pid == 0) {
        become(argv, log, traced);
    }
    return pid;
}

pid_t program_start(char *const *argv, const char *log)
{
    return start(argv, log, false);
}

void program_kill(pid_t pid)
{
    int status;

    kill(pid, SIGKILL);
    await(pid, &status, "a killed program did not end");
}

void program_stop(pid_t pid)
{
    int status;

    kill(pid, SIGTERM);
    await(pid, &status, "a program that was told to stop did not end");
}

/* ---- breakpoints -------------------------------------------------------------------------- */

static void poke(const struct tracee *t, uint64_t at, long word)
{
    if (ptrace(PTRACE_POKETEXT, t->pid, at, word) != 0) {
        fail("a breakpoint");
    }
}

/* Into the text, or out of it; the one in the reverse order of the other, as words may overlap. */
static void poke_points(struct tracee *t, bool in)
{
    for (unsigned i = 0; in && i < t->n_points; i++) {
        struct tracee_point *p = &t->point[i];

        errno = 0;
        p->text = ptrace(PTRACE_PEEKTEXT, t->pid, p->at, 0);
        if (errno != 0) {
            fail("a breakpoint");
        }
        poke(t, p->at, (p->text & ~0xffl) | INT3);
    }
    for (unsigned i = t->n_points; !in && i-- > 0;) {
        poke(t, t->point[i].at, t->point[i].text);
    }
}

static void put_points(struct tracee *t, const uint64_t *at, unsigned n)
{
    for (t->n_points = 0; t->n_points < n && t->n_points < TRACEE_POINTS; t->n_points++) {
        t->point[t->n_points].at = at[t->n_points];
    }
    poke_points(t, true);
}

static bool in_text(const struct tracee *t, uint64_t at)
{
    for (unsigned i = 0; i < t->n_points; i++) {
        if (t->point[i].at == at) {
            return true;
        }
    }
    return false;
}

/* ---- threads ------------------------------------------------------------------------------ */

static void resume(pid_t thread, enum __ptrace_request how, int signal)
{
    if (ptrace(how, thread, 0, signal) != 0 && errno != ESRCH) { /* it was just killed */
        fail("ptrace");
    }
}

/* Where the thread stands, if a breakpoint stopped it; else 0.  The one may be out of the text by
 * now. */
static uint64_t at_point(pid_t thread)
{
    siginfo_t why;

    if (ptrace(PTRACE_GETSIGINFO, thread, 0, &why) != 0 || why.si_signo != SIGTRAP ||
        why.si_code != SI_KERNEL) {
        return 0;
    }
    return (uint64_t)ptrace(PTRACE_PEEKUSER, thread, offsetof(struct user, regs.rip), 0) - 1;
}

/* Back before the breakpoint's byte, which is the first of an instruction of the program's. */
static void step_back(pid_t thread, uint64_t at)
{
    if (ptrace(PTRACE_POKEUSER, thread, offsetof(struct user, regs.rip), at) != 0) {
        fail("ptrace");
    }
}

/* Another thread than the main one.  It goes on; what is sent to it, but for what tracing itself
 * causes, is passed on. */
static void look_after(struct tracee *t, pid_t thread, int status)
{
    int signal = WSTOPSIG(status);
    uint64_t at;

    if (ended(status)) {
        return;
    }
    if (status >> 16 != 0 || signal == SIGSTOP) {
        signal = 0; /* it made a thread, or is a new one */
    }
    at = signal == SIGTRAP ? at_point(thread) : 0;
    if (at != 0) {
        step_back(thread, at);
        signal = 0;
        if (in_text(t, at) && t->n_waiting < TRACEE_THREADS) {
            t->waiting[t->n_waiting++] = thread;
            return;
        }
    }
    resume(thread, PTRACE_CONT, signal);
}

/* One instruction of each that waits, the breakpoints being out of the text for so long; the main
 * thread, which may not miss one, is stopped. */
static void step_over(struct tracee *t)
{
    int status;

    poke_points(t, false);
    while (t->n_waiting > 0) {
        pid_t thread = t->waiting[--t->n_waiting];

        resume(thread, PTRACE_SINGLESTEP, 0);
        await(thread, &status, "a thread did not get past a breakpoint");
        if (!ended(status) && status >> 16 == 0 && WSTOPSIG(status) == SIGTRAP) {
            resume(thread, PTRACE_CONT, 0);
        } else {
            look_after(t, thread, status);
        }
    }
    poke_points(t, true);
}

/* The next stop of the main thread; false: it has ended.  If another waits at a breakpoint, the
 * main one is told to stop for it: it may be the other that has to go on first. */
static bool next_stop(struct tracee *t, int *status)
{
    pid_t pid;

    while ((pid = await(-1, status, "the next stop did not come")) != t->pid) {
        look_after(t, pid, *status);
        if (t->n_waiting > 0 && !t->told_to_stop) {
            t->told_to_stop = syscall(SYS_tgkill, t->pid, t->pid, SIGSTOP) == 0;
        }
    }
    if (ended(*status)) {
        t->pid = -1;
    }
    return t->pid > 0;
}

/* The main thread goes on, with a signal if it is not 0, until one comes for it, which is returned;
 * or -1: it has ended. */
static int next_signal(struct tracee *t, enum __ptrace_request how, int signal)
{
    int status;

    for (;;) {
        resume(t->pid, how, signal);
        signal = 0;
        if (!next_stop(t, &status)) {
            return -1;
        }
        if (status >> 16 != 0) {
            continue; /* it made a thread */
        }
        if (WSTOPSIG(status) != SIGSTOP || !t->told_to_stop) {
            return WSTOPSIG(status);
        }
        t->told_to_stop = false;
        step_over(t);
    }
}

/* ---- stepping ----------------------------------------------------------------------------- */

/* All go on that waited. */
static void take_points(struct tracee *t)
{
    if (t->pid > 0) {
        poke_points(t, false);
    }
    t->n_points = 0;
    while (t->n_waiting > 0) {
        resume(t->waiting[--t->n_waiting], PTRACE_CONT, 0);
    }
}

static void look(struct tracee *t)
{
    if (ptrace(PTRACE_GETREGS, t->pid, 0, &t->regs) != 0) {
        fail("ptrace");
    }
    t->rip = t->regs.rip;
}

void tracee_start(struct tracee *t, char *const *argv, const char *log)
{
    int status;

    *t = (struct tracee){.pid = start(argv, log, true), .program = argv[0]};
    await(t->pid, &status, "a program did not start");
    if (ended(status)) {
        fprintf(stderr, "step: %s cannot be started, or not traced\n", argv[0]);
        exit(2);
    }
    if (ptrace(PTRACE_SETOPTIONS, t->pid, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE) != 0) {
        fail("ptrace");
    }
    tracee_load_symbols(t);
    look(t);
}

void tracee_run(struct tracee *t)
{
    resume(t->pid, PTRACE_CONT, 0);
}

void tracee_tend(struct tracee *t)
{
    int status;
    pid_t pid;

    while (t->pid > 0 && (pid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
        if (pid != t->pid) {
            look_after(t, pid, status);
        } else if (ended(status)) {
            t->pid = -1;
        } else {
            resume(pid, PTRACE_CONT, status >> 16 != 0 ? 0 : WSTOPSIG(status));
        }
    }
}

void tracee_stop(struct tracee *t)
{
    int status = 0;
    pid_t pid;

    tracee_tend(t);
    if (t->pid > 0) {
        syscall(SYS_tgkill, t->pid, t->pid, SIGSTOP); /* its own stop, told to us instead */
        while ((pid = await(-1, &status, "the main thread did not stop")) != t->pid ||
               (!ended(status) && status >> 16 != 0)) {
            look_after(t, pid, status); /* also the main one, if it just made a thread */
        }
    }
    if (t->pid < 0 || ended(status) || WSTOPSIG(status) != SIGSTOP) {
        fprintf(stderr, "step: %s ended, or got a signal, before its work began\n", t->program);
        exit(2);
    }
    look(t);
}

bool tracee_run_until(struct tracee *t, const uint64_t *at, unsigned n)
{
    uint64_t here = 0;
    int signal = 0;

    put_points(t, at, n);
    do {
        signal = next_signal(t, PTRACE_CONT, signal);
        here = signal == SIGTRAP ? at_point(t->pid) : 0;
    } while (signal >= 0 && !in_text(t, here));
    take_points(t);
    if (signal < 0) {
        return false;
    }
    step_back(t->pid, here);
    look(t);
    return true;
}

bool tracee_run_to(struct tracee *t, const char *function)
{
    uint64_t at = tracee_address(t, function);

    return tracee_run_until(t, &at, 1);
}

uint64_t tracee_return_address(const struct tracee *t)
{
    return (uint64_t)ptrace(PTRACE_PEEKTEXT, t->pid, t->regs.rsp, 0);
}

/* May the first argument be an address in a file of the run directory? */
static bool argument_is_shared(const struct tracee *t)
{
    char path[64], line[512], mode[8];
    bool shared = false;
    uint64_t from, to;
    FILE *maps;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)t->pid);
    maps = fopen(path, "re");
    if (!maps) {
        fail(path);
    }
    while (!shared && fgets(line, sizeof line, maps)) {
        shared = sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, mode) == 3 &&
                 mode[1] == 'w' && mode[3] == 's' && t->regs.rdi >= from && t->regs.rdi < to;
    }
    fclose(maps);
    return shared;
}

bool tracee_at_library_call(const struct tracee *t)
{
    return !tracee_in_program(t) && tracee_is_in_program(t, tracee_return_address(t)) &&
           !argument_is_shared(t);
}

bool tracee_step(struct tracee *t)
{
    int signal = 0;

    do {
        signal = next_signal(t, PTRACE_SINGLESTEP, signal);
    } while (signal >= 0 && signal != SIGTRAP);
    if (signal < 0) {
        return false;
    }
    look(t);
    return true;
}

void tracee_kill(struct tracee *t)
{
    int status = 0;

    if (t->pid > 0) {
        kill(t->pid, SIGKILL);
        while (await(-1, &status, "a killed program did not end") != t->pid || !ended(status)) {
        }
        t->pid = -1;
    }
    t->n_points = t->n_waiting = 0;
}
