/* common/proto/of_field_text.c - the values of a match's fields, with their masks. */
#include <inttypes.h>
#include <string.h>

#include "common/proto/of_text_pieces.h"

uint64_t of_text_load(const uint8_t *bytes, size_t len)
{
    uint64_t v = 0;

    for (size_t i = 0; i < len && i < 8; i++) {
        v = v << 8 | bytes[i];
    }
    return v;
}

bool of_text_all_ones(const uint8_t *mask, size_t len, unsigned bits)
{
    unsigned top = bits % 8 && (bits + 7) / 8 == len ? 8 - bits % 8 : 0;

    for (size_t i = 0; i < len; i++) {
        uint8_t want = (uint8_t)(i == 0 ? 0xff >> top : 0xff);

        if ((mask[i] & want) != want) {
            return false;
        }
    }
    return true;
}

int of_text_prefix(const uint8_t *mask, size_t len)
{
    size_t ones = 0;

    while (ones < 8 * len && (mask[ones / 8] >> (7 - ones % 8) & 1)) {
        ones++;
    }
    for (size_t i = ones; i < 8 * len; i++) {
        if (mask[i / 8] >> (7 - i % 8) & 1) {
            return -1;
        }
    }
    return (int)ones;
}

static void say_address(struct text *to, const struct wire_form *form, const uint8_t *value,
                        const uint8_t *mask, size_t len)
{
    int prefix = mask ? of_text_prefix(mask, len) : -1;

    tree_value(to, form, value, len);
    if (!mask) {
        return;
    }
    text_char(to, '/');
    if (prefix >= 0 && form->show != WIRE_MAC) {
        text_say(to, "%d", prefix);
    } else {
        tree_value(to, form, mask, len);
    }
}

/* "+trk-new" of what the mask looks at; without a mask "est|trk". */
static void say_flags(struct text *to, const struct wire_form *form, uint64_t v, bool masked,
                      uint64_t mask)
{
    uint64_t known = 0;

    if (!masked) {
        if (v == 0) {
            text_char(to, '0');
        } else {
            of_text_value(to, form, v, "|");
        }
        return;
    }
    for (unsigned i = 0; i < form->n_names; i++) {
        uint64_t bit = form->names[i].value;

        known |= bit;
        if (mask & bit) {
            text_say(to, "%c%s", v & bit ? '+' : '-', form->names[i].name);
        }
    }
    if (mask & ~known) {
        text_say(to, "+0x%" PRIx64 "/0x%" PRIx64, v & ~known, mask & ~known);
    }
}

/* nw_frag: two bits, with names for what of them is looked at. */
static void say_frag(struct text *to, uint64_t v, uint64_t mask)
{
    switch (mask & 3) {
    case 3:
        text_say(to, "%s", (v & 3) == 3 ? "later" : v & 1 ? "first" : v & 2 ? "<error>" : "no");
        break;
    case 1:
        text_say(to, "%s", v & 1 ? "yes" : "no");
        break;
    case 2:
        text_say(to, "%s", v & 2 ? "later" : "not_later");
        break;
    default:
        text_say(to, "ANY");
    }
}

static void say_wide(struct text *to, const uint8_t *bytes, size_t len)
{
    size_t zeros = 0;

    while (zeros + 1 < len && bytes[zeros] == 0) {
        zeros++;
    }
    text_say(to, "0x");
    if (len > 0) {
        text_say(to, "%x", bytes[zeros]);
        text_hex(to, bytes + zeros + 1, len - zeros - 1);
    }
}

/* A number in hex or, of fields in decimal, with its mask in hex. */
static void say_masked_number(struct text *to, const struct of_text_piece *e, enum of_text_how how)
{
    uint64_t v = of_text_load(e->value, e->len), mask = e->mask ? of_text_load(e->mask, e->len) : 0;

    if (e->len > 8) {
        say_wide(to, e->value, e->len);
        if (e->mask) {
            text_char(to, '/');
            say_wide(to, e->mask, e->len);
        }
    } else if (how == OF_TEXT_HEX5) {
        text_say(to, e->mask ? "0x%05" PRIx64 "/0x%05" PRIx64 : "0x%05" PRIx64, v, mask);
    } else if (how == OF_TEXT_HEX) {
        of_text_hex(to, v);
        if (e->mask) {
            text_char(to, '/');
            of_text_hex(to, mask);
        }
    } else if (e->mask) {
        text_say(to, "0x%" PRIx64 "/0x%" PRIx64, v, mask);
    } else {
        text_say(to, "%" PRIu64, v);
    }
}

void of_text_piece(struct text *to, const struct of_text_piece *e, enum of_text_how how)
{
    const struct wire_form *form = e->field ? e->field->form : &wire_form_BYTES;
    uint64_t v = of_text_load(e->value, e->len),
             mask = e->mask ? of_text_load(e->mask, e->len) : UINT64_MAX;

    if (form == &wire_form_OXM_FRAG) {
        say_frag(to, v, mask);
    } else if (form->show == WIRE_FLAGS) {
        say_flags(to, form, v, e->mask != NULL, mask);
    } else if (form->show == WIRE_MAC || form->show == WIRE_IP || form->show == WIRE_IPV6) {
        say_address(to, form, e->value, e->mask, e->len);
    } else if (form->show == WIRE_ENUM && !e->mask) {
        of_text_value(to, form, v, "|");
    } else if (how == OF_TEXT_FORM) {
        say_masked_number(to, e, form->show == WIRE_DEC ? OF_TEXT_DEC : OF_TEXT_HEX);
    } else {
        say_masked_number(to, e, how);
    }
}

void of_text_masked(struct text *to, const struct oxm_field *f, const uint8_t *value,
                    const uint8_t *mask, size_t len)
{
    struct of_text_piece e = {.field = f, .value = value, .mask = mask, .len = (unsigned)len};

    if (mask && of_text_all_ones(mask, len, f ? f->bits : 0)) {
        e.mask = NULL;
    }
    if (mask && e.mask && len <= 8 && f && f->form->show == WIRE_DEC) { /* only the mask in hex */
        text_say(to, "%" PRIu64 "/0x%" PRIx64, of_text_load(value, len), of_text_load(mask, len));
        return;
    }
    of_text_piece(to, &e, OF_TEXT_FORM);
}
