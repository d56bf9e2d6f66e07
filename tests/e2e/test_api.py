# webterm's REST, metrics and health, on a real stack: what causeway show says is what they say; changes and restarts;
# a process that hangs makes its own topics old, and nobody else wait; docs/openapi.yaml describes all of it.
import glob
import http.client
import json
import os
import re
import signal
import threading
import time
import urllib.parse

import jsonschema
import pytest
import yaml
from harness import BIN, HOSTS, OF_PORT, REPO, SWITCH, VNS_PORT, WEB_PORT, Pinger, WebStack, run, wait_for
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from test_cli import Stand

TOPICS = ('rings', 'counters', 'verdicts', 'interfaces', 'vhosts', 'switches', 'routes', 'arp', 'ingress', 'latency')
OF_SWITCH = ('flows', 'ports', 'groups', 'meters', 'tables', 'queues')
MOVES = {'age_s', 'duration_s', 'uptime_s', 'rtt_ms', 'rtt_us', 'rx_messages', 'tx_messages', 'rx_bytes', 'tx_bytes', 'recv_calls',
         'send_calls', 'bells', 'sleeps', 'echo_requests', 'rx_packets', 'tx_packets', 'lookups', 'matched', 'n_packets',
         'n_bytes'}

with open(REPO + '/docs/openapi.yaml', encoding='utf-8') as f:
    OPENAPI = yaml.safe_load(f)


@pytest.fixture(scope='module')
def stack(lab, make_stack):
    made = make_stack(kind=WebStack, flags={'ptyhost': ['--command', '/bin/cat']}).start().ready()
    wait_for(lab.flows, 30, 'a reply')
    yield made
    made.end()


def show(stack, *words):
    return json.loads(run(BIN + '/causeway', 'show', *words, '--json', '--run-dir', stack.run_dir).stdout)


def still(value):
    """Without what changes by itself."""
    if isinstance(value, dict):
        return {k: still(v) for k, v in value.items() if k not in MOVES}
    return [still(v) for v in value] if isinstance(value, list) else value


def schema_of(path, method='get', status=200, kind='application/json'):
    answers = OPENAPI['paths'][path][method]['responses']
    answer = answers.get(str(status), answers.get('default'))
    if '$ref' in answer:
        answer = OPENAPI['components']['responses'][answer['$ref'].split('/')[-1]]
    return answer['content'][kind]['schema']


def as_described(path, value, **which):
    root = 'openapi.yaml'
    resolver = jsonschema.RefResolver(root, OPENAPI)
    jsonschema.Draft202012Validator(schema_of(path, **which), resolver=resolver).validate(value)
    return value


def problem(stack, method, path, body=None, status=None, field=None, seconds=30):
    got, headers, text = stack.http(method, path, body, seconds=seconds)
    assert got == status and headers['content-type'] == 'application/problem+json', (got, text)
    told = json.loads(text)
    assert told['status'] == status and told.get('field') == field, told
    jsonschema.validate(told, OPENAPI['components']['schemas']['problem'])
    return told['detail']


def test_every_topic_is_what_causeway_shows_and_the_description_says(stack):
    for topic in TOPICS:
        path = '/api/v1/' + topic
        wait_for(lambda: still(stack.json(path)) == still(show(stack, topic)), 20, topic + ' that are the same')
        as_described(path, stack.json(path))
    for topic in OF_SWITCH:
        path = '/api/v1/' + topic
        assert still(stack.json(path + '?switch=' + SWITCH)) == still(show(stack, topic, SWITCH))
        as_described(path, stack.json(path))
    status = as_described('/api/v1/status', stack.json('/api/v1/status'))
    told = json.loads(run(BIN + '/causeway', 'status', '--json', '--run-dir', stack.run_dir, check=False).stdout)
    assert [(p['process'], p['pid'], p['state'], p['text']) for p in status['processes']] == [
        (p['process'], p['pid'], p['state'], p['text']) for p in told['processes']]
    assert status['run_dir'] == stack.run_dir and status['frames']['received'] > 0
    assert as_described('/api/v1/processes', stack.json('/api/v1/processes'))[0]['process'] == 'ofproxy'


