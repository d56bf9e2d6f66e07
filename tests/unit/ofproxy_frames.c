/* tests/unit/ofproxy_frames.c - frames from PACKET_IN to PKT_IN, and from PKT_OUT to PACKET_OUT. */
#include <sys/mman.h>

#include "tests/unit/ofproxy_rig.h"

TestSuite(ofproxy_frames, .timeout = 20);

#if RIG_VERSION == OF10_VERSION
#define BAD_PORT 0xfffe
#define WORSE_PORT 0x10001
#else
#define BAD_PORT OF13_PORT_LOCAL
#define WORSE_PORT (OF13_PORT_MAX + 1)
#endif

static uint8_t bytes[OF_LONGEST];
static const uint8_t frame[RECORD_INLINE];

static void send_frame(struct rig *r, int fd, unsigned port, size_t len, uint8_t fill)
{
    rig_write(r, fd, bytes, rig_packet_in(bytes, port, OF_NO_BUFFER, len, len, fill));
}

/* One of an ingress class. */
static void send_kind(struct rig *r, int fd, unsigned port, enum ingress_class k, size_t len)
{
    size_t n = rig_packet_in(bytes, port, OF_NO_BUFFER, len, len, 0);

    rig_kind(bytes + n - len, len, k);
    rig_write(r, fd, bytes, n);
}

/* The next record of PKT_IN. */
static struct record next_record(struct rig *r, const uint8_t **head)
{
    struct record rec = {0};

    rig_turn(r);
    cr_assert(ring_peek(&r->pkt_in, &rec, head), "no record came");
    ring_next(&r->pkt_in);
    return rec;
}

static void put_verdict(struct rig *r, const struct record *from, enum verdict v,
                        const uint8_t *head)
{
    struct record out = *from;
    uint8_t *to = ring_reserve(&r->pkt_out, head ? from->head_len : 0);

    cr_assert_not_null(to);
    out.verdict = (uint8_t)v;
    out.reason = v == VERDICT_DROPPED ? DROP_NO_ROUTE : DROP_NONE;
    if (head) {
        memcpy(to, head, from->head_len);
    } else {
        out.head_len = 0;
        out.tail_len = 0;
    }
    ring_commit(&r->pkt_out, &out);
    ring_publish(&r->pkt_out);
}

/* What sendmsg was given. */
static struct iovec seen[400];
static size_t n_seen;
static unsigned calls;

static ssize_t look(int fd, const struct msghdr *m, int flags)
{
    calls++;
    n_seen = m->msg_iovlen;
    memcpy(seen, m->msg_iov, n_seen * sizeof seen[0]);
    return sendmsg(fd, m, flags);
}

Test(ofproxy_frames, the_bytes_that_leave_are_those_that_came_in_where_they_lay)
{
    static const size_t sizes[] = {14, 60, 64, 128, 129, 512, 1500, 9000, 65000};
    const uint8_t *head;
    struct record rec;
    struct rig r;
    int fd;

    rig_open(&r);
    r.p->send = look;
    fd = rig_switch(&r, 1, 2);
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t len = sizes[i], inline_len = len < RECORD_INLINE ? len : RECORD_INLINE;
        const uint8_t *tail, *in;

        send_frame(&r, fd, 1, len, (uint8_t)i);
        in = arena_chunk_data(&r.p->arena, (unsigned)r.p->intake.chunk);
        rec = next_record(&r, &head);
        cr_assert_eq(rec.head_len, inline_len);
        cr_assert_eq(rec.head_len + rec.tail_len, len);
        cr_assert_eq(rec.dpid, 1u);
        cr_assert_eq(rec.port, 1u);
        cr_assert_neq(rec.rx_ns, 0u);
        if (rec.tail_len > 0) { /* it lies in the chunk that recv filled, after its own head */
            tail = arena_span(&r.p->arena, rec.tail_off, rec.tail_len);
            cr_assert(tail >= in && tail < in + ARENA_CHUNK);
            cr_assert(memcmp(tail - inline_len, head, inline_len) == 0);
        }
        rec.port = 2;
        put_verdict(&r, &rec, VERDICT_FORWARDED, head);
        ring_release(&r.pkt_in);
        n_seen = 0;
        rig_turn(&r);
        cr_assert_eq(n_seen, rec.tail_len > 0 ? 3u : 2u, "%zu bytes: %zu iovecs", len, n_seen);
        cr_expect((const uint8_t *)seen[1].iov_base >= r.p->pkt_out.data &&
                      (const uint8_t *)seen[1].iov_base < r.p->pkt_out.data + 2 * r.p->pkt_out.size,
                  "the head is sent from the ring");
        if (rec.tail_len > 0) {
            cr_expect_eq((const uint8_t *)seen[2].iov_base, r.p->arena.data + rec.tail_off,
                         "the tail is sent from where it was received");
            cr_expect_eq(seen[2].iov_len, rec.tail_len);
        }
        rig_await(&r, fd, OF10_TYPE_PACKET_OUT, bytes);
        cr_expect_eq(bytes[RIG_PORT_AT] << 8 | bytes[RIG_PORT_AT + 1], 2);
        for (size_t k = 0; k < len; k++) {
            cr_assert_eq(bytes[RIG_OUT + k], (uint8_t)(i + k * 7), "byte %zu of %zu", k, len);
        }
        cr_expect_eq(arena_in_flight(&r.p->arena), 0u);
    }
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_frames, a_batch_of_frames_leaves_in_one_system_call)
{
    const uint8_t *head;
    struct record rec;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 2);
    for (unsigned i = 0; i < 100; i++) {
        send_frame(&r, fd, 1, 200, (uint8_t)i);
    }
    for (unsigned i = 0; i < 100; i++) {
        rec = next_record(&r, &head);
        put_verdict(&r, &rec, VERDICT_FORWARDED, head);
    }
    ring_release(&r.pkt_in);
    r.p->send = look;
    calls = 0;
    rig_turn(&r);
    cr_expect_eq(calls, 1u);
    for (unsigned i = 0; i < 100; i++) {
        rig_await(&r, fd, OF10_TYPE_PACKET_OUT, bytes);
        cr_assert_eq(bytes[RIG_OUT], i);
    }
    cr_expect_eq(counter_get(OFPROXY_FORWARDED), 100u);
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

