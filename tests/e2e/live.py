# tests/e2e/live.py - a client of /ws/live: RFC 6455 as far as it takes, so that a test may also read slowly, or not at all.
import base64
import contextlib
import json
import os
import socket
import struct
import time


class Live:
    """A WebSocket of webterm's; its messages are JSON objects."""

    def __init__(self, port, *topics, path='/ws/live', protocol='causeway.live', receive=None, **settings):
        self.socket = socket.socket()
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.settimeout(30)
        self.socket.connect(('127.0.0.1', port))
        self.buffer, self.closed = b'', None
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(('GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
                             'Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\n\r\n'
                             % (path, port, key, protocol)).encode())
        while b'\r\n\r\n' not in self.buffer:
            self.fill(time.monotonic() + 30)
        head, self.buffer = self.buffer.split(b'\r\n\r\n', 1)
        assert head.startswith(b'HTTP/1.1 101'), head
        if topics:
            self.say(subscribe=list(topics), **settings)

    def fill(self, deadline):
        self.socket.settimeout(max(0.001, deadline - time.monotonic()))
        more = self.socket.recv(1 << 16)
        if not more:
            raise ConnectionError('closed by webterm: %s' % (self.closed,))
        self.buffer += more

    def send(self, opcode, payload):
        head = struct.pack('>BB', 0x80 | opcode, 0x80 | len(payload)) if len(payload) < 126 else struct.pack(
            '>BBH', 0x80 | opcode, 0x80 | 126, len(payload))
        self.socket.sendall(head + bytes(4) + payload)  # a mask of zeros is one

    def say(self, **words):
        self.send(1, json.dumps(words).encode())

    def frame(self, deadline):
        """One frame: (opcode, payload)."""
        while True:
            if len(self.buffer) >= 2:
                size, at = self.buffer[1] & 127, 2
                if size == 126 and len(self.buffer) >= 4:
                    size, at = struct.unpack_from('>H', self.buffer, 2)[0], 4
                elif size == 127 and len(self.buffer) >= 10:
                    size, at = struct.unpack_from('>Q', self.buffer, 2)[0], 10
                elif size >= 126:
                    size = None
                if size is not None and len(self.buffer) >= at + size:
                    opcode, payload = self.buffer[0] & 15, self.buffer[at:at + size]
                    self.buffer = self.buffer[at + size:]
                    return opcode, payload
            self.fill(deadline)

    def next(self, seconds=30):
        """The next message, or None when none comes in time."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                opcode, payload = self.frame(deadline)
            except socket.timeout:
                return None
            if opcode == 9:
                self.send(10, payload)
            elif opcode == 8:
                self.closed = struct.unpack_from('>H', payload)[0], payload[2:].decode()
            else:
                return json.loads(payload)

    def until(self, wanted, seconds=30, what='message'):
        """The first message that 'wanted' takes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            message = self.next(deadline - time.monotonic())
            if message is not None and wanted(message):
                return message
        raise AssertionError('after %g s still no %s' % (seconds, what))

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
