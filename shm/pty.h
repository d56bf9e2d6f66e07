/* shm/pty.h - a terminal session between ptyhost and webterm: what the program said, and what was
 * typed, in two files of the run directory, one for each one's half.
 *
 *     <run_dir>/pty.N.host   ptyhost writes: output (a scroll-back that overwrites its oldest), how
 *                            far it has read the input, which session this is
 *     <run_dir>/pty.N.web    webterm writes: input, how far it lets the output go, the size wanted
 *
 *     ptyhost                                      webterm
 *     pty_host_open(&p, run_dir, N, ...)           pty_web_open(&w, run_dir, N, ...)
 *     pty_begin(&p, epoch)     a session           pty_look(&w, &l)
 *     pty_put, or pty_room and pty_commit          pty_read(&w, offset, to, size)
 *     if (pty_heard(&p)) ring webterm              if (!pty_arm(&w, offset)) sleep
 *     pty_input(&p, to, size); pty_took(&p, n)     pty_type(&w, bytes, n); ring ptyhost
 *     if (pty_waits(&p)) leave the program be      if (pty_release(&w, offset)) ring ptyhost
 *
 * Either may come first; each makes the files that are missing.  Positions are bytes from the
 * beginning of the file's time; they never go back, also not for the next session in the same
 * place, which has another epoch and starts where the last one ended.  Each end maps the other's
 * half read-only, copies each word once and checks it: a position that cannot be is "no news".
 *
 * Both files outlive both processes.  The session outlives webterm: its successor goes on at the
 * positions in its own half, so nothing typed is taken twice, and what is in the file is not lost.
 * It does not outlive ptyhost, for the kernel then hangs up. */
#ifndef SHM_PTY_H
#define SHM_PTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define PTY_SESSIONS 8
#define PTY_OUTPUT (4u << 20) /* bytes of scroll-back */
#define PTY_INPUT (64u << 10)
#define PTY_WINDOW (512u << 10) /* output beyond what webterm has released: ptyhost waits then */
#define PTY_ROOM (64u << 10)    /* most bytes of one pty_room */
#define PTY_NOBODY UINT64_MAX   /* released: nobody is waited for */
#define PTY_SIZE_MOST 1000      /* columns or rows; 1 at least */

/* Of a row of the board TERMINALS (rows.h), which says what sessions there are. */
enum pty_state { PTY_FREE, PTY_RUNNING, PTY_ENDED };
const char *pty_state_name(unsigned state); /* "free", "running", "ended" */

struct pty_host {
    struct pty_host_shared *own;
    const struct pty_web_shared *peer;
    uint64_t begun, end, taken; /* as in the file */
    uint64_t rung;              /* the position at which webterm wanted to be rung, and was */
    uint64_t size;              /* the last that pty_wants gave */
    int fd, peer_fd, guard;
};

struct pty_web {
    struct pty_web_shared *own;
    const struct pty_host_shared *peer;
    uint64_t typed, released; /* as in the file */
    uint64_t taken;           /* the last that could be */
    int fd, peer_fd, guard;
};

struct pty_look {
    uint64_t epoch;      /* 0: there was no session yet */
    uint64_t start, end; /* what can be read */
};

/* Take an end of session N, 0 <= N < PTY_SESSIONS.  Return 0, or -errno with a sentence in 'why'.
 * A damaged file of one's own is no failure: it starts anew, and 'why' has a sentence about it. */
int pty_host_open(struct pty_host *p, const char *run_dir, unsigned n, char *why, size_t why_size);
int pty_web_open(struct pty_web *w, const char *run_dir, unsigned n, char *why, size_t why_size);
void pty_host_close(struct pty_host *p);
void pty_web_close(struct pty_web *w);

/* ---- ptyhost ------------------------------------------------------------------------------- */
/* Another session begins.  What was typed and not yet taken is for this one. */
void pty_begin(struct pty_host *p, uint64_t epoch);
/* Where the next output goes, for readv(2): up to 'most' bytes (PTY_ROOM at most), which nobody may
 * read as old ones from now on.  Returns how many of the two pieces there are. */
int pty_room(struct pty_host *p, size_t most, struct iovec piece[2]);
/* So many bytes are there. */
void pty_commit(struct pty_host *p, size_t n);
/* Both in one, with any number of bytes. */
void pty_put(struct pty_host *p, const void *bytes, size_t n);
/* Does webterm want to be rung for what was committed?  True once for each pty_arm. */
bool pty_heard(struct pty_host *p);
/* Copies what was typed and not yet taken.  Returns how much. */
size_t pty_input(struct pty_host *p, void *to, size_t size);
void pty_took(struct pty_host *p, size_t n); /* of the last pty_input */
/* Is the output PTY_WINDOW beyond what webterm has released?  After true, pty_release rings. */
bool pty_waits(struct pty_host *p);
/* The size wanted, if it has changed since the last call, and can be. */
bool pty_wants(struct pty_host *p, uint16_t *cols, uint16_t *rows);

/* ---- webterm ------------------------------------------------------------------------------- */
void pty_look(struct pty_web *w, struct pty_look *l);
/* Copies output from 'from' on.  Returns how many bytes, 0 at the end, or -1: 'from' is not there
 * any more (pty_look says what is), or never was. */
ssize_t pty_read(struct pty_web *w, uint64_t from, void *to, size_t size);
/* To be called before sleeping: all output before 'seen' was seen.  True: there is more already. */
bool pty_arm(struct pty_web *w, uint64_t seen);
/* Returns how many bytes were accepted: the session will take them, once. */
size_t pty_type(struct pty_web *w, const void *bytes, size_t n);
/* The output may go PTY_WINDOW beyond 'offset', or on and on: PTY_NOBODY.  True: ring ptyhost. */
bool pty_release(struct pty_web *w, uint64_t offset);
void pty_want(struct pty_web *w, uint16_t cols, uint16_t rows);

#endif
