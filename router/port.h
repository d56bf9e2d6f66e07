/* router/port.h - where frames come from and go to: the ring (port_ring.c) or a VNS server over TCP
 * (port_vns.c).  One thread, the packet thread, calls everything here.
 *
 *     while (port_next(p, &in)) {            up to a batch
 *         head = port_room(p, PORT_HEAD);    never NULL after port_next said yes
 *         copy in.head to head, parse and rewrite it there
 *         port_send(p, &in, &out);           any number of ORIGINATED, then the one verdict
 *     }
 *     port_flush(p);                         once a batch: all of it becomes visible
 *
 * The bytes at in.head and in.tail belong to the port and stay until the frame's verdict is sent;
 * in.head may be changed by a hostile peer meanwhile, so nothing but the copy is parsed.  The
 * verdict (any but VERDICT_ORIGINATED) steps over the input frame.  Frames that no input caused are
 * sent with 'in' NULL, after port_room, which may then be NULL: no room now, try again next turn.
 */
#ifndef ROUTER_PORT_H
#define ROUTER_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/counter.h"
#include "router/iface.h"
#include "shm/record.h"
#include "shm/role.h"

#define PORT_HEAD 2048      /* room that is enough for any one frame the router makes */
#define PORT_FRAME_MAX 9976 /* longest frame that a VNS message takes */
/* port_next says yes only if this much room is free: all that one input frame may cause (a frame of
 * PORT_FRAME_MAX cut into fragments). */
#define PORT_ROOM (16 * 1024)

struct frame_in {
    const uint8_t *head; /* at least min(frame, RECORD_INLINE) bytes, at most RECORD_HEAD_MAX */
    uint32_t head_len;
    const uint8_t *tail; /* the rest of the frame, read-only; NULL when tail_len is 0 */
    uint32_t tail_len;
    uint32_t iface;       /* row it came in by */
    enum drop refuse;     /* not DROP_NONE: the port wants it dropped for this reason */
    unsigned deaths;      /* of predecessors, with it in hand (shm/fault.h); it then comes alone */
    int signal;           /* of the last of them */
    uint64_t position;    /* of the input after this frame; grows by each; 0: not kept (TCP) */
    uint64_t rx_ns;       /* CLOCK_MONOTONIC, 0 unknown */
    struct record record; /* the port's own */
};

struct frame_out {
    enum verdict verdict;
    enum drop reason;  /* VERDICT_DROPPED */
    uint32_t iface;    /* row it leaves by */
    uint32_t head_len; /* bytes written to port_room; 0: nothing leaves, the verdict only settles */
    uint32_t tail_len; /* the first so many bytes of in->tail leave after the head */
    uint64_t hold;     /* serial of the held frame that this sends; 0 none */
};

struct port;
struct port_ops {
    bool (*next)(struct port *p, struct frame_in *in);
    uint8_t *(*room)(struct port *p, size_t size);
    void (*send)(struct port *p, const struct frame_in *in, const struct frame_out *out);
    void (*flush)(struct port *p);
    void (*close)(struct port *p); /* says good-bye to the peer; frees all */
    /* What the tail of its output will be once flushed, for counter_prepare; NULL: no ring. */
    uint64_t (*tail)(const struct port *p);
};
struct port {
    const struct port_ops *ops;
};

/* What a port tells the router, in the packet thread, from within its functions or its loop
 * callbacks, never between port_next and the verdict. */
struct port_events {
    void *context;
    /* A row is new or has changed ('now->present' 0: it went away). */
    void (*iface)(void *context, uint32_t row, const struct iface *now);
    /* The VNS server sent a routing table (text of an rtable file), which replaces the present one.
     */
    void (*rtable)(void *context, const char *text, size_t len);
    /* Readiness, for people: ROLE_WAITING and why, or ROLE_READY (the text is then ignored). */
    void (*state)(void *context, enum role_state state, const char *text);
};

static inline bool port_next(struct port *p, struct frame_in *in)
{
    return p->ops->next(p, in);
}
static inline uint8_t *port_room(struct port *p, size_t size)
{
    return p->ops->room(p, size);
}
static inline void port_send(struct port *p, const struct frame_in *in, const struct frame_out *out)
{
    p->ops->send(p, in, out);
}
static inline bool port_has_ring(const struct port *p)
{
    return p->ops->tail != NULL;
}
static inline uint64_t port_tail(const struct port *p)
{
    return p->ops->tail ? p->ops->tail(p) : 0;
}
static inline void port_flush(struct port *p)
{
    p->ops->flush(p);
}

/* ---- the two ports ------------------------------------------------------------------------ */
struct topo;
struct loop;
struct waiter;

/* port_ring.c: the router of the run directory.  'wait' gets the rings and boards to sleep on. */
struct port_ring_config {
    struct topo *topo;
    struct waiter *wait;
    const char *vhost, *user;
    uint32_t topology;
};
struct port *port_ring_open(const struct port_ring_config *c, const struct port_events *events);

/* port_vns.c: a client of any VNS server.  Connects, and again after a loss, by timers of 'loop';
 * a mistake that no retry cures (no auth_key file, refused by the server at authentication) dies
 * with one sentence.  'rows' of the same interface name stay the same over connections. */
struct port_vns_config {
    struct loop *loop;
    const char *server, *vhost, *user;
    uint16_t port, topology;
    const char *template_name; /* NULL or "": VNSOPEN, else VNS_OPEN_TEMPLATE */
    const char *auth_key;      /* file */
};
struct port *port_vns_open(const struct port_vns_config *c, const struct port_events *events);

#endif
