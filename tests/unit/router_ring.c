/* tests/unit/router_ring.c - the router on the ring: the lease, the tail, exactly once. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "router/port_ring.h"
#include "shm/ring_layout.h"
#include "shm/topo.h"
#include "shm/wait.h"
#include "tests/unit/router_rig.h"

/* The test is vnsbridge: it has the other ends. */
static struct {
    char dir[64];
    struct topo topo;
    struct ring_tx vns_in;
    struct ring_rx vns_out;
    struct board_writer interfaces, leases;
    struct board_reader session;
    uint64_t seq;
    uint64_t rx_ns; /* of the frames it sends */
} bridge;

static void open_bridge(void)
{
    log_set_level(LOG_ERROR);
    strcpy(bridge.dir, "/dev/shm/cw-ring-XXXXXX");
    cr_assert(mkdtemp(bridge.dir) != NULL);
    topo_open(&bridge.topo, bridge.dir, TOPO_VNSBRIDGE);
    topo_tx(&bridge.topo, &bridge.vns_in, TOPO_VNS_IN);
    topo_rx(&bridge.topo, &bridge.vns_out, TOPO_VNS_OUT);
    topo_board_writer(&bridge.topo, &bridge.interfaces, TOPO_INTERFACES);
    topo_board_writer(&bridge.topo, &bridge.leases, TOPO_LEASES);
    topo_board_reader(&bridge.topo, &bridge.session, TOPO_SESSION);
}

static void close_bridge(void)
{
    char command[100];

    snprintf(command, sizeof command, "rm -r %s", bridge.dir);
    cr_assert(zero(int, system(command)));
}

TestSuite(router_ring, .timeout = 30, .init = open_bridge, .fini = close_bridge);

static void put_interface(unsigned row, const char *vhost, const char *name, uint32_t ip, bool up)
{
    struct interface_row r = {
        .ip = ip, .mask = 0xffffffff, .mac = {2, 0, 0, 0, 0, (uint8_t)(row + 1)}, .known = 1};

    r.up = up;
    strcpy(r.vhost, vhost);
    strcpy(r.name, name);
    board_put(&bridge.interfaces, row, &r);
    board_publish(&bridge.interfaces);
}

static void lease(enum lease_owner owner, enum lease_state state)
{
    struct lease_row r = {.vhost = "vrhost",
                          .owner = owner,
                          .state = state,
                          .peer = "127.0.0.1:5000",
                          .text = "sw0-eth1 is missing"};

    board_put(&bridge.leases, 0, &r);
    board_publish(&bridge.leases);
}

static void put_lab(void)
{
    put_interface(0, "other", "eth1", IP(1, 1, 1, 1), true);
    put_interface(1, "vrhost", "eth1", IP(192, 168, 2, 1), true);
    put_interface(2, "vrhost", "eth2", IP(172, 64, 3, 1), true);
    put_interface(3, "vrhost", "eth3", IP(10, 0, 1, 1), true);
    lease(LEASE_RING, LEASE_READY);
}

/* ---- a router, in this process ------------------------------------------------------------ */

static struct {
    struct topo topo;
    struct loop loop;
    struct waiter wait;
    struct talk talk;
    struct keeper keeper;
    struct router r;
    struct fib *fib;
    uint64_t now;
} one;

static void seen(void *context, const struct record *r)
{
    if (r->hold) {
        hold_left(context, r->hold);
    }
}

static void start_router(void)
{
    struct port_events events = router_events(&one.r);
    struct port_ring_config c = {&one.topo, &one.wait, "vrhost", "user", 3};
    char held[128];
    unsigned old;

    topo_open(&one.topo, bridge.dir, TOPO_ROUTER);
    cr_assert(zero(int, loop_open(&one.loop)));
    cr_assert(
        zero(int, wait_open(&one.wait, &one.loop, WAIT_SLEEP, 0, &one.topo.bell[TOPO_ROUTER])));
    cr_assert(zero(int, fib_open(&one.fib)));
    cr_assert(zero(int, talk_open(&one.talk, NULL)));
    cr_assert(zero(int, keeper_open(&one.keeper, one.fib, &one.talk)));
    snprintf(held, sizeof held, "%s/router.held", bridge.dir);
    router_open(&one.r, one.fib, &one.talk, &one.keeper.neigh, held);
    one.r.role = &one.topo.role;
    one.r.port = port_ring_open(&c, &events);
    port_ring_last_batch(one.r.port, seen, &one.r.hold);
    one.now = loop_now_ns();
    hold_restore(&one.r.hold, port_ring_settled(one.r.port), one.now, &old);
    keeper_routes(&one.keeper, "", "vrhost"); /* the lab's */
}