static ssize_t once_fault(int fd, const struct msghdr *m, int flags)
{
    (void)fd, (void)m, (void)flags;
    rig_proxy.send = sendmsg;
    errno = EFAULT;
    return -1;
}

/* What sendmsg says when vnsbridge has cut its ring short: that is no fault of the switch's. */
Test(ofproxy_frames, bytes_that_are_gone_cost_the_frame_and_not_the_connection)
{
    const uint8_t *head;
    struct record rec;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 2);
    send_frame(&r, fd, 1, 200, 1);
    rec = next_record(&r, &head);
    put_verdict(&r, &rec, VERDICT_FORWARDED, head);
    session_echo(conn_find(r.p, 1), loop_now_ns()); /* waits in front of the frame */
    r.p->send = once_fault;
    send_packet_out(r.p);
    cr_expect_eq(counter_dropped(DROP_BAD_RECORD), 1u);
    rig_await(&r, fd, OF10_TYPE_ECHO_REQUEST, bytes);
    send_frame(&r, fd, 1, 200, 2);
    rec = next_record(&r, &head);
    put_verdict(&r, &rec, VERDICT_FORWARDED, head);
    rig_await(&r, fd, OF10_TYPE_PACKET_OUT, bytes);
    cr_expect_eq(bytes[RIG_OUT], 2u);
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_frames, a_frame_in_any_number_of_segments_is_never_moved)
{
    const uint8_t *head;
    struct record rec;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 2);
    for (size_t step = 1; step < 1600; step = step * 3 / 2 + 1) {
        size_t len = rig_packet_in(bytes, 1, OF_NO_BUFFER, 1500, 1500, 9);

        for (size_t at = 0; at < len; at += step) {
            rig_write(&r, fd, bytes + at, len - at < step ? len - at : step);
        }
        rec = next_record(&r, &head);
        cr_assert_eq(rec.head_len + rec.tail_len, 1500u);
        for (size_t k = 0; k < 1500; k++) {
            uint8_t got =
                k < rec.head_len ? head[k] : r.arena.data[rec.tail_off + k - rec.head_len];

            cr_assert_eq(got, (uint8_t)(9 + k * 7), "step %zu byte %zu", step, k);
        }
        put_verdict(&r, &rec, VERDICT_HELD, NULL);
        rig_turn(&r);
        ring_release(&r.pkt_in);
    }
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_frames, connections_with_nothing_half_received_hold_no_chunk)
{
    int fds[300];
    struct rig r;

    rig_open(&r);
    for (unsigned i = 0; i < 300; i++) {
        fds[i] = rig_switch(&r, i + 1, 1);
        rig_write(&r, fds[i], (const uint8_t[]){RIG_VERSION, 2, 0},
                  3); /* less than a header: put by */
    }
    cr_expect_eq(r.p->arena.n_free_chunk, ARENA_CHUNKS - 1);
    for (unsigned i = 0; i < 300; i++) {
        rig_write(&r, fds[i], "\x08\0\0\0\x05", 5);
        rig_await(&r, fds[i], OF10_TYPE_ECHO_REPLY, bytes);
        close(fds[i]);
    }
    rig_close(&r);
}

