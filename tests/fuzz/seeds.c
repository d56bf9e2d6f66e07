/* tests/fuzz/seeds.c - writes the seeds that our own encoder makes: seeds FOLDER.
 *
 * Each message of the tables, whole conversations made of them, frames, and texts; into
 * FOLDER/TARGET/encoded-NAME.  'make fuzz-seeds' runs it, and merges what says something new into
 * tests/fuzz/corpus. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/proto/of10.h"
#include "common/proto/pkt.h"
#include "common/proto/vns.h"

static const char *folder;

static void save(const char *target, const char *name, const void *bytes, size_t len)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, target);
    if (mkdir(path, 0755) != 0 && errno != EEXIST) {
        fprintf(stderr, "seeds: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    snprintf(path, sizeof path, "%s/%s/encoded-%s", folder, target, name);
    f = fopen(path, "w");
    if (!f || fwrite(bytes, 1, len, f) != len || fclose(f) != 0) {
        fprintf(stderr, "seeds: %s: %s\n", path, strerror(errno));
        exit(1);
    }
}

static void save_text(const char *target, const char *name, const char *text)
{
    save(target, name, text, strlen(text));
}

/* The same with the byte before it that the targets of a connection begin with. */
static void save_after(const char *target, const char *name, uint8_t choice, const uint8_t *bytes,
                       size_t len)
{
    static uint8_t whole[1 << 17];

    whole[0] = choice;
    memcpy(whole + 1, bytes, len);
    save(target, name, whole, len + 1);
}

/* ---- OpenFlow ----------------------------------------------------------------------------- */

/* A message of this type with 'items' of what may follow its body; every byte tells its place. */
static size_t of_message(uint8_t *to, uint8_t type, uint32_t xid, unsigned items)
{
    const struct of_message *m = of_find(&of10, type);
    size_t len = of_shortest(m) + (size_t)items * m->step;
    struct wire_out out = {to, to + len, false};

    of_header_put(&out, &(struct of_header){OF10_VERSION, type, (uint16_t)len, xid});
    for (size_t i = OF_HEADER; i < len; i++) {
        to[i] = (uint8_t)i;
    }
    return len;
}

static void each_of_message(void)
{
    for (unsigned type = 0; type < of10.n_messages; type++) {
        const struct of_message *m = of_find(&of10, (uint8_t)type);
        uint8_t bytes[512];
        char name[64];

        for (unsigned items = 0; m && items < 3; items++) {
            size_t len = of_message(bytes, (uint8_t)type, 7, items);

            snprintf(name, sizeof name, "%s-%u", m->name, items);
            save("of10", name, bytes, len);
            if (m->direction & OF_UP) {
                save_after("ofproxy_conn", name, 3, bytes, len);
            }
        }
    }
}

/* Messages of every kind, of 1.0, 1.3 and Nicira: those of the unit test. */
static void each_of_text(void)
{
    static const char *const hex[] = {
#define CASE(bytes, text) bytes,
#include "tests/unit/of_text.def"
#undef CASE
    };
    static uint8_t whole[1 << 12];
    char name[64];

    for (size_t i = 0; i < sizeof hex / sizeof hex[0]; i++) {
        size_t len = strlen(hex[i]) / 2;

        whole[0] = hex[i][1] == '4'; /* 1.3 */
        whole[1] = 0;
        whole[2] = (uint8_t)i; /* room for words */
        for (size_t b = 0; b < len; b++) {
            char pair[3] = {hex[i][2 * b], hex[i][2 * b + 1], '\0'};

            whole[3 + b] = (uint8_t)strtoul(pair, NULL, 16);
        }
        snprintf(name, sizeof name, "message-%zu", i);
        save("of_text", name, whole, 3 + len);
        save_after("ctl_decode_of", name, (uint8_t)i, (const uint8_t *)hex[i], strlen(hex[i]));
    }
}

