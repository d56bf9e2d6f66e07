# tests/e2e/test_cli.py - what `causeway` does with a stack: starting, stopping, watching, changing.
# (What it says when something is wrong: test_messages.py.)
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import time

import pytest

from harness import BIN, HOSTS, OF_PORT, VNS_PORT, WEB_PORT, Pinger, Stack, WebStack, run, tmpfs_dir, wait_for

CAUSEWAY = BIN + '/causeway'
PROCESSES = Stack.PROCESSES


class Stand:
    """A folder for a supervised stack on ports of its own."""

    def __init__(self, of_port, vns_port, folder=None, programs=BIN, start=PROCESSES, web_port=WEB_PORT):
        self.causeway, self.of_port = programs + '/causeway', of_port
        self.dir = tmpfs_dir('cli')
        self.run_dir = folder or self.dir + '/run'
        with open(self.dir + '/empty.conf', 'w', encoding='ascii'):
            pass  # not the machine's /etc/causeway.conf
        clean = {k: v for k, v in os.environ.items() if not k.startswith('CAUSEWAY_') and k != 'NO_COLOR'}
        self.env = dict(clean, CAUSEWAY_RUN=self.run_dir, CAUSEWAY_CONFIG=self.dir + '/empty.conf',
                        CAUSEWAY_OFPROXY_LISTEN='tcp:%d:127.0.0.1' % of_port,
                        CAUSEWAY_VNSBRIDGE_LISTEN='tcp:%d:127.0.0.1' % vns_port, CAUSEWAY_START=' '.join(start),
                        CAUSEWAY_WEBTERM_LISTEN='tcp:%d:127.0.0.1' % web_port, CAUSEWAY_PTYHOST_COMMAND='/bin/cat')

    def do(self, *words, status=0):  # None: whatever it may be
        done = subprocess.run([self.causeway, *map(str, words)], env=self.env, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=60, check=False, cwd=self.dir)
        assert status in (None, done.returncode), '%s: %d: %s%s' % (words, done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *words, status=0):
        return json.loads(self.do(*words, '--json', status=status).stdout)

    def process(self, name):
        done = subprocess.run([self.causeway, 'status', '--json'], env=self.env, text=True, capture_output=True,
                              timeout=60, check=False)
        return next(p for p in json.loads(done.stdout)['processes'] if p['process'] == name)

    def close(self):
        subprocess.run([self.causeway, 'down'], env=self.env, capture_output=True, timeout=60, check=False)
        run('rm', '-rf', self.dir)


@pytest.fixture
def stand():
    made = Stand(OF_PORT + 13, VNS_PORT + 10)
    yield made
    made.close()


@pytest.fixture(scope='module')
def routing(lab):
    """A supervised stack that routes the lab."""
    made = Stand(OF_PORT, VNS_PORT + 11)
    made.do('up')
    made.do('wait', '--timeout', 10)
    yield made
    made.close()


