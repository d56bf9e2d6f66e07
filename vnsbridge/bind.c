/* vnsbridge/bind.c - from port rows to interface rows.
 *
 * An update looks at each port row once and finds the interface that wants it, so its cost grows
 * with the ports, not with ports times interfaces: a flapping switch must not delay packets. */
#include "vnsbridge/bind.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "vnsbridge/ipconfig.h"

static int order_name(const void *a, const void *b)
{
    const struct bind_name *x = a, *y = b;

    return strcmp(x->spec->port_name, y->spec->port_name);
}

static int order_number(const void *a, const void *b)
{
    const struct vhost_interface *x = ((const struct bind_name *)a)->spec;
    const struct vhost_interface *y = ((const struct bind_name *)b)->spec;

    if (x->dpid != y->dpid) {
        return x->dpid < y->dpid ? -1 : 1;
    }
    return x->port == y->port ? 0 : x->port < y->port ? -1 : 1;
}

static uint32_t find_name(const struct bind *b, const char *port_name)
{
    struct vhost_interface key = {0};
    struct bind_name probe = {&key, 0}, *hit;

    snprintf(key.port_name, sizeof key.port_name, "%s", port_name);
    hit = bsearch(&probe, b->by_name, b->n_by_name, sizeof probe, order_name);
    return hit ? hit->row : BIND_NO_ROW;
}

static uint32_t find_number(const struct bind *b, uint64_t dpid, uint32_t port)
{
    struct vhost_interface key = {.dpid = dpid, .port = port};
    struct bind_name probe = {&key, 0}, *hit;

    hit = bsearch(&probe, b->by_number, b->n_by_number, sizeof probe, order_number);
    return hit ? hit->row : BIND_NO_ROW;
}

/* Only one virtual host can have interfaces by suffix: vhost.c sees to it. */
static const struct vhost *suffix_vhost(const struct bind *b)
{
    const struct vhost *h = b->vhosts->n ? &b->vhosts->list[0] : NULL;

    for (unsigned i = 0; h && i < h->n_interfaces; i++) {
        if (h->interface[i].match == VHOST_BY_SUFFIX) {
            return h;
        }
    }
    return NULL;
}

static uint32_t find_suffix(const struct vhost *h, const char *port_name, char stem[26])
{
    char name[16];

    if (!strchr(port_name, '-') || !ipconfig_port_name(port_name, stem, name)) {
        return BIND_NO_ROW;
    }
    for (unsigned i = 0; i < h->n_interfaces; i++) {
        if (h->interface[i].match == VHOST_BY_SUFFIX && strcmp(h->interface[i].name, name) == 0) {
            return h->interface[i].row;
        }
    }
    return BIND_NO_ROW;
}

static bool live(const struct port_row *p)
{
    return p->state == PORT_UP || p->state == PORT_DOWN;
}

/* The switch whose ports an unbound virtual host takes: the lab's by name; else the one that it
 * has; else the first that has such ports. */
static uint64_t choose_switch(const struct bind *b, const struct vhost *h)
{
    uint64_t first = 0;
    bool some = false, keep = false;
    char stem[26];

    for (unsigned i = 0; i < b->n_ports; i++) {
        const struct port_row *p = &b->port[i];

        if (!live(p) || find_suffix(h, p->name, stem) == BIND_NO_ROW) {
            continue;
        }
        if (strcmp(stem, h->switch_name) == 0) {
            return p->dpid;
        }
        keep |= p->dpid == b->adopted;
        if (!some) {
            some = true;
            first = p->dpid;
        }
    }
    return keep || !some ? b->adopted : first;
}

static bool bound_here(const struct bind *b, uint32_t row, const struct port_row *p)
{
    const struct interface_row *r = &b->entry[row].row;

    return r->known && r->dpid == p->dpid && r->port == p->port;
}

/* A port wants to be interface 'row'.  Of several, the one that it is now wins, else the first. */
static void offer(struct bind *b, uint32_t row, uint32_t port, uint32_t *taken_by)
{
    if (row == BIND_NO_ROW) {
        return;
    }
    if (*taken_by != BIND_NO_ROW && *taken_by != row) {
        const struct bind_entry *a = &b->entry[*taken_by], *c = &b->entry[row];

        if (!b->contested) {
            log_error("switch port claimed twice port=%s by=%s/%s and=%s/%s: the first keeps it; "
                      "give it to one of them in the configuration",
                      b->port[port].name, a->row.vhost, a->row.name, c->row.vhost, c->row.name);
            b->contested = true;
        }
        return;
    }
    *taken_by = row;
    if (b->best[row] == BIND_NO_ROW ||
        (bound_here(b, row, &b->port[port]) && !bound_here(b, row, &b->port[b->best[row]]))) {
        b->best[row] = port;
    }
}

