/* tests/unit/vnsbridge_frames.c - each frame goes one way, once, and gets one verdict. */
#include "tests/unit/accounts.h"
#include "tests/unit/vnsbridge_world.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

TestSuite(frames, .timeout = 60);

static struct world *ring_world(void)
{
    struct world *w = world_open(NULL);

    world_lab(w, PORT_UP);
    world_session(w, "vrhost", SESSION_OPEN);
    return w;
}

/* The router's record for a frame that it took from VNS_IN. */
static void answer(struct world *w, const struct record *in, enum verdict verdict, uint32_t row,
                   uint32_t head_len, uint32_t tail_len)
{
    struct record r = *in;
    uint8_t *head = ring_reserve(&w->vns_out, head_len);

    cr_assert(head != NULL);
    memset(head, 0xab, head_len);
    r.verdict = (uint8_t)verdict;
    r.port = row;
    r.head_len = head_len;
    r.tail_len = tail_len;
    ring_commit(&w->vns_out, &r);
    ring_publish(&w->vns_out);
}

Test(frames, frame_reaches_the_router_by_interface_and_comes_back_by_port)
{
    struct world *w = ring_world();
    uint8_t bytes[RECORD_HEAD_MAX];
    struct record up, down;
    uint64_t seq = world_frame(w, 2, 1000);

    cr_assert(world_take(w, &w->vns_in, &up, bytes));
    cr_expect(eq(str, world_interface(w, up.port).name, "eth2"));
    cr_expect(eq(u64, up.seq, seq));
    cr_expect(eq(u64, up.src, ring_position(&w->b.pkt_in)));
    cr_expect(eq(u32, up.head_len, 128));
    cr_expect(eq(u32, up.tail_len, 872));
    cr_expect(eq(u8, bytes[127], 127));
    answer(w, &up, VERDICT_FORWARDED, 2, 128, 872);
    cr_assert(world_take(w, &w->pkt_out, &down, bytes));
    cr_expect(eq(u32, down.verdict, VERDICT_FORWARDED));
    cr_expect(eq(u64, down.dpid, WORLD_DPID));
    cr_expect(eq(u32, down.port, 3));
    cr_expect(eq(u64, down.seq, seq));
    cr_expect(eq(u32, down.ticket, up.ticket));
    cr_expect(eq(u64, down.tail_off, up.tail_off), "the tail is where it came in");
    cr_expect(eq(u8, bytes[0], 0xab));
    cr_expect(ring_rx_empty(&w->vns_in) && ring_rx_empty(&w->pkt_out));
    world_close(w);
}

Test(frames, what_cannot_go_up_is_dropped_for_its_reason)
{
    static const struct {
        uint32_t port;
        size_t len;
        enum drop want;
    } t[] = {
        {9, 60, DROP_UNKNOWN_PORT},
        {1, 13, DROP_FRAME_TOO_SHORT},
        {1, 9977, DROP_FRAME_TOO_LONG},
        {1, 60, DROP_NO_ROUTER},
    };
    struct world *w = world_open(NULL);

    world_lab(w, PORT_UP);
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        uint64_t seq = world_frame(w, t[i].port, t[i].len);
        struct record r = world_verdict(w);

        cr_expect(eq(u32, r.verdict, VERDICT_DROPPED));
        cr_expect(eq(u32, r.reason, t[i].want), "case %zu", i);
        cr_expect(eq(u64, r.seq, seq));
        cr_expect(eq(u32, r.ticket, (uint32_t)seq));
        cr_expect(eq(u32, r.head_len + r.tail_len, 0));
        cr_expect(eq(u64, counter_dropped(t[i].want), 1));
    }
    cr_expect(eq(u64, counter_get(VNSBRIDGE_RECEIVED), 4));
    world_close(w);
}

