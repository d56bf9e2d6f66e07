/* webterm/term_rest.c - sessions and recordings for programs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "webterm/term_parts.h"
#include "webterm/term_text.h"

#define FRESH "cache-control: no-store\r\n"

static void answer_json(struct http_request *q, int status, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);

    if (text) {
        http_answer(q, status, "application/json", FRESH, text, strlen(text));
    } else {
        http_problem(q, 500, "no memory for the answer");
    }
    free(text);
    json_decref(value);
}

/* ---- sessions ------------------------------------------------------------------------------ */

static json_t *session_json(const struct term_session *s)
{
    const struct terminal_row *r = &s->row;
    char epoch[24];

    snprintf(epoch, sizeof epoch, "%" PRIu64, r->epoch);
    return json_pack("{s:i,s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:f,s:s,s:i,s:s,s:b}", "session", (int)s->n,
                     "name", r->name, "epoch", epoch, "state", term_state_name(s), "status",
                     r->status >= 0 ? r->status : 0, "signal", r->status < 0 ? -r->status : 0,
                     "cols", r->cols, "rows", r->rows, "started", (double)r->start_ns / 1e9,
                     "command", r->command, "viewers", (int)term_viewers(s), "driver",
                     s->driver ? s->driver->name : "", "recording", s->record.fd >= 0);
}

json_t *term_sessions(const struct term *t)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < t->n_sessions; i++) {
        if (t->session[i].row.state != PTY_FREE) {
            json_array_append_new(list, session_json(&t->session[i]));
        }
    }
    return json_pack("{s:o}", "sessions", list);
}

static void list_sessions(void *context, struct http_request *q)
{
    answer_json(q, 200, term_sessions(context));
}

static void open_session(void *context, struct http_request *q)
{
    size_t len;
    const char *body = http_body(q, &len);
    json_t *given = len ? json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL) : json_object();
    const char *kind = json_string_value(json_object_get(given, "kind"));
    const char *name = json_string_value(json_object_get(given, "name"));
    json_t *params = json_object();

    if (!json_is_object(given) || (kind && strcmp(kind, "lab") != 0)) {
        http_problem(q, 400, "expected an object, as {\"kind\": \"lab\"}: there is no other kind");
        json_decref(params);
    } else {
        if (name) {
            json_object_set_new(params, "name", json_string(name));
        }
        term_ask(context, q, "session.open", params);
    }
    json_decref(given);
}

/* What follows the number in the path; NULL: there is no such session, and that is answered. */
static const char *which(struct term *t, struct http_request *q, struct term_session **s)
{
    const char *rest = http_rest(q);
    char *end;
    unsigned long n = strtoul(rest, &end, 10);

    if (end == rest || n >= t->n_sessions || t->session[n].row.epoch == 0 ||
        t->session[n].row.state == PTY_FREE || (*end != '\0' && *end != '/')) {
        http_problem(q, 404, "there is no session %.40s: see /api/v1/sessions", rest);
        return NULL;
    }
    *s = &t->session[n];
    return end;
}

/* All that the scroll-back holds; the writer may overtake, and what it took is left out. */
static size_t read_all(struct term_session *s, uint8_t *bytes, size_t size)
{
    uint64_t at;
    size_t len = 0;
    ssize_t n;

    pty_look(&s->pty, &s->look);
    at = s->look.start;
    while (len < size && (n = pty_read(&s->pty, at, bytes + len, size - len)) != 0) {
        if (n < 0) {
            pty_look(&s->pty, &s->look);
            if (at >= s->look.start) {
                break; /* it writes faster than this reads */
            }
            at = s->look.start;
            continue;
        }
        at += (uint64_t)n;
        len += (size_t)n;
    }
    return len;
}

static void answer_text(struct term_session *s, struct http_request *q)
{
    uint8_t *bytes = malloc(PTY_OUTPUT);
    size_t len;

    if (!bytes) {
        http_problem(q, 500, "no memory for the answer");
        return;
    }
    len = term_text(bytes, read_all(s, bytes, PTY_OUTPUT));
    http_answer(q, 200, "text/plain; charset=utf-8", FRESH, bytes, len);
    free(bytes);
}

static void get_session(void *context, struct http_request *q)
{
    struct term_session *s;
    const char *rest = which(context, q, &s);

    if (rest && rest[0] == '\0') {
        answer_json(q, 200, session_json(s));
    } else if (rest && strcmp(rest, "/text") == 0) {
        answer_text(s, q);
    } else if (rest) {
        http_problem(q, 404, "a session has text and recording, no %.40s", rest);
    }
}

