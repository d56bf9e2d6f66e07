/* common/proto/of_text.h - OpenFlow in words: a message, a flow, a match, a list of actions, as
 * ovs-ofctl would write them, from a row that of_read made (tree.h).
 *
 *     flow_mod xid=0x5 ADD priority=100,tcp,nw_dst=10.0.0.0/8 cookie:0x1 actions=output:2
 *
 *     struct text line;
 *     text_open(&line, buffer, sizeof buffer);
 *     if (of_read(v, bytes, len, &t, &fault)) { of_text_message(&line, v, &t, 3); }
 *
 * Words are data: of_text.def has a template for each structure, and the order in which ovs-ofctl
 * writes the fields of a match.  A structure without a template is shown as its name with all its
 * fields, and what is no structure at all as its bytes, so nothing is left out.
 *
 * Lines have printable ASCII alone.  Nothing allocates; what does not fit is left out and counted
 * by the text (text.h); recursion is as deep as the row, at most TREE_DEPTH. */
#ifndef COMMON_PROTO_OF_TEXT_H
#define COMMON_PROTO_OF_TEXT_H

#include "common/proto/of.h"
#include "common/proto/tree.h"
#include "common/text.h"

#define OF_TEXT_ALL 0u

/* A whole message on one line, without a newline: name, xid, and what it says.  Of a statistics
 * reply at most 'most' entries are shown, then "... and 12 more"; OF_TEXT_ALL: every one. */
void of_text_message(struct text *to, const struct of_version *v, const struct tree *t,
                     unsigned most);

/* A message as bytes that need not be right, for a log line: what of_text_message says, or, when it
 * cannot be read or is too long for the small row that is kept on the stack, what it is, its xid
 * and its length. */
void of_text_bytes(struct text *to, const struct of_version *v, const uint8_t *bytes, size_t len);

/* ---- the entries of a statistics reply: flows, ports, groups, meters, tables, queues ---------
 *
 *     for (n = of_text_first(&t); n; n = of_text_next(&t, n)) {
 *         text_open(&line, buffer, sizeof buffer);
 *         of_text_entry(&line, &t, n);          "cookie=0x0, duration=1.5s, table=0, ..."
 *     }
 *
 * The same entry as JSON: tree_json_node (tree.h).  FEATURES of 1.0 have ports as entries, too. */
const struct tree_node *of_text_first(const struct tree *t);
const struct tree_node *of_text_next(const struct tree *t, const struct tree_node *n);
void of_text_entry(struct text *to, const struct tree *t, const struct tree_node *n);

/* ---- pieces, for those who show one of them alone -------------------------------------------- */

/* A structure by its template. */
void of_text_node(struct text *to, const struct tree *t, const struct tree_node *n);
/* The match of a structure: its part "match", or, in 1.0, its own fields; before it its priority,
 * if it has one and that is not the usual 32768.  Nothing at all where every packet matches. */
void of_text_match(struct text *to, const struct tree *t, const struct tree_node *n);
/* The actions in a part of a structure; "drop" where there are none. */
void of_text_actions(struct text *to, const struct tree *t, const struct tree_node *n,
                     const char *part);
/* A value in the words of a field, with its mask (NULL: none): "10.0.0.0/8", "+trk-new". */
void of_text_masked(struct text *to, const struct oxm_field *f, const uint8_t *value,
                    const uint8_t *mask, size_t len);

/* ---- the templates, for tests ---------------------------------------------------------------- */
struct of_text_row {
    const char *structure; /* "of13_action_output" */
    const char *words;     /* the template, see of_text.def */
};
const struct of_text_row *of_text_row(unsigned i); /* NULL past the last */
const struct of_text_row *of_text_find(const char *structure);

#endif
