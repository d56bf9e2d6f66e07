/* shm/ring_layout.h - a ring's two halves as they lie in their files; for ring.c (the protocol),
 * ring_join.c and ring_view.c alone.
 *
 * Positions are bytes since the ring was made; they never wrap (2^64).  The data is mapped twice in
 * a row, so a record that crosses the end is still one piece of memory. */
#ifndef SHM_RING_LAYOUT_H
#define SHM_RING_LAYOUT_H

#include <stdatomic.h>
#include <string.h>

#include "shm/file.h"
#include "shm/ring.h"

#define RING_LINE 128 /* two cache lines: the adjacent-line prefetcher shares pairs */

/* What a publish commits, besides the records: kept twice; the one whose 'tail' equals the shared
 * tail is valid, so the store of the tail is the one commit point. */
struct commit {
    _Atomic uint64_t tail, batch_start, records;
    _Atomic uint64_t settled[RING_INPUTS];
};

/* 'attaches' counts joins; 'epoch' is when the half was last put in order, by a join or a mend: the
 * other end of a bad ring looks again when it changes. */
struct ring_tx_shared {
    struct file_header header;
    _Alignas(RING_LINE) _Atomic uint64_t tail;
    _Alignas(RING_LINE) struct commit commit[2];
    _Alignas(RING_LINE) _Atomic uint64_t publishes, full, bells, attaches, epoch;
    _Alignas(FILE_PAGE) uint8_t data[];
};

struct ring_rx_shared {
    struct file_header header;
    _Alignas(RING_LINE) _Atomic uint64_t head;
    _Atomic uint64_t begun; /* same line: written once a batch, as head is */
    _Alignas(RING_LINE) _Atomic uint64_t event;
    _Alignas(RING_LINE) _Atomic uint64_t wakes, attaches, epoch;
    _Alignas(FILE_PAGE /
             2) struct fault_evidence evidence; /* fault.c writes it in a dying process */
};

_Static_assert(sizeof(struct ring_tx_shared) == FILE_PAGE, "data starts on a page");
_Static_assert(sizeof(struct ring_rx_shared) <= FILE_PAGE, "the reader's half is one page");

static inline uint64_t ring_get(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void ring_set(_Atomic uint64_t *word, uint64_t v)
{
    atomic_store_explicit(word, v, memory_order_relaxed);
}

/* One writer: no read-modify-write is needed. */
static inline void ring_count(_Atomic uint64_t *word)
{
    ring_set(word, ring_get(word) + 1);
}

static inline uint64_t ring_round8(uint64_t n)
{
    return (n + 7) & ~7ULL;
}

/* Copies a record's header once, word by word, so that no later read sees the peer's memory. */
static inline void ring_copy_header(struct record *r, const uint8_t *from)
{
    const _Atomic uint64_t *word = (const _Atomic uint64_t *)(const void *)from;
    uint64_t copy[sizeof *r / 8];

    for (size_t i = 0; i < sizeof copy / sizeof copy[0]; i++) {
        copy[i] = ring_get(&word[i]);
    }
    memcpy(r, copy, sizeof copy);
}

/* A record's size must be what its head_len implies, and within 'left' bytes. */
static inline bool ring_header_holds(const struct record *r, uint64_t left)
{
    return r->head_len <= RECORD_HEAD_MAX && r->size == ring_round8(sizeof *r + r->head_len) &&
           r->size <= left;
}

/* Can the writer's tail be what the reader sees there? */
static inline bool ring_tail_holds(const struct ring_rx *rx, uint64_t tail)
{
    return tail - rx->head <= rx->size && tail - rx->head >= rx->at - rx->head && tail % 8 == 0;
}

/* No ring comes to a position like this in a hundred years: it would be one that was made up, and
 * arithmetic close to the end of the numbers is best left alone. */
static inline bool ring_plausible(uint64_t position)
{
    return position % 8 == 0 && position < 1ULL << 62;
}

/* ring_join.c */
/* Says that the half is in order now; pairs with the acquire loads in the mends. */
void ring_begin_epoch(_Atomic uint64_t *epoch);
/* Do records, one after the other, fill the bytes from one position to the other exactly? */
bool ring_parses(const uint8_t *data, uint64_t mask, uint64_t from, uint64_t to);
/* Maps a writer's half with its data twice in a row; NULL with errno on failure. */
struct ring_tx_shared *ring_map_tx(int fd, size_t size, bool writable);

#endif
