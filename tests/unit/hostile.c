/* tests/unit/hostile.c - a neighbour that writes what cannot be into all that it may write. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/counter.h"
#include "common/log.h"
#include "common/loop.h"
#include "shm/account.h"
#include "shm/arena.h"
#include "shm/board.h"
#include "shm/fault.h"
#include "shm/file.h"
#include "shm/lane.h"
#include "shm/tap.h"
#include "shm/wait.h"

#define SIZE 65536
/* Where the words lie; shm/ring_layout.h.  The table test below notices if they move. */
#define AT_TAIL 128
#define AT_COMMIT 256
#define AT_HEAD 128

static char dir[64], path[80], why[400];
static struct ring_tx tx;
static struct ring_rx rx;

static void begin(void)
{
    log_set_level(LOG_ERROR);
    fault_open();
    snprintf(dir, sizeof dir, "/dev/shm/cw-hostile-XXXXXX");
    cr_assert(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/R", dir);
}

static void end(void)
{
    char command[100];

    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert(system(command) == 0);
}

TestSuite(hostile, .timeout = 30, .init = begin, .fini = end);

static void join_tx(void)
{
    cr_assert(ring_tx_join(&tx, path, SIZE, why, sizeof why) == 0, "%s", why);
}

static void join_rx_unreleased(void)
{
    cr_assert(ring_rx_join(&rx, path, SIZE, why, sizeof why) == 0, "%s", why);
}

static void join_rx(void)
{
    join_rx_unreleased();
    ring_release(&rx);
}

static bool put(uint64_t seq)
{
    struct record r = {.seq = seq, .head_len = 64, .ticket = RECORD_NO_TICKET};
    uint8_t *head = ring_reserve(&tx, 64);

    if (!head) {
        return false;
    }
    memset(head, 7, 64);
    ring_commit(&tx, &r);
    ring_settle(&tx, 0, seq * 8);
    ring_publish(&tx);
    return true;
}

/* The number of the next record, 0 if there is none. */
static uint64_t take(void)
{
    const uint8_t *head;
    struct record r;

    if (!ring_peek(&rx, &r, &head)) {
        return 0;
    }
    ring_next(&rx);
    ring_release(&rx);
    return r.seq;
}

static int half(const char *suffix)
{
    char name[100];
    int fd;

    snprintf(name, sizeof name, "%s%s", path, suffix);
    fd = open(name, O_RDWR);
    cr_assert(fd >= 0, "%s", name);
    return fd;
}

static void poke(const char *suffix, off_t at, uint64_t value)
{
    int fd = half(suffix);

    cr_assert(pwrite(fd, &value, sizeof value, at) == sizeof value);
    close(fd);
}

static void cut(const char *suffix, off_t len)
{
    int fd = half(suffix);

    cr_assert(ftruncate(fd, len) == 0);
    close(fd);
}

/* ---- the other end lies ------------------------------------------------------------------- */

Test(hostile, a_reader_takes_a_bad_ring_up_again_when_its_writer_is_back)
{
    join_tx();
    join_rx();
    cr_assert(put(1) && take() == 1 && put(2));
    poke(".tx", AT_TAIL, 12);
    cr_assert(take() == 0 && ring_rx_bad(&rx) && strstr(rx.why, "tail"), "%s", rx.why);
    poke(".tx", AT_TAIL, tx.tail);
    cr_assert(!ring_rx_mend(&rx) && take() == 0, "the writer has not been restarted");
    poke(".tx", AT_TAIL, 12);
    ring_tx_leave(&tx);
    join_tx();
    cr_assert(tx.anew && strstr(why, "R.tx"), "%s", why);
    cr_assert(ring_rx_mend(&rx) && !ring_rx_bad(&rx));
    cr_assert(put(3) && take() == 3);
    cr_assert(ring_tx_bad(&tx) == false && put(4) && take() == 4);
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
}

Test(hostile, a_writer_takes_a_bad_ring_up_again_when_its_reader_is_back)
{
    unsigned n = 0;

    join_rx();
    join_tx();
    while (put(n + 1)) {
        n++;
    }
    cr_assert(take() == 1);
    poke(".rx", AT_HEAD, 1ull << 40);
    cr_assert(!put(n + 1) && ring_tx_bad(&tx) && strstr(tx.why, "head"), "%s", tx.why);
    poke(".rx", AT_HEAD, rx.head);
    cr_assert(!ring_tx_mend(&tx), "the reader has not been restarted");
    poke(".rx", AT_HEAD, 1ull << 40);
    ring_rx_leave(&rx);
    join_rx_unreleased();
    cr_assert(rx.anew && strstr(why, "R.rx"), "%s", why);
    cr_assert(!ring_tx_mend(&tx), "the reader has not said where it goes on");
    ring_release(&rx);
    cr_assert(ring_tx_mend(&tx) && !ring_tx_bad(&tx) && put(n + 1) && take() == n + 1);
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
}

Test(hostile, a_reader_in_the_middle_of_a_batch_finds_its_writer_again_and_the_writer_it)
{
    const uint8_t *head;
    struct record r;

    join_tx();
    join_rx();
    for (unsigned i = 1; i <= 20; i++) {
        put(i);
    }
    for (unsigned i = 1; i <= 10; i++) {
        cr_assert(ring_peek(&rx, &r, &head));
        ring_next(&rx);
    }
    poke(".tx", AT_TAIL, 12); /* the writer goes mad, dies, and its successor starts at our head */
    ring_tx_leave(&tx);
    join_tx();
    cr_assert(put(100));
    while (ring_peek(&rx, &r, &head)) {
        ring_next(&rx);
    }
    ring_release(&rx);
    cr_assert(take() == 0 && ring_rx_bad(&rx));
    ring_room(&tx, SIZE + 8); /* it looks at our head, which is past what it has written */
    cr_assert(ring_tx_bad(&tx));
    cr_assert(ring_rx_mend(&rx) && ring_tx_mend(&tx));
    cr_assert(put(200) && take() == 200);
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
}

Test(hostile, with_the_other_half_damaged_a_ring_starts_out_bad)
{
    join_tx();
    join_rx();
    put(1);
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
    poke(".rx", AT_HEAD, 1ull << 50);
    join_tx();
    cr_assert(!tx.anew && ring_tx_bad(&tx) && !put(2));
    join_rx();
    cr_assert(ring_tx_mend(&tx) && put(2) && take() == 2);
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);

    poke(".tx", AT_TAIL, 1ull << 50);
    join_rx();
    cr_assert(!rx.anew && ring_rx_bad(&rx) && take() == 0);
    join_tx();
    cr_assert(ring_rx_mend(&rx) && put(3) && take() == 3);
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
}

