/* tests/unit/tree.c - whole messages, on a format made for the test that has every kind of part. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/proto/tree.h"

/* ---- the format --------------------------------------------------------------------------- */
#define NOTHING(F, A, P)
#define MESSAGE(F, A, P)                                                                           \
    F(uint16, kind, DEC)                                                                           \
    F(uint16, list_len, DEC)                                                                       \
    F(uint32, vendor, HEX)
#define MESSAGE_PARTS(T)                                                                           \
    T(list, LIST(items), IN(list_len), 8)                                                          \
    T(one, ONE(matches), REST, 0)                                                                  \
    T(body, BODY(bodies), REST, 0)
#define ITEM(F, A, P)                                                                              \
    F(uint16, type, DEC)                                                                           \
    F(uint16, len, DEC)                                                                            \
    F(uint32, value, HEX)
#define NEST(F, A, P)                                                                              \
    F(uint16, type, DEC)                                                                           \
    F(uint16, len, DEC)                                                                            \
    P(4)
#define NEST_PARTS(T) T(items, LIST(items), REST, 0)
#define VENDOR_ITEM(F, A, P)                                                                       \
    F(uint16, type, DEC)                                                                           \
    F(uint16, len, DEC)                                                                            \
    F(uint32, vendor, HEX)                                                                         \
    F(uint16, subtype, DEC)
#define VENDOR_ITEM_PARTS(T)                                                                       \
    T(field, ONE(of_oxms), REST, 0)                                                                \
    T(zeros, ZEROS, REST, 0)
#define MATCH(F, A, P)                                                                             \
    F(uint16, type, DEC)                                                                           \
    F(uint16, len, DEC)
#define MATCH_PARTS(T) T(fields, LIST(of_oxms), REST, 0)
#define PAIR(F, A, P)                                                                              \
    F(uint8, a, DEC)                                                                               \
    F(uint8, b, DEC)
#define PAIRS_PARTS(T) T(pairs, ARRAY(pair), REST, 0)
#define BLOB_PARTS(T) T(data, DATA, REST, 0)

#define ITEMS_LIST(K, M)                                                                           \
    K(0, "item", item)                                                                             \
    K(5, "nest", nest)                                                                             \
    M(0xffff, "vendor", vendor_items)
#define VENDOR_ITEMS_LIST(K, M) M(0x2320, "nicira", nicira_items)
#define NICIRA_ITEMS_LIST(K, M) K(7, "load", vendor_item)
#define MATCHES_LIST(K, M) K(1, "oxm", match)
#define BODIES_LIST(K, M)                                                                          \
    K(1, "pairs", pairs)                                                                           \
    K(2, "blob", blob)                                                                             \
    M(9, "vendor", vendor_bodies)
#define VENDOR_BODIES_LIST(K, M) K(0x2320, "vendor_pairs", pairs)

#define STRUCTS(V)                                                                                 \
    V(item, ITEM, 8, WIRE_NO_PARTS)                                                                \
    V(nest, NEST, 8, NEST_PARTS)                                                                   \
    V(vendor_item, VENDOR_ITEM, 10, VENDOR_ITEM_PARTS)                                             \
    V(match, MATCH, 4, MATCH_PARTS)                                                                \
    V(pair, PAIR, 2, WIRE_NO_PARTS)                                                                \
    V(pairs, NOTHING, 0, PAIRS_PARTS)                                                              \
    V(blob, NOTHING, 0, BLOB_PARTS)                                                                \
    V(message, MESSAGE, 8, MESSAGE_PARTS)
#define FAMILIES(W)                                                                                \
    W(nicira_items, NICIRA_ITEMS_LIST, KEY(8, 2), LEN(0, 0), 0, 0)                                 \
    W(vendor_items, VENDOR_ITEMS_LIST, KEY(4, 4), LEN(0, 0), 0, 0)                                 \
    W(items, ITEMS_LIST, KEY(0, 2), LEN(2, 2), 8, 0)                                               \
    W(matches, MATCHES_LIST, KEY(0, 2), LEN(2, 2), 0, 8)                                           \
    W(vendor_bodies, VENDOR_BODIES_LIST, KEY(4, 4), LEN(0, 0), 0, 0)                               \
    W(bodies, BODIES_LIST, KEY(0, 2), LEN(0, 0), 0, 0)
STRUCTS(WIRE_DECLARE_V)
FAMILIES(WIRE_FAMILY_DECLARE)
STRUCTS(WIRE_DEFINE_V)
FAMILIES(WIRE_FAMILY_DEFINE)

