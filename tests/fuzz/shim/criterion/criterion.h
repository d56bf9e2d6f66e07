/* The little of Criterion that the rigs of tests/unit use, so that a fuzz target can have them: a
 * failed assertion ends the run. */
#ifndef TESTS_FUZZ_SHIM_CRITERION_H
#define TESTS_FUZZ_SHIM_CRITERION_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define cr_assert(...) fuzz_check(__VA_ARGS__)
#define cr_expect(...) fuzz_check(__VA_ARGS__)
#define cr_assert_eq(a, b, ...) fuzz_check((a) == (b), ##__VA_ARGS__)
#define cr_expect_eq(a, b, ...) fuzz_check((a) == (b), ##__VA_ARGS__)
#define cr_assert_not_null(a, ...) fuzz_check((a) != NULL, ##__VA_ARGS__)
#define cr_log_warn(...) ((void)fprintf(stderr, __VA_ARGS__))
#define cr_fatal(...) fuzz_fail(__FILE__, __LINE__, "cr_fatal", " " __VA_ARGS__)

struct cr_mem {
    const void *data;
    size_t size;
};
static inline int cr_mem_eq(struct cr_mem a, struct cr_mem b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

#define CR_EQ_NUMBER(a, b) ((intmax_t)(a) == (intmax_t)(b))
#define CR_EQ_int CR_EQ_NUMBER
#define CR_EQ_long CR_EQ_NUMBER
#define CR_EQ_sz CR_EQ_NUMBER
#define CR_EQ_u8 CR_EQ_NUMBER
#define CR_EQ_u16 CR_EQ_NUMBER
#define CR_EQ_u32 CR_EQ_NUMBER
#define CR_EQ_u64 CR_EQ_NUMBER
#define CR_EQ_mem cr_mem_eq
#define eq(type, a, b) (CR_EQ_##type(a, b))
#define ne(type, a, b) (!CR_EQ_##type(a, b))
#define le(type, a, b) ((intmax_t)(a) <= (intmax_t)(b))
#define lt(type, a, b) ((intmax_t)(a) < (intmax_t)(b))
#define ge(type, a, b) ((intmax_t)(a) >= (intmax_t)(b))
#define gt(type, a, b) ((intmax_t)(a) > (intmax_t)(b))
#define zero(type, a) ((a) == 0)
#define not(a) (!(a))

#endif
