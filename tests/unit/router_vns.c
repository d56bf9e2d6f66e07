/* The VNS client against a scripted server on loopback, both in this one thread. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/proto/vns.h"
#include "router/port.h"
#include "router/vns_session.h"

#pragma GCC diagnostic ignored "-Wconversion" /* Criterion's own macros */

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct world {
    struct loop loop;
    int listener, conn; /* the server's; -1: none */
    uint16_t tcp_port;
    struct port *port;
    uint8_t got[1 << 20]; /* what the server received on this connection */
    size_t n_got, at;     /* at: messages before it were looked at */
    bool deaf;            /* the server does not read */
    bool gone;            /* the client ended the connection */
    unsigned accepted;
    struct iface row[8];
    unsigned n_iface_events;
    enum role_state state;
    char text[400], rtable[400];
    uint8_t frame[10000]; /* the last one received, and what was said of it */
    size_t frame_len;
    enum drop refuse;
    uint32_t frame_iface;
    unsigned frames;
    bool echo; /* send each frame back by the interface it came in by */
} w;

static char dir[] = "/tmp/fib-vns-XXXXXX";

/* ---- the router's side -------------------------------------------------------------------- */

static void on_iface(void *context, uint32_t row, const struct iface *now)
{
    (void)context;
    cr_assert(lt(u32, row, 8));
    w.row[row] = *now;
    w.n_iface_events++;
}

static void on_rtable(void *context, const char *text, size_t len)
{
    (void)context;
    snprintf(w.rtable, sizeof w.rtable, "%.*s", (int)len, text);
}

static void on_state(void *context, enum role_state state, const char *text)
{
    (void)context;
    w.state = state;
    snprintf(w.text, sizeof w.text, "%s", text);
}

static void one_frame(const struct frame_in *in)
{
    struct frame_out out = {.verdict = VERDICT_DROPPED};
    uint8_t *head = port_room(w.port, PORT_HEAD);

    cr_assert(head != NULL, "no room though port_next said yes");
    w.frame_len = in->head_len + in->tail_len;
    cr_assert(le(sz, w.frame_len, sizeof w.frame));
    memcpy(w.frame, in->head, in->head_len);
    if (in->tail_len > 0) {
        memcpy(w.frame + in->head_len, in->tail, in->tail_len);
    }
    w.refuse = in->refuse;
    w.frame_iface = in->iface;
    w.frames++;
    if (w.echo && in->refuse == DROP_NONE) {
        memcpy(head, in->head, in->head_len);
        out = (struct frame_out){.verdict = VERDICT_FORWARDED,
                                 .iface = in->iface,
                                 .head_len = in->head_len,
                                 .tail_len = in->tail_len};
    }
    port_send(w.port, in, &out);
}

static void router_turn(void)
{
    struct frame_in in;

    for (int i = 0; i < 64 && port_next(w.port, &in); i++) {
        one_frame(&in);
    }
    port_flush(w.port);
}

/* ---- the server's side -------------------------------------------------------------------- */

static void server_listen(uint16_t tcp_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(tcp_port)};
    socklen_t len = sizeof a;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    w.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(w.listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    cr_assert(eq(int, bind(w.listener, (struct sockaddr *)&a, sizeof a), 0));
    cr_assert(eq(int, listen(w.listener, 8), 0));
    getsockname(w.listener, (struct sockaddr *)&a, &len);
    w.tcp_port = ntohs(a.sin_port);
}

static void server_hang_up(void)
{
    close(w.conn);
    w.conn = -1;
}

static void server_turn(void)
{
    ssize_t n;

    if (w.conn < 0 && w.listener >= 0) {
        w.conn = accept4(w.listener, NULL, NULL, SOCK_NONBLOCK);
        if (w.conn >= 0) {
            w.accepted++;
            w.n_got = w.at = 0;
            w.gone = false;
        }
    }
    if (w.conn >= 0 && !w.deaf) {
        n = recv(w.conn, w.got + w.n_got, sizeof w.got - w.n_got, 0);
        w.n_got += n > 0 ? (size_t)n : 0;
        w.gone |= n == 0;
    }
}

static void step(void)
{
    loop_poll(&w.loop, 1);
    router_turn();
    server_turn();
}

