/* ctl/decode_tcp.c - TCP segments into the streams that they are of, and messages out of those.
 *
 * Each direction is a stream of its own.  A segment that comes too early waits; when too many wait,
 * or at the end, what is missing is a gap, which is said, and reading goes on at the next segment
 * that begins as a message does. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/proto/wire.h"
#include "ctl/decode_of.h"

#define WAITING 1024 /* segments of a stream that wait for one before them */
#define STREAMS 65536
#define SHELVES 32768 /* lists that the streams are spread over: a power of two */
#define NAME 120

struct waiting {
    uint64_t time_ns;
    uint32_t seq, len;
    const uint8_t *bytes;
};

struct stream {
    uint8_t from[16], to[16];
    uint16_t from_port, to_port;
    bool v6, started, other; /* other: it is neither OpenFlow nor VNS */
    bool known;              /* by its port, or by its first bytes */
    enum decode_protocol protocol;
    uint32_t next; /* sequence number */
    uint64_t offset;
    char name[NAME];
    struct waiting *waiting; /* in the order of their sequence numbers */
    unsigned n_waiting;
    uint8_t *bytes; /* of a message that is not whole yet */
    size_t len;
    struct stream *below; /* on its shelf */
};

struct decode_tcp {
    struct decode *d;
    struct stream **streams; /* in the order in which they began */
    size_t n, room;
    struct stream *shelves[SHELVES];
};

/* a < b, of numbers that wrap */
static bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

struct decode_tcp *decode_tcp_open(struct decode *d)
{
    struct decode_tcp *t = calloc(1, sizeof *t);

    if (t) {
        t->d = d;
    }
    return t;
}

/* ---- streams -------------------------------------------------------------------------------- */

static void name_stream(struct stream *s)
{
    int family = s->v6 ? AF_INET6 : AF_INET;
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

    inet_ntop(family, s->from, from, sizeof from);
    inet_ntop(family, s->to, to, sizeof to);
    snprintf(s->name, sizeof s->name, s->v6 ? "[%s]:%u > [%s]:%u" : "%s:%u > %s:%u", from,
             s->from_port, to, s->to_port);
}

static bool has_port(const struct stream *s, unsigned port)
{
    return port != 0 && (s->from_port == port || s->to_port == port);
}

static void guess_by_port(struct stream *s, const struct decode *d)
{
    if (d->vns || has_port(s, DECODE_VNS_PORT)) {
        s->protocol = DECODE_VNS;
    } else if (has_port(s, 6653) || has_port(s, 6633) || has_port(s, d->port)) {
        s->protocol = DECODE_OPENFLOW;
    }
    s->known = s->protocol != DECODE_UNKNOWN;
}

static struct stream **shelf_of(struct decode_tcp *t, const struct decode_segment *g)
{
    uint64_t words[4], h = (uint64_t)g->from_port << 16 | g->to_port;

    memcpy(words, g->from, 16);
    memcpy(words + 2, g->to, 16);
    for (unsigned i = 0; i < 4; i++) {
        h = (h ^ words[i]) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    return &t->shelves[h % SHELVES];
}

static struct stream *find_stream(struct decode_tcp *t, const struct decode_segment *g)
{
    for (struct stream *s = *shelf_of(t, g); s; s = s->below) {
        if (s->from_port == g->from_port && s->to_port == g->to_port && s->v6 == g->v6 &&
            memcmp(s->from, g->from, 16) == 0 && memcmp(s->to, g->to, 16) == 0) {
            return s;
        }
    }
    return NULL;
}

static struct stream *new_stream(struct decode_tcp *t, const struct decode_segment *g)
{
    struct stream *s = calloc(1, sizeof *s), **shelf = shelf_of(t, g);

