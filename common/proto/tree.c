/* common/proto/tree.c - check, read and write. */
#include "common/proto/tree.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A reading: check is a reading that puts every node into the same place. */
struct walk {
    struct tree *tree; /* NULL: check only */
    const uint8_t *start;
    struct tree_fault *fault;
    uint8_t *at;   /* where the next node goes */
    uint32_t left; /* bytes from there on */
    uint32_t keep; /* all ones; 0: check only */
    unsigned depth;
};

/* Room for the largest node. */
#define SCRATCH 2048

__attribute__((format(printf, 3, 4), cold, noinline)) static bool
wrong(struct walk *w, const uint8_t *at, const char *format, ...)
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

/* The next node goes behind this one. */
static inline void take_node(struct walk *w, uint32_t size)
{
    w->at += size & w->keep;
    w->left -= size & w->keep;
}

/* What is read next begins here; a check has no row. */
static inline uint32_t offset_of_next(const struct walk *w)
{
    return w->tree ? w->tree->size - w->left : 0;
}

__attribute__((cold, noinline)) static bool full(struct walk *w, const uint8_t *at)
{
    w->fault->full = true;
    return wrong(w, at, "more elements than the %u bytes for reading hold",
                 w->tree ? w->tree->size : SCRATCH);
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool read_struct(struct walk *w, const struct wire_desc *d, const struct wire_part *part,
                        const struct wire_case *what, const uint8_t *p, const uint8_t *end);

static inline size_t rounded(size_t len)
{
    return (len + 7) & ~(size_t)7;
}

/* Bytes as they are; none at all leave no node. */
static inline bool read_bytes(struct walk *w, const struct wire_part *part, const uint8_t *p,
                              const uint8_t *end)
{
    uint32_t size = node_size(0);
    struct tree_node *n = (void *)w->at;

    if (p == end) {
        return true;
    }
    if (size > w->left) {
        return full(w, p);
    }
    take_node(w, size);
    *n = (struct tree_node){.part = part,
                            .bytes = p,
                            .len = (uint32_t)(end - p),
                            .next = offset_of_next(w),
                            .kind = TREE_BYTES,
                            .depth = (uint8_t)w->depth};
    return true;
}

/* Bytes of an OXM after its header; UINT32_MAX: they are not there. */
static uint32_t oxm_there(struct walk *w, const struct wire_part *part, const uint8_t *p,
                          const uint8_t *end)
{
    bool ids = part->family->oxm_ids;
    size_t left = (size_t)(end - p);
    uint32_t header, there;

    if (left < OXM_HEADER) {
        wrong(w, p, "%s: %zu bytes are left, a field's header has %d", part->name, left,
              OXM_HEADER);
        return UINT32_MAX;
    }
    header = wire_load_uint32(p);
    there = ids ? oxm_header_size(header) - OXM_HEADER : oxm_length(header);
    if (left - OXM_HEADER < there) {
        wrong(w, p, "%s: field 0x%08x has %u bytes, %zu are left", part->name, header, there,
              left - OXM_HEADER);
        return UINT32_MAX;
    }
    if (oxm_has_experimenter(header) && there < 4) {
        wrong(w, p, "%s: experimenter field 0x%08x has %u bytes, its number alone 4", part->name,
              header, there);
        return UINT32_MAX;
    }
    return there;
}

static bool read_oxm(struct walk *w, const struct wire_part *part, const uint8_t *p,
                     const uint8_t *end, const uint8_t **after)
{
    uint32_t there = oxm_there(w, part, p, end), size = node_size(0), header;
    struct tree_node *n = (void *)w->at;
    const struct oxm_field *field;

    if (there == UINT32_MAX) {
        return false;
    }
    header = wire_load_uint32(p);
    field = oxm_find(header, oxm_has_experimenter(header) ? wire_load_uint32(p + OXM_HEADER) : 0);
    if (field && !part->family->oxm_ids &&
        !oxm_length_right(field, oxm_has_mask(header), oxm_payload(header))) {
        return wrong(w, p, "%s: %s%s has %u bytes", part->name, field->name,
                     oxm_has_mask(header) ? " with a mask" : "", oxm_payload(header));
    }
    if (size > w->left) {
        return full(w, p);
    }
    take_node(w, size);
    *n = (struct tree_node){.field = field,
                            .part = part,
                            .bytes = p + OXM_HEADER,
                            .len = there,
                            .next = offset_of_next(w),
                            .header = header,
                            .kind = TREE_OXM,
                            .depth = (uint8_t)w->depth};
    *after = p + OXM_HEADER + there;
    return true;
}

/* The kind of an element whose keys are counted from 'base' and may be read up to 'end'; 'p': where
 * its own bytes begin.  NULL: it is not listed.  False: its key is cut. */
static inline bool find_kind(struct walk *w, const struct wire_part *part, const uint8_t *base,
                             const uint8_t *p, const uint8_t *end, const struct wire_case **kind)
{
    const struct wire_family *f = part->family;

    for (*kind = NULL;;) {
        const struct wire_case *c;

        if (end - base < f->key_at + f->key_size) {
            if (p == end && p != base) { /* a BODY of no bytes has no further key */
                return true;
            }
            return wrong(w, base, "%s: %zu bytes, too few for the number of its kind", part->name,
                         (size_t)(end - base));
        }
        c = wire_case_of(f, f->key_size ? (uint32_t)wire_load(base + f->key_at, f->key_size) : 0);
        if (!c || !c->more) {
            *kind = c;
            return true;
        }
        f = c->more;
    }
}

static inline bool read_kind(struct walk *w, const struct wire_part *part,
                             const struct wire_case *kind, const uint8_t *p, const uint8_t *end)
{
    return kind ? read_struct(w, kind->desc(), part, kind, p, end) : read_bytes(w, part, p, end);
}

/* The length of an element where it stands nowhere: that of its fields, and of the parts whose
 * lengths these tell. */
static size_t told_length(const struct wire_desc *d, const uint8_t *p, size_t left)
{
    size_t len = d->size;

    for (unsigned i = 0; i < d->n_parts && d->size <= left; i++) {
        const struct wire_part *part = &d->parts[i];

        if (part->len_size) {
            size_t more = (size_t)wire_load(p + part->len_at, part->len_size);

            len += part->pad ? rounded(more) : more;
        }
    }
    return len;
}

/* Does an element of 'len' bytes fit the 'left' ones, and its family? */
static bool length_wrong(struct walk *w, const struct wire_part *part, const uint8_t *p, size_t len,
                         size_t left)
{
    const struct wire_family *f = part->family;

    if (len < (size_t)f->len_at + f->len_size || len > left) {
        return wrong(w, p, "%s: an element says that it has %zu bytes, %zu are left", part->name,
                     len, left);
    }
    return wrong(w, p, "%s: an element has %zu bytes, expected a multiple of %u", part->name, len,
                 f->step);
}

/* One element of LIST or ONE.  'after' becomes the place behind it and its pad. */
static bool read_element(struct walk *w, const struct wire_part *part, const uint8_t *p,
                         const uint8_t *end, const uint8_t **after)
{
    const struct wire_family *f = part->family;
    size_t left = (size_t)(end - p), len = left, padded;
    const struct wire_case *kind;

    if (f->oxm) {
        return read_oxm(w, part, p, end, after);
    }
    if (f->len_size) {
        if (left < (size_t)f->len_at + f->len_size) {
            return wrong(w, p, "%s: %zu bytes are left, too few for an element", part->name, left);
        }
        len = (size_t)wire_load(p + f->len_at, f->len_size);
        if (len < (size_t)f->len_at + f->len_size || len > left ||
            (f->step == 8 ? (len & 7) != 0 : f->step > 1 && len % f->step != 0)) {
            return length_wrong(w, part, p, len, left);
        }
    }
    if (!find_kind(w, part, p, p, p + len, &kind)) {
        return false;
    }
    if (!f->len_size && kind) {
        len = told_length(kind->desc(), p, left);
        if (len > left) {
            return wrong(w, p, "%s: %s has %zu bytes, %zu are left", part->name, kind->name, len,
                         left);
        }
    }
    padded = f->pad ? rounded(len) : len;
    if (padded > left) {
        return wrong(w, p, "%s: the zeros after an element of %zu bytes are cut", part->name, len);
    }
    *after = p + padded;
    return read_kind(w, part, kind, p, p + len);
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
        if ((size_t)(end - p) < d->size) {
            return wrong(w, p, "%s: %zu bytes are left, %s has %u", part->name, (size_t)(end - p),
                         d->name, d->size);
        }
        if (!read_struct(w, d, part, NULL, p, p + d->size)) {
            return false;
        }
    }
    return true;
}

