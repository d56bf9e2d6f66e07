/* ofproxy/of_conn.c - bytes to messages. */
#include "ofproxy/of_conn.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/counter.h"
#include "common/log.h"
#include "ofproxy/of_dial.h"
#include "ofproxy/of_mirror.h"
#include "ofproxy/ofproxy.h"
#include "ofproxy/packet_in.h"

#define CLOSING_NS 1000000000ull /* how long an ERROR may take to be read */

const char *conn_state_name(enum conn_state s)
{
    static const char *const names[] = {"free",  "hello", "features", "barrier",
                                        "claim", "ready", "closing"};

    return names[s];
}

const char *conn_name(const struct of_conn *c)
{
    static char text[ENDPOINT_TEXT + 64];

    if (c->known) {
        snprintf(text, sizeof text, "dpid=0x%016" PRIx64 " peer=%s", c->dpid, c->peer);
    } else if (c->aux_id != 0) {
        snprintf(text, sizeof text, "dpid=0x%016" PRIx64 " auxiliary=%u peer=%s", c->dpid,
                 c->aux_id, c->peer);
    } else {
        snprintf(text, sizeof text, "peer=%s", c->peer);
    }
    return text;
}

/* ---- by datapath -------------------------------------------------------------------------- */

static struct of_conn **bucket_of(const struct ofproxy *p, uint64_t dpid)
{
    size_t n = sizeof p->by_dpid / sizeof p->by_dpid[0];

    return (struct of_conn **)&p->by_dpid[(dpid * 0x9e3779b97f4a7c15ULL >> 32) % n];
}

struct of_conn *conn_find(const struct ofproxy *p, uint64_t dpid)
{
    struct of_conn *c = *bucket_of(p, dpid);

    while (c && c->dpid != dpid) {
        c = c->next_dpid;
    }
    return c;
}

void conn_know(struct of_conn *c, uint64_t dpid)
{
    struct of_conn **bucket = bucket_of(c->proxy, dpid);

    c->dpid = dpid;
    c->known = true;
    c->next_dpid = *bucket;
    *bucket = c;
    c->proxy->n_switches++;
    c->proxy->changed = true;
}

/* Frees the dpid and its ports. */
static void forget(struct of_conn *c)
{
    struct of_conn **at;

    if (!c->known) {
        return;
    }
    for (at = bucket_of(c->proxy, c->dpid); *at != c; at = &(*at)->next_dpid) {
    }
    *at = c->next_dpid;
    c->known = false;
    c->proxy->n_switches--;
    c->proxy->changed = true;
    ports_all_gone(&c->proxy->ports, c->dpid);
    ports_publish(&c->proxy->ports);
}

