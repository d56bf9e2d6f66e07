/* shm/pty.c - two rings of bytes, each in its writer's file.
 *
 * The output is a flight recorder, as a mirror is: 'begun' before the bytes, 'end' after them, and
 * whoever reads looks at 'begun' once more afterwards.  The input waits for its reader instead: it
 * is full when 'typed' is PTY_INPUT beyond 'taken'.
 *
 * Whoever goes to sleep says so in his own half and looks once more: webterm in 'armed', the
 * position that it has seen; ptyhost in 'waits'.  The other looks at that word after it has written
 * its news.  Of those two stores and two loads all are sequentially consistent. */
#include "shm/pty.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shm/file.h"
#include "shm/guard.h"
#include "shm/words.h"

#define HOST_BYTES (FILE_PAGE + PTY_OUTPUT)
#define WEB_BYTES (FILE_PAGE + PTY_INPUT)

struct pty_host_shared {
    struct file_header header;
    _Alignas(128) _Atomic uint64_t begun; /* output that may have been touched */
    _Atomic uint64_t end;                 /* output that is there */
    _Alignas(128) _Atomic uint64_t taken; /* input that is the session's */
    _Atomic uint64_t waits;               /* 1: the program is left alone until more is released */
    _Alignas(128) _Atomic uint64_t epoch; /* of the session */
    _Atomic uint64_t base;                /* where its output starts */
    _Alignas(FILE_PAGE) _Atomic uint64_t words[PTY_OUTPUT / 8];
};

struct pty_web_shared {
    struct file_header header;
    _Alignas(128) _Atomic uint64_t typed; /* input that is there */
    _Alignas(128) _Atomic uint64_t released;
    _Atomic uint64_t armed; /* output that was seen: whatever comes beyond it is to be rung for */
    _Atomic uint64_t size;  /* columns, and rows << 16 */
    _Alignas(FILE_PAGE) _Atomic uint64_t words[PTY_INPUT / 8];
};

_Static_assert(sizeof(struct pty_host_shared) == HOST_BYTES, "a page, then the output");
_Static_assert(sizeof(struct pty_web_shared) == WEB_BYTES, "a page, then the input");

/* ---- joining ------------------------------------------------------------------------------- */

static int open_half(const char *run_dir, unsigned n, bool host, bool own, bool *damaged, char *why,
                     size_t why_size)
{
    char path[256];
    int fd;

    snprintf(path, sizeof path, "%s/pty.%u.%s", run_dir, n, host ? "host" : "web");
    fd = host ? file_open(path, FILE_PTY_HOST, HOST_BYTES, PTY_OUTPUT, 0, own, true, damaged, why,
                          why_size)
              : file_open(path, FILE_PTY_WEB, WEB_BYTES, PTY_INPUT, 0, own, true, damaged, why,
                          why_size);
    if (fd == -EBUSY) {
        snprintf(why, why_size,
                 "%s: another process has this end: stop it, or give another --run-dir", path);
    }
    return fd;
}

/* Opens both halves; 'why' keeps the sentence about the caller's own.  Returns 0 or -errno. */
static int open_halves(const char *run_dir, unsigned n, bool host, int *fd, int *peer_fd,
                       bool *damaged, char *why, size_t why_size)
{
    char of_peer[400];
    bool peer_damaged; /* its owner's to mend; until then it has no news */

    *peer_fd = -1;
    *fd = open_half(run_dir, n, host, true, damaged, why, why_size);
    if (*fd < 0) {
        return *fd;
    }
    *peer_fd = open_half(run_dir, n, !host, false, &peer_damaged, of_peer, sizeof of_peer);
    if (*peer_fd < 0) {
        snprintf(why, why_size, "%s", of_peer);
        return *peer_fd;
    }
    return 0;
}

static int cannot_map(unsigned n, char *why, size_t why_size)
{
    int err = errno;

    snprintf(why, why_size, "session %u: cannot map its files: %s", n, strerror(err));
    return -err;
}

