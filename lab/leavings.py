# lab/leavings.py - what a lab has made, kept in a file, and how it is removed again.
#
# One way out for every end: a lab that is told to stop and a lab that was killed are swept the same.
# Nothing is removed by a name alone: a process must carry the lab's mark in its environment, an
# interface must have the MAC that the lab gave it.
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import time

from topology import MARK


def start_time(pid):
    """Clock tick at which the process started, or None: with the PID, a process's identity."""
    try:
        with open('/proc/%d/stat' % pid, encoding='ascii', errors='replace') as f:
            fields = f.read().rpartition(')')[2].split()
    except OSError:
        return None
    return None if fields[0] in 'ZX' else int(fields[19])


def marked(mark):
    """PIDs of the lab's processes: the mark is inherited by all that they start."""
    needle = ('%s=%s' % (MARK, mark)).encode()
    found = []
    for name in os.listdir('/proc'):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open('/proc/%s/environ' % name, 'rb') as f:
                    if needle in f.read().split(b'\0'):
                        found.append(int(name))
            except OSError:
                pass
    return found


def end(pids, patience):
    """Asks, waits until all are gone, and after 'patience' seconds does not ask any more."""
    watched = {}
    for pid in pids:
        try:
            watched[os.pidfd_open(pid)] = pid
        except OSError:
            pass
    poller = select.poll()
    for fd in watched:
        poller.register(fd, select.POLLIN)
        tell(fd, signal.SIGTERM)
        tell(fd, signal.SIGHUP)  # an interactive shell ignores SIGTERM
    deadline = time.monotonic() + patience
    force = False
    while watched:
        left = deadline - time.monotonic()
        for fd, _event in poller.poll(max(0, left) * 1000):
            poller.unregister(fd)
            os.close(fd)
            del watched[fd]
        if watched and time.monotonic() >= deadline:
            if force:
                break  # in an uninterruptible sleep; not ours to mend
            force, deadline = True, time.monotonic() + 5
            for fd in watched:
                tell(fd, signal.SIGKILL)
    for fd in watched:
        os.close(fd)


def tell(fd, sig):
    try:
        signal.pidfd_send_signal(fd, sig)
    except ProcessLookupError:
        pass


def delete_tap(name):
    """OVS makes its taps persistent, so that they outlive it.  One that another process has opened
    in the meantime cannot be opened (EBUSY) and so is left alone."""
    if not os.path.exists('/sys/class/net/' + name):
        return
    try:
        with open('/dev/net/tun', 'r+b', buffering=0) as tun:
            fcntl.ioctl(tun, 0x400454ca, struct.pack('@16sH22x', name.encode(), 0x1002))  # TUNSETIFF, TAP|NO_PI
            fcntl.ioctl(tun, 0x400454cb, 0)  # TUNSETPERSIST
    except OSError:
        pass


class Leavings:
    """The state file <run dir>/lab/state.json; written before each thing is made, not after."""

    def __init__(self, run_dir):
        self.run_dir = run_dir
        self.dir = os.path.join(run_dir, 'lab')
        self.path = os.path.join(self.dir, 'state.json')
        self.lock_fd = None

    def load(self):
        """The state, or None where there is no lab.  A file cut short by a full disk is no lab."""
        try:
            with open(self.path, encoding='utf-8') as f:
                return json.load(f)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def save(self, state):
        aside = '%s.%d' % (self.path, os.getpid())
        with open(aside, 'w', encoding='utf-8') as f:
            json.dump(state, f, indent=1)
            f.write('\n')
        os.rename(aside, self.path)

    def lock(self):
        """One process at a time builds or removes.  False: another is at it."""
        try:
            os.makedirs(self.dir, exist_ok=True)
            self.lock_fd = os.open(os.path.join(self.dir, 'lock'), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self.lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            os.close(self.lock_fd)
            self.lock_fd = None
            return False

    def ready(self):
        """The state of a lab that runs and is whole, or None."""
        state = self.load()
        return state if self.alive(state) and state['ready'] else None

    @staticmethod
    def alive(state):
        """Does the lab's own process still run?"""
        return bool(state) and start_time(state['pid']) == state['start']

    def sweep(self, state):
        for _ in range(5):  # a shell may have forked while it was being ended
            pids = marked(state['mark'])
            if not pids:
                break
            end(pids, 1.0)
        for name, mac in state['interfaces'].items():
            self.delete(name, mac)
        for name in state['taps']:
            delete_tap(name)
        with contextlib.suppress(OSError):
            os.unlink(state.get('socket') or '')  # an ovsdb-server that was killed leaves its own
        shutil.rmtree(self.dir, ignore_errors=True)
        if state.get('made_run_dir'):
            try:
                os.rmdir(self.run_dir)
            except OSError:
                pass  # the stack's files are still in it

    @staticmethod
    def delete(name, mac):
        """'mac': its Ethernet address, or how that begins."""
        try:
            with open('/sys/class/net/%s/address' % name, encoding='ascii') as f:
                if not f.read().startswith(mac):
                    return
        except OSError:
            return
        subprocess.run(['ip', 'link', 'delete', name], stderr=subprocess.DEVNULL, check=False)
