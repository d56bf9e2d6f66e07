/* shm/view/view.h - what a stack looks like, as JSON: for `causeway show`, and for webterm.
 *
 *     json_t *v = view_show(run_dir, "routes", NULL, why, sizeof why);
 *
 * Reads shared memory, whoever is alive, and asks processes for what they alone know; that may take
 * VIEW_ANSWER_MS where one hangs, so never in a thread that serves others. */
#ifndef SHM_VIEW_VIEW_H
#define SHM_VIEW_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/histogram.h"

#define VIEW_ANSWER_MS 3000

/* 'topic': "processes", "rings", "counters", "verdicts", "interfaces", "vhosts", "switches",
 * "routes", "arp", "bridges", "ingress", "latency", "sessions", "frames", "quarantine"; and of one
 * switch, with params {"switch": DPID or name, ...}: "flows", "ports", "groups", "meters",
 * "tables", "queues"; of every switch, for ports, tables and queues, without a name.  Returns a new
 * reference, or NULL with a sentence of cause and cure in 'why'.  With a value, 'why' says what it
 * lacks: "", nothing.
 *
 * Params, all optional: of tables and verdicts {"all": true}, with rows that nobody uses; of flows
 * {"filter": "ip,nw_dst=10.0.0.0/8"}; of counters {"rows": true}, an array instead of an object,
 * without reasons that never struck unless {"all": true}. */
json_t *view_show(const char *run_dir, const char *topic, const json_t *params, char *why,
                  size_t why_size);
/* What there is of a topic: before the stack ever ran, an empty list, and
 * that is no failure. */
json_t *view_there(const char *run_dir, const char *topic);
/* The topic "latency" for who looks again and again: the histogram as it is now, and the JSON of
 * one (of histogram_since, for an interval): count, min_us, mean_us, p50_us to p9999_us, max_us,
 * buckets: [[least value in us, how many], ...]. */
int view_latency_take(const char *run_dir, struct histogram_snapshot *s, char *why,
                      size_t why_size);
json_t *view_latency_json(const struct histogram_snapshot *s);

#endif
