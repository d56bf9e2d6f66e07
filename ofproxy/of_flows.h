/* ofproxy/of_flows.h - the flows that are ours, and the epoch in their cookies.
 *
 *     cookie   0x43617573 eeeeeeee      "Caus", then the epoch of the ofproxy that installed it
 *
 * An epoch is the second since 1970 at which the ofproxy started, but newer than any that it knows
 * of: its predecessor's (a mark in the run directory), and those it finds on a switch.  On each
 * connection the flows are installed (an ADD replaces an equal flow), a barrier is awaited, and
 * then flows with our prefix and another epoch are looked for and deleted strictly, one by one.  So
 * at every moment there is one set of flows or the other; flows with other cookies are never
 * touched.
 *
 * Cookies of releases before this one (0x43617573 65776179) count as ours, of an old epoch. */
#ifndef OFPROXY_OF_FLOWS_H
#define OFPROXY_OF_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/proto/wire.h"

#define FLOWS_PREFIX 0x43617573u /* "Caus" */
#define FLOWS_MASK 0xffffffff00000000ull
#define SWEEP_MOST 256  /* flows deleted before a barrier is awaited again */
#define SWEEP_ROUNDS 64 /* and so often, at most */
#define EPOCHS_MOST 8   /* times that an ofproxy's epoch is raised for a newer one that was found */
#define METER_ID 17249  /* of switch-meter: 0x4361, "Ca" */

struct ofproxy;
struct of_conn;
struct of_answer;

/* A connection's. */
struct of_sweep {
    unsigned deleted, round, rounds; /* in all; in this round; rounds so far */
    bool begun;                      /* it was given our flows, or is */
    bool metered;                    /* the flow that was added last has the meter */
    bool plain;                      /* statistics of 1.0: Nicira's are unknown to the switch */
    bool foreign;                    /* a flow could not be deleted safely, and that was said */
    bool no_meter;                   /* the switch refused meters, and that was said */
};

/* A flow on a switch, as statistics tell it. */
struct of_old_flow {
    uint64_t cookie;
    uint32_t seconds; /* that it has been there */
    uint16_t priority;
    uint8_t table;
    const uint8_t *match; /* as on the wire, with its padding */
    size_t match_len;     /* without */
};

/* At start, once the counters are there: the epoch. */
void flows_open(struct ofproxy *p, unsigned meter_rate);
/* Installs them; session_ready follows when they are in place. */
void flows_install(struct of_conn *c);
/* The connection is ready: looks for old ones. */
void flows_sweep(struct of_conn *c);
/* A flow of the statistics that ask_flows asked for. */
void flows_found(struct of_conn *c, bool look, const struct of_old_flow *f);
/* An answer to ask_flows, or what came instead: reads its flows, behind the first 'head' bytes of
 * each part, by 'one', which returns false where a flow is cut. */
typedef bool flow_reader(struct of_conn *c, struct wire_in *in, bool look);
void flows_read(struct of_conn *c, const struct of_answer *a, bool look, size_t head,
                flow_reader *one);
/* Callbacks of the dialects' set_meter and add_miss_flow (of_ask.h). */
void flows_metered(struct of_conn *c, const struct of_answer *a, void *context);
void flows_added(struct of_conn *c, const struct of_answer *a, void *context);

#endif
