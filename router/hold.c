/* router/hold.c - slots in a mapped file, and lists of them by next hop in private memory. */
#include "router/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <urcu/compiler.h>
#include <urcu/system.h>

#include "shm/file.h"

#define HOLD_MAGIC 0x32646c65685f7763ull /* "cw_held2" */

struct hold_file {
    uint64_t magic, slots, slot_size;
    uint64_t serial; /* last one given */
    struct fault_evidence evidence;
    struct hold_slot slot[HOLD_SLOTS];
};

/* One router has the role, so nobody else has the file open.  A store of another build holds
 * nothing that this one could send: it starts again empty. */
static void check(struct hold_file *f)
{
    if (f->magic != HOLD_MAGIC || f->slots != HOLD_SLOTS ||
        f->slot_size != sizeof(struct hold_slot)) {
        memset(f, 0, sizeof *f);
        f->slots = HOLD_SLOTS;
        f->slot_size = sizeof(struct hold_slot);
        cmm_barrier();
        f->magic = HOLD_MAGIC;
    }
}

int hold_open(struct hold *h, const char *path, char *why, size_t why_size)
{
    int fd = -1, flags = path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;

    memset(h, 0, sizeof *h);
    if (path) {
        int err = 0;

        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
        if (fd < 0 || ftruncate(fd, sizeof(struct hold_file)) != 0) {
            err = errno;
        } else {
            /* all of its memory now: a file system that is full later kills whoever touches a hole
             */
            err = posix_fallocate(fd, 0, sizeof(struct hold_file));
        }
        if (err != 0) {
            if (fd >= 0) {
                close(fd);
            }
            return file_fail(err, path, "be written", why, why_size);
        }
    }
    h->file =
        mmap(NULL, sizeof(struct hold_file), PROT_READ | PROT_WRITE, flags | MAP_POPULATE, fd, 0);
    if (path) {
        close(fd);
    }
    if (h->file == MAP_FAILED) {
        return file_fail(errno, path ? path : "memory", "be mapped", why, why_size);
    }
    check(h->file);
    fault_note_open(&h->note, &h->file->evidence);
    for (unsigned i = HOLD_SLOTS; i > 0; i--) {
        h->free_slot[h->n_free++] = (uint16_t)(i - 1);
    }
    return 0;
}

void hold_close(struct hold *h)
{
    fault_unwatch(&h->note);
    munmap(h->file, sizeof(struct hold_file));
    h->file = NULL;
}

/* ---- next hops ---------------------------------------------------------------------------- */

static struct hold_hop *hop_find(struct hold *h, uint32_t ip, uint32_t iface)
{
    for (unsigned i = 0, seen = 0; i < HOLD_SLOTS && seen < h->n_hops; i++) {
        struct hold_hop *hop = &h->hop[i];

        if (hop->state != HOLD_FREE) {
            seen++;
            if (hop->ip == ip && hop->iface == iface) {
                return hop;
            }
        }
    }
    return NULL;
}

/* There are as many places for hops as for frames, so one is free whenever a slot is. */
static struct hold_hop *hop_new(struct hold *h, uint32_t ip, uint32_t iface)
{
    struct hold_hop *hop = h->hop;

    while (hop->state != HOLD_FREE) {
        hop++;
    }
    *hop = (struct hold_hop){.state = HOLD_WAITING, .ip = ip, .iface = iface};
    h->n_hops++;
    h->n_unasked++;
    return hop;
}

static void hop_append(struct hold *h, struct hold_hop *hop, unsigned slot)
{
    uint16_t self = (uint16_t)(slot + 1);

    h->next[slot] = 0;
    if (hop->last != 0) {
        h->next[hop->last - 1] = self;
    } else {
        hop->first = self;
    }
    hop->last = self;
    hop->n++;
}

/* ---- restart ------------------------------------------------------------------------------ */

static bool is_whole(const struct hold_slot *s, uint64_t settled)
{
    return s->position != 0 && s->position <= settled && s->len >= 34 && s->len <= HOLD_FRAME;
}

