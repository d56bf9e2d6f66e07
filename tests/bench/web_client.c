/* tests/bench/web_client.c - a terminal in a browser, without the browser: what a session costs on
 * the socket.  tests/bench/web_bench starts it.
 *
 *     web_client causeway|ttyd PORT flood FILE          MB/s of 'cat FILE'; every byte is compared
 *     web_client causeway|ttyd PORT echo COUNT          us from a key to its echo, against 'cat'
 *     web_client causeway|ttyd PORT interrupt           ms from ^C under 'yes' to the prompt
 *     web_client causeway PORT viewers COUNT FILE       the same for all of COUNT viewers
 *
 * The program on the terminal is a shell whose prompt is "READY> ".  One thread reads every socket
 * as soon as there is something, and acknowledges as a page does that keeps up. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define ACK_EVERY (64u << 10)
#define BUFFER (1u << 20)
#define MOST 200
#define MAGIC 16 /* bytes of the file that begin it, and are nowhere else */
#define PROMPT "READY> "

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

struct peer {
    int fd;
    uint8_t *in;
    size_t have;
    bool ready, driver;             /* hello has come */
    uint64_t next, acked;           /* offsets of the session; causeway's alone */
    uint64_t got, missing, doubled; /* bytes of output */
    size_t matched;                 /* of the magic */
    uint64_t compared, wrong;       /* bytes of the file */
    char tail[sizeof PROMPT - 1];
};
static struct peer peers[MOST];
static unsigned n_peers;
static bool ttyd;
static uint16_t port;
static const uint8_t *file;
static size_t file_size;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "web_client: %s: %s\n", what, errno ? strerror(errno) : "not as it must be");
    exit(2);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- WebSocket ----------------------------------------------------------------------------- */

static void put_all(int fd, const void *bytes, size_t n)
{
    for (const char *at = bytes; n > 0;) {
        ssize_t w = write(fd, at, n);

        if (w < 0) {
            fail("write");
        }
        at += w;
        n -= (size_t)w;
    }
}

/* Masked, as a client must, by a mask of zeros. */
static void send_frame(struct peer *p, int opcode, const void *bytes, size_t n)
{
    uint8_t frame[14 + 256];
    size_t at = 2;

    frame[0] = (uint8_t)(0x80 | opcode);
    frame[1] = (uint8_t)(0x80 | (n < 126 ? n : 126));
    if (n >= 126) {
        frame[at++] = (uint8_t)(n >> 8);
        frame[at++] = (uint8_t)n;
    }
    memset(frame + at, 0, 4);
    at += 4;
    if (n > 256) {
        fail("send_frame");
    }
    memcpy(frame + at, bytes, n);
    put_all(p->fd, frame, at + n);
}

static void send_text(struct peer *p, const char *text)
{
    send_frame(p, ttyd ? BINARY : TEXT, text, strlen(text));
}

static void type(struct peer *p, const char *keys)
{
    char message[256];
    int n = snprintf(message, sizeof message, "%s%s", ttyd ? "0" : "", keys);

    send_frame(p, BINARY, message, (size_t)n);
}

/* ---- output -------------------------------------------------------------------------------- */

static void compare(struct peer *p, const uint8_t *bytes, size_t n)
{
    size_t rest;

    while (n > 0 && p->matched < MAGIC) {
        p->matched = *bytes == file[p->matched] ? p->matched + 1 : *bytes == file[0];
        p->compared = p->matched;
        bytes++;
        n--;
    }
    rest = file_size - p->compared < n ? file_size - p->compared : n;
    if (rest > 0) {
        p->wrong += memcmp(bytes, file + p->compared, rest) == 0 ? 0 : rest;
        p->compared += rest;
    }
}

static void output(struct peer *p, const uint8_t *bytes, size_t n)
{
    size_t keep = sizeof p->tail;

    p->got += n;
    if (n >= keep) {
        memcpy(p->tail, bytes + n - keep, keep);
    } else {
        memmove(p->tail, p->tail + n, keep - n);
        memcpy(p->tail + keep - n, bytes, n);
    }
    if (file) {
        compare(p, bytes, n);
    }
}

/* causeway's: 8 bytes of offset, then the bytes. */
static void placed_output(struct peer *p, const uint8_t *bytes, size_t n)
{
    uint64_t offset = 0;
    char ack[64];

    for (unsigned i = 0; i < 8; i++) {
        offset = offset << 8 | bytes[i];
    }
    if (p->got == 0) {
        p->next = p->acked = offset;
    }
    p->missing += offset > p->next ? offset - p->next : 0;
    p->doubled += offset < p->next ? p->next - offset : 0;
    p->next = offset + n - 8;
    output(p, bytes + 8, n - 8);
    if (p->next - p->acked >= ACK_EVERY) {
        p->acked = p->next;
        snprintf(ack, sizeof ack, "{\"type\":\"ack\",\"offset\":%" PRIu64 "}", p->next);
        send_text(p, ack);
    }
}

