/* tests/fault/stride.c */
#include "tests/fault/stride.h"

/* Of one program only, some, or part of their callers. */
static const char *const calm[STRIDE_CALM] = {
    "sandbox_enter", "copy_row",   "fill_hash",  "board_text",  "board_used",
    "board_peek",    "on_iface",   "iface_put",  "read_boards", "bind_update",
    "bind_open",     "arena_join", "arena_each", "ports_open",  "ingress_open"};
static const char *const busy[TRACEE_POINTS - 1] = {"arena_settle", "board_put", "board_publish"};

void stride_open(struct stride *s, const struct tracee *t)
{
    *s = (struct stride){.n_stop = 1};
    for (unsigned i = 0; i < STRIDE_CALM; i++) {
        s->calm[i] = tracee_find(t, calm[i]);
    }
    for (unsigned i = 0; i < TRACEE_POINTS - 1; i++) {
        uint64_t at = tracee_find(t, busy[i]);

        if (at != 0) {
            s->stop[s->n_stop++] = at;
        }
    }
}

static bool at_calm(const struct stride *s, uint64_t rip)
{
    for (unsigned i = 0; i < STRIDE_CALM; i++) {
        if (rip == s->calm[i]) {
            return true;
        }
    }
    return false;
}

/* The rest of a calm function, or up to a busy one that it calls. */
static bool run_calm(struct stride *s, struct tracee *t)
{
    bool alive = tracee_run_until(t, s->stop, s->n_stop);

    s->quiet = true;
    if (t->rip == s->stop[0]) {
        s->stop[0] = 0;
    } else {
        s->back = tracee_return_address(t);
    }
    return alive;
}

bool stride_on(struct stride *s, struct tracee *t)
{
    bool ours = tracee_in_program(t), alive;

    s->quiet = s->called = false;
    if (s->stop[0] == 0 && at_calm(s, t->rip)) {
        s->stop[0] = tracee_return_address(t);
    }
    if (s->stop[0] != 0 && s->back == 0) {
        return run_calm(s, t);
    }
    alive = tracee_step(t);
    s->back = t->rip == s->back ? 0 : s->back;
    if (alive && ours && tracee_at_library_call(t)) {
        uint64_t back = tracee_return_address(t);

        s->called = true;
        return tracee_run_until(t, &back, 1);
    }
    return alive;
}
