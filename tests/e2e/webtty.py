# tests/e2e/webtty.py - a client of /ws/terminal that counts every byte.
import contextlib
import json
import socket
import struct
import time

from websocket import Closed, WebSocket

ACK = 65536


class WebTty(WebSocket):
    """A page's part of docs/web-protocol.md.

        tty = WebTty(port); tty.until(b'$ '); tty.type(b'echo hi\\r'); tty.until(b'hi')

    'out' is what came since the last hello or gap, and begins at offset 'base'; that offsets have no gap and no
    overlap is checked with each frame."""

    def __init__(self, port, session=0, name='test', epoch=None, at=None, keep=True, receive=None, attach=True, acks=True, headers=''):
        self.keep, self.acks = keep, acks
        self.out, self.base, self.at, self.acked = bytearray(), at, at, at or 0
        self.epoch, self.said, self.gaps, self.hello, self.state = epoch, [], [], None, {}
        self.found = 0
        super().__init__(port, '/ws/terminal?session=%s' % session, 'causeway.terminal', headers, receive)
        if attach:
            self.say('attach', epoch=epoch, **{'from': at}, name=name)

    def say(self, kind, **words):
        super().say(**words, type=kind)

    def type(self, data):
        self.send(2, data)

    # ---- what frames mean

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
        elif opcode == 8:
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

    def drives(self, seconds=30):
        """Waits until this client has the keyboard."""
        deadline = time.monotonic() + seconds
        while not self.state.get('driver'):
            left = deadline - time.monotonic()
            assert left > 0, 'after %g s without the keyboard: %s' % (seconds, self.state)
            self.turn(left)
        return self

    def ends(self, seconds=30):
        """Waits until webterm closes.  Returns the code and the reason."""
        deadline = time.monotonic() + seconds
        with contextlib.suppress(Closed):
            while True:
                left = deadline - time.monotonic()
                assert left > 0, 'after %g s it is still there' % seconds
                self.turn(left)
        return self.closed
