/* router/talk.c - two private rings and an eventfd. */
#include "router/talk.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TALK_BYTES (128 * 1024)

int talk_open(struct talk *t, struct bell *bell)
{
    int err;

    memset(t, 0, sizeof *t);
    t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (t->wake < 0) {
        return -errno;
    }
    err = ring_private(&t->up_tx, &t->up_rx, TALK_BYTES);
    if (err == 0) {
        err = ring_private(&t->down_tx, &t->down_rx, TALK_BYTES);
    }
    t->down_tx.bell = bell;
    return err;
}

void talk_close(struct talk *t)
{
    ring_private_free(&t->up_tx, &t->up_rx);
    ring_private_free(&t->down_tx, &t->down_rx);
    close(t->wake);
}

static bool say(struct ring_tx *tx, const struct talk_message *m, const void *extra, size_t len)
{
    uint8_t *to = ring_reserve(tx, sizeof *m + len);
    struct record r = {.ticket = RECORD_NO_TICKET, .head_len = (uint32_t)(sizeof *m + len)};

    if (!to) {
        return false;
    }
    memcpy(to, m, sizeof *m);
    if (len > 0) {
        memcpy(to + sizeof *m, extra, len);
    }
    ring_commit(tx, &r);
    return true;
}

static bool hear(struct ring_rx *rx, struct talk_message *m, const void **extra, size_t *len)
{
    const uint8_t *from;
    struct record r;

    ring_release(rx); /* what the last call returned was looked at */
    if (!ring_peek(rx, &r, &from)) {
        return false;
    }
    memcpy(m, from, sizeof *m);
    *extra = from + sizeof *m;
    *len = r.head_len - sizeof *m;
    ring_next(rx);
    return true;
}

bool talk_up(struct talk *t, const struct talk_message *m, const void *extra, size_t len)
{
    if (!say(&t->up_tx, m, extra, len)) {
        return false;
    }
    t->said = true;
    return true;
}

void talk_up_flush(struct talk *t)
{
    uint64_t one = 1;

    if (!t->said) {
        return;
    }
    ring_publish(&t->up_tx);
    t->said = false;
    /* EAGAIN: 2^64 - 2 wake-ups wait already, which will do */
    if (write(t->wake, &one, sizeof one) < 0) {
        return;
    }
}

bool talk_up_next(struct talk *t, struct talk_message *m, const void **extra, size_t *len)
{
    return hear(&t->up_rx, m, extra, len);
}

bool talk_down(struct talk *t, const struct talk_message *m)
{
    return say(&t->down_tx, m, NULL, 0);
}

void talk_down_flush(struct talk *t)
{
    ring_publish(&t->down_tx);
}

bool talk_down_next(struct talk *t, struct talk_message *m)
{
    const void *extra;
    size_t len;

    return hear(&t->down_rx, m, &extra, &len);
}
