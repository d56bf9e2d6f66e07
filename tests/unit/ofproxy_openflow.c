/* tests/unit/ofproxy_openflow.c - versions, questions, epochs, roles, meters, auxiliary
 * connections: in either version where it has such a thing. */
#include "tests/unit/ofproxy_rig.h"

TestSuite(ofproxy_openflow, .timeout = 20);

static uint8_t bytes[OF_LONGEST], body[OF_LONGEST];

static void start_with(struct rig *r, enum config_key key, const char *value)
{
    rig_open(r);
    ofproxy_close(r->p);
    rig_set(r, key, value);
    rig_start(r);
}

/* ---- HELLO -------------------------------------------------------------------------------- */

#if RIG_VERSION == OF10_VERSION
Test(ofproxy_openflow, the_highest_common_version_is_spoken)
{
    static const struct {
        const char *ours;
        uint8_t theirs, bitmap; /* 0: none */
        int spoken;             /* 0: refused */
    } cases[] = {
        {"1.0,1.3", 1, 0, 1},    {"1.0,1.3", 4, 0, 4},    {"1.0,1.3", 5, 0, 4},
        {"1.0,1.3", 6, 0, 4},    {"1.0,1.3", 2, 0, 0},    {"1.0,1.3", 3, 0, 0},
        {"1.0,1.3", 4, 0x12, 4}, {"1.0,1.3", 6, 0x72, 4}, {"1.0,1.3", 5, 0x22, 1},
        {"1.0,1.3", 6, 0x60, 0}, {"1.0,1.3", 4, 0x02, 1}, {"1.0,1.3", 4, 0x0c, 0},
        {"1.0", 4, 0, 1},        {"1.0", 4, 0x12, 1},     {"1.0", 4, 0x10, 0},
        {"1.3", 4, 0, 4},        {"1.3", 6, 0, 4},        {"1.3", 1, 0, 0},
        {"1.3", 4, 0x02, 0},     {"1.3 1.0", 4, 0x12, 4}, {"1.3,1.0", 255, 0, 4},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t hello[16] = {cases[i].theirs, 0, 0, 8, 0, 0, 0, 1, 0, 1, 0, 8};
        struct of_header h;
        struct rig r;
        int fd;

        start_with(&r, CONFIG_OFPROXY_OPENFLOW, cases[i].ours);
        fd = rig_connect(&r);
        hello[3] = cases[i].bitmap ? 16 : 8;
        hello[15] = cases[i].bitmap;
        rig_write(&r, fd, hello, hello[3]);
        h = rig_message(&r, fd, bytes);
        cr_expect_eq(h.version, strcmp(cases[i].ours, "1.0") == 0 ? 1 : 4);
        cr_expect_eq(h.length, strcmp(cases[i].ours, "1.0") == 0 ? 8 : 16);
        h = rig_message(&r, fd, bytes);
        if (cases[i].spoken != 0) {
            cr_expect_eq(h.type, OF10_TYPE_FEATURES_REQUEST, "case %u", i);
            cr_expect_eq(h.version, cases[i].spoken, "case %u: %u is spoken", i, h.version);
        } else {
            cr_expect_eq(h.type, OF10_TYPE_ERROR, "case %u", i);
            cr_expect_leq(h.version, cases[i].theirs, "case %u", i);
            cr_expect(strstr((char *)bytes + 12, "no version in common") != NULL, "case %u", i);
            cr_expect(rig_closed(&r, fd));
        }
        close(fd);
        rig_close(&r);
    }
}
#endif

/* ---- questions ---------------------------------------------------------------------------- */

static void remember_news(struct of_conn *c, const struct of_answer *a, void *context)
{
    (void)c;
    *(int *)context = (int)a->news;
}

Test(ofproxy_openflow, features_can_be_asked_for_again)
{
    int news = -1;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    cr_assert(conn_ask(conn_find(r.p, 1), OF10_TYPE_FEATURES_REQUEST, OF10_TYPE_FEATURES_REPLY,
                       NULL, 0, remember_news, &news));
    rig_await(&r, fd, OF10_TYPE_FEATURES_REQUEST, bytes);
    rig_send(&r, fd, OF10_TYPE_FEATURES_REPLY, of_header_at(bytes).xid, body,
             rig_features(body, 1, 1));
    cr_expect_eq(news, ASK_LAST);
    close(fd);
    rig_close(&r);
}

/* ---- ports -------------------------------------------------------------------------------- */

#if RIG_VERSION == OF13_VERSION
/* Answers the handshake by hand up to a request for statistics of this type. */
static struct of_header await_stats(struct rig *r, int fd, unsigned type)
{
    struct of_header h;

    do {
        h = rig_await(r, fd, RIG_STATS_REQUEST, bytes);
        if (wire_load_uint16(bytes + 8) != type) {
            rig_stats(r, fd, bytes, 0);
        }
    } while (wire_load_uint16(bytes + 8) != type);
    return h;
}

static void greet(struct rig *r, int fd, uint64_t dpid, uint8_t aux_id)
{
    rig_hello(r, fd);
    rig_await(r, fd, OF10_TYPE_FEATURES_REQUEST, bytes);
    rig_features(body, dpid, 0);
    body[13] = aux_id;
    rig_send(r, fd, OF10_TYPE_FEATURES_REPLY, of_header_at(bytes).xid, body, 24);
}

