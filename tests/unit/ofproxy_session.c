/* tests/unit/ofproxy_session.c - handshake, echoes, ports, and peers that break the rules. */
#include <netinet/in.h>
#include <sys/resource.h>

#include "tests/unit/ofproxy_rig.h"

TestSuite(ofproxy_session, .timeout = 20);

static uint8_t bytes[OF_LONGEST], body[OF_LONGEST];

Test(ofproxy_session, the_handshake_asks_for_everything_in_order)
{
#if RIG_VERSION == OF10_VERSION
    static const uint8_t asked[] = {0, 5, 9, 7, 16, 16, 14, 18, 16}; /* of10.def */
#else
    static const uint8_t asked[] = {0, 5, 9, 28, 7, 18, 18, 18, 14, 20, 18}; /* of13.def */
#endif
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_connect(&r);
    for (unsigned i = 0; i < sizeof asked; i++) {
        struct of_header h = rig_message(&r, fd, bytes);

        cr_assert_eq(h.type, asked[i], "message %u is of type %u", i, h.type);
        cr_assert_eq(h.version, i == 0 ? OF13_VERSION : RIG_VERSION);
        if (h.type == OF10_TYPE_HELLO) {
            cr_expect_eq(h.length, 16);
            cr_expect_eq(bytes[15], 0x12, "1.0 and 1.3 are in its bitmap");
            rig_hello(&r, fd);
        } else if (h.type == OF10_TYPE_FEATURES_REQUEST) {
            rig_send(&r, fd, OF10_TYPE_FEATURES_REPLY, h.xid, body, rig_features(body, 1, 1));
        } else if (h.type == OF10_TYPE_SET_CONFIG) {
            cr_expect_eq(bytes[10] << 8 | bytes[11], 65535);
        } else if (h.type == RIG_STATS_REQUEST) {
            rig_stats(&r, fd, bytes, 1);
        } else if (h.type == RIG_BARRIER_REQUEST) {
            rig_send(&r, fd, RIG_BARRIER_REPLY, h.xid, NULL, 0);
        }
    }
    cr_expect_eq(conn_find(r.p, 1)->state, CONN_READY);
    cr_expect_eq(conn_find(r.p, 1)->errors, 0u);
    close(fd);
    rig_close(&r);
}

/* Sends bytes and expects an ERROR of this type and code, then the end. */
static void expect_error(const char *what, bool shake, const uint8_t *bad, size_t len, int type,
                         int code)
{
    struct of_header h;
    struct rig r;
    size_t least = len < OF_ERROR_DATA ? len : OF_ERROR_DATA;
    int fd, other;

    rig_open(&r);
    other = rig_switch(&r, 99, 1);
    fd = shake ? rig_switch(&r, 1, 2) : rig_connect(&r);
    rig_write(&r, fd, bad, len);
    h = rig_await(&r, fd, OF10_TYPE_ERROR, bytes);
    cr_expect_eq(bytes[8] << 8 | bytes[9], type, "%s: type %u", what, bytes[9]);
    cr_expect_eq(bytes[10] << 8 | bytes[11], code, "%s: code %u", what, bytes[11]);
    if (type != OF10_HELLO_FAILED) {
        cr_expect_geq(h.length, 12 + least, "%s: carries %d bytes", what, h.length - 12);
        cr_expect(memcmp(bytes + 12, bad, least) == 0, "%s: carries something else", what);
    }
    cr_expect(rig_closed(&r, fd), "%s: stays open", what);
    cr_expect_null(conn_find(r.p, 1), "%s", what);
    cr_expect_not_null(conn_find(r.p, 99), "%s: another switch suffered", what);
    close(fd);
    rig_turn(&r);
    cr_expect_eq(r.p->n_conns, 1u, "%s: its connection is kept", what);
    close(other);
    rig_close(&r);
}

