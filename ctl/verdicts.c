/* ctl/verdicts.c - `causeway show verdicts`: what became of every frame, and does it add up.
 *
 * Three tables: what must hold in each process at every moment, what the rings between them carry,
 * and who dropped how many frames for which reason.  (shm/view/view_verdicts.c makes
 * them.)  Exit status 1 if something does not hold. */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

static const char *word_of(const json_t *row)
{
    return json_is_true(json_object_get(row, "holds")) ? "holds" : "DOES NOT HOLD";
}

/* "10 received = 7 forwarded + 3 dropped"; a part that is 0 is left out unless 'all'. */
static void print_sum(const json_t *row, bool all)
{
    const char *name, *plus = "=";
    json_t *part;

    printf("  %lld %s", (long long)json_integer_value(json_object_get(row, "value")),
           json_string_value(json_object_get(row, "whole")));
    json_object_foreach(json_object_get(row, "parts"), name, part)
    {
        if (all || json_integer_value(part) != 0) {
            printf(" %s %lld %s", plus, (long long)json_integer_value(part), name);
            plus = "+";
        }
    }
    printf(": %s\n", word_of(row));
}

static void print_accounts(const json_t *list, bool all)
{
    const char *before = "";
    const json_t *row;
    size_t i;

    json_array_foreach(list, i, row)
    {
        const char *process = json_string_value(json_object_get(row, "process"));

        if (strcmp(process, before) != 0) {
            printf("%s%s\n", i > 0 ? "\n" : "", process);
            before = process;
        }
        if (all || json_integer_value(json_object_get(row, "value")) != 0 ||
            !json_is_true(json_object_get(row, "holds"))) {
            print_sum(row, all);
        }
    }
}

static void print_verdicts(const struct ctl *c, const json_t *v)
{
    static const struct column ring_columns[] = {
        {"ring", "RING", false},    {"from", "FROM", false},      {"to", "TO", false},
        {"in", "COUNTED IN", true}, {"out", "COUNTED OUT", true}, {"under_way", "UNDER WAY", true},
        {NULL, NULL, false}};
    static const struct column drop_columns[] = {{"reason", "DROPPED FOR", false},
                                                 {"dropped", "FRAMES", true},
                                                 {"ofproxy", "BY OFPROXY", true},
                                                 {"vnsbridge", "VNSBRIDGE", true},
                                                 {"router", "ROUTER", true},
                                                 {"under_way", "UNDER WAY", true},
                                                 {"text", "", false},
                                                 {NULL, NULL, false}};

    print_accounts(json_object_get(v, "accounts"), c->all);
    printf("\n");
    ctl_table(c, json_object_get(v, "rings"), ring_columns);
    if (json_array_size(json_object_get(v, "drops")) > 0) {
        printf("\n");
        ctl_table(c, json_object_get(v, "drops"), drop_columns);
    }
    printf("\n%s\n", json_is_true(json_object_get(v, "holds"))
                         ? "All of it adds up."
                         : "SOMETHING DOES NOT ADD UP: that is a bug; please keep this output.");
}

int verdicts_show(struct ctl *c)
{
    json_t *v = show_rows(c, "verdicts", json_pack("{s:b}", "all", (int)c->all));
    bool holds;

    if (!v) {
        return 1;
    }
    holds = json_is_true(json_object_get(v, "holds"));
    if (c->json) {
        ctl_print_json(c, v);
    } else {
        print_verdicts(c, v);
        json_decref(v);
    }
    return holds ? 0 : 1;
}
