/* ofproxy/packet_in.c */
#include "ofproxy/packet_in.h"

#include <string.h>

#include "common/counter.h"
#include "common/log.h"
#include "common/probe.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"

#define ETHERNET_HEADER 14

/* No ofproxy comes to a number like this: it was made up by a predecessor that was out of its mind.
 */
#define SEQ_END (1ull << 62)

static uint64_t later(uint64_t last, uint64_t seq)
{
    return seq > last && seq < SEQ_END ? seq : last;
}

/* Up to this number, frames that were given up are counted. */
static uint64_t given_up_to(void)
{
    return later(0, counter_mark(MARK_GIVEN_UP));
}

static void remember_seq(void *context, const struct record *r)
{
    uint64_t *last = context;

    *last = later(*last, r->seq);
}

static void count_given_up(void *context, uint32_t ticket, const struct arena_flight *f)
{
    struct ofproxy *p = context;

    (void)ticket;
    if (f->seq > p->seq && f->seq > given_up_to()) {
        counter_tally(&p->tally, OFPROXY_RECEIVED, 1);
        packet_in_dropped(p, DROP_RESTART);
    }
}

static void give_up(void *context, uint32_t ticket, const struct arena_flight *f)
{
    struct ofproxy *p = context;

    if (f->seq > p->seq || f->klass >= CLASSES || f->row >= PORTS_ROWS) {
        arena_settle(&p->arena, ticket, f->seq);
    }
}

static void remember_flight(void *context, uint32_t ticket, const struct arena_flight *f)
{
    uint64_t *last = context;

    (void)ticket;
    *last = later(*last, f->seq);
}

static void take_over(void *context, uint32_t ticket, const struct arena_flight *f)
{
    (void)ticket;
    ingress_resume(context, (enum ingress_class)f->klass, f->row);
}

/* Counted first, then settled: whoever is killed in between has a successor that sees by the mark
 * that they are counted.  So numbers up to the mark are never given again. */
void packet_in_resume(struct ofproxy *p)
{
    uint64_t last = given_up_to();

    arena_each(&p->arena, remember_flight, &last);
    ring_last_batch(&p->pkt_in, remember_seq, &p->seq);
    arena_each(&p->arena, count_given_up, p);
    if (!counter_tally_empty(&p->tally)) {
        counter_apply(&p->tally, MARK_GIVEN_UP, last);
    }
    arena_each(&p->arena, give_up, p);
    p->seq = last > p->seq ? last : p->seq;
    arena_each(&p->arena, take_over, &p->ingress);
}

void packet_in_publish(struct ofproxy *p)
{
    if (counter_tally_empty(&p->tally)) {
        return; /* no frame was received */
    }
    counter_prepare(&p->tally, TOPO_PKT_IN, p->pkt_in.staged);
    ring_publish(&p->pkt_in);
    counter_commit();
}

void packet_in_dropped(struct ofproxy *p, enum drop why)
{
    counter_tally_drop(&p->tally, COUNTER_DROPPED, why);
    counter_tally_drop(&p->tally, COUNTER_DECIDED, why);
}

void packet_in_given_up(struct ofproxy *p, enum drop why, uint64_t n)
{
    counter_tally(&p->tally, OFPROXY_IN_FLIGHT, (int64_t)-n);
    counter_tally(&p->tally, OFPROXY_GIVEN_UP, (int64_t)n);
    counter_tally_drops(&p->tally, COUNTER_DROPPED, why, n);
    counter_tally_drops(&p->tally, COUNTER_DECIDED, why, n);
}

