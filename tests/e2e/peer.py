# tests/e2e/peer.py - a switch at the byte level: it says what a test wants it to, right or wrong.
import socket
import struct
import threading
import time

from harness import HOSTS, wait_for
from ofswitch import PACKET_OUT, Switch, udp_frame

HELLO, ERROR, ECHO_REQUEST, ECHO_REPLY, FEATURES_REQUEST, FEATURES_REPLY = 0, 1, 2, 3, 5, 6
MIRRORS = {1: {'barrier': 18, 'stats': 16}, 4: {'barrier': 20, 'stats': 18}}


def message(version, kind, body=b'', xid=0, length=None):
    return struct.pack('>BBHI', version, kind, 8 + len(body) if length is None else length, xid) + body


def port_bytes(version, number, name):
    if version == 1:
        return struct.pack('>H6s16s6I', number, b'\2\0\0\0\0\x99', name, 0, 0, 0, 0, 0, 0)
    return struct.pack('>I4x6s2x16s8I', number, b'\2\0\0\0\0\x99', name, 0, 0, 0, 0, 0, 0, 0, 0)


class Peer:
    """One connection.  What ofproxy sends is kept, message by message; handshake() answers it."""

    def __init__(self, port, version, dpid, hello=None):
        self.version, self.dpid, self.kept, self.seen, self.closed = version, dpid, b'', [], False
        self.sock = socket.create_connection(('127.0.0.1', port), 10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.raw(message(version, HELLO) if hello is None else hello)

    def raw(self, data):
        self.sock.sendall(data)

    def send(self, kind, body=b'', xid=0):
        self.raw(message(self.version, kind, body, xid))

    def next(self, seconds=20):
        """The next message: (type, xid, body); None at the end of the connection."""
        self.sock.settimeout(seconds)
        while len(self.kept) < 8 or len(self.kept) < int.from_bytes(self.kept[2:4], 'big'):
            try:
                more = self.sock.recv(1 << 18)
            except ConnectionError:
                more = b''
            if not more:
                self.closed = True
                return None
            self.kept += more
        _, kind, length, xid = struct.unpack_from('>BBHI', self.kept)
        body, self.kept = self.kept[8:length], self.kept[length:]
        self.seen.append((kind, xid, body))
        return self.seen[-1]

    def until(self, kind, xid=None):
        """Answers what is asked until a message of that kind comes; None: the connection ended before."""
        deadline = time.monotonic() + 30
        while True:
            assert time.monotonic() < deadline, 'in 30 s no message of type %d, but %s' % (kind, self.seen[-5:])
            m = self.next()
            if m is None or (m[0] == kind and xid in (None, m[1])):
                return m
            self.answer(*m)

    def answer(self, kind, xid, body):
        ask = MIRRORS[self.version]
        if kind == FEATURES_REQUEST:
            ports = port_bytes(1, 7, b'bad-eth7') if self.version == 1 else b''
            self.send(FEATURES_REPLY, struct.pack('>QIBB2xII', self.dpid, 0, 1, 0, 0, 0) + ports, xid)
        elif kind == 7:
            self.send(8, struct.pack('>HH', 0, 65535), xid)
        elif kind == ECHO_REQUEST:
            self.send(ECHO_REPLY, body, xid)
        elif kind == ask['barrier']:
            self.send(ask['barrier'] + 1, b'', xid)
        elif kind == ask['stats']:
            kind = int.from_bytes(body[:2], 'big')
            self.send(ask['stats'] + 1, body[:16] if kind == 0xffff else body[:4] + self.stats_reply(kind), xid)
        elif kind == 24 and self.version == 4:
            self.send(25, body, xid)

    def stats_reply(self, kind):
        gap = b'' if self.version == 1 else bytes(4)
        if kind == 0:
            return gap + struct.pack('>1056s', b'pretend')
        return gap + (port_bytes(4, 7, b'bad-eth7') if kind == 13 else b'')

    def handshake(self):
        """Up to the barrier, and until an echo is answered: it is a switch like any other now."""
        assert self.until(MIRRORS[self.version]['barrier']), self.seen
        self.answer(*self.seen[-1])
        assert self.echo(b'there?'), self.seen
        return self

    def echo(self, payload=b'still there?', xid=0x77777):
        """Is an ECHO_REQUEST answered with what it carried?"""
        self.send(ECHO_REQUEST, payload, xid)
        m = self.until(ECHO_REPLY, xid)
        return m is not None and m[2] == payload

    def error(self):
        """Type and code of the ERROR that it is sent, and then: is the connection closed?"""
        m = self.until(ERROR)
        if m is None:
            return None
        return struct.unpack_from('>HH', m[2])

    def ends(self):
        while self.next() is not None:
            pass
        return True

    def close(self):
        self.sock.close()


class Honest(Switch):
    """A switch with hosts that ping through the whole stack without a pause, and count."""

    def __init__(self, port):
        self.back, self.sent, self.stop, self.wrong = 0, 0, threading.Event(), None
        super().__init__(port, dpid=0x600d)

    def answer(self, kind, body, xid):
        if kind == PACKET_OUT and body[28:30] == b'\x08\0':  # after 8 of its own and one action: IP
            self.back += 1
        super().answer(kind, body, xid)

    def start(self):
        self.a, self.b = list(HOSTS)[:2]
        self.frame = self.packet_in(self.a, udp_frame(self.a, self.b, 98))

        def first():
            self.ping_one()  # some are lost until the router knows its interfaces and neighbours
            return self.back
        wait_for(first, 30, 'a frame that comes back')
        wait_for(self.quiet, 10, 'silence')
        self.back = self.sent = 0
        self.thread = threading.Thread(target=self.go_on, daemon=True)
        self.thread.start()
        return self

    def ping_one(self):
        self.sent += 1
        with self.lock:
            self.sock.sendall(self.frame)

    def go_on(self):
        try:
            while not self.stop.is_set():
                self.ping_one()
                wait_for(lambda: self.back >= self.sent, 10, 'ping %d' % self.sent)
        except (AssertionError, OSError) as e:
            self.wrong = e

    def pings_on(self, more=5):
        """Some more pings come back, and none was ever lost."""
        goal = self.back + more
        wait_for(lambda: self.back >= goal or self.wrong, 20, 'pings of the honest switch')
        assert not self.wrong, 'the honest switch was harmed: %s' % self.wrong

    def end(self):
        self.stop.set()
        self.thread.join(30)
        assert not self.wrong and self.back == self.sent, (self.wrong, self.back, self.sent)
        self.close()
