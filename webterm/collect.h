/* webterm/collect.h - the newest JSON of each topic that somebody asks for, made by threads of its
 * own: a process that hangs makes its own topics old, and never the loop wait.
 *
 *     c = collect_open(http, run_dir, why, sizeof why);   before the sandbox
 *     collect_start(c);                                   in it: the threads
 *     collect_get(c, COLLECT_STATUS, &wait);              the loop, as do all of the below
 *
 * Each topic belongs to a worker, and each worker is a thread: one for what lies in memory, one for
 * each process that is asked.  A thread sleeps until somebody asks; nothing is made for nobody. */
#ifndef WEBTERM_COLLECT_H
#define WEBTERM_COLLECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "webterm/http.h"

#define COLLECT_FRESH_MS 250 /* what is no older is answered as it is */
#define COLLECT_JOBS 32      /* most that wait for a worker */

enum collect_worker {
    WORKER_MEMORY,
    WORKER_PROCESSES, /* pings */
    WORKER_ROUTER,
    WORKER_OFPROXY,
    WORKER_RESTART,
    WORKERS
};

enum collect_topic {
#define T(NAME, name, worker) COLLECT_##NAME,
#include "webterm/topics.def"
#undef T
    COLLECT_TOPICS
};

/* What was found.  status 200: 'body' is JSON on one line; else it is the sentence that says why
 * not, as an HTTP status has it. */
struct collect_text {
    uint64_t version;           /* counts up from 1 */
    uint64_t begun_ns, made_ns; /* CLOCK_MONOTONIC */
    int status;
    char etag[24];   /* in quotes */
    char lacks[300]; /* of 200: what is missing, a sentence; "": nothing */
    size_t len;
    char body[];
};

struct collect;

/* Returns NULL after a sentence in 'why'. */
struct collect *collect_open(struct http *h, const char *run_dir, char *why, size_t why_size);
void collect_start(struct collect *c);
/* Ends the threads; one that waits for a process ends when that answers, or VIEW_ANSWER_MS is over.
 */
void collect_stop(struct collect *c);
void collect_close(struct collect *c);
const char *collect_run_dir(const struct collect *c);
const char *collect_name(enum collect_topic t);

/* The newest text, or NULL before there is one; until the loop's next turn.  'good': the newest of
 * status 200. */
const struct collect_text *collect_newest(const struct collect *c, enum collect_topic t);
const struct collect_text *collect_good(const struct collect *c, enum collect_topic t);

/* One who waits for a text; 'ready' is called once, unless it is cancelled before. */
struct collect_wait {
    void (*ready)(struct collect_wait *w, const struct collect_text *text);
    uint64_t since_ns;
    enum collect_topic topic;
    struct collect_wait *next, **prev;
};
/* Returns a text that is at most COLLECT_FRESH_MS old; else NULL, and w->ready is called later. */
const struct collect_text *collect_get(struct collect *c, enum collect_topic t,
                                       struct collect_wait *w);
void collect_cancel(struct collect_wait *w);

/* From now on the topic is made every 'period_ms', and 'told' is called for each text that differs
 * from the one before; 0: no longer. */
void collect_watch(struct collect *c, enum collect_topic t, unsigned period_ms,
                   void (*told)(void *context, const struct collect_text *text), void *context);

/* ---- questions and orders that are no topic -------------------------------------------------- */

struct collect_job {
    enum collect_worker worker;
    void (*work)(struct collect_job *j); /* in the worker's thread */
    void (*done)(struct collect_job *j); /* in the loop, which owns it again */
    const char *run_dir;                 /* set by collect_do */
    struct collect *collect;             /* likewise */
    struct collect_job *next;
};
/* In the worker's thread: is webterm about to stop, so that nothing long may be waited for? */
bool collect_stops(const struct collect_job *j);
/* False: COLLECT_JOBS wait for that worker already. */
bool collect_do(struct collect *c, struct collect_job *j);

/* Texts, freed by free(); NULL: no memory.  Of JSON, which is taken over (NULL: of the sentence
 * 'why', with 'status'); of any bytes. */
struct collect_text *collect_text(json_t *value, int status, const char *why);
struct collect_text *collect_text_raw(const char *body, size_t len, int status);

/* collect_stack.c: the topic "stack" (docs/web-protocol.md).  'before' is of the last call. */
struct stack_sample;
json_t *collect_stack(const char *run_dir, const bool *silent, struct stack_sample **before);
/* collect_status.c: the topic "status"; which processes do not answer goes to 'silent'. */
json_t *collect_status(const char *run_dir, bool *silent);
/* The topic "ready": {"ready", "reasons"}; do those run, and route, that packets pass? */
json_t *collect_ready(const char *run_dir);
/* metrics.c: a text for /metrics, from memory alone. */
struct collect_text *collect_metrics(const char *run_dir, bool open_metrics);

#endif
