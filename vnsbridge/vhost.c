/* vnsbridge/vhost.c - from configuration lines to virtual hosts.
 *
 * Two passes: the lines of a section are collected first, since the meaning of "switch" depends on
 * "ip-config", which may come after it. */
#include "vnsbridge/vhost.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vnsbridge/ipconfig.h"
#include "vnsbridge/rtable.h"

struct loader {
    struct vhosts *v;
    const struct config *config;
    struct ipconfig *addresses; /* scratch */
    char *why;
    size_t why_size;
};

/* What one section says. */
struct section {
    const struct config_line *switch_line, *ip_config, *auth_key, *rtable;
    unsigned n_interfaces;
};

__attribute__((format(printf, 3, 4))) static int
wrong(const struct loader *l, const struct config_line *at, const char *format, ...)
{
    int n = at ? snprintf(l->why, l->why_size, "%s:%d: ", at->file, at->line) : 0;
    va_list args;

    va_start(args, format);
    if (n >= 0 && (size_t)n < l->why_size) {
        vsnprintf(l->why + n, l->why_size - (size_t)n, format, args);
    }
    va_end(args);
    return -EINVAL;
}

/* Puts file and line of the setting that named the file before the sentence about the file. */
static int wrong_file(const struct loader *l, const struct config_line *at)
{
    char sentence[512];

    snprintf(sentence, sizeof sentence, "%s", l->why);
    return wrong(l, at, "%s", sentence);
}

static int add_interface(const struct loader *l, struct vhost *h, const struct config_line *at,
                         const struct vhost_interface *f)
{
    for (unsigned i = 0; i < h->n_interfaces; i++) {
        if (strcmp(h->interface[i].name, f->name) == 0) {
            return wrong(l, at, "virtual host %s has two interfaces called %s: rename one", h->name,
                         f->name);
        }
    }
    if (h->n_interfaces == VNS_HW_INTERFACES) {
        return wrong(l, at,
                     "virtual host %s has more than %d interfaces, the most that a VNS client "
                     "takes: give some to another virtual host",
                     h->name, VNS_HW_INTERFACES);
    }
    h->interface[h->n_interfaces++] = *f;
    return 0;
}

/* "0000000000000001:2": hexadecimal datapath-id, decimal port. */
static bool parse_number(const char *text, uint64_t *dpid, uint32_t *port)
{
    unsigned long long d, p;
    char *end;

    errno = 0;
    d = strtoull(text, &end, 16);
    if (end == text || *end != ':' || text[0] == '-' || errno) {
        return false;
    }
    text = end + 1;
    p = strtoull(text, &end, 10);
    if (end == text || *end || text[0] == '-' || errno || p > UINT32_MAX) {
        return false;
    }
    *dpid = d;
    *port = (uint32_t)p;
    return true;
}

static int interface_line(const struct loader *l, struct vhost *h, const struct config_line *at)
{
    struct vhost_interface f = {.match = VHOST_BY_NAME};
    char name[64], port[64], address[64], more[2];

    if (sscanf(at->value, "%63s %63s %63s %1s", name, port, address, more) != 3) {
        return wrong(
            l, at,
            "interface = %s: expected three words, the interface, its switch port (a name, "
            "or DPID:PORT) and its address: eth1 sw0-eth1 192.168.2.1/32",
            at->value);
    }
    if (strlen(name) > VNS_NAME_MAX) {
        return wrong(l, at, "interface name %s is too long: VNS clients take at most %d characters",
                     name, VNS_NAME_MAX);
    }
    if (!config_is_name(name, VNS_NAME_MAX) || !config_is_name(port, sizeof port)) {
        return wrong(l, at, "interface %s at switch port %s: expected names of ASCII characters",
                     name, port);
    }
    if (strchr(port, ':')) {
        f.match = VHOST_BY_NUMBER;
        if (!parse_number(port, &f.dpid, &f.port)) {
            return wrong(l, at,
                         "switch port %s: expected a hexadecimal datapath-id and a port number, "
                         "like 0000000000000001:2",
                         port);
        }
    } else if (strlen(port) >= sizeof f.port_name) {
        return wrong(l, at, "switch port %s is too long: expected at most 25 characters", port);
    }
    if (!ipconfig_address(address, &f.ip, &f.mask) || f.ip == 0) {
        return wrong(l, at, "address %s: expected one like 192.168.2.1 or 192.168.2.1/24", address);
    }
    snprintf(f.name, sizeof f.name, "%.15s", name);
    snprintf(f.port_name, sizeof f.port_name, "%.25s", f.match == VHOST_BY_NAME ? port : "");
    return add_interface(l, h, at, &f);
}

