/* common/proto/of_action_text.c - actions, instructions and the like that no template can say. */
#include <inttypes.h>
#include <string.h>

#include "common/proto/of_text_pieces.h"

#define OUTPUT_CONTROLLER16 0xfffd
#define OUTPUT_MAX16 0xff00
#define OUTPUT_CONTROLLER 0xfffffffd
#define OUTPUT_MAX 0xffffff00
#define REASON_ACTION 1
#define WHOLE_PACKET 0xffff
#define NEXT_PROTOCOL 0xfffe /* decap: to whatever the packet has inside */
#define PACKET_ETHERNET 0
#define PACKET_NSH 0x0001894f
#define PACKET_MPLS 0x00018847
#define PACKET_MPLS_MULTICAST 0x00018848

void of_text_subfield(struct text *to, const struct oxm_field *f, uint32_t header, unsigned offset,
                      unsigned bits)
{
    if (f) {
        text_say(to, "%s", oxm_subfield(f));
    } else {
        text_say(to, "field_0x%08" PRIx32, header);
    }
    if (f && offset == 0 && bits == f->bits) {
        text_say(to, "[]");
    } else if (bits == 1) {
        text_say(to, "[%u]", offset);
    } else {
        text_say(to, "[%u..%u]", offset, offset + bits - 1);
    }
}

/* A list in brackets, whose comma comes before all but the first. */
struct bracket {
    struct text *to;
    size_t start;
};

static struct text *next_word(struct bracket *b)
{
    if (b->to->n > b->start) {
        text_char(b->to, ',');
    }
    return b->to;
}

/* The first OXM in a part of a node. */
static const struct tree_node *oxm_in(const struct tree *t, const struct tree_node *n,
                                      const char *part)
{
    const struct tree_node *f = tree_part(t, n, part);

    return f && f->kind == TREE_OXM ? f : NULL;
}

static void say_oxm_sub(struct text *to, const struct tree_node *f, uint64_t offset, uint64_t bits)
{
    if (f) {
        of_text_subfield(to, f->field, f->header, (unsigned)offset, (unsigned)bits);
    } else {
        text_say(to, "<unknown>");
    }
}

/* ---- output ------------------------------------------------------------------------------- */

static void say_output(struct text *to, const struct tree *t, const struct tree_node *n)
{
    uint64_t port = of_text_number(n, "port");
    bool wide = of_text_field(n, "port", 4)->size == 4;
    (void)t;

    if (port < (wide ? OUTPUT_MAX : OUTPUT_MAX16)) {
        text_say(to, "output:%" PRIu64, port);
        return;
    }
    of_text_value(to, wide ? &wire_form_OXM_PORT : &wire_form_OXM_PORT16, port, "|");
    if (port == (wide ? OUTPUT_CONTROLLER : OUTPUT_CONTROLLER16)) {
        text_say(to, ":%" PRIu64, of_text_number(n, "max_len"));
    }
}

static void say_controller(struct text *to, const struct tree *t, const struct tree_node *n)
{
    uint64_t reason = of_text_number(n, "reason"), max_len = of_text_number(n, "max_len");
    uint64_t id = of_text_number(n, "controller_id");
    struct bracket b;
    (void)t;

    if (reason == REASON_ACTION && id == 0) {
        text_say(to, "CONTROLLER:%" PRIu64, max_len);
        return;
    }
    text_say(to, "controller(");
    b = (struct bracket){to, to->n};
    if (reason != REASON_ACTION) {
        text_say(next_word(&b), "reason=");
        of_text_value(to, of_text_field(n, "reason", 6)->form, reason, "|");
    }
    if (max_len != WHOLE_PACKET) {
        text_say(next_word(&b), "max_len=%" PRIu64, max_len);
    }
    if (id != 0) {
        text_say(next_word(&b), "id=%" PRIu64, id);
    }
    text_char(to, ')');
}

/* The value of a property, but data: "userdata=01.02" */
static void say_property(struct text *to, const struct tree *t, const struct tree_node *p)
{
    const struct wire_field *f = of_text_field(p, "value", 5);
    const struct tree_node *data = tree_part(t, p, "data");

    text_say(to, "%s", p->what ? p->what->name : "property");
    if (f) {
        text_char(to, '=');
        of_text_value(to, f->form, wire_value(f, tree_host(p)), "|");
    }
    for (uint32_t i = 0; data && i < data->len; i++) {
        text_say(to, "%c%02x", i ? '.' : '=', data->bytes[i]);
    }
}

