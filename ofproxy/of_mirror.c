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

static void put(const struct of_conn *c, bool down, const struct iovec *iov, unsigned n)
{
    struct openflow_meta meta = {
        .dpid = c->known ? c->dpid : 0, .session = c->session, .known = c->known, .down = down};

    memcpy(meta.peer, c->peer, sizeof meta.peer - 1); /* a long path is cut */
    mirror_put(&c->proxy->mirror, &meta, sizeof meta, iov, n);
}

void of_mirror_up(const struct of_conn *c, const void *bytes, size_t len)
{
    put(c, false, &(struct iovec){(void *)(uintptr_t)bytes, len}, 1);
}

void of_mirror_down(const struct of_conn *c, const void *a, size_t a_len, const void *b,
                    size_t b_len)
{
    const struct iovec iov[] = {{(void *)(uintptr_t)a, a_len}, {(void *)(uintptr_t)b, b_len}};

    put(c, true, iov, 2);
}

void of_mirror_frames(const struct of_conn *c, const struct out_frame *first)
{
    for (const struct out_frame *f = first; f; f = f->next) {
        if (f->outcome == DROP_NONE) {
            put(c, true, f->iov, f->n_iov);
        }
    }
}
