# lab/ovs.py - an Open vSwitch of the lab's own, beside any that the machine runs.
#
# Its database, sockets, PIDs and logs are in <run dir>/lab/ovs.  OVS_RUNDIR in the environment makes
# ovs-vsctl and ovs-ofctl, and so Mininet, talk to it.
import os
import socket
import subprocess
import time

from leavings import end, start_time
from topology import MARK

SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema'
# The userspace datapath makes one tap of this name for all its bridges, so two instances in one
# network namespace cannot both have it.
SHARED_TAP = 'ovs-netdev'


class OvsError(Exception):
    pass


class Ovs:
    def __init__(self, folder, mark):
        self.dir = folder
        self.db = 'unix:%s/db.sock' % folder
        self.env = dict(os.environ, OVS_RUNDIR=folder, OVS_LOGDIR=folder, OVS_DBDIR=folder, **{MARK: mark})

    def run(self, *command, why):
        done = subprocess.run(command, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, timeout=30)
        if done.returncode:
            said = ' '.join(done.stdout.split()) or 'exit status %d' % done.returncode
            raise OvsError('%s: %s' % (why, said))
        return done.stdout.strip()

    def vsctl(self, *words, timeout=10):
        return self.run('ovs-vsctl', '--db=' + self.db, '--timeout=%d' % timeout, *words,
                        why="the lab's Open vSwitch refused 'ovs-vsctl %s'" % ' '.join(words[:3]))

    def start_database(self, remote=None, owner=None):
        """'remote': where it listens besides, for ofproxy; a Unix socket is given to 'owner'."""
        os.makedirs(self.dir, mode=0o700, exist_ok=True)
        if not os.path.exists(SCHEMA):
            raise OvsError("Open vSwitch's database schema %s is missing: apt-get install openvswitch-switch"
                           % SCHEMA)
        self.run('ovsdb-tool', 'create', self.dir + '/conf.db', SCHEMA, why="cannot make the lab's OVS database")
        self.run('ovsdb-server', self.dir + '/conf.db', '--remote=punix:%s/db.sock' % self.dir, '--detach',
                 '--no-chdir', '--pidfile', '--log-file', '-vconsole:emer', '-vsyslog:off',
                 *(['--remote=' + remote] if remote else []),
                 why="cannot start the lab's ovsdb-server (its log is %s/ovsdb-server.log)" % self.dir)
        self.vsctl('--no-wait', 'init')
        if remote and remote.startswith('punix:'):
            os.chown(remote[len('punix:'):], *owner)  # its mode lets nobody else write, and so connect

    def switch_pid(self):
        """PID of the running ovs-vswitchd, or None."""
        try:
            with open(self.dir + '/ovs-vswitchd.pid', encoding='ascii') as f:
                pid = int(f.read())
            with open('/proc/%d/comm' % pid, encoding='ascii') as f:
                return pid if f.read().strip() == 'ovs-vswitchd' and start_time(pid) else None
        except (OSError, ValueError):
            return None

    def datapath_type(self):
        """Kept in the database, so that a restarted switch is what it was."""
        try:
            return self.vsctl('get', 'Open_vSwitch', '.', 'external_ids:datapath').strip('"')
        except OvsError:
            kind = 'netdev' if self.claim_tap() else 'dummy'
            self.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', 'external_ids:datapath=' + kind)
            return kind

    def claim_tap(self):
        """May this process have the shared tap made?  Another lab that is just beginning, and has none yet, is
        known by the address of a socket, of which the kernel has one in each network namespace."""
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            claim.bind('\0causeway-lab-' + SHARED_TAP)
        except OSError:
            claim.close()
            return False
        self.claim = claim  # as long as the lab
        return not os.path.exists('/sys/class/net/' + SHARED_TAP)

    def start_switch(self):
        """The datapath and its OpenFlow end.  'dummy' is the same userspace datapath without the
        shared tap; OVS wants to be asked for it by a flag."""
        if self.switch_pid():
            return
        words = ['ovs-vswitchd', self.db, '--detach', '--no-chdir', '--pidfile', '--log-file',
                 '-vconsole:emer', '-vsyslog:off']
        if self.datapath_type() == 'dummy':
            words.append('--enable-dummy')
        self.run(*words, why="cannot start the lab's ovs-vswitchd (its log is %s/ovs-vswitchd.log)" % self.dir)

    def stop_switch(self):
        pid = self.switch_pid()
        if pid:
            end([pid], 3.0)

    def set_tls(self, files):
        """Private key, certificate, and the certificate of the controller's CA."""
        self.vsctl('set-ssl', *files)

    def set_controller(self, bridge, target, *flags):
        if target == 'none':
            return  # whoever wants to control it connects to its BRIDGE.mgmt
        self.vsctl(*flags, 'set-controller', bridge, target, '--', 'set', 'controller', bridge,
                   'max_backoff=1000', 'inactivity_probe=5000', 'connection_mode=out-of-band')

    def await_bridge(self, bridge, advice):
        """ofproxy makes it."""
        deadline = time.monotonic() + 60
        while bridge not in self.vsctl('list-br').split():
            if time.monotonic() > deadline:
                raise OvsError('after 60 s nobody has made the bridge %s: %s' % (bridge, advice))
            time.sleep(0.05)

    def fit_bridge(self, bridge, dpid, datapath_type, ports):
        """What the lab adds to a bridge that ofproxy made: {name: number} of ports, and who it is."""
        words = ['set', 'bridge', bridge, 'datapath_type=' + datapath_type, 'other-config:datapath-id=' + dpid]
        for port, number in ports.items():
            words += ['--', '--may-exist', 'add-port', bridge, port, '--', 'set', 'Interface', port,
                      'ofport_request=%d' % number]
        self.vsctl(*words, timeout=20)

    def check_ports(self, ports):
        """OVS says in the database, not by an exit status, that it could not take an interface."""
        deadline = time.monotonic() + 15
        for port in ports:
            while True:
                ofport = self.vsctl('get', 'Interface', port, 'ofport')
                if ofport not in ('[]', '-1'):
                    break
                if time.monotonic() > deadline:
                    why = self.vsctl('get', 'Interface', port, 'error')
                    raise OvsError('Open vSwitch did not take the port %s: %s (its log is %s/ovs-vswitchd.log)'
                                   % (port, why, self.dir))
                time.sleep(0.02)

    def connected(self, bridge):
        """Has the switch a connection to its controller?  The database says so up to five seconds
        late, so the process's own sockets are looked at."""
        pid = self.switch_pid()
        if not pid:
            return False
        try:
            target = self.vsctl('get-controller', bridge) or 'unix:%s/%s.mgmt' % (self.dir, bridge)
        except (OvsError, subprocess.TimeoutExpired):
            return False
        kind, _, rest = target.partition(':')
        if kind.endswith('unix'):
            return bool(unix_sockets(rest, '03'))
        if kind in ('ptcp', 'pssl'):
            return established(pid, int(rest.partition(':')[0]), 1)
        return established(pid, int(rest.rpartition(':')[2]))


