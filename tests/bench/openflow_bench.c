/* tests/bench/openflow_bench.c - PACKET_INs of many connections, answered by ofproxy and, in the
 * same run, by the least program that can.
 *
 *     openflow_bench BIN_DIR FAKE_DIR ROUNDS CONNECTIONS WINDOW
 *
 * A load of 1.0 switches, in this process, keeps WINDOW frames of 64 bytes unanswered on each
 * connection.  It is answered by turns, ROUNDS rounds each, by
 *
 *     responder    one epoll loop without memory: a PACKET_OUT for each PACKET_IN, one write a read
 *     ofproxy      with the rings, tickets, classes and counts, and tests/fake/reflector on its
 *                  rings in the place of vnsbridge and router
 *
 * Prints a line for each round: what each answered, a second. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/proto/of10.h"

#define ROUND_NS 1000000000ull
#define PATIENCE_NS 20000000000ull
#define FRAME 64
#define MOST 256
#define BUFFER 65536

struct link {
    int fd;
    bool ready;
    unsigned out; /* frames unanswered */
    size_t have, queued;
    uint8_t in[BUFFER], to_send[BUFFER];
};
static struct link links[MOST];
static unsigned rounds, n_links, window;
static uint64_t answered;
static char dir[] = "/dev/shm/cw-of-bench-XXXXXX";

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "openflow_bench: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* ---- sockets ------------------------------------------------------------------------------ */

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listener(uint16_t port)
{
    struct sockaddr_in a = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, MOST) != 0) {
        fail("listen");
    }
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;

    getsockname(fd, (struct sockaddr *)&a, &len);
    return ntohs(a.sin_port);
}

