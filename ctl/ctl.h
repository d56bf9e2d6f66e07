/* ctl/ctl.h - what the commands of `causeway` share: flags, printing, the stack's folder.
 *
 * A command is one function in one file of its name, listed in commands.def.  It gets its own words
 * (the global flags are taken out wherever they stood) and returns the exit status: 0 done, 1
 * failed, 2 used wrongly.  A failure is one sentence on standard error that names cause and cure.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/topo.h"

#define CTL_ANSWER_MS 3000 /* how long a process may take to answer on its control socket */

struct ctl {
    char run_dir[PATH_MAX]; /* absolute */
    char config[PATH_MAX];  /* the file given by --config or CAUSEWAY_CONFIG, absolute; "" none */
    char bin_dir[PATH_MAX]; /* where causeway itself lies, and the other programs beside it */
    bool starts[TOPO_PROCESSES]; /* by [stack] start */
    bool json, rates, all, colour;
    double watch_s; /* --watch: seconds between two looks; 0: once */
    int argc;       /* the command's own words; argv[0] is its name */
    char **argv;
};

/* ---- the commands (commands.def) ----------------------------------------------------------- */
#define CMD(name, function, words, text) int function(struct ctl *c);
#include "ctl/commands.def"
#undef CMD

/* ---- saying things (say.c) ----------------------------------------------------------------- */

/* "causeway: sentence" on standard error.  Returns 1, or 2 for ctl_usage, which adds where to read.
 */
int ctl_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int ctl_usage(const struct ctl *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints and frees a JSON value: indented, or on one line while watching. */
void ctl_print_json(const struct ctl *c, json_t *value);

struct column {
    const char *key, *title; /* a NULL key ends the list */
    bool right;              /* align to the right: numbers */
};
/* A table of an array of objects.  A text that is missing or empty shows as "-". */
void ctl_table(const struct ctl *c, const json_t *rows, const struct column *columns);
/* The command again and again, every c->watch_s seconds, or once. */
int ctl_watch(struct ctl *c, int (*show)(struct ctl *c));
/* "3d 04:05:06", "04:05:06", "12.3 s" */
void ctl_duration(char *text, size_t size, double seconds);
/* The seconds that 'flag' has as its value, from 'low' to a day.  False: it is none, and that was
 * said; the exit status is 2. */
bool ctl_seconds(const struct ctl *c, const char *flag, const char *text, double low,
                 double *seconds);
/* From here on SIGINT and SIGTERM end nothing by themselves, ctl_stopped tells of them; 'flags' are
 * sigaction's. */
void ctl_catch_signals(int flags);
bool ctl_stopped(void);
void ctl_pause_ms(unsigned ms);
uint64_t ctl_now_ms(void); /* CLOCK_BOOTTIME */

/* ---- the processes (stack.c) --------------------------------------------------------------- */

/* Takes a process's name, or a unique beginning of one.  False: none such. */
bool ctl_process(const char *word, enum topo_process *p);
/* "ofproxy, vnsbridge, ... or webterm", for sentences; 'more' is one more word, or NULL. */
const char *ctl_process_names(const char *more);
/* The words of [stack] start.  False, with a sentence in 'why': one is no process, or none is
 * there. */
bool ctl_starts(bool starts[TOPO_PROCESSES], const char *words, char *why, size_t size);
/* Do packets pass it?  The others are the browser's side. */
bool stack_routes(enum topo_process p);
/* Is the process of that number, as it is seen from here, called so? */
bool stack_is_called(const char *pid, const char *name);
/* Is it one that commands look at when none is named: of 'start', or one that runs or ran? */
bool stack_has(const struct ctl *c, enum topo_process p);
/* All that the stack has, as `status` shows them: process, state, text, pid, uptime_s, restarts,
 * supervised. */
json_t *stack_processes(const struct ctl *c);
/* One control call; prints the failure.  Returns a new reference or NULL. */
json_t *stack_call(const struct ctl *c, const char *process, const char *method, json_t *params);

/* ---- lists that others print too (show.c, status.c, verdicts.c) ---------------------------- */
int show_topic(struct ctl *c, const char *topic);
/* What view_show says (shm/view); prints what is missing.  Takes over 'params'. */
json_t *show_rows(const struct ctl *c, const char *topic, json_t *params);
/* The topics of a switch (show_switch.c). */
int switch_show(struct ctl *c, const char *topic);
/* `show latency` (latency.c); while watching, of the time since the last look. */
int latency_show(struct ctl *c);
/* Of what view_latency_json (shm/view) made: a line for each power of two from the least to the
 * most. */
void latency_bars(const json_t *v);
/* `show verdicts` (verdicts.c).  Returns 1 if something does not add up. */
int verdicts_show(struct ctl *c);
/* Prints the processes and says in one line what the stack waits for. */
void status_summary(const struct ctl *c, const json_t *processes);

/* ---- the settings (settings.c) ------------------------------------------------------------- */

/* Checks a configuration file and the files that it names (NULL: the defaults).  Returns an array
 * of sentences, "file:line: ..."; empty when all is well. */
json_t *settings_check(const char *file);
/* Appends mistakes of an IP_CONFIG, rtable or key file to 'list'. */
void settings_check_ip_config(json_t *list, const char *file);
void settings_check_rtable(json_t *list, const char *file);
void settings_check_key(json_t *list, const char *file);

#endif
