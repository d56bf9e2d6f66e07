/* tests/oracle/zoo.c - one of every kind of message, made from the tables.
 *
 *     zoo [1.0|1.3]    a line each: name, TAB, its bytes in hex, TAB, what was meant, as JSON
 *
 * For each type of message, with each body that it can have, each family that is reached from there
 * shows each of its kinds once: actions, instructions, properties, statistics; fields of a match
 * with a mask and without.  "1.3 flow_mod instructions=apply_actions actions=output" names the way
 * to what is shown.  What was meant is told of the structures before they are written, so whoever
 * reads the bytes can be held against it. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/proto/of10.h"
#include "common/proto/of13.h"
#include "common/proto/tree.h"
#include "tests/oracle/zoo_rests.def"
#include "tests/oracle/zoo_values.h"

#define STEPS 8
#define SEEN 1024

/* The way to what is shown: at each structure, which kind its part has. */
struct step {
    const struct wire_part *part;
    char kind[64];               /* "vendor/nicira/flow", as tree_kind takes it */
    const struct wire_case *row; /* NULL: a field of a match */
    const struct oxm_field *field;
    bool mask;
};
struct way {
    struct step steps[STEPS];
    unsigned n;
};
struct zoo {
    const struct of_version *v;
    uint8_t type;
    struct way way;
    const void *seen[SEEN];            /* rows of families, and parts, of this message */
    unsigned n_seen, fresh, fresh_end; /* seen[fresh] to seen[fresh_end - 1]: at this place */
    struct tree t;
};

static _Alignas(8) uint8_t memory[1 << 16];
static uint8_t bytes[1 << 16];
static char json[1 << 18];
static uint32_t xid; /* of the last message: each has its own */

/* ---- what rests on what ------------------------------------------------------------------- */
struct need {
    const char *oxm, *nxm;
    uint32_t value;
};
#define NEED(oxm, nxm, value) {oxm, nxm, value},
#define FIELD_NEEDS(text, LIST) {text, {LIST(NEED){NULL, NULL, 0}}},
static const struct {
    const char *text;
    struct need needs[6];
} field_rests[] = {ZOO_FIELD_RESTS(FIELD_NEEDS)}, action_rests[] = {ZOO_ACTION_RESTS(FIELD_NEEDS)};

static const struct need *needs_of_field(const struct oxm_field *f, bool set)
{
    static const struct need vlan[] = {ON_VLAN(NEED){NULL, NULL, 0}};

    if (set && strstr(f->header, "VLAN_VID")) {
        return vlan;
    }
    for (size_t i = 0; i < sizeof field_rests / sizeof field_rests[0]; i++) {
        if (strstr(f->header, field_rests[i].text)) {
            return field_rests[i].needs;
        }
    }
    return NULL;
}

/* What the match needs for the end of the way. */
static const struct need *needs_of(const struct way *w)
{
    const struct step *last = w->n > 0 ? &w->steps[w->n - 1] : NULL;

    if (last && last->field) {
        return needs_of_field(last->field, last->part->how == WIRE_ONE);
    }
    for (size_t i = 0; last && i < sizeof action_rests / sizeof action_rests[0]; i++) {
        if (strcmp(last->row->name, action_rests[i].text) == 0) {
            return action_rests[i].needs;
        }
    }
    return NULL;
}

static const struct oxm_field *field_of(const char *header)
{
    const struct oxm_field *f = NULL;

    for (unsigned i = 0; (f = oxm_field(i)) != NULL && strcmp(f->header, header) != 0; i++) {
    }
    assert(f);
    return f;
}

static void put_needs(struct zoo *z, const struct wire_part *part)
{
    const struct need *n = needs_of(&z->way);
    const struct step *last = z->way.n > 0 ? &z->way.steps[z->way.n - 1] : NULL;

    for (; n && n->oxm; n++) {
        const struct oxm_field *f = field_of(z->v == &of13 ? n->oxm : n->nxm);

        if (last->field && last->part == part && strcmp(last->field->name, f->name) == 0) {
            continue; /* it is what is shown */
        }
        tree_oxm(&z->t, part->name, oxm_header(f, false, 0), zoo_oxm_number(f, n->value));
    }
}

