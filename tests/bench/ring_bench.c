/* tests/bench/ring_bench.c - what a ring costs, between processes.
 *
 *     ring_bench             throughput by frame size and batch, and the chain A-B-C-B-A
 *     ring_bench -p sleep    the chain with another wait policy (auto, yield, poll, sleep)
 *
 * Prints medians of five rounds.  Ratios within one run mean something on a noisy machine; absolute
 * figures do not. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/loop.h"
#include "shm/bell.h"
#include "shm/ring.h"
#include "shm/wait.h"

#define ROUNDS 5
#define RING (2u << 20)

static char dir[] = "/dev/shm/cw-bench-XXXXXX";

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* One producer process, this process consumes; million records a second. */
static double throughput(uint32_t head_len, unsigned batch, uint64_t records)
{
    struct ring_tx tx;
    struct ring_rx rx;
    uint64_t start, n = 0;
    uint8_t sink[2048];
    pid_t child;

    ring_private(&tx, &rx, RING);
    child = fork();
    if (child == 0) {
        for (uint64_t i = 1; i <= records;) {
            struct record r = {.seq = i, .head_len = head_len};
            uint8_t *head = ring_reserve(&tx, head_len);

            if (!head) {
                ring_publish(&tx);
                continue;
            }
            memset(head, 1, head_len);
            ring_commit(&tx, &r);
            if (i++ % batch == 0) {
                ring_publish(&tx);
            }
        }
        ring_publish(&tx);
        _exit(0);
    }
    start = loop_now_ns();
    while (n < records) {
        struct record r;
        const uint8_t *head;
        unsigned got = 0;

        while (got < batch && ring_peek(&rx, &r, &head)) {
            memcpy(sink, head, r.head_len);
            ring_next(&rx);
            got++;
        }
        ring_release(&rx);
        n += got;
    }
    start = loop_now_ns() - start;
    waitpid(child, NULL, 0);
    ring_private_free(&tx, &rx);
    return (double)records * 1000.0 / (double)start;
}

struct node {
    struct loop loop;
    struct waiter waiter;
    struct bell bells[3];
};

static void node_open(struct node *n, unsigned me, enum wait_policy policy)
{
    char why[200], path[100];

    loop_open(&n->loop);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%u.bell", dir, i);
        bell_open(&n->bells[i], path, why, sizeof why);
    }
    wait_open(&n->waiter, &n->loop, policy, 20, &n->bells[me]);
}

/* Passes what comes in 'rx' on to 'tx'; returns how many. */
static unsigned pass(struct ring_rx *rx, struct ring_tx *tx)
{
    struct record r;
    const uint8_t *from;
    unsigned n = 0;

    while (n < 32 && ring_peek(rx, &r, &from)) {
        uint8_t *to = ring_reserve(tx, r.head_len);

        if (!to) {
            break;
        }
        memcpy(to, from, r.head_len);
        ring_commit(tx, &r);
        ring_next(rx);
        ring_settle(tx, 0, ring_position(rx));
        n++;
    }
    ring_publish(tx);
    ring_release(rx);
    return n;
}

/* A -0-> B -1-> C -2-> B -3-> A; microseconds there and back (median), or with a window > 1
 * thousands of records a second. */
static double chain(enum wait_policy policy, unsigned window, unsigned records)
{
    struct ring_tx tx[4];
    struct ring_rx rx[4];
    struct node a, b;
    pid_t child[2];
    double *times = malloc(records * sizeof *times), result;
    unsigned sent = 0, back = 0;
    uint64_t start;
    static const unsigned reader[4] = {1, 2, 1, 0};

    for (unsigned i = 0; i < 4; i++) {
        ring_private(&tx[i], &rx[i], RING);
    }
    for (unsigned c = 0; c < 2; c++) {
        child[c] = fork();
        if (child[c] == 0) {
            node_open(&b, c + 1, policy);
            for (unsigned i = 0; i < 4; i++) {
                tx[i].bell = &b.bells[reader[i]];
            }
            wait_ring(&b.waiter, &rx[c == 0 ? 0 : 1]);
            if (c == 0) {
                wait_ring(&b.waiter, &rx[2]);
            }
            for (;;) {
                unsigned n =
                    c == 0 ? pass(&rx[0], &tx[1]) + pass(&rx[2], &tx[3]) : pass(&rx[1], &tx[2]);

                wait_turn(&b.waiter, n);
            }
        }
    }
    node_open(&a, 0, policy);
    tx[0].bell = &a.bells[1];
    wait_ring(&a.waiter, &rx[3]);
    start = loop_now_ns();
    while (back < records) {
        struct record r;
        const uint8_t *head;
        unsigned got = 0;

        while (sent < records && sent - back < window) {
            struct record out = {.rx_ns = loop_now_ns(), .head_len = 128};

            memset(ring_reserve(&tx[0], 128), 2, 128);
            ring_commit(&tx[0], &out);
            sent++;
        }
        ring_publish(&tx[0]);
        while (ring_peek(&rx[3], &r, &head)) {
            times[back++] = (double)(loop_now_ns() - r.rx_ns) / 1000.0;
            ring_next(&rx[3]);
            got++;
        }
        ring_release(&rx[3]);
        wait_turn(&a.waiter, got);
    }
    start = loop_now_ns() - start;
    qsort(times, records, sizeof *times, compare);
    result = window == 1 ? times[records / 2] : (double)records * 1e6 / (double)start;
    for (unsigned c = 0; c < 2; c++) {
        kill(child[c], SIGKILL);
        waitpid(child[c], NULL, 0);
    }
    free(times);
    return result;
}

static void print(const char *what, const char *unit, double *v)
{
    qsort(v, ROUNDS, sizeof *v, compare);
    printf("%-44s %9.2f %s  (%.2f-%.2f)\n", what, v[ROUNDS / 2], unit, v[0], v[ROUNDS - 1]);
}

int main(int argc, char **argv)
{
    static const uint32_t sizes[] = {64, 128, 1500};
    static const unsigned batches[] = {1, 32};
    enum wait_policy policy = WAIT_AUTO;
    double v[ROUNDS];
    char what[80];

    if (argc == 3 && strcmp(argv[1], "-p") == 0 && !wait_policy_parse(argv[2], &policy)) {
        fprintf(stderr, "ring_bench: '%s' is no wait policy: auto, yield, poll or sleep\n",
                argv[2]);
        return 2;
    }
    if (!mkdtemp(dir)) {
        return 1;
    }
    for (unsigned s = 0; s < 3; s++) {
        for (unsigned b = 0; b < 2; b++) {
            for (unsigned i = 0; i < ROUNDS; i++) {
                v[i] = throughput(sizes[s], batches[b], sizes[s] > 1000 ? 1000000 : 4000000);
            }
            snprintf(what, sizeof what, "ring, %u-byte head, batch %u", sizes[s], batches[b]);
            print(what, "M/s", v);
        }
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        v[i] = chain(policy, 1, 20000);
    }
    print("chain of three, 128 bytes, one in flight", "us", v);
    for (unsigned i = 0; i < ROUNDS; i++) {
        v[i] = chain(policy, 64, 400000);
    }
    print("chain of three, 128 bytes, 64 in flight", "k/s", v);
    snprintf(what, sizeof what, "rm -r %s", dir);
    return system(what) == 0 ? 0 : 1;
}
