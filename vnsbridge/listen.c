/* vnsbridge/listen.c - open, accept. */
#include "vnsbridge/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "vnsbridge/bridge.h"

#define ACCEPT_BURST 16
#define ACCEPT_AGAIN_MS 200

struct place {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t len;
    bool both; /* IPv6 wildcard that takes IPv4 too */
};

static bool parse_address(struct place *p, const char *text, in_port_t port)
{
    char plain[64];
    size_t len = strlen(text);

    if (inet_pton(AF_INET, text, &p->v4.sin_addr) == 1) {
        p->v4.sin_family = AF_INET;
        p->v4.sin_port = port;
        p->len = sizeof p->v4;
        return true;
    }
    if (len < 3 || len >= sizeof plain || text[0] != '[' || text[len - 1] != ']') {
        return false;
    }
    snprintf(plain, sizeof plain, "%.*s", (int)(len - 2), text + 1);
    p->v6.sin6_family = AF_INET6;
    p->v6.sin6_port = port;
    p->len = sizeof p->v6;
    return inet_pton(AF_INET6, plain, &p->v6.sin6_addr) == 1;
}

static bool parse_place(struct place *p, const char *where)
{
    char *end;
    long port;

    memset(p, 0, sizeof *p);
    if (strncmp(where, "tcp:", 4) != 0) {
        return false;
    }
    errno = 0;
    port = strtol(where + 4, &end, 10);
    if (end == where + 4 || errno || port < 0 || port > 65535) {
        return false;
    }
    if (*end == ':') {
        return parse_address(p, end + 1, htons((in_port_t)port));
    }
    p->v6.sin6_family = AF_INET6;
    p->v6.sin6_port = htons((in_port_t)port);
    p->len = sizeof p->v6;
    p->both = true;
    return *end == '\0';
}

static int open_socket(const struct place *p)
{
    int fd = socket(p->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0, err;

    if (fd < 0) {
        return -errno;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (p->any.sa_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, p->both ? &off : &on, sizeof on);
    }
    if (bind(fd, &p->any, p->len) != 0 || listen(fd, 128) != 0) {
        err = errno;
        close(fd);
        return -err;
    }
    return fd;
}

static void explain(const char *where, int err, char *why, size_t why_size)
{
    if (err == -EADDRINUSE) {
        snprintf(why, why_size,
                 "cannot listen on %s: another program (an older VNS server, another stack?) uses "
                 "this port: stop it, or choose another with --listen tcp:PORT",
                 where);
    } else if (err == -EACCES) {
        snprintf(why, why_size,
                 "cannot listen on %s: ports below 1024 are for root: choose another with --listen "
                 "tcp:PORT",
                 where);
    } else {
        snprintf(why, why_size,
                 "cannot listen on %s: %s: give an address of this machine with --listen "
                 "tcp:PORT:ADDRESS",
                 where, strerror(-err));
    }
}

/* Accepts the waiting connections, a burst at most: the rest comes with the next turn. */
static void on_listener(struct loop_fd *self, uint32_t events)
{
    struct listener *l = (struct listener *)(void *)self;

    (void)events;
    for (unsigned i = 0; i < ACCEPT_BURST; i++) {
        int fd = accept4(self->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            clients_accept(l->bridge, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (bridge_may_log(l->bridge)) {
                log_warn("a VNS client must wait: %s: raise the limit on open files",
                         strerror(errno));
            }
            loop_set(&l->bridge->loop, self, 0);
            loop_timer_set(&l->bridge->loop, &l->again, ACCEPT_AGAIN_MS);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

static void on_again(struct loop_timer *self)
{
    struct listener *l =
        (struct listener *)(void *)((char *)self - offsetof(struct listener, again));

    loop_set(&l->bridge->loop, &l->fd, EPOLLIN);
}

bool listen_check(const char *where, char *why, size_t why_size)
{
    struct place p;

    if (strcmp(where, "none") == 0 || parse_place(&p, where)) {
        return true;
    }
    snprintf(why, why_size,
             "listen: '%s' is not a listener: expected tcp:PORT, tcp:PORT:ADDRESS (an IPv6 address "
             "in brackets), or none",
             where);
    return false;
}

int listen_open(struct bridge *b, const char *where, char *why, size_t why_size)
{
    struct listener *l = &b->listener;
    struct place p;
    int fd;

    *l = (struct listener){
        .fd = {.fd = -1, .ready = on_listener}, .again = {.fire = on_again}, .bridge = b};
    if (strcmp(where, "none") == 0) {
        return 0;
    }
    if (!listen_check(where, why, why_size)) {
        return -EINVAL;
    }
    parse_place(&p, where);
    fd = open_socket(&p);
    if (fd == -EAFNOSUPPORT && p.both) { /* a kernel without IPv6 */
        in_port_t port = p.v6.sin6_port;

        memset(&p, 0, sizeof p);
        parse_address(&p, "0.0.0.0", port);
        fd = open_socket(&p);
    }
    if (fd < 0) {
        explain(where, fd, why, why_size);
        return fd;
    }
    l->fd.fd = fd;
    snprintf(why, why_size,
             "cannot watch the listener %s: raise the limit of open files (ulimit -n)", where);
    return loop_add(&b->loop, &l->fd, EPOLLIN);
}

void listen_close(struct bridge *b)
{
    if (b->listener.fd.fd >= 0) {
        loop_timer_cancel(&b->loop, &b->listener.again);
        loop_remove(&b->loop, &b->listener.fd);
        close(b->listener.fd.fd);
        b->listener.fd.fd = -1;
    }
}

unsigned listen_port(const struct listener *l)
{
    struct sockaddr_in6 a;
    socklen_t len = sizeof a;

    if (l->fd.fd < 0 || getsockname(l->fd.fd, (struct sockaddr *)(void *)&a, &len) != 0) {
        return 0;
    }
    return ntohs(a.sin6_port); /* at the same place in both families */
}
