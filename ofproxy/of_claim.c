/* ofproxy/of_claim.c - whose a datapath-id is, when two connections name the same.
 *
 * A switch that lost power, or its network, leaves a connection behind that nobody has closed; when
 * it is back it must not wait until the keepalive notices.  Another switch with the same
 * datapath-id must not take the place of one that works.  So the one that has it is asked
 * (ECHO_REQUEST), and while that may still be answered the newcomer waits in CONN_CLAIM; frames of
 * it are not taken.
 *
 *     the owner says anything      the newcomer is refused: BAD_REQUEST, EPERM
 *     silence for CLAIM_NS         the owner is closed; the newcomer's handshake begins anew */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"

#define CLAIM_NS 1000000000ull

static void refuse(struct of_conn *c, const struct of_conn *owner)
{
    char why[ENDPOINT_TEXT + 80];

    snprintf(why, sizeof why, "datapath-id 0x%016" PRIx64 " is connected already, from %s",
             owner->dpid, owner->peer);
    conn_fault(c, OF10_BAD_REQUEST, OF10_BAD_REQUEST_EPERM, c->claim.reply, c->claim.reply_len,
               why);
}

/* Has it said anything since the claim?  What was not read yet, for want of room, counts. */
static bool has_spoken(const struct of_conn *owner, uint64_t since_ns)
{
    struct pollfd f = {.fd = owner->fd.fd, .events = POLLIN};

    return owner->heard_ns > since_ns || poll(&f, 1, 0) > 0;
}

bool claim_dpid(struct of_conn *c, const struct of_msg *m, uint64_t dpid)
{
    struct of_conn *owner = conn_find(c->proxy, dpid);

    if (owner && conn_hung_up(owner)) {
        conn_close(owner, "the switch closed it");
        owner = NULL;
    }
    if (owner) {
        size_t len = m->h.length < sizeof c->claim.reply ? m->h.length : sizeof c->claim.reply;

        memcpy(c->claim.reply, m->bytes, len);
        c->claim.reply_len = (uint32_t)len;
        c->claim.dpid = dpid;
        c->claim.since_ns = loop_now_ns();
        c->state = CONN_CLAIM;
        session_echo(owner, c->claim.since_ns);
        return false;
    }
    conn_know(c, dpid);
    return true;
}

void claim_tick(struct of_conn *c, uint64_t now_ns)
{
    struct of_conn *owner = conn_find(c->proxy, c->claim.dpid);
    char cause[ENDPOINT_TEXT + 80];

    if (owner && conn_hung_up(owner)) {
        conn_close(owner, "the switch closed it");
    } else if (owner && has_spoken(owner, c->claim.since_ns)) {
        refuse(c, owner);
        return;
    } else if (owner && now_ns - c->claim.since_ns < CLAIM_NS) {
        return;
    } else if (owner) {
        snprintf(cause, sizeof cause, "it does not answer, and its switch is back, from %s",
                 c->peer);
        conn_close(owner, cause);
    }
    c->state = CONN_FEATURES;
    session_ask(c);
}
