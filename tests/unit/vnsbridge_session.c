/* tests/unit/vnsbridge_session.c - what a VNS client gets to see, and when. */
#include "tests/unit/vnsbridge_world.h"

#include <sys/mman.h>

TestSuite(session, .timeout = 20);

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* The whole of a good session's start, byte by byte. */
Test(session, messages_come_in_the_order_and_bytes_of_classic_servers)
{
    static const uint32_t ip[] = {0xc0a80201, 0xac400301, 0x0a000101};
    struct world *w = world_open(NULL);
    uint8_t m[VNS_CLIENT_MAX], hash[VNS_HASH_LEN] = {0},
                               want[8 + 3 * 216] = {0, 0, 0x02, 0x90, 0, 0, 0, 16};
    size_t len = 0;
    int fd;

    world_lab(w, PORT_UP);
    fd = vns_connect(w);
    cr_assert(eq(u32, vns_next(w, fd, m, &len), VNS_AUTH_REQUEST));
    cr_assert(eq(sz, len, 28));
    len = vns_auth_reply_message(m, sizeof m, "joe", hash); /* any hash: no key is configured */
    vns_send(w, fd, m, len);
    cr_assert(eq(u32, vns_next(w, fd, m, &len), VNS_AUTH_STATUS));
    cr_expect(eq(u8, m[8], 1));
    cr_expect(eq(u8, m[len - 1], 0));
    vns_send_open(w, fd, "vrhost");
    cr_assert(eq(u32, vns_next(w, fd, m, &len), VNS_BANNER));
    cr_assert(eq(u32, vns_next(w, fd, m, &len), VNS_HWINFO));
    for (unsigned i = 0; i < 3; i++) {
        static const uint8_t keys[] = {1, 2, 32, 64, 4, 128};
        uint8_t *e = want + 8 + 216 * i;

        for (unsigned k = 0; k < 6; k++) {
            e[36 * k + 3] = keys[k];
        }
        snprintf((char *)e + 4, 8, "eth%u", i + 1);
        memcpy(e + 36 + 4, "\0\0\x27\x10", 4);
        memcpy(e + 72 + 4, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)(i + 1)}, 6);
        memcpy(e + 108 + 4, &(uint32_t){htonl(ip[i])}, 4);
        memset(e + 180 + 4, 0xff, 4);
    }
    cr_assert(eq(sz, len, sizeof want));
    cr_expect(memcmp(m, want, len) == 0);
    world_pump_n(w, 5);
    cr_expect(eq(int, (int)recv(fd, m, sizeof m, MSG_DONTWAIT), -1), "nothing more unasked");
    world_close(w);
}

Test(session, open_before_the_ports_gets_hwinfo_when_the_last_one_is_there)
{
    struct world *w = world_open(NULL);
    uint8_t m[VNS_CLIENT_MAX];
    size_t len;
    int fd = vns_client(w, "vrhost");

    cr_assert(eq(u32, vns_next(w, fd, m, &len), VNS_BANNER));
    cr_expect(strstr((char *)m + 8, "eth1 eth2 eth3") != NULL, "%s", m + 8);
    world_port(w, 0, 1, "sw0-eth1", PORT_UP);
    world_port(w, 1, 2, "sw0-eth2", PORT_UP);
    world_frame(w, 1, 60);
    world_pump_n(w, 5);
    cr_expect(eq(int, (int)recv(fd, m, sizeof m, MSG_DONTWAIT), -1), "no frame before HWINFO");
    cr_expect(eq(int, world_verdict(w).reason, DROP_NO_ROUTER));
    cr_expect(eq(u32, world_lease(w, 0).state, LEASE_WAITING));
    world_port(w, 2, 3, "sw0-eth3", PORT_UP);
    vns_expect(w, fd, VNS_HWINFO);
    cr_expect(eq(u32, world_lease(w, 0).state, LEASE_READY));
    world_close(w);
}

