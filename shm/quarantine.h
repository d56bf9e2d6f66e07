/* shm/quarantine.h - <run_dir>/<process>.quarantine.pcap: frames whose handler died twice.
 *
 *     quarantine_open(&q, run_dir, "router");     at start, before any right is given up
 *     quarantine_put(&q, &frame);                 keeps the bytes, logs one line
 *     quarantine_close(&q);
 *
 * A pcap file of Ethernet frames, for tcpdump and Wireshark, at most QUARANTINE_BYTES long: what
 * comes after that is logged and not kept.  The frame's bytes go from where they lie to the file by
 * one write; nothing here looks at them.  The file stays when the process ends, and its successor
 * goes on behind what is there; what is no pcap file, or a frame cut short, is cut off at start. */
#ifndef SHM_QUARANTINE_H
#define SHM_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUARANTINE_BYTES (1 << 20)

struct quarantine {
    int fd; /* -1: closed, or a write failed */
    uint64_t size;
    char path[160];
};

struct quarantine_frame {
    const uint8_t *head, *tail;
    uint32_t head_len, tail_len;
    uint64_t seq;      /* ofproxy's number for it; 0 unknown */
    const char *where; /* "interface=eth1" */
    unsigned deaths;
    int signal;
};

/* Dies with a sentence if the file cannot be written. */
void quarantine_open(struct quarantine *q, const char *run_dir, const char *process);
/* False: not kept (the log says why). */
bool quarantine_put(struct quarantine *q, const struct quarantine_frame *f);
void quarantine_close(struct quarantine *q);

#endif
