/* ofproxy/stream.c */
#include "ofproxy/stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"
#include "ofproxy/tls.h"
#include "shm/guard.h"

#define READS 2 /* of the socket in one stream_recv: what there is room for */

/* Whoever left something behind is read again; one round is bounded by what stream_recv takes. */
static void on_more(struct loop_timer *t)
{
    struct ofproxy *p = (struct ofproxy *)((char *)t - offsetof(struct ofproxy, more));
    unsigned left = p->n_conns;

    for (unsigned i = 0; i < p->max_conns && left > 0; i++) {
        struct of_conn *c = &p->conns[i];

        if (c->state == CONN_FREE) {
            continue;
        }
        left--;
        if (c->stream.more && !c->paused) {
            c->fd.ready(&c->fd, EPOLLIN);
        }
    }
}

static void come_back(struct of_conn *c)
{
    c->stream.more = true;
    if (c->proxy->more.due_ns == 0) {
        loop_timer_set(&c->proxy->loop, &c->proxy->more, 0);
    }
}

void stream_open(struct ofproxy *p)
{
    size_t size = (size_t)p->max_conns * STREAM_RECORD;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) {
        die("no memory for %u TLS connections: lower max-switches", p->max_conns);
    }
    p->records = memory;
    p->more.fire = on_more;
}

void stream_close_all(struct ofproxy *p)
{
    loop_timer_cancel(&p->loop, &p->more);
    if (p->records) {
        munmap(p->records, (size_t)p->max_conns * STREAM_RECORD);
        p->records = NULL;
    }
}

/* OpenSSL reads on while what comes is for itself alone (new keys, tickets), for as long as the
 * peer sends it.  Here the socket seems empty after a while; epoll says that it is not. */
static long on_bio(BIO *bio, int op, const char *bytes, size_t len, int argi, long argl, int result,
                   size_t *n)
{
    struct stream *s = (struct stream *)(void *)BIO_get_callback_arg(bio);

    (void)bytes, (void)len, (void)argi, (void)argl, (void)n;
    if (op != BIO_CB_READ) {
        return result;
    }
    if (s->reads == 0) {
        BIO_clear_retry_flags(bio);
        BIO_set_retry_read(bio);
        return -1;
    }
    s->reads--;
    return result;
}

void stream_encrypt(struct of_conn *c, struct ssl_st *ssl)
{
    c->stream.ssl = ssl;
    BIO_set_callback_arg(SSL_get_rbio(ssl), (char *)&c->stream);
    BIO_set_callback_ex(SSL_get_rbio(ssl), on_bio);
    c->stream.record = c->proxy->records + (size_t)(c - c->proxy->conns) * STREAM_RECORD;
    if (SSL_has_pending(ssl)) {
        come_back(c); /* its first message came with the end of the handshake */
    }
}

void stream_close(struct of_conn *c)
{
    struct stream *s = &c->stream;

    if (s->ssl) {
        ERR_clear_error();
        if (s->n_held == 0 && s->why[0] == '\0') {
            SSL_shutdown(s->ssl); /* says so to the peer, and waits for nothing */
        }
        SSL_free(s->ssl);
        ERR_clear_error();
    }
    c->stream = (struct stream){0};
}

void stream_shut(struct of_conn *c)
{
    if (c->stream.ssl) {
        ERR_clear_error();
        SSL_shutdown(c->stream.ssl);
    }
    shutdown(c->fd.fd, SHUT_WR);
}

/* ---- receiving ---------------------------------------------------------------------------- */

/* What an operation that gave 'result' has come to: errno for the caller. */
static int failure(struct stream *s, int result)
{
    int err = errno, kind = SSL_get_error(s->ssl, result);

    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
        return EAGAIN;
    }
    if (kind == SSL_ERROR_SYSCALL && ERR_peek_error() == 0 && err != 0) {
        return err;
    }
    if (s->why[0] == '\0') { /* asked again, OpenSSL has forgotten it */
        tls_why(s->ssl, s->why, sizeof s->why);
    }
    return EPROTO;
}

