/* webterm/packets_summary.c - fills the key, then writes the line and the JSON from it. */
#include "webterm/packets_summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/proto/frame_info.h"
#include "common/proto/of10.h"
#include "common/proto/of13.h"
#include "common/proto/of_text.h"
#include "common/proto/pkt.h"

#define ROW_MEMORY (256u << 10) /* of a message that is read; a longer one is named only */

/* What the columns of a list hold. */
struct columns {
    const char *from, *to, *port, *proto, *info;
    char src[32], dst[32]; /* "": none */
};

static void set_ends(struct columns *c, const struct frame_info *f)
{
    if (f->has_ip) {
        pkt_ip_text(c->src, f->src);
        pkt_ip_text(c->dst, f->dst);
    } else if (f->has_macs) {
        pkt_mac_text(c->src, f->mac_src);
        pkt_mac_text(c->dst, f->mac_dst);
    }
}

static void set_key(struct packet_key *k, const struct frame_info *f)
{
    k->protos |= f->protos;
    k->has_ip = f->has_ip;
    k->src = f->src;
    k->dst = f->dst;
    k->has_ports = f->has_ports;
    k->sport = f->sport;
    k->dport = f->dport;
}

static void json_member(struct text *t, const char *name, const char *value)
{
    text_say(t, ",\"%s\":", name);
    text_json(t, value, strlen(value));
}

static void write_texts(struct packet_summary *s, uint64_t n, const struct columns *c)
{
    const struct packet *p = &s->packet;
    size_t len = strlen(c->info);
    char info[SUMMARY_INFO + 4];
    struct text t;

    snprintf(info, sizeof info, "%.*s%s", SUMMARY_INFO, c->info, len > SUMMARY_INFO ? "..." : "");
    snprintf(s->line, sizeof s->line, "%s %s > %s %s", c->proto, c->src, c->dst, c->info);
    text_open(&t, s->json, sizeof s->json);
    text_say(&t,
             "{\"n\":%" PRIu64 ",\"t\":%" PRIu64 ".%06" PRIu64
             ",\"where\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"len\":%u",
             n, p->time_ns / 1000000000, p->time_ns % 1000000000 / 1000,
             packet_where_name(p->key.where), c->from, c->to, p->key.len);
    json_member(&t, "port", c->port);
    json_member(&t, "proto", c->proto);
    json_member(&t, "src", c->src);
    json_member(&t, "dst", c->dst);
    json_member(&t, "info", info);
    if (p->len < p->key.len) {
        text_say(&t, ",\"cut\":%u", p->len);
    }
    text_say(&t, "}");
    s->json_len = text_needed(&t);
}

void summary_frame(struct packet_summary *s, uint64_t n, enum topo_ring ring,
                   const struct tap_frame *f, uint64_t missed, const struct packet_place *place)
{
    bool by_row = ring == TOPO_VNS_IN || ring == TOPO_VNS_OUT;
    struct columns c = {.from = topo_process_name(topo_ring_writer(ring)),
                        .to = topo_process_name(topo_ring_reader(ring)),
                        .port = by_row ? place->iface : place->port};
    struct frame_info info;

    frame_info(&info, f->bytes, f->len);
    s->packet = (struct packet){.time_ns = f->time_ns,
                                .missed = missed,
                                .len = f->len,
                                .key = {.where = (uint8_t)ring, .len = f->whole_len},
                                .place = *place,
                                .record = f->record};
    set_key(&s->packet.key, &info);
    set_ends(&c, &info);
    c.proto = frame_proto_name(info.proto);
    c.info = info.info;
    write_texts(s, n, &c);
}

/* ---- OpenFlow ------------------------------------------------------------------------------- */

const struct of_version *summary_version(const uint8_t *bytes, size_t len)
{
    if (len < OF_HEADER) {
        return NULL;
    }
    return bytes[0] == of10.version ? &of10 : bytes[0] == of13.version ? &of13 : NULL;
}

static const struct tree_node *find_frame(const struct tree *t, const struct tree_node *of)
{
    const struct tree_node *found = NULL;

    for (const struct tree_node *n = of ? tree_first(t, of) : NULL; n && !found;
         n = tree_after(t, of, n)) {
        if (n->kind == TREE_BYTES && n->part && n->part->how == WIRE_FRAME && n->len > 0) {
            found = n;
        } else if (n->kind == TREE_STRUCT) {
            found = find_frame(t, n);
        }
    }
    return found;
}

const struct tree_node *summary_inner(const struct tree *t)
{
    return find_frame(t, tree_root(t));
}

/* The line of `causeway capture openflow`, and what a filter asks of the frame within. */
static void read_message(struct packet_summary *s, struct columns *c, char *info, size_t size,
                         const uint8_t *bytes, size_t len)
{
    static _Alignas(8) uint8_t memory[ROW_MEMORY]; /* one thread makes summaries */
    const struct of_version *v = summary_version(bytes, len);
    const struct of_message *m = v ? of_find(v, bytes[1]) : NULL;
    const struct tree_node *frame;
    struct frame_info inner;
    struct tree_fault fault;
    struct tree t;
    struct text line;

    text_open(&line, info, size);
    s->packet.key.message = m ? m->name : NULL;
    if (!v) {
        text_say(&line, len < OF_HEADER ? "cut off" : "another version: %u", bytes[0]);
        return;
    }
    tree_open(&t, memory, sizeof memory);
    if (!of_read(v, bytes, len, &t, &fault)) {
        of_text_bytes(&line, v, bytes, len);
        return;
    }
    of_text_message(&line, v, &t, 3);
    frame = summary_inner(&t);
    if (frame) {
        frame_info(&inner, frame->bytes, frame->len);
        set_key(&s->packet.key, &inner);
        set_ends(c, &inner);
    }
}

void summary_openflow(struct packet_summary *s, uint64_t n, const struct mirror_record *r,
                      const struct openflow_meta *m)
{
    const char *ofproxy = topo_process_name(TOPO_OFPROXY);
    struct columns c = {.from = m->down ? ofproxy : "switch",
                        .to = m->down ? "switch" : ofproxy,
                        .proto = frame_proto_name(FRAME_OPENFLOW)};
    char info[1000];
    char *name = s->packet.place.port;

    s->packet = (struct packet){
        .time_ns = r->time_ns,
        .missed = r->missed,
        .len = r->len,
        .key = {.where = PACKET_OPENFLOW, .len = r->len, .protos = 1u << FRAME_OPENFLOW},
        .meta = *m};
    if (m->known) {
        snprintf(name, sizeof s->packet.place.port, "0x%016" PRIx64, m->dpid);
    } else {
        snprintf(name, sizeof s->packet.place.port, "%.25s", m->peer);
    }
    c.port = name;
    snprintf(c.src, sizeof c.src, "%s", m->down ? ofproxy : name);
    snprintf(c.dst, sizeof c.dst, "%s", m->down ? name : ofproxy);
    read_message(s, &c, info, sizeof info, r->data, r->len);
    c.info = info;
    write_texts(s, n, &c);
}
