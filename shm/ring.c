/* shm/ring.c - the index protocol.  Every atomic here names the line that it pairs with.
 *
 * Positions are bytes since the ring was made; they never wrap (2^64).  The data is mapped twice in
 * a row, so a record that crosses the end is still one piece of memory. */
#include "shm/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/bell.h"
#include "shm/file.h"

#define LINE 128 /* two cache lines: the adjacent-line prefetcher shares pairs */

/* What a publish commits, besides the records: kept twice; the one whose 'tail' equals the shared
 * tail is valid, so the store of the tail is the one commit point. */
struct commit {
    _Atomic uint64_t tail, batch_start, records;
    _Atomic uint64_t settled[RING_INPUTS];
};

struct ring_tx_shared {
    struct file_header header;
    _Alignas(LINE) _Atomic uint64_t tail;
    _Alignas(LINE) struct commit commit[2];
    _Alignas(LINE) _Atomic uint64_t publishes, full, bells, attaches;
    _Alignas(FILE_PAGE) uint8_t data[];
};

struct ring_rx_shared {
    struct file_header header;
    _Alignas(LINE) _Atomic uint64_t head;
    _Atomic uint64_t begun; /* same line: written once a batch, as head is */
    _Alignas(LINE) _Atomic uint64_t event;
    _Alignas(LINE) _Atomic uint64_t wakes, attaches;
};

_Static_assert(sizeof(struct ring_tx_shared) == FILE_PAGE, "data starts on a page");
_Static_assert(sizeof(struct ring_rx_shared) <= FILE_PAGE, "the reader's half is one page");

