# tests/oracle/test_live.py - what a live ovs-vswitchd and ovs-ofctl send is read, and written again as it was.
import json
import os
import subprocess
import tempfile

import pytest
from live import Switch, wait_for
from oracles import again

FLOWS = [
    'table=0,priority=7,cookie=0x77,idle_timeout=60,hard_timeout=90,in_port=1,tcp,nw_src=10.0.0.0/24,tp_dst=80,'
    'actions=mod_dl_src:02:00:00:00:00:09,mod_nw_dst:10.1.1.1,mod_tp_src:99,output:2',
    'send_flow_rem,check_overlap,priority=8,dl_vlan=5,dl_vlan_pcp=3,actions=strip_vlan,enqueue:2:1,LOCAL',
    'priority=9,arp,arp_op=1,arp_tpa=10.0.0.1,actions=CONTROLLER:128',
    'priority=10,udp,actions=mod_vlan_vid:9,mod_vlan_pcp:2,mod_nw_tos:32,mod_dl_dst:02:00:00:00:00:08,'
    'mod_nw_src:10.2.2.2,mod_tp_dst:53,FLOOD',
    'priority=11,reg0=5,reg1=7/0xf,ipv6,ipv6_src=fe80::/64,actions=load:5->NXM_NX_REG2[3..9],move:NXM_OF_ETH_SRC[]->'
    'NXM_OF_ETH_DST[],resubmit(,1),push:NXM_NX_REG0[],pop:NXM_NX_REG1[],note:00.01.02,exit',
    'priority=12,ip,actions=dec_ttl,set_tunnel:9,set_queue:3,pop_queue,controller(reason=invalid_ttl,max_len=99,id=0)',
    'priority=13,icmp,icmp_type=8,actions=learn(table=2,idle_timeout=9,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],'
    'load:NXM_OF_IN_PORT[]->NXM_NX_REG3[0..15],output:NXM_OF_IN_PORT[])',
    'priority=14,ip,ct_state=-trk,actions=ct(commit,zone=9,nat(src=10.0.0.1-10.0.0.9:100-200),exec(set_field:1->ct_mark),'
    'table=3)',
    'priority=15,sctp,actions=multipath(symmetric_l4,7,modulo_n,4,0,NXM_NX_REG0[0..3]),'
    'bundle(symmetric_l4,60,hrw,ofport,members:1,2),output:NXM_NX_REG1[0..15]',
    'priority=16,tcp,actions=fin_timeout(idle_timeout=10),sample(probability=1,collector_set_id=2,obs_domain_id=3,'
    'obs_point_id=4),output(port=2,max_len=100),clone(2),check_pkt_larger(1500)->NXM_NX_REG0[0]',
    'priority=17,conj_id=7,ip,actions=ct_clear,drop',
    'priority=18,udp,tp_src=7,actions=conjunction(7,1/2)',
    'priority=19,tun_id=0x55,tun_src=1.2.3.4,metadata=0x5,pkt_mark=9,nw_frag=first,ip,nw_ecn=1,nw_ttl=64,actions=drop',
]
FLOWS_13 = [
    'priority=20,mpls,mpls_label=7,mpls_tc=3,mpls_bos=1,actions=set_mpls_ttl(9),dec_mpls_ttl,pop_mpls:0x0800,output:2',
    'priority=21,ip,actions=push_vlan:0x8100,set_field:4101->vlan_vid,set_field:3->vlan_pcp,push_mpls:0x8847,2',
    'priority=22,ip,actions=meter:3,write_metadata:0x5/0xff,goto_table:9',
    'priority=23,icmp6,icmp_type=135,nd_target=fe80::1,nd_sll=02:00:00:00:00:01,actions=group:5',
    'priority=24,ip,actions=write_actions(set_field:10.0.0.1->ip_src,mod_nw_ttl:9,dec_ttl,output:2),goto_table:4',
    'priority=25,ip,actions=clear_actions,apply_actions',
    'priority=26,dl_type=0x88e7,actions=drop',
    'priority=27,actions=encap(nsh(md_type=1)),2',
]
ASK = ['show', 'dump-desc', 'dump-tables', 'dump-ports', 'dump-ports-desc', 'dump-flows', 'dump-aggregate',
       'queue-stats', 'get-frags', 'ping', 'probe', 'dump-tlv-map']
ASK_13 = ['dump-table-features', 'dump-groups', 'dump-group-stats', 'dump-group-features', 'dump-meters',
          'meter-stats', 'meter-features', 'dump-ipfix-bridge', 'dump-ipfix-flow']
ARP = 'ffffffffffff02000000000108060001080006040001020000000001c0a80102000000000000c0a80101'


