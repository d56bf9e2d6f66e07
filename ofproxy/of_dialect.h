/* ofproxy/of_dialect.h - a version of OpenFlow as ofproxy speaks it: its handlers, and what the
 * shared steps of a session send in its own words.
 *
 * Shared: of_hello.c (which version), of_session.c (the steps), of_port.c, of_role.c, of_flows.c.
 * A version's own: of10_session.c, of13_session.c.  Nicira's messages: of_nx.c, in both. */
#ifndef OFPROXY_OF_DIALECT_H
#define OFPROXY_OF_DIALECT_H

#include "common/loop.h"
#include "common/proto/of10.h"
#include "common/proto/of13.h"

struct of_conn;
struct of_old_flow;

/* What we are to a switch, beside its other controllers (of_role.c). */
enum of_role { OF_ROLE_EQUAL, OF_ROLE_MASTER, OF_ROLE_SLAVE };

/* A whole message, where it lies in the arena. */
struct of_msg {
    struct of_header h;
    const uint8_t *bytes; /* h.length of them, the header included */
    uint64_t rx_ns;
    unsigned chunk;
};

/* Every message that a switch may send has a handler of its own name: on_NAME for 1.0, on13_NAME
 * for 1.3; one that is missing does not link. */
typedef void of_handler(struct of_conn *c, const struct of_msg *m);

/* The same in both. */
#define on13_HELLO on_HELLO
#define on13_ERROR on_ERROR
#define on13_ECHO_REQUEST on_ECHO_REQUEST
#define on13_ECHO_REPLY on_ECHO_REPLY
#define on13_EXPERIMENTER on_VENDOR
#define on13_GET_CONFIG_REPLY on_GET_CONFIG_REPLY
#define on13_FLOW_REMOVED on_FLOW_REMOVED
#define on13_MULTIPART_REPLY on_STATS_REPLY
#define on13_BARRIER_REPLY on_BARRIER_REPLY
#define on13_QUEUE_GET_CONFIG_REPLY on_QUEUE_GET_CONFIG_REPLY
#define on13_ROLE_REPLY on_QUEUE_GET_CONFIG_REPLY /* who asked is told; nobody else wants it */
#define on13_GET_ASYNC_REPLY on_QUEUE_GET_CONFIG_REPLY

#define OF_HANDLER_UP(prefix, NAME) of_handler prefix##_##NAME;
#define OF_HANDLER_BOTH(prefix, NAME) of_handler prefix##_##NAME;
#define OF_HANDLER_DOWN(prefix, NAME)
#define OF_HANDLER10(code, NAME, name, direction, body, step) OF_HANDLER_##direction(on, NAME)
#define OF_HANDLER13(code, NAME, name, direction, body, step) OF_HANDLER_##direction(on13, NAME)
OF10_MESSAGES(OF_HANDLER10)
OF13_MESSAGES(OF_HANDLER13)
#undef OF_HANDLER10
#undef OF_HANDLER13

struct of_dialect {
    const struct of_version *version;
    of_handler *const *handlers; /* by type */
    uint8_t stats, barrier;      /* types of requests; a reply's is one more */
    uint8_t stats_head;          /* bytes of a statistics request or reply before what is asked */
    uint32_t last_port;          /* the largest number that a frame can be sent to */

    /* A frame's PACKET_OUT but for the frame, and a PACKET_OUT that drops a buffered one: lengths,
     * at most OF_DIALECT_HEAD and OF_DIALECT_RELEASE. */
    uint8_t out_head, out_release;
    void (*put_out_head)(uint8_t *head, uint32_t xid, uint32_t port, size_t len);
    void (*put_release)(uint8_t *message, uint32_t xid, uint32_t buffer_id);

    /* The steps of the set-up.  'ask_ports' and 'set_meter' are NULL where there is no such thing.
     */
    bool (*ask_role)(struct of_conn *c, enum of_role role, uint64_t generation);
    void (*configure)(struct of_conn *c); /* whole frames; only the messages that are needed */
    void (*ask_ports)(struct of_conn *c);
    bool (*set_meter)(struct of_conn *c, bool exists);
    bool (*add_miss_flow)(struct of_conn *c, uint64_t cookie, bool metered);
    /* Flows of ours (of_flows.c); 'look': only to learn of their epochs. */
    bool (*ask_flows)(struct of_conn *c, bool look);
    void (*delete_flow)(struct of_conn *c, const struct of_old_flow *f);
};
#define OF_DIALECT_HEAD OF13_PACKET_OUT_HEAD
#define OF_DIALECT_RELEASE OF13_RELEASE

extern const struct of_dialect of_dialect10, of_dialect13;

/* of_nx.c: Nicira's messages, in either version. */
void nx_configure(struct of_conn *c); /* the packet-in format, the controller's number */
#define NX_CONTROLLER 16              /* bytes of the action that sends frames to one controller */
size_t nx_put_controller(uint8_t *action, uint16_t controller_id, uint16_t max_len);
bool nx_ask_role(struct of_conn *c, enum of_role role);
bool nx_ask_flows(struct of_conn *c, bool look); /* flows of ours, of version 1.0 */
void nx_delete_flow(struct of_conn *c, const struct of_old_flow *f);

#endif
