# tests/e2e/openflow.py - sources of real OpenFlow bytes: ovs-ofctl against a stub, and a switch of Open
# vSwitch of its own with a relay before it that writes down both directions.
import contextlib
import os
import re
import shutil
import socket
import struct
import sys
import threading

from harness import REPO, run, tmpfs_dir, wait_for

sys.path.insert(0, os.path.join(REPO, 'lab'))
from ovs import Ovs  # noqa: E402

VERSIONS = {1: 'OpenFlow10', 4: 'OpenFlow13'}
HELLO, ECHO_REQUEST, VENDOR, FEATURES_REQUEST, FLOW_MOD = 0, 2, 4, 5, 14
STATS = {1: 16, 4: 18}
BARRIER = {1: 18, 4: 20}
TABLE_FEATURES = 12


def messages(stream):
    """The whole messages at the front of a stream, and what is left of it."""
    found = []
    while len(stream) >= 8 and len(stream) >= struct.unpack('!H', stream[2:4])[0] >= 8:
        n = struct.unpack('!H', stream[2:4])[0]
        found.append(stream[:n])
        stream = stream[n:]
    return found, stream


def quietly(socket_):
    with contextlib.suppress(OSError):
        socket_.shutdown(socket.SHUT_RDWR)
    socket_.close()


class Server:
    """Accepts on a port of the kernel's choice; serve() runs in a thread for each connection."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.open = [self.listener]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                peer = self.listener.accept()[0]
                self.open.append(peer)
                threading.Thread(target=self.serve_quietly, args=(peer,), daemon=True).start()

    def serve_quietly(self, peer):
        with contextlib.suppress(OSError):
            self.serve(peer)

    def serve(self, peer):
        raise NotImplementedError

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for each in self.open:
            quietly(each)


class Stub(Server):
    """As much of a switch as ovs-ofctl needs to send its flows; 'got' has what was sent."""

    def __init__(self, version):
        self.version, self.got = version, []
        super().__init__()

    def serve(self, peer):
        left = b''
        peer.sendall(struct.pack('!BBHI', self.version, HELLO, 8, 1))
        while True:
            data = peer.recv(65536)
            if not data:
                return
            found, left = messages(left + data)
            for message in found:
                self.got.append(message)
                answer = self.answer(message)
                if answer:
                    peer.sendall(answer)

    def reply(self, type_, message, body=b''):
        return struct.pack('!BBH', self.version, type_, 8 + len(body)) + message[4:8] + body

    def answer(self, message):
        kind = message[1]
        if kind == ECHO_REQUEST:
            return self.reply(kind + 1, message, message[8:])
        if kind == FEATURES_REQUEST:
            return self.reply(kind + 1, message, struct.pack('!QIBB2xII', 1, 0, 254, 0, 0, 0))
        if kind == BARRIER[self.version]:
            return self.reply(kind + 1, message)
        if kind == STATS[self.version]:
            body = message[8:12] if self.version == 1 else message[8:10] + b'\0' * 6
            if self.version == 4 and message[9] == TABLE_FEATURES:  # ovs-ofctl wants properties
                body += struct.pack('!HB61x', 128, 0)
                body += b''.join(struct.pack('!HHI', prop, 4, 0) for prop in (0, 2, 4, 6, 8, 10, 12, 14))
            return self.reply(kind + 1, message, body)
        return None


def ofctl_sends(version, flows):
    """The flow_mods that `ovs-ofctl add-flows` makes of some lines."""
    folder = tmpfs_dir('flows')
    try:
        with open(folder + '/flows', 'w', encoding='ascii') as f:
            f.write('\n'.join(flows) + '\n')
        with Stub(version) as stub:
            run('ovs-ofctl', '-O', VERSIONS[version], 'add-flows', 'tcp:127.0.0.1:%d' % stub.port, folder + '/flows',
                timeout=60)
            nicira = bytes.fromhex('000023200000000d')
            return [m for m in stub.got if m[1] == FLOW_MOD or (m[1] == VENDOR and m[8:16] == nicira)]
    finally:
        shutil.rmtree(folder)


def ofp_print(message, verbosity=0):
    """What ovs-ofctl says of a message, after its name and xid; its mistakes are only in the text."""
    words = ['ovs-ofctl', '-vconsole:off', 'ofp-print', message.hex()] + ([str(verbosity)] if verbosity else [])
    text = run(*words).stdout
    return re.sub(r'^\w+( \w+)?( \(OF1\.\d\))? \(xid=0x[0-9a-f]+\):', '', text).strip()


class Relay(Server):
    """Between a switch and whoever talks to it; writes down every byte of both directions."""

    def __init__(self, connect):
        self.connect, self.streams, self.lock = connect, [], threading.Lock()
        super().__init__()

    def serve(self, peer):
        other = socket.socket(socket.AF_UNIX if isinstance(self.connect, str) else socket.AF_INET)
        other.connect(self.connect)
        self.open.append(other)
        up = threading.Thread(target=self.serve_one, args=(other, peer), daemon=True)
        up.start()
        self.serve_one(peer, other)
        up.join()

    def serve_one(self, a, b):
        stream = bytearray()
        with self.lock:
            self.streams.append(stream)
        with contextlib.suppress(OSError):
            while True:
                data = a.recv(65536)
                if not data:
                    break
                stream += data
                b.sendall(data)
        with contextlib.suppress(OSError):
            b.shutdown(socket.SHUT_WR)

    def messages(self):
        with self.lock:
            return [m for stream in self.streams for m in messages(bytes(stream))[0]]


class Switch:
    """An ovs-vswitchd of its own, with dummy interfaces: it needs no rights and no kernel."""

    def __init__(self):
        self.dir = tmpfs_dir('ovs')
        self.ovs = Ovs(self.dir, 'decode')
        self.ovs.start_database()
        self.ovs.run('ovs-vswitchd', self.ovs.db, '--enable-dummy=override', '--disable-system', '--detach', '--no-chdir',
                     '--pidfile', '--log-file', '-vconsole:emer', '-vsyslog:off', why='cannot start ovs-vswitchd')
        self.ovs.vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=dummy', 'fail-mode=secure',
                       'protocols=OpenFlow10,OpenFlow13,OpenFlow15', 'other-config:datapath-id=00000000000000ab',
                       '--', 'add-port', 'br0', 'p1', '--', 'set', 'interface', 'p1', 'type=dummy', 'ofport_request=1',
                       '--', 'add-port', 'br0', 'p2', '--', 'set', 'interface', 'p2', 'type=dummy', 'ofport_request=2')

    @property
    def socket(self):
        return self.dir + '/br0.mgmt'

    def ofctl(self, version, relay, *words, check=True):
        command = ['ovs-ofctl', '-O', VERSIONS[version], words[0], 'tcp:127.0.0.1:%d' % relay.port, *words[1:]]
        return run(*command, timeout=60, check=check, env=self.ovs.env).stdout

    def receive(self, port, frame):
        """A frame comes in by a dummy interface."""
        self.ovs.run('ovs-appctl', '-t', 'ovs-vswitchd', 'netdev-dummy/receive', port, frame, why='no frame')

    def end(self):
        for name in ('ovs-vswitchd', 'ovsdb-server'):
            with contextlib.suppress(OSError, ValueError):
                with open('%s/%s.pid' % (self.dir, name), encoding='ascii') as f:
                    pid = int(f.read())
                os.kill(pid, 15)
                wait_for(lambda pid=pid: not os.path.exists('/proc/%d' % pid), 20, 'end of %s' % name)
        shutil.rmtree(self.dir)
