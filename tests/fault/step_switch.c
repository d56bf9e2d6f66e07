/* tests/fault/step_switch.c */
#include "tests/fault/step_switch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/proto/of10.h"

#define BUFFER (64 * 1024)

/* ofproxy listens where no connection of ours can come from: else a connect to a port that is free
 * meets itself, now and then. */
#define OFPROXY_IP 0x7f4d0001u /* 127.77.0.1 */

static struct {
    int fd; /* 0: none */
    struct sockaddr_in to;
    uint8_t in[BUFFER], out[BUFFER];
    size_t have, staged;
} sw;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "step: the switch: %s: %s\n", what, strerror(errno));
    exit(2);
}

void switch_listen(char *words, size_t size)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof sw.to;

    sw.to = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(OFPROXY_IP)};
    if (fd < 0 || bind(fd, (struct sockaddr *)&sw.to, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&sw.to, &len) != 0) {
        fail("no port");
    }
    close(fd);
    snprintf(words, size, "tcp:%u:127.77.0.1", ntohs(sw.to.sin_port));
}

void switch_hang_up(void)
{
    if (sw.fd > 0) {
        close(sw.fd);
    }
    sw.fd = 0;
    sw.have = sw.staged = 0;
}

bool switch_connect(void)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct linger reset = {1, 0};
    int yes = 1;

    if (sw.fd > 0) {
        return true;
    }
    sw.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sw.fd < 0 || bind(sw.fd, (struct sockaddr *)&from, sizeof from) != 0) {
        fail("no socket");
    }
    setsockopt(sw.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(sw.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); /* thousands: no TIME_WAIT */
    if (connect(sw.fd, (struct sockaddr *)&sw.to, sizeof sw.to) != 0) {
        switch_hang_up();
    }
    return false; /* it says HELLO first */
}

void switch_send(void)
{
    if (sw.staged > 0 && send(sw.fd, sw.out, sw.staged, MSG_NOSIGNAL) != (ssize_t)sw.staged) {
        switch_hang_up(); /* ofproxy has died meanwhile */
    }
    sw.staged = 0;
}

static struct wire_out stage(uint8_t type, uint32_t xid, size_t len)
{
    uint8_t *at = sw.out + sw.staged;
    struct wire_out out = {at, at + OF_HEADER + len, false};

    if (sw.staged + OF_HEADER + len > BUFFER) {
        fail("it has too much to say");
    }
    sw.staged += OF_HEADER + len;
    of_header_put(&out, &(struct of_header){1, type, (uint16_t)(OF_HEADER + len), xid});
    return out;
}

void switch_packet_in(unsigned port, const uint8_t *frame, size_t len)
{
    struct wire_out out = stage(OF10_TYPE_PACKET_IN, 0, 10 + len);

    of10_packet_in_put(&out,
                       &(struct of10_packet_in){OF_NO_BUFFER, (uint16_t)len, (uint16_t)port, 0});
    wire_put_bytes(&out, frame, len);
}

static void answer(uint8_t type, uint32_t xid, const void *body, size_t len)
{
    struct wire_out out = stage(type, xid, len);

    wire_put_bytes(&out, body, len);
}

static void tell_features(uint32_t xid)
{
    struct wire_out out = stage(OF10_TYPE_FEATURES_REPLY, xid, 24 + SWITCH_PORTS * 48);

    of10_switch_features_put(
        &out, &(struct of10_switch_features){.datapath_id = SWITCH_DPID, .n_tables = 1});
    for (uint16_t i = 1; i <= SWITCH_PORTS; i++) {
        struct of10_phy_port port = {.port_no = i, .hw_addr = {2, 0, 0, 0, 0, (uint8_t)i}};

        snprintf((char *)port.name, sizeof port.name, "sw0-eth%u", i);
        of10_phy_port_put(&out, &port);
    }
}

static void on_packet_out(const uint8_t *m, size_t len, void (*frame)(const uint8_t *, size_t))
{
    size_t actions = (size_t)m[14] << 8 | m[15], at = OF_HEADER + 8 + actions;

    if (at < len) {
        frame(m + at, len - at);
    }
}

static void on_message(const uint8_t *m, const struct of_header *h,
                       void (*frame)(const uint8_t *, size_t))
{
    static const uint8_t stats[4 + 1056], config[4] = {0, 0, 0xff, 0xff};

    switch (h->type) {
    case OF10_TYPE_HELLO:
        answer(OF10_TYPE_HELLO, h->xid, NULL, 0);
        break;
    case OF10_TYPE_FEATURES_REQUEST:
        tell_features(h->xid);
        break;
    case OF10_TYPE_GET_CONFIG_REQUEST:
        answer(OF10_TYPE_GET_CONFIG_REPLY, h->xid, config, sizeof config);
        break;
    case OF10_TYPE_STATS_REQUEST:
        if (m[OF_HEADER + 1] != OF10_STATS_DESC) { /* no flows: plain ones, or Nicira's */
            answer(OF10_TYPE_STATS_REPLY, h->xid, m + OF_HEADER, m[OF_HEADER] == 0xff ? 16 : 4);
            break;
        }
        answer(OF10_TYPE_STATS_REPLY, h->xid, stats, sizeof stats);
        break;
    case OF10_TYPE_BARRIER_REQUEST:
        answer(OF10_TYPE_BARRIER_REPLY, h->xid, NULL, 0);
        break;
    case OF10_TYPE_ECHO_REQUEST:
        answer(OF10_TYPE_ECHO_REPLY, h->xid, m + OF_HEADER, h->length - (size_t)OF_HEADER);
        break;
    case OF10_TYPE_PACKET_OUT:
        on_packet_out(m, h->length, frame);
        break;
    default:
        break;
    }
}

void switch_take(void (*frame)(const uint8_t *bytes, size_t len))
{
    ssize_t n = sw.fd > 0 ? recv(sw.fd, sw.in + sw.have, BUFFER - sw.have, MSG_DONTWAIT) : -1;
    size_t at = 0;

    if (sw.fd == 0 || (n < 0 && errno == EAGAIN)) {
        return;
    }
    sw.have += n > 0 ? (size_t)n : 0;
    while (sw.have - at >= OF_HEADER) {
        struct of_header h = of_header_at(sw.in + at);

        if (h.length < OF_HEADER || h.length > sw.have - at) {
            break;
        }
        on_message(sw.in + at, &h, frame);
        at += h.length;
    }
    memmove(sw.in, sw.in + at, sw.have - at);
    sw.have -= at;
    if (n <= 0) {
        switch_hang_up();
    } else {
        switch_send();
    }
}
