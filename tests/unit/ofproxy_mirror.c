/* tests/unit/ofproxy_mirror.c - what ofproxy copies for those who capture: all of it, once, and
 * only then. */
#define RIG_DIR "/dev/shm"
#include "ofproxy/of_mirror.h"
#include "tests/unit/ofproxy_rig.h"

TestSuite(ofproxy_mirror, .timeout = 20);

static uint8_t bytes[OF_LONGEST];
static struct mirror_record got;
static struct mirror_reader reader;
static char why[400];

/* No tick, and so no echo that comes when it likes. */
static void look(struct rig *r)
{
    loop_timer_cancel(&r->p->loop, &r->p->tick);
    cr_assert_eq(topo_mirror_look(r->dir, &reader, TOPO_MIRROR_OPENFLOW, why, sizeof why), 0, "%s",
                 why);
}

static void turn_on(struct rig *r)
{
    of_mirror_ask(r->p);
    of_mirror_turn(r->p);
    cr_assert(r->p->mirror.on && mirror_on(&reader));
    mirror_start(&reader);
}

/* The next message must be of this type and way; its meta is returned. */
static struct openflow_meta expect(uint8_t type, bool down, size_t len)
{
    struct openflow_meta m;
    struct of_header h;

    cr_assert(mirror_next(&reader, &got), "no message; expected type %u", type);
    cr_assert_eq(got.meta_len, sizeof m);
    memcpy(&m, got.meta, sizeof m);
    h = of_header_at(got.data);
    cr_expect(h.type == type && h.length == got.len && m.down == down,
              "type %u of %u bytes, down %u; expected type %u, down %d", h.type, got.len, m.down,
              type, down);
    cr_expect(len == 0 || got.len == len, "%u bytes, expected %zu", got.len, len);
    cr_expect_str_eq(m.peer, "test");
    return m;
}

static void all_read(struct rig *r)
{
    rig_turn(r);
    cr_expect(!mirror_next(&reader, &got), "one more: type %u", got.data[1]);
    cr_expect_eq(mirror_missed(&reader), 0);
}

Test(ofproxy_mirror, every_message_of_a_handshake_is_there_in_order_and_once)
{
    struct openflow_meta m;
    struct rig r;
    int fd;

    rig_open(&r);
    look(&r);
    turn_on(&r);
    fd = rig_switch(&r, 7, 2);
    m = expect(OF10_TYPE_HELLO, true, 16);
    cr_expect(!m.known && m.dpid == 0);
    expect(OF10_TYPE_HELLO, false, 8);
    expect(OF10_TYPE_FEATURES_REQUEST, true, 8);
    m = expect(OF10_TYPE_FEATURES_REPLY, false, 32 + 2 * 48);
    cr_expect(!m.known, "known before it was told");
    expect(OF10_TYPE_SET_CONFIG, true, 12);
    expect(OF10_TYPE_GET_CONFIG_REQUEST, true, 8);
    expect(OF10_TYPE_STATS_REQUEST, true, 12);
    expect(OF10_TYPE_STATS_REQUEST, true, 56);
    expect(OF10_TYPE_FLOW_MOD, true, 80);
    expect(OF10_TYPE_BARRIER_REQUEST, true, 8);
    expect(OF10_TYPE_STATS_REPLY, false, 12 + 1056);
    expect(OF10_TYPE_STATS_REPLY, false, 12 + 12);
    m = expect(OF10_TYPE_BARRIER_REPLY, false, 8);
    cr_expect(m.known && m.dpid == 7 && m.session == conn_find(r.p, 7)->session);
    expect(OF10_TYPE_STATS_REQUEST, true, 56);
    expect(OF10_TYPE_STATS_REPLY, false, 12 + 12);
    all_read(&r);
    close(fd);
    mirror_read_leave(&reader);
    rig_close(&r);
}

