/* tests/unit/router_poison.c - a held frame that killed a predecessor leaves alone. */
#include "tests/unit/router_rig.h"

TestSuite(router_poison, .timeout = 20, .init = rig_start);

static uint8_t frame[2048];

static void hold_one(uint8_t id)
{
    struct spec s = {
        .src = CLIENT, .dst = SERVER2, .proto = 17, .ttl = 64, .payload = 40, .id = id};
    struct rig_out *o = rig_frame(ETH3, frame, make(frame, &s));

    cr_assert(eq(int, (int)o->o.verdict, VERDICT_HELD));
}

/* How many held frames one turn sends. */
static unsigned sent_by_a_turn(void)
{
    unsigned n = 0, before = rig.n_out;

    router_turn(&rig.r, rig.now);
    for (unsigned i = before; i < rig.n_out; i++) {
        n += rig.out[i].o.hold != 0;
    }
    keeper_pass(&rig.keeper, rig.now);
    return n;
}

Test(router_poison, a_held_frame_that_killed_leaves_alone)
{
    static const unsigned batches[] = {2, 1, 2};
    struct talk_message m = {.type = TALK_LEARNED, .iface = ETH2, .ip = SERVER2, .create = 1};
    struct spec s = {.src = CLIENT, .dst = SERVER1, .proto = 17, .ttl = 64, .payload = 40};

    for (uint8_t i = 0; i < 5; i++) {
        hold_one(i);
    }
    rig.r.hold.note.suspect = 3;
    rig.r.hold.note.deaths = 1;
    memcpy(m.mac, SERVER2_MAC, 6);
    neigh_hear(&rig.keeper.neigh, &m, rig.now);
    make(frame, &s);
    for (unsigned i = 0, turns = 0; i < 3; turns++) {
        unsigned n;

        rig.waiting = true; /* the same frame again, in every turn */
        n = sent_by_a_turn();
        cr_assert(lt(u32, turns, 50));
        if (n > 0) {
            cr_expect(eq(u32, n, batches[i]), "batch %u", i);
            cr_expect(eq(int, rig.waiting, i == 1), "batch %u: and frames after it", i);
            cr_expect(eq(u64, rig.r.hold.note.hand, FAULT_NONE));
            i++;
        }
    }
}

Test(router_poison, a_frame_in_quarantine_is_not_read_for_the_capture)
{
    struct spec s = {.src = CLIENT, .dst = SERVER1, .proto = 17, .ttl = 64, .payload = 40};
    char why[200];
    size_t used;

    cr_assert(eq(int, pcap_open(&rig.r.pcap, "/dev/null", why, sizeof why), 0), "%s", why);
    rig_frame(ETH3, frame, make(frame, &s));
    used = rig.r.pcap.used;
    rig.in.f.deaths = FAULT_DEATHS;
    rig.waiting = true; /* the same frame again */
    router_turn(&rig.r, rig.now);
    cr_expect(eq(int, (int)rig.out[rig.n_out - 1].o.reason, DROP_POISON));
    cr_expect(eq(sz, rig.r.pcap.used, used));
    pcap_close(&rig.r.pcap);
}
