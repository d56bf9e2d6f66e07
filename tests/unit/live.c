/* Topics and what their clients are given, over a pretend http.h: which client is slow, and when,
 * must be the test's to say. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "webterm/live.c"
#include "webterm/live_client.c"
#include "webterm/live_talk.c"

TestSuite(live, .timeout = 20);

/* ---- http.h, as far as live.c uses it -------------------------------------------------------- */

struct ws {
    unsigned woken;
    int closed;
    void *conn;
};
struct http_stream {
    unsigned woken;
    const struct http_stream_ops *ops;
    void *context;
};
struct http_request {
    const char *topics, *filter;
    int problem;
    struct http_stream stream;
};

static const struct ws_ops *ops;
static void *ops_context;
static http_handler *on_get;
static void (*bell)(void *context);
static struct http_timer *timers[8];
static unsigned n_timers;

void http_route(struct http *h, const char *method, const char *path, enum http_role role,
                http_handler *handler, void *context)
{
    (void)h, (void)method, (void)path, (void)role, (void)context;
    on_get = handler;
}
void http_socket(struct http *h, const char *path, const char *protocol, enum http_role role,
                 const struct ws_ops *o, void *context)
{
    (void)h, (void)path, (void)protocol, (void)role;
    ops = o;
    ops_context = context;
}
int http_watch(struct http *h, int fd, void (*ready)(void *context), void *context)
{
    (void)h, (void)fd, (void)context;
    bell = ready;
    return 0;
}
void http_timer_set(struct http *h, struct http_timer *t, uint64_t us)
{
    (void)h, (void)us;
    for (unsigned i = 0; i < n_timers; i++) {
        if (timers[i] == t) {
            return;
        }
    }
    timers[n_timers++] = t;
}
bool http_query(const struct http_request *q, const char *name, char *value, size_t size)
{
    const char *from = strcmp(name, "topics") == 0   ? q->topics
                       : strcmp(name, "filter") == 0 ? q->filter
                                                     : NULL;

    snprintf(value, size, "%s", from ? from : "");
    return from != NULL;
}
void http_problem(struct http_request *q, int status, const char *format, ...)
{
    (void)format;
    q->problem = status;
}
struct http_stream *http_stream(struct http_request *q, const char *type, const char *headers,
                                const struct http_stream_ops *o, void *context)
{
    cr_expect_str_eq(type, "text/event-stream");
    (void)headers;
    q->stream = (struct http_stream){.ops = o, .context = context};
    return &q->stream;
}
void http_stream_wake(struct http_stream *s)
{
    s->woken++;
}
void ws_wake(struct ws *ws)
{
    ws->woken++;
}
void ws_close(struct ws *ws, int code, const char *why)
{
    cr_expect(strlen(why) > 0 && strlen(why) < 124);
    ws->closed = code;
}
void ws_alive(struct ws *ws)
{
    (void)ws;
}

/* All timers that are set, once. */
static void time_passes(void)
{
    struct http_timer *due[8];
    unsigned n = n_timers;

    memcpy(due, timers, sizeof due);
    n_timers = 0;
    for (unsigned i = 0; i < n; i++) {
        due[i]->fire(due[i]);
    }
}

/* ---- the test's own topics ------------------------------------------------------------------- */

static struct live *l;
static int watched_state = -1, watched_feed = -1;
static unsigned members, pulls;
static bool feed_has = true;

static void on_watched(void *context, bool on)
{
    *(int *)context = on;
}
static void *feed_join(void *context, const json_t *settings, char *why, size_t size)
{
    static int member;
    const char *filter = json_string_value(json_object_get(settings, "filter"));

    (void)context;
    if (filter && strcmp(filter, "bad") == 0) {
        snprintf(why, size, "'bad' is no \"filter\"");
        return NULL;
    }
    members++;
    return &member;
}
static void feed_leave(void *member)
{
    (void)member;
    members--;
}
static bool feed_ready(void *member)
{
    (void)member;
    return feed_has;
}
static size_t feed_pull(void *member, char *to, size_t size)
{
    (void)member;
    pulls++;
    return (size_t)snprintf(to, size, "[%u]", pulls);
}
static const struct live_feed feed = {feed_join, feed_leave, feed_ready, feed_pull};

