/* shm/words.h - bytes in a ring of atomic words, which one process writes while others look.
 *
 * Each word is a relaxed atomic: a copy that the writer overtakes has wrong bytes in it, and is no
 * data race.  Which positions may be read, in which order words and positions become visible, and
 * how a reader finds out that it was overtaken is the caller's (mirror.c, pty.c). */
#ifndef SHM_WORDS_H
#define SHM_WORDS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

static inline uint64_t word_get(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void word_set(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_relaxed);
}

/* Copies 'len' bytes to, or from, position 'at' of a ring of 'size' bytes, a power of two and
 * 'words' in all; 'at' may be any number of times around.  Bytes beside them stay as they are. */
void words_put(_Atomic uint64_t *words, uint64_t size, uint64_t at, const void *from, size_t len);
void words_get(const _Atomic uint64_t *words, uint64_t size, uint64_t at, void *to, size_t len);

#endif
