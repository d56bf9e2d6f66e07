/* shm/arena.c - chunks, tickets, and the references between them. */
#include "shm/arena.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/file.h"
#include "shm/guard.h"
#include "shm/record.h"

struct arena_shared {
    struct file_header header;
    _Alignas(FILE_PAGE) struct arena_flight flights[ARENA_TICKETS];
    _Alignas(FILE_PAGE) uint8_t data[];
};

#define ARENA_DATA ((uint64_t)ARENA_CHUNK * ARENA_CHUNKS)
#define ARENA_BYTES (sizeof(struct arena_shared) + ARENA_DATA)

static int open_arena(struct arena *a, const char *path, bool owner, bool *damaged, char *why,
                      size_t why_size)
{
    *a = (struct arena){0};
    a->guard = -1;
    a->fd = file_open(path, FILE_ARENA, ARENA_BYTES, ARENA_CHUNK, ARENA_CHUNKS, owner, true,
                      damaged, why, why_size);
    if (a->fd == -EBUSY) {
        snprintf(why, why_size,
                 "%s: another process owns this arena: stop it, or give another --run-dir", path);
    }
    if (a->fd < 0) {
        return a->fd;
    }
    a->shared = file_map(a->fd, ARENA_BYTES, owner);
    if (!a->shared) {
        int err = errno;

        snprintf(why, why_size, "%s: cannot be mapped: %s", path, strerror(err));
        close(a->fd);
        return -err;
    }
    a->data = a->shared->data;
    return 0;
}

/* A free ticket whose last frame was given up keeps that frame's number in 'dpid'. */
#define GIVEN_UP UINT8_MAX /* in 'klass' */

static bool marked(const struct arena_flight *f)
{
    return f->seq == 0 && f->klass == GIVEN_UP;
}

/* Counts the references that a predecessor's flights hold and lists what is free, with the tickets
 * of frames that were given up at the bottom. */
static void take_stock(struct arena *a)
{
    for (unsigned t = 0; t < ARENA_TICKETS; t++) {
        struct arena_flight *f = &a->shared->flights[t];

        if (f->seq != 0 && f->chunk < ARENA_CHUNKS) {
            a->refs[f->chunk]++;
        } else if (f->chunk != ARENA_NO_CHUNK) {
            f->seq = 0;
        }
        if (marked(f)) {
            a->free_ticket[a->n_free_ticket++] = t;
        }
    }
    a->n_given_up = a->n_free_ticket;
    for (unsigned t = ARENA_TICKETS; t-- > 0;) {
        if (a->shared->flights[t].seq == 0 && !marked(&a->shared->flights[t])) {
            a->free_ticket[a->n_free_ticket++] = t;
        }
    }
    for (unsigned c = ARENA_CHUNKS; c-- > 0;) {
        if (a->refs[c] == 0) {
            a->free_chunk[a->n_free_chunk++] = (uint16_t)c;
        }
    }
}

int arena_join(struct arena *a, const char *path, char *why, size_t why_size)
{
    bool damaged;
    int err = open_arena(a, path, true, &damaged, why, why_size);

    if (err != 0) {
        return err;
    }
    if (damaged) {
        memset(a->shared->flights, 0, sizeof a->shared->flights);
    }
    a->own_data = a->shared->data;
    a->refs = calloc(ARENA_CHUNKS, sizeof *a->refs);
    a->free_chunk = calloc(ARENA_CHUNKS, sizeof *a->free_chunk);
    a->free_ticket = calloc(ARENA_TICKETS, sizeof *a->free_ticket);
    if (!a->refs || !a->free_chunk || !a->free_ticket) {
        snprintf(why, why_size, "%s: %s", path, strerror(ENOMEM));
        arena_leave(a);
        return -ENOMEM;
    }
    take_stock(a);
    return 0;
}

int arena_map(struct arena *a, const char *path, char *why, size_t why_size)
{
    bool damaged; /* its owner's to mend */
    int err = open_arena(a, path, false, &damaged, why, why_size);

    if (err == 0) {
        a->guard = guard_add(a->shared, a->fd, ARENA_BYTES, 0);
    }
    return err;
}

void arena_leave(struct arena *a)
{
    if (a->shared) {
        guard_remove(a->guard);
        munmap(a->shared, ARENA_BYTES);
        a->shared = NULL;
        close(a->fd);
    }
    free(a->refs);
    free(a->free_chunk);
    free(a->free_ticket);
    a->refs = NULL;
    a->free_chunk = NULL;
    a->free_ticket = NULL;
}

