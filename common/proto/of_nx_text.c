/* common/proto/of_nx_text.c - learn, ct and nat: what they carry is told by bits, not by
 * structures.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "common/proto/of_text_pieces.h"

#define DEFAULT_PRIORITY 32768
#define NO_TABLE 255
#define LEARN_WRITE_RESULT 0x4
#define SPEC_VALUE 0x2000 /* of a spec's header: the source is a value, not a field */
#define SPEC_LOAD 0x0800
#define SPEC_OUTPUT 0x1000
#define SPEC_TO 0x1800 /* bits: where it goes to */
#define SPEC_BITS 0x07ff
#define FTP 21
#define TFTP 69
#define NAT_SRC 0x1
#define NAT_DST 0x2

static void say_timeout(struct text *to, const struct tree_node *n, const char *field)
{
    uint64_t v = of_text_number(n, field);

    if (v != 0) {
        text_say(to, ",%s=%" PRIu64, field, v);
    }
}

/* ---- learn -------------------------------------------------------------------------------- */

/* A field as a spec has it: a header, with an experimenter's number if it says so, and an offset.
 */
struct spec_field {
    const struct oxm_field *field;
    uint32_t header;
    unsigned offset;
};

static bool take_header(struct wire_in *in, struct spec_field *f)
{
    const uint8_t *p = wire_bytes(in, 4), *more;
    uint32_t experimenter = 0;

    if (!p) {
        return false;
    }
    f->header = wire_load_uint32(p);
    if (oxm_has_experimenter(f->header)) {
        more = wire_bytes(in, 4);
        experimenter = more ? wire_load_uint32(more) : 0;
    }
    f->field = oxm_find(f->header, experimenter);
    return !in->bad;
}

static bool take_field(struct wire_in *in, struct spec_field *f)
{
    const uint8_t *p;

    if (!take_header(in, f)) {
        return false;
    }
    p = wire_bytes(in, 2);
    f->offset = p ? wire_load_uint16(p) : 0;
    return p != NULL;
}

static void say_spec_field(struct text *to, const struct spec_field *f, unsigned bits)
{
    of_text_subfield(to, f->field, f->header, f->offset, bits);
}

static void say_value(struct text *to, const uint8_t *value, size_t len)
{
    while (len > 1 && *value == 0) {
        value++;
        len--;
    }
    text_say(to, "0x%x", len ? *value : 0u);
    text_hex(to, value + 1, len ? len - 1 : 0);
}

/* A value that a whole field is matched with is written in the field's words. */
static void say_match_value(struct text *to, const struct spec_field *dst, const uint8_t *value,
                            size_t len, unsigned bits)
{
    const struct oxm_field *f = dst->field;

    if (f && dst->offset == 0 && bits == f->bits && f->bytes <= len) {
        text_say(to, "%s=", f->set);
        of_text_masked(to, f, value + len - f->bytes, NULL, f->bytes);
    } else {
        say_spec_field(to, dst, bits);
        text_char(to, '=');
        say_value(to, value, len);
    }
}

static bool same(const struct spec_field *a, const struct spec_field *b)
{
    return a->header == b->header && a->offset == b->offset;
}

/* One spec.  False: the last has been, or bytes are missing. */
static bool say_spec(struct text *to, struct wire_in *in)
{
    const uint8_t *head = wire_left(in) >= 2 ? wire_bytes(in, 2) : NULL;
    unsigned header = head ? wire_load_uint16(head) : 0, bits = header & SPEC_BITS;
    struct spec_field src = {NULL, 0, 0}, dst = {NULL, 0, 0};
    size_t len = (bits + 15) / 16 * 2;
    const uint8_t *value = NULL;

    if (header == 0) {
        return false;
    }
    if (header & SPEC_VALUE) {
        value = wire_bytes(in, len);
    } else {
        take_field(in, &src);
    }
    if ((header & SPEC_TO) != SPEC_OUTPUT) {
        take_field(in, &dst);
    }
    if (in->bad) {
        text_say(to, ",<cut>");
        return false;
    }
    text_char(to, ',');
    if ((header & SPEC_TO) == 0) {
        if (value) {
            say_match_value(to, &dst, value, len, bits);
            return true;
        }
        say_spec_field(to, &dst, bits);
        if (!same(&src, &dst)) {
            text_char(to, '=');
            say_spec_field(to, &src, bits);
        }
        return true;
    }
    text_say(to, (header & SPEC_TO) == SPEC_LOAD ? "load:" : "output:");
    if (value) {
        say_value(to, value, len);
    } else {
        say_spec_field(to, &src, bits);
    }
    if ((header & SPEC_TO) == SPEC_LOAD) {
        text_say(to, "->");
        say_spec_field(to, &dst, bits);
    }
    return true;
}

