/* The one line that `causeway capture` prints for a frame. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/proto/frame_info.h"
#include "common/proto/pkt.h"

TestSuite(decode, .timeout = 20);

static const uint8_t A[6] = {2, 0, 0, 0, 0, 1}, B[6] = {2, 0, 0, 0, 0, 2};
#define ENDS "02:00:00:00:00:01 > 02:00:00:00:00:02 "
#define CLIENT 0x0a000164 /* 10.0.1.100 */
#define SERVER 0xc0a80202 /* 192.168.2.2 */

static struct wire_out start(uint8_t *frame, size_t size, uint16_t type)
{
    struct wire_out out = {frame, frame + size, false};
    struct pkt_eth e = {.type = type};

    memcpy(e.src, A, 6);
    memcpy(e.dst, B, 6);
    pkt_eth_put(&out, &e);
    return out;
}

static struct wire_out start_ip(uint8_t *frame, size_t size, uint8_t proto, uint16_t frag)
{
    struct wire_out out = start(frame, size, PKT_TYPE_IP);
    struct pkt_ip ip = {
        .version_ihl = 0x45, .ttl = 64, .proto = proto, .frag = frag, .src = CLIENT, .dst = SERVER};

    pkt_ip_put(&out, &ip);
    return out;
}

static void expect(const uint8_t *frame, const struct wire_out *out, const char *line)
{
    char text[300], want[300];

    snprintf(want, sizeof want, ENDS "%s", line);
    frame_line(text, sizeof text, frame, (size_t)(out->p - frame));
    cr_expect_str_eq(text, want);
}

Test(decode, says_who_asks_for_whom_in_arp)
{
    uint8_t f[100];
    struct wire_out out = start(f, sizeof f, PKT_TYPE_ARP);
    struct pkt_arp a = {.htype = 1, .ptype = 0x800, .hlen = 6, .plen = 4, .op = PKT_ARP_REQUEST};

    a.spa = CLIENT;
    a.tpa = SERVER;
    memcpy(a.sha, A, 6);
    pkt_arp_put(&out, &a);
    expect(f, &out, "ARP who has 192.168.2.2? tell 10.0.1.100");
    a.op = PKT_ARP_REPLY;
    out = start(f, sizeof f, PKT_TYPE_ARP);
    pkt_arp_put(&out, &a);
    expect(f, &out, "ARP 10.0.1.100 is at 02:00:00:00:00:01");
}

Test(decode, names_icmp_messages)
{
    static const struct {
        struct pkt_icmp icmp;
        const char *line;
    } cases[] = {{{.type = PKT_ECHO, .rest = 7 << 16 | 3}, "ICMP echo request id 7 seq 3"},
                 {{.type = PKT_ECHO_REPLY, .rest = 1}, "ICMP echo reply id 0 seq 1"},
                 {{.type = PKT_UNREACHABLE, .code = PKT_PORT}, "ICMP destination port unreachable"},
                 {{.type = PKT_UNREACHABLE, .code = PKT_FRAGMENT, .rest = 1400},
                  "ICMP fragmentation needed, MTU 1400"},
                 {{.type = PKT_TIME_EXCEEDED}, "ICMP time exceeded"},
                 {{.type = 13, .code = 2}, "ICMP type 13 code 2"}};
    char line[200];
    uint8_t f[100];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire_out out = start_ip(f, sizeof f, PKT_ICMP_PROTO, 0);

        pkt_icmp_put(&out, &cases[i].icmp);
        snprintf(line, sizeof line, "10.0.1.100 > 192.168.2.2 ttl 64 %s", cases[i].line);
        expect(f, &out, line);
    }
}

Test(decode, shows_ports_and_flags)
{
    struct pkt_tcp tcp = {.sport = 5000, .dport = 80, .seq = 9, .ack = 1, .flags = 0x5012};
    struct pkt_udp udp = {.sport = 53, .dport = 5353};
    uint8_t f[100];
    struct wire_out out = start_ip(f, sizeof f, PKT_TCP_PROTO, 0);

    pkt_tcp_put(&out, &tcp);
    expect(f, &out, "10.0.1.100 > 192.168.2.2 ttl 64 TCP 5000 > 80 [SA] seq 9 ack 1");
    out = start_ip(f, sizeof f, PKT_UDP_PROTO, 0);
    pkt_udp_put(&out, &udp);
    expect(f, &out, "10.0.1.100 > 192.168.2.2 ttl 64 UDP 53 > 5353");
    out = start_ip(f, sizeof f, PKT_UDP_PROTO, 185);
    expect(f, &out, "10.0.1.100 > 192.168.2.2 ttl 64 fragment at 1480, protocol 17");
}

Test(decode, reads_no_byte_past_the_end_and_terminates_whatever_comes)
{
    char text[40];
    uint8_t f[80];

    for (unsigned fill = 0; fill < 256; fill += 5) {
        for (size_t len = 0; len <= sizeof f; len++) {
            uint8_t *exact = malloc(len + 1); /* the sanitizer sees a read past it */

            memset(f, (int)fill, sizeof f);
            pkt_put16(f + 12, fill % 2 ? PKT_TYPE_IP : PKT_TYPE_ARP);
            memcpy(exact, f, len);
            memset(text, 'x', sizeof text);
            frame_line(text, sizeof text, exact, len);
            cr_expect(memchr(text, 0, sizeof text), "not terminated at %zu bytes", len);
            free(exact);
        }
    }
}
