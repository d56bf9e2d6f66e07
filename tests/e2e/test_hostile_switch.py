# A switch that says what no switch should, to ofproxy in the whole stack: each case is named (the ERROR that it
# is sent, and a line in the log), and harms nobody: a second, honest switch pings through the stack all the
# while, and loses nothing.
import os
import socket
import struct

import pytest
from harness import OF_PORT, run, verdicts_add_up, wait_for
from peer import ECHO_REQUEST, ERROR, FEATURES_REPLY, HELLO, MIRRORS, Honest, Peer, message, port_bytes

RECONNECTS = int(os.environ.get('CAUSEWAY_RECONNECTS', 2000))
EVIL = 0xbad
BAD_REQUEST, BAD_VERSION, BAD_TYPE, BAD_VENDOR, EPERM, BAD_LEN = 1, 0, 1, 3, 5, 6
VERSIONS = [1, 4]


@pytest.fixture
def world(make_own_stack):
    """A stack of one test, since ofproxy's log has so many lines for switches and no more."""
    stack = make_own_stack(of_port=OF_PORT + 11).start()  # the lab's switch looks for a controller on OF_PORT
    honest = None

    def listens():
        nonlocal honest
        try:
            honest = Honest(stack.of_port)
        except OSError:
            return False
        return True
    wait_for(listens, 20, 'ofproxy that listens')
    honest.start()
    yield stack, honest
    honest.end()
    verdicts_add_up(stack)
    assert stack.all_alive()
    stack.end()


@pytest.fixture(params=VERSIONS, ids=['1.0', '1.3'])
def evil(request, world):
    """Makes peers in a version; afterwards the honest switch is looked at, and every account."""
    stack, honest = world
    made, lines = [], len(stack.children['ofproxy'].text())

    class Evil:
        version = request.param

        @staticmethod
        def peer(ready=True, hello=None, dpid=EVIL):
            made.append(Peer(stack.of_port, request.param, dpid, hello))
            return made[-1].handshake() if ready else made[-1]

        @staticmethod
        def logged(words, seconds=20):
            wait_for(lambda: words in stack.children['ofproxy'].text()[lines:], seconds,
                     'line with "%s" in: %s' % (words, stack.children['ofproxy'].text()[lines:]))
    Evil.stack, Evil.honest = stack, honest
    try:
        yield Evil
    finally:
        for peer in made:
            peer.close()
    honest.pings_on()
    verdicts_add_up(stack)
    assert stack.all_alive()


def test_a_length_below_a_header_is_named(evil):
    for length in range(8):
        peer = evil.peer()
        peer.raw(message(evil.version, ECHO_REQUEST, length=length))
        assert peer.error() == (BAD_REQUEST, BAD_LEN), length
        assert peer.ends()
    evil.logged('its length is 7, less than a header')


def test_a_message_that_is_cut_by_the_end_is_named(evil):
    peer = evil.peer()
    peer.raw(message(evil.version, ECHO_REQUEST, b'cut', length=100))
    peer.sock.shutdown(socket.SHUT_WR)
    assert peer.ends()
    evil.logged('the switch closed it in the middle of a message')


def test_a_length_that_wrapped_ends_the_connection_and_nothing_is_guessed(evil):
    """Open vSwitch's issue 371: a PACKET_IN of more than 64 KB, whose length has 16 bits."""
    peer = evil.peer()
    body = struct.pack('>IHHBx', 0xffffffff, 70000 & 0xffff, 7, 0) if evil.version == 1 else struct.pack(
        '>IHBBQHHIIxxxxxx', 0xffffffff, 70000 & 0xffff, 0, 0, 0, 1, 12, 0x80000004, 7)
    peer.raw(message(evil.version, 10, body + b'U' * 70000, length=(8 + len(body) + 70000) & 0xffff))
    assert peer.error() == (BAD_REQUEST, BAD_VERSION)
    assert peer.ends()
    evil.logged('switch refused')


def test_the_longest_message_is_answered(evil):
    peer = evil.peer()
    assert peer.echo(b'x' * 65527)
    assert peer.echo()


def test_a_byte_a_segment_is_a_switch_like_any_other(evil):
    hello = message(evil.version, HELLO)
    peer = evil.peer(ready=False, hello=hello[:1])
    whole, peer.raw = peer.raw, lambda data: [peer.sock.sendall(data[i:i + 1]) for i in range(len(data))]
    peer.raw(hello[1:])
    peer.handshake()
    peer.raw = whole
    assert peer.echo()


def rss_kb(stack):
    with open('/proc/%d/status' % stack.pid('ofproxy'), encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('RssAnon'))


