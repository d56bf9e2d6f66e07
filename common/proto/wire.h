/* common/proto/wire.h - wire formats as data.
 *
 * A structure is a list macro in a .def file, field by field as on the wire, big-endian:
 *
 *     #define OF10_PACKET_OUT(F, A, P)   \
 *         F(uint32, buffer_id, HEX)      \      F: integer uint8 uint16 uint32 uint64
 *         A(6, hw_addr, MAC)             \      A: bytes
 *         P(1)                                  P: padding, zero when sent, ignored when read
 *
 * and a row in the .def's list of structures, with the size that the specification gives its
 * fields: S(of10_packet_in, OF10_PACKET_IN, 10), or, where something of variable length follows the
 * fields, V(of10_packet_out, OF10_PACKET_OUT, 8, OF10_PACKET_OUT_PARTS) with a list of what does:
 *
 *     #define OF10_PACKET_OUT_PARTS(T)                                \
 *         T(actions, LIST(of10_actions), IN(actions_len), 0)          \
 *         T(data,    FRAME,              REST,            0)
 *
 *     T(name, HOW, LENGTH, pad)
 *     HOW     LIST(family)   elements, until the bytes of the part end
 *             ONE(family)    exactly one element
 *             BODY(family)   one element that is all of the part, and whose key stands in the
 *                            structure that it follows (a statistics type)
 *             ARRAY(struct)  structures of one fixed size, one after another
 *             DATA, FRAME    bytes as they are; an Ethernet frame
 *             GAP(n)         n bytes of padding
 *             ZEROS          padding to the end of the element, less than 8 bytes
 *     LENGTH  REST           as many bytes as its structure's element has left
 *             IN(field)      as many as that field of the structure says
 *     pad     8: zeros follow, up to a multiple of 8 bytes from the start of the part
 *
 * A family says how an element's kind and length are found, and lists the kinds:
 *
 *     #define OF10_ACTIONS(K, M)                             \
 *         K(0, "output", of10_action_output)                 \      K: a structure
 *         K(3, "strip_vlan", of10_action)                    \
 *         M(0xffff, "vendor", of10_vendor_actions)                  M: one more family, by another
 * key W(of10_actions, OF10_ACTIONS, KEY(0, 2), LEN(2, 2), 8, 0)
 *
 *     W(family, LIST, KEY(at, size), LEN(at, size), step, pad)
 *     KEY     where the key stands, from the element's start (BODY: from the start of the structure
 *             that it follows); KEY(0, 0): each element is of the first kind
 *     LEN     where the element's length stands; LEN(0, 0): it is as long as its kind says, its
 *             fields and what follows by IN.  A family reached by M has the length of the one
 *             before it.
 *     step    its length is a multiple of that
 *     pad     8: the length does not tell the zeros that follow up to a multiple of 8
 *
 * A kind that is not listed is not wrong: it is kept as bytes.  Rows stand in the order of keys.
 *
 * From the rows come, by the macros at the end of this file:
 *
 *     struct of10_packet_in                                   host form, host byte order
 *     bool of10_packet_in_get(struct wire_in *, struct of10_packet_in *)      the fields alone
 *     void of10_packet_in_put(struct wire_out *, const struct of10_packet_in *)
 *     const struct wire_desc *of10_packet_in_desc(void)       for walkers, tests, printing
 *
 * tree.h walks whole messages with all that follows.  No function here allocates, and none reads or
 * writes outside the cursor that it is given. */
#ifndef COMMON_PROTO_WIRE_H
#define COMMON_PROTO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A cursor over bytes to read.  Reading past 'end' sets 'bad' and gives zeroes; test 'bad' once. */
struct wire_in {
    const uint8_t *p, *end;
    bool bad;
};
/* A cursor over room to write.  Writing past 'end' sets 'bad' and writes nothing. */
struct wire_out {
    uint8_t *p, *end;
    bool bad;
};

/* How a field is shown.  A name of its own for each: F(uint8, command, OF10_COMMAND) takes
 * wire_form_OF10_COMMAND, which the version's N rows make. */
