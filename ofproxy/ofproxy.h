/* ofproxy/ofproxy.h - what one ofproxy consists of.
 *
 *     switch ──bytes──> of_conn.c ──message──> on_NAME ──> packet_in.c ──PKT_IN──> vnsbridge
 *     switch <──writev── of_out.c <── packet_out.c <──────────────────── PKT_OUT ──┘
 *
 *     ofproxy_open(&p, &config, run_dir);       all that a restart finds again, and empty tables
 *     ofproxy_tls(&p, &tls);                    where a word says ssl:
 *     of_listen(&p, words); of_dial_open(...)   of_listen.h, of_dial.h
 *     while (loop_running(&p.loop)) { ofproxy_turn(&p); }
 *     ofproxy_close(&p);
 *
 * One thread; the control thread sees only what status.h copies for it.  Every table is allocated
 * by ofproxy_open, up to the limits of the configuration. */
#ifndef OFPROXY_OFPROXY_H
#define OFPROXY_OFPROXY_H

#include <stdint.h>
#include <sys/socket.h>

#include "common/config.h"
#include "common/counter.h"
#include "common/loop.h"
#include "ofproxy/ingress.h"
#include "ofproxy/intake.h"
#include "ofproxy/of_dial.h"
#include "ofproxy/of_dialect.h"
#include "ofproxy/of_enter.h"
#include "ofproxy/of_listen.h"
#include "ofproxy/packet_out.h"
#include "ofproxy/ports.h"
#include "shm/lane.h"
#include "shm/topo.h"
#include "shm/wait.h"

struct of_conn;
struct ovsdb_client;
struct status;
struct tls;
struct view;

/* Marks of counter_apply: up to where predecessors have counted. */
/* A position of PKT_OUT; a frame's number; the epoch of our flows (of_flows.h). */
enum { MARK_PKT_OUT, MARK_GIVEN_UP, MARK_EPOCH };

/* Lines that a peer can cause are bounded: a burst, then so many a second (peer_log). */
struct peer_budget {
    uint64_t at_ns;
    unsigned lines, left_out;
};

struct ofproxy {
    struct topo topo;
    struct loop loop;
    struct waiter waiter;
    struct ring_tx pkt_in;
    struct ring_rx pkt_out;
    struct lane vnsbridge;
    struct arena arena;
    struct mirror_writer mirror;
    struct measure_writer latency;
    struct intake intake;
    struct ports ports;
    struct ingress ingress;
    struct packet_out out;
    struct of_listener listeners[OF_LISTENERS];
    unsigned n_listeners;
    int spare_fd; /* given up for a moment when descriptors run out, to refuse politely */
    bool wanting; /* they have run out, and that was said */

    struct of_dial dials[OF_DIALS];
    unsigned n_dials;
    struct tls *tls; /* NULL: no word says ssl: */
    struct of_shake *shakes, *free_shake;
    uint64_t shake_turn_ns; /* in which shake_steps were made */
    unsigned shake_steps;
    uint8_t *records; /* of TLS connections (stream.h) */
    struct loop_timer more;

    struct of_conn *conns; /* max_conns of them */
    uint8_t *out_memory;   /* their out buffers; pages are used only by switches that read slowly */
    unsigned max_conns, n_conns, n_switches;
    struct of_conn *free, *dirty;
    struct of_conn *by_dpid[1024];
    uint64_t sessions; /* connections numbered so far */
    uint64_t echo_ns, handshake_ns;
    unsigned versions;      /* offered, as bits */
    enum of_role role;      /* asked for */
    uint64_t generation;    /* of the role */
    uint32_t epoch, newest; /* of our flows; the newest seen on a switch */
    unsigned raised;        /* so often the epoch was, for a newer one */
    uint64_t started_ns;
    unsigned meter_rate;       /* frames a second, 0: no meter in the switch */
    uint32_t packet_in_format; /* 0: the version's own */
    uint16_t controller_id;
    struct loop_timer tick;
    bool changed; /* switches came or went since the last status */

    struct counter_tally tally; /* of what was received, or settled, and is not applied yet */
    uint64_t seq;               /* of the last frame */
    unsigned work;              /* frames received in this turn */
    struct peer_budget budget;
    struct status *status;
    struct ovsdb_client *ovsdb;         /* NULL: none */
    struct view *view;                  /* view.h */
    const char *listening, *connecting; /* the words of the configuration */
    /* sendmsg; tests look here at what leaves, and from where */
    ssize_t (*send)(int fd, const struct msghdr *m, int flags);
};

void ofproxy_open(struct ofproxy *p, const struct config *c, const char *run_dir);
/* From now on ssl: can be served; 'tls' stays the caller's. */
void ofproxy_tls(struct ofproxy *p, struct tls *tls);
/* Sends what PKT_OUT has, then waits for more (shm/wait.h). */
void ofproxy_turn(struct ofproxy *p);
void ofproxy_close(struct ofproxy *p);

/* A line about a peer; past the budget it is counted, not written. */
void peer_log(struct ofproxy *p, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