static void turn(void)
{
    for (unsigned i = 0; i < 5; i++) {
        router_turn(&one.r, one.now);
        keeper_pass(&one.keeper, one.now);
    }
}

static const char *state_text(enum role_state *state)
{
    static struct role_row row;
    bool alive;

    cr_assert(role_look(bridge.dir, "router", &row, &alive));
    *state = (enum role_state)row.state;
    return row.text;
}

/* Sends a frame as vnsbridge does, in the arena's place if it is long. */
static void send_frame(uint32_t row, const uint8_t *frame, size_t len, uint64_t tail_off)
{
    size_t head = len < RECORD_INLINE ? len : RECORD_INLINE;
    struct record r = {.seq = ++bridge.seq,
                       .rx_ns = bridge.rx_ns,
                       .dpid = 5,
                       .port = row,
                       .ticket = (uint32_t)bridge.seq + 1000,
                       .tail_len = (uint32_t)(len - head),
                       .tail_off = len > head ? tail_off : 0,
                       .head_len = (uint32_t)head};
    uint8_t *to = ring_reserve(&bridge.vns_in, head);

    cr_assert(to != NULL);
    memcpy(to, frame, head);
    ring_commit(&bridge.vns_in, &r);
    ring_publish(&bridge.vns_in);
}

static bool take(struct record *r, uint8_t *head)
{
    const uint8_t *from;

    if (!ring_peek(&bridge.vns_out, r, &from)) {
        return false;
    }
    memcpy(head, from, r->head_len);
    ring_next(&bridge.vns_out);
    ring_release(&bridge.vns_out);
    return true;
}

/* The next record that is not an announcement or request of ARP's. */
static bool take_frame(struct record *r, uint8_t *head)
{
    while (take(r, head)) {
        if (r->verdict != VERDICT_ORIGINATED || r->hold != 0) {
            return true;
        }
    }
    return false;
}

static uint8_t frame[2048], head[RECORD_HEAD_MAX];

static size_t ping(uint32_t dst, size_t payload)
{
    struct spec s = {.src = CLIENT,
                     .dst = dst,
                     .proto = 1,
                     .ttl = 64,
                     .payload = payload,
                     .icmp_type = PKT_ECHO,
                     .eth_dst = (const uint8_t[]){2, 0, 0, 0, 0, 4}};

    return make(frame, &s);
}

Test(router_ring, says_what_it_wants_and_what_it_waits_for)
{
    struct session_row s;
    enum role_state state;
    struct record r;

    start_router();
    turn();
    cr_assert(board_get(&bridge.session, 0, &s));
    cr_expect(eq(str, s.vhost, "vrhost"));
    cr_expect(eq(str, s.user, "user"));
    cr_expect(eq(u32, s.topology, 3));
    cr_expect(eq(u32, s.state, SESSION_OPEN));
    cr_expect(eq(u64, s.start, one.topo.role.row.starts));
    cr_expect(eq(str, (char *)state_text(&state), "waiting for vnsbridge to let it be vrhost"));
    cr_expect(eq(int, (int)state, ROLE_WAITING));
    lease(LEASE_RING, LEASE_WAITING);
    turn();
    cr_expect(eq(str, (char *)state_text(&state),
                 "waiting for vnsbridge's interfaces: sw0-eth1 is missing"));
    lease(LEASE_CLIENT, LEASE_READY);
    turn();
    cr_expect(eq(str, (char *)state_text(&state),
                 "stand-by: vrhost is served by a VNS client 127.0.0.1:5000"));
    put_lab();
    turn();
    cr_expect(
        eq(str, (char *)state_text(&state), "eth1 192.168.2.1, eth2 172.64.3.1, eth3 10.0.1.1"));
    cr_expect(eq(int, (int)state, ROLE_READY));
    for (unsigned row = 1; row <= 3; row++) {
        cr_assert(take(&r, head), "announcement %u", row);
        cr_expect(eq(u32, r.port, row));
    }
    one.r.port->ops->close(one.r.port);
    cr_assert(board_get(&bridge.session, 0, &s));
    cr_expect(eq(u32, s.state, SESSION_OPEN));
}

