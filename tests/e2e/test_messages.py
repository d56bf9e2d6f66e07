# Every mistake that docs/messages.md lists gives the sentence that it gives there, and leaves nothing
# behind.  The page is the table of what to expect; this file knows how to make each mistake.
import contextlib
import glob
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest
from harness import BIN, LAB, NOBODY, REPO, SLOT, Child, run, tmpfs_dir, wait_for

PAGE = os.path.join(REPO, 'docs/messages.md')
THREE = ('ofproxy', 'vnsbridge', 'router')
FIVE = (*THREE, 'ptyhost', 'webterm')
SWITCH = 'ct%dm' % SLOT
CAUSEWAY = pytest.mark.skipif(not os.path.exists(BIN + '/causeway'), reason='causeway is not built')


def sections():
    """{(section, what is wrong): (sentence, exit status)} of the page."""
    found, section = {}, None
    with open(PAGE, encoding='utf-8') as page:
        for line in page:
            if line.startswith('## '):
                section = line[3:].split(':')[0].strip()
            cells = re.match(r'\| (.+?) \| `(.+)` \| ([12-]) \| .+ \|$', line)
            if cells and section:
                assert (section, cells[1]) not in found, 'twice in the page: ' + cells[1]
                found[section, cells[1]] = cells[2], cells[3]
    return found


PAGE_ROWS = sections()
CASES = []


def case(key, program, words='', /, *, under=None, files=None, env=None, prefix=(), make=None, **names):
    """A mistake: a program, its words, files to write and what else to make before.  '{dir}' is a
    folder of the test's own, '{run}' the run directory in it.  'names' are words of the sentence."""
    for name in (program,) if isinstance(program, str) else program:
        where = under or {'lab': 'lab/lab'}.get(name, name)
        CASES.append(pytest.param(
            {'section': where, 'key': key, 'program': name, 'words': words, 'files': files or {}, 'env': env or {},
             'prefix': prefix, 'make': make, 'names': names}, id='%s-%s' % (name, key.replace(' ', '_')),
            marks=[CAUSEWAY] if name == 'causeway' else []))


def matcher(sentence, names):
    """The page's sentence as a pattern; a placeholder that 'names' gives must be that."""
    parts = re.split(r'(<[^<>]+>)', sentence)
    return ''.join(re.escape(p) if i % 2 == 0 else
                   re.escape(names[p[1:-1]]) if p[1:-1] in names else '.+?' for i, p in enumerate(parts))


class Place:
    """The folder of one test, and what it started there."""

    def __init__(self):
        self.dir = tmpfs_dir('mistake')
        os.chmod(self.dir, 0o755)
        self.run = self.dir + '/run'
        self.known = {'dir': self.dir, 'run': self.run, 'switch': SWITCH}
        self.endings = []

    def fill(self, text):
        for name, value in self.known.items():
            text = text.replace('{%s}' % name, str(value))
        return text

    def write(self, name, text):
        with open('%s/%s' % (self.dir, name), 'w', encoding='utf-8') as f:
            f.write(self.fill(text))

    def start(self, name, *words):
        """A process of the stack, until it has its control socket."""
        child = Child(name, [BIN + '/' + name, '--run-dir', self.run] + [self.fill(w) for w in words],
                      '%s/%s.log' % (self.dir, name), env=self.environment())
        self.endings.append(child.end)
        wait_for(lambda: os.path.exists('%s/%s.sock' % (self.run, name)) or not child.alive(), 5, name)
        assert child.alive(), child.text()
        return child

    def environment(self, **more):
        env = {k: v for k, v in os.environ.items() if not k.startswith('CAUSEWAY_')}
        env.update(CAUSEWAY_CONFIG=self.dir + '/empty.conf', HOME=self.dir)
        return dict(env, **{k: self.fill(v) for k, v in more.items()})

    def close(self):
        for end in reversed(self.endings):
            end()
        run('rm', '-rf', self.dir)


@pytest.fixture()
def place():
    made = Place()
    made.write('empty.conf', '')
    yield made
    made.close()


def taken_port(p):
    """A TCP port on which somebody listens."""
    s = socket.socket()
    s.bind(('127.0.0.1', 0))
    s.listen()
    p.endings.append(s.close)
    p.known['port'] = s.getsockname()[1]


def free_port(p):
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        p.known['port'] = s.getsockname()[1]


def runs(name, *words):
    def make(p):
        p.known['pid'] = p.start(name, *words).pid
    return make


def without_switches(p):
    """An ofproxy that no switch has found yet."""
    free_port(p)
    child = p.start('ofproxy', '--listen', 'tcp:%d:127.0.0.1' % p.known['port'])
    wait_for(lambda: 'listening on=' in child.text(), 15, 'ofproxy')
    p.known['pid'] = child.pid


def run_dir(p):
    os.mkdir(p.run)


# ---- settings ------------------------------------------------------------------------------------

def setting(key, program, words='', /, **options):
    case(key, program, words, under='Settings', **options)


def in_file(key, text, program='router', /, **names):
    setting(key, program, '--config {dir}/my.conf', files={'my.conf': text}, file='{dir}/my.conf', **names)


setting('unknown flag', FIVE, '--frobnicate', flag='--frobnicate')
setting('unknown flag', 'router', '--max-switches 3', flag='--max-switches')
setting('a word that is no flag', FIVE, 'start', word='start')
setting('flag without its value', FIVE, '--run-dir', flag='--run-dir')
setting('flag without its value', 'router', '-s', flag='-s')
setting('number out of range, as a flag', FIVE, '--wait-window-us 10001', flag='--wait-window-us',
        key='wait-window-us', value='10001', low='0', high='10000')
setting('number out of range, as a flag', 'router', '-p 70000', flag='-p', value='70000')
setting('number out of range, as a flag', 'ofproxy', '--max-switches=12x', flag='--max-switches', value='12x')
setting('number out of range, in the environment', 'vnsbridge', env={'CAUSEWAY_VNSBRIDGE_MAX_CLIENTS': '0'},
        name='CAUSEWAY_VNSBRIDGE_MAX_CLIENTS', value='0', low='1')
in_file('number out of range, in the file', '[router]\nport = 0\n', line='2', key='port')
setting('none of the words there are', FIVE, '--wait fast', flag='--wait', words='auto, yield, poll or sleep')
setting('none of the words there are', 'router', '--log-format xml', words='text or json')
setting('none of the words there are', 'router', '--log-level loud', words='error, warn, info or debug')
in_file('none of the words, in the file', '[stack]\n\nwait = fast\n', line='3', value='fast')
setting('none of the words there are', FIVE, '--sandbox maybe', flag='--sandbox', words='yes or no')
setting('unknown user', THREE, '--run-as no.such.user', user='no.such.user')
setting('configuration file missing or unreadable', FIVE, '--config {dir}/none', file='{dir}/none',
        reason='No such file or directory')
setting('configuration file missing or unreadable', 'router', env={'CAUSEWAY_CONFIG': '{dir}'}, file='{dir}',
        reason='Is a directory')
in_file('unknown key', '[ofproxy]\nlisten = tcp:6653\nmax-swiches = 1\n', FIVE, line='3', key='max-swiches',
        section='ofproxy')
in_file('unknown section', '# mine\n[routers]\nport = 1\n', line='3', section='routers')
in_file('no section yet', 'port = 1\n', line='1')
in_file('neither a section nor a key', '[router]\nport\n', line='2')
in_file('line too long', '[router]\nrtable = %s\n' % ('x' * 5000), line='2')
in_file('unknown key of a virtual host', '[vhost red]\nport = 1\n', line='2', key='port', name='red')
in_file('bad name of a virtual host', '[vhost ]\nswitch = sw0\n')

# ---- the run directory ---------------------------------------------------------------------------


def folder(key, program, words='--run-dir {run}', /, **options):
    case(key, program, words, under='Run directory', **options)


def poked(name, change):
    """A file of the run directory as this build makes it, but for its header; nothing else."""
    def make(p):
        run_dir(p)
        header = bytearray(HEADERS[name])
        end = change(header) or LENGTHS[name]
        with open('%s/%s' % (p.run, name), 'wb') as f:
            f.write(header)
            f.truncate(end)
        os.chmod('%s/%s' % (p.run, name), 0o666)
    return make


