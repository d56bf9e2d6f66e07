/* webterm/api.h - REST: what causeway show shows and a few orders, under /api/v1; health,
 * readiness, version, metrics.  docs/openapi.yaml describes it.
 *
 *     a = api_open(http, live, run_dir, why, sizeof why);   before the sandbox; live may be NULL
 *     api_start(a);                                         in it
 *     api_stop(a);  http_hang_up(...);  api_close(a);         those who wait are told in between */
#ifndef WEBTERM_API_H
#define WEBTERM_API_H

#include "webterm/collect.h"
#include "webterm/http.h"
#include "webterm/live.h"

struct api {
    struct http *h;
    struct collect *c;
    struct live *live;
    struct http_timer restart_self, tables;
    bool tables_due;
};

/* Returns NULL after a sentence in 'why'. */
struct api *api_open(struct http *h, struct live *live, const char *run_dir, char *why,
                     size_t why_size);
void api_start(struct api *a);
void api_stop(struct api *a);
void api_close(struct api *a);

/* ---- what api*.c share ------------------------------------------------------------------------
 */

/* A problem (RFC 9457) whose member "field" names what is wrong; NULL: nothing of the request. */
void api_problem(struct http_request *q, int status, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A request for a topic: 'answer' is called once, now or when there is a text. */
struct api_wait {
    struct collect_wait wait; /* first; api_get's */
    struct api *a;
    struct http_request *q;
    bool open; /* OpenMetrics */
    void (*answer)(const struct api_wait *at, const struct collect_text *text);
};
void api_get(const struct api_wait *words, enum collect_topic topic);
/* A question to a worker, answered when it is done. */
struct api_job {
    struct collect_job job;
    struct api *a;
    struct http_request *q; /* NULL: the peer has gone */
    char name[64];          /* of a process, a switch, an address */
    char filter[256];
    const char *topic, *method;
    json_t *params;
    bool all;
    int status; /* to answer with, when it is not 200 */
    const char *field;
    struct collect_text *text;
};
/* Begins one, or answers that there are too many; takes over j->params. */
void api_ask(struct api *a, struct http_request *q, enum collect_worker worker,
             void (*work)(struct collect_job *j), const struct api_job *words);

void api_switch_routes(struct api *a); /* api_switch.c: flows, ports, groups, ... */
void api_change_routes(struct api *a); /* api_change.c: routes, neighbours, restarts */
void api_health_routes(struct api *a); /* api_health.c: /healthz, /readyz, /version, /metrics */
void api_live_topics(struct api *a);   /* api_live.c: "stack" and "tables" of /ws/live */

#endif
