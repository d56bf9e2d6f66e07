/* ofproxy/ovsdb_session.h - what is said with an ovsdb-server: bytes in, bytes out; no socket here.
 *
 *     list_dbs > _Server (where there is one) > get_schema > monitor_cond_since > LOADED
 *                                  monitor_cond, or monitor, where the server knows no better
 *
 *     ovsdb_session_open(&s);
 *     ovsdb_session_start(&s, now);            for each connection: from the beginning
 *     ovsdb_session_take(&s, bytes, len, now)  what came; false: s.why says why to close
 *     ovsdb_session_tick(&s, now)              echo, and who does not answer; false: the same
 *     s.out                                    what is to be sent; ovsdb_session_sent(&s, n)
 *     s.rows                                   the database; kept from connection to connection
 *     ovsdb_session_close(&s);
 *
 * A server that kept its history (a cluster's does) is asked only for what has changed since the
 * last transaction that we saw; 's.resumed' says that it could. */
#ifndef OFPROXY_OVSDB_SESSION_H
#define OFPROXY_OVSDB_SESSION_H

#include <stdint.h>

#include "common/proto/ovsdb.h"
#include "common/proto/ovsdb_rows.h"

#define OVSDB_DATABASE "Open_vSwitch"
#define OVSDB_UNSENT (1u << 20) /* more that a server does not read ends the connection */

enum ovsdb_step {
    OVSDB_ASK_DATABASES,
    OVSDB_ASK_SERVER,
    OVSDB_ASK_SCHEMA,
    OVSDB_ASK_ROWS,
    OVSDB_LOADED
};
enum ovsdb_txn { OVSDB_TXN_NONE, OVSDB_TXN_SENT, OVSDB_TXN_DONE, OVSDB_TXN_FAILED };

struct ovsdb_out {
    char *bytes;
    size_t at, len, room;
};

struct ovsdb_session {
    struct ovsdb_in in;
    struct ovsdb_out out;
    enum ovsdb_step step;
    unsigned method; /* of monitor: an index of what the server is asked for */
    bool resumed, want_leader;
    json_int_t last_id, step_id, aware_id, echo_id, txn_id; /* 0: nothing is awaited */
    uint64_t heard_ns, asked_ns, step_ns, patience_ns;
    json_t *wanted; /* {table: [column, ...]} */
    json_t *requests;
    struct ovsdb_rows rows, server;
    char last_txn[40]; /* id of the last transaction that 'rows' has; "" none */
    char cluster[40];  /* the cluster's id, and the newest index seen of it */
    json_int_t index;
    bool touched; /* rows have changed; who looks clears it */
    enum ovsdb_txn txn;
    char txn_why[200];
    char why[200];
};

/* 'patience_ns': so long a silence is followed by an echo, and as long without an answer ends it.
 */
void ovsdb_session_open(struct ovsdb_session *s, uint64_t patience_ns);
void ovsdb_session_close(struct ovsdb_session *s);
void ovsdb_session_start(struct ovsdb_session *s, uint64_t now);
bool ovsdb_session_take(struct ovsdb_session *s, const void *bytes, size_t len, uint64_t now);
bool ovsdb_session_tick(struct ovsdb_session *s, uint64_t now);
void ovsdb_session_sent(struct ovsdb_session *s, size_t n);
/* Sends a transaction, taking over its operations (an array); one at a time, once LOADED.  s.txn
 * says what became of it. */
void ovsdb_session_transact(struct ovsdb_session *s, json_t *operations);
/* "monitor_cond_since", or what it had to do with. */
const char *ovsdb_session_method(const struct ovsdb_session *s);

#endif
