/* tests/race/ring_race.c - the index protocol and the doorbell under ThreadSanitizer.
 *
 * Two threads of one process map both halves of a ring at the same addresses (ThreadSanitizer is
 * silent between processes).  The reader sleeps in poll() on its doorbell whenever ring_rx_arm lets
 * it; a wake-up that does not come within a second is a lost one.  Exit status 0: all well. */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/bell.h"
#include "shm/board.h"
#include "shm/ring.h"

#define RECORDS 200000

static struct ring_tx tx;
static struct ring_rx rx;
static struct bell bell;
static unsigned lost, sleeps;

static void *produce(void *unused)
{
    unsigned burst = 0;

    (void)unused;
    for (uint64_t seq = 1; seq <= RECORDS;) {
        struct record r = {.seq = seq, .head_len = 40 + (uint32_t)(seq % 100)};
        uint8_t *head = ring_reserve(&tx, r.head_len);

        if (head) {
            memset(head, (int)(seq & 0xff), r.head_len);
            ring_commit(&tx, &r);
            seq++;
        }
        if (!head || ++burst % (1 + seq % 7) == 0) {
            ring_publish(&tx);
        }
        if (seq % 64 == 0) {
            usleep(1); /* lets the reader fall asleep; nothing depends on it */
        }
    }
    ring_publish(&tx);
    return NULL;
}

static void wait_for_bell(void)
{
    struct pollfd p = {.fd = bell.fd, .events = POLLIN};

    if (ring_rx_arm(&rx)) {
        return;
    }
    sleeps++;
    if (poll(&p, 1, 1000) == 0) {
        lost++;
    }
    bell_drain(&bell);
}

static bool intact(const struct record *r, const uint8_t *head, uint64_t seq)
{
    if (r->seq != seq || r->head_len != 40 + seq % 100) {
        return false;
    }
    for (uint32_t i = 0; i < r->head_len; i++) {
        if (head[i] != (uint8_t)seq) {
            return false;
        }
    }
    return true;
}

int main(void)
{
    char path[64], why[300];
    pthread_t producer;
    uint64_t seq = 1;

    snprintf(path, sizeof path, "/dev/shm/cw-race-%d.bell", (int)getpid());
    if (bell_open(&bell, path, why, sizeof why) != 0 || ring_private(&tx, &rx, 65536) != 0) {
        fprintf(stderr, "ring_race: cannot start: %s\n", why);
        return 1;
    }
    unlink(path);
    tx.bell = &bell;
    pthread_create(&producer, NULL, produce, NULL);
    while (seq <= RECORDS) {
        struct record r;
        const uint8_t *head;
        unsigned n = 0;

        while (n < 32 && ring_peek(&rx, &r, &head)) {
            if (!intact(&r, head, seq)) {
                fprintf(stderr, "ring_race: record %" PRIu64 " is not what was put in\n", seq);
                return 1;
            }
            ring_next(&rx);
            seq++;
            n++;
        }
        ring_release(&rx);
        if (ring_rx_bad(&rx)) {
            fprintf(stderr, "ring_race: %s\n", rx.why);
            return 1;
        }
        if (n == 0) {
            wait_for_bell();
        }
    }
    pthread_join(producer, NULL);
    printf("ring_race: %d records, %u sleeps, %u wake-ups lost\n", RECORDS, sleeps, lost);
    return lost != 0 || sleeps == 0;
}