static void mend(int guard)
{
    if (guard_hurt(guard)) {
        guard_mend(guard);
    }
}

/* Can 'taken' be, when so much was typed? */
static bool taken_holds(uint64_t typed, uint64_t taken)
{
    return typed - taken <= PTY_INPUT;
}

/* What a predecessor left.  What it had begun to overwrite is no old output, so 'begun' stays. */
static void resume_host(struct pty_host *p, unsigned n, bool damaged, char *why, size_t why_size)
{
    struct pty_host_shared *s = p->own;
    uint64_t typed = word_get(&p->peer->typed);

    p->begun = word_get(&s->begun);
    p->end = word_get(&s->end);
    p->taken = word_get(&s->taken);
    if (!damaged && p->begun - p->end > PTY_OUTPUT / 2) {
        snprintf(why, why_size, "pty.%u.host: its indexes do not hold together", n);
        damaged = true;
    }
    if (damaged) {
        p->begun = p->end = 0;
        word_set(&s->begun, 0);
        word_set(&s->end, 0);
        word_set(&s->epoch, 0);
        word_set(&s->base, 0);
    }
    if (damaged || !taken_holds(typed, p->taken)) {
        p->taken = typed;
        word_set(&s->taken, typed);
    }
    word_set(&s->waits, 0);
    p->rung = PTY_NOBODY;
}

int pty_host_open(struct pty_host *p, const char *run_dir, unsigned n, char *why, size_t why_size)
{
    bool damaged;
    int err;

    assert(n < PTY_SESSIONS);
    *p = (struct pty_host){.guard = -1};
    err = open_halves(run_dir, n, true, &p->fd, &p->peer_fd, &damaged, why, why_size);
    if (err == 0) {
        p->own = file_map(p->fd, HOST_BYTES, true);
        p->peer = file_map(p->peer_fd, WEB_BYTES, false);
        err = p->own && p->peer ? 0 : cannot_map(n, why, why_size);
    }
    if (err != 0) {
        pty_host_close(p);
        return err;
    }
    p->guard = guard_add(p->peer, p->peer_fd, WEB_BYTES, 0);
    resume_host(p, n, damaged, why, why_size);
    return 0;
}

/* An own half that was lost goes on where the other one is. */
static void resume_web(struct pty_web *w, bool damaged)
{
    w->taken = word_get(&w->peer->taken);
    w->typed = word_get(&w->own->typed);
    w->released = word_get(&w->own->released);
    if (damaged) {
        w->typed = w->taken;
        word_set(&w->own->typed, w->typed);
        w->released = PTY_NOBODY;
        word_set(&w->own->released, w->released);
        word_set(&w->own->size, 0);
    }
    if (!taken_holds(w->typed, w->taken)) {
        w->taken = w->typed - PTY_INPUT; /* full, until ptyhost is there and says otherwise */
    }
}

int pty_web_open(struct pty_web *w, const char *run_dir, unsigned n, char *why, size_t why_size)
{
    bool damaged;
    int err;

    assert(n < PTY_SESSIONS);
    *w = (struct pty_web){.guard = -1};
    err = open_halves(run_dir, n, false, &w->fd, &w->peer_fd, &damaged, why, why_size);
    if (err == 0) {
        w->own = file_map(w->fd, WEB_BYTES, true);
        w->peer = file_map(w->peer_fd, HOST_BYTES, false);
        err = w->own && w->peer ? 0 : cannot_map(n, why, why_size);
    }
    if (err != 0) {
        pty_web_close(w);
        return err;
    }
    w->guard = guard_add(w->peer, w->peer_fd, HOST_BYTES, 0);
    resume_web(w, damaged);
    return 0;
}

void pty_host_close(struct pty_host *p)
{
    guard_remove(p->guard);
    p->guard = -1;
    file_unmap(p->own, HOST_BYTES);
    file_unmap(p->peer, WEB_BYTES);
    p->own = NULL;
    p->peer = NULL;
    file_close(&p->peer_fd);
    file_close(&p->fd); /* last: it holds the lock */
}

