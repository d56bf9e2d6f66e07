/* ctl/service.c - writing the service folders, and talking to s6. */
#include "ctl/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_MS 10000
#define NOTIFY_FD "3" /* on which a process tells s6 that it is up (common/notify.h) */

int service_exec(void)
{
    static char text[3 * PATH_MAX];
    char *argv[32];
    size_t n = 0;
    ssize_t len;
    int fd = open("command", O_RDONLY | O_CLOEXEC);

    len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (len <= 0) {
        return ctl_fail("this is a service of causeway, and its file 'command' cannot be read: "
                        "run 'causeway down' and 'causeway up'");
    }
    /* word by word, NUL after each; the first is the folder to work in, "" for this one */
    for (char *p = text; p < text + len && n < 31; p += strlen(p) + 1) {
        argv[n++] = p;
    }
    argv[n] = NULL;
    if (argv[0][0] && chdir(argv[0]) != 0 && chdir("/") != 0) {
        return ctl_fail("cannot change to %s: %s", argv[0], strerror(errno));
    }
    if (argv[0][0]) {
        dup2(STDOUT_FILENO, STDERR_FILENO); /* to the logger */
        setenv("CAUSEWAY_NOTIFY_FD", NOTIFY_FD, 1);
    }
    close(fd);
    execvp(argv[1], argv + 1);
    return ctl_fail("cannot start %s: %s", argv[1], strerror(errno));
}

static int fail(char *why, size_t size, const char *path)
{
    int err = errno;

    snprintf(why, size, "%s: cannot be written: %s%s", path, strerror(err),
             err == EACCES ? ": run as root, or as the user that owns the run directory" : "");
    return -err;
}

static void service_dir(const struct ctl *c, enum topo_process p, char *path, size_t size)
{
    snprintf(path, size, "%s/s6/%s", c->run_dir, topo_process_name(p));
}

void service_log_path(const struct ctl *c, enum topo_process p, char *path, size_t size)
{
    snprintf(path, size, "%s/log/%s/current", c->run_dir, topo_process_name(p));
}

static int write_file(const char *path, const char *text, size_t len, char *why, size_t size)
{
    FILE *f = fopen(path, "we");

    if (!f) {
        return fail(why, size, path);
    }
    fwrite(text, len, 1, f);
    return fclose(f) == 0 ? 0 : fail(why, size, path);
}

/* Makes one service folder: 'run', a link to causeway, and 'command', its words. */
static int write_service(const struct ctl *c, const char *dir, const char *const *words, char *why,
                         size_t size)
{
    char path[2 * PATH_MAX], self[PATH_MAX + 16];
    FILE *f;

    if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
        return fail(why, size, dir);
    }
    snprintf(path, sizeof path, "%s/run", dir);
    snprintf(self, sizeof self, "%s/causeway", c->bin_dir);
    unlink(path);
    if (symlink(self, path) != 0) {
        return fail(why, size, path);
    }
    snprintf(path, sizeof path, "%s/command", dir);
    f = fopen(path, "we");
    if (!f) {
        return fail(why, size, path);
    }
    for (; *words; words++) {
        fwrite(*words, strlen(*words) + 1, 1, f);
    }
    return fclose(f) == 0 ? 0 : fail(why, size, path);
}

static int write_one(const struct ctl *c, enum topo_process p, char *why, size_t size)
{
    const char *name = topo_process_name(p);
    char dir[PATH_MAX + 32], log[PATH_MAX + 48], program[PATH_MAX + 32], cwd[PATH_MAX];
    char path[PATH_MAX + 64];
    /* In the folder where `up` was typed: relative names mean the same as by hand. */
    const char *words[] = {getcwd(cwd, sizeof cwd) ? cwd : "/", program,   "--run-dir", c->run_dir,
                           c->config[0] ? "--config" : NULL,    c->config, NULL};
    const char *log_words[] = {"", "s6-log", "n3", "s500000", log, NULL};
    int err;

    snprintf(program, sizeof program, "%s/%s", c->bin_dir, name);
    snprintf(log, sizeof log, "%s/log/%s", c->run_dir, name);
    service_dir(c, p, dir, sizeof dir);
    err = write_service(c, dir, words, why, size);
    if (err == 0) {
        snprintf(path, sizeof path, "%s/notification-fd", dir);
        err = write_file(path, NOTIFY_FD "\n", strlen(NOTIFY_FD) + 1, why, size);
    }
    if (err == 0) {
        snprintf(dir + strlen(dir), sizeof dir - strlen(dir), "/log");
        err = write_service(c, dir, log_words, why, size);
    }
    return err;
}

int service_write_all(const struct ctl *c, char *why, size_t size)
{
    static const char *const dirs[] = {"s6", "log", "s6/.s6-svscan"};
    char path[PATH_MAX + 64];
    int err = 0;

    for (unsigned i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", c->run_dir, dirs[i]);
        if (mkdir(path, 0750) != 0 && errno != EEXIST) {
            return fail(why, size, path);
        }
    }
    /* s6-svscan starts them as it finds them, and most memory file systems name the newest first:
     * so those that packets pass start before the browser's side. */
    for (unsigned p = TOPO_PROCESSES; p-- > 0 && err == 0;) {
        err = c->starts[p] ? write_one(c, (enum topo_process)p, why, size) : 0;
    }
    return err;
}

