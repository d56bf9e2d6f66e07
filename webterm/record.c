/* webterm/record.c - asciicast v2: a header line, then [seconds, "o", "text"] a line. */
#include "webterm/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 4096
#define END ".cast"

/* ---- an event ------------------------------------------------------------------------------ */

/* How many bytes a character has that begins so; 0: none does. */
static size_t length_of(uint8_t b)
{
    if (b < 0x80) {
        return 1;
    }
    return b >= 0xc2 && b < 0xe0 ? 2 : b >= 0xe0 && b < 0xf0 ? 3 : b >= 0xf0 && b < 0xf5 ? 4 : 0;
}

/* Is the second byte one that may follow the first?  (No overlong forms, no surrogates.) */
static bool second_holds(uint8_t first, uint8_t second)
{
    if (first == 0xe0) {
        return second >= 0xa0;
    }
    if (first == 0xed) {
        return second < 0xa0;
    }
    return first == 0xf0 ? second >= 0x90 : first != 0xf4 || second < 0x90;
}

/* Of the bytes of one character, how many hold together: all that it needs, or fewer. */
static size_t holding(const uint8_t *bytes, size_t need, size_t len)
{
    size_t n = 1;

    while (n < need && n < len && (bytes[n] & 0xc0) == 0x80 &&
           (n > 1 || second_holds(bytes[0], bytes[1]))) {
        n++;
    }
    return n;
}

static size_t put_char(char *to, const uint8_t *bytes, size_t n)
{
    if (n == 1 && (bytes[0] == '"' || bytes[0] == '\\')) {
        to[0] = '\\';
        to[1] = (char)bytes[0];
        return 2;
    }
    if (n == 1 && (bytes[0] < 0x20 || bytes[0] == 0x7f)) {
        return (size_t)sprintf(to, "\\u%04x", bytes[0]);
    }
    memcpy(to, bytes, n);
    return n;
}

/* Puts whole characters.  Returns how many bytes of the end only begin one. */
static size_t put_text(char *to, size_t *n, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t need = length_of(bytes[i]), have = need ? holding(bytes + i, need, len - i) : 1;

        if (need && have < need && i + have == len) {
            return have;
        }
        *n += need && have == need ? put_char(to + *n, bytes + i, need)
                                   : put_char(to + *n, (const uint8_t *)"\xef\xbf\xbd", 3);
        i += have;
    }
    return 0;
}

size_t record_event(char *to, double seconds, const uint8_t *bytes, size_t len, uint8_t cut[4],
                    size_t *cut_len)
{
    size_t n = (size_t)sprintf(to, "[%.6f, \"o\", \"", seconds), empty = n, head = 0;

    while (*cut_len > 0 && head < len) {
        /* the character that was cut, byte by byte: 'cut' holds at most three of it */
        uint8_t whole[4];
        size_t have = *cut_len;

        memcpy(whole, cut, have);
        whole[have] = bytes[head];
        if (holding(whole, length_of(whole[0]), have + 1) == have) {
            n += put_char(to + n, (const uint8_t *)"\xef\xbf\xbd", 3); /* it does not go on */
            *cut_len = 0;
            break;
        }
        head++;
        cut[(*cut_len)++] = whole[have];
        if (*cut_len == length_of(whole[0])) {
            n += put_char(to + n, cut, *cut_len);
            *cut_len = 0;
        }
    }
    if (head < len) {
        *cut_len = put_text(to, &n, bytes + head, len - head);
        memcpy(cut, bytes + len - *cut_len, *cut_len);
    }
    if (n == empty) {
        return 0;
    }
    memcpy(to + n, "\"]\n", 3);
    return n + 3;
}

/* ---- a recording --------------------------------------------------------------------------- */

static bool put(struct recording *r, const char *text, size_t len)
{
    if (r->fd < 0 || r->failed) {
        return false;
    }
    if (r->size + len > RECORD_MOST || write(r->fd, text, len) != (ssize_t)len) {
        r->failed = true; /* a line that is there in part ends it, for every player */
        return false;
    }
    r->size += len;
    return true;
}

static double since(const struct recording *r, uint64_t now_ns)
{
    return now_ns > r->start_ns ? (double)(now_ns - r->start_ns) / 1e9 : 0;
}

static uint64_t bytes_in(int folder)
{
    json_t *list = record_list(folder), *one;
    uint64_t sum = 0;
    size_t i;

    json_array_foreach(json_object_get(list, "recordings"), i, one)
    {
        sum += (uint64_t)json_integer_value(json_object_get(one, "size"));
    }
    json_decref(list);
    return sum;
}

