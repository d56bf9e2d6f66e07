/* common/proto/of_text_pieces.h - what the files of of_text.c's family share; nobody else needs it.
 */
#ifndef COMMON_PROTO_OF_TEXT_PIECES_H
#define COMMON_PROTO_OF_TEXT_PIECES_H

#include "common/proto/of_text.h"

/* A field of a match. */
enum of_text_how { OF_TEXT_FORM, OF_TEXT_HEX, OF_TEXT_DEC, OF_TEXT_HEX5 };
struct of_text_piece {
    const struct oxm_field *field; /* NULL: not listed */
    const struct tree_node *node;  /* NULL: of a match of 1.0 */
    const uint8_t *value, *mask;
    unsigned len;
    bool done;
};
void of_text_piece(struct text *to, const struct of_text_piece *e, enum of_text_how how);
uint64_t of_text_load(const uint8_t *bytes, size_t len); /* the first 8 at most */
/* Are all bits of a mask set that mean something ('bits': 0 for all)? */
bool of_text_all_ones(const uint8_t *mask, size_t len, unsigned bits);
/* The length of a prefix, or -1: the ones of the mask do not all stand first. */
int of_text_prefix(const uint8_t *mask, size_t len);

/* A number as "%#x" has it: 0x1f, but 0. */
void of_text_hex(struct text *to, uint64_t v);
/* "12.345s" */
void of_text_duration(struct text *to, uint64_t s, uint64_t ns);
/* A number in its form; flags with 'between' between their names, "0" where there is none. */
void of_text_value(struct text *to, const struct wire_form *form, uint64_t v, const char *between);
/* Printable ASCII of bytes that end with a NUL or after 'len'. */
void of_text_ascii(struct text *to, const uint8_t *bytes, size_t len);
/* The field of a structure by its name, or NULL; and its value (0: it has none, or is no integer).
 */
const struct wire_field *of_text_field(const struct tree_node *n, const char *name, size_t len);
uint64_t of_text_number(const struct tree_node *n, const char *name);
/* of_text_node, with lists cut after 'most' elements. */
void of_text_some(struct text *to, const struct tree *t, const struct tree_node *n, unsigned most);
/* Words of a structure that no template can say.  False: there are none for this. */
bool of_text_odd(struct text *to, const struct tree *t, const struct tree_node *n);
bool of_text_has_odd(const char *structure);
/* ",bucket=weight:5,actions=output:1"; a group that chooses by weight has 1 without a word. */
void of_text_bucket(struct text *to, const struct tree *t, const struct tree_node *n,
                    uint64_t usual_weight);
/* Actions that carry what is no structure: learn, ct, nat (of_nx_text.c). */
void of_text_learn(struct text *to, const struct tree *t, const struct tree_node *n);
void of_text_ct(struct text *to, const struct tree *t, const struct tree_node *n);
void of_text_nat(struct text *to, const struct tree *t, const struct tree_node *n);
/* "set_field:10.0.0.1->ip_src", of an OXM node. */
void of_text_set_field(struct text *to, const struct tree_node *n);
/* Bits of a field as actions name it: "NXM_NX_REG0[]", "NXM_NX_REG0[4..7]". */
void of_text_subfield(struct text *to, const struct oxm_field *f, uint32_t header, unsigned offset,
                      unsigned bits);
/* Takes back what was said since text_needed was 'n'. */
void of_text_back(struct text *to, size_t n);
/* Some bytes: "0x0102", or of many the first ones and how many there are. */
void of_text_raw(struct text *to, const uint8_t *bytes, size_t len);

#endif