static void open_live(void)
{
    char why[200];

    l = live_open(NULL, why, sizeof why);
    cr_assert(l, "%s", why);
    live_topic(l, &(struct live_source){.name = "state",
                                        .kind = LIVE_STATE,
                                        .watched = on_watched,
                                        .context = &watched_state});
    live_topic(l, &(struct live_source){.name = "news", .kind = LIVE_EVENT});
    live_topic(l, &(struct live_source){.name = "feed",
                                        .kind = LIVE_FEED,
                                        .watched = on_watched,
                                        .feed = &feed,
                                        .context = &watched_feed});
}

static struct ws come(void)
{
    struct ws ws = {0};

    return ws;
}

static void join(struct ws *ws)
{
    char why[200];

    ws->conn = ops->open(ops_context, ws, NULL, why, sizeof why);
    cr_assert(ws->conn);
}

static int say(struct ws *ws, const char *words)
{
    char why[200] = "", copy[500];
    int code;

    snprintf(copy, sizeof copy, "%s", words);
    code = ops->message(ws->conn, (uint8_t *)copy, strlen(copy), true, why, sizeof why);
    cr_expect((code == 0) == (why[0] == '\0'));
    return code;
}

static void publish(const char *topic, const char *json)
{
    live_publish(l, topic, json, strlen(json));
    bell(l);
}

static char got[1 << 20];

/* The next message, "": none; without its time. */
static const char *next(struct ws *ws)
{
    bool text = false;
    size_t n = ops->pull(ws->conn, (uint8_t *)got, sizeof got - 1, &text);
    char *t;

    got[n] = '\0';
    t = strstr(got, ",\"t\":");
    if (t) {
        cr_expect(text);
        cr_expect_eq(got[n - 1], '}');
        *t = '\0';
    }
    return got;
}

#define VALUE(topic, value) "{\"topic\":\"" topic "\",\"key\":\"value\",\"value\":" value
#define KEYED(topic, key, value) "{\"topic\":\"" topic "\",\"key\":\"" key "\",\"value\":" value

Test(live, gives_a_slow_client_only_the_newest_state, .init = open_live)
{
    struct ws a = come(), b = come();

    join(&a);
    join(&b);
    cr_expect_eq(say(&a, "{\"subscribe\":[\"state\"]}"), 0);
    cr_expect_eq(say(&b, "{\"subscribe\":[\"state\"]}"), 0);
    publish("state", "1");
    cr_expect_str_eq(next(&a), VALUE("state", "1"));
    cr_expect_str_eq(next(&a), "");
    publish("state", "2");
    publish("state", "3");
    cr_expect_str_eq(next(&a), VALUE("state", "3"));
    cr_expect_str_eq(next(&b), VALUE("state", "3"));
    cr_expect_str_eq(next(&b), "");
}

Test(live, gives_who_comes_later_the_value_that_there_is, .init = open_live)
{
    struct ws a = come(), b = come();

    join(&a);
    join(&b);
    say(&a, "{\"subscribe\":[\"state\",\"news\"]}");
    publish("state", "{\"x\":1}");
    publish("news", "\"old\"");
    say(&b, "{\"subscribe\":[\"state\",\"news\"]}");
    cr_expect_gt(b.woken, 0);
    cr_expect_str_eq(next(&b), VALUE("state", "{\"x\":1}"));
    cr_expect_str_eq(next(&b), "", "an event of before it came");
    publish("news", "\"new\"");
    cr_expect_str_eq(next(&b), VALUE("news", "\"new\""));
    cr_expect_str_eq(next(&a), VALUE("state", "{\"x\":1}"));
    cr_expect_str_eq(next(&a), VALUE("news", "\"old\""));
    cr_expect_str_eq(next(&a), VALUE("news", "\"new\""));
}

Test(live, tells_the_owner_when_the_first_comes_and_the_last_goes, .init = open_live)
{
    struct ws a = come(), b = come();

    join(&a);
    join(&b);
    cr_expect_eq(watched_state, -1);
    publish("state", "0"); /* for nobody */
    say(&a, "{\"subscribe\":[\"state\",\"state\"]}");
    cr_expect_eq(watched_state, 1);
    cr_expect_str_eq(next(&a), "", "a value from when nobody listened");
    say(&b, "{\"subscribe\":[\"state\"]}");
    cr_expect_eq(live_watchers(l, "state"), 2);
    say(&a, "{\"unsubscribe\":[\"state\"]}");
    cr_expect_eq(watched_state, 1);
    publish("state", "1");
    cr_expect_str_eq(next(&a), "");
    ops->closed(b.conn);
    cr_expect_eq(watched_state, 0);
    say(&a, "{\"subscribe\":[\"state\"]}");
    cr_expect_str_eq(next(&a), "", "a value from when nobody listened");
}

