/* A vnsbridge between an ofproxy and a router that lie: an input is what they put into its rings
 * and boards.
 *
 *     1 byte    0 a record in PKT_IN, 1 in VNS_OUT, 2 a row of PORTS, 3 the row of SESSION, 4 a
 * turn
 *
 * Each record of theirs that settles a frame has one way out; what the bridge itself publishes is
 * fit to be read. */
#include "tests/unit/vnsbridge_world.h"

#include "tests/fuzz/fuzz.h"

static struct world *w;
static unsigned expected, possible; /* records out: at least, and how many more */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char command[128];

    (void)argc, (void)argv;
    w = world_open(NULL);
    snprintf(command, sizeof command, "rm -rf %s", w->dir); /* all of it is mapped */
    fuzz_check(system(command) == 0);
    return 0;
}

static unsigned take(struct ring_rx *rx)
{
    const uint8_t *head;
    struct record r;
    unsigned n = 0;

    while (ring_peek(rx, &r, &head)) {
        fuzz_check(r.head_len <= RECORD_HEAD_MAX);
        ring_next(rx);
        n++;
    }
    fuzz_check(!ring_rx_bad(rx), "%s", rx->why);
    ring_release(rx);
    return n;
}

static void turn(void)
{
    unsigned n;

    world_pump_n(w, 3);
    n = take(&w->pkt_out) + take(&w->vns_in);
    fuzz_check(n >= expected && n <= expected + possible,
               "%u records out for %u in, and %u that settle nothing", n, expected, possible);
    expected = possible = 0;
}

static void put_record(struct fuzz *f, struct ring_tx *tx)
{
    uint8_t which = fuzz_u8(f);
    struct record r = {.seq = ++w->seq, .dpid = WORLD_DPID, .port = 1, .ticket = 1, .head_len = 60};
    uint8_t *head;

    r.verdict = tx == &w->vns_out ? VERDICT_FORWARDED : VERDICT_NONE;
    r.port = which & 1 ? fuzz_u8(f) : r.port;
    r.port = which & 2 ? fuzz_u32(f) : r.port;
    r.head_len = which & 4 ? fuzz_u16(f) % (RECORD_HEAD_MAX + 1) : r.head_len;
    r.tail_len = which & 8 ? fuzz_u16(f) : 0;
    r.tail_off = which & 16 ? fuzz_u64(f) : 0;
    r.verdict = which & 32 ? fuzz_u8(f) : r.verdict;
    r.ticket = which & 64 ? fuzz_u32(f) : r.ticket;
    if (which & 128) {
        r.klass = fuzz_u8(f);
        r.reason = fuzz_u8(f);
        r.src = fuzz_u64(f);
        r.dpid = fuzz_u64(f);
        r.hold = fuzz_u64(f);
    }
    head = ring_reserve(tx, r.head_len);
    fuzz_check(head != NULL);
    memset(head, 0x55, r.head_len);
    ring_commit(tx, &r);
    ring_publish(tx);
    if (tx == &w->vns_out && r.ticket == RECORD_NO_TICKET) {
        possible++; /* what it says is refused, or a frame of the router's own */
    } else {
        expected++;
    }
}

static void put_port(struct fuzz *f)
{
    struct port_row row = {.dpid = WORLD_DPID, .state = PORT_UP, .name = "sw0-eth1"};
    uint8_t which = fuzz_u8(f);
    size_t len = sizeof row;
    const uint8_t *bytes;

    row.port = which & 3;
    row.name[7] = (char)('1' + (which & 3));
    if (which & 4) {
        bytes = fuzz_bytes(f, &len);
        memcpy(&row, bytes, len);
    }
    row.state = which & 8 ? fuzz_u8(f) : row.state;
    board_put(&w->ports, which >> 4, &row);
    board_publish(&w->ports);
}

static void put_session(struct fuzz *f)
{
    struct session_row row = {.vhost = "vrhost", .state = SESSION_OPEN, .start = 1};
    size_t len = fuzz_u8(f);
    const uint8_t *bytes;

    len = len < sizeof row ? len : sizeof row;
    bytes = fuzz_bytes(f, &len);
    memcpy(&row, bytes, len);
    board_put(&w->session, 0, &row);
    board_publish(&w->session);
}

static void check_boards(void)
{
    struct interface_row i;
    struct lease_row l;

    for (unsigned n = 0; n < 8; n++) {
        fuzz_check(board_get(&w->interfaces, n, &i) && board_get(&w->leases, n, &l));
        fuzz_check(memchr(i.vhost, '\0', sizeof i.vhost) && memchr(i.name, '\0', sizeof i.name));
        fuzz_check(memchr(l.vhost, '\0', sizeof l.vhost) && memchr(l.peer, '\0', sizeof l.peer) &&
                   memchr(l.text, '\0', sizeof l.text));
    }
}

static void start_over(void)
{
    static const struct port_row none;
    static const struct session_row nobody;

    for (unsigned i = 0; i < 16; i++) {
        board_put(&w->ports, i, &none);
    }
    board_put(&w->session, 0, &nobody);
    board_publish(&w->ports);
    board_publish(&w->session);
    turn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};

    for (unsigned n = 0; n < 100 && f.left > 0; n++) {
        switch (fuzz_u8(&f) % 5) {
        case 0:
            put_record(&f, &w->pkt_in);
            break;
        case 1:
            put_record(&f, &w->vns_out);
            break;
        case 2:
            put_port(&f);
            break;
        case 3:
            put_session(&f);
            break;
        default:
            turn();
            check_boards();
            break;
        }
    }
    turn();
    check_boards();
    start_over();
    return 0;
}
