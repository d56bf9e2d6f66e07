# tests/e2e/test_bench.py - `causeway bench` and `ping` on a real stack: each way to load it, and what they say.
# How fast it is, is not asked here.
import contextlib
import csv
import html.parser
import json
import re
import signal
import socket
import subprocess
import threading

import pytest

from harness import BIN, OF_PORT, VNS_PORT, run, wait_for

SHORT = ['--duration', '0.2', '--warmup', '0']


@pytest.fixture(scope='module')
def stack(make_stack):
    return up(make_stack(of_port=OF_PORT + 7))  # the lab's switch looks for a controller on OF_PORT


def up(stack):
    """ofproxy listens, and the router takes routes."""
    stack.start()
    ctl = [BIN + '/causeway', '--run-dir', stack.run_dir]
    run(*ctl, 'wait', 'ofproxy', '--timeout', 20, timeout=30)
    wait_for(lambda: run(*ctl, 'route', 'list', check=False).returncode == 0, 20, 'router that answers')
    return stack


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


def test_the_cpu_time_of_each_process_is_told(stack):
    cpu = bench(stack, 'window')['cpu']
    assert set(cpu) == {'bench', 'ofproxy', 'vnsbridge', 'router'} and min(cpu.values()) > 0


def test_the_text_says_the_same(stack):
    done = run(BIN + '/causeway', 'bench', '--connect', 'tcp:127.0.0.1:%d' % stack.of_port, *SHORT)
    assert done.stdout.startswith('latency: 1 switch, OpenFlow 1.3, 64 bytes, 1 destination, 1 outstanding\n')
    assert ' came back as they must ' in done.stdout and 'WRONG' not in done.stdout
    assert '99.99 %' in done.stdout


def test_a_storm_takes_no_place_of_what_is_measured(stack):
    for words in (['--storm', 'broadcast'], ['--storm', 'arp', '--storm-rate', '20000']):
        seen = bench(stack, 'storm', *words)
        all_came_back(seen)
        assert seen['sent'] == 200 and seen['storm'] == words[1] and seen['storm_per_second'] > 1000


def test_a_ramp_finds_a_rate_that_holds(stack):
    for _attempt in range(10):  # on a busy machine even a low rate may not hold
        with contextlib.suppress(AssertionError):
            seen = bench(stack, 'ramp', '--duration', '0.02', '--rate', '50000')
            break
    all_came_back(seen)
    steps = seen['steps']
    held, not_held = ([s['rate'] for s in steps if s['held'] == yes] for yes in (True, False))
    assert held[-1] == max(held) == seen['rate'] and any(rate > seen['rate'] for rate in not_held)


def routes(stack):
    return json.loads(run(BIN + '/causeway', '--run-dir', stack.run_dir, 'route', 'list', '--json').stdout)


def test_many_destinations_have_a_route_for_as_long(stack):
    before = routes(stack)
    all_came_back(bench(stack, 'window', '--destinations', '100000'))
    assert len(routes(stack)) == len(before)


def test_a_signal_ends_it_early_with_what_there_is(stack):
    before = routes(stack)
    sent = stack.counters()['ofproxy']['received']
    with subprocess.Popen([BIN + '/causeway', '--run-dir', stack.run_dir, 'bench', 'window', '--json', '--connect',
                           'tcp:127.0.0.1:%d' % stack.of_port, '--destinations', '100', '--duration', '60'],
                          stdout=subprocess.PIPE, text=True) as child:
        wait_for(lambda: stack.counters()['ofproxy']['received'] > sent + 5000, 20, 'frames of the benchmark')
        child.send_signal(signal.SIGINT)
        seen = json.loads(child.communicate(timeout=20)[0])
    assert child.returncode == 0 and seen['seconds'] < 60
    all_came_back(seen)
    assert len(routes(stack)) == len(before)


def test_files(stack, tmp_path):
    names = {kind: str(tmp_path / ('result.' + kind)) for kind in ('hgrm', 'csv', 'json', 'html')}
    seen = bench(stack, 'window', *[word for name in names.values() for word in ('--output', name)])
    all_came_back(seen)
    with open(names['json'], encoding='utf-8') as f:
        assert json.load(f) == seen
    with open(names['csv'], encoding='utf-8') as f:
        rows = list(csv.DictReader(f))
    assert sum(int(row['frames']) for row in rows) == seen['sent']
    assert float(rows[-1]['percentile']) == 100 and float(rows[0]['from_us']) <= seen['latency_us']['min']
    with open(names['hgrm'], encoding='utf-8') as f:
        check_hgrm(f.read(), seen)
    with open(names['html'], encoding='utf-8') as f:
        check_page(f.read())


