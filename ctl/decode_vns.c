/* ctl/decode_vns.c - VNS: fields by the tables of vns.def, and what follows them. */
#include "ctl/decode_vns.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/proto/vns.h"

#define HEADER 8
#define HOST_MOST 512 /* of a body's host structure */

enum rest { REST_NONE, REST_TEXT, REST_BYTES, REST_FRAME, REST_ENTRIES, REST_PREFIXES, REST_USER };

struct kind {
    uint32_t type;
    const struct wire_desc *(*body)(void); /* NULL: none */
    enum rest rest;
};
/* A VNSCLOSE or VNSBANNER is a text, whatever its length. */
static const struct kind kinds[] = {
    {VNS_OPEN, vns_open_desc, REST_NONE},
    {VNS_CLOSE, NULL, REST_TEXT},
    {VNS_PACKET, vns_packet_desc, REST_FRAME},
    {VNS_BANNER, NULL, REST_TEXT},
    {VNS_HWINFO, NULL, REST_ENTRIES},
    {VNS_RTABLE, vns_rtable_desc, REST_TEXT},
    {VNS_OPEN_TEMPLATE, vns_template_desc, REST_PREFIXES},
    {VNS_AUTH_REQUEST, NULL, REST_BYTES},
    {VNS_AUTH_REPLY, vns_auth_reply_desc, REST_USER},
    {VNS_AUTH_STATUS, vns_auth_status_desc, REST_TEXT},
};

static const struct kind *kind_of(uint32_t type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].type == type) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* ---- fields in their style ---------------------------------------------------------------- */

struct out {
    struct text *to;
    enum decode_style style;
};

static void say(const struct out *o, const char *name, const char *value)
{
    if (o->style == DECODE_LINE) {
        text_say(o->to, " %s=%s", name, value);
    } else if (o->style == DECODE_FIELDS) {
        text_say(o->to, "    %s: %s\n", name, value);
    } else {
        text_say(o->to, ",\"%s\":", name);
        text_json(o->to, value, strlen(value));
    }
}

static void say_bytes(const struct out *o, const char *name, const uint8_t *bytes, size_t len,
                      bool as_text)
{
    char value[2 * 256 + 40];
    struct text v;
    size_t most = 256;

    text_open(&v, value, sizeof value);
    if (as_text) {
        for (size_t i = 0; i < len && i < most && bytes[i] != 0; i++) {
            text_char(&v, bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '?');
        }
    } else {
        most = 64;
        text_hex(&v, bytes, len < most ? len : most);
    }
    if (len > most) {
        text_say(&v, "... (%zu bytes)", len);
    }
    say(o, name, value);
}

static void say_body(const struct out *o, const struct wire_desc *d, const void *host)
{
    char value[128];

    for (unsigned i = 0; i < d->n_fields; i++) {
        if (d->fields[i].name) {
            wire_print_field(value, sizeof value, &d->fields[i], host);
            say(o, d->fields[i].name, value);
        }
    }
}

/* ---- what follows a body ------------------------------------------------------------------- */

/* An entry of VNSHWINFO: what it tells is in its key. */
static void say_entry(const struct out *o, const struct vns_hw_entry *e)
{
    static const struct {
        uint32_t key;
        const char *name;
    } names[] = {{VNS_HW_INTERFACE, "interface"},
                 {VNS_HW_SPEED, "speed"},
                 {VNS_HW_SUBNET, "subnet"},
                 {VNS_HW_IN_USE, "in_use"},
                 {VNS_HW_FIXED_IP, "fixed_ip"},
                 {VNS_HW_ETHER, "ether"},
                 {VNS_HW_IP, "ip"},
                 {VNS_HW_MASK, "mask"}};
    const char *name = NULL;
    char value[40], other[32];
    const uint8_t *v = e->value;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        name = names[i].key == e->key ? names[i].name : name;
    }
    if (!name) {
        snprintf(other, sizeof other, "key_%" PRIu32, e->key);
        say_bytes(o, other, v, sizeof e->value, false);
    } else if (e->key == VNS_HW_INTERFACE) {
        say_bytes(o, name, v, sizeof e->value, true);
    } else if (e->key == VNS_HW_ETHER) {
        snprintf(value, sizeof value, "%02x:%02x:%02x:%02x:%02x:%02x", v[0], v[1], v[2], v[3], v[4],
                 v[5]);
        say(o, name, value);
    } else if (e->key == VNS_HW_SPEED || e->key == VNS_HW_IN_USE || e->key == VNS_HW_FIXED_IP) {
        snprintf(value, sizeof value, "%" PRIu32, wire_load_uint32(v));
        say(o, name, value);
    } else {
        snprintf(value, sizeof value, "%u.%u.%u.%u", v[0], v[1], v[2], v[3]);
        say(o, name, value);
    }
}