def test_statistics_that_never_end_are_bounded(evil):
    peer = evil.peer()
    more = struct.pack('>HH', 1, 1) + (b'' if evil.version == 1 else bytes(4))
    part = message(evil.version, MIRRORS[evil.version]['stats'] + 1, more, 0x99)
    before = rss_kb(evil.stack)
    for _ in range(100):
        peer.raw(part * 1000)
        evil.honest.pings_on(1)
    assert peer.echo() or peer.closed
    assert rss_kb(evil.stack) - before < 2048


def test_an_unknown_type_is_named(evil):
    for kind in (60, 99, 255):
        peer = evil.peer()
        peer.send(kind, b'what')
        assert peer.error() == (BAD_REQUEST, BAD_TYPE), kind
        assert peer.ends()
    evil.logged('switch refused')


def test_what_only_a_controller_says_is_named(evil):
    peer = evil.peer()
    peer.send(14, bytes(64))
    assert peer.error() == (BAD_REQUEST, BAD_TYPE)
    assert peer.ends()
    evil.logged('switch refused')


def test_an_unknown_vendor_is_told_so_and_stays(evil):
    peer = evil.peer()
    peer.send(4, struct.pack('>II', 0x00abcdef, 1))
    assert peer.error() == (BAD_REQUEST, BAD_VENDOR)
    assert peer.echo()


def test_unknown_statistics_and_errors_are_looked_over(evil):
    peer = evil.peer()
    gap = b'' if evil.version == 1 else bytes(4)
    peer.send(MIRRORS[evil.version]['stats'] + 1, struct.pack('>HH', 0x7777, 0) + gap + b'whatever', 5)
    peer.send(MIRRORS[evil.version]['stats'] + 1, struct.pack('>HH', 0xffff, 0) + gap + b'\0\xab\xcd\xefmore', 5)
    peer.send(ERROR, struct.pack('>HH', 77, 99) + b'about what?', 5)
    assert peer.echo()
    evil.logged('type="unknown type of error" code="unknown code" numbers=77/99')


def test_numbers_that_are_used_twice_and_replies_that_nobody_asked_for_do_no_harm(evil):
    peer = evil.peer()
    barrier = next(xid for kind, xid, _ in peer.seen if kind == MIRRORS[evil.version]['barrier'])
    for xid in (barrier, barrier, 0, 0xffffffff):
        peer.send(MIRRORS[evil.version]['barrier'] + 1, b'', xid)
        peer.send(3, b'an answer', xid)
        peer.send(8, struct.pack('>HH', 0, 65535), xid)
        peer.send(MIRRORS[evil.version]['stats'] + 1, peer_stats(evil.version), xid)
    assert peer.echo()


def peer_stats(version):
    return struct.pack('>HH', 2, 0) + (b'' if version == 1 else bytes(4)) + struct.pack('>QQI4x', 1, 2, 3)


def test_port_status_of_ports_that_are_not_there_is_named(evil):
    peer = evil.peer()
    peer.send(12, struct.pack('>B7x', 1) + port_bytes(evil.version, 1234, b'ghost'))
    evil.logged('port status ignored dpid=0x%016x' % EVIL)
    evil.logged('port=1234 cause="no such port"')
    reserved = (0, 0xfff8, 0xfffd, 0xfffe, 0xffff) if evil.version == 1 else (
        0, 0xfffffff8, 0xfffffffd, 0xfffffffe, 0xffffffff)
    for number in reserved:
        for reason in (0, 1, 2, 9):
            peer.send(12, struct.pack('>B7x', reason) + port_bytes(evil.version, number, b'reserved'))
    assert peer.echo()
    shown = run(os.path.join(os.environ.get('CAUSEWAY_BIN', 'build/bin'), 'causeway'), 'show', 'switches', '--json',
                '--run-dir', evil.stack.run_dir).stdout
    assert 'reserved' not in shown and 'ghost' not in shown, shown


def test_hello_in_mid_session_is_named(evil):
    peer = evil.peer()
    peer.send(HELLO)
    assert peer.error() == (BAD_REQUEST, BAD_TYPE)
    assert peer.ends()
    evil.logged('a second HELLO')


def hello(header, *versions, length=None):
    bitmap = struct.pack('>HHI', 1, 8 if length is None else length, sum(1 << v for v in versions)) if versions else b''
    return message(header, HELLO, bitmap)


def test_a_hello_with_a_bitmap_counts_by_its_bitmap(evil):
    assert evil.peer(hello=hello(6, 1, 4, 6) if evil.version == 4 else hello(6, 1, 6)).echo()


@pytest.mark.parametrize('said,cause', [
    (hello(6, 5, 6), 'no version in common'), (hello(0), 'no version in common'),
    (hello(4, 4, length=3), 'an element that is cut'), (hello(4, 4, length=200), 'an element that is cut')],
    ids=['bitmap', 'zero', 'short', 'cut'])
