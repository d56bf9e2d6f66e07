/* A switch's connection: an input is what two switches say, and where their bytes are cut.
 *
 *     1 byte    which of them, and its state at first (bits 0-1: the handshake is done for it);
 *               bits 2-4: what becomes of their frames; bits 5-7: where the bytes are cut
 *     then      bytes of the first switch, or, after a 0xff that stands before a 0x5a, the other's
 *
 * After each input: every frame received has a verdict or is in flight, what a switch was told are
 * messages that a controller may send, and once both have gone nothing is kept. */
#include "tests/fuzz/ofproxy_rig.h"

#define PIECES 200 /* of an input; the rest comes at once */

/* ---- the vnsbridge ------------------------------------------------------------------------ */

/* Takes the frames, each in bounds, and gives most of them a verdict. */
static void bridge(unsigned what)
{
    const uint8_t *head;
    struct record r;

    while (ring_peek(&rig.pkt_in, &r, &head)) {
        uint8_t *to;

        fuzz_check(r.head_len <= RECORD_INLINE && r.head_len + r.tail_len >= 14);
        fuzz_check(r.tail_len == 0 ||
                   (r.head_len == RECORD_INLINE && arena_span(&rig.arena, r.tail_off, r.tail_len)));
        fuzz_check(arena_flight(&rig.p->arena, r.ticket, r.seq));
        ring_next(&rig.pkt_in);
        if (what == 7) {
            continue; /* stays in flight */
        }
        r.verdict = (uint8_t)(VERDICT_FORWARDED + what % 4);
        r.reason = r.verdict == VERDICT_DROPPED ? DROP_NO_ROUTE : DROP_NONE;
        r.head_len = r.verdict <= VERDICT_ANSWERED ? r.head_len : 0;
        r.tail_len = r.head_len > 0 ? r.tail_len : 0;
        to = ring_reserve(&rig.pkt_out, r.head_len);
        fuzz_check(to != NULL);
        memcpy(to, head, r.head_len);
        ring_commit(&rig.pkt_out, &r);
    }
    fuzz_check(!ring_rx_bad(&rig.pkt_in), "%s", rig.pkt_in.why);
    ring_release(&rig.pkt_in);
    ring_publish(&rig.pkt_out);
    rig_turn(&rig);
}

/* ---- the switches ------------------------------------------------------------------------- */

/* False: the connection is over, or it takes no more now. */
static bool say(struct peer *p, const uint8_t *bytes, size_t len, unsigned what)
{
    ssize_t n = send(p->fd, bytes, len, MSG_NOSIGNAL);

    rig_turn(&rig);
    bridge(what);
    listen_to(p);
    rig_adds_up(&rig);
    return n == (ssize_t)len;
}

static size_t piece(unsigned cut, size_t at, size_t left)
{
    static const size_t sizes[] = {SIZE_MAX, 1, 3, 7, 8, 64, 1000, 5};
    size_t n = cut == 7 ? (at * 2654435761u >> 7) % 41 + 1 : sizes[cut];

    return n < left ? n : left;
}

/* Whose bytes come next?  Returns how many until the other's turn. */
static size_t until_other(const uint8_t *bytes, size_t len)
{
    const uint8_t *at = memmem(bytes, len, "\xff\x5a", 2);

    return at ? (size_t)(at - bytes) : len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    uint8_t choice = fuzz_u8(&f);
    struct peer peer[2] = {enter(1, choice & 1), enter(2, choice & 2)};
    unsigned turn = 0, pieces = 0, what = choice >> 2 & 7, cut = choice >> 5;
    bool goes_on = true;

    while (goes_on && f.left > 0) {
        size_t end = until_other(f.p, f.left);

        for (size_t at = 0; goes_on && at < end;) {
            size_t n = piece(pieces++ < PIECES ? cut : 0, at, end - at);
            const uint8_t *bytes = fuzz_bytes(&f, &n);

            goes_on = say(&peer[turn], bytes, n, what);
            at += n;
        }
        end = 2;
        fuzz_bytes(&f, &end);
        turn ^= 1;
    }
    leave(&peer[0]);
    leave(&peer[1]);
    check_empty();
    return 0;
}
