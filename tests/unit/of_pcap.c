/* tests/unit/of_pcap.c - messages as packets: headers that fit, streams without a hole. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/proto/pkt.h"
#include "shm/of_pcap.h"

static struct of_pcap f;
static char *file;
static size_t file_len, at;
static FILE *out;
static uint8_t message[65535];

static void open_file(void)
{
    out = open_memstream(&file, &file_len);
    cr_assert(out);
    of_pcap_open(&f, pcapng_to_file, out);
}

static void close_file(void)
{
    of_pcap_close(&f);
    fclose(out);
    free(file);
}

TestSuite(of_pcap, .timeout = 20, .init = open_file, .fini = close_file);

static uint32_t word(size_t where)
{
    uint32_t v;

    cr_assert_leq(where + 4, file_len);
    memcpy(&v, file + where, 4);
    return v;
}

static uint16_t half(size_t where)
{
    uint16_t v;

    memcpy(&v, file + where, 2);
    return v;
}

struct packet {
    uint32_t interface, len, flags, port[2], seq, ack;
    uint64_t time_ns, dropped;
    bool v6;
    char comment[100];
    const uint8_t *bytes, *ip, *payload;
    size_t payload_len;
};

static void read_options(struct packet *p, size_t from, size_t end)
{
    while (from + 4 <= end && half(from) != 0) {
        uint16_t code = half(from), len = half(from + 2);

        if (code == 1) {
            snprintf(p->comment, sizeof p->comment, "%.*s", len, file + from + 4);
        } else if (code == 2) {
            p->flags = word(from + 4);
        } else if (code == 4) {
            memcpy(&p->dropped, file + from + 4, 8);
        }
        from += 4 + ((len + 3u) & ~3u);
    }
    cr_expect_eq(from + 4, end, "the options do not end where the block does");
}

/* Checks the packet's own lengths and checksums. */
static void read_packet(struct packet *p)
{
    const uint8_t *tcp;
    size_t len;

    p->v6 = pkt_get16(p->bytes + 12) == 0x86dd;
    p->ip = p->bytes + 14;
    tcp = p->ip + (p->v6 ? 40 : 20);
    len = p->v6 ? pkt_get16(p->ip + 4) : pkt_get16(p->ip + 2) - 20u;
    cr_expect_eq(p->len, (size_t)(tcp - p->bytes) + len);
    cr_expect(p->v6 || pkt_checksum(p->ip, 20) == 0, "the IP checksum is wrong");
    p->port[0] = pkt_get16(tcp);
    p->port[1] = pkt_get16(tcp + 2);
    p->seq = pkt_get32(tcp + 4);
    p->ack = pkt_get32(tcp + 8);
    p->payload = tcp + 20;
    p->payload_len = len - 20;
    uint8_t rest[4] = {0, 6, (uint8_t)(len >> 8), (uint8_t)len};
    uint32_t sum = pkt_sum(0, p->ip + (p->v6 ? 8 : 12), p->v6 ? 32 : 8);
    cr_expect_eq(pkt_fold(pkt_sum(pkt_sum(sum, rest, 4), tcp, len)), 0xffff, "the TCP checksum");
}

/* The next packet, past the interfaces before it. */
static struct packet next(void)
{
    struct packet p = {0};
    uint32_t type, len;

    fflush(out);
    do {
        type = word(at);
        len = word(at + 4);
        cr_assert(len % 4 == 0 && len >= 12 && word(at + len - 4) == len);
        at += len;
    } while (type != 6);
    p.interface = word(at - len + 8);
    p.time_ns = (uint64_t)word(at - len + 12) << 32 | word(at - len + 16);
    p.len = word(at - len + 20);
    cr_assert_eq(p.len, word(at - len + 24));
    p.bytes = (const uint8_t *)file + at - len + 28;
    read_options(&p, at - len + 28 + ((p.len + 3) & ~3u), at - 4);
    read_packet(&p);
    return p;
}

static void add(const char *peer, uint64_t session, bool known, bool down, size_t len,
                uint64_t missed)
{
    struct openflow_meta m = {.dpid = 5, .session = session, .known = known, .down = down};

    snprintf(m.peer, sizeof m.peer, "%s", peer);
    memset(message, (int)len, len);
    cr_assert(of_pcap_message(
        &f, &(struct of_pcap_message){&m, 1234567890123456789ull, missed, message, len}));
    cr_assert(!f.file.failed);
}