def put(form, at, value):
    return lambda header: struct.pack_into(form, header, at, value)  # shm/file.h: struct file_header


HEADERS, LENGTHS = {}, {}
READ = 136  # the header, and of a ring's writer half its position too


@pytest.fixture(scope='module', autouse=True)
def headers(nothing_left):
    """The first bytes of each file that the three processes make."""
    p = Place()
    p.write('empty.conf', '')
    try:
        p.start('ofproxy', '--listen', 'tcp:%d:127.0.0.1' % unused())
        p.start('vnsbridge', '--listen', 'none')
        p.start('router')
        for path in glob.glob(p.run + '/*'):
            if os.path.isfile(path):
                with open(path, 'rb') as f:
                    HEADERS[os.path.basename(path)] = f.read(READ)
                    LENGTHS[os.path.basename(path)] = os.path.getsize(path)
    finally:
        p.close()


def unused():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


SANDBOXLESS = 'sandbox off'
LISTEN = {'ofproxy': ' --listen tcp:{port}:127.0.0.1', 'vnsbridge': ' --listen none', 'router': ''}

folder('its parent is missing', THREE, '--run-dir {dir}/none/run', dir='{dir}/none/run')
folder('it cannot be made', THREE, prefix=NOBODY, dir='{run}')
folder('it is no folder', THREE, '--run-dir {dir}/empty.conf', dir='{dir}/empty.conf')
folder('its name is too long', THREE, '--run-dir {dir}/' + 'x' * 100)
folder('no permission to write to it', THREE, prefix=NOBODY, make=run_dir, dir='{run}')
for program in THREE:
    def foreign(p, program=program):
        poked(program + '.role', lambda header: None)(p)
        os.chmod(p.run, 0o777)
        os.chmod('%s/%s.role' % (p.run, program), 0o600)
    folder('no permission for a file in it', program, prefix=NOBODY, make=foreign, file='{run}/%s.role' % program)
    folder('its file system is full', program, '--run-dir {dir}/small/run' + LISTEN[program].replace('{port}', '1'),
           make=lambda p: os.mkdir(p.dir + '/small'),
           prefix=['unshare', '-m', 'sh', '-c', 'mount -t tmpfs -o size=64k none {dir}/small && exec "$0" "$@"'])

    def second(p, program=program):
        free_port(p)
        runs(program, *LISTEN[program].split())(p)
    folder('the process runs already', program, '--run-dir {run}' + LISTEN[program], make=second, program=program,
           pid='{pid}', dir='{run}')
    folder('files of another ABI', program, make=poked(program + '.role', put('<I', 8, 77)), theirs='77',
           file='{run}/%s.role' % program)
    folder('counters of another build', program, file='{run}/%s.counters' % program,
           make=poked(program + '.counters', put('<I', 0, 7)))
    folder("control socket's name is taken", program, '--run-dir {run}' + LISTEN[program],
           make=lambda p, program=program: (free_port(p), os.makedirs('%s/%s.sock/x' % (p.run, program))),
           file='{run}/%s.sock' % program)
for program, name in (('ofproxy', 'ofproxy.arena'), ('ofproxy', 'PKT_IN.tx'), ('ofproxy', 'PORTS.board'), ('ofproxy', 'OPENFLOW.mirror'),
                      ('vnsbridge', 'PKT_IN.rx'), ('router', 'VNS_IN.tx')):
    folder('files of another ABI', program, '--run-dir {run}' + LISTEN[program],
           make=lambda p, name=name: (free_port(p), poked(name, put('<I', 8, 77))(p)), theirs='77', file='{run}/' + name)
folder('doorbell is no FIFO', 'router', make=lambda p: (run_dir(p), p.write('run/ofproxy.bell', '')),
       file='{run}/ofproxy.bell')
RUN = '--run-dir {run} '

# ---- the sandbox ---------------------------------------------------------------------------------

