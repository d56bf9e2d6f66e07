/* ctl/show_switch.c - the words of `causeway show` flows, groups, meters, ports, queues, tables,
 * and which switches they are asked of. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "shm/view/flow_filter.h"
#include "shm/view/switch.h"

static const struct column port_columns[] = {
    {"switch", "SWITCH", false},   {"port", "PORT", true},        {"name", "NAME", false},
    {"mac", "MAC", false},         {"state", "STATE", false},     {"speed_mbps", "Mbit/s", true},
    {"rx_packets", "RX", true},    {"rx_bytes", "BYTES", true},   {"rx_dropped", "DROPS", true},
    {"rx_errors", "ERRORS", true}, {"tx_packets", "TX", true},    {"tx_bytes", "BYTES", true},
    {"tx_dropped", "DROPS", true}, {"tx_errors", "ERRORS", true}, {NULL, NULL, false}};
static const struct column queue_columns[] = {
    {"switch", "SWITCH", false},    {"port", "PORT", true},
    {"queue", "QUEUE", true},       {"min_rate", "MIN 0.1%", true},
    {"max_rate", "MAX 0.1%", true}, {"tx_packets", "PACKETS", true},
    {"tx_bytes", "BYTES", true},    {"tx_errors", "ERRORS", true},
    {"duration_s", "AGE s", true},  {NULL, NULL, false}};
static const struct column table_columns[] = {
    {"switch", "SWITCH", false},   {"table", "TABLE", true},     {"name", "NAME", false},
    {"active", "FLOWS", true},     {"lookups", "LOOKUPS", true}, {"matched", "MATCHED", true},
    {"max_entries", "MOST", true}, {NULL, NULL, false}};

static const struct switch_table {
    const char *name;
    const struct column *columns; /* NULL: it is lines */
} topics[] = {{"flows", NULL},         {"groups", NULL},          {"meters", NULL},
              {"ports", port_columns}, {"queues", queue_columns}, {"tables", table_columns}};
#define N_TOPICS (sizeof topics / sizeof topics[0])

/* ---- words -------------------------------------------------------------------------------- */

static bool is_flows(const struct switch_words *w)
{
    return strcmp(w->topic, "flows") == 0;
}

/* --sort[=FIELD] and --rsort[=FIELD].  Returns 0 or the exit status. */
static int add_sort(const struct ctl *c, struct switch_words *w, const char *word)
{
    static const char *const others[] = {"priority",  "table",   "cookie",
                                         "n_packets", "n_bytes", "duration"};
    const char *equals = strchr(word, '='), *field = equals ? equals + 1 : "priority";
    const char *known = flow_field_name(field);

    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
        known = strcmp(others[i], field) == 0 ? others[i] : known;
    }
    if (!known) {
        return ctl_usage(c,
                         "cannot sort by '%s': expected priority, table, cookie, n_packets, "
                         "n_bytes, duration or a field of a match",
                         field);
    }
    if (w->n_sorts == SWITCH_SORTS) {
        return ctl_usage(c, "more than %d fields to sort by: leave some out", SWITCH_SORTS);
    }
    w->sorts[w->n_sorts].field = known;
    w->sorts[w->n_sorts++].down = word[2] == 'r';
    return 0;
}

static bool is_sort(const char *word)
{
    const char *from = strncmp(word, "--rsort", 7) == 0 ? word + 7 : word + 6;

    return (strncmp(word, "--rsort", 7) == 0 || strncmp(word, "--sort", 6) == 0) &&
           (*from == '\0' || *from == '=');
}

/* Returns 0 or the exit status. */
static int one_option(const struct ctl *c, struct switch_words *w, const char *word)
{
    bool flows = is_flows(w), tables = strcmp(w->topic, "tables") == 0;

    if (flows && is_sort(word)) {
        return add_sort(c, w, word);
    }
    if (flows && strcmp(word, "--no-stats") == 0) {
        w->no_stats = true;
    } else if (flows && strcmp(word, "--stats") == 0) {
        w->no_stats = false;
    } else if (flows && strcmp(word, "--names") == 0) {
        w->names = true;
    } else if (flows && strcmp(word, "--no-names") == 0) {
        w->names = false;
    } else if (tables && strcmp(word, "--all") == 0) {
        w->all = true;
    } else {
        return ctl_usage(c, "show %s does not know '%s', expected %s", w->topic, word,
                         flows    ? "--sort, --rsort, --no-stats, --names or --no-names"
                         : tables ? "--all"
                                  : "no flag");
    }
    return 0;
}

