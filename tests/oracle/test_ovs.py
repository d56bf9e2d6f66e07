# tests/oracle/test_ovs.py - our bytes, printed by Open vSwitch's own ovs-ofctl, say what we meant.
import ipaddress
import re

import pytest
from oracles import Refusal, leaves, ovs_texts, refused, zoo

# What Open vSwitch 3.1 refuses of the zoo.  Each row says why, and is used, or the test fails.
NO_XXREG = r'NXM_NX_XXREG[4-7]'
NO_FIELD = r'OXM_OF_IN_PHY_PORT|OXM_OF_PBB_|OXM_OF_IPV6_EXTHDR'
SET = r'(set_field|reg_load2) field='
FIXED = (r'((NXM|OXM)_OF_(ETH_TYPE|IP_PROTO|IN_PORT$|MPLS_BOS|TCP_FLAGS|ACTSET_OUTPUT|PACKET_TYPE)|'
         r'NXM_NX_(IP_FRAG|TCP_FLAGS|DP_HASH|RECIRC_ID|CONJ_ID|CT_)|NXOXM_ET_(DP_HASH|GTPU)|'
         r'NXOXM_NSH_(MDTYPE|NP)|ONFOXM_ET_)')
REFUSALS = [
    Refusal(r'(match|fields)=' + NO_XXREG, 'OFPBMC_BAD_FIELD', 'it has xxreg0 to xxreg3'),
    Refusal(SET + NO_XXREG, 'OFPBAC_BAD_SET_', 'it has xxreg0 to xxreg3'),
    Refusal(r'(match|fields)=(' + NO_FIELD + ')', 'OFPBMC_BAD_FIELD', 'it has no such field'),
    Refusal(SET + '(' + NO_FIELD + ')', 'OFPBAC_BAD_SET_LEN', 'it has no such field'),
    Refusal(r'(match|fields)=NXM_NX_COOKIE', 'OFPBMC_BAD_FIELD', 'a cookie is no field of the match here'),
    Refusal(r'nicira/flow_mod match=NXM_NX_COOKIE', 'NXBRC_NXM_INVALID', 'a flow that is added has one cookie'),
    Refusal(SET + 'NXM_NX_COOKIE', 'OFPBAC_BAD_SET_LEN', 'a cookie is no field of a packet'),
    Refusal(SET + FIXED, 'OFPBAC_BAD_SET_ARGUMENT', 'the field cannot be set'),
    Refusal(r'1\.0 flow_mod.*reg_load2 field=', 'OFPBAC_MATCH_INCONSISTENT',
            'its match is of TCP alone; nicira/flow_mod shows the rest'),
    Refusal(r'1\.0 flow_mod.*resubmit_table_ct', 'OFPBAC_MATCH_INCONSISTENT', 'a match of 1.0 has no ct_state'),
    Refusal(r'1\.0 .*nicira/(encap|decap|dec_nsh_ttl)', 'OFPBAC_BAD_VENDOR_TYPE', 'of 1.3 and later'),
    Refusal(r'1\.3 .*nicira/(set_queue|dec_ttl|push_mpls|pop_mpls|set_mpls_ttl|dec_mpls_ttl|set_mpls_label|'
            r'set_mpls_tc|group)$', 'OFPBAC_BAD_VENDOR_TYPE', 'of 1.0 alone: 1.3 has actions of its own'),
    Refusal(r'nicira/debug_(slow|recirc)', 'OFPBAC_BAD_VENDOR_TYPE', 'only after ovs-appctl ofpacts/...debug'),
    Refusal(r'1\.3 .*actions=(copy_ttl_(in|out)|(push|pop)_pbb)$', 'OFPBAC_BAD_TYPE', 'not supported'),
    Refusal(r'(packet_out|bucket).*nicira/write_metadata', 'OFPBIC_UNSUP_INST', 'an instruction: of flows alone'),
    Refusal(r'instructions=experimenter', 'OFPBIC_BAD_EXPERIMENTER', 'it knows no experimenter here'),
    Refusal(r'bands=experimenter', 'OFPBRC_BAD_LEN', 'it knows no experimenter here'),
    Refusal(r'properties=experimenter_miss', 'OFPBPC_BAD_EXPERIMENTER', 'it knows no experimenter here'),
    Refusal(r'1\.3 experimenter body=nicira/(set_flow_format|flow_monitor_(cancel|paused|resumed))',
            'OFPBRC_BAD_SUBTYPE', 'of 1.0 alone'),
]