/* Sends a frame of 'len' bytes to port 2 as the router would. */
static void send_out(struct rig *r, size_t len)
{
    struct record rec = {.verdict = VERDICT_ORIGINATED,
                         .ticket = RECORD_NO_TICKET,
                         .dpid = 7,
                         .port = 2,
                         .head_len = (uint32_t)len};
    uint8_t *head = ring_reserve(&r->pkt_out, rec.head_len);

    cr_assert(head);
    memset(head, 0xab, len);
    ring_commit(&r->pkt_out, &rec);
    ring_publish(&r->pkt_out);
    rig_turn(r);
}

Test(ofproxy_mirror, frames_are_recorded_whole_when_they_are_handed_to_the_kernel)
{
    struct rig r;
    size_t n;
    int fd;

    rig_open(&r);
    look(&r);
    fd = rig_switch(&r, 7, 2);
    turn_on(&r);
    n = rig_packet_in(bytes, 1, OF_NO_BUFFER, 65000, 65000, 3);
    rig_write(&r, fd, bytes, n);
    expect(OF10_TYPE_PACKET_IN, false, n);
    cr_expect_eq(memcmp(got.data, bytes, n), 0);
    send_out(&r, 100);
    expect(OF10_TYPE_PACKET_OUT, true, 124);
    cr_expect(got.data[24] == 0xab && got.data[123] == 0xab);
    rig_await(&r, fd, OF10_TYPE_PACKET_OUT, bytes);
    cr_expect_eq(memcmp(got.data, bytes, 124), 0);
    all_read(&r);
    close(fd);
    mirror_read_leave(&reader);
    rig_close(&r);
}

static ssize_t full(int fd, const struct msghdr *m, int flags)
{
    (void)fd, (void)m, (void)flags;
    errno = EAGAIN;
    return -1;
}

static ssize_t cut_ring(int fd, const struct msghdr *m, int flags)
{
    (void)fd, (void)m, (void)flags;
    errno = EFAULT;
    return -1;
}

Test(ofproxy_mirror, a_frame_that_waits_is_recorded_once_and_one_that_is_lost_is_not)
{
    struct rig r;
    int fd;

    rig_open(&r);
    look(&r);
    fd = rig_switch(&r, 7, 2);
    turn_on(&r);
    r.p->send = full;
    send_out(&r, 60);
    expect(OF10_TYPE_PACKET_OUT, true, 84);
    r.p->send = sendmsg;
    conn_find(r.p, 7)->out.blocked = false;
    conn_touch(conn_find(r.p, 7));
    all_read(&r);
    r.p->send = cut_ring;
    send_out(&r, 60);
    all_read(&r);
    r.p->send = sendmsg;
    close(fd);
    mirror_read_leave(&reader);
    rig_close(&r);
}

Test(ofproxy_mirror, what_was_refused_is_seen_by_its_error)
{
    static const uint8_t bad[] = {1, 99, 0, 8, 0, 0, 0, 5};
    struct rig r;
    int fd;

    rig_open(&r);
    look(&r);
    fd = rig_switch(&r, 7, 2);
    turn_on(&r);
    rig_write(&r, fd, bad, sizeof bad);
    expect(OF10_TYPE_ERROR, true, 12 + sizeof bad);
    cr_expect_eq(memcmp(got.data + 12, bad, sizeof bad), 0);
    all_read(&r);
    close(fd);
    mirror_read_leave(&reader);
    rig_close(&r);
}

