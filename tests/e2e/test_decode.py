# tests/e2e/test_decode.py - `causeway decode`: bytes of ovs-ofctl, of a live ovs-vswitchd and of os-ken, as
# hex, dumps and captures; and what is no message at all.
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys

import pytest

from harness import BIN, Child, tmpfs_dir, wait_for
from openflow import VERSIONS, Relay, Switch, messages, ofctl_sends, ofp_print

CAUSEWAY = os.path.join(BIN, 'causeway')


def decode(data, *words, file=None):
    """Exit status, lines and standard error of `causeway decode`."""
    data = data.encode() if isinstance(data, str) else data
    done = subprocess.run([CAUSEWAY, 'decode', *words] + ([file] if file else []), input=data, capture_output=True,
                          timeout=120, check=False)
    return done.returncode, done.stdout.decode().splitlines(), done.stderr.decode()


def as_hex(found):
    return '\n'.join(m.hex() for m in found) + '\n'


def one_line(text):
    return ' '.join(text.split())


def there_and_back(found):
    """All of them decode, and are written again as they were."""
    status, lines, err = decode(as_hex(found), '--hex', '--roundtrip')
    assert status == 0, '\n'.join([line for line in lines if 'malformed' in line] + [err])
    assert len(lines) == len(found)
    return lines


@pytest.fixture(name='folder')
def a_folder():
    folder = tmpfs_dir('decode')
    yield folder
    shutil.rmtree(folder)


# ---- flows, word by word --------------------------------------------------------------------------------

FLOWS = r'''
priority=100,tcp,nw_dst=10.0.0.0/8,actions=output:2
table=3,udp,tp_dst=53,idle_timeout=10,hard_timeout=20,actions=drop
ip,nw_src=1.2.3.4,nw_tos=32,nw_ecn=1,nw_ttl=64,actions=CONTROLLER:65535
ip,nw_src=1.2.0.4/255.255.0.255,actions=controller(reason=no_match,max_len=100,id=7)
arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.0/24,actions=NORMAL
in_port=LOCAL,dl_src=00:11:22:33:44:55,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions=FLOOD
dl_vlan=100,dl_vlan_pcp=3,actions=strip_vlan,output:1
vlan_tci=0x0000,actions=mod_vlan_vid:5,output:1
vlan_tci=0x1000/0x1000,actions=ALL
dl_vlan_pcp=2,actions=IN_PORT
ipv6,ipv6_src=fe80::/10,ipv6_dst=::1,ipv6_label=0x12345,actions=output:65279
tcp6,tp_src=80,tcp_flags=+syn-ack,actions=output:1
icmp6,icmp_type=135,nd_target=fe80::1,nd_sll=00:01:02:03:04:05,actions=output:1
icmp,icmp_type=8,icmp_code=0,actions=output:1
sctp,tp_src=0x1000/0xf000,actions=output:1
mpls,mpls_label=100,mpls_tc=2,mpls_bos=1,actions=output:1
ip,nw_frag=first,actions=output:1
ip,nw_frag=not_later,actions=output:1
ip,nw_frag=yes,actions=output:1
ip,ct_state=+trk-new,ct_zone=5,ct_mark=0x1/0xff,ct_label=0x1234,actions=output:1
reg0=0x1/0xff,reg15=5,tun_id=0x1234,metadata=0x12/0xff,pkt_mark=7,conj_id=3,actions=output:1
tun_src=1.1.1.1,tun_dst=2.2.2.0/24,tun_gbp_id=5,tun_flags=oam,actions=output:1
dl_type=0x88cc,actions=output:1
ip,nw_proto=89,actions=output:1
rarp,arp_op=3,actions=output:1
xreg0=0x123456789,actions=output:1
actions=mod_dl_src:00:11:22:33:44:55,mod_dl_dst:66:55:44:33:22:11,output:1
ip,actions=mod_nw_src:1.2.3.4,mod_nw_dst:4.3.2.1,mod_nw_tos:32,output:1
tcp,actions=mod_tp_src:80,mod_tp_dst:443,dec_ttl,output:1
actions=set_tunnel:0x1,set_tunnel64:0x123456789abc,set_queue:3,pop_queue,output:1
actions=resubmit(,1),resubmit:3,resubmit(4,5)
actions=load:0x1->NXM_NX_REG0[],load:0x2->NXM_NX_REG1[4..7],load:0->NXM_NX_REG2[3]
actions=move:NXM_NX_REG0[]->NXM_NX_REG1[],move:NXM_OF_ETH_SRC[0..15]->NXM_NX_REG2[16..31]
actions=set_field:0x5->reg3,set_field:0x5/0xf->reg4,set_field:00:01:02:03:04:05->eth_src,output:1
ip,actions=set_field:10.0.0.1->ip_src,output:1
actions=push:NXM_NX_REG0[],pop:NXM_NX_REG1[0..7],output:1
actions=learn(table=2,idle_timeout=10,priority=5,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15],output:NXM_OF_IN_PORT[])
actions=learn(table=2,eth_type=0x800,nw_proto=6,load:0x5->NXM_NX_REG1[],cookie=0x99,hard_timeout=3,send_flow_rem,delete_learned)
actions=learn(table=2,limit=5,result_dst=NXM_NX_REG0[8],in_port=5,NXM_NX_REG1[0..3]=0x5)
ip,actions=ct(commit,zone=1,nat(src=10.0.0.1-10.0.0.9:1000-2000,persistent,random))
ip,actions=ct(table=3,zone=NXM_NX_REG0[0..15],force,commit,exec(set_field:0x1->ct_mark))
ip,actions=ct(nat),ct_clear
tcp,actions=ct(commit,alg=ftp)
ip,actions=ct(commit,nat(dst=1.2.3.4),exec(load:0x1->NXM_NX_CT_MARK[]))
ipv6,actions=ct(commit,nat(dst=fe80::1-fe80::9)),ct(commit,nat(src=fe80::1:80))
actions=bundle(eth_src,50,hrw,ofport,members:1,2,5)
actions=bundle_load(symmetric_l4,0,active_backup,ofport,NXM_NX_REG0[],members:1,2)
actions=multipath(eth_src,50,modulo_n,1,0,NXM_NX_REG0[0..3])
actions=note:01.02.03.04.05.06
actions=conjunction(7,1/2),conjunction(8,2/3)
actions=clone(mod_vlan_vid:3,output:2),output:1
tcp,actions=fin_timeout(idle_timeout=3,hard_timeout=4)
tcp,actions=fin_timeout(idle_timeout=3)
actions=sample(probability=100,collector_set_id=1,obs_domain_id=2,obs_point_id=3)
actions=sample(probability=100,collector_set_id=1,obs_domain_id=2,obs_point_id=3,sampling_port=1,egress)
actions=output(port=1,max_len=100)
actions=output:NXM_NX_REG0[0..15],exit
actions=controller(userdata=01.02.03,pause,meter_id=5)
actions=check_pkt_larger(1500)->NXM_NX_REG0[0]
actions=delete_field:tun_metadata0
ip,actions=dec_ttl(1,2)
mpls,actions=dec_mpls_ttl,set_mpls_ttl(3),pop_mpls:0x0800
ip,actions=push_mpls:0x8847,set_mpls_label(5),set_mpls_tc(3),output:1
send_flow_rem,check_overlap,actions=output:1
'''.split()
FLOWS_13 = r'''
actions=push_vlan:0x8100,set_field:4196->vlan_vid,output:1
dl_vlan=5,actions=pop_vlan,group:7,output:1
actions=write_actions(output:1,group:3),goto_table:5
actions=clear_actions,write_metadata:0x12/0xff,goto_table:9
actions=meter:5,output:2,clear_actions,write_actions(set_queue:1,output:3)
actions=write_metadata:0x1
actions=set_field:0x1/0x3->metadata,encap(nsh(md_type=1,tlv(0x1000,10,0x12345678))),output:1
in_port=1,packet_type=(1,0x800),actions=encap(ethernet),output:1
actions=encap(nsh(md_type=1)),encap(ethernet),decap(),output:1
reset_counts,no_packet_counts,no_byte_counts,actions=output:1
ip,actions=set_field:64->nw_ttl,dec_ttl
ip,actions=ct(commit,exec(set_field:0x1/0xff->ct_label))
actions=CONTROLLER
'''.split()
FLOWS_10 = r'''
actions=enqueue:1:2,enqueue:LOCAL:3
cookie=0x123,actions=output:1
'''.split()