static uint64_t get(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static void set(_Atomic uint64_t *word, uint64_t v)
{
    atomic_store_explicit(word, v, memory_order_relaxed);
}

/* One writer: no read-modify-write is needed. */
static void count(_Atomic uint64_t *word)
{
    set(word, get(word) + 1);
}

static uint64_t round8(uint64_t n)
{
    return (n + 7) & ~7ULL;
}

/* Copies a record's header once, word by word, so that no later read sees the peer's memory. */
static void copy_header(struct record *r, const uint8_t *from)
{
    const _Atomic uint64_t *word = (const _Atomic uint64_t *)(const void *)from;
    uint64_t copy[sizeof *r / 8];

    for (size_t i = 0; i < sizeof copy / sizeof copy[0]; i++) {
        copy[i] = get(&word[i]);
    }
    memcpy(r, copy, sizeof copy);
}

/* A record's size must be what its head_len implies, and within 'left' bytes. */
static bool header_holds(const struct record *r, uint64_t left)
{
    return r->head_len <= RECORD_HEAD_MAX && r->size == round8(sizeof *r + r->head_len) &&
           r->size <= left;
}

/* ---- writer ------------------------------------------------------------------------------- */

uint64_t ring_room(struct ring_tx *tx, uint64_t want)
{
    uint64_t room = tx->size - (tx->staged - tx->peer_head);

    if (room < want && !tx->bad) {
        /* pairs with the release store in ring_release: what it frees is no longer read */
        uint64_t head = atomic_load_explicit(&tx->peer->head, memory_order_acquire);

        if (head - tx->peer_head > tx->tail - tx->peer_head) {
            tx->bad = true; /* backwards, or past what was published */
            return 0;
        }
        tx->peer_head = head;
        room = tx->size - (tx->staged - head);
    }
    return tx->bad ? 0 : room;
}

uint8_t *ring_reserve(struct ring_tx *tx, size_t head_size)
{
    uint64_t need = round8(sizeof(struct record) + head_size);

    if (head_size > RECORD_HEAD_MAX || ring_room(tx, need) < need) {
        count(&tx->own->full);
        return NULL;
    }
    return tx->data + (tx->staged & tx->mask) + sizeof(struct record);
}

void ring_commit(struct ring_tx *tx, const struct record *r)
{
    struct record *to = (struct record *)(void *)(tx->data + (tx->staged & tx->mask));

    *to = *r;
    to->size = (uint32_t)round8(sizeof *r + r->head_len);
    tx->staged += to->size;
    tx->n_staged++;
}

void ring_settle(struct ring_tx *tx, unsigned input, uint64_t position)
{
    tx->settled[input] = position;
}

uint64_t ring_settled(const struct ring_tx *tx, unsigned input)
{
    return tx->settled[input];
}

static void fill_commit(struct ring_tx *tx, struct commit *c)
{
    set(&c->batch_start, tx->tail);
    set(&c->records, get(&tx->own->commit[tx->commit_at].records) + tx->n_staged);
    for (unsigned i = 0; i < RING_INPUTS; i++) {
        set(&c->settled[i], tx->settled[i]);
    }
    set(&c->tail, tx->staged);
}

void ring_publish(struct ring_tx *tx)
{
    uint64_t old = tx->tail, now = tx->staged;

    if (now == old) {
        return;
    }
    fill_commit(tx, &tx->own->commit[tx->commit_at ^ 1]);
    /* the commit point; pairs with the acquire load in ring_peek */
    atomic_store_explicit(&tx->own->tail, now, memory_order_release);
    tx->commit_at ^= 1;
    tx->tail = now;
    tx->n_staged = 0;
    count(&tx->own->publishes);
    if (tx->bell) {
        /* pairs with the fence in ring_rx_arm: either we see its event, or it sees our tail */
        atomic_thread_fence(memory_order_seq_cst);
        if (now - get(&tx->peer->event) - 1 < now - old) {
            count(&tx->own->bells);
            bell_ring(tx->bell);
        }
    }
}

void ring_abandon(struct ring_tx *tx)
{
    const struct commit *c = &tx->own->commit[tx->commit_at];

    tx->staged = tx->tail;
    tx->n_staged = 0;
    for (unsigned i = 0; i < RING_INPUTS; i++) {
        tx->settled[i] = get(&c->settled[i]);
    }
}

void ring_last_batch(const struct ring_tx *tx, void (*seen)(void *, const struct record *),
                     void *context)
{
    uint64_t at = get(&tx->own->commit[tx->commit_at].batch_start);

    while (at < tx->tail) {
        struct record r;

        copy_header(&r, tx->data + (at & tx->mask));
        if (!header_holds(&r, tx->tail - at)) {
            return; /* our own memory, so this cannot be; never loop over garbage all the same */
        }
        seen(context, &r);
        at += r.size;
    }
}

/* ---- reader ------------------------------------------------------------------------------- */

static bool turn_bad(struct ring_rx *rx, const char *what, uint64_t value)
{
    rx->bad = true;
    snprintf(rx->why, sizeof rx->why, "%s %llu at position %llu", what, (unsigned long long)value,
             (unsigned long long)rx->at);
    return false;
}

/* Looks at the writer's tail; true if there is something at rx->at. */
static bool refresh(struct ring_rx *rx)
{
    /* pairs with the release store in ring_publish */
    uint64_t tail = atomic_load_explicit(&rx->peer->tail, memory_order_acquire);

    if (tail - rx->head > rx->size || tail - rx->head < rx->at - rx->head || tail % 8 != 0) {
        return turn_bad(rx, "impossible tail", tail);
    }
    rx->peer_tail = tail;
    return tail != rx->at;
}

bool ring_peek(struct ring_rx *rx, struct record *r, const uint8_t **head)
{
    const uint8_t *from = rx->data + (rx->at & rx->mask);

    if (rx->bad || (rx->at == rx->peer_tail && !refresh(rx))) {
        return false;
    }
    if (rx->peer_tail - rx->at < sizeof *r) {
        return turn_bad(rx, "no room for a record before tail", rx->peer_tail);
    }
    copy_header(r, from);
    if (!header_holds(r, rx->peer_tail - rx->at)) {
        return turn_bad(rx, "impossible record size", r->size);
    }
    rx->peeked = r->size;
    *head = from + sizeof *r;
    return true;
}

void ring_next(struct ring_rx *rx)
{
    rx->at += rx->peeked;
    rx->peeked = 0;
}

uint64_t ring_position(const struct ring_rx *rx)
{
    return rx->at;
}

void ring_release(struct ring_rx *rx)
{
    if (rx->head != rx->at) {
        rx->head = rx->at;
        /* pairs with the acquire load in ring_room */
        atomic_store_explicit(&rx->own->head, rx->at, memory_order_release);
    }
}

void ring_begin(struct ring_rx *rx)
{
    /* release: everything that decided to send comes before it, for a successor to rely on */
    atomic_store_explicit(&rx->own->begun, rx->at, memory_order_release);
}

uint64_t ring_begun(const struct ring_rx *rx)
{
    uint64_t begun = get(&rx->own->begun);

    return begun - rx->head <= rx->size ? begun : rx->head;
}

bool ring_rx_skip(struct ring_rx *rx, uint64_t position)
{
    if (position <= rx->at) {
        return true;
    }
    if (!refresh(rx) || position - rx->head > rx->peer_tail - rx->head || position % 8 != 0) {
        return false;
    }
    rx->at = position;
    return true;
}

bool ring_rx_bad(const struct ring_rx *rx)
{
    return rx->bad;
}

bool ring_rx_empty(const struct ring_rx *rx)
{
    return rx->bad || (rx->at == rx->peer_tail &&
                       atomic_load_explicit(&rx->peer->tail, memory_order_relaxed) == rx->at);
}

bool ring_rx_arm(struct ring_rx *rx)
{
    if (rx->bad) {
        return false;
    }
    set(&rx->own->event, rx->at);
    /* pairs with the fence in ring_publish */
    atomic_thread_fence(memory_order_seq_cst);
    if (get(&rx->peer->tail) != rx->at) {
        return true;
    }
    count(&rx->own->wakes);
    return false;
}

/* ---- joining ------------------------------------------------------------------------------ */

/* Maps a writer's half with its data twice in a row.  NULL with errno on failure. */
static struct ring_tx_shared *map_tx(int fd, size_t size, bool writable)
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

/* Takes over where the last writer published.  False: the file is inconsistent. */
static bool tx_resume(struct ring_tx *tx)
{
    uint64_t head = get(&tx->peer->head);
    bool found = false;

    tx->tail = tx->staged = get(&tx->own->tail);
    for (unsigned i = 0; i < 2 && !found; i++) {
        if (get(&tx->own->commit[i].tail) == tx->tail) {
            tx->commit_at = i;
            found = true;
        }
    }
    tx->peer_head = head;
    ring_abandon(tx);
    return found && tx->tail - head <= tx->size;
}

static int join_failed(int err, const char *path, const char *what, char *why, size_t why_size)
{
    if (err == EBUSY) {
        snprintf(why, why_size,
                 "%s: another process has this %s end: stop it, or give another --run-dir", path,
                 what);
    } else if (err == EPROTO) {
        snprintf(why, why_size,
                 "%s: its two halves do not belong together: stop the stack and remove its run "
                 "directory (causeway down)",
                 path);
    } else {
        snprintf(why, why_size, "%s: cannot join as %s: %s", path, what, strerror(err));
    }
    return -err;
}

/* Opens both halves; *own_fd is the caller's writable one. */
static int open_halves(const char *path, size_t size, bool writer, int *tx_fd, int *rx_fd,
                       char *why, size_t why_size)
{
    char name[256];

    snprintf(name, sizeof name, "%s.tx", path);
    *tx_fd = file_open(name, FILE_RING_TX, FILE_PAGE + size, size, 0, writer, true, why, why_size);
    if (*tx_fd < 0) {
        return *tx_fd;
    }
    snprintf(name, sizeof name, "%s.rx", path);
    *rx_fd = file_open(name, FILE_RING_RX, FILE_PAGE, size, 0, !writer, true, why, why_size);
    if (*rx_fd < 0) {
        close(*tx_fd);
        return *rx_fd;
    }
    return 0;
}

int ring_tx_join(struct ring_tx *tx, const char *path, size_t size, char *why, size_t why_size)
{
    int err;

    *tx = (struct ring_tx){.size = size, .mask = size - 1, .fd = -1, .peer_fd = -1};
    err = open_halves(path, size, true, &tx->fd, &tx->peer_fd, why, why_size);
    if (err != 0) {
        return err;
    }
    err = -file_lock(tx->fd, FILE_OWNER);
    if (err == 0) {
        tx->own = map_tx(tx->fd, size, true);
        tx->peer = file_map(tx->peer_fd, FILE_PAGE, false);
        err = tx->own && tx->peer ? 0 : errno;
    }
    if (err == 0) {
        tx->data = tx->own->data;
        err = tx_resume(tx) ? 0 : EPROTO;
    }
    if (err != 0) {
        ring_tx_leave(tx);
        return join_failed(err, path, "writer", why, why_size);
    }
    count(&tx->own->attaches);
    return 0;
}

int ring_rx_join(struct ring_rx *rx, const char *path, size_t size, char *why, size_t why_size)
{
    int err;

    *rx = (struct ring_rx){.size = size, .mask = size - 1, .fd = -1, .peer_fd = -1};
    err = open_halves(path, size, false, &rx->peer_fd, &rx->fd, why, why_size);
    if (err != 0) {
        return err;
    }
    err = -file_lock(rx->fd, FILE_OWNER);
    if (err == 0) {
        rx->own = file_map(rx->fd, FILE_PAGE, true);
        rx->peer = map_tx(rx->peer_fd, size, false);
        err = rx->own && rx->peer ? 0 : errno;
    }
    if (err == 0) {
        rx->data = rx->peer->data;
        rx->head = rx->at = rx->peer_tail = get(&rx->own->head);
        refresh(rx);
        err = rx->bad ? EPROTO : 0;
    }
    if (err != 0) {
        ring_rx_leave(rx);
        return join_failed(err, path, "reader", why, why_size);
    }
    count(&rx->own->attaches);
    return 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static void unmap(const void *p, size_t bytes)
{
    if (p) {
        munmap((void *)(uintptr_t)p, bytes);
    }
}

void ring_tx_leave(struct ring_tx *tx)
{
    unmap(tx->own, FILE_PAGE + 2 * tx->size);
    unmap(tx->peer, FILE_PAGE);
    tx->own = NULL;
    tx->peer = NULL;
    close_fd(&tx->peer_fd);
    close_fd(&tx->fd); /* last: it holds the lock */
}

void ring_rx_leave(struct ring_rx *rx)
{
    unmap(rx->own, FILE_PAGE);
    unmap(rx->peer, FILE_PAGE + 2 * rx->size);
    rx->own = NULL;
    rx->peer = NULL;
    close_fd(&rx->peer_fd);
    close_fd(&rx->fd);
}

int ring_private(struct ring_tx *tx, struct ring_rx *rx, size_t size)
{
    int fd = memfd_create("ring", MFD_CLOEXEC);

    *tx = (struct ring_tx){.size = size, .mask = size - 1, .fd = -1, .peer_fd = -1};
    *rx = (struct ring_rx){.size = size, .mask = size - 1, .fd = -1, .peer_fd = -1};
    if (fd < 0 || ftruncate(fd, (off_t)(FILE_PAGE + size)) != 0) {
        int err = errno;

        close_fd(&fd);
        return -err;
    }
    tx->own = map_tx(fd, size, true);
    rx->own = mmap(NULL, FILE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    close(fd);
    if (!tx->own || rx->own == MAP_FAILED) {
        return -ENOMEM;
    }
    tx->peer = rx->own;
    rx->peer = tx->own;
    tx->data = tx->own->data;
    rx->data = tx->own->data;
    return 0;
}

void ring_private_free(struct ring_tx *tx, struct ring_rx *rx)
{
    unmap(tx->own, FILE_PAGE + 2 * tx->size);
    unmap(rx->own, FILE_PAGE);
    tx->own = NULL;
    rx->own = NULL;
}

/* Opens one half for reading, whatever its size says; 0 or -errno. */
static int look(const char *path, const char *half, uint64_t *data_size, void **map)
{
    char name[256];
    struct file_header h;
    int fd;

    snprintf(name, sizeof name, "%s.%s", path, half);
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    if (pread(fd, &h, sizeof h, 0) != (ssize_t)sizeof h) {
        close(fd);
        return -EPROTO;
    }
    *data_size = h.a;
    *map = mmap(NULL, FILE_PAGE, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    return *map == MAP_FAILED ? -ENOMEM : 0;
}

int ring_stats(const char *path, struct ring_stats *s)
{
    void *tx_map, *rx_map;
    const struct ring_tx_shared *tx;
    const struct ring_rx_shared *rx;
    const struct commit *c;
    int err = look(path, "tx", &s->size, &tx_map);

    if (err != 0) {
        return err;
    }
    err = look(path, "rx", &s->size, &rx_map);
    if (err != 0) {
        munmap(tx_map, FILE_PAGE);
        return err;
    }
    tx = tx_map;
    rx = rx_map;
    s->used = get(&rx->head);
    s->used = get(&tx->tail) - s->used;
    c = get(&tx->commit[0].tail) >= get(&tx->commit[1].tail) ? &tx->commit[0] : &tx->commit[1];
    s->records = get(&c->records);
    s->publishes = get(&tx->publishes);
    s->full = get(&tx->full);
    s->bells = get(&tx->bells);
    s->tx_attaches = get(&tx->attaches);
    s->wakes = get(&rx->wakes);
    s->rx_attaches = get(&rx->attaches);
    munmap(tx_map, FILE_PAGE);
    munmap(rx_map, FILE_PAGE);
    return 0;
}

/* ---- a spectator -------------------------------------------------------------------------- */

int ring_view_open(struct ring_view *v, const char *path, char *why, size_t why_size)
{
    struct ring_stats s;
    char name[256];
    int fd;

    *v = (struct ring_view){0};
    if (ring_stats(path, &s) != 0) {
        snprintf(why, why_size,
                 "%s: there is no such ring that can be read: start the stack "
                 "(causeway up), or run as the user that owns it",
                 path);
        return -ENOENT;
    }
    snprintf(name, sizeof name, "%s.tx", path);
    fd = file_open(name, FILE_RING_TX, FILE_PAGE + s.size, s.size, 0, false, false, why, why_size);
    if (fd < 0) {
        return fd;
    }
    v->tx = map_tx(fd, s.size, false);
    close(fd);
    if (!v->tx) {
        snprintf(why, why_size, "%s: cannot be mapped: %s", name, strerror(errno));
        return -ENOMEM;
    }
    v->data = v->tx->data;
    v->size = s.size;
    return 0;
}

void ring_view_close(struct ring_view *v)
{
    unmap(v->tx, FILE_PAGE + 2 * v->size);
    v->tx = NULL;
}

uint64_t ring_view_tail(const struct ring_view *v, uint64_t *records)
{
    for (unsigned tries = 0;; tries++) {
        /* pairs with the release store in ring_publish */
        uint64_t tail = atomic_load_explicit(&v->tx->tail, memory_order_acquire);

        for (unsigned i = 0; i < 2; i++) {
            const struct commit *c = &v->tx->commit[i];

            *records = get(&c->records);
            /* acquire: the count is read before the second look at the block's tail */
            atomic_thread_fence(memory_order_acquire);
            if (get(&c->tail) == tail || tries == 100) {
                return tail;
            }
        }
    }
}

bool ring_view_copy(const struct ring_view *v, uint64_t at, uint64_t tail, struct record *r,
                    uint8_t *head)
{
    const uint8_t *from = v->data + (at & (v->size - 1));

    if (tail - at < sizeof *r || tail - at > v->size) {
        return false;
    }
    copy_header(r, from);
    if (!header_holds(r, tail - at)) {
        return false;
    }
    memcpy(head, from + sizeof *r, r->head_len);
    /* the copy is made before this look; what the writer stages past its tail is less than half */
    atomic_thread_fence(memory_order_acquire);
    return get(&v->tx->tail) - at <= v->size / 2;
}
