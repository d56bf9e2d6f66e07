/* router/fragment.c - cuts a packet into fragments. */
#include "router/fragment.h"

#include <string.h>

#include "router/router.h"

/* Where the cutting stands. */
struct cutter {
    const struct packet *p;
    uint8_t header[PKT_ETH_LEN + PKT_IP_MAX]; /* of the next fragment */
    uint32_t ihl;
    uint32_t at, len; /* payload bytes cut so far, and in all */
    uint32_t frag;    /* offset (in 8 bytes) and flags that the packet leaves with */
    uint8_t first[8]; /* payload bytes that may be other than those received: an ICMP header */
};

static void start(struct cutter *c, const struct packet *p)
{
    *c = (struct cutter){.p = p, .ihl = p->ihl, .len = p->ip_len - p->ihl};
    memcpy(c->header, p->head, PKT_ETH_LEN + p->ihl);
    memcpy(c->first, p->head + PKT_ETH_LEN + p->ihl, sizeof c->first);
    c->frag = pkt_get16(p->ip->frag);
}

/* After the first fragment only options with the copy bit go along (RFC 791, 3.1). */
static void keep_copied_options(struct cutter *c)
{
    uint8_t *options = c->header + PKT_ETH_LEN + PKT_IP_LEN;
    uint32_t len = c->ihl - PKT_IP_LEN, kept = 0;

    for (uint32_t at = 0; at < len && options[at] != PKT_OPT_END;) {
        uint32_t n = options[at] == PKT_OPT_NOP ? 1 : options[at + 1];

        if (options[at] & 0x80) {
            memmove(options + kept, options + at, n);
            kept += n;
        }
        at += n;
    }
    while (kept % 4 != 0) {
        options[kept++] = PKT_OPT_END;
    }
    c->ihl = PKT_IP_LEN + kept;
}

/* Payload comes from where the frame was received; its headers from the copy that was checked. */
static void copy_payload(const struct cutter *c, uint8_t *to, uint32_t n)
{
    const struct frame_in *in = c->p->in;
    uint32_t at = PKT_ETH_LEN + c->p->ihl + c->at, head = 0;

    if (at < in->head_len) {
        head = in->head_len - at < n ? in->head_len - at : n;
        memcpy(to, in->head + at, head);
    }
    if (n > head) {
        memcpy(to + head, in->tail + (at + head - in->head_len), n - head);
    }
    if (c->at == 0) {
        memcpy(to, c->first, sizeof c->first); /* no fragment that is cut here is so short */
    }
}

static bool more(const struct cutter *c)
{
    return c->at < c->len;
}

/* How many fragments there will be, or one more. */
static unsigned pieces(const struct cutter *c)
{
    uint32_t most = (IFACE_MTU - c->ihl) & ~7u;

    return (c->len - c->at + most - 1) / most;
}

/* Writes the next fragment to 'frame'; returns its length. */
static uint32_t cut(struct cutter *c, uint8_t *frame)
{
    struct pkt_ip_wire *ip = (void *)(frame + PKT_ETH_LEN);
    uint32_t ihl = c->ihl, n = c->len - c->at, most = (IFACE_MTU - ihl) & ~7u;
    uint32_t frag = c->frag + c->at / 8;

    if (n > IFACE_MTU - ihl) {
        n = most;
        frag |= PKT_IP_MF;
    }
    memcpy(frame, c->header, PKT_ETH_LEN + ihl);
    copy_payload(c, frame + PKT_ETH_LEN + ihl, n);
    ip->version_ihl[0] = (uint8_t)(0x40 | ihl / 4);
    pkt_put16(ip->total_len, ihl + n);
    pkt_put16(ip->frag, frag);
    pkt_put16(ip->checksum, 0);
    pkt_put16(ip->checksum, pkt_checksum(ip, ihl));
    if (c->at == 0) {
        keep_copied_options(c);
    }
    c->at += n;
    return PKT_ETH_LEN + ihl + n;
}

void fragment_send(struct packet *p, enum verdict verdict, uint32_t out)
{
    struct cutter c;

    start(&c, p);
    while (more(&c)) {
        uint8_t *frame = port_room(p->r->port, PORT_HEAD);
        uint32_t len = cut(&c, frame);

        if (more(&c)) {
            router_originate(p->r, p->in, out, frame, len, 0);
        } else {
            p->head = frame;
            p->head_len = len;
            p->tail_len = 0;
            packet_leave(p, verdict, out);
        }
    }
}

bool fragment_hold(struct packet *p, const struct hold_slot *what)
{
    struct hold_slot w = *what;
    uint8_t frame[PKT_ETH_LEN + IFACE_MTU];
    struct cutter c;

    start(&c, p);
    /* all or none: a part of a datagram is of no use to anybody */
    if (!hold_room(&p->r->hold, w.next_hop, w.out_iface, pieces(&c))) {
        return false;
    }
    for (; more(&c); w.uncounted = 1) {
        uint32_t len = cut(&c, frame);

        if (!hold_put(&p->r->hold, &w, frame, len, NULL, 0)) {
            break; /* cannot be: there was room for all */
        }
    }
    return w.uncounted;
}
