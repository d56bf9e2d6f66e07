/* shm/mirror.c - positions as in a flight recorder: 'begun' before the bytes, 'end' after them.
 *
 * Both count bytes from the beginning of time.  The bytes of position p lie at p modulo the size,
 * so a record at p is whole while begun - p <= size: what the writer has begun does not reach it.
 * Bytes are moved in atomic words, since reader and writer may be at the same one; the reader finds
 * out afterwards, and believes nothing of what it copied until then. */
#include "shm/mirror.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "shm/file.h"
#include "shm/guard.h"
#include "shm/words.h"

struct mirror_shared {
    struct file_header header;
    _Alignas(64) _Atomic uint64_t begun; /* bytes that the writer may have touched */
    _Atomic uint64_t end;                /* bytes of whole records */
    _Atomic uint64_t count;              /* number of the record that ends there */
    _Atomic uint64_t on;
    _Alignas(64) _Atomic uint64_t asked_ns; /* CLOCK_MONOTONIC: when it was last asked for */
    _Alignas(FILE_PAGE) _Atomic uint64_t words[];
};

/* What a record begins with; the bytes about it and its own follow. */
struct mirror_head {
    uint32_t size; /* of all, in whole words */
    uint32_t meta_len, len, unused;
    uint64_t seq, time_ns;
};

static uint64_t file_bytes(uint64_t size)
{
    return FILE_PAGE + size;
}

static int cannot_map(int fd, const char *path, char *why, size_t why_size)
{
    int err = errno;

    snprintf(why, why_size, "%s: cannot be mapped: %s", path, strerror(err));
    close(fd);
    return -err;
}

/* ---- writer ------------------------------------------------------------------------------- */

/* What a predecessor left.  One that died in the middle of a record had touched what lies up to
 * 'begun'; nobody may take that for old records, so 'begun' never goes back. */
static void resume(struct mirror_writer *w, bool damaged, char *why, size_t why_size)
{
    struct mirror_shared *s = w->shared;

    w->end = word_get(&s->end);
    w->begun = word_get(&s->begun);
    if (!damaged && (w->end % 8 != 0 || w->begun - w->end > w->size / 2)) {
        snprintf(why, why_size, "its indexes do not hold together");
        damaged = true;
    }
    if (damaged) {
        w->end = w->begun = 0;
        word_set(&s->asked_ns, 0);
        word_set(&s->count, 0);
        word_set(&s->begun, 0);
        word_set(&s->end, 0);
    }
    word_set(&s->on, 0);
    w->count = word_get(&s->count);
    w->asked_ns = 0; /* unlike any request: the first look takes it up */
}

int mirror_write_join(struct mirror_writer *w, const char *path, uint64_t size, char *why,
                      size_t why_size)
{
    char what[100] = "";
    bool damaged;

    *w = (struct mirror_writer){.size = size};
    w->fd = file_open(path, FILE_MIRROR, file_bytes(size), size, 0, true, true, &damaged, why,
                      why_size);
    if (w->fd == -EBUSY) {
        snprintf(why, why_size,
                 "%s: another process writes this mirror: stop it, or give another --run-dir",
                 path);
    }
    if (w->fd < 0) {
        return w->fd;
    }
    w->shared = file_map(w->fd, file_bytes(size), true);
    if (!w->shared) {
        return cannot_map(w->fd, path, why, why_size);
    }
    resume(w, damaged, what, sizeof what);
    if (what[0]) {
        snprintf(why, why_size, "%s: %s", path, what);
    }
    return 0;
}

void mirror_write_leave(struct mirror_writer *w)
{
    if (w->shared) {
        word_set(&w->shared->on, 0);
        munmap(w->shared, file_bytes(w->size));
        w->shared = NULL;
        w->on = false;
        close(w->fd);
    }
}

void mirror_ask(const struct mirror_writer *w, uint64_t now_ns)
{
    word_set(&w->shared->asked_ns, now_ns); /* pairs with nothing: the time is all that is said */
}

bool mirror_asked(const struct mirror_writer *w)
{
    return word_get(&w->shared->asked_ns) != w->asked_ns;
}

void mirror_look(struct mirror_writer *w, uint64_t now_ns, uint64_t count)
{
    bool on;

    w->asked_ns = word_get(&w->shared->asked_ns);
    /* a request of the far future is of another boot, or a lie */
    on = w->asked_ns + MIRROR_LEASE_NS > now_ns && w->asked_ns < now_ns + MIRROR_LEASE_NS &&
         w->asked_ns != 0;
    if (on && !w->on) {
        w->count = count;
        word_set(&w->shared->count, count);
    }
    if (on != w->on) {
        w->on = on;
        /* release: who sees it on sees the count (acquire in mirror_on) */
        atomic_store_explicit(&w->shared->on, on, memory_order_release);
    }
}

/* Says that the bytes up to 'to' may change from now on. */
static void begin(struct mirror_writer *w, uint64_t to)
{
    if (to > w->begun) {
        w->begun = to;
        word_set(&w->shared->begun, to);
    }
    /* pairs with the acquire fences in untouched and look_end: whoever has read a word stored after
     * this reads 'begun' as stored before it */
    atomic_thread_fence(memory_order_release);
}

