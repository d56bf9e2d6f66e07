/* tests/unit/ring.c - what shm/ring.h promises. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/bell.h"
#include "shm/ring.h"
#include "shm/ring_layout.h"

TestSuite(ring, .timeout = 20);

#define SIZE 65536

static char dir[64];
static char path[80];

static void make_dir(void)
{
    snprintf(dir, sizeof dir, "/dev/shm/cw-ring-XXXXXX");
    cr_assert(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/R", dir);
}

static void remove_dir(void)
{
    char command[100];

    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert(system(command) == 0);
}

static bool put(struct ring_tx *tx, uint64_t seq, size_t len)
{
    struct record r = {
        .seq = seq, .src = seq, .head_len = (uint32_t)len, .ticket = RECORD_NO_TICKET};
    uint8_t *head = ring_reserve(tx, len);

    if (!head) {
        return false;
    }
    memset(head, (int)(seq & 0xff), len);
    ring_commit(tx, &r);
    return true;
}

Test(ring, records_of_every_size_come_out_as_they_went_in)
{
    struct ring_tx tx;
    struct ring_rx rx;
    struct record r;
    const uint8_t *head;

    cr_assert(ring_private(&tx, &rx, SIZE) == 0);
    for (uint64_t seq = 1; seq < 20000; seq++) {
        size_t len = seq * 7919 % 3000;

        cr_assert(put(&tx, seq, len));
        cr_assert(!(ring_peek(&rx, &r, &head)), "visible before its publish");
        ring_publish(&tx);
        cr_assert(ring_peek(&rx, &r, &head));
        cr_assert(r.seq == seq && r.head_len == len);
        for (size_t i = 0; i < len; i++) {
            cr_assert(head[i] == (seq & 0xff), "byte %zu of record %lu", i, seq);
        }
        ring_next(&rx);
        ring_release(&rx);
    }
    ring_private_free(&tx, &rx);
}

/* A batch is at most half of the ring: publishes when it is. */
static bool put_in_batches(struct ring_tx *tx, uint64_t seq, size_t len)
{
    if (put(tx, seq, len)) {
        return true;
    }
    ring_publish(tx);
    return put(tx, seq, len);
}

Test(ring, full_is_refused_and_what_was_published_stays)
{
    struct ring_tx tx;
    struct ring_rx rx;
    struct record r;
    const uint8_t *head;
    uint64_t n = 0;

    cr_assert(ring_private(&tx, &rx, 4096) == 0);
    while (put_in_batches(&tx, n + 1, 100)) {
        n++;
    }
    cr_assert(n == 4096 / 176, "%lu", n);
    ring_publish(&tx);
    for (uint64_t i = 1; i <= n; i++) {
        cr_assert(ring_peek(&rx, &r, &head) && r.seq == i);
        ring_next(&rx);
    }
    cr_assert(!(put(&tx, n + 1, 100)), "room before the release");
    ring_release(&rx);
    cr_assert(put(&tx, n + 1, 100));
    ring_private_free(&tx, &rx);
}

Test(ring, a_second_writer_or_reader_is_refused)
{
    struct ring_tx tx, tx2;
    struct ring_rx rx, rx2;
    char why[300];

    make_dir();
    cr_assert(ring_tx_join(&tx, path, SIZE, why, sizeof why) == 0, "%s", why);
    cr_assert(ring_tx_join(&tx2, path, SIZE, why, sizeof why) == -EBUSY);
    cr_assert(strstr(why, path) && strstr(why, "another process"), "%s", why);
    cr_assert(ring_rx_join(&rx, path, SIZE, why, sizeof why) == 0, "%s", why);
    cr_assert(ring_rx_join(&rx2, path, SIZE, why, sizeof why) == -EBUSY);
    ring_tx_leave(&tx);
    cr_assert(ring_tx_join(&tx2, path, SIZE, why, sizeof why) == 0, "%s", why);
    ring_tx_leave(&tx2);
    ring_rx_leave(&rx);
    remove_dir();
}

/* Writes a word at 'off' of a half. */
static void poke(const char *half, off_t off, uint64_t value, size_t size)
{
    char name[100];
    int fd;

    snprintf(name, sizeof name, "%s.%s", path, half);
    fd = open(name, O_WRONLY);
    cr_assert(fd >= 0 && pwrite(fd, &value, size, off) == (ssize_t)size);
    close(fd);
}

