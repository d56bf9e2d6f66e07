/* tests/fake/switch.c - a pretend OpenFlow switch: scripted, loading, or hostile.
 *
 *   switch --connect HOST:PORT [--dpid N] [--ports N] [--stem sw0-eth] [--in-port N]
 *          [--count N] [--size BYTES] [--window N] [--rate N] [--buffered] [--expect N] [--verify]
 *          [--hold SECONDS] [--timeout SECONDS] [--connections N] [--print] [--openflow 1.0|1.3]
 *          [--auxiliary N]
 *   switch --connect HOST:PORT --hostile CASE|all|list
 *
 * Shakes hands, sends --count PACKET_INs of --size bytes with at most --window unanswered, reads
 * PACKET_OUTs until --expect have come (default: --count), prints one line of results, stays
 * connected for --hold seconds.  --verify: each frame must be one that was sent, byte for byte.
 * --connections N: N switches (dpid, dpid+1, ...) shake hands, and only then the first one sends.
 * --auxiliary N: the frames are sent by an auxiliary connection of that number (1.3).
 * Hostile cases each need to be answered with the ERROR that they deserve, and the connection
 * closed. Exit status 0: all as expected. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
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
#include "common/proto/of13.h"
#include "common/proto/pkt.h"

#define NUMBER_AT (PKT_ETH_LEN + PKT_IP_LEN) /* the frame's number, then when it was sent */
#define PATTERN_AT (NUMBER_AT + 16)
#define BUFFER (1 << 20)

static struct {
    const char *connect, *stem, *hostile;
    uint64_t dpid;
    unsigned ports, in_port, count, size, window, rate, expect, connections, auxiliary;
    bool of13;
    bool buffered, verify, print, expect_given;
    double hold, timeout;
} option = {.stem = "sw0-eth",
            .dpid = 1,
            .ports = 3,
            .in_port = 1,
            .size = 64,
            .window = 256,
            .connections = 1,
            .timeout = 10};

static struct {
    uint64_t outs, releases, errors, wrong, echoes;
    uint64_t rtt_sum, rtt_n, rtt_min, rtt_max;
} got = {.rtt_min = UINT64_MAX};

struct link {
    int fd;
    uint64_t dpid;
    uint8_t aux_id;
    bool ready;
    size_t have, queued;
    uint8_t in[BUFFER], out[BUFFER];
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "switch: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int dial(void)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    char host[128];
    const char *colon = strrchr(option.connect, ':');
    int yes = 1, fd;

    if (!colon || (size_t)(colon - option.connect) >= sizeof host) {
        fprintf(stderr, "switch: --connect takes HOST:PORT\n");
        exit(2);
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - option.connect), option.connect);
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        fail("getaddrinfo");
    }
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        fail("connect");
    }
    freeaddrinfo(found);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void flush(struct link *l)
{
    size_t at = 0;

    while (at < l->queued) {
        ssize_t n = send(l->fd, l->out + at, l->queued - at, MSG_NOSIGNAL);

        if (n < 0) {
            fail("send");
        }
        at += (size_t)n;
    }
    l->queued = 0;
}

static void put(struct link *l, uint8_t type, uint32_t xid, const void *body, size_t len)
{
    struct wire_out out;

    if (l->queued + OF_HEADER + len > BUFFER) {
        flush(l);
    }
    out = (struct wire_out){l->out + l->queued, l->out + BUFFER, false};
    of_header_put(&out, &(struct of_header){option.of13 ? OF13_VERSION : OF10_VERSION, type,
                                            (uint16_t)(OF_HEADER + len), xid});
    wire_put_bytes(&out, body, len);
    l->queued += OF_HEADER + len;
}

static void put_port(struct wire_out *out, const struct link *l, unsigned number)
{
    uint8_t mac[6] = {2, 0, 0, 0, (uint8_t)l->dpid, (uint8_t)number};
    char name[16] = "";

    snprintf(name, sizeof name, "%.10s%u", option.stem, number % 10000);
    if (option.of13) {
        struct of13_port port = {.port_no = number, .curr_speed = 10000000};

        memcpy(port.hw_addr, mac, 6);
        memcpy(port.name, name, sizeof name);
        of13_port_put(out, &port);
    } else {
        struct of10_phy_port port = {.port_no = (uint16_t)number, .curr = 1 << 6};

        memcpy(port.hw_addr, mac, 6);
        memcpy(port.name, name, sizeof name);
        of10_phy_port_put(out, &port);
    }
}

