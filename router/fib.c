#include "router/fib.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "router/fib_trie.h"

struct fib {
    struct trie trie;     /* first: the active routes, for lookups */
    pthread_mutex_t lock; /* one writer at a time; all below is theirs */

    /* Every route by (dest, mask_len), open addressing: indexes of trie.routes, 0 free. */
    uint32_t *table;
    uint32_t table_size, n;
    uint32_t by_len[33]; /* active routes of each length */
};

static inline uint32_t prefix_mask(uint32_t len)
{
    return len ? UINT32_MAX << (32 - len) : 0;
}

const struct route *fib_lookup(const struct fib *f, uint32_t dst)
{
    return trie_lookup(&f->trie, dst);
}

/* ---- every route by its prefix -------------------------------------------------------------- */

static uint32_t hash(uint32_t dest, uint32_t len)
{
    uint64_t h = ((uint64_t)dest << 6 | len) * 0x9e3779b97f4a7c15u;

    return (uint32_t)(h >> 32);
}

/* The cell that holds the prefix, or the free one where it belongs. */
static uint32_t *table_find(struct fib *f, uint32_t dest, uint32_t len)
{
    for (uint32_t i = hash(dest, len);; i++) {
        uint32_t *cell = &f->table[i & (f->table_size - 1)];
        const struct route *r = &f->trie.routes[*cell];

        if (*cell == 0 || (r->dest == dest && r->mask_len == len)) {
            return cell;
        }
    }
}

/* Frees a cell; those after it that could have been there move up. */
static void table_remove(struct fib *f, uint32_t *cell)
{
    uint32_t mask = f->table_size - 1, hole = (uint32_t)(cell - f->table);

    for (uint32_t i = (hole + 1) & mask; f->table[i] != 0; i = (i + 1) & mask) {
        const struct route *r = &f->trie.routes[f->table[i]];
        uint32_t home = hash(r->dest, r->mask_len) & mask;

        if (((i - home) & mask) >= ((i - hole) & mask)) {
            f->table[hole] = f->table[i];
            hole = i;
        }
    }
    f->table[hole] = 0;
    f->n--;
}

static int table_grow(struct fib *f)
{
    uint32_t *old = f->table, old_size = f->table_size;

    if (f->n < old_size / 2) {
        return 0;
    }
    f->table = calloc(old_size * 2, sizeof *f->table);
    if (f->table == NULL) {
        f->table = old;
        return -ENOMEM;
    }
    f->table_size = old_size * 2;
    for (uint32_t i = 0; i < old_size; i++) {
        if (old[i] != 0) {
            const struct route *r = &f->trie.routes[old[i]];

            *table_find(f, r->dest, r->mask_len) = old[i];
        }
    }
    free(old);
    return 0;
}

/* Index of the longest active prefix that is shorter than 'len', 0: none. */
static uint32_t covering(struct fib *f, uint32_t dest, uint32_t len)
{
    while (len-- > 0) {
        if (f->by_len[len] > 0) {
            uint32_t index = *table_find(f, dest & prefix_mask(len), len);

            if (index != 0 && f->trie.routes[index].iface != ROUTE_NO_IFACE) {
                return index;
            }
        }
    }
    return 0;
}

/* ---- changes, under the lock ---------------------------------------------------------------- */

static void deactivate(struct fib *f, uint32_t index)
{
    const struct route *r = &f->trie.routes[index];

    trie_remove(&f->trie, index, covering(f, r->dest, r->mask_len));
    f->by_len[r->mask_len]--;
}

/* Puts 'r' into its cell of the table and into the trie, in the place of what is there. */
static int change(struct fib *f, uint32_t *cell, const struct route *r)
{
    uint32_t old = *cell, index;
    bool was = old != 0 && f->trie.routes[old].iface != ROUTE_NO_IFACE;
    bool is = r->iface != ROUTE_NO_IFACE;
    int err = trie_prepare(&f->trie);

    if (err != 0) {
        return err;
    }
    index = trie_route(&f->trie, r);
    *cell = index;
    if (was && is) {
        trie_replace(&f->trie, old, index);
    } else if (is) {
        trie_insert(&f->trie, index);
        f->by_len[r->mask_len]++;
    } else if (was) {
        deactivate(f, old);
    }
    if (old != 0) {
        trie_retire(&f->trie, old);
    } else {
        f->n++;
    }
    return 0;
}

static int check(const struct route *r)
{
    return r->mask_len > 32 || memchr(r->name, '\0', sizeof r->name) == NULL ? -EINVAL : 0;
}

static bool same(const struct route *a, const struct route *b)
{
    return a->gateway == b->gateway && a->iface == b->iface && strcmp(a->name, b->name) == 0;
}

/* Leaves the cell's index in 'index'. */
static int add(struct fib *f, const struct route *given, uint32_t *index)
{
    struct route r = *given;
    uint32_t *cell;
    int err = table_grow(f);

    if (err != 0) {
        return err;
    }
    r.dest &= prefix_mask(r.mask_len);
    cell = table_find(f, r.dest, r.mask_len);
    if (*cell == 0 && f->n >= FIB_ROUTES) {
        return -ENOSPC;
    }
    if (*cell == 0 || !same(&f->trie.routes[*cell], &r)) {
        err = change(f, cell, &r);
    }
    *index = *cell;
    return err;
}

