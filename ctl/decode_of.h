/* ctl/decode_of.h - `causeway decode`: what its files share.
 *
 *     decode_of.c      the words, and the order of things
 *     decode_input.c   bytes out of hex, of a hexdump, of a binary file
 *     decode_pcap.c    TCP segments out of a pcap or pcapng file
 *     decode_tcp.c     segments into streams, in order, gaps named
 *     decode_cut.c     messages out of a stream
 *     decode_say.c     a message as a line, as all its fields, as JSON */
#ifndef CTL_DECODE_OF_H
#define CTL_DECODE_OF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/ctl.h"

#define DECODE_INPUT_MAX (1u << 30) /* bytes of a file */
#define DECODE_MESSAGE 65536        /* of the longest message, of OpenFlow or VNS */
#define DECODE_VNS_PORT 8888

enum decode_protocol { DECODE_UNKNOWN, DECODE_OPENFLOW, DECODE_VNS };

struct decode {
    const struct ctl *c;
    bool verbose, json, frame, roundtrip, hex, vns;
    unsigned port; /* --port: one more of OpenFlow; 0: none */

    /* what has been seen, for the exit status and the last sentence */
    uint64_t messages, wrong, gaps, strangers; /* strangers: TCP streams of something else */

    /* scratch of decode_say.c */
    char *line;
    size_t line_size;
    uint8_t *memory, *copy;
};

/* Where a message was found. */
struct decode_place {
    enum decode_protocol protocol;
    uint64_t offset;    /* from the start of its stream, or of its line */
    uint64_t line;      /* of a text, from 1; 0: none */
    uint64_t time_ns;   /* since 1970; 0: unknown */
    const char *stream; /* "127.0.0.1:6653 > 127.0.0.1:41234", or NULL */
};

/* Makes and frees the scratch.  Returns false when memory is short. */
bool decode_open(struct decode *d);
void decode_close(struct decode *d);

/* Says a whole message; counts it. */
void decode_say(struct decode *d, const struct decode_place *at, const uint8_t *bytes, size_t len);
/* Says what is wrong with bytes that are no message; counts it. */
void decode_say_wrong(struct decode *d, const struct decode_place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Says that bytes are missing in a stream. */
void decode_say_gap(struct decode *d, const struct decode_place *at, uint64_t bytes);

/* The protocol that a stream's first bytes look like (at least 8 are there). */
enum decode_protocol decode_look(const uint8_t *bytes, size_t len);
/* The length of the message at 'p': 0 while fewer bytes than its header are there, -1 if no message
 * can be so long, with why. */
long decode_length(enum decode_protocol protocol, const uint8_t *p, size_t len, char *why,
                   size_t size);
/* Says every message of bytes that are all there is; what is left at the end is wrong. */
void decode_cut(struct decode *d, struct decode_place *at, const uint8_t *bytes, size_t len);

/* A text: hex digits, or a hexdump.  0, or a failure that has been said. */
int decode_text(struct decode *d, const char *text, size_t len);
/* Does this look like text? */
bool decode_is_text(const uint8_t *bytes, size_t len);

/* A capture.  Returns 0, or a failure that has been said. */
int decode_pcap(struct decode *d, const uint8_t *file, size_t len);
bool decode_is_pcap(const uint8_t *bytes, size_t len);

/* ---- TCP (decode_tcp.c) ---------------------------------------------------------------------- */
struct decode_segment {
    uint64_t time_ns;
    uint8_t from[16], to[16]; /* addresses; of IPv4 the first four bytes, then zeros */
    bool v6;
    uint16_t from_port, to_port;
    uint32_t seq;
    bool syn, fin;
    const uint8_t *bytes; /* stay until decode_tcp_close */
    uint32_t len;
};
struct decode_tcp;

struct decode_tcp *decode_tcp_open(struct decode *d);
/* False: no memory. */
bool decode_tcp_segment(struct decode_tcp *t, const struct decode_segment *s);
/* Says what is left, and frees. */
void decode_tcp_close(struct decode_tcp *t);

#endif