static void drop_reference(struct arena *a, unsigned chunk)
{
    if (chunk == ARENA_NO_CHUNK) {
        return;
    }
    assert(chunk < ARENA_CHUNKS && a->refs[chunk] > 0);
    if (--a->refs[chunk] == 0) {
        a->free_chunk[a->n_free_chunk++] = (uint16_t)chunk;
    }
}

int arena_chunk(struct arena *a)
{
    unsigned chunk;

    if (a->n_free_chunk == 0) {
        return -ENOBUFS;
    }
    chunk = a->free_chunk[--a->n_free_chunk];
    a->refs[chunk]++;
    return (int)chunk;
}

void arena_chunk_done(struct arena *a, unsigned chunk)
{
    drop_reference(a, chunk);
}

uint8_t *arena_chunk_data(const struct arena *a, unsigned chunk)
{
    return a->own_data + (uint64_t)chunk * ARENA_CHUNK;
}

uint32_t arena_ticket(struct arena *a, const struct arena_flight *f)
{
    uint32_t ticket;

    assert(f->seq != 0 && f->chunk <= ARENA_NO_CHUNK);
    assert(f->chunk == ARENA_NO_CHUNK || a->refs[f->chunk] > 0);
    if (a->n_free_ticket == 0) {
        return RECORD_NO_TICKET;
    }
    ticket = a->free_ticket[--a->n_free_ticket];
    if (f->chunk != ARENA_NO_CHUNK) {
        a->refs[f->chunk]++;
    }
    a->shared->flights[ticket] = *f;
    return ticket;
}

const struct arena_flight *arena_flight(const struct arena *a, uint32_t ticket, uint64_t seq)
{
    const struct arena_flight *f;

    if (ticket >= ARENA_TICKETS || seq == 0) {
        return NULL;
    }
    f = &a->shared->flights[ticket];
    return f->seq == seq ? f : NULL;
}

bool arena_settle(struct arena *a, uint32_t ticket, uint64_t seq)
{
    const struct arena_flight *f = arena_flight(a, ticket, seq);

    if (!f) {
        return false;
    }
    drop_reference(a, f->chunk);
    a->shared->flights[ticket].seq = 0;
    a->free_ticket[a->n_free_ticket++] = ticket;
    return true;
}

const struct arena_flight *arena_at(const struct arena *a, uint32_t ticket)
{
    const struct arena_flight *f;

    assert(ticket < ARENA_TICKETS);
    f = &a->shared->flights[ticket];
    return f->seq != 0 ? f : NULL;
}

void arena_give_up(struct arena *a, uint32_t ticket)
{
    struct arena_flight *f = &a->shared->flights[ticket];
    unsigned bottom = a->n_given_up++ % (a->n_free_ticket / 2 + 1);

    drop_reference(a, f->chunk);
    f->dpid = f->seq;
    f->klass = GIVEN_UP;
    f->seq = 0;
    /* into the lower half of the stack, from below; what was there goes to the top */
    a->free_ticket[a->n_free_ticket] = ticket;
    if (bottom < a->n_free_ticket) {
        a->free_ticket[a->n_free_ticket] = a->free_ticket[bottom];
        a->free_ticket[bottom] = ticket;
    }
    a->n_free_ticket++;
}

bool arena_was_given_up(struct arena *a, uint32_t ticket, uint64_t seq)
{
    struct arena_flight *f = ticket < ARENA_TICKETS ? &a->shared->flights[ticket] : NULL;

    if (!f || !marked(f) || f->dpid != seq) {
        return false;
    }
    f->klass = 0;
    return true;
}

unsigned arena_in_flight(const struct arena *a)
{
    return ARENA_TICKETS - a->n_free_ticket;
}

void arena_each(const struct arena *a, void (*seen)(void *, uint32_t, const struct arena_flight *),
                void *context)
{
    for (uint32_t t = 0; t < ARENA_TICKETS; t++) {
        if (a->shared->flights[t].seq != 0) {
            seen(context, t, &a->shared->flights[t]);
        }
    }
}

const uint8_t *arena_span(const struct arena *a, uint64_t off, uint32_t len)
{
    if (off >= ARENA_DATA || len > ARENA_CHUNK || off % ARENA_CHUNK + len > ARENA_CHUNK) {
        return NULL;
    }
    if (guard_hurt(a->guard) && !guard_mend(a->guard)) {
        return NULL;
    }
    return a->data + off;
}
