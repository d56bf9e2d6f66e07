# webterm's HTTP and WebSockets as a stranger may use them: every attack is refused or bounded, and whoever else is
# there is served meanwhile.  With a build of webterm under AddressSanitizer beside the other (make check has one), each
# test is made with both.
import base64
import contextlib
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import time

import pytest
from harness import BIN, REPO, WEB_PORT, Child, run, tmpfs_dir, wait_for

PORT = WEB_PORT + 10
ASAN = os.path.join(REPO, 'build/asan/bin/webterm')
BUILDS = [BIN + '/webterm'] + ([ASAN] if os.path.exists(ASAN) else [])
HERE = 'http://127.0.0.1:%d' % PORT
NOW = {'port': PORT}  # where the webterm listens that is attacked; those with words of their own have the next port
WRONG_AT_ONCE = 5


class Answer:
    def __init__(self, head, body):
        lines = head.decode('latin-1').split('\r\n')
        self.status = int(lines[0].split(' ')[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(':')
            self.headers[name.lower()] = value.strip()
        self.body = body

    def json(self):
        return json.loads(self.body)


class Link:
    """A connection, byte by byte."""

    def __init__(self, tls=None, receive=None):
        self.socket = socket.socket()
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.settimeout(30)
        self.socket.connect(('127.0.0.1', NOW['port']))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname='localhost')
        self.buffer = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode('latin-1'))
        return self

    def fill(self):
        try:
            more = self.socket.recv(65536)
        except ConnectionResetError:
            more = b''
        self.buffer += more
        return more

    def until(self, mark):
        while mark not in self.buffer:
            if not self.fill():
                return None
        head, _, self.buffer = self.buffer.partition(mark)
        return head

    def answer(self, head_only=False):
        """The next answer; None: the peer hung up without one."""
        head = self.until(b'\r\n\r\n')
        if head is None:
            return None
        got = Answer(head, b'')
        left = 0 if head_only else int(got.headers.get('content-length', 0))
        while len(self.buffer) < left:
            assert self.fill(), 'cut short'
        got.body, self.buffer = self.buffer[:left], self.buffer[left:]
        return got

    def hung_up(self):
        """Nothing more comes, and the end does."""
        return not self.buffer and not self.fill()

    # ---- WebSocket

    def upgrade(self, path='/ws/live', protocol='causeway.live', headers=()):
        self.send('GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
                  'Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\n%s\r\n' % (
                      path, PORT, base64.b64encode(os.urandom(16)).decode(), protocol,
                      ''.join('%s: %s\r\n' % pair for pair in headers)))
        return self.answer(head_only=True)

    def frame(self, opcode, payload, fin=True, masked=True, length=None):
        n = len(payload) if length is None else length
        first = (0x80 if fin else 0) | opcode
        mask = 0x80 if masked else 0
        head = struct.pack('>BB', first, mask | n) if n < 126 else struct.pack('>BBH', first, mask | 126, n) \
            if n < 65536 else struct.pack('>BBQ', first, mask | 127, n)
        return self.send(head + (b'\0\0\0\0' if masked else b'') + payload)

    def close_code(self):
        """The code of the close frame that comes; None: the peer hung up without one."""
        while True:
            while len(self.buffer) < 2:
                if not self.fill():
                    return None
            opcode, n = self.buffer[0] & 15, self.buffer[1]
            skip = 2
            if n >= 126:
                size = 2 if n == 126 else 8
                while len(self.buffer) < 2 + size:
                    if not self.fill():
                        return None
                n = int.from_bytes(self.buffer[2:2 + size], 'big')
                skip += size
            while len(self.buffer) < skip + n:
                if not self.fill():
                    return None
            payload, self.buffer = self.buffer[skip:skip + n], self.buffer[skip + n:]
            if opcode == 8:
                return struct.unpack('>H', payload[:2])[0] if len(payload) >= 2 else 1005


