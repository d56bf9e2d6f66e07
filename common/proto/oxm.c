/* common/proto/oxm.c - the tables that oxm.def makes, each indexed by a field's number. */
#include "common/proto/oxm.h"

#include <string.h>

OXM_FORMS(WIRE_FORM_DEFINE)

const struct wire_family of_oxms_family = {.name = "oxms", .oxm = true};
const struct wire_family of_oxm_ids_family = {.name = "oxm_ids", .oxm = true, .oxm_ids = true};

#define NUMBERS 128
#define NO .mask = false
#define MASK .mask = true
#define VARIES .mask = true, .varies = true
#define ROW(n, is_header, is_name, is_set, n_bytes, n_bits, is_form, has_mask)                     \
    [n] = {.header = is_header,                                                                    \
           .name = is_name,                                                                        \
           .set = is_set,                                                                          \
           .form = &wire_form_##is_form,                                                           \
           .experimenter = ITS_EXPERIMENTER,                                                       \
           .field_class = ITS_CLASS,                                                               \
           .bits = (n_bits),                                                                       \
           .number = (n),                                                                          \
           .bytes = (n_bytes),                                                                     \
           has_mask},
#define TABLE(of_class, of_experimenter, LIST)                                                     \
    static const struct oxm_field *LIST##_rows(void)                                               \
    {                                                                                              \
        enum { ITS_CLASS = (of_class), ITS_EXPERIMENTER = (of_experimenter) };                     \
        static const struct oxm_field rows[NUMBERS] = {LIST(ROW)};                                 \
                                                                                                   \
        return rows;                                                                               \
    }
OXM_CLASSES(TABLE)
TABLE(1, 0, OXM_COOKIE)

#define COOKIE 30

/* A class's table, or NULL. */
static const struct oxm_field *rows_of(uint16_t class, uint32_t experimenter)
{
#define CLASS(of_class, of_experimenter, LIST)                                                     \
    if (class == (of_class) && (experimenter == (of_experimenter) || (of_class) != 0xffff)) {      \
        return LIST##_rows();                                                                      \
    }
    OXM_CLASSES(CLASS)
    return NULL;
}

const struct oxm_field *oxm_find(uint32_t header, uint32_t experimenter)
{
    uint16_t class = oxm_class(header);
    uint8_t number = oxm_number(header);
    const struct oxm_field *rows =
        class == OXM_CLASS_BASIC ? OXM_BASIC_rows() : rows_of(class, experimenter);

    if (number == COOKIE && class == 1 && oxm_length(header) == (oxm_has_mask(header) ? 16 : 8)) {
        rows = OXM_COOKIE_rows();
    }
    return rows && rows[number].header ? &rows[number] : NULL;
}

bool oxm_length_right(const struct oxm_field *f, bool has_mask, unsigned payload)
{
    unsigned widths = has_mask ? 2 : 1, width = payload / widths;

    return payload % widths == 0 &&
           (width == f->bytes || (f->varies && width > 0 && width < f->bytes));
}

uint32_t oxm_header(const struct oxm_field *f, bool has_mask, unsigned bytes)
{
    unsigned len = (f->varies && bytes > 0 ? bytes : f->bytes) * (has_mask ? 2 : 1) +
                   (f->field_class == OXM_CLASS_EXPERIMENTER ? 4 : 0);

    return (uint32_t)f->field_class << 16 | (uint32_t)f->number << 9 | (has_mask ? 1u : 0u) << 8 |
           (len & 0xff);
}

const char *oxm_subfield(const struct oxm_field *f)
{
    const struct oxm_field *other;

    for (unsigned i = 0; (other = oxm_field(i)) != NULL; i++) {
        if (strcmp(other->set, f->set) == 0 && other->field_class != OXM_CLASS_BASIC) {
            return other->header;
        }
    }
    return f->header;
}

const struct oxm_field *oxm_field(unsigned i)
{
#define NUMBER(n, is_header, is_name, is_set, n_bytes, n_bits, is_form, has_mask) (n),
#define NUMBERS_OF(of_class, of_experimenter, LIST)                                                \
    static const uint8_t LIST##_numbers[] = {LIST(NUMBER)};                                        \
    if (i < sizeof LIST##_numbers) {                                                               \
        return &LIST##_rows()[LIST##_numbers[i]];                                                  \
    }                                                                                              \
    i -= (unsigned)sizeof LIST##_numbers;
    OXM_CLASSES(NUMBERS_OF)
    NUMBERS_OF(1, 0, OXM_COOKIE)
    return NULL;
}
