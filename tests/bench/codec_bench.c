/* tests/bench/codec_bench.c - messages read and written again, on one core.
 *
 * For each: read into a row of nodes, written from it, compared once; medians of five rounds, in
 * million messages a second.  Beside them what a memcpy of the same bytes costs, in the same run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/loop.h"
#include "common/proto/of10.h"
#include "common/proto/of13.h"

#define ROUNDS 5
#define ROUND_NS 200000000ull

static _Alignas(8) uint8_t memory[1 << 16];
static uint8_t bytes[OF_LONGEST], back[OF_LONGEST];

/* ---- the messages ------------------------------------------------------------------------- */

static size_t written(struct tree *t)
{
    of_end(t);
    if (!tree_good(t)) {
        fprintf(stderr, "codec_bench: a message does not fit its memory\n");
        exit(2);
    }
    return of_write(t, bytes, sizeof bytes);
}

static size_t packet_in10(struct tree *t)
{
    static const uint8_t frame[60];

    *(struct of10_packet_in *)of_begin(t, &of10, OF10_TYPE_PACKET_IN, 0) =
        (struct of10_packet_in){OF_NO_BUFFER, sizeof frame, 3, 0};
    tree_bytes(t, "data", frame, sizeof frame);
    return written(t);
}

static size_t packet_out10(struct tree *t)
{
    static const uint8_t frame[60];
    struct of10_packet_out *o = of_begin(t, &of10, OF10_TYPE_PACKET_OUT, 7);
    struct of10_action_output *a;

    o->buffer_id = OF_NO_BUFFER;
    o->in_port = OF10_PORT_NONE;
    a = tree_kind(t, "actions", "output");
    a->port = 2;
    tree_pop(t);
    tree_bytes(t, "data", frame, sizeof frame);
    return written(t);
}

static size_t packet_in13(struct tree *t)
{
    static const uint8_t frame[60], port[4] = {0, 0, 0, 3};

    *(struct of13_packet_in *)of_begin(t, &of13, OF13_TYPE_PACKET_IN, 0) =
        (struct of13_packet_in){.buffer_id = OF_NO_BUFFER, .total_len = sizeof frame};
    tree_kind(t, "match", "oxm");
    tree_oxm(t, "fields", 0x80000004, port);
    tree_pop(t);
    tree_bytes(t, "data", frame, sizeof frame);
    return written(t);
}

static size_t packet_out13(struct tree *t)
{
    static const uint8_t frame[60];
    struct of13_packet_out *o = of_begin(t, &of13, OF13_TYPE_PACKET_OUT, 7);
    struct of13_action_output *a;

    o->buffer_id = OF_NO_BUFFER;
    o->in_port = OF13_PORT_CONTROLLER;
    a = tree_kind(t, "actions", "output");
    a->port = 2;
    tree_pop(t);
    tree_bytes(t, "data", frame, sizeof frame);
    return written(t);
}

/* Six OXMs: in_port, eth_type, ip_proto, nw_src/24, nw_dst, tcp_dst; four actions: two set_field,
 * dec_ttl, output. */
static size_t flow_mod13(struct tree *t)
{
    static const uint8_t port[4] = {0, 0, 0, 3}, type[2] = {8, 0}, proto[1] = {6},
                         src[8] = {10, 0, 1, 0, 255, 255, 255, 0}, dst[4] = {10, 0, 2, 9},
                         tcp[2] = {0, 80}, mac[6] = {2, 0, 0, 0, 0, 1};
    struct of13_flow_mod *f = of_begin(t, &of13, OF13_TYPE_FLOW_MOD, 7);
    struct of13_action_output *a;

    f->buffer_id = OF_NO_BUFFER;
    f->priority = 100;
    tree_kind(t, "match", "oxm");
    tree_oxm(t, "fields", 0x80000004, port);
    tree_oxm(t, "fields", 0x80000a02, type);
    tree_oxm(t, "fields", 0x80001401, proto);
    tree_oxm(t, "fields", 0x80001708, src);
    tree_oxm(t, "fields", 0x80001804, dst);
    tree_oxm(t, "fields", 0x80001c02, tcp);
    tree_pop(t);
    tree_kind(t, "instructions", "apply_actions");
    tree_kind(t, "actions", "set_field");
    tree_oxm(t, "field", 0x80000606, mac);
    tree_pop(t);
    tree_kind(t, "actions", "set_field");
    tree_oxm(t, "field", 0x80000806, mac);
    tree_pop(t);
    tree_kind(t, "actions", "dec_ttl");
    tree_pop(t);
    a = tree_kind(t, "actions", "output");
    a->port = 2;
    tree_pop(t);
    tree_pop(t);
    return written(t);
}

