/* webterm/http_request.c - from a request's head to its handler. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "webterm/http_conn.h"

#define BODY_MS 20000 /* for all of a body */

/* In the order of the library's own list. */
static const char *const methods[] = {
    [LWSHUMETH_GET] = "GET",         [LWSHUMETH_POST] = "POST",   [LWSHUMETH_OPTIONS] = "OPTIONS",
    [LWSHUMETH_PUT] = "PUT",         [LWSHUMETH_PATCH] = "PATCH", [LWSHUMETH_DELETE] = "DELETE",
    [LWSHUMETH_CONNECT] = "CONNECT", [LWSHUMETH_HEAD] = "HEAD",
};

/* ---- what a handler asks ------------------------------------------------------------------ */

const char *http_path(const struct http_request *q)
{
    return q->path;
}

const char *http_rest(const struct http_request *q)
{
    return q->rest;
}

const char *http_method(const struct http_request *q)
{
    return q->method;
}

const char *http_peer(const struct http_request *q)
{
    return q->conn->peer;
}

enum http_role http_role_of(const struct http_request *q)
{
    return q->role;
}

bool http_secure(const struct http_request *q)
{
    return q->conn->tls;
}

const char *http_body(const struct http_request *q, size_t *len)
{
    *len = q->body_len;
    return q->body ? (const char *)q->body : "";
}

/* The library has decoded the query and cut it at '&'. */
bool http_query(const struct http_request *q, const char *name, char *value, size_t size)
{
    size_t name_len = strlen(name);
    char piece[HTTP_URI_MAX + 1];
    int len;

    for (int i = 0; (len = lws_hdr_copy_fragment(q->conn->wsi, piece, sizeof piece,
                                                 WSI_TOKEN_HTTP_URI_ARGS, i)) >= 0;
         i++) {
        if (strncmp(piece, name, name_len) == 0 && piece[name_len] == '=') {
            if ((size_t)len - name_len - 1 >= size) {
                return false;
            }
            memcpy(value, piece + name_len + 1, (size_t)len - name_len);
            return true;
        }
    }
    return false;
}

static int token_of(const char *name)
{
    static const struct {
        const char *name;
        enum lws_token_indexes token;
    } known[] = {
        {"host", WSI_TOKEN_HOST},
        {"origin", WSI_TOKEN_ORIGIN},
        {"cookie", WSI_TOKEN_HTTP_COOKIE},
        {"authorization", WSI_TOKEN_HTTP_AUTHORIZATION},
        {"accept", WSI_TOKEN_HTTP_ACCEPT},
        {"accept-encoding", WSI_TOKEN_HTTP_ACCEPT_ENCODING},
        {"if-none-match", WSI_TOKEN_HTTP_IF_NONE_MATCH},
        {"content-type", WSI_TOKEN_HTTP_CONTENT_TYPE},
        {"user-agent", WSI_TOKEN_HTTP_USER_AGENT},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, name) == 0) {
            return (int)known[i].token;
        }
    }
    return -1;
}

/* Copied out of the library's table when it is first asked for. */
const char *http_header(const struct http_request *cq, const char *name)
{
    struct http_request *q = (struct http_request *)cq;
    struct http_text *t = &q->texts[q->n_texts];
    int token = token_of(name), len;

    for (unsigned i = 0; i < q->n_texts; i++) {
        if (strcmp(q->texts[i].name, name) == 0) {
            return q->texts[i].value;
        }
    }
    len = token < 0 ? 0 : lws_hdr_total_length(q->conn->wsi, (enum lws_token_indexes)token);
    if (len <= 0 || q->n_texts == HTTP_TEXTS) {
        return "";
    }
    t->value = malloc((size_t)len + 2);
    if (!t->value) {
        return "";
    }
    if (lws_hdr_copy(q->conn->wsi, t->value, len + 2, (enum lws_token_indexes)token) < 0) {
        t->value[0] = '\0';
    }
    snprintf(t->name, sizeof t->name, "%s", name);
    q->n_texts++;
    return t->value;
}

void request_free(struct http_request *q)
{
    for (unsigned i = 0; i < q->n_texts; i++) {
        free(q->texts[i].value);
    }
    free(q->body);
    *q = (struct http_request){.conn = q->conn};
}

void http_later(struct http_request *q, void (*gone)(void *context, struct http_request *q),
                void *context)
{
    q->gone = gone;
    q->gone_context = context;
}

/* ---- may it? ------------------------------------------------------------------------------ */

bool request_may(struct http_request *q, enum http_role role, bool changes)
{
    const struct http_settings *set = &q->conn->h->set;

    (void)changes;
    q->role = set->who ? set->who(set->who_context, q) : HTTP_OPERATOR;
    if (q->role >= role) {
        return true;
    }
    if (q->role == HTTP_ANYONE) {
        http_problem(q, 401, "log in first, or send a bearer token");
    } else {
        http_problem(q, 403, "viewers may look, only operators may do this: log in as one");
    }
    return false;
}

/* ---- finding the handler ------------------------------------------------------------------ */

static bool matches(const struct http_route *r, const char *path)
{
    return r->starred ? strncmp(r->path, path, r->path_len) == 0 : strcmp(r->path, path) == 0;
}

