/* ofproxy/intake.c - the current chunk, and the parts kept in chunks that were current. */
#include "ofproxy/intake.h"

#include <assert.h>
#include <string.h>

void intake_open(struct intake *in, struct arena *a)
{
    *in = (struct intake){.arena = a, .chunk = -1};
}

static void leave_chunk(struct intake *in, unsigned chunk)
{
    assert(in->users[chunk] > 0);
    if (--in->users[chunk] == 0) {
        arena_chunk_done(in->arena, chunk);
    }
}

void intake_close(struct intake *in)
{
    if (in->chunk >= 0) {
        leave_chunk(in, (unsigned)in->chunk);
        in->chunk = -1;
    }
}

/* Makes sure that the current chunk has room.  False: there is none. */
static bool current_room(struct intake *in)
{
    int next;

    if (in->chunk >= 0 && in->users[in->chunk] == 1 && in->arena->refs[in->chunk] == 1) {
        in->cursor = 0; /* nobody has anything in it any more: again from the start, cache-warm */
    }
    if (in->chunk >= 0 && in->cursor + INTAKE_LEAST <= INTAKE_LIMIT) {
        return true;
    }
    next = arena_chunk(in->arena);
    if (next < 0) {
        return false;
    }
    intake_close(in);
    in->chunk = next;
    in->users[next] = 1;
    in->cursor = 0;
    return true;
}

static uint8_t *at(const struct intake *in, unsigned chunk, uint32_t off)
{
    return arena_chunk_data(in->arena, chunk) + off;
}

int intake_room(struct intake *in, struct intake_part *part, struct iovec iov[2])
{
    int n = 0;

    if (part->need > 0) {
        iov[n].iov_base = at(in, part->chunk, part->off + part->have);
        iov[n++].iov_len = part->need - part->have;
    }
    if (current_room(in)) {
        uint8_t *to = at(in, (unsigned)in->chunk, in->cursor);

        if (part->n_put_by > 0) {
            memcpy(to, part->put_by, part->n_put_by);
        }
        iov[n].iov_base = to + part->n_put_by;
        iov[n++].iov_len = INTAKE_LIMIT - in->cursor - part->n_put_by;
    }
    return n;
}

const uint8_t *intake_kept(const struct intake *in, struct intake_part *part, size_t *got)
{
    size_t take = part->need - part->have;

    if (take > *got) {
        take = *got;
    }
    part->have += (uint32_t)take;
    *got -= take;
    return part->need > 0 && part->have == part->need ? at(in, part->chunk, part->off) : NULL;
}

const uint8_t *intake_fresh(struct intake *in, struct intake_part *part, size_t *got)
{
    if (*got == 0) {
        return NULL;
    }
    *got += part->n_put_by;
    part->n_put_by = 0;
    return at(in, (unsigned)in->chunk, in->cursor);
}

void intake_done(struct intake *in, struct intake_part *part, size_t used, size_t got, size_t need)
{
    size_t rest = got - used;

    in->cursor += (uint32_t)used;
    if (rest > 0 && need == 0) {
        assert(rest <= sizeof part->put_by);
        memcpy(part->put_by, at(in, (unsigned)in->chunk, in->cursor), rest);
        part->n_put_by = (uint8_t)rest;
    } else if (rest > 0) {
        part->chunk = (uint32_t)in->chunk;
        part->off = in->cursor;
        part->have = (uint32_t)rest;
        part->need = (uint32_t)need;
        in->users[in->chunk]++;
        in->cursor += (uint32_t)need; /* fits: it starts below INTAKE_LIMIT */
    }
}

void intake_drop(struct intake *in, struct intake_part *part)
{
    part->n_put_by = 0;
    if (part->need > 0) {
        part->need = part->have = 0;
        leave_chunk(in, part->chunk);
    }
}
