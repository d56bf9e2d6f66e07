# A run of the lab with the three processes under Valgrind's memcheck: pings, a download, a route, a VNS
# client, a restart, a process killed and back; no error, nothing leaked.  Too slow for every run of the
# tests: tests/fault/run valgrind.
import os
import shutil
import signal

import pytest
from harness import BIN, FAKE, HOSTS, VNS_PORT, Child, Stack, run, wait_for

pytestmark = pytest.mark.skipif(not os.environ.get('CAUSEWAY_VALGRIND'), reason='slow: tests/fault/run valgrind')
VALGRIND = ['valgrind', '--quiet', '--error-exitcode=99', '--leak-check=full', '--show-leak-kinds=definite',
            '--errors-for-leak-kinds=definite', '--fair-sched=yes']
FOUND = ('Invalid', 'uninitialised', 'lost', 'ERROR SUMMARY', 'Mismatched', 'overlap')


class Checked(Stack):
    def command(self, name):
        return VALGRIND + super().command(name) + ['--sandbox', 'no']  # memcheck needs calls of its own


@pytest.fixture()
def stack():
    if not shutil.which('valgrind'):
        pytest.skip('valgrind is not installed (.ci/packages test)')
    made = Checked()
    yield made
    made.close()


def checked(stack, *names):
    """They end with status 0: memcheck's own would be 99."""
    for name in names:
        status = stack.children[name].end(seconds=30)
        text = stack.children[name].text()
        assert status == 0 and not any(word in text for word in FOUND), '%s: %d\n%s' % (name, status, text)


def test_a_run_of_the_lab_is_clean(lab, stack):
    def causeway(*words):
        return run(BIN + '/causeway', *words, '--run-dir', stack.run_dir, check=False)
    stack.start()
    wait_for(lab.flows, 60, 'reply to a ping')
    for host in HOSTS.values():
        assert lab.ping('client', host, count=5, wait=10)[0] > 0, host
    lab.ping('client', HOSTS['server1'], '-s', 4000, count=2, wait=10)
    lab.ping('client', '10.9.9.9', count=1, wait=1)
    lab.exec('client', 'wget', '-q', '-T', 20, '-t', 2, '-O', '/dev/null', 'http://' + HOSTS['server1'], check=False)
    causeway('route', 'add', '10.99.0.0/16', 'via', HOSTS['server1'])
    for words in (('status',), ('show', 'routes'), ('show', 'arp'), ('show', 'switches'), ('show', 'counters')):
        causeway(*words)
    client = Child('classic_sr', [FAKE + '/classic_sr', '-s', '127.0.0.1', '-p', str(VNS_PORT), '-v', 'vrhost', '-r',
                                  stack.rtable], stack.dir + '/classic.log')
    wait_for(lambda: 'client' in causeway('status').stdout, 30, 'takeover by the VNS client')
    client.end(signal.SIGKILL)
    wait_for(lab.flows, 60, 'reply to a ping, by the ring again')
    for name in Stack.PROCESSES:
        checked(stack, name)
        stack.start(name)
        wait_for(lab.flows, 90, 'reply to a ping after the restart of ' + name)
        stack.kill(name)
        stack.start(name)
        wait_for(lab.flows, 90, 'reply to a ping after the kill of ' + name)
    checked(stack, *Stack.PROCESSES)
