/* common/proto/nx.c - the tables that nx.def makes. */
#include "common/proto/nx.h"

#include "common/proto/of10.h"
#include "common/proto/of13.h"

NX_FORMS(WIRE_FORM_DEFINE)
NX_STRUCTS(WIRE_DEFINE_V)
NX_FAMILIES(WIRE_FAMILY_DEFINE)

const struct wire_desc *nx_struct(unsigned i)
{
#define DESC(struct_name, LIST, bytes, PARTS) struct_name##_desc,
    static const struct wire_desc *(*const all[])(void) = {NX_STRUCTS(DESC)};

    return i < sizeof all / sizeof all[0] ? all[i]() : NULL;
}

const struct wire_family *nx_family(unsigned i)
{
#define FAMILY(family_name, LIST, KEY, LEN, step, pad) &family_name##_family,
    static const struct wire_family *const all[] = {NX_FAMILIES(FAMILY)};

    return i < sizeof all / sizeof all[0] ? all[i] : NULL;
}

static const struct {
    uint16_t type, code, exp_type;
    const char *words;
} errors[] = {
#define ERROR(type, code, exp_type, NAME, words) {type, code, exp_type, words},
    NX_ERRORS(ERROR)};

const char *nx_error_10(uint16_t type, uint16_t code)
{
    for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (type != NX_NONE && errors[i].type == type && errors[i].code == code) {
            return errors[i].words;
        }
    }
    return "unknown error of Nicira's";
}

const char *nx_error_13(uint16_t exp_type)
{
    for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (exp_type != NX_NONE && errors[i].exp_type == exp_type) {
            return errors[i].words;
        }
    }
    return "unknown error of Nicira's";
}
