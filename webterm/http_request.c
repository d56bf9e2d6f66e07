/* webterm/http_request.c - from a request's head to its handler. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "common/loop.h"
#include "webterm/http_conn.h"
#include "webterm/http_text.h"

#define BODY_MS 10000 /* for all of a body */

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
            snprintf(value, size, "%s", piece + name_len + 1);
            return (size_t)len - name_len - 1 < size;
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

/* A page of a stranger may lead its browser here by a name of its own that it gave our address (DNS
 * rebinding).  So on this machine's own addresses only this machine's names are answered to. */
bool request_is_for_us(struct http_request *q)
{
    const struct http_settings *set = &q->conn->h->set;
    char name[HTTP_NAME_MAX];

    if (!http_host_name(http_header(q, "host"), name)) {
        q->conn->close_after = true;
        http_problem(q, 400, "the request names no host, or more than one: send one Host header");
        return false;
    }
    if (q->conn->local && !http_host_is_local(name) && !http_host_listed(name, set->origins)) {
        q->conn->close_after = true;
        http_problem(q, 403,
                     "this address is not called %.80s: ask for localhost, or name it in origins",
                     name);
        return false;
    }
    return true;
}

/* A page of a stranger may also send requests and open WebSockets here; its browser says whose page
 * it is.  A program says nothing, and has no cookie. */
static bool origin_is_ours(const struct http_request *q)
{
    const char *origin = http_header(q, "origin");

    if (origin[0] == '\0') {
        return http_header(q, "cookie")[0] == '\0' || http_header(q, "authorization")[0] != '\0';
    }
    return http_origin_may(origin, http_header(q, "host"), q->conn->tls, q->conn->h->set.origins);
}

bool request_may(struct http_request *q, enum http_role role, bool changes)
{
    const struct http_settings *set = &q->conn->h->set;

    if (changes && !origin_is_ours(q)) {
        const char *origin = http_header(q, "origin");

        if (origin[0]) {
            http_problem(q, 403,
                         "a page of %.80s may not do this here: name it in origins if it shall",
                         origin);
        } else {
            http_problem(q, 403, "a request with a cookie needs an Origin: send one, or a token");
        }
        return false;
    }
    q->login = 0;
    q->role = set->who ? set->who(set->who_context, q, &q->login) : HTTP_OPERATOR;
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
    const struct http_route *best = NULL;

    for (unsigned i = 0; i < h->n_routes; i++) {
        const struct http_route *r = &h->routes[i];

        if (strcmp(r->method, q->method) != 0 || !matches(r, q->path)) {
            continue;
        }
        if (!r->starred) {
            return r;
        }
        best = !best || r->path_len > best->path_len ? r : best;
    }
    return best;
}

static void hand_over(struct http_request *q)
{
    q->conn->state = CONN_ASKED;
    q->conn->deadline_ms = 0;
    lws_set_timeout(q->conn->wsi, NO_PENDING_TIMEOUT, 0);
    if (q->conn->h->set.changes && strcmp(q->method, "GET") != 0) {
        q->conn->h->set.changes(q->conn->h->set.changes_context, q);
    }
    q->route->handler(q->route->context, q);
}

/* Length of the body; 0 for none, -1 after an answer. */
static long body_length(struct http_request *q)
{
    struct lws *wsi = q->conn->wsi;
    char digits[16];
    int len = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);

    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING)) {
        http_problem(q, 501, "this server takes no transfer-encoding: send a content-length");
        return -1;
    }
    if (len == 0) {
        return 0;
    }
    if (lws_hdr_copy(wsi, digits, sizeof digits, WSI_TOKEN_HTTP_CONTENT_LENGTH) < 0 ||
        digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits)) {
        http_problem(q, 400, "content-length is no number of bytes");
        return -1;
    }
    return strtol(digits, NULL, 10);
}

/* What is wrong whatever is asked for.  The answer is the connection's last: where the next request
 * begins is not sure. */