/* 404 or, where the path is known, 405 with the methods that it has. */
static void refuse(struct http_request *q)
{
    const struct http *h = q->conn->h;
    char allow[64] = "", problem[160];
    size_t n = 0;

    for (unsigned i = 0; i < h->n_routes; i++) {
        const char *method = h->routes[i].method;

        if (matches(&h->routes[i], q->path) && !strstr(allow, method) &&
            n + strlen(method) + 8 < sizeof allow) {
            n += (size_t)snprintf(allow + n, sizeof allow - n, "%s%s%s", n ? ", " : "", method,
                                  strcmp(method, "GET") == 0 ? ", HEAD" : "");
        }
    }
    if (n == 0) {
        http_problem(q, 404, "there is nothing at %.80s", q->path);
        return;
    }
    snprintf(problem, sizeof problem, "allow: %s\r\n", allow);
    http_answer(q, 405, "application/problem+json", problem, NULL, 0);
}

static const struct http_route *find(const struct http_request *q)
{
    const struct http *h = q->conn->h;

    for (int starred = 0; starred < 2; starred++) {
        for (unsigned i = 0; i < h->n_routes; i++) {
            const struct http_route *r = &h->routes[i];

            if (r->starred == (starred == 1) && strcmp(r->method, q->method) == 0 &&
                matches(r, q->path)) {
                return r;
            }
        }
    }
    return NULL;
}

static void hand_over(struct http_request *q)
{
    q->conn->state = CONN_ASKED;
    q->conn->deadline_ms = 0;
    lws_set_timeout(q->conn->wsi, NO_PENDING_TIMEOUT, 0);
    q->route->handler(q->route->context, q);
}

/* Length of the body, or -1 after an answer. */
static long body_length(struct http_request *q)
{
    struct lws *wsi = q->conn->wsi;
    char digits[16];
    int len = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);

    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING)) {
        q->conn->close_after = true;
        http_problem(q, 501, "this server takes no transfer-encoding: send a content-length");
        return -1;
    }
    if (len == 0) {
        /* without it the library waits for a body of a POST */
        q->conn->close_after = q->conn->close_after || strcmp(q->method, "POST") == 0 ||
                               strcmp(q->method, "PUT") == 0 || strcmp(q->method, "PATCH") == 0;
        return 0;
    }
    if (lws_hdr_copy(wsi, digits, sizeof digits, WSI_TOKEN_HTTP_CONTENT_LENGTH) < 0 ||
        digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits)) {
        q->conn->close_after = true;
        http_problem(q, 400, "content-length is no number of bytes");
        return -1;
    }
    return strtol(digits, NULL, 10);
}

static bool take_body(struct http_request *q, long length)
{
    if (length > (long)HTTP_BODY_MAX) {
        q->conn->close_after = true;
        http_problem(q, 413, "the body has %ld bytes, at most %u are taken", length, HTTP_BODY_MAX);
        return false;
    }
    if (length == 0) {
        return true;
    }
    q->body_size = (size_t)length;
    q->body = malloc(q->body_size + 1);
    if (!q->body) {
        q->conn->close_after = true;
        http_problem(q, 503, "no memory for the body: try again later");
        return false;
    }
    return true;
}

static void start(struct conn *c, int method, const char *uri)
{
    struct http_request *q = &c->q;

    q->head_only = method == LWSHUMETH_HEAD;
    q->method = q->head_only ? "GET" : methods[method];
    q->path = uri;
    q->rest = "";
}

int request_begin(struct conn *c, const char *uri, size_t uri_len)
{
    struct http_request *q = &c->q;
    char *at, version[12];
    int at_len, method = lws_http_get_uri_and_method(c->wsi, &at, &at_len);
    long length;

    if (method < 0 || method >= (int)(sizeof methods / sizeof methods[0]) || !methods[method] ||
        strlen(uri) != uri_len) {
        return -1;
    }
    start(c, method, uri);
    q->http11 = lws_hdr_copy(c->wsi, version, sizeof version, WSI_TOKEN_HTTP) > 0 &&
                strcmp(version, "HTTP/1.1") == 0;
    c->state = CONN_ASKED;
    c->close_after = !q->http11;
    length = body_length(q);
    q->route = find(q);
    if (length < 0) {
        return 0;
    }
    if (!q->route || !request_may(q, q->route->role, strcmp(q->method, "GET") != 0)) {
        c->close_after = c->close_after || length > 0;
        if (!q->route) {
            refuse(q);
        }
        return 0;
    }
    if (!take_body(q, length)) {
        return 0;
    }
    q->rest = q->route->starred ? q->path + q->route->path_len : "";
    if (length > 0 || (strcmp(q->method, "POST") == 0 && !c->close_after &&
                       lws_hdr_total_length(c->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH))) {
        c->state = CONN_BODY; /* the library says when it is whole, also an empty one */
        c->deadline_ms = http_now_ms() + BODY_MS;
        return 0;
    }
    hand_over(q);
    return 0;
}

int request_body(struct conn *c, const uint8_t *bytes, size_t len)
{
    struct http_request *q = &c->q;

    if (c->state != CONN_BODY) {
        return 0;
    }
    if (len > q->body_size - q->body_len) {
        return -1;
    }
    if (len > 0) {
        memcpy(q->body + q->body_len, bytes, len);
        q->body_len += len;
    }
    return 0;
}

int request_body_end(struct conn *c)
{
    if (c->state != CONN_BODY) {
        return 0;
    }
    if (c->q.body) {
        c->q.body[c->q.body_len] = '\0';
    }
    hand_over(&c->q);
    return 0;
}
