/* webterm/live.c - topics, clients, and what each client lacks.
 *
 * Publishers are other threads: they hand a message over under the lock, and ring.  All else is the
 * loop's: references are counted there alone. */
#include "webterm/live.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/text.h"

#define ASKED_MOST 4096        /* bytes of what a client says */
#define STREAM_AT_FIRST 262144 /* room for one event of a stream; grows for a longer value */
#define CHECK_MS 1000          /* between two looks for clients that take nothing */

struct message {
    struct message *next; /* of those that were handed over */
    unsigned refs;
    size_t len;
    char text[];
};

struct topic {
    struct live *live;
    struct live_source source;
    unsigned watchers;
    /* the publishers': under the lock */
    struct message *handed, **handed_end;
    unsigned n_handed;
    uint64_t lost; /* events that were handed over faster than the loop took them */
    bool wanted;
    /* the loop's: the last ones, by number; of a state just one */
    struct message *kept[LIVE_EVENTS];
    uint64_t next; /* number of the next value; 1 is the first */
};

struct subscription {
    bool on, paused, due;
    uint64_t next; /* number of the value that it lacks */
    void *member;  /* of a feed */
};

struct client {
    struct live *live;
    struct client *before, *after;
    struct ws *ws; /* one of the two */
    struct http_stream *stream;
    struct subscription at[LIVE_TOPICS];
    unsigned turn;       /* the topic that is looked at first */
    uint64_t waiting_ms; /* since when it has something to take; 0: it takes what there is */
    bool gone;           /* let go: nothing is made for it any more */
    char notice[512];    /* an answer to what it said; "": none */
    char *room;          /* of a stream: the event that it is taking */
    size_t room_size, room_len, room_at;
};

struct live {
    struct http *http;
    pthread_mutex_t lock;
    int bell;
    struct topic topics[LIVE_TOPICS];
    unsigned n_topics;
    struct client *clients;
    struct http_timer tick, check;
    bool ticking, checking;
};

static struct live *the_live; /* timers bear no context */

static uint64_t now_ms(void)
{
    return loop_now_ns() / 1000000;
}

static struct topic *find(const struct live *l, const char *name)
{
    for (unsigned i = 0; i < l->n_topics; i++) {
        if (strcmp(l->topics[i].source.name, name) == 0) {
            return (struct topic *)&l->topics[i];
        }
    }
    return NULL;
}

unsigned live_watchers(const struct live *l, const char *topic)
{
    const struct topic *t = find(l, topic);

    return t ? t->watchers : 0;
}

/* ---- messages ------------------------------------------------------------------------------- */

#define AROUND 128 /* bytes of an envelope */

static size_t put_head(char *to, size_t size, const char *topic, const char *key)
{
    return (size_t)snprintf(to, size, "{\"topic\":\"%s\",\"key\":\"%s\",\"value\":", topic, key);
}

static size_t put_tail(char *to, size_t size)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (size_t)snprintf(to, size, ",\"t\":%lld.%06ld}", (long long)t.tv_sec, t.tv_nsec / 1000);
}

static struct message *message_make(const char *topic, const char *json, size_t len)
{
    struct message *m = malloc(sizeof *m + len + AROUND);

    if (!m) {
        return NULL;
    }
    *m = (struct message){.refs = 1};
    m->len = put_head(m->text, AROUND, topic, "value");
    memcpy(m->text + m->len, json, len);
    m->len += len;
    m->len += put_tail(m->text + m->len, AROUND - 80);
    return m;
}

static void unref(struct message *m)
{
    if (m && --m->refs == 0) {
        free(m);
    }
}

/* ---- publishers ----------------------------------------------------------------------------- */

static void free_handed(struct topic *t)
{
    while (t->handed) {
        struct message *m = t->handed;

        t->handed = m->next;
        free(m);
    }
    t->handed_end = &t->handed;
    t->n_handed = 0;
}

/* Under the lock. */
static void hand_over(struct topic *t, struct message *m)
{
    if (t->source.kind == LIVE_STATE) {
        free_handed(t);
    } else if (t->n_handed == LIVE_EVENTS) {
        t->lost++;
        free(m);
        return;
    }
    *t->handed_end = m;
    t->handed_end = &m->next;
    t->n_handed++;
}

void live_publish(struct live *l, const char *topic, const char *json, size_t len)
{
    struct topic *t = find(l, topic);
    struct message *m;
    bool wanted;

    assert(t && t->source.kind != LIVE_FEED);
    pthread_mutex_lock(&l->lock);
    wanted = t->wanted;
    pthread_mutex_unlock(&l->lock);
    m = wanted ? message_make(topic, json, len) : NULL;
    if (!m) {
        return;
    }
    pthread_mutex_lock(&l->lock);
    hand_over(t, m);
    pthread_mutex_unlock(&l->lock);
    (void)!write(l->bell, &(uint64_t){1}, sizeof(uint64_t));
}