static void release_from(struct of_conn *c, uint32_t buffer_id)
{
    uint8_t message[OF_DIALECT_RELEASE];

    if (buffer_id != OF_NO_BUFFER && c->role != OF_ROLE_SLAVE) {
        c->dialect->put_release(message, conn_xid(c), buffer_id);
        of_out_put(c, message, c->dialect->out_release, NULL, 0);
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
static enum drop stage(struct of_conn *c, const struct of_msg *m, const struct packet_in *in,
                       const struct ingress_frame *who)
{
    struct ofproxy *p = c->proxy;
    uint32_t len = in->len, head_len = len < RECORD_INLINE ? len : RECORD_INLINE;
    struct record r = {.seq = p->seq + 1, .rx_ns = m->rx_ns, .dpid = c->dpid};
    struct arena_flight f = {.seq = r.seq, .dpid = c->dpid, .since = ARENA_TIME(m->rx_ns)};
    uint8_t *head;

    if (len > RECORD_INLINE && !intake_frames_welcome(&p->intake, who->klass)) {
        return DROP_NO_BUFFER;
    }
    head = ring_reserve(&p->pkt_in, head_len);
    if (!head) {
        return DROP_RING_FULL;
    }
    f.port = in->port;
    f.buffer_id = in->buffer_id;
    f.chunk = (uint16_t)(len > RECORD_INLINE ? m->chunk : ARENA_NO_CHUNK);
    f.row = (uint16_t)who->row;
    f.klass = (uint8_t)who->klass;
    r.ticket = arena_ticket(&p->arena, &f);
    if (r.ticket == RECORD_NO_TICKET) {
        return DROP_NO_BUFFER;
    }
    p->seq = r.seq;
    r.klass = (uint8_t)who->klass;
    r.flags = (uint8_t)wait_flags(&p->waiter);
    r.port = in->port;
    r.head_len = head_len;
    r.tail_len = len - head_len;
    r.tail_off = r.tail_len > 0 ? arena_offset(&p->arena, in->frame + head_len) : 0;
    memcpy(head, in->frame, head_len);
    ring_commit(&p->pkt_in, &r);
    PROBE4(receive, r.seq, r.ticket, len, m->rx_ns);
    return DROP_NONE;
}

/* Most frames come by the port that the last one came by. */
static bool find_row(struct of_conn *c, uint32_t port)
{
    const struct ports *p = &c->proxy->ports;
    int row;

    if (port == 0) {
        return false; /* a row that was never used is that of port 0 of datapath 0 */
    }
    if (ports_has_row(p, c->port_row, c->dpid, port)) {
        return true;
    }
    row = ports_row(p, c->dpid, port);
    c->port_row = row < 0 ? c->port_row : (unsigned)row;
    return row >= 0;
}

/* Asks for the frame to be let in, and stages it. */
static enum drop admit(struct of_conn *c, const struct of_msg *m, const struct packet_in *in)
{
    struct ingress *g = &c->proxy->ingress;
    struct ingress_frame who = {.dpid = c->dpid, .port = in->port};
    enum drop why;

    if (!find_row(c, in->port)) {
        return DROP_UNKNOWN_PORT;
    }
    who.row = c->port_row;
    who.klass = ingress_classify(g, in->frame, in->len);
    why = ingress_enter(g, &who, m->rx_ns);
    if (why == DROP_NONE) {
        why = stage(c, m, in, &who);
        if (why != DROP_NONE) {
            ingress_undo(g, &who);
        }
    }
    return why;
}

static enum drop take(struct of_conn *c, const struct of_msg *m, const struct packet_in *in)
{
    if (in->there < in->len) {
        return DROP_TRUNCATED;
    }
    if (in->len < ETHERNET_HEADER) {
        return DROP_FRAME_TOO_SHORT;
    }
    if (in->len > OF10_FRAME_MAX) {
        return DROP_FRAME_TOO_LONG;
    }
    if (!c->known) {
        return DROP_UNKNOWN_PORT; /* before FEATURES_REPLY nobody knows whose port it is */
    }
    return admit(c, m, in);
}

void packet_in_take(struct of_conn *c, const struct of_msg *m, const struct packet_in *in)
{
    struct of_conn *owner = c->main ? c->main : c;
    enum drop why;

    counter_tally(&c->proxy->tally, OFPROXY_RECEIVED, 1);
    c->proxy->work++;
    c->proxy->waiter.near_fd = c->fd.fd;
    why = take(owner, m, in);
    if (why != DROP_NONE) {
        PROBE3(verdict, 0, VERDICT_DROPPED, why);
        packet_in_dropped(c->proxy, why);
        release_from(owner, in->buffer_id);
    } else {
        counter_tally(&c->proxy->tally, OFPROXY_ADMITTED, 1);
        counter_tally(&c->proxy->tally, OFPROXY_IN_FLIGHT, 1);
    }
}

void on_PACKET_IN(struct of_conn *c, const struct of_msg *m)
{
    struct wire_in in = {m->bytes + OF_HEADER, m->bytes + m->h.length, false};
    struct of10_packet_in body;

    of10_packet_in_get(&in, &body);
    packet_in_take(c, m,
                   &(struct packet_in){body.buffer_id, body.in_port, body.total_len,
                                       (uint32_t)wire_left(&in), in.p});
}

/* ---- fields and properties ---------------------------------------------------------------- */

#define OXM_IN_PORT 0x80000004u /* its value has 4 bytes; NXM's, 2 */
#define NXM_IN_PORT 0x00000002u
#define PAD8(len) (((len) + 7u) & ~(size_t)7)

uint32_t packet_in_port(const uint8_t *fields, size_t len)
{
    while (len >= OXM_HEADER) {
        uint32_t header = wire_load_uint32(fields);
        size_t size = OXM_HEADER + (size_t)oxm_length(header);

        if (size > len) {
            return 0;
        }
        if (header == OXM_IN_PORT) {
            return wire_load_uint32(fields + OXM_HEADER);
        }
        if (header == NXM_IN_PORT) {
            return wire_load_uint16(fields + OXM_HEADER);
        }
        fields += size;
        len -= size;
    }
    return 0;
}

/* "It came by no port that there is" is what a port of 0 says, which find_row does not know. */
void packet_in_matched(struct of_conn *c, const struct of_msg *m, struct packet_in *p,
                       const uint8_t *fields, size_t len, size_t before)
{
    const uint8_t *end = m->bytes + m->h.length;
    size_t left = (size_t)(end - fields), skip = PAD8(before + len) - before + 2;

    if (len > left || skip > left) {
        session_fault(c, m, OF10_BAD_REQUEST_BAD_LEN, "the match of its packet_in is cut");
        return;
    }
    p->port = packet_in_port(fields, len);
    p->frame = fields + skip;
    p->there = (uint32_t)(end - p->frame);
    packet_in_take(c, m, p);
}

void on13_PACKET_IN(struct of_conn *c, const struct of_msg *m)
{
    struct wire_in in = session_body(m);
    struct packet_in p = {0};
    struct of13_packet_in body;
    struct of13_match match;

    of13_packet_in_get(&in, &body);
    if (!of13_match_get(&in, &match) || match.length < 4) {
        session_fault(c, m, OF10_BAD_REQUEST_BAD_LEN, "the match of its packet_in is cut");
        return;
    }
    p.buffer_id = body.buffer_id;
    p.len = body.total_len;
    packet_in_matched(c, m, &p, in.p, match.length - 4u, 4);
}
