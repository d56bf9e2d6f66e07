/* tests/unit/router_forward.c - what becomes of each kind of IPv4 frame. */
#include "tests/unit/router_rig.h"

TestSuite(router_forward, .timeout = 20, .init = rig_start);

static uint8_t frame[PORT_FRAME_MAX + 100];

static const struct spec UDP = {
    .src = CLIENT, .dst = SERVER1, .proto = PKT_UDP_PROTO, .ttl = 64, .payload = 30};

/* What must leave by eth1 for 'frame': the same but for the addresses, TTL and checksum. */
static void expect_forwarded(const struct rig_out *o, size_t len, const char *what)
{
    static uint8_t want[sizeof frame];

    memcpy(want, frame, len);
    memcpy(want, SERVER1_MAC, 6);
    memcpy(want + 6, (const uint8_t[]){2, 0, 0, 0, 0, 1}, 6);
    want[PKT_ETH_LEN + 8]--;
    fix_ip_checksum(want);
    cr_assert(eq(int, (int)o->o.verdict, VERDICT_FORWARDED), "%s: %s", what,
              drop_name(o->o.reason));
    cr_expect(eq(u32, o->o.iface, ETH1), "%s", what);
    struct cr_mem got = {o->bytes, o->len}, expected = {want, len};
    cr_expect(eq(mem, got, expected), "%s", what);
}

Test(router_forward, forwards_any_size_and_lets_the_tail_lie)
{
    static const size_t sizes[] = {34, 42, 64, 127, 128, 129, 130, 512, 1024, 1513, 1514};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct spec s = UDP;
        struct rig_out *o;
        size_t len;

        s.payload = sizes[i] - 34;
        len = make(frame, &s);
        o = rig_frame(ETH3, frame, len);
        expect_forwarded(o, len, "size");
        cr_expect(eq(u32, o->o.tail_len, (uint32_t)(len > 128 ? len - 128 : 0)), "%zu", len);
        cr_expect(eq(ptr, (void *)o->tail, len > 128 ? (void *)rig.in.tail : NULL), "%zu", len);
    }
}

Test(router_forward, cuts_ethernet_padding_off)
{
    struct spec s = UDP;
    size_t len;

    s.payload = 8;
    len = make(frame, &s);
    memset(frame + len, 0xa5, 60 - len);
    expect_forwarded(rig_frame(ETH3, frame, 60), len, "padded to 60");
    s.payload = 100; /* ends inside the tail */
    len = make(frame, &s);
    memset(frame + len, 0xa5, 50);
    expect_forwarded(rig_frame(ETH3, frame, len + 50), len, "padding in the tail");
    s.payload = 90; /* ends inside the head, and the padding reaches into the tail */
    len = make(frame, &s);
    memset(frame + len, 0xa5, 50);
    expect_forwarded(rig_frame(ETH3, frame, len + 50), len, "padding over the seam");
}

Test(router_forward, takes_a_checksum_of_zero)
{
    struct spec s = UDP;
    struct pkt_ip_wire *ip = (void *)(frame + PKT_ETH_LEN);
    size_t len = 0;

    for (uint32_t id = 0; id < 65536; id++) {
        s.id = (uint16_t)id;
        len = make(frame, &s);
        if (pkt_get16(ip->checksum) == 0) {
            break;
        }
    }
    cr_assert(eq(u16, pkt_get16(ip->checksum), 0));
    expect_forwarded(rig_frame(ETH3, frame, len), len, "checksum 0x0000");
}

Test(router_forward, keeps_options)
{
    static const uint8_t options[][8] = {
        {1, 1, 1, 1, 1, 1, 1, 1},          {7, 7, 4, 0, 0, 0, 0, 0},  /* record route */
        {148, 4, 0, 0, 0, 9, 9, 9},        {68, 8, 5, 0, 0, 0, 0, 0}, /* router alert; timestamp */
        {0, 0xff, 0xff, 0xff, 1, 1, 1, 1},
    };

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        struct spec s = UDP;
        size_t len;

        s.options = options[i];
        s.options_len = 8;
        len = make(frame, &s);
        expect_forwarded(rig_frame(ETH3, frame, len), len, "options");
    }
}

