# The lab's own behaviour: it makes what it says, removes what it made, and says what is wrong.
import glob
import os
import re
import signal
import subprocess
import sys

import pytest
from harness import LAB, NOBODY, OF_PORT, SLOT, Lab, run, wait_for

SWITCH = 'ct%dc' % SLOT


@pytest.fixture()
def another():
    made = Lab(of_port=OF_PORT + 2, switch=SWITCH)
    yield made
    made.close()


def links():
    """All interfaces but those of tests that run beside these."""
    return {name for name in os.listdir('/sys/class/net')
            if name != 'ovs-netdev' and (name.startswith('ct%d' % SLOT) or not re.match(r'ct\d', name))}


def marked(run_dir):
    """Processes whose command line or environment names the lab's folder."""
    found = []
    for proc in glob.glob('/proc/[0-9]*'):
        try:
            with open(proc + '/environ', 'rb') as environ, open(proc + '/cmdline', 'rb') as cmdline:
                if run_dir.encode() in environ.read() + cmdline.read():
                    found.append(os.path.basename(proc))
        except OSError:
            pass
    return found


def test_up_and_down_twice_leave_nothing(another):
    before = links()
    for _ in range(2):
        another.up()
        another.do('up')  # is up already: no harm
        assert links() - before >= {SWITCH + '-eth1', SWITCH + '-eth2', SWITCH + '-eth3'}
        another.do('down')
        assert 'nothing to remove' in another.do('down').stdout
        assert links() == before and marked(another.run_dir) == [] and os.listdir(another.run_dir) == []


@pytest.mark.parametrize('victim', ['lab', 'switch', 'hosts'])
def test_down_removes_what_a_crash_left(another, victim):
    before = links()
    another.up()
    status = another.status()
    # a process of the user's in a host holds the namespace and its interface
    sleeper = subprocess.Popen([LAB, 'exec', '--run-dir', another.run_dir, 'client', 'sleep', '1000'])
    wait_for(lambda: open('/proc/%d/comm' % sleeper.pid, encoding='ascii').read().strip() == 'sleep', 5, 'sleep')
    pids = {'lab': [status['pid']], 'switch': [status['switch']['pid']],
            'hosts': [h['pid'] for h in status['hosts'].values()]}[victim]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    another.do('down')
    assert sleeper.wait(5) != 0
    assert links() == before and marked(another.run_dir) == [] and os.listdir(another.run_dir) == []


def test_up_mends_a_crash(another):
    another.up()
    os.kill(another.status()['pid'], signal.SIGKILL)
    wait_for(lambda: another.do('status', check=False).returncode == 3, 5, 'death of the lab')
    another.up()
    assert another.exec('server1', 'wget', '-q', '-O', '-', 'http://192.168.2.2/').stdout.count('server1') == 2


def test_beside_another_lab(lab, another):
    """Two instances of Open vSwitch; the first one's switch is not touched."""
    pid = lab.status()['switch']['pid']
    another.up()
    assert another.status()['switch']['pid'] != pid
    another.do('down')
    assert lab.status()['switch']['pid'] == pid


# A network of its own, in which another lab is just beginning: it has claimed the tap, and not made it yet.
CLAIMED = '''
import json, socket, subprocess, sys
subprocess.run(['mount', '-t', 'sysfs', 'none', '/sys'], check=True)  # it shows the interfaces of the network
subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
claim = socket.socket(socket.AF_UNIX)
claim.bind('\\0causeway-lab-ovs-netdev')
lab, words = sys.argv[1], sys.argv[2:]
try:
    subprocess.run([lab, 'up', '--quiet'] + words, check=True)
    print(json.loads(subprocess.run([lab, 'status', '--json'] + words, stdout=subprocess.PIPE).stdout)['switch']['datapath'])
finally:
    subprocess.run([lab, 'down', '--quiet'] + words)
'''


def test_two_that_begin_at_once_do_not_both_make_the_tap(another):
    assert run('unshare', '-n', '-m', sys.executable, '-c', CLAIMED, LAB, *another.words).stdout.strip() == 'dummy'


def test_foreign_interfaces_are_not_touched(another):
    run('ip', 'link', 'add', SWITCH + '-eth2', 'address', '02:ca:57:ff:00:02', 'type', 'veth', 'peer', 'name', SWITCH + '-peer')
    try:
        done = another.do('up', check=False)
        assert done.returncode == 1 and done.stdout.count('\n') == 1
        assert 'interface %s-eth2 exists already' % SWITCH in done.stdout and '--switch' in done.stdout
        another.do('down')
        assert SWITCH + '-eth2' in links()
    finally:
        run('ip', 'link', 'delete', SWITCH + '-eth2')


