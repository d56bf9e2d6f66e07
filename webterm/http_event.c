/* webterm/http_event.c - what the library tells, and the life of a connection. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/loop.h"
#include "webterm/http_conn.h"

#define HEAD_MS 10000 /* for the whole head of a first request */
#define IDLE_MS 30000 /* between two requests, with the head of the second */
#define SWEEP_US 1000000

struct conn *conn_new(struct http *h, int fd, const struct endpoint *at, const char *peer)
{
    struct conn *c = calloc(1, sizeof *c);

    if (!c) {
        return NULL;
    }
    c->kind = KIND_CONN;
    c->h = h;
    c->fd = fd;
    c->tls = at->kind == ENDPOINT_SSL;
    c->local = at->local;
    c->q.conn = c->stream.conn = c->ws.conn = c;
    c->deadline_ms = loop_now_ms() + HEAD_MS;
    snprintf(c->peer, sizeof c->peer, "%s", peer);
    c->next = h->conns;
    c->prev = &h->conns;
    if (c->next) {
        c->next->prev = &c->next;
    }
    h->conns = c;
    h->n_conns++;
    return c;
}

static void drop_output(struct conn *c)
{
    for (unsigned i = 0; i < 2; i++) {
        free(c->out[i].owned);
        c->h->kept -= c->out[i].owned_len;
        c->out[i] = (struct http_piece){0};
    }
}

/* The peer is gone: whoever had to do with it is told, once. */
static void conn_gone(struct conn *c)
{
    enum conn_state was = c->state;

    c->state = CONN_DEAD;
    if (was == CONN_ASKED && c->q.gone) {
        c->q.gone(c->q.gone_context, &c->q);
    }
    if (was == CONN_STREAM) {
        stream_gone(c);
    }
    if (was == CONN_WS) {
        ws_gone(c);
    }
}

void conn_free(struct conn *c)
{
    c->h->adopting = c->h->adopting == c ? NULL : c->h->adopting;
    conn_gone(c);
    drop_output(c);
    request_free(&c->q);
    *c->prev = c->next;
    if (c->next) {
        c->next->prev = c->prev;
    }
    c->h->n_conns--;
    if (c->wsi) {
        lws_set_opaque_user_data(c->wsi, NULL);
    }
    free(c);
}

/* ---- connections that must wait -----------------------------------------------------------
 *
 * The library has no way not to read from a peer that it shall write to: it would spin while such a
 * peer sends, and takes nothing.  So a connection whose answer is not made, or does not go out, is
 * held: the library leaves it alone, and an epoll set of ours waits until there is room, or the
 * peer hangs up. */

static void hold(struct conn *c, bool on)
{
    if (c->held != on) {
        c->held = on;
        lws_rx_flow_control(c->wsi, LWS_RXFLOW_REASON_USER_BOOL |
                                        LWS_RXFLOW_REASON_FLAG_PROCESS_NOW |
                                        (on ? LWS_RXFLOW_REASON_APPLIES_DISABLE
                                            : LWS_RXFLOW_REASON_APPLIES_ENABLE));
    }
}

static void wait_for(struct conn *c, uint32_t events)
{
    struct epoll_event e = {.events = events | EPOLLONESHOT, .data.ptr = c};

    hold(c, true);
    if (epoll_ctl(c->h->blocked, c->in_blocked ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &e) != 0) {
        conn_kill(c);
    }
    c->in_blocked = true;
}

void conn_want(struct conn *c)
{
    wait_for(c, EPOLLOUT);
}

static void on_blocked(void *context)
{
    struct http *h = context;
    struct epoll_event e[64];
    int n = epoll_wait(h->blocked, e, 64, 0);

    for (int i = 0; i < n; i++) {
        struct conn *c = e[i].data.ptr;

        if (e[i].events & EPOLLOUT) {
            hold(c, false);
            lws_callback_on_writable(c->wsi);
        } else {
            conn_kill(c);
        }
    }
}

int blocked_open(struct http *h)
{
    h->blocked = epoll_create1(EPOLL_CLOEXEC);
    return h->blocked < 0 ? -errno : http_watch(h, h->blocked, on_blocked, h);
}

