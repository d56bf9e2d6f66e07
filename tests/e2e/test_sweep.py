# A run of the tests that was killed does not break the next one.
import fcntl
import glob
import json
import os
import shutil
import signal
import struct
import subprocess
import sys

import pytest
from harness import LAB, OF_PORT, REPO, SLOT, run, wait_for
from sweep import processes, sweep

SWITCH = 'ct%dx' % SLOT
NAMES = SWITCH + '*'
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454ca, 2, 0x1000

# Another run, which makes a lab and says where.
RUN = '''
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from harness import Lab
print(Lab(of_port=int(sys.argv[2]), switch=sys.argv[3]).up().run_dir, flush=True)
sys.stdin.read()
'''


def left():
    return {os.path.basename(path) for path in glob.glob('/sys/class/net/' + NAMES)}


@pytest.fixture(autouse=True)
def nothing_left_by_a_failure(lab):
    yield
    sweep(NAMES)
    assert lab.status()['switch']['pid'] and lab.exec('client', 'true').returncode == 0, "this run's own lab is swept"


@pytest.mark.parametrize('alive', [True, False])
def test_the_lab_of_a_killed_run_is_removed(alive):
    """Alive without its files, or dead with them."""
    other = subprocess.Popen([sys.executable, '-c', RUN, os.path.dirname(os.path.abspath(__file__)), str(OF_PORT + 9), SWITCH],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        folder = other.stdout.readline().strip()
        sweep('nothing')
        state = json.loads(run(LAB, 'status', '--json', '--run-dir', folder).stdout)
        assert state['switch']['name'] == SWITCH, "a living run's lab is swept"
        sleeper = subprocess.Popen([LAB, 'exec', '--run-dir', folder, 'client', 'sleep', '1000'])
        wait_for(lambda: open('/proc/%d/comm' % sleeper.pid, encoding='ascii').read().strip() == 'sleep', 5, 'sleep')
    finally:
        other.kill()
        other.communicate()
    assert processes() and left(), 'a lab ends with its run: this test tests nothing'
    if alive:
        shutil.rmtree(folder)
    else:
        os.kill(state['pid'], signal.SIGKILL)
    sweep(NAMES)
    assert not left() and not processes() and not os.path.exists(folder)
    assert sleeper.wait(5) != 0


def test_what_is_named_for_a_killed_run_is_removed_and_nobody_elses():
    run('ip', 'netns', 'add', SWITCH)
    run('ip', 'link', 'add', SWITCH + '-veth', 'address', '02:ca:57:ff:00:01', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', SWITCH)
    run('ip', 'link', 'add', SWITCH + '-other', 'type', 'veth', 'peer', 'name', SWITCH + '-peer')
    run('ip', 'tuntap', 'add', SWITCH + '-tap', 'mode', 'tap')
    try:
        with open('/dev/net/tun', 'r+b', buffering=0) as tun:
            fcntl.ioctl(tun, TUNSETIFF, struct.pack('@16sH22x', (SWITCH + '-tap').encode(), IFF_TAP | IFF_NO_PI))
            sweep(NAMES)
            assert left() == {SWITCH + '-other', SWITCH + '-peer', SWITCH + '-tap'}
        sweep(NAMES)
        assert left() == {SWITCH + '-other', SWITCH + '-peer'}
        assert not os.path.exists('/run/netns/' + SWITCH)
    finally:
        run('ip', 'link', 'delete', SWITCH + '-other')


@pytest.mark.parametrize('command', [['-m', 'pytest', '-q', '-k', 'none', os.path.join(REPO, 'tests/e2e/test_sweep.py')],
                                     [os.path.join(REPO, 'tests/page/run'), 'none']])
def test_every_run_begins_with_it(command):
    ended = subprocess.Popen(['true'])
    ended.wait()
    folder = '/dev/shm/causeway-test-%d-stack-x' % ended.pid
    os.mkdir(folder)
    run(sys.executable, *command, check=False)
    assert not os.path.exists(folder)