@pytest.mark.parametrize('version,flows', [(1, FLOWS + FLOWS_10), (4, FLOWS + FLOWS_13)], ids=['1.0', '1.3'])
def test_flows_are_written_as_ovs_ofctl_writes_them(version, flows):
    found = ofctl_sends(version, flows)
    assert len(found) == len(flows)
    for message, line in zip(found, there_and_back(found)):
        ours = re.sub(r'^(flow_mod|vendor) xid=0x[0-9a-f]+ (nicira flow_mod )?', '', line)
        assert ours == ofp_print(message)


# ---- a live switch --------------------------------------------------------------------------------------

ASK = ['show', 'dump-flows', 'dump-ports', 'dump-ports-desc', 'dump-tables', 'dump-desc', 'queue-stats', 'dump-groups',
       'dump-group-stats', 'dump-group-features', 'dump-meters', 'meter-stats', 'meter-features', 'dump-table-features',
       'dump-aggregate']
FRAME = ('000000000002' '000000000001' '0800' '450000200000000040110000' '0a000001' '0a000002' '00010002000c0000'
         '01020304')


@pytest.fixture(name='switch', scope='module')
def a_switch():
    switch = Switch()
    yield switch
    switch.end()


def change(switch, version, relay):
    """Requests of every kind that ovs-ofctl has, and what a switch says by itself."""
    switch.ofctl(version, relay, 'add-flow', 'cookie=0x5,priority=5,idle_timeout=1000,tcp,in_port=1,actions=output:2')
    switch.ofctl(version, relay, 'add-flow', 'table=0,priority=6,udp,actions=CONTROLLER:65535')
    if version == 4:
        switch.ofctl(version, relay, 'add-group', 'group_id=1,type=select,bucket=weight:5,output:1,bucket=weight:1,output:2')
        switch.ofctl(version, relay, 'add-group', 'group_id=2,type=ff,bucket=watch_port:1,output:1')
        switch.ofctl(version, relay, 'mod-group', 'group_id=1,type=all,bucket=output:1')
        switch.ofctl(version, relay, 'add-meter', 'meter=1,kbps,burst,stats,band=type=drop,rate=100,burst_size=5')
    for words in ASK:
        switch.ofctl(version, relay, words, check=False)
    switch.ofctl(version, relay, 'mod-port', 'p1', 'no-forward')
    switch.ofctl(version, relay, 'mod-port', 'p1', 'forward')
    switch.ofctl(version, relay, 'packet-out', 'in_port=1,packet=0102030405060708090a0b0c0800,actions=output:2')