Test(router_ring, announcements_are_counted_with_their_records)
{
    uint64_t before = counter_get(ROUTER_ORIGINATED), n = 0;
    struct record r;

    start_router();
    put_lab();
    for (unsigned i = 0; i < 10; i++) {
        router_turn(&one.r, one.now);
        while (take(&r, head)) {
            n++;
        }
        cr_expect(eq(u64, counter_get(ROUTER_ORIGINATED) - before, n), "turn %u", i);
    }
    cr_expect(eq(u64, n, 3));
}

Test(router_ring, a_frame_is_handled_with_the_boards_that_were_published_before_it)
{
    struct record r;

    start_router();
    turn();
    put_lab();
    send_frame(3, frame, ping(IP(10, 0, 1, 1), 30), 0);
    turn();
    cr_assert(take_frame(&r, head));
    cr_expect(eq(u8, r.verdict, VERDICT_ANSWERED));
}

Test(router_ring, works_only_while_the_lease_is_its_own)
{
    struct record r;

    start_router();
    for (unsigned i = 0; i < 4; i++) {
        if (i == 1) {
            put_lab();
        } else if (i == 2) {
            lease(LEASE_CLIENT, LEASE_READY);
        } else if (i == 3) {
            lease(LEASE_RING, LEASE_READY);
        }
        turn();
        send_frame(3, frame, ping(IP(10, 0, 1, 1), 30), 0);
        turn();
        cr_assert(take_frame(&r, head));
        cr_expect(eq(u64, r.seq, bridge.seq));
        if (i % 2) {
            cr_expect(eq(u8, r.verdict, VERDICT_ANSWERED), "turn %u", i);
        } else {
            cr_expect(eq(u8, r.verdict, VERDICT_DROPPED), "turn %u", i);
            cr_expect(eq(u8, r.reason, DROP_NO_ROUTER), "turn %u", i);
        }
    }
}

Test(router_ring, an_interface_goes_down_and_comes_up)
{
    enum role_state state;
    struct record r;

    start_router();
    put_lab();
    turn();
    put_interface(3, "vrhost", "eth3", IP(10, 0, 1, 1), false);
    turn();
    send_frame(3, frame, ping(IP(10, 0, 1, 1), 30), 0);
    turn();
    cr_assert(take_frame(&r, head));
    cr_expect(eq(u8, r.reason, DROP_INTERFACE_DOWN));
    cr_expect(strstr(state_text(&state), "eth3 10.0.1.1 down") != NULL);
    put_interface(3, "vrhost", "eth3", IP(10, 0, 1, 1), true);
    turn();
    send_frame(3, frame, ping(IP(10, 0, 1, 1), 30), 0);
    turn();
    cr_assert(take_frame(&r, head));
    cr_expect(eq(u8, r.verdict, VERDICT_ANSWERED));
    cr_expect(strstr(state_text(&state), "down") == NULL, "%s", state_text(&state));
    cr_expect(eq(int, (int)state, ROLE_READY));
}