class Webterm(Child):
    """A webterm alone in a run directory."""

    def __init__(self, program, *words):
        self.dir = tmpfs_dir('web')
        os.chmod(self.dir, 0o755)
        os.mkdir(self.dir + '/run')
        environment = dict(os.environ, ASAN_OPTIONS='exitcode=99:detect_leaks=1')
        if '--listen' not in words:
            words += ('--listen', 'tcp:%d:127.0.0.1' % NOW['port'])
        super().__init__('webterm', [program, '--run-dir', self.dir + '/run', *words], self.dir + '/webterm.log',
                         env=environment)
        wait_for(lambda: 'started run_dir' in self.text() or not self.alive(), 30, 'webterm')
        assert self.alive(), self.text()

    def close(self):
        try:
            assert self.alive(), self.text()[-3000:]
            assert self.end(seconds=30) == 0, self.text()[-3000:]
            assert 'Sanitizer' not in self.text() and 'runtime error' not in self.text(), self.text()[-3000:]
        finally:
            run('rm', '-rf', self.dir)

    def rss_kb(self):
        with open('/proc/%d/status' % self.pid, encoding='ascii') as f:
            return int(re.search(r'VmRSS:\s+(\d+)', f.read())[1])

    def cpu_s(self):
        with open('/proc/%d/stat' % self.pid, encoding='ascii') as f:
            fields = f.read().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


@contextlib.contextmanager
def started(program, *words, port=PORT + 1):
    before, NOW['port'] = NOW['port'], port
    made = Webterm(program, *words)
    try:
        yield made
    except BaseException:
        print(made.text()[-3000:])
        with contextlib.suppress(AssertionError):
            made.end(seconds=30)
        run('rm', '-rf', made.dir)
        raise
    finally:
        NOW['port'] = before
    made.close()


@pytest.fixture(scope='module', params=BUILDS, ids=lambda p: 'asan' if p == ASAN else 'plain')
def program(request):
    return request.param


@pytest.fixture(scope='module')
def web(program):
    with started(program, '--max-clients', '150', port=PORT) as made:
        yield made


def get(path, headers=(), method='GET', body=None, host='127.0.0.1:%d' % PORT, **options):
    with Link(**options) as link:
        link.send('%s %s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n' % (
            method, path, host, ''.join('%s: %s\r\n' % pair for pair in headers),
            '' if body is None else 'Content-Length: %d\r\n' % len(body)) + (body or ''))
        return link.answer(head_only=method == 'HEAD')


# ---- the page ------------------------------------------------------------------------------------


def test_the_page_comes_compressed_and_is_cached_as_it_may_be(web):
    page = get('/')
    assert page.status == 200 and page.headers['content-type'].startswith('text/html')
    assert page.headers['cache-control'] == 'no-cache'
    assert "default-src 'none'" in page.headers['content-security-policy']
    assert page.headers['x-content-type-options'] == 'nosniff'
    script = re.search(rb'(/?assets/[\w.-]+\.js)', page.body)[1].decode()
    script = script if script.startswith('/') else '/' + script
    plain, small = get(script), get(script, [('Accept-Encoding', 'gzip, br')])
    assert 'immutable' in plain.headers['cache-control'] and 'content-encoding' not in plain.headers
    assert small.headers['content-encoding'] == 'br' and len(small.body) < len(plain.body)
    assert plain.headers['etag'] != small.headers['etag'] and small.headers['vary'] == 'accept-encoding'
    again = get(script, [('If-None-Match', plain.headers['etag'])])
    assert again.status == 304 and again.body == b''
    assert get('/', [('If-None-Match', page.headers['etag'])]).status == 304
    head = get(script, method='HEAD')
    assert head.status == 200 and int(head.headers['content-length']) == len(plain.body)
    with open(os.path.join(REPO, 'build/page' + script), 'rb') as f:
        assert f.read() == plain.body


# ---- HTTP ----------------------------------------------------------------------------------------