#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        uint64_t until = loop_now_ns() + 5000000000u;                                              \
        while (!(condition)) {                                                                     \
            cr_assert(loop_now_ns() < until, "not in time: %s (state %d \"%s\")", #condition,      \
                      (int)w.state, w.text);                                                       \
            step();                                                                                \
        }                                                                                          \
    } while (0)

static void say(const void *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = send(w.conn, (const uint8_t *)bytes + at, len - at, MSG_NOSIGNAL);

        cr_assert(n > 0 || errno == EAGAIN);
        at += n > 0 ? (size_t)n : 0;
        if (at < len) {
            step();
        }
    }
}

/* A message of any type. */
static void say_type(uint32_t type, const void *body, size_t len)
{
    static uint8_t m[70000];
    struct wire_out out = {m, m + sizeof m, false};

    vns_begin(&out, type);
    wire_put_bytes(&out, body, len);
    say(m, vns_end(&out, m));
}

/* The next message that the client sent: its type, or 0. */
static uint32_t heard(const uint8_t **body, size_t *len)
{
    long n = vns_message_length(w.got + w.at, w.n_got - w.at, VNS_SERVER_MAX);
    const uint8_t *m = w.got + w.at;

    cr_assert(ge(long, n, 0));
    if (n == 0) {
        return 0;
    }
    *body = m + 8;
    *len = (size_t)n - 8;
    w.at += (size_t)n;
    return (uint32_t)m[4] << 24 | (uint32_t)m[5] << 16 | (uint32_t)m[6] << 8 | m[7];
}

static const uint8_t *hear(uint32_t type, size_t *len)
{
    const uint8_t *body = NULL;
    uint32_t t = 0;

    UNTIL((t = heard(&body, len)) != 0);
    cr_assert(eq(u32, t, type));
    return body;
}

static void say_frame(const char *iface, const uint8_t *frame, size_t len)
{
    static uint8_t body[70000];

    memset(body, 0, 16);
    memcpy(body, iface, strnlen(iface, 16));
    if (len > 0) {
        memcpy(body + 16, frame, len);
    }
    say_type(VNS_PACKET, body, 16 + len);
}

static void say_hwinfo(const char *names)
{
    struct vns_interface list[8] = {0};
    uint8_t m[4000];
    unsigned n = 0;

    for (; *names != '\0'; names += 4) {
        memcpy(list[n].name, names, 4);
        list[n].mac[5] = (uint8_t)names[3];
        list[n].ip = 0x0a000000u + (uint8_t)names[3];
        list[n].mask = 0xffffff00;
        n++;
    }
    say(m, vns_hwinfo_message(m, sizeof m, list, n));
}

static void start(const char *server, const char *template_name)
{
    const struct port_vns_config c = {&w.loop,    server, "vrhost",      "student",
                                      w.tcp_port, 7,      template_name, "auth_key"};
    const struct port_events events = {NULL, on_iface, on_rtable, on_state};

    w.port = port_vns_open(&c, &events);
}

static void authenticate(void)
{
    size_t len;

    UNTIL(w.conn >= 0);
    say_type(VNS_AUTH_REQUEST, "twenty bytes of salt", 20);
    hear(VNS_AUTH_REPLY, &len);
    say_type(VNS_AUTH_STATUS, "\1welcome", 8);
}

/* A session with interfaces eth1 and eth2. */
static void session(void)
{
    size_t len;

    authenticate();
    hear(VNS_OPEN, &len);
    say_hwinfo("eth1eth2");
    UNTIL(w.state == ROLE_READY);
}

static void enter(void)
{
    FILE *f;

    log_open("test", LOG_TEXT);
    w.listener = w.conn = -1;
    cr_assert(mkdtemp(dir) != NULL);
    cr_assert(eq(int, chdir(dir), 0));
    f = fopen("auth_key", "w");
    fputs(KEY "\n", f);
    fclose(f);
    cr_assert(eq(int, loop_open(&w.loop), 0));
    server_listen(0);
}

static void leave(void)
{
    if (w.port != NULL) {
        w.port->ops->close(w.port);
    }
    unlink("auth_key");
    unlink("rtable.vrhost");
    cr_expect(eq(int, rmdir(dir), 0), "a test left a file behind");
}

TestSuite(router_vns, .timeout = 20, .init = enter, .fini = leave);

/* ---- the promises ------------------------------------------------------------------------- */

