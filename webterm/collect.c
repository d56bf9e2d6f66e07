/* webterm/collect.c - workers, topics and jobs.
 *
 * A topic has two sides.  The thread's, under the lock: whether it is asked for, when it is due,
 * and the text that is on its way to the loop.  The loop's: the texts, and who waits for one; no
 * lock. */
#include "webterm/collect.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/loop.h"
#include "shm/topo.h"
#include "shm/view/view.h"

#define MS 1000000ull

static const struct {
    const char *name;
    enum collect_worker worker;
} topics[COLLECT_TOPICS] = {
#define T(NAME, name, worker) {name, WORKER_##worker},
#include "webterm/topics.def"
#undef T
};

struct topic {
    /* under the lock */
    bool asked, busy;
    uint64_t period_ns, due_ns; /* while it is watched */
    struct collect_text *fresh;
    /* the loop's */
    struct collect_text *newest, *good;
    struct collect_wait *waits;
    uint64_t version;
    bool coming; /* somebody has asked, and 'newest' is from before that */
    void (*told)(void *context, const struct collect_text *text);
    void *told_context;
};

struct worker {
    struct collect *c;
    pthread_t thread;
    pthread_cond_t work;
    struct collect_job *jobs, **last; /* under the lock */
    unsigned n_jobs;
};

struct collect {
    struct http *h;
    char run_dir[sizeof((struct topo *)0)->run_dir];
    pthread_mutex_t lock;
    struct worker workers[WORKERS];
    struct topic topics[COLLECT_TOPICS];
    struct collect_job *done;    /* under the lock */
    bool started, stop;          /* under the lock */
    bool silent[TOPO_PROCESSES]; /* under the lock: what the last pings found */
    struct stack_sample *sample; /* WORKER_MEMORY's */
};

/* ---- texts -------------------------------------------------------------------------------- */

/* Two texts with one hash are one text: 64 bits of FNV-1a. */
static void put_etag(struct collect_text *t)
{
    uint64_t hash = 0xcbf29ce484222325ull;

    for (size_t i = 0; i < t->len; i++) {
        hash = (hash ^ (uint8_t)t->body[i]) * 0x100000001b3ull;
    }
    snprintf(t->etag, sizeof t->etag, "\"%016llx\"", (unsigned long long)hash);
}

struct collect_text *collect_text_raw(const char *body, size_t len, int status)
{
    struct collect_text *t = calloc(1, sizeof *t + len + 1);

    if (t) {
        t->status = status;
        t->len = len;
        memcpy(t->body, body, len);
        put_etag(t);
    }
    return t;
}

struct collect_text *collect_text(json_t *value, int status, const char *why)
{
    char *dump = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    struct collect_text *t;

    if (dump) {
        t = collect_text_raw(dump, strlen(dump), 200);
    } else {
        t = collect_text_raw(why, strlen(why), status);
    }
    if (t && dump) {
        snprintf(t->lacks, sizeof t->lacks, "%s", why);
    }
    free(dump);
    json_decref(value);
    return t;
}

/* ---- in a worker's thread ------------------------------------------------------------------- */

static json_t *make_status(struct collect *c)
{
    bool silent[TOPO_PROCESSES];
    json_t *value = collect_status(c->run_dir, silent);

    pthread_mutex_lock(&c->lock);
    memcpy(c->silent, silent, sizeof silent);
    pthread_mutex_unlock(&c->lock);
    return value;
}

static json_t *make_stack(struct collect *c)
{
    bool silent[TOPO_PROCESSES];

    pthread_mutex_lock(&c->lock);
    memcpy(silent, c->silent, sizeof silent);
    pthread_mutex_unlock(&c->lock);
    return collect_stack(c->run_dir, silent, &c->sample);
}

static struct collect_text *make(struct collect *c, enum collect_topic t)
{
    uint64_t begun = loop_now_ns();
    struct collect_text *text;
    char why[900] = "";
    json_t *value;

    if (t == COLLECT_METRICS || t == COLLECT_OPENMETRICS) {
        text = collect_metrics(c->run_dir, t == COLLECT_OPENMETRICS);
    } else {
        value = t == COLLECT_STACK    ? make_stack(c)
                : t == COLLECT_STATUS ? make_status(c)
                : t == COLLECT_READY  ? collect_ready(c->run_dir)
                                     : view_show(c->run_dir, topics[t].name, NULL, why, sizeof why);
        text = collect_text(value, loop_now_ns() - begun >= VIEW_ANSWER_MS * MS ? 504 : 503, why);
    }
    if (text) {
        text->begun_ns = begun;
        text->made_ns = loop_now_ns();
    }
    return text;
}

