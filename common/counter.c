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
static const enum counter dropped_total[] = {OFPROXY_DROPPED, VNSBRIDGE_DROPPED, ROUTER_DROPPED};

/* The file: a check word (how many words this build has, under a magic), then the words, then what
 * counter_prepare noted: how many words are to change, with which tail of which output, and each
 * one's number and new value.  New values, not differences: they may be set twice. */
enum {
    LOG_N = COUNTER_WORDS,
    LOG_OUTPUT,
    LOG_TAIL,
    LOG_FIRST,
    FILE_WORDS = LOG_FIRST + 2 * COUNTER_WORDS
};
#define CHECK_WORD (0x436e7472ULL << 32 | COUNTER_WORDS)
#define FILE_BYTES ((1 + FILE_WORDS) * sizeof(uint64_t))

static _Atomic uint64_t private_words[FILE_WORDS];
static _Atomic uint64_t *words = private_words;
static enum counter_process me = COUNTER_OF_ROUTER;

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
    err = fstat(fd, &st) != 0 ? errno : 0;
    if (err == 0 && st.st_size == 0) {
        err = posix_fallocate(fd, 0, FILE_BYTES); /* not a hole: a full file system says so now */
        st.st_size = FILE_BYTES;
    }
    if (err != 0) {
        close(fd);
        return -err;
    }
    if (st.st_size == (off_t)FILE_BYTES && pread(fd, &check, sizeof check, 0) > 0 && check == 0) {
        check = CHECK_WORD; /* new, or its maker died before this line */
        if (pwrite(fd, &check, sizeof check, 0) != (ssize_t)sizeof check) {
            check = 0;
        }
    }
    map = check == CHECK_WORD ? mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                              : MAP_FAILED;
    close(fd);
    if (map == MAP_FAILED) {
        return check == CHECK_WORD ? -ENOMEM : -EPROTO;
    }
    words = (_Atomic uint64_t *)(void *)(map + 1);
    me = who;
    return 0;
}

void counter_start(const char *run_dir, enum counter_process who)
{
    int err = counter_open(run_dir, who);

    if (err == -EPROTO) {
        die("%s/%s.counters: damaged, or made by another build: stop the stack and remove its run "
            "directory (causeway down)",
            run_dir, process_names[who]);
    }
    if (err != 0) {
        die("%s/%s.counters: cannot be used: %s: %s", run_dir, process_names[who], strerror(-err),
            err == -ENOSPC ? "free memory on the file system of the run directory"
                           : "run as the user that owns the run directory, or as root");
    }
}

static void add(unsigned word, uint64_t n)
{
    uint64_t v = atomic_load_explicit(&words[word], memory_order_relaxed);

    atomic_store_explicit(&words[word], v + n, memory_order_relaxed);
}

void counter_add(enum counter c, uint64_t n)
{
    add((unsigned)c, n);
}

uint64_t counter_get(enum counter c)
{
    return atomic_load_explicit(&words[c], memory_order_relaxed);
}

void counter_drop(enum drop why, uint64_t n)
{
    add(COUNTERS + (unsigned)why, n);
    add(dropped_total[me], n);
}

uint64_t counter_dropped(enum drop why)
{
    return atomic_load_explicit(&words[COUNTERS + (unsigned)why], memory_order_relaxed);
}

/* ---- prepared counts ---------------------------------------------------------------------- */

static uint64_t get(unsigned word)
{
    return atomic_load_explicit(&words[word], memory_order_relaxed);
}

static void set(unsigned word, uint64_t v)
{
    atomic_store_explicit(&words[word], v, memory_order_relaxed);
}

static unsigned note(unsigned n, unsigned word, uint64_t more)
{
    if (more == 0) {
        return n;
    }
    set(LOG_FIRST + 2 * n, word);
    set(LOG_FIRST + 2 * n + 1, get(word) + more);
    return n + 1;
}

void counter_prepare(struct counter_tally *t, unsigned output, uint64_t tail)
{
    unsigned n = 0;

    set(LOG_N, 0);
    /* what follows must not come before it: a successor believes only a whole note.  It runs after
     * its predecessor's death, so order is all that is needed, here and in
     * counter_commit */
    atomic_thread_fence(memory_order_release);
    for (unsigned i = 0; i < DROPS; i++) {
        n = note(n, COUNTERS + i, t->dropped[i]);
        t->count[dropped_total[me]] += t->dropped[i];
    }
    for (unsigned i = 0; i < COUNTERS; i++) {
        n = note(n, i, t->count[i]);
    }
    set(LOG_OUTPUT, output);
    set(LOG_TAIL, tail);
    atomic_store_explicit(&words[LOG_N], n, memory_order_release);
    memset(t, 0, sizeof *t);
}

void counter_commit(void)
{
    uint64_t n = get(LOG_N);

    for (unsigned i = 0; i < n && i < COUNTER_WORDS; i++) {
        uint64_t word = get(LOG_FIRST + 2 * i);

        if (word < COUNTER_WORDS) {
            set((unsigned)word, get(LOG_FIRST + 2 * i + 1));
        }
    }
    atomic_store_explicit(&words[LOG_N], 0, memory_order_release);
}

void counter_recover(unsigned output, uint64_t tail)
{
    if (get(LOG_OUTPUT) != output) {
        return;
    }
    if (tail >= get(LOG_TAIL)) {
        counter_commit();
    } else {
        set(LOG_N, 0); /* never published: its frames will be handled, and counted, again */
    }
}

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

int counter_view_open(struct counter_view *v, const char *run_dir, const char *process)
{
    char path[256];
    struct stat st;
    uint64_t *map;
    int fd;

    *v = (struct counter_view){0};
    snprintf(path, sizeof path, "%s/%s.counters", run_dir, process);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &st) != 0 || st.st_size != (off_t)FILE_BYTES) {
        close(fd);
        return -EPROTO;
    }
    map = mmap(NULL, FILE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) {
        return -ENOMEM;
    }
    if (map[0] != CHECK_WORD) {
        munmap(map, FILE_BYTES);
        return -EPROTO;
    }
    v->words = map + 1;
    v->size = FILE_BYTES;
    return 0;
}

void counter_view_close(struct counter_view *v)
{
    if (v->words) {
        munmap((void *)(uintptr_t)(v->words - 1), v->size);
        v->words = NULL;
    }
}

static uint64_t view_word(const struct counter_view *v, unsigned word)
{
    const _Atomic uint64_t *at = (const _Atomic uint64_t *)(const void *)&v->words[word];

    return atomic_load_explicit(at, memory_order_relaxed);
}

uint64_t counter_view_get(const struct counter_view *v, enum counter c)
{
    return view_word(v, (unsigned)c);
}

uint64_t counter_view_dropped(const struct counter_view *v, enum drop why)
{
    return view_word(v, COUNTERS + (unsigned)why);
}