bool conn_hung_up(const struct of_conn *c)
{
    struct pollfd f = {.fd = c->fd.fd, .events = POLLRDHUP};

    return poll(&f, 1, 0) > 0 && (f.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* ---- sending ------------------------------------------------------------------------------ */

uint32_t conn_xid(struct of_conn *c)
{
    c->xid = (c->xid + 1) | 0x80000000u; /* a PACKET_OUT's is below: its frame's number */
    return c->xid;
}

void conn_touch(struct of_conn *c)
{
    if (!c->touched) {
        c->touched = true;
        c->next_dirty = c->proxy->dirty;
        c->proxy->dirty = c;
    }
}

static void untouch(struct of_conn *c)
{
    struct of_conn **at = &c->proxy->dirty;

    while (c->touched && *at) {
        if (*at == c) {
            *at = c->next_dirty;
            c->touched = false;
            return;
        }
        at = &(*at)->next_dirty;
    }
}

void conn_send(struct of_conn *c, uint8_t type, uint32_t xid, const void *body, size_t len)
{
    uint8_t head[OF_HEADER];
    struct wire_out out = {head, head + sizeof head, false};
    uint8_t version = c->dialect->version->version;

    of_header_put(&out, &(struct of_header){version, type, (uint16_t)(OF_HEADER + len), xid});
    of_out_put(c, head, sizeof head, body, len);
}

static void send_error_as(struct of_conn *c, uint8_t version, uint32_t xid, uint16_t type,
                          uint16_t code, const void *data, size_t len)
{
    uint8_t message[OF_HEADER + 4 + 256];
    size_t most = len < 256 ? len : 256;
    struct wire_out out = {message, message + sizeof message, false};

    of_header_put(
        &out, &(struct of_header){version, OF10_TYPE_ERROR, (uint16_t)(OF_HEADER + 4 + most), xid});
    of10_error_put(&out, &(struct of10_error){type, code}); /* the same in every version */
    wire_put_bytes(&out, data, most);
    counter_add(OFPROXY_ERRORS_TX, 1);
    of_out_put(c, message, (size_t)(out.p - message), NULL, 0);
}

void conn_send_error(struct of_conn *c, uint32_t xid, uint16_t type, uint16_t code,
                     const void *data, size_t len)
{
    send_error_as(c, c->dialect->version->version, xid, type, code, data, len);
}

/* Before a version is agreed: the smaller one of ours and the peer's. */
static uint8_t common_version(const struct of_conn *c, uint8_t theirs)
{
    uint8_t ours = c->dialect->version->version;

    return theirs == 0 ? OF10_VERSION : theirs < ours ? theirs : ours;
}

void conn_watch(struct of_conn *c)
{
    uint32_t events = c->paused ? 0 : EPOLLIN;

    if (c->out.blocked) {
        events |= EPOLLOUT;
    } else if (c->state == CONN_CLOSING && !c->shut) {
        c->shut = true;
        stream_shut(c); /* the peer reads the ERROR, then the end */
    }
    loop_set(&c->proxy->loop, &c->fd, events);
}

/* ---- ends --------------------------------------------------------------------------------- */

/* Who depends on it learns that it ends. */
static void tell_end(struct of_conn *c)
{
    ask_gone(c);
    aux_gone(c);
    forget(c);
}

static void start_closing(struct of_conn *c)
{
    tell_end(c);
    c->state = CONN_CLOSING;
    c->close_ns = loop_now_ns() + CLOSING_NS;
    conn_touch(c);
}

void conn_fault(struct of_conn *c, uint16_t type, uint16_t code, const void *offender, size_t len,
                const char *why)
{
    const struct of_version *v = c->dialect->version;
    struct of_header h = len >= OF_HEADER ? of_header_at(offender) : (struct of_header){0};
    uint8_t version = c->state == CONN_HELLO ? common_version(c, h.version) : v->version;

    if (c->state == CONN_CLOSING) {
        return;
    }
    if (of_dial_news(c->dial, why)) {
        peer_log(c->proxy, LOG_WARN, "switch refused %s cause=\"%s\" answer=\"%s: %s\"",
                 conn_name(c), why, of_error_type(v, type), of_error_code(v, type, code));
    }
    counter_add(OFPROXY_REFUSED, 1);
    send_error_as(c, version, h.xid, type, code, offender,
                  len < OF_ERROR_DATA ? len : OF_ERROR_DATA);
    start_closing(c);
}

void conn_hello_failed(struct of_conn *c, uint8_t theirs, const char *text)
{
    if (of_dial_news(c->dial, text)) {
        peer_log(c->proxy, LOG_WARN, "switch refused %s cause=\"%s\" answer=\"hello failed\"",
                 conn_name(c), text);
    }
    counter_add(OFPROXY_REFUSED, 1);
    send_error_as(c, common_version(c, theirs), conn_xid(c), OF10_HELLO_FAILED,
                  OF10_HELLO_FAILED_INCOMPATIBLE, text, strlen(text));
    start_closing(c);
}

void conn_doom(struct of_conn *c, const char *cause)
{
    if (!c->doomed) {
        c->doomed = cause;
        counter_add(OFPROXY_REFUSED, 1);
        conn_touch(c);
    }
}

void conn_close(struct of_conn *c, const char *cause)
{
    struct ofproxy *p = c->proxy;

    if (c->state != CONN_CLOSING && of_dial_news(c->dial, cause)) {
        peer_log(p, LOG_INFO, "switch left %s cause=\"%s\"", conn_name(c), cause);
    }
    tell_end(c);
    untouch(c);
    loop_remove(&p->loop, &c->fd);
    if (c->dial) {
        of_dial_ended(c->dial, c->ready_time != 0, cause);
    }
    stream_close(c);
    if (p->waiter.near_fd == c->fd.fd) {
        p->waiter.near_fd = -1;
    }
    close(c->fd.fd);
    intake_drop(&p->intake, &c->part);
    c->state = CONN_FREE;
    c->next_free = p->free;
    p->free = c;
    p->n_conns--;
}

void conn_close_for(struct of_conn *c, int err)
{
    char cause[200]; /* a copy: it may lie in what conn_close clears */

    snprintf(cause, sizeof cause, "%s", stream_why(c, err));
    conn_close(c, cause);
}

/* ---- receiving ---------------------------------------------------------------------------- */

static void deliver(struct of_conn *c, const uint8_t *bytes, unsigned chunk, uint64_t now)
{
    struct of_msg m = {of_header_at(bytes), bytes, now, chunk};

    c->rx_messages++;
    c->heard_ns = now;
    c->unanswered = 0;
    counter_add(OFPROXY_RX_MESSAGES, 1);
    if (of_mirrored(c)) {
        of_mirror_up(c, bytes, m.h.length);
    }
    if (c->state == CONN_HELLO && m.h.type == OF10_TYPE_HELLO) {
        on_HELLO(c, &m); /* in a version of its own: agreed on by this very message */
        return;
    }
    c->dialect->handlers[m.h.type](c, &m);
}

/* Is a message with this header welcome in this state?  'have' bytes of it are there. */
static bool header_good(struct of_conn *c, const uint8_t *bytes, size_t have)
{
    struct of_header h = of_header_at(bytes);
    struct of_fault fault;

    if (c->state == CONN_HELLO) {
        if (h.type == OF10_TYPE_HELLO || h.type == OF10_TYPE_ERROR) {
            h.version = c->dialect->version->version; /* the peer's highest (5.5.1): on_HELLO */
        } else {
            conn_fault(c, OF10_BAD_REQUEST, OF10_BAD_REQUEST_BAD_TYPE, bytes, have,
                       "its first message is not HELLO");
            return false;
        }
    }
    if (!of_check(c->dialect->version, &h, OF_UP, &fault)) {
        conn_fault(c, fault.type, fault.code, bytes, have, fault.what);
        return false;
    }
    return true;
}

/* Hands out the whole messages of 'len' bytes.  Returns the bytes used; *need is the length of the
 * message that is cut at the end, 0 when not even its header is there. */
static size_t cut(struct of_conn *c, const uint8_t *bytes, size_t len, uint64_t now, size_t *need)
{
    unsigned chunk = (unsigned)c->proxy->intake.chunk;
    size_t at = 0;

    *need = 0;
    while (len - at >= OF_HEADER) {
        size_t length = of_header_at(bytes + at).length;

        if (!header_good(c, bytes + at,
                         length >= OF_HEADER && length < len - at ? length : len - at)) {
            return len;
        }
        if (length > len - at) {
            *need = length;
            return at;
        }
        deliver(c, bytes + at, chunk, now);
        if (c->state == CONN_CLOSING || c->doomed) {
            return len; /* nothing more is heard from it */
        }
        at += length;
    }
    return at;
}

static void take(struct of_conn *c, size_t got)
{
    struct intake *in = &c->proxy->intake;
    uint64_t now = loop_now_ns();
    const uint8_t *bytes = intake_kept(in, &c->part, &got);
    size_t used, need;

    if (bytes) {
        deliver(c, bytes, c->part.chunk, now);
        intake_drop(in, &c->part);
    }
    bytes = intake_fresh(in, &c->part, &got);
    if (bytes && c->state != CONN_CLOSING && !c->doomed) {
        used = cut(c, bytes, got, now, &need);
        intake_done(in, &c->part, used, got, need);
    }
    packet_in_publish(c->proxy);
}

static void conn_receive(struct of_conn *c)
{
    struct iovec iov[2];
    int n_iov = intake_room(&c->proxy->intake, &c->part, iov);
    ssize_t n;

    if (n_iov == 0) {
        c->paused = true; /* every chunk is kept by someone: until the next tick */
        conn_watch(c);
        return;
    }
    n = stream_recv(c, iov, n_iov);
    counter_add(OFPROXY_RECV_CALLS, 1);
    if (n > 0) {
        c->rx_bytes += (uint64_t)n;
        counter_add(OFPROXY_RX_BYTES, (uint64_t)n);
        take(c, (size_t)n);
    } else if (n == 0) {
        conn_close(c, c->part.need > 0 || c->part.n_put_by > 0
                          ? "the switch closed it in the middle of a message"
                          : "the switch closed it");
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        conn_close_for(c, errno);
    }
}

/* After an ERROR: closing with bytes unread would reset the connection, and take the ERROR from the
 * peer. */
static void conn_ignore(struct of_conn *c)
{
    char sink[4096];
    ssize_t n = recv(c->fd.fd, sink, sizeof sink, MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        conn_close(c, "refused");
    }
}

static void on_conn(struct loop_fd *self, uint32_t events)
{
    struct of_conn *c = (struct of_conn *)self; /* fd is its first member */

    if (events & EPOLLOUT) {
        c->out.blocked = false;
        conn_touch(c);
        events |= !c->paused && stream_writable(c) ? EPOLLIN : 0;
    }
    if (!(events & ~(uint32_t)EPOLLOUT)) {
        return;
    }
    if (c->state == CONN_CLOSING) {
        conn_ignore(c);
    } else if (c->paused) {
        conn_close(c, "the switch closed it"); /* hung up: nothing else is reported then */
    } else if (!c->doomed) {
        conn_receive(c);
    }
}

struct of_conn *conn_open(struct ofproxy *p, int fd, const char *peer)
{
    struct of_conn *c = p->free;
    uint8_t *out;

    if (!c) {
        return NULL;
    }
    out = p->out_memory + (size_t)(c - p->conns) * OUT_SIZE;
    p->free = c->next_free;
    *c = (struct of_conn){.fd = {.fd = fd, .ready = on_conn}, .proxy = p};
    if (loop_add(&p->loop, &c->fd, EPOLLIN) != 0) {
        c->next_free = p->free;
        p->free = c;
        return NULL;
    }
    c->dialect = p->versions >> OF13_VERSION & 1 ? &of_dialect13 : &of_dialect10;
    c->state = CONN_HELLO;
    c->session = ++p->sessions;
    c->opened_ns = c->heard_ns = loop_now_ns();
    snprintf(c->peer, sizeof c->peer, "%s", peer);
    of_out_open(&c->out, out);
    p->n_conns++;
    counter_add(OFPROXY_CONNECTIONS, 1);
    session_start(c);
    return c;
}