Test(ofproxy_session, hellos_that_cannot_be_agreed_on_are_told_so)
{
    static const uint8_t version0[] = {0, 0, 0, 8, 0, 0, 0, 1};
    static const uint8_t only12[] = {3, 0, 0, 8, 0, 0, 0, 1};
    static const uint8_t only14[] = {5, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0, 8, 0, 0, 0, 0x20};
    static const uint8_t cut[] = {4, 0, 0, 12, 0, 0, 0, 1, 0, 1, 0, 200};

    expect_error("version 0", false, version0, sizeof version0, OF10_HELLO_FAILED, 0);
    cr_expect_eq(bytes[0], 1);
    expect_error("1.2 only", false, only12, sizeof only12, OF10_HELLO_FAILED, 0);
    cr_expect_eq(bytes[0], 3, "the ERROR is in the smaller version of the two");
    expect_error("1.4 only", false, only14, sizeof only14, OF10_HELLO_FAILED, 0);
    cr_expect_eq(bytes[0], 4);
    cr_expect(strstr((const char *)bytes + 12, "OpenFlow10,OpenFlow13") != NULL,
              "the text tells the cure");
    expect_error("cut element", false, cut, sizeof cut, OF10_HELLO_FAILED, 0);
}

Test(ofproxy_session, anything_before_hello_is_refused)
{
    for (uint8_t type = 2; type < 30; type++) {
        uint8_t early[OF_LONGEST];
        size_t len = rig_put(early, type, 7, body, 56);

        expect_error("before hello", false, early, len, OF10_BAD_REQUEST,
                     OF10_BAD_REQUEST_BAD_TYPE);
    }
}

Test(ofproxy_session, impossible_lengths_are_refused)
{
    for (uint8_t length = 0; length < 8; length++) {
        uint8_t m[80] = {RIG_VERSION, OF10_TYPE_ECHO_REQUEST, 0, length, 0, 0, 0, 9};

        expect_error("short header", true, m, sizeof m, OF10_BAD_REQUEST, OF10_BAD_REQUEST_BAD_LEN);
        m[1] = OF10_TYPE_HELLO;
        expect_error("short hello", false, m, sizeof m, OF10_BAD_REQUEST, OF10_BAD_REQUEST_BAD_LEN);
    }
}

Test(ofproxy_session, messages_that_a_switch_may_not_send_are_refused)
{
    static const struct {
        const char *what;
        uint8_t version, type;
        size_t len; /* of the body */
        int code;
    } cases[] = {
        {"another version", 5 - RIG_VERSION, OF10_TYPE_ECHO_REQUEST, 0,
         OF10_BAD_REQUEST_BAD_VERSION},
        {"version 0", 0, OF10_TYPE_ECHO_REQUEST, 0, OF10_BAD_REQUEST_BAD_VERSION},
        {"unknown type", RIG_VERSION, 40, 100, OF10_BAD_REQUEST_BAD_TYPE},
        {"type 255", RIG_VERSION, 255, 0, OF10_BAD_REQUEST_BAD_TYPE},
        {"a controller's message", RIG_VERSION, OF10_TYPE_FLOW_MOD, 64, OF10_BAD_REQUEST_BAD_TYPE},
        {"features request", RIG_VERSION, OF10_TYPE_FEATURES_REQUEST, 0, OF10_BAD_REQUEST_BAD_TYPE},
        {"second hello", RIG_VERSION, OF10_TYPE_HELLO, 0, OF10_BAD_REQUEST_BAD_TYPE},
        {"short packet_in", RIG_VERSION, OF10_TYPE_PACKET_IN, 9, OF10_BAD_REQUEST_BAD_LEN},
        {"short port_status", RIG_VERSION, OF10_TYPE_PORT_STATUS, 7 + RIG_PORT,
         OF10_BAD_REQUEST_BAD_LEN},
        {"long port_status", RIG_VERSION, OF10_TYPE_PORT_STATUS, 9 + RIG_PORT,
         OF10_BAD_REQUEST_BAD_LEN},
        {"half a port", RIG_VERSION, OF10_TYPE_FEATURES_REPLY, 24 + 47, OF10_BAD_REQUEST_BAD_LEN},
        {"long barrier", RIG_VERSION, RIG_BARRIER_REPLY, 1, OF10_BAD_REQUEST_BAD_LEN},
        {"short error", RIG_VERSION, OF10_TYPE_ERROR, 3, OF10_BAD_REQUEST_BAD_LEN},
        {"another datapath-id", RIG_VERSION, OF10_TYPE_FEATURES_REPLY, 24, OF10_BAD_REQUEST_EPERM},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t m[200] = {0};
        size_t len = rig_put(m, cases[i].type, 5, body, cases[i].len);

        m[0] = cases[i].version;
        expect_error(cases[i].what, true, m, len, OF10_BAD_REQUEST, cases[i].code);
    }
}

