# A storm comes out of one port, 200,000 frames a second: another host's pings are all answered, a third
# opens TCP connections, keepalives are answered, no process grows, and every frame is accounted for.
#
# The storm is a pretend switch's (tests/fault/storm.c), whose port is an interface of the same virtual
# host; the hosts are the lab's.  CAUSEWAY_STORM_SECONDS=60 makes it long; CAUSEWAY_STORM_RATE changes it.
import json
import os
import re
import signal
import sys
import time

import pytest
from harness import BIN, HOSTS, OF_PORT, RTABLE, SWITCH, Child, run, verdicts_add_up, wait_for

STORM = os.path.join(os.path.dirname(BIN), 'fault/storm')
SECONDS = float(os.environ.get('CAUSEWAY_STORM_SECONDS', 5))
RATE = int(os.environ.get('CAUSEWAY_STORM_RATE', 200000))
CLASS = {'broadcast': 'rest', 'ip-broadcast': 'rest', 'multicast': 'rest', 'arp': 'arp', 'lldp': 'control',
         'router': 'local', 'dead': 'forward', 'gibberish': 'rest'}
CONFIG = '''[vhost vrhost]
switch = %s
interface = eth4 storm-eth4 10.77.0.1/24
''' % SWITCH
# Connections one after the other, ten a second, each with a request and its whole answer.
CONNECTOR = '''
import socket, sys, time
good = bad = 0
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    due = time.monotonic() + 0.1
    try:
        with socket.create_connection((sys.argv[1], 80), 5) as s:
            s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
            answer = b''
            while True:
                more = s.recv(65536)
                if not more:
                    break
                answer += more
        good += answer.startswith(b'HTTP/')
        bad += not answer.startswith(b'HTTP/')
    except OSError:
        bad += 1
    time.sleep(max(0, due - time.monotonic()))
print(good, bad)
'''


class Storm:
    """One run of tests/fault/storm, and the numbers of its line."""

    def __init__(self, stack, kind, seconds, rate=RATE):
        self.child = Child('storm', [STORM, '--connect', '127.0.0.1:%d' % stack.of_port, '--kind', kind, '--rate',
                                     str(rate), '--seconds', str(seconds)], stack.dir + '/storm.log')
        self.stack, self.seconds = stack, seconds

    def numbers(self):
        status = self.child.popen.wait(self.seconds + 30)
        line = self.child.text().splitlines()[-1]
        assert status == 0, line
        numbers = {k: float(v) for k, v in re.findall(r'(\w+)=([\d.]+)', line)}
        self.stack.stormed = getattr(self.stack, 'stormed', 0) + numbers['sent']
        return numbers, line


def memory(pid):
    """kB that are the process's own, and in all; the rest are pages of the run directory's files."""
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        found = dict(re.findall(r'(RssAnon|VmRSS):\s+(\d+) kB', f.read()))
    return int(found['RssAnon']), int(found['VmRSS'])


def ingress(stack):
    """{(port, class): row}; the port 'all' has the totals."""
    rows = json.loads(run(BIN + '/causeway', 'show', 'ingress', '--json', '--run-dir', stack.run_dir).stdout)
    return {(r['port'], r['class']): r for r in rows}


def asked(row):
    return row['admitted'] + row['metered'] + row['crowded']


def books(stack):
    """Frames of all storms so far."""
    return sum(asked(row) for (port, _), row in ingress(stack).items() if port == 'storm-eth4')


def settled(of):
    return of['forwarded'] + of['answered'] + of['held'] + of['dropped']


def delta(after, before):
    return {name: value - before[name] for name, value in after.items() if value != before[name]}


def ping_times(text):
    return sorted(float(ms) for ms in re.findall(r'time=([\d.]+) ms', text))


def start(lab, make):
    stack = make(flags={})
    files = {'vhosts': CONFIG, 'routes': RTABLE + '10.77.0.0 0.0.0.0 255.255.255.0 eth4\n'
             '10.88.0.0 10.77.0.200 255.255.255.0 eth4\n'}
    for name, text in files.items():
        with open(stack.dir + '/' + name, 'w', encoding='ascii') as f:
            f.write(text)
    stack.flags = {'vnsbridge': ['--config', stack.dir + '/vhosts'], 'router': ['--rtable', stack.dir + '/routes']}
    stack.start()
    wait_for(lab.connected, 10, 'connected switch')
    Storm(stack, 'broadcast', 0.1, 1000).numbers()  # the port is known from now on, and all are ready
    wait_for(lambda: lab.flows('client', HOSTS['server1']) and lab.flows('server2', HOSTS['server1']), 20, 'traffic')
    for kind in ('router', 'dead'):  # goes round every ring, so that each page of them has been touched
        Storm(stack, kind, 2).numbers()
    return stack


@pytest.fixture(scope='module')
def stack(lab, make_stack):
    assert os.path.exists(STORM), STORM + ' is not built: make fakes'
    return start(lab, make_stack)


def quiet(stack):
    """Counters once no frame is in flight any more, twice the same."""
    def look():
        of = stack.counters()['ofproxy']
        return of if of['received'] == settled(of) and of == stack.counters()['ofproxy'] else None
    return wait_for(look, 10, 'end of all frames in flight')