/* The topic of the worker that is to be made next, or COLLECT_TOPICS; '*due': when the next one is.
 */
static enum collect_topic next_topic(const struct collect *c, enum collect_worker worker,
                                     uint64_t now, uint64_t *due)
{
    for (unsigned t = 0; t < COLLECT_TOPICS; t++) {
        const struct topic *at = &c->topics[t];

        if (topics[t].worker != worker) {
            continue;
        }
        if (at->asked || (at->period_ns && at->due_ns <= now)) {
            return (enum collect_topic)t;
        }
        if (at->period_ns && at->due_ns < *due) {
            *due = at->due_ns;
        }
    }
    return COLLECT_TOPICS;
}

/* With the lock, which is given back meanwhile. */
static void make_topic(struct collect *c, enum collect_topic t, uint64_t now)
{
    struct topic *at = &c->topics[t];
    struct collect_text *text;

    at->asked = false;
    at->due_ns = now + at->period_ns;
    pthread_mutex_unlock(&c->lock);
    text = make(c, t);
    pthread_mutex_lock(&c->lock);
    free(at->fresh);
    at->fresh = text;
}

static void do_job(struct worker *l)
{
    struct collect *c = l->c;
    struct collect_job *j = l->jobs;

    l->jobs = j->next;
    l->last = l->jobs ? l->last : &l->jobs;
    l->n_jobs--;
    pthread_mutex_unlock(&c->lock);
    j->work(j);
    pthread_mutex_lock(&c->lock);
    j->next = c->done;
    c->done = j;
}

static void sleep_until(struct worker *l, uint64_t due)
{
    struct timespec t = {(time_t)(due / (1000 * MS)), (long)(due % (1000 * MS))};

    if (due == UINT64_MAX) {
        pthread_cond_wait(&l->work, &l->c->lock);
    } else {
        pthread_cond_timedwait(&l->work, &l->c->lock, &t);
    }
}

