/* tests/unit/nx.c - the Nicira tables: places of fields, and messages and actions that
 * ovs-ofctl 3.1 prints as what is meant here, or sent itself. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/proto/nx.h"
#include "common/proto/of10.h"
#include "common/proto/of13.h"
#include "common/proto/tree.h"

TestSuite(nx, .timeout = 60);

/* ---- places, from nicira-ext.h and ofp-actions.c ------------------------------------------- */
/* Sizes of messages count the subtype, 4 bytes, in front. */
static const struct {
    const char *structure, *field;
    unsigned offset, size, whole;
} places[] = {
    {"nx_action", "subtype", 8, 2, 16},
    {"nx_action_resubmit", "in_port", 10, 2, 16},
    {"nx_action_resubmit_table", "table", 12, 1, 16},
    {"nx_action_set_tunnel", "tun_id", 12, 4, 16},
    {"nx_action_set_tunnel64", "tun_id", 16, 8, 24},
    {"nx_action_set_queue", "queue_id", 12, 4, 16},
    {"nx_action_group", "group_id", 12, 4, 16},
    {"nx_action_reg_move", "dst_ofs", 14, 2, 16},
    {"nx_action_reg_load", "dst", 12, 4, 24},
    {"nx_action_reg_load", "value", 16, 8, 24},
    {"nx_action_multipath", "algorithm", 16, 2, 32},
    {"nx_action_multipath", "arg", 20, 4, 32},
    {"nx_action_multipath", "ofs_nbits", 26, 2, 32},
    {"nx_action_bundle", "member_type", 16, 4, 32},
    {"nx_action_bundle", "n_members", 20, 2, 32},
    {"nx_action_bundle", "dst", 24, 4, 32},
    {"nx_action_output_reg", "src", 12, 4, 24},
    {"nx_action_output_reg", "max_len", 16, 2, 24},
    {"nx_action_output_reg2", "max_len", 12, 2, 14},
    {"nx_action_learn", "cookie", 16, 8, 32},
    {"nx_action_learn", "table_id", 26, 1, 32},
    {"nx_action_learn", "fin_hard_timeout", 30, 2, 32},
    {"nx_action_learn2", "limit", 32, 4, 40},
    {"nx_action_learn2", "result_dst_ofs", 36, 2, 40},
    {"nx_action_fin_timeout", "fin_hard_timeout", 12, 2, 16},
    {"nx_action_controller", "controller_id", 12, 2, 16},
    {"nx_action_controller", "reason", 14, 1, 16},
    {"nx_action_cnt_ids", "n_controllers", 10, 2, 16},
    {"nx_action_write_metadata", "mask", 24, 8, 32},
    {"nx_action_mpls_label", "label", 12, 4, 16},
    {"nx_action_sample", "obs_point_id", 20, 4, 24},
    {"nx_action_sample2", "sampling_port", 24, 2, 32},
    {"nx_action_sample2", "direction", 26, 1, 32},
    {"nx_action_conjunction", "id", 12, 4, 16},
    {"nx10_action_ct", "zone_src", 12, 4, 24},
    {"nx10_action_ct", "zone", 16, 2, 24},
    {"nx10_action_ct", "recirc_table", 18, 1, 24},
    {"nx13_action_ct", "alg", 22, 2, 24},
    {"nx_action_nat", "flags", 12, 2, 16},
    {"nx_action_nat", "range_present", 14, 2, 16},
    {"nx_action_output_trunc", "max_len", 12, 4, 16},
    {"nx_action_encap", "new_pkt_type", 12, 4, 16},
    {"nx_action_decap", "new_pkt_type", 12, 4, 16},
    {"nx_action_check_pkt_larger", "offset", 12, 2, 14},
    {"nx_role_request", "role", 4, 4, 8},
    {"nx10_flow_mod", "cookie", 4, 8, 36},
    {"nx10_flow_mod", "buffer_id", 20, 4, 36},
    {"nx13_flow_mod", "match_len", 28, 2, 36},
    {"nx_flow_removed", "table_id", 15, 1, 44},
    {"nx_flow_removed", "match_len", 26, 2, 44},
    {"nx_flow_removed", "byte_count", 36, 8, 44},
    {"nx_flow_mod_table_id", "set", 4, 1, 12},
    {"nx_packet_in", "table_id", 11, 1, 28},
    {"nx_packet_in", "match_len", 20, 2, 28},
    {"nx_async_config", "flow_removed_mask_secondary", 24, 4, 28},
    {"nx_controller_id", "controller_id", 10, 2, 12},
    {"nx_tlv_map", "index", 4, 2, 8},
    {"nx_tlv_table_mod", "command", 4, 2, 12},
    {"nx_tlv_table_reply", "max_fields", 8, 2, 20},
    {"nx_ct_flush_zone", "zone_id", 10, 2, 12},
    {"nx_ct_flush", "ip_proto", 4, 1, 12},
    {"nx_error", "code", 6, 2, 8},
    {"nx_flow_stats_request", "out_port", 12, 2, 20},
    {"nx_flow_stats_request", "table_id", 16, 1, 20},
    {"nx_flow_stats", "match_len", 18, 2, 48},
    {"nx_flow_stats", "hard_age", 22, 2, 48},
    {"nx_flow_stats", "byte_count", 40, 8, 48},
    {"nx_aggregate_stats", "flow_count", 28, 4, 36},
    {"nx_flow_monitor_request", "match_len", 8, 2, 16},
    {"nx_flow_update", "match_len", 12, 2, 24},
    {"nx_flow_update", "cookie", 16, 8, 24},
    {"nx_ipfix_stats", "collector_set_id", 80, 4, 88},
};

