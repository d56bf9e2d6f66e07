/* tests/unit/oxm.c - the fields of a match, held against Open vSwitch 3.1's list of them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/proto/oxm.h"

TestSuite(oxm, .timeout = 20);

/* From include/openvswitch/meta-flow.h: the header without a mask, by class, number and width. */
static const struct {
    const char *header;
    uint32_t bits_of_header, experimenter;
    unsigned bits;
    bool mask;
    const char *set;
} facts[] = {
    {"NXM_NX_DP_HASH", 0x00014604, 0x0, 32, true, "dp_hash"},
    {"NXOXM_ET_DP_HASH", 0xffff0008, 0x2320, 32, true, "dp_hash"},
    {"NXM_NX_RECIRC_ID", 0x00014804, 0x0, 32, false, "recirc_id"},
    {"OXM_OF_PACKET_TYPE", 0x80005804, 0x0, 32, false, "packet_type"},
    {"NXM_NX_CONJ_ID", 0x00014a04, 0x0, 32, false, "conj_id"},
    {"NXM_NX_TUN_ID", 0x00012008, 0x0, 64, true, "tun_id"},
    {"OXM_OF_TUNNEL_ID", 0x80004c08, 0x0, 64, true, "tun_id"},
    {"NXM_NX_TUN_IPV4_SRC", 0x00013e04, 0x0, 32, true, "tun_src"},
    {"NXM_NX_TUN_IPV4_DST", 0x00014004, 0x0, 32, true, "tun_dst"},
    {"NXM_NX_TUN_IPV6_SRC", 0x0001da10, 0x0, 128, true, "tun_ipv6_src"},
    {"NXM_NX_TUN_IPV6_DST", 0x0001dc10, 0x0, 128, true, "tun_ipv6_dst"},
    {"NXM_NX_TUN_FLAGS", 0x0001d002, 0x0, 1, true, "tun_flags"},
    {"NXM_NX_TUN_GBP_ID", 0x00014c02, 0x0, 16, true, "tun_gbp_id"},
    {"NXM_NX_TUN_GBP_FLAGS", 0x00014e01, 0x0, 8, true, "tun_gbp_flags"},
    {"NXOXM_ET_ERSPAN_IDX", 0xffff1608, 0x2320, 20, true, "tun_erspan_idx"},
    {"NXOXM_ET_ERSPAN_VER", 0xffff1805, 0x2320, 4, true, "tun_erspan_ver"},
    {"NXOXM_ET_ERSPAN_DIR", 0xffff1a05, 0x2320, 1, true, "tun_erspan_dir"},
    {"NXOXM_ET_ERSPAN_HWID", 0xffff1c05, 0x2320, 6, true, "tun_erspan_hwid"},
    {"NXOXM_ET_GTPU_FLAGS", 0xffff1e05, 0x2320, 8, true, "tun_gtpu_flags"},
    {"NXOXM_ET_GTPU_MSGTYPE", 0xffff2005, 0x2320, 8, true, "tun_gtpu_msgtype"},
    {"OXM_OF_METADATA", 0x80000408, 0x0, 64, true, "metadata"},
    {"NXM_OF_IN_PORT", 0x00000002, 0x0, 16, false, "in_port"},
    {"OXM_OF_IN_PORT", 0x80000004, 0x0, 32, false, "in_port_oxm"},
    {"ONFOXM_ET_ACTSET_OUTPUT", 0xffff5608, 0x4f4e4600, 32, false, "actset_output"},
    {"OXM_OF_ACTSET_OUTPUT", 0x80005604, 0x0, 32, false, "actset_output"},
    {"NXM_NX_PKT_MARK", 0x00014204, 0x0, 32, true, "pkt_mark"},
    {"NXM_NX_CT_STATE", 0x0001d204, 0x0, 32, true, "ct_state"},
    {"NXM_NX_CT_ZONE", 0x0001d402, 0x0, 16, false, "ct_zone"},
    {"NXM_NX_CT_MARK", 0x0001d604, 0x0, 32, true, "ct_mark"},
    {"NXM_NX_CT_LABEL", 0x0001d810, 0x0, 128, true, "ct_label"},
    {"NXM_NX_CT_NW_PROTO", 0x0001ee01, 0x0, 8, false, "ct_nw_proto"},
    {"NXM_NX_CT_NW_SRC", 0x0001f004, 0x0, 32, true, "ct_nw_src"},
    {"NXM_NX_CT_NW_DST", 0x0001f204, 0x0, 32, true, "ct_nw_dst"},
    {"NXM_NX_CT_IPV6_SRC", 0x0001f410, 0x0, 128, true, "ct_ipv6_src"},
    {"NXM_NX_CT_IPV6_DST", 0x0001f610, 0x0, 128, true, "ct_ipv6_dst"},
    {"NXM_NX_CT_TP_SRC", 0x0001f802, 0x0, 16, true, "ct_tp_src"},
    {"NXM_NX_CT_TP_DST", 0x0001fa02, 0x0, 16, true, "ct_tp_dst"},
    {"NXM_OF_ETH_SRC", 0x00000406, 0x0, 48, true, "eth_src"},
    {"OXM_OF_ETH_SRC", 0x80000806, 0x0, 48, true, "eth_src"},
    {"NXM_OF_ETH_DST", 0x00000206, 0x0, 48, true, "eth_dst"},
    {"OXM_OF_ETH_DST", 0x80000606, 0x0, 48, true, "eth_dst"},
    {"NXM_OF_ETH_TYPE", 0x00000602, 0x0, 16, false, "eth_type"},
    {"OXM_OF_ETH_TYPE", 0x80000a02, 0x0, 16, false, "eth_type"},
    {"NXM_OF_VLAN_TCI", 0x00000802, 0x0, 16, true, "vlan_tci"},
    {"OXM_OF_VLAN_VID", 0x80000c02, 0x0, 12, true, "vlan_vid"},
    {"OXM_OF_VLAN_PCP", 0x80000e01, 0x0, 3, false, "vlan_pcp"},
    {"OXM_OF_MPLS_LABEL", 0x80004404, 0x0, 20, false, "mpls_label"},
    {"OXM_OF_MPLS_TC", 0x80004601, 0x0, 3, false, "mpls_tc"},
    {"OXM_OF_MPLS_BOS", 0x80004801, 0x0, 1, false, "mpls_bos"},
    {"NXM_NX_MPLS_TTL", 0x00013c01, 0x0, 8, false, "mpls_ttl"},
    {"NXM_OF_IP_SRC", 0x00000e04, 0x0, 32, true, "ip_src"},
    {"OXM_OF_IPV4_SRC", 0x80001604, 0x0, 32, true, "ip_src"},
    {"NXM_OF_IP_DST", 0x00001004, 0x0, 32, true, "ip_dst"},
    {"OXM_OF_IPV4_DST", 0x80001804, 0x0, 32, true, "ip_dst"},
    {"NXM_NX_IPV6_SRC", 0x00012610, 0x0, 128, true, "ipv6_src"},
    {"OXM_OF_IPV6_SRC", 0x80003410, 0x0, 128, true, "ipv6_src"},
    {"NXM_NX_IPV6_DST", 0x00012810, 0x0, 128, true, "ipv6_dst"},
    {"OXM_OF_IPV6_DST", 0x80003610, 0x0, 128, true, "ipv6_dst"},
    {"NXM_NX_IPV6_LABEL", 0x00013604, 0x0, 20, true, "ipv6_label"},
    {"OXM_OF_IPV6_FLABEL", 0x80003804, 0x0, 20, true, "ipv6_label"},
    {"NXM_OF_IP_PROTO", 0x00000c01, 0x0, 8, false, "nw_proto"},
    {"OXM_OF_IP_PROTO", 0x80001401, 0x0, 8, false, "nw_proto"},
    {"NXM_OF_IP_TOS", 0x00000a01, 0x0, 8, false, "nw_tos"},
    {"OXM_OF_IP_DSCP", 0x80001001, 0x0, 6, false, "ip_dscp"},
    {"NXM_NX_IP_ECN", 0x00013801, 0x0, 2, false, "nw_ecn"},
    {"OXM_OF_IP_ECN", 0x80001201, 0x0, 2, false, "nw_ecn"},
    {"NXM_NX_IP_TTL", 0x00013a01, 0x0, 8, false, "nw_ttl"},
    {"NXM_NX_IP_FRAG", 0x00013401, 0x0, 2, true, "ip_frag"},
    {"NXM_OF_ARP_OP", 0x00001e02, 0x0, 16, false, "arp_op"},
    {"OXM_OF_ARP_OP", 0x80002a02, 0x0, 16, false, "arp_op"},
    {"NXM_OF_ARP_SPA", 0x00002004, 0x0, 32, true, "arp_spa"},
    {"OXM_OF_ARP_SPA", 0x80002c04, 0x0, 32, true, "arp_spa"},
    {"NXM_OF_ARP_TPA", 0x00002204, 0x0, 32, true, "arp_tpa"},
    {"OXM_OF_ARP_TPA", 0x80002e04, 0x0, 32, true, "arp_tpa"},
    {"NXM_NX_ARP_SHA", 0x00012206, 0x0, 48, true, "arp_sha"},
    {"OXM_OF_ARP_SHA", 0x80003006, 0x0, 48, true, "arp_sha"},
    {"NXM_NX_ARP_THA", 0x00012406, 0x0, 48, true, "arp_tha"},
    {"OXM_OF_ARP_THA", 0x80003206, 0x0, 48, true, "arp_tha"},
    {"NXM_OF_TCP_SRC", 0x00001202, 0x0, 16, true, "tcp_src"},
    {"OXM_OF_TCP_SRC", 0x80001a02, 0x0, 16, true, "tcp_src"},
    {"NXM_OF_TCP_DST", 0x00001402, 0x0, 16, true, "tcp_dst"},
    {"OXM_OF_TCP_DST", 0x80001c02, 0x0, 16, true, "tcp_dst"},
    {"NXM_NX_TCP_FLAGS", 0x00014402, 0x0, 12, true, "tcp_flags"},
    {"ONFOXM_ET_TCP_FLAGS", 0xffff5406, 0x4f4e4600, 12, true, "tcp_flags"},
    {"OXM_OF_TCP_FLAGS", 0x80005402, 0x0, 12, true, "tcp_flags"},
    {"NXM_OF_UDP_SRC", 0x00001602, 0x0, 16, true, "udp_src"},
    {"OXM_OF_UDP_SRC", 0x80001e02, 0x0, 16, true, "udp_src"},
    {"NXM_OF_UDP_DST", 0x00001802, 0x0, 16, true, "udp_dst"},
    {"OXM_OF_UDP_DST", 0x80002002, 0x0, 16, true, "udp_dst"},
    {"OXM_OF_SCTP_SRC", 0x80002202, 0x0, 16, true, "sctp_src"},
    {"OXM_OF_SCTP_DST", 0x80002402, 0x0, 16, true, "sctp_dst"},
    {"NXM_OF_ICMP_TYPE", 0x00001a01, 0x0, 8, false, "icmp_type"},
    {"OXM_OF_ICMPV4_TYPE", 0x80002601, 0x0, 8, false, "icmp_type"},
    {"NXM_OF_ICMP_CODE", 0x00001c01, 0x0, 8, false, "icmp_code"},
    {"OXM_OF_ICMPV4_CODE", 0x80002801, 0x0, 8, false, "icmp_code"},
    {"NXM_NX_ICMPV6_TYPE", 0x00012a01, 0x0, 8, false, "icmpv6_type"},
    {"OXM_OF_ICMPV6_TYPE", 0x80003a01, 0x0, 8, false, "icmpv6_type"},
    {"NXM_NX_ICMPV6_CODE", 0x00012c01, 0x0, 8, false, "icmpv6_code"},
    {"OXM_OF_ICMPV6_CODE", 0x80003c01, 0x0, 8, false, "icmpv6_code"},
    {"NXM_NX_ND_TARGET", 0x00012e10, 0x0, 128, true, "nd_target"},
    {"OXM_OF_IPV6_ND_TARGET", 0x80003e10, 0x0, 128, true, "nd_target"},
    {"NXM_NX_ND_SLL", 0x00013006, 0x0, 48, true, "nd_sll"},
    {"OXM_OF_IPV6_ND_SLL", 0x80004006, 0x0, 48, true, "nd_sll"},
    {"NXM_NX_ND_TLL", 0x00013206, 0x0, 48, true, "nd_tll"},
    {"OXM_OF_IPV6_ND_TLL", 0x80004206, 0x0, 48, true, "nd_tll"},
    {"ERICOXM_OF_ICMPV6_ND_RESERVED", 0x10000204, 0x0, 32, false, "nd_reserved"},
    {"ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE", 0x10000401, 0x0, 8, false, "nd_options_type"},
    {"NXOXM_NSH_FLAGS", 0xffff0205, 0x5ad650, 8, true, "nsh_flags"},
    {"NXOXM_NSH_MDTYPE", 0xffff0405, 0x5ad650, 8, false, "nsh_mdtype"},
    {"NXOXM_NSH_NP", 0xffff0605, 0x5ad650, 8, false, "nsh_np"},
    {"NXOXM_NSH_SPI", 0xffff0808, 0x5ad650, 24, false, "nsh_spi"},
    {"NXOXM_NSH_SI", 0xffff0a05, 0x5ad650, 8, false, "nsh_si"},
    {"NXOXM_NSH_C1", 0xffff0c08, 0x5ad650, 32, true, "nsh_c1"},
    {"NXOXM_NSH_C2", 0xffff0e08, 0x5ad650, 32, true, "nsh_c2"},
    {"NXOXM_NSH_C3", 0xffff1008, 0x5ad650, 32, true, "nsh_c3"},
    {"NXOXM_NSH_C4", 0xffff1208, 0x5ad650, 32, true, "nsh_c4"},
    {"NXOXM_NSH_TTL", 0xffff1405, 0x5ad650, 8, false, "nsh_ttl"},
    /* not in Open vSwitch: OpenFlow 1.3.1, table 11, and 1.4; and a cookie (nicira-ext.h) */
    {"OXM_OF_IN_PHY_PORT", 0x80000204, 0, 32, false, "in_phy_port"},
    {"OXM_OF_PBB_ISID", 0x80004a03, 0, 24, true, "pbb_isid"},
    {"OXM_OF_IPV6_EXTHDR", 0x80004e02, 0, 9, true, "ipv6_exthdr"},
    {"OXM_OF_PBB_UCA", 0x80005201, 0, 1, false, "pbb_uca"},
    {"NXM_NX_COOKIE", 0x00013c08, 0, 64, true, "cookie"},
};
#define N_FACTS (sizeof facts / sizeof facts[0])

