/* ctl/up.c - starts the stack and waits until it routes, or says what it waits for. */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/service.h"

#define LOOK_MS 2   /* between two looks whether all have come up */
#define FULL_MS 300 /* so often their supervisor is asked, which sees those that fail */

/* Everything that can be found wrong before anything is started.  Returns 0 or an exit status. */
static int check_settings(const struct ctl *c)
{
    json_t *mistakes, *one;
    int status = 0;
    size_t i;

    mistakes = settings_check(c->config[0] ? c->config : NULL);
    json_array_foreach(mistakes, i, one)
    {
        status = ctl_fail("%s", json_string_value(one)) + 1;
    }
    json_decref(mistakes);
    return status;
}

static int check_programs(const struct ctl *c)
{
    char path[PATH_MAX + 32];

    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        snprintf(path, sizeof path, "%s/%s", c->bin_dir, topo_process_name((enum topo_process)p));
        if (c->starts[p] && access(path, X_OK) != 0) {
            return ctl_fail("%s cannot be started (%s): build it with 'make'", path,
                            strerror(errno));
        }
    }
    if (!have_program("s6-svscan") || !have_program("s6-log")) {
        return ctl_fail("s6, which supervises the processes, is not installed: apt-get install s6");
    }
    return 0;
}

static int check_run_dir(const struct ctl *c)
{
    struct statfs fs;
    struct stat st;

    int err = topo_make_run_dir(c->run_dir);

    if (err != 0) {
        return ctl_fail("cannot make the run directory %s: %s: %s", c->run_dir, strerror(-err),
                        err == -EACCES ? "run as root, or give another with --run-dir"
                                       : "make the folder that it is in, or give another with "
                                         "--run-dir");
    }
    if (stat(c->run_dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return ctl_fail("run directory %s is not a folder: give another with --run-dir",
                        c->run_dir);
    }
    if (access(c->run_dir, R_OK | W_OK | X_OK) != 0) {
        return ctl_fail("no permission to write to the run directory %s: run as root, or as the "
                        "user that owns it",
                        c->run_dir);
    }
    if (statfs(c->run_dir, &fs) == 0 && fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC) {
        fprintf(stderr,
                "causeway: warning: %s is not on a memory file system, so the kernel "
                "will write the rings to disk now and then: --run-dir /dev/shm/causeway "
                "avoids that\n",
                c->run_dir);
    }
    return 0;
}

/* Nobody may run there without our supervisor. */
static int check_strangers(const struct ctl *c)
{
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        const char *name = topo_process_name((enum topo_process)p);
        struct role_row row;

        if (role_alive(c->run_dir, name, &row)) {
            return ctl_fail("%s, PID %llu, runs in %s already, started by hand: stop it first "
                            "(kill %llu), or give another --run-dir",
                            name, (unsigned long long)row.pid, c->run_dir,
                            (unsigned long long)row.pid);
        }
    }
    return 0;
}

enum progress { STARTING, RUNNING, WAITING, ROUTING, FAILED };

/* Where the stack has come to: it routes when those that packets pass are ready, whatever the
 * browser's side still waits for.  A process that ended with a fault before it was ever ready fails
 * the start; s6 would try it for ever. */
static enum progress look(const json_t *processes)
{
    const json_t *p;
    enum progress now = RUNNING;
    bool starting = false;
    size_t i;

    json_array_foreach(processes, i, p)
    {
        const char *state = json_string_value(json_object_get(p, "state"));
        bool waits = strcmp(state, "waiting") == 0;
        enum topo_process which;

        if (json_object_get(p, "exit_status")) {
            return FAILED;
        }
        starting |= !waits && strcmp(state, "ready") != 0;
        if (ctl_process(json_string_value(json_object_get(p, "process")), &which) &&
            stack_routes(which)) {
            now = waits || now == WAITING ? WAITING : ROUTING;
        }
    }
    return starting ? STARTING : now;
}

static int report_failure(const struct ctl *c, const json_t *processes, bool timed_out)
{
    const json_t *p;
    size_t i;

    json_array_foreach(processes, i, p)
    {
        const char *name = json_string_value(json_object_get(p, "process"));
        const char *text = json_string_value(json_object_get(p, "text"));
        const char *state = json_string_value(json_object_get(p, "state"));

        if (json_object_get(p, "exit_status")) {
            ctl_fail("%s did not start: %s", name, text[0] ? text : "it said nothing");
        } else if (timed_out && strcmp(state, "ready") != 0 && strcmp(state, "waiting") != 0) {
            ctl_fail("%s was still %s when time was up: see causeway logs %s", name, state, name);
        }
    }
    (void)c;
    return 1;
}

