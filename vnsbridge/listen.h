/* vnsbridge/listen.h - the TCP listener: "tcp:PORT", "tcp:PORT:ADDRESS" (IPv6 in brackets), "none".
 *
 * Without an address it takes IPv4 and IPv6 both. */
#ifndef VNSBRIDGE_LISTEN_H
#define VNSBRIDGE_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/loop.h"

struct bridge;

struct listener {
    struct loop_fd fd;       /* fd -1: none */
    struct loop_timer again; /* set while no descriptor was free for a new client */
    struct bridge *bridge;
};

/* Is it such a word?  If not, one sentence in 'why'. */
bool listen_check(const char *where, char *why, size_t why_size);
/* Opens it and adds it to b->loop.  Returns 0, or -errno with one sentence, cause and cure, in
 * 'why'. */
int listen_open(struct bridge *b, const char *where, char *why, size_t why_size);
void listen_close(struct bridge *b);
/* The TCP port that it got (for "tcp:0"); 0 when there is none. */
unsigned listen_port(const struct listener *l);

#endif
