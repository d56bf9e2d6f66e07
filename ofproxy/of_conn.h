/* ofproxy/of_conn.h - one switch's connection: receiving, cutting into messages, handing them to
 * their handlers, and its end.
 *
 *     accepted > HELLO > FEATURES > BARRIER > READY      of_session.c takes it from state to state
 *     FEATURES > CLAIM > FEATURES                        another connection has its datapath-id
 *     any of these > CLOSING                             an ERROR is on its way; nothing is heard
 *
 * Handlers never free the connection they are called for: a fault answers with an ERROR and leaves
 * it CLOSING (conn_fault), or leaves it doomed, to be closed by the next of_out_flush (conn_doom).
 */
#ifndef OFPROXY_OF_CONN_H
#define OFPROXY_OF_CONN_H

#include "common/endpoint.h"
#include "common/loop.h"
#include "common/proto/of10.h"
#include "ofproxy/intake.h"
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
    bool known; /* its features came: dpid is its own */
    uint32_t xid, barrier_xid, echo_xid;
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

/* A whole message, where it lies in the arena. */
struct of_msg {
    struct of_header h;
    const uint8_t *bytes; /* h.length of them, the header included */
    uint64_t rx_ns;
    unsigned chunk;
};

/* Every message that a switch may send has a handler of its own name; one that is missing does not
 * link. */
typedef void of_handler(struct of_conn *c, const struct of_msg *m);
#define OF_HANDLER_UP(NAME) of_handler on_##NAME;
#define OF_HANDLER_BOTH(NAME) of_handler on_##NAME;
#define OF_HANDLER_DOWN(NAME)
#define OF_HANDLER(code, NAME, name, direction, body, step) OF_HANDLER_##direction(NAME)
OF10_MESSAGES(OF_HANDLER)
#undef OF_HANDLER

/* A version and its handlers. */
struct of_dialect {
    const struct of_version *version;
    of_handler *const *handlers; /* by type */
};
extern const struct of_dialect of_dialect10;

/* Takes over 'fd'.  Returns NULL (and leaves the descriptor) when there are enough connections. */
struct of_conn *conn_open(struct ofproxy *p, int fd, const char *peer);
/* Ends it at once and logs 'cause'; or what a receive or send with this errno failed for. */
void conn_close(struct of_conn *c, const char *cause);
void conn_close_for(struct of_conn *c, int err);
/* Answers with an ERROR that carries the beginning of the offending message, logs why, and closes
 * once that is sent. */
void conn_fault(struct of_conn *c, uint16_t type, uint16_t code, const void *offender, size_t len,
                const char *why);
/* The same for a version that cannot be agreed: HELLO_FAILED carries the text (5.5.1). */
void conn_hello_failed(struct of_conn *c, const char *text);
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

/* of_session.c: the connection was accepted; and what time brings, a few times a second. */
void session_start(struct of_conn *c);
void session_tick(struct of_conn *c, uint64_t now_ns);
/* Asks for all that the handshake asks for, after HELLO; asks whether it is alive. */
void session_ask(struct of_conn *c);
void session_echo(struct of_conn *c, uint64_t now_ns);

/* of_claim.c: makes 'dpid', named in the FEATURES_REPLY 'm', the connection's own.  False: another
 * has it, which is asked whether it lives; 'c' waits in CONN_CLAIM, and claim_tick ends that. */
bool claim_dpid(struct of_conn *c, const struct of_msg *m, uint64_t dpid);
void claim_tick(struct of_conn *c, uint64_t now_ns);

#endif