void conn_kill(struct conn *c)
{
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

/* The next request may come.  One who sends many, and takes no answer, waits. */
static int next_request(struct conn *c)
{
    struct pollfd room = {.fd = c->fd, .events = POLLOUT};

    c->state = CONN_HEAD;
    c->deadline_ms = loop_now_ms() + IDLE_MS;
    if (lws_http_transaction_completed(c->wsi)) {
        return -1;
    }
    if (poll(&room, 1, 0) == 0) {
        conn_want(c);
    }
    return 0;
}

/* What a callback of the library returns after it had something to do with the connection. */
static int settle(struct conn *c)
{
    bool out = c->out[0].left || c->out[1].left || lws_partial_buffered(c->wsi);

    switch (c->state) {
    case CONN_ASKED:
        wait_for(c, EPOLLRDHUP);
        return 0;
    case CONN_STREAM:
        wait_for(c, EPOLLRDHUP | (out || c->stream.wanted ? EPOLLOUT : 0));
        return 0;
    case CONN_ANSWER:
        if (out) {
            conn_want(c);
            return 0;
        }
        drop_output(c);
        request_free(&c->q);
        c->state = c->close_after ? CONN_DEAD : CONN_HEAD;
        return c->close_after ? -1 : next_request(c);
    case CONN_DEAD:
        return -1;
    default:
        return 0;
    }
}

/* ---- events ------------------------------------------------------------------------------- */

static int on_http(struct conn *c, enum lws_callback_reasons reason, void *in, size_t len)
{
    int end = 0;

    c->in_callback = true;
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP:
        end = request_begin(c, in, len);
        break;
    case LWS_CALLBACK_HTTP_BODY:
        end = request_body(c, in, len);
        break;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        end = request_body_end(c);
        break;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        end = answer_writeable(c);
        break;
    }
    end = end ? end : settle(c);
    c->in_callback = false;
    return end;
}

static int on_ws(struct conn *c, enum lws_callback_reasons reason, void *in, size_t len)
{
    int end = 0;

    c->in_callback = true;
    switch ((int)reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        end = ws_filter(c);
        break;
    case LWS_CALLBACK_ESTABLISHED:
        end = ws_established(c);
        break;
    case LWS_CALLBACK_RECEIVE:
        end = ws_received(c, in, len);
        break;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        end = ws_writeable(c);
        break;
    }
    c->in_callback = false;
    return end;
}

/* The library may upgrade to HTTP/2 in clear text, which we do not speak; and after an Upgrade that
 * it does not know it goes on with a request that it has let go.  -1 ends it before that. */
static int on_upgrade(struct lws *wsi)
{
    static const char sorry[] = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"
                                "content-type: text/plain\r\ncontent-length: 50\r\n\r\n"
                                "expected no Upgrade, or one to websocket: ask anew";
    uint8_t out[LWS_PRE + sizeof sorry];
    char word[16];

    if (lws_hdr_copy(wsi, word, sizeof word, WSI_TOKEN_UPGRADE) > 0) {
        if (strcasecmp(word, "websocket") == 0) {
            return 0;
        }
        memcpy(out + LWS_PRE, sorry, sizeof sorry - 1);
        lws_write(wsi, out + LWS_PRE, sizeof sorry - 1, LWS_WRITE_HTTP_HEADERS);
    }
    return -1;
}

int http_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    enum http_kind *kind = lws_get_opaque_user_data(wsi);
    struct conn *c = kind && *kind == KIND_CONN ? (struct conn *)kind : NULL;
    const struct http_watch *w = kind && *kind == KIND_WATCH ? (struct http_watch *)kind : NULL;

    switch ((int)reason) {
    case LWS_CALLBACK_RAW_RX_FILE:
        if (w) {
            w->ready(w->context);
        }
        return 0;
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        if (c) {
            c->wsi = wsi;
        }
        return 0;
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        tls_harden(user);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return on_upgrade(wsi);
    case LWS_CALLBACK_RAW_ADOPT: /* CONNECT makes a raw connection */
    case LWS_CALLBACK_RAW_CONNECTED:
    case LWS_CALLBACK_RAW_RX:
        return -1;
    case LWS_CALLBACK_HTTP:
    case LWS_CALLBACK_HTTP_BODY:
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return c ? on_http(c, reason, in, len) : -1;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return c ? on_ws(c, reason, in, len) : -1;
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_CLOSED:
        if (c) {
            conn_gone(c);
        }
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        if (c) {
            conn_free(c);
        }
        return 0;
    default:
        return 0;
    }
}

/* ---- once a second: who has had enough time ------------------------------------------------ */

/* Nobody says through a stream that he is there: one of a login lasts as long as an idle login, and
 * may then be asked for again. */
static bool outlived(const struct conn *c, uint64_t now)
{
    return c->state == CONN_STREAM && c->q.login != 0 &&
           now - c->stream.begun_ms >= 1000ull * c->h->set.idle_s;
}

void http_logged_out(struct http *h, uint64_t login)
{
    for (struct conn *c = h->conns; c; c = c->next) {
        if (c->state == CONN_WS && c->ws.login == login) {
            ws_close(&c->ws, HTTP_CLOSE_LOGGED_OUT, "logged out");
        } else if (c->state == CONN_STREAM && c->q.login == login) {
            conn_kill(c);
        }
    }
}

void http_sweep(struct http_timer *t)
{
    struct http *h = lws_container_of(t, struct http, sweep);
    uint64_t now = loop_now_ms();

    for (struct conn *c = h->conns; c; c = c->next) {
        if ((c->deadline_ms && now >= c->deadline_ms) || outlived(c, now)) {
            conn_kill(c);
        } else if (c->state == CONN_WS && now - c->ws.alive_ms >= 1000ull * h->set.idle_s) {
            ws_close(&c->ws, HTTP_CLOSE_IDLE, "nobody did anything for a long time");
        }
    }
    http_timer_set(h, t, SWEEP_US);
}
