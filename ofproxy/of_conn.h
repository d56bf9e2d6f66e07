/* ofproxy/of_conn.h - one switch's connection: receiving, cutting into messages, handing them to
 * their handlers, and its end.
 *
 *     accepted > HELLO > FEATURES > BARRIER > READY      of_session.c takes it from state to state
 *     FEATURES > CLAIM > FEATURES                        another connection has its datapath-id
 *     FEATURES > READY                                   an auxiliary connection (of_aux.c)
 *     any of these > CLOSING                             an ERROR is on its way; nothing is heard
 *
 * HELLO agrees on a version; from then on the connection has its dialect.
 *
 * Handlers never free the connection they are called for: a fault answers with an ERROR and leaves
 * it CLOSING (conn_fault), or leaves it doomed, to be closed by the next of_out_flush (conn_doom).
 */
#ifndef OFPROXY_OF_CONN_H
#define OFPROXY_OF_CONN_H

#include "common/endpoint.h"
#include "common/loop.h"
#include "common/proto/of10.h"
#include "common/proto/of13.h"
#include "ofproxy/intake.h"
#include "ofproxy/of_ask.h"
#include "ofproxy/of_dialect.h"
#include "ofproxy/of_flows.h"
#include "ofproxy/of_out.h"
#include "ofproxy/stream.h"

struct ofproxy;
struct of_dial;

enum conn_state {
    CONN_FREE,
    CONN_HELLO,
    CONN_FEATURES,
    CONN_BARRIER,
    CONN_CLAIM,
    CONN_READY,
    CONN_CLOSING
};

/* What a connection in CONN_CLAIM waits for (of_claim.c). */
struct of_claim {
    uint64_t dpid, since_ns;
    uint32_t reply_len;
    uint8_t reply[OF_ERROR_DATA]; /* its FEATURES_REPLY, cut: an ERROR quotes it */
};

/* What the switch says of itself (DESC statistics), cut. */
struct of_description {
    char manufacturer[48], hardware[48], software[48], serial[32], datapath[48];
};

struct of_conn {
    struct loop_fd fd; /* first */
    struct ofproxy *proxy;
    const struct of_dialect *dialect;
    enum conn_state state;
    char peer[ENDPOINT_TEXT];
    struct stream stream;
    struct of_dial *dial; /* who made it, when it was us */
    uint64_t session;     /* number of the connection */
    uint64_t dpid;
    bool known;             /* its features came: dpid is its own */
    unsigned n_tables;      /* of flows, as its features say */
    struct of_conn *main;   /* of an auxiliary connection; NULL: it is none */
    unsigned aux_id, n_aux; /* which one it is; how many it has */
    enum of_role role;
    bool role_stale;          /* the switch has seen a later generation; asked for it */
    bool ports_told, settled; /* on the way to READY: both are awaited */
    struct of_ask asks[ASK_MOST];
    struct of_sweep sweep;
    uint32_t xid, echo_xid;
    uint64_t opened_ns, heard_ns, asked_ns, close_ns;
    uint64_t rtt_ns, ready_time; /* ready_time: seconds since 1970 */
    unsigned unanswered;
    struct of_claim claim;
    struct intake_part part;
    unsigned port_row; /* of the port that the last frame came by */
    uint64_t errors;   /* ERRORs received; what the last one said, and when (seconds since 1970) */
    uint64_t error_time;
    char error[120];
    struct out_queue out;
    bool touched, paused, shut;
    const char *doomed; /* why, when it is */
    struct of_conn *next_dirty, *next_dpid, *next_free;
    uint64_t rx_messages, rx_bytes, tx_messages, tx_bytes;
    struct of_description description;
};

/* Takes over 'fd'.  Returns NULL (and leaves the descriptor) when there are enough connections. */
struct of_conn *conn_open(struct ofproxy *p, int fd, const char *peer);
/* Ends it at once and logs 'cause'; or what a receive or send with this errno failed for. */
void conn_close(struct of_conn *c, const char *cause);
void conn_close_for(struct of_conn *c, int err);
/* Answers with an ERROR that carries the beginning of the offending message, logs why, and closes
 * once that is sent. */
void conn_fault(struct of_conn *c, uint16_t type, uint16_t code, const void *offender, size_t len,
                const char *why);
/* The same for a version that cannot be agreed: HELLO_FAILED carries the text (5.5.1).  'theirs' is
 * the version of its HELLO: the ERROR is in the smaller of that and ours. */
