/* tests/unit/ofproxy_ingress.c - classes, meters and shares, with a clock of the test's own. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/proto/pkt.h"
#include "ofproxy/ingress.h"

TestSuite(ofproxy_ingress, .timeout = 20);

#define SECOND 1000000000ull

static struct {
    char dir[64];
    struct topo topo, bridge;
    struct board_writer interfaces;
    struct board_reader traffic, classes;
    struct config config;
    struct ingress g;
    struct counter_tally tally;
} w;

static void set(enum config_key key, const char *value)
{
    free(w.config.value[key]);
    w.config.value[key] = strdup(value);
}

static void open_world(void)
{
    log_set_level(LOG_ERROR);
    snprintf(w.dir, sizeof w.dir, "/tmp/causeway-unit-XXXXXX");
    cr_assert(mkdtemp(w.dir));
    config_defaults(&w.config);
    set(CONFIG_OFPROXY_CAPACITY, "64000"); /* ARP 4000, a port 2000; REST 1000 and 500 */
    topo_open(&w.topo, w.dir, TOPO_OFPROXY);
    topo_open(&w.bridge, w.dir, TOPO_VNSBRIDGE);
    topo_board_writer(&w.bridge, &w.interfaces, TOPO_INTERFACES);
    topo_board_reader(&w.bridge, &w.traffic, TOPO_TRAFFIC);
    topo_board_reader(&w.bridge, &w.classes, TOPO_CLASSES);
}

static void start(void)
{
    ingress_open(&w.g, &w.topo, &w.config, &w.tally);
}

static void close_world(void)
{
    char command[128];

    ingress_close(&w.g);
    board_write_leave(&w.interfaces);
    board_read_leave(&w.traffic);
    board_read_leave(&w.classes);
    topo_close(&w.topo);
    topo_close(&w.bridge);
    config_free(&w.config);
    snprintf(command, sizeof command, "rm -rf %s", w.dir);
    cr_assert(system(command) == 0);
}

static void put_address(unsigned index, uint32_t ip)
{
    struct interface_row row = {.vhost = "vrhost", .name = "eth1", .ip = ip};

    board_put(&w.interfaces, index, &row);
    board_publish(&w.interfaces);
}

static struct ingress_frame from(unsigned port, enum ingress_class k)
{
    return (struct ingress_frame){k, port, 1, port + 1};
}

static uint64_t counted(enum counter c)
{
    return w.tally.more[c];
}

/* One frame of port 'port' at 'now': in, and out again at once when 'stays' is false. */
static enum drop try(unsigned port, enum ingress_class k, uint64_t now, bool stays)
{
    struct ingress_frame f = from(port, k);
    enum drop why = ingress_enter(&w.g, &f, now);

    if (why == DROP_NONE && !stays) {
        ingress_leave(&w.g, k, port);
    }
    return why;
}

/* ---- classes ------------------------------------------------------------------------------ */

#define TO_BRIDGES "\x01\x80\xc2\x00\x00"
#define UNI "\x02\x00\x00\x00\x00\x01"
#define ALL "\xff\xff\xff\xff\xff\xff"

Test(ofproxy_ingress, every_frame_has_its_class)
{
    static const struct {
        const char *to;
        uint16_t type;
        uint32_t ip;
        size_t len;
        enum ingress_class k;
    } cases[] = {
        {TO_BRIDGES "\x00", 0x0026, 0, 60, CLASS_CONTROL}, /* spanning tree: a length, LLC */
        {TO_BRIDGES "\x0f", 0x1234, 0, 60, CLASS_CONTROL},
        {TO_BRIDGES "\x10", 0x0026, 0, 60, CLASS_REST},
        {TO_BRIDGES "\x0e", PKT_TYPE_LLDP, 0, 60, CLASS_CONTROL},
        {UNI, PKT_TYPE_LLDP, 0, 14, CLASS_CONTROL},
        {"\x01\x00\x5e\x00\x00\x09", PKT_TYPE_IP, 0xe0000009, 60, CLASS_CONTROL}, /* RIP */
        {UNI, PKT_TYPE_IP, 0xe0000005, 60, CLASS_CONTROL},
        {"\x01\x00\x5e\x00\x01\x01", PKT_TYPE_IP, 0xe0000101, 60, CLASS_REST},
        {"\x01\x00\x5e\x01\x01\x01", PKT_TYPE_IP, 0xe1000001, 60, CLASS_REST},
        {ALL, PKT_TYPE_ARP, 0, 60, CLASS_ARP},
        {UNI, PKT_TYPE_ARP, 0, 14, CLASS_ARP},
        {UNI, PKT_TYPE_IP, 0xc0a80201, 60, CLASS_LOCAL},
        {UNI, PKT_TYPE_IP, 0xc0a80201, 34, CLASS_LOCAL},
        {UNI, PKT_TYPE_IP, 0xac400301, 98, CLASS_LOCAL},
        {UNI, PKT_TYPE_IP, 0xc0a80202, 98, CLASS_FORWARD},
        {UNI, PKT_TYPE_IP, 0, 98, CLASS_FORWARD},
        {UNI, PKT_TYPE_IP, 0xffffffff, 98, CLASS_FORWARD},
        {ALL, PKT_TYPE_IP, 0xffffffff, 98, CLASS_REST},
        {ALL, PKT_TYPE_IP, 0xc0a80201, 98, CLASS_REST}, /* broadcast, though to the router */
        {UNI, PKT_TYPE_IP, 0xc0a80201, 33, CLASS_REST}, /* its address is cut off */
        {UNI, 0x86dd, 0, 60, CLASS_REST},
        {UNI, 0x8100, 0, 60, CLASS_REST},
        {UNI, 0x0000, 0, 14, CLASS_REST},
    };
    uint8_t frame[98];

    open_world();
    put_address(0, 0xc0a80201);
    put_address(5, 0xac400301);
    put_address(6, 0);          /* what no interface can have is not believed: */
    put_address(7, 0xffffffff); /* else broadcasts and multicasts would be ours */
    start();
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(frame, 0, sizeof frame);
        memcpy(frame, cases[i].to, 6);
        pkt_put16(frame + 12, cases[i].type);
        pkt_put32(frame + 30, cases[i].ip);
        cr_expect_eq(ingress_classify(&w.g, frame, cases[i].len), cases[i].k, "case %u", i);
    }
    close_world();
}

