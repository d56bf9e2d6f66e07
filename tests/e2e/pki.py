# tests/e2e/pki.py - certificates as users make them: with ovs-pki, in a folder of the tests' own.
import os

from harness import run

GROUP = 65534  # of the user that ofproxy becomes


class Pki:
    """Two CAs, as ovs-pki makes them, and one more that nobody trusts."""

    def __init__(self, folder):
        self.dir = folder
        os.chmod(self.dir, 0o755)
        for name in ('good', 'other'):
            self.do(name, 'init')
            for who, role in (('ofproxy', 'controller'), ('switch', 'switch')):
                self.make(name, who, role)

    def late(self, who, role):
        """A certificate that expired in 2021."""
        ca = '%s/good/pki/%sca' % (self.dir, role)
        path = '%s/late-%s-cert.pem' % (self.dir, who)
        run('openssl', 'ca', '-config', 'ca.cnf', '-extensions', 'usr_cert', '-batch', '-startdate', '200101000000Z',
            '-enddate', '210101000000Z', '-in', '%s/good/%s-req.pem' % (self.dir, who), '-out', path, cwd=ca)
        return path

    def do(self, name, *words):
        folder = '%s/%s' % (self.dir, name)
        os.makedirs(folder, exist_ok=True)
        run('ovs-pki', '--dir=%s/pki' % folder, '--log=%s/log' % folder, *words, cwd=folder)

    def make(self, name, who, role):
        for path in (self.key(who, name), self.cert(who, name), '%s/%s/%s-req.pem' % (self.dir, name, who)):
            if os.path.exists(path):
                os.unlink(path)
        self.do(name, 'req+sign', who, role)
        os.chown(self.key(who, name), 0, GROUP)
        os.chmod(self.key(who, name), 0o640)

    def key(self, who, name='good'):
        return '%s/%s/%s-privkey.pem' % (self.dir, name, who)

    def cert(self, who, name='good'):
        return '%s/%s/%s-cert.pem' % (self.dir, name, who)

    def ca(self, role, name='good'):
        return '%s/%s/pki/%sca/cacert.pem' % (self.dir, name, role)

    def ofproxy(self):
        return ['--tls-key', self.key('ofproxy'), '--tls-cert', self.cert('ofproxy'), '--tls-ca', self.ca('switch')]

    def switch(self, name='good'):
        return ['--tls-key', self.key('switch', name), '--tls-cert', self.cert('switch', name), '--tls-ca',
                self.ca('controller')]