static void say_specs(struct text *to, const struct tree_node *n, const struct tree_node *specs)
{
    struct wire_in in;
    struct spec_field result;

    if (!specs) {
        return;
    }
    in = (struct wire_in){specs->bytes, specs->bytes + specs->len, false};
    if (of_text_number(n, "flags") & LEARN_WRITE_RESULT && take_header(&in, &result)) {
        result.offset = (unsigned)of_text_number(n, "result_dst_ofs");
        text_say(to, ",result_dst=");
        say_spec_field(to, &result, 1);
    }
    while (say_spec(to, &in)) {
    }
}

void of_text_learn(struct text *to, const struct tree *t, const struct tree_node *n)
{
    uint64_t flags = of_text_number(n, "flags");

    text_say(to, "learn(table=%" PRIu64, of_text_number(n, "table_id"));
    say_timeout(to, n, "idle_timeout");
    say_timeout(to, n, "hard_timeout");
    say_timeout(to, n, "fin_idle_timeout");
    say_timeout(to, n, "fin_hard_timeout");
    if (of_text_number(n, "priority") != DEFAULT_PRIORITY) {
        text_say(to, ",priority=%" PRIu64, of_text_number(n, "priority"));
    }
    if (flags & ~(uint64_t)LEARN_WRITE_RESULT) {
        text_char(to, ',');
        of_text_value(to, of_text_field(n, "flags", 5)->form, flags & ~(uint64_t)LEARN_WRITE_RESULT,
                      ",");
    }
    if (of_text_number(n, "cookie") != 0) {
        text_say(to, ",cookie=");
        of_text_hex(to, of_text_number(n, "cookie"));
    }
    say_timeout(to, n, "limit");
    say_specs(to, n, tree_part(t, n, "specs"));
    text_char(to, ')');
}

/* ---- ct ----------------------------------------------------------------------------------- */

/* The comma before each word but the first of a pair of brackets. */
static struct text *next_word(struct text *to, size_t start)
{
    if (to->n > start) {
        text_char(to, ',');
    }
    return to;
}

static void say_zone(struct text *to, size_t start, const struct tree_node *n)
{
    uint32_t src = (uint32_t)of_text_number(n, "zone_src");
    uint64_t zone = of_text_number(n, "zone");

    if (src != 0) {
        text_say(next_word(to, start), "zone=");
        of_text_subfield(to, oxm_find(src, 0), src, (unsigned)(zone >> 6),
                         (unsigned)(zone & 63) + 1);
    } else if (zone != 0) {
        text_say(next_word(to, start), "zone=%" PRIu64, zone);
    }
}

/* Inside: a first nat stands by itself, what follows in exec(). */
static void say_inside(struct text *to, size_t start, const struct tree *t,
                       const struct tree_node *n)
{
    const struct tree_node *a = tree_part(t, n, "actions");
    const char *between = "exec(";

    if (a && a->kind == TREE_STRUCT && strcmp(a->desc->name, "nx_action_nat") == 0) {
        of_text_nat(next_word(to, start), t, a);
        a = tree_after(t, n, a);
    }
    if (!a) {
        return;
    }
    next_word(to, start);
    for (; a; a = tree_after(t, n, a), between = ",") {
        text_say(to, "%s", between);
        of_text_node(to, t, a);
    }
    text_char(to, ')');
}

