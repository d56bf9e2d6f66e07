# tests/oracle/live.py - a real ovs-vswitchd with a relay before it that keeps every message.
import os
import socket
import subprocess
import sys
import threading
import time

from oracles import REPO

sys.path.insert(0, os.path.join(REPO, 'lab'))
from ovs import Ovs  # noqa: E402


def wait_for(condition, what, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, 'after %g s still no %s' % (seconds, what)
        time.sleep(0.02)


class Relay:
    """Listens on a Unix socket, connects each peer to another, and cuts what passes into messages."""

    def __init__(self, path, target):
        self.path, self.target, self.seen, self.lock = path, target, [], threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(16)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                down, _ = self.listener.accept()
            except OSError:
                return
            up = socket.socket(socket.AF_UNIX)
            up.connect(self.target)
            for a, b, who in ((down, up, 'ovs-ofctl'), (up, down, 'ovs-vswitchd')):
                threading.Thread(target=self.pump, args=(a, b, who), daemon=True).start()

    def pump(self, a, b, who):
        kept = b''
        try:
            while data := a.recv(1 << 16):
                b.sendall(data)
                kept += data
                while len(kept) >= 8 and len(kept) >= int.from_bytes(kept[2:4], 'big') >= 8:
                    length = int.from_bytes(kept[2:4], 'big')
                    with self.lock:
                        self.seen.append((who, kept[:length]))
                    kept = kept[length:]
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def messages(self):
        with self.lock:
            return list(self.seen)


class Switch:
    """Open vSwitch on its dummy datapath, in a folder of its own: no right is needed, no name is taken."""

    def __init__(self, folder):
        self.ovs = Ovs(str(folder), 'causeway-oracle')
        self.ovs.start_database()
        self.ovs.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', 'external_ids:datapath=dummy')
        self.ovs.start_switch()
        self.ovs.vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=dummy', 'fail-mode=secure',
                       'protocols=OpenFlow10,OpenFlow13', *[w for i in (1, 2, 3) for w in (
                           '--', 'add-port', 'br0', 'p%d' % i, '--', 'set', 'interface', 'p%d' % i, 'type=dummy',
                           'ofport_request=%d' % i)])
        self.relay = Relay(str(folder) + '/relay', str(folder) + '/br0.mgmt')

    def ofctl(self, version, *words, check=True):
        return subprocess.run(['ovs-ofctl', '-O', version, words[0], 'unix:' + self.relay.path, *words[1:]],
                              env=self.ovs.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=check)

    def appctl(self, *words):
        return self.ovs.run('ovs-appctl', '-t', 'ovs-vswitchd', *words, why='ovs-appctl')

    def close(self):
        self.relay.listener.close()
        self.ovs.stop_switch()
        with open(self.ovs.dir + '/ovsdb-server.pid', encoding='ascii') as f:
            os.kill(int(f.read()), 15)
