# Several virtual hosts and VNS clients: each gets its own frames, takes over, and gives back.
import signal
import time

import pytest
import vns
from harness import FAKE, HOSTS, ROUTER_MAC, ROUTERS, SWITCH, VNS_PORT, Child, ring_records, wait_for

CONFIG = '''
[vhost alpha]
interface = eth1 %s-eth1 192.168.2.1

[vhost beta]
interface = eth2 %s-eth2 172.64.3.1
interface = eth3 %s-eth3 10.0.1.1
''' % (SWITCH, SWITCH, SWITCH)


def connect(**options):
    """A client as soon as vnsbridge listens."""
    def attempt():
        try:
            return vns.Client(VNS_PORT, **options)
        except ConnectionRefusedError:
            return None
    return wait_for(attempt, 5, 'VNS listener')


def hardware(client, seconds=5):
    """Steps over banners, which may come between OPEN and HWINFO."""
    deadline = time.monotonic() + seconds
    while True:
        kind, body = client.receive(deadline - time.monotonic()) or (0, b'')
        if kind == vns.HWINFO:
            client.buffer = (len(body) + 8).to_bytes(4, 'big') + kind.to_bytes(4, 'big') + body + client.buffer
            return client.hardware()
        assert kind == vns.BANNER, (kind, body)


def close_reason(client, seconds=3):
    deadline = time.monotonic() + seconds
    while True:
        got = client.receive(max(0, deadline - time.monotonic()))
        assert got and got[0] is not None, 'no VNSCLOSE before the end: %r' % (got,)
        if got[0] == vns.CLOSE:
            return got[1].rstrip(b'\0').decode()


@pytest.fixture()
def ring(lab, make_own_stack):
    stack = make_own_stack().start()
    wait_for(lab.flows, 10, 'reply to a ping')
    yield stack
    stack.end()


def served_by_ring(lab, stack):
    """Did the last ping go to the router on the ring?"""
    before = len(ring_records(stack.run_dir, 'VNS_IN'))
    return lab.flows() and len(ring_records(stack.run_dir, 'VNS_IN')) > before


@pytest.mark.parametrize('end', [signal.SIGTERM, signal.SIGKILL])
def test_a_client_takes_over_from_the_ring_and_gives_back(lab, ring, end):
    client = Child('classic_sr', [FAKE + '/classic_sr', '-s', '127.0.0.1', '-p', str(VNS_PORT), '-v', 'vrhost', '-r',
                                  ring.rtable], ring.dir + '/classic.log')
    try:
        wait_for(lambda: lab.flows() and not served_by_ring(lab, ring), 5, 'traffic through the TCP client')
        pid = ring.pid('router')
        client.end(end)
        at = time.monotonic()
        wait_for(lambda: served_by_ring(lab, ring), 3, 'traffic through the ring again')
        took = time.monotonic() - at
        print('given back after %.2f s' % took)
        assert took < 1.0
        assert ring.pid('router') == pid and ring.all_alive()
    finally:
        client.end(signal.SIGKILL)


def test_a_newcomer_gets_the_virtual_host_and_the_old_one_a_reason(ring):
    with connect() as first:
        assert sorted(hardware(first)) == ['eth1', 'eth2', 'eth3']
        with connect() as second:
            hardware(second)
            assert close_reason(first)


def test_hwinfo_says_what_a_classic_client_needs(ring):
    with connect() as client:
        names = sorted(hardware(client))
        assert {n: client.ip(n) for n in names} == dict(zip(names, ROUTERS.values()))
        assert {n: client.mac(n).hex(':') for n in names} == dict(zip(names, ROUTER_MAC.values()))


def test_a_client_from_before_the_switch_gets_its_hwinfo(lab, make_own_stack):
    lab.do('switch', 'stop')
    try:
        stack = make_own_stack()
        stack.start('vnsbridge')
        with connect() as client:
            while (said := client.receive(0.3)) is not None:
                assert said[0] == vns.BANNER
            stack.start('ofproxy')
            lab.do('switch', 'start')
            assert sorted(hardware(client)) == ['eth1', 'eth2', 'eth3']
        stack.end()
    finally:
        lab.do('switch', 'start')


@pytest.fixture()
def two_hosts(lab, make_own_stack):
    stack = make_own_stack()
    with open(stack.dir + '/causeway.conf', 'w', encoding='ascii') as f:
        f.write(CONFIG)
    stack.flags['vnsbridge'] = ['--config', stack.dir + '/causeway.conf']
    stack.start('ofproxy', 'vnsbridge')
    yield stack
    stack.end()


def test_each_virtual_host_has_its_interfaces_and_frames(lab, two_hosts):
    with connect(vhost='alpha') as alpha, connect(vhost='beta') as beta:
        assert sorted(hardware(alpha)) == ['eth1'] and sorted(hardware(beta)) == ['eth2', 'eth3']
        asking = lab.popen('client', 'arping', '-q', '-f', '-c', '1', '-w', '3', '-I', 'client-eth0', ROUTERS['client'])
        name, frame = wait_for(lambda: next((f for f in beta.frames(0.2) if f[1][12:14] == b'\x08\x06'), None), 3,
                               'ARP request')
        assert name == 'eth3'
        beta.answer_arp(name, frame)
        assert asking.wait(5) == 0
        assert alpha.frames(0.3) == []


def test_an_unknown_virtual_host_is_refused_with_a_reason(two_hosts):
    with connect(vhost='gamma') as client:
        assert 'gamma' in close_reason(client)


def test_a_slow_client_delays_no_other(lab, two_hosts):
    with connect(vhost='alpha') as slow, connect(vhost='beta') as quick:
        hardware(slow)
        hardware(quick)
        # alpha's client reads no more; its host sends far more than any buffer holds
        lab.exec('server1', 'ip', 'neigh', 'replace', ROUTERS['server1'], 'lladdr', ROUTER_MAC['server1'], 'dev',
                 'server1-eth0')
        flood = lab.popen('server1', 'ping', '-q', '-f', '-s', '1400', '-l', '64', HOSTS['client'], stdout=-3)
        try:
            worst = 0
            for _ in range(10):
                asking = lab.popen('client', 'arping', '-f', '-c', '1', '-w', '3', '-I', 'client-eth0',
                                   ROUTERS['client'], stdout=-3)
                at = time.monotonic()
                wait_for(lambda: [quick.answer_arp(*f) for f in quick.frames(0.02) if f[1][12:14] == b'\x08\x06'], 3,
                         'ARP request')
                assert asking.wait(5) == 0
                worst = max(worst, time.monotonic() - at)
            print('slowest of 10 arpings: %.3f s' % worst)
            assert worst < 1.0
            assert two_hosts.children['vnsbridge'].alive()
        finally:
            flood.kill()
            flood.wait()
            lab.exec('server1', 'ip', 'neigh', 'flush', 'dev', 'server1-eth0')


def test_vnsbridge_says_close_when_it_stops(ring):
    with connect() as client:
        hardware(client)
        ring.end('vnsbridge')
        assert close_reason(client)
    ring.start('vnsbridge')