/* Is a lone word a flow, and not a switch? */
static bool is_filter(const char *word)
{
    return strpbrk(word, "=,") != NULL;
}

/* Returns 0 or the exit status. */
static int read_words(const struct ctl *c, struct switch_words *w, const char *topic)
{
    *w = (struct switch_words){
        .topic = topic, .filter = "", .lines = !c->json, .names = !c->json && isatty(1)};
    for (int i = 2; i < c->argc; i++) {
        const char *word = c->argv[i];
        int status = 0;

        if (word[0] == '-') {
            status = one_option(c, w, word);
        } else if (!w->name && !(is_flows(w) && is_filter(word))) {
            w->name = word;
        } else if (is_flows(w) && !w->filter[0]) {
            w->filter = word;
        } else {
            status = ctl_usage(c, "show %s takes one switch%s, '%s' is too much", topic,
                               is_flows(w) ? " and one flow" : "", word);
        }
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/* ---- switches ----------------------------------------------------------------------------- */

static const struct switch_table *table_of(const char *name)
{
    unsigned i = 0;

    while (i + 1 < N_TOPICS && strcmp(topics[i].name, name) != 0) {
        i++;
    }
    return &topics[i];
}

/* Of one switch.  Returns the exit status. */
static int show_one(const struct ctl *c, const struct switch_words *w, const json_t *s,
                    json_t *rows)
{
    char why[1500] = "";
    enum switch_shown shown = switch_rows(c->run_dir, w, s, rows, why, sizeof why);

    return shown == SWITCH_WHOLE   ? 0
           : shown == SWITCH_WRONG ? ctl_usage(c, "%s", why)
                                   : ctl_fail("%s", why);
}

static int show_each(struct ctl *c, const struct switch_words *w, const json_t *list, json_t *rows)
{
    size_t n = json_array_size(list);
    int status = 0;
    char why[900];
    json_t *one;

    if (switch_topic_of_every(w->topic) && !w->name && n > 0) {
        for (size_t i = 0; i < n; i++) {
            status |= show_one(c, w, json_array_get(list, i), rows);
        }
        return status;
    }
    one = switch_find(list, w->name, why, sizeof why);
    return one ? show_one(c, w, one, rows) : ctl_fail("%s", why);
}

/* Flows are texts; of groups and meters there is what was counted below. */
static void print_lines(const json_t *rows)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *stats = json_string_value(json_object_get(row, "stats"));

        printf(" %s\n",
               json_string_value(json_is_string(row) ? row : json_object_get(row, "text")));
        if (stats) {
            printf("     %s\n", stats);
        }
    }
}

/* Once: what --watch repeats. */
static int show_once(struct ctl *c)
{
    const struct switch_table *t = table_of(c->argv[1]);
    struct switch_words w;
    char why[900];
    json_t *list, *rows;
    int status = read_words(c, &w, t->name);

    if (status != 0) {
        return status;
    }
    list = switch_list(c->run_dir, why, sizeof why);
    if (!list) {
        return ctl_fail("%s", why);
    }
    rows = json_array();
    status = show_each(c, &w, list, rows);
    json_decref(list);
    if (status == 0 || json_array_size(rows) > 0) {
        if (c->json) {
            ctl_print_json(c, json_incref(rows));
        } else if (t->columns) {
            ctl_table(c, rows, t->columns);
        } else {
            print_lines(rows);
        }
    }
    json_decref(rows);
    return status;
}

int switch_show(struct ctl *c, const char *topic)
{
    struct switch_words w;
    int status = read_words(c, &w, topic);

    c->argv[1] = (char *)(uintptr_t)topic; /* in full */
    return status != 0 ? status : ctl_watch(c, show_once);
}