/* ---- measuring ---------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static bool once(const struct of_version *v, struct tree *t, size_t len)
{
    struct tree_fault fault;

    return of_read(v, bytes, len, t, &fault) && of_write(t, back, sizeof back) == len;
}

static bool copied(const struct of_version *v, struct tree *t, size_t len)
{
    (void)v;
    memcpy(memory, bytes, len);
    memcpy(back, memory, len);
    __asm__ volatile("" : : "r"(t) : "memory");
    return true;
}

/* Million turns a second. */
static double rate(bool (*turn)(const struct of_version *, struct tree *, size_t),
                   const struct of_version *v, struct tree *t, size_t len)
{
    uint64_t start = loop_now_ns(), now, n = 0;

    do {
        for (unsigned i = 0; i < 1000; i++) {
            if (!turn(v, t, len)) {
                fprintf(stderr, "codec_bench: a message was refused\n");
                exit(2);
            }
        }
        n += 1000;
        now = loop_now_ns();
    } while (now - start < ROUND_NS);
    return (double)n * 1000.0 / (double)(now - start);
}

static void measure(const char *name, const struct of_version *v, size_t (*make)(struct tree *))
{
    double codec[ROUNDS], copy[ROUNDS];
    struct tree t;
    size_t len;

    tree_open(&t, memory, sizeof memory);
    len = make(&t);
    if (!once(v, &t, len) || memcmp(bytes, back, len) != 0) {
        fprintf(stderr, "codec_bench: %s is not written as it was read\n", name);
        exit(1);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        codec[i] = rate(once, v, &t, len);
        copy[i] = rate(copied, v, &t, len);
    }
    qsort(codec, ROUNDS, sizeof codec[0], compare);
    qsort(copy, ROUNDS, sizeof copy[0], compare);
    printf("%-28s %4zu bytes  %7.2f M/s  (%.2f to %.2f)   two memcpy %8.1f M/s\n", name, len,
           codec[ROUNDS / 2], codec[0], codec[ROUNDS - 1], copy[ROUNDS / 2]);
}

static const struct kind {
    const char *name;
    const struct of_version *version;
    size_t (*make)(struct tree *);
} kinds[] = {
    {"1.0 PACKET_IN, 60-byte frame", &of10, packet_in10},
    {"1.0 PACKET_OUT", &of10, packet_out10},
    {"1.3 PACKET_IN", &of13, packet_in13},
    {"1.3 PACKET_OUT", &of13, packet_out13},
    {"1.3 FLOW_MOD, 6 OXM, 4 act.", &of13, flow_mod13},
};

/* codec_bench KIND TURNS: so many turns of one kind and nothing else, to count instructions of. */
static int count(unsigned kind, unsigned long turns)
{
    struct tree t;
    size_t len;

    if (kind >= sizeof kinds / sizeof kinds[0]) {
        fprintf(stderr, "codec_bench: kind %u: expected a number below %zu\n", kind,
                sizeof kinds / sizeof kinds[0]);
        return 2;
    }
    tree_open(&t, memory, sizeof memory);
    len = kinds[kind].make(&t);
    for (unsigned long i = 0; i < turns; i++) {
        once(kinds[kind].version, &t, len);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        return count((unsigned)strtoul(argv[1], NULL, 10), strtoul(argv[2], NULL, 10));
    }
    printf("read and written again, one core, no allocation:\n");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        measure(kinds[i].name, kinds[i].version, kinds[i].make);
    }
    return 0;
}
