/* ctl/trace_kernel.h - `causeway trace`'s programs in the kernel: loaded, and attached to the
 * processes' probes.
 *
 *     k = trace_load(why, sizeof why);
 *     trace_follow(k, TRACE_IS_ROUTER, pid, why, sizeof why);     each process
 *     trace_begin(k);
 *     histogram_snapshot(trace_row(k, TRACE_TOTAL), &s);          as often as one likes
 *     trace_follow(k, TRACE_IS_ROUTER, next, why, sizeof why);    it was restarted
 *     trace_unload(k);
 *
 * What is attached belongs to this process: whatever ends it detaches all. */
#ifndef CTL_TRACE_KERNEL_H
#define CTL_TRACE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/histogram.h"
#include "ctl/trace.h"

struct trace_kernel;

/* NULL, with a sentence of cause and cure: no rights, no BTF, no uprobes, too old a kernel, or
 * built without them. */
struct trace_kernel *trace_load(char *why, size_t size);
/* From now on this PID is the process; a former one is forgotten.  Returns 0, or -1 with a
 * sentence: its program has no probes, or cannot be attached to. */
int trace_follow(struct trace_kernel *k, enum trace_process p, uint32_t pid, char *why,
                 size_t size);
/* A process that was started under the name of one of ours, and is not: forgets all but those that
 * are followed.  To be called while every process is known. */
void trace_forget_others(struct trace_kernel *k);
void trace_begin(struct trace_kernel *k);
const struct histogram *trace_row(const struct trace_kernel *k, enum trace_row row);
const struct trace_seen *trace_seen(const struct trace_kernel *k);
/* Can it see when data comes to a TCP socket? */
bool trace_sees_tcp(const struct trace_kernel *k);
void trace_unload(struct trace_kernel *k);

#endif
