/* webterm/packets.c - who watches, and what each is given. */
#include "webterm/packets.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"

#define FRAME_PACKETS 200 /* in one message */
#define LIST_PACKETS 1000 /* in one answer, at most */
#define LIST_USUAL 200
#define LOOKED_AT 2048 /* packets for one message: the thread waits for the lock meanwhile */
#define USUAL_PLACES (1u << TOPO_PKT_IN | 1u << TOPO_PKT_OUT)

/* ---- wishes --------------------------------------------------------------------------------- */

/* Names with commas between them; "": the usual ones. */
static int find_places(unsigned *where, const char *places, char *why, size_t why_size)
{
    char copy[256], *save, *word;

    snprintf(copy, sizeof copy, "%s", places);
    *where = 0;
    for (word = strtok_r(copy, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
        unsigned w = packet_where_find(word);

        if (w == PACKET_WHERES && strcasecmp(word, "all") != 0) {
            snprintf(why, why_size,
                     "'%.40s' is no place: expected PKT_IN, VNS_IN, VNS_OUT, PKT_OUT, OPENFLOW or "
                     "all",
                     word);
            return -EINVAL;
        }
        *where |= w == PACKET_WHERES ? (1u << PACKET_WHERES) - 1 : 1u << w;
    }
    *where = *where ? *where : USUAL_PLACES;
    return 0;
}

static int wish(struct packets_filter *f, unsigned *where, const char *filter, const char *places,
                char *why, size_t why_size)
{
    int err = packets_filter(f, filter, why, why_size);

    return err ? err : find_places(where, places, why, why_size);
}

int packets_query(struct packets_filter *f, unsigned *where, const struct http_request *q,
                  char *why, size_t why_size)
{
    char filter[FILTER_TEXT + 2] = "", places[256] = "";

    http_query(q, "filter", filter, sizeof filter);
    http_query(q, "where", places, sizeof places);
    return wish(f, where, filter, places, why, why_size);
}

/* ---- viewers -------------------------------------------------------------------------------- */

static void want(struct packets *p)
{
    unsigned mask = 0;

    for (const struct packets_viewer *v = p->viewers; v; v = v->after) {
        mask |= v->where;
    }
    source_want(&p->source, mask);
}

void packets_join(struct packets *p, struct packets_viewer *v)
{
    v->packets = p;
    store_lock(&p->store);
    v->next = store_next(&p->store);
    store_unlock(&p->store);
    v->before = NULL;
    v->after = p->viewers;
    if (v->after) {
        v->after->before = v;
    }
    p->viewers = v;
    want(p);
}

void packets_leave(struct packets_viewer *v)
{
    struct packets *p = v->packets;

    if (v->before) {
        v->before->after = v->after;
    } else {
        p->viewers = v->after;
    }
    if (v->after) {
        v->after->before = v->before;
    }
    want(p);
}

const struct packet *packets_next(struct packets_viewer *v, unsigned *most, uint64_t *missed)
{
    const struct packets_store *s = &v->packets->store;

    if (v->next < s->first) {
        *missed += s->first - v->next;
        v->next = s->first;
    }
    for (; *most > 0 && v->next < (v->end ? v->end : s->next); (*most)--) {
        const struct packet *p = store_get(s, v->next++);

        if (p && v->where >> p->key.where & 1) {
            *missed += p->missed;
            if (packets_match(&v->filter, &p->key)) {
                return p;
            }
        }
    }
    return NULL;
}

/* ---- the topic ------------------------------------------------------------------------------ */

/* "where": a list of names, or one text. */
static void join_places(char *to, size_t size, const json_t *where)
{
    struct text t;
    size_t i;
    json_t *one;

    text_open(&t, to, size);
    text_say(&t, "%s", json_is_string(where) ? json_string_value(where) : "");
    json_array_foreach((json_t *)where, i, one)
    {
        text_say(&t, "%s%s", i ? "," : "", json_is_string(one) ? json_string_value(one) : "?");
    }
}

static void *feed_join(void *context, const json_t *settings, char *why, size_t why_size)
{
    const json_t *filter = json_object_get(settings, "filter");
    struct packets_viewer *v = calloc(1, sizeof *v);
    char places[256];

    join_places(places, sizeof places, json_object_get(settings, "where"));
    if (!v) {
        snprintf(why, why_size, "webterm is out of memory: try again later");
    } else if (filter && !json_is_string(filter)) {
        snprintf(why, why_size, "filter is no text");
    } else if (wish(&v->filter, &v->where, filter ? json_string_value(filter) : "", places, why,
                    why_size) == 0) {
        packets_join(context, v);
        return v;
    }
    free(v);
    return NULL;
}

static void feed_leave(void *member)
{
    packets_leave(member);
    free(member);
}

static bool feed_ready(void *member)
{
    struct packets_viewer *v = member;
    char why[sizeof v->why];
    bool news;

    store_lock(&v->packets->store);
    news = v->next < store_next(&v->packets->store);
    store_unlock(&v->packets->store);
    return news || !v->told_once ||
           (source_watching(&v->packets->source, v->where, why, sizeof why) & v->where) !=
               v->told ||
           strcmp(why, v->why) != 0;
}

/* Which places are looked at, and why another is not: when that is new. */
static bool say_watching(struct packets_viewer *v, struct text *t)
{
    char why[sizeof v->why];
    unsigned now = source_watching(&v->packets->source, v->where, why, sizeof why) & v->where;
    bool any = false;

    if (v->told_once && now == v->told && strcmp(why, v->why) == 0) {
        return false;
    }
    v->told_once = true;
    v->told = now;
    memcpy(v->why, why, sizeof why);
    text_say(t, ",\"watching\":[");
    for (unsigned w = 0; w < PACKET_WHERES; w++) {
        if (now >> w & 1) {
            text_say(t, "%s\"%s\"", any ? "," : "", packet_where_name(w));
            any = true;
        }
    }
    text_say(t, "],\"note\":");
    text_json(t, why, strlen(why));
    return true;
}

static size_t feed_pull(void *member, char *to, size_t size)
{
    struct packets_viewer *v = member;
    unsigned n = 0, most = LOOKED_AT;
    const struct packet *p;
    uint64_t missed = 0;
    struct text t;
    bool told;

    text_open(&t, to, size);
    text_say(&t, "{\"packets\":[");
    store_lock(&v->packets->store);
    while (n < FRAME_PACKETS && text_needed(&t) + 4096 < size &&
           (p = packets_next(v, &most, &missed))) {
        text_say(&t, "%s%.*s", n++ ? "," : "", (int)p->json_len, p->json);
    }
    store_unlock(&v->packets->store);
    text_say(&t, "],\"missed\":%" PRIu64, missed);
    told = say_watching(v, &t);
    text_say(&t, "}");
    return n > 0 || missed > 0 || told ? text_needed(&t) : 0;
}

static const struct live_feed feed = {feed_join, feed_leave, feed_ready, feed_pull};

/* ---- REST ----------------------------------------------------------------------------------- */

static unsigned limit_of(const struct http_request *q)
{
    char text[16];
    unsigned long n = http_query(q, "limit", text, sizeof text) ? strtoul(text, NULL, 10) : 0;

    return n == 0 ? LIST_USUAL : n < LIST_PACKETS ? (unsigned)n : LIST_PACKETS;
}

/* The newest that match, oldest first. */
static void on_list(void *context, struct http_request *q)
{
    struct packets *p = context;
    struct packets_viewer v = {.packets = p};
    unsigned limit = limit_of(q), n = 0, all = STORE_PACKETS;
    const struct packet *found;
    uint64_t missed = 0;
    char why[512], *body;
    struct text t;

    if (packets_query(&v.filter, &v.where, q, why, sizeof why) != 0) {
        http_problem(q, 400, "%s", why);
        return;
    }
    body = malloc(limit * 2048ul + 256);
    if (!body) {
        http_problem(q, 503, "webterm is out of memory: try again later");
        return;
    }
    text_open(&t, body, limit * 2048ul + 256);
    store_lock(&p->store);
    for (v.next = p->store.first; packets_next(&v, &all, &missed);) {
        n++;
    }
    text_say(&t, "{\"watching\":%s,\"matching\":%u,\"missed\":%" PRIu64 ",\"packets\":[",
             p->viewers ? "true" : "false", n, missed);
    v.next = p->store.first;
    all = STORE_PACKETS;
    for (unsigned i = 0; (found = packets_next(&v, &all, &missed)); i++) {
        if (i + limit >= n) {
            text_say(&t, "%s%.*s", i + limit > n && i > 0 ? "," : "", (int)found->json_len,
                     found->json);
        }
    }
    store_unlock(&p->store);
    text_say(&t, "]}\n");
    http_answer(q, 200, "application/json", "cache-control: no-store\r\n", body, text_needed(&t));
    free(body);
}

static void on_one(void *context, struct http_request *q)
{
    struct packets *p = context;
    const struct packet *found = NULL;
    const char *rest = http_rest(q);
    char *end = (char *)rest, *json = NULL;
    uint64_t n = rest[0] >= '0' && rest[0] <= '9' ? strtoull(rest, &end, 10) : 0;
    size_t len = 0;

    store_lock(&p->store);
    found = *end == '\0' && n > 0 ? store_get(&p->store, n) : NULL;
    if (found) {
        len = packets_show(found, &json);
    }
    store_unlock(&p->store);
    if (len > 0) {
        http_answer(q, 200, "application/json", "cache-control: no-store\r\n", json, len);
    } else if (found) {
        http_problem(q, 503, "webterm is out of memory: try again later");
    } else {
        http_problem(q, 404,
                     "packet %.20s is not kept: only the last %u are, from when somebody "
                     "watched",
                     rest, STORE_PACKETS);
    }
    free(json);
}

/* ---- opening -------------------------------------------------------------------------------- */

int packets_open(struct packets *p, struct http *h, struct live *l, const char *run_dir, char *why,
                 size_t why_size)
{
    *p = (struct packets){.http = h};
    if (store_open(&p->store) != 0) {
        snprintf(why, why_size, "no memory for the last packets (%u MiB): give the process more",
                 STORE_BYTES >> 20);
        return -ENOMEM;
    }
    source_open(&p->source, run_dir, &p->store);
    live_topic(l, &(struct live_source){
                      .name = "packets", .kind = LIVE_FEED, .feed = &feed, .context = p});
    http_route(h, "GET", "/api/v1/packets", HTTP_VIEWER, on_list, p);
    http_route(h, "GET", "/api/v1/packets/*", HTTP_VIEWER, on_one, p);
    http_route(h, "GET", "/api/v1/packets.pcapng", HTTP_VIEWER, packets_serve_file, p);
    return 0;
}

int packets_start(struct packets *p)
{
    return source_start(&p->source);
}

void packets_close(struct packets *p)
{
    source_stop(&p->source);
    store_close(&p->store);
}
