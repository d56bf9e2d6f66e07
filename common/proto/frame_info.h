/* common/proto/frame_info.h - what a frame is, at a glance: its protocols, who sends it to whom,
 * and a line for people.  layers.h has every field.
 *
 *     frame_info(&f, bytes, len);      for a list of packets, and for a filter
 *     frame_line(text, size, ...);     one line with the addresses in it, for a terminal
 *
 * Ethernet, VLAN, ARP, IPv4, ICMP, UDP and TCP are read as far as 'len' bytes go; IPv6, LLDP, STP,
 * DNS and DHCP are named.  Nothing is allocated. */
#ifndef COMMON_PROTO_FRAME_INFO_H
#define COMMON_PROTO_FRAME_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Protocols by the word that a filter has for them. */
#define FRAME_PROTOS(X)                                                                            \
    X(ETHERNET, "ethernet")                                                                        \
    X(VLAN, "vlan")                                                                                \
    X(ARP, "arp")                                                                                  \
    X(IP, "ip")                                                                                    \
    X(IPV6, "ipv6")                                                                                \
    X(ICMP, "icmp")                                                                                \
    X(UDP, "udp")                                                                                  \
    X(TCP, "tcp")                                                                                  \
    X(DNS, "dns")                                                                                  \
    X(DHCP, "dhcp")                                                                                \
    X(LLDP, "lldp")                                                                                \
    X(STP, "stp")                                                                                  \
    X(OPENFLOW, "openflow")
enum frame_proto {
#define X(NAME, name) FRAME_##NAME,
    FRAME_PROTOS(X)
#undef X
        FRAME_N_PROTOS
};

#define FRAME_INFO 200

struct frame_info {
    uint32_t protos;        /* bits by enum frame_proto */
    enum frame_proto proto; /* the one that says most */
    bool has_ip, has_ports; /* then these are valid: */
    uint32_t src, dst;      /* IPv4; of ARP the protocol addresses */
    uint16_t sport, dport;
    uint8_t ttl;
    bool has_macs;
    uint8_t mac_src[6], mac_dst[6];
    char info[FRAME_INFO]; /* "echo request id 5 seq 1": without addresses */
};

const char *frame_proto_name(enum frame_proto p);
void frame_info(struct frame_info *f, const uint8_t *frame, size_t len);
/* "MAC > MAC 10.0.1.100 > 192.168.2.2 ttl 64 ICMP echo request id 5 seq 1"; always terminated. */
void frame_line(char *text, size_t size, const uint8_t *frame, size_t len);

#endif
