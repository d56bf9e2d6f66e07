/* The router's decision: an input is a row of frames, each with the interface it comes in by.
 *
 *     1 byte    bits 0-1 interface; bit 2 right the checksums, so that the rest is looked at;
 *               bit 3 a second goes by first; bit 4 lengthen the frame by a pattern
 *     1 byte    how much longer, in units of 40 bytes
 *     2 bytes   length; then the frame
 *
 * Each frame must have exactly one verdict (the rig sees to that); what leaves must be right. */
#include "tests/fuzz/router_rig.h"

#include "router/arp.h"

#define FRAMES 40 /* of one input */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    rig_start();
    return 0;
}

static uint32_t payload_of(const uint8_t *frame, const uint8_t **bytes)
{
    *bytes = frame + PKT_ETH_LEN + ihl_of(frame);
    return pkt_get16(((const struct pkt_ip_wire *)(frame + PKT_ETH_LEN))->total_len) -
           ihl_of(frame);
}

static void check_header(const struct rig_out *o)
{
    const struct pkt_ip_wire *ip = ip_of(o);
    uint32_t len = pkt_get16(ip->total_len);

    fuzz_check(o->len >= PKT_ETH_LEN + PKT_IP_LEN && ip->version_ihl[0] >> 4 == 4);
    fuzz_check(ihl_of(o->bytes) >= PKT_IP_LEN && ihl_of(o->bytes) <= len);
    fuzz_check(o->len == PKT_ETH_LEN + len && len <= IFACE_MTU, "%u bytes, %u of IP", o->len, len);
    fuzz_check(pkt_fold(pkt_sum(0, ip, ihl_of(o->bytes))) == 0xffff, "checksum");
    fuzz_check(ip->ttl[0] > 0, "sent with TTL 0");
}

/* A fragment, or the whole, of what came in: its payload is the frame's from its offset on. */
static uint32_t check_part(const struct rig_out *o, const uint8_t *frame)
{
    const struct pkt_ip_wire *in = (const void *)(frame + PKT_ETH_LEN), *ip = ip_of(o);
    const uint8_t *was, *now;
    uint32_t n_was = payload_of(frame, &was), n_now = payload_of(o->bytes, &now);
    uint32_t at =
        ((uint32_t)(pkt_get16(ip->frag) & PKT_IP_OFFSET) - (pkt_get16(in->frag) & PKT_IP_OFFSET)) *
        8;

    fuzz_check(ip->ttl[0] == in->ttl[0] - 1, "TTL %u, was %u", ip->ttl[0], in->ttl[0]);
    fuzz_check(memcmp(ip->src, in->src, 8) == 0 && ip->proto[0] == in->proto[0] &&
               memcmp(ip->id, in->id, 2) == 0 && ip->tos[0] == in->tos[0]);
    fuzz_check(at <= n_was && n_now <= n_was - at && memcmp(now, was + at, n_now) == 0,
               "%u bytes from %u on, of %u", n_now, at, n_was);
    return n_now;
}

static void check_out(const struct rig_out *o)
{
    const struct iface *out = iface_at(&rig.r.ifaces, o->o.iface);
    uint32_t type = pkt_get16(o->bytes + 12);

    fuzz_check(out && out->up && o->len >= PKT_ETH_LEN && o->o.verdict != VERDICT_DROPPED &&
               o->o.verdict != VERDICT_HELD);
    fuzz_check(memcmp(o->bytes + 6, out->mac, 6) == 0, "not from its interface");
    if (type == PKT_TYPE_ARP) {
        fuzz_check(o->len == PKT_ETH_LEN + PKT_ARP_LEN);
        return;
    }
    fuzz_check(type == PKT_TYPE_IP);
    check_header(o);
    if (o->o.verdict == VERDICT_ANSWERED) {
        fuzz_check(sums_are_right(o), "an answer's ICMP checksum");
    }
}

/* All that one frame made leave: within the room that the port keeps for it, and nothing missing.
 */
static void check_turn(const uint8_t *frame)
{
    uint64_t staged = 0, sent = 0;
    const uint8_t *payload;
    bool forwarded = false;

    for (unsigned i = 0; i < rig.n_out; i++) {
        const struct rig_out *o = &rig.out[i];

        staged += (sizeof(struct record) + o->o.head_len + 7) & ~7u;
        forwarded |= o->o.verdict == VERDICT_FORWARDED;
        if (o->len > 0) {
            check_out(o);
        }
    }
    fuzz_check(staged <= PORT_ROOM, "%llu bytes", (unsigned long long)staged);
    for (unsigned i = 0; forwarded && i < rig.n_out; i++) {
        sent += check_part(&rig.out[i], frame);
    }
    fuzz_check(!forwarded || sent == payload_of(frame, &payload), "%llu bytes of payload left",
               (unsigned long long)sent);
}

/* Makes the length and the sums of an IP frame right, where there is room for them. */
static void right(uint8_t *frame, size_t len)
{
    struct pkt_ip_wire *ip = (void *)(frame + PKT_ETH_LEN);
    size_t ip_len = len - PKT_ETH_LEN, ihl;

    if (len < PKT_ETH_LEN + PKT_IP_LEN || pkt_get16(frame + 12) != PKT_TYPE_IP) {
        return;
    }
    ip->version_ihl[0] = (uint8_t)(0x40 | (ip->version_ihl[0] & 15));
    ihl = ihl_of(frame);
    if (ihl < PKT_IP_LEN || ihl > ip_len) {
        ihl = PKT_IP_LEN;
        ip->version_ihl[0] = 0x45;
    }
    if (pkt_get16(ip->total_len) > ip_len || pkt_get16(ip->total_len) < ihl) {
        pkt_put16(ip->total_len, (uint32_t)ip_len);
    }
    fix_ip_checksum(frame);
    ip_len = pkt_get16(ip->total_len);
    if (ip->proto[0] == PKT_ICMP_PROTO && ip_len >= ihl + PKT_ICMP_LEN) {
        struct pkt_icmp_wire *icmp = (void *)(frame + PKT_ETH_LEN + ihl);

        pkt_put16(icmp->checksum, 0);
        pkt_put16(icmp->checksum, pkt_checksum(icmp, ip_len - ihl));
    }
}

static void one_frame(struct fuzz *f)
{
    static uint8_t frame[sizeof rig.in.head];
    uint8_t flags = fuzz_u8(f), more = fuzz_u8(f);
    size_t len = fuzz_u16(f), limit = PORT_FRAME_MAX + 40;
    const uint8_t *bytes;

    len = len < limit ? len : limit;
    bytes = fuzz_bytes(f, &len);
    memcpy(frame, bytes, len);
    for (unsigned i = 0; (flags & 16) && i < more * 40u && len < limit; i++) {
        frame[len++] = (uint8_t)(i * 7);
    }
    if (flags & 4) {
        right(frame, len);
    }
    if (flags & 8) {
        rig.now += SECOND;
    }
    rig_pass(check_out);
    rig_frame(flags & 3, frame, len);
    check_turn(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};

    for (unsigned i = 0; i < FRAMES && f.left > 0; i++) {
        one_frame(&f);
    }
    rig_settle(check_out);
    return 0;
}
