/* tests/unit/vnsbridge_world.h - a bridge between a pretend ofproxy and a pretend router, in a run
 * directory of its own, with VNS clients on loopback; all in one thread.
 *
 * world_pump() is one turn of the bridge.  The bell is rung before, so that it never sleeps. */
#ifndef TESTS_UNIT_VNSBRIDGE_WORLD_H
#define TESTS_UNIT_VNSBRIDGE_WORLD_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "vnsbridge/bridge.h"
#include "vnsbridge/lease.h"

#pragma GCC diagnostic ignored "-Wconversion" /* Criterion's own macros */

#define WORLD_WAIT_NS 5000000000ull
#define WORLD_DPID 0x42ull

struct world {
    char dir[64];
    struct bridge b;
    struct topo ofproxy, router;
    struct ring_tx pkt_in, vns_out;
    struct ring_rx pkt_out, vns_in;
    struct board_writer ports, session;
    struct board_reader interfaces, leases;
    struct arena arena;
    uint64_t seq;
    uint64_t rx_ns; /* of the frames of world_frame; 0: unknown */
};

/* What the world is made of; zero: the lab without keys. */
struct world_options {
    const char *config; /* text of a configuration file */
    unsigned max_clients;
};

static inline void world_bridge_open(struct world *w, const struct world_options *o)
{
    char why[1024], path[128];

    memset(&w->b, 0, sizeof w->b);
    config_defaults(&w->b.config);
    if (o && o->config) {
        FILE *f;

        snprintf(path, sizeof path, "%s/test.conf", w->dir);
        f = fopen(path, "w");
        cr_assert(f != NULL);
        fputs(o->config, f);
        fclose(f);
        cr_assert(eq(int, config_file(&w->b.config, path, why, sizeof why), 0), "%s", why);
    }
    cr_assert(eq(int, vhosts_load(&w->b.vhosts, &w->b.config, why, sizeof why), 0), "%s", why);
    cr_assert(eq(int, loop_open(&w->b.loop), 0));
    topo_open(&w->b.topo, w->dir, TOPO_VNSBRIDGE);
    cr_assert(eq(int, clients_open(&w->b, o && o->max_clients ? o->max_clients : 8, 30), 0));
    cr_assert(eq(int, listen_open(&w->b, "tcp:0:127.0.0.1", why, sizeof why), 0), "%s", why);
    bridge_attach(&w->b);
    cr_assert(eq(
        int, wait_open(&w->b.wait, &w->b.loop, WAIT_SLEEP, 0, &w->b.topo.bell[TOPO_VNSBRIDGE]), 0));
    wait_ring(&w->b.wait, &w->b.pkt_in);
    wait_ring(&w->b.wait, &w->b.vns_out);
}

/* As a kill would: no good-byes, nothing settled that is not. */
static inline void world_bridge_kill(struct world *w)
{
    listen_close(&w->b);
    for (unsigned i = 0; i < w->b.clients.max; i++) {
        if (w->b.clients.list[i].state != CLIENT_FREE) {
            close(w->b.clients.list[i].fd.fd);
        }
    }
    bridge_detach(&w->b);
    topo_close(&w->b.topo);
    loop_close(&w->b.loop);
    vhosts_free(&w->b.vhosts);
    config_free(&w->b.config);
    munmap(w->b.clients.memory, w->b.clients.memory_size);
    free(w->b.clients.list);
}

static inline struct world *world_open(const struct world_options *o)
{
    struct world *w = calloc(1, sizeof *w);

    cr_assert(w != NULL);
    log_open("vnsbridge", LOG_TEXT);
    log_set_level(LOG_ERROR);
    snprintf(w->dir, sizeof w->dir, "/dev/shm/vnsbridge-test-XXXXXX");
    cr_assert(mkdtemp(w->dir) != NULL);
    topo_open(&w->ofproxy, w->dir, TOPO_OFPROXY);
    topo_open(&w->router, w->dir, TOPO_ROUTER);
    topo_tx(&w->ofproxy, &w->pkt_in, TOPO_PKT_IN);
    topo_rx(&w->ofproxy, &w->pkt_out, TOPO_PKT_OUT);
    topo_board_writer(&w->ofproxy, &w->ports, TOPO_PORTS);
    topo_arena(&w->ofproxy, &w->arena);
    topo_rx(&w->router, &w->vns_in, TOPO_VNS_IN);
    topo_tx(&w->router, &w->vns_out, TOPO_VNS_OUT);
    topo_board_writer(&w->router, &w->session, TOPO_SESSION);
    topo_board_reader(&w->router, &w->interfaces, TOPO_INTERFACES);
    topo_board_reader(&w->router, &w->leases, TOPO_LEASES);
    world_bridge_open(w, o);
    return w;
}

