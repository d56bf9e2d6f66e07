/* tests/fake/classic_sr.c - a VNS client that behaves, byte by byte, as the classic `sr` does, with
 * a minimal router inside.  A test part: it stands in for the clients that courses have.
 *
 *     classic_sr [-s server] [-p port] [-v vhost] [-u user] [-t topology] [-r rtable] [-T template]
 *
 * It has the habits that a server must live with: it exits 1 on any message but the expected one
 * before the session is open; aborts on a frame for an interface that it was not told of; exits on
 * a message over 10,000 bytes; sets no TCP_NODELAY; reads a message's length, then the rest; writes
 * one frame a write(), from two threads.  It prints "ready" to standard output at VNSHWINFO.  One
 * habit differs: at an end of file without VNSCLOSE, where the classic one spins for ever, it
 * exits 3.
 *
 * Shares no code with router/, so that each checks the other.  ARP: RFC 826.  ICMP: RFC 792. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    OPEN = 1,
    CLOSE = 2,
    PACKET = 4,
    BANNER = 8,
    HWINFO = 16,
    RTABLE = 32,
    TEMPLATE = 64,
    AUTH_REQUEST = 128,
    AUTH_REPLY = 256,
    AUTH_STATUS = 512
};

#define MESSAGE_MAX 10000
#define MAX_INTERFACES 42
#define MAX_ROUTES 256
#define MAX_CACHE 100
#define MAX_QUEUE 256
#define CACHE_SECONDS 15
#define MAX_REQUESTS 5

struct interface {
    char name[32];
    uint8_t mac[6];
    uint32_t ip, mask; /* host byte order, as everywhere here */
    bool down;
};
struct route {
    uint32_t dest, gateway, mask;
    char name[32];
};
struct neighbour {
    uint32_t ip; /* 0: free */
    uint8_t mac[6];
    bool resolved;
    unsigned asked;     /* requests sent */
    struct timespec at; /* of the answer, or of the last request */
    const struct interface *out;
};
struct waiting { /* a frame that waits for a neighbour */
    uint32_t next_hop;
    uint8_t *frame; /* as it came in; NULL: free */
    size_t len;
    const struct interface *in;
};

static struct interface interfaces[MAX_INTERFACES];
static unsigned n_interfaces;
static struct route routes[MAX_ROUTES];
static unsigned n_routes;
static struct neighbour cache[MAX_CACHE];
static struct waiting queue[MAX_QUEUE];
static pthread_mutex_t cache_lock;
static int server_fd;

static struct {
    const char *server, *port, *vhost, *user, *rtable, *template;
    unsigned topology;
} option = {"localhost", "8888", "vrhost", "joe", "rtable", NULL, 0};

/* ---- bytes --------------------------------------------------------------------------------- */

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static uint16_t sum(const uint8_t *p, size_t len)
{
    uint32_t s = 0;

    for (size_t i = 0; i < len; i++) {
        s += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    }
    while (s >> 16) {
        s = (s & 0xffff) + (s >> 16);
    }
    return (uint16_t)s;
}

static const char *dotted(uint32_t ip)
{
    static char text[4][INET_ADDRSTRLEN];
    static unsigned at;
    struct in_addr a = {htonl(ip)};

    return inet_ntop(AF_INET, &a, text[at++ % 4], INET_ADDRSTRLEN);
}

/* ---- sending ------------------------------------------------------------------------------- */

static void write_all(const uint8_t *bytes, size_t len)
{
    if (write(server_fd, bytes, len) != (ssize_t)len) {
        fprintf(stderr, "Error writing to the server: %s\n", strerror(errno));
        exit(1);
    }
}

static void put_header(uint8_t *m, size_t len, unsigned type)
{
    put32(m, (uint32_t)len);
    put32(m + 4, type);
}

/* One write() a frame, like the classic one; refuses what that refuses. */
static void send_frame(const uint8_t *frame, size_t len, const struct interface *out)
{
    uint8_t m[MESSAGE_MAX] = {0};

    if (len < 14 || len > MESSAGE_MAX - 24) {
        fprintf(stderr, "** Error: packet is wayy too short or long\n");
        return;
    }
    if (memcmp(frame + 6, out->mac, 6) != 0) {
        fprintf(stderr, "** Error, source address does not match interface\n");
        return;
    }
    put_header(m, 24 + len, PACKET);
    snprintf((char *)m + 8, 16, "%.15s", out->name);
    memcpy(m + 24, frame, len);
    write_all(m, 24 + len);
}