Test(ring, another_build_is_refused_by_file_and_difference)
{
    struct ring_tx tx;
    char why[300];

    make_dir();
    cr_assert(ring_tx_join(&tx, path, SIZE, why, sizeof why) == 0);
    ring_tx_leave(&tx);
    poke("rx", 8, 77, 4);
    cr_assert(ring_tx_join(&tx, path, SIZE, why, sizeof why) == -EPROTO);
    cr_expect(strstr(why, "R.rx") && strstr(why, "ABI version 77"), "%s", why);
    poke("tx", 8, 78, 4);
    cr_assert(ring_tx_join(&tx, path, SIZE, why, sizeof why) == -EPROTO);
    cr_expect(strstr(why, "R.tx") && strstr(why, "ABI version 78"), "%s", why);
    remove_dir();
}

Test(ring, a_restarted_writer_knows_what_was_settled_and_forgets_what_was_not_published)
{
    struct ring_tx tx;
    struct ring_rx rx;
    struct record r;
    const uint8_t *head;
    char why[300];

    make_dir();
    cr_assert(ring_rx_join(&rx, path, SIZE, why, sizeof why) == 0);
    for (uint64_t life = 1; life <= 50; life++) {
        cr_assert(ring_tx_join(&tx, path, SIZE, why, sizeof why) == 0, "%s", why);
        cr_assert(ring_settled(&tx, 0) == (life - 1) * 8);
        cr_assert(put(&tx, life, 64) && put(&tx, life, 64));
        ring_settle(&tx, 0, life * 8);
        ring_publish(&tx);
        put(&tx, 999, 64);
        ring_settle(&tx, 0, life * 8 + 4);
        ring_tx_leave(&tx); /* dies here: the last record was never published */
    }
    for (uint64_t i = 0; i < 100; i++) {
        cr_assert(ring_peek(&rx, &r, &head) && r.seq == i / 2 + 1, "%lu", r.seq);
        ring_next(&rx);
    }
    cr_assert(!(ring_peek(&rx, &r, &head)));
    ring_rx_leave(&rx);
    remove_dir();
}

static void collect(void *context, const struct record *r)
{
    uint64_t *sum = context;

    *sum = *sum * 100 + r->seq;
}

Test(ring, the_last_batch_can_be_read_again_after_a_restart)
{
    struct ring_tx tx;
    struct ring_rx rx;
    char why[300];
    uint64_t sum = 0;

    make_dir();
    cr_assert(ring_rx_join(&rx, path, SIZE, why, sizeof why) == 0);
    cr_assert(ring_tx_join(&tx, path, SIZE, why, sizeof why) == 0);
    put(&tx, 1, 10);
    ring_publish(&tx);
    put(&tx, 2, 10);
    put(&tx, 3, 5000);
    ring_publish(&tx);
    put(&tx, 4, 10);
    ring_tx_leave(&tx);
    cr_assert(ring_tx_join(&tx, path, SIZE, why, sizeof why) == 0);
    ring_last_batch(&tx, collect, &sum);
    cr_assert(sum == 203, "%lu", sum);
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
    remove_dir();
}

static void collect_first(void *context, const struct record *r)
{
    uint64_t *n = context;

    *n += r->seq == 1;
}

Test(ring, the_last_batch_can_be_read_though_the_next_was_staged_as_far_as_it_goes)
{
    struct ring_tx tx;
    struct ring_rx rx;
    struct record r;
    const uint8_t *head;
    char why[300];
    uint64_t found = 0, n = 0;

    make_dir();
    cr_assert(ring_rx_join(&rx, path, SIZE, why, sizeof why) == 0);
    cr_assert(ring_tx_join(&tx, path, SIZE, why, sizeof why) == 0);
    while (put(&tx, 1, 1000)) {
        n++;
    }
    ring_publish(&tx);
    while (ring_peek(&rx, &r, &head)) {
        ring_next(&rx);
    }
    ring_release(&rx);
    while (put(&tx, 2, 1000)) { /* killed before it publishes these */
    }
    ring_tx_leave(&tx);
    cr_assert(ring_tx_join(&tx, path, SIZE, why, sizeof why) == 0);
    ring_last_batch(&tx, collect_first, &found);
    cr_assert(n > 1 && found == n, "%lu of %lu", found, n);
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
    remove_dir();
}

struct looked {
    uint64_t tail, records;
};

/* A spectator that looks once, as a process that stops before it does. */
static pid_t look(const struct ring_view *v, struct looked *found)
{
    pid_t pid = fork();

    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        found->tail = ring_view_tail(v, &found->records);
        _exit(0);
    }
    cr_assert(pid > 0 && waitpid(pid, NULL, 0) == pid);
    return pid;
}

