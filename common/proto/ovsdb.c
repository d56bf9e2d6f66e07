/* common/proto/ovsdb.c - braces are counted outside strings; jansson reads what is whole. */
#include "common/proto/ovsdb.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 4096u

void ovsdb_in_open(struct ovsdb_in *in, size_t longest, unsigned deepest)
{
    *in = (struct ovsdb_in){.longest = longest, .deepest = deepest};
}

void ovsdb_in_close(struct ovsdb_in *in)
{
    free(in->bytes);
    *in = (struct ovsdb_in){.why = "closed"};
}

/* What was taken makes room; then the buffer grows, to twice the longest message at most. */
static bool make_room(struct ovsdb_in *in, size_t len)
{
    size_t room = in->room ? in->room : FIRST_ROOM;
    char *more;

    if (in->from > 0) {
        memmove(in->bytes, in->bytes + in->from, in->len - in->from);
        in->len -= in->from;
        in->at -= in->from;
        in->from = 0;
    }
    while (room - in->len < len) {
        room *= 2;
    }
    if (room == in->room) {
        return true;
    }
    more = realloc(in->bytes, room);
    if (!more) {
        snprintf(in->why, sizeof in->why, "no memory for a message of %zu bytes", in->len + len);
        return false;
    }
    in->bytes = more;
    in->room = room;
    return true;
}

void ovsdb_in_put(struct ovsdb_in *in, const void *bytes, size_t len)
{
    assert(len <= OVSDB_PIECE);
    if (!in->why[0] && len > 0 && make_room(in, len)) {
        memcpy(in->bytes + in->len, bytes, len);
        in->len += len;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool bad(struct ovsdb_in *in, const char *what, size_t n)
{
    snprintf(in->why, sizeof in->why, what, n);
    return false;
}

/* One byte inside an object.  True: it closes the object. */
static bool step(struct ovsdb_in *in, char c)
{
    if (in->string) {
        if (in->escape) {
            in->escape = false;
        } else if (c == '\\') {
            in->escape = true;
        } else if (c == '"') {
            in->string = false;
        }
        return false;
    }
    if (c == '"') {
        in->string = true;
    } else if (c == '{' || c == '[') {
        in->depth++;
    } else if (c == '}' || c == ']') {
        in->depth--;
    }
    return in->depth == 0;
}

/* Where the next object ends is in->at then.  False: not there yet, or bad. */
static bool find_end(struct ovsdb_in *in)
{
    for (; in->at < in->len; in->at++) {
        char c = in->bytes[in->at];

        if (in->depth == 0) {
            if (is_blank(c)) {
                in->from++;
                continue;
            }
            if (c != '{') {
                return bad(in, "not JSON-RPC: a message begins with byte 0x%02zx, expected {",
                           (unsigned char)c);
            }
            in->depth = 1;
        } else if (step(in, c)) {
            in->at++;
            return true;
        }
        if (in->depth > in->deepest) {
            return bad(in, "a message is nested deeper than %zu", in->deepest);
        }
        if (in->at - in->from >= in->longest) {
            return bad(in, "a message is longer than %zu bytes", in->longest);
        }
    }
    return false;
}

static bool classify(struct ovsdb_msg *m)
{
    m->id = json_object_get(m->json, "id");
    m->method = json_string_value(json_object_get(m->json, "method"));
    m->params = json_object_get(m->json, "params");
    m->result = json_object_get(m->json, "result");
    m->error = json_object_get(m->json, "error");
    m->error = json_is_null(m->error) ? NULL : m->error;
    if (m->method) {
        m->kind = m->id && !json_is_null(m->id) ? OVSDB_REQUEST : OVSDB_NOTIFICATION;
        return json_is_array(m->params);
    }
    m->kind = OVSDB_RESPONSE;
    return m->id && !json_is_null(m->id) && (m->result || m->error);
}

bool ovsdb_in_get(struct ovsdb_in *in, struct ovsdb_msg *m)
{
    json_error_t e;

    *m = (struct ovsdb_msg){0};
    if (in->why[0] || !find_end(in)) {
        return false;
    }
    m->json = json_loadb(in->bytes + in->from, in->at - in->from, JSON_REJECT_DUPLICATES, &e);
    in->from = in->at;
    if (!m->json) {
        snprintf(in->why, sizeof in->why, "not JSON: %.100s (byte %d of a message)", e.text,
                 e.position);
        return false;
    }
    if (!classify(m)) {
        ovsdb_msg_free(m);
        return bad(in, "JSON that is neither request, notification nor response%.0zu", 0);
    }
    return true;
}

void ovsdb_msg_free(struct ovsdb_msg *m)
{
    json_decref(m->json);
    *m = (struct ovsdb_msg){0};
}

static char *dump(json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

    json_decref(object);
    return text;
}

char *ovsdb_request(const char *method, json_t *params, json_t *id)
{
    return dump(
        json_pack("{s:s,s:o,s:O?}", "method", method, "params", params, "id", id ? id : NULL));
}

char *ovsdb_reply(json_t *id, json_t *result, const char *error)
{
    return dump(json_pack("{s:O,s:o?,s:s?}", "id", id, "result", result, "error", error));
}

const char *ovsdb_error_text(const json_t *error, char *text, size_t size)
{
    const char *what = json_string_value(error), *details = NULL;

    if (!what) {
        what = json_string_value(json_object_get(error, "error"));
        details = json_string_value(json_object_get(error, "details"));
    }
    snprintf(text, size, "%s%s%s", what ? what : "an error without words", details ? ": " : "",
             details ? details : "");
    return text;
}

bool ovsdb_unknown_method(const json_t *error)
{
    const char *what = json_string_value(error);

    what = what ? what : json_string_value(json_object_get(error, "error"));
    return what && strcmp(what, "unknown method") == 0;
}
