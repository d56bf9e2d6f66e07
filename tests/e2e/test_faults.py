# What must not take anything else down: processes that stand still, memory, descriptors and files that run
# out, and switches and clients with bad manners.  Each test has a bystander whose frames are counted: it
# loses none, and the processes stay the ones that they were.
#
# CAUSEWAY_STOP=30 and CAUSEWAY_RESTARTS=100 make the long forms (tests/fault/run).
import contextlib
import ctypes
import json
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time

import pytest
import vns
from crowd import Crowd, Member, message
from harness import BIN, FAKE, LIBC, OF_PORT, SLOT, VNS_PORT, Child, WebStack, run, verdicts_add_up, wait_for
from ofswitch import ECHO_REQUEST, Switch, udp_frame
from steady import BACK, HIGHEST, MARK_NS, Steady, dropped, settled
from test_cli import Stand
from test_vnsbridge_multi import hardware

STOP = float(os.environ.get('CAUSEWAY_STOP', 3))
RESTARTS = int(os.environ.get('CAUSEWAY_RESTARTS', 5))
PORT = OF_PORT + 9
NO_VNS = {'vnsbridge': ['--listen', 'none']}


def rss(pid):
    """Kilobytes of memory that are the process's own; the shared rings are what they are."""
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        return int(re.search(r'RssAnon:\s+(\d+)', f.read())[1])


def causeway(stack, *words, check=True):
    return run(BIN + '/causeway', *words, '--run-dir', stack.run_dir, check=check)


class Watch:
    """A stack under the bystander's traffic; afterwards nothing is missing and nobody was replaced."""

    def __init__(self, stack, **steady):
        self.stack = stack
        self.steady = Steady(stack, **steady)
        wait_for(lambda: self.steady.get(HIGHEST) > 100, 60, 'flowing frames')
        self.pids = {name: child.pid for name, child in stack.children.items()}
        self.before = stack.counters()['ofproxy']
        self.aged = False  # frames have waited for 30 s and more
        self.memory = {name: rss(pid) for name, pid in self.pids.items()}

    def flows(self, frames=200, seconds=5):
        self.steady.flows(frames, seconds)

    def grown(self, *names):
        """How much more memory they take, at most."""
        return max(rss(self.pids[name]) - self.memory[name] for name in names or self.pids)

    def end(self, exact=True):
        self.flows()
        assert self.stack.all_alive(), self.stack.tails()
        end = self.steady.stop()
        of = self.stack.counters()['ofproxy']
        why = {name: n - self.before[name] for name, n in dropped(of).items() if n > self.before[name]}
        gone = sum(why.values()) if self.aged else 0  # after 30 s, frames that waited are dropped, and counted
        assert (end['lost'], end['twice'], end['wrong'], end['strange'], end['errors']) == (gone, 0, 0, 0, 0), (end, why)
        assert end['back'] + gone == end['sent'] and end['connects'] == 1, end
        print('\ndropped for their age: %s' % why if self.aged else '')
        wait_for(lambda: self.in_flight() == 0, 5, 'verdict of every frame')
        of = self.stack.counters()['ofproxy']
        assert of['bad_verdicts'] == 0, of
        if exact and not self.aged:
            assert dropped(of) == dropped(self.before), (dropped(of), dropped(self.before))
        verdicts_add_up(self.stack)
        self.stack.end()
        return of

    def in_flight(self):
        of = self.stack.counters()['ofproxy']
        return of['received'] - settled(of)


@pytest.fixture()
def watch(make_own_stack):
    def make(flags=None, **options):
        return Watch(make_own_stack(of_port=PORT, flags=flags or NO_VNS, **options).start())
    return make


@pytest.fixture()
def crowd():
    made = Crowd()
    yield made
    made.close()


# ---- a process that stands still -----------------------------------------------------------------

def stop(pid):
    """Returns once it stands still: the signal takes its time."""
    os.kill(pid, signal.SIGSTOP)

    def stands():
        with open('/proc/%d/stat' % pid, encoding='ascii') as f:
            return f.read().rpartition(')')[2].split()[0] == 'T'
    wait_for(stands, 5, 'stop of PID %d' % pid)