void hold_left(struct hold *h, uint64_t serial)
{
    for (unsigned i = 0; i < HOLD_SLOTS; i++) {
        if (h->file->slot[i].serial == serial) {
            h->file->slot[i].serial = 0;
        }
    }
}

const struct hold_slot *hold_poison(const struct hold *h, uint64_t settled)
{
    for (unsigned i = 0; i < HOLD_SLOTS; i++) {
        const struct hold_slot *s = &h->file->slot[i];

        if (s->serial != 0 && hold_deaths(h, s) >= FAULT_DEATHS && is_whole(s, settled)) {
            return s;
        }
    }
    return NULL;
}

/* The slot with the smallest serial over 'after', or HOLD_SLOTS. */
static unsigned oldest_after(const struct hold *h, uint64_t after)
{
    unsigned best = HOLD_SLOTS;

    for (unsigned i = 0; i < HOLD_SLOTS; i++) {
        uint64_t s = h->file->slot[i].serial;

        if (s > after && (best == HOLD_SLOTS || s < h->file->slot[best].serial)) {
            best = i;
        }
    }
    return best;
}

static bool keeps(const struct hold_slot *s, uint64_t settled, uint64_t now, unsigned *old)
{
    if (!is_whole(s, settled)) {
        return false;
    }
    if (now - s->held_ns > HOLD_OLD_NS) {
        *old += !s->uncounted;
        return false;
    }
    return true;
}

/* No router comes to a serial like this: a predecessor out of its mind made it up. */
#define SERIAL_END (1ull << 62)

/* Frees slots whose serial cannot be, or is another slot's, and has new ones come after all others.
 */
static void check_serials(struct hold *h)
{
    uint64_t most = 0;

    for (unsigned i = 0; i < HOLD_SLOTS; i++) {
        uint64_t *serial = &h->file->slot[i].serial;

        for (unsigned k = 0; k < i && *serial != 0; k++) {
            *serial = h->file->slot[k].serial == *serial ? 0 : *serial;
        }
        *serial = *serial < SERIAL_END ? *serial : 0;
        most = *serial > most ? *serial : most;
    }
    if (h->file->serial < most || h->file->serial >= SERIAL_END) {
        h->file->serial = most;
    }
}

unsigned hold_restore(struct hold *h, uint64_t settled, uint64_t now, unsigned *old)
{
    unsigned kept = 0, at;
    uint64_t after = 0;

    *old = 0;
    check_serials(h);
    while ((at = oldest_after(h, after)) < HOLD_SLOTS) {
        struct hold_slot *s = &h->file->slot[at];

        after = s->serial;
        if (keeps(s, settled, now, old)) {
            struct hold_hop *hop = hop_find(h, s->next_hop, s->out_iface);

            hop_append(h, hop ? hop : hop_new(h, s->next_hop, s->out_iface), at);
            kept++;
        } else {
            s->serial = 0;
        }
    }
    h->n_free = 0;
    for (unsigned i = HOLD_SLOTS; i > 0; i--) {
        if (h->file->slot[i - 1].serial == 0) {
            h->free_slot[h->n_free++] = (uint16_t)(i - 1);
        }
    }
    return kept;
}

unsigned hold_frames(const struct hold *h)
{
    unsigned n = 0;

    for (unsigned i = 0; i < HOLD_SLOTS; i++) {
        n += h->file->slot[i].serial != 0 && !h->file->slot[i].uncounted;
    }
    return n;
}

/* ---- frames ------------------------------------------------------------------------------- */

bool hold_room(struct hold *h, uint32_t ip, uint32_t iface, unsigned n)
{
    const struct hold_hop *hop = hop_find(h, ip, iface);

    return h->n_free >= n && (hop ? hop->n : 0) + n <= HOLD_PER_HOP;
}