def descendants(run_dir):
    """PIDs of all processes that have the run directory's name in their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/cmdline' % pid, 'rb') as f:
                if run_dir.encode() in f.read() and int(pid) != os.getpid():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def test_up_and_down_may_be_said_twice_and_leave_nothing(stand):
    for _ in range(2):
        assert 'started' in stand.do('up').stdout
        assert 'runs already' in stand.do('up').stdout
        assert [p['state'] for p in stand.json('status')['processes']] == ['ready', 'waiting', 'waiting']
        assert 'removed' in stand.do('down').stdout
        assert not os.path.exists(stand.run_dir)
        assert descendants(stand.run_dir) == []
        assert 'nothing runs' in stand.do('down').stdout


def test_the_run_directory_may_be_mounted_noexec(stand):
    os.mkdir(stand.run_dir)
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'noexec,nosuid,nodev', 'causeway-test', stand.run_dir],
                      capture_output=True, check=False).returncode != 0:
        pytest.skip('no right to mount')
    try:
        stand.do('up')
        stand.do('down')
        assert os.listdir(stand.run_dir) == []
    finally:
        run('umount', stand.run_dir)


@pytest.mark.parametrize('name', PROCESSES)
def test_a_killed_process_comes_back_and_the_others_stay(stand, name):
    stand.do('up')
    before = {p: stand.process(p)['pid'] for p in PROCESSES}
    os.kill(before[name], signal.SIGKILL)
    wait_for(lambda: stand.process(name).get('pid', before[name]) != before[name], 5, 'restarted ' + name)
    for p in PROCESSES:
        if p != name:
            assert stand.process(p)['pid'] == before[p]
    assert stand.process(name)['restarts'] == 1


@pytest.fixture
def five():
    made = Stand(OF_PORT + 13, VNS_PORT + 10, start=WebStack.PROCESSES)
    yield made
    made.close()


def test_up_starts_what_start_names_and_adds_what_it_names_more(stand):
    """The commands look at those, and at others that run or ran."""
    stand.env['CAUSEWAY_START'] = 'ofproxy router'

    def shown():
        return [p['process'] for p in stand.json('status', status=None)['processes']]
    assert 'waits' in stand.do('up').stdout
    assert shown() == ['ofproxy', 'router'] == sorted(os.listdir(stand.run_dir + '/log'))[:2]
    stand.do('wait', 'vnsbridge', '--timeout', '0', status=1)
    before = stand.process('router')['pid']
    stand.env['CAUSEWAY_START'] = 'webterm vnsbridge'
    assert shown() == ['ofproxy', 'vnsbridge', 'router', 'webterm']
    assert 'runs already' in stand.do('up').stdout
    assert all(stand.process(p)['pid'] > 0 for p in shown()) and stand.process('router')['pid'] == before
    stand.env['CAUSEWAY_START'] = 'ptyhost'
    assert len(stand.json('restart', 'all', '--kill')) == 4
    stand.do('down')
    assert descendants(stand.run_dir) == [] and not os.path.exists(stand.run_dir)
    assert 'none of it routes' in stand.do('up').stdout


def test_all_five_come_up_and_say_where_the_page_is(five):
    up = five.do('up').stdout
    assert 'In a browser: http://127.0.0.1:%d/\n' % WEB_PORT in up, up
    assert five.process('webterm')['text'] == 'http://127.0.0.1:%d/' % WEB_PORT
    assert five.json('up')['routing'] is False  # no switch yet
    five.do('wait', 'ptyhost', 'webterm', '--timeout', 10)
    five.do('log', 'info')


def control(run_dir, process, method, **params):
    """One call of a process's control socket, without causeway between."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect('%s/%s.sock' % (run_dir, process))
        s.sendall(json.dumps({'method': method, 'params': params, 'id': 1}).encode() + b'\n')
        return json.loads(s.makefile().readline())


def test_restart_says_how_long_it_took(stand):
    stand.do('up')
    before = stand.process('router')['pid']
    for words in (('restart', 'router'), ('restart', 'r', '--kill')):
        done, = stand.json(*words)
        assert done['pid_before'] == before != done['pid']
        assert 0 < done['outage_ms'] < 5000
        before = done['pid']
    assert len(stand.json('restart', 'all')) == 3


def test_down_touches_nothing_that_is_not_its_own(stand):
    os.makedirs(stand.run_dir)
    keep = stand.run_dir + '/notes.txt'
    with open(keep, 'w', encoding='ascii') as f:
        f.write('mine')
    assert 'not a run directory' in stand.do('down', status=1).stderr
    assert os.listdir(stand.run_dir) == ['notes.txt']
    stand.do('up')
    assert 'notes.txt' in stand.do('down').stdout
    assert os.listdir(stand.run_dir) == ['notes.txt']


def test_processes_started_by_hand_are_shown_and_left_alone(make_stack):
    stack = make_stack(of_port=OF_PORT + 14, vns_port=VNS_PORT + 12).start()
    hand = Stand(OF_PORT + 14, VNS_PORT + 12, folder=stack.run_dir)
    try:
        wait_for(lambda: hand.process('ofproxy')['state'] == 'ready', 5, 'ready ofproxy')
        for name in PROCESSES:
            assert hand.process(name)['pid'] == stack.pid(name)
            assert hand.process(name)['supervised'] is False
        assert 'by hand' in hand.do('up', status=1).stderr
        assert 'by hand' in hand.do('down', status=1).stderr
        assert 'by hand' in hand.do('restart', 'router', status=1).stderr
        assert stack.all_alive()
        stack.end()
        hand.do('status', status=1)
    finally:
        stack.close()
        hand.close()


def test_a_failed_start_names_the_cause_and_leaves_nothing_running(stand):
    stand.env['CAUSEWAY_OFPROXY_LISTEN'] = 'tcp:%d:127.0.0.1' % OF_PORT
    other = Stand(OF_PORT, VNS_PORT + 13)
    try:
        other.do('up')
        done = stand.do('up', status=1)
        assert str(OF_PORT) in done.stderr and 'ofproxy did not start' in done.stderr
        assert descendants(stand.run_dir) == []
    finally:
        other.close()


