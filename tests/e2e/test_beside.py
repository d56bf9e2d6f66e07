# tests/e2e/test_beside.py - the browser's side may be sick, dead or busy: no packet notices.
import os
import signal

import pytest
from harness import HOSTS, Auditor, Pinger, WebStack, verdicts_add_up, wait_for
from webtty import WebTty

BESIDE = ('ptyhost', 'webterm')
NOISE = "#!/bin/sh\nread x; head -c 4000000 /dev/zero | tr '\\0' x; echo that was all; exec cat\n"


@pytest.fixture()
def five(make_own_stack, lab):
    stack = make_own_stack(WebStack)
    script = stack.dir + '/noise'
    with open(script, 'w', encoding='ascii') as f:
        f.write(NOISE)
    os.chmod(script, 0o755)
    stack.flags = {'ptyhost': ['--command', script]}
    stack.start(*stack.PROCESSES[:3])
    wait_for(lab.flows, 30, 'a reply')
    return stack


def test_no_reply_is_lost_while_the_others_are_stopped_killed_and_started(five, lab):
    pinger = Pinger(lab, 'client', HOSTS['server1'], interval='0.003')
    auditor = Auditor(five)

    def some_replies(n=60):
        goal = len(pinger.replies) + n
        wait_for(lambda: len(pinger.replies) >= goal, 30, '%d more replies' % n)
    try:
        for _ in range(2):
            five.start(*BESIDE).ready()
            some_replies()
            for name in BESIDE:
                os.kill(five.pid(name), signal.SIGSTOP)
            some_replies()
            for name in BESIDE:
                os.kill(five.pid(name), signal.SIGCONT)
            some_replies()
            five.kill(*BESIDE)
            some_replies()
    finally:
        pinger.popen.send_signal(signal.SIGINT)
        pinger.thread.join(30)
        pinger.close()
    auditor.end()
    seen = [seq for _at, seq in pinger.replies]
    assert sorted(seen) == list(range(1, len(seen) + 1)), 'lost or doubled: %s' % sorted(
        set(range(1, max(seen) + 1)) - set(seen))
    verdicts_add_up(five)


def switches(stack, name):
    """How often a process went to sleep so far."""
    with open('/proc/%d/status' % stack.pid(name), encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('voluntary_ctxt'))


def test_what_a_terminal_says_wakes_none_of_those_that_packets_pass(five):
    five.start(*BESIDE).ready()
    before = {name: switches(five, name) for name in five.PROCESSES[:3]}
    with WebTty(five.web_port) as tty:
        tty.type(b'\r')
        tty.until(b'that was all\r\n', 60)
    woken = {name: switches(five, name) - n for name, n in before.items()}
    assert max(woken.values()) < 300, woken  # ofproxy's own tick is 5 a second; 4 MB are 2,000 doorbells


def test_all_end_in_order_and_leave_no_process(five):
    five.start(*BESIDE).ready()
    with open('/proc/%d/task/%d/children' % (five.pid('ptyhost'), five.pid('ptyhost')), encoding='ascii') as f:
        programs = f.read().split()
    assert programs
    five.end()
    wait_for(lambda: not any(os.path.exists('/proc/%s/cmdline' % pid) for pid in programs), 10, 'end of the programs')