/* ---- clients -------------------------------------------------------------------------------- */

static void wake(struct client *c)
{
    if (c->gone) {
        return;
    }
    if (c->waiting_ms == 0) {
        c->waiting_ms = now_ms();
    }
    if (c->ws) {
        ws_wake(c->ws);
    } else {
        http_stream_wake(c->stream);
    }
}

static void wake_all(struct live *l, unsigned topic)
{
    for (struct client *c = l->clients; c; c = c->after) {
        if (c->at[topic].on && !c->at[topic].paused) {
            wake(c);
        }
    }
}

/* What publishers have handed over becomes what clients are given. */
static void take(struct topic *t)
{
    struct message *m, *next;
    uint64_t lost;

    pthread_mutex_lock(&t->live->lock);
    m = t->handed;
    lost = t->lost;
    t->handed = NULL;
    t->lost = 0;
    free_handed(t);
    pthread_mutex_unlock(&t->live->lock);
    if (!m) {
        return;
    }
    t->next += lost; /* numbers without a message, all older than those that are kept: missed */
    for (; m; m = next) {
        struct message **place = &t->kept[t->source.kind == LIVE_STATE ? 0 : t->next % LIVE_EVENTS];

        next = m->next;
        unref(*place);
        *place = m;
        t->next++;
    }
    wake_all(t->live, (unsigned)(t - t->live->topics));
}

static void on_bell(void *context)
{
    struct live *l = context;
    uint64_t n;

    (void)!read(l->bell, &n, sizeof n);
    for (unsigned i = 0; i < l->n_topics; i++) {
        take(&l->topics[i]);
    }
}

/* ---- timers --------------------------------------------------------------------------------- */

static bool feeds_watched(const struct live *l)
{
    for (unsigned i = 0; i < l->n_topics; i++) {
        if (l->topics[i].source.kind == LIVE_FEED && l->topics[i].watchers > 0) {
            return true;
        }
    }
    return false;
}

static void keep_time(struct live *l)
{
    if (!l->ticking && feeds_watched(l)) {
        l->ticking = true;
        http_timer_set(l->http, &l->tick, LIVE_TICK_MS * 1000);
    }
    if (!l->checking && l->clients) {
        l->checking = true;
        http_timer_set(l->http, &l->check, CHECK_MS * 1000);
    }
}

static void tick_client(struct client *c)
{
    for (unsigned i = 0; i < c->live->n_topics; i++) {
        struct subscription *s = &c->at[i];

        if (s->on && s->member && !s->paused && c->live->topics[i].source.feed->ready(s->member)) {
            s->due = true;
            wake(c);
        }
    }
}

static void on_tick(struct http_timer *t)
{
    struct live *l = the_live;

    (void)t;
    l->ticking = false;
    for (struct client *c = l->clients; c; c = c->after) {
        tick_client(c);
    }
    keep_time(l);
}

/* ---- subscriptions -------------------------------------------------------------------------- */

/* Forgets what was kept: who comes next shall not be told what is long past. */
static void forget(struct topic *t)
{
    for (unsigned i = 0; i < LIVE_EVENTS; i++) {
        unref(t->kept[i]);
        t->kept[i] = NULL;
    }
}

static void count_watchers(struct topic *t, int more)
{
    bool was = t->watchers > 0, is;

    t->watchers = (unsigned)((int)t->watchers + more);
    is = t->watchers > 0;
    if (was == is) {
        return;
    }
    pthread_mutex_lock(&t->live->lock);
    t->wanted = is;
    free_handed(t);
    pthread_mutex_unlock(&t->live->lock);
    if (!is) {
        forget(t);
    }
    if (t->source.watched) {
        t->source.watched(t->source.context, is);
    }
}

static void unsubscribe(struct client *c, unsigned i)
{
    struct topic *t = &c->live->topics[i];
    struct subscription *s = &c->at[i];

    if (!s->on) {
        return;
    }
    if (s->member) {
        t->source.feed->leave(s->member);
    }
    *s = (struct subscription){0};
    count_watchers(t, -1);
}

static void refuse(struct client *c, const char *topic, const char *why)
{
    struct text t;
    size_t n = put_head(c->notice, sizeof c->notice, topic, "refused");

    text_open(&t, c->notice + n, sizeof c->notice - n - 40);
    text_json(&t, why, strnlen(why, 300));
    n += strlen(c->notice + n);
    put_tail(c->notice + n, sizeof c->notice - n);
    wake(c);
}