static void send_ports(struct rig *r, int fd, uint32_t xid, unsigned from, unsigned n, bool more)
{
    struct wire_out out = {body + 8, body + sizeof body, false};

    memset(body, 0, 8);
    body[1] = OF13_MULTIPART_PORT_DESC;
    body[3] = more;
    for (unsigned i = from; i < from + n; i++) {
        struct of10_phy_port port = rig_port(i);

        rig_put_port(&out, &port);
    }
    rig_send(r, fd, RIG_STATS_REPLY, xid, body, (size_t)(out.p - body));
}

Test(ofproxy_openflow, ports_come_in_any_number_of_parts_and_are_awaited)
{
    struct of_header h;
    struct rig r;
    uint32_t xid;
    int fd;

    rig_open(&r);
    fd = rig_connect(&r);
    greet(&r, fd, 1, 0);
    xid = await_stats(&r, fd, OF13_MULTIPART_PORT_DESC).xid;
    send_ports(&r, fd, xid, 1, 100, true);
    send_ports(&r, fd, xid, 101, 100, true);
    send_ports(&r, fd, xid + 77, 500, 100, true); /* nobody asked for those */
    h = rig_serve(&r, fd, RIG_BARRIER_REQUEST, 0, bytes);
    rig_send(&r, fd, RIG_BARRIER_REPLY, h.xid, NULL, 0);
    cr_expect_eq(conn_find(r.p, 1)->state, CONN_BARRIER, "not all ports are there");
    send_ports(&r, fd, xid, 201, 1, false);
    cr_expect_eq(conn_find(r.p, 1)->state, CONN_READY);
    cr_expect_eq(ports_count(&r.p->ports, 1), 201u);
    send_ports(&r, fd, xid, 301, 1, false); /* the question is over */
    cr_expect_eq(ports_count(&r.p->ports, 1), 201u);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_openflow, a_multipart_that_never_ends_is_a_fault)
{
    struct rig r;
    uint32_t xid;
    int fd, other;

    rig_open(&r);
    other = rig_switch(&r, 99, 1);
    fd = rig_connect(&r);
    greet(&r, fd, 1, 0);
    xid = await_stats(&r, fd, OF13_MULTIPART_PORT_DESC).xid;
    for (unsigned i = 0; i < ASK_PARTS + 1; i++) {
        send_ports(&r, fd, xid, 1, 0, true);
    }
    rig_await(&r, fd, OF10_TYPE_ERROR, bytes);
    cr_expect_eq(bytes[11], OF10_BAD_REQUEST_BAD_LEN);
    cr_expect(rig_closed(&r, fd));
    cr_expect_not_null(conn_find(r.p, 99));
    close(fd);
    close(other);
    rig_close(&r);
}

Test(ofproxy_openflow, a_switch_without_port_descriptions_is_used_by_its_port_status)
{
    static const uint8_t error[4] = {0, OF13_BAD_REQUEST, 0, OF13_BAD_REQUEST_BAD_MULTIPART};
    struct of_header h;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_connect(&r);
    greet(&r, fd, 1, 0);
    h = await_stats(&r, fd, OF13_MULTIPART_PORT_DESC);
    rig_send(&r, fd, OF10_TYPE_ERROR, h.xid, error, sizeof error);
    h = rig_serve(&r, fd, RIG_BARRIER_REQUEST, 0, bytes);
    rig_send(&r, fd, RIG_BARRIER_REPLY, h.xid, NULL, 0);
    cr_expect_eq(conn_find(r.p, 1)->state, CONN_READY);
    close(fd);
    rig_close(&r);
}

/* ---- auxiliary connections ---------------------------------------------------------------- */

Test(ofproxy_openflow, an_auxiliary_connection_is_the_main_one_s_and_ends_with_it)
{
    static const uint8_t slave[24] = {0x4f, 0x4e, 0x46, 0, 0, 0, 7, 0x77, 0, 0, 0, 3};
    struct of10_phy_port port = rig_port(3);
    struct of_conn *main;
    struct rig r;
    int fd, aux[AUX_MOST];
    size_t len;

    rig_open(&r);
    fd = rig_switch(&r, 7, 2);
    main = conn_find(r.p, 7);
    for (unsigned i = 0; i < AUX_MOST; i++) {
        aux[i] = rig_connect(&r);
        greet(&r, aux[i], 7, (uint8_t)(i + 1));
        cr_assert_eq(main->n_aux, i + 1);
    }
    cr_expect_eq(conn_find(r.p, 7), main);
    cr_expect_eq(r.p->n_switches, 1u);
    len = rig_packet_in(bytes, 1, OF_NO_BUFFER, 100, 100, 0);
    rig_write(&r, aux[3], bytes, len);
    cr_expect_eq(counter_get(OFPROXY_ADMITTED), 1u, "its frames are the main one's");
    rig_send(&r, aux[3], OF10_TYPE_ECHO_REQUEST, 5, NULL, 0);
    cr_expect_eq(rig_await(&r, aux[3], OF10_TYPE_ECHO_REPLY, bytes).xid, 5);
    memset(body, 0, 8);
    rig_put_port(&(struct wire_out){body + 8, body + 72, false}, &port);
    rig_send(&r, aux[3], OF13_TYPE_PORT_STATUS, 0, body, 72);
    cr_expect_eq(ports_count(&r.p->ports, 7), 3u, "so is what becomes of its ports");
    rig_send(&r, aux[3], OF13_TYPE_EXPERIMENTER, 0, slave, sizeof slave);
    cr_expect_eq(main->role, OF_ROLE_SLAVE, "and its role");
    close(aux[0]);
    rig_turn(&r);
    cr_expect_eq(main->n_aux, AUX_MOST - 1);
    close(fd);
    rig_turn(&r);
    rig_turn(&r);
    cr_expect_eq(r.p->n_conns, 0u, "all ended with the main one");
    for (unsigned i = 1; i < AUX_MOST; i++) {
        cr_expect(rig_closed(&r, aux[i]));
        close(aux[i]);
    }
    rig_close(&r);
}

