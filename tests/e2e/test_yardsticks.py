# tests/e2e/test_yardsticks.py - the benchmarks work: each contender answers, and its frames are verified.  Their figures are
# no test's business; 'make bench' has them.
import json
import os
import shutil
import sys

import pytest
from harness import BIN, REPO, run

BUILD, BENCH = os.path.dirname(BIN), REPO + '/tests/bench'
os.environ['BUILD'] = BUILD
sys.path.insert(0, BENCH)


@pytest.fixture
def environment(tmp_path):
    """What the benchmarks find in it; the figures of a 'make bench' stay."""
    assert os.path.exists(BUILD + '/bench/of_reflector'), 'the yardsticks are not built: make yardsticks'
    return dict(os.environ, QUICK='1', ROUNDS='1', RESULTS=str(tmp_path))


def test_the_stack_and_its_yardsticks_are_measured_and_reported(environment, tmp_path):
    text = run(BENCH + '/stack', env=environment, timeout=60).stdout
    for name in ('latency', 'rate'):
        with open(tmp_path / (name + '.json'), encoding='utf-8') as f:
            rows = json.load(f)['rows']
        assert rows, name
        for row in rows:
            assert set(row['figures']) == {'causeway', 'reflector', 'bare TCP'}, row
            assert all(value > 0 for values in row['figures'].values() for value in values), row
    assert 'LOST OR WRONG' not in text, text
    page = tmp_path / 'page.md'
    shutil.copy(REPO + '/docs/performance.md', page)
    run(BENCH + '/report', page, env=environment)
    text = page.read_text(encoding='utf-8')
    assert '| reflector |' in text and '1 turns each, shortened (QUICK=1)' in text, 'not the figures of this run'


def test_frames_that_are_not_as_they_must_be_are_counted(environment):
    from contenders import contenders
    with contenders() as every:
        reflector = every.reflector()
        reflector.same = True  # held against frames as they were sent
        figures = reflector.bench('window', 0.05, warmup=0)
        assert not figures['ok'] and figures['lost'] > 0