static void message(struct peer *p, int opcode, const uint8_t *bytes, size_t n)
{
    static const char hello[] = "\"hello\"", drives[] = "\"driver\":true";

    if (opcode == PING) {
        send_frame(p, PONG, bytes, n);
    } else if (opcode == CLOSE) {
        fprintf(stderr, "web_client: the server closed: %.*s\n", n > 2 ? (int)n - 2 : 0,
                (const char *)bytes + 2);
        exit(2);
    } else if (ttyd) {
        p->ready = true;
        if (n > 0 && bytes[0] == '0') {
            output(p, bytes + 1, n - 1);
        }
    } else if (opcode == BINARY && n >= 8) {
        placed_output(p, bytes, n);
    } else if (opcode == TEXT && memmem(bytes, n, hello, sizeof hello - 1)) {
        p->ready = true;
        p->driver = memmem(bytes, n, drives, sizeof drives - 1) != NULL;
    }
}

/* The whole frames of what has come. */
static void take_frames(struct peer *p)
{
    size_t at = 0, head, n;

    while (p->have - at >= 2) {
        const uint8_t *f = p->in + at;

        n = f[1] & 127;
        head = n == 126 ? 4 : n == 127 ? 10 : 2;
        if (p->have - at < head) {
            break;
        }
        for (size_t i = 2, wide = 0; i < head; i++) {
            n = wide = wide << 8 | f[i];
        }
        if (head + n > BUFFER) {
            errno = EMSGSIZE;
            fail("a frame of the server");
        }
        if (p->have - at < head + n) {
            break;
        }
        message(p, f[0] & 15, f + head, n);
        at += head + n;
    }
    memmove(p->in, p->in + at, p->have - at);
    p->have -= at;
}

/* What comes within 'ms'.  False: nothing. */
static bool take_some(int ms)
{
    struct pollfd set[MOST];

    for (unsigned i = 0; i < n_peers; i++) {
        set[i] = (struct pollfd){.fd = peers[i].fd, .events = POLLIN};
    }
    if (poll(set, n_peers, ms) <= 0) {
        return false;
    }
    for (unsigned i = 0; i < n_peers; i++) {
        struct peer *p = &peers[i];
        ssize_t n = set[i].revents ? read(p->fd, p->in + p->have, BUFFER - p->have) : 0;

        if (set[i].revents && n <= 0) {
            fail("read");
        }
        if (n > 0) {
            p->have += (size_t)n;
            take_frames(p);
        }
    }
    return true;
}

/* Waits until 'done' of all peers.  'what' is awaited. */
static void run_until(bool (*done)(const struct peer *p), const char *what)
{
    unsigned at = 0;

    while (at < n_peers) {
        if (done(&peers[at])) {
            at++;
        } else if (!take_some(PATIENCE_MS)) {
            errno = ETIMEDOUT;
            fail(what);
        }
    }
}

/* Until nothing has come for a while. */
static void settle(void)
{
    while (take_some(200)) {
    }
}

/* ---- opening ------------------------------------------------------------------------------- */

static bool is_ready(const struct peer *p)
{
    return p->ready;
}

static bool at_prompt(const struct peer *p)
{
    return memcmp(p->tail, PROMPT, sizeof p->tail) == 0;
}

static struct peer *open_peer(void)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct peer *p = &peers[n_peers++];
    char text[512];
    int yes = 1, n = 0;

    p->in = malloc(BUFFER);
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (!p->in || connect(p->fd, (struct sockaddr *)&a, sizeof a) != 0) {
        fail("connect");
    }
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    snprintf(
        text, sizeof text,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Sec-WebSocket-Protocol: %s\r\nOrigin: http://127.0.0.1:%u\r\n\r\n",
        ttyd ? "/ws" : "/ws/terminal?session=0", port, ttyd ? "tty" : "causeway.terminal", port);
    put_all(p->fd, text, strlen(text));
    while (n < 4 || memcmp(text + n - 4, "\r\n\r\n", 4) != 0) {
        if (n == (int)sizeof text - 1 || read(p->fd, text + n++, 1) != 1) {
            fail("the answer to the upgrade");
        }
    }
    text[n] = '\0';
    if (!strstr(text, " 101 ")) {
        fprintf(stderr, "web_client: %s", text);
        exit(2);
    }
    send_text(p, ttyd ? "{\"AuthToken\":\"\",\"columns\":80,\"rows\":24}"
                      : "{\"type\":\"attach\",\"epoch\":null,\"from\":null,\"name\":\"bench\"}");
    run_until(is_ready, "hello");
    return p;
}