/* A part of the structure that begins at 'base', in the bytes from 'p' to 'end'.  'after' becomes
 * the place where the part ends. */
static inline bool read_part(struct walk *w, const struct wire_part *part, const uint8_t *base,
                             const uint8_t *p, const uint8_t *end, const uint8_t **after)
{
    const struct wire_case *kind;

    *after = end;
    switch (part->how) {
    case WIRE_LIST:
        return read_list(w, part, p, end);
    case WIRE_ONE:
        return read_element(w, part, p, end, after);
    case WIRE_BODY:
        return find_kind(w, part, base, p, end, &kind) && read_kind(w, part, kind, p, end);
    case WIRE_ARRAY:
        return read_array(w, part, p, end);
    case WIRE_GAP:
        *after = p + part->gap;
        return end - p >= part->gap || wrong(w, p, "%zu bytes are left, %u bytes of padding follow",
                                             (size_t)(end - p), part->gap);
    case WIRE_ZEROS:
        return end - p < 8 || wrong(w, p, "%zu bytes too many", (size_t)(end - p));
    default:
        return read_bytes(w, part, p, end);
    }
}

/* What follows the fields, which end at 'p', of the structure that begins at 'base'. */
static bool read_parts(struct walk *w, const struct wire_desc *d, const uint8_t *base,
                       const uint8_t *p, const uint8_t *const end)
{
    const struct wire_part *const last = d->parts + d->n_parts;

    for (const struct wire_part *part = d->parts; part < last; part++) {
        size_t left = (size_t)(end - p), len = left;
        const uint8_t *after;

        if (part->len_size) {
            len = (size_t)wire_load(base + part->len_at, part->len_size);
            if ((part->pad ? rounded(len) : len) > left) {
                return wrong(w, p, "%s says that it has %zu bytes, %zu are left", part->name, len,
                             left);
            }
        }
        if (!read_part(w, part, base, p, p + len, &after)) {
            return false;
        }
        if (after != p + len && part->len_size) {
            return wrong(w, after, "%s: %zu bytes too many", part->name, (size_t)(p + len - after));
        }
        p = part->pad ? p + rounded((size_t)(after - p)) : after;
        if (p > end) {
            return wrong(w, end, "the zeros after %s are cut", part->name);
        }
    }
    return p == end || wrong(w, p, "%s: %zu bytes too many", d->name, (size_t)(end - p));
}

