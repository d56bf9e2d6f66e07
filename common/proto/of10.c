/* common/proto/of10.c - the tables that of10.def makes. */
#include "common/proto/of10.h"

#include <string.h>

OF10_STRUCTS(WIRE_DEFINE, WIRE_DEFINE_V)
OF10_FAMILIES(WIRE_FAMILY_DEFINE)
OF10_NAMES(WIRE_FORM_DEFINE)

#define NONE_desc NULL
#define MESSAGE(code, NAME, name, direction, body, step)                                           \
    [code] = {name, OF_##direction, step, body##_desc, 0},
static struct of_message messages[] = {OF10_MESSAGES(MESSAGE)};

__attribute__((constructor)) static void measure(void)
{
    of_measure(messages, sizeof messages / sizeof messages[0]);
}

#define TYPE(type, NAME, words) {type, OF_ANY_CODE, words},
#define CODE(type, code, NAME, words) {type, code, words},
static const struct of_words errors[] = {OF10_ERRORS(TYPE, CODE)};

const struct of_version of10 = {
    .version = OF10_VERSION,
    .name = "OpenFlow 1.0",
    .messages = messages,
    .n_messages = sizeof messages / sizeof messages[0],
    .errors = errors,
    .n_errors = sizeof errors / sizeof errors[0],
    .structs = of10_struct,
    .families = of10_family,
};

const struct wire_desc *of10_struct(unsigned i)
{
#define DESC(struct_name, LIST, bytes) struct_name##_desc,
#define DESC_V(struct_name, LIST, bytes, PARTS) struct_name##_desc,
    static const struct wire_desc *(*const all[])(void) = {OF10_STRUCTS(DESC, DESC_V)};

    return i < sizeof all / sizeof all[0] ? all[i]() : NULL;
}

const struct wire_family *of10_family(unsigned i)
{
#define FAMILY(family_name, LIST, KEY, LEN, multiple, zeros) &family_name##_family,
    static const struct wire_family *const all[] = {OF10_FAMILIES(FAMILY)};

    return i < sizeof all / sizeof all[0] ? all[i] : NULL;
}

uint32_t of10_speed(uint32_t curr)
{
    static const uint32_t mbit[] = {10, 10, 100, 100, 1000, 1000, 10000}; /* OFPPF_*, bit by bit */

    for (unsigned bit = sizeof mbit / sizeof mbit[0]; bit > 0; bit--) {
        if (curr >> (bit - 1) & 1) {
            return mbit[bit - 1];
        }
    }
    return 0;
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

void of10_packet_out_head(uint8_t head[OF10_PACKET_OUT_HEAD], uint32_t xid, uint16_t port,
                          size_t frame_len)
{
    static const uint8_t shape[OF10_PACKET_OUT_HEAD] = {
        OF10_VERSION,
        OF10_TYPE_PACKET_OUT,
        0,
        0,
        0,
        0,
        0,
        0, /* header */
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0,
        8, /* no buffer, no port, actions_len */
        0,
        OF10_ACTION_TYPE_OUTPUT,
        0,
        8,
        0,
        0,
        0,
        0, /* output */
    };

    memcpy(head, shape, sizeof shape);
    put16(head + 2, (unsigned)(OF10_PACKET_OUT_HEAD + frame_len));
    put32(head + 4, xid);
    put16(head + 20, port);
}

void of10_release(uint8_t message[OF10_RELEASE], uint32_t xid, uint32_t buffer_id)
{
    struct wire_out out = {message, message + OF10_RELEASE, false};

    of_header_put(&out, &(struct of_header){OF10_VERSION, OF10_TYPE_PACKET_OUT, OF10_RELEASE, xid});
    of10_packet_out_put(&out, &(struct of10_packet_out){buffer_id, OF10_PORT_NONE, 0});
}