/* ---- a message of it ---------------------------------------------------------------------- */
#define IP_SRC 0x80001604 /* OXM: nw_src, 4 bytes */
#define IP_SRC_MASKED 0x80001708

static const uint8_t bytes[] = {
    0,    1,    0,    48, 0,    0, 0,    0,                               /* pairs follow */
    0,    0,    0,    8,  1,    2, 3,    4,                               /* item */
    0,    5,    0,    16, 0,    0, 0,    0,    0,  0, 0, 8, 9,   9, 9, 9, /* nest of an item */
    0xff, 0xff, 0,    24, 0,    0, 0x23, 0x20, 0,  7,                     /* load */
    0x80, 0,    0x16, 4,  10,   0, 0,    1,    0,  0, 0, 0, 0,   0,       /* its field, zeros */
    0,    1,    0,    16, 0x80, 0, 0x17, 8,    10, 0, 0, 0, 255, 0, 0, 0, /* match */
    7,    8,    9,    10,                                                 /* pairs */
};
static _Alignas(8) uint8_t memory[8192];

TestSuite(tree, .timeout = 20);

static bool read_all(struct tree *t, const uint8_t *b, size_t len, struct tree_fault *fault)
{
    tree_open(t, memory, sizeof memory);
    return tree_read(t, message_desc(), b, len, fault);
}

/* What 'edit' changes of the message makes it wrong, there and for that reason. */
static void refused(size_t at, uint8_t value, const char *what)
{
    uint8_t b[sizeof bytes];
    struct tree_fault fault;
    struct tree t;

    memcpy(b, bytes, sizeof b);
    b[at] = value;
    cr_assert(!read_all(&t, b, sizeof b, &fault), "byte %zu = %u", at, value);
    cr_expect_not_null(strstr(fault.what, what), "byte %zu = %u: %s", at, value, fault.what);
    cr_expect_null(tree_root(&t));
    cr_expect(!tree_read(NULL, message_desc(), b, sizeof b, &fault), "the check takes it");
}

Test(tree, reads_every_kind_of_part)
{
    const struct tree_node *n, *root;
    struct tree_fault fault;
    struct tree t;

    cr_assert(read_all(&t, bytes, sizeof bytes, &fault), "%u: %s", fault.offset, fault.what);
    root = tree_root(&t);
    cr_expect_eq(((struct message *)tree_host(root))->list_len, 48);
    n = tree_part(&t, root, "list");
    cr_expect_eq(((struct item *)tree_host(n))->value, 0x01020304);
    n = tree_after(&t, root, n);
    cr_expect_str_eq(n->what->name, "nest");
    cr_expect_eq(((struct item *)tree_host(tree_first(&t, n)))->value, 0x09090909);
    n = tree_after(&t, root, n);
    cr_expect_str_eq(n->what->name, "load");
    cr_expect_eq(((struct vendor_item *)tree_host(n))->subtype, 7);
    n = tree_first(&t, n);
    cr_expect_eq(n->kind, TREE_OXM);
    cr_expect_eq(n->header, IP_SRC);
    cr_expect_str_eq(n->field->name, "nw_src");
    n = tree_first(&t, tree_part(&t, root, "one"));
    cr_expect_eq(n->header, IP_SRC_MASKED);
    cr_expect_eq(n->len, 8);
    n = tree_first(&t, tree_part(&t, root, "body"));
    n = tree_after(&t, tree_part(&t, root, "body"), n);
    cr_expect_eq(((struct pair *)tree_host(n))->b, 10);
}

Test(tree, writes_what_it_read)
{
    uint8_t back[sizeof bytes];
    struct tree_fault fault;
    struct tree t;

    cr_assert(read_all(&t, bytes, sizeof bytes, &fault), "%s", fault.what);
    for (size_t room = 0; room <= sizeof back; room++) {
        struct wire_out out = {back, back + room, false};

        memset(back, 0xee, sizeof back);
        tree_write(&t, &out);
        cr_expect_eq(out.bad, room < sizeof back, "%zu", room);
    }
    cr_expect_arr_eq(back, bytes, sizeof bytes);
}

/* Every cut but one inside the last list, which is a whole message of fewer pairs. */
Test(tree, refuses_every_truncation)
{
    for (size_t len = 0; len < sizeof bytes; len++) {
        struct tree_fault fault;
        struct tree t;
        bool whole = len == sizeof bytes - 2 || len == sizeof bytes - 4;

        cr_expect_eq(read_all(&t, bytes, len, &fault), whole, "%zu bytes", len);
        cr_expect_eq(tree_read(NULL, message_desc(), bytes, len, &fault), whole, "%zu bytes", len);
        cr_expect(whole || fault.offset <= len);
    }
}

