/* webterm/term_text.h - what a terminal showed, as plain text. */
#ifndef WEBTERM_TERM_TEXT_H
#define WEBTERM_TERM_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Strips escape sequences and control characters from 'bytes', in place; a character that was taken
 * back, and a line that was written over, are left out, too.  Returns the new length. */
size_t term_text(uint8_t *bytes, size_t len);

#endif
