# A process that writes what cannot be into all that it may write (tests/fault/liar.c) takes the place of each
# of the three, beside the two others.  They neither die, hang nor grow; they name it; and when the real one
# has its place again, frames flow, without a restart of anybody else.  Nor does it matter that they are killed
# and started again while it lies, or when nothing of its memory is in order: they come up, and count right.
#
# CAUSEWAY_LIES=50000 makes it long; CAUSEWAY_SEED=N repeats a run.
import json
import os
import random
import signal
import socket
import subprocess
import time

import pytest
from harness import BIN, OF_PORT, Child, run, wait_for
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


LOOKS = (('status',), ('show', 'rings'), ('show', 'interfaces'), ('show', 'vhosts'), ('show', 'counters'),
         ('show', 'ingress'), ('show', 'switches'), ('show', 'verdicts', '--all'), ('show', 'interfaces', '--json'),
         ('show', 'vhosts', '--json'), ('show', 'rings', '--json'), ('show', 'ingress', '--json'),
         ('show', 'latency'), ('show', 'latency', '--json'))


def causeway_looks(stack):
    """What a person would try while it goes on; no command may die of it."""
    for words in LOOKS:
        done = subprocess.run([BIN + '/causeway', *words, '--run-dir', stack.run_dir], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=10, check=False)
        assert done.returncode in (0, 1) and not reported(done.stderr.decode('utf-8')), (words, SEED, done)
        done.stdout.decode('utf-8')


def reported(text):
    """The lines that a sanitizer wrote."""
    return [line for line in text.splitlines() if 'Sanitizer' in line or 'runtime error' in line]


def honest_accounts_hold(stack, honest):
    """The accounts of a process are its own; what is compared with a liar's cannot hold."""
    done = subprocess.run([BIN + '/causeway', 'show', 'verdicts', '--json', '--run-dir', stack.run_dir],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10, check=False)
    assert done.returncode in (0, 1) and not reported(done.stderr.decode('utf-8')), (SEED, done)
    if done.stdout:  # none: the liar's counters cannot be read at all
        wrong = [a for a in json.loads(done.stdout)['accounts'] if a['process'] in honest and not a['holds']]
        assert not wrong, 'CAUSEWAY_SEED=%d: %s' % (SEED, wrong)
    return bool(done.stdout)


def comes_up(stack, name):
    """Does the process that was just started answer?  It may not end instead, whatever the liar wrote."""
    def up():
        assert stack.children[name].alive(), '%s ended with %s (CAUSEWAY_SEED=%d): %s' % (
            name, stack.children[name].popen.returncode, SEED, stack.tails())
        try:
            return answers(stack, name)
        except OSError:
            return False  # its socket is its predecessor's, or has just been made
    wait_for(up, 30, '%s that answers (CAUSEWAY_SEED=%d)' % (name, SEED))


def kill_and_start(stack, names, rng):
    """Kills them together and starts them again; at times, kills them once more in the middle of their start."""
    for name in names:
        stack.kill(name)
    stack.start(*names)
    while rng.random() < 0.3:
        time.sleep(rng.uniform(0, 0.01))  # random instants are what is tested
        name = rng.choice(names)
        assert stack.children[name].alive(), '%s (CAUSEWAY_SEED=%d): %s' % (name, SEED, stack.tails())
        stack.kill(name)
        stack.start(name)
    for name in names:
        comes_up(stack, name)


def flows(stack):
    """Frames go through the whole stack and come back as they must.  What a liar kept counts as in flight
    for a minute, and may fill the share of its ingress class so long."""
    steady = Steady(stack)
    try:
        wait_for(lambda: steady.get(HIGHEST) > 100 or not steady.child.alive(), 80,
                 'flowing frames (CAUSEWAY_SEED=%d)' % SEED)
        assert steady.child.alive(), 'CAUSEWAY_SEED=%d: %s' % (SEED, steady.child.text())
    finally:
        steady.child.popen.kill()
        steady.child.popen.wait()


def start_liar(stack, who):
    stack.kill(who)
    stack.children['liar'] = Child('liar', [FAULT + '/liar', '--run-dir', stack.run_dir, '--as', who, '--rounds',
                                            str(LIES), '--seed', str(SEED)], stack.dir + '/liar.log')
    return stack.children['liar']


