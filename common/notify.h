/* common/notify.h - tells a supervisor that the process is up, in the supervisor's own way.
 *
 * s6: a newline on the descriptor that $CAUSEWAY_NOTIFY_FD names (the service's notification-fd).
 * A service that said so and lived for a second is restarted at once when it dies; another only
 * after a second.  systemd: "READY=1" to $NOTIFY_SOCKET (sd_notify(3)).  A supervisor that has no
 * such way, as a container's, sets $CAUSEWAY_SUPERVISED to anything. */
#ifndef COMMON_NOTIFY_H
#define COMMON_NOTIFY_H

#include <stdbool.h>

/* Before the sandbox, in which no socket is made.  shm/role.c calls both. */
void notify_open(void);
/* The first call speaks, later ones do nothing; without a supervisor, none does. */
void notify_up(void);
/* Is there somebody who starts the process again when it ends?  By those three variables. */
bool notify_supervised(void);

#endif