Test(ofproxy_ingress, the_addresses_follow_their_board_however_many)
{
    uint8_t frame[60] = {2};

    open_world();
    start();
    pkt_put16(frame + 12, PKT_TYPE_IP);
    for (unsigned i = 0; i < 1024; i++) {
        put_address(i, 0x0a000000 + i * 256 + 1);
    }
    pkt_put32(frame + 30, 0x0a000001);
    cr_expect_eq(ingress_classify(&w.g, frame, 60), CLASS_FORWARD, "not looked yet");
    ingress_look(&w.g);
    for (unsigned i = 0; i < 1024; i++) {
        pkt_put32(frame + 30, 0x0a000000 + i * 256 + 1);
        cr_assert_eq(ingress_classify(&w.g, frame, 60), CLASS_LOCAL);
        pkt_put32(frame + 30, 0x0a000000 + i * 256 + 2);
        cr_assert_eq(ingress_classify(&w.g, frame, 60), CLASS_FORWARD);
    }
    put_address(3, 0xc0a80201);
    ingress_look(&w.g);
    pkt_put32(frame + 30, 0x0a000301);
    cr_expect_eq(ingress_classify(&w.g, frame, 60), CLASS_FORWARD, "the address has moved");
    pkt_put32(frame + 30, 0xc0a80201);
    cr_expect_eq(ingress_classify(&w.g, frame, 60), CLASS_LOCAL);
    close_world();
}

/* ---- meters ------------------------------------------------------------------------------- */

/* 'ports' ports ask 'rate' times a second each, port 50 ten times, for 'seconds'.  Returns how many
 * of the storm came in; *quiet how many of port 50 did not. */
static unsigned storm(enum ingress_class k, unsigned ports, unsigned rate, unsigned seconds,
                      unsigned *quiet)
{
    unsigned in = 0;

    *quiet = 0;
    for (uint64_t i = 0; i < (uint64_t)seconds * rate; i++) {
        uint64_t now = 5 * SECOND + i * SECOND / rate;

        for (unsigned p = 0; p < ports; p++) {
            in += try(p, k, now, false) == DROP_NONE;
        }
        if (i % (rate / 10) == 0) {
            *quiet += try(50, k, now, false) != DROP_NONE;
        }
    }
    return in;
}

Test(ofproxy_ingress, a_storm_is_cut_to_its_ports_half_and_another_port_loses_nothing)
{
    unsigned quiet, in;

    open_world();
    start();
    in = storm(CLASS_REST, 1, 200000, 10, &quiet);
    cr_expect(in >= 5000 && in <= 5000 + 52, "500 a second and 50 at once, not %u", in);
    cr_expect_eq(quiet, 0u);
    cr_expect_eq(counted(OFPROXY_ADMITTED_REST), in + 100);
    cr_expect_eq(counted(OFPROXY_METERED_REST), 2000000 - in);
    cr_expect_eq(w.g.port[0].row.by[CLASS_REST].metered, 2000000 - in);
    cr_expect_eq(w.g.port[50].row.by[CLASS_REST].metered, 0u);
    close_world();
}

