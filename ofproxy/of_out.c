/* ofproxy/of_out.c - one sendmsg a connection and batch. */
#include "ofproxy/of_out.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/probe.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/of_mirror.h"
#include "ofproxy/ofproxy.h"

void of_out_open(struct out_queue *q, uint8_t *data)
{
    *q = (struct out_queue){.data = data};
    q->last = &q->first;
}

static void put(struct out_queue *q, const void *bytes, size_t len)
{
    if (len == 0) {
        return;
    }
    assert(q->used + len <= OUT_SIZE);
    if (q->off + q->used + len > OUT_SIZE) {
        memmove(q->data, q->data + q->off, q->used);
        q->off = 0;
    }
    memcpy(q->data + q->off + q->used, bytes, len);
    q->used += (uint32_t)len;
}

void of_out_put(struct of_conn *c, const void *a, size_t a_len, const void *b, size_t b_len)
{
    struct out_queue *q = &c->out;

    if (c->doomed) {
        return;
    }
    if (q->used + a_len + b_len > OUT_SIZE) {
        conn_doom(c, "it does not read its answers");
        return;
    }
    put(q, a, a_len);
    put(q, b, b_len);
    c->tx_messages++;
    counter_add(OFPROXY_TX_MESSAGES, 1);
    if (of_mirrored(c)) {
        of_mirror_down(c, a, a_len, b, b_len);
    }
    conn_touch(c);
}

void of_out_frame(struct of_conn *c, struct out_frame *f)
{
    f->next = NULL;
    *c->out.last = f;
    c->out.last = &f->next;
    conn_touch(c);
}

/* Copies what is left of a frame after its first 'sent' bytes. */
static void put_rest(struct out_queue *q, const struct out_frame *f, size_t sent)
{
    for (unsigned i = 0; i < f->n_iov; i++) {
        size_t skip = sent < f->iov[i].iov_len ? sent : f->iov[i].iov_len;

        put(q, (const uint8_t *)f->iov[i].iov_base + skip, f->iov[i].iov_len - skip);
        sent -= skip;
    }
}

/* Frames that the socket does not take: behind the buffer, or dropped. */
static void put_frames(struct out_queue *q, struct out_frame *f)
{
    for (; f; f = f->next) {
        if (q->used + f->len <= OUT_FRAMES) {
            put_rest(q, f, 0);
        } else {
            f->outcome = DROP_SWITCH_SLOW;
        }
    }
}

static void lose_frames(struct out_frame *f, enum drop why)
{
    for (; f; f = f->next) {
        f->outcome = why;
    }
}

static size_t gather(const struct out_queue *q, struct iovec *iov)
{
    size_t n = 0;

    if (q->used > 0) {
        iov[n++] = (struct iovec){q->data + q->off, q->used};
    }
    for (const struct out_frame *f = q->first; f; f = f->next) {
        memcpy(&iov[n], f->iov, f->n_iov * sizeof *iov);
        n += f->n_iov;
    }
    return n;
}

/* Takes 'sent' bytes off the buffer, then off the frames. */
static void account(struct of_conn *c, struct out_frame *frames, size_t sent)
{
    struct out_queue *q = &c->out;
    size_t own = sent < q->used ? sent : q->used;
    struct out_frame *f = frames;

    q->off += (uint32_t)own;
    q->used -= (uint32_t)own;
    if (q->used == 0) {
        q->off = 0;
    }
    sent -= own;
    while (f && sent >= f->len) {
        sent -= f->len;
        f = f->next;
    }
    if (f && sent > 0) {
        put_rest(q, f, sent); /* begun: it must go on, there is always room for one */
        f = f->next;
    }
    put_frames(q, f);
}

static void count_sent(struct of_conn *c, const struct out_frame *f)
{
    uint64_t n = 0;

    if (of_mirrored(c)) {
        of_mirror_frames(c, f);
    }
    for (; f; f = f->next) {
        n += f->outcome == DROP_NONE;
    }
    c->tx_messages += n;
    counter_add(OFPROXY_TX_MESSAGES, n);
}

/* One sendmsg.  Returns 0, or -errno: the connection is lost. */
static int send_some(struct of_conn *c, struct out_frame *frames)
{
    struct iovec iov[1 + 3 * OUT_BATCH];
    struct msghdr m = {.msg_iov = iov};
    ssize_t n;

    m.msg_iovlen = gather(&c->out, iov);
    if (m.msg_iovlen == 0 && !stream_held(&c->stream)) {
        return 0;
    }
    counter_add(OFPROXY_SEND_CALLS, 1);
    PROBE2(send, c->fd.fd, m.msg_iovlen);
    n = stream_send(c, &m);
    PROBE2(sent, c->fd.fd, n);
    if (n < 0 && errno == EFAULT) { /* vnsbridge has cut its ring short: these frames are gone */
        lose_frames(frames, DROP_BAD_RECORD);
        conn_touch(c); /* what was in front of them was not sent either */
        return 0;
    }
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ENOBUFS) {
        return -errno;
    }
    if (n > 0) {
        counter_add(OFPROXY_TX_BYTES, (uint64_t)n);
        c->tx_bytes += (uint64_t)n;
    }
    account(c, frames, n > 0 ? (size_t)n : 0);
    c->out.blocked = c->out.used > 0 || stream_held(&c->stream);
    if (!c->out.blocked) {
        c->out.moving_ns = 0;
    } else if (n > 0 || c->out.moving_ns == 0) {
        c->out.moving_ns = loop_now_ns();
    }
    return 0;
}

static void flush_one(struct of_conn *c)
{
    struct out_queue *q = &c->out;
    struct out_frame *frames = q->first;
    int err = 0;

    if (c->doomed) {
        lose_frames(frames, DROP_SWITCH_GONE);
    } else if (q->blocked) {
        put_frames(q, frames);
    } else {
        err = send_some(c, frames);
        if (err != 0) {
            lose_frames(frames, DROP_SWITCH_GONE);
        }
    }
    q->first = NULL;
    q->last = &q->first;
    count_sent(c, frames);
    if (c->doomed) {
        conn_close(c, c->doomed);
    } else if (err != 0) {
        conn_close_for(c, -err);
    } else {
        conn_watch(c);
    }
}

void of_out_flush(struct ofproxy *p)
{
    while (p->dirty) {
        struct of_conn *c = p->dirty;

        p->dirty = c->next_dirty;
        c->touched = false;
        flush_one(c);
    }
}