Test(ofproxy_frames, half_messages_of_many_switches_share_chunks_and_finish)
{
    size_t len = rig_packet_in(bytes, 1, OF_NO_BUFFER, 1500, 1500, 3), half = 700;
    const uint8_t *head;
    static uint8_t message[2000];
    int fds[200];
    struct rig r;

    memcpy(message, bytes, len);
    rig_open(&r);
    for (unsigned i = 0; i < 200; i++) {
        fds[i] = rig_switch(&r, i + 1, 1);
        rig_write(&r, fds[i], message, half);
    }
    cr_expect_geq(r.p->arena.n_free_chunk, ARENA_CHUNKS - 10, "%u chunks are free",
                  r.p->arena.n_free_chunk);
    for (unsigned i = 0; i < 200; i++) {
        struct record rec;

        rig_write(&r, fds[i], message + half, len - half);
        rec = next_record(&r, &head);
        cr_assert_eq(rec.dpid, i + 1u);
        for (size_t k = 0; k < rec.tail_len; k++) {
            cr_assert_eq(r.arena.data[rec.tail_off + k], message[RIG_IN + rec.head_len + k]);
        }
        put_verdict(&r, &rec, VERDICT_DROPPED, NULL);
        rig_turn(&r);
        close(fds[i]);
    }
    cr_expect_eq(counter_dropped(DROP_NO_ROUTE), 200u);
    rig_turn(&r);
    rig_adds_up(&r);
    rig_close(&r);
}

Test(ofproxy_frames, frames_that_cannot_be_used_are_dropped_for_a_named_reason)
{
    static const struct {
        size_t len, there;
        enum drop why;
    } cases[] = {
        {1500, 128, DROP_TRUNCATED},
        {13, 13, DROP_FRAME_TOO_SHORT},
        {0, 0, DROP_FRAME_TOO_SHORT},
#if RIG_VERSION == OF10_VERSION /* in 1.3 no message has room for such a frame */
        {OF10_FRAME_MAX + 1, OF10_FRAME_MAX + 1, DROP_FRAME_TOO_LONG},
#endif
    };
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t before = counter_dropped(cases[i].why);
        size_t len = rig_packet_in(bytes, 1, 1000 + i, cases[i].len, cases[i].there, 1);

        rig_write(&r, fd, bytes, len);
        cr_expect_eq(counter_dropped(cases[i].why), before + 1, "case %u", i);
        rig_await(&r, fd, OF10_TYPE_PACKET_OUT, bytes); /* the switch's copy is released */
        cr_expect_eq(of_header_at(bytes).length, RIG_RELEASE);
        cr_expect_eq(bytes[10] << 8 | bytes[11], 1000 + (int)i);
    }
    cr_expect(ring_rx_empty(&r.pkt_in));
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

/* What the waiter is told of where the switch is goes when the connection goes: its number is soon
 * another's. */
Test(ofproxy_frames, the_waiter_knows_by_which_socket_the_last_frame_came)
{
    int fd[2];
    struct rig r;

    rig_open(&r);
    for (unsigned i = 0; i < 2; i++) {
        fd[i] = rig_switch(&r, i + 1, 1);
    }
    cr_expect_eq(r.p->waiter.near_fd, -1);
    for (unsigned i = 0; i < 2; i++) {
        send_frame(&r, fd[i], 1, 100, 0);
        cr_expect_eq(r.p->waiter.near_fd, conn_find(r.p, i + 1)->fd.fd);
    }
    conn_close(conn_find(r.p, 1), "test");
    cr_expect_eq(r.p->waiter.near_fd, conn_find(r.p, 2)->fd.fd);
    conn_close(conn_find(r.p, 2), "test");
    cr_expect_eq(r.p->waiter.near_fd, -1);
    close(fd[0]);
    close(fd[1]);
    rig_close(&r);
}

