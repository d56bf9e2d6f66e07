/* tests/unit/vns.c - VNS on the wire: tables, cutting, whole messages, the key's proof. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/proto/vns.h"

#pragma GCC diagnostic ignored "-Wconversion" /* Criterion's own macros */

TestSuite(vns, .timeout = 20);

Test(vns, every_structure_round_trips)
{
    cr_assert(ge(sz, vns_n_descs, 10));
    for (size_t i = 0; i < vns_n_descs; i++) {
        const struct wire_desc *d = vns_descs[i]();
        _Alignas(8) uint8_t host[512];
        uint8_t a[512], b[512];

        memset(host, 0x5a, sizeof host);
        wire_put(&(struct wire_out){a, a + sizeof a, false}, d, host);
        wire_get(&(struct wire_in){a, a + d->size, false}, d, host);
        wire_put(&(struct wire_out){b, b + sizeof b, false}, d, host);
        cr_expect(memcmp(a, b, d->size) == 0, "%s", d->name);
    }
}

Test(vns, every_structure_refuses_every_truncation)
{
    static const uint8_t bytes[512];

    for (size_t i = 0; i < vns_n_descs; i++) {
        const struct wire_desc *d = vns_descs[i]();

        for (size_t cut = 0; cut < d->size; cut++) {
            struct wire_in in = {bytes, bytes + cut, false};
            _Alignas(8) uint8_t host[512];

            cr_expect(not(wire_get(&in, d, host)), "%s took %zu bytes", d->name, cut);
        }
    }
}

Test(vns, cuts_messages_by_length_and_refuses_what_cannot_be)
{
    static const struct {
        const char *what;
        uint8_t bytes[8];
        size_t have, max;
        long want;
    } t[] = {
        {"header incomplete", {0, 0, 0, 8, 0, 0, 0, 2}, 7, VNS_SERVER_MAX, 0},
        {"body incomplete", {0, 0, 0, 30, 0, 0, 0, 4}, 8, VNS_SERVER_MAX, 0},
        {"length under 8", {0, 0, 0, 7, 0, 0, 0, 2}, 8, VNS_SERVER_MAX, -EBADMSG},
        {"length zero", {0, 0, 0, 0, 0, 0, 0, 2}, 8, VNS_SERVER_MAX, -EBADMSG},
        {"negative length", {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 4}, 8, VNS_SERVER_MAX, -EBADMSG},
        {"64 KiB", {0, 1, 0, 0, 0, 0, 3, 0xe7}, 8, VNS_SERVER_MAX, 0},
        {"over 64 KiB", {0, 1, 0, 1, 0, 0, 3, 0xe7}, 8, VNS_SERVER_MAX, -EBADMSG},
        {"10000 for a client", {0, 0, 0x27, 0x10, 0, 0, 0, 4}, 8, VNS_CLIENT_MAX, 0},
        {"10001 for a client", {0, 0, 0x27, 0x11, 0, 0, 0, 4}, 8, VNS_CLIENT_MAX, -EBADMSG},
        {"OPEN too short", {0, 0, 0, 107, 0, 0, 0, 1}, 8, VNS_SERVER_MAX, -EBADMSG},
        {"PACKET without name", {0, 0, 0, 23, 0, 0, 0, 4}, 8, VNS_SERVER_MAX, -EBADMSG},
        {"unknown type", {0, 0, 0, 8, 0, 0, 3, 0xe7}, 8, VNS_SERVER_MAX, 8},
    };

    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        cr_expect(eq(long, vns_message_length(t[i].bytes, t[i].have, t[i].max), t[i].want), "%s",
                  t[i].what);
    }
}

Test(vns, hwinfo_has_six_entries_an_interface_in_the_order_of_classic_servers)
{
    static const uint32_t keys[] = {1, 2, 32, 64, 4, 128};
    struct vns_interface f[2] = {
        {"eth1", {2, 0, 0, 0, 0, 1}, 0xc0a80201, 0xffffffff, 0, 10000},
        {"a-name-of-15-ch", {2, 0, 0, 0, 0, 2}, 0x0a000101, 0xffffff00, 0x0a000100, 0},
    };
    struct vns_interface back[2];
    uint8_t m[1024];
    size_t len = vns_hwinfo_message(m, sizeof m, f, 2);
    struct wire_in in = {m + 8, m + len, false};

    cr_assert(eq(sz, len, 8 + 2 * 216));
    cr_expect(memcmp(m, "\x00\x00\x01\xb8\x00\x00\x00\x10", 8) == 0);
    for (unsigned i = 0; i < 12; i++) {
        const uint8_t *e = m + 8 + 36 * i;

        cr_expect(eq(u32, (uint32_t)(e[0] << 24 | e[1] << 16 | e[2] << 8 | e[3]), keys[i % 6]));
    }
    cr_expect(memcmp(m + 12, "eth1\0\0\0\0", 8) == 0);
    cr_expect(memcmp(m + 8 + 36 * 3 + 4, "\xc0\xa8\x02\x01\0\0\0\0", 8) == 0, "IP left-aligned");
    cr_assert(eq(int, vns_hwinfo_read(&in, back, 2), 2));
    for (unsigned i = 0; i < 2; i++) {
        cr_expect(eq(str, back[i].name, f[i].name));
        cr_expect(memcmp(back[i].mac, f[i].mac, 6) == 0);
        cr_expect(eq(u32, back[i].ip, f[i].ip));
        cr_expect(eq(u32, back[i].mask, f[i].mask));
        cr_expect(eq(u32, back[i].subnet, f[i].subnet));
        cr_expect(eq(u32, back[i].speed, f[i].speed));
    }
}

