/* tests/unit/of13.c - the tables of OpenFlow 1.3. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/proto/of13.h"

#define ROOM 2048

TestSuite(of13, .timeout = 20);

Test(of13, refuses_every_truncation)
{
    static uint8_t bytes[ROOM];
    const struct wire_desc *d;

    for (unsigned i = 0; (d = of13_struct(i)) != NULL; i++) {
        for (size_t len = 0; len < d->size; len++) {
            struct wire_in in = {bytes, bytes + len, false};
            _Alignas(8) uint8_t host[ROOM];

            cr_expect(!(wire_get(&in, d, host)), "%s took %zu bytes", d->name, len);
        }
    }
}

Test(of13, every_structure_round_trips)
{
    const struct wire_desc *d;

    for (unsigned i = 0; (d = of13_struct(i)) != NULL; i++) {
        _Alignas(8) uint8_t host[ROOM], again[ROOM];
        uint8_t a[ROOM] = {0}, b[ROOM] = {0};
        struct wire_out out = {a, a + d->size, false};
        struct wire_in in = {a, a + d->size, false};

        for (size_t k = 0; k < sizeof host; k++) {
            host[k] = (uint8_t)(k * 37 + 11);
        }
        wire_put(&out, d, host);
        cr_expect(!(out.bad));
        cr_expect_eq(out.p, out.end, "%s", d->name);
        cr_expect(wire_get(&in, d, again));
        out = (struct wire_out){b, b + d->size, false};
        wire_put(&out, d, again);
        cr_expect_arr_eq(a, b, d->size, "%s", d->name);
    }
}

/* Where the specification puts fields: what a round trip cannot see.  Offsets in a message's body
 * are counted from the end of its header. */
