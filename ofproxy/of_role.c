/* ofproxy/of_role.c - roles (1.3.5, 6.3.6), in 1.0 by Nicira's messages.
 *
 * Equal is what a connection begins as: nothing is asked.  A generation id is the epoch of the
 * ofproxy (of_flows.h), so a restart has a later one; a switch that has seen a later one still says
 * "stale", is asked for it, and gets the next, once. */
#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"

static const char *const names[] = {"equal", "master", "slave"};

int of_role_parse(const char *word)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(word, names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

const char *of_role_name(enum of_role role)
{
    return names[role];
}

static void settle(struct of_conn *c, enum of_role role)
{
    c->role = role;
    session_configure(c);
}

void of_role_ask(struct of_conn *c)
{
    c->role = OF_ROLE_EQUAL;
    if (c->proxy->role == OF_ROLE_EQUAL ||
        !c->dialect->ask_role(c, c->proxy->role, c->proxy->generation)) {
        settle(c, OF_ROLE_EQUAL);
    }
}

static void refused(struct of_conn *c, const struct of_answer *a)
{
    const struct of_version *v = c->dialect->version;

    if (a->news == ASK_ERROR) {
        session_note_error(c, a->type, a->code);
    }
    peer_log(c->proxy, LOG_WARN,
             "role refused %s asked=%s type=\"%s\" code=\"%s\"; it goes on as equal", conn_name(c),
             names[c->proxy->role],
             a->news == ASK_ERROR ? of_error_type(v, a->type) : "no ROLE_REPLY",
             a->news == ASK_ERROR ? of_error_code(v, a->type, a->code) : "");
    settle(c, OF_ROLE_EQUAL);
}

/* Asked with ROLE_NOCHANGE: the reply tells the generation that it has.  What follows it is for
 * this switch alone: one that lies makes no other refuse its other controllers. */
static void on_generation(struct of_conn *c, const struct of_answer *a, void *context)
{
    (void)context;
    if (a->news == ASK_LAST && a->len >= 16 &&
        c->dialect->ask_role(c, c->proxy->role, wire_load_uint64(a->body + 8) + 1)) {
        return;
    }
    if (a->news != ASK_GONE) {
        refused(c, a);
    }
}

static void ask_generation(struct of_conn *c)
{
    static const uint8_t nochange[16];

    c->role_stale = true;
    conn_ask(c, OF13_TYPE_ROLE_REQUEST, OF13_TYPE_ROLE_REPLY, nochange, sizeof nochange,
             on_generation, NULL);
}

void of_role_answered(struct of_conn *c, const struct of_answer *a, void *context)
{
    (void)context;
    if (a->news == ASK_LAST) {
        settle(c, c->proxy->role);
    } else if (a->news == ASK_ERROR && a->type == OF13_ROLE_REQUEST_FAILED &&
               a->code == OF13_ROLE_REQUEST_FAILED_STALE && !c->role_stale) {
        ask_generation(c);
    } else if (a->news != ASK_GONE) {
        refused(c, a);
    }
}

/* "You are a slave": 1.3's number for it, and Nicira's, which is an experimenter's error in 1.0. */
static bool says_slave(const struct of_conn *c, const struct of_msg *m, uint16_t type,
                       uint16_t code)
{
    static const uint8_t nicira[8] = {0, 0, 0x23, 0x20, 0, 1, 2, 2}; /* type 1, code 514 */

    if (c->dialect == &of_dialect13) {
        return type == OF13_BAD_REQUEST && code == OF13_BAD_REQUEST_IS_SLAVE;
    }
    return type == 0xb0c2 && code == 0 && m->h.length >= OF_HEADER + 4 + sizeof nicira &&
           memcmp(m->bytes + OF_HEADER + 4, nicira, sizeof nicira) == 0;
}

void of_role_taken(struct of_conn *c)
{
    c = c->main ? c->main : c; /* its auxiliary connections have no role of their own */
    if (c->role != OF_ROLE_SLAVE) {
        c->role = OF_ROLE_SLAVE;
        peer_log(c->proxy, LOG_WARN,
                 "role lost %s cause=\"another controller is its master now\"; frames to it are "
                 "dropped until it connects again",
                 conn_name(c));
    }
}

bool of_role_lost(struct of_conn *c, const struct of_msg *m, uint16_t type, uint16_t code)
{
    bool slave = says_slave(c, m, type, code);

    if (slave) {
        of_role_taken(c);
    }
    return slave;
}