static void put_features(struct link *l, uint32_t xid)
{
    static uint8_t body[OF_LONGEST];
    struct wire_out out = {body, body + sizeof body, false};

    if (option.of13) {
        of13_switch_features_put(&out, &(struct of13_switch_features){.datapath_id = l->dpid,
                                                                      .n_tables = 1,
                                                                      .auxiliary_id = l->aux_id});
        l->ready = l->aux_id != 0; /* nothing more is asked on it */
    } else {
        of10_switch_features_put(
            &out, &(struct of10_switch_features){.datapath_id = l->dpid, .n_tables = 1});
        for (unsigned i = 1; i <= option.ports; i++) {
            put_port(&out, l, i);
        }
    }
    put(l, OF10_TYPE_FEATURES_REPLY, xid, body, (size_t)(out.p - body));
}

/* A description; ports in 1.3, in parts; no flows, plain ones or Nicira's. */
static void put_statistics(struct link *l, uint32_t xid, const uint8_t *request)
{
    static uint8_t body[8 + 1056];
    size_t head = option.of13 ? 8 : 4;
    struct wire_out out = {body + head, body + sizeof body, false};
    uint8_t reply = option.of13 ? OF13_TYPE_MULTIPART_REPLY : OF10_TYPE_STATS_REPLY;
    unsigned type = request[1];

    memcpy(body, request, head);
    if (type == OF10_STATS_DESC) {
        of10_desc_stats_put(
            &out, &(struct of10_desc_stats){.mfr_desc = "Causeway", .hw_desc = "pretend switch"});
    } else if (option.of13 && type == OF13_MULTIPART_PORT_DESC) {
        body[3] = OF13_MULTIPART_MORE;
        for (unsigned i = 1; i <= option.ports; i++) {
            put_port(&out, l, i);
            put(l, reply, xid, body, (size_t)(out.p - body));
            out.p = body + head;
        }
        body[3] = 0;
    } else if (request[0] == 0xff) {
        wire_put_bytes(&out, request + head, 12);
    }
    put(l, reply, xid, body, (size_t)(out.p - body));
}

/* A frame to be forwarded, so that no meter cuts it; its payload tells its number and when it was
 * sent, then a pattern of its number. */
static void fill_frame(uint8_t *frame, uint64_t number, uint64_t sent_ns)
{
    struct wire_out out = {frame, frame + option.size, false};
    static const uint8_t to[6] = {0x02, 0, 0, 0, 0, 0xfe}, from[6] = {0x02, 0, 0, 0, 0, 0x01};

    wire_put_bytes(&out, to, 6);
    wire_put_bytes(&out, from, 6);
    wire_put_bytes(&out, (const uint8_t[]){PKT_TYPE_IP >> 8, PKT_TYPE_IP & 0xff}, 2);
    pkt_ip_put(&out, &(struct pkt_ip){.version_ihl = 0x45,
                                      .total_len = (uint16_t)(option.size - PKT_ETH_LEN),
                                      .ttl = 64,
                                      .proto = 253, /* RFC 3692: experiments */
                                      .src = 0x0a000102,
                                      .dst = 0x0a000202});
    wire_put_bytes(&out, &number, 8);
    wire_put_bytes(&out, &sent_ns, 8);
    for (size_t i = PATTERN_AT; i < option.size; i++) {
        frame[i] = (uint8_t)(number + i * 13);
    }
}

