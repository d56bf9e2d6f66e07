# The restricted console: what it refuses, what it runs and how, and that nothing ends it.
import glob
import json
import os
import re
import shutil
import signal
import sys

import pytest
from harness import HOSTS, LAB, REPO, ROUTERS, WebStack, run, tmpfs_dir, wait_for
from terminal import Terminal
from webtty import WebTty

sys.path.insert(0, REPO + '/lab')
from allowed import COMMANDS, Place, Refused, host_command, usage  # noqa: E402
from words import cut, no_command  # noqa: E402

PROMPT = 'mininet> $'
PLACE = Place(HOSTS, 'client', ('client-eth0', 'lo'))


def checked(line):
    """What the console would start for a line in a host; Refused otherwise."""
    words = cut(line)
    if words[0] not in HOSTS:
        raise no_command(words[0], list(HOSTS))
    return host_command(words[1:], PLACE)[0]


REFUSED = r'''
sh id
!id
!
bash
xterm client
py net.hosts
px import os
source /etc/passwd
x client id
exec id
dpctl dump-flows
client
nobody ping server1
client sh
client sh -c id
client bash -i
client /bin/sh
client ./ping server1
client ../../bin/sh
client python3 -c pass
client cat /etc/shadow
client nc -l 80
client env sh
client busybox sh
client mnexec -a 1 sh
client ping server1; id
client ping server1 | sh
client ping server1 && id
client ping server1 &
client ping server1 > /tmp/x
client ping < /etc/passwd
client ping $(id)
client ping `id`
client ping $HOME
client ping "$(id)"
client ping 'server1;id'
client ping \$x
client ping server1 server2
client ping
client ping -f server1
client ping -c 0 server1
client ping -c -1 server1
client ping -c ٣ server1
client ping -c 99999999999999999999 server1
client ping -c
client ping -i 0 server1
client ping -i 0.001 server1
client ping -i 1e-9 server1
client ping -qf server1
client ping -l 100 server1
client ping -I eth0 server1
client ping --help
client ping -- -f
client ping www.example.com
client ping 127.1
client ping 0x7f.0.0.1
client ping 2130706433
client ping 010.0.0.1
client ping 256.1.1.1
client ping ::1
client ping 192.168.2.2@eth0
client traceroute -s 192.168.2.2 server1
client traceroute -i lo server1
client traceroute -M icmp server1
client traceroute -g 1.2.3.4 server1
client arping -U 10.0.1.1
client arping -A 10.0.1.1
client arping -s 10.0.1.1 10.0.1.100
client arping -I sw0-eth1 10.0.1.1
client wget -O /tmp/x server1
client wget -O/tmp/x server1
client wget -qO/tmp/x server1
client wget -qO /tmp/x server1
client wget --output-document=/tmp/x server1
client wget --output-document /tmp/x server1
client wget --output-doc=/tmp/x server1
client wget -o /tmp/x server1
client wget -a /tmp/x server1
client wget -P /tmp server1
client wget -i /etc/passwd
client wget --input-file=/etc/passwd
client wget --post-file=/etc/passwd server1
client wget --body-file=/etc/passwd --method=PUT server1
client wget --use-askpass=/bin/sh server1
client wget -e use_askpass=/bin/sh server1
client wget --config=/tmp/x server1
client wget -r server1
client wget -x server1
client wget --save-cookies /tmp/x server1
client wget file:///etc/passwd
client wget ftp://server1/
client wget http://root@server1/
client wget http://server1@1.2.3.4/
client wget http://example.org/
client wget -T 0 server1
client curl -o /tmp/x server1
client curl -so/tmp/x server1
client curl -O http://server1/x
client curl --output /tmp/x server1
client curl -K /etc/passwd
client curl -T /etc/passwd server1
client curl -F x=@/etc/passwd server1
client curl -d @/etc/passwd server1
client curl -d@/etc/passwd server1
client curl -sd@/etc/passwd server1
client curl -H @/etc/passwd server1
client curl --data-binary @/etc/passwd server1
client curl -w @/etc/passwd server1
client curl -c /tmp/x server1
client curl -b /etc/passwd server1
client curl -D /tmp/x server1
client curl --trace /tmp/x server1
client curl -x http://1.2.3.4 server1
client curl --unix-socket /run/x server1
client curl file:///etc/passwd
client curl FILE:///etc/passwd
client curl telnet://server1
client curl scp://server1/etc/passwd
client curl server{1,2}
client tcpdump -w /tmp/x
client tcpdump -c1 -w/tmp/x
client tcpdump -nw /tmp/x
client tcpdump icmp -w /tmp/x
client tcpdump 'icmp -w /tmp/x'
client tcpdump -r /etc/passwd
client tcpdump -z reboot
client tcpdump -F /etc/passwd
client tcpdump -V /etc/passwd
client tcpdump -Z root
client tcpdump -C 1
client tcpdump -i sw0-eth1
client tcpdump -c 99999999
client ip link set lo down
client ip address add 1.2.3.4 dev lo
client ip addr del 10.0.1.100/32 dev client-eth0
client ip route add default via 1.2.3.4
client ip route flush all
client ip r d default
client ip neigh replace 10.0.1.1 lladdr 02:00:00:00:00:01 dev client-eth0
client ip netns exec x sh
client ip -n x link
client ip -netns x link
client ip -b /etc/passwd
client ip -batch /etc/passwd
client ip -force -batch -
client ip -all netns exec sh
client ip vrf exec x sh
client ip link show type ../../x
client ip monitor file /etc/passwd
client ip route save
client ip route get
client ss -K dst server1
client ss -D /tmp/x
client ss -F /etc/passwd
client ss -N x
client ss -E
client arp -s 10.0.1.1 02:00:00:00:00:01
client arp -d 10.0.1.1
client arp -f /etc/passwd
client ifconfig client-eth0 down
client ifconfig client-eth0 1.2.3.4
client ifconfig sw0-eth1
client netstat -c
client netstat -r extra
client iperf -s -D
client iperf -c server1 -F /etc/passwd
client iperf -c server1 -o /tmp/x
client iperf -c example.org
client ping "server1
'''.strip().split('\n') + ['client ping server1\x00', 'client ping server1\x1b[2J', 'client ping \u202eserver1',
                           'client ping ' + 'x' * 5000]

