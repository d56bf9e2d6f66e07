/* tests/unit/ofproxy_rig.h - an ofproxy in a run directory of its own, with the test as its
 * switches (socket pairs) and as its vnsbridge (the other ends of the rings).
 *
 * The switches speak RIG_VERSION, 1.0 or 1.3: what is the same in both is tested in both, by a file
 * that defines it as 4 and includes the other. */
#ifndef TESTS_UNIT_OFPROXY_RIG_H
#define TESTS_UNIT_OFPROXY_RIG_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/config.h"
#include "common/counter.h"
#include "common/log.h"
#include "common/proto/of10.h"
#include "common/proto/pkt.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"
#include "ofproxy/packet_in.h"
#include "tests/unit/accounts.h"

#ifndef RIG_VERSION
#define RIG_VERSION OF10_VERSION
#endif
#if RIG_VERSION == OF10_VERSION
enum { RIG_BARRIER_REQUEST = 18, RIG_STATS_REQUEST = 16, RIG_STATS_HEAD = 4 };
enum { RIG_OUT = OF10_PACKET_OUT_HEAD, RIG_RELEASE = OF10_RELEASE, RIG_IN = 18 };
enum { RIG_PORT = 48, RIG_PORT_AT = 20 }; /* bytes of a port; where a PACKET_OUT has its number */
#else
enum { RIG_BARRIER_REQUEST = 20, RIG_STATS_REQUEST = 18, RIG_STATS_HEAD = 8 };
enum { RIG_OUT = OF13_PACKET_OUT_HEAD, RIG_RELEASE = OF13_RELEASE, RIG_IN = 42 };
enum { RIG_PORT = 64, RIG_PORT_AT = 30 }; /* the lower half of its number */
#endif
enum { RIG_BARRIER_REPLY = RIG_BARRIER_REQUEST + 1, RIG_STATS_REPLY = RIG_STATS_REQUEST + 1 };

#ifndef RIG_DIR
#define RIG_DIR "/tmp"
#endif

struct rig {
    struct ofproxy *p;
    struct config config;
    struct topo bridge;
    struct ring_rx pkt_in;
    struct ring_tx pkt_out;
    struct board_reader ports;
    struct board_writer interfaces;
    struct arena arena;
    char dir[64];
};

static struct ofproxy rig_proxy;

/* Makes the 'len' bytes at 'frame' one of class 'k' (for a stack with no interfaces: LOCAL is left
 * to the test, which has to give the address). */
#define RIG_ROUTER_IP 0xc0a80201u
static inline void rig_kind(uint8_t *frame, size_t len, enum ingress_class k)
{
    static const uint16_t types[CLASSES] = {PKT_TYPE_LLDP, PKT_TYPE_ARP, PKT_TYPE_IP, PKT_TYPE_IP,
                                            0x88b5};

    memset(frame, 0, len < 34 ? len : 34);
    memcpy(frame, (const uint8_t[]){2, 0, 0, 0, 0, 0xfe}, 6);
    memcpy(frame + 6, (const uint8_t[]){2, 0, 0, 0, 0, 1}, 6);
    pkt_put16(frame + 12, types[k]);
    if (types[k] == PKT_TYPE_IP) {
        frame[14] = 0x45;
        pkt_put32(frame + 30, k == CLASS_LOCAL ? RIG_ROUTER_IP : 0x0a000164);
    }
}

/* Puts the address that rig_kind uses on the interfaces board, as vnsbridge would. */
static inline void rig_interfaces(struct rig *r)
{
    struct interface_row row = {.vhost = "vrhost", .name = "eth1", .ip = RIG_ROUTER_IP};

    board_put(&r->interfaces, 0, &row);
    board_publish(&r->interfaces);
    ingress_look(&r->p->ingress);
}

static inline void rig_set(struct rig *r, enum config_key key, const char *value)
{
    free(r->config.value[key]);
    r->config.value[key] = strdup(value);
    cr_assert_not_null(r->config.value[key]);
}

