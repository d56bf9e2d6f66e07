/* The forwarding table against a linear scan, which is slow and plainly right. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <urcu-qsbr.h>

#include "router/fib.h"

#pragma GCC diagnostic ignored "-Wconversion" /* Criterion's own macros */

TestSuite(router_fib, .timeout = 60);

static uint64_t seed = 88172645463325252u;

static uint32_t draw(void) /* xorshift: the same numbers in each run */
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

static uint32_t mask_of(uint32_t len)
{
    return len ? UINT32_MAX << (32 - len) : 0;
}

static struct route route(uint32_t dest, uint32_t len, uint32_t gateway, uint32_t iface)
{
    struct route r = {.dest = dest, .mask_len = len, .gateway = gateway, .iface = iface};

    strcpy(r.name, "eth1");
    return r;
}

static struct fib *opened(void)
{
    struct fib *f = NULL;

    cr_assert(eq(int, fib_open(&f), 0));
    return f;
}

static uint32_t gateway_of(struct fib *f, uint32_t dst)
{
    const struct route *r = fib_lookup(f, dst);

    return r ? r->gateway : 0;
}

/* ---- the oracle --------------------------------------------------------------------------- */
#define ORACLE 128
struct oracle {
    struct route r[ORACLE];
    size_t n;
};

static void oracle_add(struct oracle *o, const struct route *given)
{
    struct route r = *given;

    r.dest &= mask_of(r.mask_len);
    for (size_t i = 0; i < o->n; i++) {
        if (o->r[i].dest == r.dest && o->r[i].mask_len == r.mask_len) {
            o->r[i] = r;
            return;
        }
    }
    o->r[o->n++] = r;
}

static uint32_t oracle_lookup(const struct oracle *o, uint32_t dst)
{
    const struct route *best = NULL;

    for (size_t i = 0; i < o->n; i++) {
        const struct route *r = &o->r[i];

        if (r->iface != ROUTE_NO_IFACE && (dst & mask_of(r->mask_len)) == r->dest &&
            (best == NULL || r->mask_len > best->mask_len)) {
            best = r;
        }
    }
    return best ? best->gateway : 0;
}

/* Addresses crowd into a few bits, so that prefixes nest at every level of the trie. */
static uint32_t crowded(void)
{
    uint32_t r = draw();

    return 0x0a000000 | (r & 0x00030000) | (r & 0x00000301) | (r >> 8 & 0xc0);
}

static uint32_t edge_or_crowded(const struct oracle *o)
{
    if (o->n > 0 && draw() % 2) {
        const struct route *r = &o->r[draw() % o->n];
        uint32_t edge[] = {r->dest, r->dest | ~mask_of(r->mask_len), r->dest - 1,
                           (r->dest | ~mask_of(r->mask_len)) + 1};

        return edge[draw() % 4];
    }
    return draw() % 8 ? crowded() : draw();
}

static void one_change(struct fib *f, struct oracle *o)
{
    if (o->n == ORACLE || (o->n > 0 && draw() % 5 < 2)) {
        size_t i = draw() % o->n;

        cr_assert(eq(int, fib_del(f, o->r[i].dest, o->r[i].mask_len), 0));
        o->r[i] = o->r[--o->n];
    } else {
        struct route r = route(crowded(), draw() % 33, draw() | 1, draw() % 4 ? 1 : ROUTE_NO_IFACE);

        cr_assert(eq(int, fib_add(f, &r), 0));
        oracle_add(o, &r);
    }
}

Test(router_fib, every_answer_is_the_linear_scans_through_adds_replacements_and_deletions)
{
    struct fib *f = opened();
    struct oracle o = {.n = 0};

    for (int i = 0; i < 20000; i++) {
        one_change(f, &o);
        for (int k = 0; k < 20; k++) {
            uint32_t dst = edge_or_crowded(&o);

            cr_assert(eq(u32, gateway_of(f, dst), oracle_lookup(&o, dst)), "%08x step %d", dst, i);
        }
        cr_assert(eq(sz, fib_count(f), o.n));
    }
    while (o.n > 0) {
        o.n--;
        cr_assert(eq(int, fib_del(f, o.r[o.n].dest, o.r[o.n].mask_len), 0));
    }
    for (int i = 0; i < 10000; i++) {
        cr_assert(fib_lookup(f, edge_or_crowded(&o)) == NULL);
    }
    fib_close(f);
}

/* The scan of 100,000 routes, once for each of a few thousand addresses. */
static uint32_t scan(const struct route *r, const uint8_t *gone, size_t n, uint32_t dst)
{
    uint32_t best = 0;
    int len = -1;

    for (size_t i = 0; i < n; i++) {
        if (!gone[i] && (int)r[i].mask_len > len && (dst & mask_of(r[i].mask_len)) == r[i].dest) {
            len = (int)r[i].mask_len;
            best = r[i].gateway;
        }
    }
    return best;
}