static void put_ethernet(uint8_t *frame, const uint8_t *to, const struct interface *out,
                         unsigned type)
{
    memmove(frame, to, 6);
    memcpy(frame + 6, out->mac, 6);
    put16(frame + 12, type);
}

static void send_arp(unsigned op, const struct interface *out, const uint8_t *to_mac,
                     uint32_t to_ip)
{
    static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};
    uint8_t f[42] = {0};

    put_ethernet(f, op == 1 ? broadcast : to_mac, out, 0x0806);
    memcpy(f + 14, "\0\1\10\0\6\4", 6);
    put16(f + 20, op);
    memcpy(f + 22, out->mac, 6);
    put32(f + 28, out->ip);
    if (op == 2) {
        memcpy(f + 32, to_mac, 6);
    }
    put32(f + 38, to_ip);
    send_frame(f, sizeof f, out);
}

/* An ICMP error about 'frame', to its sender, out of the interface that it came in by. */
static void send_error(unsigned type, unsigned code, const uint8_t *frame, size_t len,
                       const struct interface *in)
{
    const uint8_t *ip = frame + 14;
    size_t header = (ip[0] & 15u) * 4u, quote = header + 8;
    uint8_t f[14 + 20 + 8 + 60 + 8] = {0};

    if ((ip[9] == 1 && len > 14 + header && ip[header] != 8 && ip[header] != 0) ||
        (get16(ip + 6) & 0x1fff) != 0 || get32(ip + 12) == 0) {
        return; /* RFC 1122, 3.2.2: none about an error, a later fragment, or nobody */
    }
    quote = quote < len - 14 ? quote : len - 14;
    put_ethernet(f, frame + 6, in, 0x0800);
    f[14] = 0x45;
    put16(f + 16, (unsigned)(28 + quote));
    f[22] = 64;
    f[23] = 1;
    put32(f + 26, in->ip);
    memcpy(f + 30, ip + 12, 4);
    put16(f + 24, (uint16_t)~sum(f + 14, 20));
    f[34] = (uint8_t)type;
    f[35] = (uint8_t)code;
    memcpy(f + 42, ip, quote);
    put16(f + 36, (uint16_t)~sum(f + 34, 8 + quote));
    send_frame(f, 42 + quote, in);
}

/* ---- neighbours ---------------------------------------------------------------------------- */

static double seconds_since(const struct timespec *t)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

static struct neighbour *find_neighbour(uint32_t ip)
{
    for (unsigned i = 0; i < MAX_CACHE; i++) {
        if (cache[i].ip == ip) {
            return &cache[i];
        }
    }
    return NULL;
}

static void transmit(const uint8_t *frame, size_t len, const struct neighbour *n)
{
    uint8_t copy[MESSAGE_MAX];

    memcpy(copy, frame, len);
    put_ethernet(copy, n->mac, n->out, 0x0800);
    copy[14 + 8]--;
    put16(copy + 14 + 10, 0);
    put16(copy + 14 + 10, (uint16_t)~sum(copy + 14, (copy[14] & 15u) * 4u));
    send_frame(copy, len, n->out);
}

static void ask(struct neighbour *n)
{
    n->asked++;
    clock_gettime(CLOCK_MONOTONIC, &n->at);
    send_arp(1, n->out, NULL, n->ip);
}

static void enqueue(uint32_t next_hop, const uint8_t *frame, size_t len, const struct interface *in)
{
    for (unsigned i = 0; i < MAX_QUEUE; i++) {
        if (!queue[i].frame) {
            queue[i] = (struct waiting){next_hop, malloc(len), len, in};
            assert(queue[i].frame);
            memcpy(queue[i].frame, frame, len);
            return;
        }
    }
}