static size_t of_packet_in(uint8_t *to, unsigned port, uint32_t buffer, const uint8_t *frame,
                           size_t len)
{
    struct wire_out out = {to, to + OF_LONGEST, false};

    of_header_put(&out,
                  &(struct of_header){OF10_VERSION, OF10_TYPE_PACKET_IN, (uint16_t)(18 + len), 0});
    of10_packet_in_put(&out, &(struct of10_packet_in){buffer, (uint16_t)len, (uint16_t)port, 0});
    wire_put_bytes(&out, frame, len);
    return (size_t)(out.p - to);
}

/* A switch's whole life, said at once: its answers carry the numbers that it will be asked with. */
static void of_life(const uint8_t *frame, size_t frame_len)
{
    static uint8_t bytes[OF_LONGEST];
    size_t n = of_message(bytes, OF10_TYPE_HELLO, 1, 0), one;

    one = of_message(bytes + n, OF10_TYPE_FEATURES_REPLY, 0x80000002u, 3);
    for (unsigned i = 0; i < 3; i++) {
        bytes[n + 32 + i * 48 + 1] = (uint8_t)(i + 1);
        bytes[n + 32 + i * 48] = 0;
    }
    n += one;
    n += of_message(bytes + n, OF10_TYPE_GET_CONFIG_REPLY, 0x80000004u, 0);
    one = of_message(bytes + n, OF10_TYPE_STATS_REPLY, 0x80000005u, 1056);
    bytes[n + 8] = bytes[n + 9] = 0;
    n += one;
    n += of_message(bytes + n, OF10_TYPE_BARRIER_REPLY, 0x80000007u, 0);
    n += of_packet_in(bytes + n, 1, OF_NO_BUFFER, frame, frame_len);
    n += of_packet_in(bytes + n, 2, 5, frame, frame_len);
    one = of_message(bytes + n, OF10_TYPE_PORT_STATUS, 0, 0);
    bytes[n + 8] = OF10_PORT_MODIFY;
    n += one;
    n += of_message(bytes + n, OF10_TYPE_ECHO_REQUEST, 9, 8);
    save_after("ofproxy_conn", "life", 0, bytes, n);
    save_after("ofproxy_conn", "life-in-pieces", 7 << 5, bytes, n);
    bytes[n++] = 0xff;
    bytes[n++] = 0x5a;
    n += of_message(bytes + n, OF10_TYPE_HELLO, 1, 0);
    n += of_message(bytes + n, OF10_TYPE_FEATURES_REPLY, 0x80000002u, 1);
    save_after("ofproxy_conn", "the-same-twice", 1 << 2, bytes, n);
}

/* ---- VNS ---------------------------------------------------------------------------------- */

static size_t vns_open_message(uint8_t *to, const char *vhost)
{
    struct wire_out out = {to, to + 200, false};
    struct vns_open o = {.topology = 1};

    vns_text_fill(o.vhost, sizeof o.vhost, vhost);
    vns_text_fill(o.user, sizeof o.user, "joe");
    vns_begin(&out, VNS_OPEN);
    vns_open_put(&out, &o);
    return vns_end(&out, to);
}

static size_t vns_template_message(uint8_t *to, const char *vhost)
{
    struct wire_out out = {to, to + 200, false};
    struct vns_template t = {0};

    vns_text_fill(t.vhost, sizeof t.vhost, vhost);
    vns_text_fill(t.name, sizeof t.name, "1-router 2-server");
    vns_begin(&out, VNS_OPEN_TEMPLATE);
    vns_template_put(&out, &t);
    vns_prefix_put(&out, &(struct vns_prefix){0x0a000100, 24});
    return vns_end(&out, to);
}

static size_t vns_frame_message(uint8_t *to, const char *interface, const uint8_t *frame,
                                size_t len)
{
    vns_packet_header(to, interface, len);
    memcpy(to + VNS_PACKET_HEADER, frame, len);
    return VNS_PACKET_HEADER + len;
}

