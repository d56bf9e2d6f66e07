/* tests/fault/step_ofproxy.c - a switch and vnsbridge, played for an ofproxy.
 *
 * Its promise is weaker than that of the others, for its other side is a socket: frames that it
 * received and did not publish are given up, as dropped[restart]; what it had begun to send when it
 * died is not sent again.  All else is exact, and held to here: each frame goes up once or never,
 * those of one recv together; none comes out twice; each ticket is settled once; class shares, port
 * shares and counters tell what has happened, after the start of each successor and at its end.
 *
 * A frame's bytes from NUMBER_AT on are its number, all of them. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/proto/pkt.h"
#include "shm/account.h"
#include "shm/ring_layout.h"
#include "tests/fault/step_ofproxy.h"

#define NUMBER_AT 40
#define ARENA_DATA_AT (FILE_PAGE + ARENA_TICKETS * sizeof(struct arena_flight))
#define CHUNKS 3
#define CHUNK_BYTES (16u * 1024) /* no more of each is ever received into, by these tests */

static struct of_state s;
static char listen_words[32];
static uint8_t *arena; /* the file */

static struct arena_flight *flight_at(unsigned ticket)
{
    return (struct arena_flight *)(void *)(arena + FILE_PAGE) + ticket;
}

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
    va_list args;

    if (s.strange++ == 0) {
        va_start(args, format);
        vsnprintf(s.complaint, sizeof s.complaint, format, args);
        va_end(args);
    }
}

/* ---- frames ------------------------------------------------------------------------------- */

static size_t make_frame(uint8_t *frame, unsigned number)
{
    static const uint16_t type[CLASSES] = {PKT_TYPE_LLDP, PKT_TYPE_ARP, PKT_TYPE_IP, PKT_TYPE_IP,
                                           0x88b5};
    enum ingress_class k = class_of(number);

    memset(frame, 0, NUMBER_AT);
    memset(frame + NUMBER_AT, (int)number, len_of(number) - NUMBER_AT);
    frame[0] = frame[6] = 2;
    pkt_put16(frame + 12, type[k]);
    if (k == CLASS_LOCAL || k == CLASS_FORWARD) {
        pkt_put32(frame + PKT_ETH_LEN + 16, k == CLASS_LOCAL ? 0x0a000001 : 0x0a000002);
    }
    return len_of(number);
}

static void send_batch(void)
{
    unsigned first = s.batches++ * BATCH + 1;
    uint8_t frame[1024];

    for (unsigned n = first; n < first + BATCH; n++) {
        switch_packet_in(port_of(n), frame, make_frame(frame, n));
    }
    switch_send();
}

static void on_packet_out(const uint8_t *frame, size_t len)
{
    unsigned number = len > NUMBER_AT ? frame[NUMBER_AT] : 0;

    for (size_t i = NUMBER_AT; i < len; i++) {
        if (frame[i] != number) {
            number = 0;
        }
    }
    if (number == 0) {
        complain("a frame of %zu bytes came out that is not whole", len);
    }
    s.sent[number]++;
}

static void look(void)
{
    switch_take(on_packet_out);
}

/* ---- records ------------------------------------------------------------------------------ */

static void put(struct record *r, const uint8_t *head, unsigned number)
{
    uint8_t *to = ring_reserve(&s.pkt_out, r->head_len);

    if (!to || s.n_outs == RECORDS) {
        complain("PKT_OUT is full");
        return;
    }
    memcpy(to, head, r->head_len);
    ring_commit(&s.pkt_out, r);
    s.outs[s.n_outs++] = (struct out){s.pkt_out.staged, r->head_len > 0 ? (uint8_t)number : 0,
                                      r->ticket != RECORD_NO_TICKET};
}

static void put_own(unsigned number)
{
    struct record r = {.verdict = VERDICT_ORIGINATED,
                       .dpid = SWITCH_DPID,
                       .port = 2,
                       .ticket = RECORD_NO_TICKET,
                       .head_len = 64};
    uint8_t frame[1024];

    make_frame(frame, number);
    memset(frame + NUMBER_AT, (int)number, 64 - NUMBER_AT);
    put(&r, frame, number);
}

