/* router/neigh.c - the neighbour table and its timers. */
#include "router/neigh.h"

#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "router/iface.h"

#define AGAIN_NS 10000000ull /* the packet thread's ring was full: say it again after 10 ms */

static unsigned bucket_of(uint32_t ip, uint32_t iface)
{
    uint32_t h = (ip ^ iface * 0x9e3779b9u) * 2654435761u;

    return h >> 16 & (NEIGH_BUCKETS - 1);
}

void neigh_open(struct neigh *t, struct talk *talk)
{
    memset(t, 0, sizeof *t);
    t->talk = talk;
}

/* ---- packet thread ------------------------------------------------------------------------ */

struct neigh_node *neigh_lookup(const struct neigh *t, uint32_t ip, uint32_t iface)
{
    struct neigh_node *n = rcu_dereference(t->bucket[bucket_of(ip, iface)]);

    while (n && (n->ip != ip || n->iface != iface)) {
        n = rcu_dereference(n->next);
    }
    return n;
}

void neigh_used(struct neigh_node *n, uint64_t now)
{
    CMM_STORE_SHARED(n->used_ns, now);
}

bool neigh_is_news(const struct neigh *t, uint32_t ip, uint32_t iface, const uint8_t mac[6],
                   uint64_t now)
{
    const struct neigh_node *n = neigh_lookup(t, ip, iface);

    return !n || memcmp(n->mac, mac, 6) != 0 || now > CMM_LOAD_SHARED(n->heard_ns) + NEIGH_SECOND;
}

/* ---- control thread: nodes ---------------------------------------------------------------- */

static void node_unlink(struct neigh *t, struct neigh_node *n)
{
    struct neigh_node **link = &t->bucket[bucket_of(n->ip, n->iface)];

    while (*link != n) {
        link = &(*link)->next;
    }
    CMM_STORE_SHARED(*link, n->next);
}

/* A reader may still stand on 'n' and follow n->next, so the list of garbage is made only after the
 * grace period; until then the garbage is linked through 'heard_ns', which no reader follows. */
static void node_discard(struct neigh *t, struct neigh_node *n)
{
    node_unlink(t, n);
    n->heard_ns = (uint64_t)(uintptr_t)t->garbage;
    t->garbage = n;
}

static void free_garbage(struct neigh *t)
{
    if (!t->garbage) {
        return;
    }
    synchronize_rcu();
    while (t->garbage) {
        struct neigh_node *n = t->garbage;

        t->garbage = (struct neigh_node *)(uintptr_t)n->heard_ns;
        free(n);
    }
}

/* Publishes a node for 'e', in place of the one it has.  False: no memory. */
static bool node_put(struct neigh *t, struct neigh_entry *e, const uint8_t mac[6], uint64_t now)
{
    struct neigh_node **head = &t->bucket[bucket_of(e->ip, e->iface)];
    struct neigh_node *n = calloc(1, sizeof *n);

    if (!n) {
        return false;
    }
    n->ip = e->ip;
    n->iface = e->iface;
    n->heard_ns = now;
    memcpy(n->mac, mac, 6);
    if (e->node) {
        n->used_ns = CMM_LOAD_SHARED(e->node->used_ns);
        node_discard(t, e->node);
    }
    n->next = *head;
    rcu_assign_pointer(*head, n);
    e->node = n;
    return true;
}

/* ---- control thread: entries -------------------------------------------------------------- */

static struct neigh_entry *entry_find(struct neigh *t, uint32_t ip, uint32_t iface)
{
    uint16_t at = t->index[bucket_of(ip, iface)];

    while (at != 0) {
        struct neigh_entry *e = &t->entry[at - 1];

        if (e->ip == ip && e->iface == iface) {
            return e;
        }
        at = e->chain;
    }
    return NULL;
}

static void entry_remove(struct neigh *t, struct neigh_entry *e)
{
    uint16_t *link = &t->index[bucket_of(e->ip, e->iface)];
    uint16_t self = (uint16_t)(e - t->entry + 1);

    while (*link != self) {
        link = &t->entry[*link - 1].chain;
    }
    *link = e->chain;
    if (e->node) {
        node_discard(t, e->node);
    }
    *e = (struct neigh_entry){0};
}

static uint64_t last_use(const struct neigh_entry *e)
{
    uint64_t used = CMM_LOAD_SHARED(e->node->used_ns);

    return used > e->node->heard_ns ? used : e->node->heard_ns;
}

/* A free place, or the complete entry that was unused for longest; NULL: all are being resolved. */
static struct neigh_entry *entry_place(struct neigh *t)
{
    struct neigh_entry *oldest = NULL;

    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        struct neigh_entry *e = &t->entry[i];

        if (e->state == NEIGH_FREE) {
            return e;
        }
        if (e->state == NEIGH_REACHABLE && !e->owed &&
            (!oldest || last_use(e) < last_use(oldest))) {
            oldest = e;
        }
    }
    if (oldest) {
        entry_remove(t, oldest);
    }
    return oldest;
}

static struct neigh_entry *entry_new(struct neigh *t, uint32_t ip, uint32_t iface, uint64_t now)
{
    struct neigh_entry *e = entry_place(t);
    uint16_t *head = &t->index[bucket_of(ip, iface)];

    if (e) {
        *e = (struct neigh_entry){.state = NEIGH_INCOMPLETE,
                                  .ip = ip,
                                  .iface = iface,
                                  .next_ns = now,
                                  .since_ns = now,
                                  .chain = *head};
        *head = (uint16_t)(e - t->entry + 1);
    }
    return e;
}