static inline void rig_start(struct rig *r)
{
    r->p = &rig_proxy;
    ofproxy_open(r->p, &r->config, r->dir);
}

static inline void rig_open(struct rig *r)
{
    memset(r, 0, sizeof *r);
    log_set_level(LOG_ERROR);
    snprintf(r->dir, sizeof r->dir, "%s/cw-unit-XXXXXX", RIG_DIR);
    cr_assert(mkdtemp(r->dir));
    config_defaults(&r->config);
    rig_set(r, CONFIG_OFPROXY_METERING, "off"); /* a test sends faster than any network */
    rig_start(r);
    topo_open(&r->bridge, r->dir, TOPO_VNSBRIDGE);
    topo_rx(&r->bridge, &r->pkt_in, TOPO_PKT_IN);
    topo_tx(&r->bridge, &r->pkt_out, TOPO_PKT_OUT);
    topo_board_reader(&r->bridge, &r->ports, TOPO_PORTS);
    topo_board_writer(&r->bridge, &r->interfaces, TOPO_INTERFACES);
    topo_arena(&r->bridge, &r->arena);
    rig_interfaces(r);
}

static inline void rig_close(struct rig *r)
{
    char command[128];

    ofproxy_close(r->p);
    ring_rx_leave(&r->pkt_in);
    ring_tx_leave(&r->pkt_out);
    board_read_leave(&r->ports);
    board_write_leave(&r->interfaces);
    arena_leave(&r->arena);
    topo_close(&r->bridge);
    config_free(&r->config);
    snprintf(command, sizeof command, "rm -rf %s", r->dir);
    cr_assert(system(command) == 0);
}

/* A turn that does not sleep. */
static inline void rig_turn(struct rig *r)
{
    send_packet_out(r->p);
    loop_poll(&r->p->loop, 0);
    send_packet_out(r->p);
}

/* A connection to the ofproxy; returns the switch's end. */
static inline int rig_connect(struct rig *r)
{
    int ends[2];

    cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    cr_assert(conn_open(r->p, ends[0], "test"));
    return ends[1];
}

/* Writes all, turning the ofproxy meanwhile. */
static inline void rig_write(struct rig *r, int fd, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EPIPE) {
            return; /* refused already */
        }
        cr_assert(n > 0 || errno == EAGAIN, "send: %s", strerror(errno));
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
        rig_turn(r);
    }
    rig_turn(r);
}

/* Fills 'len' bytes.  False: the end came first, or nothing more for two seconds. */
static inline bool rig_read(struct rig *r, int fd, void *bytes, size_t len)
{
    uint64_t end = loop_now_ns() + 2000000000ull;
    uint8_t *at = bytes;

    while (len > 0 && loop_now_ns() < end) {
        ssize_t n = recv(fd, at, len, 0);

        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            return false;
        }
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
        rig_turn(r);
    }
    return len == 0;
}

/* The next message, whole, into 'bytes' (OF_LONGEST).  Length 0: none came. */
static inline struct of_header rig_message(struct rig *r, int fd, uint8_t *bytes)
{
    struct of_header h;

    if (!rig_read(r, fd, bytes, OF_HEADER)) {
        return (struct of_header){0};
    }
    h = of_header_at(bytes);
    cr_assert(h.length >= OF_HEADER);
    cr_assert(rig_read(r, fd, bytes + OF_HEADER, h.length - (size_t)OF_HEADER));
    return h;
}

/* Takes messages until one of 'type' comes. */
static inline struct of_header rig_await(struct rig *r, int fd, uint8_t type, uint8_t *bytes)
{
    struct of_header h;

    do {
        h = rig_message(r, fd, bytes);
        cr_assert(h.length > 0, "no message of type %u came", type);
    } while (h.type != type);
    return h;
}

