/* ctl/trace_report.h - what `causeway trace` has measured, as text and as JSON. */
#ifndef CTL_TRACE_REPORT_H
#define CTL_TRACE_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/histogram.h"
#include "ctl/trace.h"

struct trace_report {
    double seconds;
    bool whole; /* from the beginning, not since the last one */
    bool tcp;   /* the socket's row can be had */
    uint32_t pid[TRACE_PROCESSES];
    unsigned restarts[TRACE_PROCESSES];
    struct histogram_snapshot rows[TRACE_ROWS];
    struct trace_seen seen;
};

const char *trace_row_key(enum trace_row row);
const char *trace_row_text(enum trace_row row);
void trace_print(const struct trace_report *r);
json_t *trace_json(const struct trace_report *r);

/* "980 ns", "12.3 us", "4.56 ms", "1.20 s": three digits, at most 8 characters. */
#define TRACE_TIME 12
const char *trace_time(char text[TRACE_TIME], double ns);
/* A character for each power of two, of up to 255 ns first, from ' ' (none) by '.', ':', '+' to '#'
 * (30 % of all). */
#define TRACE_STRIP 24
const char *trace_strip(char text[TRACE_STRIP + 1], const struct histogram_snapshot *s);

#endif
