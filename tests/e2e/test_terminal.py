# Terminal sessions as a browser has them: every byte once, whoever is killed; nobody waits for a laggard; who may type.
import json
import os
import re
import signal
import socket
import time

import pytest
from harness import WebStack, wait_for
from webtty import Closed, WebTty

SHELL = '#!/bin/sh\nexport PS1="% " INPUTRC=/dev/null\nexec /bin/bash --norc --noprofile\n'


class Terminals(WebStack):
    """ptyhost and webterm alone, with a shell that asks with '% '."""

    PROCESSES = ('ptyhost', 'webterm')

    def __init__(self, **options):
        super().__init__(**options)
        self.shell = self.dir + '/shell'
        with open(self.shell, 'w', encoding='ascii') as f:
            f.write(SHELL)
        os.chmod(self.shell, 0o755)
        self.flags['ptyhost'] = ['--command', self.shell]

    def restart(self, name, sig=signal.SIGKILL):
        self.end(name, sig=sig)
        self.start(name)
        self.ready(name)

    def open(self, **words):
        return wait_for(lambda: self.try_open(**words), 30, 'webterm')

    def try_open(self, **words):
        try:
            return WebTty(self.web_port, **words)
        except (OSError, Closed):
            return None

    def json(self, method, path, body=None, status=None):
        got, _headers, text = self.http(method, path, None if body is None else json.dumps(body),
                                        {'Content-Type': 'application/json'} if body else {})
        assert status is None or got == status, (got, text)
        return json.loads(text) if text else None


@pytest.fixture(scope='module')
def stack():
    made = Terminals()
    try:
        yield made.start().ready()
    except AssertionError:
        print(made.tails())
        raise
    finally:
        made.end()
        made.close()


@pytest.fixture()
def tty(stack):
    """The driver of session 0, at a prompt."""
    made = stack.open(name='driver').drives()
    prompt(made)
    yield made
    made.close()
    wait_for(lambda: stack.json('GET', '/api/v1/sessions/0')['driver'] != 'driver', 30, 'end of the driver')


def prompt(tty):
    """At an empty line, whatever was there before."""
    mark = b'at-%d' % time.monotonic_ns()
    while tty.at < tty.hello['end'] or not tty.out:
        assert tty.turn(), 'the scroll-back does not come'
    if tty.hello['state'] == 'ended':
        tty.type(b'\r')
    tty.found = 0
    tty.until(b'% ')  # the shell is up
    tty.found = len(tty.out)
    tty.type(b'\x03\r')  # what is typed before ^C is obeyed is thrown away; bash, about to read, obeys it with the next key
    tty.until(b'^C')
    tty.until(b'% ')
    tty.type(b'echo ' + mark[:3] + b'"' + mark[3:] + b'"\r')
    tty.until(mark + b'\r\n')
    tty.until(b'% ')


def numbers(out):
    """The numbers that are whole lines of what seq printed."""
    found = re.findall(rb'(?<=\n)(\d+)\r\n', out)
    return [int(n) for n in found]


def follows(out):
    """Is it one number after the other?  Returns how many."""
    seen = numbers(out)
    for a, b in zip(seen, seen[1:]):
        assert b == a + 1, 'after %d comes %d' % (a, b)
    return len(seen)


def take(tty, size, seconds=60):
    """Reads so many bytes more."""
    end, deadline = tty.at + size, time.monotonic() + seconds
    while tty.at < end:
        assert time.monotonic() < deadline, '%d of %d bytes are missing' % (end - tty.at, size)
        tty.turn(5)


def rss(pid):
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        return int(re.search(r'VmRSS:\s+(\d+)', f.read())[1])


# ---- every byte once

def test_webterm_is_killed_under_a_flood_and_every_byte_comes_once(stack, tty):
    tty.type(b'seq 1 1000000000\r')
    out, kills, page = bytearray(), 2, tty
    for _ in range(kills):
        take(page, 1500000)
        stack.restart('webterm')
        with pytest.raises((Closed, OSError)):  # what is still on its way is taken, too
            while True:
                page.turn(5)
        out += page.out
        page.close()
        again = stack.open(name='driver', epoch=page.epoch, at=page.at)
        again.out.clear()
        page = again
    take(page, 1500000)
    assert not page.gaps and page.drives()
    page.type(b'\x03')
    page.until(b'% ', 60)
    out += page.out
    page.close()
    assert follows(out) > 3 * 1500000 / 12