Test(ofproxy_session, an_unknown_vendor_is_told_so_and_stays_connected)
{
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    rig_send(&r, fd, OF10_TYPE_VENDOR, 3, body, 20);
    rig_await(&r, fd, OF10_TYPE_ERROR, bytes);
    cr_expect_eq(bytes[11], OF10_BAD_REQUEST_BAD_VENDOR);
    rig_send(&r, fd, OF10_TYPE_ECHO_REQUEST, 4, "x", 1);
    cr_expect_eq(rig_await(&r, fd, OF10_TYPE_ECHO_REPLY, bytes).xid, 4);
    close(fd);
    rig_close(&r);
}

/* Past the budget of log lines nothing is written; the connection still has it. */
Test(ofproxy_session, a_flood_of_errors_is_counted_and_the_last_one_kept)
{
#if RIG_VERSION == OF10_VERSION
    static const uint8_t error[4] = {0, OF10_FLOW_MOD_FAILED, 0, OF10_FLOW_MOD_FAILED_EPERM};
#else
    static const uint8_t error[4] = {0, OF13_FLOW_MOD_FAILED, 0, OF13_FLOW_MOD_FAILED_EPERM};
#endif
    struct of_conn *c;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    for (unsigned i = 0; i < 500; i++) {
        rig_send(&r, fd, OF10_TYPE_ERROR, 1, "\0\1\0\0", 4);
    }
    rig_send(&r, fd, OF10_TYPE_ERROR, 1, error, sizeof error);
    c = conn_find(r.p, 1);
    cr_expect_eq(c->errors, 501u);
    cr_expect_eq(counter_get(OFPROXY_ERRORS_RX), 501u);
    cr_expect_str_eq(c->error, "flow mod failed: not permitted", "%s", c->error);
    cr_expect_geq(c->error_time, 1700000000u);
    close(fd);
    rig_close(&r);
}

/* A second connection that names the datapath-id 7. */
static int claim7(struct rig *r)
{
    int fd = rig_connect(r);

    rig_hello(r, fd);
    rig_send(r, fd, OF10_TYPE_FEATURES_REPLY, 2, body, rig_features(body, 7, 1));
    return fd;
}

static struct of_conn *claimant(struct rig *r)
{
    for (unsigned i = 0; i < r->p->max_conns; i++) {
        if (r->p->conns[i].state == CONN_CLAIM) {
            return &r->p->conns[i];
        }
    }
    return NULL;
}

Test(ofproxy_session, a_second_connection_for_a_live_datapath_is_refused)
{
    struct rig r;
    int fd, second;

    rig_open(&r);
    fd = rig_switch(&r, 7, 1);
    second = claim7(&r);
    rig_await(&r, fd, OF10_TYPE_ECHO_REQUEST, bytes);
    cr_assert_not_null(claimant(&r));
    session_tick(claimant(&r), loop_now_ns());
    cr_assert_not_null(claimant(&r), "the first may take its time");
    rig_send(&r, fd, OF10_TYPE_ECHO_REPLY, of_header_at(bytes).xid, NULL, 0);
    session_tick(claimant(&r), loop_now_ns());
    rig_await(&r, second, OF10_TYPE_ERROR, bytes);
    cr_expect_eq(bytes[11], OF10_BAD_REQUEST_EPERM);
    cr_expect_eq(of_header_at(bytes).xid, 2u, "of its FEATURES_REPLY");
    cr_expect_eq(bytes[12 + 1], OF10_TYPE_FEATURES_REPLY, "which it quotes");
    cr_expect(rig_closed(&r, second));
    close(second);
    rig_send(&r, fd, OF10_TYPE_ECHO_REQUEST, 4, NULL, 0);
    cr_expect_eq(rig_await(&r, fd, OF10_TYPE_ECHO_REPLY, bytes).xid, 4, "the first goes on");
    close(fd);
    rig_close(&r);
}

