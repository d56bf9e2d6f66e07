/* ofproxy/of_enter.c */
#include "ofproxy/of_enter.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/counter.h"
#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/of_dial.h"
#include "ofproxy/ofproxy.h"
#include "ofproxy/stream.h"
#include "ofproxy/tls.h"

#define STEPS 4 /* of handshakes in one turn of the loop */

static void refuse(struct ofproxy *p, int fd, const char *peer, struct of_dial *dial,
                   const char *why)
{
    close(fd);
    if (dial) {
        of_dial_failed(dial, why);
        return;
    }
    counter_add(OFPROXY_REFUSED, 1);
    peer_log(p, LOG_WARN, "switch refused peer=%s cause=\"%s\"", peer, why);
}

/* Its HELLO goes out with the next flush: by then the connection has its stream. */
static void become_conn(struct ofproxy *p, int fd, const char *peer, struct of_dial *dial,
                        struct ssl_st *ssl)
{
    struct of_conn *c = conn_open(p, fd, peer);
    char why[100];

    if (!c) {
        SSL_free(ssl);
        snprintf(why, sizeof why, "%u connections already: raise max-switches", p->n_conns);
        refuse(p, fd, peer, dial, why);
        return;
    }
    if (ssl) {
        stream_encrypt(c, ssl);
    }
    if (dial) {
        c->dial = dial;
        of_dial_connected(dial);
    }
}

/* ---- handshakes --------------------------------------------------------------------------- */

static void free_shake(struct of_shake *s)
{
    struct ofproxy *p = s->proxy;

    loop_remove(&p->loop, &s->fd);
    s->fd.fd = -1;
    s->next_free = p->free_shake;
    p->free_shake = s;
}

static void fail(struct of_shake *s, const char *why)
{
    int fd = s->fd.fd;

    free_shake(s);
    SSL_free(s->ssl);
    ERR_clear_error();
    refuse(s->proxy, fd, s->peer, s->dial, why);
}

static void finish(struct of_shake *s)
{
    int fd = s->fd.fd;

    free_shake(s);
    become_conn(s->proxy, fd, s->peer, s->dial, s->ssl);
}

static void on_shake(struct loop_fd *self, uint32_t events)
{
    struct of_shake *s = (struct of_shake *)self; /* fd is its first member */
    struct ofproxy *p = s->proxy;
    char why[200];
    int result;

    (void)events;
    if (p->shake_turn_ns != p->loop.now_ns) {
        p->shake_turn_ns = p->loop.now_ns;
        p->shake_steps = 0;
    }
    if (p->shake_steps++ >= STEPS) {
        return; /* epoll names it again */
    }
    ERR_clear_error();
    errno = 0;
    result = SSL_do_handshake(s->ssl);
    if (result == 1) {
        finish(s);
        return;
    }
    switch (SSL_get_error(s->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        loop_set(&p->loop, &s->fd, EPOLLIN);
        return;
    case SSL_ERROR_WANT_WRITE:
        loop_set(&p->loop, &s->fd, EPOLLOUT);
        return;
    case SSL_ERROR_SSL:
        tls_why(s->ssl, why, sizeof why);
        fail(s, why);
        return;
    case SSL_ERROR_SYSCALL:
        if (errno != 0) {
            fail(s, strerror(errno));
            return;
        }
        /* fall through */
    default:
        fail(s, "the switch closed it in the TLS handshake: its own log says why");
    }
}

static void start_shake(struct ofproxy *p, int fd, const char *peer, struct of_dial *dial)
{
    struct of_shake *s = p->free_shake;
    struct ssl_st *ssl = s ? tls_new(p->tls, fd, dial != NULL) : NULL;

    if (!ssl) {
        refuse(p, fd, peer, dial, s ? "no memory for TLS" : "too many TLS handshakes at once");
        return;
    }
    p->free_shake = s->next_free;
    *s = (struct of_shake){.fd = {.fd = fd, .ready = on_shake},
                           .proxy = p,
                           .dial = dial,
                           .ssl = ssl,
                           .due_ns = loop_now_ns() + p->handshake_ns};
    snprintf(s->peer, sizeof s->peer, "%s", peer);
    /* who dials speaks first: the socket can be written, and that sets it off */
    if (loop_add(&p->loop, &s->fd, dial ? EPOLLOUT : EPOLLIN) != 0) {
        fail(s, strerror(errno));
    }
}

void of_enter(struct ofproxy *p, int fd, enum endpoint_kind kind, const char *peer,
              struct of_dial *dial)
{
    int yes = 1;

    if (kind != ENDPOINT_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    }
    if (kind == ENDPOINT_SSL) {
        start_shake(p, fd, peer, dial);
    } else {
        become_conn(p, fd, peer, dial, NULL);
    }
}

/* ---- the table ---------------------------------------------------------------------------- */

void of_enter_open(struct ofproxy *p)
{
    p->shakes = calloc(p->max_conns, sizeof *p->shakes);
    if (!p->shakes) {
        die("no memory for %u TLS connections: lower max-switches", p->max_conns);
    }
    for (unsigned i = p->max_conns; i-- > 0;) {
        p->shakes[i] = (struct of_shake){.fd = {.fd = -1}, .proxy = p, .next_free = p->free_shake};
        p->free_shake = &p->shakes[i];
    }
    stream_open(p);
}

void of_enter_tick(struct ofproxy *p, uint64_t now_ns)
{
    for (unsigned i = 0; p->shakes && i < p->max_conns; i++) {
        if (p->shakes[i].fd.fd >= 0 && now_ns >= p->shakes[i].due_ns) {
            fail(&p->shakes[i], "no TLS handshake in time");
        }
    }
}

void of_enter_close(struct ofproxy *p)
{
    for (unsigned i = 0; p->shakes && i < p->max_conns; i++) {
        struct of_shake *s = &p->shakes[i];

        if (s->fd.fd >= 0) {
            close(s->fd.fd);
            free_shake(s);
            SSL_free(s->ssl);
        }
    }
    free(p->shakes);
    p->shakes = NULL;
    stream_close_all(p);
}
