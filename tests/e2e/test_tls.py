# TLS: certificates that are changed while ofproxy runs, and peers that it must not let in.  A real switch on the same
# listener goes on all the while.
import os
import re
import shutil
import socket
import ssl
import subprocess

import pytest
from harness import BIN, HOSTS, OF_PORT, SLOT, Lab, die_with_parent, wait_for

PORT = OF_PORT + 6
HELLO = bytes((1, 0, 0, 8, 0, 0, 0, 1))


@pytest.fixture(scope='module')
def net(pki, make_stack):
    stack = make_stack(listen='ssl:%d:127.0.0.1' % PORT,
                       flags={'ofproxy': pki.ofproxy() + ['--handshake-timeout', '3']})
    lab = Lab(switch='ct%du' % SLOT, controller='ssl:127.0.0.1:%d' % PORT, words=pki.switch())
    try:
        lab.up()
        stack.start()
        wait_for(lab.flows, 20, 'reply to a ping over TLS')
        yield lab, stack
        assert lab.flows(), 'the switch suffered'
        assert stack.children['ofproxy'].text().count('switch left dpid') == 0, stack.children['ofproxy'].text()
        stack.end()
    finally:
        lab.close()


def context(pki=None, key=None, cert=None):
    made = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if pki:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(pki.ca('controller'))
    if cert:
        made.load_cert_chain(cert, key)
    return made


def knock(made):
    """Connects and waits for HELLO; whoever is refused gets an error, at the latest then."""
    with socket.create_connection(('127.0.0.1', PORT), timeout=10) as raw, made.wrap_socket(raw) as s:
        s.sendall(HELLO)
        assert s.recv(8)[:2] == b'\4\0', 'no HELLO'
        return s.getpeercert()


def good(pki):
    return context(pki, pki.key('switch'), pki.cert('switch'))


def said_since(stack, seen, what):
    return wait_for(lambda: re.search(what, stack.children['ofproxy'].text()[seen:]), 10, what)[0]


def refused_for(net, made, sentence):
    _lab, stack = net
    seen = len(stack.children['ofproxy'].text())
    with pytest.raises((ssl.SSLError, ConnectionResetError, AssertionError, BrokenPipeError)):
        knock(made)
    line = said_since(stack, seen, 'switch refused peer=ssl:127.0.0.1:.*')
    assert sentence in line, line


def test_a_good_peer_is_let_in_and_sees_our_certificate(net, pki):
    assert 'controller' in str(knock(good(pki)))


def test_a_peer_without_a_certificate_is_refused(net):
    refused_for(net, context(), 'it sent no certificate: give it one (ovs-vsctl set-ssl)')


def test_a_peer_of_another_ca_is_refused(net, pki):
    refused_for(net, context(None, pki.key('switch', 'other'), pki.cert('switch', 'other')),
                'its certificate is signed by a CA that is not in tls-ca')


def test_a_peer_whose_certificate_has_expired_is_refused(net, pki):
    refused_for(net, context(None, pki.key('switch'), pki.late('switch', 'switch')), 'its certificate has expired')


def test_a_peer_that_does_not_like_our_certificate_is_named(net, pki):
    made = context(None, pki.key('switch'), pki.cert('switch'))
    made.load_verify_locations(pki.ca('controller', 'other'))
    made.verify_mode = ssl.CERT_REQUIRED
    refused_for(net, made, 'it refuses our certificate, for its CA is another')


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_a_peer_of_tls_1_1_is_refused(net, pki):
    made = context(None, pki.key('switch'), pki.cert('switch'))
    made.set_ciphers('DEFAULT@SECLEVEL=0')
    made.minimum_version = ssl.TLSVersion.TLSv1
    made.maximum_version = ssl.TLSVersion.TLSv1_1
    refused_for(net, made, 'it speaks no TLS 1.2 or newer')


def test_tls_1_2_is_served(net, pki):
    made = good(pki)
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    knock(made)


@pytest.mark.parametrize('first,sentence', [
    (HELLO, 'it does not speak TLS: give it ssl: in place of tcp:'),
    (b'GET / HTTP/1.0\r\n\r\n', 'it speaks HTTP, which is not served here'),
    (b'', 'the switch closed it in the TLS handshake')])
def test_a_peer_that_speaks_something_else_is_refused(net, first, sentence):
    _lab, stack = net
    seen = len(stack.children['ofproxy'].text())
    with socket.create_connection(('127.0.0.1', PORT), timeout=10) as raw:
        raw.sendall(first)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(100):
            pass
    assert sentence in said_since(stack, seen, 'switch refused peer=ssl:.*')


def test_a_peer_that_says_nothing_is_let_go_in_time(net):
    _lab, stack = net
    seen = len(stack.children['ofproxy'].text())
    with socket.create_connection(('127.0.0.1', PORT), timeout=10) as raw:
        raw.sendall(b'\x16\x03\x01')
        assert raw.recv(1) == b''
    assert 'no TLS handshake in time' in said_since(stack, seen, 'switch refused peer=ssl:.*')