static void vns_client(const uint8_t *frame, size_t frame_len)
{
    static const uint8_t hash[VNS_HASH_LEN];
    static uint8_t m[65536];
    size_t n = vns_auth_reply_message(m, sizeof m, "joe", hash), start;

    save("vns", "auth-reply", m, n);
    start = n;
    n += vns_open_message(m + n, "vrhost");
    save("vns", "open", m + start, n - start);
    n += vns_frame_message(m + n, "eth1", frame, frame_len);
    n += vns_frame_message(m + n, "eth3", frame, frame_len);
    save_after("vnsbridge_session", "session", 0, m, n);
    save_after("vnsbridge_session", "session-with-frames", 3 << 3 | 5, m, n);
    m[n++] = 0xff;
    m[n++] = 0x5a;
    n += vns_auth_reply_message(m + n, sizeof m - n, "jim", hash);
    start = n;
    n += vns_template_message(m + n, "vrhost");
    save("vns", "open-template", m + start, n - start);
    n += vns_text_message(m + n, sizeof m - n, VNS_CLOSE, "good-bye");
    save_after("vnsbridge_session", "two-clients", 7, m, n);
}

static void vns_server(const uint8_t *frame, size_t frame_len)
{
    static const struct vns_interface list[] = {
        {"eth1", {2, 0, 0, 0, 0, 1}, 0xc0a80201, 0xffffffff, 0, 10000},
        {"eth2", {2, 0, 0, 0, 0, 2}, 0xac400301, 0xffffff00, 0xac400300, 100},
        {"eth3", {2, 0, 0, 0, 0, 3}, 0x0a000101, 0xffffffff, 0, 10}};
    static const char table[] = "10.0.1.100 10.0.1.100 255.255.255.255 eth3\n";
    static uint8_t m[65536];
    struct {
        const char *name;
        size_t at;
    } part[8] = {{"auth-request", 0}};
    size_t n = vns_auth_request_message(m, sizeof m, frame, VNS_SALT_LEN), parts = 1;

#define PART(what, call)                                                                           \
    part[parts].name = (what);                                                                     \
    part[parts++].at = n;                                                                          \
    n += (call)
    PART("auth-status", vns_auth_status_message(m + n, sizeof m - n, true, "welcome"));
    PART("banner", vns_text_message(m + n, sizeof m - n, VNS_BANNER, "hello\n"));
    PART("rtable", vns_rtable_message(m + n, sizeof m - n, "vrhost", table, sizeof table - 1));
    PART("hwinfo", vns_hwinfo_message(m + n, sizeof m - n, list, 3));
    PART("down", vns_frame_message(m + n, "eth2", (const uint8_t *)"down", 4));
    PART("packet", vns_frame_message(m + n, "eth3", frame, frame_len));
#undef PART
    for (size_t i = 0; i < parts; i++) {
        size_t end = i + 1 < parts ? part[i + 1].at : n;

        save("vns", part[i].name, m + part[i].at, end - part[i].at);
    }
    save_after("router_vns", "session", 8, m, n);
    save_after("router_vns", "session-in-pieces", 8 | 4, m, n);
    n = vns_auth_status_message(m, sizeof m, false, "wrong key");
    n += vns_text_message(m + n, sizeof m - n, VNS_CLOSE, "authentication failed");
    save_after("router_vns", "refused", 0, m, n);
}

/* ---- frames ------------------------------------------------------------------------------- */

static size_t ip_frame(uint8_t *frame, uint8_t proto, uint32_t dst, uint8_t options, size_t payload)
{
    size_t ihl = PKT_IP_LEN + options, len = PKT_ETH_LEN + ihl + payload;
    struct wire_out out = {frame, frame + len, false};
    struct pkt_ip_wire *ip = (void *)(frame + PKT_ETH_LEN);

    memset(frame, 1, len); /* options of NOPs */
    pkt_eth_put(&out, &(struct pkt_eth){.dst = {2, 0, 0, 0, 0, 3},
                                        .src = {0x0a, 0, 0, 0, 0, 3},
                                        .type = PKT_TYPE_IP});
    pkt_ip_put(&out, &(struct pkt_ip){.version_ihl = (uint8_t)(0x40 | ihl / 4),
                                      .total_len = (uint16_t)(ihl + payload),
                                      .id = 1,
                                      .ttl = 64,
                                      .proto = proto,
                                      .src = 0x0a000164,
                                      .dst = dst});
    pkt_put16(ip->checksum, pkt_checksum(ip, ihl));
    if (proto == PKT_ICMP_PROTO) {
        struct pkt_icmp_wire *icmp = (void *)(frame + PKT_ETH_LEN + ihl);

        icmp->type[0] = PKT_ECHO;
        icmp->code[0] = 0;
        pkt_put16(icmp->checksum, 0);
        pkt_put16(icmp->checksum, pkt_checksum(icmp, payload));
    }
    return len;
}

