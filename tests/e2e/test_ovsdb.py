# ofproxy and the database of Open vSwitch: what it makes there, what it tells of it, and who is in its way.
# The database and the switch are real; only what a real server cannot be made to say comes from a pretender.
import json
import os
import re
import signal
import subprocess
import time

import pytest
from harness import BIN, HOSTS, OF_PORT, SLOT, Lab, run, tmpfs_dir, wait_for
from vswitch import Pretender, Vswitch

PORT = OF_PORT + 6
TARGET = 'tcp:127.0.0.1:%d' % PORT


@pytest.fixture()
def vswitch():
    made = []

    def make(**options):
        made.append(Vswitch(**options))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture()
def pretender():
    made = Pretender()
    yield made
    made.close()


@pytest.fixture()
def proxy(make_own_stack):
    """proxy(remote, flags...): an ofproxy that looks for its database there."""
    def start(remote, *flags):
        stack = make_own_stack(of_port=PORT, flags={'ofproxy': ['--ovsdb', remote, *flags]}).start('ofproxy')
        wait_for(lambda: said(stack, 'listening on='), 10, 'listener')
        return stack
    return start


def tended(*more):
    return ('--ovsdb-bridge', 'br0', '--ovsdb-datapath', 'dummy', '--ovsdb-controller', TARGET, *more)


def said(stack, words):
    """How many lines of its log have these words."""
    return stack.children['ofproxy'].text().count(words)


def await_said(stack, words, times=1, seconds=20):
    wait_for(lambda: said(stack, words) >= times, seconds, 'line "%s" of ofproxy (%d times): %s' % (
        words, times, stack.tails()))


def shown(stack):
    """{bridge: what 'causeway show bridges' tells}, or None with a sentence where it fails."""
    done = subprocess.run([BIN + '/causeway', 'show', 'bridges', '--json', '--run-dir', stack.run_dir],
                          capture_output=True, text=True, timeout=30, check=False)
    return {b['bridge']: b for b in json.loads(done.stdout)} if done.returncode == 0 else done.stderr


def row(vswitch, bridge):
    """The controller's row of a bridge: {column: value}, as ovs-vsctl prints them."""
    uuid = vswitch.get('bridge', bridge, 'controller').strip('[]')
    if not uuid:
        return {}
    columns = ('_uuid', 'target', 'controller_rate_limit', 'controller_burst_limit', 'controller_queue_size',
               'max_backoff', 'inactivity_probe', 'external_ids', 'connection_mode')
    values = vswitch.get('controller', uuid, *columns).splitlines()
    return dict(zip(columns, (v.strip('"') for v in values)))


# ---- bridges and controllers ---------------------------------------------------------------------