/* ---- programs ----------------------------------------------------------------------------- */

bool have_program(const char *name)
{
    const char *path = getenv("PATH");
    char full[PATH_MAX];

    for (path = path ? path : "/usr/bin:/bin"; *path; path += *path == ':') {
        size_t n = strcspn(path, ":");

        snprintf(full, sizeof full, "%.*s/%s", (int)n, path, name);
        if (access(full, X_OK) == 0) {
            return true;
        }
        path += n;
    }
    return false;
}

int run_program(const char *const *argv, char *out, size_t size)
{
    int pipe_fd[2], status = -1;
    size_t used = 0;
    pid_t pid;

    out[0] = '\0';
    if (pipe2(pipe_fd, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        return -1;
    }
    if (pid == 0) {
        dup2(pipe_fd[1], STDOUT_FILENO);
        dup2(pipe_fd[1], STDERR_FILENO);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(pipe_fd[1]);
    while (used + 1 < size) {
        ssize_t n = read(pipe_fd[0], out + used, size - 1 - used);

        if (n <= 0) {
            break;
        }
        used += (size_t)n;
    }
    out[used] = '\0';
    close(pipe_fd[0]);
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        return -1;
    }
    return WEXITSTATUS(status);
}

/* Is somebody there to read the FIFO?  s6's own test of a running supervisor. */
static bool fifo_read(const char *path)
{
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        return false;
    }
    close(fd);
    return true;
}

pid_t service_supervisor(const struct ctl *c)
{
    char path[PATH_MAX + 64];
    long pid = 0;
    FILE *f;

    snprintf(path, sizeof path, "%s/s6/.s6-svscan/control", c->run_dir);
    if (!fifo_read(path)) {
        return 0;
    }
    snprintf(path, sizeof path, "%s/s6/pid", c->run_dir);
    f = fopen(path, "re");
    if (!f || fscanf(f, "%ld", &pid) != 1) {
        pid = -1; /* it runs, whoever it is */
    }
    if (f) {
        fclose(f);
    }
    return (pid_t)pid;
}

/* In the child: s6-svscan in a session of its own, its words going to log/supervisor. */
static _Noreturn void become_svscan(const struct ctl *c)
{
    char path[PATH_MAX + 32];
    int in, out;
    FILE *f;

    setsid();
    snprintf(path, sizeof path, "%s/s6/pid", c->run_dir);
    f = fopen(path, "we");
    if (f) {
        fprintf(f, "%ld\n", (long)getpid());
        fclose(f);
    }
    snprintf(path, sizeof path, "%s/log/supervisor", c->run_dir);
    in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    dup2(in, STDIN_FILENO);
    dup2(out >= 0 ? out : in, STDOUT_FILENO);
    dup2(out >= 0 ? out : in, STDERR_FILENO);
    closefrom(3);
    snprintf(path, sizeof path, "%s/s6", c->run_dir);
    signal(SIGPIPE, SIG_DFL);
    execlp("s6-svscan", "s6-svscan", "-c", "16", path, (char *)NULL);
    _exit(127);
}

int service_start(const struct ctl *c, char *why, size_t size)
{
    uint64_t end = ctl_now_ms() + 5000;
    pid_t pid = fork();

    if (pid == 0) {
        become_svscan(c);
    }
    while (pid > 0 && service_supervisor(c) == 0 && ctl_now_ms() < end) {
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            break;
        }
        ctl_pause_ms(5);
    }
    if (pid < 0 || service_supervisor(c) == 0) {
        snprintf(why, size, "s6-svscan did not start: see %s/log/supervisor", c->run_dir);
        return -ECHILD;
    }
    return 0;
}

static void wait_gone(const struct ctl *c, pid_t pid)
{
    int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t end = ctl_now_ms() + STOP_MS;

    if (fd >= 0) {
        poll(&p, 1, STOP_MS);
        close(fd);
    }
    while (service_supervisor(c) != 0 && ctl_now_ms() < end) {
        ctl_pause_ms(10);
    }
}

/* Is any of the supervisors of one service still there? */
static bool supervised(const struct ctl *c, enum topo_process p, const char *log)
{
    char path[PATH_MAX + 96];

    snprintf(path, sizeof path, "%s/s6/%s%s/supervise/control", c->run_dir, topo_process_name(p),
             log);
    return fifo_read(path);
}

bool service_is(const struct ctl *c, enum topo_process p)
{
    return supervised(c, p, "");
}

static bool anything_left(const struct ctl *c)
{
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        if (supervised(c, (enum topo_process)p, "") ||
            supervised(c, (enum topo_process)p, "/log")) {
            return true;
        }
    }
    return service_supervisor(c) != 0;
}

