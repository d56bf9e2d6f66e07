/* tests/fault/janitor.h - work that starts programs in a run directory, and leaves nothing behind.
 *
 *     status = janitor_run("router", work, &what);
 *
 * 'work' runs in a process of its own; what it returns, or exits with, is the status.  Whatever
 * becomes of it, all that it started is killed, and the run directory that was made for it is
 * removed; a status of 1 keeps it, for who looks for the cause.  If it could not do its work (any
 * other status but 0), the end of <dir>/<name>.log is shown first.
 *
 * SIGINT, SIGTERM and SIGHUP end us the same way.  After SIGKILL the directory stays, but no
 * program. */
#ifndef TESTS_FAULT_JANITOR_H
#define TESTS_FAULT_JANITOR_H

/* Returns 'work's status; 2 if it died of a signal. */
int janitor_run(const char *name, int (*work)(const char *dir, const void *what), const void *what);

#endif
