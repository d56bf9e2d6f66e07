/* router/pcap.h - the -l file: every frame received or sent, in pcap format.
 *
 *     pcap_open(&p, file, why, sizeof why);
 *     pcap_frame(&p, head, head_len, tail, tail_len);    each frame
 *     pcap_flush(&p);                                    before the loop sleeps
 *     pcap_close(&p);
 *
 * A struct pcap of zeroes is off: each call is then one test.  Frames gather in a buffer and reach
 * the file by one write for many; at most PCAP_SNAP bytes of each are kept, as the classic did.  A
 * write that fails (disk full) ends the capture with one line in the log. */
#ifndef ROUTER_PCAP_H
#define ROUTER_PCAP_H

#include <stddef.h>
#include <stdint.h>

#define PCAP_SNAP 1024
#define PCAP_BUFFER (256 * 1024)

struct pcap {
    uint8_t *buffer; /* NULL: off */
    size_t used;
    int fd;
};

/* Truncates the file.  Returns 0 or -errno with a sentence in 'why'. */
int pcap_open(struct pcap *p, const char *file, char *why, size_t why_size);
void pcap_close(struct pcap *p);

void pcap_put(struct pcap *p, const uint8_t *head, size_t head_len, const uint8_t *tail,
              size_t tail_len);
void pcap_write(struct pcap *p);

static inline void pcap_frame(struct pcap *p, const uint8_t *head, size_t head_len,
                              const uint8_t *tail, size_t tail_len)
{
    if (p->buffer != NULL) {
        pcap_put(p, head, head_len, tail, tail_len);
    }
}
static inline void pcap_flush(struct pcap *p)
{
    if (p->used > 0) {
        pcap_write(p);
    }
}

#endif
