/* shm/ring_join.c - taking an end of a ring, and what a predecessor left there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/file.h"
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

/* Takes over where the last writer published.  False: the file is inconsistent. */
static bool tx_resume(struct ring_tx *tx)
{
    uint64_t head = ring_get(&tx->peer->head);
    bool found = false;

    tx->tail = tx->staged = ring_get(&tx->own->tail);
    for (unsigned i = 0; i < 2 && !found; i++) {
        if (ring_get(&tx->own->commit[i].tail) == tx->tail) {
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
        tx->own = ring_map_tx(tx->fd, size, true);
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
    ring_count(&tx->own->attaches);
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
        rx->peer = ring_map_tx(rx->peer_fd, size, false);
        err = rx->own && rx->peer ? 0 : errno;
    }
    if (err == 0) {
        rx->data = rx->peer->data;
        rx->head = rx->at = rx->peer_tail = ring_get(&rx->own->head);
        rx->peer_tail = ring_get(&rx->peer->tail);
        err = ring_tail_holds(rx, rx->peer_tail) ? 0 : EPROTO;
    }
    if (err != 0) {
        ring_rx_leave(rx);
        return join_failed(err, path, "reader", why, why_size);
    }
    fault_note_open(&rx->note, &rx->own->evidence);
    ring_count(&rx->own->attaches);
    return 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

void ring_unmap(const void *p, size_t bytes)
{
    if (p) {
        munmap((void *)(uintptr_t)p, bytes);
    }
}

void ring_tx_leave(struct ring_tx *tx)
{
    ring_unmap(tx->own, FILE_PAGE + 2 * tx->size);
    ring_unmap(tx->peer, FILE_PAGE);
    tx->own = NULL;
    tx->peer = NULL;
    close_fd(&tx->peer_fd);
    close_fd(&tx->fd); /* last: it holds the lock */
}

void ring_rx_leave(struct ring_rx *rx)
{
    fault_unwatch(&rx->note);
    ring_unmap(rx->own, FILE_PAGE);
    ring_unmap(rx->peer, FILE_PAGE + 2 * rx->size);
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
    ring_unmap(tx->own, FILE_PAGE + 2 * tx->size);
    ring_unmap(rx->own, FILE_PAGE);
    tx->own = NULL;
    rx->own = NULL;
}
