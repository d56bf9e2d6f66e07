/* webterm/term_ask.c - a thread that asks ptyhost: the loop must not wait for a process that hangs.
 *
 * It is made when the first question comes, and takes one after the other. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/control.h"
#include "webterm/term_parts.h"

#define JOBS 16
#define PATIENCE_MS 6000 /* ptyhost's own is 5 s */

static void free_job(struct term_job *job)
{
    json_decref(job->params);
    json_decref(job->answer);
    free(job);
}

/* ---- the thread ---------------------------------------------------------------------------- */

static struct term_job *next_job(struct term *t)
{
    struct term_job *job;

    pthread_mutex_lock(&t->ask.lock);
    while (!t->ask.waiting && !t->ask.stop) {
        pthread_cond_wait(&t->ask.some, &t->ask.lock);
    }
    job = t->ask.stop ? NULL : t->ask.waiting;
    if (job) {
        t->ask.waiting = job->next;
    }
    pthread_mutex_unlock(&t->ask.lock);
    return job;
}

static void *work(void *context)
{
    struct term *t = context;
    struct term_job *job;

    while ((job = next_job(t))) {
        json_t *params = job->params;

        job->params = NULL;
        job->answer = control_call(t->set.topo->run_dir, "ptyhost", job->method, params,
                                   PATIENCE_MS, job->why, sizeof job->why);
        pthread_mutex_lock(&t->ask.lock);
        job->next = t->ask.done;
        t->ask.done = job;
        pthread_mutex_unlock(&t->ask.lock);
        http_wake(t->set.http);
    }
    return NULL;
}

/* ---- the loop's ---------------------------------------------------------------------------- */

static void on_wake(void *context)
{
    struct term *t = context;
    struct term_job *job;

    pthread_mutex_lock(&t->ask.lock);
    job = t->ask.done;
    t->ask.done = NULL;
    pthread_mutex_unlock(&t->ask.lock);
    while (job) {
        struct term_job *next = job->next;

        if (job->q) {
            term_rest_answer(t, job);
        }
        free_job(job);
        t->ask.n--;
        job = next;
    }
}

static int make(struct term *t)
{
    sigset_t all, old;
    int err;

    if (t->ask.made) {
        return 0;
    }
    sigfillset(&all); /* signals are the main thread's */
    pthread_mutex_init(&t->ask.lock, NULL);
    pthread_cond_init(&t->ask.some, NULL);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    err = pthread_create(&t->ask.thread, NULL, work, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err == 0) {
        http_on_wake(t->set.http, on_wake, t);
    }
    t->ask.made = err == 0;
    return err;
}

static void gone(void *context, struct http_request *q)
{
    struct term_job *job = context;

    (void)q;
    job->q = NULL; /* the loop's thread alone looks at it */
}

void term_ask(struct term *t, struct http_request *q, const char *method, json_t *params)
{
    struct term_job *job = t->ask.n < JOBS ? calloc(1, sizeof *job) : NULL;
    int err = job ? make(t) : 0;

    if (!job || err != 0) {
        json_decref(params);
        free(job);
        http_problem(q, 503, "%s",
                     err ? "no thread can be started: raise the limit of processes (ulimit -u)"
                         : "too many such requests wait for ptyhost: try again");
        return;
    }
    job->q = q;
    job->method = method;
    job->params = params;
    t->ask.n++;
    http_later(q, gone, job);
    pthread_mutex_lock(&t->ask.lock);
    for (struct term_job **at = &t->ask.waiting;; at = &(*at)->next) {
        if (!*at) {
            *at = job;
            break;
        }
    }
    pthread_cond_signal(&t->ask.some);
    pthread_mutex_unlock(&t->ask.lock);
}

void term_ask_close(struct term *t)
{
    struct term_job *lists[2];

    if (!t->ask.made) {
        return;
    }
    pthread_mutex_lock(&t->ask.lock);
    t->ask.stop = true;
    pthread_cond_signal(&t->ask.some);
    pthread_mutex_unlock(&t->ask.lock);
    pthread_join(t->ask.thread, NULL);
    lists[0] = t->ask.waiting;
    lists[1] = t->ask.done;
    for (unsigned i = 0; i < 2; i++) {
        while (lists[i]) {
            struct term_job *next = lists[i]->next;

            free_job(lists[i]);
            lists[i] = next;
        }
    }
}
