/* webterm/live_client.c - a client's subscriptions, and what it lacks of each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/loop.h"
#include "common/text.h"
#include "webterm/live_parts.h"

/* ---- subscriptions -------------------------------------------------------------------------- */

/* Forgets what was kept: who comes next shall not be told what is long past. */
static void forget(struct topic *t)
{
    for (unsigned i = 0; i < LIVE_EVENTS; i++) {
        live_unref(t->kept[i]);
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
    live_free_handed(t);
    pthread_mutex_unlock(&t->live->lock);
    if (!is) {
        forget(t);
    }
    if (t->source.watched) {
        t->source.watched(t->source.context, is);
    }
}

void live_unsubscribe(struct client *c, unsigned i)
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

void live_refuse(struct client *c, const char *topic, const char *why)
{
    struct text t;
    size_t n = live_put_head(c->notice, sizeof c->notice, topic, "refused");

    text_open(&t, c->notice + n, sizeof c->notice - n - 40);
    text_json(&t, why, strnlen(why, 300));
    n += strlen(c->notice + n);
    live_put_tail(c->notice + n, sizeof c->notice - n);
    live_wake(c);
}

void live_subscribe(struct client *c, unsigned i, const json_t *settings)
{
    struct topic *t = &c->live->topics[i];
    struct subscription *s = &c->at[i];
    void *member = NULL;
    char why[300] = "";

    if (t->source.kind == LIVE_FEED) {
        member = t->source.feed->join(t->source.context, settings, why, sizeof why);
        if (!member) {
            live_refuse(c, t->source.name, why);
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
        live_wake(c);
    }
    count_watchers(t, 1);
    live_keep_time(c->live);
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
        n = live_put_head(to, size, t->source.name, "missed");
        n += (size_t)snprintf(to + n, size - n, "%" PRIu64, oldest - s->next);
        s->next = oldest;
        return n + live_put_tail(to + n, size - n);
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

    if (!s->due || s->paused || size < 2 * LIVE_AROUND) {
        return 0;
    }
    s->due = false;
    head = live_put_head(to, size, t->source.name, "value");
    n = t->source.feed->pull(s->member, to + head, size - head - LIVE_AROUND);
    return n == 0 ? 0 : head + n + live_put_tail(to + head + n, size - head - n);
}

/* The next message, and of which topic it is; 0: none.  As long as 'size' or longer: it waits for
 * more room. */
size_t live_next(struct client *c, char *to, size_t size, const char **topic)
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

void live_took(struct client *c, bool any)
{
    c->waiting_ms = any ? loop_now_ms() : 0;
}

struct client *live_add(struct live *l)
{
    struct client *c = calloc(1, sizeof *c);

    if (c) {
        c->live = l;
        c->after = l->clients;
        if (c->after) {
            c->after->before = c;
        }
        l->clients = c;
        live_keep_time(l);
    }
    return c;
}

static void let_go(struct client *c)
{
    for (unsigned i = 0; i < c->live->n_topics; i++) {
        live_unsubscribe(c, i);
    }
    c->gone = true;
}

void live_remove(struct client *c)
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

void live_check(struct http_timer *t)
{
    struct live *l = (struct live *)(void *)((char *)t - offsetof(struct live, check));
    struct client *next;
    uint64_t now = loop_now_ms();

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
    live_keep_time(l);
}
