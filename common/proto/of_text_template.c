/* common/proto/of_text_template.c - fills in the templates of of_text.def. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/proto/of_text.def"
#include "common/proto/of_text_pieces.h"

#define GROUP_SELECT 1

/* A template being filled in. */
struct words {
    struct text *to;
    const struct tree *t;
    const struct tree_node *n;
    unsigned most; /* of a list; OF_TEXT_ALL: all */
};

static const struct of_text_row rows[] = {
#define ROW(structure, words) {#structure, words},
    OF_TEXT_ROWS(ROW)};
#define N_ROWS (sizeof rows / sizeof rows[0])

const struct of_text_row *of_text_row(unsigned i)
{
    return i < N_ROWS ? &rows[i] : NULL;
}

const struct of_text_row *of_text_find(const char *structure)
{
    for (unsigned i = 0; i < N_ROWS; i++) {
        if (strcmp(rows[i].structure, structure) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* ---- {field:how} -------------------------------------------------------------------------- */

static void say_port(struct text *to, const struct wire_field *f, uint64_t v)
{
    const struct wire_form *form = f->size == 2 ? &wire_form_OXM_PORT16 : &wire_form_OXM_PORT;

    of_text_value(to, form, v, "|");
}

static void say_stat(struct text *to, uint64_t v)
{
    if (v == UINT64_MAX) {
        text_char(to, '?');
    } else {
        text_say(to, "%" PRIu64, v);
    }
}

/* Flags, a space after each: "send_flow_rem check_overlap ". */
static void say_each(struct text *to, const struct wire_form *form, uint64_t v)
{
    if (v != 0) {
        of_text_value(to, form, v, " ");
        text_char(to, ' ');
    }
}

/* Bits of the field whose header is in 'f', and its offset and width in ofs_nbits beside it. */
static void say_sub(struct text *to, const struct tree_node *n, uint64_t header)
{
    uint64_t bits = of_text_number(n, "ofs_nbits");

    of_text_subfield(to, oxm_find((uint32_t)header, 0), (uint32_t)header, (unsigned)(bits >> 6),
                     (unsigned)(bits & 63) + 1);
}

/* Nicira: seconds since a flow was changed, and 1 more; not said where that is all its life. */
static void say_age(struct words *w, uint64_t v)
{
    if (v > 0 && v - 1 != of_text_number(w->n, "duration_sec")) {
        text_say(w->to, "hard_age=%" PRIu64 ", ", v - 1);
    }
}

static bool is(const char *how, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(how, word, len) == 0;
}

static void say_integer(struct words *w, const struct wire_field *f, const char *how, size_t len)
{
    uint64_t v = wire_value(f, tree_host(w->n));
    struct text *to = w->to;

    if (len == 0) {
        of_text_value(to, f->form, v, "|");
    } else if (is(how, len, "dec")) {
        text_say(to, "%" PRIu64, v);
    } else if (is(how, len, "x")) {
        text_say(to, "0x%" PRIx64, v);
    } else if (is(how, len, "x4")) {
        text_say(to, "0x%04" PRIx64, v);
    } else if (is(how, len, "x8")) {
        text_say(to, "0x%08" PRIx64, v);
    } else if (is(how, len, "x16")) {
        text_say(to, "%016" PRIx64, v);
    } else if (is(how, len, "port")) {
        say_port(to, f, v);
    } else if (is(how, len, "stat")) {
        say_stat(to, v);
    } else if (is(how, len, "words")) {
        of_text_value(to, f->form, v, " ");
    } else if (is(how, len, "each")) {
        say_each(to, f->form, v);
    } else if (is(how, len, "low")) {
        of_text_value(to, f->form, v & 0xff, "|");
    } else if (is(how, len, "high")) {
        text_say(to, "%" PRIu64, v >> 8 & 0xff);
    } else if (is(how, len, "commas")) {
        of_text_value(to, f->form, v, ",");
    } else if (is(how, len, "next")) {
        text_say(to, "%" PRIu64, v + 1);
    } else if (is(how, len, "before")) {
        text_say(to, "%" PRIu64, v - 1);
    } else if (is(how, len, "age")) {
        say_age(w, v);
    } else if (is(how, len, "mbit")) {
        text_say(to, "%" PRIu64, v / 1000);
    } else if (is(how, len, "s")) {
        of_text_duration(to, v, of_text_number(w->n, "duration_nsec"));
    } else if (is(how, len, "sub")) {
        say_sub(to, w->n, v);
    }
}

static void say_field(struct words *w, const char *name, size_t len, const char *how,
                      size_t how_len)
{
    const struct wire_field *f = of_text_field(w->n, name, len);
    const uint8_t *bytes;

    if (!f) {
        return; /* a test sees that no template names what is not there */
    }
    if (f->integer) {
        say_integer(w, f, how, how_len);
        return;
    }
    bytes = (const uint8_t *)tree_host(w->n) + f->offset;
    if (f->form->show == WIRE_TEXT) {
        of_text_ascii(w->to, bytes, f->size);
    } else {
        tree_value(w->to, f->form, bytes, f->size);
    }
}

/* ---- {@part:how} -------------------------------------------------------------------------- */

static void fill_in(struct words *w, const char *words, const char *end);
static void say_node(const struct words *w, const struct tree_node *n);

static bool in_part(const struct tree_node *n, const char *part, size_t len)
{
    return n->part && strncmp(n->part->name, part, len) == 0 && n->part->name[len] == '\0';
}

static const struct tree_node *first_of(const struct words *w, const char *part, size_t len)
{
    const struct tree_node *n = tree_first(w->t, w->n);

    while (n && !in_part(n, part, len)) {
        n = tree_after(w->t, w->n, n);
    }
    return n;
}

static const struct tree_node *next_of(const struct words *w, const struct tree_node *n)
{
    const struct tree_node *next = tree_after(w->t, w->n, n);

    return next && next->part == n->part ? next : NULL;
}

/* Elements with 'between' between them, at most 'most'. */
static void say_list(struct words *w, const struct tree_node *n, const char *between, unsigned most)
{
    unsigned shown = 0, left = 0;

    for (; n; n = next_of(w, n)) {
        if (most != OF_TEXT_ALL && shown == most) {
            left++;
            continue;
        }
        text_say(w->to, "%s", shown++ > 0 ? between : "");
        say_node(w, n);
    }
    if (left > 0) {
        text_say(w->to, "%s... and %u more", between, left);
    }
}

static void say_count(struct words *w, const struct tree_node *n)
{
    unsigned count = 0;

    for (; n; n = next_of(w, n)) {
        count++;
    }
    text_say(w->to, "%u", count);
}

/* ",bucket0:packet_count=1,...,bucket1:..." and " 0: packet_count:1 ... 1: ..." */
static void say_numbered(struct words *w, const struct tree_node *n, const char *before,
                         const char *after)
{
    for (unsigned i = 0; n; n = next_of(w, n), i++) {
        text_say(w->to, "%s%u%s", before, i, after);
        say_node(w, n);
    }
}

static void say_buckets(struct words *w, const struct tree_node *n)
{
    for (; n; n = next_of(w, n)) {
        if (n->kind == TREE_STRUCT) {
            of_text_bucket(w->to, w->t, n, of_text_number(w->n, "type") == GROUP_SELECT);
        } else {
            say_node(w, n);
        }
    }
}

static void say_dots(struct words *w, const struct tree_node *n)
{
    for (uint32_t i = 0; n && i < n->len; i++) {
        text_say(w->to, "%s%02x", i ? "." : "", n->bytes[i]);
    }
}

/* What a statistics message carries: a space, and what there is to say of it. */
static void say_lead(struct words *w, const struct tree_node *n)
{
    size_t before = w->to->n;

    text_char(w->to, ' ');
    say_list(w, n, "", OF_TEXT_ALL);
    if (w->to->n == before + 1) {
        of_text_back(w->to, before);
    }
}

/* An option's value: as many bytes as it says, without the zeros that fill it up. */
static void say_tlv(struct words *w, const struct tree_node *n)
{
    uint64_t len = of_text_number(w->n, "tlv_len");

    text_say(w->to, "0x");
    text_hex(w->to, n ? n->bytes : NULL, n ? (len < n->len ? (size_t)len : n->len) : 0);
}

static void say_instructions(struct words *w);

static void say_part(struct words *w, const char *part, size_t len, const char *how, size_t how_len)
{
    const struct tree_node *n = first_of(w, part, len);
    size_t before = w->to->n;

    if (is(part, len, "match")) {
        of_text_match(w->to, w->t, w->n);
    } else if (is(part, len, "actions")) {
        of_text_actions(w->to, w->t, w->n, "actions");
    } else if (is(part, len, "instructions")) {
        say_instructions(w);
    } else if (is(part, len, "buckets")) {
        say_buckets(w, n);
    } else if (is(how, how_len, "n")) {
        say_count(w, n);
    } else if (is(how, how_len, "size")) {
        text_say(w->to, "%" PRIu32, n ? n->len : 0);
    } else if (is(how, how_len, "numbered")) {
        say_numbered(w, n, ",bucket", ":");
    } else if (is(how, how_len, "counted")) {
        say_numbered(w, n, " ", ":");
    } else if (is(how, how_len, "dots")) {
        say_dots(w, n);
    } else if (is(how, how_len, "list")) {
        say_list(w, n, "; ", w->most);
    } else if (is(how, how_len, "tlv")) {
        say_tlv(w, n);
    } else if (is(how, how_len, "spaced")) {
        say_list(w, n, " ", OF_TEXT_ALL);
    } else if (is(how, how_len, "lead")) {
        say_lead(w, n);
    } else {
        say_list(w, n, is(how, how_len, "close") ? "" : ",", OF_TEXT_ALL);
    }
    if (is(how, how_len, "sp") && w->to->n > before) {
        text_char(w->to, ' ');
    }
}

/* Instructions in the order in which a switch carries them out (1.3.5, 5.9), which ovs-ofctl keeps:
 * meter, apply_actions, clear_actions, write_actions, write_metadata, goto_table. */
static void say_instructions(struct words *w)
{
    static const uint32_t order[] = {6, 4, 5, 3, 2, 1, UINT32_MAX};
    size_t start = w->to->n;
    struct words inner = *w;

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        for (inner.n = first_of(w, "instructions", 12); inner.n; inner.n = next_of(w, inner.n)) {
            uint32_t key = inner.n->kind == TREE_STRUCT && inner.n->what ? inner.n->what->key : 0;
            const char *comma = w->to->n > start ? "," : "";
            bool empty = !tree_first(w->t, inner.n);

            if (key != order[i] && (order[i] != UINT32_MAX || (key > 0 && key <= 6))) {
                continue;
            }
            if (key == 4 && empty) {
                continue;
            }
            text_say(w->to, "%s", comma);
            say_node(w, inner.n);
        }
    }
    if (w->to->n == start) {
        text_say(w->to, "drop");
    }
}

void of_text_actions(struct text *to, const struct tree *t, const struct tree_node *n,
                     const char *part)
{
    struct words w = {to, t, n, OF_TEXT_ALL};
    const struct tree_node *first = first_of(&w, part, strlen(part));

    if (first) {
        say_list(&w, first, ",", OF_TEXT_ALL);
    } else {
        text_say(to, "drop");
    }
}

/* ---- templates ---------------------------------------------------------------------------- */

/* The end of the brackets that 'words' has just opened. */
static const char *close_of(const char *words, const char *end)
{
    unsigned depth = 1;

    for (; words < end; words++) {
        depth += *words == '[' ? 1u : *words == ']' ? -1u : 0;
        if (depth == 0) {
            return words;
        }
    }
    return end;
}

/* "field=V", "field~V", "field&V" or "@part" before the question mark. */
static bool holds(struct words *w, const char *test, const char *end)
{
    size_t len = strcspn(test, "=~&?");
    const struct wire_field *f;
    uint64_t v, want;

    if (test[0] == '@') {
        return first_of(w, test + 1, (size_t)(end - test) - 1) != NULL;
    }
    f = of_text_field(w->n, test, len);
    v = f && f->integer ? wire_value(f, tree_host(w->n)) : 0;
    want = strtoull(test + len + 1, NULL, 0);
    return test[len] == '=' ? v == want : test[len] == '~' ? v != want : (v & want) != 0;
}

static const char *fill_field(struct words *w, const char *name, const char *end)
{
    const char *close = memchr(name, '}', (size_t)(end - name));
    const char *how;

    close = close ? close : end;
    how = memchr(name, ':', (size_t)(close - name));
    how = how ? how + 1 : close;
    if (name[0] == '$') {
        text_say(w->to, "%s", w->n->what ? w->n->what->name : w->n->desc->name);
    } else {
        size_t len = (size_t)(how < close ? how - 1 - name : close - name);

        if (name[0] == '@') {
            say_part(w, name + 1, len - 1, how, (size_t)(close - how));
        } else {
            say_field(w, name, len, how, (size_t)(close - how));
        }
    }
    return close + 1;
}

static void fill_in(struct words *w, const char *words, const char *end)
{
    while (words < end) {
        if (*words == '{') {
            words = fill_field(w, words + 1, end);
        } else if (*words == '[') {
            const char *close = close_of(words + 1, end);
            const char *mark = memchr(words, '?', (size_t)(close - words));

            if (mark && holds(w, words + 1, mark)) {
                fill_in(w, mark + 1, close);
            }
            words = close + 1;
        } else {
            text_char(w->to, *words++);
        }
    }
}

/* A structure without a template: its kind, and all that it has. */
static void say_plain(const struct words *w, const struct tree_node *n)
{
    struct words inner = {w->to, w->t, n, w->most};
    const char *between = "";

    text_say(w->to, "%s(", n->what ? n->what->name : n->desc->name);
    for (unsigned i = 0; i < n->desc->n_fields; i++) {
        const struct wire_field *f = &n->desc->fields[i];

        if (f->name) {
            text_say(w->to, "%s%s=", between, f->name);
            say_field(&inner, f->name, strlen(f->name), "", 0);
            between = ",";
        }
    }
    for (const struct tree_node *c = tree_first(w->t, n); c; c = tree_after(w->t, n, c)) {
        text_say(w->to, "%s%s=", between, c->part ? c->part->name : "body");
        say_node(&inner, c);
        between = ",";
    }
    text_char(w->to, ')');
}

static void say_oxm(struct text *to, const struct tree_node *n)
{
    unsigned before = oxm_has_experimenter(n->header) && n->len >= 4 ? 4 : 0;
    unsigned len = n->len - before, half = oxm_has_mask(n->header) ? len / 2 : len;

    if (n->field) {
        text_say(to, "%s", n->field->name);
    } else {
        text_say(to, "field_0x%08" PRIx32, n->header);
    }
    if (len > 0) {
        text_char(to, '=');
        of_text_masked(to, n->field, n->bytes + before,
                       half < len ? n->bytes + before + half : NULL, half);
    }
}

static void say_node(const struct words *w, const struct tree_node *n)
{
    struct words inner = {w->to, w->t, n, w->most};
    const struct of_text_row *row;

    if (n->kind == TREE_BYTES) {
        text_say(w->to, "unknown:");
        of_text_raw(w->to, n->bytes, n->len);
        return;
    }
    if (n->kind == TREE_OXM) {
        say_oxm(w->to, n);
        return;
    }
    if (of_text_odd(w->to, w->t, n)) {
        return;
    }
    row = of_text_find(n->desc->name);
    if (row) {
        fill_in(&inner, row->words, row->words + strlen(row->words));
    } else {
        say_plain(w, n);
    }
}

void of_text_some(struct text *to, const struct tree *t, const struct tree_node *n, unsigned most)
{
    struct words w = {to, t, n, most};

    say_node(&w, n);
}

void of_text_node(struct text *to, const struct tree *t, const struct tree_node *n)
{
    of_text_some(to, t, n, OF_TEXT_ALL);
}
