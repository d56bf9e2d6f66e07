/* tests/unit/pkt.c - headers and sums. */
#include "common/proto/pkt.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wconversion" /* Criterion's own macros */

TestSuite(pkt, .timeout = 20);

/* RFC 1071, section 3: the example's words sum to ddf2. */
Test(pkt, sums_the_example_of_rfc_1071)
{
    static const uint8_t words[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

    cr_expect(eq(u16, pkt_fold(pkt_sum(0, words, sizeof words)), 0xddf2));
    cr_expect(eq(u16, pkt_checksum(words, sizeof words), 0x220d));
}

static uint16_t plain_sum(const uint8_t *b, size_t len)
{
    uint32_t s = 0;

    for (size_t i = 0; i < len; i++) {
        s += i % 2 ? b[i] : (uint32_t)b[i] << 8;
        s = (s & 0xffff) + (s >> 16);
    }
    return (uint16_t)s;
}

Test(pkt, sums_every_length_and_split_as_the_plain_way_does)
{
    uint8_t b[200];

    for (size_t i = 0; i < sizeof b; i++) {
        b[i] = (uint8_t)(i * 37 + 11);
    }
    for (size_t len = 0; len <= sizeof b; len++) {
        cr_assert(eq(u16, pkt_fold(pkt_sum(0, b, len)), plain_sum(b, len)), "length %zu", len);
        for (size_t cut = 0; cut <= len; cut += 2) {
            uint32_t s = pkt_sum(pkt_sum(0, b, cut), b + cut, len - cut);

            cr_assert(eq(u16, pkt_fold(s), plain_sum(b, len)), "length %zu cut %zu", len, cut);
        }
    }
}

/* Every TTL of a header, for enough identifications to meet every checksum, 0x0000 among them. */
Test(pkt, adjusted_checksum_is_the_computed_one)
{
    struct pkt_ip_wire ip = {.version_ihl = {0x45}, .proto = {17}, .src = {10, 0, 1, 100}};
    bool zero_before = false, zero_after = false;

    for (uint32_t id = 0; id < 65536; id++) {
        struct pkt_ip_wire fresh;
        uint8_t ttl = (uint8_t)(id * 7 % 255 + 1);

        pkt_put16(ip.id, id);
        ip.ttl[0] = ttl;
        pkt_put16(ip.checksum, 0);
        pkt_put16(ip.checksum, pkt_checksum(&ip, sizeof ip));
        zero_before |= pkt_get16(ip.checksum) == 0;
        pkt_ip_set_ttl(&ip, (uint8_t)(ttl - 1));
        fresh = ip;
        pkt_put16(fresh.checksum, 0);
        pkt_put16(fresh.checksum, pkt_checksum(&fresh, sizeof fresh));
        zero_after |= pkt_get16(fresh.checksum) == 0;
        cr_assert(eq(u16, pkt_get16(ip.checksum), pkt_get16(fresh.checksum)), "id %u", id);
        cr_assert(eq(u16, pkt_fold(pkt_sum(0, &ip, sizeof ip)), 0xffff));
    }
    cr_expect(zero_before);
    cr_expect(zero_after);
}

/* Every sum that the rest of an echo request can have, also that of nothing but zeros. */
Test(pkt, adjusted_icmp_checksum_is_right)
{
    for (uint32_t rest = 0; rest < 65536; rest++) {
        struct pkt_icmp_wire icmp = {.type = {PKT_ECHO}};

        pkt_put32(icmp.rest, rest);
        pkt_put16(icmp.checksum, pkt_checksum(&icmp, sizeof icmp));
        pkt_icmp_set_type(&icmp, PKT_ECHO_REPLY);
        cr_assert(eq(u16, pkt_fold(pkt_sum(0, &icmp, sizeof icmp)), 0xffff), "rest %u", rest);
    }
}

#define DESC(name, LIST, bytes) name##_desc,
static const struct wire_desc *(*const descs[])(void) = {PKT_STRUCTS(DESC)};

Test(pkt, every_header_round_trips)
{
    for (size_t i = 0; i < sizeof descs / sizeof descs[0]; i++) {
        const struct wire_desc *d = descs[i]();
        _Alignas(8) uint8_t host[128];
        uint8_t a[64], b[64];

        for (size_t n = 0; n < sizeof a; n++) {
            a[n] = (uint8_t)(n + 1);
        }
        cr_assert(wire_get(&(struct wire_in){a, a + d->size, false}, d, host));
        wire_put(&(struct wire_out){b, b + sizeof b, false}, d, host);
        struct cr_mem first = {a, d->size}, again = {b, d->size};
        cr_expect(eq(mem, first, again), "%s", d->name);
        for (size_t cut = 0; cut < d->size; cut++) {
            cr_expect(not(wire_get(&(struct wire_in){a, a + cut, false}, d, host)), "%s", d->name);
        }
    }
}

Test(pkt, overlay_and_table_agree)
{
    struct pkt_ip_wire w;
    struct pkt_ip h;
    uint8_t *b = (uint8_t *)&w;

    for (size_t n = 0; n < sizeof w; n++) {
        b[n] = (uint8_t)(n + 1);
    }
    cr_assert(pkt_ip_get(&(struct wire_in){b, b + sizeof w, false}, &h));
    cr_expect(eq(u16, pkt_get16(w.total_len), h.total_len));
    cr_expect(eq(u8, w.ttl[0], h.ttl));
    cr_expect(eq(u32, pkt_get32(w.dst), h.dst));
}

Test(pkt, addresses_are_read_and_written)
{
    static const uint8_t mac[6] = {0x02, 0, 0xab, 0, 0, 0x1f};
    static const char *const bad[] = {"", "10.0.0", "10.0.0.256", "10.0.0.1 ", "0x0a.0.0.1", "a"};
    char ip_text[PKT_IP_TEXT], mac_text[PKT_MAC_TEXT];
    uint32_t ip;

    cr_assert(pkt_ip_parse("192.168.2.1", &ip));
    cr_expect(eq(u32, ip, 0xc0a80201));
    cr_expect(eq(str, (char *)pkt_ip_text(ip_text, ip), "192.168.2.1"));
    cr_expect(eq(str, (char *)pkt_ip_text(ip_text, 0xffffffff), "255.255.255.255"));
    cr_expect(eq(str, (char *)pkt_mac_text(mac_text, mac), "02:00:ab:00:00:1f"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect(not(pkt_ip_parse(bad[i], &ip)), "took '%s'", bad[i]);
    }
}
