# tests/e2e/test_capture_openflow.py - `causeway capture openflow`: what it writes, as tshark sees it, and what
# becomes of the mirror when those who look die, stop, or are two.
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

import pytest
from harness import BIN, HOSTS, die_with_parent, run, wait_for
from steady import Steady

pytestmark = pytest.mark.skipif(not shutil.which('tshark'), reason='tshark is not installed')

LEASE = 3  # seconds: shm/mirror.h, MIRROR_LEASE_NS


@pytest.fixture(scope='module')
def stack(lab, make_stack):
    made = make_stack().start()
    wait_for(lab.flows, 10, 'reply to a ping')
    return made


class Capture:
    """causeway capture openflow, from its first message to its last."""

    def __init__(self, stack, *words, begin=True):
        command = [BIN + '/causeway', '--run-dir', stack.run_dir, 'capture', 'openflow', *map(str, words)]
        self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, preexec_fn=die_with_parent)
        if begin:
            self.first = self.popen.stderr.readline()
            assert b'capturing' in self.first, self.first

    def end(self, sig=signal.SIGINT):
        """Standard output, and (messages, missed)."""
        self.popen.send_signal(sig)
        return self.wait()

    def wait(self):
        try:
            out, err = self.popen.communicate(timeout=20)
        finally:
            self.popen.kill()
            self.popen.wait()
        assert self.popen.returncode == 0, err
        said = re.search(rb'(\d+) messages captured, (\d+) missed', err)
        assert said, err
        return out, (int(said[1]), int(said[2]))


def pinged(lab, count, *flags):
    """Replies; Open vSwitch may lose a frame while it revises its flow cache, which is not what is tested."""
    got = lab.ping('client', HOSTS['server1'], *flags, count=count)[0]
    assert got > count / 2
    return got


def mirror(stack):
    """The last line about the mirror in ofproxy's log, 'on' or 'off'; how often it was said."""
    said = re.findall(r'openflow mirror (on|off)', stack.children['ofproxy'].text())
    return (said[-1] if said else 'off'), len(said)


def is_off(stack):
    wait_for(lambda: mirror(stack)[0] == 'off', LEASE + 10, 'end of the mirror')


def fields(file, *names, only='openflow_v1'):
    """Rows of texts; tshark's own remarks on standard error are not among them."""
    words = [word for name in names for word in ('-e', name)]
    done = subprocess.run(['tshark', '-n', '-r', file, '-Y', only, '-T', 'fields', *words], capture_output=True,
                          text=True, timeout=60, check=True)
    return [line.split('\t') for line in done.stdout.splitlines()]


def well_formed(file):
    bad = fields(file, 'frame.number', 'frame.protocols', only='_ws.malformed || tcp.analysis.lost_segment || '
                 'tcp.analysis.retransmission || tcp.analysis.ack_lost_segment || tcp.analysis.out_of_order || '
                 '_ws.expert.severity == error')
    assert bad == [], bad[:5]


EITHER = 'openflow_v1 || openflow_v4'
TYPES = {0: 'HELLO', 2: 'ECHO_REQUEST', 3: 'ECHO_REPLY', 5: 'FEATURES_REQUEST', 6: 'FEATURES_REPLY', 10: 'PACKET_IN',
         13: 'PACKET_OUT', 18: 'BARRIER_REQUEST', 19: 'BARRIER_REPLY'}
TYPES13 = {**TYPES, 18: 'MULTIPART_REQUEST', 19: 'MULTIPART_REPLY', 20: 'BARRIER_REQUEST', 21: 'BARRIER_REPLY'}


def directions(file):
    """(type, 'from' or 'to' the switch): how many."""
    found = {}
    for old, new, port, flags in fields(file, 'openflow_1_0.type', 'openflow_v4.type', 'tcp.srcport',
                                        'frame.packet_flags_direction', only=EITHER):
        way = 'to' if port == '6653' else 'from'
        assert int(flags, 0) == (2 if way == 'to' else 1), flags
        for kinds, names in ((old, TYPES), (new, TYPES13)):
            for k in kinds.split(',') if kinds else ():
                name = names.get(int(k), k), way
                found[name] = found.get(name, 0) + 1
    return found


def test_tshark_dissects_what_was_captured(lab, stack, tmp_path):
    file = str(tmp_path / 'x.pcapng')
    capture = Capture(stack, '-w', file)
    begun = time.time()
    got = pinged(lab, 5, '-s', 1200)
    wait_for(lambda: os.path.getsize(file) > 4 * got * 1200, 10, 'messages in the file')
    _, (messages, missed) = capture.end()
    well_formed(file)
    found = directions(file)
    assert missed == 0 and sum(found.values()) == messages
    assert found['PACKET_IN', 'from'] >= 2 * got and found['PACKET_OUT', 'to'] >= 2 * got, found
    times = [float(row[0]) for row in fields(file, 'frame.time_epoch', only=EITHER)]
    assert times == sorted(times) and begun - 2 < times[0] < times[-1] < time.time() + 1
    names = {row[0] for row in fields(file, 'frame.interface_name', only=EITHER)}
    assert len(names) == 1 and re.fullmatch(r'0x[0-9a-f]{16} tcp:127\.0\.0\.1:\d+', names.pop())
    # the frames within are whole: pings of 1200 bytes as they came, and with a smaller TTL as they left
    ttls = [row[0].split(',')[-1] for row in fields(file, 'ip.ttl', only='icmp.type == 8 && data.len == 1192')]
    assert set(ttls) == {'63', '64'} and min(map(ttls.count, ('63', '64'))) >= got, ttls


