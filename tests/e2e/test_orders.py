# Any start order, any part killed: traffic flows soon (the times are printed), and nobody is told to wait.
import itertools
import os
import random
import shutil
import subprocess
import time

import pytest
from harness import HOSTS, Pinger

SEED = int(os.environ.get('CAUSEWAY_SEED', time.time_ns() % 1_000_000))
PARTS = ('ofproxy', 'vnsbridge', 'router', 'switch')
TOOK = []


@pytest.fixture(scope='module')
def stack(make_stack):
    print('CAUSEWAY_SEED=%d' % SEED)
    return make_stack()


@pytest.fixture(scope='module')
def pinger(lab):
    made = Pinger(lab, 'client', HOSTS['server1'])
    yield made
    made.close()
    if TOOK:
        print('\nseconds from the last start to traffic: median %.2f, worst %.2f (%s)' % (
            sorted(t for t, _ in TOOK)[len(TOOK) // 2], *max(TOOK)))


def start(part, lab, stack):
    """Returns when it was started: before the program runs."""
    now = time.time()
    if part == 'switch':
        lab.do('switch', 'start')
    else:
        stack.start(part)
    return now


def stop_all(lab, stack, rng):
    for part in rng.sample(PARTS, len(PARTS)):
        hard = rng.random() < 0.5
        if part == 'switch':
            lab.do('switch', 'kill' if hard else 'stop')
        else:
            (stack.kill if hard else stack.end)(part)


@pytest.mark.parametrize('order', itertools.permutations(PARTS), ids='-'.join)
def test_any_start_order(lab, stack, pinger, order):
    rng = random.Random('%d %s' % (SEED, order))
    stop_all(lab, stack, rng)
    if rng.random() < 0.5:  # rings of the last run, or none
        shutil.rmtree(stack.run_dir)
        os.mkdir(stack.run_dir)
    for part in order:
        last = start(part, lab, stack)
        if part != order[-1]:
            time.sleep(rng.uniform(0, 0.3))  # the delay is what is tested
    took = pinger.first_after(last, 5, 'ping reply after the order %s (CAUSEWAY_SEED=%d)' % (order, SEED))
    TOOK.append((took, '-'.join(order)))
    print('%.2f s' % took)


@pytest.mark.parametrize('victim', PARTS)
def test_kill_9_and_restart_of_one(lab, stack, pinger, victim):
    for part in PARTS[:3]:
        if part not in stack.children or not stack.children[part].alive():
            stack.start(part)
    lab.do('switch', 'start')
    pinger.first_after(time.time(), 5, 'ping reply before the kill')
    others = {name: stack.pid(name) for name in PARTS[:3] if name != victim}
    if victim == 'switch':
        lab.do('switch', 'kill')
    else:
        stack.kill(victim)
    at = start(victim, lab, stack)
    took = pinger.first_after(at, 5, 'ping reply after %s was killed and started' % victim)
    print('%s: %.2f s' % (victim, took))
    assert all(stack.pid(n) == pid and stack.children[n].alive() for n, pid in others.items())


def test_kill_9_again_and_again_under_load(lab, stack, pinger):
    """A part is killed while frames are in every ring; no such instant may be one too many."""
    rng = random.Random(SEED)
    for part in PARTS[:3]:
        if part not in stack.children or not stack.children[part].alive():
            stack.start(part)
    lab.do('switch', 'start')
    pinger.first_after(time.time(), 5, 'ping reply before the kills')
    flood = [lab.popen(a, 'ping', '-q', '-n', '-f', '-l', '50', '-s', '1000', HOSTS[b], stdout=subprocess.DEVNULL)
             for a, b in (('client', 'server2'), ('server1', 'client'), ('server2', 'server1'))]
    try:
        for kill in range(15):
            victim = rng.choice(PARTS[:3])
            time.sleep(rng.uniform(0.05, 0.3))  # the instant is what is tested
            stack.kill(victim)
            pinger.first_after(start(victim, lab, stack), 5, 'reply after kill %d of %s (CAUSEWAY_SEED=%d)' % (
                kill, victim, SEED))
    finally:
        for ping in flood:
            ping.kill()
            ping.wait()
    got, text = lab.ping('client', HOSTS['server2'], count=20)
    assert got == 20 and stack.all_alive(), text
