/* webterm/record.h - a recording of a session: asciicast v2, one file each.
 *
 * What the terminal printed, with its time; not what was typed.  A character that is cut by two
 * reads is kept whole; what is no UTF-8 becomes U+FFFD.  A recording ends at RECORD_MOST bytes. */
#ifndef WEBTERM_RECORD_H
#define WEBTERM_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_MOST (16u << 20)    /* bytes of one */
#define RECORD_FOLDER (128u << 20) /* of all in the folder: no new one begins beyond it */
#define RECORD_NAME 80

struct recording {
    int fd; /* -1: none */
    char name[RECORD_NAME];
    uint64_t start_ns, size;
    uint64_t at;    /* the session's output, next to be written */
    uint8_t cut[4]; /* the beginning of a character */
    size_t cut_len;
    bool failed;
};

/* Makes a file in 'folder' (a descriptor), named for the session and 'now_ns' (CLOCK_REALTIME).
 * Returns 0, or -errno with a sentence in 'why'. */
int record_start(struct recording *r, int folder, const char *folder_name, const char *session,
                 uint16_t cols, uint16_t rows, uint64_t now_ns, char *why, size_t why_size);
/* Both return false once the recording has ended: it is full, or the disk is. */
bool record_output(struct recording *r, const uint8_t *bytes, size_t len, uint64_t now_ns);
bool record_size(struct recording *r, uint16_t cols, uint16_t rows, uint64_t now_ns);
void record_stop(struct recording *r);

/* One event of output as asciicast has it, with the characters that 'cut' had begun; what the end
 * of 'bytes' begins is put there.  'to' has room for 6 * (len + 4) + 40 bytes.  Returns the length;
 * 0: nothing but the beginning of a character. */
size_t record_event(char *to, double seconds, const uint8_t *bytes, size_t len, uint8_t cut[4],
                    size_t *cut_len);
/* May it be a recording's name?  Nothing that leads out of the folder. */
bool record_name_holds(const char *name);
/* {"recordings": [{"name","size","started"}...]}, newest first. */
json_t *record_list(int folder);
/* Opens one for reading.  Returns a descriptor or -errno; -ENOENT too for what is no regular file.
 */
int record_open(int folder, const char *name);

#endif