def test_an_etag_spares_what_the_peer_has(stack):
    status, headers, body = stack.http('GET', '/api/v1/interfaces')
    assert status == 200 and body
    again, same, nothing = stack.http('GET', '/api/v1/interfaces', headers={'If-None-Match': 'W/"x", ' + headers['etag']})
    assert (again, nothing, same['etag']) == (304, b'', headers['etag'])
    assert stack.http('GET', '/api/v1/interfaces', headers={'If-None-Match': '"other"'})[0] == 200


def test_routes_and_neighbours_change(stack, lab):
    path = '/api/v1/routes'
    route = {'destination': '8.8.8.8/32', 'gateway': HOSTS['server1'], 'interface': 'eth1'}
    status, _headers, body = stack.http('POST', path, json.dumps(route))
    assert status == 201 and as_described(path, json.loads(body), method='post', status=201).items() >= route.items()
    assert any(r['destination'] == '8.8.8.8/32' for r in show(stack, 'routes'))
    wait_for(lambda: any(r['destination'] == '8.8.8.8/32' for r in stack.json(path)), 5, 'the route')
    status, _headers, body = stack.http('DELETE', path + '/8.8.8.8/32')
    assert (status, json.loads(body)) == (200, {'deleted': '8.8.8.8/32'})
    assert not any(r['destination'] == '8.8.8.8/32' for r in show(stack, 'routes'))
    assert 'no route' in problem(stack, 'DELETE', path + '/8.8.8.8%2F32', status=404)
    assert lab.flows()
    assert json.loads(stack.http('DELETE', '/api/v1/arp/' + HOSTS['client'])[2]) == {'deleted': 1}
    assert json.loads(stack.http('DELETE', '/api/v1/arp')[2])['deleted'] >= 1
    assert 'no neighbour' in problem(stack, 'DELETE', '/api/v1/arp/10.9.9.9', status=404)


@pytest.mark.parametrize('body, status, field, words', [
    ('', 422, 'destination', 'is missing'),
    ('{"destination": 5, "interface": "eth1"}', 422, 'destination', 'of another type'),
    ('{"destination": "1.2.3/4", "interface": "eth1"}', 422, 'destination', 'is not a prefix'),
    ('{"destination": "1.2.3.4/32", "interface": "a-name-of-20-letters"}', 422, 'interface', '1 to 15'),
    ('{"destination": "1.2.3.4/32", "interface": "eth1", "gateway": "x"}', 422, 'gateway', "'x'"),
    ('{"destination": "1.2.3.4/32", "interface": "eth1", "metric": 1}', 422, 'metric', 'leave it out'),
    ('{"destination": "1.2.3.4/32", "destination": "1.2.3.4/32"}', 400, None, 'no JSON object'),
    ('[1]', 400, None, 'no JSON object'),
    ('{"', 400, None, 'no JSON object')])
def test_a_wrong_request_is_told_which_field(stack, body, status, field, words):
    assert words in problem(stack, 'POST', '/api/v1/routes', body, status=status, field=field)


def test_a_wrong_question_is_told_which_word(stack):
    assert 'nowhere' in problem(stack, 'GET', '/api/v1/flows?switch=nowhere', status=404, field='switch')
    assert 'no field' in problem(stack, 'GET', '/api/v1/flows?filter=nonsense%3D1', status=400, field='filter')
    assert 'flows alone' in problem(stack, 'GET', '/api/v1/ports?filter=ip', status=400, field='filter')
    assert 'true or false' in problem(stack, 'GET', '/api/v1/tables?all=maybe', status=400, field='all')
    assert 'over 63' in problem(stack, 'GET', '/api/v1/ports?switch=' + 'x' * 100, status=400, field='switch')
    assert 'no process' in problem(stack, 'POST', '/api/v1/processes/sshd/restart', status=404, field='process')
    assert 'no supervisor' in problem(stack, 'POST', '/api/v1/processes/router/restart', status=409)
    filtered = stack.json('/api/v1/flows?' + urllib.parse.urlencode({'switch': SWITCH, 'filter': 'table=0'}))
    assert filtered and {flow['table'] for flow in filtered} == {0}