/* ---- one's own half ----------------------------------------------------------------------- */

Test(hostile, a_writer_with_what_is_no_record_in_its_half_still_knows_what_it_settled)
{
    join_tx();
    join_rx();
    for (unsigned i = 1; i <= 5; i++) {
        put(i);
    }
    ring_tx_leave(&tx);
    poke(".tx", FILE_PAGE + 136, 0xffff); /* the size of the second record */
    join_tx();
    cr_assert(tx.anew && strstr(why, "no record"), "%s", why);
    cr_assert(ring_settled(&tx, 0) == 40);
    cr_assert(put(6) && take() == 6, "the unread ones are lost, the next one is not");
    ring_tx_leave(&tx);
    poke(".tx", AT_COMMIT, 1);
    poke(".tx", AT_COMMIT + 56, 2);
    join_tx();
    cr_assert(tx.anew && ring_settled(&tx, 0) == 0, "%s", why);
    cr_assert(put(7) && take() == 7);
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
}

Test(hostile, a_reader_without_its_head_goes_on_where_its_outputs_say)
{
    uint64_t settled;

    join_tx();
    join_rx();
    for (unsigned i = 1; i <= 5; i++) {
        put(i);
    }
    cr_assert(take() == 1 && take() == 2);
    settled = ring_position(&rx);
    ring_rx_leave(&rx);
    poke(".rx", AT_HEAD, 1ull << 45);
    join_rx_unreleased();
    cr_assert(rx.anew && ring_position(&rx) == tx.tail);
    cr_assert(!ring_rx_skip(&rx, settled + 8), "no record starts there");
    cr_assert(!ring_rx_skip(&rx, 0), "nobody knows");
    cr_assert(ring_rx_skip(&rx, settled) && take() == 3 && take() == 4 && take() == 5);
    ring_rx_leave(&rx);
    join_rx();
    cr_assert(!rx.anew && why[0] == '\0' && ring_rx_skip(&rx, settled), "a skip is never back");
    cr_assert(take() == 0 && put(6) && take() == 6);
    put(7);
    ring_rx_leave(&rx);
    poke(".rx", AT_HEAD, tx.tail - 72); /* in the ring, but no record starts there */
    join_rx_unreleased();
    cr_assert(rx.anew && take() == 0 && !ring_rx_bad(&rx), "the writer gets the blame: %s", rx.why);
    cr_assert(put(8) && take() == 8);
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
}