Test(ofproxy_session, what_the_first_said_and_nobody_read_yet_counts)
{
    struct rig r;
    int fd, second;

    rig_open(&r);
    fd = rig_switch(&r, 7, 1);
    second = claim7(&r);
    cr_assert(send(fd, "", 1, MSG_NOSIGNAL) == 1);
    claimant(&r)->claim.since_ns -= 2000000000ull;
    conn_find(r.p, 7)->heard_ns -= 3000000000ull;
    session_tick(claimant(&r), loop_now_ns());
    rig_await(&r, second, OF10_TYPE_ERROR, bytes);
    close(second);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_session, a_switch_that_vanished_loses_its_place_to_the_one_that_is_back)
{
    struct rig r;
    int fd, second;

    rig_open(&r);
    fd = rig_switch(&r, 7, 1);
    second = claim7(&r);
    claimant(&r)->claim.since_ns -= 2000000000ull;
    conn_find(r.p, 7)->heard_ns -= 3000000000ull;
    session_tick(claimant(&r), loop_now_ns());
    cr_expect(rig_closed(&r, fd), "the one that does not answer is let go");
    rig_set_up(&r, second, 7, 1); /* asked anew */
    cr_assert_not_null(conn_find(r.p, 7));
    cr_expect_eq(conn_find(r.p, 7)->state, CONN_READY);
    cr_expect_eq(r.p->n_conns, 1u);
    close(fd);
    close(second);
    rig_close(&r);
}

Test(ofproxy_session, once_the_first_has_hung_up_even_unnoticed_a_second_is_welcome)
{
    struct rig r;
    int fd, second;

    rig_open(&r);
    fd = rig_switch(&r, 7, 1);
    second = rig_connect(&r);
    rig_hello(&r, second);
    close(fd);
    cr_expect(conn_hung_up(conn_find(r.p, 7)));
    rig_send(&r, second, OF10_TYPE_FEATURES_REPLY, 2, body, rig_features(body, 7, 1));
    cr_expect_not_null(conn_find(r.p, 7));
    cr_expect_eq(r.p->n_conns, 1u);
    close(second);
    rig_close(&r);
}

static unsigned rows_in(struct rig *r, enum port_state state)
{
    struct port_row row;
    unsigned n = 0;

    for (unsigned i = 0; i < board_used(&r->ports); i++) {
        n += board_get(&r->ports, i, &row) && row.state == state;
    }
    return n;
}

static void port_status(struct rig *r, int fd, uint8_t reason, const struct of10_phy_port *port)
{
    struct wire_out out = {body + 8, body + 8 + RIG_PORT, false};

    memset(body, 0, 8);
    body[0] = reason;
    rig_put_port(&out, port);
    rig_send(r, fd, OF10_TYPE_PORT_STATUS, 0, body, 8 + RIG_PORT);
}

Test(ofproxy_session, ports_follow_port_status_and_the_connection)
{
    struct of10_phy_port port = rig_port(3), local = rig_port(0xfffe);
    struct port_row row;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 3);
    cr_assert(board_changed(&r.ports));
    cr_expect_eq(rows_in(&r, PORT_UP), 3u);
    port.state = OF10_PORT_STATE_LINK_DOWN;
    port_status(&r, fd, OF10_PORT_MODIFY, &port);
    cr_expect(board_changed(&r.ports));
    cr_assert(board_get(&r.ports, 2, &row));
    cr_expect_eq(row.state, PORT_DOWN);
    cr_expect_eq(row.flaps, 1u);
    cr_expect_eq(row.speed, 1000u);
    cr_expect_str_eq(row.name, "sw0-eth3");
    cr_expect_eq(row.mac[5], 3);
    port_status(&r, fd, OF10_PORT_DELETE, &port);
    cr_expect_eq(rows_in(&r, PORT_GONE), 1u);
    port_status(&r, fd, OF10_PORT_DELETE, &port); /* unknown by now: ignored */
    port_status(&r, fd, OF10_PORT_ADD, &local);   /* no port to forward to: no row */
    port = rig_port(4);
    port_status(&r, fd, OF10_PORT_ADD, &port);
    cr_expect_eq(rows_in(&r, PORT_UP), 3u);
    close(fd);
    rig_turn(&r);
    cr_expect_eq(rows_in(&r, PORT_GONE), 4u);
    fd = rig_switch(&r, 1, 2);
    cr_expect_eq(rows_in(&r, PORT_UP), 2u, "it has its rows again");
    cr_expect_eq(board_used(&r.ports), 4u);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_session, port_status_between_hello_and_features_is_left_to_features)
{
    struct of10_phy_port port = rig_port(9);
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_connect(&r);
    rig_hello(&r, fd);
    port_status(&r, fd, OF10_PORT_ADD, &port);
    cr_expect_eq(r.p->n_conns, 1u);
    cr_expect_eq(board_used(&r.ports), 0u);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_session, rows_of_ports_that_are_gone_are_used_again_when_all_were_used)
{
    static struct ports ports; /* on a board of its own */
    struct port_news news = {.up = true};
    unsigned at;
    struct rig r;

    rig_open(&r);
    memset(&ports, 0, sizeof ports);
    memset(ports.bucket, 0xff, sizeof ports.bucket);
    ports.board = r.p->ports.board;
    for (unsigned i = 0; i < PORTS_ROWS; i++) {
        news.port = i % 60000 + 1;
        cr_assert(ports_put(&ports, 1 + i / 60000, 1, &news));
    }
    news.port = 65000;
    at = ports.at;
    cr_expect(!(ports_put(&ports, 5, 1, &news)), "all rows are in use");
    cr_expect_eq(ports.at, at, "which is known without a search: a switch may ask again and again");
    cr_expect(ports_gone(&ports, 1, 100));
    cr_expect(ports_put(&ports, 5, 1, &news));
    cr_expect_eq(ports_count(&ports, 5), 1u);
    cr_expect(!(ports_gone(&ports, 1, 100)), "its row has another port now");
    rig_close(&r);
}

