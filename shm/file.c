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
#include <time.h>
#include <unistd.h>

#include "shm/topo.h"

#define FILE_MAGIC 0x43617573657761ULL /* "Causewa" */
#define ABI_MOST 999                   /* a larger number in a header is no version, but damage */

static const char *kind_name(uint32_t kind)
{
    static const char *const names[] = {
        "nothing known", "a ring's writer half", "a ring's reader half", "an arena",   "a board",
        "a mirror",      "a terminal's output",  "a terminal's input",   "a histogram"};

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

/* Those who start together each make the file aside, and all but one throw it away again: room that
 * is short may be free in a moment, and the file there.  False: it is not. */
static bool made_by_another(const char *path)
{
    const struct timespec pause = {0, 10000000};
    bool there = access(path, F_OK) == 0;

    for (unsigned i = 0; i < 20 && !there; i++) {
        nanosleep(&pause, NULL);
        there = access(path, F_OK) == 0;
    }
    return there;
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
    if (err == ENOSPC) {
        unlink(aside);
        err = made_by_another(path) ? 0 : file_fail(err, path, "be written", why, why_size);
    } else if (err != 0) {
        err = file_fail(err, path, "be written", why, why_size);
    } else if (link(aside, path) != 0 && errno != EEXIST) {
        err = file_fail(errno, path, "be put in place", why, why_size);
    }
    unlink(aside);
    close(fd);
    return err;
}

enum finding { FILE_HOLDS, FILE_DAMAGED, FILE_OTHER_ABI };

/* A header of another build's has our magic and a number that a person may have given. */
static bool other_abi(const struct file_header *h)
{
    return h->magic == FILE_MAGIC && h->abi != SHM_ABI && h->abi > 0 && h->abi <= ABI_MOST;
}

static enum finding check(int fd, const char *path, const struct file_header *want, char *why,
                          size_t why_size)
{
    static const char cure[] = "stop the stack and remove its run directory (causeway down)";
    struct file_header h;
    struct stat st;

    if (fstat(fd, &st) != 0 || pread(fd, &h, sizeof h, 0) != (ssize_t)sizeof h ||
        h.magic != FILE_MAGIC) {
        snprintf(why, why_size, "%s: not a file of Causeway's shared memory", path);
    } else if (other_abi(&h)) {
        snprintf(why, why_size,
                 "%s: made by shared-memory ABI version %" PRIu32 ", this build has %" PRIu32
                 ": %s",
                 path, h.abi, want->abi, cure);
        return FILE_OTHER_ABI;
    } else if (h.abi != want->abi || h.kind != want->kind) {
        snprintf(why, why_size, "%s: holds %s, expected %s", path, kind_name(h.kind),
                 kind_name(want->kind));
    } else if (h.a != want->a || h.b != want->b || h.bytes != want->bytes) {
        snprintf(why, why_size,
                 "%s: geometry is %" PRIu64 "x%" PRIu64 " in %" PRIu64 " bytes, expected %" PRIu64
                 "x%" PRIu64 " in %" PRIu64,
                 path, h.a, h.b, h.bytes, want->a, want->b, want->bytes);
    } else if ((uint64_t)st.st_size != h.bytes) {
        snprintf(why, why_size, "%s: %lld bytes long, its header says %" PRIu64, path,
                 (long long)st.st_size, h.bytes);
    } else {
        return FILE_HOLDS;
    }
    return FILE_DAMAGED;
}

/* In place: others have the file mapped.  Returns 0 or -errno. */
static int mend(int fd, const char *path, const struct file_header *want, char *why,
                size_t why_size)
{
    int err = ftruncate(fd, (off_t)want->bytes) == 0 ? 0 : errno;

    if (err == 0) {
        err = posix_fallocate(fd, 0, (off_t)want->bytes);
    }
    if (err == 0 && pwrite(fd, want, sizeof *want, 0) != (ssize_t)sizeof *want) {
        err = EIO;
    }
    return err == 0 ? 0 : file_fail(err, path, "be mended", why, why_size);
}

static int judge(int fd, const char *path, const struct file_header *want, bool own, bool *damaged,
                 char *why, size_t why_size)
{
    enum finding found = check(fd, path, want, why, why_size);

    if (damaged) {
        *damaged = found == FILE_DAMAGED;
    }
    if (found == FILE_OTHER_ABI || (found == FILE_DAMAGED && !damaged)) {
        return -EPROTO;
    }
    return found == FILE_DAMAGED && own ? mend(fd, path, want, why, why_size) : 0;
}

int file_open(const char *path, enum file_kind kind, uint64_t bytes, uint64_t a, uint64_t b,
              bool own, bool make, bool *damaged, char *why, size_t why_size)
{
    const struct file_header want = {FILE_MAGIC, SHM_ABI, (uint32_t)kind, bytes, a, b};
    int flags = (own ? O_RDWR : O_RDONLY) | O_CLOEXEC;
    int fd = open(path, flags);
    int err;

    why[0] = '\0';
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
    err = own ? file_lock(fd, FILE_OWNER) : 0;
    if (err != 0 && err != -EBUSY) {
        err = file_fail(-err, path, "be locked", why, why_size);
    }
    if (err == 0) {
        err = judge(fd, path, &want, own, damaged, why, why_size);
    }
    if (err != 0) {
        close(fd);
        return err;
    }
    return fd;
}

bool file_header_holds(const struct file_header *h, enum file_kind kind)
{
    return h->magic == FILE_MAGIC && h->abi == SHM_ABI && h->kind == (uint32_t)kind;
}

bool file_replaced(int fd, const char *path)
{
    struct stat mine, there;

    return stat(path, &there) == 0 && fstat(fd, &mine) == 0 &&
           (mine.st_ino != there.st_ino || mine.st_dev != there.st_dev);
}

void *file_map(int fd, uint64_t bytes, bool writable)
{
    void *p = mmap(NULL, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);

    return p == MAP_FAILED ? NULL : p;
}

void file_unmap(const void *p, size_t bytes)
{
    if (p) {
        munmap((void *)(uintptr_t)p, bytes);
    }
}

void file_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
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