Test(oxm, every_field_of_the_specifications_is_found_by_its_header)
{
    for (size_t i = 0; i < N_FACTS; i++) {
        const struct oxm_field *f = oxm_find(facts[i].bits_of_header, facts[i].experimenter);

        cr_assert_not_null(f, "%s", facts[i].header);
        cr_expect_str_eq(f->header, facts[i].header);
        cr_expect_str_eq(f->set, facts[i].set);
        cr_expect_eq(f->bits, facts[i].bits, "%s", f->header);
        cr_expect_eq(f->mask, facts[i].mask, "%s", f->header);
        cr_expect(!f->varies, "%s", f->header);
        cr_expect_eq(oxm_header(f, false, 0), facts[i].bits_of_header, "%s", f->header);
        cr_expect_eq(f->bytes, oxm_payload(facts[i].bits_of_header), "%s", f->header);
    }
}

Test(oxm, registers_and_tunnel_metadata_are_numbered_one_by_one)
{
    static const struct {
        const char *header, *name;
        unsigned field_class, first, n, bytes;
    } series[] = {{"NXM_NX_REG", "reg", 1, 0, 16, 4},
                  {"NXM_NX_XXREG", "xxreg", 1, 111, 8, 16},
                  {"OXM_OF_PKT_REG", "xreg", 0x8001, 0, 8, 8},
                  {"NXM_NX_TUN_METADATA", "tun_metadata", 1, 40, 64, 124}};
    unsigned n = N_FACTS;

    for (size_t s = 0; s < sizeof series / sizeof series[0]; s++) {
        for (unsigned i = 0; i < series[s].n; i++) {
            uint32_t header = series[s].field_class << 16 | (series[s].first + i) << 9;
            const struct oxm_field *f = oxm_find(header | series[s].bytes, 0);
            char text[40];

            snprintf(text, sizeof text, "%s%u", series[s].header, i);
            cr_assert_not_null(f, "%s", text);
            cr_expect_str_eq(f->header, text);
            snprintf(text, sizeof text, "%s%u", series[s].name, i);
            cr_expect_str_eq(f->name, text);
            cr_expect_str_eq(f->set, text);
            cr_expect_eq(f->bytes, series[s].bytes, "%s", text);
            cr_expect_eq(f->bits, series[s].bytes * 8, "%s", text);
            cr_expect_eq(f->varies, series[s].bytes == 124, "%s", text);
            cr_expect(f->mask);
        }
        n += series[s].n;
    }
    cr_expect_null(oxm_field(n));
    cr_expect_not_null(oxm_field(n - 1));
}