Test(vns, hwinfo_that_cannot_be_is_refused)
{
    struct vns_interface f = {"eth1", {0}, 1, 2, 3, 4}, back[4];
    uint8_t m[512];
    size_t len = vns_hwinfo_message(m, sizeof m, &f, 1);

    for (size_t cut = 9; cut < len; cut++) {
        struct wire_in in = {m + 8, m + cut, false};
        int n = vns_hwinfo_read(&in, back, 4);

        cr_expect(eq(int, n, (cut - 8) % 36 == 0 ? 1 : -EBADMSG), "cut at %zu", cut);
    }
    cr_expect(eq(int, vns_hwinfo_read(&(struct wire_in){m + 8, m + len, false}, back, 0), -EBADMSG),
              "more than the caller takes");
    cr_expect(
        eq(int, vns_hwinfo_read(&(struct wire_in){m + 44, m + len, false}, back, 4), -EBADMSG),
        "a value before any name");
    memset(m + 12, 'x', 32);
    cr_expect(eq(int, vns_hwinfo_read(&(struct wire_in){m + 8, m + len, false}, back, 4), -EBADMSG),
              "a name without end");
}

Test(vns, whole_messages_have_the_lengths_of_the_protocol)
{
    uint8_t m[VNS_CLIENT_MAX], hash[VNS_HASH_LEN] = {0}, salt[20] = {0};
    char text[400];

    memset(text, 'x', sizeof text);
    text[399] = '\0';
    cr_expect(eq(sz, vns_text_message(m, sizeof m, VNS_CLOSE, text), 264));
    cr_expect(eq(u8, m[263], 0), "a reason always ends with a NUL");
    cr_expect(eq(sz, vns_auth_request_message(m, sizeof m, salt, sizeof salt), 28));
    cr_expect(eq(sz, vns_auth_reply_message(m, sizeof m, "joe", hash), 35));
    cr_expect(eq(sz, vns_auth_status_message(m, sizeof m, true, "hi"), 12));
    cr_expect(eq(u8, m[11], 0), "clients print it as a C string");
    cr_expect(eq(sz, vns_rtable_message(m, sizeof m, "vrhost", "abc", 3), 43));
    cr_expect(eq(u8, m[39], 0));
    cr_expect(eq(sz, vns_text_message(m, 263, VNS_CLOSE, "x"), 0), "no room");
    vns_packet_header(m, "a-name-of-sixteen", 100);
    cr_expect(eq(u8, m[3], 124));
    cr_expect(eq(u8, m[23], 0), "a name always ends with a NUL");
}

Test(vns, text_from_a_peer_is_printable_and_ends)
{
    char to[8];

    vns_text_read(to, sizeof to, (const uint8_t *)"a\033[31mzzzzzz", 12);
    cr_expect(eq(str, to, "a?[31mz"));
    vns_text_read(to, sizeof to, (const uint8_t *)"abc", 3);
    cr_expect(eq(str, to, "abc"));
}

/* The value is `(head -c 20 /dev/zero; printf %064d 0) | sha1sum`. */
Test(vns, hash_is_sha1_of_salt_and_64_bytes_of_key)
{
    static const uint8_t salt[20];
    uint8_t key[VNS_KEY_LEN], hash[VNS_HASH_LEN];
    char hex[41];

    memset(key, '0', sizeof key);
    cr_assert(eq(int, vns_auth_hash(hash, salt, sizeof salt, key), 0));
    for (unsigned i = 0; i < VNS_HASH_LEN; i++) {
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    }
    cr_expect(eq(str, hex, "8e8da27ba6b9d9e6ef00b2ce7b425a50c46a39a2"));
    cr_expect(vns_auth_equal(hash, hash));
    key[63] ^= 1;
    cr_expect(not(vns_auth_equal(hash, key)));
}

Test(vns, key_file_errors_name_the_file_and_what_was_expected)
{
    char file[] = "/tmp/vns-key-XXXXXX", why[256];
    uint8_t key[VNS_KEY_LEN];
    int fd = mkstemp(file);

    cr_assert(ge(int, fd, 0));
    cr_assert(eq(int, (int)write(fd, "short\n", 6), 6));
    cr_expect(eq(int, vns_auth_key(key, file, why, sizeof why), -EINVAL));
    cr_expect(strstr(why, file) && strstr(why, "6 bytes") && strstr(why, "64"), "%s", why);
    cr_assert(eq(int, ftruncate(fd, 80), 0));
    cr_expect(eq(int, vns_auth_key(key, file, why, sizeof why), 0), "longer is fine");
    close(fd);
    unlink(file);
    cr_expect(eq(int, vns_auth_key(key, file, why, sizeof why), -ENOENT));
    cr_expect(strstr(why, file) != NULL);
}
