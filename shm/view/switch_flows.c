/* shm/view/switch_flows.c - the flows of a switch: as objects, or in the words of ovs-ofctl
 * dump-flows. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/board.h"
#include "shm/view/flow_filter.h"
#include "shm/view/switch.h"

#define LINE 16384 /* a flow with more words than this is cut, and says so */
#define PRIORITY 32768
#define STATS_FLOW 1
#define STATS_VENDOR 0xffff
#define NICIRA 0x2320u

struct sort_key {
    bool has;
    uint64_t v[2];
};
struct flow {
    json_t *row;
    size_t order;
    struct sort_key keys[SWITCH_SORTS];
};
struct flows {
    const struct switch_words *w;
    const json_t *s;
    struct flow_filter filter;
    json_t *rows;
    struct flow *list;
    size_t n, room;
};

/* ---- the request -------------------------------------------------------------------------- */

static enum switch_said ask13(const char *run_dir, const struct flows *f, struct replies *r,
                              char *why, size_t size)
{
    const struct flow_filter *w = &f->filter;
    uint8_t body[40] = {0};
    struct wire_out out = {body, body + sizeof body, false};

    of13_flow_stats_request_put(&out, &(struct of13_flow_stats_request){
                                          .table_id = w->has_table ? w->table : 0xff,
                                          .out_port = w->has_port ? w->out_port : OF13_PORT_ANY,
                                          .out_group = w->has_group ? w->out_group : OF13_GROUP_ANY,
                                          .cookie = w->cookie,
                                          .cookie_mask = w->cookie_mask});
    wire_store_uint16(body + 32, 1); /* a match of OXM fields, and none of them */
    wire_store_uint16(body + 34, 4);
    return switch_ask(run_dir, f->s, "statistics", STATS_FLOW, body, sizeof body, r, why, size);
}

static enum switch_said ask_nicira(const char *run_dir, const struct flows *f, struct replies *r,
                                   char *why, size_t size)
{
    uint8_t body[20] = {0};

    wire_store_uint32(body, NICIRA); /* then: subtype 0, four bytes of padding */
    wire_store_uint16(body + 12, f->filter.has_port ? (uint16_t)f->filter.out_port : 0xffff);
    body[16] = f->filter.has_table ? f->filter.table : 0xff; /* after the length of no match */
    return switch_ask(run_dir, f->s, "statistics", STATS_VENDOR, body, sizeof body, r, why, size);
}

static enum switch_said ask10(const char *run_dir, const struct flows *f, struct replies *r,
                              char *why, size_t size)
{
    uint8_t body[44] = {0};
    struct wire_out out = {body, body + sizeof body, false};

    of10_flow_stats_request_put(
        &out, &(struct of10_flow_stats_request){
                  .wildcards = 0x3fffff,
                  .table_id = f->filter.has_table ? f->filter.table : 0xff,
                  .out_port = f->filter.has_port ? (uint16_t)f->filter.out_port : 0xffff});
    return switch_ask(run_dir, f->s, "statistics", STATS_FLOW, body, sizeof body, r, why, size);
}

/* In 1.0 Nicira's statistics say more of a flow than its own do; a switch may not have them. */
static enum switch_said ask(const char *run_dir, const struct flows *f, struct replies *r,
                            char *why, size_t size)
{
    enum switch_said said = SWITCH_REFUSED;

    if (switch_is13(f->s)) {
        return ask13(run_dir, f, r, why, size);
    }
    if (f->filter.has_group) {
        snprintf(why, size, "OpenFlow 1.0 has no groups: leave out out_group");
        return SWITCH_FAILED;
    }
    if (switch_is_nicira(f->s)) {
        said = ask_nicira(run_dir, f, r, why, size);
    }
    return said == SWITCH_REFUSED ? ask10(run_dir, f, r, why, size) : said;
}

/* ---- words -------------------------------------------------------------------------------- */

/* Without --stats: no durations, counters and ages, and neither cookie nor table where they are 0.
 */
