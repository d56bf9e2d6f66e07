/* tests/fault/tracee.c - ptrace, and the program's own symbols. */
#include "tests/fault/tracee.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "step: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* ---- programs ----------------------------------------------------------------------------- */

static void on_alarm(int signal)
{
    (void)signal;
}

/* waitpid, for a child that may never do what is waited for: what that is, for the sentence. */
static pid_t await(pid_t pid, int *status, const char *what)
{
    pid_t got;

    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    alarm(TRACEE_PATIENCE_S);
    got = waitpid(pid, status, __WALL);
    alarm(0);
    if (got < 0 && errno == EINTR) {
        fprintf(stderr, "step: %s within %u s: it hangs, or the machine is much too busy\n", what,
                TRACEE_PATIENCE_S);
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
    pid_t pid = fork();

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

/* ---- symbols ------------------------------------------------------------------------------ */

static struct {
    char program[512]; /* of which it is */
    const Elf64_Ehdr *file;
    const Elf64_Sym *symbols;
    size_t n;
    const char *names;
    uint64_t end; /* of its text, from its base */
} elf;

static void find_end(void)
{
    const Elf64_Phdr *h = (const void *)((const char *)elf.file + elf.file->e_phoff);

    elf.end = 0;
    for (unsigned i = 0; i < elf.file->e_phnum; i++) {
        if (h[i].p_type == PT_LOAD && (h[i].p_flags & PF_X)) {
            elf.end = h[i].p_vaddr + h[i].p_memsz;
        }
    }
}

static void read_symbols(const char *program)
{
    const Elf64_Shdr *s;
    struct stat st;
    int fd;

    if (strcmp(elf.program, program) == 0) {
        return;
    }
    fd = open(program, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        fail(program);
    }
    elf.file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (elf.file == MAP_FAILED) {
        fail(program);
    }
    snprintf(elf.program, sizeof elf.program, "%s", program);
    find_end();
    s = (const void *)((const char *)elf.file + elf.file->e_shoff);
    for (unsigned i = 0; i < elf.file->e_shnum; i++) {
        if (s[i].sh_type == SHT_SYMTAB) {
            elf.symbols = (const void *)((const char *)elf.file + s[i].sh_offset);
            elf.n = s[i].sh_size / sizeof *elf.symbols;
            elf.names = (const char *)elf.file + s[s[i].sh_link].sh_offset;
        }
    }
}

/* Where the program was loaded: the kernel tells it the address of its entry. */
static uint64_t load_base(pid_t pid)
{
    Elf64_auxv_t a;
    char path[64];
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/auxv", (int)pid);
    f = fopen(path, "re");
    if (!f) {
        fail(path);
    }
    while (fread(&a, sizeof a, 1, f) == 1 && a.a_type != AT_ENTRY) {
    }
    fclose(f);
    return a.a_un.a_val - elf.file->e_entry;
}

uint64_t tracee_find(const struct tracee *t, const char *function)
{
    for (size_t i = 0; i < elf.n; i++) {
        if (ELF64_ST_TYPE(elf.symbols[i].st_info) == STT_FUNC &&
            strcmp(elf.names + elf.symbols[i].st_name, function) == 0) {
            return t->base + elf.symbols[i].st_value;
        }
    }
    return 0;
}

uint64_t tracee_address(const struct tracee *t, const char *function)
{
    uint64_t at = tracee_find(t, function);

    if (at == 0) {
        fprintf(stderr, "step: %s has no function %s: was it stripped?\n", t->program, function);
        exit(2);
    }
    return at;
}

const char *tracee_where(const struct tracee *t, uint64_t rip)
{
    static char text[128];

    for (size_t i = 0; i < elf.n; i++) {
        const Elf64_Sym *s = &elf.symbols[i];

        if (ELF64_ST_TYPE(s->st_info) == STT_FUNC && rip - t->base - s->st_value < s->st_size) {
            snprintf(text, sizeof text, "%s+0x%" PRIx64, elf.names + s->st_name,
                     rip - t->base - s->st_value);
            return text;
        }
    }
    snprintf(text, sizeof text, "0x%" PRIx64, rip);
    return text;
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

static bool in_text(const struct tracee *t, uint64_t at)
{
    for (unsigned i = 0; i < t->n_points; i++) {
        if (t->point[i].at == at) {
            return true;
        }
    }
    return false;
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

/* The main thread goes on, with a signal if it is not 0, until one comes for it, which is returned;
 * or -1: it has ended. */
static int next_signal(struct tracee *t, enum __ptrace_request how, int signal)
{
    int status;
    pid_t pid;

    do {
        resume(t->pid, how, signal);
        signal = 0;
        while ((pid = await(-1, &status, "the next stop did not come")) != t->pid) {
            look_after(t, pid, status);
        }
        if (ended(status)) {
            t->pid = -1;
            return -1;
        }
    } while (status >> 16 != 0); /* it made a thread */
    return WSTOPSIG(status);
}

/* ---- breakpoints -------------------------------------------------------------------------- */

static void put_points(struct tracee *t, const uint64_t *at, unsigned n)
{
    for (t->n_points = 0; t->n_points < n && t->n_points < TRACEE_POINTS; t->n_points++) {
        struct tracee_point *p = &t->point[t->n_points];

        p->at = at[t->n_points];
        errno = 0;
        p->text = ptrace(PTRACE_PEEKTEXT, t->pid, p->at, 0);
        if (errno != 0 || ptrace(PTRACE_POKETEXT, t->pid, p->at, (p->text & ~0xffl) | 0xcc) != 0) {
            fail("a breakpoint");
        }
    }
}

/* In reverse: words may overlap. */
static void take_points(struct tracee *t)
{
    while (t->n_points > 0) {
        struct tracee_point *p = &t->point[--t->n_points];

        if (t->pid > 0 && ptrace(PTRACE_POKETEXT, t->pid, p->at, p->text) != 0) {
            fail("a breakpoint");
        }
    }
    while (t->n_waiting > 0) {
        resume(t->waiting[--t->n_waiting], PTRACE_CONT, 0);
    }
}

/* ---- stepping ----------------------------------------------------------------------------- */

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
    read_symbols(argv[0]);
    t->base = load_base(t->pid);
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

bool tracee_in_program(const struct tracee *t)
{
    return t->rip - t->base < elf.end;
}

bool tracee_at_library_call(const struct tracee *t)
{
    return !tracee_in_program(t) && tracee_return_address(t) - t->base < elf.end &&
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
