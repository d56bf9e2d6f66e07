#include "router/fib_trie.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <urcu-qsbr.h>

#if defined(__SANITIZE_THREAD__)
#define FIB_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FIB_TSAN 1
#endif
#endif
#ifdef FIB_TSAN
#include <sanitizer/tsan_interface.h>
#else
#define __tsan_acquire(p) (void)(p)
#define __tsan_release(p) (void)(p)
#endif

#define BATCH 1000

/* What was taken out of the trie, to be given back after a grace period. */
struct trie_batch {
    struct rcu_head rcu;
    struct trie *trie;
    struct trie_batch *next;
    uint32_t n;
    uint32_t item[BATCH]; /* as slots: routes and nodes */
};

/* ---- memory ------------------------------------------------------------------------------- */

static void *reserve(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static uint32_t pool_get(struct trie_pool *p) /* 0: none */
{
    if (p->n_back > 0) {
        return p->back[--p->n_back];
    }
    return p->fresh < p->size ? p->fresh++ : 0;
}

/* In liburcu's thread, after the grace period.  The sanitizer sees neither that nor call_rcu's
 * queue: under it a reader says __tsan_release(fib) before each quiescent state, hand_over says
 * __tsan_release(batch), and here are the other ends. */
static void batch_done(struct rcu_head *rcu)
{
    struct trie_batch *b = caa_container_of(rcu, struct trie_batch, rcu);
    struct trie *t;

    __tsan_acquire(b);
    t = b->trie;
    __tsan_acquire(t); /* the trie is the first member of the fib */
    pthread_mutex_lock(&t->done_lock);
    b->next = t->done;
    t->done = b;
    pthread_mutex_unlock(&t->done_lock);
}

static void take_back(struct trie *t)
{
    struct trie_batch *b, *next;

    pthread_mutex_lock(&t->done_lock);
    b = t->done;
    t->done = NULL;
    pthread_mutex_unlock(&t->done_lock);
    for (; b != NULL; b = next) {
        next = b->next;
        for (uint32_t i = 0; i < b->n; i++) {
            struct trie_pool *p = trie_is_node(b->item[i]) ? &t->node : &t->route;

            p->back[p->n_back++] = b->item[i] >> 1;
        }
        free(b);
    }
}

static void hand_over(struct trie *t)
{
    struct trie_batch *b = t->batch;

    if (b != NULL && b->n > 0) {
        t->batch = NULL;
        __tsan_release(b);
        call_rcu(&b->rcu, batch_done);
    }
}

/* Before each single change: room to retire a route and two nodes, and to take as many. */
int trie_prepare(struct trie *t)
{
    if (t->batch != NULL && t->batch->n + 3 > BATCH) {
        hand_over(t);
        take_back(t);
    }
    if (t->batch == NULL) {
        t->batch = malloc(sizeof *t->batch);
        if (t->batch == NULL) {
            return -ENOMEM;
        }
        t->batch->trie = t;
        t->batch->n = 0;
    }
    if (t->route.n_back + (t->route.size - t->route.fresh) < 1 ||
        t->node.n_back + (t->node.size - t->node.fresh) < 2) {
        hand_over(t);
        take_back(t);
        return -EAGAIN;
    }
    return 0;
}

uint32_t trie_route(struct trie *t, const struct route *r)
{
    uint32_t index = pool_get(&t->route);

    t->routes[index] = *r;
    return index;
}

static void retire(struct trie *t, uint32_t v)
{
    t->batch->item[t->batch->n++] = v;
}

/* ---- the trie ------------------------------------------------------------------------------- */

/* What to write over: slots that hold 'from', and slots whose route is shorter than 'shorter'
 * bits (an empty slot counts as -1). */
struct paint {
    uint32_t from, to;
    int shorter;
};

static void paint_slots(struct trie *t, uint32_t *slot, uint32_t n, const struct paint *p)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t v = slot[i]; /* writers read what writers wrote */

        if (trie_is_node(v)) {
            paint_slots(t, trie_slots(t, v), TRIE_NODE_SLOTS, p);
        } else if (v == p->from || (v ? (int)t->routes[v >> 1].mask_len : -1) < p->shorter) {
            trie_store(&slot[i], p->to);
        }
    }
}

/* The slots that a prefix covers, in the level where it ends. */
static void paint_prefix(struct trie *t, uint32_t dest, uint32_t len, const struct paint *p)
{
    uint32_t *slot = &t->root[dest >> 16];

    if (len <= 16) {
        paint_slots(t, slot, 1u << (16 - len), p);
        return;
    }
    slot = &trie_slots(t, *slot)[dest >> 8 & 0xff];
    if (len <= 24) {
        paint_slots(t, slot, 1u << (24 - len), p);
        return;
    }
    paint_slots(t, &trie_slots(t, *slot)[dest & 0xff], 1u << (32 - len), p);
}