static inline void world_close(struct world *w)
{
    char command[128];

    world_bridge_kill(w);
    arena_leave(&w->arena);
    ring_tx_leave(&w->pkt_in);
    ring_rx_leave(&w->pkt_out);
    ring_rx_leave(&w->vns_in);
    ring_tx_leave(&w->vns_out);
    board_write_leave(&w->ports);
    board_write_leave(&w->session);
    board_read_leave(&w->interfaces);
    board_read_leave(&w->leases);
    topo_close(&w->ofproxy);
    topo_close(&w->router);
    snprintf(command, sizeof command, "rm -rf %s", w->dir);
    cr_expect(eq(int, system(command), 0));
    free(w);
}

static inline void world_pump(struct world *w)
{
    bell_ring(&w->b.topo.bell[TOPO_VNSBRIDGE]);
    bridge_turn(&w->b);
}

static inline void world_pump_n(struct world *w, unsigned n)
{
    while (n-- > 0) {
        world_pump(w);
    }
}

/* ---- the pretend ofproxy ------------------------------------------------------------------- */
static inline void world_port_on(struct world *w, uint64_t dpid, unsigned row, uint32_t port,
                                 const char *name, enum port_state state, uint8_t mac)
{
    struct port_row p = {
        .dpid = dpid, .port = port, .state = state, .speed = 10000, .mac = {2, 0, 0, 0, 0, mac}};

    snprintf(p.name, sizeof p.name, "%s", name);
    board_put(&w->ports, row, &p);
    board_publish(&w->ports);
    world_pump(w);
}

static inline void world_port(struct world *w, unsigned row, uint32_t port, const char *name,
                              enum port_state state)
{
    world_port_on(w, WORLD_DPID, row, port, name, state, (uint8_t)port);
}

static inline void world_lab(struct world *w, enum port_state state)
{
    world_port(w, 0, 1, "sw0-eth1", state);
    world_port(w, 1, 2, "sw0-eth2", state);
    world_port(w, 2, 3, "sw0-eth3", state);
}

/* A frame of 'len' bytes, each its index, the rest over 128 in the arena.  Returns its seq. */
static inline uint64_t world_frame(struct world *w, uint32_t port, size_t len)
{
    uint32_t head_len = len < RECORD_INLINE ? (uint32_t)len : RECORD_INLINE;
    struct record r = {.seq = ++w->seq,
                       .rx_ns = w->rx_ns,
                       .dpid = WORLD_DPID,
                       .port = port,
                       .ticket = (uint32_t)w->seq,
                       .head_len = head_len,
                       .tail_len = (uint32_t)len - head_len};
    uint8_t *head = ring_reserve(&w->pkt_in, head_len);

    cr_assert(head != NULL);
    for (size_t i = 0; i < head_len; i++) {
        head[i] = (uint8_t)i;
    }
    if (r.tail_len > 0) {
        uint8_t *tail = arena_chunk_data(&w->arena, 0);

        for (size_t i = 0; i < r.tail_len; i++) {
            tail[i] = (uint8_t)(head_len + i);
        }
        r.tail_off = arena_offset(&w->arena, tail);
    }
    ring_commit(&w->pkt_in, &r);
    ring_publish(&w->pkt_in);
    return w->seq;
}

/* The next record of a ring, after pumping for it. */
static inline bool world_take(struct world *w, struct ring_rx *rx, struct record *r, uint8_t *bytes)
{
    uint64_t end = loop_now_ns() + WORLD_WAIT_NS;
    const uint8_t *head;

    while (!ring_peek(rx, r, &head)) {
        if (loop_now_ns() > end) {
            return false;
        }
        world_pump(w);
    }
    if (bytes) {
        memcpy(bytes, head, r->head_len);
    }
    ring_next(rx);
    ring_release(rx);
    return true;
}

static inline struct record world_verdict(struct world *w)
{
    struct record r = {0};

    cr_assert(world_take(w, &w->pkt_out, &r, NULL), "no record on PKT_OUT");
    return r;
}

/* ---- the pretend router -------------------------------------------------------------------- */
static inline void world_session(struct world *w, const char *vhost, enum session_state state)
{
    struct session_row s = {.state = state, .start = 1};

    snprintf(s.vhost, sizeof s.vhost, "%s", vhost);
    board_put(&w->session, 0, &s);
    board_publish(&w->session);
    world_pump(w);
}

static inline struct lease_row world_lease(struct world *w, unsigned row)
{
    struct lease_row l = {0};

    cr_assert(board_get(&w->leases, row, &l));
    return l;
}

static inline struct interface_row world_interface(struct world *w, unsigned row)
{
    struct interface_row r = {0};

    cr_assert(board_get(&w->interfaces, row, &r));
    return r;
}

