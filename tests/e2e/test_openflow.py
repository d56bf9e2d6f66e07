# Open vSwitch in each version: the lab passes; what ofproxy installs, and what it leaves alone; roles,
# meters, and formats of packet-ins.
import json
import os
import re
import socket
import struct
import subprocess
import time

import pytest
from harness import (BIN, FAKE, HOSTS, OF_PORT, ROUTER_MAC, ROUTERS, SLOT, SWITCH, VNS_PORT, Child, Lab, run,
                     verdicts_add_up, wait_for)

VERSIONS = {'OpenFlow10': 'OpenFlow 1.0', 'OpenFlow13': 'OpenFlow 1.3', 'OpenFlow10,OpenFlow13': 'OpenFlow 1.3',
            'OpenFlow10,OpenFlow13,OpenFlow14': 'OpenFlow 1.3'}
BOTH = ['OpenFlow10', 'OpenFlow13']
PREFIX, OLDEST = 0x43617573, 0x4361757365776179  # docs/decisions/epochs.md


@pytest.fixture(scope='module', autouse=True)
def as_it_was(lab):
    """Other modules get the lab's switch as it was made."""
    yield
    lab.speak('OpenFlow10,OpenFlow13')
    lab.ofctl('del-flows', lab.switch)


def switches(stack):
    done = run(BIN + '/causeway', 'show', 'switches', '--json', '--run-dir', stack.run_dir, check=False)
    return json.loads(done.stdout) if done.stdout.startswith('[') else []  # else it says why not


def ready(stack, dpid=None):
    """The switch (or that one), once it is ready."""
    return next((s for s in switches(stack) if s['state'] == 'ready' and s['dpid'] in (dpid, s['dpid'])), None)


def flows(lab):
    """(cookie, text) of every flow."""
    found = []
    for line in lab.ofctl('dump-flows', lab.switch).splitlines():
        match = re.search(r'cookie=0x([0-9a-f]+)', line)
        if match:
            found.append((int(match[1], 16), line.strip()))
    return found


def ours(lab):
    return [(cookie, text) for cookie, text in flows(lab) if cookie >> 32 == PREFIX]


def start(lab, make, protocols, *flags, **options):
    """A stack whose switch speaks that, and that routes."""
    lab.ofctl('del-flows', lab.switch)
    lab.speak(protocols)
    stack = make(flags={'ofproxy': flags}, **options).start()
    wait_for(lab.flows, 10, 'reply to a ping')
    return stack


def log(stack):
    return stack.children['ofproxy'].text()


# ---- the lab passes --------------------------------------------------------------------------------

@pytest.mark.parametrize('protocols', VERSIONS)
def test_the_lab_passes_in_every_version(lab, make_own_stack, protocols):
    stack = start(lab, make_own_stack, protocols)
    assert wait_for(lambda: ready(stack), 5, 'ready switch')['version'] == VERSIONS[protocols]
    for a in HOSTS:
        for address in [*HOSTS.values(), *ROUTERS.values()]:
            if address != HOSTS[a]:
                got, text = lab.ping(a, address, '-s', 1472, count=2)
                assert got == 2, text
    page = lab.exec('client', 'wget', '-q', '-T', 5, '-t', 1, '-O', '-', 'http://%s/' % HOSTS['server1']).stdout
    assert 'This is server1' in page
    text = lab.exec('client', 'traceroute', '-n', '-w', 1, '-m', 6, HOSTS['server1']).stdout
    assert len([line for line in text.splitlines() if re.match(r' *\d+ ', line)]) == 2, text
    got, text = lab.ping('client', HOSTS['server1'], '-t', 1)
    assert got == 0 and 'Time to live exceeded' in text, text
    verdicts_add_up(stack)
    stack.end()


@pytest.mark.parametrize('form', ['nxt_packet_in', 'nxt_packet_in2'])
@pytest.mark.parametrize('protocols', BOTH)
def test_frames_come_in_niciras_formats_when_asked(lab, make_own_stack, protocols, form):
    stack = start(lab, make_own_stack, protocols, '--packet-in-format', form)
    for size in (0, 1472):
        got, text = lab.ping('client', HOSTS['server1'], '-s', size, count=3)
        assert got == 3, text
    assert wait_for(lambda: ready(stack), 5, 'ready switch')['errors'] == 0, log(stack)
    stack.end()


