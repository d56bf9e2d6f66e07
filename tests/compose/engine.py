# tests/compose/engine.py - a Docker engine for the tests: the one that runs, or one of our own.
#
# Our own keeps everything in one folder.  It makes no bridge but those of its networks and no firewall rule; builds use
# this machine's network.  Where no registry answers, debian:bookworm-slim is made of Debian's packages.  close() leaves
# nothing behind, and says so if it does.
import contextlib
import functools
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'e2e'))
import harness  # noqa: E402

BASE = 'debian:bookworm-slim'
MIRROR = 'http://deb.debian.org/debian'
# A docker command takes its time; looks are made by such.
run = functools.partial(harness.run, timeout=60)
wait_for = functools.partial(harness.wait_for, every=0.05)


class Engine:
    def __init__(self):
        self.ours = None
        self.files = []  # more files for docker-compose
        if run('docker', 'info', check=False).returncode != 0:
            self.start()
        try:
            self.need_base()
        except BaseException:
            self.close()
            raise

    # ---- an engine of our own

    def start(self):
        self.folder = tempfile.mkdtemp(prefix='causeway-docker-', dir='/var/tmp')
        self.before = self.traces()
        self.files = ['-f', HERE + '/here.yml']
        host = 'unix://%s/docker.sock' % self.folder
        with open(self.folder + '/log', 'wb') as log:
            self.ours = subprocess.Popen(
                ['dockerd', '--data-root', self.folder + '/root', '--exec-root', self.folder + '/exec', '-H', host,
                 '--pidfile', self.folder + '/pid', '--iptables=false', '--ip6tables=false', '--ip-forward=false',
                 '--bridge=none'], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        os.environ['DOCKER_HOST'] = host
        try:
            wait_for(self.answers, 60, lambda: 'answer of dockerd: ' + self.log())
        except BaseException:
            self.close()
            raise

    def answers(self):
        assert self.ours.poll() is None, 'dockerd ended: ' + self.log()
        return run('docker', 'info', check=False).returncode == 0

    def log(self):
        with open(self.folder + '/log', encoding='utf-8', errors='replace') as f:
            return f.read()[-2000:]

    def traces(self):
        """What an engine might leave on a machine, beside its folder."""
        rules = [line for tool in ('iptables', 'ip6tables') for line in run(tool + '-save', check=False).stdout.split('\n')
                 if 'docker' in line.lower()]
        links = [name for name in os.listdir('/sys/class/net') if name.startswith(('docker', 'br-', 'veth'))]
        files = [name for name in ('/etc/docker/key.json', '/var/lib/docker', '/run/docker') if os.path.exists(name)]
        return sorted(rules + links + files)

    def processes(self):
        """PIDs of those that have our folder in their words: dockerd, containerd, its shims."""
        found = []
        for path in glob.glob('/proc/[0-9]*/cmdline'):
            with contextlib.suppress(OSError), open(path, 'rb') as f:
                if self.folder.encode() in f.read():
                    found.append(int(path.split('/')[2]))
        return found

    def mounts(self):
        with open('/proc/self/mounts', encoding='utf-8') as f:
            return [line.split()[1] for line in f if line.split()[1].startswith(self.folder)]

    # ---- the base

    def need_base(self):
        if run('docker', 'image', 'inspect', BASE, check=False).returncode == 0:
            return
        if run('docker', 'pull', BASE, timeout=180, check=False).returncode != 0:
            self.make_base()

    @staticmethod
    def make_base():
        """What a registry would give, but that it trusts whom this machine trusts."""
        trusted = ' '.join(glob.glob('/usr/local/share/ca-certificates/*.crt'))
        hook = 'cp %s "$1/usr/local/share/ca-certificates" && chroot "$1" update-ca-certificates' % trusted
        with tempfile.TemporaryDirectory(prefix='causeway-base-', dir='/var/tmp') as folder:
            run('mmdebstrap', '--variant=minbase', '--mode=root', '--include=ca-certificates', '--dpkgopt=force-unsafe-io',
                *(['--customize-hook=' + hook] if trusted else []), 'bookworm', folder + '/base.tar', MIRROR, timeout=900)
            run('docker', 'import', folder + '/base.tar', BASE, timeout=300)

    # ---- the end

    def close(self):
        if not self.ours:
            return
        self.ours.send_signal(signal.SIGTERM)
        try:
            self.ours.wait(60)
        except subprocess.TimeoutExpired:
            self.ours.kill()
            self.ours.wait(10)
        self.ours = None
        del os.environ['DOCKER_HOST']
        wait_for(lambda: not self.processes(), 20, 'end of %s' % self.processes())
        for mount in sorted(self.mounts(), reverse=True):
            run('umount', '-l', mount, check=False)
        for path in set(self.traces()) - set(self.before):
            if path == '/etc/docker/key.json':  # an engine's name for itself
                os.unlink(path)
                with contextlib.suppress(OSError):
                    os.rmdir('/etc/docker')
            elif path == '/run/docker':
                shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(self.folder)
        left = self.mounts() + sorted(set(self.traces()) - set(self.before))
        assert not left, left
