# tests/e2e/harness.py - what the tests are made of: a lab, a stack of processes, and waiting.
#
# No test sleeps and hopes: wait_for() waits for a condition with a deadline.  Processes are ended by
# PID.  A lab and a stack each have a folder of their own on a tmpfs, so that a test may throw the
# stack's files away and keep the hosts.
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.abspath(os.environ.get('CAUSEWAY_BIN', os.path.join(REPO, 'build/bin')))
FAKE = os.path.abspath(os.environ.get('CAUSEWAY_FAKE', os.path.join(os.path.dirname(BIN), 'fake')))
LAB = os.path.join(REPO, 'lab/lab')
# A user without rights; it may still read everything, for the checkout may lie in a folder of root's alone.
NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--inh-caps=-all,+dac_read_search',
          '--ambient-caps=-all,+dac_read_search', '--bounding-set=-all,+dac_read_search']


def take_slot():
    """Two runs of the tests on one machine need different ports and names.  The kernel frees the
    address of the socket when the run ends, however it ends."""
    for number in range(10):
        lock = socket.socket(socket.AF_UNIX)
        try:
            lock.bind('\0causeway-test-slot-%d' % number)
            return number, lock
        except OSError:
            lock.close()
    raise SystemExit('ten runs of the end-to-end tests are going on already')


SLOT, SLOT_LOCK = take_slot()
# below 32768: above, the kernel may have given one to somebody's connection
OF_PORT, VNS_PORT, WEB_PORT = 26633 + 20 * SLOT, 28888 + 20 * SLOT, 28070 + 20 * SLOT
SWITCH = 'ct%da' % SLOT  # not sw0: the user's lab may be running; ct0b, ct0c are for more

# What 'causeway up' starts: the processes that packets pass; a test of the browser's side says otherwise.
# Wherever a webterm comes from, it listens on this run's own port.
os.environ['CAUSEWAY_START'] = 'ofproxy vnsbridge router'
os.environ['CAUSEWAY_WEBTERM_LISTEN'] = 'tcp:%d:127.0.0.1' % WEB_PORT

HOSTS = {'server1': '192.168.2.2', 'server2': '172.64.3.10', 'client': '10.0.1.100'}
ROUTERS = {'server1': '192.168.2.1', 'server2': '172.64.3.1', 'client': '10.0.1.1'}
ROUTER_MAC = {'server1': '02:ca:57:00:01:01', 'server2': '02:ca:57:00:01:02', 'client': '02:ca:57:00:01:03'}
RTABLE = ''.join('%s %s 255.255.255.255 eth%d\n' % (ip, ip, i + 1) for i, ip in enumerate(HOSTS.values()))

# A child dies with the tests, whatever becomes of them.
with contextlib.suppress(OSError):
    import ctypes
    LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    LIBC.prctl(1, signal.SIGKILL)


