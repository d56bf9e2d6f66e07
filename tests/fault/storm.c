/* tests/fault/storm.c - a pretend OpenFlow 1.0 switch with one port, out of which a storm comes.
 *
 *   storm --connect HOST:PORT --kind KIND [--rate N] [--seconds N] [--dpid N] [--port-name NAME]
 *
 * After the handshake it sends PACKET_INs of 60-byte frames at --rate a second (default 200000) for
 * --seconds.  What the machine delays is made up for up to a tenth of a second, no more.  Ten times
 * a second it sends an ECHO_REQUEST between them and measures the round trip, which is what a
 * keepalive takes in the storm; the last one follows the last frame, so all have been read when its
 * reply is there.  ECHO_REQUESTs of ofproxy are answered.  Prints one line.  Exit status 0: the
 * connection has held and every ECHO_REQUEST was answered.
 *
 * Kinds, by what ofproxy makes of them: broadcast (ethertype for experiments), ip-broadcast,
 * multicast, gibberish (random bytes), arp (for the router's address), lldp, router (ping to it),
 * dead (to be forwarded to a next hop that is not there, 10.88.0.0/24). */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/proto/of10.h"
#include "common/proto/pkt.h"

#define FRAME 60
#define MESSAGE (OF_HEADER + 10 + FRAME)
#define BURST 256 /* messages of one send */
#define BUFFER (1 << 20)
#define ECHO_NS 100000000ull
#define ECHOES 100000
#define ROUTER_IP 0x0a4d0001u /* 10.77.0.1 */
#define HOSTS_IP 0x0a4d0002u  /* the storm comes from 10.77.0.2 and on */
#define DEAD_IP 0x0a580000u   /* 10.88.0.0 */

static const uint8_t router_mac[6] = {0x02, 0x53, 0x54, 0x4f, 0x52, 0x4d};

static struct {
    const char *kind, *port_name;
    struct sockaddr_in to;
    uint64_t dpid, rate;
    double seconds;
} option = {.port_name = "storm-eth4", .dpid = 0x570a, .rate = 200000, .seconds = 5};

static int fd;
static bool ready;
static uint8_t in[BUFFER], burst[BURST * MESSAGE];
static size_t have;
static uint64_t sent, outs, pings, errors, asked_ns, echoes, replies;
static uint32_t rtt_us[ECHOES];

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* ---- frames ------------------------------------------------------------------------------- */

static void put_ip(uint8_t *frame, unsigned n, uint8_t proto, uint32_t to)
{
    struct pkt_ip_wire *ip = (void *)(frame + PKT_ETH_LEN);

    pkt_put16(frame + 12, PKT_TYPE_IP);
    ip->version_ihl[0] = 0x45;
    pkt_put16(ip->total_len, FRAME - PKT_ETH_LEN);
    pkt_put16(ip->id, n);
    ip->ttl[0] = 64;
    ip->proto[0] = proto;
    pkt_put32(ip->src, HOSTS_IP + n % 200);
    pkt_put32(ip->dst, to);
    pkt_put16(ip->checksum, pkt_checksum(ip, PKT_IP_LEN));
}

static void put_ping(uint8_t *frame)
{
    struct pkt_icmp_wire *icmp = (void *)(frame + PKT_ETH_LEN + PKT_IP_LEN);
    size_t len = FRAME - PKT_ETH_LEN - PKT_IP_LEN;

    icmp->type[0] = PKT_ECHO;
    pkt_put16(icmp->checksum, pkt_checksum(icmp, len));
}

static void put_arp(uint8_t *frame, unsigned n)
{
    struct pkt_arp_wire *a = (void *)(frame + PKT_ETH_LEN);

    pkt_put16(frame + 12, PKT_TYPE_ARP);
    pkt_put16(a->htype, 1);
    pkt_put16(a->ptype, PKT_TYPE_IP);
    a->hlen[0] = 6;
    a->plen[0] = 4;
    pkt_put16(a->op, PKT_ARP_REQUEST);
    memcpy(a->sha, frame + 6, 6);
    pkt_put32(a->spa, HOSTS_IP + n % 200);
    pkt_put32(a->tpa, ROUTER_IP);
}

