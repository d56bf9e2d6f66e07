/* webterm/events.h - the topic "events": a process of the stack came up, changed, or is gone.
 *
 *     events_open(l, http, run_dir, why, sizeof why);     before the sandbox, after live_open
 *
 * Role boards have no doorbell for spectators, so they are looked at, EVENTS_LOOK_MS apart, while
 * somebody has subscribed.  An outage is counted from the last look at which the process was ready,
 * so it is at most one look too long. */
#ifndef WEBTERM_EVENTS_H
#define WEBTERM_EVENTS_H

#include "shm/topo.h"
#include "webterm/live.h"

#define EVENTS_LOOK_MS 20

/* What is known of a process, and what a look makes of it; apart from the clock, for tests. */
struct events_seen {
    bool known; /* it was looked at before */
    bool down;  /* nobody holds its role */
    enum role_state state;
    uint64_t starts;
    uint64_t ready_ms; /* of the last look at which it was ready; 0: none */
};
/* Writes the event that a look found, as JSON.  Returns its length; 0: nothing changed, or it was
 * the first look. */
size_t events_judge(struct events_seen *seen, const char *process, const struct role_row *row,
                    bool alive, uint64_t now_ms, char *to, size_t size);

int events_open(struct live *l, struct http *h, const char *run_dir, char *why, size_t why_size);

#endif
