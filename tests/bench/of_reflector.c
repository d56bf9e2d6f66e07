/* tests/bench/of_reflector.c - a router for one OpenFlow 1.0 switch in one process, with a table
 * that never changes (fixed.h): the floor for any OpenFlow router.
 *
 *     of_reflector PORT [sleep|busy]      listens on 127.0.0.1; one switch after the other
 *
 * One recv takes all that has come, one send answers all of it.  What waits, waits in recv, or
 * (busy) calls it again and again.  It learns the addresses of its ports from the switch's
 * features, and asks by ARP for its one neighbour behind each: 192.168.2.2, 172.64.3.10
 * and 10.0.1.100. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/proto/of10.h"
#include "tests/bench/fixed.h"

#define BUFFER (1u << 20)

static struct fixed table;
static uint8_t in[BUFFER], out[2 * BUFFER];
static size_t have, queued;
static bool busy;

static const uint32_t neighbour[FIXED_PORTS + 1] = {
    0, FIXED_IP(192, 168, 2, 2), FIXED_IP(172, 64, 3, 10), FIXED_IP(10, 0, 1, 100)};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "of_reflector: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* ---- the handshake ------------------------------------------------------------------------ */

static void put(uint8_t type, uint32_t xid, const void *body, size_t len)
{
    struct wire_out to = {out + queued, out + sizeof out, false};

    of_header_put(&to, &(struct of_header){1, type, (uint16_t)(OF_HEADER + len), xid});
    memcpy(to.p, body, len);
    queued += OF_HEADER + len;
}

static void ask_neighbour(unsigned port)
{
    uint8_t *frame = out + queued + OF10_PACKET_OUT_HEAD;
    struct pkt_eth_wire *eth = (void *)frame;
    struct pkt_arp_wire *arp = (void *)(frame + PKT_ETH_LEN);
    size_t len = 60;

    of10_packet_out_head(out + queued, 0, (uint16_t)port, len);
    memset(frame, 0, len);
    memset(eth->dst, 0xff, 6);
    memcpy(eth->src, table.mac[port], 6);
    pkt_put16(eth->type, PKT_TYPE_ARP);
    pkt_put16(arp->htype, 1);
    pkt_put16(arp->ptype, PKT_TYPE_IP);
    arp->hlen[0] = 6;
    arp->plen[0] = 4;
    pkt_put16(arp->op, PKT_ARP_REQUEST);
    memcpy(arp->sha, table.mac[port], 6);
    pkt_put32(arp->spa, neighbour[port] & 0xffffff00);
    arp->spa[3] = 1;
    pkt_put32(arp->tpa, neighbour[port]);
    queued += OF10_PACKET_OUT_HEAD + len;
}

static void on_features(const uint8_t *message, size_t len)
{
    for (size_t at = 32; at + 48 <= len; at += 48) {
        unsigned port = pkt_get16(message + at);

        if (port >= 1 && port <= FIXED_PORTS) {
            memcpy(table.mac[port], message + at + 2, 6);
            ask_neighbour(port);
        }
    }
    put(OF10_TYPE_BARRIER_REQUEST, 3, "", 0);
}

static void on_arp(unsigned port, const uint8_t *frame, size_t len)
{
    const struct pkt_arp_wire *arp = (const void *)(frame + PKT_ETH_LEN);

    if (len >= PKT_ETH_LEN + PKT_ARP_LEN && port >= 1 && port <= FIXED_PORTS &&
        pkt_get16(arp->op) == PKT_ARP_REPLY && pkt_get32(arp->spa) == neighbour[port]) {
        memcpy(table.next_mac[port], arp->sha, 6);
    }
}

/* ---- messages ----------------------------------------------------------------------------- */

static void on_packet_in(const uint8_t *message, size_t len)
{
    unsigned in_port = pkt_get16(message + 14), port;
    uint8_t *frame = out + queued + OF10_PACKET_OUT_HEAD;
    size_t frame_len = len - 18;

    memcpy(frame, message + 18, frame_len);
    port = fixed_forward(&table, in_port, frame, frame_len);
    if (port != 0) {
        of10_packet_out_head(out + queued, 0, (uint16_t)port, frame_len);
        queued += OF10_PACKET_OUT_HEAD + frame_len;
    } else if (frame_len >= PKT_ETH_LEN && pkt_get16(message + 18 + 12) == PKT_TYPE_ARP) {
        on_arp(in_port, message + 18, frame_len);
    }
}

static void on_message(const struct of_header *h, const uint8_t *message)
{
    switch (h->type) {
    case OF10_TYPE_PACKET_IN:
        if (h->length >= 18) {
            on_packet_in(message, h->length);
        }
        break;
    case OF10_TYPE_HELLO:
        put(OF10_TYPE_HELLO, 1, "", 0);
        put(OF10_TYPE_FEATURES_REQUEST, 2, "", 0);
        break;
    case OF10_TYPE_FEATURES_REPLY:
        on_features(message, h->length);
        break;
    case OF10_TYPE_ECHO_REQUEST:
        put(OF10_TYPE_ECHO_REPLY, h->xid, message + OF_HEADER, h->length - (size_t)OF_HEADER);
        break;
    default:
        break;
    }
}

/* Handles the whole messages.  False: what came is no OpenFlow. */
static bool handle(void)
{
    size_t at = 0;

    while (have - at >= OF_HEADER) {
        struct of_header h = of_header_at(in + at);

        if (h.length < OF_HEADER) {
            return false;
        }
        if (h.length > have - at) {
            break;
        }
        on_message(&h, in + at);
        at += h.length;
    }
    memmove(in, in + at, have - at);
    have -= at;
    return true;
}

/* ---- the connection ----------------------------------------------------------------------- */

static bool send_all(int fd)
{
    size_t sent = 0;

    while (sent < queued) {
        ssize_t n = send(fd, out + sent, queued - sent, MSG_NOSIGNAL);

        if (n < 0) {
            return false;
        }
        sent += (size_t)n;
    }
    queued = 0;
    return true;
}

static void serve(int fd)
{
    have = queued = 0;
    fixed_open(&table);
    for (;;) {
        ssize_t n = recv(fd, in + have, sizeof in - have, busy ? MSG_DONTWAIT : 0);

        if (n < 0 && errno == EAGAIN) {
            continue;
        }
        if (n <= 0) {
            return;
        }
        have += (size_t)n;
        if (!handle() || !send_all(fd)) {
            return;
        }
    }
}

static int listen_on(unsigned long port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 4) != 0) {
        fail("cannot listen: is the port taken");
    }
    return fd;
}

int main(int argc, char **argv)
{
    int fd, yes = 1;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: of_reflector PORT [sleep|busy]\n");
        return 2;
    }
    busy = argc == 3 && strcmp(argv[2], "busy") == 0;
    fd = listen_on(strtoul(argv[1], NULL, 10));
    for (;;) {
        int link = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

        if (link < 0) {
            fail("accept");
        }
        setsockopt(link, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        serve(link);
        close(link);
    }
}