static void start_recording(struct term_session *s, struct http_request *q)
{
    struct term *t = s->term;
    char why[300];

    if (s->record.fd >= 0) {
        http_problem(q, 409, "session %u is recorded already, in %s", s->n, s->record.name);
        return;
    }
    if (record_start(&s->record, t->recordings, t->folder, s->row.name, s->row.cols, s->row.rows,
                     loop_real_ns(), why, sizeof why) != 0) {
        log_warn("%s", why);
        http_problem(q, 507, "%s", why);
        return;
    }
    pty_look(&s->pty, &s->look);
    s->record.at = s->look.end;
    log_info("recording begins session=%u file=%s peer=%s", s->n, s->record.name, http_peer(q));
    term_tell(s);
    term_look(s);
    answer_json(q, 201, json_pack("{s:s}", "name", s->record.name));
}

static void post_session(void *context, struct http_request *q)
{
    struct term_session *s;
    const char *rest = which(context, q, &s);

    if (rest && strcmp(rest, "/recording") == 0) {
        start_recording(s, q);
    } else if (rest) {
        http_problem(q, 404, "nothing can be started at %.40s", http_path(q));
    }
}

static void delete_session(void *context, struct http_request *q)
{
    struct term_session *s;
    const char *rest = which(context, q, &s);

    if (rest && rest[0] == '\0') {
        term_ask(context, q, "session.close", json_pack("{s:i}", "session", (int)s->n));
    } else if (rest && strcmp(rest, "/recording") == 0 && s->record.fd < 0) {
        http_problem(q, 409, "session %u is not recorded", s->n);
    } else if (rest && strcmp(rest, "/recording") == 0) {
        json_t *name = json_pack("{s:s}", "name", s->record.name);

        term_look(s);
        record_stop(&s->record);
        log_info("recording ends session=%u peer=%s", s->n, http_peer(q));
        term_tell(s);
        answer_json(q, 200, name);
    } else if (rest) {
        http_problem(q, 404, "a session and its recording can be deleted, no %.40s", rest);
    }
}

/* ---- recordings ---------------------------------------------------------------------------- */

static void list_recordings(void *context, struct http_request *q)
{
    struct term *t = context;

    answer_json(q, 200, record_list(t->recordings));
}

static int pull_file(void *context, uint8_t *to, size_t size)
{
    ssize_t n = read((int)(intptr_t)context, to, size < 65536 ? size : 65536);

    return n > 0 ? (int)n : -1;
}

static void close_file(void *context)
{
    close((int)(intptr_t)context);
}

static void get_recording(void *context, struct http_request *q)
{
    static const struct http_stream_ops ops = {.pull = pull_file, .closed = close_file};
    struct term *t = context;
    int fd = record_open(t->recordings, http_rest(q));

    if (fd < 0) {
        http_problem(q, 404, "there is no recording %.80s: see /api/v1/recordings", http_rest(q));
    } else if (!http_stream(q, "application/x-asciicast", FRESH, &ops, (void *)(intptr_t)fd)) {
        close(fd);
    }
}

/* ---- both ---------------------------------------------------------------------------------- */

void term_rest_answer(struct term *t, const struct term_job *job)
{
    json_t *n = json_object_get(job->answer, "session");
    bool opened = strcmp(job->method, "session.open") == 0;

    term_rows(t);
    if (!job->answer) {
        http_problem(job->q, 503, "%s", job->why);
    } else {
        answer_json(job->q, opened ? 201 : 200,
                    json_pack("{s:I,s:O?}", "session", json_integer_value(n), "name",
                              json_object_get(job->answer, "name")));
    }
}

void term_rest_open(struct term *t)
{
    struct http *h = t->set.http;

    http_route(h, "GET", "/api/v1/sessions", HTTP_VIEWER, list_sessions, t);
    http_route(h, "POST", "/api/v1/sessions", HTTP_OPERATOR, open_session, t);
    http_route(h, "GET", "/api/v1/sessions/*", HTTP_VIEWER, get_session, t);
    http_route(h, "POST", "/api/v1/sessions/*", HTTP_OPERATOR, post_session, t);
    http_route(h, "DELETE", "/api/v1/sessions/*", HTTP_OPERATOR, delete_session, t);
    http_route(h, "GET", "/api/v1/recordings", HTTP_VIEWER, list_recordings, t);
    http_route(h, "GET", "/api/v1/recordings/*", HTTP_VIEWER, get_recording, t);
}
