/* router/commands.c - methods; each runs in the control socket's thread, under the keeper's lock.
 */
#include "router/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/proto/pkt.h"
#include "router/hold.h"
#include "router/keeper.h"
#include "shm/role.h"

/* ---- reading parameters ------------------------------------------------------------------- */

static bool parse_prefix(const char *text, uint32_t *dest, uint32_t *len)
{
    char address[PKT_IP_TEXT], *end;
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    unsigned long l = 32;

    if (n >= sizeof address) {
        return false;
    }
    memcpy(address, text, n);
    address[n] = '\0';
    if (slash) {
        if (slash[1] < '0' || slash[1] > '9') {
            return false;
        }
        l = strtoul(slash + 1, &end, 10);
        if (*end != '\0' || l > 32) {
            return false;
        }
    }
    *len = (uint32_t)l;
    return pkt_ip_parse(address, dest);
}

static bool get_destination(json_t *params, struct route *r, char *why, size_t why_size)
{
    const char *text = json_string_value(json_object_get(params, "destination"));
    uint32_t mask;

    if (!text || !parse_prefix(text, &r->dest, &r->mask_len)) {
        snprintf(why, why_size, "destination '%s' is not a prefix: give it as 10.0.0.0/8",
                 text ? text : "");
        return false;
    }
    mask = r->mask_len ? UINT32_MAX << (32 - r->mask_len) : 0;
    if ((r->dest & ~mask) != 0) {
        snprintf(why, why_size,
                 "destination '%s' has bits set beyond its /%u: clear them, or give "
                 "a longer prefix",
                 text, r->mask_len);
        return false;
    }
    return true;
}

static bool get_route(json_t *params, struct route *r, char *why, size_t why_size)
{
    json_t *gateway = json_object_get(params, "gateway");
    const char *name = json_string_value(json_object_get(params, "interface"));

    if (!get_destination(params, r, why, why_size)) {
        return false;
    }
    if (gateway &&
        (!json_is_string(gateway) || !pkt_ip_parse(json_string_value(gateway), &r->gateway))) {
        snprintf(why, why_size, "gateway '%s' is not an address: give it as 10.0.1.100",
                 json_is_string(gateway) ? json_string_value(gateway) : "");
        return false;
    }
    if (!name || name[0] == '\0' || strlen(name) >= sizeof r->name) {
        snprintf(why, why_size, "interface '%s' is not a name of 1 to %zu characters, as eth1",
                 name ? name : "", sizeof r->name - 1);
        return false;
    }
    snprintf(r->name, sizeof r->name, "%s", name);
    return true;
}

/* ---- routes ------------------------------------------------------------------------------- */

static void print_prefix(char *text, size_t size, const struct route *r)
{
    char ip[PKT_IP_TEXT];

    snprintf(text, size, "%s/%u", pkt_ip_text(ip, r->dest), r->mask_len);
}

static json_t *route_json(const struct keeper *k, const struct route *r)
{
    char dest[24], gateway[PKT_IP_TEXT];

    print_prefix(dest, sizeof dest, r);
    return json_pack("{s:s, s:s, s:s, s:s}", "destination", dest, "gateway",
                     pkt_ip_text(gateway, r->gateway), "interface", r->name, "state",
                     keeper_route_state(k, r));
}

static json_t *routes(struct keeper *k, json_t *params, char *why, size_t why_size)
{
    size_t n = fib_count(k->fib);
    struct route *all = calloc(n ? n : 1, sizeof *all);
    json_t *list = json_array();

    (void)params;
    if (!all) {
        snprintf(why, why_size, "no memory for a list of %zu routes", n);
        json_decref(list);
        return NULL;
    }
    n = fib_list(k->fib, all, n);
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(list, route_json(k, &all[i]));
    }
    free(all);
    return list;
}

static json_t *route_add(struct keeper *k, json_t *params, char *why, size_t why_size)
{
    struct route r = {.iface = ROUTE_NO_IFACE};
    uint32_t row;
    int err;

    if (!get_route(params, &r, why, why_size)) {
        return NULL;
    }
    row = iface_of_name(&k->ifaces, r.name);
    if (row != IFACE_NONE && k->ifaces.row[row].up) {
        r.iface = row;
    }
    err = fib_add(k->fib, &r);
    if (err != 0) {
        snprintf(why, why_size, "the route was not added: %s",
                 err == -ENOSPC ? "the table is full" : strerror(-err));
        return NULL;
    }
    return route_json(k, &r);
}

static json_t *route_del(struct keeper *k, json_t *params, char *why, size_t why_size)
{
    struct route r = {0};
    char dest[24];
    int err;

    if (!get_destination(params, &r, why, why_size)) {
        return NULL;
    }
    print_prefix(dest, sizeof dest, &r);
    err = fib_del(k->fib, r.dest, r.mask_len);
    if (err != 0) {
        snprintf(why, why_size,
                 err == -ENOENT ? "there is no route %s: see causeway show routes"
                                : "route %s could not be deleted now: try again",
                 dest);
        return NULL;
    }
    return json_pack("{s:s}", "deleted", dest);
}

/* ---- neighbours --------------------------------------------------------------------------- */

static json_t *neighbour_json(const struct keeper *k, const struct neigh_entry *e, uint64_t now)
{
    uint64_t since = e->node ? e->node->heard_ns : e->since_ns;
    char ip[PKT_IP_TEXT], mac[PKT_MAC_TEXT] = "";

    if (e->node) {
        pkt_mac_text(mac, e->node->mac);
    }
    return json_pack("{s:s, s:s, s:s, s:I, s:s, s:i}", "address", pkt_ip_text(ip, e->ip), "mac",
                     mac, "interface", k->ifaces.row[e->iface].name, "age_s",
                     (json_int_t)(now > since ? (now - since) / NEIGH_SECOND : 0), "state",
                     e->state == NEIGH_REACHABLE ? "reachable" : "resolving", "held",
                     (int)hold_count(k->hold, e->ip, e->iface));
}