Test(ofproxy_session, rows_that_no_sane_predecessor_wrote_are_empty)
{
    static const struct port_row mad[] = {{.dpid = 1, .port = 1, .state = 77, .session = 1},
                                          {.dpid = 2, .state = PORT_UP, .session = UINT64_MAX},
                                          {.dpid = 3, .state = PORT_UP, .session = 5}};
    struct port_row row;
    struct rig r;

    rig_open(&r);
    for (unsigned i = 0; i < 3; i++) {
        board_put(&r.p->ports.board, PORTS_ROWS - 3 + i, &mad[i]);
    }
    ofproxy_close(r.p);
    rig_start(&r);
    cr_expect(board_get(&r.ports, PORTS_ROWS - 3, &row) && row.state == PORT_EMPTY);
    cr_expect(board_get(&r.ports, PORTS_ROWS - 2, &row) && row.state == PORT_EMPTY);
    cr_expect(board_get(&r.ports, PORTS_ROWS - 1, &row) && row.state == PORT_GONE);
    cr_expect_eq(ports_last_session(&r.p->ports), 5u);
    rig_close(&r);
}

Test(ofproxy_session, one_byte_at_a_time_is_as_good_as_any)
{
    struct rig r;
    size_t len;
    int fd;

    rig_open(&r);
    fd = rig_connect(&r);
    len = rig_put(bytes, OF10_TYPE_HELLO, 1, NULL, 0);
    len += rig_put(bytes + len, OF10_TYPE_FEATURES_REPLY, 2, body, rig_features(body, 5, 4));
    len += rig_put(bytes + len, OF10_TYPE_ECHO_REQUEST, 77, "0123456789", 10);
    for (size_t i = 0; i < len; i++) {
        rig_write(&r, fd, bytes + i, 1);
    }
    cr_expect_eq(rig_await(&r, fd, OF10_TYPE_ECHO_REPLY, bytes).xid, 77);
    cr_expect_eq(ports_count(&r.p->ports, 5), RIG_VERSION == OF10_VERSION ? 4u : 0u);
    cr_expect_eq(r.p->intake.users[r.p->intake.chunk], 1, "nothing is kept once all is whole");
    close(fd);
    rig_close(&r);
}

Test(ofproxy_session, a_64_kilobyte_echo_comes_back_whole)
{
    static uint8_t answer[OF_LONGEST];
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 5, 1);
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (uint8_t)(i * 31);
    }
    for (unsigned n = 0; n < 20; n++) {
        rig_send(&r, fd, OF10_TYPE_ECHO_REQUEST, n, body, OF_LONGEST - OF_HEADER);
        cr_assert_eq(rig_await(&r, fd, OF10_TYPE_ECHO_REPLY, answer).xid, n);
        cr_expect_arr_eq(answer + OF_HEADER, body, OF_LONGEST - OF_HEADER);
    }
    close(fd);
    rig_close(&r);
}

