/* tests/verify/board.c - a reader never takes a row that is torn, and a reader that was told of a
 * version finds the rows that it is about.
 *
 * Models shm/board.c: board_put, board_publish | board_changed, board_get.  Each put writes the
 * same number into both words of the row. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef PUTS
#define PUTS 3
#endif
#define WORDS 2
#ifdef RELAXED_WORD_STORES
#define WORD_STORE memory_order_relaxed
#else
#define WORD_STORE memory_order_release
#endif
#ifdef RELAXED_WORD_LOADS
#define WORD_LOAD memory_order_relaxed
#else
#define WORD_LOAD memory_order_acquire
#endif
#ifdef RELAXED_SEQUENCE
#define SEQUENCE_STORE memory_order_relaxed
#else
#define SEQUENCE_STORE memory_order_release
#endif
#ifdef RELAXED_VERSION
#define VERSION_STORE memory_order_relaxed
#else
#define VERSION_STORE memory_order_release
#endif
#ifdef ONE_COPY
#define COPY(seq) 0
#else
#define COPY(seq) ((seq)&1)
#endif

static _Atomic uint64_t version, sequence, words[2][WORDS];

static void put(uint64_t value)
{
    uint64_t seq = atomic_load_explicit(&sequence, memory_order_relaxed);

    for (unsigned i = 0; i < WORDS; i++) {
        atomic_store_explicit(&words[COPY(seq + 1)][i], value, WORD_STORE);
    }
    atomic_store_explicit(&sequence, seq + 1, SEQUENCE_STORE);
}

static void *writer(void *unused)
{
    (void)unused;
    for (uint64_t i = 1; i <= PUTS; i++) {
        put(i);
        atomic_store_explicit(&version, i, VERSION_STORE);
    }
    return NULL;
}

/* One try of board_get: false, it would try again. */
static bool get(uint64_t row[WORDS])
{
    uint64_t seq = atomic_load_explicit(&sequence, memory_order_acquire);

    for (unsigned i = 0; i < WORDS; i++) {
        row[i] = atomic_load_explicit(&words[COPY(seq)][i], WORD_LOAD);
    }
#ifdef NO_SECOND_LOOK
    return true;
#else
    return atomic_load_explicit(&sequence, memory_order_relaxed) == seq;
#endif
}

static void *reader(void *unused)
{
    uint64_t seen = atomic_load_explicit(&version, memory_order_acquire), row[WORDS];

    (void)unused;
    if (get(row)) {
        assert(row[0] == row[1]);
        assert(row[0] >= seen);
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