static json_t *arp(struct keeper *k, json_t *params, char *why, size_t why_size)
{
    json_t *list = json_array();
    uint64_t now = loop_now_ns();

    (void)params, (void)why, (void)why_size;
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        if (k->neigh.entry[i].state != NEIGH_FREE) {
            json_array_append_new(list, neighbour_json(k, &k->neigh.entry[i], now));
        }
    }
    return list;
}

/* Forgotten entries leave now, not at the next timer. */
static json_t *deleted(struct keeper *k, unsigned n)
{
    neigh_pass(&k->neigh, loop_now_ns());
    return json_pack("{s:i}", "deleted", (int)n);
}

static json_t *arp_del(struct keeper *k, json_t *params, char *why, size_t why_size)
{
    const char *address = json_string_value(json_object_get(params, "address"));
    const char *name = json_string_value(json_object_get(params, "interface"));
    unsigned n = 0;
    uint32_t ip;

    if (!address || !pkt_ip_parse(address, &ip)) {
        snprintf(why, why_size, "address '%s' is not an address: give it as 10.0.1.100",
                 address ? address : "");
        return NULL;
    }
    for (uint32_t row = 0; row < k->ifaces.used; row++) {
        if (!name || strncmp(name, k->ifaces.row[row].name, sizeof k->ifaces.row[row].name) == 0) {
            n += neigh_forget(&k->neigh, ip, row);
        }
    }
    if (n == 0) {
        snprintf(why, why_size, "there is no neighbour %s%s%s: see causeway show arp", address,
                 name ? " at " : "", name ? name : "");
        return NULL;
    }
    return deleted(k, n);
}

static json_t *arp_flush(struct keeper *k, json_t *params, char *why, size_t why_size)
{
    (void)params, (void)why, (void)why_size;
    return deleted(k, neigh_flush(&k->neigh, IFACE_NONE));
}

/* ---- interfaces, status ------------------------------------------------------------------- */

static json_t *interfaces(struct keeper *k, json_t *params, char *why, size_t why_size)
{
    json_t *list = json_array();

    (void)params, (void)why, (void)why_size;
    for (uint32_t row = 0; row < k->ifaces.used; row++) {
        const struct iface *i = &k->ifaces.row[row];
        char mac[PKT_MAC_TEXT], ip[PKT_IP_TEXT], mask[PKT_IP_TEXT];

        if (i->present) {
            json_array_append_new(
                list, json_pack("{s:s, s:i, s:s, s:s, s:s, s:b, s:i}", "name", i->name, "row",
                                (int)row, "mac", pkt_mac_text(mac, i->mac), "address",
                                pkt_ip_text(ip, i->ip), "mask", pkt_ip_text(mask, i->mask), "up",
                                i->up, "speed_mbps", (int)i->speed));
        }
    }
    return list;
}

static unsigned count_held(const struct keeper *k)
{
    unsigned n = 0;

    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        if (k->neigh.entry[i].state != NEIGH_FREE) {
            n += hold_count(k->hold, k->neigh.entry[i].ip, k->neigh.entry[i].iface);
        }
    }
    return n;
}

static json_t *status(struct keeper *k, json_t *params, char *why, size_t why_size)
{
    struct role_row row = {0};
    unsigned present = 0, neighbours = 0;

    (void)params, (void)why, (void)why_size;
    role_read(&k->role, &row);
    for (uint32_t i = 0; i < k->ifaces.used; i++) {
        present += k->ifaces.row[i].present;
    }
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        neighbours += k->neigh.entry[i].state != NEIGH_FREE;
    }
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:i, s:i}", "vhost", k->vhost, "transport",
        k->transport, "state", role_state_name((enum role_state)row.state), "text", row.text,
        "interfaces", (int)present, "interfaces_up", (int)k->ifaces.n_up, "routes",
        (json_int_t)fib_count(k->fib), "neighbours", (int)neighbours, "held", (int)count_held(k));
}

/* ---- the table ---------------------------------------------------------------------------- */

/* Each method as control.h wants it: the same under the lock. */
#define METHOD(name)                                                                               \
    static json_t *on_##name(void *context, json_t *params, char *why, size_t why_size)            \
    {                                                                                              \
        struct keeper *k = context;                                                                \
        json_t *result;                                                                            \
                                                                                                   \
        pthread_mutex_lock(&k->lock);                                                              \
        result = name(k, params, why, why_size);                                                   \
        pthread_mutex_unlock(&k->lock);                                                            \
        return result;                                                                             \
    }
METHOD(routes)
METHOD(route_add)
METHOD(route_del)
METHOD(arp)
METHOD(arp_del)
METHOD(arp_flush)
METHOD(interfaces)
METHOD(status)

const struct control_method *commands(struct keeper *k)
{
    static struct control_method table[] = {{"routes", on_routes, NULL},
                                            {"route.add", on_route_add, NULL},
                                            {"route.del", on_route_del, NULL},
                                            {"arp", on_arp, NULL},
                                            {"arp.del", on_arp_del, NULL},
                                            {"arp.flush", on_arp_flush, NULL},
                                            {"interfaces", on_interfaces, NULL},
                                            {"status", on_status, NULL},
                                            {NULL, NULL, NULL}};

    for (struct control_method *m = table; m->name; m++) {
        m->context = k;
    }
    return table;
}