# Runs a program as where seccomp(2), and prctl(2) in its place, are refused: x86-64's numbers and others'.
NO_SECCOMP = """
import ctypes, os, platform, struct, sys
numbers = (277, 167) if platform.machine() == 'aarch64' else (317, 157)
rows = [(0x20, 0, 0, 0), (0x15, 3, 0, numbers[0]), (0x15, 0, 3, numbers[1]), (0x20, 0, 0, 16), (0x15, 0, 1, 22),
        (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *row) for row in rows))
program = ctypes.create_string_buffer(struct.pack('HxxxxxxQ', len(rows), ctypes.addressof(code)))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


def sandbox(key, prefix, /, **names):
    for program in THREE:
        case(key, program, RUN + LISTEN[program], under='Sandbox', make=free_port, prefix=prefix, **names)


sandbox('root may not change its user', ['setpriv', '--bounding-set', '-setuid,-setgid', '--inh-caps=-all'],
        user='nobody', reason='Operation not permitted')
sandbox('the kernel or container has no seccomp', [sys.executable, '-c', NO_SECCOMP], step='the filter of system calls')
sandbox('no more threads', ['prlimit', '--nproc=1'], reason='Resource temporarily unavailable')

# ---- ofproxy -------------------------------------------------------------------------------------

for word in ('1.2', '1.3;1.0', 'OpenFlow13'):
    case('bad OpenFlow version', 'ofproxy', RUN + '--openflow ' + word, word=word)
case('no OpenFlow version', 'ofproxy', RUN + '--openflow ,')
for word in ('udp:6633', 'tcp:', 'tcp:0', 'tcp:65536', 'tcp:6633:nowhere', 'tcp:6633:[::1', '6633'):
    case('bad listen word', 'ofproxy', RUN + '--listen ' + word, word=word)
case('bad listen word', 'ofproxy', RUN + '--config {dir}/my.conf', word='x',
     files={'my.conf': '[ofproxy]\nlisten = tcp:6653 x\n'})
case('no listen word', 'ofproxy', RUN + '--listen ,')
case('too many listeners', 'ofproxy', RUN + '--listen ' + ','.join('tcp:%d' % n for n in range(1, 40)))
case('port in use', 'ofproxy', RUN + '--listen tcp:{port}:127.0.0.1', make=taken_port, word='tcp:{port}:127.0.0.1')
case('port in use', 'ofproxy', RUN + '--listen tcp:{port}', make=taken_port, word='tcp:{port}')
case("not this machine's address", 'ofproxy', RUN + '--listen tcp:6653:192.0.2.1', word='tcp:6653:192.0.2.1')
own_net = ['unshare', '-n'] + NOBODY


def open_to_all(p):
    run_dir(p)
    os.chmod(p.run, 0o777)


for word in ('ssl:0', 'ssl:6633:x', 'unix:', 'unix:/' + 'x' * 107):
    case('bad listen word', 'ofproxy', RUN + '--listen ' + word, word=word)
case('port below 1024', 'ofproxy', RUN + '--listen tcp:633', prefix=own_net, make=open_to_all, word='tcp:633')

SOCKET = {'word': 'unix:{dir}/of.sock'}
UNIX = RUN + '--listen unix:{dir}/of.sock'


def listening(p):
    s = socket.socket(socket.AF_UNIX)
    s.bind(p.dir + '/of.sock')
    s.listen()
    p.endings.append(s.close)
    p.known['pid'] = os.getpid()


def left_by_root(p):
    open_to_all(p)
    s = socket.socket(socket.AF_UNIX)
    s.bind(p.dir + '/of.sock')
    os.chmod(p.dir + '/of.sock', 0o777)
    s.close()


case('a live process has the Unix socket', 'ofproxy', UNIX, make=listening, pid='{pid}', **SOCKET)
case("a file has the Unix socket's name", 'ofproxy', UNIX, files={'of.sock': ''}, file='{dir}/of.sock', **SOCKET)
case("the Unix socket's folder is missing", 'ofproxy', RUN + '--listen unix:{dir}/none/of.sock',
     word='unix:{dir}/none/of.sock', reason='No such file or directory')
case("a dead process's Unix socket stays", 'ofproxy', UNIX, make=left_by_root, prefix=NOBODY,
     reason='Permission denied', **SOCKET)
for name in THREE:
    case('the name of a control socket', 'ofproxy', RUN + '--listen unix:%s.sock' % name, word='unix:%s.sock' % name,
         make=run_dir)
for word in ('tcp:192.0.2.1', 'tcp:localhost:6653', 'ptcp:6653', 'ssl:[::1]:0', 'unix:'):
    case('bad connect word', 'ofproxy', RUN + '--connect ' + word, word=word)
case('too many switches to connect to', 'ofproxy',
     RUN + '--connect ' + ','.join('tcp:127.0.0.1:%d' % n for n in range(1, 40)))

# ---- TLS -----------------------------------------------------------------------------------------


def identity(p, name='good', *words):
    run('openssl', 'req', '-new', '-x509', '-days', '30', *(words or ['-nodes']), '-newkey', 'ec', '-pkeyopt',
        'ec_paramgen_curve:P-256', '-subj', '/CN=' + name, '-keyout', '%s/%s.key' % (p.dir, name), '-out',
        '%s/%s.cert' % (p.dir, name))


def two(p):
    identity(p)
    identity(p, 'other')


def with_passphrase(p):
    identity(p)
    identity(p, 'locked', '-passout', 'pass:secret')


def tls(key, make=identity, /, files=None, made=None, **names):
    words = {'key': 'good.key', 'cert': 'good.cert', 'ca': 'good.cert', **(files or {})}
    case(key, 'ofproxy', RUN + '--listen ssl:{port}:127.0.0.1 ' + ' '.join(
        '--tls-%s {dir}/%s' % (flag, name) for flag, name in words.items() if name),
        make=lambda p: (free_port(p), make(p)), files=made, **names)


for word in ('key', 'cert'):
    tls('a file of TLS is not named', files={word: ''}, setting='tls-' + word)
tls('no CA is named', files={'ca': ''})
for word in ('key', 'cert', 'ca'):
    tls('a file of TLS is missing', files={word: 'none'}, setting='tls-' + word, file='{dir}/none',
        reason='No such file or directory')
tls('a file of TLS is missing', files={'key': ''} | {'key': '.'}, setting='tls-key', reason='Is a directory')
tls('tls-key is no key', files={'key': 'good.cert'}, file='{dir}/good.cert')
tls('tls-key is no key', files={'key': 'empty.conf'})
tls('the key has a passphrase', with_passphrase, files={'key': 'locked.key', 'cert': 'locked.cert'},
    file='{dir}/locked.key')
tls('tls-cert is no certificate', files={'cert': 'good.key'}, file='{dir}/good.key')
tls("the key is another certificate's", two, files={'key': 'other.key'})
tls('tls-ca is no certificate', files={'ca': 'good.key'}, file='{dir}/good.key')

for word in ('unix:db.sock', 'tcp:6640', 'tcp:localhost:6640', 'tcp:127.0.0.1:', 'tcp:127.0.0.1:70000', 'tcp:[::1:6640', 'db'):
    case('bad ovsdb', 'ofproxy', RUN + '--ovsdb ' + word, word=word)
case('bad ovsdb', 'ofproxy', RUN + '--ovsdb unix:/' + 'x' * 120, word='unix:/' + 'x' * 120)
case('ovsdb over TLS', 'ofproxy', RUN + '--ovsdb ssl:127.0.0.1:6640', word='ssl:127.0.0.1:6640')
case('too many of ovsdb', 'ofproxy', RUN + '--ovsdb ' + ','.join('tcp:127.0.0.1:%d' % n for n in range(1, 9)))
BRIDGE = RUN + '--ovsdb unix:/none --ovsdb-bridge '
for word in ('a/b', 'b' * 16, 'é'):
    case('bad ovsdb-bridge', 'ofproxy', BRIDGE + word, name=word)
case('too many of ovsdb-bridge', 'ofproxy', BRIDGE + ','.join('b%d' % n for n in range(20)))
case('ovsdb-bridge without ovsdb', 'ofproxy', RUN + '--ovsdb-bridge sw0')
case('bad ovsdb-controller', 'ofproxy', BRIDGE + 'sw0 --ovsdb-controller 127.0.0.1:6633', word='127.0.0.1:6633')
case('ovsdb-controller without a bridge', 'ofproxy', RUN + '--ovsdb unix:/none --ovsdb-controller tcp:127.0.0.1:6633')
case("a limit below Open vSwitch's least", 'ofproxy', BRIDGE + 'sw0 --ovsdb-rate-limit 99', key='ovsdb-rate-limit',
     value='99', least='100')
case("a limit below Open vSwitch's least", 'ofproxy', BRIDGE + 'sw0 --ovsdb-rate-limit 100 --ovsdb-burst-limit 1',
     key='ovsdb-burst-limit', value='1', least='25')

# ---- vnsbridge -----------------------------------------------------------------------------------

for word in ('udp:8888', 'tcp:x', 'tcp:65536', 'tcp:8888:nowhere', 'nothing'):
    case('bad listen word', 'vnsbridge', RUN + '--listen ' + word, word=word)
case('port in use', 'vnsbridge', RUN + '--listen tcp:{port}:127.0.0.1', make=taken_port, word='tcp:{port}:127.0.0.1')
case("not this machine's address", 'vnsbridge', RUN + '--listen tcp:8888:192.0.2.1', word='tcp:8888:192.0.2.1')
case('port below 1024', 'vnsbridge', RUN + '--listen tcp:888', prefix=own_net, make=open_to_all, word='tcp:888')
case('IP_CONFIG missing', 'vnsbridge', RUN + '--ip-config {dir}/none', file='{dir}/none',
     reason='No such file or directory')


def ip_config(key, text, line=''):
    case(key, 'vnsbridge', RUN + '--ip-config {dir}/IP_CONFIG', files={'IP_CONFIG': text}, file='{dir}/IP_CONFIG',
         line=line)


ip_config('IP_CONFIG line without two words', 'sw0-eth1 192.168.2.1\nsw0-eth2\n', '2')
ip_config('IP_CONFIG line with a bad address', '# ours\nsw0-eth1 192.168.2\n', '2')
ip_config('IP_CONFIG line with a long name', 'sw0-%s 192.168.2.1\n' % ('x' * 30), '1')
ip_config('IP_CONFIG line with other characters', 'sw0-\u00e9 192.168.2.1\n', '1')
ip_config('port twice in IP_CONFIG', 'sw0-eth1 192.168.2.1\nsw0-eth1 192.168.2.2\n', '2')
ip_config('address twice in IP_CONFIG', 'sw0-eth1 192.168.2.1\nsw0-eth2 192.168.2.1\n', '2')
ip_config('empty IP_CONFIG', '# nothing\n')


def vhost(key, text, /, files=None, **names):
    case(key, 'vnsbridge', RUN + '--config {dir}/my.conf', files=dict(files or {}, **{'my.conf': text}), **names)


vhost("IP_CONFIG without the virtual host's switch", '[vhost a]\nswitch = sw7\nip-config = {dir}/IP_CONFIG\n',
      files={'IP_CONFIG': 'sw0-eth1 192.168.2.1\n'}, switch='sw7', port='sw7-eth1')
case('key file missing', 'vnsbridge', RUN + '--auth-key {dir}/none', file='{dir}/none')
case('key too short', 'vnsbridge', RUN + '--auth-key {dir}/key', files={'key': 'secret\n'}, file='{dir}/key')
vhost('key of a virtual host missing', '[vhost a]\nswitch = sw0\nauth-key = /none/key\n')
vhost('bad interface line', '[vhost a]\ninterface = eth1 192.168.2.1\n', file='{dir}/my.conf', line='2',
      value='eth1 192.168.2.1')
vhost('bad port of an interface', '[vhost a]\ninterface = eth1 xyz:1 192.168.2.1\n', line='2', port='xyz:1')
vhost('bad address of an interface', '[vhost a]\ninterface = eth1 sw0-eth1 192.168.2.1/33\n', line='2',
      address='192.168.2.1/33')
vhost('interface twice', '[vhost a]\ninterface = eth1 sw0-eth1 10.0.0.1\ninterface = eth1 sw0-eth2 10.0.1.1\n',
      line='3', name='a', interface='eth1')
vhost('port claimed twice',
      '[vhost a]\ninterface = e1 sw0-eth1 10.0.0.1\n[vhost b]\ninterface = e2 sw0-eth1 10.0.1.1\n', port='sw0-eth1')
vhost('virtual host without ports', '[vhost a]\nswitch = sw0\n[vhost b]\nauth-key = /none\n', name='b')
vhost('name of a switch with other characters', '[vhost a]\nswitch = \u00e9\n', line='2', name='\u00e9')
vhost('interface with other characters', '[vhost a]\ninterface = e1 \u00e9-eth1 10.0.0.1\n', line='2', interface='e1')
vhost('name of a switch too long', '[vhost a]\nswitch = %s\n' % ('s' * 21), line='2', name='s' * 21)
vhost('routing table missing', '[vhost a]\nswitch = sw0\nrtable = /none\n', line='3')
vhost('bad line of a routing table', '[vhost a]\nswitch = sw0\nrtable = {dir}/rtable\n',
      files={'rtable': '10.0.0.1 10.0.0.1 eth1\n'})
vhost('unknown interface in a routing table', '[vhost a]\nswitch = sw0\nrtable = {dir}/rtable\n',
      files={'rtable': '10.0.0.1 10.0.0.1 255.255.255.255 eth9\n'}, name='a', interface='eth9',
      interfaces='eth1 eth2 eth3')

# ---- router --------------------------------------------------------------------------------------


def rtable(key, text, line, /, **names):
    case(key, 'router', RUN + '-r {dir}/rtable', files={'rtable': text}, file='{dir}/rtable', line=line, **names)


GOOD = '192.168.2.2 192.168.2.2 255.255.255.255 eth1\n'
case('routing table missing', 'router', RUN + '-r {dir}/none', file='{dir}/none')
rtable('rtable line without four words', GOOD + '172.64.3.10 172.64.3.10 eth2\n', '2', number='3')
rtable('rtable line with a bad address', GOOD + '\n172.64.3.300 0.0.0.0 255.255.255.255 eth2\n', '3',
       word='172.64.3.300', part='destination')
rtable('rtable line with a bad mask', '172.64.3.0 0.0.0.0 255.0.255.0 eth2\n', '1', mask='255.0.255.0')
rtable('rtable line with a long interface', '172.64.3.0 0.0.0.0 255.255.255.0 %s\n' % ('e' * 40), '1')
rtable('two ways to one destination', GOOD + GOOD.replace('eth1', 'eth2'), '2', destination='192.168.2.2/32', other='1')
case('bad virtual host name', 'router', RUN + '-v ' + 'v' * 32, name='v' * 32)
case('template without a server', 'router', RUN + '-T basic')
case('pcap file cannot be written', 'router', RUN + '-l {dir}/none/x.pcap', file='{dir}/none/x.pcap')
case('key too short', 'router', RUN + '-s 127.0.0.1 --auth-key {dir}/key', files={'key': 'secret\n'}, file='{dir}/key')


def keyed_server(p):
    free_port(p)
    p.start('vnsbridge', '--listen', 'tcp:{port}:127.0.0.1', '--auth-key', '{dir}/right')


case('the VNS server refuses the key', 'router', RUN + '-s 127.0.0.1 -p {port} -u student --auth-key {dir}/wrong',
     files={'right': 'r' * 64, 'wrong': 'w' * 64}, make=keyed_server, server='127.0.0.1:{port}', user='student')

# ---- causeway ------------------------------------------------------------------------------------


def ctl(key, words='', /, **options):
    case(key, 'causeway', RUN + words, **options)


ctl('unknown command', 'fly', word='fly')
case('global flag without its value', 'causeway', 'status --run-dir', flag='--run-dir')
ctl('bad --watch', 'status --watch x', value='x')
case("run directory's name too long", 'causeway', 'status --run-dir /' + 'x' * 200)
case('bad configuration file', 'causeway', 'status --config {dir}/my.conf', files={'my.conf': '[router]\nprt = 1\n'},
     file='{dir}/my.conf', line='2', key='prt', section='router')
ctl('no topic', 'show')
ctl('unknown topic', 'show weather', topic='weather')
ctl('show: unknown flag', 'show ports --sort', topic='ports', word='--sort', flags='no flag')
ctl('show: unknown flag', 'show tables --names', topic='tables', word='--names', flags='--all')
ctl('show: unknown flag', 'show flows --all', topic='flows', word='--all',
    flags='--sort, --rsort, --no-stats, --names or --no-names')
ctl('show: too many words', 'show groups sw0 sw1', topic='groups', words='switch', word='sw1')
ctl('show: too many words', 'show flows sw0 ip sw1', topic='flows', words='switch and one flow', word='sw1')
ctl('show: bad --sort', 'show flows --sort=colour', field='colour')
ctl('show: too many --sort', 'show flows --sort --rsort --sort --sort --sort', number='4')
ctl('show: no switch to ask', 'show flows', make=without_switches)
ctl('show: no such switch', 'show ports sw0', make=without_switches, switch='sw0')
for word in ('up', 'down', 'status'):
    ctl('unknown word', word + ' again', command=word, word='again')
ctl('unknown help topic', 'help me', word='me')
ctl('unknown process for wait', 'wait switch', word='switch')
ctl('unknown process for restart', 'restart switch', word='switch')
ctl('unknown process for logs', 'logs switch', word='switch')
ctl('unknown process for log', 'log info switch', word='switch')
ctl('restart of nothing', 'restart')
for words in ('status', 'up'):
    ctl('start has another word, in the environment', words, env={'CAUSEWAY_START': 'router sr'}, word='sr')
    case('start has another word, in the file', 'causeway', words + ' --config {dir}/my.conf', word='rout',
         files={'my.conf': '[stack]\nstart = webterm rout\nrun-dir = {run}\n'}, file='{dir}/my.conf')
ctl('start has no word', 'wait', env={'CAUSEWAY_START': ' '})
ctl('bad log level', 'log loud')
ctl('bad --timeout', 'wait --timeout soon', value='soon')
ctl('bad --timeout', 'page --timeout soon', value='soon')
ctl('bad --timeout of up', 'up --timeout 0', value='0')
ctl('unknown word', 'page now', command='page', word='now')
ctl('bad -n', 'logs -n few', value='few')
ctl('bad -c', 'capture -c few', value='few')
ctl('bench: no such mode', 'bench fast', word='fast')
ctl('bench: two modes', 'bench rate window', command='bench', word='window')
ctl('bench: two modes', 'ping 192.168.2.2', command='ping', word='192.168.2.2')
ctl('bench: unknown kind of file', 'bench --output x.pdf', file='x.pdf')
ctl('bench: too many files', 'bench' + ' --output a.csv' * 9, number='8')
ctl('bench: what does not go with many switches', 'bench --switches 22', number='22', most='21')
ctl('bench: what does not go with many switches', 'bench --switches 2 --destinations 2', number='2', most='21')
ctl('bench: the router takes no route', 'bench --destinations 2', network='198.18.0.0/15',
    why="router is not running in {run} (start it with 'causeway up')")
ctl('bench: unknown flag', 'bench --colour red', command='bench', flag='--colour')
ctl('bench: unknown flag', 'ping --window 3', command='ping', flag='--window')
ctl('bench: flag without its value', 'bench --rate', flag='--rate')
ctl('bench: number out of range', 'bench --size 59', flag='--size', value='59', low='60', high='1514')
ctl('bench: number out of range', 'bench --window few', flag='--window', value='few', low='1', high='1000000')
ctl('bench: none of the words there are', 'bench --openflow 1.4', flag='--openflow', value='1.4', one='1.0', other='1.3')
ctl('bench: bad address', 'bench --destination 1.2.3', flag='--destination', value='1.2.3')
ctl('bench: bad --connect', 'bench --connect tcp:6653', value='tcp:6653')
ctl('bench: nobody listens', 'bench --connect tcp:127.0.0.1:1', word='tcp:127.0.0.1:1', reason='Connection refused')
ctl("ping: no stack's rings", 'ping', file='{run}/PKT_IN')
ctl('bench: the frames do not come back', 'bench --connect tcp:127.0.0.1:{port} --timeout 0.1', make=taken_port, number='0',
    seconds='0.1', why='its handshake was not finished; is that an OpenFlow controller?')
ctl('unknown ring', 'capture --ring X', word='X')
ctl('bad -c of openflow', 'capture openflow -c -3', value='-3')
for words, word in (('--ring PKT_IN', '--ring'), ('sw0 sw1', 'sw1'), ('-w', '-w'), ('sw0 -c', '-c')):
    ctl('unknown word for capture', 'capture openflow ' + words, word=word)
ctl('unknown word for capture', 'capture -w', word='-w')
def pcap(body, link=1):
    """A capture, as bytes: {dir}/x."""
    def make(p):
        with open(p.dir + '/x', 'wb') as f:
            f.write(struct.pack('<IHHIIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, link) + body)
    return make


# Ethernet, IPv4, TCP from port 4096 to 80, sixteen bytes that are neither OpenFlow nor VNS
OTHER = bytes(12) + bytes.fromhex('0800450000380001000040060000010203040506070810000050') + bytes.fromhex(
    '000000010000000050180000000000000d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d')
ctl('bad --port of decode', 'decode --port few', value='few')
ctl('bad --port of decode', 'decode x --port', value='')
ctl('unknown word', 'decode --nonsense', command='decode', word='--nonsense')
ctl('decode: no such file', 'decode {dir}/none', file='{dir}/none')
ctl('decode: nothing there', 'decode')
ctl('decode: no message', 'decode {dir}/y', files={'y': '# nothing\n'}, file='{dir}/y')
ctl('decode: no OpenFlow in a capture', 'decode {dir}/x', make=pcap(struct.pack('<IIII', 1, 0, len(OTHER), len(OTHER)) + OTHER),
    file='{dir}/x', number='1')
ctl('decode: a damaged capture', 'decode {dir}/x', make=pcap(b'\1' * 20), number='24')
ctl('decode: another link type', 'decode {dir}/x', make=pcap(b'', 105), number='105')
ctl('the process to ask does not run', 'capture openflow', make=run_dir, process='ofproxy', dir='{run}')
ctl('no switch to capture', 'capture openflow sw9', make=run_dir, word='sw9')
ctl('route without its words', 'route add 10.0.0.0/8')
ctl('route with other words', 'route add 10.0.0.0/8 over eth1', word='over')
ctl('unknown route command', 'route flush')
ctl('unknown arp command', 'arp flash')
for words in ('show arp', 'show routes', 'route list', 'route add 10.0.0.0/8 dev eth1', 'route del 10.0.0.0/8',
              'arp list', 'arp flush'):
    ctl('the process to ask does not run', words, make=run_dir, process='router', dir='{run}')
for words in ('flows', 'groups', 'meters', 'ports', 'queues', 'tables'):
    ctl('the process to ask does not run', 'show ' + words, make=run_dir, process='ofproxy', dir='{run}')
ctl('the process to ask does not run', 'log info ofproxy', make=run_dir, process='ofproxy', dir='{run}')
ctl('no stack to wait for', 'wait --timeout 0', make=run_dir, process='ofproxy', dir='{run}')
ctl('no page', 'page --timeout 0', make=run_dir, dir='{run}', number='0')
ctl('a page that no browser finds', 'page', make=lambda p: runs('webterm', '--listen', 'none')(p), words='none')
ctl('no stack to trace', 'trace', make=run_dir, process='ofproxy', dir='{run}')
ctl('no right to trace', 'trace', prefix=NOBODY, make=run_dir)
ctl('bad --duration of trace', 'trace --duration 0', value='0')
ctl('unknown word for trace', 'trace --fast', word='--fast')
ctl('no logs', 'logs', make=run_dir, dir='{run}/log')
ctl('no rings', 'show rings', make=run_dir, dir='{run}')
ctl('no counters', 'show counters', make=run_dir, dir='{run}')
ctl('no ingress', 'show ingress', make=run_dir, dir='{run}')
ctl('no latency', 'show latency', make=run_dir, dir='{run}')
ctl('no sessions', 'show sessions', make=run_dir, dir='{run}')
ctl('no counters', 'show verdicts', make=run_dir, dir='{run}')
ctl('no interfaces', 'show interfaces', make=run_dir, dir='{run}')
ctl('no interfaces', 'show vhosts', make=run_dir, dir='{run}')


def ofproxy_runs(p):
    free_port(p)
    runs('ofproxy', *LISTEN['ofproxy'].split())(p)


ctl('no mirror to capture from', 'capture openflow', file='{run}/OPENFLOW.mirror',
    make=lambda p: (ofproxy_runs(p), os.unlink(p.run + '/OPENFLOW.mirror')))
ctl('capture file cannot be written', 'capture openflow -w {dir}/none/x', make=ofproxy_runs, file='{dir}/none/x')
ctl('nothing to capture', 'capture', make=run_dir, file='{run}/PKT_IN')
ctl('restart of what is not supervised', 'restart router', make=run_dir, process='router')
case('up: programs are not built', 'causeway', 'up ' + RUN, file='{dir}/ofproxy',
     make=lambda p: p.known.update(causeway=shutil.copy(BIN + '/causeway', p.dir + '/causeway')))
ctl('up: s6 is missing', 'up', env={'PATH': '{dir}'})
case('up: run directory\'s parent is missing', 'causeway', 'up --run-dir {dir}/none/run', dir='{dir}/none/run')
case('up: run directory is no folder', 'causeway', 'up --run-dir {dir}/empty.conf', dir='{dir}/empty.conf')
ctl('up: no permission', 'up', prefix=NOBODY, make=run_dir, dir='{run}')
for word in ('up', 'down'):
    ctl('up or down: a process started by hand', word, make=runs('router'), program='router', pid='{pid}')
case('up: a process cannot start', 'causeway', RUN + 'up --config {dir}/my.conf',
     make=taken_port, program='ofproxy',
     files={'my.conf': '[ofproxy]\nlisten = tcp:{port}:127.0.0.1\n[vnsbridge]\nlisten = none\n'
            '[webterm]\nlisten = none\n'})
ctl('down: no permission', 'down', prefix=NOBODY, make=run_dir, dir='{run}')
ctl('down: not a run directory', 'down', dir='{run}',
    make=lambda p: (run_dir(p), p.write('run/precious', 'x')))

# ---- webterm -------------------------------------------------------------------------------------

for word in ('tcp:0', 'x', 'tcp:8070:localhost'):
    case('bad listen word', 'webterm', RUN + '--listen ' + word, word=word)
case('no listen word', 'webterm', '--run-dir {run} --config {dir}/my.conf', files={'my.conf': '[webterm]\nlisten =\n'})
case('too many listeners', 'webterm', RUN + '--listen ' + ','.join('tcp:%d' % n for n in range(1, 40)))
case('port in use', 'webterm', RUN + '--listen tcp:{port}:127.0.0.1', make=taken_port, word='tcp:{port}:127.0.0.1')
case('port below 1024', 'webterm', RUN + '--listen tcp:633:127.0.0.1', prefix=own_net, make=open_to_all,
     word='tcp:633:127.0.0.1')
case('a live process has the Unix socket', 'webterm', RUN + '--listen unix:{dir}/of.sock', make=listening,
     word='unix:{dir}/of.sock')
case("a file has the Unix socket's name", 'webterm', RUN + '--listen unix:{dir}/of.sock', files={'of.sock': ''},
     word='unix:{dir}/of.sock', file='{dir}/of.sock')
case('anybody could come', 'webterm', RUN + '--listen tcp:{port}', make=free_port, words='tcp:{port}')


def secret(text='long-enough', mode=0o600, name='word'):
    def make(p):
        p.write(name, text)
        os.chmod('%s/%s' % (p.dir, name), mode)
    return make


for setting in ('password-file', 'viewer-password-file', 'token-file'):
    WORD = RUN + '--%s {dir}/word' % setting
    case('a file with a password or token is missing', 'webterm', WORD, setting=setting, file='{dir}/word')
    case('everyone may read a password or token', 'webterm', WORD, make=secret(mode=0o644), setting=setting,
         file='{dir}/word')
    case('a short password or token', 'webterm', WORD, make=secret('short'), setting=setting, file='{dir}/word')
case('a password cannot be made', 'webterm', '--run-dir {dir}/none/run --password-file generate', file='{dir}/none/run/webterm.login')
for word in ('lab.example.org', 'http://' + 'x' * 90, 'http://x/#y'):
    case('address is none', 'webterm', RUN + '--address ' + word, number='95')
case("not this machine's address", 'webterm', RUN + '--listen tcp:8070:192.0.2.1 --token-file {dir}/word', make=secret(),
     word='tcp:8070:192.0.2.1')
case('only viewers have a password', 'webterm', RUN + '--viewer-password-file {dir}/word', make=secret())
case("viewers have the operators' password", 'webterm',
     RUN + '--password-file {dir}/word --viewer-password-file {dir}/word', make=secret())
case('the folder of recordings cannot be opened', 'webterm',
     RUN + '--listen unix:{dir}/web.sock --recordings {dir}/none/rec', folder='{dir}/none/rec')
case('the audit file cannot be written', 'webterm', RUN + '--audit {dir}/none/audit', file='{dir}/none/audit')


def web_tls(key, make=identity, /, files=None, made=None, **names):
    words = {'key': 'good.key', 'cert': 'good.cert', **(files or {})}
    case(key, 'webterm', RUN + '--listen ssl:{port}:127.0.0.1 ' + ' '.join(
        '--tls-%s {dir}/%s' % (flag, name) for flag, name in words.items() if name),
        make=lambda p: (free_port(p), make(p)), files=made, **names)


for word in ('key', 'cert'):
    web_tls('a file of TLS is not named', files={word: ''}, setting='tls-' + word)
    web_tls('a file of TLS is missing', files={word: 'none'}, setting='tls-' + word, file='{dir}/none')
web_tls('tls-key is no key', files={'key': 'good.cert'}, file='{dir}/good.cert')
web_tls('the key has a passphrase', with_passphrase, files={'key': 'locked.key'}, file='{dir}/locked.key')
web_tls('tls-cert is no certificate', files={'cert': 'good.key'}, file='{dir}/good.key')
web_tls("the key is another certificate's", two, files={'key': 'other.key'})
case('buttons file missing', 'webterm', RUN + '--buttons {dir}/none', file='{dir}/none')
case('the run directory lies in a private folder', 'webterm', RUN + '--listen none', dir='{run}', user='nobody',
     make=lambda p: os.chmod(p.dir, 0o700))
case('a mistake in the buttons file', 'webterm', RUN + '--buttons {dir}/mine.ini',
     files={'mine.ini': '[ping]\nlabel = Ping\ncolour = red\n'}, file='{dir}/mine.ini', line='3',
     mistake="unknown key 'colour', expected label, group, command or hint")

# ---- lab/lab -------------------------------------------------------------------------------------

IN_LAB = ' --run-dir {run} --switch {switch}'


def lab_case(key, words, /, **options):
    case(key, 'lab', words, **options)


def without(path, instead):
    return ['unshare', '-m', 'sh', '-c', 'mount --bind %s %s && exec "$0" "$@"' % (instead, path)]


def foreign_link(p):
    run('ip', 'link', 'add', SWITCH + '-eth2', 'address', '02:ca:57:ff:00:02', 'type', 'veth', 'peer', 'name', SWITCH + '-peer')
    p.endings.append(lambda: run('ip', 'link', 'delete', SWITCH + '-eth2'))


case('no command', 'lab')
lab_case('unknown command', 'fly', word='fly')
for command in ('up', 'down', 'cli', 'run', 'console'):
    lab_case('not root', command + IN_LAB, prefix=NOBODY, command=command, lab=LAB)
lab_case('Mininet is not installed', 'up' + IN_LAB, prefix=[sys.executable, '-S'], python=sys.executable)
lab_case('Open vSwitch is not installed', 'up' + IN_LAB, prefix=without('/usr/sbin/ovs-vswitchd', '/dev/null'))
lab_case('Open vSwitch does not start', 'up' + IN_LAB, prefix=without('/usr/sbin/ovs-vswitchd', '/bin/false'),
         file='{run}/lab/ovs/ovs-vswitchd.log')
lab_case('names are taken', 'up' + IN_LAB, make=foreign_link, name=SWITCH + '-eth2')
lab_case('bad --openflow', 'up --run-dir {run} --openflow 1.4', value='1.4')
lab_case('bad --switch', 'up --run-dir {run} --switch a-b', name='a-b')
lab_case('bad --controller', 'up --controller tcp:1.2.3.4' + IN_LAB, value='tcp:1.2.3.4')
for word in ('ptcp:0', 'pssl:x', 'unix:of.sock', 'listen'):
    lab_case('bad --controller', 'up --controller ' + word + IN_LAB, value=word)
lab_case('a Unix socket out of reach', 'up --controller unix:/tmp/of.sock' + IN_LAB, value='unix:/tmp/of.sock')
lab_case('ssl: without a file', 'up --controller ssl:127.0.0.1:6653 --tls-key {dir}/empty.conf' + IN_LAB,
         value='ssl:127.0.0.1:6653', flag='--tls-cert')
lab_case('a file of ssl: missing', 'up --controller pssl:6653 --tls-key {dir}/none --tls-cert x --tls-ca x' + IN_LAB,
         flag='--tls-key', file='{dir}/none', reason='No such file or directory')
lab_case('bad --console', 'console --console none' + IN_LAB, value='none')
lab_case('mnexec is not installed', 'console' + IN_LAB, prefix=without('/usr/bin/mnexec', '/dev/null'))
lab_case('bad --create', 'up --create me' + IN_LAB, value='me')
lab_case('--create ofproxy without a database', 'up --create ofproxy' + IN_LAB, value='')
lab_case('--create ofproxy without a database', 'up --create ofproxy --ovsdb tcp:10.0.0.1:6640' + IN_LAB,
         value='tcp:10.0.0.1:6640')
lab_case("somebody's socket in the database's place", 'up --create ofproxy --ovsdb unix:{dir}/db' + IN_LAB,
         files={'db': ''}, file='{dir}/db')
lab_case('unknown host in --controller', 'up --controller tcp:no.such.host.invalid:6633' + IN_LAB,
         host='no.such.host.invalid')
lab_case('configuration file missing', 'up --config {dir}/none' + IN_LAB, file='{dir}/none')
lab_case('run directory cannot be made', 'up --run-dir /proc/none')
lab_case('no lab', 'exec --run-dir {run} client true', dir='{run}')
lab_case('another lab in the run directory', 'up --run-dir {lab} --switch another', make=True, dir='{lab}')
lab_case('unknown host', 'exec --run-dir {lab} server3 true', make=True, host='server3')
lab_case('nothing to execute', 'exec --run-dir {lab} client', make=True, host='client')


# ---- the test ------------------------------------------------------------------------------------

def attempt(p, c, seconds=15):
    program = p.known.get('causeway') if c['program'] == 'causeway' else None
    program = program or (LAB if c['program'] == 'lab' else BIN + '/' + c['program'])
    command = [p.fill(word) for word in [*c['prefix'], program, *c['words'].split()]]
    return subprocess.run(command, cwd=p.dir, env=p.environment(**c['env']), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=seconds, check=False)


def said(c, status, stderr):
    """The sentence, without what goes before it.  There is exactly one line of it."""
    lines = stderr.splitlines()
    if c['key'] == 'up: a process cannot start':
        assert lines.pop() == 'causeway: nothing was left running'
    if c['program'] in FIVE and status == '1':
        stamp = r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z %s (\w+) (.*)' % c['program']
        parsed = [re.fullmatch(stamp, line) for line in lines]
        assert all(parsed) and [m[1] for m in parsed].count('error') == 1 and parsed[-1][1] == 'error', stderr
        return parsed[-1][2]
    assert len(lines) == 1, stderr
    if c['key'] == 'bad configuration file' or lines[0].startswith(c['program'] + ': '):
        return lines[0].removeprefix(c['program'] + ': ')
    raise AssertionError('no name before: ' + lines[0])


def half_made(p):
    return [f for f in glob.glob(p.run + '/*') if '.new.' in f or (f.endswith('.sock') and answered(f))]


def answered(path):
    """From a sandbox a process cannot remove the name of its socket."""
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


def inside(p):
    """PIDs of processes that work in the test's folder."""
    found = []
    for cwd in glob.glob('/proc/[0-9]*/cwd'):
        try:
            if os.readlink(cwd).startswith(p.dir):
                found.append(int(cwd.split('/')[2]))
        except OSError:
            pass
    return found


