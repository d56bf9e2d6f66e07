/* tests/verify/view.c - a spectator's tail and count of records belong together, while the writer
 * goes on.
 *
 * Models shm/ring.c: fill_commit, ring_publish | published (ring_view_tail, ring_stats).  The
 * writer's n-th batch has n records. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#ifndef BATCHES
#define BATCHES 3
#endif
#ifdef RELAXED_TAIL_STORE
#define TAIL_STORE memory_order_relaxed
#else
#define TAIL_STORE memory_order_release
#endif

static _Atomic uint64_t tail;
static struct {
    _Atomic uint64_t tail, records;
} commit[2];

static void *writer(void *unused)
{
    uint64_t t = 0, records = 0;
    unsigned at = 0;

    (void)unused;
    for (uint64_t i = 1; i <= BATCHES; i++) {
#ifndef NO_FENCE_IN_FILL
        atomic_thread_fence(memory_order_release);
#endif
        records += i;
        t += 10;
        atomic_store_explicit(&commit[at ^ 1].records, records, memory_order_relaxed);
        atomic_store_explicit(&commit[at ^ 1].tail, t, memory_order_relaxed);
        atomic_store_explicit(&tail, t, TAIL_STORE);
        at ^= 1;
    }
    return NULL;
}

static void *spectator(void *unused)
{
    uint64_t t = atomic_load_explicit(&tail, memory_order_acquire), n = t / 10;

    (void)unused;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t records;

        if (atomic_load_explicit(&commit[i].tail, memory_order_relaxed) != t) {
            continue;
        }
        records = atomic_load_explicit(&commit[i].records, memory_order_relaxed);
#ifndef NO_FENCE_IN_VIEW
        atomic_thread_fence(memory_order_acquire);
#endif
#ifdef LOOK_AT_BLOCK_AGAIN
        if (atomic_load_explicit(&commit[i].tail, memory_order_relaxed) == t) {
#else
        if (atomic_load_explicit(&tail, memory_order_relaxed) == t) {
#endif
            assert(records == n * (n + 1) / 2);
            return NULL;
        }
    }
    return NULL;
}

int main(void)
{
    pthread_t w, s;

    pthread_create(&w, NULL, writer, NULL);
    pthread_create(&s, NULL, spectator, NULL);
    pthread_join(w, NULL);
    pthread_join(s, NULL);
    return 0;
}