def named(stack, who, neighbours):
    for name in neighbours:
        wait_for(lambda name=name: who + ' wrote what cannot be' in status(stack)[name]['text'], 15,
                 '%s that names %s (CAUSEWAY_SEED=%d)' % (name, who, SEED))


@pytest.mark.parametrize('who', THREE)
def test_a_liar_harms_nobody_and_its_successor_is_welcome(make_own_stack, who):
    stack = make_own_stack(of_port=OF_PORT + 9, flags={'vnsbridge': ['--listen', 'none']}).start()
    flows(stack)
    others = [name for name in THREE if name != who]
    liar = start_liar(stack, who)
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

    named(stack, who, NEIGHBOURS[who])
    for name in NEIGHBOURS[who]:
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
    comes_up(stack, who)
    for name in NEIGHBOURS[who]:
        wait_for(lambda name=name: who + ' is attached again' in stack.children[name].text().rpartition('is detached')[2],
                 15, 'news that %s is back' % who)
    flows(stack)
    assert {name: stack.pid(name) for name in others} == pids and stack.all_alive()
    wait_for(lambda: 'wrote what cannot be' not in str(status(stack)), 5, 'status without complaint')
    stack.end()


def quiet_look(stack):
    """The accounts once nothing moves: two looks alike."""
    last = [None]

    def still():
        now = run(BIN + '/causeway', 'show', 'verdicts', '--json', '--run-dir', stack.run_dir, check=False).stdout
        before, last[0] = last[0], now
        return now == before and json.loads(now)
    return wait_for(still, 10, 'accounts that stand still')


def same_sums(stack, honest):
    """The real three: what is wrong in a count was wrong when the liar left it, and grows no more."""
    steady = Steady(stack)
    steady.flows(2000, seconds=80)
    end = steady.stop()
    assert (end['lost'], end['twice'], end['wrong'], end['strange'], end['errors']) == (0, 0, 0, 0, 0), (SEED, end)
    honest_accounts_hold(stack, honest)
    seen = quiet_look(stack)
    return ([(a['process'], a['account'], a['off']) for a in seen['accounts']] +
            [(r['ring'], r['under_way']) for r in seen['rings']])


@pytest.mark.parametrize('who', THREE)
def test_who_is_killed_beside_a_liar_comes_up_and_counts_right(make_own_stack, who):
    stack = make_own_stack(of_port=OF_PORT + 9, flags={'vnsbridge': ['--listen', 'none']}).start()
    flows(stack)
    honest = [name for name in THREE if name != who]
    liar = start_liar(stack, who)
    steady = Steady(stack, '--reconnect') if who != 'ofproxy' else None
    rng, kills, looks = random.Random(SEED), 0, 0
    while 'still' not in liar.text() or kills < 6:
        assert liar.alive(), liar.text()
        kill_and_start(stack, rng.choice((honest[:1], honest[1:], honest)), rng)
        kills += 1
        looks += honest_accounts_hold(stack, honest)
        if rng.random() < 0.2:
            causeway_looks(stack)
        time.sleep(rng.uniform(0, 0.05))  # random instants are what is tested
    if steady:
        steady.child.popen.kill()
        steady.child.popen.wait()
    named(stack, who, NEIGHBOURS[who])

    liar.popen.send_signal(signal.SIGUSR1)
    wait_for(lambda: 'ruined' in liar.text(), 5, 'ruins')
    for names in (honest[:1], honest[1:], honest):
        kill_and_start(stack, names, rng)
        causeway_looks(stack)
    named(stack, who, NEIGHBOURS[who])

    liar.end(sig=9)
    stack.start(who)
    comes_up(stack, who)
    flows(stack)
    assert stack.all_alive()
    assert same_sums(stack, honest) == same_sums(stack, honest), SEED
    wait_for(lambda: 'wrote what cannot be' not in str(status(stack)), 5, 'status without complaint')
    for name in THREE:
        assert not reported(stack.children[name].text()), reported(stack.children[name].text())
    stack.end()
    print('kills=%d looks=%d' % (kills, looks))
