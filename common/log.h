/* common/log.h - one line for each change of state, on standard error.
 *
 *     log_open("router", LOG_TEXT);
 *     log_info("neighbour resolved ip=%s mac=%s", ip, mac);
 *
 * Text: "2026-11-21T08:00:00.123Z router info neighbour resolved ip=..."; JSON: one object a line
 * with the keys time, process, level, message.  A line is one write(2), so lines of several
 * processes on one descriptor do not mix.  A line that nobody takes at once is left out, and
 * counted: a logger that stands still stops no process.  Safe from any thread.  Nothing here logs
 * packets. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

enum log_format { LOG_TEXT, LOG_JSON };
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Names the process in every later line; 'process' must live as long as the program. */
void log_open(const char *process, enum log_format format);
/* Lines above 'level' are not written.  LOG_INFO until set. */
void log_set_level(enum log_level level);
/* Takes "error", "warn", "info" or "debug".  Returns false for any other word. */
bool log_level_parse(const char *word, enum log_level *level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#define LOG_TIMESTAMP 40
/* The time as a line has it. */
void log_timestamp(char text[LOG_TIMESTAMP]);

/* A failure at start: logs one sentence (cause, then cure) at level error and exits with 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A mistake on the command line or in the configuration: the same, and exits with 2. */
_Noreturn void die_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
