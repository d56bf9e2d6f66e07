/* tests/bench/contest_ours.c - shm/ring, used as the stack's processes use it. */
#include "tests/bench/contest.h"

#define RING (2u << 20)

static void open_ours(struct contest *c)
{
    ring_private(&c->tx, &c->rx, RING);
}

CONTEST_INLINE void produce(struct contest *c, uint64_t n, const size_t size)
{
    const size_t head_len = size > RECORD_INLINE ? RECORD_INLINE : size;
    const uint64_t end = c->next + n;
    unsigned staged = 0;

    while (c->next < end) {
        struct record r = {.verdict = VERDICT_FORWARDED,
                           .seq = c->next,
                           .port = 1,
                           .tail_off = 4096,
                           .tail_len = (uint32_t)(size - head_len),
                           .head_len = (uint32_t)head_len};
        uint8_t *head = ring_reserve(&c->tx, head_len);

        if (!head) {
            ring_publish(&c->tx);
            staged = 0;
            contest_relax();
            continue;
        }
        contest_fill(head, c->from[0], c->next++, head_len);
        ring_commit(&c->tx, &r);
        if (++staged == c->batch) {
            ring_publish(&c->tx);
            staged = 0;
        }
    }
    ring_publish(&c->tx);
}

CONTEST_INLINE void consume(struct contest *c, uint64_t n, const size_t size)
{
    const size_t head_len = size > RECORD_INLINE ? RECORD_INLINE : size;
    const uint64_t end = c->next + n;

    while (c->next < end) {
        struct record r;
        const uint8_t *head;
        unsigned got = 0;

        while (got < c->batch && c->next < end && ring_peek(&c->rx, &r, &head)) {
            contest_take(c, got++, head, head_len);
            ring_next(&c->rx);
        }
        if (got > 0) {
            ring_release(&c->rx);
        } else {
            contest_relax();
        }
    }
}

CONTEST_SIZES(produce)
CONTEST_SIZES(consume)
const struct contestant contest_ours = {"causeway", open_ours, produce_any, consume_any};
