/* router/neigh.h - who has which address: the neighbour table.
 *
 * Readable by the packet thread with no lock (liburcu, QSBR), changed by the control thread alone:
 *
 *     packet thread                                control thread (holding the keeper's lock)
 *     n = neigh_lookup(t, ip, iface)               neigh_hear(t, &message, now)
 *     ... n->mac ..., neigh_used(n, now)           next = neigh_pass(t, now)
 *     rcu_quiescent_state() at its loop's foot
 *
 * Life: an entry lives 15 s from the last time its owner was heard.  From 12 s on, if a frame was
 * sent to it since, it is asked again (twice to its own address, then to all), so a flow in
 * progress never waits.  An address that frames wait for is asked for at once and then each second,
 * five times in all; a second after the last the packet thread is told that it failed.
 *
 * The clock is the caller's: tests need no sleep. */
#ifndef ROUTER_NEIGH_H
#define ROUTER_NEIGH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/talk.h"

#define NEIGHBOURS 1024 /* entries; a new one takes the place of the one unused for longest */
#define NEIGH_BUCKETS 1024
#define NEIGH_SECOND 1000000000ull
#define NEIGH_LIFE (15 * NEIGH_SECOND)
#define NEIGH_REFRESH (12 * NEIGH_SECOND)
#define NEIGH_REQUESTS 5

/* What the packet thread sees: complete entries only. */
struct neigh_node {
    struct neigh_node *next;
    uint32_t ip, iface;
    uint8_t mac[6];
    uint64_t heard_ns; /* written by the control thread */
    uint64_t used_ns;  /* written by the packet thread */
};

enum neigh_state { NEIGH_FREE, NEIGH_INCOMPLETE, NEIGH_REACHABLE };

/* The control thread's view. */
struct neigh_entry {
    enum neigh_state state;
    uint32_t ip, iface;
    unsigned tries;
    bool owed;        /* the packet thread has yet to be told "resolved" */
    uint64_t next_ns; /* when to ask again */
    uint64_t since_ns;
    struct neigh_node *node; /* NEIGH_REACHABLE */
    uint16_t chain;          /* next entry of the same bucket, plus one; 0: the last */
};

struct neigh {
    struct neigh_node *bucket[NEIGH_BUCKETS]; /* RCU */
    struct neigh_entry entry[NEIGHBOURS];
    uint16_t index[NEIGH_BUCKETS]; /* entry + 1 */
    struct neigh_node *garbage;    /* unlinked; freed after a grace period */
    struct talk *talk;
};

/* neigh_close: no reader may be left. */
void neigh_open(struct neigh *t, struct talk *talk);
void neigh_close(struct neigh *t);

/* Packet thread.  NULL: not known.  Valid until its next quiescent state. */
struct neigh_node *neigh_lookup(const struct neigh *t, uint32_t ip, uint32_t iface);
void neigh_used(struct neigh_node *n, uint64_t now);
/* Worth telling: the table does not have it so, or it was not heard for a second. */
bool neigh_is_news(const struct neigh *t, uint32_t ip, uint32_t iface, const uint8_t mac[6],
                   uint64_t now);

/* Control thread.  Takes TALK_LEARNED and TALK_NEEDED. */
void neigh_hear(struct neigh *t, const struct talk_message *m, uint64_t now);
/* Does what is due.  Returns when to call it next (UINT64_MAX: not before something is heard). */
uint64_t neigh_pass(struct neigh *t, uint64_t now);
/* Forgets an entry; frames that wait for it fail.  False: there is none. */
bool neigh_forget(struct neigh *t, uint32_t ip, uint32_t iface);
/* The interface is on another wire: forgets whom it knew there; what is being asked for is asked
 * for again, and frames go on waiting. */
void neigh_moved(struct neigh *t, uint32_t iface, uint64_t now);
/* As neigh_forget, for all entries of an interface, or of all (IFACE_NONE).  Returns how many. */
unsigned neigh_flush(struct neigh *t, uint32_t iface);

#endif
