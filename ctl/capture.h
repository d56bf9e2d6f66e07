/* ctl/capture.h - what `causeway capture` and `causeway capture openflow` have in common. */
#ifndef CTL_CAPTURE_H
#define CTL_CAPTURE_H

#include <stdint.h>
#include <stdio.h>

#include "ctl/ctl.h"

#define CAPTURE_TURN 512 /* frames or messages at once */

int capture_openflow(struct ctl *c);

/* What -w and -c mean; 'things' are what is counted.  Returns 0 or an exit status. */
int capture_limit(const struct ctl *c, const char *value, const char *things, uint64_t *limit);
/* Opens what -w names, "-" being standard output; a 'kind' of file.  NULL: it was said why. */
FILE *capture_create(const char *file, const char *kind, const char *example);
/* From here on, SIGINT and SIGTERM end the capture in order. */
void capture_begin(void);
/* The capture is told to stop: takes what is there, by some more turns.  'turn' returns how many it
 * took, up to CAPTURE_TURN, or -1 when writing failed, as 'n' was of the last one.  Returns the
 * exit status. */
int capture_finish(int (*turn)(void *capture), void *capture, int n);
/* Writing failed.  Returns the exit status: a reader that went away ends a capture, no more. */
int capture_unwritten(void);
/* Closes it unless it is standard output.  Returns 'status', or 1 if it could not be written. */
int capture_close(FILE *out, const char *file, int status);

#endif
