/* tests/fault/janitor.c */
#include "tests/fault/janitor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_END 4000 /* bytes of the log that are shown */

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "step: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* The janitor was killed: so are the programs, which may have given up the right to be killed with
 * their parent together with their other rights. */
static void on_orphaned(int signal)
{
    (void)signal;
    kill(0, SIGKILL);
}

static _Noreturn void be_worker(const sigset_t *mask, const char *dir,
                                int (*work)(const char *dir, const void *what), const void *what)
{
    setpgid(0, 0);
    signal(SIGUSR1, on_orphaned);
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
    sigprocmask(SIG_SETMASK, mask, NULL);
    exit(work(dir, what));
}

/* Until the worker has ended, or a signal wants us to, which is returned.  Orphans of the worker
 * are ours. */
static int wait_for(pid_t worker, const sigset_t *signals, int *status)
{
    for (;;) {
        int signal = sigwaitinfo(signals, NULL);
        pid_t pid;

        if (signal > 0 && signal != SIGCHLD) {
            return signal;
        }
        while ((pid = waitpid(-1, status, WNOHANG | __WALL)) > 0) {
            if (pid == worker) {
                return 0;
            }
        }
    }
}

static void kill_all(pid_t worker)
{
    while (kill(-worker, SIGKILL) == 0 && waitpid(-1, NULL, __WALL) > 0) {
    }
}

static void show_log(const char *dir, const char *name)
{
    char path[128], end[LOG_END + 1];
    size_t n;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s.log", dir, name);
    f = fopen(path, "re");
    if (!f) {
        return;
    }
    if (fseek(f, -LOG_END, SEEK_END) != 0) {
        rewind(f);
    }
    n = fread(end, 1, LOG_END, f);
    end[n] = '\0';
    fclose(f);
    fprintf(stderr, "step: the end of %s, which is removed:\n%s", path, end);
}

static void clean_up(const char *dir, const char *name, int status)
{
    char command[128];

    if (status == 1) {
        fprintf(stderr, "step: the run directory stays: %s\n", dir);
        return;
    }
    if (status != 0) {
        show_log(dir, name);
    }
    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command) != 0) {
        fprintf(stderr, "step: could not remove %s: remove it by hand\n", dir);
    }
}

static int status_of(int status)
{
    if (WIFEXITED(status)) {
        return WEXITSTATUS(status);
    }
    fprintf(stderr, "step: the stepper itself died of signal %d\n", WTERMSIG(status));
    return 2;
}

int janitor_run(const char *name, int (*work)(const char *dir, const void *what), const void *what)
{
    char dir[] = "/dev/shm/causeway-step-XXXXXX";
    sigset_t signals, before;
    int signal, status = 0;
    pid_t worker;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, &before);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    fflush(NULL);
    if (!mkdtemp(dir)) {
        fail(dir);
    }
    worker = fork();
    if (worker < 0) {
        rmdir(dir);
        fail("fork");
    }
    if (worker == 0) {
        be_worker(&before, dir, work, what);
    }
    setpgid(worker, worker); /* whoever of the two is first */
    signal = wait_for(worker, &signals, &status);
    kill_all(worker);
    status = signal != 0 ? 0 : status_of(status);
    clean_up(dir, name, status);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (signal != 0) {
        raise(signal);
    }
    return status;
}