# A line, and how what is started ends: names have become addresses, clusters are taken apart.
ALLOWED = {
    'client ping server1': 'ping -n 192.168.2.2',
    'client ping -c3 -i0.2 "server1"': 'ping -n -c 3 -i 0.2 192.168.2.2',
    '  client\tping  -qc 3 10.0.1.1 ': 'ping -n -q -c 3 10.0.1.1',
    'client ping server2 -t 1': 'ping -n -t 1 172.64.3.10',
    'server1 ping client': 'ping -n 10.0.1.100',
    'client traceroute server2': 'traceroute -n 172.64.3.10',
    'client traceroute -I -m 4 -q 1 server2 60': '-I -m 4 -q 1 172.64.3.10 60',
    'client arping -c 2 -I client-eth0 10.0.1.1': 'arping -c 2 -I client-eth0 10.0.1.1',
    'client wget server1': '-O - http://192.168.2.2/',
    'client wget -qO- http://server1/x?a=1': '-q -O - http://192.168.2.2/x?a=1',
    'client wget -qO- "http://192.168.2.2:8080/x?a=1&b=2"': '-q -O - http://192.168.2.2:8080/x?a=1&b=2',
    'client wget --tries=2 --timeout 3 -nv server2': '--tries 2 --timeout 3 -nv http://172.64.3.10/',
    'client curl -i server1': 'curl -q --globoff --proto =http,https --proto-redir =http,https -i http://192.168.2.2/',
    "client curl -sX POST -d 'a b' -H 'X-Y: z' server1/p": '-s -X POST -d a b -H X-Y: z http://192.168.2.2/p',
    'client tcpdump': 'tcpdump -l -n -c 1000',
    "client tcpdump -nvc 5 -i any '(icmp or arp) and not host server1'": '-n -v -c 5 -i any (icmp or arp) and not host 192.168.2.2',
    'client tcpdump tcp port 80': 'tcpdump -l -n -c 1000 tcp port 80',
    'client ip a': 'ip address show',
    'client ip -br l': 'ip -br link show',
    'client ip -s link show dev client-eth0': 'ip -s link show dev client-eth0',
    'client ip r': 'ip route show',
    'client ip route get server1': 'ip route get 192.168.2.2',
    'client ip neigh': 'ip neigh show',
    'client ss -tan': 'ss -n -t -a -n',
    'client ss -t state established': 'ss -n -t state established',
    'client arp -an': 'arp -n -a -n',
    'client ifconfig client-eth0': 'ifconfig client-eth0',
    'client netstat -rn': 'netstat -n -r -n',
    'server1 iperf -s -u': 'iperf -s -u',
    'client iperf -c server1 -u -b 10M -t 5': 'iperf -c 192.168.2.2 -u -b 10M -t 5',
}