static void no_delay(int fd)
{
    int yes = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

/* ---- the responder ------------------------------------------------------------------------ */

/* Answers the whole messages of a link; returns the bytes used. */
static size_t respond(struct link *l)
{
    size_t at = 0;

    while (l->have - at >= OF_HEADER && l->queued + 256 < sizeof l->to_send) {
        struct of_header h = of_header_at(l->in + at);
        struct wire_out out = {l->to_send + l->queued, l->to_send + sizeof l->to_send, false};

        if (h.length > l->have - at) {
            break;
        }
        if (h.type == OF10_TYPE_PACKET_IN && h.length >= 18) {
            size_t len = h.length - 18u;

            of10_packet_out_head(out.p, h.xid, wire_load_uint16(l->in + at + 14), len);
            memcpy(out.p + OF10_PACKET_OUT_HEAD, l->in + at + 18, len);
            l->queued += OF10_PACKET_OUT_HEAD + len;
        } else if (h.type == OF10_TYPE_HELLO) {
            of_header_put(&out, &(struct of_header){1, OF10_TYPE_HELLO, 8, 1});
            of_header_put(&out, &(struct of_header){1, OF10_TYPE_FEATURES_REQUEST, 8, 2});
            of_header_put(&out, &(struct of_header){1, OF10_TYPE_BARRIER_REQUEST, 8, 3});
            l->queued += 24;
        }
        at += h.length;
    }
    return at;
}

static void keep_rest(struct link *l, size_t used)
{
    memmove(l->in, l->in + used, l->have - used);
    l->have -= used;
}

/* Writes what is queued.  False: the peer is gone. */
static bool flush(struct link *l)
{
    ssize_t n = l->queued > 0 ? send(l->fd, l->to_send, l->queued, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

    if (n < 0) {
        return errno == EAGAIN;
    }
    memmove(l->to_send, l->to_send + n, l->queued - (size_t)n);
    l->queued -= (size_t)n;
    return true;
}

static _Noreturn void responder(int fd)
{
    int e = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ev[64], add = {EPOLLIN, {.ptr = NULL}};
    unsigned n = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    epoll_ctl(e, EPOLL_CTL_ADD, fd, &add);
    for (;;) {
        int got = epoll_wait(e, ev, 64, -1);

        for (int i = 0; i < got; i++) {
            struct link *l = ev[i].data.ptr;
            ssize_t len;

            if (!l) {
                l = &links[n++ % MOST];
                *l = (struct link){.fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK)};
                no_delay(l->fd);
                add = (struct epoll_event){EPOLLIN, {.ptr = l}};
                epoll_ctl(e, EPOLL_CTL_ADD, l->fd, &add);
                continue;
            }
            len = recv(l->fd, l->in + l->have, sizeof l->in - l->have, 0);
            if (len <= 0) {
                close(l->fd);
                continue;
            }
            l->have += (size_t)len;
            keep_rest(l, respond(l));
            flush(l);
        }
    }
}

/* ---- the load ----------------------------------------------------------------------------- */

static void put_features(struct link *l, uint32_t xid, uint64_t dpid)
{
    struct wire_out out = {l->to_send + l->queued, l->to_send + sizeof l->to_send, false};
    struct of10_phy_port port = {.port_no = 1, .hw_addr = {2, 0, 0, 0, 0, 1}, .name = "b-eth1"};

    of_header_put(&out, &(struct of_header){1, OF10_TYPE_FEATURES_REPLY, 80, xid});
    of10_switch_features_put(&out, &(struct of10_switch_features){.datapath_id = dpid});
    of10_phy_port_put(&out, &port);
    l->queued += 80;
}

static void put_header(struct link *l, uint8_t type, uint32_t xid)
{
    struct wire_out out = {l->to_send + l->queued, l->to_send + sizeof l->to_send, false};

    of_header_put(&out, &(struct of_header){1, type, 8, xid});
    l->queued += 8;
}

static void put_frame(struct link *l)
{
    static const uint8_t frame[FRAME] = {2,  0, 0, 0, 0, 1, 2,  0, 0, 0,  0, 9, 8, 0,  0x45, 0, 0,
                                         50, 0, 0, 0, 0, 9, 17, 0, 0, 10, 0, 0, 1, 10, 0,    0, 2};
    uint8_t *m = l->to_send + l->queued;
    struct wire_out out = {m, m + 18, false};

    of_header_put(&out, &(struct of_header){1, OF10_TYPE_PACKET_IN, 18 + FRAME, 0});
    of10_packet_in_put(&out, &(struct of10_packet_in){OF_NO_BUFFER, FRAME, 1, 0});
    memcpy(m + 18, frame, FRAME);
    l->queued += 18 + FRAME;
    l->out++;
}

static void take(struct link *l)
{
    size_t at = 0;

    while (l->have - at >= OF_HEADER) {
        struct of_header h = of_header_at(l->in + at);

        if (h.length > l->have - at || h.length < OF_HEADER) {
            break;
        }
        if (h.type == OF10_TYPE_PACKET_OUT) {
            l->out--;
            answered++;
        } else if (h.type == OF10_TYPE_FEATURES_REQUEST) {
            put_features(l, h.xid, (uint64_t)(l - links) + 1);
        } else if (h.type == OF10_TYPE_BARRIER_REQUEST) {
            put_header(l, OF10_TYPE_BARRIER_REPLY, h.xid);
            l->ready = true;
        } else if (h.type == OF10_TYPE_ECHO_REQUEST) {
            put_header(l, OF10_TYPE_ECHO_REPLY, h.xid);
        }
        at += h.length;
    }
    keep_rest(l, at);
}

static void connect_all(uint16_t port)
{
    struct sockaddr_in a = loopback(port);
    uint64_t until = loop_now_ns() + PATIENCE_NS;

    for (unsigned i = 0; i < n_links; i++) {
        struct link *l = &links[i];

        *l = (struct link){.fd = -1};
        while (l->fd < 0) {
            l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            if (connect(l->fd, (struct sockaddr *)&a, sizeof a) != 0) {
                close(l->fd);
                l->fd = -1;
                if (loop_now_ns() > until) {
                    fail("connect");
                }
                poll(NULL, 0, 10);
            }
        }
        no_delay(l->fd);
        put_header(l, OF10_TYPE_HELLO, 0);
    }
}

/* Turns the load until 'until'; with 'load' set, every window is kept full. */
static void turn(int e, uint64_t until, bool load)
{
    struct epoll_event ev[64];
    bool all = false;

    for (unsigned i = 0; i < n_links; i++) {
        flush(&links[i]);
    }
    while (loop_now_ns() < until && !(all && !load)) {
        int got = epoll_wait(e, ev, 64, 10);

        for (int i = 0; i < got; i++) {
            struct link *l = ev[i].data.ptr;
            ssize_t n = recv(l->fd, l->in + l->have, sizeof l->in - l->have, MSG_DONTWAIT);

            if (n == 0 || (n < 0 && errno != EAGAIN)) {
                fail("a connection was closed");
            }
            l->have += n > 0 ? (size_t)n : 0;
            take(l);
            while (load && l->out < window && l->queued + 128 < sizeof l->to_send) {
                put_frame(l);
            }
            flush(l);
        }
        all = true;
        for (unsigned i = 0; i < n_links; i++) {
            all &= links[i].ready;
        }
    }
    if (!load && !all) {
        fail("no handshake within 20 s");
    }
}

/* Answers a second of one round against whoever listens. */
static double rate(uint16_t port)
{
    int e = epoll_create1(EPOLL_CLOEXEC);
    uint64_t start;

    connect_all(port);
    for (unsigned i = 0; i < n_links; i++) {
        struct epoll_event add = {EPOLLIN, {.ptr = &links[i]}};

        epoll_ctl(e, EPOLL_CTL_ADD, links[i].fd, &add);
    }
    turn(e, loop_now_ns() + PATIENCE_NS, false);
    for (unsigned i = 0; i < n_links; i++) {
        put_frame(&links[i]);
    }
    turn(e, loop_now_ns() + ROUND_NS / 5, true); /* warm */
    answered = 0;
    start = loop_now_ns();
    turn(e, start + ROUND_NS, true);
    start = loop_now_ns() - start;
    for (unsigned i = 0; i < n_links; i++) {
        close(links[i].fd);
    }
    close(e);
    return (double)answered * 1e9 / (double)start;
}

/* ---- the run ------------------------------------------------------------------------------ */

static pid_t program(const char *const *argv)
{
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        fail(argv[0]);
    }
    return pid;
}

