/* ofproxy/of_listen.c */
#include "ofproxy/of_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/counter.h"
#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"

#define ACCEPT_BURST 64
#define BACKLOG 1024
#define LISTEN_ROOM 512

struct endpoint {
    struct sockaddr_storage addr;
    socklen_t len;
    bool any; /* every address: IPv6 and IPv4 by one socket */
    unsigned port;
};

static void bad_word(const char *word)
{
    die_usage("listen: '%s' is not a listener: expected tcp:PORT or tcp:PORT:ADDRESS, as in "
              "tcp:6653 or tcp:6653:[::1], with a port from 1 to 65535",
              word);
}

static void set_any(struct endpoint *e, int family)
{
    memset(&e->addr, 0, sizeof e->addr);
    if (family == AF_INET6) {
        struct sockaddr_in6 *a = (struct sockaddr_in6 *)&e->addr;

        *a = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)e->port)};
        e->len = sizeof *a;
    } else {
        struct sockaddr_in *a = (struct sockaddr_in *)&e->addr;

        *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)e->port)};
        e->len = sizeof *a;
    }
}

static bool set_address(struct endpoint *e, const char *text)
{
    char bare[64];
    size_t len = strlen(text);

    if (text[0] == '[' && len > 2 && text[len - 1] == ']' && len - 2 < sizeof bare) {
        memcpy(bare, text + 1, len - 2);
        bare[len - 2] = '\0';
        set_any(e, AF_INET6);
        return inet_pton(AF_INET6, bare, &((struct sockaddr_in6 *)&e->addr)->sin6_addr) == 1;
    }
    set_any(e, AF_INET);
    return inet_pton(AF_INET, text, &((struct sockaddr_in *)&e->addr)->sin_addr) == 1;
}

static void parse(const char *word, struct endpoint *e)
{
    char *end;
    unsigned long port;

    if (strncmp(word, "tcp:", 4) != 0 || word[4] < '0' || word[4] > '9') {
        bad_word(word);
    }
    port = strtoul(word + 4, &end, 10);
    if (port < 1 || port > 65535 || (*end != '\0' && *end != ':')) {
        bad_word(word);
    }
    *e = (struct endpoint){.port = (unsigned)port, .any = *end == '\0'};
    if (e->any) {
        set_any(e, AF_INET6);
    } else if (!set_address(e, end + 1)) {
        bad_word(word);
    }
}

static _Noreturn void cannot(const char *word, int err)
{
    if (err == EADDRINUSE) {
        die("cannot listen on %s: the port is in use: stop what has it (ss -ltnp shows it: another "
            "OpenFlow controller, or the ofproxy of another run directory), or give other ports "
            "with --listen",
            word);
    }
    if (err == EACCES) {
        die("cannot listen on %s: no permission: ports below 1024 need root; give others with "
            "--listen",
            word);
    }
    die("cannot listen on %s: %s: give an address and port of this machine with --listen", word,
        strerror(err));
}

static int open_socket(struct endpoint *e)
{
    int yes = 1, no = 0, err;
    int fd = socket(e->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -errno;
    }
    /* a restart binds at once, whatever its predecessor's connections still wait for */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (e->any && e->addr.ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    }
    /* inherited by what it accepts */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&e->addr, e->len) != 0 || listen(fd, BACKLOG) != 0) {
        err = errno;
        close(fd);
        return -err;
    }
    return fd;
}

static void say_peer(char *text, size_t size, const struct sockaddr_storage *a)
{
    char host[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;

    if (a->ss_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(text, size, "%s:%u", host, ntohs(v4->sin_port));
    } else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], host, sizeof host);
        snprintf(text, size, "%s:%u", host, ntohs(v6->sin6_port));
    } else {
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(text, size, "[%s]:%u", host, ntohs(v6->sin6_port));
    }
}

/* Out of descriptors: a pending peer would wake us for ever.  The spare one takes it and closes;
 * where somebody else took that, peers wait until the next tick. */
static void refuse_for_want(struct of_listener *l, int err)
{
    struct ofproxy *p = l->proxy;
    int fd = -1;

    if (!p->wanting) {
        peer_log(
            p, LOG_ERROR,
            "switches refused from now on cause=\"%s\" connections=%u cure=\"raise the limit of "
            "open files (ulimit -n)\"",
            strerror(err), p->n_conns);
        p->wanting = true;
    }
    if (p->spare_fd >= 0) {
        close(p->spare_fd);
        fd = accept4(l->fd.fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            counter_add(OFPROXY_REFUSED, 1);
            close(fd);
        }
        p->spare_fd = eventfd(0, EFD_CLOEXEC);
    }
    if (p->spare_fd < 0) {
        loop_set(&p->loop, &l->fd, 0);
    }
}

