/* ctl/decode_say.c - a message as a line, with all its fields, or as JSON; there and back. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/proto/frame_info.h"
#include "common/proto/of10.h"
#include "common/proto/of13.h"
#include "common/proto/of_text.h"
#include "ctl/decode_of.h"
#include "ctl/decode_vns.h"

#define LINE_AT_FIRST 65536
#define LINE_MOST (64u << 20)
#define ENTRIES 4 /* of a reply on one line, unless --verbose */

bool decode_open(struct decode *d)
{
    d->line_size = LINE_AT_FIRST;
    d->line = malloc(d->line_size);
    d->memory = aligned_alloc(8, TREE_MOST);
    d->copy = malloc(DECODE_MESSAGE);
    return d->line && d->memory && d->copy;
}

void decode_close(struct decode *d)
{
    free(d->line);
    free(d->memory);
    free(d->copy);
}

/* ---- where ---------------------------------------------------------------------------------- */

static void json_place(const struct decode_place *at, const char *protocol)
{
    printf("{\"offset\":%" PRIu64, at->offset);
    if (at->line > 0) {
        printf(",\"line\":%" PRIu64, at->line);
    }
    if (at->time_ns > 0) {
        printf(",\"time\":%" PRIu64 ".%09" PRIu64, at->time_ns / 1000000000,
               at->time_ns % 1000000000);
    }
    if (at->stream) {
        printf(",\"stream\":\"%s\"", at->stream);
    }
    printf(",\"protocol\":\"%s\"", protocol);
}

static void say_place(const struct decode_place *at)
{
    time_t s = (time_t)(at->time_ns / 1000000000);
    char when[16];
    struct tm tm;

    if (at->time_ns > 0) {
        strftime(when, sizeof when, "%H:%M:%S", localtime_r(&s, &tm));
        printf("%s.%06u ", when, (unsigned)(at->time_ns % 1000000000 / 1000));
    }
    if (at->stream) {
        printf("%s ", at->stream);
    }
}

static void say_where(const struct decode_place *at)
{
    say_place(at);
    if (at->line > 0) {
        printf("line %" PRIu64 ": ", at->line);
    } else {
        printf("offset %" PRIu64 ": ", at->offset);
    }
}

static void json_text(const char *key, const char *value)
{
    char *room = NULL;
    struct text t;

    text_open(&t, NULL, 0);
    text_json(&t, value, strlen(value));
    room = malloc(text_needed(&t) + 1);
    if (room) {
        text_open(&t, room, text_needed(&t) + 1);
        text_json(&t, value, strlen(value));
        printf(",\"%s\":%s", key, room);
    }
    free(room);
}

static const char *protocol_name(const struct decode_place *at)
{
    return at->protocol == DECODE_VNS ? "vns" : "openflow";
}

void decode_say_wrong(struct decode *d, const struct decode_place *at, const char *format, ...)
{
    char why[512];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    d->wrong++;
    if (d->json) {
        json_place(at, protocol_name(at));
        json_text("error", why);
        printf("}\n");
    } else {
        say_where(at);
        printf("malformed: %s\n", why);
    }
}

void decode_say_gap(struct decode *d, const struct decode_place *at, uint64_t bytes)
{
    d->gaps++;
    if (d->json) {
        json_place(at, protocol_name(at));
        printf(",\"gap\":%" PRIu64 "}\n", bytes);
    } else {
        say_place(at);
        printf("gap: %" PRIu64 " bytes are missing\n", bytes);
    }
}

/* ---- OpenFlow ------------------------------------------------------------------------------- */

/* One message, whatever it is made of. */
struct message {
    struct decode *d;
    const struct decode_place *at;
    const uint8_t *bytes;
    size_t len;
    const struct of_version *version; /* OpenFlow: the tables that it was read by */
    struct tree tree;
};

typedef void write_to(struct text *to, const struct message *m);

/* Makes room in the line for a text that needed more.  False: all of it is there, or never will be.
 */