Test(session, newcomer_gets_the_node_and_the_ring_has_it_back_when_it_leaves)
{
    struct world *w = world_open(NULL);
    struct lease_row l;
    int a, b;

    world_lab(w, PORT_UP);
    world_session(w, "vrhost", SESSION_OPEN);
    cr_expect(eq(u32, world_lease(w, 0).owner, LEASE_RING));
    a = vns_ready_client(w, "vrhost");
    l = world_lease(w, 0);
    cr_expect(eq(u32, l.owner, LEASE_CLIENT));
    cr_expect(strncmp(l.peer, "joe@127.0.0.1:", 14) == 0, "%s", l.peer);
    b = vns_ready_client(w, "vrhost");
    cr_expect(strstr(vns_reason(w, a), "another client") != NULL);
    close(a);
    world_pump_n(w, 5);
    cr_expect(eq(u32, world_lease(w, 0).owner, LEASE_CLIENT));
    close(b); /* without VNSCLOSE */
    world_pump_n(w, 5);
    l = world_lease(w, 0);
    cr_expect(eq(u32, l.owner, LEASE_RING));
    cr_expect(eq(u32, l.state, LEASE_READY));
    cr_expect(eq(u32, w->b.clients.used, 0));
    world_close(w);
}

Test(session, template_gets_its_rtable_before_anything_else)
{
    struct world *w = world_open(NULL);
    struct vns_template t = {0};
    uint8_t m[VNS_CLIENT_MAX];
    struct wire_out out = {m, m + sizeof m, false};
    size_t len;
    int fd;

    world_lab(w, PORT_UP);
    fd = vns_connect(w);
    vns_authenticate(w, fd, "");
    vns_expect(w, fd, VNS_AUTH_STATUS);
    vns_text_fill(t.name, sizeof t.name, "1-router 2-server");
    vns_text_fill(t.vhost, sizeof t.vhost, "vrhost");
    vns_begin(&out, VNS_OPEN_TEMPLATE);
    vns_template_put(&out, &t);
    vns_prefix_put(&out, &(struct vns_prefix){0x0a000000, 8});
    vns_send(w, fd, m, vns_end(&out, m));
    cr_assert(eq(u32, vns_next(w, fd, m, &len), VNS_RTABLE));
    cr_expect(eq(str, (char *)m + 8, "vrhost"));
    cr_expect(len > 40 && memcmp(m + 40, "192.168.2.2 ", 12) == 0);
    cr_expect(m[len - 1] == '\n', "text without a NUL");
    vns_expect(w, fd, VNS_BANNER);
    vns_expect(w, fd, VNS_HWINFO);
    world_close(w);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    cr_assert(f != NULL);
    fputs(text, f);
    fclose(f);
}

/* Two virtual hosts with keys of their own: what one key opens, and what an OPEN without any does.
 */
Test(session, only_the_right_key_opens_a_virtual_host)
{
    char key[] = "/tmp/vnb-key-XXXXXX", config[512];
    int f = mkstemp(key), fd;
    struct world_options o = {.config = config};
    uint8_t m[VNS_CLIENT_MAX];
    struct world *w;
    size_t len;

    close(f);
    write_file(key, KEY "\n");
    snprintf(config, sizeof config,
             "[vhost open]\nswitch = sw0\n[vhost closed]\nswitch = sw1\nauth-key = %s\n", key);
    w = world_open(&o);

    fd =
        vns_connect(w); /* wrong key: let in, since one virtual host is for all; not to the other */
    vns_authenticate(w, fd, "wrong");
    vns_expect(w, fd, VNS_AUTH_STATUS);
    vns_send_open(w, fd, "closed");
    cr_expect(strstr(vns_reason(w, fd), "authentication failed") != NULL);
    close(fd);
    fd = vns_connect(w);
    vns_authenticate(w, fd, KEY);
    vns_expect(w, fd, VNS_AUTH_STATUS);
    vns_send_open(w, fd, "closed");
    vns_expect(w, fd, VNS_BANNER);
    close(fd);
    world_close(w);

    snprintf(config, sizeof config, "[vnsbridge]\nauth-key = %s\n", key);
    w = world_open(&o);
    fd = vns_connect(w);
    vns_authenticate(w, fd, "wrong");
    cr_assert(eq(u32, vns_next(w, fd, m, &len), VNS_AUTH_STATUS));
    cr_expect(eq(u8, m[8], 0));
    cr_expect(strstr(vns_reason(w, fd), "authentication failed") != NULL);
    close(fd);
    fd = vns_connect(w); /* a client from before authentication */
    vns_expect(w, fd, VNS_AUTH_REQUEST);
    vns_send_open(w, fd, "vrhost");
    cr_expect(strstr(vns_reason(w, fd), "authentication failed") != NULL);
    close(fd);
    unlink(key);
    world_close(w);
}

