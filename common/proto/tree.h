/* common/proto/tree.h - a whole message: its structures and everything that follows them, read
 * into a row of nodes in memory of the caller's, in the order of the wire.
 *
 *     struct tree t;
 *     tree_open(&t, memory, sizeof memory);
 *     tree_read(&t, desc, bytes, len, &fault)        or of_read (of.h), which knows the messages
 *     for (n = tree_first(root); n; n = tree_after(root, n)) { struct x *host = tree_host(n); ... }
 *     tree_write(&t, &out);                          lengths are worked out anew
 *
 * The same row is made by hand, to be written:
 *
 *     struct of10_packet_out *o = tree_push(&t, NULL, of10_packet_out_desc());
 *     tree_kind(&t, "actions", "output");            returns the host structure, kind filled in
 *     tree_pop(&t);
 *     tree_bytes(&t, "data", frame, len);
 *     tree_pop(&t);
 *
 * What is read points into the bytes that it was read from: they must stay.  Nothing is allocated.
 * Depth and number of nodes are bounded (TREE_DEPTH, the memory): a message beyond them is refused
 * with a fault, as one whose lengths do not fit is. */
#ifndef COMMON_PROTO_TREE_H
#define COMMON_PROTO_TREE_H

#include "common/proto/oxm.h"
#include "common/proto/wire.h"
#include "common/text.h"

#define TREE_DEPTH 16 /* structures within structures */

enum tree_node_kind {
    TREE_STRUCT,
    TREE_BYTES, /* DATA, FRAME, or an element whose kind is not listed: its bytes as they are */
    TREE_OXM
};

struct tree_node {
    const struct wire_desc *desc; /* STRUCT */
    union {
        const struct wire_case *what;  /* STRUCT: its row in its family, NULL without one */
        const struct oxm_field *field; /* OXM: its row, NULL: not listed */
    };
    const struct wire_part *part; /* of the structure that it follows; NULL: none, the first */
    const uint8_t *bytes;         /* STRUCT: where it began (NULL: made by hand); BYTES: they are;
                                   * OXM: what follows its header */
    uint32_t len;                 /* of 'bytes', without the zeros of a pad */
    uint32_t next;                /* offset in the row, of the node after it and all within it */
    uint32_t header;              /* OXM: its 32 bits */
    uint8_t kind;                 /* enum tree_node_kind */
    uint8_t depth;                /* 0: the first */
    uint16_t zero;
};

struct tree {
    uint8_t *memory; /* aligned to 8 */
    uint32_t size, used;
    unsigned depth;            /* of what tree_push has opened */
    uint32_t open[TREE_DEPTH]; /* offsets of those */
};

/* Where a message is wrong, and why. */
struct tree_fault {
    uint32_t offset; /* from its first byte */
    bool full;       /* it may be right, but the memory is too small */
    char what[160];
};

/* 'memory' must be aligned to 8 bytes.  About 50 + 2 * length bytes a structure are needed: for a
 * message of 64 KB of the smallest elements, table numbers of one byte, TREE_MOST. */
#define TREE_MOST (1u << 22)
void tree_open(struct tree *t, void *memory, size_t size);

/* Reads a structure and what follows it from exactly 'len' bytes.  With 't' NULL it is only
 * checked.  False: the fault says where and why, and the row is empty. */
bool tree_read(struct tree *t, const struct wire_desc *d, const uint8_t *bytes, size_t len,
               struct tree_fault *fault);
/* The same for a header without parts, and what follows it: 'body', or bytes where that is NULL, as
 * a child of the first node; its part is 'part'. */
bool tree_read_two(struct tree *t, const struct wire_desc *head, const struct wire_part *part,
                   const struct wire_desc *body, const uint8_t *bytes, size_t len,
                   struct tree_fault *fault);
/* Writes the row.  Sets out->bad where there is too little room, or where the row is not whole
 * (tree_good). */
void tree_write(const struct tree *t, struct wire_out *out);

static inline const struct tree_node *tree_root(const struct tree *t)
{
    return t->used > 0 ? (const struct tree_node *)(const void *)t->memory : NULL;
}
/* The host structure of a STRUCT. */
static inline void *tree_host(const struct tree_node *n)
{
    return (void *)(uintptr_t)(n + 1);
}
/* The nodes right under 'of', in order; NULL after the last. */
static inline const struct tree_node *tree_first(const struct tree *t, const struct tree_node *of)
{
    uint32_t host = of->kind == TREE_STRUCT ? of->desc->host_size : 0;
    const uint8_t *at = (const uint8_t *)(of + 1) + ((host + 7) & ~7u);

    return at < t->memory + of->next ? (const struct tree_node *)(const void *)at : NULL;
}
static inline const struct tree_node *tree_after(const struct tree *t, const struct tree_node *of,
                                                 const struct tree_node *n)
{
    return n->next < of->next ? (const struct tree_node *)(const void *)(t->memory + n->next)
                              : NULL;
}
/* The first node of a part, or NULL. */
const struct tree_node *tree_part(const struct tree *t, const struct tree_node *of,
                                  const char *part);

/* ---- by hand: a part or kind that does not exist is our own mistake (assert); a full memory makes
 * tree_good false, and gives structures that are thrown away --------------------------------- */
void *tree_push(struct tree *t, const char *part, const struct wire_desc *d);
void *tree_push_part(struct tree *t, const struct wire_part *part, const struct wire_desc *d);
/* An element by the name of its kind (the K rows), with its keys filled in.  Where two have one
 * name, the first is taken; the names of the M rows before it tell them apart:
 * "vendor/nicira/flow". */
void *tree_kind(struct tree *t, const char *part, const char *kind);
void tree_pop(struct tree *t);
void tree_bytes(struct tree *t, const char *part, const void *bytes, size_t len);
/* An OXM field with its payload (value, then mask); the bytes must stay. */
void tree_oxm(struct tree *t, const char *part, uint32_t header, const void *payload);
bool tree_good(const struct tree *t);

/* ---- printing ------------------------------------------------------------------------------ */
/* All fields, a line each, indented by depth: "    priority: 100". */
void tree_print(struct text *to, const struct tree *t);
/* The same as one JSON object on one line. */
void tree_json(struct text *to, const struct tree *t);
/* One node of it, with all within it. */
void tree_json_node(struct text *to, const struct tree *t, const struct tree_node *n);
/* A value of 'len' bytes of the wire in its form; and that of an OXM node, or its mask. */
void tree_value(struct text *to, const struct wire_form *form, const uint8_t *bytes, size_t len);
void tree_oxm_value(struct text *to, const struct tree_node *n, bool mask);

#endif
