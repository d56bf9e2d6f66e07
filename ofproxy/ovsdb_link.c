/* ofproxy/ovsdb_link.c */
#include "ofproxy/ovsdb_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/sandbox.h"

#define MS 1000000ull
#define FIRST_PAUSE (100 * MS)
#define LOCAL_PAUSE (1000 * MS)
#define FAR_PAUSE (8000 * MS)
#define CONNECT_PATIENCE (5000 * MS)

/* ---- words of the setting -------------------------------------------------------------------- */

static _Noreturn void bad_word(const char *word)
{
    if (strncmp(word, "ssl:", 4) == 0) {
        die_usage("ovsdb: '%s': TLS to ovsdb-server is not there yet: use unix:PATH, or "
                  "tcp:ADDRESS:PORT on a network that you trust",
                  word);
    }
    die_usage("ovsdb: '%s' is no ovsdb-server: expected unix:/PATH or tcp:ADDRESS:PORT (an IPv6 "
              "address in brackets), as in unix:/run/openvswitch/db.sock or tcp:127.0.0.1:6640",
              word);
}

static bool take_unix(struct ovsdb_remote *r, const char *path)
{
    struct sockaddr_un *a = (struct sockaddr_un *)&r->addr;

    if (path[0] != '/' || strlen(path) >= sizeof a->sun_path) {
        return false;
    }
    a->sun_family = AF_UNIX;
    strcpy(a->sun_path, path);
    r->len = sizeof *a;
    r->local = true;
    return true;
}

/* "127.0.0.1:6640" or "[::1]:6640" */
static bool take_tcp(struct ovsdb_remote *r, const char *word)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&r->addr;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&r->addr;
    const char *colon = strrchr(word, ':');
    char host[64], *end;
    unsigned long port;
    size_t len = colon ? (size_t)(colon - word) : 0;

    if (len < 2 || len >= sizeof host || colon[1] < '0' || colon[1] > '9') {
        return false;
    }
    port = strtoul(colon + 1, &end, 10);
    memcpy(host, word, len);
    host[len] = '\0';
    if (*end != '\0' || port < 1 || port > 65535) {
        return false;
    }
    if (host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        r->len = sizeof *v6;
        r->local = strcmp(host + 1, "::1") == 0;
        return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1;
    }
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    r->len = sizeof *v4;
    r->local = strncmp(host, "127.", 4) == 0;
    return inet_pton(AF_INET, host, &v4->sin_addr) == 1;
}

void ovsdb_link_open(struct ovsdb_link *l, const char *remotes)
{
    char words[512], *save = NULL;

    *l = (struct ovsdb_link){.fd = -1};
    snprintf(words, sizeof words, "%s", remotes);
    for (char *w = strtok_r(words, " \t,", &save); w; w = strtok_r(NULL, " \t,", &save)) {
        struct ovsdb_remote *r = &l->remotes[l->n];

        if (l->n == LINK_REMOTES) {
            die_usage("ovsdb: more than %d servers: leave some out", LINK_REMOTES);
        }
        if (strlen(w) >= sizeof r->name || !((strncmp(w, "unix:", 5) == 0 && take_unix(r, w + 5)) ||
                                             (strncmp(w, "tcp:", 4) == 0 && take_tcp(r, w + 4)))) {
            bad_word(w);
        }
        strcpy(r->name, w);
        l->n++;
    }
    if (l->n == 0) {
        bad_word(remotes);
    }
}

unsigned ovsdb_link_needs(const struct ovsdb_link *l)
{
    unsigned needs = 0;

    for (unsigned i = 0; i < l->n; i++) {
        needs |= l->remotes[i].addr.ss_family == AF_UNIX ? SANDBOX_LOCAL : SANDBOX_DIAL;
    }
    return needs;
}

const char *ovsdb_link_name(const struct ovsdb_link *l)
{
    return l->remotes[l->current].name;
}

/* ---- connecting ------------------------------------------------------------------------------ */

