/* common/text.h - text into a buffer of fixed size, piece by piece: what does not fit is left out,
 * and counted, as snprintf does.
 *
 *     struct text t;
 *     text_open(&t, buffer, sizeof buffer);
 *     text_say(&t, "port=%u", port);
 *     if (text_needed(&t) >= sizeof buffer) { it was cut }
 *
 * The buffer is always terminated. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
    char *p;
    size_t size, n; /* room; bytes needed so far, without the NUL */
};

void text_open(struct text *t, char *buffer, size_t size);
void text_say(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_char(struct text *t, char c);
void text_hex(struct text *t, const uint8_t *bytes, size_t len); /* "00ff" */
/* A JSON string, in quotes; bytes that are no ASCII become '?'. */
void text_json(struct text *t, const char *s, size_t len);
static inline size_t text_needed(const struct text *t)
{
    return t->n;
}

#endif
