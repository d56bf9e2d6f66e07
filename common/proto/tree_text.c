/* common/proto/tree_text.c - all fields of a message, as lines or as JSON. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "common/proto/tree.h"

#define SAFE_INTEGER                                                                               \
    (1ull << 53) /* JSON numbers beyond lose digits in browsers: they are strings */

static void indent(struct text *to, const struct tree_node *n, unsigned more)
{
    for (unsigned i = 0; i < n->depth + more; i++) {
        text_say(to, "    ");
    }
}

/* "flow_mod", or the structure's own name without its version. */
static const char *node_name(const struct tree_node *n)
{
    const char *name;

    if (n->what) {
        return n->what->name;
    }
    name = strchr(n->desc->name, '_');
    return name ? name + 1 : n->desc->name;
}

/* ---- values ------------------------------------------------------------------------------- */

/* A field with its value, as wire_print_field has it: of a buffer in the middle of a text. */
static void say_field(struct text *to, const struct wire_field *f, const void *host)
{
    char value[600];

    wire_print_field(value, sizeof value, f, host);
    text_say(to, "%s", value);
}

static bool is_number(const struct wire_field *f, const void *host)
{
    uint64_t v;

    if (!f->integer || (f->form->show != WIRE_DEC && f->form->show != WIRE_ENUM)) {
        return false;
    }
    v = wire_value(f, host);
    return v < SAFE_INTEGER && !(f->form->show == WIRE_ENUM && wire_name(f->form, v));
}

static void json_field(struct text *to, const struct wire_field *f, const void *host)
{
    char value[600];
    size_t len;

    if (is_number(f, host)) {
        text_say(to, "%" PRIu64, wire_value(f, host));
        return;
    }
    len = wire_print_field(value, sizeof value, f, host);
    text_json(to, value, len < sizeof value ? len : sizeof value - 1);
}

void tree_value(struct text *to, const struct wire_form *form, const uint8_t *bytes, size_t len)
{
    struct wire_field f = {"", form, (uint16_t)len, 0, 0};
    uint64_t host = 0;

    if (form->show == WIRE_MAC || form->show == WIRE_IPV6 || form->show == WIRE_TEXT ||
        form->show == WIRE_BYTES) {
        if ((form->show == WIRE_MAC && len != 6) || (form->show == WIRE_IPV6 && len != 16)) {
            f.form = &wire_form_BYTES;
        }
        say_field(to, &f, bytes);
        return;
    }
    if (len > 8) { /* a wide number */
        size_t zeros = 0;

        while (zeros + 1 < len && bytes[zeros] == 0) {
            zeros++;
        }
        text_say(to, "0x%x", bytes[zeros]);
        text_hex(to, bytes + zeros + 1, len - zeros - 1);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        host = host << 8 | bytes[i];
    }
    f.size = 8;
    f.integer = 1;
    say_field(to, &f, &host);
}

static size_t experimenter_bytes(const struct tree_node *n)
{
    return oxm_has_experimenter(n->header) && n->len >= 4 ? 4 : 0;
}

void tree_oxm_value(struct text *to, const struct tree_node *n, bool mask)
{
    size_t before = experimenter_bytes(n), len = n->len - before;
    const struct wire_form *form = n->field ? n->field->form : &wire_form_BYTES;

    len = oxm_has_mask(n->header) ? len / 2 : len;
    tree_value(to, form, n->bytes + before + (mask ? len : 0), len);
}

static void say_oxm(struct text *to, const struct tree_node *n)
{
    if (n->field) {
        text_say(to, "%s", n->field->name);
    } else {
        text_say(to, "field_0x%08" PRIx32, n->header);
    }
    if (n->len > experimenter_bytes(n)) {
        text_char(to, '=');
        tree_oxm_value(to, n, false);
        if (oxm_has_mask(n->header)) {
            text_char(to, '/');
            tree_oxm_value(to, n, true);
        }
    }
}

