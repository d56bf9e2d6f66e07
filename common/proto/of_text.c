/* common/proto/of_text.c - messages, and the entries of replies. */
#include "common/proto/of_text.h"

#include <inttypes.h>
#include <string.h>

#include "common/proto/nx.h"
#include "common/proto/of_text_pieces.h"

#define ROW_ON_STACK 4096 /* for a message in a log line */

/* What follows the header: a structure or bytes, or NULL. */
static const struct tree_node *body_of(const struct tree *t)
{
    const struct tree_node *root = tree_root(t);

    return root ? tree_first(t, root) : NULL;
}

/* ---- ERROR -------------------------------------------------------------------------------- */

/* The first bytes without a structure under a node: what an ERROR carries of its cause. */
static const struct tree_node *bytes_under(const struct tree *t, const struct tree_node *n)
{
    for (const struct tree_node *c = tree_first(t, n); c; c = tree_after(t, n, c)) {
        const struct tree_node *found = c->kind == TREE_BYTES ? c : NULL;

        found = c->kind == TREE_STRUCT ? bytes_under(t, c) : found;
        if (found) {
            return found;
        }
    }
    return NULL;
}

static void say_cause(struct text *to, const struct of_version *v, const struct tree_node *bytes)
{
    const struct of_message *m;
    struct of_header h;

    if (bytes->len < OF_HEADER) {
        text_say(to, "; ");
        of_text_raw(to, bytes->bytes, bytes->len);
        return;
    }
    h = of_header_at(bytes->bytes);
    m = h.version == v->version ? of_find(v, h.type) : NULL;
    if (m) {
        text_say(to, "; about %s xid=0x%" PRIx32, m->name, h.xid);
    } else {
        text_say(to, "; about a message of type %u, version %u, xid=0x%" PRIx32, h.type, h.version,
                 h.xid);
    }
}

/* HELLO_FAILED has a text in place of its cause. */
static void say_reason(struct text *to, const struct tree_node *bytes)
{
    text_say(to, "; \"");
    of_text_ascii(to, bytes->bytes, bytes->len);
    text_char(to, '"');
}

static void say_error(struct text *to, const struct of_version *v, const struct tree *t,
                      const struct tree_node *body)
{
    uint16_t type = (uint16_t)of_text_number(body, "type");
    uint16_t code = (uint16_t)of_text_number(body, "code");
    const struct tree_node *bytes = bytes_under(t, body);

    text_say(to, " %s: %s (type %u, code %u)", of_error_type(v, type), of_error_code(v, type, code),
             type, code);
    if (bytes && type == 0) {
        say_reason(to, bytes);
    } else if (bytes) {
        say_cause(to, v, bytes);
    }
}

/* ---- all messages ------------------------------------------------------------------------- */

static bool is_error(const struct of_message *m, const struct tree_node *body)
{
    return m && strcmp(m->name, "error") == 0 && body->kind == TREE_STRUCT;
}

void of_text_message(struct text *to, const struct of_version *v, const struct tree *t,
                     unsigned most)
{
    const struct of_header *h = tree_root(t) ? tree_host(tree_root(t)) : NULL;
    const struct of_message *m = h ? of_find(v, h->type) : NULL;
    const struct tree_node *body = body_of(t);
    size_t before;

    if (!h) {
        text_say(to, "nothing");
        return;
    }
    if (m) {
        text_say(to, "%s xid=0x%" PRIx32, m->name, h->xid);
    } else {
        text_say(to, "type_%u xid=0x%" PRIx32, h->type, h->xid);
    }
    if (!body) {
        return;
    }
    if (is_error(m, body)) {
        say_error(to, v, t, body);
        return;
    }
    before = to->n;
    text_char(to, ' ');
    if (body->kind == TREE_BYTES) {
        text_say(to, "%" PRIu32 " bytes ", body->len);
        of_text_raw(to, body->bytes, body->len);
    } else {
        of_text_some(to, t, body, most);
    }
    while (to->n > before && to->n < to->size && to->p[to->n - 1] == ' ') {
        of_text_back(to, to->n - 1); /* what it would stand before was empty */
    }
}

void of_text_bytes(struct text *to, const struct of_version *v, const uint8_t *bytes, size_t len)
{
    _Alignas(8) uint8_t memory[ROW_ON_STACK];
    const struct of_message *m;
    struct tree_fault fault;
    struct of_header h;
    struct tree t;

    tree_open(&t, memory, sizeof memory);
    if (of_read(v, bytes, len, &t, &fault)) {
        of_text_message(to, v, &t, 3);
        return;
    }
    if (len < OF_HEADER) {
        text_say(to, "cut header (%zu bytes)", len);
        return;
    }
    h = of_header_at(bytes);
    m = of_find(v, h.type);
    if (m) {
        text_say(to, "%s", m->name);
    } else {
        text_say(to, "type_%u", h.type);
    }
    text_say(to, " xid=0x%" PRIx32 " length=%u", h.xid, h.length);
    if (len < h.length) {
        text_say(to, " (cut to %zu bytes)", len);
    } else if (!fault.full) {
        text_say(to, " (wrong at byte %" PRIu32 ": %s)", fault.offset, fault.what);
    }
}

/* ---- entries ------------------------------------------------------------------------------ */

/* The structure that has the entries: the body, or, in statistics, the body of that. */
static const struct tree_node *list_of(const struct tree *t)
{
    const struct tree_node *body = body_of(t);
    const struct tree_node *inner =
        body && body->kind == TREE_STRUCT ? tree_part(t, body, "body") : NULL;

    return inner ? inner : body;
}

const struct tree_node *of_text_first(const struct tree *t)
{
    const struct tree_node *list = list_of(t), *n;

    if (!list || list->kind != TREE_STRUCT) {
        return NULL;
    }
    n = tree_first(t, list);
    while (n && n->kind != TREE_STRUCT) {
        n = tree_after(t, list, n);
    }
    return n ? n : list->desc->n_parts == 0 && list->desc->n_fields > 0 ? list : NULL;
}

const struct tree_node *of_text_next(const struct tree *t, const struct tree_node *n)
{
    const struct tree_node *list = list_of(t);

    if (n == list) {
        return NULL;
    }
    do {
        n = tree_after(t, list, n);
    } while (n && n->kind != TREE_STRUCT);
    return n;
}

void of_text_entry(struct text *to, const struct tree *t, const struct tree_node *n)
{
    of_text_node(to, t, n);
}