/* ---- making a message --------------------------------------------------------------------- */
static void fill(struct zoo *z, const struct wire_desc *d, const struct wire_case *row, void *host,
                 unsigned depth);

static void put_bytes(struct zoo *z, const struct wire_desc *d, const struct wire_case *row,
                      const struct wire_part *part)
{
    size_t len;
    const uint8_t *data = zoo_bytes(d, row ? row->name : NULL, part, &len);

    if (data) {
        tree_bytes(&z->t, part->name, data, len);
    }
}

static void put_oxm(struct zoo *z, const struct wire_part *part, const struct step *s)
{
    unsigned width = s->field->varies && !part->family->oxm_ids ? 4 : 0;

    tree_oxm(&z->t, part->name, oxm_header(s->field, s->mask, width),
             zoo_oxm(s->field, s->mask, width));
}

/* The kind that a part has when it is not what is shown; NULL: none.  A part that must have one,
 * has one; actions and the like show one, too. */
static const char *usual(const struct wire_desc *d, const struct wire_part *part)
{
    const struct wire_family *f = part->family;

    if (strcmp(f->name, "of10_actions") == 0 || strcmp(f->name, "of13_actions") == 0) {
        return strstr(d->name, "action_ct") ? strchr(f->name, '1')[1] == '0'
                                                  ? "vendor/nicira/nat"
                                                  : "experimenter/nicira/nat"
                                            : "output";
    }
    if (strcmp(f->name, "of13_instructions") == 0) {
        return "apply_actions";
    }
    if (strstr(f->name, "packet_in_props")) {
        return "packet";
    }
    if (strcmp(f->name, "nx_flow_updates") == 0) {
        return "added";
    }
    if (strcmp(f->name, "nx_controller_props") == 0) {
        return "userdata";
    }
    if (strcmp(f->name, "nx_ct_tuple_props") == 0) {
        return "src";
    }
    if (part->how == WIRE_BODY || (part->how == WIRE_LIST && f->n_cases > 1)) {
        return NULL;
    }
    return f->cases[0].desc ? f->cases[0].name : NULL;
}

static void put_kind(struct zoo *z, const struct wire_part *part, const char *kind, unsigned depth)
{
    void *host = tree_kind(&z->t, part->name, kind);
    const struct tree_node *n = (const struct tree_node *)host - 1;

    fill(z, n->desc, n->what, host, depth);
    tree_pop(&z->t);
}

/* A table tells all its properties, those of experimenters apart. */
static void put_table_props(struct zoo *z, const struct wire_part *part, const struct step *s,
                            unsigned depth)
{
    for (unsigned i = 0; i < part->family->n_cases; i++) {
        const struct wire_case *row = &part->family->cases[i];
        bool shown = s && s->row == row;

        if (shown || row->key < 0xfffe) {
            put_kind(z, part, row->name, shown ? depth + 1 : STEPS);
        }
    }
}

static void put_family(struct zoo *z, const struct wire_desc *d, const struct wire_part *part,
                       unsigned depth)
{
    const struct step *s = depth < z->way.n ? &z->way.steps[depth] : NULL;
    const char *kind;

    if (s && s->part == part && s->field) {
        if (part->how == WIRE_LIST && !part->family->oxm_ids) {
            put_needs(z, part);
        }
        put_oxm(z, part, s);
    } else if (strcmp(part->family->name, "of13_table_props") == 0) {
        put_table_props(z, part, s && s->part == part ? s : NULL, depth);
    } else if (s && s->part == part) {
        if (strstr(part->family->name, "packet_in_props") && strcmp(s->kind, "packet") != 0) {
            put_kind(z, part, "packet", STEPS); /* no message is without it */
        }
        put_kind(z, part, s->kind, depth + 1);
    } else if (part->family->oxm_ids || (part->family->oxm && part->how == WIRE_ONE)) {
        put_oxm(z, part,
                &(struct step){.field = field_of(strcmp(d->name, "nx_action_delete_field")
                                                     ? "NXM_NX_REG3"
                                                     : "NXM_NX_TUN_METADATA3")});
    } else if (part->family->oxm) {
        put_needs(z, part);
    } else if ((kind = usual(d, part)) != NULL) {
        put_kind(z, part, kind, part->how == WIRE_ONE ? depth : STEPS);
    } else if (part->how == WIRE_BODY) { /* bytes: what an ERROR is about */
        put_bytes(z, d, NULL, part);
    }
}