def wait_for(condition, seconds, what, every=0.01):
    """The condition's first true value; fails after 'seconds' with 'what' was awaited, or what it says then."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, 'after %g s still no %s' % (seconds, what() if callable(what) else what)
        time.sleep(every)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def tmpfs_dir(name):
    made = tempfile.mkdtemp(prefix='causeway-test-%d-%s-' % (os.getpid(), name), dir='/dev/shm')
    os.chmod(made, 0o711)  # as /run, which webterm passes as another user
    return made


def run(*command, timeout=30, check=True, **options):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False, **options)
    assert not check or done.returncode == 0, '%s ended with %d: %s' % (
        ' '.join(map(str, command)), done.returncode, done.stdout)
    return done


class Child:
    """A process that logs into a file; ended by PID."""

    def __init__(self, name, command, log, env=None):
        self.name, self.log = name, log
        with open(log, 'ab') as out:
            out.write(('--- %s\n' % ' '.join(command)).encode())
            out.flush()
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                                          preexec_fn=die_with_parent, cwd=os.path.dirname(log))
        self.pid = self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def end(self, sig=signal.SIGTERM, seconds=5):
        """Signals and waits.  Returns the exit status; a process that does not end is an error."""
        if self.alive():
            self.popen.send_signal(sig)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(5)
            raise AssertionError('%s (PID %d) did not end within %g s of signal %d' % (
                self.name, self.pid, seconds, sig)) from None

    def text(self):
        with open(self.log, encoding='utf-8', errors='replace') as f:
            return f.read()


class Stack:
    """ofproxy, vnsbridge and router, or another VNS client in its place, in one run directory."""

    PROCESSES = ('ofproxy', 'vnsbridge', 'router')

    def __init__(self, of_port=OF_PORT, vns_port=VNS_PORT, router='ring', flags=None, listen=None):
        self.dir = tmpfs_dir('stack')
        self.run_dir = self.dir + '/run'
        os.mkdir(self.run_dir)
        self.of_port, self.vns_port, self.router = of_port, vns_port, router
        self.flags, self.listen = flags or {}, listen
        self.children = {}
        self.beside = []  # what else a test started, and a failed one may leave running: the next one's switch
        self.rtable = self.dir + '/rtable'
        with open(self.rtable, 'w', encoding='ascii') as f:
            f.write(RTABLE)
        with open(self.dir + '/auth_key', 'w', encoding='ascii') as f:
            f.write('0123456789abcdef' * 4 + '\n')

    def command(self, name):
        common = ['--run-dir', self.run_dir]
        vns = ['-s', '127.0.0.1', '-p', str(self.vns_port), '-v', 'vrhost', '-r', self.rtable]
        if name == 'ofproxy':
            words = ['--listen', self.listen or 'tcp:%d:127.0.0.1' % self.of_port]
        elif name == 'vnsbridge':
            words = ['--listen', 'tcp:%d:127.0.0.1' % self.vns_port]
        elif self.router == 'ring':
            words = []
        elif self.router == 'tcp':
            words = vns
        else:
            assert os.path.exists(FAKE + '/classic_sr'), FAKE + '/classic_sr is not built: make fakes'
            return [FAKE + '/classic_sr'] + vns
        return [BIN + '/' + name] + common + words + list(self.flags.get(name, ()))

    def start(self, *names):
        for name in names or self.PROCESSES:
            assert name not in self.children or not self.children[name].alive(), name + ' runs already'
            self.children[name] = Child(name, self.command(name), '%s/%s.log' % (self.dir, name),
                                        env=dict(os.environ, HOME=self.dir, USER='student'))
            # classic_sr looks for auth_key in its working directory, as the old ones do
        return self

    def end(self, *names, sig=signal.SIGTERM):
        """Our own end with status 0 when they are told to stop, also under a sanitizer."""
        for name in names or reversed(self.PROCESSES):
            if name in self.children:
                running = self.children[name].alive()
                status = self.children[name].end(sig)
                assert status == (0 if sig == signal.SIGTERM else -sig) or not running or (
                    name == 'router' and self.router == 'classic'), '%s ended with %d' % (name, status)

    def kill(self, *names):
        self.end(*names, sig=signal.SIGKILL)

    def pid(self, name):
        return self.children[name].pid

    def all_alive(self):
        return [n for n in self.PROCESSES if n in self.children and not self.children[n].alive()] == []

    def counters(self):
        """All counters by process, from 'causeway show counters --json'."""
        return json.loads(run(BIN + '/causeway', 'show', 'counters', '--json', '--run-dir', self.run_dir).stdout)

    def tails(self, lines=25):
        return '\n'.join('== %s\n%s' % (c.log, ''.join(c.text().splitlines(True)[-lines:]))
                         for c in self.children.values())

    def close(self):
        for child in [*self.beside, *self.children.values()]:
            if child.alive():
                child.popen.kill()
            child.popen.wait(5)
        run('rm', '-rf', self.dir)


class WebStack(Stack):
    """All five processes: those of a Stack, ptyhost and webterm.

        stack = make_stack(WebStack, flags={'ptyhost': ['--command', '/bin/bash']}).start()
        stack.ready()
        status, headers, body = stack.http('GET', '/healthz')
    """

    PROCESSES = (*Stack.PROCESSES, 'ptyhost', 'webterm')

    def __init__(self, web_port=WEB_PORT, **options):
        super().__init__(**options)
        os.chmod(self.dir, 0o755)  # webterm looks for files of the run directory when it is nobody
        self.web_port = web_port
        self.url = 'http://127.0.0.1:%d/' % web_port

    def command(self, name):
        if name not in ('ptyhost', 'webterm'):
            return super().command(name)
        words = ['--run-dir', self.run_dir] + list(self.flags.get(name, ()))
        if name == 'webterm' and '--listen' not in words:
            words += ['--listen', 'tcp:%d:127.0.0.1' % self.web_port]
        return [BIN + '/' + name] + words

    def ready(self, *names, seconds=30):
        """Waits until the processes (ptyhost and webterm, when none is named) are ready."""
        run(BIN + '/causeway', '--run-dir', self.run_dir, 'wait', '--timeout', seconds,
            *(names or ('ptyhost', 'webterm')), timeout=seconds + 10)
        return self

    def http(self, method, path, body=None, headers=(), seconds=30):
        """One request.  Returns the status, the headers (names in small letters) and the body's bytes."""
        link = http.client.HTTPConnection('127.0.0.1', self.web_port, timeout=seconds)
        try:
            link.request(method, path, body, dict(headers))
            answer = link.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            link.close()

    def json(self, path, **options):
        """What a GET of the path answers, which must be 200 and JSON."""
        status, _headers, body = self.http('GET', path, **options)
        assert status == 200, '%s: %d %s' % (path, status, body[:400])
        return json.loads(body)