/* What a predecessor's handler wrote as it died with the record at 'place' in hand. */
static void blame(uint64_t place, uint64_t deaths)
{
    struct ring_rx_shared *rx;
    char path[100];
    int fd;

    snprintf(path, sizeof path, "%s/VNS_IN.rx", bridge.dir);
    fd = open(path, O_RDWR);
    cr_assert(ge(int, fd, 0));
    rx = mmap(NULL, FILE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    cr_assert(ne(ptr, rx, MAP_FAILED));
    rx->evidence = (struct fault_evidence){place, deaths, SIGFPE};
    munmap(rx, FILE_PAGE);
    close(fd);
}

/* Verdicts that one turn makes visible; the last one's record to 'r'. */
static unsigned verdicts_of_a_turn(struct record *r)
{
    unsigned n = 0;

    router_turn(&one.r, one.now);
    keeper_pass(&one.keeper, one.now);
    while (take_frame(r, head)) {
        n++;
    }
    return n;
}

Test(router_ring, a_frame_that_predecessors_died_of_is_alone_and_then_in_quarantine)
{
    static const unsigned batches[] = {2, 1, 2};
    char path[100];
    struct record r;
    struct stat st;

    put_lab();
    snprintf(path, sizeof path, "%s/router.quarantine.pcap", bridge.dir);
    for (unsigned deaths = 1; deaths <= 3; deaths++) {
        uint64_t place = 0, first = bridge.seq;

        for (unsigned i = 0; i < 5; i++) {
            place = i == 2 ? bridge.vns_in.tail : place;
            send_frame(3, frame, ping(IP(10, 0, 1, 1), 30), 0);
        }
        blame(place, deaths);
        start_router();
        quarantine_open(&one.r.quarantine, bridge.dir, "router");
        for (unsigned i = 0, turns = 0; i < 3; turns++) {
            unsigned n = verdicts_of_a_turn(&r);

            cr_assert(lt(u32, turns, 50));
            if (n == 0) {
                continue;
            }
            cr_expect(eq(u32, n, batches[i]), "%u deaths, batch %u", deaths, i);
            if (i == 1) {
                cr_expect(eq(u64, r.seq, first + 3));
                cr_expect(eq(u8, r.verdict, deaths < 2 ? VERDICT_ANSWERED : VERDICT_DROPPED));
                cr_expect(eq(u8, r.reason, deaths < 2 ? DROP_NONE : DROP_POISON));
            }
            i++;
        }
        cr_assert(zero(int, stat(path, &st)));
        cr_expect(eq(sz, (size_t)st.st_size, 24 + (deaths - 1) * (16 + 64)));
        cr_expect(eq(u64, counter_get(ROUTER_QUARANTINED), deaths - 1));
        one.r.port->ops->close(one.r.port);
        router_close(&one.r);
        topo_close(&one.topo);
    }
}

/* A board tells states, not events: the interface may be on another switch now, and never have been
 * seen down.  Who was heard on the old wire need not be on the new one. */
Test(router_ring, an_interface_that_moves_to_another_switch_forgets_its_neighbours)
{
    struct talk_message m = {.type = TALK_LEARNED, .iface = 1, .ip = SERVER1, .create = 1};
    struct interface_row row = {.vhost = "vrhost",
                                .name = "eth1",
                                .dpid = 9,
                                .port = 4,
                                .ip = IP(192, 168, 2, 1),
                                .mask = 0xffffffff,
                                .mac = {2, 0, 0, 0, 0, 2},
                                .known = 1,
                                .up = 1};
    struct record r;

    memcpy(m.mac, SERVER1_MAC, 6);
    start_router();
    put_lab();
    turn();
    neigh_hear(&one.keeper.neigh, &m, one.now);
    m.iface = 3;
    m.ip = CLIENT;
    neigh_hear(&one.keeper.neigh, &m, one.now);
    while (take(&r, head)) {
    }
    board_put(&bridge.interfaces, 1, &row);
    board_publish(&bridge.interfaces);
    turn();
    cr_expect(neigh_lookup(&one.keeper.neigh, SERVER1, 1) == NULL, "forgotten");
    cr_expect(neigh_lookup(&one.keeper.neigh, CLIENT, 3) != NULL, "on the other one, not");
    cr_assert(take(&r, head), "it announces itself to the new ones");
    cr_expect(eq(u32, r.port, 1));
    cr_expect(not(take(&r, head)));
    row.speed = 100; /* any other change is none of the wire's */
    neigh_hear(&one.keeper.neigh,
               &(struct talk_message){
                   .type = TALK_LEARNED, .iface = 1, .ip = SERVER1, .create = 1, .mac = {10}},
               one.now);
    board_put(&bridge.interfaces, 1, &row);
    board_publish(&bridge.interfaces);
    turn();
    cr_expect(neigh_lookup(&one.keeper.neigh, SERVER1, 1) != NULL);
    cr_expect(not(take(&r, head)));
}

Test(router_ring, frames_go_on_waiting_while_their_interface_moves)
{
    struct interface_row row = {.vhost = "vrhost",
                                .name = "eth2",
                                .dpid = 9,
                                .port = 4,
                                .ip = IP(172, 64, 3, 1),
                                .mask = 0xffffffff,
                                .mac = {2, 0, 0, 0, 0, 3},
                                .known = 1,
                                .up = 1};
    struct talk_message m = {.type = TALK_LEARNED, .iface = 2, .ip = SERVER2, .create = 1};
    struct record r;

    memcpy(m.mac, SERVER2_MAC, 6);
    start_router();
    put_lab();
    turn();
    send_frame(3, frame, ping(SERVER2, 30), 0);
    turn();
    board_put(&bridge.interfaces, 2, &row);
    board_publish(&bridge.interfaces);
    turn();
    cr_assert(take_frame(&r, head));
    cr_expect(eq(u8, r.verdict, VERDICT_HELD));
    cr_expect(not(take_frame(&r, head)), "nothing failed");
    neigh_hear(&one.keeper.neigh, &m, one.now);
    turn();
    cr_assert(take_frame(&r, head));
    cr_expect(ne(u64, r.hold, 0));
}

Test(router_ring, the_tail_that_leaves_is_the_one_that_came)
{
    static const size_t sizes[] = {64, 128, 129, 512, 1500};

    start_router();
    put_lab();
    turn();
    bridge.rx_ns = one.now - 77;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t off = ARENA_CHUNK * 3 + 4096 + i * 2048;
        struct record r;

        send_frame(3, frame, ping(IP(172, 64, 3, 1), sizes[i] - 34), off);
        turn();
        cr_assert(take_frame(&r, head));
        cr_expect(eq(u8, r.verdict, VERDICT_ANSWERED), "%zu", sizes[i]);
        cr_expect(eq(u32, r.head_len + r.tail_len, (uint32_t)sizes[i]));
        cr_expect(eq(u64, r.tail_off, sizes[i] > 128 ? off : 0));
        cr_expect(eq(u64, r.seq, bridge.seq));
        cr_expect(eq(u32, r.ticket, (uint32_t)bridge.seq + 1000));
        cr_expect(eq(u64, r.rx_ns, one.now - 77));
        cr_expect(eq(u64, r.dpid, 5));
        cr_expect(eq(u32, r.port, 3));
        cr_expect(ne(u64, r.src, 0));
    }
}

