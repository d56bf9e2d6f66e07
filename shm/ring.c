/* shm/ring.c - the index protocol.  Every atomic here names the line that it pairs with. */
#include "shm/ring.h"

#include <stdio.h>
#include <string.h>

#include "common/probe.h"
#include "shm/bell.h"
#include "shm/guard.h"
#include "shm/ring_layout.h"

static bool say_bad(char *why, size_t size, const char *what, uint64_t value, uint64_t at)
{
    snprintf(why, size, "%s %llu at position %llu", what, (unsigned long long)value,
             (unsigned long long)at);
    return false;
}

/* ---- writer ------------------------------------------------------------------------------- */

uint64_t ring_room(struct ring_tx *tx, uint64_t want)
{
    uint64_t room = tx->size - (tx->staged - tx->peer_head);

    if (room < want && !tx->bad) {
        /* pairs with the release store in ring_release: what it frees is no longer read */
        uint64_t head = atomic_load_explicit(&tx->peer->head, memory_order_acquire);

        if (head - tx->peer_head > tx->tail - tx->peer_head) { /* backwards, or not written yet */
            tx->bad = true;
            say_bad(tx->why, sizeof tx->why, "impossible head", head, tx->tail);
            return 0;
        }
        tx->peer_head = head;
        room = tx->size - (tx->staged - head);
    }
    if (room > tx->size / 2 - (tx->staged - tx->tail)) {
        room = tx->size / 2 - (tx->staged - tx->tail); /* never over the last batch */
    }
    return tx->bad ? 0 : room;
}

uint8_t *ring_reserve(struct ring_tx *tx, size_t head_size)
{
    uint64_t need = ring_round8(sizeof(struct record) + head_size);

    if (head_size > RECORD_HEAD_MAX || ring_room(tx, need) < need) {
        ring_count(&tx->own->full);
        return NULL;
    }
    return tx->data + (tx->staged & tx->mask) + sizeof(struct record);
}

void ring_commit(struct ring_tx *tx, const struct record *r)
{
    struct record *to = (struct record *)(void *)(tx->data + (tx->staged & tx->mask));

    *to = *r;
    to->size = (uint32_t)ring_round8(sizeof *r + r->head_len);
    tx->staged += to->size;
    tx->n_staged++;
}

void ring_settle(struct ring_tx *tx, unsigned input, uint64_t position)
{
    tx->settled[input] = position;
}

uint64_t ring_settled(const struct ring_tx *tx, unsigned input)
{
    return tx->settled[input];
}

static void fill_commit(struct ring_tx *tx, struct commit *c)
{
    /* pairs with the fence in ring_view.c: who sees a word of this block sees that the tail that
     * had selected it is gone */
    atomic_thread_fence(memory_order_release);
    ring_set(&c->batch_start, tx->tail);
    ring_set(&c->records, ring_get(&tx->own->commit[tx->commit_at].records) + tx->n_staged);
    for (unsigned i = 0; i < RING_INPUTS; i++) {
        ring_set(&c->settled[i], tx->settled[i]);
    }
    ring_set(&c->tail, tx->staged);
}

void ring_publish(struct ring_tx *tx)
{
    uint64_t old = tx->tail, now = tx->staged;

    if (now == old) {
        return;
    }
    fill_commit(tx, &tx->own->commit[tx->commit_at ^ 1]);
    PROBE4(publish, tx->number, old, now, tx->n_staged);
    /* the commit point; pairs with the acquire load in ring_peek */
    atomic_store_explicit(&tx->own->tail, now, memory_order_release);
    tx->commit_at ^= 1;
    tx->tail = now;
    tx->n_staged = 0;
    ring_count(&tx->own->publishes);
    if (tx->bell) {
        /* pairs with the fence in ring_rx_arm: either we see its event, or it sees our tail */
        atomic_thread_fence(memory_order_seq_cst);
        if (now - ring_get(&tx->peer->event) - 1 < now - old) {
            ring_count(&tx->own->bells);
            bell_ring(tx->bell);
        }
    }
}

