/* common/counter_view.c - reading another process's counters, without its help. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/counter_file.h"

/* A look takes a microsecond, and an owner changes its words once a batch. */
#define LOOKS 100000

int counter_view_open(struct counter_view *v, const char *run_dir, const char *process)
{
    char path[256];
    uint64_t check = 0;
    struct stat st = {0};
    const uint64_t *map;
    int fd;

    *v = (struct counter_view){0};
    snprintf(path, sizeof path, "%s/%s.counters", run_dir, process);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &st) != 0 || st.st_size != (off_t)COUNTER_FILE_BYTES) {
        close(fd);
        return st.st_size == 0 ? -ENOENT : -EPROTO; /* 0: it is being made */
    }
    if (pread(fd, &check, sizeof check, 0) != (ssize_t)sizeof check || check != COUNTER_CHECK) {
        close(fd);
        return check == 0 ? -ENOENT : -EPROTO;
    }
    map = mmap(NULL, COUNTER_FILE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) {
        return -ENOMEM;
    }
    v->map = map;
    v->words = map + 1;
    v->size = COUNTER_FILE_BYTES;
    return 0;
}

void counter_view_close(struct counter_view *v)
{
    if (v->words) {
        munmap((void *)(uintptr_t)v->map, v->size);
        v->words = NULL;
    }
}

static uint64_t look(const struct counter_view *v, unsigned word, memory_order order)
{
    return atomic_load_explicit((const _Atomic uint64_t *)(const void *)&v->words[word], order);
}

uint64_t counter_view_get(const struct counter_view *v, enum counter c)
{
    return look(v, (unsigned)c, memory_order_relaxed);
}

/* ---- snapshots ---------------------------------------------------------------------------- */

/* Sets the words that the note names; what it holds is the owner's, and may be anything. */
static void overlay(struct counter_snapshot *s)
{
    for (unsigned i = 0; i < s->n_note; i++) {
        if (s->note[2 * i] < COUNTER_WORDS) {
            s->word[s->note[2 * i]] = s->note[2 * i + 1];
        }
    }
    s->n_note = 0;
}

static void copy(const struct counter_view *v, struct counter_snapshot *s)
{
    /* pairs with the release stores of NOTE_N: a whole note, or, when it is 0 again, all words set
     */
    uint64_t n = look(v, NOTE_N, memory_order_acquire);

    s->n_note = n <= COUNTER_WORDS ? (unsigned)n : 0;
    s->output = look(v, NOTE_OUTPUT, memory_order_relaxed);
    s->tail = look(v, NOTE_TAIL, memory_order_relaxed);
    for (unsigned i = 0; i < 2 * s->n_note; i++) {
        s->note[i] = look(v, NOTE_FIRST + i, memory_order_relaxed);
    }
    for (unsigned i = 0; i < COUNTER_WORDS; i++) {
        s->word[i] = look(v, i, memory_order_relaxed);
    }
}

bool counter_view_snapshot(const struct counter_view *v, struct counter_snapshot *s)
{
    for (unsigned looks = 0; looks < LOOKS; looks++) {
        /* pairs with the release stores of the sequence in counter_commit */
        uint64_t sequence = look(v, FILE_SEQUENCE, memory_order_acquire);

        copy(v, s);
        /* pairs with the release fences in counter_commit and write_note: whoever copied a word of
         * theirs sees that the sequence has moved on */
        atomic_thread_fence(memory_order_acquire);
        if (look(v, FILE_SEQUENCE, memory_order_relaxed) != sequence) {
            continue;
        }
        if (sequence % 2 != 0) {
            overlay(s);
        }
        return true;
    }
    return false;
}

void counter_snapshot_settle(struct counter_snapshot *s, unsigned output, uint64_t tail)
{
    if (s->n_note > 0 && s->output == output && tail >= s->tail) {
        overlay(s);
    }
}

uint64_t counter_snapshot_get(const struct counter_snapshot *s, enum counter c)
{
    return s->word[c];
}

uint64_t counter_snapshot_drop(const struct counter_snapshot *s, enum counter_kind k, enum drop why)
{
    return s->word[COUNTERS + (unsigned)k * DROPS + (unsigned)why];
}
