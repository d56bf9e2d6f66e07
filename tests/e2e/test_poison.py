# No poison: a frame that kills its handler is tried once more, alone, and then goes into quarantine; it
# is the only one that is lost.  A kill from outside is no evidence against the frame in hand.
#
# build/poison/bin has a router and a vnsbridge that die of frames that say so (tests/poison/trigger.c);
# tests/fault/steady.c sends these between its numbered ones.
import json
import os
import random
import signal
import struct
import subprocess
import time

import pytest
from harness import BIN, OF_PORT, VNS_PORT, run, verdicts_add_up, wait_for
from test_cli import Stand
from steady import HIGHEST, TRIGGER, TRIGGERED, Steady, dropped
from test_kills import KILLS, SEED, WINDOW, begin

POISON = os.path.join(os.path.dirname(BIN), 'poison/bin')
VICTIM = {'r': 'router', 'h': 'router', 'u': 'vnsbridge', 'd': 'vnsbridge'}
SIGNAL = {'s': 'SIGSEGV', 'a': 'SIGABRT', 'f': 'SIGFPE', 'i': 'SIGILL', 'b': 'SIGBUS', 'o': 'SIGSEGV'}
EVIDENCE = 2048  # shm/ring_layout.h: struct ring_rx_shared, words place, deaths, signal


class Poisoned(Stand):
    """A supervised stack whose router and vnsbridge can be killed by frames, under steady traffic."""

    def __init__(self):
        super().__init__(OF_PORT + 8, VNS_PORT + 16, programs=POISON)
        self.env['CAUSEWAY_VNSBRIDGE_LISTEN'] = 'none'
        self.do('up')
        self.steady = Steady(self)
        self.flows()
        self.before = {name: dropped(of) for name, of in self.counters().items()}

    def flows(self):
        seen = self.steady.get(HIGHEST)
        wait_for(lambda: self.steady.get(HIGHEST) > seen + 2 * WINDOW, 10, 'flowing frames')

    def counters(self):
        return json.loads(run(self.causeway, 'show', 'counters', '--json', '--run-dir', self.run_dir).stdout)

    def status(self):
        """At any moment: its exit status says whether a process is missing."""
        return json.loads(subprocess.run([self.causeway, 'status', '--json'], env=self.env, text=True, timeout=60,
                                         stdout=subprocess.PIPE, check=False).stdout)

    def starts(self):
        """PID and restarts of each process, once all are there."""
        def all_there():
            processes = self.status()['processes']
            return processes if all('pid' in p for p in processes) else None
        return {p['process']: (p['pid'], p['restarts']) for p in wait_for(all_there, 5, 'three processes')}

    def quarantined(self):
        return {q['process']: q['frames'] for q in self.status()['quarantine']}

    def send(self, letters, port=1):
        self.steady.set(TRIGGER, int.from_bytes(letters.encode() + bytes([port]), 'little'))
        wait_for(lambda: self.steady.get(TRIGGER) == 0, 5, 'sent trigger ' + letters)

    def poison(self, letters, port=1):
        """The frame costs two deaths of its victim, and nobody else; then traffic goes on."""
        victim, before, had = VICTIM[letters[0]], self.starts(), self.quarantined()
        self.send(letters, port)
        wait_for(lambda: self.quarantined().get(victim, 0) == had.get(victim, 0) + 1, 10, 'quarantine of ' + letters)
        self.flows()
        now = self.starts()
        for process, (pid, restarts) in now.items():
            if process == victim:
                assert restarts == before[process][1] + 2, (letters, before, now)
            else:
                assert pid == before[process][0], (letters, before, now)
        assert self.quarantined() == {**had, victim: had.get(victim, 0) + 1}, letters

    def cured(self, letters, port=1):
        """The frame costs one death, and is delivered."""
        victim, before, had = VICTIM[letters[0]], self.starts(), self.quarantined()
        back = self.steady.get(TRIGGERED)
        self.send(letters, port)
        wait_for(lambda: self.steady.get(TRIGGERED) == back + 1, 10, 'delivery of ' + letters)
        self.flows()
        assert self.starts()[victim][1] == before[victim][1] + 1, letters
        assert self.quarantined() == had, letters
        assert self.steady.get(TRIGGERED) == back + 1, letters

    def log(self, process):
        return self.do('logs', process, '-n', 1000).stdout

    def close(self):
        self.steady.child.popen.kill()
        self.steady.child.popen.wait()
        super().close()


@pytest.fixture
def stand():
    assert os.path.exists(POISON + '/router'), POISON + '/router is not built: make fakes'
    made = Poisoned()
    try:
        yield made
    finally:
        made.close()


def pcap(path):
    """The frames of a pcap file, read by hand; tcpdump reads as many."""
    with open(path, 'rb') as f:
        data = f.read()
    magic, link = struct.unpack_from('<I16xI', data)
    assert (magic, link) == (0xa1b2c3d4, 1)
    at, frames = 24, []
    while at < len(data):
        kept, length = struct.unpack_from('<8xII', data, at)
        assert kept == length
        frames.append(data[at + 16:at + 16 + kept])
        at += 16 + kept
    shown = subprocess.run(['tcpdump', '-r', path, '-e', '-n', '--number'], stdout=subprocess.PIPE, text=True,
                           stderr=subprocess.DEVNULL, timeout=30, check=True).stdout.splitlines()
    assert len([line for line in shown if 'length 1514' in line]) == len(frames), shown
    return frames


def letters_of(frame):
    assert len(frame) == 1514 and frame[42:48] == b'VENOM!'
    return frame[48:51].decode()