Test(ofproxy_mirror, nothing_is_recorded_while_nobody_asks)
{
    struct rig r;
    uint64_t end;
    int fd;

    rig_open(&r);
    look(&r);
    fd = rig_switch(&r, 7, 2);
    end = r.p->mirror.end;
    cr_expect(!r.p->mirror.on && end == 0);
    turn_on(&r);
    rig_send(&r, fd, OF10_TYPE_ECHO_REQUEST, 1, "x", 1);
    expect(OF10_TYPE_ECHO_REQUEST, false, 9);
    expect(OF10_TYPE_ECHO_REPLY, true, 9);
    mirror_ask(&r.p->mirror, loop_now_ns() - MIRROR_LEASE_NS); /* as time goes by */
    of_mirror_turn(r.p);
    cr_expect(!r.p->mirror.on);
    end = r.p->mirror.end;
    rig_send(&r, fd, OF10_TYPE_ECHO_REQUEST, 2, "x", 1);
    rig_send(&r, fd, OF10_TYPE_ECHO_REQUEST, 3, "x", 1);
    cr_expect_eq(r.p->mirror.end, end);
    of_mirror_ask(r.p);
    of_mirror_turn(r.p);
    rig_send(&r, fd, OF10_TYPE_ECHO_REQUEST, 4, "x", 1);
    expect(OF10_TYPE_ECHO_REQUEST, false, 9);
    cr_expect(got.missed == 4 && mirror_missed(&reader) == 4, "%lu missed", got.missed);
    close(fd);
    mirror_read_leave(&reader);
    rig_close(&r);
}

Test(ofproxy_mirror, a_successor_records_from_its_first_message_on)
{
    struct rig r;
    int fd;

    rig_open(&r);
    look(&r);
    turn_on(&r);
    ofproxy_close(r.p);
    cr_expect(!mirror_on(&reader));
    rig_start(&r);
    loop_timer_cancel(&r.p->loop, &r.p->tick);
    cr_expect(mirror_on(&reader));
    fd = rig_connect(&r);
    expect(OF10_TYPE_HELLO, true, 16);
    all_read(&r);
    close(fd);
    mirror_read_leave(&reader);
    rig_close(&r);
}

/* A frame comes in, and goes out again. */
static void there_and_back(struct rig *r, int fd, const uint8_t *packet_in, size_t len)
{
    const uint8_t *head;
    struct record rec;
    uint8_t *to;

    cr_assert_eq(send(fd, packet_in, len, 0), (ssize_t)len);
    rig_turn(r);
    of_mirror_turn(r->p);
    cr_assert(ring_peek(&r->pkt_in, &rec, &head));
    to = ring_reserve(&r->pkt_out, rec.head_len);
    cr_assert(to);
    memcpy(to, head, rec.head_len);
    ring_next(&r->pkt_in);
    ring_release(&r->pkt_in);
    rec.verdict = VERDICT_FORWARDED;
    rec.port = 2;
    ring_commit(&r->pkt_out, &rec);
    ring_publish(&r->pkt_out);
    rig_turn(r);
    cr_assert_gt(recv(fd, bytes, sizeof bytes, 0), 0);
}

/* tests/bench/mirror_cost counts its instructions, for as many frames as the environment says. */
Test(ofproxy_mirror, frames_there_and_back_are_all_recorded_when_on_and_not_at_all_when_off)
{
    const char *frames = getenv("CAUSEWAY_BENCH_FRAMES");
    bool on = !frames || getenv("CAUSEWAY_BENCH_ON");
    unsigned n = frames ? (unsigned)atoi(frames) : 500;
    static uint8_t packet[200];
    struct rig r;
    size_t len;
    int fd;

    rig_open(&r);
    look(&r);
    fd = rig_switch(&r, 7, 2);
    if (!on) {
        turn_on(&r);
        mirror_ask(&r.p->mirror, loop_now_ns() - MIRROR_LEASE_NS);
        of_mirror_turn(r.p);
    } else {
        turn_on(&r);
    }
    len = rig_packet_in(packet, 1, OF_NO_BUFFER, 64, 64, 3);
    for (unsigned i = 0; i < n; i++) {
        there_and_back(&r, fd, packet, len);
    }
    for (unsigned i = 0; i < (on ? n : 0) && i < 1000; i++) {
        expect(OF10_TYPE_PACKET_IN, false, len);
        expect(OF10_TYPE_PACKET_OUT, true, 88);
    }
    cr_expect(!mirror_next(&reader, &got) || (on && n > 1000));
    close(fd);
    mirror_read_leave(&reader);
    rig_close(&r);
}
