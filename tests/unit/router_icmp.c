/* tests/unit/router_icmp.c - what the router says, and when it must say nothing. */
#include "tests/unit/router_rig.h"

TestSuite(router_icmp, .timeout = 20, .init = rig_start);

static uint8_t frame[PORT_FRAME_MAX + 100];
static const uint32_t MINE[] = {IP(192, 168, 2, 1), IP(172, 64, 3, 1), IP(10, 0, 1, 1)};

static const struct spec ECHO = {.src = CLIENT,
                                 .dst = IP(10, 0, 1, 1),
                                 .proto = PKT_ICMP_PROTO,
                                 .ttl = 64,
                                 .payload = 64,
                                 .icmp_type = PKT_ECHO};

/* The reply to the request in 'frame', byte for byte. */
static void expect_reply(const struct rig_out *o, size_t len, const char *what)
{
    static uint8_t want[sizeof frame];
    struct pkt_ip_wire *ip = (void *)(want + PKT_ETH_LEN);
    struct pkt_icmp_wire *icmp;

    memcpy(want, frame, len);
    memcpy(want, frame + 6, 6);
    memcpy(want + 6, frame, 6);
    memcpy(ip->src, frame + PKT_ETH_LEN + 16, 4);
    memcpy(ip->dst, frame + PKT_ETH_LEN + 12, 4);
    ip->ttl[0] = 64;
    fix_ip_checksum(want);
    icmp = (void *)(want + PKT_ETH_LEN + ihl_of(want));
    icmp->type[0] = PKT_ECHO_REPLY;
    pkt_put16(icmp->checksum, 0);
    pkt_put16(icmp->checksum, pkt_checksum(icmp, len - PKT_ETH_LEN - ihl_of(want)));
    cr_assert(eq(int, (int)o->o.verdict, VERDICT_ANSWERED), "%s: %s", what, drop_name(o->o.reason));
    struct cr_mem got = {o->bytes, o->len}, expected = {want, len};
    cr_expect(eq(mem, got, expected), "%s", what);
}

Test(router_icmp, answers_pings_to_each_address_from_each_side)
{
    for (unsigned row = 0; row < 3; row++) {
        for (unsigned i = 0; i < 3; i++) {
            struct spec s = ECHO;
            struct rig_out *o;
            size_t len;

            s.dst = MINE[i];
            s.eth_dst = rig.r.ifaces.row[row].mac;
            len = make(frame, &s);
            o = rig_frame(row, frame, len);
            expect_reply(o, len, "side");
            cr_expect(eq(u32, o->o.iface, row));
        }
    }
    cr_expect(eq(u64, counter_get(ROUTER_ICMP_ECHO_REPLIES), 9));
}

Test(router_icmp, answers_pings_of_every_size_and_leaves_the_tail_in_place)
{
    static const size_t payloads[] = {8, 9, 64, 85, 86, 87, 88, 500, 1471, 1480};

    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        struct spec s = ECHO;
        struct rig_out *o;
        size_t len;

        s.payload = payloads[i];
        len = make(frame, &s);
        o = rig_frame(ETH3, frame, len);
        expect_reply(o, len, "size");
        cr_expect(eq(u32, o->o.tail_len, (uint32_t)(len > 128 ? len - 128 : 0)));
    }
}

Test(router_icmp, answers_pings_with_any_ttl_options_and_checksum)
{
    static const uint8_t router_alert[4] = {148, 4, 0, 0};
    struct spec s = ECHO;

    for (s.ttl = 0; s.ttl <= 2; s.ttl++) {
        size_t len = make(frame, &s);

        expect_reply(rig_frame(ETH3, frame, len), len, "TTL");
    }
    s.options = router_alert;
    s.options_len = 4;
    for (uint32_t id = 0; id < 3000; id++) {
        size_t len;

        s.id = (uint16_t)(id * 21);
        s.payload = 8 + id % 90;
        len = make(frame, &s);
        frame[len - 1] = (uint8_t)id; /* wanders over all ICMP checksums */
        pkt_put16(frame + 40, 0);
        pkt_put16(frame + 40, pkt_checksum(frame + 38, len - 38));
        rig.n_out = 0;
        expect_reply(rig_frame(ETH3, frame, len), len, "options");
    }
}