static int connect_from(struct rig *r, const char *peer)
{
    int ends[2];

    cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    cr_assert(conn_open(r->p, ends[0], peer));
    return ends[1];
}

Test(ofproxy_openflow, nobody_speaks_for_a_switch_from_another_address)
{
    static const struct {
        const char *main, *aux;
        bool tied;
    } cases[] = {
        {"tcp:10.0.0.1:5", "tcp:10.0.0.1:6", true},
        {"tcp:10.0.0.1:5", "ssl:10.0.0.1:5", true},
        {"tcp:10.0.0.1:5", "tcp:10.0.0.11:5", false},
        {"tcp:10.0.0.1:5", "tcp:10.0.0.2:5", false},
        {"tcp:[::1]:5", "tcp:[::1]:6", true},
        {"tcp:[::1]:5", "tcp:[::2]:5", false},
        {"tcp:10.0.0.1:5", "unix:/a", false},
        {"unix:/a:5", "unix:/a:5", true},
        {"unix:/a:5", "unix:/a:6", false},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig r;
        int fd, aux;

        rig_open(&r);
        fd = connect_from(&r, cases[i].main);
        rig_shake(&r, fd, 7, 1);
        aux = connect_from(&r, cases[i].aux);
        greet(&r, aux, 7, 1);
        cr_expect_eq(conn_find(r.p, 7)->n_aux, cases[i].tied, "case %u", i);
        if (!cases[i].tied) {
            rig_await(&r, aux, OF10_TYPE_ERROR, bytes);
            cr_expect_eq(bytes[11], OF10_BAD_REQUEST_EPERM, "case %u", i);
        }
        close(fd);
        close(aux);
        rig_close(&r);
    }
}

Test(ofproxy_openflow, an_auxiliary_connection_that_cannot_be_tied_is_refused)
{
    int fd, aux, first[AUX_MOST];
    struct rig r;

    rig_open(&r);
    fd = rig_switch(&r, 7, 1);
    for (unsigned i = 0; i < 3; i++) { /* of nobody; of a number twice; one too many */
        if (i == 1) {
            for (unsigned k = 0; k < AUX_MOST - 1; k++) {
                first[k] = rig_connect(&r);
                greet(&r, first[k], 7, (uint8_t)(k + 1));
            }
        }
        if (i == 2) {
            first[AUX_MOST - 1] = rig_connect(&r);
            greet(&r, first[AUX_MOST - 1], 7, 200);
        }
        aux = rig_connect(&r);
        greet(&r, aux, i == 0 ? 8 : 7, i == 1 ? 2 : 100);
        rig_await(&r, aux, OF10_TYPE_ERROR, bytes);
        cr_expect_eq(bytes[11], OF10_BAD_REQUEST_EPERM, "case %u", i);
        cr_expect(rig_closed(&r, aux));
        close(aux);
    }
    cr_expect_eq(conn_find(r.p, 7)->state, CONN_READY, "the main one goes on");
    aux = first[0];
    rig_features(body, 9, 0);
    body[13] = 1;
    rig_send(&r, aux, OF10_TYPE_FEATURES_REPLY, 1, body, 24);
    rig_await(&r, aux, OF10_TYPE_ERROR, bytes);
    cr_expect_eq(bytes[11], OF10_BAD_REQUEST_EPERM, "its datapath-id changed");
    close(fd);
    for (unsigned i = 0; i < AUX_MOST; i++) {
        close(first[i]);
    }
    rig_close(&r);
}

/* ---- meters ------------------------------------------------------------------------------- */

/* The handshake with a meter; METER_MODs are answered with these codes (-1: none, but its barrier).
 * Returns whether the flow has the meter. */
static bool meter_flow(struct rig *r, int fd, const int *codes, unsigned n)
{
    static const uint8_t barrier = RIG_BARRIER_REQUEST;
    unsigned seen = 0;

    greet(r, fd, 1, 0);
    for (;;) {
        struct of_header h = rig_message(r, fd, bytes);

        cr_assert_neq(h.length, 0);
        if (h.type == RIG_STATS_REQUEST) {
            rig_stats(r, fd, bytes, 1);
        } else if (h.type == OF13_TYPE_METER_MOD) {
            cr_assert_lt(seen, n);
            cr_expect_eq(wire_load_uint16(bytes + 8),
                         seen == 0 ? OF13_METER_ADD : OF13_METER_MODIFY);
            cr_expect_eq(wire_load_uint32(bytes + 12), METER_ID);
            cr_expect_eq(wire_load_uint32(bytes + 20), 500, "the rate");
            if (codes[seen] >= 0) {
                uint8_t error[4] = {0, OF13_METER_MOD_FAILED, 0, (uint8_t)codes[seen]};

                rig_send(r, fd, OF10_TYPE_ERROR, h.xid, error, sizeof error);
            }
            seen++;
        } else if (h.type == barrier) {
            rig_send(r, fd, RIG_BARRIER_REPLY, h.xid, NULL, 0);
        } else if (h.type == OF13_TYPE_FLOW_MOD) {
            cr_expect_eq(seen, n, "the meter first");
            return wire_load_uint16(bytes + 56) == OF13_INSTRUCTION_TYPE_METER;
        }
    }
}

