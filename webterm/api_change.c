/* webterm/api_change.c - what changes something: routes, neighbours, restarts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/control.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/notify.h"
#include "shm/topo.h"
#include "shm/view/view.h"
#include "webterm/api.h"

#define RESTART_MS 15000
#define SELF_US 100000 /* for the answer to leave, before webterm itself ends */

/* ---- bodies ------------------------------------------------------------------------------- */

struct member {
    const char *name;
    bool boolean, needed; /* a text, unless boolean */
    const char *example;
};

/* The body as an object of these members.  NULL: it has been answered. */
static json_t *object_of(struct http_request *q, const struct member *members, unsigned n)
{
    size_t len;
    const char *body = http_body(q, &len), *key;
    json_error_t wrong;
    json_t *o = len ? json_loadb(body, len, JSON_REJECT_DUPLICATES, &wrong) : json_object(), *value;

    if (!json_is_object(o)) {
        api_problem(q, 400, NULL, "the body is no JSON object%s%s", o ? "" : ": ",
                    o ? "" : wrong.text);
        json_decref(o);
        return NULL;
    }
    for (unsigned i = 0; i < n; i++) {
        value = json_object_get(o, members[i].name);
        if (value ? members[i].boolean ? !json_is_boolean(value) : !json_is_string(value)
                  : members[i].needed) {
            api_problem(q, 422, members[i].name, "%s is %s, expected %s", members[i].name,
                        value ? "of another type" : "missing", members[i].example);
            json_decref(o);
            return NULL;
        }
    }
    json_object_foreach(o, key, value)
    {
        unsigned i = 0;

        while (i < n && strcmp(members[i].name, key) != 0) {
            i++;
        }
        if (i == n) {
            api_problem(q, 422, key, "there is no member %.60s here: leave it out", key);
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

/* ---- the router's tables ------------------------------------------------------------------ */

/* What a refusal is over HTTP, and the field that its sentence begins with. */
static int refusal(const char *why, const char **field)
{
    static const char *const fields[] = {"destination", "gateway", "interface", "address"};

    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strncmp(why, fields[i], strlen(fields[i])) == 0) {
            *field = fields[i];
        }
    }
    return strstr(why, "did not answer within")   ? 504
           : strstr(why, " is not running in ")   ? 503
           : strstr(why, "closed the connection") ? 503
           : strstr(why, "try again")             ? 503
           : strncmp(why, "there is no route", 17) == 0 ||
                   strncmp(why, "there is no neighbour", 21) == 0
               ? 404
               : 422;
}

static void ask_router(struct collect_job *job)
{
    struct api_job *j = (struct api_job *)job;
    char why[512] = "";
    json_t *answer = control_call(job->run_dir, "router", j->method, json_incref(j->params),
                                  VIEW_ANSWER_MS, why, sizeof why);

    j->text = collect_text(answer, answer ? 0 : refusal(why, &j->field), why);
}

static void change(struct api *a, struct http_request *q, const char *method, json_t *params,
                   int status)
{
    char *words = json_dumps(params, JSON_COMPACT);

    log_info("asked for %s %s by=%s", method, words ? words : "", http_peer(q));
    free(words);
    api_ask(a, q, WORKER_ROUTER, ask_router,
            &(struct api_job){.method = method, .params = params, .status = status});
}

static void add_route(void *context, struct http_request *q)
{
    static const struct member members[] = {
        {"destination", false, true, "a prefix such as \"10.0.0.0/8\""},
        {"gateway", false, false, "an address such as \"10.0.1.100\""},
        {"interface", false, true, "an interface such as \"eth3\""}};
    json_t *params = object_of(q, members, 3);

    if (params) {
        change(context, q, "route.add", params, 201);
    }
}

static void delete_route(void *context, struct http_request *q)
{
    change(context, q, "route.del", json_pack("{s:s}", "destination", http_rest(q)), 200);
}

static void flush_arp(void *context, struct http_request *q)
{
    change(context, q, "arp.flush", json_object(), 200);
}

static void delete_arp(void *context, struct http_request *q)
{
    change(context, q, "arp.del", json_pack("{s:s}", "address", http_rest(q)), 200);
}

/* ---- restarts ----------------------------------------------------------------------------- */

/* Waits for a later start, in as good a state.  Returns false when it does not come. */
static bool wait_back(const struct collect_job *job, const char *name,
                      const struct role_row *before, struct role_row *after, uint64_t begun)
{
    const struct timespec pause = {0, 1000000};

    for (;;) {
        if (role_alive(job->run_dir, name, after) && role_is_back(before, after)) {
            return true;
        }
        if (loop_now_ns() - begun > RESTART_MS * 1000000ull || collect_stops(job)) {
            return false;
        }
        nanosleep(&pause, NULL);
    }
}

static void restart(struct collect_job *job)
{
    struct api_job *j = (struct api_job *)job;
    struct role_row before = {0}, after = {0};
    uint64_t begun = loop_now_ns();
    json_t *answer, *value = NULL;
    char why[700] = "";
    int status = 409;

    role_alive(job->run_dir, j->name, &before);
    answer = control_call(job->run_dir, j->name, "restart", json_incref(j->params), VIEW_ANSWER_MS,
                          why, sizeof why);
    if (!answer && strstr(why, "did not answer within")) {
        status = 504;
        snprintf(why, sizeof why,
                 "%s does not answer: stopped, or it hangs; kill -CONT %llu, or causeway restart "
                 "--kill %s",
                 j->name, (unsigned long long)before.pid, j->name);
    } else if (!answer && strstr(why, " is not running in ")) {
        status = 503;
    } else if (answer && !wait_back(job, j->name, &before, &after, begun)) {
        status = 504;
        snprintf(why, sizeof why, "%s did not come back within %d s: see causeway logs %s", j->name,
                 RESTART_MS / 1000, j->name);
    } else if (answer) {
        value = json_pack("{s:s s:I s:I s:f s:s}", "process", j->name, "pid_before",
                          (json_int_t)before.pid, "pid", (json_int_t)after.pid, "outage_ms",
                          (double)(loop_now_ns() - begun) / 1e6, "state",
                          role_state_name((enum role_state)after.state));
    }
    json_decref(answer);
    j->text = collect_text(value, status, why);
}

/* webterm cannot tell when it is back: it answers, then it goes. */
static void ask_self(struct collect_job *job)
{
    char why[512];

    json_decref(control_call(job->run_dir, topo_process_name(TOPO_WEBTERM), "restart", NULL,
                             VIEW_ANSWER_MS, why, sizeof why));
}

static bool asks_self; /* the one job there is for it waits, or is done, at most once at a time */

static void forget(struct collect_job *job)
{
    (void)job;
    asks_self = false;
}

static void restart_self(struct http_timer *t)
{
    static struct collect_job job = {.worker = WORKER_RESTART, .work = ask_self, .done = forget};
    struct api *a = (struct api *)(void *)((char *)t - offsetof(struct api, restart_self));

    asks_self = asks_self || collect_do(a->c, &job);
}

static void begin_restart(struct api *a, struct http_request *q, const char *name, json_t *params)
{
    struct role_row row = {0};
    struct api_job words = {.params = params};
    char body[100];

    log_info("asked for a restart of %s hard=%d by=%s", name,
             json_is_true(json_object_get(params, "hard")), http_peer(q));
    if (strcmp(name, topo_process_name(TOPO_WEBTERM)) == 0 && !notify_supervised()) {
        json_decref(params);
        api_problem(q, 409, NULL,
                    "nobody would start it again, for no supervisor runs it: stop and start it by "
                    "hand");
        return;
    }
    if (strcmp(name, topo_process_name(TOPO_WEBTERM)) == 0) {
        role_alive(collect_run_dir(a->c), name, &row);
        snprintf(body, sizeof body, "{\"process\":\"webterm\",\"pid_before\":%llu}\n",
                 (unsigned long long)row.pid);
        json_decref(params);
        http_answer(q, 202, "application/json", NULL, body, strlen(body));
        a->restart_self.fire = restart_self;
        http_timer_set(a->h, &a->restart_self, SELF_US);
        return;
    }
    snprintf(words.name, sizeof words.name, "%s", name);
    api_ask(a, q, WORKER_RESTART, restart, &words);
}

/* /api/v1/processes/NAME/restart */
static void on_process(void *context, struct http_request *q)
{
    static const struct member members[] = {{"hard", true, false, "true or false"}};
    const char *rest = http_rest(q), *slash = strchr(rest, '/');
    size_t len = slash ? (size_t)(slash - rest) : strlen(rest);
    json_t *params;

    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        const char *name = topo_process_name((enum topo_process)p);

        if (strlen(name) == len && strncmp(name, rest, len) == 0 && slash &&
            strcmp(slash, "/restart") == 0) {
            params = object_of(q, members, 1);
            if (params) {
                begin_restart(context, q, name, params);
            }
            return;
        }
    }
    if (slash && strcmp(slash, "/restart") == 0) {
        api_problem(q, 404, "process",
                    "there is no process '%.*s': expected ofproxy, vnsbridge, router, ptyhost or "
                    "webterm",
                    (int)(len < 40 ? len : 40), rest);
    } else {
        api_problem(q, 404, NULL, "of a process there is only .../restart: see docs/api.md");
    }
}

void api_change_routes(struct api *a)
{
    http_route(a->h, "POST", "/api/v1/routes", HTTP_OPERATOR, add_route, a);
    http_route(a->h, "DELETE", "/api/v1/routes/*", HTTP_OPERATOR, delete_route, a);
    http_route(a->h, "DELETE", "/api/v1/arp", HTTP_OPERATOR, flush_arp, a);
    http_route(a->h, "DELETE", "/api/v1/arp/*", HTTP_OPERATOR, delete_arp, a);
    http_route(a->h, "POST", "/api/v1/processes/*", HTTP_OPERATOR, on_process, a);
}
