/* common/proto/vns.c - VNS messages, built on the tables of vns.def. */
#include "common/proto/vns.h"

#include <errno.h>
#include <string.h>

VNS_STRUCTS(WIRE_DEFINE)

#define VNS_DESC_ROW(struct_name, LIST, bytes) struct_name##_desc,
const struct wire_desc *(*const vns_descs[])(void) = {VNS_STRUCTS(VNS_DESC_ROW)};
const size_t vns_n_descs = sizeof vns_descs / sizeof vns_descs[0];

struct type_row {
    uint32_t number;
    const char *name;
    uint32_t least;
};
static const struct type_row types[] = {
#define VNS_TYPE_ROW(number, NAME, least) {(number), #NAME, (least)},
    VNS_TYPES(VNS_TYPE_ROW)
#undef VNS_TYPE_ROW
};

static const struct type_row *find_type(uint32_t number)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].number == number) {
            return &types[i];
        }
    }
    return NULL;
}

long vns_message_length(const uint8_t *bytes, size_t len, size_t max)
{
    struct wire_in in = {bytes, bytes + len, false};
    const struct type_row *row;
    struct vns_header h;

    if (len < 8) {
        return 0;
    }
    vns_header_get(&in, &h);
    row = find_type(h.type);
    if (h.length < 8 || h.length > max || (row && h.length < row->least)) {
        return -EBADMSG;
    }
    return len < h.length ? 0 : (long)h.length;
}

const char *vns_type_name(uint32_t type)
{
    const struct type_row *row = find_type(type);

    return row ? row->name : NULL;
}

void vns_begin(struct wire_out *out, uint32_t type)
{
    struct vns_header h = {0, type};

    vns_header_put(out, &h);
}

size_t vns_end(struct wire_out *out, uint8_t *start)
{
    size_t len = (size_t)(out->p - start);

    if (out->bad) {
        return 0;
    }
    for (unsigned i = 0; i < 4; i++) {
        start[i] = (uint8_t)(len >> (24 - 8 * i));
    }
    return len;
}

void vns_text_fill(uint8_t *field, size_t size, const char *text)
{
    size_t len = strnlen(text, size - 1);

    memcpy(field, text, len);
    memset(field + len, 0, size - len);
}

void vns_text_read(char *to, size_t size, const uint8_t *field, size_t len)
{
    size_t n = 0;

    while (n < len && n < size - 1 && field[n] != 0) {
        to[n] = field[n] >= 0x20 && field[n] < 0x7f ? (char)field[n] : '?';
        n++;
    }
    to[n] = '\0';
}

size_t vns_text_message(uint8_t *to, size_t size, enum vns_type type, const char *text)
{
    struct wire_out out = {to, to + size, false};
    struct vns_text body;

    vns_text_fill(body.text, sizeof body.text, text);
    vns_begin(&out, type);
    vns_text_put(&out, &body);
    return vns_end(&out, to);
}

size_t vns_auth_request_message(uint8_t *to, size_t size, const uint8_t *salt, size_t salt_len)
{
    struct wire_out out = {to, to + size, false};

    vns_begin(&out, VNS_AUTH_REQUEST);
    wire_put_bytes(&out, salt, salt_len);
    return vns_end(&out, to);
}

size_t vns_auth_reply_message(uint8_t *to, size_t size, const char *user,
                              const uint8_t hash[VNS_HASH_LEN])
{
    struct wire_out out = {to, to + size, false};
    struct vns_auth_reply body = {(uint32_t)strlen(user)};

    vns_begin(&out, VNS_AUTH_REPLY);
    vns_auth_reply_put(&out, &body);
    wire_put_bytes(&out, user, body.user_len);
    wire_put_bytes(&out, hash, VNS_HASH_LEN);
    return vns_end(&out, to);
}

size_t vns_auth_status_message(uint8_t *to, size_t size, bool ok, const char *text)
{
    struct wire_out out = {to, to + size, false};
    struct vns_auth_status body = {ok};

    vns_begin(&out, VNS_AUTH_STATUS);
    vns_auth_status_put(&out, &body);
    wire_put_bytes(&out, text, strlen(text) + 1);
    return vns_end(&out, to);
}