/* The lab's own addresses, for 'stem' or, when that is "", for any switch. */
static int lab_interfaces(const struct loader *l, struct vhost *h, const char *stem)
{
    static const struct {
        const char *name;
        uint32_t ip;
    } lab[] = {{"eth1", 0xc0a80201}, {"eth2", 0xac400301}, {"eth3", 0x0a000101}};
    int err = 0;

    for (unsigned i = 0; i < 3 && err == 0; i++) {
        struct vhost_interface f = {.match = stem[0] ? VHOST_BY_NAME : VHOST_BY_SUFFIX,
                                    .ip = lab[i].ip,
                                    .mask = UINT32_MAX};

        snprintf(f.name, sizeof f.name, "%s", lab[i].name);
        if (stem[0]) {
            snprintf(f.port_name, sizeof f.port_name, "%.20s-%s", stem, lab[i].name);
        }
        err = add_interface(l, h, NULL, &f);
    }
    return err;
}

/* The lines of an IP_CONFIG file that are for 'stem', or all when that is "". */
static int file_interfaces(const struct loader *l, struct vhost *h, const struct config_line *at,
                           const char *file, const char *stem)
{
    unsigned before = h->n_interfaces;

    if (ipconfig_load(l->addresses, file, l->why, l->why_size) != 0) {
        return wrong_file(l, at);
    }
    for (unsigned i = 0; i < l->addresses->n; i++) {
        const struct ipconfig_entry *e = &l->addresses->entry[i];
        struct vhost_interface f = {.ip = e->ip, .mask = e->mask};
        int err;

        if (stem[0] && e->stem[0] && strcmp(stem, e->stem) != 0) {
            continue;
        }
        f.match = e->stem[0] || stem[0] ? VHOST_BY_NAME : VHOST_BY_SUFFIX;
        memcpy(f.name, e->name, sizeof f.name);
        if (f.match == VHOST_BY_NAME) {
            snprintf(f.port_name, sizeof f.port_name, "%.*s-%s", (int)(24 - strlen(e->name)),
                     e->stem[0] ? e->stem : stem, e->name);
        }
        err = add_interface(l, h, at, &f);
        if (err != 0) {
            return err;
        }
    }
    if (h->n_interfaces == before) {
        return wrong(l, at, "%s has no line for a port of switch %s, like: %s-eth1 192.168.2.1",
                     file, stem, stem);
    }
    return 0;
}

/* The interfaces that a section does not list one by one. */
static int switch_interfaces(const struct loader *l, struct vhost *h, const struct section *s)
{
    const char *file =
        s->ip_config ? s->ip_config->value : config_str(l->config, CONFIG_VNSBRIDGE_IP_CONFIG);
    const char *stem = s->switch_line ? s->switch_line->value : "";

    if (!s->switch_line && !s->ip_config && s->n_interfaces > 0) {
        return 0;
    }
    if (!s->switch_line && !s->ip_config && l->v->n > 1) {
        return wrong(l, NULL,
                     "virtual host %s has neither a 'switch' nor an 'interface' line, and is not "
                     "the only one: say which switch ports are its own",
                     h->name);
    }
    if (strlen(stem) > 20) {
        return wrong(l, s->switch_line,
                     "switch name %s is too long: expected at most 20 characters", stem);
    }
    if (stem[0] && !config_is_name(stem, 20)) {
        return wrong(l, s->switch_line, "switch name %s: expected ASCII characters without blanks",
                     stem);
    }
    snprintf(h->switch_name, sizeof h->switch_name, "%s",
             stem[0] ? stem : config_str(l->config, CONFIG_LAB_SWITCH));
    return file[0] ? file_interfaces(l, h, s->ip_config, file, stem) : lab_interfaces(l, h, stem);
}

static int read_key(const struct loader *l, struct vhost *h, const struct config_line *at)
{
    const char *file = at ? at->value : config_str(l->config, CONFIG_VNSBRIDGE_AUTH_KEY);

    if (!file[0]) {
        return 0;
    }
    if (vns_auth_key(h->key, file, l->why, l->why_size) != 0) {
        char sentence[512];

        snprintf(sentence, sizeof sentence, "%s", l->why);
        return wrong(l, at, "%s: put the 64-character key there, or name another file as auth-key",
                     sentence);
    }
    h->has_key = true;
    return 0;
}

static int read_rtable(const struct loader *l, struct vhost *h, const struct config_line *at)
{
    int err = at ? rtable_load(h, at->value, l->why, l->why_size) : rtable_lab(h);

    return err == 0 ? 0 : at ? wrong_file(l, at) : wrong(l, NULL, "out of memory");
}

static int read_line(const struct loader *l, struct vhost *h, struct section *s,
                     const struct config_line *at)
{
    if (strcmp(at->key, "interface") == 0) {
        s->n_interfaces++;
        return interface_line(l, h, at);
    } else if (strcmp(at->key, "switch") == 0) {
        s->switch_line = at;
    } else if (strcmp(at->key, "ip-config") == 0) {
        s->ip_config = at;
    } else if (strcmp(at->key, "auth-key") == 0) {
        s->auth_key = at;
    } else if (strcmp(at->key, "rtable") == 0) {
        s->rtable = at;
    } else {
        return wrong(l, at,
                     "unknown key %s: expected switch, interface, ip-config, auth-key or rtable",
                     at->key);
    }
    return 0;
}