Test(router_ring, a_frame_that_waited_for_half_a_minute_is_dropped_unread)
{
    static const struct {
        int64_t age_ns; /* INT64_MAX: not known */
        enum verdict want;
    } t[] = {{0, VERDICT_ANSWERED},
             {29 * 1000000000ll, VERDICT_ANSWERED},
             {31 * 1000000000ll, VERDICT_DROPPED},
             {3600 * 1000000000ll, VERDICT_DROPPED},
             {-3600 * 1000000000ll, VERDICT_ANSWERED}, /* its time is a lie */
             {INT64_MAX, VERDICT_ANSWERED}};
    struct record r;

    start_router();
    put_lab();
    turn();
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        bridge.rx_ns = t[i].age_ns == INT64_MAX ? 0 : loop_now_ns() - (uint64_t)t[i].age_ns;
        send_frame(3, frame, ping(IP(172, 64, 3, 1), 64), 0);
        turn();
        cr_assert(take_frame(&r, head));
        cr_expect(eq(u8, r.verdict, t[i].want), "case %zu", i);
        cr_expect(eq(u8, r.reason, t[i].want == VERDICT_DROPPED ? DROP_STALE : DROP_NONE));
    }
    cr_expect(eq(u64, counter_dropped(DROP_STALE), 2));
}

Test(router_ring, refuses_a_tail_outside_the_arena)
{
    static const uint64_t offs[] = {(uint64_t)ARENA_CHUNK * ARENA_CHUNKS, UINT64_MAX - 100,
                                    ARENA_CHUNK - 100};
    struct record r;

    start_router();
    put_lab();
    turn();
    for (size_t i = 0; i < 3; i++) {
        send_frame(3, frame, ping(IP(10, 0, 1, 1), 1000), offs[i]);
        turn();
        cr_assert(take_frame(&r, head));
        cr_expect(eq(u8, r.reason, DROP_BAD_RECORD), "offset %zu", i);
        cr_expect(zero(u32, r.tail_len));
    }
}

/* ---- exactly once ------------------------------------------------------------------------- */

/* A router that is killed while it works: verdicts it published stand, all others follow. */
static void router_process(unsigned after)
{
    start_router();
    for (unsigned i = 0; i < 3; i++) {
        turn();
    }
    for (unsigned i = 0; i < after; i++) {
        router_turn(&one.r, one.now);
    }
    raise(SIGKILL);
}