static void kill_stuck(const struct ctl *c)
{
    char why[256];

    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        if (supervised(c, (enum topo_process)p, "")) {
            service_order(c, (enum topo_process)p, "-k", why, sizeof why);
        }
    }
}

int service_stop(const struct ctl *c, char *why, size_t size)
{
    char dir[PATH_MAX + 16], out[512];
    const char *argv[] = {"s6-svscanctl", "-t", dir, NULL};
    pid_t pid = service_supervisor(c);
    uint64_t end = ctl_now_ms() + STOP_MS;

    snprintf(dir, sizeof dir, "%s/s6", c->run_dir);
    if (run_program(argv, out, sizeof out) != 0) {
        snprintf(why, size, "s6-svscanctl could not stop %s: %s", dir,
                 out[0] ? out : "is s6 installed?");
        return -EIO;
    }
    wait_gone(c, pid);
    while (anything_left(c) && ctl_now_ms() < end) {
        if (ctl_now_ms() + STOP_MS / 2 > end) {
            kill_stuck(c); /* half of the time is gone: it does not want to */
        }
        ctl_pause_ms(10);
    }
    if (anything_left(c)) {
        snprintf(why, size, "the processes under %s did not end within %d s: see causeway status",
                 dir, STOP_MS / 1000);
        return -ETIMEDOUT;
    }
    return 0;
}

int service_add(const struct ctl *c, char *why, size_t size)
{
    char dir[PATH_MAX + 16], out[512];
    const char *argv[] = {"s6-svscanctl", "-a", dir, NULL};
    bool more = false;
    int err = 0;

    for (unsigned p = 0; p < TOPO_PROCESSES && err == 0; p++) {
        if (c->starts[p] && !service_is(c, (enum topo_process)p)) {
            err = write_one(c, (enum topo_process)p, why, size);
            more = true;
        }
    }
    snprintf(dir, sizeof dir, "%s/s6", c->run_dir);
    if (err == 0 && more && run_program(argv, out, sizeof out) != 0) {
        snprintf(why, size, "s6-svscanctl could not tell %s of new services: %s", dir,
                 out[0] ? out : "is s6 installed?");
        err = -EIO;
    }
    return err;
}

int service_order(const struct ctl *c, enum topo_process p, const char *order, char *why,
                  size_t size)
{
    char dir[PATH_MAX + 32], out[512];
    const char *argv[] = {"s6-svc", order, dir, NULL};

    service_dir(c, p, dir, sizeof dir);
    if (run_program(argv, out, sizeof out) != 0) {
        snprintf(why, size, "s6-svc could not reach %s: %s", topo_process_name(p),
                 out[0] ? out : "is s6 installed?");
        return -EIO;
    }
    return 0;
}

struct service service_look(const struct ctl *c, enum topo_process p)
{
    char dir[PATH_MAX + 32], out[512], up[8], want[8];
    const char *argv[] = {"s6-svstat", "-o", "up,wantedup,pid,exitcode", dir, NULL};
    struct service s = {.exit_code = -1};
    long pid;

    service_dir(c, p, dir, sizeof dir);
    if (!supervised(c, p, "") || run_program(argv, out, sizeof out) != 0 ||
        sscanf(out, "%7s %7s %ld %d", up, want, &pid, &s.exit_code) != 4) {
        return s;
    }
    s.known = true;
    s.up = strcmp(up, "true") == 0;
    s.want_up = strcmp(want, "true") == 0;
    s.pid = s.up ? (pid_t)pid : 0;
    return s;
}

/* ---- last words --------------------------------------------------------------------------- */

/* "2026-...Z router error sentence", or the same as JSON: the sentence.  Else all of the line. */
static const char *sentence_of(char *line)
{
    char *p = line;

    if (line[0] == '{') {
        json_t *object = json_loads(line, 0, NULL);
        const char *message = json_string_value(json_object_get(object, "message"));

        if (message && strlen(message) <= strlen(line)) {
            strcpy(line, message);
        }
        json_decref(object);
        return line;
    }
    if (strlen(line) < 25 || line[10] != 'T' || line[23] != 'Z') {
        char *colon = strstr(line, ": ");

        return colon && !memchr(line, ' ', (size_t)(colon - line)) ? colon + 2 : line;
    }
    for (int words = 0; words < 3 && p; words++) {
        p = strchr(p, ' ');
        p = p ? p + 1 : NULL;
    }
    return p ? p : line;
}

void service_last_words(const struct ctl *c, enum topo_process p, char *text, size_t size)
{
    char path[PATH_MAX + 64], line[2048], last[2048] = "";
    FILE *f;

    service_log_path(c, p, path, sizeof path);
    text[0] = '\0';
    f = fopen(path, "re");
    if (!f) {
        return;
    }
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0]) {
            memcpy(last, line, sizeof last);
        }
    }
    fclose(f);
    snprintf(text, size, "%s", sentence_of(last));
}
