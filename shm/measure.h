/* shm/measure.h - a histogram (common/histogram.h) in a file of the run directory; topo.def lists
 * them.
 *
 *     topo_measure(&t, &w, TOPO_MEASURE_LATENCY);        its one writer
 *     histogram_add(w.histogram, values, n);
 *     topo_measure_look(run_dir, &r, TOPO_MEASURE_LATENCY, why, sizeof why);   whoever looks
 *     measure_take(&r, &snapshot);
 *
 * It outlives its writer, whose successor goes on from it. */
#ifndef SHM_MEASURE_H
#define SHM_MEASURE_H

#include <stddef.h>

#include "common/histogram.h"

struct measure_writer {
    struct histogram *histogram;
    int fd;
};

struct measure_reader {
    const struct histogram *histogram;
    int fd, guard;
};

/* Return 0, or -errno with a sentence in 'why' (-EPROTO: another build's).  A damaged file is no
 * failure to its writer: it is started anew, and 'why' has a sentence about it.  The reader's file
 * must be there. */
int measure_write_join(struct measure_writer *w, const char *path, char *why, size_t why_size);
int measure_read_join(struct measure_reader *r, const char *path, char *why, size_t why_size);
void measure_write_leave(struct measure_writer *w);
void measure_read_leave(struct measure_reader *r);

/* How it is now.  Of a file that its writer has cut short, what is left, and zeroes. */
void measure_take(struct measure_reader *r, struct histogram_snapshot *s);

#endif