static const struct wire_desc *find(const char *name)
{
    const struct wire_desc *d = NULL;

    for (unsigned i = 0; (d = nx_struct(i)) != NULL && strcmp(d->name, name) != 0; i++) {
    }
    cr_assert_not_null(d, "%s", name);
    return d;
}

Test(nx, fields_stand_where_the_specification_puts_them)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const struct wire_desc *d = find(places[i].structure);
        unsigned at = 0, k = 0;

        for (; k < d->n_fields; at += d->fields[k++].size) {
            if (d->fields[k].name && strcmp(d->fields[k].name, places[i].field) == 0) {
                break;
            }
        }
        cr_assert_lt(k, d->n_fields, "%s.%s", places[i].structure, places[i].field);
        cr_expect_eq(at, places[i].offset, "%s.%s at %u", d->name, places[i].field, at);
        cr_expect_eq(d->fields[k].size, places[i].size, "%s.%s", d->name, places[i].field);
        cr_expect_eq(d->size, places[i].whole, "%s has %u", d->name, d->size);
    }
}

Test(nx, rows_stand_in_the_order_of_keys_and_are_found)
{
    const struct wire_family *f;

    for (unsigned i = 0; (f = nx_family(i)) != NULL; i++) {
        for (unsigned k = 0; k < f->n_cases; k++) {
            cr_expect(k == 0 || f->cases[k].key > f->cases[k - 1].key, "%s: %s", f->name,
                      f->cases[k].name);
            cr_expect_eq(wire_case_of(f, f->cases[k].key), &f->cases[k], "%s: %s", f->name,
                         f->cases[k].name);
        }
    }
}

/* ---- bytes --------------------------------------------------------------------------------- */
struct sample {
    const char *kind, *line, *hex; /* a line of it in print, without the spaces before it */
};

