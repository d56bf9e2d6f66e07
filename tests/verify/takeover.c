/* tests/verify/takeover.c - a writer and a reader die at any step, and their successors go on: each
 * input is published once, in order, and its record is whole however often it is read.
 *
 * Models shm/ring.c: tx_resume, fill_commit, ring_publish | ring_rx_join, ring_peek, ring_release.
 * A successor starts after its predecessor's end, which the lock on the file orders before it; so
 * it is the same thread here.  A third thread chooses the steps at which the first two die. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* GenMC: an execution in which this does not hold is not looked at further. */
void __VERIFIER_assume(bool condition);

#define CAP 2
#ifndef INPUTS
#define INPUTS 3
#endif
#define STEPS_EACH 4 /* of the writer, for an input */

static _Atomic uint64_t tail, head, writer_dies, reader_dies;
static struct {
    _Atomic uint64_t tail, settled;
} commit[2];
static uint64_t data[CAP];

static void *fate(void *unused)
{
    (void)unused;
    for (uint64_t i = 1; i <= INPUTS * STEPS_EACH; i++) {
        atomic_store_explicit(&writer_dies, i, memory_order_relaxed);
    }
    for (uint64_t i = 1; i <= INPUTS; i++) {
        atomic_store_explicit(&reader_dies, i, memory_order_relaxed);
    }
    return NULL;
}

static unsigned valid_block(uint64_t t)
{
    uint64_t a = atomic_load_explicit(&commit[0].tail, memory_order_relaxed);
    uint64_t b = atomic_load_explicit(&commit[1].tail, memory_order_relaxed);

#ifdef LARGER_BLOCK
    (void)t;
    return a >= b ? 0 : 1;
#else
    assert(a == t || b == t);
    return a == t ? 0 : 1;
#endif
}

/* A life of the writer: ends after 'steps' steps, or when all is published. */
static void write_on(uint64_t steps)
{
    uint64_t t = atomic_load_explicit(&tail, memory_order_relaxed), peer_head = 0;
    unsigned at = valid_block(t);
    uint64_t settled = atomic_load_explicit(&commit[at].settled, memory_order_relaxed);

    while (settled < INPUTS) {
        if (t - peer_head >= CAP) {
            peer_head = atomic_load_explicit(&head, memory_order_acquire);
            __VERIFIER_assume(t - peer_head < CAP);
        }
        if (steps-- == 0) {
            return;
        }
        settled++;
        data[t % CAP] = settled;
#ifdef ONE_BLOCK
        at ^= 1;
#endif
        if (steps-- == 0) {
            return;
        }
        atomic_store_explicit(&commit[at ^ 1].settled, settled, memory_order_relaxed);
        if (steps-- == 0) {
            return;
        }
        atomic_store_explicit(&commit[at ^ 1].tail, t + 1, memory_order_relaxed);
        if (steps-- == 0) {
            return;
        }
        t++;
        atomic_store_explicit(&tail, t, memory_order_release);
        at ^= 1;
    }
}

static void *writer(void *unused)
{
    (void)unused;
    write_on(atomic_load_explicit(&writer_dies, memory_order_relaxed));
    write_on(UINT64_MAX);
    return NULL;
}

/* A life of the reader: ends with the record in its hand, or when it has had all. */
static void read_on(uint64_t records)
{
    uint64_t at = atomic_load_explicit(&head, memory_order_relaxed);

    while (at < INPUTS) {
        uint64_t t = atomic_load_explicit(&tail, memory_order_acquire);

        __VERIFIER_assume(t != at);
#ifdef RELEASE_BEFORE_USE
        atomic_store_explicit(&head, at + 1, memory_order_release);
#endif
        assert(data[at % CAP] == at + 1);
        if (records-- == 0) {
            return;
        }
        at++;
        atomic_store_explicit(&head, at, memory_order_release);
    }
}

static void *reader(void *unused)
{
    (void)unused;
    read_on(atomic_load_explicit(&reader_dies, memory_order_relaxed));
    read_on(UINT64_MAX);
    return NULL;
}

int main(void)
{
    pthread_t f, w, r;

    pthread_create(&f, NULL, fate, NULL);
    pthread_create(&w, NULL, writer, NULL);
    pthread_create(&r, NULL, reader, NULL);
    pthread_join(f, NULL);
    pthread_join(w, NULL);
    pthread_join(r, NULL);
    assert(atomic_load(&tail) == INPUTS);
    return 0;
}