Test(frames, a_frame_waits_for_the_boards_that_were_published_before_it)
{
    struct world *w = ring_world();
    uint64_t end = ring_rx_look(&w->b.pkt_in);
    struct record r;
    uint8_t bytes[64];

    /* a port may have been announced, and sent its first frame, since the boards were read */
    world_frame(w, 1, 60);
    cr_expect(eq(u32, bridge_up(&w->b, end), 0));
    cr_expect(ring_rx_empty(&w->vns_in) && ring_rx_empty(&w->pkt_out));
    world_pump(w);
    cr_expect(world_take(w, &w->vns_in, &r, bytes));
    world_close(w);
}

Test(frames, full_ring_to_the_router_drops_and_settles)
{
    struct world *w = ring_world();
    unsigned sent = 0, kept = 0, dropped = 0;
    struct record r;

    while (dropped < 100 && sent < 100000) { /* nobody reads VNS_IN: the router is dead */
        for (unsigned i = 0; i < 50; i++, sent++) {
            world_frame(w, 1, 60);
        }
        world_pump_n(w, 2);
        while (!ring_rx_empty(&w->pkt_out)) {
            r = world_verdict(w);
            cr_assert(eq(u32, r.reason, DROP_RING_FULL));
            dropped++;
        }
    }
    for (uint64_t seq = 0; !ring_rx_empty(&w->vns_in); kept++) {
        cr_assert(world_take(w, &w->vns_in, &r, NULL));
        cr_assert(gt(u64, r.seq, seq));
        seq = r.seq;
    }
    cr_expect(eq(u32, sent, kept + dropped), "%u kept, %u dropped", kept, dropped);
    cr_expect(gt(u32, kept, 10000));
    world_close(w);
}

Test(frames, router_that_lies_is_not_believed_but_its_frame_is_settled)
{
    static const struct {
        const char *what;
        uint8_t verdict;
        uint32_t row, head_len, tail_len;
        bool ticket;
        enum drop want;
    } t[] = {
        {"row past the end", VERDICT_FORWARDED, 5000, 60, 0, true, DROP_UNKNOWN_INTERFACE},
        {"row of nothing", VERDICT_FORWARDED, 7, 60, 0, true, DROP_UNKNOWN_INTERFACE},
        {"verdict none", VERDICT_NONE, 0, 60, 0, true, DROP_BAD_RECORD},
        {"verdict unknown", 99, 0, 0, 0, true, DROP_BAD_RECORD},
        {"short head", VERDICT_ANSWERED, 0, 13, 0, true, DROP_BAD_RECORD},
        {"tail only", VERDICT_FORWARDED, 0, 0, 100, true, DROP_BAD_RECORD},
        {"endless tail", VERDICT_FORWARDED, 0, 60, UINT32_MAX, true, DROP_BAD_RECORD},
        {"held with bytes", VERDICT_HELD, 0, 60, 0, true, DROP_BAD_RECORD},
        {"originated with a ticket", VERDICT_ORIGINATED, 0, 60, 0, true, DROP_BAD_RECORD},
        {"held without a ticket", VERDICT_HELD, 0, 0, 0, false, DROP_BAD_RECORD},
        {"originated with a tail", VERDICT_ORIGINATED, 0, 60, 60, false, DROP_BAD_RECORD},
        {"originated and empty", VERDICT_ORIGINATED, 0, 0, 0, false, DROP_BAD_RECORD},
        {"originated to nowhere", VERDICT_ORIGINATED, 7, 60, 0, false, DROP_UNKNOWN_INTERFACE},
    };
    struct world *w = ring_world();

    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct record in = {.seq = i + 1, .ticket = t[i].ticket ? (uint32_t)i : RECORD_NO_TICKET};
        /* a frame of the router's own has no verdict: it is unsent */
        uint64_t (*count)(enum drop) = t[i].ticket ? counter_dropped : counter_unsent;
        uint64_t before = count(t[i].want);
        struct record r;

        answer(w, &in, t[i].verdict, t[i].row, t[i].head_len, t[i].tail_len);
        world_pump_n(w, 3);
        cr_expect(eq(u64, count(t[i].want), before + 1), "%s", t[i].what);
        /* also for a frame without a ticket: the batch commits with a record, or not at all */
        cr_assert(world_take(w, &w->pkt_out, &r, NULL), "%s", t[i].what);
        cr_expect(eq(u32, r.verdict, VERDICT_DROPPED), "%s", t[i].what);
        cr_expect(eq(u32, r.reason, t[i].want), "%s", t[i].what);
        cr_expect(eq(u32, r.ticket, in.ticket));
        cr_expect(eq(u64, r.seq, i + 1));
        cr_expect(eq(u32, r.head_len + r.tail_len, 0));
    }
    world_close(w);
}

