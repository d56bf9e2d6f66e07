/* webterm/live.h - what changes, told to whoever listens: topics, by WebSocket (/ws/live) and as
 * server-sent events (/api/v1/events).  docs/web-protocol.md says what each message holds.
 *
 *     l = live_open(http);                                 before http_run
 *     live_topic(l, &(struct live_source){.name = "stack", .watched = ..., .context = ...});
 *     live_publish(l, "stack", json, len);                 from any thread
 *
 * A text is copied once, whoever many take it.  Nothing is kept for a topic that nobody has
 * subscribed, and its owner is told when the first comes and the last goes, so that it need not
 * make any.  What is kept for a client is bounded: of a topic of states the newest alone, of a
 * topic of events the last LIVE_EVENTS.  A client that takes nothing for LIVE_PATIENCE_MS is let
 * go. */
#ifndef WEBTERM_LIVE_H
#define WEBTERM_LIVE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "webterm/http.h"

#define LIVE_TOPICS 8
#define LIVE_EVENTS 256
#define LIVE_TICK_MS 50 /* between two values of a feed to one client */
#define LIVE_PATIENCE_MS 30000

enum live_kind {
    LIVE_STATE, /* each value says all: only the newest counts */
    LIVE_EVENT, /* each value counts; one that was overwritten is told of (key "missed") */
    LIVE_FEED,  /* values differ from client to client: the owner makes them */
};

/* Of a LIVE_FEED; called in the loop's thread. */
struct live_feed {
    /* A client comes with the settings of its subscription (NULL: none).  Returns what the other
     * functions get, or NULL after a sentence in 'why' (key "refused"). */
    void *(*join)(void *context, const json_t *settings, char *why, size_t why_size);
    void (*leave)(void *member);
    /* Is there something for it? */
    bool (*ready)(void *member);
    /* Puts the next value into 'to', 'size' bytes, no NUL.  Returns its length; 0: none. */
    size_t (*pull)(void *member, char *to, size_t size);
};

struct live_source {
    const char *name; /* stays */
    enum live_kind kind;
    /* The first client has subscribed, or the last one has left; in the loop's thread.  May be
     * NULL.  Publish soon after the first came: it waits for a first value. */
    void (*watched)(void *context, bool on);
    const struct live_feed *feed; /* of a LIVE_FEED */
    void *context;
};

struct live;

/* Takes /ws/live and GET /api/v1/events.  Returns NULL after a sentence in 'why'. */
struct live *live_open(struct http *h, char *why, size_t why_size);
/* Before http_run.  A topic that nobody has made is refused to who subscribes it. */
void live_topic(struct live *l, const struct live_source *source);
/* A new value: JSON on one line.  From any thread; does nothing when nobody listens. */
void live_publish(struct live *l, const char *topic, const char *json, size_t len);
/* Clients that have subscribed a topic now; in the loop's thread. */
unsigned live_watchers(const struct live *l, const char *topic);

#endif
