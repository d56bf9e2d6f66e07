/* tests/fault/steady.c - a pretend OpenFlow 1.0 switch that counts what a killed process costs.
 *
 *   steady --connect HOST:PORT --board FILE [--rate N] [--window N] [--reconnect] [--grace SECONDS]
 *
 * It has three ports, sw0-eth1 to sw0-eth3, and a host behind each that answers ARP.  Once the
 * router answers ARP on port 3, the client behind it sends numbered UDP frames of 64, 512 and 1514
 * bytes to the host behind port 1, at a steady rate, with at most a window of them unanswered. Each
 * frame that comes back is checked byte for byte: port, addresses, TTL, checksum, number, pattern.
 *
 * FILE holds words (enum word) for the driver: what was sent and came back, and a mark: the driver
 * writes a number into MARK, and MARK_NS becomes the time (CLOCK_MONOTONIC) when the first frame
 * with at least that number came back.  A number in TRIGGER sends one frame outside of the count,
 * for tests/poison/trigger.c: its three letters are the low bytes, the host's port is the fourth.
 * TRIGGERED counts those that came back.
 *
 * On SIGTERM it stops sending, waits up to --grace seconds for what is missing, and prints one
 * line.
 * --reconnect: a connection that ends is made anew, and what was unanswered then counts as "torn",
 * not as lost, until it comes back after all;
 * "refused" is one that was answered with an ICMP error.  Exit status 0: nothing lost, twice, wrong
 * or strange.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/proto/of10.h"
#include "common/proto/pkt.h"

#define PORTS 3
#define BUFFER (1 << 20)
#define NUMBERS (1u << 28)   /* frames that can be told apart; a byte of address space each */
#define PROBE_NS 10000000ull /* between two questions whether the router is there */
#define REDIAL_NS 2000000ull /* between two attempts to connect */
#define WRITE_OFF_NS 5000000000ull
#define NUMBER_AT (PKT_ETH_LEN + PKT_IP_LEN + 8)
#define SHORTEST (NUMBER_AT + 8)
#define TRIGGER_WORD "VENOM!"

enum word {
    SENT,
    BACK,
    MARK,
    MARK_NS,
    FLOWING, /* 1: the router answered, and frames are being sent */
    CONNECTS,
    HIGHEST, /* number of the latest frame that came back, plus one */
    TRIGGER,
    TRIGGERED,
    WORDS
};
enum fate { UNSENT, WAITING, TORN, RETURNED, REFUSED };

static struct {
    const char *board;
    struct sockaddr_in to;
    unsigned rate, window;
    bool reconnect;
    double grace;
} option = {.rate = 2000, .window = 48, .grace = 5};

static const uint32_t host_ip[PORTS + 1] = {0, 0xc0a80202, 0xac40030a, 0x0a000164};
static const uint32_t router_ip[PORTS + 1] = {0, 0xc0a80201, 0xac400301, 0x0a000101};
static const unsigned sizes[] = {64, 512, 1514};

static _Atomic uint64_t *board;
static uint8_t *fate; /* by number */
static volatile sig_atomic_t stopping;
static uint64_t sent, back, highest, waiting, torn, arps, probed_ns, paced_ns;
static uint64_t twice, wrong, disordered, strange, errors, refused;
static bool flowing;

static struct {
    int fd;
    bool ready;
    size_t have, queued;
    uint8_t in[BUFFER], out[BUFFER];
} link_ = {.fd = -1};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "steady: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void say(enum word w, uint64_t v)
{
    atomic_store_explicit(&board[w], v, memory_order_relaxed);
}

static void host_mac(uint8_t mac[6], unsigned port)
{
    memcpy(mac, (const uint8_t[]){2, 0xee, 0, 0, 0, (uint8_t)port}, 6);
}

static void router_mac(uint8_t mac[6], unsigned port)
{
    memcpy(mac, (const uint8_t[]){2, 0xca, 0, 0, 1, (uint8_t)port}, 6);
}

/* ---- the connection ----------------------------------------------------------------------- */

