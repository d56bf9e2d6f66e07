/* webterm/http.h - HTTP/1.1 and WebSocket for the rest of webterm; http*.c alone know the library
 * (libwebsockets), so that another could take its place.
 *
 *     http_open(&settings, why, sizeof why)      the listener; before the sandbox
 *     http_route(h, "GET", "/api/v1/x", HTTP_VIEWER, handler, context)
 *     http_socket(h, "/ws/x", "protocol", HTTP_VIEWER, &ops, context)
 *     http_watch(h, fd, ready, context)          a doorbell, a signalfd
 *     http_run(h)                                until http_stop
 *
 * One thread calls everything here but http_wake.  Nothing is queued without bound: a body is taken
 * over as it is; a stream or a WebSocket is asked for more when the peer has room ("pull"). */
#ifndef WEBTERM_HTTP_H
#define WEBTERM_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;
struct http_request; /* valid until it is answered */
struct http_stream;
struct ws;

/* Who may; an operator may all that a viewer may.  HTTP_ANYONE needs no login. */
enum http_role { HTTP_ANYONE, HTTP_VIEWER, HTTP_OPERATOR };

struct http_settings {
    const char *listen; /* words of common/endpoint.h, or "none" */
    const char *run_dir;
    const char *tls_key, *tls_cert; /* for ssl: */
    const char *origins;            /* more origins than our own, separated by blanks */
    unsigned max_clients;
    unsigned idle_s; /* a page whose person does nothing for so long is disconnected */
    /* Who is it, and by which login (0: by none)?  NULL: everyone is an operator. */
    enum http_role (*who)(void *context, const struct http_request *q, uint64_t *login);
    /* The person of a login did something.  May be NULL. */
    void (*alive)(void *context, uint64_t login);
    void *who_context;
    /* Before a handler of another method than GET is called.  May be NULL. */
    void (*changes)(void *context, const struct http_request *q);
    void *changes_context;
};

/* Nothing is opened yet: are the words and the files of TLS right?  Returns 0, or -EINVAL with a
 * sentence in 'why'.  '*is_public': others than this machine's programs can come. */
int http_check(const struct http_settings *settings, bool *is_public, char *why, size_t why_size);
/* Listens.  Returns 0, or -errno with a sentence in 'why'.  The settings' strings live as long. */
int http_open(struct http **h, const struct http_settings *settings, char *why, size_t why_size);
/* Ends every connection: all are told that their peers are gone, and must be there to hear it. */
void http_hang_up(struct http *h);
void http_close(struct http *h); /* once nobody can wake it any more */
/* A login has ended: so do its WebSockets and streams. */
void http_logged_out(struct http *h, uint64_t login);

typedef void http_handler(void *context, struct http_request *q);

/* 'path' is exact, or ends in "/" + "*": then it takes everything below (http_rest).  'method' is
 * "GET" (HEAD, too), "POST" or "DELETE".  Exact paths go before starred
 * ones, longer starred ones before shorter ones. */
void http_route(struct http *h, const char *method, const char *path, enum http_role role,
                http_handler *handler, void *context);

/* ---- a request; texts live as long as the request ---------------------------------------------
 */
const char *http_path(const struct http_request *q);
const char *http_rest(const struct http_request *q); /* what the "*" stands for, decoded */
/* A parameter of the query, decoded.  False: not there, and 'value' is as it was; or longer than
 * 'size' - 1, and 'value' is its beginning. */
bool http_query(const struct http_request *q, const char *name, char *value, size_t size);
const char *http_body(const struct http_request *q, size_t *len); /* NUL-terminated as well */
/* "accept", "if-none-match", "accept-encoding", "authorization", "origin", "host", "cookie",
 * "content-type": "" when missing. */
const char *http_header(const struct http_request *q, const char *name);
const char *http_peer(const struct http_request *q); /* "127.0.0.1:4711", for logs */
enum http_role http_role_of(const struct http_request *q);
bool http_secure(const struct http_request *q);        /* it came by TLS */
const char *http_method(const struct http_request *q); /* "GET", also of a HEAD */