def watch(switch, version, relay, folder, form, kind):
    """ovs-ofctl monitor: PACKET_IN of a format, whose messages are of a kind; PORT_STATUS, FLOW_REMOVED."""
    child = Child('monitor', ['ovs-ofctl', '-P', form, '-O', VERSIONS[version], 'monitor',
                              'tcp:127.0.0.1:%d' % relay.port, '65535'], folder + '/monitor', env=switch.ovs.env)

    def heard(type_):
        return [m for m in relay.messages() if m[1] == type_]
    switch.ofctl(version, relay, 'add-flow', 'priority=6,udp,actions=CONTROLLER:65535')
    ready = len(heard(9))
    wait_for(lambda: len(heard(9)) > ready or ready, 30, 'SET_CONFIG')

    def come_in():
        switch.receive('p1', FRAME)
        return [m for m in heard(kind) if bytes.fromhex(FRAME) in m]
    wait_for(come_in, 30, 'PACKET_IN')
    switch.ofctl(version, relay, 'add-flow', 'priority=9,send_flow_rem,sctp,actions=drop')
    switch.ofctl(version, relay, 'del-flows')
    wait_for(lambda: heard(11) or kind == 4, 30, 'FLOW_REMOVED')
    switch.ofctl(version, relay, 'mod-port', 'p2', 'down')
    switch.ofctl(version, relay, 'mod-port', 'p2', 'up')
    wait_for(lambda: heard(12), 30, 'PORT_STATUS')
    assert child.end(signal.SIGTERM) is not None


def told(message, line):
    """What ours says after the name and xid, and ovs-ofctl; its second line on a frame is the frame."""
    line = re.sub(r'^\w+ xid=0x[0-9a-f]+ ?', '', line)
    theirs = ofp_print(message)
    return line, theirs.splitlines()[0] if message[1] in (10, 13) else one_line(theirs)


@pytest.mark.parametrize('version', [1, 4], ids=['1.0', '1.3'])
def test_what_a_live_switch_and_ovs_ofctl_say(switch, version, folder):
    with Relay(switch.socket) as relay:
        change(switch, version, relay)
        watch(switch, version, relay, folder, 'standard', 10)
        watch(switch, version, relay, folder, 'nxt_packet_in', 4)
        watch(switch, version, relay, folder, 'nxt_packet_in2', 4)
        found = relay.messages()
    lines = there_and_back(found)
    kinds = {(m[0], m[1]) for m in found}
    wanted = {1: {0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19},
              4: {0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 29}}
    assert {(version, kind) for kind in wanted[version] - {0}} <= kinds
    compared = set()
    for message, line in zip(found, lines):
        same = {1: {10, 11, 13, 14}, 4: {10, 11, 13, 14, 15, 29}}[version]
        if message[0] == version and message[1] in same:
            ours, theirs = told(message, line)
            assert ours == theirs
            compared.add(message[1])
        if ' nicira packet_in total_len=' in line or ' nicira packet_in cookie=' in line:
            assert line.split(' packet_in ')[1] == ofp_print(message).splitlines()[0]
            compared.add('nxt_packet_in')
        if line.startswith(('multipart_reply', 'stats_reply')) and ' flows: ' in line:
            assert line.split(' flows: ')[1].split('; ')[0] in one_line(ofp_print(message))
            compared.add('flows')
    assert len(compared) >= 6, compared


# ---- os-ken ---------------------------------------------------------------------------------------------

