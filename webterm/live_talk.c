/* webterm/live_talk.c - what clients say, and how they are told: frames, or a stream of events. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "webterm/live_parts.h"

#define ASKED_MOST 4096        /* bytes of what a client says */
#define STREAM_AT_FIRST 262144 /* room for one event of a stream; grows for a longer value */

/* ---- WebSocket ------------------------------------------------------------------------------ */

static void *ws_come(void *context, struct ws *ws, const struct http_request *q, char *why,
                     size_t why_size)
{
    struct client *c = live_add(context);

    (void)q;
    if (!c) {
        snprintf(why, why_size, "webterm is out of memory: try again later");
        return NULL;
    }
    c->ws = ws;
    return c;
}

enum asked { ASKED_SUBSCRIBE, ASKED_UNSUBSCRIBE, ASKED_PAUSE, ASKED_RESUME };

static void do_asked(struct client *c, enum asked what, const char *name, const json_t *settings)
{
    struct topic *t = live_find(c->live, name);
    unsigned i = t ? (unsigned)(t - c->live->topics) : 0;
    char why[200];

    if (!t) {
        snprintf(why, sizeof why, "there is no topic '%.40s'", name);
        live_refuse(c, "?", why);
    } else if (what == ASKED_SUBSCRIBE) {
        live_subscribe(c, i, settings);
    } else if (what == ASKED_UNSUBSCRIBE) {
        live_unsubscribe(c, i);
    } else {
        c->at[i].paused = what == ASKED_PAUSE;
        live_wake(c);
    }
}

/* False: not a list of names. */
static bool do_list(struct client *c, enum asked what, const json_t *all, const json_t *names)
{
    const json_t *name;
    size_t i;

    if (!json_is_array(names) || json_array_size(names) > 2 * LIVE_TOPICS) {
        return false;
    }
    json_array_foreach(names, i, name)
    {
        const char *text = json_string_value(name);

        if (!text) {
            return false;
        }
        do_asked(c, what, text, json_object_get(all, text));
    }
    return true;
}

static int ws_said(void *conn, uint8_t *bytes, size_t len, bool text, char *why, size_t why_size)
{
    static const char *const words[] = {"subscribe", "unsubscribe", "pause", "resume"};
    struct client *c = conn;
    json_t *all = text ? json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    bool good = json_is_object(all);
    unsigned n = 0;

    for (unsigned i = 0; i < 4 && good; i++) {
        json_t *names = json_object_get(all, words[i]);

        n += names != NULL;
        good = !names || do_list(c, (enum asked)i, all, names);
    }
    json_decref(all);
    if (!good || n == 0) {
        snprintf(why, why_size, "expected {\"subscribe\":[topics]}, unsubscribe, pause or resume");
        return 1008;
    }
    ws_alive(c->ws);
    return 0;
}

static size_t ws_next(void *conn, uint8_t *to, size_t size, bool *text)
{
    struct client *c = conn;
    const char *topic;
    size_t n = c->gone ? 0 : live_next(c, (char *)to, size, &topic);

    *text = true;
    if (n > size) { /* it can never be sent: say so in its place */
        for (unsigned i = 0; i < c->live->n_topics; i++) {
            if (c->at[i].on && strcmp(topic, c->live->topics[i].source.name) == 0) {
                c->at[i].next = c->live->topics[i].next;
            }
        }
        n = live_put_head((char *)to, size, topic, "too_long");
        n += (size_t)snprintf((char *)to + n, size - n, "\"read it by REST\"");
        n += live_put_tail((char *)to + n, size - n);
    }
    live_took(c, n > 0);
    return n;
}

static void client_closed(void *conn)
{
    live_remove(conn);
}

/* ---- server-sent events --------------------------------------------------------------------- */

/* Makes room for an event whose message has 'len' bytes. */
static bool grow(struct client *c, size_t len)
{
    size_t size = len + 2 * LIVE_AROUND;
    char *more;

    if (size <= c->room_size) {
        return true;
    }
    more = realloc(c->room, size);
    if (more) {
        c->room = more;
        c->room_size = size;
    }
    return more != NULL;
}

/* "event: T\ndata: {...}\n\n", the message made in its place.  False: there is none. */
static bool next_event(struct client *c)
{
    const char *topic;
    char head[64];
    size_t n, at;

    if (!grow(c, STREAM_AT_FIRST)) {
        return false;
    }
    n = live_next(c, c->room + sizeof head, c->room_size - sizeof head - 2, &topic);
    if (n > c->room_size - sizeof head - 2) {
        if (!grow(c, n + sizeof head)) {
            return false;
        }
        for (unsigned i = 0; i < c->live->n_topics; i++) { /* the same topic once more */
            c->turn = strcmp(c->live->topics[i].source.name, topic) == 0 ? i : c->turn;
        }
        n = live_next(c, c->room + sizeof head, c->room_size - sizeof head - 2, &topic);
    }
    if (n == 0 || n > c->room_size - sizeof head - 2) {
        return false;
    }
    at = (size_t)snprintf(head, sizeof head, "event: %.40s\ndata: ", topic);
    c->room_at = sizeof head - at;
    memcpy(c->room + c->room_at, head, at);
    memcpy(c->room + sizeof head + n, "\n\n", 2);
    c->room_len = sizeof head + n + 2;
    return true;
}

static int stream_pull(void *context, uint8_t *to, size_t size)
{
    struct client *c = context;
    size_t n;

    if (c->gone) {
        return -1;
    }
    if (c->room_at == c->room_len && !next_event(c)) {
        live_took(c, false);
        return 0;
    }
    n = c->room_len - c->room_at < size ? c->room_len - c->room_at : size;
    memcpy(to, c->room + c->room_at, n);
    c->room_at += n;
    live_took(c, true);
    return (int)n;
}

static const struct http_stream_ops stream_ops = {stream_pull, client_closed};

/* The settings of a feed, from the query: filter=, where= with commas. */
static json_t *settings_of(const struct http_request *q)
{
    char value[1024], *save, *word;
    json_t *o = json_object(), *list;

    if (http_query(q, "filter", value, sizeof value)) {
        json_object_set_new(o, "filter", json_string(value));
    }
    if (http_query(q, "where", value, sizeof value)) {
        list = json_array();
        for (word = strtok_r(value, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
            json_array_append_new(list, json_string(word));
        }
        json_object_set_new(o, "where", list);
    }
    return o;
}

void live_on_events(void *context, struct http_request *q)
{
    struct live *l = context;
    char topics[200], *save, *word;
    struct client *c;
    json_t *settings;

    if (!http_query(q, "topics", topics, sizeof topics)) {
        http_problem(q, 400, "topics is missing: ?topics=stack,events");
        return;
    }
    c = live_add(l);
    if (!c) {
        http_problem(q, 503, "webterm is out of memory: try again later");
        return;
    }
    settings = settings_of(q);
    c->stream = http_stream(q, "text/event-stream", "cache-control: no-store\r\n", &stream_ops, c);
    if (!c->stream) {
        live_remove(c);
        json_decref(settings);
        return;
    }
    for (word = strtok_r(topics, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        do_asked(c, ASKED_SUBSCRIBE, word, settings);
    }
    json_decref(settings);
}

const struct ws_ops live_ws_ops = {ws_come, ws_said, ws_next, client_closed, ASKED_MOST};
