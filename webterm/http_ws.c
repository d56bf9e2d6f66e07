/* webterm/http_ws.c - WebSockets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/loop.h"
#include "webterm/http_conn.h"

#define CLOSE_MS 5000  /* for the last words to be taken */
#define WRITE_MS 60000 /* for one message to be taken */

/* Before the handshake: the path, and who it is.  An answer made here is an HTTP answer. */
int ws_filter(struct conn *c)
{
    struct http_request *q = &c->q;
    unsigned id = lws_get_protocol(c->wsi)->id;
    char *uri;
    int len;

    c->close_after = true;
    if (lws_http_get_uri_and_method(c->wsi, &uri, &len) != LWSHUMETH_GET) {
        return -1;
    }
    q->method = "GET";
    q->path = uri;
    q->rest = "";
    c->ws.route = id > 0 && id <= c->h->n_sockets ? &c->h->sockets[id - 1] : NULL;
    if (!c->ws.route || strcmp(c->ws.route->path, q->path) != 0) {
        http_problem(q, c->ws.route ? 404 : 400,
                     "no WebSocket of this subprotocol at %.80s: name path and subprotocol", uri);
        return -1;
    }
    if (!request_is_for_us(q) || !request_may(q, c->ws.route->role, true)) {
        return -1;
    }
    c->ws.login = q->login;
    return 0;
}

int ws_established(struct conn *c)
{
    struct ws *ws = &c->ws;

    c->state = CONN_WS;
    c->deadline_ms = 0;
    ws->alive_ms = loop_now_ms();
    ws->user =
        ws->route->ops.open(ws->route->context, ws, &c->q, ws->close_why, sizeof ws->close_why);
    request_free(&c->q);
    if (!ws->user) {
        ws->close_code = 1013;
    }
    lws_callback_on_writable(c->wsi);
    return 0;
}

void ws_wake(struct ws *ws)
{
    lws_callback_on_writable(ws->conn->wsi);
}

void ws_alive(struct ws *ws)
{
    const struct http_settings *set = &ws->conn->h->set;

    ws->alive_ms = loop_now_ms();
    if (set->alive && ws->login) {
        set->alive(set->who_context, ws->login);
    }
}

void ws_close(struct ws *ws, int code, const char *why)
{
    if (ws->close_code == 0) {
        ws->close_code = code;
        snprintf(ws->close_why, sizeof ws->close_why, "%s", why);
        ws->conn->deadline_ms = loop_now_ms() + CLOSE_MS;
        lws_callback_on_writable(ws->conn->wsi);
    }
}

void ws_gone(struct conn *c)
{
    void *user = c->ws.user;

    c->ws.user = NULL;
    free(c->ws.bytes);
    c->ws.bytes = NULL;
    if (user) {
        c->ws.route->ops.closed(user);
    }
}

static int say_goodbye(struct conn *c)
{
    struct ws *ws = &c->ws;

    lws_close_reason(c->wsi, (enum lws_close_status)ws->close_code, (uint8_t *)ws->close_why,
                     strlen(ws->close_why));
    return -1;
}

/* ---- in ----------------------------------------------------------------------------------- */

/* Room for 'more' bytes of a message and a NUL. */
static bool make_room(struct ws *ws, size_t more)
{
    size_t need = ws->len + more + 1;
    uint8_t *bytes;

    if (need <= ws->size) {
        return true;
    }
    bytes = realloc(ws->bytes, need);
    if (!bytes) {
        return false;
    }
    ws->bytes = bytes;
    ws->size = need;
    return true;
}

static int whole_message(struct conn *c)
{
    struct ws *ws = &c->ws;
    char why[sizeof ws->close_why] = "";
    size_t len = ws->len;
    int code;

    ws->bytes[len] = '\0';
    ws->len = 0;
    code = ws->route->ops.message(ws->user, ws->bytes, len, !lws_frame_is_binary(c->wsi), why,
                                  sizeof why);
    if (code != 0 && ws->close_code == 0) {
        ws_close(ws, code, why);
    }
    return 0;
}

int ws_received(struct conn *c, const uint8_t *bytes, size_t len)
{
    struct ws *ws = &c->ws;

    if (ws->close_code || !ws->user) {
        return 0; /* what comes after our goodbye is not heard */
    }
    if (len + lws_remaining_packet_payload(c->wsi) > ws->route->ops.max_message - ws->len) {
        ws_close(ws, 1009, "the message is longer than this end takes");
        return 0;
    }
    if (!make_room(ws, len)) {
        ws_close(ws, 1011, "no memory for the message");
        return 0;
    }
    if (len > 0) {
        memcpy(ws->bytes + ws->len, bytes, len);
        ws->len += len;
    }
    if (!lws_is_final_fragment(c->wsi) || lws_remaining_packet_payload(c->wsi) > 0) {
        return 0;
    }
    return whole_message(c);
}

/* ---- out ---------------------------------------------------------------------------------- */

int ws_writeable(struct conn *c)
{
    struct ws *ws = &c->ws;
    uint8_t *room = c->h->out + LWS_PRE;
    bool text = false;
    size_t len;

    if (ws->close_code) {
        return say_goodbye(c);
    }
    len = ws->route->ops.pull(ws->user, room, HTTP_OUT, &text);
    if (ws->close_code) {
        return say_goodbye(c);
    }
    if (len == 0) {
        c->deadline_ms = 0;
        return 0;
    }
    c->deadline_ms = loop_now_ms() + WRITE_MS;
    c->h->sent_bytes += len;
    if (lws_write(c->wsi, room, len, text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY) < 0) {
        return -1;
    }
    lws_callback_on_writable(c->wsi);
    return 0;
}
