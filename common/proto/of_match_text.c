/* common/proto/of_match_text.c - matches as ovs-ofctl writes them, of 1.0, OXM and NXM alike.
 *
 * All are first gathered into one list of fields with values and masks; a match of 1.0 becomes the
 * fields that OXM would have.  Then they are written in the order of of_text.def, with the names of
 * protocols in place of dl_type and nw_proto. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "common/proto/of_text.def"
#include "common/proto/of_text_pieces.h"

#define FIELDS 64 /* of a match; those beyond are counted */
#define DEFAULT_PRIORITY 32768
#define IPV4 0x0800
#define ARP 0x0806
#define RARP 0x8035
#define IPV6 0x86dd
#define VLAN_CFI 0x1000 /* OXM: a tag is there */

#define OF10_NO_VLAN 0xffff
#define OF10_MATCH_BYTES 80 /* all values of a match of 1.0, and their masks */

enum { /* 1.0, 5.2.3: what a match leaves out */
       OF10_WILD_IN_PORT = 1 << 0,
       OF10_WILD_DL_VLAN = 1 << 1,
       OF10_WILD_DL_SRC = 1 << 2,
       OF10_WILD_DL_DST = 1 << 3,
       OF10_WILD_DL_TYPE = 1 << 4,
       OF10_WILD_NW_PROTO = 1 << 5,
       OF10_WILD_TP_SRC = 1 << 6,
       OF10_WILD_TP_DST = 1 << 7,
       OF10_WILD_NW_SRC_AT = 8, /* 6 bits */
       OF10_WILD_NW_DST_AT = 14,
       OF10_WILD_DL_VLAN_PCP = 1 << 20,
       OF10_WILD_NW_TOS = 1 << 21
};

struct order {
    const char *name;
    enum of_text_how how;
};
static const struct order before_type[] = {
#define ORDER(name, how) {name, OF_TEXT_##how},
    OF_MATCH_BEFORE_TYPE(ORDER)};
static const struct order before_vlan[] = {OF_MATCH_BEFORE_VLAN(ORDER)};
static const struct order ethernet[] = {OF_MATCH_ETHERNET(ORDER)};
static const struct order before_tos[] = {OF_MATCH_BEFORE_TOS(ORDER)};
static const struct order after_tos[] = {OF_MATCH_AFTER_TOS(ORDER)};
#define COUNT(list) (sizeof(list) / sizeof(list)[0])

struct match {
    struct text *to;
    size_t start; /* of what was written, to know whether a comma is due */
    struct of_text_piece piece[FIELDS];
    unsigned n, more;                    /* more: beyond FIELDS */
    uint8_t bytes[OF10_MATCH_BYTES], *p; /* of a match of 1.0: its values and masks */
};

/* ---- gathering ---------------------------------------------------------------------------- */

static void add_oxm(struct match *m, const struct tree_node *n)
{
    struct of_text_piece *e = &m->piece[m->n];
    unsigned before = oxm_has_experimenter(n->header) && n->len >= 4 ? 4 : 0;
    unsigned len = n->len - before;
    bool mask = oxm_has_mask(n->header);

    if (m->n == FIELDS) {
        m->more++;
        return;
    }
    *e = (struct of_text_piece){.field = n->field, .node = n, .value = n->bytes + before};
    e->len = mask ? len / 2 : len;
    e->mask = mask ? e->value + e->len : NULL;
    m->n++;
}

/* The fields in a part "match", whether they stand there themselves or in a structure. */
static void gather(struct match *m, const struct tree *t, const struct tree_node *of)
{
    for (const struct tree_node *n = tree_first(t, of); n; n = tree_after(t, of, n)) {
        if (!n->part ||
            (strcmp(n->part->name, "match") != 0 && strcmp(n->part->name, "fields") != 0)) {
            continue;
        }
        if (n->kind == TREE_OXM) {
            add_oxm(m, n);
        }
        for (const struct tree_node *c = n->kind == TREE_STRUCT ? tree_first(t, n) : NULL; c;
             c = tree_after(t, n, c)) {
            if (c->kind == TREE_OXM) {
                add_oxm(m, c);
            }
        }
    }
}

static const struct oxm_field *field_named(const char *header)
{
    const struct oxm_field *f;

    for (unsigned i = 0; (f = oxm_field(i)) != NULL; i++) {
        if (strcmp(f->header, header) == 0) {
            return f;
        }
    }
    return NULL;
}