@pytest.mark.parametrize('c', CASES)
def test_a_mistake_gives_its_sentence_and_leaves_nothing(place, c, request):
    for name, text in c['files'].items():
        if not name.startswith('my.conf') or '{port}' not in text:
            place.write(name, text)
    if c['make'] is True:
        place.known['lab'] = request.getfixturevalue('lab').run_dir
    elif c['make']:
        c['make'](place)
    for name, text in c['files'].items():
        place.write(name, text)
    sentence, status = PAGE_ROWS[c['section'], c['key']]
    before = set(half_made(place)), set(inside(place)), os.path.exists(place.run)

    done = attempt(place, c)
    pattern = matcher(sentence, {k: place.fill(v) for k, v in c['names'].items()})
    assert (str(done.returncode), done.stdout) == (status, ''), done
    assert re.fullmatch(pattern, said(c, status, done.stderr)), '%s\nexpected: %s' % (done.stderr, sentence)

    assert set(half_made(place)) <= before[0] and set(inside(place)) <= before[1]
    if status == '2' and c['program'] != 'router' or c['program'] == 'lab':
        assert os.path.exists(place.run) == before[2]  # nothing was made for nothing


# Damage that a process mends by itself, or can do without: it says so and goes on.
MENDED = (
    ('a file of its own with a header of another geometry', 'vnsbridge', 'VNS_IN.tx', put('<Q', 24, 4096), {}),
    ('a file of its own with a header of another geometry', 'router', 'router.role', put('<Q', 32, 3), {}),
    ('a file of its own with a header of another geometry', 'ofproxy', 'ofproxy.arena', put('<Q', 24, 3), {}),
    ('a file of its own of another kind', 'router', 'router.role', put('<I', 12, 3), {'kind': 'an arena'}),
    ('a file of its own cut short', 'router', 'router.role', lambda header: 100, {}),
    ('a file of its own cut short', 'vnsbridge', 'LEASES.board', lambda header: 100, {}),
    ("a stranger's file under the name", 'router', 'router.role', put('<Q', 0, 1), {}),
    ("a stranger's file under the name", 'vnsbridge', 'PKT_OUT.tx', lambda header: 3, {}),
    ('counters damaged', 'router', 'router.counters', lambda header: 100, {}),
    ('counters damaged', 'ofproxy', 'ofproxy.counters', put('<I', 4, 7), {}),
    ("a ring's end, or a mirror, of its own that does not hold together", 'ofproxy', 'PKT_IN.tx', put('<Q', 128, 64), {}),
    ("a ring's end, or a mirror, of its own that does not hold together", 'ofproxy', 'OPENFLOW.mirror', put('<Q', 72, 12345), {}),
    ('a file of its own cut short', 'ofproxy', 'OPENFLOW.mirror', lambda header: 100, {}),
    ("a neighbour's file is damaged, or it writes what cannot be", 'ofproxy', 'PKT_OUT.tx', put('<Q', 24, 3),
     {'neighbour': 'vnsbridge'}),
    ("a neighbour's file is damaged, or it writes what cannot be", 'router', 'VNS_OUT.rx', put('<Q', 128, 8),
     {'neighbour': 'vnsbridge'}))


