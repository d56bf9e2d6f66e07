/* tests/unit/router_neigh.c - the life of a neighbour, second by second, on the test's own clock.
 */
#include <pthread.h>
#include <urcu-qsbr.h>

#include "tests/unit/router_rig.h"

TestSuite(router_neigh, .timeout = 30, .init = rig_start);

static uint8_t frame[8192];

/* A UDP packet of the client's to server2, who is not known. */
static size_t to_server2(void)
{
    struct spec s = {
        .src = CLIENT, .dst = SERVER2, .proto = PKT_UDP_PROTO, .ttl = 64, .payload = 20};

    return make(frame, &s);
}

static bool is_request(const struct rig_out *o, unsigned row, uint32_t ip, const uint8_t to[6])
{
    const struct pkt_arp_wire *a = (const void *)(o->bytes + PKT_ETH_LEN);

    return o->o.verdict == VERDICT_ORIGINATED && o->o.iface == row && o->len == 42 &&
           memcmp(o->bytes, to, 6) == 0 && o->bytes[12] == 8 && o->bytes[13] == 6 &&
           pkt_get16(a->op) == PKT_ARP_REQUEST && pkt_get32(a->tpa) == ip &&
           pkt_get32(a->spa) == rig.r.ifaces.row[row].ip;
}

/* Moves the clock to each instant that something is due, up to 'until'.  Stops when something left;
 * returns that instant, or 0. */
static uint64_t run_until(uint64_t until)
{
    unsigned before = rig.n_out;

    while (rig.now <= until) {
        uint64_t next = keeper_pass(&rig.keeper, rig.now);

        rig_turn();
        if (rig.n_out > before) {
            return rig.now;
        }
        next = next > rig.now ? next : rig.now + 1;
        rig.now = next < until ? next : until + 1;
    }
    rig.now = until;
    return 0;
}

Test(router_neigh, asks_at_once_then_each_second_five_times_in_all)
{
    uint64_t start = rig.now;

    cr_expect(eq(int, (int)rig_frame(ETH3, frame, to_server2())->o.verdict, VERDICT_HELD));
    for (unsigned i = 0; i < 5; i++) {
        cr_expect(eq(u64, run_until(start + 10 * SECOND) - start, i * SECOND), "request %u", i);
        cr_expect(is_request(&rig.out[rig.n_out - 1], ETH2, SERVER2, ALL_MAC), "request %u", i);
    }
    cr_expect(eq(u64, counter_get(ROUTER_ARP_REQUESTS), 5 + 3), "and three announcements at start");
    cr_expect(eq(u64, run_until(start + 10 * SECOND) - start, 5 * SECOND), "the end");
    expect_error(&rig.out[rig.n_out - 1], "host unreachable", PKT_UNREACHABLE, PKT_HOST, ETH3,
                 frame, to_server2());
    cr_expect(zero(u64, run_until(start + 60 * SECOND)), "and no more");
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        cr_assert(eq(int, (int)rig.keeper.neigh.entry[i].state, NEIGH_FREE), "entries are removed");
    }
}

Test(router_neigh, every_sender_hears_of_the_failure_by_his_own_interface)
{
    static uint8_t sent[12][200];
    size_t len[12];
    unsigned errors = 0, first;

    for (unsigned i = 0; i < 12; i++) {
        struct spec s = {.src = i % 2 ? SERVER1 : CLIENT,
                         .dst = SERVER2,
                         .proto = PKT_UDP_PROTO,
                         .ttl = 64,
                         .id = (uint16_t)i,
                         .payload = 20 + i,
                         .eth_dst = rig.r.ifaces.row[i % 2 ? ETH1 : ETH3].mac,
                         .eth_src = i % 2 ? SERVER1_MAC : CLIENT_MAC};

        len[i] = make(sent[i], &s);
        cr_expect(
            eq(int, (int)rig_frame(i % 2 ? ETH1 : ETH3, sent[i], len[i])->o.verdict, VERDICT_HELD));
    }
    for (unsigned i = 0; i < 5; i++) {
        cr_assert(run_until(rig.now + 2 * SECOND) != 0);
    }
    first = rig.n_out;
    run_until(rig.now + 2 * SECOND);
    for (unsigned i = first; i < rig.n_out; i++, errors++) {
        unsigned row = errors % 2 ? ETH1 : ETH3;

        expect_error(&rig.out[i], "held", PKT_UNREACHABLE, PKT_HOST, row, sent[errors],
                     len[errors]);
        cr_expect(ne(u64, rig.out[i].o.hold, 0));
    }
    cr_expect(eq(u32, errors, 12));
    cr_expect(eq(u64, counter_get(ROUTER_HELD_EXPIRED), 12));
    rig_sums_hold();
}

