/* common/proto/wire.h - wire formats as data.
 *
 * A format is a list macro in a .def file, field by field as on the wire, big-endian:
 *
 *     #define OF10_PACKET_IN(F, A, P)    \
 *         F(uint32, buffer_id, HEX)      \      F: integer uint8 uint16 uint32 uint64
 *         A(6, hw_addr, MAC)             \      A: bytes
 *         P(1)                                  P: padding, zero when sent, ignored when read
 *
 * and a row S(of10_packet_in, OF10_PACKET_IN, 10) in the .def's list of structures, with the size
 * that the specification gives.  From the row come, by the macros at the end of this file:
 *
 *     struct of10_packet_in                                   host form, host byte order
 *     bool of10_packet_in_get(struct wire_in *, struct of10_packet_in *)
 *     void of10_packet_in_put(struct wire_out *, const struct of10_packet_in *)
 *     const struct wire_desc *of10_packet_in_desc(void)       for walkers, tests, printing
 *
 * The macros make data; plain functions in wire.c walk it.  No function here allocates, and none
 * reads or writes outside the cursor that it is given. */
#ifndef COMMON_PROTO_WIRE_H
#define COMMON_PROTO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

enum wire_form { WIRE_DEC, WIRE_HEX, WIRE_MAC, WIRE_TEXT, WIRE_IP, WIRE_BYTES };

struct wire_field {
    const char *name; /* NULL: padding */
    uint16_t size;    /* bytes on the wire */
    uint16_t offset;  /* in the host structure */
    uint8_t integer;  /* 1: host integer of 'size' bytes; 0: bytes */
    uint8_t form;     /* enum wire_form */
};

struct wire_desc {
    const char *name;
    uint16_t size;      /* bytes on the wire */
    uint16_t host_size; /* sizeof the host structure */
    uint16_t n_fields;
    const struct wire_field *fields;
};

/* Read or write one structure.  wire_get returns false (and sets in->bad) on truncation. */
bool wire_get(struct wire_in *in, const struct wire_desc *d, void *host);
void wire_put(struct wire_out *out, const struct wire_desc *d, const void *host);
/* Prints "name=value ..." into 'text' (always terminated).  Returns the bytes that it needed. */
size_t wire_print(char *text, size_t size, const struct wire_desc *d, const void *host);

static inline size_t wire_left(const struct wire_in *in)
{
    return (size_t)(in->end - in->p);
}
/* The next 'len' bytes, in place, or NULL (and bad). */
const uint8_t *wire_bytes(struct wire_in *in, size_t len);
void wire_put_bytes(struct wire_out *out, const void *bytes, size_t len);
void wire_put_zero(struct wire_out *out, size_t len);

/* ---- macros that turn a list into a structure and a table ---------------------------------- */
#define WIRE_MEMBER_F(type, field, form) type##_t field;
#define WIRE_MEMBER_A(count, field, form) uint8_t field[count];
#define WIRE_MEMBER_P(count)
#define WIRE_DECLARE(struct_name, LIST, bytes)                                                     \
    struct struct_name {                                                                           \
        LIST(WIRE_MEMBER_F, WIRE_MEMBER_A, WIRE_MEMBER_P)                                          \
    };                                                                                             \
    const struct wire_desc *struct_name##_desc(void);                                              \
    bool struct_name##_get(struct wire_in *in, struct struct_name *m);                             \
    void struct_name##_put(struct wire_out *out, const struct struct_name *m);

#define WIRE_SIZE_F(type, field, form) +sizeof(type##_t)
#define WIRE_SIZE_A(count, field, form) +(count)
#define WIRE_SIZE_P(count) +(count)
#define WIRE_ROW_F(type, field, form)                                                              \
    {#field, sizeof(type##_t), offsetof(wire_self, field), 1, WIRE_##form},
#define WIRE_ROW_A(count, field, form)                                                             \
    {#field, (count), offsetof(wire_self, field), 0, WIRE_##form},
#define WIRE_ROW_P(count) {NULL, (count), 0, 0, 0},
#define WIRE_DEFINE(struct_name, LIST, bytes)                                                      \
    _Static_assert((0 LIST(WIRE_SIZE_F, WIRE_SIZE_A, WIRE_SIZE_P)) == (bytes), #struct_name);      \
    const struct wire_desc *struct_name##_desc(void)                                               \
    {                                                                                              \
        typedef struct struct_name wire_self;                                                      \
        static const struct wire_field fields[] = {LIST(WIRE_ROW_F, WIRE_ROW_A, WIRE_ROW_P)};      \
        static const struct wire_desc d = {#struct_name, (bytes), sizeof(wire_self),               \
                                           sizeof fields / sizeof fields[0], fields};              \
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

#endif