/* What was unanswered may have died with the connection: nobody can know. */
static void tear(void)
{
    uint64_t first = sent > option.window * 64ull ? sent - option.window * 64ull : 0;

    for (uint64_t n = first; n < sent; n++) {
        if (fate[n] == WAITING) {
            fate[n] = TORN;
            torn++;
            waiting--;
        }
    }
    close(link_.fd);
    link_.fd = -1;
    link_.ready = flowing = false;
    link_.have = link_.queued = 0;
    say(FLOWING, 0);
}

static void lost_link(const char *what)
{
    if (!option.reconnect) {
        fprintf(stderr, "steady: the connection to ofproxy ended: %s\n", what);
        exit(2);
    }
    tear();
}

static void flush(void)
{
    size_t at = 0;

    while (at < link_.queued && link_.fd >= 0) {
        ssize_t n = send(link_.fd, link_.out + at, link_.queued - at, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR) {
            lost_link(strerror(errno));
            return;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    link_.queued = 0;
}

static void put(uint8_t type, uint32_t xid, const void *body, size_t len)
{
    struct wire_out out;

    if (link_.queued + OF_HEADER + len > BUFFER) {
        flush();
    }
    out = (struct wire_out){link_.out + link_.queued, link_.out + BUFFER, false};
    of_header_put(&out, &(struct of_header){1, type, (uint16_t)(OF_HEADER + len), xid});
    wire_put_bytes(&out, body, len);
    link_.queued += OF_HEADER + len;
}

static bool dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    if (fd < 0) {
        fail("socket");
    }
    if (connect(fd, (struct sockaddr *)&option.to, sizeof option.to) != 0) {
        close(fd);
        return false;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    link_.fd = fd;
    say(CONNECTS, board[CONNECTS] + 1);
    put(OF10_TYPE_HELLO, 1, NULL, 0);
    flush();
    return true;
}

static void put_features(uint32_t xid)
{
    uint8_t body[24 + PORTS * 48];
    struct wire_out out = {body, body + sizeof body, false};

    of10_switch_features_put(&out, &(struct of10_switch_features){.datapath_id = 1, .n_tables = 1});
    for (unsigned i = 1; i <= PORTS; i++) {
        struct of10_phy_port port = {.port_no = (uint16_t)i, .curr = 1 << 6};

        router_mac(port.hw_addr, i);
        snprintf((char *)port.name, sizeof port.name, "sw0-eth%u", i);
        of10_phy_port_put(&out, &port);
    }
    put(OF10_TYPE_FEATURES_REPLY, xid, body, (size_t)(out.p - body));
}

static void put_description(uint32_t xid)
{
    uint8_t body[4 + 1056];
    struct wire_out out = {body, body + sizeof body, false};
    struct of10_desc_stats d = {.mfr_desc = "Causeway", .hw_desc = "steady switch"};

    of10_stats_reply_put(&out, &(struct of10_stats_reply){OF10_STATS_DESC, 0});
    of10_desc_stats_put(&out, &d);
    put(OF10_TYPE_STATS_REPLY, xid, body, sizeof body);
}

/* ---- frames to the router ----------------------------------------------------------------- */

static void put_frame(unsigned port, const uint8_t *frame, size_t len)
{
    uint8_t body[10 + 1514];
    struct wire_out out = {body, body + sizeof body, false};

    of10_packet_in_put(&out,
                       &(struct of10_packet_in){OF_NO_BUFFER, (uint16_t)len, (uint16_t)port, 0});
    wire_put_bytes(&out, frame, len);
    put(OF10_TYPE_PACKET_IN, 0, body, 10 + len);
}

static void put_arp(unsigned port, uint16_t op, const uint8_t to[6])
{
    uint8_t frame[60] = {0}, mac[6];
    struct pkt_eth_wire *eth = (void *)frame;
    struct pkt_arp_wire *a = (void *)(frame + PKT_ETH_LEN);

    host_mac(mac, port);
    if (op ==
        PKT_ARP_REQUEST) { /* tells the connection: an answer to an earlier one means nothing */
        pkt_put16(mac + 2, (uint16_t)board[CONNECTS]);
    }
    memcpy(eth->dst, to, 6);
    memcpy(eth->src, mac, 6);
    pkt_put16(eth->type, PKT_TYPE_ARP);
    pkt_put16(a->htype, 1);
    pkt_put16(a->ptype, PKT_TYPE_IP);
    a->hlen[0] = 6;
    a->plen[0] = 4;
    pkt_put16(a->op, op);
    memcpy(a->sha, mac, 6);
    pkt_put32(a->spa, host_ip[port]);
    memcpy(a->tha, op == PKT_ARP_REPLY ? to : (const uint8_t[6]){0}, 6);
    pkt_put32(a->tpa, router_ip[port]);
    put_frame(port, frame, sizeof frame);
}

static unsigned size_of(uint64_t number)
{
    return sizes[number * 2654435761u / 7 % 3];
}

/* The frame as the client sends it ('leaves' false), or as the server must get it. */
static unsigned make_frame(uint8_t *frame, uint64_t number, bool leaves)
{
    unsigned size = size_of(number), ip_len = size - PKT_ETH_LEN;
    struct pkt_eth_wire *eth = (void *)frame;
    struct pkt_ip_wire *ip = (void *)(frame + PKT_ETH_LEN);
    struct pkt_udp_wire *udp = (void *)(frame + PKT_ETH_LEN + PKT_IP_LEN);

    memset(frame, 0, NUMBER_AT);
    if (leaves) {
        host_mac(eth->dst, 1);
        router_mac(eth->src, 1);
    } else {
        router_mac(eth->dst, 3);
        host_mac(eth->src, 3);
    }
    pkt_put16(eth->type, PKT_TYPE_IP);
    ip->version_ihl[0] = 0x45;
    pkt_put16(ip->total_len, ip_len);
    pkt_put16(ip->id, (uint16_t)number);
    pkt_put16(ip->frag, PKT_IP_DF);
    ip->ttl[0] = leaves ? 63 : 64;
    ip->proto[0] = PKT_UDP_PROTO;
    pkt_put32(ip->src, host_ip[3]);
    pkt_put32(ip->dst, host_ip[1]);
    pkt_put16(ip->checksum, pkt_checksum(ip, PKT_IP_LEN));
    pkt_put16(udp->sport, 4000);
    pkt_put16(udp->dport, 4001);
    pkt_put16(udp->len, ip_len - PKT_IP_LEN);
    memcpy(frame + NUMBER_AT, &number, 8);
    for (unsigned i = SHORTEST; i < size; i++) {
        frame[i] = (uint8_t)(number + (number >> 8) * 7 + i * 13);
    }
    return size;
}

/* The driver's frame: of the longest kind, to the host that it names. */
static void send_trigger(void)
{
    uint64_t what = board[TRIGGER];
    unsigned to = (what >> 24 & 0xff) % (PORTS + 1);
    uint8_t frame[1514];
    struct pkt_ip_wire *ip = (void *)(frame + PKT_ETH_LEN);
    uint64_t number = 0;

    if (what == 0 || !flowing) {
        return;
    }
    while (size_of(number) != sizeof frame) {
        number++;
    }
    make_frame(frame, number, false);
    pkt_put32(ip->dst, host_ip[to]);
    pkt_put16(ip->checksum, 0);
    pkt_put16(ip->checksum, pkt_checksum(ip, PKT_IP_LEN));
    memcpy(frame + NUMBER_AT, TRIGGER_WORD, strlen(TRIGGER_WORD));
    memcpy(frame + NUMBER_AT + strlen(TRIGGER_WORD), &what, 3);
    put_frame(3, frame, sizeof frame);
    say(TRIGGER, 0);
}

static bool is_trigger(const uint8_t *frame, size_t len)
{
    return len == 1514 && memcmp(frame + NUMBER_AT, TRIGGER_WORD, strlen(TRIGGER_WORD)) == 0;
}

/* Whatever did not come back while nothing did for so long does not keep the window closed: it may
 * have been dropped for its age.  It counts as lost until it comes. */
static uint64_t written_off(uint64_t now)
{
    static uint64_t off, moved_ns, moved;

    if (moved != back || moved_ns == 0) {
        moved = back;
        moved_ns = now;
    } else if (now - moved_ns > WRITE_OFF_NS) {
        off = waiting;
        moved_ns = now;
    }
    return off < waiting ? off : waiting;
}

static bool may_send(uint64_t now)
{
    return flowing && !stopping && waiting - written_off(now) < option.window && now >= paced_ns &&
           sent < NUMBERS;
}

static void send_frames(uint64_t now)
{
    uint8_t frame[1514];

    while (may_send(now)) {
        put_frame(3, frame, make_frame(frame, sent, false));
        fate[sent++] = WAITING;
        waiting++;
        /* what the window delayed is not made up for */
        paced_ns = (paced_ns + 50000000u < now ? now : paced_ns) + 1000000000u / option.rate;
    }
    say(SENT, sent);
}

/* ---- frames from the router --------------------------------------------------------------- */

static void came_back(uint64_t number, uint64_t now)
{
    disordered += number + 1 < highest;
    highest = number + 1 > highest ? number + 1 : highest;
    waiting -= fate[number] == WAITING;
    torn -= fate[number] == TORN;
    fate[number] = RETURNED;
    say(BACK, ++back);
    say(HIGHEST, highest);
    if (board[MARK_NS] == 0 && number >= board[MARK]) {
        say(MARK_NS, now);
    }
}

static void on_arp(unsigned port, const uint8_t *frame, size_t len)
{
    const struct pkt_arp_wire *a = (const void *)(frame + PKT_ETH_LEN);

    if (len < PKT_ETH_LEN + PKT_ARP_LEN) {
        strange++;
    } else if (pkt_get16(a->op) == PKT_ARP_REQUEST && pkt_get32(a->tpa) == host_ip[port]) {
        arps++;
        put_arp(port, PKT_ARP_REPLY, a->sha);
    } else if (pkt_get16(a->op) == PKT_ARP_REPLY && port == 3 && !flowing &&
               pkt_get16(a->tha + 2) == (uint16_t)board[CONNECTS]) {
        flowing = true;
        paced_ns = now_ns();
        say(FLOWING, 1);
    }
}

static void complain(const char *what, unsigned port, const uint8_t *frame, size_t len)
{
    if (twice + wrong + strange < 20) {
        fprintf(stderr, "steady: %s: port=%u len=%zu sent=%" PRIu64 " bytes=", what, port, len,
                sent);
        for (size_t i = 0; i < len && i < 64; i++) {
            fprintf(stderr, "%02x", frame[i]);
        }
        fprintf(stderr, "\n");
    }
}

/* An ICMP error to the client: its frame was refused, which is a verdict, too.  The quoted packet
 * tells the number's low 16 bits. */
static void on_refusal(const uint8_t *frame, size_t len)
{
    size_t at = PKT_ETH_LEN + PKT_IP_LEN + PKT_ICMP_LEN;
    const struct pkt_ip_wire *quoted = (const void *)(frame + at);
    uint64_t number;

    if (len < at + PKT_IP_LEN || frame[PKT_ETH_LEN + 9] != PKT_ICMP_PROTO || sent == 0) {
        strange++;
        complain("a frame that nobody asked for", 3, frame, len);
        return;
    }
    number = sent - 1 - (uint16_t)(sent - 1 - pkt_get16(quoted->id));
    if (number < sent && (fate[number] == WAITING || fate[number] == TORN)) {
        waiting -= fate[number] == WAITING;
        torn -= fate[number] == TORN;
        fate[number] = REFUSED;
        refused++;
    } else {
        twice++;
        complain("refused, but it had come back", 3, frame, len);
    }
}

static void on_frame(unsigned port, const uint8_t *frame, size_t len)
{
    uint8_t expect[1514];
    uint64_t number;

    if (len >= PKT_ETH_LEN && pkt_get16(frame + 12) == PKT_TYPE_ARP && port >= 1 && port <= PORTS) {
        on_arp(port, frame, len);
        return;
    }
    if (is_trigger(frame, len)) {
        say(TRIGGERED, board[TRIGGERED] + 1);
        return;
    }
    if (port == 3) {
        on_refusal(frame, len);
        return;
    }
    if (port != 1 || len < SHORTEST || frame[PKT_ETH_LEN + 9] != PKT_UDP_PROTO) {
        strange++;
        complain("a frame that nobody asked for", port, frame, len);
        return;
    }
    memcpy(&number, frame + NUMBER_AT, 8);
    if (number >= sent || make_frame(expect, number, true) != len ||
        memcmp(expect, frame, len) != 0) {
        wrong++;
        complain("not the frame that was sent", port, frame, len);
    } else if (fate[number] >= RETURNED) {
        twice++;
        complain("came back twice", port, frame, len);
    } else {
        came_back(number, now_ns());
    }
}

static void on_packet_out(const uint8_t *m, size_t len)
{
    struct wire_in in = {m + OF_HEADER, m + len, false};
    struct of10_packet_out o;
    const uint8_t *action;

    if (!of10_packet_out_get(&in, &o) || o.actions_len != 8) {
        wrong++;
        return;
    }
    action = wire_bytes(&in, o.actions_len);
    if (!action) {
        wrong++;
        return;
    }
    on_frame(pkt_get16(action + 4), in.p, wire_left(&in));
}

static void on_message(const uint8_t *m, const struct of_header *h)
{
    switch (h->type) {
    case OF10_TYPE_FEATURES_REQUEST:
        put_features(h->xid);
        break;
    case OF10_TYPE_GET_CONFIG_REQUEST:
        put(OF10_TYPE_GET_CONFIG_REPLY, h->xid, "\0\0\xff\xff", 4);
        break;
    case OF10_TYPE_STATS_REQUEST:
        if (m[OF_HEADER + 1] != OF10_STATS_DESC) { /* no flows: plain ones, or Nicira's */
            put(OF10_TYPE_STATS_REPLY, h->xid, m + OF_HEADER, m[OF_HEADER] == 0xff ? 16 : 4);
            break;
        }
        put_description(h->xid);
        break;
    case OF10_TYPE_BARRIER_REQUEST:
        put(OF10_TYPE_BARRIER_REPLY, h->xid, NULL, 0);
        link_.ready = true;
        break;
    case OF10_TYPE_ECHO_REQUEST:
        put(OF10_TYPE_ECHO_REPLY, h->xid, m + OF_HEADER, h->length - (size_t)OF_HEADER);
        break;
    case OF10_TYPE_ERROR:
        errors++;
        break;
    case OF10_TYPE_PACKET_OUT:
        on_packet_out(m, h->length);
        break;
    default:
        break;
    }
}

static void take(void)
{
    ssize_t n = recv(link_.fd, link_.in + link_.have, BUFFER - link_.have, MSG_DONTWAIT);
    size_t at = 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        lost_link(n == 0 ? "closed" : strerror(errno));
        return;
    }
    link_.have += (size_t)n;
    while (link_.fd >= 0 && link_.have - at >= OF_HEADER) {
        struct of_header h = of_header_at(link_.in + at);

        if (h.length < OF_HEADER) {
            wrong++;
            lost_link("a message shorter than its header");
            return;
        }
        if (h.length > link_.have - at) {
            break;
        }
        on_message(link_.in + at, &h);
        at += h.length;
    }
    if (link_.fd >= 0) {
        memmove(link_.in, link_.in + at, link_.have - at);
        link_.have -= at;
    }
}

/* ---- the turns ---------------------------------------------------------------------------- */

static void pause_ns(uint64_t ns)
{
    struct pollfd f = {.fd = link_.fd, .events = POLLIN};
    struct timespec t = {0, (long)(ns < 20000000u ? ns : 20000000u)};

    if (ppoll(&f, link_.fd >= 0, &t, NULL) > 0) {
        take();
    }
}

static void turn(void)
{
    uint64_t now = now_ns();

    if (link_.fd < 0) {
        if (!dial()) {
            pause_ns(REDIAL_NS);
        }
        return;
    }
    if (link_.ready && !flowing && !stopping && now - probed_ns > PROBE_NS) {
        probed_ns = now;
        put_arp(3, PKT_ARP_REQUEST, (const uint8_t[6]){0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
    }
    send_frames(now);
    send_trigger();
    flush();
    if (flowing && !stopping && waiting < option.window) {
        pause_ns(paced_ns > now ? paced_ns - now : 0);
    } else {
        pause_ns(5000000);
    }
    flush();
}

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

static int result(void)
{
    uint64_t lost = waiting;

    printf("sent=%" PRIu64 " back=%" PRIu64 " lost=%" PRIu64 " torn=%" PRIu64 " twice=%" PRIu64
           " wrong=%" PRIu64 " strange=%" PRIu64 " disordered=%" PRIu64 " errors=%" PRIu64
           " refused=%" PRIu64 " arps=%" PRIu64 " connects=%" PRIu64 "\n",
           sent, back, lost, torn, twice, wrong, strange, disordered, errors, refused, arps,
           (uint64_t)board[CONNECTS]);
    for (uint64_t n = 0, said = 0; lost > 0 && n < sent && said < 20; n++) {
        if (fate[n] == WAITING) {
            fprintf(stderr, "steady: lost number=%" PRIu64 " size=%u\n", n, size_of(n));
            said++;
        }
    }
    return lost + twice + wrong + strange + errors == 0 ? 0 : 1;
}

/* ---- options ------------------------------------------------------------------------------ */

static void set_address(const char *text)
{
    char host[64];
    const char *colon = strrchr(text, ':');

    option.to.sin_family = AF_INET;
    if (colon && (size_t)(colon - text) < sizeof host) {
        snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
        option.to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
        if (inet_pton(AF_INET, host, &option.to.sin_addr) == 1) {
            return;
        }
    }
    fprintf(stderr, "steady: --connect takes ADDRESS:PORT\n");
    exit(2);
}

static void read_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"connect", 1, 0, 'c'},
        {"board", 1, 0, 'b'},
        {"rate", 1, 0, 'r'},
        {"window", 1, 0, 'w'},
        {"reconnect", 0, 0, 'R'},
        {"grace", 1, 0, 'g'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (c) {
        case 'c':
            set_address(optarg);
            break;
        case 'b':
            option.board = optarg;
            break;
        case 'r':
            option.rate = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'w':
            option.window = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'R':
            option.reconnect = true;
            break;
        case 'g':
            option.grace = strtod(optarg, NULL);
            break;
        default:
            exit(2);
        }
    }
    if (!option.board || option.to.sin_port == 0 || option.rate == 0 || option.window == 0) {
        fprintf(stderr, "steady: --connect ADDRESS:PORT and --board FILE are needed\n");
        exit(2);
    }
}

static void map_all(void)
{
    int fd = open(option.board, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || ftruncate(fd, WORDS * 8) != 0) {
        fail(option.board);
    }
    board = mmap(NULL, WORDS * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    fate = mmap(NULL, NUMBERS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                -1, 0);
    if (board == MAP_FAILED || fate == MAP_FAILED) {
        fail("mmap");
    }
    close(fd);
    say(MARK_NS, 1); /* nobody asked yet */
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = on_signal};
    uint64_t end;

    read_options(argc, argv);
    map_all();
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    while (!stopping) {
        turn();
    }
    end = now_ns() + (uint64_t)(option.grace * 1e9);
    while (waiting + torn > 0 && now_ns() < end) {
        turn();
    }
    end = now_ns() + 100000000u; /* whatever comes now would be one too many */
    while (now_ns() < end) {
        turn();
    }
    return result();
}
