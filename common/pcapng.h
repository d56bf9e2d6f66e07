/* common/pcapng.h - writes a pcapng file (draft-ietf-opsawg-pcapng), as much of it as a capture
 * needs.
 *
 *     pcapng_open(&f, pcapng_to_file, out);         the section; 'out' stays the caller's
 *     n = pcapng_interface(&f, "name", "what");     numbers from 0; at any time
 *     pcapng_packet(&f, n, &packet);
 *     f.failed                                      something could not be written
 *
 * Link type Ethernet, times in nanoseconds, byte order of this machine.  A block is handed
 * over whole; flushing is the caller's.  No allocation. */
#ifndef COMMON_PCAPNG_H
#define COMMON_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PCAPNG_PACKET 65535 /* most bytes of a packet */

enum pcapng_way { PCAPNG_IN = 1, PCAPNG_OUT = 2 };

/* Takes a block.  False: it cannot, and the file has failed. */
typedef bool pcapng_write(void *context, const void *block, size_t len);
pcapng_write pcapng_to_file; /* 'context': a FILE */

struct pcapng {
    pcapng_write *write;
    void *context;
    uint32_t interfaces;
    bool failed;
    size_t len; /* of the block under way */
    uint8_t block[PCAPNG_PACKET + 1024];
};

struct pcapng_packet {
    uint64_t time_ns; /* since 1970 */
    enum pcapng_way way;
    uint64_t dropped;    /* packets lost since the one before */
    const char *comment; /* or NULL */
    const uint8_t *bytes;
    size_t len;
    size_t whole_len; /* that it had, when more than 'len' */
};

void pcapng_open(struct pcapng *f, pcapng_write *write, void *context);
uint32_t pcapng_interface(struct pcapng *f, const char *name, const char *description);
void pcapng_packet(struct pcapng *f, uint32_t on, const struct pcapng_packet *p);

#endif