def dropped_since(stand, now, name):
    """Reasons and frames, without what was dropped before traffic flowed."""
    was = stand.before[name]
    return {why: n - was.get(why, 0) for why, n in dropped(now[name]).items() if n > was.get(why, 0)}


def add_up(stand, drops):
    """Nothing but the poison is lost, and every process's sums hold."""
    end, now = stand.steady.stop(), stand.counters()
    of, vb, rt = now['ofproxy'], now['vnsbridge'], now['router']
    assert (end['lost'], end['twice'], end['wrong'], end['strange'], end['errors']) == (0, 0, 0, 0, 0), (end, now)
    assert end['back'] == end['sent'] and end['refused'] == 0, end
    assert dropped_since(stand, now, 'ofproxy') == ({'dropped_poison': drops} if drops else {}), (end, now)
    assert of['bad_verdicts'] == 0, of
    verdicts_add_up(stand)
    assert rt['held'] == rt['held_sent'] + rt['held_expired'], rt
    return now


def test_a_poison_frame_costs_two_deaths_and_is_the_only_loss(stand):
    table = {'router': ['rsa', 'raa', 'rfa', 'roa'], 'vnsbridge': ['usa', 'uoa', 'daa', 'dfa']}
    for letters in table['router'] + table['vnsbridge']:
        stand.poison(letters)
    for process, sent in table.items():
        path = '%s/%s.quarantine.pcap' % (stand.run_dir, process)
        frames = pcap(path)
        assert [letters_of(f) for f in frames] == sent
        lines = [line for line in stand.log(process).splitlines() if 'frame quarantined' in line]
        assert len(lines) == len(sent), lines
        for letters, line in zip(sent, lines, strict=True):
            assert '%s, 2 times' % SIGNAL[letters[1]] in line and path in line and 'length=1514' in line, line
        assert 'tcpdump -r %s -e -n' % path in stand.do('status').stdout
    # what came by vnsbridge from the router had been routed already: one hop less to live
    assert [f[22] for f in frames] == [64, 64, 63, 63]
    now = add_up(stand, 8)
    for process in table:
        assert now[process]['quarantined'] == 4
        assert dropped_since(stand, now, process) == {'dropped_poison': 4}, now[process]


def test_a_frame_that_kills_once_is_delivered(stand):
    for letters in ('rs1', 'ri1', 'us1', 'db1'):
        stand.cured(letters)
    assert all(len(pcap('%s/%s.quarantine.pcap' % (stand.run_dir, p))) == 0 for p in ('router', 'vnsbridge'))
    assert 'quarantine' not in stand.do('status').stdout
    add_up(stand, 0)


def test_a_held_frame_that_kills_when_it_leaves_is_quarantined(stand):
    stand.poison('hsa', port=2)
    # sent by the router as a frame of its own: nothing is dropped, it is only not sent
    stand.poison('daa', port=2)
    stand.do('restart', 'router', '--kill')  # it knows no neighbour again
    stand.flows()
    stand.cured('ho1', port=2)
    assert [letters_of(f) for f in pcap(stand.run_dir + '/router.quarantine.pcap')] == ['hsa']
    assert [letters_of(f) for f in pcap(stand.run_dir + '/vnsbridge.quarantine.pcap')] == ['daa']
    now = add_up(stand, 0)
    assert (now['router']['held_expired'], now['router']['quarantined'], now['vnsbridge']['quarantined']) == (1, 1, 1)


def test_two_poison_frames_at_once_are_both_found(stand):
    """The second one dies in the hands of a router that handles the first again."""
    stand.send('rsa')
    stand.send('raa')
    stand.send('usa')
    wait_for(lambda: stand.quarantined() == {'router': 2, 'vnsbridge': 1}, 10, 'three frames in quarantine')
    stand.flows()
    add_up(stand, 3)


def evidence(run_dir, ring):
    with open('%s/%s.rx' % (run_dir, ring), 'rb') as f:
        return struct.unpack_from('<3Q', f.read(), EVIDENCE)


def test_a_kill_from_outside_is_no_evidence(make_own_stack):
    stack, steady = begin(make_own_stack)
    rng = random.Random(SEED)
    before = dropped(stack.counters()['ofproxy'])
    for i in range(KILLS):
        name = rng.choice(('router', 'vnsbridge'))
        number = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)[i % 5]
        time.sleep(rng.uniform(0, 0.005))  # random instants are what is tested
        assert stack.children[name].end(number) == -number
        stack.start(name)
        seen = steady.get(HIGHEST)
        wait_for(lambda seen=seen: steady.get(HIGHEST) > seen, 5, 'frames after kill %d' % i)
    end, now = steady.stop(), stack.counters()
    assert (end['lost'], end['twice'], end['wrong'], end['strange'], end['errors']) == (0, 0, 0, 0, 0), (end, now)
    assert end['back'] == end['sent'] and end['refused'] == 0, end
    assert dropped(now['ofproxy']) == before
    assert (now['router']['quarantined'], now['vnsbridge']['quarantined']) == (0, 0)
    for ring in ('PKT_IN', 'VNS_IN', 'VNS_OUT'):
        assert evidence(stack.run_dir, ring) == (0, 0, 0), ring
    stack.end()


def test_the_programs_themselves_know_nothing_of_it():
    for name in ('router', 'vnsbridge', 'ofproxy', 'causeway'):
        with open(BIN + '/' + name, 'rb') as f:
            assert b'VENOM!' not in f.read(), name
    for name in ('router', 'vnsbridge'):
        with open(POISON + '/' + name, 'rb') as f:
            assert b'VENOM!' in f.read(), name
