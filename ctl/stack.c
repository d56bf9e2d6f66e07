/* ctl/stack.c - what is known of each process: what shm/view says, and its supervisor. */
#include <stdio.h>
#include <string.h>

#include "common/control.h"
#include "ctl/ctl.h"
#include "ctl/service.h"
#include "shm/view/view.h"

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
        int n = (int)strcspn(words, " \t");
        enum topo_process p = 0;

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

bool stack_is_called(const char *pid, const char *name)
{
    char path[64], comm[32] = "";
    FILE *f;

    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    f = fopen(path, "re");
    if (f) {
        if (!fgets(comm, sizeof comm, f)) {
            comm[0] = '\0';
        }
        fclose(f);
    }
    comm[strcspn(comm, "\n")] = '\0';
    return strcmp(comm, name) == 0;
}

bool stack_has(const struct ctl *c, enum topo_process p)
{
    struct role_row row;
    bool alive;

    return c->starts[p] || service_is(c, p) ||
           role_look(c->run_dir, topo_process_name(p), &row, &alive);
}

/* A process as `status` shows it: with what its supervisor knows. */
static json_t *with_supervisor(const struct ctl *c, enum topo_process p, json_t *seen)
{
    struct service s = service_look(c, p);
    const char *name = topo_process_name(p), *keys[] = {"restarts", "pid", "uptime_s"};
    bool alive = json_is_true(json_object_get(seen, "alive"));
    json_t *o = json_pack("{s:s s:O s:O s:O s:b}", "process", name, "state",
                          json_object_get(seen, "state"), "text", json_object_get(seen, "text"),
                          "alive", json_object_get(seen, "alive"), "supervised", (int)s.known);

    for (unsigned i = 0; i < 3; i++) {
        json_object_set(o, keys[i], json_object_get(seen, keys[i]));
    }
    if (!alive && s.known && s.want_up) {
        bool again = json_integer_value(json_object_get(seen, "starts")) > 0;

        json_object_set_new(o, "state", json_string(again ? "restarting" : "starting"));
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
    json_t *seen = show_rows(c, "processes", NULL), *list = json_array();

    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        if (stack_has(c, (enum topo_process)p)) {
            json_array_append_new(
                list, with_supervisor(c, (enum topo_process)p, json_array_get(seen, p)));
        }
    }
    json_decref(seen);
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