static int read_section(const struct loader *l, struct vhost *h)
{
    struct section s = {0};
    int err = 0;

    for (size_t i = 0; i < l->config->n_lines && err == 0; i++) {
        if (strcmp(l->config->lines[i].vhost, h->name) == 0) {
            err = read_line(l, h, &s, &l->config->lines[i]);
        }
    }
    err = err ? err : switch_interfaces(l, h, &s);
    err = err ? err : read_key(l, h, s.auth_key);
    return err ? err : read_rtable(l, h, s.rtable);
}

static bool same_port(const struct vhost_interface *a, const struct vhost_interface *b)
{
    if (a->match != b->match) {
        return false; /* a name and a number that turn out to be one port: bind.c sees it */
    }
    return a->match == VHOST_BY_NAME     ? strcmp(a->port_name, b->port_name) == 0
           : a->match == VHOST_BY_NUMBER ? a->dpid == b->dpid && a->port == b->port
                                         : strcmp(a->name, b->name) == 0;
}

static int claimed_twice(const struct loader *l, const struct vhost *h, unsigned i,
                         const struct vhost *other, unsigned j)
{
    const struct vhost_interface *f = &h->interface[i];
    char port[48];

    if (f->match == VHOST_BY_NUMBER) {
        snprintf(port, sizeof port, "%016" PRIx64 ":%u", f->dpid, f->port);
    } else {
        snprintf(port, sizeof port, "%s", f->port_name[0] ? f->port_name : f->name);
    }
    return wrong(l, NULL,
                 "switch port %s is claimed by interface %s of virtual host %s and by interface %s "
                 "of virtual host %s: give it to one of them",
                 port, other->interface[j].name, other->name, f->name, h->name);
}

/* Is an earlier interface bound to the same port as interface 'i' of virtual host 'n'? */
static int check_claim(const struct loader *l, unsigned n, unsigned i)
{
    const struct vhost *h = &l->v->list[n];

    for (unsigned m = 0; m <= n; m++) {
        const struct vhost *other = &l->v->list[m];
        unsigned end = m == n ? i : other->n_interfaces;

        for (unsigned j = 0; j < end; j++) {
            if (same_port(&h->interface[i], &other->interface[j])) {
                return claimed_twice(l, h, i, other, j);
            }
        }
    }
    return 0;
}

static int check_all(const struct loader *l)
{
    unsigned total = 0;

    for (unsigned n = 0; n < l->v->n; n++) {
        for (unsigned i = 0; i < l->v->list[n].n_interfaces; i++) {
            int err = check_claim(l, n, i);

            if (err != 0) {
                return err;
            }
        }
        total += l->v->list[n].n_interfaces;
    }
    if (total > VHOST_ROWS) {
        return wrong(l, NULL, "%u interfaces in all virtual hosts: expected at most %d", total,
                     VHOST_ROWS);
    }
    return 0;
}

static int name_vhost(const struct loader *l, const struct config_line *at, const char *name)
{
    if (vhosts_find(l->v, name) >= 0) {
        return 0;
    }
    if (strlen(name) == 0 || strlen(name) > VHOST_NAME_MAX) {
        return wrong(l, at, "virtual host name '%s': expected 1 to %d characters", name,
                     VHOST_NAME_MAX);
    }
    if (l->v->n == VHOSTS) {
        return wrong(l, at, "more than %d virtual hosts: remove some", VHOSTS);
    }
    snprintf(l->v->list[l->v->n++].name, VHOST_NAME_MAX + 1, "%s", name);
    return 0;
}

int vhosts_load(struct vhosts *v, const struct config *c, char *why, size_t why_size)
{
    struct loader l = {v, c, calloc(1, sizeof *l.addresses), why, why_size};
    int err = 0;

    *v = (struct vhosts){calloc(VHOSTS, sizeof *v->list), 0};
    if (!v->list || !l.addresses) {
        free(l.addresses);
        return wrong(&l, NULL, "out of memory");
    }
    for (size_t i = 0; i < c->n_lines && err == 0; i++) {
        err = name_vhost(&l, &c->lines[i], c->lines[i].vhost);
    }
    if (err == 0 && v->n == 0) {
        err = name_vhost(&l, NULL, "vrhost");
    }
    for (unsigned i = 0; i < v->n && err == 0; i++) {
        err = read_section(&l, &v->list[i]);
    }
    err = err ? err : check_all(&l);
    free(l.addresses);
    return err;
}

void vhosts_free(struct vhosts *v)
{
    for (unsigned i = 0; i < v->n; i++) {
        free(v->list[i].rtable);
    }
    free(v->list);
    *v = (struct vhosts){0};
}

int vhosts_find(const struct vhosts *v, const char *name)
{
    for (unsigned i = 0; i < v->n; i++) {
        if (strcmp(v->list[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

void vhost_names(const struct vhost *h, char *text, size_t size)
{
    size_t n = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < h->n_interfaces && n < size; i++) {
        n += (size_t)snprintf(text + n, size - n, "%s%s", i ? " " : "", h->interface[i].name);
    }
}
