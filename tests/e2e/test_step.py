# A kill at every instruction: tests/fault/step.c, in its short form (a tenth of the instants, one
# stepped start).  tests/fault/run step is the long one.
import glob
import os
import platform
import re
import shutil
import signal
import subprocess

import pytest
from harness import BIN, run, wait_for

FAULT = os.path.join(os.path.dirname(BIN), 'fault')
STEP = FAULT + '/step'
RUN_DIRS = '/dev/shm/causeway-step-*'

pytestmark = pytest.mark.skipif(platform.machine() != 'x86_64', reason='the stepper knows x86-64 only')


def uses(run_dir):
    """The processes that have the directory on their command line."""
    found = []
    for path in glob.glob('/proc/[0-9]*/cmdline'):
        try:
            with open(path, 'rb') as f:
                if run_dir.encode() in f.read():
                    found.append(path.split('/')[2])
        except OSError:
            pass  # it has ended meanwhile
    return found


def uses_of_child(run_dir, pid):
    """Is the directory in use by what the stepper started?  Others may run one beside us."""
    for user in uses(run_dir):
        parent = user
        while parent not in ('0', '1'):
            if int(parent) == pid:
                return True
            try:
                with open('/proc/%s/stat' % parent, encoding='ascii') as f:
                    parent = f.read().rpartition(')')[2].split()[1]
            except OSError:
                break
    return False


def test_the_stepper_stops_the_main_thread_where_others_pass_too():
    assert run(FAULT + '/tracee_check', timeout=120).stdout == 'crossed 50 50\n'


def test_a_stop_that_never_comes_is_a_sentence():
    done = run(FAULT + '/tracee_check', 'hang', timeout=120, check=False)
    assert done.returncode == 2 and 'the next stop did not come within 1 s: it hangs' in done.stdout, done


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_stepper_that_is_interrupted_leaves_nothing_behind(number):
    before = set(glob.glob(RUN_DIRS))
    with subprocess.Popen([STEP, '--bin', BIN, '--program', 'router'], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as step:
        def at_work():
            return [d for d in set(glob.glob(RUN_DIRS)) - before if uses_of_child(d, step.pid)]
        run_dir, = wait_for(at_work, 60, 'router that is stepped')
        step.send_signal(number)
        assert step.wait(timeout=60) == -number
    assert not os.path.exists(run_dir) and not uses(run_dir)


def test_a_stepper_that_cannot_do_its_work_says_so_and_leaves_nothing_behind(tmp_path):
    shutil.copy(BIN + '/router', tmp_path)
    run('strip', tmp_path / 'router')
    done = run(STEP, '--bin', tmp_path, '--program', 'router', timeout=120, check=False)
    assert done.returncode == 2 and 'router has no function router_turn: was it stripped?' in done.stdout, done
    run_dir = re.search(r'step: the end of (/dev/shm/causeway-step-\w+)/router.log', done.stdout)
    assert run_dir and 'router info' in done.stdout, done
    assert not os.path.exists(run_dir[1]) and not uses(run_dir[1])


@pytest.mark.parametrize('program', ['router', 'vnsbridge', 'ofproxy'])
def test_killed_at_any_instruction_the_account_is_exact(program):
    done = run(STEP, '--bin', BIN, '--program', program, '--stride', 10, '--starts', 1, '--kills', 4, timeout=600)
    print('\n' + done.stdout)
    found = {m[1]: (int(m[2]), int(m[3]), int(m[4])) for m in re.finditer(
        r'^%s +(\w+) +instructions=\d+ instants=(\d+) tried=(\d+) wrong=(\d+)' % program, done.stdout, re.M)}
    # as many instants as a batch must have: each frame is at least a record and a count
    assert found['turn'][0] > 200 and found['turn'][1] >= found['turn'][0] // 10, done.stdout
    assert found['start'][0] > 100 and found['start'][1] >= found['start'][0] // 10, done.stdout
    assert found['kill'][1] == 4, done.stdout
    assert not any(wrong for _instants, _tried, wrong in found.values()), done.stdout
