# causeway show flows of a switch that has very many, beside packets: none is lost, and nobody waits.
import os
import re
import subprocess

from harness import BIN, HOSTS, run, wait_for


def test_twenty_thousand_flows_beside_packets(lab, make_own_stack):
    lab.speak('OpenFlow10,OpenFlow13')
    lab.ofctl('del-flows', lab.switch)
    stack = make_own_stack().start()
    wait_for(lab.flows, 15, 'reply to a ping')
    many = stack.dir + '/flows'
    with open(many, 'w', encoding='ascii') as f:
        for i in range(20000):
            f.write('cookie=0x%x,table=%d,priority=%d,tcp,nw_dst=11.0.%d.%d,tp_dst=%d,actions=output:%d\n' % (
                i + 1, 7 + i % 2, 100 + i % 5, i >> 8, i & 255, i % 1000, 1 + i % 3))
    run('ovs-ofctl', '-O', 'OpenFlow13', 'add-flows', lab.switch, many, timeout=300,
        env=dict(os.environ, OVS_RUNDIR=lab.run_dir + '/lab/ovs'))
    ping = lab.popen('client', 'ping', '-n', '-q', '-i', '0.002', '-W', 10, '-c', 2000, HOSTS['server1'],
                     stdout=subprocess.PIPE, text=True)
    looks = 0
    while ping.poll() is None or looks < 2:
        both = [subprocess.Popen([BIN + '/causeway', 'show', 'flows', lab.switch, *more, '--run-dir', stack.run_dir],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                for more in ([], ['table=7', '--sort=nw_dst'])]
        texts = [child.communicate(timeout=120) for child in both]
        assert [child.returncode for child in both] == [0, 0], texts[0][1] + texts[1][1]
        assert len({c for c in re.findall(r'cookie=(0x\w+)', texts[0][0]) if len(c) < 8}) == 20000
        shown = re.findall(r'nw_dst=([0-9.]+)', texts[1][0])
        assert len(shown) == 10000 and shown == sorted(shown, key=lambda ip: [int(n) for n in ip.split('.')])
        looks += 1
    text = ping.stdout.read()
    ping.stdout.close()
    assert ' 0% packet loss' in text, text
    lab.ofctl('del-flows', lab.switch)
    stack.end()