Test(router_fib, a_hundred_thousand_random_prefixes_answer_as_the_linear_scan)
{
    enum { N = 100000 };
    struct fib *f = opened();
    struct route *r = calloc(N, sizeof *r);
    uint8_t *gone = calloc(N, 1);
    size_t n = 0;

    for (uint32_t i = 0; i < N; i++) {
        uint32_t len = 8 + draw() % 25;
        size_t before = fib_count(f);

        r[n] = route(draw() & mask_of(len), len, i + 1, 1);
        if (fib_add(f, &r[n]) == 0 && fib_count(f) > before) {
            n++;
        } else { /* the same prefix was there: the scan knows the newest only */
            for (size_t k = 0; k < n; k++) {
                if (r[k].dest == r[n].dest && r[k].mask_len == len) {
                    r[k].gateway = i + 1;
                }
            }
        }
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 2000; i++) {
            uint32_t dst = i % 2 ? draw() : r[draw() % n].dest + draw() % 3;

            cr_assert(eq(u32, gateway_of(f, dst), scan(r, gone, n, dst)), "%08x", dst);
        }
        for (size_t i = 0; i < n && round == 0; i += 2) {
            cr_assert(eq(int, fib_del(f, r[i].dest, r[i].mask_len), 0));
            gone[i] = 1;
        }
    }
    fib_close(f);
    free(r);
    free(gone);
}

Test(router_fib, refuses_what_is_no_route_and_changes_nothing)
{
    struct fib *f = opened();
    struct route bad_len = route(0, 33, 1, 1), bad_name = route(0, 8, 1, 1);

    memset(bad_name.name, 'x', sizeof bad_name.name);
    cr_expect(eq(int, fib_add(f, &bad_len), -EINVAL));
    cr_expect(eq(int, fib_add(f, &bad_name), -EINVAL));
    cr_expect(eq(int, fib_replace_all(f, &bad_len, 1), -EINVAL));
    cr_expect(eq(int, fib_replace_all(f, &bad_len, FIB_ROUTES + 1), -ENOSPC));
    cr_expect(eq(int, fib_del(f, 0, 33), -EINVAL));
    cr_expect(eq(int, fib_del(f, 0x0a000000, 8), -ENOENT));
    cr_expect(eq(sz, fib_count(f), 0));
    fib_close(f);
}

Test(router_fib, bits_beyond_the_mask_do_not_count)
{
    struct fib *f = opened();
    struct route r = route(0x0a010203, 24, 7, 1), out;

    cr_assert(eq(int, fib_add(f, &r), 0));
    cr_expect(eq(u32, gateway_of(f, 0x0a0102ff), 7));
    cr_expect(eq(sz, fib_list(f, &out, 1), 1));
    cr_expect(eq(u32, out.dest, 0x0a010200));
    cr_expect(eq(int, fib_del(f, 0x0a0102aa, 24), 0));
    cr_expect(fib_lookup(f, 0x0a010203) == NULL);
    fib_close(f);
}

static uint32_t only_eth1_up(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "eth1") == 0 ? 5 : ROUTE_NO_IFACE;
}

static uint32_t all_up(void *context, const char *name)
{
    (void)name;
    return *(uint32_t *)context;
}

Test(router_fib, a_route_without_its_interface_gives_way_to_the_prefix_around_it_until_it_is_back)
{
    static const uint32_t lens[] = {8, 16, 20, 24, 28, 32};
    struct fib *f = opened();
    struct route zero = route(0, 0, 100, 1), out[8];
    uint32_t row = 9;

    cr_assert(eq(int, fib_add(f, &zero), 0));
    for (uint32_t i = 0; i < 6; i++) {
        struct route r = route(0x0a010203, lens[i], i + 1, 1);

        strcpy(r.name, "eth2");
        cr_assert(eq(int, fib_add(f, &r), 0));
    }
    cr_expect(eq(u32, gateway_of(f, 0x0a010203), 6));
    cr_assert(eq(int, fib_rebind(f, only_eth1_up, NULL), 0));
    cr_expect(eq(u32, gateway_of(f, 0x0a010203), 100));
    cr_expect(eq(u32, fib_lookup(f, 0x0a010203)->iface, 5));
    cr_expect(eq(sz, fib_list(f, out, 8), 7));
    cr_expect(eq(u32, out[6].iface, ROUTE_NO_IFACE));
    cr_assert(eq(int, fib_rebind(f, all_up, &row), 0));
    cr_expect(eq(u32, gateway_of(f, 0x0a010203), 6));
    cr_expect(eq(u32, fib_lookup(f, 0x0a010202)->gateway, 5));
    cr_expect(eq(u32, fib_lookup(f, 0x0b000000)->iface, 9));
    fib_close(f);
}

Test(router_fib, list_is_sorted_and_tells_how_many_there_are)
{
    struct fib *f = opened();
    struct route out[4];

    for (uint32_t i = 0; i < 5; i++) {
        struct route r = route(0x50000000 - (i << 24), 24 - i, i, 1);

        cr_assert(eq(int, fib_add(f, &r), 0));
    }
    cr_expect(eq(sz, fib_list(f, NULL, 0), 5));
    cr_expect(eq(sz, fib_list(f, out, 4), 5));
    for (int i = 1; i < 4; i++) {
        cr_expect(out[i - 1].dest < out[i].dest);
    }
    fib_close(f);
}