static int del(struct fib *f, uint32_t *cell)
{
    uint32_t index = *cell;
    int err = trie_prepare(&f->trie);

    if (err != 0) {
        return err;
    }
    if (f->trie.routes[index].iface != ROUTE_NO_IFACE) {
        deactivate(f, index);
    }
    table_remove(f, cell);
    trie_retire(&f->trie, index);
    return 0;
}

static void change_begin(struct fib *f)
{
    pthread_mutex_lock(&f->lock);
    trie_finish(&f->trie); /* takes back what has come through its grace period */
}

static void change_end(struct fib *f)
{
    trie_finish(&f->trie);
    pthread_mutex_unlock(&f->lock);
}

int fib_add(struct fib *f, const struct route *r)
{
    uint32_t index;
    int err = check(r);

    if (err != 0) {
        return err;
    }
    change_begin(f);
    err = add(f, r, &index);
    change_end(f);
    return err;
}

int fib_del(struct fib *f, uint32_t dest, uint32_t mask_len)
{
    uint32_t *cell;
    int err = -ENOENT;

    if (mask_len > 32) {
        return -EINVAL;
    }
    change_begin(f);
    cell = table_find(f, dest & prefix_mask(mask_len), mask_len);
    if (*cell != 0) {
        err = del(f, cell);
    }
    change_end(f);
    return err;
}

/* Deletes every route whose index is not in the bit map 'keep'. */
static int keep_only(struct fib *f, const uint8_t *keep)
{
    for (uint32_t i = 0; i < f->table_size;) {
        uint32_t index = f->table[i];

        if (index == 0 || (keep[index / 8] & 1 << index % 8)) {
            i++;
        } else { /* another may move into this cell: look at it again */
            int err = del(f, &f->table[i]);

            if (err != 0) {
                return err;
            }
        }
    }
    return 0;
}

/* Adds all, then takes out what is neither new nor unchanged.  To hold no more than FIB_ROUTES in
 * between, a table that could not hold both loses the old routes first. */
static int replace_all(struct fib *f, const struct route *routes, size_t n, uint8_t *keep)
{
    int err = 0;

    if (f->n + n > FIB_ROUTES) {
        for (size_t i = 0; i < n; i++) {
            uint32_t len = routes[i].mask_len;
            uint32_t index = *table_find(f, routes[i].dest & prefix_mask(len), len);

            keep[index / 8] |= (uint8_t)(1 << index % 8);
        }
        err = keep_only(f, keep);
        memset(keep, 0, TRIE_ROUTES / 8 + 1);
    }
    for (size_t i = 0; i < n && err == 0; i++) {
        uint32_t index = 0;

        err = add(f, &routes[i], &index);
        keep[index / 8] |= (uint8_t)(1 << index % 8);
    }
    return err != 0 ? err : keep_only(f, keep);
}

int fib_replace_all(struct fib *f, const struct route *routes, size_t n)
{
    uint8_t *keep;
    int err;

    if (n > FIB_ROUTES) {
        return -ENOSPC;
    }
    for (size_t i = 0; i < n; i++) {
        if (check(&routes[i]) != 0) {
            return -EINVAL;
        }
    }
    keep = calloc(1, TRIE_ROUTES / 8 + 1);
    if (keep == NULL) {
        return -ENOMEM;
    }
    change_begin(f);
    err = replace_all(f, routes, n, keep);
    change_end(f);
    free(keep);
    return err;
}

int fib_rebind(struct fib *f, uint32_t (*resolve)(void *context, const char *name), void *context)
{
    int err = 0;

    change_begin(f);
    for (uint32_t i = 0; i < f->table_size && err == 0; i++) {
        if (f->table[i] != 0) {
            struct route r = f->trie.routes[f->table[i]];

            r.iface = resolve(context, r.name);
            if (r.iface != f->trie.routes[f->table[i]].iface) {
                err = change(f, &f->table[i], &r);
            }
        }
    }
    change_end(f);
    return err;
}

static int by_prefix(const void *a, const void *b)
{
    const struct route *x = a, *y = b;

    if (x->dest != y->dest) {
        return x->dest < y->dest ? -1 : 1;
    }
    return (int)x->mask_len - (int)y->mask_len;
}

size_t fib_list(struct fib *f, struct route *out, size_t room)
{
    size_t n = 0, all;

    pthread_mutex_lock(&f->lock);
    all = f->n;
    for (uint32_t i = 0; i < f->table_size && n < room; i++) {
        if (f->table[i] != 0) {
            out[n++] = f->trie.routes[f->table[i]];
        }
    }
    pthread_mutex_unlock(&f->lock);
    if (n > 0) {
        qsort(out, n, sizeof *out, by_prefix);
    }
    return all;
}

size_t fib_count(struct fib *f)
{
    size_t n;

    pthread_mutex_lock(&f->lock);
    n = f->n;
    pthread_mutex_unlock(&f->lock);
    return n;
}

/* ---- life ----------------------------------------------------------------------------------- */

int fib_open(struct fib **out)
{
    struct fib *f = calloc(1, sizeof *f);
    int err;

    if (f == NULL) {
        return -ENOMEM;
    }
    f->table_size = 1024;
    f->table = calloc(f->table_size, sizeof *f->table);
    err = f->table == NULL ? -ENOMEM : trie_open(&f->trie);
    if (err != 0) {
        free(f->table);
        free(f);
        return err;
    }
    pthread_mutex_init(&f->lock, NULL);
    *out = f;
    return 0;
}

void fib_start(void)
{
    trie_start();
}

void fib_close(struct fib *f)
{
    trie_close(&f->trie);
    pthread_mutex_destroy(&f->lock);
    free(f->table);
    free(f);
}
