# Exactly once across kill -9: a pretend switch (tests/fault/steady.c) sends numbered frames without a
# pause while processes are killed at random instants and started again.  No frame is lost, none comes
# twice, and the counters add up.
#
# CAUSEWAY_KILLS=10000 makes it long (or tests/fault/run kills); CAUSEWAY_SEED=N repeats the victims
# and the delays of a run, though not the instants within the processes.
import os
import random
import signal
import time

from harness import OF_PORT, Auditor, Stack, WebStack, verdicts_add_up, wait_for
from steady import FLOWING, HIGHEST, MARK_NS, WORDS, Steady, dropped

KILLS = int(os.environ.get('CAUSEWAY_KILLS', 200))
SEED = int(os.environ.get('CAUSEWAY_SEED', time.time_ns() % 1_000_000))
WINDOW = 48  # below the 384 frames that the router holds for one neighbour
RATE = int(os.environ.get('CAUSEWAY_RATE', 2000))


class Killer:
    def __init__(self, stack, steady, rng):
        self.stack, self.steady, self.rng = stack, steady, rng
        self.took, self.kills = [], {}

    def one(self, name):
        """Kills and starts a process; most times waits for traffic, else for almost nothing: then the next
        kill finds somebody who is just starting."""
        stack, steady = self.stack, self.steady
        assert stack.children[name].alive(), '%s ended by itself with %s' % (name, stack.children[name].popen.returncode)
        os.kill(stack.pid(name), signal.SIGKILL)
        stack.children[name].popen.wait()
        steady.mark()
        started = time.monotonic_ns()
        stack.start(name)
        self.kills[name] = self.kills.get(name, 0) + 1
        if self.rng.random() < 0.2:
            time.sleep(self.rng.uniform(0, 0.005))  # random instants are what is tested
            return
        self.await_traffic(name)
        self.took.append(steady.get(MARK_NS) - started)
        time.sleep(self.rng.uniform(0, 0.02))

    def await_traffic(self, name):
        try:
            wait_for(lambda: self.steady.get(MARK_NS), 5, 'frame')
        except AssertionError:
            words = dict(zip(('sent', 'back', 'mark', 'mark_ns', 'flowing', 'connects', 'highest', 'trigger', 'triggered'),
                             map(self.steady.get, range(WORDS)), strict=False))
            raise AssertionError('no frame came back after kill %d, of %s (CAUSEWAY_SEED=%d): %s; %s' % (
                sum(self.kills.values()), name, SEED, words, dropped(self.stack.counters()['ofproxy']))) from None

    def line(self):
        took = sorted(self.took)
        return 'kills=%d (%s) seed=%d from start to first new frame: p50 %.1f ms, p99 %.1f ms, max %.1f ms' % (
            sum(self.kills.values()), ' '.join('%s %d' % pair for pair in sorted(self.kills.items())), SEED,
            took[len(took) // 2] / 1e6, took[len(took) * 99 // 100] / 1e6, took[-1] / 1e6)


def begin(make_own_stack, *flags, kind=Stack):
    stack = make_own_stack(kind, of_port=OF_PORT + 7, flags={'vnsbridge': ['--listen', 'none'],
                                                             'ptyhost': ['--command', '/bin/cat']}).start()
    steady = Steady(stack, *flags, rate=RATE, window=WINDOW)
    wait_for(lambda: steady.get(HIGHEST) > 100, 60, 'flowing frames')
    return stack, steady


def drive(stack, steady, victims, kills):
    rng = random.Random(SEED)
    killer, auditor = Killer(stack, steady, rng), Auditor(stack)
    for _ in range(kills):
        killer.one(rng.choice(victims))
    assert auditor.end() > kills / 2
    wait_for(lambda: steady.get(FLOWING), 5, 'flowing frames after the last kill')
    seen = steady.get(HIGHEST)
    wait_for(lambda: steady.get(HIGHEST) > seen + 2 * WINDOW, 5, 'frames after the last kill')
    return killer


def test_nothing_is_lost_or_doubled_when_vnsbridge_and_router_are_killed(make_own_stack):
    stack, steady = begin(make_own_stack)
    before = stack.counters()
    killer = drive(stack, steady, ('vnsbridge', 'router'), KILLS)
    end = steady.stop()
    verdicts_add_up(stack)
    now = stack.counters()
    print('\n%s; %s' % (killer.line(), end))
    of, vb, rt = now['ofproxy'], now['vnsbridge'], now['router']
    assert (end['lost'], end['twice'], end['wrong'], end['strange'], end['errors']) == (0, 0, 0, 0, 0), (end, now)
    assert end['back'] == end['sent'] and end['refused'] == 0, end
    # every frame had one verdict, and none of them was a drop
    assert dropped(of) == dropped(before['ofproxy']), (dropped(of), dropped(rt), dropped(vb))
    assert of['forwarded'] + of['held'] == end['sent'] and of['bad_verdicts'] == 0, (of, end)
    assert rt['held'] == rt['held_sent'], rt
    # the counters of the killed ones tell no other story
    assert (rt['forwarded'], rt['held'], rt['answered']) == (of['forwarded'], of['held'], of['answered']), (rt, of)
    stack.end()


def test_a_killed_ofproxy_doubles_nothing(make_own_stack):
    kills = max(KILLS // 10, 5)
    stack, steady = begin(make_own_stack, '--reconnect')
    killer = drive(stack, steady, ('ofproxy',), kills)
    end = steady.stop()
    verdicts_add_up(stack)
    of = stack.counters()['ofproxy']
    print('\n%s; %s; %s' % (killer.line(), end, dropped(of)))
    # a frame in the dead TCP connection is gone; nothing after it is, and no frame comes twice
    assert (end['lost'], end['twice'], end['wrong'], end['strange'], end['errors']) == (0, 0, 0, 0, 0), (end, of)
    assert end['torn'] + end['refused'] <= kills * WINDOW, end
    assert of['bad_verdicts'] == 0, of
    stack.end()


def test_any_of_the_five_may_be_killed_at_any_time(make_own_stack):
    kills = max(KILLS // 8, 5)
    stack, steady = begin(make_own_stack, '--reconnect', kind=WebStack)
    killer = drive(stack, steady, WebStack.PROCESSES, kills)
    end = steady.stop()
    verdicts_add_up(stack)
    of = stack.counters()['ofproxy']
    print('\n%s; %s; %s' % (killer.line(), end, dropped(of)))
    assert (end['twice'], end['wrong'], end['strange'], end['errors']) == (0, 0, 0, 0), (end, of)
    assert end['lost'] + end['torn'] + end['refused'] <= killer.kills.get('ofproxy', 0) * WINDOW, end
    assert of['bad_verdicts'] == 0, of
    stack.end()
