/* router/iface.c - rows, and a hash of the router's own addresses. */
#include "router/iface.h"

#include <stdio.h>
#include <string.h>

#include "common/proto/pkt.h"

static uint32_t bucket(uint32_t ip)
{
    return (ip * 2654435761u) >> 16 & (IFACE_HASH - 1);
}

/* Changes are rare, and there are at most IFACES addresses in twice as many places. */
static void rebuild(struct ifaces *t)
{
    memset(t->owner, 0, sizeof t->owner);
    t->n_up = 0;
    for (uint32_t i = 0; i < t->used; i++) {
        uint32_t at = bucket(t->row[i].ip);

        if (!t->row[i].present) {
            continue;
        }
        t->n_up += t->row[i].up;
        while (t->owner[at] != 0) {
            at = (at + 1) & (IFACE_HASH - 1);
        }
        t->owner[at] = (uint16_t)(i + 1);
    }
}

bool iface_put(struct ifaces *t, uint32_t row, const struct iface *now)
{
    if (row >= IFACES || memcmp(&t->row[row], now, sizeof *now) == 0) {
        return false;
    }
    t->row[row] = *now;
    if (row >= t->used) {
        t->used = row + 1;
    }
    rebuild(t);
    return true;
}

bool iface_moved(const struct iface *was, const struct iface *now)
{
    return was->present && was->up && now->present && now->up &&
           (was->dpid != now->dpid || was->port != now->port);
}

const struct iface *iface_at(const struct ifaces *t, uint32_t row)
{
    return row < t->used && t->row[row].present ? &t->row[row] : NULL;
}

uint32_t iface_of_ip(const struct ifaces *t, uint32_t ip)
{
    for (uint32_t at = bucket(ip); t->owner[at] != 0; at = (at + 1) & (IFACE_HASH - 1)) {
        uint32_t row = t->owner[at] - 1u;

        if (t->row[row].ip == ip) {
            return row;
        }
    }
    return IFACE_NONE;
}

uint32_t iface_of_name(const struct ifaces *t, const char *name)
{
    for (uint32_t i = 0; i < t->used; i++) {
        if (t->row[i].present && strncmp(t->row[i].name, name, sizeof t->row[i].name) == 0) {
            return i;
        }
    }
    return IFACE_NONE;
}

bool iface_is_broadcast(const struct ifaces *t, uint32_t ip)
{
    for (uint32_t i = 0; i < t->used; i++) {
        uint32_t host = ~t->row[i].mask;

        /* RFC 3021: a /31 has no broadcast address, and a /32 no subnet */
        if (t->row[i].present && host > 1 && (ip & host) == host &&
            ((ip ^ t->row[i].ip) & t->row[i].mask) == 0) {
            return true;
        }
    }
    return false;
}

const char *iface_print(const struct ifaces *t, char *text, size_t size)
{
    size_t at = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < t->used && at < size; i++) {
        char ip[PKT_IP_TEXT];

        if (t->row[i].present) {
            at += (size_t)snprintf(text + at, size - at, "%s%.16s %s%s", at ? ", " : "",
                                   t->row[i].name, pkt_ip_text(ip, t->row[i].ip),
                                   t->row[i].up ? "" : " down");
        }
    }
    return text;
}
