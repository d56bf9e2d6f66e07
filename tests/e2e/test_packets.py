# tests/e2e/test_packets.py - the packet view on a real stack and lab: what passes is seen, decoded, filtered, counted where it
# was missed, and written as a file that tshark reads; and the stack does not notice.
import http.client
import json
import shutil
import signal
import subprocess
import time

import pytest
from harness import BIN, HOSTS, OF_PORT, ROUTER_MAC, VNS_PORT, WEB_PORT, WebStack, account, run, verdicts, wait_for
from live import Live
from steady import BACK, Steady
from test_api import as_described


@pytest.fixture(scope='module')
def stack(lab, make_stack):
    made = make_stack(WebStack, web_port=WEB_PORT + 3).start('ofproxy', 'vnsbridge', 'router', 'webterm').ready('webterm')
    wait_for(lab.flows, 20, 'reply to a ping')
    return made


def watch(stack, where=('PKT_IN', 'PKT_OUT'), filter='', **options):
    """A subscription that is being looked at for."""
    live = Live(stack.web_port, 'packets', packets={'where': list(where), 'filter': filter}, **options)
    live.until(lambda m: set(m['value'].get('watching', ())) == set(where), what='look at ' + ' '.join(where))
    return live


def packets(live, enough, seconds=30):
    """Packets as they come, until 'enough(list)', which is asked again each second and may make some."""
    found, deadline = [], time.monotonic() + seconds
    while not enough(found):
        message = live.next(1)
        assert message is not None or time.monotonic() < deadline, 'after %g s only %s' % (seconds, found)
        if message is None:
            continue
        assert message['key'] == 'value', message
        found += message['value']['packets']
    return found


def layer(packet, name):
    return dict(next(found['fields'] for found in packet['layers'] if found['name'] == name))


def one(stack, n):
    return as_described('/api/v1/packets/{n}', stack.json('/api/v1/packets/%d' % n))


def test_a_ping_is_seen_at_each_place_with_the_right_fields(stack, lab):
    with watch(stack, ('PKT_IN', 'VNS_IN', 'VNS_OUT', 'PKT_OUT'), 'icmp') as live:
        assert lab.ping('client', HOSTS['server1'])[0] == 1
        found = packets(live, lambda f: len(f) >= 8)
    assert [p['where'] for p in found].count('PKT_IN') == 2 and len(found) == 8
    request = next(p for p in found if p['where'] == 'PKT_IN')
    assert request['proto'] == 'icmp' and request['src'] == HOSTS['client'] and request['dst'] == HOSTS['server1']
    assert request['from'] == 'ofproxy' and request['to'] == 'vnsbridge' and request['len'] == 98
    assert request['port'].endswith('-eth3') and 'echo request id ' in request['info'], request
    assert request['info'].endswith(' seq 1 ttl 64') and abs(request['t'] - time.time()) < 60
    whole = one(stack, request['n'])
    assert {k: whole[k] for k in request} == request
    assert layer(whole, 'Ethernet')['destination'] == ROUTER_MAC['client']
    assert layer(whole, 'IPv4')['source'] == HOSTS['client'] and layer(whole, 'IPv4')['checksum'].endswith('(correct)')
    assert layer(whole, 'ICMP')['type'] == '8 (echo request)' and layer(whole, 'ICMP')['checksum'].endswith('(correct)')
    assert layer(whole, 'PKT_IN')['interface'] == 'eth3' and len(whole['hex']) == 2 * 98
    router = next(p for p in found if p['where'] == 'VNS_OUT')
    assert router['port'] == 'eth1' and layer(one(stack, router['n']), 'VNS packet')['interface'] == 'eth1'


def test_openflow_is_shown_as_it_is_said_and_its_frame_taken_apart(stack, lab):
    with watch(stack, ('OPENFLOW',), 'packet_in icmp host %s' % HOSTS['client']) as live:
        assert lab.ping('client', HOSTS['server1'])[0] == 1
        found = packets(live, lambda f: f)[0]
    assert found['proto'] == 'openflow' and found['where'] == 'OPENFLOW' and found['to'] == 'ofproxy'
    assert found['info'].startswith('packet_in xid=0x') and HOSTS['client'] in (found['src'], found['dst'])
    whole = one(stack, found['n'])
    names = [found['name'] for found in whole['layers']]
    assert names[0].startswith('OpenFlow 1.') and names[1:4] == ['Ethernet', 'IPv4', 'ICMP'], names
    fields = dict(whole['layers'][0]['fields'])
    assert fields['peer'].startswith('tcp:127.0.0.1:') and any(name.strip() == 'total_len' for name in fields), fields
    # nobody watches any more: ofproxy records for nobody
    wait_for(lambda: stack.children['ofproxy'].text().rstrip().endswith('off') or
             'openflow mirror off' in stack.children['ofproxy'].text(), 15, 'end of the mirror')


