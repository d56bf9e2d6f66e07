# tests/e2e/webtty.py - a client of /ws/terminal that counts every byte: RFC 6455 as far as it takes.
import base64
import contextlib
import json
import os
import socket
import struct
import time

ACK = 65536


class Closed(Exception):
    pass


class WebTty:
    """A page's part of docs/web-protocol.md.

        tty = WebTty(port); tty.until(b'$ '); tty.type(b'echo hi\\r'); tty.until(b'hi')

    'out' is what came since the last hello or gap, and begins at offset 'base'; that offsets have no gap and no
    overlap is checked with each frame."""

    def __init__(self, port, session=0, name='test', epoch=None, at=None, keep=True, receive=None, attach=True, acks=True, headers=''):
        self.keep, self.acks = keep, acks
        self.out, self.base, self.at, self.acked = bytearray(), at, at, at or 0
        self.epoch, self.said, self.gaps, self.hello, self.state, self.closed = epoch, [], [], None, {}, None
        self.found = 0
        self.buffer = bytearray()
        self.socket = socket.socket()
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.settimeout(30)
        self.socket.connect(('127.0.0.1', port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(('GET /ws/terminal?session=%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\n'
                             'Upgrade: websocket\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n'
                             'Sec-WebSocket-Protocol: causeway.terminal\r\n%s\r\n' %
                             (session, port, base64.b64encode(os.urandom(16)).decode(), headers)).encode())
        while b'\r\n\r\n' not in self.buffer:
            self.fill(30)
        head, _, rest = bytes(self.buffer).partition(b'\r\n\r\n')
        self.buffer = bytearray(rest)
        assert head.startswith(b'HTTP/1.1 101'), head
        if attach:
            self.say('attach', epoch=epoch, **{'from': at}, name=name)

    # ---- frames

    def fill(self, seconds):
        self.socket.settimeout(max(0.0005, seconds))
        more = self.socket.recv(1 << 18)
        if not more:
            raise Closed('webterm hung up: %s' % (self.closed,))
        self.buffer += more

    def send(self, opcode, payload):
        n = len(payload)
        head = struct.pack('>BB', 0x80 | opcode, 0x80 | n) if n < 126 else struct.pack(
            '>BBH', 0x80 | opcode, 0x80 | 126, n) if n < 65536 else struct.pack('>BBQ', 0x80 | opcode, 0x80 | 127, n)
        self.socket.sendall(head + bytes(4) + payload)  # a mask of zeros is one

    def say(self, kind, **words):
        self.send(1, json.dumps(dict(words, type=kind)).encode())

    def type(self, data):
        self.send(2, data)

    def frame(self, deadline):
        while True:
            have = len(self.buffer)
            if have >= 2:
                size, at = self.buffer[1] & 127, 2
                if size == 126:
                    size, at = (struct.unpack_from('>H', self.buffer, 2)[0], 4) if have >= 4 else (1 << 62, 4)
                elif size == 127:
                    size, at = (struct.unpack_from('>Q', self.buffer, 2)[0], 10) if have >= 10 else (1 << 62, 10)
                if have >= at + size:
                    opcode, payload = self.buffer[0] & 15, bytes(memoryview(self.buffer)[at:at + size])
                    del self.buffer[:at + size]
                    return opcode, payload
            self.fill(deadline - time.monotonic())

    # ---- what they mean

    def restart(self, at):
        self.out, self.base, self.at, self.acked, self.found = bytearray(), at, at, at, 0

    def take_text(self, m):
        self.said.append(m)
        if m['type'] == 'hello':
            self.hello = m
            if m['epoch'] != self.epoch:
                self.epoch = m['epoch']
                self.restart(m['start'])
        elif m['type'] == 'gap':
            assert m['from'] == self.at, (m, self.at)
            self.gaps.append((m['from'], m['to']))
            self.restart(m['to'])
        elif m['type'] == 'state':
            self.state = m

    def take_bytes(self, payload):
        offset = struct.unpack_from('>Q', payload)[0]
        assert offset == self.at, 'output at %d, expected %s' % (offset, self.at)
        self.at += len(payload) - 8
        if self.keep:
            self.out += payload[8:]
        if self.acks and self.at - self.acked >= ACK:
            self.ack()

    def ack(self):
        self.acked = self.at
        self.say('ack', offset=self.at)

    def turn(self, seconds=30):
        """Takes one frame; False: none came."""
        try:
            opcode, payload = self.frame(time.monotonic() + seconds)
        except (socket.timeout, TimeoutError):
            return False
        if opcode == 2:
            self.take_bytes(payload)
        elif opcode == 1:
            self.take_text(json.loads(payload))
        elif opcode == 9:
            self.send(10, payload)
        elif opcode == 8:
            self.closed = struct.unpack_from('>H', payload)[0], payload[2:].decode()
            raise Closed(self.closed)
        return True

    def until(self, pattern, seconds=30):
        """Waits for bytes that follow those of the last until.  Returns what came up to them."""
        deadline = time.monotonic() + seconds
        look = self.found
        while True:
            found = self.out.find(pattern, max(self.found, min(look, len(self.out)) - len(pattern)))
            look = len(self.out)
            if found >= 0:
                said = bytes(self.out[self.found:found + len(pattern)])
                self.found = found + len(pattern)
                return said
            left = deadline - time.monotonic()
            assert left > 0, 'after %g s no %r in %r' % (seconds, pattern, bytes(self.out[-2000:]))
            self.turn(left)

    def await_text(self, wanted, seconds=30, what='such frame'):
        """The first JSON frame, of those not looked at yet, that 'wanted' takes."""
        deadline = time.monotonic() + seconds
        while True:
            while self.said:
                m = self.said.pop(0)
                if wanted(m):
                    return m
            left = deadline - time.monotonic()
            assert left > 0, 'after %g s no %s' % (seconds, what)
            self.turn(left)

    def drives(self):
        """Waits until this client has the keyboard."""
        while not self.state.get('driver'):
            assert self.turn(), 'no state came'
        return self

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
