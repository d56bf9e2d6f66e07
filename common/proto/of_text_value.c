/* common/proto/of_text_value.c - numbers, names and bytes in words. */
#include <inttypes.h>
#include <string.h>

#include "common/proto/of_text_pieces.h"

#define RAW_MOST 32 /* bytes that are shown of what has no words */

void of_text_hex(struct text *to, uint64_t v)
{
    text_say(to, "%#" PRIx64, v);
}

void of_text_back(struct text *to, size_t n)
{
    to->n = n;
    if (n < to->size) {
        to->p[n] = '\0';
    }
}

void of_text_ascii(struct text *to, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len && bytes[i] != 0; i++) {
        text_char(to, bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '?');
    }
}

void of_text_raw(struct text *to, const uint8_t *bytes, size_t len)
{
    text_say(to, "0x");
    text_hex(to, bytes, len < RAW_MOST ? len : RAW_MOST);
    if (len > RAW_MOST) {
        text_say(to, "... (%zu bytes)", len);
    }
}

/* Digits after the point as few as tell it exactly; milliseconds always have three. */
void of_text_duration(struct text *to, uint64_t s, uint64_t ns)
{
    unsigned digits = 9;

    if (s == UINT32_MAX) { /* the switch does not know */
        text_char(to, '?');
        return;
    }
    text_say(to, "%" PRIu64, s);
    if (ns > 0 && ns % 1000000 == 0) {
        text_say(to, ".%03" PRIu64, ns / 1000000);
    } else if (ns > 0) {
        for (; ns % 10 == 0; digits--) {
            ns /= 10;
        }
        text_say(to, ".%0*" PRIu64, (int)digits, ns);
    }
    text_char(to, 's');
}

void of_text_value(struct text *to, const struct wire_form *form, uint64_t v, const char *between)
{
    const char *name = form->show == WIRE_ENUM ? wire_name(form, v) : NULL;
    bool any = false;

    if (form->show == WIRE_IP) {
        text_say(to, "%u.%u.%u.%u", (unsigned)(v >> 24 & 255), (unsigned)(v >> 16 & 255),
                 (unsigned)(v >> 8 & 255), (unsigned)(v & 255));
    } else if (form->show == WIRE_HEX || form->show == WIRE_OXM) {
        of_text_hex(to, v);
    } else if (form->show == WIRE_FLAGS) {
        for (unsigned i = 0; i < form->n_names; i++) {
            uint64_t bits = form->names[i].value;

            if (bits != 0 && (v & bits) == bits) {
                text_say(to, "%s%s", any ? between : "", form->names[i].name);
                any = true;
                v &= ~bits;
            }
        }
        if (v != 0 || !any) {
            name = v == 0 ? wire_name(form, 0) : NULL;
            text_say(to, "%s%s", any ? between : "", name ? name : "");
            if (!name) {
                of_text_hex(to, v);
            }
        }
    } else if (name) {
        text_say(to, "%s", name);
    } else {
        text_say(to, "%" PRIu64, v);
    }
}

const struct wire_field *of_text_field(const struct tree_node *n, const char *name, size_t len)
{
    for (unsigned i = 0; n->kind == TREE_STRUCT && i < n->desc->n_fields; i++) {
        const char *is = n->desc->fields[i].name;

        if (is && strncmp(is, name, len) == 0 && is[len] == '\0') {
            return &n->desc->fields[i];
        }
    }
    return NULL;
}

uint64_t of_text_number(const struct tree_node *n, const char *name)
{
    const struct wire_field *f = of_text_field(n, name, strlen(name));

    return f && f->integer ? wire_value(f, tree_host(n)) : 0;
}