void of_text_ct(struct text *to, const struct tree *t, const struct tree_node *n)
{
    uint64_t flags = of_text_number(n, "flags"), table = of_text_number(n, "recirc_table");
    uint64_t alg = of_text_number(n, "alg");
    size_t start;

    text_say(to, "ct(");
    start = to->n;
    if (flags != 0) {
        of_text_value(to, of_text_field(n, "flags", 5)->form, flags, ",");
    }
    if (table != NO_TABLE) {
        text_say(next_word(to, start), "table=%" PRIu64, table);
    }
    say_zone(to, start, n);
    say_inside(to, start, t, n);
    if (alg == FTP || alg == TFTP) {
        text_say(next_word(to, start), "alg=%s", alg == FTP ? "ftp" : "tftp");
    } else if (alg != 0) {
        text_say(next_word(to, start), "alg=%" PRIu64, alg);
    }
    text_char(to, ')');
}

/* ---- nat ---------------------------------------------------------------------------------- */

/* The addresses and ports that range_present names, in the order of its bits. */
struct range {
    const uint8_t *ip4[2], *ip6[2], *port[2]; /* lowest and highest; NULL: none */
};

static struct range read_range(const struct tree_node *n, const struct tree_node *bytes)
{
    struct range r = {{NULL, NULL}, {NULL, NULL}, {NULL, NULL}};
    uint64_t has = of_text_number(n, "range_present");
    struct wire_in in = {NULL, NULL, false};

    if (!bytes) {
        return r;
    }
    in = (struct wire_in){bytes->bytes, bytes->bytes + bytes->len, false};
    for (unsigned i = 0; i < 2; i++) {
        r.ip4[i] = has >> i & 1 ? wire_bytes(&in, 4) : NULL;
    }
    for (unsigned i = 0; i < 2; i++) {
        r.ip6[i] = has >> (2 + i) & 1 ? wire_bytes(&in, 16) : NULL;
    }
    for (unsigned i = 0; i < 2; i++) {
        r.port[i] = has >> (4 + i) & 1 ? wire_bytes(&in, 2) : NULL;
    }
    return r;
}

/* Brackets keep the colons of an address from that of a port. */
static void say_ip6(struct text *to, const uint8_t *ip, bool bracket)
{
    text_say(to, "%s", bracket ? "[" : "");
    tree_value(to, &wire_form_IPV6, ip, 16);
    text_say(to, "%s", bracket ? "]" : "");
}

static void say_range(struct text *to, const struct range *r)
{
    bool port = r->port[0] && wire_load_uint16(r->port[0]) != 0;

    if (r->ip4[0]) {
        tree_value(to, &wire_form_IP, r->ip4[0], 4);
        if (r->ip4[1] && memcmp(r->ip4[0], r->ip4[1], 4) != 0) {
            text_char(to, '-');
            tree_value(to, &wire_form_IP, r->ip4[1], 4);
        }
    } else if (r->ip6[0]) {
        say_ip6(to, r->ip6[0], port);
        if (r->ip6[1] && memcmp(r->ip6[0], r->ip6[1], 16) != 0) {
            text_char(to, '-');
            say_ip6(to, r->ip6[1], port);
        }
    }
    if (port) {
        text_say(to, ":%u", wire_load_uint16(r->port[0]));
        if (r->port[1] && memcmp(r->port[0], r->port[1], 2) != 0) {
            text_say(to, "-%u", wire_load_uint16(r->port[1]));
        }
    }
}

void of_text_nat(struct text *to, const struct tree *t, const struct tree_node *n)
{
    struct range r = read_range(n, tree_part(t, n, "range"));
    uint64_t flags = of_text_number(n, "flags");

    text_say(to, "nat");
    if (!(flags & (NAT_SRC | NAT_DST))) {
        return;
    }
    text_say(to, "(%s", flags & NAT_SRC ? "src" : "dst");
    if (r.ip4[0] || r.ip6[0] || r.port[0]) {
        text_char(to, '=');
        say_range(to, &r);
    }
    flags &= ~(uint64_t)(NAT_SRC | NAT_DST);
    if (flags != 0) {
        text_char(to, ',');
        of_text_value(to, of_text_field(n, "flags", 5)->form, flags, ",");
    }
    text_char(to, ')');
}
