/* ctl/say.c - sentences, tables, JSON. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl.h"

#define CELL 160

int ctl_fail(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "causeway: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    return 1;
}

int ctl_usage(const struct ctl *c, const char *format, ...)
{
    va_list args;

    (void)c;
    fprintf(stderr, "causeway: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, " (see causeway help)\n");
    return 2;
}

void ctl_print_json(const struct ctl *c, json_t *value)
{
    size_t flags = c->watch_s > 0 ? JSON_COMPACT : JSON_INDENT(2);

    json_dumpf(value, stdout, flags | JSON_ENCODE_ANY);
    printf("\n");
    fflush(stdout);
    json_decref(value);
}

static void cell(char text[CELL], const json_t *v)
{
    if (json_is_string(v) && json_string_value(v)[0]) {
        snprintf(text, CELL, "%s", json_string_value(v));
        board_text(text, CELL); /* a process that answers may be out of its mind */
    } else if (json_is_integer(v)) {
        snprintf(text, CELL, "%lld", (long long)json_integer_value(v));
    } else if (json_is_real(v)) {
        double d = json_real_value(v);

        snprintf(text, CELL, d > 0 && d < 10 ? "%.3f" : "%.1f", d);
    } else if (json_is_boolean(v)) {
        snprintf(text, CELL, "%s", json_is_true(v) ? "yes" : "no");
    } else {
        snprintf(text, CELL, "-");
    }
}

static const char *colour_of(const char *key, const char *text)
{
    static const struct {
        const char *word, *colour;
    } words[] = {{"ready", "\033[32m"},    {"reachable", "\033[32m"}, {"waiting", "\033[33m"},
                 {"starting", "\033[33m"}, {"resolving", "\033[33m"}, {"restarting", "\033[31m"},
                 {"down", "\033[31m"},     {"stuck", "\033[31m"}};

    if (strcmp(key, "state") == 0) {
        for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
            if (strcmp(words[i].word, text) == 0) {
                return words[i].colour;
            }
        }
    }
    return NULL;
}

static void print_cell(const struct ctl *c, const struct column *col, const char *text, int width,
                       bool last)
{
    const char *colour = c->colour ? colour_of(col->key, text) : NULL;
    int pad = width - (int)strlen(text);

    if (col->right) {
        printf("%*s", pad, "");
    }
    printf("%s%s%s", colour ? colour : "", text, colour ? "\033[0m" : "");
    if (!last) {
        printf("%*s  ", col->right ? 0 : pad, "");
    }
}

void ctl_table(const struct ctl *c, const json_t *rows, const struct column *columns)
{
    int width[16] = {0};
    char text[CELL];
    size_t n = 0;

    for (; columns[n].key && n < 16; n++) {
        width[n] = (int)strlen(columns[n].title);
        for (size_t r = 0; r < json_array_size(rows); r++) {
            cell(text, json_object_get(json_array_get(rows, r), columns[n].key));
            width[n] = (int)strlen(text) > width[n] ? (int)strlen(text) : width[n];
        }
    }
    for (size_t i = 0; i < n; i++) {
        struct column title = {"", "", columns[i].right};

        print_cell(c, &title, columns[i].title, width[i], i + 1 == n);
    }
    printf("\n");
    for (size_t r = 0; r < json_array_size(rows); r++) {
        for (size_t i = 0; i < n; i++) {
            cell(text, json_object_get(json_array_get(rows, r), columns[i].key));
            print_cell(c, &columns[i], text, width[i], i + 1 == n);
        }
        printf("\n");
    }
}

int ctl_watch(struct ctl *c, int (*show)(struct ctl *c))
{
    for (;;) {
        int status;

        if (c->watch_s > 0 && c->colour) {
            printf("\033[H\033[2J");
        }
        status = show(c);
        if (c->watch_s <= 0) {
            return status;
        }
        if (!c->json) {
            printf("\n");
        }
        fflush(stdout);
        ctl_pause_ms((unsigned)(c->watch_s * 1000));
    }
}

bool ctl_seconds(const struct ctl *c, const char *flag, const char *text, double low,
                 double *seconds)
{
    char *end;

    *seconds = strtod(text, &end);
    if (end == text || *end != '\0' || !(*seconds >= low && *seconds <= 86400)) {
        ctl_usage(c, "%s is '%s', expected seconds from %g to 86400", flag, text, low);
        return false;
    }
    return true;
}

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
    (void)signal;
    stopped = 1;
}

void ctl_catch_signals(int flags)
{
    const struct sigaction stop = {.sa_handler = on_signal, .sa_flags = flags};

    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
}

bool ctl_stopped(void)
{
    return stopped != 0;
}

void ctl_duration(char *text, size_t size, double seconds)
{
    long s = (long)seconds;

    if (s < 60) {
        snprintf(text, size, "%.1f s", seconds);
    } else if (s < 86400) {
        snprintf(text, size, "%02ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    } else {
        snprintf(text, size, "%ldd %02ld:%02ld:%02ld", s / 86400, s / 3600 % 24, s / 60 % 60,
                 s % 60);
    }
}

void ctl_pause_ms(unsigned ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

uint64_t ctl_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
