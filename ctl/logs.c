/* ctl/logs.c - the logs that s6-log keeps in <run_dir>/log; lines of several processes by time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/service.h"

struct line {
    char *text;
    enum topo_process process;
    unsigned number; /* in its file: lines of one moment keep their order */
};
struct lines {
    struct line *line;
    size_t n, room;
};

static void add(struct lines *l, enum topo_process p, const char *text, unsigned number)
{
    if (l->n == l->room) {
        l->room = l->room ? 2 * l->room : 256;
        l->line = realloc(l->line, l->room * sizeof *l->line);
    }
    if (!l->line || !(l->line[l->n].text = strdup(text))) {
        exit(ctl_fail("out of memory for the log lines"));
    }
    l->line[l->n].process = p;
    l->line[l->n++].number = number;
}

static void read_log(const struct ctl *c, enum topo_process p, struct lines *l)
{
    char path[PATH_MAX + 64], *text = NULL;
    size_t room = 0;
    unsigned number = 0;
    FILE *f;

    service_log_path(c, p, path, sizeof path);
    f = fopen(path, "re");
    if (!f) {
        return;
    }
    while (getline(&text, &room, f) > 0) {
        text[strcspn(text, "\n")] = '\0';
        add(l, p, text, number++);
    }
    free(text);
    fclose(f);
}

static int by_time(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int d;

    if (x->process == y->process) {
        return x->number < y->number ? -1 : 1;
    }
    d = strncmp(x->text, y->text, 24); /* lines begin with the time, alike in text and JSON */
    return d ? d : (int)x->process - (int)y->process;
}

static void print_lines(const struct ctl *c, const struct lines *l, size_t last)
{
    json_t *list = json_array();

    for (size_t i = l->n > last ? l->n - last : 0; i < l->n; i++) {
        if (c->json) {
            json_array_append_new(list, json_pack("{s:s s:s}", "process",
                                                  topo_process_name(l->line[i].process), "line",
                                                  l->line[i].text));
        } else {
            printf("%s\n", l->line[i].text);
        }
    }
    if (c->json) {
        ctl_print_json(c, list);
    } else {
        json_decref(list);
    }
}

/* coreutils' tail knows how to follow files through their rotation. */
static int follow(const struct ctl *c, const bool which[TOPO_PROCESSES], const char *last)
{
    char path[TOPO_PROCESSES][PATH_MAX + 64];
    const char *argv[8 + TOPO_PROCESSES] = {"tail", "-q", "-n", last, "-F"};
    unsigned n = 5;

    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        if (which[p]) {
            service_log_path(c, (enum topo_process)p, path[p], sizeof path[p]);
            argv[n++] = path[p];
        }
    }
    fflush(stdout);
    execvp("tail", (char *const *)(uintptr_t)argv);
    return ctl_fail("cannot start tail: %s", strerror(errno));
}

int cmd_logs(struct ctl *c)
{
    bool which[TOPO_PROCESSES] = {false}, on = false;
    const char *last = "40";
    char log[PATH_MAX + 16];
    struct lines l = {0};
    unsigned n = 0;

    for (int i = 1; i < c->argc; i++) {
        enum topo_process p;

        if (strcmp(c->argv[i], "-f") == 0) {
            on = true;
        } else if (strcmp(c->argv[i], "-n") == 0 && i + 1 < c->argc) {
            last = c->argv[++i];
            if (last[0] == '\0' || last[strspn(last, "0123456789")] != '\0') {
                return ctl_usage(c, "-n is '%s', expected a number of lines", last);
            }
        } else if (ctl_process(c->argv[i], &p)) {
            which[p] = true;
            n++;
        } else {
            return ctl_usage(c, "logs: there is no process '%s', expected %s", c->argv[i],
                             ctl_process_names(NULL));
        }
    }
    snprintf(log, sizeof log, "%s/log", c->run_dir);
    if (access(log, R_OK | X_OK) != 0) {
        return ctl_fail("%s: %s: logs are kept for a stack started by 'causeway up'; a process "
                        "started by hand writes to its own terminal",
                        log, strerror(errno));
    }
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        which[p] |= n == 0 && stack_has(c, (enum topo_process)p);
        if (which[p] && !on) {
            read_log(c, (enum topo_process)p, &l);
        }
    }
    if (on) {
        return follow(c, which, last);
    }
    if (l.n > 0) {
        qsort(l.line, l.n, sizeof *l.line, by_time);
    }
    print_lines(c, &l, strtoul(last, NULL, 10));
    for (size_t i = 0; i < l.n; i++) {
        free(l.line[i].text);
    }
    free(l.line);
    return 0;
}