static void put_frame(struct link *l, uint64_t number)
{
    static uint8_t body[OF_LONGEST];
    struct wire_out out = {body, body + sizeof body, false};
    uint32_t buffer_id = option.buffered ? (uint32_t)number : OF_NO_BUFFER;

    if (option.of13) {
        of13_packet_in_put(&out, &(struct of13_packet_in){.buffer_id = buffer_id,
                                                          .total_len = (uint16_t)option.size});
        of13_match_put(&out, &(struct of13_match){OF13_MATCH_TYPE_OXM, 12});
        wire_put_bytes(&out,
                       (const uint8_t[]){0x80, 0, 0, 4, 0, 0, (uint8_t)(option.in_port >> 8),
                                         (uint8_t)option.in_port, 0, 0, 0, 0, 0, 0},
                       14);
    } else {
        of10_packet_in_put(&out, &(struct of10_packet_in){buffer_id, (uint16_t)option.size,
                                                          (uint16_t)option.in_port, 0});
    }
    fill_frame(out.p, number, now_ns());
    put(l, OF10_TYPE_PACKET_IN, 0, body, (size_t)(out.p - body) + option.size);
}

/* ---- reading ------------------------------------------------------------------------------ */

static void check_frame(const uint8_t *frame, size_t len)
{
    uint64_t number, sent, rtt;

    if (len < PATTERN_AT || pkt_get16(frame + 12) != PKT_TYPE_IP || frame[PKT_ETH_LEN + 9] != 253) {
        got.wrong += option.verify;
        return;
    }
    memcpy(&number, frame + NUMBER_AT, 8);
    memcpy(&sent, frame + NUMBER_AT + 8, 8);
    rtt = now_ns() - sent;
    got.rtt_sum += rtt;
    got.rtt_n++;
    got.rtt_min = rtt < got.rtt_min ? rtt : got.rtt_min;
    got.rtt_max = rtt > got.rtt_max ? rtt : got.rtt_max;
    if (option.verify) {
        bool good = len == option.size;

        for (size_t i = PATTERN_AT; i < len && good; i++) {
            good = frame[i] == (uint8_t)(number + i * 13);
        }
        got.wrong += !good;
    }
}

static void on_packet_out(const uint8_t *m, size_t len)
{
    struct wire_in in = {m + OF_HEADER, m + len, false};
    struct of10_packet_out o = {0};
    struct of13_packet_out o13 = {0};
    bool good = option.of13 ? of13_packet_out_get(&in, &o13) : of10_packet_out_get(&in, &o);
    unsigned actions_len = option.of13 ? o13.actions_len : o.actions_len;

    if (!good || !wire_bytes(&in, actions_len)) {
        got.wrong++;
    } else if (actions_len == 0) {
        got.releases++;
    } else {
        got.outs++;
        check_frame(in.p, wire_left(&in));
    }
}

static void on_message(struct link *l, const uint8_t *m, const struct of_header *h)
{
    char text[256];

    if (option.print) {
        of_print(option.of13 ? &of13 : &of10, m, h->length, text, sizeof text);
        printf("%s\n", text);
    }
    if (h->type == (option.of13 ? OF13_TYPE_MULTIPART_REQUEST : OF10_TYPE_STATS_REQUEST)) {
        put_statistics(l, h->xid, m + OF_HEADER);
    } else if (h->type == (option.of13 ? OF13_TYPE_BARRIER_REQUEST : OF10_TYPE_BARRIER_REQUEST)) {
        put(l, h->type + 1, h->xid, NULL, 0);
        l->ready = true;
    }
    switch (h->type) {
    case OF10_TYPE_FEATURES_REQUEST:
        put_features(l, h->xid);
        break;
    case OF10_TYPE_GET_CONFIG_REQUEST:
        put(l, OF10_TYPE_GET_CONFIG_REPLY, h->xid, "\0\0\xff\xff", 4);
        break;
    case OF10_TYPE_ECHO_REQUEST:
        got.echoes++;
        put(l, OF10_TYPE_ECHO_REPLY, h->xid, m + OF_HEADER, h->length - (size_t)OF_HEADER);
        break;
    case OF10_TYPE_ERROR:
        got.errors++;
        fprintf(stderr, "switch: ERROR %s: %s\n",
                of_error_type(&of10, (uint16_t)(m[8] << 8 | m[9])),
                of_error_code(&of10, (uint16_t)(m[8] << 8 | m[9]), (uint16_t)(m[10] << 8 | m[11])));
        break;
    case OF10_TYPE_PACKET_OUT:
        on_packet_out(m, h->length);
        break;
    default:
        break;
    }
}

