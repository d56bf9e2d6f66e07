/* A ring whose files hold anything: an input is the end to join, what is changed in its files
 * before, and what the peer does while we use it.
 *
 *     1 byte    bits 0-1: reader, writer, spectator; bits 2-7: changes before the join
 *     a change  1 byte: bit 0 the half; bits 1-2: a word, a word that is near one of ours, bytes,
 *               the file's length; then where, and what
 *     a step    changes of the peer's half, then some use of the end
 *
 * Joining ends, with a sentence if it is refused; use ends, and stays within the ring. */
#include "shm/ring.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/file.h"
#include "shm/guard.h"
#include "tests/fuzz/fuzz.h"

#define SIZE 8192
#define MOST (SIZE / sizeof(struct record)) /* records in a ring */

enum end { READER, WRITER, SPECTATOR };

static struct half {
    int fd;
    size_t size, length; /* as it should be; as it is to be */
    uint8_t *map, good[FILE_PAGE + SIZE];
} halves[2]; /* the writer's, the reader's */
static char path[200];
static volatile uint8_t sum;

static void put_records(struct ring_tx *tx, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t *head = ring_reserve(tx, i * 40);
        struct record r = {.seq = i + 1, .head_len = i * 40, .src = 8 * i, .hold = i};

        fuzz_check(head != NULL);
        memset(head, (int)i, i * 40);
        ring_commit(tx, &r);
        ring_settle(tx, i % RING_INPUTS, 80 * i);
        if (i % 2) {
            ring_publish(tx);
        }
    }
    ring_publish(tx);
}

/* A ring in use: it has been round once, and holds some records. */
static void make_ring(void)
{
    char why[512];
    struct ring_tx tx;
    struct ring_rx rx;
    const uint8_t *head;
    struct record r;

    fuzz_check(ring_tx_join(&tx, path, SIZE, why, sizeof why) == 0, "%s", why);
    fuzz_check(ring_rx_join(&rx, path, SIZE, why, sizeof why) == 0, "%s", why);
    for (unsigned i = 0; i < 8; i++) {
        put_records(&tx, 6);
        for (unsigned n = 0; n < 6 - (i == 7) * 4 && ring_peek(&rx, &r, &head); n++) {
            ring_next(&rx);
        }
        ring_begin(&rx);
        ring_release(&rx);
    }
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const names[] = {"tx", "rx"};
    char name[256];

    (void)argc, (void)argv;
    snprintf(path, sizeof path, "%s/ring", fuzz_dir());
    make_ring();
    for (unsigned i = 0; i < 2; i++) {
        struct half *h = &halves[i];

        snprintf(name, sizeof name, "%s.%s", path, names[i]);
        h->size = h->length = i == 0 ? FILE_PAGE + SIZE : FILE_PAGE;
        h->fd = open(name, O_RDWR | O_CLOEXEC);
        h->map = mmap(NULL, h->size, PROT_READ | PROT_WRITE, MAP_SHARED, h->fd, 0);
        fuzz_check(h->map != MAP_FAILED);
        memcpy(h->good, h->map, h->size);
    }
    return 0;
}

static void restore(void)
{
    for (unsigned i = 0; i < 2; i++) {
        fuzz_check(halves[i].length == halves[i].size ||
                   ftruncate(halves[i].fd, (off_t)halves[i].size) == 0);
        halves[i].length = halves[i].size;
        memcpy(halves[i].map, halves[i].good, halves[i].size);
    }
}

/* Something else in one half. */
static void change(struct fuzz *f, struct half *h, unsigned kind)
{
    size_t at = fuzz_u8(f) * 8u, n;
    uint64_t word;
    const uint8_t *bytes;

    if (h->length < h->size && kind != 3) {
        return; /* what is gone cannot be changed */
    }
    switch (kind) {
    case 0:
        word = fuzz_u64(f);
        memcpy(h->map + at % h->size, &word, 8);
        break;
    case 1: /* a little more or less than it is */
        memcpy(&word, h->map + at % h->size, 8);
        word += (uint64_t)(int8_t)fuzz_u8(f) * 8;
        memcpy(h->map + at % h->size, &word, 8);
        break;
    case 2:
        at = (at + fuzz_u16(f)) % h->size;
        n = fuzz_u8(f);
        n = n < h->size - at ? n : h->size - at;
        bytes = fuzz_bytes(f, &n);
        memcpy(h->map + at, bytes, n);
        break;
    default:
        h->length = fuzz_u16(f) % (h->size + 4096);
        fuzz_check(ftruncate(h->fd, (off_t)h->length) == 0);
        break;
    }
}

static void touch(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum ^= bytes[i];
    }
}

/* ---- the three ends ----------------------------------------------------------------------- */

static void seen(void *context, const struct record *r)
{
    unsigned *n = context;

    fuzz_check(++*n <= MOST && r->head_len <= RECORD_HEAD_MAX, "%u records in a batch", *n);
}