static const struct sample actions[] = {
    {"resubmit", "in_port: 5", "ffff0010000023200001000500000000"},
    {"set_tunnel", "tun_id: 0x1234", "ffff0010000023200002000000001234"},
    {"set_queue", "queue_id: 3", "ffff0010000023200004000000000003"},
    {"pop_queue", "subtype: 5", "ffff0010000023200005000000000000"},
    {"reg_move", "dst_ofs: 16", "ffff00180000232000060010000000100001000400010204"},
    {"reg_load", "value: 0x7", "ffff00180000232000070003000104040000000000000007"},
    {"note", "note: 14 bytes", "ffff00180000232000080102030405060700000000000000"},
    {"set_tunnel64", "tun_id: 0x123456789", "ffff00180000232000090000000000000000000123456789"},
    {"multipath", "max_link: 3",
     "ffff002000002320000a00000032000000000003000000000000000700010004"},
    {"bundle", "n_members: 2",
     "ffff002800002320000c000100000000000000020002000000000000000000000004000800000000"},
    {"bundle_load", "ofs_nbits: 0x1f",
     "ffff002800002320000d000100000000000000020003001f00010004000000000004000800090000"},
    {"resubmit_table", "table: 7", "ffff001000002320000e000207000000"},
    {"output_reg", "max_len: 65535", "ffff001800002320000f014f00010204ffff000000000000"},
    {"learn", "hard_timeout: 10",
     "ffff00480000232000100000000a800000000000000000000000010000000000000c000008020000"
     "0000080200000030000004060000000002060000101000000002000000000000"},
    {"exit", "subtype: 17", "ffff0010000023200011000000000000"},
    {"dec_ttl", "subtype: 18", "ffff0010000023200012000000000000"},
    {"fin_timeout", "fin_hard_timeout: 20", "ffff0010000023200013000a00140000"},
    {"controller", "reason: invalid_ttl", "ffff0010000023200014006400070200"},
    {"dec_ttl_cnt_ids", "n_controllers: 2", "ffff00180000232000150002000000000001000200000000"},
    {"write_metadata", "mask: 0xff",
     "ffff0020000023200016000000000000000000000000000500000000000000ff"},
    {"push_mpls", "ethertype: 0x8847", "ffff0010000023200017884700000000"},
    {"pop_mpls", "ethertype: 0x800", "ffff0010000023200018080000000000"},
    {"set_mpls_ttl", "ttl: 9", "ffff0010000023200019090000000000"},
    {"dec_mpls_ttl", "subtype: 26", "ffff001000002320001a000000000000"},
    {"stack_push", "n_bits: 3", "ffff001800002320001b0003000104040003000000000000"},
    {"stack_pop", "offset: 3", "ffff001800002320001c0003000104040003000000000000"},
    {"sample", "obs_point_id: 4", "ffff001800002320001d3039000000020000000300000004"},
    {"set_mpls_label", "label: 99", "ffff001000002320001e000000000063"},
    {"set_mpls_tc", "tc: 3", "ffff001000002320001f030000000000"},
    {"output_reg2", "src: reg1", "ffff0018000023200020004fffff00010204000000000000"},
    {"reg_load2", "field: reg3=0x1234/0xffff", "ffff001800002320002100010708000012340000ffff0000"},
    {"conjunction", "n_clauses: 2", "ffff0010000023200022000200000007"},
    {"ct", "recirc_table: 5",
     "ffff0050000023200023000100010204000f050000000015ffff0020000023200024000000110033"
     "0a0000010a000009006400c800000000ffff0018000023200007001f0001d6040000000000000001"},
    {"nat", "range_present: ipv4_min|ipv4_max|proto_min|proto_max",
     "ffff00200000232000240000001100330a0000010a000009006400c800000000"},
    {"controller2", "properties: meter_id",
     "ffff0028000023200025000000000000000300070102030000040004000000000005000800000003"},
    {"sample2", "sampling_port: 5",
     "ffff002000002320002600010000000200000000000000000005000000000000"},
    {"output_trunc", "max_len: 100", "ffff0010000023200027000200000064"},
    {"group", "group_id: 9", "ffff0010000023200028000000000009"},
    {"sample3", "direction: egress",
     "ffff002000002320002900010000000200000000000000000005020000000000"},
    {"clone", "actions: nat",
     "ffff004000002320002a0000000000000000000800010000ffff0028000023200023000000000000"
     "0000ff0000000000ffff0010000023200024000000000000"},
    {"ct_clear", "subtype: 43", "ffff001000002320002b000000000000"},
    {"resubmit_table_ct", "in_port: IN_PORT", "ffff001000002320002cfff807000000"},
    {"learn2", "limit: 4",
     "ffff004800002320002d000000008000000000000000000000040100000000000000000400000000"
     "0001000420100063000000020000081000000002000000010204001000000000"},
    {"encap", "tlv_class: 0x1000",
     "ffff002800002320002e00000001894f00040105020000000004021010000a041234567800000000"},
    {"decap", "new_pkt_type: (0,0xfffe)", "ffff001000002320002f00000000fffe"},
    {"dec_nsh_ttl", "subtype: 48", "ffff0010000023200030000000000000"},
    {"check_pkt_larger", "pkt_len: 1500", "ffff001800002320003105dc000000010004000000000000"},
    {"delete_field", "field: tun_metadata3", "ffff00180000232000320001567c00000000000000000000"},
    {"debug_slow", "subtype: 254", "ffff00100000232000fe000000000000"},
    {"debug_recirc", "subtype: 255", "ffff00100000232000ff000000000000"},
};
/* Whole messages, of both versions. */
static const struct sample messages[] = {
    {"role_request", "role: primary", "0104001400000011000023200000000a00000001"},
    {"role_reply", "role: secondary", "0404001400000011000023200000000b00000002"},
    {"set_flow_format", "format: nxm", "0104001400000011000023200000000c00000002"},
    {"flow_mod", "cookie: 0x1234",
     "0104004800000011000023200000000d00000000000012340000003c00000064ffffffffffff0001"
     "000e00000000000000010004000000fe00000002000300000000000800050000"},
    {"flow_mod", "instructions: apply_actions",
     "0404005800000011000023200000000d00000000000012340000003c00000064ffffffffffff0001"
     "000e00000000000000010004000000fe000000020003000000040018000000000000001000000005"
     "0000000000000000"},
    {"flow_removed", "reason: hard",
     "0104004800000011000023200000000e0000000000000007006401040000000500000006003c000e"
     "0000000000000008000000000000000900010004000000fe0000000200030000"},
    {"flow_mod_table_id", "set: 1", "0104001800000011000023200000000f0100000000000000"},
    {"set_packet_in_format", "format: nxt_packet_in2", "0404001400000011000023200000001000000002"},
    {"packet_in", "reason: invalid_ttl",
     "01040048000000110000232000000011ffffffff000e02030000000000000077000e000000000000"
     "00010004000000fe00000002000300000000ffffffffffff0200000000010800"},
    {"flow_age", "subtype: 18", "01040010000000110000232000000012"},
    {"set_async_config", "port_status_mask_secondary: 0x4",
     "04040028000000110000232000000013000000010000000200000003000000040000000500000006"},
    {"set_controller_id", "controller_id: 123", "01040018000000110000232000000014000000000000007b"},
    {"flow_monitor_cancel", "id: 9", "0104001400000011000023200000001500000009"},
    {"flow_monitor_paused", "subtype: 22", "01040010000000110000232000000016"},
    {"flow_monitor_resumed", "subtype: 23", "01040010000000110000232000000017"},
    {"tlv_table_mod", "index: 7",
     "040400200000001100002320000000180000000000000000ffff010400070000"},
    {"tlv_table_request", "subtype: 25", "04040010000000110000232000000019"},
    {"tlv_table_reply", "max_option_space: 256",
     "0404002800000011000023200000001a00000100004000000000000000000000ffff010400070000"},
    {"set_async_config2", "properties: role_status_secondary",
     "0104002000000011000023200000001b00010008000000050006000800000001"},
    {"packet_in2", "value: 1500",
     "040400d800000011000023200000001e00000012ffffffffffff0200000000010800000000000000"
     "00010008000005dc0003000504000000000400100000000000000000000000880005000501000000"
     "0006000c00010004000000fe00000000000700076162630000080070000000008000001400010203"
     "0405060708090a0b0c0d0e0f00000000800100080000000780020008000000018003000400000000"
     "80040005050000008005001000000000000000000000009980060018000000000000001000000005"
     "00000000000000008008000800000002"},
    {"resume", "properties: continuation",
     "040400a800000011000023200000001c00000012ffffffffffff0200000000010800000000000000"
     "0006000c00010004000000fe00000000000800700000000080000014000102030405060708090a0b"
     "0c0d0e0f000000008001000800000007800200080000000180030004000000008004000505000000"
     "80050010000000000000000000000099800600180000000000000010000000050000000000000000"
     "8008000800000002"},
    {"ct_flush_zone", "zone_id: 5", "0104001800000011000023200000001d0000000000000005"},
    {"ct_flush", "value: 80",
     "01040048000000110000232000000020060000000000000000000028000000000000001400000000"
     "000000000000ffff0a0000010000000000030008005000000002000800050000"},
    {"flow", "match: in_port=3",
     "0110003000000011ffff0000000023200000000000000000ffff000eff00000000010004000000fe"
     "0000000200030000"},
    {"flow", "packet_count: 6",
     "011100a800000011ffff00000000232000000000000000000048030000000001000000020064003c"
     "0000000e0001000200000000000000550000000000000006000000000000000700010004000000fe"
     "000000020003000000000008000500000048030000000001000000020064003c0000000e00010002"
     "00000000000000550000000000000006000000000000000700010004000000fe0000000200030000"
     "0000000800050000"},
    {"aggregate", "table_id: 255",
     "0110003000000011ffff0000000023200000000100000000ffff000eff00000000010004000000fe"
     "0000000200030000"},
    {"aggregate", "flow_count: 3",
     "0111003000000011ffff000000002320000000010000000000000000000000010000000000000002"
     "0000000300000000"},
    {"flow_monitor", "flags: initial|add|delete|modify|own",
     "0110005800000011ffff000000002320000000020000000000000077002fffff000eff0000000000"
     "00010004000000fe000000020003000000000077002fffff000eff000000000000010004000000fe"
     "0000000200030000"},
    {"flow_monitor", "xid: 0x99",
     "0111005000000011ffff00000000232000000002000000000030000000000064003c0000000e0300"
     "000000000000005500010004000000fe000000020003000000000008000500000008000300000099"},
    {"ipfix_bridge", "subtype: 3", "0110001800000011ffff0000000023200000000300000000"},
    {"ipfix_flow", "collector_set_id: 11",
     "011100c800000011ffff000000002320000000040000000000000000000000010000000000000002"
     "00000000000000030000000000000004000000000000000500000000000000060000000000000007"
     "00000000000000080000000000000009000000000000000a0000000b000000000000000000000001"
     "00000000000000020000000000000003000000000000000400000000000000050000000000000006"
     "000000000000000700000000000000080000000000000009000000000000000a0000000b00000000"},
    {"ipfix_bridge", "exp_type: 3", "0412001800000011ffff0000000000000000232000000003"},
    {"ipfix_bridge", "tx_errors: 10",
     "0413007000000011ffff000000000000000023200000000300000000000000010000000000000002"
     "00000000000000030000000000000004000000000000000500000000000000060000000000000007"
     "00000000000000080000000000000009000000000000000a0000000b00000000"},
    {"nicira", "code: 256", "0101001c00000011b0c2000000002320000101000104001000000001"},
};
#define N(array) (sizeof array / sizeof array[0])

