/* ctl/decode_vns.h - a VNS message in words, by the tables of vns.def. */
#ifndef CTL_DECODE_VNS_H
#define CTL_DECODE_VNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

/* How fields are written: " name=value", "    name: value" on a line each, or as JSON. */
enum decode_style { DECODE_LINE, DECODE_FIELDS, DECODE_JSON };

/* Writes a whole message (at least 8 bytes, its length checked).  JSON is one object.  False: the
 * message is malformed, and 'why' says where. */
bool decode_vns(struct text *to, enum decode_style style, const uint8_t *bytes, size_t len,
                char *why, size_t why_size);
/* The Ethernet frame that a message carries, or NULL. */
const uint8_t *decode_vns_frame(const uint8_t *bytes, size_t len, size_t *frame_len);
/* Writes the message anew from its fields.  Returns its length, at most 'len'. */
size_t decode_vns_write(uint8_t *to, const uint8_t *bytes, size_t len);

#endif
