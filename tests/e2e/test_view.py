# causeway show flows, groups, meters, ports, queues, tables: what ovs-ofctl says of the same switch; a
# switch that is silent, refuses or leaves; many callers.
import json
import re
import struct
import subprocess
import time

import pytest
from harness import BIN, HOSTS, free_port, run, wait_for
from ofswitch import STATS_REPLY, STATS_REQUEST, Switch

VERSIONS = ['OpenFlow10', 'OpenFlow13']
FLOWS = """
cookie=0x1,priority=100,ip,nw_dst=10.0.0.0/8,actions=output:2
cookie=0x12,priority=90,tcp,nw_src=10.1.0.0/16,tp_dst=80,actions=mod_dl_dst:02:00:00:00:00:01,output:1
cookie=0x22,table=1,priority=7,in_port=3,dl_vlan=5,actions=strip_vlan,output:LOCAL
table=1,priority=6,arp,arp_tpa=10.0.0.1,actions=resubmit(,2)
table=2,ipv6,ipv6_src=2001:db8::/32,actions=drop
table=2,udp,tp_src=53,reg0=0x5/0xf,actions=load:0x1->NXM_NX_REG1[0..7],resubmit(1,3)
table=2,priority=5,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,idle_timeout=500,hard_timeout=600,actions=ALL
table=3,priority=0,actions=NORMAL
"""
GROUPS = ['group_id=1,type=all,bucket=output:1,bucket=output:2',
          'group_id=2,type=select,bucket=weight:5,output:1,bucket=weight:7,output:2',
          'group_id=3,type=indirect,bucket=mod_dl_src:02:00:00:00:00:09,output:3',
          'group_id=4,type=ff,bucket=watch_port:1,output:1,bucket=watch_port:2,output:2']
METERS = ['meter=5,kbps,burst,stats,bands=type=drop,rate=1000,burst_size=10', 'meter=6,pktps,bands=type=drop,rate=5']


