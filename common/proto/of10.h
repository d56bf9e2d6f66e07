/* common/proto/of10.h - OpenFlow 1.0: structures, message types, and its tables, from of10.def. */
#ifndef COMMON_PROTO_OF10_H
#define COMMON_PROTO_OF10_H

#include "common/proto/nx.h"
#include "common/proto/of.h"
#include "common/proto/of10.def"
#include "common/proto/of10_kinds.def"
#include "common/proto/of10_names.def"

#define OF10_VERSION 1

OF10_STRUCTS(WIRE_DECLARE, WIRE_DECLARE_V)
OF10_FAMILIES(WIRE_FAMILY_DECLARE)
OF10_NAMES(WIRE_FORM_DECLARE)

#define OF10_ENUM_MESSAGE(code, NAME, name, direction, body, step) OF10_TYPE_##NAME = (code),
enum of10_type { OF10_MESSAGES(OF10_ENUM_MESSAGE) };
#undef OF10_ENUM_MESSAGE

/* OF10_BAD_REQUEST (a type), OF10_BAD_REQUEST_BAD_LEN (a code), ... */
#define OF10_ENUM_TYPE(type, NAME, words) OF10_##NAME = (type),
#define OF10_ENUM_CODE(type, code, NAME, words) OF10_##NAME = (code),
enum of10_error_number { OF10_ERRORS(OF10_ENUM_TYPE, OF10_ENUM_CODE) };
#undef OF10_ENUM_TYPE
#undef OF10_ENUM_CODE

enum {
    OF10_WILDCARDS_ALL = 0x3fffff, /* a match of every frame (5.2.3) */
    OF10_PORT_MAX = 0xff00, /* ports that a frame can be sent to by number are below (5.2.1) */
    OF10_PORT_CONTROLLER = 0xfffd, /* 5.2.1 */
    OF10_PORT_NONE = 0xffff,       /* in_port of a PACKET_OUT that came in by no port */
    OF10_PORT_CONFIG_DOWN = 1 << 0,
    OF10_PORT_STATE_LINK_DOWN = 1 << 0,
    OF10_PORT_ADD = 0,
    OF10_PORT_DELETE = 1,
    OF10_PORT_MODIFY = 2,
    OF10_STATS_DESC = 0,
    OF10_ACTION_TYPE_OUTPUT = 0,
};

extern const struct of_version of10;

/* The structures of of10.def, and its families, for tests and tools; NULL past the last. */
const struct wire_desc *of10_struct(unsigned i);
const struct wire_family *of10_family(unsigned i);

/* Speed of a port in Mbit/s from its 'curr' features (5.2.1), 0 when they do not say. */
uint32_t of10_speed(uint32_t curr);

/* What stands before a frame in a PACKET_OUT that sends it out of one port: header, body, one
 * OUTPUT action.  Written once for every frame that leaves, so by hand; a test holds it against the
 * structures. */
#define OF10_PACKET_OUT_HEAD 24
#define OF10_FRAME_MAX (OF_LONGEST - OF10_PACKET_OUT_HEAD)
void of10_packet_out_head(uint8_t head[OF10_PACKET_OUT_HEAD], uint32_t xid, uint16_t port,
                          size_t frame_len);
/* A whole PACKET_OUT that only drops the switch's buffered copy: no actions, no frame (5.3.6). */
#define OF10_RELEASE 16
void of10_release(uint8_t message[OF10_RELEASE], uint32_t xid, uint32_t buffer_id);

#endif