Test(hostile, a_writer_that_looks_before_its_reader_knows_where_to_go_on_takes_nothing_from_it)
{
    uint64_t settled, n = 0;

    join_tx();
    join_rx();
    while (put(n + 1)) {
        n++;
    }
    cr_assert(take() == 1 && take() == 2);
    settled = ring_position(&rx);
    ring_rx_leave(&rx);
    poke(".rx", AT_HEAD, 1ull << 45);
    cr_assert(!put(n + 1) && ring_tx_bad(&tx));
    join_rx_unreleased();
    if (ring_tx_mend(&tx)) { /* a turn of the writer's, while its reader still opens other files */
        while (put(n + 1)) {
            n++;
        }
    }
    cr_assert(ring_rx_skip(&rx, settled));
    ring_release(&rx);
    cr_assert(!ring_tx_bad(&tx) || ring_tx_mend(&tx), "%s", tx.why);
    for (uint64_t want = 3; want <= n; want++) {
        uint64_t got = take();

        cr_assert(got == want, "record %llu came as %llu %s", (unsigned long long)want,
                  (unsigned long long)got, rx.why);
    }
    cr_assert(put(n + 1) && take() == n + 1 && !ring_tx_bad(&tx), "%s", tx.why);
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
}

Test(hostile, a_position_in_the_middle_of_a_record_is_not_skipped_to)
{
    join_tx();
    join_rx();
    put(1);
    put(2);
    cr_assert(!ring_rx_skip(&rx, 144) && ring_rx_skip(&rx, 136) && take() == 2);
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
}

Test(hostile, a_damaged_header_is_its_owners_to_mend_in_place)
{
    static const struct {
        const char *suffix;
        off_t at, len; /* a word, or a length */
    } cases[] = {{".tx", 0, 0},        {".tx", 8, 0},   {".tx", 16, 0},
                 {".tx", 24, 0},       {".tx", 0, 100}, {".tx", 0, SIZE},
                 {".tx", 0, 9 * SIZE}, {".rx", 0, 0},   {".rx", 12, 0},
                 {".rx", 16, 0},       {".rx", 0, 1},   {".rx", 0, 5 * FILE_PAGE}};

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool writer = cases[i].suffix[1] == 't';
        struct stat st;
        int fd;

        join_tx();
        join_rx();
        cr_assert(put(1) && take() == 1);
        if (writer) {
            ring_tx_leave(&tx);
        } else {
            ring_rx_leave(&rx);
        }
        if (cases[i].len > 0) {
            cut(cases[i].suffix, cases[i].len);
        } else {
            poke(cases[i].suffix, cases[i].at, 0xdeadbeefdeadbeef);
        }
        if (writer) {
            cr_assert(take() == 0);
            join_tx();
        } else {
            put(2);
            join_rx();
        }
        cr_expect(strstr(why, cases[i].suffix), "case %u: '%s'", i, why);
        fd = half(cases[i].suffix);
        cr_expect(fstat(fd, &st) == 0 && st.st_size == (writer ? FILE_PAGE + SIZE : FILE_PAGE));
        close(fd);
        cr_assert(!ring_rx_bad(&rx) || ring_rx_mend(&rx), "case %u: %s", i, rx.why);
        cr_assert(!ring_tx_bad(&tx) || ring_tx_mend(&tx), "case %u: %s", i, tx.why);
        cr_assert(put(3) && take() == 3, "case %u", i);
        ring_tx_leave(&tx);
        ring_rx_leave(&rx);
    }
}

/* ---- files that are cut short ------------------------------------------------------------- */