/* Has the ofproxy closed the connection (after what is still to be read)? */
static inline bool rig_closed(struct rig *r, int fd)
{
    uint64_t end = loop_now_ns() + 2000000000ull;
    uint8_t sink[4096];

    while (loop_now_ns() < end) {
        ssize_t n = recv(fd, sink, sizeof sink, 0);

        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            return true;
        }
        rig_turn(r);
    }
    return false;
}

static inline size_t rig_put(uint8_t *bytes, uint8_t type, uint32_t xid, const void *body,
                             size_t len)
{
    struct wire_out out = {bytes, bytes + OF_HEADER + len, false};

    of_header_put(&out, &(struct of_header){RIG_VERSION, type, (uint16_t)(OF_HEADER + len), xid});
    wire_put_bytes(&out, body, len);
    return OF_HEADER + len;
}

static inline void rig_send(struct rig *r, int fd, uint8_t type, uint32_t xid, const void *body,
                            size_t len)
{
    static uint8_t bytes[OF_LONGEST];

    rig_write(r, fd, bytes, rig_put(bytes, type, xid, body, len));
}

static inline struct of10_phy_port rig_port(unsigned number)
{
    struct of10_phy_port port = {.port_no = (uint16_t)number, .curr = 1 << 5};

    port.hw_addr[0] = 2;
    port.hw_addr[5] = (uint8_t)number;
    snprintf((char *)port.name, sizeof port.name, "sw0-eth%u", number % 1000);
    return port;
}

/* As the version writes it; reserved numbers are those of 1.0. */
static inline void rig_put_port(struct wire_out *out, const struct of10_phy_port *port)
{
    struct of13_port to = {.port_no = port->port_no, .config = port->config, .state = port->state};

    if (RIG_VERSION == OF10_VERSION) {
        of10_phy_port_put(out, port);
        return;
    }
    to.port_no |= port->port_no >= OF10_PORT_MAX ? 0xffff0000u : 0;
    to.curr = port->curr;
    to.curr_speed = 1000000;
    memcpy(to.hw_addr, port->hw_addr, sizeof to.hw_addr);
    memcpy(to.name, port->name, sizeof to.name);
    of13_port_put(out, &to);
}

static inline size_t rig_put_ports(uint8_t *body, unsigned ports)
{
    struct wire_out out = {body, body + ports * RIG_PORT, false};

    for (unsigned i = 1; i <= ports; i++) {
        struct of10_phy_port port = rig_port(i);

        rig_put_port(&out, &port);
    }
    cr_assert(!(out.bad));
    return (size_t)(out.p - body);
}

/* The ports are a part of it in 1.0. */
static inline size_t rig_features(uint8_t *body, uint64_t dpid, unsigned ports)
{
    struct wire_out out = {body, body + 24, false};

    of10_switch_features_put(&out,
                             &(struct of10_switch_features){.datapath_id = dpid, .n_tables = 1});
    return RIG_VERSION == OF10_VERSION ? 24 + rig_put_ports(body + 24, ports) : 24;
}

/* Answers a request for statistics: no flows, and those ports. */
static inline void rig_stats(struct rig *r, int fd, const uint8_t *request, unsigned ports)
{
    static uint8_t reply[OF_LONGEST];
    unsigned type = (unsigned)(request[8] << 8 | request[9]);
    size_t len = RIG_STATS_HEAD;

    memcpy(reply, request + OF_HEADER, RIG_STATS_HEAD);
    if (type == OF10_STATS_DESC) {
        memset(reply + len, 'd', 1056);
        len += 1056;
    } else if (type == OF13_MULTIPART_PORT_DESC) {
        len += rig_put_ports(reply + len, ports);
    } else if (type == 0xffff) { /* Nicira's, for 1.0 */
        memcpy(reply + len, request + OF_HEADER + len, 12);
        len += 12;
    }
    rig_send(r, fd, RIG_STATS_REPLY, of_header_at(request).xid, reply, len);
}