static bool grow_line(struct decode *d, const struct text *t)
{
    char *more;

    if (text_needed(t) < d->line_size || text_needed(t) > LINE_MOST) {
        return false;
    }
    more = realloc(d->line, text_needed(t) + 1);
    if (more) {
        d->line = more;
        d->line_size = text_needed(t) + 1;
    }
    return more != NULL;
}

/* Writes into the line, which grows as it must. */
static const char *write_line(const struct message *m, write_to *write)
{
    struct text t;

    do {
        text_open(&t, m->d->line, m->d->line_size);
        write(&t, m);
    } while (grow_line(m->d, &t));
    return m->d->line;
}

static void write_short(struct text *to, const struct message *m)
{
    of_text_message(to, m->version, &m->tree, m->d->verbose ? OF_TEXT_ALL : ENTRIES);
}

static void write_fields(struct text *to, const struct message *m)
{
    tree_print(to, &m->tree);
}

static void write_json(struct text *to, const struct message *m)
{
    tree_json(to, &m->tree);
}

/* The frames that a message carries, at any depth. */
static void say_frames(const struct message *m, const struct tree_node *of, bool json, bool *any)
{
    char line[400];

    for (const struct tree_node *n = tree_first(&m->tree, of); n; n = tree_after(&m->tree, of, n)) {
        if (n->kind == TREE_BYTES && n->part && n->part->how == WIRE_FRAME) {
            frame_line(line, sizeof line, n->bytes, n->len);
            if (json && !*any) {
                json_text("frame", line);
            } else if (!json) {
                printf(" | %s", line);
            }
            *any = true;
        } else if (n->kind == TREE_STRUCT) {
            say_frames(m, n, json, any);
        }
    }
}

static const char *version_name(uint8_t version)
{
    static const char *const names[] = {"?", "1.0", "1.1", "1.2", "1.3", "1.4", "1.5"};

    return version < sizeof names / sizeof names[0] ? names[version] : "?";
}

static void say_openflow(struct message *m)
{
    struct decode *d = m->d;
    bool any = false;

    if (d->json) {
        json_place(m->at, "openflow");
        printf(",\"version\":\"%s\",\"length\":%zu", version_name(m->bytes[0]), m->len);
        json_text("text", write_line(m, write_short));
        printf(",\"message\":%s", write_line(m, write_json));
        if (d->frame) {
            say_frames(m, tree_root(&m->tree), true, &any);
        }
        printf("}\n");
        return;
    }
    say_place(m->at);
    printf("%s", write_line(m, write_short));
    if (m->bytes[0] != m->version->version) {
        printf(" (version %s)", version_name(m->bytes[0]));
    }
    if (d->frame) {
        say_frames(m, tree_root(&m->tree), false, &any);
    }
    printf("\n");
    if (d->verbose) {
        fputs(write_line(m, write_fields), stdout);
    }
}

/* --roundtrip: what we write of what we read. */
static void compare(struct message *m, const uint8_t *original, size_t n)
{
    size_t at = 0;

    while (at < n && at < m->len && m->d->copy[at] == original[at]) {
        at++;
    }
    if (at == m->len && n == m->len) {
        return;
    }
    if (at >= n) {
        decode_say_wrong(m->d, m->at, "written anew it has %zu bytes, and it had %zu", n, m->len);
    } else {
        decode_say_wrong(m->d, m->at,
                         "written anew it differs from byte %zu on: 0x%02x, and it was 0x%02x", at,
                         m->d->copy[at], at < m->len ? original[at] : 0u);
    }
}

/* Versions without tables of ours: HELLO and ECHO are the same in all, and of the rest it is said
 * what the header tells. */
static bool say_other_version(struct message *m)
{
    struct decode *d = m->d;
    struct of_header h = of_header_at(m->bytes);

    if (h.type <= 3 && h.type != 1) {
        memcpy(d->copy, m->bytes, m->len);
        d->copy[0] = OF13_VERSION;
        return true;
    }
    if (d->json) {
        json_place(m->at, "openflow");
        printf(",\"version\":\"%s\",\"length\":%zu,\"type\":%u,\"xid\":%" PRIu32 "}\n",
               version_name(h.version), m->len, h.type, h.xid);
    } else {
        say_place(m->at);
        printf("type_%u xid=0x%" PRIx32 " %zu bytes (version %s, of which only HELLO is known)\n",
               h.type, h.xid, m->len, version_name(h.version));
    }
    return false;
}

