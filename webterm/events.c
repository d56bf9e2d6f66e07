/* webterm/events.c - looks at the role boards, and says what is new. */
#include "webterm/events.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/loop.h"
#include "common/text.h"
#include "shm/file.h"

struct events {
    struct live *live;
    struct http *http;
    struct http_timer timer;
    bool watched;
    struct board_reader role[TOPO_PROCESSES];
    struct events_seen seen[TOPO_PROCESSES];
};

static struct events the_events;

static const char *state_name(const struct events_seen *s)
{
    return s->down ? "down" : role_state_name(s->state);
}

static bool is_ready(const struct events_seen *s)
{
    return !s->down && s->state == ROLE_READY;
}

size_t events_judge(struct events_seen *seen, const char *process, const struct role_row *row,
                    bool alive, uint64_t now_ms, char *to, size_t size)
{
    struct events_seen before = *seen;
    bool again = before.known && alive && row->starts != before.starts;
    struct text t;

    *seen = (struct events_seen){.known = true,
                                 .down = !alive,
                                 .state = (enum role_state)row->state,
                                 .starts = row->starts,
                                 .ready_ms = before.ready_ms};
    if (is_ready(seen)) {
        seen->ready_ms = now_ms;
    }
    if (!before.known ||
        (!again && before.down == seen->down && (seen->down || before.state == seen->state))) {
        return 0;
    }
    text_open(&t, to, size);
    text_say(&t,
             "{\"process\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"pid\":%" PRIu64
             ",\"starts\":%" PRIu64 ",\"text\":",
             process, state_name(&before), state_name(seen), row->pid, row->starts);
    text_json(&t, alive ? row->text : "", alive ? strlen(row->text) : 0);
    if (is_ready(seen) && before.ready_ms != 0) {
        text_say(&t, ",\"outage_ms\":%" PRIu64, now_ms - before.ready_ms);
    }
    text_say(&t, "}");
    return text_needed(&t) < size ? text_needed(&t) : 0;
}

static void look(struct events *e, enum topo_process p)
{
    struct role_row row = {0};
    char json[1024];
    bool alive = file_locked(e->role[p].fd, FILE_SAID);
    size_t n;

    board_changed(&e->role[p]); /* a file that was cut, and is whole again, is mended by it */
    alive = role_read(&e->role[p], &row) && alive;

    n = events_judge(&e->seen[p], topo_process_name(p), &row, alive, loop_now_ms(), json,
                     sizeof json);
    if (n > 0) {
        live_publish(e->live, "events", json, n);
    }
}

static void look_all(struct http_timer *t)
{
    struct events *e = (struct events *)(void *)((char *)t - offsetof(struct events, timer));

    if (!e->watched) {
        return;
    }
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        look(e, (enum topo_process)p);
    }
    http_timer_set(e->http, &e->timer, EVENTS_LOOK_MS * 1000);
}

static void on_watched(void *context, bool on)
{
    struct events *e = context;

    e->watched = on;
    memset(e->seen, 0, sizeof e->seen);
    if (on) {
        look_all(&e->timer);
    }
}

int events_open(struct live *l, struct http *h, const char *run_dir, char *why, size_t why_size)
{
    struct events *e = &the_events;

    *e = (struct events){.live = l, .http = h, .timer = {.fire = look_all}};
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        int err = role_watch(&e->role[p], run_dir, topo_process_name((enum topo_process)p), why,
                             why_size);

        if (err != 0) {
            return err;
        }
    }
    live_topic(l, &(struct live_source){
                      .name = "events", .kind = LIVE_EVENT, .watched = on_watched, .context = e});
    return 0;
}
