/* tests/race/pty_race.c - a terminal session's two halves under ThreadSanitizer: one who writes
 * output and takes input, one who types, and two who read, one of them so slowly that it is
 * overtaken all the time.
 *
 * All shared words are atomic, so what the sanitizer can find is a plain access among them; that no
 * byte is believed that was overwritten meanwhile, lost, or taken twice, shows in the bytes, which
 * tell where they stand.  Exit status 0: all well. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/pty.h"

#define OUTPUT (16ull * PTY_OUTPUT)
#define INPUT (150ull * PTY_INPUT)

struct reader {
    bool slow, bad;
    uint64_t seen, missed, overtaken;
};
static struct reader readers[2];
static struct pty_host p;
static struct pty_web w;
static bool bad_input;

static uint8_t byte_at(uint64_t at)
{
    return (uint8_t)(at * 131 + at / 251 + at / 65537);
}

static bool right(const uint8_t *bytes, uint64_t at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != byte_at(at + i)) {
            return false;
        }
    }
    return true;
}

/* Leaves what is at 'at' until it is about to be overwritten. */
static void dawdle(uint64_t at)
{
    struct pty_look l;

    do {
        usleep(50);
        pty_look(&w, &l);
    } while (l.end < OUTPUT && l.end - at < PTY_OUTPUT - 100000);
}

static void *follow(void *arg)
{
    static _Thread_local uint8_t bytes[200000];
    struct reader *r = arg;
    uint64_t at = 0;

    while (at < OUTPUT) {
        struct pty_look l;
        ssize_t n;

        if (r->slow) {
            dawdle(at);
        }
        n = pty_read(&w, at, bytes, r->slow ? sizeof bytes : 9000);
        if (n < 0) {
            pty_look(&w, &l);
            r->missed += l.start - at;
            r->overtaken++;
            at = l.start;
        } else {
            r->bad |= !right(bytes, at, (size_t)n);
            r->seen += (uint64_t)n;
            at += (uint64_t)n;
        }
        if (n == 0) {
            usleep(50);
        }
    }
    return NULL;
}

static void *type(void *unused)
{
    uint8_t bytes[5000];
    uint64_t at = 0;

    (void)unused;
    while (at < INPUT) {
        size_t n = at % 4999 + 1 < INPUT - at ? (size_t)(at % 4999 + 1) : (size_t)(INPUT - at);

        for (size_t i = 0; i < n; i++) {
            bytes[i] = byte_at(at + i);
        }
        n = pty_type(&w, bytes, n);
        at += n;
        if (n == 0) {
            usleep(50);
        }
    }
    return NULL;
}

/* Both directions, as ptyhost's thread. */
static void host(void)
{
    static uint8_t bytes[50000];
    uint64_t taken = 0;

    while (p.end < OUTPUT || taken < INPUT) {
        size_t n = p.end % 4093 * 12 + 1;

        n = n < OUTPUT - p.end ? n : (size_t)(OUTPUT - p.end);
        for (size_t i = 0; i < n; i++) {
            bytes[i] = byte_at(p.end + i);
        }
        pty_put(&p, bytes, n);
        n = pty_input(&p, bytes, p.end % sizeof bytes); /* also what was typed just now */
        bad_input |= !right(bytes, taken, n);
        pty_took(&p, n);
        taken += n;
        if (p.end / 300000 % 2 == 0) {
            usleep(1); /* lets the readers catch up; nothing depends on it */
        }
    }
}

int main(void)
{
    char dir[] = "/dev/shm/cw-race-XXXXXX", path[80], why[400];
    pthread_t thread[3];
    int status = 0;

    if (!mkdtemp(dir) || pty_host_open(&p, dir, 0, why, sizeof why) != 0 ||
        pty_web_open(&w, dir, 0, why, sizeof why) != 0) {
        fprintf(stderr, "pty_race: cannot start: %s\n", why);
        return 1;
    }
    snprintf(path, sizeof path, "%s/pty.0.host", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/pty.0.web", dir);
    unlink(path);
    rmdir(dir);
    readers[1].slow = true;
    pthread_create(&thread[0], NULL, follow, &readers[0]);
    pthread_create(&thread[1], NULL, follow, &readers[1]);
    pthread_create(&thread[2], NULL, type, NULL);
    host();
    pthread_join(thread[2], NULL);
    for (unsigned i = 0; i < 2; i++) {
        struct reader *r = &readers[i];

        pthread_join(thread[i], NULL);
        printf("pty_race: %" PRIu64 " bytes read, %" PRIu64 " missed in %" PRIu64 " gaps\n",
               r->seen, r->missed, r->overtaken);
        status |= r->bad || r->seen < OUTPUT / 1000 || r->seen + r->missed != OUTPUT;
    }
    if (bad_input || readers[1].overtaken == 0) {
        fprintf(stderr, "pty_race: %s\n",
                bad_input ? "input was lost or taken twice"
                          : "the slow reader was never overtaken");
        status = 1;
    }
    return status;
}
