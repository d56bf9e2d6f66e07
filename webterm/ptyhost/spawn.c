/* webterm/ptyhost/spawn.c - a program on a terminal of its own. */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/beside.h"
#include "webterm/ptyhost/ptyhost.h"

/* ---- its words and its environment --------------------------------------------------------- */

static void split(struct spawn_program *p)
{
    size_t n = 0, most = sizeof p->argv / sizeof p->argv[0] - 1;
    char *rest = p->words, *word;

    while (n < most && (word = strsep(&rest, " \t"))) {
        if (word[0]) {
            p->argv[n++] = word;
        }
    }
    p->argv[n] = NULL;
}

/* Nothing of ptyhost's own: a session is the same however ptyhost was started.  What settles the
 * lab stays. */
static void environment(struct spawn_program *p)
{
    static char home[PATH_MAX + 8] = "HOME=/";
    static char *const fixed[] = {
        "TERM=xterm-256color", "LANG=C.UTF-8",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", home};
    size_t n = sizeof fixed / sizeof fixed[0], most = sizeof p->envp / sizeof p->envp[0] - 1;
    const char *own = getenv("HOME");

    if (own && own[0] == '/') {
        snprintf(home, sizeof home, "HOME=%s", own);
    }
    memcpy(p->envp, fixed, sizeof fixed);
    for (char **e = environ; *e && n < most; e++) {
        if (strncmp(*e, "CAUSEWAY_", 9) == 0 && strncmp(*e, "CAUSEWAY_NOTIFY_FD=", 19) != 0) {
            p->envp[n++] = *e;
        }
    }
    p->envp[n] = NULL;
}

void spawn_program(struct spawn_program *p, const char *command, const char *run_dir)
{
    char lab[PATH_MAX];

    *p = (struct spawn_program){0};
    if (command[strspn(command, " \t")]) {
        snprintf(p->words, sizeof p->words, "%s", command);
        snprintf(p->text, sizeof p->text, "%.*s", (int)sizeof p->text - 1, command);
        split(p);
    } else {
        beside_find(lab, sizeof lab, "lab/lab", X_OK);
        snprintf(p->words, sizeof p->words, "%s", lab);
        snprintf(p->text, sizeof p->text, "%.200s console", lab);
        p->argv[0] = p->words; /* a folder's name may have a blank */
        p->argv[1] = "console";
        p->argv[2] = "--run-dir";
        p->argv[3] = (char *)(uintptr_t)run_dir;
    }
    environment(p);
}

/* ---- starting ------------------------------------------------------------------------------ */

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0) {
        return;
    }
}

/* In the child, beside a thread that may have held any lock: only what is safe in a signal handler.
 * A disposition that is ignored stays so across exec, and ^C with it. */
static _Noreturn void become(const struct spawn_program *p, int slave)
{
    static const unsigned long by_default[4 + NSIG / 64]; /* the kernel's struct, all zeroes */
    sigset_t none;

    for (int sig = 1; sig < NSIG; sig++) {
        /* not by signal(): the C library keeps two for itself, which may be ignored, too */
        syscall(SYS_rt_sigaction, sig, by_default, NULL, NSIG / 8);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    if (ioctl(slave, TIOCSCTTY, 0) != 0 || dup2(slave, STDIN_FILENO) < 0 ||
        dup2(slave, STDOUT_FILENO) < 0 || dup2(slave, STDERR_FILENO) < 0) {
        _exit(126);
    }
    close_range(3, ~0u, 0);
    umask(022);
    if (chdir(p->envp[3] + strlen("HOME=")) != 0 && chdir("/") != 0) {
        _exit(126);
    }
    execvpe(p->argv[0], p->argv, p->envp);
    say("cannot start ");
    say(p->argv[0]);
    say(": ");
    say(strerrordesc_np(errno)); /* a constant, unlike strerror's */
    say(": see [ptyhost] command in the settings\r\n");
    _exit(127);
}

/* Returns the slave's side, or -1 with errno. */
static int open_terminal(uint16_t cols, uint16_t rows, int *master)
{
    const struct winsize size = {.ws_col = cols, .ws_row = rows};
    int slave = -1;

    *master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (*master >= 0 && grantpt(*master) == 0 && unlockpt(*master) == 0 &&
        ioctl(*master, TIOCSWINSZ, &size) == 0) {
        slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    }
    return slave;
}

/* As a terminal emulator's: UTF-8 is erased by characters. */
static void tune(int slave)
{
    struct termios t;

    if (tcgetattr(slave, &t) == 0) {
        t.c_iflag |= IUTF8;
        tcsetattr(slave, TCSANOW, &t);
    }
}

int spawn_start(const struct spawn_program *p, uint16_t cols, uint16_t rows, struct spawned *s)
{
    int slave = open_terminal(cols, rows, &s->master), err = errno;

    s->process = -1;
    s->pid = -1;
    if (slave >= 0) {
        tune(slave);
        s->pid = fork();
        err = errno;
        if (s->pid == 0) {
            become(p, slave);
        }
        close(slave);
    }
    if (s->pid > 0) {
        s->process = pidfd_open(s->pid, 0);
        err = errno;
    }
    if (s->process < 0) {
        if (s->pid > 0) {
            kill(s->pid, SIGKILL);
        }
        if (s->master >= 0) {
            close(s->master);
        }
        return -err;
    }
    return 0;
}
