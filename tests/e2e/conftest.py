# tests/e2e/conftest.py - the lab of a test run, what is checked around it, and logs of a failure.
import glob
import os
import re
import shutil
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import pytest  # noqa: E402

import harness  # noqa: E402
from harness import BIN, SLOT, Lab, Stack, WebStack, tmpfs_dir  # noqa: E402
from pki import Pki  # noqa: E402
from sweep import sweep  # noqa: E402

STACKS = []


def pytest_sessionstart(session):
    if session.config.option.collectonly:
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell started us by '&', and so in children
    if os.geteuid() != 0:
        pytest.exit('the end-to-end tests need root, for the lab: sudo make e2e', 2)
    missing = [t for t in ('ovs-vswitchd', 'mnexec', 'ping', 'arping', 'traceroute', 'wget', 'strace')
               if not shutil.which(t)]
    if missing:
        pytest.exit('not installed: %s (.ci/packages lab test)' % ', '.join(missing), 2)
    for name in WebStack.PROCESSES:
        if not os.path.exists(os.path.join(BIN, name)):
            pytest.exit('%s/%s is not built: make programs' % (BIN, name), 2)
    sweep()


def pytest_make_parametrize_id(val):
    """A test has the same name in whichever of several runs it is, each of which has its own ports."""
    return re.sub(r'(?<=:)\d{5}', 'PORT', val) if isinstance(val, str) else None


def traces():
    """What a lab or stack of the tests would leave behind."""
    return set(glob.glob('/sys/class/net/ct%d[a-z]*' % SLOT) + glob.glob('/dev/shm/causeway-test-%d-*' % os.getpid()))


@pytest.fixture(scope='session', autouse=True)
def nothing_left():
    before = traces()
    yield
    assert traces() <= before, 'left behind: %s' % sorted(traces() - before)


@pytest.fixture(scope='session')
def lab(nothing_left):
    """The hosts and the switch; its controller is whatever listens on OF_PORT."""
    made = Lab()
    try:
        yield made.up()
    finally:
        made.close()


@pytest.fixture(scope='module')
def pki(nothing_left):
    folder = tmpfs_dir('pki')
    try:
        yield Pki(folder)
    finally:
        shutil.rmtree(folder)


def stacks_made():
    made = []

    def make(kind=Stack, **options):
        made.append(kind(**options))
        STACKS.append(made[-1])
        return made[-1]
    yield make
    for stack in made:
        stack.close()
        STACKS.remove(stack)


@pytest.fixture(scope='module')
def make_stack():
    """make_stack(router='ring'|'tcp'|'classic', ...): stacks that end with the module; make_stack(WebStack, ...)."""
    yield from stacks_made()


@pytest.fixture()
def make_own_stack():
    """The same for a stack of one test."""
    yield from stacks_made()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for stack in STACKS:
            if stack.children and os.path.isdir(stack.dir):
                report.sections.append(('logs of %s' % stack.run_dir, stack.tails()))


__all__ = ['harness']
