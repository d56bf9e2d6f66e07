# After start-up the processes have given up user, capabilities and system calls; an intruder in one gets EPERM, and
# traffic does not notice.  tests/unit/sandbox.c has every profile, this the running stack.
import glob
import os
import re
import signal
import socket
import subprocess

import pytest
from harness import BIN, FAKE, HOSTS, NOBODY, OF_PORT, run, wait_for

INJECT = os.path.join(os.path.dirname(FAKE), 'fault/inject')
NONE = '0' * 16


def threads(pid):
    """What the kernel says of each thread: {key: value} of /proc/PID/task/TID/status."""
    found = []
    for path in glob.glob('/proc/%d/task/*/status' % pid):
        with open(path, encoding='ascii') as f:
            found.append(dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line))
    return found


def inject(pid):
    """{call: result} of calls that the process is made to do; see tests/fault/inject.c."""
    done = subprocess.run([INJECT, str(pid)], capture_output=True, text=True, timeout=20, check=False)
    if 'x86-64 only' in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    return dict(line.split() for line in done.stdout.splitlines())


def sandboxed(child):
    """Its log says that it is in; a build with a sanitizer is not."""
    text = wait_for(lambda: re.search(r'sandbox (on|off).*', child.text()), 5, 'word about the sandbox')[0]
    if 'sanitizer' in text:
        pytest.skip(text)
    return text.startswith('sandbox on')


def test_without_it_the_same_calls_work(make_own_stack):
    stack = make_own_stack(flags={'router': ['--sandbox', 'no']}).start('router')
    assert not sandboxed(stack.children['router'])
    assert 'EPERM' not in inject(stack.pid('router')).values()
    assert {thread['Seccomp'] for thread in threads(stack.pid('router'))} == {'0'}
    stack.end()


