/* ctl/bench_switch.c */
#include "ctl/bench_switch.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/proto/of10.h"
#include "common/proto/of13.h"
#include "common/proto/pkt.h"
#include "ctl/bench.h"

#define BODY 2048 /* bytes of the longest answer of ours */

void bench_switch_port_mac(const struct bench_switch *s, unsigned port, uint8_t mac[6])
{
    memcpy(mac, (const uint8_t[]){2, 0xca, 0xbe, 0, (uint8_t)s->number, (uint8_t)port}, 6);
    mac[3] = (uint8_t)(s->number >> 8);
}

void bench_switch_host_mac(const struct bench_switch *s, unsigned port, uint8_t mac[6])
{
    bench_switch_port_mac(s, port, mac);
    mac[1] = 0xee;
}

/* ---- the connection ----------------------------------------------------------------------- */

static void put(struct bench_switch *s, uint8_t type, uint32_t xid, const void *body, size_t len)
{
    uint8_t *to = bench_switch_room(s, OF_HEADER + len);
    struct wire_out out;

    if (!to) {
        return; /* its peer reads nothing; it will end the connection itself */
    }
    out = (struct wire_out){to, to + OF_HEADER + len, false};
    of_header_put(&out, &(struct of_header){s->of13 ? OF13_VERSION : OF10_VERSION, type,
                                            (uint16_t)(OF_HEADER + len), xid});
    wire_put_bytes(&out, body, len);
    bench_switch_put(s, OF_HEADER + len);
}