/* The n-th frame of the storm.  False: there is no such kind. */
static bool make_frame(uint8_t *frame, unsigned n)
{
    bool one = strcmp(option.kind, "router") == 0 || strcmp(option.kind, "dead") == 0;

    memset(frame, 0, FRAME);
    memset(frame, 0xff, 6);
    memcpy(frame, router_mac, one ? 6 : 0);
    memcpy(frame + 6, (const uint8_t[]){2, 0x99, 0, 0, (uint8_t)(n / 200), (uint8_t)(n % 200)}, 6);
    if (strcmp(option.kind, "broadcast") == 0) {
        pkt_put16(frame + 12, 0x88b5);
    } else if (strcmp(option.kind, "ip-broadcast") == 0) {
        put_ip(frame, n, PKT_UDP_PROTO, 0xffffffff);
    } else if (strcmp(option.kind, "multicast") == 0) {
        memcpy(frame, "\x01\x00\x5e\x01\x02\x03", 6);
        put_ip(frame, n, PKT_UDP_PROTO, 0xe1010203);
    } else if (strcmp(option.kind, "arp") == 0) {
        put_arp(frame, n);
    } else if (strcmp(option.kind, "lldp") == 0) {
        memcpy(frame, "\x01\x80\xc2\x00\x00\x0e", 6);
        pkt_put16(frame + 12, PKT_TYPE_LLDP);
    } else if (strcmp(option.kind, "router") == 0) {
        put_ip(frame, n, PKT_ICMP_PROTO, ROUTER_IP);
        put_ping(frame);
    } else if (strcmp(option.kind, "dead") == 0) {
        put_ip(frame, n, PKT_UDP_PROTO, DEAD_IP + n % 250);
    } else if (strcmp(option.kind, "gibberish") == 0) {
        for (unsigned i = 0; i < FRAME; i++) {
            frame[i] = (uint8_t)rand();
        }
    } else {
        return false;
    }
    return true;
}

static void make_burst(void)
{
    for (unsigned n = 0; n < BURST; n++) {
        uint8_t *at = burst + n * MESSAGE;
        struct wire_out out = {at, at + MESSAGE, false};

        of_header_put(&out, &(struct of_header){1, OF10_TYPE_PACKET_IN, MESSAGE, 0});
        of10_packet_in_put(&out, &(struct of10_packet_in){OF_NO_BUFFER, FRAME, 1, 0});
        if (!make_frame(out.p, n)) {
            fprintf(stderr, "storm: there is no kind '%s'\n", option.kind);
            exit(2);
        }
    }
}

/* ---- the connection ----------------------------------------------------------------------- */

/* Sends all of it. */
static void push(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR) {
            fail("send");
        }
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

static void send_message(uint8_t type, uint32_t xid, const void *body, size_t len)
{
    uint8_t message[2048];
    struct wire_out out = {message, message + sizeof message, false};

    of_header_put(&out, &(struct of_header){1, type, (uint16_t)(OF_HEADER + len), xid});
    wire_put_bytes(&out, body, len);
    push(message, OF_HEADER + len);
}

static void send_features(uint32_t xid)
{
    uint8_t body[24 + 48];
    struct wire_out out = {body, body + sizeof body, false};
    struct of10_phy_port port = {.port_no = 1, .curr = 1 << 6};

    memcpy(port.hw_addr, router_mac, 6);
    snprintf((char *)port.name, sizeof port.name, "%.15s", option.port_name);
    of10_switch_features_put(
        &out, &(struct of10_switch_features){.datapath_id = option.dpid, .n_tables = 1});
    of10_phy_port_put(&out, &port);
    send_message(OF10_TYPE_FEATURES_REPLY, xid, body, sizeof body);
}

static void on_echo_reply(const struct of_header *h)
{
    if (h->xid == echoes) {
        rtt_us[replies++] = (uint32_t)((now_ns() - asked_ns) / 1000);
    }
}

static void on_message(const uint8_t *m, const struct of_header *h)
{
    static const uint8_t stats[4 + 1056], config[4] = {0, 0, 0xff, 0xff};

    switch (h->type) {
    case OF10_TYPE_FEATURES_REQUEST:
        send_features(h->xid);
        break;
    case OF10_TYPE_GET_CONFIG_REQUEST:
        send_message(OF10_TYPE_GET_CONFIG_REPLY, h->xid, config, sizeof config);
        break;
    case OF10_TYPE_STATS_REQUEST:
        if (m[OF_HEADER + 1] != OF10_STATS_DESC) { /* no flows: plain ones, or Nicira's */
            send_message(OF10_TYPE_STATS_REPLY, h->xid, m + OF_HEADER,
                         m[OF_HEADER] == 0xff ? 16 : 4);
            break;
        }
        send_message(OF10_TYPE_STATS_REPLY, h->xid, stats, sizeof stats);
        break;
    case OF10_TYPE_BARRIER_REQUEST:
        send_message(OF10_TYPE_BARRIER_REPLY, h->xid, NULL, 0);
        ready = true;
        break;
    case OF10_TYPE_ECHO_REQUEST:
        pings++;
        send_message(OF10_TYPE_ECHO_REPLY, h->xid, m + OF_HEADER, h->length - (size_t)OF_HEADER);
        break;
    case OF10_TYPE_ECHO_REPLY:
        on_echo_reply(h);
        break;
    case OF10_TYPE_PACKET_OUT:
        outs++;
        break;
    case OF10_TYPE_ERROR:
        errors++;
        break;
    default:
        break;
    }
}

