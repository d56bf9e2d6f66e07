/* tests/fake/reflector.c - stands in for vnsbridge: sends each frame back out of the port by which
 * it came, so that ofproxy and the rings can be tried and measured alone.
 *
 *   reflector RUN_DIR          until SIGTERM */
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/loop.h"
#include "shm/topo.h"
#include "shm/wait.h"

#define BATCH 64

static struct topo topo;
static struct ring_rx pkt_in;
static struct ring_tx pkt_out;

static unsigned reflect(void)
{
    const uint8_t *head;
    struct record r;
    unsigned n = 0;

    while (n < BATCH && ring_peek(&pkt_in, &r, &head)) {
        uint8_t *to = ring_reserve(&pkt_out, r.head_len);

        if (!to) {
            break;
        }
        memcpy(to, head, r.head_len);
        r.verdict = VERDICT_FORWARDED;
        ring_commit(&pkt_out, &r);
        ring_next(&pkt_in);
        n++;
    }
    ring_settle(&pkt_out, 0, ring_position(&pkt_in));
    ring_publish(&pkt_out);
    ring_release(&pkt_in);
    return n;
}

int main(int argc, char **argv)
{
    struct waiter waiter;
    struct loop loop;

    log_open("reflector", LOG_TEXT);
    if (argc != 2) {
        die_usage("usage: reflector RUN_DIR");
    }
    if (loop_open(&loop) != 0 || loop_catch_signals(&loop) != 0) {
        die("cannot open the event loop");
    }
    topo_open(&topo, argv[1], TOPO_VNSBRIDGE);
    topo_rx(&topo, &pkt_in, TOPO_PKT_IN);
    topo_tx(&topo, &pkt_out, TOPO_PKT_OUT);
    ring_rx_skip(&pkt_in, ring_settled(&pkt_out, 0));
    if (wait_open(&waiter, &loop, WAIT_AUTO, 20, &topo.bell[TOPO_VNSBRIDGE]) != 0) {
        die("cannot wait");
    }
    wait_ring(&waiter, &pkt_in);
    role_state(&topo.role, ROLE_READY, "reflecting");
    topo_ring_all(&topo);
    while (loop_running(&loop)) {
        wait_turn(&waiter, reflect());
    }
    topo_close(&topo);
    return 0;
}
