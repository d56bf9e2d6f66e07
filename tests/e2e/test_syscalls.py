# Under load, no process makes a system call for each packet, reads and writes are batched: strace counts.
import re
import signal
import subprocess

import pytest
from harness import HOSTS, OF_PORT, wait_for
from ofswitch import Switch

BATCHED = {'read', 'readv', 'recv', 'recvfrom', 'recvmsg', 'recvmmsg', 'write', 'writev', 'sendto', 'sendmsg',
           'sendmmsg'}
FRAMES = 50_000
PINGS = 1500


class Trace:
    """Counts the system calls of a process, all its threads."""

    def __init__(self, pid, report):
        self.report = report
        self.strace = subprocess.Popen(['strace', '-c', '-f', '-o', str(report), '-p', str(pid)],
                                       stderr=subprocess.PIPE, text=True)
        wait_for(lambda: 'attached' in self.strace.stderr.readline(), 5, 'strace')

    def counts(self):
        self.strace.send_signal(signal.SIGINT)
        self.strace.communicate(timeout=10)
        rows = [line.split() for line in self.report.read_text().splitlines()[2:-2]]
        return {row[-1]: int(row[3]) for row in rows if len(row) >= 5}


def figures(process, frames, calls):
    moved = sum(n for name, n in calls.items() if name in BATCHED)
    other = sum(calls.values()) - moved
    print('%s: %d frames, a frame: %.3f reads and writes, %.3f other calls (%s)' % (
        process, frames, moved / frames, other / frames,
        ', '.join('%s %d' % kv for kv in sorted(calls.items(), key=lambda kv: -kv[1])[:6])))
    return moved / frames, other / frames


@pytest.fixture(scope='module')
def stack(lab, make_stack):
    lab.do('switch', 'stop')
    made = make_stack().start()
    yield made
    made.end()
    lab.do('switch', 'start')


@pytest.fixture(scope='module')
def pretend(stack):
    wait_for(lambda: 'listening' in stack.children['ofproxy'].text(), 5, 'listener')
    made = Switch(OF_PORT)
    took = made.load('client', 'server1', FRAMES)
    print('untraced: %.0f frames a second' % (FRAMES / took))
    yield made
    made.close()


@pytest.mark.parametrize('process', ['ofproxy', 'vnsbridge', 'router'])
def test_calls_are_for_batches(stack, pretend, process, tmp_path):
    trace = Trace(stack.pid(process), tmp_path / 'strace')
    try:
        pretend.load('client', 'server1', FRAMES)
    finally:
        calls = trace.counts()
    moved, other = figures(process, FRAMES, calls)
    assert moved < 0.5 and other < 0.5


def test_figures_on_the_real_switch(lab, stack, pretend, tmp_path):
    """For the record: Open vSwitch hands over one packet at a time, so there is less to batch here."""
    pretend.close()
    lab.do('switch', 'start')
    wait_for(lab.flows, 10, 'reply to a ping')
    for process in stack.PROCESSES:
        before = received(lab)
        trace = Trace(stack.pid(process), tmp_path / process)
        try:
            load(lab)
        finally:
            calls = trace.counts()
        frames = received(lab) - before
        figures(process, frames, calls)
        assert frames >= 4 * PINGS  # most of it came through


def received(lab):
    """Frames that the switch's ports have taken from the hosts, so far."""
    return sum(int(n) for n in re.findall(r'port +\d+: rx pkts=(\d+)', lab.ofctl('dump-ports', lab.switch)))


def load(lab):
    streams = [('client', 'server1'), ('server1', 'server2'), ('server2', 'client'), ('client', 'server2')]
    pings = [lab.popen(a, 'ping', '-q', '-n', '-f', '-l', '200', '-c', str(PINGS), '-w', '20', HOSTS[b],
                       stdout=subprocess.PIPE, text=True) for a, b in streams]
    return [p.communicate()[0] for p in pings]