def test_a_hundred_handshakes_at_once(net, pki):
    """Half of them never go on; the others are all served."""
    made, raw = good(pki), []
    for _ in range(200):
        raw.append(socket.create_connection(('127.0.0.1', PORT), timeout=20))
    for s in raw[::2]:
        with made.wrap_socket(s) as t:
            assert t.recv(8)[:2] == b'\4\0'
    for s in raw:
        s.close()


def test_new_certificates_are_taken_over_and_bad_ones_are_not(net, pki):
    lab, stack = net
    before = knock(good(pki))['serialNumber']
    seen = len(stack.children['ofproxy'].text())
    pki.make('good', 'ofproxy', 'controller')
    said_since(stack, seen, 'certificates taken over')
    after = knock(good(pki))['serialNumber']
    assert after != before

    key, kept = pki.key('ofproxy'), pki.dir + '/kept'
    shutil.copy2(key, kept)
    for bad, sentence in ((pki.key('ofproxy', 'other'), 'does not belong to the certificate in'),
                          (pki.cert('ofproxy'), 'holds no private key in PEM')):
        seen = len(stack.children['ofproxy'].text())
        shutil.copyfile(bad, key)
        line = said_since(stack, seen, 'new certificates refused, the old ones stay cause=.*')
        assert sentence in line and key in line, line
        assert knock(good(pki))['serialNumber'] == after
    seen = len(stack.children['ofproxy'].text())
    os.unlink(key)
    assert 'cannot be read: No such file' in said_since(stack, seen, 'new certificates refused.*')
    assert knock(good(pki))['serialNumber'] == after

    seen = len(stack.children['ofproxy'].text())
    shutil.copy2(kept, key)
    os.chown(key, 0, 65534)
    said_since(stack, seen, 'certificates taken over')
    seen = len(stack.children['ofproxy'].text())
    cert, late = pki.cert('ofproxy'), pki.late('ofproxy', 'controller')
    shutil.copy2(cert, kept)
    shutil.copyfile(late, cert)
    line = said_since(stack, seen, 'new certificates refused.*')
    assert 'expired on Jan  1 00:00:00 2021 GMT: get another one signed' in line, line
    seen = len(stack.children['ofproxy'].text())
    shutil.copyfile(kept, cert)
    said_since(stack, seen, 'certificates taken over')
    assert knock(good(pki))['serialNumber'] == after
    assert lab.flows()


def test_a_ca_that_is_changed_decides_on_new_peers(net, pki):
    _lab, stack = net
    ca, kept = pki.ca('switch'), pki.dir + '/kept.ca'
    shutil.copyfile(ca, kept)
    seen = len(stack.children['ofproxy'].text())
    shutil.copyfile(pki.ca('switch', 'other'), ca)
    said_since(stack, seen, 'certificates taken over')
    refused_for(net, context(None, pki.key('switch'), pki.cert('switch')), 'is signed by a CA that is not in tls-ca')
    other = context(pki, pki.key('switch', 'other'), pki.cert('switch', 'other'))
    knock(other)
    seen = len(stack.children['ofproxy'].text())
    shutil.copyfile(kept, ca)
    said_since(stack, seen, 'certificates taken over')
    knock(good(pki))


def test_no_call_of_its_own_is_refused(net, pki, tmp_path):
    """Handshakes, refusals and changed certificates, all from inside the sandbox; strace sees what fails."""
    _lab, stack = net
    seen, log = len(stack.children['ofproxy'].text()), tmp_path / 'calls'
    assert 'sandbox on' in stack.children['ofproxy'].text()
    strace = subprocess.Popen(['strace', '-f', '-qq', '-Z', '-o', str(log), '-p', str(stack.pid('ofproxy'))],
                              preexec_fn=die_with_parent)
    try:
        with open('/proc/%d/status' % stack.pid('ofproxy'), encoding='ascii') as status:
            wait_for(lambda: status.seek(0) == 0 and 'TracerPid:\t%d\n' % strace.pid in status.read(), 10, 'strace')
        knock(good(pki))
        refused_for(net, context(), 'it sent no certificate')
        pki.make('good', 'ofproxy', 'controller')
        said_since(stack, seen, 'certificates taken over')
        knock(good(pki))
    finally:
        strace.terminate()
        strace.wait(10)
    assert 'EAGAIN' in log.read_text() and 'EPERM' not in log.read_text(), log.read_text()


def test_the_channel_can_be_captured_in_the_clear(net):
    """Who may read the run directory sees what is inside of TLS, by the switch's address, too."""
    lab, stack = net
    capture = subprocess.Popen([BIN + '/causeway', '--run-dir', stack.run_dir, 'capture', 'openflow', '127.0.0.1',
                                '-c', '4'], stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
    pinger = lab.popen('client', 'ping', '-q', '-n', '-i', '0.2', HOSTS['server1'], stdout=subprocess.DEVNULL)
    try:
        text = capture.communicate(timeout=20)[0]
    finally:
        pinger.kill()
        pinger.wait()
    assert 'PACKET_IN' in text.upper().replace(' ', '_'), text
