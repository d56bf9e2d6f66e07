/* webterm/api.c - topics over HTTP; what all of the interface shares. */
#include "webterm/api.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "webterm/http_text.h"

/* A sentence may quote a peer's bytes that are no UTF-8, or end within a character. */
static void make_ascii(char *text)
{
    for (; *text; text++) {
        *text = (unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e ? '?' : *text;
    }
}

void api_problem(struct http_request *q, int status, const char *field, const char *format, ...)
{
    char sentence[900], *body;
    va_list args;
    json_t *o;

    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    make_ascii(sentence);
    o = json_pack("{s:s s:s s:i s:s}", "type", "about:blank", "title", http_reason(status),
                  "status", status, "detail", sentence);
    if (field) {
        json_object_set_new(o, "field", json_string(field));
    }
    body = json_dumps(o, JSON_COMPACT);
    http_answer(q, status, "application/problem+json",
                status == 503 || status == 429 ? "retry-after: 1\r\n" : NULL, body ? body : "{}",
                body ? strlen(body) : 2);
    free(body);
    json_decref(o);
}

/* JSON with its ETag, 304 where the peer has it already, or the problem that a text is. */
static void answer(struct http_request *q, const struct collect_text *text)
{
    char headers[500], lacks[sizeof text->lacks];

    if (text->status != 200) {
        api_problem(q, text->status, NULL, "%s", text->body);
        return;
    }
    snprintf(lacks, sizeof lacks, "%s", text->lacks);
    make_ascii(lacks);
    snprintf(headers, sizeof headers, "etag: %s\r\ncache-control: no-cache\r\n%s%s%s", text->etag,
             lacks[0] ? "causeway-lacks: " : "", lacks, lacks[0] ? "\r\n" : "");
    if (http_etag_matches(http_header(q, "if-none-match"), text->etag)) {
        http_answer(q, 304, NULL, headers, "", 0);
    } else {
        http_answer(q, 200, "application/json", headers, text->body, text->len);
    }
}

/* ---- topics ------------------------------------------------------------------------------- */

struct topic_route {
    struct api *a;
    enum collect_topic topic;
};

static void ready(struct collect_wait *w, const struct collect_text *text)
{
    struct api_wait *at = (struct api_wait *)w;

    at->answer(at, text);
    free(at);
}

static void gone(void *context, struct http_request *q)
{
    struct api_wait *at = context;

    (void)q;
    collect_cancel(&at->wait);
    free(at);
}

void api_get(const struct api_wait *words, enum collect_topic topic)
{
    struct api_wait *at = malloc(sizeof *at);
    const struct collect_text *text;

    if (!at) {
        api_problem(words->q, 503, NULL, "out of memory: try again");
        return;
    }
    *at = *words;
    at->wait.ready = ready;
    text = collect_get(at->a->c, topic, &at->wait);
    if (text) {
        ready(&at->wait, text);
    } else {
        http_later(at->q, gone, at);
    }
}

static void answer_topic(const struct api_wait *at, const struct collect_text *text)
{
    answer(at->q, text);
}

static void on_topic(void *context, struct http_request *q)
{
    const struct topic_route *r = context;

    api_get(&(struct api_wait){.a = r->a, .q = q, .answer = answer_topic}, r->topic);
}

static void topic_routes(struct api *a)
{
    static const enum collect_topic shown[] = {
        COLLECT_STATUS,     COLLECT_PROCESSES, COLLECT_RINGS,    COLLECT_COUNTERS, COLLECT_VERDICTS,
        COLLECT_INTERFACES, COLLECT_VHOSTS,    COLLECT_SWITCHES, COLLECT_ROUTES,   COLLECT_ARP,
        COLLECT_BRIDGES,    COLLECT_INGRESS,   COLLECT_LATENCY};
    static struct topic_route routes[sizeof shown / sizeof shown[0]];
    static char paths[sizeof shown / sizeof shown[0]][40];

    for (unsigned i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        routes[i] = (struct topic_route){a, shown[i]};
        snprintf(paths[i], sizeof paths[i], "/api/v1/%s", collect_name(shown[i]));
        http_route(a->h, "GET", paths[i], HTTP_VIEWER, on_topic, &routes[i]);
    }
}

/* ---- jobs --------------------------------------------------------------------------------- */

static void job_free(struct api_job *j)
{
    json_decref(j->params);
    free(j->text);
    free(j);
}

static void job_done(struct collect_job *job)
{
    struct api_job *j = (struct api_job *)job;

    if (j->q && !j->text) {
        api_problem(j->q, 503, NULL, "out of memory: try again");
    } else if (j->q && j->text->status != 200) {
        api_problem(j->q, j->text->status, j->field, "%s", j->text->body);
    } else if (j->q && j->status != 200) {
        http_answer(j->q, j->status, "application/json", NULL, j->text->body, j->text->len);
    } else if (j->q) {
        answer(j->q, j->text);
    }
    job_free(j);
}

static void job_gone(void *context, struct http_request *q)
{
    struct api_job *j = context;

    (void)q;
    j->q = NULL;
}

void api_ask(struct api *a, struct http_request *q, enum collect_worker worker,
             void (*work)(struct collect_job *j), const struct api_job *words)
{
    struct api_job *j = malloc(sizeof *j);

    if (!j) {
        json_decref(words->params);
        api_problem(q, 503, NULL, "out of memory: try again");
        return;
    }
    *j = *words;
    j->job = (struct collect_job){.worker = worker, .work = work, .done = job_done};
    j->a = a;
    j->q = q;
    j->status = j->status ? j->status : 200;
    if (!collect_do(a->c, &j->job)) {
        job_free(j);
        api_problem(q, 503, NULL, "%d requests wait for that process already: try again",
                    COLLECT_JOBS);
        return;
    }
    http_later(q, job_gone, j);
}

/* ---- from beginning to end ---------------------------------------------------------------- */

struct api *api_open(struct http *h, struct live *live, const char *run_dir, char *why,
                     size_t why_size)
{
    struct api *a = calloc(1, sizeof *a);

    if (!a) {
        snprintf(why, why_size, "no memory for the interface: free some");
        return NULL;
    }
    a->h = h;
    a->live = live;
    a->c = collect_open(h, run_dir, why, why_size);
    if (!a->c) {
        free(a);
        return NULL;
    }
    topic_routes(a);
    api_switch_routes(a);
    api_change_routes(a);
    api_health_routes(a);
    if (live) {
        api_live_topics(a);
    }
    return a;
}

void api_start(struct api *a)
{
    collect_start(a->c);
}

void api_stop(struct api *a)
{
    collect_stop(a->c);
}

void api_close(struct api *a)
{
    collect_close(a->c);
    free(a);
}
