/* shm/file.c - make aside, link into place, check the header. */
#include "shm/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/topo.h"

#define FILE_MAGIC 0x43617573657761ULL /* "Causewa" */

static const char *kind_name(uint32_t kind)
{
    static const char *const names[] = {"nothing known", "a ring's writer half",
                                        "a ring's reader half", "an arena", "a board"};

    return kind < sizeof names / sizeof names[0] ? names[kind] : names[0];
}

int file_fail(int err, const char *path, const char *what, char *why, size_t why_size)
{
    const char *cure = "";

    if (err == ENOENT) {
        cure = ": the run directory does not exist; make it, or give another with --run-dir";
    } else if (err == EACCES || err == EPERM) {
        cure = ": run as the user that owns the run directory, or as root";
    } else if (err == ENOSPC) {
        cure = ": free memory on the file system of the run directory";
    }
    snprintf(why, why_size, "%s: cannot %s: %s%s", path, what, strerror(err), cure);
    return -err;
}

/* Returns 0, or -errno; -EEXIST (somebody was first) is no failure. */
static int make_file(const char *path, const struct file_header *h, char *why, size_t why_size)
{
    char aside[256];
    int err = 0;
    int fd;

    /* a PID alone is no name of one's own: in each container the first process is PID 1 */
    snprintf(aside, sizeof aside, "%s.new.%ld.%08" PRIx32, path, (long)getpid(), arc4random());
    fd = open(aside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
    if (fd < 0) {
        return file_fail(errno, path, "be made", why, why_size);
    }
    /* all of its memory now: a file system that is full later kills whoever touches a hole */
    err = posix_fallocate(fd, 0, (off_t)h->bytes);
    if (err == 0 && pwrite(fd, h, sizeof *h, 0) != (ssize_t)sizeof *h) {
        err = EIO;
    }
    if (err != 0) {
        err = file_fail(err, path, "be written", why, why_size);
    } else if (link(aside, path) != 0 && errno != EEXIST) {
        err = file_fail(errno, path, "be put in place", why, why_size);
    }
    unlink(aside);
    close(fd);
    return err;
}

static int check(int fd, const char *path, const struct file_header *want, char *why,
                 size_t why_size)
{
    static const char cure[] = "stop the stack and remove its run directory (causeway down)";
    struct file_header h;
    struct stat st;

    if (fstat(fd, &st) != 0 || pread(fd, &h, sizeof h, 0) != (ssize_t)sizeof h ||
        h.magic != FILE_MAGIC) {
        snprintf(why, why_size, "%s: not a file of Causeway's shared memory: %s", path, cure);
    } else if (h.abi != want->abi) {
        snprintf(why, why_size,
                 "%s: made by shared-memory ABI version %" PRIu32 ", this build has %" PRIu32
                 ": %s",
                 path, h.abi, want->abi, cure);
    } else if (h.kind != want->kind) {
        snprintf(why, why_size, "%s: holds %s, expected %s: %s", path, kind_name(h.kind),
                 kind_name(want->kind), cure);
    } else if (h.a != want->a || h.b != want->b || h.bytes != want->bytes) {
        snprintf(why, why_size,
                 "%s: geometry is %" PRIu64 "x%" PRIu64 " in %" PRIu64 " bytes, expected %" PRIu64
                 "x%" PRIu64 " in %" PRIu64 ": %s",
                 path, h.a, h.b, h.bytes, want->a, want->b, want->bytes, cure);
    } else if ((uint64_t)st.st_size != h.bytes) {
        snprintf(why, why_size, "%s: %lld bytes long, its header says %" PRIu64 ": %s", path,
                 (long long)st.st_size, h.bytes, cure);
    } else {
        return 0;
    }
    return -EPROTO;
}

int file_open(const char *path, enum file_kind kind, uint64_t bytes, uint64_t a, uint64_t b,
              bool writable, bool make, char *why, size_t why_size)
{
    const struct file_header want = {FILE_MAGIC, SHM_ABI, (uint32_t)kind, bytes, a, b};
    int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC;
    int fd = open(path, flags);
    int err;

    if (fd < 0 && errno == ENOENT && make) {
        err = make_file(path, &want, why, why_size);
        if (err != 0) {
            return err;
        }
        fd = open(path, flags);
    }
    if (fd < 0) {
        return file_fail(errno, path, "be opened", why, why_size);
    }
    err = check(fd, path, &want, why, why_size);
    if (err != 0) {
        close(fd);
        return err;
    }
    return fd;
}

void *file_map(int fd, uint64_t bytes, bool writable)
{
    void *p = mmap(NULL, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);

    return p == MAP_FAILED ? NULL : p;
}

int file_lock(int fd, enum file_lock which)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = which, .l_len = 1};

    if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
        return 0;
    }
    return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

bool file_locked(int fd, enum file_lock which)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = which, .l_len = 1};

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
