/* shm/view/switch_ask.c - a request to a switch by way of ofproxy (ofproxy/view.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base64.h"
#include "common/loop.h"
#include "shm/view/switch.h"
#include "shm/view/topics.h"

#define WAIT_MS 15000 /* for all of an answer; ofproxy itself gives up before */
#define PAUSE_MOST_MS 50

/* False: the reason is in 'why'. */
static bool begin(const char *run_dir, const json_t *s, const char *message, unsigned type,
                  const void *body, size_t len, json_int_t *id, char *why, size_t size)
{
    char text[512];
    json_t *answer;

    base64_put(text, body, len);
    answer = view_call(run_dir, "ofproxy", "switch.ask",
                       json_pack("{s:s s:i s:s s:i s:s}", "dpid",
                                 json_string_value(json_object_get(s, "dpid")), "version",
                                 switch_is13(s) ? OF13_VERSION : OF10_VERSION, "message", message,
                                 "type", (int)type, "body", text),
                       why, size);
    *id = json_integer_value(json_object_get(answer, "request"));
    json_decref(answer);
    return answer != NULL;
}

/* Appends a piece.  False: it makes no sense, or there is no memory. */
static bool append(struct replies *r, const json_t *answer)
{
    json_t *messages = json_object_get(answer, "messages");
    size_t room = json_string_length(messages) / 4 * 3, len;
    uint8_t *more = realloc(r->bytes, r->len + room + 1);

    if (!more) {
        return false;
    }
    r->bytes = more;
    r->cut = json_is_true(json_object_get(answer, "cut"));
    if (!messages || !base64_get(r->bytes + r->len, room, json_string_value(messages),
                                 json_string_length(messages), &len)) {
        return false;
    }
    r->len += len;
    return true;
}

static void pause_ms(unsigned ms)
{
    const struct timespec t = {0, (long)ms * 1000000};

    nanosleep(&t, NULL);
}

/* All pieces. */
static enum switch_said fetch(const char *run_dir, json_int_t id, struct replies *r, char *why,
                              size_t size)
{
    uint64_t end = loop_now_ns() + WAIT_MS * 1000000ull;
    unsigned pause = 1;

    for (;;) {
        json_t *answer =
            view_call(run_dir, "ofproxy", "switch.answer",
                      json_pack("{s:I s:I}", "request", id, "from", (json_int_t)r->len), why, size);
        const char *state = json_string_value(json_object_get(answer, "state"));
        const char *text = json_string_value(json_object_get(answer, "text"));
        bool more = state && strcmp(state, "more") == 0, done = state && strcmp(state, "done") == 0;
        bool waiting = state && strcmp(state, "waiting") == 0;
        bool good = (more || done) && append(r, answer);

        if (answer && !good && !waiting) {
            snprintf(why, size, "%s", text ? text : "ofproxy's answer was not understood");
        }
        json_decref(answer);
        if (done && good) {
            return SWITCH_ANSWERED;
        }
        if (!good && !waiting) {
            return text ? SWITCH_REFUSED : SWITCH_FAILED;
        }
        if (loop_now_ns() > end) {
            snprintf(why, size, "no answer within %d s: is ofproxy busy? see causeway status",
                     WAIT_MS / 1000);
            return SWITCH_FAILED;
        }
        if (waiting) {
            pause_ms(pause);
            pause = pause * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS : pause * 2;
        }
    }
}

enum switch_said switch_ask(const char *run_dir, const json_t *s, const char *message,
                            unsigned type, const void *body, size_t len, struct replies *r,
                            char *why, size_t size)
{
    enum switch_said said;
    json_int_t id;

    *r = (struct replies){.version = switch_is13(s) ? &of13 : &of10};
    if (!begin(run_dir, s, message, type, body, len, &id, why, size)) {
        return SWITCH_FAILED;
    }
    said = fetch(run_dir, id, r, why, size);
    r->memory = said == SWITCH_ANSWERED ? malloc(TREE_MOST) : NULL;
    if (said == SWITCH_ANSWERED && !r->memory) {
        snprintf(why, size, "out of memory");
        said = SWITCH_FAILED;
    }
    if (said != SWITCH_ANSWERED) {
        replies_free(r);
    }
    return said;
}

/* Reads the next message that has an entry. */
static const struct tree_node *next_message(struct replies *r)
{
    while (r->len - r->at >= OF_HEADER) {
        struct of_header h = of_header_at(r->bytes + r->at);
        struct tree_fault fault;

        if (h.length < OF_HEADER || h.length > r->len - r->at) {
            r->wrong = "a message has a wrong length";
            return NULL;
        }
        tree_open(&r->tree, r->memory, TREE_MOST);
        if (!of_read(r->version, r->bytes + r->at, h.length, &r->tree, &fault)) {
            r->wrong = "a message is malformed";
        } else {
            r->entry = of_text_first(&r->tree);
        }
        r->at += h.length;
        if (r->entry) {
            return r->entry;
        }
    }
    return NULL;
}

const struct tree_node *replies_next(struct replies *r)
{
    r->entry = r->entry ? of_text_next(&r->tree, r->entry) : NULL;
    return r->entry ? r->entry : next_message(r);
}

void replies_free(struct replies *r)
{
    free(r->bytes);
    free(r->memory);
    *r = (struct replies){0};
}

static const struct wire_field *field_of(const struct tree_node *n, const char *field)
{
    for (unsigned i = 0; n->kind == TREE_STRUCT && i < n->desc->n_fields; i++) {
        const struct wire_field *f = &n->desc->fields[i];

        if (f->name && f->integer && strcmp(f->name, field) == 0) {
            return f;
        }
    }
    return NULL;
}

bool entry_has(const struct tree_node *n, const char *field)
{
    return field_of(n, field) != NULL;
}

uint64_t entry_number(const struct tree_node *n, const char *field)
{
    const struct wire_field *f = field_of(n, field);

    return f ? wire_value(f, tree_host(n)) : 0;
}
