/* tests/bench/chain_bench.c - three processes, 128 bytes there and back: A to B to C to B to A.
 *
 *     chain_bench ring|unix|tcp|bare WINDOW RECORDS [POLICY]
 *
 * "ring": the project's rings, doorbells and waiting (auto, yield, poll or sleep), placed as suits
 * a chain without a switch: A and C, which take turns anyway, on the first core, B on the second.
 * "unix", "tcp": the same over stream sockets: each process sleeps in epoll, takes by one recv what
 * there is, and passes it on by one send.  "bare": the floor; four numbers in shared memory and no
 * records, three processes that yield and never sleep, placed so, too.  WINDOW records are under
 * way at once.  Prints the median of the times there and back in microseconds, and records a
 * second. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/histogram.h"
#include "common/loop.h"
#include "shm/bell.h"
#include "shm/ring.h"
#include "shm/wait.h"
#include "tests/bench/pin.h"

#define RING (2u << 20)
#define LEN 128
#define WINDOW_US 50 /* as the setting wait-window-us has it */

static char dir[] = "/dev/shm/cw-bench-XXXXXX";
static struct histogram times;
static pid_t child[2];

static void end_children(void)
{
    for (unsigned c = 0; c < 2; c++) {
        kill(child[c], SIGKILL);
        waitpid(child[c], NULL, 0);
    }
}

static void took(uint64_t since_ns)
{
    uint64_t ns = loop_now_ns() - since_ns;

    histogram_add(&times, &ns, 1);
}

/* ---- over rings --------------------------------------------------------------------------- */

struct node {
    struct loop loop;
    struct waiter waiter;
    struct bell bells[3];
};

static void node_open(struct node *n, unsigned me, enum wait_policy policy)
{
    char why[200], path[100];

    loop_open(&n->loop);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%u.bell", dir, i);
        if (bell_open(&n->bells[i], path, why, sizeof why) != 0) {
            fprintf(stderr, "chain_bench: %s\n", why);
            exit(2);
        }
    }
    wait_open(&n->waiter, &n->loop, policy, WINDOW_US, &n->bells[me]);
}

/* Passes what comes in 'rx' on to 'tx'; returns how many. */
static unsigned pass(struct waiter *w, struct ring_rx *rx, struct ring_tx *tx)
{
    struct record r;
    const uint8_t *from;
    unsigned n = 0;

    while (n < 32 && ring_peek(rx, &r, &from)) {
        uint8_t *to = ring_reserve(tx, r.head_len);

        if (!to) {
            break;
        }
        memcpy(to, from, r.head_len);
        ring_commit(tx, &r);
        wait_told(w, r.flags);
        ring_next(rx);
        ring_settle(tx, 0, ring_position(rx));
        n++;
    }
    ring_publish(tx);
    ring_release(rx);
    return n;
}

/* A -0-> B -1-> C -2-> B -3-> A */
static struct ring_tx tx[4];
static struct ring_rx rx[4];

static _Noreturn void ring_node(unsigned me, enum wait_policy policy)
{
    static const unsigned reader[4] = {1, 2, 1, 0};
    static struct node n;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(me == 1);
    node_open(&n, me, policy);
    for (unsigned i = 0; i < 4; i++) {
        tx[i].bell = &n.bells[reader[i]];
    }
    wait_ring(&n.waiter, &rx[me == 1 ? 0 : 1]);
    if (me == 1) {
        wait_ring(&n.waiter, &rx[2]);
    }
    for (;;) {
        unsigned work = me == 1 ? pass(&n.waiter, &rx[0], &tx[1]) + pass(&n.waiter, &rx[2], &tx[3])
                                : pass(&n.waiter, &rx[1], &tx[2]);

        wait_turn(&n.waiter, work);
    }
}