/* Why a structure cannot be read. */
__attribute__((cold, noinline)) static bool struct_wrong(struct walk *w, const struct wire_desc *d,
                                                         const struct wire_case *what,
                                                         const uint8_t *p, const uint8_t *end)
{
    if ((size_t)(end - p) < d->size) {
        return wrong(w, p, "%s of %zu bytes, expected %u", what ? what->name : d->name,
                     (size_t)(end - p), d->size);
    }
    if (w->depth == TREE_DEPTH) {
        return wrong(w, p, "more than %d structures within each other", TREE_DEPTH);
    }
    return full(w, p);
}

static bool read_struct(struct walk *w, const struct wire_desc *d, const struct wire_part *part,
                        const struct wire_case *what, const uint8_t *p, const uint8_t *end)
{
    uint32_t size = node_size(d->host_size);
    struct tree_node *n = (void *)w->at;

    if ((size_t)(end - p) < d->size || w->depth == TREE_DEPTH || size > w->left) {
        return struct_wrong(w, d, what, p, end);
    }
    take_node(w, size);
    *n = (struct tree_node){.desc = d,
                            .what = what,
                            .part = part,
                            .bytes = p,
                            .len = (uint32_t)(end - p),
                            .kind = TREE_STRUCT,
                            .depth = (uint8_t)w->depth};
    d->get(p, tree_host(n));
    w->depth++;
    if (!read_parts(w, d, p, p + d->size, end)) {
        return false;
    }
    w->depth--;
    if (w->tree) {
        n->next = offset_of_next(w);
    }
    return true;
}

static void begin(struct walk *w, struct tree *t, const uint8_t *start, struct tree_fault *fault,
                  uint8_t *scratch)
{
    fault->full = false;
    *w = (struct walk){.tree = t, .start = start, .fault = fault, .at = scratch, .left = SCRATCH};
    if (t) {
        w->at = t->memory;
        w->left = t->size;
        w->keep = UINT32_MAX;
        t->used = 0;
        t->depth = 0;
    }
}

bool tree_read(struct tree *t, const struct wire_desc *d, const uint8_t *bytes, size_t len,
               struct tree_fault *fault)
{
    _Alignas(8) uint8_t scratch[SCRATCH];
    struct walk w;

    begin(&w, t, bytes, fault, scratch);
    if (!read_struct(&w, d, NULL, NULL, bytes, bytes + len)) {
        return false;
    }
    if (t) {
        t->used = offset_of_next(&w);
    }
    return true;
}

bool tree_read_two(struct tree *t, const struct wire_desc *head, const struct wire_part *part,
                   const struct wire_desc *body, const uint8_t *bytes, size_t len,
                   struct tree_fault *fault)
{
    _Alignas(8) uint8_t scratch[SCRATCH];
    const uint8_t *p = bytes + head->size, *end = bytes + len;
    struct walk w;

