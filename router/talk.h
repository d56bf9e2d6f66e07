/* router/talk.h - what the packet thread and the control thread say to each other.
 *
 * Two rings in private memory: neither thread waits for the other.  The packet thread says what it
 * learned or needs (talk_up), the control thread decides and orders (talk_down):
 *
 *     packet thread                          control thread (holding the keeper's lock)
 *     talk_up(t, &m, NULL, 0)                while (talk_up_next(t, &m, &extra, &len)) ...
 *     talk_up_flush(t)    once a turn        talk_down(t, &m)
 *     while (talk_down_next(t, &m)) ...      talk_down_flush(t)
 *
 * A ring that is full refuses; whoever speaks says it again later. */
#ifndef ROUTER_TALK_H
#define ROUTER_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/bell.h"
#include "shm/ring.h"

enum talk_type {
    TALK_LEARNED, /* up: ip at iface has mac; 'create' 0: only if it is known already */
    TALK_NEEDED,  /* up: frames wait for ip at iface */
    TALK_IFACE,   /* up: struct iface of row 'iface' follows */
    TALK_RTABLE,  /* up: text of a routing table follows */
    TALK_READY,   /* up: the router may work; all interfaces were said before; ip: a number;
                     'create' 1: log the routes that have no interface */
    TALK_REQUEST, /* down: send an ARP request for ip to mac (ff:ff:ff:ff:ff:ff or the old owner) */
    TALK_RESOLVED, /* down: ip at iface has mac */
    TALK_FAILED,   /* down: ip at iface does not answer */
    TALK_BOUND     /* down: the routes know the interfaces that TALK_READY (ip: its number) told */
};

struct talk_message {
    uint32_t type; /* enum talk_type */
    uint32_t iface, ip;
    uint8_t mac[6];
    uint8_t create;
    uint8_t zero;
};

struct talk {
    struct ring_tx up_tx, down_tx;
    struct ring_rx up_rx, down_rx;
    int wake;  /* eventfd: readable when something was said up */
    bool said; /* since the last talk_up_flush */
};

/* 'bell' (may be NULL) wakes the packet thread.  Returns 0 or -errno. */
int talk_open(struct talk *t, struct bell *bell);
void talk_close(struct talk *t);

bool talk_up(struct talk *t, const struct talk_message *m, const void *extra, size_t len);
void talk_up_flush(struct talk *t);
/* 'extra' is valid until the next call. */
bool talk_up_next(struct talk *t, struct talk_message *m, const void **extra, size_t *len);

bool talk_down(struct talk *t, const struct talk_message *m);
void talk_down_flush(struct talk *t);
bool talk_down_next(struct talk *t, struct talk_message *m);

#endif