@pytest.mark.parametrize(('key', 'program', 'name', 'change', 'names'), MENDED,
                         ids=['%s-%s' % (m[2], m[0].replace(' ', '_')) for m in MENDED])
def test_damage_is_said_and_the_process_goes_on(place, key, program, name, change, names):
    poked(name, change)(place)
    sentence, status = PAGE_ROWS['Run directory', key]
    assert status == '-'
    free_port(place)
    child = place.start(program, *LISTEN[program].split())
    pattern = re.compile(r'\S+ %s (warn|error) ' % program + matcher(
        sentence, dict(names, file=name if 'neighbour' in names else place.run + '/' + name)))
    wait_for(lambda: any(map(pattern.fullmatch, child.text().splitlines())), 3, sentence)
    assert child.end(signal.SIGTERM) == 0, child.text()
    with contextlib.suppress(OSError):
        os.unlink('%s/%s.sock' % (place.run, program))  # place.start waits for it
    child = place.start(program, *LISTEN[program].split())
    assert 'damaged' not in child.text().rpartition('--- ')[2] or 'neighbour' in names, child.text()
    assert child.end(signal.SIGTERM) == 0


def expired(p):
    """A certificate that was good for a second, and a second that has passed."""
    p.write('ca.cnf', '[ca]\ndefault_ca = x\n[x]\ndatabase = {dir}/index\nserial = {dir}/serial\n'
            'new_certs_dir = {dir}\ndefault_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n')
    p.write('index', '')
    p.write('serial', '01')
    identity(p)
    run('openssl', 'req', '-new', '-key', p.dir + '/good.key', '-subj', '/CN=late', '-out', p.dir + '/req')
    run('openssl', 'ca', '-config', p.dir + '/ca.cnf', '-batch', '-startdate', '200101000000Z', '-enddate',
        '210101000000Z', '-keyfile', p.dir + '/good.key', '-cert', p.dir + '/good.cert', '-in', p.dir + '/req', '-out',
        p.dir + '/late.cert', '-notext')


