/* ctl/stack.c - what is known of each process: its role, and its supervisor. */
#include <stdio.h>
#include <string.h>

#include "common/control.h"
#include "ctl/ctl.h"
#include "ctl/service.h"

#define PING_MS 500 /* answered in well under one */

bool ctl_process(const char *word, enum topo_process *p)
{
    unsigned found = 0;

    for (unsigned i = 0; i < TOPO_PROCESSES; i++) {
        if (word[0] && strncmp(topo_process_name((enum topo_process)i), word, strlen(word)) == 0) {
            *p = (enum topo_process)i;
            found++;
        }
    }
    return found == 1;
}

const char *ctl_process_names(const char *more)
{
    static char text[200];
    size_t n = 0;

    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        const char *before = p == 0 ? "" : p + 1 == TOPO_PROCESSES && !more ? " or " : ", ";

        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", before,
                              topo_process_name((enum topo_process)p));
    }
    snprintf(text + n, sizeof text - n, "%s%s", more ? " or " : "", more ? more : "");
    return text;
}

bool ctl_starts(bool starts[TOPO_PROCESSES], const char *words, char *why, size_t size)
{
    memset(starts, 0, TOPO_PROCESSES * sizeof *starts);
    for (words += strspn(words, " \t"); *words; words += strspn(words, " \t")) {
        int n = (int)strcspn(words, " \t"), p = 0;

        while (p < TOPO_PROCESSES && (strncmp(words, topo_process_name(p), (size_t)n) != 0 ||
                                      topo_process_name(p)[n] != '\0')) {
            p++;
        }
        if (p == TOPO_PROCESSES) {
            snprintf(why, size, "start has '%.*s', which is no process, expected %s",
                     n < 60 ? n : 60, words, ctl_process_names(NULL));
            return false;
        }
        starts[p] = true;
        words += n;
    }
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        if (starts[p]) {
            return true;
        }
    }
    snprintf(why, size, "start is empty, expected one or more of %s", ctl_process_names(NULL));
    return false;
}

bool stack_routes(enum topo_process p)
{
    return p != TOPO_PTYHOST && p != TOPO_WEBTERM;
}

bool stack_has(const struct ctl *c, enum topo_process p)
{
    struct role_row row;
    bool alive;

    return c->starts[p] || service_is(c, p) ||
           role_look(c->run_dir, topo_process_name(p), &row, &alive);
}

/* Alive is not at work: one that was stopped (SIGSTOP), or hangs, holds its role all the same. Only
 * silence counts; one that has no control socket yet is starting. */
static bool is_silent(const struct ctl *c, const char *name)
{
    uint64_t begun = ctl_now_ms();
    char why[512];
    json_t *answer = control_call(c->run_dir, name, "ping", NULL, PING_MS, why, sizeof why);

    json_decref(answer);
    return !answer && ctl_now_ms() - begun >= PING_MS;
}

json_t *stack_process(const struct ctl *c, enum topo_process p)
{
    const char *name = topo_process_name(p), *state;
    struct service s = service_look(c, p);
    struct role_row row = {0};
    bool alive;
    bool known = role_look(c->run_dir, name, &row, &alive);
    json_t *o;

    if (alive && known && is_silent(c, name)) {
        state = "silent";
        snprintf(row.text, sizeof row.text,
                 "does not answer: stopped, or it hangs; kill -CONT %llu, or causeway restart "
                 "--kill %s",
                 (unsigned long long)row.pid, name);
    } else if (alive && known) {
        state = role_state_name((enum role_state)row.state);
    } else if (s.known && s.want_up) {
        state = row.starts ? "restarting" : "starting";
    } else {
        state = "down";
    }
    o = json_pack("{s:s s:s s:s s:b s:b s:I}", "process", name, "state", state, "text",
                  alive ? row.text : "", "alive", (int)alive, "supervised", (int)s.known,
                  "restarts", (json_int_t)(row.starts > 1 ? row.starts - 1 : 0));
    if (alive) {
        json_object_set_new(o, "pid", json_integer((json_int_t)row.pid));
        json_object_set_new(o, "uptime_s",
                            json_real(((double)ctl_now_ms() - (double)row.start_ns / 1e6) / 1e3));
    }
    if (!alive && s.exit_code > 0) {
        char last[512];

        service_last_words(c, p, last, sizeof last);
        json_object_set_new(o, "text", json_string(last));
        json_object_set_new(o, "exit_status", json_integer(s.exit_code));
    }
    return o;
}

json_t *stack_processes(const struct ctl *c)
{
    json_t *list = json_array();

    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        if (stack_has(c, (enum topo_process)p)) {
            json_array_append_new(list, stack_process(c, (enum topo_process)p));
        }
    }
    return list;
}

json_t *stack_call(const struct ctl *c, const char *process, const char *method, json_t *params)
{
    char why[512] = "";
    json_t *answer =
        control_call(c->run_dir, process, method, params, CTL_ANSWER_MS, why, sizeof why);

    if (!answer) {
        ctl_fail("%s", why);
    }
    return answer;
}
