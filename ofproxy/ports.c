/* ofproxy/ports.c - rows by (dpid, port). */
#include "ofproxy/ports.h"

#include <string.h>

static unsigned bucket_of(uint64_t dpid, uint32_t port)
{
    uint64_t h = (dpid * 31 + port) * 0x9e3779b97f4a7c15ULL;

    return (unsigned)(h >> 52);
}
_Static_assert(PORTS_BUCKETS == 1 << 12, "bucket_of takes the top 12 bits");

int ports_row(const struct ports *p, uint64_t dpid, uint32_t port)
{
    for (int i = p->bucket[bucket_of(dpid, port)]; i >= 0; i = p->next[i]) {
        if (p->row[i].dpid == dpid && p->row[i].port == port) {
            return i;
        }
    }
    return -1;
}

static void hash_in(struct ports *p, int i)
{
    unsigned b = bucket_of(p->row[i].dpid, p->row[i].port);

    p->next[i] = p->bucket[b];
    p->bucket[b] = (int16_t)i;
}

static void hash_out(struct ports *p, int i)
{
    int16_t *at = &p->bucket[bucket_of(p->row[i].dpid, p->row[i].port)];

    while (*at >= 0 && *at != i) {
        at = &p->next[*at];
    }
    if (*at == i) {
        *at = p->next[i];
    }
}

static void put(struct ports *p, int i)
{
    board_put(&p->board, (unsigned)i, &p->row[i]);
    p->changed = true;
}

/* A row for a new port: one never used, else one whose port is gone.  -1: all are taken. */
static int take_row(struct ports *p)
{
    if (p->used < PORTS_ROWS) {
        return (int)p->used++;
    }
    for (unsigned n = 0; p->live < PORTS_ROWS && n < PORTS_ROWS; n++) {
        unsigned i = p->at++ % PORTS_ROWS;

        if (p->row[i].state == PORT_GONE || p->row[i].state == PORT_EMPTY) {
            hash_out(p, (int)i);
            memset(&p->row[i], 0, sizeof p->row[i]);
            return (int)i;
        }
    }
    return -1;
}

static bool is_live(const struct port_row *r)
{
    return r->state == PORT_UP || r->state == PORT_DOWN;
}

static void set_gone(struct ports *p, int i)
{
    if (is_live(&p->row[i])) {
        p->live--;
        p->row[i].state = PORT_GONE;
        p->row[i].flaps++;
        put(p, i);
    }
}

/* A row with such a number, or with no state that there is, was not written by a sane predecessor.
 */
#define SESSION_END (1ull << 62)

void ports_open(struct ports *p, struct topo *t)
{
    memset(p, 0, sizeof *p);
    memset(p->bucket, 0xff, sizeof p->bucket);
    topo_board_writer(t, &p->board, TOPO_PORTS);
    for (int i = 0; i < PORTS_ROWS; i++) {
        board_peek(&p->board, (unsigned)i, &p->row[i]);
        if (p->row[i].state > PORT_GONE || p->row[i].session >= SESSION_END) {
            memset(&p->row[i], 0, sizeof p->row[i]);
            put(p, i);
        }
        if (p->row[i].state == PORT_EMPTY) {
            continue;
        }
        p->used = (unsigned)i + 1;
        hash_in(p, i);
        p->live += is_live(&p->row[i]);
        set_gone(p, i);
    }
    ports_publish(p);
}

void ports_close(struct ports *p)
{
    for (int i = 0; i < (int)p->used; i++) {
        set_gone(p, i);
    }
    ports_publish(p);
    board_write_leave(&p->board);
}

uint64_t ports_last_session(const struct ports *p)
{
    uint64_t last = 0;

    for (unsigned i = 0; i < p->used; i++) {
        last = p->row[i].session > last ? p->row[i].session : last;
    }
    return last;
}

bool ports_put(struct ports *p, uint64_t dpid, uint64_t session, const struct port_news *news)
{
    int i = ports_row(p, dpid, news->port);
    struct port_row row;

    if (i < 0) {
        i = take_row(p);
        if (i < 0) {
            return false;
        }
        p->row[i].dpid = dpid;
        p->row[i].port = news->port;
        hash_in(p, i);
    }
    row = p->row[i];
    p->live += !is_live(&row);
    row.state = news->up ? PORT_UP : PORT_DOWN;
    row.flaps += p->row[i].state != PORT_EMPTY && p->row[i].state != row.state;
    row.speed = news->speed;
    row.session = session;
    memcpy(row.mac, news->mac, sizeof row.mac);
    memcpy(row.name, news->name, sizeof row.name);
    if (memcmp(&row, &p->row[i], sizeof row) != 0) {
        p->row[i] = row;
        put(p, i);
    }
    return true;
}

bool ports_gone(struct ports *p, uint64_t dpid, uint32_t port)
{
    int i = ports_row(p, dpid, port);

    if (i < 0 || p->row[i].state == PORT_GONE) {
        return false;
    }
    set_gone(p, i);
    return true;
}

void ports_sweep(struct ports *p, uint64_t dpid, uint64_t session)
{
    for (int i = 0; i < (int)p->used; i++) {
        if (p->row[i].dpid == dpid && p->row[i].session < session) {
            set_gone(p, i);
        }
    }
}

void ports_all_gone(struct ports *p, uint64_t dpid)
{
    ports_sweep(p, dpid, UINT64_MAX);
}

unsigned ports_count(const struct ports *p, uint64_t dpid)
{
    unsigned n = 0;

    for (unsigned i = 0; i < p->used; i++) {
        n += p->row[i].dpid == dpid && is_live(&p->row[i]);
    }
    return n;
}

void ports_publish(struct ports *p)
{
    if (p->changed) {
        p->changed = false;
        board_publish(&p->board);
    }
}