def osken_messages(version):
    """One of each message that os-ken can write, as its own bytes."""
    from os_ken.ofproto import ofproto_protocol
    dp = ofproto_protocol.ProtocolDesc(version=version)
    p, o = dp.ofproto_parser, dp.ofproto
    made = [p.OFPHello(dp), p.OFPEchoRequest(dp, b'abc'), p.OFPEchoReply(dp, b'abc'), p.OFPFeaturesRequest(dp),
            p.OFPGetConfigRequest(dp), p.OFPSetConfig(dp, 0, 128), p.OFPBarrierRequest(dp), p.OFPDescStatsRequest(dp, 0)]
    if version == 1:
        match = p.OFPMatch(in_port=3, dl_type=0x800, nw_proto=6, nw_dst='10.0.0.0', nw_dst_mask=8, tp_dst=80)
        actions = [p.OFPActionOutput(2, 65535), p.OFPActionVlanVid(5), p.OFPActionVlanPcp(2), p.OFPActionStripVlan(),
                   p.OFPActionSetDlSrc(b'\1\2\3\4\5\6'), p.OFPActionSetDlDst(b'\1\2\3\4\5\6'), p.OFPActionSetNwSrc(1),
                   p.OFPActionSetNwDst(2), p.OFPActionSetNwTos(4), p.OFPActionSetTpSrc(7), p.OFPActionSetTpDst(8),
                   p.OFPActionEnqueue(1, 2), p.NXActionRegLoad(31, 'reg0', 5), p.NXActionResubmitTable(1, 2),
                   p.NXActionNote(note=[1, 2, 3]), p.NXActionSetTunnel(7)]
        made += [p.OFPFlowMod(dp, match, 1, o.OFPFC_ADD, actions=actions),
                 p.OFPPacketOut(dp, o.OFP_NO_BUFFER, 1, actions[:1], b'x' * 60),
                 p.OFPPortMod(dp, 1, '01:02:03:04:05:06', 1, 1, 0), p.OFPFlowStatsRequest(dp, 0, match, 255, o.OFPP_NONE),
                 p.OFPAggregateStatsRequest(dp, 0, match, 255, o.OFPP_NONE), p.OFPTableStatsRequest(dp, 0),
                 p.OFPPortStatsRequest(dp, 0, o.OFPP_NONE), p.OFPQueueStatsRequest(dp, 0, o.OFPP_ALL, o.OFPQ_ALL),
                 p.OFPQueueGetConfigRequest(dp, 1)]
    else:
        match = p.OFPMatch(in_port=3, eth_type=0x800, ip_proto=6, ipv4_dst=('10.0.0.0', '255.0.0.0'), tcp_dst=80,
                           vlan_vid=0x1005, metadata=(1, 3))
        actions = [p.OFPActionOutput(2), p.OFPActionGroup(1), p.OFPActionSetQueue(2), p.OFPActionPushVlan(),
                   p.OFPActionPopVlan(), p.OFPActionPushMpls(), p.OFPActionPopMpls(), p.OFPActionSetMplsTtl(3),
                   p.OFPActionDecMplsTtl(), p.OFPActionSetNwTtl(4), p.OFPActionDecNwTtl(), p.OFPActionCopyTtlOut(),
                   p.OFPActionCopyTtlIn(), p.OFPActionPushPbb(0x88e7), p.OFPActionPopPbb(),
                   p.OFPActionSetField(ipv4_src='1.2.3.4'), p.OFPActionSetField(eth_dst='01:02:03:04:05:06')]
        instructions = [p.OFPInstructionMeter(1), p.OFPInstructionActions(o.OFPIT_APPLY_ACTIONS, actions),
                        p.OFPInstructionActions(o.OFPIT_WRITE_ACTIONS, actions[:2]),
                        p.OFPInstructionActions(o.OFPIT_CLEAR_ACTIONS, []), p.OFPInstructionWriteMetadata(1, 3),
                        p.OFPInstructionGotoTable(9)]
        made += [p.OFPFlowMod(dp, cookie=1, match=match, instructions=instructions),
                 p.OFPPacketOut(dp, o.OFP_NO_BUFFER, 1, actions[:1], b'x' * 60),
                 p.OFPGroupMod(dp, o.OFPGC_ADD, o.OFPGT_SELECT, 7, [p.OFPBucket(5, 1, 2, actions[:3])]),
                 p.OFPPortMod(dp, 1, '01:02:03:04:05:06', 1, 1, 0), p.OFPTableMod(dp, 1, 3),
                 p.OFPMeterMod(dp, o.OFPMC_ADD, o.OFPMF_KBPS, 1,
                               [p.OFPMeterBandDrop(100, 5), p.OFPMeterBandDscpRemark(100, 5, 1)]),
                 p.OFPRoleRequest(dp, o.OFPCR_ROLE_MASTER, 5), p.OFPGetAsyncRequest(dp),
                 p.OFPSetAsync(dp, [1, 2], [1, 2], [1, 2]), p.OFPFlowStatsRequest(dp, match=match),
                 p.OFPAggregateStatsRequest(dp, 0, 255, o.OFPP_ANY, o.OFPG_ANY, 0, 0, match), p.OFPTableStatsRequest(dp, 0),
                 p.OFPPortStatsRequest(dp, 0, o.OFPP_ANY), p.OFPPortDescStatsRequest(dp, 0),
                 p.OFPQueueStatsRequest(dp, 0, o.OFPP_ANY, o.OFPQ_ALL), p.OFPGroupStatsRequest(dp, 0, o.OFPG_ALL),
                 p.OFPGroupDescStatsRequest(dp, 0), p.OFPGroupFeaturesStatsRequest(dp, 0),
                 p.OFPMeterStatsRequest(dp, 0, o.OFPM_ALL), p.OFPMeterConfigStatsRequest(dp, 0, o.OFPM_ALL),
                 p.OFPMeterFeaturesStatsRequest(dp, 0), p.OFPQueueGetConfigRequest(dp, 1),
                 p.OFPErrorMsg(dp, 1, 2, data=b'12345678')]
    for number, message in enumerate(made):
        message.set_xid(number + 1)
        message.serialize()
    return [bytes(message.buf) for message in made]