Test(frames, verdicts_without_bytes_and_own_frames_pass)
{
    struct world *w = ring_world();
    struct record in = {.seq = 7, .ticket = 7, .reason = DROP_NO_ROUTE}, r;
    uint8_t bytes[RECORD_HEAD_MAX];

    answer(w, &in, VERDICT_DROPPED, 0, 0, 0);
    r = world_verdict(w);
    cr_expect(eq(u32, r.verdict, VERDICT_DROPPED));
    cr_expect(eq(u32, r.reason, DROP_NO_ROUTE));
    answer(w, &in, VERDICT_HELD, 0, 0, 0);
    cr_expect(eq(u32, world_verdict(w).verdict, VERDICT_HELD));
    in = (struct record){.ticket = RECORD_NO_TICKET, .hold = 55};
    answer(w, &in, VERDICT_ORIGINATED, 0, 1500, 0);
    cr_assert(world_take(w, &w->pkt_out, &r, bytes));
    cr_expect(eq(u32, r.verdict, VERDICT_ORIGINATED));
    cr_expect(eq(u32, r.head_len, 1500));
    cr_expect(eq(u64, r.hold, 55));
    cr_expect(eq(u32, r.port, 1));
    cr_expect(eq(u8, bytes[1499], 0xab));
    world_close(w);
}

/* Moves one record as the bridge does, up to the instant of a death: staged and not published; or
 * published and settled, and the input not released. */
static void half_a_step(struct world *w, unsigned which)
{
    struct ring_rx *rx = which % 3 == 0 ? &w->b.vns_out : &w->b.pkt_in;
    struct ring_tx *tx = which % 3 == 0 ? &w->b.pkt_out : &w->b.vns_in;
    const uint8_t *head;
    struct record r;
    uint8_t *to;

    if (!ring_peek(rx, &r, &head) || (rx == &w->b.pkt_in && r.port == 9)) {
        return;
    }
    to = ring_reserve(tx, r.head_len);
    cr_assert(to != NULL);
    ring_commit(tx, &r);
    ring_next(rx);
    if (which % 3 != 2) {
        ring_settle(tx, which % 3 == 0 ? BRIDGE_FROM_VNS_OUT : BRIDGE_FROM_PKT_IN,
                    ring_position(rx));
        ring_publish(tx);
    }
}

/* Kills the bridge at many points of a mixed load (ring, drops) and counts at both ends. */
Test(frames, nothing_is_lost_or_doubled_over_restarts)
{
    enum { FRAMES = 3000 };
    static uint8_t seen[FRAMES + 1], settled[FRAMES + 1];
    struct world *w = ring_world();
    struct record r;
    unsigned done = 0;

    for (unsigned i = 0; i < FRAMES; i++) {
        world_frame(w, i % 3 == 0 ? 9 : 1, 60); /* a third comes in by an unknown port */
    }
    for (unsigned turn = 0; done < FRAMES && turn < 10000; turn++) {
        if (turn % 5 == 4) {
            half_a_step(w, turn / 5);
            world_bridge_kill(w);
            world_bridge_open(w, NULL);
        }
        world_pump(w);
        while (!ring_rx_empty(&w->vns_in) && world_take(w, &w->vns_in, &r, NULL)) {
            cr_assert(le(u64, r.seq, FRAMES));
            seen[r.seq]++;
            answer(w, &r, VERDICT_FORWARDED, 1, 60, 0);
        }
        while (!ring_rx_empty(&w->pkt_out) && world_take(w, &w->pkt_out, &r, NULL)) {
            settled[r.seq]++;
            done++;
        }
    }
    for (unsigned i = 1; i <= FRAMES; i++) {
        cr_assert(eq(u32, settled[i], 1), "frame %u settled %u times", i, settled[i]);
        cr_assert(eq(u32, seen[i], (i - 1) % 3 != 0), "frame %u went up %u times", i, seen[i]);
    }
    world_close(w);
}