def test_every_message_of_a_session_is_there_when_ofproxy_starts_again(lab, make_own_stack, tmp_path):
    """The mirror is on from the successor's first moment: also the HELLO is captured."""
    # another port: not the lab's, but a pretend switch, which the others do not disturb
    stack = make_own_stack(of_port=lab_port(1), vns_port=lab_port(2)).start()
    file = str(tmp_path / 'x.pcapng')
    steady = Steady(stack, '--reconnect', rate=200)
    steady.flows(50, 10)
    capture = Capture(stack, '-w', file)
    steady.flows(50, 10)
    for sig in (signal.SIGKILL, signal.SIGTERM):
        stack.end('ofproxy', sig=sig)
        stack.start('ofproxy')
        steady.flows(50, 20)
    steady.child.end(seconds=20)
    _, (messages, missed) = capture.end()
    well_formed(file)
    found = directions(file)
    for name, way in (('HELLO', 'from'), ('HELLO', 'to'), ('FEATURES_REQUEST', 'to'), ('FEATURES_REPLY', 'from'),
                      ('BARRIER_REQUEST', 'to'), ('BARRIER_REPLY', 'from')):
        assert found.get((name, way)) == 2, (name, way, found)
    assert found['PACKET_IN', 'from'] >= 150 and found['PACKET_OUT', 'to'] >= 150
    assert missed <= 1  # one that was counted when ofproxy was killed, and not recorded yet
    assert messages == sum(found.values())
    # one interface for a connection, and one more once it tells its datapath-id
    assert len({row[0] for row in fields(file, 'frame.interface_id')}) == 5


def lab_port(n):
    from harness import OF_PORT
    return OF_PORT + 10 + n


def test_lines_name_time_switch_direction_and_message(lab, stack):
    capture = Capture(stack, '-c', 12)
    pinged(lab, 8)
    out, (messages, _) = capture.wait()
    lines = out.decode().splitlines()
    assert messages == len(lines) == 12
    assert all(re.match(r'\d\d:\d\d:\d\d\.\d{6} (from|to  ) 0x[0-9a-f]{16}  \w+', line) for line in lines), lines
    assert any(' from 0x' in line and 'packet_in' in line for line in lines), lines
    assert any(' to   0x' in line and 'packet_out' in line for line in lines), lines
    capture = Capture(stack, '-c', 4, '--json')
    pinged(lab, 3)
    rows = [json.loads(line) for line in capture.wait()[0].splitlines()]
    assert {row['direction'] for row in rows} <= {'from', 'to'} and all(row['missed'] == 0 for row in rows)


def test_one_switch_of_many(lab, stack):
    dpid = json.loads(run(BIN + '/causeway', 'show', 'switches', '--json', '--run-dir', stack.run_dir).stdout)[0]
    for word in (dpid['dpid'], dpid['dpid'].lstrip('0x'), lab.switch, '127.0.0.1', dpid['peer'], dpid['peer'][4:]):
        capture = Capture(stack, word, '-c', 2)
        pinged(lab, 3)
        assert capture.wait()[1][0] == 2, word
    for word in ('0xfe', '10.9.9.9', '127.0.0.10', 'ssl:127.0.0.1'):
        capture = Capture(stack, word)
        pinged(lab, 3)
        assert capture.end() == (b'', (0, 0)), word


def test_a_stream_can_be_dissected_while_it_grows(lab, stack):
    """As for `... -w - | wireshark -k -i -`."""
    capture = Capture(stack, '-w', '-')
    shark = subprocess.Popen(['tshark', '-n', '-l', '-i', '-', '-Y', EITHER], stdin=capture.popen.stdout,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=die_with_parent)
    try:
        capture.popen.stdout.close()
        pinged(lab, 3)
        lines = [shark.stdout.readline() for _ in range(6)]
        assert any('PACKET_IN' in line for line in lines) and any('PACKET_OUT' in line for line in lines), lines
        assert capture.popen.poll() is None
    finally:
        shark.kill()
        shark.wait()
    wait_for(lambda: capture.popen.poll() is not None, 20, 'end of a capture that nobody reads')
    assert capture.popen.returncode == 0  # its reader went away; that is no failure
    capture.popen.stderr.close()