Test(live, counts_the_events_that_a_slow_client_missed, .init = open_live)
{
    struct ws a = come();
    char number[20];

    join(&a);
    say(&a, "{\"subscribe\":[\"news\"]}");
    for (unsigned i = 1; i <= LIVE_EVENTS + 10; i++) {
        snprintf(number, sizeof number, "%u", i);
        publish("news", number);
    }
    cr_expect_str_eq(next(&a), KEYED("news", "missed", "10"));
    cr_expect_str_eq(next(&a), VALUE("news", "11"));
    cr_expect_str_eq(next(&a), VALUE("news", "12"));
    /* handed over faster than the loop turns: bounded there, too */
    for (unsigned i = 0; i < LIVE_EVENTS + 5; i++) {
        live_publish(l, "news", "0", 1);
    }
    bell(l);
    cr_expect_str_eq(next(&a), KEYED("news", "missed", "259")); /* 254 unread ones, and 5 */
    for (unsigned i = 0; i < LIVE_EVENTS; i++) {
        cr_assert_str_eq(next(&a), VALUE("news", "0"));
    }
    cr_expect_str_eq(next(&a), "");
}

Test(live, asks_a_feed_no_oftener_than_its_tick, .init = open_live)
{
    struct ws a = come();

    join(&a);
    say(&a, "{\"subscribe\":[\"feed\"]}");
    cr_expect_eq(watched_feed, 1);
    cr_expect_str_eq(next(&a), "");
    time_passes();
    cr_expect_str_eq(next(&a), VALUE("feed", "[1]"));
    cr_expect_str_eq(next(&a), "");
    cr_expect_str_eq(next(&a), "");
    time_passes();
    cr_expect_str_eq(next(&a), VALUE("feed", "[2]"));
    say(&a, "{\"pause\":[\"feed\"]}");
    time_passes();
    cr_expect_str_eq(next(&a), "");
    say(&a, "{\"resume\":[\"feed\"]}");
    feed_has = false;
    time_passes();
    cr_expect_str_eq(next(&a), "");
    feed_has = true;
    time_passes();
    cr_expect_str_eq(next(&a), VALUE("feed", "[3]"));
    ops->closed(a.conn);
    cr_expect_eq(members, 0);
    cr_expect_eq(watched_feed, 0);
}

Test(live, keeps_the_old_settings_when_new_ones_are_refused, .init = open_live)
{
    struct ws a = come();

    join(&a);
    say(&a, "{\"subscribe\":[\"feed\"],\"feed\":{\"filter\":\"good\"}}");
    cr_expect_eq(say(&a, "{\"subscribe\":[\"feed\"],\"feed\":{\"filter\":\"bad\"}}"), 0);
    cr_expect_str_eq(next(&a), KEYED("feed", "refused", "\"'bad' is no \\\"filter\\\"\""));
    cr_expect_eq(members, 1);
    say(&a, "{\"subscribe\":[\"feed\"],\"feed\":{\"filter\":\"better\"}}");
    cr_expect_eq(members, 1);
    cr_expect_eq(live_watchers(l, "feed"), 1);
    say(&a, "{\"subscribe\":[\"nonsense\"]}");
    cr_expect_str_eq(next(&a), KEYED("?", "refused", "\"there is no topic 'nonsense'\""));
}

Test(live, closes_for_what_is_no_request, .init = open_live)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"subscribe\":\"state\"}",
                                      "{\"subscribe\":[1]}",
                                      "{\"subscribe\":[\"state\"],\"subscribe\":[\"state\"]}",
                                      "{\"unknown\":[\"state\"]}",
                                      "{\"subscribe\":[\"state\"]"};
    struct ws a = come();

    join(&a);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(say(&a, bad[i]), 1008, "%s", bad[i]);
    }
}

