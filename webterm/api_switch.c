/* webterm/api_switch.c - GET /api/v1/flows, ports, groups, meters, tables, queues?switch=NAME:
 * asked of the switch for each request. */
#include <string.h>

#include "shm/view/switch.h"
#include "webterm/api.h"

struct switch_route {
    struct api *a;
    const char *topic;
};

/* What an answer of the switch is over HTTP, and what of the request is to blame. */
static int status_of(enum switch_shown shown, const char **field)
{
    *field = shown == SWITCH_WRONG ? "filter" : shown == SWITCH_NONE ? "switch" : NULL;
    return shown == SWITCH_WRONG     ? 400
           : shown == SWITCH_NONE    ? 404
           : shown == SWITCH_UNKNOWN ? 503
                                     : 502;
}

static void work(struct collect_job *job)
{
    struct api_job *j = (struct api_job *)job;
    const struct switch_words w = {
        .topic = j->topic, .name = j->name[0] ? j->name : NULL, .filter = j->filter, .all = j->all};
    json_t *rows = json_array();
    char why[1500] = "";
    enum switch_shown shown = switch_rows_of(job->run_dir, &w, rows, why, sizeof why);
    int status = status_of(shown, &j->field);

    if (shown != SWITCH_WHOLE && json_array_size(rows) == 0) {
        json_decref(rows);
        rows = NULL;
    }
    j->text = collect_text(rows, status, why);
}

/* False: it has been answered. */
static bool word(struct http_request *q, const char *name, char *value, size_t size)
{
    char longer[512];

    value[0] = '\0';
    if (http_query(q, name, value, size) || !http_query(q, name, longer, sizeof longer)) {
        return true;
    }
    api_problem(q, 400, name, "%s has over %zu characters: give a shorter one", name, size - 1);
    return false;
}

static void on_switch(void *context, struct http_request *q)
{
    const struct switch_route *r = context;
    struct api_job words = {.topic = r->topic};
    char all[8];

    if (!word(q, "switch", words.name, sizeof words.name) ||
        !word(q, "filter", words.filter, sizeof words.filter) || !word(q, "all", all, sizeof all)) {
        return;
    }
    if (words.filter[0] && strcmp(r->topic, "flows") != 0) {
        api_problem(q, 400, "filter", "filter is of flows alone: leave it out");
    } else if (all[0] && strcmp(all, "true") != 0 && strcmp(all, "false") != 0) {
        api_problem(q, 400, "all", "all is '%s', expected true or false", all);
    } else {
        words.all = strcmp(all, "true") == 0;
        api_ask(r->a, q, WORKER_OFPROXY, work, &words);
    }
}

void api_switch_routes(struct api *a)
{
    static const char *const topics[][2] = {
        {"/api/v1/flows", "flows"},   {"/api/v1/ports", "ports"},   {"/api/v1/groups", "groups"},
        {"/api/v1/meters", "meters"}, {"/api/v1/tables", "tables"}, {"/api/v1/queues", "queues"}};
    static struct switch_route routes[6];

    for (unsigned i = 0; i < 6; i++) {
        routes[i] = (struct switch_route){a, topics[i][1]};
        http_route(a->h, "GET", topics[i][0], HTTP_VIEWER, on_switch, &routes[i]);
    }
}
