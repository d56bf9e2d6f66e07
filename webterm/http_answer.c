/* webterm/http_answer.c - answers and streams. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/loop.h"
#include "common/text.h"
#include "webterm/http_conn.h"

#define WRITE_MS 30000 /* a peer that takes nothing for so long is let go */
#define CHUNK_HEAD 8   /* "10000\r\n" */
/* Bytes of all answers that wait to be taken; beyond it no long one is begun. */
#define KEPT_MOST (64u << 20)

/* On every answer.  The styles are inline: xterm.js makes elements of them. */
static const char safety[] =
    "content-security-policy: default-src 'none'; script-src 'self'; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; font-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "x-content-type-options: nosniff\r\n"
    "referrer-policy: no-referrer\r\n"
    "cross-origin-resource-policy: same-origin\r\n";

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } known[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].status == status) {
            return known[i].text;
        }
    }
    return "Unknown";
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", made once a second. */
static const char *date_now(void)
{
    static char text[32];
    static time_t made;
    time_t now = time(NULL);
    struct tm tm;

    if (now != made) {
        made = now;
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    }
    return text;
}

/* The head of an answer; 'length' is a line about the body's.  Returns its bytes. */
static size_t make_head(const struct http_request *q, char *to, int status, const char *type,
                        const char *headers, const char *length)
{
    struct text t;

    q->conn->h->requests++;
    text_open(&t, to, HTTP_HEAD_OUT);
    text_say(&t, "HTTP/1.1 %d %s\r\ndate: %s\r\n", status, http_reason(status), date_now());
    if (type) {
        text_say(&t, "content-type: %s\r\n", type);
    }
    text_say(&t, "%s%s%s%s\r\n", length, q->conn->close_after ? "connection: close\r\n" : "",
             headers ? headers : "", safety);
    return text_needed(&t) < HTTP_HEAD_OUT ? text_needed(&t) : 0;
}

/* ---- output ------------------------------------------------------------------------------- */

static size_t take(struct http_piece *p, uint8_t *to, size_t size)
{
    size_t n = p->left < size ? p->left : size;

    if (n > 0) {
        memcpy(to, p->at, n);
        p->at += n;
        p->left -= n;
    }
    return n;
}

static int put(struct conn *c, size_t len)
{
    c->deadline_ms = loop_now_ms() + WRITE_MS;
    c->h->sent_bytes += len;
    return lws_write(c->wsi, c->h->out + LWS_PRE, len, LWS_WRITE_HTTP) < 0 ? -1 : 0;
}

static int put_pieces(struct conn *c)
{
    size_t n = take(&c->out[0], c->h->out + LWS_PRE, HTTP_OUT);

    n += take(&c->out[1], c->h->out + LWS_PRE + n, HTTP_OUT - n);
    return n > 0 ? put(c, n) : 0;
}

static bool keep(struct conn *c, struct http_piece *p, const void *bytes, size_t len)
{
    if (len == 0) {
        return true;
    }
    p->owned = malloc(len);
    if (!p->owned) {
        return false;
    }
    memcpy(p->owned, bytes, len);
    p->at = p->owned;
    p->left = p->owned_len = len;
    c->h->kept += len;
    return true;
}

static void answer(struct http_request *q, int status, const char *type, const char *headers,
                   const void *body, size_t len, bool lives)
{
    struct conn *c = q->conn;
    char *head = (char *)c->h->out + LWS_PRE;
    char length[40] = "";
    size_t head_len;

    if (status != 204 && status != 304) {
        snprintf(length, sizeof length, "content-length: %zu\r\n", len);
    }
    len = q->head_only || status == 304 || status == 204 ? 0 : len;
    head_len = make_head(q, head, status, type, headers, length);
    c->state = CONN_ANSWER;
    if (c->in_callback && len <= HTTP_OUT - head_len) {
        if (len > 0) {
            memcpy(head + head_len, body, len);
        }
        if (put(c, head_len + len) < 0) {
            c->state = CONN_DEAD;
        }
        return;
    }
    if (!keep(c, &c->out[0], head, head_len) || (!lives && !keep(c, &c->out[1], body, len))) {
        c->state = CONN_DEAD;
        conn_kill(c);
        return;
    }
    if (lives) {
        c->out[1].at = body;
        c->out[1].left = len;
    }
    c->deadline_ms = loop_now_ms() + WRITE_MS;
    if (!c->in_callback) {
        conn_want(c);
    }
}

