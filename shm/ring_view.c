/* shm/ring_view.c - looking at a ring from outside: its numbers, and its records as they pass. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shm/file.h"
#include "shm/guard.h"
#include "shm/ring_layout.h"

#define RING_SIZE_MAX (1ull << 32)

/* Copies the first page of one half.  Returns 0 or -errno; -EPROTO: it is no such half. */
static int look(const char *path, const char *half, enum file_kind kind, void *page)
{
    char name[256];
    ssize_t n;
    int fd;

    snprintf(name, sizeof name, "%s.%s", path, half);
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    n = pread(fd, page, FILE_PAGE, 0);
    close(fd);
    return n == FILE_PAGE && file_header_holds(page, kind) ? 0 : -EPROTO;
}

int ring_stats(const char *path, struct ring_stats *s)
{
    _Alignas(FILE_PAGE) uint8_t tx_page[FILE_PAGE], rx_page[FILE_PAGE];
    const struct ring_tx_shared *tx = (const void *)tx_page;
    const struct ring_rx_shared *rx = (const void *)rx_page;
    const struct commit *c;
    int err = look(path, "tx", FILE_RING_TX, tx_page);

    err = err ? err : look(path, "rx", FILE_RING_RX, rx_page);
    if (err != 0) {
        return err;
    }
    s->size = tx->header.a;
    if (s->size < FILE_PAGE || s->size > RING_SIZE_MAX || (s->size & (s->size - 1)) != 0) {
        return -EPROTO;
    }
    s->used = ring_get(&rx->head);
    /* acquire: what the caller looks at next is not older than the tail */
    s->tail = atomic_load_explicit(&tx->tail, memory_order_acquire);
    s->used = s->tail - s->used;
    c = &tx->commit[ring_get(&tx->commit[0].tail) == s->tail ? 0 : 1];
    s->records = ring_get(&c->records);
    s->publishes = ring_get(&tx->publishes);
    s->full = ring_get(&tx->full);
    s->bells = ring_get(&tx->bells);
    s->tx_attaches = ring_get(&tx->attaches);
    s->wakes = ring_get(&rx->wakes);
    s->rx_attaches = ring_get(&rx->attaches);
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
    fd = file_open(name, FILE_RING_TX, FILE_PAGE + s.size, s.size, 0, false, false, NULL, why,
                   why_size);
    if (fd < 0) {
        return fd;
    }
    v->tx = ring_map_tx(fd, s.size, false);
    if (!v->tx) {
        snprintf(why, why_size, "%s: cannot be mapped: %s", name, strerror(errno));
        close(fd);
        return -ENOMEM;
    }
    v->fd = fd;
    v->guard = guard_add(v->tx, fd, FILE_PAGE + s.size, s.size);
    v->data = v->tx->data;
    v->size = s.size;
    return 0;
}

void ring_view_close(struct ring_view *v)
{
    if (v->tx) {
        guard_remove(v->guard);
        file_unmap(v->tx, FILE_PAGE + 2 * v->size);
        close(v->fd);
        v->tx = NULL;
    }
}

uint64_t ring_view_tail(const struct ring_view *v, uint64_t *records)
{
    *records = 0;
    for (unsigned tries = 0;; tries++) {
        /* pairs with the release store in ring_publish */
        uint64_t tail = atomic_load_explicit(&v->tx->tail, memory_order_acquire);

        for (unsigned i = 0; i < 2; i++) {
            const struct commit *c = &v->tx->commit[i];

            if (ring_get(&c->tail) != tail) {
                continue;
            }
            *records = ring_get(&c->records);
            /* pairs with the fence in fill_commit: the count is the tail's if the tail stands */
            atomic_thread_fence(memory_order_acquire);
            if (ring_get(&v->tx->tail) == tail) {
                return tail;
            }
        }
        if (tries == 100) {
            return tail;
        }
    }
}

bool ring_view_copy(const struct ring_view *v, uint64_t at, uint64_t tail, struct record *r,
                    uint8_t *head)
{
    const uint8_t *from = v->data + (at & (v->size - 1));

    if (at % 8 != 0 || tail - at < sizeof *r || tail - at > v->size) {
        return false;
    }
    ring_copy_header(r, from);
    if (!ring_header_holds(r, tail - at)) {
        return false;
    }
    memcpy(head, from + sizeof *r, r->head_len);
    /* the copy is made before this look; what the writer stages past its tail is less than half */
    atomic_thread_fence(memory_order_acquire);
    return ring_get(&v->tx->tail) - at <= v->size / 2;
}
