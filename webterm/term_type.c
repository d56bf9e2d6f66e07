/* webterm/term_type.c - what is typed.  What the session does not take at once waits here, up to
 * TERM_TYPED bytes: a large paste.  Only what is in the session's memory is accepted for good. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "webterm/term_parts.h"

void term_refuse(struct term_client *c, const char *why)
{
    snprintf(c->refused, sizeof c->refused, "%s", why);
    ws_wake(c->ws);
}

/* ---- the audit log: lines as they were typed, not as the program edited them ----------------- */

static void audit(struct term_client *c)
{
    struct term_session *s = c->session;
    const struct term_settings *set = &s->term->set;

    s->line[s->line_len] = '\0';
    if (s->line_len > 0 && set->audit) {
        set->audit(set->context, c->peer, s->n, s->line);
    }
    s->line_len = 0;
}

static void note_line(struct term_client *c, const uint8_t *bytes, size_t len)
{
    struct term_session *s = c->session;

    for (size_t i = 0; i < len; i++) {
        uint8_t b = bytes[i];

        if (b == '\r' || b == '\n' || s->line_len == sizeof s->line - 8) {
            audit(c);
        }
        if ((b == 0x7f || b == '\b') && s->line_len > 0) {
            while (--s->line_len > 0 && (s->line[s->line_len] & 0xc0) == 0x80) {
            }
        } else if (b == 3 || b == 4 || b == 26) {
            s->line[s->line_len++] = '^';
            s->line[s->line_len++] = (char)(b + '@');
            audit(c);
        } else if (b >= ' ' && b != 0x7f) {
            s->line[s->line_len++] = (char)b;
        }
    }
}

/* ---- typing -------------------------------------------------------------------------------- */

void term_type_more(struct term_session *s)
{
    size_t n;

    if (!s->typed) {
        return;
    }
    n = pty_type(&s->pty, s->typed + s->typed_at, s->typed_len - s->typed_at);
    s->typed_at += n;
    s->typed_wait_us = n > 0                                 ? TERM_TRY_US
                       : s->typed_wait_us < TERM_TRY_MOST_US ? 2 * s->typed_wait_us
                                                             : TERM_TRY_MOST_US;
    if (n > 0) {
        bell_ring(&s->term->set.topo->bell[TOPO_PTYHOST]);
    }
    if (s->typed_at == s->typed_len) {
        term_type_drop(s);
    }
}

void term_type_drop(struct term_session *s)
{
    free(s->typed);
    s->typed = NULL;
    s->typed_at = s->typed_len = 0;
}

/* Puts what does not fit aside.  False: there is too much already. */
static bool keep(struct term_session *s, const uint8_t *bytes, size_t len)
{
    if (len == 0) {
        return true;
    }
    if (!s->typed) {
        s->typed = malloc(TERM_TYPED);
        s->typed_wait_us = TERM_TRY_US;
    }
    if (s->typed && s->typed_at > 0) {
        memmove(s->typed, s->typed + s->typed_at, s->typed_len - s->typed_at);
        s->typed_len -= s->typed_at;
        s->typed_at = 0;
    }
    if (!s->typed || len > TERM_TYPED - s->typed_len) {
        return false;
    }
    memcpy(s->typed + s->typed_len, bytes, len);
    s->typed_len += len;
    return true;
}

void term_type(struct term_client *c, const uint8_t *bytes, size_t len)
{
    struct term_session *s = c->session;
    size_t n = 0;

    if (c != s->driver) {
        term_refuse(c, c->operator_ ? "another page has the keyboard: take it, or ask for it"
                                    : TERM_WATCHES);
        return;
    }
    if (!term_runs(s->term)) {
        term_refuse(c, "ptyhost does not run, so nobody reads what is typed: see causeway status");
        return;
    }
    if (s->row.state == PTY_FREE) {
        term_refuse(c, "this session is closed");
        return;
    }
    if (!s->typed) {
        n = pty_type(&s->pty, bytes, len);
        bell_ring(&s->term->set.topo->bell[TOPO_PTYHOST]);
    }
    if (!keep(s, bytes + n, len - n)) {
        term_refuse(c,
                    "the program does not read what is typed, and 1 MiB of it waits already: the "
                    "rest is lost");
        len = n;
    }
    note_line(c, bytes, len);
    term_look(s); /* and sets the clock for what waits */
}
