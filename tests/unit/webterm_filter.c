/* The filter language of the packet view. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/proto/frame_info.h"
#include "webterm/packets_filter.h"

TestSuite(filter, .timeout = 20);

static struct packets_filter f;
static char why[400];

/* A ping's request of the client at PKT_IN. */
static struct packet_key ping(void)
{
    return (struct packet_key){.protos = 1u << FRAME_ETHERNET | 1u << FRAME_IP | 1u << FRAME_ICMP,
                               .has_ip = true,
                               .src = 0x0a000164,
                               .dst = 0xc0a80202,
                               .len = 98,
                               .where = TOPO_PKT_IN,
                               .port = "sw0-eth3",
                               .iface = "eth3",
                               .line =
                                   "icmp 10.0.1.100 > 192.168.2.2 echo request id 5 seq 1 ttl 64"};
}

static bool takes(const char *text, struct packet_key k)
{
    cr_assert_eq(packets_filter(&f, text, why, sizeof why), 0, "%s: %s", text, why);
    return packets_match(&f, &k);
}

static void refuses(const char *text, const char *word, const char *expected)
{
    cr_expect_neq(packets_filter(&f, text, why, sizeof why), 0, "%s", text);
    cr_expect(strstr(why, word), "'%s' is not named: %s", word, why);
    cr_expect(strstr(why, expected), "'%s' is not said: %s", expected, why);
    cr_expect_lt(strlen(why), sizeof why - 1);
}

Test(filter, takes_every_packet_when_it_is_empty)
{
    cr_expect(takes("", ping()));
    cr_expect(takes("  ", ping()));
}

Test(filter, asks_for_each_thing)
{
    static const struct {
        const char *text;
        bool yes;
    } cases[] = {
        {"icmp", true},
        {"ICMP", true},
        {"ip", true},
        {"arp", false},
        {"openflow", false},
        {"packet_in", false},
        {"host 10.0.1.100", true},
        {"host 192.168.2.2", true},
        {"host 10.0.1.101", false},
        {"src 10.0.1.100", true},
        {"dst 10.0.1.100", false},
        {"src 10.0.0.0/8", true},
        {"src 10.0.1.0/24", true},
        {"src 10.0.1.101/31", true},
        {"src 10.0.1.102/31", false},
        {"src 99.0.0.0/0", true},
        {"port 7", false},
        {"port sw0-eth3", true},
        {"on sw0-eth3", true},
        {"on eth3", true},
        {"on ETH3", true},
        {"on \"eth3\"", true},
        {"on eth1", false},
        {"where PKT_IN", true},
        {"ring pkt_in", true},
        {"where OPENFLOW", false},
        {"len >97", true},
        {"len > 98", false},
        {"len<99", true},
        {"len =98", true},
        {"text \"echo request\"", true},
        {"text REPLY", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char negated[100];

        cr_expect_eq(takes(cases[i].text, ping()), cases[i].yes, "%s", cases[i].text);
        snprintf(negated, sizeof negated, "not %s", cases[i].text);
        cr_expect_eq(takes(negated, ping()), !cases[i].yes, "%s", negated);
    }
}

Test(filter, asks_for_ports_and_messages)
{
    struct packet_key k = ping();

    k.has_ports = true;
    k.sport = 5000;
    k.dport = 80;
    k.message = "packet_in";
    cr_expect(takes("port 80", k));
    cr_expect(takes("port 5000", k));
    cr_expect(!takes("port 81", k));
    cr_expect(takes("packet_in", k));
    cr_expect(!takes("packet_out", k));
    k.has_ip = false;
    cr_expect(!takes("host 10.0.1.100", k));
    cr_expect(!takes("host 0.0.0.0/0", k));
}

Test(filter, binds_not_before_and_before_or)
{
    cr_expect(takes("arp or icmp", ping()));
    cr_expect(takes("arp icmp or icmp", ping()));
    cr_expect(takes("icmp or arp arp", ping()));
    cr_expect(!takes("(icmp or arp) arp", ping()));
    cr_expect(takes("not arp icmp", ping()));
    cr_expect(!takes("not icmp arp", ping()));
    cr_expect(takes("not arp or icmp", ping()));
    cr_expect(!takes("not (arp or icmp)", ping()));
    cr_expect(takes("not not icmp", ping()));
    cr_expect(takes("icmp and host 10.0.1.100 and not on eth1", ping()));
    cr_expect(takes("((icmp))(ip)", ping()));
}

Test(filter, says_which_word_is_wrong_and_what_was_expected)
{
    refuses("foo", "'foo'", "expected a protocol");
    refuses("icmp bar", "'bar'", "expected a protocol");
    refuses("host", "the end", "10.0.1.100");
    refuses("host 1.2.3", "'1.2.3'", "10.0.1.100");
    refuses("host 1.2.3.4/33", "'1.2.3.4/33'", "10.0.0.0/8");
    refuses("host 1.2.3.4/", "'1.2.3.4/'", "10.0.0.0/8");
    refuses("host 1.2.3.4/8x", "'1.2.3.4/8x'", "10.0.0.0/8");
    refuses("port 70000", "'70000'", "65535");
    refuses("port 8x", "'8x'", "65535");
    refuses("port", "the end", "port");
    refuses("port )", ")", "port");
    refuses("where nowhere", "'nowhere'", "VNS_OUT");
    refuses("on", "the end", "eth1");
    refuses("len 5", "'5'", ">");
    refuses("len >x", "'x'", "number of bytes");
    refuses("text", "nothing", "look for");
    refuses("text \"who", "\"", "one more");
    refuses("(icmp", "the end", "')'");
    refuses("icmp)", "')'", "other parenthesis");
    refuses("not", "ends too early", "expected a protocol");
    refuses("icmp or", "ends too early", "expected a protocol");
    refuses("or icmp", "'or'", "expected a protocol");
    refuses("\"icmp\"", "'icmp'", "expected a protocol");
    refuses("\x01\xff", "'?\?'", "expected a protocol");
}

Test(filter, is_bounded)
{
    char text[FILTER_TEXT + 10];

    memset(text, 'x', sizeof text);
    text[FILTER_TEXT + 1] = '\0';
    refuses(text, "longer", "512");
    memset(text, '(', FILTER_TEXT);
    text[FILTER_TEXT] = '\0';
    refuses(text, "16", "parentheses");
    for (unsigned i = 0; i < FILTER_TEXT - 3; i += 3) {
        memcpy(text + i, "ip ", 4);
    }
    refuses(text, "128", "words");
    text[3 * 64] = '\0';
    cr_expect(takes(text, ping()));
}