def test_it_makes_the_bridge_sets_the_controller_and_shows_both(vswitch, proxy):
    ovs = vswitch().start_server().start_switch()
    stack = proxy(ovs.remote, *tended('--ovsdb-rate-limit', '200', '--ovsdb-burst-limit', '50'))
    await_said(stack, 'switch ready')
    assert ovs.bridges() == ['br0']
    assert ovs.get('bridge', 'br0', 'fail_mode', 'datapath_type').split() == ['secure', 'dummy']
    assert ovs.get('bridge', 'br0', 'protocols') == '[OpenFlow10, OpenFlow13]'
    had = row(ovs, 'br0')
    assert had == {'_uuid': had['_uuid'], 'target': TARGET, 'controller_rate_limit': '200',
                   'controller_burst_limit': '50', 'controller_queue_size': '512', 'max_backoff': '1000',
                   'inactivity_probe': '5000', 'external_ids': '{causeway=ofproxy}', 'connection_mode': 'out-of-band'}
    ovs.vsctl('add-port', 'br0', 'p1', '--', 'set', 'Interface', 'p1', 'type=dummy', 'ofport_request=7', wait=True)
    bridge = wait_for(lambda: next((b for b in shown(stack).values() if b['ports'] == 2 and b.get('peer') and
                                    b['controllers'][0]['connected']), None), 20, 'bridge with its port')
    assert bridge['state'] == 'ready' and bridge['dpid'] == '0x' + ovs.get('bridge', 'br0', 'datapath_id').strip('"')
    port = next(p for p in bridge['port_list'] if p['name'] == 'p1')
    assert (port['port'], port['type']) == (7, 'dummy') and port['admin'] in ('up', 'down')
    assert port['mac'] == ovs.get('Interface', 'p1', 'mac_in_use').strip('"')
    assert bridge['controllers'][0]['ours'] and bridge['ovsdb'] == 'connected'
    text = run(BIN + '/causeway', 'show', 'bridges', '--run-dir', stack.run_dir).stdout
    assert re.search(r'^br0 +0x\w{16} +dummy +2 +ready +%s +connected ' % TARGET, text, re.M), text
    # a restart finds all as it should be
    stack.end()
    stack.start('ofproxy')
    await_said(stack, 'ovsdb connected', 2)
    await_said(stack, 'switch ready', 2)
    assert said(stack, 'ovsdb changed') == 1 and row(ovs, 'br0') == had
    # and other limits go into the row there is
    stack.end()
    stack.flags['ofproxy'] += ['--ovsdb-rate-limit', '0', '--ovsdb-probe', '0']
    stack.start('ofproxy')
    await_said(stack, 'our controller is put right')
    assert row(ovs, 'br0') == dict(had, controller_rate_limit='[]', controller_burst_limit='[]', inactivity_probe='0')
    stack.end()


def test_it_leaves_alone_what_others_made(vswitch, proxy):
    """A controller of another hand, also with our target; a bridge nobody asked for; a datapath's type."""
    ovs = vswitch().start_server().start_switch()
    for bridge in ('br0', 'other'):
        ovs.vsctl('add-br', bridge, '--', 'set', 'bridge', bridge, 'datapath_type=dummy', wait=True)
    ovs.vsctl('set-controller', 'br0', 'tcp:127.0.0.1:1')
    ovs.vsctl('set-controller', 'other', 'tcp:127.0.0.1:2')
    theirs = row(ovs, 'br0')
    stack = proxy(ovs.remote, '--ovsdb-bridge', 'br0', '--ovsdb-datapath', 'netdev', '--ovsdb-controller', TARGET)
    await_said(stack, 'switch ready')
    assert ovs.get('bridge', 'br0', 'fail_mode', 'datapath_type').split() == ['secure', 'dummy']
    assert ovs.get('bridge', 'br0', 'protocols') == '[]'
    targets = ovs.vsctl('get-controller', 'br0').stdout.split()
    assert sorted(targets) == sorted(['tcp:127.0.0.1:1', TARGET])
    assert ovs.get('controller', theirs['_uuid'], 'target', 'max_backoff', 'external_ids').split() == [
        '"tcp:127.0.0.1:1"', '[]', '{}']
    assert ovs.vsctl('get-controller', 'other').stdout.split() == ['tcp:127.0.0.1:2']
    assert ovs.get('bridge', 'other', 'fail_mode') == '[]'
    # somebody replaces ours by a row of his own with the same target: that is as good
    ovs.vsctl('set-controller', 'br0', TARGET)
    assert row(ovs, 'br0')['external_ids'] == '{}'
    ovs.vsctl('set', 'bridge', 'br0', 'protocols=OpenFlow14')
    await_said(stack, 'br0: OpenFlow10 and OpenFlow13 are allowed')
    assert row(ovs, 'br0')['external_ids'] == '{}' and row(ovs, 'br0')['max_backoff'] == '[]'
    assert ovs.get('bridge', 'br0', 'protocols') == '[OpenFlow10, OpenFlow13, OpenFlow14]'
    stack.end()