/* Reads for at most 'wait_ms'.  False: the peer closed. */
static bool take(struct link *l, int wait_ms)
{
    struct pollfd f = {.fd = l->fd, .events = POLLIN};
    size_t at = 0;
    ssize_t n;

    if (poll(&f, 1, wait_ms) <= 0) {
        return true;
    }
    n = recv(l->fd, l->in + l->have, BUFFER - l->have, 0);
    if (n <= 0) {
        return false;
    }
    l->have += (size_t)n;
    while (l->have - at >= OF_HEADER) {
        struct of_header h = of_header_at(l->in + at);

        if (h.length < OF_HEADER || h.length > l->have - at) {
            break;
        }
        on_message(l, l->in + at, &h);
        at += h.length;
    }
    memmove(l->in, l->in + at, l->have - at);
    l->have -= at;
    flush(l);
    return true;
}

static struct link *open_link(uint64_t dpid)
{
    struct link *l = calloc(1, sizeof *l);

    if (!l) {
        fail("calloc");
    }
    l->dpid = dpid;
    l->fd = dial();
    return l;
}

static bool shake(struct link *l)
{
    uint64_t end = now_ns() + (uint64_t)(option.timeout * 1e9);

    put(l, OF10_TYPE_HELLO, 1, NULL, 0); /* without a bitmap: its header says the version */
    flush(l);
    while (!l->ready && now_ns() < end) {
        if (!take(l, 100)) {
            return false;
        }
    }
    return l->ready;
}

/* ---- load --------------------------------------------------------------------------------- */

static bool may_send(uint64_t sent, uint64_t start)
{
    if (sent >= option.count || sent - got.outs >= option.window) {
        return false;
    }
    return option.rate == 0 || sent < (now_ns() - start) * option.rate / 1000000000u + 1;
}

static int load(struct link *l)
{
    uint64_t start = now_ns(), end = start + (uint64_t)(option.timeout * 1e9), sent = 0, took;
    bool alive = true;

    while (alive && now_ns() < end && (sent < option.count || got.outs < option.expect)) {
        while (may_send(sent, start) && l->queued < BUFFER / 2) {
            put_frame(l, sent++);
        }
        flush(l);
        alive = take(l, sent < option.count && may_send(sent, start) ? 0 : 1);
    }
    took = now_ns() - start;
    end = now_ns() + (uint64_t)(option.hold * 1e9);
    while (alive && now_ns() < end) {
        alive = take(l, 50);
    }
    printf("sent=%" PRIu64 " out=%" PRIu64 " released=%" PRIu64 " wrong=%" PRIu64 " errors=%" PRIu64
           " echoes=%" PRIu64 " seconds=%.6f per_second=%.0f",
           sent, got.outs, got.releases, got.wrong, got.errors, got.echoes, (double)took / 1e9,
           (double)got.outs * 1e9 / (double)took);
    if (got.rtt_n > 0) {
        printf(" rtt_us=%.1f/%.1f/%.1f", (double)got.rtt_min / 1e3,
               (double)got.rtt_sum / 1e3 / (double)got.rtt_n, (double)got.rtt_max / 1e3);
    }
    printf(" connected=%s\n", alive ? "yes" : "no");
    return alive && got.wrong == 0 && sent == option.count && got.outs >= option.expect ? 0 : 1;
}

/* ---- hostile ------------------------------------------------------------------------------ */

