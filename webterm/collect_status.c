/* webterm/collect_status.c - the topic "status": as causeway status --json, without what a
 * supervisor knows. */
#include <string.h>

#include "shm/view/topics.h"
#include "webterm/collect.h"

json_t *collect_status(const char *run_dir, bool *silent)
{
    json_t *processes = json_array();

    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        silent[p] = view_silent(run_dir, (enum topo_process)p);
        json_array_append_new(processes, view_process_as(run_dir, (enum topo_process)p, silent[p]));
    }
    return json_pack("{s:s s:s s:o s:o s:o s:o}", "run_dir", run_dir, "version", CAUSEWAY_VERSION,
                     "processes", processes, "rings", view_there(run_dir, "rings"), "frames",
                     view_there(run_dir, "frames"), "quarantine",
                     view_there(run_dir, "quarantine"));
}

json_t *collect_ready(const char *run_dir)
{
    static const enum topo_process needed[] = {TOPO_OFPROXY, TOPO_VNSBRIDGE, TOPO_ROUTER};
    json_t *reasons = json_array();

    for (unsigned i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        json_t *o = view_process_as(run_dir, needed[i], view_silent(run_dir, needed[i]));
        const char *state = json_string_value(json_object_get(o, "state"));

        if (strcmp(state, "ready") != 0) {
            json_array_append_new(reasons, json_pack("{s:s s:s s:O}", "process",
                                                     topo_process_name(needed[i]), "state", state,
                                                     "text", json_object_get(o, "text")));
        }
        json_decref(o);
    }
    return json_pack("{s:b s:o}", "ready", json_array_size(reasons) == 0, "reasons", reasons);
}