def test_what_is_typed_when_webterm_is_killed_is_taken_once_or_not_at_all(stack, tty):
    target = stack.dir + '/typed'
    tty.type(b'stty raw -echo; cat >%s\r' % target.encode())
    tty.until(b'\r\n')
    wait_for(lambda: os.path.exists(target), 30, 'cat')
    sent = b''.join(b'%07d\n' % i for i in range(60000))
    for at in range(0, len(sent), 16384):
        if at == 16384 * 12:
            wait_for(lambda: os.path.getsize(target) > 16384, 30, 'beginning of it')
            stack.kill('webterm')
            break
        tty.type(sent[at:at + 16384])
    stack.start('webterm')
    again = stack.open(name='driver', epoch=tty.epoch, at=tty.at).drives()
    again.type(b'<end>\n')

    def typed():
        with open(target, 'rb') as f:
            data = f.read()
        return data if data.endswith(b'<end>\n') else None
    data = wait_for(typed, 30, 'what was typed last')[:-6]
    assert len(data) > 16384 and sent.startswith(data), 'typed twice, or lost in between'
    again.close()
    stack.restart('ptyhost')  # a terminal that is raw for ever


def test_ptyhost_is_killed_and_its_sessions_begin_anew(stack, tty):
    second = stack.json('POST', '/api/v1/sessions', {'kind': 'lab', 'name': 'other'}, 201)
    assert second['name'] == 'other'
    with stack.open(session=second['session']) as other:
        other.until(b'% ')
        other.type(b'echo old"words"\r')
        other.until(b'oldwords\r\n')
        epoch = tty.epoch
        tty.type(b'sleep 1000\r')
        tty.until(b'1000\r\n')
        stack.restart('ptyhost')
        tty.until(b'[ptyhost was started anew, and this session with it]\r\n', 30)
        assert tty.epoch != epoch
        tty.until(b'% ')
        other.until(b'[ptyhost was started anew, and this session ended with it: press Enter', 30)
        assert other.await_text(lambda m: m['type'] == 'ended')['signal'] == signal.SIGHUP
        assert b'oldwords' in other.out
        other.type(b'\r')
        other.await_text(lambda m: m['type'] == 'hello' and m['state'] == 'running')
        other.until(b'% ')
    stack.json('DELETE', '/api/v1/sessions/%d' % second['session'], status=200)


def test_an_ended_session_begins_anew_at_enter(stack, tty):
    tty.type(b'exit 5\r')
    tty.until(b'[the session ended with status 5: press Enter to start it anew]')
    ended = tty.await_text(lambda m: m['type'] == 'ended')
    assert (ended['status'], ended['signal']) == (5, 0)
    assert stack.json('GET', '/api/v1/sessions/0')['state'] == 'ended'
    epoch = tty.epoch
    tty.type(b'\r')
    tty.until(b'% ')
    assert tty.epoch != epoch and tty.hello['state'] == 'running'


def test_a_page_that_was_away_for_long_gets_what_there_is_and_is_told_what_is_lost(stack, tty):
    at = tty.at
    tty.type(b'seq 1 1000000\r')  # 6.9 MB
    tty.until(b'\r\n1000000\r\n', 60)
    tty.until(b'% ')
    with stack.open(name='late', epoch=tty.epoch, at=at) as late:
        late.until(b'\r\n1000000\r\n', 60)
        [(lost_from, lost_to)] = late.gaps
        assert lost_from == at and lost_to == late.base and lost_to > tty.at - (4 << 20) - 1
        assert bytes(late.out[:100000]) == bytes(tty.out[lost_to - tty.base:lost_to - tty.base + 100000])
        assert late.await_text(lambda m: m['type'] == 'replay')['until'] == tty.at
    with stack.open(name='other', epoch='12345', at=at) as other:  # of another epoch: from the start
        other.until(b'\r\n1000000\r\n', 60)
        assert not other.gaps and other.base == other.hello['start']


def test_webterm_comes_first(stack):
    both = Terminals(web_port=stack.web_port + 1)
    try:
        both.start('webterm')
        tty = both.open()
        assert not tty.turn(0.5), 'there is nothing to say yet'
        both.start('ptyhost')
        tty.until(b'% ', 30)
        tty.close()
        both.end()
    finally:
        both.close()