/* A field of 1.0 with its value and mask (all ones: none). */
static void add10(struct match *m, const char *header, unsigned len, uint64_t value, uint64_t mask)
{
    struct of_text_piece *e = &m->piece[m->n++];
    bool exact = mask == UINT64_MAX >> (64 - 8 * len);

    *e = (struct of_text_piece){.field = field_named(header), .value = m->p, .len = len};
    for (unsigned i = 0; i < len; i++) {
        m->p[i] = (uint8_t)(value >> 8 * (len - 1 - i));
        m->p[len + i] = (uint8_t)(mask >> 8 * (len - 1 - i));
    }
    e->mask = exact ? NULL : m->p + len;
    m->p += 2 * len;
}

static uint64_t mac_number(const struct tree_node *n, const char *name)
{
    const struct wire_field *f = of_text_field(n, name, strlen(name));
    const uint8_t *b = f ? (const uint8_t *)tree_host(n) + f->offset : NULL;

    return b ? (uint64_t)wire_load_uint16(b) << 32 | wire_load_uint32(b + 2) : 0;
}

/* 1.0: a tag's number and priority are one field of two wildcards; no tag is number 0xffff. */
static void gather_vlan10(struct match *m, const struct tree_node *n, uint64_t wild)
{
    uint64_t vid = of_text_number(n, "dl_vlan"), pcp = of_text_number(n, "dl_vlan_pcp");
    uint64_t value = VLAN_CFI, mask = VLAN_CFI;

    if ((wild & OF10_WILD_DL_VLAN) && (wild & OF10_WILD_DL_VLAN_PCP)) {
        return;
    }
    if (!(wild & OF10_WILD_DL_VLAN) && vid == OF10_NO_VLAN) {
        add10(m, "NXM_OF_VLAN_TCI", 2, 0, 0xffff);
        return;
    }
    if (!(wild & OF10_WILD_DL_VLAN)) {
        value |= vid & 0xfff;
        mask |= 0xfff;
    }
    if (!(wild & OF10_WILD_DL_VLAN_PCP)) {
        value |= (pcp & 7) << 13;
        mask |= 0xe000;
    }
    add10(m, "NXM_OF_VLAN_TCI", 2, value, mask);
}

/* 1.0: the lowest bits of an address that do not matter, 32 and more: none matters. */
static void gather_ip10(struct match *m, const char *header, uint64_t value, uint64_t bits)
{
    uint64_t mask = bits < 32 ? UINT32_MAX << bits & UINT32_MAX : 0;

    if (mask != 0) {
        add10(m, header, 4, value & mask, mask);
    }
}

static void gather_ports10(struct match *m, const struct tree_node *n, uint64_t wild,
                           uint64_t dl_type, uint64_t proto)
{
    bool icmp = dl_type == IPV4 && proto == IPPROTO_ICMP;
    bool udp = proto == IPPROTO_UDP;
    const char *src = udp ? "NXM_OF_UDP_SRC" : "NXM_OF_TCP_SRC";
    const char *dst = udp ? "NXM_OF_UDP_DST" : "NXM_OF_TCP_DST";

    if (!(wild & OF10_WILD_TP_SRC)) {
        add10(m, icmp ? "NXM_OF_ICMP_TYPE" : src, 2, of_text_number(n, "tp_src"), 0xffff);
    }
    if (!(wild & OF10_WILD_TP_DST)) {
        add10(m, icmp ? "NXM_OF_ICMP_CODE" : dst, 2, of_text_number(n, "tp_dst"), 0xffff);
    }
}