/* ---- a VNS client -------------------------------------------------------------------------- */
static inline int vns_connect(struct world *w)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((in_port_t)listen_port(&w->b.listener)),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    cr_assert(eq(int, connect(fd, (struct sockaddr *)(void *)&a, sizeof a), 0));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    world_pump_n(w, 2);
    return fd;
}

/* Exactly 'len' bytes, pumping for them.  False: the end, or too late. */
static inline bool vns_read(struct world *w, int fd, void *to, size_t len)
{
    uint64_t end = loop_now_ns() + WORLD_WAIT_NS;
    size_t have = 0;

    while (have < len && loop_now_ns() < end) {
        ssize_t n = recv(fd, (uint8_t *)to + have, len - have, MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            return false;
        }
        have += n > 0 ? (size_t)n : 0;
        if (n < 0) {
            world_pump(w);
        }
    }
    return have == len;
}

/* One whole message; returns its type, 0 at the end of the connection. */
static inline uint32_t vns_next(struct world *w, int fd, uint8_t *message, size_t *len)
{
    struct wire_in in = {message, message + 8, false};
    struct vns_header h;

    if (!vns_read(w, fd, message, 8)) {
        return 0;
    }
    vns_header_get(&in, &h);
    cr_assert(h.length >= 8 && h.length <= VNS_CLIENT_MAX, "length %u", h.length);
    cr_assert(vns_read(w, fd, message + 8, h.length - 8));
    *len = h.length;
    return h.type;
}

#define vns_expect(w, fd, wanted)                                                                  \
    do {                                                                                           \
        uint8_t expect_m[VNS_CLIENT_MAX];                                                          \
        size_t expect_len = 0;                                                                     \
        uint32_t expect_t = vns_next((w), (fd), expect_m, &expect_len);                            \
        cr_assert(eq(u32, expect_t, (uint32_t)(wanted)), "%s", (const char *)expect_m + 8);        \
    } while (0)

/* The reason of the VNSCLOSE that must come next (after any banners). */
static inline const char *vns_reason(struct world *w, int fd)
{
    static uint8_t m[VNS_CLIENT_MAX + 1];
    size_t len = 0;
    uint32_t type;

    do {
        type = vns_next(w, fd, m, &len);
    } while (type == VNS_BANNER || type == VNS_PACKET);
    cr_assert(eq(u32, type, VNS_CLOSE));
    cr_assert(eq(sz, len, 264));
    return (const char *)m + 8;
}

static inline void vns_send(struct world *w, int fd, const void *bytes, size_t len)
{
    cr_assert(eq(int, (int)send(fd, bytes, len, MSG_NOSIGNAL), (int)len));
    world_pump_n(w, 2);
}

static inline void vns_send_open(struct world *w, int fd, const char *vhost)
{
    struct vns_open o = {0};
    uint8_t m[108];
    struct wire_out out = {m, m + sizeof m, false};

    vns_text_fill(o.vhost, sizeof o.vhost, vhost);
    vns_text_fill(o.user, sizeof o.user, "joe");
    vns_begin(&out, VNS_OPEN);
    vns_open_put(&out, &o);
    vns_send(w, fd, m, vns_end(&out, m));
}

/* Takes AUTH_REQUEST and answers with SHA1(salt || key). */
static inline void vns_authenticate(struct world *w, int fd, const char *key)
{
    uint8_t m[VNS_CLIENT_MAX], hash[VNS_HASH_LEN], padded[VNS_KEY_LEN] = {0};
    size_t len = 0;

    cr_assert(eq(u32, vns_next(w, fd, m, &len), VNS_AUTH_REQUEST));
    memcpy(padded, key, strnlen(key, sizeof padded));
    cr_assert(eq(int, vns_auth_hash(hash, m + 8, len - 8, padded), 0));
    len = vns_auth_reply_message(m, sizeof m, "joe", hash);
    vns_send(w, fd, m, len);
}

/* A client that has opened 'vhost' and taken its one banner. */
static inline int vns_client(struct world *w, const char *vhost)
{
    int fd = vns_connect(w);

    vns_authenticate(w, fd, "");
    vns_expect(w, fd, VNS_AUTH_STATUS);
    vns_send_open(w, fd, vhost);
    vns_expect(w, fd, VNS_BANNER);
    return fd;
}

static inline int vns_ready_client(struct world *w, const char *vhost)
{
    int fd = vns_client(w, vhost);

    vns_expect(w, fd, VNS_HWINFO);
    return fd;
}

static inline void vns_send_frame(struct world *w, int fd, const char *interface, size_t len)
{
    uint8_t m[70000] = {0};

    vns_packet_header(m, interface, len);
    vns_send(w, fd, m, VNS_PACKET_HEADER + len);
}

#endif