size_t vns_rtable_message(uint8_t *to, size_t size, const char *vhost, const char *text,
                          size_t text_len)
{
    struct wire_out out = {to, to + size, false};
    struct vns_rtable body;

    vns_text_fill(body.vhost, sizeof body.vhost, vhost);
    vns_begin(&out, VNS_RTABLE);
    vns_rtable_put(&out, &body);
    wire_put_bytes(&out, text, text_len);
    return vns_end(&out, to);
}

void vns_packet_header(uint8_t to[VNS_PACKET_HEADER], const char *interface, size_t frame_len)
{
    struct wire_out out = {to, to + VNS_PACKET_HEADER, false};
    struct vns_header h = {(uint32_t)(VNS_PACKET_HEADER + frame_len), VNS_PACKET};
    struct vns_packet body;

    vns_text_fill(body.interface, sizeof body.interface, interface);
    vns_header_put(&out, &h);
    vns_packet_put(&out, &body);
}

static void put_entry(struct wire_out *out, uint32_t key, const void *value, size_t len)
{
    struct vns_hw_entry e = {.key = key};

    memcpy(e.value, value, len);
    vns_hw_entry_put(out, &e);
}

static void put_number(struct wire_out *out, uint32_t key, uint32_t v)
{
    uint8_t bytes[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

    put_entry(out, key, bytes, sizeof bytes);
}

size_t vns_hwinfo_message(uint8_t *to, size_t size, const struct vns_interface *list, size_t n)
{
    struct wire_out out = {to, to + size, false};

    vns_begin(&out, VNS_HWINFO);
    for (size_t i = 0; i < n; i++) {
        const struct vns_interface *f = &list[i];

        /* the name first: a client gives the other values to the last interface named */
        put_entry(&out, VNS_HW_INTERFACE, f->name, strnlen(f->name, VNS_NAME_MAX));
        put_number(&out, VNS_HW_SPEED, f->speed);
        put_entry(&out, VNS_HW_ETHER, f->mac, sizeof f->mac);
        put_number(&out, VNS_HW_IP, f->ip);
        put_number(&out, VNS_HW_SUBNET, f->subnet);
        put_number(&out, VNS_HW_MASK, f->mask);
    }
    return vns_end(&out, to);
}

static uint32_t number_of(const struct vns_hw_entry *e)
{
    return (uint32_t)e->value[0] << 24 | (uint32_t)e->value[1] << 16 | (uint32_t)e->value[2] << 8 |
           e->value[3];
}

static bool add_interface(struct vns_interface *f, const struct vns_hw_entry *e)
{
    size_t len = strnlen((const char *)e->value, sizeof e->value);

    if (len == 0 || len > VNS_NAME_MAX) {
        return false;
    }
    *f = (struct vns_interface){.mask = UINT32_MAX};
    vns_text_read(f->name, sizeof f->name, e->value, sizeof e->value);
    return true;
}

static void apply_entry(struct vns_interface *f, const struct vns_hw_entry *e)
{
    switch (e->key) {
    case VNS_HW_SPEED:
        f->speed = number_of(e);
        break;
    case VNS_HW_SUBNET:
        f->subnet = number_of(e);
        break;
    case VNS_HW_ETHER:
        memcpy(f->mac, e->value, sizeof f->mac);
        break;
    case VNS_HW_IP:
        f->ip = number_of(e);
        break;
    case VNS_HW_MASK:
        f->mask = number_of(e);
        break;
    default:
        break; /* HWINUSE, HWFIXEDIP and what later servers may add say nothing that we use */
    }
}

int vns_hwinfo_read(struct wire_in *in, struct vns_interface *list, size_t max)
{
    size_t n = 0;

    while (wire_left(in) > 0) {
        struct vns_hw_entry e;

        if (!vns_hw_entry_get(in, &e)) {
            return -EBADMSG;
        }
        if (e.key == VNS_HW_INTERFACE) {
            if (n == max || !add_interface(&list[n], &e)) {
                return -EBADMSG;
            }
            n++;
        } else if (n == 0) {
            return -EBADMSG;
        } else {
            apply_entry(&list[n - 1], &e);
        }
    }
    return (int)n;
}
