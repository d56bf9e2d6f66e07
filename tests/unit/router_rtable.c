/* Routing table files: what is taken, what is refused and how that is said. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "router/pcap.h"
#include "router/rtable.h"

#pragma GCC diagnostic ignored "-Wconversion" /* Criterion's own macros */

static char dir[] = "/tmp/fib-rtable-XXXXXX";

static void enter(void)
{
    cr_assert(mkdtemp(dir) != NULL);
    cr_assert(eq(int, chdir(dir), 0));
}

static void leave(void)
{
    static const char *const files[] = {"rtable", "rtable.vrhost", "log.pcap"};

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        unlink(files[i]);
    }
    cr_expect(eq(int, rmdir(dir), 0), "a test left a file behind");
}

TestSuite(router_rtable, .timeout = 20, .init = enter, .fini = leave);

static int parse(struct rtable *t, const char *text, char *why, size_t size)
{
    return rtable_parse(t, "rtable", text, strlen(text), why, size);
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");

    cr_assert(f != NULL);
    fputs(text, f);
    fclose(f);
}

Test(router_rtable, a_file_of_the_classic_sr_is_read_as_it_is)
{
    struct rtable t;
    char why[256] = "";

    write_file("rtable", "# the lab\n\n"
                         "10.0.1.100 10.0.1.100 255.255.255.255 eth3\r\n"
                         "\t192.168.2.2\t 192.168.2.2 255.255.255.255   eth1 # server1\n"
                         "0.0.0.0 10.0.1.100 0.0.0.0 eth3\n"
                         "172.64.3.99 0.0.0.0 255.255.255.0 eth2");
    cr_assert(eq(int, rtable_read(&t, "rtable", why, sizeof why), 0), "%s", why);
    cr_assert(eq(sz, t.n, 4));
    cr_expect(eq(u32, t.routes[0].dest, 0x0a000164));
    cr_expect(eq(u32, t.routes[0].mask_len, 32));
    cr_expect(eq(u32, t.routes[0].gateway, 0x0a000164));
    cr_expect(eq(u32, t.routes[0].iface, ROUTE_NO_IFACE));
    cr_expect(eq(str, t.routes[1].name, "eth1"));
    cr_expect(eq(u32, t.routes[2].mask_len, 0));
    cr_expect(eq(u32, t.routes[3].dest, 0xac400300), "bits beyond the mask are ignored");
    cr_expect(eq(u32, t.routes[3].mask_len, 24));
    rtable_free(&t);
}

Test(router_rtable, every_mistake_is_named_with_file_line_and_what_was_expected)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"10.0.0.0 0.0.0.0 255.0.0.0", "rtable:1: 3 words, expected 4: destination gateway"},
        {"\n\n10.0.0.0", "rtable:3: 1 word, expected 4"},
        {"1 2 3 4 5", "rtable:1: 5 words, expected 4"},
        {"10.0.0 0.0.0.0 255.0.0.0 e", "rtable:1: \"10.0.0\" is no destination, expected an IPv4"},
        {"10.0.0.0 gw 255.0.0.0 e", "\"gw\" is no gateway, expected"},
        {"10.0.0.0 0.0.0.256 255.0.0.0 e", "\"0.0.0.256\" is no gateway"},
        {"10.0.0.0 0.0.0.0 /8 e", "\"/8\" is no mask, expected"},
        {"10.0.0.0 0.0.0.0 255.0.255.0 e", "mask 255.0.255.0 has ones after a zero, expected"},
        {"10.0.0.0 0.0.0.0 0.0.0.1 e", "mask 0.0.0.1 has ones after a zero"},
        {"10.0.0.0 0.0.0.0 255.0.0.0 sixteen-letters-",
         "\"sixteen-letters-\" is too long, expected"},
        {"10.0.0.0 0.0.0.0 255.0.0.0 e\n10.0.0.9 1.2.3.4 255.0.0.0 e",
         "rtable:2: 10.0.0.0/8 is on line 1 with another way, expected one line"},
        {"99999999999999999999999999999999999999999999999999 0 0 e", "is no destination"},
        {"\xff\x01 0.0.0.0 0.0.0.0 e", "is no destination"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rtable t;
        char why[512] = "";

        cr_expect(eq(int, parse(&t, cases[i].text, why, sizeof why), -EINVAL), "%s", cases[i].text);
        cr_expect(strstr(why, cases[i].why) != NULL, "\"%s\" said \"%s\"", cases[i].text, why);
        cr_expect(t.routes == NULL && t.n == 0);
    }
}

Test(router_rtable, all_mistakes_are_told_at_once_in_whole_lines)
{
    struct rtable t;
    char why[256], text[1000] = "";
    size_t lines = 1;

    for (int i = 0; i < 100; i++) {
        strcat(text, "nonsense\n");
    }
    cr_expect(eq(int, parse(&t, "a\n1.1.1.1 0.0.0.0 255.255.255.255 e\nb c\n", why, sizeof why),
                 -EINVAL));
    cr_expect(strstr(why, "rtable:1: ") == why && strstr(why, "\nrtable:3: ") != NULL, "%s", why);
    cr_expect(eq(int, parse(&t, text, why, sizeof why), -EINVAL));
    for (const char *p = why; (p = strchr(p, '\n')) != NULL; p++) {
        lines++;
    }
    cr_expect(gt(sz, lines, 1));
    cr_expect(eq(str, (char *)strrchr(why, ' '), " interface"), "cut in the middle: %s", why);
}