Test(router_neigh, a_reply_sends_what_was_held_in_order)
{
    static const uint8_t my_mac[6] = {2, 0, 0, 0, 0, 2};
    uint8_t arp[42];
    unsigned first;

    for (uint16_t i = 0; i < 40; i++) {
        struct spec s = {.src = CLIENT, .dst = SERVER2, .proto = 17, .ttl = 9, .payload = 1000};

        s.id = i;
        cr_assert(eq(int, (int)rig_frame(ETH3, frame, make(frame, &s))->o.verdict, VERDICT_HELD));
    }
    run_until(rig.now);
    make_arp(arp, my_mac, PKT_ARP_REPLY, SERVER2_MAC, SERVER2, my_mac, IP(172, 64, 3, 1));
    rig_frame(ETH2, arp, sizeof arp);
    first = rig.n_out;
    rig_turn();
    cr_assert(eq(u32, rig.n_out, first + 40));
    for (unsigned i = 0; i < 40; i++) {
        const struct rig_out *o = &rig.out[first + i];

        cr_expect(eq(int, (int)o->o.verdict, VERDICT_ORIGINATED));
        cr_expect(eq(u32, o->o.iface, ETH2));
        cr_expect(ne(u64, o->o.hold, 0));
        cr_expect(eq(u16, pkt_get16(ip_of(o)->id), i));
        cr_expect(eq(u8, ip_of(o)->ttl[0], 8));
        cr_expect(sums_are_right(o));
        cr_expect(eq(u32, o->len, 1034));
        cr_expect(zero(int, memcmp(o->bytes, SERVER2_MAC, 6)));
        cr_expect(zero(int, memcmp(o->bytes + 6, my_mac, 6)));
        struct cr_mem got = {o->bytes + 34, 1000}, sent = {frame + 34, 1000};
        cr_expect(eq(mem, got, sent));
    }
    cr_expect(eq(u64, counter_get(ROUTER_HELD_SENT), 40));
    cr_expect(zero(u64, counter_get(ROUTER_HELD_EXPIRED)));
    cr_expect(eq(int, (int)rig_frame(ETH3, frame, to_server2())->o.verdict, VERDICT_FORWARDED));
}

Test(router_neigh, an_unused_entry_lives_fifteen_seconds_and_is_not_asked_for)
{
    uint64_t start = rig.now;

    cr_expect(zero(u64, run_until(start + 15 * SECOND - 1)));
    cr_expect(neigh_lookup(&rig.keeper.neigh, CLIENT, ETH3) != NULL);
    cr_expect(zero(u64, run_until(start + 15 * SECOND)));
    keeper_pass(&rig.keeper, rig.now);
    cr_expect(neigh_lookup(&rig.keeper.neigh, CLIENT, ETH3) == NULL);
    cr_expect(zero(u64, run_until(start + 60 * SECOND)));
}

static void use_client(void)
{
    struct spec s = {.src = SERVER1,
                     .dst = CLIENT,
                     .proto = 17,
                     .ttl = 64,
                     .payload = 20,
                     .eth_dst = rig.r.ifaces.row[ETH1].mac};
    size_t len = make(frame, &s);

    cr_assert(eq(int, (int)rig_frame(ETH1, frame, len)->o.verdict, VERDICT_FORWARDED));
}

Test(router_neigh, a_used_entry_is_asked_for_before_its_end)
{
    uint64_t start = rig.now;

    rig.now += SECOND;
    use_client();
    cr_expect(eq(u64, run_until(start + 20 * SECOND) - start, 12 * SECOND));
    cr_expect(is_request(&rig.out[rig.n_out - 1], ETH3, CLIENT, CLIENT_MAC), "to itself");
    cr_expect(eq(u64, run_until(start + 20 * SECOND) - start, 13 * SECOND));
    cr_expect(is_request(&rig.out[rig.n_out - 1], ETH3, CLIENT, CLIENT_MAC), "to itself again");
    cr_expect(eq(u64, run_until(start + 20 * SECOND) - start, 14 * SECOND));
    cr_expect(is_request(&rig.out[rig.n_out - 1], ETH3, CLIENT, ALL_MAC), "to all");
    cr_expect(zero(u64, run_until(start + 30 * SECOND)));
    cr_expect(neigh_lookup(&rig.keeper.neigh, CLIENT, ETH3) == NULL);
}

