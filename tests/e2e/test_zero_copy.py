# No byte of a frame beyond its inline head is copied in user space.
import os

import pytest
from harness import HOSTS, VERDICTS, ring_records, wait_for

INLINE = 128  # shm/record.h: RECORD_INLINE
FORWARDED = VERDICTS.index('FORWARDED')

SEND = '''
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(bytes.fromhex(sys.argv[2]), (sys.argv[1], 9))
'''


@pytest.fixture(scope='module')
def stack(lab, make_stack):
    made = make_stack().start()
    wait_for(lab.flows, 10, 'reply to a ping')
    return made


@pytest.mark.parametrize('frame', [64, 512, 1500])
def test_the_arena_offset_that_leaves_is_the_one_that_came_in(lab, stack, frame):
    before = len(ring_records(stack.run_dir, 'PKT_IN'))
    got, text = lab.ping('client', HOSTS['server1'], '-s', frame - 14 - 20 - 8, count=3)
    assert got == 3, text
    came = {r.seq: r for r in ring_records(stack.run_dir, 'PKT_IN')[before:] if r.length == frame}
    left = [r for r in ring_records(stack.run_dir, 'PKT_OUT') if r.seq in came and r.verdict == FORWARDED]
    assert len(came) == len(left) == 6  # three requests, three replies
    for out in left:
        r = came[out.seq]
        assert (out.tail_off, out.tail_len, out.ticket) == (r.tail_off, r.tail_len, r.ticket)
        assert r.head_len == out.head_len == min(frame, INLINE)
        assert out.length == frame
        # 14 bytes of Ethernet and the IP header are rewritten, and nothing behind them is
        assert out.head[34:] == r.head[34:] and out.head[:12] != r.head[:12]


@pytest.mark.parametrize('frame', [512, 1500])
def test_the_tail_is_in_the_arena_and_nowhere_else(lab, stack, frame):
    marker = os.urandom(32)
    payload = b'.' * 200 + marker + b'.' * (frame - 42 - 200 - len(marker))
    before = len(ring_records(stack.run_dir, 'PKT_OUT'))
    lab.python('client', SEND, HOSTS['server1'], payload.hex())
    wait_for(lambda: any(r.verdict == FORWARDED and r.length == frame
                         for r in ring_records(stack.run_dir, 'PKT_OUT')[before:]), 3, 'forwarded frame')
    lab.flows()
    found = {(name, os.path.basename(where)) for name in stack.PROCESSES
             for where in places(stack.pid(name), marker)}
    assert ('ofproxy', 'ofproxy.arena') in found  # so the search does find what is there
    assert {where for _, where in found} == {'ofproxy.arena'}, found


def places(pid, marker):
    """Names of the mappings of the process that hold the marker."""
    with open('/proc/%d/maps' % pid, encoding='ascii') as maps, open('/proc/%d/mem' % pid, 'rb', 0) as mem:
        for line in maps:
            span, rights, _offset, _device, _inode, *name = line.split(maxsplit=5)
            low, high = (int(x, 16) for x in span.split('-'))
            if rights[0] != 'r' or high - low > 1 << 30:  # (a sanitizer's shadow)
                continue
            try:
                mem.seek(low)
                if marker in mem.read(high - low):
                    yield name[0].strip() if name else 'unnamed memory'
            except OSError:
                pass  # [vvar] and the like
