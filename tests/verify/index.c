/* tests/verify/index.c - records pass a ring in order, none is read before it is written, none is
 * written over before it is released.
 *
 * Models shm/ring.c: ring_room, ring_commit, ring_publish | refresh, ring_peek, ring_release.
 * Positions count records; the bytes of a record are plain memory, so an order that is missing is
 * a data race, too. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* GenMC: an execution in which this does not hold is not looked at further. */
void __VERIFIER_assume(bool condition);

#define CAP 2
#ifndef RECORDS
#define RECORDS 4
#endif
#ifndef BATCH
#define BATCH 1
#endif

#ifdef RELAXED_TAIL_STORE
#define TAIL_STORE memory_order_relaxed
#else
#define TAIL_STORE memory_order_release /* ring_publish */
#endif
#ifdef RELAXED_TAIL_LOAD
#define TAIL_LOAD memory_order_relaxed
#else
#define TAIL_LOAD memory_order_acquire /* refresh */
#endif
#ifdef RELAXED_HEAD_STORE
#define HEAD_STORE memory_order_relaxed
#else
#define HEAD_STORE memory_order_release /* ring_release */
#endif
#ifdef RELAXED_HEAD_LOAD
#define HEAD_LOAD memory_order_relaxed
#else
#define HEAD_LOAD memory_order_acquire /* ring_room */
#endif
#ifdef ROOM_FOR_ONE_MORE
#define ROOM (CAP + 1)
#else
#define ROOM CAP
#endif

static _Atomic uint64_t tail, head;
static uint64_t data[CAP];

static void *writer(void *unused)
{
    uint64_t staged = 0, peer_head = 0;

    (void)unused;
    for (uint64_t i = 1; i <= RECORDS; i++) {
        if (staged - peer_head >= ROOM) {
            peer_head = atomic_load_explicit(&head, HEAD_LOAD);
            __VERIFIER_assume(staged - peer_head < ROOM); /* full: looks again later */
        }
        data[staged % CAP] = i;
        staged++;
        if (i % BATCH == 0) {
            atomic_store_explicit(&tail, staged, TAIL_STORE);
        }
    }
    return NULL;
}

static void *reader(void *unused)
{
    uint64_t at = 0, peer_tail = 0;

    (void)unused;
    while (at < RECORDS) {
        if (at == peer_tail) {
            peer_tail = atomic_load_explicit(&tail, TAIL_LOAD);
            assert(peer_tail - at <= CAP);
            __VERIFIER_assume(peer_tail != at); /* empty: looks again later */
        }
        assert(data[at % CAP] == at + 1);
        at++;
        if (at == peer_tail) {
            atomic_store_explicit(&head, at, HEAD_STORE);
        }
    }
    return NULL;
}

int main(void)
{
    pthread_t w, r;

    pthread_create(&w, NULL, writer, NULL);
    pthread_create(&r, NULL, reader, NULL);
    pthread_join(w, NULL);
    pthread_join(r, NULL);
    return 0;
}
