/* shm/view/view_process.c - what is known of each process by its role and its control socket. */
#include <stdio.h>
#include <time.h>

#include "common/control.h"
#include "common/loop.h"
#include "shm/view/topics.h"

#define PING_MS 500 /* answered in well under one */

/* Alive is not at work: one that was stopped (SIGSTOP), or hangs, holds its role all the same. Only
 * silence counts; one that has no control socket yet is starting. */
bool view_silent(const char *run_dir, enum topo_process p)
{
    uint64_t begun = loop_now_ns();
    char why[512];
    json_t *answer =
        control_call(run_dir, topo_process_name(p), "ping", NULL, PING_MS, why, sizeof why);

    json_decref(answer);
    return !answer && loop_now_ns() - begun >= PING_MS * 1000000ull;
}

static double uptime(const struct role_row *row)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (double)now.tv_sec + (double)(now.tv_nsec / 1000000) / 1e3 - (double)row->start_ns / 1e9;
}

json_t *view_process_as(const char *run_dir, enum topo_process p, bool silent)
{
    const char *name = topo_process_name(p), *state = "down";
    struct role_row row = {0};
    bool alive, known = role_look(run_dir, name, &row, &alive);
    json_t *o;

    if (alive && known && silent) {
        state = "silent";
        snprintf(row.text, sizeof row.text,
                 "does not answer: stopped, or it hangs; kill -CONT %llu, or causeway restart "
                 "--kill %s",
                 (unsigned long long)row.pid, name);
    } else if (alive && known) {
        state = role_state_name((enum role_state)row.state);
    }
    o = json_pack("{s:s s:s s:s s:b s:I s:I}", "process", name, "state", state, "text",
                  alive ? row.text : "", "alive", (int)alive, "starts", (json_int_t)row.starts,
                  "restarts", (json_int_t)(row.starts > 1 ? row.starts - 1 : 0));
    if (alive) {
        json_object_set_new(o, "pid", json_integer((json_int_t)row.pid));
        json_object_set_new(o, "uptime_s", json_real(uptime(&row)));
    }
    return o;
}

json_t *view_processes(const char *run_dir, const json_t *params, char *why, size_t size)
{
    json_t *list = json_array();

    (void)params, (void)why, (void)size;
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        json_array_append_new(list, view_process_as(run_dir, (enum topo_process)p,
                                                    view_silent(run_dir, (enum topo_process)p)));
    }
    return list;
}
