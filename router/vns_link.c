#include "router/vns_link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MOST_MS 1000
#define CONNECT_MS 5000
#define QUERY_LOOK_MS 5
#define RX_LEAST (64 * 1024) /* room to receive into before what is left is moved to the front */
#define COPY_BELOW 256       /* bytes that are cheaper to copy than to refer to */

/* A name being looked up.  The C library's thread writes here, so it may have to outlive the link.
 */
struct vns_query {
    struct gaicb cb;
    struct addrinfo hints;
    char server[256], service[8];
};

static struct vns_link *of_fd(struct loop_fd *fd)
{
    return (struct vns_link *)((char *)fd - offsetof(struct vns_link, fd));
}

/* ---- the send queue ------------------------------------------------------------------------- */

static void queue_clear(struct vns_link *l)
{
    l->tx_used = 0;
    l->queued = 0;
    l->n_iov = 0;
    l->blocked = false;
}

/* What we want to hear of; an ended connection would report itself for ever. */
static void update_events(struct vns_link *l)
{
    bool full = l->rx_end - l->rx_at == VNS_LINK_RX;

    loop_set(l->loop, &l->fd, (l->ended || full ? 0 : EPOLLIN) | (l->blocked ? EPOLLOUT : 0));
}

/* Copies what was not sent, so that the receive buffer is free again. */
static void queue_keep(struct vns_link *l, size_t sent)
{
    uint8_t *swap = l->tx;
    size_t used = 0;

    for (unsigned i = 0; i < l->n_iov; i++) {
        size_t skip = sent < l->iov[i].iov_len ? sent : l->iov[i].iov_len;

        memcpy(l->spare + used, (uint8_t *)l->iov[i].iov_base + skip, l->iov[i].iov_len - skip);
        used += l->iov[i].iov_len - skip;
        sent -= skip;
    }
    l->tx = l->spare;
    l->spare = swap;
    l->tx_used = l->queued = used;
    l->iov[0] = (struct iovec){l->tx, used};
    l->n_iov = 1;
    l->blocked = true;
}

static void send_queue(struct vns_link *l)
{
    struct msghdr m = {.msg_iov = l->iov, .msg_iovlen = l->n_iov};
    ssize_t n;

    if (l->n_iov == 0) {
        return;
    }
    n = sendmsg(l->fd.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
        if (!l->ended) {
            snprintf(l->why, sizeof l->why, "cannot send: %s", strerror(errno));
        }
        l->broken =
            true; /* the loop reports the socket; nothing is dropped in the caller's hands */
        queue_clear(l);
        return;
    }
    if (n == (ssize_t)l->queued) {
        queue_clear(l);
    } else {
        queue_keep(l, n > 0 ? (size_t)n : 0);
    }
}

void vns_link_put(struct vns_link *l, size_t len)
{
    uint8_t *at = l->tx + l->tx_used;
    struct iovec *last = l->n_iov ? &l->iov[l->n_iov - 1] : NULL;

    if (last && (uint8_t *)last->iov_base + last->iov_len == at) {
        last->iov_len += len;
    } else {
        l->iov[l->n_iov++] = (struct iovec){at, len};
    }
    l->tx_used += len;
    l->queued += len;
}

void vns_link_put_ref(struct vns_link *l, const uint8_t *bytes, size_t len)
{
    if (len < COPY_BELOW || l->blocked || l->n_iov > VNS_LINK_IOV - 3) {
        memcpy(l->tx + l->tx_used, bytes, len);
        vns_link_put(l, len);
        return;
    }
    l->iov[l->n_iov++] = (struct iovec){(void *)(uintptr_t)bytes, len};
    l->queued += len;
}