Test(ofproxy_ingress, many_storms_at_once_get_the_class_rate_and_a_quiet_port_is_not_lost)
{
    static const unsigned ports[] = {2, 3, 7, 40};
    unsigned quiet, in;

    for (unsigned i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        open_world();
        start();
        in = storm(CLASS_ARP, ports[i], 20000, 3, &quiet);
        cr_expect_eq(quiet, 0u, "%u storms: %u of 30 quiet frames refused", ports[i], quiet);
        cr_expect(in > 3 * 3900 && in < 3 * 4000 + 420, "%u storms: %u came in", ports[i], in);
        close_world();
    }
}

Test(ofproxy_ingress, what_stays_below_the_rate_is_never_metered)
{
    unsigned quiet;

    open_world();
    start();
    cr_expect_eq(storm(CLASS_ARP, 1, 1990, 5, &quiet), 1990u * 5);
    cr_expect_eq(storm(CLASS_CONTROL, 2, 900, 5, &quiet), 900u * 10);
    cr_expect_eq(storm(CLASS_FORWARD, 3, 300000, 1, &quiet), 900000u, "not metered by default");
    cr_expect_eq(quiet, 0u);
    close_world();
}

Test(ofproxy_ingress, the_rates_are_as_set)
{
    static const struct {
        enum config_key key;
        const char *value;
        enum ingress_class k;
        uint64_t rate;
    } cases[] = {
        {CONFIG_OFPROXY_CAPACITY, "64000", CLASS_CONTROL, 2000},
        {CONFIG_OFPROXY_CAPACITY, "64000", CLASS_ARP, 4000},
        {CONFIG_OFPROXY_CAPACITY, "64000", CLASS_LOCAL, 16000},
        {CONFIG_OFPROXY_CAPACITY, "64000", CLASS_FORWARD, 0},
        {CONFIG_OFPROXY_CAPACITY, "64000", CLASS_REST, 1000},
        {CONFIG_OFPROXY_CAPACITY, "1", CLASS_REST, 1},
        {CONFIG_OFPROXY_RATE_CONTROL, "10", CLASS_CONTROL, 10},
        {CONFIG_OFPROXY_RATE_ARP, "20", CLASS_ARP, 20},
        {CONFIG_OFPROXY_RATE_LOCAL, "30", CLASS_LOCAL, 30},
        {CONFIG_OFPROXY_RATE_FORWARD, "40", CLASS_FORWARD, 40},
        {CONFIG_OFPROXY_RATE_REST, "100000000", CLASS_REST, 100000000},
        {CONFIG_OFPROXY_METERING, "off", CLASS_REST, 0},
    };
    struct class_row row;
    unsigned quiet;

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_world();
        set(cases[i].key, cases[i].value);
        start();
        ingress_publish(&w.g);
        cr_assert(board_get(&w.classes, cases[i].k, &row));
        cr_expect_eq(row.rate, cases[i].rate, "case %u: %llu", i, (unsigned long long)row.rate);
        cr_expect_eq(row.port_rate, cases[i].rate / 2);
        if (cases[i].rate > 0 && cases[i].rate <= 40) {
            unsigned in = storm(cases[i].k, 1, 1000, 10, &quiet);

            cr_expect(in >= cases[i].rate * 5 && in <= cases[i].rate * 5 + 3, "case %u: %u", i, in);
        }
        close_world();
    }
    open_world();
    set(CONFIG_OFPROXY_CAPACITY, "0");
    start();
    cr_expect_geq(w.g.klass[CLASS_ARP].rate, INGRESS_PER_CORE / 16);
    cr_expect_leq(w.g.klass[CLASS_ARP].rate, INGRESS_PER_CORE * 4 / 16);
    close_world();
}

/* ---- shares ------------------------------------------------------------------------------- */

static unsigned fill(unsigned port, enum ingress_class k, enum drop *why)
{
    unsigned n = 0;

    while ((*why = try(port, k, SECOND, true)) == DROP_NONE) {
        n++;
    }
    return n;
}

Test(ofproxy_ingress, a_port_takes_half_of_what_is_free_and_a_class_no_more_than_its_share)
{
    enum drop why;

    open_world();
    set(CONFIG_OFPROXY_METERING, "off");
    start();
    for (unsigned k = 0; k < CLASSES; k++) {
        unsigned share = w.g.klass[k].share, sum;

        sum = fill(0, k, &why);
        cr_expect_eq(sum, share / 2, "class %u: the first", k);
        cr_expect_eq(why, DROP_PORT_FULL);
        sum += fill(1, k, &why);
        cr_expect_eq(sum, share / 2 + share / 4, "class %u: the second", k);
        for (unsigned p = 2; p < 40; p++) {
            sum += fill(p, k, &why);
        }
        cr_expect_eq(sum, share, "class %u", k);
        cr_expect_eq(why, DROP_CLASS_FULL);
        cr_expect_eq(w.g.klass[k].in_flight, share);
        ingress_leave(&w.g, k, 0);
        cr_expect_eq(try(39, k, SECOND, true), DROP_NONE, "one came back");
        cr_expect_eq(try(39, k, SECOND, true), DROP_CLASS_FULL);
    }
    cr_expect_eq(counted(OFPROXY_ADMITTED_FORWARD), 4096u + 1);
    cr_expect_eq(counted(OFPROXY_CROWDED_FORWARD), 40u + 1);
    close_world();
}

