/* ctl/trace.c - `causeway trace`: where a frame's time goes, hop by hop, as the kernel sees it. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/trace_kernel.h"
#include "ctl/trace_report.h"

#define LOOK_MS 50 /* for processes that were restarted */

struct trace {
    struct ctl *c;
    struct trace_kernel *kernel;
    double duration; /* seconds; 0: until told to stop */
    uint64_t begun_ms, shown_ms;
    uint64_t starts[TRACE_PROCESSES]; /* as the role has them; 0: not followed */
    struct trace_report now, before, shown;
};

/* ---- who they are ------------------------------------------------------------------------- */

/* Does that process have this file open?  Its role's, it alone has. */
static bool has_open(const char *pid, const struct stat *role)
{
    char path[300];
    struct dirent *e;
    bool found = false;
    DIR *d;

    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    d = opendir(path);
    while (d && !found && (e = readdir(d))) {
        struct stat file;

        snprintf(path, sizeof path, "/proc/%.20s/fd/%.20s", pid, e->d_name);
        found = e->d_name[0] != '.' && stat(path, &file) == 0 && file.st_ino == role->st_ino &&
                file.st_dev == role->st_dev;
    }
    if (d) {
        closedir(d);
    }
    return found;
}

/* The PID, here, of the role's holder: what it says itself is its number in a namespace of its own,
 * when it runs in a container.  0: not found. */
static uint32_t find_pid(const struct ctl *c, const char *name, uint64_t told)
{
    char path[PATH_MAX + 64], text[24];
    uint32_t found = 0;
    struct stat role;
    struct dirent *e;
    DIR *d;

    snprintf(path, sizeof path, "%s/%s.role", c->run_dir, name);
    snprintf(text, sizeof text, "%llu", (unsigned long long)told);
    if (stat(path, &role) != 0) {
        return 0;
    }
    if (has_open(text, &role)) {
        return (uint32_t)told;
    }
    d = opendir("/proc");
    while (d && found == 0 && (e = readdir(d))) {
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && stack_is_called(e->d_name, name) &&
            has_open(e->d_name, &role)) {
            found = (uint32_t)strtoul(e->d_name, NULL, 10);
        }
    }
    if (d) {
        closedir(d);
    }
    return found;
}

/* Is it alive?  Else a sentence says so. */
static bool runs(const struct ctl *c, enum trace_process p, struct role_row *row, char *why,
                 size_t size)
{
    const char *name = topo_process_name((enum topo_process)p);

    if (role_alive(c->run_dir, name, row)) {
        return true;
    }
    snprintf(why, size, "%s does not run in %.300s: start it with 'causeway up'", name, c->run_dir);
    return false;
}

/* Follows a process that is new since the last look.  Returns 0; 1 while it is away; -1, with a
 * sentence, when it cannot be followed. */
static int look_at(struct trace *t, enum trace_process p, char *why, size_t size)
{
    const char *name = topo_process_name((enum topo_process)p);
    struct role_row row;
    uint32_t pid;

    if (!runs(t->c, p, &row, why, size)) {
        return 1;
    }
    if (row.starts == t->starts[p]) {
        return 0;
    }
    pid = find_pid(t->c, name, row.pid);
    if (pid == 0) {
        snprintf(why, size,
                 "the process of %.95s/%s.role is not to be seen in /proc: run trace as root, "
                 "on the machine that it runs on",
                 t->c->run_dir, name);
        return 1;
    }
    if (trace_follow(t->kernel, p, pid, why, size) != 0) {
        return -1;
    }
    t->now.pid[p] = pid;
    t->now.restarts[p] += t->starts[p] != 0;
    t->starts[p] = row.starts;
    return 0;
}

/* While traced: whoever is away may come back.  Returns 0, or 1 with a sentence. */
static int look_at_all(struct trace *t, char *why, size_t size)
{
    bool all = true;

    for (unsigned p = 0; p < TRACE_PROCESSES; p++) {
        int status = look_at(t, (enum trace_process)p, why, size);

        if (status < 0) {
            return 1;
        }
        all &= status == 0 || t->starts[p] == 0;
    }
    if (all) {
        trace_forget_others(t->kernel);
    }
    return 0;
}

