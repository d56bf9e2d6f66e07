/* shm/file.h - files of the run directory that hold shared memory.
 *
 * A file appears complete or not at all: it is made aside under a name of its own, sized, given its
 * header, and linked into place; whoever loses that race uses the winner's.  Every file starts with
 * a header that is checked before anything else is believed.
 *
 * A file has one owner, the only one who opens it for writing.  A header or a length that cannot be
 * is the owner's to mend, in place, so that whoever has the file mapped sees it whole again; to the
 * others it is a damaged file, which they can do without. */
#ifndef SHM_FILE_H
#define SHM_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILE_PAGE 4096

enum file_kind {
    FILE_RING_TX = 1,
    FILE_RING_RX,
    FILE_ARENA,
    FILE_BOARD,
    FILE_MIRROR,
    FILE_PTY_HOST,
    FILE_PTY_WEB,
    FILE_HISTOGRAM
};

struct file_header {
    uint64_t magic;
    uint32_t abi;
    uint32_t kind;  /* enum file_kind */
    uint64_t bytes; /* of the file */
    uint64_t a, b;  /* geometry, by kind: ring data or mirror bytes; board row size and rows */
};

/* Opens 'path', making it if 'make', and checks the header against kind, bytes, a, b.  'own': for
 * writing, with FILE_OWNER's lock.  Returns a descriptor, or -errno with a sentence in 'why' that
 * names the file and the difference; -EBUSY, without one: it has an owner.
 *
 * A file of another shared-memory ABI is refused (-EPROTO).  A damaged one, too, if 'damaged' is
 * NULL; else '*damaged' says that it is one, 'why' says how, and it is opened: mended if 'own'
 * (what it holds is not to be believed), as it is if not (it may be too short for its mapping:
 * guard.h). */
int file_open(const char *path, enum file_kind kind, uint64_t bytes, uint64_t a, uint64_t b,
              bool own, bool make, bool *damaged, char *why, size_t why_size);
/* Is it the header of such a file, by this build? */
bool file_header_holds(const struct file_header *h, enum file_kind kind);
/* Has another file taken the place of the open one? */
bool file_replaced(int fd, const char *path);
/* Maps the whole file.  Returns NULL with errno on failure. */
void *file_map(int fd, uint64_t bytes, bool writable);
void file_unmap(const void *p, size_t bytes); /* NULL: nothing to do */
void file_close(int *fd);                     /* -1: nothing to do; else it is -1 afterwards */
/* Takes an open-file-description lock, freed by the kernel when the owner dies: FILE_OWNER says who
 * writes the file; FILE_SAID, that the owner has put in its own words what its predecessor left.
 * Returns 0, -EBUSY, or -errno. */
enum file_lock { FILE_OWNER, FILE_SAID };
int file_lock(int fd, enum file_lock which);
/* Is the lock held by anyone? */
bool file_locked(int fd, enum file_lock which);
/* Puts "path: cannot 'what': cause: cure" into 'why'.  Returns -err. */
int file_fail(int err, const char *path, const char *what, char *why, size_t why_size);

#endif