/* The rows that nothing has used yet are those of port 0 of datapath 0. */
Test(ofproxy_frames, a_frame_that_came_by_no_port_is_dropped)
{
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 0, 0);
    send_frame(&r, fd, 0, 100, 0);
    cr_expect_eq(counter_get(OFPROXY_ADMITTED), 0u);
    cr_expect_eq(counter_dropped(DROP_UNKNOWN_PORT), 1u);
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_frames, a_frame_before_features_is_counted_and_dropped)
{
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_connect(&r);
    rig_hello(&r, fd);
    send_frame(&r, fd, 1, 100, 0);
    cr_expect_eq(counter_dropped(DROP_UNKNOWN_PORT), 1u);
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_frames, a_buffered_frame_is_released_whatever_its_verdict)
{
    static const enum verdict verdicts[] = {VERDICT_FORWARDED, VERDICT_ANSWERED, VERDICT_HELD,
                                            VERDICT_DROPPED};
    const uint8_t *head;
    struct record rec;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    for (unsigned i = 0; i < 4; i++) {
        bool sent = verdicts[i] == VERDICT_FORWARDED || verdicts[i] == VERDICT_ANSWERED;

        rig_write(&r, fd, bytes, rig_packet_in(bytes, 1, 0x100 + i, 300, 300, 0));
        rec = next_record(&r, &head);
        put_verdict(&r, &rec, verdicts[i], sent ? head : NULL);
        rig_turn(&r);
        if (sent) {
            rig_await(&r, fd, OF10_TYPE_PACKET_OUT, bytes);
            cr_expect_eq(of_header_at(bytes).length, 300 + RIG_OUT);
            cr_expect_eq(bytes[8], 0xff, "the whole frame is sent, not the switch's copy");
        }
        rig_await(&r, fd, OF10_TYPE_PACKET_OUT, bytes);
        cr_expect_eq(of_header_at(bytes).length, RIG_RELEASE);
        cr_expect_eq(bytes[10] << 8 | bytes[11], 0x100 + (int)i);
    }
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_frames, a_full_pipeline_drops_frames_and_still_answers_echoes)
{
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 16);
    for (unsigned i = 0; i < 40000; i++) { /* nobody takes them: all shares of all classes fill */
        send_kind(&r, fd, 1 + i / 5 % 16, (enum ingress_class)(i % CLASSES), 200);
    }
    for (unsigned k = 0; k < CLASSES; k++) {
        cr_expect_geq(r.p->ingress.klass[k].in_flight, r.p->ingress.klass[k].share * 15 / 16 - 16);
    }
    cr_expect_gt(counter_dropped(DROP_PORT_FULL) + counter_dropped(DROP_CLASS_FULL), 30000u);
    cr_expect_eq(counter_dropped(DROP_RING_FULL), 0u, "no ring is ever full of frames");
    cr_expect_eq(counter_dropped(DROP_NO_BUFFER), 0u);
    rig_send(&r, fd, OF10_TYPE_ECHO_REQUEST, 99, NULL, 0);
    cr_expect_eq(rig_await(&r, fd, OF10_TYPE_ECHO_REPLY, bytes).xid, 99);
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_frames, small_frames_that_wait_keep_no_memory_from_long_ones)
{
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    for (unsigned i = 0; i < 2000; i++) {
        send_kind(&r, fd, 1, CLASS_FORWARD, RECORD_INLINE);
    }
    cr_expect_eq(arena_in_flight(&r.p->arena), 2000u);
    cr_expect_eq(r.p->arena.n_free_chunk, ARENA_CHUNKS - 1u, "only the one to receive into");
    close(fd);
    rig_close(&r);
}

/* Looks at all tickets as ticks at 'now' would. */
static void expire_all(struct rig *r, uint64_t now)
{
    r->p->out.looked_ns = now;
    for (unsigned i = 0; i < 40; i++) {
        packet_out_expire(r->p, now);
    }
}