def go_through(switch, version):
    """Everything that ovs-ofctl can be made to ask of a switch, in one version."""
    ofctl = switch.ofctl
    if version == 'OpenFlow13':
        ofctl(version, 'add-group', 'group_id=5,type=select,bucket=weight:3,watch_port:1,actions=output:1,'
                                    'bucket=weight:5,actions=output:2')
        ofctl(version, 'mod-group', 'group_id=5,type=ff,bucket=watch_port:1,actions=set_field:1->reg0,output:1')
        ofctl(version, 'add-meter', 'meter=3,kbps,burst,stats,band=type=drop,rate=100,burst_size=9')
        ofctl(version, 'mod-meter', 'meter=3,pktps,band=type=drop,rate=50')
    ofctl(version, 'add-tlv-map', '{class=0xffff,type=1,len=4}->tun_metadata7')
    for flow in FLOWS + (FLOWS_13 if version == 'OpenFlow13' else []):
        ofctl(version, 'add-flow', flow, check=False)
    ofctl(version, 'mod-flows', 'in_port=1,actions=output:3', check=False)
    ofctl(version, '--strict', 'mod-flows', 'priority=9,arp,arp_op=1,arp_tpa=10.0.0.1,actions=2', check=False)
    for ask in ASK + (ASK_13 if version == 'OpenFlow13' else []):
        ofctl(version, ask, check=False)
    ofctl(version, 'queue-get-config', '1', check=False)
    ofctl(version, 'dump-flows', 'tcp,in_port=1', check=False)
    for change in ('down', 'up', 'no-receive', 'receive', 'no-flood', 'no-packet-in'):
        ofctl(version, 'mod-port', '3', change, check=False)
    ofctl(version, 'set-frags', 'drop', check=False)
    ofctl(version, 'set-frags', 'normal', check=False)
    ofctl(version, 'mod-table', '1', 'controller', check=False)
    ofctl(version, 'packet-out', 'in_port=1 packet=%s actions=output:2,controller' % ARP)
    ofctl(version, 'ct-flush', 'zone=5', check=False)
    watch(switch, version)
    ofctl(version, 'del-flows', check=False)
    ofctl(version, 'del-tlv-map', check=False)
    if version == 'OpenFlow13':
        ofctl(version, 'del-groups')
        ofctl(version, 'del-meters')


def watch(switch, version):
    """'monitor' in each format of packets: port status, packets, flows removed, changes of flows."""
    for words in (['monitor', '65534', *(['invalid_ttl'] if version == 'OpenFlow10' else [])], ['monitor', '65534', '-P', 'nxt_packet_in'],
                  ['monitor', '65534', '-P', 'nxt_packet_in2', 'watch:'], ['monitor', '65534', '-P', 'standard']):
        before = len(switch.relay.messages())
        child = subprocess.Popen(
            ['ovs-ofctl', '-O', version, words[0], 'unix:' + switch.relay.path, *words[1:]], env=switch.ovs.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            switch.ofctl(version, 'add-flow', 'priority=999,in_port=3,actions=controller')
            for _ in range(200):  # until one comes: the monitor may not listen yet
                switch.appctl('netdev-dummy/receive', 'p3', ARP)
                packets = [m for who, m in switch.relay.messages()[before:] if who == 'ovs-vswitchd']
                if any(m[1] == 10 or (m[1] == 4 and ARP in m.hex()) for m in packets):
                    break
            switch.ofctl(version, 'mod-port', '2', 'down')
            switch.ofctl(version, 'mod-port', '2', 'up')
            switch.ofctl(version, 'add-flow', 'send_flow_rem,priority=998,tcp,actions=1')
            switch.ofctl(version, 'del-flows', 'tcp')
            wait_for(lambda: any(m[1] == 12 for _, m in switch.relay.messages()[before:]), 'port status')
        finally:
            child.terminate()
            child.wait(10)


@pytest.fixture(scope='module')
def seen():
    with tempfile.TemporaryDirectory(prefix='causeway-oracle-', dir='/dev/shm') as folder:
        switch = Switch(folder)
        try:
            for version in ('OpenFlow10', 'OpenFlow13'):
                go_through(switch, version)
            yield switch.relay.messages()
        finally:
            switch.close()


def kinds_of(meant, way=''):
    """Names of what is in a message: 'message/17', 'stats_reply/flow', 'actions/output', 'match/dl_type'."""
    if isinstance(meant, list):
        for each in meant:
            yield from kinds_of(each, way)
    elif isinstance(meant, dict):
        name = meant.get('is', meant.get('field'))
        yield way + name
        if name == 'header':
            yield 'message/%d' % meant['type']
        for part, value in meant.items():
            yield from kinds_of(value, name + '/' if part == 'body' else part + '/')


def test_all_that_passes_is_read_and_written_as_it_was(seen):
    lines = again([m for _, m in seen])
    wrong = ['%s sent %s: %s' % (who, m.hex()[:200], line) for (who, m), line in zip(seen, lines)
             if not line.startswith('{')]
    assert not wrong, '%d of %d: %s' % (len(wrong), len(seen), '\n'.join(wrong[:20]))
    kinds = {(who, '1.0' if m[0] == 1 else '1.3', k) for (who, m), line in zip(seen, lines)
             for k in kinds_of(json.loads(line))}
    with open(os.path.join(os.path.dirname(__file__), 'live.txt'), encoding='ascii') as f:
        listed = {tuple(line.split()) for line in f if not line.startswith('#')}
    unseen = sorted(listed - kinds)
    assert not unseen, 'live.txt lists what was not seen: %s' % unseen