def test_a_filter_that_cannot_be_read_is_answered_in_a_sentence(stack):
    with Live(stack.web_port, 'packets', packets={'filter': 'icmp hots 10.0.0.1'}) as live:
        refused = live.until(lambda m: m['key'] == 'refused')
        assert refused['topic'] == 'packets' and "'hots'" in refused['value'] and 'expected' in refused['value']
        live.say(subscribe=['packets'], packets={'where': ['NOWHERE']})
        assert 'VNS_OUT' in live.until(lambda m: m['key'] == 'refused')['value']
    for query in ('filter=host+x', 'where=x'):
        for path in ('packets', 'packets.pcapng'):
            status, headers, body = stack.http('GET', '/api/v1/%s?%s' % (path, query))
            assert status == 400 and 'problem+json' in headers['content-type'] and b'expected' in body, body
    assert stack.http('GET', '/api/v1/packets.pcapng?follow=never')[0] == 400
    for n in ('0', '99999999', 'x', '1x', ''):
        assert stack.http('GET', '/api/v1/packets/' + n)[0] == 404


def test_what_came_while_it_was_paused_comes_afterwards(stack, lab):
    with watch(stack, ('PKT_IN',), 'icmp src %s' % HOSTS['client']) as live:
        live.say(pause=['packets'])
        live.say(subscribe=['nothing'])
        live.until(lambda m: m['key'] == 'refused')  # the pause was heard
        assert lab.ping('client', HOSTS['server1'], count=3)[0] == 3
        assert live.next(0.3) is None
        live.say(resume=['packets'])
        found = packets(live, lambda f: len(f) >= 3)
    assert [p['info'].split(' seq ')[1].split()[0] for p in found] == ['1', '2', '3']