def missing(text):
    """Of the output of 'causeway show verdicts --json', the rows that do not hold."""
    if not text:
        return ''
    seen = json.loads(text)
    return [row for part in ('accounts', 'rings', 'drops') for row in seen[part] if not row['holds']]


def account(seen, process, name, part=None):
    """A number of an account, or of one of its parts."""
    row = next(r for r in seen['accounts'] if (r['process'], r['account']) == (process, name))
    return row['parts'][part] if part else row['value']


def verdicts(stack):
    """One look at all accounts, from 'causeway show verdicts --json'.  They hold at every moment."""
    done = run(BIN + '/causeway', 'show', 'verdicts', '--json', '--run-dir', stack.run_dir, check=False)
    assert done.returncode == 0, 'something does not add up: %s%s' % (done.stderr, missing(done.stdout))
    return json.loads(done.stdout)


def verdicts_add_up(stack, seconds=10):
    """To be called after a fault: every account holds at every look, and once nothing moves they agree
    exactly: nothing is in flight, the rings carry nothing, and every drop that somebody decided has
    become a verdict (but for late verdicts, which ofproxy no longer waited for).  Returns the last look."""
    def still():
        seen = verdicts(stack)
        late = account(seen, 'ofproxy', 'records', 'stray')
        quiet = (account(seen, 'ofproxy', 'frames', 'in_flight') == 0 and
                 not any(ring['under_way'] for ring in seen['rings']) and
                 sum(drop['under_way'] for drop in seen['drops']) <= late)
        return seen if quiet else None
    try:
        return wait_for(still, seconds, 'settled frames')
    except AssertionError as e:
        seen = verdicts(stack)
        raise AssertionError('%s: %s; %s; drops %s' % (
            e, [(r['ring'], r['under_way']) for r in seen['rings'] if r['under_way']],
            [a for a in seen['accounts'] if a['account'] == 'frames'],
            [d for d in seen['drops'] if d['under_way']])) from None


class Auditor:
    """Looks at all accounts without a pause, whatever is done to the stack meanwhile."""

    def __init__(self, stack):
        self.stack, self.looks, self.wrong, self.stop = stack, 0, [], threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while not self.stop.is_set() and len(self.wrong) < 3:
            try:
                verdicts(self.stack)
                self.looks += 1
            except AssertionError as e:
                self.wrong.append(str(e))

    def end(self):
        """How many looks it had; fails with what did not add up."""
        self.stop.set()
        self.thread.join(30)
        assert not self.wrong, 'after %d looks: %s' % (self.looks, self.wrong)
        return self.looks