def ask_all(watch, but):
    """The others answer at once, and the one that stands still is named."""
    found = {p['process']: p for p in json.loads(causeway(watch.stack, 'status', '--json', check=False).stdout)['processes']}
    assert found[but]['state'] == 'silent' and 'does not answer' in found[but]['text'], found[but]
    assert all(p['state'] in ('ready', 'waiting') for name, p in found.items() if name != but), found
    for name, words in (('ofproxy', ('show', 'switches')), ('router', ('show', 'routes'))):
        if name != but:
            assert causeway(watch.stack, *words).stdout


@pytest.mark.parametrize('name', ['ofproxy', 'vnsbridge', 'router'])
def test_a_process_that_is_stopped_stops_nobody_and_goes_on(watch, crowd, name):
    w = watch()
    one = Member(PORT, 77)
    crowd.add(one)
    crowd.until(lambda: one.ready, 5, 'handshake')
    others = [n for n in w.pids if n != name]
    stop(w.pids[name])
    try:
        end, asked = time.monotonic() + STOP, 0
        while time.monotonic() < end:
            ask_all(w, name)
            if name != 'ofproxy':  # keepalives are answered, whatever happens behind
                one.out += message(ECHO_REQUEST)
                asked += 1
                crowd.until(lambda: one.echoes == asked, 1, 'answer to ECHO_REQUEST')
        assert w.grown(*others) <= 256, 'kB more in %s' % others
    finally:
        os.kill(w.pids[name], signal.SIGCONT)
    w.flows(seconds=2)
    w.aged = STOP >= 30
    w.end()


def test_a_stopped_switch_is_missed_and_comes_back(lab, make_own_stack):
    stack = make_own_stack(flags=NO_VNS).start()
    wait_for(lab.flows, 10, 'reply to a ping')
    pid = int(run('pgrep', '-f', 'ovs-vswitchd.*' + re.escape(lab.run_dir)).stdout.split()[0])
    before = {name: child.pid for name, child in stack.children.items()}
    stop(pid)
    try:
        end = time.monotonic() + STOP
        while time.monotonic() < end:
            causeway(stack, 'status')
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lab.flows, 15, 'reply to a ping')
    assert {name: child.pid for name, child in stack.children.items() if child.alive()} == before
    verdicts_add_up(stack)
    assert stack.counters()['ofproxy']['bad_verdicts'] == 0
    stack.end()


# ---- a process that is killed, under the supervisor ------------------------------------------------

class Supervised:
    """What Steady takes for a stack."""

    def __init__(self, stand):
        self.dir, self.of_port = stand.dir, PORT


def up_for_a_second(stand, name):
    """Its PID then.  s6 starts a service once a second at most."""
    p = stand.process(name)
    return p.get('uptime_s', 0) > 1.05 and p['pid']


