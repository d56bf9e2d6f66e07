/* tests/fault/liar.c - takes the place of one process of a stack and writes what cannot be into all
 * that it may write, thousands of times.
 *
 *   liar --run-dir DIR --as ofproxy|vnsbridge|router [--rounds N] [--seed N]
 *
 * It joins as the real one does: role, rings, boards, arena.  Each round it does one thing to its
 * own files: a chosen or random value into a word of an index, a header, a row, a flight, a record;
 * a record that looks well and carries lies; a file cut short or grown, and mended; a flood of
 * versions and bells; or it joins anew, so that its neighbours take it up again.  Then it rings
 * everybody.
 *
 * In the end it leaves a lie in each of its rings, prints "still", and does nothing until SIGUSR1:
 * then it fills all of its files with noise, prints "ruined", and does nothing until SIGTERM. The
 * one lie that it does not tell is another build's version number: who believes that refuses to
 * start, and is right to. */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "shm/fault.h"
#include "shm/file.h"
#include "shm/topo.h"

#define FILES 16

static struct topo topo;
static enum topo_process me;
static struct ring_tx tx[TOPO_RINGS];
static struct ring_rx rx[TOPO_RINGS];
static struct board_writer board[TOPO_BOARDS];
static struct arena arena;

static const enum topo_process board_writer_of[] = {
#define B(NAME, WRITER, row, rows, READER, text) TOPO_##WRITER,
#include "shm/topo.def"
};
static const char *const board_name[] = {
#define B(NAME, WRITER, row, rows, READER, text) #NAME,
#include "shm/topo.def"
};

static const struct {
    const char *name;
    enum topo_process writer;
} measures[] = {
#define H(NAME, WRITER, text) {#NAME, TOPO_##WRITER},
#include "shm/topo.def"
};

/* ---- its own files ------------------------------------------------------------------------ */

enum what { A_RING_TX, A_RING_RX, A_BOARD, AN_ARENA, A_ROLE, PLAIN };

static struct own_file {
    enum what what;
    off_t len;
    int fd;
} files[FILES];
static unsigned n_files;

static void add_file(enum what what, const char *name, const char *suffix)
{
    struct own_file *f = &files[n_files++];
    char path[300];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s%s", topo.run_dir, name, suffix);
    *f = (struct own_file){.what = what, .fd = open(path, O_RDWR | O_CLOEXEC)};
    if (f->fd < 0 || fstat(f->fd, &st) != 0) {
        n_files--;
        return; /* not each has each; the real one made those that it has */
    }
    f->len = st.st_size;
}

static void list_files(void)
{
    for (enum topo_ring r = 0; r < TOPO_RINGS; r++) {
        if (topo_ring_writer(r) == me) {
            add_file(A_RING_TX, topo_ring_name(r), ".tx");
        }
        if (topo_ring_reader(r) == me) {
            add_file(A_RING_RX, topo_ring_name(r), ".rx");
        }
    }
    for (enum topo_board b = 0; b < TOPO_BOARDS; b++) {
        if (board_writer_of[b] == me) {
            add_file(A_BOARD, board_name[b], ".board");
        }
    }
    for (unsigned m = 0; m < TOPO_MEASURES; m++) {
        if (measures[m].writer == me) {
            add_file(PLAIN, measures[m].name, ".histogram");
        }
    }
    if (me == TOPO_OFPROXY) {
        add_file(AN_ARENA, "ofproxy", ".arena");
    }
    add_file(A_ROLE, topo_process_name(me), ".role");
    add_file(PLAIN, topo_process_name(me), ".counters");
    add_file(PLAIN, topo_process_name(me), ".held");
}

static void join(void)
{
    for (enum topo_ring r = 0; r < TOPO_RINGS; r++) {
        if (topo_ring_writer(r) == me) {
            topo_tx(&topo, &tx[r], r);
        }
        if (topo_ring_reader(r) == me) {
            topo_rx(&topo, &rx[r], r);
        }
    }
    for (enum topo_board b = 0; b < TOPO_BOARDS; b++) {
        if (board_writer_of[b] == me) {
            topo_board_writer(&topo, &board[b], b);
        }
    }
    topo_arena(&topo, &arena);
    topo_ring_all(&topo);
}

