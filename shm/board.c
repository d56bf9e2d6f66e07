/* shm/board.c - rows kept twice, a sequence number that selects one. */
#include "shm/board.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "shm/bell.h"
#include "shm/file.h"
#include "shm/guard.h"

struct board_shared {
    struct file_header header;
    _Alignas(64) _Atomic uint64_t version;
    _Atomic uint64_t used;                 /* highest row ever written, plus one */
    _Alignas(64) _Atomic uint64_t words[]; /* rows: sequence, copy 0, copy 1 */
};

static size_t row_words(size_t row_size)
{
    return (row_size + 7) / 8;
}

static uint64_t board_bytes(size_t row_size, unsigned rows)
{
    uint64_t bytes = sizeof(struct board_shared) + (1 + 2 * row_words(row_size)) * 8 * rows;

    return (bytes + FILE_PAGE - 1) & ~(uint64_t)(FILE_PAGE - 1);
}

/* First word of a row's place. */
static size_t place(size_t row_size, unsigned index)
{
    return (1 + 2 * row_words(row_size)) * index;
}

/* No row, and a version that no reader has seen. */
static void start_anew(struct board_writer *w)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    for (size_t i = 0; i < place(w->row_size, w->rows); i++) {
        atomic_store_explicit(&w->shared->words[i], 0, memory_order_relaxed);
    }
    atomic_store_explicit(&w->shared->used, 0, memory_order_relaxed);
    atomic_store_explicit(&w->shared->version,
                          (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec,
                          memory_order_release);
}

int board_write_join(struct board_writer *w, const char *path, size_t row_size, unsigned rows,
                     char *why, size_t why_size)
{
    uint64_t bytes = board_bytes(row_size, rows);
    bool damaged;

    *w = (struct board_writer){.row_size = row_size, .rows = rows};
    w->fd = file_open(path, FILE_BOARD, bytes, row_size, rows, true, true, &damaged, why, why_size);
    if (w->fd == -EBUSY) {
        snprintf(why, why_size,
                 "%s: another process writes this board: stop it, or give another --run-dir", path);
    }
    if (w->fd < 0) {
        return w->fd;
    }
    w->shared = file_map(w->fd, bytes, true);
    if (!w->shared) {
        int err = errno;

        snprintf(why, why_size, "%s: cannot be mapped: %s", path, strerror(err));
        close(w->fd);
        return -err;
    }
    if (damaged) {
        start_anew(w);
    }
    return 0;
}

int board_read_join(struct board_reader *r, const char *path, size_t row_size, unsigned rows,
                    char *why, size_t why_size)
{
    uint64_t bytes = board_bytes(row_size, rows);
    bool damaged; /* its writer's to mend; until then it has the rows that it seems to have */

    *r = (struct board_reader){.row_size = row_size, .rows = rows, .seen = UINT64_MAX};
    r->fd =
        file_open(path, FILE_BOARD, bytes, row_size, rows, false, true, &damaged, why, why_size);
    if (r->fd < 0) {
        return r->fd;
    }
    r->shared = file_map(r->fd, bytes, false);
    if (!r->shared) {
        int err = errno;

        snprintf(why, why_size, "%s: cannot be mapped: %s", path, strerror(err));
        close(r->fd);
        return -err;
    }
    r->guard = guard_add(r->shared, r->fd, bytes, 0);
    return 0;
}

void board_write_leave(struct board_writer *w)
{
    if (w->shared) {
        munmap(w->shared, board_bytes(w->row_size, w->rows));
        w->shared = NULL;
        close(w->fd);
    }
}

void board_read_leave(struct board_reader *r)
{
    if (r->shared) {
        guard_remove(r->guard);
        munmap((void *)(uintptr_t)r->shared, board_bytes(r->row_size, r->rows));
        r->shared = NULL;
        close(r->fd);
    }
}

void board_put(struct board_writer *w, unsigned index, const void *row)
{
    size_t n = row_words(w->row_size);
    _Atomic uint64_t *at;
    uint64_t seq;

    assert(index < w->rows);
    at = &w->shared->words[place(w->row_size, index)];
    seq = atomic_load_explicit(&at[0], memory_order_relaxed);
    for (size_t i = 0; i < n; i++) {
        uint64_t word = 0;
        size_t left = w->row_size - i * 8;

        memcpy(&word, (const uint8_t *)row + i * 8, left < 8 ? left : 8);
        /* release: a reader that sees this word sees the sequence number move too (board_get) */
        atomic_store_explicit(&at[1 + ((seq + 1) & 1) * n + i], word, memory_order_release);
    }
    /* before the row is there: a writer killed in between must not leave a row that nobody sees */
    if (index >= atomic_load_explicit(&w->shared->used, memory_order_relaxed)) {
        atomic_store_explicit(&w->shared->used, index + 1, memory_order_release);
    }
    /* pairs with the acquire load in board_get */
    atomic_store_explicit(&at[0], seq + 1, memory_order_release);
}

/* Copies the row that 'seq' selects. */
static void copy_row(const _Atomic uint64_t *at, uint64_t seq, size_t row_size, void *row)
{
    size_t n = row_words(row_size);

    for (size_t i = 0; i < n; i++) {
        /* acquire: pairs with the release stores in board_put, keeps the second look at 'seq' last
         */
        uint64_t word = atomic_load_explicit(&at[1 + (seq & 1) * n + i], memory_order_acquire);
        size_t left = row_size - i * 8;

        memcpy((uint8_t *)row + i * 8, &word, left < 8 ? left : 8);
    }
}

void board_peek(const struct board_writer *w, unsigned index, void *row)
{
    const _Atomic uint64_t *at = &w->shared->words[place(w->row_size, index)];

    copy_row(at, atomic_load_explicit(&at[0], memory_order_relaxed), w->row_size, row);
}

void board_publish(struct board_writer *w)
{
    uint64_t v = atomic_load_explicit(&w->shared->version, memory_order_relaxed);

    /* pairs with the acquire load in board_changed */
    atomic_store_explicit(&w->shared->version, v + 1, memory_order_release);
    for (unsigned i = 0; i < w->n_bells; i++) {
        bell_ring(w->bells[i]);
    }
}

bool board_changed(struct board_reader *r)
{
    bool whole_again = guard_hurt(r->guard) && guard_mend(r->guard);
    /* pairs with the release store in board_publish */
    uint64_t v = atomic_load_explicit(&r->shared->version, memory_order_acquire);

    if (v == r->seen && !whole_again) {
        return false;
    }
    r->seen = v;
    return true;
}

unsigned board_used(const struct board_reader *r)
{
    uint64_t used = atomic_load_explicit(&r->shared->used, memory_order_acquire);

    return used < r->rows ? (unsigned)used : r->rows;
}

bool board_get(const struct board_reader *r, unsigned index, void *row)
{
    const _Atomic uint64_t *at;

    if (index >= r->rows) {
        return false;
    }
    at = &r->shared->words[place(r->row_size, index)];
    for (unsigned tries = 0; tries < 100; tries++) {
        /* pairs with the release store at the end of board_put */
        uint64_t seq = atomic_load_explicit(&at[0], memory_order_acquire);

        copy_row(at, seq, r->row_size, row);
        if (atomic_load_explicit(&at[0], memory_order_relaxed) == seq) {
            return true;
        }
    }
    return false;
}

const char *board_text(char *text, size_t size)
{
    char *end = memchr(text, '\0', size);

    if (!end) {
        end = text + size - 1;
        *end = '\0';
    }
    for (char *c = text; c < end; c++) {
        if (*c < 0x20 || *c > 0x7e) {
            *c = '?';
        }
    }
    return text;
}