Test(router_forward, refuses_broken_options_and_names_the_byte)
{
    static const struct {
        uint8_t bytes[4];
        uint8_t pointer;
    } cases[] = {
        {{7, 2, 4, 0}, 21},  {{7, 5, 4, 0}, 21},   {{7, 4, 3, 0}, 22},   {{68, 3, 5, 0}, 21},
        {{68, 4, 4, 0}, 22}, {{131, 0, 4, 0}, 21}, {{1, 1, 1, 148}, 23}, {{200, 1, 0, 0}, 21},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct spec s = UDP;
        struct rig_out *o;
        size_t len;

        s.options = cases[i].bytes;
        s.options_len = 4;
        len = make(frame, &s);
        o = rig_frame(ETH3, frame, len);
        expect_error(o, "broken option", PKT_PARAMETER, 0, ETH3, frame, len);
        cr_expect(eq(u8, icmp_of(o)->rest[0], cases[i].pointer), "case %zu", i);
    }
}

Test(router_forward, refuses_source_routes)
{
    static const uint8_t lsrr[8] = {131, 7, 4, 10, 0, 1, 100, 0};
    struct spec s = UDP;
    size_t len;

    s.options = lsrr;
    s.options_len = 8;
    len = make(frame, &s);
    expect_error(rig_frame(ETH3, frame, len), "LSRR", PKT_UNREACHABLE, PKT_SOURCE_ROUTE, ETH3,
                 frame, len);
}

struct bad {
    const char *what;
    enum drop reason;
    int at; /* byte of the frame to change; -1: none */
    uint8_t value;
    bool fix;   /* the checksum, after that */
    size_t len; /* of the frame given; 0: all of it */
    struct spec s;
};

#define FROM(ip)                                                                                   \
    {                                                                                              \
        .src = (ip), .dst = SERVER1, .proto = 17, .ttl = 64, .payload = 20                         \
    }
#define TO(ip)                                                                                     \
    {                                                                                              \
        .src = CLIENT, .dst = (ip), .proto = 17, .ttl = 64, .payload = 20                          \
    }
#define FRAGMENT(offset, bytes)                                                                    \
    {                                                                                              \
        .src = CLIENT, .dst = SERVER1, .proto = 17, .ttl = 64, .frag = (offset),                   \
        .payload = (bytes)                                                                         \
    }
#define GOOD FROM(CLIENT)

static const struct bad bads[] = {
    {"empty frame", DROP_FRAME_TOO_SHORT, -1, 0, false, 1, GOOD},
    {"13 bytes", DROP_FRAME_TOO_SHORT, -1, 0, false, 13, GOOD},
    {"another station", DROP_NOT_FOR_US, 5, 9, false, 0, GOOD},
    {"multicast sender", DROP_MARTIAN_SOURCE, 6, 1, false, 0, GOOD},
    {"IPv6", DROP_ETHERTYPE, 12, 0x86, false, 0, GOOD},
    {"802.3 length", DROP_ETHERTYPE, 12, 0, false, 0, GOOD},
    {"half a header", DROP_IP_BAD_LENGTH, -1, 0, false, 33, GOOD},
    {"version 6", DROP_IP_BAD_VERSION, 14, 0x65, true, 0, GOOD},
    {"header of 16 bytes", DROP_IP_BAD_LENGTH, 14, 0x44, true, 0, GOOD},
    {"header longer than packet", DROP_IP_BAD_LENGTH, 14, 0x4f, true, 0, GOOD},
    {"shorter than its header", DROP_IP_BAD_LENGTH, 17, 19, true, 0, GOOD},
    {"longer than the frame", DROP_IP_BAD_LENGTH, 17, 41, true, 0, GOOD},
    {"cut by one byte", DROP_IP_BAD_LENGTH, -1, 0, false, 53, GOOD},
    {"fragment beyond a datagram", DROP_IP_BAD_LENGTH, -1, 0, false, 0, FRAGMENT(8189, 4)},
    {"the same, to be cut", DROP_IP_BAD_LENGTH, -1, 0, false, 0, FRAGMENT(8002, 1500)},
    {"wrong checksum", DROP_IP_BAD_CHECKSUM, 24, 0x77, false, 0, GOOD},
    {"source 0.0.0.0", DROP_MARTIAN_SOURCE, -1, 0, false, 0, FROM(0)},
    {"source 0.1.2.3", DROP_MARTIAN_SOURCE, -1, 0, false, 0, FROM(IP(0, 1, 2, 3))},
    {"source 127.0.0.1", DROP_MARTIAN_SOURCE, -1, 0, false, 0, FROM(IP(127, 0, 0, 1))},
    {"source 224.0.0.5", DROP_MARTIAN_SOURCE, -1, 0, false, 0, FROM(IP(224, 0, 0, 5))},
    {"source 240.0.0.1", DROP_MARTIAN_SOURCE, -1, 0, false, 0, FROM(IP(240, 0, 0, 1))},
    {"source broadcast", DROP_MARTIAN_SOURCE, -1, 0, false, 0, FROM(IP(255, 255, 255, 255))},
    {"source subnet broadcast", DROP_MARTIAN_SOURCE, -1, 0, false, 0, FROM(IP(10, 0, 1, 255))},
    {"source the router's", DROP_MARTIAN_SOURCE, -1, 0, false, 0, FROM(IP(10, 0, 1, 1))},
    {"source the router's other", DROP_MARTIAN_SOURCE, -1, 0, false, 0, FROM(IP(172, 64, 3, 1))},
    {"source link-local", DROP_MARTIAN_SOURCE, -1, 0, false, 0, FROM(IP(169, 254, 3, 1))},
    {"to 0.0.0.0", DROP_MARTIAN_DESTINATION, -1, 0, false, 0, TO(0)},
    {"to 127.0.0.1", DROP_MARTIAN_DESTINATION, -1, 0, false, 0, TO(IP(127, 0, 0, 1))},
    {"to 224.0.0.9", DROP_MARTIAN_DESTINATION, -1, 0, false, 0, TO(IP(224, 0, 0, 9))},
    {"to 250.0.0.1", DROP_MARTIAN_DESTINATION, -1, 0, false, 0, TO(IP(250, 0, 0, 1))},
    {"to link-local", DROP_MARTIAN_DESTINATION, -1, 0, false, 0, TO(IP(169, 254, 1, 1))},
    {"directed broadcast", DROP_MARTIAN_DESTINATION, -1, 0, false, 0, TO(IP(192, 168, 2, 255))},
    {"own subnet's broadcast", DROP_MARTIAN_DESTINATION, -1, 0, false, 0, TO(IP(10, 0, 1, 255))},
    {"limited broadcast", DROP_NO_LISTENER, -1, 0, false, 0, TO(IP(255, 255, 255, 255))},
    {"ICMP cut short",
     DROP_IP_BAD_LENGTH,
     -1,
     0,
     false,
     0,
     {.src = CLIENT, .dst = IP(10, 0, 1, 1), .proto = 1, .ttl = 64, .payload = 7}},
};

