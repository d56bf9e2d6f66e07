/* shm/account.c - snapshots of counters, with what is published counted. */
#include "shm/account.h"

#include <errno.h>
#include <string.h>

#include "shm/guard.h"

#define PARTS(...)                                                                                 \
    {                                                                                              \
        __VA_ARGS__, COUNTERS                                                                      \
    }
#define IN(...)                                                                                    \
    {                                                                                              \
        __VA_ARGS__, COUNTERS                                                                      \
    }
#define OUT(...)                                                                                   \
    {                                                                                              \
        __VA_ARGS__, COUNTERS                                                                      \
    }
const struct account accounts[] = {
#define A(PROCESS, name, WHOLE, parts, text)                                                       \
    {COUNTER_OF_##PROCESS, name, text, PROCESS##_##WHOLE, parts},
#include "shm/accounts.def"
};
const size_t n_accounts = sizeof accounts / sizeof accounts[0];
const struct account_ring account_rings[] = {
#define L(RING, in, out) {TOPO_##RING, in, out},
#include "shm/accounts.def"
};
const size_t n_account_rings = sizeof account_rings / sizeof account_rings[0];

int account_read(const char *run_dir, enum counter_process p, struct counter_snapshot *s)
{
    struct counter_view v;
    struct ring_stats ring;
    bool whole;
    int guard, err = counter_view_open(&v, run_dir, topo_process_name((enum topo_process)p));

    if (err != 0) {
        return err;
    }
    guard = guard_add(v.map, -1, v.size, 0);
    whole = counter_view_snapshot(&v, s) && !guard_hurt(guard);
    guard_remove(guard);
    counter_view_close(&v);
    if (!whole) {
        return -EPROTO;
    }
    if (s->n_note > 0 && s->output < TOPO_RINGS &&
        topo_ring_stats(run_dir, (enum topo_ring)s->output, &ring) == 0) {
        counter_snapshot_settle(s, (unsigned)s->output, ring.tail);
    }
    return 0;
}

static uint64_t sum(const struct counter_snapshot *s, const enum counter *c)
{
    uint64_t total = 0;

    for (; *c != COUNTERS; c++) {
        total += counter_snapshot_get(s, *c);
    }
    return total;
}

int64_t account_sum(const struct counter_snapshot *s, const struct account *a)
{
    return (int64_t)(counter_snapshot_get(s, a->whole) - sum(s, a->part));
}

int64_t account_reasons(const struct counter_snapshot *s, enum counter_process p,
                        enum counter_kind k)
{
    enum counter total = counter_total(p, k);
    uint64_t left = total < COUNTERS ? counter_snapshot_get(s, total) : 0;

    for (unsigned d = 0; d < DROPS; d++) {
        left -= counter_snapshot_drop(s, k, (enum drop)d);
    }
    return (int64_t)left;
}

int account_look(const char *run_dir, struct account_look *look)
{
    static const enum counter_process order[] = {COUNTER_OF_OFPROXY, COUNTER_OF_VNSBRIDGE,
                                                 COUNTER_OF_ROUTER, COUNTER_OF_VNSBRIDGE,
                                                 COUNTER_OF_OFPROXY};

    memset(look, 0, sizeof *look);
    for (unsigned i = 0; i < sizeof order / sizeof order[0]; i++) {
        struct counter_snapshot *s = i < COUNTER_PROCESSES ? look->first : look->later;
        int err = account_read(run_dir, order[i], &s[order[i]]);

        if (err != 0 && err != -ENOENT) {
            return err;
        }
        look->there[order[i]] = err == 0;
    }
    look->later[COUNTER_OF_ROUTER] = look->first[COUNTER_OF_ROUTER];
    return 0;
}

uint64_t account_counted_in(const struct account_look *look, const struct account_ring *r)
{
    return sum(&look->later[topo_ring_writer(r->ring)], r->in);
}

uint64_t account_counted_out(const struct account_look *look, const struct account_ring *r)
{
    return sum(&look->first[topo_ring_reader(r->ring)], r->out);
}

int64_t account_under_way(const struct account_look *look, const struct account_ring *r)
{
    return (int64_t)(account_counted_in(look, r) - account_counted_out(look, r));
}

int64_t account_drops_under_way(const struct account_look *look, enum drop why)
{
    const struct counter_snapshot *s = look->later;

    return (int64_t)(counter_snapshot_drop(&s[COUNTER_OF_OFPROXY], COUNTER_DECIDED, why) +
                     counter_snapshot_drop(&s[COUNTER_OF_VNSBRIDGE], COUNTER_DROPPED, why) +
                     counter_snapshot_drop(&s[COUNTER_OF_ROUTER], COUNTER_DECIDED, why) -
                     counter_snapshot_drop(&look->first[COUNTER_OF_OFPROXY], COUNTER_DROPPED, why));
}

bool account_holds(const struct account_look *look)
{
    bool holds = true;

    for (size_t i = 0; i < n_accounts; i++) {
        holds = holds && (!look->there[accounts[i].owner] ||
                          account_sum(&look->later[accounts[i].owner], &accounts[i]) == 0);
    }
    for (unsigned p = 0; p < COUNTER_PROCESSES; p++) {
        for (unsigned k = 0; k < COUNTER_KINDS && look->there[p]; k++) {
            holds = holds && (counter_total(p, k) == COUNTERS ||
                              account_reasons(&look->later[p], p, k) == 0);
        }
    }
    for (size_t i = 0; i < n_account_rings; i++) {
        holds = holds && account_under_way(look, &account_rings[i]) >= 0;
    }
    for (unsigned d = DROP_NONE + 1; d < DROPS; d++) {
        holds = holds && account_drops_under_way(look, d) >= 0;
    }
    return holds;
}