static void drop_stats(char *line)
{
    static const char *const always[] = {
        "duration=", "n_packets=", "n_bytes=", "idle_age=", "hard_age="};
    static const char *const zeros[] = {"cookie=0x0, ", "table=0, "};
    char *from = line, *to = line, *end;

    while ((end = strstr(from, ", ")) && !memchr(from, ' ', (size_t)(end - from))) {
        bool drop = false;

        end += 2;
        for (unsigned i = 0; i < sizeof always / sizeof always[0]; i++) {
            drop = drop || strncmp(from, always[i], strlen(always[i])) == 0;
        }
        for (unsigned i = 0; i < sizeof zeros / sizeof zeros[0]; i++) {
            drop = drop || strncmp(from, zeros[i], strlen(zeros[i])) == 0;
        }
        if (!drop) {
            memmove(to, from, (size_t)(end - from));
            to += end - from;
        }
        from = end;
    }
    memmove(to, from, strlen(from) + 1);
}

/* Is what ends at 'at' a place where a port's number follows? */
static bool port_follows(const char *line, const char *at)
{
    static const char *const before[] = {"in_port=",  "output:",      "enqueue:",   "resubmit(",
                                         "resubmit:", "output(port=", "watch_port:"};

    for (unsigned i = 0; i < sizeof before / sizeof before[0]; i++) {
        size_t len = strlen(before[i]);

        if ((size_t)(at - line) >= len && strncmp(at - len, before[i], len) == 0) {
            return true;
        }
    }
    return false;
}

/* Numbers of ports become names. */
static void put_names(const json_t *s, const char *line, struct text *to)
{
    char name[64];

    for (const char *p = line; *p;) {
        char *end;

        if (isdigit((unsigned char)*p) && p > line && !isdigit((unsigned char)p[-1]) &&
            port_follows(line, p) &&
            switch_port_name(s, (uint32_t)strtoul(p, &end, 10), name, sizeof name)) {
            text_say(to, "%s", name);
            p = end;
        } else {
            text_char(to, *p++);
        }
    }
}

static void words_of(const struct flows *f, char line[LINE])
{
    char named[LINE];
    struct text to;

    if (f->w->no_stats) {
        drop_stats(line);
    }
    if (f->w->names) {
        text_open(&to, named, sizeof named);
        put_names(f->s, line, &to);
        memcpy(line, named, sizeof named);
    }
    board_text(line, LINE);
}

/* A match without the priority before it. */
static const char *without_priority(const char *match)
{
    size_t digits = strncmp(match, "priority=", 9) == 0 ? strspn(match + 9, "0123456789") : 0;

    return digits == 0 ? match : match + 9 + digits + (match[9 + digits] == ',');
}

static json_t *object_of(const struct tree_node *n, const char *match, const char *line)
{
    const char *actions = strstr(line, "actions=");
    double seconds =
        (double)entry_number(n, "duration_sec") + (double)entry_number(n, "duration_nsec") / 1e9;
    char cookie[24];

    snprintf(cookie, sizeof cookie, "0x%llx", (unsigned long long)entry_number(n, "cookie"));
    return json_pack(
        "{s:i s:s s:i s:s s:s s:I s:I s:f s:i s:i}", "table", (int)entry_number(n, "table_id"),
        "cookie", cookie, "priority", (int)entry_number(n, "priority"), "match",
        without_priority(match), "actions", actions ? actions + 8 : "", "n_packets",
        (json_int_t)entry_number(n, "packet_count"), "n_bytes",
        (json_int_t)entry_number(n, "byte_count"), "duration_s", seconds, "idle_timeout",
        (int)entry_number(n, "idle_timeout"), "hard_timeout", (int)entry_number(n, "hard_timeout"));
}

/* ---- order -------------------------------------------------------------------------------- */

static struct sort_key key_of(const struct tree_node *n, const char *match, const char *field)
{
    static const struct {
        const char *word, *field;
    } numbers[] = {{"priority", "priority"},  {"table", "table_id"},
                   {"cookie", "cookie"},      {"n_packets", "packet_count"},
                   {"n_bytes", "byte_count"}, {"duration", "duration_sec"}};
    struct flow_value v;

    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(numbers[i].word, field) == 0) {
            return (struct sort_key){true, {0, entry_number(n, numbers[i].field)}};
        }
    }
    if (flow_field(match, field, &v)) {
        return (struct sort_key){true, {v.value[0], v.value[1]}};
    }
    return (struct sort_key){0};
}