static void read_some(struct ring_rx *rx, unsigned how)
{
    const uint8_t *head;
    struct record r;
    unsigned n = 0;

    if (how & 8) {
        ring_rx_skip(rx, ring_begun(rx));
    }
    while (n <= how % 8 * 16 && ring_peek(rx, &r, &head)) {
        fuzz_check(head >= rx->data && head + r.head_len <= rx->data + 2 * SIZE, "outside");
        fuzz_check(r.head_len <= RECORD_HEAD_MAX && r.size >= sizeof r && r.size <= SIZE);
        fuzz_check(r.size <= rx->peer_tail - rx->at, "past the tail");
        touch(head, r.head_len);
        ring_next(rx);
        fuzz_check(++n <= MOST, "more records than there is room for");
    }
    if (how & 16) {
        ring_begin(rx);
    }
    ring_release(rx);
    if (how & 32) {
        ring_rx_arm(rx);
    }
    if (ring_rx_bad(rx)) {
        fuzz_check_sentence(rx->why, sizeof rx->why);
        fuzz_check(!ring_peek(rx, &r, &head) && ring_rx_empty(rx));
        fuzz_check(!ring_rx_mend(rx) || !rx->bad);
    }
}

static void write_some(struct ring_tx *tx, unsigned how)
{
    size_t len = how % 64 * 20;
    unsigned n = 0;
    uint8_t *head;

    while (n <= (how >> 6) * 20 && (head = ring_reserve(tx, len))) {
        fuzz_check(head >= tx->data && head + len <= tx->data + 2 * SIZE, "outside");
        memset(head, 0xee, len);
        ring_commit(tx, &(struct record){.head_len = (uint32_t)len});
        fuzz_check(++n <= MOST, "more records than there is room for");
    }
    ring_publish(tx);
    if (ring_tx_bad(tx)) {
        fuzz_check_sentence(tx->why, sizeof tx->why);
        fuzz_check(!ring_reserve(tx, len));
        fuzz_check(!ring_tx_mend(tx) || !tx->bad);
    }
}

static void look(unsigned how)
{
    static uint8_t head[RECORD_HEAD_MAX];
    struct ring_stats s;
    struct ring_view v;
    struct record r;
    char why[512];
    uint64_t tail, records, at;

    ring_stats(path, &s);
    if (ring_view_open(&v, path, why, sizeof why) != 0) {
        fuzz_check_sentence(why, sizeof why);
        return;
    }
    tail = ring_view_tail(&v, &records);
    at = tail - how * 8u;
    for (unsigned n = 0; at != tail && ring_view_copy(&v, at, tail, &r, head); n++) {
        fuzz_check(n <= MOST && r.head_len <= sizeof head);
        at += r.size;
    }
    ring_view_close(&v);
}

static void steps(struct fuzz *f, enum end end, struct ring_rx *rx, struct ring_tx *tx)
{
    unsigned n = 0;

    if (end == WRITER) {
        ring_last_batch(tx, seen, &n);
    }
    for (unsigned i = 0; i < 64 && f->left > 0; i++) {
        uint8_t what = fuzz_u8(f);

        if (what & 1) {
            change(f, &halves[end == WRITER], what >> 1 & 3);
        } else if (end == READER) {
            read_some(rx, what >> 1);
        } else {
            write_some(tx, fuzz_u8(f));
        }
    }
}

static void use(struct fuzz *f, enum end end)
{
    char why[512] = "";
    struct ring_rx rx;
    struct ring_tx tx;
    int err = end == READER ? ring_rx_join(&rx, path, SIZE, why, sizeof why)
                            : ring_tx_join(&tx, path, SIZE, why, sizeof why);

    if (err != 0) {
        fuzz_check_sentence(why, sizeof why);
        return;
    }
    steps(f, end, &rx, &tx);
    if (end == READER) {
        read_some(&rx, 7);
        ring_rx_leave(&rx);
    } else {
        write_some(&tx, 0xc0);
        ring_tx_leave(&tx);
    }
}

static struct sigaction before;

static void on_bus(int signal, siginfo_t *info, void *context)
{
    if (!guard_fault(signal, info->si_addr)) {
        before.sa_sigaction(signal, info, context); /* libFuzzer's: a finding */
    }
}

/* As fault.c does in a process; after libFuzzer, which takes the signal for itself at its start. */
static void guard_open(void)
{
    struct sigaction own = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};

    if (!before.sa_sigaction) {
        fuzz_check(sigaction(SIGBUS, &own, &before) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    uint8_t choice = fuzz_u8(&f);
    enum end end = choice % 4 % 3;

    guard_open();
    for (unsigned i = 0; i < choice >> 2 && f.left > 0; i++) {
        uint8_t what = fuzz_u8(&f);

        change(&f, &halves[what & 1], what >> 1 & 3);
    }
    if (end == SPECTATOR) {
        look(fuzz_u8(&f));
    } else {
        use(&f, end);
    }
    restore();
    return 0;
}
