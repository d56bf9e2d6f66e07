/* common/proto/oxm.h - the fields that a match is made of, by the header that each begins with.
 *
 *     31            16 15     9   8   7      0
 *     +---------------+--------+------+--------+
 *     |     class     | number | mask | length |   length: bytes after the header
 *     +---------------+--------+------+--------+
 *
 * After it stands the value, and a mask of the same width if the header says so.  In class 0xffff
 * an experimenter's number of 4 bytes comes first, and the length counts it.
 *
 * The rows are those of oxm.def.  A field that is not listed is not wrong: oxm_find gives NULL, and
 * its bytes are kept. */
#ifndef COMMON_PROTO_OXM_H
#define COMMON_PROTO_OXM_H

#include "common/proto/oxm.def"
#include "common/proto/wire.h"

#define OXM_CLASS_BASIC 0x8000
#define OXM_CLASS_EXPERIMENTER 0xffff
#define OXM_HEADER 4   /* bytes of a header without an experimenter */
#define OXM_WIDEST 124 /* bytes of the widest value */

struct oxm_field {
    const char *header; /* "NXM_OF_IP_SRC"; NULL: a number without a field */
    const char *name;   /* in a match: "nw_src" */
    const char *set;    /* in set_field: "ip_src" */
    const struct wire_form *form;
    uint32_t experimenter;
    uint16_t field_class;
    uint16_t bits;
    uint8_t number;
    uint8_t bytes;
    bool mask;   /* it may have one */
    bool varies; /* its value has 1 to 'bytes' bytes */
};

OXM_FORMS(WIRE_FORM_DECLARE)

/* Lists of fields, and of headers alone (table features): they have no rows, oxm_find has. */
extern const struct wire_family of_oxms_family, of_oxm_ids_family;

static inline uint16_t oxm_class(uint32_t header)
{
    return (uint16_t)(header >> 16);
}
static inline uint8_t oxm_number(uint32_t header)
{
    return header >> 9 & 0x7f;
}
static inline bool oxm_has_mask(uint32_t header)
{
    return (header >> 8 & 1) != 0;
}
/* Bytes after the header, with an experimenter's number. */
static inline uint8_t oxm_length(uint32_t header)
{
    return header & 0xff;
}
static inline bool oxm_has_experimenter(uint32_t header)
{
    return oxm_class(header) == OXM_CLASS_EXPERIMENTER;
}
/* Bytes before the value. */
static inline unsigned oxm_header_size(uint32_t header)
{
    return oxm_has_experimenter(header) ? OXM_HEADER + 4 : OXM_HEADER;
}
/* Bytes of the value and the mask together; 0 too where the length does not even hold the
 * experimenter's number: look at oxm_length. */
static inline unsigned oxm_payload(uint32_t header)
{
    unsigned len = oxm_length(header), before = oxm_has_experimenter(header) ? 4 : 0;

    return len > before ? len - before : 0;
}

/* The field that a header begins, or NULL.  'experimenter' counts in class 0xffff alone. */
const struct oxm_field *oxm_find(uint32_t header, uint32_t experimenter);
/* Are 'payload' bytes right for a value of this field, with a mask if 'has_mask'? */
bool oxm_length_right(const struct oxm_field *f, bool has_mask, unsigned payload);
/* The header of a field: with a mask or without, of 'bytes' (where the width varies; else 0). */
uint32_t oxm_header(const struct oxm_field *f, bool has_mask, unsigned bytes);
/* Its name as ovs-ofctl writes it in an action: of its headers' names, the one that NXM has. */
const char *oxm_subfield(const struct oxm_field *f);
/* The fields one by one, class by class; NULL past the last. */
const struct oxm_field *oxm_field(unsigned i);

#endif
