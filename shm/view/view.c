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
} topics[] = {{"arp", view_arp},
              {"bridges", view_bridges},
              {"counters", view_counters},
              {"flows", NULL},
              {"frames", view_frames},
              {"groups", NULL},
              {"ingress", view_ingress},
              {"interfaces", view_interfaces},
              {"latency", view_latency},
              {"meters", NULL},
              {"ports", NULL},
              {"processes", view_processes},
              {"quarantine", view_quarantine},
              {"queues", NULL},
              {"rings", view_rings},
              {"routes", view_routes},
              {"sessions", view_sessions},
              {"switches", view_switches},
              {"tables", NULL},
              {"verdicts", view_verdicts},
              {"vhosts", view_vhosts}};
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

json_t *view_there(const char *run_dir, const char *topic)
{
    char why[900];
    json_t *value = view_show(run_dir, topic, NULL, why, sizeof why);

    return value ? value : json_array();
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