void ring_abandon(struct ring_tx *tx)
{
    const struct commit *c = &tx->own->commit[tx->commit_at];

    tx->staged = tx->tail;
    tx->n_staged = 0;
    for (unsigned i = 0; i < RING_INPUTS; i++) {
        tx->settled[i] = ring_get(&c->settled[i]);
    }
}

void ring_last_batch(const struct ring_tx *tx, void (*seen)(void *, const struct record *),
                     void *context)
{
    uint64_t at = ring_get(&tx->own->commit[tx->commit_at].batch_start);

    while (at < tx->tail) {
        struct record r;

        ring_copy_header(&r, tx->data + (at & tx->mask));
        if (!ring_header_holds(&r, tx->tail - at)) {
            return; /* our own memory, so this cannot be; never loop over garbage all the same */
        }
        seen(context, &r);
        at += r.size;
    }
}

bool ring_tx_bad(struct ring_tx *tx)
{
    if (!tx->bad && guard_hurt(tx->guard)) {
        tx->bad = true;
        say_bad(tx->why, sizeof tx->why, "its file was cut short, head", tx->peer_head, tx->tail);
    }
    return tx->bad;
}

bool ring_tx_mend(struct ring_tx *tx)
{
    uint64_t epoch, head;

    if (guard_hurt(tx->guard) && !guard_mend(tx->guard)) {
        return false;
    }
    /* pairs with the release store in ring_begin_epoch: what the reader put in order is seen */
    epoch = atomic_load_explicit(&tx->peer->epoch, memory_order_acquire);
    if (epoch == tx->peer_epoch) {
        return false;
    }
    tx->peer_epoch = epoch;
    head = atomic_load_explicit(&tx->peer->head, memory_order_acquire);
    if (head % 8 != 0 || tx->tail - head > tx->size || tx->staged - head > tx->size) {
        return false;
    }
    tx->peer_head = head;
    tx->bad = false;
    ring_begin_epoch(&tx->own->epoch);
    return true;
}

/* ---- reader ------------------------------------------------------------------------------- */

static bool turn_bad(struct ring_rx *rx, const char *what, uint64_t value)
{
    rx->bad = true;
    return say_bad(rx->why, sizeof rx->why, what, value, rx->at);
}

/* Looks at the writer's tail; true if there is something at rx->at. */
static bool refresh(struct ring_rx *rx)
{
    /* pairs with the release store in ring_publish */
    uint64_t tail = atomic_load_explicit(&rx->peer->tail, memory_order_acquire);

    if (!ring_tail_holds(rx, tail)) {
        return turn_bad(rx, "impossible tail", tail);
    }
    rx->peer_tail = tail;
    return tail != rx->at;
}

uint64_t ring_rx_look(struct ring_rx *rx)
{
    if (!rx->bad) {
        refresh(rx);
    }
    return rx->bad ? rx->at : rx->peer_tail;
}

bool ring_peek(struct ring_rx *rx, struct record *r, const uint8_t **head)
{
    const uint8_t *from = rx->data + (rx->at & rx->mask);

    if (rx->bad || (rx->at == rx->peer_tail && !refresh(rx))) {
        return false;
    }
    if (rx->peer_tail - rx->at < sizeof *r) {
        return turn_bad(rx, "no room for a record before tail", rx->peer_tail);
    }
    ring_copy_header(r, from);
    if (!ring_header_holds(r, rx->peer_tail - rx->at)) {
        return turn_bad(rx, "impossible record size", r->size);
    }
    rx->peeked = r->size;
    *head = from + sizeof *r;
    PROBE7(consume, rx->number, rx->at, r->seq, r->ticket, r->head_len, r->tail_len, r->rx_ns);
    return true;
}

unsigned ring_deaths(const struct ring_rx *rx)
{
    return fault_deaths(&rx->note, rx->at);
}

void ring_hand(struct ring_rx *rx)
{
    fault_hand(&rx->note, rx->at);
}

