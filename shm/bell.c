/* shm/bell.c - a FIFO held open for reading and writing, so that it never reads as ended. */
#include "shm/bell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/file.h"

int bell_open(struct bell *b, const char *path, char *why, size_t why_size)
{
    struct stat st;

    if (mkfifo(path, 0660) != 0 && errno != EEXIST) {
        return file_fail(errno, path, "be made as a doorbell", why, why_size);
    }
    b->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (b->fd < 0) {
        return file_fail(errno, path, "be opened as a doorbell", why, why_size);
    }
    if (fstat(b->fd, &st) != 0 || !S_ISFIFO(st.st_mode)) {
        snprintf(why, why_size, "%s: not a FIFO; remove it and start again", path);
        bell_close(b);
        return -EPROTO;
    }
    return 0;
}

void bell_close(struct bell *b)
{
    file_close(&b->fd);
}

void bell_ring(const struct bell *b)
{
    /* EAGAIN: the FIFO is full of old rings; the kernel wakes who waits for an edge all the same */
    if (write(b->fd, "", 1) < 0) {
        return;
    }
}

void bell_drain(const struct bell *b)
{
    char junk[4096];

    /* a FIFO holds 64 KiB; somebody who fills it faster than that is not waited for */
    for (unsigned n = 0; n < 16 && read(b->fd, junk, sizeof junk) == (ssize_t)sizeof junk; n++) {
    }
}