Test(router_vns, proves_its_key_opens_its_virtual_host_and_learns_the_interfaces)
{
    static const char salted[] = "twenty bytes of salt" KEY;
    uint8_t hash[20];
    const uint8_t *body;
    size_t len;

    start("127.0.0.1", NULL);
    UNTIL(w.conn >= 0);
    say_type(VNS_AUTH_REQUEST, salted, 20);
    body = hear(VNS_AUTH_REPLY, &len);
    SHA1((const uint8_t *)salted, 84, hash);
    cr_assert(eq(sz, len, 4 + 7 + 20));
    cr_expect(memcmp(body, "\0\0\0\7student", 11) == 0);
    cr_expect(memcmp(body + 11, hash, 20) == 0);
    say_type(VNS_AUTH_STATUS, "\1welcome", 8);
    body = hear(VNS_OPEN, &len);
    cr_assert(eq(sz, len, 100));
    cr_expect(memcmp(body, "\0\7\0\0vrhost\0", 11) == 0);
    cr_expect(memcmp(body + 36, "student\0", 8) == 0);
    UNTIL(w.state == ROLE_WAITING && strstr(w.text, "HWINFO") != NULL);
    say_hwinfo("eth1eth2");
    UNTIL(w.state == ROLE_READY);
    cr_expect(w.row[1].present && w.row[1].up);
    cr_expect(eq(str, w.row[1].name, "eth2"));
    cr_expect(eq(u32, w.row[1].ip, 0x0a000032));
    cr_expect(eq(u32, w.row[1].mask, 0xffffff00));
    cr_expect(eq(u8, w.row[1].mac[5], '2'));
}

Test(router_vns, salt_of_any_length_even_none_is_hashed)
{
    uint8_t hash[20], salt[300] = {1, 2, 3};
    const uint8_t *body;
    size_t len;

    start("127.0.0.1", NULL);
    UNTIL(w.conn >= 0);
    say_type(VNS_AUTH_REQUEST, NULL, 0);
    body = hear(VNS_AUTH_REPLY, &len);
    SHA1((const uint8_t *)KEY, 64, hash);
    cr_expect(memcmp(body + 11, hash, 20) == 0);
    say_type(VNS_AUTH_REQUEST, salt, sizeof salt); /* again: answered again */
    body = hear(VNS_AUTH_REPLY, &len);
    cr_expect(memcmp(body + 11, hash, 20) != 0);
}

Test(router_vns, template_is_opened_and_the_servers_table_saved_and_passed_on)
{
    static const char mine[] =
        "vrhost\0XXXXXXXXXXXXXXXXXXXXXXXXX1.1.1.1 0.0.0.0 255.255.255.255 e\n";
    static const char other[32 + 5] = "vrhost2\0                        nope";
    const uint8_t *body;
    char line[80] = "";
    size_t len;
    FILE *f;

    start("127.0.0.1", "two-node");
    authenticate();
    body = hear(VNS_OPEN_TEMPLATE, &len);
    cr_assert(eq(sz, len, 62));
    cr_expect(memcmp(body, "two-node\0", 9) == 0 && memcmp(body + 30, "vrhost\0", 7) == 0);
    say_type(VNS_RTABLE, other, sizeof other);
    say_type(VNS_RTABLE, mine, sizeof mine - 1);
    UNTIL(w.rtable[0] != '\0');
    cr_expect(eq(str, w.rtable, "1.1.1.1 0.0.0.0 255.255.255.255 e\n"));
    f = fopen("rtable.vrhost", "r");
    cr_assert(f != NULL);
    fgets(line, sizeof line, f);
    fclose(f);
    cr_expect(eq(str, line, "1.1.1.1 0.0.0.0 255.255.255.255 e\n"));
}

Test(router_vns, a_server_that_does_not_read_is_left_before_the_session_is_open)
{
    size_t len;

    start("127.0.0.1", NULL);
    UNTIL(w.conn >= 0);
    say_type(VNS_AUTH_REQUEST, "twenty bytes of salt", 20);
    hear(VNS_AUTH_REPLY, &len);
    ((struct port_vns *)w.port)->link.queued = VNS_LINK_TX - 100; /* as after many requests more */
    say_type(VNS_AUTH_STATUS, "\1welcome", 8);
    UNTIL(strstr(w.text, "does not read") != NULL);
    cr_expect(eq(int, (int)w.state, ROLE_WAITING));
}