/* Lets it do 'n' instructions.  False: it has ended. */
static bool step(pid_t pid, unsigned n)
{
    int status = 0;

    while (n-- > 0) {
        cr_assert(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0);
        cr_assert(waitpid(pid, &status, 0) == pid);
        if (!WIFSTOPPED(status)) {
            return false;
        }
    }
    return true;
}

#ifdef __SANITIZE_ADDRESS__
#define STRIDE 307 /* a look has 7,000 instructions then */
#else
#define STRIDE 1
#endif

/* After each instruction of the spectator's look the writer publishes, and starts on a next batch.
 * Each record has 72 bytes, so a tail says how many there are. */
Test(ring, a_spectator_s_count_belongs_to_its_tail)
{
    struct ring_tx tx;
    struct ring_rx rx;
    struct looked *found =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool ended = false;

    cr_assert(found != MAP_FAILED && ring_private(&tx, &rx, SIZE) == 0);
    for (unsigned n = 0; !ended; n += STRIDE) {
        struct ring_view v = {.tx = tx.own, .data = tx.data, .size = tx.size};
        struct record r;
        const uint8_t *head;
        pid_t pid = look(&v, found);

        ended = !step(pid, n);
        cr_assert(put(&tx, n, 0));
        ring_publish(&tx);
        atomic_fetch_add(&tx.own->commit[tx.commit_at ^ 1].records, 100);
        if (!ended) {
            cr_assert(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0 && waitpid(pid, NULL, 0) == pid);
        }
        cr_assert(found->tail == found->records * sizeof(struct record), "%lu records up to %lu",
                  found->records, found->tail);
        cr_assert(ring_peek(&rx, &r, &head));
        ring_next(&rx);
        ring_release(&rx);
    }
    munmap(found, 4096);
    ring_private_free(&tx, &rx);
}

Test(ring, what_was_begun_is_known_to_a_successor)
{
    struct ring_tx tx;
    struct ring_rx rx;
    struct record r;
    const uint8_t *head;
    char why[300];
    uint64_t at;

    make_dir();
    cr_assert(ring_tx_join(&tx, path, SIZE, why, sizeof why) == 0);
    cr_assert(ring_rx_join(&rx, path, SIZE, why, sizeof why) == 0);
    for (uint64_t i = 1; i <= 4; i++) {
        put(&tx, i, 64);
    }
    ring_publish(&tx);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(ring_peek(&rx, &r, &head));
        ring_next(&rx);
    }
    ring_begin(&rx);
    at = ring_position(&rx);
    ring_rx_leave(&rx); /* dies between the begin and the release */
    cr_assert(ring_rx_join(&rx, path, SIZE, why, sizeof why) == 0);
    cr_assert(ring_begun(&rx) == at);
    cr_assert(ring_rx_skip(&rx, ring_begun(&rx)));
    cr_assert(ring_peek(&rx, &r, &head) && r.seq == 3, "%lu", r.seq);
    cr_assert(!(ring_rx_skip(&rx, at + 100000)), "skipped past the tail");
    ring_rx_leave(&rx);
    ring_tx_leave(&tx);
    remove_dir();
}

Test(ring, the_bell_is_rung_for_a_sleeper_and_only_for_a_sleeper)
{
    struct ring_tx tx;
    struct ring_rx rx;
    struct bell bell;
    char why[300], name[100], byte[8];
    struct record r;
    const uint8_t *head;

    make_dir();
    snprintf(name, sizeof name, "%s/bell", dir);
    cr_assert(bell_open(&bell, name, why, sizeof why) == 0);
    cr_assert(ring_private(&tx, &rx, SIZE) == 0);
    tx.bell = &bell;
    cr_assert(!(ring_rx_arm(&rx)));
    put(&tx, 1, 64);
    ring_publish(&tx);
    cr_assert(read(bell.fd, byte, sizeof byte) == 1);
    put(&tx, 2, 64);
    ring_publish(&tx);
    cr_assert(read(bell.fd, byte, sizeof byte) < 0 && errno == EAGAIN, "rung for nobody");
    cr_assert(ring_rx_arm(&rx), "would have slept on a full ring");
    while (ring_peek(&rx, &r, &head)) {
        ring_next(&rx);
    }
    cr_assert(!(ring_rx_arm(&rx)));
    put(&tx, 3, 64);
    ring_publish(&tx);
    cr_assert(read(bell.fd, byte, sizeof byte) == 1);
    bell_close(&bell);
    ring_private_free(&tx, &rx);
    remove_dir();
}