    if (!s) {
        return NULL;
    }
    if (t->n == t->room) {
        size_t room = t->room ? 2 * t->room : 16;
        struct stream **more = realloc(t->streams, room * sizeof(struct stream *));

        if (!more) {
            free(s);
            return NULL;
        }
        t->streams = more;
        t->room = room;
    }
    memcpy(s->from, g->from, 16);
    memcpy(s->to, g->to, 16);
    s->from_port = g->from_port;
    s->to_port = g->to_port;
    s->v6 = g->v6;
    name_stream(s);
    guess_by_port(s, t->d);
    t->streams[t->n++] = s;
    s->below = *shelf;
    *shelf = s;
    return s;
}

/* ---- messages ------------------------------------------------------------------------------- */

static struct decode_place place(const struct stream *s, uint64_t time_ns)
{
    return (struct decode_place){
        .protocol = s->protocol, .offset = s->offset, .time_ns = time_ns, .stream = s->name};
}

/* Says the whole messages at the front, and keeps what is left. */
static void cut(struct decode_tcp *t, struct stream *s, uint64_t time_ns)
{
    size_t at = 0;
    char why[200];

    while (at < s->len) {
        const uint8_t *p = s->bytes + at;
        struct decode_place where = place(s, time_ns);
        long n = decode_length(s->protocol, p, s->len - at, why, sizeof why);

        if (n < 0) {
            decode_say_wrong(t->d, &where, "%s", why);
            s->offset += s->len - at;
            at = s->len;
            s->known = s->protocol != DECODE_UNKNOWN;
            s->started = false; /* goes on where a segment begins as a message does */
            break;
        }
        if (n == 0 || (size_t)n > s->len - at) {
            break;
        }
        decode_say(t->d, &where, p, (size_t)n);
        at += (size_t)n;
        s->offset += (size_t)n;
    }
    s->len -= at;
    memmove(s->bytes, s->bytes + at, s->len);
}

/* The next bytes of a stream, in order. */
static bool append(struct decode_tcp *t, struct stream *s, const uint8_t *bytes, size_t len,
                   uint64_t time_ns)
{
    if (len == 0 || s->other) {
        return true;
    }
    if (!s->bytes) {
        s->bytes = malloc(2 * DECODE_MESSAGE + UINT16_MAX);
        if (!s->bytes) {
            return false;
        }
    }
    if (!s->known && s->len + len < 8) { /* too few to look at */
        memcpy(s->bytes + s->len, bytes, len);
        s->len += len;
        return true;
    }
    while (len > 0) {
        size_t room = 2 * DECODE_MESSAGE + UINT16_MAX - s->len, n = len < room ? len : room;

        memcpy(s->bytes + s->len, bytes, n);
        s->len += n;
        bytes += n;
        len -= n;
        if (!s->known) {
            s->protocol = decode_look(s->bytes, s->len);
            s->known = s->protocol != DECODE_UNKNOWN;
            s->other = !s->known;
            t->d->strangers += s->other;
            if (s->other) {
                free(s->bytes);
                s->bytes = NULL;
                s->len = 0;
                return true;
            }
        }
        cut(t, s, time_ns);
    }
    return true;
}

/* ---- order ---------------------------------------------------------------------------------- */

/* Takes what is new of a segment whose time has come.  Where the start of a message was lost, what
 * does not begin as one is left out. */
static bool take(struct decode_tcp *t, struct stream *s, const struct waiting *w)
{
    uint32_t skip = s->next - w->seq;

    if (before(s->next, w->seq) || skip >= w->len) {
        return true;
    }
    s->next = w->seq + w->len;
    if (!s->started && s->known && (skip > 0 || decode_look(w->bytes, w->len) != s->protocol)) {
        s->offset += w->len - skip;
        return true;
    }
    s->started = true;
    return append(t, s, w->bytes + skip, w->len - skip, w->time_ns);
}

/* What waits, as far as it follows.  'all': over gaps, which are said. */
static bool take_waiting(struct decode_tcp *t, struct stream *s, bool all)
{
    unsigned i;

    if (s->n_waiting == 0) {
        return true;
    }
    for (i = 0; i < s->n_waiting; i++) {
        const struct waiting *w = &s->waiting[i];

        if (before(s->next, w->seq)) {
            struct decode_place where = place(s, w->time_ns);

            if (!all) {
                break;
            }
            if (!s->other) {
                decode_say_gap(t->d, &where, w->seq - s->next);
            }
            s->offset += s->len + (w->seq - s->next);
            s->len = 0;
            s->next = w->seq;
            s->started = false;
        }
        if (!take(t, s, w)) {
            return false;
        }
    }
    if (i > 0) {
        memmove(s->waiting, s->waiting + i, (s->n_waiting - i) * sizeof s->waiting[0]);
        s->n_waiting -= i;
    }
    return true;
}

static bool wait_for_it(struct decode_tcp *t, struct stream *s, const struct decode_segment *g)
{
    unsigned at = s->n_waiting;

    if (!s->waiting) {
        s->waiting = malloc(WAITING * sizeof s->waiting[0]);
        if (!s->waiting) {
            return false;
        }
    }
    while (at > 0 && before(g->seq, s->waiting[at - 1].seq)) {
        s->waiting[at] = s->waiting[at - 1];
        at--;
    }
    s->waiting[at] = (struct waiting){g->time_ns, g->seq, g->len, g->bytes};
    s->n_waiting++;
    return s->n_waiting < WAITING || take_waiting(t, s, true);
}

/* A stream that is seen from its middle begins with the first segment that looks like a message. */
static bool begins(struct stream *s, const struct decode_segment *g)
{
    if (s->started || g->syn) {
        return true;
    }
    if (s->known && decode_look(g->bytes, g->len) != s->protocol && g->len >= 8) {
        return false;
    }
    s->started = true;
    s->next = g->seq;
    return true;
}

bool decode_tcp_segment(struct decode_tcp *t, const struct decode_segment *g)
{
    struct stream *s = find_stream(t, g);
    struct waiting now;

    if (!s && g->len == 0 && !g->syn) {
        return true;
    }
    if (!s && t->n == STREAMS) { /* of a scan, perhaps: those that are known go on */
        t->d->strangers++;
        return true;
    }
    s = s ? s : new_stream(t, g);
    if (!s) {
        return false;
    }
    if (g->syn) { /* also of a new connection between the same two ports */
        if (s->started && s->next != g->seq + 1) {
            if (!take_waiting(t, s, true)) {
                return false;
            }
            s->len = 0;
            s->offset = 0;
        }
        s->started = true;
        s->next = g->seq + 1;
        return true;
    }
    if (g->len == 0 || s->other || !begins(s, g)) {
        return true;
    }
    if (before(s->next, g->seq)) {
        return wait_for_it(t, s, g);
    }
    now = (struct waiting){g->time_ns, g->seq, g->len, g->bytes};
    return take(t, s, &now) && (s->n_waiting == 0 || take_waiting(t, s, false));
}

static void end_stream(struct decode_tcp *t, struct stream *s)
{
    t->d->strangers += !s->started;
    if (s->n_waiting > 0) {
        take_waiting(t, s, true);
    }
    if (s->len > 0 && s->known) {
        struct decode_place where = place(s, 0);

        decode_say_wrong(t->d, &where, "cut: the capture ends after %zu bytes of a message",
                         s->len);
    }
    free(s->waiting);
    free(s->bytes);
    free(s);
}

void decode_tcp_close(struct decode_tcp *t)
{
    for (size_t i = 0; i < t->n; i++) {
        end_stream(t, t->streams[i]);
    }
    free(t->streams);
    free(t);
}