class Lab:
    """lab/lab, and its hosts."""

    def __init__(self, of_port=OF_PORT, switch=SWITCH, controller=None, words=(), openflow='both'):
        self.run_dir = tmpfs_dir('lab')
        self.switch = switch
        self.words = ['--run-dir', self.run_dir, '--switch', switch, '--openflow', openflow, '--controller',
                      'tcp:127.0.0.1:%d' % of_port if controller is None else controller] + list(words)

    def do(self, *words, **options):
        return run(LAB, *words, *self.words, **options)

    def up(self):
        self.do('up')
        self.hosts = self.status()['hosts']
        # A host asks for its router's MAC once a second by itself; the tests measure the stack, not that.
        for name, host in self.hosts.items():
            self.exec(name, 'sysctl', '-qw', 'net.ipv4.neigh.%s.retrans_time_ms=100' % host['interface'])
        return self

    def status(self):
        return json.loads(self.do('status', '--json').stdout)

    def connected(self):
        return self.status()['switch']['connected']

    def argv(self, host, *command):
        return ['mnexec', '-a', str(self.hosts[host]['pid'])] + [str(word) for word in command]

    def exec(self, host, *command, **options):
        return run(*self.argv(host, *command), **options)

    def popen(self, host, *command, **options):
        return subprocess.Popen(self.argv(host, *command), stdin=subprocess.DEVNULL, preexec_fn=die_with_parent,
                                **options)

    def python(self, host, code, *args, **options):
        return self.exec(host, sys.executable, '-c', code, *args, **options)

    def ping(self, host, target, *flags, count=1, wait=2):
        """Returns the replies received and ping's own text."""
        done = self.exec(host, 'ping', '-n', '-c', count, '-i', '0.05', '-W', wait, *flags, target, check=False)
        match = re.search(r'(\d+) received', done.stdout)
        return int(match[1]) if match else 0, done.stdout

    def flows(self, host='client', target=HOSTS['server1']):
        return self.ping(host, target, wait=0.2)[0] == 1

    def ofctl(self, *words):
        return run('ovs-ofctl', '-O', 'OpenFlow10,OpenFlow13', *words,
                   env=dict(os.environ, OVS_RUNDIR=self.run_dir + '/lab/ovs')).stdout

    def vsctl(self, *words):
        return run('ovs-vsctl', '--db=unix:%s/lab/ovs/db.sock' % self.run_dir, '--timeout=10', *words).stdout

    def speak(self, protocols):
        """What the switch speaks from now on, as ovs-vsctl has it: OpenFlow10,OpenFlow13."""
        self.vsctl('set', 'bridge', self.switch, 'protocols=' + protocols)

    def close(self):
        if os.path.isdir(self.run_dir):
            run(LAB, 'down', '--run-dir', self.run_dir, check=False)
            run('rm', '-rf', self.run_dir)


class Pinger:
    """Pings ten times a second all the while, and knows when replies came."""

    def __init__(self, lab, host, target, interval='0.1'):
        self.replies = []
        self.popen = lab.popen(host, 'ping', '-n', '-D', '-i', interval, target, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.popen.stdout:
            match = re.match(r'\[(\d+\.\d+)\] \d+ bytes from', line)
            if match:
                self.replies.append((float(match[1]), int(re.search(r'icmp_seq=(\d+)', line)[1])))

    def first_after(self, when, seconds, what):
        """Seconds from 'when' (time.time()) to the first reply after it."""
        def after():
            return next((at for at, _seq in self.replies if at > when), None)
        return wait_for(after, seconds, what) - when

    def close(self):
        self.popen.kill()
        self.popen.wait()
        self.thread.join(5)


VERDICTS = ('NONE', 'FORWARDED', 'ANSWERED', 'HELD', 'DROPPED', 'ORIGINATED')
RECORD = struct.Struct('<I4B3Q Q 2I Q 2I Q')  # shm/record.h: struct record
RING_TAIL, RING_DATA = 128, 4096              # shm/ring.c: struct ring_tx_shared


class Record:
    def __init__(self, data, at):
        (self.size, self.verdict, self.reason, self.klass, self.flags, self.src, self.seq, self.rx_ns, self.dpid,
         self.port, self.ticket, self.tail_off, self.tail_len, self.head_len, self.hold) = RECORD.unpack_from(data, at)
        self.head = bytes(data[at + RECORD.size:at + RECORD.size + self.head_len])

    @property
    def length(self):
        return self.head_len + self.tail_len


def ring_records(run_dir, ring):
    """Every record written to the ring since it was made; no more than its size may have been."""
    assert RECORD.size == 72
    with open('%s/%s.tx' % (run_dir, ring), 'rb') as f:
        data = f.read()
    tail, = struct.unpack_from('<Q', data, RING_TAIL)
    assert tail <= len(data) - RING_DATA, 'the ring has wrapped; the test wrote too much'
    at, found = RING_DATA, []
    while at < RING_DATA + tail:
        found.append(Record(data, at))
        assert found[-1].size >= RECORD.size
        at += found[-1].size
    return found