def tshark(file, *words):
    done = subprocess.run(['tshark', '-n', '-r', file, *words], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


def test_what_is_kept_is_a_file_that_tshark_reads(stack, lab, tmp_path):
    if not shutil.which('tshark'):
        pytest.skip('tshark is not installed')
    with watch(stack, ('PKT_IN', 'PKT_OUT', 'OPENFLOW'), 'icmp') as live:
        assert lab.ping('client', HOSTS['server2'], count=4)[0] == 4
        packets(live, lambda f: len(f) >= 32)
        listed = stack.json('/api/v1/packets?where=PKT_IN,PKT_OUT&limit=8&filter=icmp+host+' + HOSTS['server2'])
    as_described('/api/v1/packets', listed)
    assert len(listed['packets']) == 8 and listed['packets'] == sorted(listed['packets'], key=lambda p: p['n'])
    file = str(tmp_path / 'x.pcapng')
    query = '/api/v1/packets.pcapng?where=PKT_IN,PKT_OUT,OPENFLOW&filter=icmp+host+' + HOSTS['server2']
    status, headers, body = stack.http('GET', query)
    assert status == 200 and 'attachment' in headers['content-disposition']
    with open(file, 'wb') as f:
        f.write(body)
    rows = [row.split('\t') for row in tshark(file, '-T', 'fields', '-e', 'frame.protocols', '-e', 'frame.interface_name',
                                              '-e', 'frame.comment', '-e', '_ws.malformed')]
    assert not [row for row in rows if row[3]], rows
    rings = [row for row in rows if 'openflow' not in row[0]]
    assert len(rings) == 16 and all(':icmp' in row[0] for row in rings) and {row[1] for row in rings} == {'PKT_IN', 'PKT_OUT'}, rings
    assert [row for row in rings if '-eth3 eth3, frame ' in row[2]], rings
    assert len(rows) - len(rings) == 16, rows


def test_a_file_that_goes_on_has_what_comes_and_ends_in_time(stack, lab, tmp_path):
    link = http.client.HTTPConnection('127.0.0.1', stack.web_port, timeout=30)
    link.request('GET', '/api/v1/packets.pcapng?where=VNS_IN&follow=3&filter=icmp+src+' + HOSTS['client'])
    answer = link.getresponse()
    begun = time.monotonic()
    body = answer.read1(65536)  # the section: it is open
    wait_for(lambda: stack.json('/api/v1/packets')['watching'], 5, 'look')
    replies = lab.ping('client', HOSTS['server1'], '-s', '1000', count=5)[0]  # Open vSwitch may lose one
    body += answer.read()
    assert 2 < time.monotonic() - begun < 25 and replies > 2
    link.close()
    assert body[:4] == b'\n\r\r\n' and body.count(b'VNS_IN') == 1
    if shutil.which('tshark'):
        (tmp_path / 'x.pcapng').write_bytes(body)
        got = tshark(str(tmp_path / 'x.pcapng'), '-Y', 'icmp.type == 8 && ip.len == 1028', '-T', 'fields', '-e', 'ip.ttl')
        assert replies <= len(got) <= 5, got


def test_twenty_watch_and_each_is_told_what_it_asked_for(stack, lab):
    lives = [watch(stack, ('PKT_IN',), 'icmp src %s' % (HOSTS['client'] if i % 2 else HOSTS['server1'])) for i in range(20)]
    try:
        assert lab.ping('client', HOSTS['server1'], count=3)[0] == 3
        for i, live in enumerate(lives):
            found = packets(live, lambda f: len(f) >= 3)
            assert {p['src'] for p in found} == {HOSTS['client'] if i % 2 else HOSTS['server1']}
    finally:
        for live in lives:
            live.close()
    # and it sleeps again
    wait_for(lambda: not stack.json('/api/v1/packets')['watching'], 10, 'end of the look')


def test_a_restarted_ofproxy_is_seen_again_also_with_new_files(stack, lab):
    with watch(stack, ('PKT_IN', 'OPENFLOW'), 'icmp or hello') as live:
        stack.end('ofproxy', sig=signal.SIGKILL)
        stack.start('ofproxy')
        packets(live, lambda f: any(p['info'].startswith('hello') for p in f))
        wait_for(lambda: lab.flows(), 20, 'reply to a ping')
        packets(live, lambda f: any(p['where'] == 'PKT_IN' for p in f))
        stack.end('router', 'vnsbridge', 'ofproxy')
        subprocess.run('rm %s/PKT_IN.tx %s/PKT_IN.rx %s/OPENFLOW.mirror' % ((stack.run_dir,) * 3), shell=True, check=True)
        stack.start('ofproxy', 'vnsbridge', 'router')
        wait_for(lambda: lab.flows(), 20, 'reply to a ping')

        def seen(found):
            lab.flows()
            return {p['where'] for p in found} >= {'PKT_IN', 'OPENFLOW'}
        packets(live, seen)


def test_a_storm_is_not_slowed_and_what_was_missed_is_said(make_own_stack):
    stack = make_own_stack(WebStack, of_port=OF_PORT + 7, vns_port=VNS_PORT + 7, web_port=WEB_PORT + 7,
                           flags={'ofproxy': ['--metering', 'off']})
    stack.start('ofproxy', 'vnsbridge', 'router', 'webterm').ready('webterm')
    steady = Steady(stack, rate=20000, window=100)
    steady.flows(1000, 20)
    lives = [watch(stack, ('PKT_IN', 'VNS_IN', 'VNS_OUT', 'PKT_OUT', 'OPENFLOW')) for _ in range(3)]
    asleep = Live(stack.web_port, 'packets', receive=4096)  # and reads nothing
    came = missed = 0
    begun, back = time.monotonic(), steady.get(BACK)
    while time.monotonic() - begun < 3:
        value = lives[0].until(lambda m: m['key'] == 'value')['value']
        came += len(value['packets'])
        missed += value['missed']
    rate = (steady.get(BACK) - back) / (time.monotonic() - begun)
    for live in lives + [asleep]:
        live.close()
    assert missed > 1000 and 1000 < came < 20 * 200 * 4, (came, missed)
    told = steady.stop()
    assert told['lost'] == told['twice'] == told['wrong'] == told['strange'] == 0 and rate > 5000, (told, rate)
    assert account(verdicts(stack), 'ofproxy', 'frames', 'dropped') == 0
    rings = json.loads(run(BIN + '/causeway', 'show', 'rings', '--json', '--run-dir', stack.run_dir).stdout)
    assert len(rings) == 4 and all(int(ring['full']) == 0 for ring in rings), rings
    print('%.0f frames/s came back, %d packets shown, %d missed' % (rate, came, missed))
