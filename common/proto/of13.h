/* common/proto/of13.h - OpenFlow 1.3: structures, message types, and its tables, from of13.def. */
#ifndef COMMON_PROTO_OF13_H
#define COMMON_PROTO_OF13_H

#include "common/proto/nx.h"
#include "common/proto/of.h"
#include "common/proto/of13.def"
#include "common/proto/of13_kinds.def"
#include "common/proto/of13_multipart.def"
#include "common/proto/of13_names.def"

#define OF13_VERSION 4

OF13_STRUCTS(WIRE_DECLARE, WIRE_DECLARE_V)
OF13_FAMILIES(WIRE_FAMILY_DECLARE)
OF13_NAMES(WIRE_FORM_DECLARE)

#define OF13_ENUM_MESSAGE(code, NAME, name, direction, body, step) OF13_TYPE_##NAME = (code),
enum of13_type { OF13_MESSAGES(OF13_ENUM_MESSAGE) };
#undef OF13_ENUM_MESSAGE

/* OF13_BAD_REQUEST (a type), OF13_BAD_REQUEST_BAD_LEN (a code), ... */
#define OF13_ENUM_TYPE(type, NAME, words) OF13_##NAME = (type),
#define OF13_ENUM_CODE(type, code, NAME, words) OF13_##NAME = (code),
enum of13_error_number { OF13_ERRORS(OF13_ENUM_TYPE, OF13_ENUM_CODE) };
#undef OF13_ENUM_TYPE
#undef OF13_ENUM_CODE

/* Numbers above INT_MAX, which an enum does not hold. */
#define OF13_PORT_MAX UINT32_C(0xffffff00) /* ports that can be sent to by number are up to it */
#define OF13_PORT_IN_PORT UINT32_C(0xfffffff8) /* 7.2.1 */
#define OF13_PORT_TABLE UINT32_C(0xfffffff9)
#define OF13_PORT_NORMAL UINT32_C(0xfffffffa)
#define OF13_PORT_FLOOD UINT32_C(0xfffffffb)
#define OF13_PORT_ALL UINT32_C(0xfffffffc)
#define OF13_PORT_CONTROLLER UINT32_C(0xfffffffd)
#define OF13_PORT_LOCAL UINT32_C(0xfffffffe)
#define OF13_PORT_ANY UINT32_C(0xffffffff)
#define OF13_QUEUE_ALL UINT32_C(0xffffffff)
#define OF13_GROUP_MAX UINT32_C(0xffffff00) /* 7.3.4.2 */
#define OF13_GROUP_ALL UINT32_C(0xfffffffc)
#define OF13_GROUP_ANY UINT32_C(0xffffffff)
#define OF13_METER_MAX UINT32_C(0xffff0000) /* 7.3.4.4 */
#define OF13_METER_SLOWPATH UINT32_C(0xfffffffd)
#define OF13_METER_CONTROLLER UINT32_C(0xfffffffe)
#define OF13_METER_ALL UINT32_C(0xffffffff)

enum {
    OF13_PORT_CONFIG_DOWN = 1 << 0, /* 7.2.1 */
    OF13_PORT_CONFIG_NO_RECV = 1 << 2,
    OF13_PORT_CONFIG_NO_FWD = 1 << 5,
    OF13_PORT_CONFIG_NO_PACKET_IN = 1 << 6,
    OF13_PORT_STATE_LINK_DOWN = 1 << 0,
    OF13_PORT_STATE_BLOCKED = 1 << 1,
    OF13_PORT_STATE_LIVE = 1 << 2,

    OF13_MATCH_TYPE_OXM = 1, /* 7.2.3 */

    OF13_INSTRUCTION_TYPE_GOTO_TABLE = 1, /* 7.2.4 */
    OF13_INSTRUCTION_TYPE_WRITE_METADATA = 2,
    OF13_INSTRUCTION_TYPE_WRITE_ACTIONS = 3,
    OF13_INSTRUCTION_TYPE_APPLY_ACTIONS = 4,
    OF13_INSTRUCTION_TYPE_CLEAR_ACTIONS = 5,
    OF13_INSTRUCTION_TYPE_METER = 6,

    OF13_ACTION_TYPE_OUTPUT = 0, /* 7.2.5 */
    OF13_ACTION_TYPE_SET_QUEUE = 21,
    OF13_ACTION_TYPE_GROUP = 22,
    OF13_ACTION_TYPE_SET_FIELD = 25,
    OF13_ACTION_TYPE_EXPERIMENTER = 0xffff,
    OF13_MAX_LEN = 0xffe5,           /* OFPCML_MAX */
    OF13_MAX_LEN_NO_BUFFER = 0xffff, /* OFPCML_NO_BUFFER: send all of the frame */

    OF13_CAPABILITY_FLOW_STATS = 1 << 0, /* 7.3.1 */
    OF13_CAPABILITY_TABLE_STATS = 1 << 1,
    OF13_CAPABILITY_PORT_STATS = 1 << 2,
    OF13_CAPABILITY_GROUP_STATS = 1 << 3,
    OF13_CAPABILITY_IP_REASM = 1 << 5,
    OF13_CAPABILITY_QUEUE_STATS = 1 << 6,
    OF13_CAPABILITY_PORT_BLOCKED = 1 << 8,