Test(oxm, rows_stand_in_order_and_each_is_found_by_its_own_header)
{
    const struct oxm_field *f, *before = NULL;

    for (unsigned i = 0; (f = oxm_field(i)) != NULL; i++) {
        for (unsigned mask = 0; mask <= 1; mask++) {
            uint32_t header = oxm_header(f, mask, 0);

            cr_expect_eq(oxm_find(header, f->experimenter), f, "%s", f->header);
            cr_expect_eq(oxm_class(header), f->field_class);
            cr_expect_eq(oxm_number(header), f->number);
            cr_expect_eq(oxm_has_mask(header), mask);
            cr_expect_eq(oxm_payload(header), f->bytes * (mask + 1), "%s", f->header);
            cr_expect_eq(oxm_header_size(header), f->experimenter ? 8 : 4, "%s", f->header);
            cr_expect(oxm_length_right(f, mask, oxm_payload(header)), "%s", f->header);
        }
        cr_expect_leq(f->bytes, OXM_WIDEST);
        cr_expect_leq(f->bits, f->bytes * 8u, "%s", f->header);
        cr_expect_gt(f->bits, 0);
        if (before && before->field_class == f->field_class &&
            before->experimenter == f->experimenter) {
            cr_expect(f->number > before->number || f->number == 30, "%s", f->header);
        }
        before = f;
    }
}

