/* webterm/packets_filter.c - words into steps, and steps over a packet's key. */
#include "webterm/packets_filter.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/proto/frame_info.h"
#include "common/proto/of10.h"
#include "common/proto/of13.h"
#include "common/proto/pkt.h"

#define EXPECTED                                                                                   \
    "expected a protocol (arp, ip, icmp, udp, tcp, openflow, ...), an OpenFlow message "           \
    "(packet_in, flow_mod, ...), host, src, dst, port, where, on, len, text, not or a parenthesis"

/* ---- places --------------------------------------------------------------------------------- */

const char *packet_where_name(unsigned where)
{
    return where < TOPO_RINGS ? topo_ring_name((enum topo_ring)where) : "OPENFLOW";
}

unsigned packet_where_find(const char *name)
{
    unsigned w = 0;

    while (w < PACKET_WHERES && strcasecmp(name, packet_where_name(w)) != 0) {
        w++;
    }
    return w;
}

/* ---- words ---------------------------------------------------------------------------------- */

struct parser {
    struct packets_filter *f;
    const char *p;
    char word[FILTER_TEXT + 1]; /* the one in hand; "": the end */
    bool quoted;
    unsigned deep;
    char *why;
    size_t why_size;
    bool failed;
};

static bool fail(struct parser *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct parser *x, const char *format, ...)
{
    va_list args;

    if (!x->failed) {
        va_start(args, format);
        vsnprintf(x->why, x->why_size, format, args);
        va_end(args);
    }
    x->failed = true;
    return false;
}

/* The word in hand, for a sentence: short, and printable. */
static const char *shown(struct parser *x)
{
    if (!x->word[0]) {
        return "the end";
    }
    for (char *c = x->word; *c; c++) {
        *c = *c >= 0x20 && *c < 0x7f ? *c : '?';
    }
    x->word[40] = '\0';
    return x->word;
}

static bool is_single(char c)
{
    return c != '\0' && strchr("()<>=", c) != NULL;
}

/* Takes the next word: a name or number, a text in quotes, or one of ( ) < > =. */
static void next(struct parser *x)
{
    size_t n = 0;

    x->quoted = false;
    while (*x->p && isspace((unsigned char)*x->p)) {
        x->p++;
    }
    if (*x->p == '"') {
        x->quoted = true;
        for (x->p++; *x->p && *x->p != '"'; x->p++) {
            x->word[n++] = *x->p;
        }
        if (*x->p == '"') {
            x->p++;
        } else {
            fail(x, "a text begins with \" and does not end: expected one more \"");
        }
    } else if (is_single(*x->p)) {
        x->word[n++] = *x->p++;
    } else {
        while (*x->p && !isspace((unsigned char)*x->p) && !is_single(*x->p) && *x->p != '"') {
            x->word[n++] = *x->p++;
        }
    }
    x->word[n] = '\0';
}

static bool is(const struct parser *x, const char *word)
{
    return !x->quoted && strcasecmp(x->word, word) == 0;
}

static bool at_end(const struct parser *x)
{
    return !x->quoted && !x->word[0];
}

static bool add(struct parser *x, struct filter_step s)
{
    if (x->f->n == FILTER_STEPS) {
        return fail(x, "the filter has more than %d words", FILTER_STEPS);
    }
    x->f->steps[x->f->n++] = s;
    return true;
}

/* ---- terms ---------------------------------------------------------------------------------- */

/* "10.0.1.100" or "10.0.0.0/8" */
static bool address(struct parser *x, enum filter_what what)
{
    struct filter_step s = {.what = what, .mask = UINT32_MAX};
    char text[FILTER_TEXT + 1], *slash, *end = "";
    unsigned long len = 32;

    snprintf(text, sizeof text, "%s", x->word);
    slash = strchr(text, '/');
    if (slash) {
        *slash = '\0';
        len = isdigit((unsigned char)slash[1]) ? strtoul(slash + 1, &end, 10) : 33;
    }
    if (!pkt_ip_parse(text, &s.number) || *end || len > 32) {
        return fail(x, "'%s' is no IPv4 address: expected one such as 10.0.1.100 or 10.0.0.0/8",
                    shown(x));
    }
    s.mask = len == 0 ? 0 : UINT32_MAX << (32 - len);
    s.number &= s.mask;
    return add(x, s);
}

static bool number(struct parser *x, uint32_t most, uint32_t *v)
{
    char *end;
    unsigned long n = strtoul(x->word, &end, 10);

    *v = (uint32_t)n;
    return isdigit((unsigned char)x->word[0]) && *end == '\0' && n <= most;
}

