/* common/proto/tree.c - check, read and write. */
#include "common/proto/tree.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A reading: check is a reading without a row. */
struct walk {
    struct tree *tree; /* NULL: check only */
    const uint8_t *start;
    struct tree_fault *fault;
    unsigned depth;
    struct tree_node nowhere; /* stands for every node of a check */
};

/* An element that is being read: what it is a part of, and its bytes. */
struct piece {
    const struct wire_part *part;
    const struct wire_case *what;
    const uint8_t *p, *end;
};

__attribute__((format(printf, 3, 4), cold)) static bool wrong(struct walk *w, const uint8_t *at,
                                                              const char *format, ...)
{
    va_list args;

    w->fault->offset = (uint32_t)(at - w->start);
    va_start(args, format);
    vsnprintf(w->fault->what, sizeof w->fault->what, format, args);
    va_end(args);
    return false;
}

/* ---- nodes -------------------------------------------------------------------------------- */

void tree_open(struct tree *t, void *memory, size_t size)
{
    assert(((uintptr_t)memory & 7) == 0);
    t->memory = memory;
    t->size = size < UINT32_MAX ? (uint32_t)size & ~7u : UINT32_MAX & ~7u;
    t->used = 0;
    t->depth = 0;
}

static inline struct tree_node *node_at(const struct tree *t, uint32_t offset)
{
    return (struct tree_node *)(void *)(t->memory + offset);
}

static inline uint32_t node_size(size_t host_size)
{
    return (uint32_t)((sizeof(struct tree_node) + host_size + 7) & ~(size_t)7);
}

/* Room for a node; NULL: there is none. */
static inline struct tree_node *take_node(struct tree *t, size_t host_size)
{
    uint32_t size = node_size(host_size);
    struct tree_node *n;

    if (size > t->size - t->used) {
        return NULL;
    }
    n = node_at(t, t->used);
    t->used += size;
    n->next = t->used;
    return n;
}

static inline struct tree_node *new_node(struct walk *w, size_t host_size, const uint8_t *at)
{
    struct tree_node *n = w->tree ? take_node(w->tree, host_size) : &w->nowhere;

    if (!n) {
        wrong(w, at, "more elements than the %u bytes for reading hold", w->tree->size);
        w->fault->full = true;
        return NULL;
    }
    n->depth = (uint8_t)w->depth;
    return n;
}