/* The writer's half, whatever is written to it, ends the ring and nothing else. */
Test(ring, garbage_from_the_writer_makes_the_ring_bad_not_the_reader)
{
    srand(1);
    for (unsigned round = 0; round < 2000; round++) {
        struct ring_tx tx;
        struct ring_rx rx;
        struct record r;
        const uint8_t *head;
        unsigned taken = 0;
        uint32_t *words;

        cr_assert(ring_private(&tx, &rx, 4096) == 0);
        for (unsigned i = 0; i < 10; i++) {
            put(&tx, i + 1, 64);
        }
        ring_publish(&tx);
        words = (uint32_t *)(void *)tx.data;
        for (unsigned i = 0; i < 8; i++) {
            words[rand() % 340] = (uint32_t)rand() >> (rand() % 32);
        }
        while (ring_peek(&rx, &r, &head) && taken < 1000) {
            cr_assert(head >= rx.data && head + r.head_len <= rx.data + 2 * rx.size);
            cr_assert(r.head_len <= RECORD_HEAD_MAX);
            ring_next(&rx);
            taken++;
        }
        cr_assert(taken < 1000, "read on for ever");
        cr_assert(taken == 10 || ring_rx_bad(&rx));
        ring_private_free(&tx, &rx);
    }
}

Test(ring, the_reader_cannot_write_the_writers_half)
{
    struct ring_tx tx;
    struct ring_rx rx;
    char why[300];
    pid_t child;
    int status;

    make_dir();
    cr_assert(ring_tx_join(&tx, path, SIZE, why, sizeof why) == 0);
    cr_assert(ring_rx_join(&rx, path, SIZE, why, sizeof why) == 0);
    child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        *(volatile uint8_t *)(uintptr_t)rx.data = 1;
        _exit(0);
    }
    cr_assert(waitpid(child, &status, 0) == child);
    cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) != 0, "the write went through");
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
    remove_dir();
}

/* Passes records from one ring to the other until it is killed, as every process here does: commit,
 * settle, publish, release. */
static void pass_on(const char *in, const char *out)
{
    struct ring_rx rx;
    struct ring_tx tx;
    char why[300];

    if (ring_rx_join(&rx, in, SIZE, why, sizeof why) != 0 ||
        ring_tx_join(&tx, out, SIZE, why, sizeof why) != 0 ||
        !ring_rx_skip(&rx, ring_settled(&tx, 0))) {
        _exit(1);
    }
    ring_release(&rx);
    for (unsigned batch = 1;; batch = batch % 9 + 1) {
        struct record r;
        const uint8_t *head;

        for (unsigned n = 0; n < batch && ring_peek(&rx, &r, &head); n++) {
            if (!put(&tx, r.seq, r.head_len)) {
                break;
            }
            ring_next(&rx);
            ring_settle(&tx, 0, ring_position(&rx));
        }
        ring_publish(&tx);
        ring_release(&rx);
    }
}

Test(ring, a_process_killed_at_any_instant_loses_nothing_and_does_nothing_twice)
{
    char in[90], out[90], why[300];
    uint64_t sent = 0, seen = 0;
    struct ring_tx tx;
    struct ring_rx rx;

    make_dir();
    snprintf(in, sizeof in, "%s/in", dir);
    snprintf(out, sizeof out, "%s/out", dir);
    cr_assert(ring_tx_join(&tx, in, SIZE, why, sizeof why) == 0, "%s", why);
    cr_assert(ring_rx_join(&rx, out, SIZE, why, sizeof why) == 0, "%s", why);
    for (unsigned life = 0; life < 300; life++) {
        uint64_t until = seen + 1 + life * 37 % 500;
        pid_t child = fork();
        struct record r;
        const uint8_t *head;
        int status;

        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed assertion ends the parent */
            ring_tx_leave(&tx);               /* else the child would hold the parent's locks on */
            ring_rx_leave(&rx);
            pass_on(in, out);
        }
        while (seen < until) {
            while (put(&tx, sent + 1, sent % 300)) {
                sent++;
            }
            ring_publish(&tx);
            while (ring_peek(&rx, &r, &head)) {
                seen++;
                cr_assert(r.seq == seen, "life %u: %lu came after %lu", life, r.seq, seen - 1);
                ring_next(&rx);
            }
            ring_release(&rx);
            cr_assert(!ring_rx_bad(&rx) && waitpid(child, &status, WNOHANG) == 0);
        }
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
    }
    ring_tx_leave(&tx);
    ring_rx_leave(&rx);
    remove_dir();
}
