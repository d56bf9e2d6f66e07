/* common/proto/of13.c - the tables that of13.def makes. */
#include "common/proto/of13.h"

#include <string.h>

OF13_STRUCTS(WIRE_DEFINE, WIRE_DEFINE_V)
OF13_FAMILIES(WIRE_FAMILY_DEFINE)
OF13_NAMES(WIRE_FORM_DEFINE)

#define NONE_desc NULL
#define MESSAGE(code, NAME, name, direction, body, step)                                           \
    [code] = {name, OF_##direction, step, body##_desc, 0},
static struct of_message messages[] = {OF13_MESSAGES(MESSAGE)};

__attribute__((constructor)) static void measure(void)
{
    of_measure(messages, sizeof messages / sizeof messages[0]);
}

#define TYPE(type, NAME, words) {type, OF_ANY_CODE, words},
#define CODE(type, code, NAME, words) {type, code, words},
static const struct of_words errors[] = {OF13_ERRORS(TYPE, CODE)};

const struct of_version of13 = {
    .version = OF13_VERSION,
    .name = "OpenFlow 1.3",
    .messages = messages,
    .n_messages = sizeof messages / sizeof messages[0],
    .errors = errors,
    .n_errors = sizeof errors / sizeof errors[0],
    .structs = of13_struct,
    .families = of13_family,
};

const struct wire_desc *of13_struct(unsigned i)
{
#define DESC(struct_name, LIST, bytes) struct_name##_desc,
#define DESC_V(struct_name, LIST, bytes, PARTS) struct_name##_desc,
    static const struct wire_desc *(*const all[])(void) = {OF13_STRUCTS(DESC, DESC_V)};

    return i < sizeof all / sizeof all[0] ? all[i]() : NULL;
}

const struct wire_family *of13_family(unsigned i)
{
#define FAMILY(family_name, LIST, KEY, LEN, multiple, zeros) &family_name##_family,
    static const struct wire_family *const all[] = {OF13_FAMILIES(FAMILY)};

    return i < sizeof all / sizeof all[0] ? all[i] : NULL;
}

void of13_packet_out_head(uint8_t head[OF13_PACKET_OUT_HEAD], uint32_t xid, uint32_t port,
                          size_t frame_len)
{
    memset(head, 0, OF13_PACKET_OUT_HEAD);
    head[0] = OF13_VERSION;
    head[1] = OF13_TYPE_PACKET_OUT;
    wire_store_uint16(head + 2, (uint16_t)(OF13_PACKET_OUT_HEAD + frame_len));
    wire_store_uint32(head + 4, xid);
    wire_store_uint32(head + 8, OF_NO_BUFFER);
    wire_store_uint32(head + 12, OF13_PORT_CONTROLLER); /* in_port: it came in by none */
    wire_store_uint16(head + 16, 16);                   /* actions_len */
    wire_store_uint16(head + 24, OF13_ACTION_TYPE_OUTPUT);
    wire_store_uint16(head + 26, 16);
    wire_store_uint32(head + 28, port);
}

void of13_release(uint8_t message[OF13_RELEASE], uint32_t xid, uint32_t buffer_id)
{
    struct wire_out out = {message, message + OF13_RELEASE, false};

    of_header_put(&out, &(struct of_header){OF13_VERSION, OF13_TYPE_PACKET_OUT, OF13_RELEASE, xid});
    of13_packet_out_put(&out, &(struct of13_packet_out){buffer_id, OF13_PORT_CONTROLLER, 0});
}
