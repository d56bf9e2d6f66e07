# tests/oracle/test_coverage.py - docs/openflow-coverage.md is what the tables and the oracles say.
import os

import coverage
from oracles import REPO


def test_the_page_is_what_is_generated():
    with open(os.path.join(REPO, 'docs/openflow-coverage.md'), encoding='ascii') as f:
        committed = f.read()
    assert committed == coverage.page(), "docs/openflow-coverage.md is not up to date: make coverage, and commit it"