/* One record, or what is left of one.  Returns as stream_recv. */
static ssize_t read_some(struct of_conn *c, uint8_t *to, size_t room)
{
    struct stream *s = &c->stream;
    size_t n = 0;
    int result;

    ERR_clear_error();
    errno = 0;
    result = SSL_read_ex(s->ssl, to, room, &n);
    if (result == 1) {
        return (ssize_t)n;
    }
    s->stuck = SSL_get_error(s->ssl, result) == SSL_ERROR_WANT_WRITE;
    if (SSL_get_error(s->ssl, result) == SSL_ERROR_ZERO_RETURN) {
        return 0;
    }
    errno = failure(s, result);
    if (s->stuck) {
        c->out.blocked = true; /* conn_watch asks for EPOLLOUT */
        conn_touch(c);
    }
    return -1;
}

static ssize_t tls_recv(struct of_conn *c, const struct iovec *iov, int n_iov)
{
    struct stream *s = &c->stream;
    ssize_t got = 0, n;

    s->more = false; /* nowhere else: a pause comes before this */
    s->reads = READS;
    for (int i = 0; i < n_iov; i++) {
        for (size_t at = 0; at < iov[i].iov_len; at += (size_t)n, got += n) {
            if (got > 0 && !SSL_has_pending(s->ssl)) {
                return got; /* what comes next, epoll tells */
            }
            n = read_some(c, (uint8_t *)iov[i].iov_base + at, iov[i].iov_len - at);
            if (n > 0) {
                continue;
            }
            if (got > 0 && (n == 0 || errno != EAGAIN)) {
                come_back(c); /* for the end, once these are used */
            }
            return got > 0 ? got : n;
        }
    }
    if (SSL_has_pending(s->ssl)) {
        come_back(c);
    }
    return got;
}

ssize_t stream_recv(struct of_conn *c, const struct iovec *iov, int n_iov)
{
    return c->stream.ssl ? tls_recv(c, iov, n_iov) : readv(c->fd.fd, iov, n_iov);
}

bool stream_writable(struct of_conn *c)
{
    bool was = c->stream.stuck;

    c->stream.stuck = false;
    return was;
}

void stream_resume(struct of_conn *c)
{
    if (c->stream.more || stream_writable(c)) {
        c->fd.ready(&c->fd, EPOLLIN);
    }
}

/* ---- sending ------------------------------------------------------------------------------ */

/* Copies what follows the first 'skip' bytes of the message into the empty record. */
static void fill(struct stream *s, const struct msghdr *m, size_t skip)
{
    for (size_t i = 0; i < m->msg_iovlen && s->n_held < STREAM_RECORD; i++) {
        const struct iovec *v = &m->msg_iov[i];
        size_t over = skip < v->iov_len ? skip : v->iov_len;
        size_t len = v->iov_len - over;

        if (len > STREAM_RECORD - s->n_held) {
            len = STREAM_RECORD - s->n_held;
        }
        memcpy(s->record + s->n_held, (const uint8_t *)v->iov_base + over, len);
        s->n_held += (uint32_t)len;
        skip -= over;
    }
}

/* Sends the record.  Returns 0 or an errno. */
static int push(struct stream *s)
{
    size_t n;
    int result;

    if (s->n_held == 0) {
        return 0;
    }
    ERR_clear_error();
    errno = 0;
    /* all or nothing: the same bytes are offered until it is all */
    result = SSL_write_ex(s->ssl, s->record, s->n_held, &n);
    if (result != 1) {
        return failure(s, result);
    }
    s->n_held = 0;
    return 0;
}

static ssize_t tls_send(struct of_conn *c, const struct msghdr *m)
{
    struct stream *s = &c->stream;
    int ring = c->proxy->pkt_out.guard, err = push(s);
    size_t taken = 0;

    while (err == 0) {
        bool whole = !guard_hurt(ring);

        fill(s, m, taken);
        if (s->n_held == 0) {
            return (ssize_t)taken;
        }
        if (whole && guard_hurt(ring) && taken == 0) {
            s->n_held = 0; /* vnsbridge has cut its ring short, just as the kernel would find */
            errno = EFAULT;
            return -1;
        }
        taken += s->n_held;
        err = push(s);
    }
    if (err != EAGAIN || taken == 0) {
        errno = err;
        return -1;
    }
    return (ssize_t)taken;
}

ssize_t stream_send(struct of_conn *c, const struct msghdr *m)
{
    return c->stream.ssl ? tls_send(c, m)
                         : c->proxy->send(c->fd.fd, m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

const char *stream_why(const struct of_conn *c, int err)
{
    return err == EPROTO && c->stream.why[0] ? c->stream.why : strerror(err);
}