def test_the_longest_messages_are_dissected_over_ipv6_too(lab, make_own_stack, tmp_path):
    """A pretend switch, for Open vSwitch sends no echo of 64 KB; it is refused in the end."""
    port, file = lab_port(5), str(tmp_path / 'x.pcapng')
    stack = make_own_stack(flags={'ofproxy': ('--listen', 'tcp:%d:[::1]' % port)}).start('ofproxy')
    wait_for(lambda: 'listening' in stack.children['ofproxy'].text(), 10, 'listener')
    capture, same = Capture(stack, '-w', file), Capture(stack, '::1', '-c', 2)
    echo = struct.pack('>BBHI', 1, 2, 65535, 77) + bytes(65527)
    with socket.create_connection(('::1', port), 10) as s:
        s.sendall(struct.pack('>BBHI', 1, 0, 8, 1))
        for _ in range(3):
            s.sendall(echo)
        s.sendall(struct.pack('>BBHI', 1, 99, 8, 5))
        while s.recv(1 << 16):
            pass
    _, (messages, missed) = capture.end()
    assert same.wait()[1][0] == 2
    well_formed(file)
    rows = fields(file, 'openflow_1_0.type', 'openflow.length', 'ipv6.src', only='openflow_v1')
    longest = [(int(kind), src) for kind, length, src in rows if length == '65535']
    assert longest.count((2, '::1')) == 3 and longest.count((3, '100::1')) == 3, longest
    assert rows[-1][0] == '1' and messages == len(rows) + 1 and missed == 0, rows  # the ERROR; our HELLO is of 1.3


def test_it_is_off_unless_somebody_looks_and_after_a_kill(lab, stack):
    is_off(stack)
    before = mirror(stack)[1]
    pinged(lab, 3)
    assert mirror(stack)[1] == before
    # what is captured goes nowhere: a capture whose pipe nobody reads would wait, and ask no more
    first, second = Capture(stack, '-w', '/dev/null'), Capture(stack, '-w', '/dev/null')
    assert mirror(stack) == ('on', before + 1)
    first.popen.kill()
    first.popen.wait()
    end = time.monotonic() + LEASE + 1
    while time.monotonic() < end:  # the other one looks still
        lab.flows()
        assert mirror(stack) == ('on', before + 1)
    second.popen.kill()
    second.popen.wait()
    is_off(stack)
    assert mirror(stack)[1] == before + 2
    assert stack.all_alive()


def test_two_captures_see_the_same(lab, stack):
    captures = [Capture(stack, '--json') for _ in range(2)]
    pinged(lab, 5)
    seen = []
    for capture in captures:
        out, (_, missed) = capture.end()
        assert missed == 0
        seen.append([row for row in map(json.loads, out.splitlines()) if row['text'].startswith('packet_')])
    assert len(seen[0]) >= 12 and seen[0][-12:] == seen[1][-12:]


def test_a_reader_that_stands_still_loses_and_says_how_much(lab, stack, tmp_path):
    """Nothing is recorded for it then, and what passed is counted all the same."""
    is_off(stack)
    file = str(tmp_path / 'x.pcapng')
    capture = Capture(stack, '-w', file)
    before = stack.counters()['ofproxy']
    pinged(lab, 3)
    wait_for(lambda: os.path.getsize(file) > 1000, 10, 'messages in the file')
    capture.popen.send_signal(signal.SIGSTOP)
    is_off(stack)
    got = pinged(lab, 50)
    capture.popen.send_signal(signal.SIGCONT)
    wait_for(lambda: mirror(stack)[0] == 'on', 10, 'mirror that is on again')
    pinged(lab, 3)
    wait_for(lambda: fields(file, 'frame.comment', only='frame.comment contains "missed"'), 20, 'comment in the file')
    _, (messages, missed) = capture.end()
    after = stack.counters()['ofproxy']
    passed = sum(after[n] - before[n] for n in ('rx_messages', 'tx_messages'))
    assert missed >= 4 * got
    assert 0 <= passed - messages - missed <= 4, (passed, messages, missed)  # echoes, before and after
    well_formed(file)
    row, = fields(file, 'frame.comment', only='frame.comment contains "missed"')
    assert row[0] == '%d messages missed before this one' % missed


def test_a_reader_that_is_overrun_says_how_much_it_missed(make_own_stack):
    """The mirror goes round while it stands still, since another capture keeps it on."""
    stack = make_own_stack(of_port=lab_port(3), vns_port=lab_port(4)).start()
    steady = Steady(stack, rate=20000, window=200)
    steady.flows(1000, 20)

    def passed():
        of = stack.counters()['ofproxy']
        return of['rx_messages'] + of['tx_messages']
    first = passed()
    other, capture = Capture(stack, '-w', '/dev/null'), Capture(stack, '-w', '/dev/null')
    capture.popen.send_signal(signal.SIGSTOP)
    began = passed()
    steady.flows(40000, 60)  # 80,000 messages of 700 bytes and more: 8 MiB several times
    capture.popen.send_signal(signal.SIGCONT)
    steady.flows(1000, 20)
    ended = passed()
    for each in (capture, other):
        _, (messages, missed) = each.end()
        assert ended - began <= messages + missed <= passed() - first
        assert missed > 20000 or each is other
    steady.stop()
    assert stack.all_alive()