static void decode_openflow(struct message *m)
{
    struct decode *d = m->d;
    const uint8_t *bytes = m->bytes;
    struct tree_fault fault;

    m->version = bytes[0] == OF10_VERSION ? &of10 : &of13;
    if (bytes[0] != OF10_VERSION && bytes[0] != OF13_VERSION) {
        if (!say_other_version(m)) {
            return;
        }
        bytes = d->copy;
    }
    tree_open(&m->tree, d->memory, TREE_MOST);
    if (!of_read(m->version, bytes, m->len, &m->tree, &fault)) {
        const struct of_message *row = of_find(m->version, bytes[1]);

        decode_say_wrong(d, m->at, "byte %" PRIu32 " of %zu: %s (%s, xid=0x%" PRIx32 ")",
                         fault.offset, m->len, fault.what, row ? row->name : "unknown type",
                         wire_load_uint32(bytes + 4));
        return;
    }
    say_openflow(m);
    if (d->roundtrip) {
        size_t n = of_write(&m->tree, d->copy, DECODE_MESSAGE);

        d->copy[0] = n > 0 ? m->bytes[0] : 0;
        compare(m, m->bytes, n);
    }
}

/* ---- VNS ------------------------------------------------------------------------------------ */

static void decode_vns_message(struct message *m)
{
    struct decode *d = m->d;
    enum decode_style style = d->json ? DECODE_JSON : d->verbose ? DECODE_FIELDS : DECODE_LINE;
    const uint8_t *frame;
    char why[200], line[400];
    size_t frame_len = 0;
    struct text t;
    bool good;

    do {
        text_open(&t, d->line, d->line_size);
        good = decode_vns(&t, style, m->bytes, m->len, why, sizeof why);
    } while (good && grow_line(d, &t));
    if (!good) {
        decode_say_wrong(d, m->at, "%s", why);
        return;
    }
    frame = d->frame ? decode_vns_frame(m->bytes, m->len, &frame_len) : NULL;
    if (frame) {
        frame_line(line, sizeof line, frame, frame_len);
    }
    if (d->json) {
        json_place(m->at, "vns");
        printf(",\"length\":%zu,\"message\":%s", m->len, d->line);
        if (frame) {
            json_text("frame", line);
        }
        printf("}\n");
    } else {
        say_place(m->at);
        printf("%s%s%s%s", d->line, frame ? d->verbose ? "    " : " | " : "", frame ? line : "",
               !d->verbose || frame ? "\n" : "");
    }
    if (d->roundtrip) {
        compare(m, m->bytes, decode_vns_write(d->copy, m->bytes, m->len));
    }
}

/* ---- both ----------------------------------------------------------------------------------- */

void decode_say(struct decode *d, const struct decode_place *at, const uint8_t *bytes, size_t len)
{
    struct message m = {.d = d, .at = at, .bytes = bytes, .len = len};
    char why[200];
    long n = decode_length(at->protocol, bytes, len, why, sizeof why);

    d->messages++;
    if (n < 0) {
        decode_say_wrong(d, at, "%s", why);
    } else if (n == 0) {
        decode_say_wrong(d, at, "cut: %zu bytes, and a header has %d", len, OF_HEADER);
    } else if ((size_t)n != len) {
        decode_say_wrong(d, at, "it says that it has %ld bytes, and there are %zu", n, len);
    } else if (len > DECODE_MESSAGE) {
        decode_say_wrong(d, at, "%zu bytes, more than any message has", len);
    } else if (at->protocol == DECODE_VNS) {
        decode_vns_message(&m);
    } else {
        decode_openflow(&m);
    }
}
