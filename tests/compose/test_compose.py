# tests/compose/test_compose.py - docker-compose.yml on a real engine: start, restart and kill each service, end.
#
# The tests stand in an order: the first starts everything, the last ones take it away.
import http.client
import json
import os
import re
import socket
import subprocess
import time
import urllib.parse

import pytest

from engine import Engine, run, wait_for
from harness import REPO, free_port
from webtty import WebTty

PROJECT = 'causewaytest%d' % os.getpid()
STACK = ('ofproxy', 'vnsbridge', 'router', 'webterm')
SERVICES = STACK + ('lab',)
LAB = '/usr/lib/causeway/lab/lab'
PINGS, BIG = 2000, 3000000  # of one command
FILES = []  # more files for docker-compose


PORTS = {name: free_port() for name in ('OPENFLOW', 'VNS', 'WEB')}


def compose(*words, timeout=120, check=True, profiles='lab', files=(), **ports):
    ports = {'CAUSEWAY_%s_PORT' % name: str(port) for name, port in dict(PORTS, **ports).items()}
    more = [word for path in files for word in ('-f', path)]
    env = dict(os.environ, COMPOSE_PROFILES=profiles, CAUSEWAY_IMAGES=PROJECT, **ports)
    return run('docker-compose', '-p', PROJECT, '--project-directory', REPO, '-f', REPO + '/docker-compose.yml', *FILES, *more, *words,
               timeout=timeout, check=check, env=env)


# ---- looking -----------------------------------------------------------------------------------------

def container(service):
    return run('docker', 'ps', '-aq', '--filter', 'label=com.docker.compose.project=' + PROJECT,
               '--filter', 'label=com.docker.compose.service=' + service).stdout.strip()


def inspect(service):
    return json.loads(run('docker', 'inspect', container(service)).stdout)[0]


def health(service):
    return inspect(service)['State'].get('Health', {}).get('Status')


def await_healthy(services=SERVICES, seconds=90):
    for service in services:
        wait_for(lambda s=service: health(s) == 'healthy', seconds, lambda s=service: '%s that is healthy, it is %s: %s' % (
            s, health(s), run('docker', 'logs', '--tail', '30', container(s), check=False).stdout))


def starts(services):
    return {s: inspect(s)['State']['StartedAt'] for s in services}


def lab(*words, timeout=60, check=True):
    return run('docker', 'exec', container('lab'), LAB, 'exec', *words, timeout=timeout, check=check)


def in_lab(*words):
    return run('docker', 'exec', container('lab'), *words)