@pytest.mark.parametrize('version', [1, 4], ids=['1.0', '1.3'])
def test_what_osken_writes(version):
    if sys.executable != '/usr/bin/python3':
        pytest.skip("os-ken is Debian's: run with /usr/bin/python3")
    found = osken_messages(version)
    lines = there_and_back(found)
    flow = [line for line in lines if line.startswith('flow_mod')][0]
    if version == 1:
        assert 'tcp,in_port=3,nw_dst=10.0.0.0/8,tp_dst=80' in flow
        assert flow.endswith('set_tunnel:0x7') and 'note:01.02.03' in flow
    else:
        assert 'tcp,metadata=0x1/0x3,in_port=3,dl_vlan=5,nw_dst=10.0.0.0/8,tp_dst=80' in flow
        assert flow.endswith('clear_actions,write_actions(output:2,group:1),write_metadata:0x1/0x3,goto_table:9')


# ---- ways to write bytes --------------------------------------------------------------------------------

TWO = bytes.fromhex('0100000800000001') + bytes.fromhex('010200100000000268656c6c6f212121')
SAID = ['hello xid=0x1', 'echo_request xid=0x2 8 bytes 0x68656c6c6f212121']


def dump(*command):
    return subprocess.run(command, input=TWO, capture_output=True, timeout=30, check=True).stdout


@pytest.mark.parametrize('text', [
    TWO.hex(), ' '.join('%02x' % b for b in TWO), ', '.join('0x%02X' % b for b in TWO),
    '\n'.join('%02x' % b for b in TWO), '# two messages\n' + TWO.hex()[:20] + '\n' + TWO.hex()[20:] + '\n',
    ''.join('\\x%02x' % b for b in TWO), ':'.join('%02x' % b for b in TWO), TWO.hex() + '\r\n',
    '00000000  %s\n00000010  %s\n00000018\n' % (' '.join('%02x' % b for b in TWO[:16]), ' '.join('%02x' % b for b in TWO[16:])),
    '0000   %s   ........\n0010   %s   hello!!!\n' % (' '.join('%02x' % b for b in TWO[:16]), ' '.join('%02x' % b for b in TWO[16:])),
], ids=['plain', 'blanks', '0x', 'a line each', 'comment', 'escapes', 'colons', 'crlf', 'offsets', 'tshark'])
def test_hex_as_people_and_tools_write_it(text):
    assert decode(text) == (0, SAID, '')


@pytest.mark.parametrize('tool', [['hexdump', '-C'], ['xxd'], ['xxd', '-p'], ['od', '-An', '-tx1'], ['cat']],
                         ids=' '.join)
def test_dumps_and_bytes_as_they_are(tool):
    if not shutil.which(tool[0]):
        pytest.skip(tool[0] + ' is not installed')
    assert decode(dump(*tool)) == (0, SAID, '')


def test_a_file_and_standard_input_by_its_name(folder):
    with open(folder + '/x', 'w', encoding='ascii') as f:
        f.write(TWO.hex())
    assert decode('', file=folder + '/x') == (0, SAID, '')
    assert decode(TWO.hex(), '-') == (0, SAID, '')


# ---- captures -------------------------------------------------------------------------------------------

def segment(seq, data, flags=0x18, v6=False, back=False, ports=(6653, 40000), vlan=False):
    """An Ethernet frame with a TCP segment."""
    src, dst = ports if not back else ports[::-1]
    tcp = struct.pack('!HHIIBBHHH', src, dst, seq & 0xffffffff, 0, 0x50, flags, 1000, 0, 0) + data
    if v6:
        ip = struct.pack('!IHBB', 6 << 28, len(tcp), 6, 64) + b'\xfe' * 16 + b'\xfd' * 16
    else:
        ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, b'\1\2\3\4', b'\5\6\7\10')
    tag = b'\x81\0\0\5' if vlan else b''
    return b'\0' * 12 + tag + (b'\x86\xdd' if v6 else b'\x08\0') + ip + tcp


def pcap(frames, order='<', nano=False):
    out = [struct.pack(order + 'IHHIIII', 0xa1b23c4d if nano else 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)]
    for i, frame in enumerate(frames):
        out += [struct.pack(order + 'IIII', 1000 + i, 5, len(frame), len(frame)), frame]
    return b''.join(out)


def pcapng(frames, order='<'):
    def block(kind, body):
        body += b'\0' * (-len(body) % 4)
        return struct.pack(order + 'II', kind, 12 + len(body)) + body + struct.pack(order + 'I', 12 + len(body))
    out = block(0x0a0d0d0a, struct.pack(order + 'IHHq', 0x1a2b3c4d, 1, 0, -1))
    out += block(1, struct.pack(order + 'HHIHHB3xHH', 1, 0, 0, 9, 1, 9, 0, 0))
    for i, frame in enumerate(frames):
        time = (1000 + i) * 10**9
        out += block(6, struct.pack(order + 'IIIII', 0, time >> 32, time & 0xffffffff, len(frame), len(frame)) + frame)
    return out


