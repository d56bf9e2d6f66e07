/* webterm/term_client.c - a client of /ws/terminal.
 *
 * Frames are made when the client has room (pull): first what it must know, then output, up to
 * PTY_WINDOW beyond what it says that it has shown. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "webterm/term_parts.h"

#define MESSAGE_MOST (64u << 10)
#define OFFSET 8 /* bytes before the output */

/* ---- who drives ---------------------------------------------------------------------------- */

static void drive(struct term_session *s, struct term_client *c)
{
    s->driver = c;
    if (s->wanted == c) {
        s->wanted = NULL;
    }
    if (c) {
        log_info("terminal driver session=%u peer=%s name=%s", s->n, c->peer, c->name);
    }
    term_tell(s);
}

/* ---- out ----------------------------------------------------------------------------------- */

static size_t put_json(json_t *object, uint8_t *to, size_t size)
{
    size_t n = object ? json_dumpb(object, (char *)to, size, JSON_COMPACT) : 0;

    json_decref(object);
    return n <= size ? n : 0;
}

static size_t put_hello(struct term_client *c, uint8_t *to, size_t size)
{
    struct term_session *s = c->session;
    char epoch[24];

    snprintf(epoch, sizeof epoch, "%" PRIu64, c->epoch);
    c->hello = false;
    c->state = true;
    return put_json(json_pack("{s:s,s:i,s:s,s:s,s:I,s:I,s:i,s:i,s:b,s:b,s:i,s:s}", "type", "hello",
                              "session", (int)s->n, "epoch", epoch, "name", s->row.name, "start",
                              (json_int_t)s->look.start, "end", (json_int_t)s->look.end, "cols",
                              s->row.cols, "rows", s->row.rows, "driver", s->driver == c,
                              "readonly", !c->operator_, "viewers", (int)term_viewers(s), "state",
                              term_state_name(s)),
                    to, size);
}

static size_t put_state(struct term_client *c, uint8_t *to, size_t size)
{
    struct term_session *s = c->session;

    c->state = false;
    return put_json(json_pack("{s:s,s:b,s:s,s:i,s:i,s:i,s:s}", "type", "state", "driver",
                              s->driver == c, "driver_name", s->driver ? s->driver->name : "",
                              "viewers", (int)term_viewers(s), "cols", s->row.cols, "rows",
                              s->row.rows, "wanted", s->wanted ? s->wanted->name : ""),
                    to, size);
}

static size_t put_gap(struct term_client *c, uint8_t *to, size_t size)
{
    c->gap = false;
    return put_json(json_pack("{s:s,s:I,s:I}", "type", "gap", "from", (json_int_t)c->gap_from, "to",
                              (json_int_t)c->at),
                    to, size);
}

static size_t put_replay(struct term_client *c, uint8_t *to, size_t size)
{
    c->replay = false;
    return put_json(json_pack("{s:s,s:I}", "type", "replay", "until", (json_int_t)c->until), to,
                    size);
}

static size_t put_refused(struct term_client *c, uint8_t *to, size_t size)
{
    size_t n = put_json(json_pack("{s:s,s:s}", "type", "refused", "why", c->refused), to, size);

    c->refused[0] = '\0';
    return n;
}

/* Who drives may still press Enter, and is told so by the state after it. */
static size_t put_ended(struct term_client *c, uint8_t *to, size_t size)
{
    int status = c->session->row.status;

    c->ended = c->state = true;
    return put_json(json_pack("{s:s,s:i,s:i}", "type", "ended", "status", status >= 0 ? status : 0,
                              "signal", status < 0 ? -status : 0),
                    to, size);
}

/* The scroll-back has passed it: it goes on with what is new, since what is oldest will be gone
 * before it is here. */
static void jump(struct term_client *c)
{
    const struct pty_look *l = &c->session->look;

    c->gap_from = c->at;
    c->at = l->end - l->start > PTY_WINDOW ? l->end - PTY_WINDOW : l->start;
    c->acked = c->at;
    pace_start(&c->pace, loop_now_ns(), c->acked);
    c->pace.slow = true; /* until it has shown that it can */
}

/* An operator is waited for from the first byte on; who only watches, once he has shown that he
 * keeps up: else one who comes again and again would stop the program for good. */
static void begin_pace(struct term_client *c)
{
    pace_start(&c->pace, loop_now_ns(), c->acked);
    c->pace.slow = !c->operator_;
}

/* Another session is in the place of the one that it had. */
static void start_over(struct term_client *c)
{
    const struct pty_look *l = &c->session->look;

    c->epoch = l->epoch;
    c->at = c->acked = l->start;
    c->until = l->end;
    c->replay = c->until > c->at;
    c->gap = c->ended = false;
    c->hello = true;
    begin_pace(c);
}

