/* webterm/term.c - sessions: what ptyhost says, who lacks it, and whom the program waits for. */
#include "webterm/term.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "shm/file.h"
#include "webterm/term_parts.h"

#define TICK_US 100000 /* while somebody lags, or is waited for */
#define SOON_US 2000   /* while a session goes on and on */
#define ARMS 4         /* looks in a row at one session, while it goes on */

bool term_runs(const struct term *t)
{
    return file_locked(t->ptyhost.fd, FILE_SAID);
}

unsigned term_viewers(const struct term_session *s)
{
    unsigned n = 0;

    for (const struct term_client *c = s->clients; c; c = c->next) {
        n += c->attached && c != s->driver;
    }
    return n;
}

const char *term_state_name(const struct term_session *s)
{
    return s->row.state == PTY_FREE ? "closed" : pty_state_name(s->row.state);
}

static void tick_soon(struct term *t, uint64_t us)
{
    uint64_t due = loop_now_ns() + us * 1000;

    if (t->due_ns == 0 || due < t->due_ns) {
        t->due_ns = due;
        http_timer_set(t->set.http, &t->tick, us);
    }
}

void term_tell(struct term_session *s)
{
    for (struct term_client *c = s->clients; c; c = c->next) {
        c->state = c->attached;
        ws_wake(c->ws);
    }
    s->term->news = true;
    tick_soon(s->term, TICK_US);
}

/* ---- whom the program waits for ------------------------------------------------------------ */

void term_release(struct term_session *s)
{
    uint64_t now = loop_now_ns(), released = PTY_NOBODY;
    bool lags = false;

    for (struct term_client *c = s->clients; c; c = c->next) {
        if (c->attached && c->epoch == s->look.epoch) {
            lags |= pace_step(&c->pace, now, c->acked, s->look.end);
            released = pace_least(released, &c->pace, c->acked);
            s->hold_ns = 0;
        }
    }
    if (s->hold_ns > now) {
        released = s->pty.released;
        lags = true;
    }
    if (pty_release(&s->pty, released)) {
        bell_ring(&s->term->set.topo->bell[TOPO_PTYHOST]);
    }
    if (lags) {
        tick_soon(s->term, TICK_US);
    }
}

/* ---- what there is ------------------------------------------------------------------------- */

static void record_more(struct term_session *s)
{
    static uint8_t bytes[64 << 10];
    struct recording *r = &s->record;
    ssize_t n;

    while (r->fd >= 0 && (n = pty_read(&s->pty, r->at, bytes, sizeof bytes)) != 0) {
        if (n < 0) {
            r->at = s->look.start; /* overtaken: that part is missing */
            if (pty_read(&s->pty, r->at, bytes, 1) < 0) {
                return;
            }
            continue;
        }
        r->at += (uint64_t)n;
        if (!record_output(r, bytes, (size_t)n, loop_real_ns())) {
            log_warn("recording ended session=%u file=%s: it is full, or there is no room", s->n,
                     r->name);
            record_stop(r);
            term_tell(s);
        }
    }
}

/* Its last words were there before the board said that it is closed. */
static void end_recording(struct term_session *s)
{
    log_info("recording ends with its session session=%u file=%s", s->n, s->record.name);
    pty_look(&s->pty, &s->look);
    record_more(s);
    record_stop(&s->record);
}

void term_look(struct term_session *s)
{
    bool more = true;

    for (unsigned i = 0; more && i < ARMS; i++) {
        pty_look(&s->pty, &s->look);
        record_more(s);
        for (struct term_client *c = s->clients; c; c = c->next) {
            if (c->attached && (c->epoch != s->look.epoch || c->at != s->look.end)) {
                ws_wake(c->ws);
            }
        }
        more = (s->clients || s->record.fd >= 0) && pty_arm(&s->pty, s->look.end);
    }
    if (more) {
        tick_soon(s->term, SOON_US);
    } else if (s->typed) {
        tick_soon(s->term, s->typed_wait_us);
    }
    term_release(s);
}

/* A session begins, ends, or has another size. */
void term_rows(struct term *t)
{
    for (unsigned i = 0; i < t->n_sessions; i++) {
        struct term_session *s = &t->session[i];
        struct terminal_row row;

        if (!board_get(&t->board, i, &row) || memcmp(&row, &s->row, sizeof row) == 0) {
            continue;
        }
        board_text(row.name, sizeof row.name);
        board_text(row.command, sizeof row.command);
        if (row.epoch != s->row.epoch) {
            term_type_drop(s);
        }
        if (s->record.fd >= 0 && (row.cols != s->row.cols || row.rows != s->row.rows)) {
            record_size(&s->record, row.cols, row.rows, loop_real_ns());
        }
        s->row = row;
        if (row.state == PTY_FREE && s->record.fd >= 0) {
            end_recording(s);
        }
        term_tell(s);
    }
}

