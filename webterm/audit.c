/* webterm/audit.c */
#include "webterm/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define LINE 2048

int audit_open(struct audit *a, const char *path, char *why, size_t why_size)
{
    *a = (struct audit){.fd = -1};
    if (path[0] == '\0') {
        return 0;
    }
    a->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (a->fd < 0) {
        int err = errno;

        snprintf(why, why_size, "audit: %s cannot be written: %s: make its folder, or name another",
                 path, strerror(err));
        return -err;
    }
    return 0;
}

void audit_close(struct audit *a)
{
    if (a->fd >= 0) {
        close(a->fd);
        a->fd = -1;
    }
}

void audit_escape(char *to, size_t size, const char *text)
{
    size_t n = 0;

    for (; *text && n + 5 < size; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x20 || c == 0x7f) {
            n += (size_t)snprintf(to + n, size - n, "\\x%02x", c);
        } else if (c == '\\') {
            n += (size_t)snprintf(to + n, size - n, "\\\\");
        } else {
            to[n++] = (char)c;
        }
    }
    to[n] = '\0';
}

static void write_line(struct audit *a, const char *who, const char *text)
{
    char line[LINE + 200], when[LOG_TIMESTAMP];
    int n;

    log_timestamp(when);
    n = snprintf(line, sizeof line, "%s %s %s\n", when, who, text);
    if (write(a->fd, line, (size_t)n) == n) {
        a->failed = false;
        return;
    }
    a->lost++;
    if (!a->failed) {
        log_error("audit lines are lost cause=\"%s\" cure=\"free space on its file system\"",
                  strerror(errno));
    }
    a->failed = true;
}

void audit_line(struct audit *a, const char *peer, int session, const char *format, ...)
{
    char raw[LINE / 2], text[LINE], who[160];
    va_list args;

    va_start(args, format);
    vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    audit_escape(text, sizeof text, raw);
    if (session == AUDIT_NO_SESSION) {
        snprintf(who, sizeof who, "peer=%s", peer);
    } else {
        snprintf(who, sizeof who, "peer=%s session=%d", peer, session);
    }
    if (a->fd >= 0) {
        write_line(a, who, text);
    } else {
        log_info("audit %s %s", who, text);
    }
}
