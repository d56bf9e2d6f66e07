/* tests/unit/vnsbridge_poison.c - frames that predecessors of this vnsbridge died of. */
#include "tests/unit/vnsbridge_world.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "shm/ring_layout.h"

TestSuite(poison, .timeout = 30);

enum { FRAMES = 5, SUSPECT = 2 }; /* the third of five */

static struct world *dead_world(void)
{
    struct world *w = world_open(NULL);

    world_lab(w, PORT_UP);
    world_session(w, "vrhost", SESSION_OPEN);
    world_bridge_kill(w);
    return w;
}

/* What a predecessor's handler wrote as it died with the record at 'place' in hand. */
static void blame(struct world *w, const char *ring, uint64_t place, uint64_t deaths)
{
    struct ring_rx_shared *rx;
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/%s.rx", w->dir, ring);
    fd = open(path, O_RDWR);
    cr_assert(ge(int, fd, 0));
    rx = mmap(NULL, FILE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    cr_assert(ne(ptr, rx, MAP_FAILED));
    rx->evidence = (struct fault_evidence){place, deaths, SIGSEGV};
    munmap(rx, FILE_PAGE);
    close(fd);
}

static unsigned take_all(struct ring_rx *rx, struct record *r)
{
    const uint8_t *head;
    unsigned n = 0;

    while (ring_peek(rx, r, &head)) {
        ring_next(rx);
        n++;
    }
    ring_release(rx);
    return n;
}

/* Pumps, and checks how many records each turn that moved any made visible. */
static void expect_batches(struct world *w, struct ring_rx *rx, const unsigned *want, unsigned n)
{
    struct record r;

    for (unsigned i = 0, pumps = 0; i < n; pumps++) {
        unsigned got;

        cr_assert(lt(u32, pumps, 50));
        world_pump(w);
        got = take_all(rx, &r);
        if (got > 0) {
            cr_expect(eq(u32, got, want[i]), "batch %u", i);
            i++;
        }
    }
    world_pump_n(w, 3);
    cr_expect(zero(u32, take_all(rx, &r)));
}

static uint64_t quarantine_size(const struct world *w)
{
    char path[128];
    struct stat st;

    snprintf(path, sizeof path, "%s/vnsbridge.quarantine.pcap", w->dir);
    cr_assert(zero(int, stat(path, &st)));
    return (uint64_t)st.st_size;
}

static uint64_t put_frames(struct world *w)
{
    uint64_t place = 0;

    for (unsigned i = 0; i < FRAMES; i++) {
        if (i == SUSPECT) {
            place = w->pkt_in.tail;
        }
        world_frame(w, 1, 200);
    }
    return place;
}

Test(poison, a_frame_with_one_death_goes_up_alone)
{
    static const unsigned batches[] = {2, 1, 2};
    struct world *w = dead_world();

    blame(w, "PKT_IN", put_frames(w), 1);
    world_bridge_open(w, NULL);
    expect_batches(w, &w->vns_in, batches, 3);
    cr_expect(eq(u64, quarantine_size(w), 24));
    world_close(w);
}

Test(poison, a_frame_with_two_deaths_goes_up_no_more)
{
    static const unsigned batches[] = {2, 2};
    struct world *w = dead_world();
    struct record r;

    blame(w, "PKT_IN", put_frames(w), 2);
    world_bridge_open(w, NULL);
    expect_batches(w, &w->vns_in, batches, 2);
    cr_assert(eq(u32, take_all(&w->pkt_out, &r), 1));
    cr_expect(eq(u32, r.verdict, VERDICT_DROPPED));
    cr_expect(eq(u32, r.reason, DROP_POISON));
    cr_expect(eq(u64, r.seq, SUSPECT + 1));
    cr_expect(eq(u64, quarantine_size(w), 24 + 16 + 200), "head and tail");
    cr_expect(eq(u64, counter_get(VNSBRIDGE_QUARANTINED), 1));
    world_bridge_kill(w);
    world_bridge_open(w, NULL);
    expect_batches(w, &w->vns_in, NULL, 0);
    cr_expect(eq(u64, counter_get(VNSBRIDGE_QUARANTINED), 1), "settled: no evidence any more");
    world_close(w);
}

/* The router's records: three verdicts and two frames of its own, the third one of these or those.
 */
static uint64_t put_answers(struct world *w, bool originated)
{
    uint64_t place = 0;

    for (unsigned i = 0; i < FRAMES; i++) {
        bool own = (i == SUSPECT) == originated && i >= SUSPECT;
        struct record r = {.seq = i + 1,
                           .ticket = own ? RECORD_NO_TICKET : i,
                           .verdict = own ? VERDICT_ORIGINATED : VERDICT_FORWARDED,
                           .port = 1,
                           .head_len = 100};

        if (i == SUSPECT) {
            place = w->vns_out.tail;
        }
        cr_assert(ring_reserve(&w->vns_out, 100) != NULL);
        ring_commit(&w->vns_out, &r);
        ring_publish(&w->vns_out);
    }
    return place;
}

Test(poison, the_routers_record_goes_down_alone_or_not_at_all)
{
    static const unsigned alone[] = {2, 1, 2};
    struct world *w = dead_world();

    for (unsigned i = 0; i < 4; i++) {
        bool own = i % 2 == 1, dead = i >= 2;

        blame(w, "VNS_OUT", put_answers(w, own), dead ? 2 : 1);
        world_bridge_open(w, NULL);
        expect_batches(w, &w->pkt_out, alone,
                       3); /* also one that settles nothing, and is not sent */
        cr_expect(eq(u64, quarantine_size(w), 24 + (dead ? 1u + own : 0) * 116), "case %u", i);
        cr_expect(eq(u64, counter_dropped(DROP_POISON), dead), "case %u", i);
        cr_expect(eq(u64, counter_get(VNSBRIDGE_DOWN_UNSENT), dead && own), "case %u", i);
        world_bridge_kill(w);
    }
    world_bridge_open(w, NULL);
    world_close(w);
}