Test(router_neigh, a_flow_in_progress_never_waits)
{
    for (unsigned s = 0; s < 120; s++) {
        unsigned before = rig.n_out;

        use_client();
        rig_turn();
        for (unsigned i = before; i < rig.n_out && i < RIG_FRAMES; i++) {
            if (is_request(&rig.out[i], ETH3, CLIENT, CLIENT_MAC)) {
                uint8_t arp[42], mine[6] = {2, 0, 0, 0, 0, 3};

                make_arp(arp, mine, PKT_ARP_REPLY, CLIENT_MAC, CLIENT, mine, IP(10, 0, 1, 1));
                rig_frame(ETH3, arp, sizeof arp);
                rig_turn();
                break;
            }
        }
        rig.now += SECOND;
        rig.n_out = 0;
        keeper_pass(&rig.keeper, rig.now);
    }
    cr_expect(eq(u64, counter_get(ROUTER_FORWARDED), 120));
    cr_expect(zero(u64, counter_get(ROUTER_HELD)));
    cr_expect(le(u64, counter_get(ROUTER_ARP_REQUESTS), 3 + 10 * 3));
}

Test(router_neigh, holds_no_more_than_its_bounds)
{
    unsigned held = 0;

    for (unsigned i = 0; i < HOLD_PER_HOP + 5; i++) {
        const struct rig_out *o = rig_frame(ETH3, frame, to_server2());

        if (i < HOLD_PER_HOP) {
            cr_assert(eq(int, (int)o->o.verdict, VERDICT_HELD), "%u", i);
        } else {
            cr_assert(eq(int, (int)o->o.reason, DROP_HOLD_FULL), "%u", i);
        }
    }
    rig.n_out = 0;
    for (unsigned i = 0; i < 250; i++) { /* others of eth1's subnet, one frame each */
        struct spec s = {.src = CLIENT, .dst = IP(192, 168, 2, 3) + i, .proto = 17, .ttl = 64};
        const struct rig_out *o = rig_frame(ETH3, frame, make(frame, &s));

        held += o->o.verdict == VERDICT_HELD;
    }
    cr_expect(eq(u32, held, HOLD_SLOTS - HOLD_PER_HOP));
    cr_expect(eq(u32, hold_count(&rig.r.hold, SERVER2, ETH2), HOLD_PER_HOP));
}

Test(router_neigh, holds_all_fragments_of_a_packet_or_none)
{
    struct spec s = {.src = CLIENT, .dst = SERVER2, .proto = 17, .ttl = 64, .payload = 4000};
    const struct rig_out *o;

    for (unsigned i = 0; i < HOLD_PER_HOP - 2; i++) {
        rig_frame(ETH3, frame, to_server2());
    }
    o = rig_frame(ETH3, frame, make(frame, &s));
    cr_expect(eq(int, (int)o->o.reason, DROP_HOLD_FULL), "three fragments for two places");
    cr_expect(eq(u32, hold_count(&rig.r.hold, SERVER2, ETH2), HOLD_PER_HOP - 2));
    s.payload = 2000;
    o = rig_frame(ETH3, frame, make(frame, &s));
    cr_expect(eq(int, (int)o->o.verdict, VERDICT_HELD));
    cr_expect(eq(u32, hold_count(&rig.r.hold, SERVER2, ETH2), HOLD_PER_HOP));
}

Test(router_neigh, nothing_is_lost_while_no_room_is_left_to_send)
{
    uint8_t arp[42], mine[6] = {2, 0, 0, 0, 0, 2};

    for (unsigned i = 0; i < 10; i++) {
        rig_frame(ETH3, frame, to_server2());
    }
    run_until(rig.now);
    make_arp(arp, mine, PKT_ARP_REPLY, SERVER2_MAC, SERVER2, mine, IP(172, 64, 3, 1));
    rig_frame(ETH2, arp, sizeof arp);
    rig.n_out = 0;
    rig.full = true;
    rig_turn();
    cr_expect(zero(u32, rig.n_out));
    rig.full = false;
    rig_turn();
    cr_expect(eq(u32, rig.n_out, 10));
}