static void stop(pid_t pid)
{
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
    char of[512], reflect[512], listen_word[64], command[128];
    const char *of_argv[] = {of,           "--run-dir", dir,           "--listen", listen_word,
                             "--metering", "off",       "--log-level", "error",    NULL};
    const char *reflect_argv[] = {reflect, dir, NULL};
    uint16_t port, bare_port;
    pid_t a, b, c;
    int fd;

    if (argc != 6) {
        fprintf(stderr, "usage: openflow_bench BIN_DIR FAKE_DIR ROUNDS CONNECTIONS WINDOW\n");
        return 2;
    }
    rounds = (unsigned)strtoul(argv[3], NULL, 10);
    n_links = (unsigned)strtoul(argv[4], NULL, 10);
    window = (unsigned)strtoul(argv[5], NULL, 10);
    if (n_links < 1 || n_links > MOST || window < 1 || window > 512) {
        fprintf(stderr, "openflow_bench: expected 1 to %d connections, a window of 1 to 512\n",
                MOST);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if (!mkdtemp(dir)) {
        fail(dir);
    }
    fd = listener(0);
    bare_port = port_of(fd);
    c = fork();
    if (c == 0) {
        responder(fd);
    }
    close(fd);
    fd = listener(0); /* a port that is free */
    port = port_of(fd);
    close(fd);
    snprintf(of, sizeof of, "%s/ofproxy", argv[1]);
    snprintf(reflect, sizeof reflect, "%s/reflector", argv[2]);
    snprintf(listen_word, sizeof listen_word, "tcp:%u:127.0.0.1", port);
    a = program(of_argv);
    b = program(reflect_argv);
    for (unsigned i = 0; i < rounds; i++) {
        double bare = rate(bare_port);

        printf("%.0f %.0f\n", bare, rate(port));
        fflush(stdout);
    }
    stop(b);
    stop(a);
    stop(c);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) == 0 ? 0 : 1;
}