def test_what_somebody_deletes_comes_back_but_not_in_a_fight(vswitch, proxy):
    ovs = vswitch().start_server().start_switch()
    stack = proxy(ovs.remote, *tended())
    await_said(stack, 'bridge made, with its controller')
    await_said(stack, 'switch ready')
    ovs.vsctl('del-br', 'br0')
    await_said(stack, 'bridge made, with its controller"\n', 2)
    await_said(stack, 'switch ready', 2)
    deadline, deletions = time.monotonic() + 12, 0
    while time.monotonic() < deadline:
        if ovs.bridges():
            ovs.vsctl('del-br', 'br0')
            deletions += 1
        time.sleep(0.05)
    assert 1 <= deletions <= 4, 'it made the bridge %d times in 12 s' % deletions
    assert said(stack, 'ovsdb changes are undone')
    assert said(stack, 'ovsdb ') < 30
    stack.end()


def test_a_writer_who_was_quicker_is_not_overwritten(pretender, proxy):
    """The server says that what we saw is no longer so: nothing is changed, and it is said."""
    answer = pretender.answer
    late = [{'error': 'timed out', 'details': 'x'}]
    pretender.answer = lambda m: (late, None) if m['method'] == 'transact' else answer(m)
    stack = proxy(pretender.remote, *tended())
    await_said(stack, 'ovsdb refused what="br0: bridge made, with its controller" cause="somebody else was changing')
    operations = next(m for m in pretender.asked if m.get('method') == 'transact')['params']
    assert operations[0] == 'Open_vSwitch' and operations[1]['op'] == 'wait' and operations[1]['timeout'] == 0
    stack.end()


# ---- a server that ends, and comes back ----------------------------------------------------------

def test_a_standalone_server_that_restarts_is_loaded_anew(vswitch, proxy):
    """It keeps no history of transactions: everything is read again."""
    ovs = vswitch().start_server()
    stack = proxy(ovs.remote, *tended())
    await_said(stack, 'ovsdb changed')
    ovs.kill_server()
    await_said(stack, 'ovsdb not connected')
    assert shown(stack)['br0']['ovsdb'].startswith('lost ')
    os.kill(stack.pid('ofproxy'), signal.SIGSTOP)
    ovs.start_server().vsctl('add-br', 'br1')
    os.kill(stack.pid('ofproxy'), signal.SIGCONT)
    await_said(stack, 'by=monitor_cond_since resumed=no', 2)
    assert set(shown(stack)) == {'br0', 'br1'} and shown(stack)['br0']['ovsdb'] == 'connected'
    ovs.vsctl('del-br', 'br1')
    wait_for(lambda: set(shown(stack)) == {'br0'}, 10, 'bridge gone')
    stack.end()


def test_a_clustered_server_that_restarts_is_resumed(vswitch, proxy):
    """It kept its history, of 100 transactions: only what came after our last one is sent, or all of it."""
    ovs = vswitch(clustered=True).start_server()
    many = ['x%d' % i for i in range(40)]  # the server keeps no more history than it has data
    ovs.vsctl(*' -- '.join('add-br ' + name for name in many).split())
    stack = proxy(ovs.remote, *tended())
    await_said(stack, 'ovsdb changed')
    for n, (meanwhile, resumed) in enumerate((('br1', 'yes'), ('br2', 'yes'), ('br3', 'no'))):
        os.kill(stack.pid('ofproxy'), signal.SIGSTOP)
        ovs.kill_server()
        ovs.start_server().vsctl('add-br', meanwhile)
        for i in range(101 if resumed == 'no' else 0):
            ovs.vsctl('set', 'bridge', meanwhile, 'external_ids:n=%d' % i)
        os.kill(stack.pid('ofproxy'), signal.SIGCONT)
        await_said(stack, 'ovsdb connected', n + 2)
        wait_for(lambda: meanwhile in shown(stack), 20, 'bridge that was made meanwhile: ' + stack.tails())
        assert re.findall(r'resumed=(\w+)', stack.children['ofproxy'].text())[-1] == resumed, stack.tails()
    assert set(shown(stack)) == {'br0', 'br1', 'br2', 'br3', *many}
    ovs.vsctl('del-br', 'br2')
    wait_for(lambda: 'br2' not in shown(stack), 10, 'bridge gone')
    stack.end()


