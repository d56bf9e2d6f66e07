/* tests/verify/bell.c - a consumer never sleeps on a ring that is not empty with no bell rung.
 *
 * Models shm/ring.c: ring_publish (tail, fence, event, bell) | ring_rx_arm (event, fence, tail),
 * and shm/wait.c: on_bell and sleep_now.  The doorbell is a counter: a FIFO's write and read are
 * ordered by the kernel.  A consumer that would sleep for ever ends as 'asleep', and what is then
 * in ring and FIFO is looked at once both have ended. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef PUBLISHES
#define PUBLISHES 2
#endif

static _Atomic uint64_t tail, event;
static _Atomic int bell;
static uint64_t at;
static bool asleep;

static void fence(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}

static void publish(uint64_t old, uint64_t now)
{
    atomic_store_explicit(&tail, now, memory_order_release);
#ifndef NO_FENCE_IN_PUBLISH
    fence();
#endif
    if (now - atomic_load_explicit(&event, memory_order_relaxed) - 1 < now - old) {
        atomic_fetch_add_explicit(&bell, 1, memory_order_acq_rel);
    }
}

static void *producer(void *unused)
{
    (void)unused;
#ifdef DIED_BEFORE_BELL /* a predecessor's tail is stored, its bell is not rung */
    atomic_store_explicit(&tail, 1, memory_order_release);
#ifndef NO_RING_ALL
    atomic_fetch_add_explicit(&bell, 1, memory_order_acq_rel); /* topo_ring_all */
#endif
#else
    for (uint64_t i = 0; i < PUBLISHES; i++) {
        publish(i, i + 1);
    }
#endif
    return NULL;
}

/* ring_rx_arm: true if a record is there. */
static bool arm(void)
{
    atomic_store_explicit(&event, at, memory_order_relaxed);
#ifndef NO_FENCE_IN_ARM
    fence();
#endif
#ifdef NO_LOOK_AFTER_ARM
    return false;
#else
    return atomic_load_explicit(&tail, memory_order_relaxed) != at;
#endif
}

static void drain(void)
{
    atomic_exchange_explicit(&bell, 0, memory_order_acq_rel);
}

static void *consumer(void *unused)
{
    (void)unused;
    for (unsigned turn = 0; turn < PUBLISHES + 2; turn++) {
        if (turn > 0) {
            drain();
        }
        at = atomic_load_explicit(&tail, memory_order_acquire); /* handles all that is there */
        if (arm()) {
            continue;
        }
#ifdef DRAIN_BEFORE_SLEEP
        drain();
#endif
        if (atomic_load_explicit(&bell, memory_order_acquire) == 0) {
            asleep = true;
            return NULL;
        }
    }
    return NULL;
}

int main(void)
{
    pthread_t p, c;

    pthread_create(&p, NULL, producer, NULL);
    pthread_create(&c, NULL, consumer, NULL);
    pthread_join(p, NULL);
    pthread_join(c, NULL);
    assert(!asleep || atomic_load(&tail) == at || atomic_load(&bell) > 0);
    return 0;
}
