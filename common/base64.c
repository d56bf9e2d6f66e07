/* common/base64.c */
#include "common/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(char *to, const uint8_t *from, size_t len)
{
    size_t i = 0;

    for (; i + 3 <= len; i += 3, to += 4) {
        uint32_t v = (uint32_t)from[i] << 16 | (uint32_t)from[i + 1] << 8 | from[i + 2];

        to[0] = digits[v >> 18];
        to[1] = digits[v >> 12 & 63];
        to[2] = digits[v >> 6 & 63];
        to[3] = digits[v & 63];
    }
    if (i < len) {
        uint32_t v = (uint32_t)from[i] << 16 | (i + 1 < len ? (uint32_t)from[i + 1] << 8 : 0);

        to[0] = digits[v >> 18];
        to[1] = digits[v >> 12 & 63];
        to[2] = i + 1 < len ? digits[v >> 6 & 63] : '=';
        to[3] = '=';
        to += 4;
    }
    *to = '\0';
}

/* -1: no digit. */
static int value_of(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

bool base64_get(uint8_t *to, size_t size, const char *from, size_t from_len, size_t *len)
{
    size_t pads = from_len < 4 || from[from_len - 1] != '=' ? 0 : from[from_len - 2] == '=' ? 2 : 1;
    size_t n = from_len / 4 * 3 - pads;

    if (from_len % 4 != 0 || n > size) {
        return false;
    }
    for (size_t i = 0, out = 0; i < from_len; i += 4) {
        uint32_t v = 0;

        for (size_t k = 0; k < 4; k++) {
            int digit = i + k >= from_len - pads ? 0 : value_of(from[i + k]);

            if (digit < 0) {
                return false;
            }
            v = v << 6 | (uint32_t)digit;
        }
        for (int shift = 16; shift >= 0 && out < n; shift -= 8) {
            to[out++] = (uint8_t)(v >> shift);
        }
    }
    *len = n;
    return true;
}
