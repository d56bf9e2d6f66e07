/* ctl/bench_frame.h - the frames of a benchmark: made from a template, and held against it when
 * they come back.
 *
 *     bench_stream_open(&s, &shape);                once; the rest allocates nothing
 *     to += bench_fill(&s, to, seq);                a whole PACKET_IN
 *     fault = bench_check(&s, message, len, &seq);  a whole PACKET_OUT
 *
 * A frame is UDP over IPv4.  Its payload tells the stream, the frame's number, and a pattern of
 * that number to the end, so that a tail that belongs to another frame is found.  All bytes that
 * come back are looked at: first against what they should be, as a whole, and only where that
 * differs field by field, for the reason.  A checksum that is written in the other of its two forms
 * is right. */
#ifndef CTL_BENCH_FRAME_H
#define CTL_BENCH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/proto/of13.h"
#include "common/proto/pkt.h"

#define BENCH_SENT_TTL 64
#define BENCH_SHORTEST 60 /* bytes of a frame, without the checksum that no switch sends along */
#define BENCH_LONGEST 1514
#define BENCH_HEADERS (PKT_ETH_LEN + PKT_IP_LEN + PKT_UDP_LEN)
#define BENCH_ID_AT BENCH_HEADERS         /* which stream */
#define BENCH_NUMBER_AT (BENCH_ID_AT + 4) /* big-endian, 8 bytes */
#define BENCH_PATTERN_AT (BENCH_NUMBER_AT + 8)
#define BENCH_PATTERN 8192 /* bytes of pattern that frames are cut from */

enum bench_fault {
    BENCH_GOOD,
#define B(NAME, name, text) BENCH_##NAME,
#include "ctl/bench_faults.def"
#undef B
    BENCH_FAULTS,
    BENCH_OTHER = BENCH_FAULTS /* not one of the stream's: ARP, ICMP, of another run */
};
const char *bench_fault_name(enum bench_fault f);
const char *bench_fault_text(enum bench_fault f);

/* What a stream's frames are like. */
struct bench_shape {
    bool of13;
    bool same;                       /* a switch, not a router: they come back as they were sent */
    unsigned size;                   /* bytes of a frame */
    unsigned in_port, port;          /* the port they come in by, and must leave by; port 0: any */
    uint32_t src, dst;               /* addresses; of the first destination */
    uint32_t destinations;           /* how many, from 'dst' on; taken in a scattered order */
    uint8_t host_mac[6], in_mac[6];  /* the sender's, and the router's where they come in */
    uint8_t out_mac[6], next_mac[6]; /* the router's where they leave, and the next hop's */
};

struct bench_stream {
    struct bench_shape shape;
    uint32_t id;
    unsigned head_len;      /* of what stands before the frame */
    uint32_t sum, back_sum; /* of the IP headers, without checksum and destination */
    uint8_t
        head[OF13_PACKET_OUT_HEAD + 16 + BENCH_HEADERS]; /* PACKET_IN up to the frame's payload */
    uint8_t back[BENCH_HEADERS]; /* as the frame's headers must be when it returns */
};

void bench_stream_open(struct bench_stream *s, const struct bench_shape *shape);
/* Frames of another id are not the stream's; a new one leaves behind what is still under way. */
static inline void bench_stream_id(struct bench_stream *s, uint32_t id)
{
    s->id = id;
}
/* Bytes of each message that bench_fill makes. */
static inline size_t bench_message(const struct bench_stream *s)
{
    return s->head_len + s->shape.size;
}
size_t bench_fill(const struct bench_stream *s, uint8_t *to, uint64_t seq);
/* What stands before a frame of 'len' bytes in a PACKET_IN, after the OpenFlow header. */
void bench_put_packet_in(struct wire_out *out, bool v13, unsigned port, size_t len);
/* The frame that a PACKET_OUT carries and the port that it leaves by (0: it leaves by none, or by
 * several).  False: it carries none, or its lengths are wrong. */
bool bench_frame_of(bool v13, const uint8_t *message, size_t len, const uint8_t **frame,
                    size_t *frame_len, uint32_t *port);
/* Looks at a message; 'seq' is set unless BENCH_OTHER. */
enum bench_fault bench_check(const struct bench_stream *s, const uint8_t *message, size_t len,
                             uint64_t *seq);

#endif