static void over_rings(enum wait_policy policy, unsigned window, uint64_t records)
{
    static struct node a;
    uint64_t sent = 0, back = 0;

    for (unsigned i = 0; i < 4; i++) {
        ring_private(&tx[i], &rx[i], RING);
    }
    for (unsigned c = 0; c < 2; c++) {
        child[c] = fork();
        if (child[c] == 0) {
            ring_node(c + 1, policy);
        }
    }
    pin(0); /* where there is one core, all stay on that */
    node_open(&a, 0, policy);
    a.waiter.edge = true; /* as ofproxy: it finds out whether not to sleep pays */
    tx[0].bell = &a.bells[1];
    wait_ring(&a.waiter, &rx[3]);
    while (back < records) {
        struct record r;
        const uint8_t *head;
        unsigned got = 0;

        while (sent < records && sent - back < window) {
            struct record out = {
                .rx_ns = loop_now_ns(), .head_len = LEN, .flags = (uint8_t)wait_flags(&a.waiter)};

            memset(ring_reserve(&tx[0], LEN), 2, LEN);
            ring_commit(&tx[0], &out);
            sent++;
        }
        ring_publish(&tx[0]);
        while (ring_peek(&rx[3], &r, &head)) {
            took(r.rx_ns);
            back++;
            ring_next(&rx[3]);
            got++;
        }
        ring_release(&rx[3]);
        wait_turn(&a.waiter, got);
    }
}

/* ---- over sockets ------------------------------------------------------------------------- */

struct link {
    struct loop_fd fd; /* first */
    int to;            /* where what comes goes on to; -1: A's end */
    size_t have;
    uint8_t bytes[65536];
};

static void pair(bool unix_sockets, int fd[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int listener, yes = 1, bad;

    if (unix_sockets) {
        bad = socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
    } else {
        listener = socket(AF_INET, SOCK_STREAM, 0);
        fd[0] = socket(AF_INET, SOCK_STREAM, 0);
        bad = bind(listener, (struct sockaddr *)&a, len) != 0 || listen(listener, 1) != 0 ||
              getsockname(listener, (struct sockaddr *)&a, &len) != 0 ||
              connect(fd[0], (struct sockaddr *)&a, len) != 0;
        fd[1] = accept(listener, NULL, NULL);
        setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        setsockopt(fd[1], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        close(listener);
    }
    if (bad) {
        perror("chain_bench: sockets");
        exit(2);
    }
}

static void send_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n <= 0) {
            exit(2);
        }
        bytes += n;
        len -= (size_t)n;
    }
}

/* Passes on what there is, whole records or not. */
static void pass_on(struct loop_fd *self, uint32_t events)
{
    struct link *l = (struct link *)(void *)self;
    ssize_t n = recv(l->fd.fd, l->bytes, sizeof l->bytes, MSG_DONTWAIT);

    (void)events;
    if (n > 0) {
        send_all(l->to, l->bytes, (size_t)n);
    }
}

static _Noreturn void socket_node(const int in[2], const int out[2])
{
    static struct link l[2];
    struct loop loop;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    loop_open(&loop);
    for (unsigned i = 0; i < 2; i++) {
        if (in[i] >= 0) {
            l[i] = (struct link){.fd = {.fd = in[i], .ready = pass_on}, .to = out[i]};
            loop_add(&loop, &l[i].fd, EPOLLIN);
        }
    }
    for (;;) {
        loop_poll(&loop, -1);
    }
}

static uint64_t back;

static void take_back(struct loop_fd *self, uint32_t events)
{
    struct link *l = (struct link *)(void *)self;
    ssize_t n = recv(l->fd.fd, l->bytes + l->have, sizeof l->bytes - l->have, MSG_DONTWAIT);
    size_t at = 0;

    (void)events;
    l->have += n > 0 ? (size_t)n : 0;
    for (; l->have - at >= LEN; at += LEN) {
        uint64_t since;

        memcpy(&since, l->bytes + at, sizeof since);
        took(since);
        back++;
    }
    memmove(l->bytes, l->bytes + at, l->have - at);
    l->have -= at;
}

