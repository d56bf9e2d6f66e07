/* An ofproxy and a vnsbridge that lies: an input is the records that it puts into PKT_OUT.
 *
 *     1 byte    how many frames of a switch are in flight
 *     a record  1 byte: bits 0-2 the frame whose verdict it is, or none; bits 3-7 which fields are
 *               not as they should be; then these fields; a 0 byte: publish and let ofproxy work
 *
 * Whatever it says, a switch is told nothing but whole messages, and the sums hold. */
#include "tests/fuzz/ofproxy_rig.h"

#define FRAMES 7

static struct record real[FRAMES];
static unsigned n_real;

/* Frames that came in, short and long ones. */
static void receive(struct peer *p, unsigned n)
{
    static const size_t lengths[] = {60, 128, 129, 1514, 14, 9000, 400};
    static uint8_t bytes[OF_LONGEST];
    const uint8_t *head;

    n_real = 0;
    for (unsigned i = 0; i < n && i < FRAMES; i++) {
        rig_write(
            &rig, p->fd, bytes,
            rig_packet_in(bytes, 1 + i % 3, i % 2 ? OF_NO_BUFFER : i, lengths[i], lengths[i], 1));
    }
    while (n_real < FRAMES && ring_peek(&rig.pkt_in, &real[n_real], &head)) {
        ring_next(&rig.pkt_in);
        n_real++;
    }
    ring_release(&rig.pkt_in);
}

static void lie(struct fuzz *f, struct record *r, uint8_t which)
{
    uint8_t more = which & 16 ? fuzz_u8(f) : 0;

    if (which & 1) {
        r->verdict = fuzz_u8(f);
    }
    if (which & 2) {
        r->port = more & 1 ? fuzz_u32(f) : fuzz_u8(f);
    }
    if (which & 4) {
        r->tail_len = more & 2 ? fuzz_u32(f) : fuzz_u8(f);
        r->tail_off += (uint64_t)(int64_t)(int16_t)fuzz_u16(f);
    }
    if (which & 8) {
        r->head_len = fuzz_u16(f);
    }
    r->ticket = more & 4 ? fuzz_u32(f) : r->ticket;
    r->seq = more & 8 ? fuzz_u64(f) : r->seq;
    r->dpid = more & 16 ? fuzz_u64(f) : r->dpid;
    r->tail_off = more & 32 ? fuzz_u64(f) : r->tail_off;
    r->reason = more & 64 ? fuzz_u8(f) : r->reason;
    r->klass = more & 128 ? fuzz_u8(f) : r->klass;
}

static void put(struct fuzz *f, uint8_t choice)
{
    static const struct record none = {.verdict = VERDICT_ORIGINATED,
                                       .dpid = 1,
                                       .port = 1,
                                       .head_len = 60,
                                       .ticket = RECORD_NO_TICKET};
    struct record r = (choice & 7u) < n_real ? real[choice & 7] : none;
    uint8_t *head;

    if (r.verdict == VERDICT_NONE) {
        r.verdict = VERDICT_FORWARDED;
    }
    lie(f, &r, choice >> 3);
    r.head_len %= RECORD_HEAD_MAX + 1; /* what is not, the ring itself refuses (target ring) */
    head = ring_reserve(&rig.pkt_out, r.head_len);
    if (head) {
        memset(head, 0xaa, r.head_len);
        ring_commit(&rig.pkt_out, &r);
    }
}

static void work(struct peer *p)
{
    ring_publish(&rig.pkt_out);
    rig_turn(&rig);
    listen_to(p);
    rig_adds_up(&rig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    struct peer p = enter(1, true);

    receive(&p, fuzz_u8(&f) % (FRAMES + 1));
    while (f.left > 0) {
        uint8_t choice = fuzz_u8(&f);

        if (choice == 0) {
            work(&p);
        } else {
            put(&f, choice);
        }
    }
    work(&p);
    leave(&p);
    check_empty();
    return 0;
}
