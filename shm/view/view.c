/* shm/view/view.c - finds the function that a topic has. */
#include "shm/view/view.h"

#include <stdio.h>
#include <string.h>

#include "common/control.h"
#include "shm/view/switch.h"
#include "shm/view/topics.h"

static const struct topic {
    const char *name;
    view_topic *show; /* NULL: of a switch */
    bool asks;
} topics[] = {{"arp", view_arp, true},
              {"bridges", view_bridges, true},
              {"counters", view_counters, false},
              {"flows", NULL, true},
              {"frames", view_frames, false},
              {"groups", NULL, true},
              {"ingress", view_ingress, false},
              {"interfaces", view_interfaces, false},
              {"latency", view_latency, false},
              {"meters", NULL, true},
              {"ports", NULL, true},
              {"processes", view_processes, true},
              {"quarantine", view_quarantine, false},
              {"queues", NULL, true},
              {"rings", view_rings, false},
              {"routes", view_routes, true},
              {"sessions", view_sessions, false},
              {"switches", view_switches, true},
              {"tables", NULL, true},
              {"verdicts", view_verdicts, false},
              {"vhosts", view_vhosts, false}};
#define N_TOPICS (sizeof topics / sizeof topics[0])

static const struct topic *find(const char *name)
{
    for (unsigned i = 0; i < N_TOPICS; i++) {
        if (strcmp(topics[i].name, name) == 0) {
            return &topics[i];
        }
    }
    return NULL;
}

bool view_asks(const char *topic)
{
    const struct topic *t = find(topic);

    return t && t->asks;
}

json_t *view_show(const char *run_dir, const char *topic, const json_t *params, char *why,
                  size_t why_size)
{
    const struct topic *t = find(topic);

    why[0] = '\0';
    if (!t) {
        snprintf(why, why_size, "there is no topic '%.40s': see causeway help", topic);
        return NULL;
    }
    return t->show ? t->show(run_dir, params, why, why_size)
                   : switch_topic(run_dir, t->name, params, why, why_size);
}

/* ---- what the topics share ---------------------------------------------------------------- */

json_t *view_call(const char *run_dir, const char *process, const char *method, json_t *params,
                  char *why, size_t size)
{
    return control_call(run_dir, process, method, params, VIEW_ANSWER_MS, why, size);
}

void view_put_dpid(json_t *o, uint64_t dpid)
{
    char text[20];

    snprintf(text, sizeof text, "0x%016llx", (unsigned long long)dpid);
    json_object_set_new(o, "dpid", json_string(text));
}

void view_never_ran(const char *run_dir, const char *process, char *why, size_t size)
{
    snprintf(why, size,
             "%s has not run in %s, or was of another build: start the stack with 'causeway up'",
             process, run_dir);
}

void view_no_counters(const char *run_dir, char *why, size_t size)
{
    snprintf(why, size,
             "there are no counters in %s, or they are of another build: start the stack with "
             "'causeway up'",
             run_dir);
}
