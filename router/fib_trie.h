/* router/fib_trie.h - the trie inside fib.c: what the packet thread reads, and how it is changed.
 *
 * A slot is one aligned word, so that it changes at once:
 *     0               no route
 *     index << 1      a route; its index in 'routes', never 0
 *     node << 1 | 1   a node of 256 slots for the next 8 bits of the address
 * Indexes, not pointers: half the size, so a node is 1 kB and the root (16 bits) 256 kB.
 *
 * Writers (one at a time, fib.c's mutex):
 *     trie_prepare(t)                  0, or why no change can be made now
 *     index = trie_route(t, &route)    after prepare, one
 *     trie_insert / trie_replace / trie_remove, trie_retire
 *     trie_finish(t)                   after the last change: starts the grace period */
#ifndef ROUTER_FIB_TRIE_H
#define ROUTER_FIB_TRIE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/fib.h"

#define TRIE_ROOT_BITS 16
#define TRIE_NODE_SLOTS 256
/* Twice the routes, as a table may be replaced as a whole before the first grace period. */
#define TRIE_ROUTES (2 * FIB_ROUTES + 1)
/* A route needs one node of its last level at most, and there are 65536 of the middle level; a
 * quarter more for those that wait for a grace period. */
#define TRIE_NODES (FIB_ROUTES + (1u << TRIE_ROOT_BITS) + FIB_ROUTES / 4)

struct trie_pool { /* indexes to give out: those that came back, then fresh ones */
    uint32_t *back;
    uint32_t n_back, fresh, size;
};

struct trie {
    uint32_t *root;               /* 1 << TRIE_ROOT_BITS slots */
    uint32_t *nodes;              /* TRIE_NODES * TRIE_NODE_SLOTS slots */
    struct route *routes;         /* TRIE_ROUTES; [0] is unused */
    uint32_t *users;              /* by node: routes longer than what leads to it; writers only */
    struct trie_pool node, route; /* writers only */
    struct trie_batch *batch;     /* being filled; writers only */
    pthread_mutex_t done_lock;    /* 'done': given by liburcu's thread, taken by writers */
    struct trie_batch *done;
};

/* Return 0 or -errno.  Nobody may read when it is closed; waits for a grace period. */
int trie_open(struct trie *t);
void trie_start(void); /* see fib_start */
void trie_close(struct trie *t);

/* 0, -ENOMEM, or -EAGAIN: too much waits for a grace period.  Room for one change. */
int trie_prepare(struct trie *t);
uint32_t trie_route(struct trie *t, const struct route *r);
void trie_insert(struct trie *t, uint32_t index);
/* The same prefix as before. */
void trie_replace(struct trie *t, uint32_t old, uint32_t index);
/* 'cover': the longest route in the trie that is shorter and covers it, 0 none. */
void trie_remove(struct trie *t, uint32_t index, uint32_t cover);
/* The index is used again after a grace period. */
void trie_retire(struct trie *t, uint32_t index);
void trie_finish(struct trie *t);

/* rcu_dereference and rcu_assign_pointer for an index instead of a pointer (liburcu's own are for
 * pointers alone): what was written before the store is seen by whoever follows the loaded index.
 */
static inline uint32_t trie_load(const uint32_t *slot)
{
    return __atomic_load_n(slot, __ATOMIC_CONSUME); /* pairs with trie_store */
}
static inline void trie_store(uint32_t *slot, uint32_t v)
{
    __atomic_store_n(slot, v, __ATOMIC_RELEASE); /* pairs with trie_load */
}
static inline bool trie_is_node(uint32_t v)
{
    return v & 1;
}
static inline uint32_t *trie_slots(const struct trie *t, uint32_t v)
{
    return t->nodes + (size_t)(v >> 1) * TRIE_NODE_SLOTS;
}

static inline const struct route *trie_lookup(const struct trie *t, uint32_t dst)
{
    uint32_t v = trie_load(&t->root[dst >> 16]);

    if (trie_is_node(v)) {
        v = trie_load(&trie_slots(t, v)[dst >> 8 & 0xff]);
        if (trie_is_node(v)) {
            v = trie_load(&trie_slots(t, v)[dst & 0xff]);
        }
    }
    return v ? &t->routes[v >> 1] : NULL;
}

#endif