# ---- nobody waits for a laggard

def test_a_client_that_never_reads_is_bounded_and_does_not_stop_the_others(stack, tty):
    before = rss(stack.pid('webterm'))
    deaf = [stack.open(name='deaf', receive=4096) for _ in range(5)]
    tty.keep = False
    tty.type(b'yes 012345678901234567890123456789012345678901234567890123456789\r')
    take(tty, 12 << 20, 90)
    after = rss(stack.pid('webterm'))
    assert after - before < 8192, 'webterm grew from %d to %d kB' % (before, after)
    tty.keep = True
    tty.type(b'\x03')
    prompt(tty)  # still there
    for page in deaf:
        page.close()
    wait_for(lambda: stack.json('GET', '/api/v1/sessions/0')['viewers'] == 0, 30, 'end of the deaf')


def test_one_who_lags_jumps_and_is_told(stack, tty):
    with stack.open(name='slow', acks=False, epoch=tty.epoch, at=tty.at) as slow:
        tty.type(b'seq 1 1500000\r')
        tty.until(b'\r\n1500000\r\n', 90)
        tty.until(b'% ')
        while slow.turn(0.2):
            pass
        assert slow.at - slow.acked == 512 << 10, 'more than the window, or less'
        slow.acks = True
        slow.ack()
        slow.until(b'\r\n1500000\r\n', 60)
        assert slow.gaps and not tty.gaps
        at = slow.base - tty.base
        assert bytes(slow.out[:50000]) == bytes(tty.out[at:at + 50000])


def test_interrupt_under_a_flood_is_obeyed(stack, tty):
    tty.type(b'yes\r')
    take(tty, 3 << 20)
    start = time.monotonic()
    tty.type(b'\x03')
    tty.until(b'^C', 30)
    tty.until(b'% ', 30)
    took = time.monotonic() - start
    print('interrupt obeyed after %.3f s' % took)
    assert took < 2


def test_fifty_viewers_get_the_same_bytes(stack, tty):
    pages = [stack.open(name='viewer %d' % i, epoch=tty.epoch, at=tty.at) for i in range(50)]
    try:
        tty.type(b'seq 1 30000; echo THE"END"\r')
        for page in [tty, *pages]:
            page.until(b'THEEND\r\n', 90)
        at = max(page.base for page in [tty, *pages])
        end = min(page.at for page in [tty, *pages])
        assert end - at > 168000
        texts = {bytes(page.out[at - page.base:end - page.base]) for page in [tty, *pages]}
        assert len(texts) == 1 and not any(page.gaps for page in pages)
        assert stack.json('GET', '/api/v1/sessions')['sessions'][0]['viewers'] == 50
    finally:
        for page in pages:
            page.close()
    wait_for(lambda: stack.json('GET', '/api/v1/sessions/0')['viewers'] == 0, 30, 'end of the viewers')


# ---- who types, and what

def test_the_size_arrives_and_is_told_to_all(stack, tty):
    with stack.open(name='viewer') as viewer:
        viewer.until(b'% ')
        tty.say('resize', cols=101, rows=37)
        viewer.await_text(lambda m: m['type'] == 'state' and (m['cols'], m['rows']) == (101, 37))
        viewer.say('resize', cols=20, rows=10)  # is not the driver's
        tty.type(b'stty size\r')
        tty.until(b'37 101\r\n')
        tty.say('resize', cols=80, rows=24)
        viewer.await_text(lambda m: m['type'] == 'state' and (m['cols'], m['rows']) == (80, 24))


