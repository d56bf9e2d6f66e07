/* vnsbridge/client.c - sockets of VNS clients. */
#include "vnsbridge/client.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "vnsbridge/bridge.h"
#include "vnsbridge/lease.h"
#include "vnsbridge/session.h"

const char *client_state_name(enum client_state state)
{
    static const char *const names[] = {"free",    "authenticating", "opening",
                                        "waiting", "ready",          "closing"};

    return (unsigned)state < 6 ? names[state] : "unknown";
}

void client_describe(const struct client *c, char *text, size_t size)
{
    snprintf(text, size, "%s%s%s", c->user, c->user[0] ? "@" : "", c->peer);
}

static void give_up_lease(struct client *c, const char *why)
{
    struct vhost *h = c->vhost;

    c->vhost = NULL;
    if (h && h->client == c) {
        h->client = NULL;
        snprintf(h->last, sizeof h->last, "%.111s", why);
        lease_publish(c->bridge);
    }
}

static void unstall(struct client *c)
{
    if (c->stalled) {
        c->stalled = false;
        c->bridge->clients.n_stalled--;
    }
}

static void break_off(struct client *c)
{
    c->broken = true;
    c->bridge->clients.some_broken = true;
}

static void client_free(struct client *c)
{
    if (c->state != CLIENT_CLOSING && bridge_may_log(c->bridge)) {
        log_info("client left peer=%s user=%s state=%s", c->peer, c->user,
                 client_state_name(c->state));
    }
    unstall(c);
    loop_timer_cancel(&c->bridge->loop, &c->timer);
    loop_remove(&c->bridge->loop, &c->fd);
    close(c->fd.fd);
    c->state = CLIENT_FREE;
    c->bridge->clients.used--;
    give_up_lease(c, "the last client left");
}

void clients_reap(struct bridge *b)
{
    if (!b->clients.some_broken) {
        return;
    }
    b->clients.some_broken = false;
    for (unsigned i = 0; i < b->clients.max; i++) {
        struct client *c = &b->clients.list[i];

        if (c->state != CLIENT_FREE && c->broken) {
            client_free(c);
        }
    }
}

/* ---- sending ------------------------------------------------------------------------------- */

static void want_events(struct client *c)
{
    uint32_t events = (c->stalled ? 0 : EPOLLIN) | (c->queue_len ? EPOLLOUT : 0);

    loop_set(&c->bridge->loop, &c->fd, events);
}

/* Bytes that went out; 0 when the socket takes nothing now or never again. */
static size_t send_some(struct client *c, struct iovec *iov, unsigned n_iov)
{
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = n_iov};
    ssize_t n = sendmsg(c->fd.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);

    /* EFAULT: ofproxy has cut its arena short; what is copied from there is zeroes (shm/guard.h) */
    if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS && errno != EFAULT) {
        break_off(c);
    }
    return n > 0 ? (size_t)n : 0;
}

static void send_queue(struct client *c)
{
    struct iovec iov = {c->queue + c->queue_at, c->queue_len};
    size_t n = c->queue_len ? send_some(c, &iov, 1) : 0;

    c->queue_at += n;
    c->queue_len -= n;
    if (c->queue_len == 0) {
        c->queue_at = 0;
        if (c->state == CLIENT_CLOSING && !c->shut) {
            c->shut = true;
            shutdown(c->fd.fd, SHUT_WR);
        }
    }
}

static bool queue_bytes(struct client *c, const void *bytes, size_t len, size_t limit)
{
    if (c->queue_len + len > limit) {
        return false;
    }
    if (c->queue_at + c->queue_len + len > CLIENT_QUEUE + CLIENT_HEADROOM) {
        memmove(c->queue, c->queue + c->queue_at, c->queue_len);
        c->queue_at = 0;
    }
    memcpy(c->queue + c->queue_at + c->queue_len, bytes, len);
    c->queue_len += len;
    return true;
}