static void *work(void *worker)
{
    struct worker *l = worker;
    struct collect *c = l->c;
    enum collect_worker number = (enum collect_worker)(l - c->workers);

    pthread_mutex_lock(&c->lock);
    while (!c->stop) {
        uint64_t now = loop_now_ns(), due = UINT64_MAX;
        enum collect_topic t;

        if (l->jobs) {
            do_job(l);
        } else if ((t = next_topic(c, number, now, &due)) < COLLECT_TOPICS) {
            make_topic(c, t, now);
        } else {
            sleep_until(l, due);
            continue;
        }
        http_wake(c->h);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- in the loop -------------------------------------------------------------------------- */

static void ask(struct collect *c, enum collect_topic t)
{
    c->topics[t].coming = true;
    pthread_mutex_lock(&c->lock);
    c->topics[t].asked = true;
    pthread_cond_signal(&c->workers[topics[t].worker].work);
    pthread_mutex_unlock(&c->lock);
}

/* Is it new enough for one who came then?  That something failed may be told to all who wait. */
static bool answers(const struct collect_text *text, uint64_t since_ns)
{
    return text->status != 200 ? text->made_ns >= since_ns
                               : text->begun_ns + COLLECT_FRESH_MS * MS >= since_ns;
}

static void answer_waits(struct collect *c, enum collect_topic t)
{
    struct topic *at = &c->topics[t];
    struct collect_wait *w = at->waits, *next;

    for (; w; w = next) {
        next = w->next;
        if (answers(at->newest, w->since_ns)) {
            collect_cancel(w);
            w->ready(w, at->newest);
        }
    }
    if (at->waits) {
        ask(c, t);
    }
}

static void take_over(struct collect *c, enum collect_topic t, struct collect_text *fresh)
{
    struct topic *at = &c->topics[t];
    struct collect_text *before = at->newest;
    bool differs = !before || before->status != fresh->status ||
                   strcmp(before->etag, fresh->etag) != 0 ||
                   strcmp(before->lacks, fresh->lacks) != 0;

    at->coming = false;
    fresh->version = at->version += differs;
    at->newest = fresh;
    if (before != at->good) {
        free(before);
    }
    if (fresh->status == 200) {
        free(at->good);
        at->good = fresh;
    }
    answer_waits(c, t);
    if (at->told && differs) {
        at->told(at->told_context, fresh);
    }
}

static void woken(void *context)
{
    struct collect *c = context;
    struct collect_job *done, *next;

    for (unsigned t = 0; t < COLLECT_TOPICS; t++) {
        struct collect_text *fresh;

        pthread_mutex_lock(&c->lock);
        fresh = c->topics[t].fresh;
        c->topics[t].fresh = NULL;
        pthread_mutex_unlock(&c->lock);
        if (fresh) {
            take_over(c, (enum collect_topic)t, fresh);
        }
    }
    pthread_mutex_lock(&c->lock);
    done = c->done;
    c->done = NULL;
    pthread_mutex_unlock(&c->lock);
    for (; done; done = next) {
        next = done->next;
        done->done(done);
    }
}

const struct collect_text *collect_newest(const struct collect *c, enum collect_topic t)
{
    return c->topics[t].newest;
}

const struct collect_text *collect_good(const struct collect *c, enum collect_topic t)
{
    return c->topics[t].good;
}

const struct collect_text *collect_get(struct collect *c, enum collect_topic t,
                                       struct collect_wait *w)
{
    struct topic *at = &c->topics[t];
    uint64_t now = loop_now_ns();

    if (at->newest && at->newest->status == 200 && answers(at->newest, now)) {
        if (!at->coming && now >= at->newest->begun_ns + COLLECT_FRESH_MS * MS / 2) {
            ask(c, t); /* so that under load nobody ever waits */
        }
        return at->newest;
    }
    w->since_ns = now;
    w->topic = t;
    w->next = at->waits;
    w->prev = &at->waits;
    if (w->next) {
        w->next->prev = &w->next;
    }
    at->waits = w;
    ask(c, t);
    return NULL;
}

void collect_cancel(struct collect_wait *w)
{
    *w->prev = w->next;
    if (w->next) {
        w->next->prev = w->prev;
    }
}

void collect_watch(struct collect *c, enum collect_topic t, unsigned period_ms,
                   void (*told)(void *context, const struct collect_text *text), void *context)
{
    struct topic *at = &c->topics[t];

    at->told = period_ms ? told : NULL;
    at->told_context = context;
    pthread_mutex_lock(&c->lock);
    at->period_ns = period_ms * MS;
    at->due_ns = 0;
    pthread_cond_signal(&c->workers[topics[t].worker].work);
    pthread_mutex_unlock(&c->lock);
}

bool collect_stops(const struct collect_job *j)
{
    bool stop;

    pthread_mutex_lock(&j->collect->lock);
    stop = j->collect->stop;
    pthread_mutex_unlock(&j->collect->lock);
    return stop;
}

bool collect_do(struct collect *c, struct collect_job *j)
{
    struct worker *l = &c->workers[j->worker];
    bool room;

    j->run_dir = c->run_dir;
    j->collect = c;
    j->next = NULL;
    pthread_mutex_lock(&c->lock);
    room = l->n_jobs < COLLECT_JOBS;
    if (room) {
        *l->last = j;
        l->last = &j->next;
        l->n_jobs++;
        pthread_cond_signal(&l->work);
    }
    pthread_mutex_unlock(&c->lock);
    return room;
}

/* ---- from beginning to end ---------------------------------------------------------------- */

const char *collect_run_dir(const struct collect *c)
{
    return c->run_dir;
}

const char *collect_name(enum collect_topic t)
{
    return topics[t].name;
}

struct collect *collect_open(struct http *h, const char *run_dir, char *why, size_t why_size)
{
    struct collect *c = calloc(1, sizeof *c);
    pthread_condattr_t monotonic;

    if (!c) {
        snprintf(why, why_size, "no memory for what is collected: free some");
        return NULL;
    }
    c->h = h;
    snprintf(c->run_dir, sizeof c->run_dir, "%s", run_dir);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    for (unsigned i = 0; i < WORKERS; i++) {
        c->workers[i].c = c;
        c->workers[i].last = &c->workers[i].jobs;
        pthread_cond_init(&c->workers[i].work, &monotonic);
    }
    pthread_condattr_destroy(&monotonic);
    http_on_wake(h, woken, c);
    return c;
}

void collect_start(struct collect *c)
{
    sigset_t all, old;
    int err = 0;

    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (unsigned i = 0; i < WORKERS && err == 0; i++) {
        err = pthread_create(&c->workers[i].thread, NULL, work, &c->workers[i]);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err != 0) {
        die("cannot start a thread: %s: raise the limit of processes (ulimit -u)", strerror(err));
    }
    c->started = true;
}

void collect_stop(struct collect *c)
{
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_cond_signal(&c->workers[i].work);
    }
    pthread_mutex_unlock(&c->lock);
    for (unsigned i = 0; i < WORKERS && c->started; i++) {
        pthread_join(c->workers[i].thread, NULL);
    }
    c->started = false;
}

void collect_close(struct collect *c)
{
    for (unsigned t = 0; t < COLLECT_TOPICS; t++) {
        struct topic *at = &c->topics[t];

        free(at->fresh);
        free(at->newest);
        free(at->good == at->newest ? NULL : at->good);
    }
    free(c->sample);
    free(c);
}