enum wire_show {
    WIRE_DEC,
    WIRE_HEX,
    WIRE_MAC,
    WIRE_TEXT,
    WIRE_IP,
    WIRE_IPV6,
    WIRE_BYTES,
    WIRE_ENUM,  /* a number that has names; without one it is shown as WIRE_DEC */
    WIRE_FLAGS, /* bits that have names: "a|b|0x80"; a row for 0 names none of them */
    WIRE_OXM    /* the header of an OXM or NXM field: its name */
};
struct wire_name {
    uint64_t value;
    const char *name;
};
struct wire_form {
    enum wire_show show;
    unsigned n_names;
    const struct wire_name *names;
};
extern const struct wire_form wire_form_DEC, wire_form_HEX, wire_form_MAC, wire_form_TEXT,
    wire_form_IP, wire_form_IPV6, wire_form_BYTES, wire_form_OXM;

struct wire_field {
    const char *name; /* NULL: padding */
    const struct wire_form *form;
    uint16_t size;   /* bytes on the wire */
    uint16_t offset; /* in the host structure */
    uint8_t integer; /* 1: host integer of 'size' bytes; 0: bytes */
};

enum wire_how {
    WIRE_LIST,
    WIRE_ONE,
    WIRE_BODY,
    WIRE_ARRAY,
    WIRE_DATA,
    WIRE_FRAME,
    WIRE_GAP,
    WIRE_ZEROS
};

struct wire_desc;
struct wire_family;

struct wire_part {
    const char *name;
    const struct wire_family *family;      /* LIST, ONE, BODY */
    const struct wire_desc *(*desc)(void); /* ARRAY */
    uint16_t len_at;                       /* of the field that tells its length, on the wire */
    uint8_t how, len_size;                 /* len_size 0: all that is left */
    uint8_t pad;
    uint8_t gap; /* GAP: how many */
};

struct wire_case {
    uint32_t key;
    const char *name;
    const struct wire_desc *(*desc)(void); /* NULL: 'more' */
    const struct wire_family *more;
};

struct wire_family {
    const char *name;
    const struct wire_case *cases; /* by key */
    uint16_t n_cases;
    uint8_t key_at, key_size, len_at, len_size, step, pad;
    bool oxm;     /* elements are OXM or NXM fields: tree.h, oxm.h */
    bool oxm_ids; /* the headers of such fields alone, without a value */
};

struct wire_desc {
    const char *name;
    uint16_t size;      /* bytes on the wire, of the fields */
    uint16_t host_size; /* sizeof the host structure */
    uint16_t n_fields, n_parts;
    const struct wire_field *fields;
    const struct wire_part *parts;
    void (*get)(const uint8_t *from, void *host); /* 'size' bytes are there */
    void (*put)(uint8_t *to, const void *host);   /* 'size' bytes of room are there */
};

/* Read or write one structure's fields.  wire_get returns false (and sets in->bad) on truncation.
 */
bool wire_get(struct wire_in *in, const struct wire_desc *d, void *host);
void wire_put(struct wire_out *out, const struct wire_desc *d, const void *host);
/* Prints "name=value ..." into 'text' (always terminated).  Returns the bytes that it needed. */
size_t wire_print(char *text, size_t size, const struct wire_desc *d, const void *host);
/* Prints one field's value.  Returns the bytes that it needed, like snprintf. */
size_t wire_print_field(char *text, size_t size, const struct wire_field *f, const void *host);
/* An integer field's value. */
uint64_t wire_value(const struct wire_field *f, const void *host);
/* The name of a value, or NULL. */
const char *wire_name(const struct wire_form *form, uint64_t value);
/* Bytes that a structure has at least, with what must follow it. */
unsigned wire_least(const struct wire_desc *d);
/* The row of a key, or NULL. */
const struct wire_case *wire_case_of(const struct wire_family *f, uint32_t key);

static inline size_t wire_left(const struct wire_in *in)
{
    return (size_t)(in->end - in->p);
}
/* The next 'len' bytes, in place, or NULL (and bad). */
const uint8_t *wire_bytes(struct wire_in *in, size_t len);
void wire_put_bytes(struct wire_out *out, const void *bytes, size_t len);
void wire_put_zero(struct wire_out *out, size_t len);