static _Alignas(8) uint8_t memory[1 << 16];

static size_t from_hex(const char *hex, uint8_t *to, size_t size)
{
    size_t len = strlen(hex) / 2;

    cr_assert_leq(len, size);
    for (size_t i = 0; i < len; i++) {
        unsigned byte;

        cr_assert_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
        to[i] = (uint8_t)byte;
    }
    return len;
}

static const struct of_version *version_of(const uint8_t *message)
{
    return message[0] == OF10_VERSION ? &of10 : &of13;
}

static bool has_kind(const struct tree *t, const char *kind)
{
    const struct tree_node *root = tree_root(t);

    for (uint32_t at = 0; at < t->used;) { /* every node, however deep */
        const struct tree_node *n = (const struct tree_node *)(const void *)(t->memory + at);

        if (n->kind == TREE_STRUCT && n->what && strcmp(n->what->name, kind) == 0) {
            return true;
        }
        at = tree_first(t, n) ? (uint32_t)((const uint8_t *)tree_first(t, n) - t->memory) : n->next;
    }
    return root == NULL;
}

static bool has_line(const struct tree *t, const char *line)
{
    static char text[1 << 14];
    struct text to;

    text_open(&to, text, sizeof text);
    tree_print(&to, t);
    for (const char *p = text; (p = strstr(p, line)) != NULL; p++) {
        size_t len = strlen(line);
        bool ends = p[len] == '\n' || p[len] == '\0' || strstr(line, "bytes");

        if (p > text && p[-1] == ' ' && ends) {
            return true;
        }
    }
    return false;
}

