/* shm/view/flow_filter.c */
#include "shm/view/flow_filter.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/proto/oxm.h"
#include "shm/view/switch.h"

/* A word that stands for two fields. */
static const struct {
    const char *word;
    uint16_t type;
    uint8_t protocol; /* 0: none */
} shorts[] = {{"ip", 0x0800, 0},      {"ipv6", 0x86dd, 0},  {"icmp", 0x0800, 1},
              {"icmp6", 0x86dd, 58},  {"tcp", 0x0800, 6},   {"tcp6", 0x86dd, 6},
              {"udp", 0x0800, 17},    {"udp6", 0x86dd, 17}, {"sctp", 0x0800, 132},
              {"sctp6", 0x86dd, 132}, {"arp", 0x0806, 0},   {"rarp", 0x8035, 0},
              {"mpls", 0x8847, 0},    {"mplsm", 0x8848, 0}};
#define N_SHORTS (sizeof shorts / sizeof shorts[0])

const char *flow_field_name(const char *name)
{
    const struct oxm_field *f;

    if (strcmp(name, "tp_src") == 0 || strcmp(name, "tp_dst") == 0 ||
        strcmp(name, "dl_vlan") == 0 || strcmp(name, "dl_vlan_pcp") == 0) {
        return name;
    }
    for (unsigned i = 0; (f = oxm_field(i)); i++) {
        if (f->name && strcmp(f->name, name) == 0) {
            return f->name;
        }
    }
    for (unsigned i = 0; (f = oxm_field(i)); i++) {
        if (f->name && f->set && strcmp(f->set, name) == 0) {
            return f->name;
        }
    }
    return NULL;
}

/* ---- values ------------------------------------------------------------------------------- */

static void set_bytes(uint64_t to[2], const uint8_t *bytes, size_t len)
{
    to[0] = to[1] = 0;
    for (size_t i = 0; i < len; i++) {
        to[0] = to[0] << 8 | to[1] >> 56;
        to[1] = to[1] << 8 | bytes[i];
    }
}

/* One value without a mask; its bytes in '*bytes'.  False: it is no number of any kind. */
static bool read_one(const char *text, uint64_t v[2], unsigned *bytes)
{
    uint8_t raw[16];
    unsigned mac[6];
    int used = 0;
    char *end;

    if (inet_pton(AF_INET, text, raw) == 1) {
        set_bytes(v, raw, *bytes = 4);
        return true;
    }
    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
               &mac[5], &used) == 6 &&
        text[used] == '\0') {
        for (unsigned i = 0; i < 6; i++) {
            raw[i] = (uint8_t)mac[i];
        }
        set_bytes(v, raw, *bytes = 6);
        return true;
    }
    if (inet_pton(AF_INET6, text, raw) == 1) {
        set_bytes(v, raw, *bytes = 16);
        return true;
    }
    v[0] = 0;
    v[1] = strtoull(text, &end, 0);
    *bytes = 0;
    return end != text && *end == '\0';
}

/* The first 'bits' of 'bytes' bytes, and all before. */
static void prefix_mask(uint64_t m[2], unsigned bits, unsigned bytes)
{
    unsigned zeros = bits < bytes * 8 ? bytes * 8 - bits : 0;

    m[0] = zeros >= 128 ? 0 : zeros > 64 ? UINT64_MAX << (zeros - 64) : UINT64_MAX;
    m[1] = zeros >= 64 ? 0 : UINT64_MAX << zeros;
}

static void mask_above(uint64_t m[2], unsigned bytes)
{
    uint64_t above[2];

    if (bytes > 0) {
        prefix_mask(above, 0, bytes);
        m[0] |= above[0];
        m[1] |= above[1];
    } else {
        m[0] = UINT64_MAX; /* a number: its mask is as wide as it is */
    }
}

static void read_value(const char *text, struct flow_value *v)
{
    char first[48];
    size_t len = strcspn(text, "/");
    unsigned bytes, mask_bytes;

    memset(v, 0, sizeof *v);
    snprintf(first, sizeof first, "%.*s", (int)(len < 47 ? len : 47), text);
    if (!read_one(first, v->value, &bytes)) {
        snprintf(v->word, sizeof v->word, "%.47s", text);
        return;
    }
    v->mask[0] = v->mask[1] = UINT64_MAX;
    if (text[len] != '/') {
        return;
    }
    if (!read_one(text + len + 1, v->mask, &mask_bytes)) {
        snprintf(v->word, sizeof v->word, "%.47s", text);
    } else if (bytes > 0 && mask_bytes == 0) {
        prefix_mask(v->mask, (unsigned)v->mask[1], bytes);
    } else {
        mask_above(v->mask, bytes);
    }
    v->value[0] &= v->mask[0];
    v->value[1] &= v->mask[1];
}

