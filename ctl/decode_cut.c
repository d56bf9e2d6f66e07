/* ctl/decode_cut.c - where one message ends and the next begins. */
#include <inttypes.h>
#include <stdio.h>

#include "common/proto/of.h"
#include "common/proto/vns.h"
#include "ctl/decode_of.h"

#define OF_NEWEST 6 /* version byte of OpenFlow 1.5 */
#define OF_MOST_TYPE 35
#define VNS_HEADER_LEN 8

enum decode_protocol decode_look(const uint8_t *p, size_t len)
{
    if (len < OF_HEADER) {
        return DECODE_UNKNOWN;
    }
    if (p[0] == 0) {
        uint32_t n = wire_load_uint32(p);

        return n >= VNS_HEADER_LEN && n <= VNS_SERVER_MAX && vns_type_name(wire_load_uint32(p + 4))
                   ? DECODE_VNS
                   : DECODE_UNKNOWN;
    }
    return p[0] <= OF_NEWEST && p[1] <= OF_MOST_TYPE && wire_load_uint16(p + 2) >= OF_HEADER
               ? DECODE_OPENFLOW
               : DECODE_UNKNOWN;
}

long decode_length(enum decode_protocol protocol, const uint8_t *p, size_t len, char *why,
                   size_t size)
{
    if (len < OF_HEADER) { /* VNS has a header of as many bytes */
        return 0;
    }
    if (protocol == DECODE_VNS) {
        uint32_t n = wire_load_uint32(p);

        if (n < VNS_HEADER_LEN || n > VNS_SERVER_MAX) {
            snprintf(why, size,
                     "a VNS message says that it has %" PRIu32
                     " bytes, expected %d to %d: what follows cannot be told apart",
                     n, VNS_HEADER_LEN, VNS_SERVER_MAX);
            return -1;
        }
        return (long)n;
    }
    if (wire_load_uint16(p + 2) < OF_HEADER) {
        snprintf(why, size,
                 "a message says that it has %u bytes, less than a header's %d: what "
                 "follows cannot be told apart",
                 wire_load_uint16(p + 2), OF_HEADER);
        return -1;
    }
    if (p[0] == 0 || p[0] > OF_NEWEST) {
        snprintf(why, size,
                 "version byte 0x%02x, expected 0x01 to 0x%02x: this is no OpenFlow, "
                 "or the start of a message was lost",
                 p[0], OF_NEWEST);
        return -1;
    }
    return wire_load_uint16(p + 2);
}

void decode_cut(struct decode *d, struct decode_place *at, const uint8_t *bytes, size_t len)
{
    char why[200];

    at->protocol = d->vns || decode_look(bytes, len) == DECODE_VNS ? DECODE_VNS : DECODE_OPENFLOW;
    while (at->offset < len) {
        const uint8_t *p = bytes + at->offset;
        size_t left = len - at->offset;
        long n = decode_length(at->protocol, p, left, why, sizeof why);

        if (n < 0) {
            decode_say_wrong(d, at, "%s", why);
            return;
        }
        if (n == 0 || (size_t)n > left) {
            decode_say_wrong(d, at, "cut: %zu bytes are left, and a %s of %ld begins", left,
                             n ? "message" : "header", n ? n : (long)OF_HEADER);
            return;
        }
        decode_say(d, at, p, (size_t)n);
        at->offset += (size_t)n;
    }
}
