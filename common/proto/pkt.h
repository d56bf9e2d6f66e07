/* common/proto/pkt.h - Ethernet, ARP, IPv4, ICMP, UDP, TCP headers, and the Internet checksum.
 *
 * Each row of pkt.def gives two views of a header:
 *
 *     struct pkt_ip  with pkt_ip_get, pkt_ip_put      a copy in host byte order (wire.h)
 *     struct pkt_ip_wire                              an overlay: each field is its bytes
 *
 * The overlay is for rewriting in place; its members are byte arrays, so it fits any alignment:
 *
 *     struct pkt_ip_wire *ip = (void *)(frame + PKT_ETH_LEN);
 *     pkt_put16(ip->total_len, 20);
 *     ip->ttl[0] = 64;  */
#ifndef COMMON_PROTO_PKT_H
#define COMMON_PROTO_PKT_H

#include "common/proto/pkt.def"
#include "common/proto/wire.h"

PKT_STRUCTS(WIRE_DECLARE)

#define PKT_OVERLAY_F(type, field, form) uint8_t field[sizeof(type##_t)];
#define PKT_OVERLAY_A(count, field, form) uint8_t field[count];
#define PKT_OVERLAY_P(count)
#define PKT_OVERLAY(struct_name, LIST, bytes)                                                      \
    struct struct_name##_wire {                                                                    \
        LIST(PKT_OVERLAY_F, PKT_OVERLAY_A, PKT_OVERLAY_P)                                          \
    };                                                                                             \
    _Static_assert(sizeof(struct struct_name##_wire) == (bytes), #struct_name);
PKT_STRUCTS(PKT_OVERLAY)

enum {
    PKT_ETH_LEN = sizeof(struct pkt_eth_wire),
    PKT_ARP_LEN = sizeof(struct pkt_arp_wire),
    PKT_IP_LEN = sizeof(struct pkt_ip_wire), /* without options */
    PKT_ICMP_LEN = sizeof(struct pkt_icmp_wire),
    PKT_UDP_LEN = sizeof(struct pkt_udp_wire),
    PKT_TCP_LEN = sizeof(struct pkt_tcp_wire), /* without options */
    PKT_IP_MAX = 60,                           /* IP header with all options */
};

enum { PKT_TYPE_IP = 0x0800, PKT_TYPE_ARP = 0x0806, PKT_TYPE_LLDP = 0x88cc };
enum { PKT_ARP_REQUEST = 1, PKT_ARP_REPLY = 2 };
enum { PKT_ICMP_PROTO = 1, PKT_TCP_PROTO = 6, PKT_UDP_PROTO = 17 };
enum { PKT_IP_DF = 0x4000, PKT_IP_MF = 0x2000, PKT_IP_OFFSET = 0x1fff };
enum { PKT_IP_DATAGRAM = 65535 }; /* the longest, with its header (RFC 791, 3.1) */
/* RFC 791 options; the top bit says "copy into each fragment" */
enum { PKT_OPT_END = 0, PKT_OPT_NOP = 1, PKT_OPT_LSRR = 131, PKT_OPT_SSRR = 137 };
enum {
    PKT_ECHO_REPLY = 0,
    PKT_UNREACHABLE = 3,
    PKT_SOURCE_QUENCH = 4,
    PKT_REDIRECT = 5,
    PKT_ECHO = 8,
    PKT_TIME_EXCEEDED = 11,
    PKT_PARAMETER = 12,
    PKT_INFO_REPLY = 16,
    PKT_MASK_REPLY = 18
};
enum { /* codes of PKT_UNREACHABLE */
       PKT_NET = 0,
       PKT_HOST = 1,
       PKT_PROTOCOL = 2,
       PKT_PORT = 3,
       PKT_FRAGMENT = 4,
       PKT_SOURCE_ROUTE = 5
};

static inline uint16_t pkt_get16(const uint8_t b[2])
{
    return (uint16_t)(b[0] << 8 | b[1]);
}
static inline uint32_t pkt_get32(const uint8_t b[4])
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}
static inline void pkt_put16(uint8_t b[2], uint32_t v)
{
    b[0] = (uint8_t)(v >> 8);
    b[1] = (uint8_t)v;
}
static inline void pkt_put32(uint8_t b[4], uint32_t v)
{
    pkt_put16(b, v >> 16);
    pkt_put16(b + 2, v);
}

/* Adds 'len' bytes to a running ones' complement sum (RFC 1071); only the last piece of a message
 * may have an odd length. */
uint32_t pkt_sum(uint32_t sum, const void *bytes, size_t len);
/* The 16 bits that make a sum; a message with a right checksum in it sums to 0xffff, whatever the
 * checksum field holds (0x0000 is legal). */
uint16_t pkt_fold(uint32_t sum);
/* What goes into the checksum field of 'len' bytes in which that field is zero. */
uint16_t pkt_checksum(const void *bytes, size_t len);
/* Rewrites a checksum field for one 16-bit word of the message that changed (RFC 1624, eqn. 3). */
void pkt_checksum_adjust(uint8_t field[2], uint16_t old_word, uint16_t new_word);

/* Changes one field of a header, and its checksum with it.  An ICMP checksum never becomes 0x0000:
 * a message may be all zeros, type and code included, and must then sum to 0xffff nevertheless. */
void pkt_ip_set_ttl(struct pkt_ip_wire *ip, uint8_t ttl);
void pkt_icmp_set_type(struct pkt_icmp_wire *icmp, uint8_t type);

/* "192.168.2.1" and "02:00:00:00:00:01", in a buffer of the caller's, which is returned. */
#define PKT_IP_TEXT 16
#define PKT_MAC_TEXT 18
const char *pkt_ip_text(char text[PKT_IP_TEXT], uint32_t ip);
const char *pkt_mac_text(char text[PKT_MAC_TEXT], const uint8_t mac[6]);
/* Takes a dotted quad and nothing else. */
bool pkt_ip_parse(const char *text, uint32_t *ip);

#endif
