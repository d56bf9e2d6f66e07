/* shm/view/topics.h - the topics of view_show, for view.c and unit tests. */
#ifndef SHM_VIEW_TOPICS_H
#define SHM_VIEW_TOPICS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "shm/topo.h"
#include "shm/view/view.h"

/* As view_show; 'why' is "" when it is called, 'params' may be NULL. */
typedef json_t *view_topic(const char *run_dir, const json_t *params, char *why, size_t size);

/* view_process.c: a row for each process: process, state, text, alive, starts, restarts; pid and
 * uptime_s of one that is alive.  What a supervisor knows of it is not told here. */
view_topic view_processes;
/* Without asking, for one who knows whether it is silent; and whether it is, which may take 500 ms.
 */
json_t *view_process_as(const char *run_dir, enum topo_process p, bool silent);
bool view_silent(const char *run_dir, enum topo_process p);

/* view_memory.c */
view_topic view_rings, view_counters;
/* view_frames.c: what came in and what became of it, from ofproxy's counters ({} before it ever
 * ran); the processes that have frames in quarantine. */
view_topic view_frames, view_quarantine;
/* view_boards.c */
view_topic view_interfaces, view_vhosts, view_switches;
/* view_asked.c */
view_topic view_routes, view_arp, view_bridges;
/* view_verdicts.c: {"holds", "accounts", "rings", "drops"}; the word for a record's verdict, "?":
 * there is none such. */
view_topic view_verdicts;
const char *view_verdict_name(unsigned verdict);
/* view_ingress.c; the word for an ingress class, "?": there is none such. */
view_topic view_ingress;
const char *view_class_name(unsigned k);

/* view_latency.c */
view_topic view_latency;
/* view_sessions.c */
view_topic view_sessions;

/* A control call with VIEW_ANSWER_MS of patience. */
json_t *view_call(const char *run_dir, const char *process, const char *method, json_t *params,
                  char *why, size_t size);
/* Sets "dpid" as 16 hex digits. */
void view_put_dpid(json_t *o, uint64_t dpid);
/* 'why' for what is missing since 'process' has not run. */
void view_never_ran(const char *run_dir, const char *process, char *why, size_t size);
/* 'why' for counters. */
void view_no_counters(const char *run_dir, char *why, size_t size);

#endif
