/* tests/bench/codec_bench.c - messages read and written again, on one core, without allocation.
 *
 *     codec_bench KIND codec MILLISECONDS    nanoseconds to read a message into nodes and write it
 *     codec_bench KIND copy MILLISECONDS     ... of two memcpy of the same bytes
 *     codec_bench KIND TURNS                 so many and nothing else, to count instructions of
 *
 * KIND: 0 1.0 PACKET_IN, 1 1.0 PACKET_OUT, 2 and 3 the same in 1.3, 4 1.3 FLOW_MOD with 6 OXMs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/loop.h"
#include "common/proto/of10.h"
#include "common/proto/of13.h"

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

/* Nanoseconds a turn. */
static double measure(bool (*turn)(const struct of_version *, struct tree *, size_t),
                      const struct of_version *v, struct tree *t, size_t len, uint64_t ns)
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
    } while (now - start < ns);
    return (double)(now - start) / (double)n;
}

static const struct kind {
    const struct of_version *version;
    size_t (*make)(struct tree *);
} kinds[] = {{&of10, packet_in10},
             {&of10, packet_out10},
             {&of13, packet_in13},
             {&of13, packet_out13},
             {&of13, flow_mod13}};
#define KINDS (sizeof kinds / sizeof kinds[0])

int main(int argc, char **argv)
{
    unsigned long kind = argc > 1 ? strtoul(argv[1], NULL, 10) : KINDS;
    const struct of_version *v = kind < KINDS ? kinds[kind].version : NULL;
    struct tree t;
    size_t len;

    if (!v || argc < 3) {
        fprintf(stderr,
                "usage: codec_bench KIND codec|copy MILLISECONDS; codec_bench KIND TURNS; "
                "a kind below %zu\n",
                KINDS);
        return 2;
    }
    tree_open(&t, memory, sizeof memory);
    len = kinds[kind].make(&t);
    if (!once(v, &t, len) || memcmp(bytes, back, len) != 0) {
        fprintf(stderr, "codec_bench: the message is not written as it was read\n");
        return 1;
    }
    if (argc == 4) {
        printf("%.3f\n", measure(strcmp(argv[2], "copy") == 0 ? copied : once, v, &t, len,
                                 strtoull(argv[3], NULL, 10) * 1000000u));
        return 0;
    }
    for (unsigned long i = 0, turns = strtoul(argv[2], NULL, 10); i < turns; i++) {
        once(v, &t, len);
    }
    return 0;
}
