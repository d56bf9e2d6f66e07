/* tests/race/mirror_race.c - one writer and two readers of a mirror under ThreadSanitizer.
 *
 * Threads of one process map the same file (ThreadSanitizer is silent between processes).  All
 * shared words are atomic, so what it can find is a plain access among them; that no record is
 * believed that was overwritten meanwhile shows in its bytes, and that none is forgotten in the
 * sum.  One reader is slow, and is overrun all the time.  Exit status 0: all well. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shm/mirror.h"

#define RECORDS 60000
#define SIZE (256 * 1024)

struct look {
    struct mirror_reader r;
    struct mirror_record record;
    bool slow, bad;
    uint64_t seen;
};
static struct look looks[2];
static struct mirror_writer w;
static atomic_bool done;

static size_t len_of(uint64_t seq)
{
    return seq % 8 == 0 ? 60000
                        : 20 + seq * 37 % 1900; /* long ones are overtaken while they are read */
}

static bool intact(const struct mirror_record *m)
{
    uint64_t seq;

    if (m->meta_len != sizeof seq || m->len != len_of(m->seq)) {
        return false;
    }
    memcpy(&seq, m->meta, sizeof seq);
    for (uint32_t i = 0; i < m->len; i++) {
        if (m->data[i] != (uint8_t)m->seq) {
            return false;
        }
    }
    return seq == m->seq;
}

static void *follow(void *arg)
{
    struct look *l = arg;
    bool last;

    do {
        last = atomic_load(&done);
        while (mirror_next(&l->r, &l->record)) {
            l->bad |= !intact(&l->record);
            l->seen++;
            if (l->slow && l->seen % 16 == 0) {
                usleep(500);
            }
        }
    } while (!last || l->r.at != w.end);
    return NULL;
}

int main(void)
{
    static uint8_t bytes[MIRROR_DATA];
    char path[64], why[300];
    pthread_t thread[2];
    int status = 0;

    snprintf(path, sizeof path, "/dev/shm/cw-race-%d.mirror", (int)getpid());
    if (mirror_write_join(&w, path, SIZE, why, sizeof why) != 0) {
        fprintf(stderr, "mirror_race: cannot start: %s\n", why);
        return 1;
    }
    for (unsigned i = 0; i < 2; i++) {
        looks[i].slow = i == 1;
        if (mirror_read_join(&looks[i].r, path, SIZE, why, sizeof why) != 0) {
            fprintf(stderr, "mirror_race: cannot start: %s\n", why);
            return 1;
        }
        pthread_create(&thread[i], NULL, follow, &looks[i]);
    }
    unlink(path);
    for (uint64_t seq = 1; seq <= RECORDS; seq++) {
        size_t len = len_of(seq), cut = len / 2;

        memset(bytes, (int)(seq & 0xff), len);
        mirror_put(&w, &seq, sizeof seq, (struct iovec[]){{bytes, cut}, {bytes, len - cut}}, 2);
        if (seq % 32 == 0) {
            usleep(1); /* lets the readers catch up; nothing depends on it */
        }
    }
    atomic_store(&done, true);
    for (unsigned i = 0; i < 2; i++) {
        const struct look *l = &looks[i];

        pthread_join(thread[i], NULL);
        printf("mirror_race: %" PRIu64 " read, %" PRIu64 " missed\n", l->seen,
               mirror_missed(&l->r));
        status |= l->bad || l->seen < RECORDS / 100 || l->seen + mirror_missed(&l->r) != RECORDS;
    }
    if (mirror_missed(&looks[1].r) == 0) {
        fprintf(stderr, "mirror_race: the slow reader was never overrun\n");
        status = 1;
    }
    return status;
}