Test(ofproxy_frames, a_frame_without_a_verdict_is_given_up_after_a_minute_and_its_verdict_is_late)
{
    uint64_t now = loop_now_ns(), second = 1000000000;
    const uint8_t *head;
    struct record rec[4];
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 2);
    for (unsigned i = 0; i < 4; i++) {
        send_kind(&r, fd, 1, CLASS_FORWARD, i % 2 ? 98 : 1000);
        rec[i] = next_record(&r, &head);
    }
    rig_write(&r, fd, bytes, rig_packet_in(bytes, 1, 0x77, 1000, 1000, 0)); /* kept by the switch */
    next_record(&r, &head);
    put_verdict(&r, &rec[0], VERDICT_DROPPED, NULL);
    rig_turn(&r);
    expire_all(&r, now + 58 * second);
    cr_expect_eq(arena_in_flight(&r.p->arena), 4u, "too early");
    for (unsigned i = 0; i < 40; i++) {
        r.p->out.looked_ns = now;
        packet_out_expire(r.p, now + 100 * second);
    }
    cr_expect_eq(arena_in_flight(&r.p->arena), 4u, "after a pause of its own, it reads first");
    expire_all(&r, now + 63 * second);
    cr_expect_eq(arena_in_flight(&r.p->arena), 0u);
    cr_expect_eq(counter_dropped(DROP_EXPIRED), 4u);
    cr_expect_eq(r.p->ingress.klass[CLASS_FORWARD].in_flight, 0u);
    cr_expect_eq(r.p->ingress.klass[CLASS_REST].in_flight, 0u);
    cr_expect_eq(r.p->arena.n_free_chunk, ARENA_CHUNKS - 1u, "but the one to receive into");
    rig_await(&r, fd, OF10_TYPE_PACKET_OUT, bytes);
    cr_expect_eq(bytes[11], 0x77, "the switch's own copy is let go");
    rec[1].port = 2;
    put_verdict(&r, &rec[1], VERDICT_FORWARDED, frame);
    put_verdict(&r, &rec[1], VERDICT_FORWARDED, frame);
    put_verdict(&r, &rec[0], VERDICT_DROPPED, NULL);
    rig_turn(&r);
    cr_expect_eq(counter_get(OFPROXY_LATE_VERDICTS), 1u);
    cr_expect_eq(counter_get(OFPROXY_BAD_VERDICTS), 2u, "the second, and that of a settled frame");
    cr_expect_eq(counter_get(OFPROXY_FORWARDED), 0u);
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_frames, a_full_arena_drops_frames_and_still_answers_echoes)
{
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    for (unsigned i = 0; i < 1000; i++) {
        send_kind(&r, fd, 1, CLASS_FORWARD, 60000);
    }
    cr_expect_gt(counter_dropped(DROP_NO_BUFFER), 100u);
    cr_expect_eq(counter_dropped(DROP_NO_BUFFER), counter_get(OFPROXY_CROWDED_FORWARD));
    cr_expect_geq(r.p->arena.n_free_chunk, INTAKE_RESERVE_BULK - 2);
    send_kind(&r, fd, 1, CLASS_FORWARD, RECORD_INLINE);
    send_kind(&r, fd, 1, CLASS_ARP, 1500);
    cr_expect_eq(counter_get(OFPROXY_CROWDED_FORWARD), counter_dropped(DROP_NO_BUFFER),
                 "a short frame needs no chunk");
    cr_expect_eq(counter_get(OFPROXY_ADMITTED_ARP), 1u, "the rest is kept for other classes");
    for (unsigned i = 0; i < 1000; i++) {
        send_kind(&r, fd, 1, CLASS_ARP, 60000);
    }
    cr_expect_gt(counter_get(OFPROXY_CROWDED_ARP), 100u);
    cr_expect_geq(r.p->arena.n_free_chunk, INTAKE_RESERVE - 2);
    rig_send(&r, fd, OF10_TYPE_ECHO_REQUEST, 99, NULL, 0);
    cr_expect_eq(rig_await(&r, fd, OF10_TYPE_ECHO_REPLY, bytes).xid, 99);
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_frames, verdicts_that_cannot_be_are_refused_and_counted)
{
    const uint8_t *head;
    struct record rec, bad;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    send_frame(&r, fd, 1, 1500, 0);
    rec = next_record(&r, &head);
    bad = rec;
    bad.seq++;
    put_verdict(&r, &bad, VERDICT_FORWARDED, head); /* not its number */
    bad = rec;
    bad.ticket++;
    put_verdict(&r, &bad, VERDICT_FORWARDED, head); /* not its ticket */
    bad.ticket = RECORD_NO_TICKET;
    put_verdict(&r, &bad, VERDICT_FORWARDED, head); /* no ticket, and not originated */
    bad.ticket = 0xfffffff0;
    put_verdict(&r, &bad, VERDICT_DROPPED, NULL);
    rig_turn(&r);
    cr_expect_eq(counter_get(OFPROXY_BAD_VERDICTS), 4u);
    cr_expect_eq(arena_in_flight(&r.p->arena), 1u, "the frame itself still waits");
    bad = rec;
    bad.tail_off += ARENA_CHUNK; /* its ticket, another's bytes */
    put_verdict(&r, &bad, VERDICT_FORWARDED, head);
    put_verdict(&r, &rec, VERDICT_FORWARDED, head); /* and a second verdict at once */
    rig_turn(&r);
    cr_expect_eq(counter_get(OFPROXY_BAD_VERDICTS), 6u);
    cr_expect_eq(counter_dropped(DROP_BAD_RECORD), 1u);
    cr_expect_eq(arena_in_flight(&r.p->arena), 0u);
    cr_expect_eq(counter_get(OFPROXY_FORWARDED), 0u);
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_frames, spans_outside_the_frame_s_chunk_never_leave)
{
    static const struct {
        int64_t off;
        uint32_t len;
        uint32_t port;
    } cases[] = {
        {0, ARENA_CHUNK, 1}, {ARENA_CHUNK, 10, 1}, {-(int64_t)ARENA_CHUNK, 10, 1},
        {INT64_MIN, 10, 1},  {0, UINT32_MAX, 1},   {0, 10, 0},
        {0, 10, BAD_PORT},   {0, 10, WORSE_PORT},  {ARENA_CHUNK - 1000, 60000, 1},
        {1ll << 40, 10, 1},
    };
    const uint8_t *head;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct record rec;

        send_frame(&r, fd, 1, 1500, 0);
        rec = next_record(&r, &head);
        rec.tail_off += (uint64_t)cases[i].off;
        rec.tail_len = cases[i].len;
        rec.port = cases[i].port;
        put_verdict(&r, &rec, VERDICT_FORWARDED, head);
        rig_turn(&r);
        cr_expect_eq(counter_dropped(DROP_BAD_RECORD), i + 1u, "case %u", i);
    }
    cr_expect_eq(counter_get(OFPROXY_FORWARDED), 0u);
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

