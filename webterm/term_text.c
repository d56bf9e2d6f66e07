/* webterm/term_text.c - a small automaton over ECMA-48's forms. */
#include "webterm/term_text.h"

#include <stdbool.h>

enum { ESC = 27, BEL = 7, BACKSPACE = 8, DEL = 127 };

enum state {
    TEXT,
    ESCAPE,       /* after ESC */
    INTERMEDIATE, /* ESC ( and the like: one more */
    CONTROL,      /* ESC [ ... letter */
    STRING,       /* ESC ] ... BEL, or ESC \: titles, links, device strings */
    STRING_ESCAPE
};

struct text_out {
    uint8_t *bytes;
    size_t len, line; /* line: where the last one starts */
    bool returned;    /* after a carriage return */
};

/* Takes the last character of the line back. */
static void take_back(struct text_out *o)
{
    while (o->len > o->line && (o->bytes[--o->len] & 0xc0) == 0x80) {
    }
}

static void put(struct text_out *o, uint8_t b)
{
    if (b == '\n') {
        o->bytes[o->len++] = b;
        o->line = o->len;
    } else if (b == BACKSPACE) {
        take_back(o);
    } else if (b == '\t' || (b >= ' ' && b != DEL)) {
        o->len = o->returned ? o->line : o->len;
        o->bytes[o->len++] = b;
    }
    o->returned = b == '\r' || (o->returned && b == BACKSPACE);
}

static enum state after_escape(uint8_t b)
{
    if (b == '[') {
        return CONTROL;
    }
    if (b == ']' || b == 'P' || b == 'X' || b == '^' || b == '_') {
        return STRING;
    }
    return b >= 0x20 && b <= 0x2f ? INTERMEDIATE : TEXT;
}

static enum state step(enum state s, uint8_t b, struct text_out *o)
{
    switch (s) {
    case TEXT:
        if (b != ESC) {
            put(o, b);
        }
        return b == ESC ? ESCAPE : TEXT;
    case ESCAPE:
        return after_escape(b);
    case INTERMEDIATE:
        return b >= 0x20 && b <= 0x2f ? INTERMEDIATE : TEXT;
    case CONTROL:
        if (b == ESC) {
            return ESCAPE;
        }
        return b >= 0x40 && b <= 0x7e ? TEXT : CONTROL;
    case STRING:
        if (b == ESC) {
            return STRING_ESCAPE;
        }
        return b == BEL ? TEXT : STRING;
    case STRING_ESCAPE:
        return b == '\\' ? TEXT : after_escape(b);
    }
    return TEXT;
}

size_t term_text(uint8_t *bytes, size_t len)
{
    struct text_out o = {.bytes = bytes};
    enum state s = TEXT;

    for (size_t i = 0; i < len; i++) {
        s = step(s, bytes[i], &o);
    }
    return o.len;
}
