/* router/router.h - what the packet thread works with, and the frame in hand.
 *
 *     router_open(&r, fib, talk, neigh);  r.port = port_..._open(..., router_events(&r))
 *     while (running) {
 *         work = router_turn(&r, loop_now_ns());
 *         rcu_quiescent_state();
 *         wait_turn(&w, work);
 *     }
 *
 * The path of a frame: router_turn -> forward (forward.c) -> arp_frame (arp.c), local (icmp.c) or
 * out by forward.c; each ends in exactly one of the packet_* verdicts below. */
#ifndef ROUTER_ROUTER_H
#define ROUTER_ROUTER_H

#include "common/proto/pkt.h"
#include "router/fib.h"
#include "router/hold.h"
#include "router/icmp.h"
#include "router/iface.h"
#include "router/neigh.h"
#include "router/pcap.h"
#include "router/port.h"
#include "router/talk.h"
#include "shm/quarantine.h"

#define ROUTER_BATCH 64 /* frames a turn */

struct router {
    struct port *port;
    struct fib *fib;
    struct neigh *neigh;
    struct talk *talk;
    struct hold hold;
    struct ifaces ifaces;
    struct icmp_limit limit;
    struct pcap pcap;
    struct quarantine quarantine;
    struct role *role; /* NULL in tests */
    unsigned log_left; /* lines that a neighbour may still cause in this period */
    uint64_t log_period_ns;
    uint64_t now_ns;      /* of this turn */
    uint64_t flushed;     /* what port_tail was then: more is staged */
    bool alone;           /* a held frame that killed a predecessor has this turn for itself */
    uint64_t conflict_ns; /* when an address conflict was last logged */
    uint16_t ip_id;
    bool serving;      /* the port says READY */
    bool say_ready;    /* the control thread has yet to be told */
    bool say_inactive; /* and is to log the routes that have no interface */
    bool binding;      /* ready, but the routes do not know the interfaces yet: frames wait */
    uint32_t ready;    /* number of times that it became so, or that an interface came up */
    char *rtable;      /* text from the VNS server, to be passed on; NULL: none */
    size_t rtable_len;
    uint8_t chore[IFACES];      /* enum chore, by row */
    unsigned n_chores;          /* rows with any */
    struct counter_tally tally; /* of this turn */
};

/* A received frame while it is decided; 'head' is the router's own copy, in the outgoing record. */
struct packet {
    struct router *r;
    const struct frame_in *in;
    const struct iface *from;
    uint8_t *head;
    uint32_t head_len, tail_len; /* of what may leave: Ethernet padding is cut off */
    struct pkt_eth_wire *eth;
    struct pkt_ip_wire *ip; /* NULL for ARP */
    uint32_t ihl, ip_len, src, dst;
    bool unicast; /* its Ethernet destination is the interface */
};

/* 'held' is the file of held frames, or NULL for a private store; dies on failure. */
void router_open(struct router *r, struct fib *fib, struct talk *talk, struct neigh *neigh,
                 const char *held);
void router_close(struct router *r);
struct port_events router_events(struct router *r);
/* One turn: orders of the control thread, held frames, then a batch of frames; all that leaves
 * becomes visible at its end.  Returns how much was done. */
unsigned router_turn(struct router *r, uint64_t now);

/* ---- verdicts: each ends the handling of the frame ---------------------------------------- */
void packet_drop(struct packet *p, enum drop reason);
/* The first 'head_len' bytes of p->head and 'tail_len' of the tail leave by 'iface'. */
void packet_leave(struct packet *p, enum verdict verdict, uint32_t iface);
/* Was of use, and nothing leaves: an ARP reply. */
void packet_taken(struct packet *p);
void packet_held(struct packet *p);
/* Sends a frame of the router's own, 'len' bytes at port_room's memory 'head'. */
void router_originate(struct router *r, const struct frame_in *cause, uint32_t iface,
                      const uint8_t *head, uint32_t len, uint64_t hold);

static inline void router_count(struct router *r, enum counter c)
{
    counter_tally(&r->tally, c, 1);
}
/* A held frame is sent, or given up. */
static inline void router_count_left(struct router *r, const struct hold_slot *s, enum counter c)
{
    counter_tally(&r->tally, c, !s->uncounted);
    counter_tally(&r->tally, ROUTER_HOLDING, -(int64_t)!s->uncounted);
}

#endif
