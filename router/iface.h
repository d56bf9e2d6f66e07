/* router/iface.h - the router's interfaces, by row.
 *
 * A row keeps its name for as long as the router lives (over the ring: for the life of the run
 * directory).  The packet thread owns the table; the control thread has a copy of its own, which
 * the packet thread's messages keep up to date. */
#ifndef ROUTER_IFACE_H
#define ROUTER_IFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IFACES 1024 /* rows */
#define IFACE_NONE UINT32_MAX
#define IFACE_MTU 1500 /* bytes of IP packet that every interface takes */

struct iface {
    char name[16];
    uint8_t mac[6];
    uint8_t present; /* the row is an interface of this router */
    uint8_t up;
    uint64_t dpid; /* the wire that it is on: switch and port; 0 over TCP, where nobody says */
    uint32_t port;
    uint32_t ip, mask; /* host byte order */
    uint32_t speed;    /* Mbit/s, 0 unknown */
};
_Static_assert(sizeof(struct iface) == 48, "no padding: rows are compared as bytes");

#define IFACE_HASH (2 * IFACES)

struct ifaces {
    struct iface row[IFACES];
    uint32_t used;              /* highest row that was ever present, plus one */
    uint32_t n_up;              /* present and up */
    uint16_t owner[IFACE_HASH]; /* row + 1 by hash of its address; 0: free */
};

/* Puts a row.  Returns true if it differs from what was there. */
bool iface_put(struct ifaces *t, uint32_t row, const struct iface *now);
/* Was up and is up, but on another wire: whoever was heard on the old one need not be there. */
bool iface_moved(const struct iface *was, const struct iface *now);
/* The row that is present, or NULL. */
const struct iface *iface_at(const struct ifaces *t, uint32_t row);
/* The row that has this address, or IFACE_NONE.  Rows that are down count: the router still owns
 * their addresses. */
uint32_t iface_of_ip(const struct ifaces *t, uint32_t ip);
uint32_t iface_of_name(const struct ifaces *t, const char *name);
/* 'ip' is the broadcast address of a connected subnet of 30 bits or less (RFC 919). */
bool iface_is_broadcast(const struct ifaces *t, uint32_t ip);
/* "eth1 192.168.2.1 up, eth2 ..." for people, cut at 'size'. */
const char *iface_print(const struct ifaces *t, char *text, size_t size);

#endif
