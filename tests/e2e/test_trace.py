# tests/e2e/test_trace.py - `causeway trace` on a real switch: its counts are those of the stack's accounts, to the frame.
import json
import os
import signal
import subprocess
import threading

import pytest

from harness import BIN, HOSTS, NOBODY, OF_PORT, Pinger, Stack, die_with_parent, run, tmpfs_dir, verdicts_add_up, wait_for
from steady import Steady

CAUSEWAY = BIN + '/causeway'
ROWS = ('socket', 'ofproxy-in', 'PKT_IN', 'vnsbridge-up', 'VNS_IN', 'router', 'VNS_OUT', 'vnsbridge-down', 'PKT_OUT',
        'ofproxy-out', 'total', 'send')
FRAMES = 40
WINDOW = 48  # below the 64 frames that the router holds for one neighbour


class Trace:
    """A trace that has begun: one JSON text a line, the last one the whole."""

    def __init__(self, stack):
        self.popen = subprocess.Popen([CAUSEWAY, '--run-dir', stack.run_dir, 'trace', '--json', '--watch', '0.2'],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      preexec_fn=die_with_parent)
        self.lines = []
        self.thread = threading.Thread(target=lambda: self.lines.extend(self.popen.stdout), daemon=True)
        self.thread.start()
        wait_for(lambda: self.lines or not self.thread.is_alive(), 20, 'first line of a trace')
        assert self.lines, self.popen.stderr.read()

    def last(self):
        return json.loads(self.lines[-1])

    def end(self):
        self.popen.send_signal(signal.SIGINT)
        self.thread.join(20)
        assert self.popen.wait(20) == 0, self.popen.stderr.read()
        assert self.last()['whole'] and not any(json.loads(line)['whole'] for line in self.lines[:-1])
        return self.last()

    def close(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.thread.join(20)
        self.popen.wait(20)
        self.popen.stdout.close()
        self.popen.stderr.close()


@pytest.fixture
def stack(lab, make_own_stack):
    made = make_own_stack().start()
    run(CAUSEWAY, '--run-dir', made.run_dir, 'wait', '--timeout', 20)
    wait_for(lab.flows, 20, 'ping through the stack')
    wait_for(lambda: lab.flows('server1', HOSTS['client']), 20, 'ping the other way')
    return made


def accounts(stack):
    """What the accounts say that passed each hop, once nothing is under way."""
    seen = verdicts_add_up(stack)
    rings = {r['ring']: r for r in seen['rings']}
    c = stack.counters()
    return {'ofproxy-in': c['ofproxy']['admitted'], 'PKT_IN': c['ofproxy']['admitted'],
            'vnsbridge-up': c['vnsbridge']['received'], 'VNS_IN': c['vnsbridge']['to_ring'],
            'router': c['router']['received'], 'VNS_OUT': c['vnsbridge']['from_ring'],
            'vnsbridge-down': c['vnsbridge']['from_ring'], 'PKT_OUT': c['ofproxy']['returned'],
            'ofproxy-out': c['ofproxy']['returned'], 'total': c['ofproxy']['settled'],
            'forwarded': c['router']['forwarded'], 'rings': len(rings)}


def traced(stack, what):
    """Does something while traced.  Returns the trace and what the accounts say of the same time: both are taken while
    nothing passes, else again."""
    def once():
        before = accounts(stack)
        trace = Trace(stack)
        try:
            if accounts(stack) != before:
                return None  # a host said something just then
            what(trace)
            after = accounts(stack)
            whole = trace.end()
            return (whole, {k: after[k] - before[k] for k in after}) if accounts(stack) == after else None
        finally:
            trace.close()
    return wait_for(once, 40, 'trace between two quiet moments')


def counts(whole):
    return {row['key']: row['count'] for row in whole['rows']}


def check(whole, passed):
    assert not any(whole['unmatched'].values()) and whole['lost'] == 0, whole['unmatched']
    counted = counts(whole)
    assert {k: counted[k] for k in passed if k in counted} == {k: v for k, v in passed.items() if k in counted}
    router = whole['processes'][2]
    forwarded = router['verdicts']['forwarded'] - passed['forwarded']
    # A verdict that a killed one had not published is decided again, and seen again.
    assert 0 <= forwarded <= WINDOW * router['restarts'], forwarded


def test_a_pings_frames_are_in_each_hop_as_the_accounts_say(lab, stack):
    def pings(_trace):
        assert lab.ping('client', HOSTS['server1'], count=FRAMES // 2)[0] == FRAMES // 2
    whole, passed = traced(stack, pings)
    assert passed['total'] >= FRAMES
    check(whole, passed)
    assert counts(whole)['socket'] == counts(whole)['ofproxy-in']
    rows = {row['key']: row for row in whole['rows']}
    for row in whole['rows']:
        assert set(row) >= {'key', 'text', 'of', 'count', 'mean_us', 'p50_us', 'p99_us', 'max_us', 'sum_us', 'buckets'}
        assert sum(n for _us, n in row['buckets']) == row['count']
        assert row['min_us'] <= row['p50_us'] <= row['p99_us'] <= row['max_us']
    # Hops lie end to end: together they are the whole way, but for what is counted between two of them.
    hops = sum(rows[k]['sum_us'] for k in ROWS[1:10])
    assert 0.9 * rows['total']['sum_us'] <= hops <= 1.1 * rows['total']['sum_us']
    for name in Stack.PROCESSES:
        assert rows[name + '-woken']['count'] > 0 and rows[name + '-runs']['count'] > 0, rows


def test_a_router_that_is_killed_while_traced_is_picked_up_again(lab, stack):
    first = stack.pid('router')

    def kill(trace):
        pinger = Pinger(lab, 'client', HOSTS['server1'], interval='0.01')
        try:
            wait_for(lambda: len(pinger.replies) > 20, 20, 'replies')
            stack.kill('router')
            stack.start('router')
            seen = len(pinger.replies)
            wait_for(lambda: len(pinger.replies) > seen + 20, 20, 'replies after the restart')
        finally:
            pinger.close()
        wait_for(lambda: trace.last()['processes'][2]['pid'] == stack.pid('router'), 20, 'new router in the trace')
    whole, passed = traced(stack, kill)
    assert whole['processes'][2]['restarts'] == 1 and whole['processes'][2]['pid'] != first
    check(whole, passed)


def test_no_frame_is_missed_or_counted_twice_over_many_kills(make_own_stack):
    stack = make_own_stack(Stack, of_port=OF_PORT + 7, flags={'vnsbridge': ['--listen', 'none']}).start()
    wait_for(lambda: os.path.exists(stack.run_dir + '/router.role'), 20, 'router')
    wait_for(lambda: run(CAUSEWAY, '--run-dir', stack.run_dir, 'show', 'latency', check=False).returncode == 0, 20, 'ofproxy')
    before, trace = accounts(stack), Trace(stack)
    try:
        steady = Steady(stack, rate=200000, window=WINDOW)  # so that they die with frames in hand
        for victim in ('router', 'vnsbridge') * 8:
            steady.flows(WINDOW, seconds=20)
            stack.kill(victim)
            stack.start(victim)
        steady.flows(WINDOW, seconds=20)
        steady.stop()
        after = accounts(stack)
        whole = trace.end()
    finally:
        trace.close()
    check(whole, {k: after[k] - before[k] for k in after})
    assert [p['restarts'] for p in whole['processes']] == [0, 8, 8]


def test_trace_is_text_for_people_and_leaves_nothing_on(lab, stack):
    done = run(CAUSEWAY, '--run-dir', stack.run_dir, 'trace', '--duration', '0.3', '--watch', '0.1')
    lines = done.stdout.splitlines()
    assert sum(line.startswith('total ') for line in lines) >= 2, done.stdout
    assert any(line.startswith('whole: ') for line in lines)
    assert 'bpf' not in run('ls', '-l', '/proc/%d/fd' % stack.pid('router')).stdout
    assert lab.flows()


def test_who_may_not_trace_is_told_so(stack):
    done = run(*NOBODY, CAUSEWAY, '--run-dir', stack.run_dir, 'trace', check=False)
    assert (done.returncode, done.stdout) == (1, (
        'causeway: trace needs root, or the capabilities CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE: run it with sudo\n'))


def test_a_program_without_probes_is_named(stack):
    folder = tmpfs_dir('bare')
    try:
        run('objcopy', '-R', '.note.stapsdt', BIN + '/router', folder + '/router')
        stack.end('router')
        stack.children['router'].popen = subprocess.Popen([folder + '/router', '--run-dir', stack.run_dir],
                                                          stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        run(CAUSEWAY, '--run-dir', stack.run_dir, 'wait', '--timeout', 20)
        done = run(CAUSEWAY, '--run-dir', stack.run_dir, 'trace', check=False)
        assert (done.returncode, done.stdout) == (1, (
            'causeway: %s has no probes, or not those of this causeway: install systemtap-sdt-dev and build all of it '
            'again\n' % os.path.realpath(folder + '/router')))
    finally:
        run('rm', '-rf', folder)


def test_no_probe_has_its_arguments_below_the_stacks_end():
    for name in Stack.PROCESSES:
        notes = run('readelf', '-nW', BIN + '/' + name).stdout
        assert notes.count('Provider: causeway') >= 3
        assert '@-' not in ''.join(line for line in notes.splitlines() if '(%rsp)' in line), notes