void client_put(struct client *c, const void *message, size_t len)
{
    assert(c->n_batch == 0);
    if (c->broken) {
        return;
    }
    if (!queue_bytes(c, message, len, CLIENT_QUEUE + CLIENT_HEADROOM)) {
        break_off(c);
        return;
    }
    send_queue(c);
    want_events(c);
}

static enum drop queue_frame(struct client *c, const char *interface, const struct iovec *part)
{
    uint8_t header[VNS_PACKET_HEADER];
    size_t len = part[0].iov_len + part[1].iov_len;

    if (c->queue_len + sizeof header + len > CLIENT_QUEUE) {
        c->frames_slow++;
        return DROP_CLIENT_SLOW;
    }
    vns_packet_header(header, interface, len);
    queue_bytes(c, header, sizeof header, CLIENT_QUEUE);
    queue_bytes(c, part[0].iov_base, part[0].iov_len, CLIENT_QUEUE);
    if (part[1].iov_len > 0) {
        queue_bytes(c, part[1].iov_base, part[1].iov_len, CLIENT_QUEUE);
    }
    c->frames_out++;
    return DROP_NONE;
}

/* Sends the batch; what the socket does not take is copied, since ring and arena are given back. */
static void flush_batch(struct client *c)
{
    size_t gone = c->n_iov ? send_some(c, c->iov, c->n_iov) : 0;

    for (unsigned i = 0; i < c->n_iov && !c->broken; i++) {
        const uint8_t *from = c->iov[i].iov_base;
        size_t len = c->iov[i].iov_len, skip = gone < len ? gone : len;

        gone -= skip;
        queue_bytes(c, from + skip, len - skip, CLIENT_QUEUE);
    }
    c->frames_out += c->n_batch;
    c->n_batch = c->n_iov = 0;
    c->batch_len = 0;
    want_events(c);
}

static void add_to_batch(struct client *c, const char *interface, const struct iovec *part)
{
    struct clients *all = &c->bridge->clients;
    size_t len = part[0].iov_len + part[1].iov_len;
    uint8_t *header = c->header[c->n_batch];

    if (c->n_batch == 0) {
        all->batch[all->n_batch++] = c;
    }
    vns_packet_header(header, interface, len);
    c->iov[c->n_iov++] = (struct iovec){header, VNS_PACKET_HEADER};
    c->iov[c->n_iov++] = part[0];
    if (part[1].iov_len > 0) {
        c->iov[c->n_iov++] = part[1];
    }
    c->n_batch++;
    c->batch_len += VNS_PACKET_HEADER + len;
}

enum drop client_frame(struct client *c, const char *interface, const uint8_t *head,
                       uint32_t head_len, const uint8_t *tail, uint32_t tail_len)
{
    struct iovec part[2] = {{(void *)(uintptr_t)head, head_len},
                            {(void *)(uintptr_t)tail, tail_len}};
    size_t len = VNS_PACKET_HEADER + (size_t)head_len + tail_len;

    if (c->n_batch == CLIENT_BATCH || c->batch_len + len > CLIENT_QUEUE) {
        clients_flush(c->bridge);
    }
    if (c->state != CLIENT_READY || c->broken) {
        return DROP_NO_ROUTER;
    }
    if (c->queue_len > 0) {
        return queue_frame(c, interface, part);
    }
    add_to_batch(c, interface, part);
    return DROP_NONE;
}

void clients_flush(struct bridge *b)
{
    for (unsigned i = 0; i < b->clients.n_batch; i++) {
        flush_batch(b->clients.batch[i]);
    }
    b->clients.n_batch = 0;
}

/* ---- receiving ----------------------------------------------------------------------------- */

/* Handles the whole messages in the buffer.  Stops at one that must wait for room in PKT_OUT. */
static void handle_messages(struct client *c)
{
    size_t at = 0;

    unstall(c);
    while (c->state != CLIENT_CLOSING && !c->broken) {
        long len = vns_message_length(c->rx + at, c->rx_len - at, VNS_SERVER_MAX);

        if (len == 0) {
            break;
        }
        if (len < 0) {
            session_malformed(c, c->rx + at);
            break;
        }
        if (!session_message(c, c->rx + at, (size_t)len)) {
            c->stalled = true;
            c->bridge->clients.n_stalled++;
            c->bridge->blocked = true;
            break;
        }
        at += (size_t)len;
    }
    memmove(c->rx, c->rx + at, c->rx_len - at);
    c->rx_len -= at;
    if (!counter_tally_empty(&c->bridge->tally)) {
        bridge_publish(c->bridge, &c->bridge->pkt_out);
    }
    if (c->state == CLIENT_CLOSING) {
        c->rx_len = 0;
    }
    want_events(c);
}