/* ---- what they do ------------------------------------------------------------------------- */

static void measure(struct trace *t)
{
    for (unsigned row = 0; row < TRACE_ROWS; row++) {
        histogram_snapshot(trace_row(t->kernel, (enum trace_row)row), &t->now.rows[row]);
    }
    t->now.seen = *trace_seen(t->kernel);
    t->now.tcp = trace_sees_tcp(t->kernel);
}

/* What came since the last look, or, when 'whole', all. */
static void show(struct trace *t, bool whole)
{
    uint64_t now_ms = ctl_now_ms();

    measure(t);
    t->shown = t->now;
    t->shown.whole = whole;
    t->shown.seconds = (double)(now_ms - (whole ? t->begun_ms : t->shown_ms)) / 1e3;
    for (unsigned row = 0; row < TRACE_ROWS && !whole; row++) {
        histogram_since(&t->shown.rows[row], &t->before.rows[row]);
    }
    t->before = t->now;
    t->shown_ms = now_ms;
    if (t->c->json) {
        ctl_print_json(t->c, trace_json(&t->shown));
    } else {
        if (t->c->colour && !whole) {
            printf("\033[H\033[2J");
        }
        trace_print(&t->shown);
        printf("%s", whole ? "" : "\n");
    }
    fflush(stdout);
}

static int follow(struct trace *t)
{
    uint64_t each_ms = (uint64_t)((t->c->watch_s > 0 ? t->c->watch_s : 1) * 1000);
    bool live = !t->c->json || t->c->watch_s > 0;
    char why[500];

    trace_begin(t->kernel);
    t->begun_ms = t->shown_ms = ctl_now_ms();
    while (!ctl_stopped() &&
           (t->duration <= 0 || (double)(ctl_now_ms() - t->begun_ms) < t->duration * 1000)) {
        ctl_pause_ms(LOOK_MS);
        if (look_at_all(t, why, sizeof why) != 0) {
            return ctl_fail("%s", why);
        }
        if (live && ctl_now_ms() - t->shown_ms >= each_ms) {
            show(t, false);
        }
        if (ferror(stdout)) {
            return ctl_fail("cannot write: %s", strerror(errno));
        }
    }
    show(t, true);
    return 0;
}

/* These must run at the start; a VNS client may stand in for the router. */
static bool stack_runs(const struct ctl *c, char *why, size_t size)
{
    struct role_row row;

    return runs(c, TRACE_IS_OFPROXY, &row, why, size) &&
           runs(c, TRACE_IS_VNSBRIDGE, &row, why, size);
}

static int begin(struct trace *t)
{
    char why[500];
    int status;

    /* others have to be told of their rights first */
    if (geteuid() == 0 && !stack_runs(t->c, why, sizeof why)) {
        return ctl_fail("%s", why);
    }
    t->kernel = trace_load(why, sizeof why);
    if (!t->kernel) {
        return ctl_fail("%s", why);
    }
    for (unsigned p = 0; p < TRACE_PROCESSES; p++) {
        int away = look_at(t, (enum trace_process)p, why, sizeof why);

        if (away < 0 || (away > 0 && p != TRACE_IS_ROUTER)) {
            trace_unload(t->kernel);
            return ctl_fail("%s", why);
        }
    }
    status = follow(t);
    trace_unload(t->kernel);
    return status;
}

int cmd_trace(struct ctl *c)
{
    struct trace *t;
    double duration = 0;
    int status;

    for (int i = 1; i < c->argc; i++) {
        char *rest;

        if (strcmp(c->argv[i], "--duration") != 0 || i + 1 >= c->argc) {
            return ctl_usage(c, "trace: unknown word '%s', expected --duration SECONDS",
                             c->argv[i]);
        }
        duration = strtod(c->argv[++i], &rest);
        if (*rest != '\0' || !(duration > 0 && duration <= 86400)) {
            return ctl_usage(c, "--duration is '%s', expected seconds over 0, up to 86400",
                             c->argv[i]);
        }
    }
    t = calloc(1, sizeof *t);
    if (!t) {
        return ctl_fail("out of memory");
    }
    t->c = c;
    t->duration = duration;
    ctl_catch_signals(SA_RESTART);
    status = begin(t);
    free(t);
    return status;
}