static size_t arp_frame(uint8_t *frame, uint16_t op, uint32_t spa, uint32_t tpa)
{
    struct wire_out out = {frame, frame + 60, false};
    struct pkt_arp a = {1, PKT_TYPE_IP, 6, 4, op, {0x0a, 0, 0, 0, 0, 3}, spa, {0}, tpa};

    pkt_eth_put(&out, &(struct pkt_eth){.dst = {255, 255, 255, 255, 255, 255},
                                        .src = {0x0a, 0, 0, 0, 0, 3},
                                        .type = PKT_TYPE_ARP});
    pkt_arp_put(&out, &a);
    return PKT_ETH_LEN + PKT_ARP_LEN;
}

/* A frame by eth3, as the target router_forward has it, and as a capture shows it. */
static void save_frame(const char *name, uint8_t flags, const uint8_t *frame, size_t len)
{
    uint8_t bytes[4096] = {(uint8_t)(flags | 2), flags & 16 ? 80 : 0, (uint8_t)len,
                           (uint8_t)(len >> 8)};

    memcpy(bytes + 4, frame, len);
    save("router_forward", name, bytes, len + 4);
    save("frame_info", name, frame, len);
}

static void frames(void)
{
    uint8_t f[2048];
    size_t len;

    save_frame("echo-to-router", 4, f, ip_frame(f, 1, 0x0a000101, 0, 40));
    save_frame("echo-through", 4, f, ip_frame(f, 1, 0xc0a80202, 0, 40));
    save_frame("udp-held", 4, f, ip_frame(f, 17, 0xac40030a, 0, 40));
    save_frame("udp-fragments", 4 | 16, f, ip_frame(f, 17, 0xc0a80202, 0, 40));
    save_frame("udp-options", 4 | 16, f, ip_frame(f, 17, 0xc0a80202, 20, 40));
    save_frame("tcp-to-router", 4, f, ip_frame(f, 6, 0x0a000101, 0, 20));
    save_frame("no-route", 4, f, ip_frame(f, 17, 0x08080808, 0, 20));
    len = ip_frame(f, 17, 0xc0a80202, 0, 40);
    ((struct pkt_ip_wire *)(void *)(f + PKT_ETH_LEN))->ttl[0] = 1;
    save_frame("ttl-one", 4, f, len);
    ((struct pkt_ip_wire *)(void *)(f + PKT_ETH_LEN))->ttl[0] = 9;
    pkt_put16(((struct pkt_ip_wire *)(void *)(f + PKT_ETH_LEN))->frag, PKT_IP_DF);
    save_frame("needs-fragments", 4 | 16, f, len);
    pkt_put16(((struct pkt_ip_wire *)(void *)(f + PKT_ETH_LEN))->frag, PKT_IP_MF | 100);
    save_frame("a-fragment", 4, f, len);
    save_frame("arp-request", 0, f, arp_frame(f, PKT_ARP_REQUEST, 0x0a000164, 0x0a000101));
    save_frame("arp-reply", 0, f, arp_frame(f, PKT_ARP_REPLY, 0xac40030a, 0xac400301));
    len = ip_frame(f, 17, 0xc0a80202, 24, 40);
    memcpy(f + 34, (const uint8_t[]){7, 7, 4, 0, 0,   0, 0, 131, 7,  4, 10, 0,
                                     1, 1, 0, 0, 136, 4, 1, 2,   68, 4, 5,  0},
           24);
    save_frame("source-route", 4, f, len);
}

/* ---- texts -------------------------------------------------------------------------------- */