Test(router_neigh, an_interface_that_goes_down_takes_its_neighbours_along)
{
    rig_frame(ETH3, frame, to_server2());
    run_until(rig.now);
    rig_iface(ETH2, "eth2", IP(172, 64, 3, 1), 0xffffffff, false);
    rig.n_out = 0;
    rig_turn();
    cr_assert(eq(u32, rig.n_out, 1));
    expect_error(&rig.out[0], "held for it", PKT_UNREACHABLE, PKT_HOST, ETH3, frame, to_server2());
    rig_iface(ETH3, "eth3", IP(10, 0, 1, 1), 0xffffff00, false);
    rig_turn();
    cr_expect(neigh_lookup(&rig.keeper.neigh, CLIENT, ETH3) == NULL);
    cr_expect(neigh_lookup(&rig.keeper.neigh, SERVER1, ETH1) != NULL);
}

Test(router_neigh, a_flood_of_strangers_takes_no_place_of_an_entry_in_use)
{
    for (uint32_t i = 0; i < 5000; i++) {
        uint8_t mac[6] = {0x0a, 1, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};

        rig.now += SECOND / 1000;
        use_client();
        rig.n_out = 0;
        rig_knows(ETH3, IP(10, 0, 128, 0) + i, mac);
        rig.n_out = 0;
    }
    cr_expect(neigh_lookup(&rig.keeper.neigh, CLIENT, ETH3) != NULL);
    cr_expect(neigh_lookup(&rig.keeper.neigh, IP(10, 0, 128, 0) + 4999, ETH3) != NULL);
    cr_expect(neigh_lookup(&rig.keeper.neigh, IP(10, 0, 128, 0), ETH3) == NULL);
}

/* ---- two threads -------------------------------------------------------------------------- */

/* What a predecessor left for an interface that is no more waited for ever, and kept its slot. */
Test(router_neigh, a_frame_for_an_interface_that_never_comes_is_given_up)
{
    size_t len = make(frame, &(struct spec){.src = CLIENT, .dst = SERVER2, .proto = 17, .ttl = 9});
    struct hold_slot what = {
        .position = 8, .held_ns = rig.now, .next_hop = SERVER2, .out_iface = 77, .in_iface = ETH3};

    cr_assert(hold_put(&rig.r.hold, &what, frame, len, NULL, 0));
    rig.now += HOLD_OLD_NS;
    rig_turn();
    cr_expect(eq(u32, rig.r.hold.n_hops, 1));
    rig.now += 1;
    rig_turn();
    rig_turn();
    cr_expect(zero(u32, rig.r.hold.n_hops));
    cr_expect(eq(u32, rig.r.hold.n_free, HOLD_SLOTS));
    cr_expect(eq(u64, counter_get(ROUTER_HELD_EXPIRED), 1));
    cr_assert(ge(u32, rig.n_out, 1));
    cr_expect(eq(u8, icmp_of(&rig.out[rig.n_out - 1])->code[0], PKT_HOST));
}

static volatile bool reading;

/* Looks up while the other thread changes; whatever it finds must be whole. */
static void *reader(void *context)
{
    uint64_t *wrong = context;

    rcu_register_thread();
    while (reading) {
        for (uint32_t i = 0; i < 64; i++) {
            const struct neigh_node *n = neigh_lookup(&rig.keeper.neigh, CLIENT + 1 + i, ETH3);

            if (n) {
                *wrong += n->ip != CLIENT + 1 + i || n->mac[0] != 0x0a || n->mac[1] != n->mac[5];
            }
        }
        rcu_quiescent_state();
    }
    rcu_unregister_thread();
    return NULL;
}

Test(router_neigh, readers_see_whole_entries_while_they_change)
{
    uint64_t wrong = 0;
    pthread_t t;

    reading = true;
    cr_assert(zero(int, pthread_create(&t, NULL, reader, &wrong)));
    for (uint32_t i = 0; i < 20000; i++) {
        struct talk_message m = {.type = TALK_LEARNED, .iface = ETH3, .create = 1};

        m.ip = CLIENT + 1 + i % 64;
        memcpy(m.mac, (uint8_t[]){0x0a, (uint8_t)(i / 64), 0, 0, 0, (uint8_t)(i / 64)}, 6);
        neigh_hear(&rig.keeper.neigh, &m, rig.now);
        if (i % 7 == 0) {
            neigh_forget(&rig.keeper.neigh, CLIENT + 1 + i % 64, ETH3);
            neigh_pass(&rig.keeper.neigh, rig.now);
        }
        while (talk_down_next(&rig.talk, &m)) {
        }
    }
    reading = false;
    pthread_join(t, NULL);
    cr_expect(zero(u64, wrong));
}