def said(lines):
    """Lines without time and stream."""
    return [re.sub(r'^\d\d:\d\d:\d\d\.\d{6} \S+ > \S+ ', '', line) for line in lines]


FRAMES = [segment(99, b'', 2), segment(100, TWO[:3]), segment(103, TWO[3:10]), segment(110, TWO[10:])]


@pytest.mark.parametrize('file', [
    pcap(FRAMES), pcap(FRAMES, '>'), pcap(FRAMES, nano=True), pcapng(FRAMES), pcapng(FRAMES, '>'),
    pcap([FRAMES[0], FRAMES[3], FRAMES[2], FRAMES[1]]), pcap([f for f in FRAMES for _ in range(2)]),
    pcap([segment(0xfffffff8, TWO[:8]), segment(0, TWO[8:])]), pcap([segment(100, TWO, v6=True)]),
    pcap([segment(100, TWO, vlan=True)]), pcap([segment(100, TWO, back=True)]),
    pcap([segment(100, TWO, ports=(1234, 5678))]), pcap([FRAMES[0], segment(100, TWO[:12]), segment(104, TWO[4:])]),
], ids=['pcap', 'big-endian', 'nanoseconds', 'pcapng', 'pcapng big-endian', 'out of order', 'twice', 'numbers wrap',
        'IPv6', 'VLAN', 'other direction', 'other port', 'overlap'])
def test_captures(file):
    status, lines, err = decode(file)
    assert (status, said(lines), err) == (0, SAID, '')


def test_a_new_connection_between_the_same_ports_begins_anew():
    again = [segment(7000, b'', 2), segment(7001, TWO[:8]), segment(7009, TWO[8:])]
    status, lines, err = decode(pcap(FRAMES + again))
    assert (status, said(lines), err) == (0, SAID + SAID, '')


def test_a_gap_is_named_and_what_follows_is_decoded():
    status, lines, err = decode(pcap([FRAMES[0], segment(100, TWO[:8]), segment(116, TWO[8:])]))
    assert said(lines) == [SAID[0], 'gap: 8 bytes are missing', SAID[1]]
    assert status == 1 and 'bytes are missing in 1 places' in err


def test_after_a_gap_all_of_a_message_whose_start_is_lost_is_left_out():
    echo = bytes.fromhex('01020bb800000001') + bytes(2992)  # 3000 bytes in three segments, of which the first is lost
    frames = [FRAMES[0], segment(100, TWO[:8]), segment(1108, echo[1000:2000]), segment(2108, echo[2000:]), segment(3108, TWO[8:])]
    status, lines, err = decode(pcap(frames))
    assert said(lines) == [SAID[0], 'gap: 1000 bytes are missing', SAID[1]]
    assert status == 1 and 'bytes are missing in 1 places' in err


def cpu_of(file, lines):
    """Seconds of processor time that decoding takes."""
    start = os.times()
    assert len(decode(file)[1]) == lines
    return os.times().children_user - start.children_user


def test_many_streams_and_many_segments_that_wait_take_no_longer_each():
    hello = bytes.fromhex('0100000800000001')

    def streams(n):
        return pcap([segment(at, data, 2 if at == 0 else 24, ports=(6653, port)) for at, data in ((0, b''), (1, hello), (9, hello))
                     for port in range(10000, 10000 + n)])

    def waiting(n):
        return pcap([segment(0, b'', 2)] + [segment(10**9 + 8 * i, hello) for i in range(1000)] +
                    [segment(1 + 8 * i, hello) for i in range(n)])
    # four times as many: four times as long, sixteen times where each looks at all others
    assert cpu_of(streams(55000), 110000) < 9 * max(cpu_of(streams(13750), 27500), 0.05)
    assert cpu_of(waiting(30000), 31001) < 9 * max(cpu_of(waiting(7500), 8501), 0.05)


def test_streams_of_others_are_left_out():
    web = segment(1, b'GET / HTTP/1.1\r\n\r\n', ports=(40001, 80))
    assert said(decode(pcap([web] + FRAMES))[1]) == SAID
    status, lines, err = decode(pcap([web]))
    assert (status, lines) == (1, []) and '--port' in err
    status, lines, err = decode(pcap([segment(0, b'', 2, ports=(40001, 1234)), segment(1, b'\7' * 20, ports=(40001, 1234))]), '--port', '1234')
    assert status == 1 and 'version byte 0x07' in lines[0]


def test_a_cut_capture_is_decoded_as_far_as_it_goes():
    whole = pcap(FRAMES)
    status, lines, err = decode(whole[:-3])
    assert status == 1 and said(lines)[0] == SAID[0] and 'cut or damaged at byte' in err