int bench_switch_open(struct bench_switch *s, const struct endpoint *to, const char *word,
                      char *why, size_t size)
{
    int yes = 1;

    s->in = malloc(BENCH_BUFFER);
    s->out = malloc(BENCH_BUFFER);
    s->fd = socket(to->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!s->in || !s->out || s->fd < 0) {
        snprintf(why, size, "there is no memory or descriptor for switch %u: %s", s->number,
                 strerror(errno));
        return -1;
    }
    if (connect(s->fd, (const struct sockaddr *)&to->addr, to->len) != 0) {
        snprintf(why, size,
                 "nobody answers at %s: %s; start the stack (causeway up), or name its listener "
                 "with --connect",
                 word, strerror(errno));
        return -1;
    }
    if (to->kind == ENDPOINT_TCP) {
        setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
    put(s, OF10_TYPE_HELLO, 1, NULL, 0); /* without a bitmap: its header says the version */
    return 0;
}

void bench_switch_close(struct bench_switch *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    free(s->in);
    free(s->out);
    s->in = s->out = NULL;
    s->fd = -1;
}

uint8_t *bench_switch_room(struct bench_switch *s, size_t len)
{
    if (s->queued + len > BENCH_BUFFER && s->sent > 0) {
        memmove(s->out, s->out + s->sent, s->queued - s->sent);
        s->queued -= s->sent;
        s->sent = 0;
    }
    return s->queued + len <= BENCH_BUFFER ? s->out + s->queued : NULL;
}

bool bench_switch_flush(struct bench_switch *s)
{
    while (s->sent < s->queued) {
        ssize_t n = send(s->fd, s->out + s->sent, s->queued - s->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        s->blocked = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        if (n < 0) {
            return s->blocked;
        }
        s->sent += (size_t)n;
    }
    s->sent = s->queued = 0;
    s->blocked = false;
    return true;
}

/* ---- frames of hosts ---------------------------------------------------------------------- */

void bench_switch_frame_in(struct bench_switch *s, unsigned port, const uint8_t *frame, size_t len)
{
    uint8_t body[BODY];
    struct wire_out out = {body, body + sizeof body, false};

    bench_put_packet_in(&out, s->of13, port, len);
    wire_put_bytes(&out, frame, len);
    put(s, OF10_TYPE_PACKET_IN, 0, body, (size_t)(out.p - body));
}

void bench_switch_arp(struct bench_switch *s, unsigned port, const uint8_t *frame, size_t len)
{
    const struct pkt_arp_wire *q = (const void *)(frame + PKT_ETH_LEN);
    uint8_t answer[BENCH_ARP] = {0};
    struct pkt_eth_wire *eth = (void *)answer;
    struct pkt_arp_wire *a = (void *)(answer + PKT_ETH_LEN);

    if (port < 1 || port > BENCH_PORTS || len < PKT_ETH_LEN + PKT_ARP_LEN ||
        pkt_get16(frame + 12) != PKT_TYPE_ARP || pkt_get16(q->op) != PKT_ARP_REQUEST ||
        memcmp(q->spa, q->tpa, 4) == 0) {
        return;
    }
    memcpy(answer + PKT_ETH_LEN, q, PKT_ARP_LEN);
    memcpy(eth->dst, q->sha, 6);
    bench_switch_host_mac(s, port, eth->src);
    pkt_put16(eth->type, PKT_TYPE_ARP);
    pkt_put16(a->op, PKT_ARP_REPLY);
    memcpy(a->tha, q->sha, 6);
    memcpy(a->tpa, q->spa, 4);
    memcpy(a->sha, eth->src, 6);
    memcpy(a->spa, q->tpa, 4);
    bench_switch_frame_in(s, port, answer, sizeof answer);
}

/* ---- the handshake ------------------------------------------------------------------------ */

static void put_port(struct wire_out *out, const struct bench_switch *s, unsigned number)
{
    struct of13_port p13 = {.port_no = number, .curr_speed = 10000000};
    struct of10_phy_port p10 = {.port_no = (uint16_t)number, .curr = 1 << 6};

    bench_switch_port_mac(s, number, p13.hw_addr);
    memcpy(p10.hw_addr, p13.hw_addr, 6);
    snprintf((char *)p13.name, sizeof p13.name, "bench%u-eth%u", s->number % 10000, number % 10);
    memcpy(p10.name, p13.name, sizeof p10.name);
    if (s->of13) {
        of13_port_put(out, &p13);
    } else {
        of10_phy_port_put(out, &p10);
    }
}

static void put_features(struct bench_switch *s, uint32_t xid)
{
    uint8_t body[BODY];
    struct wire_out out = {body, body + sizeof body, false};

    if (s->of13) {
        of13_switch_features_put(
            &out, &(struct of13_switch_features){.datapath_id = s->dpid, .n_tables = 1});
    } else {
        of10_switch_features_put(
            &out, &(struct of10_switch_features){.datapath_id = s->dpid, .n_tables = 1});
        for (unsigned i = 1; i <= BENCH_PORTS; i++) {
            put_port(&out, s, i);
        }
    }
    put(s, OF10_TYPE_FEATURES_REPLY, xid, body, (size_t)(out.p - body));
    s->featured = true;
    s->featured_ns = loop_now_ns();
}

/* A description; in 1.3 also the ports; no flows, plain ones or Nicira's. */
static void put_statistics(struct bench_switch *s, uint32_t xid, const uint8_t *request, size_t len)
{
    uint8_t body[BODY] = {0};
    size_t head = s->of13 ? 8 : 4;
    struct wire_out out = {body + head, body + sizeof body, false};
    unsigned type = len >= head ? pkt_get16(request) : 0;

    if (len < head) {
        return;
    }
    memcpy(body, request, head);
    if (type == OF10_STATS_DESC) {
        of10_desc_stats_put(
            &out, &(struct of10_desc_stats){.mfr_desc = "Causeway", .hw_desc = "causeway bench"});
    } else if (s->of13 && type == OF13_MULTIPART_PORT_DESC) {
        for (unsigned i = 1; i <= BENCH_PORTS; i++) {
            put_port(&out, s, i);
        }
    } else if (type == 0xffff && len >= head + 12) {
        wire_put_bytes(&out, request + head, 12);
    }
    put(s, s->of13 ? OF13_TYPE_MULTIPART_REPLY : OF10_TYPE_STATS_REPLY, xid, body,
        (size_t)(out.p - body));
}

static void on_error(struct bench_switch *s, const uint8_t *m, size_t len)
{
    if (s->errors++ == 0) {
        of_print(s->of13 ? &of13 : &of10, m, len, s->error, sizeof s->error);
    }
}

static void on_message(struct bench_switch *s, const uint8_t *m, const struct of_header *h)
{
    const uint8_t *body = m + OF_HEADER;
    size_t len = h->length - (size_t)OF_HEADER;

    if (h->type == (s->of13 ? OF13_TYPE_MULTIPART_REQUEST : OF10_TYPE_STATS_REQUEST)) {
        put_statistics(s, h->xid, body, len);
    } else if (h->type == (s->of13 ? OF13_TYPE_BARRIER_REQUEST : OF10_TYPE_BARRIER_REQUEST)) {
        put(s, h->type + 1, h->xid, NULL, 0);
        s->ready = true;
    } else if (s->of13 && h->type == OF13_TYPE_ROLE_REQUEST) {
        put(s, OF13_TYPE_ROLE_REPLY, h->xid, body, len);
    } else if (h->type == OF10_TYPE_FEATURES_REQUEST) {
        put_features(s, h->xid);
    } else if (h->type == OF10_TYPE_GET_CONFIG_REQUEST) {
        put(s, OF10_TYPE_GET_CONFIG_REPLY, h->xid, "\0\0\xff\xff", 4);
    } else if (h->type == OF10_TYPE_ECHO_REQUEST) {
        put(s, OF10_TYPE_ECHO_REPLY, h->xid, body, len);
    } else if (h->type == OF10_TYPE_ERROR) {
        on_error(s, m, h->length);
    }
}

/* Handles the whole messages in 'in'.  Returns how many, or -1: what came is no OpenFlow. */
static int take(struct bench_switch *s, bench_switch_frame *frame, void *context)
{
    size_t at = 0;
    int n = 0;

    while (s->have - at >= OF_HEADER) {
        struct of_header h = of_header_at(s->in + at);

        if (h.length < OF_HEADER) {
            return -1;
        }
        if (h.length > s->have - at) {
            break;
        }
        if (h.type == OF10_TYPE_PACKET_OUT) {
            frame(context, s, s->in + at, h.length);
        } else {
            on_message(s, s->in + at, &h);
        }
        at += h.length;
        n++;
    }
    memmove(s->in, s->in + at, s->have - at);
    s->have -= at;
    return n;
}

int bench_switch_read(struct bench_switch *s, uint64_t *now_ns, bench_switch_frame *frame,
                      void *context, char *why, size_t size)
{
    ssize_t n = recv(s->fd, s->in + s->have, BENCH_BUFFER - s->have, MSG_DONTWAIT);
    int taken = 0;

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return 0;
    }
    if (n > 0) {
        *now_ns = loop_now_ns();
        s->have += (size_t)n;
        taken = take(s, frame, context);
    }
    if (n <= 0 || taken < 0) {
        snprintf(why, size, "the connection of switch %u ended: %s%s%s", s->number,
                 n < 0    ? strerror(errno)
                 : n == 0 ? "closed by its peer"
                          : "it speaks no OpenFlow",
                 s->errors ? "; it had said " : "", s->errors ? s->error : "");
        return -1;
    }
    return taken > 0 ? taken : 1;
}