Test(hostile, a_ring_that_is_cut_short_turns_bad_and_is_mapped_again)
{
    static const off_t lengths[] = {0, 100, FILE_PAGE, FILE_PAGE + 4096};

    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        unsigned n = 0;

        join_tx();
        join_rx();
        while (n < 80 && put(n + 1)) {
            n++;
        }
        for (unsigned k = 1; k <= 40; k++) {
            cr_assert(take() == k);
        }
        ring_tx_leave(&tx);
        cut(".tx", lengths[i]);
        while (take()) {
        }
        cr_assert(ring_rx_bad(&rx), "length %ld", (long)lengths[i]);
        cr_assert(!ring_rx_mend(&rx));
        join_tx();
        cr_assert(ring_rx_mend(&rx), "length %ld: %s", (long)lengths[i], rx.why);
        cr_assert(!ring_tx_bad(&tx) || ring_tx_mend(&tx));
        cr_assert(put(1000) && take() == 1000);
        ring_rx_leave(&rx);
        cut(".rx", 0);
        while (put(1)) {
        }
        cr_assert(ring_tx_bad(&tx));
        join_rx();
        cr_assert(ring_tx_mend(&tx) && put(1001) && take() == 1001, "%s", tx.why);
        ring_tx_leave(&tx);
        ring_rx_leave(&rx);
    }
}

Test(hostile, a_fault_outside_of_what_is_guarded_still_kills)
{
    pid_t child;
    int status;

    join_tx();
    join_rx();
    child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        cut(".tx", 0);
        put(1); /* one's own file */
        _exit(0);
    }
    cr_assert(waitpid(child, &status, 0) == child);
    cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
}

Test(hostile, a_board_that_is_cut_short_has_no_rows_until_its_writer_is_back)
{
    uint64_t row[4] = {1, 2, 3, 4}, got[4];
    struct board_writer w;
    struct board_reader r;

    snprintf(path, sizeof path, "%s/B", dir);
    cr_assert(board_write_join(&w, path, sizeof row, 300, why, sizeof why) == 0, "%s", why);
    cr_assert(board_read_join(&r, path, sizeof row, 300, why, sizeof why) == 0, "%s", why);
    board_put(&w, 299, row);
    board_publish(&w);
    cr_assert(board_changed(&r) && board_used(&r) == 300 && board_get(&r, 299, got));
    board_write_leave(&w);
    cut("", 4096);
    cr_assert(!board_get(&r, 299, got) || got[0] == 0);
    cut("", 0);
    cr_assert(board_used(&r) == 0);
    board_changed(&r);
    cr_assert(board_write_join(&w, path, sizeof row, 300, why, sizeof why) == 0, "%s", why);
    cr_assert(strstr(why, path), "%s", why);
    board_put(&w, 7, row);
    board_publish(&w);
    cr_assert(board_changed(&r) && board_used(&r) == 8);
    cr_assert(board_get(&r, 7, got) && got[3] == 4);
    cr_assert(board_get(&r, 299, got) && got[0] == 0, "a row of the damaged board is believed");
    board_write_leave(&w);
    poke("", 0, 1);
    cr_assert(board_write_join(&w, path, sizeof row, 300, why, sizeof why) == 0, "%s", why);
    cr_assert(board_changed(&r) && board_used(&r) == 0 && board_get(&r, 7, got) && got[3] == 0);
    board_write_leave(&w);
    board_read_leave(&r);
}

/* Cuts the file and gives it its length back, on and on, until it is killed, or its parent dies. */
static pid_t cut_on_and_on(const char *file)
{
    pid_t child = fork();
    struct stat st;
    int fd;

    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fd = open(file, O_RDWR);
        if (fd < 0 || fstat(fd, &st) != 0) {
            _exit(1);
        }
        while (ftruncate(fd, FILE_PAGE) == 0 && ftruncate(fd, st.st_size) == 0) {
        }
        _exit(1);
    }
    cr_assert(child > 0);
    return child;
}

