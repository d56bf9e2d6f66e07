/* tests/fault/image.h - what outlives a killed process: the files of its run directory.
 *
 *     image_open(&m, run_dir);                  once every file is there, with nobody at work
 *     image_add(&m, state, size);               and what the tester itself knows at that instant
 *     image_keep(&m);                           the image is now what the files hold
 *     if (image_changed(&m, &log, rip)) ...     what changed since: into the log, and the image
 *     image_keep .. image_rewind                back to an earlier image
 *     image_replay(&m, &log)                    the log's next instant, into the image
 *     image_restore(&m);                        the files (and the tester) are as in the image
 *
 * A process that dies at an instant leaves these bytes and nothing else: its locks, sockets and
 * private memory go with it.  So the bytes of an instant, handed to a successor, are a kill at that
 * instant; and where no byte changed, two instants are the same kill. */
#ifndef TESTS_FAULT_IMAGE_H
#define TESTS_FAULT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_FILES 32
#define IMAGE_WINDOW                                                                               \
    (64u * 1024) /* bytes of each file that are watched: the tests fill no more                    \
                  */

struct image_file {
    char name[64];
    uint8_t *live;
    uint8_t *kept;
    size_t len;
    bool written; /* by the process that is stepped */
};
struct image {
    struct image_file file[IMAGE_FILES];
    unsigned n;
};

struct image_word { /* a change */
    uint16_t file;
    uint16_t last; /* 1: the last of its instant */
    uint32_t off;
    uint64_t value;
    uint64_t rip;  /* of the instruction after it */
    uint64_t step; /* number of the instruction that made it */
};
struct image_log {
    struct image_word *word; /* malloc'd */
    size_t n, room, at;
};

void image_open(struct image *m, const char *run_dir);
void image_add(struct image *m, const char *name, void *memory, size_t len);
void image_keep(struct image *m);
/* Finds out which files the process, in full work, has mapped for writing: only these are looked at
 * after each instruction, unless 'all', as when the tester did something. */
void image_written_by(struct image *m, int pid);
bool image_changed(struct image *m, bool all, struct image_log *log, uint64_t step, uint64_t rip);
/* False: the log is at its end. */
bool image_replay(struct image *m, struct image_log *log, struct image_word *instant);
void image_restore(const struct image *m);
void image_close(struct image *m);
/* A copy of an image as it is kept, to come back to; free() gives it back. */
uint8_t *image_copy(const struct image *m);
void image_rewind(struct image *m, const uint8_t *copy);
/* The kept bytes of a file, or NULL. */
struct image_file *image_find(struct image *m, const char *name);

#endif
