/* common/proto/vns.h - VNS messages: cutting them from a stream, reading, writing.
 *
 *     n = vns_message_length(bytes, len, VNS_SERVER_MAX);      0: read more; < 0: close
 *     in = (struct wire_in){bytes, bytes + n, false};
 *     vns_header_get(&in, &h);  then by h.type, e.g. vns_open_get(&in, &open)
 *
 * Writing: vns_begin, the body, vns_end, which fills in the length.
 *
 *     struct wire_out out = {buf, buf + sizeof buf, false};
 *     vns_begin(&out, VNS_OPEN);
 *     vns_open_put(&out, &open);
 *     len = vns_end(&out, buf);                                0: did not fit
 *
 * Nothing here allocates, logs, or knows sockets. */
#ifndef COMMON_PROTO_VNS_H
#define COMMON_PROTO_VNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/proto/vns.def"
#include "common/proto/wire.h"

VNS_STRUCTS(WIRE_DECLARE)

enum vns_type {
#define VNS_TYPE_ENUM(number, NAME, least) VNS_##NAME = (number),
    VNS_TYPES(VNS_TYPE_ENUM)
#undef VNS_TYPE_ENUM
};

/* Keys of VNSHWINFO entries. */
enum vns_hw_key {
    VNS_HW_INTERFACE = 1,
    VNS_HW_SPEED = 2,
    VNS_HW_SUBNET = 4,
    VNS_HW_IN_USE = 8,
    VNS_HW_FIXED_IP = 16,
    VNS_HW_ETHER = 32,
    VNS_HW_IP = 64,
    VNS_HW_MASK = 128
};

#define VNS_CLIENT_MAX 10000 /* longest message that a classic client takes */
#define VNS_SERVER_MAX 65536 /* longest that we take */
#define VNS_FRAME_MIN 14
#define VNS_FRAME_MAX (VNS_CLIENT_MAX - VNS_PACKET_HEADER)
#define VNS_PACKET_HEADER 24
#define VNS_NAME_MAX 15      /* characters of an interface name; clients read it as a C string */
#define VNS_HW_INTERFACES 42 /* a client holds 256 HWINFO entries; six make an interface */
#define VNS_HW_INTERFACE_LEN 216
#define VNS_SALT_LEN 20
#define VNS_HASH_LEN 20
#define VNS_KEY_LEN 64

extern const struct wire_desc *(*const vns_descs[])(void);
extern const size_t vns_n_descs;

/* Length of the message that starts at 'bytes': 0 while fewer than its 8-byte header or fewer than
 * its length are there; -EBADMSG if the length is under 8, over 'max', or less than its type needs.
 * A hopeless length is refused as soon as the header is there. */
long vns_message_length(const uint8_t *bytes, size_t len, size_t max);
/* "OPEN", "HWINFO", ...; NULL for a number that no message has. */
const char *vns_type_name(uint32_t type);

void vns_begin(struct wire_out *out, uint32_t type);
/* Fills in the length of the message that vns_begin started at 'start'.  Returns it, or 0 if the
 * message did not fit. */
size_t vns_end(struct wire_out *out, uint8_t *start);

/* Fixed text fields: cut to size - 1, zero-padded.  vns_text_read copies up to 'len' bytes or the
 * NUL, replaces what is not printable ASCII by '?', and terminates. */
void vns_text_fill(uint8_t *field, size_t size, const char *text);
void vns_text_read(char *to, size_t size, const uint8_t *field, size_t len);

/* Whole messages.  Each returns the length, 0 if it did not fit in 'size'. */
size_t vns_text_message(uint8_t *to, size_t size, enum vns_type close_or_banner, const char *text);
size_t vns_auth_request_message(uint8_t *to, size_t size, const uint8_t *salt, size_t salt_len);
size_t vns_auth_reply_message(uint8_t *to, size_t size, const char *user,
                              const uint8_t hash[VNS_HASH_LEN]);
/* The text is sent with its NUL, since clients print it as a C string. */
size_t vns_auth_status_message(uint8_t *to, size_t size, bool ok, const char *text);
size_t vns_rtable_message(uint8_t *to, size_t size, const char *vhost, const char *text,
                          size_t text_len);
/* The 24 bytes before a frame. */
void vns_packet_header(uint8_t to[VNS_PACKET_HEADER], const char *interface, size_t frame_len);

/* An interface as VNSHWINFO tells it.  Addresses in host byte order. */
struct vns_interface {
    char name[VNS_NAME_MAX + 1];
    uint8_t mac[6];
    uint32_t ip, mask, subnet, speed;
};
/* Six entries an interface, in the order that classic servers send and clients need. */
size_t vns_hwinfo_message(uint8_t *to, size_t size, const struct vns_interface *list, size_t n);
/* Reads the body of a VNSHWINFO: 'mask' is 255.255.255.255 where no entry gives one.  Returns the
 * number of interfaces, or -EBADMSG: not whole entries, an entry before any name, an empty or
 * overlong name, or more than 'max'. */
int vns_hwinfo_read(struct wire_in *in, struct vns_interface *list, size_t max);

/* ---- vns_auth.c; the program links -lcrypto ------------------------------------------------- */
/* SHA-1 of the salt followed by the key.  Returns 0 or -EIO. */
int vns_auth_hash(uint8_t hash[VNS_HASH_LEN], const uint8_t *salt, size_t salt_len,
                  const uint8_t key[VNS_KEY_LEN]);
/* Reads the first 64 bytes of an auth_key file.  Returns 0, or -errno with a sentence in 'why';
 * -EINVAL: the file is shorter. */
int vns_auth_key(uint8_t key[VNS_KEY_LEN], const char *file, char *why, size_t why_size);
/* Compares in a time that does not depend on the bytes. */
bool vns_auth_equal(const uint8_t a[VNS_HASH_LEN], const uint8_t b[VNS_HASH_LEN]);

#endif