/* Reads and prints a message, and writes the same bytes. */
static void check(const struct sample *s, const uint8_t *bytes, size_t len)
{
    static uint8_t back[4096];
    struct tree_fault fault;
    struct tree t;

    tree_open(&t, memory, sizeof memory);
    cr_assert(of_read(version_of(bytes), bytes, len, &t, &fault), "%s: at %u: %s", s->kind,
              fault.offset, fault.what);
    cr_expect(has_kind(&t, s->kind), "%s is read as something else", s->kind);
    cr_expect(has_line(&t, s->line), "%s does not print '%s'", s->kind, s->line);
    cr_expect_eq(of_write(&t, back, sizeof back), len, "%s", s->kind);
    cr_expect_arr_eq(back, bytes, len, "%s", s->kind);
}

/* The actions in a PACKET_OUT of either version. */
static size_t packet_out(const struct sample *s, uint8_t version, uint8_t *to, size_t size)
{
    static const uint8_t heads[2][24] = {
        {1, 13, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
        {4, 13, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfd}};
    size_t head = version == OF10_VERSION ? 16 : 24;
    size_t len = from_hex(s->hex, to + head, size - head);

    memcpy(to, heads[version != OF10_VERSION], head);
    wire_store_uint16(to + 2, (uint16_t)(head + len));
    wire_store_uint16(to + (version == OF10_VERSION ? 14 : 16), (uint16_t)len);
    return head + len;
}

Test(nx, actions_are_read_printed_and_written_back)
{
    uint8_t bytes[1024];

    for (size_t i = 0; i < N(actions); i++) {
        check(&actions[i], bytes, packet_out(&actions[i], OF10_VERSION, bytes, sizeof bytes));
        if (!strstr(actions[i].hex, "0000000800010000")) { /* an output of 1.0 within */
            check(&actions[i], bytes, packet_out(&actions[i], OF13_VERSION, bytes, sizeof bytes));
        }
    }
}

Test(nx, messages_are_read_printed_and_written_back)
{
    uint8_t bytes[1024];

    for (size_t i = 0; i < N(messages); i++) {
        check(&messages[i], bytes, from_hex(messages[i].hex, bytes, sizeof bytes));
    }
}

static bool is_sampled(const char *kind, const struct sample *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(all[i].kind, kind) == 0) {
            return true;
        }
    }
    return false;
}

