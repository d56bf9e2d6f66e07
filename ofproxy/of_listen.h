/* ofproxy/of_listen.h - listening sockets, and accepting switches.
 *
 * Words as in common/endpoint.h, or "none".  A Unix socket is made with mode 0660, before root is
 * given up: who may connect is root (as Open vSwitch) and the group of whoever started ofproxy.  In
 * the sandbox it cannot be removed again; the next ofproxy finds that nobody listens on it, and
 * replaces it. */
#ifndef OFPROXY_OF_LISTEN_H
#define OFPROXY_OF_LISTEN_H

#include "common/endpoint.h"
#include "common/loop.h"

#define OF_LISTENERS 8

struct ofproxy;

struct of_listener {
    struct loop_fd fd; /* first */
    struct ofproxy *proxy;
    struct endpoint at;
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
