/* ctl/decode.h - a frame in one line, for people. */
#ifndef CTL_DECODE_H
#define CTL_DECODE_H

#include <stddef.h>
#include <stdint.h>

/* Decodes Ethernet, ARP, IPv4, ICMP, UDP and TCP as far as 'len' bytes go.  Always terminates. */
void decode_frame(char *text, size_t size, const uint8_t *frame, size_t len);

#endif