/* ---- integers, big-endian on the wire ------------------------------------------------------ */
static inline uint8_t wire_load_uint8(const uint8_t *p)
{
    return *p;
}
static inline uint16_t wire_load_uint16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t wire_load_uint32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t wire_load_uint64(const uint8_t *p)
{
    return (uint64_t)wire_load_uint32(p) << 32 | wire_load_uint32(p + 4);
}
/* 'size': 1, 2, 4 or 8 */
static inline uint64_t wire_load(const uint8_t *p, unsigned size)
{
    return size == 2   ? wire_load_uint16(p)
           : size == 4 ? wire_load_uint32(p)
           : size == 1 ? *p
                       : wire_load_uint64(p);
}
static inline void wire_store_uint8(uint8_t *p, uint8_t v)
{
    *p = v;
}
static inline void wire_store_uint16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void wire_store_uint32(uint8_t *p, uint32_t v)
{
    wire_store_uint16(p, (uint16_t)(v >> 16));
    wire_store_uint16(p + 2, (uint16_t)v);
}
static inline void wire_store_uint64(uint8_t *p, uint64_t v)
{
    wire_store_uint32(p, (uint32_t)(v >> 32));
    wire_store_uint32(p + 4, (uint32_t)v);
}
static inline void wire_store(uint8_t *p, unsigned size, uint64_t v)
{
    for (unsigned b = size; b > 0; b--) {
        p[b - 1] = (uint8_t)v;
        v >>= 8;
    }
}

/* ---- macros that turn a list into a structure and a table ---------------------------------- */
#define WIRE_JOIN2(a, b) a##b
#define WIRE_JOIN(a, b) WIRE_JOIN2(a, b)

#define WIRE_MEMBER_F(type, field, form) type##_t field;
#define WIRE_MEMBER_A(count, field, form) uint8_t field[count];
#define WIRE_MEMBER_P(count)
#define WIRE_PACKED_P(count) uint8_t WIRE_JOIN(pad_at_, __COUNTER__)[count];
#define WIRE_DECLARE(struct_name, LIST, bytes)                                                     \
    struct struct_name {                                                                           \
        LIST(WIRE_MEMBER_F, WIRE_MEMBER_A, WIRE_MEMBER_P)                                          \
    };                                                                                             \
    const struct wire_desc *struct_name##_desc(void);                                              \
    bool struct_name##_get(struct wire_in *in, struct struct_name *m);                             \
    void struct_name##_put(struct wire_out *out, const struct struct_name *m);
#define WIRE_DECLARE_V(struct_name, LIST, bytes, PARTS) WIRE_DECLARE(struct_name, LIST, bytes)