Test(session, client_from_before_authentication_opens_unasked)
{
    struct world *w = world_open(NULL);
    int fd;

    world_lab(w, PORT_UP);
    fd = vns_connect(w);
    vns_expect(w, fd, VNS_AUTH_REQUEST);
    vns_send_open(w, fd, "vrhost");
    vns_expect(w, fd, VNS_BANNER);
    vns_expect(w, fd, VNS_HWINFO);
    world_close(w);
}

/* Every mistake of a peer: a reason first, then the end. */
Test(session, each_protocol_error_is_answered_with_a_reason_and_the_end)
{
    static const struct {
        const char *what, *reason;
        const char *bytes;
        size_t len;
        bool ready; /* after HWINFO, else right after connect */
    } t[] = {
        {"HTTP", "malformed", "GET / HTTP/1.1\r\n\r\n", 18, false},
        {"length 3", "malformed", "\0\0\0\3\0\0\0\4", 8, true},
        {"length 4 GiB", "malformed", "\377\377\377\377\0\0\0\4", 8, true},
        {"OPEN of 100 bytes", "malformed", "\0\0\0\144\0\0\0\1", 8, false},
        {"name longer than the message", "malformed VNS_AUTH_REPLY",
         "\0\0\0\40\0\0\1\0\377\377\377\377abcdefghijabcdefghij", 32, false},
        {"PACKET before OPEN", "before VNSHWINFO",
         "\0\0\0\46\0\0\0\4eth1\0\0\0\0\0\0\0\0\0\0\0\0abcdefabcdef\10\6", 38, false},
        {"unknown interface", "no interface 'eth9' on vrhost: it has eth1 eth2 eth3",
         "\0\0\0\46\0\0\0\4eth9\0\0\0\0\0\0\0\0\0\0\0\0abcdefabcdef\10\6", 38, true},
        {"name without end", "no interface 'abcdefghijklmnop'",
         "\0\0\0\46\0\0\0\4abcdefghijklmnopabcdefabcdef\10\6", 38, true},
        {"AUTH_REPLY twice", "out of turn", "\0\0\0\40\0\0\1\0\0\0\0\0abcdefghijabcdefghij", 32,
         true},
    };
    struct world *w = world_open(NULL);

    world_lab(w, PORT_UP);
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        int fd = t[i].ready ? vns_ready_client(w, "vrhost") : vns_connect(w);
        const char *reason;
        uint8_t m[8];

        if (!t[i].ready) {
            vns_expect(w, fd, VNS_AUTH_REQUEST);
        }
        vns_send(w, fd, t[i].bytes, t[i].len);
        reason = vns_reason(w, fd);
        cr_expect(strstr(reason, t[i].reason) != NULL, "%s: %s", t[i].what, reason);
        world_pump_n(w, 3);
        cr_expect(eq(int, (int)recv(fd, m, 1, MSG_DONTWAIT), 0), "%s: no end", t[i].what);
        close(fd);
        world_pump_n(w, 5);
    }
    cr_expect(eq(u32, w->b.clients.used, 0));
    cr_expect(eq(u64, counter_get(VNSBRIDGE_CLIENTS_REFUSED), sizeof t / sizeof t[0]));
    world_close(w);
}

Test(session, unknown_virtual_host_and_second_open_are_refused_by_name)
{
    struct world *w = world_open(NULL);
    int fd = vns_connect(w);

    vns_authenticate(w, fd, "");
    vns_expect(w, fd, VNS_AUTH_STATUS);
    vns_send_open(w, fd, "nobody");
    cr_expect(
        eq(str, (char *)vns_reason(w, fd), "no virtual host 'nobody' here; there is: vrhost"));
    close(fd);
    world_lab(w, PORT_UP);
    fd = vns_ready_client(w, "vrhost");
    vns_send_open(w, fd, "vrhost");
    cr_expect(strstr(vns_reason(w, fd), "VNSOPEN twice") != NULL);
    world_close(w);
}

Test(session, unknown_message_types_are_ignored)
{
    struct world *w = world_open(NULL);
    struct record r;
    int fd;

    world_lab(w, PORT_UP);
    fd = vns_ready_client(w, "vrhost");
    vns_send(w, fd, "\0\0\0\12\0\0\3\347ab\0\0\0\10\0\0\0\20", 18); /* 999, then a HWINFO */
    vns_send_frame(w, fd, "eth2", 60);
    cr_assert(world_take(w, &w->pkt_out, &r, NULL));
    cr_expect(eq(u32, r.port, 2));
    world_close(w);
}