static const struct {
    const char *structure, *field;
    unsigned offset, size;
} places[] = {
    {"of13_port", "port_no", 0, 4},
    {"of13_port", "hw_addr", 8, 6},
    {"of13_port", "name", 16, 16},
    {"of13_port", "config", 32, 4},
    {"of13_port", "state", 36, 4},
    {"of13_port", "curr", 40, 4},
    {"of13_port", "peer", 52, 4},
    {"of13_port", "curr_speed", 56, 4},
    {"of13_port", "max_speed", 60, 4},
    {"of13_packet_queue", "port", 4, 4},
    {"of13_packet_queue", "len", 8, 2},
    {"of13_queue_prop_rate", "len", 2, 2},
    {"of13_queue_prop_rate", "rate", 8, 2},
    {"of13_queue_prop_experimenter", "experimenter", 8, 4},
    {"of13_match", "length", 2, 2},
    {"of13_instruction_goto_table", "table_id", 4, 1},
    {"of13_instruction_write_metadata", "metadata", 8, 8},
    {"of13_instruction_write_metadata", "metadata_mask", 16, 8},
    {"of13_instruction_actions", "len", 2, 2},
    {"of13_instruction_meter", "meter_id", 4, 4},
    {"of13_instruction_experimenter", "experimenter", 4, 4},
    {"of13_action_output", "port", 4, 4},
    {"of13_action_output", "max_len", 8, 2},
    {"of13_action_ttl", "ttl", 4, 1},
    {"of13_action_push", "ethertype", 4, 2},
    {"of13_action_set_queue", "queue_id", 4, 4},
    {"of13_action_group", "group_id", 4, 4},
    {"of13_action_set_field", "len", 2, 2},
    {"of13_switch_features", "datapath_id", 0, 8},
    {"of13_switch_features", "n_buffers", 8, 4},
    {"of13_switch_features", "n_tables", 12, 1},
    {"of13_switch_features", "auxiliary_id", 13, 1},
    {"of13_switch_features", "capabilities", 16, 4},
    {"of13_switch_config", "miss_send_len", 2, 2},
    {"of13_table_mod", "table_id", 0, 1},
    {"of13_table_mod", "config", 4, 4},
    {"of13_flow_mod", "cookie_mask", 8, 8},
    {"of13_flow_mod", "table_id", 16, 1},
    {"of13_flow_mod", "command", 17, 1},
    {"of13_flow_mod", "idle_timeout", 18, 2},
    {"of13_flow_mod", "hard_timeout", 20, 2},
    {"of13_flow_mod", "priority", 22, 2},
    {"of13_flow_mod", "buffer_id", 24, 4},
    {"of13_flow_mod", "out_port", 28, 4},
    {"of13_flow_mod", "out_group", 32, 4},
    {"of13_flow_mod", "flags", 36, 2},
    {"of13_group_mod", "command", 0, 2},
    {"of13_group_mod", "type", 2, 1},
    {"of13_group_mod", "group_id", 4, 4},
    {"of13_bucket", "weight", 2, 2},
    {"of13_bucket", "watch_port", 4, 4},
    {"of13_bucket", "watch_group", 8, 4},
    {"of13_port_mod", "hw_addr", 8, 6},
    {"of13_port_mod", "config", 16, 4},
    {"of13_port_mod", "mask", 20, 4},
    {"of13_port_mod", "advertise", 24, 4},
    {"of13_meter_mod", "flags", 2, 2},
    {"of13_meter_mod", "meter_id", 4, 4},
    {"of13_meter_band_drop", "rate", 4, 4},
    {"of13_meter_band_drop", "burst_size", 8, 4},
    {"of13_meter_band_dscp_remark", "prec_level", 12, 1},
    {"of13_meter_band_experimenter", "experimenter", 12, 4},
    {"of13_multipart_request", "flags", 2, 2},
    {"of13_desc_stats", "hw_desc", 256, 256},
    {"of13_desc_stats", "serial_num", 768, 32},
    {"of13_desc_stats", "dp_desc", 800, 256},
    {"of13_flow_stats_request", "out_port", 4, 4},
    {"of13_flow_stats_request", "out_group", 8, 4},
    {"of13_flow_stats_request", "cookie", 16, 8},
    {"of13_flow_stats_request", "cookie_mask", 24, 8},
    {"of13_flow_stats", "table_id", 2, 1},
    {"of13_flow_stats", "duration_sec", 4, 4},
    {"of13_flow_stats", "priority", 12, 2},
    {"of13_flow_stats", "hard_timeout", 16, 2},
    {"of13_flow_stats", "flags", 18, 2},
    {"of13_flow_stats", "cookie", 24, 8},
    {"of13_flow_stats", "byte_count", 40, 8},
    {"of13_aggregate_stats", "flow_count", 16, 4},
    {"of13_table_stats", "active_count", 4, 4},
    {"of13_table_stats", "matched_count", 16, 8},
    {"of13_table_features", "table_id", 2, 1},
    {"of13_table_features", "name", 8, 32},
    {"of13_table_features", "metadata_match", 40, 8},
    {"of13_table_features", "metadata_write", 48, 8},
    {"of13_table_features", "max_entries", 60, 4},
    {"of13_table_prop_experimenter", "exp_type", 8, 4},
    {"of13_port_stats", "rx_packets", 8, 8},
    {"of13_port_stats", "collisions", 96, 8},
    {"of13_port_stats", "duration_nsec", 108, 4},
    {"of13_queue_stats", "queue_id", 4, 4},
    {"of13_queue_stats", "tx_errors", 24, 8},
    {"of13_queue_stats", "duration_sec", 32, 4},
    {"of13_group_stats", "group_id", 4, 4},
    {"of13_group_stats", "ref_count", 8, 4},
    {"of13_group_stats", "packet_count", 16, 8},
    {"of13_group_stats", "duration_sec", 32, 4},
    {"of13_group_desc", "type", 2, 1},
    {"of13_group_desc", "group_id", 4, 4},
    {"of13_group_features", "capabilities", 4, 4},
    {"of13_group_features", "max_groups_all", 8, 4},
    {"of13_group_features", "actions_all", 24, 4},
    {"of13_meter_stats", "len", 4, 2},
    {"of13_meter_stats", "flow_count", 12, 4},
    {"of13_meter_stats", "packet_in_count", 16, 8},
    {"of13_meter_stats", "duration_sec", 32, 4},
    {"of13_meter_config", "flags", 2, 2},
    {"of13_meter_config", "meter_id", 4, 4},
    {"of13_meter_features", "band_types", 4, 4},
    {"of13_meter_features", "max_bands", 12, 1},
    {"of13_meter_features", "max_color", 13, 1},
    {"of13_queue_get_config_reply", "port", 0, 4},
    {"of13_packet_out", "in_port", 4, 4},
    {"of13_packet_out", "actions_len", 8, 2},
    {"of13_role", "generation_id", 8, 8},
    {"of13_async_config", "packet_in_mask_slave", 4, 4},
    {"of13_async_config", "port_status_mask", 8, 4},
    {"of13_async_config", "flow_removed_mask", 16, 4},
    {"of13_packet_in", "total_len", 4, 2},
    {"of13_packet_in", "reason", 6, 1},
    {"of13_packet_in", "table_id", 7, 1},
    {"of13_packet_in", "cookie", 8, 8},
    {"of13_flow_removed", "priority", 8, 2},
    {"of13_flow_removed", "reason", 10, 1},
    {"of13_flow_removed", "table_id", 11, 1},
    {"of13_flow_removed", "duration_sec", 12, 4},
    {"of13_flow_removed", "idle_timeout", 20, 2},
    {"of13_flow_removed", "packet_count", 24, 8},
    {"of13_port_status", "reason", 0, 1},
    {"of13_port_status", "port_no", 8, 4},
    {"of13_port_status", "max_speed", 68, 4},
    {"of13_error", "code", 2, 2},
};