/* The child runs the bridge until it is killed; no cr_* there but for what would fail anyway. */
static pid_t spawn_bridge(struct world *w)
{
    pid_t child = fork();

    if (child == 0) {
        if (counter_open(w->dir, COUNTER_OF_VNSBRIDGE) != 0) {
            _exit(1);
        }
        world_bridge_open(w, NULL);
        for (;;) {
            bridge_turn(&w->b);
        }
    }
    return child;
}

static bool peek_one(struct ring_rx *rx, struct record *r)
{
    const uint8_t *head;

    if (!ring_peek(rx, r, &head)) {
        return false;
    }
    ring_next(rx);
    ring_release(rx);
    return true;
}

/* SIGKILL at any instruction, 150 times, under a load that alternates between both outputs. */
Test(frames, nothing_is_lost_or_doubled_over_kills_at_any_instruction)
{
    enum { FRAMES = 60000 };
    static uint8_t seen[FRAMES + 1], settled[FRAMES + 1];
    struct world *w = ring_world();
    unsigned done = 0, kills = 0, seed = 1;
    struct counter_snapshot counts;
    uint64_t sent = 0, end;
    struct record r;
    pid_t child;

    world_bridge_kill(w);
    child = spawn_bridge(w);
    end = loop_now_ns() + (unsigned)rand_r(&seed) % 3000000;
    for (uint64_t limit = loop_now_ns() + 40000000000ull; done < FRAMES && loop_now_ns() < limit;) {
        if (sent < FRAMES && ring_room(&w->pkt_in, 4096) >= 4096 && sent < kills * 400) {
            world_frame(w, sent % 3 == 0 ? 9 : 1, 60);
            sent++;
        }
        while (ring_room(&w->vns_out, 4096) >= 4096 && peek_one(&w->vns_in, &r)) {
            seen[r.seq]++;
            answer(w, &r, VERDICT_FORWARDED, 1, 60, 0);
        }
        while (peek_one(&w->pkt_out, &r)) {
            settled[r.seq]++;
            done++;
        }
        cr_assert(accounts_hold(w->dir, COUNTER_OF_VNSBRIDGE), "after %u kills", kills);
        if (kills < 150 && loop_now_ns() > end) {
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
            kills++;
            child = spawn_bridge(w);
            end = loop_now_ns() + (unsigned)rand_r(&seed) % 3000000;
        }
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cr_expect(eq(u32, kills, 150));
    /* also what the last one published and did not live to count */
    cr_assert(eq(int, account_read(w->dir, COUNTER_OF_VNSBRIDGE, &counts), 0));
    cr_expect(eq(u64, counter_snapshot_get(&counts, VNSBRIDGE_RECEIVED), FRAMES));
    cr_expect(eq(u64, counter_snapshot_get(&counts, VNSBRIDGE_TO_RING), FRAMES / 3 * 2));
    cr_expect(eq(u64, counter_snapshot_get(&counts, VNSBRIDGE_FROM_RING), FRAMES / 3 * 2));
    cr_expect(eq(u64, counter_snapshot_get(&counts, VNSBRIDGE_DROPPED), FRAMES / 3));
    cr_expect(
        eq(u64, counter_snapshot_drop(&counts, COUNTER_DROPPED, DROP_UNKNOWN_PORT), FRAMES / 3));
    for (unsigned i = 1; i <= FRAMES; i++) {
        cr_assert(eq(u32, settled[i], 1), "frame %u settled %u times", i, settled[i]);
        cr_assert(eq(u32, seen[i], (i - 1) % 3 != 0), "frame %u went up %u times", i, seen[i]);
    }
    world_bridge_open(w, NULL);
    world_close(w);
}

/* A router that went on working must not read, even for a moment, that nobody has the lease: it
 * would drop what waits in VNS_IN. */
Test(frames, restarted_bridge_never_takes_the_lease_from_the_router)
{
    struct world *w = world_open(NULL);
    struct lease_row before, after;

    world_lab(w, PORT_UP);
    world_session(w, "vrhost", SESSION_OPEN);
    before = world_lease(w, 0);
    cr_assert(before.owner == LEASE_RING && before.state == LEASE_READY && before.since_ns > 0);
    world_bridge_kill(w);
    world_bridge_open(w, NULL);
    after = world_lease(w, 0);
    cr_expect(eq(u32, after.owner, LEASE_RING));
    cr_expect(eq(u64, after.since_ns, before.since_ns), "it was somebody else's in between");
    world_close(w);
}

Test(frames, full_pkt_out_stops_both_directions_and_loses_nothing)
{
    static const char config[] = "[vhost a]\ninterface = eth1 pa 10.0.0.1\n"
                                 "[vhost b]\ninterface = eth1 pb 10.0.0.2\n";
    struct world *w = world_open(&(struct world_options){.config = config});
    struct record in = {.ticket = RECORD_NO_TICKET}, r;
    unsigned out = 0, n = 0, fd_frames = 0;
    int fd;

    world_port(w, 0, 1, "pa", PORT_UP);
    world_port(w, 1, 2, "pb", PORT_UP);
    world_session(w, "a", SESSION_OPEN);
    while (n < 1000) { /* 3 MB of the router's own frames */
        if (ring_room(&w->vns_out, 4096) >= 4096) {
            answer(w, &in, VERDICT_ORIGINATED, 0, 3000, 0);
            n++;
        }
        world_pump(w);
        if (w->b.blocked) {
            break;
        }
    }
    cr_assert(w->b.blocked, "PKT_OUT never filled");
    fd = vns_client(w, "b");
    world_frame(w, 9, 60); /* its verdict goes out now, if there is room for that, or later */
    vns_expect(w, fd, VNS_HWINFO);
    for (; fd_frames < 20; fd_frames++) {
        vns_send_frame(w, fd, "eth1", 1000);
    }
    cr_expect(eq(u64, counter_get(VNSBRIDGE_FROM_CLIENTS), 0), "its socket is not read meanwhile");
    for (unsigned dropped = 0; out < n + fd_frames + 1; out++) {
        cr_assert(world_take(w, &w->pkt_out, &r, NULL), "%u of %u", out, n + fd_frames + 1);
        dropped += r.verdict == VERDICT_DROPPED;
        cr_assert(le(u32, dropped, 1));
    }
    cr_expect(eq(u64, counter_get(VNSBRIDGE_FROM_CLIENTS), fd_frames));
    world_close(w);
}

/* ---- to and from VNS clients ---------------------------------------------------------------- */

Test(frames, frame_reaches_a_client_whole_and_its_verdict_has_no_bytes)
{
    struct world *w = world_open(NULL);
    uint8_t m[VNS_CLIENT_MAX];
    static const size_t sizes[] = {14, 60, 128, 129, 1514, 9976};
    struct record r;
    int fd;

    world_lab(w, PORT_UP);
    fd = vns_ready_client(w, "vrhost");
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t len = 0;

        world_frame(w, 3, sizes[i]);
        cr_assert(eq(u32, vns_next(w, fd, m, &len), VNS_PACKET));
        cr_assert(eq(sz, len, VNS_PACKET_HEADER + sizes[i]));
        cr_expect(eq(str, (char *)m + 8, "eth3"));
        for (size_t k = 0; k < sizes[i]; k++) {
            cr_assert(eq(u8, m[24 + k], (uint8_t)k));
        }
        r = world_verdict(w);
        cr_expect(eq(u32, r.verdict, VERDICT_FORWARDED));
        cr_expect(eq(u32, r.head_len + r.tail_len, 0));
    }
    cr_expect(eq(u64, counter_get(VNSBRIDGE_TO_CLIENTS), 6));
    world_close(w);
}

