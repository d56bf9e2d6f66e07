/* shm/role.h - one process for each role in a run directory, and what the others know of it.
 *
 * The role is an open-file-description lock on <run_dir>/<name>.role; the kernel frees it when the
 * owner dies, also across PID namespaces.  The file holds a one-row board: PID, start, readiness.
 *
 *     role_take(&role, run_dir, "router");            dies if another has it, naming its PID
 *     role_state(&role, ROLE_WAITING, "no interfaces yet");
 *     role_state(&role, ROLE_READY, ""); */
#ifndef SHM_ROLE_H
#define SHM_ROLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/board.h"

enum role_state { ROLE_STARTING, ROLE_WAITING, ROLE_READY, ROLE_STOPPING };

struct role_row {
    uint64_t pid;      /* in the owner's own PID namespace */
    uint64_t start_ns; /* CLOCK_BOOTTIME */
    uint64_t starts;   /* times the role was taken in this run directory */
    uint32_t state;    /* enum role_state */
    char text[116];    /* why it is not ready, or what it serves */
};

struct role {
    struct board_writer board;
    int fd;
    struct role_row row;
};

/* Returns 0, or -errno with a sentence in 'why'; -EBUSY names the holder's PID. */
int role_take(struct role *r, const char *run_dir, const char *name, char *why, size_t why_size);
/* The owner's state and a sentence for people; safe from one thread. */
void role_state(struct role *r, enum role_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void role_leave(struct role *r);

/* Anyone: is the role held now, and what was last said of it?  False: never taken. */
bool role_look(const char *run_dir, const char *name, struct role_row *row, bool *alive);
/* Is it held now?  Then '*row' is what its owner says. */
bool role_alive(const char *run_dir, const char *name, struct role_row *row);
/* Of two looks: is the later of another start, and in as good a state? */
bool role_is_back(const struct role_row *before, const struct role_row *now);
/* role_look for one who keeps looking and may open no file then.  Returns 0, or -errno with a
 * sentence in 'why'; board_read_leave(r) ends it. */
int role_watch(struct board_reader *r, const char *run_dir, const char *name, char *why,
               size_t why_size);
bool role_read(const struct board_reader *r, struct role_row *row);
/* Waits until the role is alive and ready.  Returns 0 or -ETIMEDOUT. */
int role_wait(const char *run_dir, const char *name, int timeout_ms);
const char *role_state_name(enum role_state state);

#endif