Test(router_rtable, the_same_line_twice_counts_once)
{
    struct rtable t;
    char why[256];

    cr_assert(eq(int,
                 parse(&t,
                       "9.9.9.9 0.0.0.0 255.255.255.255 b\n1.0.0.0 2.2.2.2 255.0.0.0 a\n"
                       "1.0.0.7 2.2.2.2 255.0.0.0 a\n",
                       why, sizeof why),
                 0));
    cr_assert(eq(sz, t.n, 2));
    cr_expect(eq(u32, t.routes[0].dest, 0x09090909), "the order of the file is kept");
    rtable_free(&t);
}

Test(router_rtable, a_file_that_cannot_be_read_says_which_and_why)
{
    struct rtable t;
    char why[256];

    cr_expect(eq(int, rtable_read(&t, "missing", why, sizeof why), -ENOENT));
    cr_expect(strstr(why, "missing: No such file") != NULL, "%s", why);
    cr_expect(eq(int, rtable_read(&t, "/tmp", why, sizeof why), -EISDIR));
    cr_expect(strstr(why, "/tmp: Is a directory") != NULL, "%s", why);
}

Test(router_rtable, an_empty_file_is_an_empty_table)
{
    struct rtable t;
    char why[256];

    write_file("rtable", "");
    cr_expect(eq(int, rtable_read(&t, "rtable", why, sizeof why), 0));
    cr_expect(eq(sz, t.n, 0));
    rtable_free(&t);
}

Test(router_rtable, the_labs_routes_are_its_three_hosts)
{
    struct rtable t;

    cr_assert(eq(int, rtable_lab(&t), 0));
    cr_expect(eq(sz, t.n, 3));
    cr_expect(eq(u32, t.routes[2].dest, 0x0a000164));
    rtable_free(&t);
}

Test(router_rtable, a_servers_table_is_saved_whole_under_the_virtual_hosts_name)
{
    static const char two[] = "1.1.1.1 0.0.0.0 255.255.255.255 eth1\n2.2.2.2 0.0.0.0 "
                              "255.255.255.255 eth2\n";
    static const char one[] = "3.3.3.3 0.0.0.0 255.255.255.255 eth3\n";
    struct rtable t;
    char why[256];
    int fd = rtable_file("vrhost", why, sizeof why);

    cr_assert(fd >= 0, "%s", why);
    cr_assert(eq(int, rtable_save(fd, two, sizeof two - 1, why, sizeof why), 0), "%s", why);
    cr_assert(eq(int, rtable_read(&t, "rtable.vrhost", why, sizeof why), 0));
    cr_expect(eq(sz, t.n, 2));
    rtable_free(&t);
    /* a shorter one, after a new connection: nothing of the longer one is left */
    cr_assert(eq(int, rtable_save(fd, one, sizeof one - 1, why, sizeof why), 0), "%s", why);
    cr_assert(eq(int, rtable_read(&t, "rtable.vrhost", why, sizeof why), 0));
    cr_expect(eq(sz, t.n, 1));
    cr_expect(eq(u32, t.routes[0].dest, 0x03030303));
    rtable_free(&t);
    close(fd);
    cr_expect(eq(int, rtable_file("../x", why, sizeof why), -EINVAL));
    cr_expect(eq(int, rtable_file("", why, sizeof why), -EINVAL));
}

Test(router_rtable, pcap_keeps_the_first_1024_bytes_of_head_and_tail_and_the_whole_length)
{
    static uint8_t head[128], tail[4000], file[PCAP_BUFFER * 2];
    uint32_t frame[4];
    struct pcap p;
    char why[256];
    size_t n, at = 24;
    FILE *f;

    memset(head, 'h', sizeof head);
    memset(tail, 't', sizeof tail);
    cr_assert(eq(int, pcap_open(&p, "log.pcap", why, sizeof why), 0), "%s", why);
    for (size_t i = 0; i < 400; i++) { /* more than the buffer holds */
        pcap_frame(&p, head, 60, NULL, 0);
        pcap_frame(&p, head, sizeof head, tail, sizeof tail);
    }
    pcap_close(&p);
    pcap_frame(&p, head, 60, NULL, 0); /* closed is off */
    f = fopen("log.pcap", "r");
    n = fread(file, 1, sizeof file, f);
    fclose(f);
    cr_assert(eq(sz, n, 24 + 400 * (16 + 60 + 16 + 1024)));
    for (size_t i = 0; i < 800; i++) {
        memcpy(frame, file + at, sizeof frame);
        cr_assert(eq(u32, frame[2], i % 2 ? 1024 : 60));
        cr_assert(eq(u32, frame[3], i % 2 ? 4128 : 60));
        cr_assert(file[at + 16] == 'h' && (i % 2 == 0 || file[at + 16 + 128] == 't'));
        at += 16 + frame[2];
    }
    cr_expect(eq(int, pcap_open(&p, "/nowhere/x", why, sizeof why), -ENOENT));
    cr_expect(strstr(why, "/nowhere/x: No such file") != NULL, "%s", why);
}
