/* webterm/term.h - terminal sessions in browsers: /ws/terminal, and REST for sessions and
 * recordings, as docs/web-protocol.md says.  Their programs are ptyhost's; what is between the two
 * is shm/pty.h.
 *
 *     t = term_open(&settings, why, sizeof why);       before the sandbox: it opens files
 *     http_run(...)
 *     term_close(t);                                   after http_hang_up
 *
 * It takes the doorbell of webterm into the loop.  For each client it keeps a few hundred bytes,
 * and no output: that is read from the session's own memory when the client has room. */
#ifndef WEBTERM_TERM_H
#define WEBTERM_TERM_H

#include <jansson.h>
#include <stddef.h>

#include "common/sandbox.h"
#include "shm/topo.h"
#include "webterm/live.h"

struct term;

struct term_settings {
    struct http *http;
    struct live *live; /* has the topic "sessions" */
    struct topo *topo;
    unsigned sessions;         /* most, as [ptyhost] max-sessions has it */
    const char *recordings;    /* a folder; "": one in the run directory */
    const struct sandbox *box; /* who webterm will be */
    /* Each line that somebody types; the text is UTF-8 without control characters.  May be NULL. */
    void (*audit)(void *context, const char *peer, unsigned session, const char *text);
    void *context;
};

/* NULL: a sentence is in 'why'. */
struct term *term_open(const struct term_settings *settings, char *why, size_t why_size);
void term_close(struct term *t);
/* {"sessions": [...]} of GET /api/v1/sessions; a new reference. */
json_t *term_sessions(const struct term *t);

#endif
