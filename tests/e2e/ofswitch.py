# tests/e2e/ofswitch.py - a pretend OpenFlow 1.0 switch with three hosts, for load that no host here can make.
#
# It sends frames by the hundred in one write, keeps a window of them on the way, counts what comes
# back, and answers the router's ARP requests for its hosts.
import socket
import struct
import threading
import time

from harness import HOSTS, ROUTER_MAC, ROUTERS, wait_for

HELLO, ECHO_REQUEST, ECHO_REPLY, FEATURES_REQUEST, FEATURES_REPLY = 0, 2, 3, 5, 6
GET_CONFIG_REQUEST, GET_CONFIG_REPLY, PACKET_IN, PACKET_OUT = 7, 8, 10, 13
STATS_REQUEST, STATS_REPLY, BARRIER_REQUEST, BARRIER_REPLY = 16, 17, 18, 19
PORTS = {name: number + 1 for number, name in enumerate(HOSTS)}


def mac(text):
    return bytes.fromhex(text.replace(':', ''))


def host_mac(host):
    return bytes((2, 0xca, 0x57, 0, 0, PORTS[host]))  # as in the lab, so that neighbours stay true


def checksum(data):
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def udp_frame(a, b, length):
    """A frame of 'length' bytes from host a to host b, by way of the router."""
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, length - 14, 0, 0, 64, 17, 0, socket.inet_aton(HOSTS[a]),
                     socket.inet_aton(HOSTS[b]))
    ip = ip[:10] + struct.pack('>H', checksum(ip)) + ip[12:]
    udp = struct.pack('>HHHH', 4000, 4000, length - 34, 0)
    return mac(ROUTER_MAC[a]) + host_mac(a) + b'\x08\0' + ip + udp + b'u' * (length - 42)


def statistics(request):
    """Of a request's body (1.0), the reply's: a description, and no flows, plain ones or Nicira's."""
    kind, = struct.unpack_from('>H', request)
    return struct.pack('>HH1056s', 0, 0, b'pretend') if kind == 0 else request[:16 if kind == 0xffff else 4]


class Switch:
    def __init__(self, port, dpid=0x5e):
        self.sock = socket.create_connection(('127.0.0.1', port), 5)
        self.sock.settimeout(None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.dpid, self.bytes_in, self.asked = dpid, 0, set()
        self.ready = False
        self.lock = threading.Lock()
        self.send(HELLO)
        threading.Thread(target=self.read, daemon=True).start()

    def send(self, kind, body=b'', xid=0):
        with self.lock:
            self.sock.sendall(struct.pack('>BBHI', 1, kind, 8 + len(body), xid) + body)

    def packet_in(self, host, frame):
        """The message, to be sent by itself or with many others."""
        return struct.pack('>BBHIIHHBx', 1, PACKET_IN, 18 + len(frame), 0, 0xffffffff, len(frame), PORTS[host],
                           0) + frame

    def read(self):
        data = b''
        while True:
            try:
                more = self.sock.recv(1 << 20)
            except OSError:
                return
            if not more:
                return
            self.bytes_in += len(more)
            if self.ready:
                continue  # under load only the bytes are counted
            data += more
            while len(data) >= 8:
                _version, kind, length, xid = struct.unpack_from('>BBHI', data)
                if len(data) < length:
                    break
                try:
                    self.answer(kind, data[8:length], xid)
                except OSError:
                    return  # closed meanwhile
                data = data[length:]

    def answer(self, kind, body, xid):
        if kind == FEATURES_REQUEST:
            ports = b''.join(struct.pack('>H6s16s6I', n, mac(ROUTER_MAC[h]), b'ct9-eth%d' % n, 0, 0, 0x80, 0, 0, 0)
                             for h, n in PORTS.items())
            self.send(FEATURES_REPLY, struct.pack('>QIB3xII', self.dpid, 0, 1, 0, 0xfff) + ports, xid)
        elif kind == GET_CONFIG_REQUEST:
            self.send(GET_CONFIG_REPLY, struct.pack('>HH', 0, 65535), xid)
        elif kind == STATS_REQUEST:
            self.send(STATS_REPLY, statistics(body), xid)
        elif kind == BARRIER_REQUEST:
            self.send(BARRIER_REPLY, b'', xid)
        elif kind == ECHO_REQUEST:
            self.send(ECHO_REPLY, body, xid)
        elif kind == PACKET_OUT:
            actions, = struct.unpack_from('>H', body, 6)
            self.arp(body[8 + actions:])

    def arp(self, frame):
        for host, address in HOSTS.items():
            if frame[12:14] == b'\x08\x06' and frame[20:22] == b'\0\1' and frame[38:42] == socket.inet_aton(address):
                reply = frame[6:12] + host_mac(host) + frame[12:20] + b'\0\2' + host_mac(host) + frame[38:42] + \
                    frame[22:32]
                with self.lock:
                    self.sock.sendall(self.packet_in(host, reply))
                self.asked.add(host)

    def load(self, a, b, frames, length=98, burst=100, window=1500):
        """Sends that many frames from a to b and waits until all have come back.  Returns seconds."""
        back = length + 24  # PACKET_OUT with one action
        one = self.packet_in(a, udp_frame(a, b, length))

        def warm():
            with self.lock:
                self.sock.sendall(one)
            return b in self.asked
        wait_for(warm, 5, "ARP request for the pretend switch's host")
        wait_for(self.quiet, 5, 'silence')
        self.ready = True
        start, begun = self.bytes_in, time.monotonic()
        for sent in range(0, frames, burst):
            while sent - (self.bytes_in - start) // back > window:
                time.sleep(0)
            self.sock.sendall(one * burst)
        wait_for(lambda: (self.bytes_in - start) // back >= frames, 10, 'all %d frames (%d came back)' % (
            frames, (self.bytes_in - start) // back))
        took = time.monotonic() - begun
        self.ready = False
        return took

    def quiet(self):
        before = self.bytes_in
        time.sleep(0.2)
        return self.bytes_in == before

    def close(self):
        self.sock.close()
