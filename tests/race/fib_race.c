/* Readers of the forwarding table against its writer, under ThreadSanitizer (make SAN=tsan race):
 * each route that a lookup returns is whole, covers the address, and is not used again before the
 * reader's next quiescent state.  Exits 0, or 1 with what was seen. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "router/fib.h"

#if defined(__SANITIZE_THREAD__)
#define RACE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RACE_TSAN 1
#endif
#endif
#ifdef RACE_TSAN
#include <sanitizer/tsan_interface.h>

/* liburcu is not built for the sanitizer: what it does with its own memory is not our matter. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:liburcu-qsbr.so";
}
#endif

enum { READERS = 2, CHANGES = 40000, HELD = 16 };

static struct fib *fib;
static int stop; /* by __atomic builtins: the sanitizer sees those */
static uint64_t wrong, looked;

static uint32_t next(uint32_t *x)
{
    *x = *x * 1664525u + 1013904223u;
    return *x >> 4 ^ *x << 13;
}

static uint32_t mask_of(uint32_t len)
{
    return len ? UINT32_MAX << (32 - len) : 0;
}

/* Addresses in 10.0.0.0/14 with few bits, so that readers and writer meet. */
static uint32_t crowded(uint32_t *x)
{
    return 0x0a000000 | (next(x) & 0x00030703);
}

/* A route carries its own check: gateway and interface follow from the prefix and the name. */
static struct route make(uint32_t dest, uint32_t len, uint32_t version)
{
    struct route r = {.dest = dest & mask_of(len), .mask_len = len, .iface = version};

    r.gateway = r.dest ^ len ^ version * 2654435761u;
    snprintf(r.name, sizeof r.name, "eth%u", version);
    return r;
}

static int is_whole(const struct route *r, uint32_t dst)
{
    struct route want = make(dst, r->mask_len, r->iface);

    return r->mask_len <= 32 && r->dest == want.dest && r->gateway == want.gateway &&
           strcmp(r->name, want.name) == 0;
}

static void quiescent(void)
{
#ifdef RACE_TSAN
    __tsan_release(fib); /* see fib_trie.c: the sanitizer does not see grace periods */
#endif
    rcu_quiescent_state();
}

static void *reader(void *context)
{
    uint32_t x = *(uint32_t *)context;
    uint64_t bad = 0, n = 0;

    rcu_register_thread();
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        const struct route *held[HELD];
        uint32_t dst[HELD];

        for (int i = 0; i < HELD; i++) {
            dst[i] = crowded(&x);
            held[i] = fib_lookup(fib, dst[i]);
        }
        for (int i = 0; i < HELD; i++, n++) { /* the default route stays, so never NULL */
            bad += held[i] == NULL || !is_whole(held[i], dst[i]);
        }
        quiescent();
    }
    rcu_unregister_thread();
    __atomic_fetch_add(&wrong, bad, __ATOMIC_RELAXED);
    __atomic_fetch_add(&looked, n, __ATOMIC_RELAXED);
    return NULL;
}

static uint32_t rebind_to(void *context, const char *name)
{
    (void)context;
    return (uint32_t)strtoul(name + 3, NULL, 10); /* as it was: make() ties it to the name */
}

static int write_all(uint32_t x)
{
    for (uint32_t i = 0; i < CHANGES; i++) {
        uint32_t len = 10 + next(&x) % 23, dest = crowded(&x);
        struct route r = make(dest, len, i % 1000);
        int err = next(&x) % 3 ? fib_add(fib, &r) : fib_del(fib, dest, len);

        if (err != 0 && err != -2 && err != -11) { /* ENOENT, EAGAIN */
            fprintf(stderr, "fib_race: change %u failed: %d\n", i, err);
            return 1;
        }
        if (i % 5000 == 0) {
            struct route keep = make(0, 0, i % 1000);

            if (fib_rebind(fib, rebind_to, NULL) != 0 || fib_replace_all(fib, &keep, 1) != 0) {
                fprintf(stderr, "fib_race: replace failed\n");
                return 1;
            }
        }
    }
    return 0;
}

int main(void)
{
    pthread_t thread[READERS];
    uint32_t seed[READERS] = {1, 77};
    struct route zero = make(0, 0, 1);
    int failed;

    if (fib_open(&fib) != 0 || fib_add(fib, &zero) != 0) {
        return 1;
    }
    for (int i = 0; i < READERS; i++) {
        pthread_create(&thread[i], NULL, reader, &seed[i]);
    }
    failed = write_all(4711);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < READERS; i++) {
        pthread_join(thread[i], NULL);
    }
    fib_close(fib);
    if (wrong != 0 || looked == 0) {
        fprintf(stderr, "fib_race: %lu of %lu lookups wrong\n", wrong, looked);
        failed = 1;
    }
    return failed;
}
