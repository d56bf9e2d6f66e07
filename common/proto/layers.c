/* common/proto/layers.c - walks the rows of layer.def, and finds the next layer. */
#include "common/proto/layers.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/proto/layer.def"
#include "common/proto/pkt.h"
#include "common/proto/tree.h"

#define LAYER_ICMP_TYPES(V) LAYER_ICMP_KINDS(LAYER_ICMP_TYPE_V)
#define LAYER_FORM_DEFINE(form_name, kind, LIST)                                                   \
    WIRE_FORM_DECLARE(form_name, kind, LIST) WIRE_FORM_DEFINE(form_name, kind, LIST)
LAYER_FORMS(LAYER_FORM_DEFINE)

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
#define LAYER_ENUM(NAME, title, bytes, LIST) NAME,
#define LAYER_ROW(NAME, title, bytes, LIST)                                                        \
    {title, (bytes), sizeof fields_##NAME / sizeof fields_##NAME[0], fields_##NAME},
LAYERS(LAYER_TABLE)
enum layer_id { LAYERS(LAYER_ENUM) N_LAYERS };
static const struct layer layers[] = {LAYERS(LAYER_ROW)};

/* Bytes that are left of the layer's surroundings, and how deep it is. */
struct walk {
    const struct layers *to;
    const uint8_t *p, *end;
    size_t missing; /* bytes beyond 'end' that the frame has, and we have not */
    unsigned depth;
};

static size_t left(const struct walk *w)
{
    return (size_t)(w->end - w->p);
}

static void say_layer(const struct walk *w, const char *name)
{
    w->to->layer(w->to->context, name);
}

static void say(const struct walk *w, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(const struct walk *w, const char *name, const char *format, ...)
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

/* "(correct)", or what it should be; nothing where that cannot be known. */
struct sum {
    bool known;
    uint16_t is, should;
};

static void say_value(const struct walk *w, const struct layer_field *f, unsigned at,
                      const struct sum *sum)
{
    char value[600];
    uint64_t v = f->bits <= 64 ? bits_at(w->p, at, f->bits) : 0;
    const char *name = wire_name(f->form, v);
    uint8_t small[8];
    struct text t;

    switch (f->as) {
    case NAMED:
        say(w, f->name, name ? "%" PRIu64 " (%s)" : "%" PRIu64, v, name);
        return;
    case HEXNAMED:
        say(w, f->name, name ? "0x%04" PRIx64 " (%s)" : "0x%04" PRIx64, v, name);
        return;
    case FOUR:
    case EIGHT:
        say(w, f->name, "%" PRIu64, v * (f->as == FOUR ? 4 : 8));
        return;
    case SUM:
        if (!sum || !sum->known) {
            say(w, f->name, "0x%04" PRIx64, v);
        } else if (sum->is == sum->should) {
            say(w, f->name, "0x%04" PRIx64 " (correct)", v);
        } else {
            say(w, f->name, "0x%04" PRIx64 " (wrong, 0x%04x would be right)", v, sum->should);
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
static bool show(struct walk *w, enum layer_id id, const struct sum *sum)
{
    const struct layer *l = &layers[id];
    unsigned at = 0;

    if (l->title[0]) {
        say_layer(w, l->title);
    }
    for (unsigned i = 0; i < l->n; i++) {
        if (left(w) < (at + l->fields[i].bits + 7) / 8) {
            say(w, "cut", "%zu of %u bytes of this header are there", left(w), l->bytes);
            w->p = w->end;
            return false;
        }
        say_value(w, &l->fields[i], at, sum);
        at += l->fields[i].bits;
    }
    w->p += l->bytes;
    return true;
}

static void show_data(struct walk *w, const char *name)
{
    size_t n = left(w);

    if (n + w->missing == 0) {
        return;
    }
    say_layer(w, name);
    say(w, "length", "%zu", n + w->missing);
    if (w->missing > 0) {
        say(w, "cut", "%zu of %zu bytes are there", n, n + w->missing);
    }
    w->p = w->end;
}

/* Ends the walk 'len' bytes from here, as a header says.  What is beyond is not this layer's. */
static void limit(struct walk *w, size_t len)
{
    if (len <= left(w)) {
        w->end = w->p + len;
        w->missing = 0;
    } else {
        size_t lacking = len - left(w);

        w->missing = lacking < w->missing ? lacking : w->missing;
    }
}

/* ---- options -------------------------------------------------------------------------------- */

enum option_value { NOTHING, HEXES, N8, N16, TIMES, EDGES, ROUTE };
struct option {
    uint8_t kind, value;
    const char *name;
};
#define OPTION(kind, name, value) {kind, value, name},
static const struct option tcp_options[] = {LAYER_TCP_OPTIONS(OPTION){0, HEXES, NULL}};
static const struct option ip_options[] = {LAYER_IP_OPTIONS(OPTION){0, HEXES, NULL}};

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
static void show_options(struct walk *w, const uint8_t *end, const struct option *rows)
{
    while (w->p < end) {
        const struct option *o = rows;
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
            say(w, name, "its length, %u, is wrong", len);
            break;
        }
        text_open(&t, value, sizeof value);
        if (kind > 1) {
            put_value(&t, (enum option_value)o->value, w->p + 2, len - 2);
        }
        say(w, name, "%s", value);
        w->p += len;
        if (kind == 0) {
            break;
        }
    }
    w->p = end;
}

/* The options of a header of 'ihl' bytes, of which 'base' were shown.  False: cut or wrong. */
static bool options(struct walk *w, size_t header, size_t base, const struct option *rows)
{
    if (header < base) {
        say(w, "wrong", "a header of %zu bytes, and it has %zu at least", header, base);
        return false;
    }
    if (header - base > left(w)) {
        show_options(w, w->end, rows);
        say(w, "cut", "its options are not all there");
        return false;
    }
    show_options(w, w->p + (header - base), rows);
    return true;
}

/* ---- checksums ------------------------------------------------------------------------------ */

/* A checksum field at 'at' within 'len' bytes at 'p', with 'before' summed up already. */
static struct sum sum_of(uint32_t before, const uint8_t *p, size_t len, size_t at)
{
    uint16_t is = pkt_get16(p + at);
    uint32_t s = pkt_sum(before, p, at);

    s = pkt_sum(s, p + at + 2, len - at - 2);
    return (struct sum){true, is, (uint16_t)~pkt_fold(s)};
}

struct pseudo {
    bool known;
    const uint8_t *addresses; /* of IPv4: source and destination */
};

/* Of UDP or TCP, 'len' bytes that are all there. */
static struct sum transport_sum(const struct pseudo *ip, const uint8_t *p, size_t len, size_t at,
                                uint8_t proto)
{
    const uint8_t rest[4] = {0, proto, (uint8_t)(len >> 8), (uint8_t)len};

    return sum_of(pkt_sum(pkt_sum(0, ip->addresses, 8), rest, sizeof rest), p, len, at);
}

/* ---- layers --------------------------------------------------------------------------------- */

static void show_ip(struct walk *w, bool quoted);

static const struct {
    uint8_t type, rest;
    bool quote;
} icmp_kinds[] = {
#define NONE false
#define QUOTE true
#define KIND(type, name, layer, quote) {type, layer, quote},
    LAYER_ICMP_KINDS(KIND)};

const char *layers_icmp_type(unsigned type)
{
    return wire_name(&wire_form_LAYER_ICMP_TYPE, type);
}

const char *layers_icmp_code(unsigned type, unsigned code)
{
    static const struct {
        uint8_t type, code;
        const char *name;
    } codes[] = {
#define CODE(type, code, name) {type, code, name},
        LAYER_ICMP_CODES(CODE)};

    for (unsigned i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].type == type && codes[i].code == code) {
            return codes[i].name;
        }
    }
    return NULL;
}

const char *layers_ip_proto(unsigned proto)
{
    return wire_name(&wire_form_LAYER_IP_PROTO, proto);
}

static void show_icmp(struct walk *w, bool whole)
{
    const uint8_t *start = w->p;
    struct sum sum = {0};
    const char *name;
    unsigned i = 0;

    if (whole && w->missing == 0 && left(w) >= 4) {
        sum = sum_of(0, start, left(w), 2);
        sum.should = sum.is == 0xffff && sum.should == 0 ? 0xffff : sum.should;
    }
    if (!show(w, ICMP, &sum)) {
        return;
    }
    name = layers_icmp_code(start[0], start[1]);
    if (name) {
        say(w, "meaning", "%s", name);
    }
    while (i < sizeof icmp_kinds / sizeof icmp_kinds[0] && icmp_kinds[i].type != start[0]) {
        i++;
    }
    if (i == sizeof icmp_kinds / sizeof icmp_kinds[0]) {
        show_data(w, "Data");
        return;
    }
    if (!show(w,
              start[0] == PKT_UNREACHABLE && start[1] == PKT_FRAGMENT
                  ? ICMP_MTU
                  : (enum layer_id)icmp_kinds[i].rest,
              NULL)) {
        return;
    }
    if (icmp_kinds[i].quote && w->depth < LAYERS_DEEP && left(w) > 0) {
        w->depth++;
        show_ip(w, true);
    } else {
        show_data(w, "Data");
    }
}

static void show_udp(struct walk *w, const struct pseudo *ip)
{
    const uint8_t *start = w->p;
    size_t n = left(w);
    struct sum sum = {0};
    unsigned a, b;

    if (ip->known && n >= PKT_UDP_LEN && w->missing == 0 && pkt_get16(start + 6) != 0 &&
        pkt_get16(start + 4) >= PKT_UDP_LEN && pkt_get16(start + 4) <= n) {
        sum = transport_sum(ip, start, pkt_get16(start + 4), 6, PKT_UDP_PROTO);
        sum.should = sum.should == 0 ? 0xffff : sum.should;
    }
    if (!show(w, UDP, &sum)) {
        return;
    }
    if (pkt_get16(start + 6) == 0) {
        say(w, "note", "the sender made no checksum");
    }
    if (pkt_get16(start + 4) >= PKT_UDP_LEN) {
        limit(w, pkt_get16(start + 4) - (size_t)PKT_UDP_LEN);
    }
    a = pkt_get16(start);
    b = pkt_get16(start + 2);
    show_data(w, a == 53 || b == 53                             ? "DNS"
                 : (a == 67 || a == 68) && (b == 67 || b == 68) ? "DHCP"
                                                                : "Data");
}

static void show_tcp(struct walk *w, const struct pseudo *ip)
{
    const uint8_t *start = w->p;
    struct sum sum = {0};

    if (ip->known && left(w) >= PKT_TCP_LEN && w->missing == 0) {
        sum = transport_sum(ip, start, left(w), 16, PKT_TCP_PROTO);
    }
    if (show(w, TCP, &sum) && options(w, (size_t)(start[12] >> 4) * 4, PKT_TCP_LEN, tcp_options)) {
        show_data(w, "Data");
    }
}

/* What a packet carries; 'quoted': it need not be whole. */
static void show_transport(struct walk *w, const uint8_t *ip, bool quoted)
{
    const uint16_t frag = pkt_get16(ip + 6);
    const struct pseudo pseudo = {!quoted && !(frag & (PKT_IP_OFFSET | PKT_IP_MF)), ip + 12};
    const char *name = layers_ip_proto(ip[9]);

    if (frag & PKT_IP_OFFSET) {
        show_data(w, "Fragment");
    } else if (ip[9] == PKT_ICMP_PROTO) {
        show_icmp(w, pseudo.known);
    } else if (ip[9] == PKT_UDP_PROTO) {
        show_udp(w, &pseudo);
    } else if (ip[9] == PKT_TCP_PROTO) {
        show_tcp(w, &pseudo);
    } else {
        show_data(w, name ? name : "Data");
    }
}

static void show_ip(struct walk *w, bool quoted)
{
    const uint8_t *start = w->p;
    size_t header = left(w) > 0 ? (size_t)(*start & 15) * 4 : 0;
    struct sum sum = {0};

    if (header >= PKT_IP_LEN && header <= left(w)) {
        sum = sum_of(0, start, header, 10);
    }
    if (!show(w, IPV4, &sum) || !options(w, header, PKT_IP_LEN, ip_options)) {
        return;
    }
    if (pkt_get16(start + 2) >= header) {
        limit(w, pkt_get16(start + 2) - header);
    }
    show_transport(w, start, quoted);
}

static void show_arp(struct walk *w)
{
    const uint8_t *start = w->p;

    if (!show(w, ARP, NULL)) {
        return;
    }
    if (pkt_get16(start) == 1 && pkt_get16(start + 2) == PKT_TYPE_IP && start[4] == 6 &&
        start[5] == 4) {
        limit(w, layers[ARP_IPV4].bytes);
        show(w, ARP_IPV4, NULL);
    } else {
        show_data(w, "Data");
    }
}

/* A frame whose type is a length: LLC, and what it carries. */
static void show_llc(struct walk *w, size_t len)
{
    const uint8_t *start;

    limit(w, len);
    start = w->p;
    if (show(w, LLC, NULL)) {
        show_data(w, start[0] == 0x42 && start[1] == 0x42 ? "STP" : "Data");
    }
}

static void show_type(struct walk *w, unsigned type)
{
    const uint8_t *start = w->p;

    if ((type == 0x8100 || type == 0x88a8) && w->depth < LAYERS_DEEP) {
        w->depth++;
        if (show(w, VLAN, NULL)) {
            show_type(w, pkt_get16(start + 2));
        }
    } else if (type < 0x600) {
        show_llc(w, type);
    } else if (type == PKT_TYPE_ARP) {
        show_arp(w);
    } else if (type == PKT_TYPE_IP) {
        show_ip(w, false);
    } else if (type == 0x86dd) {
        if (show(w, IPV6, NULL)) {
            const char *name = layers_ip_proto(start[6]);

            limit(w, pkt_get16(start + 4));
            show_data(w, name ? name : "Data");
        }
    } else {
        show_data(w, type == PKT_TYPE_LLDP ? "LLDP" : "Data");
    }
}

void layers_frame(const struct layers *to, const uint8_t *frame, size_t len, size_t whole_len)
{
    struct walk w = {to, frame, frame + len, whole_len > len ? whole_len - len : 0, 0};
    bool length = len >= PKT_ETH_LEN && pkt_get16(frame + 12) < 0x600;

    if (!show(&w, length ? ETHERNET_LENGTH : ETHERNET, NULL)) {
        return;
    }
    show_type(&w, pkt_get16(frame + 12));
    if (w.end < frame + len || (whole_len > len && w.missing == 0)) {
        w.p = w.end;
        w.end = frame + len;
        w.missing = whole_len > len ? whole_len - len : 0;
        show_data(&w, "Padding");
    }
}