def test_of_a_cluster_the_leader_is_preferred_and_a_server_cut_off_is_refused(vswitch, proxy):
    first = vswitch(clustered=True).start_server()
    servers = [first] + [vswitch(joins=first).start_server() for _ in range(2)]
    servers.sort(key=lambda s: s.leads())  # the leader last
    stack = proxy(' '.join(s.remote for s in servers), '--ovsdb-bridge', 'br0')
    await_said(stack, 'ovsdb connected remote=%s ' % servers[2].remote, seconds=60)
    assert said(stack, 'it is not the leader of its cluster') >= 1
    await_said(stack, 'br0: bridge made')
    servers[2].kill_server()
    await_said(stack, 'ovsdb connected', 2, seconds=60)
    assert said(stack, 'resumed=yes') == 1, stack.tails()
    servers[0].vsctl('add-br', 'br1')
    wait_for(lambda: set(shown(stack)) == {'br0', 'br1'}, 30, 'bridge made in another server of the cluster')
    servers[1].kill_server()
    await_said(stack, 'it has lost the other servers of its cluster', seconds=60)
    servers[1].start_server()
    await_said(stack, 'ovsdb connected', 3, seconds=60)
    stack.end()


def test_older_ways_to_monitor(vswitch, pretender, proxy):
    ovs = vswitch().start_server('--disable-file-column-diff')
    ovs.appctl('server', 'ovsdb-server/disable-monitor-cond')
    stack = proxy(ovs.remote, *tended())
    await_said(stack, 'by=monitor resumed=no')
    await_said(stack, 'ovsdb changed')
    wait_for(lambda: set(shown(stack)) == {'br0'}, 10, 'bridge')
    ovs.vsctl('add-br', 'br1')
    wait_for(lambda: set(shown(stack)) == {'br0', 'br1'}, 10, 'bridge')
    ovs.vsctl('del-br', 'br1')
    wait_for(lambda: set(shown(stack)) == {'br0'}, 10, 'bridge gone')
    stack.end()
    pretender.unknown = {'monitor_cond_since', 'set_db_change_aware'}
    stack = proxy(pretender.remote)
    await_said(stack, 'by=monitor_cond resumed=no')
    stack.end()


# ---- a server that is not what it should be ------------------------------------------------------

BAD = {
    'garbage': (b'\x00\xffHTTP/1.1 400 Bad Request\r\n\r\n', 'a message begins with byte 0x00'),
    'no JSON': (b'{"id": oops}', 'not JSON: '),
    'no message': (b'{"id": 1}', 'neither request, notification nor response'),
    'deep': (b'{"id":' + b'[' * 100000, 'nested deeper than 64'),
    'huge': (b'{"id":"' + b'x' * (17 << 20), 'longer than 16777216 bytes'),
    'never asked': (b'{"id":12345,"result":{},"error":null}', 'an answer to what was not asked'),
    'not monitored': (b'{"id":null,"method":"update3","params":["rows","x",{}]}', 'an update of what is not monitored'),
}


@pytest.mark.parametrize('what', BAD)
def test_malformed_words_end_that_connection_and_are_named(pretender, proxy, what):
    pretender.first_words, cause = BAD[what]
    stack = proxy(pretender.remote)
    await_said(stack, cause)
    wait_for(lambda: pretender.connections >= 3, 20, 'another attempt')
    assert said(stack, 'ovsdb not connected') <= 2, stack.tails()  # once for each new cause
    pretender.first_words = b''
    await_said(stack, 'ovsdb connected')
    stack.end()


def test_attempts_become_rarer(pretender, proxy):
    pretender.first_words = b'!'
    stack = proxy(pretender.remote)
    wait_for(lambda: pretender.connections >= 5, 20, 'attempts')
    before, at = pretender.connections, time.monotonic()
    wait_for(lambda: pretender.connections >= before + 3, 20, 'attempts')
    assert time.monotonic() - at > 2
    stack.end()


