/* webterm/buttons.c - an INI file becomes JSON. */
#include "webterm/buttons.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/beside.h"
#include "common/log.h"

struct reading {
    const char *file;
    FILE *f;
    int line;
    json_t *all, *button; /* the last of them */
    char *why;            /* the first mistake */
    size_t size;
};

struct buttons {
    char file[PATH_MAX];
    char *json;
    size_t len;
    struct timespec changed; /* of the file that was read last */
    off_t size;
    ino_t inode;
};

/* ---- one file ------------------------------------------------------------------------------ */

static void complain(struct reading *r, const char *sentence)
{
    if (!r->why[0]) {
        snprintf(r->why, r->size, "%s:%d: %s", r->file, r->line, sentence);
    }
}

/* Gives libinih one line, without the indentation that it would take for more of the line before.
 */
static char *next_line(char *buffer, int size, void *context)
{
    struct reading *r = context;
    int n = 0, most = size - 2, c;

    r->line++;
    while ((c = getc(r->f)) != EOF && c != '\n') {
        if (n == 0 && isblank(c)) {
            continue;
        }
        if (n == most) {
            complain(r,
                     "longer than 198 characters: shorten it (a command may have several lines)");
            continue;
        }
        if (c != '\t' && iscntrl(c) && c != '\r') {
            complain(r, "a control character, expected text");
            c = ' ';
        }
        buffer[n++] = (char)c;
    }
    buffer[n] = '\0';
    if (n == 0 && c == EOF) {
        r->line--; /* there was none */
        return NULL;
    }
    return buffer;
}

/* Each button has what the console is to be told, and what stands on it. */
static void complete(struct reading *r)
{
    static const char *const needed[] = {"label", "command"};
    char why[160];

    for (unsigned i = 0; r->button && i < 2; i++) {
        if (!json_object_get(r->button, needed[i])) {
            snprintf(why, sizeof why, "the button [%s] before this line has no %s: give it one",
                     json_string_value(json_object_get(r->button, "id")), needed[i]);
            complain(r, why);
        }
    }
}

static bool is_id(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return len > 0 && len <= 40 && name[len] == '\0';
}

static void new_button(struct reading *r, const char *section)
{
    size_t at;
    json_t *button;

    complete(r);
    if (!is_id(section)) {
        complain(
            r, section[0]
                   ? "a button's name, expected 1 to 40 of a-z, 0-9 and '-'"
                   : "a key before any [section], expected a button's name first, such as [ping]");
        section = "-";
    }
    json_array_foreach(r->all, at, button)
    {
        if (strcmp(json_string_value(json_object_get(button, "id")), section) == 0) {
            complain(r, "a second button of the same name: give it another");
        }
    }
    if (json_array_size(r->all) == BUTTONS_MOST) {
        complain(r, "over 64 buttons: take some away");
        json_array_clear(r->all);
    }
    r->button = json_pack("{s:s}", "id", section);
    json_array_append_new(r->all, r->button);
}

static void set(struct reading *r, const char *key, const char *value)
{
    const char *before = json_string_value(json_object_get(r->button, key));
    bool more = before && strcmp(key, "command") == 0;
    json_t *text = more ? json_sprintf("%s\n%s", before, value) : json_string(value);

    if (before && !more) {
        complain(
            r, "given twice for this button, expected once (command alone may have several lines)");
    }
    if (!text) {
        complain(r, "not UTF-8: save the file as such");
    }
    json_object_set_new(r->button, key, text);
}

static int on_line(void *context, const char *section, const char *key, const char *value)
{
    static const char *const keys[] = {"label", "group", "command", "hint"};
    struct reading *r = context;
    char why[160];

    if (!r->button || strcmp(json_string_value(json_object_get(r->button, "id")), section) != 0) {
        new_button(r, section);
    }
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(key, keys[i]) == 0) {
            if (!value[0] && (i == 0 || i == 2)) {
                complain(r, "nothing behind the '=', expected text");
            }
            set(r, key, value);
            return 1;
        }
    }
    snprintf(why, sizeof why, "unknown key '%.60s', expected label, group, command or hint", key);
    complain(r, why);
    return 1;
}

/* What may be left out is "". */
static char *finished(struct reading *r)
{
    size_t at;
    json_t *button;

    json_array_foreach(r->all, at, button)
    {
        json_t *plain = json_pack("{s:s, s:s}", "group", "", "hint", "");

        json_object_update_missing(button, plain);
        json_decref(plain);
    }
    return json_dumps(r->all, JSON_COMPACT);
}

char *buttons_read(const char *file, char *why, size_t why_size)
{
    struct reading r = {.file = file, .why = why, .size = why_size, .all = json_array()};
    char *json = NULL;
    int bad_line;

    why[0] = '\0';
    r.f = fopen(file, "re");
    if (r.f) {
        bad_line = ini_parse_stream(next_line, &r, on_line, &r);
        complete(&r);
        if (ferror(r.f)) {
            snprintf(why, why_size, "%s: cannot be read: %s", file, strerror(errno));
        } else if (bad_line > 0) {
            r.line = bad_line;
            complain(&r, "expected [name] or key = value");
        }
        fclose(r.f);
    } else {
        snprintf(why, why_size, "%s: cannot be read: %s", file, strerror(errno));
    }
    if (!why[0]) {
        json = finished(&r);
    }
    json_decref(r.all);
    return json;
}

/* ---- the file as it is now ----------------------------------------------------------------- */

/* Has it changed since?  A file that is gone has not: editors take it away for a moment. */
static bool changed(struct buttons *b)
{
    struct stat st;

    if (stat(b->file, &st) != 0 ||
        (st.st_mtim.tv_sec == b->changed.tv_sec && st.st_mtim.tv_nsec == b->changed.tv_nsec &&
         st.st_size == b->size && st.st_ino == b->inode)) {
        return false;
    }
    b->changed = st.st_mtim;
    b->size = st.st_size;
    b->inode = st.st_ino;
    return true;
}

static int read_again(struct buttons *b, char *why, size_t why_size)
{
    char *json = buttons_read(b->file, why, why_size);

    if (!json) {
        return -EINVAL;
    }
    free(b->json);
    b->json = json;
    b->len = strlen(json);
    return 0;
}

static void on_get(void *context, struct http_request *q)
{
    struct buttons *b = context;
    char why[400];

    if (changed(b)) {
        if (read_again(b, why, sizeof why) != 0) {
            log_warn("buttons stay as they were cause=\"%s\"", why);
        } else {
            log_info("buttons read again file=%s", b->file);
        }
    }
    http_answer(q, 200, "application/json", "cache-control: no-cache\r\n", b->json, b->len);
}

struct buttons *buttons_open(const char *file, char *why, size_t why_size)
{
    struct buttons *b = calloc(1, sizeof *b);

    if (!b) {
        snprintf(why, why_size, "out of memory for the buttons");
        return NULL;
    }
    if (file[0]) {
        snprintf(b->file, sizeof b->file, "%s", file);
    } else {
        beside_find(b->file, sizeof b->file, "lab/buttons.ini", R_OK);
    }
    changed(b);
    if (read_again(b, why, why_size) != 0) {
        if (file[0]) {
            free(b);
            return NULL;
        }
        log_warn("no buttons cause=\"%s\"", why);
        b->json = strdup("[]");
        b->len = b->json ? 2 : 0;
    }
    return b;
}

void buttons_serve(struct buttons *b, struct http *h)
{
    http_route(h, "GET", "/api/v1/buttons", HTTP_VIEWER, on_get, b);
}

void buttons_close(struct buttons *b)
{
    if (b) {
        free(b->json);
        free(b);
    }
}
