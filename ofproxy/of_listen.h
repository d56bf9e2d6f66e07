/* ofproxy/of_listen.h - listening sockets, and accepting switches.
 *
 * "tcp:PORT" listens on all addresses of IPv4 and IPv6, "tcp:PORT:ADDRESS" on one (an IPv6 address
 * in brackets). */
#ifndef OFPROXY_OF_LISTEN_H
#define OFPROXY_OF_LISTEN_H

#include "common/loop.h"

#define OF_LISTENERS 8

struct ofproxy;

struct of_listener {
    struct loop_fd fd;
    struct ofproxy *proxy;
};

/* Opens every listener of 'words' (blank-separated).  A mistake, or a port in use, is a failure at
 * start: die() with the cause and the cure. */
void of_listen(struct ofproxy *p, const char *words);
/* Looks at the words only: a mistake among them is die_usage(). */
void of_listen_check(const char *words);
/* A few times a second: listens again after a moment without any descriptor. */
void of_listen_tick(struct ofproxy *p);
void of_listen_close(struct ofproxy *p);

#endif
