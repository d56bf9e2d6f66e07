/* common/proto/pkt.c - tables from pkt.def, and sums. */
#include "common/proto/pkt.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

PKT_STRUCTS(WIRE_DEFINE)

/* Sums words in the machine's own byte order, which RFC 1071 allows, and swaps once at the end. */
uint32_t pkt_sum(uint32_t sum, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    uint64_t s = 0;

    for (; len >= 4; len -= 4, p += 4) {
        uint32_t four;

        memcpy(&four, p, 4);
        s += four;
    }
    if (len >= 2) {
        uint16_t two;

        memcpy(&two, p, 2);
        s += two;
        p += 2;
        len -= 2;
    }
    if (len == 1) {
        uint8_t last[2] = {*p, 0};
        uint16_t two;

        memcpy(&two, last, 2);
        s += two;
    }
    while (s >> 16) {
        s = (s & 0xffff) + (s >> 16);
    }
    return pkt_fold(sum) + ntohs((uint16_t)s);
}

uint16_t pkt_fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

uint16_t pkt_checksum(const void *bytes, size_t len)
{
    return (uint16_t)~pkt_fold(pkt_sum(0, bytes, len));
}

void pkt_checksum_adjust(uint8_t field[2], uint16_t old_word, uint16_t new_word)
{
    uint32_t sum = (uint16_t)~pkt_get16(field);

    sum += (uint16_t)~old_word;
    sum += new_word;
    pkt_put16(field, (uint16_t)~pkt_fold(sum));
}

/* A 16-bit word of a message from its two bytes. */
static uint16_t word(uint8_t high, uint8_t low)
{
    return (uint16_t)(high << 8 | low);
}

void pkt_ip_set_ttl(struct pkt_ip_wire *ip, uint8_t ttl)
{
    uint16_t old = word(ip->ttl[0], ip->proto[0]);

    ip->ttl[0] = ttl;
    pkt_checksum_adjust(ip->checksum, old, word(ttl, ip->proto[0]));
}

void pkt_icmp_set_type(struct pkt_icmp_wire *icmp, uint8_t type)
{
    uint16_t old = word(icmp->type[0], icmp->code[0]);

    icmp->type[0] = type;
    pkt_checksum_adjust(icmp->checksum, old, word(type, icmp->code[0]));
    /* A sum adjusted from 0xf7ff cannot tell a message of zeros from one whose words make 0xffff:
     * RFC 1624 says 0x0000 of both.  0xffff, the other zero, is right for both. */
    if (pkt_get16(icmp->checksum) == 0) {
        pkt_put16(icmp->checksum, 0xffff);
    }
}

const char *pkt_ip_text(char text[PKT_IP_TEXT], uint32_t ip)
{
    snprintf(text, PKT_IP_TEXT, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
    return text;
}

const char *pkt_mac_text(char text[PKT_MAC_TEXT], const uint8_t mac[6])
{
    snprintf(text, PKT_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
             mac[4], mac[5]);
    return text;
}

bool pkt_ip_parse(const char *text, uint32_t *ip)
{
    struct in_addr a;

    if (inet_pton(AF_INET, text, &a) != 1) {
        return false;
    }
    *ip = ntohl(a.s_addr);
    return true;
}
