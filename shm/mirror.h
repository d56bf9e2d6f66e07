/* shm/mirror.h - copies of what a process handles, for whoever looks; lossy, and off while nobody
 * does.
 *
 * A mirror is a ring of bytes with one writer, which waits for nobody: it overwrites its oldest
 * records, and a reader that is too slow finds that out, goes on with the newest, and says how many
 * it missed.  Readers map it read-only; the writer cannot tell whether there are any.  So it
 * records only while it is asked to: somebody asks again and again, and some time after the last
 * request the writer stops, whatever became of those who asked.
 *
 *     writer                                      reader
 *     mirror_write_join(&w, path, size, ...)      mirror_read_join(&r, path, size, ...)
 *     mirror_look(&w, count)     each turn        ask the writer's process, which calls mirror_ask
 *     if (w.on) {                                 wait until mirror_on(&r), then mirror_start(&r)
 *         mirror_put(&w, meta, ..., iov, n);      while (mirror_next(&r, &record)) ...
 *     }                                           mirror_missed(&r)
 *
 * 'count' is the writer's own number of the things that it would have recorded, from the beginning
 * of time: what passed while it was off counts as missed, too.
 *
 * The request lies in the file and outlives the writer: a successor records from its first moment.
 * Nothing in a record is to be believed without a check: the writer may be out of its mind. */
#ifndef SHM_MIRROR_H
#define SHM_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define MIRROR_META 128               /* most bytes about a record */
#define MIRROR_DATA 65535             /* most bytes of a record */
#define MIRROR_LEASE_NS 3000000000ull /* recording stops this long after the last request */

struct mirror_writer {
    struct mirror_shared *shared;
    uint64_t size;
    uint64_t end, begun, count; /* as in the file */
    uint64_t asked_ns;          /* of the last request that was looked at */
    bool on;
    int fd;
};

struct mirror_reader {
    const struct mirror_shared *shared;
    uint64_t size;
    uint64_t at;     /* next record */
    uint64_t seq;    /* number of the last record that was read */
    uint64_t missed; /* before that */
    int fd, guard;
    char path[256];
};

struct mirror_record {
    uint64_t seq;     /* the writer's count */
    uint64_t time_ns; /* CLOCK_REALTIME */
    uint64_t missed;  /* records lost just before this one */
    uint32_t meta_len, len;
    _Alignas(8) uint8_t meta[MIRROR_META];
    _Alignas(8) uint8_t data[MIRROR_DATA + 1];
};

/* 'size': bytes of records, a power of two, 256 KiB or more.  Return 0, or -errno with a sentence
 * in 'why' (-EPROTO: another build's).  A damaged file is no failure to its writer: it is started
 * anew, and 'why' has a sentence about it.  The reader's file must be there. */
int mirror_write_join(struct mirror_writer *w, const char *path, uint64_t size, char *why,
                      size_t why_size);
int mirror_read_join(struct mirror_reader *r, const char *path, uint64_t size, char *why,
                     size_t why_size);
void mirror_write_leave(struct mirror_writer *w);
void mirror_read_leave(struct mirror_reader *r);

/* Asks for records for MIRROR_LEASE_NS from 'now_ns' (CLOCK_MONOTONIC).  From any thread. */
void mirror_ask(const struct mirror_writer *w, uint64_t now_ns);
/* Is there a request that mirror_look has not seen?  One load. */
bool mirror_asked(const struct mirror_writer *w);
/* Begins or ends recording as asked. */
void mirror_look(struct mirror_writer *w, uint64_t now_ns, uint64_t count);
/* Records the bytes of 'iov' as one, and counts it. */
void mirror_put(struct mirror_writer *w, const void *meta, size_t meta_len, const struct iovec *iov,
                unsigned n);

/* Does the writer record?  (A dead one may have.) */
bool mirror_on(const struct mirror_reader *r);
/* Goes to the newest record; nothing is missed so far. */
void mirror_start(struct mirror_reader *r);
/* The next record.  False: none yet, or some were lost: the next call goes on. */
bool mirror_next(struct mirror_reader *r, struct mirror_record *record);
/* Goes on with what is written from now on: the next record tells how many were lost. */
void mirror_skip(struct mirror_reader *r);
/* Records that were lost since mirror_start.  Exact, once the writer pauses. */
uint64_t mirror_missed(const struct mirror_reader *r);
/* Has another file taken the place of the one that is mapped? */
bool mirror_replaced(const struct mirror_reader *r);

#endif