static void put_own(struct rig *r, enum verdict verdict, uint64_t dpid, size_t len)
{
    struct record rec = {.verdict = (uint8_t)verdict,
                         .dpid = dpid,
                         .port = 1,
                         .ticket = RECORD_NO_TICKET,
                         .head_len = (uint32_t)len};
    uint8_t *head = ring_reserve(&r->pkt_out, len);

    cr_assert_not_null(head);
    memset(head, 0x42, len);
    ring_commit(&r->pkt_out, &rec);
    ring_publish(&r->pkt_out);
}

Test(ofproxy_frames, originated_frames_leave_and_settle_nothing)
{
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    put_own(&r, VERDICT_ORIGINATED, 1, 60);
    put_own(&r, VERDICT_ORIGINATED, 1, RECORD_HEAD_MAX);
    put_own(&r, VERDICT_ORIGINATED, 2, 60); /* no such switch */
    put_own(&r, VERDICT_DROPPED, 1, 0);     /* counted where it was dropped */
    rig_turn(&r);
    rig_await(&r, fd, OF10_TYPE_PACKET_OUT, bytes);
    cr_expect_eq(of_header_at(bytes).length, 60 + RIG_OUT);
    rig_await(&r, fd, OF10_TYPE_PACKET_OUT, bytes);
    cr_expect_eq(of_header_at(bytes).length, RIG_OUT + RECORD_HEAD_MAX);
    cr_expect_eq(counter_get(OFPROXY_ORIGINATED), 2u);
    cr_expect_eq(counter_get(OFPROXY_UNSENT), 1u);
    cr_expect_eq(counter_get(OFPROXY_BAD_VERDICTS), 0u);
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_frames, a_frame_for_a_switch_that_left_is_dropped_as_such)
{
    const uint8_t *head;
    struct record rec;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    send_frame(&r, fd, 1, 400, 0);
    rec = next_record(&r, &head);
    close(fd);
    rig_turn(&r);
    put_verdict(&r, &rec, VERDICT_FORWARDED, head);
    rig_turn(&r);
    cr_expect_eq(counter_dropped(DROP_SWITCH_GONE), 1u);
    rig_adds_up(&r);
    rig_close(&r);
}

Test(ofproxy_frames, a_slow_switch_loses_frames_whole_and_delays_nobody)
{
    uint64_t sent, got = 0, dropped;
    struct rig r;
    int slow, fast;

    rig_open(&r);
    slow = rig_switch(&r, 1, 1);
    fast = rig_switch(&r, 2, 1);
    for (unsigned i = 0; i < 400; i++) { /* ten times what the socket and the buffer hold */
        put_own(&r, VERDICT_ORIGINATED, 1, 10000);
        if (i % 100 == 0) {
            put_own(&r, VERDICT_ORIGINATED, 2, 100);
        }
        rig_turn(&r);
    }
    for (unsigned i = 0; i < 4; i++) {
        rig_await(&r, fast, OF10_TYPE_PACKET_OUT, bytes);
    }
    sent = counter_get(OFPROXY_ORIGINATED) - 4;
    dropped = counter_get(OFPROXY_UNSENT);
    cr_expect_gt(dropped, 0u);
    cr_expect_eq(sent + dropped, 400u);
    cr_expect_leq(conn_find(r.p, 1)->out.used, (uint32_t)OUT_SIZE);
    while (got < sent) { /* and every message that comes is whole */
        struct of_header h = rig_await(&r, slow, OF10_TYPE_PACKET_OUT, bytes);

        cr_assert_eq(h.length, 10000 + RIG_OUT);
        cr_assert_eq(bytes[RIG_OUT], 0x42);
        cr_assert_eq(bytes[9999 + RIG_OUT], 0x42);
        got++;
    }
    put_own(&r, VERDICT_ORIGINATED, 1, 60);
    rig_turn(&r);
    cr_expect_eq(rig_await(&r, slow, OF10_TYPE_PACKET_OUT, bytes).length, 60 + RIG_OUT,
                 "it is well again");
    close(slow);
    close(fast);
    rig_close(&r);
}

