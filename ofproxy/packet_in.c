/* ofproxy/packet_in.c */
#include "ofproxy/packet_in.h"

#include <string.h>

#include "common/counter.h"
#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"

#define ETHERNET_HEADER 14

static void remember_seq(void *context, const struct record *r)
{
    uint64_t *last = context;

    *last = r->seq > *last ? r->seq : *last;
}

static void give_up(void *context, uint32_t ticket, const struct arena_flight *f)
{
    struct ofproxy *p = context;

    if (f->seq > p->seq) {
        arena_settle(&p->arena, ticket, f->seq);
        counter_drop(DROP_RESTART, 1);
    }
}

static void remember_flight(void *context, uint32_t ticket, const struct arena_flight *f)
{
    uint64_t *last = context;

    (void)ticket;
    *last = f->seq > *last ? f->seq : *last;
}

void packet_in_resume(struct ofproxy *p)
{
    uint64_t last = 0;

    arena_each(&p->arena, remember_flight, &last);
    ring_last_batch(&p->pkt_in, remember_seq, &p->seq);
    arena_each(&p->arena, give_up, p);
    p->seq = last > p->seq ? last : p->seq;
}

void packet_in_publish(struct ofproxy *p)
{
    ring_publish(&p->pkt_in);
}

static void release_from(struct of_conn *c, uint32_t buffer_id)
{
    uint8_t message[OF10_RELEASE];

    if (buffer_id != OF_NO_BUFFER) {
        of10_release(message, conn_xid(c), buffer_id);
        of_out_put(c, message, sizeof message, NULL, 0);
    }
}

void packet_in_release(struct ofproxy *p, uint64_t dpid, uint32_t buffer_id)
{
    struct of_conn *c = buffer_id == OF_NO_BUFFER ? NULL : conn_find(p, dpid);

    if (c) {
        release_from(c, buffer_id);
    }
}

/* Stages the frame's record.  Returns why it could not. */
static enum drop stage(struct of_conn *c, const struct of_msg *m, const struct of10_packet_in *in,
                       const uint8_t *frame, uint32_t len)
{
    struct ofproxy *p = c->proxy;
    uint32_t head_len = len < RECORD_INLINE ? len : RECORD_INLINE;
    uint8_t *head = ring_reserve(&p->pkt_in, head_len);
    struct record r = {.seq = p->seq + 1, .rx_ns = m->rx_ns, .dpid = c->dpid};
    struct arena_flight f = {.seq = r.seq, .dpid = c->dpid};

    if (!head) {
        return DROP_RING_FULL;
    }
    f.port = in->in_port;
    f.buffer_id = in->buffer_id;
    f.chunk = m->chunk;
    r.ticket = arena_ticket(&p->arena, &f);
    if (r.ticket == RECORD_NO_TICKET) {
        return DROP_NO_BUFFER;
    }
    p->seq = r.seq;
    r.port = in->in_port;
    r.head_len = head_len;
    r.tail_len = len - head_len;
    r.tail_off = r.tail_len > 0 ? arena_offset(&p->arena, frame + head_len) : 0;
    memcpy(head, frame, head_len);
    ring_commit(&p->pkt_in, &r);
    return DROP_NONE;
}

static enum drop take(struct of_conn *c, const struct of_msg *m, const struct of10_packet_in *in,
                      const uint8_t *frame, uint32_t there)
{
    if (there < in->total_len) {
        return DROP_TRUNCATED;
    }
    if (in->total_len < ETHERNET_HEADER) {
        return DROP_FRAME_TOO_SHORT;
    }
    if (in->total_len > OF10_FRAME_MAX) {
        return DROP_FRAME_TOO_LONG;
    }
    if (!c->known) {
        return DROP_UNKNOWN_PORT; /* before FEATURES_REPLY nobody knows whose port it is */
    }
    if (!intake_frames_welcome(&c->proxy->intake)) {
        return DROP_NO_BUFFER;
    }
    return stage(c, m, in, frame, in->total_len);
}

void on_PACKET_IN(struct of_conn *c, const struct of_msg *m)
{
    struct wire_in in = {m->bytes + OF_HEADER, m->bytes + m->h.length, false};
    struct of10_packet_in body;
    enum drop why;

    of10_packet_in_get(&in, &body);
    counter_add(OFPROXY_RECEIVED, 1);
    c->proxy->work++;
    why = take(c, m, &body, in.p, (uint32_t)wire_left(&in));
    if (why != DROP_NONE) {
        counter_drop(why, 1);
        release_from(c, body.buffer_id);
    }
}
