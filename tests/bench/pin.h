/* tests/bench/pin.h - on which processor a benchmark's process runs. */
#ifndef BENCH_PIN_H
#define BENCH_PIN_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

/* Keeps the calling thread on that processor; false where there is none of that number. */
static inline bool pin(size_t cpu)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0;
}

#endif
