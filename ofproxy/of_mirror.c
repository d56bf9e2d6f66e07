/* ofproxy/of_mirror.c */
#include "ofproxy/of_mirror.h"

#include <string.h>

#include "common/counter.h"
#include "common/log.h"

/* Messages so far, recorded or not. */
static uint64_t messages(void)
{
    return counter_get(OFPROXY_RX_MESSAGES) + counter_get(OFPROXY_TX_MESSAGES);
}

void of_mirror_tick(struct ofproxy *p)
{
    bool before = p->mirror.on;

    if (before || mirror_asked(&p->mirror)) {
        mirror_look(&p->mirror, loop_now_ns(), messages());
    }
    if (p->mirror.on != before) {
        log_info("openflow mirror %s", p->mirror.on ? "on: somebody captures" : "off");
    }
}

void of_mirror_open(struct ofproxy *p)
{
    topo_mirror(&p->topo, &p->mirror, TOPO_MIRROR_OPENFLOW);
    of_mirror_tick(p); /* somebody may have asked a predecessor */
}

void of_mirror_ask(struct ofproxy *p)
{
    mirror_ask(&p->mirror, loop_now_ns());
    bell_ring(&p->topo.bell[TOPO_OFPROXY]); /* now, not with the next tick */
}

void of_mirror(const struct of_conn *c, enum of_direction way, const struct iovec *iov, unsigned n)
{
    struct openflow_meta meta = {.dpid = c->known ? c->dpid : 0,
                                 .session = c->session,
                                 .known = c->known,
                                 .down = way == OF_DOWN};

    memcpy(meta.peer, c->peer, sizeof meta.peer);
    mirror_put(&c->proxy->mirror, &meta, sizeof meta, iov, n);
}