Test(router_fib, replace_all_leaves_exactly_the_new_routes)
{
    struct fib *f = opened();
    struct route *r = calloc(3000, sizeof *r), *out = calloc(3000, sizeof *out);

    for (uint32_t i = 0; i < 3000; i++) {
        r[i] = route(0x0a000000 + (i << 8), 24, i + 1, 1);
    }
    cr_assert(eq(int, fib_replace_all(f, r, 2000), 0));
    cr_expect(eq(sz, fib_count(f), 2000));
    for (uint32_t i = 1000; i < 1500; i++) {
        r[i].gateway += 100000;
    }
    cr_assert(eq(int, fib_replace_all(f, r + 1000, 2000), 0));
    cr_assert(eq(sz, fib_list(f, out, 3000), 2000));
    for (uint32_t i = 0; i < 3000; i++) {
        cr_assert(eq(u32, gateway_of(f, 0x0a000001 + (i << 8)), i < 1000 ? 0 : r[i].gateway));
    }
    cr_assert(eq(int, fib_replace_all(f, NULL, 0), 0));
    cr_expect(eq(sz, fib_count(f), 0));
    cr_expect(fib_lookup(f, 0x0a000001 + (1500 << 8)) == NULL);
    fib_close(f);
    free(r);
    free(out);
}

/* ---- a packet thread that looks on ----------------------------------------------------------- */
struct watch {
    struct fib *f;
    volatile int stop;
    uint64_t lookups, wrong;
};

/* Whatever is added or deleted, the default route or a route that covers dst must answer. */
static void *look_on(void *context)
{
    struct watch *w = context;
    uint32_t dst = 1;

    rcu_register_thread();
    while (!w->stop) {
        for (int i = 0; i < 1000; i++) {
            const struct route *r = fib_lookup(w->f, dst);

            dst = dst * 1664525u + 1013904223u;
            if (r != NULL) {
                dst ^= r->gateway & 1; /* the route is really read */
            }
            w->lookups++;
        }
        for (int i = 0; i < 100; i++) {
            const struct route *r = fib_lookup(w->f, dst);

            w->wrong += r == NULL || (dst & mask_of(r->mask_len)) != r->dest ||
                        r->gateway != r->mask_len + 1;
            dst = dst * 1664525u + 1013904223u;
        }
        rcu_quiescent_state();
    }
    rcu_unregister_thread();
    return NULL;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

Test(router_fib, a_million_routes_go_in_within_bounded_time_while_every_lookup_is_valid)
{
    struct fib *f = opened();
    struct watch w = {.f = f};
    struct route zero = route(0, 0, 1, 1), one_more = route(0xdf000000, 9, 10, 1);
    pthread_t thread;
    double start = seconds();

    cr_assert(eq(int, fib_add(f, &zero), 0));
    cr_assert(eq(int, pthread_create(&thread, NULL, look_on, &w), 0));
    for (uint32_t i = 0; fib_count(f) < FIB_ROUTES; i++) {
        uint32_t len = i % 16 ? 24 : 17 + draw() % 16;
        struct route r = route(draw() & mask_of(len), len, len + 1, 1);
        int err = fib_add(f, &r);

        cr_assert(eq(int, err, 0), "route %u", i);
    }
    cr_expect(eq(int, fib_add(f, &one_more), -ENOSPC));
    zero.iface = 2; /* touches every slot of the trie that no other route has */
    cr_expect(eq(int, fib_add(f, &zero), 0));
    w.stop = 1;
    pthread_join(thread, NULL);
    cr_expect(eq(u64, w.wrong, 0));
    cr_expect(gt(u64, w.lookups, 1000));
    cr_expect(lt(dbl, seconds() - start, 30.0), "took %.1f s", seconds() - start);
    fib_close(f);
}

Test(router_fib, what_is_taken_out_is_used_again_so_changes_may_go_on_for_ever)
{
    struct fib *f = opened();
    struct watch w = {.f = f};
    struct route zero = route(0, 0, 1, 1);
    pthread_t thread;
    unsigned waits = 0;

    cr_assert(eq(int, fib_add(f, &zero), 0));
    cr_assert(eq(int, pthread_create(&thread, NULL, look_on, &w), 0));
    /* more routes and nodes than there are in all */
    for (uint32_t i = 0; i < 3 * FIB_ROUTES; i++) {
        struct route r = route(draw(), 32, 33, 1);
        int err = fib_add(f, &r);

        for (; err == -EAGAIN; err = fib_add(f, &r)) {
            waits++;
        }
        cr_assert(eq(int, err, 0));
        while ((err = fib_del(f, r.dest, 32)) == -EAGAIN) {
            waits++;
        }
        cr_assert(eq(int, err, 0));
    }
    w.stop = 1;
    pthread_join(thread, NULL);
    cr_expect(eq(u64, w.wrong, 0));
    cr_expect(eq(sz, fib_count(f), 1));
    fib_close(f);
}