TLS_WORDS = '--listen ssl:{port}:127.0.0.1 --tls-key {dir}/good.key --tls-cert {dir}/%s --tls-ca {dir}/good.cert'
SAID = (
    ('our certificate has expired', expired, TLS_WORDS % 'late.cert',
     {'file': '{dir}/late.cert', 'date': 'Jan  1 00:00:00 2021 GMT'}),
    ('every peer is taken', identity, TLS_WORDS % 'good.cert' + ' --tls-verify no', {}),
    ('the key cannot be read again', identity, TLS_WORDS % 'good.cert',
     {'setting': 'tls-key', 'file': '{dir}/good.key', 'user': 'nobody', 'reason': 'Permission denied'}),
    ('a switch cannot be reached', lambda p: None, '--listen none --connect unix:{dir}/br0.mgmt',
     {'word': 'unix:{dir}/br0.mgmt',
      'reason': 'there is no such socket: start the switch, or correct the path', 'how': 'each second'}),
    ('a switch cannot be reached', free_port, '--listen none --connect tcp:127.0.0.1:{port}',
     {'reason': 'nobody listens there: start the switch, or let it listen (ovs-vsctl set-controller BRIDGE ptcp:PORT)'}),
    ('a switch cannot be reached', left_by_root, '--listen none --connect unix:{dir}/of.sock',
     {'reason': 'nobody listens there: is the switch running?'}),
    ('a switch cannot be reached', lambda p: (listening(p), os.chmod(p.dir + '/of.sock', 0o770)),
     '--listen none --connect unix:{dir}/of.sock',
     {'reason': "ofproxy's user may not write to it: let it (chgrp and chmod, or setfacl), or stay root with"
                ' --run-as root'}))