/* What each says of itself: cheap to look at.  The supervisor is asked by a program for each
 * process, which would take the core from those that start. */
static bool all_came_up(const struct ctl *c)
{
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        struct role_row row;

        if (c->starts[p] &&
            (!role_alive(c->run_dir, topo_process_name((enum topo_process)p), &row) ||
             (row.state != ROLE_WAITING && row.state != ROLE_READY))) {
            return false;
        }
    }
    return true;
}

/* Waits for the processes; '*processes' is how they are then. */
static enum progress wait_for_start(const struct ctl *c, double seconds, json_t **processes)
{
    uint64_t end = ctl_now_ms() + (uint64_t)(seconds * 1000), full = ctl_now_ms() + FULL_MS;

    for (;;) {
        enum progress now;

        while (!all_came_up(c) && ctl_now_ms() < full) {
            ctl_pause_ms(LOOK_MS);
        }
        full = ctl_now_ms() + FULL_MS;
        *processes = stack_processes(c);
        now = look(*processes);
        if (now != STARTING || ctl_now_ms() >= end) {
            return now;
        }
        json_decref(*processes);
        ctl_pause_ms(LOOK_MS);
    }
}

/* Where a browser finds the stack: what a ready webterm says of itself. */
static void say_page(const json_t *processes)
{
    const json_t *p;
    size_t i;

    json_array_foreach(processes, i, p)
    {
        const char *text = json_string_value(json_object_get(p, "text"));

        if (strcmp(json_string_value(json_object_get(p, "process")), "webterm") == 0 &&
            strncmp(text, "http", 4) == 0) {
            printf("In a browser: %s\n", text);
        }
    }
}

static void say_next(const struct ctl *c, enum progress now)
{
    const char *dir = strcmp(c->run_dir, "/run/causeway") == 0 ? "" : " --run-dir ";
    const char *name = dir[0] ? c->run_dir : "";

    if (now == RUNNING) {
        printf("\nThat is all that [stack] start names; none of it routes.\n");
    } else if (now == ROUTING) {
        printf("\nThe stack routes.  Next: %s/causeway status%s%s\n", c->bin_dir, dir, name);
    } else {
        printf("\nThe stack runs and waits, as the table says.  Point a switch at it "
               "(sudo lab/lab up makes one), then: %s/causeway wait%s%s\n",
               c->bin_dir, dir, name);
    }
}

static int report(const struct ctl *c, const json_t *processes, enum progress now, bool started)
{
    if (c->json) {
        ctl_print_json(c,
                       json_pack("{s:s s:b s:b s:O}", "run_dir", c->run_dir, "started",
                                 (int)started, "routing", now == ROUTING, "processes", processes));
        return 0;
    }
    printf(started ? "Causeway started in %s\n\n" : "Causeway runs already in %s\n\n", c->run_dir);
    say_page(processes);
    status_summary(c, processes);
    say_next(c, now);
    return 0;
}

static int start(const struct ctl *c)
{
    char why[PATH_MAX + 200];
    int status = check_programs(c);

    status = status ? status : check_settings(c);
    status = status ? status : check_run_dir(c);
    status = status ? status : check_strangers(c);
    if (status != 0) {
        return status;
    }
    if (service_write_all(c, why, sizeof why) != 0 || service_start(c, why, sizeof why) != 0) {
        return ctl_fail("%s", why);
    }
    return 0;
}

/* The stack runs; what it was not started with is added. */
static int start_more(const struct ctl *c)
{
    char why[PATH_MAX + 200];

    return service_add(c, why, sizeof why) == 0 ? 0 : ctl_fail("%s", why);
}

int cmd_up(struct ctl *c)
{
    bool runs = service_supervisor(c) != 0, timed_out;
    double seconds = 10;
    char why[PATH_MAX + 200];
    json_t *processes;
    enum progress now;
    int status;

    if (c->argc == 3 && strcmp(c->argv[1], "--timeout") == 0) {
        if (!ctl_seconds(c, "--timeout", c->argv[2], 0.1, &seconds)) {
            return 2;
        }
    } else if (c->argc > 1) {
        return ctl_usage(c, "up: unknown word '%s'", c->argv[1]);
    }
    status = runs ? start_more(c) : start(c);
    if (status != 0) {
        return status;
    }
    now = wait_for_start(c, seconds, &processes);
    timed_out = now == STARTING;
    if (now == FAILED || timed_out) {
        status = report_failure(c, processes, timed_out);
        if (!runs && now == FAILED) {
            if (service_stop(c, why, sizeof why) != 0) {
                ctl_fail("%s", why);
            }
            fprintf(stderr, "causeway: nothing was left running\n");
        }
    } else {
        status = report(c, processes, now, !runs);
    }
    json_decref(processes);
    return status;
}
