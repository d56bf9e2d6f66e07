/* common/proto/nx.h - the Nicira extensions of OpenFlow, from nx.def.
 *
 * They hang below the families of OpenFlow 1.0 and 1.3, where those have a vendor's or an
 * experimenter's number: NX_VENDOR leads to nx10_... or nx13_... by an M row there. */
#ifndef COMMON_PROTO_NX_H
#define COMMON_PROTO_NX_H

#include "common/proto/nx.def"
#include "common/proto/nx_action.def"
#include "common/proto/oxm.h"
#include "common/proto/wire.h"

#define NX_VENDOR 0x00002320
#define NX_ERROR_TYPE 0xb0c2 /* of an ERROR of 1.0 whose body is a struct nx_error */
#define NX_NONE 0xffff

NX_STRUCTS(WIRE_DECLARE_V)
NX_FORMS(WIRE_FORM_DECLARE)
NX_FAMILIES(WIRE_FAMILY_DECLARE)

enum nx_subtype {
    NX_ROLE_REQUEST_TYPE = 10,
    NX_ROLE_REPLY_TYPE = 11,
    NX_SET_PACKET_IN_FORMAT_TYPE = 16,
    NX_SET_ASYNC_CONFIG_TYPE = 19,
    NX_SET_CONTROLLER_ID_TYPE = 20,
    NX_PACKET_IN2_TYPE = 30,
};

/* The structures of nx.def, for tests and tools; NULL past the last. */
const struct wire_desc *nx_struct(unsigned i);
/* The families of nx.def; NULL past the last. */
const struct wire_family *nx_family(unsigned i);

/* Words for a Nicira error of 1.0 (type and code of struct nx_error), and for one of 1.3 (the
 * exp_type); never NULL. */
const char *nx_error_10(uint16_t type, uint16_t code);
const char *nx_error_13(uint16_t exp_type);

#endif
