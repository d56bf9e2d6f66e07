/* ofproxy/of_aux.c - auxiliary connections (1.3.5, 6.3.7): a switch's further connections, by
 * number.
 *
 * Frames and news of ports that come by one are the main connection's; nothing is asked on it but
 * echoes.  It never takes the place of a main connection, and ends with it.  It comes from the same
 * address (as the specification has it), and over TLS where the main one does: nobody else may
 * speak for a switch.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"

static const struct of_conn *twin(const struct of_conn *main, unsigned aux_id)
{
    const struct ofproxy *p = main->proxy;

    for (unsigned i = 0; i < p->max_conns; i++) {
        const struct of_conn *c = &p->conns[i];

        if (c->state != CONN_FREE && c->main == main && c->aux_id == aux_id) {
            return c;
        }
    }
    return NULL;
}

/* Do both come from the same address, or the same Unix socket? */
static bool same_host(const struct of_conn *a, const struct of_conn *b)
{
    const char *x = endpoint_address(a->peer), *y = endpoint_address(b->peer);
    const char *x_end = strrchr(x, ':'), *y_end = strrchr(y, ':');

    if (x == a->peer || y == b->peer || !x_end || !y_end) {
        return strcmp(a->peer, b->peer) == 0;
    }
    return x_end - x == y_end - y && memcmp(x, y, (size_t)(x_end - x)) == 0;
}

static void refuse(struct of_conn *c, const struct of_msg *m, uint64_t dpid, unsigned aux_id,
                   const char *what)
{
    char why[200];

    snprintf(why, sizeof why, "auxiliary connection %u of datapath-id 0x%016" PRIx64 ", %s", aux_id,
             dpid, what);
    session_fault(c, m, OF10_BAD_REQUEST_EPERM, why);
}

void aux_tie(struct of_conn *c, const struct of_msg *m, uint64_t dpid, unsigned aux_id)
{
    struct of_conn *main = conn_find(c->proxy, dpid);

    if (!main || main->dialect != c->dialect) {
        refuse(c, m, dpid, aux_id, "whose main connection is not there");
    } else if (!same_host(c, main)) { /* frames in its name would be another's */
        refuse(c, m, dpid, aux_id, "whose main connection has another address");
    } else if (main->stream.ssl && !c->stream.ssl) {
        refuse(c, m, dpid, aux_id, "whose main connection has TLS, and this has none");
    } else if (main->n_aux >= AUX_MOST) {
        refuse(c, m, dpid, aux_id, "which has 8 of them already");
    } else if (twin(main, aux_id)) {
        refuse(c, m, dpid, aux_id, "which has one of this number already");
    } else {
        c->main = main;
        c->aux_id = aux_id;
        c->dpid = dpid;
        main->n_aux++;
        c->state = CONN_READY;
        c->ready_time = (uint64_t)time(NULL);
        peer_log(c->proxy, LOG_INFO, "auxiliary connection %s", conn_name(c));
    }
}

void aux_gone(struct of_conn *c)
{
    struct ofproxy *p = c->proxy;

    if (c->main) {
        c->main->n_aux--;
        c->main = NULL;
    }
    for (unsigned i = 0; i < p->max_conns && c->n_aux > 0; i++) {
        struct of_conn *aux = &p->conns[i];

        if (aux->state != CONN_FREE && aux->main == c) {
            aux->main = NULL;
            c->n_aux--;
            conn_doom(aux, "its main connection ended");
        }
    }
}
_Static_assert(AUX_MOST == 8, "aux_tie says so");
