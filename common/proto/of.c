/* common/proto/of.c - walks the tables of a version. */
#include "common/proto/of.h"

#include <stdio.h>

#include "common/proto/of_text.h"

OF_STRUCTS(WIRE_DEFINE, WIRE_DEFINE_V)
OF_FAMILIES(WIRE_FAMILY_DEFINE)

#define HELLO_BITMAP 1 /* type of the element that lists versions */

const struct of_message *of_find(const struct of_version *v, uint8_t type)
{
    return type < v->n_messages && v->messages[type].name ? &v->messages[type] : NULL;
}

void of_measure(struct of_message *messages, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const struct wire_desc *body = messages[i].body ? messages[i].body() : NULL;

        messages[i].least = (uint16_t)(OF_HEADER + (body ? wire_least(body) : 0));
    }
}

/* Error types and codes of a bad request have had the same numbers since 1.0. */
enum { BAD_REQUEST = 1, BAD_VERSION = 0, BAD_TYPE = 1, BAD_LEN = 6 };

static bool length_fits(const struct of_message *m, unsigned len)
{
    unsigned least = of_shortest(m);

    return len == least || (len > least && m->step > 0 && (len - least) % m->step == 0);
}

static bool refuse(struct of_fault *fault, uint16_t code)
{
    fault->type = BAD_REQUEST;
    fault->code = code;
    return false;
}

bool of_check(const struct of_version *v, const struct of_header *h, enum of_direction from,
              struct of_fault *fault)
{
    const struct of_message *m = of_find(v, h->type);
    size_t room = sizeof fault->what;

    if (h->length < OF_HEADER) {
        snprintf(fault->what, room, "its length is %u, less than a header's %u", h->length,
                 OF_HEADER);
        return refuse(fault, BAD_LEN);
    }
    if (h->version != v->version) {
        snprintf(fault->what, room, "its version byte is %u, and %u (%s) was agreed", h->version,
                 v->version, v->name);
        return refuse(fault, BAD_VERSION);
    }
    if (!m) {
        snprintf(fault->what, room, "%s has no message type %u", v->name, h->type);
        return refuse(fault, BAD_TYPE);
    }
    if (!(m->direction & from)) {
        snprintf(fault->what, room, "%s goes the other way: a %s never sends it", m->name,
                 from == OF_UP ? "switch" : "controller");
        return refuse(fault, BAD_TYPE);
    }
    if (!length_fits(m, h->length)) {
        snprintf(fault->what, room, "%s of %u bytes; expected %u%s", m->name, h->length,
                 of_shortest(m),
                 m->step == 0   ? ""
                 : m->step == 1 ? " or more"
                                : ", and whole items after it");
        return refuse(fault, BAD_LEN);
    }
    return true;
}

/* ---- whole messages ----------------------------------------------------------------------- */

/* What follows a header is not the header's to say: its part. */
static const struct wire_part body_part = {.name = "body", .how = WIRE_BODY};
static const struct wire_part data_part = {.name = "data", .how = WIRE_DATA};

static bool refuse_at(struct tree_fault *fault, unsigned offset, const char *what, size_t is,
                      size_t expected)
{
    fault->offset = offset;
    fault->full = false;
    snprintf(fault->what, sizeof fault->what, "%s is %zu, expected %zu", what, is, expected);
    return false;
}

bool of_read(const struct of_version *v, const uint8_t *bytes, size_t len, struct tree *t,
             struct tree_fault *fault)
{
    const struct wire_desc *body = NULL;
    const struct of_message *m;
    struct of_header h;

    if (len < OF_HEADER) {
        return refuse_at(fault, 0, "the length", len, OF_HEADER);
    }
    h = of_header_at(bytes);
    if (h.length != len) {
        return refuse_at(fault, 2, "the length that it says", h.length, len);
    }
    if (h.version != v->version) {
        return refuse_at(fault, 0, "the version", h.version, v->version);
    }
    m = of_find(v, h.type);
    body = m && m->body ? m->body() : NULL;
    if (m && !body && m->step == 0 && len > OF_HEADER) {
        return refuse_at(fault, 2, "its length", len, OF_HEADER);
    }
    return tree_read_two(t, of_header_desc(), body ? &body_part : &data_part, body, bytes, len,
                         fault);
}

void *of_begin(struct tree *t, const struct of_version *v, uint8_t type, uint32_t xid)
{
    const struct of_message *m = of_find(v, type);
    struct of_header *h = tree_push(t, NULL, of_header_desc());

    *h = (struct of_header){v->version, type, 0, xid};
    return m && m->body ? tree_push_part(t, &body_part, m->body()) : h;
}

void of_end(struct tree *t)
{
    while (t->depth > 0) {
        tree_pop(t);
    }
}

size_t of_write(const struct tree *t, uint8_t *to, size_t size)
{
    struct wire_out out = {to, to + size, false};
    size_t len;

    tree_write(t, &out);
    len = (size_t)(out.p - to);
    if (out.bad || len > OF_LONGEST) {
        return 0;
    }
    wire_store_uint16(to + 2, (uint16_t)len);
    return len;
}

static const char *words_of(const struct of_version *v, uint16_t type, uint16_t code)
{
    for (unsigned i = 0; i < v->n_errors; i++) {
        if (v->errors[i].type == type && v->errors[i].code == code) {
            return v->errors[i].words;
        }
    }
    return NULL;
}

const char *of_error_type(const struct of_version *v, uint16_t type)
{
    const char *words = words_of(v, type, OF_ANY_CODE);

    return words ? words : "unknown type of error";
}

const char *of_error_code(const struct of_version *v, uint16_t type, uint16_t code)
{
    const char *words = code == OF_ANY_CODE ? NULL : words_of(v, type, code);

    return words ? words : "unknown code";
}

void of_print(const struct of_version *v, const uint8_t *bytes, size_t len, char *text, size_t size)
{
    struct text to;

    text_open(&to, text, size);
    of_text_bytes(&to, v, bytes, len);
}

/* Looks for 'version' in an element's bitmaps: bit v of word w stands for version 32 w + v. */
static bool bitmap_has(const uint8_t *words, size_t len, uint8_t version)
{
    size_t at = (size_t)version / 32 * 4;

    return at + 4 <= len && (words[at + 3 - version % 32 / 8] >> (version % 8) & 1) != 0;
}

bool of_hello_allows(const uint8_t *bytes, size_t len, uint8_t version, bool *bad)
{
    struct wire_in in = {bytes + OF_HEADER, bytes + len, false};

    *bad = false;
    while (wire_left(&in) > 0) {
        const uint8_t *start = in.p;
        struct of_hello_element e;
        size_t padded;

        if (!of_hello_element_get(&in, &e) || e.length < 4 || e.length > (size_t)(in.end - start)) {
            *bad = true;
            return false;
        }
        if (e.type == HELLO_BITMAP) {
            return bitmap_has(in.p, e.length - 4u, version);
        }
        padded = (e.length + 7u) & ~(size_t)7;
        in.p = padded < (size_t)(in.end - start) ? start + padded : in.end;
    }
    return bytes[0] >= version;
}