static void subscribe(struct client *c, unsigned i, const json_t *settings)
{
    struct topic *t = &c->live->topics[i];
    struct subscription *s = &c->at[i];
    void *member = NULL;
    char why[300] = "";

    if (t->source.kind == LIVE_FEED) {
        member = t->source.feed->join(t->source.context, settings, why, sizeof why);
        if (!member) {
            refuse(c, t->source.name, why);
            return;
        }
        if (s->member) {
            t->source.feed->leave(s->member);
        }
    }
    if (s->on) {
        s->member = member; /* with other settings */
        s->paused = false;
        return;
    }
    /* of a state the newest is new to it, of events what comes from now on */
    *s = (struct subscription){.on = true, .member = member, .next = t->next};
    if (t->source.kind == LIVE_STATE && t->kept[0]) {
        s->next = t->next - 1;
        wake(c);
    }
    count_watchers(t, 1);
    keep_time(c->live);
}

/* ---- what a client is given ----------------------------------------------------------------- */

/* How many bytes its next message from a topic has, once it is in 'to'; more than 'size': it did
 * not fit, and waits. */
static size_t next_value(struct topic *t, struct subscription *s, char *to, size_t size)
{
    const struct message *m;
    uint64_t oldest = t->source.kind == LIVE_STATE ? t->next - 1
                      : t->next > LIVE_EVENTS      ? t->next - LIVE_EVENTS
                                                   : 1;
    size_t n;

    if (s->next >= t->next) {
        return 0;
    }
    m = t->kept[t->source.kind == LIVE_STATE ? 0 : s->next % LIVE_EVENTS];
    if (s->next < oldest && t->source.kind == LIVE_EVENT) {
        n = put_head(to, size, t->source.name, "missed");
        n += (size_t)snprintf(to + n, size - n, "%" PRIu64, oldest - s->next);
        s->next = oldest;
        return n + put_tail(to + n, size - n);
    }
    s->next = t->source.kind == LIVE_STATE ? t->next - 1 : s->next;
    if (!m) {
        s->next++;
        return 0;
    }
    if (m->len <= size) {
        memcpy(to, m->text, m->len);
        s->next++;
    }
    return m->len;
}

static size_t next_fed(struct topic *t, struct subscription *s, char *to, size_t size)
{
    size_t head, n;

    if (!s->due || s->paused || size < 2 * AROUND) {
        return 0;
    }
    s->due = false;
    head = put_head(to, size, t->source.name, "value");
    n = t->source.feed->pull(s->member, to + head, size - head - AROUND);
    return n == 0 ? 0 : head + n + put_tail(to + head + n, size - head - n);
}

/* The next message, and of which topic it is; 0: none.  As long as 'size' or longer: it waits for
 * more room. */
static size_t next_message(struct client *c, char *to, size_t size, const char **topic)
{
    struct live *l = c->live;
    size_t n;

    *topic = "notice";
    if (c->notice[0]) {
        n = strlen(c->notice);
        memcpy(to, c->notice, n);
        c->notice[0] = '\0';
        return n;
    }
    for (unsigned k = 0; k < l->n_topics; k++) {
        unsigned i = (c->turn + k) % l->n_topics;
        struct subscription *s = &c->at[i];

        if (!s->on || s->paused) {
            continue;
        }
        n = s->member ? next_fed(&l->topics[i], s, to, size)
                      : next_value(&l->topics[i], s, to, size);
        if (n > 0) {
            *topic = l->topics[i].source.name;
            c->turn = (i + 1) % l->n_topics;
            return n;
        }
    }
    return 0;
}

static void took(struct client *c, bool any)
{
    c->waiting_ms = any ? now_ms() : 0;
}

static struct client *add_client(struct live *l)
{
    struct client *c = calloc(1, sizeof *c);

    if (c) {
        c->live = l;
        c->after = l->clients;
        if (c->after) {
            c->after->before = c;
        }
        l->clients = c;
        keep_time(l);
    }
    return c;
}

static void let_go(struct client *c)
{
    for (unsigned i = 0; i < c->live->n_topics; i++) {
        unsubscribe(c, i);
    }
    c->gone = true;
}

static void remove_client(struct client *c)
{
    let_go(c);
    if (c->before) {
        c->before->after = c->after;
    } else {
        c->live->clients = c->after;
    }
    if (c->after) {
        c->after->before = c->before;
    }
    free(c->room);
    free(c);
}

static void on_check(struct http_timer *t)
{
    struct live *l = the_live;
    struct client *next;
    uint64_t now = now_ms();

    (void)t;
    l->checking = false;
    for (struct client *c = l->clients; c; c = next) {
        next = c->after;
        if (!c->gone && c->waiting_ms != 0 && now - c->waiting_ms > LIVE_PATIENCE_MS) {
            let_go(c);
            if (c->ws) {
                ws_close(c->ws, 1008, "nothing was taken for half a minute: connect again");
            }
        }
    }
    keep_time(l);
}

