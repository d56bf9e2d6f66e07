/* tests/unit/of10.c - the tables of OpenFlow 1.0. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/proto/of10.h"

#define ROOM 2048

TestSuite(of10, .timeout = 20);

Test(of10, refuses_every_truncation)
{
    static uint8_t bytes[ROOM];
    const struct wire_desc *d;

    for (unsigned i = 0; (d = of10_struct(i)) != NULL; i++) {
        for (size_t len = 0; len < d->size; len++) {
            struct wire_in in = {bytes, bytes + len, false};
            _Alignas(8) uint8_t host[ROOM];

            cr_expect(!(wire_get(&in, d, host)), "%s took %zu bytes", d->name, len);
        }
    }
}

Test(of10, every_structure_round_trips)
{
    const struct wire_desc *d;

    for (unsigned i = 0; (d = of10_struct(i)) != NULL; i++) {
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

/* Where the specification puts fields, after the message's header: what a round trip cannot see. */
static const struct {
    const char *structure, *field;
    unsigned offset, size;
} places[] = {
    {"of10_phy_port", "hw_addr", 2, 6},
    {"of10_phy_port", "name", 8, 16},
    {"of10_phy_port", "config", 24, 4},
    {"of10_phy_port", "peer", 44, 4},
    {"of10_match", "in_port", 4, 2},
    {"of10_match", "dl_src", 6, 6},
    {"of10_match", "dl_dst", 12, 6},
    {"of10_match", "dl_vlan", 18, 2},
    {"of10_match", "dl_vlan_pcp", 20, 1},
    {"of10_match", "dl_type", 22, 2},
    {"of10_match", "nw_tos", 24, 1},
    {"of10_match", "nw_proto", 25, 1},
    {"of10_match", "nw_src", 28, 4},
    {"of10_match", "nw_dst", 32, 4},
    {"of10_match", "tp_src", 36, 2},
    {"of10_match", "tp_dst", 38, 2},
    {"of10_action_output", "port", 4, 2},
    {"of10_action_output", "max_len", 6, 2},
    {"of10_action_enqueue", "queue_id", 12, 4},
    {"of10_action_dl_addr", "dl_addr", 4, 6},
    {"of10_switch_features", "n_buffers", 8, 4},
    {"of10_switch_features", "n_tables", 12, 1},
    {"of10_switch_features", "capabilities", 16, 4},
    {"of10_switch_features", "actions", 20, 4},
    {"of10_switch_config", "miss_send_len", 2, 2},
    {"of10_flow_mod", "cookie", 40, 8},
    {"of10_flow_mod", "command", 48, 2},
    {"of10_flow_mod", "priority", 54, 2},
    {"of10_flow_mod", "buffer_id", 56, 4},
    {"of10_flow_mod", "out_port", 60, 2},
    {"of10_flow_mod", "flags", 62, 2},
    {"of10_port_mod", "config", 8, 4},
    {"of10_port_mod", "mask", 12, 4},
    {"of10_packet_out", "in_port", 4, 2},
    {"of10_packet_out", "actions_len", 6, 2},
    {"of10_packet_in", "total_len", 4, 2},
    {"of10_packet_in", "in_port", 6, 2},
    {"of10_packet_in", "reason", 8, 1},
    {"of10_port_status", "reason", 0, 1},
    {"of10_port_status", "port_no", 8, 2},
    {"of10_port_status", "state", 36, 4},
    {"of10_flow_removed", "priority", 48, 2},
    {"of10_flow_removed", "reason", 50, 1},
    {"of10_flow_removed", "duration_sec", 52, 4},
    {"of10_flow_removed", "idle_timeout", 60, 2},
    {"of10_flow_removed", "packet_count", 64, 8},
    {"of10_flow_stats", "table_id", 2, 1},
    {"of10_flow_stats", "duration_sec", 44, 4},
    {"of10_flow_stats", "cookie", 64, 8},
    {"of10_table_stats", "name", 4, 32},
    {"of10_table_stats", "matched_count", 56, 8},
    {"of10_port_stats", "rx_packets", 8, 8},
    {"of10_port_stats", "collisions", 96, 8},
    {"of10_queue_stats", "queue_id", 4, 4},
    {"of10_desc_stats", "serial_num", 768, 32},
    {"of10_error", "code", 2, 2},
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

Test(of10, fields_lie_where_the_specification_puts_them)
{
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        const struct wire_desc *d;
        bool found = false;

        for (unsigned k = 0; (d = of10_struct(k)) != NULL; k++) {
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
    {8, 12},  {9, 12},  {10, 18}, {11, 88}, {12, 64}, {13, 16}, {14, 72}, {15, 32},
    {16, 12}, {17, 12}, {18, 8},  {19, 8},  {20, 12}, {21, 16},
};

Test(of10, every_message_has_the_length_of_the_specification)
{
    cr_assert_eq(sizeof lengths / sizeof lengths[0], of10.n_messages);
    for (unsigned i = 0; i < of10.n_messages; i++) {
        const struct of_message *m = of_find(&of10, lengths[i].type);

        cr_assert_not_null(m, "type %u", i);
        cr_expect_eq(of_shortest(m), lengths[i].least, "%s: %u", m->name, of_shortest(m));
    }
    cr_expect_null(of_find(&of10, 22));
    cr_expect_null(of_find(&of10, 255));
}

Test(of10, a_length_that_does_not_fit_the_type_is_refused)
{
    for (unsigned i = 0; i < of10.n_messages; i++) {
        const struct of_message *m = of_find(&of10, (uint8_t)i);
        enum of_direction from = m->direction & OF_UP ? OF_UP : OF_DOWN;

        for (unsigned len = 0; len < of_shortest(m) + 100; len++) {
            struct of_header h = {1, (uint8_t)i, (uint16_t)len, 0};
            unsigned more = len - of_shortest(m);
            bool fits = len == of_shortest(m) ||
                        (len > of_shortest(m) && m->step > 0 && more % m->step == 0);
            struct of_fault fault = {0};

            cr_expect_eq(of_check(&of10, &h, from, &fault), fits, "%s of %u", m->name, len);
            if (!fits) {
                cr_expect_eq(fault.type, OF10_BAD_REQUEST);
                cr_expect_eq(fault.code, OF10_BAD_REQUEST_BAD_LEN);
                cr_expect(strlen(fault.what) > 0);
            }
        }
    }
}

Test(of10, version_type_and_direction_are_checked)
{
    static const struct {
        struct of_header h;
        enum of_direction from;
        int code;
    } cases[] = {
        {{4, OF10_TYPE_ECHO_REQUEST, 8, 0}, OF_UP, OF10_BAD_REQUEST_BAD_VERSION},
        {{0, OF10_TYPE_ECHO_REQUEST, 8, 0}, OF_UP, OF10_BAD_REQUEST_BAD_VERSION},
        {{1, 22, 8, 0}, OF_UP, OF10_BAD_REQUEST_BAD_TYPE},
        {{1, OF10_TYPE_FEATURES_REQUEST, 8, 0}, OF_UP, OF10_BAD_REQUEST_BAD_TYPE},
        {{1, OF10_TYPE_PACKET_OUT, 16, 0}, OF_UP, OF10_BAD_REQUEST_BAD_TYPE},
        {{1, OF10_TYPE_PACKET_IN, 18, 0}, OF_DOWN, OF10_BAD_REQUEST_BAD_TYPE},
        {{1, OF10_TYPE_HELLO, 7, 0}, OF_UP, OF10_BAD_REQUEST_BAD_LEN},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct of_fault fault = {0};

        cr_expect(!(of_check(&of10, &cases[i].h, cases[i].from, &fault)), "case %u", i);
        cr_expect_eq(fault.code, cases[i].code, "case %u: %u (%s)", i, fault.code, fault.what);
    }
}

Test(of10, the_fast_packet_out_is_what_the_structures_write)
{
    uint8_t fast[OF10_PACKET_OUT_HEAD], slow[OF10_PACKET_OUT_HEAD];
    struct wire_out out = {slow, slow + sizeof slow, false};

    of10_packet_out_head(fast, 0x01020304, 0xfe, 1500);
    of_header_put(&out, &(struct of_header){1, OF10_TYPE_PACKET_OUT, 1524, 0x01020304});
    of10_packet_out_put(&out, &(struct of10_packet_out){OF_NO_BUFFER, OF10_PORT_NONE, 8});
    of10_action_output_put(&out, &(struct of10_action_output){0, 8, 0xfe, 0});
    cr_expect(!(out.bad));
    cr_expect_arr_eq(fast, slow, sizeof fast);
}

Test(of10, a_release_names_the_buffer_and_does_nothing_else)
{
    uint8_t m[OF10_RELEASE];
    struct wire_in in = {m, m + sizeof m, false};
    struct of10_packet_out o;
    struct of_header h;

    of10_release(m, 5, 77);
    of_header_get(&in, &h);
    of10_packet_out_get(&in, &o);
    cr_expect_eq(h.length, 16);
    cr_expect_eq(h.type, OF10_TYPE_PACKET_OUT);
    cr_expect_eq(o.buffer_id, 77);
    cr_expect_eq(o.actions_len, 0);
}

Test(of10, errors_are_told_in_words)
{
    cr_expect_str_eq(of_error_type(&of10, 1), "bad request");
    cr_expect_str_eq(of_error_code(&of10, 2, 4), "no such output port");
    cr_expect_str_eq(of_error_type(&of10, 99), "unknown type of error");
    cr_expect_str_eq(of_error_code(&of10, 1, 99), "unknown code");
    cr_expect_str_eq(of_error_code(&of10, 1, OF_ANY_CODE), "unknown code");
}

Test(of10, speed_comes_from_the_fastest_current_feature)
{
    cr_expect_eq(of10_speed(0), 0);
    cr_expect_eq(of10_speed(1 << 1), 10);
    cr_expect_eq(of10_speed(1 << 3 | 1 << 7), 100);
    cr_expect_eq(of10_speed(1 << 5), 1000);
    cr_expect_eq(of10_speed(1 << 6), 10000);
    cr_expect_eq(of10_speed(1 << 7), 0);
}

Test(of10, a_hello_allows_versions_by_bitmap_else_by_header)
{
    static const struct {
        const char *what;
        uint8_t len, bytes[32];
        bool allows, bad;
    } cases[] = {
        {"1.0, bare", 8, {1, 0, 0, 8}, true, false},
        {"1.3, bare", 8, {4, 0, 0, 8}, true, false},
        {"0, bare", 8, {0, 0, 0, 8}, false, false},
        {"1.0 and 1.3", 16, {4, 0, 0, 16, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0x12}, true, false},
        {"1.3 only", 16, {4, 0, 0, 16, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0x10}, false, false},
        {"empty bitmap", 12, {4, 0, 0, 12, 0, 0, 0, 0, 0, 1, 0, 4}, false, false},
        {"unknown element, then none", 12, {4, 0, 0, 12, 0, 0, 0, 0, 0, 9, 0, 4}, true, false},
        {"padded element, then bitmap",
         24,
         {4, 0, 0, 24, 0, 0, 0, 0, 0, 9, 0, 5, 1, 0, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0x10},
         false,
         false},
        {"element longer than the message", 12, {4, 0, 0, 12, 0, 0, 0, 0, 0, 1, 0, 8}, false, true},
        {"element of no length", 12, {4, 0, 0, 12, 0, 0, 0, 0, 0, 1, 0, 0}, false, true},
        {"cut element", 10, {4, 0, 0, 10, 0, 0, 0, 0, 0, 1}, false, true},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool bad = false, allows = of_hello_allows(cases[i].bytes, cases[i].len, 1, &bad);

        cr_expect_eq(allows, cases[i].allows, "%s", cases[i].what);
        cr_expect_eq(bad, cases[i].bad, "%s", cases[i].what);
    }
}

Test(of10, prints_a_message_and_never_past_the_text)
{
    static const uint8_t m[] = {1,    10,   0,    20, 0, 0, 0, 7, 0xff, 0xff,
                                0xff, 0xff, 0x00, 2,  0, 3, 0, 0, 9,    9};
    char text[200];

    of_print(&of10, m, sizeof m, text, sizeof text);
    cr_expect_str_eq(text, "packet_in xid=0x7 total_len=2 in_port=3 (via no_match) data_len=2 "
                           "(unbuffered)");
    for (size_t size = 1; size < 100; size++) {
        memset(text, 'x', sizeof text);
        of_print(&of10, m, sizeof m, text, size);
        cr_expect(memchr(text, '\0', size) != NULL);
        cr_expect_eq(text[size], 'x');
    }
    for (size_t len = 0; len < 18; len++) {
        of_print(&of10, m, len, text, sizeof text);
        cr_expect(strstr(text, "cut") != NULL, "%zu: %s", len, text);
    }
}
