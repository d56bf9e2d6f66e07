/* vnsbridge/bridge.h - the whole process's state, and the two directions of a frame.
 *
 *     bridge_up      PKT_IN  -> VNS_IN, or a VNS client's socket, or a drop   (up.c)
 *     bridge_down    VNS_OUT -> PKT_OUT                                       (down.c)
 *
 * Each handles at most BRIDGE_BURST records and returns how many.  PKT_OUT takes the verdicts of
 * both; when it is full they leave their input alone and set 'blocked', so nothing is lost. */
#ifndef VNSBRIDGE_BRIDGE_H
#define VNSBRIDGE_BRIDGE_H

#include "common/config.h"
#include "common/counter.h"
#include "common/loop.h"
#include "shm/lane.h"
#include "shm/quarantine.h"
#include "shm/topo.h"
#include "shm/wait.h"
#include "vnsbridge/bind.h"
#include "vnsbridge/client.h"
#include "vnsbridge/listen.h"
#include "vnsbridge/status.h"
#include "vnsbridge/vhost.h"

#define BRIDGE_BURST 64
#define BRIDGE_FROM_PKT_IN 0 /* input indexes of VNS_IN and PKT_OUT, for ring_settle */
#define BRIDGE_FROM_VNS_OUT 1

struct bridge {
    struct config config;
    struct topo topo;
    struct loop loop;
    struct waiter wait;

    struct ring_rx pkt_in, vns_out;
    struct ring_tx vns_in, pkt_out;
    struct lane ofproxy, router;
    struct ring_tx *up_last;    /* the output that bridge_up wrote last in this burst */
    struct counter_tally tally; /* of what is staged, and not published yet */
    struct arena arena;
    struct quarantine quarantine;
    bool blocked; /* PKT_OUT had no room in this turn */

    struct board_reader ports, session;
    struct board_writer interfaces, leases;
    struct vhosts vhosts;
    struct bind bind;

    struct listener listener;
    struct clients clients;
    struct status status;
    unsigned log_left; /* lines that peers may still cause in this period */
    uint64_t log_period_ns;
};

/* Publishes an output, and the counts of what it settles with it. */
void bridge_publish(struct bridge *b, struct ring_tx *to);
/* Keeps the record of 'from' that ring_peek returned: two predecessors died of it. */
void bridge_quarantine(struct bridge *b, const struct ring_rx *from, const struct record *r,
                       const uint8_t *head);
/* 'end': position in PKT_IN up to which the boards are known. */
unsigned bridge_up(struct bridge *b, uint64_t end);
unsigned bridge_down(struct bridge *b);

/* Opens rings, boards and tables in b->topo, whose virtual hosts are loaded, and goes on where a
 * predecessor stopped.  Dies with a sentence.  bridge_detach undoes it. */
void bridge_attach(struct bridge *b);
void bridge_detach(struct bridge *b);
/* One turn of the process: boards, both directions, clients, then waiting. */
void bridge_turn(struct bridge *b);
/* True while a line that a peer can cause at will may be logged: 20 in 10 seconds. */
bool bridge_may_log(struct bridge *b);

#endif
