/* webterm/live.c - topics: what publishers hand over, what is kept, and when clients are woken. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/loop.h"
#include "webterm/live_parts.h"

#define CHECK_MS 1000 /* between two looks for clients that take nothing */

struct topic *live_find(const struct live *l, const char *name)
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
    const struct topic *t = live_find(l, topic);

    return t ? t->watchers : 0;
}

/* ---- messages ------------------------------------------------------------------------------- */

size_t live_put_head(char *to, size_t size, const char *topic, const char *key)
{
    return (size_t)snprintf(to, size, "{\"topic\":\"%s\",\"key\":\"%s\",\"value\":", topic, key);
}

size_t live_put_tail(char *to, size_t size)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (size_t)snprintf(to, size, ",\"t\":%lld.%06ld}", (long long)t.tv_sec, t.tv_nsec / 1000);
}

static struct message *message_make(const char *topic, const char *json, size_t len)
{
    struct message *m = malloc(sizeof *m + len + LIVE_AROUND);

    if (!m) {
        return NULL;
    }
    *m = (struct message){.refs = 1};
    m->len = live_put_head(m->text, LIVE_AROUND, topic, "value");
    memcpy(m->text + m->len, json, len);
    m->len += len;
    m->len += live_put_tail(m->text + m->len, LIVE_AROUND - 80);
    return m;
}

void live_unref(struct message *m)
{
    if (m && --m->refs == 0) {
        free(m);
    }
}

/* ---- publishers ----------------------------------------------------------------------------- */

void live_free_handed(struct topic *t)
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
        live_free_handed(t);
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
    struct topic *t = live_find(l, topic);
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

void live_wake(struct client *c)
{
    if (c->gone) {
        return;
    }
    if (c->waiting_ms == 0) {
        c->waiting_ms = loop_now_ms();
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
            live_wake(c);
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
    live_free_handed(t);
    pthread_mutex_unlock(&t->live->lock);
    if (!m) {
        return;
    }
    t->next += lost; /* numbers without a message, all older than those that are kept: missed */
    for (; m; m = next) {
        struct message **place = &t->kept[t->source.kind == LIVE_STATE ? 0 : t->next % LIVE_EVENTS];

        next = m->next;
        live_unref(*place);
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

void live_keep_time(struct live *l)
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
            live_wake(c);
        }
    }
}

static void on_tick(struct http_timer *t)
{
    struct live *l = (struct live *)(void *)((char *)t - offsetof(struct live, tick));

    l->ticking = false;
    for (struct client *c = l->clients; c; c = c->after) {
        tick_client(c);
    }
    live_keep_time(l);
}

/* ---- opening -------------------------------------------------------------------------------- */

void live_topic(struct live *l, const struct live_source *source)
{
    struct topic *t = &l->topics[l->n_topics];

    assert(l->n_topics < LIVE_TOPICS && !live_find(l, source->name));
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
    l->check.fire = live_check;
    http_socket(h, "/ws/live", "causeway.live", HTTP_VIEWER, &live_ws_ops, l);
    http_route(h, "GET", "/api/v1/events", HTTP_VIEWER, live_on_events, l);
    return l;
}