Test(ofproxy_openflow, a_meter_is_added_before_the_flow_or_changed_or_done_without)
{
    static const struct {
        int codes[2];
        unsigned n;
        bool metered;
    } cases[] = {
        {{-1, 0}, 1, true},
        {{OF13_METER_MOD_FAILED_METER_EXISTS, -1}, 2, true},
        {{OF13_METER_MOD_FAILED_METER_EXISTS, OF13_METER_MOD_FAILED_BAD_RATE}, 2, false},
        {{OF13_METER_MOD_FAILED_OUT_OF_METERS, 0}, 1, false},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig r;
        int fd;

        start_with(&r, CONFIG_OFPROXY_SWITCH_METER, "500");
        fd = rig_connect(&r);
        cr_expect_eq(meter_flow(&r, fd, cases[i].codes, cases[i].n), cases[i].metered, "case %u",
                     i);
        close(fd);
        rig_close(&r);
    }
}
#endif

/* ---- epochs ------------------------------------------------------------------------------- */

static uint64_t cookie_of(struct rig *r)
{
    return (uint64_t)FLOWS_PREFIX << 32 | r->p->epoch;
}

/* One flow of a statistics reply: with no match but a priority.  Returns its length. */
static size_t put_flow(uint8_t *to, uint64_t cookie, uint16_t priority, uint32_t seconds)
{
    struct wire_out out = {to, to + 200, false};

    memset(to, 0, 200);
    if (RIG_VERSION == OF13_VERSION) {
        of13_flow_stats_put(&out, &(struct of13_flow_stats){.length = 56,
                                                            .table_id = 3,
                                                            .duration_sec = seconds,
                                                            .priority = priority,
                                                            .cookie = cookie});
        of13_match_put(&out, &(struct of13_match){OF13_MATCH_TYPE_OXM, 4});
        return 56;
    }
    wire_store_uint16(to, 48); /* Nicira's */
    to[2] = 3;
    wire_store_uint32(to + 4, seconds);
    wire_store_uint16(to + 12, priority);
    wire_store_uint64(to + 24, cookie);
    return 48;
}

/* Answers a request for flows with those. */
static void send_flows(struct rig *r, int fd, uint32_t xid, const uint64_t *cookies, unsigned n,
                       uint32_t seconds, bool more)
{
    static uint8_t reply[OF_LONGEST];
    size_t len = RIG_STATS_HEAD;

    memset(reply, 0, 32);
    if (RIG_VERSION == OF13_VERSION) {
        reply[1] = OF13_MULTIPART_FLOW;
    } else {
        reply[0] = reply[1] = 0xff;
        wire_store_uint32(reply + 4, 0x2320);
        len += 12;
    }
    reply[3] = more;
    for (unsigned i = 0; i < n; i++) {
        len += put_flow(reply + len, cookies[i], (uint16_t)(i + 1), seconds);
    }
    rig_send(r, fd, RIG_STATS_REPLY, xid, reply, len);
}

/* The deleted flow's cookie, 0 if the message is no strict delete. */
static uint64_t deleted(const uint8_t *m)
{
    if (RIG_VERSION == OF13_VERSION) {
        bool strict = m[1] == OF13_TYPE_FLOW_MOD && m[25] == OF13_FLOW_DELETE_STRICT;

        return strict && m[24] == 3 && wire_load_uint64(m + 16) == UINT64_MAX
                   ? wire_load_uint64(m + 8)
                   : 0;
    }
    return m[1] == OF10_TYPE_VENDOR && wire_load_uint32(m + 12) == 13 &&
                   wire_load_uint16(m + 24) == 4 && wire_load_uint32(m + 48) == 0x00013c08
               ? wire_load_uint64(m + 52)
               : 0;
}

static bool is_flow_request(const uint8_t *m)
{
    unsigned type = wire_load_uint16(m + 8);

    return m[1] == RIG_STATS_REQUEST &&
           type == (RIG_VERSION == OF13_VERSION ? (unsigned)OF13_MULTIPART_FLOW : 0xffffu);
}

/* The handshake up to the sweep's request; the first look is answered with 'cookies'. */
static uint32_t until_sweep(struct rig *r, int fd, const uint64_t *cookies, unsigned n,
                            uint32_t seconds)
{
    bool looked = false;

    rig_hello(r, fd);
    rig_await(r, fd, OF10_TYPE_FEATURES_REQUEST, bytes);
    rig_send(r, fd, OF10_TYPE_FEATURES_REPLY, 1, body, rig_features(body, 1, 1));
    for (;;) {
        struct of_header h = rig_message(r, fd, bytes);

        cr_assert_neq(h.length, 0);
        if (h.type == RIG_BARRIER_REQUEST) {
            rig_send(r, fd, RIG_BARRIER_REPLY, h.xid, NULL, 0);
        } else if (is_flow_request(bytes) && looked) {
            return h.xid;
        } else if (is_flow_request(bytes)) {
            send_flows(r, fd, h.xid, cookies, n, seconds, false);
            looked = true;
        } else if (h.type == RIG_STATS_REQUEST) {
            rig_stats(r, fd, bytes, 1);
        }
        cr_assert_eq(deleted(bytes), 0u, "nothing is deleted before all is installed");
    }
}

