/* shm/quarantine.c - a pcap file that several processes in a row append to. */
#include "shm/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "shm/file.h"

#define MAGIC 0xa1b2c3d4 /* microseconds; host byte order: the magic tells the reader */
#define LINK_ETHERNET 1
#define SNAP 65535

struct file_head {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, accuracy, snap, link;
};
struct frame_head {
    uint32_t seconds, micros, kept, len;
};

static const struct file_head start = {MAGIC, 2, 4, 0, 0, SNAP, LINK_ETHERNET};

/* Bytes up to which 'fd' holds whole frames; 0: not a file of ours. */
static uint64_t whole(int fd, uint64_t size)
{
    struct file_head h;
    struct frame_head f;
    uint64_t at = sizeof h;

    if (pread(fd, &h, sizeof h, 0) != (ssize_t)sizeof h || memcmp(&h, &start, sizeof h) != 0) {
        return 0;
    }
    while (pread(fd, &f, sizeof f, (off_t)at) == (ssize_t)sizeof f && f.kept <= SNAP &&
           sizeof f + f.kept <= size - at) {
        at += sizeof f + f.kept;
    }
    return at;
}

/* 0 or an errno. */
static int open_file(struct quarantine *q)
{
    struct stat st;

    q->fd = open(q->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (q->fd < 0 || fstat(q->fd, &st) != 0) {
        return errno;
    }
    q->size = whole(q->fd, (uint64_t)st.st_size);
    if (q->size < (uint64_t)st.st_size && ftruncate(q->fd, (off_t)q->size) != 0) {
        return errno;
    }
    if (q->size == 0) {
        if (write(q->fd, &start, sizeof start) != (ssize_t)sizeof start) {
            return errno;
        }
        q->size = sizeof start;
    }
    return 0;
}

void quarantine_open(struct quarantine *q, const char *run_dir, const char *process)
{
    char why[256];
    int err;

    *q = (struct quarantine){.fd = -1};
    snprintf(q->path, sizeof q->path, "%s/%s.quarantine.pcap", run_dir, process);
    err = open_file(q);
    if (err != 0) {
        quarantine_close(q);
        file_fail(err, q->path, "be written", why, sizeof why);
        die("%s", why);
    }
}

/* NULL, or why the frame is not kept. */
static const char *append(struct quarantine *q, const struct quarantine_frame *f)
{
    uint32_t of_head = f->head_len < SNAP ? f->head_len : SNAP;
    uint32_t of_tail = f->tail_len < SNAP - of_head ? f->tail_len : SNAP - of_head;
    struct frame_head h = {.kept = of_head + of_tail, .len = f->head_len + f->tail_len};
    struct iovec iov[] = {{&h, sizeof h},
                          {(void *)(uintptr_t)f->head, of_head},
                          {(void *)(uintptr_t)f->tail, of_tail}};
    size_t need = sizeof h + h.kept;
    struct timespec now;
    ssize_t n;

    if (q->fd < 0) {
        return "the file could not be written";
    }
    if (q->size + need > QUARANTINE_BYTES) {
        return "the file is full";
    }
    clock_gettime(CLOCK_REALTIME, &now);
    h.seconds = (uint32_t)now.tv_sec;
    h.micros = (uint32_t)(now.tv_nsec / 1000);
    n = writev(q->fd, iov, 3);
    if (n != (ssize_t)need) {
        quarantine_close(q); /* what is cut short is cut off at the next start */
        return n < 0 ? strerror(errno) : "the file system is full";
    }
    q->size += need;
    return NULL;
}

bool quarantine_put(struct quarantine *q, const struct quarantine_frame *f)
{
    const char *name = sigabbrev_np(f->signal), *why = append(q, f);
    char cause[32];

    snprintf(cause, sizeof cause, "%s%s", name ? "SIG" : "signal ", name ? name : "unknown");
    log_warn("frame quarantined: its handler died of %s, %u times seq=%" PRIu64
             " %s length=%" PRIu64 " %s=%s",
             cause, f->deaths, f->seq, f->where, (uint64_t)f->head_len + f->tail_len,
             why ? "not kept" : "file", why ? why : q->path);
    return why == NULL;
}

void quarantine_close(struct quarantine *q)
{
    file_close(&q->fd);
}
