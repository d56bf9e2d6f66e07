# tests/oracle/test_again.py - what we write, we read, and write again.
import json

import pytest
from oracles import again, zoo

LENGTHS = ('len', 'length', 'actions_len', 'match_len')  # the writer's


@pytest.fixture(scope='module')
def rows():
    return zoo()


def without_lengths(meant):
    if isinstance(meant, list):
        return [without_lengths(each) for each in meant]
    if isinstance(meant, dict):
        return {k: without_lengths(v) for k, v in meant.items() if k not in LENGTHS}
    return meant


def test_every_message_is_read_as_it_was_meant_and_written_as_it_was_read(rows):
    wrong = []
    for row, line in zip(rows, again([r.bytes for r in rows])):
        if not line.startswith('{'):
            wrong.append('%s: %s' % (row.name, line))
        elif without_lengths(json.loads(line)) != without_lengths(row.meant):
            wrong.append('%s: read as %s, meant %s' % (row.name, line, json.dumps(row.meant)))
    assert not wrong, '%d: %s' % (len(wrong), '\n'.join(wrong[:20]))
