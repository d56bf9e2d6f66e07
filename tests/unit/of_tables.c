/* tests/unit/of_tables.c - the tables of every version of OpenFlow: their order, and that they
 * belong together; whole messages with one element of every kind. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/proto/of10.h"
#include "common/proto/of13.h"

static const struct of_version *const versions[] = {&of10, &of13};
#define N_VERSIONS (sizeof versions / sizeof versions[0])

TestSuite(of_tables, .timeout = 60);

/* ---- order -------------------------------------------------------------------------------- */

static void rows_in_order(const struct wire_family *f)
{
    uint64_t last = 0;

    cr_expect(f->key_size > 0 || f->n_cases == 1, "%s: no key, and %u kinds", f->name, f->n_cases);
    for (unsigned i = 0; i < f->n_cases; i++) {
        uint64_t key = f->cases[i].key;

        cr_expect(i == 0 || key > last, "%s: row %u", f->name, i);
        cr_expect(f->key_size == 0 || f->key_size >= 4 || key >> 8 * f->key_size == 0, "%s: row %u",
                  f->name, i);
        cr_expect_eq(f->cases[i].desc != NULL, f->cases[i].more == NULL);
        last = key;
    }
}

Test(of_tables, rows_stand_in_the_order_of_keys)
{
    for (size_t v = 0; v < N_VERSIONS; v++) {
        const struct wire_family *f;
        const struct of_words *e = versions[v]->errors;

        for (unsigned i = 0; (f = versions[v]->families(i)) != NULL; i++) {
            rows_in_order(f);
        }
        for (unsigned i = 1; i < versions[v]->n_errors; i++) {
            bool same = e[i].type == e[i - 1].type;

            cr_expect(same ? e[i - 1].code == OF_ANY_CODE || e[i].code > e[i - 1].code
                           : e[i].code == OF_ANY_CODE && e[i].type > e[i - 1].type,
                      "%s: %u %u", versions[v]->name, e[i].type, e[i].code);
        }
    }
}

/* ---- belonging together ------------------------------------------------------------------- */

struct seen {
    const void *all[512];
    unsigned n;
};

static bool see(struct seen *s, const void *what)
{
    for (unsigned i = 0; i < s->n; i++) {
        if (s->all[i] == what) {
            return false;
        }
    }
    cr_assert(s->n < sizeof s->all / sizeof s->all[0]);
    s->all[s->n++] = what;
    return true;
}

/* Is there an integer field of 'size' bytes at 'at'?  A field of 0 bytes need not be there. */
static bool has_field(const struct wire_desc *d, unsigned at, unsigned size)
{
    unsigned offset = 0;

    for (unsigned i = 0; i < d->n_fields; i++) {
        if (size > 0 && offset == at && d->fields[i].size == size && d->fields[i].integer) {
            return true;
        }
        offset += d->fields[i].size;
    }
    return size == 0;
}

static void visit(struct seen *s, const struct wire_desc *d);

/* The families that lead to one another by M rows, from the last up. */
struct path {
    const struct wire_family *f;
    const struct path *up;
};

/* A kind has a field for every key on the path to it, and one for its length.  'above': as BODY,
 * the structure that it follows. */
static void fields_are_there(const struct path *path, const struct wire_desc *d,
                             const struct wire_desc *above)
{
    unsigned before = above ? above->size : 0;

    for (const struct path *p = path; p; p = p->up) {
        const struct wire_family *f = p->f;

        cr_expect(f->key_at < before ? has_field(above, f->key_at, f->key_size)
                                     : has_field(d, f->key_at - before, f->key_size),
                  "%s, %s: no field for its key", f->name, d->name);
        cr_expect(above || p->up || has_field(d, f->len_at, f->len_size),
                  "%s, %s: no field for its length", f->name, d->name);
    }
}

static void visit_family(struct seen *s, const struct path *path, const struct wire_desc *above)
{
    see(s, path->f);
    for (unsigned i = 0; i < path->f->n_cases; i++) {
        const struct wire_case *c = &path->f->cases[i];

        if (c->more) {
            visit_family(s, &(struct path){c->more, path}, above);
        } else {
            fields_are_there(path, c->desc(), above);
            visit(s, c->desc());
        }
    }
}