static void receive(struct client *c)
{
    ssize_t n = recv(c->fd.fd, c->rx + c->rx_len, CLIENT_RX - c->rx_len, MSG_DONTWAIT);
    int on = 1;

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        break_off(c);
        return;
    }
    if (n < 0) {
        return;
    }
    /* classic clients set no TCP_NODELAY: without this, each small burst of theirs waits 40 ms for
     * our delayed ACK; the kernel takes the flag back by itself */
    setsockopt(c->fd.fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    if (c->state == CLIENT_CLOSING) {
        return;
    }
    c->rx_len += (size_t)n;
    handle_messages(c);
}

static void on_ready(struct loop_fd *self, uint32_t events)
{
    struct client *c = (struct client *)(void *)self;

    if (events & EPOLLOUT) {
        send_queue(c);
        want_events(c);
    }
    if (events & EPOLLIN) {
        receive(c);
    } else if (events & (EPOLLHUP | EPOLLERR)) {
        break_off(c);
    }
    if (c->broken) {
        client_free(c);
    }
}

unsigned clients_resume(struct bridge *b)
{
    uint64_t before = counter_get(VNSBRIDGE_FROM_CLIENTS);

    for (unsigned i = 0; i < b->clients.max && b->clients.n_stalled > 0; i++) {
        struct client *c = &b->clients.list[i];

        if (c->state != CLIENT_FREE && c->stalled) {
            handle_messages(c);
            if (b->blocked) {
                break;
            }
        }
    }
    return (unsigned)(counter_get(VNSBRIDGE_FROM_CLIENTS) - before);
}

/* ---- life ---------------------------------------------------------------------------------- */

static void on_timer(struct loop_timer *self)
{
    struct client *c = (struct client *)(void *)((char *)self - offsetof(struct client, timer));

    if (c->state == CLIENT_CLOSING) {
        client_free(c);
    } else {
        client_close(c, true, "no VNSOPEN within %d seconds", CLIENT_OPEN_MS / 1000);
    }
}

void client_close(struct client *c, bool fault, const char *format, ...)
{
    uint8_t message[264];
    char reason[256];
    va_list args;
    size_t len;

    if (c->state == CLIENT_FREE || c->state == CLIENT_CLOSING) {
        return;
    }
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    if (bridge_may_log(c->bridge)) {
        log_line(fault ? LOG_WARN : LOG_INFO, "client closed peer=%s user=%s why=%s", c->peer,
                 c->user, reason);
    }
    counter_add(VNSBRIDGE_CLIENTS_REFUSED, fault);
    unstall(c);
    c->state = CLIENT_CLOSING;
    loop_timer_set(&c->bridge->loop, &c->timer, CLIENT_LINGER_MS);
    len = vns_text_message(message, sizeof message, VNS_CLOSE, reason);
    client_put(c, message, len);
    give_up_lease(c, reason);
}

static void name_peer(struct client *c)
{
    struct sockaddr_storage a = {0};
    socklen_t len = sizeof a;
    char text[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&a;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&a;

    getpeername(c->fd.fd, (struct sockaddr *)(void *)&a, &len);
    if (a.ss_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
        snprintf(c->peer, sizeof c->peer, "%s:%u", text, ntohs(v4->sin_port));
    } else if (a.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, sizeof text);
        snprintf(c->peer, sizeof c->peer, "%s:%u", text, ntohs(v6->sin6_port));
    } else if (a.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
        snprintf(c->peer, sizeof c->peer, "[%s]:%u", text, ntohs(v6->sin6_port));
    } else {
        snprintf(c->peer, sizeof c->peer, "local");
    }
}