def test_a_process_of_another_user_needs_no_right_to_enter(place_for_nobody):
    """As in a container: no root, no capability, no-new-privs set already."""
    child = place_for_nobody('router')
    assert sandboxed(child)
    thread, *_ = threads(child.pid)
    assert thread['Uid'] == '\t'.join(['65534'] * 4) and thread['Seccomp'] == '2'
    assert {thread[s] for s in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb')} == {NONE}
    assert child.end(signal.SIGTERM) == 0


@pytest.fixture()
def place_for_nobody(make_own_stack):
    stack = make_own_stack()
    os.chmod(stack.dir, 0o777)
    os.chmod(stack.run_dir, 0o777)
    words = [w for w in NOBODY if 'dac_read_search' not in w] + [
        '--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all']

    def start(name):
        command = stack.command
        stack.command = lambda n: words + command(n)
        return stack.start(name).children[name]
    return start


def test_a_router_that_looks_names_up_can(lab, make_own_stack):
    """A host name, a server that leaves, and its successor: names, connects and timers, all from inside."""
    stack = make_own_stack(router='tcp', flags={'router': ['-s', 'localhost']})
    stack.start()
    assert sandboxed(stack.children['router'])
    wait_for(lab.flows, 15, 'reply to a ping')
    stack.kill('vnsbridge')
    stack.start('vnsbridge')
    wait_for(lab.flows, 15, 'reply to a ping after a reconnect')
    results = inject(stack.pid('router'))
    assert {n for n, r in results.items() if r != 'EPERM'} == {'socket', 'connect', 'openat', 'mmap'}, results
    stack.end()


def test_a_servers_table_is_saved_from_inside(make_own_stack, tmp_path):
    """A router that opens a template keeps the table that the server sends, also a shorter one after a longer one."""
    table, config = tmp_path / 'table', tmp_path / 'conf'
    config.write_text('[vhost vrhost]\nrtable = %s\n' % table)
    route = '10.%d.0.0 192.168.2.2 255.255.0.0 eth1\n'
    table.write_text(route % 1 + route % 2)
    stack = make_own_stack(router='tcp', flags={'router': ['-T', 'basic'], 'vnsbridge': ['--config', str(config)]}).start()
    assert sandboxed(stack.children['router'])
    saved = stack.dir + '/rtable.vrhost'

    def content():
        with open(saved, encoding='ascii') as f:
            return f.read()
    wait_for(lambda: content() == route % 1 + route % 2, 10, 'saved table')
    stack.kill('vnsbridge')
    table.write_text(route % 3)
    stack.start('vnsbridge')
    wait_for(lambda: content() == route % 3 + '\n' * len(route % 3), 10, 'saved table of the next server')
    assert 'cannot write' not in stack.children['router'].text()
    stack.end()


def test_ofproxy_out_of_descriptors_refuses_and_goes_on(make_own_stack):
    """Its spare descriptor is opened anew from the sandbox, each time."""
    stack = make_own_stack()
    command = stack.command
    stack.command = lambda n: ['prlimit', '--nofile=40'] + command(n)
    stack.start('ofproxy')
    child = stack.children['ofproxy']
    wait_for(lambda: 'listening' in child.text(), 5, 'listener')
    many = []
    for _ in range(60):
        many.append(socket.create_connection(('127.0.0.1', OF_PORT)))
    refused = wait_for(lambda: ended(many), 5, 'refused connections')
    assert refused >= 60 - 40
    for s in many:
        s.close()
    done = run(BIN + '/causeway', 'show', 'switches', '--run-dir', stack.run_dir)
    assert 'not permitted' not in done.stdout, done.stdout
    wait_for(hello, 5, 'HELLO')
    assert 'not permitted' not in child.text()
    stack.end()


def hello():
    """Does a new switch get one?  Those before it may not have been seen to leave yet."""
    with socket.create_connection(('127.0.0.1', OF_PORT)) as s:
        s.settimeout(5)
        try:
            return len(s.recv(8)) == 8
        except ConnectionResetError:
            return False


def ended(connections):
    """How many have been closed by the peer, once all have an answer."""
    n = 0
    for s in connections:
        s.setblocking(False)
        try:
            n += s.recv(1, socket.MSG_PEEK) == b''
        except BlockingIOError:
            return None
        except ConnectionResetError:
            n += 1
    return n


def test_no_call_of_its_own_is_refused(lab, make_own_stack, tmp_path):
    """strace sees every call of a stack that is used as it can be: only the ends of control sockets may fail."""
    stack = make_own_stack()
    logs = {}
    command = stack.command

    def traced(name):
        logs[name] = tmp_path / name
        return ['strace', '-f', '-qq', '-Z', '-o', str(logs[name])] + command(name)
    stack.command = traced
    stack.start()
    wait_for(lab.flows, 30, 'reply to a ping')
    causeway = [BIN + '/causeway', '--run-dir', stack.run_dir]
    for words in (['status'], ['show', 'routes'], ['show', 'arp'], ['show', 'switches'], ['show', 'interfaces'],
                  ['log', 'debug'], ['route', 'add', '8.8.8.8/32', 'via', '192.168.2.2', 'dev', 'eth1'],
                  ['route', 'del', '8.8.8.8/32']):
        done = run(*causeway, *words, check=False)
        assert 'not permitted' not in done.stdout, done.stdout
    lab.do('switch', 'stop')
    lab.do('switch', 'start')
    wait_for(lab.flows, 15, 'reply to a ping')
    for name in reversed(stack.PROCESSES):
        child = int(run('pgrep', '-P', stack.pid(name)).stdout)
        os.kill(child, signal.SIGTERM)
        stack.children[name].popen.wait(10)
    for name, log in logs.items():
        refused = [line for line in log.read_text().splitlines() if ' EPERM ' in line]
        assert all('unlink(' in line and '.sock' in line for line in refused), (name, refused)


# ---- the stack as it is, with each of its routers; it has the ports to itself from here ----------

@pytest.fixture(scope='module', params=['ring', 'tcp'])
def stack(request, lab, make_stack):
    made = make_stack(router=request.param).start()
    wait_for(lab.flows, 15, 'reply to a ping')
    yield made
    made.end()


@pytest.mark.parametrize('process', ['ofproxy', 'vnsbridge', 'router'])
def test_every_thread_has_given_up_its_rights(stack, process):
    assert sandboxed(stack.children[process])
    found = threads(stack.pid(process))
    assert len(found) == (4 if process == 'router' else 2), found
    for thread in found:
        assert thread['Uid'] == '\t'.join(['65534'] * 4) and thread['Gid'] == thread['Uid']
        assert thread['Groups'].strip() == ''
        assert thread['Seccomp'] == '2' and thread['NoNewPrivs'] == '1'
        assert [thread[s] for s in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')] == [NONE] * 5


@pytest.mark.parametrize('process', ['ofproxy', 'vnsbridge', 'router'])
def test_a_forbidden_call_is_refused_and_traffic_goes_on(lab, stack, process):
    assert sandboxed(stack.children[process])
    ping = lab.popen('client', 'ping', '-q', '-n', '-i', '0.01', '-w', '2', '-c', '100', HOSTS['server1'],
                     stdout=subprocess.PIPE, text=True)
    results = inject(stack.pid(process))
    dials = {'socket', 'connect'} if process == 'router' and stack.router == 'tcp' else set()
    assert len(results) > 20
    assert {name for name, result in results.items() if result != 'EPERM'} == dials, results
    text = ping.communicate(timeout=10)[0]
    assert ' 100 received' in text, text
    assert stack.all_alive()