Test(ofproxy_ingress, a_hog_leaves_room_for_a_quiet_port_and_a_window_of_1024)
{
    enum drop why;

    open_world();
    start();
    cr_expect_geq(fill(0, CLASS_FORWARD, &why), 1024u, "what one connection has in flight");
    for (unsigned i = 0; i < 1024; i++) {
        cr_assert_eq(try(1, CLASS_FORWARD, SECOND, true), DROP_NONE, "frame %u", i);
    }
    close_world();
}

/* ---- boards ------------------------------------------------------------------------------- */

Test(ofproxy_ingress, totals_go_on_after_a_restart_and_what_is_in_flight_is_counted_anew)
{
    struct traffic_row row;
    struct class_row class;
    struct ingress_frame f = from(7, CLASS_ARP);

    open_world();
    start();
    for (unsigned i = 0; i < 10; i++) {
        try(7, CLASS_ARP, SECOND, true);
    }
    try(7, CLASS_ARP, SECOND, true);
    ingress_undo(&w.g, &f);
    ingress_publish(&w.g);
    cr_assert(board_get(&w.traffic, 7, &row));
    cr_expect_eq(row.by[CLASS_ARP].admitted, 10u);
    cr_expect_eq(row.by[CLASS_ARP].crowded, 1u);
    cr_expect_eq(row.in_flight[CLASS_ARP], 10u);
    cr_expect(row.dpid == 1 && row.port == 8);
    cr_assert(board_get(&w.classes, CLASS_ARP, &class));
    cr_expect_eq(class.in_flight, 10u);
    ingress_close(&w.g);
    start();
    for (unsigned i = 0; i < 2000; i++) { /* a predecessor of another build, with larger shares */
        ingress_resume(&w.g, CLASS_REST, 9);
    }
    cr_expect_eq(try(8, CLASS_REST, SECOND, true), DROP_CLASS_FULL);
    for (unsigned i = 0; i < 4; i++) { /* so many had no verdict */
        ingress_resume(&w.g, CLASS_ARP, 7);
    }
    try(7, CLASS_ARP, SECOND, true);
    ingress_publish(&w.g);
    cr_assert(board_get(&w.traffic, 7, &row));
    cr_expect_eq(row.by[CLASS_ARP].admitted, 11u);
    cr_expect_eq(row.in_flight[CLASS_ARP], 5u);
    cr_expect_eq(w.g.klass[CLASS_ARP].in_flight, 5u);
    close_world();
}

Test(ofproxy_ingress, a_row_that_goes_to_another_port_starts_again_but_keeps_what_is_in_flight)
{
    struct ingress_frame f = {CLASS_ARP, 7, 99, 3};
    struct traffic_row row;

    open_world();
    start();
    for (unsigned i = 0; i < 10; i++) {
        try(7, CLASS_ARP, SECOND, true);
    }
    cr_assert_eq(ingress_enter(&w.g, &f, SECOND), DROP_NONE);
    ingress_publish(&w.g);
    cr_assert(board_get(&w.traffic, 7, &row));
    cr_expect(row.dpid == 99 && row.port == 3);
    cr_expect_eq(row.by[CLASS_ARP].admitted, 1u);
    cr_expect_eq(row.in_flight[CLASS_ARP], 11u);
    for (unsigned i = 0; i < 11; i++) {
        ingress_leave(&w.g, CLASS_ARP, 7);
    }
    cr_expect_eq(w.g.klass[CLASS_ARP].in_flight, 0u);
    cr_expect_eq(w.g.port[7].row.in_flight[CLASS_ARP], 0u);
    close_world();
}

Test(ofproxy_ingress, only_what_changed_is_put_on_the_board)
{
    open_world();
    start();
    ingress_publish(&w.g);
    cr_expect(board_changed(&w.traffic));
    ingress_publish(&w.g);
    cr_expect_not(board_changed(&w.traffic), "nothing happened");
    for (unsigned i = 0; i < 3; i++) {
        try(PORTS_ROWS - 1, CLASS_LOCAL, SECOND, true);
        try(5, CLASS_REST, SECOND, false);
    }
    cr_expect_eq(w.g.n_changed, 2u);
    ingress_publish(&w.g);
    cr_expect(board_changed(&w.traffic));
    cr_expect_eq(board_used(&w.traffic), (unsigned)PORTS_ROWS);
    close_world();
}
