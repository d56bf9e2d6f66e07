# The router routes, as a student would try it from the hosts: on the ring, as a VNS client over TCP,
# and with a classic client in its place.
import itertools
import re

import pytest
from harness import HOSTS, ROUTER_MAC, ROUTERS, wait_for

PAIRS = [(a, b) for a, b in itertools.product(HOSTS, HOSTS) if a != b]
NOBODY = ('10.0.1.2', '192.168.2.3', '172.64.3.9')

CONNECT = '''
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.settimeout(3)
try:
    s.connect((sys.argv[1], int(sys.argv[2])))
    print('connected')
except ConnectionRefusedError:
    print('refused')
except OSError as e:
    print(repr(e))
'''
DATAGRAM = '''
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(3)
s.connect((sys.argv[1], int(sys.argv[2])))
s.send(b'x' * 40)
try:
    s.recv(1)
    print('answered')
except ConnectionRefusedError:
    print('port unreachable')
except OSError as e:
    print(repr(e))
'''


@pytest.fixture(scope='module', params=['ring', 'tcp', 'classic'])
def net(request, lab, make_stack):
    stack = make_stack(router=request.param)
    stack.start()
    wait_for(lab.flows, 10, 'reply to a ping through the router (%s)' % request.param)
    yield lab
    assert stack.all_alive(), 'a process ended during the tests'
    stack.end()
    stack.close()


def test_arp_for_a_router_interface_is_answered_with_its_mac(net):
    for host, address in ROUTERS.items():
        said = net.exec(host, 'arping', '-f', '-c', 2, '-w', 3, '-I', net.hosts[host]['interface'], address).stdout
        assert ROUTER_MAC[host].upper() in said, said


def test_arp_for_another_address_is_not_answered(net):
    for host, address in (('client', '10.0.1.2'), ('client', '192.168.2.1'), ('server1', '192.168.2.77')):
        done = net.exec(host, 'arping', '-c', 1, '-w', 1, '-I', net.hosts[host]['interface'], address, check=False)
        assert 'Received 0 response' in done.stdout, done.stdout


@pytest.mark.parametrize('host', HOSTS)
def test_every_host_pings_all_three_router_interfaces(net, host):
    for address in ROUTERS.values():
        got, text = net.ping(host, address, count=3)
        assert got == 3 and 'ttl=' in text, text


@pytest.mark.parametrize('a,b', PAIRS)
def test_every_host_pings_both_others(net, a, b):
    for size in (0, 56, 470, 1472):
        got, text = net.ping(a, HOSTS[b], '-s', size, count=2)
        assert got == 2, text
    assert 'ttl=63' in text, text


@pytest.mark.parametrize('host', HOSTS)
def test_ttl_1_ends_at_the_router_or_reaches_its_interfaces(net, host):
    for address in ROUTERS.values():
        got, text = net.ping(host, address, '-t', 1)
        assert got == 1, text
    for other, address in HOSTS.items():
        if other != host:
            got, text = net.ping(host, address, '-t', 1)
            assert got == 0 and 'From %s' % ROUTERS[host] in text and 'Time to live exceeded' in text, text


@pytest.mark.parametrize('address', NOBODY)
def test_no_route_is_net_unreachable(net, address):
    got, text = net.ping('client', address)
    assert got == 0 and 'From 10.0.1.1' in text and 'Destination Net Unreachable' in text, text


@pytest.mark.parametrize('address', ROUTERS.values())
def test_tcp_to_a_router_address_is_refused(net, address):
    for port in (80, 54321):
        assert net.python('client', CONNECT, address, port).stdout.strip() == 'refused'


@pytest.mark.parametrize('address', ROUTERS.values())
def test_udp_to_a_router_address_is_port_unreachable(net, address):
    assert net.python('client', DATAGRAM, address, 33434).stdout.strip() == 'port unreachable'


@pytest.mark.parametrize('server', ['server1', 'server2'])
def test_wget_fetches_a_page(net, server):
    page = net.exec('client', 'wget', '-q', '-T', 5, '-t', 1, '-O', '-', 'http://%s/' % HOSTS[server]).stdout
    assert 'This is %s' % server in page


def test_a_megabyte_arrives_whole(net):
    made = net.exec('server1', 'sh', '-c', 'head -c 1000000 /dev/urandom > %s/lab/www/server1/big; md5sum < %s/lab/www/'
                    'server1/big' % (net.run_dir, net.run_dir)).stdout
    got = net.exec('client', 'sh', '-c', 'wget -q -T 10 -t 1 -O - http://%s/big | md5sum' % HOSTS['server1']).stdout
    assert got == made


@pytest.mark.parametrize('target,hops', [(a, 1) for a in ROUTERS.values()] +
                         [(HOSTS['server1'], 2), (HOSTS['server2'], 2)])
def test_traceroute_counts_hops(net, target, hops):
    text = net.exec('client', 'traceroute', '-n', '-w', 1, '-m', 6, target).stdout
    lines = [line for line in text.splitlines() if re.match(r' *\d+ ', line)]
    # an error about a packet to another of its addresses comes from the interface it came in by
    assert len(lines) == hops and (target in lines[-1] or hops == 1 and ROUTERS['client'] in lines[0]), text
    assert hops == 1 or ROUTERS['client'] in lines[0], text