def test_one_has_the_keyboard_and_hands_it_over(stack, tty):
    with stack.open(name='second \u00fc') as second:
        second.until(b'% ')
        assert not second.hello['driver'] and not second.hello['readonly']
        second.type(b'echo not me\r')
        why = second.await_text(lambda m: m['type'] == 'refused')['why']
        assert 'another page has the keyboard' in why
        second.say('ask')
        tty.await_text(lambda m: m['type'] == 'state' and m['wanted'] == 'second \u00fc')
        tty.say('give')
        tty.await_text(lambda m: m['type'] == 'state' and not m['driver'] and m['driver_name'] == 'second \u00fc')
        second.drives().type(b'echo it"is"me\r')
        tty.until(b'itisme\r\n')
        tty.type(b'x')
        tty.await_text(lambda m: m['type'] == 'refused')
        tty.say('take')
        second.await_text(lambda m: m['type'] == 'state' and not m['driver'] and m['driver_name'] == 'driver')
        tty.drives()
        second.say('ask')
        tty.await_text(lambda m: m['type'] == 'state' and m['wanted'])
        tty.close()
        second.state = {}
        second.drives()  # who asked has it when the driver goes
        assert b'not me' not in second.out
    # a page that says that it watched does not become the driver by being first
    with stack.open(attach=False) as watcher:
        watcher.say('attach', epoch=None, **{'from': None}, name='watcher', driver=False)
        watcher.until(b'% ')
        assert not watcher.hello['driver']


@pytest.fixture(scope='module')
def guarded(stack):
    """Terminals of a webterm that asks for passwords; log_in(role) gives the headers of one who has the role."""
    made, passwords = Terminals(web_port=stack.web_port + 1), {}
    try:
        for role in ('password-file', 'viewer-password-file'):
            passwords[role] = made.dir + '/' + role
            with open(passwords[role], 'w', encoding='ascii') as f:
                f.write('%s-secret\n' % role)
            os.chmod(passwords[role], 0o600)
        made.flags['webterm'] = [w for role, path in passwords.items() for w in ('--' + role, path)]
        yield made.start().ready()
        made.end()
    finally:
        made.close()


def log_in(guarded, role):
    origin = 'http://127.0.0.1:%d' % guarded.web_port
    status, headers, _ = guarded.http('POST', '/api/v1/login', json.dumps({'password': role + '-secret'}),
                                      {'Origin': origin, 'Content-Type': 'application/json'})
    assert status in (200, 204)
    return {'Origin': origin, 'Cookie': headers['set-cookie'].split(';')[0]}


def lines(headers):
    return ''.join('%s: %s\r\n' % h for h in headers.items())


def test_a_viewer_may_not_type_take_or_open(guarded):
    viewers = log_in(guarded, 'viewer-password-file')
    with guarded.open(headers=lines(viewers)) as viewer:
        viewer.until(b'% ')
        assert viewer.hello['readonly'] and not viewer.hello['driver']
        for step in (lambda: viewer.type(b'x'), lambda: viewer.say('take'), lambda: viewer.say('ask')):
            step()
            assert 'viewers watch' in viewer.await_text(lambda m: m['type'] == 'refused')['why']
        viewer.say('resize', cols=99, rows=9)  # is the driver's: nothing comes of it
    for method, path in (('POST', '/api/v1/sessions'), ('DELETE', '/api/v1/sessions/0'),
                         ('POST', '/api/v1/sessions/0/recording'), ('DELETE', '/api/v1/sessions/0/recording')):
        got = guarded.http(method, path, '{}' if method == 'POST' else None, dict(viewers, **{'Content-Type': 'application/json'}))
        assert got[0] == 403, got
    seen = guarded.http('GET', '/api/v1/sessions', headers=viewers)
    assert seen[0] == 200 and json.loads(seen[2])['sessions'][0]['cols'] == 80
    assert guarded.http('GET', '/api/v1/sessions')[0] == 401


def test_a_viewer_who_comes_again_and_again_stops_no_program(guarded):
    """He takes nothing of the scroll-back, each time anew."""
    operators, viewers = (lines(log_in(guarded, role)) for role in ('password-file', 'viewer-password-file'))
    with guarded.open(headers=operators, keep=True).drives() as tty:
        tty.until(b'% ')
        tty.keep = False
        tty.type(b'yes 0123456789012345678901234567890123456789012345678901234567\r')
        take(tty, 8 << 20)
        begin, rounds = tty.at, 0
        viewer = guarded.open(headers=viewers, acks=False)
        deadline = time.monotonic() + 30
        while tty.at - begin < 32 << 20:
            assert time.monotonic() < deadline, 'the program is stopped: %d bytes in 30 s' % (tty.at - begin)
            if time.monotonic() > deadline - 30 + 0.3 * rounds:
                viewer.close()
                viewer = guarded.open(headers=viewers, acks=False)
                rounds += 1
            tty.turn(0.1)
        viewer.close()
        tty.type(b'\x03')
        wait_for(lambda: not tty.turn(1), 60, 'end of the flood')