@pytest.mark.parametrize('line', REFUSED)
def test_refuses(line):
    with pytest.raises(Refused) as refusal:
        print(checked(line))
    sentence = str(refusal.value)
    assert sentence.isprintable() and len(sentence) > 30, sentence


@pytest.mark.parametrize('line', ALLOWED)
def test_allows(line):
    assert ' '.join(checked(line)).endswith(ALLOWED[line])


def test_a_refusal_says_why_and_who_decided():
    for line, why in (('client tcpdump -w x', 'it would write a file'), ('client wget -i x', 'it would read a file'),
                      ('client wget -e x=y', 'it would run a program'), ('sh id', 'no shell here'),
                      ('client ping server1 | sh', 'no pipes'), ('client cat /etc/passwd', 'not among the commands'),
                      ('client ip link set lo down', 'it changes nothing'), ('client ping -c x server1', '-c 1..100000')):
        with pytest.raises(Refused, match=re.escape(why)) as refusal:
            checked(line)
        assert '[lab] console = restricted' in str(refusal.value)


def test_every_example_of_the_help_is_allowed():
    for name in COMMANDS:
        line = usage(name).rpartition('such as: ')[2]
        assert checked(line)[0] == name


# ---- on the lab -----------------------------------------------------------------------------------

@pytest.fixture(scope='module')
def net(lab, make_stack):
    stack = make_stack()
    stack.start()
    wait_for(lab.flows, 30, 'reply to a ping through the router')
    return lab


@pytest.fixture()
def open_console():
    made = []

    def make(run_dir, *words):
        made.append(Terminal([LAB, 'console', '--run-dir', run_dir, *words]))
        return made[-1]
    yield make
    for terminal in made:
        terminal.close()


@pytest.fixture()
def console(net, open_console):
    made = open_console(net.run_dir)
    made.until(PROMPT)
    return made


@pytest.fixture(scope='module')
def one_console(net):
    """For lines that leave it as it was."""
    made = Terminal([LAB, 'console', '--run-dir', net.run_dir])
    made.until(PROMPT)
    yield made
    made.close()


def said(console, line):
    """What the console says to a line, up to the next prompt."""
    console.send(line + '\n')
    return console.until(PROMPT)


def children(pid, name):
    """PIDs of processes called so, of which 'pid' is an ancestor."""
    parents = {}
    for path in glob.glob('/proc/[0-9]*/stat'):
        try:
            with open(path, encoding='utf-8') as f:
                text = f.read()
        except OSError:
            continue
        parents[int(text.split()[0])] = (int(text.rpartition(')')[2].split()[1]), text[text.index('(') + 1:text.rindex(')')])

    def below(child):
        while child in parents and child != pid:
            child = parents[child][0]
        return child == pid
    return [child for child, (_parent, called) in parents.items() if called == name and child != pid and below(child)]


