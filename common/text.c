/* common/text.c */
#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_open(struct text *t, char *buffer, size_t size)
{
    *t = (struct text){buffer, size, 0};
    if (size > 0) {
        buffer[0] = '\0';
    }
}

void text_say(struct text *t, const char *format, ...)
{
    size_t left = t->n < t->size ? t->size - t->n : 0;
    va_list args;
    int more;

    va_start(args, format);
    more = vsnprintf(left ? t->p + t->n : NULL, left, format, args);
    va_end(args);
    t->n += more > 0 ? (size_t)more : 0;
}

void text_char(struct text *t, char c)
{
    if (t->n + 1 < t->size) {
        t->p[t->n] = c;
        t->p[t->n + 1] = '\0';
    }
    t->n++;
}

void text_hex(struct text *t, const uint8_t *bytes, size_t len)
{
    static const char digit[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        text_char(t, digit[bytes[i] >> 4]);
        text_char(t, digit[bytes[i] & 15]);
    }
}

void text_json(struct text *t, const char *s, size_t len)
{
    text_char(t, '"');
    for (size_t i = 0; i < len; i++) {
        char c = s[i] >= 0x20 && s[i] < 0x7f ? s[i] : '?';

        if (c == '"' || c == '\\') {
            text_char(t, '\\');
        }
        text_char(t, c);
    }
    text_char(t, '"');
}