Test(ofproxy_session, coalesced_messages_are_all_answered)
{
    struct rig r;
    size_t len = 0;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 5, 1);
    for (uint32_t n = 0; n < 1000; n++) {
        len += rig_put(bytes + len, OF10_TYPE_ECHO_REQUEST, n, body, n % 50);
    }
    rig_write(&r, fd, bytes, len);
    for (uint32_t n = 0; n < 1000; n++) {
        struct of_header h = rig_await(&r, fd, OF10_TYPE_ECHO_REPLY, bytes);

        cr_assert_eq(h.xid, n);
        cr_assert_eq(h.length, 8 + n % 50);
    }
    close(fd);
    rig_close(&r);
}

Test(ofproxy_session, a_switch_that_never_reads_its_answers_is_closed_not_buffered)
{
    struct rig r;
    unsigned n = 0;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 5, 1);
    while (r.p->n_conns > 0 && n++ < 1000) {
        size_t len = rig_put(bytes, OF10_TYPE_ECHO_REQUEST, 1, body, 60000);

        send(fd, bytes, len, MSG_NOSIGNAL); /* may be cut: then it is not well-formed either */
        rig_turn(&r);
    }
    cr_expect_eq(r.p->n_conns, 0u);
    close(fd);
    rig_close(&r);
}

/* Time is moved on by moving the past back. */
static void age(struct of_conn *c, uint64_t ns)
{
    c->opened_ns -= ns;
    c->heard_ns -= ns;
    c->asked_ns -= ns;
}

Test(ofproxy_session, a_silent_switch_is_asked_three_times_then_closed)
{
    struct of_conn *c;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 5, 1);
    c = conn_find(r.p, 5);
    session_tick(c, loop_now_ns());
    rig_turn(&r);
    rig_await(&r, fd, OF10_TYPE_ECHO_REQUEST, bytes);
    rig_send(&r, fd, OF10_TYPE_ECHO_REPLY, of_header_at(bytes).xid, NULL, 0);
    cr_expect(c->rtt_ns > 0, "the round trip is measured at once");
    for (unsigned n = 0; n < 3; n++) {
        age(c, r.p->echo_ns + 1);
        session_tick(c, loop_now_ns());
        rig_turn(&r);
        cr_expect_eq(rig_message(&r, fd, bytes).type, OF10_TYPE_ECHO_REQUEST);
    }
    session_tick(c, loop_now_ns());
    rig_turn(&r);
    cr_expect_not_null(conn_find(r.p, 5), "each may take its time");
    age(c, r.p->echo_ns + 1);
    session_tick(c, loop_now_ns());
    rig_turn(&r);
    cr_expect_null(conn_find(r.p, 5));
    close(fd);
    rig_close(&r);
}

Test(ofproxy_session, a_switch_that_talks_but_reads_nothing_is_let_go)
{
    struct of_conn *c;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 5, 1);
    c = conn_find(r.p, 5);
    while (c->out.moving_ns == 0) {
        size_t len = rig_put(bytes, OF10_TYPE_ECHO_REQUEST, 1, body, 30000);

        cr_assert_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
        rig_turn(&r);
    }
    for (unsigned n = 0; n < 4; n++) { /* it goes on talking all the while */
        age(c, r.p->echo_ns + 1);
        c->out.moving_ns -= r.p->echo_ns + 1;
        cr_assert_not_null(conn_find(r.p, 5), "let go after %u intervals", n);
        rig_send(&r, fd, RIG_BARRIER_REPLY, 1, NULL, 0);
        session_tick(c, loop_now_ns());
        rig_turn(&r);
    }
    cr_expect_null(conn_find(r.p, 5));
    close(fd);
    rig_close(&r);
}

Test(ofproxy_session, a_switch_that_reads_slowly_is_kept)
{
    struct of_conn *c;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 5, 1);
    c = conn_find(r.p, 5);
    for (unsigned n = 0; n < 6; n++) {
        while (c->out.moving_ns == 0) {
            size_t len = rig_put(bytes, OF10_TYPE_ECHO_REQUEST, 1, body, 30000);

            send(fd, bytes, len, MSG_NOSIGNAL);
            rig_turn(&r);
        }
        age(c, r.p->echo_ns + 1);
        c->out.moving_ns -= r.p->echo_ns + 1;
        while (c->out.moving_ns != 0) { /* takes something, at last */
            rig_await(&r, fd, OF10_TYPE_ECHO_REPLY, bytes);
        }
        session_tick(c, loop_now_ns());
        rig_turn(&r);
    }
    cr_expect_not_null(conn_find(r.p, 5));
    close(fd);
    rig_close(&r);
}

