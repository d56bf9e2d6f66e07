/* router/hold.h - frames that wait for a neighbour's address, in a file that outlives the router.
 *
 * A frame whose next hop is not resolved is copied out into a slot of <run_dir>/router.held, and
 * its verdict is "held".  When the next hop answers, the slot's frame leaves as a frame of its own
 * that carries the slot's serial; when it does not, its sender gets host unreachable.
 *
 * Exactly once: a slot is written before the verdict that it belongs to is published, and freed
 * after the record that empties it is.  A restarted router calls hold_left for each serial of its
 * predecessor's last batch (these are sent, only not freed), then hold_restore with the position up
 * to which its input is settled (what lies behind that will be handled again).
 *
 *     hold_put(h, &what, head, head_len, tail, tail_len)   then the verdict "held"
 *     while ((hop = hold_unasked(h, at)))                  tell the control thread; hop->asked
 *     hold_resolved / hold_failed                          marks the next hop
 *     while ((slot = hold_ready(h, &hop))) { send; hold_leave(h, hop); }
 *     port_flush(); hold_flushed(h);                       frees what has left
 *
 * Packet thread only, but for hold_count.  Nothing here allocates after hold_open. */
#ifndef ROUTER_HOLD_H
#define ROUTER_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/fault.h"

#define HOLD_SLOTS 512   /* in all */
#define HOLD_PER_HOP 384 /* for one next hop: what waits for it while a container is restarted */
#define HOLD_FRAME 2048  /* longest frame */
#define HOLD_OLD_NS (30 * 1000000000ull) /* a restarted router gives up what is, or gets, older */

struct hold_slot {     /* in the file */
    uint64_t serial;   /* 0: free; written last */
    uint64_t position; /* of the input, after the frame; 0: not kept over a restart */
    uint64_t held_ns;
    uint64_t rx_ns;
    uint32_t next_hop, out_iface, in_iface;
    uint16_t len;
    uint8_t uncounted; /* a further fragment of a frame that was counted already */
    uint8_t zero;
    uint8_t frame[HOLD_FRAME]; /* with the Ethernet header that it came with */
};

enum hold_state { HOLD_FREE, HOLD_WAITING, HOLD_RESOLVED, HOLD_FAILED };

struct hold_hop {
    enum hold_state state;
    uint32_t ip, iface;
    uint16_t first, last; /* slots + 1 */
    uint16_t n;
    bool asked;
    uint8_t mac[6]; /* HOLD_RESOLVED */
};

struct hold {
    struct hold_file *file;
    uint16_t next[HOLD_SLOTS]; /* slot + 1: the next of the same hop; 0: the last */
    uint16_t free_slot[HOLD_SLOTS], leaving[HOLD_SLOTS];
    unsigned n_free, n_leaving;
    struct hold_hop hop[HOLD_SLOTS];
    unsigned n_hops, n_unasked, n_ready; /* hops in use; not asked; resolved or failed */
    struct fault_note note;              /* of the frame that is being sent, by its serial */
};

/* 'path' NULL: a private store.  Returns 0, or -errno with a sentence in 'why'. */
int hold_open(struct hold *h, const char *path, char *why, size_t why_size);
void hold_close(struct hold *h);

/* After a restart, in this order.  hold_poison is the frame whose sending killed FAULT_DEATHS
 * routers in a row, or NULL: give it up with hold_left, too.  hold_restore returns how many frames
 * wait again; '*old' is how many were given up for their age. */
void hold_left(struct hold *h, uint64_t serial);
const struct hold_slot *hold_poison(const struct hold *h, uint64_t settled);
unsigned hold_restore(struct hold *h, uint64_t settled, uint64_t now, unsigned *old);
/* Frames that wait, each with its fragments counted as one. */
unsigned hold_frames(const struct hold *h);

/* Copies a frame out.  'what' gives all fields from 'position' to 'uncounted' but len.  False:
 * full, for this next hop or in all, or the frame is too long. */
bool hold_put(struct hold *h, const struct hold_slot *what, const uint8_t *head, size_t head_len,
              const uint8_t *tail, size_t tail_len);
/* The first hop from index *at on that the control thread was not told of; *at is its index. */
struct hold_hop *hold_unasked(struct hold *h, unsigned *at);
void hold_asked(struct hold *h, struct hold_hop *hop);
/* When the oldest frame for it was held. */
uint64_t hold_since(const struct hold *h, const struct hold_hop *hop);
void hold_resolved(struct hold *h, uint32_t ip, uint32_t iface, const uint8_t mac[6]);
void hold_failed(struct hold *h, uint32_t ip, uint32_t iface);
/* The oldest frame of a hop that is resolved or failed; NULL: none. */
const struct hold_slot *hold_ready(struct hold *h, struct hold_hop **hop);
/* How many routers in a row died of sending or expiring it; then, around doing so (fault.h). */
unsigned hold_deaths(const struct hold *h, const struct hold_slot *s);
void hold_hand(struct hold *h, const struct hold_slot *s);
void hold_let_go(struct hold *h);
void hold_leave(struct hold *h, struct hold_hop *hop);
void hold_flushed(struct hold *h);

/* Would 'n' frames for this next hop be taken? */
bool hold_room(struct hold *h, uint32_t ip, uint32_t iface, unsigned n);
/* For people, from any thread: how many frames wait for this next hop (about). */
unsigned hold_count(const struct hold *h, uint32_t ip, uint32_t iface);

#endif
