/* webterm/live_parts.h - what live*.c share; nobody else needs it.
 *
 *     live.c          topics: what publishers hand over, and what is kept of it
 *     live_client.c   a client's subscriptions, and what it is given next
 *     live_talk.c     the two ways to be a client: WebSocket, server-sent events
 *
 * Publishers are other threads: they hand a message over under the lock, and ring.  All else is the
 * loop's: references are counted there alone. */
#ifndef WEBTERM_LIVE_PARTS_H
#define WEBTERM_LIVE_PARTS_H

#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>

#include "webterm/live.h"

#define LIVE_AROUND 128 /* bytes of an envelope */

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

/* live.c */
struct topic *live_find(const struct live *l, const char *name);
/* The envelope before a value, and after it.  Return the bytes written. */
size_t live_put_head(char *to, size_t size, const char *topic, const char *key);
size_t live_put_tail(char *to, size_t size);
void live_unref(struct message *m);
void live_free_handed(struct topic *t); /* under the lock */
/* There is something for the client to take. */
void live_wake(struct client *c);
/* Starts the timers that are needed now. */
void live_keep_time(struct live *l);

/* live_client.c */
struct client *live_add(struct live *l);
void live_remove(struct client *c);
void live_subscribe(struct client *c, unsigned topic, const json_t *settings);
void live_unsubscribe(struct client *c, unsigned topic);
/* Says a sentence to the client: key "refused". */
void live_refuse(struct client *c, const char *topic, const char *why);
/* The next message, and of which topic it is; 0: none.  Longer than 'size': it waits for more room.
 */
size_t live_next(struct client *c, char *to, size_t size, const char **topic);
/* The client has been asked what there is for it: 'any' was given. */
void live_took(struct client *c, bool any);
/* Once a second: lets those go that take nothing. */
void live_check(struct http_timer *t);

/* live_talk.c */
extern const struct ws_ops live_ws_ops;
void live_on_events(void *context, struct http_request *q);

#endif
