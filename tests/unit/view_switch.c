/* How an operator names a switch, and which flows a filter lets through. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/base64.h"
#include "shm/view/flow_filter.h"
#include "shm/view/switch.h"

TestSuite(view_switch, .timeout = 20);

static json_t *one_switch(const char *dpid, const char *peer, const char *datapath,
                          const char *port)
{
    return json_pack("{s:s s:s s:{s:s s:s} s:[{s:i s:s} {s:i s:s}] s:s}", "dpid", dpid, "peer",
                     peer, "description", "datapath", datapath, "manufacturer", "Nicira, Inc.",
                     "port_list", "port", 1, "name", port, "port", 2, "name", "lan2", "version",
                     "OpenFlow 1.3");
}

static json_t *three(void)
{
    return json_pack("[o o o]",
                     one_switch("0x0000000000000001", "10.0.0.1:4000", "sw0", "sw0-eth1"),
                     one_switch("0x000000000000ab10", "10.0.0.2:4000", "None", "edge-eth1"),
                     one_switch("0x0000000000000010", "[fe80::1]:4000", "sw00", "sw00-eth1"));
}

Test(view_switch, is_found_by_any_usual_writing)
{
    static const struct {
        const char *word;
        int which; /* -1: none, or more than one */
    } cases[] = {{"1", 0},
                 {"0x1", 0},
                 {"0X0001", 0},
                 {"0000000000000001", 0},
                 {"00:00:00:00:00:00:00:01", 0},
                 {"sw0", 0}, /* though it begins sw00 */
                 {"sw00", 2},
                 {"sw", -1},
                 {"AB10", 1},
                 {"ab", 1},
                 {"0xab10", 1},
                 {"43792", 1}, /* in decimal */
                 {"10", 2},    /* hex goes before decimal */
                 {"edge", 1},  /* of its ports */
                 {"10.0.0.2", 1},
                 {"10.0.0.2:4000", 1},
                 {"10.0.0", -1},
                 {"[fe80::1]", 2},
                 {"None", 1},
                 {"sw1", -1},
                 {"", -1},
                 {"-", -1},
                 {"00000000000000001", -1}};
    json_t *list = three();
    char why[900];

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *found = switch_find(list, cases[i].word, why, sizeof why);

        cr_expect_eq(found,
                     cases[i].which < 0 ? NULL : json_array_get(list, (size_t)cases[i].which),
                     "'%s'", cases[i].word);
        if (!found) {
            cr_expect(strstr(why, "sw0 (0x0000000000000001)"), "%s", why);
        }
    }
    json_decref(list);
}

Test(view_switch, may_be_left_out_when_there_is_one)
{
    json_t *none = json_array(), *list = three(), *one = json_array();
    char why[900];

    json_array_append(one, json_array_get(list, 1));
    cr_expect_eq(switch_find(one, NULL, why, sizeof why), json_array_get(list, 1));
    cr_expect_null(switch_find(list, NULL, why, sizeof why));
    cr_expect(strstr(why, "which switch? 3 are connected: name one of sw0 "), "%s", why);
    cr_expect_null(switch_find(none, NULL, why, sizeof why));
    cr_expect(strstr(why, "no switch is connected: "), "%s", why);
    json_decref(none), json_decref(one), json_decref(list);
}