void conn_hello_failed(struct of_conn *c, uint8_t theirs, const char *text);
/* Ends it with the next of_out_flush; 'cause' is a constant string. */
void conn_doom(struct of_conn *c, const char *cause);
/* Has something to send: the next of_out_flush looks at it. */
void conn_touch(struct of_conn *c);
/* Sets what epoll shall watch, and closes the sending side once a CLOSING one has sent all. */
void conn_watch(struct of_conn *c);
/* Sends a message of 'type' with a body. */
void conn_send(struct of_conn *c, uint8_t type, uint32_t xid, const void *body, size_t len);
void conn_send_error(struct of_conn *c, uint32_t xid, uint16_t type, uint16_t code,
                     const void *data, size_t len);
uint32_t conn_xid(struct of_conn *c);

/* The connection of a datapath, or NULL. */
struct of_conn *conn_find(const struct ofproxy *p, uint64_t dpid);
/* Makes 'dpid' the connection's own. */
void conn_know(struct of_conn *c, uint64_t dpid);
/* Has its peer closed it, unnoticed so far? */
bool conn_hung_up(const struct of_conn *c);
const char *conn_state_name(enum conn_state s);
/* "dpid=0x0000000000000001 peer=1.2.3.4:5", or the peer alone; valid until the next call. */
const char *conn_name(const struct of_conn *c);

/* of_hello.c: the versions that a word of the configuration allows, as bits (die_usage on a
 * mistake); our HELLO; and the dialect that both sides speak, or NULL and why not. */
unsigned hello_versions(const char *words);
void hello_send(struct of_conn *c);
const struct of_dialect *hello_agree(const struct of_conn *c, const struct of_msg *m, char *why,
                                     size_t size);

/* of_session.c: the connection was accepted; its FEATURES_REPLY came (false: no more is to be done
 * with it); its role is settled; the last step to READY; what time brings, a few times a second. */
void session_start(struct of_conn *c);
bool session_features(struct of_conn *c, const struct of_msg *m, uint64_t dpid, unsigned aux_id);
void session_configure(struct of_conn *c);
void session_ready(struct of_conn *c);
void session_tick(struct of_conn *c, uint64_t now_ns);
/* Asks for its features, after HELLO or a claim; asks whether it is alive. */
void session_ask(struct of_conn *c);
void session_echo(struct of_conn *c, uint64_t now_ns);
/* The body of a message. */
static inline struct wire_in session_body(const struct of_msg *m)
{
    return (struct wire_in){m->bytes + OF_HEADER, m->bytes + m->h.length, false};
}
/* BAD_REQUEST with this code, about a message. */
static inline void session_fault(struct of_conn *c, const struct of_msg *m, uint16_t code,
                                 const char *why)
{
    conn_fault(c, OF10_BAD_REQUEST, code, m->bytes, m->h.length, why);
}
/* An ERROR of the switch's that nobody had to expect: the last one is shown. */
void session_note_error(struct of_conn *c, uint16_t type, uint16_t code);
/* Text from a switch, made printable. */
void session_text(char *to, size_t size, const uint8_t *from, size_t len);

/* of_claim.c: makes 'dpid', named in the FEATURES_REPLY 'm', the connection's own.  False: another
 * has it, which is asked whether it lives; 'c' waits in CONN_CLAIM, and claim_tick ends that. */
bool claim_dpid(struct of_conn *c, const struct of_msg *m, uint64_t dpid);
void claim_tick(struct of_conn *c, uint64_t now_ns);

/* of_aux.c: ties an auxiliary connection to the main one of its datapath, or refuses it; and the
 * end of either: a main connection takes its auxiliary ones with it. */
#define AUX_MOST 8 /* to one main connection */
void aux_tie(struct of_conn *c, const struct of_msg *m, uint64_t dpid, unsigned aux_id);
void aux_gone(struct of_conn *c);

/* of_role.c: asks for the role of the configuration, and goes on with session_configure; an ERROR
 * that says that another controller is master now. */
int of_role_parse(const char *word); /* enum of_role, or -1 */
const char *of_role_name(enum of_role role);
void of_role_ask(struct of_conn *c);
void of_role_answered(struct of_conn *c, const struct of_answer *a, void *context); /* of_ask.h */
void of_role_taken(struct of_conn *c); /* another controller is master now */
bool of_role_lost(struct of_conn *c, const struct of_msg *m, uint16_t type, uint16_t code);

/* of_port.c: a port is there or has changed; or, by PORT_STATUS, was deleted. */
struct port_news;
void port_put(struct of_conn *c, const struct port_news *news);
void port_changed(struct of_conn *c, const struct port_news *news, bool deleted);
void port_name(char name[26], const uint8_t wire[16]);
/* All ports were told: those of earlier sessions are gone. */
void ports_told(struct of_conn *c);

#endif
