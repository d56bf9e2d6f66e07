/* common/proto/layer_fields.c - the rows of layer.def, fields, options and checksums. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/proto/layer_parts.h"
#include "common/proto/tree.h"

LAYER_FORMS(WIRE_FORM_DEFINE)

enum layer_as { PLAIN, NAMED, HEXNAMED, FOUR, EIGHT, SUM };
struct layer_field {
    uint16_t bits;
    uint8_t as;
    const char *name;
    const struct wire_form *form;
};
struct layer {
    const char *title;
    uint16_t bytes, n;
    const struct layer_field *fields;
};

#define LAYER_FIELD(bits, name, form, as) {(bits), as, name, &wire_form_##form},
#define LAYER_BITS(bits, name, form, as) +(bits)
#define LAYER_TABLE(NAME, title, bytes, LIST)                                                      \
    static const struct layer_field fields_##NAME[] = {LIST(LAYER_FIELD)};                         \
    _Static_assert(0 LIST(LAYER_BITS) == (bytes)*8, #NAME);
#define LAYER_ROW(NAME, title, bytes, LIST)                                                        \
    {title, (bytes), sizeof fields_##NAME / sizeof fields_##NAME[0], fields_##NAME},
LAYERS(LAYER_TABLE)
static const struct layer layers[] = {LAYERS(LAYER_ROW)};

size_t layer_left(const struct layer_walk *w)
{
    return (size_t)(w->end - w->p);
}

void layer_name(const struct layer_walk *w, const char *name)
{
    w->to->layer(w->to->context, name);
}

void layer_say(const struct layer_walk *w, const char *name, const char *format, ...)
{
    char value[600];
    va_list args;

    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    w->to->field(w->to->context, name, value);
}

/* ---- fields --------------------------------------------------------------------------------- */

static uint64_t bits_at(const uint8_t *p, unsigned at, unsigned bits)
{
    uint64_t v = 0;

    for (unsigned i = at; i < at + bits; i++) {
        v = v << 1 | (p[i / 8] >> (7 - i % 8) & 1);
    }
    return v;
}

static void say_value(const struct layer_walk *w, const struct layer_field *f, unsigned at,
                      const struct layer_sum *sum)
{
    char value[600];
    uint64_t v = f->bits <= 64 ? bits_at(w->p, at, f->bits) : 0;
    const char *name = wire_name(f->form, v);
    uint8_t small[8];
    struct text t;

    switch (f->as) {
    case NAMED:
        layer_say(w, f->name, name ? "%" PRIu64 " (%s)" : "%" PRIu64, v, name);
        return;
    case HEXNAMED:
        layer_say(w, f->name, name ? "0x%04" PRIx64 " (%s)" : "0x%04" PRIx64, v, name);
        return;
    case FOUR:
    case EIGHT:
        layer_say(w, f->name, "%" PRIu64, v * (f->as == FOUR ? 4 : 8));
        return;
    case SUM:
        if (!sum || !sum->known) {
            layer_say(w, f->name, "0x%04" PRIx64, v);
        } else if (sum->is == sum->should) {
            layer_say(w, f->name, "0x%04" PRIx64 " (correct)", v);
        } else {
            layer_say(w, f->name, "0x%04" PRIx64 " (wrong, 0x%04x would be right)", v, sum->should);
        }
        return;
    default:
        text_open(&t, value, sizeof value);
        if (at % 8 == 0 && f->bits % 8 == 0) {
            tree_value(&t, f->form, w->p + at / 8, f->bits / 8);
        } else {
            wire_store(small, 8, v);
            tree_value(&t, f->form, small, 8);
        }
        w->to->field(w->to->context, f->name, value);
    }
}

/* Says a layer's fields and steps over them.  False: not all of them are there. */
bool layer_show(struct layer_walk *w, enum layer_id id, const struct layer_sum *sum)
{
    const struct layer *l = &layers[id];
    unsigned at = 0;

    if (l->title[0]) {
        layer_name(w, l->title);
    }
    for (unsigned i = 0; i < l->n; i++) {
        if (layer_left(w) < (at + l->fields[i].bits + 7) / 8) {
            layer_say(w, "cut", "%zu of %u bytes of this header are there", layer_left(w),
                      l->bytes);
            w->p = w->end;
            return false;
        }
        say_value(w, &l->fields[i], at, sum);
        at += l->fields[i].bits;
    }
    w->p += l->bytes;
    return true;
}

void layer_data(struct layer_walk *w, const char *name)
{
    size_t n = layer_left(w);

    if (n + w->missing == 0) {
        return;
    }
    layer_name(w, name);
    layer_say(w, "length", "%zu", n + w->missing);
    if (w->missing > 0) {
        layer_say(w, "cut", "%zu of %zu bytes are there", n, n + w->missing);
    }
    w->p = w->end;
}

