# tests/bench/contenders.py - what an OpenFlow switch can be connected to: the stack, the reflector, other controllers.
#
#     with contenders() as all_of_them:       ends all processes, removes all files, whatever happens
#         stack = all_of_them.stack()
#         figures = stack.bench('latency', seconds=1)
import contextlib
import ctypes
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from yard import BENCH, BIN, REPO, run

TICK = os.sysconf('SC_CLK_TCK')


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def listens(port, children):
    """Waits until somebody does; False: nobody in time, or one of the children has ended."""
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', port), 1):
            return True
        if time.monotonic() > deadline or any(c.poll() is not None for c in children):
            return False
        time.sleep(0.02)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def ticks(pid):
    """Clock ticks that a process has used."""
    with open('/proc/%d/stat' % pid, encoding='ascii') as f:
        return sum(map(int, f.read().rpartition(')')[2].split()[11:13]))


def switches(pid):
    """Context switches, of all its threads."""
    total = 0
    for path in glob.glob('/proc/%d/task/*/status' % pid):
        with open(path, encoding='ascii') as f:
            total += sum(int(line.split()[1]) for line in f if 'ctxt_switches' in line)
    return total


def memory(pid):
    """In MB: Rss; Pss, in which what is shared is divided among the sharers; and what of it is in no shared memory."""
    with open('/proc/%d/smaps_rollup' % pid, encoding='ascii') as f:
        words = {line.split()[0]: int(line.split()[1]) / 1024 for line in f if line.startswith(('Rss', 'Pss'))}
    return words['Rss:'], words['Pss:'], words['Pss:'] - words['Pss_Shmem:']


def on(cpus, command):
    return (['taskset', '-c', cpus] if cpus else []) + command


class Contender:
    """Processes that listen for switches on a port of their own, perhaps kept on some processors."""

    def __init__(self, commands, port, log, cpus='', same=False):
        self.port, self.same, self.log = port, same, log
        with open(log, 'ab') as out:
            self.children = [subprocess.Popen(on(cpus, command), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                              preexec_fn=die_with_parent, cwd=os.path.dirname(log))
                             for command in commands]
        if not listens(port, self.children):
            with open(log, encoding='utf-8', errors='replace') as f:
                raise SystemExit('%s does not listen on port %d: %s' % (commands[0][0], port, f.read()[-2000:]))

    def pids(self):
        return [c.pid for c in self.children]

    def bench(self, mode, seconds, *words, cpus='', warmup=0.2):
        """What 'causeway bench' says of it, with the processor time of the contender's own processes as a share."""
        before = sum(map(ticks, self.pids()))
        done = subprocess.run(
            on(cpus, [BIN + '/causeway', 'bench', mode, '--json', '--connect', 'tcp:127.0.0.1:%d' % self.port,
                      '--openflow', '1.0', '--expect', 'same' if self.same else 'routed', '--duration', str(seconds),
                      '--warmup', str(warmup)] + [str(word) for word in words]),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
        try:
            figures = json.loads(done.stdout)
        except ValueError:
            raise SystemExit('causeway bench %s %s: %s %s' % (mode, ' '.join(map(str, words)), done.stdout.strip(),
                                                              done.stderr.strip())) from None
        used = (sum(map(ticks, self.pids())) - before) / TICK
        return {'p50': figures['latency_us']['p50'], 'p99': figures['latency_us']['p99'],
                'rate': figures['per_second'], 'ok': figures['ok'], 'lost': figures['sent'] - figures['verified'],
                'cpu': 100 * used / (figures['seconds'] + warmup)}

    def end(self):
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(10)
            if child.poll() is None:
                child.kill()
                child.wait(10)


class Contenders:
    def __init__(self, folder):
        self.folder, self.all = folder, []

    def add(self, name, commands, port, **options):
        self.all.append(Contender(commands, port, '%s/%s-%d.log' % (self.folder, name, port), **options))
        return self.all[-1]

    def stack(self, *flags, **options):
        """ofproxy, vnsbridge and router in a run directory of their own; flags go to each."""
        port = free_port()
        common = ['--run-dir', '%s/run-%d' % (self.folder, port), '--log-level', 'warn', *flags]
        return self.add('stack', [[BIN + '/ofproxy', *common, '--listen', 'tcp:%d:127.0.0.1' % port],
                                  [BIN + '/vnsbridge', *common, '--listen', 'tcp:%d:127.0.0.1' % free_port()],
                                  [BIN + '/router', *common]], port, **options)

    def reflector(self, wait='sleep', **options):
        port = free_port()
        return self.add('reflector', [[BENCH + '/of_reflector', str(port), wait]], port, **options)

    def testcontroller(self):
        port = free_port()
        return self.add('testcontroller', [['ovs-testcontroller', 'ptcp:%d:127.0.0.1' % port, '--noflow',
                                            '--unixctl=%s/tc-%d' % (self.folder, port), '-vconsole:warn']], port,
                        same=True)

    def osken(self):
        port = free_port()
        return self.add('osken', [['/usr/bin/python3', '-B', '/usr/bin/osken-manager', '--ofp-listen-host', '127.0.0.1',
                                   '--ofp-tcp-listen-port', str(port), REPO + '/tests/bench/learning_switch.py']], port,
                        same=True)


@contextlib.contextmanager
def contenders():
    folder = tempfile.mkdtemp(prefix='cw-bench-', dir='/dev/shm')
    os.chmod(folder, 0o711)
    every = Contenders(folder)
    try:
        yield every
    finally:
        for one in reversed(every.all):
            one.end()
        shutil.rmtree(folder, ignore_errors=True)


def echo(window, seconds, size, *more):
    """The bare connection, with the bytes of a PACKET_IN and a PACKET_OUT that carry a frame of this size."""
    p50, p99, rate = map(float, run(BENCH + '/tcp_echo', window, int(seconds * 1000), size + 18, size + 24,
                                    *more).split())
    return {'p50': p50, 'p99': p99, 'rate': rate}
