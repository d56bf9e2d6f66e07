/* shm/measure.c - the file around a histogram. */
#include "shm/measure.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/file.h"
#include "shm/guard.h"

#define BYTES (FILE_PAGE + (sizeof(struct histogram) + FILE_PAGE - 1) / FILE_PAGE * FILE_PAGE)

/* Maps the file of 'fd'; its histogram lies behind the header's page.  NULL: 'fd' is closed. */
static struct histogram *map(int fd, bool writable, const char *path, char *why, size_t why_size)
{
    uint8_t *base = file_map(fd, BYTES, writable);

    if (!base) {
        int err = errno;

        snprintf(why, why_size, "%s: cannot be mapped: %s", path, strerror(err));
        close(fd);
        errno = err;
        return NULL;
    }
    return (struct histogram *)(void *)(base + FILE_PAGE);
}

static void unmap(const struct histogram *h)
{
    munmap((uint8_t *)(uintptr_t)h - FILE_PAGE, BYTES);
}

int measure_write_join(struct measure_writer *w, const char *path, char *why, size_t why_size)
{
    bool damaged;

    *w = (struct measure_writer){0};
    w->fd = file_open(path, FILE_HISTOGRAM, BYTES, HISTOGRAM_BUCKETS, sizeof(uint64_t), true, true,
                      &damaged, why, why_size);
    if (w->fd == -EBUSY) {
        snprintf(why, why_size,
                 "%s: another process writes this histogram: stop it, or give another --run-dir",
                 path);
    }
    if (w->fd < 0) {
        return w->fd;
    }
    w->histogram = map(w->fd, true, path, why, why_size);
    if (!w->histogram) {
        return -errno;
    }
    if (damaged) {
        histogram_clear(w->histogram);
    }
    return 0;
}

void measure_write_leave(struct measure_writer *w)
{
    if (w->histogram) {
        unmap(w->histogram);
        w->histogram = NULL;
        close(w->fd);
    }
}

int measure_read_join(struct measure_reader *r, const char *path, char *why, size_t why_size)
{
    *r = (struct measure_reader){0};
    r->fd = file_open(path, FILE_HISTOGRAM, BYTES, HISTOGRAM_BUCKETS, sizeof(uint64_t), false,
                      false, NULL, why, why_size);
    if (r->fd < 0) {
        return r->fd;
    }
    r->histogram = map(r->fd, false, path, why, why_size);
    if (!r->histogram) {
        return -errno;
    }
    r->guard = guard_add((const uint8_t *)r->histogram - FILE_PAGE, r->fd, BYTES, 0);
    return 0;
}

void measure_read_leave(struct measure_reader *r)
{
    if (r->histogram) {
        guard_remove(r->guard);
        unmap(r->histogram);
        r->histogram = NULL;
        close(r->fd);
    }
}

void measure_take(struct measure_reader *r, struct histogram_snapshot *s)
{
    if (guard_hurt(r->guard)) {
        guard_mend(r->guard);
    }
    histogram_snapshot(r->histogram, s);
}