Test(router_vns, frames_of_every_size_come_and_go_unchanged)
{
    static const size_t sizes[] = {14, 42, 60, 127, 128, 129, 383, 384, 385, 1514, 9976};
    uint8_t frame[9976];
    const uint8_t *body;
    size_t len;

    for (size_t i = 0; i < sizeof frame; i++) {
        frame[i] = (uint8_t)(i * 7 + i / 256);
    }
    start("127.0.0.1", NULL);
    session();
    w.echo = true;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        say_frame(i % 2 ? "eth1" : "eth2", frame, sizes[i]);
        body = hear(VNS_PACKET, &len);
        cr_assert(eq(sz, len, 16 + sizes[i]));
        cr_expect(memcmp(body, i % 2 ? "eth1\0" : "eth2\0", 5) == 0);
        cr_expect(memcmp(body + 16, frame, sizes[i]) == 0, "size %zu", sizes[i]);
    }
    cr_expect(eq(u32, w.frames, sizeof sizes / sizeof sizes[0]));
}

Test(router_vns, messages_cut_anywhere_by_tcp_are_put_together)
{
    uint8_t m[24 + 200] = {0, 0, 0, 224, 0, 0, 0, 4, 'e', 't', 'h', '1'};
    const uint8_t *body;
    size_t len;

    start("127.0.0.1", NULL);
    session();
    w.echo = true;
    for (size_t cut = 1; cut < sizeof m; cut++) {
        m[sizeof m - 1] = (uint8_t)cut;
        say(m, cut);
        step();
        step();
        say(m + cut, sizeof m - cut);
        body = hear(VNS_PACKET, &len);
        cr_assert(len == 216 && body[215] == (uint8_t)cut, "cut at %zu", cut);
    }
}

Test(router_vns, frames_that_cannot_be_are_refused_by_name_and_the_session_goes_on)
{
    static uint8_t frame[9977];

    start("127.0.0.1", NULL);
    authenticate();
    say_frame("eth1", frame, 60); /* before HWINFO */
    UNTIL(w.frames == 1);
    cr_expect(eq(int, w.refuse, DROP_UNKNOWN_INTERFACE));
    say_hwinfo("eth1");
    UNTIL(w.state == ROLE_READY);
    say_frame("eth9", frame, 60);
    UNTIL(w.frames == 2);
    cr_expect(eq(int, w.refuse, DROP_UNKNOWN_INTERFACE));
    say_frame("eth1eth1eth1eth1", frame, 60); /* a name without end */
    UNTIL(w.frames == 3);
    cr_expect(eq(int, w.refuse, DROP_UNKNOWN_INTERFACE));
    for (size_t len = 0; len < 14; len++) {
        say_frame("eth1", frame, len);
        UNTIL(w.frames == 4 + len);
        cr_expect(eq(int, w.refuse, DROP_FRAME_TOO_SHORT));
    }
    say_frame("eth1", frame, 9977);
    UNTIL(w.frames == 18);
    cr_expect(eq(int, w.refuse, DROP_FRAME_TOO_LONG));
    say_frame("eth1", frame, 14);
    UNTIL(w.frames == 19);
    cr_expect(eq(int, w.refuse, DROP_NONE));
    cr_expect(eq(u32, w.accepted, 1));
}

Test(router_vns, banners_and_unknown_types_at_any_time_do_no_harm)
{
    size_t len;

    start("127.0.0.1", NULL);
    UNTIL(w.conn >= 0);
    say_type(VNS_BANNER, "early", 5);
    say_type(999, "?", 1);
    say_type(VNS_BANNER, NULL, 0);
    authenticate();
    for (int i = 0; i < 100; i++) {
        say_type(VNS_BANNER, "hello\n", 6);
        say_type(0, NULL, 0);
    }
    hear(VNS_OPEN, &len);
    say_hwinfo("eth1");
    UNTIL(w.state == ROLE_READY);
    cr_expect(eq(u32, w.accepted, 1));
}

Test(router_vns, up_and_down_frames_set_the_interface_and_are_no_frames)
{
    start("127.0.0.1", NULL);
    session();
    say_frame("eth2", (const uint8_t *)"down", 4);
    UNTIL(!w.row[1].up);
    cr_expect(w.row[0].up && w.row[1].present);
    say_frame("eth2", (const uint8_t *)"up", 2);
    UNTIL(w.row[1].up);
    say_frame("eth7", (const uint8_t *)"down", 4);
    say_frame("eth1", (const uint8_t *)"dawn", 4); /* a frame too short, nothing else */
    UNTIL(w.frames == 1);
    cr_expect(w.row[0].up && w.row[1].up);
}

