/* webterm/secret.h - a password or token: read from its file, or made.
 *
 * One that is made lies in the run directory, in TOPO_LOGIN (shm/topo.h), for its owner alone
 * (0600).  It outlives webterm and goes with the run directory; `causeway page` reads it there. */
#ifndef WEBTERM_SECRET_H
#define WEBTERM_SECRET_H

#include <stddef.h>
#include <sys/types.h>

#define SECRET_MIN 8u
#define SECRET_MAX 1024u

/* The first line of the file, with a 0 behind it.  Returns its length, or -1 with a sentence in
 * 'why' that begins with 'key', the setting's name. */
ssize_t secret_read(const char *key, const char *path, char line[SECRET_MAX + 1], char *why,
                    size_t why_size);

/* The same for the one in the run directory, which is made if there is none. */
ssize_t secret_keep(const char *key, const char *run_dir, char line[SECRET_MAX + 1], char *why,
                    size_t why_size);

/* Nobody asks for it any more. */
void secret_forget(const char *run_dir);

#endif