def check_hgrm(text, seen):
    """The format of HdrHistogram's outputPercentileDistribution."""
    lines = text.splitlines()
    assert lines[0].split() == ['Value', 'Percentile', 'TotalCount', '1/(1-Percentile)'] and lines[1] == ''
    table = [line.split() for line in lines[2:] if not line.startswith('#')]
    assert [len(row) for row in table] == [4] * (len(table) - 1) + [3]
    values, percentiles, counts = zip(*[(float(r[0]), float(r[1]), int(r[2])) for r in table])
    assert (list(values), list(percentiles), list(counts)) == (sorted(values), sorted(percentiles), sorted(counts))
    assert percentiles[-1] == 1 and counts[-1] == seen['sent'] and values[-1] == pytest.approx(seen['latency_us']['max'], abs=1e-3)
    assert all(abs(float(row[3]) - 1 / (1 - float(row[1]))) < 0.01 * float(row[3]) for row in table[:-1])
    median = next(value for value, percentile in zip(values, percentiles) if percentile >= 0.5)
    assert median == pytest.approx(seen['latency_us']['p50'], rel=0.01)
    assert re.search(r'#\[Mean    = +[\d.]+, StdDeviation   = +[\d.]+\]\n#\[Max     = +[\d.]+, Total count    = +%d\]' %
                     seen['sent'], text)


class Page(html.parser.HTMLParser):
    """What a page is made of, and what it would fetch."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.fetches = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in ('meta', '!doctype'):
            self.open.append(tag)
        self.fetches += [value for name, value in attrs if name in ('src', 'href', 'srcset', 'action', 'data')]

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_page(text):
    page = Page(text)
    assert page.open == [] and page.fetches == [] and page.tags.count('svg') == 4
    assert not {'script', 'link', 'iframe', 'img', 'object'} & set(page.tags)
    assert 'url(' not in text and '@import' not in text and '://' not in text
    assert not re.search(r'\b(nan|inf)\b', text)


def test_many_switches(make_stack, tmp_path):
    config = run(BIN + '/causeway', 'bench', 'config', '--switches', '5').stdout
    (tmp_path / 'bench.conf').write_text(config, encoding='ascii')
    several = up(make_stack(of_port=OF_PORT + 1, vns_port=VNS_PORT + 1,
                            flags={'vnsbridge': ['--config', str(tmp_path / 'bench.conf')]}))
    for words in (['window', '--openflow', '1.0'], ['rate']):
        seen = bench(several, *words, '--switches', '5')
        all_came_back(seen)
        assert seen['switches'] == 5
    several.end()


def test_a_destination_without_a_route_is_said(stack):
    said = bench(stack, '--destination', '203.0.113.1', '--timeout', '0.3', status=1)
    assert 'no frame of switch 0 came back within 0.3 s' in said and 'route' in said


HOPS = [('to_ofproxy', ''), ('ofproxy', 'PKT_IN'), ('vnsbridge_up', 'VNS_IN'), ('router', 'VNS_OUT'),
        ('vnsbridge_down', 'PKT_OUT'), ('back', '')]


def ping(stack, *words, status=0):
    done = subprocess.run([BIN + '/causeway', '--run-dir', stack.run_dir, 'ping', '--json', '--interval', '0', '--connect',
                           'tcp:127.0.0.1:%d' % stack.of_port, *words], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == status, '%d: %s %s' % (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)


@pytest.mark.parametrize('version', ['1.0', '1.3'])
def test_ping_follows_each_frame_through_each_ring(stack, version):
    seen = ping(stack, '--count', '20', '--openflow', version, '--size', '1500')
    assert seen['sent'] == len(seen['trips']) == 20 and seen['openflow'] == version
    assert [(hop['hop'], hop['ring']) for hop in seen['hops']] == HOPS
    for trip in seen['trips']:
        assert trip['came_back'] and trip['right'] and trip['verdict'] == 'forwarded'
        assert list(trip['hops_us']) == [name for name, _ring in HOPS] and min(trip['hops_us'].values()) >= 0
        assert sum(trip['hops_us'].values()) == pytest.approx(trip['us'], abs=0.01)
    assert seen['all']['min_us'] <= seen['all']['p50_us'] <= seen['all']['max_us']


def test_ping_says_what_became_of_a_frame(stack):
    with_ttl = ping(stack, '--count', '2', '--destination', '203.0.113.1', '--timeout', '0.3', status=1)
    assert [trip['verdict'] for trip in with_ttl['trips']] == ['answered'] * 2  # net unreachable
    assert all(trip['came_back'] and not trip['right'] for trip in with_ttl['trips'])
    dropped = ping(stack, '--count', '2', '--source', '127.0.0.1', '--timeout', '0.3', status=1)
    assert all(trip['verdict'].startswith('dropped (') and not trip['came_back'] for trip in dropped['trips'])
    assert list(dropped['trips'][0]['hops_us']) == [name for name, _ring in HOPS[:-1]]
    said = run(BIN + '/causeway', '--run-dir', stack.run_dir, 'ping', '--count', '1', '--connect', 'tcp:127.0.0.1:%d' % stack.of_port,
               '--source', '127.0.0.1', '--timeout', '0.3', check=False).stdout
    assert "Nothing came back: is the stack routing (causeway status), are its interfaces another switch's" in said


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
        done = subprocess.run([BIN + '/causeway', 'bench', 'window', '--json', '--expect', 'same', '--openflow', '1.0',
                               '--connect', 'tcp:127.0.0.1:%d' % listener.getsockname()[1], *SHORT, '--duration', '0.05'],
                              capture_output=True, text=True, timeout=60, check=False)
        thread.join(10)
    assert done.returncode == 1, done.stderr
    seen = json.loads(done.stdout)
    wrong = {name: n for name, n in {**seen['wrong'], 'lost': seen['lost']}.items() if n}
    assert not seen['ok'] and fault in wrong, wrong