@pytest.mark.parametrize(('key', 'make', 'words', 'names'), SAID, ids=[s[0].replace(' ', '_') for s in SAID])
def test_what_is_no_end_is_said_once(place, key, make, words, names):
    sentence, status = PAGE_ROWS['ofproxy', key]
    assert status == '-'
    free_port(place)
    make(place)
    child = place.start('ofproxy', '--run-as', 'nobody', *words.split())
    pattern = re.compile(r'\S+ ofproxy (warn|error) ' + matcher(sentence, {k: place.fill(v) for k, v in names.items()}))
    wait_for(lambda: any(map(pattern.fullmatch, child.text().splitlines())), 10, sentence)
    if 'connect' in words:
        wait_for(lambda: 'listening' in child.text(), 5, 'word that it is up')
        started = time.monotonic()
        wait_for(lambda: time.monotonic() > started + 2, 5, 'more attempts')
    assert len([line for line in child.text().splitlines() if pattern.fullmatch(line)]) == 1, child.text()
    assert child.end(signal.SIGTERM) == 0, child.text()


@pytest.mark.parametrize('key', ['the database may not be reached', 'no database there'])
def test_an_unreachable_database_is_named_once_and_tried_on(place, key):
    sentence, status = PAGE_ROWS['ofproxy', key]
    assert status == '-'
    free_port(place)
    path = place.dir + '/db.sock'
    with socket.socket(socket.AF_UNIX) as s:
        if 'may not' in key:
            s.bind(path)
            s.listen()
            os.chmod(path, 0o700)
        child = place.start('ofproxy', *LISTEN['ofproxy'].split(), '--ovsdb', 'unix:' + path)
        if SANDBOXLESS in child.text():
            pytest.skip('a build with a sanitizer stays root')
        pattern = re.compile(r'\S+ ofproxy warn ' + matcher(sentence, {'remote': 'unix:' + path}))
        wait_for(lambda: any(map(pattern.fullmatch, child.text().splitlines())), 5, sentence)
        if 'may not' not in key:
            s.bind(path)
            s.listen()
        os.chmod(path, 0o777)
        s.settimeout(10)
        s.accept()[0].close()  # it had been at it all the while
    assert len([line for line in child.text().splitlines() if pattern.fullmatch(line)]) == 1, child.text()
    assert child.end(signal.SIGTERM) == 0