Test(router_vns, second_hwinfo_replaces_the_table_and_rows_keep_their_names)
{
    start("127.0.0.1", NULL);
    session();
    say_hwinfo("eth3eth2");
    UNTIL(w.row[2].present);
    cr_expect(not(w.row[0].present));
    cr_expect(eq(str, w.row[0].name, "eth1"));
    cr_expect(w.row[1].present && strcmp(w.row[1].name, "eth2") == 0);
    cr_expect(eq(str, w.row[2].name, "eth3"));
    w.frames = 0;
    say_frame("eth1", (const uint8_t *)"xxxxxxxxxxxxxx", 14);
    UNTIL(w.frames == 1);
    cr_expect(eq(int, w.refuse, DROP_UNKNOWN_INTERFACE));
}

Test(router_vns, server_that_closes_or_vanishes_is_found_again_without_spinning)
{
    unsigned polls = 0;
    uint64_t from;

    start("127.0.0.1", NULL);
    session();
    say_type(VNS_CLOSE, "maintenance", 11);
    UNTIL(w.state == ROLE_WAITING && strstr(w.text, "maintenance") != NULL);
    cr_expect(not(w.row[0].up));
    server_hang_up();
    session();
    cr_expect(eq(u32, w.accepted, 2));
    cr_expect(w.row[0].up);
    server_hang_up(); /* end of file, no VNSCLOSE: a classic client spins now */
    close(w.listener);
    w.listener = -1;
    UNTIL(w.state == ROLE_WAITING && strstr(w.text, "refused") != NULL);
    from = loop_now_ns();
    while (loop_now_ns() < from + 1500000000u) {
        loop_poll(&w.loop, 100);
        router_turn();
        polls++;
    }
    cr_expect(lt(u32, polls, 60), "polled %u times in 1.5 s", polls);
    server_listen(w.tcp_port);
    session();
    cr_expect(w.row[0].up && w.row[1].up);
}

Test(router_vns, impossible_messages_end_the_connection_with_a_close_that_says_why)
{
    static const struct {
        uint8_t bytes[48];
        size_t len;
    } cases[] = {
        {{0, 0, 0, 7, 0, 0, 0, 4}, 8},                 /* shorter than its header */
        {{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 4}, 8},     /* longer than any */
        {{0, 0, 0, 23, 0, 0, 0, 4}, 23},               /* a PACKET without a name */
        {{0, 0, 0, 12, 0, 0, 0, 16, 0, 0, 0, 1}, 12},  /* HWINFO of a third of an entry */
        {{0, 0, 0, 44, 0, 0, 0, 16, 0, 0, 0, 64}, 44}, /* an address before any name */
        {{0, 0, 0, 8, 0, 0, 2, 0}, 8},                 /* AUTH_STATUS without a status */
    };

    start("127.0.0.1", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len;

        session();
        say(cases[i].bytes, cases[i].len);
        cr_expect(strlen((const char *)hear(VNS_CLOSE, &len)) > 10, "case %zu", i);
        UNTIL(w.gone);
        server_hang_up();
    }
}

Test(router_vns, peer_that_speaks_as_a_client_is_left)
{
    size_t len;

    start("127.0.0.1", NULL);
    UNTIL(w.conn >= 0);
    say_type(VNS_OPEN, KEY KEY, 100);
    hear(VNS_CLOSE, &len);
    UNTIL(w.gone);
}

Test(router_vns, server_older_than_authentication_gets_an_open_unasked)
{
    size_t len;

    start("127.0.0.1", NULL);
    UNTIL(w.conn >= 0);
    hear(VNS_OPEN, &len); /* within the five seconds of UNTIL */
    say_hwinfo("eth1");
    UNTIL(w.state == ROLE_READY);
}

/* The test's process ends in die(), so no .fini of it runs. */
static void no_leave(void)
{
}

static void remove_dir(void)
{
    unlink("auth_key");
    rmdir(dir);
}

Test(router_vns, refused_key_ends_the_router_with_one_sentence, .exit_code = 1, .fini = no_leave)
{
    size_t len;

    atexit(remove_dir);
    start("127.0.0.1", NULL);
    UNTIL(w.conn >= 0);
    say_type(VNS_AUTH_REQUEST, "salt", 4);
    hear(VNS_AUTH_REPLY, &len);
    say_type(VNS_AUTH_STATUS, "\0wrong key", 10);
    UNTIL(false);
}