def test_echoes_both_ways(pretender, proxy):
    pretender.first_words = b'{"id":"echo","method":"echo","params":["are you there?"]}'
    stack = proxy(pretender.remote)
    await_said(stack, 'ovsdb connected')
    wait_for(lambda: {'id': 'echo', 'result': ['are you there?'], 'error': None} in pretender.asked, 10, 'answer')
    wait_for(lambda: pretender.methods().count('echo') >= 2, 30, 'echoes of ours')
    assert pretender.connections == 1
    pretender.mute = True
    await_said(stack, 'it does not answer an echo', seconds=30)
    pretender.mute = False
    await_said(stack, 'ovsdb connected', 2)
    stack.end()


def test_a_database_it_may_not_reach_is_said_with_the_cure(vswitch, proxy):
    ovs = vswitch().start_server(open_to_us=False)
    stack = proxy(ovs.remote)
    await_said(stack, 'Permission denied: the user that ofproxy became may not connect: ')
    assert 'add-remote ptcp:6640:127.0.0.1' in shown(stack)
    port = PORT + 1
    stack.end()
    ovs.appctl('server', 'ovsdb-server/add-remote', 'ptcp:%d:127.0.0.1' % port)
    stack = proxy('tcp:127.0.0.1:%d' % port)
    await_said(stack, 'ovsdb connected')
    stack.end()
    stack = proxy(ovs.remote, '--run-as', 'root')
    await_said(stack, 'ovsdb connected')
    stack.end()


def test_no_call_of_its_own_is_refused(vswitch, make_own_stack, tmp_path):
    """strace sees every call of an ofproxy in the sandbox, over a restart of the server."""
    for kind in ('unix', 'tcp'):
        ovs, log = vswitch().start_server(), tmp_path / kind
        if kind == 'tcp':
            ovs.appctl('server', 'ovsdb-server/add-remote', 'ptcp:%d:127.0.0.1' % (PORT + 2))
        remote = ovs.remote if kind == 'unix' else 'tcp:127.0.0.1:%d' % (PORT + 2)
        stack = make_own_stack(of_port=PORT, flags={'ofproxy': ['--ovsdb', remote, '--ovsdb-bridge', 'br0']})
        command = stack.command
        stack.command = lambda n, c=command, l=log: ['strace', '-f', '-qq', '-Z', '-o', str(l)] + c(n)
        stack.start('ofproxy')
        try:
            await_said(stack, 'ovsdb changed')
            ovs.kill_server()
            await_said(stack, 'ovsdb not connected')
            ovs.start_server()
            if kind == 'tcp':
                ovs.appctl('server', 'ovsdb-server/add-remote', 'ptcp:%d:127.0.0.1' % (PORT + 2))
            await_said(stack, 'ovsdb connected', 2)
            assert set(shown(stack)) == {'br0'}
        finally:  # it would outlive strace
            os.kill(int(run('pgrep', '-P', stack.pid('ofproxy')).stdout), signal.SIGTERM)
            stack.children['ofproxy'].popen.wait(10)
        refused = [line for line in log.read_text().splitlines() if ' EPERM ' in line]
        assert all('unlink(' in line and '.sock' in line for line in refused), refused


# ---- packet-ins that never reach us --------------------------------------------------------------

def test_packet_ins_dropped_in_the_switch_are_counted_and_said(vswitch, proxy):
    ovs = vswitch().start_server().start_switch()
    stack = proxy(ovs.remote, *tended('--ovsdb-rate-limit', '100', '--ovsdb-burst-limit', '25'))
    await_said(stack, 'switch ready')
    ovs.vsctl('add-port', 'br0', 'p1', '--', 'set', 'Interface', 'p1', 'type=dummy', wait=True)
    ovs.vsctl('add-port', 'br0', 'p2', '--', 'set', 'Interface', 'p2', 'type=dummy', wait=True)
    assert stack.counters()['ofproxy']['switch_dropped'] == 0
    frame = 'ff' * 6 + '020000000001' + '88b5' + '00' * 46
    for _ in range(20):
        ovs.appctl('switch', 'netdev-dummy/receive', 'p1', *[frame] * 100)
    await_said(stack, 'packet-ins dropped in the switch bridge=br0', seconds=30)
    dropped = wait_for(lambda: stack.counters()['ofproxy']['switch_dropped'], 10, 'count')
    wait_for(lambda: shown(stack)['br0']['dropped'] == stack.counters()['ofproxy']['switch_dropped'], 10, 'the same')
    assert 500 < dropped < 2000 and stack.counters()['ofproxy']['switch_queued'] > 0
    stack.end()


