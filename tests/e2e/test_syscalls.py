# Under load, no process makes a system call for each packet: calls are counted by strace, frames by the
# switch's own port counters.
import re
import signal
import subprocess

import pytest
from harness import HOSTS, wait_for

BATCHED = {'read', 'readv', 'recv', 'recvfrom', 'recvmsg', 'recvmmsg', 'write', 'writev', 'sendto', 'sendmsg',
           'sendmmsg'}
LOAD = 4000  # echo requests of each of four streams


@pytest.fixture(scope='module')
def stack(lab, make_stack):
    made = make_stack().start()
    wait_for(lab.flows, 10, 'reply to a ping')
    return made


def received(lab):
    """Frames that the switch's ports have taken from the hosts, so far."""
    return sum(int(n) for n in re.findall(r'port +\d+: rx pkts=(\d+)', lab.ofctl('dump-ports', lab.switch)))


def load(lab):
    streams = [('client', 'server1'), ('server1', 'server2'), ('server2', 'client'), ('client', 'server2')]
    pings = [lab.popen(a, 'ping', '-q', '-n', '-f', '-l', '200', '-c', str(LOAD), '-w', '20', HOSTS[b],
                       stdout=subprocess.PIPE, text=True) for a, b in streams]
    return [p.communicate()[0] for p in pings]


@pytest.mark.parametrize('process', ['ofproxy', 'vnsbridge', 'router'])
def test_calls_are_for_batches(lab, stack, process, tmp_path):
    report = tmp_path / 'strace'
    tracer = subprocess.Popen(['strace', '-c', '-f', '-o', str(report), '-p', str(stack.pid(process))],
                              stderr=subprocess.PIPE, text=True)
    wait_for(lambda: 'attached' in tracer.stderr.readline(), 5, 'strace')
    before = received(lab)
    try:
        load(lab)
        frames = received(lab) - before
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=10)
    calls = {row[-1]: int(row[3]) for row in (line.split() for line in report.read_text().splitlines()[2:-2])
             if len(row) >= 5}
    other = sum(n for name, n in calls.items() if name not in BATCHED)
    moved = sum(calls.values()) - other
    print('%s: %d frames; %.3f reads and writes and %.3f other calls a frame: %s' % (
        process, frames, moved / frames, other / frames,
        ', '.join('%s %d' % kv for kv in sorted(calls.items(), key=lambda kv: -kv[1])[:6])))
    assert frames >= 4 * LOAD  # most of the load came through
    assert (moved + other) / frames < 1.0
