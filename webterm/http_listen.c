/* webterm/http_listen.c - where browsers come in.
 *
 * The sockets are ours, not the library's: it would try a port that is taken again and again, and
 * take in everybody. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "webterm/http_conn.h"

#define BACKLOG 1024
#define BURST 32 /* connections taken in at once */
#define SEND_ROOM (256 << 10)

/* ---- somebody comes ----------------------------------------------------------------------- */

static void take_in(struct http_listener *l, int fd, const char *peer)
{
    struct http *h = l->h;
    lws_adopt_desc_t d = {
        .vh = l->at.kind == ENDPOINT_SSL ? h->tls : h->plain,
        .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL,
        .fd.sockfd = fd,
    };

    h->adopting = conn_new(h, fd, &l->at, peer);
    if (!h->adopting) {
        close(fd);
        return;
    }
    d.opaque = h->adopting;
    if (!lws_adopt_descriptor_vhost_via_info(&d) && h->adopting) {
        conn_free(h->adopting);
    }
    h->adopting = NULL;
}

/* One sentence before the door is closed; never by TLS, which would cost us more than the peer. */
static void send_away(const struct http_listener *l, int fd)
{
    static const char full[] = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\n"
                               "content-length: 55\r\nretry-after: 5\r\nconnection: close\r\n\r\n"
                               "too many connections: close some, or raise max-clients\n";

    if (l->at.kind != ENDPOINT_SSL) {
        send(fd, full, sizeof full - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    close(fd);
}

/* An address of another machine may have half of all connections. */
static bool has_its_share(const struct http *h, const char *peer)
{
    size_t len = strlen(peer) - strlen(strrchr(peer, ':') ? strrchr(peer, ':') : "");
    unsigned n = 0;

    for (const struct conn *c = h->conns; c; c = c->next) {
        n += strncmp(c->peer, peer, len) == 0 && c->peer[len] == ':';
    }
    return n >= (h->set.max_clients + 1) / 2;
}

static void somebody_comes(void *context)
{
    struct http_listener *l = context;
    int on = 1, room = SEND_ROOM;

    for (int i = 0; i < BURST; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        char text[ENDPOINT_TEXT] = "unix";
        const char *peer = text;

        if (fd < 0) {
            return;
        }
        if (l->at.kind != ENDPOINT_UNIX) {
            endpoint_say(text, l->at.kind, &from);
            peer = endpoint_address(text);
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        }
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        if (l->h->n_conns >= l->h->set.max_clients || (!l->at.local && has_its_share(l->h, peer))) {
            send_away(l, fd);
        } else {
            take_in(l, fd, peer);
        }
    }
}

/* ---- opening ------------------------------------------------------------------------------ */

/* A predecessor that was killed leaves its socket behind. */
static int make_way(const struct endpoint *e, const char *word, char *why, size_t why_size)
{
    const char *path = endpoint_path(e);
    struct stat st;
    int fd, err;

    if (lstat(path, &st) != 0) {
        return 0;
    }
    if (!S_ISSOCK(st.st_mode)) {
        snprintf(why, why_size,
                 "cannot listen on %s: %s is there and is no socket: remove it, or give "
                 "another path with --listen",
                 word, path);
        return -EEXIST;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    err = fd < 0 || connect(fd, (const struct sockaddr *)&e->addr, e->len) == 0 ? -EADDRINUSE : 0;
    if (fd >= 0) {
        close(fd);
    }
    if (err) {
        snprintf(why, why_size,
                 "cannot listen on %s: another process listens there: stop it, or give "
                 "another path with --listen",
                 word);
        return err;
    }
    unlink(path);
    return 0;
}

static int listen_socket(const struct endpoint *e, int *out)
{
    int fd = socket(e->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1, off = 0, err = 0;

    if (fd < 0) {
        return -errno;
    }
    if (e->kind != ENDPOINT_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    if (e->addr.ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, e->any ? &off : &on, sizeof on);
    }
    if (bind(fd, (const struct sockaddr *)&e->addr, e->len) != 0 || listen(fd, BACKLOG) != 0) {
        err = -errno;
        close(fd);
        return err;
    }
    *out = fd;
    return 0;
}

static void explain(const char *word, int err, char *why, size_t why_size)
{
    if (err == -EADDRINUSE) {
        snprintf(why, why_size,
                 "cannot listen on %s: the port is in use: stop what has it (ss -ltnp "
                 "shows it: the webterm of another run directory?), or give another "
                 "with --listen",
                 word);
    } else if (err == -EACCES) {
        snprintf(why, why_size,
                 "cannot listen on %s: no permission: ports below 1024 need root; give "
                 "another with --listen",
                 word);
    } else {
        snprintf(why, why_size,
                 "cannot listen on %s: %s: give an address and port of this machine "
                 "with --listen",
                 word, strerror(-err));
    }
}

static int open_one(struct http *h, char *why, size_t why_size)
{
    struct http_listener *l = &h->listeners[h->n_listeners];
    struct endpoint *e = &l->at;
    int err = e->kind == ENDPOINT_UNIX ? make_way(e, l->word, why, why_size) : 0;

    if (err) {
        return err;
    }
    err = listen_socket(e, &l->fd);
    if (err == -EAFNOSUPPORT && e->any) { /* a kernel without IPv6 */
        endpoint_any(e, AF_INET);
        err = listen_socket(e, &l->fd);
    }
    if (err) {
        explain(l->word, err, why, why_size);
        return err;
    }
    if (e->kind == ENDPOINT_UNIX) {
        chmod(endpoint_path(e), 0660);
    }
    l->h = h;
    h->n_listeners++;
    err = http_watch(h, l->fd, somebody_comes, l);
    if (err) {
        explain(l->word, err, why, why_size);
    }
    return err;
}

/* The words of the setting.  Returns how many, or -EINVAL with a sentence. */
static int read_words(const struct http_settings *set, struct http_listener to[HTTP_LISTENERS],
                      char *why, size_t why_size)
{
    char words[1024], *save, *word;
    int n = 0;

    if (strcmp(set->listen, "none") == 0) {
        return 0;
    }
    snprintf(words, sizeof words, "%s", set->listen);
    for (word = strtok_r(words, " \t,", &save); word; word = strtok_r(NULL, " \t,", &save)) {
        if (n == HTTP_LISTENERS) {
            snprintf(why, why_size, "listen: more than %d listeners: leave some out",
                     HTTP_LISTENERS);
            return -EINVAL;
        }
        if (!endpoint_listen(&to[n].at, word, set->run_dir)) {
            snprintf(why, why_size, "listen: '%.100s' is not a listener: expected %s", word,
                     ENDPOINT_LISTEN_WORDS);
            return -EINVAL;
        }
        snprintf(to[n].word, sizeof to[n].word, "%s", word);
        n++;
    }
    if (n == 0) {
        snprintf(why, why_size,
                 "listen: names no listener: expected tcp:PORT:ADDRESS, as in "
                 "tcp:8070:127.0.0.1, or none");
        return -EINVAL;
    }
    return n;
}

int http_check(const struct http_settings *set, bool *is_public, char *why, size_t why_size)
{
    struct http_listener listeners[HTTP_LISTENERS] = {0};
    int n = read_words(set, listeners, why, why_size);

    *is_public = false;
    for (int i = 0; i < n; i++) {
        *is_public = *is_public || !listeners[i].at.local;
    }
    return n < 0 ? n : tls_check(set, why, why_size);
}

int listen_open(struct http *h, char *why, size_t why_size)
{
    int n = read_words(&h->set, h->listeners, why, why_size), err = n < 0 ? n : 0;

    for (int i = 0; i < n && !err; i++) {
        err = open_one(h, why, why_size);
    }
    return err;
}

void listen_close(struct http *h)
{
    for (unsigned i = 0; i < h->n_listeners; i++) {
        close(h->listeners[i].fd);
    }
}