static void put_array(struct zoo *z, const struct wire_part *part)
{
    const struct wire_desc *of = part->desc();

    for (unsigned i = 0; i < zoo_count(of); i++) {
        zoo_fill(of, NULL, tree_push(&z->t, part->name, of));
        tree_pop(&z->t);
    }
}

static void fill(struct zoo *z, const struct wire_desc *d, const struct wire_case *row, void *host,
                 unsigned depth)
{
    zoo_fill(d, row ? row->name : NULL, host);
    for (unsigned i = 0; i < d->n_parts; i++) {
        const struct wire_part *part = &d->parts[i];

        switch (part->how) {
        case WIRE_LIST:
        case WIRE_ONE:
        case WIRE_BODY:
            put_family(z, d, part, depth);
            break;
        case WIRE_ARRAY:
            put_array(z, part);
            break;
        case WIRE_DATA:
        case WIRE_FRAME:
            put_bytes(z, d, row, part);
            break;
        default:
            break; /* zeros: the writer's */
        }
    }
}

static void show(struct zoo *z)
{
    const struct of_message *m = of_find(z->v, z->type);
    struct text text;
    size_t len;
    void *host;

    zoo_restart();
    tree_open(&z->t, memory, sizeof memory);
    host = of_begin(&z->t, z->v, z->type, ++xid);
    if (m->body) {
        fill(z, m->body(), NULL, host, 0);
    }
    of_end(&z->t);
    len = of_write(&z->t, bytes, sizeof bytes);
    assert(len > 0 && tree_good(&z->t));
    printf("%s %s", z->v == &of10 ? "1.0" : "1.3", m->name);
    for (unsigned i = 0; i < z->way.n; i++) {
        const struct step *s = &z->way.steps[i];

        printf(" %s=%s%s", s->part->name, s->field ? s->field->header : s->kind,
               s->mask ? "/mask" : "");
    }
    putchar('\t');
    for (size_t i = 0; i < len; i++) {
        printf("%02x", bytes[i]);
    }
    text_open(&text, json, sizeof json);
    tree_json(&text, &z->t);
    assert(text_needed(&text) < sizeof json);
    printf("\t%s\n", json);
}

/* ---- going everywhere --------------------------------------------------------------------- */
static void visit(struct zoo *z, const struct wire_desc *d);

static bool see(struct zoo *z, const void *row)
{
    for (unsigned i = 0; i < z->n_seen; i++) {
        if (z->seen[i] == row) {
            return false;
        }
    }
    assert(z->n_seen < SEEN);
    z->seen[z->n_seen++] = row;
    return true;
}

/* nat stands in ct alone. */
static bool fits(const struct wire_desc *d, const struct wire_case *row)
{
    return strcmp(row->name, "nat") != 0 || strstr(d->name, "action_ct") != NULL;
}

static void visit_fields(struct zoo *z, struct step *s)
{
    bool set = s->part->how == WIRE_ONE; /* in set_field or the like */

    if (set && (s->part->family->oxm_ids || z->type != OF10_TYPE_FLOW_MOD)) {
        return; /* a field as an argument of an action: one stands for all */
    }
    for (unsigned i = 0; (s->field = oxm_field(i)) != NULL; i++) {
        if (s->field->varies && s->field->number > 40 && s->field->number < 103 &&
            z->type != OF10_TYPE_FLOW_MOD) {
            continue; /* one like the other: all of them in FLOW_MODs alone */
        }
        s->mask = false;
        show(z);
        s->mask = s->field->mask && !s->part->family->oxm_ids;
        if (s->mask && !(set && strcmp(z->way.steps[z->way.n - 2].row->name, "set_field") == 0)) {
            show(z);
        }
    }
}

