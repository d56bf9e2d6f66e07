/* shm/board.h - a table of rows with one writer and any number of readers: the state lane.
 *
 * What must never be lost (ports, interfaces, sessions, readiness) is published as state, not as
 * events: a reader that was away, slow or restarted reads the rows and knows everything.  A row is
 * kept twice, and a sequence number selects the valid one, so a writer killed in the middle of a
 * row leaves the old one whole, and a reader never waits.
 *
 *     writer                                reader
 *     board_put(&w, index, &row);           if (board_changed(&r)) {
 *     board_publish(&w);  rings             for (i = 0; i < board_rows(&r); i++)
 *                                               board_get(&r, i, &row);  }
 *
 * Nothing in a row is to be believed without a check: the writer may be out of its mind.
 *
 * A row of zeroes is an empty row.  Rows keep their index for as long as the run directory lives;
 * a restarted writer finds its predecessor's rows with board_peek. */
#ifndef SHM_BOARD_H
#define SHM_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bell;

struct board_writer {
    struct board_shared *shared;
    size_t row_size;
    unsigned rows;
    struct bell *bells[4]; /* readers to wake */
    unsigned n_bells;
    int fd;
};

struct board_reader {
    const struct board_shared *shared;
    size_t row_size;
    unsigned rows;
    uint64_t seen; /* version at the last board_changed that said yes */
    int fd, guard;
};

/* Return 0, or -errno with a sentence naming the file in 'why' (-EPROTO: another build's).  A
 * damaged file is no failure: its writer starts it anew and has a sentence about it in 'why'; to a
 * reader it has the rows that it seems to have, and a file that was cut short has none (guard.h).
 */
int board_write_join(struct board_writer *w, const char *path, size_t row_size, unsigned rows,
                     char *why, size_t why_size);
int board_read_join(struct board_reader *r, const char *path, size_t row_size, unsigned rows,
                    char *why, size_t why_size);
void board_write_leave(struct board_writer *w);
void board_read_leave(struct board_reader *r);

void board_put(struct board_writer *w, unsigned index, const void *row);
void board_peek(const struct board_writer *w, unsigned index, void *row);
/* Counts a new version and rings the readers. */
void board_publish(struct board_writer *w);

/* True once for each version published since the last call (the first call: true). */
bool board_changed(struct board_reader *r);
/* Highest row ever written, plus one. */
unsigned board_used(const struct board_reader *r);
/* Copies a row.  False: past the end, or the writer changed it faster than it could be read. */
bool board_get(const struct board_reader *r, unsigned index, void *row);
/* A text of a row as it may be printed: ended, and '?' for what is no printable ASCII. */
const char *board_text(char *text, size_t size);

#endif
