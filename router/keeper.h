/* router/keeper.h - the control thread: it keeps neighbours and routes, and their timers.
 *
 *     keeper_open(&k, fib, talk)
 *     keeper_routes(&k, &config)           the first routes; dies on a mistake in them
 *     control_open(run_dir, "router", commands(&k))
 *     keeper_start(&k)                     its thread, and liburcu's; after the sandbox
 *     control_serve()
 *     ...
 *     keeper_stop(&k); keeper_close(&k)    after control_stop, and with no reader left
 *
 * The control socket's thread comes in by the lock; the packet thread never takes it. */
#ifndef ROUTER_KEEPER_H
#define ROUTER_KEEPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/loop.h"
#include "router/fib.h"
#include "router/iface.h"
#include "router/neigh.h"
#include "router/talk.h"
#include "shm/board.h"

struct hold;

struct keeper {
    pthread_mutex_t lock; /* of all below */
    pthread_t thread;
    struct loop loop; /* the thread's own */
    struct loop_fd wake;
    struct loop_timer tick;
    bool stop;
    struct fib *fib;
    struct talk *talk;
    struct neigh neigh;
    struct ifaces ifaces;    /* a copy */
    const struct hold *hold; /* for hold_count only */
    bool connected;          /* routes come from the interfaces alone */
    bool rebind;             /* the FIB has yet to take note of the interfaces */
    uint32_t ready;          /* number of the TALK_READY that is to be answered then; 0: none */
    /* for people */
    const char *vhost;
    struct board_reader role; /* joined by whoever opens the keeper, left by keeper_close */
    char transport[64];
};

int keeper_open(struct keeper *k, struct fib *fib, struct talk *talk);
void keeper_close(struct keeper *k);
int keeper_start(struct keeper *k);
void keeper_stop(struct keeper *k);

/* Loads the first routes: 'file' if given; else, for the virtual host "vrhost", ./rtable where it
 * exists, or the lab's own; for any other, what the interfaces say of their subnets.  Dies on a
 * mistake in a file. */
void keeper_routes(struct keeper *k, const char *file, const char *vhost);

/* Everything that is due: what was heard, and the timers.  Returns when it is due next.  The thread
 * calls it with the lock held; tests call it with a clock of their own. */
uint64_t keeper_pass(struct keeper *k, uint64_t now);

/* "ok", or why the route is not in use. */
const char *keeper_route_state(const struct keeper *k, const struct route *r);

#endif