static void on_bell(void *context)
{
    struct term *t = context;

    bell_drain(&t->set.topo->bell[TOPO_WEBTERM]);
    if (board_changed(&t->board)) {
        term_rows(t);
    }
    for (unsigned i = 0; i < t->n_sessions; i++) {
        term_look(&t->session[i]);
    }
}

/* The topic "sessions": the list, whenever something in it has changed. */
static void tell_list(struct term *t)
{
    json_t *list = term_sessions(t);
    char *text = json_dumps(list, JSON_COMPACT);

    if (text) {
        live_publish(t->set.live, "sessions", text, strlen(text));
    }
    free(text);
    json_decref(list);
}

static void on_watched(void *context, bool on)
{
    if (on) {
        tell_list(context);
    }
}

static void on_tick(struct http_timer *timer)
{
    struct term *t = (struct term *)(void *)((char *)timer - offsetof(struct term, tick));

    t->due_ns = 0;
    if (t->news) {
        tell_list(t);
    }
    t->news = false;
    for (unsigned i = 0; i < t->n_sessions; i++) {
        term_type_more(&t->session[i]);
        term_look(&t->session[i]);
    }
}

/* ---- opening ------------------------------------------------------------------------------- */

/* The folder is webterm's user's, if it is made here. */
static int open_folder(struct term *t, char *why, size_t why_size)
{
    const struct sandbox *box = t->set.box;
    bool made;

    if (t->set.recordings[0]) {
        snprintf(t->folder, sizeof t->folder, "%s", t->set.recordings);
    } else {
        snprintf(t->folder, sizeof t->folder, "%s/recordings", t->set.topo->run_dir);
    }
    made = mkdir(t->folder, 0750) == 0;
    t->recordings = open(t->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->recordings < 0) {
        snprintf(why, why_size,
                 "recordings: %s: cannot be opened: %s: make the folder, or name another",
                 t->folder, strerror(errno));
        return -1;
    }
    if (made && box && box->on && geteuid() == 0 &&
        fchown(t->recordings, box->uid, (gid_t)-1) != 0) {
        log_warn("recordings: %s: cannot be given to user %s: %s", t->folder, box->user,
                 strerror(errno));
    }
    return 0;
}

static int open_sessions(struct term *t, char *why, size_t why_size)
{
    for (unsigned i = 0; i < t->n_sessions; i++) {
        struct term_session *s = &t->session[i];

        *s = (struct term_session){.term = t, .n = i, .record.fd = -1};
        if (pty_web_open(&s->pty, t->set.topo->run_dir, i, why, why_size) != 0) {
            return -1;
        }
        if (why[0]) {
            log_warn("damaged, and started anew: %s", why);
        }
        /* a predecessor's clients come back */
        s->hold_ns = s->pty.released != PTY_NOBODY ? loop_now_ns() + TERM_HOLD_MS * 1000000ull : 0;
    }
    return 0;
}

static void free_all(struct term *t)
{
    for (unsigned i = 0; i < t->n_sessions; i++) {
        if (t->session[i].term) {
            record_stop(&t->session[i].record);
            term_type_drop(&t->session[i]);
            pty_web_close(&t->session[i].pty);
        }
    }
    if (t->recordings >= 0) {
        close(t->recordings);
    }
    free(t);
}

struct term *term_open(const struct term_settings *settings, char *why, size_t why_size)
{
    struct term *t = calloc(1, sizeof *t);

    if (!t) {
        snprintf(why, why_size, "no memory");
        return NULL;
    }
    t->set = *settings;
    t->n_sessions = settings->sessions < PTY_SESSIONS ? settings->sessions : PTY_SESSIONS;
    t->recordings = -1;
    t->tick.fire = on_tick;
    topo_board_reader(t->set.topo, &t->board, TOPO_TERMINALS);
    if (role_watch(&t->ptyhost, t->set.topo->run_dir, "ptyhost", why, why_size) != 0 ||
        open_sessions(t, why, why_size) != 0 || open_folder(t, why, why_size) != 0) {
        free_all(t);
        return NULL;
    }
    if (http_watch(t->set.http, t->set.topo->bell[TOPO_WEBTERM].fd, on_bell, t) != 0) {
        snprintf(why, why_size, "cannot watch the doorbell: too many open files? raise ulimit -n");
        free_all(t);
        return NULL;
    }
    http_socket(t->set.http, "/ws/terminal", "causeway.terminal", HTTP_VIEWER, &term_ops, t);
    term_rest_open(t);
    live_topic(t->set.live,
               &(struct live_source){
                   .name = "sessions", .kind = LIVE_STATE, .watched = on_watched, .context = t});
    board_changed(&t->board);
    term_rows(t);
    tick_soon(t, TICK_US);
    return t;
}

void term_close(struct term *t)
{
    term_ask_close(t);
    board_read_leave(&t->ptyhost);
    board_read_leave(&t->board);
    free_all(t);
}