def test_a_process_that_hangs_makes_its_own_topics_old_and_nobody_wait(stack):
    asked = []
    os.kill(stack.pid('router'), signal.SIGSTOP)
    try:
        wait_for(lambda: stack.http('DELETE', '/api/v1/arp/10.9.9.9')[0] == 504, 10, 'silence')  # what it said before is old
        slow = threading.Thread(target=lambda: asked.append(problem(stack, 'GET', '/api/v1/routes', status=504)))
        slow.start()
        looks = 0
        while slow.is_alive():
            begun = time.monotonic()
            for path in ('rings', 'counters', 'switches', 'interfaces'):
                stack.json('/api/v1/' + path)
            assert time.monotonic() - begun < 2.5, 'others wait for the router'
            looks += 1
        slow.join()
        assert looks and 'did not answer within' in asked[0]
        row = next(p for p in stack.json('/api/v1/processes') if p['process'] == 'router')
        assert row['state'] == 'silent' and 'kill -CONT %d' % stack.pid('router') in row['text']
        status, _headers, body = stack.http('GET', '/readyz')
        assert status == 503 and [(r['process'], r['state']) for r in json.loads(body)['reasons']] == [('router', 'silent')]
    finally:
        os.kill(stack.pid('router'), signal.SIGCONT)
    wait_for(lambda: stack.http('GET', '/readyz')[0] == 200, 10, 'readiness')
    assert stack.json('/api/v1/routes') == show(stack, 'routes')


def test_readiness_has_reasons(stack):
    assert as_described('/readyz', stack.json('/readyz')) == {'ready': True, 'reasons': []}
    assert stack.json('/healthz') == {'status': 'ok'}
    assert stack.json('/version')['version'] == json.loads(run(BIN + '/causeway', 'version', '--json').stdout)['version']
    stack.end('router')
    try:
        wait_for(lambda: stack.http('GET', '/readyz')[0] == 503, 10, 'a router that is away')
        wait_for(lambda: stack.http('GET', '/api/v1/routes')[0] == 503, 10, 'the same of its routes')
        assert 'is not running' in problem(stack, 'GET', '/api/v1/routes', status=503)
        status, _headers, body = stack.http('GET', '/readyz')
        told = as_described('/readyz', json.loads(body), status=503)
        assert status == 503 and {'process': 'router', 'state': 'down', 'text': ''} in told['reasons']
        assert stack.http('GET', '/healthz')[0] == 200
    finally:
        stack.start('router')
    wait_for(lambda: stack.http('GET', '/readyz')[0] == 200, 20, 'readiness')


class Stream:
    """Server-sent events of some topics."""

    def __init__(self, stack, topics):
        self.link = http.client.HTTPConnection('127.0.0.1', stack.web_port, timeout=20)
        self.link.request('GET', '/api/v1/events?topics=' + topics)
        self.answer = self.link.getresponse()
        assert self.answer.status == 200

    def values(self, topic, seconds=30):
        deadline = time.monotonic() + seconds
        while True:
            assert time.monotonic() < deadline, 'not the value that was expected'
            line = self.answer.readline()
            assert line, 'the stream ended'
            if line.startswith(b'data: ') and (told := json.loads(line[6:]))['topic'] == topic:
                yield told['value']

    def close(self):
        self.link.close()