HOST = 'Host: 127.0.0.1:%d\r\n' % PORT
# what is sent, the status (None: webterm hangs up without a word), whether the connection ends with it
HEADS = {
    'nothing there': ('GET /nothing HTTP/1.1\r\n' + HOST + '\r\n', 404, False),
    'another method': ('DELETE / HTTP/1.1\r\n' + HOST + '\r\n', 405, False),
    'an unknown method': ('BREW / HTTP/1.1\r\n' + HOST + '\r\n', 403, True),
    'no host': ('GET / HTTP/1.1\r\n\r\n', 400, True),
    'two hosts': ('GET / HTTP/1.1\r\n' + HOST + HOST + '\r\n', 400, True),
    'HTTP/1.0': ('GET / HTTP/1.0\r\n' + HOST + '\r\n', 200, True),
    'a path that goes up': ('GET /../../etc/passwd HTTP/1.1\r\n' + HOST + '\r\n', 404, False),
    'an encoded path that goes up': ('GET /assets/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n' + HOST + '\r\n', 404, False),
    'a NUL in the path': ('GET /%00x HTTP/1.1\r\n' + HOST + '\r\n', None, True),
    'a long address': ('GET /' + 'a' * 5000 + ' HTTP/1.1\r\n' + HOST + '\r\n', 414, True),
    'a large head': ('GET / HTTP/1.1\r\n' + HOST + 'X: ' + 'a' * 60000 + '\r\n\r\n', None, True),
    'many headers': ('GET / HTTP/1.1\r\n' + HOST + 'X: a\r\n' * 6000 + '\r\n', None, True),
    'a large body': ('POST /api/v1/login HTTP/1.1\r\n' + HOST + 'Content-Length: 99999999\r\n\r\n', 413, True),
    'a length that is none': ('POST /api/v1/login HTTP/1.1\r\n' + HOST + 'Content-Length: -1\r\n\r\n', 400, True),
    'two lengths': ('POST /api/v1/login HTTP/1.1\r\n' + HOST + 'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}', 400,
                    True),
    'a chunked body': ('POST /api/v1/login HTTP/1.1\r\n' + HOST + 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 501,
                       True),
    'both lengths': ('POST /api/v1/login HTTP/1.1\r\n' + HOST + 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n'
                     '{}', 501, True),
    'HTTP/2 in clear text': ('GET / HTTP/1.1\r\n' + HOST + 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n'
                             'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n', 400, True),
    'HTTP/2 at once': ('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 403, True),
    'another upgrade': ('GET / HTTP/1.1\r\n' + HOST + 'Connection: Upgrade\r\nUpgrade: tls/1.3\r\n\r\n', 403, True),
    'CONNECT': ('CONNECT 127.0.0.1:22 HTTP/1.1\r\n' + HOST + '\r\n', None, True),
    'TLS where there is none': (b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(500), 403, True),
}


@pytest.mark.parametrize('what', HEADS)
def test_each_head_has_its_answer(web, what):
    data, status, ends = HEADS[what]
    with Link() as link:
        with contextlib.suppress(ConnectionError):
            link.send(data)
        got = link.answer()
        assert (got and got.status) == status, got and (got.status, got.headers, got.body)
        if ends:
            assert link.hung_up()
        else:
            link.send('GET /api/v1/me HTTP/1.1\r\n' + HOST + '\r\n')
            assert link.answer().status == 200
        if status in (404, 413, 414, 501):
            assert got.headers['content-type'] == 'application/problem+json' and got.json()['status'] == status
        if status == 405:
            assert got.headers['allow'] == 'GET, HEAD'


def test_requests_sent_at_once_are_answered_in_order(web):
    with Link() as link:
        link.send(''.join('GET /n%d HTTP/1.1\r\n%s\r\n' % (i, HOST) for i in range(40)))
        for i in range(40):
            assert '/n%d' % i in link.answer().json()['detail']
        link.send('POST /api/v1/login HTTP/1.1\r\n%sContent-Length: 2\r\n\r\n{}' % HOST)
        assert link.answer().status == 409
        assert link.answer() is None, 'a request with a body is the last of its connection'


def test_a_body_that_is_sent_too_early_ends_the_connection(web):
    """The library would look for its end for ever."""
    for between in ('', 'GET / HTTP/1.1\r\n%s\r\n' % HOST):
        with Link() as link:
            link.send((between + 'POST /api/v1/login HTTP/1.1\r\n%sContent-Length: 2\r\n\r\n{}' % HOST) * 20)
            seen = []
            while (got := link.answer()) is not None:
                seen.append(got.status)
            assert seen == ([200, 400] if between else [409])
    assert get('/api/v1/me').status == 200


# ---- strangers' pages ------------------------------------------------------------------------------


@pytest.mark.parametrize('host, status', [
    ('localhost:%d' % PORT, 200), ('LOCALHOST', 200), ('[::1]:%d' % PORT, 200), ('evil.example', 403),
    ('evil.example:%d' % PORT, 403), ('127.0.0.1.evil.example', 403), ('localhost.evil.example', 403), ('a b', 400)])
def test_a_name_that_a_stranger_gave_our_address_is_not_answered_to(web, host, status):
    assert get('/api/v1/me', host=host).status == status


ORIGINS = [(None, True), (HERE, True), ('http://evil.example', False), ('null', False), ('http://127.0.0.1:1', False),
           ('https://127.0.0.1:%d' % PORT, False), ('http://127.0.0.1:%d.evil.example' % PORT, False)]


@pytest.mark.parametrize('origin, may', ORIGINS)
def test_a_strangers_page_neither_changes_anything_nor_opens_a_websocket(web, origin, may):
    headers = [('Origin', origin)] if origin else []
    assert get('/api/v1/logout', headers, 'POST').status == (200 if may else 403)
    with Link() as link:
        assert link.upgrade(headers=headers).status == (101 if may else 403)
    assert get('/api/v1/me', headers).status == 200  # it may ask, and its browser does not show it the answer
    assert 'access-control-allow-origin' not in get('/api/v1/me', headers).headers


# ---- WebSockets ------------------------------------------------------------------------------------


def test_a_websocket_is_refused_with_a_reason(web):
    with Link() as link:
        assert link.upgrade('/ws/nothing').status == 404
    with Link() as link:
        assert link.upgrade('/ws/live', 'http').status == 400
    with Link() as link:
        assert link.upgrade('/ws/live', 'nonsense') is None


def test_messages_that_must_not_be_end_the_websocket(web):
    cases = {
        'too long': (lambda k: k.frame(1, b'{' * (1 << 20)), {1009}),
        'announced too long': (lambda k: k.frame(1, b'{' * 99, length=1 << 40), {1009}),
        'too long in pieces': (lambda k: [k.frame(1 if i == 0 else 0, b'x' * 60000, fin=False) for i in range(20)], {1009}),
        'no UTF-8': (lambda k: k.frame(1, b'\xff\xfe{'), {1007}),
        'without a mask': (lambda k: k.frame(1, b'x', masked=False), {1002, 1008, None}),
        'an opcode that is none': (lambda k: k.frame(5, b'x'), {1002, None}),
        'a piece of nothing': (lambda k: k.frame(0, b'x'), {1002, None}),
        'a long ping': (lambda k: k.frame(9, b'x' * 200), {1002, None}),
    }
    for what, (do, codes) in cases.items():
        with Link() as link:
            assert link.upgrade().status == 101
            with contextlib.suppress(ConnectionError):
                do(link)
            assert link.close_code() in codes, what
    with Link() as link:
        assert link.upgrade().status == 101
        link.frame(9, b'hello')
        while not link.buffer.startswith(b'\x8a\x05hello'):
            assert link.fill()


# ---- many, and slow ---------------------------------------------------------------------------------


def test_a_thousand_connections_are_bounded(web):
    links, before = [], web.rss_kb()
    try:
        for _ in range(1000):
            links.append(Link())
        wait_for(lambda: links[-1].fill(), 30, 'word about too many')
        assert b'503' in links[-1].buffer and b'max-clients' in links[-1].buffer
        assert web.rss_kb() - before < 40_000
        first = links[0].send('GET /api/v1/me HTTP/1.1\r\n' + HOST + '\r\n')
        assert first.answer().status == 200
    finally:
        for link in links:
            link.socket.close()
    wait_for(lambda: get('/api/v1/me').status == 200, 30, 'room again')


def test_who_takes_nothing_costs_nothing(web):
    """Ten who ask for the page a hundred times each and read none of it: no memory, no time, and others are served."""
    page = get('/').body
    script = re.search(rb'assets/main[\w.-]+\.js', page)[0].decode()
    before, links = web.rss_kb(), [Link(receive=4096) for _ in range(10)]
    try:
        for link in links:
            link.send(('GET /%s HTTP/1.1\r\n%s\r\n' % (script, HOST)) * 100)
        assert get('/api/v1/me').status == 200
        cpu, since = web.cpu_s(), time.monotonic()
        wait_for(lambda: time.monotonic() - since > 1.5, 5, 'a while')
        assert web.cpu_s() - cpu < 0.75, 'it is busy with who takes nothing'
        assert web.rss_kb() - before < 30_000
        assert get('/api/v1/me').status == 200
    finally:
        for link in links:
            link.socket.close()


def test_who_sends_too_slowly_is_let_go(web):
    """A byte now and then keeps no connection; the three are slow at once."""
    head, body, silent = Link(), Link(), Link()
    begun = time.monotonic()
    head.send('GET / HTTP/1.1\r\n')
    body.send('POST /api/v1/login HTTP/1.1\r\n' + HOST + 'Content-Length: 5000\r\n\r\n{')
    open_ = {'head': head, 'body': body, 'silent': silent}

    def all_gone():
        for name, link in list(open_.items()):
            link.socket.settimeout(0.2)
            try:
                if name != 'silent':
                    link.send('x')
                if not link.fill():
                    del open_[name]
            except socket.timeout:
                pass
            except ConnectionError:
                del open_[name]
        return not open_
    wait_for(all_gone, 30, 'end of slow connections')
    assert 5 < time.monotonic() - begun < 18  # the library would wait for 20 s
    for link in (head, body, silent):
        link.socket.close()


# ---- who may -----------------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def secrets():
    folder = tmpfs_dir('secrets')
    for name, text in (('operators', 'word-of-operators'), ('viewers', 'word-of-viewers'), ('token', 'token-of-programs')):
        with open(os.path.join(folder, name), 'w', opener=lambda p, f: os.open(p, f, 0o600), encoding='ascii') as f:
            f.write(text + '\n')
    yield ['--password-file', folder + '/operators', '--viewer-password-file', folder + '/viewers', '--token-file',
           folder + '/token', '--audit', folder + '/audit']
    run('rm', '-rf', folder)


def log_in(word, **options):
    got = get('/api/v1/login', [('Origin', HERE)], 'POST', json.dumps({'password': word}), **options)
    return got, got.headers.get('set-cookie', '').split(';')[0]


def test_who_may_is_asked_and_written_down(program, secrets):
    with started(program, *secrets):
        assert get('/').status == 200  # the page, which asks for the password
        assert get('/api/v1/me').json() == {'role': None, 'login': True}
        assert get('/api/v1/stack').status in (401, 404) and get('/api/v1/packets').status == 401
        assert get('/metrics').status == 401 and get('/healthz').status == 200
        with Link() as link:
            assert link.upgrade().status == 401
        got, viewer = log_in('word-of-viewers')
        assert got.json() == {'role': 'viewer', 'login': True}
        flags = got.headers['set-cookie'].lower()
        assert 'httponly' in flags and 'samesite=strict' in flags and 'path=/' in flags and 'secure' not in flags
        assert re.match(r'causeway-%d=[0-9a-f]{64}$' % PORT, viewer)
        restart = '/api/v1/processes/router/restart'
        mine = [('Cookie', viewer), ('Origin', HERE)]
        assert get('/api/v1/packets', mine).status == 200
        assert get(restart, mine, 'POST').status == 403
        assert get(restart, [('Cookie', viewer)], 'POST').status == 403  # a cookie without an Origin
        _, operator = log_in('word-of-operators')
        assert get('/api/v1/me', [('Cookie', operator)]).json()['role'] == 'operator'
        assert get('/api/v1/me', [('Cookie', operator[:-1] + 'x')]).json()['role'] is None
        for token, role in (('token-of-programs', 'operator'), ('token-of-program', None), ('token-of-programs2', None)):
            assert get('/api/v1/me', [('Authorization', 'Bearer ' + token)]).json()['role'] == role
        with Link() as link:
            assert link.upgrade(headers=[('Cookie', viewer), ('Origin', HERE)]).status == 101
            assert get('/api/v1/logout', mine, 'POST').status == 200
            assert link.close_code() == 4401
        assert get('/api/v1/me', mine).json()['role'] is None
        with open(secrets[-1], encoding='utf-8') as f:
            audit = f.read()
        assert 'login role=viewer' in audit and 'login role=operator' in audit and 'logout' in audit
        assert 'word-of' not in audit and os.stat(secrets[-1]).st_mode & 0o777 == 0o600


def test_passwords_cannot_be_tried_out(program, secrets):
    with started(program, *secrets):
        tries = [log_in('guess-%d' % i)[0].status for i in range(WRONG_AT_ONCE + 10)]
        assert tries == [401] * WRONG_AT_ONCE + [429] * 10
        assert log_in('word-of-operators')[0].status == 429, 'the right one must not stand out'
        assert get('/api/v1/me', [('Authorization', 'Bearer token-of-programs')]).json()['role'] == 'operator'
        for body in ('', '{', '[]', '{"password": 1}', '{"password": "a", "password": "b"}', '{"pass": "x"}', '\0'):
            assert get('/api/v1/login', [('Origin', HERE)], 'POST', body).status == 400, body


def test_a_password_that_is_made_is_in_the_address_and_stays(program):
    """Also on a listener that others can reach, which none without a password may be."""
    words = ['--password-file', 'generate', '--listen', 'tcp:%d' % (PORT + 1)]

    def page(made):
        return run(BIN + '/causeway', '--run-dir', made.dir + '/run', 'page').stdout.strip()

    with started(program, *words) as made:
        address = page(made)
        where, _, secret = address.partition('#login=')
        assert where == 'http://127.0.0.1:%d/' % (PORT + 1) and re.fullmatch('[0-9a-f]{32}', secret), address
        assert 'page=%s\n' % address in made.text()
        assert os.stat(made.dir + '/run/webterm.login').st_mode & 0o777 == 0o600
        assert get('/api/v1/me').json() == {'role': None, 'login': True}
        assert log_in('0' * 32)[0].status == 401 and log_in(secret)[0].json()['role'] == 'operator'
        told = run(BIN + '/causeway', '--run-dir', made.dir + '/run', 'status', '--json', check=False).stdout
        assert where in told and secret not in told  # the whole group of the run directory may ask
        made.end(seconds=30)
        for more, after in ((['--address', 'https://lab.example.org/'], 'https://lab.example.org/#login=' + secret),
                            (None, where)):
            # the same secret again; then one who asks for none, and leaves none behind
            new = Child('webterm', [program, '--run-dir', made.dir + '/run', *(
                words + more if more else ['--listen', 'tcp:%d:127.0.0.1' % (PORT + 1)])], made.dir + '/webterm2.log')
            try:
                assert page(made) == after
            finally:
                assert new.end(seconds=30) == 0, new.text()
        made.popen = Child('webterm', [program, '--run-dir', made.dir + '/run', *words], made.dir + '/webterm3.log').popen
        wait_for(lambda: page(made).startswith(where + '#login='), 30, 'webterm')
        assert page(made) != address


# ---- TLS ----------------------------------------------------------------------------------------------


def test_tls_is_new_enough_and_its_cookies_secure(program, secrets):
    folder = tmpfs_dir('tls')
    run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost',
        '-addext', 'subjectAltName=DNS:localhost', '-keyout', folder + '/key', '-out', folder + '/cert')
    client = ssl.create_default_context(cafile=folder + '/cert')
    words = ['--listen', 'ssl:%d:127.0.0.1' % (PORT + 1), '--tls-key', folder + '/key', '--tls-cert', folder + '/cert']
    try:
        with started(program, *words, *secrets):
            with Link(tls=client) as link:
                assert link.socket.version() == 'TLSv1.3'
            got, _ = log_in('word-of-operators', tls=client)
            assert got.status == 403  # the page's Origin is http
            got = get('/api/v1/login', [('Origin', HERE.replace('http', 'https'))], 'POST',
                      json.dumps({'password': 'word-of-operators'}), tls=client)
            assert got.status == 200 and '; secure' in got.headers['set-cookie'].lower()
            script = re.search(rb'assets/main[\w.-]+\.js', get('/', tls=client).body)[0].decode()
            with open(os.path.join(REPO, 'build/page', script), 'rb') as f:
                assert f.read() == get('/' + script, tls=client).body
            old = ssl.create_default_context(cafile=folder + '/cert')
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            with Link(tls=old) as link:
                assert link.socket.version() == 'TLSv1.2'
            done = subprocess.run(['openssl', 's_client', '-connect', '127.0.0.1:%d' % NOW['port'], '-tls1_1', '-cipher',
                                   'ALL@SECLEVEL=0'], stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
            assert done.returncode != 0
            with Link() as link:
                assert link.send('GET / HTTP/1.1\r\n' + HOST + '\r\n').answer() is None
    finally:
        run('rm', '-rf', folder)


def test_it_listens_on_a_unix_socket_too(program):
    with started(program, '--listen', 'unix:web.sock') as made:
        path = made.dir + '/run/web.sock'
        assert os.stat(path).st_mode & 0o777 == 0o660
        done = run('curl', '-s', '-m', '10', '--unix-socket', path, 'http://localhost/api/v1/me')
        assert json.loads(done.stdout) == {'role': 'operator', 'login': False}