Test(ofproxy_openflow, flows_of_other_epochs_are_deleted_one_by_one_and_no_others)
{
    uint64_t cookies[7] = {
        0x4361757365776179, 0x4361757300000001, 0, 0x4361757200000001, 0x4361757400000001, 0x99, 0};
    struct rig r;
    uint32_t xid;
    int fd;

    rig_open(&r);
    cookies[6] = cookie_of(&r);
    fd = rig_connect(&r);
    xid = until_sweep(&r, fd, cookies, 7, 0);
    send_flows(&r, fd, xid, cookies, 1, 0, true);
    send_flows(&r, fd, xid, cookies + 1, 6, 0, false);
    for (unsigned i = 0; i < 2; i++) {
        rig_message(&r, fd, bytes);
        cr_expect_eq(deleted(bytes), cookies[i]);
    }
    rig_send(&r, fd, OF10_TYPE_ECHO_REQUEST, 9, NULL, 0);
    do {
        cr_assert_neq(rig_message(&r, fd, bytes).length, 0);
        cr_expect_eq(deleted(bytes), 0u, "0x%lx is not ours", deleted(bytes));
    } while (bytes[1] != OF10_TYPE_ECHO_REPLY);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_openflow, an_epoch_is_newer_than_any_that_is_known)
{
    uint64_t before, newer, equal;
    struct rig r;
    int fd;

    rig_open(&r);
    before = r.p->epoch;
    cr_expect_geq(before, 1700000000u);
    for (unsigned i = 0; i < 3; i++) { /* within a second */
        ofproxy_close(r.p);
        rig_start(&r);
        cr_expect_gt(r.p->epoch, before);
        before = r.p->epoch;
    }
    newer = cookie_of(&r) + 1000;
    fd = rig_connect(&r);
    until_sweep(&r, fd, &newer, 1, 0);
    cr_expect_eq(cookie_of(&r), newer + 1);
    close(fd);
    rig_turn(&r);
    ofproxy_close(r.p);
    rig_start(&r);
    cr_expect_eq(cookie_of(&r), newer + 2, "it is kept");
    equal = cookie_of(&r); /* but it was there before we were: another run directory's */
    fd = rig_connect(&r);
    until_sweep(&r, fd, &equal, 1, 1000);
    cr_expect_eq(cookie_of(&r), newer + 3);
    close(fd);
    rig_close(&r);
}

/* Each look is answered with an epoch that is newer than ours, for as long as we ask. */
Test(ofproxy_openflow, a_switch_that_shows_ever_newer_epochs_is_not_followed_without_end)
{
    uint32_t before;
    struct rig r;
    int fd, other;

    rig_open(&r);
    other = rig_switch(&r, 99, 1);
    before = r.p->epoch;
    fd = rig_connect(&r);
    rig_hello(&r, fd);
    rig_await(&r, fd, OF10_TYPE_FEATURES_REQUEST, bytes);
    rig_send(&r, fd, OF10_TYPE_FEATURES_REPLY, 1, body, rig_features(body, 1, 1));
    for (unsigned n = 0; n < 1000; n++) {
        struct of_header h = rig_message(&r, fd, bytes);
        uint64_t newer = cookie_of(&r) + 1;

        if (h.length == 0) {
            break; /* it asks no more */
        }
        if (h.type == RIG_BARRIER_REQUEST) {
            rig_send(&r, fd, RIG_BARRIER_REPLY, h.xid, NULL, 0);
        } else if (is_flow_request(bytes)) {
            send_flows(&r, fd, h.xid, &newer, 1, 0, false);
        } else if (h.type == RIG_STATS_REQUEST) {
            rig_stats(&r, fd, bytes, 1);
        }
    }
    cr_expect_gt(r.p->epoch, before);
    cr_expect_leq(r.p->epoch - before, 2 * EPOCHS_MOST);
    cr_expect_not_null(conn_find(r.p, 99));
    close(fd);
    close(other);
    rig_close(&r);
}

Test(ofproxy_openflow, very_many_old_flows_are_swept_in_rounds)
{
    static uint64_t cookies[SWEEP_MOST + 10];
    struct of_header h;
    unsigned n = 0;
    struct rig r;
    uint32_t xid;
    int fd;

    rig_open(&r);
    for (unsigned i = 0; i < SWEEP_MOST + 10; i++) {
        cookies[i] = 0x4361757300000001;
    }
    fd = rig_connect(&r);
    xid = until_sweep(&r, fd, cookies, 0, 0);
    send_flows(&r, fd, xid, cookies, SWEEP_MOST + 10, 0, false);
    for (h = rig_message(&r, fd, bytes); h.type != RIG_BARRIER_REQUEST;
         h = rig_message(&r, fd, bytes)) {
        n += deleted(bytes) != 0;
    }
    cr_expect_eq(n, SWEEP_MOST);
    rig_send(&r, fd, RIG_BARRIER_REPLY, h.xid, NULL, 0);
    xid = rig_await(&r, fd, RIG_STATS_REQUEST, bytes).xid;
    send_flows(&r, fd, xid, cookies, 10, 0, false);
    for (n = 0; n < 10; n++) {
        rig_message(&r, fd, bytes);
        cr_expect_neq(deleted(bytes), 0u);
    }
    close(fd);
    rig_close(&r);
}

