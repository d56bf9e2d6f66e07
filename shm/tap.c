/* shm/tap.c - following a ring's tail from outside. */
#include "shm/tap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shm/file.h"
#include "shm/guard.h"

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The arena is ofproxy's; without it long frames are cut. */
static void open_arena(struct tap *t, const char *run_dir)
{
    char path[256], why[256];

    snprintf(path, sizeof path, "%s/ofproxy.arena", run_dir);
    if (access(path, R_OK) == 0 && counter_view_open(&t->counters, run_dir, "ofproxy") == 0) {
        t->counters_guard = guard_add(t->counters.map, -1, t->counters.size, 0);
        t->have_arena = arena_map(&t->arena, path, why, sizeof why) == 0;
    }
}

int tap_open(struct tap *t, const char *run_dir, enum topo_ring ring, char *why, size_t why_size)
{
    char path[256];
    int err;

    *t = (struct tap){.counters_guard = -1,
                      .outgoing = ring == TOPO_PKT_OUT || ring == TOPO_VNS_OUT};
    snprintf(path, sizeof path, "%s/%s", run_dir, topo_ring_name(ring));
    err = ring_view_open(&t->view, path, why, why_size);
    if (err != 0) {
        return err;
    }
    snprintf(t->path, sizeof t->path, "%.240s.tx", path);
    open_arena(t, run_dir);
    t->clock_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
    if (t->have_arena) {
        t->received = counter_view_get(&t->counters, OFPROXY_RX_BYTES);
    }
    t->at = t->tail = ring_view_tail(&t->view, &t->records);
    return 0;
}

void tap_close(struct tap *t)
{
    ring_view_close(&t->view);
    guard_remove(t->counters_guard);
    t->counters_guard = -1;
    counter_view_close(&t->counters);
    if (t->have_arena) {
        arena_leave(&t->arena);
        t->have_arena = false;
    }
}

void tap_skip(struct tap *t)
{
    uint64_t records;

    t->at = t->tail = ring_view_tail(&t->view, &records);
    records -= t->records + t->seen;
    t->lost = records > UINT64_MAX / 2 ? t->lost : records;
}

bool tap_replaced(const struct tap *t)
{
    return file_replaced(t->view.fd, t->path);
}

/* Is there a record at 'at'?  Remembers how much ofproxy had received before the look, so that a
 * tail can be judged later. */
static bool look(struct tap *t)
{
    uint64_t received, records;

    if (t->at != t->tail) {
        return true;
    }
    received = t->have_arena ? counter_view_get(&t->counters, OFPROXY_RX_BYTES) : 0;
    t->tail = ring_view_tail(&t->view, &records);
    t->received_then = t->received;
    t->received = received;
    return t->at != t->tail;
}

/* The tail's bytes, if they surely are the frame's: it is in flight still, or too little was
 * received since to have come round to them.  (ofproxy starts a chunk again from its beginning, so
 * the byte at offset n of a chunk is overwritten only after n others.) */
static bool copy_tail(const struct tap *t, struct tap_frame *f)
{
    const struct record *r = &f->record;
    const uint8_t *from;
    uint64_t since;

    if (!t->have_arena || r->tail_len > sizeof f->bytes - r->head_len) {
        return false;
    }
    from = arena_span(&t->arena, r->tail_off, r->tail_len);
    if (!from) {
        return false;
    }
    memcpy(f->bytes + r->head_len, from, r->tail_len);
    if (arena_flight(&t->arena, r->ticket, r->seq)) {
        return true;
    }
    since = counter_view_get(&t->counters, OFPROXY_RX_BYTES) - t->received_then;
    return since <= r->tail_off % ARENA_CHUNK + r->tail_len;
}

static void fill(const struct tap *t, struct tap_frame *f)
{
    const struct record *r = &f->record;
    bool from_rx = !t->outgoing && r->rx_ns != 0;

    f->len = r->head_len;
    f->whole_len = r->head_len + r->tail_len;
    if (r->tail_len > 0 && copy_tail(t, f)) {
        f->len = f->whole_len;
    }
    f->time_ns = from_rx ? r->rx_ns + (uint64_t)t->clock_ns : (uint64_t)clock_ns(CLOCK_REALTIME);
}

bool tap_next(struct tap *t, struct tap_frame *f)
{
    while (look(t)) {
        if (!ring_view_copy(&t->view, t->at, t->tail, &f->record, f->bytes)) {
            tap_skip(t); /* overrun */
            return false;
        }
        t->at += f->record.size;
        t->seen++;
        if (f->record.head_len > 0) {
            fill(t, f);
            return true;
        }
    }
    return false;
}

uint64_t tap_missed(const struct tap *t)
{
    uint64_t records;

    ring_view_tail(&t->view, &records);
    records -= t->records + t->seen;
    return records > UINT64_MAX / 2 ? 0 : records;
}