/* Sends, or answers with host unreachable, every frame that waits for the neighbour. */
static void release_queue(const struct neighbour *n, bool reachable)
{
    for (unsigned i = 0; i < MAX_QUEUE; i++) {
        struct waiting *w = &queue[i];

        if (!w->frame || w->next_hop != n->ip) {
            continue;
        }
        if (reachable) {
            transmit(w->frame, w->len, n);
        } else {
            send_error(3, 1, w->frame, w->len, w->in);
        }
        free(w->frame);
        w->frame = NULL;
    }
}

static void send_via(uint32_t next_hop, const struct interface *out, const uint8_t *frame,
                     size_t len, const struct interface *in)
{
    struct neighbour *n;

    pthread_mutex_lock(&cache_lock);
    n = find_neighbour(next_hop);
    if (n && n->resolved && seconds_since(&n->at) < CACHE_SECONDS) {
        transmit(frame, len, n);
    } else {
        bool fresh = !n || n->resolved;

        n = n ? n : find_neighbour(0);
        if (n) {
            if (fresh) {
                *n = (struct neighbour){.ip = next_hop, .out = out};
                ask(n);
            }
            enqueue(next_hop, frame, len, in);
        }
    }
    pthread_mutex_unlock(&cache_lock);
}

/* The second thread: looks at all requests once a second, with no lock around its write(). */
static void *sweep(void *unused)
{
    for (;;) {
        sleep(1);
        pthread_mutex_lock(&cache_lock);
        for (unsigned i = 0; i < MAX_CACHE; i++) {
            struct neighbour *n = &cache[i];

            if (n->ip == 0) {
                continue;
            }
            if (n->resolved) {
                n->ip = seconds_since(&n->at) < CACHE_SECONDS ? n->ip : 0;
            } else if (seconds_since(&n->at) >= 0.9 && n->asked < MAX_REQUESTS) {
                ask(n);
            } else if (n->asked >= MAX_REQUESTS) {
                release_queue(n, false);
                n->ip = 0;
            }
        }
        pthread_mutex_unlock(&cache_lock);
    }
    return unused;
}

/* ---- the router ---------------------------------------------------------------------------- */

static const struct interface *find_interface(const char *name)
{
    for (unsigned i = 0; i < n_interfaces; i++) {
        if (strcmp(interfaces[i].name, name) == 0) {
            return &interfaces[i];
        }
    }
    return NULL;
}

static bool is_mine(uint32_t ip)
{
    for (unsigned i = 0; i < n_interfaces; i++) {
        if (interfaces[i].ip == ip) {
            return true;
        }
    }
    return false;
}

static const struct route *find_route(uint32_t ip)
{
    const struct route *best = NULL;

    for (unsigned i = 0; i < n_routes; i++) {
        const struct route *r = &routes[i];

        if ((ip & r->mask) == (r->dest & r->mask) && (!best || r->mask > best->mask)) {
            best = r;
        }
    }
    return best;
}

static void on_arp(const uint8_t *frame, size_t len, const struct interface *in)
{
    struct neighbour *n;

    if (len < 42 || get32(frame + 38) != in->ip) {
        return;
    }
    if (get16(frame + 20) == 1) {
        send_arp(2, in, frame + 22, get32(frame + 28));
        return;
    }
    if (get16(frame + 20) != 2) {
        return;
    }
    pthread_mutex_lock(&cache_lock);
    n = find_neighbour(get32(frame + 28));
    n = n ? n : find_neighbour(0);
    if (n && get32(frame + 28) != 0) {
        n->ip = get32(frame + 28);
        n->out = in;
        n->resolved = true;
        memcpy(n->mac, frame + 22, 6);
        clock_gettime(CLOCK_MONOTONIC, &n->at);
        release_queue(n, true);
    }
    pthread_mutex_unlock(&cache_lock);
}