/* Arrays are objects of a list in JSON, and go on and on in the other styles. */
static bool say_array(const struct out *o, struct wire_in *in, bool entries)
{
    struct out item = *o;
    bool first = true;

    if (o->style == DECODE_JSON) {
        text_say(o->to, ",\"%s\":[", entries ? "entries" : "prefixes");
    }
    while (wire_left(in) > 0 && !in->bad) {
        struct vns_hw_entry e;
        struct vns_prefix p;

        if (entries ? !vns_hw_entry_get(in, &e) : !vns_prefix_get(in, &p)) {
            break;
        }
        if (o->style == DECODE_JSON) {
            text_say(o->to, "%s{\"is\":\"%s\"", first ? "" : ",", entries ? "entry" : "prefix");
        }
        if (entries) {
            say_entry(&item, &e);
        } else {
            say_body(&item, vns_prefix_desc(), &p);
        }
        text_say(o->to, "%s", o->style == DECODE_JSON ? "}" : "");
        first = false;
    }
    text_say(o->to, "%s", o->style == DECODE_JSON ? "]" : "");
    return !in->bad;
}

static bool say_user(const struct out *o, struct wire_in *in, uint32_t len)
{
    const uint8_t *user = wire_bytes(in, len), *hash = wire_bytes(in, VNS_HASH_LEN);

    if (in->bad) {
        return false;
    }
    say_bytes(o, "user", user, len, true);
    say_bytes(o, "hash", hash, VNS_HASH_LEN, false);
    return wire_left(in) == 0;
}

static void say_length(const struct out *o, const char *name, size_t len)
{
    char value[24];

    snprintf(value, sizeof value, "%zu", len);
    say(o, name, value);
}

static bool say_rest(const struct out *o, const struct kind *k, struct wire_in *in,
                     const void *host)
{
    switch (k->rest) {
    case REST_NONE:
        return wire_left(in) == 0;
    case REST_TEXT:
        say_bytes(o, "text", in->p, wire_left(in), true);
        return true;
    case REST_BYTES:
        say_bytes(o, "salt", in->p, wire_left(in), false);
        return true;
    case REST_FRAME:
        say_length(o, "data_len", wire_left(in));
        if (o->style != DECODE_LINE) {
            say_bytes(o, "frame", in->p, wire_left(in), false);
        }
        return true;
    case REST_USER:
        return say_user(o, in, ((const struct vns_auth_reply *)host)->user_len);
    default:
        return say_array(o, in, k->rest == REST_ENTRIES);
    }
}

bool decode_vns(struct text *to, enum decode_style style, const uint8_t *bytes, size_t len,
                char *why, size_t why_size)
{
    uint32_t type = wire_load_uint32(bytes + 4);
    const struct kind *k = kind_of(type);
    struct wire_in in = {bytes + HEADER, bytes + len, false};
    struct out o = {to, style};
    _Alignas(8) uint8_t host[HOST_MOST];
    char name[32];

    if (k) {
        snprintf(name, sizeof name, "%s", vns_type_name(type));
    } else {
        snprintf(name, sizeof name, "type_%" PRIu32, type);
    }
    text_say(to, style == DECODE_JSON ? "{\"is\":\"%s\"" : "vns %s", name);
    text_say(to, "%s", style == DECODE_FIELDS ? "\n" : "");
    if (!k) {
        say_bytes(&o, "data", in.p, wire_left(&in), false);
    } else {
        bool good = true;

        if (k->body && (good = wire_get(&in, k->body(), host))) {
            say_body(&o, k->body(), host);
        }
        if (!good || !say_rest(&o, k, &in, host)) {
            snprintf(why, why_size, "byte %zu: VNS %s of %zu bytes does not hold what it should",
                     (size_t)(in.p - bytes), name, len);
            return false;
        }
    }
    text_say(to, "%s", style == DECODE_JSON ? "}" : "");
    return true;
}

const uint8_t *decode_vns_frame(const uint8_t *bytes, size_t len, size_t *frame_len)
{
    size_t before = HEADER + vns_packet_desc()->size;

    if (wire_load_uint32(bytes + 4) != VNS_PACKET || len < before) {
        return NULL;
    }
    *frame_len = len - before;
    return bytes + before;
}

size_t decode_vns_write(uint8_t *to, const uint8_t *bytes, size_t len)
{
    const struct kind *k = kind_of(wire_load_uint32(bytes + 4));
    struct wire_in in = {bytes + HEADER, bytes + len, false};
    struct wire_out out = {to, to + len, false};
    _Alignas(8) uint8_t host[HOST_MOST];

    vns_begin(&out, wire_load_uint32(bytes + 4));
    if (k && k->body && wire_get(&in, k->body(), host)) {
        wire_put(&out, k->body(), host);
    }
    wire_put_bytes(&out, in.p, wire_left(&in));
    return vns_end(&out, to);
}