# ---- the packet loop -----------------------------------------------------------------------------

def pings(lab, count=150):
    return lab.popen('client', 'ping', '-n', '-i', '0.02', '-w', '30', '-c', count, HOSTS['server1'],
                     stdout=subprocess.PIPE, text=True)


def pings_come_soon(lab, meanwhile=lambda: None):
    """The machine may be busy: then most come soon at another attempt.  A packet loop that waits delays them each time."""
    for _ in range(5):
        ping = pings(lab)
        while ping.poll() is None and meanwhile() is not None:
            pass
        text = ping.communicate(timeout=60)[0]
        assert ' 150 received' in text, text
        if len([t for t in re.findall(r'time=([\d.]+) ms', text) if float(t) > 50]) <= 15:
            return
    raise AssertionError(text)


@pytest.mark.parametrize('what', ['garbage', 'huge', 'deep'])
def test_nothing_of_it_disturbs_traffic(lab, pretender, make_own_stack, what):
    pretender.first_words = BAD[what][0]
    stack = make_own_stack(flags={'ofproxy': ['--ovsdb', pretender.remote]}).start()
    wait_for(lab.flows, 20, 'reply to a ping')
    pings_come_soon(lab)
    assert pretender.connections > 1 and stack.all_alive()
    stack.end()


def test_a_real_server_killed_again_and_again_does_not_either(lab, vswitch, make_own_stack):
    ovs = vswitch().start_server()
    stack = make_own_stack(flags={'ofproxy': ['--ovsdb', ovs.remote, '--ovsdb-bridge', 'br0']}).start()
    wait_for(lab.flows, 20, 'reply to a ping')
    loads = []

    def restart():
        await_said(stack, 'ovsdb connected', len(loads) + 1)
        ovs.kill_server()
        ovs.start_server()
        loads.append(1)
        return True
    pings_come_soon(lab, restart)
    assert len(loads) > 1
    stack.end()


# ---- the lab -------------------------------------------------------------------------------------

def test_the_lab_works_on_a_bridge_that_ofproxy_makes(make_own_stack):
    port, name = OF_PORT + 8, 'ct%do' % SLOT
    folder = tmpfs_dir('labdb')
    os.chmod(folder, 0o711)
    remote = 'unix:%s/db.sock' % folder
    lab = Lab(of_port=port, switch=name)
    lab.words += ['--create', 'ofproxy', '--ovsdb', remote]
    stack = make_own_stack(of_port=port, flags={'ofproxy': [
        '--ovsdb', remote, '--ovsdb-bridge', name, '--ovsdb-datapath', 'netdev',
        '--ovsdb-controller', 'tcp:127.0.0.1:%d' % port]}).start()
    try:
        lab.up()
        wait_for(lab.flows, 30, 'reply to a ping')
        got, text = lab.ping('client', HOSTS['server2'], count=3)
        assert got == 3, text
        assert set(shown(stack)) == {name}
        ovs = dict(os.environ, OVS_RUNDIR=lab.status()['ovs_dir'])
        run('ovs-vsctl', 'del-controller', name, env=ovs)
        wait_for(lab.flows, 30, 'reply to a ping after the controller was deleted')
        assert said(stack, 'controller set')
        stack.end()
    finally:
        lab.close()
    assert os.listdir(folder) == []
    os.rmdir(folder)
