/* common/log.c - a line is put together on the stack and written with one write(2). */
#include "common/log.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LAST_WORDS_MS 1000 /* for the sentence that a process ends with */

static const char *process_name = "causeway";
static enum log_format line_format = LOG_TEXT;
static enum log_level max_level = LOG_INFO;
static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_open(const char *process, enum log_format format)
{
    process_name = process;
    line_format = format;
}

void log_set_level(enum log_level level)
{
    __atomic_store_n(&max_level, level, __ATOMIC_RELAXED); /* set by the control thread */
}

bool log_level_parse(const char *word, enum log_level *level)
{
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(word, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

void log_timestamp(char text[LOG_TIMESTAMP])
{
    struct timespec t;
    struct tm tm;
    size_t n;

    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    n = strftime(text, LOG_TIMESTAMP, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, LOG_TIMESTAMP - n, ".%03ldZ", t.tv_nsec / 1000000);
}

/* One byte of a message as JSON or text wants it; a peer's control bytes never reach a terminal. */
static size_t escape(char *to, unsigned char c, bool json)
{
    if (json && (c == '"' || c == '\\')) {
        to[0] = '\\';
        to[1] = (char)c;
        return 2;
    }
    if (c < 0x20 || c >= 0x7f) { /* what is no ASCII may be no UTF-8, or hide control characters */
        return (size_t)snprintf(to, 7, json ? "\\u%04x" : "\\x%02x", c);
    }
    to[0] = (char)c;
    return 1;
}

/* Returns the line's length: at most PIPE_BUF, which a pipe takes whole or not at all. */
static size_t compose(char line[PIPE_BUF], enum log_level level, const char *message)
{
    bool json = line_format == LOG_JSON;
    char when[LOG_TIMESTAMP];
    size_t n;

    log_timestamp(when);
    n = (size_t)snprintf(
        line, PIPE_BUF,
        json ? "{\"time\":\"%s\",\"process\":\"%s\",\"level\":\"%s\",\"message\":\"" : "%s %s %s ",
        when, process_name, level_names[level]);
    for (const char *c = message; *c && n < PIPE_BUF - 16; c++) {
        n += escape(line + n, (unsigned char)*c, json);
    }
    return n + (size_t)snprintf(line + n, PIPE_BUF - n, json ? "\"}\n" : "\n");
}

/* A logger that is stopped, or whose disk is full, leaves its pipe full: whoever wrote to it then
 * would stand still.  Waits 'patience_ms' at most; what is left out is counted, and said later. */
static void write_line(enum log_level level, int patience_ms, const char *format, va_list args)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the look and the write are one */
    static unsigned left_out;
    struct pollfd f = {.fd = STDERR_FILENO, .events = POLLOUT};
    char message[1024], line[PIPE_BUF];
    size_t n;

    vsnprintf(message, sizeof message, format, args);
    n = compose(line, level, message);
    pthread_mutex_lock(&lock);
    if (poll(&f, 1, patience_ms) > 0 && write(STDERR_FILENO, line, n) > 0) {
        if (left_out > 0 && poll(&f, 1, 0) > 0) {
            snprintf(
                message, sizeof message,
                "log lines left out count=%u cause=\"nobody took them: is the logger stopped, or "
                "its disk full?\"",
                left_out);
            n = compose(line, LOG_WARN, message);
            left_out = write(STDERR_FILENO, line, n) > 0 ? 0 : left_out;
        }
    } else {
        left_out++;
    }
    pthread_mutex_unlock(&lock);
}

void log_line(enum log_level level, const char *format, ...)
{
    va_list args;

    if (level > __atomic_load_n(&max_level, __ATOMIC_RELAXED)) {
        return;
    }
    va_start(args, format);
    write_line(level, 0, format, args);
    va_end(args);
}

void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line(LOG_ERROR, LAST_WORDS_MS, format, args);
    va_end(args);
    exit(1);
}

void die_usage(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s: ", process_name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    exit(2);
}
