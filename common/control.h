/* common/control.h - a process's control socket: JSON-RPC 2.0, one object a line, over a Unix
 * stream socket <run_dir>/<process>.sock.
 *
 * The server runs in a thread of its own, so no answer ever delays a packet.  Methods therefore run
 * in that thread: they read boards and counters, or what their owner made safe to share.
 *
 *     static const struct control_method methods[] = {{"routes", on_routes, NULL}, {0}};
 *     control_open(run_dir, "router", methods);       callers may come, and wait
 *     sandbox_enter(...)                              see sandbox.h
 *     control_serve();                                the thread
 *     control_stop();
 *
 * Every process also answers "ping", "log.level" {"level": WORD} and "restart" {"hard": BOOL}: it
 * says {"pid": N}, then ends in order, as by SIGTERM, or as by SIGKILL, and its supervisor starts
 * it again; without one (notify.h) it refuses. */
#ifndef COMMON_CONTROL_H
#define COMMON_CONTROL_H

#include <jansson.h>
#include <stddef.h>

/* Answers one request.  'params' is an object (empty when the caller gave none), borrowed.  Returns
 * a new reference, or NULL with a sentence for the caller in 'why'. */
typedef json_t *control_fn(void *context, json_t *params, char *why, size_t why_size);

struct control_method {
    const char *name;
    control_fn *call;
    void *context;
};

/* 'methods' ends with a NULL name and must outlive the server.  Returns 0 or -errno. */
int control_open(const char *run_dir, const char *process, const struct control_method *methods);
/* The same at start: a failure is one sentence and the process's end. */
void control_start(const char *run_dir, const char *process, const struct control_method *methods);
/* Before control_serve: 'look' is called in the thread before each wait for callers, and says for
 * how many milliseconds it may last (-1: until somebody calls). */
void control_idle(int (*look)(void *context), void *context);
/* Starts the thread.  A failure is one sentence and the process's end. */
void control_serve(void);
/* From the sandbox the socket's name may stay behind: nobody answers there, and the next server
 * takes it. */
void control_stop(void);
/* The response to one request line of 'len' bytes, as a new object: what the server's thread does
 * with each, for tests. */
json_t *control_respond(const struct control_method *methods, const char *line, size_t len);

/* Client: sends one request and waits up to 'timeout_ms' for its result.  Takes over 'params' (may
 * be NULL).  Returns a new reference, or NULL with one sentence in 'why' (no such process running,
 * no permission, time-out, or the server's own words). */
json_t *control_call(const char *run_dir, const char *process, const char *method, json_t *params,
                     int timeout_ms, char *why, size_t why_size);

#endif