static void gather10(struct match *m, const struct tree_node *n)
{
    uint64_t wild = of_text_number(n, "wildcards");
    uint64_t dl_type = wild & OF10_WILD_DL_TYPE ? 0 : of_text_number(n, "dl_type");
    uint64_t proto = wild & OF10_WILD_NW_PROTO ? 0 : of_text_number(n, "nw_proto");
    bool arp = dl_type == ARP || dl_type == RARP;

    m->p = m->bytes;
    if (!(wild & OF10_WILD_IN_PORT)) {
        add10(m, "NXM_OF_IN_PORT", 2, of_text_number(n, "in_port"), 0xffff);
    }
    if (!(wild & OF10_WILD_DL_SRC)) {
        add10(m, "NXM_OF_ETH_SRC", 6, mac_number(n, "dl_src"), 0xffffffffffff);
    }
    if (!(wild & OF10_WILD_DL_DST)) {
        add10(m, "NXM_OF_ETH_DST", 6, mac_number(n, "dl_dst"), 0xffffffffffff);
    }
    gather_vlan10(m, n, wild);
    if (!(wild & OF10_WILD_DL_TYPE)) {
        add10(m, "NXM_OF_ETH_TYPE", 2, dl_type, 0xffff);
    }
    if (!(wild & OF10_WILD_NW_TOS)) {
        add10(m, "NXM_OF_IP_TOS", 1, of_text_number(n, "nw_tos"), 0xff);
    }
    if (!(wild & OF10_WILD_NW_PROTO)) {
        add10(m, arp ? "NXM_OF_ARP_OP" : "NXM_OF_IP_PROTO", arp ? 2 : 1, proto,
              arp ? 0xffff : 0xff);
    }
    gather_ip10(m, arp ? "NXM_OF_ARP_SPA" : "NXM_OF_IP_SRC", of_text_number(n, "nw_src"),
                wild >> OF10_WILD_NW_SRC_AT & 63);
    gather_ip10(m, arp ? "NXM_OF_ARP_TPA" : "NXM_OF_IP_DST", of_text_number(n, "nw_dst"),
                wild >> OF10_WILD_NW_DST_AT & 63);
    gather_ports10(m, n, wild, dl_type, proto);
}

/* ---- writing ------------------------------------------------------------------------------ */

static void comma(struct match *m)
{
    if (m->to->n > m->start) {
        text_char(m->to, ',');
    }
}

static struct of_text_piece *find(struct match *m, const char *name)
{
    for (unsigned i = 0; i < m->n; i++) {
        if (m->piece[i].field && strcmp(m->piece[i].field->name, name) == 0) {
            return &m->piece[i];
        }
    }
    return NULL;
}

/* The value of a field of at most 8 bytes that has no mask, or -1. */
static int64_t exact(struct match *m, const char *name)
{
    struct of_text_piece *e = find(m, name);

    return e && e->len < 8 && (!e->mask || of_text_all_ones(e->mask, e->len, 0))
               ? (int64_t)of_text_load(e->value, e->len)
               : -1;
}

static void say_piece(struct match *m, struct of_text_piece *e, enum of_text_how how)
{
    comma(m);
    e->done = true;
    if (e->mask && of_text_all_ones(e->mask, e->len, e->field ? e->field->bits : 0)) {
        e->mask = NULL;
    }
    if (e->field) {
        text_say(m->to, "%s", e->field->name);
    } else {
        text_say(m->to, "field_0x%08" PRIx32, e->node->header);
    }
    if (e->len > 0) {
        text_char(m->to, '=');
        of_text_piece(m->to, e, how);
    }
}

static void say_in_order(struct match *m, const struct order *list, size_t n)
{
    for (size_t i = 0; i < n && m->n > 0; i++) {
        for (unsigned k = 0; k < m->n; k++) {
            struct of_text_piece *e = &m->piece[k];

            if (!e->done && e->field && strcmp(e->field->name, list[i].name) == 0) {
                say_piece(m, e, list[i].how);
            }
        }
    }
}

/* "tcp" for dl_type=0x0800 and nw_proto=6. */
static void say_type(struct match *m)
{
    static const struct {
        uint16_t type;
        int16_t proto; /* -1: any */
        const char *word;
    } words[] = {OF_MATCH_WORDS};
    int64_t type = exact(m, "dl_type"), proto = exact(m, "nw_proto");

    for (size_t i = 0; i < COUNT(words); i++) {
        if (words[i].type == type && (words[i].proto < 0 || words[i].proto == proto)) {
            comma(m);
            text_say(m->to, "%s", words[i].word);
            find(m, "dl_type")->done = true;
            if (words[i].proto >= 0) {
                find(m, "nw_proto")->done = true;
            }
            return;
        }
    }
}

