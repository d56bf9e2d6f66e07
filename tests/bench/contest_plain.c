/* tests/bench/contest_plain.c - the plainest ring that is fast: fixed slots, an index a side, each
 * side with a cached copy of the other's.  No check, no crash protocol, no doorbell: what those
 * cost is the difference to ours. */
#include <stdatomic.h>

#include "tests/bench/contest.h"

struct plain {
    _Alignas(CONTEST_LINE) _Atomic uint64_t tail;
    _Alignas(CONTEST_LINE) _Atomic uint64_t head;
};

static void open_plain(struct contest *c)
{
    c->ring = contest_memory(sizeof(struct plain));
    c->data = contest_memory((size_t)c->depth * c->size);
}

static uint8_t *slot(const struct contest *c, uint64_t at, size_t size)
{
    return (uint8_t *)c->data + (at & (c->depth - 1)) * size;
}

CONTEST_INLINE void produce(struct contest *c, uint64_t n, const size_t size)
{
    struct plain *p = c->ring;
    const uint64_t end = c->next + n;
    uint64_t shown = c->next, head = 0;

    while (c->next < end) {
        if (c->next - head >= c->depth) {
            atomic_store_explicit(&p->tail, c->next, memory_order_release);
            shown = c->next;
            /* pairs with the release store in consume */
            head = atomic_load_explicit(&p->head, memory_order_acquire);
            if (c->next - head >= c->depth) {
                contest_relax();
                continue;
            }
        }
        contest_fill(slot(c, c->next, size), c->from[0], c->next, size);
        if (++c->next - shown == c->batch) {
            /* pairs with the acquire load in consume */
            atomic_store_explicit(&p->tail, c->next, memory_order_release);
            shown = c->next;
        }
    }
    atomic_store_explicit(&p->tail, c->next, memory_order_release);
}

CONTEST_INLINE void consume(struct contest *c, uint64_t n, const size_t size)
{
    struct plain *p = c->ring;
    const uint64_t end = c->next + n;
    uint64_t tail = c->next;

    while (c->next < end) {
        unsigned got = 0;

        if (tail == c->next) {
            /* pairs with the release stores in produce */
            tail = atomic_load_explicit(&p->tail, memory_order_acquire);
        }
        while (got < c->batch && c->next < tail && c->next < end) {
            contest_take(c, got++, slot(c, c->next, size), size);
        }
        if (got > 0) {
            /* pairs with the acquire load in produce */
            atomic_store_explicit(&p->head, c->next, memory_order_release);
        } else {
            contest_relax();
        }
    }
}

CONTEST_SIZES(produce)
CONTEST_SIZES(consume)
const struct contestant contest_plain = {"plain ring", open_plain, produce_any, consume_any};