/* A socket that takes a little of each sendmsg, and in between nothing. */
static ssize_t sip(int fd, const struct msghdr *m, int flags)
{
    size_t left = 777, n = 0;
    struct iovec iov[400];
    struct msghdr some = {.msg_iov = iov};

    if (++calls % 3 == 0) {
        errno = EAGAIN;
        return -1;
    }
    while (n < m->msg_iovlen && left > 0) {
        iov[n] = m->msg_iov[n];
        iov[n].iov_len = iov[n].iov_len < left ? iov[n].iov_len : left;
        left -= iov[n++].iov_len;
    }
    some.msg_iovlen = n;
    return sendmsg(fd, &some, flags);
}

Test(ofproxy_frames, frames_cut_by_a_full_socket_go_on_where_they_were_cut)
{
    struct record recs[20];
    const uint8_t *heads[20];
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    for (unsigned i = 0; i < 20; i++) {
        send_frame(&r, fd, 1, 100 + i * 70, (uint8_t)i);
        recs[i] = next_record(&r, &heads[i]);
    }
    r.p->send = sip;
    for (unsigned i = 0; i < 20; i++) {
        put_verdict(&r, &recs[i], VERDICT_FORWARDED, heads[i]);
    }
    for (unsigned i = 0; i < 20; i++) {
        struct of_header h = rig_await(&r, fd, OF10_TYPE_PACKET_OUT, bytes);

        cr_assert_eq(h.length, 100 + RIG_OUT + i * 70);
        for (size_t k = 0; k < 100 + i * 70; k++) {
            cr_assert_eq(bytes[RIG_OUT + k], (uint8_t)(i + k * 7), "frame %u byte %zu", i, k);
        }
    }
    cr_expect_eq(counter_get(OFPROXY_FORWARDED), 20u);
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

/* Stops an ofproxy as a kill would: nothing is said to anybody. */
static void kill_proxy(struct rig *r)
{
    struct ofproxy *p = r->p;

    for (unsigned i = 0; i < p->max_conns; i++) {
        if (p->conns[i].state != CONN_FREE) {
            close(p->conns[i].fd.fd);
        }
    }
    ring_abandon(&p->pkt_in);
    ring_rx_leave(&p->pkt_out);
    ring_tx_leave(&p->pkt_in);
    board_write_leave(&p->ports.board);
    board_write_leave(&p->ingress.traffic);
    board_write_leave(&p->ingress.classes);
    board_read_leave(&p->ingress.interfaces);
    free(p->ingress.port);
    free(p->ingress.changed);
    arena_leave(&p->arena);
    mirror_write_leave(&p->mirror);
    measure_write_leave(&p->latency);
    loop_close(&p->loop);
    topo_close(&p->topo);
    free(p->conns);
    munmap(p->out_memory, (size_t)p->max_conns * OUT_SIZE);
}

Test(ofproxy_frames, after_a_kill_flights_wait_for_their_verdicts_and_numbers_go_on)
{
    const uint8_t *head;
    struct record rec, later;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    send_frame(&r, fd, 1, 1500, 5);
    rec = next_record(&r, &head);
    kill_proxy(&r);
    close(fd);
    rig_start(&r);
    cr_expect_eq(arena_in_flight(&r.p->arena), 1u);
    cr_expect_eq(r.p->ingress.klass[CLASS_REST].in_flight, 1u, "its share is still taken");
    rig_adds_up(&r);
    fd = rig_switch(&r, 1, 1);
    put_verdict(&r, &rec, VERDICT_FORWARDED, head);
    rig_turn(&r);
    cr_expect_eq(r.p->ingress.klass[CLASS_REST].in_flight, 0u);
    rig_await(&r, fd, OF10_TYPE_PACKET_OUT, bytes);
    cr_expect_eq(bytes[RIG_OUT + 1499], (uint8_t)(5 + 1499 * 7), "its bytes were kept");
    send_frame(&r, fd, 1, 100, 0);
    later = next_record(&r, &head);
    cr_expect_gt(later.seq, rec.seq);
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_frames, frames_taken_in_but_not_published_at_a_kill_are_given_up_and_counted)
{
    struct arena_flight f = {.dpid = 1, .port = 1, .buffer_id = OF_NO_BUFFER};
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    send_frame(&r, fd, 1, 100, 0);
    f.seq = r.p->seq + 1;
    f.chunk = (uint16_t)r.p->intake.chunk;
    arena_ticket(&r.p->arena, &f);
    kill_proxy(&r); /* before ring_publish */
    close(fd);
    rig_start(&r);
    cr_expect_eq(arena_in_flight(&r.p->arena), 1u);
    cr_expect_eq(counter_dropped(DROP_RESTART), 1u);
    cr_expect_geq(r.p->seq, f.seq);
    rig_adds_up(&r);
    rig_close(&r);
}

/* One that counts them off one by one takes a minute for 32 bits, and for ever for 62. */
Test(ofproxy_frames, any_number_in_flight_that_a_liar_left_is_put_right_at_once)
{
    static const uint64_t lies[] = {1,         7,          UINT32_MAX,     1ull << 62,
                                    INT64_MAX, 1ull << 63, UINT64_MAX - 7, 0x123456789abcdef1};
    struct rig r;

    rig_open(&r);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        counter_add(OFPROXY_RECEIVED, lies[i]); /* so that its sums are right afterwards */
        counter_add(OFPROXY_ADMITTED, lies[i]);
        counter_add(OFPROXY_ADMITTED_REST, (int64_t)lies[i] > 0 ? lies[i] : 0);
        counter_add(OFPROXY_IN_FLIGHT, lies[i]);
        kill_proxy(&r);
        rig_start(&r);
        cr_expect_eq(counter_get(OFPROXY_IN_FLIGHT), 0u, "%llx", (unsigned long long)lies[i]);
        rig_adds_up(&r);
    }
    rig_close(&r);
}