@pytest.mark.parametrize('protocols', BOTH)
def test_a_ttl_that_runs_out_in_the_switch_is_answered(lab, make_own_stack, protocols):
    stack = start(lab, make_own_stack, protocols)
    hop = 'priority=50,cookie=0x77,ip,nw_dst=%s,actions=dec_ttl,mod_dl_dst:%s,output:%d'
    lab.ofctl('add-flow', lab.switch, hop % (HOSTS['server1'], lab.hosts['server1']['mac'], 1))
    lab.ofctl('add-flow', lab.switch, hop % (HOSTS['client'], lab.hosts['client']['mac'], 3))
    got, text = lab.ping('client', HOSTS['server1'], count=3)
    assert got == 3 and 'ttl=63' in text, text
    got, text = lab.ping('client', HOSTS['server1'], '-t', 1)
    assert got == 0 and 'From %s' % ROUTERS['client'] in text and 'Time to live exceeded' in text, text
    stack.end()


def test_two_bridges_of_two_versions_are_two_routers(lab, make_own_stack):
    lab.speak('OpenFlow13')
    other = Lab(switch='ct%db' % SLOT, openflow='1.0')
    stack = make_own_stack()
    config = stack.dir + '/two.conf'
    with open(config, 'w', encoding='ascii') as f:
        for vhost, switch in (('alpha', SWITCH), ('beta', other.switch)):
            f.write('[vhost %s]\n' % vhost)
            for i, address in enumerate(ROUTERS.values()):
                f.write('interface = eth%d %s-eth%d %s\n' % (i + 1, switch, i + 1, address))
    stack.flags = {'vnsbridge': ['--config', config], 'router': ['--vhost', 'alpha', '--rtable', stack.rtable]}
    beta = None
    try:
        other.up()
        stack.start()
        beta = Child('beta', [BIN + '/router', '--run-dir', stack.dir + '/beta', '-s', '127.0.0.1', '-p',
                              str(VNS_PORT), '-v', 'beta', '-r', stack.rtable], stack.dir + '/beta.log',
                     env=dict(os.environ, USER='student'))
        for net in (lab, other):
            wait_for(net.flows, 15, 'reply to a ping (%s)' % beta.text())
        wait_for(lambda: sorted(s['version'] for s in switches(stack) if s['state'] == 'ready') == [
            'OpenFlow 1.0', 'OpenFlow 1.3'], 5, 'switch of each version')
        for net in (lab, other):
            for address in HOSTS.values():
                got, text = net.ping('client', address, count=3)
                assert got == 3, text
        stack.kill('ofproxy')
        stack.start('ofproxy')
        for net in (lab, other):
            wait_for(net.flows, 15, 'reply to a ping after the restart')
    finally:
        if beta:
            beta.end()
        other.close()
    stack.end()


# ---- restarts --------------------------------------------------------------------------------------