def test_an_unreachable_server_is_named_once_and_tried_on_without_haste(place):
    sentence, status = PAGE_ROWS['router', 'the VNS server cannot be reached']
    assert status == '-'
    free_port(place)
    place.write('auth_key', 'k' * 64)
    child = place.start('router', '-s', '127.0.0.1', '-p', '{port}')
    pattern = re.compile(r'.* router info not ready: ' + matcher(
        sentence, {'server': '127.0.0.1:%d' % place.known['port'], 'reason': 'Connection refused'}))
    started = time.monotonic()
    wait_for(lambda: any(map(pattern.fullmatch, child.text().splitlines())), 3, 'sentence about the server')
    with socket.socket() as s:  # refuses no more: the router comes, having been at it all the while
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.settimeout(5)
        s.bind(('127.0.0.1', place.known['port']))
        s.listen()
        s.accept()[0].close()
        for _ in range(2):
            s.accept()[0].close()
    assert len([line for line in child.text().splitlines() if pattern.fullmatch(line)]) == 1, child.text()
    with open('/proc/%d/stat' % child.pid, encoding='ascii') as f:
        ticks = sum(map(int, f.read().rpartition(')')[2].split()[11:13]))
    busy = ticks / os.sysconf('SC_CLK_TCK')
    assert busy < 0.1 + 0.2 * (time.monotonic() - started), 'the router spins: %.2f s of CPU' % busy
    assert child.end(signal.SIGTERM) == 0


@pytest.mark.parametrize('program', [*FIVE, pytest.param('causeway', marks=CAUSEWAY)])
def test_help_and_version_answer_on_standard_output(place, program):
    for flag in ('--help', '--version'):
        done = attempt(place, {'program': program, 'words': flag, 'prefix': (), 'env': {}})
        assert done.returncode == 0 and done.stderr == '', done
        assert done.stdout.startswith('Usage: %s ' % program if flag == '--help' else program + ' (Causeway) ')
    short = attempt(place, {'program': program, 'words': '-h', 'prefix': (), 'env': {}})
    assert short.stdout.startswith('Usage: ') and '--run-dir' in short.stdout and '--config' in short.stdout


def test_help_of_the_lab(place):
    done = attempt(place, {'program': 'lab', 'words': '--help', 'prefix': NOBODY, 'env': {}})
    assert done.returncode == 0 and done.stdout.startswith('usage: lab ') and done.stderr == ''


def test_the_page_and_this_file_list_the_same():
    made = {(c.values[0]['section'], c.values[0]['key']) for c in CASES}
    made.add(('router', 'the VNS server cannot be reached'))
    made |= {('ofproxy', 'the database may not be reached'), ('ofproxy', 'no database there')}
    made |= {('Run directory', m[0]) for m in MENDED}
    made |= {('ofproxy', m[0]) for m in SAID}
    assert made - set(PAGE_ROWS) == set(), 'not in docs/messages.md'
    assert set(PAGE_ROWS) - made == set(), 'no test makes these'


def test_every_mistake_of_a_file_has_its_line(place):
    place.write('my.conf', '[router]\nport = 0\nprt = 1\n[stack]\nwait = fast\n')
    done = attempt(place, {'program': 'router', 'words': '--config {dir}/my.conf', 'prefix': (), 'env': {}})
    assert done.returncode == 2
    assert re.findall(r'my\.conf:(\d+): ', done.stderr) == ['2', '3', '5'], done.stderr


def test_every_setting_is_in_the_example(place):
    """All of it is commented out; with the comments' signs gone, every setting has its default."""
    with open(os.path.join(REPO, 'docs/causeway.conf.example'), encoding='utf-8') as f:
        example = f.read()
    assert all(line == '' or line[0] == '#' for line in example.splitlines())
    live = re.sub(r'^#(\[|[a-z-]+ =)', r'\1', example, flags=re.M)
    section, values, told = None, {}, {}
    comment = ''
    for line in live.splitlines():
        if line.startswith('['):
            section = line[1:].partition(']')[0]
        elif line.startswith('# '):
            comment += line[2:] + ' '
        elif ' =' in line and not section.startswith('vhost'):
            key, _, value = line.partition(' =')
            values[section, key], told[section, key] = value.strip(), comment.strip()
            comment = ''
        elif line == '':
            comment = ''
    with open(os.path.join(REPO, 'common/config.def'), encoding='utf-8') as f:
        rows = re.findall(r'^S\((\w+), \w+, "([^"]*)".*?, "([^"]*)", "([^"]*)"\)$', f.read(), re.M)
    assert values == {(s.lower(), key): value for s, key, value, _ in rows}
    assert told == {(s.lower(), key): text for s, key, _, text in rows}
    taken_port(place)  # the file is taken, and then the port stops the process
    for name, text in (('as-it-is.conf', example),
                       ('live.conf', re.sub(r'(?m)^(ip-config|auth-key|rtable) = /.*\n', '', live))):
        place.write(name, text)
        done = attempt(place, {'program': 'vnsbridge', 'prefix': (), 'env': {},
                               'words': '--config {dir}/%s --run-dir {run} --listen tcp:{port}:127.0.0.1' % name})
        assert done.returncode == 1 and 'cannot listen on' in done.stderr, done.stderr


def test_the_man_page_has_every_command_and_no_mistake():
    path = os.path.join(REPO, 'docs/causeway.1')
    with open(path, encoding='utf-8') as f:
        page = f.read()
    with open(os.path.join(REPO, 'ctl/commands.def'), encoding='utf-8') as f:
        commands = re.findall(r'^CMD\("([\w-]+)", \w+, "([^"]*)"', f.read(), re.M)
    for name, words in commands:
        assert re.search(r'^\.It Cm %s\b' % name, page, re.M), name
        for flag in re.findall(r'-(-?[a-z]+)', words):
            assert 'Fl ' + flag in page, '%s -%s' % (name, flag)
    if shutil.which('mandoc'):
        assert run('mandoc', '-Tlint', '-Wwarning', path).stdout == ''
