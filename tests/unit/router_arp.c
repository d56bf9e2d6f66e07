/* tests/unit/router_arp.c - what ARP frames do, and what is made of them. */
#include "tests/unit/router_rig.h"

TestSuite(router_arp, .timeout = 20, .init = rig_start);

static uint8_t frame[128];
static const uint8_t NOBODY[6];
static const uint8_t STRANGER[6] = {0x0a, 0, 0, 0, 0, 0x77};
static const uint8_t MY_MAC[6] = {2, 0, 0, 0, 0, 3}; /* eth3 */
#define MY_IP IP(10, 0, 1, 1)
#define NEW_IP IP(10, 0, 1, 7)

static bool known(uint32_t ip, unsigned row)
{
    return neigh_lookup(&rig.keeper.neigh, ip, row) != NULL;
}

Test(router_arp, answers_for_its_own_address_byte_for_byte)
{
    static const size_t sizes[] = {42, 60, 64};
    uint8_t want[42];

    make_arp(want, STRANGER, PKT_ARP_REPLY, MY_MAC, MY_IP, STRANGER, NEW_IP);
    memcpy(want + 6, MY_MAC, 6);
    for (size_t i = 0; i < 3; i++) {
        struct rig_out *o;

        memset(frame, 0xaa, sizeof frame);
        make_arp(frame, ALL_MAC, PKT_ARP_REQUEST, STRANGER, NEW_IP, NOBODY, MY_IP);
        o = rig_frame(ETH3, frame, sizes[i]);
        cr_expect(eq(int, (int)o->o.verdict, VERDICT_ANSWERED));
        cr_expect(eq(u32, o->o.iface, ETH3));
        struct cr_mem got = {o->bytes, o->len}, expected = {want, sizeof want};
        cr_expect(eq(mem, got, expected), "%zu bytes", sizes[i]);
    }
    cr_expect(eq(u64, counter_get(ROUTER_ARP_REPLIES), 3));
    rig_turn();
    cr_expect(known(NEW_IP, ETH3), "learned from the request");
}

Test(router_arp, answers_a_probe_and_learns_nothing)
{
    struct rig_out *o;

    make_arp(frame, ALL_MAC, PKT_ARP_REQUEST, STRANGER, 0, NOBODY, MY_IP);
    o = rig_frame(ETH3, frame, 42);
    cr_expect(eq(int, (int)o->o.verdict, VERDICT_ANSWERED));
    cr_expect(zero(int, memcmp(o->bytes, STRANGER, 6)));
    rig_turn();
    cr_expect(not(known(0, ETH3)));
}

struct other {
    const char *what;
    uint16_t op;
    uint32_t spa, tpa;
    const uint8_t *tha;
    const uint8_t *eth_dst;
};

Test(router_arp, ignores_what_is_for_others_and_learns_nothing_from_it)
{
    const struct other cases[] = {
        {"request for a neighbour", PKT_ARP_REQUEST, NEW_IP, CLIENT, NOBODY, ALL_MAC},
        {"request for another interface", PKT_ARP_REQUEST, NEW_IP, IP(192, 168, 2, 1), NOBODY,
         ALL_MAC},
        {"reply to a neighbour", PKT_ARP_REPLY, NEW_IP, CLIENT, CLIENT_MAC, ALL_MAC},
        {"reply to all", PKT_ARP_REPLY, NEW_IP, MY_IP, NOBODY, ALL_MAC},
        {"reply without a sender", PKT_ARP_REPLY, 0, MY_IP, MY_MAC, MY_MAC},
        {"probe for another", PKT_ARP_REQUEST, 0, CLIENT, NOBODY, ALL_MAC},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct other *c = &cases[i];
        struct rig_out *o;

        make_arp(frame, c->eth_dst, c->op, STRANGER, c->spa, c->tha, c->tpa);
        o = rig_frame(ETH3, frame, 42);
        cr_expect(eq(str, (char *)drop_name(o->o.reason), "arp_other"), "%s", c->what);
        rig_turn();
        cr_expect(not(known(NEW_IP, ETH3)), "%s", c->what);
    }
}

Test(router_arp, learns_from_a_reply_to_it)
{
    struct rig_out *o;

    make_arp(frame, MY_MAC, PKT_ARP_REPLY, STRANGER, NEW_IP, MY_MAC, MY_IP);
    o = rig_frame(ETH3, frame, 60);
    cr_expect(eq(int, (int)o->o.verdict, VERDICT_ANSWERED));
    cr_expect(zero(u32, o->len), "nothing leaves");
    rig_turn();
    cr_assert(known(NEW_IP, ETH3));
    cr_expect(not(known(NEW_IP, ETH1)), "on that interface only");
}