static void say_controller2(struct text *to, const struct tree *t, const struct tree_node *n)
{
    static const char *const order[] = {"reason", "max_len", "id", "userdata", "pause", "meter_id"};
    struct bracket b;

    text_say(to, "controller(");
    b = (struct bracket){to, to->n};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        for (const struct tree_node *p = tree_first(t, n); p; p = tree_after(t, n, p)) {
            if (p->kind == TREE_STRUCT && p->what && strcmp(p->what->name, order[i]) == 0) {
                say_property(next_word(&b), t, p);
            }
        }
    }
    text_char(to, ')');
}

static void say_output_reg2(struct text *to, const struct tree *t, const struct tree_node *n)
{
    uint64_t bits = of_text_number(n, "ofs_nbits");

    text_say(to, "output:");
    say_oxm_sub(to, oxm_in(t, n, "src"), bits >> 6, (bits & 63) + 1);
}

/* 16-bit numbers, as many as a field of the structure says and there are. */
static void say_numbers(struct text *to, const struct tree_node *list, uint64_t n,
                        const struct wire_form *form)
{
    for (uint64_t i = 0; list && i < n && 2 * i + 2 <= list->len; i++) {
        text_say(to, "%s", i ? "," : "");
        of_text_value(to, form, wire_load_uint16(list->bytes + 2 * i), "|");
    }
}

static void say_bundle(struct text *to, const struct tree *t, const struct tree_node *n)
{
    bool load = of_text_number(n, "dst") != 0;
    uint64_t bits = of_text_number(n, "ofs_nbits"), dst = of_text_number(n, "dst");

    text_say(to, "bundle%s(", load ? "_load" : "");
    of_text_value(to, of_text_field(n, "fields", 6)->form, of_text_number(n, "fields"), "|");
    text_say(to, ",%" PRIu64 ",", of_text_number(n, "basis"));
    of_text_value(to, of_text_field(n, "algorithm", 9)->form, of_text_number(n, "algorithm"), "|");
    text_say(to, ",ofport,");
    if (load) {
        of_text_subfield(to, oxm_find((uint32_t)dst, 0), (uint32_t)dst, (unsigned)(bits >> 6),
                         (unsigned)(bits & 63) + 1);
        text_char(to, ',');
    }
    text_say(to, "members:");
    say_numbers(to, tree_part(t, n, "members"), of_text_number(n, "n_members"),
                &wire_form_OXM_PORT16);
    text_char(to, ')');
}

static void say_dec_ttl(struct text *to, const struct tree *t, const struct tree_node *n)
{
    text_say(to, "dec_ttl(");
    say_numbers(to, tree_part(t, n, "ids"), of_text_number(n, "n_controllers"), &wire_form_DEC);
    text_char(to, ')');
}

/* ---- fields ------------------------------------------------------------------------------- */

static void say_set_field(struct text *to, const struct tree *t, const struct tree_node *n)
{
    const struct tree_node *f = oxm_in(t, n, "field");

    if (f) {
        of_text_set_field(to, f);
    } else {
        text_say(to, "set_field:<none>");
    }
}

static void say_delete_field(struct text *to, const struct tree *t, const struct tree_node *n)
{
    const struct tree_node *f = oxm_in(t, n, "field");

    text_say(to, "delete_field:%s", f && f->field ? f->field->set : "<unknown>");
}

static void say_move(struct text *to, const struct tree *t, const struct tree_node *n)
{
    uint64_t bits = of_text_number(n, "n_bits");

    text_say(to, "move:");
    say_oxm_sub(to, oxm_in(t, n, "src"), of_text_number(n, "src_ofs"), bits);
    text_say(to, "->");
    say_oxm_sub(to, oxm_in(t, n, "dst"), of_text_number(n, "dst_ofs"), bits);
}

static void say_stack(struct text *to, const struct tree *t, const struct tree_node *n)
{
    const struct tree_node *bits = tree_part(t, n, "bits");

    text_say(to, "%s:", n->what && strcmp(n->what->name, "stack_pop") == 0 ? "pop" : "push");
    say_oxm_sub(to, oxm_in(t, n, "field"), of_text_number(n, "offset"),
                bits ? of_text_number(bits, "n_bits") : 0);
}

static void say_check_pkt_larger(struct text *to, const struct tree *t, const struct tree_node *n)
{
    text_say(to, "check_pkt_larger(%" PRIu64 ")->", of_text_number(n, "pkt_len"));
    say_oxm_sub(to, oxm_in(t, n, "dst"), of_text_number(n, "offset"), 1);
}

/* ---- headers around headers --------------------------------------------------------------- */

static const char *packet_word(uint64_t type)
{
    return type == PACKET_ETHERNET         ? "ethernet"
           : type == PACKET_NSH            ? "nsh"
           : type == PACKET_MPLS           ? "mpls"
           : type == PACKET_MPLS_MULTICAST ? "mpls_mc"
                                           : "UNKNOWN";
}