static size_t put_output(struct term_client *c, uint8_t *to, size_t size, bool *text)
{
    uint64_t window = PTY_WINDOW - (c->at - c->acked);
    size_t most = window < size - OFFSET ? (size_t)window : size - OFFSET;
    ssize_t n = pty_read(&c->session->pty, c->at, to + OFFSET, most);

    if (n < 0) {
        pty_look(&c->session->pty, &c->session->look);
        jump(c);
        return put_gap(c, to, size);
    }
    if (n == 0) {
        return 0;
    }
    *text = false;
    for (unsigned i = 0; i < OFFSET; i++) {
        to[i] = (uint8_t)(c->at >> (56 - 8 * i));
    }
    c->at += (uint64_t)n;
    return OFFSET + (size_t)n;
}

/* All output was sent: what is there to say about its end? */
static size_t put_end(struct term_client *c, uint8_t *to, size_t size)
{
    struct term_session *s = c->session;

    if (s->row.epoch != c->epoch || c->at != s->look.end) {
        return 0;
    }
    if (s->row.state == PTY_ENDED && !c->ended) {
        return put_ended(c, to, size);
    }
    if (s->row.state == PTY_FREE) {
        ws_close(c->ws, 1000, "the session was closed");
    }
    return 0;
}

static size_t pull(void *conn, uint8_t *to, size_t size, bool *text)
{
    struct term_client *c = conn;
    struct term_session *s = c->session;
    size_t n;

    if (!c->attached) {
        return 0;
    }
    pty_look(&s->pty, &s->look);
    if (s->look.epoch == 0) {
        return 0; /* ptyhost has yet to begin it */
    }
    if (s->row.epoch != s->look.epoch) {
        term_rows(s->term); /* the row is always there first */
    }
    if (c->epoch != s->look.epoch) {
        start_over(c);
    }
    *text = true;
    if (c->hello) {
        return put_hello(c, to, size);
    }
    if (c->gap) {
        return put_gap(c, to, size);
    }
    if (c->replay) {
        return put_replay(c, to, size);
    }
    if (c->state) {
        return put_state(c, to, size);
    }
    if (c->refused[0]) {
        return put_refused(c, to, size);
    }
    n = put_output(c, to, size, text);
    return n > 0 ? n : put_end(c, to, size);
}

/* ---- in ------------------------------------------------------------------------------------ */

static void take_name(struct term_client *c, const char *name)
{
    size_t len = name ? strnlen(name, TERM_NAME) : 0;

    if (len == 0) {
        name = c->peer;
        len = strnlen(name, TERM_NAME - 1);
    }
    while (len >= TERM_NAME || (len > 0 && (name[len] & 0xc0) == 0x80)) {
        len--; /* not within a character */
    }
    memcpy(c->name, name, len);
    c->name[len] = '\0';
    for (char *b = c->name; *b; b++) {
        *b = (unsigned char)*b < ' ' || *b == 0x7f ? ' ' : *b;
    }
}

/* What does this page have already? */
static void go_on(struct term_client *c, json_t *m)
{
    const char *epoch = json_string_value(json_object_get(m, "epoch"));
    json_t *from = json_object_get(m, "from");
    struct term_session *s = c->session;
    uint64_t at = (uint64_t)json_integer_value(from);
    char now[24];

    pty_look(&s->pty, &s->look);
    start_over(c);
    snprintf(now, sizeof now, "%" PRIu64, s->look.epoch);
    if (!epoch || strcmp(epoch, now) != 0 || !json_is_integer(from) || at > s->look.end) {
        return;
    }
    if (at < s->look.start) {
        c->gap = true;
        c->gap_from = at;
        return;
    }
    c->at = c->acked = at;
    c->replay = c->until > at;
    begin_pace(c);
}

static int on_attach(struct term_client *c, json_t *m, char *why, size_t why_size)
{
    const json_t *drove = json_object_get(m, "driver");
    struct term_session *s = c->session;

    if (c->attached) {
        snprintf(why, why_size, "attached already");
        return 1008;
    }
    take_name(c, json_string_value(json_object_get(m, "name")));
    go_on(c, m);
    c->attached = true;
    if (c->operator_ && !s->driver && !json_is_false(drove)) {
        drive(s, c);
    } else {
        term_tell(s);
    }
    term_look(s);
    return 0;
}

static int on_ack(struct term_client *c, json_t *m, char *why, size_t why_size)
{
    json_t *offset = json_object_get(m, "offset");
    uint64_t at = (uint64_t)json_integer_value(offset);

    if (!json_is_integer(offset) || at > c->at) {
        snprintf(why, why_size, "ack of what was not sent");
        return 1008;
    }
    if (at > c->acked) { /* an old one may be of before a gap */
        c->acked = at;
        term_release(c->session);
        ws_wake(c->ws);
    }
    return 0;
}

