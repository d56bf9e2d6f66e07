# tests/oracle/test_frames.py - tshark reads in each sample frame what our layers say (common/proto/layer.def).
import json
import os
import re
import struct
import subprocess

from oracles import BIN, REPO

# Our layer and field: tshark's.  A field that is quoted (the packet in an ICMP error) is tshark's second value.
FIELDS = {
    'Ethernet': {'destination': 'eth.dst', 'source': 'eth.src', 'type': 'eth.type', 'length': 'eth.len'},
    'VLAN': {'priority': 'vlan.priority', 'drop eligible': 'vlan.dei', 'id': 'vlan.id', 'type': 'vlan.etype'},
    'LLC': {'destination service': 'llc.dsap', 'source service': 'llc.ssap'},
    'ARP': {'hardware type': 'arp.hw.type', 'protocol type': 'arp.proto.type', 'operation': 'arp.opcode',
            'sender hardware': 'arp.src.hw_mac', 'sender': 'arp.src.proto_ipv4', 'target': 'arp.dst.proto_ipv4'},
    'IPv4': {'version': 'ip.version', 'header length': 'ip.hdr_len', 'dscp': 'ip.dsfield.dscp', 'ecn': 'ip.dsfield.ecn',
             'total length': 'ip.len', 'identification': 'ip.id', 'fragment offset': 'ip.frag_offset', 'ttl': 'ip.ttl',
             'protocol': 'ip.proto', 'checksum': 'ip.checksum', 'source': 'ip.src', 'destination': 'ip.dst'},
    'ICMP': {'type': 'icmp.type', 'code': 'icmp.code', 'checksum': 'icmp.checksum', 'identifier': 'icmp.ident',
             'sequence': 'icmp.seq', "next hop's MTU": 'icmp.mtu', 'gateway': 'icmp.redir_gw',
             'pointer': 'icmp.pointer', 'originate': 'icmp.originate_timestamp', 'mask': 'icmp.address_mask',
             'addresses': 'icmp.num_addrs', 'lifetime': 'icmp.lifetime'},
    'UDP': {'source port': 'udp.srcport', 'destination port': 'udp.dstport', 'length': 'udp.length',
            'checksum': 'udp.checksum'},
    'TCP': {'source port': 'tcp.srcport', 'destination port': 'tcp.dstport', 'sequence': 'tcp.seq_raw',
            'acknowledgment': 'tcp.ack_raw', 'header length': 'tcp.hdr_len', 'window': 'tcp.window_size_value',
            'checksum': 'tcp.checksum', 'urgent pointer': 'tcp.urgent_pointer',
            'option: maximum segment size': 'tcp.options.mss_val', 'option: window scale': 'tcp.options.wscale.shift'},
    'IPv6': {'version': 'ipv6.version', 'payload length': 'ipv6.plen', 'next header': 'ipv6.nxt', 'hop limit': 'ipv6.hlim',
             'source': 'ipv6.src', 'destination': 'ipv6.dst'},
}
NAMES = sorted({name for fields in FIELDS.values() for name in fields.values()})
STATUS = {'IPv4': 'ip.checksum.status', 'ICMP': 'icmp.checksum.status', 'UDP': 'udp.checksum.status',
          'TCP': 'tcp.checksum.status'}
BAD, GOOD = '0', '1'


def samples():
    """(name, frame) of tests/unit/layers.def."""
    with open(os.path.join(REPO, 'tests/unit/layers.def'), encoding='ascii') as f:
        rows = re.findall(r'^\{"(.*)",\n (MACS )?"([0-9a-f]+)",$', f.read(), flags=re.M)
    assert len(rows) > 30
    return [(name, bytes.fromhex(('020000000002020000000001' if macs else '') + raw)) for name, macs, raw in rows]


def ours(frames):
    done = subprocess.run([BIN + '/frames'], input='\n'.join(f.hex() for f in frames) + '\n', stdout=subprocess.PIPE,
                          text=True, check=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()]


def tsharks(frames, folder):
    path = str(folder / 'frames.pcap')
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            f.write(struct.pack('<IIII', 0, 0, len(frame), len(frame)) + frame)
    words = [word for name in NAMES + sorted(STATUS.values()) for word in ('-e', name)]
    checks = [word for layer in ('ip.check_checksum', 'udp.check_checksum', 'tcp.check_checksum', 'ip.defragment')
              for word in ('-o', layer + (':FALSE' if layer == 'ip.defragment' else ':TRUE'))]
    done = subprocess.run(['tshark', '-n', '-r', path, '-T', 'fields', '-E', 'aggregator=|', *checks, *words],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, timeout=120)
    return [dict(zip(NAMES + sorted(STATUS.values()), (v.split('|') if v else [] for v in line.split('\t'))))
            for line in done.stdout.splitlines()]


def plain(value):
    """A value without its name in brackets; a number in one way."""
    value = value.split(' ')[0]
    if re.fullmatch(r'0x[0-9a-f]+|[0-9]+', value):
        return int(value, 0)
    return value.lower()


def compared(layers, theirs):
    """(what differs, how many fields were compared) of one frame."""
    wrong, count, times = [], 0, {}
    for layer, fields in layers:
        nth = times[layer] = times.get(layer, -1) + 1
        for name, value in fields:
            other = FIELDS.get(layer, {}).get(name)
            if not other or len(theirs[other]) <= nth or (layer == 'VLAN' and theirs['eth.type'] == ['0x88a8']):
                continue  # a provider's tag has other names there
            count += 1
            unit = 8 if other == 'ip.frag_offset' else 1
            if plain(value) != plain(theirs[other][nth]) * unit:
                wrong.append('%s %s: %s, tshark has %s' % (layer, name, value, theirs[other][nth]))
            status = theirs.get(STATUS.get(layer), []) if name == 'checksum' else []
            if len(status) > nth and status[nth] in (BAD, GOOD) and '(' in value:
                count += 1
                if ('(correct)' in value) != (status[nth] == GOOD):
                    wrong.append('%s checksum: %s, tshark: %s' % (layer, value, status[nth]))
    return wrong, count


def test_each_field_is_as_tshark_reads_it(tmp_path):
    rows = samples()
    frames = [frame for _name, frame in rows]
    wrong, count = [], 0
    for (name, _frame), layers, theirs in zip(rows, ours(frames), tsharks(frames, tmp_path)):
        bad, n = compared(layers, theirs)
        wrong += ['%s: %s' % (name, text) for text in bad]
        count += n
    assert not wrong, '\n'.join(wrong)
    assert count > 500, 'only %d fields were compared' % count


def test_a_wrong_field_is_found():
    """The comparison itself: one digit makes the difference."""
    theirs = {name: [] for name in NAMES}
    theirs.update({'ip.ttl': ['64'], 'ip.checksum.status': [BAD], 'ip.checksum': ['0x1234']})
    assert compared([['IPv4', [['ttl', '64'], ['checksum', '0x1234 (wrong, 0x1235 would be right)']]]], theirs) == ([], 3)
    assert len(compared([['IPv4', [['ttl', '65'], ['checksum', '0x1234 (correct)']]]], theirs)[0]) == 2
