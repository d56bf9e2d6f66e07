/* tests/fault/step_bridge.c - ofproxy and the router, played for a vnsbridge. */
#include <stdio.h>
#include <string.h>

#include "common/counter.h"
#include "shm/topo.h"
#include "tests/fault/step.h"

#define PORTS 3
#define DPID 1
#define UP 100 /* numbers up to here: frames from switches; above: from the router */

static struct state {
    struct topo ofproxy, router;
    struct ring_tx pkt_in, vns_out;
    struct ring_rx pkt_out, vns_in;
    struct board_writer ports, session;
    struct board_reader leases;
    struct step_account account;
    unsigned up, down; /* frames given so far */
    char dir[96];
} s;

static void open_world(const char *run_dir)
{
    struct session_row session = {.vhost = "vrhost", .state = SESSION_OPEN, .start = 1};

    snprintf(s.dir, sizeof s.dir, "%s", run_dir);
    topo_open(&s.ofproxy, run_dir, TOPO_OFPROXY);
    topo_open(&s.router, run_dir, TOPO_ROUTER);
    topo_tx(&s.ofproxy, &s.pkt_in, TOPO_PKT_IN);
    topo_rx(&s.ofproxy, &s.pkt_out, TOPO_PKT_OUT);
    topo_tx(&s.router, &s.vns_out, TOPO_VNS_OUT);
    topo_rx(&s.router, &s.vns_in, TOPO_VNS_IN);
    topo_board_writer(&s.ofproxy, &s.ports, TOPO_PORTS);
    topo_board_writer(&s.router, &s.session, TOPO_SESSION);
    topo_board_reader(&s.router, &s.leases, TOPO_LEASES);
    for (unsigned i = 1; i <= PORTS; i++) {
        struct port_row p = {.dpid = DPID, .port = i, .state = PORT_UP, .session = 1};

        p.mac[0] = 2;
        p.mac[5] = (uint8_t)i;
        snprintf(p.name, sizeof p.name, "sw0-eth%u", i);
        board_put(&s.ports, i - 1, &p);
    }
    board_publish(&s.ports);
    board_put(&s.session, 0, &session);
    board_publish(&s.session);
}

static void wake(void)
{
    topo_ring_all(&s.router);
}

static bool warm(void)
{
    struct lease_row l;

    return board_get(&s.leases, 0, &l) && l.owner == LEASE_RING && l.state == LEASE_READY;
}

/* ---- frames to the bridge ----------------------------------------------------------------- */

static void put(struct ring_tx *tx, const struct record *r, unsigned number)
{
    uint8_t *head = ring_reserve(tx, r->head_len);

    if (!head || number >= STEP_FRAMES) {
        s.account.strange++;
        return;
    }
    memset(head, (int)number, r->head_len);
    ring_commit(tx, r);
    s.account.must_settle[number] = 1;
}

static void frame_up(uint32_t port)
{
    unsigned number = ++s.up;
    struct record r = {
        .seq = number, .ticket = number, .dpid = DPID, .port = port, .head_len = 100};

    put(&s.pkt_in, &r, number);
    s.account.must_come[number] = port <= PORTS;
}

static void frame_down(enum verdict verdict, uint32_t len)
{
    unsigned number = UP + ++s.down;
    struct record r = {.seq = number,
                       .ticket = number,
                       .verdict = (uint8_t)verdict,
                       .dpid = DPID,
                       .port = number % PORTS, /* row of an interface */
                       .head_len = len};

    if (verdict == VERDICT_DROPPED) {
        r.reason = DROP_NO_ROUTE;
    } else if (verdict == VERDICT_ORIGINATED) {
        r.ticket = RECORD_NO_TICKET;
    }
    put(&s.vns_out, &r, number);
    s.account.must_come[number] = len > 0;
}

/* Known and unknown ports in turn: what settles a frame changes from ring to ring. */
static void feed(void)
{
    static const uint32_t port[] = {1, 2, 9, 3, 1, 9, 9, 2, 1, 3, 9};

    for (unsigned i = 0; i < 2 * sizeof port / sizeof port[0]; i++) {
        frame_up(port[i % (sizeof port / sizeof port[0])]);
    }
    ring_publish(&s.pkt_in);
    for (unsigned i = 0; i < 3; i++) {
        frame_down(VERDICT_FORWARDED, 100);
        frame_down(VERDICT_ANSWERED, 0);
        frame_down(VERDICT_DROPPED, 0);
        frame_down(VERDICT_ORIGINATED, 60);
        frame_down(VERDICT_ANSWERED, 600);
        frame_down(VERDICT_HELD, 0);
    }
    ring_publish(&s.vns_out);
}

/* ---- frames from the bridge --------------------------------------------------------------- */

/* A frame's bytes are its number, all of them. */
static unsigned number_of(const struct record *r, const uint8_t *head)
{
    return r->head_len > 0 ? head[0] : (r->ticket < STEP_FRAMES ? r->ticket : 0);
}

static void take(struct ring_rx *rx, bool up)
{
    const uint8_t *head;
    struct record r;

    while (ring_peek(rx, &r, &head)) {
        unsigned number = number_of(&r, head);
        bool originated = r.verdict == VERDICT_ORIGINATED;

        if (number == 0 || (up && number > UP) ||
            (!originated && (r.ticket != number || r.seq != number))) {
            s.account.strange++;
        }
        s.account.verdicts[number]++;
        s.account.came_out[number] = (unsigned char)(s.account.came_out[number] + (r.head_len > 0));
        ring_next(rx);
    }
    ring_release(rx);
    s.account.strange += rx->at > STEP_RING; /* past what is kept of a ring */
}

static bool pump(void)
{
    take(&s.vns_in, true);
    take(&s.pkt_out, false);
    return step_drained(&s.pkt_in) && step_drained(&s.vns_out) && step_complete(&s.account);
}

static bool check(char *why, size_t size)
{
    struct counter_view v;
    uint64_t received, settled, from_ring, passed;

    if (!step_exact(&s.account, why, size)) {
        return false;
    }
    if (counter_view_open(&v, s.dir, "vnsbridge") != 0) {
        snprintf(why, size, "its counters cannot be read");
        return false;
    }
    received = counter_view_get(&v, VNSBRIDGE_RECEIVED);
    settled = counter_view_get(&v, VNSBRIDGE_TO_RING) + counter_view_get(&v, VNSBRIDGE_DROPPED);
    from_ring = counter_view_get(&v, VNSBRIDGE_FROM_RING);
    passed =
        counter_view_get(&v, VNSBRIDGE_DOWN_VERDICTS) + counter_view_get(&v, VNSBRIDGE_DOWN_FRAMES);
    counter_view_close(&v);
    snprintf(why, size, "counters: up=%u received=%lu settled=%lu down=%u from_ring=%lu passed=%lu",
             s.up, received, settled, s.down, from_ring, passed);
    return received == s.up && settled == s.up && from_ring == s.down && passed == s.down;
}

const struct step_world step_bridge = {
    .program = "vnsbridge",
    .turn = "bridge_turn",
    .flag = {"--listen", "none"},
    .state = &s,
    .state_size = sizeof s,
    .open = open_world,
    .warm = warm,
    .wake = wake,
    .feed = feed,
    .pump = pump,
    .check = check,
};