    OF13_CONFIG_FRAG_NORMAL = 0, /* 7.3.2 */
    OF13_CONFIG_FRAG_DROP = 1,
    OF13_CONFIG_FRAG_REASM = 2,
    OF13_CONFIG_FRAG_MASK = 3,

    OF13_TABLE_MAX = 254, /* 7.3.3 */
    OF13_TABLE_ALL = 255,

    OF13_FLOW_ADD = 0, /* 7.3.4.1 */
    OF13_FLOW_MODIFY = 1,
    OF13_FLOW_MODIFY_STRICT = 2,
    OF13_FLOW_DELETE = 3,
    OF13_FLOW_DELETE_STRICT = 4,
    OF13_FLOW_SEND_FLOW_REM = 1 << 0,
    OF13_FLOW_CHECK_OVERLAP = 1 << 1,
    OF13_FLOW_RESET_COUNTS = 1 << 2,
    OF13_FLOW_NO_PACKET_COUNTS = 1 << 3,
    OF13_FLOW_NO_BYTE_COUNTS = 1 << 4,

    OF13_GROUP_ADD = 0, /* 7.3.4.2 */
    OF13_GROUP_MODIFY = 1,
    OF13_GROUP_DELETE = 2,
    OF13_GROUP_TYPE_ALL = 0,
    OF13_GROUP_TYPE_SELECT = 1,
    OF13_GROUP_TYPE_INDIRECT = 2,
    OF13_GROUP_TYPE_FF = 3,

    OF13_METER_ADD = 0, /* 7.3.4.4 */
    OF13_METER_MODIFY = 1,
    OF13_METER_DELETE = 2,
    OF13_METER_KBPS = 1 << 0,
    OF13_METER_PKTPS = 1 << 1,
    OF13_METER_BURST = 1 << 2,
    OF13_METER_STATS = 1 << 3,
    OF13_METER_BAND_TYPE_DROP = 1,
    OF13_METER_BAND_TYPE_DSCP_REMARK = 2,

    OF13_MULTIPART_DESC = 0, /* 7.3.5 */
    OF13_MULTIPART_FLOW = 1,
    OF13_MULTIPART_AGGREGATE = 2,
    OF13_MULTIPART_TABLE = 3,
    OF13_MULTIPART_PORT = 4,
    OF13_MULTIPART_QUEUE = 5,
    OF13_MULTIPART_GROUP = 6,
    OF13_MULTIPART_GROUP_DESC = 7,
    OF13_MULTIPART_GROUP_FEATURES = 8,
    OF13_MULTIPART_METER = 9,
    OF13_MULTIPART_METER_CONFIG = 10,
    OF13_MULTIPART_METER_FEATURES = 11,
    OF13_MULTIPART_TABLE_FEATURES = 12,
    OF13_MULTIPART_PORT_DESC = 13,
    OF13_MULTIPART_EXPERIMENTER = 0xffff,
    OF13_MULTIPART_MORE = 1 << 0, /* in flags: another message with the rest follows */

    OF13_ROLE_NOCHANGE = 0, /* 7.3.9 */
    OF13_ROLE_EQUAL = 1,
    OF13_ROLE_MASTER = 2,
    OF13_ROLE_SLAVE = 3,

    OF13_PACKET_IN_NO_MATCH = 0, /* 7.4.1; bit 1 << reason of a mask in 7.3.10, as the next two */
    OF13_PACKET_IN_ACTION = 1,
    OF13_PACKET_IN_INVALID_TTL = 2,
    OF13_REMOVED_IDLE_TIMEOUT = 0, /* 7.4.2 */
    OF13_REMOVED_HARD_TIMEOUT = 1,
    OF13_REMOVED_DELETE = 2,
    OF13_REMOVED_GROUP_DELETE = 3,
    OF13_PORT_ADD = 0, /* 7.4.3 */
    OF13_PORT_DELETE = 1,
    OF13_PORT_MODIFY = 2,
};

extern const struct of_version of13;

/* The structures of of13.def, and its families, for tests and tools; NULL past the last. */
const struct wire_desc *of13_struct(unsigned i);
const struct wire_family *of13_family(unsigned i);

/* What stands before a frame in a PACKET_OUT that sends it out of one port: as
 * of10_packet_out_head.
 */
#define OF13_PACKET_OUT_HEAD 40
#define OF13_FRAME_MAX (OF_LONGEST - OF13_PACKET_OUT_HEAD)
void of13_packet_out_head(uint8_t head[OF13_PACKET_OUT_HEAD], uint32_t xid, uint32_t port,
                          size_t frame_len);
/* A whole PACKET_OUT that only drops the switch's buffered copy: no actions, no frame (7.3.7). */
#define OF13_RELEASE 24
void of13_release(uint8_t message[OF13_RELEASE], uint32_t xid, uint32_t buffer_id);

#endif
