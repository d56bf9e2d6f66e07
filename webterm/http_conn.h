/* webterm/http_conn.h - what http*.c share among themselves; nobody else includes it.
 *
 * A struct conn is a connection.  It is one request at a time (struct http_request), an answer that
 * streams (struct http_stream) or a WebSocket (struct ws), each embedded in it.  It is made when a
 * connection is taken in and freed when the library is done with it (http_event.c). */
#ifndef WEBTERM_HTTP_CONN_H
#define WEBTERM_HTTP_CONN_H

#include <libwebsockets.h>
#include <limits.h>

#include "common/endpoint.h"
#include "webterm/http.h"

#define HTTP_OUT (64u << 10)          /* most bytes handed to the library at once */
#define HTTP_HEAD_OUT 4096            /* room for the head of an answer */
#define HTTP_URI_MAX 4096u            /* longer ones are answered by 414 */
#define HTTP_LIBRARY_HEAD (24u << 10) /* what the library keeps; more and it hangs up */
#define HTTP_BODY_MAX (64u << 10)     /* more is answered by 413 */
#define HTTP_ROUTES 96
#define HTTP_SOCKETS 8
#define HTTP_LISTENERS 8
#define HTTP_WATCHES 24
#define HTTP_WAKERS 8
#define HTTP_TEXTS 16 /* header texts of one request that are asked for */

/* What the library's opaque pointer points at begins with this. */
enum http_kind { KIND_CONN = 1, KIND_WATCH };

enum conn_state {
    CONN_HEAD,   /* waits for a request, or has a part of its head */
    CONN_BODY,   /* takes the body in */
    CONN_ASKED,  /* a handler has it, and answers later */
    CONN_ANSWER, /* an answer is on its way out */
    CONN_STREAM, /* so is a stream */
    CONN_WS,
    CONN_DEAD /* has said its last word: it is closed as soon as that is out */
};

/* A piece of output: what is left of it, and what to free at its end. */
struct http_piece {
    const uint8_t *at;
    size_t left;
    void *owned;
    size_t owned_len;
};

struct http_text {
    char name[24];
    char *value;
};

struct http_request {
    struct conn *conn;
    uint64_t login;
    const struct http_route *route;
    enum http_role role;
    const char *method, *path, *rest;
    uint8_t *body;
    size_t body_len, body_size;
    bool head_only, http11;
    struct http_text texts[HTTP_TEXTS];
    unsigned n_texts;
    void (*gone)(void *context, struct http_request *q);
    void *gone_context;
};

struct http_stream {
    struct conn *conn;
    struct http_stream_ops ops;
    void *context;
    bool ended, wanted; /* wanted: there may be something to pull */
    uint64_t begun_ms;
};

struct ws {
    struct conn *conn;
    const struct http_socket_route *route;
    void *user; /* what open returned */
    uint8_t *bytes;
    size_t len, size; /* of the message that comes in */
    int close_code;   /* to close with; 0: none */
    char close_why[124];
    uint64_t login, alive_ms;
};

struct conn {
    enum http_kind kind;
    struct http *h;
    struct lws *wsi;
    struct conn *next, **prev;
    enum conn_state state;
    char peer[ENDPOINT_TEXT];
    int fd;
    bool tls, local;
    bool in_callback; /* of this connection: it may be written to at once */
    bool close_after; /* the answer is its last */
    bool held;        /* the library leaves it alone; h->blocked looks at it instead */
    bool in_blocked;
    uint64_t deadline_ms;
    struct http_piece out[2]; /* head, body */
    struct http_request q;
    struct http_stream stream;
    struct ws ws;
};

struct http_route {
    const char *method, *path;
    size_t path_len; /* without the "*" */
    bool starred;
    enum http_role role;
    http_handler *handler;
    void *context;
};

struct http_socket_route {
    struct http *h;
    const char *path;
    char protocol[32];
    enum http_role role;
    struct ws_ops ops;
    void *context;
};

struct http_watch {
    enum http_kind kind;
    void (*ready)(void *context);
    void *context;
};

struct http_listener {
    struct http *h;
    int fd;
    struct endpoint at;
    char word[ENDPOINT_TEXT];
};

struct http {
    struct http_settings set;
    struct lws_context *lws;
    struct lws_vhost *plain, *tls;
    struct lws_protocols protocols[HTTP_SOCKETS + 2];
    struct http_route routes[HTTP_ROUTES];
    unsigned n_routes;
    struct http_socket_route sockets[HTTP_SOCKETS];
    unsigned n_sockets;
    struct http_watch watches[HTTP_WATCHES];
    unsigned n_watches;
    struct {
        void (*woken)(void *context);
        void *context;
    } wakers[HTTP_WAKERS];
    unsigned n_wakers;
    struct http_listener listeners[HTTP_LISTENERS];
    unsigned n_listeners;
    struct conn *conns;
    struct conn *adopting; /* on its way into the library */
    unsigned n_conns;
    int blocked; /* epoll: held connections */
    int wakeup;  /* eventfd: http_wake, http_stop */
    struct http_timer sweep;
    bool stop;
    uint64_t requests, sent_bytes;
    size_t kept;         /* bytes of answers that wait to be taken */
    char complaint[256]; /* the library's last line at level error */
    uint8_t out[LWS_PRE + HTTP_HEAD_OUT + HTTP_OUT];
};

/* http_listen.c */
int listen_open(struct http *h, char *why, size_t why_size);
/* http_tls.c: the files of ssl: listeners */
int tls_check(const struct http_settings *set, char *why, size_t why_size);
void tls_harden(void *ctx); /* an SSL_CTX */
void listen_close(struct http *h);

/* http_event.c: what the library tells */
int http_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
struct conn *conn_new(struct http *h, int fd, const struct endpoint *at, const char *peer);
void conn_free(struct conn *c);
/* Asks for a call of answer_writeable. */
void conn_want(struct conn *c);
int blocked_open(struct http *h);
void conn_kill(struct conn *c);
void http_sweep(struct http_timer *t); /* and sets the timer anew */

/* http_request.c */
int request_begin(struct conn *c, const char *uri, size_t uri_len);
int request_body(struct conn *c, const uint8_t *bytes, size_t len);
int request_body_end(struct conn *c);
void request_free(struct http_request *q);
/* May this one use what needs 'role'?  False: it has been answered. */
bool request_may(struct http_request *q, enum http_role role, bool changes);
/* Is it one that we answer at all?  False: it has been answered. */
bool request_is_for_us(struct http_request *q);

/* http_answer.c */
int answer_writeable(struct conn *c);
void stream_gone(struct conn *c);

/* http_ws.c */
int ws_filter(struct conn *c);
int ws_established(struct conn *c);
int ws_received(struct conn *c, const uint8_t *bytes, size_t len);
int ws_writeable(struct conn *c);
void ws_gone(struct conn *c);

#endif
