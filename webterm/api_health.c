/* webterm/api_health.c - for those who watch over it: /healthz, /readyz, /version, /metrics, and
 * the description of the interface. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/topo.h"
#include "webterm/api.h"
#include "webterm/metrics.h"
#include "webterm/openapi.h"

/* ---- health ------------------------------------------------------------------------------- */

/* That it answers is the answer. */
static void healthz(void *context, struct http_request *q)
{
    static const char body[] = "{\"status\":\"ok\"}\n";

    (void)context;
    http_answer_static(q, 200, "application/json", "cache-control: no-store\r\n", body,
                       sizeof body - 1);
}

static void answer_readyz(const struct api_wait *at, const struct collect_text *text)
{
    static const char yes[] = "{\"ready\":true";
    bool is = text->status == 200 && strncmp(text->body, yes, sizeof yes - 1) == 0;

    if (text->status != 200) {
        api_problem(at->q, 503, NULL, "%s", text->body);
        return;
    }
    http_answer(at->q, is ? 200 : 503, "application/json", "cache-control: no-store\r\n",
                text->body, text->len);
}

static void readyz(void *context, struct http_request *q)
{
    api_get(&(struct api_wait){.a = context, .q = q, .answer = answer_readyz}, COLLECT_READY);
}

static void version(void *context, struct http_request *q)
{
    char body[100];

    (void)context;
    snprintf(body, sizeof body, "{\"version\":\"%s\",\"shm_abi\":%d}\n", CAUSEWAY_VERSION, SHM_ABI);
    http_answer(q, 200, "application/json", "cache-control: no-cache\r\n", body, strlen(body));
}

/* ---- metrics ------------------------------------------------------------------------------ */

/* webterm's own, which only the loop knows. */
static void own(struct metrics *m, const struct http *h)
{
    struct http_counts n;

    http_count(h, &n);
    metrics_family(m, "webterm_connections", "gauge", "Connections of browsers and programs, now.");
    text_say(&m->text, "causeway_webterm_connections %u\n", n.connections);
    metrics_family(m, "webterm_websockets", "gauge", "Those of them that are WebSockets, now.");
    text_say(&m->text, "causeway_webterm_websockets %u\n", n.websockets);
    metrics_family(m, "webterm_requests", "counter", "HTTP requests answered.");
    text_say(&m->text, "causeway_webterm_requests_total %llu\n", (unsigned long long)n.requests);
    metrics_family(m, "webterm_sent_bytes", "counter",
                   "Bytes sent to browsers and programs, before TLS.");
    text_say(&m->text, "causeway_webterm_sent_bytes_total %llu\n",
             (unsigned long long)n.sent_bytes);
    if (m->open) {
        text_say(&m->text, "# EOF\n");
    }
}

static void answer_metrics(const struct api_wait *at, const struct collect_text *text)
{
    struct metrics m = {.open = at->open};
    char more[2048], *body;
    size_t len;

    if (text->status != 200) {
        api_problem(at->q, text->status, NULL, "%s", text->body);
        return;
    }
    text_open(&m.text, more, sizeof more);
    own(&m, at->a->h);
    len = text->len + strlen(more);
    body = malloc(len);
    if (!body) {
        api_problem(at->q, 503, NULL, "out of memory: try again");
        return;
    }
    memcpy(body, text->body, text->len);
    memcpy(body + text->len, more, len - text->len);
    http_answer(at->q, 200,
                at->open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                         : "text/plain; version=0.0.4; charset=utf-8",
                "cache-control: no-store\r\nvary: accept\r\n", body, len);
    free(body);
}

static void metrics(void *context, struct http_request *q)
{
    bool open = strstr(http_header(q, "accept"), "application/openmetrics-text") != NULL;

    api_get(&(struct api_wait){.a = context, .q = q, .open = open, .answer = answer_metrics},
            open ? COLLECT_OPENMETRICS : COLLECT_METRICS);
}

/* ---- the description ---------------------------------------------------------------------- */

static void openapi_yaml(void *context, struct http_request *q)
{
    (void)context;
    http_answer_static(q, 200, "application/yaml", "cache-control: no-cache\r\n", openapi_yaml_text,
                       openapi_yaml_len);
}

static void openapi_json(void *context, struct http_request *q)
{
    (void)context;
    http_answer_static(q, 200, "application/json", "cache-control: no-cache\r\n", openapi_json_text,
                       openapi_json_len);
}

void api_health_routes(struct api *a)
{
    http_route(a->h, "GET", "/healthz", HTTP_ANYONE, healthz, a);
    http_route(a->h, "GET", "/readyz", HTTP_ANYONE, readyz, a);
    http_route(a->h, "GET", "/version", HTTP_VIEWER, version, a);
    http_route(a->h, "GET", "/metrics", HTTP_VIEWER, metrics, a);
    http_route(a->h, "GET", "/api/v1/openapi.yaml", HTTP_VIEWER, openapi_yaml, a);
    http_route(a->h, "GET", "/api/v1/openapi.json", HTTP_VIEWER, openapi_json, a);
}
