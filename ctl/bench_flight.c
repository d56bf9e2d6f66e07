/* ctl/bench_flight.c */
#include "ctl/bench_flight.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int flight_open(struct flight *f, uint64_t places, unsigned lanes, uint64_t now_ns)
{
    memset(f, 0, sizeof *f);
    for (f->places = 64; f->places < places; f->places *= 2) {
    }
    f->lanes = lanes;
    f->start_ns = now_ns - 1; /* so that no frame is sent at 0 */
    f->place = calloc(f->places, sizeof *f->place);
    f->lane = calloc(lanes, sizeof *f->lane);
    if (!f->place || !f->lane) {
        flight_close(f);
        return -ENOMEM;
    }
    return 0;
}

void flight_close(struct flight *f)
{
    free(f->place);
    free(f->lane);
    f->place = NULL;
    f->lane = NULL;
}

void flight_reset(struct flight *f)
{
    memset(f->place, 0, f->places * sizeof *f->place);
    memset(f->lane, 0, f->lanes * sizeof *f->lane);
    f->next = f->oldest = f->out = f->lost = f->late = 0;
}

static struct flight_place *place(const struct flight *f, uint64_t seq)
{
    return &f->place[seq & (f->places - 1)];
}

static void lose(struct flight *f, struct flight_place *p)
{
    if (p->when != 0 && !p->lost) {
        p->lost = 1;
        f->lost++;
        f->out--;
        f->lane[p->lane].out--;
    }
}

uint64_t flight_send(struct flight *f, unsigned lane, uint64_t when_ns)
{
    struct flight_place *p = place(f, f->next);

    lose(f, p);
    p->when = (when_ns - f->start_ns) & ((1ull << 48) - 1);
    p->lane = lane & 0x7fff;
    p->lost = 0;
    f->out++;
    f->lane[lane].out++;
    return f->next++;
}

enum bench_fault flight_back(struct flight *f, unsigned lane, uint64_t seq, uint64_t now_ns,
                             uint64_t *latency_ns)
{
    struct flight_place *p = place(f, seq);
    struct flight_lane *l = &f->lane[lane];
    bool later = seq + 1 > l->highest;

    if (seq >= f->next) {
        return BENCH_UNSENT;
    }
    if (f->next - seq > f->places || p->when == 0) {
        return BENCH_DOUBLED; /* or so late that its place has another */
    }
    *latency_ns = now_ns - f->start_ns - p->when;
    if (p->lost) {
        f->lost--;
        f->late++;
    } else {
        f->out--;
        f->lane[p->lane].out--;
    }
    p->when = 0;
    p->lost = 0;
    l->highest = later ? seq + 1 : l->highest;
    return later ? BENCH_GOOD : BENCH_ORDER;
}

void flight_give_up(struct flight *f, uint64_t before_ns)
{
    if (f->next - f->oldest > f->places) {
        f->oldest = f->next - f->places;
    }
    for (; f->oldest < f->next; f->oldest++) {
        struct flight_place *p = place(f, f->oldest);

        if (p->when != 0 && f->start_ns + p->when >= before_ns) {
            return;
        }
        lose(f, p);
    }
}
