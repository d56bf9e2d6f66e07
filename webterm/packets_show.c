/* webterm/packets_show.c - one packet with all that can be said of it: its record or message, and
 * the layers of its frame. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/counter.h"
#include "common/proto/layers.h"
#include "common/text.h"
#include "shm/view/topics.h"
#include "webterm/packets.h"
#include "webterm/packets_summary.h"

#define AT_FIRST (256u << 10)
#define MOST (32u << 20)
#define LINES (2u << 20) /* of a message's fields */

/* Layers as they come, as JSON. */
struct shown {
    struct text *to;
    bool any_layer, any_field;
};

static void on_layer(void *context, const char *name)
{
    struct shown *s = context;

    text_say(s->to, "%s%s{\"name\":", s->any_layer ? "]}" : "", s->any_layer ? "," : "");
    text_json(s->to, name, strlen(name));
    text_say(s->to, ",\"fields\":[");
    s->any_layer = true;
    s->any_field = false;
}

static void on_field(void *context, const char *name, const char *value)
{
    struct shown *s = context;

    text_say(s->to, "%s[", s->any_field ? "," : "");
    text_json(s->to, name, strlen(name));
    text_char(s->to, ',');
    text_json(s->to, value, strlen(value));
    text_char(s->to, ']');
    s->any_field = true;
}

static void field(struct shown *s, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void field(struct shown *s, const char *name, const char *format, ...)
{
    char value[400];
    va_list args;

    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    on_field(s, name, value);
}

static void say_frame(struct shown *s, const uint8_t *frame, size_t len, size_t whole)
{
    layers_frame(&(struct layers){on_layer, on_field, s}, frame, len, whole);
}

/* ---- a frame in a ring ---------------------------------------------------------------------- */

static void say_record(struct shown *s, const struct packet *p)
{
    const struct record *r = &p->record;

    on_layer(s, packet_where_name(p->key.where));
    field(s, "switch port", "%s", p->place.port);
    field(s, "interface", "%s", p->place.iface[0] ? p->place.iface : "of no virtual host");
    field(s, "frame number", "%" PRIu64, r->seq);
    field(s, "verdict", "%s", view_verdict_name(r->verdict));
    if (r->verdict == VERDICT_DROPPED && r->reason < DROPS) {
        field(s, "reason", "%s", drop_text((enum drop)r->reason));
    }
    field(s, "class", "%s", view_class_name(r->klass));
    field(s, "datapath", "0x%016" PRIx64, r->dpid);
    field(s, "in the record", "%u bytes, and %u in ofproxy's arena", r->head_len, r->tail_len);
}

/* What a classic router would be sent. */
static void say_vns(struct shown *s, const struct packet *p)
{
    on_layer(s, "VNS packet");
    field(s, "interface", "%s", p->place.iface);
    field(s, "length", "%u", p->key.len);
}

/* ---- a message of OpenFlow ------------------------------------------------------------------ */

/* "    priority: 100": a field with its depth. */
static void say_lines(struct shown *s, char *lines)
{
    char *save, *line, *colon;

    for (line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        colon = strstr(line, ": ");
        if (colon) {
            *colon = '\0';
        }
        on_field(s, line, colon ? colon + 2 : "");
    }
}

static void say_message(struct shown *s, const struct packet *p)
{
    const struct of_version *v = summary_version(p->bytes, p->len);
    uint8_t *memory = aligned_alloc(8, TREE_MOST);
    char *lines = malloc(LINES);
    const struct tree_node *frame;
    struct tree_fault fault;
    struct text t;
    struct tree tree;

    on_layer(s, v ? v->name : "OpenFlow");
    field(s, "switch", "%s", p->place.port);
    field(s, "peer", "%s", p->meta.peer);
    field(s, "connection", "%" PRIu64, p->meta.session);
    if (!v || !memory || !lines) {
        field(s, "version", v ? "webterm is out of memory" : "not one that is known");
    } else {
        tree_open(&tree, memory, TREE_MOST);
        if (of_read(v, p->bytes, p->len, &tree, &fault)) {
            text_open(&t, lines, LINES);
            tree_print(&t, &tree);
            say_lines(s, lines);
            frame = summary_inner(&tree);
            if (frame) {
                say_frame(s, frame->bytes, frame->len, frame->len);
            }
        } else {
            field(s, "malformed", "byte %" PRIu32 ": %s", fault.offset, fault.what);
        }
    }
    free(memory);
    free(lines);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void write_packet(struct text *to, const struct packet *p)
{
    struct shown s = {.to = to};

    text_say(to, "%.*s,\"layers\":[", (int)p->json_len - 1, p->json); /* without its brace */
    if (p->key.where == PACKET_OPENFLOW) {
        say_message(&s, p);
    } else {
        say_record(&s, p);
        if (p->key.where == TOPO_VNS_IN || p->key.where == TOPO_VNS_OUT) {
            say_vns(&s, p);
        }
        say_frame(&s, p->bytes, p->len, p->key.len);
    }
    text_say(to, "]}],\"hex\":\"");
    text_hex(to, p->bytes, p->len);
    text_say(to, "\"}\n");
}

size_t packets_show(const struct packet *p, char **json)
{
    size_t size = AT_FIRST;
    struct text t;

    *json = malloc(size);
    while (*json) {
        text_open(&t, *json, size);
        write_packet(&t, p);
        if (text_needed(&t) < size) {
            return text_needed(&t);
        }
        free(*json);
        size = text_needed(&t) + 1;
        *json = size < MOST ? malloc(size) : NULL;
    }
    return 0;
}
