/* tests/fault/tracee_symbols.h - the addresses of a traced program: its half of tracee.h that needs
 * no ptrace. */
#ifndef TESTS_FAULT_TRACEE_SYMBOLS_H
#define TESTS_FAULT_TRACEE_SYMBOLS_H

#include "tests/fault/tracee.h"

/* Of t->program, once it runs: finds out where the kernel loaded it. */
void tracee_load_symbols(struct tracee *t);
/* In its own text, not a library's? */
bool tracee_is_in_program(const struct tracee *t, uint64_t rip);

#endif