Test(router_ring, every_frame_has_one_verdict_over_many_kills)
{
    static uint8_t verdicts[4096];
    unsigned sent = 0, held = 0;
    struct record r;

    put_lab();
    for (unsigned round = 0; round < 90; round++) {
        pid_t pid;
        int status;

        for (unsigned i = 0; i < 17; i++, sent++) {
            /* every third waits for server2, who never answers */
            send_frame(3, frame, ping(sent % 3 ? IP(10, 0, 1, 1) : SERVER2, 30), 0);
        }
        pid = fork();
        if (pid == 0) {
            router_process(round % 4);
        }
        cr_assert(eq(int, waitpid(pid, &status, 0), pid));
        cr_assert(eq(int, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, true));
        while (take(&r, head)) {
            if (r.verdict == VERDICT_ORIGINATED) {
                continue;
            }
            cr_assert(le(u64, r.seq, sent));
            cr_expect(zero(u8, verdicts[r.seq]), "frame %lu has two", (unsigned long)r.seq);
            verdicts[r.seq]++;
            held += r.verdict == VERDICT_HELD;
        }
    }
    for (unsigned i = 1; i <= sent; i++) {
        cr_expect(eq(u8, verdicts[i], 1), "frame %u", i);
    }
    cr_expect(eq(u32, held, HOLD_PER_HOP), "held frames stay over kills, so the bound holds");
}

/* Waits for server2's reply, sends what is held, and is killed before it can note that. */
static void release_process(bool flushed)
{
    struct talk_message m = {.type = TALK_LEARNED, .iface = 2, .ip = SERVER2, .create = 1};

    memcpy(m.mac, SERVER2_MAC, 6);
    start_router();
    turn();
    neigh_hear(&one.keeper.neigh, &m, one.now);
    neigh_pass(&one.keeper.neigh, one.now);
    one.r.now_ns = one.now;
    if (flushed) {
        turn();
    } else {
        hold_resolved(&one.r.hold, SERVER2, 2, SERVER2_MAC);
        for (struct hold_hop *hop; hold_ready(&one.r.hold, &hop); hold_leave(&one.r.hold, hop)) {
            const struct hold_slot *s = hold_ready(&one.r.hold, &hop);
            uint8_t *to = port_room(one.r.port, PORT_HEAD);

            memcpy(to, s->frame, s->len);
            router_originate(&one.r, NULL, 2, to, s->len, s->serial);
        }
        port_flush(one.r.port); /* and no hold_flushed */
    }
    raise(SIGKILL);
}

static void run_child(void (*f)(bool), bool flag)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        f(flag);
        _exit(1);
    }
    cr_assert(eq(int, waitpid(pid, &status, 0), pid));
    cr_assert(eq(int, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, true));
}

static void hold_process(bool unused)
{
    (void)unused;
    router_process(3);
}

Test(router_ring, held_frames_leave_once_though_the_router_dies_between)
{
    for (unsigned flushed = 0; flushed < 2; flushed++) {
        unsigned held = 0, left = 0;
        struct record r;

        put_lab();
        for (unsigned i = 0; i < 10; i++) {
            send_frame(3, frame, ping(SERVER2, 30), 0);
        }
        run_child(hold_process, true);
        run_child(hold_process, true); /* one that does nothing */
        run_child(release_process, flushed != 0);
        run_child(release_process, true);
        while (take_frame(&r, head)) {
            held += r.verdict == VERDICT_HELD;
            left += r.hold != 0;
        }
        cr_expect(eq(u32, held, 10));
        cr_expect(eq(u32, left, 10));
    }
}

Test(router_ring, stops_reading_while_its_output_is_full)
{
    unsigned sent = 0, verdicts = 0;
    struct record r;

    start_router();
    put_lab();
    turn();
    for (unsigned round = 0; round < 400; round++) { /* answers are longer than requests */
        for (unsigned i = 0; i < 64; i++) {
            struct record in = {.seq = ++bridge.seq, .port = 3, .ticket = 1};
            uint8_t *to = ring_reserve(&bridge.vns_in, 128);
            size_t len = ping(IP(10, 0, 1, 1), 90);

            if (!to) {
                break;
            }
            in.head_len = (uint32_t)len;
            memcpy(to, frame, len);
            ring_commit(&bridge.vns_in, &in);
            sent++;
        }
        ring_publish(&bridge.vns_in);
        router_turn(&one.r, one.now);
    }
    cr_expect(gt(u32, sent, 15000), "both rings were filled");
    for (unsigned round = 0; round < 1000; round++) {
        while (take_frame(&r, head)) {
            verdicts++;
        }
        router_turn(&one.r, one.now);
    }
    cr_expect(eq(u32, verdicts, sent), "nothing is lost");
}
