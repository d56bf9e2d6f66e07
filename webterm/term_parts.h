/* webterm/term_parts.h - what term*.c share among themselves; nobody else includes it.
 *
 *     term.c          sessions: what ptyhost's doorbell says, whom the program waits for
 *     term_client.c   a client: its frames, there and back
 *     term_type.c     what is typed: to the session, and into the audit log
 *     term_rest.c     /api/v1/sessions, /api/v1/recordings
 *     term_ask.c      a thread that waits for ptyhost's answers
 *     term_pace.c, term_text.c, record.c   see their headers */
#ifndef WEBTERM_TERM_PARTS_H
#define WEBTERM_TERM_PARTS_H

#include <pthread.h>

#include "common/loop.h"
#include "webterm/record.h"
#include "webterm/term.h"
#include "webterm/term_pace.h"

#define TERM_NAME 64          /* room for a client's name, in UTF-8 */
#define TERM_TYPED (1u << 20) /* most bytes typed that wait for a session */
#define TERM_HOLD_MS 3000     /* a session's last client comes back within, or is not waited for */
#define TERM_TRY_US 2000      /* what was typed and waits is tried again so soon, at first */
#define TERM_TRY_MOST_US 256000
#define TERM_LINE 256

struct term_session;

struct term_client {
    struct term_session *session;
    struct ws *ws;
    struct term_client *next;
    bool operator_, attached;
    char peer[80], name[TERM_NAME];
    uint64_t epoch;                        /* of what was sent */
    uint64_t at, acked, until;             /* next to send; shown; where the replay ends */
    uint64_t gap_from;                     /* with 'gap': these up to 'at' are lost */
    bool hello, gap, replay, state, ended; /* frames to be sent; ended: was sent */
    char refused[160];                     /* the same, if not "" */
    struct pace pace;
};

struct term_session {
    struct term *term;
    unsigned n;
    struct pty_web pty;
    struct terminal_row row;
    struct pty_look look; /* the last one */
    struct term_client *clients, *driver, *wanted;
    uint64_t hold_ns; /* until when a client that went is waited for; 0: nobody is */
    uint8_t *typed;   /* what did not fit, TERM_TYPED bytes, or NULL */
    size_t typed_at, typed_len;
    uint64_t typed_wait_us; /* until it is tried again; longer while nothing is taken */
    char line[TERM_LINE];   /* the line that is being typed */
    size_t line_len;
    struct recording record;
};

/* A question to ptyhost, and who gets the answer. */
struct term_job {
    struct term_job *next;
    struct http_request *q; /* NULL: gone */
    const char *method;
    json_t *params, *answer;
    char why[300];
};

struct term {
    struct term_settings set;
    struct board_reader board, ptyhost; /* TERMINALS, and ptyhost's role */
    struct term_session session[PTY_SESSIONS];
    unsigned n_sessions;
    int recordings; /* the folder */
    char folder[256];
    struct http_timer tick;
    uint64_t due_ns; /* of the tick; 0: none */
    bool news;
    struct { /* term_ask.c; all under the lock but 'made' */
        pthread_mutex_t lock;
        pthread_cond_t some;
        pthread_t thread;
        struct term_job *waiting, *done;
        unsigned n; /* of both, and the one at work */
        bool made, stop;
    } ask;
};

/* ---- term.c -------------------------------------------------------------------------------- */
/* There is news of a session: whoever lacks it is woken, and ptyhost told how far it may go. */
void term_look(struct term_session *s);
/* Looks at the board again. */
void term_rows(struct term *t);
/* A client has taken something, has come or is gone. */
void term_release(struct term_session *s);
/* Something that other clients, or lists, show has changed. */
void term_tell(struct term_session *s);
bool term_runs(const struct term *t); /* is there a ptyhost? */
unsigned term_viewers(const struct term_session *s);
const char *term_state_name(const struct term_session *s);

/* ---- term_client.c ------------------------------------------------------------------------- */
extern const struct ws_ops term_ops;

/* ---- term_type.c --------------------------------------------------------------------------- */
void term_type(struct term_client *c, const uint8_t *bytes, size_t len);
/* Tells it why something was not done. */
void term_refuse(struct term_client *c, const char *why);
#define TERM_WATCHES "viewers watch: log in as an operator to type"
/* Passes on what waits. */
void term_type_more(struct term_session *s);
void term_type_drop(struct term_session *s);

/* ---- term_rest.c --------------------------------------------------------------------------- */
void term_rest_open(struct term *t);

/* ---- term_ask.c ---------------------------------------------------------------------------- */
/* Takes over 'params'; 'q' is answered later, by term_rest_answer in the loop's thread. */
void term_ask(struct term *t, struct http_request *q, const char *method, json_t *params);
void term_ask_close(struct term *t);
void term_rest_answer(struct term *t, const struct term_job *job);

#endif
