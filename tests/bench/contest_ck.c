/* tests/bench/contest_ck.c - Concurrency Kit's ring, single producer and consumer.  It has no
 * batches: each record is made visible by itself. */
#include <ck_ring.h>

#include "tests/bench/contest.h"

struct record64 {
    uint8_t bytes[64];
};
struct record136 {
    uint8_t bytes[136];
};
struct record1500 {
    uint8_t bytes[1500];
};
CK_RING_PROTOTYPE(record64, record64)
CK_RING_PROTOTYPE(record136, record136)
CK_RING_PROTOTYPE(record1500, record1500)

static void open_ck(struct contest *c)
{
    c->ring = contest_memory(sizeof(struct ck_ring));
    c->data = contest_memory((size_t)c->depth * c->size);
    ck_ring_init(c->ring, c->depth);
}

#define CK_LOOPS(SIZE)                                                                             \
    static void produce##SIZE(struct contest *c, uint64_t n)                                       \
    {                                                                                              \
        for (const uint64_t end = c->next + n; c->next < end; c->next++) {                         \
            struct record##SIZE *to;                                                               \
                                                                                                   \
            while (!(to = ck_ring_enqueue_reserve_spsc_record##SIZE(c->ring, c->data))) {          \
                contest_relax();                                                                   \
            }                                                                                      \
            contest_fill(to, c->from[0], c->next, SIZE);                                           \
            ck_ring_enqueue_commit_spsc(c->ring);                                                  \
        }                                                                                          \
    }                                                                                              \
    static void consume##SIZE(struct contest *c, uint64_t n)                                       \
    {                                                                                              \
        for (const uint64_t end = c->next + n; c->next < end;) {                                   \
            struct record##SIZE taken;                                                             \
                                                                                                   \
            while (!ck_ring_dequeue_spsc_record##SIZE(c->ring, c->data, &taken)) {                 \
                contest_relax();                                                                   \
            }                                                                                      \
            contest_take(c, 0, &taken, SIZE);                                                      \
        }                                                                                          \
    }
CK_LOOPS(64)
CK_LOOPS(136)
CK_LOOPS(1500)

static void produce_any(struct contest *c, uint64_t n)
{
    (c->size == 64 ? produce64 : c->size == 136 ? produce136 : produce1500)(c, n);
}

static void consume_any(struct contest *c, uint64_t n)
{
    (c->size == 64 ? consume64 : c->size == 136 ? consume136 : consume1500)(c, n);
}

const struct contestant contest_ck = {"ck_ring", open_ck, produce_any, consume_any};
