/* shm/view/flow_filter.h - which flows an operator wants to see: "table=0,ip,nw_dst=10.0.0.0/8", as
 * ovs-ofctl dump-flows takes it.
 *
 * table, cookie, out_port and out_group are numbers; all else is compared with the text of a flow's
 * match (of_text_match), which is the same in every version.  As in ovs-ofctl a flow is shown if it
 * says at least what the filter says: nw_dst=10.0.0.0/8 also shows 10.1.0.0/16 and 10.0.0.1. */
#ifndef SHM_VIEW_FLOW_FILTER_H
#define SHM_VIEW_FLOW_FILTER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_TERMS 16

/* A value with its mask, right-aligned in 128 bits; a word that is no number has neither. */
struct flow_value {
    uint64_t value[2], mask[2]; /* high, low */
    char word[48];              /* "" for a number */
};
struct flow_term {
    char field[24];
    struct flow_value v;
};
struct flow_filter {
    bool has_table, has_cookie, has_port, has_group;
    uint8_t table;
    uint64_t cookie, cookie_mask;
    uint32_t out_port, out_group; /* as 1.3 has them */
    unsigned n_terms;
    struct flow_term terms[FLOW_TERMS];
};

/* Reads a filter, with the names of ports of the switch 's'.  False: 'why' has a sentence. */
bool flow_filter_read(struct flow_filter *f, const char *text, const json_t *s, char *why,
                      size_t size);
/* Does a flow with this match (the text, with or without a priority) pass the terms? */
bool flow_filter_match(const struct flow_filter *f, const char *match);
/* A field of a match, as a number.  False: the match does not have it. */
bool flow_field(const char *match, const char *field, struct flow_value *v);
/* The name by which a match has a field ("ip_src" is nw_src), or NULL: there is none such. */
const char *flow_field_name(const char *name);

#endif