@pytest.mark.parametrize('name', ['router', 'vnsbridge', 'ofproxy'])
def test_the_supervisor_has_traffic_back_soon(name):
    stand = Stand(PORT, VNS_PORT + 9)
    took = []
    try:
        stand.do('up')
        steady = Steady(Supervised(stand), *(['--reconnect'] if name == 'ofproxy' else []), rate=10000)
        try:
            wait_for(lambda: steady.get(HIGHEST) > 100, 10, 'flowing frames')
            for _ in range(RESTARTS):
                pid = wait_for(lambda: up_for_a_second(stand, name), 5, 'second of ' + name)
                steady.flows(100)
                at = time.monotonic_ns()
                os.kill(pid, signal.SIGKILL)
                steady.mark()
                took.append(wait_for(lambda: steady.get(MARK_NS), 5, 'frame after the kill of ' + name) - at)
        finally:
            end = steady.stop()
        took.sort()
        print('\n%s killed %d times at 10000 frames a second: first new frame after p50 %.1f ms, max %.1f ms; %s' % (
            name, RESTARTS, took[len(took) // 2] / 1e6, took[-1] / 1e6, end))
        assert (end['lost'], end['twice'], end['wrong'], end['strange']) == (0, 0, 0, 0), end
        if name != 'ofproxy':
            assert end['back'] == end['sent'], end
        verdicts_add_up(stand)
    finally:
        stand.close()


# ---- descriptors -----------------------------------------------------------------------------------

def descriptors(pid):
    return len(os.listdir('/proc/%d/fd' % pid))


def limited(make_own_stack, name, limit, **flags):
    """A stack in which one process may have only so many descriptors.  From the start: in its sandbox the
    process is another user's, whose limits even root may not be allowed to change."""
    stack = make_own_stack(of_port=PORT, flags=flags or NO_VNS)
    plain = stack.command
    stack.command = lambda n: (['prlimit', '--nofile=%d:%d' % (limit, limit)] if n == name else []) + plain(n)
    w = Watch(stack.start())
    assert descriptors(w.pids[name]) <= limit - 5, 'the limit leaves no room for anything'
    return w


def count_lines(stack, name, words):
    return sum(words in line for line in stack.children[name].text().splitlines())


def test_ofproxy_out_of_descriptors_refuses_switches_and_recovers(make_own_stack, crowd):
    w = limited(make_own_stack, 'ofproxy', 48)
    room = 48 - descriptors(w.pids['ofproxy'])
    crowd.add(*(Member(PORT, 1000 + n) for n in range(60)))
    crowd.until(lambda: sum(m.ready for m in crowd.members) + sum(m.closed for m in crowd.members) == 60, 10,
                'answer to each')
    w.flows()
    assert 1 <= sum(m.ready for m in crowd.members) <= room
    assert count_lines(w.stack, 'ofproxy', 'switches refused from now on') == 1, w.stack.tails()
    assert count_lines(w.stack, 'ofproxy', 'ulimit -n') == 1
    for m in list(crowd.members):
        if not m.closed:
            crowd.lose(m)
    wait_for(lambda: 'dpid' in causeway(w.stack, 'show', 'switches', '--json').stdout, 5, 'answer')
    late = Member(PORT, 2000)
    crowd.add(late)
    crowd.until(lambda: late.ready, 5, 'handshake once descriptors are free again')
    assert count_lines(w.stack, 'ofproxy', 'switches are accepted again') == 1, w.stack.tails()
    w.end()


def test_vnsbridge_out_of_descriptors_lets_clients_wait_and_recovers(make_own_stack):
    w = limited(make_own_stack, 'vnsbridge', 48, vnsbridge=['--listen', 'tcp:%d:127.0.0.1' % (VNS_PORT + 9)])
    with contextlib.ExitStack() as sockets:
        for _ in range(48):
            sockets.enter_context(socket.create_connection(('127.0.0.1', VNS_PORT + 9), 5))
        wait_for(lambda: count_lines(w.stack, 'vnsbridge', 'a VNS client must wait'), 5, 'line about it')
        w.flows()
    client = wait_for(lambda: greeted(VNS_PORT + 9), 10, 'client served once descriptors are free again')
    client.sock.close()
    w.end()


def greeted(port, not_yet=()):
    try:
        client = vns.Client(port, opened=False)
    except not_yet:
        return None
    got = client.receive(1)
    if got and got[0] == vns.AUTH_REQUEST:
        return client
    client.sock.close()
    return None


# ---- many switches ---------------------------------------------------------------------------------

def reflecting(make_own_stack, *flags):
    """ofproxy with a fake in vnsbridge's place that sends each frame back."""
    stack = make_own_stack(of_port=PORT, flags={'ofproxy': list(flags)})
    stack.start('ofproxy')
    wait_for(lambda: os.path.exists(stack.run_dir + '/ofproxy.sock'), 5, 'ofproxy')
    stack.children['reflector'] = Child('reflector', [FAKE + '/reflector', stack.run_dir], stack.dir + '/reflector.log')
    return stack


def test_a_thousand_switches_at_once_each_get_their_frames(make_own_stack, crowd):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    stack = reflecting(make_own_stack)
    pid, before, begun = stack.pid('ofproxy'), rss(stack.pid('ofproxy')), time.monotonic()
    crowd.add(*(Member(PORT, 10000 + n) for n in range(1000)))
    crowd.until(lambda: all(m.ready for m in crowd.members), 30, 'handshake of all')
    took = time.monotonic() - begun
    for n in range(1, 4):
        for m in crowd.members:
            m.send_frame()
        crowd.until(lambda n=n: all(m.frames == n for m in crowd.members), 20, 'frame %d of each' % n)
    more = rss(pid) - before
    print('\n1000 switches ready after %.2f s, %d kB more' % (took, more))
    of = stack.counters()['ofproxy']
    assert of['forwarded'] == of['received'] == 3000 and of['dropped'] == 0, of
    assert stack.pid('ofproxy') == pid and stack.all_alive()
    assert more < 16 * 1024, '%d kB' % more  # 16 kB each
    crowd.close()
    wait_for(lambda: '"dpid"' not in causeway(stack, 'show', 'switches', '--json').stdout, 5, 'end of all of them')
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    stack.end('ofproxy')


def test_more_switches_than_the_limit_are_refused_and_the_others_stay(make_own_stack, crowd):
    stack = reflecting(make_own_stack, '--max-switches', '20')
    crowd.add(*(Member(PORT, 10000 + n) for n in range(20)))
    crowd.until(lambda: all(m.ready for m in crowd.members), 10, 'handshake of all')
    late = [Member(PORT, 20000 + n) for n in range(30)]
    crowd.add(*late)
    crowd.until(lambda: all(m.closed for m in late), 10, 'refusal of those over the limit')
    assert 'raise max-switches' in stack.children['ofproxy'].text()
    for m in crowd.members[:20]:
        m.send_frame()
    crowd.until(lambda: all(m.frames == 1 for m in crowd.members[:20]), 5, "frames of those within it")
    crowd.lose(crowd.members[0])
    again = []

    def accepted():
        if not again or again[-1].closed:
            again.append(Member(PORT, 30000))
            crowd.add(again[-1])
        return again[-1].ready
    crowd.until(accepted, 5, 'place that became free')
    stack.end('ofproxy')


# ---- switches with bad manners ---------------------------------------------------------------------

def test_a_switch_that_reads_nothing_costs_nobody_else_anything(make_own_stack, crowd):
    stack = reflecting(make_own_stack, '--echo-interval', '1')
    deaf, good = Member(PORT, 5), Member(PORT, 6)
    crowd.add(good, deaf)
    crowd.until(lambda: good.ready and deaf.ready, 5, 'handshake')
    deaf.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    crowd.selector.unregister(deaf.sock)
    crowd.members.remove(deaf)
    deaf.sock.setblocking(True)
    deaf.sock.settimeout(2)
    before, pid = rss(stack.pid('ofproxy')), stack.pid('ofproxy')
    frames = bytearray()
    for _ in range(100):
        m = Member.__new__(Member)
        m.out = b''
        m.send_frame(1500)
        frames += m.out  # no need to read to be able to send

    def talk():
        with contextlib.suppress(OSError):  # let go, in the end
            while True:
                deaf.sock.sendall(frames)
                time.sleep(0.01)
    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    wait_for(lambda: stack.counters()['ofproxy']['dropped_switch_slow'] > 1000, 10, 'drops for want of a reader')
    sent = good.frames
    for _ in range(20):
        good.send_frame()
        sent += 1
        crowd.until(lambda: good.frames == sent, 2, "other switch's frame")
    crowd.until(lambda: 'it reads nothing of what it is sent' in stack.children['ofproxy'].text(), 10, 'end of its patience')
    thread.join(5)
    assert rss(pid) - before < 1024, 'ofproxy grew by %d kB' % (rss(pid) - before)
    good.send_frame()
    crowd.until(lambda: good.frames == sent + 1, 2, "other switch's frame")
    of = stack.counters()['ofproxy']
    assert of['received'] == settled(of) and of['bad_verdicts'] == 0, of
    deaf.sock.close()
    stack.end('ofproxy')


def test_a_switch_that_sends_a_byte_at_a_time_is_served_like_any(watch):
    w = watch()
    m = Member(PORT, 9)
    m.sock.setblocking(True)
    while not m.ready or m.out:
        for byte in m.out:
            m.sock.sendall(bytes([byte]))
        m.out = b''
        if not m.ready:
            m.handle(m.sock.recv(4096))
    for byte in message(ECHO_REQUEST) * 3:
        m.sock.sendall(bytes([byte]))
    while m.echoes < 3:
        m.handle(m.sock.recv(4096))
    assert w.grown() <= 256
    m.sock.close()
    w.end()


class Elsewhere:
    """A network of its own, to be cut off: what is sent there afterwards is lost without a word."""

    def __init__(self):
        self.name = 'ct%dz' % SLOT
        self.address = '10.213.%d.1' % SLOT
        run('ip', 'netns', 'add', self.name)
        run('ip', 'link', 'add', self.name, 'address', '02:ca:57:ff:00:01', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', self.name)
        run('ip', 'addr', 'add', self.address + '/24', 'dev', self.name)
        run('ip', 'link', 'set', self.name, 'up')
        run('ip', '-n', self.name, 'addr', 'add', '10.213.%d.2/24' % SLOT, 'dev', 'eth0')
        run('ip', '-n', self.name, 'link', 'set', 'eth0', 'up')

    def socket(self):
        """A socket of that network: only the thread that makes it goes there."""
        made = []

        def make():
            with open('/run/netns/' + self.name, 'rb') as f:
                assert LIBC.setns(f.fileno(), 0x40000000) == 0, os.strerror(ctypes.get_errno())
            made.append(socket.socket())
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]

    def cut(self):
        run('ip', 'link', 'set', self.name, 'down')

    def close(self):
        run('ip', 'link', 'del', self.name, check=False)
        run('ip', 'netns', 'del', self.name, check=False)


@pytest.fixture()
def elsewhere():
    made = Elsewhere()
    yield made
    made.close()


def test_a_switch_that_vanished_has_its_place_again_when_it_is_back(watch, crowd, elsewhere):
    w = watch(flags=dict(NO_VNS, ofproxy=['--listen', 'tcp:%d' % PORT]))
    gone = Member(PORT, 42, address=elsewhere.address, sock=elsewhere.socket())
    crowd.add(gone)
    crowd.until(lambda: gone.ready, 5, 'handshake')
    elsewhere.cut()
    begun = time.monotonic()
    back = Member(PORT, 42)
    crowd.add(back)
    crowd.until(lambda: count_lines(w.stack, 'ofproxy', 'switch ready dpid=0x000000000000002a') == 2, 5,
                'place of the switch that vanished')
    print('\nits place again after %.2f s' % (time.monotonic() - begun))
    assert time.monotonic() - begun < 3
    thief = Member(PORT, 42)
    crowd.add(thief)
    crowd.until(lambda: thief.closed, 5, 'refusal of a second live switch')
    assert thief.errors == 1 and back.ready and not back.closed
    w.end()


# ---- VNS clients with bad manners ------------------------------------------------------------------

def test_vns_clients_with_bad_manners_harm_nobody(watch):
    port = VNS_PORT + 9
    w = watch(flags={'vnsbridge': ['--listen', 'tcp:%d:127.0.0.1' % port, '--max-clients', '32']})
    with contextlib.ExitStack() as sockets:
        # many at once, more than there are places, that say nothing
        many = [sockets.enter_context(socket.create_connection(('127.0.0.1', port), 5)) for _ in range(100)]
        w.flows()
        wait_for(lambda: w.stack.counters()['vnsbridge']['clients_refused'] >= 68, 5, 'refusal of those over the limit')
        for s in many:
            s.close()
        # a byte at a time
        slow = wait_for(lambda: greeted(port), 5, 'place')
        sockets.enter_context(slow.sock)
        slow.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reply = (8 + 4 + 6 + 20).to_bytes(4, 'big') + vns.AUTH_REPLY.to_bytes(4, 'big') + (6).to_bytes(4, 'big') + b'tester' + bytes(20)
        for byte in reply:
            slow.sock.sendall(bytes([byte]))
        assert slow.expect(vns.AUTH_STATUS)[0] == 1
        # one that asks again and again, and reads nothing
        deaf = wait_for(lambda: greeted(port), 5, 'place')
        sockets.enter_context(deaf.sock)
        deaf.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sock.settimeout(1)
        with contextlib.suppress(OSError):
            for _ in range(20000):
                deaf.sock.sendall(reply)
        w.flows()
        assert w.grown() <= 512
    w.end()


# CAUSEWAY_STOP=30 waits for the default client-timeout; else the least that may be set.
CLIENT_TIMEOUT = 30 if STOP >= 30 else 3
VHOSTS = """
[vhost alpha]
interface = eth1 ct9-eth1 10.1.0.1
[vhost beta]
interface = eth2 ct9-eth2 10.2.0.1
"""


class TwoVhosts:
    """alpha's client has bad manners, to come; beta's is the bystander.  No router, a pretend switch."""

    def __init__(self, stack):
        self.stack, self.port = stack, VNS_PORT + 9
        with open(stack.dir + '/vhosts.conf', 'w', encoding='ascii') as f:
            f.write(VHOSTS)
        stack.flags = {'vnsbridge': ['--config', stack.dir + '/vhosts.conf', '--listen', 'tcp:%d' % self.port,
                                     '--client-timeout', str(CLIENT_TIMEOUT)]}
        stack.start('ofproxy', 'vnsbridge')
        self.switch = wait_for(self.dial, 5, 'ofproxy')
        self.beta = wait_for(lambda: greeted(self.port, not_yet=ConnectionRefusedError), 10, 'vnsbridge')
        self.beta.sock.close()
        self.beta = vns.Client(self.port, vhost='beta')
        hardware(self.beta)
        self.pids = {name: child.pid for name, child in stack.children.items()}
        self.memory = rss(self.pids['vnsbridge'])

    def dial(self):
        with contextlib.suppress(ConnectionRefusedError):
            return Switch(PORT)
        return None

    def flood(self, frames):
        """Frames of 1400 bytes for alpha."""
        with self.switch.lock:
            self.switch.sock.sendall(self.switch.packet_in('server1', udp_frame('server1', 'client', 1400)) * frames)

    def goes_on(self):
        """beta's frames pass both ways, and the control socket answers, soon."""
        begun, before = time.monotonic(), self.switch.bytes_in
        with self.switch.lock:
            self.switch.sock.sendall(self.switch.packet_in('server2', udp_frame('server2', 'client', 200)))
        name, frame = self.beta.frame()
        assert (name, len(frame)) == ('eth2', 200)
        self.beta.send_frame('eth2', frame)
        wait_for(lambda: self.switch.bytes_in >= before + 200, 2, "beta's frame at the switch")
        assert 'beta' in causeway(self.stack, 'show', 'vhosts').stdout
        assert time.monotonic() - begun < 2

    def free(self):
        return 'lease vhost=alpha owner=nobody' in self.stack.children['vnsbridge'].text().rpartition('owner=client')[2]

    def end(self):
        self.goes_on()
        assert {name: child.pid for name, child in self.stack.children.items() if child.alive()} == self.pids
        assert rss(self.pids['vnsbridge']) - self.memory < 1024  # CLIENT_QUEUE, at most
        verdicts_add_up(self.stack)
        self.beta.close()
        self.switch.sock.close()
        self.stack.end('ofproxy', 'vnsbridge')


@pytest.fixture()
def two_vhosts(make_own_stack):
    return TwoVhosts(make_own_stack(of_port=PORT))


@pytest.mark.parametrize('busy', [False, True], ids=['idle', 'under-traffic'])
def test_a_vns_client_that_vanished_gives_its_virtual_host_back(two_vhosts, elsewhere, busy):
    t = two_vhosts
    sock = elsewhere.socket()
    sock.connect((elsewhere.address, t.port))
    with vns.Client(t.port, vhost='alpha', sock=sock) as client:
        hardware(client)
        elsewhere.cut()
        begun = time.monotonic()
        while not t.free():
            if busy:  # what nobody acknowledges, instead of questions that nobody answers
                t.flood(10)
            t.goes_on()
            assert time.monotonic() - begun < CLIENT_TIMEOUT * 1.5 + 3, t.stack.tails()
        print('\nits virtual host is free after %.1f s' % (time.monotonic() - begun))
        assert time.monotonic() - begun > CLIENT_TIMEOUT / 2
    t.end()


def test_a_vns_client_that_reads_nothing_costs_nobody_else_anything(two_vhosts):
    t = two_vhosts
    with vns.Client(t.port, vhost='alpha') as deaf:
        hardware(deaf)
        begun = time.monotonic()
        while t.stack.counters()['vnsbridge']['dropped_client_slow'] < 1000:
            t.flood(200)
            t.goes_on()
            assert time.monotonic() - begun < 10, t.stack.counters()['vnsbridge']
        assert rss(t.pids['vnsbridge']) - t.memory < 1024
        wait_for(t.free, CLIENT_TIMEOUT * 1.5 + 3, 'end of the patience with it')
        print('\nlet go after %.1f s' % (time.monotonic() - begun))
    t.end()


# ---- files -----------------------------------------------------------------------------------------

class Mounted:
    """A small file system of memory at a stack's run directory."""

    def __init__(self, stack, options):
        self.path = stack.run_dir
        run('mount', '-t', 'tmpfs', '-o', options, 'causeway-test', self.path)

    def fill(self):
        with open(self.path + '/filler', 'wb') as f, contextlib.suppress(OSError):
            while True:
                f.write(bytes(1 << 16))
                f.flush()

    def close(self):
        run('umount', '-l', self.path, check=False)


@pytest.fixture()
def mounted(make_own_stack):
    made = []

    def make(options, **kwargs):
        stack = make_own_stack(of_port=PORT, flags=NO_VNS, **kwargs)
        made.append(Mounted(stack, options))
        return stack, made[-1]
    yield make
    for m in made:
        m.close()


@pytest.mark.parametrize('name', ['ofproxy', 'vnsbridge', 'router', 'ptyhost'])
def test_a_full_run_directory_is_said_at_start(mounted, name):
    stack, _ = mounted('size=256k', kind=WebStack)
    stack.start(name)
    status = stack.children[name].popen.wait(5)
    last = stack.children[name].text().splitlines()[-1]
    assert status == 1 and 'No space left on device' in last and 'free memory on the file system' in last, (status, last)


def test_a_run_directory_that_fills_up_stops_nothing_that_runs(mounted):
    stack, fs = mounted('size=256m')  # each of the three may make the arena aside at once: one stays
    w = Watch(stack.start())
    fs.fill()
    w.flows()
    causeway(stack, 'status')
    causeway(stack, 'show', 'routes')
    for name in ('router', 'vnsbridge'):  # what is there is enough to start again, too
        stack.kill(name)
        stack.start(name)
        w.flows()
        w.pids[name] = stack.pid(name)
    os.unlink(fs.path + '/filler')
    w.end()


def test_a_read_only_run_directory_is_said_at_start(mounted):
    stack, fs = mounted('size=64m')
    run('mount', '-o', 'remount,ro', fs.path)
    stack.start('router')
    status = stack.children['router'].popen.wait(5)
    last = stack.children['router'].text().splitlines()[-1]
    assert status == 1 and fs.path in last, (status, last)
    print('\n' + last)


def test_a_run_directory_that_is_removed_stops_nothing_that_runs(watch):
    w = watch()
    moved = w.stack.run_dir + '.removed'
    os.rename(w.stack.run_dir, moved)  # for the processes as good as removed; for us, there to be counted
    w.flows()
    done = causeway(w.stack, 'status', check=False)
    assert done.returncode == 1 and 'nothing runs in' in done.stdout, done.stdout
    assert w.stack.all_alive()
    os.rename(moved, w.stack.run_dir)
    causeway(w.stack, 'status')
    w.end()


# ---- logs ------------------------------------------------------------------------------------------

def test_a_logger_that_stands_still_stops_no_process(make_own_stack):
    """Its pipe is full after 64 KiB; a process that waited for it would stand still, too."""
    stack = make_own_stack(of_port=PORT, flags=NO_VNS)
    reader, writer = os.pipe()
    stack.start('vnsbridge', 'router')
    command = stack.command('ofproxy') + ['--log-level', 'debug']
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=writer, stdout=writer) as ofproxy:
        try:
            os.set_blocking(writer, False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(writer, b'x' * 4096)
            steady = Steady(stack)
            steady.flows()
            stack.kill('vnsbridge')  # changes of state, each of them a line
            stack.start('vnsbridge')
            for _ in range(3):
                with socket.create_connection(('127.0.0.1', PORT), 5):
                    pass
            steady.flows()
            end = steady.stop()
            assert end['lost'] == 0 and end['back'] == end['sent'] > 0, end
        finally:
            ofproxy.kill()
            os.close(reader)
            os.close(writer)
