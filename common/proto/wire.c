/* common/proto/wire.c - the walkers: read, write, print. */
#include "common/proto/wire.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t get_integer(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

static uint64_t load_host(const void *host, const struct wire_field *f)
{
    const uint8_t *at = (const uint8_t *)host + f->offset;
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;

    switch (f->size) {
    case 1:
        return *at;
    case 2:
        memcpy(&v16, at, 2);
        return v16;
    case 4:
        memcpy(&v32, at, 4);
        return v32;
    default:
        memcpy(&v64, at, 8);
        return v64;
    }
}

static void store_host(void *host, const struct wire_field *f, uint64_t v)
{
    uint8_t *at = (uint8_t *)host + f->offset;
    uint16_t v16 = (uint16_t)v;
    uint32_t v32 = (uint32_t)v;

    switch (f->size) {
    case 1:
        *at = (uint8_t)v;
        break;
    case 2:
        memcpy(at, &v16, 2);
        break;
    case 4:
        memcpy(at, &v32, 4);
        break;
    default:
        memcpy(at, &v, 8);
        break;
    }
}

bool wire_get(struct wire_in *in, const struct wire_desc *d, void *host)
{
    const uint8_t *p;

    if (in->bad || wire_left(in) < d->size) {
        in->bad = true;
        memset(host, 0, d->host_size);
        return false;
    }
    p = in->p;
    for (unsigned i = 0; i < d->n_fields; i++) {
        const struct wire_field *f = &d->fields[i];

        if (f->integer) {
            store_host(host, f, get_integer(p, f->size));
        } else if (f->name) {
            memcpy((uint8_t *)host + f->offset, p, f->size);
        }
        p += f->size;
    }
    in->p = p;
    return true;
}

void wire_put(struct wire_out *out, const struct wire_desc *d, const void *host)
{
    uint8_t *p;

    if (out->bad || (size_t)(out->end - out->p) < d->size) {
        out->bad = true;
        return;
    }
    p = out->p;
    for (unsigned i = 0; i < d->n_fields; i++) {
        const struct wire_field *f = &d->fields[i];

        if (f->integer) {
            uint64_t v = load_host(host, f);

            for (unsigned b = f->size; b > 0; b--) {
                p[b - 1] = (uint8_t)v;
                v >>= 8;
            }
        } else if (f->name) {
            memcpy(p, (const uint8_t *)host + f->offset, f->size);
        } else {
            memset(p, 0, f->size);
        }
        p += f->size;
    }
    out->p = p;
}

static int print_bytes(char *at, size_t left, const uint8_t *b, const struct wire_field *f)
{
    int n = 0;

    if (f->form == WIRE_MAC) {
        return snprintf(at, left, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
                        b[5]);
    }
    if (f->form == WIRE_TEXT) {
        size_t len = strnlen((const char *)b, f->size);

        for (size_t i = 0; i < len; i++) {
            char c = b[i] >= 0x20 && b[i] < 0x7f ? (char)b[i] : '?';

            n += snprintf(left > (size_t)n ? at + n : NULL, left > (size_t)n ? left - (size_t)n : 0,
                          "%c", c);
        }
        return n;
    }
    for (size_t i = 0; i < f->size; i++) {
        n += snprintf(left > (size_t)n ? at + n : NULL, left > (size_t)n ? left - (size_t)n : 0,
                      "%02x", b[i]);
    }
    return n;
}

static int print_value(char *at, size_t left, const struct wire_field *f, const void *host)
{
    uint64_t v;

    if (!f->integer) {
        return print_bytes(at, left, (const uint8_t *)host + f->offset, f);
    }
    v = load_host(host, f);
    if (f->form == WIRE_IP) {
        return snprintf(at, left, "%u.%u.%u.%u", (unsigned)(v >> 24 & 255),
                        (unsigned)(v >> 16 & 255), (unsigned)(v >> 8 & 255), (unsigned)(v & 255));
    }
    return snprintf(at, left, f->form == WIRE_HEX ? "0x%" PRIx64 : "%" PRIu64, v);
}

size_t wire_print(char *text, size_t size, const struct wire_desc *d, const void *host)
{
    size_t n = 0;

    if (size > 0) {
        text[0] = '\0';
    }
    for (unsigned i = 0; i < d->n_fields; i++) {
        const struct wire_field *f = &d->fields[i];

        if (!f->name) {
            continue;
        }
        n += (size_t)snprintf(n < size ? text + n : NULL, n < size ? size - n : 0,
                              "%s%s=", n ? " " : "", f->name);
        n += (size_t)print_value(n < size ? text + n : NULL, n < size ? size - n : 0, f, host);
    }
    return n;
}

const uint8_t *wire_bytes(struct wire_in *in, size_t len)
{
    const uint8_t *p = in->p;

    if (in->bad || wire_left(in) < len) {
        in->bad = true;
        return NULL;
    }
    in->p += len;
    return p;
}

void wire_put_bytes(struct wire_out *out, const void *bytes, size_t len)
{
    if (out->bad || (size_t)(out->end - out->p) < len) {
        out->bad = true;
        return;
    }
    if (len > 0) {
        memcpy(out->p, bytes, len);
    }
    out->p += len;
}

void wire_put_zero(struct wire_out *out, size_t len)
{
    if (out->bad || (size_t)(out->end - out->p) < len) {
        out->bad = true;
        return;
    }
    memset(out->p, 0, len);
    out->p += len;
}