def test_the_stack_is_told_with_rates_while_somebody_listens(stack, lab):
    stream, pinger = Stream(stack, 'stack'), Pinger(lab, 'client', HOSTS['server1'], interval='0.02')
    try:
        for value in stream.values('stack'):
            if value['rates']['received'] > 20:
                break
        rows = {p['process']: p for p in value['processes']}
        assert list(rows) == list(WebStack.PROCESSES) and rows['router']['in_rate'] > 10 < rows['router']['out_rate']
        assert {r['ring'] for r in value['rings'] if r['rate'] > 10} == {'PKT_IN', 'VNS_IN', 'VNS_OUT', 'PKT_OUT'}
        total = value['totals']
        assert value['holds'] is True and int(total['received']) == total['in_flight'] + sum(
            int(total[k]) for k in ('forwarded', 'answered', 'held', 'dropped'))
        latency = value['latency']
        assert 0 < int(latency['count']) == sum(n for _low, n in latency['buckets'])
        assert 0 < latency['p50_us'] <= latency['p99_us'] <= latency['max_us']
    finally:
        pinger.close()
        stream.close()


def test_tables_are_told_and_what_is_old_is_named(stack):
    stream = Stream(stack, 'tables')
    try:
        for value in stream.values('tables'):
            if not value['stale']:
                break
        for topic in ('routes', 'interfaces', 'vhosts', 'switches'):
            assert still(value[topic]) == still(show(stack, topic))
        assert {p['name'] for p in value['ports']} > {'%s-eth1' % SWITCH}
        os.kill(stack.pid('router'), signal.SIGSTOP)
        for later in stream.values('tables'):
            if 'routes' in later['stale']:
                break
        assert 'did not answer' in later['stale']['routes'] and later['routes'] == value['routes']
    finally:
        os.kill(stack.pid('router'), signal.SIGCONT)
        stream.close()


def test_nothing_is_made_for_nobody(stack):
    """Threads sleep: over half a second, webterm's own time is next to none."""
    def used():
        with open('/proc/%d/stat' % stack.pid('webterm'), encoding='ascii') as stat:
            return sum(map(int, stat.read().rsplit(')', 1)[1].split()[11:13])) / os.sysconf('SC_CLK_TCK')

    def idle():
        before = used()
        time.sleep(0.5)  # what it must not do takes time
        return used() - before < 0.02
    wait_for(idle, 10, 'idle half second')


# ---- metrics ---------------------------------------------------------------------------------------

def samples(families):
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_metrics_are_prometheus_and_match_the_counters(stack):
    status, headers, body = stack.http('GET', '/metrics')
    assert status == 200 and headers['content-type'].startswith('text/plain; version=0.0.4')
    families = list(text_string_to_metric_families(body.decode()))
    assert all(f.name.startswith('causeway_') and f.documentation and f.type != 'unknown' for f in families)
    assert all(f.type != 'counter' or s.name.endswith('_total') for f in families for s in f.samples)
    seen, counters = samples(families), show(stack, 'counters')
    for process in ('vnsbridge', 'router'):
        for name, value in counters[process].items():
            if not re.match('(dropped|decided|unsent)_', name):
                gauge = (('causeway_%s_%s' % (process, name)), ())
                assert seen.get(gauge, seen.get((gauge[0] + '_total', ()))) == value, (process, name)
    for reason, n in ((k[8:], v) for k, v in counters['router'].items() if k.startswith('dropped_')):
        assert seen['causeway_dropped_frames_total', (('process', 'router'), ('reason', reason))] == n
    assert seen['causeway_ingress_frames_total', (('class', 'forward'), ('verdict', 'admitted'))] == \
        counters['ofproxy']['admitted_forward']
    assert seen['causeway_process_up', (('process', 'router'),)] == 1
    assert 0 < time.time() - seen['causeway_process_start_time_seconds', (('process', 'router'),)] < 600
    assert seen['causeway_frame_latency_seconds_count', ()] == seen['causeway_frame_latency_seconds_bucket', (('le', '+Inf'),)] > 0
    assert seen['causeway_webterm_connections', ()] >= 1 and seen['causeway_webterm_requests_total', ()] > 1