Test(ofproxy_openflow, flow_statistics_that_are_cut_are_a_fault)
{
    for (unsigned cut = 1; cut < 48; cut += 5) {
        uint64_t cookie = 0x4361757300000001;
        struct rig r;
        uint32_t xid;
        size_t head = RIG_VERSION == OF13_VERSION ? 8 : 16;
        int fd;

        rig_open(&r);
        fd = rig_connect(&r);
        xid = until_sweep(&r, fd, &cookie, 0, 0);
        memset(body, 0, head);
        body[1] = RIG_VERSION == OF13_VERSION ? OF13_MULTIPART_FLOW : 0xff;
        body[0] = RIG_VERSION == OF13_VERSION ? 0 : 0xff;
        if (RIG_VERSION == OF10_VERSION) {
            wire_store_uint32(body + 4, 0x2320);
        }
        put_flow(body + head, cookie, 1, 0);
        rig_send(&r, fd, RIG_STATS_REPLY, xid, body, head + cut);
        rig_await(&r, fd, OF10_TYPE_ERROR, bytes);
        cr_expect_eq(bytes[11], OF10_BAD_REQUEST_BAD_LEN);
        close(fd);
        rig_close(&r);
    }
}

#if RIG_VERSION == OF13_VERSION
Test(ofproxy_openflow, a_flow_that_is_refused_for_any_cause_is_told_of)
{
    static const uint8_t error[4] = {0, OF13_BAD_REQUEST, 0, OF13_BAD_REQUEST_EPERM};
    struct of_header h;
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_connect(&r);
    greet(&r, fd, 1, 0);
    h = rig_serve(&r, fd, OF13_TYPE_FLOW_MOD, 1, bytes);
    rig_send(&r, fd, OF10_TYPE_ERROR, h.xid, error, sizeof error);
    cr_expect_eq(conn_find(r.p, 1)->errors, 1u);
    close(fd);
    rig_close(&r);
}
#endif

/* ---- roles -------------------------------------------------------------------------------- */

static struct of_header await_role(struct rig *r, int fd)
{
    rig_hello(r, fd);
    rig_await(r, fd, OF10_TYPE_FEATURES_REQUEST, bytes);
    rig_send(r, fd, OF10_TYPE_FEATURES_REPLY, 1, body, rig_features(body, 1, 1));
    return rig_message(r, fd, bytes);
}

static void grant_role(struct rig *r, int fd)
{
    struct of_header h = of_header_at(bytes);

    if (RIG_VERSION == OF13_VERSION) {
        cr_assert_eq(h.type, OF13_TYPE_ROLE_REQUEST);
        rig_send(r, fd, OF13_TYPE_ROLE_REPLY, h.xid, bytes + OF_HEADER, 16);
    } else {
        cr_assert_eq(h.type, OF10_TYPE_VENDOR);
        cr_assert_eq(bytes[15], 10);
        bytes[15] = 11;
        rig_send(r, fd, OF10_TYPE_VENDOR, h.xid, bytes + OF_HEADER, 12);
    }
}

/* Types that change a switch. */
static bool changes(const uint8_t *m)
{
    return m[1] == OF10_TYPE_SET_CONFIG || m[1] == OF10_TYPE_PACKET_OUT ||
           m[1] == OF10_TYPE_FLOW_MOD ||
           (RIG_VERSION == OF13_VERSION && m[1] == OF13_TYPE_METER_MOD) ||
           (m[1] == OF10_TYPE_VENDOR && wire_load_uint32(m + 12) == 13);
}

Test(ofproxy_openflow, a_slave_sends_nothing_that_changes_the_switch)
{
    struct record rec = {.verdict = VERDICT_ORIGINATED,
                         .dpid = 1,
                         .port = 1,
                         .ticket = RECORD_NO_TICKET,
                         .head_len = 60};
    struct of_header h;
    struct rig r;
    int fd;

    start_with(&r, CONFIG_OFPROXY_ROLE, "slave");
    rig_set(&r, CONFIG_OFPROXY_SWITCH_METER, "5");
    fd = rig_connect(&r);
    await_role(&r, fd);
    cr_expect_eq(bytes[RIG_VERSION == OF13_VERSION ? 11 : 19],
                 RIG_VERSION == OF13_VERSION ? OF13_ROLE_SLAVE : 2);
    grant_role(&r, fd);
    do {
        h = rig_message(&r, fd, bytes);
        cr_assert_neq(h.length, 0);
        cr_expect(!changes(bytes), "type %u", h.type);
        if (h.type == RIG_STATS_REQUEST) {
            rig_stats(&r, fd, bytes, 1);
        }
    } while (h.type != RIG_BARRIER_REQUEST);
    rig_send(&r, fd, RIG_BARRIER_REPLY, h.xid, NULL, 0);
    cr_assert_eq(conn_find(r.p, 1)->state, CONN_READY);
    cr_expect_eq(conn_find(r.p, 1)->role, OF_ROLE_SLAVE);
    rig_write(&r, fd, bytes, rig_packet_in(bytes, 1, 77, 5, 5, 0)); /* dropped; its buffer stays */
    memset(ring_reserve(&r.pkt_out, 60), 0, 60);
    ring_commit(&r.pkt_out, &rec);
    ring_publish(&r.pkt_out);
    rig_send(&r, fd, OF10_TYPE_ECHO_REQUEST, 9, NULL, 0);
    do {
        cr_assert_neq(rig_message(&r, fd, bytes).length, 0);
        cr_expect(!changes(bytes), "type %u", bytes[1]);
    } while (bytes[1] != OF10_TYPE_ECHO_REPLY);
    cr_expect_eq(counter_unsent(DROP_SLAVE), 1u);
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_openflow, a_role_that_is_refused_is_done_without)
{
    static const uint8_t error[4] = {0, OF10_BAD_REQUEST, 0, OF10_BAD_REQUEST_BAD_VENDOR};
    struct of_header h;
    struct rig r;
    int fd;

    start_with(&r, CONFIG_OFPROXY_ROLE, "master");
    fd = rig_connect(&r);
    h = await_role(&r, fd);
    rig_send(&r, fd, OF10_TYPE_ERROR, h.xid, error, sizeof error);
    h = rig_serve(&r, fd, RIG_BARRIER_REQUEST, 1, bytes);
    rig_send(&r, fd, RIG_BARRIER_REPLY, h.xid, NULL, 0);
    cr_expect_eq(conn_find(r.p, 1)->state, CONN_READY);
    cr_expect_eq(conn_find(r.p, 1)->role, OF_ROLE_EQUAL);
    cr_expect_eq(conn_find(r.p, 1)->errors, 1u);
    close(fd);
    rig_close(&r);
}