static bool order(struct neigh *t, enum talk_type type, const struct neigh_entry *e,
                  const uint8_t mac[6])
{
    struct talk_message m = {.type = type, .iface = e->iface, .ip = e->ip};

    memcpy(m.mac, mac, 6);
    return talk_down(t->talk, &m);
}

static const uint8_t everyone[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* ---- what is heard ------------------------------------------------------------------------ */

static void learned(struct neigh *t, const struct talk_message *m, uint64_t now)
{
    struct neigh_entry *e = entry_find(t, m->ip, m->iface);

    if (!e && m->create) {
        e = entry_new(t, m->ip, m->iface, now);
    }
    if (!e) {
        return;
    }
    if (!e->node || memcmp(e->node->mac, m->mac, 6) != 0) {
        if (!node_put(t, e, m->mac, now)) {
            return;
        }
    } else {
        CMM_STORE_SHARED(e->node->heard_ns, now);
    }
    if (e->state == NEIGH_INCOMPLETE) {
        e->state = NEIGH_REACHABLE;
        e->owed = true;
    }
    e->tries = 0;
    e->next_ns = now + NEIGH_REFRESH;
}

static void needed(struct neigh *t, const struct talk_message *m, uint64_t now)
{
    struct neigh_entry *e = entry_find(t, m->ip, m->iface);

    if (e) {
        e->owed = e->state == NEIGH_REACHABLE;
    } else if (!entry_new(t, m->ip, m->iface, now)) {
        struct talk_message no = {.type = TALK_FAILED, .iface = m->iface, .ip = m->ip};

        talk_down(t->talk, &no);
    }
}

void neigh_hear(struct neigh *t, const struct talk_message *m, uint64_t now)
{
    if (m->type == TALK_LEARNED) {
        learned(t, m, now);
    } else if (m->type == TALK_NEEDED) {
        needed(t, m, now);
    }
}

/* ---- timers ------------------------------------------------------------------------------- */

/* Both return when the entry wants to be looked at again; UINT64_MAX: it is gone. */
static uint64_t pass_incomplete(struct neigh *t, struct neigh_entry *e, uint64_t now)
{
    if (now < e->next_ns) {
        return e->next_ns;
    }
    if (e->tries == NEIGH_REQUESTS) {
        if (!order(t, TALK_FAILED, e, everyone)) {
            return now + AGAIN_NS;
        }
        entry_remove(t, e);
        return UINT64_MAX;
    }
    if (!order(t, TALK_REQUEST, e, everyone)) {
        return now + AGAIN_NS;
    }
    e->tries++;
    e->next_ns = now + NEIGH_SECOND;
    return e->next_ns;
}

static uint64_t pass_reachable(struct neigh *t, struct neigh_entry *e, uint64_t now)
{
    uint64_t heard = e->node->heard_ns, end = heard + NEIGH_LIFE;

    if (e->owed) {
        e->owed = !order(t, TALK_RESOLVED, e, e->node->mac);
        if (e->owed) {
            return now + AGAIN_NS;
        }
    }
    if (now >= end) {
        entry_remove(t, e);
        return UINT64_MAX;
    }
    if (now >= e->next_ns) {
        if (CMM_LOAD_SHARED(e->node->used_ns) > heard) {
            if (!order(t, TALK_REQUEST, e, e->tries < 2 ? e->node->mac : everyone)) {
                return now + AGAIN_NS;
            }
            e->tries++;
        }
        e->next_ns = now + NEIGH_SECOND;
    }
    return e->next_ns < end ? e->next_ns : end;
}

uint64_t neigh_pass(struct neigh *t, uint64_t now)
{
    uint64_t next = UINT64_MAX;

    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        struct neigh_entry *e = &t->entry[i];
        uint64_t due = UINT64_MAX;

        if (e->state == NEIGH_INCOMPLETE) {
            due = pass_incomplete(t, e, now);
        } else if (e->state == NEIGH_REACHABLE) {
            due = pass_reachable(t, e, now);
        }
        next = due < next ? due : next;
    }
    talk_down_flush(t->talk);
    free_garbage(t);
    return next;
}

/* An entry that frames wait for is let fail by its timer, which also deals with a full ring. */
static void forget(struct neigh *t, struct neigh_entry *e)
{
    if (e->state == NEIGH_REACHABLE && !e->owed) {
        entry_remove(t, e);
        return;
    }
    if (e->node) {
        node_discard(t, e->node);
        e->node = NULL;
    }
    e->state = NEIGH_INCOMPLETE;
    e->owed = false;
    e->tries = NEIGH_REQUESTS;
    e->next_ns = 0;
}

bool neigh_forget(struct neigh *t, uint32_t ip, uint32_t iface)
{
    struct neigh_entry *e = entry_find(t, ip, iface);

    if (e) {
        forget(t, e);
    }
    return e != NULL;
}

void neigh_moved(struct neigh *t, uint32_t iface, uint64_t now)
{
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        struct neigh_entry *e = &t->entry[i];

        if (e->state == NEIGH_FREE || e->iface != iface) {
            continue;
        }
        forget(t, e);
        if (e->state == NEIGH_INCOMPLETE) {
            e->tries = 0;
            e->next_ns = now;
        }
    }
}

unsigned neigh_flush(struct neigh *t, uint32_t iface)
{
    unsigned n = 0;

    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        struct neigh_entry *e = &t->entry[i];

        if (e->state != NEIGH_FREE && (iface == IFACE_NONE || e->iface == iface)) {
            forget(t, e);
            n++;
        }
    }
    return n;
}

void neigh_close(struct neigh *t)
{
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        if (t->entry[i].state != NEIGH_FREE) {
            entry_remove(t, &t->entry[i]);
        }
    }
    free_garbage(t);
}
