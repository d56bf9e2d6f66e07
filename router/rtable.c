#include "router/rtable.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (256u << 20) /* a million lines are 64 MB */
#define WORDS 4
static const char *const word_name[WORDS] = {"destination", "gateway", "mask", "interface"};

struct word {
    const char *p;
    size_t len;
};

struct parse {
    struct rtable *out;
    const char *name;
    size_t room;       /* of out->routes */
    unsigned *line_of; /* by route: where it stands */
    unsigned line;
    bool bad;
    char *why;
    size_t why_size, why_len;
};

static void mistake(struct parse *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void mistake(struct parse *p, const char *format, ...)
{
    char text[512];
    va_list args;
    int n = snprintf(text, sizeof text, "%s%.255s:%u: ", p->bad ? "\n" : "", p->name, p->line);

    va_start(args, format);
    vsnprintf(text + n, sizeof text - (size_t)n, format, args);
    va_end(args);
    if (!p->bad || p->why_len + strlen(text) < p->why_size) {
        snprintf(p->why + p->why_len, p->why_size - p->why_len, "%s", text);
        p->why_len += strlen(p->why + p->why_len);
    } else {
        p->why_len = p->why_size; /* no later, shorter one after a gap */
    }
    p->bad = true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' || c == '\0';
}

/* Cuts a line into words.  Returns how many there are; the first WORDS are in 'word'. */
static unsigned cut(const char *p, const char *end, struct word word[WORDS])
{
    unsigned n = 0;

    while (p < end && *p != '#') {
        const char *start = p;

        while (p < end && *p != '#' && !is_blank(*p)) {
            p++;
        }
        if (p == start) {
            p++;
            continue;
        }
        if (n < WORDS) {
            word[n] = (struct word){start, (size_t)(p - start)};
        }
        n++;
    }
    return n;
}

static bool address(const struct word *w, uint32_t *ip)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr a;

    if (w->len >= sizeof text) {
        return false;
    }
    memcpy(text, w->p, w->len);
    text[w->len] = '\0';
    if (inet_pton(AF_INET, text, &a) != 1) {
        return false;
    }
    *ip = ntohl(a.s_addr);
    return true;
}

static int shown(const struct word *w)
{
    return w->len > 40 ? 40 : (int)w->len;
}

static bool fill(struct parse *p, const struct word word[WORDS], struct route *r)
{
    uint32_t ip[3], mask;

    for (unsigned i = 0; i < 3; i++) {
        if (!address(&word[i], &ip[i])) {
            mistake(p, "\"%.*s\" is no %s, expected an IPv4 address such as 10.0.1.100",
                    shown(&word[i]), word[i].p, word_name[i]);
            return false;
        }
    }
    mask = ip[2];
    if ((~mask & (~mask + 1)) != 0) {
        mistake(p, "mask %.*s has ones after a zero, expected one such as 255.255.255.0",
                shown(&word[2]), word[2].p);
        return false;
    }
    if (word[3].len >= sizeof r->name) {
        mistake(p, "interface \"%.*s\" is too long, expected at most %zu characters",
                shown(&word[3]), word[3].p, sizeof r->name - 1);
        return false;
    }
    *r = (struct route){.dest = ip[0] & mask, .gateway = ip[1], .iface = ROUTE_NO_IFACE};
    r->mask_len = mask ? 32 - (uint32_t)__builtin_ctz(mask) : 0;
    memcpy(r->name, word[3].p, word[3].len);
    return true;
}

static int grow(struct parse *p)
{
    size_t room = p->room ? 2 * p->room : 64;
    struct route *routes = realloc(p->out->routes, room * sizeof *routes);
    unsigned *line_of;

    if (routes == NULL) {
        return -ENOMEM;
    }
    p->out->routes = routes;
    line_of = realloc(p->line_of, room * sizeof *line_of);
    if (line_of == NULL) {
        return -ENOMEM;
    }
    p->line_of = line_of;
    p->room = room;
    return 0;
}

static int parse_line(struct parse *p, const char *at, const char *end)
{
    struct word word[WORDS];
    unsigned n = cut(at, end, word);
    struct route r;

    if (n == 0) {
        return 0;
    }
    if (n != WORDS) {
        mistake(p, "%u word%s, expected 4: destination gateway mask interface", n,
                n == 1 ? "" : "s");
        return 0;
    }
    if (!fill(p, word, &r)) {
        return 0;
    }
    if (p->out->n == p->room && grow(p) != 0) {
        return -ENOMEM;
    }
    p->line_of[p->out->n] = p->line;
    p->out->routes[p->out->n++] = r;
    return 0;
}

struct sorted {
    const struct route *r;
    unsigned line;
};

static int by_prefix(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;

    if (x->r->dest != y->r->dest) {
        return x->r->dest < y->r->dest ? -1 : 1;
    }
    if (x->r->mask_len != y->r->mask_len) {
        return (int)x->r->mask_len - (int)y->r->mask_len;
    }
    return x->line < y->line ? -1 : 1;
}

static int by_line(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;

    return x->line < y->line ? -1 : x->line > y->line;
}