Test(oxm, a_header_that_no_class_has_finds_nothing)
{
    static const struct {
        uint32_t header, experimenter;
    } none[] = {{0x00002404, 0},      {0x0001fc04, 0},          {0x80005004, 0},
                {0x80005a04, 0},      {0x80011008, 0},          {0x0002000a, 0},
                {0x8002000a, 0},      {0xffff0008, 0},          {0xffff5406, 0x4f4e4601},
                {0xffff0008, 0x1234}, {0xffff1406, 0x4f4e4600}, {0x10000004, 0}};

    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        cr_expect_null(oxm_find(none[i].header, none[i].experimenter), "0x%08x", none[i].header);
    }
    for (uint64_t class = 0; class <= 0xffff; class ++) {
        for (uint32_t number = 0; number < 128; number++) {
            const struct oxm_field *f = oxm_find((uint32_t)(class << 16 | number << 9), 0);

            if (f && (f->field_class != class || f->number != number)) {
                cr_assert_fail("class 0x%x number %u gives %s", (unsigned)class, number, f->header);
            }
        }
    }
}

Test(oxm, a_length_is_right_for_its_field_alone)
{
    const struct oxm_field *ip = oxm_find(0x00000e04, 0), *varies = oxm_find(0x00015004, 0);

    for (unsigned len = 0; len <= 255; len++) {
        cr_expect_eq(oxm_length_right(ip, false, len), len == 4);
        cr_expect_eq(oxm_length_right(ip, true, len), len == 8);
        cr_expect_eq(oxm_length_right(varies, false, len), len >= 1 && len <= 124, "%u", len);
        cr_expect_eq(oxm_length_right(varies, true, len), len >= 2 && len <= 248 && len % 2 == 0,
                     "%u", len);
    }
    cr_expect_eq(oxm_header(varies, false, 4), 0x00015004);
    cr_expect_eq(oxm_header(varies, true, 4), 0x00015108);
}

