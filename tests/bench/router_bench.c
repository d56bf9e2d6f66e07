/* tests/bench/router_bench.c - what the router's parts cost, without rings and sockets, each beside
 * the least that does the same.  Prints nanoseconds of one.
 *
 *     router_bench WHAT MILLISECONDS
 *
 *     step1, step64     a whole turn of the router for a frame of 64 bytes: by ones, and 64 a turn
 *     fixed             the same frame by a table that never changes (fixed.h)
 *     fib               a lookup among 100,000 routes, destinations scattered
 *     flat              one read of a table with a word for each /24 (64 MB), of the same ones
 *     sum20, sum1500    an Internet checksum
 *     copy20, copy1500  a copy of as many bytes
 *     adjust            one word changed in a header, and its checksum with it */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/loop.h"
#include "router/keeper.h"
#include "router/router.h"
#include "tests/bench/fixed.h"

#define ROUTES 100000
#define SCATTER 65536 /* destinations that are asked for, in turn */
#define FRAME 64
#define SECOND NEIGH_SECOND

static const uint8_t port_mac[6] = {2, 0, 0, 0, 0, 1}, host_mac[6] = {2, 0, 0, 0, 0, 9};
static uint8_t frame[2048], other[2048];
static uint32_t scattered[SCATTER];
static uint64_t used; /* what results are added to, so that they are made */

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "router_bench: %s\n", what);
    exit(2);
}

static void make_frame(void)
{
    struct pkt_eth_wire *eth = (void *)frame;
    struct pkt_ip_wire *ip = (void *)(frame + PKT_ETH_LEN);

    memcpy(eth->dst, port_mac, 6);
    memcpy(eth->src, host_mac, 6);
    pkt_put16(eth->type, PKT_TYPE_IP);
    ip->version_ihl[0] = 0x45;
    pkt_put16(ip->total_len, FRAME - PKT_ETH_LEN);
    ip->ttl[0] = 64;
    ip->proto[0] = PKT_UDP_PROTO;
    pkt_put32(ip->src, FIXED_IP(10, 0, 1, 100));
    pkt_put32(ip->dst, FIXED_IP(192, 168, 2, 2));
    pkt_put16(ip->checksum, pkt_checksum(ip, PKT_IP_LEN));
}

/* ---- the whole router --------------------------------------------------------------------- */

static struct bench {
    struct port port; /* first */
    struct router router;
    struct keeper keeper;
    struct talk talk;
    struct fib *fib;
    uint64_t now, position, out;
    unsigned waiting, burst;
    uint8_t room[PORT_HEAD];
} b;

static bool next(struct port *p, struct frame_in *in)
{
    (void)p;
    if (b.waiting == 0) {
        return false;
    }
    b.position += 208;
    *in = (struct frame_in){.head = frame, .head_len = FRAME, .iface = 0, .position = b.position};
    return true;
}

static uint8_t *room(struct port *p, size_t size)
{
    (void)p;
    return size <= sizeof b.room ? b.room : NULL;
}

static void sent(struct port *p, const struct frame_in *in, const struct frame_out *out)
{
    (void)p;
    (void)in;
    b.waiting--;
    b.out += out->verdict == VERDICT_FORWARDED;
}

static void flush(struct port *p)
{
    (void)p;
}

static const struct port_ops ops = {next, room, sent, flush, NULL, NULL};

static void add_iface(unsigned row, const char *name, uint32_t ip, uint8_t last)
{
    struct port_events e = router_events(&b.router);
    struct iface i = {
        .mac = {2, 0, 0, 0, 0, last}, .present = 1, .up = 1, .ip = ip, .mask = 0xffffff00};

    snprintf(i.name, sizeof i.name, "%s", name);
    e.iface(e.context, row, &i);
}

static void settle(void)
{
    for (unsigned i = 0; i < 20; i++) {
        router_turn(&b.router, b.now);
        keeper_pass(&b.keeper, b.now);
    }
}

static void open_router(void)
{
    struct route r = {FIXED_IP(192, 168, 2, 0), 24, 0, 1, "eth1"};
    struct talk_message known = {
        .type = TALK_LEARNED, .iface = 1, .ip = FIXED_IP(192, 168, 2, 2), .create = 1};

    log_set_level(LOG_ERROR);
    b.now = 1000 * SECOND;
    b.position = 8;
    if (fib_open(&b.fib) != 0 || talk_open(&b.talk, NULL) != 0 ||
        keeper_open(&b.keeper, b.fib, &b.talk) != 0) {
        fail("no memory for a router");
    }
    router_open(&b.router, b.fib, &b.talk, &b.keeper.neigh, NULL);
    b.keeper.hold = &b.router.hold;
    b.port.ops = &ops;
    b.router.port = &b.port;
    add_iface(0, "eth3", FIXED_IP(10, 0, 1, 1), 1);
    add_iface(1, "eth1", FIXED_IP(192, 168, 2, 1), 2);
    if (fib_add(b.fib, &r) != 0) {
        fail("the route was refused");
    }
    settle();
    memcpy(known.mac, host_mac, 6);
    neigh_hear(&b.keeper.neigh, &known, b.now);
    settle();
}

static void open_router1(void)
{
    b.burst = 1;
    open_router();
}