@pytest.mark.parametrize('line,expected', [
    ('client ping -c 2 -i 0.2 server1', r'2 received, 0% packet loss'),
    ('client traceroute server2', r' 1  10\.0\.1\.1.* 2  172\.64\.3\.10'),
    ('client traceroute -I -q 1 server1', r' 1  10\.0\.1\.1.* 2  192\.168\.2\.2'),
    ('client traceroute -T -q 1 -p 80 server1', r' 2  192\.168\.2\.2'),
    ('client arping -f -w 3 10.0.1.1', 'Received 1 response'),
    ('client wget -qO- server1', 'This is server1'),
    ('client wget server2', '200 OK.*This is server2'),
    ('client ip route get server1', r'192\.168\.2\.2 via 10\.0\.1\.1 dev client-eth0 src 10\.0\.1\.100 uid 65533'),
    ('client ip a', r'inet 10\.0\.1\.100/32'),
    ('client ifconfig client-eth0', '02:ca:57:00:00:03'),
    ('client netstat -r', r'0\.0\.0\.0 +10\.0\.1\.1'),
    ('client arp', '02:ca:57:00:01:03'),
    ('server1 ss -ltn', ':80 '),
    ('client iperf -c server1 -t 1', 'Connection refused'),
    ('pingall', r'client -> server1 server2.*0% dropped \(6/6 received\)'),
    ('nodes', 'client server1 server2 '), ('net', 'server1 server1-eth0:'), ('links', r'client-eth0 \(OK\)'),
    ('dump', r'<Host client: client-eth0:10\.0\.1\.100'), ('ports', '-eth1:1 '), ('intfs', 'client: lo,client-eth0'),
    ('help', 'pingall .*link HOST'), ('help wget', r'HOST wget .*--spider'),
    ('sh id', r"'sh' is refused: no shell here: .*\[lab\] console = restricted"),
    ('client wget -O /tmp/x server1', "'wget -O' is refused: it would write a file"),
    ('ping server1', "'ping' runs in a host"), ('server9 ping client', "no command and no host 'server9'"),
    ('# nothing', 'mininet>'),
])
def test_a_line(one_console, line, expected):
    answer = said(one_console, line)
    assert re.search(expected, answer, re.DOTALL), answer


@pytest.mark.skipif(not shutil.which('curl'), reason='curl is not installed')
def test_curl(one_console):
    assert 'This is server1' in said(one_console, 'client curl -s server1')


def test_tcpdump_sees_what_passes(console, net):
    console.send('server1 tcpdump -c 1 icmp\n')
    console.until('listening on')
    net.ping('client', HOSTS['server1'])
    assert re.search(r'10\.0\.1\.100 > 192\.168\.2\.2: ICMP echo request', console.until(PROMPT))


@pytest.mark.parametrize('line,name,until,capabilities', [('server1 tcpdump -p', 'tcpdump', 'listening on', 1 << 13),
                                                         ('server1 iperf -s', 'iperf', 'Server listening', 0)])
def test_a_command_has_one_capability_at_most_and_no_other_right(console, line, name, until, capabilities):
    console.send(line + '\n')
    console.until(until)
    pid, = children(console.pid, name)
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        status = dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)
    assert set(status['Uid'].split() + status['Gid'].split()) == {'65533'} and status['Groups'].strip() == ''
    assert {int(status[k], 16) for k in ('CapPrm', 'CapEff', 'CapBnd')} == {capabilities} and status['NoNewPrivs'] == '1'
    with open('/proc/%d/limits' % pid, encoding='ascii') as f:
        assert re.search(r'Max file size +0 ', f.read())
    assert os.readlink('/proc/%d/fd/0' % pid) == '/dev/null'
    console.send('\x03')
    console.until(PROMPT)


def test_keys_end_commands_and_never_the_console(console):
    console.send('client ping server1\n')
    console.until('bytes from')
    console.send('\x1a')  # stops nothing
    console.until('bytes from.*bytes from')
    console.send('\x03')
    console.until(r'packet loss.*' + PROMPT)
    console.send('pingall\n')
    console.until('server1 -> ')
    console.send('\x03')
    assert 'Results' not in console.until(PROMPT)
    for key in ('\x03', '\x1a\x03', '\x1c\x03'):
        console.send('client pi')
        console.until('client pi')
        console.send(key)
        console.until(PROMPT)
    console.send('nodes\n')
    console.until('available nodes.*' + PROMPT)
    console.send('\x04')
    console.until("\\^D does not end this console: 'exit' does\n" + PROMPT)
    assert console.ended() is None and children(console.pid, 'ping') == []
    console.send('exit\n')
    wait_for(lambda: console.ended() is not None, 30, 'end of the console')
    assert console.ended() == 0


def test_a_flood_of_output_ends_at_once(console):
    console.send('client ping -i 0.01 server1\n')
    console.until('icmp_seq=50 ')
    console.send('\x03')
    console.until(PROMPT, seconds=5)


@pytest.mark.parametrize('sig', [signal.SIGHUP, signal.SIGTERM, signal.SIGKILL])
def test_commands_end_with_the_console(console, sig):
    console.send('client ping server1\n')
    console.until('bytes from')
    pid, = children(console.pid, 'ping')
    os.kill(console.pid, sig)
    wait_for(lambda: console.ended() is not None, 30, 'end of the console')
    wait_for(lambda: not os.path.exists('/proc/%d' % pid), 30, 'end of ping')


