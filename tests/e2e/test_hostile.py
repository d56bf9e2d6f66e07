# A process that writes what cannot be into all that it may write (tests/fault/liar.c) takes the place of each
# of the three, beside the two others.  They neither die, hang nor grow; they name it; and when the real one
# has its place again, frames flow, without a restart of anybody else.
#
# CAUSEWAY_LIES=50000 makes it long; CAUSEWAY_SEED=N repeats a run.
import json
import os
import random
import socket
import subprocess
import time

import pytest
from harness import BIN, OF_PORT, Child, wait_for
from steady import FAULT, HIGHEST, Steady

LIES = int(os.environ.get('CAUSEWAY_LIES', 3000))
SEED = int(os.environ.get('CAUSEWAY_SEED', time.time_ns() % 1_000_000))
THREE = ('ofproxy', 'vnsbridge', 'router')
NEIGHBOURS = {'ofproxy': ('vnsbridge',), 'vnsbridge': ('ofproxy', 'router'), 'router': ('vnsbridge',)}
BIG_MB = 8  # what a process may have touched of the arena and its rings since it was measured


def answers(stack, name):
    """Does the process answer on its control socket within two seconds?"""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(2)
        s.connect('%s/%s.sock' % (stack.run_dir, name))
        s.sendall(b'{"method": "ping", "id": 1}\n')
        return b'pong' in s.recv(4096)


def private_kb(pid):
    with open('/proc/%d/smaps_rollup' % pid, encoding='ascii') as f:
        return sum(int(line.split()[1]) for line in f if line.startswith(('Private_Dirty', 'Anonymous')))


def cpu_s(pid):
    with open('/proc/%d/stat' % pid, encoding='ascii') as f:
        return sum(map(int, f.read().rpartition(')')[2].split()[11:13])) / os.sysconf('SC_CLK_TCK')


def status(stack):
    """'causeway status --json', which must be JSON whatever is in the boards."""
    done = subprocess.run([BIN + '/causeway', 'status', '--json', '--run-dir', stack.run_dir], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=10, check=False)
    assert done.returncode in (0, 1) and done.stdout.startswith(b'{') and not done.stderr, done
    return {p['process']: p for p in json.loads(done.stdout.decode('utf-8'))['processes']}


def causeway_looks(stack):
    """What a person would try while it goes on; no command may die of it."""
    for words in (('status',), ('show', 'rings'), ('show', 'interfaces'), ('show', 'vhosts'), ('show', 'counters'),
                  ('show', 'interfaces', '--json'), ('show', 'vhosts', '--json'), ('show', 'rings', '--json')):
        done = subprocess.run([BIN + '/causeway', *words, '--run-dir', stack.run_dir], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=10, check=False)
        assert done.returncode in (0, 1) and b'Sanitizer' not in done.stderr, (words, done)
        done.stdout.decode('utf-8')


def flows(stack):
    """Frames go through the whole stack and come back as they must.  What a liar kept counts as in flight
    for a minute, and may fill the share of its ingress class so long."""
    steady = Steady(stack)
    try:
        wait_for(lambda: steady.get(HIGHEST) > 100, 80, 'flowing frames')
    finally:
        steady.child.popen.kill()
        steady.child.popen.wait()


@pytest.mark.parametrize('who', THREE)
def test_a_liar_harms_nobody_and_its_successor_is_welcome(make_own_stack, who):
    stack = make_own_stack(of_port=OF_PORT + 9, flags={'vnsbridge': ['--listen', 'none']}).start()
    flows(stack)
    others = [name for name in THREE if name != who]
    stack.end(who, sig=9)
    liar = Child('liar', [FAULT + '/liar', '--run-dir', stack.run_dir, '--as', who, '--rounds', str(LIES),
                          '--seed', str(SEED)], stack.dir + '/liar.log')
    stack.children['liar'] = liar
    steady = Steady(stack, '--reconnect') if who != 'ofproxy' else None
    before = {name: private_kb(stack.pid(name)) for name in others}
    rng = random.Random(SEED)
    while 'still' not in liar.text():
        assert liar.alive(), liar.text()
        for name in others:
            assert stack.children[name].alive(), '%s died (CAUSEWAY_SEED=%d): %s' % (name, SEED, stack.tails())
            assert answers(stack, name), name
        if rng.random() < 0.3:
            causeway_looks(stack)
    if steady:
        steady.child.popen.kill()
        steady.child.popen.wait()

    for name in NEIGHBOURS[who]:
        wait_for(lambda name=name: who + ' wrote what cannot be' in status(stack)[name]['text'], 15,
                 '%s that names %s (CAUSEWAY_SEED=%d): %s' % (name, who, SEED, status(stack)))
        assert '%s is detached' % who in stack.children[name].text()
    start = {name: cpu_s(stack.pid(name)) for name in others}
    began = time.monotonic()
    wait_for(lambda: time.monotonic() - began > 2, 3, 'two seconds of quiet')
    for name in others:
        assert cpu_s(stack.pid(name)) - start[name] < 0.2, '%s is busy with a liar that does nothing' % name
        assert private_kb(stack.pid(name)) < before[name] + BIG_MB * 1024, name
        assert answers(stack, name)

    liar.end(sig=9)
    pids = {name: stack.pid(name) for name in others}
    stack.start(who)
    for name in NEIGHBOURS[who]:
        wait_for(lambda name=name: who + ' is attached again' in stack.children[name].text().rpartition('is detached')[2],
                 15, 'news that %s is back' % who)
    flows(stack)
    assert {name: stack.pid(name) for name in others} == pids and stack.all_alive()
    wait_for(lambda: 'wrote what cannot be' not in str(status(stack)), 5, 'status without complaint')
    stack.end()