static void visit(struct seen *s, const struct wire_desc *d)
{
    if (!see(s, d)) {
        return;
    }
    for (unsigned i = 0; i < d->n_parts; i++) {
        const struct wire_part *p = &d->parts[i];

        if (p->family && !p->family->oxm) {
            visit_family(s, &(struct path){p->family, NULL}, p->how == WIRE_BODY ? d : NULL);
        } else if (p->desc) {
            visit(s, p->desc());
        }
        cr_expect(has_field(d, p->len_at, p->len_size), "%s.%s", d->name, p->name);
    }
}

static bool is_seen(struct seen *s, const void *what)
{
    unsigned n = s->n;

    return !see(s, what) || (s->n = n, false);
}

Test(of_tables, everything_is_part_of_a_message)
{
    for (size_t v = 0; v < N_VERSIONS; v++) {
        const struct wire_desc *d;
        const struct wire_family *f;
        struct seen s = {.n = 0};

        for (unsigned i = 0; i < versions[v]->n_messages; i++) {
            if (versions[v]->messages[i].body) {
                visit(&s, versions[v]->messages[i].body());
            }
        }
        for (unsigned i = 0; (f = versions[v]->families(i)) != NULL; i++) {
            cr_expect(is_seen(&s, f), "%s", f->name);
        }
        for (unsigned i = 0; (d = versions[v]->structs(i)) != NULL; i++) {
            /* the match of 1.0 stands in the middle of others, field by field */
            cr_expect(is_seen(&s, d) || d == of10_match_desc(), "%s", d->name);
        }
    }
}

/* ---- whole messages ----------------------------------------------------------------------- */

/* One field of a match, and a mask of it. */
#define ETH_DST 0x80000606
#define ETH_DST_MASKED 0x8000070c
static const uint8_t address[12] = {2, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0};
static const uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static _Alignas(8) uint8_t memory[1 << 18], again[1 << 18];

/* The kinds of a family, those that M rows lead to among them, one after another; NULL past the
 * last.  'path' becomes the name that leads to it. */
static const struct wire_case *kind_of(const struct wire_family *f, unsigned *i, char *path)
{
    for (unsigned k = 0; k < f->n_cases; k++) {
        const struct wire_case *c = &f->cases[k], *found = NULL;

        if (c->more) {
            found = kind_of(c->more, i, path + sprintf(path, "%s/", c->name));
        } else if ((*i)-- == 0) {
            found = c;
            strcpy(path, c->name);
        }
        if (found) {
            return found;
        }
    }
    return NULL;
}

static const struct wire_case *nth_kind(const struct wire_family *f, unsigned i, char path[200])
{
    return kind_of(f, &i, path);
}

Test(of_tables, a_name_leads_to_one_kind)
{
    for (size_t v = 0; v < N_VERSIONS; v++) {
        const struct wire_family *f;

        for (unsigned i = 0; (f = versions[v]->families(i)) != NULL; i++) {
            char name[200], other[200];

            for (unsigned k = 0; nth_kind(f, k, name) != NULL; k++) {
                for (unsigned before = 0; before < k; before++) {
                    nth_kind(f, before, other);
                    cr_expect_str_neq(name, other, "%s", f->name);
                }
            }
        }
    }
}

/* Everything that follows a structure: in a LIST one element of every kind, as BODY the kind of
 * that number.  Actions within actions would go on for ever: FILL_DEPTH. */
