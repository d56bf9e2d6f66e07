/* webterm/packets_store.c - slots by number, and a ring of bytes in which each packet lies whole.
 */
#include "webterm/packets_store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int store_open(struct packets_store *s)
{
    *s = (struct packets_store){.first = 1, .next = 1};
    pthread_mutex_init(&s->lock, NULL);
    s->packets = calloc(STORE_PACKETS, sizeof *s->packets);
    s->room = malloc(STORE_BYTES); /* the kernel gives its pages when they are used */
    if (!s->packets || !s->room) {
        store_close(s);
        return -ENOMEM;
    }
    return 0;
}

void store_close(struct packets_store *s)
{
    free(s->packets);
    free(s->room);
    s->packets = NULL;
    s->room = NULL;
    pthread_mutex_destroy(&s->lock);
}

void store_lock(struct packets_store *s)
{
    pthread_mutex_lock(&s->lock);
}

void store_unlock(struct packets_store *s)
{
    pthread_mutex_unlock(&s->lock);
}

static struct packet *slot(const struct packets_store *s, uint64_t n)
{
    return &s->packets[n % STORE_PACKETS];
}

/* Room for 'need' bytes in a row; the packets whose bytes lie there go. */
static uint8_t *make_room(struct packets_store *s, size_t need)
{
    uint64_t at = s->end % STORE_BYTES;

    assert(need <= STORE_BYTES / 2);
    if (at + need > STORE_BYTES) {
        s->end += STORE_BYTES - at;
        at = 0;
    }
    s->end += need;
    while (s->first < s->next &&
           (s->next - s->first >= STORE_PACKETS || s->end - slot(s, s->first)->at > STORE_BYTES)) {
        s->first++;
    }
    return s->room + at;
}

void store_add(struct packets_store *s, const struct packet *p, const uint8_t *bytes,
               const char *line, const char *json, size_t json_len)
{
    size_t line_len = strlen(line) + 1;
    struct packet *to;
    uint8_t *room;

    store_lock(s);
    room = make_room(s, p->len + line_len + json_len);
    to = slot(s, s->next);
    *to = *p;
    to->n = s->next;
    to->at = s->end - (p->len + line_len + json_len);
    to->bytes = room;
    to->line = (const char *)room + p->len;
    to->json = to->line + line_len;
    to->json_len = json_len;
    to->key.line = to->line;
    to->key.port = to->place.port;
    to->key.iface = to->place.iface;
    if (p->len > 0) {
        memcpy(room, bytes, p->len);
    }
    memcpy(room + p->len, line, line_len);
    memcpy(room + p->len + line_len, json, json_len);
    s->next++;
    store_unlock(s);
}

const struct packet *store_get(const struct packets_store *s, uint64_t n)
{
    return n >= s->first && n < s->next ? slot(s, n) : NULL;
}