static void on_mine(const uint8_t *frame, size_t len, const struct interface *in)
{
    size_t header = (frame[14] & 15u) * 4u, total = get16(frame + 16);
    uint8_t f[MESSAGE_MAX];

    if (frame[23] == 6 || frame[23] == 17) {
        send_error(3, 3, frame, len, in);
        return;
    }
    if (frame[23] != 1 || total < header + 8 || frame[14 + header] != 8 ||
        sum(frame + 14 + header, total - header) != 0xffff) {
        return;
    }
    memcpy(f, frame, 14 + total);
    put_ethernet(f, frame + 6, in, 0x0800);
    memcpy(f + 26, frame + 30, 4);
    memcpy(f + 30, frame + 26, 4);
    f[22] = 64;
    put16(f + 24, 0);
    put16(f + 24, (uint16_t)~sum(f + 14, header));
    f[14 + header] = 0;
    put16(f + 16 + header, 0);
    put16(f + 16 + header, (uint16_t)~sum(f + 14 + header, total - header));
    send_frame(f, 14 + total, in);
}

static void on_ip(const uint8_t *frame, size_t len, const struct interface *in)
{
    const uint8_t *ip = frame + 14;
    size_t header = (ip[0] & 15u) * 4u, total;
    const struct interface *out;
    const struct route *r;
    uint32_t to;

    if (len < 34 || ip[0] >> 4 != 4 || header < 20 || len < 14 + header) {
        return;
    }
    total = get16(ip + 2);
    if (total < header || len < 14 + total || sum(ip, header) != 0xffff) {
        return;
    }
    to = get32(ip + 16);
    len = 14 + total; /* Ethernet padding is not part of the packet */
    if (is_mine(to)) {
        on_mine(frame, len, in);
        return;
    }
    if (ip[8] <= 1) {
        send_error(11, 0, frame, len, in);
        return;
    }
    r = find_route(to);
    out = r ? find_interface(r->name) : NULL;
    if (!out || out->down) {
        send_error(3, 0, frame, len, in);
        return;
    }
    send_via(r->gateway ? r->gateway : to, out, frame, len, in);
}

static void on_packet(const uint8_t *m, size_t len)
{
    char name[17] = {0};
    const struct interface *in;
    const uint8_t *frame = m + 24;
    size_t n = len - 24;

    memcpy(name, m + 8, 16);
    in = find_interface(name);
    if (in &&
        ((n == 2 && memcmp(frame, "up", 2) == 0) || (n == 4 && memcmp(frame, "down", 4) == 0))) {
        interfaces[in - interfaces].down = n == 4;
        fprintf(stderr, "interface %s is %s\n", name, n == 4 ? "down" : "up");
        return;
    }
    if (n < 34) {
        return;
    }
    if (!in) {
        fprintf(stderr, "classic_sr: assertion `iface' failed: frame for interface '%s'\n", name);
        abort();
    }
    if (get16(frame + 12) == 0x0806) {
        on_arp(frame, n, in);
    } else if (get16(frame + 12) == 0x0800) {
        on_ip(frame, n, in);
    }
}

/* ---- routing table ------------------------------------------------------------------------- */

static int load_rtable(const char *file)
{
    char line[256], dest[32], gateway[32], mask[32], name[32];
    FILE *f = fopen(file, "r");

    n_routes = 0;
    if (!f) {
        perror(file);
        return -1;
    }
    while (fgets(line, sizeof line, f) && n_routes < MAX_ROUTES) {
        struct in_addr d, g, m;

        if (sscanf(line, "%31s %31s %31s %31s", dest, gateway, mask, name) != 4 || dest[0] == '#') {
            continue;
        }
        if (!inet_aton(dest, &d) || !inet_aton(gateway, &g) || !inet_aton(mask, &m)) {
            fprintf(stderr, "Error loading routing table, cannot convert %s", line);
            fclose(f);
            return -1;
        }
        routes[n_routes] = (struct route){ntohl(d.s_addr), ntohl(g.s_addr), ntohl(m.s_addr), ""};
        memcpy(routes[n_routes++].name, name, sizeof name);
    }
    fclose(f);
    return 0;
}

/* For any virtual host but vrhost the classic one takes its routes from the hardware alone. */
static void routes_from_hardware(void)
{
    for (unsigned i = 0; i < n_interfaces && n_routes < MAX_ROUTES; i++) {
        routes[n_routes] =
            (struct route){interfaces[i].ip & interfaces[i].mask, 0, interfaces[i].mask, ""};
        memcpy(routes[n_routes++].name, interfaces[i].name, 32);
    }
}

/* ---- VNS ----------------------------------------------------------------------------------- */