static bool is_there(const struct wire_desc *d, const char *field, unsigned offset, unsigned size)
{
    unsigned at = 0;

    for (unsigned i = 0; i < d->n_fields; i++) {
        if (d->fields[i].name && strcmp(d->fields[i].name, field) == 0) {
            return at == offset && d->fields[i].size == size;
        }
        at += d->fields[i].size;
    }
    return false;
}

Test(of13, fields_lie_where_the_specification_puts_them)
{
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        const struct wire_desc *d;
        bool found = false;

        for (unsigned k = 0; (d = of13_struct(k)) != NULL; k++) {
            found |= strcmp(d->name, places[i].structure) == 0 &&
                     is_there(d, places[i].field, places[i].offset, places[i].size);
        }
        cr_expect(found, "%s.%s", places[i].structure, places[i].field);
    }
}

/* The least lengths that the specification gives, by type. */
static const struct {
    uint8_t type;
    unsigned least;
} lengths[] = {
    {0, 8},   {1, 12},  {2, 8},   {3, 8},   {4, 12},  {5, 8},   {6, 32},  {7, 8},
    {8, 12},  {9, 12},  {10, 34}, {11, 56}, {12, 80}, {13, 24}, {14, 56}, {15, 16},
    {16, 40}, {17, 16}, {18, 16}, {19, 16}, {20, 8},  {21, 8},  {22, 16}, {23, 16},
    {24, 24}, {25, 24}, {26, 8},  {27, 32}, {28, 32}, {29, 16},
};

Test(of13, every_message_has_the_length_of_the_specification)
{
    cr_assert_eq(sizeof lengths / sizeof lengths[0], of13.n_messages);
    for (unsigned i = 0; i < of13.n_messages; i++) {
        const struct of_message *m = of_find(&of13, lengths[i].type);

        cr_assert_not_null(m, "type %u", i);
        cr_expect_eq(of_shortest(m), lengths[i].least, "%s: %u", m->name, of_shortest(m));
    }
    cr_expect_null(of_find(&of13, 30));
    cr_expect_null(of_find(&of13, 255));
}

Test(of13, a_length_that_does_not_fit_the_type_is_refused)
{
    for (unsigned i = 0; i < of13.n_messages; i++) {
        const struct of_message *m = of_find(&of13, (uint8_t)i);
        enum of_direction from = m->direction & OF_UP ? OF_UP : OF_DOWN;

        for (unsigned len = 0; len < of_shortest(m) + 100; len++) {
            struct of_header h = {4, (uint8_t)i, (uint16_t)len, 0};
            unsigned more = len - of_shortest(m);
            bool fits = len == of_shortest(m) ||
                        (len > of_shortest(m) && m->step > 0 && more % m->step == 0);
            struct of_fault fault = {0};

            cr_expect_eq(of_check(&of13, &h, from, &fault), fits, "%s of %u", m->name, len);
            if (!fits) {
                cr_expect_eq(fault.type, OF13_BAD_REQUEST);
                cr_expect_eq(fault.code, OF13_BAD_REQUEST_BAD_LEN);
                cr_expect(strlen(fault.what) > 0);
            }
        }
    }
}