Test(router_vns, without_a_key_file_it_still_opens_where_keys_are_not_checked)
{
    unlink("auth_key");
    start("127.0.0.1", NULL);
    session();
}

Test(router_vns, server_may_come_later_and_by_name)
{
    close(w.listener);
    w.listener = -1;
    start("localhost", NULL);
    UNTIL(w.state == ROLE_WAITING && strstr(w.text, "refused") != NULL);
    server_listen(w.tcp_port);
    session();
}

Test(router_vns, name_that_means_nothing_is_tried_again_and_said)
{
    start("no-such-host.invalid", NULL);
    UNTIL(w.state == ROLE_WAITING && strstr(w.text, "no-such-host.invalid") != NULL &&
          strstr(w.text, "trying on") != NULL);
}

Test(router_vns, server_that_reads_slowly_loses_nothing_and_is_not_read_meanwhile)
{
    enum { MOST = 40000, LEN = 1000 };
    uint8_t m[24 + LEN] = {0};
    unsigned sent = 0, n = 0, full = 0;
    size_t cut = 0;

    start("127.0.0.1", NULL);
    session();
    w.echo = true;
    w.deaf = true;
    vns_packet_header(m, "eth1", LEN);
    while (sent < MOST && full < 50) { /* until the router takes no more */
        ssize_t done;

        memcpy(m + 24, &sent, sizeof sent);
        memcpy(m + LEN, &sent, sizeof sent); /* in the tail */
        done = send(w.conn, m + cut, sizeof m - cut, MSG_NOSIGNAL | MSG_DONTWAIT);
        cut += done > 0 ? (size_t)done : 0;
        full = done > 0 ? 0 : full + 1;
        if (cut == sizeof m) {
            cut = 0;
            sent++;
        }
        if (full > 0 || sent % 60 == 0) { /* many a turn, so that sends are cut anywhere */
            step();
        }
    }
    cr_assert(lt(u32, sent, MOST), "it queues without bound");
    cr_expect(lt(u32, w.frames, sent), "it was not held up");
    cr_expect(eq(u32, loop_poll(&w.loop, 20) + loop_poll(&w.loop, 20), 0), "it spins");
    w.deaf = false;
    if (cut > 0) {
        say(m + cut, sizeof m - cut);
        sent++;
    }
    for (; n < sent; n++) {
        size_t len;
        const uint8_t *body = hear(VNS_PACKET, &len);

        cr_assert(eq(sz, len, 16 + LEN));
        cr_assert(memcmp(body + 16, &n, sizeof n) == 0 && memcmp(body + LEN - 8, &n, sizeof n) == 0,
                  "frame %u of %u", n, sent);
        memmove(w.got, w.got + w.at, w.n_got - w.at);
        w.n_got -= w.at;
        w.at = 0;
    }
    cr_expect(eq(u32, w.frames, sent));
    cr_expect(eq(u32, w.accepted, 1));
}

Test(router_vns, frames_sent_with_no_session_go_nowhere)
{
    struct frame_out out = {.verdict = VERDICT_ORIGINATED, .head_len = 60};
    size_t len;

    start("127.0.0.1", NULL);
    cr_assert(port_room(w.port, PORT_HEAD) != NULL);
    port_send(w.port, NULL, &out);
    port_flush(w.port);
    authenticate();
    hear(VNS_OPEN, &len);
    port_send(w.port, NULL, &out);
    say_hwinfo("eth1");
    UNTIL(w.state == ROLE_READY);
    cr_assert(port_room(w.port, PORT_HEAD) != NULL);
    memset(port_room(w.port, PORT_HEAD), 'x', 60);
    port_send(w.port, NULL, &out);
    port_flush(w.port);
    cr_expect(hear(VNS_PACKET, &len)[16] == 'x');
    cr_expect(eq(sz, w.n_got, w.at));
}

Test(router_vns, says_good_bye_when_it_stops)
{
    size_t len;

    start("127.0.0.1", NULL);
    session();
    w.port->ops->close(w.port);
    w.port = NULL;
    for (int i = 0; i < 1000 && !w.gone; i++) {
        server_turn();
    }
    cr_expect(w.gone);
    cr_expect(strcmp((const char *)hear(VNS_CLOSE, &len), "the router stopped") == 0);
}
