/* webterm/ptyhost/ptyhost.h - the terminal sessions, and who asks for them.
 *
 *     spawn.c      a program on a terminal of its own
 *     session.c    a session: begins, ends, begins anew; bytes from and to its terminal
 *     commands.c   session.open, session.close, session.list of the control socket
 *     rights.c     what root gives up
 *
 * One thread does it all, but for the control socket's, which waits for it (commands.c). */
#ifndef WEBTERM_PTYHOST_PTYHOST_H
#define WEBTERM_PTYHOST_PTYHOST_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/config.h"
#include "common/control.h"
#include "common/loop.h"
#include "common/sandbox.h"
#include "shm/pty.h"
#include "shm/topo.h"

#define AWAY_MS 3000  /* webterm may be gone for so long before its sessions run on without it */
#define GRACE_MS 2000 /* between the hang-up of a session and its end by force */
#define NET_MS 250    /* longest sleep: a net under a webterm killed before it could ring */
#define COLS 80       /* until somebody wants another size */
#define ROWS 24

/* ---- spawn.c ------------------------------------------------------------------------------- */
struct spawned {
    int master;  /* not blocking */
    int process; /* a pidfd: readable once the program has ended */
    pid_t pid;
};
/* The words of a session's program: of 'command', or the lab's console. */
struct spawn_program {
    char text[300]; /* for people */
    char words[PATH_MAX + 8];
    char *argv[32];
    char *envp[64];
};
void spawn_program(struct spawn_program *p, const char *command, const char *run_dir);
/* Starts it.  Returns 0, or -errno.  A program that cannot be executed says so on its terminal, and
 * ends with status 127. */
int spawn_start(const struct spawn_program *p, uint16_t cols, uint16_t rows, struct spawned *s);

/* ---- session.c ----------------------------------------------------------------------------- */
struct ptyhost;

struct session {
    struct ptyhost *host;
    unsigned n;
    struct pty_host pty;
    struct terminal_row row; /* as on the board */
    struct loop_fd master, process;
    struct loop_timer grace;
    pid_t pid; /* 0: no program runs */
    bool watched, deaf, blocked, gone, closing;
    /* watched: the terminal is in the epoll set; deaf: webterm is to catch up first; blocked: the
     * terminal takes no more input for now; gone: nobody has the other side; closing: told to */
};

struct ptyhost {
    struct config config;
    struct topo topo;
    struct loop loop;
    struct loop_fd bell;
    struct board_writer board;
    struct board_reader webterm; /* its role */
    uint64_t away_ns;            /* since when it is not there; 0: it is, or nobody waits for it */
    bool runs_on;                /* it is away for good */
    struct spawn_program program;
    struct session session[PTY_SESSIONS];
    unsigned n_sessions; /* most of them */
    struct {             /* commands.c: the control socket's thread asks, and waits */
        pthread_mutex_t lock;
        pthread_cond_t answered;
        json_t *(*call)(struct ptyhost *h, json_t *params, char *why, size_t why_size);
        json_t *params, *answer;
        char *why;
        size_t why_size;
        bool stop;
    } ask;
};

void session_open_all(struct ptyhost *h);
/* Starts a session in this place.  Returns 0, or -errno with a sentence in 'why'. */
int session_begin(struct session *s, const char *name, uint16_t cols, uint16_t rows, char *why,
                  size_t why_size);
/* Hangs up; the place is free once the program has ended. */
void session_close(struct session *s);
/* All that a doorbell may be about. */
void sessions_turn(struct ptyhost *h);
/* Hangs up on all of them, and waits for their ends. */
void session_close_all(struct ptyhost *h);

/* ---- commands.c ---------------------------------------------------------------------------- */
/* For control_open. */
const struct control_method *commands(struct ptyhost *h);
/* In the loop's thread: answers who asks. */
void commands_turn(struct ptyhost *h);
/* Nobody is answered any more; before control_stop. */
void commands_stop(struct ptyhost *h);

/* ---- rights.c ------------------------------------------------------------------------------ */
/* Root gives up what no session needs. */
void rights_give_up(const struct sandbox *box); /* ptyhost */
void rights_bound(const struct sandbox *box);   /* its sessions; before the first of them */

#endif
