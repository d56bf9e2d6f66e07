/* common/counter.c - counters in a mapped file; single writers, relaxed atomics. */
#include "common/counter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/counter_file.h"
#include "common/log.h"

struct counter_def {
    const char *name, *text;
    enum counter_process owner;
};
static const struct counter_def defs[] = {
#define C(PROCESS, NAME, name, text) {name, text, COUNTER_OF_##PROCESS},
#include "common/counters.def"
#undef C
};
static const struct {
    const char *name, *text;
} drops[] = {
#define D(NAME, name, text) {name, text},
#include "common/drops.def"
#undef D
};
static const char *const process_names[] = {"ofproxy", "vnsbridge", "router"};
static const char *const kind_names[] = {"dropped", "decided", "unsent"};
static const enum counter totals[COUNTER_PROCESSES][COUNTER_KINDS] = {
    [COUNTER_OF_OFPROXY] = {OFPROXY_DROPPED, OFPROXY_DECIDED, OFPROXY_UNSENT},
    [COUNTER_OF_VNSBRIDGE] = {VNSBRIDGE_DROPPED, COUNTERS, VNSBRIDGE_UNSENT}, /* decides all */
    [COUNTER_OF_ROUTER] = {ROUTER_DROPPED, ROUTER_DECIDED, COUNTERS},
};

#define MANY_WORDS 65536 /* more than any build has; a larger number is damage */

static _Atomic uint64_t private_words[FILE_WORDS];
static _Atomic uint64_t *words = private_words;
static enum counter_process me = COUNTER_OF_ROUTER;

static uint64_t get(unsigned word)
{
    return atomic_load_explicit(&words[word], memory_order_relaxed);
}

static void set(unsigned word, uint64_t v)
{
    atomic_store_explicit(&words[word], v, memory_order_relaxed);
}

/* With a new sequence, so that no reader takes words of the next note for this one's. */
static void forget_note(void)
{
    set(NOTE_N, 0);
    counter_commit();
}

/* A file that neither this build nor another made like that: all counts begin again. */
static void begin_again_if_damaged(int fd, const char *path)
{
    static const uint64_t zeroes[COUNTER_FILE_BYTES / sizeof(uint64_t)];
    uint64_t check = COUNTER_CHECK;
    struct stat st;

    if (fstat(fd, &st) != 0 || st.st_size == 0 || pread(fd, &check, sizeof check, 0) < 0 ||
        (st.st_size == (off_t)COUNTER_FILE_BYTES && (check == COUNTER_CHECK || check == 0)) ||
        (check >> 32 == COUNTER_CHECK >> 32 && check != COUNTER_CHECK &&
         (uint32_t)check < MANY_WORDS)) {
        return;
    }
    if (ftruncate(fd, (off_t)COUNTER_FILE_BYTES) == 0 && pwrite(fd, zeroes, sizeof zeroes, 0) > 0) {
        log_warn("damaged, and started anew: %s: its counts begin at 0", path);
    }
}

int counter_open(const char *run_dir, enum counter_process who)
{
    char path[256];
    uint64_t check = 0;
    uint64_t *map;
    struct stat st;
    int fd, err;

    snprintf(path, sizeof path, "%s/%s.counters", run_dir, process_names[who]);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
    if (fd < 0) {
        return -errno;
    }
    begin_again_if_damaged(fd, path);
    err = fstat(fd, &st) != 0 ? errno : 0;
    if (err == 0 && st.st_size == 0) {
        err = posix_fallocate(fd, 0,
                              COUNTER_FILE_BYTES); /* not a hole: a full file system says so now */
        st.st_size = COUNTER_FILE_BYTES;
    }
    if (err != 0) {
        close(fd);
        return -err;
    }
    if (st.st_size == (off_t)COUNTER_FILE_BYTES && pread(fd, &check, sizeof check, 0) > 0 &&
        check == 0) {
        check = COUNTER_CHECK; /* new, or its maker died before this line */
        if (pwrite(fd, &check, sizeof check, 0) != (ssize_t)sizeof check) {
            check = 0;
        }
    }
    map = check == COUNTER_CHECK
              ? mmap(NULL, COUNTER_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
              : MAP_FAILED;
    close(fd);
    if (map == MAP_FAILED) {
        return check == COUNTER_CHECK ? -ENOMEM : -EPROTO;
    }
    words = (_Atomic uint64_t *)(void *)(map + 1);
    me = who;
    if (get(FILE_SEQUENCE) % 2 != 0) {
        counter_commit();
    } else if (get(NOTE_OUTPUT) == COUNTER_NO_OUTPUT) {
        forget_note(); /* its maker died before counter_apply committed it */
    }
    return 0;
}

void counter_start(const char *run_dir, enum counter_process who)
{
    int err = counter_open(run_dir, who);

    if (err == -EPROTO) {
        die("%s/%s.counters: made by another build: stop the stack and remove its run "
            "directory (causeway down)",
            run_dir, process_names[who]);
    }
    if (err != 0) {
        die("%s/%s.counters: cannot be used: %s: %s", run_dir, process_names[who], strerror(-err),
            err == -ENOSPC ? "free memory on the file system of the run directory"
                           : "run as the user that owns the run directory, or as root");
    }
}

void counter_add(enum counter c, uint64_t n)
{
    set((unsigned)c, get((unsigned)c) + n);
}

uint64_t counter_get(enum counter c)
{
    return get((unsigned)c);
}

uint64_t counter_dropped(enum drop why)
{
    return get(COUNTERS + (unsigned)why);
}

uint64_t counter_unsent(enum drop why)
{
    return get(COUNTERS + COUNTER_UNSENT * DROPS + (unsigned)why);
}

uint64_t counter_mark(unsigned mark)
{
    return get(COUNTER_WORDS - COUNTER_MARKS + mark);
}

/* ---- tallies ------------------------------------------------------------------------------ */

bool counter_tally_empty(const struct counter_tally *t)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < sizeof t->touched / sizeof t->touched[0]; i++) {
        any |= t->touched[i];
    }
    return any == 0;
}