def sockets(pid, port, state, column):
    """Inodes of TCP sockets in the process's network namespace, by port (column 1 own, 2 peer's)."""
    inodes = set()
    for family in ('tcp', 'tcp6'):
        try:
            with open('/proc/%s/net/%s' % (pid, family), encoding='ascii') as f:
                rows = [line.split() for line in f.readlines()[1:]]
        except OSError:
            continue
        inodes |= {r[9] for r in rows if r[column].endswith(':%04X' % port) and r[3] == state}
    return inodes


def unix_sockets(path, state):
    """Inodes of Unix sockets bound to the path, by state: 01 listens, 03 is connected."""
    with open('/proc/net/unix', encoding='utf-8', errors='replace') as f:
        rows = [line.split(None, 7) for line in f.readlines()[1:]]
    return {r[6] for r in rows if len(r) == 8 and r[7].rstrip('\n') == path and r[5] == state}


def established(pid, port, column=2):
    """Has the process a TCP connection to that port (column 1: on it)?"""
    wanted = {'socket:[%s]' % inode for inode in sockets(pid, port, '01', column)}
    try:
        for fd in os.listdir('/proc/%d/fd' % pid) if wanted else []:
            if os.readlink('/proc/%d/fd/%s' % (pid, fd)) in wanted:
                return True
    except OSError:
        pass  # a descriptor that was closed meanwhile: look again next time
    return False


class Matchmaker:
    """Brings the switch and a controller that has just started together at once.

    Open vSwitch 3.1 takes no notice of max_backoff here: after each refused connection it waits twice
    as long, up to eight seconds.  A controller that is set anew is tried at once, so that is done
    when a new listener shows up while the switch has no connection: once for each listener, and
    without a connection of our own, which the controller would have to wonder about.

    Another controller stands in its place for a moment, one that is nowhere: a switch that loses its
    only controller throws all its flows away."""

    SECONDS = 0.1  # between two looks

    def __init__(self, ovs, bridge, target, find_target, role_file):
        """'find_target' gives the target anew, for its name may have another address by now;
        'role_file' is ofproxy's, where it shares our run directory from another container."""
        self.ovs, self.bridge, self.target = ovs, bridge, target
        self.find_target, self.role_file = find_target, role_file
        kind, _, rest = target.partition(':')
        self.port = int(rest.rpartition(':')[2]) if kind in ('tcp', 'ssl') else 0
        self.path = rest if kind == 'unix' else None
        self.local = rest.startswith(('127.', '[::1]'))  # else its listener cannot be seen
        self.asked = None
        self.alone_since = None

    def look(self):
        pid, now = self.ovs.switch_pid(), time.monotonic()
        if not pid or self.is_connected(pid):
            self.alone_since = None
            return
        self.alone_since = self.alone_since or now
        listeners = (pid, self.listeners(pid, now))
        if listeners[1] and listeners != self.asked and now - self.alone_since > 0.05:
            self.asked = listeners
            self.introduce()

    def is_connected(self, pid):
        if self.path:
            return bool(unix_sockets(self.path, '03'))
        return not self.port or established(pid, self.port)

    def listeners(self, pid, now):
        if self.path:
            return unix_sockets(self.path, '01')
        return sockets(pid, self.port, '0A', 1) if self.local else self.role() or now // 2

    def role(self):
        """What ofproxy last said of itself: other words for each start."""
        try:
            with open(self.role_file, 'rb') as f:
                return f.read()
        except OSError:
            return None

    def introduce(self):
        self.target = self.find_target() or self.target
        try:
            self.ovs.vsctl('set-controller', self.bridge, 'unix:%s/nobody' % self.ovs.dir, timeout=2)
            # seen by the switch when it returns
        except OvsError:
            pass  # the switch has died, or is being stopped
        try:
            self.ovs.set_controller(self.bridge, self.target, '--no-wait')
        except (OvsError, subprocess.TimeoutExpired) as e:
            print('lab: cannot set the controller again: %s' % e, flush=True)
