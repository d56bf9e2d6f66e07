# tests/e2e/crowd.py - many pretend switches in one thread, and switches with bad manners.
import contextlib
import selectors
import socket
import struct
import time

from ofswitch import (BARRIER_REPLY, BARRIER_REQUEST, ECHO_REPLY, ECHO_REQUEST, FEATURES_REPLY, FEATURES_REQUEST,
                      GET_CONFIG_REPLY, GET_CONFIG_REQUEST, HELLO, PACKET_IN, PACKET_OUT, STATS_REPLY, STATS_REQUEST,
                      statistics)


def message(kind, body=b'', xid=0):
    return struct.pack('>BBHI', 1, kind, 8 + len(body), xid) + body


def features(dpid):
    port = struct.pack('>H6s16s6I', 1, b'\2\0\0\0\0\1', b'p%d' % dpid, 0, 0, 0x80, 0, 0, 0)
    return struct.pack('>QIB3xII', dpid, 0, 1, 0, 0xfff) + port


def frame(size):
    """Of the class "to forward", which has the largest share."""
    return (b'\2\0\0\0\0\1\2\0\0\0\0\2\x08\0' + struct.pack('>BBHHHBBH4s4s', 0x45, 0, size - 14, 0, 0, 64, 17, 0,
                                                            b'\x0a\7\0\1', b'\x0a\7\0\2')).ljust(size, b'u')


def packet_in(data):
    return message(PACKET_IN, struct.pack('>IHHBx', 0xffffffff, len(data), 1, 0) + data)


class Member:
    """A switch of one port; 'handle' gives it what arrived, 'out' is what it has yet to send."""

    def __init__(self, port, dpid, address='127.0.0.1', sock=None):
        self.dpid, self.data, self.out = dpid, b'', message(HELLO)
        self.ready = self.closed = False
        self.frames = self.echoes = self.errors = 0
        self.sock = sock or socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect_ex((address, port))

    def handle(self, data):
        self.data += data
        while len(self.data) >= 8:
            _version, kind, length, xid = struct.unpack_from('>BBHI', self.data)
            if len(self.data) < length:
                break
            self.answer(kind, self.data[8:length], xid)
            self.data = self.data[length:]

    def answer(self, kind, body, xid):
        if kind == FEATURES_REQUEST:
            self.out += message(FEATURES_REPLY, features(self.dpid), xid)
        elif kind == GET_CONFIG_REQUEST:
            self.out += message(GET_CONFIG_REPLY, struct.pack('>HH', 0, 65535), xid)
        elif kind == STATS_REQUEST:
            self.out += message(STATS_REPLY, statistics(body), xid)
        elif kind == BARRIER_REQUEST:
            self.out += message(BARRIER_REPLY, b'', xid)
            self.ready = True
        elif kind == ECHO_REQUEST:
            self.out += message(ECHO_REPLY, body, xid)
        elif kind == ECHO_REPLY:
            self.echoes += 1
        elif kind == PACKET_OUT:
            self.frames += 1
        elif kind == 1:
            self.errors += 1

    def send_frame(self, size=64):
        self.out += packet_in(frame(size))


class Crowd:
    """Turns its members until a condition holds."""

    def __init__(self, members=()):
        self.members = []
        self.selector = selectors.DefaultSelector()
        self.add(*members)

    def add(self, *members):
        for m in members:
            self.members.append(m)
            self.selector.register(m.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, m)

    def turn(self, seconds=0.01):
        for key, events in self.selector.select(seconds):
            m = key.data
            try:
                if events & selectors.EVENT_READ:
                    self.read(m)
                if m.out and not m.closed:
                    m.out = m.out[m.sock.send(m.out):]
            except BlockingIOError:
                pass
            except OSError:
                self.lose(m)
        for m in self.members:
            if not m.closed:
                self.selector.modify(m.sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if m.out else 0), m)

    def read(self, m):
        data = m.sock.recv(1 << 16)
        if data:
            m.handle(data)
        else:
            self.lose(m)

    def lose(self, m):
        self.selector.unregister(m.sock)
        m.sock.close()
        m.closed, m.ready = True, False

    def until(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, 'after %g s still no %s' % (seconds, what)
            self.turn()

    def close(self):
        for m in self.members:
            with contextlib.suppress(OSError):
                m.sock.close()
        self.selector.close()