static void over_sockets(bool unix_sockets, unsigned window, uint64_t records)
{
    static struct link l;
    static uint8_t out[65536];
    struct loop loop;
    uint64_t sent = 0;
    int ab[2], bc[2];

    pair(unix_sockets, ab);
    pair(unix_sockets, bc);
    for (unsigned c = 0; c < 2; c++) {
        child[c] = fork();
        if (child[c] == 0) {
            socket_node(c == 0 ? (int[]){ab[1], bc[0]} : (int[]){bc[1], -1},
                        c == 0 ? (int[]){bc[0], ab[1]} : (int[]){bc[1], -1});
        }
    }
    loop_open(&loop);
    l = (struct link){.fd = {.fd = ab[0], .ready = take_back}, .to = -1};
    loop_add(&loop, &l.fd, EPOLLIN);
    while (back < records) {
        size_t len = 0;

        for (; sent < records && sent - back < window && len < sizeof out; sent++, len += LEN) {
            uint64_t now = loop_now_ns();

            memcpy(out + len, &now, sizeof now);
        }
        send_all(ab[0], out, len);
        loop_poll(&loop, -1);
    }
}

/* ---- the floor ---------------------------------------------------------------------------- */

/* How many records have come to B, to C, back to B, back to A. */
struct place {
    _Alignas(128) _Atomic uint64_t n;
};

static bool pass_bare(struct place *from, struct place *to)
{
    uint64_t n = atomic_load_explicit(&from->n, memory_order_acquire);

    if (n == atomic_load_explicit(&to->n, memory_order_relaxed)) {
        return false;
    }
    atomic_store_explicit(&to->n, n, memory_order_release);
    return true;
}

static _Noreturn void bare_node(struct place *at, bool middle)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(middle ? 1 : 0);
    for (;;) {
        bool some = middle ? pass_bare(&at[0], &at[1]) | pass_bare(&at[2], &at[3])
                           : pass_bare(&at[1], &at[2]);

        if (!some) {
            sched_yield();
        }
    }
}

static void bare(unsigned window, uint64_t records)
{
    struct place *at =
        mmap(NULL, 4 * sizeof *at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t sent = 0, since[512] = {0};

    if (at == MAP_FAILED) {
        perror("chain_bench: memory");
        exit(2);
    }
    for (unsigned c = 0; c < 2; c++) {
        child[c] = fork();
        if (child[c] == 0) {
            bare_node(at, c == 0);
        }
    }
    pin(0);
    while (back < records) {
        uint64_t n;

        for (; sent < records && sent - back < window; sent++) {
            since[sent % 512] = loop_now_ns();
        }
        atomic_store_explicit(&at[0].n, sent, memory_order_release);
        n = atomic_load_explicit(&at[3].n, memory_order_acquire);
        if (n == back) {
            sched_yield();
        }
        for (; back < n; back++) {
            took(since[back % 512]);
        }
    }
}

/* ---- the run ------------------------------------------------------------------------------ */

int main(int argc, char **argv)
{
    static struct histogram_snapshot s;
    enum wait_policy policy = WAIT_AUTO;
    unsigned window = argc > 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    uint64_t records = argc > 3 ? strtoull(argv[3], NULL, 10) : 0, start;
    char command[80];

    if (window < 1 || window > 512 || records < 1 ||
        (argc > 4 && !wait_policy_parse(argv[4], &policy))) {
        fprintf(stderr, "usage: chain_bench ring|unix|tcp|bare WINDOW RECORDS "
                        "[auto|yield|poll|sleep]; a window of 1 to 512\n");
        return 2;
    }
    if (!mkdtemp(dir)) {
        perror(dir);
        return 2;
    }
    start = loop_now_ns();
    if (strcmp(argv[1], "ring") == 0) {
        over_rings(policy, window, records);
    } else if (strcmp(argv[1], "bare") == 0) {
        bare(window, records);
    } else {
        over_sockets(strcmp(argv[1], "unix") == 0, window, records);
    }
    start = loop_now_ns() - start;
    end_children();
    histogram_snapshot(&times, &s);
    printf("%.3f %.0f\n", (double)histogram_percentile(&s, 50) / 1e3,
           (double)records * 1e9 / (double)start);
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command) == 0 ? 0 : 1;
}