Test(router_icmp, answers_a_big_ping_fragment_by_fragment)
{
    struct spec s = ECHO;
    struct rig_out *o;
    size_t len;

    s.frag = PKT_IP_MF;
    s.payload = 1480;
    len = make(frame, &s);
    o = rig_frame(ETH3, frame, len);
    cr_expect(eq(int, (int)o->o.verdict, VERDICT_ANSWERED));
    cr_expect(eq(u8, icmp_of(o)->type[0], PKT_ECHO_REPLY));
    s.frag = 185;
    s.payload = 300;
    len = make(frame, &s);
    o = rig_frame(ETH3, frame, len);
    cr_expect(eq(int, (int)o->o.verdict, VERDICT_ANSWERED));
    cr_expect(sums_are_right(o));
    cr_expect(eq(u32, pkt_get32(ip_of(o)->dst), CLIENT));
    cr_expect(eq(u16, pkt_get16(ip_of(o)->frag), 185));
    struct cr_mem got = {o->bytes + 34, 300}, sent = {frame + 34, 300};
    cr_expect(eq(mem, got, sent), "payload is not an ICMP header");
}

Test(router_icmp, cuts_its_answer_to_a_ping_that_came_longer_than_its_own_interface_takes)
{
    static uint8_t reply[PORT_FRAME_MAX];
    struct spec s = ECHO;
    size_t len, at = 0;

    s.frag = PKT_IP_DF;
    s.payload = 3206;
    len = make(frame, &s);
    cr_expect(eq(int, (int)rig_frame(ETH3, frame, len)->o.verdict, VERDICT_ANSWERED));
    for (unsigned i = 0; i < rig.n_out; i++) {
        const struct rig_out *o = &rig.out[i];

        cr_assert(sums_are_right(o) && o->len <= 1514, "fragment %u", i);
        cr_expect(eq(u16, pkt_get16(ip_of(o)->frag),
                     (uint16_t)(at / 8 | (i + 1 < rig.n_out ? PKT_IP_MF : 0))));
        memcpy(reply + at, o->bytes + 34, o->len - 34);
        at += o->len - 34;
    }
    cr_assert(eq(sz, at, s.payload));
    cr_expect(eq(u8, reply[0], PKT_ECHO_REPLY));
    cr_expect(eq(u16, pkt_fold(pkt_sum(0, reply, (uint32_t)at)), 0xffff));
    struct cr_mem got = {reply + 4, at - 4}, sent = {frame + 38, at - 4};
    cr_expect(eq(mem, got, sent));
}

Test(router_icmp, ignores_other_icmp_to_it)
{
    for (unsigned type = 0; type < 256; type++) {
        struct spec s = ECHO;

        s.icmp_type = (uint8_t)type;
        if (type != PKT_ECHO) {
            cr_expect(
                eq(int, (int)rig_frame(ETH3, frame, make(frame, &s))->o.reason, DROP_ICMP_IGNORED),
                "type %u", type);
        }
    }
}

Test(router_icmp, refuses_tcp_udp_and_other_protocols)
{
    static const struct {
        uint8_t proto, code;
    } cases[] = {
        {6, PKT_PORT}, {17, PKT_PORT}, {2, PKT_PROTOCOL}, {89, PKT_PROTOCOL}, {255, PKT_PROTOCOL}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned to = 0; to < 3; to++) {
            struct spec s = ECHO;
            size_t len;

            s.proto = cases[i].proto;
            s.dst = MINE[to];
            s.ttl = 1;
            len = make(frame, &s);
            expect_error(rig_frame(ETH3, frame, len), "protocol", PKT_UNREACHABLE, cases[i].code,
                         ETH3, frame, len);
        }
    }
}

Test(router_icmp, quotes_as_much_as_fits_576_bytes)
{
    static const size_t payloads[] = {0, 8, 20, 93, 94, 95, 500, 527, 528, 529, 1480};

    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        struct spec s = ECHO;
        struct rig_out *o;
        size_t len;

        s.proto = 17;
        s.payload = payloads[i];
        len = make(frame, &s);
        o = rig_frame(ETH3, frame, len);
        expect_error(o, "quote", PKT_UNREACHABLE, PKT_PORT, ETH3, frame, len);
        cr_expect(le(u16, pkt_get16(ip_of(o)->total_len), 576));
    }
}

/* Everything that would get an error but for a rule; 'reason' says what it is dropped for instead.
 */
