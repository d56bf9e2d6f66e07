/* tests/unit/wire.c - the walkers, on a format made for the test. */
#include <criterion/criterion.h>
#include <string.h>

#include "common/proto/wire.h"

#define SAMPLE(F, A, P)                                                                            \
    F(uint8, one, DEC)                                                                             \
    P(3)                                                                                           \
    F(uint16, two, HEX)                                                                            \
    A(6, mac, MAC)                                                                                 \
    F(uint32, ip, IP)                                                                              \
    F(uint64, eight, DEC)                                                                          \
    A(4, text, TEXT)                                                                               \
    A(2, raw, BYTES)
WIRE_DECLARE(sample, SAMPLE, 30)
WIRE_DEFINE(sample, SAMPLE, 30)

static const uint8_t wire[30] = {1, 9, 9, 9, 0xab, 0xcd, 2, 0, 0, 0,    0,    5, 192, 168,  2,
                                 1, 0, 0, 0, 0,    0,    0, 1, 0, 0x68, 0x69, 1, 0,   0xde, 0xad};

TestSuite(wire, .timeout = 20);

Test(wire, reads_big_endian_and_steps_over_padding)
{
    struct wire_in in = {wire, wire + sizeof wire, false};
    struct sample s;

    cr_assert(sample_get(&in, &s));
    cr_expect_eq(s.one, 1);
    cr_expect_eq(s.two, 0xabcd);
    cr_expect_eq(s.mac[0], 2);
    cr_expect_eq(s.mac[5], 5);
    cr_expect_eq(s.ip, 0xc0a80201u);
    cr_expect_eq(s.eight, 0x100u);
    cr_expect_eq(s.text[0], 'h');
    cr_expect_eq(wire_left(&in), 0);
}

Test(wire, padding_is_zero_when_written)
{
    struct wire_in in = {wire, wire + sizeof wire, false};
    uint8_t back[sizeof wire];
    struct wire_out out = {back, back + sizeof back, false};
    struct sample s;

    sample_get(&in, &s);
    memset(back, 0xff, sizeof back);
    sample_put(&out, &s);
    cr_expect(!(out.bad));
    cr_expect_eq(back[1] | back[2] | back[3], 0);
    cr_expect_arr_eq(back + 4, wire + 4, sizeof wire - 4);
}

Test(wire, refuses_every_truncation_and_gives_zeroes)
{
    for (size_t len = 0; len < sizeof wire; len++) {
        struct wire_in in = {wire, wire + len, false};
        struct sample s;

        memset(&s, 0x5a, sizeof s);
        cr_expect(!(sample_get(&in, &s)));
        cr_expect(in.bad);
        cr_expect_eq(s.eight, 0);
        cr_expect_eq(in.p, wire);
    }
}

Test(wire, a_cursor_once_bad_stays_bad)
{
    struct wire_in in = {wire, wire + sizeof wire, true};
    struct sample s;

    cr_expect(!(sample_get(&in, &s)));
    cr_expect_null(wire_bytes(&in, 1));
}

Test(wire, writes_nothing_past_the_room)
{
    for (size_t room = 0; room < sizeof wire; room++) {
        uint8_t back[sizeof wire] = {0};
        struct wire_out out = {back, back + room, false};
        struct sample s = {.one = 0xff};

        sample_put(&out, &s);
        cr_expect(out.bad);
        cr_expect_eq(back[0], 0, "wrote with room for %zu bytes", room);
        wire_put_bytes(&out, wire, 1);
        wire_put_zero(&out, 1);
        cr_expect_eq(out.p, back);
    }
}

Test(wire, bytes_are_taken_in_place_up_to_the_end)
{
    struct wire_in in = {wire, wire + 4, false};

    cr_expect_eq(wire_bytes(&in, 3), wire);
    cr_expect_null(wire_bytes(&in, 2));
    cr_expect(in.bad);
}

Test(wire, prints_each_form)
{
    struct sample s = {.one = 7, .two = 0xab, .mac = {2, 0, 0, 0, 0, 1}, .ip = 0x0a000164};
    char text[200], cut[12];
    size_t need;

    s.eight = 1ull << 40;
    memcpy(s.text, "a\"\x01", 4);
    s.raw[0] = 0xbe;
    s.raw[1] = 0xef;
    need = wire_print(text, sizeof text, sample_desc(), &s);
    cr_expect_str_eq(text, "one=7 two=0xab mac=02:00:00:00:00:01 ip=10.0.1.100 "
                           "eight=1099511627776 text=a\"? raw=beef");
    cr_expect_eq(need, strlen(text));
    cr_expect_eq(wire_print(cut, sizeof cut, sample_desc(), &s), need);
    cr_expect_eq(strlen(cut), sizeof cut - 1);
}