def test_a_real_capture(switch, folder):
    with Relay(switch.socket) as relay:
        child = Child('tcpdump', ['tcpdump', '-i', 'lo', '-U', '-w', folder + '/x.pcap', '-Z', 'root',
                                  'tcp port %d' % relay.port], folder + '/log')
        wait_for(lambda: 'listening on' in child.text(), 30, 'tcpdump')
        switch.ofctl(4, relay, 'add-flow', 'tcp,actions=output:2')

        def there():
            return 'barrier_reply' in str(decode('', '--port', str(relay.port), file=folder + '/x.pcap')[1])
        wait_for(there, 30, 'packets in the file')
        child.end()
        found = relay.messages()
    for form in ('pcap', 'pcapng'):
        subprocess.run(['editcap', '-F', form, folder + '/x.pcap', folder + '/y'], check=True, timeout=60)
        status, lines, err = decode('', '--roundtrip', '--port', str(relay.port), file=folder + '/y')
        assert status == 0, err
        assert len(lines) == len(found)
        assert any(' > 127.0.0.1:%d flow_mod ' % relay.port in line for line in lines)


# ---- what is wrong --------------------------------------------------------------------------------------

@pytest.mark.parametrize('line,why', [
    ('01000007000000ff', 'less than a header'),
    ('0100000000000001', 'less than a header'),
    ('010000', 'cut: 3 bytes'),
    ('0102001000000002', 'it says that it has 16 bytes, and there are 8'),
    ('0100000800000001ff', 'it says that it has 8 bytes, and there are 9'),
    ('07000008000000ff', 'version byte 0x07'),
    ('010500090000000100', 'expected 8'),
    ('010e0010000000010000000000000000', 'flow_mod'),
    ('0100000800000', 'an odd number of hex digits'),
    ('01 00 zz', "column 7: 'z' is no hex digit"),
], ids=['length 7', 'length 0', 'cut header', 'cut', 'too long', 'version', 'trailing', 'short body', 'odd', 'no hex'])
def test_a_malformed_message_is_named_and_the_next_decoded(line, why):
    status, lines, err = decode('%s\n%s\n%s\n' % (TWO[:8].hex(), line, TWO[8:].hex()), '--hex')
    assert status == 1 and len(lines) == 3 and 'malformed' in err
    assert (lines[0], lines[2]) == tuple(SAID)
    assert lines[1].startswith('line 2: malformed: ') and why in lines[1]


def test_in_a_stream_the_next_message_is_decoded_too():
    bad = bytes.fromhex('010e0010000000010000000000000000')
    status, lines, err = decode((TWO[:8] + bad + TWO[8:]).hex())
    assert status == 1 and '1 malformed, of 3 messages' in err
    assert lines[0] == SAID[0] and lines[2] == SAID[1]
    assert lines[1].startswith('offset 8: malformed: byte 8 of 16: flow_mod of 8 bytes') or 'byte 8' in lines[1]


def test_roundtrip_says_where_it_differs():
    padded = bytearray.fromhex('010a0014000000010000000000020001' + '00' + 'ff' + '0102')  # padding is not zero
    assert decode(padded.hex())[0] == 0
    status, lines, err = decode(padded.hex(), '--roundtrip')
    assert status == 1 and 'differs from byte 17 on: 0x00, and it was 0xff' in lines[1]


def test_every_cut_of_a_stream_ends_with_a_sentence():
    found = ofctl_sends(4, ['tcp,nw_dst=10.0.0.0/8,actions=output:2,set_field:5->reg0'])[0]
    for n in range(1, len(found)):
        status, lines, err = decode(found[:n].hex())
        assert status == 1 and 'cut: %d bytes are left' % n in lines[0]


@pytest.mark.parametrize('words,data,status,why', [
    ([], '', 1, 'standard input is empty: expected hex digits'),
    ([], ' \n\n', 1, 'standard input has no message'),
    (['--port', '0'], 'x', 2, 'expected a TCP port'),
    (['--port'], 'x', 2, 'expected a TCP port'),
    (['--nonsense'], 'x', 2, "unknown word '--nonsense'"),
    (['a', 'b'], 'x', 2, "unknown word 'b'"),
    (['/does/not/exist'], 'x', 1, '/does/not/exist: cannot be read: No such file'),
], ids=['empty', 'blank', 'port 0', 'no port', 'word', 'two files', 'no file'])
def test_mistakes_have_a_cause_and_a_cure(words, data, status, why):
    got = decode(data, *words)
    assert got[0] == status and why in got[2] and got[1] == []


# ---- forms of output ------------------------------------------------------------------------------------

def test_json_is_an_object_a_line():
    bad = '01000007000000ff'
    status, lines, _ = decode('\n'.join([TWO[:8].hex(), bad, TWO[8:].hex()]), '--hex', '--json')
    rows = [json.loads(line) for line in lines]
    assert status == 1 and len(rows) == 3
    assert rows[0]['version'] == '1.0' and rows[0]['message']['xid'] == '0x1' and rows[0]['line'] == 1
    assert 'less than a header' in rows[1]['error']
    assert rows[2]['text'] == SAID[1] and rows[2]['length'] == 16


