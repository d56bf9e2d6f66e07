/* shm/ring_join.c - taking an end of a ring, and what a predecessor left there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "shm/file.h"
#include "shm/guard.h"
#include "shm/ring_layout.h"

/* ---- joining ------------------------------------------------------------------------------ */

struct ring_tx_shared *ring_map_tx(int fd, size_t size, bool writable)
{
    int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    size_t whole = FILE_PAGE + size;
    uint8_t *base = mmap(NULL, whole + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (base == MAP_FAILED) {
        return NULL;
    }
    if (mmap(base, whole, prot, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
        mmap(base + whole, size, prot, MAP_SHARED | MAP_FIXED, fd, FILE_PAGE) == MAP_FAILED) {
        munmap(base, whole + size);
        return NULL;
    }
    return (struct ring_tx_shared *)(void *)base;
}

bool ring_parses(const uint8_t *data, uint64_t mask, uint64_t from, uint64_t to)
{
    if (from % 8 != 0 || to - from > mask + 1) {
        return false;
    }
    while (from != to) {
        struct record r;

        if (to - from < sizeof r) {
            return false;
        }
        ring_copy_header(&r, data + (from & mask));
        if (!ring_header_holds(&r, to - from)) {
            return false;
        }
        from += r.size;
    }
    return true;
}

void ring_begin_epoch(_Atomic uint64_t *epoch)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    atomic_store_explicit(epoch, (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec,
                          memory_order_release);
}

/* The commit block that 'tail' selects, or -1. */
static int find_commit(const struct ring_tx_shared *tx, uint64_t tail)
{
    for (int i = 0; i < 2; i++) {
        if (ring_get(&tx->commit[i].tail) == tail) {
            return i;
        }
    }
    return -1;
}

/* ---- the writer's half -------------------------------------------------------------------- */

/* Starts at the reader's head: whatever was unread is gone.  What was settled is kept, if 'known'.
 */
static void start_anew(struct ring_tx *tx, uint64_t head, bool known)
{
    struct commit *c = &tx->own->commit[0];

    head = ring_plausible(head) ? head : 0;
    for (unsigned i = 0; i < RING_INPUTS; i++) {
        ring_set(&c->settled[i], known ? ring_get(&tx->own->commit[tx->commit_at].settled[i]) : 0);
    }
    ring_set(&c->batch_start, head);
    ring_set(&c->records, 0);
    ring_set(&c->tail, head);
    ring_set(&tx->own->commit[1].tail, ~head);
    tx->commit_at = 0;
    tx->anew = true;
    /* pairs with the acquire load in ring_peek */
    atomic_store_explicit(&tx->own->tail, head, memory_order_release);
}

/* Selects the commit block.  Unless all that the reader may still read is there, too, the half is
 * started anew, with a sentence in 'why' if there is none yet. */
static void take_stock(struct ring_tx *tx, const char *path, uint64_t head, bool damaged, char *why,
                       size_t why_size)
{
    uint64_t tail = ring_get(&tx->own->tail);
    int at = !damaged && ring_plausible(tail) ? find_commit(tx->own, tail) : -1;
    bool readable = tail - head > tx->size || ring_parses(tx->data, tx->mask, head, tail);

    if (at >= 0) {
        tx->commit_at = (unsigned)at;
    }
    if (at >= 0 && readable) {
        return;
    }
    start_anew(tx, head, at >= 0);
    if (!damaged) {
        snprintf(why, why_size, "%s.tx: %s", path,
                 at < 0 ? "its indexes do not hold together" : "it holds what is no record");
    }
}

/* Takes over where the last writer published.  'why' gets a sentence if that cannot be known. */
static void tx_resume(struct ring_tx *tx, const char *path, bool damaged, bool peer_damaged,
                      char *why, size_t why_size)
{
    uint64_t head = ring_get(&tx->peer->head);

    tx->peer_epoch = ring_get(&tx->peer->epoch);
    take_stock(tx, path, head, damaged, why, why_size);
    tx->tail = ring_get(&tx->own->tail);
    tx->peer_head = head;
    ring_abandon(tx);
    if (peer_damaged || head % 8 != 0 || tx->tail - head > tx->size) {
        tx->bad = true;
        tx->peer_head = tx->tail;
        snprintf(tx->why, sizeof tx->why, "damaged file, or impossible head %llu at position %llu",
                 (unsigned long long)head, (unsigned long long)tx->tail);
    }
}

/* ---- the reader's half -------------------------------------------------------------------- */

/* Does the writer's half hold together?  The writer may be alive, and publish meanwhile. */
static bool peer_tx_holds(const struct ring_rx *rx, uint64_t *tail)
{
    for (unsigned tries = 0; tries < 100; tries++) {
        int at;

        /* pairs with the release store in ring_publish */
        *tail = atomic_load_explicit(&rx->peer->tail, memory_order_acquire);
        at = ring_plausible(*tail) ? find_commit(rx->peer, *tail) : -1;
        if (at >= 0 &&
            ring_parses(rx->data, rx->mask, ring_get(&rx->peer->commit[at].batch_start), *tail)) {
            return true;
        }
    }
    return false;
}

/* Takes over at the head.  'why' gets a sentence if it cannot be. */
static void rx_resume(struct ring_rx *rx, const char *path, bool damaged, bool peer_damaged,
                      char *why, size_t why_size)
{
    /* pairs with the release store in ring_publish */
    uint64_t tail = atomic_load_explicit(&rx->peer->tail, memory_order_acquire);

    rx->peer_epoch = ring_get(&rx->peer->epoch);
    rx->head = rx->at = rx->peer_tail = ring_get(&rx->own->head);
    if (!peer_damaged && !damaged && ring_plausible(rx->head) && ring_tail_holds(rx, tail) &&
        ring_parses(rx->data, rx->mask, rx->head, tail)) {
        return;
    }
    if (!peer_damaged && peer_tx_holds(rx, &tail)) {
        if (!damaged) {
            snprintf(why, why_size, "%s.rx: its head %llu cannot be", path,
                     (unsigned long long)rx->head);
        }
    } else {
        rx->bad = true;
        snprintf(rx->why, sizeof rx->why, "damaged file, or impossible tail %llu at position %llu",
                 (unsigned long long)tail, (unsigned long long)rx->head);
        if (!damaged && ring_plausible(rx->head)) {
            return; /* nothing is wrong here: the head stands until the writer is back */
        }
        tail = 0;
    }
    rx->anew = true;
    rx->own->evidence = (struct fault_evidence){0};
    rx->head = rx->at = rx->peer_tail = tail; /* the writer learns of it by ring_release */
}

/* ---- both --------------------------------------------------------------------------------- */

static int join_failed(int err, const char *path, const char *what, char *why, size_t why_size)
{
    if (err == EBUSY) {
        snprintf(why, why_size,
                 "%s: another process has this %s end: stop it, or give another --run-dir", path,
                 what);
    } else if (!why[0]) {
        snprintf(why, why_size, "%s: cannot join as %s: %s", path, what, strerror(err));
    }
    return -err;
}

/* Opens one half; returns its descriptor or -errno. */
static int open_half(const char *path, bool tx, size_t size, bool own, bool *damaged, char *why,
                     size_t why_size)
{
    char name[256];

    snprintf(name, sizeof name, "%s.%s", path, tx ? "tx" : "rx");
    return tx ? file_open(name, FILE_RING_TX, FILE_PAGE + size, size, 0, own, true, damaged, why,
                          why_size)
              : file_open(name, FILE_RING_RX, FILE_PAGE, size, 0, own, true, damaged, why,
                          why_size);
}

/* Opens the writer's half and the reader's; 'own' says which is the caller's, whose sentence stays
 * in 'why'.  Returns 0 or -errno. */
static int open_halves(const char *path, size_t size, bool writer, int *own_fd, int *peer_fd,
                       bool *damaged, bool *peer_damaged, char *why, size_t why_size)
{
    char of_peer[400];

    *own_fd = open_half(path, writer, size, true, damaged, why, why_size);
    if (*own_fd < 0) {
        return *own_fd;
    }
    *peer_fd = open_half(path, !writer, size, false, peer_damaged, of_peer, sizeof of_peer);
    if (*peer_fd < 0) {
        snprintf(why, why_size, "%s", of_peer);
        return *peer_fd;
    }
    return 0;
}

int ring_tx_join(struct ring_tx *tx, const char *path, size_t size, char *why, size_t why_size)
{
    bool damaged, peer_damaged;
    int err;

    *tx = (struct ring_tx){.size = size, .mask = size - 1, .fd = -1, .peer_fd = -1, .guard = -1};
    err = -open_halves(path, size, true, &tx->fd, &tx->peer_fd, &damaged, &peer_damaged, why,
                       why_size);
    if (err == 0) {
        tx->own = ring_map_tx(tx->fd, size, true);
        tx->peer = file_map(tx->peer_fd, FILE_PAGE, false);
        err = tx->own && tx->peer ? 0 : errno;
    }
    if (err != 0) {
        err = join_failed(err, path, "writer", why, why_size);
        ring_tx_leave(tx);
        return err;
    }
    tx->guard = guard_add(tx->peer, tx->peer_fd, FILE_PAGE, 0);
    tx->data = tx->own->data;
    tx_resume(tx, path, damaged, peer_damaged, why, why_size);
    ring_count(&tx->own->attaches);
    ring_begin_epoch(&tx->own->epoch);
    return 0;
}

int ring_rx_join(struct ring_rx *rx, const char *path, size_t size, char *why, size_t why_size)
{
    bool damaged, peer_damaged;
    int err;

    *rx = (struct ring_rx){.size = size, .mask = size - 1, .fd = -1, .peer_fd = -1, .guard = -1};
    err = -open_halves(path, size, false, &rx->fd, &rx->peer_fd, &damaged, &peer_damaged, why,
                       why_size);
    if (err == 0) {
        rx->own = file_map(rx->fd, FILE_PAGE, true);
        rx->peer = ring_map_tx(rx->peer_fd, size, false);
        err = rx->own && rx->peer ? 0 : errno;
    }
    if (err != 0) {
        err = join_failed(err, path, "reader", why, why_size);
        ring_rx_leave(rx);
        return err;
    }
    rx->guard = guard_add(rx->peer, rx->peer_fd, FILE_PAGE + size, size);
    rx->data = rx->peer->data;
    rx_resume(rx, path, damaged, peer_damaged, why, why_size);
    fault_note_open(&rx->note, &rx->own->evidence);
    ring_count(&rx->own->attaches);
    if (!rx->anew) {
        ring_begin_epoch(&rx->own->epoch);
    }
    return 0;
}

void ring_tx_leave(struct ring_tx *tx)
{
    guard_remove(tx->guard);
    tx->guard = -1;
    file_unmap(tx->own, FILE_PAGE + 2 * tx->size);
    file_unmap(tx->peer, FILE_PAGE);
    tx->own = NULL;
    tx->peer = NULL;
    file_close(&tx->peer_fd);
    file_close(&tx->fd); /* last: it holds the lock */
}

void ring_rx_leave(struct ring_rx *rx)
{
    fault_unwatch(&rx->note);
    guard_remove(rx->guard);
    rx->guard = -1;
    file_unmap(rx->own, FILE_PAGE);
    file_unmap(rx->peer, FILE_PAGE + 2 * rx->size);
    rx->own = NULL;
    rx->peer = NULL;
    file_close(&rx->peer_fd);
    file_close(&rx->fd);
}

int ring_private(struct ring_tx *tx, struct ring_rx *rx, size_t size)
{
    int fd = memfd_create("ring", MFD_CLOEXEC);

    *tx = (struct ring_tx){.size = size, .mask = size - 1, .fd = -1, .peer_fd = -1, .guard = -1};
    *rx = (struct ring_rx){.size = size, .mask = size - 1, .fd = -1, .peer_fd = -1, .guard = -1};
    if (fd < 0 || ftruncate(fd, (off_t)(FILE_PAGE + size)) != 0) {
        int err = errno;

        file_close(&fd);
        return -err;
    }
    tx->own = ring_map_tx(fd, size, true);
    rx->own = mmap(NULL, FILE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    close(fd);
    if (!tx->own || rx->own == MAP_FAILED) {
        return -ENOMEM;
    }
    tx->peer = rx->own;
    rx->peer = tx->own;
    tx->data = tx->own->data;
    rx->data = tx->own->data;
    fault_note_open(&rx->note, &rx->own->evidence);
    return 0;
}

void ring_private_free(struct ring_tx *tx, struct ring_rx *rx)
{
    file_unmap(tx->own, FILE_PAGE + 2 * tx->size);
    file_unmap(rx->own, FILE_PAGE);
    tx->own = NULL;
    rx->own = NULL;
}
