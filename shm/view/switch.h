/* shm/view/switch.h - a switch as an operator names it, what it answers, and the topics that ask
 * one: flows, groups, meters, ports, queues, tables.
 *
 *     list = switch_list(run_dir, why, sizeof why);
 *     s = switch_find(list, "sw0", why, sizeof why);
 *     switch_rows(run_dir, &words, s, rows, why, sizeof why)
 *
 * which asks by
 *
 *     switch_ask(run_dir, s, "statistics", OF13_MULTIPART_PORT, body, len, &replies, why, ...)
 *     while ((n = replies_next(&replies))) { of_text_entry(&line, &replies.tree, n); }
 *     replies_free(&replies); */
#ifndef SHM_VIEW_SWITCH_H
#define SHM_VIEW_SWITCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/proto/of10.h"
#include "common/proto/of13.h"
#include "common/proto/of_text.h"

/* ---- names (switch_find.c) ------------------------------------------------------------------ */

/* The connected switches as ofproxy's "switches" lists them, without auxiliary connections and
 * those that have not said who they are.  NULL: 'why'. */
json_t *switch_list(const char *run_dir, char *why, size_t size);
/* The one that 'word' names, borrowed: a datapath-id in any usual writing, its own name, its peer,
 * or a unique beginning of one of these; with 'word' NULL the only one there is.  NULL: a sentence
 * that lists those there are. */
json_t *switch_find(const json_t *list, const char *word, char *why, size_t size);
/* What it calls itself: its bridge's name, else its datapath-id. */
const char *switch_name(const json_t *s, char *text, size_t size);
uint64_t switch_dpid(const json_t *s);
bool switch_is13(const json_t *s);
/* Does it say that it knows Nicira's messages? */
bool switch_is_nicira(const json_t *s);
/* The name of a port in quotes where ovs-ofctl would have them, or NULL; and its number by its name
 * (quotes or not).  A port's number is as 1.3 has it. */
const char *switch_port_name(const json_t *s, uint32_t port, char *text, size_t size);
bool switch_port_number(const json_t *s, const char *name, uint32_t *port);

/* ---- questions (switch_ask.c) --------------------------------------------------------------- */

enum switch_said { SWITCH_ANSWERED, SWITCH_REFUSED, SWITCH_FAILED };

struct replies {
    const struct of_version *version;
    uint8_t *bytes; /* whole messages */
    size_t len, at;
    bool cut; /* ofproxy had no room for all */
    struct tree tree;
    void *memory;
    const struct tree_node *entry;
    const char *wrong; /* a message could not be read */
};
/* As ofproxy/view.h has it.  REFUSED and FAILED: the sentence is in 'why'. */
enum switch_said switch_ask(const char *run_dir, const json_t *s, const char *message,
                            unsigned type, const void *body, size_t len, struct replies *r,
                            char *why, size_t size);
/* The next entry of all messages, in r->tree until the next call; NULL: that was the last. */
const struct tree_node *replies_next(struct replies *r);
void replies_free(struct replies *r);
/* An integer field of an entry by its name (0: it has none such), and whether it has. */
uint64_t entry_number(const struct tree_node *n, const char *field);
bool entry_has(const struct tree_node *n, const char *field);

/* ---- the topics (switch_topic.c, switch_flows.c, switch_parts.c) ----------------------------- */

#define SWITCH_SORTS 4
struct switch_words {
    const char *topic, *name; /* name: of the switch, NULL: not given */
    const char *filter;       /* flows; "" */
    bool lines;               /* flows: each row is a text, in the words of ovs-ofctl */
    bool names, no_stats;     /* of those */
    bool all;                 /* tables: those that nobody uses, too */
    unsigned n_sorts;
    struct {
        const char *field;
        bool down;
    } sorts[SWITCH_SORTS];
};

/* WRONG: the words are; PARTLY: some rows are missing; NONE: there is no such switch; UNKNOWN: nor
 * is known which there are.  But for WHOLE 'why' has a sentence. */
enum switch_shown { SWITCH_WHOLE, SWITCH_PARTLY, SWITCH_WRONG, SWITCH_NONE, SWITCH_UNKNOWN };

/* Is it one of the topics that, without a switch's name, mean all of them? */
bool switch_topic_of_every(const char *topic);
/* Appends the rows of one switch. */
enum switch_shown switch_rows(const char *run_dir, const struct switch_words *w, const json_t *s,
                              json_t *rows, char *why, size_t size);
/* The same of those that the words mean: one, or every one. */
enum switch_shown switch_rows_of(const char *run_dir, const struct switch_words *w, json_t *rows,
                                 char *why, size_t size);
/* As view_show has it. */
json_t *switch_topic(const char *run_dir, const char *topic, const json_t *params, char *why,
                     size_t size);

/* What switch_rows is made of. */
enum switch_shown switch_flows(const char *run_dir, const struct switch_words *w, const json_t *s,
                               json_t *rows, char *why, size_t size);
enum switch_shown switch_pairs(const char *run_dir, const struct switch_words *w, const json_t *s,
                               json_t *rows, char *why, size_t size);
enum switch_shown switch_ports(const char *run_dir, const struct switch_words *w, const json_t *s,
                               json_t *rows, char *why, size_t size);
enum switch_shown switch_queues(const char *run_dir, const struct switch_words *w, const json_t *s,
                                json_t *rows, char *why, size_t size);
enum switch_shown switch_tables(const char *run_dir, const struct switch_words *w, const json_t *s,
                                json_t *rows, char *why, size_t size);

#endif