static inline void end_node(struct walk *w, struct tree_node *n)
{
    if (w->tree) {
        n->next = w->tree->used;
    }
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool read_struct(struct walk *w, const struct wire_desc *d, const struct piece *e);

static inline size_t rounded(size_t len)
{
    return (len + 7) & ~(size_t)7;
}

static bool read_bytes(struct walk *w, const struct piece *e)
{
    struct tree_node *n;

    if (e->p == e->end) {
        return true;
    }
    n = new_node(w, 0, e->p);
    if (!n) {
        return false;
    }
    n->kind = TREE_BYTES;
    n->desc = NULL;
    n->what = NULL;
    n->part = e->part;
    n->bytes = e->p;
    n->len = (uint32_t)(e->end - e->p);
    return true;
}

static bool read_oxm(struct walk *w, const struct piece *e, bool ids, const uint8_t **after)
{
    const struct oxm_field *field;
    uint32_t header, len, experimenter = 0, there;
    struct tree_node *n;

    if (e->end - e->p < OXM_HEADER) {
        return wrong(w, e->p, "%s: %zu bytes are left, a field's header has %d", e->part->name,
                     (size_t)(e->end - e->p), OXM_HEADER);
    }
    header = wire_load_uint32(e->p);
    len = oxm_length(header);
    there = ids ? (oxm_has_experimenter(header) ? 4 : 0) : len;
    if ((size_t)(e->end - e->p) < OXM_HEADER + there) {
        return wrong(w, e->p, "%s: field 0x%08x has %u bytes, %zu are left", e->part->name, header,
                     there, (size_t)(e->end - e->p) - OXM_HEADER);
    }
    if (oxm_has_experimenter(header)) {
        if (there < 4) {
            return wrong(w, e->p, "%s: experimenter field 0x%08x has %u bytes, its number alone 4",
                         e->part->name, header, there);
        }
        experimenter = wire_load_uint32(e->p + OXM_HEADER);
    }
    field = oxm_find(header, experimenter);
    if (field && !ids && !oxm_length_right(field, oxm_has_mask(header), oxm_payload(header))) {
        return wrong(w, e->p, "%s: %s%s has %u bytes", e->part->name, field->name,
                     oxm_has_mask(header) ? " with a mask" : "", oxm_payload(header));
    }
    n = new_node(w, 0, e->p);
    if (!n) {
        return false;
    }
    n->kind = TREE_OXM;
    n->desc = NULL;
    n->field = field;
    n->part = e->part;
    n->header = header;
    n->bytes = e->p + OXM_HEADER;
    n->len = there;
    *after = e->p + OXM_HEADER + there;
    return true;
}

/* The kind of an element whose keys are counted from 'base' and may be read up to 'end'. */
static bool find_kind(struct walk *w, const struct wire_family *f, const uint8_t *base,
                      const uint8_t *end, struct piece *e)
{
    for (;;) {
        const struct wire_case *c;

        if (end - base < f->key_at + f->key_size) {
            if (e->p == end && e->p != base) { /* a BODY of no bytes has no further key */
                return true;
            }
            return wrong(w, base, "%s: %zu bytes, too few for the number of its kind",
                         e->part->name, (size_t)(end - base));
        }
        c = wire_case_of(f, f->key_size ? (uint32_t)wire_load(base + f->key_at, f->key_size) : 0);
        if (!c || !c->more) {
            e->what = c;
            return true;
        }
        f = c->more;
    }
}

static bool read_kind(struct walk *w, const struct piece *e)
{
    return e->what ? read_struct(w, e->what->desc(), e) : read_bytes(w, e);
}

/* One element of LIST or ONE.  'after' becomes the place behind it and its pad. */
static inline bool read_element(struct walk *w, const struct wire_part *part, const uint8_t *p,
                                const uint8_t *end, const uint8_t **after)
{
    const struct wire_family *f = part->family;
    struct piece e = {part, NULL, p, end};
    size_t left = (size_t)(end - p), len = left, padded;

    if (f->oxm) {
        return read_oxm(w, &e, f->oxm_ids, after);
    }
    if (f->len_size) {
        if (left < (size_t)f->len_at + f->len_size) {
            return wrong(w, p, "%s: %zu bytes are left, too few for an element", part->name, left);
        }
        len = (size_t)wire_load(p + f->len_at, f->len_size);
        if (len < (size_t)f->len_at + f->len_size || len > left) {
            return wrong(w, p, "%s: an element says that it has %zu bytes, %zu are left",
                         part->name, len, left);
        }
        if (f->step > 1 && len % f->step != 0) {
            return wrong(w, p, "%s: an element has %zu bytes, expected a multiple of %u",
                         part->name, len, f->step);
        }
        e.end = p + len;
    }
    if (!find_kind(w, f, p, e.end, &e)) {
        return false;
    }
    if (!f->len_size && e.what) {
        len = e.what->desc()->size;
        if (len > left) {
            return wrong(w, p, "%s: %s has %zu bytes, %zu are left", part->name, e.what->name, len,
                         left);
        }
        e.end = p + len;
    }
    padded = f->pad ? rounded(len) : len;
    if (padded > left) {
        return wrong(w, p, "%s: the zeros after an element of %zu bytes are cut", part->name, len);
    }
    *after = p + padded;
    return read_kind(w, &e);
}

static bool read_list(struct walk *w, const struct wire_part *part, const uint8_t *p,
                      const uint8_t *end)
{
    while (p < end) {
        const uint8_t *after;

        if (!read_element(w, part, p, end, &after)) {
            return false;
        }
        if (after == p) {
            return wrong(w, p, "%s: an element of no bytes", part->name);
        }
        p = after;
    }
    return true;
}

static bool read_array(struct walk *w, const struct wire_part *part, const uint8_t *p,
                       const uint8_t *end)
{
    const struct wire_desc *d = part->desc();

    for (; p < end; p += d->size) {
        struct piece e = {part, NULL, p, p + d->size};

        if ((size_t)(end - p) < d->size) {
            return wrong(w, p, "%s: %zu bytes are left, %s has %u", part->name, (size_t)(end - p),
                         d->name, d->size);
        }
        if (!read_struct(w, d, &e)) {
            return false;
        }
    }
    return true;
}

/* A part of the structure that begins at 'base', in the bytes from 'p' to 'end'.  'after' becomes
 * the place where the part ends. */
static bool read_part(struct walk *w, const struct wire_part *part, const uint8_t *base,
                      const uint8_t *p, const uint8_t *end, const uint8_t **after)
{
    struct piece e = {part, NULL, p, end};

    *after = end;
    switch (part->how) {
    case WIRE_LIST:
        return read_list(w, part, p, end);
    case WIRE_ONE:
        return read_element(w, part, p, end, after);
    case WIRE_BODY:
        return find_kind(w, part->family, base, end, &e) && read_kind(w, &e);
    case WIRE_ARRAY:
        return read_array(w, part, p, end);
    case WIRE_ZEROS:
        return end - p < 8 || wrong(w, p, "%zu bytes too many", (size_t)(end - p));
    default:
        return read_bytes(w, &e);
    }
}

static bool read_parts(struct walk *w, const struct wire_desc *d, const struct piece *e)
{
    const uint8_t *p = e->p + d->size;

    for (unsigned i = 0; i < d->n_parts; i++) {
        const struct wire_part *part = &d->parts[i];
        size_t left = (size_t)(e->end - p), len = left;
        const uint8_t *end;

        if (part->len_size) {
            len = (size_t)wire_load(e->p + part->len_at, part->len_size);
        }
        if (len > left || (part->pad && rounded(len) > left && part->len_size)) {
            return wrong(w, p, "%s says that it has %zu bytes, %zu are left", part->name, len,
                         left);
        }
        if (!read_part(w, part, e->p, p, p + len, &end)) {
            return false;
        }
        if (end != p + len && part->len_size) {
            return wrong(w, end, "%s: %zu bytes too many", part->name, (size_t)(p + len - end));
        }
        p += part->pad ? rounded((size_t)(end - p)) : (size_t)(end - p);
        if (p > e->end) {
            return wrong(w, e->end, "the zeros after %s are cut", part->name);
        }
    }
    return p == e->end || wrong(w, p, "%s: %zu bytes too many", d->name, (size_t)(e->end - p));
}

static bool read_struct(struct walk *w, const struct wire_desc *d, const struct piece *e)
{
    struct tree_node *n;
    bool good;

    if ((size_t)(e->end - e->p) < d->size) {
        return wrong(w, e->p, "%s of %zu bytes, expected %u", e->what ? e->what->name : d->name,
                     (size_t)(e->end - e->p), d->size);
    }
    if (w->depth == TREE_DEPTH) {
        return wrong(w, e->p, "more than %d structures within each other", TREE_DEPTH);
    }
    n = new_node(w, d->host_size, e->p);
    if (!n) {
        return false;
    }
    if (w->tree) {
        n->kind = TREE_STRUCT;
        n->desc = d;
        n->what = e->what;
        n->part = e->part;
        n->bytes = e->p;
        n->len = (uint32_t)(e->end - e->p);
        d->get(e->p, tree_host(n));
    }
    w->depth++;
    good = read_parts(w, d, e);
    w->depth--;
    end_node(w, n);
    return good;
}

bool tree_read(struct tree *t, const struct wire_desc *d, const uint8_t *bytes, size_t len,
               struct tree_fault *fault)
{
    struct walk w = {.tree = t, .start = bytes, .fault = fault};
    struct piece e = {NULL, NULL, bytes, bytes + len};

    fault->full = false;
    if (t) {
        t->used = 0;
        t->depth = 0;
    }
    if (read_struct(&w, d, &e)) {
        return true;
    }
    if (t) {
        t->used = 0;
    }
    return false;
}

bool tree_read_into(struct tree *t, const struct wire_part *part, const struct wire_desc *d,
                    const uint8_t *start, const uint8_t *p, const uint8_t *end,
                    struct tree_fault *fault)
{
    struct walk w = {.tree = t, .start = start, .fault = fault, .depth = 1};
    struct piece e = {part, NULL, p, end};

    fault->full = false;
    if (d ? read_struct(&w, d, &e) : read_bytes(&w, &e)) {
        if (t) {
            node_at(t, 0)->next = t->used;
        }
        return true;
    }
    if (t) {
        t->used = 0;
    }
    return false;
}

/* ---- looking ------------------------------------------------------------------------------ */

const struct tree_node *tree_first(const struct tree *t, const struct tree_node *of)
{
    uint32_t at = (uint32_t)((const uint8_t *)of - t->memory) +
                  node_size(of->kind == TREE_STRUCT ? of->desc->host_size : 0);

    return at < of->next ? node_at(t, at) : NULL;
}

const struct tree_node *tree_after(const struct tree *t, const struct tree_node *of,
                                   const struct tree_node *n)
{
    return n->next < of->next ? node_at(t, n->next) : NULL;
}

const struct tree_node *tree_part(const struct tree *t, const struct tree_node *of,
                                  const char *part)
{
    for (const struct tree_node *n = tree_first(t, of); n; n = tree_after(t, of, n)) {
        if (n->part && strcmp(n->part->name, part) == 0) {
            return n;
        }
    }
    return NULL;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void write_node(const struct tree *t, const struct tree_node *n, struct wire_out *out);

static void fill_to_8(struct wire_out *out, const uint8_t *start)
{
    size_t len = (size_t)(out->p - start);

    wire_put_zero(out, rounded(len) - len);
}

/* An element with its length, and the zeros that this does not tell. */
static void write_element(const struct tree *t, const struct tree_node *n, struct wire_out *out)
{
    const struct wire_family *f = n->part->family;
    uint8_t *start = out->p;

    write_node(t, n, out);
    if (!f || n->part->how == WIRE_BODY || out->bad) {
        return;
    }
    if (n->kind == TREE_STRUCT && f->len_size) {
        wire_store(start + f->len_at, f->len_size, (uint64_t)(out->p - start));
    }
    if (f->pad) {
        fill_to_8(out, start);
    }
}

/* The parts of 'of', which begins at 'base'. */
static void write_parts(const struct tree *t, const struct tree_node *of, struct wire_out *out,
                        uint8_t *base)
{
    const struct wire_desc *d = of->desc;
    const struct tree_node *n = tree_first(t, of);

    for (unsigned i = 0; i < d->n_parts; i++) {
        const struct wire_part *part = &d->parts[i];
        uint8_t *start = out->p;

        for (; n && n->part == part; n = tree_after(t, of, n)) {
            write_element(t, n, out);
        }
        if (out->bad) {
            return;
        }
        if (part->len_size) {
            wire_store(base + part->len_at, part->len_size, (uint64_t)(out->p - start));
        }
        if (part->how == WIRE_ZEROS) {
            fill_to_8(out, base);
        } else if (part->pad) {
            fill_to_8(out, start);
        }
    }
    for (; n; n = tree_after(t, of, n)) { /* of_read: a body that the header's parts do not name */
        write_node(t, n, out);
    }
}

static void write_node(const struct tree *t, const struct tree_node *n, struct wire_out *out)
{
    uint8_t *start = out->p;

    if (n->kind == TREE_STRUCT) {
        wire_put(out, n->desc, tree_host(n));
        write_parts(t, n, out, start);
        return;
    }
    if (n->kind == TREE_OXM) {
        uint8_t header[OXM_HEADER];

        wire_store_uint32(header, n->header);
        wire_put_bytes(out, header, sizeof header);
    }
    wire_put_bytes(out, n->bytes, n->len);
}

void tree_write(const struct tree *t, struct wire_out *out)
{
    if (t->used == 0) {
        out->bad = true;
        return;
    }
    write_node(t, node_at(t, 0), out);
}