static int on_resize(struct term_client *c, json_t *m, char *why, size_t why_size)
{
    json_int_t cols = json_integer_value(json_object_get(m, "cols"));
    json_int_t rows = json_integer_value(json_object_get(m, "rows"));

    if (cols < 1 || cols > PTY_SIZE_MOST || rows < 1 || rows > PTY_SIZE_MOST) {
        snprintf(why, why_size, "cols and rows are numbers from 1 to %d", PTY_SIZE_MOST);
        return 1008;
    }
    if (c == c->session->driver) {
        pty_want(&c->session->pty, (uint16_t)cols, (uint16_t)rows);
        bell_ring(&c->session->term->set.topo->bell[TOPO_PTYHOST]);
    }
    return 0;
}

static int on_take(struct term_client *c, json_t *m, char *why, size_t why_size)
{
    (void)m, (void)why, (void)why_size;
    if (!c->operator_) {
        term_refuse(c, TERM_WATCHES);
    } else if (c != c->session->driver) {
        drive(c->session, c);
    }
    return 0;
}

static int on_ask(struct term_client *c, json_t *m, char *why, size_t why_size)
{
    struct term_session *s = c->session;

    if (!c->operator_ || !s->driver) {
        return on_take(c, m, why, why_size); /* there is nobody to ask */
    }
    if (c != s->driver) {
        s->wanted = c;
        term_tell(s);
    }
    return 0;
}

static int on_give(struct term_client *c, json_t *m, char *why, size_t why_size)
{
    struct term_session *s = c->session;

    (void)m, (void)why, (void)why_size;
    if (c == s->driver && s->wanted) {
        drive(s, s->wanted);
    }
    return 0;
}

static int on_text(struct term_client *c, const uint8_t *bytes, size_t len, char *why,
                   size_t why_size)
{
    static const struct {
        const char *type;
        int (*call)(struct term_client *c, json_t *m, char *why, size_t why_size);
    } calls[] = {{"attach", on_attach}, {"ack", on_ack}, {"resize", on_resize},
                 {"take", on_take},     {"ask", on_ask}, {"give", on_give}};
    json_t *m = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(m, "type"));
    int code = 1008;

    snprintf(why, why_size, "a text frame is a JSON object with a type; the first is an attach");
    for (unsigned i = 0; type && i < sizeof calls / sizeof calls[0]; i++) {
        if (strcmp(type, calls[i].type) == 0 && (c->attached || i == 0)) {
            code = calls[i].call(c, m, why, why_size);
        }
    }
    if (type && strcmp(type, "ack") != 0) {
        ws_alive(c->ws);
    }
    json_decref(m);
    return code;
}

static int message(void *conn, uint8_t *bytes, size_t len, bool text, char *why, size_t why_size)
{
    struct term_client *c = conn;

    if (text) {
        return on_text(c, bytes, len, why, why_size);
    }
    if (!c->attached) {
        snprintf(why, why_size, "the first frame is an attach");
        return 1008;
    }
    ws_alive(c->ws);
    term_type(c, bytes, len);
    return 0;
}

/* ---- comes and goes ------------------------------------------------------------------------ */

/* Session 0 may be asked for before ptyhost is up. */
static struct term_session *find(struct term *t, const struct http_request *q, char *why,
                                 size_t why_size)
{
    char number[8] = "0", *end;
    unsigned long n;

    http_query(q, "session", number, sizeof number);
    n = strtoul(number, &end, 10);
    if (end == number || *end != '\0' || n >= t->n_sessions ||
        (t->session[n].row.state == PTY_FREE && (n > 0 || t->session[n].row.epoch > 0))) {
        snprintf(why, why_size, "there is no session %s: see /api/v1/sessions", number);
        return NULL;
    }
    return &t->session[n];
}

static void *on_open(void *context, struct ws *ws, const struct http_request *q, char *why,
                     size_t why_size)
{
    struct term_session *s = find(context, q, why, why_size);
    struct term_client *c = s ? calloc(1, sizeof *c) : NULL;

    if (s && !c) {
        snprintf(why, why_size, "no memory");
    }
    if (!c) {
        return NULL;
    }
    c->session = s;
    c->ws = ws;
    c->operator_ = http_role_of(q) == HTTP_OPERATOR;
    snprintf(c->peer, sizeof c->peer, "%s", http_peer(q));
    c->next = s->clients;
    s->clients = c;
    return c;
}

static void closed(void *conn)
{
    struct term_client *c = conn, **at;
    struct term_session *s = c->session;

    for (at = &s->clients; *at != c; at = &(*at)->next) {
    }
    *at = c->next;
    if (s->wanted == c) {
        s->wanted = NULL;
    }
    if (!s->clients && c->attached && c->operator_) {
        s->hold_ns = loop_now_ns() + TERM_HOLD_MS * 1000000ull;
    }
    if (s->driver == c) {
        s->driver = NULL;
        drive(s, s->wanted); /* who has asked for it, if anybody */
    } else {
        term_tell(s);
    }
    free(c);
    term_release(s);
}

const struct ws_ops term_ops = {.open = on_open,
                                .message = message,
                                .pull = pull,
                                .closed = closed,
                                .max_message = MESSAGE_MOST};
