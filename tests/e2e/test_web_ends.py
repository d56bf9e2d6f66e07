# tests/e2e/test_web_ends.py - how what webterm serves comes to its end: by a log-out, by a stop, by a restart that is asked
# for twice; whoever has to do with it then touches nothing that is gone.
import json
import os
import signal
import socket
import time

import pytest
from harness import OF_PORT, VNS_PORT, WebStack, wait_for
from test_cli import Stand

TOPICS = 'stack,tables,events,packets,sessions'


@pytest.fixture()
def stack(make_own_stack, monkeypatch):
    """ofproxy and webterm, whose freed memory is full of rubbish."""
    monkeypatch.setenv('MALLOC_PERTURB_', '165')
    made = make_own_stack(WebStack)
    for role in ('operator', 'viewer'):
        path = '%s/%s' % (made.dir, role)
        with open(path, 'w', encoding='ascii') as f:
            f.write('the %s password\n' % role)
        os.chmod(path, 0o600)
    return made


def ask(stack, path, cookie=''):
    """A request whose answer is not waited for."""
    s = socket.create_connection(('127.0.0.1', stack.web_port), 30)
    s.sendall(('GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\n' % (
        path, stack.web_port, 'Cookie: %s\r\n' % cookie if cookie else '')).encode())
    return s


def ended(s):
    """Reads to the end; a stream that goes on is an error."""
    s.settimeout(30)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if not s.recv(1 << 16):
                return True
        except ConnectionResetError:
            return True
    return False


def log_in(stack, role):
    status, headers, _body = stack.http('POST', '/api/v1/login', json.dumps({'password': 'the %s password' % role}),
                                        {'Origin': stack.url[:-1]})
    assert status == 200
    return headers['set-cookie'].split(';')[0]


def test_a_log_out_ends_the_streams_of_that_login_alone(stack):
    stack.flags = {'webterm': ['--password-file', stack.dir + '/operator', '--viewer-password-file', stack.dir + '/viewer']}
    stack.start('ofproxy', 'webterm').ready('webterm')
    mine, others = log_in(stack, 'viewer'), log_in(stack, 'operator')
    paths = ('/api/v1/events?topics=stack', '/api/v1/packets.pcapng?follow=3600')
    streams = [ask(stack, path, cookie) for cookie in (mine, others) for path in paths]
    for s in streams:
        assert s.recv(15) == b'HTTP/1.1 200 OK'
    assert stack.http('POST', '/api/v1/logout', '', {'Origin': stack.url[:-1], 'Cookie': mine})[0] == 200
    assert all(ended(s) for s in streams[:2])
    streams[2].settimeout(30)
    for _ in range(3):  # it goes on: ofproxy grows older
        streams[2].recv(1 << 16)
    assert streams[2].recv(1)
    for s in streams:
        s.close()


def test_a_stop_in_the_middle_of_everything_ends_in_order(stack):
    """Streams, and requests that wait for an ofproxy that hangs."""
    stack.start('ofproxy', 'webterm').ready('ofproxy', 'webterm')
    peers = [ask(stack, '/api/v1/events?topics=' + TOPICS), ask(stack, '/api/v1/packets.pcapng?follow=3600')]
    for s in peers:
        assert s.recv(15) == b'HTTP/1.1 200 OK'
    os.kill(stack.pid('ofproxy'), signal.SIGSTOP)
    try:
        peers += [ask(stack, '/api/v1/' + topic) for topic in ('status', 'switches', 'flows', 'bridges')]
        stack.http('GET', '/healthz')
        assert stack.children['webterm'].end(seconds=20) == 0, stack.children['webterm'].text()
    finally:
        os.kill(stack.pid('ofproxy'), signal.SIGCONT)
    assert all(ended(s) for s in peers)


def request(method, path, body=''):
    return '%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n%s' % (
        method, path, 'content-length: %d\r\n' % len(body) if body else '', body)


def test_a_request_with_a_body_behind_another_one_is_answered_and_hangs_nobody(stack):
    """All in one packet: the library keeps what is behind the first, and must come to the end of it."""
    stack.start('ofproxy', 'webterm').ready('webterm')
    first, post = request('GET', '/healthz'), request('POST', '/api/v1/routes', '{}')
    for words, answers in ((first + post, 2), (post + post, 1), (request('GET', '/api/v1/rings') + post, 2),
                           (first + request('DELETE', '/api/v1/arp', '{}'), 2), (first + post + 3000 * 'x', 2),
                           (first * 20, 20)):
        with socket.create_connection(('127.0.0.1', stack.web_port), 30) as s:
            s.sendall(words.encode())
            got = b''
            while got.count(b'HTTP/1.1 ') < answers:
                more = s.recv(1 << 16)
                assert more, (words, got)
                got += more
            assert stack.http('GET', '/healthz')[0] == 200


def test_nobody_restarts_what_nobody_supervises(stack):
    stack.start('webterm').ready('webterm')
    status, _headers, body = stack.http('POST', '/api/v1/processes/webterm/restart')
    assert status == 409 and b'no supervisor' in body, body
    assert stack.http('GET', '/healthz')[0] == 200


def test_webterm_that_is_asked_to_restart_again_and_again_does_it_once(stack):
    """The lane of restarts is busy with one that hangs; the others wait behind it."""
    stand = Stand(OF_PORT + 15, VNS_PORT + 14, start=('ofproxy', 'webterm'))
    try:
        stand.do('up')
        stack.web_port = int(stand.env['CAUSEWAY_WEBTERM_LISTEN'].split(':')[1])
        pid = stand.process('ofproxy')['pid']
        os.kill(pid, signal.SIGSTOP)
        try:
            hanging = ask(stack, '/healthz')
            hanging.sendall(b'POST /api/v1/processes/ofproxy/restart HTTP/1.1\r\nHost: 127.0.0.1\r\ncontent-length: 2\r\n\r\n{}')
            for _ in range(2):
                assert stack.http('POST', '/api/v1/processes/webterm/restart')[0] == 202
                for _ in range(3):
                    assert stack.http('GET', '/healthz')[0] == 200
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_for(lambda: stand.process('webterm')['restarts'] > 0, 20, 'restart of webterm')
        stand.do('wait', 'webterm', '--timeout', 20)
        assert stand.process('webterm')['restarts'] == 1
    finally:
        stand.close()
