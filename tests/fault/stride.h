/* tests/fault/stride.h - steps through a program, and runs where nothing can happen.
 *
 *     stride_open(&s, &t);
 *     while (stride_on(&s, &t)) { look what has changed }
 *
 * A single step costs some 20 us, and most instructions of a start look for something in private
 * memory.  So two things run at full speed.  Functions that the .c names write to the run directory
 * by a few others at most, which are stepped; that is held to, see 'quiet'.  And a call of a
 * library that is given nothing of the run directory to write to; it counts as one instruction,
 * also for the neighbours, who may be reached through the kernel. */
#ifndef TESTS_FAULT_STRIDE_H
#define TESTS_FAULT_STRIDE_H

#include "tests/fault/tracee.h"

#define STRIDE_CALM 15

struct stride {
    uint64_t calm[STRIDE_CALM];
    uint64_t stop[TRACEE_POINTS]; /* where the calm function that runs returns to; what it calls */
    unsigned n_stop;
    uint64_t back; /* where the busy one returns to */
    bool quiet;    /* what ran last changes nothing */
    bool called;   /* a library, and so perhaps the kernel */
};

void stride_open(struct stride *s, const struct tracee *t);
/* False: the program has ended. */
bool stride_on(struct stride *s, struct tracee *t);

#endif