/* Those that the session and the packets need, by the specification's own numbers. */
Test(of13, types_have_the_numbers_of_the_specification)
{
    static const struct {
        unsigned type, number;
    } types[] = {
        {OF13_TYPE_EXPERIMENTER, 4},
        {OF13_TYPE_PACKET_IN, 10},
        {OF13_TYPE_FLOW_REMOVED, 11},
        {OF13_TYPE_PORT_STATUS, 12},
        {OF13_TYPE_PACKET_OUT, 13},
        {OF13_TYPE_FLOW_MOD, 14},
        {OF13_TYPE_GROUP_MOD, 15},
        {OF13_TYPE_PORT_MOD, 16},
        {OF13_TYPE_TABLE_MOD, 17},
        {OF13_TYPE_MULTIPART_REQUEST, 18},
        {OF13_TYPE_MULTIPART_REPLY, 19},
        {OF13_TYPE_BARRIER_REQUEST, 20},
        {OF13_TYPE_QUEUE_GET_CONFIG_REQUEST, 22},
        {OF13_TYPE_ROLE_REQUEST, 24},
        {OF13_TYPE_GET_ASYNC_REQUEST, 26},
        {OF13_TYPE_SET_ASYNC, 28},
        {OF13_TYPE_METER_MOD, 29},
    };

    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++) {
        cr_expect_eq(types[i].type, types[i].number, "%u", types[i].number);
    }
}

Test(of13, the_fast_packet_out_is_what_the_structures_write)
{
    uint8_t fast[OF13_PACKET_OUT_HEAD], slow[OF13_PACKET_OUT_HEAD];
    struct wire_out out = {slow, slow + sizeof slow, false};

    of13_packet_out_head(fast, 0x01020304, 0x010000fe, 1500);
    of_header_put(&out, &(struct of_header){4, OF13_TYPE_PACKET_OUT, 1540, 0x01020304});
    of13_packet_out_put(&out, &(struct of13_packet_out){OF_NO_BUFFER, OF13_PORT_CONTROLLER, 16});
    of13_action_output_put(&out, &(struct of13_action_output){0, 16, 0x010000fe, 0});
    cr_expect(!(out.bad));
    cr_expect_eq(out.p, out.end);
    cr_expect_arr_eq(fast, slow, sizeof fast);
}

Test(of13, a_release_names_the_buffer_and_does_nothing_else)
{
    uint8_t m[OF13_RELEASE];
    struct wire_in in = {m, m + sizeof m, false};
    struct of13_packet_out o;
    struct of_header h;

    of13_release(m, 5, 77);
    of_header_get(&in, &h);
    cr_expect(of13_packet_out_get(&in, &o));
    cr_expect_eq(h.length, 24);
    cr_expect_eq(h.type, OF13_TYPE_PACKET_OUT);
    cr_expect_eq(o.buffer_id, 77);
    cr_expect_eq(o.actions_len, 0);
}

Test(of13, errors_are_told_in_words)
{
    cr_expect_str_eq(of_error_type(&of13, 1), "bad request");
    cr_expect_str_eq(of_error_code(&of13, 2, 4), "no such output port");
    cr_expect_str_eq(of_error_code(&of13, 11, 0), "generation id is old");
    cr_expect_str_eq(of_error_type(&of13, 0xffff), "experimenter's error");
    cr_expect_str_eq(of_error_code(&of13, 0xffff, 7), "unknown code");
    cr_expect_str_eq(of_error_type(&of13, 99), "unknown type of error");
}

/* ---- whole messages, byte by byte ---------------------------------------------------------- */

static _Alignas(8) uint8_t memory[8192];

static const struct tree_node *body_of(struct tree *t, const uint8_t *bytes, size_t len)
{
    struct tree_fault fault;

    tree_open(t, memory, sizeof memory);
    cr_assert(of_read(&of13, bytes, len, t, &fault), "at %u: %s", fault.offset, fault.what);
    return tree_first(t, tree_root(t));
}

