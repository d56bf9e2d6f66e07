/* common/counter_file.h - the layout of a counters' file, for counter.c (the owner) and
 * counter_view.c (readers).
 *
 * A check word, then the words; then the note of what a tally will make of them: how many words,
 * with which tail of which output, and each one's number and new value.  New values, not
 * differences: they may be set twice.  Last a sequence word.
 *
 *     owner                                     reader
 *     NOTE_N = 0; the note; NOTE_N = n          sequence; NOTE_N, the note; the words;
 *     sequence odd; the words; sequence even    sequence again: changed? once more.  Odd? The
 *                                               note says what the words are to be.
 *
 * So an owner that stops, or dies, while it sets the words is not waited for.  While the sequence
 * stays the same, the note changes at most once, from none (0) to a whole one. */
#ifndef COMMON_COUNTER_FILE_H
#define COMMON_COUNTER_FILE_H

#include "common/counter.h"

enum {
    NOTE_N = COUNTER_WORDS,
    NOTE_OUTPUT,
    NOTE_TAIL,
    NOTE_FIRST,
    FILE_SEQUENCE = NOTE_FIRST + 2 * COUNTER_WORDS,
    FILE_WORDS
};
#define COUNTER_CHECK (0x436e7473ULL << 32 | COUNTER_WORDS)
#define COUNTER_FILE_BYTES ((1 + FILE_WORDS) * sizeof(uint64_t))
#define COUNTER_NO_OUTPUT UINT64_MAX /* counter_apply's: no ring has a say in it */

#endif