Test(router_arp, an_announcement_changes_an_entry_and_makes_none)
{
    for (uint16_t op = PKT_ARP_REQUEST; op <= PKT_ARP_REPLY; op++) {
        make_arp(frame, ALL_MAC, op, STRANGER, NEW_IP, NOBODY, NEW_IP);
        rig_frame(ETH3, frame, 42);
        rig_turn();
        cr_expect(not(known(NEW_IP, ETH3)));
        make_arp(frame, ALL_MAC, op, STRANGER, CLIENT, NOBODY, CLIENT);
        frame[27] = (uint8_t)op; /* another address each time */
        rig_frame(ETH3, frame, 42);
        rig_turn();
        cr_assert(known(CLIENT, ETH3));
        cr_expect(eq(u8, neigh_lookup(&rig.keeper.neigh, CLIENT, ETH3)->mac[5], op));
    }
}

Test(router_arp, drops_every_malformed_field)
{
    static const struct {
        const char *what;
        unsigned at;
        uint8_t value;
    } cases[] = {
        {"hardware type", 15, 6},    {"protocol type", 16, 0x86}, {"hardware length", 18, 8},
        {"protocol length", 19, 16}, {"operation 0", 21, 0},      {"operation 3", 21, 3},
        {"operation 258", 20, 1},    {"multicast sender", 22, 1}, {"sender IP 127", 28, 127},
        {"sender IP 224", 28, 224},  {"sender IP 255", 28, 255},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make_arp(frame, ALL_MAC, PKT_ARP_REQUEST, STRANGER, NEW_IP, NOBODY, MY_IP);
        frame[cases[i].at] = cases[i].value;
        cr_expect(eq(int, (int)rig_frame(ETH3, frame, 42)->o.reason, DROP_ARP_BAD), "%s",
                  cases[i].what);
    }
    make_arp(frame, ALL_MAC, PKT_ARP_REQUEST, NOBODY, NEW_IP, NOBODY, MY_IP);
    cr_expect(eq(int, (int)rig_frame(ETH3, frame, 42)->o.reason, DROP_ARP_BAD));
    for (size_t len = 14; len < 42; len++) {
        make_arp(frame, ALL_MAC, PKT_ARP_REQUEST, STRANGER, NEW_IP, NOBODY, MY_IP);
        cr_expect(eq(int, (int)rig_frame(ETH3, frame, len)->o.reason, DROP_ARP_BAD), "%zu", len);
    }
    rig_turn();
    cr_expect(not(known(NEW_IP, ETH3)));
}

Test(router_arp, defends_its_address_once_in_ten_seconds)
{
    unsigned before = rig.n_out;
    struct rig_out *o;

    log_set_level(LOG_ERROR);
    for (unsigned i = 0; i < 3; i++) {
        make_arp(frame, ALL_MAC, PKT_ARP_REQUEST, STRANGER, MY_IP, NOBODY, CLIENT);
        cr_expect(eq(int, (int)rig_frame(ETH3, frame, 42)->o.reason, DROP_ARP_OTHER));
    }
    cr_assert(eq(u32, rig.n_out, before + 4), "three verdicts and one announcement");
    o = &rig.out[before + 1];
    cr_expect(eq(int, (int)o->o.verdict, VERDICT_ORIGINATED));
    cr_expect(zero(int, memcmp(o->bytes, ALL_MAC, 6)));
    rig.now += 10 * SECOND;
    rig_frame(ETH3, frame, 42);
    cr_expect(eq(u32, rig.n_out, before + 6));
    rig_turn();
    cr_expect(not(known(MY_IP, ETH3)));
}

Test(router_arp, announces_an_interface_that_comes_up)
{
    struct rig_out *o;
    uint8_t want[42];

    rig_iface(ETH3, "eth3", MY_IP, 0xffffff00, false);
    rig_turn();
    cr_expect(zero(u32, rig.n_out));
    rig_iface(ETH3, "eth3", MY_IP, 0xffffff00, true);
    rig.full = true;
    rig_turn();
    cr_expect(zero(u32, rig.n_out), "no room yet");
    rig.full = false;
    rig_turn();
    cr_assert(eq(u32, rig.n_out, 1));
    o = &rig.out[0];
    make_arp(want, ALL_MAC, PKT_ARP_REQUEST, MY_MAC, MY_IP, NOBODY, MY_IP);
    struct cr_mem got = {o->bytes, o->len}, expected = {want, sizeof want};
    cr_expect(eq(mem, got, expected));
    cr_expect(eq(u32, o->o.iface, ETH3));
    cr_expect(eq(int, (int)o->o.verdict, VERDICT_ORIGINATED));
}