/* ---- answers: exactly one a request, at once or later from the loop's thread ------------------
 */
/* Copies 'body'.  'headers': more header lines, each "name: value\r\n", or NULL. */
void http_answer(struct http_request *q, int status, const char *type, const char *headers,
                 const void *body, size_t len);
/* The same for a body that lives for ever (an asset), not copied. */
void http_answer_static(struct http_request *q, int status, const char *type, const char *headers,
                        const void *body, size_t len);
/* RFC 9457: {"type":"about:blank","title":...,"status":...,"detail": sentence}. */
void http_problem(struct http_request *q, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *http_reason(int status); /* 404: "Not Found" */
/* A handler that returns without an answer answers later.  The peer may go away meanwhile: then
 * 'gone' is called, and the request must not be touched any more. */
void http_later(struct http_request *q, void (*gone)(void *context, struct http_request *q),
                void *context);

struct http_stream_ops {
    /* Puts up to 'size' bytes into 'to'.  Returns how many; 0: nothing now (http_stream_wake calls
     * again); -1: the end. */
    int (*pull)(void *context, uint8_t *to, size_t size);
    void (*closed)(void *context); /* once; the stream is gone after it */
};
/* Answers with a body of unknown length (chunked): events, a capture. */
struct http_stream *http_stream(struct http_request *q, const char *type, const char *headers,
                                const struct http_stream_ops *ops, void *context);
void http_stream_wake(struct http_stream *s);

/* ---- WebSockets ---------------------------------------------------------------------------------
 */
struct ws_ops {
    /* A peer that may has come.  Returns what the other functions get, or NULL to refuse it, with a
     * sentence in 'why' (close code 1013).  'q' is valid within the call. */
    void *(*open)(void *context, struct ws *ws, const struct http_request *q, char *why,
                  size_t why_size);
    /* A whole message of at most 'max_message' bytes; a text is NUL-terminated, too.  Returns 0, or
     * a close code (1007, 1008, ...) after a sentence in 'why'. */
    int (*message)(void *conn, uint8_t *bytes, size_t len, bool text, char *why, size_t why_size);
    /* The next message to send, in 'to'.  Returns its length; 0: none now. */
    size_t (*pull)(void *conn, uint8_t *to, size_t size, bool *text);
    void (*closed)(void *conn);
    size_t max_message; /* to us; a longer one closes with 1009 */
};
void http_socket(struct http *h, const char *path, const char *protocol, enum http_role role,
                 const struct ws_ops *ops, void *context);
#define HTTP_CLOSE_LOGGED_OUT 4401 /* close codes of our own */
#define HTTP_CLOSE_IDLE 4408
void ws_wake(struct ws *ws); /* there is something to pull */
void ws_close(struct ws *ws, int code, const char *why);
void ws_alive(struct ws *ws); /* the peer has done something: its idle time starts anew */

/* ---- the loop
 * --------------------------------------------------------------------------------------- */
/* 'ready' is called in the loop when 'fd' can be read.  For as long as the loop lives. */
int http_watch(struct http *h, int fd, void (*ready)(void *context), void *context);
struct http_timer {
    void (*fire)(struct http_timer *self);
    void *library[8]; /* http.c's */
};
/* (Re)starts a timer: once, after 'us' microseconds. */
void http_timer_set(struct http *h, struct http_timer *t, uint64_t us);
/* Another thread has something: 'woken' is called in the loop, once for one or more wakes. */
void http_on_wake(struct http *h, void (*woken)(void *context), void *context);
void http_wake(struct http *h);
int http_run(struct http *h);
void http_stop(struct http *h);
/* For /metrics. */
struct http_counts {
    unsigned connections, websockets; /* now */
    uint64_t requests, sent_bytes;    /* answered; before TLS, without heads of WebSocket frames */
};
void http_count(const struct http *h, struct http_counts *n);

#endif
