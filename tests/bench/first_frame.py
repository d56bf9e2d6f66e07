# tests/bench/first_frame.py - a switch that waits for its controller: it tries to connect each millisecond, and then asks
# by frames, one each millisecond, whether they are routed.
#
#     link = FirstFrame(port)      nobody needs to listen yet
#     seconds = link.wait(20)      from then to the first frame that came back
import contextlib
import socket
import struct
import time

HELLO, ECHO_REQUEST, ECHO_REPLY, FEATURES_REQUEST, FEATURES_REPLY = 0, 2, 3, 5, 6
GET_CONFIG_REQUEST, GET_CONFIG_REPLY, PACKET_IN, PACKET_OUT = 7, 8, 10, 13
STATS_REQUEST, STATS_REPLY, BARRIER_REQUEST, BARRIER_REPLY = 16, 17, 18, 19
EVERY = 0.001


def port_mac(number):
    return bytes((2, 0xca, 0xbe, 1, 0, number))


def host_mac(number):
    return bytes((2, 0xee, 0xbe, 1, 0, number))


def checksum(data):
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def frame():
    """64 bytes from the client (10.0.1.100, port 3) to server1 (192.168.2.2, port 1)."""
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 50, 0, 0, 64, 17, 0, bytes((10, 0, 1, 100)), bytes((192, 168, 2, 2)))
    ip = ip[:10] + struct.pack('>H', checksum(ip)) + ip[12:]
    return port_mac(3) + host_mac(3) + b'\x08\0' + ip + struct.pack('>HHHH', 9, 9, 30, 0) + bytes(22)


class FirstFrame:
    def __init__(self, port, any_answer=False):
        """'any_answer': a frame that is sent back as it came is enough."""
        self.port, self.any_answer, self.sock, self.have = port, any_answer, None, b''
        self.ready, self.routed = False, False

    def send(self, kind, body=b'', xid=0):
        self.sock.sendall(struct.pack('>BBHI', 1, kind, 8 + len(body), xid) + body)

    def packet_in(self, port, data):
        self.send(PACKET_IN, struct.pack('>IHHBx', 0xffffffff, len(data), port, 0) + data)

    def features(self):
        ports = b''.join(struct.pack('>H6s16s6I', n, port_mac(n), b'first-eth%d' % n, 0, 0, 0, 0, 0, 0)
                         for n in (1, 2, 3))
        return struct.pack('>QIB3xII', 0xbe0101, 0, 1, 0, 0) + ports

    def packet_out(self, body):
        length, = struct.unpack_from('>H', body, 6)
        port, = struct.unpack_from('>H', body, 12) if length >= 8 else (0,)
        data = body[8 + length:]
        if data[12:14] == b'\x08\x06' and data[20:22] == b'\0\1':  # ARP: whoever it asks for answers
            self.packet_in(port, data[6:12] + host_mac(port) + b'\x08\x06' + data[14:20] + b'\0\2' + host_mac(port) +
                           data[38:42] + data[22:32])
        elif data[12:14] == b'\x08\0' and (self.any_answer or port == 1):
            self.routed = True

    def message(self, kind, xid, body):
        if kind == FEATURES_REQUEST:
            self.send(FEATURES_REPLY, self.features(), xid)
            self.ready = self.any_answer
        elif kind == STATS_REQUEST:
            what, = struct.unpack_from('>H', body)
            self.send(STATS_REPLY, bytes(1060) if what == 0 else body[:16 if what == 0xffff else 4], xid)
        elif kind == BARRIER_REQUEST:
            self.send(BARRIER_REPLY, b'', xid)
            self.ready = True
        elif kind == GET_CONFIG_REQUEST:
            self.send(GET_CONFIG_REPLY, b'\0\0\xff\xff', xid)
        elif kind == ECHO_REQUEST:
            self.send(ECHO_REPLY, body, xid)
        elif kind == PACKET_OUT:
            self.packet_out(body)

    def take(self):
        with contextlib.suppress(socket.timeout):
            data = self.sock.recv(65536)
            if not data:
                raise SystemExit('first_frame: the connection was closed')
            self.have += data
        while len(self.have) >= 8:
            _version, kind, length, xid = struct.unpack_from('>BBHI', self.have)
            if len(self.have) < length:
                break
            body, self.have = self.have[8:length], self.have[length:]
            self.message(kind, xid, body)

    def wait(self, seconds):
        start, asked = time.monotonic(), 0.0
        while not self.routed:
            now = time.monotonic()
            if now - start > seconds:
                raise SystemExit('first_frame: nothing was routed within %g s' % seconds)
            if not self.sock:
                try:
                    self.sock = socket.create_connection(('127.0.0.1', self.port))
                except OSError:
                    time.sleep(EVERY)
                    continue
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.sock.settimeout(EVERY)
                self.send(HELLO)
            if self.ready and now - asked >= EVERY:
                asked = now
                self.packet_in(3, frame())
            self.take()
        return time.monotonic() - start

    def close(self):
        if self.sock:
            self.sock.close()
