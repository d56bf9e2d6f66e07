/* ofproxy/of_listen.c */
#include "ofproxy/of_listen.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/counter.h"
#include "common/log.h"
#include "ofproxy/of_enter.h"
#include "ofproxy/ofproxy.h"

#define ACCEPT_BURST 64
#define BACKLOG 1024
#define LISTEN_ROOM 1024

static void parse(const char *word, const char *run_dir, struct endpoint *e)
{
    if (!endpoint_listen(e, word, run_dir)) {
        die_usage("listen: '%s' is not a listener: expected " ENDPOINT_LISTEN_WORDS, word);
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

static int bind_and_listen(int fd, const struct endpoint *e)
{
    int err = 0;

    if (bind(fd, (const struct sockaddr *)&e->addr, e->len) != 0 || listen(fd, BACKLOG) != 0) {
        err = errno;
        close(fd);
    }
    return err == 0 ? fd : -err;
}

static int open_socket(const struct endpoint *e)
{
    int yes = 1, no = 0;
    int fd = socket(e->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -errno;
    }
    /* a restart binds at once, whatever its predecessor's connections still wait for */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (e->any && e->addr.ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    }
    return bind_and_listen(fd, e);
}

/* ---- Unix sockets ------------------------------------------------------------------------- */

/* Who listens on the socket that is there: a PID, 0 for nobody, or -1: somebody, who is not known.
 */
static pid_t listener_of(const struct endpoint *e)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct ucred peer = {.pid = -1};
    socklen_t len = sizeof peer;

    if (fd >= 0 && connect(fd, (const struct sockaddr *)&e->addr, e->len) == 0) {
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
        peer.pid = peer.pid > 0 ? peer.pid : -1;
    } else if (fd >= 0 && errno == ECONNREFUSED) {
        peer.pid = 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    return peer.pid;
}

/* A predecessor that was killed, or gave up the right to remove it, leaves its socket behind. */
static void make_way(const char *word, const struct endpoint *e)
{
    const char *path = endpoint_path(e);
    struct stat st;
    pid_t pid;

    if (lstat(path, &st) != 0) {
        return;
    }
    if (!S_ISSOCK(st.st_mode)) {
        die("cannot listen on %s: %s is there and is no socket: remove it, or give another path "
            "with --listen",
            word, path);
    }
    pid = listener_of(e);
    if (pid != 0) {
        die("cannot listen on %s: PID %d listens there: stop it, or give another path with "
            "--listen",
            word, (int)pid);
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        die("cannot listen on %s: the socket of a process that is gone cannot be removed: %s: "
            "remove it, or start as the user that owns its folder",
            word, strerror(errno));
    }
}

static void not_a_control_socket(const char *word, const char *run_dir, const char *path)
{
    char taken[PATH_MAX];

    for (unsigned i = 0; i < TOPO_PROCESSES; i++) {
        snprintf(taken, sizeof taken, "%s/%s.sock", run_dir,
                 topo_process_name((enum topo_process)i));
        if (strcmp(path, taken) == 0) {
            die_usage("listen: '%s' is the name of a control socket: give another path", word);
        }
    }
}

/* Who may write to it may connect: its owner and group, as with the sockets of Open vSwitch. */
static int open_unix(const char *word, const struct endpoint *e)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t before;

    if (fd < 0) {
        return -errno;
    }
    make_way(word, e);
    before = umask(0117);
    fd = bind_and_listen(fd, e);
    umask(before);
    if (fd < 0) {
        die("cannot listen on %s: %s: make its folder, let this user write to it, or give another "
            "path with --listen",
            word, strerror(-fd));
    }
    return fd;
}

/* ---- accepting ---------------------------------------------------------------------------- */

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
    char peer[ENDPOINT_TEXT];
    int fd;

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
    /* who connects over a Unix socket has no name of its own */
    endpoint_say(peer, l->at.kind, l->at.kind == ENDPOINT_UNIX ? &l->at.addr : &from);
    of_enter(l->proxy, fd, l->at.kind, peer, NULL);
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

    parse(word, p->topo.run_dir, &e);
    if (e.kind == ENDPOINT_UNIX) {
        not_a_control_socket(word, p->topo.run_dir, endpoint_path(&e));
        fd = open_unix(word, &e);
    } else {
        fd = open_socket(&e);
    }
    if (fd == -EAFNOSUPPORT && e.any) {
        endpoint_any(&e, AF_INET); /* a kernel without IPv6 */
        fd = open_socket(&e);
    }
    if (fd < 0) {
        cannot(word, -fd);
    }
    *l = (struct of_listener){.fd = {.fd = fd, .ready = on_listener}, .proxy = p, .at = e};
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
    if (strcmp(words, "none") == 0) {
        return;
    }
    strcpy(copy, words);
    for (char *w = strtok_r(copy, " \t,", &save); w; w = strtok_r(NULL, " \t,", &save)) {
        parse(w, "", &e);
        n++;
    }
    if (n > OF_LISTENERS) {
        die_usage("listen: more than %u listeners: leave some out", OF_LISTENERS);
    }
    if (n == 0) {
        die_usage("listen: names no listener: expected tcp:PORT, as in tcp:6653, or none");
    }
}

void of_listen(struct ofproxy *p, const char *words)
{
    char copy[LISTEN_ROOM], *save = NULL;

    of_listen_check(words);
    strcpy(copy, strcmp(words, "none") == 0 ? "" : words);
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
        if (p->listeners[i].at.kind == ENDPOINT_UNIX) {
            unlink(endpoint_path(&p->listeners[i].at)); /* in the sandbox it stays */
        }
    }
    p->n_listeners = 0;
    if (p->spare_fd >= 0) {
        close(p->spare_fd);
        p->spare_fd = -1;
    }
}