/* Silent for a third of the timeout, the peer is asked, again and again for the rest of it.
 * TCP_USER_TIMEOUT is the end of these, and of bytes that nobody acknowledges or takes (tcp(7)). */
static void set_options(int fd, int timeout_s)
{
    const struct {
        int level, name, value;
    } option[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_TCP, TCP_QUICKACK, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, timeout_s / 3},
        {IPPROTO_TCP, TCP_KEEPINTVL, (timeout_s + 5) / 6},
        {IPPROTO_TCP, TCP_KEEPCNT, 4},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, timeout_s * 1000},
    };

    for (unsigned i = 0; i < sizeof option / sizeof option[0]; i++) {
        setsockopt(fd, option[i].level, option[i].name, &option[i].value, sizeof(int));
    }
}

/* Of all messages, only VNSCLOSE is understood by a client at any time. */
static void turn_away(struct bridge *b, int fd)
{
    uint8_t message[264];
    size_t len = vns_text_message(message, sizeof message, VNS_CLOSE,
                                  "too many VNS clients: try again later, or raise max-clients");

    if (send(fd, message, len, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
        shutdown(fd, SHUT_WR);
    }
    close(fd);
    counter_add(VNSBRIDGE_CLIENTS_REFUSED, 1);
    if (bridge_may_log(b)) {
        log_warn("client refused: all %u places are taken: raise max-clients", b->clients.max);
    }
}

static struct client *find_free(struct clients *all)
{
    for (unsigned i = 0; i < all->max; i++) {
        if (all->list[i].state == CLIENT_FREE) {
            return &all->list[i];
        }
    }
    return NULL;
}

void clients_accept(struct bridge *b, int fd)
{
    struct client *c = find_free(&b->clients);
    uint8_t *rx, *queue;

    counter_add(VNSBRIDGE_CLIENTS, 1);
    if (!c) {
        turn_away(b, fd);
        return;
    }
    rx = c->rx;
    queue = c->queue;
    *c = (struct client){.fd = {.fd = fd, .ready = on_ready},
                         .timer = {.fire = on_timer},
                         .bridge = b,
                         .rx = rx,
                         .queue = queue,
                         .since_ns = loop_now_ns()};
    set_options(fd, b->clients.timeout_s);
    name_peer(c);
    if (loop_add(&b->loop, &c->fd, EPOLLIN) != 0) {
        close(fd);
        return;
    }
    b->clients.used++;
    c->state = CLIENT_AUTH;
    loop_timer_set(&b->loop, &c->timer, CLIENT_OPEN_MS);
    session_start(c);
}

int clients_open(struct bridge *b, unsigned max, int timeout_s)
{
    struct clients *all = &b->clients;
    size_t each = CLIENT_RX + CLIENT_QUEUE + CLIENT_HEADROOM;

    *all = (struct clients){.max = max, .timeout_s = timeout_s, .memory_size = max * each};
    all->list = calloc(max, sizeof *all->list);
    all->memory = mmap(NULL, all->memory_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!all->list || all->memory == MAP_FAILED) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < max; i++) {
        all->list[i].rx = all->memory + i * each;
        all->list[i].queue = all->list[i].rx + CLIENT_RX;
    }
    return 0;
}

void clients_stop(struct bridge *b, const char *reason)
{
    uint64_t end = loop_now_ns() + CLIENT_STOP_MS * 1000000ull;
    struct clients *all = &b->clients;

    for (unsigned i = 0; i < all->max; i++) {
        client_close(&all->list[i], false, "%s", reason);
    }
    clients_reap(b);
    while (all->used > 0 && loop_now_ns() < end) {
        loop_poll(&b->loop, 10);
        clients_reap(b);
    }
    for (unsigned i = 0; i < all->max; i++) {
        if (all->list[i].state != CLIENT_FREE) {
            client_free(&all->list[i]);
        }
    }
    munmap(all->memory, all->memory_size);
    free(all->list);
    *all = (struct clients){0};
}