@pytest.mark.parametrize('kind', list(CLASS))
def test_a_storm_takes_nobody_elses_place(lab, stack, kind):
    seconds = SECONDS if kind == 'broadcast' or SECONDS > 5 else min(SECONDS, 3)
    Storm(stack, kind, 1).numbers()  # this kind's own pages, too
    before, row = quiet(stack), wait_for(lambda: ingress(stack).get(('storm-eth4', CLASS[kind])), 5, 'row')  # its rate
    rss = {name: memory(stack.pid(name)) for name in stack.PROCESSES}
    began = time.monotonic()
    storm = Storm(stack, kind, seconds)
    pinger = lab.popen('client', 'ping', '-n', '-i', '0.1', '-W', '5', '-c', str(int(seconds * 10)), HOSTS['server1'],
                       stdout=-1, text=True)
    opener = lab.popen('server2', sys.executable, '-c', CONNECTOR, HOSTS['server1'], str(seconds), stdout=-1, text=True)
    numbers, line = storm.numbers()
    wait_for(lambda: books(stack) >= stack.stormed, 10, "end of the port's books")
    took = time.monotonic() - began  # a busy machine reads the last of it later than it was sent
    pings, opened = pinger.communicate(timeout=30)[0], opener.communicate(timeout=30)[0]
    times, (good, bad) = ping_times(pings), map(int, opened.split())
    after = quiet(stack)
    now = {name: memory(stack.pid(name)) for name in stack.PROCESSES}
    change = delta(after, before)
    print('\n%s\npings %d of %d, p50 %.2f ms, p99 %.2f ms, max %.2f ms; connections %d good, %d bad\n'
          'kB own/all %s before, %s after\n%s' % (
              line, len(times), int(seconds * 10), times[len(times) // 2], times[len(times) * 99 // 100], times[-1],
              good, bad, rss, now, change))
    # nobody else lost anything
    assert len(times) == int(seconds * 10), pings
    assert good >= 1 and bad == 0, opened  # how many there are in this time is the machine's affair
    assert numbers['replies'] == numbers['echoes'] >= seconds * 4 and numbers['errors'] == 0, line
    # no process grew.  A few pages may be touched for the first time: of a stack, of tables made at the start
    # (its own), of the arena (all), which is used last chunk first.
    for name in stack.PROCESSES:
        assert now[name][0] - rss[name][0] <= 16 and now[name][1] - rss[name][1] <= 600, (name, rss, now)
    # every frame of the storm is in the books of its port, and every frame that came in had one verdict
    assert books(stack) == stack.stormed, (books(stack), stack.stormed)
    refused = sum(change.get('dropped_' + why, 0) for why in ('metered', 'class_full', 'port_full', 'no_buffer'))
    admitted = sum(v for k, v in change.items() if k.startswith('admitted_'))
    assert change['received'] == admitted + refused, change
    assert refused == sum(v for k, v in change.items() if k.startswith(('metered_', 'crowded_'))), change
    assert 'bad_verdicts' not in change and 'late_verdicts' not in change and 'dropped_ring_full' not in change, change
    verdicts_add_up(stack)
    if kind not in ('dead', 'gibberish'):
        # what the meter lets through may still find its class full, if the router gets no processor to run on
        allowed = row['rate'] * (took + 0.2) + 10
        crowded = sum(change.get('dropped_' + why, 0) for why in ('class_full', 'port_full'))
        assert change['dropped_metered'] + crowded >= numbers['sent'] - allowed, (allowed, change)
        assert change['dropped_metered'] > crowded, change


def test_keepalives_are_answered_while_every_ring_is_full(lab, stack):
    """With vnsbridge stopped nothing moves: frames in flight fill their shares, echoes are answered at once."""
    before = stack.counters()['ofproxy']
    os.kill(stack.pid('vnsbridge'), signal.SIGSTOP)
    try:
        numbers, line = Storm(stack, 'dead', 2).numbers()
    finally:
        os.kill(stack.pid('vnsbridge'), signal.SIGCONT)
    change = delta(stack.counters()['ofproxy'], before)
    print('\n%s\n%s' % (line, change))
    assert numbers['replies'] == numbers['echoes'] >= 8 and numbers['rtt_max_us'] < 1e6, line
    assert change['dropped_port_full'] > numbers['sent'] / 2, change
    wait_for(lambda: lab.flows('client', HOSTS['server1']), 5, 'traffic')
    assert quiet(stack)['bad_verdicts'] == 0
    verdicts_add_up(stack)
    ready = json.loads(run(BIN + '/causeway', 'show', 'switches', '--json', '--run-dir', stack.run_dir).stdout)
    assert {s['state'] for s in ready} == {'ready'}, ready


def test_a_stopped_router_is_no_reason_to_drop_a_ping(lab, stack):
    """What comes while the router is stopped waits, and is answered afterwards, storm or not."""
    count = 20
    pinger = lab.popen('client', 'ping', '-n', '-i', '0.1', '-W', '10', '-c', str(count), HOSTS['server1'], stdout=-1,
                       text=True)
    storm = Storm(stack, 'broadcast', 2)
    wait_for(lambda: ingress(stack)[('all', 'forward')]['in_flight'] >= 0, 1, 'a look')
    os.kill(stack.pid('router'), signal.SIGSTOP)
    try:
        wait_for(lambda: ingress(stack)[('all', 'forward')]['in_flight'] >= 5, 5, 'pings in flight')
    finally:
        os.kill(stack.pid('router'), signal.SIGCONT)
    storm.numbers()
    text = pinger.communicate(timeout=30)[0]
    assert len(ping_times(text)) == count, text
    verdicts_add_up(stack)
