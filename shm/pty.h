/* shm/pty.h - a terminal session between ptyhost and webterm: what the program said, and what was
 * typed, in two files of the run directory, one for each one's half.
 *
 *     <run_dir>/pty.N.host   ptyhost writes: output (a scroll-back that overwrites its oldest), how
 *                            far it has read the input, which session this is
 *     <run_dir>/pty.N.web    webterm writes: input, how far it lets the output go, the size wanted
 *
 *     ptyhost                                      webterm
 *     pty_host_open(&p, run_dir, N, ...)           pty_web_open(&w, run_dir, N, ...)
 *     pty_put(&p, bytes, n)                        pty_read(&w, offset, to, size)
 *     pty_take(&p, to, size)                       pty_type(&w, bytes, n)
 *
 * Positions are bytes since the session began; 64 bits never wrap.  Each end maps the other's half
 * read-only, copies each word once and checks it: a position that cannot be is "no news".  Both
 * files outlive both processes; so does the session itself outlive webterm.  A killed webterm's
 * successor goes on at the positions in its own half, so nothing typed is taken twice.
 *
 * A new session in the same place has another epoch, and positions from 0. */
#ifndef SHM_PTY_H
#define SHM_PTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PTY_SESSIONS 8
#define PTY_OUTPUT (4u << 20) /* bytes of scroll-back */
#define PTY_INPUT (64u << 10)
#define PTY_WINDOW (512u << 10) /* output beyond what webterm has released before ptyhost pauses   \
                                 */

enum pty_state { PTY_FREE, PTY_RUNNING, PTY_ENDED };

/* The board TERMINALS says what sessions there are (rows.h). */
struct pty_host; /* the helper's to define: see shm/pty.c */
struct pty_web;

#endif
