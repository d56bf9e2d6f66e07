/* ofproxy/ingress.c */
#include "ofproxy/ingress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/proto/pkt.h"

#define CORES_MOST 4 /* ofproxy, vnsbridge, router and the kernel's part: more help nobody */

struct class_def {
    uint32_t share, part;
    enum config_key rate;
};
static const struct class_def defs[CLASSES] = {
#define K(NAME, name, share, part, text) {(share), (part), CONFIG_OFPROXY_RATE_##NAME},
#include "common/classes.def"
#undef K
};

/* ---- classes ------------------------------------------------------------------------------ */

static unsigned place_of(uint32_t ip)
{
    return ip * 0x9e3779b1u >> 21;
}
_Static_assert(INGRESS_ADDRESSES == 1 << 11, "place_of takes the top 11 bits");

static bool is_ours(const struct ingress *g, uint32_t ip)
{
    unsigned i = place_of(ip);

    while (g->address[i] != 0 && g->address[i] != ip) {
        i = (i + 1) % INGRESS_ADDRESSES;
    }
    return g->address[i] != 0;
}

/* At most one for each row of the board, so half of the places stay free. */
static void remember(struct ingress *g, uint32_t ip)
{
    unsigned i = place_of(ip);

    while (g->address[i] != 0) {
        i = (i + 1) % INGRESS_ADDRESSES;
    }
    g->address[i] = ip;
}

/* Neither 0.0.0.0 nor of class D or E: else no interface has it, whatever the board says. */
static bool may_be_ours(uint32_t ip)
{
    return ip != 0 && ip >> 29 != 7;
}

void ingress_look(struct ingress *g)
{
    struct interface_row row;

    if (!board_changed(&g->interfaces)) {
        return;
    }
    memset(g->address, 0, sizeof g->address);
    for (unsigned i = 0; i < board_used(&g->interfaces) && i < INGRESS_ADDRESSES / 2; i++) {
        if (board_get(&g->interfaces, i, &row) && row.vhost[0] && may_be_ours(row.ip)) {
            remember(g, row.ip);
        }
    }
}

static enum ingress_class classify_ip(const struct ingress *g, const uint8_t *frame, size_t len)
{
    const struct pkt_ip_wire *ip = (const void *)(frame + PKT_ETH_LEN);
    uint32_t to;

    if (len < PKT_ETH_LEN + PKT_IP_LEN) {
        return CLASS_REST;
    }
    to = pkt_get32(ip->dst);
    if (to >> 8 == 0xe00000) {
        return CLASS_CONTROL; /* 224.0.0.0/24: never forwarded, routing protocols (RFC 5771) */
    }
    if (frame[0] & 1) {
        return CLASS_REST;
    }
    return is_ours(g, to) ? CLASS_LOCAL : CLASS_FORWARD;
}

enum ingress_class ingress_classify(const struct ingress *g, const uint8_t *frame, size_t len)
{
    /* 01:80:c2:00:00:0x: what bridges keep to themselves (IEEE 802.1Q, 8.6.3) */
    static const uint8_t bridges[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};
    unsigned type = pkt_get16(frame + 12);

    if (type == PKT_TYPE_IP) {
        return classify_ip(g, frame, len);
    }
    if (type == PKT_TYPE_ARP) {
        return CLASS_ARP;
    }
    if (type == PKT_TYPE_LLDP || (memcmp(frame, bridges, sizeof bridges) == 0 && frame[5] < 0x10)) {
        return CLASS_CONTROL;
    }
    return CLASS_REST;
}

/* ---- meters and shares -------------------------------------------------------------------- */

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Over the rate?  A port that the class refuses pays all the same: while it asks for more than
 * there is, it stays near its own limit, and so away from what is kept for the others. */
static bool over_rate(struct ingress_class_state *k, uint64_t *port_full_ns, uint64_t now)
{
    bool busy = *port_full_ns > now + INGRESS_BURST_NS / 2;

    if (*port_full_ns > now + INGRESS_BURST_NS) {
        return true;
    }
    if (k->full_ns > now + (busy ? INGRESS_BURST_NS / 2 : INGRESS_BURST_NS)) {
        *port_full_ns = later(*port_full_ns, now) + 2 * k->interval_ns;
        return true;
    }
    return false;
}

static void mark(struct ingress *g, unsigned row)
{
    if (!g->port[row].changed) {
        g->port[row].changed = true;
        g->changed[g->n_changed++] = (uint16_t)row;
    }
}

/* A row that another port had: its counts start again; what is in flight of the old port is still
 * the row's. */
static void rename_row(struct traffic_row *r, const struct ingress_frame *f)
{
    memset(r->by, 0, sizeof r->by);
    r->dpid = f->dpid;
    r->port = f->port;
}

static enum drop refuse_crowded(struct ingress *g, const struct ingress_frame *f, enum drop why)
{
    g->port[f->row].row.by[f->klass].crowded++;
    counter_tally(g->tally, OFPROXY_CROWDED_CONTROL + f->klass, 1);
    return why;
}

enum drop ingress_enter(struct ingress *g, const struct ingress_frame *f, uint64_t now_ns)
{
    struct ingress_class_state *k = &g->klass[f->klass];
    struct ingress_port *p = &g->port[f->row];
    uint32_t left = k->in_flight < k->share ? k->share - k->in_flight : 0;