Test(tree, names_the_place_and_the_reason)
{
    refused(3, 49, "an element");
    refused(3, 200, "list says that it has 200 bytes");
    refused(11, 7, "multiple of 8");
    refused(11, 16, "8 bytes too many");
    refused(11, 0, "an element says that it has 0 bytes, 48 are left");
    refused(19, 20, "multiple of 8");
    refused(35, 32, "an element says");
    refused(45, 9, "has 9 bytes");
    refused(45, 0, "nw_src has 0 bytes");
    refused(59, 3, "an element says that it has 3 bytes");
    refused(59, 19, "are cut");
}

Test(tree, keeps_unknown_kinds_as_bytes)
{
    static const size_t keys[] = {9, 41, 57};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        uint8_t b[sizeof bytes], back[sizeof bytes];
        struct wire_out out = {back, back + sizeof back, false};
        struct tree_fault fault;
        struct tree t;

        memcpy(b, bytes, sizeof b);
        b[keys[i]] = 99;
        cr_assert(read_all(&t, b, sizeof b, &fault), "%s", fault.what);
        tree_write(&t, &out);
        cr_expect_arr_eq(back, b, sizeof b, "byte %zu", keys[i]);
    }
}

Test(tree, a_body_goes_by_the_key_in_its_structure)
{
    static const uint8_t blob[] = {0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 1, 2, 3};
    static const uint8_t vendor[] = {0, 9, 0, 0, 0, 0, 0x23, 0x20, 0, 1, 0, 4, 0, 0, 0, 0, 1, 2};
    const struct tree_node *n;
    struct tree_fault fault;
    struct tree t;

    cr_assert(read_all(&t, blob, sizeof blob, &fault), "%s", fault.what);
    n = tree_part(&t, tree_root(&t), "body");
    cr_expect_str_eq(n->what->name, "blob");
    cr_expect_eq(tree_first(&t, n)->len, 3);
    cr_assert(read_all(&t, vendor, sizeof vendor, &fault), "%s", fault.what);
    cr_expect_str_eq(tree_part(&t, tree_root(&t), "body")->what->name, "vendor_pairs");
}

Test(tree, depth_and_number_are_bounded)
{
    enum { DEPTH = 40 };
    uint8_t b[8 + DEPTH * 8 + 8] = {0, 77, DEPTH * 8 >> 8, DEPTH * 8 & 255};
    struct tree_fault fault;
    struct tree t;

    for (size_t i = 0; i < DEPTH; i++) {
        uint8_t *at = b + 8 + i * 8;
        size_t len = (DEPTH - i) * 8;

        at[1] = 5;
        at[2] = (uint8_t)(len >> 8);
        at[3] = (uint8_t)len;
    }
    memcpy(b + 8 + DEPTH * 8, (uint8_t[]){0, 1, 0, 4}, 4);
    cr_assert(!read_all(&t, b, sizeof b, &fault));
    cr_expect_not_null(strstr(fault.what, "within each other"), "%s", fault.what);
    for (size_t size = 0; size < 900; size += 8) {
        bool good;

        tree_open(&t, memory, size);
        good = tree_read(&t, message_desc(), bytes, sizeof bytes, &fault);
        cr_expect(good || fault.full, "%zu", size);
        cr_expect(good || t.used == 0);
    }
    cr_expect(tree_read(&t, message_desc(), bytes, sizeof bytes, &fault));
}

Test(tree, a_row_made_by_hand_is_written_with_keys_and_lengths)
{
    static const uint8_t masked[] = {10, 0, 0, 0, 255, 0, 0, 0}, address[] = {10, 0, 0, 1};
    uint8_t back[sizeof bytes];
    struct wire_out out = {back, back + sizeof back, false};
    struct tree t;

    tree_open(&t, memory, sizeof memory);
    tree_push(&t, NULL, message_desc());
    ((struct item *)tree_kind(&t, "list", "item"))->value = 0x01020304;
    tree_pop(&t);
    tree_kind(&t, "list", "nest");
    ((struct item *)tree_kind(&t, "items", "item"))->value = 0x09090909;
    tree_pop(&t);
    tree_pop(&t);
    tree_kind(&t, "list", "load");
    tree_oxm(&t, "field", IP_SRC, address);
    tree_pop(&t);
    tree_kind(&t, "one", "oxm");
    tree_oxm(&t, "fields", IP_SRC_MASKED, masked);
    tree_pop(&t);
    tree_kind(&t, "body", "pairs");
    for (uint8_t i = 7; i < 11; i += 2) {
        *(struct pair *)tree_push(&t, "pairs", pair_desc()) = (struct pair){i, i + 1};
        tree_pop(&t);
    }
    tree_pop(&t);
    tree_pop(&t);
    cr_assert(tree_good(&t));
    tree_write(&t, &out);
    cr_assert(!out.bad);
    cr_expect_arr_eq(back, bytes, sizeof bytes);
}

