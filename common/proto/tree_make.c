/* common/proto/tree_make.c - a row of nodes made by hand. */
#include <assert.h>
#include <string.h>

#include "common/proto/tree.h"

/* A full memory: the last node is given again and again, and tree_good says so. */
#define FULL UINT32_MAX

static struct tree_node *at(const struct tree *t, uint32_t offset)
{
    return (struct tree_node *)(void *)(t->memory + offset);
}

bool tree_good(const struct tree *t)
{
    return t->used != FULL && t->depth == 0;
}

/* The part of that name of the structure that is open; NULL when none is open. */
static const struct wire_part *part_of(const struct tree *t, const char *name)
{
    const struct wire_desc *d;

    if (t->depth == 0) {
        return NULL;
    }
    d = at(t, t->open[t->depth - 1])->desc;
    for (unsigned i = 0; i < d->n_parts; i++) {
        if (name && strcmp(d->parts[i].name, name) == 0) {
            return &d->parts[i];
        }
    }
    assert(d == NULL && "the structure has no part of this name");
    return NULL;
}

static void *nowhere(void)
{
    static _Thread_local _Alignas(8) uint8_t room[2048];

    memset(room, 0, sizeof room);
    return room;
}

static struct tree_node *add(struct tree *t, const struct wire_part *part, size_t host_size)
{
    uint32_t size = (uint32_t)((sizeof(struct tree_node) + host_size + 7) & ~(size_t)7);
    struct tree_node *n;

    if (t->used == FULL || size > t->size - t->used) {
        t->used = FULL;
        return NULL;
    }
    n = at(t, t->used);
    memset(n, 0, size);
    t->used += size;
    n->next = t->used;
    n->part = part;
    n->depth = (uint8_t)t->depth;
    return n;
}

static void *push(struct tree *t, const struct wire_part *part, const struct wire_desc *d,
                  const struct wire_case *what)
{
    uint32_t offset = t->used;
    struct tree_node *n = add(t, part, d->host_size);

    assert(t->depth < TREE_DEPTH);
    t->open[t->depth++] = offset;
    if (!n) {
        return nowhere();
    }
    n->kind = TREE_STRUCT;
    n->desc = d;
    n->what = what;
    return tree_host(n);
}

void *tree_push(struct tree *t, const char *part, const struct wire_desc *d)
{
    if (t->used == FULL) {
        t->depth++;
        return nowhere();
    }
    return push(t, part_of(t, part), d, NULL);
}

void *tree_push_part(struct tree *t, const struct wire_part *part, const struct wire_desc *d)
{
    if (t->used == FULL) {
        t->depth++;
        return nowhere();
    }
    return push(t, part, d, NULL);
}

/* Stores 'key' into the host field that lies at 'place' on the wire. */
static void set_key(void *host, const struct wire_desc *d, unsigned place, uint32_t key)
{
    unsigned offset = 0;

    for (unsigned i = 0; i < d->n_fields; i++) {
        const struct wire_field *f = &d->fields[i];

        if (offset == place && f->integer) {
            uint16_t v16 = (uint16_t)key;
            uint8_t v8 = (uint8_t)key;
            const void *from = f->size == 1   ? (const void *)&v8
                               : f->size == 2 ? (const void *)&v16
                                              : (const void *)&key;

            memcpy((uint8_t *)host + f->offset, from, f->size < 4 ? f->size : 4);
            return;
        }
        offset += f->size;
    }
}

/* What is left of "vendor/nicira/flow" below the row of "vendor"; a name without it stays whole. */
static const char *below(const struct wire_case *c, const char *kind)
{
    size_t len = strlen(c->name);

    return strncmp(kind, c->name, len) == 0 && kind[len] == '/' ? kind + len + 1 : kind;
}

/* The row that is, or leads to, the kind of that name. */
static const struct wire_case *find(const struct wire_family *f, const char *kind)
{
    for (unsigned i = 0; i < f->n_cases; i++) {
        const struct wire_case *c = &f->cases[i];

        if (c->desc ? strcmp(c->name, kind) == 0 : find(c->more, below(c, kind)) != NULL) {
            return c;
        }
    }
    return NULL;
}

void *tree_kind(struct tree *t, const char *part, const char *kind)
{
    const struct wire_family *f;
    const struct wire_part *p;
    const struct wire_case *c;
    const struct tree_node *above;
    const struct wire_desc *d;
    const char *name = kind;
    void *host;

    if (t->used == FULL) {
        t->depth++;
        return nowhere();
    }
    p = part_of(t, part);
    assert(p && p->family);
    above = at(t, t->open[t->depth - 1]);
    for (c = find(p->family, name); c && c->more; c = find(c->more, name)) {
        name = below(c, name);
    }
    assert(c);
    d = c->desc();
    host = push(t, p, d, c);
    for (f = p->family; f && t->used != FULL; f = c->more) {
        unsigned before = p->how == WIRE_BODY ? above->desc->size : 0;

        c = find(f, kind);
        kind = below(c, kind);
        if (f->key_at < before) {
            set_key(tree_host(above), above->desc, f->key_at, c->key);
        } else if (f->key_size > 0) {
            set_key(host, d, f->key_at - before, c->key);
        }
    }
    return host;
}

void tree_pop(struct tree *t)
{
    assert(t->depth > 0);
    t->depth--;
    if (t->used != FULL) {
        at(t, t->open[t->depth])->next = t->used;
    }
}

void tree_bytes(struct tree *t, const char *part, const void *bytes, size_t len)
{
    struct tree_node *n = t->used == FULL || len == 0 ? NULL : add(t, part_of(t, part), 0);

    if (n) {
        n->kind = TREE_BYTES;
        n->bytes = bytes;
        n->len = (uint32_t)len;
    }
}

void tree_oxm(struct tree *t, const char *part, uint32_t header, const void *payload)
{
    struct tree_node *n = t->used == FULL ? NULL : add(t, part_of(t, part), 0);
    uint32_t experimenter = 0;

    if (n) {
        if (oxm_has_experimenter(header)) {
            experimenter = wire_load_uint32(payload);
        }
        n->kind = TREE_OXM;
        n->header = header;
        n->field = oxm_find(header, experimenter);
        n->bytes = payload;
        n->len =
            n->part->family->oxm_ids ? (oxm_has_experimenter(header) ? 4 : 0) : oxm_length(header);
    }
}
