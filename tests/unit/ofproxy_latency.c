/* tests/unit/ofproxy_latency.c - how long frames were in the stack: each one that is settled is
 * measured once, whatever its verdict, and nobody's lie is. */
#include "shm/view/view.h"
#include "tests/unit/ofproxy_rig.h"

TestSuite(ofproxy_latency, .timeout = 20);

static struct histogram_snapshot seen;
static uint8_t packet[200];
static size_t packet_len;

static uint64_t look(struct rig *r)
{
    char why[400];

    cr_assert_eq(view_latency_take(r->dir, &seen, why, sizeof why), 0, "%s", why);
    return seen.count;
}

/* One frame comes in; its record, as vnsbridge has it. */
static struct record come(struct rig *r, int fd, uint8_t *head)
{
    const uint8_t *at;
    struct record rec;

    cr_assert_eq(send(fd, packet, packet_len, 0), (ssize_t)packet_len);
    rig_turn(r);
    cr_assert(ring_peek(&r->pkt_in, &rec, &at));
    memcpy(head, at, rec.head_len);
    ring_next(&r->pkt_in);
    ring_release(&r->pkt_in);
    return rec;
}

static void settle(struct rig *r, struct record rec, const uint8_t *head, enum verdict verdict)
{
    uint8_t *to;

    rec.verdict = (uint8_t)verdict;
    rec.reason = verdict == VERDICT_DROPPED ? DROP_NO_ROUTE : DROP_NONE;
    rec.port = 2;
    if (verdict == VERDICT_HELD || verdict == VERDICT_DROPPED) {
        rec.head_len = rec.tail_len = 0;
    }
    to = ring_reserve(&r->pkt_out, rec.head_len);
    cr_assert(to);
    memcpy(to, head, rec.head_len);
    ring_commit(&r->pkt_out, &rec);
    ring_publish(&r->pkt_out);
    rig_turn(r);
}

static int start(struct rig *r)
{
    rig_open(r);
    packet_len = rig_packet_in(packet, 1, OF_NO_BUFFER, 64, 64, 3);
    return rig_switch(r, 7, 2);
}

Test(ofproxy_latency, a_frame_of_any_verdict_is_measured_once)
{
    static const enum verdict verdicts[] = {VERDICT_FORWARDED, VERDICT_ANSWERED, VERDICT_HELD,
                                            VERDICT_DROPPED};
    uint8_t head[RECORD_INLINE];
    struct rig r;
    int fd = start(&r);

    for (unsigned i = 0; i < 4; i++) {
        uint64_t before = loop_now_ns(), took;
        struct record rec = come(&r, fd, head);

        cr_expect_eq(look(&r), i);
        settle(&r, rec, head, verdicts[i]);
        took = loop_now_ns() - before;
        cr_expect_eq(look(&r), i + 1);
        cr_expect(seen.min > 0 && seen.min <= took, "%lu ns of %lu", seen.min, took);
        settle(&r, rec, head, verdicts[i]); /* a verdict too many */
        cr_expect_eq(look(&r), i + 1);
    }
    close(fd);
    rig_close(&r);
}

Test(ofproxy_latency, a_time_that_a_neighbour_made_up_is_not_measured)
{
    uint8_t head[RECORD_INLINE];
    struct rig r;
    int fd = start(&r);

    for (unsigned i = 0; i < 4; i++) {
        struct record rec = come(&r, fd, head);

        rec.rx_ns = i == 0   ? 0
                    : i == 1 ? UINT64_MAX
                    : i == 2 ? rec.rx_ns + 3600000000000ull
                             : rec.rx_ns - 60000000000ull;
        settle(&r, rec, head, VERDICT_FORWARDED);
    }
    cr_expect_eq(look(&r), 0);
    settle(&r, come(&r, fd, head), head, VERDICT_FORWARDED);
    cr_expect_eq(look(&r), 1);
    close(fd);
    rig_close(&r);
}

Test(ofproxy_latency, a_restart_goes_on_and_a_damaged_file_is_started_anew)
{
    uint8_t head[RECORD_INLINE];
    char path[200];
    struct rig r;
    int fd = start(&r), file;

    settle(&r, come(&r, fd, head), head, VERDICT_FORWARDED);
    ofproxy_close(r.p);
    close(fd);
    rig_start(&r);
    rig_interfaces(&r);
    fd = rig_switch(&r, 7, 2);
    settle(&r, come(&r, fd, head), head, VERDICT_FORWARDED);
    cr_expect_eq(look(&r), 2);
    ofproxy_close(r.p);
    close(fd);
    snprintf(path, sizeof path, "%s/LATENCY.histogram", r.dir);
    file = open(path, O_RDWR);
    cr_assert(file >= 0 && ftruncate(file, 5000) == 0);
    close(file);
    rig_start(&r);
    cr_expect_eq(look(&r), 0);
    rig_close(&r);
}