Test(live, lets_go_who_takes_nothing, .init = open_live)
{
    struct ws a = come(), b = come();

    join(&a);
    join(&b);
    say(&a, "{\"subscribe\":[\"state\",\"feed\"]}");
    say(&b, "{\"subscribe\":[\"state\"]}");
    publish("state", "1");
    next(&b);
    next(&b);
    ((struct client *)a.conn)->waiting_ms -= LIVE_PATIENCE_MS + 1;
    time_passes();
    cr_expect_eq(a.closed, 1008);
    cr_expect_eq(b.closed, 0);
    cr_expect_eq(members, 0);
    cr_expect_eq(live_watchers(l, "state"), 1);
    cr_expect_str_eq(next(&a), "");
    ops->closed(a.conn);
    ops->closed(b.conn);
}

Test(live, says_so_when_a_value_is_longer_than_a_message_can_be, .init = open_live)
{
    struct ws a = come();
    char *value = malloc(3000);
    bool text;
    size_t n;

    join(&a);
    say(&a, "{\"subscribe\":[\"state\"]}");
    memset(value, '1', 3000);
    live_publish(l, "state", value, 3000);
    bell(l);
    n = ops->pull(a.conn, (uint8_t *)got, 1000, &text);
    cr_assert_lt(n, 1000);
    got[n] = '\0';
    cr_expect(strstr(got, "\"key\":\"too_long\""), "%s", got);
    cr_expect_str_eq(next(&a), "");
    free(value);
}

Test(live, streams_the_same_as_server_sent_events, .init = open_live)
{
    struct http_request q = {.topics = "state,news", .filter = "good"};
    uint8_t piece[7];
    size_t n = 0;
    int more;

    on_get(l, &q);
    cr_assert(q.stream.ops);
    cr_expect_eq(q.stream.ops->pull(q.stream.context, piece, sizeof piece), 0);
    publish("state", "{\"x\":1}");
    publish("news", "2");
    while ((more = q.stream.ops->pull(q.stream.context, piece, sizeof piece)) > 0) {
        memcpy(got + n, piece, (size_t)more);
        n += (size_t)more;
    }
    cr_expect_eq(more, 0);
    got[n] = '\0';
    cr_expect(strncmp(got, "event: state\ndata: " VALUE("state", "{\"x\":1}"), 40) == 0, "%s", got);
    cr_expect(strstr(got, "}\n\nevent: news\ndata: " VALUE("news", "2") ",\"t\":"), "%s", got);
    cr_expect_eq(got[n - 1], '\n');
    q.stream.ops->closed(q.stream.context);
    cr_expect_eq(watched_state, 0);
    q = (struct http_request){0};
    on_get(l, &q);
    cr_expect_eq(q.problem, 400);
}

Test(live, streams_a_value_of_any_length_whole, .init = open_live)
{
    struct http_request q = {.topics = "state"};
    size_t want = 900000, n = 0;
    char *value = malloc(want);
    int more;

    on_get(l, &q);
    memset(value, '1', want);
    live_publish(l, "state", value, want);
    bell(l);
    while ((more = q.stream.ops->pull(q.stream.context, (uint8_t *)got + n, 5000)) > 0) {
        n += (size_t)more;
    }
    cr_expect(n > want && n < want + 150);
    cr_expect_eq(got[n / 2], '1');
    free(value);
    q.stream.ops->closed(q.stream.context);
}

/* ---- publishers are other threads ------------------------------------------------------------ */

static void *publish_much(void *context)
{
    (void)context;
    for (unsigned i = 0; i < 20000; i++) {
        live_publish(l, "state", "{\"whole\":true}", 14);
        live_publish(l, "news", "{\"whole\":true}", 14);
    }
    return NULL;
}

Test(live, takes_values_from_other_threads, .init = open_live)
{
    struct ws a = come();
    pthread_t t[2];

    join(&a);
    say(&a, "{\"subscribe\":[\"state\",\"news\"]}");
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(pthread_create(&t[i], NULL, publish_much, NULL), 0);
    }
    for (unsigned i = 0; i < 20000; i++) {
        bell(l);
        if (next(&a)[0]) {
            cr_assert(strstr(got, "{\"whole\":true}") || strstr(got, "\"missed\""), "%s", got);
        }
        if (i % 1000 == 999) {
            say(&a, "{\"unsubscribe\":[\"news\"]}");
            say(&a, "{\"subscribe\":[\"news\"]}");
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(t[i], NULL);
    }
    ops->closed(a.conn);
}
