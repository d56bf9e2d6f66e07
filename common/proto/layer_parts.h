/* common/proto/layer_parts.h - what layers.c and layer_fields.c share; nobody else needs it. */
#ifndef COMMON_PROTO_LAYER_PARTS_H
#define COMMON_PROTO_LAYER_PARTS_H

#include <stdbool.h>

#include "common/proto/layer.def"
#include "common/proto/layers.h"
#include "common/proto/pkt.h"

#define LAYER_ICMP_TYPES(V) LAYER_ICMP_KINDS(LAYER_ICMP_TYPE_V)
LAYER_FORMS(WIRE_FORM_DECLARE)

/* The rows of layer.def. */
#define LAYER_ENUM(NAME, title, bytes, LIST) NAME,
enum layer_id { LAYERS(LAYER_ENUM) N_LAYERS };

/* Bytes that are left of the layer's surroundings, and how deep it is. */
struct layer_walk {
    const struct layers *to;
    const uint8_t *p, *end;
    size_t missing; /* bytes beyond 'end' that the frame has, and we have not */
    unsigned depth;
};

/* "(correct)", or what it should be; nothing where that cannot be known. */
struct layer_sum {
    bool known;
    uint16_t is, should;
};

struct layer_pseudo {
    bool known;
    const uint8_t *addresses; /* of IPv4: source and destination */
};

size_t layer_left(const struct layer_walk *w);
void layer_name(const struct layer_walk *w, const char *name);
void layer_say(const struct layer_walk *w, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Says a layer's fields and steps over them.  False: not all of them are there. */
bool layer_show(struct layer_walk *w, enum layer_id id, const struct layer_sum *sum);
/* Bytes on the wire of its fields. */
unsigned layer_bytes(enum layer_id id);
/* All that is left, by its length. */
void layer_data(struct layer_walk *w, const char *name);
/* Ends the walk 'len' bytes from here, as a header says.  What is beyond is not this layer's. */
void layer_limit(struct layer_walk *w, size_t len);
/* The options of a header of 'header' bytes, of which 'base' were shown.  False: cut or wrong. */
bool layer_tcp_options(struct layer_walk *w, size_t header);
bool layer_ip_options(struct layer_walk *w, size_t header);
/* A checksum field at 'at' within 'len' bytes at 'p', with 'before' summed up already. */
struct layer_sum layer_sum(uint32_t before, const uint8_t *p, size_t len, size_t at);
/* Of UDP or TCP, 'len' bytes that are all there. */
struct layer_sum layer_transport_sum(const struct layer_pseudo *ip, const uint8_t *p, size_t len,
                                     size_t at, uint8_t proto);

#endif