static void choose_ports(struct bind *b)
{
    const struct vhost *suffixed = suffix_vhost(b);
    char stem[26];

    memset(b->best, 0xff, sizeof b->best);
    if (suffixed) {
        b->adopted = choose_switch(b, suffixed);
    }
    for (unsigned i = 0; i < b->n_ports; i++) {
        const struct port_row *p = &b->port[i];
        uint32_t taken = BIND_NO_ROW;

        if (!live(p)) {
            continue;
        }
        offer(b, find_number(b, p->dpid, p->port), i, &taken);
        offer(b, find_name(b, p->name), i, &taken);
        if (suffixed && p->dpid == b->adopted) {
            offer(b, find_suffix(suffixed, p->name, stem), i, &taken);
        }
    }
}

static void read_ports(struct bind *b)
{
    unsigned used = board_used(b->ports);

    b->torn = false;
    b->n_ports = used < BIND_PORTS ? used : BIND_PORTS;
    for (unsigned i = 0; i < b->n_ports; i++) {
        struct port_row p;

        if (board_get(b->ports, i, &p)) {
            p.name[sizeof p.name - 1] = '\0';
            b->port[i] = p;
        } else {
            b->torn = true;
        }
    }
}

static void hash_put(struct bind *b, uint32_t row)
{
    const struct interface_row *r = &b->entry[row].row;
    uint32_t i = bind_hash(r->dpid, r->port);

    while (b->slot[i].row != BIND_NO_ROW) {
        i = (i + 1) & (BIND_HASH - 1);
    }
    b->slot[i] = (struct bind_slot){r->dpid, r->port, row};
}

/* An interface that is away gives up its port to the one that has that port now: two rows for one
 * port would make the way up ambiguous. */
static void fill_hash(struct bind *b)
{
    for (unsigned i = 0; i < BIND_HASH; i++) {
        b->slot[i].row = BIND_NO_ROW;
    }
    for (uint32_t row = 0; row < VHOST_ROWS; row++) {
        if (b->entry[row].present && bind_at(b, row)) {
            hash_put(b, row);
        }
    }
    for (uint32_t row = 0; row < VHOST_ROWS; row++) {
        struct bind_entry *e = &b->entry[row];

        if (!e->present && bind_at(b, row)) {
            if (bind_row(b, e->row.dpid, e->row.port) == BIND_NO_ROW) {
                hash_put(b, row);
            } else {
                e->row.known = 0;
            }
        }
    }
}

static struct interface_row row_now(const struct bind *b, uint32_t row)
{
    struct interface_row r = b->entry[row].row;
    const struct port_row *p;

    if (b->best[row] == BIND_NO_ROW) {
        r.up = 0;
        return r;
    }
    p = &b->port[b->best[row]];
    r.dpid = p->dpid;
    r.port = p->port;
    memcpy(r.mac, p->mac, sizeof r.mac);
    r.known = 1;
    r.up = p->state == PORT_UP;
    r.speed = p->speed;
    return r;
}

static bool row_changed(const struct bind *b, uint32_t row)
{
    return memcmp(&b->old[row], &b->entry[row].row, sizeof b->old[row]) != 0;
}

static void put_changed(struct bind *b)
{
    bool any = false;

    for (uint32_t row = 0; row < VHOST_ROWS; row++) {
        if (row_changed(b, row)) {
            board_put(b->interfaces, row, &b->entry[row].row);
            any = true;
        }
    }
    if (any) {
        board_publish(b->interfaces);
    }
}

static void tell_changed(struct bind *b)
{
    bool any = false;

    for (uint32_t row = 0; row < VHOST_ROWS; row++) {
        if (b->was_present[row] != b->entry[row].present || row_changed(b, row)) {
            any = true;
            b->events.changed(b->events.context, row, &b->old[row]);
        }
    }
    if (any) {
        b->events.done(b->events.context);
    }
}

void bind_update(struct bind *b)
{
    read_ports(b);
    choose_ports(b);
    for (uint32_t row = 0; row < VHOST_ROWS; row++) {
        struct bind_entry *e = &b->entry[row];

        b->old[row] = e->row;
        b->was_present[row] = e->present;
        if (e->spec) {
            e->row = row_now(b, row);
            e->present = b->best[row] != BIND_NO_ROW;
        }
    }
    fill_hash(b);
    put_changed(b);
    tell_changed(b);
}

bool bind_any_port(const struct bind *b)
{
    for (unsigned i = 0; i < b->n_ports; i++) {
        if (live(&b->port[i])) {
            return true;
        }
    }
    return false;
}

bool bind_complete(const struct bind *b, const struct vhost *h, bool now, char *missing,
                   size_t size)
{
    bool complete = true;
    size_t n = 0;

    missing[0] = '\0';
    for (unsigned i = 0; i < h->n_interfaces; i++) {
        const struct bind_entry *e = &b->entry[h->interface[i].row];

        if (!e->row.known || (now && !e->present)) {
            complete = false;
            if (n < size) {
                n += (size_t)snprintf(missing + n, size - n, "%s%s", n ? " " : "", e->row.name);
            }
        }
    }
    return complete;
}