/* One switch.  False: no more are waiting. */
static bool accept_one(struct of_listener *l)
{
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    char peer[64];
    int yes = 1, fd;

    fd = accept4(l->fd.fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            refuse_for_want(l, errno);
            return false;
        }
        return errno != EAGAIN && errno != EWOULDBLOCK; /* ECONNABORTED and the like: the next */
    }
    if (l->proxy->wanting) {
        peer_log(l->proxy, LOG_INFO, "switches are accepted again connections=%u",
                 l->proxy->n_conns);
        l->proxy->wanting = false;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    say_peer(peer, sizeof peer, &from);
    if (!conn_open(l->proxy, fd, peer)) {
        peer_log(l->proxy, LOG_WARN,
                 "switch refused peer=%s cause=\"%u connections already\" cure=\"raise "
                 "max-switches\"",
                 peer, l->proxy->n_conns);
        counter_add(OFPROXY_REFUSED, 1);
        close(fd);
    }
    return true;
}

static void on_listener(struct loop_fd *self, uint32_t events)
{
    struct of_listener *l = (struct of_listener *)self; /* fd is its first member */

    (void)events;
    for (unsigned i = 0; i < ACCEPT_BURST && accept_one(l); i++) {
    }
}

static void listen_one(struct ofproxy *p, const char *word)
{
    struct of_listener *l = &p->listeners[p->n_listeners];
    struct endpoint e;
    int fd;

    parse(word, &e);
    fd = open_socket(&e);
    if (fd == -EAFNOSUPPORT && e.any) {
        set_any(&e, AF_INET); /* a kernel without IPv6 */
        fd = open_socket(&e);
    }
    if (fd < 0) {
        cannot(word, -fd);
    }
    *l = (struct of_listener){.fd = {.fd = fd, .ready = on_listener}, .proxy = p};
    if (loop_add(&p->loop, &l->fd, EPOLLIN) != 0) {
        die("cannot watch the listener %s: %s: raise the limit of open files (ulimit -n)", word,
            strerror(errno));
    }
    p->n_listeners++;
}

void of_listen_check(const char *words)
{
    char copy[LISTEN_ROOM], *save = NULL;
    struct endpoint e;
    unsigned n = 0;

    if (strlen(words) >= sizeof copy) {
        die_usage("listen: longer than %zu characters: leave some listeners out", sizeof copy - 1);
    }
    strcpy(copy, words);
    for (char *w = strtok_r(copy, " \t,", &save); w; w = strtok_r(NULL, " \t,", &save)) {
        parse(w, &e);
        n++;
    }
    if (n > OF_LISTENERS) {
        die_usage("listen: more than %u listeners: leave some out", OF_LISTENERS);
    }
    if (n == 0) {
        die_usage("listen: names no listener: expected tcp:PORT, as in tcp:6653");
    }
}

void of_listen(struct ofproxy *p, const char *words)
{
    char copy[LISTEN_ROOM], *save = NULL;

    of_listen_check(words);
    strcpy(copy, words);
    p->listening = words;
    p->spare_fd = eventfd(0, EFD_CLOEXEC); /* of anything: one that a sandbox can open again */
    for (char *w = strtok_r(copy, " \t,", &save); w; w = strtok_r(NULL, " \t,", &save)) {
        listen_one(p, w);
    }
}

void of_listen_tick(struct ofproxy *p)
{
    if (p->n_listeners > 0 && p->spare_fd < 0) {
        p->spare_fd = eventfd(0, EFD_CLOEXEC);
    }
    for (unsigned i = 0; i < p->n_listeners; i++) {
        loop_set(&p->loop, &p->listeners[i].fd, EPOLLIN);
    }
}

void of_listen_close(struct ofproxy *p)
{
    for (unsigned i = 0; i < p->n_listeners; i++) {
        loop_remove(&p->loop, &p->listeners[i].fd);
        close(p->listeners[i].fd.fd);
    }
    p->n_listeners = 0;
    if (p->spare_fd >= 0) {
        close(p->spare_fd);
        p->spare_fd = -1;
    }
}