/* Ends the walk 'len' bytes from here, as a header says.  What is beyond is not this layer's. */
void layer_limit(struct layer_walk *w, size_t len)
{
    if (len <= layer_left(w)) {
        w->end = w->p + len;
        w->missing = 0;
    } else {
        size_t lacking = len - layer_left(w);

        w->missing = lacking < w->missing ? lacking : w->missing;
    }
}

/* ---- options -------------------------------------------------------------------------------- */

enum option_value { NOTHING, HEXES, N8, N16, TIMES, EDGES, ROUTE };
struct layer_option {
    uint8_t kind, value;
    const char *name;
};
#define OPTION(kind, name, value) {kind, value, name},
static const struct layer_option tcp_options[] = {LAYER_TCP_OPTIONS(OPTION){0, HEXES, NULL}};
static const struct layer_option ip_options[] = {LAYER_IP_OPTIONS(OPTION){0, HEXES, NULL}};

static void put_value(struct text *t, enum option_value how, const uint8_t *p, size_t len)
{
    char ip[PKT_IP_TEXT];

    if (how == N8 && len == 1) {
        text_say(t, "%u", *p);
    } else if (how == N16 && len == 2) {
        text_say(t, "%u", pkt_get16(p));
    } else if ((how == TIMES && len == 8) || (how == EDGES && len % 8 == 0)) {
        for (size_t i = 0; i < len; i += 8) {
            text_say(t,
                     how == TIMES ? "%u, echo %u"
                     : i          ? ", %u-%u"
                                  : "%u-%u",
                     pkt_get32(p + i), pkt_get32(p + i + 4));
        }
    } else if (how == ROUTE && len >= 1 && len % 4 == 1) {
        text_say(t, "pointer %u", *p);
        for (size_t i = 1; i < len; i += 4) {
            text_say(t, ", %s", pkt_ip_text(ip, pkt_get32(p + i)));
        }
    } else if (len > 0) {
        text_say(t, "0x");
        text_hex(t, p, len);
    }
}

/* All options of a header, up to 'end'. */
static void show_options(struct layer_walk *w, const uint8_t *end, const struct layer_option *rows)
{
    while (w->p < end) {
        const struct layer_option *o = rows;
        unsigned kind = *w->p, len = kind <= 1 ? 1 : end - w->p > 1 ? w->p[1] : 0;
        char value[200], name[80];
        struct text t;

        while (o->name && o->kind != kind) {
            o++;
        }
        if (o->name) {
            snprintf(name, sizeof name, "option: %s", o->name);
        } else {
            snprintf(name, sizeof name, "option %u", kind);
        }
        if (len == 0 || (kind > 1 && len < 2) || len > (size_t)(end - w->p)) {
            layer_say(w, name, "its length, %u, is wrong", len);
            break;
        }
        text_open(&t, value, sizeof value);
        if (kind > 1) {
            put_value(&t, (enum option_value)o->value, w->p + 2, len - 2);
        }
        layer_say(w, name, "%s", value);
        w->p += len;
        if (kind == 0) {
            break;
        }
    }
    w->p = end;
}

/* The options of a header of 'ihl' bytes, of which 'base' were shown.  False: cut or wrong. */
static bool layer_options(struct layer_walk *w, size_t header, size_t base,
                          const struct layer_option *rows)
{
    if (header < base) {
        layer_say(w, "wrong", "a header of %zu bytes, and it has %zu at least", header, base);
        return false;
    }
    if (header - base > layer_left(w)) {
        show_options(w, w->end, rows);
        layer_say(w, "cut", "its options are not all there");
        return false;
    }
    show_options(w, w->p + (header - base), rows);
    return true;
}

/* ---- checksums ------------------------------------------------------------------------------ */

/* A checksum field at 'at' within 'len' bytes at 'p', with 'before' summed up already. */
struct layer_sum layer_sum(uint32_t before, const uint8_t *p, size_t len, size_t at)
{
    uint16_t is = pkt_get16(p + at);
    uint32_t s = pkt_sum(before, p, at);

    s = pkt_sum(s, p + at + 2, len - at - 2);
    return (struct layer_sum){true, is, (uint16_t)~pkt_fold(s)};
}

/* Of UDP or TCP, 'len' bytes that are all there. */
struct layer_sum layer_transport_sum(const struct layer_pseudo *ip, const uint8_t *p, size_t len,
                                     size_t at, uint8_t proto)
{
    const uint8_t rest[4] = {0, proto, (uint8_t)(len >> 8), (uint8_t)len};

    return layer_sum(pkt_sum(pkt_sum(0, ip->addresses, 8), rest, sizeof rest), p, len, at);
}

unsigned layer_bytes(enum layer_id id)
{
    return layers[id].bytes;
}

bool layer_tcp_options(struct layer_walk *w, size_t header)
{
    return layer_options(w, header, PKT_TCP_LEN, tcp_options);
}

bool layer_ip_options(struct layer_walk *w, size_t header)
{
    return layer_options(w, header, PKT_IP_LEN, ip_options);
}
