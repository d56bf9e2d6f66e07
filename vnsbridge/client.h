/* vnsbridge/client.h - the TCP connections of VNS clients: buffers, sending, closing.
 *
 * What the messages mean is session.c's part.  Each client has a buffer to receive into (one
 * message of the greatest length) and a bounded queue for what its socket did not take; both are
 * allocated at start.  Frames go from the ring and the arena to the socket in one sendmsg a batch:
 *
 *     client_frame(c, ...)        any number, in bridge_up; the bytes must stay until
 *     clients_flush(b)            they are sent, or copied to the queue
 *     ... then publish the verdicts, then release the ring ...
 *
 * A client that breaks in the middle of that is only marked; clients_reap removes it later.  No
 * function here ever waits for a socket, but clients_stop, for at most CLIENT_STOP_MS. */
#ifndef VNSBRIDGE_CLIENT_H
#define VNSBRIDGE_CLIENT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/counter.h"
#include "common/loop.h"
#include "common/proto/vns.h"
#include "vnsbridge/vhost.h"

#define CLIENT_RX VNS_SERVER_MAX
#define CLIENT_QUEUE (256 * 1024)   /* bytes of frames that may wait for a client */
#define CLIENT_HEADROOM (32 * 1024) /* more, for messages that are not frames */
#define CLIENT_BATCH 64
#define CLIENT_OPEN_MS 30000  /* from TCP connect to VNSOPEN */
#define CLIENT_LINGER_MS 2000 /* from VNSCLOSE to the end, for a client that does not hang up */
#define CLIENT_STOP_MS 300

struct bridge;

enum client_state {
    CLIENT_FREE,
    CLIENT_AUTH,    /* AUTH_REQUEST sent */
    CLIENT_OPENING, /* authenticated; VNSOPEN awaited */
    CLIENT_WAITING, /* has its virtual host; VNSHWINFO not sent: a port is missing */
    CLIENT_READY,   /* VNSHWINFO sent: frames flow */
    CLIENT_CLOSING  /* VNSCLOSE sent or queued; what it still says is not heard */
};

struct client {
    struct loop_fd fd; /* first: the loop's pointer is ours */
    struct loop_timer timer;
    struct bridge *bridge;
    enum client_state state;
    struct vhost *vhost; /* whose lease it has, or NULL */
    bool broken;         /* the socket failed, or the peer has left: to be removed */
    bool stalled;        /* a frame of it waits for room in PKT_OUT; its socket is not read */
    bool shut;           /* our direction is shut down */
    bool said_unknown;   /* an unknown message type was logged */
    char peer[56];       /* "10.0.0.1:40000" */
    char user[32];
    uint8_t salt[VNS_SALT_LEN];
    uint64_t proved; /* bit by virtual host: the hash was made with its key */
    unsigned last_interface;
    uint64_t since_ns; /* CLOCK_MONOTONIC */
    uint64_t frames_in, frames_out, frames_slow;

    uint8_t *rx; /* CLIENT_RX bytes */
    size_t rx_len;
    uint8_t *queue; /* CLIENT_QUEUE + CLIENT_HEADROOM bytes */
    size_t queue_at, queue_len;

    uint8_t header[CLIENT_BATCH][VNS_PACKET_HEADER];
    struct iovec iov[3 * CLIENT_BATCH];
    unsigned n_batch, n_iov;
    size_t batch_len;
};

struct clients {
    struct client *list;
    unsigned max, used; /* places; places that are not CLIENT_FREE */
    int timeout_s;
    struct client *batch[CLIENT_BATCH]; /* those with frames to flush */
    unsigned n_batch;
    unsigned n_stalled;
    bool some_broken;
    uint8_t *memory;
    size_t memory_size;
};

/* Allocates 'max' places.  A client whose peer is silent, or takes nothing, for 'timeout_s' seconds
 * (at least 3) is broken: the kernel finds out, asking it meanwhile.  Returns 0 or -ENOMEM. */
int clients_open(struct bridge *b, unsigned max, int timeout_s);
/* Says VNSCLOSE to all, and waits shortly for them to hang up: else the kernel may throw the
 * message away.  Then frees all. */
void clients_stop(struct bridge *b, const char *reason);
/* Takes over a connected socket. */
void clients_accept(struct bridge *b, int fd);
void clients_flush(struct bridge *b);
/* Removes the broken ones; between bursts only. */
void clients_reap(struct bridge *b);
/* Lets clients go on that waited for PKT_OUT.  Returns how many frames they sent. */
unsigned clients_resume(struct bridge *b);

/* Queues a message (not a frame) and sends what the socket takes.  A client that has let even
 * CLIENT_HEADROOM fill up is broken. */
void client_put(struct client *c, const void *message, size_t len);
/* Adds a frame to the batch.  DROP_NONE, or why it was dropped. */
enum drop client_frame(struct client *c, const char *interface, const uint8_t *head,
                       uint32_t head_len, const uint8_t *tail, uint32_t tail_len);
/* Sends VNSCLOSE with the reason (cut at 255 characters), gives up the lease, hangs up when the
 * client has, or after CLIENT_LINGER_MS.  'fault': it counts as refused. */
void client_close(struct client *c, bool fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "user@10.0.0.1:40000" */
void client_describe(const struct client *c, char *text, size_t size);
const char *client_state_name(enum client_state state);

#endif