def test_metrics_are_openmetrics_when_asked(stack):
    status, headers, body = stack.http('GET', '/metrics', headers={'Accept': 'application/openmetrics-text;version=1.0.0'})
    assert status == 200 and headers['content-type'].startswith('application/openmetrics-text; version=1.0.0')
    seen = samples(openmetrics.text_string_to_metric_families(body.decode()))
    assert seen['causeway_process_up', (('process', 'ofproxy'),)] == 1
    assert body.endswith(b'# EOF\n')


# ---- the description -------------------------------------------------------------------------------

def routes_of_the_sources():
    """(method, path) of every http_route in webterm's sources, "*" for what a client fills in."""
    found = {('get', '/api/v1/' + t) for t in (*TOPICS, *OF_SWITCH, 'status', 'processes', 'bridges')}
    for name in glob.glob(REPO + '/webterm/*.c'):
        with open(name, encoding='utf-8') as source:
            for method, path in re.findall(r'"(GET|POST|DELETE)",\s*"(/[^"]*)"', source.read()):
                found.add((method.lower(), path))
    return found


def test_every_route_is_described():
    with open(REPO + '/docs/openapi.json', encoding='utf-8') as f:
        assert json.load(f) == OPENAPI, 'make openapi'
    described = {(method, path) for path, methods in OPENAPI['paths'].items() for method in methods}
    for method, path in routes_of_the_sources():
        if path.startswith(('/api/', '/healthz', '/readyz', '/metrics', '/version')):
            wanted = re.escape(path).replace(r'\*', '.+')
            assert any(m == method and re.fullmatch(wanted, p) for m, p in described), (method, path)


def test_all_that_is_described_is_there(stack):
    """Whatever else it says, no path is unknown (405: another method of it is)."""
    assert stack.json('/api/v1/openapi.json') == OPENAPI
    with open(REPO + '/docs/openapi.yaml', 'rb') as f:
        assert stack.http('GET', '/api/v1/openapi.yaml')[2] == f.read()
    sources = routes_of_the_sources()
    for path, methods in OPENAPI['paths'].items():
        for method in methods:
            star = re.sub(r'\{.*', '*', path)
            assert (method, star) in sources, (method, path)


# ---- restarts --------------------------------------------------------------------------------------

@pytest.fixture
def supervised():
    made = Stand(OF_PORT + 5, VNS_PORT + 5, start=WebStack.PROCESSES, web_port=WEB_PORT + 1)
    made.web_port = WEB_PORT + 1
    made.do('up')
    made.do('wait', 'webterm', '--timeout', 20)
    yield made
    made.close()


@pytest.mark.parametrize('hard', [False, True])
def test_a_process_is_restarted_and_the_others_stay(supervised, hard):
    before = {p: supervised.process(p)['pid'] for p in WebStack.PROCESSES}
    status, _headers, body = WebStack.http(supervised, 'POST', '/api/v1/processes/vnsbridge/restart',
                                           json.dumps({'hard': hard}))
    told = as_described('/api/v1/processes/{process}/restart', json.loads(body), method='post')
    assert status == 200 and told['pid_before'] == before['vnsbridge'] != told['pid']
    assert 0 < told['outage_ms'] < 5000
    assert 'asked to restart hard=%d' % hard in supervised.do('logs', 'vnsbridge').stdout
    for p in WebStack.PROCESSES:
        assert (supervised.process(p)['pid'] == before[p]) is (p != 'vnsbridge')
    if hard:
        return
    status, _headers, body = WebStack.http(supervised, 'POST', '/api/v1/processes/webterm/restart')
    assert (status, json.loads(body)) == (202, {'process': 'webterm', 'pid_before': before['webterm']})
    wait_for(lambda: supervised.process('webterm').get('pid', before['webterm']) != before['webterm'], 10, 'a new webterm')
    wait_for(lambda: supervised.process('webterm')['state'] == 'ready', 20, 'readiness')
    assert json.loads(WebStack.http(supervised, 'GET', '/healthz')[2]) == {'status': 'ok'}