    begin(&w, t, bytes, fault, scratch);
    if (!read_struct(&w, head, NULL, NULL, bytes, len < head->size ? end : p)) {
        return false;
    }
    w.depth = 1;
    if (!(body ? read_struct(&w, body, part, NULL, p, end) : read_bytes(&w, part, p, end))) {
        return false;
    }
    if (t) {
        t->used = node_at(t, 0)->next = offset_of_next(&w);
    }
    return true;
}

/* ---- looking ------------------------------------------------------------------------------ */

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

/* ---- writing: each returns where it ended, or NULL where there is too little room -------------
 */

static uint8_t *write_node(const struct tree *t, const struct tree_node *n, uint8_t *p,
                           const uint8_t *end);

static inline uint8_t *put_zeros(uint8_t *p, const uint8_t *end, size_t len)
{
    if ((size_t)(end - p) < len) {
        return NULL;
    }
    memset(p, 0, len);
    return p + len;
}

static inline uint8_t *fill_to_8(uint8_t *p, const uint8_t *end, const uint8_t *start)
{
    size_t over = (size_t)(p - start) & 7;

    return over == 0 ? p : put_zeros(p, end, 8 - over);
}

static inline uint8_t *put_bytes(uint8_t *p, const uint8_t *end, const void *bytes, size_t len)
{
    if ((size_t)(end - p) < len) {
        return NULL;
    }
    memcpy(p, bytes, len);
    return p + len;
}

static inline void put_length(uint8_t *p, unsigned size, size_t len)
{
    if (size == 2) {
        wire_store_uint16(p, (uint16_t)len);
    } else {
        wire_store(p, size, len);
    }
}

/* An element with its length, and the zeros that this does not tell. */
static inline uint8_t *write_element(const struct tree *t, const struct tree_node *n, uint8_t *p,
                                     const uint8_t *end)
{
    const struct wire_family *f = n->part->family;
    uint8_t *start = p;

    p = write_node(t, n, p, end);
    if (!p || !f || n->part->how == WIRE_BODY) {
        return p;
    }
    if (n->kind == TREE_STRUCT && f->len_size) {
        if (f->step == 8 && ((p - start) & 7) != 0) { /* bytes put in by hand: of any length */
            p = fill_to_8(p, end, start);
            if (!p) {
                return NULL;
            }
        }
        put_length(start + f->len_at, f->len_size, (size_t)(p - start));
    }
    return f->pad ? fill_to_8(p, end, start) : p;
}

/* The parts of 'of', which begins at 'base'. */
static uint8_t *write_parts(const struct tree *t, const struct tree_node *of, uint8_t *base,
                            uint8_t *p, const uint8_t *end)
{
    const struct wire_part *const last = of->desc->parts + of->desc->n_parts;
    const struct tree_node *n = tree_first(t, of);

    for (const struct wire_part *part = of->desc->parts; part < last; part++) {
        uint8_t *start = p;

        for (; n && n->part == part; n = tree_after(t, of, n)) {
            p = write_element(t, n, p, end);
            if (!p) {
                return NULL;
            }
        }
        if (part->len_size) {
            put_length(base + part->len_at, part->len_size, (size_t)(p - start));
        }
        if (part->how >= WIRE_GAP || part->pad) {
            p = part->how == WIRE_GAP ? put_zeros(p, end, part->gap)
                                      : fill_to_8(p, end, part->how == WIRE_ZEROS ? base : start);
            if (!p) {
                return NULL;
            }
        }
    }
    for (; n && p; n = tree_after(t, of, n)) { /* of_read: a body that is no part of the header */
        p = write_node(t, n, p, end);
    }
    return p;
}

static uint8_t *write_node(const struct tree *t, const struct tree_node *n, uint8_t *p,
                           const uint8_t *end)
{
    if (n->kind == TREE_STRUCT) {
        const struct wire_desc *d = n->desc;

        if ((size_t)(end - p) < d->size) {
            return NULL;
        }
        d->put(p, tree_host(n));
        return write_parts(t, n, p, p + d->size, end);
    }
    if (n->kind == TREE_OXM) {
        if (end - p < OXM_HEADER) {
            return NULL;
        }
        wire_store_uint32(p, n->header);
        p += OXM_HEADER;
    }
    return put_bytes(p, end, n->bytes, n->len);
}

void tree_write(const struct tree *t, struct wire_out *out)
{
    bool whole = t->used > 0 && tree_good(t) && !out->bad;
    uint8_t *p = whole ? write_node(t, node_at(t, 0), out->p, out->end) : NULL;

    if (p) {
        out->p = p;
    } else {
        out->bad = true;
    }
}