static const struct hostile {
    const char *name;
    bool ready; /* after the handshake */
    uint8_t bytes[24];
    size_t len;     /* sent: the bytes, then zeroes */
    int type, code; /* of the ERROR */
} cases[] = {
    {"length-0", true, {1, 2, 0, 0}, 64, 1, 6},
    {"length-7", true, {1, 2, 0, 7}, 64, 1, 6},
    {"version-9", true, {9, 2, 0, 8}, 8, 1, 0},
    {"version-0", true, {0, 2, 0, 8}, 8, 1, 0},
    {"type-200", true, {1, 200, 0, 8}, 8, 1, 1},
    {"packet-out", true, {1, 13, 0, 16}, 16, 1, 1},
    {"second-hello", true, {1, 0, 0, 8}, 8, 1, 1},
    {"short-packet-in", true, {1, 10, 0, 17}, 17, 1, 6},
    {"short-port-status", true, {1, 12, 0, 63}, 63, 1, 6},
    {"long-port-status", true, {1, 12, 0, 65}, 65, 1, 6},
    {"half-a-port", true, {1, 6, 0, 79}, 79, 1, 6},
    {"dpid-change", true, {1, 6, 0, 32, 0, 0, 0, 0, 9, 9, 9, 9}, 32, 1, 5},
    {"early-port-status", false, {1, 12, 0, 64}, 64, 1, 1},
    {"early-packet-in", false, {1, 10, 0, 78}, 78, 1, 1},
    {"hello-version-0", false, {0, 0, 0, 8}, 8, 0, 0},
    {"hello-1.2-only", false, {3, 0, 0, 8}, 8, 0, 0},
    {"hello-1.4-only", false, {5, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0, 8, 0, 0, 0, 0x20}, 16, 0, 0},
    {"hello-cut-element", false, {1, 0, 0, 12, 0, 0, 0, 1, 0, 1, 0, 99}, 12, 0, 0},
    {"http", false, "GET / HTTP/1.1\r\n\r\n", 18, 1, 1},
};
#define CASES (sizeof cases / sizeof cases[0])

/* Reads up to the end.  Returns the ERROR's type and code as one number, or -1: none came. */
static int await_error(struct link *l)
{
    uint64_t end = now_ns() + (uint64_t)(option.timeout * 1e9);
    int error = -1;

    while (now_ns() < end) {
        struct pollfd f = {.fd = l->fd, .events = POLLIN};
        ssize_t n = poll(&f, 1, 100) > 0 ? recv(l->fd, l->in + l->have, BUFFER - l->have, 0) : -2;

        if (n == -2) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        l->have += (size_t)n;
    }
    for (size_t at = 0; at + 12 <= l->have;) {
        struct of_header h = of_header_at(l->in + at);

        if (h.length < OF_HEADER || now_ns() >= end) {
            return -1; /* not closed in time */
        }
        if (h.type == OF10_TYPE_ERROR) {
            error = l->in[at + 9] << 8 | l->in[at + 11];
        }
        at += h.length;
    }
    return error;
}

static bool run_case(const struct hostile *c)
{
    struct link *l = open_link(option.dpid);
    uint8_t bytes[256] = {0};
    int error;

    if (c->ready && !shake(l)) {
        printf("FAIL %s: no handshake\n", c->name);
        return false;
    }
    memcpy(bytes, c->bytes, sizeof c->bytes);
    if (send(l->fd, bytes, c->len, MSG_NOSIGNAL) != (ssize_t)c->len) {
        fail("send");
    }
    error = await_error(l);
    close(l->fd);
    free(l);
    printf("%s %s: %s\n", error == (c->type << 8 | c->code) ? "ok" : "FAIL", c->name,
           error < 0 ? "no ERROR, or not closed"
                     : of_error_code(&of10, (uint16_t)(error >> 8), (uint16_t)(error & 255)));
    return error == (c->type << 8 | c->code);
}

static int hostile(void)
{
    bool good = true, found = false;

    for (size_t i = 0; i < CASES; i++) {
        if (strcmp(option.hostile, "list") == 0) {
            printf("%s\n", cases[i].name);
            found = true;
        } else if (strcmp(option.hostile, "all") == 0 ||
                   strcmp(option.hostile, cases[i].name) == 0) {
            good &= run_case(&cases[i]);
            found = true;
        }
    }
    if (!found) {
        fprintf(stderr, "switch: no hostile case '%s' (list shows them)\n", option.hostile);
        return 2;
    }
    return good ? 0 : 1;
}

/* ---- options ------------------------------------------------------------------------------ */