static bool keep_text(struct parser *x, enum filter_what what)
{
    struct packets_filter *f = x->f;
    size_t len = strlen(x->word) + 1;

    if (len > sizeof f->words - f->words_len) {
        return fail(x, "the filter is longer than %d characters", FILTER_TEXT);
    }
    memcpy(f->words + f->words_len, x->word, len);
    f->words_len += len;
    return add(x, (struct filter_step){.what = what, .at = (uint16_t)(f->words_len - len)});
}

/* A TCP or UDP port, or an interface. */
static bool port(struct parser *x, enum filter_what what)
{
    uint32_t n;

    if (x->quoted || !isdigit((unsigned char)x->word[0])) {
        return at_end(x) || is_single(x->word[0])
                   ? fail(x,
                          "after 'port' stands %s: expected a port of UDP or TCP, or the name of "
                          "an interface",
                          shown(x))
                   : keep_text(x, FILTER_ON);
    }
    if (!number(x, 65535, &n)) {
        return fail(x, "'%s' is no port: expected a number up to 65535", shown(x));
    }
    return add(x, (struct filter_step){.what = what, .number = n});
}

static bool where(struct parser *x, enum filter_what what)
{
    unsigned w = packet_where_find(x->word);

    if (w == PACKET_WHERES) {
        return fail(x, "'%s' is no place: expected PKT_IN, VNS_IN, VNS_OUT, PKT_OUT or OPENFLOW",
                    shown(x));
    }
    return add(x, (struct filter_step){.what = what, .number = w});
}

static bool on(struct parser *x, enum filter_what what)
{
    if (!x->quoted && (at_end(x) || is_single(x->word[0]))) {
        return fail(x,
                    "after 'on' stands %s: expected the name of a port or interface, such as "
                    "sw0-eth1 or eth1",
                    shown(x));
    }
    return keep_text(x, what);
}

static bool length(struct parser *x, enum filter_what what)
{
    enum filter_what how = is(x, ">")   ? FILTER_LEN_OVER
                           : is(x, "<") ? FILTER_LEN_UNDER
                           : is(x, "=") ? FILTER_LEN_IS
                                        : FILTER_AND;
    uint32_t n;

    (void)what;
    if (how == FILTER_AND) {
        return fail(x, "after 'len' stands '%s': expected >, < or = and a number, as in len >1000",
                    shown(x));
    }
    next(x);
    if (!number(x, UINT32_MAX - 1, &n)) {
        return fail(x, "'%s' is no length: expected a number of bytes", shown(x));
    }
    return add(x, (struct filter_step){.what = how, .number = n});
}

static bool says(struct parser *x, enum filter_what what)
{
    if (at_end(x)) {
        return fail(x, "after 'text' stands nothing: expected what to look for, as in text \"who "
                       "has\"");
    }
    return keep_text(x, what);
}

static const struct {
    const char *word;
    enum filter_what what;
    bool (*take)(struct parser *x, enum filter_what what);
} terms[] = {
    {"host", FILTER_HOST, address}, {"src", FILTER_SRC, address},   {"dst", FILTER_DST, address},
    {"port", FILTER_PORT, port},    {"where", FILTER_WHERE, where}, {"ring", FILTER_WHERE, where},
    {"on", FILTER_ON, on},          {"len", FILTER_AND, length},    {"text", FILTER_SAYS, says},
};

/* A protocol, or a message of OpenFlow.  False: neither. */
static bool find_name(const char *word, struct filter_step *s)
{
    static const struct of_version *const versions[] = {&of10, &of13};

    for (unsigned p = 0; p < FRAME_N_PROTOS; p++) {
        if (strcasecmp(word, frame_proto_name((enum frame_proto)p)) == 0) {
            *s = (struct filter_step){.what = FILTER_PROTO, .number = p};
            return true;
        }
    }
    for (unsigned v = 0; v < 2; v++) {
        for (unsigned m = 0; m < versions[v]->n_messages; m++) {
            const char *name = versions[v]->messages[m].name;

            if (name && strcasecmp(word, name) == 0) {
                *s = (struct filter_step){.what = FILTER_MESSAGE, .name = name};
                return true;
            }
        }
    }
    return false;
}

static bool either(struct parser *x);

