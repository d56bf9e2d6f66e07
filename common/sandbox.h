/* common/sandbox.h - what a process gives up once it is up: user, capabilities, system calls.
 *
 *     struct sandbox box;
 *     sandbox_config(&box, &config);       after config_load: a mistake in run-as ends it here
 *     ... open every file, socket, ring and listener ...
 *     sandbox_enter(&box, SANDBOX_SERVE);  before the first thread, which takes it over
 *     ... start threads, run the loop ...
 *
 * In it, for good (docs/decisions/sandbox.md):
 *   - the user and group of 'run-as', no other group but that of sandbox_keep_group; a process that
 *     was not started by root keeps its own;
 *   - no capability in any set, and no-new-privs: nothing executed could regain one;
 *   - the system calls of common/sandbox.def, and the few that sandbox.c allows with some arguments
 *     only.  Any other fails with EPERM; so do files, new processes, executable memory.
 *
 * A build with a sanitizer, which itself needs /proc and ptrace(2), logs that it does without. */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/config.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_WORKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANDBOX_WORKS 0
#endif
#endif
#ifndef SANDBOX_WORKS
#define SANDBOX_WORKS 1
#endif

/* What a process does beyond rings, boards, its log and its control socket; may be combined. */
enum sandbox_needs {
    SANDBOX_RINGS = 0,
    SANDBOX_SERVE = 1,  /* takes in TCP connections */
    SANDBOX_DIAL = 2,   /* makes TCP connections */
    SANDBOX_NAMES = 4,  /* looks names of hosts up: files are opened for reading, modules loaded */
    SANDBOX_LOCAL = 8,  /* makes connections to Unix sockets */
    SANDBOX_FILES = 16, /* reads files of its settings again when they change */
    SANDBOX_HTTP = 32,  /* serves browsers, by libwebsockets */
    SANDBOX_LOOK =
        64, /* looks at the others' files and sockets in the run directory, as they come */
};

struct sandbox {
    bool on;
    uid_t uid; /* to become; 0: stays what it is */
    gid_t gid;
    gid_t group; /* one more to be of, if has_group */
    bool has_group;
    char user[33];
};

/* Takes the settings 'sandbox' and 'run-as'.  An unknown user is a mistake (exit 2). */
void sandbox_config(struct sandbox *s, const struct config *c);

/* For SANDBOX_LOOK: the group of that folder is kept, whose files it may read, and whose sockets it
 * may call.  No other user of this machine need have that group. */
void sandbox_keep_group(struct sandbox *s, const char *folder);

/* Enters, and logs it.  A step that fails ends the process (exit 1) with its cause and cure. */
void sandbox_enter(const struct sandbox *s, unsigned needs);

#endif
