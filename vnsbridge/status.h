/* vnsbridge/status.h - what vnsbridge tells over its control socket: "status", "interfaces",
 * "clients".
 *
 * The control thread asks, the packet thread fills in a copy in its next turn, the control thread
 * makes JSON of it: no state is shared but the copy, and no packet waits for JSON. */
#ifndef VNSBRIDGE_STATUS_H
#define VNSBRIDGE_STATUS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/control.h"
#include "common/loop.h"
#include "shm/rows.h"
#include "vnsbridge/client.h"

struct bridge;

struct status_client {
    char peer[64], user[32], vhost[32];
    enum client_state state;
    uint64_t frames_in, frames_out, frames_slow, since_ns;
    size_t queue_len;
};

struct status {
    struct loop_fd wake; /* eventfd: a copy is wanted */
    struct bridge *bridge;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    bool fresh;
    struct control_method methods[4];

    /* the copy */
    struct lease_row lease[VHOSTS];
    struct interface_row interface[VHOST_ROWS];
    unsigned n_leases;
    struct status_client *client; /* b->clients.max */
    unsigned n_clients;
    uint64_t now_ns;
};

/* After clients_open.  Fills s->methods for control_open.  Returns 0 or -errno. */
int status_open(struct bridge *b);
void status_close(struct bridge *b);

#endif
