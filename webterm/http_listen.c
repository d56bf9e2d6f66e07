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
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "webterm/http_conn.h"

#define BACKLOG 512
#define BURST 32 /* connections taken in at once */

static void take_in(struct http_listener *l, int fd, const struct sockaddr_storage *from)
{
    struct http *h = l->h;
    char peer[ENDPOINT_TEXT];
    lws_adopt_desc_t d = {
        .vh = l->at.kind == ENDPOINT_SSL ? h->tls : h->plain,
        .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL,
        .fd.sockfd = fd,
    };
    int on = 1;

    if (l->at.kind == ENDPOINT_UNIX) {
        snprintf(peer, sizeof peer, "unix");
    } else {
        endpoint_say(peer, l->at.kind, from);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    h->adopting = conn_new(h, fd, &l->at, endpoint_address(peer));
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

static void somebody_comes(void *context)
{
    struct http_listener *l = context;

    for (int i = 0; i < BURST; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0) {
            return;
        }
        if (l->h->n_conns >= l->h->set.max_clients) {
            send_away(l, fd);
        } else {
            take_in(l, fd, &from);
        }
    }
}

static int listen_socket(const struct endpoint *e, int *out)
{
    const struct sockaddr *a = (const struct sockaddr *)&e->addr;
    int fd = socket(e->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1, off = 0, err = 0;

    if (fd < 0) {
        return -errno;
    }
    if (e->kind != ENDPOINT_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    if (e->any) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (e->kind == ENDPOINT_UNIX) {
        unlink(endpoint_path(e));
    }
    if (bind(fd, a, e->len) != 0 || listen(fd, BACKLOG) != 0) {
        err = -errno;
        close(fd);
        return err;
    }
    *out = fd;
    return 0;
}

static int open_one(struct http *h, const char *word, char *why, size_t why_size)
{
    struct http_listener *l = &h->listeners[h->n_listeners];
    int err;

    if (!endpoint_listen(&l->at, word, h->set.run_dir)) {
        snprintf(why, why_size, "listen: '%.60s' is no place to listen: expected %s", word,
                 ENDPOINT_LISTEN_WORDS);
        return -EINVAL;
    }
    err = listen_socket(&l->at, &l->fd);
    if (err) {
        snprintf(why, why_size,
                 "cannot listen on %.80s: %s: stop what listens there, or give "
                 "another as listen",
                 word, strerror(-err));
        return err;
    }
    l->h = h;
    h->n_listeners++;
    return http_watch(h, l->fd, somebody_comes, l);
}

int listen_open(struct http *h, char *why, size_t why_size)
{
    char words[1024], *save, *word;
    int err = 0;

    h->listeners = calloc(16, sizeof *h->listeners);
    if (!h->listeners) {
        snprintf(why, why_size, "no memory for the listeners: give the process more");
        return -ENOMEM;
    }
    if (strcmp(h->set.listen, "none") == 0) {
        return 0;
    }
    snprintf(words, sizeof words, "%s", h->set.listen);
    for (word = strtok_r(words, " \t", &save); word && !err && h->n_listeners < 16;
         word = strtok_r(NULL, " \t", &save)) {
        err = open_one(h, word, why, why_size);
    }
    return err;
}

void listen_close(struct http *h)
{
    for (unsigned i = 0; i < h->n_listeners; i++) {
        close(h->listeners[i].fd);
    }
    free(h->listeners);
}
