/* webterm/buttons.h - the page's buttons: lines for the console, in a file that a teacher can edit.
 *
 *     b = buttons_open(file, why, sizeof why)      with the settings, before anything is made
 *     buttons_serve(b, http)                       GET /api/v1/buttons
 *
 * The file (lab/buttons.ini explains itself) is read at the start and again when it has changed; a
 * changed one with a mistake is told of in the log, and the buttons stay as they were. */
#ifndef WEBTERM_BUTTONS_H
#define WEBTERM_BUTTONS_H

#include <stddef.h>

#include "webterm/http.h"

#define BUTTONS_MOST 64

struct buttons;

/* 'file': [webterm] buttons.  With "" it is the lab's own; a mistake in that, or its absence, is
 * logged, and there are no buttons.  Returns NULL after a sentence in 'why' when a file that the
 * operator has named cannot be read or has a mistake. */
struct buttons *buttons_open(const char *file, char *why, size_t why_size);
void buttons_serve(struct buttons *b, struct http *h); /* 'b' then lives as long as 'h' */
void buttons_close(struct buttons *b);

/* The buttons of a file: a JSON array of {"id","label","group","command","hint"}, to be freed by
 * the caller; lines of a command are separated by newlines.  Returns NULL after the first mistake,
 * as "file:line: sentence", in 'why'. */
char *buttons_read(const char *file, char *why, size_t why_size);

#endif