static void make_name(struct recording *r, const char *session, uint64_t now_ns)
{
    time_t now = (time_t)(now_ns / 1000000000u);
    char when[20], safe[33];
    size_t n = 0;
    struct tm t;

    gmtime_r(&now, &t);
    strftime(when, sizeof when, "%Y%m%d-%H%M%S", &t);
    for (const char *c = session; *c && n < 32; c++) {
        safe[n++] = (*c >= '0' && *c <= '9') || ((*c | 32) >= 'a' && (*c | 32) <= 'z') ? *c : '-';
    }
    safe[n] = '\0';
    snprintf(r->name, sizeof r->name, "%s-%s.%03u" END, safe, when,
             (unsigned)(now_ns / 1000000u % 1000u));
}

int record_start(struct recording *r, int folder, const char *folder_name, const char *session,
                 uint16_t cols, uint16_t rows, uint64_t now_ns, char *why, size_t why_size)
{
    char head[300];
    int n, err;

    *r = (struct recording){.fd = -1, .start_ns = now_ns};
    if (bytes_in(folder) > RECORD_FOLDER) {
        snprintf(why, why_size, "the folder of recordings, %s, has over %u MiB: remove some",
                 folder_name, RECORD_FOLDER >> 20);
        return -EDQUOT;
    }
    make_name(r, session, now_ns);
    r->fd = openat(folder, r->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (r->fd < 0) {
        err = errno;
        snprintf(why, why_size,
                 "%s/%s: cannot be made: %s: may webterm's user (run-as) write there?", folder_name,
                 r->name, strerror(err));
        return -err;
    }
    n = snprintf(head, sizeof head,
                 "{\"version\": 2, \"width\": %u, \"height\": %u, \"timestamp\": %" PRIu64
                 ", \"title\": \"%s\", \"env\": {\"TERM\": \"xterm-256color\"}}\n",
                 cols, rows, now_ns / 1000000000u, r->name);
    put(r, head, (size_t)n);
    return 0;
}

bool record_output(struct recording *r, const uint8_t *bytes, size_t len, uint64_t now_ns)
{
    char event[6 * (CHUNK + 4) + 40];
    bool ok = true;

    while (len > 0 && ok) {
        size_t now = len < CHUNK ? len : CHUNK;
        size_t n = record_event(event, since(r, now_ns), bytes, now, r->cut, &r->cut_len);

        ok = n == 0 || put(r, event, n);
        bytes += now;
        len -= now;
    }
    return ok;
}

bool record_size(struct recording *r, uint16_t cols, uint16_t rows, uint64_t now_ns)
{
    char event[80];
    int n =
        snprintf(event, sizeof event, "[%.6f, \"r\", \"%ux%u\"]\n", since(r, now_ns), cols, rows);

    return put(r, event, (size_t)n);
}

void record_stop(struct recording *r)
{
    if (r->fd >= 0) {
        close(r->fd);
    }
    *r = (struct recording){.fd = -1};
}

/* ---- those that there are ------------------------------------------------------------------ */

bool record_name_holds(const char *name)
{
    size_t len = strlen(name), end = strlen(END);

    if (len <= end || len >= RECORD_NAME || name[0] == '.' || strcmp(name + len - end, END) != 0) {
        return false;
    }
    for (const char *c = name; *c; c++) {
        if (!((*c >= '0' && *c <= '9') || ((*c | 32) >= 'a' && (*c | 32) <= 'z') || *c == '-' ||
              *c == '.')) {
            return false;
        }
    }
    return true;
}

static int newest_first(const void *a, const void *b)
{
    const json_t *const *x = a, *const *y = b;
    double s = json_real_value(json_object_get(*x, "started"));
    double t = json_real_value(json_object_get(*y, "started"));

    return (s < t) - (s > t);
}

/* Its time is in its name: the file's own is that of the last write. */
static double started(const char *name, const struct stat *st)
{
    const char *at = name + strlen(name) - strlen("20261128-170000.123" END);
    struct tm t = {0};

    if (at < name || !strptime(at, "%Y%m%d-%H%M%S", &t)) {
        return (double)st->st_mtime;
    }
    return (double)timegm(&t) + atof(at + strlen("20261128-170000"));
}

json_t *record_list(int folder)
{
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = again < 0 ? NULL : fdopendir(again);
    json_t *found[1024], *list = json_array();
    struct dirent *e;
    struct stat st;
    size_t n = 0;

    while (d && n < 1024 && (e = readdir(d))) {
        if (record_name_holds(e->d_name) && fstatat(folder, e->d_name, &st, 0) == 0 &&
            S_ISREG(st.st_mode)) {
            found[n++] = json_pack("{s:s,s:I,s:f}", "name", e->d_name, "size",
                                   (json_int_t)st.st_size, "started", started(e->d_name, &st));
        }
    }
    if (d) {
        closedir(d);
    } else if (again >= 0) {
        close(again);
    }
    qsort(found, n, sizeof found[0], newest_first);
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(list, found[i]);
    }
    return json_pack("{s:o}", "recordings", list);
}

int record_open(int folder, const char *name)
{
    struct stat st;
    int fd;

    if (!record_name_holds(name)) {
        return -ENOENT;
    }
    /* not to wait for somebody to write, should it be a FIFO */
    fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return -ENOENT;
    }
    return fd;
}