Test(of13, a_packet_in_has_a_match_a_gap_and_a_frame)
{
    static const uint8_t m[] = {
        4,    10,   0,    48,   0,    0,    0, 1,                         /* header */
        0xff, 0xff, 0xff, 0xff, 0,    4,    2, 3,                         /* 4 bytes, invalid TTL */
        0,    0,    0,    0,    0,    0,    0, 9,                         /* cookie */
        0,    1,    0,    12,   0x80, 0,    0, 4, 0, 0, 0, 7, 0, 0, 0, 0, /* in_port=7, zeros */
        0,    0,    0xde, 0xad, 0xbe, 0xef, 1, 2,                         /* the gap, the frame */
    };
    struct tree t;
    const struct tree_node *n, *body = body_of(&t, m, sizeof m);
    const struct of13_packet_in *p = tree_host(body);

    cr_expect_eq(p->reason, OF13_PACKET_IN_INVALID_TTL);
    cr_expect_eq(p->table_id, 3);
    cr_expect_eq(p->cookie, 9);
    n = tree_first(&t, tree_part(&t, body, "match"));
    cr_assert_eq(n->kind, TREE_OXM);
    cr_expect_str_eq(n->field->name, "in_port");
    cr_expect_eq(wire_load_uint32(n->bytes), 7);
    n = tree_part(&t, body, "data");
    cr_expect_eq(n->bytes, m + 42);
    cr_expect_eq(n->len, 6);
}

Test(of13, a_flow_mod_has_instructions_and_these_have_actions)
{
    static const uint8_t m[] = {
        4,    14,   0,    104,  0,    0,    0,    1, /* header */
        0,    0,    0,    0,    0,    0,    0,    1,    0,    0,    0,    0,    0,
        0,    0,    0, /* cookie, its mask */
        2,    3,    0,    5,    0,    6,    0,    100,  0xff, 0xff, 0xff, 0xff, /* table 2, delete,
                                                                                   ... */
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,    1,    0,    0, /* any port and group
                                                                              */
        0,    1,    0,    4,    0,    0,    0,    0, /* matches every frame */
        0,    4,    0,    40,   0,    0,    0,    0, /* apply_actions */
        0,    25,   0,    16,   0x80, 0,    6,    6,    2,    0,    0,    0,    0,
        1,    0,    0, /* set_field */
        0,    0,    0,    16,   0xff, 0xff, 0xff, 0xfd, 0xff, 0xff, 0,    0,    0,
        0,    0,    0,                               /* to the controller */
        0,    1,    0,    8,    4,    0,    0,    0, /* goto_table 4 */
    };
    struct tree t;
    const struct tree_node *n, *apply, *body = body_of(&t, m, sizeof m);
    const struct of13_flow_mod *f = tree_host(body);
    const struct of13_action_output *o;

    cr_expect_eq(f->command, OF13_FLOW_DELETE);
    cr_expect_eq(f->priority, 100);
    cr_expect_eq(f->out_group, OF13_GROUP_ANY);
    cr_expect_eq(f->flags, OF13_FLOW_SEND_FLOW_REM);
    cr_expect_null(tree_first(&t, tree_part(&t, body, "match")));
    apply = tree_part(&t, body, "instructions");
    cr_expect_str_eq(apply->what->name, "apply_actions");
    n = tree_first(&t, apply);
    cr_expect_str_eq(n->what->name, "set_field");
    cr_expect_eq(tree_first(&t, n)->len, 6);
    n = tree_after(&t, apply, n);
    o = tree_host(n);
    cr_expect_eq(o->port, OF13_PORT_CONTROLLER);
    cr_expect_eq(o->max_len, OF13_MAX_LEN_NO_BUFFER);
    n = tree_after(&t, body, apply);
    cr_expect_eq(((const struct of13_instruction_goto_table *)tree_host(n))->table_id, 4);
}

Test(of13, a_table_feature_is_padded_beyond_its_length)
{
    static const uint8_t m[16 + 64 + 24] = {
        4,
        18,
        0,
        104,
        0,
        0,
        0,
        1,
        0,
        12,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        88,
        1, /* one table, number 1 */
        [16 + 64] = 0,
        2,
        0,
        7,
        3,
        4,
        5,
        0, /* next tables 3, 4, 5 */
        0,
        0,
        0,
        12,
        0,
        1,
        0,
        4,
        0,
        4,
        0,
        4,
        0,
        0,
        0,
        0, /* two instructions */
    };
    struct tree t;
    const struct tree_node *table = tree_first(&t, tree_first(&t, body_of(&t, m, sizeof m)));
    const struct tree_node *n = tree_first(&t, table), *last = NULL;

    cr_expect_eq(((const struct of13_table_features *)tree_host(table))->table_id, 1);
    cr_expect_str_eq(n->what->name, "next_tables");
    for (const struct tree_node *k = tree_first(&t, n); k; k = tree_after(&t, n, k)) {
        last = k;
    }
    cr_expect_eq(((const struct of13_table_number *)tree_host(last))->table_id, 5);
    n = tree_after(&t, table, n);
    n = tree_after(&t, n, tree_first(&t, n));
    cr_expect_str_eq(n->what->name, "apply_actions");
}