static void leave(void)
{
    for (enum topo_ring r = 0; r < TOPO_RINGS; r++) {
        if (topo_ring_writer(r) == me) {
            ring_tx_leave(&tx[r]);
        }
        if (topo_ring_reader(r) == me) {
            ring_rx_leave(&rx[r]);
        }
    }
    for (enum topo_board b = 0; b < TOPO_BOARDS; b++) {
        if (board_writer_of[b] == me) {
            board_write_leave(&board[b]);
        }
    }
    arena_leave(&arena);
}

/* ---- lies --------------------------------------------------------------------------------- */

static uint64_t pick(uint64_t below)
{
    return (((uint64_t)rand() << 31) ^ (uint64_t)rand()) % below;
}

/* 0, 1, -1, sizes, the numbers that are there and close to them, single bits, and anything. */
static uint64_t value(uint64_t old)
{
    static const uint64_t chosen[] = {
        0,     1,         UINT64_MAX, 2u << 20,   (2u << 20) + 8, 8,          7,
        72,    INT32_MAX, UINT32_MAX, 1u << 31,   INT64_MAX,      1ull << 63, UINT64_MAX - 7,
        10240, 0xffff,    131072,     32ull << 20};
    static const int64_t near[] = {8, -8, 1, -1, 72, -72, 2 << 20, -(2 << 20), 136};

    switch (pick(4)) {
    case 0:
        return chosen[pick(sizeof chosen / sizeof chosen[0])];
    case 1:
        return old + (uint64_t)near[pick(sizeof near / sizeof near[0])];
    case 2:
        return old ^ 1ull << pick(64);
    default:
        return ((uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand()) >> pick(64);
    }
}

static struct own_file *some_file(void)
{
    return &files[pick(n_files)];
}

/* Where the words that mean something lie, most times. */
static off_t some_place(const struct own_file *f)
{
    uint64_t most = (uint64_t)f->len;

    if (f->what == A_RING_TX) {
        most = pick(3) ? 768 : FILE_PAGE + 65536;
    } else if (f->what == A_RING_RX) {
        most = 768;
    } else if (pick(2)) {
        most = f->what == AN_ARENA ? FILE_PAGE + 65536 : 1024;
    }
    return (off_t)(pick(most < (uint64_t)f->len ? most : (uint64_t)f->len) & ~7ull);
}

static void lie_in_a_word(void)
{
    const struct own_file *f = some_file();
    off_t at = some_place(f);
    uint64_t word = 0;

    if (pread(f->fd, &word, sizeof word, at) != sizeof word) {
        return;
    }
    word = value(word);
    if (at == 8 && f->what != PLAIN) {
        if (pwrite(f->fd, &word, 4, 12) < 0) { /* the kind; not the version */
            return;
        }
    } else if (at == 0 && f->what == PLAIN) {
        if (pwrite(f->fd, &word, 4, 4) < 0) { /* the magic; not the number of counters of a build */
            return;
        }
    } else if (pwrite(f->fd, &word, pick(3) ? sizeof word : 4, at) < 0) {
        return;
    }
}

static void lie_about_length(void)
{
    static const off_t lengths[] = {0, 1, 100, FILE_PAGE, FILE_PAGE + 100, 2 * FILE_PAGE, 65536};
    const struct own_file *f = some_file();
    off_t len =
        pick(4) ? lengths[pick(sizeof lengths / sizeof lengths[0])] : (off_t)pick(64u << 20);

    if (ftruncate(f->fd, len) != 0) {
        return;
    }
    topo_ring_all(&topo);
    nanosleep(&(struct timespec){0, 300000}, NULL);
    if (ftruncate(f->fd, f->len) != 0) {
        die("a file cannot be given its length back");
    }
}

static void mutate(struct record *r)
{
    uint64_t v;

    for (unsigned n = 1 + (unsigned)pick(3); n > 0; n--) {
        switch (pick(12)) {
        case 0:
            r->verdict = (uint8_t)value(r->verdict);
            break;
        case 1:
            r->reason = (uint8_t)value(r->reason);
            break;
        case 2:
            r->klass = (uint8_t)value(r->klass);
            break;
        case 3:
            r->flags = (uint8_t)value(r->flags);
            break;
        case 4:
            r->src = value(r->src);
            break;
        case 5:
            r->seq = value(r->seq);
            break;
        case 6:
            r->rx_ns = value(r->rx_ns);
            break;
        case 7:
            r->dpid = value(r->dpid);
            break;
        case 8:
            r->port = (uint32_t)value(r->port);
            break;
        case 9:
            r->ticket = (uint32_t)value(r->ticket);
            break;
        case 10:
            r->tail_off = value(r->tail_off);
            break;
        default:
            v = value(r->tail_len);
            r->tail_len = (uint32_t)v;
            r->hold = v;
            break;
        }
    }
}

/* A record that its reader may take for a good one: an ARP request, an IP packet, or noise. */
static void send_lie(struct ring_tx *to, const struct record *like, const uint8_t *bytes)
{
    static const uint8_t headers[2][14] = {
        {255, 255, 255, 255, 255, 255, 2, 0xee, 0, 0, 0, 3, 8, 6},
        {2, 0xca, 0x57, 0, 1, 3, 2, 0xee, 0, 0, 0, 3, 8, 0}};
    static const uint8_t ip[] = {0x45, 0, 0,  100, 0, 0,   0,   0,   64, 17,
                                 0,    0, 10, 0,   1, 100, 192, 168, 2,  2};
    struct record r = *like;
    uint8_t *head;

    mutate(&r);
    r.head_len = bytes ? like->head_len : (uint32_t)pick(pick(4) ? 200 : RECORD_HEAD_MAX + 1);
    head = ring_reserve(to, r.head_len);
    if (!head) {
        return;
    }
    for (uint32_t i = 0; i < r.head_len; i++) {
        head[i] = bytes ? bytes[i] : (uint8_t)rand();
    }
    if (!bytes && r.head_len >= 14 + sizeof ip) {
        memcpy(head, headers[pick(2)], 14);
        memcpy(head + 14, ip, sizeof ip);
    }
    if (r.head_len > 0) {
        head[pick(r.head_len)] ^= (uint8_t)(1u << pick(8));
    }
    ring_commit(to, &r);
}

/* Some answers to what came in, none of them quite right, and some frames that nobody asked for. */
static void lie_in_records(void)
{
    struct record r = {.ticket = RECORD_NO_TICKET, .verdict = (uint8_t)pick(6), .dpid = 1};
    const uint8_t *head;

    for (enum topo_ring out = 0; out < TOPO_RINGS; out++) {
        if (topo_ring_writer(out) != me) {
            continue;
        }
        for (enum topo_ring in = 0; in < TOPO_RINGS; in++) {
            for (unsigned n = 0;
                 topo_ring_reader(in) == me && n < 16 && ring_peek(&rx[in], &r, &head); n++) {
                r.verdict = (uint8_t)pick(6);
                send_lie(&tx[out], &r, head);
                ring_next(&rx[in]);
            }
        }
        for (unsigned n = (unsigned)pick(8); n > 0; n--) {
            r.port = (uint32_t)pick(6);
            r.seq = pick(1u << 20);
            send_lie(&tx[out], &r, NULL);
        }
        ring_publish(&tx[out]);
    }
    for (enum topo_ring in = 0; in < TOPO_RINGS; in++) {
        if (topo_ring_reader(in) == me) {
            ring_release(&rx[in]);
        }
    }
}

/* Rows, and a version, that change all the time. */
static void flood(void)
{
    for (unsigned n = 0; n < 100; n++) {
        const struct own_file *f = some_file();
        off_t at = pick(2) ? 64 : 128 + (off_t)(pick(512) & ~7ull);
        uint64_t word = value(n);

        if (f->what == A_BOARD && pwrite(f->fd, &word, sizeof word, at) < 0) {
            return;
        }
        topo_ring_all(&topo);
    }
}

static void one_round(void)
{
    unsigned what = (unsigned)pick(100);

    if (what < 55) {
        lie_in_a_word();
    } else if (what < 85) {
        lie_in_records();
    } else if (what < 90) {
        lie_about_length();
    } else if (what < 95) {
        flood();
    } else {
        leave();
        join();
    }
    topo_ring_all(&topo);
    nanosleep(&(struct timespec){0, 20000}, NULL);
}

/* A lie that is seen at once, in each ring that it writes. */
static void last_lie(void)
{
    for (unsigned i = 0; i < n_files; i++) {
        uint64_t tail = 0x123456789abcdef1;

        if (files[i].what == A_RING_TX && pwrite(files[i].fd, &tail, sizeof tail, 128) < 0) {
            die("a tail cannot be written");
        }
    }
    topo_ring_all(&topo);
}

/* Nothing in any of its files is in order, neither header nor contents. */
static void ruin(void)
{
    for (unsigned i = 0; i < n_files; i++) {
        uint64_t noise[FILE_PAGE / sizeof(uint64_t)];

        for (off_t at = 0; at < files[i].len; at += FILE_PAGE) {
            size_t left = (size_t)(files[i].len - at);

            for (unsigned w = 0; w < sizeof noise / sizeof noise[0]; w++) {
                noise[w] = value(0);
            }
            if (at == 0) {
                noise[0] = 0x6c696172; /* in no way the beginning of another build's file */
            }
            if (pwrite(files[i].fd, noise, left < sizeof noise ? left : sizeof noise, at) < 0) {
                die("a file cannot be filled with noise");
            }
        }
    }
    topo_ring_all(&topo);
}

static void say(const char *word)
{
    printf("%s\n", word);
    fflush(stdout);
}

static void take_options(int argc, char **argv, const char **run_dir, unsigned *rounds)
{
    static const struct option options[] = {{"run-dir", required_argument, NULL, 'd'},
                                            {"as", required_argument, NULL, 'a'},
                                            {"rounds", required_argument, NULL, 'n'},
                                            {"seed", required_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    int o;

    me = TOPO_PROCESSES;
    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == 'd') {
            *run_dir = optarg;
        } else if (o == 'n') {
            *rounds = (unsigned)strtoul(optarg, NULL, 10);
        } else if (o == 's') {
            srand((unsigned)strtoul(optarg, NULL, 10));
        } else if (o == 'a') {
            for (me = 0; me < TOPO_PROCESSES && strcmp(topo_process_name(me), optarg) != 0; me++) {
            }
        }
    }
    if (me == TOPO_PROCESSES || !*run_dir) {
        die_usage(
            "usage: liar --run-dir DIR --as ofproxy|vnsbridge|router [--rounds N] [--seed N]");
    }
}

int main(int argc, char **argv)
{
    const char *run_dir = NULL;
    unsigned rounds = 3000;
    sigset_t asked;
    int signal;

    sigemptyset(&asked);
    sigaddset(&asked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &asked, NULL);
    log_open("liar", LOG_TEXT);
    take_options(argc, argv, &run_dir, &rounds);
    fault_open();
    log_set_level(LOG_ERROR);
    topo_open(&topo, run_dir, me);
    role_state(&topo.role, ROLE_READY, "I am %s, believe me", topo_process_name(me));
    join();
    list_files();
    for (unsigned n = 0; n < rounds; n++) {
        one_round();
    }
    leave();
    join();
    last_lie();
    say("still");
    sigwait(&asked, &signal);
    ruin();
    say("ruined");
    pause(); /* SIGTERM ends it */
    return 0;
}