/* A peer that drives, at a prompt of its own asking. */
static struct peer *open_driver(void)
{
    struct peer *p = open_peer();

    if (!ttyd && !p->driver) {
        send_text(p, "{\"type\":\"take\"}");
    }
    settle(); /* the shell begins, or what there was is shown again */
    if (!at_prompt(p)) {
        type(p, "\003");
        run_until(at_prompt, "prompt after ^C");
    }
    memset(p->tail, 0, sizeof p->tail);
    type(p, "stty -opost\n");
    run_until(at_prompt, "prompt");
    settle();
    return p;
}

static void map_file(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);

    if (fd < 0 || fstat(fd, &st) != 0) {
        fail(path);
    }
    file_size = (size_t)st.st_size;
    file = mmap(NULL, file_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (file == MAP_FAILED) {
        fail(path);
    }
}

/* ---- what is measured ---------------------------------------------------------------------- */

static bool has_begun(const struct peer *p)
{
    return p->compared >= MAGIC;
}

static bool has_file(const struct peer *p)
{
    return p->compared + p->missing >= file_size;
}

static void flood(struct peer *p, const char *path)
{
    char line[200];
    uint64_t began;
    uint64_t missing = 0, doubled = 0, wrong = 0;

    map_file(path);
    snprintf(line, sizeof line, "cat %s\n", path);
    type(p, line);
    run_until(has_begun, "the beginning of the file");
    began = now_ns();
    run_until(has_file, "the end of the file");
    for (unsigned i = 0; i < n_peers; i++) {
        missing += peers[i].missing;
        doubled += peers[i].doubled;
        wrong += peers[i].wrong;
    }
    printf("mb_per_s %.1f\nmissing %" PRIu64 "\ndoubled %" PRIu64 "\nwrong %" PRIu64 "\n",
           (double)file_size * n_peers * 1e3 / (double)(now_ns() - began), missing, doubled, wrong);
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static uint64_t wanted; /* bytes of output */

static bool has_wanted(const struct peer *p)
{
    return p->got >= wanted;
}

/* A key, and its echo at the last of all peers; a typist's pause, in which all sleep, between two.
 */
static void echo(struct peer *p, unsigned count)
{
    uint64_t *took = calloc(count, sizeof *took);

    type(p, "cat\n");
    settle();
    for (unsigned i = 0; i < n_peers; i++) {
        peers[i].got = 1;
    }
    for (unsigned i = 0; took && i < count; i++) {
        uint64_t began = now_ns();

        wanted = peers[0].got + 1;
        type(p, i % 80 == 79 ? "\n" : "x");
        run_until(has_wanted, "echo");
        took[i] = now_ns() - began;
        usleep((useconds_t)(1000 + 7919 * i % 2000));
    }
    qsort(took, count, sizeof *took, by_value);
    printf("p50_us %.0f\np90_us %.0f\np99_us %.0f\nmax_us %.0f\n", (double)took[count / 2] / 1e3,
           (double)took[count * 9 / 10] / 1e3, (double)took[count * 99 / 100] / 1e3,
           (double)took[count - 1] / 1e3);
    type(p, "\003");
    run_until(at_prompt, "prompt after cat");
    free(took);
}

static void interrupt(struct peer *p)
{
    uint64_t began, before;

    memset(p->tail, 0, sizeof p->tail);
    wanted = p->got + (4u << 20);
    type(p, "yes\n");
    run_until(has_wanted, "4 MB of 'yes'");
    before = p->got;
    began = now_ns();
    type(p, "\003");
    run_until(at_prompt, "prompt after ^C");
    printf("ms %.1f\nbytes_after %" PRIu64 "\n", (double)(now_ns() - began) / 1e6, p->got - before);
}

int main(int argc, char **argv)
{
    struct peer *p;

    if (argc < 4) {
        fprintf(stderr,
                "usage: web_client causeway|ttyd PORT flood FILE | echo COUNT | interrupt | "
                "viewers COUNT FILE\n");
        return 2;
    }
    ttyd = strcmp(argv[1], "ttyd") == 0;
    port = (uint16_t)atoi(argv[2]);
    p = open_driver();
    if (strcmp(argv[3], "flood") == 0 && argc == 5) {
        flood(p, argv[4]);
    } else if (strcmp(argv[3], "echo") == 0 && argc == 5) {
        echo(p, (unsigned)atoi(argv[4]));
    } else if (strcmp(argv[3], "interrupt") == 0) {
        interrupt(p);
    } else if (strcmp(argv[3], "viewers") == 0 && argc == 6 && atoi(argv[4]) < MOST) {
        for (int i = 1; i < atoi(argv[4]); i++) {
            open_peer();
        }
        echo(p, 200);
        flood(p, argv[5]);
    }
    return 0;
}