static void open_router64(void)
{
    b.burst = ROUTER_BATCH;
    open_router();
}

static void step(unsigned n)
{
    uint64_t before = b.out;

    for (unsigned i = 0; i < n; i += b.burst) {
        b.waiting = b.burst;
        router_turn(&b.router, b.now);
    }
    if (b.out - before < n) {
        fail("frames were not forwarded");
    }
}

/* ---- by a fixed table --------------------------------------------------------------------- */

static struct fixed fixed;

static void open_fixed(void)
{
    fixed_open(&fixed);
    memcpy(fixed.mac[3], port_mac, 6);
}

static void by_fixed(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        memcpy(other, frame, FRAME);
        __asm__ volatile("" : : : "memory");
        used += fixed_forward(&fixed, 3, other, FRAME);
        __asm__ volatile("" : : : "memory");
    }
}

/* ---- lookups ------------------------------------------------------------------------------ */

static uint32_t *flat;

/* Routes of 24 bits, all over the addresses; what is asked for has one. */
static void open_fib(void)
{
    static struct route routes[ROUTES];

    for (unsigned i = 0; i < ROUTES; i++) {
        routes[i] = (struct route){(i * 2654435761u) & 0xffffff00, 24, 1, 0, "eth1"};
    }
    for (unsigned i = 0; i < SCATTER; i++) {
        scattered[i] = routes[i * 7919u % ROUTES].dest | (i & 0xff);
    }
    if (fib_open(&b.fib) != 0 || fib_replace_all(b.fib, routes, ROUTES) != 0) {
        fail("no memory for the routes");
    }
}

static void open_flat(void)
{
    open_fib();
    flat = malloc(sizeof *flat << 24);
    if (!flat) {
        fail("no memory for the flat table");
    }
    memset(flat, 1, sizeof *flat << 24);
}

/* The next destination depends on the last answer, as in nothing but the worst case: no two
 * lookups overlap. */
static void by_fib(unsigned n)
{
    uint32_t at = 0;

    for (unsigned i = 0; i < n; i++) {
        at = (at + fib_lookup(b.fib, scattered[at & (SCATTER - 1)])->mask_len) & (SCATTER - 1);
    }
    used += at;
}

static void by_flat(unsigned n)
{
    uint32_t at = 0;

    for (unsigned i = 0; i < n; i++) {
        at = (at + flat[scattered[at & (SCATTER - 1)] >> 8] % 64) & (SCATTER - 1);
    }
    used += at;
}

/* ---- checksums ---------------------------------------------------------------------------- */

static void sum(unsigned n, size_t len)
{
    for (unsigned i = 0; i < n; i++) {
        __asm__ volatile("" : : : "memory");
        used += pkt_fold(pkt_sum(0, frame + PKT_ETH_LEN, len));
    }
}

static void copy(unsigned n, size_t len)
{
    for (unsigned i = 0; i < n; i++) {
        memcpy(other, frame + PKT_ETH_LEN, len);
        __asm__ volatile("" : : "r"(other) : "memory");
    }
}

static void sum20(unsigned n)
{
    sum(n, 20);
}
static void sum1500(unsigned n)
{
    sum(n, 1500);
}
static void copy20(unsigned n)
{
    copy(n, 20);
}
static void copy1500(unsigned n)
{
    copy(n, 1500);
}

static void adjust(unsigned n)
{
    struct pkt_ip_wire *ip = (void *)(frame + PKT_ETH_LEN);

    for (unsigned i = 0; i < n; i++) {
        pkt_ip_set_ttl(ip, (uint8_t)i);
        __asm__ volatile("" : : : "memory");
    }
}

/* ---- the run ------------------------------------------------------------------------------ */

static void nothing(void)
{
}

static const struct {
    const char *name;
    void (*open)(void);
    void (*turn)(unsigned n);
} all[] = {{"step1", open_router1, step},   {"step64", open_router64, step},
           {"fixed", open_fixed, by_fixed}, {"fib", open_fib, by_fib},
           {"flat", open_flat, by_flat},    {"sum20", nothing, sum20},
           {"sum1500", nothing, sum1500},   {"copy20", nothing, copy20},
           {"copy1500", nothing, copy1500}, {"adjust", nothing, adjust}};

#define TURN 6400

static double measure(void (*turn)(unsigned n), uint64_t ns)
{
    uint64_t start = loop_now_ns(), now, n = 0;

    do {
        turn(TURN);
        n += TURN;
        now = loop_now_ns();
    } while (now - start < ns);
    return (double)(now - start) / (double)n;
}

int main(int argc, char **argv)
{
    uint64_t ns = argc == 3 ? strtoull(argv[2], NULL, 10) * 1000000u : 0;

    log_open("router_bench", LOG_TEXT);
    for (size_t i = 0; argc == 3 && i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(argv[1], all[i].name) == 0) {
            make_frame();
            all[i].open();
            measure(all[i].turn, ns / 5); /* warm */
            printf("%.3f\n", measure(all[i].turn, ns));
            return used == 42 ? 3 : 0;
        }
    }
    fprintf(stderr, "usage: router_bench step1|step64|fixed|fib|flat|sum20|sum1500|copy20|copy1500|"
                    "adjust MILLISECONDS\n");
    return 2;
}
