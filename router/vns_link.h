/* router/vns_link.h - the TCP connection of port_vns.c: found, made, made again, and its bytes.
 *
 *     l.up, l.readable, l.down set;  vns_link_open(&l, loop, "host", 8888)
 *     readable:  bytes = vns_link_peek(&l, &len); ... vns_link_skip(&l, n);
 *     to = vns_link_room(&l, size); fill; vns_link_put(&l, len);       to the send queue
 *     vns_link_flush(&l);                                              one sendmsg for all
 *
 * Nothing here blocks: names are looked up by the C library's threads, addresses tried one after
 * another.  A connection that fails or ends is tried again after 100 ms, then twice as long each
 * time, at most 1 s, until vns_link_settled() says that it was of use.
 *
 * Bytes received stay where recv put them until they are skipped and the loop receives again; the
 * send queue may refer to them (vns_link_put_ref).  Both buffers are bounded: a full receive buffer
 * is not read into, so the peer's TCP waits. */
#ifndef ROUTER_VNS_LINK_H
#define ROUTER_VNS_LINK_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/loop.h"

#define VNS_LINK_RX (256 * 1024)
#define VNS_LINK_TX (256 * 1024)
#define VNS_LINK_IOV 256

enum vns_link_state { VNS_LINK_IDLE, VNS_LINK_RESOLVING, VNS_LINK_CONNECTING, VNS_LINK_UP };

struct vns_link {
    /* from the loop; 'down' also from vns_link_drop; 'why' says what ended or prevented it */
    void (*up)(struct vns_link *l);
    void (*readable)(struct vns_link *l); /* bytes, or the end of file, came */
    void (*down)(struct vns_link *l, const char *why);

    struct loop *loop;
    enum vns_link_state state;
    struct loop_fd fd;
    struct loop_timer timer; /* to try again, to look at the name query, or to give up connecting */
    unsigned backoff_ms;
    char server[256], service[8];
    struct vns_query *query; /* of the name, under way */
    struct addrinfo *list, *next;

    uint8_t *rx;
    size_t rx_at, rx_end;
    bool ended;     /* no more bytes will come */
    bool broken;    /* nothing can be sent */
    char why[128];  /* why it ended */
    uint64_t rx_ns; /* when the last bytes came */

    uint8_t *tx, *spare;
    size_t tx_used; /* of tx */
    size_t queued;  /* in tx and by reference */
    bool blocked;   /* the kernel's buffer is full: wait for EPOLLOUT */
    struct iovec iov[VNS_LINK_IOV];
    unsigned n_iov;
};

/* Starts the first attempt.  Returns 0 or -errno (memory). */
int vns_link_open(struct vns_link *l, struct loop *loop, const char *server, uint16_t port);
/* Sends what the kernel still takes, and frees all.  Calls nothing back. */
void vns_link_close(struct vns_link *l);
/* Ends the connection, calls 'down', and tries again later.  What was queued gets one send. */
void vns_link_drop(struct vns_link *l, const char *why);
void vns_link_settled(struct vns_link *l);

static inline const uint8_t *vns_link_peek(const struct vns_link *l, size_t *len)
{
    *len = l->rx_end - l->rx_at;
    return l->rx + l->rx_at;
}
static inline void vns_link_skip(struct vns_link *l, size_t len)
{
    l->rx_at += len;
}
/* Bytes that the send queue still takes. */
static inline size_t vns_link_free(const struct vns_link *l)
{
    return VNS_LINK_TX - l->queued;
}
/* NULL: no room now. */
static inline uint8_t *vns_link_room(struct vns_link *l, size_t size)
{
    return size <= vns_link_free(l) ? l->tx + l->tx_used : NULL;
}
void vns_link_put(struct vns_link *l, size_t len);
/* The same for bytes in the receive buffer; copied where that is cheaper.  Room is the caller's
 * to check. */
void vns_link_put_ref(struct vns_link *l, const uint8_t *bytes, size_t len);
void vns_link_flush(struct vns_link *l);

#endif