static void read_bytes(uint8_t *to, size_t len)
{
    size_t have = 0;

    while (have < len) {
        ssize_t n = recv(server_fd, to + have, len - have, 0);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            fprintf(stderr, "classic_sr: the connection ended without VNSCLOSE: a classic client "
                            "would spin here\n");
            exit(3);
        }
        have += (size_t)n;
    }
}

/* Reads a message: 4 bytes of length, then the rest.  VNSCLOSE ends the program here. */
static unsigned read_message(uint8_t *m, size_t *len)
{
    int32_t length;

    read_bytes(m, 4);
    length = (int32_t)get32(m);
    if (length > MESSAGE_MAX || length < 0) {
        fprintf(stderr, "Error: command length to large %d\n", length);
        close(server_fd);
        exit(0);
    }
    if (length < 8) {
        fprintf(stderr, "classic_sr: message of %d bytes\n", length);
        exit(1);
    }
    read_bytes(m + 4, (size_t)length - 4);
    *len = (size_t)length;
    if (get32(m + 4) == CLOSE) {
        fprintf(stderr, "VNS server closed session.\nReason: %.*s\n", (int)(*len - 8), m + 8);
        exit(0);
    }
    return get32(m + 4);
}

static void expect(unsigned type, uint8_t *m, size_t *len)
{
    unsigned got = read_message(m, len);

    if (got != type) {
        fprintf(stderr, "classic_sr: expected message %u, got %u\n", type, got);
        exit(1);
    }
}

static void send_auth_reply(const uint8_t *salt, size_t salt_len)
{
    uint8_t m[256], key[64] = {0}, hash[EVP_MAX_MD_SIZE], bytes[MESSAGE_MAX + 64];
    size_t user_len = strlen(option.user);
    FILE *f = fopen("auth_key", "r");

    if (f) {
        if (fread(key, 1, sizeof key, f) != sizeof key) {
            fprintf(stderr, "auth_key is short\n");
        }
        fclose(f);
    }
    memcpy(bytes, salt, salt_len);
    memcpy(bytes + salt_len, key, sizeof key);
    if (EVP_Digest(bytes, salt_len + sizeof key, hash, NULL, EVP_sha1(), NULL) != 1) {
        exit(1);
    }
    put_header(m, 32 + user_len, AUTH_REPLY);
    put32(m + 8, (uint32_t)user_len);
    memcpy(m + 12, option.user, user_len);
    memcpy(m + 12 + user_len, hash, 20);
    write_all(m, 32 + user_len);
}

static void authenticate(void)
{
    uint8_t m[MESSAGE_MAX + 1];
    size_t len;

    expect(AUTH_REQUEST, m, &len);
    send_auth_reply(m + 8, len - 8);
    expect(AUTH_STATUS, m, &len);
    m[len] = '\0';
    fprintf(stderr, "%s: %s\n", m[8] ? "authenticated" : "authentication failed", (char *)m + 9);
    if (!m[8]) {
        exit(1);
    }
}

static void open_topology(void)
{
    uint8_t m[108] = {0};

    put_header(m, sizeof m, OPEN);
    put16(m + 8, option.topology);
    snprintf((char *)m + 12, 32, "%s", option.vhost);
    snprintf((char *)m + 44, 32, "%s", option.user);
    write_all(m, sizeof m);
}

static void open_template(void)
{
    uint8_t m[MESSAGE_MAX + 1] = {0};
    char file[48];
    size_t len;
    FILE *f;

    put_header(m, 70, TEMPLATE);
    snprintf((char *)m + 8, 30, "%s", option.template);
    snprintf((char *)m + 38, 32, "%s", option.vhost);
    write_all(m, 70);
    expect(RTABLE, m, &len);
    assert(memchr(m + 8, 0, 32)); /* the classic one builds a file name from it */
    snprintf(file, sizeof file, "rtable.%.31s", (char *)m + 8);
    f = fopen(file, "w");
    if (!f || fwrite(m + 40, 1, len - 40, f) != len - 40 || fclose(f) != 0) {
        perror(file);
        exit(1);
    }
    if (load_rtable(file) != 0) {
        exit(1);
    }
}

