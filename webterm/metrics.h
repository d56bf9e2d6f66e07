/* webterm/metrics.h - lines of /metrics: a family, then its samples.
 *
 *     metrics_family(&m, "webterm_clients", "gauge", "Connections, now.");
 *     text_say(&m.text, "causeway_webterm_clients %u\n", n); */
#ifndef WEBTERM_METRICS_H
#define WEBTERM_METRICS_H

#include <stdbool.h>

#include "common/text.h"

struct metrics {
    struct text text;
    bool open; /* OpenMetrics, not Prometheus' own format 0.0.4 */
};

/* 'name' without "causeway_" and "_total"; 'type': counter, gauge, histogram. */
void metrics_family(struct metrics *m, const char *name, const char *type, const char *help);

#endif
