/* tests/unit/sandbox.c - children enter each sandbox, and try. */
#include "common/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"

#define NOBODY 65534
#define NEVER 0x80000000u
#define NOWHERE ((long)-1)

TestSuite(sandbox, .timeout = 30);

/* Each fails with something else than EPERM, or does no harm, where it is allowed. */
static const struct attempt {
    const char *name;
    long number;
    unsigned needs; /* allowed with any of them; 0: to all; NEVER: to none */
    long args[6];
} attempts[] = {
    {"read", SYS_read, 0, {NOWHERE}},
    {"write", SYS_write, 0, {NOWHERE}},
    {"accept4", SYS_accept4, 0, {NOWHERE}},
    {"recvfrom", SYS_recvfrom, 0, {NOWHERE}},
    {"sendto", SYS_sendto, 0, {NOWHERE}},
    {"futex", SYS_futex, 0, {0, 99}},
    {"mmap", SYS_mmap, 0, {0, 0, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1}},
    {"clone3", SYS_clone3, 0, {0}},
    {"a thread", SYS_clone, 0, {CLONE_THREAD}}, /* without CLONE_SIGHAND: EINVAL */
    {"fstat", SYS_newfstatat, 0, {NOWHERE, 0, 0, AT_EMPTY_PATH}},
    {"stat by name",
     SYS_newfstatat,
     SANDBOX_NAMES | SANDBOX_FILES | SANDBOX_LOOK,
     {AT_FDCWD, 0, 0, 0}},
    {"readv", SYS_readv, SANDBOX_SERVE, {NOWHERE}},
    {"eventfd2", SYS_eventfd2, SANDBOX_SERVE, {0, -1}},
    {"shutdown", SYS_shutdown, SANDBOX_SERVE | SANDBOX_DIAL, {NOWHERE}},
    {"setsockopt", SYS_setsockopt, SANDBOX_SERVE | SANDBOX_DIAL | SANDBOX_LOOK, {NOWHERE}},
    {"sendmsg", SYS_sendmsg, SANDBOX_SERVE | SANDBOX_DIAL, {NOWHERE}},
    {"connect", SYS_connect, SANDBOX_DIAL | SANDBOX_LOCAL | SANDBOX_LOOK, {NOWHERE}},
    {"socket of IPv4", SYS_socket, SANDBOX_DIAL, {AF_INET, 99}},
    {"socket of IPv6", SYS_socket, SANDBOX_DIAL, {AF_INET6, 99}},
    {"Unix socket", SYS_socket, SANDBOX_NAMES | SANDBOX_LOCAL | SANDBOX_LOOK, {AF_UNIX, 99}},
    {"packet socket", SYS_socket, NEVER, {AF_PACKET, 99}},
    {"a listener", SYS_listen, NEVER, {NOWHERE}},
    {"open for reading",
     SYS_openat,
     SANDBOX_NAMES | SANDBOX_FILES | SANDBOX_LOOK,
     {AT_FDCWD, 0, O_RDONLY | O_CLOEXEC}},
    {"pread64", SYS_pread64, SANDBOX_NAMES | SANDBOX_LOOK, {NOWHERE}},
    {"access", SYS_faccessat, SANDBOX_LOOK, {AT_FDCWD, 0}},
    {"a socket that does not block", SYS_fcntl, SANDBOX_HTTP, {NOWHERE, F_SETFL}},
    {"a file that is new", SYS_openat, SANDBOX_HTTP, {AT_FDCWD, 0, O_WRONLY | O_CREAT | O_EXCL}},
    {"is a lock held", SYS_fcntl, SANDBOX_LOOK, {NOWHERE, F_OFD_GETLK}},
    {"take a lock", SYS_fcntl, NEVER, {NOWHERE, F_OFD_SETLK}},
    {"open for writing", SYS_openat, NEVER, {AT_FDCWD, 0, O_WRONLY}},
    {"open for both", SYS_openat, NEVER, {AT_FDCWD, 0, O_RDWR}},
    {"make a file", SYS_openat, NEVER, {AT_FDCWD, 0, O_RDONLY | O_CREAT}},
    {"empty a file", SYS_openat, NEVER, {AT_FDCWD, 0, O_RDONLY | O_TRUNC}},
    {"openat2", SYS_openat2, NEVER, {AT_FDCWD}},
    {"map code", SYS_mmap, SANDBOX_NAMES, {0, 0, PROT_READ | PROT_EXEC, MAP_PRIVATE, -1}},
    {"map code to write", SYS_mmap, NEVER, {0, 0, PROT_WRITE | PROT_EXEC, MAP_PRIVATE, -1}},
    {"turn data to code", SYS_mprotect, NEVER, {1, 4096, PROT_READ | PROT_EXEC}},
    {"execve", SYS_execve, NEVER, {0}},
    {"execveat", SYS_execveat, NEVER, {NOWHERE, 0}},
    {"a process", SYS_clone, NEVER, {CLONE_FS | CLONE_NEWNS}},
    {"kill", SYS_kill, NEVER, {0x7fffffff, 0}},
    {"tgkill of another", SYS_tgkill, NEVER, {0x7fffffff, 0x7fffffff, 0}},
    {"ptrace", SYS_ptrace, NEVER, {PTRACE_PEEKUSER, 0x7fffffff}},
    {"process_vm_writev", SYS_process_vm_writev, NEVER, {0x7fffffff}},
    {"ftruncate", SYS_ftruncate, NEVER, {NOWHERE}},
    {"fallocate", SYS_fallocate, NEVER, {NOWHERE, 0, 0, 1}},
    {"pwrite64", SYS_pwrite64, NEVER, {NOWHERE}},
    {"unlinkat", SYS_unlinkat, NEVER, {NOWHERE}},
    {"renameat", SYS_renameat, NEVER, {NOWHERE}},
    {"fchmod", SYS_fchmod, NEVER, {NOWHERE}},
    {"setresuid", SYS_setresuid, NEVER, {-1, -1, -1}},
    {"capset", SYS_capset, NEVER, {0}},
    {"prctl", SYS_prctl, NEVER, {-1}},
    {"seccomp", SYS_seccomp, NEVER, {99}},
    {"memfd_create", SYS_memfd_create, NEVER, {0}},
    {"unshare", SYS_unshare, NEVER, {-1}},
    {"io_uring_setup", SYS_io_uring_setup, NEVER, {0}},
#ifdef __x86_64__
    {"getpid of x32", 0x40000000 + SYS_getpid, NEVER, {0}},
#endif
};