#define WIRE_ROW_F(type, field, form)                                                              \
    {#field, &wire_form_##form, sizeof(type##_t), offsetof(wire_self, field), 1},
#define WIRE_ROW_A(count, field, form)                                                             \
    {#field, &wire_form_##form, (count), offsetof(wire_self, field), 0},
#define WIRE_ROW_P(count) {NULL, NULL, (count), 0, 0},

/* HOW and LENGTH of a T row, as members of struct wire_part. */
#define WIRE_HOW_LIST(of) .how = WIRE_LIST, .family = &of##_family
#define WIRE_HOW_ONE(of) .how = WIRE_ONE, .family = &of##_family
#define WIRE_HOW_BODY(of) .how = WIRE_BODY, .family = &of##_family
#define WIRE_HOW_ARRAY(of) .how = WIRE_ARRAY, .desc = of##_desc
#define WIRE_HOW_DATA .how = WIRE_DATA
#define WIRE_HOW_FRAME .how = WIRE_FRAME
#define WIRE_HOW_GAP(bytes) .how = WIRE_GAP, .gap = (bytes)
#define WIRE_HOW_ZEROS .how = WIRE_ZEROS
#define WIRE_LENGTH_REST .len_size = 0
#define WIRE_LENGTH_IN(field)                                                                      \
    .len_at = offsetof(struct wire_packed, field), .len_size = sizeof(((wire_self *)0)->field)
#define WIRE_ROW_T(part, HOW, LENGTH, zeros)                                                       \
    {.name = #part, WIRE_HOW_##HOW, WIRE_LENGTH_##LENGTH, .pad = (zeros)},
#define WIRE_NO_PARTS(T)

#define WIRE_GET_F(type, field, form) m->field = wire_load_##type(p), p += sizeof(type##_t);
#define WIRE_GET_A(count, field, form) memcpy(m->field, p, (count)), p += (count);
#define WIRE_GET_P(count) p += (count);
#define WIRE_PUT_F(type, field, form) wire_store_##type(p, m->field), p += sizeof(type##_t);
#define WIRE_PUT_A(count, field, form) memcpy(p, m->field, (count)), p += (count);
#define WIRE_PUT_P(count) memset(p, 0, (count)), p += (count);

#define WIRE_DEFINE_V(struct_name, LIST, bytes, PARTS)                                             \
    static void struct_name##_load(const uint8_t *p, void *host)                                   \
    {                                                                                              \
        struct struct_name *m = host;                                                              \
        LIST(WIRE_GET_F, WIRE_GET_A, WIRE_GET_P)                                                   \
        (void)m, (void)p;                                                                          \
    }                                                                                              \
    static void struct_name##_store(uint8_t *p, const void *host)                                  \
    {                                                                                              \
        const struct struct_name *m = host;                                                        \
        LIST(WIRE_PUT_F, WIRE_PUT_A, WIRE_PUT_P)                                                   \
        (void)m, (void)p;                                                                          \
    }                                                                                              \
    const struct wire_desc *struct_name##_desc(void)                                               \
    {                                                                                              \
        typedef struct struct_name wire_self;                                                      \
        struct wire_packed {                                                                       \
            LIST(WIRE_MEMBER_F, WIRE_MEMBER_A, WIRE_PACKED_P)                                      \
        } __attribute__((packed));                                                                 \
        static const struct wire_field fields[] = {LIST(WIRE_ROW_F, WIRE_ROW_A, WIRE_ROW_P)};      \
        static const struct wire_part parts[] = {PARTS(WIRE_ROW_T)};                               \
        static const struct wire_desc d = {#struct_name,                                           \
                                           (bytes),                                                \
                                           sizeof(wire_self),                                      \
                                           sizeof fields / sizeof(struct wire_field),              \
                                           sizeof parts / sizeof(struct wire_part),                \
                                           fields,                                                 \
                                           parts,                                                  \
                                           struct_name##_load,                                     \
                                           struct_name##_store};                                   \
        _Static_assert(sizeof(struct wire_packed) == (bytes), #struct_name);                       \
        return &d;                                                                                 \
    }                                                                                              \
    bool struct_name##_get(struct wire_in *in, struct struct_name *m)                              \
    {                                                                                              \
        return wire_get(in, struct_name##_desc(), m);                                              \
    }                                                                                              \
    void struct_name##_put(struct wire_out *out, const struct struct_name *m)                      \
    {                                                                                              \
        wire_put(out, struct_name##_desc(), m);                                                    \
    }
#define WIRE_DEFINE(struct_name, LIST, bytes) WIRE_DEFINE_V(struct_name, LIST, bytes, WIRE_NO_PARTS)

/* Families: W rows. */
#define WIRE_PAIR_KEY(at, size) .key_at = (at), .key_size = (size)
#define WIRE_PAIR_LEN(at, size) .len_at = (at), .len_size = (size)
#define WIRE_CASE_K(value, text, struct_name) {(value), text, struct_name##_desc, NULL},
#define WIRE_CASE_M(value, text, family_name) {(value), text, NULL, &family_name##_family},
#define WIRE_FAMILY_DECLARE(family_name, LIST, KEY, LEN, multiple, zeros)                          \
    extern const struct wire_family family_name##_family;
#define WIRE_FAMILY_DEFINE(family_name, LIST, KEY, LEN, multiple, zeros)                           \
    static const struct wire_case family_name##_cases[] = {LIST(WIRE_CASE_K, WIRE_CASE_M)};        \
    const struct wire_family family_name##_family = {.name = #family_name,                         \
                                                     .cases = family_name##_cases,                 \
                                                     .n_cases = sizeof family_name##_cases /       \
                                                                sizeof(struct wire_case),          \
                                                     WIRE_PAIR_##KEY,                              \
                                                     WIRE_PAIR_##LEN,                              \
                                                     .step = (multiple),                           \
                                                     .pad = (zeros)};

/* Names of values: N(OF10_COMMAND, ENUM, LIST) with LIST(V) rows V(value, "name"). */
#define WIRE_NAME_V(value, text) {(value), text},
#define WIRE_FORM_DECLARE(form_name, kind, LIST)                                                   \
    extern const struct wire_form wire_form_##form_name;
#define WIRE_FORM_DEFINE(form_name, kind, LIST)                                                    \
    static const struct wire_name form_name##_names[] = {LIST(WIRE_NAME_V)};                       \
    const struct wire_form wire_form_##form_name = {                                               \
        WIRE_##kind, sizeof form_name##_names / sizeof(struct wire_name), form_name##_names};

#endif
