/* tests/bench/tcp_echo.c - a bare TCP connection that carries the bytes of a benchmark: what the
 * kernel alone takes of a PACKET_IN and its PACKET_OUT.
 *
 *     tcp_echo WINDOW MILLISECONDS THERE BACK [sleep|busy] [CPU CPU]
 *
 * The client keeps WINDOW messages of THERE bytes unanswered, the server answers each with BACK
 * bytes; neither looks into them, each takes all that there is by one recv and answers it by one
 * send.  CPU: where the client and the server are kept.  Prints the median and the 99th percentile
 * of the time there and back in microseconds, and messages a second. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/histogram.h"
#include "common/loop.h"
#include "tests/bench/pin.h"

#define BUFFER (1u << 21)

static uint8_t buffer[BUFFER];
static bool busy;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "tcp_echo: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void keep_on(const char *cpu)
{
    if (!pin(strtoul(cpu, NULL, 10))) {
        fail(cpu);
    }
}

static size_t take(int fd)
{
    ssize_t n;

    do {
        n = recv(fd, buffer, sizeof buffer, busy ? MSG_DONTWAIT : 0);
    } while (n < 0 && errno == EAGAIN);
    return n > 0 ? (size_t)n : 0;
}

static void give(int fd, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, buffer, len, MSG_NOSIGNAL);

        if (n < 0) {
            fail("send");
        }
        len -= (size_t)n;
    }
}

static _Noreturn void serve(int listener, size_t there, size_t back)
{
    int fd = accept(listener, NULL, NULL), yes = 1;
    size_t have = 0, got;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    while ((got = take(fd)) > 0) {
        have += got;
        give(fd, have / there * back);
        have %= there;
    }
    _exit(0);
}

/* A listener on a port that the kernel chooses. */
static int listener(struct sockaddr_in *a)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof *a;

    *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (struct sockaddr *)a, len) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)a, &len) != 0) {
        fail("listen");
    }
    return fd;
}

static struct histogram times;
static uint64_t sent_ns[65536]; /* by number of the message */
static uint64_t sent, answered;

/* Keeps the window full for a time.  Returns messages answered in it. */
static uint64_t load(int fd, unsigned window, uint64_t ns, size_t there, size_t back)
{
    uint64_t now = loop_now_ns(), end = now + ns, before = answered;
    static size_t have;

    while (now < end) {
        uint64_t n = window - (sent - answered);

        for (uint64_t i = 0; i < n; i++) {
            sent_ns[sent++ % 65536] = now;
        }
        give(fd, n * there);
        have += take(fd);
        now = loop_now_ns();
        for (; have >= back; have -= back) {
            uint64_t took = now - sent_ns[answered++ % 65536];

            histogram_add(&times, &took, 1);
        }
    }
    return answered - before;
}

/* The server is a child of ours; returns a connection to it. */
static int server(size_t there, size_t back, const char *cpu)
{
    struct sockaddr_in a;
    int listening = listener(&a), fd, yes = 1;

    if (fork() == 0) {
        if (cpu) {
            keep_on(cpu);
        }
        serve(listening, there, back);
    }
    close(listening);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        fail("connect");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

int main(int argc, char **argv)
{
    unsigned window = argc > 4 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    size_t there = argc > 4 ? strtoul(argv[3], NULL, 10) : 0;
    size_t back = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
    static struct histogram_snapshot s;
    uint64_t ns, start, n;
    int fd;

    if (window < 1 || window > 65536 || there < 1 || back < 1 || there * window > BUFFER ||
        back * window > BUFFER) {
        fprintf(stderr, "usage: tcp_echo WINDOW MILLISECONDS THERE BACK [sleep|busy] [CPU CPU]\n");
        return 2;
    }
    busy = argc > 5 && strcmp(argv[5], "busy") == 0;
    ns = strtoull(argv[2], NULL, 10) * 1000000u;
    fd = server(there, back, argc > 7 ? argv[7] : NULL);
    if (argc > 7) {
        keep_on(argv[6]);
    }
    load(fd, window, ns / 5, there, back); /* warm */
    histogram_clear(&times);
    start = loop_now_ns();
    n = load(fd, window, ns, there, back);
    start = loop_now_ns() - start;
    histogram_snapshot(&times, &s);
    printf("%.3f %.3f %.0f\n", (double)histogram_percentile(&s, 50) / 1e3,
           (double)histogram_percentile(&s, 99) / 1e3, (double)n * 1e9 / (double)start);
    close(fd);
    wait(NULL);
    return 0;
}
