/* tests/bench/contest.h - rings of several makers in one race: the same records, from one process
 * to one other, each ring used as its maker means it.
 *
 *     open(&c)           before the fork: shared memory for c.depth records of c.size bytes
 *     produce(&c, n)     in the child: n records, numbered from c.next, shown c.batch at a time
 *     consume(&c, n)     in the parent: takes them out, checks the numbers, copies the bytes
 *
 * A record of 'size' bytes begins with its number.  Producer and consumer each copy all of it once,
 * from and to memory of their own.  Ours carries 72 bytes of metadata besides, and of 1500 bytes
 * only the first 128, as it does in the stack.  The sizes are constants in each loop, so that no
 * maker pays for a size that is not known. */
#ifndef TESTS_BENCH_CONTEST_H
#define TESTS_BENCH_CONTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shm/ring.h"

#define CONTEST_LONGEST 1536
#define CONTEST_LINE 128
#define CONTEST_BATCH 64 /* the largest */
#define CONTEST_INLINE static inline __attribute__((always_inline))

struct contest {
    uint32_t size;
    unsigned batch;
    uint32_t depth; /* records, a power of two; ours has 2 MiB, as in the stack */
    uint64_t next;  /* number of the next record, of either end */
    uint64_t wrong; /* records that did not have their number */
    void *ring, *data;
    struct ring_tx tx;
    struct ring_rx rx;
    uint8_t from[CONTEST_BATCH][CONTEST_LONGEST], to[CONTEST_BATCH][CONTEST_LONGEST];
};

struct contestant {
    const char *name;
    void (*open)(struct contest *c);
    void (*produce)(struct contest *c, uint64_t n);
    void (*consume)(struct contest *c, uint64_t n);
};

extern const struct contestant contest_ours, contest_plain, contest_ck, contest_rte, contest_rte_zc;

/* Memory that the child shares; whole pages, zeroed and touched.  Exits on failure. */
void *contest_memory(size_t bytes);

/* Both copy; a number goes to the front.  'size' is a constant. */
CONTEST_INLINE void contest_fill(void *to, const void *from, uint64_t number, size_t size)
{
    memcpy(to, from, size);
    memcpy(to, &number, sizeof number);
}

CONTEST_INLINE void contest_take(struct contest *c, unsigned slot, const void *from, size_t size)
{
    uint64_t number;

    memcpy(c->to[slot], from, size);
    memcpy(&number, c->to[slot], sizeof number);
    c->wrong += number != c->next++;
    __asm__ volatile("" : : "r"(c->to[slot]) : "memory"); /* the copy is used */
}

/* Waiting for the other end, who has a core of his own. */
CONTEST_INLINE void contest_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* One loop for each size. */
#define CONTEST_SIZES(loop)                                                                        \
    static void loop##_any(struct contest *c, uint64_t n)                                          \
    {                                                                                              \
        switch (c->size) {                                                                         \
        case 64:                                                                                   \
            loop(c, n, 64);                                                                        \
            break;                                                                                 \
        case 136:                                                                                  \
            loop(c, n, 136);                                                                       \
            break;                                                                                 \
        default:                                                                                   \
            loop(c, n, 1500);                                                                      \
        }                                                                                          \
    }

#endif
