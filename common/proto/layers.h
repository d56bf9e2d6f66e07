/* common/proto/layers.h - a frame taken apart, layer by layer and field by field, for people.
 *
 *     static void on_layer(void *context, const char *name);
 *     static void on_field(void *context, const char *name, const char *value);
 *     layers_frame(&(struct layers){on_layer, on_field, context}, frame, len, whole_len);
 *
 * The rows are those of layer.def.  Ethernet, VLAN, ARP, IPv4 with options and fragments, ICMP with
 * the packet that it quotes, UDP, TCP with options; IPv6 its header; LLDP, STP, DNS, DHCP by name.
 * What is missing is said where it is missing ("cut").  Checksums are checked where all that they
 * cover is there.  Nothing is allocated; a frame has a bounded number of layers. */
#ifndef COMMON_PROTO_LAYERS_H
#define COMMON_PROTO_LAYERS_H

#include <stddef.h>
#include <stdint.h>

#define LAYERS_DEEP 8 /* VLAN tags, and quotes within quotes; what is deeper is data */

struct layers {
    void (*layer)(void *context, const char *name);
    void (*field)(void *context, const char *name, const char *value);
    void *context;
};

/* 'whole_len': of the frame, of which only 'len' bytes may be there. */
void layers_frame(const struct layers *to, const uint8_t *frame, size_t len, size_t whole_len);

/* Names for a summary: NULL where there is none. */
const char *layers_icmp_type(unsigned type);
const char *layers_icmp_code(unsigned type, unsigned code);
const char *layers_ip_proto(unsigned proto);

#endif
