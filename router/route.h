/* router/route.h - one route, as the routing table file, the FIB and the operator see it. */
#ifndef ROUTER_ROUTE_H
#define ROUTER_ROUTE_H

#include <stdint.h>

#define ROUTE_NO_IFACE UINT32_MAX

/* Addresses in host byte order.  gateway 0: the destination itself is the next hop.  'iface' is the
 * row of the interfaces table that 'name' has now, or ROUTE_NO_IFACE while there is no such
 * interface, or it is down: the route is then kept, and not used. */
struct route {
    uint32_t dest, mask_len, gateway;
    uint32_t iface;
    char name[16];
};

#endif