def begin_in_lab(command):
    """In the client, again and again while there is traffic."""
    return subprocess.Popen(['docker', 'exec', container('lab'), LAB, 'exec', 'client', 'sh', '-c', 'while [ -e /tmp/traffic ]; do %s; done' % command],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def causeway(*words, service='router', check=True):
    return run('docker', 'exec', container(service), 'causeway', *words, check=check).stdout


def received():
    return json.loads(causeway('show', 'counters', '--json'))['ofproxy']['received']


def ping_works(seconds=60):
    wait_for(lambda: lab('client', 'ping', '-c', '1', '-W', '1', '192.168.2.2', check=False).returncode == 0, seconds,
             lambda: 'answer to a ping: ' + causeway('status', check=False))


class Page:
    """A browser with the address that webterm prints."""

    def __init__(self):
        address = urllib.parse.urlsplit(causeway('page', service='webterm').strip())
        assert address.hostname == '127.0.0.1' and address.fragment.startswith('login='), address
        self.port, self.origin, self.cookie = address.port, 'http://%s' % address.netloc, ''
        head, body = self.ask('GET', '/')
        assert head.status == 200 and b'<script' in body
        head, body = self.ask('POST', '/api/v1/login', json.dumps({'password': address.fragment[len('login='):]}))
        assert head.status == 200 and json.loads(body)['role'] == 'operator', body
        self.cookie = head.headers['set-cookie'].split(';')[0]

    def ask(self, method, path, body=None):
        link = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        link.request(method, path, body, {'Origin': self.origin, 'Cookie': self.cookie})
        answer = link.getresponse()
        return answer, answer.read()

    def terminal(self, **words):
        return WebTty(self.port, headers='Origin: %s\r\nCookie: %s\r\n' % (self.origin, self.cookie), **words)


# ---- the stack ---------------------------------------------------------------------------------------

@pytest.fixture(scope='session', autouse=True)
def engine():
    e = Engine()
    FILES.extend(e.files)
    try:
        yield e
    finally:
        compose('down', '-v', '--rmi', 'all', '--remove-orphans', check=False)
        e.close()


@pytest.fixture(scope='session')
def up(engine):
    said = compose('up', '-d', '--build', timeout=1500).stdout
    assert 'WARNING' not in said, said
    await_healthy()


def test_all_are_healthy_and_route(up):
    assert ' 0% packet loss' in lab('client', 'ping', '-c', '3', '192.168.2.2').stdout
    assert 'server2' in lab('client', 'wget', '-qO-', 'http://172.64.3.10/').stdout


def test_the_printed_address_works_and_has_the_labs_terminal(up):
    with Page().terminal() as tty:
        tty.drives().type(b'client ping -c 1 server1\r')
        tty.until(b' 0% packet loss')


def test_no_service_has_more_rights_than_it_needs(up):
    for service in SERVICES:
        facts = inspect(service)
        host = facts['HostConfig']
        assert not host['Privileged'] and host['CapDrop'] == ['ALL'], service
        assert not any('seccomp' in o for o in host['SecurityOpt']), service
        if service != 'lab':
            assert facts['Config']['User'] == '990:990' and host['ReadonlyRootfs'] and not host['CapAdd'], service
            assert any(o.startswith('no-new-privileges') for o in host['SecurityOpt']), service
            shell = run('docker', 'exec', container(service), '/bin/sh', '-c', 'true', check=False)
            assert shell.returncode != 0, service + ' has a shell'
            with open('/proc/%d/status' % facts['State']['Pid'], encoding='ascii') as f:
                status = f.read()
            assert re.search(r'^CapBnd:\s+0+$', status, re.M) and re.search(r'^Seccomp:\s+2$', status, re.M), status


def test_without_a_setting_only_this_machine_can_reach_it(up):
    for service in STACK:
        for port in (inspect(service)['NetworkSettings']['Ports'] or {}).values():
            assert all(p['HostIp'] == '127.0.0.1' for p in port or []), (service, port)


# ---- restarts and kills ------------------------------------------------------------------------------

def traffic_over(action):
    """Pings, 1,000 a second, and a TCP transfer at a time, before, while and after the action."""
    in_lab('touch', '/tmp/traffic')
    in_lab('sh', '-c', 'head -c %d /dev/urandom >/run/causeway/lab/www/server2/big' % BIG)
    pings = begin_in_lab('ping -q -i 0.001 -c %d -W 15 192.168.2.2' % PINGS)
    fetches = begin_in_lab('wget -qO- --limit-rate=1m --tries=1 --timeout=60 http://172.64.3.10/big | wc -c')
    before = received()
    wait_for(lambda: received() > before + 500, 30, 'traffic')
    action()
    in_lab('rm', '/tmp/traffic')
    counts = re.findall(r'(\d+) packets transmitted, (\d+) received', pings.communicate(timeout=90)[0])
    assert counts and all(pair == (str(PINGS), str(PINGS)) for pair in counts), (counts, causeway('show', 'verdicts'))
    lengths = fetches.communicate(timeout=90)[0].split()
    assert lengths and all(n == str(BIG) for n in lengths), lengths


@pytest.mark.parametrize('service', ('router', 'vnsbridge'))
def test_a_restart_under_traffic_loses_nothing(up, service):
    others, own = starts(s for s in SERVICES if s != service), starts([service])
    traffic_over(lambda: compose('restart', service))
    assert starts([service]) != own and starts(others) == others


@pytest.mark.parametrize('services', [(s,) for s in STACK] + [('ofproxy', 'router'), ('vnsbridge', 'webterm')], ids='+'.join)
def test_killed_services_come_back_by_themselves(up, services):
    """As the kernel ends a process, which no engine was asked for."""
    before = {s: inspect(s)['State']['Pid'] for s in services}
    others = starts(s for s in SERVICES if s not in services)
    run('kill', '-KILL', *before.values())
    for s in services:
        wait_for(lambda s=s: inspect(s)['State']['Pid'] not in (0, before[s]), 30, 'new ' + s)
    ping_works()
    assert starts(others) == others


def test_services_killed_by_compose_serve_again_when_started(up):
    for services in [(s,) for s in SERVICES] + [('vnsbridge', 'router')]:
        others = starts(s for s in SERVICES if s not in services)
        compose('kill', '-s', 'KILL', *services)
        compose('start', *services)
        ping_works()
        assert starts(others) == others


def test_a_restarted_ofproxy_has_its_switch_within_two_seconds(up):
    await_healthy()
    compose('restart', 'ofproxy')
    begun = time.monotonic()
    wait_for(lambda: '"ready"' in causeway('show', 'switches', '--json', check=False), 30, 'switch')
    assert time.monotonic() - begun < 2
    ping_works()


def test_a_restarted_webterm_has_the_same_terminal(up):
    before = json.loads(causeway('show', 'sessions', '--json'))
    with Page().terminal() as tty:
        tty.drives().type(b'nodes\r')
        tty.until(b'server2')
        epoch, at = tty.epoch, tty.at
        compose('restart', 'webterm')
    with Page().terminal(epoch=epoch, at=at) as tty:
        tty.drives().type(b'client ping -c 1 server1\r')
        tty.until(b' 0% packet loss')
        assert tty.epoch == epoch and not tty.gaps
    after = json.loads(causeway('show', 'sessions', '--json'))
    assert [(s['session'], s['pid']) for s in after] == [(s['session'], s['pid']) for s in before]


def test_a_restarted_lab_leaves_the_others_running(up):
    others = starts(STACK)
    begun = time.monotonic()
    compose('stop', 'lab')
    assert time.monotonic() - begun < 10, 'the lab had to be killed'
    compose('start', 'lab')
    await_healthy()
    ping_works()
    assert starts(STACK) == others
    with Page().terminal() as tty:
        tty.drives().type(b'client ping -c 1 server1\r')
        tty.until(b' 0% packet loss')


def test_stop_is_quick(up):
    begun = time.monotonic()
    compose('stop', *STACK)
    took = time.monotonic() - begun
    assert all(inspect(s)['State']['ExitCode'] == 0 for s in STACK), {s: inspect(s)['State'] for s in STACK}
    assert took < 20, took
    compose('start', *STACK)
    ping_works()


# ---- the end, and other ways to start ----------------------------------------------------------------

def test_down_leaves_nothing(up):
    networks = run('docker', 'network', 'ls', '-q', '--filter', 'label=com.docker.compose.project=' + PROJECT).stdout.split()
    compose('down', '-v')
    for kind in (('ps', '-aq'), ('network', 'ls', '-q'), ('volume', 'ls', '-q')):
        left = run('docker', *kind, '--filter', 'label=com.docker.compose.project=' + PROJECT).stdout.split()
        assert not left, (kind, left)
    with open('/proc/self/mounts', encoding='utf-8') as f:
        assert PROJECT not in f.read()
    assert networks and not any(os.path.exists('/sys/class/net/br-' + n[:12]) for n in networks)


def test_a_taken_port_is_named_and_another_one_serves(up):
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = compose('up', '-d', 'webterm', check=False, WEB=port)
        assert done.returncode != 0 and 'address already in use' in done.stdout and str(port) in done.stdout, done.stdout
        compose('up', '-d', 'webterm')
        assert Page().port == PORTS['WEB']
    compose('down', '-v')


def test_the_stack_alone_takes_a_switch_from_elsewhere_and_a_file_of_settings(up, tmp_path):
    conf, more = tmp_path / 'causeway.conf', tmp_path / 'more.yml'
    conf.write_text('[ofproxy]\nlisten = tcp:6653 tcp:6699\n', encoding='ascii')
    more.write_text('services: { ofproxy: { volumes: ["%s:/etc/causeway.conf:ro"] } }\n' % conf, encoding='ascii')
    compose('up', '-d', profiles='', files=[more])
    assert not container('lab')
    await_healthy(['ofproxy', 'webterm'])
    assert 'tcp:6699' in causeway('status', check=False)
    with socket.create_connection(('127.0.0.1', PORTS['OPENFLOW']), 10) as switch:
        assert switch.recv(8)[1] == 0  # a HELLO
    compose('down', '-v', files=[more])
