# The lab over every transport: TLS with certificates of ovs-pki, a Unix socket, IPv6, and with ofproxy connecting to
# a bridge that listens.  Either end is killed and comes back.
import json
import os
import re
import signal

import pytest
from harness import BIN, HOSTS, OF_PORT, SLOT, Lab, run, wait_for
from test_capture_openflow import Capture, directions, well_formed

SSL_PORT, SWITCH_PORT = OF_PORT + 4, OF_PORT + 5
BRIDGE = 'ct%dt' % SLOT


class Net:
    """A lab and a stack that meet in one way."""

    def __init__(self, mode, pki, make_stack):
        self.mode = mode
        self.peer, flags, words, listen, controller = {
            'ssl': ('ssl:127.0.0.1:', pki.ofproxy(), pki.switch(), 'ssl:%d:127.0.0.1' % SSL_PORT,
                    'ssl:127.0.0.1:%d' % SSL_PORT),
            # Open vSwitch connects to no socket outside its own run directory
            'unix': ('unix:{lab}/of.sock', [], [], 'unix:{lab}/of.sock', 'unix:{lab}/of.sock'),
            'tcp6': ('tcp:[::1]:', [], [], 'tcp:%d:[::1]' % SSL_PORT, 'tcp:[::1]:%d' % SSL_PORT),
            'ptcp': ('tcp:127.0.0.1:%d' % SWITCH_PORT, [], [], 'none', 'ptcp:%d:127.0.0.1' % SWITCH_PORT),
            'pssl': ('ssl:127.0.0.1:%d' % SWITCH_PORT, pki.ofproxy(), pki.switch(), 'none',
                     'pssl:%d:127.0.0.1' % SWITCH_PORT),
            # its folder and the socket are root's alone
            'mgmt': ('unix:{lab}/%s.mgmt' % BRIDGE, ['--run-as', 'root'], [], 'none', 'none'),
        }[mode]
        self.lab = Lab(switch=BRIDGE, controller='', words=words)
        self.lab.words[self.lab.words.index('--controller') + 1] = self.there(controller)
        self.lab.up()
        self.peer, listen = self.there(self.peer), self.there(listen)
        if listen == 'none':
            flags = flags + ['--connect', self.peer]
        self.stack = make_stack(flags={'ofproxy': flags}, listen=listen)

    def there(self, word):
        return word.replace('{lab}', self.lab.run_dir + '/lab/ovs')

    def close(self):
        self.stack.close()
        self.lab.close()


@pytest.fixture(scope='module', params=['ssl', 'unix', 'tcp6', 'ptcp', 'pssl', 'mgmt'])
def net(request, pki, make_stack):
    made = Net(request.param, pki, make_stack)
    try:
        made.stack.start()
        wait_for(made.lab.flows, 20, 'reply to a ping over ' + request.param)
        yield made
        assert made.stack.all_alive(), 'a process ended during the tests: ' + made.stack.tails()
        made.stack.end()
    finally:
        made.close()


def log_of(stack):
    return stack.children['ofproxy'].text()


def switches(stack):
    return json.loads(run(BIN + '/causeway', 'show', 'switches', '--json', '--run-dir', stack.run_dir).stdout)


def test_hosts_ping_each_other_whatever_the_size(net):
    for a, b in (('client', 'server1'), ('server1', 'server2'), ('server2', 'client')):
        for size in (0, 470, 1472):
            wait_for(lambda: arrive(net.lab, a, b, size), 20, 'three replies in a row')  # noqa: B023


def arrive(lab, a, b, size):
    """A switch that has just found its controller may lose one more frame while it revises its cache of flows."""
    got, text = lab.ping(a, HOSTS[b], '-s', size, count=3)
    assert got == 0 or 'ttl=63' in text, text
    return got == 3


def test_wget_and_a_megabyte(net):
    page = net.lab.exec('client', 'wget', '-q', '-T', 5, '-t', 1, '-O', '-', 'http://%s/' % HOSTS['server2']).stdout
    assert 'This is server2' in page
    folder = net.lab.run_dir + '/lab/www/server1'
    made = net.lab.exec('server1', 'sh', '-c', 'head -c 3000000 /dev/urandom > %s/big; md5sum < %s/big' % (
        folder, folder)).stdout
    got = net.lab.exec('client', 'sh', '-c', 'wget -q -T 20 -t 1 -O - http://%s/big | md5sum' % HOSTS['server1'],
                       timeout=60).stdout
    assert got == made


def test_traceroute(net):
    text = net.lab.exec('client', 'traceroute', '-n', '-w', 2, '-m', 6, HOSTS['server1']).stdout
    assert HOSTS['server1'] in text.splitlines()[-1] and '10.0.1.1' in text, text


def test_a_capture_shows_the_messages_themselves(net, tmp_path):
    """Not the records of TLS; and a Unix socket has addresses made up for it."""
    file = str(tmp_path / 'x.pcapng')
    capture = Capture(net.stack, '-w', file)
    net.lab.ping('client', HOSTS['server1'], count=5)
    wait_for(lambda: os.path.getsize(file) > 3000, 20, 'messages in the file')
    _, (messages, missed) = capture.end()
    well_formed(file)
    found = directions(file)
    assert missed == 0 and sum(found.values()) == messages
    assert found['PACKET_IN', 'from'] > 2 and found['PACKET_OUT', 'to'] > 2, found


def test_show_switches_names_the_peer_and_its_round_trip(net):
    row, = wait_for(lambda: [s for s in switches(net.stack) if s['rtt_ms'] > 0], 10, 'a measured round trip')
    assert row['state'] == 'ready' and row['peer'].startswith(net.peer), row
    assert row['opened_by'] == ('ofproxy' if net.mode in ('ptcp', 'pssl', 'mgmt') else 'switch')
    assert 0 < row['rtt_ms'] < 5000
    text = run(BIN + '/causeway', 'show', 'switches', '--run-dir', net.stack.run_dir).stdout
    assert 'RTT ms' in text and net.peer in text, text
    assert net.lab.connected()


@pytest.mark.parametrize('sig', [signal.SIGKILL, signal.SIGTERM])
def test_ofproxy_comes_back_after_an_end(net, sig):
    net.stack.end('ofproxy', sig=sig)
    net.stack.start('ofproxy')
    wait_for(net.lab.flows, 15, 'reply after ofproxy was restarted')
    assert not re.search(r'EPERM|not permitted', log_of(net.stack)), log_of(net.stack)


@pytest.mark.parametrize('how', ['kill', 'stop'])
def test_a_switch_that_restarts_is_served_again(net, how):
    seen = len(log_of(net.stack))
    net.lab.do('switch', how)
    wait_for(lambda: 'switch left' in log_of(net.stack)[seen:], 10, 'word that the switch left')
    if net.mode in ('ptcp', 'pssl', 'mgmt'):
        row = wait_for(lambda: next((s for s in switches(net.stack) if s['state'] == 'waiting'), None), 5, 'waiting')
        assert row['peer'] == net.peer and row['opened_by'] == 'ofproxy' and row['last_error'], row
        wait_for(lambda: 'switch not reached' in log_of(net.stack)[seen:], 5, 'word that it is not reached')
    net.lab.do('switch', 'start')
    wait_for(net.lab.flows, 15, 'reply after the switch was restarted')
    assert len(re.findall('switch not reached', log_of(net.stack)[seen:])) <= 2, log_of(net.stack)[seen:]
