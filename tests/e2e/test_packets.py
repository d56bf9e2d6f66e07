# tests/e2e/test_packets.py - the packet view on a real stack and lab: what passes is seen, decoded, filtered, counted where it
# was missed, and written as a file that tshark reads; and the stack does not notice.
import http.client
import json
import shutil
import signal
import subprocess
import threading
import time

import pytest
from harness import HOSTS, ROUTER_MAC, WebStack, wait_for
from live import Live


@pytest.fixture(scope='module')
def stack(lab, make_stack):
    made = make_stack(WebStack).start('ofproxy', 'vnsbridge', 'router', 'webterm').ready('webterm')
    wait_for(lab.flows, 20, 'reply to a ping')
    return made


def watch(stack, where=('PKT_IN', 'PKT_OUT'), filter='', **options):
    """A subscription that is being looked at for."""
    live = Live(stack.web_port, 'packets', packets={'where': list(where), 'filter': filter}, **options)
    live.until(lambda m: set(m['value'].get('watching', ())) == set(where), what='look at ' + ' '.join(where))
    return live


def packets(live, enough, seconds=30):
    """Packets as they come, until 'enough(list)'."""
    found, deadline = [], time.monotonic() + seconds
    while not enough(found):
        message = live.next(max(0, deadline - time.monotonic()))
        assert message is not None, 'after %g s only %s' % (seconds, found)
        assert message['key'] == 'value', message
        found += message['value']['packets']
    return found


def layer(packet, name):
    return dict(next(found['fields'] for found in packet['layers'] if found['name'] == name))


def one(stack, n):
    return stack.json('/api/v1/packets/%d' % n)


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