static bool head_is_sound(struct http_request *q, size_t uri_len, long *length)
{
    struct lws *wsi = q->conn->wsi;

    if (uri_len + (size_t)lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) > HTTP_URI_MAX) {
        http_problem(q, 414, "the address is longer than %u bytes", HTTP_URI_MAX);
        return false;
    }
    *length = body_length(q);
    if (*length > (long)HTTP_BODY_MAX) {
        http_problem(q, 413, "the body has %ld bytes, at most %u are taken", *length,
                     HTTP_BODY_MAX);
        return false;
    }
    if (*length > 0 && strcmp(q->method, "POST") != 0) { /* the library would not read it as one */
        http_problem(q, 400, "only a POST has a body here: leave it out");
        return false;
    }
    return *length >= 0 && request_is_for_us(q);
}

/* Its route, and whether this peer may; an answer is made if not. */
static bool admitted(struct http_request *q, long length)
{
    q->route = find(q);
    if (!q->route) {
        refuse(q);
        return false;
    }
    q->rest = q->route->starred ? q->path + q->route->path_len : "";
    if (!request_may(q, q->route->role, strcmp(q->method, "GET") != 0)) {
        return false;
    }
    q->body_size = (size_t)length;
    q->body = length > 0 ? malloc(q->body_size + 1) : NULL;
    if (length > 0 && !q->body) {
        http_problem(q, 503, "no memory for the body: try again later");
        return false;
    }
    return true;
}

int request_begin(struct conn *c, const char *uri, size_t uri_len)
{
    struct http_request *q = &c->q;
    char *at, version[12];
    int at_len, method = lws_http_get_uri_and_method(c->wsi, &at, &at_len);
    bool post, announced;
    long length = 0;

    if (method < 0 || method >= (int)(sizeof methods / sizeof methods[0]) || !methods[method] ||
        strlen(uri) != uri_len) {
        return -1;
    }
    q->head_only = method == LWSHUMETH_HEAD;
    q->method = q->head_only ? "GET" : methods[method];
    q->path = uri;
    q->rest = "";
    q->http11 = lws_hdr_copy(c->wsi, version, sizeof version, WSI_TOKEN_HTTP) > 0 &&
                strcmp(version, "HTTP/1.1") == 0;
    c->state = CONN_ASKED;
    c->close_after = true;
    if (!head_is_sound(q, uri_len, &length)) {
        return 0;
    }
    /* of a POST without a length the library expects a body that never comes */
    post = method == LWSHUMETH_POST || method == LWSHUMETH_PUT || method == LWSHUMETH_PATCH;
    announced = lws_hdr_total_length(c->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0;
    /* The library (4.1) parses on and on in what it had kept of a request that came with its body
     * behind another one: a request with a body is its connection's last. */
    c->close_after = !q->http11 || (post && !announced) || length > 0;
    if (!admitted(q, length)) {
        return 0;
    }
    if (length > 0 || (method == LWSHUMETH_POST && announced)) {
        c->state = CONN_BODY; /* the library says when it is whole, also an empty one */
        c->deadline_ms = loop_now_ms() + BODY_MS;
        return 0;
    }
    hand_over(q);
    return 0;
}

/* Bytes that came after an earlier request lie in a buffer of their own.  The library takes a body
 * out of that in a loop that never ends (lws_http_action, 4.1.6); what it reads from the peer lies
 * in its context. */
static bool was_sent_early(const struct conn *c, const uint8_t *bytes)
{
    const uint8_t *context = (const uint8_t *)c->h->lws;

    return bytes < context || bytes >= context + malloc_usable_size(c->h->lws);
}

int request_body(struct conn *c, const uint8_t *bytes, size_t len)
{
    struct http_request *q = &c->q;

    if (len > 0 && was_sent_early(c, bytes)) {
        if (c->state == CONN_BODY) {
            c->close_after = true;
            http_problem(q, 400,
                         "a request with a body was sent before the last one's answer came: "
                         "wait for it");
        }
        return -1;
    }

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
