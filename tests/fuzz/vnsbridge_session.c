/* A VNS client's connection: an input is what two clients of one virtual host say, in turns.
 *
 *     1 byte    bits 0-2: where the bytes are cut; bits 3-4: a frame for the router now and then
 *     then      bytes of the first client, or, after each 0xff 0x5a, of the other
 *
 * A client that shows any key may have the virtual host, so the bytes alone can open a session.
 * What a client is told are messages that a classic client takes; each frame has one way; what a
 * client sends leaves by a port of its virtual host; and once both have left none is kept. */
#include "tests/unit/vnsbridge_world.h"

#include <sys/ioctl.h>

#include "tests/fuzz/fuzz.h"

#define PIECES 200 /* of an input; the rest comes at once */

static struct world *w;
static uint8_t told[2][1 << 20];

struct peer {
    int fd;
    size_t n_told;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char command[128];

    (void)argc, (void)argv;
    w = world_open(NULL);
    world_lab(w, PORT_UP);
    snprintf(command, sizeof command, "rm -rf %s", w->dir); /* all of it is mapped */
    fuzz_check(system(command) == 0);
    return 0;
}

/* ---- both neighbours ---------------------------------------------------------------------- */

static unsigned take(struct ring_rx *rx, uint64_t seq)
{
    const uint8_t *head;
    struct record r;
    unsigned n = 0;

    while (ring_peek(rx, &r, &head)) {
        if (r.verdict == VERDICT_ORIGINATED) {
            fuzz_check(r.dpid == WORLD_DPID && r.port >= 1 && r.port <= 3 && r.tail_len == 0 &&
                       r.head_len >= VNS_FRAME_MIN && r.head_len <= VNS_FRAME_MAX);
        } else {
            fuzz_check(r.seq == seq, "frame %llu", (unsigned long long)r.seq);
            n++;
        }
        ring_next(rx);
    }
    ring_release(rx);
    return n;
}

static void a_frame(unsigned when)
{
    static const size_t lengths[] = {60, 128, 129, 1514};
    uint64_t seq;

    seq = world_frame(w, 1 + when % 3, lengths[when % 4]);
    world_pump_n(w, 2);
    fuzz_check(take(&w->pkt_out, seq) + take(&w->vns_in, seq) == 1, "not one way");
}

/* ---- the clients -------------------------------------------------------------------------- */

static void listen_to(struct peer *p, uint8_t *bytes)
{
    size_t at = 0;
    ssize_t n;
    long len;

    while ((n = recv(p->fd, bytes + p->n_told, sizeof told[0] - p->n_told, MSG_DONTWAIT)) > 0) {
        p->n_told += (size_t)n;
    }
    while ((len = vns_message_length(bytes + at, p->n_told - at, VNS_CLIENT_MAX)) > 0) {
        at += (size_t)len;
    }
    fuzz_check(len == 0, "a client was told what is no message");
    memmove(bytes, bytes + at, p->n_told - at);
    p->n_told -= at;
}

static size_t piece(unsigned cut, size_t at, size_t left)
{
    static const size_t sizes[] = {SIZE_MAX, 1, 7, 8, 9, 100, 1000};
    size_t n = cut == 7 ? (at * 2654435761u >> 7) % 41 + 1 : sizes[cut];

    return n < left ? n : left;
}

static size_t until_other(const uint8_t *bytes, size_t len)
{
    const uint8_t *at = memmem(bytes, len, "\xff\x5a", 2);

    return at ? (size_t)(at - bytes) : len;
}

static bool say(struct peer *p, uint8_t *bytes, const uint8_t *what, size_t len)
{
    ssize_t n = send(p->fd, what, len, MSG_NOSIGNAL | MSG_DONTWAIT);

    world_pump_n(w, 2);
    take(&w->pkt_out, 0);
    listen_to(p, bytes);
    return n == (ssize_t)len;
}

static struct peer enter(void)
{
    int ends[2];

    fuzz_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    clients_accept(&w->b, ends[0]);
    return (struct peer){ends[1], 0};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    uint8_t choice = fuzz_u8(&f);
    struct peer peer[2] = {enter(), enter()};
    unsigned turn = 0, pieces = 0;
    bool goes_on = true;

    while (goes_on && f.left > 0) {
        size_t end = until_other(f.p, f.left);

        for (size_t at = 0; goes_on && at < end; pieces++) {
            size_t n = piece(pieces < PIECES ? choice & 7 : 0, at, end - at);
            const uint8_t *bytes = fuzz_bytes(&f, &n);

            goes_on = say(&peer[turn], told[turn], bytes, n);
            at += n;
            if (pieces % 4 < (choice >> 3 & 3)) {
                a_frame(pieces);
            }
        }
        end = 2;
        fuzz_bytes(&f, &end);
        turn ^= 1;
    }
    close(peer[0].fd);
    close(peer[1].fd);
    world_pump_n(w, 4);
    take(&w->pkt_out, 0);
    fuzz_check(w->b.clients.used == 0 && w->b.clients.n_stalled == 0, "%u clients are kept",
               w->b.clients.used);
    fuzz_check(w->b.vhosts.list[0].client == NULL);
    return 0;
}
