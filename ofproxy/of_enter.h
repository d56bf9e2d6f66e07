/* ofproxy/of_enter.h - from a connected socket to a connection: with ssl:, a handshake lies
 * between.
 *
 * A handshake that is not over within handshake-timeout ends.  Few of them go on in one turn of the
 * loop, since each costs about a millisecond: a thousand switches that come at once do not keep the
 * frames of others waiting. */
#ifndef OFPROXY_OF_ENTER_H
#define OFPROXY_OF_ENTER_H

#include "common/endpoint.h"
#include "common/loop.h"

struct ofproxy;
struct of_dial;
struct ssl_st;

/* A handshake under way. */
struct of_shake {
    struct loop_fd fd; /* first; fd.fd < 0: free */
    struct ofproxy *proxy;
    struct of_dial *dial; /* whose attempt it is, or NULL: the switch came to us */
    struct ssl_st *ssl;
    uint64_t due_ns;
    char peer[ENDPOINT_TEXT];
    struct of_shake *next_free;
};

/* Takes over 'fd', for good or ill: a refusal is logged (or told to 'dial'), and closes it. */
void of_enter(struct ofproxy *p, int fd, enum endpoint_kind kind, const char *peer,
              struct of_dial *dial);
/* Tables for as many handshakes as connections; only with p->tls. */
void of_enter_open(struct ofproxy *p);
void of_enter_tick(struct ofproxy *p, uint64_t now_ns);
void of_enter_close(struct ofproxy *p);

#endif