/* Reads what is there. */
static void take(void)
{
    ssize_t n = recv(fd, in + have, BUFFER - have, MSG_DONTWAIT);
    size_t at = 0;

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        fprintf(stderr, "storm: ofproxy closed the connection\n");
        exit(1);
    }
    have += n > 0 ? (size_t)n : 0;
    while (have - at >= OF_HEADER) {
        struct of_header h = of_header_at(in + at);

        if (h.length < OF_HEADER || h.length > have - at) {
            break;
        }
        on_message(in + at, &h);
        at += h.length;
    }
    memmove(in, in + at, have - at);
    have -= at;
}

static void dial(void)
{
    int yes = 1, room = 128 * 1024;

    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&option.to, sizeof option.to) != 0) {
        fail("connect");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room); /* else keepalives wait in it */
}

static bool await(const bool *done, uint64_t seconds)
{
    uint64_t end = now_ns() + seconds * 1000000000u;
    struct pollfd f = {.fd = fd, .events = POLLIN};

    while (!*done && now_ns() < end) {
        poll(&f, 1, 100);
        take();
    }
    return *done;
}

/* ---- the storm ---------------------------------------------------------------------------- */

static void ask(uint64_t now)
{
    asked_ns = now;
    send_message(OF10_TYPE_ECHO_REQUEST, (uint32_t)++echoes, NULL, 0);
}

static void rage(void)
{
    uint64_t start = now_ns(), end = start + (uint64_t)(option.seconds * 1e9), due = start, now;
    uint64_t each = BURST * 1000000000ull / option.rate;

    while ((now = now_ns()) < end) {
        if (now < due) {
            struct timespec pause = {0, (long)(due - now < 1000000 ? due - now : 1000000)};

            nanosleep(&pause, NULL);
        } else {
            push(burst, sizeof burst);
            sent += BURST;
            due = (due + 100000000u < now ? now - 100000000u : due) + each;
        }
        take();
        if (replies == echoes && now - asked_ns >= ECHO_NS && echoes < ECHOES - 1) {
            ask(now);
        }
    }
    now -= start;
    printf("kind=%s sent=%" PRIu64 " seconds=%.3f per_second=%.0f", option.kind, sent,
           (double)now / 1e9, (double)sent * 1e9 / (double)now);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Waits for the reply to the last question, and for one more, after all frames. */
static bool settle(void)
{
    uint64_t end = now_ns() + 10000000000ull;
    bool asked = false;

    while (now_ns() < end && !(asked && replies == echoes)) {
        struct pollfd f = {.fd = fd, .events = POLLIN};

        if (!asked && replies == echoes) {
            ask(now_ns());
            asked = true;
        }
        poll(&f, 1, 100);
        take();
    }
    return replies == echoes;
}

static void read_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"connect", 1, 0, 'c'},
        {"kind", 1, 0, 'k'},
        {"rate", 1, 0, 'r'},
        {"seconds", 1, 0, 's'},
        {"dpid", 1, 0, 'd'},
        {"port-name", 1, 0, 'p'},
        {0},
    };
    char host[64] = "";
    unsigned port = 0;
    int o;

    while ((o = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (o) {
        case 'c':
            sscanf(optarg, "%63[^:]:%u", host, &port);
            break;
        case 'k':
            option.kind = optarg;
            break;
        case 'r':
            option.rate = strtoull(optarg, NULL, 0);
            break;
        case 's':
            option.seconds = strtod(optarg, NULL);
            break;
        case 'd':
            option.dpid = strtoull(optarg, NULL, 0);
            break;
        case 'p':
            option.port_name = optarg;
            break;
        default:
            exit(2);
        }
    }
    option.to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (!option.kind || option.rate == 0 || inet_pton(AF_INET, host, &option.to.sin_addr) != 1) {
        fprintf(stderr, "storm: --connect ADDRESS:PORT and --kind are needed, --rate is over 0\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    bool good;

    read_options(argc, argv);
    make_burst();
    dial();
    send_message(OF10_TYPE_HELLO, 1, NULL, 0);
    if (!await(&ready, 10)) {
        fprintf(stderr, "storm: no handshake in 10 s\n");
        return 1;
    }
    rage();
    good = settle();
    qsort(rtt_us, replies, sizeof rtt_us[0], by_size);
    printf(" outs=%" PRIu64 " pings=%" PRIu64 " errors=%" PRIu64 " echoes=%" PRIu64
           " replies=%" PRIu64 " rtt_p50_us=%u rtt_p99_us=%u rtt_max_us=%u\n",
           outs, pings, errors, echoes, replies, replies ? rtt_us[replies / 2] : 0,
           replies ? rtt_us[replies * 99 / 100] : 0, replies ? rtt_us[replies - 1] : 0);
    close(fd);
    return good ? 0 : 1;
}