bool hold_put(struct hold *h, const struct hold_slot *what, const uint8_t *head, size_t head_len,
              const uint8_t *tail, size_t tail_len)
{
    struct hold_hop *hop = hop_find(h, what->next_hop, what->out_iface);
    struct hold_slot *s;
    unsigned at;

    if (h->n_free == 0 || (hop && hop->n >= HOLD_PER_HOP) || head_len + tail_len > HOLD_FRAME) {
        return false;
    }
    at = h->free_slot[--h->n_free];
    s = &h->file->slot[at];
    memcpy(s, what, offsetof(struct hold_slot, frame));
    s->serial = 0;
    s->len = (uint16_t)(head_len + tail_len);
    memcpy(s->frame, head, head_len);
    if (tail_len > 0) {
        memcpy(s->frame + head_len, tail, tail_len);
    }
    h->file->serial++;
    /* a router killed here leaves a free slot; its successor runs after it, so order is enough */
    cmm_barrier();
    CMM_STORE_SHARED(s->serial, h->file->serial);
    hop_append(h, hop ? hop : hop_new(h, what->next_hop, what->out_iface), at);
    return true;
}

struct hold_hop *hold_unasked(struct hold *h, unsigned *at)
{
    if (h->n_unasked == 0) {
        return NULL;
    }
    for (; *at < HOLD_SLOTS; ++*at) {
        if (h->hop[*at].state == HOLD_WAITING && !h->hop[*at].asked) {
            return &h->hop[*at];
        }
    }
    return NULL;
}

void hold_asked(struct hold *h, struct hold_hop *hop)
{
    if (!hop->asked) {
        hop->asked = true;
        h->n_unasked--;
    }
}

uint64_t hold_since(const struct hold *h, const struct hold_hop *hop)
{
    return h->file->slot[hop->first - 1].held_ns;
}

static struct hold_hop *settle(struct hold *h, uint32_t ip, uint32_t iface, enum hold_state state)
{
    struct hold_hop *hop = hop_find(h, ip, iface);

    if (hop) {
        h->n_ready += hop->state == HOLD_WAITING;
        hold_asked(h, hop);
        hop->state = state;
    }
    return hop;
}

void hold_resolved(struct hold *h, uint32_t ip, uint32_t iface, const uint8_t mac[6])
{
    struct hold_hop *hop = settle(h, ip, iface, HOLD_RESOLVED);

    if (hop) {
        memcpy(hop->mac, mac, 6);
    }
}

void hold_failed(struct hold *h, uint32_t ip, uint32_t iface)
{
    settle(h, ip, iface, HOLD_FAILED);
}

const struct hold_slot *hold_ready(struct hold *h, struct hold_hop **hop)
{
    if (h->n_ready == 0) {
        return NULL;
    }
    for (*hop = h->hop; (*hop)->state != HOLD_RESOLVED && (*hop)->state != HOLD_FAILED; ++*hop) {
    }
    return &h->file->slot[(*hop)->first - 1];
}

unsigned hold_deaths(const struct hold *h, const struct hold_slot *s)
{
    return fault_deaths(&h->note, s->serial);
}

void hold_hand(struct hold *h, const struct hold_slot *s)
{
    fault_hand(&h->note, s->serial);
}

void hold_let_go(struct hold *h)
{
    fault_let_go(&h->note);
}

void hold_leave(struct hold *h, struct hold_hop *hop)
{
    unsigned at = hop->first - 1u;

    hop->first = h->next[at];
    hop->n--;
    h->leaving[h->n_leaving++] = (uint16_t)at;
    if (hop->n == 0) {
        hop->state = HOLD_FREE;
        h->n_hops--;
        h->n_ready--;
    }
}

void hold_flushed(struct hold *h)
{
    while (h->n_leaving > 0) {
        uint16_t at = h->leaving[--h->n_leaving];

        CMM_STORE_SHARED(h->file->slot[at].serial, 0);
        h->free_slot[h->n_free++] = at;
    }
}

unsigned hold_count(const struct hold *h, uint32_t ip, uint32_t iface)
{
    unsigned n = 0;

    for (unsigned i = 0; i < HOLD_SLOTS; i++) {
        const struct hold_slot *s = &h->file->slot[i];

        n += CMM_LOAD_SHARED(s->serial) != 0 && CMM_LOAD_SHARED(s->next_hop) == ip &&
             CMM_LOAD_SHARED(s->out_iface) == iface;
    }
    return n;
}
