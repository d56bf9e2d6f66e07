/* ctl/trace.h - what trace.bpf.c, in the kernel, and its loader share.
 *
 * The programs in the kernel write these variables, the loader looks at them; 'processes' (a map,
 * PID to enum trace_process) says whose probes count.  The kernel adds to it who has just started
 * under the name of one of ours; the loader sees whether that is so, and puts it right. */
#ifndef CTL_TRACE_H
#define CTL_TRACE_H

#include <stdint.h>

enum trace_row {
#define H(NAME, key, text) TRACE_##NAME,
#define S(NAME, key, text) TRACE_##NAME,
#define C(NAME, key, text) TRACE_##NAME,
#include "ctl/trace.def"
    TRACE_ROWS
};

/* The processes and rings that frames pass: the first of shm/topo.def, in its order. */
enum trace_process { TRACE_IS_OFPROXY, TRACE_IS_VNSBRIDGE, TRACE_IS_ROUTER, TRACE_PROCESSES };
#define TRACE_RINGS 4
#define TRACE_VERDICTS 6 /* of enum verdict */

struct trace_seen {
    uint64_t verdicts[TRACE_PROCESSES][TRACE_VERDICTS]; /* decided there, by kind */
    uint64_t unmatched[TRACE_RINGS]; /* records taken whose publishing was not seen */
    uint64_t lost; /* records of a batch that was longer than what is kept of one */
};

#endif