/* ---- rows at start ------------------------------------------------------------------------- */

/* The row that a predecessor gave to (vhost, name), else a fresh one. */
static uint32_t find_row(const struct bind *b, const char *vhost, const char *name)
{
    uint32_t fresh = BIND_NO_ROW;

    for (uint32_t row = 0; row < VHOST_ROWS; row++) {
        const struct interface_row *r = &b->entry[row].row;

        if (strcmp(r->vhost, vhost) == 0 && strcmp(r->name, name) == 0) {
            return row;
        }
        if (fresh == BIND_NO_ROW && !r->vhost[0]) {
            fresh = row;
        }
    }
    return fresh;
}

static bool configured(const struct vhosts *v, const struct interface_row *r)
{
    for (unsigned n = 0; n < v->n; n++) {
        for (unsigned i = 0; strcmp(v->list[n].name, r->vhost) == 0 && i < v->list[n].n_interfaces;
             i++) {
            if (strcmp(v->list[n].interface[i].name, r->name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* When no row is free: those of former interfaces, or of a predecessor out of its mind, are. */
static void forget_strangers(struct bind *b)
{
    static const struct interface_row empty;

    for (uint32_t row = 0; row < VHOST_ROWS; row++) {
        if (!b->entry[row].spec && !configured(b->vhosts, &b->entry[row].row)) {
            b->entry[row].row = empty;
            board_put(b->interfaces, row, &empty);
        }
    }
    log_warn("no row was free in INTERFACES: those of interfaces that are not configured are used");
}

static void claim_row(struct bind *b, uint32_t row, unsigned vhost, struct vhost_interface *f)
{
    struct bind_entry *e = &b->entry[row];

    e->spec = f;
    e->vhost = (uint16_t)vhost;
    f->row = row;
    if (!e->row.vhost[0]) {
        snprintf(e->row.vhost, sizeof e->row.vhost, "%s", b->vhosts->list[vhost].name);
        memcpy(e->row.name, f->name, sizeof e->row.name);
    }
    if (e->row.known && f->match == VHOST_BY_SUFFIX) {
        b->adopted = e->row.dpid;
    }
    e->row.ip = f->ip;
    e->row.mask = f->mask;
    if (f->match == VHOST_BY_NAME) {
        b->by_name[b->n_by_name++] = (struct bind_name){f, row};
    } else if (f->match == VHOST_BY_NUMBER) {
        b->by_number[b->n_by_number++] = (struct bind_name){f, row};
    }
}

static void peek_rows(struct bind *b)
{
    for (uint32_t row = 0; row < VHOST_ROWS; row++) {
        struct interface_row *r = &b->entry[row].row;

        board_peek(b->interfaces, row, r);
        board_text(r->vhost, sizeof r->vhost);
        board_text(r->name, sizeof r->name);
    }
}

/* Rows of interfaces that are no longer configured keep their names only. */
static void put_rows(struct bind *b)
{
    for (uint32_t row = 0; row < VHOST_ROWS; row++) {
        struct bind_entry *e = &b->entry[row];

        if (!e->row.vhost[0]) {
            continue;
        }
        if (!e->spec) {
            struct interface_row r = {0};

            memcpy(r.vhost, e->row.vhost, sizeof r.vhost);
            memcpy(r.name, e->row.name, sizeof r.name);
            e->row = r;
        }
        board_put(b->interfaces, row, &e->row);
    }
    board_publish(b->interfaces);
}

int bind_open(struct bind *b, struct vhosts *v, struct board_reader *ports,
              struct board_writer *interfaces, const struct bind_events *events, char *why,
              size_t why_size)
{
    b->vhosts = v;
    b->ports = ports;
    b->interfaces = interfaces;
    b->events = *events;
    peek_rows(b);
    for (unsigned n = 0; n < v->n; n++) {
        for (unsigned i = 0; i < v->list[n].n_interfaces; i++) {
            struct vhost_interface *f = &v->list[n].interface[i];
            uint32_t row = find_row(b, v->list[n].name, f->name);

            if (row == BIND_NO_ROW) {
                forget_strangers(b);
                row = find_row(b, v->list[n].name, f->name);
            }
            if (row == BIND_NO_ROW) {
                snprintf(why, why_size,
                         "no row is left for interface %s of virtual host %s: stop the stack and "
                         "remove its run directory, which still holds the names of former ones",
                         f->name, v->list[n].name);
                return -ENOSPC;
            }
            claim_row(b, row, n, f);
        }
    }
    qsort(b->by_name, b->n_by_name, sizeof b->by_name[0], order_name);
    qsort(b->by_number, b->n_by_number, sizeof b->by_number[0], order_number);
    fill_hash(b);
    put_rows(b);
    return 0;
}
