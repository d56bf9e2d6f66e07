/* shm/view/switch_topic.c - the topics that ask a switch, and which switches they ask. */
#include <stdio.h>
#include <string.h>

#include "shm/view/switch.h"

static const struct {
    const char *name;
    enum switch_shown (*rows)(const char *run_dir, const struct switch_words *w, const json_t *s,
                              json_t *rows, char *why, size_t size);
    bool every; /* without a switch's name: all of them */
} topics[] = {{"flows", switch_flows, false},  {"groups", switch_pairs, false},
              {"meters", switch_pairs, false}, {"ports", switch_ports, true},
              {"queues", switch_queues, true}, {"tables", switch_tables, true}};
#define N_TOPICS (sizeof topics / sizeof topics[0])

static unsigned find(const char *topic)
{
    unsigned i = 0;

    while (i + 1 < N_TOPICS && strcmp(topics[i].name, topic) != 0) {
        i++;
    }
    return i;
}

bool switch_topic_of_every(const char *topic)
{
    return topics[find(topic)].every;
}

enum switch_shown switch_rows(const char *run_dir, const struct switch_words *w, const json_t *s,
                              json_t *rows, char *why, size_t size)
{
    why[0] = '\0';
    return topics[find(w->topic)].rows(run_dir, w, s, rows, why, size);
}

/* All rows that there are; the last sentence of those that say what is missing. */
static enum switch_shown rows_of_all(const char *run_dir, const struct switch_words *w,
                                     const json_t *list, json_t *rows, char *why, size_t size)
{
    enum switch_shown all = SWITCH_WHOLE;
    char one[1500];

    for (size_t i = 0; i < json_array_size(list); i++) {
        enum switch_shown shown =
            switch_rows(run_dir, w, json_array_get(list, i), rows, one, sizeof one);

        if (shown != SWITCH_WHOLE) {
            snprintf(why, size, "%s", one);
            all = shown;
        }
    }
    return all;
}

enum switch_shown switch_rows_of(const char *run_dir, const struct switch_words *w, json_t *rows,
                                 char *why, size_t size)
{
    json_t *list = switch_list(run_dir, why, size), *one;
    enum switch_shown shown = SWITCH_NONE;

    if (!list) {
        return SWITCH_UNKNOWN;
    }
    if (switch_topic_of_every(w->topic) && !w->name) {
        shown = rows_of_all(run_dir, w, list, rows, why, size);
    } else if ((one = switch_find(list, w->name, why, size))) {
        shown = switch_rows(run_dir, w, one, rows, why, size);
    }
    json_decref(list);
    return shown;
}

json_t *switch_topic(const char *run_dir, const char *topic, const json_t *params, char *why,
                     size_t size)
{
    const char *filter = json_string_value(json_object_get(params, "filter"));
    const struct switch_words w = {.topic = topic,
                                   .name = json_string_value(json_object_get(params, "switch")),
                                   .filter = filter ? filter : "",
                                   .all = json_is_true(json_object_get(params, "all"))};
    json_t *rows = json_array();

    if (switch_rows_of(run_dir, &w, rows, why, size) != SWITCH_WHOLE &&
        json_array_size(rows) == 0) {
        json_decref(rows);
        return NULL;
    }
    return rows;
}