def test_verbose_has_every_field_and_frame_the_frame():
    frame = 'ffffffffffff' + '020202020202' + '0806' + '0001080006040001' + '020202020202' + '0a000001' + '000000000000' + '0a000002'
    packet = '010a%04x00000001' % (18 + len(frame) // 2) + 'ffffffff' + '%04x' % (len(frame) // 2) + '00030000' + frame
    assert decode(packet, '--frame')[1] == [
        'packet_in xid=0x1 total_len=42 in_port=3 (via no_match) data_len=42 (unbuffered) | '
        '02:02:02:02:02:02 > ff:ff:ff:ff:ff:ff ARP who has 10.0.0.2? tell 10.0.0.1']
    lines = decode(packet, '--verbose')[1]
    assert any(line.strip() == 'total_len: 42' for line in lines) and any('reason: no_match' in line for line in lines)
    assert 'who has 10.0.0.2' in json.loads(decode(packet, '--frame', '--json')[1][0])['frame']


def test_other_versions_are_named():
    status, lines, _ = decode('060000080000000105010008000000020600001000000003000100080000004a')
    assert status == 0
    assert lines[0] == 'hello xid=0x1 (version 1.5)'
    assert 'type_1 xid=0x2 8 bytes (version 1.4' in lines[1]
    assert lines[2] == 'hello xid=0x3 version bitmap: 0x01, 0x03, 0x06 (version 1.5)'


# ---- VNS ------------------------------------------------------------------------------------------------

def vns(kind, body):
    return struct.pack('!II', 8 + len(body), kind) + body


VNS = (vns(1, struct.pack('!HH32s32s32s', 7, 0, b'vrhost', b'me', b'')) + vns(4, b'eth0'.ljust(16, b'\0') + b'\2' * 14) +
       vns(16, struct.pack('!I32s', 1, b'eth0') + struct.pack('!I32s', 64, b'\x0a\0\0\1')) + vns(2, b'bye\0') +
       vns(32, b'vrhost'.ljust(32, b'\0') + b'0.0.0.0 10.0.0.1 0.0.0.0 eth0') + vns(512, b'\1welcome') +
       vns(256, struct.pack('!I', 2) + b'me' + b'\xab' * 20) + vns(77, b'??'))


def test_vns():
    status, lines, err = decode(VNS.hex(), '--roundtrip')
    assert (status, err) == (0, '')
    assert lines[0] == 'vns OPEN topology=7 vhost=vrhost user=me password='
    assert lines[1] == 'vns PACKET interface=eth0 data_len=14'
    assert lines[2] == 'vns HWINFO interface=eth0 ip=10.0.0.1'
    assert lines[3] == 'vns CLOSE text=bye'
    assert lines[4] == 'vns RTABLE vhost=vrhost text=0.0.0.0 10.0.0.1 0.0.0.0 eth0'
    assert lines[5] == 'vns AUTH_STATUS ok=1 text=welcome'
    assert lines[6] == 'vns AUTH_REPLY user_len=2 user=me hash=' + 'ab' * 20
    assert lines[7] == 'vns type_77 data=3f3f'
    rows = [json.loads(line) for line in decode(VNS.hex(), '--json')[1]]
    assert rows[2]['message']['entries'][1] == {'is': 'entry', 'ip': '10.0.0.1'}
    assert 'vhost: vrhost' in str(decode(VNS.hex(), '--verbose')[1])
    assert said(decode(pcap([segment(5, VNS, ports=(8888, 41000))]))[1]) == lines
    status, lines, _ = decode(vns(1, b'short').hex(), '--vns')
    assert status == 1 and 'VNS OPEN of 13 bytes does not hold what it should' in lines[0]
    assert decode(TWO.hex(), '--vns')[0] == 1


def test_a_long_vns_message_is_whole_in_json():
    entries = struct.pack('!I32s', 7, bytes(range(32))) * 1800  # of a key that nobody knows: all their bytes are shown
    rows = [json.loads(line) for line in decode(vns(16, entries).hex(), '--json')[1]]
    assert len(rows[0]['message']['entries']) == 1800


def test_messages_of_a_stream_are_the_same_as_one_by_one(switch):
    with Relay(switch.socket) as relay:
        switch.ofctl(4, relay, 'dump-ports-desc')
        found = relay.messages()
    assert decode(b''.join(found).hex())[1] == decode(as_hex(found), '--hex')[1]
    assert messages(b''.join(found))[0] == found


def test_what_causeway_captured(lab, make_stack, folder):
    from harness import HOSTS
    from test_capture_openflow import Capture
    stack = make_stack().start()
    wait_for(lab.flows, 30, 'reply to a ping')
    file = folder + '/x.pcapng'
    capture = Capture(stack, '-w', file)
    assert lab.ping('client', HOSTS['server1'], '-s', 1200, count=3)[0] == 3
    wait_for(lambda: os.path.getsize(file) > 6 * 1200, 30, 'messages in the file')
    count, _ = capture.end()[1]
    status, lines, err = decode('', '--roundtrip', '--frame', file=file)
    assert (status, err, len(lines)) == (0, '', count)
    assert any(re.search(r' packet_in xid=\S+ .*in_port=.* ICMP echo request', line) for line in lines)
    assert any(re.search(r' packet_out xid=\S+ .*actions=output:\d+ .* ICMP echo', line) for line in lines)
