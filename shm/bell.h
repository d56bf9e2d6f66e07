/* shm/bell.h - how a producer wakes a sleeping consumer: one named FIFO a process.
 *
 * The consumer has its FIFO in its epoll set; a producer writes one byte.  The FIFO lives in the
 * run directory, so it survives a restart of either end and reaches into another container. */
#ifndef SHM_BELL_H
#define SHM_BELL_H

#include <stddef.h>

struct bell {
    int fd;
};

/* Makes the FIFO if it is missing.  Returns 0, or -errno with a sentence in 'why'. */
int bell_open(struct bell *b, const char *path, char *why, size_t why_size);
void bell_close(struct bell *b);
void bell_ring(const struct bell *b);
/* Takes every byte out that is there; before the rings are looked at, never after. */
void bell_drain(const struct bell *b);

#endif
