/* ctl/decode_input.c - bytes out of text: hex digits as people and tools write them.
 *
 * Taken are digits with or without blanks, "0x", colons and commas between; `hexdump -C`, `xxd` and
 * `tshark -x`, whose offset at the start of a line and whose characters at its end are left out. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/decode_of.h"

/* A line of text, and the bytes that it has. */
struct line {
    const char *p, *end;
    uint64_t number; /* from 1 */
};

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static size_t digits_at(const char *p, const char *end)
{
    size_t n = 0;

    while (p + n < end && digit(p[n]) >= 0) {
        n++;
    }
    return n;
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }
    return p;
}

/* An offset begins the lines of a dump: four digits or more and then a colon, or two blanks, or a
 * blank and a pair of digits alone.  Bytes by pairs begin with two digits.  "00000020" that stands
 * alone ends `hexdump -C`. */
static const char *skip_offset(const char *p, const char *end, bool *dump)
{
    size_t n = digits_at(p, end);
    const char *after = p + n;
    bool blanks = end - after >= 2 && after[0] == ' ' && after[1] == ' ';
    bool pair = end - after >= 3 && after[0] == ' ' && digits_at(after + 1, end) == 2;
    bool only = *dump && (n == 8 || n == 7) && skip_blanks(after, end) == end;

    if (n >= 4 && n <= 8 && after < end && (*after == ':' || blanks || pair)) {
        *dump = true;
        return *after == ':' ? after + 1 : after;
    }
    return n >= 4 && only ? end : p;
}

/* Where a dump's characters begin: "|...|", or two blanks after pairs of digits. */
static const char *end_of_bytes(const char *p, const char *end)
{
    const char *bar = memchr(p, '|', (size_t)(end - p));

    if (bar) {
        return bar;
    }
    p = skip_blanks(p, end);
    for (unsigned bytes = 0; p < end;) {
        size_t n = digits_at(p, end);

        if (n == 0 || n % 2 != 0 || (p + n < end && p[n] != ' ')) {
            return p;
        }
        bytes += (unsigned)n / 2;
        p += n;
        /* hexdump and tshark leave one more blank after the eighth byte */
        if (end - p >= 2 && p[0] == ' ' && p[1] == ' ' && bytes != 8) {
            return p;
        }
        p = skip_blanks(p, end);
    }
    return end;
}

static bool is_between(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == ',' || c == ':' || c == ';' || c == '\\' ||
           c == '"' || c == '\'' || c == '{' || c == '}' || c == '[' || c == ']';
}

/* The bytes of a line, appended to 'to'.  Returns the first character that is none, or NULL. */
static const char *take_bytes(const char *p, const char *end, uint8_t *to, size_t *n)
{
    int high = -1;

    for (; p < end; p++) {
        int v = digit(*p);

        if (*p == '0' && end - p > 1 && (p[1] == 'x' || p[1] == 'X') && high < 0) {
            p++;
        } else if (*p == '\\' && end - p > 1 && p[1] == 'x' && high < 0) {
            p++;
        } else if (v >= 0 && high < 0) {
            high = v;
        } else if (v >= 0) {
            to[(*n)++] = (uint8_t)(high << 4 | v);
            high = -1;
        } else if (!is_between(*p) || high >= 0) {
            return p;
        }
    }
    return high >= 0 ? end : NULL;
}

/* False: the line has what is no hex; it has been said. */
static bool read_line(struct decode *d, const struct line *l, uint8_t *to, size_t *n, bool *dump)
{
    const char *p = skip_blanks(l->p, l->end), *end = l->end, *bad;
    struct decode_place at = {.line = l->number};

    if (p < end && *p == '#') {
        return true;
    }
    p = skip_offset(p, end, dump);
    end = *dump ? end_of_bytes(p, end) : end;
    bad = take_bytes(p, end, to, n);
    if (!bad) {
        return true;
    }
    if (bad == end) {
        decode_say_wrong(d, &at, "an odd number of hex digits: expected two for each byte");
    } else {
        decode_say_wrong(d, &at, "column %zu: '%c' is no hex digit", (size_t)(bad - l->p) + 1,
                         isprint((unsigned char)*bad) ? *bad : '?');
    }
    return false;
}

/* The next line of a text.  False: there is none. */
static bool next_line(struct line *l, const char **p, const char *end)
{
    const char *newline;

    if (*p >= end) {
        return false;
    }
    newline = memchr(*p, '\n', (size_t)(end - *p));
    l->p = *p;
    l->end = newline ? newline : end;
    if (l->end > l->p && l->end[-1] == '\r') {
        l->end--;
    }
    l->number++;
    *p = newline ? newline + 1 : end;
    return true;
}

static bool is_blank(const struct line *l)
{
    const char *p = skip_blanks(l->p, l->end);

    return p == l->end || *p == '#';
}

/* --hex: each line is a message of its own, whatever the others are. */
static void each_line(struct decode *d, const char *p, const char *end, uint8_t *bytes)
{
    struct line l = {0};

    while (next_line(&l, &p, end)) {
        struct decode_place at = {.line = l.number};
        bool dump = false;
        size_t n = 0;

        if (!is_blank(&l) && read_line(d, &l, bytes, &n, &dump)) {
            at.protocol = d->vns ? DECODE_VNS : decode_look(bytes, n);
            decode_say(d, &at, bytes, n);
        }
    }
}

/* All digits are one stream of bytes. */
static void one_stream(struct decode *d, const char *p, const char *end, uint8_t *bytes)
{
    struct decode_place at = {0};
    struct line l = {0};
    bool dump = false;
    size_t n = 0;

    while (next_line(&l, &p, end)) {
        if (!is_blank(&l) && !read_line(d, &l, bytes, &n, &dump)) {
            return;
        }
    }
    decode_cut(d, &at, bytes, n);
}

int decode_text(struct decode *d, const char *text, size_t len)
{
    uint8_t *bytes = malloc(len / 2 + 1);

    if (!bytes) {
        return ctl_fail("out of memory for %zu bytes of text", len);
    }
    if (d->hex) {
        each_line(d, text, text + len, bytes);
    } else {
        one_stream(d, text, text + len, bytes);
    }
    free(bytes);
    return 0;
}

bool decode_is_text(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len && i < 4096; i++) {
        if (bytes[i] >= 0x80 || (bytes[i] < 0x20 && !isspace(bytes[i]))) {
            return false;
        }
    }
    return true;
}