/* Two lines for one prefix: the same thing twice is taken once, another thing is a mistake. */
static void twice(struct parse *p, const struct sorted *first, const struct sorted *again)
{
    const struct route *r = again->r;
    char dest[INET_ADDRSTRLEN];

    if (first->r->gateway == r->gateway && strcmp(first->r->name, r->name) == 0) {
        return;
    }
    inet_ntop(AF_INET, &(struct in_addr){htonl(r->dest)}, dest, sizeof dest);
    p->line = again->line;
    mistake(p, "%s/%u is on line %u with another way, expected one line for each destination", dest,
            r->mask_len, first->line);
}

/* Leaves one route for each prefix, in the order of the lines. */
static int unique(struct parse *p)
{
    size_t n = p->out->n, kept = 0;
    struct sorted *s = malloc((n + 1) * sizeof *s);
    struct route *routes = malloc((n + 1) * sizeof *routes);

    if (s == NULL || routes == NULL) {
        free(s);
        free(routes);
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        s[i] = (struct sorted){&p->out->routes[i], p->line_of[i]};
    }
    qsort(s, n, sizeof *s, by_prefix);
    for (size_t i = 0; i < n; i++) {
        const struct sorted *last = kept ? &s[kept - 1] : NULL;

        if (last && last->r->dest == s[i].r->dest && last->r->mask_len == s[i].r->mask_len) {
            twice(p, last, &s[i]);
        } else {
            s[kept++] = s[i];
        }
    }
    qsort(s, kept, sizeof *s, by_line);
    for (size_t i = 0; i < kept; i++) {
        routes[i] = *s[i].r;
    }
    free(s);
    free(p->out->routes);
    p->out->routes = routes;
    p->out->n = kept;
    return 0;
}

int rtable_parse(struct rtable *t, const char *name, const char *text, size_t len, char *why,
                 size_t why_size)
{
    struct parse p = {.out = t, .name = name, .why = why, .why_size = why_size};
    const char *end = text + len;
    int err = 0;

    *t = (struct rtable){0};
    while (text < end && err == 0) {
        const char *eol = memchr(text, '\n', (size_t)(end - text));

        eol = eol ? eol : end;
        p.line++;
        err = parse_line(&p, text, eol);
        text = eol + 1;
    }
    err = err != 0 ? err : unique(&p);
    free(p.line_of);
    if (err != 0) {
        snprintf(why, why_size, "%s: out of memory at line %u", name, p.line);
    } else if (p.bad) {
        err = -EINVAL;
    }
    if (err != 0) {
        rtable_free(t);
    }
    return err;
}

static int failed(const char *what, const char *file, int err, char *why, size_t why_size)
{
    snprintf(why, why_size, "cannot %s routing table %s: %s%s", what, file, strerror(err),
             what[0] == 'r' ? ": name another with --rtable" : "");
    return -err;
}

/* The whole file, to be freed, or NULL with errno. */
static char *slurp(int fd, size_t *len)
{
    struct stat st;
    char *text;
    ssize_t n = 1;

    if (fstat(fd, &st) != 0) {
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        return NULL;
    }
    if (st.st_size > FILE_MAX) {
        errno = EFBIG;
        return NULL;
    }
    text = malloc((size_t)st.st_size + 1);
    for (*len = 0; text != NULL && n > 0 && *len < (size_t)st.st_size; *len += (size_t)n) {
        n = read(fd, text + *len, (size_t)st.st_size - *len);
        if (n < 0) {
            int err = errno;

            free(text);
            errno = err;
            return NULL;
        }
    }
    return text;
}

int rtable_read(struct rtable *t, const char *file, char *why, size_t why_size)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;
    size_t len = 0;
    char *text;

    *t = (struct rtable){0};
    if (fd < 0) {
        return failed("read", file, errno, why, why_size);
    }
    text = slurp(fd, &len);
    err = errno;
    close(fd);
    if (text == NULL) {
        return failed("read", file, err, why, why_size);
    }
    err = rtable_parse(t, file, text, len, why, why_size);
    free(text);
    return err;
}

int rtable_lab(struct rtable *t)
{
    static const char text[] = "192.168.2.2 0.0.0.0 255.255.255.255 eth1\n"
                               "172.64.3.10 0.0.0.0 255.255.255.255 eth2\n"
                               "10.0.1.100  0.0.0.0 255.255.255.255 eth3\n";
    char why[128];

    return rtable_parse(t, "lab", text, sizeof text - 1, why, sizeof why);
}

void rtable_free(struct rtable *t)
{
    free(t->routes);
    *t = (struct rtable){0};
}

static int write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n < 0) {
            return -errno;
        }
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

int rtable_file(const char *vhost, char *why, size_t why_size)
{
    char file[64];
    int fd;

    snprintf(file, sizeof file, "rtable.%.31s", vhost);
    if (vhost[0] == '\0' || strchr(vhost, '/') != NULL) {
        return failed("write", file, EINVAL, why, why_size);
    }
    fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    return fd >= 0 ? fd : failed("write", file, errno, why, why_size);
}

int rtable_save(int fd, const char *text, size_t len, char *why, size_t why_size)
{
    static const char blank[] = "\n";
    struct stat st = {0};
    int err = fstat(fd, &st) == 0 && lseek(fd, 0, SEEK_SET) == 0 ? 0 : -errno;

    err = err ? err : write_all(fd, text, len);
    for (off_t at = (off_t)len; at < st.st_size && err == 0; at++) {
        err = write_all(fd, blank, 1);
    }
    return err ? failed("write", "the server's routing table", -err, why, why_size) : 0;
}