Test(frames, a_frame_that_waited_for_half_a_minute_does_not_reach_a_client)
{
    struct world *w = world_open(NULL);
    uint8_t m[VNS_CLIENT_MAX];
    struct record r;
    size_t len = 0;
    int fd;

    world_lab(w, PORT_UP);
    fd = vns_ready_client(w, "vrhost");
    w->rx_ns = loop_now_ns() - 31 * 1000000000ull;
    world_frame(w, 3, 1514);
    r = world_verdict(w);
    cr_expect(eq(u32, r.verdict, VERDICT_DROPPED));
    cr_expect(eq(u32, r.reason, DROP_STALE));
    w->rx_ns = loop_now_ns() - 29 * 1000000000ull;
    world_frame(w, 3, 60);
    cr_assert(eq(u32, vns_next(w, fd, m, &len), VNS_PACKET));
    cr_expect(eq(sz, len, VNS_PACKET_HEADER + 60), "and not the one before");
    cr_expect(eq(u64, counter_dropped(DROP_STALE), 1));
    world_close(w);
}

Test(frames, client_frames_leave_by_their_port_and_bad_sizes_are_dropped)
{
    static const struct {
        size_t len;
        enum drop want;
    } t[] = {{13, DROP_FRAME_TOO_SHORT},
             {14, DROP_NONE},
             {9976, DROP_NONE},
             {9977, DROP_FRAME_TOO_LONG},
             {65512, DROP_FRAME_TOO_LONG},
             {60, DROP_NONE}};
    struct world *w = world_open(NULL);
    int fd;

    world_lab(w, PORT_UP);
    fd = vns_ready_client(w, "vrhost");
    for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
        uint64_t before = counter_unsent(t[i].want);
        struct record r;

        vns_send_frame(w, fd, "eth2", t[i].len);
        if (t[i].want == DROP_NONE) {
            cr_assert(world_take(w, &w->pkt_out, &r, NULL));
            cr_expect(eq(u32, r.verdict, VERDICT_ORIGINATED));
            cr_expect(eq(u32, r.ticket, RECORD_NO_TICKET));
            cr_expect(eq(u64, r.dpid, WORLD_DPID));
            cr_expect(eq(u32, r.port, 2));
            cr_expect(eq(u32, r.head_len, (uint32_t)t[i].len));
        } else {
            for (unsigned k = 0; k < 100 && counter_unsent(t[i].want) == before; k++) {
                world_pump(w);
            }
            cr_expect(eq(u64, counter_unsent(t[i].want), before + 1));
        }
    }
    world_close(w);
}

