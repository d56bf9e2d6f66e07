/* tests/fuzz/ofproxy_rig.h - the rig of ofproxy's unit tests, started once; its switches come and
 * go with each input, and nothing of them may be kept. */
#ifndef TESTS_FUZZ_OFPROXY_RIG_H
#define TESTS_FUZZ_OFPROXY_RIG_H

#include "tests/fuzz/fuzz.h"

#define RIG_DIR fuzz_dir()
#include "tests/unit/ofproxy_rig.h"

static struct rig rig;
static uint8_t told[4u << 20];

struct peer {
    int fd;
    size_t n_told; /* bytes in 'told' that are no whole message yet */
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    rig_open(&rig);
    return 0;
}

/* All that ofproxy said is whole messages that a controller may send. */
static inline void listen_to(struct peer *p)
{
    ssize_t n;

    while ((n = recv(p->fd, told + p->n_told, sizeof told - p->n_told, 0)) > 0) {
        size_t at = 0;

        p->n_told += (size_t)n;
        while (p->n_told - at >= OF_HEADER) {
            struct of_header h = of_header_at(told + at);
            struct of_fault fault;

            if (h.type == OF10_TYPE_ERROR && h.version > 0 && h.version < OF13_VERSION) {
                h.version = OF10_VERSION; /* to a peer with no version in common: the smaller one */
            }
            fuzz_check(of_check(h.version == OF13_VERSION ? &of13 : &of10, &h, OF_DOWN, &fault),
                       "%s", fault.what);
            if (h.length > p->n_told - at) {
                break;
            }
            at += h.length;
        }
        memmove(told, told + at, p->n_told - at);
        p->n_told -= at;
    }
}

static inline void leave(struct peer *p)
{
    close(p->fd);
    p->n_told = 0;
    rig_turn(&rig);
}

/* A switch that knows what it is asked for: its first bytes are a good handshake. */
static inline struct peer enter(uint64_t dpid, bool shaken)
{
    struct peer p = {rig_connect(&rig), 0};

    if (shaken) {
        rig_shake(&rig, p.fd, dpid, 3);
    }
    return p;
}

static inline void give_up(void *context, uint32_t ticket, const struct arena_flight *f)
{
    struct record r = {
        .verdict = VERDICT_DROPPED, .reason = DROP_NO_ROUTE, .seq = f->seq, .ticket = ticket};

    (void)context;
    fuzz_check(ring_reserve(&rig.pkt_out, 0) != NULL);
    ring_commit(&rig.pkt_out, &r);
}

/* With all switches gone and all flights settled, nothing is kept. */
static inline void check_empty(void)
{
    if (arena_in_flight(&rig.p->arena) > 0) {
        arena_each(&rig.p->arena, give_up, NULL);
        ring_publish(&rig.pkt_out);
    }
    while (arena_in_flight(&rig.p->arena) > 0) {
        unsigned before = arena_in_flight(&rig.p->arena);

        rig_turn(&rig);
        fuzz_check(arena_in_flight(&rig.p->arena) < before);
    }
    rig_adds_up(&rig);
    fuzz_check(rig.p->n_conns == 0 && rig.p->n_switches == 0, "%u connections, %u switches",
               rig.p->n_conns, rig.p->n_switches);
    fuzz_check(rig.p->arena.n_free_chunk + (rig.p->intake.chunk >= 0) == ARENA_CHUNKS,
               "%u chunks are free", rig.p->arena.n_free_chunk);
}

#endif