def test_a_hello_that_agrees_on_nothing_is_named(evil, said, cause):
    peer = evil.peer(ready=False, hello=said)
    assert peer.error() == (0, 0)
    assert peer.ends()
    evil.logged(cause)


def test_what_comes_before_hello_is_named(evil):
    peer = evil.peer(ready=False, hello=message(evil.version, ECHO_REQUEST, b'hi'))
    assert peer.error() == (BAD_REQUEST, BAD_TYPE)
    assert peer.ends()
    evil.logged('its first message is not HELLO')


def test_another_that_has_an_honest_datapath_id_is_named(evil):
    peer = evil.peer(ready=False, dpid=evil.honest.dpid)
    assert peer.error() == (BAD_REQUEST, EPERM)
    assert peer.ends()
    evil.logged('datapath-id 0x%016x is connected already' % evil.honest.dpid)


def test_a_datapath_id_that_changes_is_named(evil):
    peer = evil.peer()
    peer.send(FEATURES_REPLY, struct.pack('>QIBB2xII', EVIL + 1, 0, 1, 0, 0, 0))
    assert peer.error() == (BAD_REQUEST, EPERM)
    assert peer.ends()
    evil.logged('its datapath-id changed on a live connection')


# PACKET_INs whose lengths do not fit: too short for their fields; a match longer than the message, or shorter
# than its own header.
PACKET_IN_13 = struct.pack('>IHBBQ', 0xffffffff, 14, 0, 0, 0)
CUT = {1: [bytes(6), bytes(9)],
       4: [bytes(6), PACKET_IN_13 + struct.pack('>HH', 1, 200) + bytes(22),
           PACKET_IN_13 + struct.pack('>HH', 1, 3) + bytes(22)]}


def test_a_packet_in_that_is_cut_is_named(evil):
    for body in CUT[evil.version]:
        peer = evil.peer()
        peer.send(10, body)
        assert peer.error() == (BAD_REQUEST, BAD_LEN), body
        assert peer.ends()
    evil.logged('packet_in of 14 bytes')


# Of kinds that nobody knows: a field of a match before the port, an action, an instruction; and a PACKET_IN
# whose only field is longer than its match, so that it came by no port: its frame is dropped.
ACTION = struct.pack('>HH4x', 0x7777, 8)
UNKNOWN = {
    1: [(17, struct.pack('>HH', 1, 0) + struct.pack('>HBx40xIIHHH6xQQQ', 96, 0, 1, 2, 3, 4, 5, 6, 7, 8) + ACTION)],
    4: [(10, PACKET_IN_13 + struct.pack('>HHIIII', 1, 20, 0x77770004, 1, 0x80000004, 7) + bytes(4 + 2 + 14)),
        (10, PACKET_IN_13 + struct.pack('>HHII4x', 1, 12, 0x800000ff, 7) + bytes(2 + 14)),
        (11, struct.pack('>QHBBIIHHQQ', 1, 2, 77, 3, 4, 5, 6, 7, 8, 9) + struct.pack('>HHII4x', 1, 12, 0x77770004, 1)),
        (19, struct.pack('>HH4x', 1, 0) + struct.pack('>HBxIIHHHH4xQQQ', 80, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9) +
         struct.pack('>HH4x', 1, 4) + struct.pack('>HH4x', 4, 16) + ACTION + struct.pack('>HH4x', 0x7777, 8))],
}


def test_what_is_unknown_within_a_message_is_looked_over(evil):
    peer = evil.peer()
    for kind, body in UNKNOWN[evil.version]:
        peer.send(kind, body, 5)
        assert peer.echo(), kind


def test_a_storm_of_echoes_is_answered_and_starves_nobody(evil):
    peer = evil.peer()
    burst = b''.join(message(evil.version, ECHO_REQUEST, b'storm', n) for n in range(500))
    for _ in range(100):
        peer.raw(burst)
        for _ in range(500):
            m = peer.next()
            assert m is not None and m[0] == 3 or m[0] == 2, m
    evil.honest.pings_on(20)


def test_thousands_of_connections_leave_nothing_behind(evil):
    pid = evil.stack.pid('ofproxy')

    def descriptors():
        return len(os.listdir('/proc/%d/fd' % pid))

    def one(i):
        peer = evil.peer(ready=i % 4 != 0, hello=None if i % 8 else b'')
        peer.raw((b'', message(evil.version, ECHO_REQUEST, length=3), message(evil.version, 99), b'\1')[i % 4])
        peer.close()
    for i in range(100):
        one(i)
    fds, rss = descriptors(), rss_kb(evil.stack)
    for i in range(RECONNECTS):
        one(i)
    evil.honest.pings_on()
    wait_for(lambda: descriptors() <= fds, 30, 'as few descriptors as before: %d, now %d' % (fds, descriptors()))
    assert rss_kb(evil.stack) - rss < 1024
