/* shm/words.c - whole words at once, and the parts of words at either end. */
#include "shm/words.h"

#include <string.h>

void words_put(_Atomic uint64_t *words, uint64_t size, uint64_t at, const void *from, size_t len)
{
    const uint8_t *bytes = from;
    uint64_t mask = size / 8 - 1, word;

    while (len > 0) {
        size_t skip = at % 8, n = 8 - skip < len ? 8 - skip : len;

        if (n < 8) {
            word = word_get(&words[at / 8 & mask]);
            memcpy((uint8_t *)&word + skip, bytes, n);
            word_set(&words[at / 8 & mask], word);
        } else {
            for (n = 0; n + 8 <= len; n += 8) {
                memcpy(&word, bytes + n, 8);
                word_set(&words[(at + n) / 8 & mask], word);
            }
        }
        at += n;
        bytes += n;
        len -= n;
    }
}

void words_get(const _Atomic uint64_t *words, uint64_t size, uint64_t at, void *to, size_t len)
{
    uint64_t mask = size / 8 - 1, word;
    uint8_t *bytes = to;

    while (len > 0) {
        size_t skip = at % 8, n = 8 - skip < len ? 8 - skip : len;

        if (n < 8) {
            word = word_get(&words[at / 8 & mask]);
            memcpy(bytes, (const uint8_t *)&word + skip, n);
        } else {
            for (n = 0; n + 8 <= len; n += 8) {
                word = word_get(&words[(at + n) / 8 & mask]);
                memcpy(bytes + n, &word, 8);
            }
        }
        at += n;
        bytes += n;
        len -= n;
    }
}