static void say_encap(struct text *to, const struct tree *t, const struct tree_node *n)
{
    const struct tree_node *p = tree_part(t, n, "properties");

    text_say(to, "encap(%s", packet_word(of_text_number(n, "new_pkt_type")));
    if (p) {
        struct bracket b;

        text_char(to, '(');
        b = (struct bracket){to, to->n};
        for (; p; p = tree_after(t, n, p)) {
            of_text_node(next_word(&b), t, p);
        }
        text_char(to, ')');
    }
    text_char(to, ')');
}

static void say_decap(struct text *to, const struct tree *t, const struct tree_node *n)
{
    uint64_t type = of_text_number(n, "new_pkt_type");
    (void)t;

    text_say(to, "decap(");
    if (type != NEXT_PROTOCOL) {
        text_say(to, "packet_type(ns=%" PRIu64 ",type=", type >> 16);
        of_text_hex(to, type & 0xffff);
        text_char(to, ')');
    }
    text_char(to, ')');
}

/* ---- what has actions inside -------------------------------------------------------------- */

/* apply_actions, write_actions and clear_actions are one structure. */
static void say_instruction(struct text *to, const struct tree *t, const struct tree_node *n)
{
    const char *kind = n->what ? n->what->name : "";

    if (strcmp(kind, "apply_actions") == 0) {
        of_text_actions(to, t, n, "actions");
    } else if (strcmp(kind, "clear_actions") == 0) {
        text_say(to, "clear_actions");
    } else {
        text_say(to, "%s(", kind);
        of_text_actions(to, t, n, "actions");
        text_char(to, ')');
    }
}

void of_text_bucket(struct text *to, const struct tree *t, const struct tree_node *n,
                    uint64_t usual_weight)
{
    uint64_t weight = of_text_number(n, "weight"), port = of_text_number(n, "watch_port");
    uint64_t group = of_text_number(n, "watch_group");

    text_say(to, ",bucket=");
    if (weight != usual_weight) {
        text_say(to, "weight:%" PRIu64 ",", weight);
    }
    if (port != UINT32_MAX) {
        text_say(to, "watch_port:");
        of_text_value(to, &wire_form_OXM_PORT, port, "|");
        text_char(to, ',');
    }
    if (group != UINT32_MAX) {
        text_say(to, "watch_group:%" PRIu64 ",", group);
    }
    text_say(to, "actions=");
    of_text_actions(to, t, n, "actions");
}

/* Versions are the bits of 32-bit words. */
static void say_versions(struct text *to, const struct tree *t, const struct tree_node *n)
{
    const char *between = "";
    unsigned first = 0;

    text_say(to, "version bitmap: ");
    for (const struct tree_node *b = tree_first(t, n); b; b = tree_after(t, n, b), first += 32) {
        uint64_t bits = b->kind == TREE_STRUCT ? of_text_number(b, "bitmap") : 0;

        for (unsigned i = 0; i < 32; i++) {
            if (bits >> i & 1) {
                text_say(to, "%s0x%02x", between, first + i);
                between = ", ";
            }
        }
    }
}

/* ---- the list ----------------------------------------------------------------------------- */

static const struct odd {
    const char *structure;
    void (*say)(struct text *to, const struct tree *t, const struct tree_node *n);
} odd[] = {
    {"of10_action_output", say_output},
    {"of13_action_output", say_output},
    {"of13_action_set_field", say_set_field},
    {"of13_instruction_actions", say_instruction},
    {"of_hello_versions", say_versions},
    {"nx_action_controller", say_controller},
    {"nx_action_controller2", say_controller2},
    {"nx_action_output_reg2", say_output_reg2},
    {"nx_action_bundle", say_bundle},
    {"nx_action_cnt_ids", say_dec_ttl},
    {"nx_action_reg_load2", say_set_field},
    {"nx_action_delete_field", say_delete_field},
    {"nx_action_reg_move", say_move},
    {"nx_action_stack", say_stack},
    {"nx_action_check_pkt_larger", say_check_pkt_larger},
    {"nx_action_encap", say_encap},
    {"nx_action_decap", say_decap},
    {"nx_action_learn", of_text_learn},
    {"nx_action_learn2", of_text_learn},
    {"nx10_action_ct", of_text_ct},
    {"nx13_action_ct", of_text_ct},
    {"nx_action_nat", of_text_nat},
};

static const struct odd *find_odd(const char *structure)
{
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        if (strcmp(odd[i].structure, structure) == 0) {
            return &odd[i];
        }
    }
    return NULL;
}

bool of_text_has_odd(const char *structure)
{
    return find_odd(structure) != NULL;
}

bool of_text_odd(struct text *to, const struct tree *t, const struct tree_node *n)
{
    const struct odd *o = find_odd(n->desc->name);

    if (o) {
        o->say(to, t, n);
    }
    return o != NULL;
}
