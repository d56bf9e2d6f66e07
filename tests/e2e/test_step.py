# A kill at every instruction: tests/fault/step.c, in its short form (a tenth of the instants, one
# stepped start).  tests/fault/run step is the long one.
import os
import platform
import re

import pytest
from harness import BIN, run

STEP = os.path.join(os.path.dirname(BIN), 'fault/step')


@pytest.mark.skipif(platform.machine() != 'x86_64', reason='the stepper knows x86-64 only')
@pytest.mark.parametrize('program', ['router', 'vnsbridge', 'ofproxy'])
def test_killed_at_any_instruction_the_account_is_exact(program):
    done = run(STEP, '--bin', BIN, '--program', program, '--stride', 10, '--starts', 1, '--kills', 4, timeout=120)
    print('\n' + done.stdout)
    found = {m[1]: (int(m[2]), int(m[3]), int(m[4])) for m in re.finditer(
        r'^%s +(\w+) +instructions=\d+ instants=(\d+) tried=(\d+) wrong=(\d+)' % program, done.stdout, re.M)}
    # as many instants as a batch must have: each frame is at least a record and a count
    assert found['turn'][0] > 200 and found['turn'][1] >= found['turn'][0] // 10, done.stdout
    assert found['start'][0] > 100 and found['start'][1] >= found['start'][0] // 10, done.stdout
    assert found['kill'][1] == 4, done.stdout
    assert not any(wrong for _instants, _tried, wrong in found.values()), done.stdout