/* Returns how many attempts were wrongly allowed or refused, and names them. */
static int try_all(unsigned needs)
{
    int wrong = 0;

    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        const struct attempt *a = &attempts[i];
        bool allowed = a->needs == 0 || (a->needs & needs) != 0;
        long n;

        errno = 0;
        n = syscall(a->number, a->args[0], a->args[1], a->args[2], a->args[3], a->args[4],
                    a->args[5]);
        if (allowed == (n == -1 && errno == EPERM)) {
            log_error("needs %u: %s gave %ld, errno %d", needs, a->name, n, errno);
            wrong++;
        }
    }
    return wrong;
}

static struct sandbox box_of(const char *run_as)
{
    struct sandbox box;
    struct config c;

    config_defaults(&c);
    free(c.value[CONFIG_STACK_RUN_AS]);
    c.value[CONFIG_STACK_RUN_AS] = strdup(run_as);
    sandbox_config(&box, &c);
    config_free(&c);
    return box;
}

/* A child's exit status; its signal's number as a negative one. */
static int outcome(pid_t child)
{
    int status;

    cr_assert(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Test(sandbox, each_profile_allows_what_it_must_and_refuses_the_rest)
{
    static const unsigned profiles[] = {SANDBOX_RINGS,
                                        SANDBOX_SERVE,
                                        SANDBOX_DIAL,
                                        SANDBOX_DIAL | SANDBOX_NAMES,
                                        SANDBOX_SERVE | SANDBOX_LOCAL,
                                        SANDBOX_SERVE | SANDBOX_FILES,
                                        SANDBOX_SERVE | SANDBOX_LOOK,
                                        SANDBOX_SERVE | SANDBOX_LOOK | SANDBOX_HTTP,
                                        SANDBOX_SERVE | SANDBOX_DIAL | SANDBOX_LOCAL |
                                            SANDBOX_FILES};

    if (!SANDBOX_WORKS) {
        cr_skip("a build with a sanitizer");
    }
    for (unsigned i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        pid_t child = fork();

        if (child == 0) {
            struct sandbox box = box_of("");

            sandbox_enter(&box, profiles[i]);
            _exit(try_all(profiles[i]));
        }
        cr_expect(outcome(child) == 0, "needs %u", profiles[i]);
    }
}

/* The words after "NAME:" in /proc/PID/status. */
static const char *said(pid_t pid, const char *name)
{
    static char line[200];
    size_t len = strlen(name);
    char path[40];
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    f = fopen(path, "re");
    cr_assert(f != NULL);
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            fclose(f);
            line[strcspn(line, "\n")] = '\0';
            return line + len + 2;
        }
    }
    fclose(f);
    cr_assert_fail("no %s in %s", name, path);
    return NULL;
}