static void add_totals(struct counter_tally *t)
{
    for (unsigned k = 0; k < COUNTER_KINDS; k++) {
        if (t->drops[k] > 0 && totals[me][k] < COUNTERS) {
            counter_tally(t, totals[me][k], (int64_t)t->drops[k]);
        }
        t->drops[k] = 0;
    }
}

static void write_note(struct counter_tally *t, uint64_t output, uint64_t tail)
{
    unsigned n = 0;

    set(NOTE_N, 0);
    /* what follows must not come before it, nor before the end of the last counter_commit: pairs
     * with the fences in counter_view_snapshot.  A successor runs after its predecessor's death, so
     * for it order is enough */
    atomic_thread_fence(memory_order_release);
    add_totals(t);
    for (unsigned i = 0; i < sizeof t->touched / sizeof t->touched[0]; i++) {
        for (uint64_t left = t->touched[i]; left != 0; left &= left - 1) {
            unsigned word = i * 64 + (unsigned)__builtin_ctzll(left);

            set(NOTE_FIRST + 2 * n, word);
            set(NOTE_FIRST + 2 * n++ + 1, get(word) + t->more[word]);
            t->more[word] = 0;
        }
        t->touched[i] = 0;
    }
    set(NOTE_OUTPUT, output);
    set(NOTE_TAIL, tail);
    /* pairs with the acquire load in counter_view_snapshot */
    atomic_store_explicit(&words[NOTE_N], n, memory_order_release);
}

void counter_prepare(struct counter_tally *t, unsigned output, uint64_t tail)
{
    write_note(t, output, tail);
}

void counter_commit(void)
{
    uint64_t n = get(NOTE_N), odd = get(FILE_SEQUENCE) | 1;

    /* release: the note is whole; the fence: no word changes before it.  Both pair with
     * counter_view_snapshot */
    atomic_store_explicit(&words[FILE_SEQUENCE], odd, memory_order_release);
    atomic_thread_fence(memory_order_release);
    for (unsigned i = 0; i < n && i < COUNTER_WORDS; i++) {
        uint64_t word = get(NOTE_FIRST + 2 * i);

        if (word < COUNTER_WORDS) {
            set((unsigned)word, get(NOTE_FIRST + 2 * i + 1));
        }
    }
    atomic_store_explicit(&words[NOTE_N], 0, memory_order_release);
    atomic_store_explicit(&words[FILE_SEQUENCE], odd + 1, memory_order_release);
}

void counter_recover(unsigned output, uint64_t tail)
{
    if (get(NOTE_OUTPUT) != output) {
        return;
    }
    if (tail >= get(NOTE_TAIL)) {
        counter_commit();
    } else {
        forget_note(); /* never published: its frames will be handled, and counted, again */
    }
}

void counter_apply(struct counter_tally *t, unsigned mark, uint64_t value)
{
    unsigned word = COUNTER_WORDS - COUNTER_MARKS + mark;

    counter_tally_word(t, word, (int64_t)(value - get(word)));
    write_note(t, COUNTER_NO_OUTPUT, 0);
    counter_commit();
}

/* ---- names -------------------------------------------------------------------------------- */

const char *counter_name(enum counter c)
{
    return defs[c].name;
}

const char *counter_text(enum counter c)
{
    return defs[c].text;
}

enum counter_process counter_owner(enum counter c)
{
    return defs[c].owner;
}

const char *drop_name(enum drop why)
{
    return (unsigned)why < DROPS ? drops[why].name : "unknown";
}

const char *drop_text(enum drop why)
{
    return (unsigned)why < DROPS ? drops[why].text : "Unknown reason.";
}

const char *counter_kind_name(enum counter_kind k)
{
    return kind_names[k];
}

enum counter counter_total(enum counter_process p, enum counter_kind k)
{
    return totals[p][k];
}
