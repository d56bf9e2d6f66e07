#include "router/pcap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

struct pcap_file_header { /* host byte order: the magic tells the reader */
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, accuracy, snap, link;
};
struct pcap_frame_header {
    uint32_t seconds, micros, kept, len;
};

#define MAGIC 0xa1b2c3d4
#define LINK_ETHERNET 1

static void stop(struct pcap *p)
{
    close(p->fd);
    free(p->buffer);
    *p = (struct pcap){.fd = -1};
}

void pcap_write(struct pcap *p)
{
    size_t at = 0;

    while (at < p->used) {
        ssize_t n = write(p->fd, p->buffer + at, p->used - at);

        if (n < 0 && errno != EINTR) {
            log_error("capture stopped: cannot write the pcap file: %s", strerror(errno));
            stop(p);
            return;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    p->used = 0;
}

static void put(struct pcap *p, const void *bytes, size_t len)
{
    if (len > 0) {
        memcpy(p->buffer + p->used, bytes, len);
        p->used += len;
    }
}

void pcap_put(struct pcap *p, const uint8_t *head, size_t head_len, const uint8_t *tail,
              size_t tail_len)
{
    size_t of_head = head_len < PCAP_SNAP ? head_len : PCAP_SNAP;
    size_t of_tail = tail_len < PCAP_SNAP - of_head ? tail_len : PCAP_SNAP - of_head;
    struct pcap_frame_header h = {.kept = (uint32_t)(of_head + of_tail),
                                  .len = (uint32_t)(head_len + tail_len)};
    struct timespec now;

    if (p->used + sizeof h + PCAP_SNAP > PCAP_BUFFER) {
        pcap_write(p);
        if (p->buffer == NULL) {
            return;
        }
    }
    clock_gettime(CLOCK_REALTIME, &now);
    h.seconds = (uint32_t)now.tv_sec;
    h.micros = (uint32_t)(now.tv_nsec / 1000);
    put(p, &h, sizeof h);
    put(p, head, of_head);
    put(p, tail, of_tail);
}

int pcap_open(struct pcap *p, const char *file, char *why, size_t why_size)
{
    struct pcap_file_header h = {MAGIC, 2, 4, 0, 0, PCAP_SNAP, LINK_ETHERNET};

    *p = (struct pcap){.fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (p->fd < 0) {
        int err = errno;

        snprintf(why, why_size, "cannot write pcap file %s: %s: name another with --log", file,
                 strerror(err));
        return -err;
    }
    p->buffer = malloc(PCAP_BUFFER);
    if (p->buffer == NULL) {
        close(p->fd);
        snprintf(why, why_size, "cannot write pcap file %s: out of memory", file);
        return -ENOMEM;
    }
    put(p, &h, sizeof h);
    return 0;
}

void pcap_close(struct pcap *p)
{
    pcap_flush(p);
    if (p->buffer != NULL) {
        stop(p);
    }
}