static const char no_capability[] = "0000000000000000";

/* A child that enters and then waits until 'end' is closed at the other side. */
static pid_t start_child(const char *run_as, uid_t first, int end[2])
{
    int entered[2];
    pid_t child;
    char c;

    cr_assert(pipe(entered) == 0 && pipe(end) == 0);
    child = fork();
    if (child == 0) {
        struct sandbox box = box_of(run_as);

        close(entered[0]);
        close(end[1]);
        if (geteuid() == 0 && setgroups(1, &(gid_t){4711}) != 0) {
            _exit(5);
        }
        if (first != 0 && setresuid(first, first, first) != 0) {
            _exit(3);
        }
        sandbox_enter(&box, SANDBOX_RINGS);
        close(entered[1]);
        _exit(read(end[0], &c, 1) == 0 ? 0 : 4);
    }
    close(entered[1]);
    close(end[0]);
    cr_assert(read(entered[0], &c, 1) == 0);
    close(entered[0]);
    return child;
}

Test(sandbox, user_groups_and_capabilities_are_gone)
{
    static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
    static const struct {
        const char *run_as;
        uid_t first; /* becomes this before; 0: stays root */
        const char *uid;
    } cases[] = {{"nobody", 0, "65534\t65534\t65534\t65534"},
                 {"root", 0, "0\t0\t0\t0"},
                 {"nobody", 4711, "4711\t4711\t4711\t4711"}};

    if (!SANDBOX_WORKS || geteuid() != 0) {
        cr_skip("needs root, and no sanitizer");
    }
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int end[2];
        pid_t child = start_child(cases[i].run_as, cases[i].first, end);

        cr_expect_str_eq(said(child, "Uid"), cases[i].uid);
        cr_expect_str_eq(said(child, "NoNewPrivs"), "1");
        cr_expect_str_eq(said(child, "Seccomp"), "2");
        if (cases[i].first == 0 && strcmp(cases[i].run_as, "root") != 0) {
            cr_expect_str_eq(said(child, "Gid"), cases[i].uid);
            cr_expect_str_eq(said(child, "Groups"), " ");
        }
        for (unsigned s = 0; s < sizeof sets / sizeof sets[0]; s++) {
            /* only who had CAP_SETPCAP can empty the bounding set */
            if (cases[i].first == 0 || strcmp(sets[s], "CapBnd") != 0) {
                cr_expect_str_eq(said(child, sets[s]), no_capability, "%u: %s", i, sets[s]);
            }
        }
        close(end[1]);
        cr_expect(outcome(child) == 0);
    }
}

