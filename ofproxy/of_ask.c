/* ofproxy/of_ask.c - questions that wait, by xid. */
#include "ofproxy/of_ask.h"

#include <stdio.h>

#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"

#define STATS_ROOM 256 /* bytes of a statistics request */

static struct of_ask *take_ask(struct of_conn *c, uint8_t reply, of_answered *answered,
                               void *context)
{
    for (unsigned i = 0; i < ASK_MOST; i++) {
        struct of_ask *a = &c->asks[i];

        if (!a->answered) {
            *a = (struct of_ask){.answered = answered,
                                 .context = context,
                                 .xid = conn_xid(c),
                                 .reply = reply,
                                 .until_ns = loop_now_ns() + ASK_NS};
            return a;
        }
    }
    peer_log(c->proxy, LOG_WARN, "request not sent %s cause=\"%u others wait for their replies\"",
             conn_name(c), ASK_MOST);
    return NULL;
}

bool conn_ask(struct of_conn *c, uint8_t type, uint8_t reply, const void *body, size_t len,
              of_answered *answered, void *context)
{
    struct of_ask *a = take_ask(c, reply, answered, context);

    if (a) {
        conn_send(c, type, a->xid, body, len);
    }
    return a != NULL;
}

bool conn_ask_stats(struct of_conn *c, uint16_t stats, const void *body, size_t len,
                    of_answered *answered, void *context)
{
    const struct of_dialect *d = c->dialect;
    uint8_t bytes[STATS_ROOM] = {0};
    struct wire_out out = {bytes + d->stats_head, bytes + sizeof bytes, false};
    struct of_ask *a = take_ask(c, d->stats + 1, answered, context);

    if (!a) {
        return false;
    }
    a->stats = stats;
    wire_store_uint16(bytes, stats);
    wire_put_bytes(&out, body, len);
    conn_send(c, d->stats, a->xid, bytes, (size_t)(out.p - bytes));
    return true;
}

bool conn_tell(struct of_conn *c, uint8_t type, const void *body, size_t len, of_answered *answered,
               void *context)
{
    struct of_ask *a = take_ask(c, c->dialect->barrier + 1, answered, context);

    if (!a) {
        return false;
    }
    conn_send(c, type, a->xid, body, len);
    a->barrier = conn_xid(c);
    conn_send(c, c->dialect->barrier, a->barrier, NULL, 0);
    return true;
}

/* ---- answers ------------------------------------------------------------------------------ */

/* The question is over before its callback is called, which may ask anew. */
static void end(struct of_conn *c, struct of_ask *a, const struct of_answer *answer)
{
    static const uint8_t nothing[1];
    struct of_answer full = *answer;
    struct of_ask was = *a;

    if (!full.body) {
        full.body = nothing; /* callbacks may make a cursor of it whatever the news is */
    }
    a->answered = NULL;
    was.answered(c, &full, was.context);
}

static struct of_ask *find(struct of_conn *c, uint32_t xid, uint8_t reply)
{
    for (unsigned i = 0; i < ASK_MOST; i++) {
        struct of_ask *a = &c->asks[i];

        if (a->answered && a->reply == reply && (a->barrier != 0 ? a->barrier : a->xid) == xid) {
            return a;
        }
    }
    return NULL;
}

bool ask_reply(struct of_conn *c, const struct of_msg *m)
{
    struct of_ask *a = find(c, m->h.xid, m->h.type);

    if (!a) {
        return false;
    }
    end(c, a,
        &(struct of_answer){.news = ASK_LAST,
                            .m = m,
                            .body = m->bytes + OF_HEADER,
                            .len = m->h.length - (size_t)OF_HEADER});
    return true;
}

/* Its type and flags stand at the same place in every version, and so does the flag "more". */
bool ask_stats_reply(struct of_conn *c, const struct of_msg *m)
{
    size_t head = OF_HEADER + (size_t)c->dialect->stats_head;
    struct of_ask *a = find(c, m->h.xid, m->h.type);
    bool more = (m->bytes[OF_HEADER + 3] & 1) != 0;
    struct of_answer answer = {more ? ASK_PART : ASK_LAST, m, m->bytes + head,
                               m->h.length - head,         0, 0};
    char why[120];

    if (!a) {
        return false;
    }
    if (a->stats != wire_load_uint16(m->bytes + OF_HEADER)) { /* as good as an ERROR */
        end(c, a,
            &(struct of_answer){.news = ASK_ERROR,
                                .m = m,
                                .type = OF10_BAD_REQUEST,
                                .code = OF10_BAD_REQUEST_BAD_STAT});
        return true;
    }
    if (++a->parts > ASK_PARTS) {
        snprintf(why, sizeof why, "its reply to a request for statistics has more than %u parts",
                 ASK_PARTS);
        conn_fault(c, OF10_BAD_REQUEST, OF10_BAD_REQUEST_BAD_LEN, m->bytes, m->h.length, why);
    } else if (more) {
        a->answered(c, &answer, a->context);
    } else {
        end(c, a, &answer);
    }
    return true;
}

bool ask_error(struct of_conn *c, const struct of_msg *m, uint16_t type, uint16_t code)
{
    for (unsigned i = 0; i < ASK_MOST; i++) {
        struct of_ask *a = &c->asks[i];

        if (a->answered && (a->xid == m->h.xid || (a->barrier != 0 && a->barrier == m->h.xid))) {
            end(c, a, &(struct of_answer){.news = ASK_ERROR, .m = m, .type = type, .code = code});
            return true;
        }
    }
    return false;
}

void ask_tick(struct of_conn *c, uint64_t now_ns)
{
    for (unsigned i = 0; i < ASK_MOST; i++) {
        if (c->asks[i].answered && now_ns >= c->asks[i].until_ns) {
            end(c, &c->asks[i], &(struct of_answer){.news = ASK_LATE});
        }
    }
}

void ask_gone(struct of_conn *c)
{
    for (unsigned i = 0; i < ASK_MOST; i++) {
        if (c->asks[i].answered) {
            end(c, &c->asks[i], &(struct of_answer){.news = ASK_GONE});
        }
    }
}