def test_a_large_paste_arrives_whole(stack, tty):
    target = stack.dir + '/pasted'
    text = b''.join(b'%06d %s\n' % (i, b'\xe2\x82\xac' * 30) for i in range(3200))  # 310 KB
    tty.type(b'stty -icanon -echo; head -c %d >%s; stty sane; echo TA"KEN"\r' % (len(text), target.encode()))
    tty.until(b'\r\n')
    for at in range(0, len(text), 65536):
        tty.type(text[at:at + 65536])
    tty.until(b'TAKEN', 60)
    with open(target, 'rb') as f:
        assert f.read() == text


def wakes(pid):
    """How often its main thread has gone to sleep."""
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        return int(re.search(r'\nvoluntary_ctxt_switches:\s+(\d+)', f.read())[1])


def test_a_paste_that_nobody_reads_keeps_nobody_awake(stack, tty):
    number = stack.json('POST', '/api/v1/sessions', {'kind': 'lab'}, 201)['session']
    with stack.open(session=number).drives() as page:
        page.until(b'% ')
        page.type(b'stty -icanon -echo; sleep 1000\r')
        page.until(b'\r\n')
        for _ in range(8):
            page.type(b'x' * 65536)
        page.say('resize', cols=81, rows=25)  # the paste is there when this is
        page.await_text(lambda m: m.get('cols') == 81)
    tty.close()
    pid = stack.pid('webterm')

    def quiet():
        before = wakes(pid)
        time.sleep(1)  # it is a rate
        return wakes(pid) - before < 20
    try:
        wait_for(quiet, 15, 'sleep of webterm')
    finally:
        stack.json('DELETE', '/api/v1/sessions/%d' % number, status=200)
    wait_for(lambda: len(stack.json('GET', '/api/v1/sessions')['sessions']) == 1, 30, 'end of the session')


def test_what_cannot_be_is_refused_with_a_reason(stack, tty):
    def closes(code, *steps, attach=True):
        page = stack.open(attach=attach, epoch=tty.epoch, at=tty.at)
        for step in steps:
            step(page)
        closed = page.ends()
        page.close()
        assert closed and closed[0] == code and closed[1], closed

    closes(1008, lambda p: p.say('ack', offset=1 << 50))
    closes(1008, lambda p: p.say('ack', offset='x'))
    closes(1008, lambda p: p.send(1, b'{"type":'))
    closes(1008, lambda p: p.say('no such thing'))
    closes(1008, lambda p: p.say('attach', epoch=None, name='twice'))
    closes(1008, lambda p: p.say('resize', cols=0, rows=1))
    closes(1008, lambda p: p.type(b'x'), attach=False)
    closes(1008, lambda p: p.say('take'), attach=False)
    closes(1009, lambda p: p.type(b'x' * 65537))
    for number in ('7', '12345678', '-1', '0x', ''):
        page = WebTty(stack.web_port, session=number)
        code, why = page.ends(10)
        assert code == 1013 and 'there is no session %s' % number[:7] in why, (number, code, why)
    prompt(tty)


# ---- sessions and recordings for programs

def test_two_sessions_have_nothing_to_do_with_each_other(stack, tty):
    made = stack.json('POST', '/api/v1/sessions', {'kind': 'lab'}, 201)
    number = made['session']
    rows = stack.json('GET', '/api/v1/sessions')['sessions']
    assert [r['session'] for r in rows] == [0, number] and rows[1]['state'] == 'running'
    second = stack.open(session=number).drives()
    second.until(b'% ')
    second.type(b'echo in"the second"\r')
    second.until(b'inthe second\r\n')
    tty.type(b'echo in"the first"\r')
    tty.until(b'inthe first\r\n')
    assert b'second' not in tty.out and b'first' not in second.out
    stack.json('DELETE', '/api/v1/sessions/%d' % number, status=200)
    assert second.ends() == (1000, 'the session was closed')
    wait_for(lambda: len(stack.json('GET', '/api/v1/sessions')['sessions']) == 1, 30, 'end of the session')
    for method, path, body, status in (('GET', '/api/v1/sessions/7', None, 404), ('GET', '/api/v1/sessions/x', None, 404),
                                       ('DELETE', '/api/v1/sessions/7', None, 404),
                                       ('POST', '/api/v1/sessions', {'kind': 'shell'}, 400),
                                       ('POST', '/api/v1/sessions/0/x', {}, 404),
                                       ('POST', '/api/v1/sessions', {'name': 'a b'}, 503)):
        got = stack.json(method, path, body, status)
        assert got['detail'], (method, path)