Test(frames, ring_routers_frames_do_not_leave_while_a_client_has_its_vhost)
{
    struct world *w = ring_world();
    struct record up, r;
    int fd;

    world_frame(w, 1, 60);
    cr_assert(world_take(w, &w->vns_in, &up, NULL));
    fd = vns_ready_client(w, "vrhost");
    answer(w, &up, VERDICT_FORWARDED, 1, 60, 0);
    r = world_verdict(w);
    cr_expect(eq(u32, r.verdict, VERDICT_DROPPED));
    cr_expect(eq(u32, r.reason, DROP_UNKNOWN_INTERFACE));
    close(fd);
    world_pump_n(w, 3);
    world_frame(w, 1, 60);
    cr_assert(world_take(w, &w->vns_in, &up, NULL));
    answer(w, &up, VERDICT_FORWARDED, 1, 60, 0);
    cr_expect(eq(u32, world_verdict(w).verdict, VERDICT_FORWARDED));
    world_close(w);
}

/* Client a never reads; each frame for b arrives all the same, and a's overflow has its verdict. */
Test(frames, slow_client_loses_its_own_frames_and_delays_nobody)
{
    static const char config[] = "[vhost a]\ninterface = eth1 pa 10.0.0.1\n"
                                 "[vhost b]\ninterface = eth1 pb 10.0.0.2\n";
    struct world *w = world_open(&(struct world_options){.config = config});
    unsigned slow = 0;
    uint8_t m[VNS_CLIENT_MAX];
    int a, b, small = 65536;

    world_port(w, 0, 1, "pa", PORT_UP);
    world_port(w, 1, 2, "pb", PORT_UP);
    a = vns_ready_client(w, "a");
    setsockopt(a, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    b = vns_ready_client(w, "b");
    for (unsigned i = 0; i < 20000 && slow < 50; i++) {
        size_t len = 0;

        world_frame(w, 1, 1500);
        world_frame(w, 2, 100);
        cr_assert(eq(u32, vns_next(w, b, m, &len), VNS_PACKET), "frame %u", i);
        cr_assert(eq(sz, len, 124));
        for (unsigned k = 0; k < 2; k++) {
            struct record r = world_verdict(w);

            slow += r.verdict == VERDICT_DROPPED && r.reason == DROP_CLIENT_SLOW;
        }
    }
    cr_expect(ge(u32, slow, 50));
    cr_expect(eq(u64, counter_dropped(DROP_CLIENT_SLOW), slow));
    /* what was forwarded to a arrives, in order and uncut, once it reads */
    for (unsigned n = (unsigned)counter_get(VNSBRIDGE_TO_CLIENTS) / 2; n > 100; n--) {
        size_t len = 0;

        cr_assert(eq(u32, vns_next(w, a, m, &len), VNS_PACKET));
        cr_assert(eq(sz, len, 1524));
        cr_assert(eq(u8, m[24 + 1499], (uint8_t)1499));
    }
    world_close(w);
}

/* A burst for ring and clients mixed: order within each, and a verdict for every frame. */
Test(frames, mixed_bursts_settle_every_frame_once)
{
    static const char config[] = "[vhost a]\ninterface = eth1 pa 10.0.0.1\n"
                                 "[vhost b]\ninterface = eth1 pb 10.0.0.2\n";
    struct world *w = world_open(&(struct world_options){.config = config});
    uint64_t last = 0, ring = 0;
    struct record r;
    int a;

    world_port(w, 0, 1, "pa", PORT_UP);
    world_port(w, 1, 2, "pb", PORT_UP);
    world_session(w, "b", SESSION_OPEN);
    a = vns_ready_client(w, "a");
    for (unsigned i = 0; i < 300; i++) {
        world_frame(w, 1 + i % 2, 200);
    }
    world_pump_n(w, 10);
    for (unsigned i = 0; i < 150; i++) {
        uint8_t m[VNS_CLIENT_MAX];
        size_t len = 0;

        r = world_verdict(w);
        cr_assert(gt(u64, r.seq, last));
        last = r.seq;
        cr_assert(world_take(w, &w->vns_in, &r, NULL));
        cr_assert(gt(u64, r.seq, ring));
        ring = r.seq;
        cr_assert(eq(u32, vns_next(w, a, m, &len), VNS_PACKET));
    }
    world_close(w);
}

/* ---- binding -------------------------------------------------------------------------------- */

Test(frames, lab_switch_is_preferred_and_another_one_is_taken_when_alone)
{
    struct world *w = world_open(NULL);

    for (unsigned i = 0; i < 3; i++) {
        char name[16];

        snprintf(name, sizeof name, "s7-eth%u", i + 1);
        world_port_on(w, 7, 10 + i, i + 1, name, PORT_UP, (uint8_t)(0x70 + i));
    }
    cr_expect(eq(u64, world_interface(w, 0).dpid, 7));
    world_port_on(w, 8, 20, 1, "s8-eth1", PORT_UP, 0x80);
    cr_expect(eq(u64, world_interface(w, 0).dpid, 7), "the one that it has");
    world_lab(w, PORT_UP);
    cr_expect(eq(u64, world_interface(w, 0).dpid, WORLD_DPID), "the lab's, by name");
    cr_expect(eq(u64, world_interface(w, 2).dpid, WORLD_DPID));
    world_lab(w, PORT_GONE);
    cr_expect(eq(u64, world_interface(w, 0).dpid, 7));
    world_close(w);
}

Test(frames, interfaces_keep_their_rows_over_a_restart_with_another_configuration)
{
    struct world *w = world_open(NULL);
    struct interface_row r;

    world_lab(w, PORT_UP);
    world_bridge_kill(w);
    world_bridge_open(w, &(struct world_options){
                             .config =
                                 "[vhost vrhost]\ninterface = eth3 0000000000000042:3 10.7.0.1/24\n"
                                 "interface = eth9 sw0-eth9 10.9.0.1\n"});
    r = world_interface(w, 2);
    cr_expect(eq(str, r.name, "eth3"));
    cr_expect(eq(u8, r.known, 1));
    cr_expect(eq(u32, r.ip, 0x0a070001));
    cr_expect(eq(u32, r.mask, 0xffffff00));
    r = world_interface(w, 0);
    cr_expect(eq(str, r.name, "eth1"));
    cr_expect(eq(u8, r.known, 0), "no longer configured");
    cr_expect(eq(str, world_interface(w, 3).name, "eth9"));
    world_close(w);
}

Test(frames, rows_that_a_mad_predecessor_filled_are_used_again)
{
    struct interface_row row = {.vhost = "red", .known = 77, .mask = 5};
    struct world *w = world_open(NULL);

    for (unsigned i = 0; i < VHOST_ROWS; i++) {
        snprintf(row.name, sizeof row.name, "\n%u", i);
        board_put(&w->b.interfaces, i, &row);
    }
    world_bridge_kill(w);
    world_bridge_open(w, NULL);
    for (unsigned i = 0; i < 4; i++) {
        static const char *const names[] = {"eth1", "eth2", "eth3", ""};

        cr_expect(eq(str, world_interface(w, i).name, (char *)(uintptr_t)names[i]));
    }
    world_close(w);
}

Test(frames, readiness_says_what_is_missing_and_who_serves)
{
    struct world *w = world_open(NULL);
    struct role_row row;
    bool alive;

    cr_assert(role_look(w->dir, "vnsbridge", &row, &alive));
    cr_expect(alive && row.state == ROLE_WAITING);
    cr_expect(eq(str, row.text, "waiting for ofproxy's ports"));
    world_port(w, 0, 1, "sw0-eth1", PORT_UP);
    role_look(w->dir, "vnsbridge", &row, &alive);
    cr_expect(eq(str, row.text, "vrhost: no switch announces eth2 eth3"));
    world_lab(w, PORT_UP);
    world_session(w, "vrhost", SESSION_OPEN);
    role_look(w->dir, "vnsbridge", &row, &alive);
    cr_expect(eq(u32, row.state, ROLE_READY));
    cr_expect(eq(str, row.text, "vrhost: eth1 eth2 eth3, served by ring"));
    world_close(w);
}

struct asked {
    const struct control_method *method;
    json_t *answer;
};

static void *ask_thread(void *context)
{
    struct asked *a = context;
    char why[128];

    a->answer = a->method->call(a->method->context, NULL, why, sizeof why);
    return NULL;
}

Test(frames, control_answers_from_another_thread_while_the_bridge_turns)
{
    struct world *w = world_open(NULL);

    cr_assert(eq(int, status_open(&w->b), 0));
    world_lab(w, PORT_UP);
    vns_ready_client(w, "vrhost");
    for (unsigned i = 0; w->b.status.methods[i].name; i++) {
        struct asked a = {&w->b.status.methods[i], NULL};
        pthread_t thread;
        char *text;

        pthread_create(&thread, NULL, ask_thread, &a);
        while (pthread_tryjoin_np(thread, NULL) != 0) {
            world_pump(w);
        }
        text = json_dumps(a.answer, 0);
        cr_expect(text && strstr(text, i == 1 ? "172.64.3.1" : "\"user\": \"joe\""), "%s", text);
        free(text);
        json_decref(a.answer);
    }
    status_close(&w->b);
    world_close(w);
}