#if RIG_VERSION == OF13_VERSION
Test(ofproxy_openflow, a_stale_generation_is_overtaken_once)
{
    static const uint8_t stale[4] = {0, OF13_ROLE_REQUEST_FAILED, 0,
                                     OF13_ROLE_REQUEST_FAILED_STALE};
    uint64_t seen = 1ull << 50;
    struct of_header h;
    struct rig r;
    int fd;

    start_with(&r, CONFIG_OFPROXY_ROLE, "master");
    fd = rig_connect(&r);
    h = await_role(&r, fd);
    cr_expect_eq(wire_load_uint64(bytes + 16), r.p->epoch);
    rig_send(&r, fd, OF10_TYPE_ERROR, h.xid, stale, sizeof stale);
    h = rig_message(&r, fd, bytes);
    cr_assert_eq(h.type, OF13_TYPE_ROLE_REQUEST);
    cr_expect_eq(wire_load_uint32(bytes + 8), OF13_ROLE_NOCHANGE);
    wire_store_uint32(bytes + 8, OF13_ROLE_EQUAL);
    wire_store_uint64(bytes + 16, seen);
    rig_send(&r, fd, OF13_TYPE_ROLE_REPLY, h.xid, bytes + OF_HEADER, 16);
    h = rig_message(&r, fd, bytes);
    cr_assert_eq(h.type, OF13_TYPE_ROLE_REQUEST);
    cr_expect_eq(wire_load_uint64(bytes + 16), seen + 1);
    rig_send(&r, fd, OF10_TYPE_ERROR, h.xid, stale, sizeof stale);
    rig_await(&r, fd, OF10_TYPE_SET_CONFIG, bytes); /* and goes on as equal */
    close(fd);
    rig_turn(&r);
    fd = rig_connect(&r);
    await_role(&r, fd);
    cr_expect_eq(wire_load_uint64(bytes + 16), r.p->epoch, "what one switch says is its own");
    close(fd);
    rig_close(&r);
}
#endif

Test(ofproxy_openflow, a_role_that_another_took_is_noticed)
{
    static const uint8_t in13[4] = {0, OF13_BAD_REQUEST, 0, OF13_BAD_REQUEST_IS_SLAVE};
    static const uint8_t in10[12] = {0xb0, 0xc2, 0, 0, 0, 0, 0x23, 0x20, 0, 1, 2, 2};
    static const uint8_t status[24] = {0x4f, 0x4e, 0x46, 0, 0, 0, 7, 0x77, 0, 0, 0, 3};
    struct rig r;
    int fd;

    rig_open(&r);
    fd = rig_switch(&r, 1, 1);
    rig_send(&r, fd, OF10_TYPE_ERROR, 1, RIG_VERSION == OF13_VERSION ? in13 : in10,
             RIG_VERSION == OF13_VERSION ? 4 : 12);
    cr_expect_eq(conn_find(r.p, 1)->role, OF_ROLE_SLAVE);
    conn_find(r.p, 1)->role = OF_ROLE_MASTER;
    rig_send(&r, fd, OF10_TYPE_VENDOR, 1, status, sizeof status);
    cr_expect_eq(conn_find(r.p, 1)->role, OF_ROLE_SLAVE);
    close(fd);
    rig_close(&r);
}

/* Its own step installs them; before that it has not even been given a role. */
Test(ofproxy_openflow, a_newer_epoch_brings_no_flows_to_who_has_none_yet)
{
    struct rig r;
    uint64_t newer;
    int waits, fd;

    start_with(&r, CONFIG_OFPROXY_ROLE, "master");
    waits = rig_connect(&r);
    await_role(&r, waits); /* and is not answered */
    fd = rig_connect(&r);
    rig_hello(&r, fd);
    rig_await(&r, fd, OF10_TYPE_FEATURES_REQUEST, bytes);
    rig_send(&r, fd, OF10_TYPE_FEATURES_REPLY, 1, body, rig_features(body, 2, 1));
    rig_message(&r, fd, bytes);
    grant_role(&r, fd);
    do {
        cr_assert_neq(rig_message(&r, fd, bytes).length, 0);
    } while (!is_flow_request(bytes));
    newer = cookie_of(&r) + 1;
    send_flows(&r, fd, of_header_at(bytes).xid, &newer, 1, 0, false);
    cr_expect_eq(cookie_of(&r), newer + 1);
    cr_expect_lt(recv(waits, bytes, sizeof bytes, 0), 0, "type %u", bytes[1]);
    close(fd);
    close(waits);
    rig_close(&r);
}

