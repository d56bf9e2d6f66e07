/* ctl/service.h - the stack as s6 services: <run_dir>/s6/<process> and its logger.
 *
 *     service_write_all(c, ...)     the folders that s6-svscan reads
 *     service_start(c, ...)         s6-svscan, in a session of its own
 *     service_stop(c, ...)          it and all under it, waited for
 *
 * A service's "run" is a link to causeway, which reads the words to execute from the file "command"
 * beside it; so nothing in the run directory need be executable. */
#ifndef CTL_SERVICE_H
#define CTL_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ctl/ctl.h"

struct service {
    bool known;   /* supervised at all */
    bool up;      /* its process runs */
    bool want_up; /* s6 would start it again */
    pid_t pid;
    int exit_code; /* of the last run; -1: none, or a signal */
};

/* In the place of a run script: reads ./command and executes it.  Returns an exit status on
 * failure. */
int service_exec(void);

/* PID of the s6-svscan that runs in the run directory, or 0. */
pid_t service_supervisor(const struct ctl *c);
/* Return 0, or -errno with a sentence in 'why'. */
int service_write_all(const struct ctl *c, char *why, size_t size);
/* Those of c->starts that the running supervisor does not have yet. */
int service_add(const struct ctl *c, char *why, size_t size);
/* Is it supervised? */
bool service_is(const struct ctl *c, enum topo_process p);
int service_start(const struct ctl *c, char *why, size_t size);
int service_stop(const struct ctl *c, char *why, size_t size);
/* Sends s6-svc's 'order' ("-r", "-k") to a service. */
int service_order(const struct ctl *c, enum topo_process p, const char *order, char *why,
                  size_t size);
struct service service_look(const struct ctl *c, enum topo_process p);
/* The last line that a process logged, without its time stamp; "" if there is none. */
void service_last_words(const struct ctl *c, enum topo_process p, char *text, size_t size);
void service_log_path(const struct ctl *c, enum topo_process p, char *path, size_t size);

/* Runs a program to its end; its output goes to 'out'.  Returns its exit status, or -1. */
int run_program(const char *const *argv, char *out, size_t size);
/* Is the program in PATH? */
bool have_program(const char *name);

#endif
