/* webterm/ptyhost/session.c - a session: begins, ends, begins anew; and its bytes.
 *
 * Output goes from the kernel straight into the memory that webterm reads.  While webterm lacks too
 * much of it, the terminal is not looked at: its program waits in write(2) then. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "shm/file.h"
#include "webterm/ptyhost/ptyhost.h"

#define READS 16                /* in a row of one terminal: a kernel gives 4 KiB each */
#define LAST_WORDS (256u << 10) /* most bytes that are read of a terminal whose program ended */
#define ANEW "press Enter to start it anew"
#define TIDY "\033[?1049l\033[?25h\033[0m\r\n" /* screen, cursor, colours: as they are at first */

#define OWNER(pointer, member)                                                                     \
    ((struct session *)(void *)((char *)(pointer)-offsetof(struct session, member)))

static void publish(struct session *s)
{
    board_put(&s->host->board, s->n, &s->row);
    board_publish(&s->host->board);
}

static void ring_webterm(struct session *s)
{
    if (pty_heard(&s->pty)) {
        bell_ring(&s->host->topo.bell[TOPO_WEBTERM]);
    }
}

static void tell(struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tell(struct session *s, const char *format, ...)
{
    char text[300];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pty_put(&s->pty, text, strlen(text));
    ring_webterm(s);
}

/* ---- bytes --------------------------------------------------------------------------------- */

/* Puts the terminal into the epoll set for what is wanted of it.  For nothing, it must not be in
 * it: a hang-up is always told. */
static void watch(struct session *s)
{
    uint32_t events = (s->deaf ? 0u : EPOLLIN) | (s->blocked ? EPOLLOUT : 0u);
    bool want = s->pid > 0 && !s->gone && s->master.fd >= 0 && events != 0;

    if (want && s->watched) {
        loop_set(&s->host->loop, &s->master, events);
    } else if (want) {
        s->watched = loop_add(&s->host->loop, &s->master, events) == 0;
    } else if (s->watched) {
        loop_remove(&s->host->loop, &s->master);
        s->watched = false;
    }
}

static bool must_wait(struct session *s)
{
    return pty_waits(&s->pty) && !s->host->runs_on;
}

/* Reads once.  Returns how many bytes; 0: there are none now, or never more. */
static size_t read_some(struct session *s)
{
    struct iovec piece[2];
    int pieces = pty_room(&s->pty, PTY_ROOM, piece);
    ssize_t n = readv(s->master.fd, piece, pieces);

    if (n > 0) {
        pty_commit(&s->pty, (size_t)n);
        ring_webterm(s);
        return (size_t)n;
    }
    s->gone = n == 0 || (errno != EAGAIN && errno != EINTR);
    return 0;
}

static void pump_output(struct session *s)
{
    for (unsigned i = 0; i < READS && !s->deaf && read_some(s) > 0; i++) {
        s->deaf = must_wait(s);
    }
}

static void pump_input(struct session *s)
{
    char bytes[4096];
    size_t n;

    s->blocked = false;
    while (!s->blocked && (n = pty_input(&s->pty, bytes, sizeof bytes)) > 0) {
        ssize_t done = s->gone ? (ssize_t)n : write(s->master.fd, bytes, n);

        if (done > 0) {
            pty_took(&s->pty, (size_t)done);
        } else {
            s->blocked = errno == EAGAIN;
            s->gone |= errno != EAGAIN && errno != EINTR;
        }
    }
}

static void on_master(struct loop_fd *self, uint32_t events)
{
    struct session *s = OWNER(self, master);

    if (events & EPOLLOUT) {
        pump_input(s);
    }
    if (events & ~(uint32_t)EPOLLOUT) {
        pump_output(s);
    }
    watch(s);
}

static void resize(struct session *s)
{
    struct winsize size = {0};

    if (!pty_wants(&s->pty, &size.ws_col, &size.ws_row)) {
        return;
    }
    s->row.cols = size.ws_col;
    s->row.rows = size.ws_row;
    if (s->master.fd >= 0) {
        ioctl(s->master.fd, TIOCSWINSZ, &size);
    }
    publish(s);
}

/* ---- its end ------------------------------------------------------------------------------- */

static void close_terminal(struct session *s)
{
    if (s->watched) {
        loop_remove(&s->host->loop, &s->master);
        s->watched = false;
    }
    if (s->master.fd >= 0) {
        close(s->master.fd);
        s->master.fd = -1;
    }
}

static void say_ended(struct session *s, int status)
{
    s->row.state = PTY_ENDED;
    s->row.pid = 0;
    s->row.status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    log_info("session ended session=%u status=%d", s->n, s->row.status);
    if (s->closing) {
        s->row.state = PTY_FREE;
        tell(s, TIDY "[the session was closed]\r\n");
    } else if (WIFSIGNALED(status)) {
        tell(s, TIDY "[the session was ended by signal %d (%s): " ANEW "]\r\n", WTERMSIG(status),
             strsignal(WTERMSIG(status)));
    } else {
        tell(s, TIDY "[the session ended with status %d: " ANEW "]\r\n", WEXITSTATUS(status));
    }
    publish(s);
}

static void reap(struct session *s)
{
    int status = 0;

    if (s->pid <= 0 || waitpid(s->pid, &status, WNOHANG) != s->pid) {
        return;
    }
    loop_timer_cancel(&s->host->loop, &s->grace);
    loop_remove(&s->host->loop, &s->process);
    close(s->process.fd);
    /* its last words, also if webterm lags: but not those of what it left behind, without end */
    for (size_t n = 0, more = 1; s->master.fd >= 0 && more > 0 && n < LAST_WORDS; n += more) {
        more = read_some(s);
    }
    close_terminal(s);
    s->pid = 0;
    say_ended(s, status);
}

static void on_process(struct loop_fd *self, uint32_t events)
{
    (void)events;
    reap(OWNER(self, process));
}

static void on_grace(struct loop_timer *self)
{
    struct session *s = OWNER(self, grace);

    log_warn("session does not end, and is killed session=%u pid=%d", s->n, (int)s->pid);
    kill(-s->pid, SIGKILL);
}

void session_close(struct session *s)
{
    s->closing = true;
    if (s->pid <= 0) {
        s->row.state = PTY_FREE;
        publish(s);
        return;
    }
    kill(-s->pid, SIGHUP);
    kill(-s->pid, SIGCONT);
    close_terminal(s); /* the kernel hangs up on whoever else is on it */
    loop_timer_set(&s->host->loop, &s->grace, GRACE_MS);
}

void session_close_all(struct ptyhost *h)
{
    bool some = true;

    for (unsigned i = 0; i < h->n_sessions; i++) {
        if (h->session[i].pid > 0) {
            session_close(&h->session[i]);
        }
    }
    while (some) {
        some = false;
        for (unsigned i = 0; i < h->n_sessions; i++) {
            some |= h->session[i].pid > 0;
        }
        if (some) {
            loop_poll(&h->loop, NET_MS);
        }
    }
    for (unsigned i = 0; i < h->n_sessions; i++) {
        pty_host_close(&h->session[i].pty);
    }
}

/* ---- its beginning ------------------------------------------------------------------------- */

static void fill_row(struct session *s, const char *name, uint16_t cols, uint16_t rows)
{
    struct terminal_row *r = &s->row;
    uint64_t last = r->epoch;

    *r = (struct terminal_row){.start_ns = loop_real_ns(),
                               .pid = (uint64_t)s->pid,
                               .state = PTY_RUNNING,
                               .cols = cols,
                               .rows = rows};
    r->epoch = r->start_ns > last ? r->start_ns : last + 1;
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(r->command, sizeof r->command, "%.79s", s->host->program.text);
}

int session_begin(struct session *s, const char *name, uint16_t cols, uint16_t rows, char *why,
                  size_t why_size)
{
    char keep[sizeof s->row.name];
    struct spawned p;
    int err;

    snprintf(keep, sizeof keep, "%s", name); /* it may be the row's own */
    err = spawn_start(&s->host->program, cols, rows, &p);
    if (err != 0) {
        snprintf(why, why_size, "cannot start '%s': %s: are there too many processes or terminals?",
                 s->host->program.text, strerror(-err));
        return err;
    }
    s->pid = p.pid;
    s->master = (struct loop_fd){.fd = p.master, .ready = on_master};
    s->process = (struct loop_fd){.fd = p.process, .ready = on_process};
    s->grace.fire = on_grace;
    s->watched = s->deaf = s->blocked = s->gone = s->closing = false;
    fill_row(s, keep, cols, rows);
    publish(s); /* first: webterm wants to know what it is that begins */
    pty_begin(&s->pty, s->row.epoch);
    bell_ring(&s->host->topo.bell[TOPO_WEBTERM]);
    loop_add(&s->host->loop, &s->process, EPOLLIN);
    watch(s);
    log_info("session begins session=%u name=%s pid=%d", s->n, s->row.name, (int)s->pid);
    return 0;
}

/* What was typed for what is no more. */
static void let_go(struct session *s)
{
    char junk[1024];
    size_t n;

    while ((n = pty_input(&s->pty, junk, sizeof junk)) > 0) {
        pty_took(&s->pty, n);
    }
}

static void begin_anew(struct session *s)
{
    char why[200];

    if (session_begin(s, s->row.name, s->row.cols, s->row.rows, why, sizeof why) != 0) {
        tell(s, "\r\n[%s: " ANEW "]\r\n", why);
        log_warn("%s", why);
    }
}

/* An ended session begins anew when somebody presses Enter.  What was typed before that is let go,
 * what comes after it is for the new one. */
static void look_for_enter(struct session *s)
{
    char bytes[1024];
    size_t n, enter;

    while (s->pid == 0 && (n = pty_input(&s->pty, bytes, sizeof bytes)) > 0) {
        for (enter = 0; enter < n && bytes[enter] != '\r' && bytes[enter] != '\n';) {
            enter++;
        }
        pty_took(&s->pty, enter < n ? enter + 1 : n);
        if (enter < n && s->row.state == PTY_ENDED) {
            begin_anew(s);
            return;
        }
    }
}

/* Sessions end with the ptyhost that had them.  What they said is kept, but for the first one's,
 * which begins anew. */
static void take_over(struct session *s)
{
    char why[200];
    bool anew;

    let_go(s);
    board_peek(&s->host->board, s->n, &s->row);
    s->row.pid = 0;
    if (s->row.state == PTY_RUNNING && s->n > 0) {
        s->row.state = PTY_ENDED;
        s->row.status = -SIGHUP;
        tell(s, TIDY "[ptyhost was started anew, and this session ended with it: " ANEW "]\r\n");
    }
    if (s->n > 0) {
        publish(s);
        return;
    }
    anew = s->row.state == PTY_RUNNING;
    if (session_begin(s, "lab", s->row.cols ? s->row.cols : COLS, s->row.rows ? s->row.rows : ROWS,
                      why, sizeof why) != 0) {
        die("%s", why);
    }
    if (anew) {
        tell(s, "[ptyhost was started anew, and this session with it]\r\n");
    }
}

void session_open_all(struct ptyhost *h)
{
    char why[400];

    h->n_sessions = (unsigned)config_int(&h->config, CONFIG_PTYHOST_MAX_SESSIONS);
    for (unsigned i = 0; i < h->n_sessions; i++) {
        struct session *s = &h->session[i];

        *s = (struct session){.host = h, .n = i, .master = {.fd = -1}};
        if (pty_host_open(&s->pty, h->topo.run_dir, i, why, sizeof why) != 0) {
            die("%s", why);
        }
        if (why[0]) {
            log_warn("damaged, and started anew: %s", why);
        }
        take_over(s);
    }
}

/* ---- each turn ----------------------------------------------------------------------------- */

/* A webterm that was killed comes back, and so do its browsers: they shall miss nothing.  One that
 * is gone for good keeps nobody waiting. */
static void look_for_webterm(struct ptyhost *h)
{
    bool waits = false;

    for (unsigned i = 0; i < h->n_sessions; i++) {
        waits |= h->session[i].pid > 0 && h->session[i].deaf;
    }
    if (!waits && !h->runs_on) {
        h->away_ns = 0;
    } else if (file_locked(h->webterm.fd, FILE_SAID)) {
        h->away_ns = 0;
        h->runs_on = false;
    } else if (h->away_ns == 0) {
        h->away_ns = h->loop.now_ns;
    } else if (h->loop.now_ns - h->away_ns > AWAY_MS * 1000000ull) {
        h->runs_on = true;
    }
}

void sessions_turn(struct ptyhost *h)
{
    look_for_webterm(h);
    for (unsigned i = 0; i < h->n_sessions; i++) {
        struct session *s = &h->session[i];

        resize(s);
        if (s->pid > 0 && s->master.fd >= 0) {
            if (!s->blocked) {
                pump_input(s);
            }
            s->deaf = s->deaf && must_wait(s);
            watch(s);
        } else if (s->pid == 0) {
            look_for_enter(s);
        }
    }
}