Test(view_switch, a_filter_shows_the_flows_that_say_as_much)
{
    static const struct {
        const char *filter, *match;
        bool passes;
    } cases[] = {
        {"", "", true},
        {"ip", "priority=100,ip,nw_dst=10.0.0.0/8", true},
        {"ip", "tcp,tp_dst=80", true},
        {"tcp", "ip,nw_dst=10.0.0.0/8", false},
        {"ip,nw_proto=6", "tcp", true},
        {"dl_type=0x800", "udp", true},
        {"dl_type=2048", "arp", false},
        {"ipv6", "icmp6,icmp_type=135", true},
        {"nw_dst=10.0.0.0/8", "ip,nw_dst=10.1.0.0/16", true},
        {"nw_dst=10.0.0.0/255.0.0.0", "ip,nw_dst=10.0.0.1", true},
        {"nw_dst=10.0.0.0/8", "ip,nw_dst=11.0.0.0/16", false},
        {"nw_dst=10.0.0.0/8", "ip,nw_dst=8.0.0.0/6", false},
        {"nw_dst=10.0.0.1", "ip,nw_dst=10.0.0.0/24", false},
        {"ip_dst=10.0.0.1", "ip,nw_dst=10.0.0.1", true},
        {"nw_dst=10.0.0.1", "ip", false},
        {"dl_dst=01:00:00:00:00:00/01:00:00:00:00:00", "dl_dst=ff:ff:ff:ff:ff:ff", true},
        {"eth_dst=01:00:00:00:00:00/01:00:00:00:00:00", "dl_dst=02:ff:ff:ff:ff:ff", false},
        {"ipv6_src=2001:db8::/32", "ipv6,ipv6_src=2001:db8:1::1", true},
        {"ipv6_src=2001:db8::/32", "ipv6,ipv6_src=2001:db9::/48", false},
        {"reg0=0x10/0xf0", "reg0=0x1f", true},
        {"reg0=0x10/0xf0", "reg0=0x10/0x10", false},
        {"in_port=1", "in_port=1,ip", true},
        {"in_port=lan2", "in_port=2", true},
        {"in_port=lan2", "in_port=1", false},
        {"in_port=LOCAL", "in_port=LOCAL", true},
        {"tcp_dst=80", "tcp,tp_dst=80", true},
        {"tp_dst=80", "tcp,tp_dst=0x50", true},
        {"ct_state=+trk", "ct_state=+trk", true},
        {"arp , arp_tpa=10.0.0.1", "arp,arp_tpa=10.0.0.1", true},
    };
    json_t *list = three();

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flow_filter f;
        char why[300];

        cr_assert(flow_filter_read(&f, cases[i].filter, json_array_get(list, 0), why, sizeof why),
                  "%s: %s", cases[i].filter, why);
        cr_expect_eq(flow_filter_match(&f, cases[i].match), cases[i].passes, "'%s' and '%s'",
                     cases[i].filter, cases[i].match);
    }
    json_decref(list);
}

Test(view_switch, a_filter_that_makes_no_sense_is_told_so)
{
    static const struct {
        const char *filter, *why;
    } cases[] = {{"foo=1", "there is no field 'foo'"},
                 {"ipx", "'ipx' is neither FIELD=VALUE nor a protocol"},
                 {"table=255", "table is '255', expected a table from 0 to 254"},
                 {"table=", "table is ''"},
                 {"cookie=x", "cookie is 'x', expected a number"},
                 {"out_port=nowhere", "out_port is 'nowhere', expected a port of the switch"},
                 {"reg0,", "'reg0' is neither"},
                 {"ip,ip,ip,ip,ip,ip,ip,ip,ip,ip,ip,ip,ip,ip,ip,ip,ip", "more than 16 fields"}};
    json_t *list = three();
    struct flow_filter f;
    char why[300];

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect(!flow_filter_read(&f, cases[i].filter, json_array_get(list, 0), why, sizeof why));
        cr_expect(strstr(why, cases[i].why), "%s: %s", cases[i].filter, why);
    }
    cr_assert(flow_filter_read(&f, "table=3,cookie=0x5/0xf out_port=lan2", json_array_get(list, 0),
                               why, sizeof why));
    cr_expect(f.has_table && f.table == 3 && f.cookie == 5 && f.cookie_mask == 0xf &&
              f.out_port == 2 && !f.has_group && f.n_terms == 0);
    json_decref(list);
}

Test(view_switch, base64_is_what_others_make_of_it)
{
    static const struct {
        const char *bytes, *text;
    } cases[] = {{"", ""},
                 {"f", "Zg=="},
                 {"fo", "Zm8="},
                 {"foo", "Zm9v"},
                 {"foob", "Zm9vYg=="},
                 {"fooba", "Zm9vYmE="},
                 {"foobar", "Zm9vYmFy"}}; /* RFC 4648, 10 */
    static const char *const wrong[] = {"Z", "Zg=", "Zg", "Z===", "====", "Zm=v", "Zm9v\n", "Zm9-"};
    char text[16];
    uint8_t bytes[8];
    size_t len;

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        base64_put(text, (const uint8_t *)cases[i].bytes, strlen(cases[i].bytes));
        cr_expect_str_eq(text, cases[i].text);
        cr_assert(base64_get(bytes, sizeof bytes, text, strlen(text), &len));
        cr_expect(len == strlen(cases[i].bytes) && memcmp(bytes, cases[i].bytes, len) == 0);
    }
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect(!base64_get(bytes, sizeof bytes, wrong[i], strlen(wrong[i]), &len), "%s",
                  wrong[i]);
    }
    cr_expect(!base64_get(bytes, 2, "Zm9v", 4, &len), "no room");
}