Test(hostile, counters_that_are_cut_short_kill_nobody_who_looks)
{
    struct counter_snapshot s;
    struct account_look all;
    unsigned cut_in_time = 0, looks = 0;
    pid_t child;
    int status;

    counter_start(dir, COUNTER_OF_ROUTER);
    counter_add(ROUTER_RECEIVED, 7);
    cr_assert(account_read(dir, COUNTER_OF_ROUTER, &s) == 0);
    cr_assert(counter_snapshot_get(&s, ROUTER_RECEIVED) == 7);
    snprintf(path, sizeof path, "%s/router.counters", dir);
    child = cut_on_and_on(path);
    for (; looks < 20000 || cut_in_time == 0; looks++) {
        cut_in_time += account_read(dir, COUNTER_OF_ROUTER, &s) == -EPROTO;
        account_look(dir, &all);
    }
    kill(child, SIGKILL);
    cr_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
}

Test(hostile, a_spectator_outlives_counters_that_are_cut_short)
{
    static struct tap_frame frame;
    struct arena arena;
    struct tap t;

    counter_start(dir, COUNTER_OF_OFPROXY);
    snprintf(path, sizeof path, "%s/ofproxy.arena", dir);
    cr_assert(arena_join(&arena, path, why, sizeof why) == 0, "%s", why);
    snprintf(path, sizeof path, "%s/%s", dir, topo_ring_name(TOPO_PKT_IN));
    join_tx();
    join_rx();
    cr_assert(tap_open(&t, dir, TOPO_PKT_IN, why, sizeof why) == 0 && t.have_arena, "%s", why);
    snprintf(path, sizeof path, "%s/ofproxy", dir);
    cut(".counters", 0);
    cr_assert(put(1) && tap_next(&t, &frame));
    tap_close(&t);
    arena_leave(&arena);
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
}

Test(hostile, an_arena_that_is_cut_short_has_no_spans)
{
    struct arena own, view;
    int chunk;

    snprintf(path, sizeof path, "%s/A", dir);
    cr_assert(arena_join(&own, path, why, sizeof why) == 0, "%s", why);
    cr_assert(arena_map(&view, path, why, sizeof why) == 0, "%s", why);
    chunk = arena_chunk(&own);
    memset(arena_chunk_data(&own, (unsigned)chunk), 9, 100);
    cr_assert(
        *arena_span(&view, arena_offset(&own, arena_chunk_data(&own, (unsigned)chunk)), 100) == 9);
    arena_leave(&own);
    cut("", 0);
    cr_assert(*arena_span(&view, 0, 100) == 0, "zeroes, once");
    cr_assert(arena_span(&view, 0, 100) == NULL);
    cr_assert(arena_join(&own, path, why, sizeof why) == 0, "%s", why);
    cr_assert(arena_in_flight(&own) == 0);
    memset(arena_chunk_data(&own, 0), 8, 100);
    cr_assert(arena_span(&view, 0, 100) && *arena_span(&view, 0, 100) == 8);
    arena_leave(&own);
    arena_leave(&view);
}

/* ---- texts -------------------------------------------------------------------------------- */

Test(hostile, a_text_of_a_row_is_ended_and_printable)
{
    char text[8] = {'a', '\n', (char)0xff, 27, '"', '~', 'z', 'z'}, none[4] = "";

    cr_assert(strcmp(board_text(text, sizeof text), "a???\"~z") == 0, "%s", text);
    cr_assert(strcmp(board_text(none, sizeof none), "") == 0);
}

/* ---- everything --------------------------------------------------------------------------- */

static uint64_t chosen(void)
{
    static const uint64_t values[] = {0,        1,          7,          8,          72,
                                      SIZE,     SIZE + 8,   SIZE - 8,   UINT64_MAX, UINT64_MAX - 7,
                                      1u << 31, 1ull << 62, 1ull << 63, 0xffffffff};
    uint64_t r = (uint64_t)rand() << 40 ^ (uint64_t)rand() << 20 ^ (uint64_t)rand();

    return rand() % 3 == 0 ? values[(unsigned)rand() % 14] : r >> (rand() % 64);
}

/* Any word of a half takes any value at any time; the other end neither dies nor reads for ever,
 * and a restart of the half's owner cures it. */
