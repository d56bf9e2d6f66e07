/* router/commands.h - the router's methods on its control socket.
 *
 *   routes      [{"destination": "10.0.1.100/32", "gateway": "10.0.1.100", "interface": "eth3",
 *                 "state": "ok" | "interface down" | "no such interface"}, ...]
 *   route.add   {"destination": "10.0.0.0/8", "gateway": "10.0.1.100", "interface": "eth3"} -> the
 * route
 *               ("gateway" may be left out: directly connected)
 *   route.del   {"destination": "10.0.0.0/8"} -> {"deleted": "10.0.0.0/8"}
 *   arp         [{"address", "mac", "interface", "age_s", "state": "reachable" | "resolving",
 * "held"}] arp.del     {"address": "10.0.1.100", "interface": "eth3"} -> {"deleted": 1}
 * ("interface" may be left out: on all) arp.flush   {} -> {"deleted": n} interfaces  [{"name",
 * "row", "mac", "address", "mask", "up", "speed_mbps"}] status      {"vhost", "transport", "state",
 * "text", "interfaces", "interfaces_up", "routes", "neighbours", "held"} */
#ifndef ROUTER_COMMANDS_H
#define ROUTER_COMMANDS_H

#include "common/control.h"

struct keeper;

/* The table for control_open; made for one keeper, which must outlive the server. */
const struct control_method *commands(struct keeper *k);

#endif
