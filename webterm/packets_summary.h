/* webterm/packets_summary.h - a packet at a glance: what a list shows of it, and what a filter
 * asks. */
#ifndef WEBTERM_PACKETS_SUMMARY_H
#define WEBTERM_PACKETS_SUMMARY_H

#include "common/proto/of.h"
#include "shm/mirror.h"
#include "shm/tap.h"
#include "webterm/packets_store.h"

#define SUMMARY_LINE 1400
#define SUMMARY_JSON 2048
#define SUMMARY_INFO 400 /* characters of an info line; what is longer ends in "..." */

struct packet_summary {
    struct packet packet; /* for store_add */
    char line[SUMMARY_LINE], json[SUMMARY_JSON];
    size_t json_len;
};

/* 'n': the number that it will have; 'missed': how many were lost before it. */
void summary_frame(struct packet_summary *s, uint64_t n, enum topo_ring ring,
                   const struct tap_frame *f, uint64_t missed, const struct packet_place *place);
void summary_openflow(struct packet_summary *s, uint64_t n, const struct mirror_record *r,
                      const struct openflow_meta *m);
/* The frame within a message (PACKET_IN, PACKET_OUT), or NULL. */
const struct tree_node *summary_inner(const struct tree *t);
/* The tables of a message's version, or NULL. */
const struct of_version *summary_version(const uint8_t *bytes, size_t len);

#endif