# Fields that ovs-ofctl does not print, and why nothing is lost.  What names a kind (type, subtype,
# vendor, ...) is held by the names in title_of and word_of.
KIND = 'the kind: its name is looked for'
COUNTED = 'a number of elements, which are there themselves'
SILENT = {
    ('*', 'version'): KIND, ('*', 'type'): KIND, ('*', 'vendor'): KIND, ('*', 'subtype'): KIND,
    ('*', 'experimenter'): KIND, ('*', 'exp_type'): KIND, ('*', 'property'): KIND, ('*', 'prop_class'): KIND,
    ('*', 'event'): KIND, ('*', 'tlv_len'): COUNTED, ('*', 'n_members'): COUNTED, ('*', 'n_controllers'): COUNTED,
    ('nat', 'range_present'): 'by what it names, in the range', ('*', 'member_type'): 'always ofport',
    ('*', 'zeros'): 'zeros',
    ('*', 'out_port=ANY'): 'any port', ('*', 'out_group=ANY'): 'any group', ('*', 'watch_group=ANY'): 'no group',
    ('output', 'max_len'): 'of a controller\'s port alone', ('output_reg', 'max_len'): 'of a controller\'s port alone',
    ('output_reg2', 'max_len'): 'of a controller\'s port alone',
    ('flow_mod', 'dl_vlan_pcp'): 'a wildcard in this message',
    ('flow', 'cookie'): 'not printed of a request', ('flow', 'cookie_mask'): 'not printed of a request',
    ('aggregate', 'cookie'): 'not printed of a request', ('aggregate', 'cookie_mask'): 'not printed of a request',
    ('added', 'priority'): 'not printed of a flow monitor', ('deleted', 'priority'): 'not printed of a flow monitor',
    ('modified', 'priority'): 'not printed of a flow monitor',
    ('ipfix_stats', 'collector_set_id'): 'printed of a flow\'s statistics alone, not of a bridge\'s',
    ('sample2', 'direction'): 'the default',
    ('decap', 'new_pkt_type'): 'whatever comes first',
    ('table', 'config'): 'not printed of table features of 1.3', ('queue', 'port'): 'printed once for all queues',
    ('bridge', 'value'): 'within a continuation: a switch\'s own affair',
    ('stack', 'data'): 'within a continuation', ('table_id', 'value'): 'within a continuation, or printed',
    ('mirrors', 'value'): 'within a continuation', ('conntracked', 'value'): 'within a continuation',
    ('icmp_code', 'value'): 'printed of ICMP alone', ('icmp_type', 'value'): 'printed of ICMP alone',
    ('icmp_id', 'value'): 'printed of ICMP alone',
    ('*', 'tun_erspan_'): 'taken, and not printed by ovs-ofctl 3.1', ('*', 'nsh_c'): 'taken, and not printed by 3.1',
    ('cookie', 'value'): 'printed beside the match or not at all', ('cookie', 'mask'): 'as its value',
    ('flow_mod', 'wildcards'): 'by what is not printed',
    ('experimenter', 'data=0102030405060708'): 'looked over by Open vSwitch',
}
# In a packet's metadata Open vSwitch looks over what it does not know, and prints no masks.
METADATA = re.compile(r'packet_in |packet_in2|resume')
NO_METADATA = re.compile('xxreg[4-7]|pbb_|ipv6_exthdr|cookie|in_phy_port')