Test(router_forward, drops_each_bad_frame_for_its_own_reason)
{
    for (size_t i = 0; i < sizeof bads / sizeof bads[0]; i++) {
        const struct bad *b = &bads[i];
        uint64_t before = counter_dropped(b->reason);
        size_t len = make(frame, &b->s);
        struct rig_out *o;

        if (b->at >= 0) {
            frame[b->at] = b->value;
        }
        if (b->fix) {
            fix_ip_checksum(frame);
        }
        o = rig_frame(ETH3, frame, b->len ? b->len : len);
        cr_expect(eq(int, (int)o->o.verdict, VERDICT_DROPPED), "%s", b->what);
        cr_expect(eq(str, (char *)drop_name(o->o.reason), (char *)drop_name(b->reason)), "%s",
                  b->what);
        cr_expect(zero(u32, o->len), "%s", b->what);
        cr_expect(eq(u64, counter_dropped(b->reason), before + 1), "%s", b->what);
    }
}

Test(router_forward, drops_unicast_packets_sent_to_all_stations)
{
    static const uint8_t multicast[6] = {1, 0, 0x5e, 0, 0, 9};
    const uint8_t *to[] = {ALL_MAC, multicast};
    const uint32_t dst[] = {SERVER1, IP(10, 0, 1, 1), IP(9, 9, 9, 9)};
    const enum drop why[] = {DROP_MARTIAN_DESTINATION, DROP_NO_LISTENER, DROP_MARTIAN_DESTINATION};

    for (size_t i = 0; i < 6; i++) {
        struct spec s = UDP;
        struct rig_out *o;

        s.eth_dst = to[i / 3];
        s.dst = dst[i % 3];
        o = rig_frame(ETH3, frame, make(frame, &s));
        cr_expect(eq(str, (char *)drop_name(o->o.reason), (char *)drop_name(why[i % 3])));
    }
}