void pty_web_close(struct pty_web *w)
{
    guard_remove(w->guard);
    w->guard = -1;
    file_unmap(w->own, WEB_BYTES);
    file_unmap(w->peer, HOST_BYTES);
    w->own = NULL;
    w->peer = NULL;
    file_close(&w->peer_fd);
    file_close(&w->fd);
}

const char *pty_state_name(unsigned state)
{
    static const char *const names[] = {"free", "running", "ended"};

    return state < sizeof names / sizeof names[0] ? names[state] : "unknown";
}

/* ---- ptyhost ------------------------------------------------------------------------------- */

void pty_begin(struct pty_host *p, uint64_t epoch)
{
    /* pairs with the acquire load in pty_look: whoever sees the epoch sees where it starts */
    word_set(&p->own->base, p->end);
    atomic_store_explicit(&p->own->epoch, epoch, memory_order_release);
}

/* Says that the bytes up to 'to' may change from now on. */
static void begin(struct pty_host *p, uint64_t to)
{
    if (to > p->begun) {
        p->begun = to;
        word_set(&p->own->begun, to);
    }
    /* pairs with the acquire fence in pty_read: whoever has read a word stored after this reads
     * 'begun' as stored before it */
    atomic_thread_fence(memory_order_release);
}

int pty_room(struct pty_host *p, size_t most, struct iovec piece[2])
{
    uint8_t *data = (uint8_t *)(uintptr_t)p->own->words;
    size_t at = p->end % PTY_OUTPUT, first = PTY_OUTPUT - at;

    assert(most <= PTY_ROOM);
    begin(p, p->end + most);
    first = first < most ? first : most;
    piece[0] = (struct iovec){data + at, first};
    piece[1] = (struct iovec){data, most - first};
    return piece[1].iov_len > 0 ? 2 : 1;
}

void pty_commit(struct pty_host *p, size_t n)
{
    p->end += n;
    assert(p->begun - p->end <= PTY_OUTPUT);
    /* pairs with the loads in pty_look (acquire) and pty_arm (order of all) */
    atomic_store_explicit(&p->own->end, p->end, memory_order_seq_cst);
}

void pty_put(struct pty_host *p, const void *bytes, size_t n)
{
    const uint8_t *from = bytes;

    while (n > 0) {
        size_t now = n < PTY_ROOM ? n : PTY_ROOM;

        begin(p, p->end + now);
        words_put(p->own->words, PTY_OUTPUT, p->end, from, now);
        pty_commit(p, now);
        from += now;
        n -= now;
    }
}

bool pty_heard(struct pty_host *p)
{
    /* pairs with the store in pty_arm */
    uint64_t armed = atomic_load_explicit(&p->peer->armed, memory_order_seq_cst);

    if (armed == p->rung || p->end <= armed) {
        return false;
    }
    p->rung = armed;
    return true;
}

size_t pty_input(struct pty_host *p, void *to, size_t size)
{
    uint64_t typed;
    size_t n;

    mend(p->guard);
    /* pairs with the release store in pty_type */
    typed = atomic_load_explicit(&p->peer->typed, memory_order_acquire);
    if (!taken_holds(typed, p->taken)) {
        return 0;
    }
    n = typed - p->taken < size ? (size_t)(typed - p->taken) : size;
    words_get(p->peer->words, PTY_INPUT, p->taken, to, n);
    return n;
}

void pty_took(struct pty_host *p, size_t n)
{
    p->taken += n;
    /* pairs with the acquire load in room: the bytes are read before they are written over */
    atomic_store_explicit(&p->own->taken, p->taken, memory_order_release);
}

/* 'released' of the future stops nobody; of the past, it is webterm's to stop its session. */
static bool beyond(const struct pty_host *p)
{
    /* pairs with the store in pty_release */
    uint64_t released = atomic_load_explicit(&p->peer->released, memory_order_seq_cst);

    return p->end > released && p->end - released >= PTY_WINDOW;
}

