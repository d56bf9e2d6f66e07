/* ctl/restart.c - restarts processes and measures how long each was away. */
#include <stdio.h>
#include <string.h>

#include "common/loop.h"
#include "ctl/ctl.h"
#include "ctl/service.h"

#define RESTART_MS 15000
#define HURRY_MS 10

static bool seen(const struct ctl *c, enum topo_process p, struct role_row *row)
{
    return role_alive(c->run_dir, topo_process_name(p), row);
}

/* Waits for a later start than 'before', in as good a state.  Returns the outage in ms, or -1. */
static double wait_back(const struct ctl *c, enum topo_process p, const struct role_row *before,
                        struct role_row *after)
{
    uint64_t start = loop_now_ns();
    bool hurried = false;
    char why[PATH_MAX];

    for (;;) {
        double ms = (double)(loop_now_ns() - start) / 1e6;

        if (seen(c, p, after) && role_is_back(before, after)) {
            return ms;
        }
        if (ms > RESTART_MS) {
            return -1;
        }
        if (!hurried && !seen(c, p, after)) { /* s6 starts it once a second; it was asked for */
            hurried = ms > HURRY_MS && service_order(c, p, "-u", why, sizeof why) == 0;
        }
        ctl_pause_ms(1);
    }
}

static int restart_one(const struct ctl *c, enum topo_process p, bool hard, json_t *list)
{
    const char *name = topo_process_name(p);
    struct role_row before = {0}, after = {0};
    struct service s = service_look(c, p);
    char why[PATH_MAX];
    double ms;

    seen(c, p, &before);
    if (!s.known) {
        return ctl_fail("%s is not supervised in %s: %s", name, c->run_dir,
                        before.pid ? "it was started by hand, so stop and start it by hand"
                                   : "start the stack with 'causeway up'");
    }
    /* -r: SIGTERM and then again; -k: SIGKILL, and its supervisor starts it again */
    if (service_order(c, p, s.up ? (hard ? "-k" : "-r") : "-u", why, sizeof why) != 0) {
        return ctl_fail("%s", why);
    }
    ms = wait_back(c, p, &before, &after);
    if (ms < 0) {
        return ctl_fail("%s did not come back within %d s: see causeway logs %s", name,
                        RESTART_MS / 1000, name);
    }
    json_array_append_new(list, json_pack("{s:s s:I s:I s:f s:s}", "process", name, "pid_before",
                                          (json_int_t)before.pid, "pid", (json_int_t)after.pid,
                                          "outage_ms", ms, "state",
                                          role_state_name((enum role_state)after.state)));
    if (!c->json) {
        printf("%s restarted: PID %llu is now %llu, %s again after %.0f ms\n", name,
               (unsigned long long)before.pid, (unsigned long long)after.pid,
               role_state_name((enum role_state)after.state), ms);
    }
    return 0;
}

int cmd_restart(struct ctl *c)
{
    bool hard = false, all = false, which[TOPO_PROCESSES] = {false};
    bool supervisor = service_supervisor(c) != 0;
    json_t *list;
    unsigned n = 0;
    int status = 0;

    for (int i = 1; i < c->argc; i++) {
        enum topo_process p;

        if (strcmp(c->argv[i], "--kill") == 0) {
            hard = true;
        } else if (strcmp(c->argv[i], "all") == 0) {
            all = true;
        } else if (ctl_process(c->argv[i], &p)) {
            which[p] = true;
            n++;
        } else {
            return ctl_usage(c, "there is no process '%s', expected %s", c->argv[i],
                             ctl_process_names("all"));
        }
    }
    if (n == 0 && !all) {
        return ctl_usage(c, "restart needs a process: %s", ctl_process_names("all"));
    }
    list = json_array();
    for (unsigned p = 0; p < TOPO_PROCESSES && status == 0; p++) {
        if (which[p] || (all && (service_is(c, (enum topo_process)p) || !supervisor))) {
            status = restart_one(c, (enum topo_process)p, hard, list);
        }
    }
    if (c->json && status == 0) {
        ctl_print_json(c, json_incref(list));
    }
    json_decref(list);
    return status;
}
