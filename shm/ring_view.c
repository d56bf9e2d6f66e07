/* shm/ring_view.c - looking at a ring from outside: its numbers, and its records as they pass. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/file.h"
#include "shm/ring_layout.h"

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
    s->used = ring_get(&rx->head);
    s->used = ring_get(&tx->tail) - s->used;
    c = ring_get(&tx->commit[0].tail) >= ring_get(&tx->commit[1].tail) ? &tx->commit[0]
                                                                       : &tx->commit[1];
    s->records = ring_get(&c->records);
    s->publishes = ring_get(&tx->publishes);
    s->full = ring_get(&tx->full);
    s->bells = ring_get(&tx->bells);
    s->tx_attaches = ring_get(&tx->attaches);
    s->wakes = ring_get(&rx->wakes);
    s->rx_attaches = ring_get(&rx->attaches);
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
    v->tx = ring_map_tx(fd, s.size, false);
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
    ring_unmap(v->tx, FILE_PAGE + 2 * v->size);
    v->tx = NULL;
}

uint64_t ring_view_tail(const struct ring_view *v, uint64_t *records)
{
    for (unsigned tries = 0;; tries++) {
        /* pairs with the release store in ring_publish */
        uint64_t tail = atomic_load_explicit(&v->tx->tail, memory_order_acquire);

        for (unsigned i = 0; i < 2; i++) {
            const struct commit *c = &v->tx->commit[i];

            *records = ring_get(&c->records);
            /* acquire: the count is read before the second look at the block's tail */
            atomic_thread_fence(memory_order_acquire);
            if (ring_get(&c->tail) == tail || tries == 100) {
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
    ring_copy_header(r, from);
    if (!ring_header_holds(r, tail - at)) {
        return false;
    }
    memcpy(head, from + sizeof *r, r->head_len);
    /* the copy is made before this look; what the writer stages past its tail is less than half */
    atomic_thread_fence(memory_order_acquire);
    return ring_get(&v->tx->tail) - at <= v->size / 2;
}