def test_every_answer_is_json_when_asked(stand):
    assert stand.json('up')['started'] is True
    assert stand.json('up')['started'] is False
    for words in (['status'], ['status', '--rates'], ['version'], ['help'], ['logs'], ['check-config'],
                  ['route', 'list'], ['arp', 'list'], ['arp', 'flush'], ['log', 'info'],
                  *(['show', t] for t in ('arp', 'counters', 'ingress', 'interfaces', 'latency', 'rings', 'routes', 'switches',
                                          'verdicts', 'vhosts'))):
        stand.json(*words)
    assert stand.json('show', 'counters')['router']['received'] == 0
    assert stand.json('down')['stopped'] is True


def test_topics_may_be_shortened_as_far_as_they_are_unique(stand):
    stand.do('up')
    for word in ('a', 'c', 'ing', 'int', 'l', 'ri', 'ro', 'sw', 've', 'vh'):
        stand.do('show', word)
    for word in ('i', 'r', 's', 'v', 'x', ''):
        stand.do('show', word, status=2)


def test_only_a_terminal_is_coloured(stand):
    stand.do('up')
    assert '\x1b' not in stand.do('status').stdout

    def at_terminal(**env):
        ours, theirs = pty.openpty()
        subprocess.run([CAUSEWAY, 'status'], env=dict(stand.env, **env), stdin=subprocess.DEVNULL, stdout=theirs,
                       check=True, timeout=10)
        os.close(theirs)
        text = os.read(ours, 65536)
        os.close(ours)
        return text
    assert b'\x1b[32mready' in at_terminal()
    assert b'\x1b' not in at_terminal(NO_COLOR='1')


def test_logs_are_kept_and_merged_by_time(stand):
    stand.do('up')
    lines = stand.json('logs', '-n', 1000)
    assert {line['process'] for line in lines} == set(PROCESSES)
    times = [line['line'][:24] for line in lines]
    assert times == sorted(times)
    assert len(stand.json('logs', 'router', '-n', 1)) == 1


def test_relative_names_mean_what_they_mean_by_hand(stand):
    with open(stand.dir + '/rtable', 'w', encoding='ascii') as f:
        f.write('10.77.0.0 10.0.1.100 255.255.0.0 eth3\n')
    stand.do('up')
    assert [r['destination'] for r in stand.json('route', 'list')] == ['10.77.0.0/16']


def test_wait_waits_for_what_it_is_told(stand):
    stand.do('up')
    stand.do('wait', 'ofproxy', '--timeout', 5)
    start = time.monotonic()
    assert 'router is not ready' in stand.do('wait', 'router', '--timeout', 0.5, status=1).stderr
    assert 0.4 < time.monotonic() - start < 3


# ---- with the lab --------------------------------------------------------------------------------

@pytest.mark.parametrize('hard', [False, True])
def test_a_process_restarts_itself_when_its_socket_is_asked_to(routing, lab, hard):
    wait_for(lab.flows, 30, 'a reply')
    before = routing.process('router')
    pinger = Pinger(lab, 'client', HOSTS['server1'], interval='0.02')
    try:
        pinger.first_after(0, 10, 'a reply')
        assert control(routing.run_dir, 'router', 'restart', hard=hard)['result'] == {'pid': before['pid']}
        wait_for(lambda: routing.process('router').get('pid', before['pid']) != before['pid'], 10, 'a new router')
        assert pinger.first_after(time.time(), 10, 'a reply of the new router') < 5
    finally:
        pinger.close()
    log = routing.do('logs', 'router').stdout.split('asked to restart hard=%d' % hard)
    assert len(log) > 1 and ('info stopped' in log[-1]) is not hard, log[-1]


def test_status_accounts_for_every_frame(routing, lab):
    assert lab.ping('client', HOSTS['server1'], count=5)[0] == 5
    status = wait_for(lambda: (lambda s: s if s['frames']['in_flight'] == 0 else None)(routing.json('status')), 5,
                      'settled frames')
    f = status['frames']
    assert f['received'] == f['forwarded'] + f['answered'] + f['held'] + f['dropped'] > 0
    assert status['supervisor'] > 0
    assert {r['ring']: r['used_bytes'] for r in status['rings']} == dict.fromkeys(
        ('PKT_IN', 'VNS_IN', 'VNS_OUT', 'PKT_OUT'), 0)