/* ---- lines -------------------------------------------------------------------------------- */

static void print_node(struct text *to, const struct tree *t, const struct tree_node *n)
{
    const struct wire_desc *d = n->desc;

    indent(to, n, 0);
    if (n->part) {
        text_say(to, "%s: ", n->part->name);
    }
    if (n->kind == TREE_OXM) {
        say_oxm(to, n);
        text_char(to, '\n');
        return;
    }
    if (n->kind == TREE_BYTES) {
        text_say(to, "%" PRIu32 " bytes ", n->len);
        text_hex(to, n->bytes, n->len);
        text_char(to, '\n');
        return;
    }
    text_say(to, "%s\n", node_name(n));
    for (unsigned i = 0; i < d->n_fields; i++) {
        if (d->fields[i].name) {
            indent(to, n, 1);
            text_say(to, "%s: ", d->fields[i].name);
            say_field(to, &d->fields[i], tree_host(n));
            text_char(to, '\n');
        }
    }
    for (const struct tree_node *c = tree_first(t, n); c; c = tree_after(t, n, c)) {
        print_node(to, t, c);
    }
}

void tree_print(struct text *to, const struct tree *t)
{
    if (t->used > 0) {
        print_node(to, t, tree_root(t));
    }
}

/* ---- JSON --------------------------------------------------------------------------------- */

static void json_oxm(struct text *to, const struct tree_node *n)
{
    char value[600]; /* 255 bytes in hex */
    struct text v;

    if (n->field) {
        text_say(to, "{\"field\":\"%s\"", n->field->name);
    } else {
        text_say(to, "{\"field\":\"0x%08" PRIx32 "\"", n->header);
    }
    for (unsigned mask = 0; n->len > experimenter_bytes(n) && mask <= oxm_has_mask(n->header);
         mask++) {
        text_open(&v, value, sizeof value);
        tree_oxm_value(&v, n, mask);
        text_say(to, ",\"%s\":", mask ? "mask" : "value");
        text_json(to, value, strlen(value));
    }
    text_char(to, '}');
}

static bool is_many(const struct wire_part *part)
{
    return part->how == WIRE_LIST || part->how == WIRE_ARRAY;
}

/* The nodes of a part, from 'n' on: one value, or a list of them.  Returns the node after them. */
static const struct tree_node *json_part(struct text *to, const struct tree *t,
                                         const struct tree_node *of, const struct tree_node *n)
{
    const struct wire_part *part = n->part;
    bool many = part && is_many(part), first = true;

    text_say(to, ",\"%s\":%s", part ? part->name : "body", many ? "[" : "");
    for (; n && n->part == part; n = tree_after(t, of, n), first = false) {
        text_say(to, "%s", first ? "" : ",");
        tree_json_node(to, t, n);
    }
    text_say(to, "%s", many ? "]" : "");
    return n;
}

void tree_json_node(struct text *to, const struct tree *t, const struct tree_node *n)
{
    const struct wire_desc *d = n->desc;

    if (n->kind == TREE_OXM) {
        json_oxm(to, n);
        return;
    }
    if (n->kind == TREE_BYTES) {
        text_char(to, '"');
        text_hex(to, n->bytes, n->len);
        text_char(to, '"');
        return;
    }
    text_say(to, "{\"is\":\"%s\"", node_name(n));
    for (unsigned i = 0; i < d->n_fields; i++) {
        if (d->fields[i].name) {
            text_say(to, ",\"%s\":", d->fields[i].name);
            json_field(to, &d->fields[i], tree_host(n));
        }
    }
    for (const struct tree_node *c = tree_first(t, n); c;) {
        c = json_part(to, t, n, c);
    }
    text_char(to, '}');
}

void tree_json(struct text *to, const struct tree *t)
{
    if (t->used > 0) {
        tree_json_node(to, t, tree_root(t));
    }
}