Test(ofproxy_session, a_switch_that_answers_is_kept)
{
    struct of_conn *c;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 5, 1);
    c = conn_find(r.p, 5);
    for (unsigned n = 0; n < 10; n++) {
        age(c, r.p->echo_ns + 1);
        session_tick(c, loop_now_ns());
        rig_turn(&r);
        rig_await(&r, fd, OF10_TYPE_ECHO_REQUEST, bytes);
        rig_send(&r, fd, OF10_TYPE_ECHO_REPLY, of_header_at(bytes).xid, NULL, 0);
    }
    cr_expect_not_null(conn_find(r.p, 5));
    close(fd);
    rig_close(&r);
}

Test(ofproxy_session, a_handshake_that_takes_too_long_is_ended)
{
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_connect(&r);
    age(&r.p->conns[0], r.p->handshake_ns + 1);
    session_tick(&r.p->conns[0], loop_now_ns());
    cr_expect(rig_closed(&r, fd));
    cr_expect_eq(r.p->n_conns, 0u);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_session, connections_past_the_bound_are_refused_and_slots_come_back)
{
    static int fds[1024];
    struct rig r;
    int ends[2];

    rig_open(&r);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < r.p->max_conns && i < 1024; i++) {
            fds[i] = rig_connect(&r);
        }
        cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
        cr_expect_null(conn_open(r.p, ends[0], "one too many"));
        close(ends[0]);
        close(ends[1]);
        for (unsigned i = 0; i < r.p->max_conns && i < 1024; i++) {
            close(fds[i]);
        }
        for (unsigned i = 0; i < 100 && r.p->n_conns > 0; i++) {
            rig_turn(&r);
        }
        cr_expect_eq(r.p->n_conns, 0u);
    }
    rig_close(&r);
}

/* A listener of the ofproxy's, and a peer that connects to it. */
static int knock(struct rig *r)
{
    static char words[40];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof a;

    cr_assert(bind(fd, (struct sockaddr *)&a, len) == 0); /* only to be told of a free port */
    cr_assert(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    close(fd);
    snprintf(words, sizeof words, "tcp:%u:127.0.0.1", ntohs(a.sin_port));
    of_listen(r->p, words);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    cr_assert(connect(fd, (struct sockaddr *)&a, len) == 0 || errno == EINPROGRESS);
    return fd;
}

/* Not even the spare one, which somebody else took in the moment that it was free. */
Test(ofproxy_session, without_any_descriptor_peers_wait_and_nobody_spins)
{
    struct rlimit limit, none;
    uint8_t hello[OF_HEADER];
    unsigned called = 0;
    struct rig r;
    int fd;

    rig_open(&r);
    rig_turn(&r); /* the first tick */
    fd = knock(&r);
    cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    close(r.p->spare_fd);
    r.p->spare_fd = dup(fd); /* the lowest one that is free */
    none = limit;
    none.rlim_cur = (rlim_t)r.p->spare_fd;
    close(r.p->spare_fd);
    r.p->spare_fd = -1;
    cr_assert(setrlimit(RLIMIT_NOFILE, &none) == 0);
    for (unsigned i = 0; i < 1000; i++) {
        called += loop_poll(&r.p->loop, 0);
    }
    cr_expect_leq(called, 10u, "woken %u times in vain", called);
    cr_expect_eq(counter_get(OFPROXY_REFUSED), 0u, "it waits");
    cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    of_listen_tick(r.p);
    cr_expect(rig_read(&r, fd, hello, sizeof hello), "served once there are descriptors again");
    cr_expect_geq(r.p->spare_fd, 0);
    close(fd);
    rig_close(&r);
}

/* Such a connection reads when it has written; but not into chunks that there are not. */
Test(ofproxy_session, a_paused_connection_that_may_read_again_is_not_taken_for_closed)
{
    struct of_conn *c;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 7, 1);
    c = conn_find(r.p, 7);
    c->paused = true;
    c->stream.stuck = true;
    c->fd.ready(&c->fd, EPOLLOUT);
    cr_assert_eq(c->state, CONN_READY);
    session_tick(c, loop_now_ns());
    cr_expect(!c->stream.stuck, "it has been read after the pause");
    cr_expect_eq(c->state, CONN_READY);
    close(fd);
    rig_close(&r);
}