static int by_keys(const void *x, const void *y, void *words)
{
    const struct flow *a = x, *b = y;
    const struct switch_words *w = words;

    for (unsigned i = 0; i < w->n_sorts; i++) {
        const struct sort_key *k = &a->keys[i], *l = &b->keys[i];
        int order = k->v[0] != l->v[0]   ? (k->v[0] < l->v[0] ? -1 : 1)
                    : k->v[1] != l->v[1] ? (k->v[1] < l->v[1] ? -1 : 1)
                                         : 0;

        if (k->has != l->has) {
            return k->has ? -1 : 1;
        }
        if (order != 0) {
            return w->sorts[i].down ? -order : order;
        }
    }
    return a->order < b->order ? -1 : 1;
}

static bool room_for_one(struct flows *f)
{
    if (f->n == f->room) {
        size_t room = f->room ? f->room * 2 : 1024;
        struct flow *more = realloc(f->list, room * sizeof *more);

        if (!more) {
            return false;
        }
        f->list = more;
        f->room = room;
    }
    return true;
}

/* ---- flows -------------------------------------------------------------------------------- */

static bool wanted(const struct flow_filter *f, const struct tree_node *n, const char *match)
{
    return (!f->has_table || entry_number(n, "table_id") == f->table) &&
           (!f->has_cookie || ((entry_number(n, "cookie") ^ f->cookie) & f->cookie_mask) == 0) &&
           flow_filter_match(f, match);
}

/* Appends it, or keeps it to be sorted.  False: no memory. */
static bool one_flow(struct flows *f, const struct tree *t, const struct tree_node *n)
{
    char line[LINE], match[LINE];
    struct flow *to;
    json_t *row;
    struct text text;

    text_open(&text, match, sizeof match);
    if (!f->w->lines || f->filter.n_terms > 0 || f->w->n_sorts > 0) {
        of_text_match(&text, t, n);
    }
    if (!wanted(&f->filter, n, match)) {
        return true;
    }
    text_open(&text, line, sizeof line);
    of_text_entry(&text, t, n);
    if (f->w->lines) {
        words_of(f, line);
        row = json_string(line);
    } else {
        row = object_of(n, match, line);
    }
    if (f->w->n_sorts == 0) {
        return json_array_append_new(f->rows, row) == 0;
    }
    if (!row || !room_for_one(f)) {
        json_decref(row);
        return false;
    }
    to = &f->list[f->n];
    *to = (struct flow){.row = row, .order = f->n++};
    for (unsigned i = 0; i < f->w->n_sorts; i++) {
        to->keys[i] = key_of(n, match, f->w->sorts[i].field);
    }
    return true;
}

static void append_sorted(struct flows *f)
{
    if (f->n > 0) {
        qsort_r(f->list, f->n, sizeof *f->list, by_keys, (void *)(uintptr_t)f->w);
    }
    for (size_t i = 0; i < f->n; i++) {
        json_array_append_new(f->rows, f->list[i].row);
    }
    free(f->list);
}

enum switch_shown switch_flows(const char *run_dir, const struct switch_words *w, const json_t *s,
                               json_t *rows, char *why, size_t size)
{
    struct flows f = {.w = w, .s = s, .rows = rows};
    const struct tree_node *n;
    struct replies r;
    bool memory = true, whole;

    if (!flow_filter_read(&f.filter, w->filter, s, why, size)) {
        return SWITCH_WRONG;
    }
    if (ask(run_dir, &f, &r, why, size) != SWITCH_ANSWERED) {
        return SWITCH_PARTLY;
    }
    while (memory && (n = replies_next(&r))) {
        memory = one_flow(&f, &r.tree, n);
    }
    append_sorted(&f);
    whole = memory && !r.cut && !r.wrong;
    if (!memory) {
        snprintf(why, size, "out of memory: not all flows are shown");
    } else if (r.cut) {
        snprintf(why, size,
                 "the switch has more flows than ofproxy keeps of an answer: ask for some of "
                 "them, as with table=N or cookie=C/MASK");
    } else if (r.wrong) {
        snprintf(why, size, "not all of the switch's answer is shown: %s: look at the switch's log",
                 r.wrong);
    }
    replies_free(&r);
    return whole ? SWITCH_WHOLE : SWITCH_PARTLY;
}