static void texts(void)
{
    static const char words[] = "\x83--port\0"
                                "8888\0-v\0vrhost\0--log-level=debug";

    static const char origin[] = "http://localhost:8070\0localhost:8070\0https://lab.example.org";
    static const char cookie[] = "a=1; causeway-8070=00ff\0causeway-8070";
    static const char list[] = "W/\"abc\", *;q=0, br;q=0.5\0br";
    static const char host[] = "[::1]:8070\0https://[::1]:1 http://x";

    save("webterm_headers", "origin", origin, sizeof origin);
    save("webterm_headers", "cookie", cookie, sizeof cookie);
    save("webterm_headers", "list", list, sizeof list);
    save("webterm_headers", "host", host, sizeof host);
    save_text("config", "file",
              "\x01# all\n[stack]\nrun-dir = /run/x ; here\nlog-level = warn\n[ofproxy]\n"
              "listen = tcp:6633\nmax-switches = 12\n[vhost red]\nswitch = sw0\n");
    save_text("config", "mistakes",
              "\x01key = 1\n[none]\na = b\n[router]\nport = 70000\nnone = 1\nno key\n");
    save("config", "words", words, sizeof words);
    save_text(
        "router_rtable", "table",
        "\xff# d g m i\n10.0.1.0 0.0.0.0 255.255.255.0 eth3\n0.0.0.0 10.0.1.100 0.0.0.0 eth3\n");
    save_text("router_rtable", "mistakes",
              "\xff"
              "10.0.1 0.0.0.0 255.255.255.0 eth3\n10.0.0.0 0.0.0.0 255.0.255.0 eth3\na b\n"
              "1.0.0.0 0.0.0.0 255.0.0.0 eth1\n1.0.0.0 0.0.0.0 255.0.0.0 eth2\n");
    save_text("vnsbridge_config", "interfaces",
              "[vhost red]\ninterface = eth1 sw0-eth1 10.0.0.1/24\n"
              "interface = eth2 0000000000000002:5 10.8.0.1\nauth-key = key\nrtable = rt\n\x01\x01"
              "10.0.0.2 10.0.0.2 255.255.255.255 eth1\n\x01"
              "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    save_text("vnsbridge_config", "switch",
              "[vhost red]\nswitch = sw0\nip-config = ip\n\x01"
              "# lab\nsw0-eth1 192.168.2.1\nsw0-eth2 172.64.3.1/24\n\x01\x01");
    save_text("router_commands", "add",
              "{\"jsonrpc\":\"2.0\",\"method\":\"route.add\",\"params\":{\"destination\":"
              "\"10.0.0.0/8\",\"gateway\":\"10.0.1.100\",\"interface\":\"eth3\"},\"id\":1}");
    save_text(
        "router_commands", "del",
        "{\"method\":\"route.del\",\"params\":{\"destination\":\"10.9.0.0/16\"},\"id\":\"x\"}");
    save_text("router_commands", "arp", "{\"method\":\"arp\"}");
    save_text(
        "router_commands", "arp-del",
        "{\"method\":\"arp.del\",\"params\":{\"address\":\"10.0.1.100\",\"interface\":\"eth3\"}}");
    save_text("router_commands", "flush", "{\"method\":\"arp.flush\",\"id\":[1]}");
    save_text("router_commands", "interfaces", "{\"method\":\"interfaces\"}");
    save_text("router_commands", "status", "{\"method\":\"status\"}");
    save_text("router_commands", "level",
              "{\"method\":\"log.level\",\"params\":{\"level\":\"warn\"}}");
}

int main(int argc, char **argv)
{
    uint8_t frame[2048];
    size_t len;

    if (argc != 2) {
        fprintf(stderr, "seeds: expected one word, the folder to write into\n");
        return 2;
    }
    folder = argv[1];
    len = ip_frame(frame, 1, 0xc0a80202, 0, 200);
    each_of_message();
    each_of_text();
    of_life(frame, len);
    vns_client(frame, len);
    vns_server(frame, len);
    frames();
    texts();
    return 0;
}