Test(hostile, whatever_is_in_any_word_a_restart_of_its_owner_cures_it)
{
    srand(3);
    join_tx();
    join_rx();
    for (unsigned round = 0; round < 4000; round++) {
        bool writer = rand() % 2;
        const char *suffix = writer ? ".tx" : ".rx";
        unsigned n = 0;

        for (unsigned k = 0; k < 4; k++) {
            off_t most = writer ? (rand() % 2 ? 640 : FILE_PAGE + 3000) : 640;
            off_t at = rand() % most / 8 * 8;

            poke(suffix, at == 8 ? 16 : at, chosen());
            while (n < 50 && put(n + 1)) {
                n++;
            }
            for (n = 0; n < 2000 && take(); n++) {
            }
            cr_assert(n < 2000, "round %u: reads for ever", round);
        }
        if (writer) {
            ring_tx_leave(&tx);
            join_tx();
        } else {
            ring_rx_leave(&rx);
            join_rx();
        }
        /* the other end looks when it has nothing to do: to the end of what it can read */
        while (take()) {
        }
        if (ring_rx_bad(&rx)) {
            cr_assert(ring_rx_mend(&rx), "round %u, %s: %s", round, suffix, rx.why);
        }
        ring_room(&tx, SIZE);
        if (ring_tx_bad(&tx)) {
            cr_assert(ring_tx_mend(&tx), "round %u, %s: %s", round, suffix, tx.why);
        }
        while (take()) {
        }
        cr_assert(put(77777) && take() == 77777, "round %u: %s, %s", round, rx.why, tx.why);
    }
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
}

/* ---- doorbells ---------------------------------------------------------------------------- */

Test(hostile, a_doorbell_rung_for_nothing_is_heard_once_a_millisecond_and_work_still_is_at_once)
{
    struct waiter w;
    struct loop loop;
    struct bell bell;
    char name[100];
    unsigned turns = 0;
    uint64_t end_ns;

    snprintf(name, sizeof name, "%s/bell", dir);
    cr_assert(bell_open(&bell, name, why, sizeof why) == 0);
    cr_assert(loop_open(&loop) == 0 && wait_open(&w, &loop, WAIT_SLEEP, 0, &bell) == 0);
    join_tx();
    join_rx();
    wait_ring(&w, &rx);
    end_ns = loop_now_ns() + 100000000u;
    while (loop_now_ns() < end_ns) {
        bell_ring(&bell);
        wait_turn(&w, 0);
        turns++;
    }
    cr_expect(turns >= 50 && turns < 64 + 110, "%u turns in 100 ms", turns);
    cr_assert(put(1));
    wait_turn(&w, 1); /* work: ears open again */
    bell_ring(&bell);
    turns = 0;
    end_ns = loop_now_ns();
    do {
        bell_ring(&bell);
        wait_turn(&w, 0);
    } while (++turns < 60);
    cr_expect(loop_now_ns() - end_ns < 50000000u, "deaf to an honest neighbour");
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
    loop_close(&loop);
    bell_close(&bell);
}

/* ---- lanes -------------------------------------------------------------------------------- */

/* One that tells a new lie in each new life is heard less and less often. */
Test(hostile, a_neighbour_that_only_seems_to_be_restarted_is_taken_up_less_and_less)
{
    struct topo topo = {.bell = {{-1}, {-1}, {-1}}};
    struct lane lane;
    unsigned taken = 0;
    uint64_t end_ns;

    log_set_level((enum log_level) - 1);
    join_tx();
    join_rx();
    lane_open(&lane, &topo, &rx, TOPO_VNS_IN, &tx, TOPO_VNS_OUT, ROUTER_DETACHED);
    cr_assert(!lane_look(&lane) && !lane_down(&lane));
    poke(".tx", AT_TAIL, 12);
    take();
    cr_assert(lane_look(&lane) && lane_down(&lane) && strstr(lane.text, "vnsbridge wrote"));
    cr_assert(!lane_look(&lane), "said once");
    end_ns = loop_now_ns() + 1000000000u;
    while (loop_now_ns() < end_ns) {
        ring_tx_leave(&tx);
        join_tx();
        if (lane_look(&lane) && !lane_down(&lane)) {
            taken++;
            poke(".tx", AT_TAIL, 12);
            take();
            lane_look(&lane);
        }
    }
    cr_expect(taken >= 2 && taken <= 5, "taken up %u times in a second",
              taken); /* 0, 100, 300, 700 ms */
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
}