/* An experimenter's header may be too short for the experimenter. */
Test(oxm, a_length_shorter_than_the_experimenter_is_no_payload)
{
    for (uint32_t len = 0; len <= 4; len++) {
        cr_expect_eq(oxm_payload(0xffff0000 | len), 0);
    }
    cr_expect_eq(oxm_payload(0xffff0005), 1);
}

/* "ovs-ofctl ofp-print" of "move:NXM_OF_ETH_SRC[]->..." and such, whatever header was sent. */
Test(oxm, an_action_names_a_field_as_nxm_does_where_nxm_has_it)
{
    static const struct {
        uint32_t header, experimenter;
        const char *name;
    } names[] = {{0x80000806, 0, "NXM_OF_ETH_SRC"},
                 {0x80004c08, 0, "NXM_NX_TUN_ID"},
                 {0x00000206, 0, "NXM_OF_ETH_DST"},
                 {0x80000408, 0, "OXM_OF_METADATA"},
                 {0x80000c02, 0, "OXM_OF_VLAN_VID"},
                 {0x80005402, 0, "NXM_NX_TCP_FLAGS"},
                 {0x80005604, 0, "ONFOXM_ET_ACTSET_OUTPUT"},
                 {0x80000004, 0, "OXM_OF_IN_PORT"},
                 {0x80010008, 0, "OXM_OF_PKT_REG0"},
                 {0xffff0008, 0x2320, "NXM_NX_DP_HASH"},
                 {0x00010204, 0, "NXM_NX_REG1"}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct oxm_field *f = oxm_find(names[i].header, names[i].experimenter);

        cr_assert_not_null(f, "0x%08x", names[i].header);
        cr_expect_str_eq(oxm_subfield(f), names[i].name);
    }
}