void vns_link_flush(struct vns_link *l)
{
    if (l->n_iov > 0 && l->state == VNS_LINK_UP && !l->blocked && !l->broken) {
        send_queue(l);
        if (!l->broken) {
            update_events(l);
        }
    }
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void make_space(struct vns_link *l)
{
    size_t left = l->rx_end - l->rx_at;

    if (left == 0) {
        l->rx_at = l->rx_end = 0;
    } else if (VNS_LINK_RX - l->rx_end < RX_LEAST && l->rx_at > 0) {
        memmove(l->rx, l->rx + l->rx_at, left);
        l->rx_at = 0;
        l->rx_end = left;
    }
}

static void receive(struct vns_link *l)
{
    ssize_t n;

    if (!l->blocked) {
        send_queue(l); /* it may refer to bytes that move now */
    }
    make_space(l);
    if (l->rx_end < VNS_LINK_RX && !l->ended) {
        n = recv(l->fd.fd, l->rx + l->rx_end, VNS_LINK_RX - l->rx_end, MSG_DONTWAIT);
        if (n > 0) {
            l->rx_end += (size_t)n;
            l->rx_ns = loop_now_ns();
            /* The server may have Nagle's algorithm on: acknowledge at once (tcp(7): the kernel
             * falls back by itself, so each time). */
            setsockopt(l->fd.fd, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            l->ended = true;
            snprintf(l->why, sizeof l->why, "%s",
                     n == 0 ? "the server ended the connection" : strerror(errno));
        }
    }
    update_events(l);
    l->readable(l);
    if (l->state == VNS_LINK_UP) {
        update_events(l);
    }
}

/* ---- connecting ----------------------------------------------------------------------------- */

static void hang_up(struct vns_link *l)
{
    if (l->fd.fd >= 0) {
        loop_remove(l->loop, &l->fd);
        close(l->fd.fd);
        l->fd.fd = -1;
    }
    queue_clear(l);
    l->rx_at = l->rx_end = 0;
    l->ended = l->broken = false;
}

static void forget_addresses(struct vns_link *l)
{
    if (l->list != NULL) {
        freeaddrinfo(l->list);
    }
    l->list = l->next = NULL;
}

static void try_later(struct vns_link *l, const char *why)
{
    hang_up(l);
    forget_addresses(l);
    l->state = VNS_LINK_IDLE;
    loop_timer_set(l->loop, &l->timer, l->backoff_ms);
    l->backoff_ms = l->backoff_ms * 2 < BACKOFF_MOST_MS ? l->backoff_ms * 2 : BACKOFF_MOST_MS;
    l->down(l, why);
}

static void connected(struct vns_link *l)
{
    const int one = 1, idle = 10, interval = 5, count = 3;

    loop_timer_cancel(l->loop, &l->timer);
    forget_addresses(l);
    setsockopt(l->fd.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* a server whose machine vanished is found out within half a minute */
    setsockopt(l->fd.fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(l->fd.fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(l->fd.fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(l->fd.fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    l->state = VNS_LINK_UP;
    loop_set(l->loop, &l->fd, EPOLLIN);
    l->up(l);
}

/* Starts on one address.  Returns 0 (connecting or connected) or an errno. */
static int start(struct vns_link *l, const struct addrinfo *a)
{
    int err = 0;

    l->fd.fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (l->fd.fd < 0) {
        return errno;
    }
    if (connect(l->fd.fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS) {
        err = errno;
    }
    err = err != 0 ? err : -loop_add(l->loop, &l->fd, EPOLLOUT);
    if (err != 0) {
        close(l->fd.fd);
        l->fd.fd = -1;
    }
    return err;
}

/* The next address that takes a connect; 'err' is what the last one said. */
static void try_next(struct vns_link *l, int err)
{
    while (l->next != NULL) {
        const struct addrinfo *a = l->next;

        l->next = a->ai_next;
        err = start(l, a);
        if (err == 0) {
            l->state = VNS_LINK_CONNECTING;
            loop_timer_set(l->loop, &l->timer, CONNECT_MS);
            return;
        }
    }
    try_later(l, strerror(err));
}

static void finish_connect(struct vns_link *l)
{
    int err = 0;
    socklen_t len = sizeof err;

    if (getsockopt(l->fd.fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0) {
        err = errno;
    }
    if (err == 0) {
        connected(l);
    } else {
        hang_up(l);
        try_next(l, err);
    }
}

static void ready(struct loop_fd *fd, uint32_t events)
{
    struct vns_link *l = of_fd(fd);

    if (l->state == VNS_LINK_CONNECTING) {
        finish_connect(l);
        return;
    }
    if (l->broken || (l->ended && (events & (EPOLLHUP | EPOLLERR)))) {
        vns_link_drop(l, l->why);
        return;
    }
    if (events & EPOLLOUT) {
        send_queue(l);
    }
    receive(l);
}

static void start_query(struct vns_link *l)
{
    struct vns_query *q = calloc(1, sizeof *q);
    struct gaicb *list[1];
    int err;

    if (q == NULL) {
        try_later(l, strerror(ENOMEM));
        return;
    }
    memcpy(q->server, l->server, sizeof q->server);
    memcpy(q->service, l->service, sizeof q->service);
    q->hints = (struct addrinfo){.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    q->cb = (struct gaicb){.ar_name = q->server, .ar_service = q->service, .ar_request = &q->hints};
    list[0] = &q->cb;
    err = getaddrinfo_a(GAI_NOWAIT, list, 1, &(struct sigevent){.sigev_notify = SIGEV_NONE});
    if (err != 0) {
        free(q);
        try_later(l, gai_strerror(err));
        return;
    }
    l->query = q;
    l->state = VNS_LINK_RESOLVING;
    loop_timer_set(l->loop, &l->timer, QUERY_LOOK_MS);
}

static void look_at_query(struct vns_link *l)
{
    struct vns_query *q = l->query;
    int err = gai_error(&q->cb);

    if (err == EAI_INPROGRESS) {
        loop_timer_set(l->loop, &l->timer, QUERY_LOOK_MS);
        return;
    }
    l->query = NULL;
    l->list = l->next = q->cb.ar_result;
    free(q);
    if (err != 0) {
        try_later(l, gai_strerror(err));
    } else {
        try_next(l, EHOSTUNREACH);
    }
}

static void begin(struct vns_link *l)
{
    const struct addrinfo numeric = {.ai_family = AF_UNSPEC,
                                     .ai_socktype = SOCK_STREAM,
                                     .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};

    if (getaddrinfo(l->server, l->service, &numeric, &l->list) == 0) {
        l->next = l->list;
        try_next(l, EHOSTUNREACH);
    } else {
        l->list = NULL;
        start_query(l); /* afresh each time: a name may come to mean another machine */
    }
}

static void fire(struct loop_timer *t)
{
    struct vns_link *l = (struct vns_link *)((char *)t - offsetof(struct vns_link, timer));

    switch (l->state) {
    case VNS_LINK_IDLE:
        begin(l);
        break;
    case VNS_LINK_RESOLVING:
        look_at_query(l);
        break;
    case VNS_LINK_CONNECTING:
        hang_up(l);
        try_next(l, ETIMEDOUT);
        break;
    case VNS_LINK_UP:
        break;
    }
}

/* ---- life ----------------------------------------------------------------------------------- */

int vns_link_open(struct vns_link *l, struct loop *loop, const char *server, uint16_t port)
{
    l->loop = loop;
    l->state = VNS_LINK_IDLE;
    l->fd = (struct loop_fd){.fd = -1, .ready = ready};
    l->timer = (struct loop_timer){.fire = fire};
    l->backoff_ms = BACKOFF_FIRST_MS;
    snprintf(l->server, sizeof l->server, "%s", server);
    snprintf(l->service, sizeof l->service, "%u", port);
    l->rx = malloc(VNS_LINK_RX);
    l->tx = malloc(VNS_LINK_TX);
    l->spare = malloc(VNS_LINK_TX);
    if (l->rx == NULL || l->tx == NULL || l->spare == NULL) {
        free(l->rx);
        free(l->tx);
        free(l->spare);
        return -ENOMEM;
    }
    loop_timer_set(loop, &l->timer, 0);
    return 0;
}

void vns_link_drop(struct vns_link *l, const char *why)
{
    char text[sizeof l->why];

    snprintf(text, sizeof text, "%s", why); /* 'why' may be l->why, or bytes received */
    vns_link_flush(l);
    try_later(l, text);
}

void vns_link_settled(struct vns_link *l)
{
    l->backoff_ms = BACKOFF_FIRST_MS;
}

void vns_link_close(struct vns_link *l)
{
    vns_link_flush(l);
    hang_up(l);
    loop_timer_cancel(l->loop, &l->timer);
    forget_addresses(l);
    if (l->query != NULL && gai_cancel(&l->query->cb) != EAI_NOTCANCELED) {
        if (gai_error(&l->query->cb) == 0) {
            freeaddrinfo(l->query->cb.ar_result);
        }
        free(l->query);
    } /* else its thread still writes there: left to it */
    free(l->rx);
    free(l->tx);
    free(l->spare);
}
