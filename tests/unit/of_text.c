/* tests/unit/of_text.c - OpenFlow in the words of ovs-ofctl. */
#include "common/proto/of_text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/proto/nx.h"
#include "common/proto/of10.h"
#include "common/proto/of13.h"
#include "common/proto/of_text_pieces.h"

#define LONGEST 1024

static const struct {
    const char *hex, *text;
} cases[] = {
#define CASE(hex, text) {hex, text},
#include "tests/unit/of_text.def"
#undef CASE
};
#define N_CASES (sizeof cases / sizeof cases[0])

TestSuite(of_text, .timeout = 60);

static size_t from_hex(uint8_t *to, const char *hex)
{
    size_t n = 0;

    for (; hex[0] && hex[1]; hex += 2) {
        char pair[3] = {hex[0], hex[1], '\0'};

        cr_assert(n < LONGEST);
        to[n++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return n;
}

static const struct of_version *version_of(const uint8_t *m)
{
    return m[0] == OF10_VERSION ? &of10 : &of13;
}

static bool read_case(struct tree *t, const uint8_t *m, size_t len)
{
    static _Alignas(8) uint8_t memory[65536];
    struct tree_fault fault;

    tree_open(t, memory, sizeof memory);
    return of_read(version_of(m), m, len, t, &fault);
}

Test(of_text, says_what_ovs_ofctl_says)
{
    for (size_t i = 0; i < N_CASES; i++) {
        uint8_t m[LONGEST];
        char line[4096];
        struct text to;
        struct tree t;
        size_t len = from_hex(m, cases[i].hex);

        cr_assert(read_case(&t, m, len), "%s", cases[i].text);
        text_open(&to, line, sizeof line);
        of_text_message(&to, version_of(m), &t, OF_TEXT_ALL);
        cr_expect_str_eq(line, cases[i].text);
    }
}

/* In less room there is the beginning of the text; a blank at its end may be one that the whole
 * does without. */
Test(of_text, keeps_within_its_room)
{
    for (size_t i = 0; i < N_CASES; i++) {
        uint8_t m[LONGEST];
        char line[4096];
        struct tree t;
        size_t len = from_hex(m, cases[i].hex), whole = strlen(cases[i].text);

        cr_assert(read_case(&t, m, len));
        for (size_t size = 1; size <= whole; size += 1 + size / 8) {
            struct text to;
            size_t n;

            memset(line, 'x', sizeof line);
            text_open(&to, line, size);
            of_text_message(&to, version_of(m), &t, OF_TEXT_ALL);
            cr_expect(text_needed(&to) >= whole && line[size] == 'x');
            n = strlen(line);
            while (n > 0 && line[n - 1] == ' ') {
                n--;
            }
            cr_expect_eq(strncmp(line, cases[i].text, n), 0, "%zu: %s", size, line);
        }
    }
}

/* ---- the templates -------------------------------------------------------------------------- */

static const struct wire_desc *find_struct(const char *name)
{
    const struct wire_desc *(*const lists[])(unsigned) = {of10.structs, of13.structs, nx_struct};
    static const struct wire_desc *(*const own[])(void) = {of_hello_desc, of_hello_versions_desc,
                                                           of_hello_bitmap_desc};
    const struct wire_desc *d;

    for (size_t l = 0; l < sizeof lists / sizeof lists[0]; l++) {
        for (unsigned i = 0; (d = lists[l](i)) != NULL; i++) {
            if (strcmp(d->name, name) == 0) {
                return d;
            }
        }
    }
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (strcmp(own[i]()->name, name) == 0) {
            return own[i]();
        }
    }
    return NULL;
}

static bool has_field(const struct wire_desc *d, const char *name, size_t len)
{
    for (unsigned i = 0; i < d->n_fields; i++) {
        const char *is = d->fields[i].name;

        if (is && strlen(is) == len && strncmp(is, name, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_part(const struct wire_desc *d, const char *name, size_t len)
{
    for (unsigned i = 0; i < d->n_parts; i++) {
        if (strlen(d->parts[i].name) == len && strncmp(d->parts[i].name, name, len) == 0) {
            return true;
        }
    }
    /* 1.0 has its match in the structure's own fields; a property's are called fields */
    return strncmp(name, "match", len) == 0 &&
           (has_field(d, "wildcards", 9) || has_part(d, "fields", 6));
}

Test(of_text, templates_name_what_is_there)
{
    const struct of_text_row *row;

    for (unsigned i = 0; (row = of_text_row(i)) != NULL; i++) {
        const struct wire_desc *d = find_struct(row->structure);

        cr_assert(d, "%s: no structure has this name", row->structure);
        cr_expect_eq(of_text_find(row->structure), row, "%s: twice", row->structure);
        for (const char *p = row->words; *p; p++) {
            size_t len;

            if ((*p != '{' && *p != '[') || p[1] == '$') {
                continue;
            }
            p++;
            len = strcspn(p, "}:=~&?");
            cr_expect(*p == '@' ? has_part(d, p + 1, len - 1) : has_field(d, p, len), "%s: %.*s",
                      row->structure, (int)len, p);
        }
    }
}

/* Structures that stand in others' words, or are but numbers in lists of what a table can do. */
static bool needs_no_words(const char *name)
{
    static const char *const without[] = {"of_header",   "of_hello_element", "of10_match",
                                          "of13_match",  "of13_id",          "of13_experimenter_id",
                                          "of13_bucket", "nx_bit_count",     "of13_table_number"};

    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        if (strcmp(without[i], name) == 0) {
            return true;
        }
    }
    return strstr(name, "table_prop") || strstr(name, "error") || strstr(name, "_experimenter");
}

Test(of_text, every_structure_has_words)
{
    const struct wire_desc *(*const lists[])(unsigned) = {of10.structs, of13.structs, nx_struct};
    const struct wire_desc *d;

    for (size_t l = 0; l < sizeof lists / sizeof lists[0]; l++) {
        for (unsigned i = 0; (d = lists[l](i)) != NULL; i++) {
            cr_expect(of_text_find(d->name) || of_text_has_odd(d->name) || needs_no_words(d->name),
                      "%s", d->name);
        }
    }
}

/* ---- what is not as it should be ------------------------------------------------------------- */

/* A bit turned over: whatever it makes of the message, the text is printable, and ends. */
Test(of_text, says_something_of_anything)
{
    for (size_t i = 0; i < N_CASES; i++) {
        uint8_t m[LONGEST];
        char line[8192];
        size_t len = from_hex(m, cases[i].hex);

        for (size_t bit = 8; bit < 8 * len; bit += 3) {
            struct text to;

            m[bit / 8] ^= (uint8_t)(1 << bit % 8);
            text_open(&to, line, sizeof line);
            of_text_bytes(&to, version_of(m), m, len);
            cr_expect(line[0] != '\0');
            for (const char *c = line; *c; c++) {
                cr_assert(*c >= 0x20 && *c < 0x7f, "%s", line);
            }
            m[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void expect_bytes(const char *hex, const char *text)
{
    uint8_t m[LONGEST];
    char line[600];
    struct text to;
    size_t len = from_hex(m, hex);

    text_open(&to, line, sizeof line);
    of_text_bytes(&to, version_of(m), m, len);
    cr_expect_str_eq(line, text);
}

Test(of_text, unknown_things_are_shown_as_they_are)
{
    expect_bytes("0163000c0000000201020304", "type_99 xid=0x2 4 bytes 0x01020304");
    expect_bytes(
        "010d0018000000030000000a0001000800630008deadbeef",
        "packet_out xid=0x3 in_port=1 actions=unknown:0x00630008deadbeef buffer=0x0000000a");
    expect_bytes("0101000c0000000400010001",
                 "error xid=0x4 bad request: message type not supported "
                 "(type 1, code 1)");
    expect_bytes("010100140000000400010008010d001000000009",
                 "error xid=0x4 bad request: no such buffer (type 1, code 8); about packet_out "
                 "xid=0x9");
    expect_bytes("0101000f0000000400000000"
                 "6e6f21",
                 "error xid=0x4 hello failed: no version in common (type 0, code 0); \"no!\"");
    expect_bytes("01010014000000040063"
                 "0063"
                 "0102030405060708",
                 "error xid=0x4 unknown type of error: unknown code (type 99, code 99); about "
                 "echo_request xid=0x5060708");
    expect_bytes("010e0009", "cut header (4 bytes)");
    expect_bytes("010e004800000001ffff", "flow_mod xid=0x1 length=72 (cut to 10 bytes)");
}

/* ---- entries -------------------------------------------------------------------------------- */

Test(of_text, entries_of_a_reply_one_by_one)
{
    static const char two_ports[] =
        "041300b0000000020005000000000000"
        "0000000100000002000000000000000a0000000000000014ffffffffffffffff0000000100000000"
        "0000000200000003000000000000000b00000000000000150000000000000000000000020000012c"
        "fffffffe00000003000000000000000b00000000000000150000000000000000ffffffffffffffff"
        "0000000200000003000000000000000b00000000000000150000000000000000000000021dcd6500";
    static const char *const expected[] = {
        "port 1 queue 2: bytes=10, pkts=20, errors=?, duration=1s",
        "port 2 queue 3: bytes=11, pkts=21, errors=0, duration=2.0000003s",
        "port LOCAL queue 3: bytes=11, pkts=21, errors=0, duration=?",
        "port 2 queue 3: bytes=11, pkts=21, errors=0, duration=2.500s",
    };
    const struct tree_node *n;
    uint8_t m[LONGEST];
    char line[400];
    struct text to;
    struct tree t;
    unsigned i = 0;

    cr_assert(read_case(&t, m, from_hex(m, two_ports)));
    for (n = of_text_first(&t); n; n = of_text_next(&t, n), i++) {
        cr_assert(i < 4);
        text_open(&to, line, sizeof line);
        of_text_entry(&to, &t, n);
        cr_expect_str_eq(line, expected[i]);
    }
    cr_expect_eq(i, 4);
    text_open(&to, line, sizeof line);
    of_text_message(&to, &of13, &t, 1);
    cr_expect_str_eq(line, "multipart_reply xid=0x2 queue 4 queues: port 1 queue 2: bytes=10, "
                           "pkts=20, errors=?, duration=1s; ... and 3 more");
}
