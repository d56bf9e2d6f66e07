# tests/e2e/vswitch.py - an Open vSwitch of one test: database, daemon, dummy datapath; and a pretend
# ovsdb-server, for what a real one cannot be made to do.
import json
import os
import signal
import socket
import threading

from harness import Child, run, tmpfs_dir, wait_for

SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema'
NOBODY_ID = 65534


class Vswitch:
    """ofproxy finds the database at self.remote; its user in the sandbox may connect there."""

    def __init__(self, clustered=False, joins=None):
        self.dir = tmpfs_dir('ovs')
        os.chmod(self.dir, 0o711)
        self.server, self.switch = None, None
        self.env = dict(os.environ, OVS_RUNDIR=self.dir, OVS_LOGDIR=self.dir, OVS_DBDIR=self.dir)
        self.socket = self.dir + '/db.sock'
        self.remote = 'unix:' + self.socket
        self.raft = 'unix:%s/raft' % self.dir
        if joins:
            words = ['join-cluster', self.dir + '/conf.db', 'Open_vSwitch', self.raft, joins.raft]
        elif clustered:
            words = ['create-cluster', self.dir + '/conf.db', SCHEMA, self.raft]
        else:
            words = ['create', self.dir + '/conf.db', SCHEMA]
        run('ovsdb-tool', *words)

    def start_server(self, *flags, open_to_us=True):
        self.server = Child('ovsdb-server', ['ovsdb-server', self.dir + '/conf.db', '--remote=p' + self.remote,
                                             '--unixctl=%s/server.ctl' % self.dir, '-vconsole:info', *flags],
                            self.dir + '/server.log', env=self.env)
        wait_for(lambda: self.vsctl('init', check=False).returncode == 0, 20, 'answer of ovsdb-server')
        if open_to_us:
            os.chown(self.socket, NOBODY_ID, NOBODY_ID)
        return self

    def kill_server(self, sig=signal.SIGKILL):
        self.server.end(sig)

    def start_switch(self):
        self.switch = Child('ovs-vswitchd', ['ovs-vswitchd', self.remote, '--enable-dummy', '-vconsole:warn',
                                             '--unixctl=%s/switch.ctl' % self.dir],
                            self.dir + '/switch.log', env=self.env)
        wait_for(lambda: os.path.exists(self.dir + '/switch.ctl'), 20, 'ovs-vswitchd')
        return self

    def vsctl(self, *words, check=True, wait=False):
        flags = ['--timeout=20', '--no-leader-only'] + ([] if wait else ['--no-wait'])
        return run('ovs-vsctl', '--db=' + self.remote, *flags, *words, env=self.env, check=check)

    def get(self, *words):
        return self.vsctl('--if-exists', 'get', *words).stdout.strip()

    def leads(self):
        """Is it, of its cluster, the server whose word counts?"""
        return self.server.alive() and 'Role: leader' in self.appctl('server', 'cluster/status', 'Open_vSwitch')

    def appctl(self, who, *words):
        return run('ovs-appctl', '-t', '%s/%s.ctl' % (self.dir, who), *words, env=self.env).stdout

    def bridges(self):
        return self.vsctl('list-br').stdout.split()

    def close(self):
        for child in (self.switch, self.server):
            if child and child.alive():
                child.popen.kill()
                child.popen.wait(10)
        run('rm', '-rf', self.dir)


class Pretender:
    """An ovsdb-server as small as can be: 'answer' maps a method to what becomes of a request."""

    def __init__(self):
        self.dir = tmpfs_dir('pretender')
        os.chmod(self.dir, 0o711)
        self.remote = 'unix:%s/db.sock' % self.dir
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.dir + '/db.sock')
        os.chmod(self.dir + '/db.sock', 0o666)
        self.listener.listen()
        self.connections, self.asked, self.unknown = 0, [], set()
        self.first_words, self.mute = b'', False
        with open(SCHEMA, encoding='utf-8') as f:
            self.schema = json.load(f)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def answer(self, request):
        if request['method'] in self.unknown:
            return None, 'unknown method'
        rows = {'Open_vSwitch': {'11111111-1111-1111-1111-111111111111': {'initial': {}}}}
        return {'list_dbs': ['Open_vSwitch'], 'get_schema': self.schema, 'echo': [], 'set_db_change_aware': {},
                'monitor_cond_since': [False, '00000000-0000-0000-0000-000000000000', rows], 'monitor_cond': rows,
                'monitor': {t: {u: {'new': c['initial']} for u, c in r.items()} for t, r in rows.items()},
                'transact': []}[request['method']], None

    def serve(self, peer):
        decoder, text = json.JSONDecoder(), ''
        try:
            peer.sendall(self.first_words)
            while True:
                piece = peer.recv(65536)
                if not piece:
                    return
                text += piece.decode()
                while text:
                    try:
                        message, end = decoder.raw_decode(text)
                    except ValueError:
                        break
                    text = text[end:]
                    self.asked.append(message)
                    if 'method' in message and not self.mute:
                        result, error = self.answer(message)
                        peer.sendall(json.dumps({'id': message['id'], 'result': result, 'error': error}).encode())
        except OSError:
            pass
        finally:
            peer.close()

    def methods(self):
        return [m.get('method') for m in list(self.asked)]

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        run('rm', '-rf', self.dir)