/* All kinds of verdicts in turn. */
static void give_verdict(struct record *r, unsigned number)
{
    static const enum verdict kind[] = {VERDICT_FORWARDED, VERDICT_ANSWERED, VERDICT_DROPPED,
                                        VERDICT_HELD, VERDICT_FORWARDED};
    uint8_t frame[1024];

    make_frame(frame, number);
    r->verdict = (uint8_t)kind[number % 5];
    r->src = 0;
    if (r->verdict == VERDICT_DROPPED) {
        r->reason = DROP_NO_ROUTE;
    }
    if (number % 5 >= 2 && number % 5 < 4) {
        r->head_len = r->tail_len = 0;
    }
    put(r, frame, number);
    s.answered[number] = 1;
    if (number % 3 == 0) {
        put_own(NUMBERS + number);
    }
}

/* The number of a frame that came up as it was sent; 0 else. */
static unsigned number_of(const struct record *r, const uint8_t *head)
{
    unsigned number = r->head_len > NUMBER_AT ? head[NUMBER_AT] : 0;

    if (number == 0 || number >= NUMBERS || r->port != port_of(number) ||
        r->klass != class_of(number) || r->head_len + r->tail_len != len_of(number)) {
        complain("a record of port %u and class %u came up that is no frame of the switch's",
                 r->port, r->klass);
        return 0;
    }
    return number;
}

static void take_records(void)
{
    const uint8_t *head;
    struct record r;

    while (ring_peek(&s.pkt_in, &r, &head)) {
        unsigned number = number_of(&r, head);

        s.last_seq = r.seq;
        s.published[number] = 1;
        s.up[number]++;
        if (is_kept(number)) {
        } else if (s.waits && s.n_waiting < BATCH) {
            s.waiting[s.n_waiting].record = r;
            s.waiting[s.n_waiting++].number = number;
        } else {
            give_verdict(&r, number);
        }
        ring_next(&s.pkt_in);
    }
    ring_publish(&s.pkt_out);
    ring_release(&s.pkt_in);
    if (s.pkt_in.at > STEP_RING || s.pkt_out.tail > STEP_RING) {
        complain("more was written to a ring than is kept of it");
    }
}

static bool check(char *why, size_t size)
{
    if (s.strange > 0) {
        snprintf(why, size, "%s", s.complaint);
        return false;
    }
    return counters_hold(&s, why, size);
}

static bool rest(char *why, size_t size)
{
    return shares_hold(&s, why, size);
}

/* ---- a death ------------------------------------------------------------------------------ */

static void see_published(void)
{
    struct ring_rx unread = s.pkt_in; /* never released: nobody knows that it was read */
    const uint8_t *head;
    struct record r;

    while (ring_peek(&unread, &r, &head)) {
        s.last_seq = r.seq;
        s.published[number_of(&r, head)] = 1;
        ring_next(&unread);
    }
}

/* What its successor must make of what it leaves. */
static void died(void)
{
    uint64_t begun = ring_get(&s.pkt_out.peer->begun), counted;
    struct counter_snapshot c;

    look(); /* what had been sent */
    switch_hang_up();
    see_published();
    if (account_read(s.dir, COUNTER_OF_OFPROXY, &c) != 0) {
        complain("its counters cannot be read");
        return;
    }
    counted = c.word[COUNTER_WORDS - COUNTER_MARKS + MARK_PKT_OUT];
    for (unsigned i = 0; i < s.n_outs; i++) {
        const struct out *o = &s.outs[i];

        s.lost[o->number] |= counted < o->end && o->end <= begun && s.sent[o->number] == 0;
    }
    for (unsigned t = 0; t < FLIGHTS; t++) {
        uint64_t seq = flight_at(t)->seq;

        if (seq > s.last_seq && seq < sizeof s.given_up) {
            s.given_up[seq] = 1;
        }
    }
    s.started = s.proved = false;
    board_changed(&s.classes);
}

static void freshen(struct image *m)
{
    uint16_t now = ARENA_TIME(loop_now_ns());

    (void)m;
    switch_hang_up(); /* of another time */
    for (unsigned t = 0; t < FLIGHTS; t++) {
        if (flight_at(t)->seq != 0) {
            flight_at(t)->since = now; /* a flight is given up after a minute */
        }
    }
}

