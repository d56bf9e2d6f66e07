/* ctl/bench_switch.h - a switch that `causeway bench` plays: its connection and its handshake.
 *
 *     bench_switch_open(&s, ...)     connects; a sentence says why not
 *     bench_switch_read(&s, ...)     once what the socket has; each PACKET_OUT is handed on
 *     to = bench_switch_room(&s, n)  room for n bytes to send, or NULL: it must drain first
 *     bench_switch_flush(&s)         sends what is queued, as far as the socket takes it
 *
 * It has ports 1 to 3 with names that end in "-eth1" to "-eth3", and behind each of them every host
 * that is asked for by ARP.  It answers what a controller asks at the start, and ECHO_REQUESTs; of
 * the rest it takes no notice.  No call waits. */
#ifndef CTL_BENCH_SWITCH_H
#define CTL_BENCH_SWITCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/endpoint.h"

#define BENCH_PORTS 3
#define BENCH_BUFFER (256u * 1024) /* bytes, each way; more than the longest message twice */

struct bench_switch {
    int fd;
    unsigned number; /* from 0 */
    uint64_t dpid;
    bool of13;
    bool featured, ready; /* told its features; and asked for all that ofproxy asks for */
    bool blocked;         /* the socket was full */
    uint64_t featured_ns;
    size_t have;         /* bytes in 'in' */
    size_t sent, queued; /* of 'out': sent, and to send */
    uint64_t errors;     /* ERRORs that came */
    char error[160];     /* the first of them */
    uint8_t *in, *out;
};

/* What is done with a whole PACKET_OUT. */
typedef void bench_switch_frame(void *context, struct bench_switch *s, const uint8_t *message,
                                size_t len);

/* Returns 0, or -1 with a sentence in 'why'. */
int bench_switch_open(struct bench_switch *s, const struct endpoint *to, const char *word,
                      char *why, size_t size);
void bench_switch_close(struct bench_switch *s);
/* MAC addresses: of a port, as it is announced, and of the hosts behind it. */
void bench_switch_port_mac(const struct bench_switch *s, unsigned port, uint8_t mac[6]);
void bench_switch_host_mac(const struct bench_switch *s, unsigned port, uint8_t mac[6]);

/* Returns the messages handled, 0 when there was nothing to read, or -1 when the connection ended:
 * a sentence in 'why'. */
int bench_switch_read(struct bench_switch *s, uint64_t *now_ns, bench_switch_frame *frame,
                      void *context, char *why, size_t size);
uint8_t *bench_switch_room(struct bench_switch *s, size_t len);
/* What was written to that room. */
static inline void bench_switch_put(struct bench_switch *s, size_t len)
{
    s->queued += len;
}
/* False: the connection ended. */
bool bench_switch_flush(struct bench_switch *s);
/* A host's answer, when 'frame' is an ARP request that leaves by 'port'. */
void bench_switch_arp(struct bench_switch *s, unsigned port, const uint8_t *frame, size_t len);
/* A frame of a host behind 'port' comes in. */
void bench_switch_frame_in(struct bench_switch *s, unsigned port, const uint8_t *frame, size_t len);

#endif
