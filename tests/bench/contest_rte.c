/* tests/bench/contest_rte.c - DPDK's rte_ring with elements, single producer and consumer: once by
 * its burst calls, which copy from and to a row of the caller's, once by its zero-copy calls. */
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "tests/bench/contest.h"

static void open_rte(struct contest *c)
{
    ssize_t size = rte_ring_get_memsize_elem(c->size, c->depth);

    c->ring = size < 0 ? NULL : contest_memory((size_t)size);
    if (!c->ring || rte_ring_init(c->ring, "c", c->depth, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0) {
        c->ring = NULL;
    }
}

CONTEST_INLINE unsigned share(const struct contest *c, uint64_t end)
{
    return end - c->next < c->batch ? (unsigned)(end - c->next) : c->batch;
}

/* ---- burst -------------------------------------------------------------------------------- */

CONTEST_INLINE void produce(struct contest *c, uint64_t n, const size_t size)
{
    static _Alignas(64) uint8_t row[CONTEST_BATCH * CONTEST_LONGEST];
    const uint64_t end = c->next + n;

    while (c->next < end) {
        unsigned want = share(c, end), sent = 0;

        for (unsigned i = 0; i < want; i++) {
            contest_fill(row + i * size, c->from[0], c->next + i, size);
        }
        while (sent < want) {
            unsigned put = rte_ring_sp_enqueue_burst_elem(c->ring, row + sent * size,
                                                          (unsigned)size, want - sent, NULL);

            sent += put;
            if (put == 0) {
                contest_relax();
            }
        }
        c->next += want;
    }
}

CONTEST_INLINE void consume(struct contest *c, uint64_t n, const size_t size)
{
    static _Alignas(64) uint8_t row[CONTEST_BATCH * CONTEST_LONGEST];
    const uint64_t end = c->next + n;

    while (c->next < end) {
        unsigned got =
            rte_ring_sc_dequeue_burst_elem(c->ring, row, (unsigned)size, share(c, end), NULL);

        for (unsigned i = 0; i < got; i++) {
            uint64_t number;

            memcpy(&number, row + i * size, sizeof number); /* it is copied out already */
            c->wrong += number != c->next++;
        }
        __asm__ volatile("" : : "r"(row) : "memory");
        if (got == 0) {
            contest_relax();
        }
    }
}

/* ---- zero copy ---------------------------------------------------------------------------- */

CONTEST_INLINE uint8_t *zc_at(const struct rte_ring_zc_data *z, unsigned i, size_t size)
{
    return i < z->n1 ? (uint8_t *)z->ptr1 + i * size : (uint8_t *)z->ptr2 + (i - z->n1) * size;
}

CONTEST_INLINE void zc_produce(struct contest *c, uint64_t n, const size_t size)
{
    const uint64_t end = c->next + n;

    while (c->next < end) {
        struct rte_ring_zc_data z;
        unsigned got =
            rte_ring_enqueue_zc_burst_elem_start(c->ring, (unsigned)size, share(c, end), &z, NULL);

        if (got == 0) {
            contest_relax();
            continue;
        }
        for (unsigned i = 0; i < got; i++) {
            contest_fill(zc_at(&z, i, size), c->from[0], c->next++, size);
        }
        rte_ring_enqueue_zc_elem_finish(c->ring, got);
    }
}

CONTEST_INLINE void zc_consume(struct contest *c, uint64_t n, const size_t size)
{
    const uint64_t end = c->next + n;

    while (c->next < end) {
        struct rte_ring_zc_data z;
        unsigned got =
            rte_ring_dequeue_zc_burst_elem_start(c->ring, (unsigned)size, share(c, end), &z, NULL);

        if (got == 0) {
            contest_relax();
            continue;
        }
        for (unsigned i = 0; i < got; i++) {
            contest_take(c, i, zc_at(&z, i, size), size);
        }
        rte_ring_dequeue_zc_elem_finish(c->ring, got);
    }
}

CONTEST_SIZES(produce)
CONTEST_SIZES(consume)
CONTEST_SIZES(zc_produce)
CONTEST_SIZES(zc_consume)
const struct contestant contest_rte = {"rte_ring", open_rte, produce_any, consume_any};
const struct contestant contest_rte_zc = {"rte_ring zc", open_rte, zc_produce_any, zc_consume_any};