bool pty_waits(struct pty_host *p)
{
    if (beyond(p)) {
        /* pairs with the load in pty_release */
        atomic_store_explicit(&p->own->waits, 1, memory_order_seq_cst);
        if (beyond(p)) {
            return true;
        }
    }
    if (word_get(&p->own->waits) != 0) {
        word_set(&p->own->waits, 0);
    }
    return false;
}

bool pty_wants(struct pty_host *p, uint16_t *cols, uint16_t *rows)
{
    uint64_t size = word_get(&p->peer->size);

    *cols = (uint16_t)size;
    *rows = (uint16_t)(size >> 16);
    if (size == p->size || size >> 32 != 0 || *cols < 1 || *cols > PTY_SIZE_MOST || *rows < 1 ||
        *rows > PTY_SIZE_MOST) {
        return false;
    }
    p->size = size;
    return true;
}

/* ---- webterm ------------------------------------------------------------------------------- */

void pty_look(struct pty_web *w, struct pty_look *l)
{
    const struct pty_host_shared *s = w->peer;
    uint64_t begun, base;

    mend(w->guard);
    /* pairs with the release store in pty_begin */
    l->epoch = atomic_load_explicit(&s->epoch, memory_order_acquire);
    base = word_get(&s->base);
    /* pairs with the store in pty_commit */
    l->end = atomic_load_explicit(&s->end, memory_order_acquire);
    begun = word_get(&s->begun);
    l->start = begun > PTY_OUTPUT ? begun - PTY_OUTPUT : 0;
    l->start = l->start > base ? l->start : base;
    /* overtaken between the two loads, or a lie: nothing can be read, for now */
    l->start = l->start < l->end ? l->start : l->end;
}

ssize_t pty_read(struct pty_web *w, uint64_t from, void *to, size_t size)
{
    struct pty_look l;
    size_t n;

    pty_look(w, &l);
    if (from < l.start || from > l.end) {
        return -1;
    }
    n = l.end - from < size ? (size_t)(l.end - from) : size;
    words_get(w->peer->words, PTY_OUTPUT, from, to, n);
    /* pairs with the fence in begin: the copy is made before this look */
    atomic_thread_fence(memory_order_acquire);
    return word_get(&w->peer->begun) - from <= PTY_OUTPUT || n == 0 ? (ssize_t)n : -1;
}

bool pty_arm(struct pty_web *w, uint64_t seen)
{
    /* pairs with the load in pty_heard */
    atomic_store_explicit(&w->own->armed, seen, memory_order_seq_cst);
    /* pairs with the store in pty_commit */
    return atomic_load_explicit(&w->peer->end, memory_order_seq_cst) != seen;
}

static size_t room(struct pty_web *w)
{
    uint64_t taken;

    mend(w->guard);
    /* pairs with the release store in pty_took */
    taken = atomic_load_explicit(&w->peer->taken, memory_order_acquire);
    if (taken_holds(w->typed, taken)) {
        w->taken = taken;
    }
    return PTY_INPUT - (size_t)(w->typed - w->taken);
}

size_t pty_type(struct pty_web *w, const void *bytes, size_t n)
{
    size_t most = room(w);

    n = n < most ? n : most;
    words_put(w->own->words, PTY_INPUT, w->typed, bytes, n);
    w->typed += n;
    /* pairs with the acquire load in pty_input */
    atomic_store_explicit(&w->own->typed, w->typed, memory_order_release);
    return n;
}

bool pty_release(struct pty_web *w, uint64_t offset)
{
    w->released = offset;
    /* pairs with the load in beyond */
    atomic_store_explicit(&w->own->released, offset, memory_order_seq_cst);
    /* pairs with the store in pty_waits */
    return atomic_load_explicit(&w->peer->waits, memory_order_seq_cst) != 0;
}

void pty_want(struct pty_web *w, uint16_t cols, uint16_t rows)
{
    word_set(&w->own->size,
             (uint64_t)rows << 16 | cols); /* pairs with nothing: one word says it all */
}
