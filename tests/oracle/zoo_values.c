/* tests/oracle/zoo_values.c - plausible values, and unlike each other. */
#include "tests/oracle/zoo_values.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "tests/oracle/zoo_values.def"

static unsigned count;        /* of values that were drawn for this message */
static uint8_t room[1 << 14]; /* payloads and data of this message */
static size_t used;

void zoo_restart(void)
{
    count = 0;
    used = 0;
}

static uint8_t *take(size_t len)
{
    uint8_t *p = room + used;

    assert(used + len <= sizeof room);
    used += len;
    memset(p, 0, len);
    return p;
}

/* ---- rules -------------------------------------------------------------------------------- */
#define RULE(structure, field, value) {structure, field, value},
static const struct {
    const char *structure, *field;
    uint64_t value;
} rules[] = {ZOO_RULES(RULE)};
#define DATA(structure, part, hex) {structure, part, hex},
static const struct {
    const char *structure, *part, *hex;
} datas[] = {ZOO_BYTES(DATA)};

static bool rule_of(const char *structure, const char *field, uint64_t *value)
{
    for (size_t i = 0; structure && i < sizeof rules / sizeof rules[0]; i++) {
        if (strcmp(rules[i].structure, structure) == 0 && strcmp(rules[i].field, field) == 0) {
            *value = rules[i].value;
            return true;
        }
    }
    return false;
}

/* Fields that the walker or the kind fills in, unless a rule says otherwise. */
static bool is_told(const char *field)
{
    static const char *const told[] = {"type",   "len",        "length",       "subtype",
                                       "vendor", "property",   "experimenter", "exp_type",
                                       "event",  "prop_class", "actions_len",  "match_len"};

    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        if (strcmp(told[i], field) == 0) {
            return true;
        }
    }
    return false;
}

static uint64_t all_bits(const struct wire_form *form)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < form->n_names; i++) {
        bits |= form->names[i].value;
    }
    return bits;
}

static uint64_t draw(const struct wire_form *form, unsigned size)
{
    unsigned n = ++count;

    if (form == &wire_form_OXM_PORT || form == &wire_form_OXM_PORT16) {
        return 40 + n;
    }
    if (form->show == WIRE_FLAGS && form->n_names > 0) {
        return all_bits(form);
    }
    return size == 1   ? 101 + n
           : size == 2 ? 2000 + 7 * n
           : size == 4 ? 1300000 + 101 * n
                       : UINT64_C(5000000000) + 1009 * n;
}

static void set(void *host, const struct wire_field *f, uint64_t v)
{
    uint8_t *to = (uint8_t *)host + f->offset;

    switch (f->size) {
    case 1:
        *to = (uint8_t)v;
        break;
    case 2:
        memcpy(to, &(uint16_t){(uint16_t)v}, 2);
        break;
    case 4:
        memcpy(to, &(uint32_t){(uint32_t)v}, 4);
        break;
    default:
        memcpy(to, &v, 8);
    }
}

static void set_bytes(uint8_t *to, const struct wire_field *f)
{
    unsigned n = ++count;

    if (f->form->show == WIRE_TEXT) {
        snprintf((char *)to, f->size, "text-%u", n);
        return;
    }
    for (unsigned i = 0; i < f->size; i++) {
        to[i] = (uint8_t)(i == 0 ? 2 : i == 1u ? n : 16 * i + n);
    }
    if (f->form->show == WIRE_IPV6) { /* an IPv4 address in it, for connections (ct_flush) */
        memset(to, 0, 10);
        memset(to + 10, 0xff, 2);
    }
}

void zoo_fill(const struct wire_desc *d, const char *kind, void *host)
{
    for (unsigned i = 0; i < d->n_fields; i++) {
        const struct wire_field *f = &d->fields[i];
        uint64_t v;

        if (!f->name) {
            continue;
        }
        if (!f->integer) {
            set_bytes((uint8_t *)host + f->offset, f);
        } else if (rule_of(kind, f->name, &v) || rule_of(d->name, f->name, &v)) {
            set(host, f, v);
        } else if (!is_told(f->name)) {
            set(host, f, rule_of("*", f->name, &v) ? v : draw(f->form, f->size));
        }
    }
}

const uint8_t *zoo_bytes(const struct wire_desc *d, const char *kind, const struct wire_part *part,
                         size_t *len)
{
    const char *names[] = {kind ? kind : "", d->name, "*"};

    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < sizeof datas / sizeof datas[0]; i++) {
            uint8_t *p;

            if (strcmp(datas[i].structure, names[k]) != 0 ||
                strcmp(datas[i].part, part->name) != 0) {
                continue;
            }
            *len = strlen(datas[i].hex) / 2;
            p = take(*len);
            for (size_t b = 0; b < *len; b++) {
                sscanf(datas[i].hex + 2 * b, "%2hhx", &p[b]);
            }
            return *len > 0 ? p : NULL;
        }
    }
    return NULL;
}

/* ---- fields of a match -------------------------------------------------------------------- */
static uint8_t *experimenter(const struct oxm_field *f, uint8_t *p)
{
    if (f->field_class == OXM_CLASS_EXPERIMENTER) {
        wire_store_uint32(p, f->experimenter);
        p += 4;
    }
    return p;
}