static void set_option(int c)
{
    unsigned number = optarg ? (unsigned)strtoul(optarg, NULL, 0) : 0;

    switch (c) {
    case 'c':
        option.connect = optarg;
        break;
    case 'd':
        option.dpid = strtoull(optarg, NULL, 0);
        break;
    case 'p':
        option.ports = number;
        break;
    case 's':
        option.stem = optarg;
        break;
    case 'i':
        option.in_port = number;
        break;
    case 'n':
        option.count = number;
        break;
    case 'z':
        option.size = number;
        break;
    case 'w':
        option.window = number;
        break;
    case 'r':
        option.rate = number;
        break;
    case 'b':
        option.buffered = true;
        break;
    case 'e':
        option.expect = number;
        option.expect_given = true;
        break;
    case 'v':
        option.verify = true;
        break;
    case 'h':
        option.hold = strtod(optarg, NULL);
        break;
    case 't':
        option.timeout = strtod(optarg, NULL);
        break;
    case 'm':
        option.connections = number;
        break;
    case 'x':
        option.hostile = optarg;
        break;
    case 'P':
        option.print = true;
        break;
    case 'a':
        option.auxiliary = number;
        break;
    case 'o':
        option.of13 = strcmp(optarg, "1.3") == 0;
        break;
    default:
        exit(2);
    }
}

static void read_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"connect", 1, 0, 'c'},     {"dpid", 1, 0, 'd'},
        {"ports", 1, 0, 'p'},       {"stem", 1, 0, 's'},
        {"in-port", 1, 0, 'i'},     {"count", 1, 0, 'n'},
        {"size", 1, 0, 'z'},        {"window", 1, 0, 'w'},
        {"rate", 1, 0, 'r'},        {"buffered", 0, 0, 'b'},
        {"expect", 1, 0, 'e'},      {"verify", 0, 0, 'v'},
        {"hold", 1, 0, 'h'},        {"timeout", 1, 0, 't'},
        {"connections", 1, 0, 'm'}, {"hostile", 1, 0, 'x'},
        {"print", 0, 0, 'P'},       {"openflow", 1, 0, 'o'},
        {"auxiliary", 1, 0, 'a'},   {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        set_option(c);
    }
    if (!option.expect_given) {
        option.expect = option.count;
    }
    if (!option.connect || option.size < PATTERN_AT || option.size > OF10_FRAME_MAX ||
        option.ports > 1000 || option.connections < 1 || option.auxiliary > 255) {
        fprintf(stderr,
                "switch: --connect HOST:PORT is needed; --size is 50 to %d, --ports at "
                "most 1000\n",
                OF10_FRAME_MAX);
        exit(2);
    }
}

/* Frames go in by another connection; what comes back comes by the main one. */
static int load_auxiliary(struct link *main)
{
    struct link *aux = open_link(main->dpid);
    uint64_t sent = 0, end;

    aux->aux_id = (uint8_t)option.auxiliary;
    if (!shake(aux)) {
        fprintf(stderr, "switch: no handshake for the auxiliary connection\n");
        return 1;
    }
    end = now_ns() + (uint64_t)(option.timeout * 1e9);
    while (now_ns() < end && (sent < option.count || got.outs < option.expect)) {
        while (sent < option.count && sent - got.outs < option.window) {
            put_frame(aux, sent++);
        }
        flush(aux);
        if (!take(main, 1)) {
            return 1;
        }
    }
    printf("sent=%" PRIu64 " out=%" PRIu64 " wrong=%" PRIu64 " errors=%" PRIu64 "\n", sent,
           got.outs, got.wrong, got.errors);
    end = now_ns() + (uint64_t)(option.hold * 1e9);
    while (now_ns() < end && take(main, 50)) {
    }
    return got.wrong == 0 && got.outs >= option.expect ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct link **links;
    int status = 1;
    unsigned n = 0;

    read_options(argc, argv);
    if (option.hostile) {
        return hostile();
    }
    links = calloc(option.connections, sizeof(struct link *));
    if (!links) {
        fail("calloc");
    }
    while (n < option.connections) {
        links[n] = open_link(option.dpid + n);
        if (!shake(links[n++])) {
            fprintf(stderr, "switch: no handshake for datapath %" PRIu64 "\n", option.dpid + n - 1);
            break;
        }
    }
    if (links[n - 1]->ready) {
        status = option.auxiliary ? load_auxiliary(links[0]) : load(links[0]);
    }
    while (n > 0) {
        close(links[--n]->fd);
        free(links[n]);
    }
    free(links);
    return status;
}