def show(stack, *words, status=0):
    done = subprocess.run([BIN + '/causeway', 'show', *map(str, words), '--run-dir', stack.run_dir],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == status, '%s ended with %d: %s%s' % (words, done.returncode, done.stdout, done.stderr)
    return done.stderr if status else done.stdout


def rows(stack, *words):
    return json.loads(show(stack, *words, '--json'))


def ready(stack):
    done = run(BIN + '/causeway', 'show', 'switches', '--json', '--run-dir', stack.run_dir, check=False)
    known = json.loads(done.stdout) if done.stdout.startswith('[') else []
    return known and all(s['state'] == 'ready' for s in known) and known


def normal(text):
    """Lines as they are but for what time changes."""
    text = re.sub(r'(duration|idle_age|hard_age)=[0-9.?]+s?', r'\1=T', text)
    text = re.sub(r'duration:[0-9.]+s', 'duration:T', text)
    text = re.sub(r' (idle_age|hard_age)=T,', '', text)
    return sorted(line.strip() for line in text.splitlines() if line.strip() and ' reply ' not in line)


def counters_still(text):
    return re.sub(r'n_(packets|bytes)=\d+', r'n_\1=N', text)


@pytest.fixture(scope='module', autouse=True)
def as_it_was(lab):
    yield
    lab.speak('OpenFlow10,OpenFlow13')
    lab.ofctl('del-flows', lab.switch)


@pytest.fixture(scope='module', params=VERSIONS)
def view(lab, request, make_stack):
    """A stack and a switch that has something of everything, in each version."""
    lab.speak('OpenFlow10,OpenFlow13')
    lab.ofctl('del-flows', lab.switch)
    lab.ofctl('del-groups', lab.switch)
    lab.ofctl('del-meters', lab.switch)
    for flow in FLOWS.split():
        lab.ofctl('add-flow', lab.switch, flow)
    if request.param == 'OpenFlow13':
        for group in GROUPS:
            lab.ofctl('add-group', lab.switch, group)
        for meter in METERS:
            lab.ofctl('add-meter', lab.switch, meter)
        lab.ofctl('add-flow', lab.switch, 'table=4,priority=9,sctp,actions=meter:5,group:2,goto_table:5')
        lab.ofctl('add-flow', lab.switch, 'table=4,priority=8,mpls,actions=set_field:10.0.0.9->tun_src,output:1')
    lab.vsctl('set', 'port', lab.switch + '-eth2', 'qos=@qos', '--', '--id=@qos', 'create', 'qos', 'type=linux-htb',
              'other-config:max-rate=100000000', 'queues:1=@one', 'queues:7=@seven', '--', '--id=@one', 'create', 'queue',
              'other-config:min-rate=10000000', '--', '--id=@seven', 'create', 'queue', 'other-config:max-rate=5000000')
    lab.speak(request.param)
    stack = make_stack().start()
    stack.protocols = request.param
    wait_for(lambda: ready(stack), 15, 'ready switch')
    yield stack
    stack.end()
    lab.vsctl('--all', 'destroy', 'qos', '--', '--all', 'destroy', 'queue', '--', 'clear', 'port', lab.switch + '-eth2',
              'qos')


# ---- the same as ovs-ofctl -------------------------------------------------------------------------

def test_flows_are_those_of_ovs_ofctl(lab, view):
    for options in ([], ['--no-stats'], ['--names'], ['--names', '--no-stats']):
        ours = counters_still(show(view, 'flows', lab.switch, *options))
        theirs = counters_still(lab.ofctl(*options, 'dump-flows', lab.switch))
        assert normal(ours) == normal(theirs), options


@pytest.mark.parametrize('match', ['table=2', 'ip', 'tcp', 'cookie=0x2/0xf', 'out_port=2', 'in_port=3',
                                   'ip,nw_dst=10.0.0.0/8', 'table=2,ipv6', 'ip,nw_dst=10.9.9.9',
                                   'dl_dst=01:00:00:00:00:00/01:00:00:00:00:00'])
def test_a_filter_shows_what_ovs_ofctl_shows(lab, view, match):
    ours = counters_still(show(view, 'flows', lab.switch, match))
    assert normal(ours) == normal(counters_still(lab.ofctl('dump-flows', lab.switch, match)))


def test_flows_are_sorted_as_ovs_ofctl_sorts_them(lab, view):
    for sort in ('--sort', '--rsort', '--sort=priority', '--sort=nw_dst', '--rsort=in_port'):
        def keys(text, field=sort.partition('=')[2] or 'priority'):
            return [(re.search(field + r'=([^, ]+)', line) or [0, 'none'])[1] for line in text.splitlines()
                    if 'actions=' in line]
        ours, theirs = show(view, 'flows', sort, '--no-stats'), lab.ofctl(sort, '--no-stats', 'dump-flows', lab.switch)
        assert keys(ours) == keys(theirs), sort


def test_a_port_may_be_named_in_a_filter(lab, view):
    by_name = show(view, 'flows', 'out_port=%s-eth2' % lab.switch, '--no-stats')
    assert by_name == show(view, 'flows', 'out_port=2', '--no-stats') != ''
    by_name = show(view, 'flows', 'in_port="%s-eth3"' % lab.switch, '--no-stats')
    assert by_name == show(view, 'flows', 'in_port=3', '--no-stats') != ''


def test_flows_as_objects_say_the_same(lab, view):
    lines = show(view, 'flows', '--sort=cookie').splitlines()
    objects = rows(view, 'flows', '--sort=cookie')
    assert len(lines) == len(objects) > 8
    for line, flow in zip(lines, objects):
        assert 'cookie=%s,' % flow['cookie'] in line and 'table=%d,' % flow['table'] in line
        assert line.endswith(' actions=' + flow['actions']) and flow['match'] in line, (line, flow)
        assert flow['priority'] == int((re.search(r'priority=(\d+)', line) or [0, 32768])[1])


def test_ports_have_the_numbers_of_ovs_ofctl(lab, view):
    ours = rows(view, 'ports', lab.switch)
    described = lab.ofctl('dump-ports-desc', lab.switch)
    theirs = re.findall(r'^ (\w+)\((\S+)\): addr:(\S+)', described, re.M)
    assert sorted((p['port'], p['name'], p['mac']) for p in ours) == sorted(theirs) and len(ours) == 4

    def counted():
        found = {}
        for port, rx, tx in re.findall(r'port +"?([\w-]+)"?: rx pkts=(\d+),.*\n +tx pkts=(\d+)',
                                       lab.ofctl('dump-ports', lab.switch)):
            found[port] = (int(rx), int(tx))
        return found == {p['port']: (p['rx_packets'], p['tx_packets']) for p in rows(view, 'ports')}
    wait_for(counted, 10, 'same counters')
    text = show(view, 'ports')  # of all switches
    assert '%s-eth1' % lab.switch in text and text.splitlines()[0].startswith('SWITCH')


def test_groups_and_meters_are_those_of_ovs_ofctl(lab, view):
    if view.protocols == 'OpenFlow10':
        for topic in ('groups', 'meters'):
            assert 'speaks OpenFlow 1.0, which has no %s: let it speak OpenFlow 1.3' % topic in show(
                view, topic, status=1)
        return
    ours = normal(show(view, 'groups'))
    theirs = normal(lab.ofctl('dump-groups', lab.switch) + lab.ofctl('dump-group-stats', lab.switch))
    assert ours == theirs and len(ours) == 2 * len(GROUPS)
    config = lab.ofctl('dump-meters', lab.switch).replace('bands=\n', 'bands= ')
    stats = lab.ofctl('meter-stats', lab.switch)
    ours = show(view, 'meters')
    for line in normal(config):  # a burst that nobody asked for is shown, too
        assert any(found in (line, line + ' burst_size=5') for found in normal(ours)), line
    for meter in re.findall(r'^meter:(\d+)', stats, re.M):
        assert 'meter:%s flow_count:' % meter in ours
    assert sorted(g['group_id'] for g in rows(view, 'groups')) == [1, 2, 3, 4]
    assert sorted(m['meter_id'] for m in rows(view, 'meters')) == [5, 6]


def test_queues_and_tables_are_those_of_ovs_ofctl(lab, view):
    ours = {(q['port'], q['queue']) for q in rows(view, 'queues')}
    assert ours == {(p, int(q)) for p, q in re.findall(r'port (\w+) queue (\d+):', lab.ofctl('queue-stats', lab.switch))}
    assert {('2', 1), ('2', 7)} <= ours, ours
    tables = {t['table']: t for t in rows(view, 'tables')}
    used = {n: len([f for f in rows(view, 'flows') if f['table'] == n]) for n in range(5)}
    assert {n: t['active'] for n, t in tables.items() if n < 5 and t['active']} == {n: u for n, u in used.items() if u}
    everything = rows(view, 'tables', lab.switch, '--all')
    assert len(everything) == 254 and all(t['max_entries'] > 0 for t in everything)


# ---- switches --------------------------------------------------------------------------------------

def test_a_switch_is_named_in_any_usual_way(lab, view):
    dpid = ready(view)[0]['dpid'][2:]
    colons = ':'.join(dpid[i:i + 2] for i in range(0, 16, 2))
    peer = ready(view)[0]['peer']
    one = show(view, 'ports')
    for name in (lab.switch, dpid, '0x' + dpid, '0x' + dpid.lstrip('0'), dpid.lstrip('0'), colons, peer,
                 peer.rsplit(':', 1)[0], lab.switch[:-1], dpid.lstrip('0')[:3]):
        assert show(view, 'ports', name).splitlines()[1].split()[:3] == one.splitlines()[1].split()[:3], name
    for topic in ('flows', 'ports', 'tables'):
        assert "no switch is 'elsewhere': connected are %s (0x%s)" % (lab.switch, dpid) in show(
            view, topic, 'elsewhere', status=1)


def test_words_that_make_no_sense_are_told(view):
    for words, sentence in ((('flows', 'a', 'ip', 'b'), "takes one switch and one flow, 'b' is too much"),
                            (('ports', 'a', 'b'), "takes one switch, 'b' is too much"),
                            (('ports', '--sort'), "does not know '--sort', expected no flag"),
                            (('flows', '--sort=colour'), "cannot sort by 'colour'"),
                            (('flows', 'colour=1'), "there is no field 'colour' in a flow"),
                            (('flows', '--all'), "does not know '--all'")):
        assert sentence in show(view, *words, status=2)


def test_it_is_shown_again_and_again(view):
    child = subprocess.Popen([BIN + '/causeway', 'show', 'tables', '--watch', '0.1', '--run-dir', view.run_dir],
                             stdout=subprocess.PIPE, text=True)
    heads = 0
    for line in child.stdout:
        heads += line.startswith('SWITCH')
        if heads == 3:
            break
    child.terminate()
    child.wait(10)
    child.stdout.close()


# ---- switches that do not answer -------------------------------------------------------------------

class Odd(Switch):
    """A switch that does to a request for statistics of tables what it is told."""
    def __init__(self, port, dpid, what):
        self.what = what
        super().__init__(port, dpid)

    def answer(self, kind, body, xid):
        if kind == STATS_REQUEST and body[:2] == b'\0\1':  # of flows: none
            self.send(STATS_REPLY, b'\0\1\0\0', xid)
        elif kind != STATS_REQUEST or body[:2] != b'\0\3':
            super().answer(kind, body, xid)
        elif self.what == 'refuses':
            self.send(1, struct.pack('>HH', 1, 2) + struct.pack('>BBHI', 1, kind, 12, xid) + body, xid)
        elif self.what == 'leaves':
            self.sock.shutdown(2)
        elif self.what == 'begins':
            self.send(STATS_REPLY, b'\0\3\0\1' + bytes(64), xid)


@pytest.mark.parametrize('what, sentence', [
    ('refuses', 'the switch refused: '), ('leaves', 'switch 0x0000000000000051 left before it had answered'),
    ('is silent', 'switch 0x0000000000000051 did not answer within 10 s'),
    ('begins', 'switch 0x0000000000000051 answered only in part within 10 s')])
def test_a_switch_that_does_not_answer_is_told_so(make_own_stack, what, sentence):
    stack = make_own_stack(of_port=free_port()).start('ofproxy')
    wait_for(lambda: 'listening on=' in stack.children['ofproxy'].text(), 15, 'ofproxy')
    switch = Odd(stack.of_port, 0x51, what)
    try:
        wait_for(lambda: ready(stack), 15, 'ready switch')
        began = time.monotonic()
        child = subprocess.Popen([BIN + '/causeway', 'show', 'tables', '--run-dir', stack.run_dir],
                                 stderr=subprocess.PIPE, text=True)
        if what in ('is silent', 'begins'):  # nobody else waits for it
            done = run(BIN + '/causeway', 'status', '--json', '--run-dir', stack.run_dir, check=False)
            assert '"silent"' not in done.stdout
            assert time.monotonic() - began < 9
        assert sentence in child.communicate(timeout=40)[1]
        assert child.returncode == 1
    finally:
        switch.close()
    stack.end()


def test_without_a_switch_and_with_many(make_own_stack):
    stack = make_own_stack(of_port=free_port())
    assert 'ofproxy is not running' in show(stack, 'flows', status=1)
    stack.start('ofproxy')
    wait_for(lambda: 'listening on=' in stack.children['ofproxy'].text(), 15, 'ofproxy')
    assert 'no switch is connected' in show(stack, 'flows', status=1)
    switches = [Odd(stack.of_port, dpid, 'refuses') for dpid in (0x51, 0x52, 0x61)]
    try:
        wait_for(lambda: len(ready(stack) or []) == 3, 15, 'three switches')
        said = show(stack, 'flows', status=1)
        assert 'which switch? 3 are connected: name one of ' in said and '0x0000000000000061' in said
        assert "more than one switch is '5'" in show(stack, 'tables', '5', status=1)
        assert show(stack, 'flows', '61') == ''
    finally:
        for switch in switches:
            switch.close()
    stack.end()


def test_callers_that_go_away_leave_nothing(make_own_stack):
    stack = make_own_stack(of_port=free_port()).start('ofproxy')
    wait_for(lambda: 'listening on=' in stack.children['ofproxy'].text(), 15, 'ofproxy')
    switch = Odd(stack.of_port, 0x51, 'is silent')
    command = [BIN + '/causeway', 'show', 'tables', '--run-dir', stack.run_dir]
    children = []
    try:
        wait_for(lambda: ready(stack), 15, 'ready switch')

        def under_way():
            """Starts callers until one is refused: four wait."""
            child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            try:
                return 'under way already' in child.communicate(timeout=1)[1]
            except subprocess.TimeoutExpired:
                children.append(child)
                return False
        wait_for(under_way, 9, 'refused caller')
        assert len(children) == 4
        before = resident(stack)
        for child in children:
            child.kill()
            child.communicate(timeout=10)
        switch.what = 'refuses'
        wait_for(lambda: 'the switch refused' in show(stack, 'tables', status=1), 30, 'free place')
        wait_for(lambda: resident(stack) <= before - 3 * 2048, 30, 'memory given back')
    finally:
        switch.close()
    stack.end()


def resident(stack):
    """KB of private memory of ofproxy."""
    with open('/proc/%d/status' % stack.pid('ofproxy'), encoding='ascii') as f:
        return int(re.search(r'RssAnon:\s+(\d+)', f.read())[1])