static void take_role(struct rig *r, int fd)
{
    static const uint8_t in13[4] = {0, OF13_BAD_REQUEST, 0, OF13_BAD_REQUEST_IS_SLAVE};
    static const uint8_t in10[12] = {0xb0, 0xc2, 0, 0, 0, 0, 0x23, 0x20, 0, 1, 2, 2};

    rig_send(r, fd, OF10_TYPE_ERROR, 1, RIG_VERSION == OF13_VERSION ? in13 : in10,
             RIG_VERSION == OF13_VERSION ? 4 : 12);
}

/* Nothing that changes the switch comes up to the answer to an echo. */
static void changes_nothing(struct rig *r, int fd)
{
    rig_send(r, fd, OF10_TYPE_ECHO_REQUEST, 9, NULL, 0);
    do {
        cr_assert_neq(rig_message(r, fd, bytes).length, 0);
        cr_expect(!changes(bytes), "type %u", bytes[1]);
    } while (bytes[1] != OF10_TYPE_ECHO_REPLY);
}

Test(ofproxy_openflow, who_lost_its_role_deletes_no_old_flows)
{
    uint64_t old = 0x4361757300000001;
    struct rig r;
    uint32_t xid;
    int fd;

    rig_open(&r);
    fd = rig_connect(&r);
    xid = until_sweep(&r, fd, &old, 0, 0);
    take_role(&r, fd);
    send_flows(&r, fd, xid, &old, 1, 0, false);
    changes_nothing(&r, fd);
    close(fd);
    rig_close(&r);
}

#if RIG_VERSION == OF13_VERSION
Test(ofproxy_openflow, who_lost_its_role_to_a_meter_adds_no_flow)
{
    struct of_header h;
    struct rig r;
    int fd;

    start_with(&r, CONFIG_OFPROXY_SWITCH_METER, "500");
    fd = rig_connect(&r);
    greet(&r, fd, 1, 0);
    h = rig_serve(&r, fd, OF13_TYPE_METER_MOD, 1, bytes);
    take_role(&r, fd);
    h = rig_serve(&r, fd, RIG_BARRIER_REQUEST, 1, bytes);
    rig_send(&r, fd, RIG_BARRIER_REPLY, h.xid, NULL, 0);
    changes_nothing(&r, fd);
    cr_expect_eq(conn_find(r.p, 1)->state, CONN_READY);
    close(fd);
    rig_close(&r);
}
#endif

/* ---- Nicira's packet-ins ------------------------------------------------------------------ */

Test(ofproxy_openflow, nicira_s_packet_ins_are_frames_like_others)
{
    static const uint8_t oxm[8] = {0x80, 0, 0, 4, 0, 0, 0, 1}, nxm[6] = {0, 0, 0, 2, 0, 1};
    struct rig r;
    int fd;

    start_with(&r, CONFIG_OFPROXY_PACKET_IN_FORMAT, "nxt_packet_in2");
    fd = rig_switch(&r, 1, 1);
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *match = i == 0 ? oxm : nxm;
        uint8_t match_len = i == 0 ? 8 : 6;

        memset(body, 0, 400);
        wire_store_uint32(body, 0x2320);
        body[7] = 17;
        memset(body + 8, 0xff, 4);
        body[13] = 100;       /* total_len */
        body[25] = match_len; /* then, after 6 bytes, the match; it has 8 with its zeros */
        memcpy(body + 32, match, match_len);
        rig_send(&r, fd, OF10_TYPE_VENDOR, 0, body, 32 + 8 + 2 + 100);
        cr_expect_eq(counter_get(OFPROXY_ADMITTED), 1 + 2 * i);

        memset(body, 0, 400);
        wire_store_uint32(body, 0x2320);
        body[7] = 30;
        body[9] = 6; /* metadata */
        body[11] = (uint8_t)(4 + match_len);
        memcpy(body + 12, match, match_len); /* with its zeros 16 */
        body[27] = 64; /* at 24: the packet, 60 bytes; an unknown property behind it */
        body[24 + 64] = 0x12;
        body[24 + 67] = 7;
        rig_send(&r, fd, OF10_TYPE_VENDOR, 0, body, 24 + 64 + 8);
        cr_expect_eq(counter_get(OFPROXY_ADMITTED), 2 + 2 * i);
    }
    rig_adds_up(&r);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_openflow, nicira_s_packet_ins_that_are_cut_are_a_fault)
{
    for (unsigned i = 0; i < 4; i++) {
        struct rig r;
        int fd;

        rig_open(&r);
        fd = rig_switch(&r, 1, 1);
        memset(body, 0, 400);
        wire_store_uint32(body, 0x2320);
        body[7] = i < 2 ? 17 : 30;
        if (i == 1) {
            body[25] = 200; /* a match longer than the message */
        } else if (i == 2) {
            body[11] = 3; /* a property shorter than its header */
        } else if (i == 3) {
            body[11] = 200;
        }
        rig_send(&r, fd, OF10_TYPE_VENDOR, 0, body, i == 0 ? 31 : 60);
        rig_await(&r, fd, OF10_TYPE_ERROR, bytes);
        cr_expect_eq(bytes[11], OF10_BAD_REQUEST_BAD_LEN, "case %u", i);
        cr_expect(rig_closed(&r, fd));
        close(fd);
        rig_close(&r);
    }
}