/* Does 'use' for each kind of a family, and of those that it leads to. */
static void each_kind(struct zoo *z, const struct wire_desc *d, struct step *s,
                      const struct wire_family *f, const char *before,
                      void (*use)(struct zoo *z, const struct wire_desc *d))
{
    for (unsigned i = 0; i < f->n_cases; i++) {
        const struct wire_case *row = &f->cases[i];
        char name[sizeof s->kind];

        snprintf(name, sizeof name, "%s%s%s", before, row->name, row->more ? "/" : "");
        if (row->more) {
            each_kind(z, d, s, row->more, name, use);
            continue;
        }
        s->row = row;
        strcpy(s->kind, name);
        use(z, d);
    }
}

static struct step *last_step(struct zoo *z)
{
    return &z->way.steps[z->way.n - 1];
}

static void show_new(struct zoo *z, const struct wire_desc *d)
{
    if (fits(d, last_step(z)->row) && see(z, last_step(z)->row)) {
        show(z);
    }
}

/* Goes into the kinds that were new to this family's place. */
static void enter(struct zoo *z, bool last)
{
    const struct wire_case *row = last_step(z)->row;

    if ((strcmp(row->name, "write_actions") == 0) == last) {
        for (unsigned i = z->fresh; i < z->fresh_end; i++) {
            if (z->seen[i] == row) {
                unsigned fresh = z->fresh, end = z->fresh_end;

                visit(z, row->desc());
                z->fresh = fresh;
                z->fresh_end = end;
            }
        }
    }
}

static void enter_most(struct zoo *z, const struct wire_desc *d)
{
    (void)d;
    enter(z, false);
}

/* Open vSwitch takes less in a set of actions than in a list: what is shown once is shown there. */
static void enter_write_actions(struct zoo *z, const struct wire_desc *d)
{
    (void)d;
    enter(z, true);
}

static void visit(struct zoo *z, const struct wire_desc *d)
{
    for (unsigned i = 0; i < d->n_parts && z->way.n < STEPS; i++) {
        const struct wire_part *part = &d->parts[i];
        struct step *s = &z->way.steps[z->way.n];

        if (!part->family) {
            continue;
        }
        *s = (struct step){.part = part};
        z->way.n++;
        if (!part->family->oxm) {
            unsigned fresh = z->n_seen;

            each_kind(z, d, s, part->family, "", show_new);
            z->fresh = fresh;
            z->fresh_end = z->n_seen;
            each_kind(z, d, s, part->family, "", enter_most);
            each_kind(z, d, s, part->family, "", enter_write_actions);
        } else if (see(z, part)) {
            visit_fields(z, s);
        }
        z->way.n--;
    }
}

/* Is its body of many kinds, so that it says nothing without one? */
static bool has_kinds(const struct wire_desc *(*body)(void))
{
    return body && body()->n_parts == 1 && body()->parts[0].how == WIRE_BODY &&
           strcmp(body()->parts[0].name, "body") == 0;
}

static void zoo(const struct of_version *v)
{
    for (unsigned type = 0; type < v->n_messages; type++) {
        struct zoo z = {.v = v, .type = (uint8_t)type};

        if (!v->messages[type].name) {
            continue;
        }
        if (!has_kinds(v->messages[type].body)) {
            show(&z);
        }
        if (v->messages[type].body) {
            visit(&z, v->messages[type].body());
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "1.0") == 0) {
        zoo(&of10);
    }
    if (argc < 2 || strcmp(argv[1], "1.3") == 0) {
        zoo(&of13);
    }
    return 0;
}