/* ---- WebSocket ------------------------------------------------------------------------------ */

static void *ws_come(void *context, struct ws *ws, const struct http_request *q, char *why,
                     size_t why_size)
{
    struct client *c = add_client(context);

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
    struct topic *t = find(c->live, name);
    unsigned i = t ? (unsigned)(t - c->live->topics) : 0;
    char why[200];

    if (!t) {
        snprintf(why, sizeof why, "there is no topic '%.40s'", name);
        refuse(c, "?", why);
    } else if (what == ASKED_SUBSCRIBE) {
        subscribe(c, i, settings);
    } else if (what == ASKED_UNSUBSCRIBE) {
        unsubscribe(c, i);
    } else {
        c->at[i].paused = what == ASKED_PAUSE;
        wake(c);
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
    size_t n = c->gone ? 0 : next_message(c, (char *)to, size, &topic);

    *text = true;
    if (n > size) { /* it can never be sent: say so in its place */
        for (unsigned i = 0; i < c->live->n_topics; i++) {
            if (c->at[i].on && strcmp(topic, c->live->topics[i].source.name) == 0) {
                c->at[i].next = c->live->topics[i].next;
            }
        }
        n = put_head((char *)to, size, topic, "too_long");
        n += (size_t)snprintf((char *)to + n, size - n, "\"read it by REST\"");
        n += put_tail((char *)to + n, size - n);
    }
    took(c, n > 0);
    return n;
}

static void client_closed(void *conn)
{
    remove_client(conn);
}

/* ---- server-sent events --------------------------------------------------------------------- */

/* Makes room for an event whose message has 'len' bytes. */
static bool grow(struct client *c, size_t len)
{
    size_t size = len + 2 * AROUND;
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
    n = next_message(c, c->room + sizeof head, c->room_size - sizeof head - 2, &topic);
    if (n > c->room_size - sizeof head - 2) {
        if (!grow(c, n + sizeof head)) {
            return false;
        }
        for (unsigned i = 0; i < c->live->n_topics; i++) { /* the same topic once more */
            c->turn = strcmp(c->live->topics[i].source.name, topic) == 0 ? i : c->turn;
        }
        n = next_message(c, c->room + sizeof head, c->room_size - sizeof head - 2, &topic);
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
        took(c, false);
        return 0;
    }
    n = c->room_len - c->room_at < size ? c->room_len - c->room_at : size;
    memcpy(to, c->room + c->room_at, n);
    c->room_at += n;
    took(c, true);
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

static void on_events(void *context, struct http_request *q)
{
    struct live *l = context;
    char topics[200], *save, *word;
    struct client *c;
    json_t *settings;

    if (!http_query(q, "topics", topics, sizeof topics)) {
        http_problem(q, 400, "topics is missing: ?topics=stack,events");
        return;
    }
    c = add_client(l);
    if (!c) {
        http_problem(q, 503, "webterm is out of memory: try again later");
        return;
    }
    settings = settings_of(q);
    c->stream = http_stream(q, "text/event-stream", "cache-control: no-store\r\n", &stream_ops, c);
    if (!c->stream) {
        remove_client(c);
        json_decref(settings);
        return;
    }
    for (word = strtok_r(topics, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        do_asked(c, ASKED_SUBSCRIBE, word, settings);
    }
    json_decref(settings);
}

/* ---- opening -------------------------------------------------------------------------------- */

static const struct ws_ops live_ws_ops = {ws_come, ws_said, ws_next, client_closed, ASKED_MOST};

void live_topic(struct live *l, const struct live_source *source)
{
    struct topic *t = &l->topics[l->n_topics];

    assert(l->n_topics < LIVE_TOPICS && !find(l, source->name));
    *t = (struct topic){.live = l, .source = *source, .next = 1};
    t->handed_end = &t->handed;
    l->n_topics++;
}

struct live *live_open(struct http *h, char *why, size_t why_size)
{
    struct live *l = calloc(1, sizeof *l);

    if (!l || (l->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0 ||
        http_watch(h, l->bell, on_bell, l) != 0) {
        snprintf(why, why_size, "the live view cannot be set up: %s: free memory or descriptors",
                 strerror(errno));
        return NULL;
    }
    l->http = h;
    pthread_mutex_init(&l->lock, NULL);
    l->tick.fire = on_tick;
    l->check.fire = on_check;
    the_live = l;
    http_socket(h, "/ws/live", "causeway.live", HTTP_VIEWER, &live_ws_ops, l);
    http_route(h, "GET", "/api/v1/events", HTTP_VIEWER, on_events, l);
    return l;
}