void mirror_put(struct mirror_writer *w, const void *meta, size_t meta_len, const struct iovec *iov,
                unsigned n)
{
    struct mirror_head h = {.meta_len = (uint32_t)meta_len, .seq = ++w->count};
    struct timespec t;
    uint64_t at;

    for (unsigned i = 0; i < n; i++) {
        h.len += (uint32_t)iov[i].iov_len;
    }
    assert(meta_len <= MIRROR_META && h.len <= MIRROR_DATA);
    clock_gettime(CLOCK_REALTIME, &t);
    h.time_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    h.size = (uint32_t)((sizeof h + meta_len + h.len + 7) & ~(size_t)7);
    begin(w, w->end + h.size);
    words_put(w->shared->words, w->size, w->end, &h, sizeof h);
    words_put(w->shared->words, w->size, w->end + sizeof h, meta, meta_len);
    at = w->end + sizeof h + meta_len;
    for (unsigned i = 0; i < n; i++) {
        words_put(w->shared->words, w->size, at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    w->end += h.size;
    word_set(&w->shared->count, w->count);
    /* pairs with the acquire loads in look_end and mirror_next */
    atomic_store_explicit(&w->shared->end, w->end, memory_order_release);
}

/* ---- reader ------------------------------------------------------------------------------- */

int mirror_read_join(struct mirror_reader *r, const char *path, uint64_t size, char *why,
                     size_t why_size)
{
    uint64_t bytes = file_bytes(size);

    *r = (struct mirror_reader){.size = size};
    snprintf(r->path, sizeof r->path, "%s", path);
    r->fd = file_open(path, FILE_MIRROR, bytes, size, 0, false, false, NULL, why, why_size);
    if (r->fd < 0) {
        return r->fd;
    }
    r->shared = file_map(r->fd, bytes, false);
    if (!r->shared) {
        return cannot_map(r->fd, path, why, why_size);
    }
    r->guard = guard_add(r->shared, r->fd, bytes, 0);
    mirror_start(r);
    return 0;
}

void mirror_read_leave(struct mirror_reader *r)
{
    if (r->shared) {
        guard_remove(r->guard);
        munmap((void *)(uintptr_t)r->shared, file_bytes(r->size));
        r->shared = NULL;
        close(r->fd);
    }
}

bool mirror_replaced(const struct mirror_reader *r)
{
    return file_replaced(r->fd, r->path);
}

bool mirror_on(const struct mirror_reader *r)
{
    return atomic_load_explicit(&r->shared->on, memory_order_acquire) != 0;
}

/* The end, and the number of the last record before it: of one moment, unless the writer died in
 * the middle of a record, or never pauses. */
static uint64_t look_end(const struct mirror_reader *r, uint64_t *count)
{
    uint64_t end = 0;

    for (unsigned tries = 0; tries < 100; tries++) {
        /* pairs with the release store in mirror_put */
        end = atomic_load_explicit(&r->shared->end, memory_order_acquire);
        *count = word_get(&r->shared->count);
        /* pairs with the fence in begin: a count of a later record comes with a later 'begun' */
        atomic_thread_fence(memory_order_acquire);
        if (word_get(&r->shared->begun) == end) {
            break;
        }
    }
    return end & ~(uint64_t)7;
}

void mirror_start(struct mirror_reader *r)
{
    r->at = look_end(r, &r->seq);
    r->missed = 0;
}

/* Is what was copied from 'at' on as it was written? */
static bool untouched(const struct mirror_reader *r)
{
    /* pairs with the fence in begin: the copy is made before this look */
    atomic_thread_fence(memory_order_acquire);
    return word_get(&r->shared->begun) - r->at <= r->size;
}

static bool head_holds(const struct mirror_head *h, uint64_t room)
{
    return h->meta_len <= MIRROR_META && h->len <= MIRROR_DATA && h->size <= room &&
           h->size == ((sizeof *h + h->meta_len + h->len + 7) & ~(size_t)7);
}

void mirror_skip(struct mirror_reader *r)
{
    uint64_t count;

    r->at = look_end(r, &count);
}

uint64_t mirror_missed(const struct mirror_reader *r)
{
    uint64_t count, end = look_end(r, &count);

    return r->missed + (r->at == end && count > r->seq ? count - r->seq : 0);
}

bool mirror_next(struct mirror_reader *r, struct mirror_record *record)
{
    struct mirror_head h;
    uint64_t end;

    if (guard_hurt(r->guard)) {
        guard_mend(r->guard);
    }
    /* pairs with the release store in mirror_put */
    end = atomic_load_explicit(&r->shared->end, memory_order_acquire);
    if (end == r->at) {
        return false;
    }
    words_get(r->shared->words, r->size, r->at, &h, sizeof h);
    if (!untouched(r) || !head_holds(&h, end - r->at)) {
        mirror_skip(r);
        return false;
    }
    words_get(r->shared->words, r->size, r->at + sizeof h, record->meta, h.meta_len);
    words_get(r->shared->words, r->size, r->at + sizeof h + h.meta_len, record->data, h.len);
    if (!untouched(r)) {
        mirror_skip(r);
        return false;
    }
    /* numbers that run backwards are of a writer that began anew: nobody knows what was missed */
    record->missed = h.seq > r->seq ? h.seq - r->seq - 1 : 0;
    r->missed += record->missed;
    record->seq = r->seq = h.seq;
    record->time_ns = h.time_ns;
    record->meta_len = h.meta_len;
    record->len = h.len;
    r->at += h.size;
    return true;
}