/* Does 'flow' say all that 'wanted' says? */
static bool covers(const struct flow_value *flow, const struct flow_value *wanted)
{
    if (flow->word[0] || wanted->word[0]) {
        return strcmp(flow->word, wanted->word) == 0;
    }
    for (unsigned i = 0; i < 2; i++) {
        if ((wanted->mask[i] & ~flow->mask[i]) != 0 ||
            ((flow->value[i] ^ wanted->value[i]) & wanted->mask[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* ---- matches ------------------------------------------------------------------------------ */

static struct flow_value number(uint64_t v)
{
    return (struct flow_value){{0, v}, {UINT64_MAX, UINT64_MAX}, ""};
}

/* The next "field=value" or word of a list; 'text' goes on to what follows. */
static bool next_word(const char **text, char *word, size_t size)
{
    size_t len;

    *text += strspn(*text, ", \t");
    len = strcspn(*text, ", \t");
    snprintf(word, size, "%.*s", (int)(len < size ? len : size - 1), *text);
    *text += len;
    return len > 0;
}

bool flow_field(const char *match, const char *field, struct flow_value *v)
{
    bool type = strcmp(field, "dl_type") == 0, protocol = strcmp(field, "nw_proto") == 0;
    size_t len = strlen(field);
    char word[160];

    while (next_word(&match, word, sizeof word)) {
        if (strncmp(word, field, len) == 0 && word[len] == '=') {
            read_value(word + len + 1, v);
            return true;
        }
        for (unsigned i = 0; (type || protocol) && i < N_SHORTS; i++) {
            if (strcmp(word, shorts[i].word) == 0 && (type || shorts[i].protocol > 0)) {
                *v = number(type ? shorts[i].type : shorts[i].protocol);
                return true;
            }
        }
    }
    return false;
}

bool flow_filter_match(const struct flow_filter *f, const char *match)
{
    for (unsigned i = 0; i < f->n_terms; i++) {
        struct flow_value v;

        if (!flow_field(match, f->terms[i].field, &v) || !covers(&v, &f->terms[i].v)) {
            return false;
        }
    }
    return true;
}

/* ---- reading a filter --------------------------------------------------------------------- */

static bool add_term(struct flow_filter *f, const char *field, struct flow_value v)
{
    if (f->n_terms == FLOW_TERMS) {
        return false;
    }
    snprintf(f->terms[f->n_terms].field, sizeof f->terms[0].field, "%s", field);
    f->terms[f->n_terms++].v = v;
    return true;
}

static bool add_short(struct flow_filter *f, const char *word, char *why, size_t size)
{
    for (unsigned i = 0; i < N_SHORTS; i++) {
        if (strcmp(shorts[i].word, word) == 0) {
            return add_term(f, "dl_type", number(shorts[i].type)) &&
                   (shorts[i].protocol == 0 || add_term(f, "nw_proto", number(shorts[i].protocol)));
        }
    }
    snprintf(why, size, "'%.40s' is neither FIELD=VALUE nor a protocol such as ip, arp or tcp",
             word);
    return false;
}

static bool whole_number(const char *text, uint64_t most, uint64_t *v)
{
    char *end;

    *v = strtoull(text, &end, 0);
    return end != text && (*end == '\0' || *end == '/') && *v <= most;
}

static bool read_cookie(struct flow_filter *f, const char *value)
{
    const char *slash = strchr(value, '/');

    f->has_cookie = true;
    f->cookie_mask = UINT64_MAX;
    return whole_number(value, UINT64_MAX, &f->cookie) &&
           (!slash || strcmp(slash, "/-1") == 0 ||
            whole_number(slash + 1, UINT64_MAX, &f->cookie_mask));
}

static bool add_match(struct flow_filter *f, const char *field, const char *value, const json_t *s,
                      char *why, size_t size)
{
    const char *name = flow_field_name(field);
    struct flow_value v;
    uint32_t port;

    if (!name) {
        snprintf(why, size,
                 "there is no field '%.40s' in a flow: see ovs-fields(7), or use table, cookie, "
                 "out_port, out_group",
                 field);
        return false;
    }
    if (strcmp(name, "in_port") == 0 && switch_port_number(s, value, &port) &&
        port < OF13_PORT_MAX) {
        v = number(port);
    } else {
        read_value(value, &v);
    }
    return add_term(f, name, v);
}

static bool read_pair(struct flow_filter *f, const char *field, const char *value, const json_t *s,
                      char *why, size_t size)
{
    uint64_t v = 0;
    bool good = true;

    if (strcmp(field, "table") == 0) {
        good = whole_number(value, 254, &v);
        f->has_table = true;
        f->table = (uint8_t)v;
    } else if (strcmp(field, "cookie") == 0) {
        good = read_cookie(f, value);
    } else if (strcmp(field, "out_group") == 0) {
        good = whole_number(value, UINT32_MAX, &v);
        f->has_group = true;
        f->out_group = (uint32_t)v;
    } else if (strcmp(field, "out_port") == 0) {
        good = switch_port_number(s, value, &f->out_port);
        f->has_port = true;
    } else {
        return add_match(f, field, value, s, why, size);
    }
    if (!good) {
        snprintf(why, size, "%.20s is '%.40s', expected %s", field, value,
                 strcmp(field, "out_port") == 0 ? "a port of the switch, by number or name"
                 : strcmp(field, "table") == 0  ? "a table from 0 to 254"
                                                : "a number, with a mask if you like: 1/0xff");
    }
    return good;
}

bool flow_filter_read(struct flow_filter *f, const char *text, const json_t *s, char *why,
                      size_t size)
{
    char word[160];

    *f = (struct flow_filter){0};
    snprintf(why, size, "more than %d fields: leave some out", FLOW_TERMS);
    while (next_word(&text, word, sizeof word)) {
        char *equals = strchr(word, '=');

        if (equals) {
            *equals = '\0';
        }
        if (equals ? !read_pair(f, word, equals + 1, s, why, size)
                   : !add_short(f, word, why, size)) {
            return false;
        }
    }
    return true;
}