/* Puts a node in the place of a route (or nothing), with that in every slot. */
static uint32_t *enter_node(struct trie *t, uint32_t *slot)
{
    if (!trie_is_node(*slot)) {
        uint32_t v = pool_get(&t->node) << 1 | 1; /* trie_prepare saw to it that there is one */
        uint32_t *to = trie_slots(t, v);

        for (unsigned i = 0; i < TRIE_NODE_SLOTS; i++) {
            trie_store(&to[i], *slot);
        }
        t->users[v >> 1] = 0;
        trie_store(slot, v);
    }
    t->users[*slot >> 1]++;
    return trie_slots(t, *slot);
}

/* Without a route that ends in it, a node has one value in all its slots: it can go. */
static void leave_node(struct trie *t, uint32_t *slot)
{
    uint32_t v = *slot;

    if (--t->users[v >> 1] == 0) {
        trie_store(slot, trie_slots(t, v)[0]);
        retire(t, v);
    }
}

void trie_insert(struct trie *t, uint32_t index)
{
    const struct route *r = &t->routes[index];
    uint32_t *slot = &t->root[r->dest >> 16];

    if (r->mask_len > 16) {
        slot = &enter_node(t, slot)[r->dest >> 8 & 0xff];
    }
    if (r->mask_len > 24) {
        enter_node(t, slot);
    }
    paint_prefix(t, r->dest, r->mask_len,
                 &(struct paint){index << 1, index << 1, (int)r->mask_len});
}

void trie_replace(struct trie *t, uint32_t old, uint32_t index)
{
    const struct route *r = &t->routes[index];

    paint_prefix(t, r->dest, r->mask_len, &(struct paint){old << 1, index << 1, -1});
}

void trie_remove(struct trie *t, uint32_t index, uint32_t cover)
{
    const struct route *r = &t->routes[index];
    uint32_t *slot = &t->root[r->dest >> 16];

    paint_prefix(t, r->dest, r->mask_len, &(struct paint){index << 1, cover << 1, -1});
    if (r->mask_len > 24) {
        leave_node(t, &trie_slots(t, *slot)[r->dest >> 8 & 0xff]);
    }
    if (r->mask_len > 16) {
        leave_node(t, slot);
    }
}

void trie_retire(struct trie *t, uint32_t index)
{
    retire(t, index << 1);
}

void trie_finish(struct trie *t)
{
    hand_over(t);
    take_back(t);
}

/* ---- life ----------------------------------------------------------------------------------- */

#define ROOT_BYTES (sizeof(uint32_t) << TRIE_ROOT_BITS)
#define NODE_BYTES ((size_t)TRIE_NODES * TRIE_NODE_SLOTS * sizeof(uint32_t))
#define ROUTE_BYTES (TRIE_ROUTES * sizeof(struct route))
#define INDEX_BYTES(n) ((size_t)(n) * sizeof(uint32_t))

static void unmap(void *p, size_t size)
{
    if (p != NULL) {
        munmap(p, size);
    }
}

static void destroy(struct trie *t)
{
    unmap(t->root, ROOT_BYTES);
    unmap(t->nodes, NODE_BYTES);
    unmap(t->routes, ROUTE_BYTES);
    unmap(t->users, INDEX_BYTES(TRIE_NODES));
    unmap(t->node.back, INDEX_BYTES(TRIE_NODES));
    unmap(t->route.back, INDEX_BYTES(TRIE_ROUTES));
    free(t->batch);
}

int trie_open(struct trie *t)
{
    *t = (struct trie){0};
    t->root = reserve(ROOT_BYTES);
    t->nodes = reserve(NODE_BYTES);
    t->routes = reserve(ROUTE_BYTES);
    t->users = reserve(INDEX_BYTES(TRIE_NODES));
    t->node = (struct trie_pool){reserve(INDEX_BYTES(TRIE_NODES)), 0, 1, TRIE_NODES};
    t->route = (struct trie_pool){reserve(INDEX_BYTES(TRIE_ROUTES)), 0, 1, TRIE_ROUTES};
    if (t->root == NULL || t->nodes == NULL || t->routes == NULL || t->users == NULL ||
        t->node.back == NULL || t->route.back == NULL) {
        destroy(t);
        return -ENOMEM;
    }
    pthread_mutex_init(&t->done_lock, NULL);
    return 0;
}

void trie_start(void)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    get_default_call_rcu_data();
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void trie_close(struct trie *t)
{
    trie_finish(t);
    rcu_barrier();
    take_back(t);
    pthread_mutex_destroy(&t->done_lock);
    destroy(t);
}