class Direct:
    """Foreign flows by which client and server1 talk without a controller, and a ping over them."""

    FLOW = 'cookie=0x%x,priority=100,ip,in_port=%d,nw_dst=%s,actions=mod_dl_dst:%s,output:%d'

    def __init__(self, lab):
        self.lab = lab
        for cookie, port, to, out in ((0xf0e1, 3, 'server1', 1), (0xf0e2, 1, 'client', 3)):
            lab.ofctl('add-flow', lab.switch, self.FLOW % (cookie, port, HOSTS[to], lab.hosts[to]['mac'], out))
        for host in ('client', 'server1'):  # no ARP, which goes by way of the controller
            lab.exec(host, 'ip', 'neigh', 'replace', ROUTERS[host], 'lladdr', ROUTER_MAC[host], 'dev',
                     lab.hosts[host]['interface'], 'nud', 'permanent')
        self.ping = lab.popen('client', 'ping', '-n', '-i', '0.005', '-W', '2', HOSTS['server1'],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def end(self):
        """Packets sent and received."""
        self.ping.send_signal(2)
        said = self.ping.communicate(timeout=10)[0]
        sent, got = (int(n) for n in re.search(r'(\d+) packets transmitted, (\d+) received', said).groups())
        return sent, got

    def close(self):
        self.ping.kill()
        self.ping.wait()
        for host in ('client', 'server1'):
            self.lab.exec(host, 'ip', 'neigh', 'replace', ROUTERS[host], 'lladdr', ROUTER_MAC[host], 'dev',
                          self.lab.hosts[host]['interface'], 'nud', 'reachable')


@pytest.mark.parametrize('protocols', BOTH)
def test_a_restart_loses_no_flow_and_no_packet_of_the_switch(lab, make_own_stack, protocols):
    stack = start(lab, make_own_stack, protocols)
    before = wait_for(lambda: ours(lab), 5, 'miss flow')
    assert len(before) == 1, before
    direct = Direct(lab)
    try:
        for kill in (stack.kill, stack.end):
            kill('ofproxy')
            stack.start('ofproxy')
            wait_for(lambda: ready(stack), 15, 'ready switch')
            wait_for(lambda old=before: len(ours(lab)) == 1 and ours(lab)[0][0] > old[0][0], 5, 'flow of a new epoch')
            before = ours(lab)
            wait_for(lambda: lab.flows(target=HOSTS['server2']), 10, 'reply by way of the controller')
        sent, got = direct.end()
        # (packets under way when it was told to end)
        assert sent > 50 and got >= sent - 1, '%d of %d' % (got, sent)

        def counted():  # (Open vSwitch brings its statistics up to date once in a while)
            return sorted(cookie for cookie, text in flows(lab) if cookie in (0xf0e1, 0xf0e2) and
                          int(re.search(r'n_packets=(\d+)', text)[1]) >= sent - 1) == [0xf0e1, 0xf0e2]
        wait_for(counted, 10, 'flow that counts %d packets: %s' % (sent - 1, flows(lab)))
        print('%s: %d packets over foreign flows, %d came back, over two restarts' % (protocols, sent, got))
    finally:
        direct.close()
    stack.end()


@pytest.mark.parametrize('protocols', BOTH)
def test_older_epochs_are_swept_and_foreign_cookies_stay(lab, make_own_stack, protocols):
    stack = start(lab, make_own_stack, protocols)
    stack.end('ofproxy')
    old = {OLDEST: 'priority=8,udp,tp_dst=9', PREFIX << 32 | 5: 'priority=7,in_port=2,dl_vlan=5',
           PREFIX << 32 | 6: 'priority=6,table=3,tcp,nw_src=10.0.0.0/8', PREFIX << 32 | 0xfffffff0: 'priority=5,arp'}
    foreign = {0x43617572ffffffff: 'priority=9,icmp', 0x4361757400000000: 'priority=10,icmp', 0: 'priority=11,icmp',
               0x99: 'priority=6,table=4,tcp,nw_src=10.0.0.0/8', 0x98: 'priority=0,table=5'}
    for cookie, what in [*old.items(), *foreign.items()]:
        lab.ofctl('add-flow', lab.switch, 'cookie=0x%x,%s,actions=CONTROLLER' % (cookie, what))
    stack.start('ofproxy')
    wait_for(lambda: ready(stack), 15, 'ready switch')
    left = wait_for(lambda: ours(lab) if len(ours(lab)) == 1 else None, 10, 'sweep (%s)' % ours(lab))
    assert left[0][0] == PREFIX << 32 | 0xfffffff1, 'newer than any that was there: %s' % left
    assert sorted(c for c, _ in flows(lab) if c >> 32 != PREFIX) == sorted(foreign)
    assert ready(stack)['errors'] == 0, log(stack)
    # a new run directory, and a clock that is behind: still newer than what is there
    other = make_own_stack()
    stack.end()
    other.start()
    wait_for(lambda: [c for c, _ in ours(lab)] == [PREFIX << 32 | 0xfffffff2], 15, 'newer epoch from a new run directory')
    other.end()


# ---- roles -----------------------------------------------------------------------------------------

class Rival:
    """Another controller, on the switch's own socket: version 1.3."""

    def __init__(self, lab):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect('%s/lab/ovs/%s.mgmt' % (lab.run_dir, lab.switch))
        self.send(0, b'')
        self.await_type(0)

    def send(self, kind, body, xid=1):
        self.sock.sendall(struct.pack('>BBHI', 4, kind, 8 + len(body), xid) + body)

    def await_type(self, kind):
        while True:
            head = self.sock.recv(8, socket.MSG_WAITALL)
            _, got, length, xid = struct.unpack('>BBHI', head)
            body = self.sock.recv(length - 8, socket.MSG_WAITALL) if length > 8 else b''
            assert got != 1, 'ERROR %s' % body.hex()
            if got == 2:
                self.send(3, body, xid)
            if got == kind:
                return body

    def role(self, role, generation):
        self.send(24, struct.pack('>I4xQ', role, generation))
        return struct.unpack('>I4xQ', self.await_type(25))

    def close(self):
        self.sock.close()


def role(stack):
    switch = ready(stack)
    return switch and switch['role']


@pytest.mark.parametrize('protocols', BOTH)
def test_a_slave_learns_of_ports_and_sends_nothing(lab, make_own_stack, protocols):
    lab.ofctl('del-flows', lab.switch)
    lab.speak(protocols)
    stack = make_own_stack(flags={'ofproxy': ['--role', 'slave']}).start()
    wait_for(lambda: role(stack) == 'slave', 15, 'slave')
    assert ready(stack)['ports'] == 3
    assert not lab.flows()
    assert not ours(lab), 'a slave installs no flow'
    assert ready(stack)['errors'] == 0, log(stack)
    stack.end()


def test_a_master_that_is_behind_catches_up_and_a_rival_takes_over(lab, make_own_stack):
    lab.speak('OpenFlow10,OpenFlow13')
    rival = Rival(lab)
    assert rival.role(2, 1 << 40)[0] == 2
    stack = make_own_stack(flags={'ofproxy': ['--role', 'master']}).start()
    wait_for(lambda: role(stack) == 'master', 15, 'master in spite of a later generation: ' + log(stack))
    wait_for(lab.flows, 10, 'reply to a ping')
    assert rival.role(0, 0) == (3, (1 << 40) + 1), 'the rival is a slave now'
    rival.role(2, (1 << 40) + 2)
    lab.ping('client', HOSTS['server1'], wait=0.2)
    wait_for(lambda: not lab.flows() and role(stack) == 'slave', 10, 'loss of the role')
    assert 'role lost' in log(stack)
    verdicts_add_up(stack)
    rival.close()
    stack.end()


def test_nicira_gives_a_role_in_1_0(lab, make_own_stack):
    stack = start(lab, make_own_stack, 'OpenFlow10', '--role', 'master', '--controller-id', '7')
    wait_for(lambda: role(stack) == 'master', 5, 'master')
    assert ready(stack)['errors'] == 0, log(stack)
    stack.end()


# ---- meters ----------------------------------------------------------------------------------------

def test_a_meter_in_the_switch_bounds_what_it_sends(lab, make_own_stack):
    stack = start(lab, make_own_stack, 'OpenFlow13', '--switch-meter', '50')
    wait_for(lambda: ours(lab), 5, 'miss flow')
    assert 'meter:17249' in ours(lab)[0][1], ours(lab)
    assert 'rate=50' in lab.ofctl('dump-meters', lab.switch)
    before, at = stack.counters()['ofproxy']['received'], time.monotonic()
    lab.exec('client', 'ping', '-q', '-n', '-f', '-w', '3', ROUTERS['client'], check=False)
    took, got = time.monotonic() - at, stack.counters()['ofproxy']['received'] - before
    print('%d frames in %.1f s at 50 a second' % (got, took))
    assert 50 < got < 50 * (took + 2)
    stack.kill('ofproxy')
    stack.flags = {'ofproxy': ['--switch-meter', '70']}
    stack.start('ofproxy')
    wait_for(lambda: ready(stack), 15, 'ready switch')
    assert 'rate=70' in lab.ofctl('dump-meters', lab.switch) and len(ours(lab)) == 1
    stack.kill('ofproxy')
    stack.flags = {}
    stack.start('ofproxy')
    wait_for(lambda: ready(stack) and len(ours(lab)) == 1 and 'meter' not in ours(lab)[0][1], 15, 'flow without meter')
    lab.ofctl('del-meters', lab.switch)
    stack.end()


# ---- a pretend switch, for what Open vSwitch does not do --------------------------------------------

@pytest.fixture()
def mirror_stack(make_own_stack):
    """ofproxy, and a consumer in vnsbridge's place that sends every frame back."""
    stack = make_own_stack(of_port=OF_PORT + 17, flags={'ofproxy': ['--metering', 'off']})
    stack.start('ofproxy')
    reflector = Child('reflector', [FAKE + '/reflector', stack.run_dir], stack.dir + '/reflector.log')
    yield stack
    reflector.end()
    stack.end()


def pretend(stack, *words, **options):
    def attempt():
        done = run(FAKE + '/switch', '--connect', '127.0.0.1:%d' % stack.of_port, *words, check=False, timeout=60,
                   **options)
        return None if 'Connection refused' in done.stdout else done
    return wait_for(attempt, 10, 'listener')


@pytest.mark.parametrize('size', ['64', '1500', '9000'])
@pytest.mark.parametrize('version', ['1.0', '1.3'])
def test_every_byte_comes_back_at_speed(mirror_stack, version, size):
    done = pretend(mirror_stack, '--openflow', version, '--count', '20000', '--size', size, '--verify')
    assert done.returncode == 0 and 'wrong=0 errors=0' in done.stdout, done.stdout + log(mirror_stack)
    print(version, size, done.stdout.strip())


def test_an_auxiliary_connection_brings_frames_of_the_main_one(mirror_stack):
    done = pretend(mirror_stack, '--openflow', '1.3', '--auxiliary', '3', '--count', '5000', '--verify')
    assert done.returncode == 0 and 'sent=5000 out=5000 wrong=0 errors=0' in done.stdout, done.stdout
    assert 'auxiliary connection dpid=0x0000000000000001 auxiliary=3' in log(mirror_stack)
    wait_for(lambda: 'its main connection ended' in log(mirror_stack) or
             not [s for s in switches(mirror_stack) if s['state'] == 'ready'], 5, 'end of both')


def test_hostile_switches_get_the_error_they_deserve(mirror_stack):
    done = pretend(mirror_stack, '--hostile', 'all')
    assert done.returncode == 0, done.stdout