def test_a_foreign_interface_by_the_name_of_one_of_the_labs_stays(another):
    another.up()
    name = another.switch + '-eth2'
    run('ip', 'link', 'delete', name)
    run('ip', 'link', 'add', name, 'address', '02:ca:57:ff:00:02', 'type', 'veth', 'peer', 'name', another.switch + '-peer')
    try:
        another.do('down')
        assert {n for n in links() if n.startswith(another.switch)} == {name, another.switch + '-peer'}
    finally:
        run('ip', 'link', 'delete', name)


def test_the_machine_itself_is_deaf_to_the_hosts(another):
    """The switch's ports have the router's MACs; the machine must not answer or forward by itself."""
    another.up()
    own = [line.split()[3].split('/')[0] for line in run('ip', '-4', '-o', 'address').stdout.splitlines()]
    for address in own:
        if not address.startswith('127.'):
            assert another.exec('client', 'arping', '-c', 1, '-w', 1, '-I', 'client-eth0', address,
                                check=False).returncode == 1
    mac = another.hosts['client']
    another.exec('client', 'ip', 'neigh', 'replace', mac['router'], 'lladdr', '02:ca:57:00:01:03', 'dev', 'client-eth0')
    for address in own:
        if not address.startswith('127.'):
            assert another.ping('client', address, wait=0.5)[0] == 0


def test_mininets_prompt(another):
    another.up()
    done = subprocess.run([LAB, 'cli'] + another.words, input='nodes\n', stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=30, check=True)
    assert 'client %s server1 server2' % SWITCH in done.stdout, done.stdout
    assert another.exec('client', 'true').returncode == 0  # the hosts are still there



@pytest.mark.parametrize('command,expected', [
    (NOBODY + [LAB, 'up'], "'lab up' needs root"),
    ([sys.executable, '-S', LAB, 'up'], 'Mininet is not installed'),
    (['unshare', '-m', 'sh', '-c', 'mount --bind /dev/null /usr/sbin/ovs-vswitchd && exec "$0" "$@"', LAB, 'up'],
     "'ovs-vswitchd' is not installed: apt-get install openvswitch-switch"),
    (['unshare', '-m', 'sh', '-c', 'mount --bind /bin/false /usr/sbin/ovs-vswitchd && exec "$0" "$@"', LAB, 'up'],
     "cannot start the lab's ovs-vswitchd"),
    ([LAB, 'up', '--switch', 'a-b'], "--switch 'a-b': expected a letter"),
    ([LAB, 'up', '--controller', 'tcp:1.2.3.4'], 'expected tcp:HOST:PORT'),
    ([LAB, 'up', '--controller', 'tcp:no.such.host.invalid:6633'], 'no address found for no.such.host.invalid'),
    ([LAB, 'up', '--config', '/nonexistent'], 'cannot read the configuration file /nonexistent'),
    ([LAB, 'exec', 'client', 'true'], 'no lab runs in'),
    ([LAB, 'up', '--run-dir', '/proc/nothing'], 'cannot make /proc/nothing'),
])
def test_a_mistake_gives_one_clear_sentence(another, command, expected):
    before = links()
    at = max(i for i, word in enumerate(command) if word == LAB) + 2
    flags = [] if '--run-dir' in command else ['--run-dir', another.run_dir]
    flags += [] if '--switch' in command else ['--switch', SWITCH]
    done = run(*command[:at], *flags, *command[at:], check=False)
    assert done.returncode == 1, done.stdout
    assert expected in done.stdout and done.stdout.count('\n') == 1, done.stdout
    assert links() == before and marked(another.run_dir) == [] and os.listdir(another.run_dir) == []


def test_an_unknown_host_is_named_with_those_there_are(another):
    another.up()
    done = run(LAB, 'exec', '--run-dir', another.run_dir, 'server3', 'true', check=False)
    assert done.returncode == 1 and "no host 'server3': expected server1, server2, client" in done.stdout


def test_a_misspelt_controller_is_said_and_not_waited_for(another):
    done = run(LAB, 'run', '--wait', '--run-dir', another.run_dir, '--switch', SWITCH, '--controller', 'tpc:ofproxy:6653',
               check=False, timeout=20)
    assert done.returncode == 1 and "--controller 'tpc:ofproxy:6653': expected tcp:HOST:PORT" in done.stdout, done.stdout
