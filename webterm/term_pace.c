/* webterm/term_pace.c */
#include "webterm/term_pace.h"

bool pace_step(struct pace *p, uint64_t now_ns, uint64_t acked, uint64_t end)
{
    uint64_t span = now_ns - p->since_ns;

    if (end <= acked || end - acked < PACE_LAG) {
        pace_start(p, now_ns, acked);
        return false;
    }
    if (span >= PACE_SPAN_NS) {
        p->slow = (acked - p->from) * 1000 / (span / 1000000) < PACE_LEAST;
        p->since_ns = now_ns;
        p->from = acked;
    }
    return true;
}

uint64_t pace_least(uint64_t released, const struct pace *p, uint64_t acked)
{
    return !p->slow && acked < released ? acked : released;
}
