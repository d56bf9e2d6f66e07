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
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "step: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* ---- programs ----------------------------------------------------------------------------- */

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
    int status = 0;

    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) == pid && !WIFEXITED(status) && !WIFSIGNALED(status)) {
    }
}

void program_stop(pid_t pid)
{
    int status;

    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
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

/* ---- stepping ----------------------------------------------------------------------------- */

/* Waits for the next stop.  False: it ended.  Signals other than a trap are passed on. */
static bool stopped(struct tracee *t, int *pass)
{
    int status;

    if (waitpid(t->pid, &status, __WALL) != t->pid) {
        fail("waitpid");
    }
    if (!WIFSTOPPED(status)) {
        t->pid = -1;
        return false;
    }
    *pass = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    return true;
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
    int pass;

    *t = (struct tracee){.pid = start(argv, log, true), .program = argv[0]};
    if (!stopped(t, &pass)) {
        fprintf(stderr, "step: %s cannot be started, or not traced\n", argv[0]);
        exit(2);
    }
    if (ptrace(PTRACE_SETOPTIONS, t->pid, 0, PTRACE_O_EXITKILL) != 0) {
        fail("ptrace");
    }
    read_symbols(argv[0]);
    t->base = load_base(t->pid);
    look(t);
}

void tracee_run(struct tracee *t)
{
    if (ptrace(PTRACE_CONT, t->pid, 0, 0) != 0) {
        fail("ptrace");
    }
}

void tracee_stop(struct tracee *t)
{
    int pass = 0;

    kill(t->pid, SIGSTOP); /* its own stop, told to us instead */
    if (!stopped(t, &pass) || pass != SIGSTOP) {
        fprintf(stderr, "step: %s ended, or got signal %d, before its work began\n", t->program,
                pass);
        exit(2);
    }
    look(t);
}

static void set_debug(struct tracee *t, unsigned number, uint64_t value)
{
    size_t at = offsetof(struct user, u_debugreg) + number * sizeof(t->rip);

    if (ptrace(PTRACE_POKEUSER, t->pid, at, value) != 0) {
        fail("a breakpoint of the processor's");
    }
}

/* Breakpoints in its text would end the other threads, which nobody traces; those of the processor
 * are the thread's own. */
bool tracee_run_until(struct tracee *t, const uint64_t *at, unsigned n)
{
    uint64_t enable = 0;
    int pass = 0;

    for (unsigned i = 0; i < n && i < TRACEE_POINTS; i++) {
        set_debug(t, i, at[i]);
        enable |= 1ull << (2 * i);
    }
    set_debug(t, 7, enable);
    do {
        if (ptrace(PTRACE_CONT, t->pid, 0, pass) != 0) {
            fail("ptrace");
        }
        if (!stopped(t, &pass)) {
            return false;
        }
    } while (pass != 0);
    set_debug(t, 7, 0);
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
    int pass = 0;

    do {
        if (ptrace(PTRACE_SINGLESTEP, t->pid, 0, pass) != 0) {
            fail("ptrace");
        }
        if (!stopped(t, &pass)) {
            return false;
        }
    } while (pass != 0);
    look(t);
    return true;
}

void tracee_kill(struct tracee *t)
{
    if (t->pid > 0) {
        program_kill(t->pid);
        t->pid = -1;
    }
}
