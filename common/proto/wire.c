/* common/proto/wire.c - one structure's fields: read, write, print. */
#include "common/proto/wire.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FORM(name) const struct wire_form wire_form_##name = {WIRE_##name, 0, NULL}
FORM(DEC);
FORM(HEX);
FORM(MAC);
FORM(TEXT);
FORM(IP);
FORM(IPV6);
FORM(BYTES);
FORM(OXM);

uint64_t wire_value(const struct wire_field *f, const void *host)
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

bool wire_get(struct wire_in *in, const struct wire_desc *d, void *host)
{
    if (in->bad || wire_left(in) < d->size) {
        in->bad = true;
        memset(host, 0, d->host_size);
        return false;
    }
    d->get(in->p, host);
    in->p += d->size;
    return true;
}

void wire_put(struct wire_out *out, const struct wire_desc *d, const void *host)
{
    if (out->bad || (size_t)(out->end - out->p) < d->size) {
        out->bad = true;
        return;
    }
    d->put(out->p, host);
    out->p += d->size;
}

/* ---- names -------------------------------------------------------------------------------- */

const char *wire_name(const struct wire_form *form, uint64_t value)
{
    for (unsigned i = 0; i < form->n_names; i++) {
        if (form->names[i].value == value) {
            return form->names[i].name;
        }
    }
    return NULL;
}

const struct wire_case *wire_case_of(const struct wire_family *f, uint32_t key)
{
    unsigned low = 0, high = f->n_cases;

    if (f->key_size == 0) {
        return f->cases;
    }
    if (key < high && f->cases[key].key == key) {
        return &f->cases[key]; /* most are numbered from 0 on */
    }
    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (f->cases[middle].key == key) {
            return &f->cases[middle];
        }
        if (f->cases[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* ---- lengths ------------------------------------------------------------------------------ */

static unsigned family_least(const struct wire_family *f, bool only_first)
{
    unsigned least = f->oxm ? 4 : UINT16_MAX;

    for (unsigned i = 0; i < (only_first ? 1 : f->n_cases); i++) {
        const struct wire_case *c = &f->cases[i];
        unsigned len = c->desc ? wire_least(c->desc()) : family_least(c->more, false);

        least = len < least ? len : least;
    }
    return f->pad ? (least + 7) & ~7u : least;
}

unsigned wire_least(const struct wire_desc *d)
{
    unsigned least = d->size;

    for (unsigned i = 0; i < d->n_parts; i++) {
        const struct wire_part *part = &d->parts[i];

        if (part->how == WIRE_ONE || (part->how == WIRE_BODY && part->family->key_size == 0)) {
            least += family_least(part->family, part->how == WIRE_BODY);
        }
        least += part->gap;
    }
    return least;
}

/* ---- printing ----------------------------------------------------------------------------- */

/* Appends at 'n' of what is needed, as far as there is room. */
__attribute__((format(printf, 4, 5))) static void say(char *text, size_t size, size_t *n,
                                                      const char *format, ...)
{
    va_list args;
    int more;

    va_start(args, format);
    more = vsnprintf(*n < size ? text + *n : NULL, *n < size ? size - *n : 0, format, args);
    va_end(args);
    *n += more > 0 ? (size_t)more : 0;
}

static void print_bytes(char *text, size_t size, size_t *n, const struct wire_field *f,
                        const uint8_t *b)
{
    char address[INET6_ADDRSTRLEN];

    switch (f->form->show) {
    case WIRE_MAC:
        say(text, size, n, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
        break;
    case WIRE_IPV6:
        say(text, size, n, "%s", inet_ntop(AF_INET6, b, address, sizeof address));
        break;
    case WIRE_TEXT:
        for (size_t i = 0, len = strnlen((const char *)b, f->size); i < len; i++) {
            say(text, size, n, "%c", b[i] >= 0x20 && b[i] < 0x7f ? b[i] : '?');
        }
        break;
    default:
        for (size_t i = 0; i < f->size; i++) {
            say(text, size, n, "%02x", b[i]);
        }
    }
}

static void print_flags(char *text, size_t size, size_t *n, const struct wire_form *form,
                        uint64_t v)
{
    const char *none = v == 0 ? wire_name(form, 0) : NULL;
    size_t start = *n;

    if (none) {
        say(text, size, n, "%s", none);
        return;
    }
    for (unsigned i = 0; i < form->n_names; i++) {
        uint64_t bits = form->names[i].value;

        if (bits != 0 && (v & bits) == bits) {
            say(text, size, n, "%s%s", *n > start ? "|" : "", form->names[i].name);
            v &= ~bits;
        }
    }
    if (v != 0 || *n == start) {
        say(text, size, n, "%s0x%" PRIx64, *n > start ? "|" : "", v);
    }
}

static void print_integer(char *text, size_t size, size_t *n, const struct wire_form *form,
                          uint64_t v)
{
    const char *name;

    switch (form->show) {
    case WIRE_IP:
        say(text, size, n, "%u.%u.%u.%u", (unsigned)(v >> 24 & 255), (unsigned)(v >> 16 & 255),
            (unsigned)(v >> 8 & 255), (unsigned)(v & 255));
        break;
    case WIRE_HEX:
    case WIRE_OXM:
        say(text, size, n, "0x%" PRIx64, v);
        break;
    case WIRE_FLAGS:
        print_flags(text, size, n, form, v);
        break;
    case WIRE_ENUM:
        name = wire_name(form, v);
        if (name) {
            say(text, size, n, "%s", name);
            break;
        }
        /* fall through */
    default:
        say(text, size, n, "%" PRIu64, v);
    }
}

size_t wire_print_field(char *text, size_t size, const struct wire_field *f, const void *host)
{
    size_t n = 0;

    if (size > 0) {
        text[0] = '\0';
    }
    if (f->integer) {
        print_integer(text, size, &n, f->form, wire_value(f, host));
    } else {
        print_bytes(text, size, &n, f, (const uint8_t *)host + f->offset);
    }
    return n;
}

size_t wire_print(char *text, size_t size, const struct wire_desc *d, const void *host)
{
    size_t n = 0;

    if (size > 0) {
        text[0] = '\0';
    }
    for (unsigned i = 0; i < d->n_fields; i++) {
        const struct wire_field *f = &d->fields[i];

        if (f->name) {
            say(text, size, &n, "%s%s=", n ? " " : "", f->name);
            n += wire_print_field(n < size ? text + n : NULL, n < size ? size - n : 0, f, host);
        }
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