/* A table with 64 KB of numbers of tables that may come next, one byte each: nothing makes a longer
 * row. */
Test(of13, the_longest_row_fits_into_the_most_that_any_message_needs)
{
    static _Alignas(8) uint8_t room[TREE_MOST];
    static uint8_t bytes[OF_LONGEST - 7], back[OF_LONGEST];
    size_t table = sizeof bytes - 16, prop = table - 64;
    struct wire_out out = {bytes, bytes + sizeof bytes, false};
    struct tree_fault fault;
    struct tree t;

    of_header_put(&out, &(struct of_header){OF13_VERSION, OF13_TYPE_MULTIPART_REPLY,
                                            (uint16_t)sizeof bytes, 1});
    of13_multipart_reply_put(&out,
                             &(struct of13_multipart_reply){OF13_MULTIPART_TABLE_FEATURES, 0});
    of13_table_features_put(&out, &(struct of13_table_features){.length = (uint16_t)table});
    wire_store_uint16(out.p, 2); /* next_tables */
    wire_store_uint16(out.p + 2, (uint16_t)prop);
    tree_open(&t, room, sizeof room);
    cr_assert(of_read(&of13, bytes, sizeof bytes, &t, &fault), "%u: %s", fault.offset, fault.what);
    cr_expect_eq(of_write(&t, back, sizeof back), sizeof bytes);
    cr_expect_arr_eq(back, bytes, sizeof bytes);
}

Test(of13, values_are_told_in_the_words_of_ovs_ofctl)
{
    static const struct {
        const struct wire_form *form;
        uint64_t value;
        const char *name;
    } names[] = {
        {&wire_form_OF13_FLOW_COMMAND, OF13_FLOW_DELETE_STRICT, "DEL_STRICT"},
        {&wire_form_OF13_PACKET_IN_REASON, OF13_PACKET_IN_INVALID_TTL, "invalid_ttl"},
        {&wire_form_OF13_REMOVED_REASON, OF13_REMOVED_GROUP_DELETE, "group_delete"},
        {&wire_form_OF13_ROLE, OF13_ROLE_MASTER, "primary"},
        {&wire_form_OF13_GROUP_TYPE, OF13_GROUP_TYPE_FF, "ff"},
        {&wire_form_OF13_GROUP_ID, OF13_GROUP_ALL, "ALL"},
        {&wire_form_OF13_METER_ID, OF13_METER_CONTROLLER, "controller"},
        {&wire_form_OF13_MULTIPART_TYPE, OF13_MULTIPART_PORT_DESC, "port_desc"},
        {&wire_form_OF13_CAPABILITIES, OF13_CAPABILITY_PORT_BLOCKED, "PORT_BLOCKED"},
        {&wire_form_OF13_PORT_FEATURES, 1 << 13, "AUTO_NEG"},
        {&wire_form_OXM_PORT, OF13_PORT_CONTROLLER, "CONTROLLER"},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *name = wire_name(names[i].form, names[i].value);

        cr_assert_not_null(name, "%s", names[i].name);
        cr_expect_str_eq(name, names[i].name);
    }
}

Test(of13, no_flag_at_all_has_a_name_where_the_table_gives_one)
{
    struct of13_switch_config c = {0, 128};
    char text[100];

    wire_print(text, sizeof text, of13_switch_config_desc(), &c);
    cr_expect_str_eq(text, "flags=normal miss_send_len=128");
    c.flags = OF13_CONFIG_FRAG_DROP | 8;
    wire_print(text, sizeof text, of13_switch_config_desc(), &c);
    cr_expect_str_eq(text, "flags=drop|0x8 miss_send_len=128");
}