/* vlan_vid, dl_vlan_pcp and vlan_tci are one tag. */
static void say_vlan(struct match *m)
{
    struct of_text_piece *vid = find(m, "vlan_vid"), *pcp = find(m, "dl_vlan_pcp"),
                         *tci = find(m, "vlan_tci");
    uint64_t value = 0, mask = 0;

    if (tci) {
        value = of_text_load(tci->value, tci->len);
        mask = tci->mask ? of_text_load(tci->mask, tci->len) : 0xffff;
        tci->done = true;
    }
    if (vid) {
        value |= of_text_load(vid->value, vid->len) & 0x1fff;
        mask |= vid->mask ? of_text_load(vid->mask, vid->len) & 0x1fff : 0x1fff;
        vid->done = true;
    }
    if (pcp) {
        value |= (of_text_load(pcp->value, pcp->len) & 7) << 13 | VLAN_CFI;
        mask |= 0xe000 | VLAN_CFI;
        pcp->done = true;
    }
    if (mask == 0) {
        return;
    }
    comma(m);
    if ((value & mask & VLAN_CFI) && ((mask & 0xfff) == 0xfff || (mask & 0xfff) == 0) &&
        ((mask & 0xe000) == 0xe000 || (mask & 0xe000) == 0) && (mask & ~(uint64_t)VLAN_CFI)) {
        if (mask & 0xfff) {
            text_say(m->to, "dl_vlan=%" PRIu64 "%s", value & 0xfff, mask & 0xe000 ? "," : "");
        }
        if (mask & 0xe000) {
            text_say(m->to, "dl_vlan_pcp=%" PRIu64, value >> 13);
        }
    } else if (mask == 0xffff) {
        text_say(m->to, "vlan_tci=0x%04" PRIx64, value);
    } else {
        text_say(m->to, "vlan_tci=0x%04" PRIx64 "/0x%04" PRIx64, value, mask);
    }
}

/* The upper six bits of the byte: OXM has them as a number of their own. */
static void say_tos(struct match *m)
{
    struct of_text_piece *tos = find(m, "nw_tos"), *dscp = find(m, "ip_dscp");

    if (tos && !tos->done) {
        tos->done = true;
        comma(m);
        text_say(m->to, "nw_tos=%" PRIu64, of_text_load(tos->value, tos->len) & 0xfc);
    }
    if (dscp && !dscp->done) {
        dscp->done = true;
        comma(m);
        text_say(m->to, "nw_tos=%" PRIu64, of_text_load(dscp->value, dscp->len) << 2);
    }
}

static void say_dl_type(struct match *m)
{
    struct of_text_piece *e = find(m, "dl_type");

    if (e && !e->done) {
        e->done = true;
        comma(m);
        text_say(m->to, "dl_type=0x%04" PRIx64, of_text_load(e->value, e->len));
    }
}

static void say_match(struct match *m)
{
    for (unsigned i = 0; i < m->n; i++) { /* a mask of nothing looks at nothing */
        const struct of_text_piece *e = &m->piece[i];

        m->piece[i].done = e->mask && of_text_prefix(e->mask, e->len) == 0;
    }
    say_in_order(m, before_type, COUNT(before_type));
    say_type(m);
    say_in_order(m, before_vlan, COUNT(before_vlan));
    say_vlan(m);
    say_in_order(m, ethernet, COUNT(ethernet));
    say_dl_type(m);
    say_in_order(m, before_tos, COUNT(before_tos));
    say_tos(m);
    say_in_order(m, after_tos, COUNT(after_tos));
    for (unsigned i = 0; i < m->n; i++) {
        if (!m->piece[i].done) {
            say_piece(m, &m->piece[i], OF_TEXT_FORM);
        }
    }
    if (m->more > 0) {
        comma(m);
        text_say(m->to, "... and %u fields more", m->more);
    }
}

void of_text_match(struct text *to, const struct tree *t, const struct tree_node *n)
{
    struct match m = {.to = to, .start = to->n};

    if (of_text_field(n, "priority", 8) && of_text_number(n, "priority") != DEFAULT_PRIORITY) {
        text_say(to, "priority=%" PRIu64, of_text_number(n, "priority"));
    }
    if (of_text_field(n, "wildcards", 9)) {
        gather10(&m, n);
    } else {
        gather(&m, t, n);
    }
    say_match(&m);
}

void of_text_set_field(struct text *to, const struct tree_node *n)
{
    struct match m = {0};

    add_oxm(&m, n);
    text_say(to, "set_field:");
    of_text_masked(to, n->field, m.piece[0].value, m.piece[0].mask, m.piece[0].len);
    if (n->field) {
        text_say(to, "->%s", n->field->set);
    } else {
        text_say(to, "->field_0x%08" PRIx32, n->header);
    }
}
