/* common/proto/of.h - what every version of OpenFlow has in common: the header, HELLO, and a
 * version as data.
 *
 * A version is a .def file (of10.def) and a small .c that makes tables of it; of_find, of_check,
 * of_read and of_write walk those tables.  To add a version, write its .def and .c beside of10's,
 * and give ofproxy a table of its handlers.  Bytes in, bytes out: no sockets, no clock, no memory
 * kept. */
#ifndef COMMON_PROTO_OF_H
#define COMMON_PROTO_OF_H

#include "common/proto/tree.h"
#include "common/proto/wire.h"

#define OF_HEADER 8      /* bytes of a header, and so of the shortest message */
#define OF_LONGEST 65535 /* the longest message that its 16-bit length can tell */
#define OF_ERROR_DATA 64 /* bytes of the offender that an ERROR carries at least (5.4.4) */
#define OF_NO_BUFFER UINT32_MAX

#define OF_HEADER_LIST(F, A, P)                                                                    \
    F(uint8, version, DEC)                                                                         \
    F(uint8, type, DEC)                                                                            \
    F(uint16, length, DEC)                                                                         \
    F(uint32, xid, HEX)
/* A HELLO and its elements (1.3.5, 7.5.1); peers of any version may send some.  An element's length
 * does not tell the zeros after it. */
#define OF_NOTHING(F, A, P)
#define OF_HELLO_PARTS(T) T(elements, LIST(of_hello_elements), REST, 0)
#define OF_HELLO_ELEMENT(F, A, P)                                                                  \
    F(uint16, type, DEC)                                                                           \
    F(uint16, length, DEC)
#define OF_HELLO_BITMAP_PARTS(T) T(bitmaps, ARRAY(of_hello_bitmap), REST, 0)
#define OF_HELLO_BITMAP(F, A, P) F(uint32, bitmap, HEX)
#define OF_STRUCTS(S, V)                                                                           \
    S(of_header, OF_HEADER_LIST, 8)                                                                \
    V(of_hello, OF_NOTHING, 0, OF_HELLO_PARTS)                                                     \
    S(of_hello_element, OF_HELLO_ELEMENT, 4)                                                       \
    V(of_hello_versions, OF_HELLO_ELEMENT, 4, OF_HELLO_BITMAP_PARTS)                               \
    S(of_hello_bitmap, OF_HELLO_BITMAP, 4)
#define OF_HELLO_ELEMENTS(K, M) K(1, "versions", of_hello_versions)
#define OF_FAMILIES(W) W(of_hello_elements, OF_HELLO_ELEMENTS, KEY(0, 2), LEN(2, 2), 1, 8)
OF_STRUCTS(WIRE_DECLARE, WIRE_DECLARE_V)
OF_FAMILIES(WIRE_FAMILY_DECLARE)

enum of_direction { OF_NOBODY, OF_UP, OF_DOWN, OF_BOTH }; /* up: from the switch */

struct of_message {
    const char *name; /* NULL: no message has this type */
    uint8_t direction;
    uint8_t step; /* what follows the shortest of them: 0 nothing, else multiples */
    const struct wire_desc *(*body)(void); /* NULL: nothing but a header */
    uint16_t least;                        /* bytes of the shortest; of_measure fills it in */
};

struct of_words {
    uint16_t type, code; /* code: OF_ANY_CODE for the type's own name */
    const char *words;
};
#define OF_ANY_CODE UINT16_MAX

struct of_version {
    uint8_t version; /* on the wire */
    const char *name;
    const struct of_message *messages; /* by type */
    unsigned n_messages;
    const struct of_words *errors;
    unsigned n_errors;
    const struct wire_desc *(*structs)(unsigned i);    /* NULL past the end */
    const struct wire_family *(*families)(unsigned i); /* NULL past the end */
};

/* What is wrong with a message: the ERROR to answer with, and a sentence for the log. */
struct of_fault {
    uint16_t type, code;
    char what[120];
};

/* The row of a message type, or NULL. */
const struct of_message *of_find(const struct of_version *v, uint8_t type);
/* Bytes that a message of this type has at least. */
static inline unsigned of_shortest(const struct of_message *m)
{
    return m->least;
}
/* Before main: works out 'least' once, since each message is held against it. */
void of_measure(struct of_message *messages, unsigned n);
/* May a peer on side 'from' (OF_UP or OF_DOWN) send a message with this header?  False: why not. */
bool of_check(const struct of_version *v, const struct of_header *h, enum of_direction from,
              struct of_fault *fault);
/* An ERROR's type and code in words; never NULL. */
const char *of_error_type(const struct of_version *v, uint16_t type);
const char *of_error_code(const struct of_version *v, uint16_t type, uint16_t code);
/* Reads a whole message of exactly 'len' bytes: a row whose first node is the header (struct
 * of_header), with the body as its only child, if it has one.  With 't' NULL it is only checked.
 * A type that the version does not have is kept as bytes.  False: the fault says where and why. */
bool of_read(const struct of_version *v, const uint8_t *bytes, size_t len, struct tree *t,
             struct tree_fault *fault);
/* Begins a message by hand: pushes the header, and the body if the type has one, whose host
 * structure is returned (else the header's).  of_end closes both. */
void *of_begin(struct tree *t, const struct of_version *v, uint8_t type, uint32_t xid);
void of_end(struct tree *t);
/* Writes a row that of_read or of_begin made, with its length.  Returns the bytes written, 0 where
 * there is too little room or it is longer than a message can be. */
size_t of_write(const struct tree *t, uint8_t *to, size_t size);

/* Prints "packet_in xid=0x7 total_len=60 in_port=3 ..." into 'text' (always terminated), as
 * ovs-ofctl would, also of bytes that are cut or wrong; of_text.h has more. */
void of_print(const struct of_version *v, const uint8_t *bytes, size_t len, char *text,
              size_t size);

/* Reads the 8 bytes of a header; the caller has checked that they are there. */
static inline struct of_header of_header_at(const uint8_t *p)
{
    return (struct of_header){p[0], p[1], (uint16_t)(p[2] << 8 | p[3]),
                              (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 |
                                  p[7]};
}

/* Does a HELLO (with its header) allow 'version'?  By its bitmap where it has one (1.3.1, 6.3.1),
 * else by its header's version, the highest that the sender has.  'bad': its elements are cut or
 * overlap. */
bool of_hello_allows(const uint8_t *bytes, size_t len, uint8_t version, bool *bad);

#endif
