/* tests/fault/inject.c - makes a running process call the kernel as an intruder in it would.
 *
 *   inject PID
 *
 * The process is stopped where it enters a system call of its own; number and arguments are
 * replaced, the result is taken, and then it makes its own call as if nothing had been.  Each
 * call has arguments that do no harm where it is allowed, and another error than EPERM.  One line
 * a call: its name, then "ok" or the name of the error.  Exit status 0: all were made. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
    exit(1);
}

#ifdef __x86_64__

#define INSTRUCTION 2 /* bytes of "syscall" */

static const struct call {
    const char *name;
    long number;
    unsigned long args[6];
} calls[] = {
    {"openat", SYS_openat, {(unsigned long)AT_FDCWD, 0, O_RDONLY}},
    {"socket", SYS_socket, {AF_INET, 99}},
    {"connect", SYS_connect, {(unsigned long)-1}},
    {"execve", SYS_execve, {0}},
    {"clone", SYS_clone, {CLONE_NEWNS | CLONE_FS}},
    {"ptrace", SYS_ptrace, {PTRACE_PEEKUSER, 0x7fffffff}},
    {"kill", SYS_kill, {0x7fffffff, 0}},
    {"tgkill", SYS_tgkill, {0x7fffffff, 0x7fffffff, 0}},
    {"ftruncate", SYS_ftruncate, {(unsigned long)-1}},
    {"fallocate", SYS_fallocate, {(unsigned long)-1, 0, 0, 1}},
    {"pwrite", SYS_pwrite64, {(unsigned long)-1}},
    {"unlink", SYS_unlink, {0}},
    {"rename", SYS_rename, {0}},
    {"chmod", SYS_chmod, {0}},
    {"setresuid", SYS_setresuid, {(unsigned long)-1, (unsigned long)-1, (unsigned long)-1}},
    {"capget", SYS_capget, {0}},
    {"prctl", SYS_prctl, {(unsigned long)-1}},
    {"seccomp", SYS_seccomp, {99}},
    {"process_vm_readv", SYS_process_vm_readv, {0x7fffffff}},
    {"memfd_create", SYS_memfd_create, {0}},
    {"mprotect", SYS_mprotect, {1, 4096, PROT_READ | PROT_EXEC}},
    {"mmap", SYS_mmap, {0, 0, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS}},
};

/* To the next stop at a system call's entry or exit; other stops are passed over. */
static uint8_t next_stop(pid_t pid)
{
    struct __ptrace_syscall_info info;
    int status;

    for (;;) {
        if (ptrace(PTRACE_SYSCALL, pid, 0, 0) != 0 || waitpid(pid, &status, __WALL) != pid) {
            fail("the process does not go on");
        }
        if (!WIFSTOPPED(status)) {
            fprintf(stderr, "inject: the process died of it\n");
            exit(1);
        }
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
            return info.op;
        }
    }
}

/* The process stands at the entry of the call of 'own'; afterwards it does again. */
static long inject(pid_t pid, const struct call *c, const struct user_regs_struct *own)
{
    struct user_regs_struct r = *own;
    long result;

    r.orig_rax = (unsigned long)c->number;
    r.rdi = c->args[0];
    r.rsi = c->args[1];
    r.rdx = c->args[2];
    r.r10 = c->args[3];
    r.r8 = c->args[4];
    r.r9 = c->args[5];
    if (ptrace(PTRACE_SETREGS, pid, 0, &r) != 0 || next_stop(pid) != PTRACE_SYSCALL_INFO_EXIT ||
        ptrace(PTRACE_GETREGS, pid, 0, &r) != 0) {
        fail("no end of the call");
    }
    result = (long)r.rax;
    r = *own;
    r.rip -= INSTRUCTION;
    r.rax = own->orig_rax;
    r.orig_rax = (unsigned long)-1; /* nothing to restart */
    if (ptrace(PTRACE_SETREGS, pid, 0, &r) != 0 || next_stop(pid) != PTRACE_SYSCALL_INFO_ENTRY) {
        fail("no way back to its own call");
    }
    return result;
}

static void stop_at_a_call(pid_t pid, struct user_regs_struct *own)
{
    int status;

    if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) != 0 ||
        ptrace(PTRACE_INTERRUPT, pid, 0, 0) != 0 || waitpid(pid, &status, __WALL) != pid) {
        fail("cannot stop the process");
    }
    while (next_stop(pid) != PTRACE_SYSCALL_INFO_ENTRY) {
    }
    if (ptrace(PTRACE_GETREGS, pid, 0, own) != 0) {
        fail("cannot read its registers");
    }
}

int main(int argc, char **argv)
{
    pid_t pid = argc == 2 ? (pid_t)strtol(argv[1], NULL, 10) : 0;
    struct user_regs_struct own;

    if (pid <= 0) {
        fprintf(stderr, "Usage: inject PID\n");
        return 2;
    }
    stop_at_a_call(pid, &own);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        long result = inject(pid, &calls[i], &own);

        printf("%s %s\n", calls[i].name, result < 0 ? strerrorname_np((int)-result) : "ok");
    }
    if (ptrace(PTRACE_DETACH, pid, 0, 0) != 0) {
        fail("cannot let it go");
    }
    return 0;
}

#else

int main(void)
{
    errno = ENOTSUP;
    fail("knows the registers of x86-64 only");
}

#endif
