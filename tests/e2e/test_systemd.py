# tests/e2e/test_systemd.py - the units that 'make install' brings, as systemd itself reads them.
import glob
import os
import re
import shutil
import socket

import pytest
from harness import BIN, OF_PORT, REPO, VNS_PORT, Child, run, tmpfs_dir

UNITS = ('ofproxy', 'vnsbridge', 'router', 'ptyhost', 'webterm')


@pytest.fixture(scope='module')
def installed():
    assert shutil.which('systemd-analyze'), 'systemd-analyze is not installed: apt-get install systemd'
    prefix = tmpfs_dir('install')
    run('make', '-C', REPO, 'BUILD=' + os.path.dirname(BIN), 'install', 'PREFIX=' + prefix, timeout=300)
    yield prefix
    shutil.rmtree(prefix)


def test_systemd_takes_every_unit_and_each_process_has_one(installed):
    units = glob.glob(installed + '/lib/systemd/system/*')
    assert run('systemd-analyze', 'verify', '--man=no', *units).stdout == ''
    wanted = run('grep', '^Wants=', installed + '/lib/systemd/system/causeway.target').stdout
    for name in UNITS:
        with open('%s/lib/systemd/system/causeway-%s.service' % (installed, name), encoding='utf-8') as f:
            unit = f.read()
        assert 'causeway-%s.service' % name in wanted
        assert 'ExecStart=%s/bin/%s\n' % (installed, name) in unit and 'Type=notify\n' in unit and 'Restart=always\n' in unit


def test_the_units_leave_little_to_take(installed):
    for name in UNITS:
        path = '%s/lib/systemd/system/causeway-%s.service' % (installed, name)
        said = run('systemd-analyze', 'security', '--no-pager', '--offline=yes', path).stdout
        exposure = float(re.search(r'Overall exposure level for \S+: ([0-9.]+)', said)[1])
        assert exposure < (9 if name == 'ptyhost' else 2), said  # ptyhost is root: the lab's console enters namespaces


@pytest.mark.parametrize('name', UNITS)
def test_each_process_tells_systemd_that_it_is_up(name):
    """From within its sandbox, in which it could not open a socket any more."""
    folder = tmpfs_dir('notify')
    words = {'ofproxy': ['--listen', 'tcp:%d:127.0.0.1' % OF_PORT], 'vnsbridge': ['--listen', 'tcp:%d:127.0.0.1' % VNS_PORT]}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(folder + '/notify')
        os.chmod(folder + '/notify', 0o666)
        systemd.settimeout(30)
        child = Child(name, [BIN + '/' + name, '--run-dir', folder + '/run', *words.get(name, [])], folder + '/log',
                      env=dict(os.environ, NOTIFY_SOCKET=folder + '/notify'))
        try:
            assert systemd.recv(100) == b'READY=1'
        finally:
            assert child.end() == 0, child.text()
            run('rm', '-rf', folder)