Test(session, link_changes_reach_a_client_as_up_and_down_and_never_a_second_hwinfo)
{
    struct world *w = world_open(NULL);
    uint8_t m[VNS_CLIENT_MAX];
    size_t len;
    int fd;

    world_lab(w, PORT_UP);
    fd = vns_ready_client(w, "vrhost");
    world_port(w, 1, 2, "sw0-eth2", PORT_GONE);
    cr_assert(eq(u32, vns_next(w, fd, m, &len), VNS_PACKET));
    cr_expect(eq(sz, len, 28));
    cr_expect(memcmp(m + 8, "eth2\0\0\0\0\0\0\0\0\0\0\0\0down", 20) == 0);
    cr_expect(eq(u8, world_interface(w, 1).known, 1), "it keeps its address");
    world_port(w, 5, 2, "sw0-eth2", PORT_UP); /* back, in another row */
    cr_assert(eq(u32, vns_next(w, fd, m, &len), VNS_PACKET));
    cr_expect(eq(sz, len, 26));
    cr_expect(memcmp(m + 8, "eth2\0\0\0\0\0\0\0\0\0\0\0\0up", 18) == 0);
    world_pump_n(w, 5);
    cr_expect(eq(int, (int)recv(fd, m, sizeof m, MSG_DONTWAIT), -1));
    world_close(w);
}

Test(session, changed_mac_closes_the_client_with_the_reason)
{
    struct world *w = world_open(NULL);
    int fd;

    world_lab(w, PORT_UP);
    fd = vns_ready_client(w, "vrhost");
    world_port_on(w, WORLD_DPID, 1, 2, "sw0-eth2", PORT_UP, 99);
    cr_expect(strstr(vns_reason(w, fd), "eth2 has changed its address") != NULL);
    cr_expect(eq(u8, world_interface(w, 1).mac[5], 99));
    world_close(w);
}

Test(session, client_that_comes_while_the_switch_is_away_waits_for_it)
{
    struct world *w = world_open(NULL);
    int fd;

    world_lab(w, PORT_UP);
    world_lab(w, PORT_GONE);
    fd = vns_client(w, "vrhost");
    vns_expect(w, fd, VNS_BANNER); /* "waiting": its old MACs would perhaps be wrong */
    world_lab(w, PORT_UP);
    vns_expect(w, fd, VNS_HWINFO);
    world_close(w);
}

Test(session, places_are_bounded_and_the_next_is_told_so)
{
    struct world *w = world_open(&(struct world_options){.max_clients = 2});
    int a = vns_connect(w), b = vns_connect(w), c = vns_connect(w);

    cr_expect(strstr(vns_reason(w, c), "too many") != NULL);
    close(a);
    world_pump_n(w, 3);
    close(c);
    c = vns_connect(w);
    vns_expect(w, c, VNS_AUTH_REQUEST);
    close(b);
    world_close(w);
}

Test(session, stopping_says_vnsclose_to_every_client)
{
    struct world *w = world_open(NULL);
    int a = vns_connect(w), b;
    uint8_t m[8];

    vns_expect(w, a, VNS_AUTH_REQUEST);
    world_lab(w, PORT_UP);
    b = vns_ready_client(w, "vrhost");
    clients_stop(&w->b, "the VNS server stops");
    for (unsigned i = 0; i < 2; i++) {
        uint8_t close_message[264];
        int fd = i ? b : a;

        cr_assert(eq(int, (int)recv(fd, close_message, 264, MSG_WAITALL), 264));
        cr_expect(eq(u8, close_message[7], VNS_CLOSE));
        cr_expect(eq(str, (char *)close_message + 8, "the VNS server stops"));
        cr_expect(eq(int, (int)recv(fd, m, 1, 0), 0), "an end, not a reset");
    }
    w->b.clients.memory = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    w->b.clients.memory_size = 4096;
    world_close(w);
}

Test(session, byte_by_byte_is_understood)
{
    struct world *w = world_open(NULL);
    struct record r;
    uint8_t m[VNS_PACKET_HEADER + 60] = {0}, bytes[RECORD_HEAD_MAX];
    int fd;

    world_lab(w, PORT_UP);
    fd = vns_ready_client(w, "vrhost");
    vns_packet_header(m, "eth3", 60);
    m[83] = 0x77;
    for (size_t i = 0; i < sizeof m; i++) {
        vns_send(w, fd, m + i, 1);
    }
    cr_assert(world_take(w, &w->pkt_out, &r, bytes));
    cr_expect(eq(u32, r.head_len, 60));
    cr_expect(eq(u8, bytes[59], 0x77));
    world_close(w);
}