    if (p->row.port != f->port || p->row.dpid != f->dpid) {
        rename_row(&p->row, f);
    }
    mark(g, f->row);
    if (k->interval_ns > 0 && over_rate(k, &p->full_ns[f->klass], now_ns)) {
        p->row.by[f->klass].metered++;
        counter_tally(g->tally, OFPROXY_METERED_CONTROL + f->klass, 1);
        return DROP_METERED;
    }
    if (p->row.in_flight[f->klass] >= left) {
        return refuse_crowded(g, f, left == 0 ? DROP_CLASS_FULL : DROP_PORT_FULL);
    }
    if (k->interval_ns > 0) {
        k->full_ns = later(k->full_ns, now_ns) + k->interval_ns;
        p->full_ns[f->klass] = later(p->full_ns[f->klass], now_ns) + 2 * k->interval_ns;
    }
    k->in_flight++;
    p->row.in_flight[f->klass]++;
    p->row.by[f->klass].admitted++;
    counter_tally(g->tally, OFPROXY_ADMITTED_CONTROL + f->klass, 1);
    return DROP_NONE;
}

void ingress_undo(struct ingress *g, const struct ingress_frame *f)
{
    g->klass[f->klass].in_flight--;
    g->port[f->row].row.in_flight[f->klass]--;
    g->port[f->row].row.by[f->klass].admitted--;
    counter_tally(g->tally, OFPROXY_ADMITTED_CONTROL + f->klass, -1);
    refuse_crowded(g, f, DROP_NONE);
}

void ingress_leave(struct ingress *g, enum ingress_class klass, unsigned row)
{
    g->klass[klass].in_flight--;
    g->port[row].row.in_flight[klass]--;
    mark(g, row);
}

void ingress_resume(struct ingress *g, enum ingress_class klass, unsigned row)
{
    g->klass[klass].in_flight++;
    g->port[row].row.in_flight[klass]++;
    mark(g, row);
}

/* ---- boards ------------------------------------------------------------------------------- */

void ingress_publish(struct ingress *g)
{
    if (g->n_changed == 0) {
        return;
    }
    for (unsigned i = 0; i < g->n_changed; i++) {
        struct ingress_port *p = &g->port[g->changed[i]];

        p->changed = false;
        board_put(&g->traffic, g->changed[i], &p->row);
    }
    g->n_changed = 0;
    for (unsigned i = 0; i < CLASSES; i++) {
        const struct ingress_class_state *k = &g->klass[i];

        board_put(
            &g->classes, i,
            &(struct class_row){k->rate, k->interval_ns ? k->rate / 2 : 0, k->share, k->in_flight});
    }
    board_publish(&g->traffic);
    board_publish(&g->classes);
}

/* ---- opening ------------------------------------------------------------------------------ */

static uint64_t capacity_of(const struct config *c)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long given = config_int(c, CONFIG_OFPROXY_CAPACITY);

    if (given > 0) {
        return (uint64_t)given;
    }
    return INGRESS_PER_CORE * (uint64_t)(cores < 1 ? 1 : cores < CORES_MOST ? cores : CORES_MOST);
}

static void set_class(struct ingress_class_state *k, const struct class_def *def,
                      const struct config *c)
{
    long rate = config_int(c, def->rate);

    *k = (struct ingress_class_state){.share = def->share};
    if (strcmp(config_str(c, CONFIG_OFPROXY_METERING), "off") == 0) {
        return;
    }
    if (rate > 0) {
        k->rate = (uint64_t)rate;
    } else if (def->part > 0) {
        k->rate = later(capacity_of(c) / def->part, 1);
    }
    k->interval_ns = k->rate > 0 ? 1000000000u / k->rate : 0;
}

static void take_up(struct ingress *g)
{
    for (unsigned i = 0; i < PORTS_ROWS; i++) {
        struct ingress_port *p = &g->port[i];

        board_peek(&g->traffic, i, &p->row);
        for (unsigned k = 0; k < CLASSES; k++) {
            if (p->row.in_flight[k] > 0) { /* what is still is told by ingress_resume */
                p->row.in_flight[k] = 0;
                mark(g, i);
            }
        }
    }
}

void ingress_open(struct ingress *g, struct topo *t, const struct config *c,
                  struct counter_tally *tally)
{
    memset(g, 0, sizeof *g);
    g->tally = tally;
    g->port = calloc(PORTS_ROWS, sizeof *g->port);
    g->changed = calloc(PORTS_ROWS, sizeof *g->changed);
    if (!g->port || !g->changed) {
        die("no memory for the traffic of %u ports: free some", PORTS_ROWS);
    }
    topo_board_writer(t, &g->traffic, TOPO_TRAFFIC);
    topo_board_writer(t, &g->classes, TOPO_CLASSES);
    topo_board_reader(t, &g->interfaces, TOPO_INTERFACES);
    for (unsigned k = 0; k < CLASSES; k++) {
        set_class(&g->klass[k], &defs[k], c);
    }
    take_up(g);
    mark(g, 0); /* the classes are put on their board at once */
    ingress_look(g);
}

void ingress_close(struct ingress *g)
{
    ingress_publish(g);
    board_write_leave(&g->traffic);
    board_write_leave(&g->classes);
    board_read_leave(&g->interfaces);
    free(g->port);
    free(g->changed);
}