/* Cause and cure. */
static void explain(int err, bool local_socket, char *why, size_t size)
{
    const char *cure = "see that the network reaches it";

    if (err == EACCES || err == EPERM) {
        cure = "the user that ofproxy became may not connect: let ovsdb-server listen on TCP too "
               "(ovs-appctl -t ovsdb-server ovsdb-server/add-remote ptcp:6640:127.0.0.1) and give "
               "--ovsdb tcp:127.0.0.1:6640, give the socket to that user, or stay root with "
               "--run-as root";
    } else if (err == ENOENT || err == ECONNREFUSED) {
        cure = local_socket ? "start Open vSwitch's ovsdb-server, or give its socket with --ovsdb"
                            : "start ovsdb-server, or let it listen there (ovs-appctl -t "
                              "ovsdb-server ovsdb-server/add-remote ptcp:PORT:ADDRESS)";
    }
    snprintf(why, size, "%s: %s", strerror(err), cure);
}

static int begin(struct ovsdb_link *l)
{
    struct ovsdb_remote *r = &l->remotes[l->current];
    int yes = 1;

    l->fd = socket(r->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0) {
        return errno;
    }
    if (r->addr.ss_family != AF_UNIX) {
        setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
    return connect(l->fd, (struct sockaddr *)&r->addr, r->len) == 0 ? 0 : errno;
}

static int outcome(const struct ovsdb_link *l, uint64_t now)
{
    int err = 0;
    socklen_t len = sizeof err;

    if (ovsdb_link_late(l, now)) {
        return ETIMEDOUT;
    }
    return getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 ? err : errno;
}

bool ovsdb_link_connect(struct ovsdb_link *l, uint64_t now, char *why, size_t size)
{
    int err;

    if (l->state == LINK_CONNECTING) {
        err = outcome(l, now);
    } else {
        l->since_ns = now;
        err = begin(l);
    }
    if (err == EINPROGRESS) {
        l->state = LINK_CONNECTING;
        return true;
    }
    if (err != 0) {
        explain(err, l->remotes[l->current].addr.ss_family == AF_UNIX, why, size);
        return false;
    }
    l->state = LINK_UP;
    return true;
}

void ovsdb_link_close(struct ovsdb_link *l)
{
    if (l->fd >= 0) {
        close(l->fd);
        l->fd = -1;
    }
    l->state = LINK_DOWN;
}

void ovsdb_link_shut(struct ovsdb_link *l, bool steady, uint64_t now)
{
    bool local = l->remotes[l->current].local;
    uint64_t most = local ? LOCAL_PAUSE : FAR_PAUSE;

    ovsdb_link_close(l);
    l->failures = steady ? 0 : l->failures + 1;
    l->pause_ns = steady || l->pause_ns == 0 ? FIRST_PAUSE : l->pause_ns * 2;
    l->pause_ns = l->pause_ns < most ? l->pause_ns : most;
    l->next_ns = now + (local ? l->pause_ns
                              : l->pause_ns / 2 +
                                    arc4random_uniform((uint32_t)(l->pause_ns / MS)) * (MS / 2));
    l->current = (l->current + 1) % l->n;
}

bool ovsdb_link_due(const struct ovsdb_link *l, uint64_t now)
{
    return l->state == LINK_DOWN && now >= l->next_ns;
}

bool ovsdb_link_late(const struct ovsdb_link *l, uint64_t now)
{
    return l->state == LINK_CONNECTING && now - l->since_ns > CONNECT_PATIENCE;
}

int ovsdb_link_pause_ms(const struct ovsdb_link *l, int most_ms)
{
    uint64_t now = loop_now_ns();
    uint64_t ms = l->next_ns > now ? (l->next_ns - now) / MS + 1 : 0;

    return l->state != LINK_DOWN || ms > (uint64_t)most_ms ? most_ms : (int)ms;
}

bool ovsdb_link_want_leader(const struct ovsdb_link *l)
{
    return l->n > 1 && l->failures < l->n;
}

ssize_t ovsdb_link_read(struct ovsdb_link *l, void *bytes, size_t size)
{
    ssize_t n = recv(l->fd, bytes, size, MSG_DONTWAIT);

    return n >= 0 ? n : -errno;
}

ssize_t ovsdb_link_write(struct ovsdb_link *l, const void *bytes, size_t len)
{
    ssize_t n = send(l->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    return n >= 0 ? n : -errno;
}
