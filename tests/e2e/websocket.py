# tests/e2e/websocket.py - a WebSocket to webterm: RFC 6455 as far as it takes, so that a test may also read slowly, or not at all.
import base64
import contextlib
import json
import os
import socket
import struct
import time


class Closed(ConnectionError):
    pass


class WebSocket:
    """'closed' is the code and the reason of the close frame, once it has come."""

    def __init__(self, port, path, protocol, headers='', receive=None):
        self.buffer, self.closed = bytearray(), None
        self.socket = socket.socket()
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.settimeout(30)
        self.socket.connect(('127.0.0.1', port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(('GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
                             'Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\n%s\r\n' % (
                                 path, port, base64.b64encode(os.urandom(16)).decode(), protocol, headers)).encode())
        deadline = time.monotonic() + 30
        while b'\r\n\r\n' not in self.buffer:
            self.fill(deadline)
        head, _, rest = bytes(self.buffer).partition(b'\r\n\r\n')
        self.buffer = bytearray(rest)
        assert head.startswith(b'HTTP/1.1 101'), head

    def fill(self, deadline):
        self.socket.settimeout(max(0.0005, deadline - time.monotonic()))
        more = self.socket.recv(1 << 18)
        if not more:
            raise Closed('webterm hung up: %s' % (self.closed,))
        self.buffer += more

    def send(self, opcode, payload):
        n = len(payload)
        head = struct.pack('>BB', 0x80 | opcode, 0x80 | n) if n < 126 else struct.pack(
            '>BBH', 0x80 | opcode, 0x80 | 126, n) if n < 65536 else struct.pack('>BBQ', 0x80 | opcode, 0x80 | 127, n)
        self.socket.sendall(head + bytes(4) + payload)  # a mask of zeros is one

    def say(self, **words):
        self.send(1, json.dumps(words).encode())

    def frame(self, deadline):
        """One frame: (opcode, payload).  A ping is answered, a close noted, before they are handed on."""
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
                    break
            self.fill(deadline)
        if opcode == 9:
            self.send(10, payload)
        elif opcode == 8:
            self.closed = struct.unpack_from('>H', payload)[0], payload[2:].decode()
        return opcode, payload

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
