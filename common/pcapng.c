/* common/pcapng.c - blocks and their options. */
#include "common/pcapng.h"

#include <assert.h>
#include <string.h>

enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, PACKET = 6 };
enum { OPT_END = 0, OPT_COMMENT = 1 };
enum { SECTION_APPLICATION = 4 };
enum { INTERFACE_NAME = 2, INTERFACE_DESCRIPTION = 3, INTERFACE_RESOLUTION = 9 };
enum { PACKET_FLAGS = 2, PACKET_DROPPED = 4 };

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define LINK_ETHERNET 1
#define NANOSECONDS 9 /* 10 to the minus 9 */

static void add(struct pcapng *f, const void *bytes, size_t len)
{
    assert(f->len + len <= sizeof f->block);
    if (len > 0) {
        memcpy(f->block + f->len, bytes, len);
        f->len += len;
    }
}

static void pad(struct pcapng *f)
{
    add(f, (const uint8_t[4]){0}, (4 - f->len % 4) % 4);
}

static void add16(struct pcapng *f, uint16_t v)
{
    add(f, &v, sizeof v);
}

static void add32(struct pcapng *f, uint32_t v)
{
    add(f, &v, sizeof v);
}

static void option(struct pcapng *f, uint16_t code, const void *value, size_t len)
{
    add16(f, code);
    add16(f, (uint16_t)len);
    add(f, value, len);
    pad(f);
}

static void text_option(struct pcapng *f, uint16_t code, const char *text)
{
    option(f, code, text, strnlen(text, 200));
}

static void begin(struct pcapng *f, uint32_t type)
{
    f->len = 0;
    add32(f, type);
    add32(f, 0); /* its length */
}

static void end(struct pcapng *f)
{
    uint32_t len;

    option(f, OPT_END, NULL, 0);
    len = (uint32_t)f->len + 4;
    memcpy(f->block + 4, &len, sizeof len);
    add32(f, len);
    f->failed |= !f->write(f->context, f->block, f->len);
}

bool pcapng_to_file(void *context, const void *block, size_t len)
{
    return fwrite(block, len, 1, context) == 1;
}

void pcapng_open(struct pcapng *f, pcapng_write *write, void *context)
{
    f->write = write;
    f->context = context;
    f->interfaces = 0;
    f->failed = false;
    begin(f, SECTION);
    add32(f, BYTE_ORDER_MAGIC);
    add16(f, 1);
    add16(f, 0);
    add32(f, UINT32_MAX); /* the section's length is not known: it is a stream */
    add32(f, UINT32_MAX);
    text_option(f, SECTION_APPLICATION, "causeway " CAUSEWAY_VERSION);
    end(f);
}

uint32_t pcapng_interface(struct pcapng *f, const char *name, const char *description)
{
    begin(f, INTERFACE);
    add16(f, LINK_ETHERNET);
    add16(f, 0);
    add32(f, 0); /* no packet is cut for its length */
    text_option(f, INTERFACE_NAME, name);
    text_option(f, INTERFACE_DESCRIPTION, description);
    option(f, INTERFACE_RESOLUTION, (const uint8_t[]){NANOSECONDS}, 1);
    end(f);
    return f->interfaces++;
}

void pcapng_packet(struct pcapng *f, uint32_t on, const struct pcapng_packet *p)
{
    uint32_t way = p->way;

    assert(p->len <= PCAPNG_PACKET);
    begin(f, PACKET);
    add32(f, on);
    add32(f, (uint32_t)(p->time_ns >> 32));
    add32(f, (uint32_t)p->time_ns);
    add32(f, (uint32_t)p->len);
    add32(f, (uint32_t)(p->whole_len > p->len ? p->whole_len : p->len));
    add(f, p->bytes, p->len);
    pad(f);
    option(f, PACKET_FLAGS, &way, sizeof way);
    if (p->dropped > 0) {
        option(f, PACKET_DROPPED, &p->dropped, sizeof p->dropped);
    }
    if (p->comment) {
        text_option(f, OPT_COMMENT, p->comment);
    }
    end(f);
}
