/* webterm/ptyhost/commands.c - methods of the control socket.
 *
 * Its thread touches no session: it leaves its question, rings, and waits for the loop's thread. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "webterm/ptyhost/ptyhost.h"

#define PATIENCE_S 5

/* ---- in the loop's thread ------------------------------------------------------------------ */

static json_t *row_json(const struct session *s)
{
    const struct terminal_row *r = &s->row;
    char epoch[24];

    snprintf(epoch, sizeof epoch, "%" PRIu64, r->epoch);
    return json_pack("{s:i,s:s,s:s,s:s,s:I,s:i,s:i,s:i,s:f,s:s}", "session", (int)s->n, "name",
                     r->name, "epoch", epoch, "state", pty_state_name(r->state), "pid",
                     (json_int_t)r->pid, "status", r->status, "cols", r->cols, "rows", r->rows,
                     "started", (double)r->start_ns / 1e9, "command", r->command);
}

static bool get_size(json_t *params, const char *key, int value, uint16_t *size, char *why,
                     size_t why_size)
{
    json_t *given = json_object_get(params, key);
    json_int_t n = given ? json_integer_value(given) : value;

    if (n < 1 || n > PTY_SIZE_MOST) {
        snprintf(why, why_size, "%s is no number from 1 to %d", key, PTY_SIZE_MOST);
        return false;
    }
    *size = (uint16_t)n;
    return true;
}

static struct session *find_free(struct ptyhost *h)
{
    for (unsigned i = 0; i < h->n_sessions; i++) {
        if (h->session[i].row.state == PTY_FREE && h->session[i].pid == 0) {
            return &h->session[i];
        }
    }
    return NULL;
}

static json_t *do_open(struct ptyhost *h, json_t *params, char *why, size_t why_size)
{
    const char *given = json_string_value(json_object_get(params, "name"));
    struct session *s = find_free(h);
    uint16_t cols, rows;
    char name[32];

    if (given && !config_is_name(given, sizeof name - 1)) {
        snprintf(why, why_size, "a session's name is 1 to 31 ASCII characters without blanks");
        return NULL;
    }
    if (!get_size(params, "cols", COLS, &cols, why, why_size) ||
        !get_size(params, "rows", ROWS, &rows, why, why_size)) {
        return NULL;
    }
    if (!s) {
        snprintf(why, why_size,
                 "there are %u sessions already: close one, or raise max-sessions of [ptyhost]",
                 h->n_sessions);
        return NULL;
    }
    if (given) {
        snprintf(name, sizeof name, "%s", given);
    } else if (s->n > 0) {
        snprintf(name, sizeof name, "lab-%u", s->n + 1);
    } else {
        snprintf(name, sizeof name, "lab");
    }
    return session_begin(s, name, cols, rows, why, why_size) == 0 ? row_json(s) : NULL;
}

static json_t *do_close(struct ptyhost *h, json_t *params, char *why, size_t why_size)
{
    json_t *given = json_object_get(params, "session");
    json_int_t n = json_integer_value(given);

    if (!json_is_integer(given) || n < 0 || n >= h->n_sessions ||
        h->session[n].row.state == PTY_FREE) {
        snprintf(why, why_size, "there is no such session: see session.list");
        return NULL;
    }
    session_close(&h->session[n]);
    return row_json(&h->session[n]);
}

static json_t *do_list(struct ptyhost *h, json_t *params, char *why, size_t why_size)
{
    json_t *list = json_array();

    (void)params, (void)why, (void)why_size;
    for (unsigned i = 0; i < h->n_sessions; i++) {
        if (h->session[i].row.state != PTY_FREE) {
            json_array_append_new(list, row_json(&h->session[i]));
        }
    }
    return list;
}

void commands_turn(struct ptyhost *h)
{
    pthread_mutex_lock(&h->ask.lock);
    if (h->ask.call) {
        h->ask.answer = h->ask.call(h, h->ask.params, h->ask.why, h->ask.why_size);
        h->ask.call = NULL;
        pthread_cond_signal(&h->ask.answered);
    }
    pthread_mutex_unlock(&h->ask.lock);
}

void commands_stop(struct ptyhost *h)
{
    pthread_mutex_lock(&h->ask.lock);
    h->ask.stop = true;
    pthread_cond_signal(&h->ask.answered);
    pthread_mutex_unlock(&h->ask.lock);
}

/* ---- in the control socket's thread -------------------------------------------------------- */

static json_t *ask(struct ptyhost *h,
                   json_t *(*call)(struct ptyhost *h, json_t *params, char *why, size_t why_size),
                   json_t *params, char *why, size_t why_size)
{
    struct timespec end;
    json_t *answer;
    int err = 0;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&h->ask.lock);
    h->ask.call = call;
    h->ask.params = params;
    h->ask.why = why;
    h->ask.why_size = why_size;
    h->ask.answer = NULL;
    bell_ring(&h->topo.bell[TOPO_PTYHOST]);
    while (h->ask.call && !h->ask.stop && err == 0) {
        err = pthread_cond_timedwait(&h->ask.answered, &h->ask.lock, &end);
    }
    if (h->ask.call) {
        h->ask.call = NULL;
        snprintf(why, why_size, "ptyhost %s: try again",
                 h->ask.stop ? "is about to stop" : "is busy");
    }
    answer = h->ask.answer;
    pthread_mutex_unlock(&h->ask.lock);
    return answer;
}

static json_t *on_open(void *context, json_t *params, char *why, size_t why_size)
{
    return ask(context, do_open, params, why, why_size);
}

static json_t *on_close(void *context, json_t *params, char *why, size_t why_size)
{
    return ask(context, do_close, params, why, why_size);
}

static json_t *on_list(void *context, json_t *params, char *why, size_t why_size)
{
    return ask(context, do_list, params, why, why_size);
}

const struct control_method *commands(struct ptyhost *h)
{
    static struct control_method methods[] = {{"session.open", on_open, NULL},
                                              {"session.close", on_close, NULL},
                                              {"session.list", on_list, NULL},
                                              {0}};

    for (unsigned i = 0; methods[i].name; i++) {
        methods[i].context = h;
    }
    pthread_mutex_init(&h->ask.lock, NULL);
    pthread_cond_init(&h->ask.answered, NULL);
    return methods;
}