void ring_let_go(struct ring_rx *rx)
{
    fault_let_go(&rx->note);
}

void ring_next(struct ring_rx *rx)
{
    fault_let_go(&rx->note);
    rx->at += rx->peeked;
    rx->peeked = 0;
}

uint64_t ring_position(const struct ring_rx *rx)
{
    return rx->at;
}

void ring_release(struct ring_rx *rx)
{
    if (rx->head != rx->at || rx->anew) {
        rx->head = rx->at;
        /* pairs with the acquire load in ring_room */
        atomic_store_explicit(&rx->own->head, rx->at, memory_order_release);
    }
    if (rx->anew) {
        rx->anew = false;
        ring_begin_epoch(&rx->own->epoch); /* our half is in order: the writer may look again */
    }
}

void ring_begin(struct ring_rx *rx)
{
    /* release: everything that decided to send comes before it, for a successor to rely on */
    atomic_store_explicit(&rx->own->begun, rx->at, memory_order_release);
}

uint64_t ring_begun(const struct ring_rx *rx)
{
    uint64_t begun = ring_get(&rx->own->begun);

    return begun - rx->head <= rx->size ? begun : rx->head;
}

/* The records that a reader of a damaged half may read again. */
static bool go_back(struct ring_rx *rx, uint64_t position)
{
    if (position == 0 || !ring_plausible(position) || rx->peer_tail - position > rx->size ||
        !ring_parses(rx->data, rx->mask, position, rx->peer_tail)) {
        return false;
    }
    rx->head = rx->at = position;
    return true;
}

bool ring_rx_skip(struct ring_rx *rx, uint64_t position)
{
    if (rx->bad || (!refresh(rx) && rx->bad)) {
        return false;
    }
    if (position <= rx->at) {
        return position == rx->at || !rx->anew || go_back(rx, position);
    }
    if (position - rx->head > rx->peer_tail - rx->head ||
        !ring_parses(rx->data, rx->mask, rx->at, position)) {
        return false;
    }
    rx->at = position;
    return true;
}

bool ring_rx_bad(struct ring_rx *rx)
{
    if (!rx->bad && guard_hurt(rx->guard)) {
        turn_bad(rx, "its file was cut short, tail", rx->peer_tail);
    }
    return rx->bad;
}

bool ring_rx_mend(struct ring_rx *rx)
{
    uint64_t epoch, tail;

    if (guard_hurt(rx->guard) && !guard_mend(rx->guard)) {
        return false;
    }
    /* pairs with the release store in ring_begin_epoch: what the writer put in order is seen */
    epoch = atomic_load_explicit(&rx->peer->epoch, memory_order_acquire);
    if (epoch == rx->peer_epoch || rx->at != rx->head) {
        return false;
    }
    rx->peer_epoch = epoch;
    tail = atomic_load_explicit(&rx->peer->tail, memory_order_acquire);
    if (!ring_plausible(tail)) {
        return false;
    }
    if (!ring_tail_holds(rx, tail)) {
        rx->head = rx->at = tail;
        atomic_store_explicit(&rx->own->head, tail, memory_order_release);
    }
    rx->peer_tail = rx->at;
    rx->bad = false;
    ring_begin_epoch(&rx->own->epoch); /* our half is in order: the writer may look again */
    return true;
}

bool ring_rx_empty(const struct ring_rx *rx)
{
    return rx->bad || (rx->at == rx->peer_tail &&
                       atomic_load_explicit(&rx->peer->tail, memory_order_relaxed) == rx->at);
}

bool ring_rx_arm(struct ring_rx *rx)
{
    if (rx->bad) {
        return false;
    }
    ring_set(&rx->own->event, rx->at);
    /* pairs with the fence in ring_publish */
    atomic_thread_fence(memory_order_seq_cst);
    if (ring_get(&rx->peer->tail) != rx->at) {
        return true;
    }
    ring_count(&rx->own->wakes);
    return false;
}