def test_a_recording_ends_with_its_session(stack, tty):
    number = stack.json('POST', '/api/v1/sessions', {'kind': 'lab'}, 201)['session']
    path = '/api/v1/sessions/%d' % number
    name = stack.json('POST', path + '/recording', {}, 201)['name']
    stack.json('DELETE', path, status=200)
    wait_for(lambda: len(stack.json('GET', '/api/v1/sessions')['sessions']) == 1, 30, 'end of the session')
    assert stack.json('POST', '/api/v1/sessions', {'kind': 'lab'}, 201)['session'] == number
    try:
        assert stack.json('GET', path)['recording'] is False, 'a session that nobody records is recorded'
        assert b'[the session was closed]' in stack.http('GET', '/api/v1/recordings/' + name)[2]
    finally:
        stack.json('DELETE', path, status=200)
    wait_for(lambda: len(stack.json('GET', '/api/v1/sessions')['sessions']) == 1, 30, 'end of the session')


def test_answers_that_nobody_takes_are_bounded(stack, tty):
    tty.keep = False
    tty.type(b'yes 0123456789012345678901234567890123456789012345678901234567 | head -c 4500000\r')
    take(tty, 4500000)
    before = rss(stack.pid('webterm'))
    peers = [socket.create_connection(('127.0.0.1', stack.web_port), 30) for _ in range(60)]
    try:
        for s in peers:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.sendall(b'GET /api/v1/sessions/0/text HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
        heads = [s.recv(12).decode()[9:] for s in peers]
        grown = rss(stack.pid('webterm')) - before
        assert heads.count('200') >= 10 and heads.count('200') + heads.count('503') == len(heads), heads
        assert grown < 80 << 10, '%d kB for answers that nobody takes' % grown
    finally:
        for s in peers:
            s.close()
    wait_for(lambda: stack.http('GET', '/api/v1/sessions/0/text')[0] == 200, 30, 'room for an answer')
    tty.keep = True


def test_the_scroll_back_is_there_as_text(stack, tty):
    tty.type(b'printf "\\033[31mred\\033[0m and \\342\\202\\254\\n"\r')
    tty.until(b'\x1b[31mred')
    tty.until(b'% ')
    status, headers, text = stack.http('GET', '/api/v1/sessions/0/text')
    assert status == 200 and headers['content-type'] == 'text/plain; charset=utf-8'
    assert 'red and \u20ac\n'.encode() in text and b'\x1b' not in text and b'\r' not in text


def test_a_recording_has_what_the_terminal_printed(stack, tty):
    assert stack.json('DELETE', '/api/v1/sessions/0/recording', status=409)['detail']
    name = stack.json('POST', '/api/v1/sessions/0/recording', {}, 201)['name']
    assert stack.json('GET', '/api/v1/sessions/0')['recording'] is True
    assert stack.json('POST', '/api/v1/sessions/0/recording', {}, 409)['detail']
    at = tty.at
    tty.type(b'echo gr\xc3\xbc"n"; seq 1 20000\r')
    tty.until(b'\r\n20000\r\n', 60)
    tty.until(b'% ')
    assert stack.json('DELETE', '/api/v1/sessions/0/recording', status=200)['name'] == name
    assert name in [r['name'] for r in stack.json('GET', '/api/v1/recordings')['recordings']]
    status, headers, text = stack.http('GET', '/api/v1/recordings/' + name)
    assert status == 200 and headers['content-type'] == 'application/x-asciicast'
    head, *events = [json.loads(line) for line in text.decode().splitlines()]
    assert head['version'] == 2 and (head['width'], head['height']) == (80, 24)
    assert ''.join(e[2] for e in events if e[1] == 'o').encode() == bytes(tty.out[at - tty.base:])
    assert [e[0] for e in events] == sorted(e[0] for e in events) and 0 <= events[-1][0] < 60
    for bad in ('../ptyhost.role', '%2e%2e%2fptyhost.role', 'none.cast'):
        assert stack.http('GET', '/api/v1/recordings/' + bad)[0] == 404
