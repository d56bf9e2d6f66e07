/* common/base64.h - bytes as text (RFC 4648, 4), with padding and without line ends. */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters that 'len' bytes become, without a NUL. */
static inline size_t base64_len(size_t len)
{
    return (len + 2) / 3 * 4;
}
/* Writes base64_len(len) characters and a NUL. */
void base64_put(char *to, const uint8_t *from, size_t len);
/* Reads a whole text into at most 'size' bytes; their number in '*len'.  False: it is no base64, or
 * longer. */
bool base64_get(uint8_t *to, size_t size, const char *from, size_t from_len, size_t *len);

#endif
