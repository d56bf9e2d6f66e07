/* ofproxy/of_dial.h - connecting to switches that listen.
 *
 *     waiting > connecting > (TLS handshake) > connected      a session as any other follows
 *     any of these > waiting                                  it failed, or the session ended
 *
 * After a session that was ready the first attempt comes soon; each that fails makes the next wait
 * twice as long, up to a second for what is on this machine, up to eight for the rest, with chance
 * in it, so that those who were cut off together do not all come back at once.  The log has a line
 * for each new cause, not for each attempt; 'causeway show switches' has a row for each switch that
 * is not connected.
 *
 * OpenFlow does not care who connected: Open vSwitch takes such a controller for a "service", which
 * gets no PACKET_IN before it has sent SET_CONFIG with a miss_send_len. */
#ifndef OFPROXY_OF_DIAL_H
#define OFPROXY_OF_DIAL_H

#include "common/endpoint.h"
#include "common/loop.h"

#define OF_DIALS 32

struct ofproxy;
struct config;

enum dial_state { DIAL_WAITING, DIAL_CONNECTING, DIAL_CONNECTED };

struct of_dial {
    struct loop_fd fd; /* first; of the socket that is being connected, else fd.fd < 0 */
    struct ofproxy *proxy;
    struct endpoint to;
    char peer[ENDPOINT_TEXT];
    enum dial_state state;
    unsigned failures; /* in a row */
    struct loop_timer timer;
    char cause[200]; /* of the last failure; "" since it was ready */
    char said[200];  /* what was last logged, as 'cause' */
};

/* Looks at the words only: a mistake among them is die_usage().  Returns what they need of the
 * sandbox (common/sandbox.h). */
unsigned of_dial_check(const struct config *c);
/* Begins with every word of the setting. */
void of_dial_open(struct ofproxy *p, const struct config *c);
void of_dial_close(struct ofproxy *p);

/* How long to wait after so many failures in a row (1, 2, ...); 'chance' is any number. */
unsigned of_dial_wait_ms(unsigned failures, bool local, unsigned chance);
/* The attempt failed; 'why' is kept. */
void of_dial_failed(struct of_dial *d, const char *why);
void of_dial_connected(struct of_dial *d);
/* Its connection ended, which had been 'ready' or not. */
void of_dial_ended(struct of_dial *d, bool ready, const char *why);
/* Is it worth a line that a connection of 'd' (or of nobody: NULL) ends for this cause? */
bool of_dial_news(struct of_dial *d, const char *cause);
/* "waiting", "connecting" or "connected". */
const char *of_dial_state(const struct of_dial *d);

#endif