Test(router_icmp, no_error_about_what_the_rules_except)
{
    const uint32_t nowhere = IP(9, 9, 9, 9);
    const struct {
        const char *what;
        enum drop reason;
        struct spec s;
    } cases[] = {
        {"ICMP error: unreachable",
         DROP_NO_ROUTE,
         {.dst = nowhere, .proto = 1, .ttl = 9, .payload = 36, .icmp_type = 3}},
        {"ICMP error: quench",
         DROP_NO_ROUTE,
         {.dst = nowhere, .proto = 1, .ttl = 9, .payload = 36, .icmp_type = 4}},
        {"ICMP error: redirect",
         DROP_NO_ROUTE,
         {.dst = nowhere, .proto = 1, .ttl = 9, .payload = 36, .icmp_type = 5}},
        {"ICMP error: time",
         DROP_TTL_EXPIRED,
         {.dst = SERVER1, .proto = 1, .ttl = 1, .payload = 36, .icmp_type = 11}},
        {"ICMP error: parameter",
         DROP_TTL_EXPIRED,
         {.dst = SERVER1, .proto = 1, .ttl = 1, .payload = 36, .icmp_type = 12}},
        {"ICMP of unknown type",
         DROP_NO_ROUTE,
         {.dst = nowhere, .proto = 1, .ttl = 9, .payload = 36, .icmp_type = 77}},
        {"ICMP without a type", DROP_NO_ROUTE, {.dst = nowhere, .proto = 1, .ttl = 9}},
        {"later fragment",
         DROP_NO_ROUTE,
         {.dst = nowhere, .proto = 17, .ttl = 9, .payload = 36, .frag = 1}},
        {"later fragment, TTL",
         DROP_TTL_EXPIRED,
         {.dst = SERVER1, .proto = 17, .ttl = 1, .payload = 36, .frag = 100 | PKT_IP_MF}},
        {"later fragment to the router",
         DROP_NO_LISTENER,
         {.dst = IP(10, 0, 1, 1), .proto = 17, .ttl = 9, .payload = 36, .frag = 3}},
        {"too long",
         DROP_NEEDS_FRAGMENT,
         {.dst = SERVER1, .proto = 17, .ttl = 9, .payload = 1500, .frag = 1 | PKT_IP_DF}},
        {"sent to all",
         DROP_NO_LISTENER,
         {.dst = IP(10, 0, 1, 1), .proto = 17, .ttl = 9, .payload = 36, .eth_dst = ALL_MAC}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct spec s = cases[i].s;
        unsigned before = rig.n_out;
        struct rig_out *o;

        s.src = CLIENT;
        o = rig_frame(ETH3, frame, make(frame, &s));
        cr_expect(eq(str, (char *)drop_name(o->o.reason), (char *)drop_name(cases[i].reason)), "%s",
                  cases[i].what);
        cr_expect(eq(u32, rig.n_out, before + 1), "%s", cases[i].what);
    }
    cr_expect(zero(u64, counter_get(ROUTER_ICMP_ERRORS)));
}

Test(router_icmp, pings_and_first_fragments_get_errors)
{
    struct spec s = ECHO;
    size_t len;

    s.dst = IP(9, 9, 9, 9);
    len = make(frame, &s);
    expect_error(rig_frame(ETH3, frame, len), "ping", PKT_UNREACHABLE, PKT_NET, ETH3, frame, len);
    s.proto = 17;
    s.frag = PKT_IP_MF;
    len = make(frame, &s);
    expect_error(rig_frame(ETH3, frame, len), "first", PKT_UNREACHABLE, PKT_NET, ETH3, frame, len);
}

/* How many of 'n' bad packets by 'row' are answered. */
static unsigned answered(unsigned row, unsigned n)
{
    struct spec s = ECHO;
    uint64_t before = counter_get(ROUTER_ICMP_ERRORS);

    s.dst = IP(9, 9, 9, 9);
    s.eth_dst = rig.r.ifaces.row[row].mac;
    for (unsigned i = 0; i < n; i++) {
        const struct rig_out *o = rig_frame(row, frame, make(frame, &s));

        cr_assert(o->o.verdict == VERDICT_ANSWERED || o->o.reason == DROP_ICMP_RATE);
        rig.n_out = 0;
    }
    return (unsigned)(counter_get(ROUTER_ICMP_ERRORS) - before);
}

Test(router_icmp, errors_are_limited_by_interface_and_in_all)
{
    cr_expect(eq(u32, answered(ETH3, 700), 500), "one interface");
    cr_expect(eq(u32, answered(ETH1, 100), 100), "does not harm another");
    cr_expect(eq(u32, answered(ETH1, 600) + answered(ETH2, 600), 400), "1000 in all");
    cr_expect(eq(u64, counter_get(ROUTER_ICMP_SUPPRESSED), 200 + 800));
    rig.now += SECOND / 10;
    cr_expect(eq(u32, answered(ETH3, 100), 50), "a tenth of a second later");
    rig.now += 100 * SECOND;
    rig_turn();
    cr_expect(eq(u32, answered(ETH3, 700), 500), "no more after a long rest");
}

Test(router_icmp, a_limited_flood_does_not_stop_pings)
{
    size_t len;

    answered(ETH3, 2000);
    len = make(frame, &ECHO);
    expect_reply(rig_frame(ETH3, frame, len), len, "ping under flood");
}
