/* webterm/audit.h - who did what: each login, each change, each line typed.
 *
 *     audit_open(&a, path, why, sizeof why)      before the sandbox; "" is the log
 *     audit_line(&a, peer, session, "login role=%s", role)
 *
 * A line is "2026-11-28T08:00:00.123Z peer=127.0.0.1:4711 session=0 TEXT": what is not printable in
 * TEXT is escaped ("\x1b"), so that no peer writes lines of its own.  A file is made for its owner
 * alone, and only appended to. */
#ifndef WEBTERM_AUDIT_H
#define WEBTERM_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_NO_SESSION (-1)

struct audit {
    int fd; /* -1: the log */
    bool failed;
    uint64_t lost; /* lines that could not be written */
};

/* Returns 0, or -errno with a sentence in 'why'. */
int audit_open(struct audit *a, const char *path, char *why, size_t why_size);
void audit_line(struct audit *a, const char *peer, int session, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void audit_close(struct audit *a);
/* The text as a line may have it. */
void audit_escape(char *to, size_t size, const char *text);

#endif
