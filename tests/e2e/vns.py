# tests/e2e/vns.py - a VNS client that does as told, byte by byte; for what no router would do.
import hashlib
import select
import socket
import struct
import time

OPEN, CLOSE, PACKET, BANNER, HWINFO, RTABLE = 1, 2, 4, 8, 16, 32
OPEN_TEMPLATE, AUTH_REQUEST, AUTH_REPLY, AUTH_STATUS = 64, 128, 256, 512


class Client:
    def __init__(self, port, vhost='vrhost', key=b'0123456789abcdef' * 4, user=b'tester', opened=True, sock=None):
        self.sock = sock or socket.create_connection(('127.0.0.1', port), 5)
        self.buffer = b''
        self.interfaces = {}
        if opened:
            self.authenticate(key, user)
            self.send(OPEN, struct.pack('>HH32s32s32s', 0, 0, vhost.encode(), user, b''))

    def authenticate(self, key, user):
        salt = self.expect(AUTH_REQUEST)
        digest = hashlib.sha1(salt + key).digest()
        self.send(AUTH_REPLY, struct.pack('>I', len(user)) + user + digest)
        assert self.expect(AUTH_STATUS)[0] == 1, 'authentication refused'

    def send(self, kind, body):
        self.sock.sendall(struct.pack('>II', len(body) + 8, kind) + body)

    def send_frame(self, interface, frame):
        self.send(PACKET, struct.pack('16s', interface.encode()) + frame)

    def receive(self, seconds=3):
        """The next message as (type, body), or None: nothing in time.  (None, b''): end of file."""
        deadline = time.monotonic() + seconds
        while True:
            if len(self.buffer) >= 8:
                length, kind = struct.unpack_from('>II', self.buffer)
                if len(self.buffer) >= length:
                    body, self.buffer = self.buffer[8:length], self.buffer[length:]
                    return kind, body
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                return None
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b''
            if not data:
                return None, b''
            self.buffer += data

    def expect(self, kind, seconds=3):
        """The next message must be of this kind; returns its body."""
        got = self.receive(seconds)
        assert got and got[0] == kind, 'expected VNS message %d, got %r' % (kind, got)
        return got[1]

    def hardware(self, seconds=3):
        """Waits for HWINFO.  Returns {interface: {key: value}}."""
        body = self.expect(HWINFO, seconds)
        assert len(body) % 36 == 0
        for at in range(0, len(body), 36):
            key, value = struct.unpack_from('>I32s', body, at)
            if key == 1:
                name = value.rstrip(b'\0').decode()
                self.interfaces[name] = {}
            else:
                self.interfaces[name][key] = value
        return self.interfaces

    def mac(self, interface):
        return self.interfaces[interface][32][:6]

    def ip(self, interface):
        return socket.inet_ntoa(self.interfaces[interface][64][:4])

    def frame(self, seconds=3):
        """The next frame as (interface, bytes); other messages are an error."""
        body = self.expect(PACKET, seconds)
        return body[:16].rstrip(b'\0').decode(), body[16:]

    def frames(self, seconds):
        """All frames within 'seconds'."""
        deadline, found = time.monotonic() + seconds, []
        while time.monotonic() < deadline:
            got = self.receive(deadline - time.monotonic())
            if got and got[0] == PACKET:
                found.append((got[1][:16].rstrip(b'\0').decode(), got[1][16:]))
            elif got and got[0] is None:
                break
        return found

    def answer_arp(self, interface, frame):
        """Replies to an ARP request with the interface's MAC."""
        assert frame[12:14] == b'\x08\x06'
        asked, asker = frame[38:42], frame[22:32]
        mac = self.mac(interface)
        self.send_frame(interface, frame[6:12] + mac + b'\x08\x06' + frame[14:20] + b'\0\x02' + mac + asked + asker)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