static const struct {
    const char *header;
    uint32_t value;
} oxm_values[] = {
    {"NXM_OF_ARP_OP", 2},
    {"OXM_OF_ARP_OP", 2},
    {"NXM_OF_ETH_TYPE", 0x88b5},
    {"OXM_OF_ETH_TYPE", 0x88b5},
    {"NXM_OF_VLAN_TCI", 0x104d},
    {"OXM_OF_VLAN_VID", 0x104d},
    {"NXM_OF_IP_TOS", 0x48},
    {"OXM_OF_MPLS_BOS", 1},
    {"OXM_OF_IP_DSCP", 0x12},
    {"NXM_NX_IP_FRAG", 1},
    {"OXM_OF_PACKET_TYPE", 0x1894f},
    {"OXM_OF_IN_PORT", 5},
    {"OXM_OF_IN_PHY_PORT", 5},
    {"NXM_OF_IN_PORT", 5},
    {"OXM_OF_ACTSET_OUTPUT", 6},
    {"ONFOXM_ET_ACTSET_OUTPUT", 6},
    {"NXM_NX_CT_STATE", 0x27},
    {"NXOXM_NSH_FLAGS", 2},
    {"NXOXM_NSH_MDTYPE", 1},
    {"NXOXM_NSH_NP", 3},
    {"NXOXM_NSH_TTL", 55},
    {"NXM_NX_TUN_FLAGS", 1},
    {"ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE", 2},
    {"OXM_OF_PBB_UCA", 1},
    {"NXM_NX_CT_NW_PROTO", 17},
    {"OXM_OF_IPV6_EXTHDR", 0x21},
    {"NXM_NX_IP_ECN", 2},
    {"OXM_OF_IP_ECN", 2},
    {"OXM_OF_VLAN_PCP", 5},
    {"OXM_OF_MPLS_TC", 6},
    {"NXOXM_ET_ERSPAN_VER", 2},
    {"NXOXM_ET_ERSPAN_DIR", 1},
    {"NXOXM_ET_ERSPAN_HWID", 0x2a},
};

static bool value_of(const struct oxm_field *f, uint32_t *value)
{
    for (size_t i = 0; i < sizeof oxm_values / sizeof oxm_values[0]; i++) {
        if (strcmp(oxm_values[i].header, f->header) == 0) {
            *value = oxm_values[i].value;
            return true;
        }
    }
    return false;
}

/* Clears the bits above the lowest 'bits' of a number of 'size' bytes. */
static void keep_low(uint8_t *p, unsigned size, unsigned bits)
{
    for (unsigned i = 0; i < size; i++) {
        unsigned low = 8 * (size - 1 - i); /* bits below this byte */

        if (low >= bits) {
            p[i] = 0;
        } else if (bits - low < 8) {
            p[i] &= (uint8_t)((1u << (bits - low)) - 1);
        }
    }
}

const uint8_t *zoo_oxm(const struct oxm_field *f, bool mask, unsigned bytes)
{
    unsigned size = f->varies && bytes > 0 ? bytes : f->bytes;
    unsigned bits = f->varies ? 8 * size : f->bits;
    uint8_t *start = take(4 + 2 * size), *p = experimenter(f, start);
    uint32_t value;

    if (value_of(f, &value)) {
        zoo_oxm_number(f, value);
        for (unsigned i = 0; i < size && i < 4; i++) {
            p[size - 1 - i] = (uint8_t)(value >> 8 * i);
        }
    } else {
        unsigned n = ++count;

        for (unsigned i = 0; i < size; i++) {
            p[i] = (uint8_t)(0x20 + 0x11 * i + n);
        }
        if (f->form->show == WIRE_MAC) {
            p[0] = 2;
        }
        keep_low(p, size, bits);
    }
    if (mask) {
        uint8_t *m = p + size;

        memset(m, 0xff, size); /* all but the lowest two bits */
        m[size - 1] = bits > 2 ? 0xfc : 1;
        if (strcmp(f->header, "NXM_NX_CT_STATE") == 0 || f->form->show == WIRE_FLAGS) {
            m[size - 1] = p[size - 1];
            memset(m, 0, size - 1u);
        }
        keep_low(m, size, bits);
        if (strcmp(f->header, "OXM_OF_VLAN_VID") == 0) {
            m[0] = 0x1f;
        }
        for (unsigned i = 0; i < size; i++) {
            p[i] &= m[i];
        }
    }
    return start;
}

const uint8_t *zoo_oxm_number(const struct oxm_field *f, uint32_t value)
{
    uint8_t *start = take(4u + f->bytes), *p = experimenter(f, start);

    for (unsigned i = 0; i < f->bytes && i < 4; i++) {
        p[f->bytes - 1 - i] = (uint8_t)(value >> 8 * i);
    }
    return start;
}

unsigned zoo_count(const struct wire_desc *of)
{
    return strcmp(of->name, "of_hello_bitmap") == 0 || strcmp(of->name, "nx_ipfix_stats") == 0 ? 1
                                                                                               : 2;
}