Test(tree, a_row_that_does_not_fit_is_not_good)
{
    for (size_t size = 0; size < 200; size += 8) {
        uint8_t back[100];
        struct wire_out out;
        struct tree t;

        tree_open(&t, memory, size);
        tree_push(&t, NULL, message_desc());
        ((struct item *)tree_kind(&t, "list", "item"))->value = 1;
        tree_pop(&t);
        ((struct item *)tree_kind(&t, "list", "item"))->value = 1;
        tree_pop(&t);
        tree_pop(&t);
        cr_expect_eq(tree_good(&t), size >= 3 * (sizeof(struct tree_node) + 8), "%zu", size);
        out = (struct wire_out){back, back + sizeof back, false};
        tree_write(&t, &out);
        cr_expect_eq(out.bad, !tree_good(&t), "%zu: a row that is not whole is written", size);
    }
}

Test(tree, the_longest_field_is_whole_in_json)
{
    uint8_t payload[255];
    char json[1000], hex[2 * sizeof payload + 1];
    struct text to;
    struct tree t;

    memset(payload, 0xab, sizeof payload);
    tree_open(&t, memory, sizeof memory);
    tree_push(&t, NULL, message_desc());
    tree_kind(&t, "one", "oxm");
    tree_oxm(&t, "fields", 0x800302ff, payload); /* a class that nobody knows */
    tree_pop(&t);
    tree_pop(&t);
    text_open(&to, json, sizeof json);
    tree_json(&to, &t);
    text_open(&to, hex, sizeof hex);
    text_hex(&to, payload, sizeof payload);
    cr_expect_not_null(strstr(json, hex), "%s", json);
}

Test(tree, prints_lines_and_json)
{
    struct tree_fault fault;
    char text[2000];
    struct text to;
    struct tree t;

    cr_assert(read_all(&t, bytes, sizeof bytes, &fault));
    text_open(&to, text, sizeof text);
    tree_json(&to, &t);
    cr_expect_str_eq(
        text, "{\"is\":\"message\",\"kind\":1,\"list_len\":48,\"vendor\":\"0x0\",\"list\":["
              "{\"is\":\"item\",\"type\":0,\"len\":8,\"value\":\"0x1020304\"},"
              "{\"is\":\"nest\",\"type\":5,\"len\":16,\"items\":["
              "{\"is\":\"item\",\"type\":0,\"len\":8,\"value\":\"0x9090909\"}]},"
              "{\"is\":\"load\",\"type\":65535,\"len\":24,\"vendor\":\"0x2320\",\"subtype\":7,"
              "\"field\":{\"field\":\"nw_src\",\"value\":\"10.0.0.1\"}}],"
              "\"one\":{\"is\":\"oxm\",\"type\":1,\"len\":16,\"fields\":["
              "{\"field\":\"nw_src\",\"value\":\"10.0.0.0\",\"mask\":\"255.0.0.0\"}]},"
              "\"body\":{\"is\":\"pairs\",\"pairs\":[{\"is\":\"pair\",\"a\":7,\"b\":8},"
              "{\"is\":\"pair\",\"a\":9,\"b\":10}]}}");
    text_open(&to, text, sizeof text);
    tree_print(&to, &t);
    cr_expect_not_null(strstr(text, "\n    list: load\n"), "%s", text);
    cr_expect_not_null(strstr(text, "\n        fields: nw_src=10.0.0.0/255.0.0.0\n"), "%s", text);
    cr_expect_not_null(strstr(text, "\n        pairs: pair\n            a: 9\n"), "%s", text);
    for (size_t size = 1; size < to.n; size++) {
        char cut[2000];
        struct text c;

        text_open(&c, cut, size);
        tree_print(&c, &t);
        cr_expect_eq(c.n, to.n);
        cr_expect_eq(strlen(cut), size - 1);
        cr_expect_eq(memcmp(cut, text, size - 1), 0);
    }
}