static void on_hwinfo(const uint8_t *m, size_t len)
{
    for (const uint8_t *e = m + 8; e + 36 <= m + len; e += 36) {
        struct interface *last = n_interfaces ? &interfaces[n_interfaces - 1] : NULL;
        uint32_t key = get32(e);

        if (key == 1) {
            assert(n_interfaces < MAX_INTERFACES);
            last = &interfaces[n_interfaces++];
            *last = (struct interface){.mask = UINT32_MAX};
            memcpy(last->name, e + 4, 31);
        } else if (key == 32) {
            assert(last);
            memcpy(last->mac, e + 4, 6);
        } else if (key == 64) {
            assert(last);
            last->ip = get32(e + 4);
        } else if (key == 128) {
            assert(last);
            last->mask = get32(e + 4);
        }
    }
    if (strcmp(option.vhost, "vrhost") != 0 && !option.template) {
        routes_from_hardware();
    }
    for (unsigned i = 0; i < n_routes; i++) {
        if (!find_interface(routes[i].name)) {
            fprintf(stderr, "Routing table not consistent with hardware: %s\n", routes[i].name);
            exit(0);
        }
    }
    for (unsigned i = 0; i < n_interfaces; i++) {
        fprintf(stderr, "%s %s\n", interfaces[i].name, dotted(interfaces[i].ip));
    }
    printf("ready\n");
    fflush(stdout);
}

static void receive_for_ever(void)
{
    uint8_t m[MESSAGE_MAX + 1];
    size_t len;

    for (;;) {
        switch (read_message(m, &len)) {
        case PACKET:
            if (len >= 24) {
                on_packet(m, len);
            }
            break;
        case HWINFO:
            on_hwinfo(m, len);
            break;
        case BANNER:
            fprintf(stderr, "%.*s\n", (int)(len - 8), (const char *)m + 8);
            break;
        default:
            fprintf(stderr, "unknown command: %u\n", get32(m + 4));
            break;
        }
    }
}

/* ---- start --------------------------------------------------------------------------------- */

static void connect_server(void)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *a;

    if (getaddrinfo(option.server, option.port, &hints, &a) != 0) {
        fprintf(stderr, "cannot find host %s\n", option.server);
        exit(1);
    }
    server_fd = socket(AF_INET, SOCK_STREAM, 0);
    if (server_fd < 0 || connect(server_fd, a->ai_addr, a->ai_addrlen) != 0) {
        perror("connect(..):sr_client.c::sr_connect_to_server(..)");
        exit(1);
    }
    freeaddrinfo(a);
}

static void parse_options(int argc, char **argv)
{
    int c;

    while ((c = getopt(argc, argv, "hs:p:v:u:t:r:T:")) != -1) {
        switch (c) {
        case 's':
            option.server = optarg;
            break;
        case 'p':
            option.port = optarg;
            break;
        case 'v':
            option.vhost = optarg;
            break;
        case 'u':
            option.user = optarg;
            break;
        case 't':
            option.topology = (unsigned)atoi(optarg);
            break;
        case 'r':
            option.rtable = optarg;
            break;
        case 'T':
            option.template = optarg;
            break;
        default:
            fprintf(stderr, "classic_sr [-s server] [-p port] [-v vhost] [-u user] [-t topology] "
                            "[-r rtable] [-T template]\n");
            exit(c == 'h' ? 0 : 1);
        }
    }
    if (strlen(option.user) > 31 || strlen(option.vhost) > 31) {
        fprintf(stderr, "user and vhost: at most 31 characters\n");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    pthread_mutexattr_t recursive;
    pthread_t thread;

    parse_options(argc, argv);
    if (!option.template && strcmp(option.vhost, "vrhost") == 0 &&
        load_rtable(option.rtable) != 0) {
        fprintf(stderr, "Error setting up routing table from file %s\n", option.rtable);
        return 1;
    }
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&cache_lock, &recursive);
    connect_server();
    authenticate();
    if (option.template) {
        open_template();
    } else {
        open_topology();
    }
    if (pthread_create(&thread, NULL, sweep, NULL) != 0) {
        return 1;
    }
    receive_for_ever();
    return 0;
}
