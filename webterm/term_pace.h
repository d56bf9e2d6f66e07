/* webterm/term_pace.h - whom a terminal's program waits for; numbers alone, so that tests can ask
 * all of it.
 *
 * A client that keeps up may lack PTY_WINDOW; then the program stops until it has taken more.  One
 * that lags and takes less than PACE_LEAST bytes a second is not waited for. */
#ifndef WEBTERM_TERM_PACE_H
#define WEBTERM_TERM_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/pty.h"

#define PACE_LEAST (256u << 10)
#define PACE_SPAN_NS 1000000000ull /* a rate is of so long at least */
#define PACE_LAG (PTY_WINDOW / 2)  /* who lacks less than this keeps up, whatever he takes */

struct pace {
    uint64_t since_ns, from; /* where the span began */
    bool slow;
};

static inline void pace_start(struct pace *p, uint64_t now_ns, uint64_t acked)
{
    *p = (struct pace){now_ns, acked, false};
}

/* To be called at any time, and soon after the lag has grown.  True while it lags: call again
 * within a span. */
bool pace_step(struct pace *p, uint64_t now_ns, uint64_t acked, uint64_t end);
/* 'released', the least so far, with one client more. */
uint64_t pace_least(uint64_t released, const struct pace *p, uint64_t acked);

#endif
