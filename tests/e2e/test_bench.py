# tests/e2e/test_bench.py - `causeway bench` on a real stack: each way to load it, and what it says.
# How fast it is, is not asked here.
import json
import socket
import subprocess
import threading

import pytest

from harness import BIN

SHORT = ['--duration', '0.2', '--warmup', '0']


@pytest.fixture(scope='module')
def stack(make_stack):
    return make_stack().start()


def bench(stack, *words, status=0):
    """What `causeway bench --json` says; and that it ended with 'status'."""
    done = subprocess.run([BIN + '/causeway', '--run-dir', stack.run_dir, 'bench', '--json', '--connect',
                           'tcp:127.0.0.1:%d' % stack.of_port, *SHORT, *words], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == status, '%d: %s %s' % (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout) if done.stdout else done.stderr


def all_came_back(seen):
    assert seen['ok'] and seen['sent'] > 0 and seen['lost'] == seen['late'] == seen['unsent'] == 0
    assert not any(seen['wrong'].values()), seen['wrong']
    assert seen['verified'] == seen['sent'] == seen['latency_us']['count']
    assert sum(bucket[2] for bucket in seen['latency_us']['buckets']) == seen['sent']


@pytest.mark.parametrize('version', ['1.0', '1.3'])
@pytest.mark.parametrize('words', [['latency'], ['window', '--window', '64'], ['rate', '--rate', '2000']],
                         ids=lambda words: words[0])
def test_every_frame_comes_back_as_it_must(stack, version, words):
    seen = bench(stack, *words, '--openflow', version)
    all_came_back(seen)
    assert (seen['mode'], seen['openflow']) == (words[0], version)
    if words[0] == 'rate':
        assert seen['sent'] == 400  # none is skipped, none is sent twice


@pytest.mark.parametrize('size', [60, 64, 129, 1500, 1514])
def test_every_size(stack, size):
    seen = bench(stack, 'window', '--size', str(size))
    all_came_back(seen)
    assert seen['size'] == size


def test_percentiles_are_in_order(stack):
    lat = bench(stack, 'window')['latency_us']
    values = [lat[name] for name in ('min', 'p50', 'p90', 'p99', 'p999', 'p9999', 'max')]
    assert values == sorted(values) and values[0] > 0
    assert lat['min'] <= lat['mean'] <= lat['max']


def test_the_text_says_the_same(stack):
    done = subprocess.run([BIN + '/causeway', 'bench', '--connect', 'tcp:127.0.0.1:%d' % stack.of_port, *SHORT],
                          capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith('latency: 1 switch, OpenFlow 1.3, 64 bytes, 1 destination, 1 outstanding\n')
    assert ' came back as they must ' in done.stdout and 'WRONG' not in done.stdout
    assert '99.99 %' in done.stdout


def test_a_destination_without_a_route_is_said(stack):
    said = bench(stack, '--destination', '203.0.113.1', '--timeout', '0.3', status=1)
    assert 'no frame of switch 0 came back within 0.3 s' in said and 'route' in said


def reflecting(listener, change):
    """A controller that sends each frame back, changed."""
    def serve():
        link, _ = listener.accept()
        have = b''
        link.sendall(bytes([1, 0, 0, 8, 0, 0, 0, 1]) + bytes([1, 5, 0, 8, 0, 0, 0, 2]))
        number = 0
        while True:
            got = link.recv(65536)
            if not got:
                return link.close()
            have += got
            while len(have) >= 8 and len(have) >= int.from_bytes(have[2:4], 'big'):
                length = int.from_bytes(have[2:4], 'big')
                message, have = have[:length], have[length:]
                if message[1] == 10:
                    for frame in change(bytearray(message[18:]), number):
                        link.sendall(bytes([1, 13]) + (24 + len(frame)).to_bytes(2, 'big') + bytes(4) + b'\xff' * 6 +
                                     b'\0\x08' + bytes([0, 0, 0, 8, 0, 1, 0, 0]) + frame)
                    number += 1
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def flipped(at):
    def change(frame, number):
        if number > 5:
            frame[at] ^= 1
        return [frame]
    return change


WRONG = {'mac': flipped(0), 'header': flipped(34), 'checksum': flipped(25), 'payload': flipped(63), 'ttl': flipped(22),
         'length': lambda frame, number: [frame + b'\0' * (number > 5)],
         'doubled': lambda frame, number: [frame] * (1 + (number > 5)),
         'lost': lambda frame, number: [frame] * (number <= 5)}


@pytest.mark.parametrize('fault', list(WRONG))
def test_a_controller_that_harms_frames_is_found_out(fault):
    with socket.create_server(('127.0.0.1', 0)) as listener:
        thread = reflecting(listener, WRONG[fault])
        done = subprocess.run([BIN + '/causeway', 'bench', '--json', '--expect', 'same', '--openflow', '1.0', '--connect',
                               'tcp:127.0.0.1:%d' % listener.getsockname()[1], *SHORT, '--duration', '0.05'],
                              capture_output=True, text=True, timeout=60, check=False)
        thread.join(10)
    assert done.returncode == 1, done.stderr
    seen = json.loads(done.stdout)
    wrong = {name: n for name, n in {**seen['wrong'], 'lost': seen['lost']}.items() if n}
    assert not seen['ok'] and fault in wrong, wrong