/* A change of user makes the kernel forget the signal that a child gets when its parent dies. */
Test(sandbox, a_child_still_ends_with_its_parent)
{
    struct pollfd end = {.events = POLLIN};
    int alive[2], entered[2];
    pid_t parent, child = 0;
    char c;
    bool gone;

    if (!SANDBOX_WORKS || geteuid() != 0) {
        cr_skip("needs root, and no sanitizer");
    }
    cr_assert(pipe(alive) == 0 && pipe(entered) == 0);
    parent = fork();
    if (parent == 0) {
        child = fork();
        if (child == 0) {
            struct sandbox box = box_of("nobody");

            prctl(PR_SET_PDEATHSIG, SIGKILL);
            sandbox_enter(&box, SANDBOX_RINGS);
            close(entered[1]);
            for (;;) {
                poll(NULL, 0, -1);
            }
        }
        close(entered[1]);
        _exit(write(alive[1], &child, sizeof child) > 0 && read(entered[0], &c, 1) == 0 ? 0 : 1);
    }
    close(entered[1]);
    close(alive[1]);
    cr_assert(outcome(parent) == 0);
    cr_assert(read(alive[0], &child, sizeof child) == (ssize_t)sizeof child);
    end.fd = alive[0];
    gone = poll(&end, 1, 5000) == 1; /* the last one to hold the pipe has ended */
    if (!gone) {
        kill(child, SIGKILL);
    }
    cr_expect(gone, "the child outlived its parent");
}

static void *in_thread(void *result)
{
    *(int *)result = try_all(SANDBOX_RINGS);
    return NULL;
}

static int ordinary_life(void)
{
    int wrong = -1;
    pthread_t thread;
    void *large = malloc(8 << 20);

    large = realloc(large, 64 << 20);
    if (!large || pthread_create(&thread, NULL, in_thread, &wrong) != 0 ||
        pthread_join(thread, NULL) != 0) {
        return 99;
    }
    free(large);
    return wrong;
}

Test(sandbox, threads_are_in_it_and_memory_and_abort_work)
{
    pid_t child;

    if (!SANDBOX_WORKS) {
        cr_skip("a build with a sanitizer");
    }
    for (int dies = 0; dies < 2; dies++) {
        child = fork();
        if (child == 0) {
            struct sandbox box = box_of("");

            sandbox_enter(&box, SANDBOX_RINGS);
            if (dies) {
                abort();
            }
            _exit(ordinary_life());
        }
        cr_expect(outcome(child) == (dies ? -SIGABRT : 0));
    }
}

static void *only_there(void *unused)
{
    pause();
    return unused;
}

Test(sandbox, misuse_and_mistakes_end_the_process)
{
    pthread_t thread;
    pid_t child = fork();

    if (child == 0) {
        box_of("no.such.user");
        _exit(0);
    }
    cr_expect(outcome(child) == 2);
    if (!SANDBOX_WORKS) {
        return;
    }
    child = fork();
    if (child == 0) {
        struct sandbox box = box_of("");

        pthread_create(&thread, NULL, only_there, NULL);
        sandbox_enter(&box, SANDBOX_RINGS); /* too late for that thread: an assertion */
        _exit(0);
    }
    cr_expect(outcome(child) == -SIGABRT);
}

Test(sandbox, when_it_is_off_nothing_changes)
{
    pid_t child = fork();

    if (child == 0) {
        struct sandbox box = {.on = false};

        sandbox_enter(&box, SANDBOX_RINGS);
        _exit(open("/dev/null", O_WRONLY) >= 0 && prctl(PR_GET_SECCOMP) == 0 ? 0 : 1);
    }
    cr_expect(outcome(child) == 0);
}
