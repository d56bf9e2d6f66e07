/* tests/fuzz/fuzz.h - what every fuzz target has: an input read as choices, checks, a folder, and a
 * die() that comes back.
 *
 *     int LLVMFuzzerInitialize(int *argc, char ***argv)            once: the rig
 *     int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) one input; leaves no state
 *
 * A target checks properties, not only that nothing crashes.  A property that does not hold ends
 * the run with a sentence (fuzz_check), as a crash does, and libFuzzer keeps the input. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

_Noreturn void fuzz_fail(const char *file, int line, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#define fuzz_check(condition, ...)                                                                 \
    ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition, " " __VA_ARGS__))

/* The rest of an input.  Reading past its end gives zeroes. */
struct fuzz {
    const uint8_t *p;
    size_t left;
};
uint8_t fuzz_u8(struct fuzz *f);
uint16_t fuzz_u16(struct fuzz *f);
uint32_t fuzz_u32(struct fuzz *f);
uint64_t fuzz_u64(struct fuzz *f);
/* Up to 'len' bytes, in place; *len becomes how many there are. */
const uint8_t *fuzz_bytes(struct fuzz *f, size_t *len);

/* A copy in memory of just its size, so that a read past it is seen; the caller frees. */
uint8_t *fuzz_copy(const uint8_t *bytes, size_t len);

/* A sentence for people: there, terminated, without control characters but line ends. */
void fuzz_check_sentence(const char *text, size_t size);

/* A folder for the target's files, in memory, gone at the end: $FUZZ_DIR, or one of its own. */
const char *fuzz_dir(void);
/* Writes 'name' in it anew.  Returns its path, valid until the next call. */
const char *fuzz_file(const char *name, const void *bytes, size_t len);

/* die() and die_usage() come back here, with their sentence checked:
 *
 *     if (fuzz_try()) { call; }       true a first time; after a die(), false
 *     fuzz_tried();  */
extern jmp_buf fuzz_back;
extern bool fuzz_trying;
#define fuzz_try() (fuzz_trying = true, setjmp(fuzz_back) == 0)
static inline void fuzz_tried(void)
{
    fuzz_trying = false;
}

#endif