ETHERTYPES = {0x800: 'ip|tcp|udp|sctp|icmp', 0x86dd: 'ipv6|icmp6', 0x806: 'arp', 0x8847: 'mpls'}
PROTOCOLS = {1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp6', 132: 'sctp'}


def number_pattern(n):
    return r'(?<![0-9a-zA-Z.])(%d|0x0*%x)(?![0-9a-zA-Z])' % (n, n)


def number(value):
    return value if isinstance(value, int) else int(value, 0)


def named(names):
    return lambda value: ['(?<![a-z])(%s)(?![a-z])|dl_type=0x0*%x|%s' % (
        names.get(number(value), 'none'), number(value), number_pattern(number(value)))]


def words32(value):
    """A wide register: printed whole, or as the 32-bit registers in it."""
    digits = value[2:].rjust((len(value) + 5) // 8 * 8, '0')
    words = [int(digits[i:i + 8], 16) for i in range(0, len(digits), 8)]
    return ['%s|(?s:%s)' % (number_pattern(number(value)),
                            '.*'.join(number_pattern(w) for w in words if w not in (0, 0xffffffff)) or '=')]


def dotted(value):
    return [re.escape('.'.join(value[i:i + 2] for i in range(0, len(value), 2)))]


def after_point(value):
    return [(r'\.%09d' % value).rstrip('0')]


def bits(text):
    """Offset and number of bits: [first..last]."""
    n = number(text)
    first, last = n >> 6, (n >> 6) + (n & 63)
    return [r'\[%d\.\.%d\]' % (first, last) if (first, last) not in ((0, 31), (0, 63)) else r'\[(0\.\.%d)?\]' % last]


# Fields that it prints in a way of its own: a function from the value to patterns, all to be found.
SHOWN = {
    ('dl_type', 'value'): named(ETHERTYPES), ('*', 'dl_type'): named(ETHERTYPES),
    ('nw_proto', 'value'): named(PROTOCOLS), ('*', 'nw_proto'): named(PROTOCOLS),
    ('*', 'duration_nsec'): after_point,
    ('flow_removed', 'duration_sec'): lambda v: [r'duration%d\.' % v],
    ('flow_removed', 'idle_timeout'): lambda v: ['idle%d' % v],
    ('flow_removed', 'hard_timeout'): lambda v: ['hard%d' % v],
    ('flow_removed', 'packet_count'): lambda v: ['pkts%d' % v],
    ('flow_removed', 'byte_count'): lambda v: ['bytes%d' % v],
    ('flow_removed', 'table_id'): lambda v: ['table_id=(%d|%d)' % (v, v - 1)],
    ('*', 'duration_sec'): lambda v: [r'duration[= ]?%d\.' % v],
    ('flow', 'idle_age'): lambda v: ['idle_age=%d' % (v - 1)],
    ('flow', 'hard_age'): lambda v: ['hard_age=%d' % (v - 1)],
    ('flow_mod_table_id', 'set'): lambda v: ['enable'],
    ('*', 'buffer_id'): lambda v: ['unbuffered|data_len' if v in ('NO_BUFFER', '0xffffffff')
                                   else number_pattern(number(v))],
    ('*', 'frame'): lambda v: ['arp_spa=192.168.1.2,arp_tpa=192.168.1.1|data_len=42'],
    ('packet_in', 'data'): lambda v: ['arp_spa=192.168.1.2,arp_tpa=192.168.1.1|packet_type=.*data_len=42'],
    ('packet_out', 'data'): lambda v: ['arp_spa=192.168.1.2,arp_tpa=192.168.1.1'],
    ('error', 'data'): lambda v: ['FEATURES_REQUEST.*0x77'], ('nicira', 'data'): lambda v: ['FEATURES_REQUEST.*0x77'],
    ('experimenter', 'data'): lambda v: ['FEATURES_REQUEST.*0x77'],
    ('nicira', 'code'): lambda v: ['NXBRC_NXM_INVALID'],
    ('error', 'code'): lambda v: ['OFPBRC_BAD_LEN|NXBRC_|OFPMOFC_MONITOR_EXISTS'],
    ('userdata', 'data'): dotted, ('note', 'note'): dotted,
    ('vlan_tci', 'value'): lambda v: ['dl_vlan=%d|%s' % (number(v) & 0xfff, number_pattern(number(v)))],
    ('vlan_vid', 'value'): lambda v: ['dl_vlan=%d|%s' % (number(v) & 0xfff, number_pattern(number(v))) +
                                      '|' + number_pattern(number(v) & 0xfff)],
    ('ip_dscp', 'value'): lambda v: ['nw_tos=%d|%s' % (number(v) << 2, number_pattern(number(v)))],
    ('nw_frag', 'value'): lambda v: ['nw_frag=(first|yes)|0x1|1->'],
    ('nw_frag', 'mask'): lambda v: ['nw_frag=yes|/0x1|/1'],
    ('dec_ttl_cnt_ids', 'ids'): lambda v: [r'dec_ttl\(1,2\)'],
    ('bundle', 'members'): lambda v: ['members:4,8'], ('bundle_load', 'members'): lambda v: ['members:4,8'],
    ('nat', 'range'): lambda v: ['10.0.0.1-10.0.0.9:100-200'],
    ('learn', 'specs'): lambda v: [
        r'NXM_OF_VLAN_TCI\[0\.\.11\],NXM_OF_ETH_DST\[\]=NXM_OF_ETH_SRC\[\],output:NXM_OF_IN_PORT\[\]'],
    ('learn2', 'specs'): lambda v: [
        r'result_dst=NXM_NX_REG0\[6\],in_port=99,load:NXM_OF_IN_PORT\[\]->NXM_NX_REG1\[16\.\.31\]'],
    ('learn2', 'flags'): lambda v: ['send_flow_rem.*result_dst'],
    ('encap', 'new_pkt_type'): lambda v: [r'encap\(nsh'],
    ('tlv', 'data'): lambda v: ['0x12345678'],
    ('*', 'max_link'): lambda v: [number_pattern(v + 1)],
    ('reg_move', 'n_bits'): lambda v: [r'\[3\.\.11\]->.*\[4\.\.12\]'],
    ('bits', 'n_bits'): lambda v: [r'\[2\.\.10\]'],
    ('reg_load', 'ofs_nbits'): bits, ('multipath', 'ofs_nbits'): bits, ('bundle_load', 'ofs_nbits'): bits,
    ('output_reg', 'ofs_nbits'): bits, ('output_reg2', 'ofs_nbits'): bits,
    ('*', 'dst'): lambda v: ['NXM_NX_REG1' if v != '0x0' else ''],
    ('output_reg', 'src'): lambda v: ['NXM_NX_REG1'],
    ('conjunction', 'clause'): lambda v: [r'%d/' % (v + 1)],
    ('*', 'datapath_id'): lambda v: ['dpid:%016x' % number(v)],
    ('table_stats', 'wildcards'): lambda v: ['wild|active'],
    ('src', 'value'): lambda v: ['ct_nw_src=%s' % v.rpartition(':')[2]],
    ('dst', 'value'): lambda v: ['ct_nw_dst=%s' % v.rpartition(':')[2]],
    ('min_rate', 'rate'): lambda v: [r'min_rate:50\.0%'], ('max_rate', 'rate'): lambda v: [r'max_rate:50\.0%'],
    ('hello_bitmap', 'bitmap'): lambda v: ['0x01, 0x04'],
    ('*', 'curr_speed'): lambda v: ['%d Mbps now' % (v // 1000)], ('*', 'max_speed'): lambda v: ['%d Mbps max' % (v // 1000)],
    ('tlv_map', 'index'): lambda v: ['tun_metadata%d' % v],
    ('reason', 'value'): lambda v: ['invalid_ttl'],
    ('tun_gbp_flags', 'mask'): lambda v: [''], ('gtpu_flags', 'mask'): lambda v: [''],
    ('gtpu_msgtype', 'mask'): lambda v: [''],
    ('meter', 'duration_sec'): lambda v: [r'duration:%d\.' % v],
    ('group_features', 'types'): lambda v: ['(?s)all group.*select group.*indirect group.*fast failover group'],
    ('group_features', 'capabilities'): lambda v: ['0xf|' + v.replace('|', ' ')],
    **{('group_features', 'actions_' + kind): lambda v: [
        'output group set_field strip_vlan push_vlan mod_nw_ttl dec_ttl set_mpls_ttl dec_mpls_ttl push_mpls pop_mpls '
        'set_queue'] for kind in ('all', 'select', 'indirect', 'ff')},
}
ASYNC = {'packet_in': {1: 'no_match', 2: 'action'}, 'port_status': {1: 'add', 4: 'modify'},
         'flow_removed': {1: 'idle', 2: 'hard', 4: 'delete'}, 'role_status': {1: '.*'},
         'table_status': {8: 'vacancy_down'}, 'requestforward': {1: 'group_mod_request'}}


def masks(name, mask, secondary):
    """Of an asynchronous configuration: the reason stands in its role's paragraph."""
    return [r'(?s)%s:((?!secondary:).)*%s: *%s' % ('secondary' if secondary else 'primary', name,
                                                  ASYNC[name][number(mask)])]


for _name in ASYNC:
    for _role in ('primary', 'secondary'):
        SHOWN['%s_%s' % (_name, _role), 'value'] = (
            lambda v, n=_name, r=_role: masks(n, v, r == 'secondary'))
    SHOWN['set_async_config', _name + '_mask'] = lambda v, n=_name: masks(n, v, False)
    SHOWN['set_async_config', _name + '_mask_secondary'] = lambda v, n=_name: masks(n, v, True)

@pytest.fixture(scope='module')
def printed(tmp_path_factory):
    rows = zoo()
    return rows, ovs_texts([r.bytes for r in rows], tmp_path_factory.mktemp('ovs'))


def problem_of(text):
    found = re.search(r'\*\*\*.*?\*\*\*', text)
    return found[0] if found else None if text.strip() else 'nothing printed'


def test_every_message_is_taken_or_refused_for_a_known_reason(printed):
    rows, texts = printed
    wrong = refused(REFUSALS, rows, lambda i: problem_of(texts[i]))
    assert not wrong, '%d: %s' % (len(wrong), '\n'.join(wrong[:40]))


def patterns(owner, field, value):
    """Patterns for a value: as the table's own words have it, or as ovs-ofctl does."""
    show = SHOWN.get((owner, field)) or SHOWN.get(('*', field))
    if show:
        return show(value)
    if re.match('xx?reg', owner) or (isinstance(value, str) and re.fullmatch('0x[0-9a-f]{17,}', value)):
        return words32(value)
    if isinstance(value, int) or re.fullmatch(r'0x[0-9a-f]+|[0-9]+', value):
        return [number_pattern(number(value))]
    if field == 'mask' and re.fullmatch(r'[0-9.]+|[0-9a-f:]+', value) and not re.fullmatch('(..:){5}..', value):
        return ['/(%d|%s)' % (ipaddress.ip_address(value).packed.hex().count('f') * 4 + 2, re.escape(value))]
    return [re.escape(word) for word in value.split('|')]


def silent(owner, field, value):
    return any(key in SILENT for key in [
        (owner, field), ('*', field), ('*', '%s=%s' % (field, value)), (owner, '%s=%s' % (field, value)),
        ('*', (owner or '')[:5]), ('*', (owner or '')[:11])])


def title_of(row):
    """How ovs-ofctl calls such a message."""
    version, message, *rest = row.name.split(' ')
    kind = rest[0].partition('=')[2] if rest else ''
    if message in ('vendor', 'experimenter'):
        title = 'NXT_' + kind.rpartition('/')[2]
    elif re.match('(stats|multipart)_', message):
        title = '%s_%s %s' % ('NXST' if '/' in kind else 'OFPST', kind.rpartition('/')[2], message.partition('_')[2])
    else:
        title = 'OFPT_' + message
    title = TITLES.get(title, title).upper().replace(' REQUEST', ' request').replace(' REPLY', ' reply')
    return title + (r' \(OF1\.3\)' if version == '1.3' else '') + r' \(xid='


TITLES = {}
# What ovs-ofctl calls kinds of actions and instructions, where not by the table's name.
WORDS = {
    'reg_move': 'move:', 'reg_load': 'load:', 'reg_load2': 'set_field:', 'resubmit_table': r'resubmit\(',
    'resubmit_table_ct': r'resubmit\(.*,ct\)', 'output_reg': r'output:NXM_NX_REG1\[', 'output_reg2': r'output:NXM_NX_REG3\[',
    'dec_ttl_cnt_ids': r'dec_ttl\(', 'stack_push': 'push:', 'stack_pop': 'pop:', 'controller2': '(?i)controller[:(]',
    'sample2': r'sample\(', 'sample3': r'sample\(', 'output_trunc': r'output\(port', 'learn2': r'learn\(',
    'apply_actions': 'actions=', 'pop_vlan': 'pop_vlan|strip_vlan',
}


def kinds(meant, part=None):
    if isinstance(meant, list):
        for each in meant:
            yield from kinds(each, part)
    elif isinstance(meant, dict):
        if part in ('actions', 'instructions', 'bands'):
            yield meant['is']
        for key, value in meant.items():
            yield from kinds(value, key)


def missing(row, text):
    """What was meant and is not to be read in the text."""
    if not re.match(title_of(row), text):
        yield 'title', '', title_of(row)
    for kind in kinds(row.meant) if 'table_features' not in row.name else ():
        if not re.search(WORDS.get(kind, kind), text):
            yield 'kind', '', kind
    for owner, field, value in leaves(row.meant):
        if value in (0, '0', '0x0', '') or silent(owner, field, value):
            continue
        if METADATA.search(row.name) and (field == 'mask' or NO_METADATA.match(owner)):
            continue
        for pattern in patterns(owner, field, value):
            if not re.search(pattern, text, flags=re.I):
                yield owner, field, value


def swapped(row, text):
    """A number that stands behind the name of another field of the message."""
    fields = {field for _, field, _ in leaves(row.meant)}
    for owner, field, value in leaves(row.meant):
        if field in ('value', 'mask') or not isinstance(value, int) and not re.fullmatch('0x[0-9a-f]+', value) or number(value) < 1000:
            continue  # the zoo's own numbers are larger, and no two are alike
        for label in re.findall(r'([a-z]{4}[a-z_]*)[:=]' + number_pattern(number(value))[len('(?<![0-9a-zA-Z.])'):], text):
            others = [f for f in fields if f.startswith(label[0])]
            if others and label[0] not in field and label[0] != owner:
                yield owner, field, value


def test_no_number_stands_behind_another_fields_name(printed):
    rows, texts = printed
    wrong = ['%s: %s.%s=%s in: %s' % (row.name, *what, text.strip()) for row, text in zip(rows, texts)
             if not problem_of(text) for what in swapped(row, text)]
    assert not wrong, '%d: %s' % (len(wrong), '\n'.join(wrong[:20]))


def test_what_is_printed_says_what_was_meant(printed):
    rows, texts = printed
    wrong = ['%s: %s.%s=%s is not in: %s' % (row.name, *what, text.strip()) for row, text in zip(rows, texts)
             if not problem_of(text) for what in missing(row, text)]
    assert not wrong, '%d: %s' % (len(wrong), '\n'.join(wrong[:20]))