Test(router_forward, drops_what_the_port_refuses_or_no_interface_takes)
{
    size_t len = make(frame, &UDP);

    cr_expect(eq(int, (int)rig_frame(77, frame, len)->o.reason, DROP_UNKNOWN_INTERFACE));
    cr_expect(eq(int, (int)rig_frame(UINT32_MAX, frame, len)->o.reason, DROP_UNKNOWN_INTERFACE));
    rig_iface(ETH3, "eth3", IP(10, 0, 1, 1), 0xffffff00, false);
    cr_expect(eq(int, (int)rig_frame(ETH3, frame, len)->o.reason, DROP_INTERFACE_DOWN));
    rig_iface(ETH3, "eth3", IP(10, 0, 1, 1), 0xffffff00, true);
    rig_turn();
    cr_expect(eq(int, (int)rig_frame(ETH3, frame, len)->o.verdict, VERDICT_FORWARDED));
    rig.in.f.refuse = DROP_NO_ROUTER;
    rig.waiting = true;
    router_turn(&rig.r, rig.now);
    cr_expect(eq(int, (int)rig.out[rig.n_out - 1].o.reason, DROP_NO_ROUTER));
    rig.in.f.refuse = DROP_NONE;
    rig.in.f.head_len = 60; /* a tail, and a head that may end inside the headers */
    rig.in.f.tail_len = 60;
    rig.waiting = true;
    router_turn(&rig.r, rig.now);
    cr_expect(eq(int, (int)rig.out[rig.n_out - 1].o.reason, DROP_BAD_RECORD));
    memset(frame, 0, sizeof frame);
    cr_expect(
        eq(int, (int)rig_frame(ETH3, frame, PORT_FRAME_MAX + 1)->o.reason, DROP_FRAME_TOO_LONG));
}

Test(router_forward, takes_the_longest_prefix_and_its_gateway)
{
    struct spec s = UDP;
    struct rig_out *o;

    rig_route(0, 0, SERVER1, ETH1);
    s.dst = IP(8, 8, 8, 8); /* the default route, whose gateway is server1 */
    o = rig_frame(ETH3, frame, make(frame, &s));
    cr_expect(eq(u32, o->o.iface, ETH1));
    cr_expect(zero(int, memcmp(o->bytes, SERVER1_MAC, 6)));
    s.src = SERVER1;
    s.eth_dst = rig.r.ifaces.row[ETH1].mac;
    s.dst = IP(10, 9, 7, 7); /* the /16, whose gateway is the client */
    o = rig_frame(ETH1, frame, make(frame, &s));
    cr_expect(eq(u32, o->o.iface, ETH3));
    cr_expect(zero(int, memcmp(o->bytes, CLIENT_MAC, 6)));
}

/* Its routes are bound by the other thread, which may be late: until then they lead nowhere. */
Test(router_forward, refuses_nothing_while_an_interface_comes_up_again)
{
    size_t len = make(frame, &UDP);

    rig_iface(ETH1, "eth1", IP(192, 168, 2, 1), 0xffffff00, false);
    rig_turn();
    rig.n_out = 0;
    rig_iface(ETH1, "eth1", IP(192, 168, 2, 1), 0xffffff00, true);
    memcpy(rig.in.head, frame, len);
    rig.in.f = (struct frame_in){
        .head = rig.in.head, .head_len = (uint32_t)len, .iface = ETH3, .position = 16};
    rig.waiting = true;
    router_turn(&rig.r, rig.now);
    cr_expect(rig.waiting, "must wait for the routes");
    rig_turn();
    cr_assert(not(rig.waiting), "no verdict");
    for (unsigned i = 0; i < rig.n_out; i++) {
        cr_expect(rig.out[i].o.verdict == VERDICT_ORIGINATED ||
                      rig.out[i].o.verdict == VERDICT_HELD,
                  "verdict %d", rig.out[i].o.verdict);
    }
    rig_sums_hold();
}

Test(router_forward, says_net_unreachable_without_a_route)
{
    struct spec s = UDP;
    size_t len;

    s.dst = IP(172, 64, 3, 9);
    len = make(frame, &s);
    expect_error(rig_frame(ETH3, frame, len), "no route", PKT_UNREACHABLE, PKT_NET, ETH3, frame,
                 len);
    s.dst = SERVER1; /* the way there is down */
    rig_iface(ETH1, "eth1", IP(192, 168, 2, 1), 0xffffff00, false);
    len = make(frame, &s);
    expect_error(rig_frame(ETH3, frame, len), "before the FIB knows", PKT_UNREACHABLE, PKT_NET,
                 ETH3, frame, len);
    rig_turn();
    expect_error(rig_frame(ETH3, frame, len), "and after", PKT_UNREACHABLE, PKT_NET, ETH3, frame,
                 len);
}

Test(router_forward, says_time_exceeded_when_the_ttl_runs_out)
{
    struct spec s = UDP;

    for (s.ttl = 0; s.ttl <= 1; s.ttl++) {
        size_t len = make(frame, &s);

        expect_error(rig_frame(ETH3, frame, len), "TTL", PKT_TIME_EXCEEDED, 0, ETH3, frame, len);
    }
    expect_forwarded(rig_frame(ETH3, frame, make(frame, &s)), 64, "TTL 2");
}

