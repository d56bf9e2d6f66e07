/* webterm/packets_store.h - the last packets that were looked at, with their bytes.
 *
 *     one thread writes                     others read, under the lock
 *     store_add(&s, &packet, parts)         for (n = store_first(&s); n < store_next(&s); n++)
 *                                               p = store_get(&s, n);
 *
 * Packets have numbers from 1.  Both their number and the memory of their bytes are bounded: the
 * oldest go. */
#ifndef WEBTERM_PACKETS_STORE_H
#define WEBTERM_PACKETS_STORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/rows.h"
#include "webterm/packets_filter.h"
#include "webterm/packets_names.h"

#define STORE_PACKETS 4096
#define STORE_BYTES (16u << 20)

struct packet {
    uint64_t n;
    uint64_t time_ns;      /* since 1970 */
    uint64_t missed;       /* at its place, just before it */
    uint32_t len;          /* bytes there are */
    struct packet_key key; /* its texts are those below; 'len': of the whole packet */
    struct packet_place place;
    struct record record;      /* of a ring */
    struct openflow_meta meta; /* of OpenFlow */
    const uint8_t *bytes;
    const char *line; /* what is shown, without column heads: "10.0.1.100 > ... echo request" */
    const char *json; /* the summary, as docs/web-protocol.md has it */
    size_t json_len;
    uint64_t at; /* where all that begins */
};

struct packets_store {
    pthread_mutex_t lock;
    struct packet *packets; /* STORE_PACKETS of them */
    uint8_t *room;
    uint64_t first, next; /* numbers: the oldest that is kept, and the next one */
    uint64_t end;         /* bytes of 'room' that were ever used */
};

/* Returns 0 or -ENOMEM. */
int store_open(struct packets_store *s);
void store_close(struct packets_store *s);
void store_lock(struct packets_store *s);
void store_unlock(struct packets_store *s);
/* The number that the next packet will have: the writer's to know without the lock. */
static inline uint64_t store_next(const struct packets_store *s)
{
    return s->next;
}
/* Keeps a packet: 'p' without number and pointers, which are copied from here.  Takes the lock. */
void store_add(struct packets_store *s, const struct packet *p, const uint8_t *bytes,
               const char *line, const char *json, size_t json_len);
/* NULL: gone, or not there yet.  Valid while the lock is held. */
const struct packet *store_get(const struct packets_store *s, uint64_t n);

#endif