Test(of_pcap, a_message_is_a_segment_from_the_switch_s_own_address)
{
    struct packet p;

    add("10.1.2.3:40001", 9, true, false, 80, 0);
    p = next();
    cr_expect(!p.v6 && p.flags == 1 && p.time_ns == 1234567890123456789ull);
    cr_expect_eq(pkt_get32(p.ip + 12), 0x0a010203u);
    cr_expect_eq(pkt_get32(p.ip + 16), 0x7f000009u);
    cr_expect(p.port[0] == 40001 && p.port[1] == 6653 && p.payload_len == 80);
    cr_expect_eq(memcmp(p.payload, message, 80), 0);
    add("10.1.2.3:40001", 9, true, true, 8, 0);
    p = next();
    cr_expect(p.flags == 2 && p.port[0] == 6653 && p.port[1] == 40001);
    cr_expect(p.interface == 0 && p.dropped == 0 && !p.comment[0]);
}

Test(of_pcap, sequence_numbers_go_on_whatever_comes_between)
{
    uint32_t next_seq[2] = {1, 1};

    for (unsigned i = 0; i < 200; i++) {
        bool down = i % 3 == 0;
        size_t len = 8 + i * 7;
        struct packet p;

        add("10.1.2.3:40001", 9, i > 20, down, len, i % 50 == 49 ? 1000 : 0);
        add("10.1.2.3:40002", 10, true, !down, 100, 0);
        p = next();
        cr_expect(p.seq == next_seq[down] && p.ack == next_seq[!down], "message %u", i);
        cr_expect_eq(p.dropped, i % 50 == 49 ? 1000u : 0u);
        cr_expect_eq(strcmp(p.comment, "1000 messages missed before this one") == 0, i % 50 == 49);
        next_seq[down] += (uint32_t)len;
        next();
    }
}

Test(of_pcap, the_longest_message_is_two_segments_that_follow_each_other)
{
    static const char *const peers[] = {"tcp:10.1.2.3:1", "ssl:[2001:db8::7]:40001"};

    for (unsigned i = 0; i < 2; i++) {
        struct packet a, b;

        add(peers[i], 3, true, false, 65535, 4);
        a = next();
        b = next();
        cr_expect(a.v6 == (i == 1) && a.payload_len + b.payload_len == 65535);
        cr_expect_eq(b.seq, a.seq + a.payload_len);
        cr_expect(a.dropped == 4 && b.dropped == 0 && a.comment[0] && !b.comment[0]);
        cr_expect_eq(memcmp(a.payload, message, a.payload_len), 0);
        cr_expect_eq(memcmp(b.payload, message + a.payload_len, b.payload_len), 0);
    }
}

Test(of_pcap, two_connections_never_have_the_same_four_numbers)
{
    static const struct {
        const char *peer;
        uint64_t session;
    } links[] = {
        {"tcp:10.0.0.1:6653", 1},
        {"10.0.0.1:6653", 2},
        {"127.0.0.1:40000", 3},
        {"127.0.0.1:40000", 4},
        {"ssl:[::1]:40000", 5},
        {"[::1]:40000", 6},
        {"unix", 7},
        {"unix:/run/ovs/sw0.mgmt", 8},
        {"[fe80::1%eth0]:6653", 9},
        {"127.0.0.1:40000:", 10},
        {"[::1", 11},
        {"", 12},
        {":5", 13},
        {"1.2.3.4:70000", 14},
        {"tcp:[]:5", 15},
    };
    uint8_t tuple[16][36] = {{0}};
    unsigned n = sizeof links / sizeof links[0];

    for (unsigned i = 0; i < n; i++) {
        struct packet p;

        add(links[i].peer, links[i].session, true, false, 8, 0);
        p = next();
        cr_expect_eq(p.interface, i);
        cr_expect(p.port[0] != p.port[1]);
        cr_expect(p.port[1] == 6653 || (p.port[1] == 6633 && p.port[0] == 6653));
        memcpy(tuple[i], p.ip + (p.v6 ? 8 : 12), p.v6 ? 36 : 12);
        for (unsigned k = 0; k < i; k++) {
            cr_expect(memcmp(tuple[i], tuple[k], 36) != 0, "%s and %s", links[i].peer,
                      links[k].peer);
        }
    }
}

Test(of_pcap, a_connection_has_another_interface_once_its_switch_is_known)
{
    add("10.0.0.1:5", 1, false, true, 8, 0);
    add("10.0.0.1:5", 1, false, false, 8, 0);
    add("10.0.0.1:5", 1, true, false, 8, 0);
    add("10.0.0.1:5", 1, true, true, 8, 0);
    add("10.0.0.1:6", 2, true, true, 8, 0);
    cr_expect_eq(next().interface, 0);
    cr_expect_eq(next().interface, 0);
    cr_expect_eq(next().interface, 1);
    cr_expect_eq(next().interface, 1);
    cr_expect_eq(next().interface, 2);
    cr_expect(memmem(file, file_len, "0x0000000000000005 10.0.0.1:5", 29) != NULL);
}