Test(router_forward, asks_for_smaller_packets_when_it_may_not_cut)
{
    struct spec s = UDP;
    struct rig_out *o;
    size_t len;

    s.frag = PKT_IP_DF;
    s.payload = 1481;
    len = make(frame, &s);
    o = rig_frame(ETH3, frame, len);
    expect_error(o, "DF", PKT_UNREACHABLE, PKT_FRAGMENT, ETH3, frame, len);
    cr_expect(eq(u32, pkt_get32(icmp_of(o)->rest), 1500));
    s.payload = 1480;
    len = make(frame, &s);
    expect_forwarded(rig_frame(ETH3, frame, len), len, "just fits");
}

/* Puts the fragments of out[from..] together again; returns the payload's length. */
static size_t reassemble(unsigned from, uint8_t *payload)
{
    size_t len = 0;

    for (unsigned i = from; i < rig.n_out; i++) {
        const struct rig_out *o = &rig.out[i];
        uint32_t ihl = ihl_of(o->bytes), frag = pkt_get16(ip_of(o)->frag);
        size_t n = o->len - PKT_ETH_LEN - ihl, at = (frag & PKT_IP_OFFSET) * 8u;

        cr_assert(sums_are_right(o), "fragment %u", i);
        cr_assert(le(u32, o->len, 1514));
        cr_assert(eq(sz, at, len), "in order");
        cr_assert(eq(int, (frag & PKT_IP_MF) != 0, i + 1 < rig.n_out));
        memcpy(payload + at, o->bytes + PKT_ETH_LEN + ihl, n);
        len += n;
    }
    return len;
}

Test(router_forward, cuts_long_packets_into_fragments)
{
    static const uint8_t options[8] = {7, 3, 4, 148, 4, 0, 0, 0}; /* stays, then is copied */
    static uint8_t payload[PORT_FRAME_MAX];
    static const size_t sizes[] = {1481, 1600, 2960, 2961, 9000};

    for (size_t i = 0; i < 10; i++) {
        struct spec s = UDP;
        unsigned from = rig.n_out;
        size_t len;

        s.payload = sizes[i / 2];
        s.options = options;
        s.options_len = i % 2 * 8;
        len = make(frame, &s);
        cr_expect(eq(int, (int)rig_frame(ETH3, frame, len)->o.verdict, VERDICT_FORWARDED));
        cr_assert(eq(sz, reassemble(from, payload), s.payload));
        struct cr_mem got = {payload, s.payload}, sent = {frame + len - s.payload, s.payload};
        cr_expect(eq(mem, got, sent));
        if (i % 2) {
            cr_expect(eq(u32, ihl_of(rig.out[from].bytes), 28));
            cr_expect(eq(u32, ihl_of(rig.out[from + 1].bytes), 24));
            cr_expect(eq(u8, rig.out[from + 1].bytes[PKT_ETH_LEN + 20], 148));
        }
    }
}

/* RFC 791, 3.2: a fragment of a fragment keeps its place in the datagram, and the last of them the
 * flag that more follow. */
Test(router_forward, cuts_fragments_into_fragments_up_to_the_end_of_the_longest_datagram)
{
    static const uint16_t frags[] = {PKT_IP_MF, 100 | PKT_IP_MF, 100, 8002};

    for (size_t i = 0; i < sizeof frags / sizeof frags[0]; i++) {
        struct spec s = UDP;
        unsigned from = rig.n_out;

        s.payload = 65535 - 20 - 8002 * 8; /* to 65,535 bytes where the offset is 8002 */
        s.frag = frags[i];
        cr_expect(
            eq(int, (int)rig_frame(ETH3, frame, make(frame, &s))->o.verdict, VERDICT_FORWARDED));
        cr_assert(eq(u32, rig.n_out - from, 2));
        cr_expect(eq(u16, (uint16_t)pkt_get16(ip_of(&rig.out[from])->frag), frags[i] | PKT_IP_MF));
        cr_expect(
            eq(u16, (uint16_t)pkt_get16(ip_of(&rig.out[from + 1])->frag), frags[i] + 1480 / 8));
    }
}

Test(router_forward, sends_nothing_while_the_way_out_is_full)
{
    size_t len = make(frame, &UDP);

    rig.full = true;
    rig.waiting = true;
    cr_expect(zero(u32, router_turn(&rig.r, rig.now)));
    cr_expect(rig.waiting);
    rig.waiting = false;
    rig.full = false;
    expect_forwarded(rig_frame(ETH3, frame, len), len, "room again");
}
