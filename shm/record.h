/* shm/record.h - what travels in a ring: one frame (or its verdict) with its metadata.
 *
 * A frame's bytes are the 'head', inline after this header, then the 'tail', a span of ofproxy's
 * arena that nobody copies.  A frame of up to RECORD_INLINE bytes is all head. */
#ifndef SHM_RECORD_H
#define SHM_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#define RECORD_INLINE 128 /* bytes of a received frame that ofproxy puts into the head */
#define RECORD_HEAD_MAX                                                                            \
    10240 /* longest head: a frame that has no arena (held, or from a VNS client) */
#define RECORD_NO_TICKET UINT32_MAX
#define RECORD_NO_PORT UINT32_MAX

/* In 'flags': ofproxy does not sleep, since frame follows on frame; so let nobody sleep whom the
 * frame passes (wait_told).  Advice: no verdict hangs on it. */
#define RECORD_SOON 1
/* The other bits: the number of the core that ofproxy stands on by choice (shm/affinity.h), from 1;
 * 0: on none, or on one whose number is too large. */
#define RECORD_CPUS 127
#define RECORD_CPU(cpu) ((unsigned)((cpu) + 1) << 1)
#define RECORD_CPU_OF(flags) ((int)((flags) >> 1) - 1)

/* What kind of frame it is, and so what it may take of the stack. */
enum ingress_class {
#define K(NAME, name, share, part, text) CLASS_##NAME,
#include "common/classes.def"
#undef K
    CLASSES
};

enum verdict {
    VERDICT_NONE,      /* on the way up: not decided yet */
    VERDICT_FORWARDED, /* send the bytes to 'port' (no bytes: a VNS client has them) */
    VERDICT_ANSWERED,  /* send the bytes to 'port': an answer made from the frame */
    VERDICT_HELD,      /* copied out; comes later as ORIGINATED, or is expired */
    VERDICT_DROPPED,   /* 'reason' says why */
    VERDICT_ORIGINATED /* a frame of its own: settles nothing, has no ticket */
};

struct record {
    uint32_t size;     /* of the whole record, a multiple of 8; the ring fills it in */
    uint8_t verdict;   /* enum verdict */
    uint8_t reason;    /* enum drop, when VERDICT_DROPPED */
    uint8_t klass;     /* enum ingress_class of the frame */
    uint8_t flags;     /* RECORD_SOON, RECORD_CPU */
    uint64_t src;      /* position in the writer's input ring that this settles there, 0: none */
    uint64_t seq;      /* ofproxy's number for the frame, for its whole journey; 0: originated */
    uint64_t rx_ns;    /* CLOCK_MONOTONIC when the frame, or its cause, was received; 0: unknown */
    uint64_t dpid;     /* PKT_*: datapath the frame came in by, or leaves by; VNS_*: as in PKT_IN */
    uint32_t port;     /* PKT_*: its port number; VNS_*: row of the interfaces board */
    uint32_t ticket;   /* ofproxy's in-flight slot that the verdict frees, or RECORD_NO_TICKET */
    uint64_t tail_off; /* tail: offset in ofproxy's arena */
    uint32_t tail_len; /* and length; 0: all of the frame is in the head */
    uint32_t head_len; /* bytes inline after this header */
    uint64_t hold;     /* serial of the held frame that this record sends; 0: none */
};

/* A frame that has waited longer is dropped unread (DROP_STALE): nobody awaits it any more, and
 * after a minute ofproxy gives it up and uses the memory of its tail again. */
#define RECORD_STALE_NS 30000000000ll

/* 'now': CLOCK_MONOTONIC.  A time in the future, or none, is not stale. */
static inline bool record_stale(const struct record *r, uint64_t now_ns)
{
    return r->rx_ns != 0 && (int64_t)(now_ns - r->rx_ns) > RECORD_STALE_NS;
}

_Static_assert(sizeof(struct record) == 72, "part of the shared-memory ABI");

#endif