def test_show_latency_has_every_frame_that_was_settled(routing, lab):
    assert lab.ping('client', HOSTS['server1'], count=5)[0] == 5

    def settled():
        frames, latency = routing.json('status')['frames'], routing.json('show', 'latency')
        return latency if frames['in_flight'] == 0 and latency['count'] == frames['received'] > 0 else None
    latency = wait_for(settled, 5, 'latency of every settled frame')
    keys = ['min_us', 'p50_us', 'p90_us', 'p99_us', 'p999_us', 'p9999_us', 'max_us']
    assert [latency[k] for k in keys] == sorted(latency[k] for k in keys) and 0 < latency['min_us'] < latency['mean_us']
    assert sum(n for _low, n in latency['buckets']) == latency['count']
    text = routing.do('show', 'latency').stdout
    assert '%d frames, from' % latency['count'] in text and '99.9 %' in text and '#' in text
    watch = subprocess.Popen([CAUSEWAY, 'show', 'latency', '--watch', '0.1', '--json'], env=routing.env, text=True,
                             stdout=subprocess.PIPE)
    try:
        assert json.loads(watch.stdout.readline())['count'] == latency['count']
        assert lab.ping('client', HOSTS['server1'], count=3)[0] == 3
        counts = []
        wait_for(lambda: counts.append(json.loads(watch.stdout.readline())['count']) or sum(counts) >= 6, 10,
                 'the six frames of three pings')
        assert sum(counts) < latency['count']
    finally:
        watch.kill()
        watch.wait()


def test_a_route_is_used_until_it_is_deleted(routing, lab):
    """A host address that nobody routes, sent to server1, which forwards nothing: silence, not an error."""
    target = '10.99.0.1'
    assert 'Net Unreachable' in lab.ping('client', target)[1]
    routing.do('route', 'add', target + '/32', 'via', HOSTS['server1'], 'dev', 'eth1')
    assert target + '/32' in [r['destination'] for r in routing.json('show', 'routes')]
    assert 'Net Unreachable' not in lab.ping('client', target, wait=0.3)[1]
    routing.do('route', 'del', target + '/32')
    assert 'Net Unreachable' in lab.ping('client', target)[1]


def test_arp_flush_forgets_the_neighbours(routing, lab):
    assert lab.ping('client', HOSTS['server1'])[0] == 1
    assert len(routing.json('show', 'arp')) >= 2
    assert routing.json('arp', 'flush')['deleted'] >= 2
    assert lab.ping('client', HOSTS['server1'])[0] == 1


def pcap_frames(data):
    magic, _major, _minor, _zone, _accuracy, snap, link = struct.unpack_from('<IHHiIII', data)
    assert (magic, snap, link) == (0xa1b23c4d, 65535, 1)
    at, frames = 24, []
    while at < len(data):
        seconds, nanoseconds, have, whole = struct.unpack_from('<IIII', data, at)
        at += 16
        assert nanoseconds < 10**9 and have <= whole and at + have <= len(data)
        frames.append((seconds + nanoseconds / 1e9, data[at:at + have], whole))
        at += have
    return frames


def test_capture_writes_the_frames_that_pass_and_none_else(routing, lab):
    assert lab.ping('client', HOSTS['server1'])[0] == 1  # the neighbours are known
    before = time.time()
    capture = subprocess.Popen([CAUSEWAY, 'capture', '-w', '-', '-c', '20'], env=routing.env,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert b'capturing' in capture.stderr.readline()
        assert lab.ping('client', HOSTS['server1'], '-s', 1200, '-p', 'c5', count=5)[0] == 5
        data, errors = capture.communicate(timeout=10)
    finally:
        capture.kill()
        capture.wait()
    assert capture.returncode == 0
    frames = pcap_frames(data)
    echoes = [f for f in frames if f[1][23:24] == b'\x01' and f[2] == 14 + 20 + 8 + 1200]
    assert len(frames) == 20 and len(echoes) >= 16 and b'0 records missed' in errors, errors
    ttls = set()
    for when, data, whole in echoes:
        ttls.add(data[22])
        assert before - 1 < when < time.time() + 1
        assert len(data) in (128, whole)  # whole, or the head alone where its memory was in use again
        assert set(data[14 + 20 + 8 + 16:]) == {0xc5}  # ping begins its payload with the time
    assert ttls == {63, 64}  # as they came, as they left


def test_capture_prints_lines_and_ends_at_an_interrupt(routing, lab):
    """With what had passed before it, however late it comes to read that."""
    capture = subprocess.Popen([CAUSEWAY, 'capture', '--ring', 'pkt_in'], env=routing.env, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        capture.stderr.readline()
        capture.send_signal(signal.SIGSTOP)
        assert lab.ping('client', HOSTS['server2'], count=3)[0] == 3
        capture.send_signal(signal.SIGINT)
        capture.send_signal(signal.SIGCONT)
        lines, _errors = capture.communicate(timeout=10)
    finally:
        capture.kill()
        capture.wait()
    assert capture.returncode == 0
    asked = [line for line in lines.splitlines() if '10.0.1.100 > 172.64.3.10' in line]
    assert len(asked) == 3
    assert all(' PKT_IN ' in line and ' eth3 ' in line and 'ICMP echo request' in line for line in asked)
