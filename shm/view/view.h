/* shm/view/view.h - what a stack looks like, as JSON: for `causeway show`, and for webterm.
 *
 *     json_t *v = view_show(run_dir, "routes", NULL, why, sizeof why);
 *
 * Reads shared memory, whoever is alive, and asks processes for what they alone know; that may take
 * VIEW_ANSWER_MS where one hangs, so never in a thread that serves others. */
#ifndef SHM_VIEW_VIEW_H
#define SHM_VIEW_VIEW_H

#include <jansson.h>
#include <stddef.h>

#define VIEW_ANSWER_MS 3000

/* 'topic': "processes", "rings", "counters", "verdicts", "interfaces", "vhosts", "switches",
 * "routes", "arp", "bridges", "ingress", "latency"; and of one switch, with params {"switch": DPID
 * or name, ...}: "flows", "ports", "groups", "meters", "tables", "queues".  Returns a new
 * reference, or NULL with a sentence of cause and cure in 'why'. */
json_t *view_show(const char *run_dir, const char *topic, const json_t *params, char *why,
                  size_t why_size);

#endif