void http_answer(struct http_request *q, int status, const char *type, const char *headers,
                 const void *body, size_t len)
{
    if (len > HTTP_OUT && !q->head_only && q->conn->h->kept + len > KEPT_MOST) {
        http_problem(q, 503,
                     "there is no room for the answer: others are not taken by whoever "
                     "asked for them: try again later");
        return;
    }
    answer(q, status, type, headers, body, len, false);
}

void http_answer_static(struct http_request *q, int status, const char *type, const char *headers,
                        const void *body, size_t len)
{
    answer(q, status, type, headers, body, len, true);
}

void http_problem(struct http_request *q, int status, const char *format, ...)
{
    char sentence[512], json[1024];
    struct text t;
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    text_open(&t, json, sizeof json);
    text_say(&t, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":",
             http_reason(status), status);
    text_json(&t, sentence, strlen(sentence));
    text_say(&t, "}\n");
    http_answer(q, status, "application/problem+json",
                status == 401 ? "www-authenticate: Bearer realm=\"causeway\"\r\n" : NULL, json,
                strlen(json));
}

/* ---- streams ------------------------------------------------------------------------------ */

struct http_stream *http_stream(struct http_request *q, const char *type, const char *headers,
                                const struct http_stream_ops *ops, void *context)
{
    struct conn *c = q->conn;
    char *head = (char *)c->h->out + LWS_PRE;
    size_t len;

    c->close_after = c->close_after || !q->http11;
    len = make_head(q, head, 200, type, headers, q->http11 ? "transfer-encoding: chunked\r\n" : "");
    c->state = CONN_STREAM;
    c->deadline_ms = 0;
    c->stream =
        (struct http_stream){.conn = c, .ops = *ops, .context = context, .begun_ms = loop_now_ms()};
    c->stream.ended = q->head_only;
    if (!keep(c, &c->out[0], head, len)) {
        conn_kill(c);
    }
    http_stream_wake(&c->stream);
    return &c->stream;
}

void http_stream_wake(struct http_stream *s)
{
    s->wanted = true;
    if (s->conn->state == CONN_STREAM && !s->conn->in_callback) {
        conn_want(s->conn);
    }
}

void stream_gone(struct conn *c)
{
    c->stream.ops.closed(c->stream.context);
}

/* One chunk: its length in hexadecimal, the bytes, an empty line's end. */
static int put_chunk(struct conn *c, const uint8_t *bytes, size_t len)
{
    uint8_t *at = c->h->out + LWS_PRE;
    char head[CHUNK_HEAD + 1];
    int n = snprintf(head, sizeof head, "%zx\r\n", len);

    if (!c->q.http11) {
        memmove(at, bytes, len);
        return len ? put(c, len) : 0;
    }
    if (len > 0) {
        memmove(at + n, bytes, len);
    }
    memcpy(at, head, (size_t)n);
    memcpy(at + n + len, "\r\n", 2);
    return put(c, (size_t)n + len + 2);
}

static int stream_end(struct conn *c)
{
    int err = c->q.head_only ? 0 : put_chunk(c, NULL, 0);

    c->state = CONN_ANSWER;
    stream_gone(c);
    return err;
}

static int stream_writeable(struct conn *c)
{
    uint8_t *room = c->h->out + LWS_PRE + CHUNK_HEAD;
    int n;

    if (c->out[0].left) {
        return put_pieces(c);
    }
    c->stream.wanted = false;
    n = c->stream.ended ? -1 : c->stream.ops.pull(c->stream.context, room, HTTP_OUT - CHUNK_HEAD);
    if (n < 0) {
        return stream_end(c);
    }
    if (n == 0) {
        c->deadline_ms = 0;
        return 0;
    }
    c->stream.wanted = true;
    return put_chunk(c, room, (size_t)n);
}

int answer_writeable(struct conn *c)
{
    if (c->state == CONN_ANSWER) {
        return put_pieces(c);
    }
    return c->state == CONN_STREAM ? stream_writeable(c) : 0;
}