Test(nx, every_kind_of_action_and_message_is_among_the_samples)
{
    const struct wire_family *families[] = {
        &nx10_actions_family,        &nx13_actions_family,        &nx10_messages_family,
        &nx13_messages_family,       &nx10_stats_requests_family, &nx10_stats_replies_family,
        &nx13_stats_requests_family, &nx13_stats_replies_family};

    for (size_t f = 0; f < N(families); f++) {
        for (unsigned k = 0; k < families[f]->n_cases; k++) {
            const char *kind = families[f]->cases[k].name;

            cr_expect(f < 2 ? is_sampled(kind, actions, N(actions))
                            : is_sampled(kind, messages, N(messages)),
                      "%s: %s", families[f]->name, kind);
        }
    }
}

Test(nx, a_cut_message_is_refused_or_written_back_the_same)
{
    static uint8_t back[1024];
    uint8_t bytes[1024];

    for (size_t i = 0; i < N(messages); i++) {
        size_t len = from_hex(messages[i].hex, bytes, sizeof bytes);

        for (size_t cut = OF_HEADER; cut < len; cut++) {
            struct tree_fault fault;
            struct tree t;

            wire_store_uint16(bytes + 2, (uint16_t)cut);
            tree_open(&t, memory, sizeof memory);
            if (of_read(version_of(bytes), bytes, cut, &t, &fault)) {
                cr_expect_eq(of_write(&t, back, sizeof back), cut, "%s", messages[i].kind);
                cr_expect_arr_eq(back, bytes, cut, "%s cut to %zu", messages[i].kind, cut);
            }
        }
    }
}

Test(nx, a_subtype_that_is_not_listed_is_kept_as_bytes)
{
    static const char *const unknown[] = {
        "010400180000001100002320000003e7"
        "0102030405060708", /* a message */
        "010d002000000011ffffffffffff0010"
        "ffff00100000232003e7010203040506", /* an action */
    };
    static uint8_t back[64];

    for (size_t i = 0; i < N(unknown); i++) {
        uint8_t bytes[64];
        size_t len = from_hex(unknown[i], bytes, sizeof bytes);
        struct tree_fault fault;
        struct tree t;

        tree_open(&t, memory, sizeof memory);
        cr_assert(of_read(&of10, bytes, len, &t, &fault), "%s", fault.what);
        cr_expect_eq(of_write(&t, back, sizeof back), len);
        cr_expect_arr_eq(back, bytes, len);
    }
}

/* ---- errors -------------------------------------------------------------------------------- */

Test(nx, errors_have_words_in_both_versions)
{
    const char *unknown = nx_error_13(999);

    cr_expect_str_eq(nx_error_10(1, 256), "invalid match");
    cr_expect_str_eq(nx_error_13(2), "invalid match");
    cr_expect_str_eq(nx_error_10(5, 257), nx_error_13(13));
    cr_expect_str_eq(nx_error_10(1, 534), nx_error_13(35));
    cr_expect_str_neq(nx_error_13(39), unknown);
    cr_expect_str_eq(nx_error_13(NX_NONE), unknown);
    cr_expect_str_eq(nx_error_10(NX_NONE, 0), unknown);
    cr_expect_str_eq(nx_error_10(1, 999), unknown);
}