/* Or numbers begin again at 0, which is no flight's, or are given twice. */
Test(ofproxy_frames, a_number_that_no_frame_has_does_not_become_the_last_one)
{
    const uint8_t *head;
    struct record rec;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    send_frame(&r, fd, 1, 100, 0);
    rec = next_record(&r, &head);
    counter_apply(&r.p->tally, MARK_GIVEN_UP, UINT64_MAX);
    kill_proxy(&r);
    close(fd);
    rig_start(&r);
    fd = rig_switch(&r, 1, 1);
    send_frame(&r, fd, 1, 100, 0);
    cr_expect_eq(next_record(&r, &head).seq, rec.seq + 1);
    cr_expect_eq(arena_in_flight(&r.p->arena), 2u);
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_frames, what_a_predecessor_counted_and_refused_is_refused_again)
{
    const uint8_t *head;
    struct record rec, bad;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    send_frame(&r, fd, 1, 100, 0);
    rec = next_record(&r, &head);
    bad = rec;
    bad.ticket = 0xfffffff0;
    put_verdict(&r, &bad, VERDICT_DROPPED, NULL);
    cr_assert(ring_peek(&r.p->pkt_out, &bad, &head));
    ring_next(&r.p->pkt_out);
    ring_begin(&r.p->pkt_out);
    counter_apply(&r.p->tally, MARK_PKT_OUT, ring_position(&r.p->pkt_out)); /* killed here */
    kill_proxy(&r);
    close(fd);
    rig_start(&r);
    cr_expect_eq(arena_in_flight(&r.p->arena), 1u, "the frame itself still waits");
    rig_adds_up(&r);
    rig_close(&r);
}

Test(ofproxy_frames, what_a_predecessor_began_to_send_is_settled_not_sent_again)
{
    const uint8_t *head;
    struct record rec, r2;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    send_frame(&r, fd, 1, 700, 0);
    send_frame(&r, fd, 1, 800, 0);
    rec = next_record(&r, &head);
    put_verdict(&r, &rec, VERDICT_FORWARDED, head);
    cr_assert(ring_peek(&r.p->pkt_out, &r2, &head));
    ring_next(&r.p->pkt_out);
    ring_begin(&r.p->pkt_out); /* killed before it could settle */
    kill_proxy(&r);
    close(fd);
    rig_start(&r);
    cr_expect_eq(counter_get(OFPROXY_FORWARDED), 1u);
    cr_expect_eq(arena_in_flight(&r.p->arena), 1u, "the second frame still waits");
    rig_adds_up(&r);
    fd = rig_switch(&r, 1, 1);
    rec = next_record(&r, &head);
    put_verdict(&r, &rec, VERDICT_FORWARDED, head);
    rig_turn(&r);
    cr_expect_eq(rig_await(&r, fd, OF10_TYPE_PACKET_OUT, bytes).length, 800 + RIG_OUT);
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}