#define FILL_DEPTH 6
static void fill(struct tree *t, const struct wire_desc *d, unsigned body)
{
    for (unsigned i = 0; i < d->n_parts; i++) {
        const struct wire_part *p = &d->parts[i];
        const struct wire_case *c;
        char kind[200];

        if (p->how == WIRE_DATA || p->how == WIRE_FRAME) {
            tree_bytes(t, p->name, data, sizeof data);
        } else if (p->how == WIRE_ARRAY) {
            for (unsigned k = 0; k < 4; k++) {
                tree_push(t, p->name, p->desc());
                tree_pop(t);
            }
        } else if (p->family && p->family->oxm) {
            tree_oxm(t, p->name, ETH_DST, address);
            if (p->how == WIRE_LIST) {
                tree_oxm(t, p->name, ETH_DST_MASKED, address);
            }
        } else if (p->family && (p->how != WIRE_LIST || t->depth < FILL_DEPTH)) {
            unsigned first = p->how == WIRE_BODY ? body : 0;

            for (unsigned k = first; (c = nth_kind(p->family, k, kind)) != NULL; k++) {
                if (k > first && p->how != WIRE_LIST) {
                    break;
                }
                tree_kind(t, p->name, kind);
                fill(t, c->desc(), 0);
                tree_pop(t);
            }
        }
    }
}

/* What is written is read, and written again the same; what is cut is refused, or is whole. */
static unsigned check_message(const struct of_version *v, struct tree *t, const char *name)
{
    static uint8_t bytes[OF_LONGEST], back[OF_LONGEST];
    size_t len = of_write(t, bytes, sizeof bytes), n;
    struct tree_fault fault;
    struct tree r;
    unsigned refused = 0;

    cr_assert(len > 0, "%s", name);
    tree_open(&r, again, sizeof again);
    cr_expect(of_read(v, bytes, len, &r, &fault), "%s of %zu: at %u: %s", name, len, fault.offset,
              fault.what);
    n = of_write(&r, back, sizeof back);
    cr_expect(n == len && memcmp(bytes, back, len) == 0, "%s", name);
    for (size_t cut = OF_HEADER; cut < len; cut++) {
        wire_store_uint16(bytes + 2, (uint16_t)cut);
        if (!of_read(v, bytes, cut, &r, &fault)) {
            cr_expect(fault.offset <= cut && strlen(fault.what) > 0);
            refused++;
            continue;
        }
        n = of_write(&r, back, sizeof back);
        cr_expect(n == cut && memcmp(bytes, back, cut) == 0, "%s cut to %zu", name, cut);
    }
    return refused;
}

/* How many messages of a type are needed to have every kind of its body. */
static unsigned most_kinds(const struct wire_desc *d)
{
    unsigned most = 1;
    char kind[200];

    for (unsigned i = 0; i < d->n_parts; i++) {
        if (d->parts[i].how == WIRE_BODY) {
            while (nth_kind(d->parts[i].family, most, kind)) {
                most++;
            }
        }
    }
    return most;
}

Test(of_tables, a_message_with_every_kind_of_element_is_read_and_written)
{
    for (size_t v = 0; v < N_VERSIONS; v++) {
        for (unsigned i = 0; i < versions[v]->n_messages; i++) {
            const struct of_message *m = &versions[v]->messages[i];
            const struct wire_desc *d = m->body ? m->body() : NULL;

            for (unsigned body = 0; body < (d ? most_kinds(d) : 1); body++) {
                unsigned refused;
                struct tree t;

                tree_open(&t, memory, sizeof memory);
                of_begin(&t, versions[v], (uint8_t)i, 1);
                if (d) {
                    fill(&t, d, body);
                }
                of_end(&t);
                cr_assert(tree_good(&t), "%s", m->name);
                refused = check_message(versions[v], &t, m->name);
                cr_expect(!d || d->size == 0 || refused >= d->size, "%s: %u", m->name, refused);
            }
        }
    }
}

Test(of_tables, the_shortest_message_is_read)
{
    for (size_t v = 0; v < N_VERSIONS; v++) {
        for (unsigned i = 0; i < versions[v]->n_messages; i++) {
            const struct of_message *m = &versions[v]->messages[i];
            const struct of_header h = {versions[v]->version, (uint8_t)i, (uint16_t)of_shortest(m),
                                        0};
            enum of_direction from = m->direction & OF_UP ? OF_UP : OF_DOWN;
            struct of_fault fault;

            cr_expect(of_check(versions[v], &h, from, &fault), "%s: %s", m->name, fault.what);
        }
    }
}