def test_tab_and_history(console):
    console.send('cli\tpi\tserver1 -c 1\n')
    assert '1 received' in console.until(PROMPT)
    console.send('\x1b[A\n')  # up
    assert '1 received' in console.until(PROMPT)
    console.send('client wg\t--sp\tserver\t\t')
    console.until('client wget --spider server.*server1 +server2')
    console.send('\x15nodes\n')
    console.until('available nodes')


def test_a_paste_of_several_lines_is_several_commands(console):
    console.send('\x1b[200~nodes\nports\x1b[201~\n')
    console.until('available nodes.*-eth1:1.*' + PROMPT)


def test_what_is_typed_without_end_is_refused_and_not_kept(console):
    console.send('x' * 5000 + '\n')
    console.until('a line of 5000 characters is refused: at most 4096.*' + PROMPT)
    console.send('\x1b[Anodes\n')  # nothing to recall
    console.until('available nodes')


def test_links_are_the_tests_of_unreachable(console, net):
    said(console, 'link server1 down')
    assert 'server1-eth0 (down)' in said(console, 'links')
    assert 'Destination Net Unreachable' in said(console, 'client ping -c 1 server1')
    said(console, 'link server1 silent')
    assert 'Destination Host Unreachable' in said(console, 'client ping -c 1 -W 20 server1')
    said(console, 'link server1 up')
    wait_for(net.flows, 30, 'ping through the link that is up again')
    assert 'link expects a host' in said(console, 'link server1 sideways')
    assert ROUTERS['server1'] in said(console, 'server1 ip route')


def test_without_a_lab_it_waits_and_goes_on_with_the_next(net, open_console):
    folder = tmpfs_dir('console')
    try:
        with open(net.run_dir + '/lab/state.json', encoding='utf-8') as f:
            state = json.load(f)
        console = open_console(folder)
        for mark in ('one', 'two'):
            console.until('no lab runs in %s: waiting for lab up' % folder)
            console.send('\x03')
            console.until('no lab runs in %s: waiting for lab up' % folder)
            os.makedirs(folder + '/lab', exist_ok=True)
            with open(folder + '/lab/state.new', 'w', encoding='utf-8') as f:
                json.dump(dict(state, mark=mark), f)
            os.rename(folder + '/lab/state.new', folder + '/lab/state.json')
            console.until('the lab is there: server1 192.168.2.2, .*' + PROMPT)
            assert '1 received' in said(console, 'client ping -c 1 server1')
            os.unlink(folder + '/lab/state.json')
            console.send('nodes\n')
    finally:
        run('rm', '-rf', folder)


def test_full_is_mininets_own(net, open_console):
    console = open_console(net.run_dir, '--console', 'full')
    console.until(PROMPT)
    assert 'uid=0' in said(console, 'sh id')
    console.send('exit\n')
    wait_for(lambda: console.ended() is not None, 30, 'end of the console')


def test_without_a_terminal_it_ends_with_its_input(net):
    done = run('sh', '-c', 'printf "nodes\\nsh id\\n" | "$0" console --run-dir "$1"', LAB, net.run_dir)
    assert 'available nodes' in done.stdout and "'sh' is refused" in done.stdout


@pytest.mark.parametrize('kind,answer', [('restricted', b"'sh' is refused: no shell here"), ('full', b'uid=0(root)')])
def test_a_session_in_a_browser_is_what_the_operators_file_says(net, make_own_stack, kind, answer):
    stack = make_own_stack(WebStack)
    os.symlink(net.run_dir + '/lab', stack.run_dir + '/lab')
    with open(stack.dir + '/my.conf', 'w', encoding='ascii') as f:
        f.write('[lab]\nconsole = %s\n' % kind)
    stack.flags['ptyhost'] = ('--config', stack.dir + '/my.conf')
    stack.start('ptyhost', 'webterm').ready()
    tty = WebTty(stack.web_port)
    tty.until(b'mininet> ')
    tty.type(b'sh id\r')
    tty.until(answer)
    tty.type(b'client ping -c 1 server1\r')
    tty.until(b'0% packet loss')
    tty.close()