/* Answers statistics until a message of 'type' comes. */
static inline struct of_header rig_serve(struct rig *r, int fd, uint8_t type, unsigned ports,
                                         uint8_t *bytes)
{
    struct of_header h;

    do {
        h = rig_message(r, fd, bytes);
        cr_assert(h.length > 0, "no message of type %u came", type);
        if (h.type == RIG_STATS_REQUEST && h.type != type) {
            rig_stats(r, fd, bytes, ports);
        }
    } while (h.type != type);
    return h;
}

/* The handshake from FEATURES_REQUEST on. */
static inline void rig_set_up(struct rig *r, int fd, uint64_t dpid, unsigned ports)
{
    static uint8_t bytes[OF_LONGEST], body[OF_LONGEST];
    struct of_header h = rig_await(r, fd, OF10_TYPE_FEATURES_REQUEST, bytes);

    rig_send(r, fd, OF10_TYPE_FEATURES_REPLY, h.xid, body, rig_features(body, dpid, ports));
    h = rig_serve(r, fd, RIG_BARRIER_REQUEST, ports, bytes);
    rig_send(r, fd, RIG_BARRIER_REPLY, h.xid, NULL, 0);
    rig_await(r, fd, RIG_STATS_REQUEST, bytes); /* the sweep */
    rig_stats(r, fd, bytes, ports);
}

static inline void rig_hello(struct rig *r, int fd)
{
    static const uint8_t bitmap[8] = {0, 1, 0, 8, 0, 0, 0, 1 << RIG_VERSION};

    rig_send(r, fd, OF10_TYPE_HELLO, 1, bitmap, RIG_VERSION == OF10_VERSION ? 0 : sizeof bitmap);
}

/* The whole handshake on a connection. */
static inline void rig_shake(struct rig *r, int fd, uint64_t dpid, unsigned ports)
{
    rig_hello(r, fd);
    rig_set_up(r, fd, dpid, ports);
}

static inline int rig_switch(struct rig *r, uint64_t dpid, unsigned ports)
{
    int fd = rig_connect(r);

    rig_shake(r, fd, dpid, ports);
    cr_assert(conn_find(r->p, dpid));
    cr_assert_eq(conn_find(r->p, dpid)->state, CONN_READY);
    return fd;
}

/* A PACKET_IN with a frame of 'len' bytes that start at 'fill'.  Returns its length. */
static inline size_t rig_packet_in(uint8_t *bytes, unsigned port, uint32_t buffer, size_t len,
                                   size_t there, uint8_t fill)
{
    uint8_t body[OF_LONGEST];
    struct wire_out out = {body, body + sizeof body, false};

    if (RIG_VERSION == OF10_VERSION) {
        of10_packet_in_put(&out,
                           &(struct of10_packet_in){buffer, (uint16_t)len, (uint16_t)port, 0});
    } else {
        of13_packet_in_put(
            &out, &(struct of13_packet_in){.buffer_id = buffer, .total_len = (uint16_t)len});
        of13_match_put(&out, &(struct of13_match){OF13_MATCH_TYPE_OXM, 12});
        wire_put_bytes(&out,
                       (const uint8_t[]){0x80, 0, 0, 4, 0, 0, (uint8_t)(port >> 8), (uint8_t)port,
                                         0, 0, 0, 0, 0, 0},
                       14);
    }
    for (size_t i = 0; i < there; i++) {
        out.p[i] = (uint8_t)(fill + i * 7);
    }
    return rig_put(bytes, OF10_TYPE_PACKET_IN, 0, body, RIG_IN - OF_HEADER + there);
}

/* Every account of ofproxy holds, and what is in flight is what the arena says. */
static inline void rig_adds_up(const struct rig *r)
{
    struct counter_snapshot s;

    cr_assert_eq(account_read(r->dir, COUNTER_OF_OFPROXY, &s), 0);
    cr_expect(accounts_hold_in(&s, COUNTER_OF_OFPROXY));
    cr_expect_eq(counter_snapshot_get(&s, OFPROXY_IN_FLIGHT), arena_in_flight(&r->p->arena));
}

#endif
