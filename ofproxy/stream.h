/* ofproxy/stream.h - the bytes of a connection: as the socket has them, or through TLS.
 *
 *     n = stream_recv(c, iov, n_iov)   as readv
 *     n = stream_send(c, &m)           as sendmsg
 *
 * Without TLS these are the system calls and nothing else.  With it:
 *   - stream_recv decrypts into the same place.  When that is full, OpenSSL may hold more, of which
 *     epoll knows nothing: the loop comes back for it by itself (a timer that is due at once; a
 *     paused connection is looked at again by stream_resume).
 *   - stream_send copies up to one record into a buffer of the connection and counts that as sent.
 *     What the socket does not take of the record stays there (stream_held), and goes out before
 *     anything else: a record that has begun cannot be taken back, while of_out.c may still drop a
 *     frame. */
#ifndef OFPROXY_STREAM_H
#define OFPROXY_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#define STREAM_RECORD 16384 /* the most that one TLS record carries (RFC 8446 5.1) */

struct ofproxy;
struct of_conn;
struct ssl_st;

struct stream {
    struct ssl_st *ssl; /* NULL: no TLS */
    uint8_t *record;    /* STREAM_RECORD bytes; n_held of them are not sent */
    uint32_t n_held;
    uint32_t reads; /* of the socket that stream_recv may still make */
    bool more;      /* stream_recv left something behind, or an end to be told */
    bool stuck;     /* cannot read before it has written */
    char why[200];
};

/* Room for the records of max_conns connections; without it no connection can have TLS. */
void stream_open(struct ofproxy *p);
void stream_close_all(struct ofproxy *p);
/* From now on 'c' speaks through 'ssl', whose handshake is over. */
void stream_encrypt(struct of_conn *c, struct ssl_st *ssl);
/* Before its descriptor is closed. */
void stream_close(struct of_conn *c);
/* Nothing more is sent. */
void stream_shut(struct of_conn *c);

/* Return bytes, 0 at the end (stream_recv), or -1 with errno; EPROTO: stream_why has the reason. */
ssize_t stream_recv(struct of_conn *c, const struct iovec *iov, int n_iov);
ssize_t stream_send(struct of_conn *c, const struct msghdr *m);
/* The socket takes more again.  True: it may be that it can be read again, too. */
bool stream_writable(struct of_conn *c);
/* After a pause: reads what is left behind.  May close the connection. */
void stream_resume(struct of_conn *c);
const char *stream_why(const struct of_conn *c, int err);

static inline bool stream_held(const struct stream *s)
{
    return s->n_held > 0;
}

#endif