/* Tickets are in the arena's file, and tails of frames. */
static void outlive(struct image *m)
{
    char path[128];
    struct stat st;
    int fd;

    snprintf(path, sizeof path, "%s/ofproxy.arena", s.dir);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 ||
        (size_t)st.st_size != ARENA_DATA_AT + (size_t)ARENA_CHUNKS * ARENA_CHUNK) {
        fprintf(stderr, "step: %s: it is no arena as this test knows it\n", path);
        exit(2);
    }
    arena = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (arena == MAP_FAILED) {
        perror("step: the arena");
        exit(2);
    }
    s.flights = flight_at(0);
    image_add(m, "ofproxy.arena", arena, IMAGE_WINDOW);
    for (unsigned i = 0; i < CHUNKS; i++) {
        image_add(m, "a chunk", arena + ARENA_DATA_AT + i * ARENA_CHUNK, CHUNK_BYTES);
    }
}

/* ---- life --------------------------------------------------------------------------------- */

static void open_world(const char *run_dir)
{
    struct interface_row row = {.vhost = "vrhost", .name = "eth1", .ip = 0x0a000001, .port = 1};

    snprintf(s.dir, sizeof s.dir, "%s", run_dir);
    topo_open(&s.bridge, run_dir, TOPO_VNSBRIDGE);
    topo_rx(&s.bridge, &s.pkt_in, TOPO_PKT_IN);
    topo_tx(&s.bridge, &s.pkt_out, TOPO_PKT_OUT);
    topo_board_reader(&s.bridge, &s.ports, TOPO_PORTS);
    topo_board_reader(&s.bridge, &s.classes, TOPO_CLASSES);
    topo_board_reader(&s.bridge, &s.traffic, TOPO_TRAFFIC);
    topo_board_writer(&s.bridge, &s.interfaces, TOPO_INTERFACES);
    board_put(&s.interfaces, 0, &row);
    board_publish(&s.interfaces);
    switch_listen(listen_words, sizeof listen_words);
}

static void wake(void)
{
    topo_ring_all(&s.bridge);
}

/* It has the switch's ports, so frames find their switch. */
static bool known(void)
{
    struct port_row p;

    return board_get(&s.ports, SWITCH_PORTS - 1, &p) && p.state == PORT_UP;
}

static bool connected(void)
{
    look();
    return switch_connect() && known();
}

static bool all_settled(void)
{
    for (unsigned i = 1; i < NUMBERS; i++) {
        if (s.up[i] > 0 && !s.answered[i] && !is_kept(i)) {
            return false;
        }
    }
    return step_drained(&s.pkt_out);
}

/* Full work: it has passed on a batch, whose verdicts feed() gives. */
static bool warm(void)
{
    if (!connected()) {
        return false;
    }
    if (s.batches == 0) {
        s.waits = true;
        send_batch();
    }
    take_records();
    s.started = s.proved = true;
    return s.n_waiting > 0;
}

static void feed(void)
{
    s.waits = false;
    for (unsigned i = 0; i < s.n_waiting; i++) {
        give_verdict(&s.waiting[i].record, s.waiting[i].number);
    }
    ring_publish(&s.pkt_out);
    send_batch();
}

/* First what a successor says of the shares that it found; then its switch comes back, verdicts
 * follow, and it must pass on a batch of its own. */
static bool pump(void)
{
    char why[128];

    look();
    if (!s.started && !board_changed(&s.classes)) {
        return false;
    }
    if (!s.started && !shares_hold(&s, why, sizeof why)) {
        complain("after the start: %s", why);
    }
    s.started = true;
    if (!connected()) {
        return false;
    }
    take_records();
    if (!s.proved && all_settled()) {
        s.proved = true;
        send_batch();
    }
    if (!s.proved || s.up[(s.batches - 1) * BATCH + 1] == 0 || !all_settled()) {
        return false;
    }
    look(); /* all is sent now */
    return true;
}

const struct step_world step_ofproxy = {
    .program = "ofproxy",
    .turn = "ofproxy_turn",
    .flag = {"--listen", listen_words},
    .state = &s,
    .state_size = sizeof s,
    .open = open_world,
    .warm = warm,
    .wake = wake,
    .feed = feed,
    .pump = pump,
    .check = check,
    .freshen = freshen,
    .look = look,
    .outlive = outlive,
    .died = died,
    .rest = rest,
};
