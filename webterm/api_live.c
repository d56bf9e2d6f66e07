/* webterm/api_live.c - the topics "stack" and "tables" of /ws/live, while somebody has subscribed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "webterm/api.h"

#define STACK_MS 250
#define STATUS_MS 1000 /* pings, for processes that are silent */
#define TABLES_MS 1000

static const enum collect_topic tables[] = {COLLECT_ROUTES, COLLECT_ARP,      COLLECT_INTERFACES,
                                            COLLECT_VHOSTS, COLLECT_SWITCHES, COLLECT_PORTS,
                                            COLLECT_INGRESS};
#define N_TABLES (sizeof tables / sizeof tables[0])

/* ---- stack -------------------------------------------------------------------------------- */

static void told_stack(void *context, const struct collect_text *text)
{
    struct api *a = context;

    if (text->status == 200) {
        live_publish(a->live, "stack", text->body, text->len);
    }
}

static void nothing(void *context, const struct collect_text *text)
{
    (void)context, (void)text;
}

static void watch_stack(void *context, bool on)
{
    struct api *a = context;

    collect_watch(a->c, COLLECT_STATUS, on ? STATUS_MS : 0, nothing, a);
    collect_watch(a->c, COLLECT_STACK, on ? STACK_MS : 0, told_stack, a);
}

/* ---- tables ------------------------------------------------------------------------------- */

/* Sentences about tables that are not as they are now: {"routes": "router did not answer ..."}. */
static char *stale(const struct api *a)
{
    json_t *o = json_object();
    char *text;

    for (unsigned i = 0; i < N_TABLES; i++) {
        const struct collect_text *newest = collect_newest(a->c, tables[i]);
        const char *why = !newest                 ? "not asked for yet"
                          : newest->status != 200 ? newest->body
                                                  : newest->lacks;

        if (why[0]) {
            json_object_set_new(o, collect_name(tables[i]), json_string(why));
        }
    }
    text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text;
}

/* The newest of each that there is; texts of JSON are put together as they are. */
static void publish_tables(struct api *a)
{
    char *missing = stale(a), *body;
    size_t room = 40 + (missing ? strlen(missing) : 0), len = 0;

    for (unsigned i = 0; i < N_TABLES; i++) {
        const struct collect_text *good = collect_good(a->c, tables[i]);

        room += strlen(collect_name(tables[i])) + 10 + (good ? good->len : 0);
    }
    body = malloc(room);
    for (unsigned i = 0; i < N_TABLES && body; i++) {
        const struct collect_text *good = collect_good(a->c, tables[i]);

        len += (size_t)snprintf(body + len, room - len, "%c\"%s\":%.*s", i ? ',' : '{',
                                collect_name(tables[i]), good ? (int)good->len : 2,
                                good ? good->body : "[]");
    }
    if (body && missing) {
        len += (size_t)snprintf(body + len, room - len, ",\"stale\":%s}", missing);
        live_publish(a->live, "tables", body, len);
    }
    free(body);
    free(missing);
}

/* Once for all that change together: those of each worker come one after the other. */
static void fire_tables(struct http_timer *t)
{
    struct api *a = (struct api *)(void *)((char *)t - offsetof(struct api, tables));

    a->tables_due = false;
    publish_tables(a);
}

static void told_table(void *context, const struct collect_text *text)
{
    struct api *a = context;

    (void)text;
    if (!a->tables_due) {
        a->tables_due = true;
        http_timer_set(a->h, &a->tables, 50000);
    }
}

static void watch_tables(void *context, bool on)
{
    struct api *a = context;

    for (unsigned i = 0; i < N_TABLES; i++) {
        collect_watch(a->c, tables[i], on ? TABLES_MS : 0, told_table, a);
    }
    if (on) {
        told_table(a, NULL);
    }
}

void api_live_topics(struct api *a)
{
    a->tables.fire = fire_tables;
    live_topic(a->live,
               &(struct live_source){
                   .name = "stack", .kind = LIVE_STATE, .watched = watch_stack, .context = a});
    live_topic(a->live,
               &(struct live_source){
                   .name = "tables", .kind = LIVE_STATE, .watched = watch_tables, .context = a});
}