static bool term(struct parser *x)
{
    struct filter_step s;

    for (unsigned i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        if (is(x, terms[i].word)) {
            next(x);
            if (x->failed || !terms[i].take(x, terms[i].what)) {
                return false;
            }
            next(x);
            return !x->failed;
        }
    }
    if (x->quoted || !find_name(x->word, &s)) {
        return at_end(x) ? fail(x, "the filter ends too early: " EXPECTED)
                         : fail(x, "'%s' is no word of a filter: " EXPECTED, shown(x));
    }
    next(x);
    return !x->failed && add(x, s);
}

static bool one(struct parser *x)
{
    bool negate = is(x, "not"), inner = is(x, "(");
    bool good;

    if (!negate && !inner) {
        return term(x);
    }
    if (++x->deep > FILTER_DEEP) {
        return fail(x, "more than %d parentheses and 'not' stand within each other", FILTER_DEEP);
    }
    next(x);
    good = !x->failed && (negate ? one(x) : either(x));
    if (good && inner) {
        if (!is(x, ")")) {
            return fail(x, "'%s' stands where ')' was expected", shown(x));
        }
        next(x);
    }
    x->deep--;
    return good && !x->failed && (!negate || add(x, (struct filter_step){.what = FILTER_NOT}));
}

static bool both(struct parser *x)
{
    bool good = one(x);

    while (good && !at_end(x) && !is(x, ")") && !is(x, "or")) {
        if (is(x, "and")) {
            next(x);
        }
        good = one(x) && add(x, (struct filter_step){.what = FILTER_AND});
    }
    return good;
}

static bool either(struct parser *x)
{
    bool good = both(x);

    while (good && is(x, "or")) {
        next(x);
        good = both(x) && add(x, (struct filter_step){.what = FILTER_OR});
    }
    return good;
}

int packets_filter(struct packets_filter *f, const char *text, char *why, size_t why_size)
{
    struct parser x = {.f = f, .p = text, .why = why, .why_size = why_size};

    f->n = 0;
    f->words_len = 0;
    why[0] = '\0';
    if (strlen(text) > FILTER_TEXT) {
        fail(&x, "the filter is longer than %d characters", FILTER_TEXT);
        return -EINVAL;
    }
    next(&x);
    if (at_end(&x) && !x.failed) {
        return 0;
    }
    if (!x.failed && either(&x) && !at_end(&x)) {
        fail(&x, "'%s' stands alone: expected its other parenthesis", shown(&x));
    }
    f->n = x.failed ? 0 : f->n;
    return x.failed ? -EINVAL : 0;
}

/* ---- matching ------------------------------------------------------------------------------- */

static bool holds(const struct packets_filter *f, const struct filter_step *s,
                  const struct packet_key *k)
{
    bool src = k->has_ip && (k->src & s->mask) == s->number;
    bool dst = k->has_ip && (k->dst & s->mask) == s->number;

    switch (s->what) {
    case FILTER_PROTO:
        return (k->protos >> s->number & 1) != 0;
    case FILTER_MESSAGE:
        return k->message && strcmp(k->message, s->name) == 0;
    case FILTER_HOST:
        return src || dst;
    case FILTER_SRC:
        return src;
    case FILTER_DST:
        return dst;
    case FILTER_PORT:
        return k->has_ports && (k->sport == s->number || k->dport == s->number);
    case FILTER_WHERE:
        return k->where == s->number;
    case FILTER_ON:
        return strcasecmp(k->port, f->words + s->at) == 0 ||
               strcasecmp(k->iface, f->words + s->at) == 0;
    case FILTER_LEN_OVER:
        return k->len > s->number;
    case FILTER_LEN_UNDER:
        return k->len < s->number;
    case FILTER_LEN_IS:
        return k->len == s->number;
    case FILTER_SAYS:
        return strcasestr(k->line, f->words + s->at) != NULL;
    default:
        return false;
    }
}

bool packets_match(const struct packets_filter *f, const struct packet_key *k)
{
    bool stack[FILTER_STEPS];
    unsigned n = 0;

    for (unsigned i = 0; i < f->n; i++) {
        const struct filter_step *s = &f->steps[i];

        if (s->what == FILTER_NOT) {
            stack[n - 1] = !stack[n - 1];
        } else if (s->what == FILTER_AND || s->what == FILTER_OR) {
            n--;
            stack[n - 1] =
                s->what == FILTER_AND ? stack[n - 1] && stack[n] : stack[n - 1] || stack[n];
        } else {
            stack[n++] = holds(f, s, k);
        }
    }
    return f->n == 0 || stack[0];
}
